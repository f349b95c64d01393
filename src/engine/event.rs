//! Events and their order.
//!
//! An event is one integer: its time, then its rank, then whom it concerns. So the order of events is the order of
//! integers: total, without a sequence counter, and the same for a function whether it is simulated alone or together
//! with others.

use super::path::{Alarm, Node};
use super::slab::Key;
use crate::id::{LocalFn, LocalSource};
use crate::time::SimTime;

/// What happens at equal times, first to last. Capacity freed at t serves an arrival at t; a request that ends at t is not
/// cut off at t; a request whose patience ends at t is served if capacity is freed at t; an instance loaded in advance at t
/// is there for an arrival at t; an idle instance whose window ends at t still serves an arrival at t.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A request may have computed all that it has to: what it does then, at this moment, is not cut off.
    Processor = 0,
    /// A request's execution ends.
    Completion = 1,
    /// The grace period of an instance that was withdrawn ends.
    Termination = 2,
    /// An instance has started.
    Ready = 3,
    /// A token for a new instance is there.
    Token = 4,
    /// A scaling policy wants to be asked.
    Scaling = 5,
    /// An application that was unloaded is loaded again.
    PreWarm = 6,
    /// A fault begins or ends.
    Fault = 7,
    /// A step of a request is over.
    Step = 8,
    /// A component of the path wanted to be woken: an answer at this moment came before.
    Alarm = 9,
    /// The patience of a component ends: whatever it waited for came before.
    Deadline = 10,
    /// A source's next request.
    Arrival = 11,
    /// The request that waits longest gives up.
    QueueTimeout = 12,
    /// The window of an idle instance may have ended.
    Expiry = 13,
    /// The run is broken off.
    End = 14,
}

const KINDS: [Kind; 15] = [
    Kind::Processor,
    Kind::Completion,
    Kind::Termination,
    Kind::Ready,
    Kind::Token,
    Kind::Scaling,
    Kind::PreWarm,
    Kind::Fault,
    Kind::Step,
    Kind::Alarm,
    Kind::Deadline,
    Kind::Arrival,
    Kind::QueueTimeout,
    Kind::Expiry,
    Kind::End,
];
const OWNER_BITS: u32 = 28;

/// The most functions and sources a cell may have: what an event has room for.
pub(super) const OWNERS_MAX: usize = 1 << OWNER_BITS;

/// An event at its time. Ordered by time, kind, owner, item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event(u128);

impl Event {
    /// After everything.
    pub(super) const NEVER: Self = Self(u128::MAX);

    /// Something happens to an item of a function: to a request or an instance.
    #[inline]
    pub(super) fn of_item<T>(at: SimTime, kind: Kind, function: LocalFn, item: Key<T>) -> Self {
        Self::new(at, kind, function.0, item.get())
    }

    /// Something happens to a function.
    #[inline]
    pub(super) fn of_function(at: SimTime, kind: Kind, function: LocalFn) -> Self {
        Self::new(at, kind, function.0, 0)
    }

    /// A component of the path is woken.
    #[inline]
    pub(super) fn of_node(at: SimTime, kind: Kind, node: Node, alarm: Key<Alarm>) -> Self {
        Self::new(at, kind, node.0, alarm.get())
    }

    /// The component that is woken.
    #[inline]
    pub(super) fn node(self) -> Node {
        Node(self.owner())
    }

    /// Everything before this moment, and what belongs to it.
    pub(super) fn end(at: SimTime) -> Self {
        Self::new(at, Kind::End, 0, 0)
    }

    /// The next request of a source.
    #[inline]
    pub(super) fn arrival(at: SimTime, source: LocalSource) -> Self {
        Self::new(at, Kind::Arrival, source.0, 0)
    }

    /// `owner`: a function, or the source of an arrival; `item`: what of it.
    #[inline]
    pub(super) fn new(at: SimTime, kind: Kind, owner: u32, item: u32) -> Self {
        let low = (kind as u64) << (OWNER_BITS + 32) | u64::from(owner) << 32 | u64::from(item);
        Self(u128::from(at.as_nanos()) << 64 | u128::from(low))
    }

    #[inline]
    pub(super) fn at(self) -> SimTime {
        SimTime::from_nanos((self.0 >> 64) as u64)
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        KINDS.get((self.0 as u64 >> (OWNER_BITS + 32)) as usize).copied().unwrap_or(Kind::End)
    }

    /// The function that it concerns, unless it is an arrival.
    #[inline]
    pub(super) fn function(self) -> LocalFn {
        LocalFn(self.owner())
    }

    /// The source of an arrival.
    #[inline]
    pub(super) fn source(self) -> LocalSource {
        LocalSource(self.owner())
    }

    /// The item that it concerns; its kind says what kind of item that is.
    #[inline]
    pub(super) fn key<T>(self) -> Key<T> {
        Key::new(self.item())
    }

    #[inline]
    fn owner(self) -> u32 {
        (self.0 as u64 >> 32) as u32 & (OWNERS_MAX as u32 - 1)
    }

    #[inline]
    pub(super) fn item(self) -> u32 {
        self.0 as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn at_one_moment_kinds_come_in_their_rank() {
        let at = SimTime::from_nanos(7);
        for pair in KINDS.windows(2) {
            let (earlier, later) = (Event::new(at, pair[0], u32::MAX >> 4, u32::MAX), Event::new(at, pair[1], 0, 0));
            assert!(earlier < later, "{pair:?}");
        }
    }

    #[test]
    fn time_goes_before_rank() {
        let late = Event::new(SimTime::from_nanos(8), Kind::Completion, 0, 0);
        let early = Event::new(SimTime::from_nanos(7), Kind::QueueTimeout, 9, 9);
        assert!(early < late);
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out(at: u64, kind in 0..KINDS.len(), owner in 0..OWNERS_MAX as u32, item: u32) {
            let event = Event::new(SimTime::from_nanos(at), KINDS[kind], owner, item);
            prop_assert_eq!(event.at(), SimTime::from_nanos(at));
            prop_assert_eq!(event.kind(), KINDS[kind]);
            prop_assert_eq!(event.owner(), owner);
            prop_assert_eq!(event.item(), item);
            prop_assert!(event < Event::NEVER);
        }
    }
}
