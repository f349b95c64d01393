//! Routers: one name for several targets, like DNS or a global load balancer.
//!
//! With "weighted", each call goes to a random target, by shares; with "latency", to the one whose recent responses
//! were fastest; with "failover", to the first healthy one. A health check sends no requests here: at each interval it
//! evaluates how the calls to a target have ended since the previous check, as a real check would have. After a number
//! of consecutive bad intervals a target is unhealthy, and after as many good ones it is healthy again; callers notice
//! when their cached record is `ttl` old, as with DNS. A target without calls gets one call per interval as a probe. If
//! no target is healthy, all are used, as in Amazon Route 53 (developer guide, "How Route 53 chooses records when
//! health checking is configured"). Its health checkers check every 30 s (fast: 10 s) and change after 3 in a row;
//! records typically live for 60 s.

use rand::RngExt;

use super::books::Books;
use super::slots::{Key, Slots};
use super::{Abandon, CallId, Component, Outcome, Parcel, Ports, Spec, Token};
use crate::metric::component::{EVENTS, Flow, Kind, RATIO, component_metrics};
use crate::metric::signal;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::limits::MAX_STATES;
use crate::schema::scalars::{Amount, Count, Duration, Name, PositiveDuration, Text};
use crate::time::{SimTime, Span};

/// What results report about routers.
pub(crate) const KIND: Kind = Kind {
    title: "Routers",
    rows_are: "Router",
    arrivals: "calls.arrived",
    headline: &["failure_ratio", "calls.failed_over"],
    keeps: false,
    lasts: false,
    metrics: component_metrics! {
        "calls.arrived": EVENTS, "Calls that arrived.";
        "calls.completed": EVENTS.higher(), "Calls with a successful response.";
        "calls.failed": EVENTS.lower(), "Calls that were not.";
        "calls.unfinished": EVENTS.lower(), "Calls without a response at the end of the run.";
        "calls.failed_over": EVENTS, "Calls that were sent to a failover target.";
        "failure_ratio": RATIO(&["calls.failed", "calls.unfinished"], "calls.arrived"), "Calls without a successful \
                                                                                         response, as a share of all.";
    },
    limits: &[],
    columns: &[
        ("calls.arrived", "Calls"),
        ("calls.completed", "Completed"),
        ("calls.failed", "Failed"),
        ("calls.failed_over", "Failed over"),
    ],
    flow: Some(Flow {
        incoming: &["calls.arrived"],
        succeeded: &["calls.completed"],
        failed: &["calls.failed"],
        remaining: &["calls.unfinished"],
        time: None,
        word: "failed",
    }),
    losses: None,
    signals: signal::CALLS,
    has_latency: true,
};

parameters! {
    /// Distributes calls over several targets.
    pub struct RouterSpec {
        /// Unique name.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// How a healthy target is chosen.
        default policy: Policy = Policy::Weighted,
        /// The targets; with policy = "failover", in order of preference.
        required targets: List<RouteSpec, 1, MAX_STATES>,
        /// How unhealthy targets are detected. Default: all targets count as healthy.
        optional health_check: HealthCheckSpec,
    }
}

parameters! {
    /// One target of a router.
    pub struct RouteSpec {
        /// A function or a component.
        required target: Text,
        /// With policy = "weighted": relative weight of this target.
        default share: Amount = 1.0,
    }
}

parameters! {
    /// How unhealthy targets are detected.
    pub struct HealthCheckSpec {
        /// Interval between checks.
        default interval: PositiveDuration = Span::from_secs(30),
        /// Consecutive checks with a different result after which a target becomes unhealthy, or healthy again.
        default failures: Count<1, 1_000> = 3,
        /// Delay until callers notice the change.
        default ttl: Duration = Span::from_secs(60),
    }
}

choice! {
    /// How a target is chosen.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Policy {
        "weighted" => Weighted, "At random, by shares.";
        "latency" => Latency, "The one with the fastest recent responses; each is probed occasionally.";
        "failover" => Failover, "The first healthy one.";
    }
}

