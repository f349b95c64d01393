//! How many requests may start each second, and whether that may ever matter.

use super::model::{Function, Scenario, Source, Target};
use crate::id::FnId;
use crate::workload::busiest_second;

impl Scenario {
    /// Requests that may start each second on so much concurrency; none: no limit.
    #[must_use]
    pub fn request_rate_of(&self, concurrency: u32) -> Option<u64> {
        self.platform.request_rate.map(|each| u64::from(each) * u64::from(concurrency))
    }

    /// Requests that may start each second on what the account has for functions that have nothing reserved; none: no limit.
    #[must_use]
    pub fn unreserved_request_rate(&self) -> Option<u64> {
        self.platform.account_limit.and_then(|_| self.request_rate_of(self.unreserved_concurrency()))
    }

    /// The same, and none too where so many requests never come: then nobody has to count them.
    #[must_use]
    pub fn unreserved_request_rate_that_may_bind(&self) -> Option<u64> {
        let is_unreserved = |id: &FnId| self.functions[id.index()].concurrency.reserved.is_none();
        self.unreserved_request_rate().filter(|rate| self.may_exceed(*rate, self.sources.iter(), is_unreserved))
    }

    /// Whether more requests may come to a function in a second than its reserved concurrency may start.
    pub fn may_exceed_reserved_rate<'s>(
        &'s self,
        function: &Function,
        id: FnId,
        sources: impl Iterator<Item = &'s Source>,
    ) -> bool {
        let reserved = function.concurrency.reserved.and_then(|reserved| self.request_rate_of(reserved));
        reserved.is_some_and(|rate| self.may_exceed(rate, sources, |other| *other == id))
    }

    /// Whether more than `rate` requests may come to these functions in a second.
    fn may_exceed<'s>(
        &self,
        rate: u64,
        sources: impl Iterator<Item = &'s Source>,
        is_counted: impl Fn(&FnId) -> bool,
    ) -> bool {
        // Who tries again may come more often than sources ask.
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
