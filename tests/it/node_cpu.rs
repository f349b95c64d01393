//! Instances that share the processors of their node: vectors by hand, closed forms, and what has to stay right.

use forewarm::measure::summary::Summary;

use crate::harness::{assert_close, scenario, summary};

const REPLICATIONS: u32 = 20;

/// A node with so many vCPUs and room for whatever requests little.
fn node(cores: f64) -> String {
    format!("[[node-group]]\nname = \"n\"\ncpu = {cores}\nmemory = \"1000GB\"\npods-max = 10000\ncount = 1\n")
}

/// Functions by what their `cpu` says, each with one request at the start that computes so long; s.
fn at_once(cores: f64, functions: &[(&str, f64)]) -> String {
    let function = |(place, (cpu, runs)): (usize, &(&str, f64))| {
        format!(
            "[[function]]\nname = \"f{place}\"\ncpu = {{ {cpu}, cpu-bound-share = 1.0 }}\nduration.constant.value = \"{runs}s\"\n\
             [[source]]\nname = \"s{place}\"\nfunction = \"f{place}\"\narrivals.times.at = [\"0s\"]\n"
        )
    };
    let functions: String = functions.iter().enumerate().map(function).collect();
    format!("[scenario]\nname = \"shared\"\n[simulation]\nhorizon = \"1m\"\n{functions}{}", node(cores))
}

/// How long the request of each function took; s, to the microsecond.
fn latencies(text: &str) -> Vec<f64> {
    let found = summary(text);
    let latencies = found.functions.iter().map(|(_, shape)| shape.latency_s.mean.mean);
    latencies.map(|latency| (latency * 1e6).round() / 1e6).collect()
}

#[test]
fn instances_share_a_processor_by_their_requests() {
    // A quarter and three quarters of one processor: 1 s of work takes 4 s beside 3 s of work.
    let (one, three) = ("request = 0.25, limit = 1", "request = 0.75, limit = 1");
    assert_eq!(latencies(&at_once(1.0, &[(one, 1.0), (three, 3.0)])), [4.0, 4.0]);
    // The second is through at 2 s, when the first has had 0.5 s; then it has the processor to itself.
    assert_eq!(latencies(&at_once(1.0, &[(one, 1.0), (three, 1.5)])), [2.5, 2.0]);
    // There is one for each.
    assert_eq!(latencies(&at_once(2.0, &[(one, 1.0), (three, 1.5)])), [1.0, 1.5]);
    // 1.5 processors: the second takes one at the most, and the first has the half that it leaves, until 1.5 s.
    assert_eq!(latencies(&at_once(1.5, &[(one, 1.0), (three, 1.5)])), [1.75, 1.5]);
}

#[test]
fn what_an_instance_leaves_is_divided_among_the_others() {
    // Weights 1, 3 and 2 on four processors. The second can use one, the others have 1 and 2 of the other three.
    let functions = [
        ("request = 0.5, limit = 4, threads = 4", 1.0),
        ("request = 1.5, limit = 1", 1.0),
        ("request = 1, limit = 4, threads = 4", 2.0),
    ];
    assert_eq!(latencies(&at_once(4.0, &functions)), [1.0, 1.0, 1.0]);
}

#[test]
fn limits_above_requests_are_worth_what_the_neighbours_leave() {
    let burst = ("request = 0.25, limit = 1", 1.0);
    assert_eq!(latencies(&at_once(1.0, &[burst])), [1.0]);
    assert_eq!(latencies(&at_once(1.0, &[burst; 4])), [4.0; 4]);
}

/// Of one processor, the second has three quarters until it has used up its 50 ms of each 100 ms, at 66.7 ms; then the first has all of
/// it: 16.7 + 33.3 ms. So each has half.
#[test]
fn who_has_used_up_its_quota_leaves_its_share_until_the_next_period() {
    let functions = [("request = 0.25, limit = 1", 0.5), ("request = 0.75, limit = 0.5", 0.5)];
    assert_eq!(latencies(&at_once(1.0, &functions)), [1.0, 0.966_667]);
    // Where its share is below its quota, that does not matter: a quarter of one processor, then half of it in each period. The
    // second is through at 1 s; until then the first has had 0.25 s; of the other 0.25 s it has 50 ms in each of five periods.
    let functions = [("request = 0.25, limit = 0.5", 0.5), ("request = 0.75, limit = 1", 0.75)];
    assert_eq!(latencies(&at_once(1.0, &functions)), [1.45, 1.0]);
}

/// One instance for each request, on one node: M/G/1 with processor sharing, E[T] = E[S] / (1 - rho) (Kleinrock, Queueing
/// Systems II, 1976, section 4.4).
#[test]
fn instances_of_one_function_have_equal_parts() {
    for law in ["exponential.mean = \"100ms\"", "constant.value = \"100ms\""] {
        let text = format!(
            "[scenario]\nname = \"ps\"\n[simulation]\nhorizon = \"20m\"\nwarm-up = \"1m\"\nseed = 11\n\
             replications = {REPLICATIONS}\n[[function]]\nname = \"f\"\nduration.{law}\n\
             cpu = {{ request = 0.001, limit = 1, cpu-bound-share = 1.0 }}\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"6/s\"\n{}",
            node(1.0)
        );
        let found = summary(&text).total;
        assert_close(law, found.execution_s.mean, REPLICATIONS, 0.1 / (1.0 - 0.6));
        assert_close(law, found.concurrency.mean, REPLICATIONS, 0.6 / (1.0 - 0.6));
    }
}

