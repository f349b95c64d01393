//! Each scaling policy in a small world whose numbers can be worked out by hand.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use forewarm::engine::{Cell, Finished, Levels, Observer, ScalingDecision, simulate};
use forewarm::experiment;
use forewarm::id::LocalFn;
use forewarm::rng::Streams;
use forewarm::scenario::{ParseOptions, Scenario, parse};
use forewarm::time::{SimTime, Span};

use crate::harness::{Memory, scenario, summary};

/// How many instances there were, from when on.
#[derive(Default)]
struct Instances {
    reached: SimTime,
    steps: Vec<(SimTime, u32)>,
}

impl Observer for Instances {
    fn levels(&mut self, now: SimTime, _: LocalFn, held: &Levels) {
        if now > self.reached && self.steps.last().is_none_or(|(_, instances)| *instances != held.instances()) {
            self.steps.push((self.reached, held.instances()));
        }
        self.reached = now;
    }
}

/// When scaling policies made decisions.
#[derive(Default)]
struct Decisions(Vec<SimTime>);

impl Observer for Decisions {
    fn needs_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, now: SimTime, _: LocalFn, _: &ScalingDecision) {
        self.0.push(now);
    }
}

/// The moments (s) from which on so many instances existed, in a run over `horizon` of a function with this scaling whose
/// requests come at the moments `at` (s).
fn steps(horizon: &str, function: &str, at: impl IntoIterator<Item = u64>) -> Vec<(u64, u32)> {
    let at: Vec<String> = at.into_iter().map(|secs| format!("\"{secs}s\"")).collect();
    steps_of(&scenario(&format!(
        "[scenario]\nname = \"policy\"\n[simulation]\nhorizon = \"{horizon}\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [{}]\n\
         [[function]]\nname = \"f\"\n{function}",
        at.join(", ")
    )))
}

/// The same of a scenario.
fn steps_of(scenario: &Scenario) -> Vec<(u64, u32)> {
    let mut instances = Instances::default();
    let mut pulse = |_, _| ControlFlow::Continue(());
    simulate(scenario, &Cell::whole(scenario), &Streams::new(1, 0), &mut instances, &mut pulse).expect("it runs");
    let seconds = |at: SimTime| at.since(SimTime::ZERO).as_nanos() / Span::from_secs(1).as_nanos();
    instances.steps.into_iter().map(|(at, instances)| (seconds(at), instances)).collect()
}

/// Three requests a second, two of which are refused: for OpenFaaS all three are completed.
#[test]
fn openfaas_counts_what_is_refused() {
    let function = "duration.constant.value = \"100ms\"\nconcurrency = { reserved = 1, overflow = \"reject\" }\n\
                    scaling.openfaas = { target = 1, target-proportion = 1 }";
    let found = steps("3m", function, (0..180).flat_map(|second| [second; 3]));
    assert_eq!(found.last().map(|(_, instances)| *instances), Some(3), "{found:?}");
}

/// Six requests in progress from 6 s to 121 s, on pods with room for all of them.
fn hpa(rest: &str) -> Vec<(u64, u32)> {
    let function = format!(
        "duration.constant.value = \"6s\"\nconcurrency.per-instance = 10\n\
         [function.scaling.hpa]\nmax-replicas = 10\n{rest}"
    );
    steps("10m", &function, 1..=120)
}

/// The sample of 15 s has 69 / 15 = 4.6 requests on the one pod and is seen at 30 s: 4.6 / 2 is 3 pods. There 6 / 3 is on
/// target. The sample of 135 s has 21 / 15 / 3 = 0.47 and is seen at 150 s: one pod. But three were wanted until 135 s, and
/// that counts until 435 s.
#[test]
fn an_hpa_follows_the_ratio_and_holds_peaks_for_five_minutes() {
    assert_eq!(hpa("target-concurrency = 2"), [(0, 1), (30, 3), (450, 1)]);
}

