//! Applications: groups of functions whose instances are kept, unloaded and reloaded together.

use std::collections::HashMap;

use super::event::{Event, Kind};
use crate::id::LocalFn;
use crate::policy::keep_alive::AppKeepAlive;
use crate::scenario::Function;
use crate::time::{SimTime, Span};

/// The applications of a cell that decide for their functions together.
#[derive(Default)]
pub(super) struct Apps {
    list: Vec<App>,
}

struct App {
    policy: Box<dyn AppKeepAlive>,
    members: Vec<Member>,
    /// Requests that have arrived and not ended.
    in_flight: u32,
    /// End of the last invocation, if no request has arrived since.
    idle_since: Option<SimTime>,
    /// When it will be reloaded, and until when it will then stay.
    plan: Option<Plan>,
}

/// An application is unloaded.
pub(super) struct Unloading<'a> {
    functions: &'a [Member],
    /// The reload event, unless it is after the horizon.
    pub(super) loaded_again: Option<Event>,
}

impl Unloading<'_> {
    /// Its functions; the last one goes first.
    pub(super) fn functions(&self) -> impl Iterator<Item = LocalFn> {
        self.functions.iter().rev().map(|member| member.function)
    }
}

#[derive(Clone, Copy)]
struct Member {
    function: LocalFn,
    last_ended: Option<SimTime>,
}

#[derive(Clone, Copy)]
struct Plan {
    at: SimTime,
    until: SimTime,
}

/// A function's place in its application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    app: AppKey,
    member: u32,
}

/// An application, by its place in the list.
#[derive(Clone, Copy, Debug)]
struct AppKey(u32);

impl AppKey {
    const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Apps {
    /// The applications of these functions, and the index of each function in them; none for functions outside
    /// applications.
    pub(super) fn of<'s>(functions: impl Iterator<Item = &'s Function>) -> (Self, Vec<Option<Membership>>) {
        let mut apps = Self::default();
        let mut named: HashMap<&str, AppKey> = HashMap::new();
        let memberships = functions.enumerate().map(|(place, function)| {
            let name = function.app.as_deref().filter(|_| function.keep_alive.is_by_app());
            let app = match name.and_then(|name| named.get(name).copied()) {
                Some(app) => app,
                None => {
                    let app = apps.found(function)?;
                    named.extend(name.map(|name| (name, app)));
                    app
                }
            };
            let members = &mut apps.list[app.index()].members;
            members.push(Member { function: LocalFn(place as u32), last_ended: None });
            Some(Membership { app, member: members.len() as u32 - 1 })
        });
        let memberships = memberships.collect();
        (apps, memberships)
    }

    /// Makes a new application with the policy of its first function, if that is one for applications.
    fn found(&mut self, function: &Function) -> Option<AppKey> {
        if function.scaling.owns_all_instances() {
            return None; // instances go when the scaling policy says so
        }
        let policy = function.keep_alive.build_for_app()?;
        self.list.push(App { policy, members: Vec::new(), in_flight: 0, idle_since: None, plan: None });
        Some(AppKey(self.list.len() as u32 - 1))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A request arrives for a function of it.
    pub(super) fn arrived(&mut self, membership: Membership, now: SimTime) {
        let app = &mut self.list[membership.app.index()];
        app.in_flight += 1;
        if let Some(since) = app.idle_since.take() {
            app.policy.observe_idle(now.since(since));
        }
    }

    /// A request ends without having run.
    pub(super) fn ended_unserved(&mut self, membership: Membership) {
        self.list[membership.app.index()].in_flight -= 1;
    }

    /// An invocation ends. After the last one, the policy decides when to unload the application, possibly now.
    pub(super) fn ended(&mut self, membership: Membership, now: SimTime, horizon: SimTime) -> Option<Unloading<'_>> {
        let app = &mut self.list[membership.app.index()];
        app.in_flight -= 1;
        app.members[membership.member as usize].last_ended = Some(now);
        if app.in_flight > 0 {
            return None;
        }
        app.idle_since = Some(now);
        let windows = app.policy.windows();
        app.plan = None;
        if windows.pre_warm == Span::ZERO {
            return None;
        }
        let at = now + windows.pre_warm;
        let loads = at < horizon;
        if loads {
            app.plan = Some(Plan { at, until: at + windows.keep_alive });
        }
        let event = Event::new(at, Kind::PreWarm, app.members[0].function.0, membership.app.0);
        Some(Unloading { functions: &app.members, loaded_again: loads.then_some(event) })
    }

    /// How long an instance that becomes idle stays: while other instances of the application are busy, as long as the
    /// application would.
    pub(super) fn window(&self, membership: Membership) -> Span {
        let app = &self.list[membership.app.index()];
        let windows = app.policy.windows();
        if windows.pre_warm == Span::ZERO {
            windows.keep_alive
        } else if app.in_flight > 0 {
            windows.pre_warm + windows.keep_alive
        } else {
            Span::ZERO
        }
    }

    /// The functions of an application to reload now, and until when they stay: those that have run recently. None if
    /// the application has made another decision since.
    pub(super) fn due(&mut self, event: Event) -> (Vec<LocalFn>, SimTime) {
        let (app, now) = (&mut self.list[event.item() as usize], event.at());
        let Some(plan) = app.plan.take_if(|plan| plan.at == now) else { return (Vec::new(), now) };
        let (range, last) = (app.policy.range(), app.members.iter().filter_map(|member| member.last_ended).max());
        let is_used =
            |member: &&Member| member.last_ended.zip(last).is_some_and(|(ended, last)| last.since(ended) <= range);
        (app.members.iter().filter(is_used).map(|member| member.function).collect(), plan.until)
    }
}