/// Two classes with exponential work and weights g: discriminatory processor sharing. Mean times by Fayolle, Mitrani and
/// Iasnogorodski, Sharing a processor among many job classes, JACM 27(3), 1980.
#[test]
fn weights_give_the_means_of_discriminatory_processor_sharing() {
    let (rates, means, weights) = ([2.0, 4.0], [0.2, 0.1], [2.0, 6.0]);
    let text = {
        let class = |place: usize| {
            format!(
                "[[function]]\nname = \"f{place}\"\nduration.exponential.mean = \"{}s\"\n\
                 cpu = {{ request = {}, limit = 1, cpu-bound-share = 1.0 }}\n\
                 [[source]]\nname = \"s{place}\"\nfunction = \"f{place}\"\narrivals.poisson.rate = \"{}/s\"\n",
                means[place],
                weights[place] / 1000.0,
                rates[place]
            )
        };
        format!(
            "[scenario]\nname = \"dps\"\n[simulation]\nhorizon = \"30m\"\nwarm-up = \"1m\"\nseed = 7\n\
             replications = {REPLICATIONS}\n{}{}{}",
            class(0),
            class(1),
            node(1.0)
        )
    };
    let found = summary(&text);
    let rho = [rates[0] * means[0], rates[1] * means[1]];
    let free = 1.0 - rho[0] - rho[1];
    let by_weight = weights[0] / means[0] * (1.0 - rho[0]) + weights[1] / means[1] * (1.0 - rho[1]);
    for (own, other) in [(0, 1), (1, 0)] {
        let expected =
            means[own] / free * (1.0 + rho[other] * (weights[other] - weights[own]) / (means[own] * by_weight));
        let measured = found.functions[own].1.execution_s.mean;
        assert_close(&format!("class {own}"), measured, REPLICATIONS, expected);
    }
}

/// A node with less than is asked for, instances with quotas and weights, requests that wait and that are cut off.
fn crowded(seed: u32) -> String {
    let function = |name: &str, cpu: &str, rate: u32| {
        format!(
            "[[function]]\nname = \"{name}\"\ntimeout = \"4s\"\nduration.log-normal = {{ median = \"80ms\", p99 = \"900ms\" }}\n\
             cpu = {{ {cpu}, cpu-bound-share = 0.7 }}\nconcurrency = {{ per-instance = 3 }}\n\
             [[source]]\nname = \"{name}\"\nfunction = \"{name}\"\narrivals.poisson.rate = \"{rate}/s\"\n"
        )
    };
    format!(
        "[scenario]\nname = \"crowded\"\n[simulation]\nhorizon = \"5m\"\nseed = {seed}\nreplications = 2\n\
         [platform]\nbilling.cpu-second-usd = 1.0\n{}{}{}{}",
        function("a", "request = 0.1, limit = 1.5", 9),
        function("b", "request = 0.02, limit = 0.3", 3),
        function("c", "request = 0.05, limit = 2, threads = 2", 3),
        node(2.0)
    )
}

fn busy(found: &Summary) -> f64 {
    found.total.cost_usd.total.mean
}

/// Processor time that is charged for is work that was done, and cannot be more than the node has; what was asked for and not cut off is
/// done, to the nanosecond.
#[test]
fn work_done_is_work_asked_for() {
    let found = summary(&crowded(5));
    let requests = &found.total.requests;
    assert!(requests.timed_out.mean > 0.0 && requests.completed.mean > 1000.0, "{requests:?}");
    assert!(busy(&found) <= 2.0 * 305.0, "{}", busy(&found));
    let contention = found.components.nodes.0[0].1.get("cpu_contention").expect("a figure").mean;
    assert!(contention > 0.1 && contention < 1.0, "{contention}");
    // With constant work, and nobody cut off by a timeout or by the horizon, the sum is known.
    let burst =
        |rate: u32| format!("burst = {{ size = {}, every = \"1h\", first = \"1s\", within = \"4m\" }}", rate * 240);
    let text = crowded(5)
        .replace("log-normal = { median = \"80ms\", p99 = \"900ms\" }", "constant.value = \"100ms\"")
        .replace("timeout = \"4s\"\n", "")
        .replace("poisson.rate = \"9/s\"", &burst(9))
        .replace("poisson.rate = \"3/s\"", &burst(3));
    let found = summary(&text);
    let completed = found.total.requests.completed.mean;
    assert_eq!(completed, 15.0 * 240.0);
    assert!((busy(&found) - 0.07 * completed).abs() < 1e-9 * completed, "{}", busy(&found));
}

#[test]
fn a_node_that_is_large_enough_changes_nothing() {
    let alone = crowded(3).replace(&node(2.0), "");
    let on_node = crowded(3).replace(&node(2.0), &node(10_000.0));
    let of = |text: &str| {
        let found = summary(text);
        (found.total.latency_s, found.total.requests, found.total.cost_usd)
    };
    assert_eq!(of(&alone), of(&on_node));
    assert_ne!(of(&alone).0, of(&crowded(3)).0);
    assert!(scenario(&alone).node_groups.is_empty());
}
