//! A request on its way, and what it is born with.

use super::instance::Instance;
use super::slab::Key;
use crate::id::LocalSource;
use crate::policy::scaling::Mark;
use crate::time::{SimTime, Span};

/// What a request is born with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    /// How long it will run.
    pub(super) service: Span,
    /// Its number in its source.
    pub(super) number: u64,
    pub(super) source: LocalSource,
}

/// A request on its way: waiting, or on an instance.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) born: SimTime,
    /// How long it will run: drawn at birth.
    pub(super) service: Span,
    pub(super) number: u64,
    /// None if it was in progress when the run began.
    pub(super) source: Option<LocalSource>,
    pub(super) assigned: SimTime,
    pub(super) started: SimTime,
    pub(super) instance: Key<Instance>,
    /// The next request that waits at the same instance; once it runs, the next and the previous one that run there.
    pub(super) next: Key<Self>,
    pub(super) previous: Key<Self>,
    pub(super) cold: bool,
    pub(super) cold_affected: bool,
    /// What the scaling policy remembers about it.
    pub(super) mark: Mark,
    /// Whether it was cut off: it has ended, and the end of its execution means nothing.
    pub(super) is_cut_off: bool,
}

impl Request {
    #[inline]
    pub(super) const fn new(born: SimTime, birth: Birth) -> Self {
        Self {
            born,
            service: birth.service,
            number: birth.number,
            source: Some(birth.source),
            assigned: born,
            started: born,
            instance: Key::NIL,
            next: Key::NIL,
            previous: Key::NIL,
            cold: false,
            cold_affected: false,
            mark: false,
            is_cut_off: false,
        }
    }

    /// A request that was in progress when the run began, and runs for so long from then on.
    pub(super) const fn found(service: Span, instance: Key<Instance>) -> Self {
        let birth = Birth { service, number: 0, source: LocalSource(0) };
        Self { source: None, instance, ..Self::new(SimTime::ZERO, birth) }
    }
}
