//! Selection: which instance with a free slot serves the next request.

/// The named rules. The choice moves the cold-start ratio of one and the same workload up to 36 times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The one that fell idle (or took a request) last: what AWS Lambda was measured to do.
    #[default]
    MostRecentlyUsed,
    /// The one that was used longest ago.
    LeastRecentlyUsed,
    /// The youngest, even if it is still starting.
    Newest,
    /// The one created first.
    Oldest,
    /// Any, with equal probability.
    Random,
    /// Each in turn, in order of creation.
    RoundRobin,
}
