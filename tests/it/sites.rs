//! Where requests come from and what lies between: timers, fleets, sites with links, payloads, tenants, faults of whole sites.

use forewarm::scenario::{ParseOptions, parse};
use serde_json::Value;

use crate::harness::{Memory, assert_close, result, summary};

fn json(text: &str) -> Value {
    serde_json::to_value(summary(text)).expect("JSON")
}

fn figure(summary: &Value, keys: &[&str]) -> f64 {
    let found = keys.iter().try_fold(summary, |value, key| value.get(key)).unwrap_or_else(|| panic!("no {keys:?}"));
    found["mean"].as_f64().unwrap_or_else(|| panic!("{keys:?} is {found}"))
}

/// What is said about a scenario that is wrong.
fn wrong(text: &str) -> String {
    parse("test.toml", text, &ParseOptions::default(), &Memory::default()).expect_err("it is wrong").to_string()
}

const FUNCTION: &str = "[[function]]\nname = \"f\"\nsite = \"us\"\nduration.constant.value = \"100ms\"\n";
const SITES: &str = "[[site]]\nname = \"eu\"\n[[site]]\nname = \"us\"\n";

fn run(horizon: &str, more: &str) -> String {
    format!("[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"{horizon}\"\nreplications = 1\n{more}")
}

/// Clocks in Berlin go forward on 29 March 2026: five days of a job at 2:30 are four runs, and of one at 10:00 five.
#[test]
fn timers_follow_the_clock_on_the_wall() {
    let summary = json(&run(
        "5d",
        "start = \"2026-03-27\"\n[[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n\
         [[source]]\nname = \"night\"\nfunction = \"f\"\narrivals.schedule = { cron = \"30 2 * * *\", time-zone = \"Europe/Berlin\" }\n\
         [[source]]\nname = \"morning\"\nfunction = \"f\"\n\
         arrivals.schedule = { cron = \"cron(0 10 * * ? *)\", time-zone = \"Europe/Berlin\", precision = \"1m\" }\n\
         [[source]]\nname = \"ping\"\nfunction = \"f\"\narrivals.schedule.every = \"5m\"\n",
    ));
    let arrived = |name| figure(&summary, &["sources", name, "requests", "arrived"]);
    assert_eq!([arrived("night"), arrived("morning"), arrived("ping")], [4.0, 5.0, 5.0 * 24.0 * 12.0]);
}

/// Devices of a fleet send N / period a second, and all of them within the window when they connect again.
#[test]
fn a_fleet_reports_once_each_period_and_after_a_loss() {
    let result = result(&run(
        "20m",
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
         [[source]]\nname = \"meters\"\nfunction = \"f\"\n\
         arrivals.fleet = { devices = 6000, period = \"5m\", reconnect = { at = \"10m\", down = \"1m\", within = \"10s\" } }\n",
    ));
    // Two periods, then all at 11:00 to 11:10, and again five minutes later.
    assert_eq!(result.summary.total.requests.arrived.mean, 4.0 * 6_000.0);
    let series = result.timeline.series.iter().find(|one| one.function.is_none()).expect("the total");
    let seconds = result.timeline.interval.as_secs_f64();
    let between = |from: f64, to: f64| {
        let inside = |place: &usize| (from..to).contains(&(*place as f64 * seconds));
        (0..series.points.len()).filter(inside).map(|place| series.points[place].arrived).sum::<f64>()
    };
    assert_eq!(
        [between(0.0, 600.0), between(600.0, 660.0), between(660.0, 690.0), between(690.0, 960.0)],
        [12_000.0, 0.0, 6_000.0, 0.0]
    );
}

