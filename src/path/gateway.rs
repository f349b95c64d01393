//! Gateways and load balancers in front of a target.
//!
//! In this order: token buckets throttle excess requests; a cache may respond; an authorizer may be called; the target
//! is called, up to the timeout. After a timeout, the caller gets an error, while the function keeps running and is
//! billed. `latency` is the time of the gateway itself, before the call. Throttled requests cost nothing.
//!
//! A gateway with a client tries the target again as the client says; the gateway's timeout is that of each attempt.
//!
//! Order of throttles, timeouts and prices of Amazon API Gateway: developer guide, api-gateway-request-throttling and
//! limits; first refusal of a constant load L from a full bucket: burst / (L - rate).

use std::collections::HashMap;

use rand::RngExt;

use super::books::{Books, Times};
use super::bucket::{BucketSpec, Buckets, Throttle};
use super::client::{Client, ClientParameters};
use super::slots::{Key, Slots};
use super::{Abandon, Action, CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token};
use crate::dist::{Dist, DistSpec};
use crate::metric::component::{EVENTS, Flow, Kind, RATIO, USD, component_metrics};
use crate::metric::signal::{ENDED, Event, LOST, Signal};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Name, PositiveDuration, Ratio, Text};
use crate::time::{SimTime, Span};

/// What results say of gateways.
pub(crate) const KIND: Kind = Kind {
    title: "Gateways",
    rows_are: "Gateway",
    arrivals: "requests.arrived",
    headline: &["throttled_ratio", "failure_ratio", "latency_s.p99"],
    keeps: false,
    lasts: false,
    chooses: false,
    metrics: component_metrics! {
        "requests.arrived": EVENTS, "Requests that arrived.";
        "requests.throttled": EVENTS.lower(), "Requests throttled by the gateway.";
        "requests.timed_out": EVENTS.lower(), "Requests whose target did not respond in time.";
        "requests.cached": EVENTS.higher(), "Requests served from the cache.";
        "requests.completed": EVENTS.higher(), "Requests with a successful response of the target.";
        "requests.failed": EVENTS.lower(), "Requests that the target throttled or failed.";
        "requests.unfinished": EVENTS.lower(), "Requests without a response at the end of the run.";
        "throttled_ratio": RATIO(&["requests.throttled"], "requests.arrived"), "Throttled requests as a share of \
                                                                                arrivals.";
        "failure_ratio": RATIO(
            &["requests.throttled", "requests.timed_out", "requests.failed", "requests.unfinished"],
            "requests.arrived"
        ), "Requests without a successful response, as a share of all.";
        "cost_usd": USD, "Cost of the gateway.";
        @times "latency_s", "Response time of a request";
    },
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
        failed: &["requests.throttled", "requests.timed_out", "requests.failed"],
        remaining: &["requests.unfinished"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    }),
    losses: None,
    signals: &[
        ("requests.arrived", Signal::Count(Event::Arrived)),
        ("requests.completed", Signal::Count(Event::Succeeded)),
        ("requests.throttled", Signal::Count(Event::Throttled)),
        ("requests.timed_out", Signal::Count(Event::TimedOut)),
        ("requests.failed", Signal::Count(Event::Failed)),
        ("throttled_ratio", Signal::Ratio(&[Event::Throttled], ENDED)),
        ("failure_ratio", Signal::Ratio(LOST, ENDED)),
    ],
    has_latency: true,
};

parameters! {
    /// A gateway or load balancer in front of a target.
    pub struct GatewaySpec {
        /// Unique name.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// The function or component that it calls.
        required target: Text,
        /// The product that provides all values not set here.
        optional preset: Preset,
        /// Token buckets, as a table or an ordered list; "none": no throttling.
        optional throttle: OrNone<Throttle>,
        /// How long it waits for the target, which keeps running after a timeout; "none": no limit.
        optional timeout: OrNone<PositiveDuration>,
        /// Latency added by the gateway itself.
        optional latency: OrNone<DistSpec>,
        /// Response cache.
        optional cache: CacheSpec,
        /// Authorizer that is called before the target.
        optional authorizer: AuthorizerSpec,
        /// Outcome for the caller when the target throttles.
        optional throttled_as: ThrottledAs,
        /// Price per million requests that were not throttled.
        optional per_million_usd: Amount,
        /// How it calls the target: retries, circuit breaker; the timeout of an attempt is `timeout`.
        optional client: Box<ClientParameters>,
    }
}