/// As above, with a behavior that holds nothing; two pods in a minute go.
#[test]
fn an_hpa_with_a_behavior_goes_as_fast_as_it_says() {
    let at_once = "target-concurrency = 2\nbehavior.scale-down.stabilization-window = \"0s\"";
    assert_eq!(hpa(at_once), [(0, 1), (30, 3), (150, 1)]);
    let one_a_minute = format!("{at_once}\nbehavior.scale-down.policies = [{{ pods = 1, period = \"1m\" }}]");
    assert_eq!(hpa(&one_a_minute), [(0, 1), (30, 3), (150, 2), (210, 1)]);
    let never = format!("{at_once}\nbehavior.scale-down.select-policy = \"disabled\"");
    assert_eq!(hpa(&never), [(0, 1), (30, 3)]);
}

/// 4.6 of 10 slots are 46 % of the CPU, of a target of 20 %: 46 / 20 is 3 pods.
#[test]
fn an_hpa_takes_slots_for_cpu() {
    assert_eq!(hpa("target-cpu-utilization = 20"), [(0, 1), (30, 3), (450, 1)]);
}

/// Twelve messages at 20 s, 61 s of work each, five for a pod. Polled at 30 s: one pod. Synced at 45 s: 12 / 5 is three.
/// The pods end their first messages at 91 s and 106 s, so that three are wanted until the sync of 105 s, which counts until
/// 405 s; two from then until that of 210 s. The last message ends at 289 s; the queue was last active at the poll of 270 s,
/// and inactive for more than 300 s at that of 600 s.
#[test]
fn keda_goes_from_zero_to_one_to_many_and_back() {
    let function = "duration.constant.value = \"61s\"\nscaling.keda = {}";
    let expected = [(0, 0), (30, 1), (45, 3), (420, 2), (525, 1), (600, 0)];
    assert_eq!(steps("15m", function, [20; 12]), expected);
}

/// The minimum is there when a run begins, and serves the first request although a start would take two seconds.
#[test]
fn the_minimum_is_ready_when_a_run_begins() {
    let kept = [
        "scaling.thresholds = { target = 1.0, min-instances = 2 }",
        "scaling.cloud-run = { min-instances = 2 }",
        "scaling.azure-flex.always-ready = 2",
        "scaling.azure-consumption = { always-ready = 2 }",
    ];
    for scaling in kept {
        let start = "cold-start.phases.environment.constant.value = \"2s\"";
        let function = format!("memory = \"2GB\"\nduration.constant.value = \"1s\"\n{start}\n{scaling}");
        assert_eq!(steps("1m", &function, [1])[0], (0, 2), "{scaling}");
        let found = summary(&format!(
            "[scenario]\nname = \"kept\"\n[simulation]\nhorizon = \"1m\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1s\"]\n\
             [[function]]\nname = \"f\"\n{function}"
        ));
        assert_eq!(found.total.latency_s.max.mean, 1.0, "{scaling}");
    }
}

/// Two instances on a node each, and no requests: at 600 s, both policies are at rest. The zone of one node fails at 700 s, which
/// is found out at 702 s. The next regular decision is at 705 s, every 15 s (HPA) and every 5 s (Cloud Run).
#[test]
fn a_policy_at_rest_that_loses_an_instance_with_its_machine_decides_again() {
    for scaling in ["hpa = { min-replicas = 2, max-replicas = 5 }", "cloud-run = { min-instances = 2 }"] {
        let group = |zone: &str| {
            format!("[[node-group]]\nname = \"{zone}\"\ncpu = 1\nmemory = \"2GB\"\ncount = 1\nzone = \"{zone}\"\n")
        };
        let scenario = scenario(&format!(
            "[scenario]\nname = \"lost\"\n[simulation]\nhorizon = \"20m\"\n\
             [platform.placement]\nnode-monitor-grace-period = \"2s\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1199s\"]\n\
             [[function]]\nname = \"f\"\nmemory = \"1GB\"\ncpu.request = 1\nduration.constant.value = \"1s\"\n\
             scaling.{scaling}\n{}{}\
             [[fault]]\nname = \"out\"\ntarget = \"zone.b\"\nat = \"700s\"\nfor = \"1s\"\noutage = true\n",
            group("a"),
            group("b")
        ));
        let mut decisions = Decisions::default();
        let mut pulse = |_, _| ControlFlow::Continue(());
        simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut decisions, &mut pulse).expect("it runs");
        let after = decisions.0.iter().map(|at| at.since(SimTime::ZERO).as_secs_f64()).find(|at| *at > 600.0);
        assert_eq!(after, Some(705.0), "{scaling}");
    }
}