/// 40 ms there, 100 ms of work, 40 ms back; with 1 MB up at 1 MB/s and 0.5 MB down, 1.5 s more.
#[test]
fn a_link_takes_its_latency_and_the_size_over_the_bandwidth_each_way() {
    for (link, payload, latency) in [
        ("", "", 0.18),
        (
            "bandwidth = \"1MB/s\"\n",
            "payload.constant.value = \"1MB\"\nanswer-payload.constant.value = \"512KB\"\n",
            1.68,
        ),
        ("bandwidth-per-call = \"8Mbit/s\"\n", "payload.constant.value = \"500000B\"\n", 0.68),
    ] {
        let result = result(&run(
            "1h",
            &format!(
                "{SITES}[[link]]\nname = \"wan\"\nbetween = [\"us\", \"eu\"]\nlatency.constant.value = \"40ms\"\n{link}{FUNCTION}\
                 [[source]]\nname = \"s\"\nfunction = \"f\"\nsite = \"eu\"\narrivals.constant.rate = \"6/m\"\n{payload}"
            ),
        ));
        let found = &result.summary.total.latency_s;
        assert!(
            (found.mean.mean - latency).abs() < 1e-9 && (found.max.mean - latency).abs() < 1e-3 * latency,
            "{found:?}"
        );
    }
}

/// Half of the calls are lost without anybody being told: their clients wait for a second, and half a second more until they try again.
/// That is the time of the clients, while those that arrive take 80 ms on the link and 100 ms in the function.
#[test]
fn who_waits_for_what_is_lost_waits_himself() {
    let result = result(&run(
        "1h",
        &format!(
            "{SITES}[[link]]\nname = \"radio\"\nbetween = [\"eu\", \"us\"]\nlatency.constant.value = \"40ms\"\nloss-ratio = 0.5\n\
             {FUNCTION}[[source]]\nname = \"s\"\nfunction = \"f\"\nsite = \"eu\"\narrivals.constant.rate = \"6/m\"\n\
             client = {{ timeout = \"1s\", retry = {{ max-attempts = 50, on = [\"timeout\"], backoff.constant.delay = \"500ms\" }} }}\n"
        ),
    ));
    let total = &result.summary.total;
    let (requests, mean) = (total.requests.completed.mean, total.latency_s.mean.mean);
    let attempts = result.summary.sources[0].1.attempts_per_request.expect("there is a client").mean * requests;
    let lost = attempts - requests;
    assert!((lost / attempts - 0.5).abs() < 4.0 * (0.25 / attempts).sqrt(), "{lost} of {attempts}");
    let all = 0.18 * requests + 1.5 * lost;
    assert!((mean * requests - all).abs() < 1e-6, "{mean}");
    let share = |at: &str| {
        let parts = result.summary.latency_parts.iter().filter(|one| one.at == at);
        parts.map(|one| one.share.mean).sum::<f64>()
    };
    for (at, secs) in [("link.radio", 0.08 * requests), ("function.f", 0.1 * requests), ("client.s", 1.5 * lost)] {
        assert!((share(at) - secs / all).abs() < 1e-9, "{at}: {} {:?}", share(at), result.summary.latency_parts);
    }
    // Each call over the link is answered or given up.
    let calls = result.summary.calls.iter().find(|one| one.to == "link.radio").expect("its calls");
    assert_eq!((calls.calls.mean, calls.succeeded.mean, calls.abandoned.mean), (attempts, requests, lost));
}

/// Transfers of equal size under Poisson calls wait as in M/D/1: rho D / (2 (1 - rho)).
#[test]
fn a_shared_link_is_a_queue() {
    let summary = json(
        &run(
            "4h",
            &format!(
                "warm-up = \"10m\"\n{SITES}[[link]]\nname = \"wan\"\nbetween = [\"eu\", \"us\"]\nbandwidth = \"1MB/s\"\n{FUNCTION}\
                 [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1.4/s\"\npayload.constant.value = \"512KB\"\n"
            ),
        )
        .replace("replications = 1", "replications = 12"),
    );
    let wait = &summary["links"]["wan"]["wait_s"]["mean"];
    let stat = serde_json::from_value(wait.clone()).expect("a statistic");
    assert_close("wait", stat, 12, 0.7 * 0.5 / (2.0 * 0.3));
}