impl RouterSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.policy == Policy::Weighted && self.targets.iter().all(|route| route.share == 0.0) {
            check.wrong("targets", "must have a share above 0 somewhere");
        }
    }
}

impl Spec for RouterSpec {
    fn targets(&self) -> Vec<&str> {
        self.targets.iter().map(|route| route.target.as_str()).collect()
    }

    fn awaited(&self) -> (Vec<usize>, usize) {
        match self.policy {
            // A random choice falls on one that ends some time.
            Policy::Weighted => ((0..self.targets.len()).filter(|place| self.targets[*place].share > 0.0).collect(), 1),
            Policy::Latency | Policy::Failover => ((0..self.targets.len()).collect(), self.targets.len()),
        }
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        let routes = self.targets.iter().map(|route| Route::new(route.share)).collect();
        Box::new(Router {
            spec: self.clone(),
            stream,
            routes,
            calls: Slots::default(),
            failed_over: 0,
            arrived: 0,
            failed: 0,
        })
    }
}

/// The state of a router.
struct Router {
    spec: RouterSpec,
    stream: Stream,
    routes: Vec<Route>,
    calls: Slots<Call>,
    arrived: u64,
    failed: u64,
    /// Calls that went to another target because of a health check.
    failed_over: u64,
}

struct Call {
    id: CallId,
    begun: SimTime,
    is_measured: bool,
    route: usize,
}

/// The state of a target.
struct Route {
    share: f64,
    /// Mean latency of its responses, s, weighted towards recent ones; `None` before the first.
    latency: Option<f64>,
    /// Whether callers consider it healthy, and since when, or from when on.
    is_healthy: bool,
    turns: Option<SimTime>,
    /// Consecutive checks that contradict the current state.
    against: u32,
    /// The current interval, and how the calls in it ended.
    interval: u64,
    good: u64,
    bad: u64,
    /// The last interval in which it was called.
    asked: Option<u64>,
    calls: u64,
}

/// Weight of a response in the mean latency.
const WEIGHT: f64 = 0.1;
/// With policy = "latency": share of the calls that goes to each target in any case, to measure its latency.
const EXPLORED: f64 = 0.01;

impl Route {
    const fn new(share: f64) -> Self {
        Self {
            share,
            latency: None,
            is_healthy: true,
            turns: None,
            against: 0,
            interval: 0,
            good: 0,
            bad: 0,
            asked: None,
            calls: 0,
        }
    }

    /// Evaluates the health checks up to now.
    fn pass_time(&mut self, check: &HealthCheckSpec, now: SimTime) {
        let interval = now.as_nanos() / check.interval.as_nanos().max(1);
        if interval > self.interval && self.good + self.bad > 0 {
            // An interval without calls says nothing about its health.
            let is_good = self.good >= self.bad;
            let decided = self.is_healthy != self.turns.is_some();
            self.against = if is_good == decided { 0 } else { self.against + 1 };
            if self.against >= check.failures {
                self.against = 0;
                let end = SimTime::from_nanos((self.interval + 1).saturating_mul(check.interval.as_nanos()));
                // A change that is reverted before callers notice has no effect for them.
                self.turns = if self.turns.is_some() { None } else { Some(end + check.ttl) };
            }
            (self.good, self.bad) = (0, 0);
        }
        self.interval = interval;
        if self.turns.is_some_and(|at| at <= now) {
            (self.is_healthy, self.turns) = (!self.is_healthy, None);
        }
    }
}

