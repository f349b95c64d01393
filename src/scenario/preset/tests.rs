//! Presets are read strictly, and charge what their vendors say they charge.

use std::collections::BTreeSet;

use super::*;
use crate::measure::{ByArchitecture, CpuUsage, Prices, Usage, billed_duration, billed_memory_mb, gb_seconds};
use crate::scenario::NoFiles;
use crate::scenario::{Architecture, Billing, Cpu, ParseOptions, Scenario, parse, parse_with_warnings};
use crate::schema::diagnostic::Problems;
use crate::time::Span;

/// An hour on a platform.
fn text(preset: &str, more: &str) -> String {
    format!(
        "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"1h\"\n[platform]\npreset = \"{preset}\"\n{more}\n[[function]]\nname = \"f\"\n\
         duration.constant.value = \"100ms\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1/s\"\n"
    )
}

fn scenario(preset: &str, more: &str, set: &[(&str, &str)]) -> Scenario {
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let options = ParseOptions { set, ..ParseOptions::default() };
    parse("x.toml", &text(preset, more), &options, &NoFiles).unwrap_or_else(|wrong| panic!("{preset}: {wrong}"))
}

#[test]
fn every_file_is_read_strictly() {
    for preset in Preset::all() {
        let mut problems = Problems::default();
        let root = Node::parse(TEXTS[preset.0], 0, &mut problems);
        assert!(problems.is_empty(), "{}: {problems}", preset.name());
        let known = [
            "title",
            "extends",
            "kept-warm-by",
            "notes",
            "gateways",
            "sources",
            "scenario",
            "free-tier",
            "snapshot",
            "limits",
            "decides",
            "lacks",
            "cold-start",
        ];
        let unknown: Vec<_> =
            root.entries().iter().map(|entry| &entry.key).filter(|key| !known.contains(&key.as_str())).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", preset.name());
        let file = preset.file();
        assert!(!file.allowed.platform.is_empty(), "{} needs a title", preset.name());
        for name in &file.gateways {
            let gateway = format!("[[gateway]]\nname = \"g\"\ntarget = \"f\"\npreset = \"{name}\"\n");
            let behind = text(preset.name(), &gateway).replace("function = \"f\"\narr", "target = \"g\"\narr");
            let options = ParseOptions::default();
            parse("x.toml", &behind, &options, &NoFiles).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        }
        for fact in &file.facts {
            let (source, date) = (&fact.origin.source, &fact.origin.date);
            assert!(!source.is_empty() && date.len() == 7, "{}: {} has no source: {fact:?}", preset.name(), fact.key);
        }
        let keys: BTreeSet<&str> = file.facts.iter().map(|fact| fact.key.as_str()).collect();
        assert_eq!(keys.len(), file.facts.len(), "{}", preset.name());
    }
}

#[test]
fn every_value_stands_where_its_source_is_known() {
    /// Values that are not written as `{ value, from }`.
    fn bare(node: &Node, path: &str, found: &mut Vec<String>) {
        if node.get("value").is_some() && node.get("from").is_some() {
            return;
        }
        match &node.value {
            Value::Table(entries) => {
                entries.iter().for_each(|entry| bare(&entry.node, &format!("{path}.{}", entry.key), found));
            }
            _ => found.push(path.to_owned()),
        }
    }
    for preset in Preset::all() {
        let root = Node::parse(TEXTS[preset.0], 0, &mut Problems::default());
        let mut found = Vec::new();
        for section in ["scenario", "free-tier", "snapshot", "limits", "cold-start"] {
            if let Some(node) = root.get(section) {
                bare(node, section, &mut found);
            }
        }
        assert!(found.is_empty(), "{}: {found:?}", preset.name());
    }
}

