//! How many requests may start per second, and whether that limit can ever matter.

use super::model::{Function, Scenario, Source, Target};
use crate::id::{FnId, PlatformId};
use crate::workload::busiest_second;

impl Scenario {
    /// Requests that may start per second with this much concurrency of a platform; `None`: no limit.
    #[must_use]
    pub fn request_rate_of(&self, platform: PlatformId, concurrency: u32) -> Option<u64> {
        self.platform_of(platform).request_rate.map(|each| u64::from(each) * u64::from(concurrency))
    }

    /// Requests that may start per second with the unreserved concurrency of a platform's account; `None`: no limit.
    #[must_use]
    pub fn unreserved_request_rate(&self, platform: PlatformId) -> Option<u64> {
        let limited = self.platform_of(platform).account_limit;
        limited.and_then(|_| self.request_rate_of(platform, self.unreserved_concurrency(platform)))
    }

    /// The same, and also `None` if that many requests never arrive: then they need not be counted.
    #[must_use]
    pub fn unreserved_request_rate_that_may_bind(&self, platform: PlatformId) -> Option<u64> {
        let is_unreserved = |id: &FnId| {
            let function = &self.functions[id.index()];
            function.platform == platform && function.concurrency.reserved.is_none()
        };
        let rate = self.unreserved_request_rate(platform);
        rate.filter(|rate| self.may_exceed(*rate, self.sources.iter(), is_unreserved))
    }

    /// Whether more requests may arrive at a function per second than its reserved concurrency may start.
    pub fn may_exceed_reserved_rate<'s>(
        &'s self,
        function: &Function,
        id: FnId,
        sources: impl Iterator<Item = &'s Source>,
    ) -> bool {
        let reserved =
            function.concurrency.reserved.and_then(|reserved| self.request_rate_of(function.platform, reserved));
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