parameters! {
    /// Answers that a gateway keeps.
    pub struct CacheSpec {
        /// Hit ratio while the cache is warm.
        required hit_ratio: Ratio,
        /// How long the cache stays warm after the last success of the target.
        default ttl: PositiveDuration = Span::from_secs(300),
    }
}

parameters! {
    /// What a gateway asks first whether a request may pass.
    pub struct AuthorizerSpec {
        /// The function or component that authorizes.
        required target: Text,
        /// How long its decision about a caller is cached; 0s: not cached.
        default cache_ttl: Duration = Span::from_secs(300),
        /// Number of distinct callers; each request is from a random one.
        default callers: Count<1, 1_000_000> = 1,
    }
}

/// What a caller gets when the target refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottledAs {
    /// That it was throttled, as by HTTP 429.
    Throttled,
    /// An error, as by HTTP 502 or 503.
    Error,
}

choice! { ThrottledAs {
    "throttled" => ThrottledAs::Throttled, "That it was throttled, as by HTTP 429.";
    "error" => ThrottledAs::Error, "An error, as by HTTP 502 or 503.";
} }

/// Whose gateway it is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Amazon API Gateway, REST.
    AwsRest,
    /// Amazon API Gateway, HTTP.
    AwsHttp,
    /// Amazon's Application Load Balancer.
    AwsAlb,
    /// The HTTP front end of Azure Functions.
    Azure,
    /// Google Cloud's API Gateway.
    Gcp,
}

choice! { Preset {
    "aws-rest" => Preset::AwsRest, "Amazon API Gateway, REST API.";
    "aws-http" => Preset::AwsHttp, "Amazon API Gateway, HTTP API.";
    "aws-alb" => Preset::AwsAlb, "Amazon Application Load Balancer; its price by the hour is not counted.";
    "azure" => Preset::Azure, "The HTTP front end of Azure Functions.";
    "gcp" => Preset::Gcp, "Google Cloud API Gateway.";
} }

impl GatewaySpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.client.as_ref().is_some_and(|client| client.timeout.is_some()) {
            check.wrong_with("client.timeout", "cannot be set", "write it as `timeout` of the gateway");
        }
    }

    /// What it does, with what its preset says and the file does not.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let preset = self.preset.map_or(Settings::PLAIN, Preset::settings);
        let latency = |latency: &Option<DistSpec>| latency.as_ref().and_then(|latency| latency.dist().ok());
        Settings {
            throttle: self.throttle.clone().map_or(preset.throttle, Option::unwrap_or_default),
            timeout: self.timeout.unwrap_or(preset.timeout),
            latency: self.latency.as_ref().map_or(preset.latency, latency),
            throttled_as: self.throttled_as.unwrap_or(preset.throttled_as),
            per_million_usd: self.per_million_usd.unwrap_or(preset.per_million_usd),
        }
    }
}

/// What a gateway does.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Token buckets in order.
    pub throttle: Throttle,
    /// How long it waits for the target.
    pub timeout: Option<Span>,
    /// What it takes itself.
    pub latency: Option<Dist>,
    /// Outcome for the caller when the target throttles.
    pub throttled_as: ThrottledAs,
    /// Price of a million requests.
    pub per_million_usd: f64,
}

impl Settings {
    const PLAIN: Self = Self {
        throttle: Throttle(Vec::new()),
        timeout: None,
        latency: None,
        throttled_as: ThrottledAs::Throttled,
        per_million_usd: 0.0,
    };
}