/// Half of the calls are lost: three attempts bring 1 - 1/8 of the requests through, with 1 + 1/2 + 1/4 attempts each, and
/// who succeeds at the k-th has waited k - 1 time-outs.
#[test]
fn what_is_lost_is_noticed_by_the_time_out() {
    let summary = json(
        &run(
            "2h",
            &format!(
                "{SITES}[[link]]\nname = \"radio\"\nbetween = [\"eu\", \"us\"]\nloss-ratio = 0.5\n{FUNCTION}\
                 [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"2/s\"\n\
                 client = {{ timeout = \"1s\", retry = {{ max-attempts = 3, on = [\"timeout\"] }} }}\n"
            ),
        )
        .replace("replications = 1", "replications = 12"),
    );
    let source = &summary["sources"]["s"];
    let stat = |value: &Value| serde_json::from_value(value.clone()).expect("a statistic");
    assert_close("attempts", stat(&source["attempts_per_request"]), 12, 1.75);
    assert_close("failures", stat(&source["failure_ratio"]), 12, 0.125);
    let mean = (0.5 * 0.1 + 0.25 * 1.1 + 0.125 * 2.1) / 0.875;
    assert_close("latency", stat(&source["latency_s"]["mean"]), 12, mean);
    let link = |key: &str| figure(&summary, &["links", "radio", "calls", key]);
    assert_eq!(link("arrived"), link("answered") + link("lost") + link("failed") + link("unfinished"));
}

/// A tenant beyond its quota is throttled to the request; the others do not notice.
#[test]
fn a_noisy_tenant_is_throttled_and_the_others_untouched() {
    let with = |noisy: &str| {
        json(&run(
            "10m",
            &format!(
                "[[tenant]]\nname = \"acme\"\nthrottle = {{ rate = \"10/s\", burst = 20 }}\n[[tenant]]\nname = \"small\"\n\
                 [[function]]\nname = \"f\"\nduration.constant.value = \"100ms\"\nconcurrency.reserved = 20\n\
                 [[source]]\nname = \"quiet\"\ntenant = \"small\"\nfunction = \"f\"\narrivals.constant.rate = \"10/s\"\n{noisy}"
            ),
        ))
    };
    let alone = with("");
    let noisy = "[[source]]\nname = \"noisy\"\ntenant = \"acme\"\nfunction = \"f\"\narrivals.constant.rate = \"50/s\"\n\
                 [[source]]\nname = \"noisy-too\"\ntenant = \"acme\"\nfunction = \"f\"\narrivals.constant.rate = \"50/s\"\n";
    let both = with(noisy);
    assert_eq!(alone["sources"]["quiet"]["requests"], both["sources"]["quiet"]["requests"]);
    assert_eq!(figure(&both, &["sources", "quiet", "requests", "failed"]), 0.0);
    // 100 a second from two sources against one bucket: 20 + 10 t pass.
    let [arrived, throttled] = ["arrived", "throttled"].map(|key| figure(&both, &["tenants", "acme", "requests", key]));
    assert!((arrived - throttled - (20.0 + 10.0 * 600.0)).abs() <= 1.0, "{arrived} {throttled}");
    let failed = |name| figure(&both, &["sources", name, "requests", "failed_by", "throttled"]);
    assert_eq!(failed("noisy") + failed("noisy-too"), throttled);
}

