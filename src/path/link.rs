//! Links between sites: how long calls and responses take to cross them, and what is lost.
//!
//! Crossing a link takes its latency plus the size of the call, or of the response in the other direction, over the
//! bandwidth. All transfers in a direction share its bandwidth one after another, in order of arrival (FIFO): a
//! transfer begins when the link is free and arrives with its last byte, so that under Poisson calls each direction is
//! an M/G/1 queue. In addition, no transfer is faster than `bandwidth-per-call`, the line of the individual caller,
//! which others do not slow down. Responses other than successes have no size.
//!
//! A lost call never arrives, and nobody is notified: the caller only notices its timeout. Responses are not lost.

use rand::RngExt;

use super::books::{Books, Times};
use super::slots::{Key, Slots};
use super::{Abandon, CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token};
use crate::dist::{Dist, DistSpec};
use crate::metric::component::{EVENTS, Flow, Kind, RATIO, USD, component_metrics};
use crate::metric::signal;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Name, Ratio};
use crate::schema::sizes::Bandwidth;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// What results report about links.
pub(crate) const KIND: Kind = Kind {
    title: "Links",
    rows_are: "Link",
    arrivals: "calls.arrived",
    headline: &["calls.lost", "wait_s.p99"],
    keeps: false,
    lasts: false,
    metrics: component_metrics! {
        "calls.arrived": EVENTS, "Calls over the link.";
        "calls.answered": EVENTS.higher(), "Calls whose response arrived.";
        "calls.lost": EVENTS.lower(), "Calls that never arrived, or whose response did not.";
        "calls.failed": EVENTS.lower(), "Calls that failed because of an outage of the link.";
        "calls.unfinished": EVENTS.lower(), "Calls without a response at the end of the run.";
        "bytes": EVENTS, "Bytes transferred, in both directions.";
        "cost_usd": USD, "Cost of the transfers.";
        "loss_ratio": RATIO(&["calls.lost"], "calls.arrived"), "Lost calls as a share of all.";
        @times "wait_s", "Time that payloads waited for bandwidth";
    },
    limits: &[],
    columns: &[
        ("calls.arrived", "Calls"),
        ("calls.lost", "Lost"),
        ("calls.failed", "Failed"),
        ("bytes", "Bytes"),
        ("wait_s.p99", "Wait for bandwidth p99"),
        ("cost_usd", "Cost"),
    ],
    flow: Some(Flow {
        incoming: &["calls.arrived"],
        succeeded: &["calls.answered"],
        failed: &["calls.lost", "calls.failed"],
        remaining: &["calls.unfinished"],
        time: Some(("wait p99", "wait_s.p99")),
        word: "lost",
    }),
    losses: None,
    signals: signal::CALLS,
    has_latency: true,
};

parameters! {
    /// A network link between two sites, in both directions.
    pub struct LinkParameters {
        /// Unique name.
        required name: Name,
        /// The two sites.
        required between: List<Name, 2, 2>,
        /// One-way latency, in each direction: half of a measured round trip. Default: none.
        optional latency: DistSpec,
        /// Bandwidth shared by all calls in the same direction, one transfer at a time. Default: no limit.
        optional bandwidth: Bandwidth,
        /// Bandwidth of a single call. Default: no limit.
        optional bandwidth_per_call: Bandwidth,
        /// Share of calls that never arrive; responses always do.
        default loss_ratio: Ratio = 0.0,
        /// Price per GB transferred, in either direction.
        default per_gb_usd: Amount = 0.0,
    }
}

impl LinkParameters {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.between.first() == self.between.last() {
            check.wrong("between", "must name two different sites");
        }
    }

    /// Whether the link connects these two sites; if so, whether the direction is from the second to the first.
    #[must_use]
    pub fn leads(&self, from: &str, to: &str) -> Option<bool> {
        let [one, other] = &self.between[..] else { return None };
        if (one, other) == (&from.to_owned(), &to.to_owned()) {
            Some(false)
        } else {
            ((other, one) == (&from.to_owned(), &to.to_owned())).then_some(true)
        }
    }
}

/// A link, with one entry for each target called across it.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSpec {
    /// Parameters of the link.
    pub parameters: LinkParameters,
    /// The target of each entry, and whether it is at the first site.
    pub crossings: Vec<(String, bool)>,
}