impl Preset {
    /// What the vendors say, as of November 2026, in the largest region. No vendor publishes the gateway's own latency: the
    /// medians and 99th percentiles are assumptions, as is what a caller sees when the function is throttled.
    fn settings(self) -> Settings {
        let millis = Span::from_millis;
        let latency = |median, p99| Dist::log_normal_p99(millis(median), millis(p99)).ok();
        let account = Throttle(vec![BucketSpec { rate: 10_000.0, burst: Some(5_000.0) }]);
        match self {
            // Developer guide, "Amazon API Gateway quotas": 10,000/s and 5,000 in the account (some regions 2,500 and 1,250),
            // integration 29 s; $3.50 per million. A throttled function is HTTP 502 for the caller.
            Self::AwsRest => Settings {
                throttle: account,
                timeout: Some(Span::from_secs(29)),
                latency: latency(6, 30),
                throttled_as: ThrottledAs::Error,
                per_million_usd: 3.5,
            },
            // The same page: 30 s, fixed; $1.00 per million. A throttled function is HTTP 503.
            Self::AwsHttp => Settings {
                throttle: account,
                timeout: Some(Span::from_secs(30)),
                latency: latency(3, 15),
                throttled_as: ThrottledAs::Error,
                per_million_usd: 1.0,
            },
            // Elastic Load Balancing, "Edit attributes for your Application Load Balancer": idle timeout 60 s. It is paid by
            // the hour and by capacity units, not by request.
            Self::AwsAlb => Settings {
                timeout: Some(Span::from_secs(60)),
                latency: latency(1, 5),
                throttled_as: ThrottledAs::Error,
                ..Settings::PLAIN
            },
            // "Azure Functions scale and hosting": the load balancer's idle timeout of 230 s bounds every HTTP answer.
            Self::Azure => Settings { timeout: Some(Span::from_secs(230)), latency: latency(2, 10), ..Settings::PLAIN },
            // cloud.google.com/api-gateway/docs/pricing: $3.00 per million from 2 million on; the default deadline of a
            // backend, 15 s, is from memory.
            Self::Gcp => Settings {
                timeout: Some(Span::from_secs(15)),
                latency: latency(6, 30),
                per_million_usd: 3.0,
                ..Settings::PLAIN
            },
        }
    }
}

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
    /// Who calls the target in its name.
    client: Option<Box<dyn Component>>,
    /// Room for what the client wants done.
    actions: Vec<Action>,
    cache: Option<CacheSpec>,
    authorizer: Option<AuthorizerSpec>,
    stream: Stream,
    buckets: Buckets,
    requests: Slots<Request>,
    /// Calls of the target in the order in which they were made, which is that of their timeouts.
    integrations: Slots<Integration>,
    warm_until: SimTime,
    /// Until when the authorizer's answer about a caller is kept.
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
    timed_out: u64,
    cached: u64,
    completed: u64,
    failed: u64,
    billed: u64,
}

/// How a request ended here.
#[derive(Clone, Copy)]
enum End {
    Cached,
    TimedOut,
    Answered(Outcome),
}

/// Topics of tokens: the gateway's own time is over; the authorizer; the target.
const PASSED: u32 = 0;
const AUTHORIZER: u32 = 1;
const INTEGRATION: u32 = 2;
/// The alarm for the oldest call of the target. No key has this topic.
const TIMEOUT: Token = Token(3);

/// The bit that tells tokens of the client from those of the gateway: no key uses it.
const OF_CLIENT: u64 = 1 << 63;

const fn of_client(token: Token) -> Token {
    Token(token.0 | OF_CLIENT)
}

/// What a token of the client is to the client.
fn clients_own(token: Token) -> Option<Token> {
    (token.0 & OF_CLIENT != 0).then_some(Token(token.0 & !OF_CLIENT))
}

/// Numbers of the targets.
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

    /// The gateway's own time is over.
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

    /// Tells the client something, and does what it wants done.
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

    /// A call of the target has been answered.
    fn served(&mut self, key: Key, outcome: Outcome, ports: &mut Ports<'_>) {
        let Some(integration) = self.integrations.remove(key) else { return };
        if let (true, Some(cache)) = (outcome.is_success(), &self.cache) {
            self.warm_until = ports.now + cache.ttl;
        }
        let is_own = self.client.is_some() && outcome == Outcome::TimedOut;
        self.end(integration.request, if is_own { End::TimedOut } else { End::Answered(outcome) }, ports);
    }

    /// Stops waiting for what has taken too long.
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
        let Counts { arrived, throttled, timed_out, cached, completed, failed, billed } = self.counts;
        let unfinished = self.requests.iter().filter(|(_, request)| request.is_measured).count();
        books.count("requests.arrived", arrived);
        books.count("requests.throttled", throttled);
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
mod tests {
    use super::*;
    use crate::path::Action;
    use crate::path::testing::Bench;
    use crate::schema::diagnostic::Problems;

    fn spec() -> GatewaySpec {
        GatewaySpec {
            name: "api".into(),
            site: None,
            target: "checkout".into(),
            preset: None,
            throttle: None,
            timeout: None,
            latency: None,
            cache: None,
            authorizer: None,
            throttled_as: None,
            per_million_usd: Some(3.5),
            client: None,
        }
    }

    fn bucket(rate: f64, burst: f64) -> Option<Option<Throttle>> {
        Some(Some(Throttle(vec![BucketSpec { rate, burst: Some(burst) }])))
    }

    /// When which target was called.
    type Called = (f64, u32, Token);
    /// When which call was answered, and how.
    type Answered = (f64, u32, Outcome);

