//! The sources at work: one pending arrival each, streamed, never preloaded.

use std::hint::black_box;

use super::event::{Event, Kind};
use super::queue::EventQueue;
use super::request::Birth;
use crate::id::FnId;
use crate::rng::{Marks, Purpose, Stream, Streams};
use crate::scenario::{Function, Source, Target};
use crate::time::SimTime;
use crate::workload::{Arrival, ArrivalSpec, Arrivals, ClosedUsers, TraceError};

/// Arrivals of a source that are drawn at once.
const AHEAD: usize = 32;

/// All sources of a cell.
pub(super) struct Sources {
    list: Vec<SourceState>,
    /// The next arrival of all. It stands apart, so that a single source needs no queue.
    first: Event,
    /// The next arrivals of the other sources; of closed ones, of every user who is about to ask.
    others: EventQueue,
    /// Whether any source waits for its answers.
    has_users: bool,
    horizon: SimTime,
}

/// A source: what each of its requests needs. The rest is elsewhere, so that of many sources more is near.
struct SourceState {
    /// Arrivals drawn ahead: what the next event depends on is there before it is asked for.
    ahead: Vec<Arrival>,
    /// The next of them.
    next: u32,
    is_closed: bool,
    /// Requests that came out so far: the number of the next.
    number: u64,
    target: LocalTarget,
    origin: Box<Origin>,
}

/// Where the requests of a source come from.
struct Origin {
    arrivals: Arrivals,
    users: Option<ClosedUsers>,
    service: Stream,
    luck: Marks,
}

/// Where a source's requests go, as places in the cell.
enum LocalTarget {
    One(u32),
    #[expect(clippy::box_collection, reason = "small, and one more step to a trace does not matter")]
    ByTrace(Box<Vec<u32>>),
}

impl LocalTarget {
    /// The place of the function that an arrival goes to.
    #[inline]
    fn of(&self, arrival: Option<Arrival>) -> usize {
        (match self {
            Self::One(function) => *function,
            Self::ByTrace(functions) => arrival.map_or(0, |arrival| functions[arrival.function as usize]),
        }) as usize
    }
}

