//! The simulation: events, instances, limits.
//!
//! [`simulate`] runs one cell, a set of functions that share something (or a single function), and reports to an
//! [`Observer`]. It keeps no statistics, uses no threads and reads no clock. The life of a request, with the method
//! that handles each step, is in `function.rs`; the order of events in `event.rs`.

mod apps;
#[cfg(debug_assertions)]
mod audit;
mod available;
mod batch;
mod cluster;
mod event;
mod fast;
mod faults;
mod function;
mod general;
mod instance;
mod invocation;
mod kernel;
mod limits;
mod memory;
mod observer;
mod path;
mod processor;
mod queue;
mod resources;
mod slab;
mod source;
mod stem_cells;

use std::ops::ControlFlow;

pub use crate::path::Outcome;
pub use observer::{CallEnd, CallMade, Finished, Generated, Levels, Limit, Observer, RequestEnd, ScalingDecision};

use crate::id::{FnId, LocalFn, PlatformId, SourceId};
use crate::rng::Streams;
use crate::scenario::Scenario;
use crate::time::{SimTime, Span};
use crate::workload::TraceError;
use fast::FastCell;
use general::GeneralCell;

/// Called periodically with the simulated time and the arrivals since the last call; decides whether to continue.
pub type Pulse<'a> = &'a mut dyn FnMut(SimTime, u64) -> ControlFlow<Halt>;

/// Why a simulation is stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Nobody wants its result.
    Cancelled,
    /// It needs more memory than there is.
    OutOfMemory,
}

/// A set of functions that are simulated together, with the sources that call them. Two cells share nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The functions, in the order of the scenario.
    pub functions: Vec<FnId>,
    /// The sources, in the order of the scenario.
    pub sources: Vec<SourceId>,
    /// Account concurrency for functions without reserved concurrency: [`Scenario::unreserved_concurrency`].
    pub unreserved: u32,
    /// Rate limit on request starts on it; none if it can never be reached:
    /// [`Scenario::unreserved_request_rate_that_may_bind`].
    pub unreserved_rate: Option<u64>,
}

impl Cell {
    /// All functions and sources of a scenario together.
    #[must_use]
    pub fn whole(scenario: &Scenario) -> Self {
        Self {
            functions: (0..scenario.functions.len() as u32).map(FnId).collect(),
            sources: (0..scenario.sources.len() as u32).map(SourceId).collect(),
            unreserved: scenario.unreserved_concurrency(PlatformId::default()),
            unreserved_rate: scenario.unreserved_request_rate_that_may_bind(PlatformId::default()),
        }
    }

    /// Whether the rate limit may be reached, on reserved or unreserved concurrency.
    fn may_exceed_rates(&self, scenario: &Scenario) -> bool {
        let sources = || self.sources.iter().map(|id| &scenario.sources[id.index()]);
        self.unreserved_rate.is_some()
            || self
                .functions
                .iter()
                .any(|id| scenario.may_exceed_reserved_rate(&scenario.functions[id.index()], *id, sources()))
    }

    /// The index in the cell of one of its functions.
    fn local(&self, function: FnId) -> LocalFn {
        let place = self.functions.binary_search(&function).expect("a source calls functions of its cell");
        LocalFn(place as u32)
    }
}

/// Declares the kinds of events once.
macro_rules! events {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal,)+) => {
        /// Number of events of each kind; N_event is their sum.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct EventCounts {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl EventCounts {
            /// Kind and number, in a fixed order.
            #[must_use]
            pub const fn by_kind(&self) -> [(&'static str, u64); [$($name),+].len()] {
                [$(($name, self.$field)),+]
            }
        }

        impl std::ops::AddAssign for EventCounts {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)+
            }
        }
    };
}

