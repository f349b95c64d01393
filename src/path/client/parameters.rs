//! What the scenario file says about a client.

use super::super::{Abandon, Outcome};
use super::backoff::BackoffSpec;
use super::{BreakerSpec, BudgetSpec, RateLimitSpec};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, PositiveDuration};

/// Maximum number of attempts of a request and of copies of an attempt.
const MAX_ATTEMPTS: u32 = 1_000;

parameters! {
    /// Who calls: how long it waits, and what it does when that fails.
    pub struct ClientParameters {
        /// Timeout of each attempt. Default: none.
        optional timeout: PositiveDuration,
        /// Timeout of all attempts together.
        optional deadline: PositiveDuration,
        /// What happens to an attempt that has timed out.
        default on_timeout: Abandon = Abandon::GoesOn,
        /// Retries.
        optional retry: RetryParameters,
        /// Hedging: sending copies of slow attempts.
        optional hedge: HedgeParameters,
        /// Client-side rate limit that reacts to throttling.
        optional rate_limit: RateLimitSpec,
        /// Limit on simultaneous attempts.
        optional bulkhead: BulkheadParameters,
        /// Circuit breaker.
        optional breaker: BreakerSpec,
        /// Scope of the circuit breaker: a library in a function has one for each instance.
        default breaker_per: Per = Per::Source,
    }
}

parameters! {
    /// When and how often to retry.
    pub struct RetryParameters {
        /// Attempts per request, including the first.
        default max_attempts: Count<1, MAX_ATTEMPTS> = 3,
        /// Which outcomes to retry. Rejections by a breaker or bulkhead count as errors.
        default on: List<Cause, 1, 3> = vec![Cause::Timeout, Cause::Throttled, Cause::Error],
        /// Delay before a retry; "none": no delay.
        default backoff: OrNone<BackoffSpec> = None,
        /// Limit on the retries of all requests together.
        optional budget: BudgetSpec,
        /// Scope of the budget.
        default per: Per = Per::Source,
    }
}

parameters! {
    /// Copies of slow attempts; the first success counts.
    pub struct HedgeParameters {
        /// Delay without a response after which a copy is sent; a copy is sent at once when an attempt fails. 0s: all
        /// copies at once.
        required after: Duration,
        /// Number of copies in addition to the first attempt.
        default max: Count<1, MAX_ATTEMPTS> = 1,
    }
}

parameters! {
    /// Maximum number of simultaneous attempts; more are rejected.
    pub struct BulkheadParameters {
        /// The limit; resilience4j's default.
        default max_concurrent: Count<1, 1_000_000> = 25,
    }
}

choice! {
    /// Why an attempt failed, as seen by the retry logic.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Cause {
        "timeout" => Timeout, "No response in time.";
        "throttled" => Throttled, "Throttled, or not served because of a full or slow queue.";
        "error" => Error, "Any other failure.";
    }
}

choice! {
    /// Scope of a budget or a breaker.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Per {
        "source" => Source, "One for all requests of the client.";
        "instance" => Instance, "One for each instance of the calling function.";
    }
}

choice! { Abandon {
    "abandon" => Abandon::GoesOn, "It goes on, queued or running, and its answer is thrown away.";
    "drop-queued" => Abandon::DropsQueued, "If it waits in a queue it leaves it when its turn comes.";
    "cancel" => Abandon::Cancels, "It ends at once.";
} }

/// What a success returns to a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refund {
    /// What the request last took, or 1 if it took nothing.
    Cost,
    /// A fixed number of tokens.
    Fixed(f64),
}

impl Field for Refund {
    type Value = Self;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "\"cost\", or a number",
        quoted: false,
        schema: || serde_json::json!({"anyOf": [{"const": "cost"}, {"type": "number", "minimum": 0}]}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if node.text() == Some("cost") {
            return Some(Self::Cost);
        }
        if node.text().is_some() {
            reader.refuse(node, Self::SHAPE);
            return None;
        }
        crate::schema::scalars::Amount::read(node, reader).map(Self::Fixed)
    }
    fn write(value: &Self) -> Value {
        match value {
            Self::Cost => Value::from_text("cost"),
            Self::Fixed(tokens) => Value::Float(*tokens),
        }
    }
}

impl Cause {
    /// The cause of a failure.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::TimedOut => Self::Timeout,
            Outcome::Rejected | Outcome::QueueTimedOut => Self::Throttled,
            _ => Self::Error,
        }
    }
}

impl ClientParameters {
    /// One attempt, without a timeout.
    #[must_use]
    pub const fn once() -> Self {
        Self {
            timeout: None,
            deadline: None,
            on_timeout: Abandon::GoesOn,
            retry: None,
            hedge: None,
            rate_limit: None,
            bulkhead: None,
            breaker: None,
            breaker_per: Per::Source,
        }
    }

    /// The key that requests a separate state per calling instance.
    #[must_use]
    pub fn per_instance(&self) -> Option<&'static str> {
        if self.breaker_per == Per::Instance {
            return Some("breaker-per");
        }
        self.retry.as_ref().is_some_and(|retry| retry.per == Per::Instance).then_some("retry.per")
    }

    /// Whether it gives up on attempts that are never answered.
    #[must_use]
    pub const fn gives_up(&self) -> bool {
        self.timeout.is_some() || self.deadline.is_some()
    }

    /// Maximum number of retries of a request, where timeouts are retried and neither a budget nor a breaker bounds
    /// them.
    #[must_use]
    pub fn unbounded_retries(&self) -> Option<u32> {
        let retry = self.retry.as_ref()?;
        let is_bounded = retry.budget.is_some() || self.breaker.is_some();
        let is_tried = self.timeout.is_some() && retry.on.contains(&Cause::Timeout);
        (is_tried && !is_bounded).then(|| retry.max_attempts - 1)
    }
}
