//! Scenario files that are right: what they mean, and that they read back from their resolved text.

use forewarm::dist::Dist;
use forewarm::policy::keep_alive::{HalvingSpec, KeepAliveSpec};
use forewarm::scenario::{
    Overflow, ParseOptions, Problems, ScalingRate, Scenario, parse, parse_with_warnings, schema, template,
};
use forewarm::time::Span;
use forewarm::workload::ArrivalSpec;
use serde_json::Value;

use crate::harness::Memory;

/// A whole scenario in which one function and one source can be extended.
pub(crate) const BASE: &str = r#"
[scenario]
name = "test"
[simulation]
horizon = "1h"
[[function]]
name = "f"
duration.constant.value = "100ms"
[[source]]
name = "s"
function = "f"
arrivals.poisson.rate = "1/s"
"#;

fn read(text: &str) -> Scenario {
    read_with(text, &ParseOptions::default())
}

fn read_with(text: &str, options: &ParseOptions) -> Scenario {
    try_read(text, options).unwrap_or_else(|problems| panic!("{problems}"))
}

fn try_read(text: &str, options: &ParseOptions) -> Result<Scenario, Problems> {
    parse("test.toml", text, options, &Memory::default())
}

fn set(changes: &[(&str, &str)]) -> ParseOptions {
    let set = changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    ParseOptions { set, ..ParseOptions::default() }
}

/// Everything of a scenario as text, to compare it.
fn whole(scenario: &Scenario) -> String {
    format!("{scenario:#?}")
}

fn halving(period: Span) -> KeepAliveSpec {
    KeepAliveSpec::Halving(Box::new(HalvingSpec { period }))
}

#[test]
fn templates_are_read_without_a_warning() {
    for template in template::TEMPLATES {
        if template.name == "trace" {
            continue;
        }
        let (_, warnings) =
            parse_with_warnings(template.name, template.text, &ParseOptions::default(), &Memory::default())
                .unwrap_or_else(|problems| panic!("{problems}"));
        assert!(warnings.is_empty(), "{warnings}");
    }
}

#[test]
fn the_contract_example_is_read_as_it_says() {
    let scenario = read(include_str!("contract.toml"));
    assert_eq!(scenario.simulation.horizon, Span::from_secs(86_400));
    assert_eq!(scenario.simulation.warm_up, Span::from_secs(1_800));
    assert_eq!((scenario.simulation.seed, scenario.simulation.replications), (42, 5));
    let function = &scenario.functions[0];
    assert_eq!((function.memory_mb, function.timeout), (1024, Some(Span::from_secs(30))));
    assert_eq!(function.max_lifetime, Some(Span::from_secs(7_200)));
    assert_eq!(function.cold_duration, Some(Dist::exponential(Span::from_millis(2_244)).expect("a distribution")));
    // Written as one distribution, a cold start is one billed phase.
    assert_eq!(function.cold_start.len(), 1);
    assert_eq!((function.cold_start[0].name.as_str(), function.cold_start[0].billed), ("init", true));
    assert_eq!(function.cold_start[0].duration, Dist::Constant(Span::from_millis(250)));
    assert_eq!(function.keep_alive.fixed_window(), Some(Span::from_secs(600)));
    assert_eq!((function.concurrency.reserved, function.concurrency.provisioned), (Some(200), 10));
    assert_eq!(function.concurrency.overflow, Overflow::Queue { limit: Some(1000), timeout: None });
    assert_eq!(scenario.variants[0].set, [("function.checkout.concurrency.provisioned".to_owned(), "50".to_owned())]);
    let sweep = scenario.sweep.expect("a sweep");
    assert!(sweep.axes().any(|axis| axis.key.ends_with("keep-alive.fixed.window")));
}