    /// What it did.
    fn did(bench: &mut Bench) -> (Vec<Called>, Vec<Answered>) {
        let (mut calls, mut answers) = (Vec::new(), Vec::new());
        for (at, action) in bench.take() {
            match action {
                Action::Call { token, target, .. } => calls.push((at, target, token)),
                Action::Answer { call, outcome } => answers.push((at, call.0, outcome)),
                _ => {}
            }
        }
        (calls, answers)
    }

    fn balance(bench: &mut Bench) -> f64 {
        let books = bench.books();
        let figure = |key: &str| books.get(&format!("requests.{key}")).expect("a figure");
        let ends = ["throttled", "timed_out", "cached", "completed", "failed", "unfinished"].map(figure);
        assert_eq!(figure("arrived"), ends.iter().sum::<f64>());
        figure("arrived")
    }

    #[test]
    fn the_first_refusal_of_a_constant_load_comes_when_the_burst_is_used_up() {
        // 20 / (60 - 40) = 1 s.
        let mut bench = Bench::new(&GatewaySpec { throttle: bucket(40.0, 20.0), ..spec() });
        for number in 0..120 {
            bench.until(f64::from(number) / 60.0);
            bench.arrive(number);
        }
        let (_, answers) = did(&mut bench);
        assert!((answers[0].0 - 1.0).abs() <= 2.0 / 60.0 && answers[0].2 == Outcome::Rejected, "{:?}", answers[0]);
        let books = bench.books();
        let throttled = books.get("requests.throttled").expect("a figure");
        assert!((throttled - 20.0).abs() <= 1.0, "120 - 20 - 2 s x 40: {throttled}");
        assert_eq!(books.get("cost_usd"), Some((120.0 - throttled) * 3.5 / 1e6), "refused ones cost nothing");
        balance(&mut bench);
    }

    #[test]
    fn when_it_stops_waiting_the_target_runs_on() {
        let latency = Some(Some(DistSpec::Constant(Box::new(constant(0.5)))));
        let timeout = Some(Some(Span::from_secs(29)));
        let mut bench = Bench::new(&GatewaySpec { latency, timeout, ..spec() });
        bench.arrive(0);
        bench.until(0.5);
        let (calls, _) = did(&mut bench);
        assert_eq!((calls[0].0, calls[0].1), (0.5, 0));
        bench.until(30.0);
        let abandon = Action::Abandon { token: calls[0].2, how: Abandon::GoesOn };
        let answer = Action::Answer { call: CallId(0), outcome: Outcome::TimedOut };
        assert_eq!(bench.take(), [(29.5, abandon), (29.5, answer)]);
        bench.answer(calls[0].2, Outcome::Completed);
        assert_eq!(bench.take(), []);
        assert_eq!(bench.books().get("requests.timed_out"), Some(1.0));
        balance(&mut bench);
    }

    fn constant(secs: f64) -> crate::dist::ConstantSpec {
        crate::dist::ConstantSpec { value: Span::from_secs_f64(secs).expect("a time") }
    }

    #[test]
    fn a_warm_cache_answers_without_the_target_and_cools_without_success() {
        let cache = Some(CacheSpec { hit_ratio: 1.0, ttl: Span::from_secs(10) });
        let mut bench = Bench::new(&GatewaySpec { cache, ..spec() });
        bench.arrive(0);
        let (calls, answers) = did(&mut bench);
        assert_eq!((calls.len(), answers.len()), (1, 0), "it is cold at first");
        bench.answer(calls[0].2, Outcome::Completed);
        bench.until(9.9);
        bench.arrive(1);
        let (calls, answers) = did(&mut bench);
        assert_eq!((calls.len(), answers.len()), (0, 2));
        bench.until(10.0);
        bench.arrive(2);
        let (calls, _) = did(&mut bench);
        bench.answer(calls[0].2, Outcome::Failed);
        bench.arrive(3);
        assert_eq!(did(&mut bench).0.len(), 1, "a failure warms nothing");
        assert_eq!(bench.books().get("requests.cached"), Some(1.0));
        balance(&mut bench);
    }

    #[test]
    fn an_authorizer_is_asked_once_for_each_caller_while_its_answer_is_kept() {
        let authorizer = Some(AuthorizerSpec { target: "auth".into(), cache_ttl: Span::from_secs(60), callers: 1 });
        let spec = GatewaySpec { authorizer, ..spec() };
        assert_eq!(spec.targets(), ["checkout", "auth"]);
        let mut bench = Bench::new(&spec);
        bench.arrive(0);
        let (asked, _) = did(&mut bench);
        assert_eq!(asked[0].1, 1);
        bench.answer(asked[0].2, Outcome::Completed);
        assert_eq!(did(&mut bench).0[0].1, 0);
        bench.until(59.0);
        bench.arrive(1);
        assert_eq!(did(&mut bench).0[0].1, 0, "straight to the target");
        bench.until(60.0);
        bench.arrive(2);
        let (asked, _) = did(&mut bench);
        assert_eq!(asked[0].1, 1);
        bench.answer(asked[0].2, Outcome::Failed);
        assert_eq!(did(&mut bench).1, [(60.0, 2, Outcome::Failed)]);
        balance(&mut bench);
    }

