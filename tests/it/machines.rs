//! Instances on machines, through the whole program: what a cluster does to requests, and what it costs.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::harness::drawn::{Kind, any_scenario};
use crate::harness::{Folder, result, summary};
use forewarm::experiment;
use forewarm::measure::summary::Summary;
use forewarm::report::json;
use forewarm::scenario::{NoFiles, ParseOptions, Scenario, parse, registry};

/// More of everything than any instances request.
const ENDLESS: &str =
    "[[node-group]]\nname = \"endless\"\ncpu = 1000000\nmemory = \"1000GB\"\npods-max = 10000\ncount = 1\n";

/// What a run says, without what is only there with machines.
fn without_machines(text: &str) -> Value {
    let mut all: Value = serde_json::from_str(&json::summary(&summary(text))).expect("JSON");
    let object = all.as_object_mut().expect("an object");
    for key in ["nodes", "starts", "events", "scenario"] {
        object.remove(key);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cluster_without_limits_changes_nothing(text in any_scenario(Kind::Any)) {
        prop_assert_eq!(without_machines(&text), without_machines(&format!("{text}{ENDLESS}")));
    }

    /// Few nodes that come late, go and are taken back, images that have to be pulled: in debug builds the engine's own books
    /// find every request that is lost.
    #[test]
    fn every_request_ends_whatever_happens_to_machines(
        text in any_scenario(Kind::Any),
        scaled in select(vec![
            "count = 1", "count = 2", "max = 3\nautoscaler = \"karpenter\"", "min = 1\nmax = 3\nautoscaler = \"cluster-autoscaler\"",
            "max = 2\nautoscaler.cluster-autoscaler = { scale-down-unneeded-time = \"20s\", scale-down-delay-after-add = \"10s\", max-graceful-termination = \"3s\" }",
        ]),
        spot in select(vec!["", "", "spot = { interruptions = \"2/m\", notice = \"3s\" }"]),
        boot in select(vec!["", "boot.exponential.mean = \"15s\"", "boot.constant.value = \"40s\""]),
        policy in select(vec!["least-allocated", "most-allocated", "first-fit", "best-fit", "round-robin", "hash", "random"]),
        fault in select(vec![
            "", "[[fault]]\nname = \"c\"\ntarget = \"node-group.g\"\nat = \"10s\"\nfor = \"4m\"\ncrash.rate = \"2/m\"\n",
            "[[fault]]\nname = \"o\"\ntarget = \"zone.a\"\nat = \"1m\"\nfor = \"30s\"\noutage = true\n",
        ]),
        cpu in select(vec!["cpu.request = 0.7", "cpu = { request = 0.3, limit = 1.6, threads = 2, cpu-bound-share = 0.6 }"]),
        image in select(vec!["", "image.size = \"500MB\"\n"]),
        with_scaling in select(vec!["", "scaling.thresholds.target = 1\n", "scaling.hpa = { max-replicas = 5, target-concurrency = 1 }\n"]),
    ) {
        let functions = text.replace("[[function]]\n", &format!("[[function]]\nmemory = \"512MB\"\n{cpu}\n{image}"));
        let functions = functions.replace("memory.budget = \"1536MB\"", "memory.budget = \"8GB\"");
        let functions = if functions.contains("memory.budget") || functions.contains("provisioned") || functions.contains("hybrid") || functions.contains("initial") {
            functions
        } else {
            functions.replace("memory = \"512MB\"\n", &format!("memory = \"512MB\"\n{with_scaling}"))
        };
        let platform = format!(
            "[platform.placement]\npolicy = \"{policy}\"\nnode-monitor-grace-period = \"5s\"\nunreachable-toleration = \"10s\"\n"
        );
        let group = format!("[[node-group]]\nname = \"g\"\ncpu = 2\nmemory = \"4GB\"\n{scaled}\n{spot}\n{boot}\nzone = \"a\"\n{fault}");
        let found = summary(&format!("{functions}{platform}{group}"));
        let requests = &found.total.requests;
        let ended = requests.completed.mean + requests.rejected.mean + requests.timed_out.mean + requests.failed.mean
            + requests.unfinished.mean;
        prop_assert!((requests.arrived.mean - ended).abs() < 1e-9);
        let figures = &found.components.nodes.0[0].1;
        let of = |key: &str| figures.get(key).expect("a figure").mean;
        prop_assert_eq!(of("pods.created"), of("pods.placed") + of("pods.withdrawn") + of("pods.pending"));
        prop_assert!(of("count.peak") <= 6.0 && of("cpu_utilization").is_nan() | (of("cpu_utilization") <= 1.0));
    }
}

/// Ten requests a second of a second each, an instance each, on `group`.
fn ten_instances(group: &str) -> String {
    format!(
        "[scenario]\nname = \"ten\"\n[simulation]\nhorizon = \"30m\"\nreplications = 2\n\
         [platform.billing]\nper-request-usd = 0.000001\ngb-second-usd-x86 = [{{ usd = 0.0001 }}]\ngb-second-usd-arm = [{{ usd = 0.0001 }}]\n\
         [[function]]\nname = \"f\"\nmemory = \"1GB\"\ncpu.request = 0.5\nduration.constant.value = \"1s\"\n\
         cold-start.constant.value = \"500ms\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"10/s\"\n\
         [[node-group]]\nname = \"g\"\ncpu = 4\nmemory = \"8GB\"\n{group}\n"
    )
}

#[test]
fn nodes_are_paid_by_the_second_and_nothing_twice() {
    let found = summary(&ten_instances("count = 3\nper-hour-usd = 0.6"));
    // Three nodes for half an hour.
    let cost = &found.total.cost_usd;
    assert!((cost.nodes.mean - 0.9).abs() < 1e-9, "{}", cost.nodes.mean);
    assert_eq!(cost.compute.mean, 0.0);
    assert!((cost.total.mean - 0.9 - found.total.requests.arrived.mean * 1e-6).abs() < 1e-9);
    let figures = &found.components.nodes.0[0].1;
    assert_eq!(figures.get("node_seconds").expect("a figure").mean, 5400.0);
    // Without a price of their own nodes are nothing that is paid, and instances are.
    let free = summary(&ten_instances("count = 3"));
    assert!(free.total.cost_usd.compute.mean > 0.0 && free.total.cost_usd.nodes.mean == 0.0);
}

fn run(scenario: &Scenario) -> Summary {
    experiment::run(scenario, NonZeroUsize::MIN, &(), None).expect("it runs").result.summary
}

/// Clouds have machines of their own: on them, neither do nodes cost anything nor do instances wait for them.
#[test]
fn a_scenario_leaves_its_nodes_behind_when_it_moves_to_a_cloud() {
    let text = ten_instances("max = 20\nautoscaler = \"karpenter\"\nboot.constant.value = \"60s\"\nper-hour-usd = 0.6");
    let text = text.replace(
        "cpu.request = 0.5",
        "cpu = { request = 0.5, limit = 0.5, cpu-bound-share = 0.3 }\nimage.size = \"1GB\"\nnode-group = \"g\"",
    );
    let about_nodes = "[[objective]]\nmetric = \"count.peak\"\nnode-group = \"g\"\nbelow = 9\n\
                       [[alarm]]\nname = \"pending\"\nmetric = \"pending_pods.peak\"\nnode-group = \"g\"\nthreshold = 1\n\
                       [[fault]]\nname = \"down\"\ntarget = \"node-group.g\"\nat = \"5m\"\nfor = \"1m\"\ncrash.rate = \"1/m\"\n\
                       [[fault]]\nname = \"slow\"\ntarget = \"function.f\"\nat = \"5m\"\nfor = \"1m\"\nslow-down.speed = 0.5\n";
    let text = text + about_nodes;
    let on = |platform: &str| {
        let options = ParseOptions { platform: Some(platform.to_owned()), ..ParseOptions::default() };
        parse("ten.toml", &text, &options, &NoFiles).unwrap_or_else(|wrong| panic!("{platform}: {wrong}"))
    };
    for platform in registry::current_platforms() {
        let moved = on(platform);
        let has_own = ["knative", "openwhisk", "openfaas", "openfaas-ce", "fission"].contains(&platform);
        assert_eq!(moved.node_groups.is_empty(), !has_own, "{platform}");
        let told = |subject: &str| moved.assumptions.iter().any(|told| told.subject == subject);
        assert_eq!(told("node-group"), !has_own, "{platform}: {:?}", moved.assumptions);
        assert!(moved.functions[0].image.is_some() == has_own, "{platform}");
        // What is about nodes stays behind with them.
        let (objectives, alarms, faults) = (moved.objectives.len(), moved.alarms.len(), moved.faults.len());
        assert_eq!((objectives, alarms, faults), if has_own { (1, 1, 2) } else { (0, 0, 1) }, "{platform}");
        assert!(["objective", "alarm", "fault"].iter().all(|subject| told(subject) != has_own), "{platform}");
    }
    // 1 GB is 0.58 vCPU there, not the half that the pod had.
    let lambda = on("aws-lambda");
    assert!((lambda.functions[0].cpu.vcpus - 1024.0 / 1769.0).abs() < 1e-9);
    let found = run(&lambda);
    assert_eq!(found.total.cost_usd.nodes.mean, 0.0);
    assert!(found.total.cost_usd.compute.mean > 0.0 && found.total.cold_start_s.max.mean < 2.0);
}

/// A cluster on premises and a cloud beside it: only the functions of the first run on its nodes.
#[test]
fn functions_of_a_cloud_are_not_placed_on_the_nodes_of_another_site() {
    let found = summary(
        "[scenario]\nname = \"hybrid\"\n[simulation]\nhorizon = \"10m\"\n[platform]\npreset = \"aws-lambda\"\n\
         [[site]]\nname = \"cloud\"\n[[site]]\nname = \"own\"\n[site.platform]\nkeep-alive.forever = {}\n\
         [[function]]\nname = \"there\"\nmemory = \"1GB\"\nduration.constant.value = \"100ms\"\n\
         [[function]]\nname = \"here\"\nsite = \"own\"\nmemory = \"1GB\"\nduration.constant.value = \"100ms\"\n\
         [[source]]\nname = \"a\"\nfunction = \"there\"\narrivals.constant.rate = \"1/s\"\n\
         [[source]]\nname = \"b\"\nsite = \"own\"\nfunction = \"here\"\narrivals.constant.rate = \"1/s\"\n\
         [[node-group]]\nname = \"g\"\ncpu = 4\nmemory = \"8GB\"\ncount = 1\nper-hour-usd = 0.6\n",
    );
    let nodes = &found.components.nodes.0[0].1;
    assert_eq!(nodes.get("pods.created").expect("a figure").mean, 1.0);
    let cost = |name: &str| {
        let of_it = found.functions.iter().find(|(known, _)| known == name).expect("a function");
        of_it.1.cost_usd.compute.mean
    };
    assert!(cost("there") > 0.0 && cost("here") == 0.0);
}

/// One node with two vCPUs: what comes while both are busy has instances that wait for a node. Whoever is free serves the one that
/// has waited longest, and its instance is not needed any more.
#[test]
fn requests_are_served_in_their_order_while_instances_have_no_node() {
    let text = |per_instance: u32, arrivals: &str| {
        format!(
            "[scenario]\nname = \"short\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\nmemory = \"1GB\"\ncpu.request = 1\n\
             concurrency.per-instance = {per_instance}\nduration.constant.value = \"1s\"\ncold-start.constant.value = \"500ms\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [{arrivals}]\n\
             [[node-group]]\nname = \"g\"\ncpu = 2\nmemory = \"8GB\"\ncount = 1\n"
        )
    };
    // Two at 0.5 s, two at 1.5 s, and those of 1 s after them at 2.5 s.
    let found = summary(&text(1, "\"0s\", \"0s\", \"0s\", \"0s\", \"1s\", \"1s\"")).total;
    assert_eq!((found.latency_s.mean.mean * 6.0 * 1e9).round(), (1.5 * 2.0 + 2.5 * 2.0 + 2.5 * 2.0) * 1e9);
    assert_eq!(found.latency_s.max.mean, 2.5);
    assert_eq!((found.requests.completed.mean, found.requests.unfinished.mean), (6.0, 0.0));
    // Those that waited for an instance which was there when they came have queued; the two of 0 s met none.
    assert_eq!(found.queueing_s.max.mean, 1.5);
    assert_eq!(found.instances.peak.mean, 6.0);
    // Two slots each: all four of 0 s fit on the two that start, and the others follow at 1.5 s.
    let found = summary(&text(2, "\"0s\", \"0s\", \"0s\", \"0s\", \"200ms\", \"200ms\"")).total;
    assert_eq!(found.latency_s.max.mean, 2.3);
    assert_eq!(found.requests.completed.mean, 6.0);
}

/// The third request finds both vCPUs taken. Whoever is free at 1.5 s serves it; but where instances also share memory, it stays with
/// the instance that was created for it, which has a node when the others have been idle for 2 s.
#[test]
fn requests_stay_with_their_instances_where_memory_is_shared() {
    let latency = |platform: &str| {
        let text = format!(
            "[scenario]\nname = \"short\"\n[simulation]\nhorizon = \"1m\"\n{platform}\n[[function]]\nname = \"f\"\nmemory = \"1GB\"\n\
             cpu.request = 1\nduration.constant.value = \"1s\"\ncold-start.constant.value = \"500ms\"\n\
             keep-alive.fixed.window = \"2s\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\", \"0s\", \"0s\"]\n\
             [[node-group]]\nname = \"g\"\ncpu = 2\nmemory = \"8GB\"\ncount = 1\n"
        );
        summary(&text).total.latency_s.max.mean
    };
    assert_eq!(latency(""), 2.5);
    assert_eq!(latency("[platform]\nmemory.budget = \"8GB\""), 5.0);
}

/// Overload: nodes for eight requests a second get a hundred for a minute. All are served, one after the other.
#[test]
fn a_backlog_behind_full_nodes_is_worked_off() {
    let text = ten_instances("count = 1").replace("rate = \"10/s\"", "rate = \"100/s\"").replace("30m", "1m");
    let found = summary(&text).total;
    let arrived = found.requests.arrived.mean;
    assert_eq!(found.requests.completed.mean, arrived);
    // The last of them has all others before it.
    let last = arrived / 8.0 - 60.0;
    assert!((found.latency_s.max.mean - last).abs() < 5.0, "{} instead of {last}", found.latency_s.max.mean);
}

/// Probes every 10 s from the start of the container: one that serves after 12 s gets requests after 20 s.
#[test]
fn an_instance_gets_requests_from_its_first_successful_probe() {
    let latency = |function: &str| {
        let found = summary(&format!(
            "[scenario]\nname = \"probe\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\n{function}\n\
             duration.constant.value = \"1s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\"]\n"
        ));
        found.total.latency_s.max.mean
    };
    assert_eq!(latency("cold-start.constant.value = \"12s\""), 13.0);
    assert_eq!(latency("cold-start.constant.value = \"12s\"\nreadiness-probe = {}"), 21.0);
    assert_eq!(latency("cold-start.constant.value = \"12s\"\nreadiness-probe.period = \"1s\""), 13.0);
    let delayed = "readiness-probe = { period = \"5s\", initial-delay = \"18s\" }";
    assert_eq!(latency(&format!("cold-start.constant.value = \"12s\"\n{delayed}")), 21.0);
    // The sandbox is made before the container starts.
    let phases = "cold-start.phases = { environment.constant.value = \"3s\", init.constant.value = \"4s\" }";
    assert_eq!(latency(&format!("{phases}\nreadiness-probe = {{}}")), 14.0);
}

/// Two functions with images of 500 MB that share 400 MB, on one node: 5 s for the first, 1 s more for the second.
#[test]
fn functions_share_the_layers_of_their_images() {
    let function = |name: &str, layers: &str| {
        format!(
            "[[function]]\nname = \"{name}\"\nmemory = \"1GB\"\ncpu.request = 1\nduration.constant.value = \"1s\"\nimage = {{ size = \"500MB\"{layers} }}\n\
             [[source]]\nname = \"to-{name}\"\nfunction = \"{name}\"\narrivals.times.at = [\"0s\"]\n"
        )
    };
    let latency = |layers: &str| {
        let found = summary(&format!(
            "[scenario]\nname = \"layers\"\n[simulation]\nhorizon = \"1m\"\n{}{}[[node-group]]\nname = \"g\"\ncpu = 4\nmemory = \"8GB\"\ncount = 1\n",
            function("a", layers),
            function("b", layers)
        ));
        let of = |name: &str| {
            let shape = &found.functions.iter().find(|(known, _)| known == name).expect("a function").1;
            (shape.latency_s.max.mean * 1e6).round() / 1e6
        };
        (of("a"), of("b"))
    };
    assert_eq!(latency(""), (6.0, 11.0));
    assert_eq!(latency(", layers = { base = \"300MB\", python = \"100MB\" }"), (6.0, 7.0));
}

/// Node groups have metrics of their own, and objectives judge them.
#[test]
fn objectives_are_about_nodes_too() {
    let text = ten_instances("count = 3\nper-hour-usd = 0.6");
    let objective =
        |metric: &str, bound: &str| format!("[[objective]]\nnode-group = \"g\"\nmetric = \"{metric}\"\n{bound}\n");
    let objectives = [
        objective("cost_usd", "below = \"$0.95\""),
        objective("cost_usd", "below = \"$0.85\""),
        objective("cpu_utilization", "above = \"30%\""),
        objective("pending_s.p99", "below = \"1s\""),
        objective("count.peak", "below = 4"),
    ];
    let found = summary(&(text.clone() + &objectives.concat()));
    let met: Vec<bool> = found.objectives.iter().map(|one| one.met).collect();
    assert_eq!(met, [true, false, true, true, true]);
    assert!((found.objectives[0].value.mean - 0.9).abs() < 1e-9);
    let folder = Folder::with("ten.toml", &text);
    let enforced = |bound: &str| format!("--enforce=node-group.g:{bound}");
    let run = |bound: &str| folder.run(&["run", "ten.toml", "--no-progress", &enforced(bound)]);
    run("memory_utilization<60%").ends(0);
    let said = run("memory_utilization<10%").ends(1).said();
    assert!(said.contains("memory_utilization"), "{said}");
    assert!(run("latency_s.p99<1s").ends(2).err.contains("node groups have no metric"));
    let unknown = text.clone() + &objective("cost_usd", "below = 1").replace("\"g\"", "\"h\"");
    let folder = Folder::with("ten.toml", &unknown);
    assert!(folder.run(&["check", "ten.toml"]).ends(2).err.contains("there is no node-group \"h\""));
    let listed = folder.run(&["list", "metrics"]).ends(0).out;
    assert!(listed.contains("Of each node-group") && listed.contains("cpu_stranded_share"), "{listed}");
}

/// Nodes have room for eight of the ten instances that are needed, and the more requests wait the more there are.
#[test]
fn instances_that_get_no_node_are_said() {
    let found = result(&ten_instances("count = 1"));
    let figures = &found.summary.components.nodes.0[0].1;
    let of = |key: &str| figures.get(key).expect("a figure").mean;
    assert!(of("pods.pending") > 0.0 && of("short_of.cpu") > 0.0, "{figures:?}");
    assert_eq!((of("short_of.memory"), of("short_of.nodes")), (0.0, 0.0));
    assert!((of("cpu_utilization") - 1.0).abs() < 0.01 && (of("memory_utilization") - 1.0).abs() < 0.01);
}

/// A node boots for a minute: the first requests wait for it, and that is a cold start.
#[test]
fn waiting_for_a_node_is_cold_start() {
    let found = summary(&ten_instances(
        "max = 100\nautoscaler.karpenter.consolidation-policy = \"when-empty\"\nboot.constant.value = \"60s\"",
    ));
    let total = &found.total;
    // The batch is closed by the tenth second after the first pod, the node boots for 60 s, the instance starts for 500 ms.
    let most = total.cold_start_s.max.mean;
    assert!((60.5..=71.0).contains(&most), "{most}");
    assert_eq!(total.requests.unfinished.mean, 0.0);
}

#[test]
fn the_report_tells_of_nodes() {
    let folder = Folder::with("ten.toml", &ten_instances("count = 1\nper-hour-usd = 0.6"));
    let said = folder.run(&["run", "ten.toml", "--no-progress"]).ends(0).said();
    assert!(said.contains("Node group") && said.contains("pending at the end"), "{said}");
}

/// A zone with one of four nodes fails at 10 min: what runs there fails, and what is sent there gets no answer until that is found
/// out.
#[test]
fn a_failure_is_felt_until_it_is_found_out() {
    let fault = "[[fault]]\nname = \"out\"\ntarget = \"zone.b\"\nat = \"10m\"\nfor = \"1s\"\noutage = true\n";
    let of = |grace: &str| {
        let more = "[[node-group]]\nname = \"b\"\ncpu = 4\nmemory = \"8GB\"\ncount = 1\nzone = \"b\"\nboot.constant.value = \"60s\"\n";
        let platform = format!("[platform.placement]\nnode-monitor-grace-period = \"{grace}\"\n");
        summary(&ten_instances(&format!("count = 3\n{more}{platform}{fault}"))).total.requests
    };
    let (soon, late) = (of("1s"), of("50s"));
    // A quarter of ten or so in progress, and then as many as there are instances on the dead node.
    assert!(
        soon.failed.mean >= 1.0 && late.failed.mean >= soon.failed.mean,
        "{} {}",
        soon.failed.mean,
        late.failed.mean
    );
    assert!(late.failed.mean <= 16.0 && late.unfinished.mean == 0.0, "{}", late.failed.mean);
}

/// What runs on a node fails with it, and not when that is found out: by then it would have ended.
#[test]
fn what_runs_on_a_node_fails_with_it() {
    let requests = summary(
        "[scenario]\nname = \"dies\"\n[simulation]\nhorizon = \"5m\"\n[platform.placement]\nnode-monitor-grace-period = \"50s\"\n\
         [[function]]\nname = \"f\"\nmemory = \"1GB\"\ncpu.request = 1\nduration.constant.value = \"20s\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"5s\"]\n\
         [[node-group]]\nname = \"g\"\ncpu = 4\nmemory = \"8GB\"\ncount = 1\nzone = \"b\"\n\
         [[fault]]\nname = \"out\"\ntarget = \"zone.b\"\nat = \"10s\"\nfor = \"1s\"\noutage = true\n",
    )
    .total
    .requests;
    assert_eq!((requests.completed.mean, requests.failed.mean), (0.0, 1.0));
}

/// Two nodes of 4 vCPU have memory for three instances each: of no use to anybody are 4 - 3 x 0.5 vCPU, and 512 MB.
#[test]
fn what_is_free_where_nothing_fits_is_stranded() {
    let group = |count: u32, memory: &str| {
        let text =
            ten_instances(&format!("count = {count}\n")).replace("memory = \"8GB\"", &format!("memory = \"{memory}\""));
        let found = summary(&text);
        let figures = &found.components.nodes.0[0].1;
        let of = |key: &str| figures.get(key).expect("a figure").mean;
        [of("cpu_stranded_share"), of("memory_stranded_share")]
    };
    let [cpu, memory] = group(2, "3584MB");
    // The first instances come within the first second.
    assert!((cpu - 2.5 / 4.0).abs() < 0.001 && (memory - 512.0 / 3584.0).abs() < 0.001, "{cpu} {memory}");
    assert_eq!(group(3, "100GB"), [0.0; 2], "one more fits everywhere");
}

#[test]
fn the_time_series_has_nodes_and_is_read_back() {
    let group = "max = 100\nautoscaler.karpenter.consolidation-policy = \"when-empty\"\nboot.constant.value = \"60s\"";
    let folder = Folder::with("ten.toml", &ten_instances(group));
    folder.run(&["run", "ten.toml", "--no-progress", "--replications", "1"]).ends(0);
    let series = folder.read("results/ten/timeline.csv");
    let mut rows = series.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().expect("a header");
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap_or_else(|| panic!("no {name}"));
    let (nodes, pending) = (at("nodes_mean"), at("pending_pods_mean"));
    let of_group: Vec<Vec<&str>> = rows.filter(|row| row[1] == "node-group.g").collect();
    assert!(of_group.len() > 100);
    let number = |row: &[&str], place: usize| row[place].parse::<f64>().expect("a number");
    // The integral over the intervals is that of the summary.
    let summary: serde_json::Value = serde_json::from_str(&folder.read("results/ten/summary.json")).expect("JSON");
    let seconds = 1800.0 / of_group.len() as f64;
    let all: f64 = of_group.iter().map(|row| number(row, nodes) * seconds).sum();
    let expected = summary["nodes"]["g"]["node_seconds"]["mean"].as_f64().expect("a number");
    assert!((all - expected).abs() < 1e-6 * expected, "{all} {expected}");
    assert!(number(&of_group[1], pending) > 0.0);
    // Instances that waited: of the first minute.
    let waited = &summary["starts"]["f"]["node_s"];
    assert!((60.0..=71.0).contains(&waited["max"]["mean"].as_f64().expect("a number")), "{waited}");
    assert!(summary["starts"]["f"].get("image_s").is_none());
    let page = folder.read("results/ten/report.html");
    assert!(page.contains("Before an instance starts") && page.contains("instances without a node"));
    let again = folder.run(&["report", "results/ten", "--format", "html"]).ends(0).out;
    assert_eq!(again, page);
}

/// The only node fails at 1,000 s; that is found out at 1,002 s, and its instance is given up 10 s later. A request in between is sent
/// there and fails.
#[test]
fn an_instance_on_a_failed_node_is_there_until_it_is_given_up_and_serves_nobody() {
    let found = summary(
        "[scenario]\nname = \"gone\"\n[simulation]\nhorizon = \"2000s\"\n\
         [platform.placement]\nnode-monitor-grace-period = \"2s\"\nunreachable-toleration = \"10s\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"10s\", \"1001s\"]\n\
         [[function]]\nname = \"f\"\nmemory = \"1GB\"\ncpu.request = 1\nduration.constant.value = \"1s\"\n\
         cold-start = \"none\"\nkeep-alive.forever = {}\n\
         [[node-group]]\nname = \"a\"\ncpu = 1\nmemory = \"2GB\"\ncount = 1\nzone = \"b\"\n\
         [[fault]]\nname = \"out\"\ntarget = \"zone.b\"\nat = \"1000s\"\nfor = \"1s\"\noutage = true\n",
    );
    let (requests, instances) = (&found.total.requests, &found.total.instances);
    assert_eq!((requests.completed.mean, requests.failed.mean), (1.0, 1.0));
    assert_eq!(instances.lifespan_mean_s.mean, 1_002.0);
    // Busy for a second, and for as long as nobody knows that it does not answer.
    for (found, seconds) in [(instances.busy_mean.mean, 2.0), (instances.idle_mean.mean, 1_000.0)] {
        assert!((found * 2_000.0 - seconds).abs() < 1e-9, "{found}");
    }
}

/// An instance that waits for its node ages from when it begins to start.
#[test]
fn a_lifetime_begins_with_the_start() {
    let text = "max = 100\nautoscaler.karpenter.consolidation-policy = \"when-empty\"\nboot.constant.value = \"60s\"";
    let text = ten_instances(text)
        .replace("arrivals.constant.rate = \"10/s\"", "arrivals.times.at = [\"10s\"]")
        .replace("duration.constant", "keep-alive.forever = {}\nmax-lifetime = \"100s\"\nduration.constant");
    let total = summary(&text).total;
    let waited = total.cold_start_s.max.mean - 0.5;
    assert!(waited >= 60.0);
    assert!(
        (total.instances.lifespan_mean_s.mean - waited - 100.0).abs() < 1e-9,
        "{}",
        total.instances.lifespan_mean_s.mean
    );
}

/// Long after the last instance has gone, the nodes are still there.
#[test]
fn nodes_are_there_to_the_end() {
    let text = ten_instances("count = 3").replace("arrivals.constant.rate = \"10/s\"", "arrivals.times.at = [\"10s\"]");
    let folder = Folder::with("ten.toml", &text);
    folder.run(&["run", "ten.toml", "--no-progress"]).ends(0);
    let series = folder.read("results/ten/timeline.csv");
    let mut rows = series.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let nodes = rows.next().expect("a header").iter().position(|column| *column == "nodes_mean").expect("a column");
    let of_group: Vec<&str> = rows.filter(|row| row[1] == "node-group.g").map(|row| row[nodes]).collect();
    assert!(of_group.len() > 100 && of_group.iter().all(|nodes| *nodes == "3"), "{of_group:?}");
}

/// Nodes that hardly ever fail for a minute do so no more often afterwards.
#[test]
fn nodes_crash_while_the_fault_lasts() {
    let fault =
        "[[fault]]\nname = \"few\"\ntarget = \"node-group.g\"\nat = \"1m\"\nfor = \"1m\"\ncrash.rate = \"0.0001/h\"\n";
    let requests = summary(&ten_instances(&format!("count = 3\n{fault}"))).total.requests;
    assert_eq!((requests.failed.mean, requests.completed.mean), (0.0, requests.arrived.mean));
}

/// Nodes are taken back after a notice of 3 s and crash, so that some crash while their instances only finish what they have. These
/// are gone then, and have been replaced once.
#[test]
fn what_is_withdrawn_goes_with_its_machine() {
    let scenario = |function: &str| {
        format!(
            "[scenario]\nname = \"twice\"\n[simulation]\nhorizon = \"2h\"\n\
             [platform.placement]\nnode-monitor-grace-period = \"5s\"\nunreachable-toleration = \"10s\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"0.2/s\"\n\
             [[function]]\nname = \"f\"\nmemory = \"512MB\"\ncpu.request = 0.7\nduration.constant.value = \"20s\"\n{function}\n\
             [[node-group]]\nname = \"g\"\ncpu = 1\nmemory = \"4GB\"\nmax = 9\nautoscaler = \"karpenter\"\n\
             spot = {{ interruptions = \"2/m\", notice = \"3s\" }}\n\
             [[fault]]\nname = \"c\"\ntarget = \"node-group.g\"\nat = \"10s\"\nfor = \"2h\"\ncrash.rate = \"6/m\"\n"
        )
    };
    for function in [
        "concurrency.max-instances = 1\nconcurrency.provisioned = 1",
        "concurrency.max-instances = 1\nscaling.hpa = { min-replicas = 1, max-replicas = 1 }",
    ] {
        let instances = &summary(&scenario(function)).total.instances;
        // One, and for some seconds its replacement beside it.
        assert!(instances.mean.mean > 0.9 && instances.mean.mean < 1.3, "{function}: {}", instances.mean.mean);
        assert!(instances.peak.mean <= 4.0, "{function}: {}", instances.peak.mean);
    }
}