impl Spec for LinkSpec {
    fn targets(&self) -> Vec<&str> {
        self.crossings.iter().map(|(target, _)| target.as_str()).collect()
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        let LinkParameters { latency, bandwidth, bandwidth_per_call, loss_ratio, per_gb_usd, .. } = &self.parameters;
        Box::new(Link {
            // The parameters are valid once checked.
            latency: latency.as_ref().and_then(|latency| latency.dist().ok()).unwrap_or(Dist::Constant(Span::ZERO)),
            bandwidth: *bandwidth,
            bandwidth_per_call: *bandwidth_per_call,
            loss_ratio: *loss_ratio,
            per_gb_usd: *per_gb_usd,
            backwards: self.crossings.iter().map(|(_, backwards)| *backwards).collect(),
            stream,
            free: [SimTime::ZERO; 2],
            calls: Slots::default(),
            speed: 1.0,
            errors: 0.0,
            delay: None,
            is_out: false,
            counts: Counts::default(),
            wait: Times::default(),
        })
    }
}

/// The state of a link.
struct Link {
    latency: Dist,
    /// Bytes per second.
    bandwidth: Option<f64>,
    bandwidth_per_call: Option<f64>,
    loss_ratio: f64,
    per_gb_usd: f64,
    /// For each entry, whether calls go from the second site to the first.
    backwards: Vec<bool>,
    stream: Stream,
    /// When each direction will have transferred everything that has arrived so far.
    free: [SimTime; 2],
    calls: Slots<Crossing>,
    speed: f64,
    errors: f64,
    delay: Option<Dist>,
    is_out: bool,
    counts: Counts,
    /// Total time that transfers waited for the bandwidth.
    wait: Times,
}

/// A call that crosses the link, or whose response does.
struct Crossing {
    call: CallId,
    parcel: Parcel,
    entry: u32,
    outcome: Outcome,
    is_measured: bool,
}

/// Counters of calls that arrived in the measured period. Each is answered, lost, failed here, or unfinished.
#[derive(Default)]
struct Counts {
    arrived: u64,
    answered: u64,
    lost: u64,
    failed: u64,
    bytes: u128,
}

/// The unit in which clouds bill.
const BYTES_PER_GB: f64 = (1_u64 << 30) as f64;

/// Topics of tokens: the call has crossed (also the token of the call made there); the response has crossed.
const THERE: u32 = 0;
const BACK: u32 = 1;

/// Transfer time of `bytes` at a rate in bytes per second; zero without a limit.
fn transfer(bytes: u64, per_second: Option<f64>) -> Span {
    per_second.map_or(Span::ZERO, |rate| Span::from_nanos_f64_saturating(bytes as f64 / rate * NANOS_PER_SECOND as f64))
}

impl Link {
    /// Price of the bytes transferred.
    fn cost_usd(&self) -> f64 {
        self.counts.bytes as f64 / BYTES_PER_GB * self.per_gb_usd
    }

    /// When a transfer that starts now arrives on the other side.
    fn arrival(&mut self, entry: u32, is_answer: bool, bytes: u64, ports: &Ports<'_>) -> SimTime {
        let goes_back = self.backwards.get(entry as usize).copied().unwrap_or_default() != is_answer;
        let shared = transfer(bytes, self.bandwidth.map(|rate| rate * self.speed));
        let alone = transfer(bytes, self.bandwidth_per_call.map(|rate| rate * self.speed));
        let free = &mut self.free[usize::from(goes_back)];
        let begins = (*free).max(ports.now);
        if shared > Span::ZERO {
            *free = begins + shared;
            if ports.is_measured {
                self.wait.record(begins.since(ports.now));
            }
        }
        let begins = if shared > Span::ZERO { begins } else { ports.now };
        let mut latency = self.latency.sample(&mut self.stream);
        // A call is delayed once, not on its way back too.
        if let Some(delay) = self.delay.as_ref().filter(|_| !is_answer) {
            latency += delay.sample(&mut self.stream);
        }
        if ports.is_measured {
            self.counts.bytes += u128::from(bytes);
        }
        begins + shared.max(alone) + latency
    }

    /// The call has crossed.
    fn deliver(key: Key, crossing: &Crossing, ports: &mut Ports<'_>) {
        ports.call(crossing.entry, key.token(THERE), crossing.parcel);
    }

