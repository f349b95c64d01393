//! A request on its way, and what it is born with.

use super::instance::NOBODY;
use crate::policy::scaling::Mark;
use crate::time::{SimTime, Span};

/// What a request is born with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    /// How long it will run.
    pub(super) service: Span,
    /// Its number in its source.
    pub(super) number: u64,
    pub(super) source: u32,
}

/// A request on its way: waiting, or on an instance.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) born: SimTime,
    /// How long it will run: drawn at birth.
    pub(super) service: Span,
    pub(super) number: u64,
    pub(super) source: u32,
    pub(super) assigned: SimTime,
    pub(super) started: SimTime,
    pub(super) instance: u32,
    /// The next request that waits for the same instance to start.
    pub(super) next: u32,
    pub(super) cold: bool,
    /// What the scaling policy remembers about it.
    pub(super) mark: Mark,
}

impl Request {
    #[inline]
    pub(super) const fn new(born: SimTime, birth: Birth) -> Self {
        Self {
            born,
            service: birth.service,
            number: birth.number,
            source: birth.source,
            assigned: born,
            started: born,
            instance: NOBODY,
            next: NOBODY,
            cold: false,
            mark: false,
        }
    }
}