impl Router {
    /// The route that a call takes.
    fn choose(&mut self, is_open: impl Fn(&Route) -> bool) -> Option<usize> {
        let mut open = self.routes.iter().enumerate().filter(|(_, route)| is_open(route));
        match self.spec.policy {
            Policy::Failover => open.next().map(|(number, _)| number),
            Policy::Weighted => {
                let total: f64 = open.map(|(_, route)| route.share).sum();
                let mut at = total * self.stream.random::<f64>();
                let mut last = None;
                for (number, route) in self.routes.iter().enumerate().filter(|(_, route)| is_open(route)) {
                    if route.share > 0.0 {
                        last = Some(number);
                        at -= route.share;
                        if at < 0.0 {
                            break;
                        }
                    }
                }
                last
            }
            Policy::Latency => {
                let is_exploring = self.stream.random::<f64>() < EXPLORED;
                let open: Vec<(usize, Option<f64>)> = open.map(|(number, route)| (number, route.latency)).collect();
                if is_exploring && !open.is_empty() {
                    return Some(open[self.stream.random_range(0..open.len())].0);
                }
                // A target that has not responded yet is tried first.
                let fastest = open.iter().min_by(|a, b| a.1.unwrap_or(0.0).total_cmp(&b.1.unwrap_or(0.0)));
                fastest.map(|(number, _)| *number)
            }
        }
    }
}

impl Component for Router {
    fn arrived(&mut self, id: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        self.arrived += u64::from(ports.is_measured);
        let mut probe = None;
        if let Some(check) = &self.spec.health_check {
            for (number, route) in self.routes.iter_mut().enumerate() {
                route.pass_time(check, ports.now);
                if !route.is_healthy && route.asked != Some(route.interval) {
                    probe = probe.or(Some(number));
                }
            }
        }
        let is_any_out = self.routes.iter().any(|route| !route.is_healthy);
        let healthy = self.choose(|route| route.is_healthy);
        let Some(number) = probe.or(healthy).or_else(|| self.choose(|_| true)) else {
            self.failed += u64::from(ports.is_measured);
            ports.answer(id, Outcome::Failed);
            return;
        };
        if ports.is_measured && is_any_out && self.routes[number].is_healthy {
            self.failed_over += 1;
        }
        let route = &mut self.routes[number];
        route.asked = Some(route.interval);
        route.calls += u64::from(ports.is_measured);
        let call = Call { id, begun: ports.now, is_measured: ports.is_measured, route: number };
        let key = self.calls.insert(call);
        ports.call(number as u32, key.token(0), parcel);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let Some(call) = self.calls.remove(Key::of(token).0) else { return };
        let route = &mut self.routes[call.route];
        if let Some(check) = &self.spec.health_check {
            route.pass_time(check, ports.now);
        }
        if outcome.is_success() {
            route.good += 1;
            let took = ports.now.since(call.begun).as_secs_f64();
            route.latency = Some(route.latency.map_or(took, |mean| mean + WEIGHT * (took - mean)));
        } else {
            route.bad += 1;
            self.failed += u64::from(call.is_measured);
        }
        ports.answer(call.id, outcome);
    }

    /// This outcome says nothing about the target's health.
    fn cancelled(&mut self, id: CallId, ports: &mut Ports<'_>) {
        let Some(key) = self.calls.iter().find(|(_, call)| call.id == id).map(|(key, _)| key) else { return };
        ports.abandon(key.token(0), Abandon::Cancels);
        if let Some(call) = self.calls.remove(key) {
            self.failed += u64::from(call.is_measured);
        }
        ports.answer(id, Outcome::Failed);
    }

