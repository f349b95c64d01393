//! What goes wrong, and when.

use super::Destination;
use crate::dist::Dist;
use crate::id::GroupId;
use crate::path::bucket::BucketSpec;
use crate::time::Span;

/// Something that is made to go wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Unique name.
    pub name: String,
    /// What it strikes, as it was written: "checkout", "zone.eu.1".
    pub target: String,
    /// Where.
    pub targets: Vec<Destination>,
    /// The groups whose nodes it strikes, in place of functions and components.
    pub node_groups: Vec<GroupId>,
    /// When.
    pub timing: Timing,
    /// What.
    pub kind: FaultKind,
}

/// When something goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// Once, at this time of the run, for so long.
    Once {
        /// From then on.
        at: Span,
        /// For so long.
        lasts: Span,
    },
    /// Again and again.
    AtRandom {
        /// The time from the end of one to the beginning of the next.
        every: Dist,
        /// How long it lasts.
        lasts: Dist,
    },
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Work is done at this speed, 1 being full.
    SlowDown(f64),
    /// This part of the runs or calls fails.
    Errors(f64),
    /// Each takes so much longer.
    Delay(Dist),
    /// Nothing succeeds.
    Outage,
    /// The zone with this number, from 0, of so many is lost, with the instances of functions that are there.
    ZoneOutage(u32, u32),
    /// Instances take so many times as long to start.
    ColdStart(f64),
    /// All instances are replaced.
    Deploy,
    /// Each instance, or each node, crashes so many times a second, at random moments.
    Crash(f64),
    /// What comes faster is refused.
    Throttle(BucketSpec),
    /// This part of the messages or records that are sent is poison.
    Poison(f64),
    /// What a cache holds is lost.
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

    /// Whether it is about the instances of functions.
    const fn is_of_instances(&self) -> bool {
        matches!(self, Self::ColdStart(_) | Self::Deploy | Self::Crash(_) | Self::ZoneOutage(..))
    }

    /// Whether it is over as soon as it has happened.
    #[must_use]
    pub const fn is_over_at_once(&self) -> bool {
        matches!(self, Self::Deploy | Self::Flush)
    }

    /// Whether it does anything to a function or to components of this group.
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
