//! Against another simulator and against measurements on AWS Lambda, where their data lie beside the project.

use serde_json::Value;

use crate::harness::{shared, standard_error, summary};

const REPLICATIONS: u32 = 20;
/// Of cases that last a few minutes only.
const REPLICATIONS_OF_SHORT: u32 = 400;

fn read(path: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("JSON")
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("a number `{key}` in {value}"))
}

/// A process of SimFaaS as a distribution of times; `gaussian` is cut off at zero there.
fn dist(process: &Value) -> String {
    let mean = 1.0 / number(process, "rate");
    match process["kind"].as_str() {
        Some("exp") => format!("exponential = {{ mean = \"{mean}s\" }}"),
        Some("const") => format!("constant = {{ value = \"{mean}s\" }}"),
        _ => format!("normal = {{ mean = \"{mean}s\", sd = \"{}s\" }}", number(process, "std")),
    }
}

fn arrivals(process: &Value) -> String {
    let rate = number(process, "rate");
    match process["kind"].as_str() {
        Some("exp") => format!("poisson.rate = \"{rate}/s\""),
        Some("const") => format!("constant.rate = \"{rate}/s\""),
        _ => format!("renewal.gap = {{ {} }}", dist(process)),
    }
}

fn replications(case: &Value) -> u32 {
    if case["id"].as_str().is_some_and(|id| id.starts_with("temporal")) { REPLICATIONS_OF_SHORT } else { REPLICATIONS }
}

/// What is there at the start. All idle instances there are equally old, and of those the first of the list is taken: here
/// the last one is the newest.
fn initial(state: &Value) -> String {
    let Some(busy) = state["running"].as_u64() else { return String::new() };
    let left = state["idle_next_termination"].as_array().expect("a list").iter().rev();
    let left: Vec<String> = left.map(|secs| format!("\"{secs}s\"")).collect();
    format!("initial = {{ busy = {busy}, idle-expire-in = [{}] }}", left.join(", "))
}

/// The scenario of a case: newest instance first, rejection at the limit; `cold` is a service time of its own in the base
/// simulator, and the initialization before the service in the one with several requests per instance.
fn scenario(case: &Value) -> String {
    let is_concurrent = case["simulator"] == "ParServerlessSimulator";
    let limit = number(case, "maximum_concurrency");
    let reserved = if limit < 1000.0 { format!("concurrency.reserved = {limit}") } else { String::new() };
    format!(
        "[scenario]\nname = \"reference\"\n[simulation]\nhorizon = \"{}s\"\nreplications = {}\n\
         [[function]]\nname = \"f\"\nselection = \"newest\"\nduration.{}\n{}.{}\nkeep-alive.fixed.window = \"{}s\"\n\
         concurrency.per-instance = {}\nconcurrency.overflow = \"reject\"\n{reserved}\n{}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.{}\n",
        number(case, "max_time"),
        replications(case),
        dist(&case["warm"]),
        if is_concurrent { "cold-start" } else { "cold-duration" },
        dist(&case["cold"]),
        number(case, "expiration_threshold"),
        case["concurrency_value"].as_u64().unwrap_or(1),
        initial(&case["initial"]),
        arrivals(&case["arrival"]),
    )
}

/// Every case, from an empty start or a given one: each metric within 4 combined standard errors.
#[test]
fn simfaas() {
    let Some(path) = shared("reference/simfaas.json") else { return };
    let all = read(&path);
    let mut cases = 0;
    let mut wrong = Vec::new();
    for case in all["cases"].as_array().expect("cases") {
        let id = case["id"].as_str().expect("an id");
        // There every arrival is rejected once three instances are busy, even if they have free slots: no platform does.
        if id == "par_l5_c5_x600_m3" {
            continue;
        }
        cases += 1;
        let found = summary(&scenario(case)).total;
        let pairs = [
            ("prob_cold_of_served", found.cold_start_ratio),
            ("prob_reject", found.rejection_ratio),
            ("inst_count_avg", found.instances.mean),
            ("inst_idle_count_avg", found.instances.idle_mean),
            ("lifespan_avg", found.instances.lifespan_mean_s),
            ("response_time_avg", found.latency_s.mean),
            ("reqs_total", found.requests.arrived),
            ("reqs_cold", found.invocations.cold),
        ];
        for (metric, stat) in pairs {
            let reference = &case["metrics"][metric];
            let (Some(mean), Some(error)) = (reference["mean"].as_f64(), reference["se"].as_f64()) else { continue };
            if stat.half_width.is_none() {
                // Fewer than two replications saw an instance go.
                wrong.extend(
                    (metric != "lifespan_avg" || reference["n"].as_u64() > Some(4))
                        .then(|| format!("{id}: {metric} {} of {reference}", stat.mean)),
                );
                continue;
            }
            let combined = standard_error(stat, replications(case)).hypot(error);
            let away = (stat.mean - mean).abs();
            // There the event that crosses the horizon still counts.
            let crossing = if metric == "reqs_total" { 1.0 } else { 0.0 };
            if away > 4.0 * combined + crossing + 1e-9 * mean.abs() {
                wrong.push(format!("{id}: {metric} {} instead of {mean}, {:.1} errors", stat.mean, away / combined));
            }
        }
    }
    assert_eq!(cases, 34);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Measured on AWS Lambda in 2020: with the most recently used instance first and a window of ten minutes, the simulated
/// number of instances is within 10 % each and 4 % on average, the cold-start ratio within 15 % on average.
#[test]
fn aws_lambda_2020() {
    let Some(path) = shared("reference/aws_lambda_2020.json") else { return };
    let all = read(&path);
    let rows = all["rows"].as_array().expect("rows");
    let (mut instances_off, mut cold_off) = (Vec::new(), Vec::new());
    for row in rows {
        let text = format!(
            "[scenario]\nname = \"aws\"\n[simulation]\nhorizon = \"28h\"\nreplications = 100\n[[function]]\nname = \"f\"\n\
             duration.exponential.mean = \"{}ms\"\ncold-duration.exponential.mean = \"{}ms\"\n\
             keep-alive.fixed.window = \"600s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{}/s\"\n",
            number(row, "ServiceTimeWarm"),
            number(row, "ServiceTimeCold"),
            number(row, "ArrivalRate"),
        );
        let found = summary(&text).total;
        let measured = number(row, "AverageInstanceCount");
        instances_off.push(found.instances.mean.mean / measured - 1.0);
        cold_off.push(found.cold_start_ratio.mean / number(row, "ColdStartProbability") - 1.0);
    }
    let mean = |values: &[f64]| values.iter().map(|value| value.abs()).sum::<f64>() / values.len() as f64;
    let worst = instances_off.iter().map(|off| off.abs()).fold(0.0, f64::max);
    println!("instances: worst {worst:.4}, mean {:.4}; cold: mean {:.4}", mean(&instances_off), mean(&cold_off));
    assert!(worst < 0.10, "instances: {instances_off:?}");
    assert!(mean(&instances_off) < 0.04, "instances: {instances_off:?}");
    assert!(mean(&cold_off) < 0.15, "cold starts: {cold_off:?}");
}