/// The one request comes just before the horizon, to no instance. KEDA polls at 60 s, when the run is over but for those who wait.
#[test]
fn a_policy_decides_after_the_horizon_while_somebody_waits() {
    let found = summary(
        "[scenario]\nname = \"late\"\n[simulation]\nhorizon = \"1m\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"59s\"]\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\ncold-start.constant.value = \"500ms\"\n\
         scaling.keda = {}\n",
    );
    let requests = &found.total.requests;
    assert_eq!((requests.arrived.mean, requests.completed.mean, requests.unfinished.mean), (1.0, 1.0, 0.0));
}

/// Two of ten fit in the memory budget, and the other eight are not there.
#[test]
fn the_minimum_is_there_as_far_as_memory_goes() {
    let found = summary(
        "[scenario]\nname = \"kept\"\n[simulation]\nhorizon = \"1m\"\n[platform]\nmemory.budget = \"1GB\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1s\"]\n\
         [[function]]\nname = \"f\"\nmemory = \"512MB\"\nduration.constant.value = \"1s\"\n\
         scaling.thresholds = { target = 1.0, min-instances = 10 }\n",
    );
    assert_eq!((found.total.instances.peak.mean, found.total.latency_s.max.mean), (2.0, 1.0));
}

/// Without those in flight the queue is empty from 228 s on, when the last message has begun; last polled active at 210 s.
#[test]
fn keda_may_look_at_waiting_messages_only() {
    let function = "duration.constant.value = \"61s\"\n[function.scaling.keda]\nscale-on-in-flight = false";
    let steps = steps("15m", function, [20; 12]);
    assert_eq!((steps[1], steps.last().copied()), ((30, 1), Some((540, 0))));
}

/// Nine requests on ten instances for ten minutes: 0.9 at 60 s, 120 s and 180 s, so 10 * 0.9 / 0.7 = 12.9. Nine of thirteen
/// are neither above 0.7 nor below 0.63. Then one on thirteen: the fifteenth datapoint of it is that of 1500 s, and
/// 13 * (1 / 13) / 0.7 = 1.4. One of two is below 0.63 again, but 2 * 0.5 / 0.7 is two.
#[test]
fn target_tracking_goes_out_after_three_minutes_and_in_after_fifteen() {
    let function = "duration.constant.value = \"600s\"\nconcurrency.provisioned = 10\n\
                    [function.scaling.target-tracking]\nmin-capacity = 2\nmax-capacity = 50";
    let at = [0; 9].into_iter().chain([600, 1200, 1800, 2400]);
    assert_eq!(steps("50m", function, at), [(0, 10), (180, 13), (1500, 2)]);
}

/// A minute without requests has no datapoint: nothing goes while nobody calls.
#[test]
fn target_tracking_does_not_scale_in_without_data() {
    let function = "duration.constant.value = \"1s\"\nconcurrency.provisioned = 10\n\
                    [function.scaling.target-tracking]\nmax-capacity = 50";
    assert_eq!(steps("1h", function, [1]), [(0, 10)]);
}

/// Two are kept warm from 10 s on: the request of 20 s meets one of them, the third of 30 s gets one of its own, which is
/// gone a minute after its end.
#[test]
fn a_timetable_of_provisioned_instances_lets_others_be_created() {
    let function = "duration.constant.value = \"5s\"\nkeep-alive.fixed.window = \"1m\"\n\
                    [function.scaling.scheduled]\nactions = [{ at = \"10s\", instances = 2 }]";
    assert_eq!(steps("5m", function, [20, 30, 30, 30]), [(0, 0), (10, 2), (30, 3), (95, 2)]);
}

