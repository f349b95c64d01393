//! Small typed numbers for the things a simulation has many of.

/// A function of the scenario, by its place in [`Scenario::functions`](crate::scenario::Scenario::functions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FnId(pub u32);

/// A source of requests, by its place in [`Scenario::sources`](crate::scenario::Scenario::sources).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A function of the simulated cell, by its place in [`Cell::functions`](crate::engine::Cell::functions). It is that of
/// the scenario only where all functions are simulated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalFn(pub u32);

/// A source of the simulated cell, by its place in [`Cell::sources`](crate::engine::Cell::sources).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalSource(pub u32);

/// A component of the path of requests, by its place in [`Scenario::components`](crate::scenario::Scenario::components).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId(pub u32);

/// A platform of functions: that of the scenario, or of a site that has one of its own. See
/// [`Scenario::platform_of`](crate::scenario::Scenario::platform_of).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformId(pub u32);

/// A kind of stem cells, by its place in [`Platform::stem_cells`](crate::scenario::Platform::stem_cells).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u32);

/// A node group, by its place in [`Scenario::node_groups`](crate::scenario::Scenario::node_groups).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

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

impl LocalFn {
    /// The place in a list of functions of a cell.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl LocalSource {
    /// The place in a list of sources of a cell.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ComponentId {
    /// The place in a list of components.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl GroupId {
    /// The place in a list of node groups.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl PoolId {
    /// The place in a list of kinds of stem cells.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
