//! Gateways and load balancers in front of a target.
//!
//! In this order: token buckets throttle excess requests; payloads that are too large are rejected; a cache may
//! respond; an authorizer may be called; the target is called, up to the timeout. After a timeout, the caller gets an
//! error, while the function keeps running and is billed. `latency` is the time of the gateway itself, before the call.
//! Throttled requests cost nothing.
//!
//! A gateway with a client retries the target as the client says; the gateway's timeout applies to each attempt.
//!
//! Order of throttles, timeouts and prices of Amazon API Gateway: developer guide, api-gateway-request-throttling and
//! limits. Under a constant load L, a full bucket first throttles after burst / (L - rate).

mod parameters;

pub use parameters::{AuthorizerSpec, CacheSpec, GatewaySpec, Settings, ThrottledAs};

use std::collections::HashMap;

use rand::RngExt;

use super::books::{Books, Times};
use super::bucket::Buckets;
use super::client::Client;
use super::slots::{Key, Slots};
use super::{Abandon, Action, CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token};
use crate::dist::Dist;
use crate::metric::component::{EVENTS, Flow, Kind, RATIO, USD, component_metrics};
use crate::metric::signal;
use crate::rng::Stream;
use crate::time::{SimTime, Span};

/// What results report about gateways.
pub(crate) const KIND: Kind = Kind {
    title: "Gateways",
    rows_are: "Gateway",
    arrivals: "requests.arrived",
    headline: &["throttled_ratio", "failure_ratio", "latency_s.p99"],
    keeps: false,
    lasts: false,
    metrics: component_metrics! {
        "requests.arrived": EVENTS, "Requests that arrived.";
        "requests.throttled": EVENTS.lower(), "Requests throttled by the gateway.";
        "requests.too_large": EVENTS.lower(), "Requests whose payload was too large.";
        "requests.timed_out": EVENTS.lower(), "Requests whose target did not respond in time.";
        "requests.cached": EVENTS.higher(), "Requests served from the cache.";
        "requests.completed": EVENTS.higher(), "Requests with a successful response of the target.";
        "requests.failed": EVENTS.lower(), "Requests that the target throttled or failed.";
        "requests.unfinished": EVENTS.lower(), "Requests without a response at the end of the run.";
        "throttled_ratio": RATIO(&["requests.throttled"], "requests.arrived"), "Throttled requests as a share of \
                                                                                arrivals.";
        "failure_ratio": RATIO(
            &[
                "requests.throttled",
                "requests.too_large",
                "requests.timed_out",
                "requests.failed",
                "requests.unfinished",
            ],
            "requests.arrived"
        ), "Requests without a successful response, as a share of all.";
        "cost_usd": USD, "Cost of the gateway.";
        @times "latency_s", "Response time of a request";
    },
    limits: &[("throttle", "requests.throttled"), ("timeout", "requests.timed_out")],
    columns: &[
        ("requests.arrived", "Arrived"),
        ("requests.throttled", "Throttled"),
        ("requests.timed_out", "Timed out"),
        ("requests.failed", "Failed"),
        ("requests.cached", "From cache"),
        ("cost_usd", "Cost"),
    ],
    flow: Some(Flow {
        incoming: &["requests.arrived"],
        succeeded: &["requests.completed", "requests.cached"],
        failed: &["requests.throttled", "requests.too_large", "requests.timed_out", "requests.failed"],
        remaining: &["requests.unfinished"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    }),
    losses: None,
    signals: signal::SIZED_REQUESTS,
    has_latency: true,
};

impl Spec for GatewaySpec {
    fn targets(&self) -> Vec<&str> {
        let authorizer = self.authorizer.as_ref().map(|authorizer| authorizer.target.as_str());
        std::iter::once(self.target.as_str()).chain(authorizer).collect()
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        let settings = self.settings();
        let client = self.client.as_ref().map(|parameters| {
            let mut parameters = parameters.clone();
            parameters.timeout = settings.timeout;
            let client = Client { name: self.name.clone(), target: self.target.clone(), parameters };
            let mut stream = stream.clone();
            stream.jump(); // far behind the gateway's own numbers
            client.build(stream)
        });
        Box::new(Gateway {
            client,
            actions: Vec::new(),
            buckets: Buckets::new(&settings.throttle),
            settings,
            cache: self.cache.clone(),
            authorizer: self.authorizer.clone(),
            stream,
            requests: Slots::default(),
            integrations: Slots::default(),
            warm_until: SimTime::ZERO,
            known_until: HashMap::new(),
            errors: 0.0,
            delay: None,
            is_out: false,
            fault_throttle: None,
            is_timing: false,
            counts: Counts::default(),
            latency: Times::default(),
        })
    }
}

/// The state of a gateway.
struct Gateway {
    settings: Settings,
    /// The client that calls the target for the gateway.
    client: Option<Box<dyn Component>>,
    /// Buffer for what the client wants done.
    actions: Vec<Action>,
    cache: Option<CacheSpec>,
    authorizer: Option<AuthorizerSpec>,
    stream: Stream,
    buckets: Buckets,
    requests: Slots<Request>,
    /// Calls of the target in the order in which they were made, which is the order of their timeouts.
    integrations: Slots<Integration>,
    warm_until: SimTime,
    /// Until when the authorizer's decision about each caller is cached.
    known_until: HashMap<u32, SimTime>,
    errors: f64,
    delay: Option<Dist>,
    is_out: bool,
    /// Token bucket of a throttling fault.
    fault_throttle: Option<Buckets>,
    /// Whether there is an alarm for the oldest call's timeout.
    is_timing: bool,
    counts: Counts,
    latency: Times,
}

struct Request {
    call: CallId,
    parcel: Parcel,
    begun: SimTime,
    is_measured: bool,
    caller: u32,
}

struct Integration {
    request: Key,
    begun: SimTime,
}

/// Counters of requests that arrived in the measured period. Each is in one of those after the first, or unfinished.
#[derive(Clone, Debug, Default)]
struct Counts {
    arrived: u64,
    throttled: u64,
    too_large: u64,
    timed_out: u64,
    cached: u64,
    completed: u64,
    failed: u64,
    billed: u64,
}

/// How a request ended at the gateway.
#[derive(Clone, Copy)]
enum End {
    Cached,
    TimedOut,
    Answered(Outcome),
}

/// Topics of tokens: the gateway's own latency, the authorizer, the target.
const PASSED: u32 = 0;
const AUTHORIZER: u32 = 1;
const INTEGRATION: u32 = 2;
/// The alarm for the oldest call of the target. No key has this topic.
const TIMEOUT: Token = Token(3);

/// The bit that tells tokens of the client from those of the gateway. No key uses it.
const OF_CLIENT: u64 = 1 << 63;

const fn of_client(token: Token) -> Token {
    Token(token.0 | OF_CLIENT)
}

/// The client's part of a token.
fn clients_own(token: Token) -> Option<Token> {
    (token.0 & OF_CLIENT != 0).then_some(Token(token.0 & !OF_CLIENT))
}

/// Target numbers.
const TARGET: u32 = 0;
const AUTHORIZING: u32 = 1;

impl Gateway {
    fn end(&mut self, key: Key, end: End, ports: &mut Ports<'_>) {
        let Some(request) = self.requests.remove(key) else { return };
        let outcome = match end {
            End::Cached => Outcome::Completed,
            End::TimedOut => Outcome::TimedOut,
            End::Answered(Outcome::Rejected) if self.settings.throttled_as == ThrottledAs::Error => Outcome::Failed,
            End::Answered(outcome) => outcome,
        };
        if request.is_measured {
            let counts = &mut self.counts;
            let count = match end {
                End::Cached => &mut counts.cached,
                End::TimedOut => &mut counts.timed_out,
                End::Answered(outcome) if outcome.is_success() => &mut counts.completed,
                End::Answered(_) => &mut counts.failed,
            };
            *count += 1;
            if outcome.is_success() {
                self.latency.record(ports.now.since(request.begun));
            }
        }
        ports.answer(request.call, outcome);
    }

    /// The gateway's own latency has passed.
    fn passed(&mut self, key: Key, ports: &mut Ports<'_>) {
        let Some(request) = self.requests.get_mut(key) else { return };
        if self.errors > 0.0 && self.stream.random::<f64>() < self.errors {
            self.end(key, End::Answered(Outcome::Failed), ports);
            return;
        }
        let is_there = |cache: &CacheSpec| {
            ports.now < self.warm_until && cache.hit_ratio > 0.0 && self.stream.random::<f64>() < cache.hit_ratio
        };
        if self.cache.as_ref().is_some_and(is_there) {
            self.counts.billed += u64::from(request.is_measured);
            self.end(key, End::Cached, ports);
            return;
        }
        let Some(authorizer) = &self.authorizer else {
            self.forward(key, ports);
            return;
        };
        if authorizer.callers > 1 {
            request.caller = self.stream.random_range(0..authorizer.callers);
        }
        if self.known_until.get(&request.caller).is_some_and(|until| ports.now < *until) {
            self.forward(key, ports);
        } else {
            ports.call(AUTHORIZING, key.token(AUTHORIZER), request.parcel);
        }
    }

    /// Calls the target.
    fn forward(&mut self, key: Key, ports: &mut Ports<'_>) {
        let Some(request) = self.requests.get(key) else { return };
        self.counts.billed += u64::from(request.is_measured);
        let parcel = request.parcel;
        let integration = self.integrations.insert(Integration { request: key, begun: ports.now });
        if self.client.is_some() {
            let call = CallId(integration.place());
            self.with_client(ports, |client, ports| client.arrived(call, parcel, ports));
            return;
        }
        ports.call(TARGET, integration.token(INTEGRATION), parcel);
        if let (Some(timeout), false) = (self.settings.timeout, self.is_timing) {
            self.is_timing = true;
            ports.wake_late(TIMEOUT, ports.now + timeout);
        }
    }

    /// Notifies the client and does what it wants done.
    fn with_client(&mut self, ports: &mut Ports<'_>, tell: impl FnOnce(&mut dyn Component, &mut Ports<'_>)) {
        let Some(client) = &mut self.client else { return };
        let mut actions = std::mem::take(&mut self.actions);
        let mut own = Ports { now: ports.now, is_measured: ports.is_measured, entry: 0, actions: &mut actions };
        tell(&mut **client, &mut own);
        for action in actions.drain(..) {
            match action {
                Action::Call { token, parcel, .. } => ports.call(TARGET, of_client(token), parcel),
                Action::Abandon { token, how } => ports.abandon(of_client(token), how),
                Action::Wake { token, at, is_deadline: true } => ports.wake_late(of_client(token), at),
                Action::Wake { token, at, is_deadline: false } => ports.wake(of_client(token), at),
                Action::Lose { .. } => {} // a client loses nothing
                Action::Answer { call, outcome } => {
                    if let Some(key) = self.integrations.at(call.0).map(|(key, _)| key) {
                        self.served(key, outcome, ports);
                    }
                }
            }
        }
        self.actions = actions;
    }

    /// The target has responded to a call.
    fn served(&mut self, key: Key, outcome: Outcome, ports: &mut Ports<'_>) {
        let Some(integration) = self.integrations.remove(key) else { return };
        if let (true, Some(cache)) = (outcome.is_success(), &self.cache) {
            self.warm_until = ports.now + cache.ttl;
        }
        let is_own = self.client.is_some() && outcome == Outcome::TimedOut;
        self.end(integration.request, if is_own { End::TimedOut } else { End::Answered(outcome) }, ports);
    }

    /// Stops waiting for calls that have timed out.
    fn time_out(&mut self, timeout: Span, ports: &mut Ports<'_>) {
        self.is_timing = false;
        while let Some((key, integration)) = self.integrations.oldest() {
            let (request, ends) = (integration.request, integration.begun + timeout);
            if ends > ports.now {
                self.is_timing = true;
                ports.wake_late(TIMEOUT, ends);
                return;
            }
            self.integrations.remove(key);
            ports.abandon(key.token(INTEGRATION), Abandon::GoesOn);
            self.end(request, End::TimedOut, ports);
        }
    }
}