#[test]
fn the_preset_fills_in_what_is_not_written() {
    let preset = BASE.replace("[[function]]", "[platform]\npreset = \"aws-lambda\"\n[[function]]");
    let scenario = read(&preset);
    let platform = &scenario.platform;
    assert_eq!((platform.account_limit, platform.min_unreserved), (Some(1000), 100));
    assert_eq!(platform.scaling, Some(ScalingRate { burst: 1000, refill: Span::from_millis(10) }));
    let billing = platform.billing.as_ref().expect("prices");
    assert_eq!((billing.per_request_usd, billing.free_requests, billing.free_gb_seconds), (2e-7, 0.0, 0.0));
    assert_eq!(billing.gb_second_usd_arm[1].up_to, Some(18.75e9));
    assert_eq!(
        billing.provisioned.as_ref().map(|p| (p.reserve_usd_x86, p.granularity)),
        Some((4.1667e-6, Span::from_secs(300)))
    );
    let function = &scenario.functions[0];
    assert_eq!(function.timeout, Some(Span::from_secs(3)));
    assert_eq!(function.keep_alive, halving(Span::from_secs(380)));
    let phases: Vec<_> = function.cold_start.iter().map(|phase| (phase.name.as_str(), phase.billed)).collect();
    assert_eq!(phases, [("environment", false), ("init", true)]);
    // exp(4.946) ms: the runtime that is taken when none is named.
    assert_eq!(function.cold_start[1].duration.quantile(0.5).as_nanos() / 1_000_000, 140);

    let rust = read(&preset.replace("name = \"f\"", "name = \"f\"\nruntime = \"rust\"\npackage = \"image\""));
    assert_eq!(rust.functions[0].cold_start[1].duration.quantile(0.5).as_nanos() / 1_000_000, 38);
    let own = read_with(
        &preset,
        &set(&[
            ("function.f.cold-start.constant.value", "1s"),
            ("platform.scaling.burst", "5"),
            ("platform.concurrency.account-limit", "none"),
            ("platform.billing", "none"),
            ("function-defaults.keep-alive.fixed.window", "1m"),
        ]),
    );
    assert_eq!(own.functions[0].cold_start.len(), 1);
    assert_eq!(own.platform.scaling, Some(ScalingRate { burst: 5, refill: Span::from_millis(10) }));
    assert_eq!((own.platform.account_limit, own.platform.billing), (None, None));
    assert_eq!(own.functions[0].keep_alive.fixed_window(), Some(Span::from_secs(60)));
    // The cold start is in the cold duration.
    let cold = read_with(&preset, &set(&[("function.f.cold-duration.constant.value", "1s")]));
    assert_eq!(cold.functions[0].cold_start, []);
}

#[test]
fn defaults_go_to_every_function_and_give_way() {
    let text = BASE.to_owned()
        + r#"
[[function]]
name = "g"
duration.constant.value = "1s"
memory = "1GB"
concurrency.per-instance = 4
[[source]]
name = "t"
function = "g"
arrivals.poisson.rate = "1/s"
[function-defaults]
memory = "512MB"
timeout = "5s"
concurrency = { per-instance = 2, max-instances = 7 }
keep-alive.forever = {}
"#;
    let scenario = read(&text);
    let [f, g] = &scenario.functions[..] else { panic!("two functions") };
    assert_eq!((f.memory_mb, g.memory_mb), (512, 1024));
    assert_eq!((f.concurrency.per_instance, g.concurrency.per_instance), (2, 4));
    assert_eq!((f.concurrency.max_instances, g.concurrency.max_instances), (Some(7), Some(7)));
    assert_eq!(g.keep_alive.fixed_window(), Some(Span::FOREVER));
    let without =
        read_with(&text, &set(&[("function.g.timeout", "none"), ("function.g.concurrency.max-instances", "none")]));
    assert_eq!((without.functions[0].timeout, without.functions[1].timeout), (Some(Span::from_secs(5)), None));
    assert_eq!(without.functions[1].concurrency.max_instances, None);
}