impl Sources {
    /// Starts every source; `place_of` gives a function's place in the cell.
    pub(super) fn start<'s>(
        sources: impl Iterator<Item = &'s Source>,
        functions: &[&Function],
        place_of: impl Fn(FnId) -> usize,
        streams: &Streams,
        horizon: SimTime,
    ) -> Result<Self, TraceError> {
        let mut all =
            Self { list: Vec::new(), first: Event::NEVER, others: EventQueue::default(), has_users: false, horizon };
        for source in sources {
            let users = match &source.arrivals {
                ArrivalSpec::Closed { users, think } => Some((*users, think)),
                _ => None,
            };
            let origin = Origin {
                arrivals: Arrivals::new(&source.arrivals, streams, &source.name)?,
                users: users.map(|(_, think)| ClosedUsers::new(think.clone(), streams, &source.name)),
                service: streams.stream(&source.name, Purpose::Service),
                luck: streams.marks(&source.name, Purpose::ColdStart),
            };
            all.list.push(SourceState {
                ahead: Vec::new(),
                next: 0,
                is_closed: users.is_some(),
                number: 0,
                target: match &source.target {
                    Target::Function(function) => LocalTarget::One(place_of(*function) as u32),
                    Target::ByTrace(functions) => {
                        LocalTarget::ByTrace(Box::new(functions.iter().map(|id| place_of(*id) as u32).collect()))
                    }
                },
                origin: Box::new(origin),
            });
            let place = all.list.len() - 1;
            match users {
                Some((users, _)) => {
                    all.has_users = true;
                    (0..users).for_each(|_| all.think(place, SimTime::ZERO));
                }
                None => {
                    if let Some(first) = all.draw(place, functions) {
                        all.push(first);
                    }
                }
            }
        }
        Ok(all)
    }

    /// From here on nothing arrives.
    #[inline]
    pub(super) const fn horizon(&self) -> SimTime {
        self.horizon
    }

    /// The next arrival of all, or [`Event::NEVER`].
    #[inline]
    pub(super) const fn first(&self) -> Event {
        self.first
    }

    /// One more arrival to come.
    fn push(&mut self, event: Event) {
        if event < self.first {
            let later = std::mem::replace(&mut self.first, event);
            if later != Event::NEVER {
                self.others.push(later);
            }
        } else {
            self.others.push(event);
        }
    }

    /// Takes the next arrival: the place of its function in the cell, and what the request is born with.
    #[inline(always)]
    pub(super) fn take(&mut self, functions: &[&Function]) -> (usize, Birth) {
        let event = self.first;
        let place = event.owner();
        let state = &mut self.list[place];
        let drawn = state.pending();
        state.next += 1;
        let function = state.target.of(drawn);
        let service = match drawn.and_then(|arrival| arrival.duration) {
            Some(duration) => duration,
            None => functions[function].duration.sample(&mut state.origin.service),
        };
        let birth = Birth { service, number: state.number, source: place as u32 };
        state.number += 1;
        // A user asks again when the answer is there.
        let next = if state.is_closed { None } else { self.draw(place, functions) };
        let other = self.others.first();
        self.first = match next {
            Some(next) if next < other => next,
            Some(next) => {
                self.others.replace_first(next);
                other
            }
            None => {
                self.others.pop();
                other
            }
        };
        (function, birth)
    }

    /// Whether there are other near arrivals than before, since this was asked last.
    #[inline]
    pub(super) fn has_approached(&mut self) -> bool {
        self.others.has_approached()
    }

    /// The places of the functions that the near arrivals go to, where that is known.
    pub(super) fn near_functions(&self) -> impl Iterator<Item = usize> {
        self.others.near().filter_map(|arrival| {
            let state = &self.list[arrival.owner()];
            black_box(state.pending()).map(|arrival| state.target.of(Some(arrival)))
        })
    }

    /// A request of a source has ended: if a user waited for it, the user thinks and asks again.
    #[inline]
    pub(super) fn answered(&mut self, source: u32, now: SimTime) {
        if self.has_users && self.list[source as usize].is_closed {
            self.think(source as usize, now);
        }
    }

    /// The luck a request was born with, for the case that an instance has to be created for it.
    pub(super) fn cold_start_luck(&self, source: u32, number: u64) -> Stream {
        self.list[source as usize].origin.luck.of(number)
    }

    /// What went wrong with a trace, if anything did.
    pub(super) fn error(&self) -> Option<TraceError> {
        self.list.iter().find_map(|state| state.origin.arrivals.error().cloned())
    }

    /// The next arrival of a source, if it comes before the horizon.
    #[inline]
    fn draw(&mut self, place: usize, functions: &[&Function]) -> Option<Event> {
        let state = &mut self.list[place];
        if state.next as usize >= state.ahead.len() {
            state.draw_ahead(functions, self.horizon);
        }
        let arrival = state.pending().filter(|arrival| arrival.at < self.horizon)?;
        Some(Event::new(arrival.at, Kind::Arrival, place as u32, 0))
    }

    fn think(&mut self, place: usize, now: SimTime) {
        if let Some(users) = &mut self.list[place].origin.users {
            let at = users.next(now);
            if at < self.horizon {
                self.push(Event::new(at, Kind::Arrival, place as u32, 0));
            }
        }
    }
}

impl SourceState {
    /// The next arrival, if one is drawn.
    #[inline]
    fn pending(&self) -> Option<Arrival> {
        self.ahead.get(self.next as usize).copied()
    }

    /// Draws the next arrivals, with their running times where the function is known.
    #[inline(never)]
    fn draw_ahead(&mut self, functions: &[&Function], horizon: SimTime) {
        self.ahead.clear();
        self.next = 0;
        let origin = &mut *self.origin;
        for mut arrival in origin.arrivals.by_ref().take(AHEAD) {
            if let (LocalTarget::One(function), None) = (&self.target, arrival.duration) {
                arrival.duration = Some(functions[*function as usize].duration.sample(&mut origin.service));
            }
            self.ahead.push(arrival);
            if arrival.at >= horizon {
                break;
            }
        }
    }
}
