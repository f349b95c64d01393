//! Retry budgets: limits on the retries of a client, over all its requests.
//!
//! A budget is what ends a retry storm: backoff and jitter only spread the same number of attempts over time.

use super::{Cause, Refund};

use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Positive, Ratio};

union! {
    /// A limit on the retries of a client over all its requests.
    pub enum BudgetSpec ("retry budget"): Rules {
        "token-bucket" => TokenBucket(TokenBucketSpec),
        "ratio" => Ratio(RatioSpec),
        "active" => Active(ActiveSpec),
        "grpc" => Grpc(GrpcSpec),
    }
}

/// Parameters from which a budget is built.
pub trait Rules {
    /// The budget at the start of the run: full.
    fn build(&self) -> Box<dyn Budget>;
}

/// The state of a budget.
pub trait Budget: Send {
    /// The first attempt of a request is made.
    fn began(&mut self) {}

    /// Whether another attempt is allowed after this failure, with this number of open requests; returns the tokens
    /// that it takes.
    fn take(&mut self, cause: Cause, open: usize) -> Option<f64>;

    /// Attempts that were allowed have ended.
    fn released(&mut self, attempts: u32) {
        let _ = attempts;
    }

    /// An attempt succeeded. `taken`: what its request took last, if anything.
    fn succeeded(&mut self, taken: Option<f64>) {
        let _ = taken;
    }

    /// An attempt failed with a retryable error.
    fn failed(&mut self) {}
}

parameters! {
    /// The retry quota of the AWS SDKs (github.com/boto/botocore, `retries/quota.py`): a retry takes tokens, a success
    /// returns some.
    pub struct TokenBucketSpec {
        /// Initial and maximum number of tokens.
        default capacity: Positive = 500.0,
        /// Tokens that a retry takes.
        default cost: Amount = 5.0,
        /// Tokens that a retry after a timeout takes.
        default timeout_cost: Amount = 10.0,
        /// Tokens that a success returns: "cost" (what the request last took, or 1 if it took nothing), or a number.
        default refund: Refund = Refund::Cost,
    }
}

impl Rules for TokenBucketSpec {
    fn build(&self) -> Box<dyn Budget> {
        Box::new(TokenBucket { tokens: self.capacity, spec: self.clone() })
    }
}

struct TokenBucket {
    spec: TokenBucketSpec,
    tokens: f64,
}

impl Budget for TokenBucket {
    fn take(&mut self, cause: Cause, _: usize) -> Option<f64> {
        let cost = if cause == Cause::Timeout { self.spec.timeout_cost } else { self.spec.cost };
        (cost <= self.tokens).then(|| {
            self.tokens -= cost;
            cost
        })
    }

    fn succeeded(&mut self, taken: Option<f64>) {
        let refund = match self.spec.refund {
            Refund::Cost => taken.unwrap_or(1.0),
            Refund::Fixed(tokens) => tokens,
        };
        self.tokens = (self.tokens + refund).min(self.spec.capacity);
    }
}

parameters! {
    /// A share of the requests (Google's SRE book, Linkerd): the first attempt of each request earns a fraction of a
    /// retry.
    pub struct RatioSpec {
        /// Retries earned per request.
        required share: Ratio,
        /// Retries that can be saved up; the budget starts full.
        default burst: Positive = 100.0,
    }
}

impl Rules for RatioSpec {
    fn build(&self) -> Box<dyn Budget> {
        Box::new(Share { retries: self.burst, spec: self.clone() })
    }
}

struct Share {
    spec: RatioSpec,
    retries: f64,
}

impl Budget for Share {
    fn began(&mut self) {
        self.retries = (self.retries + self.spec.share).min(self.spec.burst);
    }

    fn take(&mut self, _: Cause, _: usize) -> Option<f64> {
        // Shares such as 0.1 do not add up exactly.
        (self.retries > 1.0 - 1e-9).then(|| {
            self.retries = (self.retries - 1.0).max(0.0);
            1.0
        })
    }
}

parameters! {
    /// A share of the open requests (Envoy's `retry_budget`): limits the number of simultaneous retries.
    pub struct ActiveSpec {
        /// Retries, pending or active, per open request.
        default share: Ratio = 0.2,
        /// Minimum number of retries allowed.
        default min: Count<0, 1_000_000> = 3,
    }
}

impl Rules for ActiveSpec {
    fn build(&self) -> Box<dyn Budget> {
        Box::new(Active { spec: self.clone(), retries: 0 })
    }
}

