//! Events and their order.
//!
//! An event is one integer: its time, then its rank, then its owner and item. So the order of events is the order of
//! integers: total, without a sequence counter, and the same for a function whether it is simulated alone or together
//! with others.

use super::path::{Alarm, Node};
use super::slab::Key;
use crate::id::{LocalFn, LocalSource};
use crate::time::SimTime;

/// The order of simultaneous events, first to last. Capacity freed at t serves an arrival at t; a request that ends at
/// t does not time out at t; a queued request that would time out at t is served if capacity is freed at t; an instance
/// loaded in advance at t serves an arrival at t; an idle instance whose window ends at t still serves an arrival at t.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A request may have computed all that it has to: what it does then, at this moment, is not cut off.
    Processor = 0,
    /// An invocation ends.
    Completion = 1,
    /// The grace period of an instance that was withdrawn ends.
    Termination = 2,
    /// An instance has started.
    Ready = 3,
    /// A token for a new instance is available.
    Token = 4,
    /// A scaling policy is due to decide.
    Scaling = 5,
    /// An application that was unloaded is loaded again.
    PreWarm = 6,
    /// Machines want to be woken: what becomes ready there at this moment is there for an arrival.
    Cluster = 7,
    /// A fault begins or ends.
    Fault = 8,
    /// A step of a request is over.
    Step = 9,
    /// A component of the path is woken, after any response at the same moment.
    Alarm = 10,
    /// A timeout of a component expires, after anything it waited for at the same moment.
    Deadline = 11,
    /// A source's next request.
    Arrival = 12,
    /// The first request of the queue may time out.
    QueueTimeout = 13,
    /// The window of an idle instance may have ended.
    Expiry = 14,
    /// The run is stopped.
    End = 15,
}

const KINDS: [Kind; 16] = [
    Kind::Processor,
    Kind::Completion,
    Kind::Termination,
    Kind::Ready,
    Kind::Token,
    Kind::Scaling,
    Kind::PreWarm,
    Kind::Cluster,
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

/// Maximum number of functions and sources of a cell, as limited by the bits of an event.
pub(super) const OWNERS_MAX: usize = 1 << OWNER_BITS;

/// An event at its time. Ordered by time, kind, owner, item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event(u128);

impl Event {
    /// After everything.
    pub(super) const NEVER: Self = Self(u128::MAX);

    /// An event about an item of a function: a request or an instance.
    #[inline]
    pub(super) fn of_item<T>(at: SimTime, kind: Kind, function: LocalFn, item: Key<T>) -> Self {
        Self::new(at, kind, function.0, item.get())
    }

    /// An event about a function.
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

    /// All events before this moment, with their data.
    pub(super) fn end(at: SimTime) -> Self {
        Self::new(at, Kind::End, 0, 0)
    }

    /// The machines of the cell are woken.
    pub(super) fn of_cluster(at: SimTime) -> Self {
        Self::new(at, Kind::Cluster, 0, 0)
    }

    /// The next request of a source, which arrives at this node.
    #[inline]
    pub(super) fn arrival(at: SimTime, source: LocalSource, first: Node) -> Self {
        Self::new(at, Kind::Arrival, source.0, first.0)
    }

    /// `owner`: a function, or the source of an arrival; `item`: an item of it.
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

    /// Where the request of an arrival goes first, if that is a function.
    #[inline]
    pub(super) fn first_function(self) -> LocalFn {
        LocalFn(self.item())
    }

    /// The item that it concerns, of a type determined by the kind of the event.
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