#[test]
fn every_preset_is_a_scenario() {
    for preset in Preset::all() {
        let scenario = scenario(preset.name(), "", &memory(preset, 512));
        assert_eq!(scenario.platform.preset.as_deref(), Some(preset.name()));
        // The resolved text reads back to the same scenario.
        let again = parse("x.toml", &scenario.resolved, &ParseOptions::default(), &NoFiles);
        assert_eq!(again.unwrap_or_else(|wrong| panic!("{}: {wrong}", preset.name())).resolved, scenario.resolved);
        // Every key of the preset is a key of the scenario: none is lost on the way.
        for fact in &preset.file().facts {
            if let Some(key) = fact.key.strip_prefix("platform.billing.") {
                assert!(scenario.resolved.contains(key.split('.').next().unwrap()), "{}: {key}", preset.name());
            }
        }
    }
}

/// A valid memory size of the platform, as an option.
fn memory(preset: Preset, mb: u32) -> [(&'static str, &'static str); 1] {
    let mb = preset.allowed().memory_near_mb(mb);
    [("function.f.memory", Box::leak(format!("{mb}MB").into_boxed_str()))]
}

#[test]
fn what_nobody_has_published_is_said_unless_it_is_written() {
    let keys = |scenario: &Scenario| scenario.assumptions.iter().map(|told| told.subject.clone()).collect::<Vec<_>>();
    let told = scenario("tencent-scf", "", &[]);
    for key in ["platform.keep-alive", "cold-start.any"] {
        assert!(keys(&told).iter().any(|known| known == key), "{:?}", told.assumptions);
    }
    let own = scenario(
        "tencent-scf",
        "",
        &[("function.f.keep-alive.fixed.window", "1m"), ("function.f.cold-start.constant.value", "1s")],
    );
    for key in ["platform.keep-alive", "cold-start.any"] {
        assert!(!keys(&own).iter().any(|known| known == key), "{:?}", own.assumptions);
    }
}

#[test]
fn a_runtime_stands_for_a_minimal_function_and_that_is_said() {
    let java = scenario("aws-lambda", "", &[("function.f.runtime", "java21")]);
    let told = &java.assumptions.iter().find(|told| told.text.contains("java21")).expect("it is told").text;
    assert!(told.contains("minimal function") && told.contains("lambda-perf"), "{told}");
    let measured =
        scenario("aws-lambda", "", &[("function.f.runtime", "java21"), ("function.f.cold-start.constant.value", "6s")]);
    assert!(measured.assumptions.is_empty(), "{:?}", measured.assumptions);
}

/// The mean cold start, s.
fn cold_s(scenario: &Scenario) -> f64 {
    scenario.functions[0].cold_start.iter().map(|phase| phase.duration.mean_s()).sum()
}

#[test]
fn what_the_code_loads_is_part_of_the_cold_start() {
    let key = |key: &'static str| format!("function.f.code.{key}").leak() as &str;
    let minimal = scenario("aws-lambda", "", &[]);
    // Shilkov, January 2021: 14 MB of dependencies took 1.695 s, none 0.264 s; in a VPC 0.497 s.
    let heavy = scenario("aws-lambda", "", &[(key("dependencies"), "14MB")]);
    assert!((cold_s(&heavy) - cold_s(&minimal) - 1.431).abs() < 0.02, "{}", cold_s(&heavy) - cold_s(&minimal));
    assert!(!heavy.assumptions.iter().any(|told| told.text.contains("minimal")), "{:?}", heavy.assumptions);
    let private = scenario("aws-lambda", "", &[(key("vpc"), "true")]);
    assert!((cold_s(&private) - cold_s(&minimal) - 0.233).abs() < 1e-9);
    let spring = scenario("aws-lambda", "", &[(key("framework"), "spring-boot"), ("function.f.runtime", "java21")]);
    let median = spring.functions[0].cold_start[1].duration.quantile(0.5).as_secs_f64();
    assert!((median - 5.31193).abs() < 1e-6, "{median}");
    let wrong = |set: &[(&str, &str)], preset: &str| {
        let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let options = ParseOptions { set, ..ParseOptions::default() };
        parse("x.toml", &text(preset, ""), &options, &NoFiles).expect_err("nobody has measured it").to_string()
    };
    assert!(wrong(&[(key("framework"), "spring")], "aws-lambda").contains("spring-boot"));
    let adds = "has no measurement of what a private network adds";
    assert!(wrong(&[(key("vpc"), "true")], "azure-consumption").contains(adds));
    assert!(wrong(&[(key("dependencies"), "5MB")], "knative").contains("has no measurement of what dependencies add"));
}