#[test]
fn set_goes_over_the_variant_and_later_goes_over_earlier() {
    let text = BASE.to_owned()
        + r#"
[[variant]]
name = "big"
set = { "function.f.memory" = "2GB", "simulation.seed" = 7 }
"#;
    let mut options = ParseOptions { variant: Some("big".to_owned()), ..ParseOptions::default() };
    let variant = read_with(&text, &options);
    assert_eq!((variant.functions[0].memory_mb, variant.simulation.seed, variant.variants.len()), (2048, 7, 0));
    options.set = set(&[("function.f.memory", "1GB"), ("function.f.memory", "3GB")]).set;
    assert_eq!(read_with(&text, &options).functions[0].memory_mb, 3072);
    options.seed = Some(u64::MAX);
    options.replications = Some(9);
    let overridden = read_with(&text, &options);
    assert_eq!((overridden.simulation.seed, overridden.simulation.replications), (u64::MAX, 9));
    assert_eq!(read(&text).functions[0].memory_mb, 128);
}

#[test]
fn set_changes_the_kind_of_a_thing() {
    let changes = [
        ("function.f.duration.exponential.mean", "2s"),
        ("source.s.arrivals", "{ closed = { users = 3, think-time.constant.value = \"1s\" } }"),
        ("function.f.keep-alive.halving.period", "1m"),
    ];
    let scenario = read_with(BASE, &set(&changes));
    assert_eq!(scenario.functions[0].duration, Dist::exponential(Span::from_secs(2)).expect("a distribution"));
    assert!(matches!(scenario.sources[0].arrivals, ArrivalSpec::Closed { users: 3, .. }));
    assert_eq!(scenario.functions[0].keep_alive, halving(Span::from_secs(60)));
}

/// One of each arrival process and each distribution, with what they must be.
#[test]
fn arrivals_and_distributions_of_every_kind_are_read() {
    let s = Span::from_secs;
    for (arrivals, expected) in [
        ("constant.rate = \"60/m\"", ArrivalSpec::Constant { rate: 1.0 }),
        (
            "diurnal = { low = \"1/s\", peak = \"3/s\" }",
            ArrivalSpec::Diurnal { rate: 2.0, amplitude: 0.5, period: s(86_400), peak_at: s(0) },
        ),
        (
            "burst = { size = 3, every = \"1m\" }",
            ArrivalSpec::Burst { size: 3, every: s(60), first: s(0), within: s(0), background: 0.0 },
        ),
        (
            "gamma = { rate = \"2/s\", cv = 2 }",
            ArrivalSpec::Renewal { gap: Dist::gamma(Span::from_millis(500), 0.25).expect("a gap") },
        ),
        (
            "weibull = { rate = \"2/s\", shape = 0.5 }",
            ArrivalSpec::Renewal { gap: Dist::weibull_mean(Span::from_millis(500), 0.5).expect("a gap") },
        ),
        (
            "renewal.gap.uniform = { min = \"1s\", max = \"3s\" }",
            ArrivalSpec::Renewal { gap: Dist::uniform(s(1), s(3)).expect("a gap") },
        ),
        ("times.at = [\"1s\", \"1s\", \"5s\"]", ArrivalSpec::Times { at: [s(1), s(1), s(5)].map(Into::into).into() }),
        (
            "piecewise = { points = [{ at = \"0s\", rate = \"1/s\" }, { at = \"1h\", rate = \"0/s\" }], period = \"1h\" }",
            ArrivalSpec::Piecewise {
                points: [(s(0).into(), 1.0), (s(3_600).into(), 0.0)].into(),
                period: Some(s(3_600)),
            },
        ),
    ] {
        let scenario = read(&BASE.replace("arrivals.poisson.rate = \"1/s\"", &format!("arrivals.{arrivals}")));
        assert_eq!(format!("{:?}", scenario.sources[0].arrivals), format!("{expected:?}"));
        assert_reads_back(&scenario);
    }
    for (duration, expected) in [
        ("log-normal = { median = \"1s\", p99 = \"5s\" }", Dist::log_normal_p99(s(1), s(5))),
        ("log-normal = { median = \"1s\", sigma = 0.3 }", Dist::log_normal_sigma(s(1), 0.3)),
        ("log-normal = { mean = \"1s\", sd = \"2s\" }", Dist::log_normal_moments(s(1), s(2))),
        ("normal = { mean = \"1s\", sd = \"2s\" }", Dist::normal(s(1), s(2))),
        ("gamma = { mean = \"1s\", shape = 2 }", Dist::gamma(s(1), 2.0)),
        ("erlang = { mean = \"1s\", stages = 3 }", Dist::erlang(s(1), 3)),
        ("weibull = { scale = \"1s\", shape = 2 }", Dist::weibull(s(1), 2.0)),
        ("weibull = { mean = \"1s\", shape = 2 }", Dist::weibull_mean(s(1), 2.0)),
        ("pareto = { scale = \"1s\", shape = 2 }", Dist::pareto(s(1), 2.0)),
        ("burr = { scale = \"1s\", c = 2, k = 3 }", Dist::burr(s(1), 2.0, 3.0)),
        (
            "hyper-exponential.branches = [{ probability = 0.25, mean = \"1s\" }, { probability = 0.75, mean = \"2s\" }]",
            Dist::hyper_exponential(&[(0.25, s(1)), (0.75, s(2))]),
        ),
        (
            "percentiles.points = [{ p = 0, value = \"1s\" }, { p = 1, value = \"2s\" }]",
            Dist::percentiles(&[(0.0, s(1)), (1.0, s(2))]),
        ),
        ("empirical.values = [\"2s\", \"1s\"]", Dist::empirical(vec![s(1), s(2)])),
    ] {
        let scenario = read(&BASE.replace("duration.constant.value = \"100ms\"", &format!("duration.{duration}")));
        assert_eq!(scenario.functions[0].duration, expected.expect("a distribution"), "{duration}");
        assert_reads_back(&scenario);
    }
}