/// Memory for two: the instances of the first two requests are idle when two others are ordered, and go for them one by one, so that
/// there are never more than the three that are allowed.
#[test]
fn what_is_idle_goes_for_what_a_timetable_orders() {
    #[derive(Default)]
    struct Provisioned(Vec<bool>);
    impl Observer for Provisioned {
        fn finished(&mut self, request: &Finished) {
            self.0.push(request.provisioned);
        }
    }
    let scenario = scenario(
        "[scenario]\nname = \"kept\"\n[simulation]\nhorizon = \"5m\"\n[platform]\nmemory.budget = \"2000MB\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\", \"0s\", \"70s\", \"70s\"]\n\
         [[function]]\nname = \"f\"\nmemory = \"1000MB\"\nduration.constant.value = \"5s\"\nkeep-alive.forever = {}\n\
         concurrency.max-instances = 3\nscaling.scheduled = { actions = [{ at = \"60s\", instances = 2 }] }\n",
    );
    let mut provisioned = Provisioned::default();
    let mut pulse = |_, _| ControlFlow::Continue(());
    simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut provisioned, &mut pulse).expect("it runs");
    assert_eq!(provisioned.0, [false, false, true, true]);
}

/// Of all instances: requests wait for them.
#[test]
fn a_timetable_comes_again() {
    let function = "duration.constant.value = \"1s\"\n[function.scaling.scheduled]\ngoverns = \"all\"\ninstances = 2\n\
                    actions = [{ at = \"1m\", every = \"2m\", instances = 5 }, { at = \"2m\", every = \"2m\", instances = 1 }]";
    assert_eq!(steps("5m", function, [1; 20]), [(0, 2), (60, 5), (120, 1), (180, 5), (240, 1)]);
}

/// Eight requests of a minute at 61 s of every four minutes: a load of 8 * 59 / 60 in the second minute, of 8 / 60 in the
/// third, and of nothing in the others. Instances kept warm are ordered for what is forecast; others are gone at once.
fn predictive(forecast: &str) -> Vec<(u64, u32)> {
    let function = format!(
        "duration.constant.value = \"1m\"\nkeep-alive.fixed.window = \"0s\"\n[function.scaling.predictive]\n\
         governs = \"provisioned\"\nmargin = 1\nmin-instances = 0\nmax-instances = 20\nforecast.{forecast}"
    );
    steps("8m", &function, [61; 8].into_iter().chain([301; 8]))
}

/// In the first season the last minute stands for the next: eight too many at 120 s, one at 180 s. From 240 s on it knows
/// that none comes in the first minute and eight in the second; the one of the third minute is not needed any more.
#[test]
fn a_forecast_by_season_knows_the_second_time() {
    let expected = [(0, 0), (61, 8), (120, 16), (121, 8), (180, 1), (240, 0), (300, 8), (361, 1), (420, 0)];
    assert_eq!(predictive("quantile = { quantile = 1, of = 1, season = \"4m\" }"), expected);
    assert_eq!(predictive("holt-winters.season = \"4m\""), expected);
}

/// Eight requests of a minute are expected in the second minute: a load of eight.
#[test]
fn an_oracle_knows_the_first_time() {
    assert_eq!(predictive("oracle = {}"), [(0, 0), (60, 8), (121, 0), (300, 8), (361, 0)]);
}

/// Three requests of 80 s on three instances, of which at 60 s the two that were created last are withdrawn.
fn withdrawn_while_busy(rest: &str) -> forewarm::measure::summary::Summary {
    summary(&format!(
        "[scenario]\nname = \"grace\"\n[simulation]\nhorizon = \"200s\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"10s\", \"20s\", \"30s\"]\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"80s\"\n{rest}\n\
         scaling.scheduled = {{ governs = \"all\", instances = 3, actions = [{{ at = \"1m\", instances = 1 }}] }}"
    ))
}

/// The instance used last serves next: the newest from 10 s, the oldest from 30 s, so the oldest stays. What runs until 90 s,
/// when the grace period ends, has just made it; what would run until 100 s fails after 70 s.
#[test]
fn who_is_busy_longer_than_the_grace_period_fails() {
    let total = withdrawn_while_busy("termination-grace-period = \"30s\"").total;
    assert_eq!((total.requests.completed.mean, total.requests.failed.mean), (2.0, 1.0));
    assert_eq!(total.concurrency.mean.mean, (80.0 + 70.0 + 80.0) / 200.0);
    // Three instances up to 90 s, then one.
    assert_eq!(total.instances.mean.mean, (3.0 * 90.0 + 110.0) / 200.0);
}

