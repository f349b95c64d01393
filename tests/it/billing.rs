//! What is charged, worked out by hand: instances that several requests share, minimum instances, what is free.

use forewarm::measure::summary::Summary;

use crate::harness::summary;

/// A function on a platform with these prices: of 1 GB, but on the flex plan, which has none of that size, of 2 GB.
fn priced(horizon: &str, billing: &str, function: &str, arrivals: &str) -> Summary {
    let memory = if function.contains("azure-flex") { "2GB" } else { "1GB" };
    summary(&format!(
        "[scenario]\nname = \"billing\"\n[simulation]\nhorizon = \"{horizon}\"\n[platform.billing]\n{billing}\n\
         [[function]]\nname = \"f\"\nmemory = \"{memory}\"\n{function}\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.{arrivals}\n"
    ))
}

/// A dollar for each GB-second, in steps of 100 ms.
const DOLLAR: &str = "gb-second-usd-x86 = [{ usd = 1 }]\ngranularity = \"100ms\"";

fn compute(summary: &Summary) -> f64 {
    summary.total.cost_usd.compute.mean
}

fn assert_usd(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.max(1.0), "${found}, not ${expected}");
}

#[test]
fn an_instance_that_several_requests_share_is_charged_once() {
    // 20 in progress on one instance, all the time.
    let billing = "gb-second-usd-x86 = [{ usd = 2.65e-5 }]\ngranularity = \"100ms\"";
    let function = "duration.constant.value = \"1s\"\nscaling.cloud-run.concurrency = 80";
    let text = |warm_up: &str| {
        format!(
            "[scenario]\nname = \"shared\"\n[simulation]\nhorizon = \"1h\"\nwarm-up = \"{warm_up}\"\n[platform.billing]\n{billing}\n\
             [[function]]\nname = \"f\"\nmemory = \"1GB\"\n{function}\n[[source]]\nname = \"s\"\nfunction = \"f\"\n\
             arrivals.constant.rate = \"20/s\"\n"
        )
    };
    assert_usd(compute(&summary(&text("10m"))), 3_000.0 * 2.65e-5);
    assert_usd(compute(&summary(&text("59m"))), 60.0 * 2.65e-5);
}

#[test]
fn what_is_charged_is_the_time_in_which_there_is_a_request() {
    for scaling in [
        "concurrency.per-instance = 80",
        "scaling.cloud-run.concurrency = 80",
        "scaling.azure-flex.per-instance-concurrency = 80",
        "scaling.knative.container-concurrency = 80",
        "scaling.openfaas.max-inflight = 80",
    ] {
        // Whether they succeed or not.
        for ratio in ["0%", "100%"] {
            let function = format!("duration.constant.value = \"1s\"\nfailure-ratio = \"{ratio}\"\n{scaling}");
            // Two that overlap by half a second, and later one alone.
            let found = priced("10m", DOLLAR, &function, "times.at = [\"1m\", \"60500ms\", \"5m\"]");
            let gb = if scaling.contains("azure-flex") { 2.0 } else { 1.0 };
            assert_usd(compute(&found), (1.5 + 1.0) * gb);
            let busy = found.total.instances.busy_mean.mean * 600.0;
            assert!((busy - 2.5).abs() < 1e-6, "{scaling} {ratio}: {busy}");
        }
    }
}

#[test]
fn every_time_that_it_is_busy_is_rounded_up_with_its_start() {
    let function = "duration.constant.value = \"50ms\"\ncold-start.constant.value = \"1030ms\"\nscaling.cloud-run.concurrency = 80";
    let cost = |more: &str| {
        compute(&priced("1h", &format!("{DOLLAR}\n{more}"), function, "times.at = [\"1m\", \"11m\", \"21m\"]"))
    };
    // The instance stays for a quarter of an hour: one start of 1.03 s, and three times 50 ms.
    assert_usd(cost(""), 1.1 + 0.1 + 0.1);
    assert_usd(cost("init-billed = false"), 0.3);
    assert_usd(cost("minimum = \"1s\""), 1.1 + 1.0 + 1.0);
}

#[test]
fn requests_that_have_an_instance_each_are_charged_each() {
    let function = "duration.constant.value = \"1010ms\"";
    let found = priced("10m", DOLLAR, function, "times.at = [\"1m\", \"60500ms\", \"5m\"]");
    assert_usd(compute(&found), 3.0 * 1.1);
}