#[test]
fn what_is_not_written_about_the_policy_of_the_platform_is_its_own() {
    let functions = scenario("gcp-functions", "", &[("function.f.scaling.cloud-run.min-instances", "2")]);
    assert_eq!(functions.functions[0].concurrency.per_instance, 1, "one request at a time, as the preset says");
    assert_eq!(functions.functions[0].scaling.minimum_instances(), 2);
}

#[test]
fn what_the_platform_would_refuse_is_refused() {
    for (preset, key, value, expected) in [
        ("azure-flex", "memory", "1024MB", "allows 512MB, 2048MB, 4096MB"),
        ("azure-consumption", "timeout", "11m", "allows at most 10m"),
        ("azure-consumption", "memory", "2GB", "allows 1MB to 1536MB"),
        ("azure-premium", "memory", "4GB", "3584MB, 7168MB, 14336MB"),
        ("gcp-cloud-run", "timeout", "2h", "allows at most 1h"),
        ("gcp-cloud-run", "architecture", "arm", "has no such setting"),
        ("gcp-functions-1st-gen", "memory", "300MB", "128MB, 256MB"),
        ("tencent-scf", "memory", "100MB", "in steps of 128MB"),
        ("huawei-functiongraph", "timeout", "20m", "allows at most 15m"),
        ("cloudflare-workers", "memory", "512MB", "allows 128MB"),
        ("cloudflare-workers", "concurrency.provisioned", "3", "has no such setting"),
        ("openwhisk", "memory", "1GB", "128MB to 512MB"),
        ("alibaba-fc", "concurrency.per-instance", "300", "allows at most 200"),
        ("fission", "timeout", "none", ""),
        ("knative", "timeout", "20m", "allows at most 10m"),
        ("aws-lambda-managed-instances", "memory", "1GB", "2048MB to 32768MB"),
        ("aws-lambda-managed-instances", "concurrency.per-instance", "2000", "allows at most 1600"),
        // What the platform does not have.
        ("aws-lambda", "cpu.limit", "4", "has no such setting"),
        ("aws-lambda", "gpu", "1", "has no such setting"),
        ("aws-lambda", "node-group", "nodes", "has no such setting"),
        ("aws-lambda", "scaling.knative.min-scale", "1", "has no such scaling policy"),
        ("aws-lambda", "scaling.thresholds.target", "1", "has no such scaling policy"),
        ("aws-lambda", "scaling.target-tracking", "{ target = 0.7, min-capacity = 1, max-capacity = 10 }", ""),
        ("aws-lambda", "concurrency.per-instance", "10", "one request at a time"),
        ("azure-consumption", "scaling.azure-consumption.always-ready", "2", "removes every idle instance"),
        ("azure-consumption", "cpu.limit", "2", "has no such setting"),
        ("azure-flex", "scaling.cloud-run.concurrency", "8", "has no such scaling policy"),
        ("azure-premium", "scaling.azure-consumption.always-ready", "30", "keeps 1 to 20"),
        ("azure-premium", "scaling.azure-consumption.always-ready", "20", ""),
        ("gcp-cloud-run", "cpu.limit", "16", "allows 0.08 to 8 vCPUs"),
        ("gcp-cloud-run", "cpu.limit", "0.05", "allows 0.08 to 8 vCPUs"),
        ("gcp-cloud-run", "cpu.limit", "3", "less than 1, or 1, 2, 4, 6, 8 vCPUs"),
        ("gcp-cloud-run", "cpu.limit", "4", "requires at least 2048MB for that many vCPUs"),
        ("gcp-cloud-run", "cpu.limit", "0.5", "one request at a time on an instance with less than 1 vCPU"),
        ("gcp-cloud-run", "cpu.limit", "2", ""),
        ("gcp-cloud-run", "gpu", "1", "has no such setting"),
        ("gcp-cloud-run", "scaling.hpa", "{ max-replicas = 3, target-concurrency = 1 }", "has no such scaling policy"),
        ("gcp-functions", "scaling.cloud-run.concurrency", "10", "one request at a time"),
        ("gcp-cloud-run-instance-based", "cpu.limit", "0.5", "allows 1 to 8 vCPUs"),
        ("cloudflare-workers", "cpu.limit", "2", "has no such setting"),
        ("tencent-scf", "concurrency.reserved", "1001", "the account allows 1000"),
        ("tencent-scf", "concurrency.reserved", "1000", ""),
        ("openwhisk", "scaling.knative.min-scale", "1", "has no such scaling policy"),
        ("openfaas-ce", "scaling.openfaas.max", "20", "has no such scaling policy"),
        ("knative", "scaling.hpa", "{ max-replicas = 3, target-concurrency = 1 }", ""),
        ("knative", "gpu", "1", ""),
        ("servers", "gpu", "1", "has no such setting"),
        ("aws-lambda", "ephemeral-storage", "11GB", "allows 512MB to 10240MB"),
    ] {
        let mut set: Vec<(String, String)> = Vec::new();
        set.push((format!("function.f.{key}"), value.to_owned()));
        let options = ParseOptions { set, ..ParseOptions::default() };
        let valid = Preset::named(preset).expect("a preset").allowed().memory_near_mb(128);
        let sized = text(preset, "").replace("name = \"f\"\n", &format!("name = \"f\"\nmemory = \"{valid}MB\"\n"));
        let found = parse("x.toml", &sized, &options, &NoFiles);
        match found {
            Err(wrong) => {
                assert!(!expected.is_empty() && wrong.to_string().contains(expected), "{preset} {key}: {wrong}");
            }
            Ok(_) => assert!(expected.is_empty(), "{preset}: {key} = {value} is taken"),
        }
    }
    let refused = |preset: &str, set: &[(&str, &str)]| {
        let set = set.iter().map(|(key, value)| (format!("function.f.{key}"), (*value).to_owned())).collect();
        let options = ParseOptions { set, ..ParseOptions::default() };
        parse("x.toml", &text(preset, ""), &options, &NoFiles).expect_err(preset).to_string()
    };
    for (preset, set, expected) in [
        ("gcp-cloud-run", [("memory", "8GB"), ("cpu.limit", "1")], "requires at least 2 vCPUs"),
        ("gcp-cloud-run", [("memory", "2GB"), ("cpu.limit", "0.9")], "requires at least 1 vCPUs"),
        ("alibaba-fc", [("memory", "1GB"), ("cpu.limit", "2")], "requires 1024MB to 4096MB per vCPU"),
        ("alibaba-fc", [("memory", "4GB"), ("cpu.limit", "0.5")], "write function.f.cpu.limit = 1"),
        ("alibaba-fc", [("memory", "32GB"), ("cpu.limit", "20")], "allows 0.05 to 16 vCPUs"),
        ("aws-lambda-managed-instances", [("memory", "4GB"), ("cpu.limit", "4")], "requires 2048MB to 8192MB per vCPU"),
        ("tencent-scf", [("memory", "1GB"), ("concurrency.provisioned", "126")], "is enough for 125 instances"),
        (
            "aws-lambda",
            [("code.framework", "spring-boot-snapstart"), ("concurrency.provisioned", "3")],
            "does not restore snapshots for",
        ),
        ("aws-lambda", [("code.framework", "spring-boot"), ("runtime", "python3.13")], "does not run on the runtime"),
        (
            "aws-lambda",
            [("cold-start.snapshot.restore.constant.value", "200ms"), ("runtime", "go")],
            "does not restore snapshots for the runtime \"go\"",
        ),
    ] {
        let said = refused(preset, &set);
        assert!(said.contains(expected), "{preset}: {said}");
    }
}