#[test]
fn observations_are_read_from_a_file() {
    let text = BASE.replace("constant.value = \"100ms\"", "empirical = { file = \"d.txt\", unit = \"ms\" }");
    let files = Memory::default().with("d.txt", b"# measured\n100\n\n250.5 # slow\n1s\n");
    let scenario = parse("test.toml", &text, &ParseOptions::default(), &files).unwrap_or_else(|e| panic!("{e}"));
    let values = [100_000_000, 250_500_000, 1_000_000_000].map(Span::from_nanos);
    assert_eq!(scenario.functions[0].duration, Dist::empirical(values.to_vec()).expect("values"));
}

#[test]
fn a_window_is_drawn_from_the_values_of_a_file() {
    let text = BASE.replace(
        "[[source]]",
        "[function.keep-alive.drawn.window.empirical]\nfile = \"d.txt\"\nunit = \"s\"\n[[source]]",
    );
    let files = Memory::default().with("d.txt", b"60\n120\n300\n");
    let mut scenario =
        parse("test.toml", &text, &ParseOptions::default(), &files).unwrap_or_else(|wrong| panic!("{wrong}"));
    let window = scenario.functions[0].keep_alive.distribution().expect("it is drawn").dist().expect("it was read");
    assert_eq!(window, Dist::empirical([60, 120, 300].map(Span::from_secs).to_vec()).expect("three values"));
}

pub(crate) fn assert_reads_back(scenario: &Scenario) {
    let again = try_read(&scenario.resolved, &ParseOptions::default())
        .unwrap_or_else(|problems| panic!("{}\n{problems}", scenario.resolved));
    assert_eq!(whole(&again), whole(scenario));
}