#[test]
fn minimum_instances_cost_while_they_are_idle() {
    let billing = format!("{DOLLAR}\nminimum-instances.idle-gb-second-usd = 0.1");
    let function = "duration.constant.value = \"10s\"\nscaling.cloud-run = { concurrency = 80, min-instances = 2 }";
    let found = priced("1h", &billing, function, "times.at = [\"10m\", \"605s\"]");
    // Both requests are on one instance or on two, which are busy for 15 s or 20 s then.
    let busy = found.total.instances.busy_mean.mean * 3_600.0;
    assert_usd(compute(&found), busy.round());
    assert_usd(found.total.cost_usd.provisioned.mean, (2.0 * 3_600.0 - busy.round()) * 0.1);
    // What is beyond the minimum costs nothing while it is idle: of three instances of which one is idle to the end.
    let one = function.replace("min-instances = 2", "min-instances = 1").replace("concurrency = 80", "concurrency = 1");
    let found = priced("1h", &billing, &one, "times.at = [\"10m\", \"10m\"]");
    assert!(found.total.instances.idle_mean.mean > 1.0);
    assert_usd(compute(&found), 20.0);
    assert_usd(found.total.cost_usd.provisioned.mean, (3_600.0 - 10.0) * 0.1);
}

#[test]
fn always_ready_instances_have_a_price_of_their_own_while_they_are_busy() {
    // As on the flex plan of Azure: a baseline, and execution at a lower price than on demand.
    let billing = format!("{DOLLAR}\nminimum-instances = {{ idle-gb-second-usd = 0.1, busy-gb-second-usd = 0.5 }}");
    let function =
        "duration.constant.value = \"10s\"\nscaling.azure-flex = { per-instance-concurrency = 16, always-ready = 1 }";
    let found = priced("1h", &billing, function, "times.at = [\"10m\"]");
    assert_usd(compute(&found), 0.0);
    assert_usd(found.total.cost_usd.provisioned.mean, 2.0 * (3_590.0 * 0.1 + 10.0 * 0.5));
}

/// An hour of 100 requests a second on AWS Lambda, 100 ms of 1 GB each.
fn lambda(billing: &str) -> Summary {
    summary(&format!(
        "[scenario]\nname = \"free\"\n[simulation]\nhorizon = \"1h\"\n[platform]\npreset = \"aws-lambda\"\n{billing}\n\
         [[function]]\nname = \"f\"\nmemory = \"1GB\"\ncold-start = \"none\"\nduration.constant.value = \"100ms\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"100/s\"\n"
    ))
}

/// Storage beyond the 512 MB that are included, for as long as executions are charged: as in AWS's third example.
#[test]
fn ephemeral_storage_is_charged_beyond_what_is_included() {
    let with = |storage: &str| {
        summary(&format!(
            "[scenario]\nname = \"disk\"\n[simulation]\nhorizon = \"1h\"\n[platform]\npreset = \"aws-lambda\"\n\
             [[function]]\nname = \"f\"\nmemory = \"4GB\"\n{storage}\ncold-start = \"none\"\nduration.constant.value = \"280ms\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"10/s\"\n"
        ))
    };
    let found = with("ephemeral-storage = \"2GB\"");
    assert_usd(found.total.cost_usd.other.mean, 35_999.0 * 0.28 * 1.5 * 3.09e-8);
    assert_eq!(with("").total.cost_usd.other.mean, 0.0);
    assert_eq!(with("ephemeral-storage = \"512MB\"").total.cost_usd.other.mean, 0.0);
}

#[test]
fn the_free_tier_counts_if_it_is_asked_for() {
    // 359,999 requests in the hour, 720 times as many in a month, 0.1 GB-s each.
    let requests = 359_999.0 * 720.0;
    let list = requests * 0.2e-6 + requests * 0.1 * 1.66667e-5;
    let without = lambda("");
    assert_usd(without.monthly_cost_usd.mean, list);
    assert_eq!(without.monthly_free_usd.mean, 0.0);
    let free = 1e6 * 0.2e-6 + 4e5 * 1.66667e-5;
    let with = lambda("billing.free-tier = true");
    assert_usd(with.monthly_cost_usd.mean, list - free);
    assert_usd(with.monthly_free_usd.mean, free);
    // What a scenario says itself always counts.
    let own = lambda("billing.free-requests = 2e6");
    assert_usd(own.monthly_free_usd.mean, 2e6 * 0.2e-6);
    assert!(
        lambda("billing = \"none\"").monthly_cost_usd.mean == 0.0
            && !lambda("billing = \"none\"").has_prices
            && with.has_prices
    );
}

