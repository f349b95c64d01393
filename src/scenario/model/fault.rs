//! Injected faults: what happens, and when.

use super::Destination;
use crate::dist::Dist;
use crate::id::GroupId;
use crate::path::bucket::BucketSpec;
use crate::time::Span;

/// An injected fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Unique name.
    pub name: String,
    /// The target as written: "checkout", "zone.eu.1".
    pub target: String,
    /// The target.
    pub targets: Vec<Destination>,
    /// The node groups that it affects, instead of functions and components.
    pub node_groups: Vec<GroupId>,
    /// When it happens.
    pub timing: Timing,
    /// Its effect.
    pub kind: FaultKind,
}

/// When a fault happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// Once, at this time of the run.
    Once {
        /// Start time.
        at: Span,
        /// Duration.
        lasts: Span,
    },
    /// Repeatedly, at random times.
    AtRandom {
        /// Time from the end of one to the start of the next.
        every: Dist,
        /// How long it lasts.
        lasts: Dist,
    },
}

/// The effect of a fault.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Work runs at this speed; 1: full speed.
    SlowDown(f64),
    /// This share of the runs or calls fails.
    Errors(f64),
    /// Each run or call takes this much longer.
    Delay(Dist),
    /// Nothing succeeds.
    Outage,
    /// The outage of one of several zones: its number, from 0, and how many there are. Its instances are lost.
    ZoneOutage(u32, u32),
    /// Instance starts take this many times as long.
    ColdStart(f64),
    /// All instances are replaced.
    Deploy,
    /// Each instance, or each node, crashes at this rate per second, at random times.
    Crash(f64),
    /// Calls above this rate are throttled.
    Throttle(BucketSpec),
    /// This share of the messages or records sent is poison.
    Poison(f64),
    /// The contents of caches are lost.
    Flush,
}

impl FaultKind {
    /// Its key in a file.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SlowDown(_) => "slow-down",
            Self::Errors(_) => "errors",
            Self::Delay(_) => "delay",
            Self::Outage | Self::ZoneOutage(..) => "outage",
            Self::ColdStart(_) => "cold-start",
            Self::Deploy => "deploy",
            Self::Crash(_) => "crash",
            Self::Throttle(_) => "throttle",
            Self::Poison(_) => "poison",
            Self::Flush => "flush",
        }
    }

    /// Whether it affects the instances of functions.
    const fn is_of_instances(&self) -> bool {
        matches!(self, Self::ColdStart(_) | Self::Deploy | Self::Crash(_) | Self::ZoneOutage(..))
    }

    /// Whether it is instantaneous.
    #[must_use]
    pub const fn is_over_at_once(&self) -> bool {
        matches!(self, Self::Deploy | Self::Flush)
    }

    /// Whether it has any effect on a function or on components of this group.
    #[must_use]
    pub fn befalls(&self, group: &str) -> bool {
        match group {
            "functions" => !matches!(self, Self::Poison(_) | Self::Flush),
            "gateways" => !self.is_of_instances() && !matches!(self, Self::SlowDown(_) | Self::Poison(_)),
            "dependencies" => !self.is_of_instances() && !matches!(self, Self::Poison(_)),
            "links" => matches!(self, Self::SlowDown(_) | Self::Errors(_) | Self::Delay(_) | Self::Outage),
            "queues" | "streams" => matches!(self, Self::Errors(_) | Self::Delay(_) | Self::Outage | Self::Poison(_)),
            "topics" | "workflows" | "asynchronous" => {
                matches!(self, Self::Errors(_) | Self::Delay(_) | Self::Outage)
            }
            _ => false,
        }
    }
}