/// What a function's tenant may run at a time counts for whoever invokes it: through a queue, and from another function.
#[test]
fn a_functions_tenant_has_so_many_runs_at_a_time() {
    let summary = json(&run(
        "10m",
        "[[tenant]]\nname = \"acme\"\nmax-concurrency = 2\n\
         [[function]]\nname = \"a\"\ntenant = \"acme\"\nduration.constant.value = \"2s\"\n\
         [[function]]\nname = \"b\"\ntenant = \"acme\"\nduration.constant.value = \"2s\"\n\
         [[function]]\nname = \"caller\"\nstep = [{ call = \"b\" }]\n\
         [[source]]\nname = \"s\"\nfunction = \"a\"\narrivals.constant.rate = \"2/s\"\n\
         [[source]]\nname = \"t\"\nfunction = \"caller\"\narrivals.constant.rate = \"2/s\"\n",
    ));
    let of = |keys: &[&str]| figure(&summary, &[&["tenants", "acme"], keys].concat());
    assert_eq!(of(&["concurrency", "peak"]), 2.0);
    let runs = |name| figure(&summary, &["functions", name, "requests", "arrived"]);
    assert_eq!(
        runs("a") + runs("b"),
        of(&["requests", "completed"]) + of(&["requests", "failed"]) + of(&["requests", "unfinished"])
    );
    // Two runs of 2 s at a time: one starts each second.
    assert!((runs("a") + runs("b") - 600.0).abs() <= 2.0, "{}", runs("a") + runs("b"));
}

/// Ten requests a second to each of two sites, and one of them is out for a minute.
#[test]
fn the_outage_of_a_site_is_that_of_all_that_is_there() {
    let summary = json(&run(
        "5m",
        &format!(
            "{SITES}[[link]]\nname = \"wan\"\nbetween = [\"eu\", \"us\"]\n{FUNCTION}\
             [[function]]\nname = \"g\"\nduration.constant.value = \"100ms\"\n\
             [[dependency]]\nname = \"db\"\nsite = \"us\"\nlatency.constant.value = \"1ms\"\n\
             [[source]]\nname = \"far\"\nfunction = \"f\"\narrivals.constant.rate = \"10/s\"\n\
             [[source]]\nname = \"data\"\ntarget = \"db\"\narrivals.constant.rate = \"10/s\"\n\
             [[source]]\nname = \"near\"\nfunction = \"g\"\narrivals.constant.rate = \"10/s\"\n\
             [[fault]]\nname = \"region-lost\"\ntarget = \"site.us\"\nat = \"1m\"\nfor = \"1m\"\noutage = true\n\
             [[fault]]\nname = \"cable-cut\"\ntarget = \"link.wan\"\nat = \"3m\"\nfor = \"30s\"\noutage = true\n"
        ),
    ));
    let failed = |name| figure(&summary, &["sources", name, "requests", "failed"]);
    assert!((failed("far") - 900.0).abs() <= 2.0 && (failed("data") - 900.0).abs() <= 1.0, "{summary:#}");
    assert_eq!(failed("near"), 0.0);
    assert_eq!(figure(&summary, &["links", "wan", "calls", "failed"]), 600.0);
}

/// Ten requests at once to a function of each of two sites. That on metal has room for three at a time, no prices and instances that
/// go when they have been idle for a second, more memory and time than AWS allows.
const PLATFORMS: &str = "[platform]\npreset = \"aws-lambda\"\n[[site]]\nname = \"cloud\"\n[[site]]\nname = \"metal\"\n\
     [site.platform]\nconcurrency.account-limit = 3\nkeep-alive.fixed.window = \"1s\"\n\
     [[link]]\nname = \"vpn\"\nbetween = [\"cloud\", \"metal\"]\n\
     [[function]]\nname = \"f\"\nmemory = \"512MB\"\nduration.constant.value = \"2s\"\n\
     [[function]]\nname = \"g\"\nsite = \"metal\"\nmemory = \"20GB\"\ntimeout = \"20m\"\nduration.constant.value = \"2s\"\n\
     [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.burst = { size = 10, every = \"10s\", first = \"1s\" }\n\
     [[source]]\nname = \"t\"\nfunction = \"g\"\nsite = \"metal\"\narrivals.burst = { size = 10, every = \"10s\", first = \"1s\" }\n";