struct Active {
    spec: ActiveSpec,
    retries: u32,
}

impl Budget for Active {
    fn take(&mut self, _: Cause, open: usize) -> Option<f64> {
        let limit = (self.spec.share * open as f64).floor().max(self.spec.min.into());
        (f64::from(self.retries) < limit).then(|| {
            self.retries += 1;
            1.0
        })
    }

    fn released(&mut self, attempts: u32) {
        self.retries = self.retries.saturating_sub(attempts);
    }
}

parameters! {
    /// gRPC's retry throttling (gRFC A6): a failure takes a token, a success returns a fraction of one, and retries
    /// require that more than half of the tokens are left.
    pub struct GrpcSpec {
        /// Initial and maximum number of tokens.
        default tokens: Count<1, 1_000> = 100,
        /// Tokens that a success returns.
        default ratio: Positive = 0.1,
    }
}

impl Rules for GrpcSpec {
    fn build(&self) -> Box<dyn Budget> {
        Box::new(Grpc { tokens: self.tokens.into(), spec: self.clone() })
    }
}

struct Grpc {
    spec: GrpcSpec,
    tokens: f64,
}

impl Budget for Grpc {
    fn take(&mut self, _: Cause, _: usize) -> Option<f64> {
        (self.tokens > f64::from(self.spec.tokens) / 2.0).then_some(0.0)
    }

    fn succeeded(&mut self, _: Option<f64>) {
        self.tokens = (self.tokens + self.spec.ratio).min(self.spec.tokens.into());
    }

    fn failed(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many retries are allowed in a row.
    fn retries(budget: &mut dyn Budget, cause: Cause, open: usize) -> usize {
        (0..10_000).take_while(|_| budget.take(cause, open).is_some()).count()
    }

    #[test]
    fn the_quota_of_the_sdk_gives_back_what_the_last_retry_took_or_one() {
        let spec = TokenBucketSpec { capacity: 500.0, cost: 5.0, timeout_cost: 10.0, refund: Refund::Cost };
        let mut budget = spec.build();
        assert_eq!(retries(&mut *budget, Cause::Timeout, 1), 50);
        budget.succeeded(None);
        assert_eq!(retries(&mut *budget, Cause::Error, 1), 0, "1 token is not 5");
        budget.succeeded(Some(10.0));
        assert_eq!(retries(&mut *budget, Cause::Error, 1), 2, "11 tokens");
        let mut budget = TokenBucketSpec { refund: Refund::Fixed(2.0), ..spec }.build();
        retries(&mut *budget, Cause::Throttled, 1);
        (0..5).for_each(|_| budget.succeeded(Some(10.0)));
        assert_eq!(retries(&mut *budget, Cause::Throttled, 1), 2);
    }

    #[test]
    fn a_share_of_the_requests_may_be_tried_again() {
        let mut budget = RatioSpec { share: 0.1, burst: 100.0 }.build();
        assert_eq!(retries(&mut *budget, Cause::Timeout, 1), 100);
        (0..1_000).for_each(|_| budget.began());
        assert_eq!(retries(&mut *budget, Cause::Timeout, 1), 100);
        (0..20).for_each(|_| budget.began());
        assert_eq!(retries(&mut *budget, Cause::Timeout, 1), 2);
    }

    #[test]
    fn a_share_of_the_open_requests_is_tried_again_at_a_time() {
        let mut budget = ActiveSpec { share: 0.2, min: 3 }.build();
        assert_eq!(retries(&mut *budget, Cause::Error, 10), 3, "the least");
        assert_eq!(retries(&mut *budget, Cause::Error, 100), 17);
        budget.released(5);
        assert_eq!(retries(&mut *budget, Cause::Error, 100), 5);
    }

    #[test]
    fn grpc_stops_at_half_of_its_tokens() {
        let mut budget = GrpcSpec { tokens: 10, ratio: 0.5 }.build();
        (0..4).for_each(|_| budget.failed());
        assert!(budget.take(Cause::Error, 1).is_some());
        budget.failed();
        assert!(budget.take(Cause::Error, 1).is_none(), "5 of 10 is not more than half");
        (0..20).for_each(|_| budget.failed());
        (0..10).for_each(|_| budget.succeeded(None));
        assert!(budget.take(Cause::Error, 1).is_none(), "never below 0, so 10 successes give 5");
        budget.succeeded(None);
        assert!(budget.take(Cause::Error, 1).is_some());
    }
}
