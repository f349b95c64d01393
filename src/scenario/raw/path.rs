//! The path of requests: what a function does step by step, and injected faults.

use crate::dist::DistSpec;
use crate::path::bucket::BucketSpec;
use crate::path::client::ClientParameters;
use crate::schema::declare::*;
use crate::schema::limits::MAX_STATES;
use crate::schema::scalars::{Duration, Flag, Name, Positive, PositiveDuration, Rate, Ratio, Text};

table! {
    /// A step of a request, which keeps its instance busy: exactly one of `run`, `wait`, `call` and `parallel`.
    struct StepTable {
        /// Unique name among the steps of the function. Default: step-1, step-2 ...
        required name: Name,
        /// Compute for this long.
        optional run: DistSpec,
        /// Wait for this long.
        optional wait: DistSpec,
        /// Call this function or component and wait for the response.
        optional call: Text,
        /// With `call`, how to call: timeout, retries, circuit breaker. Default: a single attempt without timeout.
        optional client: Box<ClientParameters>,
        /// Call all of these at once and wait for the slowest.
        optional parallel: List<CallTable, 1, MAX_STATES>,
    }
}

table! {
    /// One of several parallel calls.
    struct CallTable {
        /// The function or component to call.
        required call: Text,
        /// How to call it.
        optional client: Box<ClientParameters>,
    }
}

table! {
    /// An injected fault: exactly one of the kinds, `at` a given time or at random times.
    struct FaultTable {
        /// Unique name.
        required name: Name,
        /// What it affects: a function or a component, by name; a link, as in "link.wan"; all functions and components
        /// of a site, as in "site.eu"; one of its zones, as in "zone.eu.1", with `outage`; "platform": all functions; nodes, as
        /// in "node-group.general" or "zone.a", with `crash` or `outage`.
        required target: Text,
        /// Start time.
        optional at: Duration,
        /// Duration, with `at`.
        optional r#for: PositiveDuration,
        /// At random times, instead of `at`: time from the end of one fault to the start of the next.
        optional every: DistSpec,
        /// At random times: duration of each fault.
        optional lasts: DistSpec,
        /// Slower processing, including work already in progress.
        optional slow_down: SlowDownTable,
        /// A share of invocations or calls fails.
        optional errors: ErrorsTable,
        /// Additional time of each invocation or call.
        optional delay: DistSpec,
        /// Nothing succeeds; of nodes: all of them fail, and none becomes ready while it lasts.
        optional outage: Flag,
        /// Slower instance starts.
        optional cold_start: SlowStartTable,
        /// All instances are replaced: idle ones at once, busy ones when they are free.
        optional deploy: Flag,
        /// Instances crash: their invocations fail, and the platform starts others on demand. Provisioned instances are
        /// replaced at once. Not for functions whose instances are ordered by a scaling policy.
        optional crash: CrashTable,
        /// Calls beyond a token bucket, which is full when the fault starts, are throttled.
        optional throttle: BucketSpec,
        /// A share of the messages or records sent during the fault is poison: their processing always fails.
        optional poison: PoisonTable,
        /// Caches lose their contents: those of gateways, and of dependencies with `warms-up`.
        optional flush: Flag,
    }
}

table! {
    /// Instances or nodes crash at random moments.
    struct CrashTable {
        /// Crash rate of each instance, or of each node, as "1/h".
        required rate: Rate,
    }
}

table! {
    /// A share of what is sent is poison.
    struct PoisonTable {
        /// The share, such as "5%".
        required ratio: Ratio,
    }
}

table! {
    /// Work is done more slowly.
    struct SlowDownTable {
        /// Remaining speed, such as "20%".
        required speed: Ratio,
    }
}

table! {
    /// A share of invocations or calls fails.
    struct ErrorsTable {
        /// Share that fails, such as "30%".
        required failure_ratio: Ratio,
    }
}

table! {
    /// Slower instance starts.
    struct SlowStartTable {
        /// Factor by which starts take longer.
        required factor: Positive,
    }
}