/// A comparison of policies asks what another policy would do, which no customer can choose.
#[test]
fn policies_are_compared_on_any_platform() {
    let options = ParseOptions { policy: Some("knative".to_owned()), ..ParseOptions::default() };
    let other = parse("x.toml", &text("aws-lambda", ""), &options, &NoFiles).expect("it is asked for");
    assert_eq!(other.functions[0].scaling.name(), "knative");
    // So does a variant, which is warned about.
    let variant = "[[variant]]\nname = \"knative\"\nset = { \"function.f.scaling.knative.min-scale\" = 1 }\n";
    let whole = text("aws-lambda", "") + variant;
    let options = ParseOptions { variant: Some("knative".to_owned()), ..ParseOptions::default() };
    let (_, warnings) = parse_with_warnings("x.toml", &whole, &options, &NoFiles).expect("a variant");
    assert!(warnings.to_string().contains("AWS Lambda has no such scaling policy"), "{warnings}");
}

// The vendors' own worked examples, to the cent, with the amounts that they give.

/// The monthly charge for this many executions of this duration.
struct Month {
    billing: Billing,
    cpu: Cpu,
    memory_mb: u32,
}

impl Month {
    fn of(preset: &str, more: &str, memory: &str) -> Self {
        let scenario = scenario(preset, more, &[("function.f.memory", memory)]);
        let function = &scenario.functions[0];
        Self { billing: scenario.platform.billing.expect("prices"), cpu: function.cpu, memory_mb: function.memory_mb }
    }

