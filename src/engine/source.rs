//! The sources during the simulation: one pending arrival each, streamed, never preloaded.

use super::event::Event;
use super::invocation::NewRequest;
use super::path::Node;
use super::queue::EventQueue;
use super::slab::Key;
use crate::dist::Dist;
use crate::id::{ComponentId, FnId, LocalFn, LocalSource};
use crate::prefetch::prefetch;
use crate::rng::{KeyedStreams, Purpose, Stream, Streams};
use crate::scenario::{Function, Source, Target};
use crate::time::SimTime;
use crate::workload::{Arrival, ArrivalSpec, Arrivals, ClosedUsers, TraceError};

/// Arrivals of a source that are drawn in one block. Their number fits into a byte.
const AHEAD: usize = 32;

/// All sources of a cell.
pub(super) struct Sources {
    list: Vec<SourceState>,
    /// The next arrival of all sources, kept separately so that a single source needs no queue.
    first: Event,
    /// The next arrivals of the other sources; for closed ones, of every user about to send a request.
    others: EventQueue,
    /// Whether any source waits for responses.
    has_users: bool,
    horizon: SimTime,
}

/// The data of a source that each request needs, half a cache line. The rest is stored elsewhere, so that more sources fit in the
/// cache.
#[repr(align(32))]
struct SourceState {
    /// Number of requests so far, which is the number of the next.
    number: u64,
    /// The next of the arrivals drawn ahead, and their end.
    next: u8,
    drawn: u8,
    is_closed: bool,
    origin: Box<Origin>,
    /// Arrivals drawn ahead, each with its node and duration, so that the data of the next event is available early.
    ahead: Box<[Arrival; AHEAD]>,
}

/// Where the requests of a source come from, and where they go.
struct Origin {
    arrivals: Arrivals,
    target: LocalTarget,
    users: Option<ClosedUsers>,
    /// Duration of its requests, instead of that of their function.
    duration: Option<Dist>,
    service: Stream,
    cold_starts: KeyedStreams,
    tokens: KeyedStreams,
}

/// Where the requests of a source go, as indices in the cell.
enum LocalTarget {
    One(LocalFn),
    /// By the index of its name in the trace.
    ByTrace(Vec<LocalFn>),
    /// All to one component.
    Path(Node),
}

impl LocalTarget {
    /// Where an arrival goes first.
    #[inline]
    fn of(&self, arrival: &Arrival) -> Node {
        match self {
            Self::One(function) => (*function).into(),
            Self::ByTrace(functions) => functions[arrival.function as usize].into(),
            Self::Path(entry) => *entry,
        }
    }
}

