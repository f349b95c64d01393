//! Whole runs under the Knative Pod Autoscaler, with answers that follow from its specification.

use std::ops::ControlFlow;

use forewarm::engine::{Cell, Finished, Observer, simulate};
use forewarm::measure::timeline::Point;
use forewarm::rng::Streams;

use crate::harness::{result, scenario, summary};

/// Target 10 at the default 70 %: 7 requests in progress for each pod.
fn text(horizon: &str, simulation: &str, arrivals: &str, duration_ms: u32, knative: &str) -> String {
    format!(
        "[scenario]\nname = \"knative\"\n[simulation]\nhorizon = \"{horizon}\"\n{simulation}\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"{duration_ms}ms\"\n\
         [function.scaling.knative]\ntarget = 10\n{knative}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.{arrivals}\n"
    )
}

fn pods(points: &[Point]) -> Vec<f64> {
    points.iter().map(|point| point.instances_busy + point.instances_idle + point.instances_starting).collect()
}

#[test]
fn steady_load_settles_at_the_load_over_the_target() {
    let grid =
        (10..=100).step_by(10).flat_map(|rate| (100..=1_000).step_by(100).map(move |duration_ms| (rate, duration_ms)));
    for (rate, duration_ms) in grid.chain([(45, 200)]) {
        let arrivals = format!("constant.rate = \"{rate}/s\"");
        let text = text("5m", "", &arrivals, duration_ms, "max-scale = 10");
        // What the proxies take is more than nothing: where the load is a whole number of pods' worth, one more is needed.
        let load_milli = rate * duration_ms;
        let expected = f64::from((load_milli / 7_000 + 1).min(10));
        // By then the window holds nothing but the steady load, and a panic at the start is over.
        let result = result(&text);
        let late = &pods(&result.timeline.series[0].points)[200..295];
        assert!(late.iter().all(|pods| *pods == expected), "{rate}/s x {duration_ms} ms: {late:?}, not {expected}");
    }
}

#[test]
fn a_backlog_at_zero_pods_is_a_panic_that_lasts_for_a_stable_window() {
    let knative = "max-scale = 10\ninitial-scale = 0\nallow-zero-initial-scale = true";
    let text = text("150s", "", "constant.rate = \"45/s\"", 200, knative)
        .replace("[function.scaling", "cold-start.constant.value = \"1400ms\"\n[function.scaling");
    let result = result(&text);
    // Until the first pod serves, 45 requests a second wait; the panic window of 6 s is young and sees 9 pods' worth. Pods
    // go no sooner than 60 s after the last tick above the threshold; then 9 requests in progress need 2.
    let pods = pods(&result.timeline.series[0].points);
    let every_15_s: Vec<f64> = pods.iter().step_by(30).copied().collect();
    assert_eq!(every_15_s, [0.0, 9.0, 9.0, 9.0, 9.0, 2.0, 2.0, 2.0, 2.0, 2.0]);
}

#[test]
fn random_load_needs_as_many_pods_as_its_average_over_the_window() {
    // The average of 60 s has a standard deviation of sqrt(rate x duration^2 / 60 s) about the load. Where that is far from
    // the next whole pod, the number of pods is the load over 7, rounded up; at a whole pod it is half one and half two.
    for (rate, duration_ms, low, high) in [(50, 500, 4.0, 4.01), (30, 1_000, 4.9, 5.0), (70, 500, 5.3, 5.7)] {
        let simulation = "warm-up = \"10m\"\nreplications = 4";
        let knative = "panic-threshold-percentage = 1000";
        let arrivals = format!("poisson.rate = \"{rate}/s\"");
        let total = summary(&text("1h", simulation, &arrivals, duration_ms, knative)).total;
        let mean = total.instances.mean.mean;
        assert!((low..=high).contains(&mean), "{rate}/s x {duration_ms} ms: {mean}");
    }
}