    /// Executions of one request at a time, as the recorder sums them.
    fn executed(&self, number: u64, millis: u64) -> Usage {
        let duration = Span::from_millis(millis);
        let nanos = u128::from(billed_duration(duration, &self.billing).as_nanos()) * u128::from(number);
        let seconds = nanos as f64 / 1e9;
        let memory_mb = billed_memory_mb(self.memory_mb, &self.billing);
        Usage {
            requests: number as f64,
            on_demand_gb_s: ByArchitecture::only(Architecture::X86, gb_seconds(memory_mb, nanos)),
            cpu: CpuUsage {
                vcpu_s: self.cpu.vcpus * seconds,
                ghz_s: self.cpu.ghz * seconds,
                cpu_s: self.cpu.bound_share * duration.as_secs_f64() * number as f64,
                ..CpuUsage::default()
            },
            ..Usage::default()
        }
    }

    /// The total, US dollars.
    fn usd(&self, usage: &Usage) -> f64 {
        Prices::of_month(usage, &self.billing).cost(usage, usage.requests, usage.requests).total
    }

    /// Total, requests and compute, in whole cents.
    fn cents(&self, usage: &Usage) -> [i64; 3] {
        let cost = Prices::of_month(usage, &self.billing).cost(usage, usage.requests, usage.requests);
        [cost.total, cost.requests, cost.compute].map(|usd| (usd * 100.0).round() as i64)
    }
}

const FREE: &str = "billing.free-tier = true";

/// developers.cloudflare.com/workers/platform/pricing, examples 1, 3 and 4 (2 is about static assets).
#[test]
fn cloudflare_prints_these() {
    let workers = Month::of("cloudflare-workers", FREE, "128MB");
    // The subscription is part of the requests.
    assert_eq!(workers.cents(&workers.executed(15_000_000, 7)), [800, 500 + 150, 150]);
    assert_eq!(workers.cents(&workers.executed(720, 180_000)), [699, 500, 199]);
    assert_eq!(workers.cents(&workers.executed(100_000_000, 7)), [4540, 500 + 2700, 1340]);
}

/// cloud.google.com/functions/pricing-1stgen: a simple event-driven function.
#[test]
fn google_prints_these_for_the_first_generation() {
    let functions = Month::of("gcp-functions-1st-gen", FREE, "128MB");
    assert_eq!(functions.cents(&functions.executed(10_000_000, 300)), [720, 320, 400]);
    // Time comes in steps of 100 ms.
    assert_eq!(functions.cents(&functions.executed(10_000_000, 260)), [720, 320, 400]);
}

/// azure.microsoft.com/pricing/details/functions: 512 MB for a second, three million times.
#[test]
fn azure_prints_these() {
    let plan = Month::of("azure-consumption", FREE, "512MB");
    assert_eq!(plan.cents(&plan.executed(3_000_000, 1000)), [1800, 40, 1760]);
    // learn.microsoft.com, without the grant: 0.1 GB-s each.
    let plan = Month::of("azure-consumption", "", "512MB");
    assert_eq!(plan.cents(&plan.executed(1_000_000, 200)), [180, 20, 160]);
    // 160 MB are charged as 256, and each execution as at least 100 ms.
    let plan = Month::of("azure-consumption", "", "160MB");
    let used = plan.executed(1_000_000, 3).on_demand_gb_s.x86;
    assert!((used - 0.25 * 0.1 * 1e6).abs() < 1e-6, "{used}");
}