events! {
    /// Requests that arrived.
    arrivals = "arrival",
    /// Invocations that ended.
    completions = "completion",
    /// Instances that became ready after starting.
    instances_ready = "instance-ready",
    /// Idle instances whose window ended before the horizon.
    expirations = "expiration",
    /// Scaling tokens that a queue waited for.
    scaling_tokens = "scaling-token",
    /// Checks of a queue for timeouts.
    queue_timeouts = "queue-timeout",
    /// Decisions of scaling policies.
    scaling_decisions = "scaling-decision",
    /// Applications that were reloaded in advance.
    pre_warms = "pre-warm",
    /// Timers of path components.
    alarms = "alarm",
    /// Steps with a duration that ended.
    steps = "step",
    /// Starts and ends of faults.
    faults = "fault",
    /// Looks at who is through of those that share processors or are served in one batch.
    processor_looks = "processor",
    /// Times at which something happened to machines: nodes that were ready or went, images that were there, autoscalers that
    /// were asked.
    machines = "machine",
}

/// Why a simulation ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SimError {
    /// It was interrupted.
    #[error("interrupted")]
    Cancelled,
    /// What waits or runs needs more memory than there is.
    #[error(
        "out of memory at {at}: `{what}` holds {held} requests or messages that have not ended\n\
             help: more arrives than is served: limit the queue, raise the capacity, lower the rate or shorten the horizon"
    )]
    Outgrown {
        /// What holds most.
        what: String,
        /// How many.
        held: u64,
        /// When, since the start of the run.
        at: Span,
    },
    /// A trace could not be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// More functions or sources than an event can encode.
    #[error("a simulation holds at most {} functions and as many sources", event::OWNERS_MAX)]
    TooMany,
    /// A scaling policy returned an invalid decision.
    #[error("the scaling policy `{policy}` of function `{function}` {fault}, at {at}")]
    Policy {
        /// The policy's name.
        policy: String,
        /// The function's name.
        function: String,
        /// What it did.
        fault: String,
        /// When, since the start of the run.
        at: Span,
    },
}

/// Simulates a cell to the horizon and on until every request has ended.
///
/// # Errors
/// If `pulse` breaks, if a trace is malformed, or if a policy returns an invalid decision.
pub fn simulate<O: Observer>(
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    #[cfg(debug_assertions)]
    {
        let mut audit = audit::Audit::new(scenario, cell);
        let counts = simulate_unaudited(scenario, cell, streams, (observer, &mut audit), pulse)?;
        audit.finish(&counts);
        Ok(counts)
    }
    #[cfg(not(debug_assertions))]
    simulate_unaudited(scenario, cell, streams, observer, pulse)
}

/// [`simulate`], without the checks of debug builds.
fn simulate_unaudited<O: Observer>(
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    if (cell.functions.len() == 1 || !observer.needs_order())
        && let Some(directs) = direct(scenario, cell)
    {
        return match directs.alone() {
            Ok(direct) => kernel::run(direct, None, scenario, cell, streams, observer, pulse),
            Err(directs) => kernel::run(directs, None, scenario, cell, streams, observer, pulse),
        };
    }
    simulate_general(scenario, cell, streams, observer, pulse)
}

/// The cell as the fast engine simulates it; none where something is asked for that it does not know. It follows every request to
/// its end.
fn direct<'s>(scenario: &'s Scenario, cell: &Cell) -> Option<FastCell<'s>> {
    if scenario.has_path_to(&cell.functions)
        || !scenario.node_groups.is_empty()
        || !scenario.faults.is_empty()
        || scenario.drain().is_some()
        || cell.may_exceed_rates(scenario)
    {
        return None;
    }
    let specs = cell.functions.iter().map(|id| &scenario.functions[id.index()]);
    let sources = cell.sources.iter().map(|id| &scenario.sources[id.index()]);
    FastCell::new(specs, sources, &scenario.platform)
}

/// [`simulate`], always with the general engine.
fn simulate_general<O: Observer>(
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    let (model, resources) = GeneralCell::new(scenario, cell, streams);
    kernel::run(model, resources, scenario, cell, streams, observer, pulse)
}

#[cfg(test)]
mod tests;