#[test]
fn the_last_pod_goes_when_window_and_grace_period_are_over() {
    // One request a second up to 100 s, then none. The activator is in the path all the time (10 - 211 < 0), so the grace
    // period is over; the last busy second leaves the window of 60 s at 160 s.
    let at = (0..=100).map(|second| format!("\"{second}s\"")).collect::<Vec<_>>().join(", ");
    let text = text("5m", "", &format!("times.at = [{at}]"), 100, "");
    let result = result(&text);
    let pods = pods(&result.timeline.series[0].points);
    assert!(pods[101..160].iter().all(|pods| *pods == 1.0), "{:?}", &pods[95..165]);
    assert!(pods[165..].iter().all(|pods| *pods == 0.0), "{:?}", &pods[155..170]);
}

#[test]
fn pods_behind_the_service_queue_by_themselves_and_refuse() {
    // Without activator (burst capacity 0) one pod of one slot, held at one pod: it serves 10/s of 30/s, ten requests wait
    // at it and the others are refused.
    let knative = "container-concurrency = 1\ntarget-burst-capacity = 0\nmin-scale = 1\nmax-scale = 1";
    let total = summary(
        &text("10m", "warm-up = \"1m\"", "constant.rate = \"30/s\"", 100, knative).replace("target = 10\n", ""),
    )
    .total;
    assert!((total.rejection_ratio.mean - 2.0 / 3.0).abs() < 1e-3, "{}", total.rejection_ratio.mean);
    assert!((total.concurrency.mean.mean - 1.0).abs() < 0.05, "{}", total.concurrency.mean.mean);
    assert!((total.queue.mean.mean - 10.0).abs() < 0.5, "{}", total.queue.mean.mean);
    // Little: 11 in the pod at 10/s are 1.1 s; 100 ms of that it runs.
    assert!((total.queueing_s.mean.mean - 1.0).abs() < 0.05, "{}", total.queueing_s.mean.mean);
}

/// Which of three pods serves each of nine requests of 10 ms, one a second.
fn pods_of_nine_requests(knative: &str) -> Vec<u64> {
    #[derive(Default)]
    struct Pods(Vec<u64>);
    impl Observer for &mut Pods {
        fn finished(&mut self, request: &Finished) {
            self.0.extend(request.instance.map(|instance| instance.0));
        }
    }
    let at = (5..14).map(|second| format!("\"{second}s\"")).collect::<Vec<_>>().join(", ");
    let knative = format!("{knative}\nmin-scale = 3\nmax-scale = 3\ninitial-scale = 3");
    let text = text("20s", "", &format!("times.at = [{at}]"), 10, &knative).replace("target = 10\n", "");
    let (scenario, mut pods) = (scenario(&text), Pods::default());
    let mut pulse = |_, _| ControlFlow::Continue(());
    simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut pods, &mut pulse).expect("it runs");
    pods.0
}

