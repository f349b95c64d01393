//! The initial state of a function.

use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::observer::Observer;
use super::lifecycle::Reason;
use super::{FunctionState, Quota};
use crate::policy::keep_alive::Window;
use crate::rng::{Purpose, Streams};
use crate::scenario::Function;
use crate::time::{SimTime, Span};

/// Remaining durations of the requests in progress at the start.
pub(super) fn services(spec: &Function, streams: &Streams) -> Vec<Span> {
    let Some(initial) = &spec.initial else { return Vec::new() };
    let mut stream = streams.stream(&spec.name, Purpose::Initial);
    (0..initial.busy).map(|_| spec.duration.sample(&mut stream)).collect()
}

impl FunctionState<'_> {
    /// Creates the instances that a policy keeps at least, as far as there is room for them.
    pub(super) fn begin_with_minimum<O: Observer>(&mut self, ctx: &mut Context<O>) {
        let now = SimTime::ZERO;
        let minimum = self.autoscaling.as_ref().filter(|autoscaling| autoscaling.owns_all_instances());
        for _ in 0..minimum.map_or(0, |autoscaling| autoscaling.ordered()) {
            if !self.has_place_on_machine(ctx) || !self.take_memory(now, ctx) {
                break;
            }
            let place = self.create(Reason::Minimum, now, ctx);
            if let Some(autoscaling) = &mut self.autoscaling {
                autoscaling.adopt(place, &mut self.instances);
            }
            self.on_demand.insert(place, &mut self.instances);
        }
    }

    /// Creates the initial instances, busy ones first, so that idle ones are newer and more recently used.
    pub(super) fn begin<O: Observer>(&mut self, ctx: &mut Context<O>) {
        let Some(initial) = &self.spec.initial else { return };
        let now = SimTime::ZERO;
        let left = |lifetime: Span| Span::from_nanos(lifetime.as_nanos().saturating_sub(initial.age.as_nanos()));
        let retires = self.spec.max_lifetime.map_or(SimTime::NEVER, |lifetime| now + left(lifetime));
        for service in std::mem::take(&mut self.in_progress_at_start) {
            if !self.has_place_on_machine(ctx) {
                break;
            }
            let place = self.create(Reason::Found { is_busy: true, retires }, now, ctx);
            self.levels.in_progress += 1;
            if matches!(self.quota, Quota::Account) {
                ctx.account_of(self.spec.platform).acquire();
            }
            if let Window::ByApp = self.keep_alive {
                self.notify_app_of_arrival(now, ctx);
            }
            self.take_slot(place);
            let request = self.invocations.insert(Invocation::found(service, place));
            self.start(request, now, ctx);
        }
        let deadlines = initial.idle_expire_in.iter().map(|left| Some(now + *left)).chain(std::iter::repeat(None));
        for deadline in deadlines.take(initial.idle as usize) {
            if !self.has_place_on_machine(ctx) {
                break;
            }
            let place = self.create(Reason::Found { is_busy: false, retires }, now, ctx);
            match deadline {
                Some(deadline) => self.stay_until(place, deadline, ctx),
                None => self.fall_idle(place, now, ctx),
            }
            if self.resources.is_some() {
                self.notify_memory_of_idle(place, now, ctx);
            }
            self.on_demand.insert(place, &mut self.instances);
        }
    }
}