impl Component for Gateway {
    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        let measured = u64::from(ports.is_measured);
        self.counts.arrived += measured;
        if self.is_out {
            self.counts.failed += measured;
            ports.answer(call, Outcome::Failed);
            return;
        }
        let is_throttled = self.fault_throttle.as_mut().is_some_and(|fault_throttle| !fault_throttle.take(ports.now));
        if is_throttled || !self.buckets.take(ports.now) {
            self.counts.throttled += measured;
            ports.answer(call, Outcome::Rejected);
            return;
        }
        if self.settings.payload_limit.is_some_and(|limit| parcel.bytes > limit) {
            self.counts.too_large += measured;
            ports.answer(call, Outcome::TooLarge);
            return;
        }
        let (now, is_measured) = (ports.now, ports.is_measured);
        let key = self.requests.insert(Request { call, parcel, begun: now, is_measured, caller: 0 });
        let mut own = self.settings.latency.as_ref().map_or(Span::ZERO, |latency| latency.sample(&mut self.stream));
        if let Some(delay) = &self.delay {
            own += delay.sample(&mut self.stream);
        }
        if own == Span::ZERO {
            self.passed(key, ports);
        } else {
            ports.wake(key.token(PASSED), now + own);
        }
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        if let Some(token) = clients_own(token) {
            self.with_client(ports, |client, ports| client.woken(token, ports));
            return;
        }
        match (token, self.settings.timeout) {
            (TIMEOUT, Some(timeout)) => self.time_out(timeout, ports),
            _ => self.passed(Key::of(token).0, ports),
        }
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        if let Some(token) = clients_own(token) {
            self.with_client(ports, |client, ports| client.answered(token, outcome, ports));
            return;
        }
        let (key, topic) = Key::of(token);
        if topic == AUTHORIZER {
            let (Some(request), Some(authorizer)) = (self.requests.get(key), &self.authorizer) else { return };
            if !outcome.is_success() {
                self.end(key, End::Answered(outcome), ports);
                return;
            }
            if authorizer.cache_ttl > Span::ZERO {
                self.known_until.insert(request.caller, ports.now + authorizer.cache_ttl);
            }
            self.forward(key, ports);
        } else {
            self.served(key, outcome, ports);
        }
    }

    /// The calls that it made for the request are canceled too.
    fn cancelled(&mut self, call: CallId, ports: &mut Ports<'_>) {
        let Some(key) = self.requests.iter().find(|(_, request)| request.call == call).map(|(key, _)| key) else {
            return;
        };
        let integration = self.integrations.iter().find(|(_, integration)| integration.request == key);
        match integration.map(|(key, _)| key) {
            Some(integration) if self.client.is_some() => {
                let call = CallId(integration.place());
                self.with_client(ports, |client, ports| client.cancelled(call, ports));
            }
            Some(integration) => {
                self.integrations.remove(integration);
                ports.abandon(integration.token(INTEGRATION), Abandon::Cancels);
            }
            // The request is at the authorizer, or still in the gateway's own latency.
            None => ports.abandon(key.token(AUTHORIZER), Abandon::Cancels),
        }
        self.end(key, End::Answered(Outcome::Failed), ports);
    }

    fn disturbed(&mut self, disturbance: &Disturbance, ports: &mut Ports<'_>) {
        match disturbance {
            Disturbance::Errors(ratio) => self.errors = *ratio,
            Disturbance::Delay(delay) => self.delay.clone_from(delay),
            Disturbance::Outage(is_out) => self.is_out = *is_out,
            Disturbance::Flush => {
                self.warm_until = SimTime::ZERO;
                self.known_until.clear();
            }
            Disturbance::Throttle(bucket) => {
                self.fault_throttle = bucket.as_ref().map(|bucket| Buckets::full(bucket, ports.now));
            }
            _ => {}
        }
    }

    fn gauges(&self, _: SimTime) -> Gauges {
        let cost_usd = self.counts.billed as f64 * self.settings.per_million_usd / 1e6;
        Gauges { in_flight: self.requests.iter().count() as u64, cost_usd, ..Gauges::default() }
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        let Counts { arrived, throttled, too_large, timed_out, cached, completed, failed, billed } = self.counts;
        let unfinished = self.requests.iter().filter(|(_, request)| request.is_measured).count();
        books.count("requests.arrived", arrived);
        books.count("requests.throttled", throttled);
        books.count("requests.too_large", too_large);
        books.count("requests.timed_out", timed_out);
        books.count("requests.cached", cached);
        books.count("requests.completed", completed);
        books.count("requests.failed", failed);
        books.count("requests.unfinished", unfinished as u64);
        books.times("latency_s", &self.latency);
        books.figure("cost_usd", billed as f64 * self.settings.per_million_usd / 1e6);
        if let Some(client) = &mut self.client {
            let mut own = Books::default();
            client.close(end, &mut own);
            let attempts = own.0.into_iter().filter(|(key, _)| key.starts_with("attempts"));
            books.0.extend(attempts);
        }
    }
}

#[cfg(test)]
mod tests;
