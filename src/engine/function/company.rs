//! A function whose instances come and go with those of others: what its application has to do with it.

use std::collections::BTreeSet;

use super::super::Shared;
use super::super::apps::Membership;
use super::super::event::{Event, Kind};
use super::super::observer::Observer;
use super::FunctionState;
use crate::id::InstanceId;
use crate::rng::{Marks, Purpose, Streams};
use crate::scenario::Function;
use crate::time::{SimTime, Span};

/// What a function has to do with others.
pub(super) struct Company {
    membership: Option<Membership>,
    /// Places of instances that have fallen idle since the application was last unloaded, or been loaded in advance.
    idle: BTreeSet<u32>,
    /// The instance that is being loaded in advance, and until when it stays.
    loading: Option<(u32, InstanceId, SimTime)>,
    /// What instances draw that are loaded in advance.
    luck: Marks,
}

impl Company {
    /// None for a function that has to do with nobody.
    pub(super) fn new(spec: &Function, membership: Option<Membership>, streams: &Streams) -> Option<Self> {
        membership?;
        let luck = streams.marks(&spec.name, Purpose::ColdStart);
        Some(Self { membership, idle: BTreeSet::new(), loading: None, luck })
    }
}

impl FunctionState<'_> {
    fn membership(&self) -> Option<Membership> {
        self.company.as_ref().and_then(|company| company.membership)
    }

    pub(super) fn tell_app_of_arrival<O: Observer>(&self, now: SimTime, shared: &mut Shared<O>) {
        if let (Some(membership), Some(commons)) = (self.membership(), &mut shared.commons) {
            commons.apps.arrived(membership, now);
        }
    }

    pub(super) fn tell_app_of_end<O: Observer>(&self, now: SimTime, shared: &mut Shared<O>) {
        if let (Some(membership), Some(commons)) = (self.membership(), &mut shared.commons) {
            commons.apps.ended(membership, now, shared.sources.horizon(), &mut shared.events);
        }
    }

    pub(super) fn tell_app_of_loss<O: Observer>(&self, shared: &mut Shared<O>) {
        if let (Some(membership), Some(commons)) = (self.membership(), &mut shared.commons) {
            commons.apps.gave_up(membership);
        }
    }

    /// How long an instance that falls idle stays, as its application has decided.
    pub(super) fn window_of_app<O: Observer>(&mut self, place: u32, shared: &Shared<O>) -> Span {
        let (Some(company), Some(commons)) = (&mut self.company, &shared.commons) else { return Span::FOREVER };
        company.idle.insert(place);
        company.membership.map_or(Span::FOREVER, |membership| commons.apps.window(membership))
    }

    /// Its application is unloaded: what is idle goes, unless a request comes at this very moment.
    pub(in super::super) fn unload<O: Observer>(&mut self, now: SimTime, shared: &mut Shared<O>) {
        let Some(company) = &mut self.company else { return };
        for place in std::mem::take(&mut company.idle) {
            let instance = self.instances.get(place);
            if instance.listed && instance.is_idle() && !instance.provisioned && instance.deadline > now {
                self.stay_until(place, now, shared);
            }
        }
    }

    /// An instance is loaded in advance, to stay until `until`, unless there is one or a limit stands in its way.
    pub(in super::super) fn pre_warm<O: Observer>(&mut self, until: SimTime, now: SimTime, shared: &mut Shared<O>) {
        self.advance(now, shared);
        let has_room = self.levels.instances() == 0 && self.tokens.as_mut().is_none_or(|tokens| tokens.take(now));
        let Some(company) = self.company.as_mut().filter(|_| has_room) else { return };
        let (start_up, billed) = self.spec.start_up(&mut company.luck.of(self.created));
        let ready = now + start_up;
        let retires = self.spec.max_lifetime.map_or(SimTime::NEVER, |lifetime| now + lifetime);
        let place = self.create_instance(now, retires);
        let instance = self.instances.get_mut(place);
        instance.deadline = ready;
        let id = instance.id;
        self.levels.starting += 1;
        // A request that comes while it starts waits for it.
        if self.starting_is_available {
            self.on_demand.insert(place, &mut self.instances);
        } else {
            self.starting.push_back((place, id));
        }
        if let Some(company) = &mut self.company {
            company.loading = Some((place, id, until));
        }
        shared.observer.instance_created(now, self.id, id, ready, billed, false);
        shared.events.push(Event::new(ready, Kind::Ready, self.id.0, place));
    }

    /// An instance has started: if nobody waits for it, it was loaded in advance, and stays as long as was decided.
    pub(super) fn loaded<O: Observer>(&mut self, place: u32, now: SimTime, shared: &mut Shared<O>) {
        let Some(company) = &mut self.company else { return };
        let instance = self.instances.get(place);
        let Some((.., until)) = company.loading.take_if(|loading| (loading.0, loading.1) == (place, instance.id))
        else {
            return;
        };
        if instance.is_idle() {
            company.idle.insert(place);
            self.stay_until(place, until.max(now), shared);
        }
    }
}
