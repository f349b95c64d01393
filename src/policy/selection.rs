//! Selection: which instance with a free slot serves the next request.

/// The choice changes the cold-start ratio of the same workload by a factor of up to 36.
///
/// Instances that are ready come before those that are still starting, except under [`Selection::Newest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The one that fell idle (or took a request) last: what AWS Lambda was measured to do.
    #[default]
    MostRecentlyUsed,
    /// The least recently used instance.
    LeastRecentlyUsed,
    /// The youngest, even if it is still starting: what SimFaaS does.
    Newest,
    /// The oldest instance.
    Oldest,
    /// A random instance, with equal probability.
    Random,
    /// Each in turn, in order of creation.
    RoundRobin,
}

impl Selection {
    /// Whether the rule depends on the last use.
    #[must_use]
    pub const fn is_by_last_use(self) -> bool {
        matches!(self, Self::MostRecentlyUsed | Self::LeastRecentlyUsed)
    }

    /// Whether starting instances are selected as if they were ready.
    #[must_use]
    pub const fn includes_starting(self) -> bool {
        matches!(self, Self::Newest)
    }
}