impl Sources {
    /// Starts every source; `local` maps functions to the cell. With at least `prefetch_from` pending arrivals,
    /// upcoming ones are reported.
    pub(super) fn start<'s>(
        sources: impl Iterator<Item = &'s Source>,
        functions: &[&Function],
        local: impl Fn(FnId) -> LocalFn,
        entry: impl Fn(ComponentId) -> Node,
        streams: &Streams,
        horizon: SimTime,
        prefetch_from: usize,
    ) -> Result<Self, TraceError> {
        let others = EventQueue::new(prefetch_from);
        let mut all = Self { list: Vec::new(), first: Event::NEVER, others, has_users: false, horizon };
        for source in sources {
            let Source { name, target, arrivals, duration, payload: _ } = source; // without `..`, so that a new field requires a decision here
            let users = match arrivals {
                ArrivalSpec::Closed { users, think } => Some((*users, think)),
                _ => None,
            };
            let origin = Origin {
                arrivals: Arrivals::new(arrivals, streams, name)?,
                target: match target {
                    Target::Function(function) => LocalTarget::One(local(*function)),
                    Target::ByTrace(functions) => LocalTarget::ByTrace(functions.iter().map(|id| local(*id)).collect()),
                    Target::Component(id) => LocalTarget::Path(entry(*id)),
                },
                users: users.map(|(_, think)| ClosedUsers::new(think.clone(), streams, name)),
                duration: duration.clone(),
                service: streams.stream(name, Purpose::Service),
                cold_starts: streams.marks(name, Purpose::ColdStart),
                tokens: streams.marks(name, Purpose::Tokens),
            };
            all.list.push(SourceState {
                number: 0,
                next: 0,
                drawn: 0,
                is_closed: users.is_some(),
                origin: Box::new(origin),
                ahead: Box::new([Arrival::default(); AHEAD]),
            });
            let place = LocalSource(all.list.len() as u32 - 1);
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

    /// The end of arrivals.
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

    /// Takes the next arrival: its first node, and the data of the request.
    #[inline(always)]
    pub(super) fn take(&mut self, functions: &[&Function]) -> (Node, NewRequest) {
        let event = self.first;
        let place = event.source();
        let state = &mut self.list[place.index()];
        // A user sends the next request after the response.
        let is_closed = state.is_closed;
        let arrival = if is_closed { state.origin.ask(functions) } else { state.take() };
        let new = NewRequest {
            service: arrival.duration.unwrap_or_default(),
            number: state.number,
            source: place,
            call: Key::NIL,
            is_poison: false,
        };
        state.number += 1;
        let next = if is_closed { None } else { self.draw(place, functions) };
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
        (Node(arrival.function), new)
    }

    /// Whether the upcoming arrivals have changed since the last call.
    #[inline]
    pub(super) fn bucket_opened(&mut self) -> bool {
        self.others.bucket_opened()
    }

    /// The upcoming arrivals.
    pub(super) fn upcoming(&self) -> impl Iterator<Item = Event> + Clone {
        self.others.upcoming()
    }

    /// Prefetches the state of a source.
    #[inline]
    pub(super) fn prefetch(&self, source: LocalSource) {
        prefetch(&self.list[source.index()]);
    }

    /// Prefetches the next arrival of a source and the one after it, after [`Self::prefetch`].
    #[inline]
    pub(super) fn prefetch_drawn(&self, source: LocalSource) {
        self.list[source.index()].drawn().iter().take(2).for_each(prefetch);
    }

    /// Prefetches where the end of the next request of a source will be among the events, if it does not wait, and where
    /// the arrival after it will be, after [`Self::prefetch_drawn`].
    #[inline]
    pub(super) fn prefetch_places(&self, source: LocalSource, events: &EventQueue) {
        let state = &self.list[source.index()];
        if let Some(arrival) = state.pending() {
            events.prefetch(arrival.at + arrival.duration.unwrap_or_default());
        }
        if let Some(after) = state.drawn().get(1) {
            self.others.prefetch(after.at);
        }
    }

    /// A request of a source has ended: if a user waited for it, the user thinks and sends the next one.
    #[inline]
    pub(super) fn answered(&mut self, source: LocalSource, now: SimTime) {
        if self.has_users && self.list[source.index()].is_closed {
            self.think(source, now);
        }
    }

    /// The random numbers of a request's cold start, in case an instance has to be created for it.
    pub(super) fn cold_start_rng(&self, source: LocalSource, number: u64) -> Stream {
        self.list[source.index()].origin.cold_starts.of(number)
    }

    /// The numbers of tokens that a request was born with.
    pub(super) fn tokens_rng(&self, source: LocalSource, number: u64) -> Stream {
        self.list[source.index()].origin.tokens.of(number)
    }

    /// The error of a trace, if any.
    pub(super) fn error(&self) -> Option<TraceError> {
        self.list.iter().find_map(|state| state.origin.arrivals.error().cloned())
    }

    /// The next arrival of a source, if it comes before the horizon.
    #[inline]
    fn draw(&mut self, place: LocalSource, functions: &[&Function]) -> Option<Event> {
        let state = &mut self.list[place.index()];
        if state.next == state.drawn {
            state.draw_ahead(functions, self.horizon);
        }
        let Arrival { at, function, .. } = *state.pending()?;
        (at < self.horizon).then(|| Event::arrival(at, place, Node(function)))
    }

    fn think(&mut self, place: LocalSource, now: SimTime) {
        let origin = &mut self.list[place.index()].origin;
        if let Some(users) = &mut origin.users {
            let at = users.next(now);
            if at < self.horizon {
                let first = origin.target.of(&Arrival::default());
                self.push(Event::arrival(at, place, first));
            }
        }
    }
}

impl SourceState {
    /// The next arrival, if one is drawn.
    #[inline]
    fn pending(&self) -> Option<&Arrival> {
        (self.next < self.drawn).then(|| &self.ahead[usize::from(self.next) % AHEAD])
    }

    /// The arrivals that are drawn, earliest first.
    #[inline]
    fn drawn(&self) -> &[Arrival] {
        self.ahead.get(self.next.into()..self.drawn.into()).unwrap_or_default()
    }

    /// Takes the next arrival, which is drawn.
    #[inline]
    fn take(&mut self) -> Arrival {
        let arrival = self.ahead[usize::from(self.next) % AHEAD];
        self.next += 1;
        arrival
    }

    #[inline(never)]
    fn draw_ahead(&mut self, functions: &[&Function], horizon: SimTime) {
        let drawn = self.origin.draw(&mut *self.ahead, functions, horizon);
        (self.next, self.drawn) = (0, drawn as u8);
    }
}

impl Origin {
    /// Draws the next arrivals with their data, and returns their number.
    fn draw(&mut self, ahead: &mut [Arrival], functions: &[&Function], horizon: SimTime) -> usize {
        let drawn = self.arrivals.draw(horizon, ahead);
        let ahead = &mut ahead[..drawn];
        if let LocalTarget::One(function) = self.target
            && ahead.iter().all(|arrival| arrival.duration.is_none())
        {
            let law = self.duration.as_ref().unwrap_or(&functions[function.index()].duration);
            law.sample_each(&mut self.service, ahead, |arrival, duration| {
                (arrival.function, arrival.duration) = (function.0, Some(duration));
            });
            return drawn;
        }
        for arrival in &mut *ahead {
            self.address(arrival, functions);
        }
        drawn
    }

    /// The request of a user, now.
    fn ask(&mut self, functions: &[&Function]) -> Arrival {
        let mut request = Arrival::default();
        self.address(&mut request, functions);
        request
    }

    /// The node of an arrival, and its duration unless the arrival has one. The function at the end of a path is not
    /// known yet.
    fn address(&mut self, arrival: &mut Arrival, functions: &[&Function]) {
        arrival.function = self.target.of(arrival).0;
        if arrival.duration.is_none() {
            arrival.duration = Some(match (&self.duration, &self.target) {
                (Some(law), _) => law.sample(&mut self.service),
                (None, LocalTarget::Path(_)) => NewRequest::UNSAID,
                (None, _) => functions[arrival.function as usize].duration.sample(&mut self.service),
            });
        }
    }
}
