//! How many requests may start each second on a function's own concurrency, reserved and provisioned.

use super::super::kernel::Context;
use super::super::limits::RequestRate;
use super::super::observer::Observer;
use super::FunctionState;
use crate::scenario::{Function, Platform};
use crate::time::SimTime;

/// Rate limits of a function with reserved or provisioned concurrency.
pub(super) struct Rates {
    /// Requests per second for each unit of concurrency.
    each: u32,
    /// Of all its requests.
    reserved: Option<RequestRate>,
    /// Of those on provisioned instances; the others go to further instances.
    provisioned: RequestRate,
}

impl Rates {
    /// None if only the account limits the rate.
    pub(super) fn of(spec: &Function, platform: &Platform) -> Option<Self> {
        let each = platform.request_rate?;
        let rate = |concurrency: u32| RequestRate::new(u64::from(each) * u64::from(concurrency));
        let reserved = spec.concurrency.reserved;
        let may_be_provisioned = spec.concurrency.provisioned.max(spec.scaling.most_provisioned()) > 0;
        (reserved.is_some() || may_be_provisioned).then(|| Self {
            each,
            reserved: reserved.map(rate),
            provisioned: rate(spec.concurrency.provisioned),
        })
    }

    /// A request starts.
    pub(super) fn take(&mut self, on_provisioned: bool) {
        if let Some(reserved) = &mut self.reserved {
            reserved.take();
        }
        if on_provisioned {
            self.provisioned.take();
        }
    }
}

impl FunctionState<'_> {
    /// Whether one more request may start on the function's reserved concurrency, if it has some.
    pub(super) fn reserve_has_rate(&mut self, now: SimTime) -> bool {
        self.rates.as_mut().and_then(|rates| rates.reserved.as_mut()).is_none_or(|rate| rate.has_room(now))
    }

    /// Whether one more request may start on its provisioned instances.
    pub(super) fn provisioned_has_rate(&mut self, now: SimTime) -> bool {
        self.rates.as_mut().is_none_or(|rates| rates.provisioned.has_room(now))
    }

    /// A policy has more or fewer provisioned instances than before.
    pub(super) fn provisioned_changed(&mut self, now: SimTime) {
        if let (Some(rates), Some(autoscaling)) = (&mut self.rates, &self.autoscaling) {
            rates.provisioned.change(u64::from(rates.each) * autoscaling.ready() as u64, now);
        }
    }

    /// When the next request may start, if the rate limit is reached.
    pub(super) fn next_request<O: Observer>(&mut self, ctx: &mut Context<O>) -> SimTime {
        match self.rates.as_ref().and_then(|rates| rates.reserved.as_ref()) {
            Some(rate) => rate.next(),
            None => ctx.account_of(self.spec.platform).rate().map_or(SimTime::NEVER, |rate| rate.next()),
        }
    }
}