/// Instances are charged by the second that they exist, and for a minute at least.
#[test]
fn an_instance_costs_its_minimum() {
    let billing = "instance-gb-second-usd = 1\ninstance-minimum = \"1m\"";
    let cost = |window: &str| {
        let function = format!("duration.constant.value = \"1s\"\nkeep-alive.fixed.window = \"{window}\"");
        priced("1h", billing, &function, "times.at = [\"1m\", \"30m\"]").total.cost_usd.total.mean
    };
    // Twice a second and the window: 11 s, and 101 s.
    assert_usd(cost("10s"), 2.0 * 60.0);
    assert_usd(cost("100s"), 2.0 * 101.0);
}

/// The time in which a request computes is charged for: a quarter of it, or all where nothing is said.
#[test]
fn processor_time_is_a_share_of_the_duration() {
    for (share, cpu_s) in [("cpu.cpu-bound-share = 0.25", 2.5), ("", 10.0)] {
        let function = format!("duration.constant.value = \"10s\"\n{share}");
        let found = priced("1h", "cpu-second-usd = 2", &function, "times.at = [\"1m\", \"2m\", \"3m\"]");
        assert_usd(found.total.cost_usd.total.mean, 3.0 * cpu_s * 2.0);
    }
}

/// Two vCPUs of a minimum instance that is idle but for 10 s of an hour; a month is 720 times that.
#[test]
fn idle_processors_of_minimum_instances_cost_too() {
    let billing = "minimum-instances.idle-gb-second-usd = 0.1\nminimum-instances.idle-vcpu-second-usd = 0.01";
    let function =
        "cpu.limit = 2\nduration.constant.value = \"10s\"\nscaling.cloud-run = { min-instances = 1, cpu = 2 }";
    let found = priced("1h", billing, function, "times.at = [\"10m\"]");
    let expected = 3_590.0 * (0.1 + 2.0 * 0.01);
    assert_usd(found.total.cost_usd.provisioned.mean, expected);
    assert_usd(found.monthly_cost_usd.mean, 720.0 * expected);
}

/// Provisioned time is rounded when an instance goes, not where the measured period begins and ends: what is measured costs its
/// share of the month.
#[test]
fn the_ends_of_the_measured_period_round_nothing() {
    let billing = "gb-second-usd-x86 = [{ usd = 1 }]\n[platform.billing.provisioned]\nreserve-usd-x86 = 1\n\
                   execution-usd-x86 = 1\nreserve-usd-arm = 1\nexecution-usd-arm = 1\ngranularity = \"5m\"";
    for (horizon, warm_up, measured_s) in [("7m", "0s", 420.0), ("7m", "1m", 360.0), ("1h", "50s", 3_550.0)] {
        let found = summary(&format!(
            "[scenario]\nname = \"billing\"\n[simulation]\nhorizon = \"{horizon}\"\nwarm-up = \"{warm_up}\"\n[platform.billing]\n{billing}\n\
             [[function]]\nname = \"f\"\nmemory = \"1GB\"\nduration.constant.value = \"1s\"\nconcurrency.provisioned = 2\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"2h\"]\n"
        ));
        assert_usd(found.total.cost_usd.provisioned.mean, 2.0 * measured_s);
        assert_usd(found.monthly_cost_usd.mean, 2.0 * 30.0 * 86_400.0);
    }
    // One that a timetable takes away after 2 min 30 s costs 5 min.
    let function = "duration.constant.value = \"1s\"\n\
                    scaling.scheduled = { instances = 2, actions = [{ at = \"150s\", instances = 1 }] }";
    let found = priced("1h", billing, function, "times.at = [\"2h\"]");
    assert_usd(found.total.cost_usd.provisioned.mean, 3_600.0 + 300.0);
}