    #[test]
    fn what_the_target_refuses_is_an_error_behind_some_gateways() {
        let seen = |preset| {
            let mut bench = Bench::new(&GatewaySpec { preset, ..spec() });
            bench.arrive(0);
            bench.until(1.0);
            let (calls, _) = did(&mut bench);
            bench.answer(calls[0].2, Outcome::Rejected);
            let books = bench.books();
            assert_eq!((books.get("requests.throttled"), books.get("requests.failed")), (Some(0.0), Some(1.0)));
            did(&mut bench).1[0].2
        };
        assert_eq!(seen(None), Outcome::Rejected);
        assert_eq!(seen(Some(Preset::AwsRest)), Outcome::Failed);
        assert_eq!(seen(Some(Preset::Azure)), Outcome::Rejected);
    }

    #[test]
    fn a_preset_says_what_the_file_does_not() {
        let rest = GatewaySpec { preset: Some(Preset::AwsRest), per_million_usd: None, ..spec() };
        let settings = rest.settings();
        assert_eq!((settings.timeout, settings.per_million_usd), (Some(Span::from_secs(29)), 3.5));
        assert_eq!(settings.throttle.0, [BucketSpec { rate: 10_000.0, burst: Some(5_000.0) }]);
        assert_eq!(settings.latency.map(|latency| latency.quantile(0.5)), Some(Span::from_millis(6)));
        let own = GatewaySpec { throttle: Some(None), timeout: Some(None), latency: Some(None), ..rest };
        assert_eq!(own.settings().throttle, Throttle::default());
        assert_eq!((own.settings().timeout, own.settings().latency), (None, None));
    }

    #[test]
    fn with_a_client_it_tries_again_and_its_time_out_is_that_of_an_attempt() {
        let node = Node::parse_value("{ retry = { max-attempts = 3 } }", 0, 0).expect("TOML");
        let mut problems = Problems::default();
        let client = ClientParameters::read(&node, &mut Reader::new(&mut problems, &[])).map(Box::new);
        let timeout = Some(Some(Span::from_secs(2)));
        let mut bench = Bench::new(&GatewaySpec { client, timeout, ..spec() });
        bench.arrive(0);
        let (calls, _) = did(&mut bench);
        bench.until(1.0);
        bench.answer(calls[0].2, Outcome::Failed);
        let (calls, answers) = did(&mut bench);
        assert_eq!((calls[0].0, calls[0].1, answers.len()), (1.0, 0, 0));
        bench.until(3.0);
        let (calls, _) = did(&mut bench);
        assert_eq!((calls[0].0, calls[0].1), (3.0, 0), "the second has timed out");
        bench.answer(calls[0].2, Outcome::Completed);
        assert_eq!(did(&mut bench).1, [(3.0, 0, Outcome::Completed)]);
        bench.arrive(1);
        bench.until(100.0);
        assert_eq!(did(&mut bench).1, [(9.0, 1, Outcome::TimedOut)]);
        assert_eq!(bench.books().get("attempts.made"), Some(6.0));
        assert_eq!(bench.books().get("requests.timed_out"), Some(1.0));
        balance(&mut bench);
    }

    #[test]
    fn faults_fail_delay_and_stop_it() {
        let mut bench = Bench::new(&spec());
        bench.disturb(&Disturbance::Outage(true));
        bench.arrive(0);
        assert_eq!(did(&mut bench).1, [(0.0, 0, Outcome::Failed)]);
        bench.disturb(&Disturbance::Outage(false));
        bench.disturb(&Disturbance::Errors(1.0));
        bench.arrive(1);
        assert_eq!(did(&mut bench).1, [(0.0, 1, Outcome::Failed)]);
        bench.disturb(&Disturbance::Errors(0.0));
        bench.disturb(&Disturbance::Delay(Some(Dist::Constant(Span::from_secs(2)))));
        bench.arrive(2);
        bench.until(3.0);
        assert_eq!(did(&mut bench).0[0].0, 2.0);
        assert_eq!(balance(&mut bench), 3.0);
    }
}