#[test]
fn without_a_grace_period_they_finish_and_with_none_they_fail_at_once() {
    let total = withdrawn_while_busy("").total;
    assert_eq!((total.requests.completed.mean, total.requests.failed.mean), (3.0, 0.0));
    let total = withdrawn_while_busy("termination-grace-period = \"0s\"").total;
    assert_eq!((total.requests.completed.mean, total.requests.failed.mean), (1.0, 2.0));
    assert_eq!(total.concurrency.mean.mean, (50.0 + 40.0 + 80.0) / 200.0);
}

/// Four messages at 10 s, two of a minute and two of half an hour, one for each pod. Polled at 30 s: one pod; synced at 45 s:
/// four, which can serve 5 s later. The short ones end at 95 s and 110 s. Four were wanted until the sync of 90 s, which
/// counts until 390 s; three at that of 105 s, which counts until 405 s. So the two youngest pods, which have the long ones, go
/// at 405 s and at 420 s, and are killed 30 s later. Two were last wanted at 420 s, which counts until 720 s. The queue was
/// last active at the poll of 420 s, and inactive for more than 300 s at that of 750 s.
#[test]
fn scale_in_kills_what_works_for_longer_than_the_grace_period() {
    let jobs = "time_s,function,duration_s\n10,worker,60\n10,worker,60\n10,worker,1800\n10,worker,1800\n";
    let run = |grace: &str| {
        let text = format!(
            "[scenario]\nname = \"keda\"\n[simulation]\nhorizon = \"2h\"\n\
             [[source]]\nname = \"jobs\"\narrivals.trace = {{ file = \"jobs.csv\", format = \"forewarm\" }}\n\
             [[function]]\nname = \"worker\"\ncold-start.constant.value = \"5s\"\n\
             duration.constant.value = \"60s\"\nscaling.keda = {{ queue-length = 1, max-replicas = 4 }}\n{grace}"
        );
        let files = Memory::default().with("jobs.csv", jobs.as_bytes());
        parse("test.toml", &text, &ParseOptions::default(), &files).unwrap_or_else(|wrong| panic!("{wrong}"))
    };
    let usual = run("");
    assert_eq!(steps_of(&usual), [(0, 0), (30, 1), (45, 4), (435, 3), (450, 2), (735, 1), (750, 0)]);
    let threads = NonZeroUsize::MIN;
    let of = |scenario: &Scenario| {
        let requests = experiment::run(scenario, threads, &(), None).expect("it runs").result.summary.total.requests;
        (requests.completed.mean, requests.failed.mean)
    };
    assert_eq!(of(&usual), (2.0, 2.0));
    assert_eq!(of(&run("termination-grace-period = \"none\"")), (4.0, 0.0));
    assert_eq!(of(&run("termination-grace-period = \"1h\"")), (4.0, 0.0));
}

/// One instance with eight slots, warm when twenty requests of a second come at 10 s: eight run at a time, and the others
/// wait inside it, twelve for a second and four for another.
#[test]
fn who_waits_inside_an_instance_is_queued() {
    let at = ["\"1s\""].into_iter().chain(["\"10s\""; 20]).collect::<Vec<_>>().join(", ");
    let total = summary(&format!(
        "[scenario]\nname = \"inside\"\n[simulation]\nhorizon = \"1m\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [{at}]\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n\
         scaling.azure-consumption = {{ max-concurrent-requests = 8, max-outstanding-requests = 62, max-instances = 1 }}"
    ))
    .total;
    assert_eq!((total.concurrency.peak.mean, total.queue.peak.mean), (8.0, 12.0));
    assert_eq!(total.concurrency.mean.mean, 21.0 / 60.0);
    assert!((total.queue.mean.mean - 16.0 / 60.0).abs() < 1e-9, "{}", total.queue.mean.mean);
    assert_eq!(total.queueing_s.max.mean, 2.0);
}

