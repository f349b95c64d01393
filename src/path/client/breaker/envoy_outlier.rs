//! Envoy's outlier detection (github.com/envoyproxy/envoy, `outlier_detection_impl.cc`, `outlier_detection.proto`).
//!
//! It removes individual hosts from load balancing, not the whole target. Here the target has a number of hosts, which
//! attempts reach in turn. A host is ejected after consecutive server errors, or, at each interval, if its success rate
//! is far below that of the others; for `base_ejection_time` times its recent number of ejections, at most
//! `max_ejection_time`; it is readmitted at an interval. At most `max_ejection` of the hosts are ejected, and while
//! fewer than `panic_threshold` are healthy, all of them are used, ejected or not: with these defaults Envoy rejects
//! nothing. HTTP 429 is not a server error.

use super::{Breaker, Permit, Rules, Verdict};

use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Flag, PositiveDuration, Ratio};
use crate::time::{SimTime, Span};

parameters! {
    /// As in Envoy's outlier detection, with its defaults.
    pub struct EnvoyOutlierSpec {
        /// Number of hosts of the target; attempts reach them in turn.
        default hosts: Count<1, 10_000> = 10,
        /// Consecutive server errors after which a host is ejected.
        default consecutive_5xx: Count<1, 1_000_000> = 5,
        /// How often success rates are evaluated and hosts are readmitted.
        default interval: PositiveDuration = Span::from_secs(10),
        /// Ejection time, multiplied by the number of recent ejections.
        default base_ejection_time: PositiveDuration = Span::from_secs(30),
        /// Longest ejection time; at least `base-ejection-time`.
        default max_ejection_time: PositiveDuration = Span::from_secs(300),
        /// Largest share of hosts that may be ejected.
        default max_ejection: Ratio = 0.1,
        /// Whether one host may always be ejected.
        default always_eject_one_host: Flag = false,
        /// Share of healthy hosts below which all hosts are used.
        default panic_threshold: Ratio = 0.5,
        /// Whether hosts are ejected by their success rate (`enforcing_success_rate`).
        default success_rate: Flag = true,
        /// Minimum number of hosts with enough calls for this.
        default success_rate_minimum_hosts: Count<1, 10_000> = 5,
        /// Minimum number of calls per interval for this.
        default success_rate_request_volume: Count<1, 1_000_000> = 100,
        /// Standard deviations below the mean at which a host is ejected.
        default success_rate_stdev_factor: Amount = 1.9,
        /// Whether hosts are ejected by their failure percentage (`enforcing_failure_percentage`).
        default failure_percentage: Flag = false,
        /// Failure percentage at which a host is ejected.
        default failure_percentage_threshold: Ratio = 0.85,
        /// Minimum number of hosts with enough calls for this.
        default failure_percentage_minimum_hosts: Count<1, 10_000> = 5,
        /// Minimum number of calls per interval for this.
        default failure_percentage_request_volume: Count<1, 1_000_000> = 50,
    }
}

impl Rules for EnvoyOutlierSpec {
    fn build(&self) -> Box<dyn Breaker> {
        Box::new(EnvoyOutlier {
            hosts: vec![Host::default(); self.hosts as usize],
            next: 0,
            ejected: 0,
            next_sweep: SimTime::ZERO + self.interval,
            spec: self.clone(),
        })
    }
}

/// The state of the breaker.
struct EnvoyOutlier {
    spec: EnvoyOutlierSpec,
    hosts: Vec<Host>,
    /// The host that is next in turn.
    next: usize,
    ejected: u32,
    next_sweep: SimTime,
}

#[derive(Clone, Debug, Default)]
struct Host {
    consecutive: u32,
    calls: u64,
    succeeded: u64,
    ejected_at: Option<SimTime>,
    back_at: Option<SimTime>,
    backoff: u32,
}

impl EnvoyOutlier {
    fn is_panicking(&self) -> bool {
        let healthy = self.spec.hosts - self.ejected;
        f64::from(healthy) < self.spec.panic_threshold * f64::from(self.spec.hosts)
    }

    fn eject(&mut self, number: usize, now: SimTime) {
        let part = f64::from(self.ejected + 1) / f64::from(self.spec.hosts);
        let is_allowed = part <= self.spec.max_ejection || self.spec.always_eject_one_host && self.ejected == 0;
        let Some(host) = self.hosts.get_mut(number).filter(|host| is_allowed && host.ejected_at.is_none()) else {
            return;
        };
        self.ejected += 1;
        host.ejected_at = Some(now);
        let (base, longest) = (self.spec.base_ejection_time, self.spec.longest());
        if u128::from(base.as_nanos()) * u128::from(host.backoff) < u128::from((longest + base).as_nanos()) {
            host.backoff += 1;
        }
    }