/// As `pkg/activator/net/lb_policy.go` has it: up to a concurrency of 3 the first pod with a free slot, beyond it in turn.
#[test]
fn the_activator_sends_requests_where_its_load_balancer_says() {
    let through_activator =
        |limit| pods_of_nine_requests(&format!("container-concurrency = {limit}\ntarget-burst-capacity = -1"));
    for limit in [1, 3] {
        assert_eq!(through_activator(limit), [0; 9], "container-concurrency {limit}");
    }
    assert_eq!(through_activator(4), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    // Without a limit, the less busy of two at random: all three are used.
    let of_two = through_activator(0);
    assert!((0..3).all(|pod| of_two.contains(&pod)), "{of_two:?}");
}

/// Without activator the ingress sends them in turn, whatever the container concurrency, or as it is told.
#[test]
fn without_activator_the_ingress_sends_requests_to_the_pods() {
    for limit in [0, 1, 4] {
        let direct = pods_of_nine_requests(&format!("container-concurrency = {limit}\ntarget-burst-capacity = 0"));
        assert_eq!(direct, [0, 1, 2, 0, 1, 2, 0, 1, 2], "container-concurrency {limit}");
    }
    for how in ["least-request", "random"] {
        let knative = format!("target-burst-capacity = 0\ningress-load-balancing = \"{how}\"");
        let direct = pods_of_nine_requests(&knative);
        assert!((0..3).all(|pod| direct.contains(&pod)), "{how}: {direct:?}");
        assert_ne!(direct, [0, 1, 2, 0, 1, 2, 0, 1, 2], "{how}");
    }
}

/// Requests of one second on four pods, at 60 % of what they can do: in turn, each pod gets every fourth request; at random, each
/// has arrivals of its own; the less busy of two is better than both.
#[test]
fn how_the_ingress_balances_load_decides_how_long_requests_wait_in_pods() {
    let waits = |how: &str| {
        let knative = format!(
            "container-concurrency = 1\ntarget-burst-capacity = 0\nmin-scale = 4\nmax-scale = 4\ninitial-scale = 4\n\
             ingress-load-balancing = \"{how}\""
        );
        let text = text("2h", "warm-up = \"10m\"", "poisson.rate = \"2.4/s\"", 1_000, &knative);
        let total = summary(
            &text.replace("target = 10\n", "").replace("constant.value = \"1000ms\"", "exponential.mean = \"1s\""),
        )
        .total;
        total.wait_s.mean.mean
    };
    // At random: M/M/1. In turn: E4/M/1, where P(wait > 0) is the root of sigma = (2.4 / (2.4 + 1 - sigma))^4. That no more than ten
    // wait in a pod makes next to no difference.
    let expected_at_random = 0.6 / 0.4;
    let [random, in_turn, of_two] = ["random", "round-robin", "least-request"].map(waits);
    let sigma = (0..200).fold(0.5_f64, |sigma, _| (2.4 / (3.4 - sigma)).powi(4));
    let expected = sigma / (1.0 - sigma);
    assert!((in_turn / expected - 1.0).abs() < 0.12, "{in_turn}, expected {expected}");
    assert!((random / expected_at_random - 1.0).abs() < 0.12, "{random}, expected {expected_at_random}");
    assert!(of_two < in_turn, "{of_two}, in turn {in_turn}");
}

/// As in the next test, but nobody waits longer than 20 s, so that all but two are out at 30 s. The panic window of 6 s holds them
/// until 36 s, the panic lasts for the stable window of 60 s after that, and the grace period takes 30 s.
#[test]
fn who_gives_up_waiting_does_not_keep_a_pod() {
    let knative = "target-burst-capacity = 0\nmax-scale = 1";
    let arrivals = "burst = { size = 300, every = \"10m\", first = \"10s\" }";
    let text = text("5m", "", arrivals, 1_000, knative).replace(
        "[function.scaling",
        "concurrency = { reserved = 2, overflow = \"queue\", queue-timeout = \"20s\" }\n[function.scaling",
    );
    let result = result(&text);
    let requests = &result.summary.total.requests;
    assert_eq!((requests.completed.mean, requests.timed_out.mean), (42.0, 258.0));
    let pods = pods(&result.timeline.series[0].points);
    assert!(pods[..125].iter().all(|pods| *pods == 1.0), "{pods:?}");
    assert!(pods[127..].iter().all(|pods| *pods == 0.0), "{pods:?}");
}

#[test]
fn who_waits_for_another_limit_is_seen() {
    // The pod serves without activator, but only two requests may be in progress: of 300 at once the others wait 150 s. They
    // count as what waits in an activator, so that the pod stays until the last is served at 160 s, through the window of
    // 60 s and, because the activator is in the path only then, through the grace period of 30 s.
    let knative = "target-burst-capacity = 0\nmax-scale = 1";
    let arrivals = "burst = { size = 300, every = \"10m\", first = \"10s\" }";
    let text = text("5m", "", arrivals, 1_000, knative)
        .replace("[function.scaling", "concurrency = { reserved = 2, overflow = \"queue\" }\n[function.scaling");
    let result = result(&text);
    assert_eq!(result.summary.total.requests.completed.mean, 300.0);
    let pods = pods(&result.timeline.series[0].points);
    assert!(pods[..249].iter().all(|pods| *pods == 1.0), "{pods:?}");
    assert!(pods[253..].iter().all(|pods| *pods == 0.0), "{pods:?}");
}