#[test]
fn a_site_may_have_a_platform_of_its_own() {
    let text = run("20s", PLATFORMS);
    let summary = json(&text);
    let of = |name: &str, keys: &[&str]| figure(&summary, &[&["functions", name], keys].concat());
    // Two bursts: on AWS the instances of the first are used again, on metal they are gone.
    assert_eq!((of("f", &["requests", "completed"]), of("f", &["invocations", "cold"])), (20.0, 10.0));
    assert_eq!((of("g", &["requests", "completed"]), of("g", &["requests", "rejected"])), (6.0, 14.0));
    assert_eq!(of("g", &["invocations", "cold"]), 6.0);
    // A cold start of AWS begins with an initialization; metal has none.
    assert!(of("f", &["cold_start_s", "max"]) > 0.1 && of("g", &["cold_start_s", "max"]) == 0.0);
    let cost = of("f", &["cost_usd", "total"]);
    assert!(cost > 20.0 * 2.0 * 0.5 * 1.6e-5, "{cost}");
    assert_eq!((of("g", &["cost_usd", "total"]), figure(&summary, &["total", "cost_usd", "total"])), (0.0, cost));
    let limits = summary["limits"].as_array().expect("limits");
    assert_eq!(
        (limits.len(), limits[0]["limit"].as_str(), limits[0]["value"].as_f64()),
        (1, Some("account-limit"), Some(3.0))
    );

    // The other way round nothing changes, whichever of them is the platform of the scenario.
    let metal = "[platform]\nconcurrency.account-limit = 3\nkeep-alive.fixed.window = \"1s\"\n[[site]]\nname = \"cloud\"\n\
         platform.preset = \"aws-lambda\"\n[[site]]\nname = \"metal\"\n";
    let rest = PLATFORMS.find("[[link]]").expect("a link");
    let swapped = json(&run("20s", &format!("{metal}{}", &PLATFORMS[rest..])));
    assert_eq!(swapped["functions"], summary["functions"]);
    assert_eq!(swapped["total"], summary["total"]);

    // Both on AWS, in accounts of their own: each pays for what it uses.
    let both =
        PLATFORMS.replace("concurrency.account-limit = 3\nkeep-alive.fixed.window = \"1s\"", "preset = \"aws-lambda\"");
    let both = json(&run("20s", &both.replace("20GB", "512MB").replace("20m", "3s")));
    let cost = |name: &str| figure(&both, &["functions", name, "cost_usd", "total"]);
    assert!((cost("f") + cost("g") - figure(&both, &["total", "cost_usd", "total"])).abs() < 1e-15);
    assert_eq!(figure(&both, &["functions", "g", "requests", "completed"]), 20.0);

    // What a platform refuses is refused of its functions only.
    let said = wrong(&run("20s", &PLATFORMS.replace("site = \"metal\"\nmemory", "memory")));
    assert!(said.contains("`function.g.memory` is 20480MB") && said.contains("`function.g.timeout` is 20m"), "{said}");
    let said = wrong(&run("20s", &PLATFORMS.replace("memory = \"20GB\"", "concurrency.reserved = 5")));
    assert!(said.contains("add up to 5 (with \"g\"): the account allows 3"), "{said}");

    // The resolved text means the same.
    let scenario = crate::harness::scenario(&text);
    let again = crate::harness::scenario(&scenario.resolved);
    assert_eq!(again.resolved, scenario.resolved);
}