    fn close(&mut self, _: SimTime, books: &mut Books) {
        let unfinished = self.calls.iter().filter(|(_, call)| call.is_measured).count() as u64;
        books.count("calls.arrived", self.arrived);
        books.count("calls.completed", self.arrived - self.failed - unfinished);
        books.count("calls.failed", self.failed);
        books.count("calls.unfinished", unfinished);
        books.count("calls.failed_over", self.failed_over);
        for (spec, route) in self.spec.targets.iter().zip(&self.routes) {
            books.figure(&format!("share.{}", spec.target), route.calls as f64 / self.arrived as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Action;
    use crate::path::testing::Bench;

    fn spec(policy: Policy, shares: &[f64]) -> RouterSpec {
        let target = |(number, share): (usize, &f64)| RouteSpec { target: format!("t{number}"), share: *share };
        RouterSpec {
            name: "front".into(),
            site: None,
            policy,
            targets: shares.iter().enumerate().map(target).collect(),
            health_check: None,
        }
    }

    /// A call arrives now; returns its target and the token for the response.
    fn call(bench: &mut Bench) -> (u32, Token) {
        bench.arrive(0);
        match bench.take()[..] {
            [(_, Action::Call { token, target, .. })] => (target, token),
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn shares_are_kept_at_random() {
        let mut bench = Bench::new(&spec(Policy::Weighted, &[1.0, 0.0, 3.0]));
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[call(&mut bench).0 as usize] += 1;
        }
        // 10,000 calls with a probability of 1/4: standard deviation 43.
        assert!((counts[0] - 2_500_i32).abs() < 4 * 43 && counts[1] == 0, "{counts:?}");
        assert_eq!(bench.books().get("share.t1"), Some(0.0));
        assert_eq!(bench.books().get("calls.unfinished"), Some(10_000.0));
    }

    #[test]
    fn the_fastest_is_taken_once_all_have_answered() {
        let mut bench = Bench::new(&spec(Policy::Latency, &[1.0, 1.0]));
        let mut counts = [0; 2];
        for step in 0..1_000 {
            let (target, token) = call(&mut bench);
            counts[target as usize] += 1;
            bench.until(f64::from(step) * 10.0 + if target == 0 { 2.0 } else { 1.0 });
            bench.answer(token, Outcome::Completed);
            bench.until(f64::from(step + 1) * 10.0);
            bench.take();
        }
        assert!((1..20).contains(&counts[0]), "asked first, and now and then: {counts:?}");
    }

    #[test]
    fn after_three_bad_checks_and_the_ttl_calls_go_elsewhere_and_come_back() {
        let check = HealthCheckSpec { interval: Span::from_secs(30), failures: 3, ttl: Span::from_secs(60) };
        let mut bench = Bench::new(&RouterSpec { health_check: Some(check), ..spec(Policy::Failover, &[1.0, 1.0]) });
        // The first target fails from 0 s to 300 s. One call per second.
        let mut seen = Vec::new();
        for second in 0..600 {
            bench.until(f64::from(second));
            let (target, token) = call(&mut bench);
            let is_good = target == 1 || second >= 300;
            bench.answer(token, if is_good { Outcome::Completed } else { Outcome::Failed });
            bench.take();
            seen.push(target);
        }
        // Bad at 30, 60 and 90 s; callers notice at 150 s. From then on one call in 30 s is a probe.
        assert!(seen[..150].iter().all(|target| *target == 0));
        let probes: Vec<usize> = (150..450).filter(|second| seen[*second] == 0).collect();
        assert_eq!(probes, (5..15).map(|interval| interval * 30).collect::<Vec<_>>());
        // Good at 330, 360 and 390 s; callers notice at 450 s.
        assert!(seen[450..].iter().all(|target| *target == 0));
        assert_eq!(bench.books().get("calls.failed_over"), Some(290.0));
        assert_eq!(bench.books().get("calls.failed"), Some(155.0));
    }

    #[test]
    fn where_nobody_is_healthy_all_are_used() {
        let check = HealthCheckSpec { interval: Span::from_secs(1), failures: 1, ttl: Span::ZERO };
        let mut bench = Bench::new(&RouterSpec { health_check: Some(check), ..spec(Policy::Failover, &[1.0]) });
        for second in 0..10 {
            bench.until(f64::from(second));
            for _ in 0..3 {
                let (_, token) = call(&mut bench);
                bench.answer(token, Outcome::Failed);
                bench.take();
            }
        }
        assert_eq!(bench.books().get("calls.failed"), Some(30.0));
    }
}