/// Three requests at 1 s wait for the only instance, which serves one at a time for ten seconds, the first from 6 s on. The fourth, at
/// 8 s, is sent to the instance and waits there, so that it is next; the others begin at 26 s and at 36 s.
#[test]
fn who_waits_inside_an_instance_has_its_slot() {
    let total = summary(
        "[scenario]\nname = \"inside\"\n[simulation]\nhorizon = \"1m\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1s\", \"1s\", \"1s\", \"8s\"]\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"10s\"\ncold-start.constant.value = \"5s\"\n\
         scaling.azure-consumption = { max-concurrent-requests = 1, max-outstanding-requests = 10, max-instances = 1 }",
    )
    .total;
    assert_eq!((total.concurrency.peak.mean, total.queue.peak.mean), (1.0, 3.0));
    // That the instance starts is not queueing.
    assert!((total.latency_s.max.mean - 45.0).abs() < 1e-3, "{}", total.latency_s.max.mean);
    assert_eq!(total.queueing_s.max.mean, 30.0);
}

/// What a timetable does at the horizon itself is measured nowhere, with a log or without: the same as if it did it later.
#[test]
fn nothing_counts_that_happens_at_the_horizon() {
    struct Ordered;
    impl Observer for Ordered {
        fn needs_order(&self) -> bool {
            true
        }
    }
    let peak = |at: &str, log: Option<experiment::Log<'_>>| {
        let scenario = scenario(&format!(
            "[scenario]\nname = \"end\"\n[simulation]\nhorizon = \"1m\"\nseed = 3\n[function-defaults]\n\
             duration.exponential.mean = \"600us\"\nscaling.scheduled = {{ actions = [{{ at = \"{at}\", instances = 7 }}] }}\n\
             [[source]]\nname = \"all\"\n\
             arrivals.population = {{ functions = 80, invocations-per-day = 1440000.0, seed = 1 }}"
        ));
        let run = experiment::run(&scenario, NonZeroUsize::MIN, &(), log).expect("it runs");
        run.result.summary.total.instances.peak.mean
    };
    let expected = peak("61s", None);
    assert_eq!((peak("1m", None), peak("1m", Some(&mut Ordered))), (expected, expected));
}

/// Three requests of a second at 5 s; two instances are ordered at 10 s, and can serve at 12 s, when the first
/// `concurrency` requests for each begin. The third is served by an instance that was not ready either when it arrived.
fn three_wait(rest: &str) -> forewarm::measure::summary::Summary {
    summary(&format!(
        "[scenario]\nname = \"wait\"\n[simulation]\nhorizon = \"1m\"\n\
         [platform]\nbilling.gb-second-usd-x86 = [{{ usd = 1.0 }}]\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"5s\", \"5s\", \"5s\"]\n\
         [[function]]\nname = \"f\"\nmemory = \"512MB\"\nduration.constant.value = \"1s\"\n\
         cold-start.phases = {{ environment.constant.value = \"500ms\", init.constant.value = \"1500ms\" }}\n{rest}"
    ))
}

const TWO_AT_TEN: &str =
    "scaling.scheduled = { governs = \"all\", instances = 0, actions = [{ at = \"10s\", instances = 2 }] }";

#[test]
fn who_waits_for_an_instance_that_starts_is_affected() {
    let invocations = |rest: &str| three_wait(rest).total.invocations;
    let one_each = invocations(TWO_AT_TEN);
    assert_eq!((one_each.started.mean, one_each.cold.mean, one_each.cold_affected.mean), (3.0, 0.0, 3.0));
    let two_each = invocations(&format!("{TWO_AT_TEN}\nconcurrency.per-instance = 2"));
    assert_eq!((two_each.cold.mean, two_each.cold_affected.mean), (0.0, 3.0));
}

/// 3 x 1 s of requests and 2 x 1.5 s of `init`, at half a GB and a dollar for each GB-second.
#[test]
fn starts_that_a_policy_orders_are_charged() {
    let compute = |rest: &str| three_wait(rest).total.cost_usd.compute.mean;
    assert!((compute(TWO_AT_TEN) - 3.0).abs() < 1e-9, "{}", compute(TWO_AT_TEN));
    // A start that comes to nothing is not.
    let cut_short = TWO_AT_TEN.replace("instances = 2 }", "instances = 2 }, { at = \"11s\", instances = 1 }");
    assert!((compute(&cut_short) - 2.25).abs() < 1e-9, "{}", compute(&cut_short));
}