    /// Evaluates the intervals that have passed.
    fn pass_time(&mut self, now: SimTime) {
        while self.next_sweep <= now {
            let at = self.next_sweep;
            self.sweep(at);
            self.next_sweep = at + self.spec.interval;
            if self.hosts.iter().all(Host::is_at_rest) {
                let interval = self.spec.interval.as_nanos();
                let skipped = now.since(self.next_sweep).as_nanos() / interval;
                self.next_sweep = self.next_sweep + Span::from_nanos(skipped * interval);
            }
        }
    }

    fn sweep(&mut self, now: SimTime) {
        let (base, longest) = (self.spec.base_ejection_time, self.spec.longest());
        for host in &mut self.hosts {
            let Some(since) = host.ejected_at else { continue };
            let span = u128::from(base.as_nanos()) * u128::from(host.backoff);
            if u128::from(now.since(since).as_nanos()) >= span.min(longest.as_nanos().into()) {
                (host.ejected_at, host.back_at, host.consecutive) = (None, Some(now), 0);
                self.ejected -= 1;
            }
        }
        self.judge(now);
        for host in &mut self.hosts {
            (host.calls, host.succeeded) = (0, 0);
            if host.ejected_at.is_none() && host.back_at.is_some_and(|back| now.since(back) >= self.spec.interval) {
                host.backoff = host.backoff.saturating_sub(1);
            }
        }
    }

    /// Ejects hosts, based on the counters of the interval.
    fn judge(&mut self, now: SimTime) {
        let rates = |volume: u32| -> Vec<(usize, f64)> {
            let counts = |host: &Host| host.ejected_at.is_none() && host.calls > 0 && host.calls >= volume.into();
            let hosts = self.hosts.iter().enumerate().filter(|(_, host)| counts(host));
            hosts.map(|(number, host)| (number, host.succeeded as f64 * 100.0 / host.calls as f64)).collect()
        };
        let mut outliers: Vec<usize> = Vec::new();
        let by_rate = rates(self.spec.success_rate_request_volume);
        if self.spec.success_rate && by_rate.len() >= self.spec.success_rate_minimum_hosts as usize {
            let n = by_rate.len() as f64;
            let mean = by_rate.iter().map(|(_, rate)| rate).sum::<f64>() / n;
            let sd = (by_rate.iter().map(|(_, rate)| (rate - mean).powi(2)).sum::<f64>() / n).sqrt();
            let least = mean - self.spec.success_rate_stdev_factor * sd;
            outliers.extend(by_rate.iter().filter(|(_, rate)| *rate < least).map(|(number, _)| *number));
        }
        let by_failures = rates(self.spec.failure_percentage_request_volume);
        if self.spec.failure_percentage && by_failures.len() >= self.spec.failure_percentage_minimum_hosts as usize {
            let most = self.spec.failure_percentage_threshold * 100.0;
            outliers.extend(by_failures.iter().filter(|(_, rate)| 100.0 - rate >= most).map(|(number, _)| *number));
        }
        for number in outliers {
            self.eject(number, now);
        }
    }
}

impl EnvoyOutlierSpec {
    fn longest(&self) -> Span {
        self.max_ejection_time.max(self.base_ejection_time)
    }
}

impl Host {
    /// Whether an interval without calls changes nothing.
    fn is_at_rest(&self) -> bool {
        self.calls == 0 && self.ejected_at.is_none() && (self.backoff == 0 || self.back_at.is_none())
    }
}

impl Breaker for EnvoyOutlier {
    fn permit(&mut self, now: SimTime) -> Option<Permit> {
        self.pass_time(now);
        let uses_all = self.is_panicking();
        let count = self.hosts.len();
        let turn = (0..count).map(|step| (self.next + step) % count);
        let host = turn.into_iter().find(|&number| uses_all || self.hosts[number].ejected_at.is_none())?;
        self.next = (host + 1) % count;
        Some(Permit(host as u32))
    }

