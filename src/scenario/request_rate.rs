//! How many requests may start per second, and whether that limit can ever matter.

use super::model::{Function, Scenario, Source, Target};
use crate::id::FnId;
use crate::workload::busiest_second;

impl Scenario {
    /// Requests that may start per second with this much concurrency; `None`: no limit.
    #[must_use]
    pub fn request_rate_of(&self, concurrency: u32) -> Option<u64> {
        self.platform.request_rate.map(|each| u64::from(each) * u64::from(concurrency))
    }

    /// Requests that may start per second with the account's unreserved concurrency; `None`: no limit.
    #[must_use]
    pub fn unreserved_request_rate(&self) -> Option<u64> {
        self.platform.account_limit.and_then(|_| self.request_rate_of(self.unreserved_concurrency()))
    }

    /// The same, and also `None` if that many requests never arrive: then they need not be counted.
    #[must_use]
    pub fn unreserved_request_rate_that_may_bind(&self) -> Option<u64> {
        let is_unreserved = |id: &FnId| self.functions[id.index()].concurrency.reserved.is_none();
        self.unreserved_request_rate().filter(|rate| self.may_exceed(*rate, self.sources.iter(), is_unreserved))
    }

    /// Whether more requests may arrive at a function per second than its reserved concurrency may start.
    pub fn may_exceed_reserved_rate<'s>(
        &'s self,
        function: &Function,
        id: FnId,
        sources: impl Iterator<Item = &'s Source>,
    ) -> bool {
        let reserved = function.concurrency.reserved.and_then(|reserved| self.request_rate_of(reserved));
        reserved.is_some_and(|rate| self.may_exceed(rate, sources, |other| *other == id))
    }

    /// Whether more than `rate` requests per second may arrive at these functions.
    fn may_exceed<'s>(
        &self,
        rate: u64,
        sources: impl Iterator<Item = &'s Source>,
        is_counted: impl Fn(&FnId) -> bool,
    ) -> bool {
        // With retries, requests may arrive at a higher rate than sources send them.
        if self.has_path() {
            return true;
        }
        let calls_one = |source: &&Source| match &source.target {
            Target::Function(id) => is_counted(id),
            Target::ByTrace(functions) => functions.iter().any(&is_counted),
            Target::Component(_) => false,
        };
        busiest_second(sources.filter(calls_one).map(|source| &source.arrivals)) > rate as f64
    }
}
