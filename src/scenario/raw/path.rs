//! The path of requests: what a function does step by step, and what is made to go wrong.

use crate::dist::DistSpec;
use crate::path::client::ClientParameters;
use crate::schema::declare::*;
use crate::schema::limits::MAX_STATES;
use crate::schema::scalars::{Duration, Flag, Name, Positive, PositiveDuration, Ratio, Text};

table! {
    /// What a request does next, its instance held meanwhile: exactly one of `run`, `wait`, `call` and `parallel`.
    struct StepTable {
        /// Unique name among the steps of the function; without it: step-1, step-2 ...
        required name: Name,
        /// It computes for so long.
        optional run: DistSpec,
        /// It waits for so long.
        optional wait: DistSpec,
        /// It calls this function or component, and waits for the answer.
        optional call: Text,
        /// How it calls, with `call`: patience, retries, circuit breaker; without it: once, for as long as it takes.
        optional client: Box<ClientParameters>,
        /// It calls all of these at once, and waits for the slowest.
        optional parallel: List<CallTable, 1, MAX_STATES>,
    }
}

table! {
    /// A call beside others.
    struct CallTable {
        /// The function or component that is called.
        required call: Text,
        /// How it calls.
        optional client: Box<ClientParameters>,
    }
}

table! {
    /// Something that is made to go wrong: exactly one of the kinds, `at` a time or at random.
    struct FaultTable {
        /// Unique name.
        required name: Name,
        /// Where it happens: a function or a component, by its name; a link, as in "link.wan"; all functions and components of a
        /// site, as in "site.eu"; "platform": all functions.
        required target: Text,
        /// When it begins.
        optional at: Duration,
        /// How long it lasts, with `at`.
        optional r#for: PositiveDuration,
        /// At random, in place of `at`: the time from the end of one to the beginning of the next.
        optional every: DistSpec,
        /// At random: how long it lasts.
        optional lasts: DistSpec,
        /// Work is done more slowly, running work too.
        optional slow_down: SlowDownTable,
        /// A part of the runs or calls fails.
        optional errors: ErrorsTable,
        /// Every run or call takes so much longer.
        optional delay: DistSpec,
        /// Nothing succeeds.
        optional outage: Flag,
        /// Instances take longer to start.
        optional cold_start: SlowStartTable,
        /// All instances are replaced: idle ones go at once, busy ones when they are free.
        optional deploy: Flag,
    }
}

table! {
    /// Work is done more slowly.
    struct SlowDownTable {
        /// The speed that is left, as "20%".
        required speed: Ratio,
    }
}

table! {
    /// A part of the runs or calls fails.
    struct ErrorsTable {
        /// Which part, as "30%".
        required failure_ratio: Ratio,
    }
}

table! {
    /// Instances take longer to start.
    struct SlowStartTable {
        /// So many times as long.
        required factor: Positive,
    }
}