#[test]
fn the_resolved_text_reads_back_to_the_same_scenario() {
    assert_reads_back(&read(include_str!("contract.toml")));
    for template in template::TEMPLATES.iter().filter(|template| template.name != "trace") {
        let plain = read(template.text);
        assert_reads_back(&plain);
        for variant in &plain.variants {
            let options = ParseOptions { variant: Some(variant.name.clone()), ..ParseOptions::default() };
            assert_reads_back(&read_with(template.text, &options));
        }
    }
    let preset = BASE.replace("[[function]]", "[platform]\npreset = \"aws-lambda\"\n[[function]]");
    assert_reads_back(&read(&preset));
    let without = [
        ("platform.scaling", "none"),
        ("function.f.cold-duration.constant.value", "1s"),
        ("scenario.description", "a \"b\"\n\u{7}ü"),
    ];
    assert_reads_back(&read_with(&preset, &set(&without)));
}

#[test]
fn the_hash_is_of_the_meaning_not_of_the_spelling() {
    let hash = |text: &str| read(text).hash;
    let same = BASE.replace("\"100ms\"", "'0.1s' # a tenth").replace("1/s", "60/m");
    assert_eq!(hash(BASE), hash(&same));
    assert_ne!(hash(BASE), hash(&BASE.replace("100ms", "101ms")));
    assert_eq!(hash(BASE).len(), 16);
}

/// As an independent validator sees a TOML text.
fn to_json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().expect("TOML")).expect("JSON")
}

#[test]
fn the_schema_accepts_what_is_right_and_refuses_what_is_wrong() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let good = template::TEMPLATES.iter().map(|template| template.text);
    for text in good.chain([BASE, include_str!("contract.toml"), &read(include_str!("contract.toml")).resolved]) {
        let errors: Vec<String> = validator.iter_errors(&to_json(text)).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{text}");
    }
    for (right, wrong) in [
        ("name = \"test\"", "name = \"te st\""),
        ("horizon = \"1h\"", "horizon = 3600"),
        ("horizon = \"1h\"", "horizon = \"1 fortnight\""),
        ("horizon = \"1h\"", "horizon = \"1h\"\nreplications = 0"),
        ("horizon = \"1h\"", ""),
        ("name = \"f\"", "name = \"f\"\nmemroy = \"1GB\""),
        ("name = \"f\"", "name = \"f\"\nselection = \"most-recent\""),
        ("duration.constant.value", "duration.constand.value"),
        ("arrivals.poisson.rate = \"1/s\"", "arrivals = {}"),
        ("arrivals.poisson.rate = \"1/s\"", "arrivals.poisson.rate = \"1/s\"\narrivals.constant.rate = \"1/s\""),
        ("arrivals.poisson.rate = \"1/s\"", "arrivals.poisson.rate = \"1\""),
    ] {
        let text = BASE.replacen(right, wrong, 1);
        assert!(!validator.is_valid(&to_json(&text)), "{text}");
        assert!(try_read(&text, &ParseOptions::default()).is_err(), "{text}");
    }
}

#[test]
fn there_are_intervals_unless_somebody_says_otherwise_or_it_would_take_long() {
    let replications = |rate: &str, more: &str| {
        let text = format!(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"1h\"\n{more}[[function]]\nname = \"f\"\n\
             duration.constant.value = \"1ms\"\nkeep-alive.forever = {{}}\n[[source]]\nname = \"s\"\nfunction = \"f\"\n\
             arrivals.poisson.rate = \"{rate}/s\"\n"
        );
        read(&text).simulation.replications
    };
    // 2 million in an hour are 555.6 a second.
    assert_eq!([replications("1", ""), replications("555", ""), replications("556", "")], [5, 5, 1]);
    assert_eq!([replications("1", "replications = 1\n"), replications("556", "replications = 2\n")], [1, 2]);
    assert_eq!(replications("1", "intervals = \"batch-means\"\n"), 1, "batches are of one run");
}