    fn ended(&mut self, permit: Permit, verdict: Verdict, _: Span, now: SimTime) {
        self.pass_time(now);
        let threshold = self.spec.consecutive_5xx;
        let Some(host) = self.hosts.get_mut(permit.0 as usize).filter(|_| verdict != Verdict::Cancelled) else {
            return;
        };
        host.calls += 1;
        if verdict != Verdict::Failure {
            host.succeeded += 1;
            host.consecutive = 0;
            return;
        }
        host.consecutive += 1;
        if host.consecutive == threshold && host.ejected_at.is_none() {
            // The count restarts whether or not another host may be ejected.
            host.consecutive = 0;
            self.eject(permit.0 as usize, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, at};
    use super::Verdict::{Failure, Success, Throttled};
    use super::*;

    fn spec() -> EnvoyOutlierSpec {
        EnvoyOutlierSpec {
            hosts: 10,
            consecutive_5xx: 5,
            interval: Span::from_secs(10),
            base_ejection_time: Span::from_secs(30),
            max_ejection_time: Span::from_secs(300),
            max_ejection: 0.1,
            always_eject_one_host: false,
            panic_threshold: 0.5,
            success_rate: true,
            success_rate_minimum_hosts: 5,
            success_rate_request_volume: 100,
            success_rate_stdev_factor: 1.9,
            failure_percentage: false,
            failure_percentage_threshold: 0.85,
            failure_percentage_minimum_hosts: 5,
            failure_percentage_request_volume: 50,
        }
    }

    /// One call to each host in turn; calls to host 0 end as given.
    fn round(script: &mut Script, secs: f64, of_first: Verdict) -> Vec<u32> {
        let hosts: Vec<u32> = (0..10).map(|_| script.begin(secs).0).collect();
        for host in &hosts {
            script.end(secs, Permit(*host), if *host == 0 { of_first } else { Success });
        }
        hosts
    }

    #[test]
    fn a_host_is_ejected_after_five_errors_in_a_row_and_comes_back_at_an_interval() {
        let mut script = Script::of(&spec());
        for secs in [1.0, 2.0, 3.0, 4.0] {
            round(&mut script, secs, Failure);
        }
        round(&mut script, 4.5, Throttled); // no server error: the row is broken
        for secs in [5.0, 6.0, 7.0, 8.0] {
            assert!(round(&mut script, secs, Failure).contains(&0), "{secs}");
        }
        round(&mut script, 9.0, Failure);
        assert!(!round(&mut script, 9.0, Failure).contains(&0));
        assert!(!round(&mut script, 39.9, Failure).contains(&0), "30 s are over at 39 s, and nobody looks before 40 s");
        assert!(round(&mut script, 40.0, Success).contains(&0));
    }

    #[test]
    fn the_second_ejection_is_twice_as_long_and_good_behavior_is_forgiven() {
        let mut script = Script::of(&spec());
        let fail = |script: &mut Script, secs: f64| (0..5).for_each(|_| script.end(secs, Permit(0), Failure));
        fail(&mut script, 5.0);
        assert!(round(&mut script, 40.0, Success).contains(&0));
        fail(&mut script, 45.0);
        assert!(!round(&mut script, 100.0, Success).contains(&0), "60 s from 45 s on");
        assert!(round(&mut script, 110.0, Success).contains(&0));
        // After two intervals both are readmitted.
        fail(&mut script, 135.0);
        assert!(!round(&mut script, 160.0, Success).contains(&0));
        assert!(round(&mut script, 170.0, Success).contains(&0), "30 s from 135 s on");
    }

    #[test]
    fn no_more_than_a_part_of_the_hosts_is_ejected_and_panic_uses_all() {
        let fail_all = |spec: EnvoyOutlierSpec| {
            let mut script = Script::of(&spec);
            (0..50).for_each(|number| script.end(1.0, Permit(number % 10), Failure));
            let mut seen: Vec<u32> = (0..10).filter_map(|_| Some(script.0.permit(at(2.0))?.0)).collect();
            seen.sort_unstable();
            seen.dedup();
            seen.len()
        };
        assert_eq!(fail_all(spec()), 9);
        assert_eq!(fail_all(EnvoyOutlierSpec { max_ejection: 0.3, ..spec() }), 7);
        assert_eq!(fail_all(EnvoyOutlierSpec { max_ejection: 0.05, ..spec() }), 10);
        assert_eq!(fail_all(EnvoyOutlierSpec { max_ejection: 0.05, always_eject_one_host: true, ..spec() }), 9);
        assert_eq!(fail_all(EnvoyOutlierSpec { max_ejection: 1.0, ..spec() }), 10, "panic");
        assert_eq!(
            fail_all(EnvoyOutlierSpec { max_ejection: 1.0, panic_threshold: 0.0, ..spec() }),
            0,
            "nobody is left"
        );
    }

    #[test]
    fn a_success_rate_far_below_the_others_ejects_at_the_interval() {
        let mut script = Script::of(&spec());
        // Host 0 fails every second time, so never five in a row. 9 x 100 % and 50 %: 95 - 1.9 * 15 = 66.5.
        for number in 0..100 {
            round(&mut script, 1.0, if number % 2 == 0 { Failure } else { Success });
        }
        assert!(round(&mut script, 9.9, Success).contains(&0));
        assert!(!round(&mut script, 10.0, Success).contains(&0));
        let mut few = Script::of(&EnvoyOutlierSpec { success_rate_request_volume: 101, ..spec() });
        (0..100).for_each(|number| drop(round(&mut few, 1.0, if number % 2 == 0 { Failure } else { Success })));
        assert!(round(&mut few, 10.0, Success).contains(&0));
    }
}
