//! An attempt to serve a request at a function, and the data of an arriving request.

use super::instance::Instance;
use super::path::Call;
use super::slab::Key;
use crate::id::LocalSource;
use crate::policy::scaling::RequestTag;
use crate::time::{SimTime, Span};

/// The data of an arriving request.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewRequest {
    /// Its duration.
    pub(super) service: Span,
    /// Its number in its source.
    pub(super) number: u64,
    pub(super) source: LocalSource,
    /// The call that it is part of; none if its path is empty.
    pub(super) call: Key<Call>,
    /// Whether it fails because of a poison message.
    pub(super) is_poison: bool,
}

impl NewRequest {
    /// The duration of a request on a path whose source does not set it: it is that of the function it reaches.
    pub(super) const UNSAID: Span = Span::FOREVER;
}

/// One attempt to serve a request at a function: waiting, or on an instance. It fits in one cache line.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) born: SimTime,
    /// Its duration, unless it times out: drawn on arrival.
    pub(super) service: Span,
    pub(super) number: u64,
    source: LocalSource,
    pub(super) assigned: SimTime,
    /// When it started to run; "never" if it is not running.
    pub(super) started: SimTime,
    pub(super) instance: Key<Instance>,
    /// The next request that waits at the same instance; once it runs, the next and the previous one that run there.
    pub(super) next: Key<Self>,
    pub(super) previous: Key<Self>,
    /// The call that gets its response; none if the path is empty.
    pub(super) call: Key<Call>,
    /// Whether it was in progress at the start of the run, without a source.
    is_initial: bool,
    pub(super) cold: bool,
    /// What the scaling policy remembers about it.
    pub(super) mark: RequestTag,
    /// Whether its run fails.
    pub(super) is_poison: bool,
}

impl Invocation {
    #[inline]
    pub(super) const fn new(born: SimTime, new: NewRequest) -> Self {
        Self {
            born,
            service: new.service,
            number: new.number,
            source: new.source,
            assigned: born,
            started: SimTime::NEVER,
            instance: Key::NIL,
            next: Key::NIL,
            previous: Key::NIL,
            call: new.call,
            is_initial: false,
            cold: false,
            mark: false,
            is_poison: new.is_poison,
        }
    }

    /// Where it comes from; none if it was in progress when the run began.
    #[inline]
    pub(super) const fn source(&self) -> Option<LocalSource> {
        if self.is_initial { None } else { Some(self.source) }
    }

    /// It has ended: pending completions are outdated.
    pub(super) const fn close(&mut self) {
        self.started = SimTime::NEVER;
    }

    /// When it will end if nothing changes, once it runs. Completion events with a different time are outdated.
    #[inline]
    pub(super) fn ends(&self, timeout: Option<Span>) -> SimTime {
        self.started + timeout.map_or(self.service, |timeout| timeout.min(self.service))
    }

    /// A request in progress at the start of the run, with this remaining duration.
    pub(super) const fn found(service: Span, instance: Key<Instance>) -> Self {
        let new = NewRequest { service, number: 0, source: LocalSource(0), call: Key::NIL, is_poison: false };
        Self { is_initial: true, instance, ..Self::new(SimTime::ZERO, new) }
    }
}

const _: () = assert!(size_of::<Invocation>() == 64, "an invocation fills one line of the cache");