/// Nine requests of a minute each, one to an instance, over three zones: three are lost with a zone and tried again.
#[test]
fn the_outage_of_a_zone_loses_its_instances() {
    let text = run(
        "10m",
        "[[site]]\nname = \"eu\"\nzones = 3\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"1m\"\nkeep-alive.forever = {}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.burst = { size = 9, every = \"1h\", first = \"10s\" }\n\
         client.retry = { max-attempts = 2, on = [\"error\"] }\n\
         [[fault]]\nname = \"zone-lost\"\ntarget = \"zone.eu.2\"\nat = \"30s\"\nfor = \"5m\"\noutage = true\n",
    );
    let summary = json(&text);
    let of = |keys: &[&str]| figure(&summary, &[&["functions", "f"], keys].concat());
    assert_eq!((of(&["requests", "failed"]), of(&["requests", "completed"])), (3.0, 9.0));
    assert_eq!((of(&["instances", "created"]), of(&["instances", "peak"])), (12.0, 9.0));
    assert_eq!(figure(&summary, &["total", "latency_s", "max"]), 20.0 + 60.0);
    for (was, is, part) in [
        ("zone.eu.2", "zone.eu.4", "there is no \"zone.eu.4\""),
        ("zone.eu.2", "zone.us.1", "there are no nodes called \"zone.us.1\""),
        ("outage = true", "slow-down.speed = 0.5", "`slow-down` does nothing to \"zone.eu.2\""),
    ] {
        let said = wrong(&text.replace(was, is));
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn sizes_alone_change_nothing_but_how_calls_are_counted() {
    let with = |payload: &str| {
        json(&run(
            "10m",
            &format!(
                "[[function]]\nname = \"f\"\nduration.exponential.mean = \"100ms\"\n\
                 [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"5/s\"\n{payload}"
            ),
        ))
    };
    let (plain, sized) = (with("client = {}\n"), with("payload.log-normal = { median = \"20KB\", p99 = \"2MB\" }\n"));
    assert_eq!(plain["total"], sized["total"]);
}

#[test]
fn what_does_not_fit_together_is_said() {
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"1/s\"\n";
    for (text, parts) in [
        (format!("{SITES}{FUNCTION}{source}"), &["there is no link between them", "between = [\"eu\", \"us\"]"][..]),
        (
            format!(
                "{SITES}[[link]]\nname = \"wan\"\nbetween = [\"eu\", \"us\"]\nloss-ratio = \"1%\"\n{FUNCTION}{source}"
            ),
            &["could wait forever", "`client.timeout`"],
        ),
        (format!("[[site]]\nname = \"eu\"\n{FUNCTION}{source}"), &["there is no site \"us\"", "eu"]),
        (
            format!("{SITES}[[link]]\nname = \"wan\"\nbetween = [\"eu\", \"eu\"]\n{FUNCTION}{source}"),
            &["must name two different sites"],
        ),
        (
            format!(
                "{SITES}[[link]]\nname = \"wan\"\nbetween = [\"eu\", \"us\"]\n{FUNCTION}{source}tenant = \"acme\"\n"
            ),
            &["there is no tenant \"acme\"", "add it with [[tenant]]"],
        ),
        (
            format!(
                "{SITES}[[link]]\nname = \"wan\"\nbetween = [\"eu\", \"us\"]\n{FUNCTION}{}",
                source.replace("function = \"f\"", "target = \"link.wan\"")
            ),
            &["there is no call target named \"link.wan\""],
        ),
        (
            format!(
                "{SITES}[[link]]\nname = \"wan\"\nbetween = [\"eu\", \"us\"]\n[[link]]\nname = \"other\"\nbetween = [\"us\", \"eu\"]\n{FUNCTION}{source}"
            ),
            &["are between the same sites"],
        ),
        (
            FUNCTION.replace("site = \"us\"\n", "")
                + "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.fleet = { devices = 2000000000, period = \"1m\" }\n",
            &["must be from 1 to 1000000000"],
        ),
        (
            FUNCTION.replace("site = \"us\"\n", "")
                + "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.fleet = { devices = 1000000000, period = \"1d\", jitter = \"1h\" }\n",
            &["reports late at the same time: at most 1e7"],
        ),
        (
            FUNCTION.replace("site = \"us\"\n", "")
                + "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.schedule = { cron = \"0 25 * * *\", time-zone = \"Europe/Berln\" }\n",
            &["is not a cron expression: hour: `25` must be 0 to 23", "did you mean `Europe/Berlin`?"],
        ),
    ] {
        let said = wrong(&run("10m", &text));
        for part in parts {
            assert!(said.contains(part), "`{part}` is not said:\n{said}");
        }
    }
}