/// support.huaweicloud.com, billing examples, scenario I: the price of requests.
#[test]
fn huawei_prints_these() {
    let graph = Month::of("huawei-functiongraph", FREE, "512MB");
    assert_eq!(graph.cents(&graph.executed(2_200_000, 500))[1], 24);
    // All of it, with the GB-seconds that the page had in October 2023: 0.24 + 13.457105 USD. Function C is in idle mode.
    let x86 = |gb_s| ByArchitecture::only(Architecture::X86, gb_s);
    let reserved = Usage { provisioned_gb_s: x86(129_600.0), ..Usage::default() };
    let first_two = graph.usd(&Usage { requests: 2.2e6, on_demand_gb_s: x86(1e6), ..reserved });
    let idle = "billing.provisioned = { reserve-usd-x86 = 5.556e-6, execution-usd-x86 = 1.1114e-5, reserve-usd-arm = 0, execution-usd-arm = 0 }";
    let (executed, idle_too) = (x86(62_500.0), x86(62_500.0 + 45_500.0));
    let third = Usage { provisioned_gb_s: idle_too, provisioned_execution_gb_s: executed, ..Usage::default() };
    let third = Month::of("huawei-functiongraph", idle, "128MB").usd(&third);
    assert!((first_two + third - 13.697_105).abs() < 1e-4, "{first_two} and {third}");
}

/// help.aliyun.com, pay-as-you-go: 1.3 CU a second for 1 vCPU and 2 GB, 0.0075 for each invocation, of which the first 100 million
/// of a month cost more.
#[test]
fn alibaba_has_tiers() {
    let compute = Month::of("alibaba-fc", "", "2GB");
    let units: f64 = 1e8 * 1.3 + 1e8 * 0.0075;
    let expected = 1e8 * 2e-5 + (units - 1e8) * 1.7e-5;
    assert!((compute.usd(&compute.executed(100_000_000, 1000)) - expected).abs() < 1e-6);
}

/// tencentcloud.com/document/product/583/12285: GB-seconds of a day, three users.
#[test]
fn tencent_prints_these() {
    for (memory, millis, number, gb_s) in [("128MB", 37, 1_000_000, 4_625.0), ("256MB", 67, 5_000_000, 83_750.0)] {
        let scf = Month::of("tencent-scf", "", memory);
        let used = scf.executed(number, millis).on_demand_gb_s.x86;
        assert!((used - gb_s).abs() < 1e-6, "{memory}: {used}");
    }
}

/// aws.amazon.com/lambda/pricing, with the values of the preset: the other examples are tests of the cost model.
#[test]
fn aws_prints_these() {
    let lambda = Month::of("aws-lambda", FREE, "1536MB");
    assert_eq!(lambda.cents(&lambda.executed(3_000_000, 120)), [273, 40, 233]);
    let lambda = Month::of("aws-lambda", "", "1024MB");
    assert_eq!(lambda.cents(&lambda.executed(7_440_000, 2000)), [24_949, 149, 24_800]);
}

#[test]
fn units_of_account_are_tiered_together() {
    let unit = "billing = { granularity = \"1ms\", unit = { per-request = 1, per-gb-second = 2, per-vcpu-second = 10, usd = [{ up-to = 100, usd = 1 }, { usd = 0.5 }] } }";
    let month = Month::of("alibaba-fc", unit, "1024MB");
    // 10 requests of 1 s with 1 GB and 0.5 vCPU: 10 + 20 + 50 = 80 units; with twice that, 160.
    assert_eq!(month.cents(&month.executed(10, 1000)), [8000, 1000, 7000]);
    assert_eq!(month.cents(&month.executed(20, 1000))[0], 13_000);
}
