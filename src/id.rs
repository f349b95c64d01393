//! Small typed numbers for the things a simulation has many of.

/// A function of the scenario, by its place in [`Scenario::functions`](crate::scenario::Scenario::functions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FnId(pub u32);

/// A source of requests, by its place in [`Scenario::sources`](crate::scenario::Scenario::sources).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// An instance of one function, numbered in the order of creation from 0: no number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u64);

impl FnId {
    /// The place in a list of functions.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl SourceId {
    /// The place in a list of sources.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