    /// The response has crossed.
    fn answer(&mut self, key: Key, ports: &mut Ports<'_>) {
        let Some(crossing) = self.calls.remove(key) else { return };
        self.counts.answered += u64::from(crossing.is_measured);
        ports.answer(crossing.call, crossing.outcome);
    }
}

impl Component for Link {
    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        let measured = u64::from(ports.is_measured);
        self.counts.arrived += measured;
        if self.is_out || self.errors > 0.0 && self.stream.random::<f64>() < self.errors {
            self.counts.failed += measured;
            ports.answer(call, Outcome::Failed);
            return;
        }
        if self.loss_ratio > 0.0 && self.stream.random::<f64>() < self.loss_ratio {
            self.counts.lost += measured;
            ports.lose(call);
            return;
        }
        let (entry, is_measured) = (ports.entry, ports.is_measured);
        let at = self.arrival(entry, false, parcel.bytes, ports);
        let crossing = Crossing { call, parcel, entry, outcome: Outcome::Completed, is_measured };
        let key = self.calls.insert(crossing);
        if at > ports.now {
            ports.wake(key.token(THERE), at);
        } else if let Some(crossing) = self.calls.get(key) {
            Self::deliver(key, crossing, ports);
        }
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        match Key::of(token) {
            (key, BACK) => self.answer(key, ports),
            (key, _) => {
                if let Some(crossing) = self.calls.get(key) {
                    Self::deliver(key, crossing, ports);
                }
            }
        }
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let (key, _) = Key::of(token);
        let Some(crossing) = self.calls.get_mut(key) else { return };
        crossing.outcome = outcome;
        let (entry, bytes) = (crossing.entry, if outcome.is_success() { crossing.parcel.answer_bytes } else { 0 });
        let at = self.arrival(entry, true, bytes, ports);
        if at > ports.now {
            ports.wake(key.token(BACK), at);
        } else {
            self.answer(key, ports);
        }
    }

    /// Passed on at once: the link does not delay it.
    fn cancelled(&mut self, call: CallId, ports: &mut Ports<'_>) {
        let Some(key) = self.calls.iter().find(|(_, crossing)| crossing.call == call).map(|(key, _)| key) else {
            return;
        };
        ports.abandon(key.token(THERE), Abandon::Cancels);
        if let Some(crossing) = self.calls.get_mut(key) {
            crossing.outcome = Outcome::Failed;
        }
        self.answer(key, ports);
    }

    fn disturbed(&mut self, disturbance: &Disturbance, _: &mut Ports<'_>) {
        match disturbance {
            Disturbance::Speed(speed) => self.speed = *speed,
            Disturbance::Errors(ratio) => self.errors = *ratio,
            Disturbance::Delay(delay) => self.delay.clone_from(delay),
            Disturbance::Outage(is_out) => self.is_out = *is_out,
            _ => {}
        }
    }

    fn gauges(&self, _: SimTime) -> Gauges {
        Gauges { in_flight: self.calls.iter().count() as u64, cost_usd: self.cost_usd(), ..Gauges::default() }
    }

    fn close(&mut self, _: SimTime, books: &mut Books) {
        let Counts { arrived, answered, lost, failed, bytes } = self.counts;
        let unfinished = self.calls.iter().filter(|(_, crossing)| crossing.is_measured).count() as u64;
        books.count("calls.arrived", arrived);
        books.count("calls.answered", answered);
        books.count("calls.lost", lost);
        books.count("calls.failed", failed);
        books.count("calls.unfinished", unfinished);
        books.figure("bytes", bytes as f64);
        books.figure("cost_usd", self.cost_usd());
        books.times("wait_s", &self.wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Action;
    use crate::path::testing::Bench;

    const MB: u64 = 1 << 20;

    fn link(bandwidth: Option<f64>, per_call: Option<f64>, loss_ratio: f64) -> LinkSpec {
        let latency = DistSpec::Constant(Box::new(crate::dist::ConstantSpec { value: Span::from_millis(40) }));
        LinkSpec {
            parameters: LinkParameters {
                name: "wan".into(),
                between: vec!["eu".into(), "us".into()],
                latency: Some(latency),
                bandwidth,
                bandwidth_per_call: per_call,
                loss_ratio,
                per_gb_usd: 0.02,
            },
            crossings: vec![("a".into(), false), ("b".into(), true)],
        }
    }

    fn parcel(number: u64, bytes: u64, answer_bytes: u64) -> Parcel {
        Parcel { bytes, answer_bytes, ..Parcel::one(0, number) }
    }

    /// When calls arrive on the other side, and with which token.
    fn calls(bench: &mut Bench) -> Vec<(f64, u32, Token)> {
        let calls = bench.take().into_iter().filter_map(|(at, action)| match action {
            Action::Call { token, target, .. } => Some((at, target, token)),
            _ => None,
        });
        calls.collect()
    }

    #[test]
    fn transfers_share_the_bandwidth_one_after_another_each_way_for_itself() {
        let mut bench = Bench::new(&link(Some(MB as f64), None, 0.0));
        // 2 MB and 1 MB at 1 MB/s to the entry `a`; at the same time 1 MB in the other direction.
        bench.arrive_at(0, parcel(0, 2 * MB, MB), 0);
        bench.arrive_at(1, parcel(1, MB, 0), 0);
        bench.arrive_at(2, parcel(2, MB, 0), 1);
        bench.until(3.05);
        let out = calls(&mut bench);
        assert_eq!(
            out.iter().map(|(at, target, _)| (*at, *target)).collect::<Vec<_>>(),
            [(1.04, 1), (2.04, 0), (3.04, 0)]
        );
        // The response to the first, 1 MB, crosses in the other direction, which is idle; that of a failure has no
        // size.
        bench.answer(out[1].2, Outcome::Completed);
        bench.answer(out[2].2, Outcome::Failed);
        bench.until(10.0);
        let done = bench.take();
        assert_eq!(done[0], (3.09, Action::Answer { call: CallId(1), outcome: Outcome::Failed }));
        assert_eq!(done[1], (4.09, Action::Answer { call: CallId(0), outcome: Outcome::Completed }));
        let books = bench.books();
        assert_eq!(books.get("bytes"), Some((5 * MB) as f64));
        let of = |key| books.get(key).expect(key);
        assert_eq!(of("calls.arrived"), of("calls.answered") + of("calls.unfinished"));
    }

    #[test]
    fn a_callers_own_line_slows_nobody_else_down() {
        let mut bench = Bench::new(&link(None, Some(MB as f64 / 2.0), 0.0));
        bench.arrive_at(0, parcel(0, MB, 0), 0);
        bench.arrive_at(1, parcel(1, MB, 0), 0);
        bench.until(10.0);
        assert_eq!(calls(&mut bench).iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [2.04, 2.04]);
        // With both, the slower one counts, and the shared one is free earlier.
        let mut bench = Bench::new(&link(Some(MB as f64), Some(MB as f64 / 2.0), 0.0));
        bench.arrive_at(0, parcel(0, MB, 0), 0);
        bench.arrive_at(1, parcel(1, MB, 0), 0);
        bench.until(10.0);
        assert_eq!(calls(&mut bench).iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [2.04, 3.04]);
    }

    #[test]
    fn what_is_lost_is_not_answered_and_an_outage_is_an_error_at_once() {
        let mut bench = Bench::new(&link(None, None, 1.0));
        bench.arrive_at(0, parcel(0, 0, 0), 0);
        bench.until(10.0);
        assert_eq!(bench.take(), [(0.0, Action::Lose { call: CallId(0) })]);
        bench.disturb(&Disturbance::Outage(true));
        bench.arrive_at(1, parcel(1, 0, 0), 0);
        assert_eq!(bench.take(), [(10.0, Action::Answer { call: CallId(1), outcome: Outcome::Failed })]);
        let books = bench.books();
        assert_eq!(
            ["calls.lost", "calls.failed", "calls.unfinished"].map(|key| books.get(key)),
            [Some(1.0), Some(1.0), Some(0.0)]
        );
    }

    #[test]
    fn directions_follow_from_the_order_of_the_sites() {
        let parameters = link(None, None, 0.0).parameters;
        assert_eq!(parameters.leads("eu", "us"), Some(false));
        assert_eq!(parameters.leads("us", "eu"), Some(true));
        assert_eq!(parameters.leads("us", "ap"), None);
    }
}
