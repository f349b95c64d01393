//! What all descriptions of AWS Lambda functions share, however they spell it.

use crate::import::model::{Kind, Link, Origin, Platform, Setting, Thing, as_name, megabytes, number, seconds, text};
use crate::import::reader::{Found, Item, Notes, Table};
use crate::import::tree::{Node, Place, Value};

/// A function with the defaults of AWS Lambda.
pub(super) fn function(name: &str, place: Place) -> Thing {
    let mut function = Thing::new(Kind::Function, Platform::Lambda, as_name(name), place);
    function.ids.push(name.to_owned());
    function.set("memory", megabytes(128.0), Origin::Default("not set: AWS Lambda's default is 128 MB".to_owned()));
    function.set("timeout", seconds(3.0), Origin::Default("not set: AWS Lambda's default is 3 s".to_owned()));
    function
}

/// The memory, in MB.
pub(super) fn memory(function: &mut Thing, found: Option<Found<f64>>) {
    function.put("memory", found, megabytes);
}

/// The timeout, in seconds.
pub(super) fn timeout(function: &mut Thing, found: Option<Found<f64>>) {
    function.put("timeout", found, seconds);
}

/// `arm64` or `x86_64`, as a text or as a list of one.
pub(super) fn architecture(function: &mut Thing, item: Option<Item<'_>>) {
    let Some(item) = item else { return };
    let item = item.elements().into_iter().next().unwrap_or(item);
    let found = item.parsed("arm64 or x86_64", |text| match text {
        "arm64" => Some("arm"),
        "x86_64" => Some("x86"),
        _ => None,
    });
    function.put("architecture", found, text);
}

/// Runtimes whose cold start the preset has measured.
const MEASURED: [&str; 14] = [
    "dotnet10",
    "dotnet10-aot",
    "dotnet8",
    "go",
    "graalvm-java21",
    "java21",
    "java25",
    "llrt",
    "nodejs22",
    "nodejs24",
    "python3.13",
    "python3.14",
    "ruby3.4",
    "rust",
];

/// The runtime: the nearest whose cold start is known.
pub(super) fn runtime(function: &mut Thing, item: Option<Item<'_>>) {
    let Some(found) = item.and_then(|item| item.text()) else { return };
    let name = found.value.trim().trim_end_matches(".x").to_owned();
    if MEASURED.contains(&name.as_str()) {
        function.set("runtime", text(name), found.origin);
        return;
    }
    let nearest = match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "nodejs" => "nodejs22",
        "python" => "python3.13",
        "java" | "java8.al" => "java21",
        "dotnet" | "dotnetcore" => "dotnet8",
        "ruby" => "ruby3.4",
        "go" => "go",
        "provided.al" | "provided" => "rust",
        _ => return,
    };
    let reason = format!("no measured cold start for {name}: {nearest} is used instead");
    function.set("runtime", text(nearest), Origin::Default(reason));
}

/// `Zip` or `Image`.
pub(super) fn package(function: &mut Thing, item: Option<Item<'_>>) {
    let found = item.and_then(|item| {
        item.parsed("Zip or Image", |text| match text {
            "Zip" => Some("zip"),
            "Image" => Some("image"),
            _ => None,
        })
    });
    function.put("package", found, text);
}

/// Reserved concurrency; -1 is none, in Terraform.
pub(super) fn reserved(function: &mut Thing, item: Option<Item<'_>>) {
    let found = item.and_then(|item| item.number()).filter(|found| found.value >= 0.0);
    function.put("concurrency.reserved", found, number);
}

/// Provisioned concurrency.
pub(super) fn provisioned(item: Option<Item<'_>>) -> Vec<Setting> {
    let found = item.and_then(|item| item.whole()).filter(|found| found.value > 0);
    setting("concurrency.provisioned", found.map(|found| found.map(|count| count.to_string()))).into_iter().collect()
}

/// SnapStart, which needs what no file says.
pub(super) fn snap_start(item: Option<Item<'_>>, notes: &Notes) {
    if let Some(item) = item
        && item.node.text().is_some_and(|text| text != "None")
    {
        let why = "not simulated: needs the restore time; set `cold-start.snapshot` to your measurement";
        notes.ignore(item.node.place, item.address, why);
    }
}

/// A setting, if it was found.
pub(super) fn setting(key: &str, found: Option<Found<String>>) -> Option<Setting> {
    found.map(|Found { value, origin }| Setting::new(key, value, origin))
}

/// A duration in seconds.
pub(super) fn duration(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    setting(key, item.and_then(|item| item.number()).map(|found| found.map(seconds)))
}

/// A whole number.
pub(super) fn count(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    setting(key, item.and_then(|item| item.whole()).map(|found| found.map(|count| count.to_string())))
}

/// A truth value.
fn flag(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    setting(key, item.and_then(|item| item.flag()).map(|found| found.map(|is| is.to_string())))
}

/// Whether single failed messages of a batch are handed back.
pub(super) fn partial_failure(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    let item = item?;
    let names: Vec<_> = item.elements();
    let is = names.iter().chain([&item]).any(|name| name.node.text() == Some("ReportBatchItemFailures"));
    Some(Setting::new(key, is.to_string(), item.origin()))
}

/// How a format spells the keys of AWS.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spelling {
    /// As CloudFormation, SAM and the `aws` command.
    Aws,
    /// As the Serverless Framework.
    Serverless,
    /// As Terraform.
    Terraform,
}

/// A key in each of the spellings.
type Key = [&'static str; 3];

const BATCH_SIZE: Key = ["BatchSize", "batchSize", "batch_size"];
const WINDOW: Key = ["MaximumBatchingWindowInSeconds", "maximumBatchingWindow", "maximum_batching_window_in_seconds"];
const SCALING: Key = ["ScalingConfig", "scalingConfig", "scaling_config"];
const MAX_CONCURRENCY: Key = ["MaximumConcurrency", "maximumConcurrency", "maximum_concurrency"];
const RESPONSE_TYPES: Key = ["FunctionResponseTypes", "functionResponseType", "function_response_types"];
const PARALLELIZATION: Key = ["ParallelizationFactor", "parallelizationFactor", "parallelization_factor"];
const BISECT: Key = ["BisectBatchOnFunctionError", "bisectBatchOnFunctionError", "bisect_batch_on_function_error"];
const RETRIES: Key = ["MaximumRetryAttempts", "maximumRetryAttempts", "maximum_retry_attempts"];
const RECORD_AGE: Key = ["MaximumRecordAgeInSeconds", "maximumRecordAgeInSeconds", "maximum_record_age_in_seconds"];
const POLLERS: Key = ["ProvisionedPollerConfig", "provisionedPollerConfig", "provisioned_poller_config"];
const MIN_POLLERS: Key = ["MinimumPollers", "minimumPollers", "minimum_pollers"];
const MAX_POLLERS: Key = ["MaximumPollers", "maximumPollers", "maximum_pollers"];
const DESTINATION_CONFIG: Key = ["DestinationConfig", "destinations", "destination_config"];
const ON_FAILURE: Key = ["OnFailure", "onFailure", "on_failure"];
const DESTINATION: Key = ["Destination", "arn", "destination_arn"];
const FILTER: Key = ["FilterCriteria", "filterPatterns", "filter_criteria"];
const TUMBLING: Key = ["TumblingWindowInSeconds", "tumblingWindowInSeconds", "tumbling_window_in_seconds"];

const MIN_CAPACITY: Key = ["MinCapacity", "minCapacity", "min_capacity"];
const MAX_CAPACITY: Key = ["MaxCapacity", "maxCapacity", "max_capacity"];
const TARGET_VALUE: Key = ["TargetValue", "targetValue", "target_value"];
const SCALE_OUT: Key = ["ScaleOutCooldown", "scaleOutCooldown", "scale_out_cooldown"];
const SCALE_IN: Key = ["ScaleInCooldown", "scaleInCooldown", "scale_in_cooldown"];
const NO_SCALE_IN: Key = ["DisableScaleIn", "disableScaleIn", "disable_scale_in"];

/// What a mapping says about how a function takes messages or records. What a queue does not know is left out where the
/// queue is known.
pub(super) fn consumer(table: &Table<'_>, spelling: Spelling) -> Vec<Setting> {
    let of = |key: Key| key[spelling as usize];
    let scaling = table.block(of(SCALING));
    let pollers = table.block(of(POLLERS));
    let on_failure = table.block(of(DESTINATION_CONFIG)).block(of(ON_FAILURE));
    on_failure.skip(&["Type"]);
    let destination = on_failure.get(of(DESTINATION)).filter(is_said);
    // Without limit is -1.
    let attempts = table.get(of(RETRIES)).and_then(|item| item.number());
    let attempts =
        attempts.map(|found| found.map(|retries| if retries < 0.0 { none() } else { number(retries + 1.0) }));
    let age = table.get(of(RECORD_AGE)).and_then(|item| item.number()).filter(|found| found.value != 0.0);
    let age = age.map(|found| found.map(|age| if age < 0.0 { none() } else { seconds(age) }));
    table.refuse(of(FILTER), "not simulated: a filter; give the rate of what passes it");
    table.refuse(of(TUMBLING), "not simulated: tumbling windows");
    [
        count("consumer.batch-size", table.get(of(BATCH_SIZE))),
        duration("consumer.batch-window", table.get(of(WINDOW))),
        count("consumer.max-concurrency", scaling.get(of(MAX_CONCURRENCY))),
        partial_failure("consumer.partial-failure", table.get(of(RESPONSE_TYPES)).filter(is_said)),
        count("consumer.provisioned.min", pollers.get(of(MIN_POLLERS))),
        count("consumer.provisioned.max", pollers.get(of(MAX_POLLERS))),
        count("consumer.parallelization", table.get(of(PARALLELIZATION))),
        flag("consumer.bisect", table.get(of(BISECT))),
        setting("consumer.max-attempts", attempts),
        setting("consumer.max-age", age),
        destination.map(|item| Setting::reference("on-failure", &item)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Bounds of provisioned concurrency that Application Auto Scaling scales.
pub(super) fn scalable_target(table: &Table<'_>, spelling: Spelling) -> Vec<Setting> {
    let of = |key: Key| key[spelling as usize];
    let settings = [
        count("scaling.target-tracking.min-capacity", table.get(of(MIN_CAPACITY))),
        count("scaling.target-tracking.max-capacity", table.get(of(MAX_CAPACITY))),
    ];
    settings.into_iter().flatten().collect()
}

/// How Application Auto Scaling follows a target.
pub(super) fn target_tracking(config: &Table<'_>, spelling: Spelling) -> Vec<Setting> {
    let of = |key: Key| key[spelling as usize];
    let target = config.number(of(TARGET_VALUE)).map(|found| found.map(number));
    let settings = [
        setting("scaling.target-tracking.target", target),
        duration("scaling.target-tracking.scale-out-cooldown", config.get(of(SCALE_OUT))),
        duration("scaling.target-tracking.scale-in-cooldown", config.get(of(SCALE_IN))),
        flag("scaling.target-tracking.disable-scale-in", config.get(of(NO_SCALE_IN))),
    ];
    settings.into_iter().flatten().collect()
}

fn none() -> String {
    text("none")
}

/// Whether a value says anything: no empty text, no empty list.
pub(super) fn is_said(item: &Item<'_>) -> bool {
    match &item.node.value {
        Value::Null => false,
        Value::Scalar(text) => !text.is_empty(),
        Value::List(elements) => !elements.is_empty(),
        _ => true,
    }
}

/// How often and for how long asynchronous invocations are tried, and where they go when they have failed.
pub(super) fn asynchronous(
    retries: Option<Item<'_>>,
    age: Option<Item<'_>>,
    on_failure: Option<Item<'_>>,
) -> Vec<Setting> {
    let attempts = retries.and_then(|item| item.number()).filter(|found| found.value >= 0.0);
    let attempts = attempts.map(|found| found.map(|retries| number(retries + 1.0)));
    let settings = [
        setting("async.max-attempts", attempts),
        duration("async.max-age", age.filter(|item| item.node.text() != Some("0"))),
        on_failure.filter(is_said).map(|item| Setting::reference("async.dead-letter", &item)),
    ];
    settings.into_iter().flatten().collect()
}

/// An SQS queue with the defaults of its kind.
pub(super) fn sqs(queue: &mut Thing, is_fifo: bool) {
    let preset = if is_fifo { "sqs-fifo" } else { "sqs" };
    queue.set("preset", text(preset), Origin::Default("an SQS queue".to_owned()));
}

/// How often a message is received and where it goes then, as the text of a redrive policy in JSON.
pub(super) fn redrive(queue: &mut Thing, item: &Item<'_>, notes: &Notes) {
    let Some(written) = item.node.text().filter(|text| !text.is_empty()) else { return };
    match serde_json::from_str::<serde_json::Value>(written) {
        Ok(policy) => {
            let most = policy["maxReceiveCount"].as_u64().or_else(|| policy["maxReceiveCount"].as_str()?.parse().ok());
            if let Some(most) = most {
                queue.set("max-receives", most.to_string(), item.origin());
            }
            if let Some(dead) = policy["deadLetterTargetArn"].as_str() {
                queue.apply(Setting { names: vec![dead.to_owned()], ..Setting::new("dead-letter", "", item.origin()) });
            }
        }
        Err(_) => notes.ignore(item.node.place, &item.address, "not a redrive policy in JSON"),
    }
}

/// Rate and burst of a throttle.
pub(super) fn throttle(rate: Option<Found<f64>>, burst: Option<Found<f64>>) -> Vec<Setting> {
    // No limit is -1 in Terraform, and 0 there where it is not set.
    let Some(rate) = rate.filter(|rate| rate.value > 0.0) else { return Vec::new() };
    let burst = burst.filter(|burst| burst.value >= 1.0).map(|found| found.map(number));
    let rate = rate.map(|rate| text(format!("{}/s", number(rate))));
    [setting("throttle.rate", Some(rate)), setting("throttle.burst", burst)].into_iter().flatten().collect()
}

/// How a rule of EventBridge tries again what its target does not take.
pub(super) fn event_retries(retries: Option<Item<'_>>, age: Option<Item<'_>>) -> Vec<Setting> {
    // The first of them grow, the rest is as long apart as it gets.
    const GROWING: u64 = 10;
    let retries = retries.and_then(|item| item.whole());
    let growing = retries.clone().map(|found| found.map(|retries| retries.min(GROWING).to_string()));
    let rest = retries.map(|found| found.map(|retries| retries.saturating_sub(GROWING).to_string()));
    let settings = [
        setting("retry.growing", growing),
        setting("retry.after-max-delay", rest),
        duration("retry.max-age", age.filter(|item| item.node.text() != Some("0"))),
    ];
    settings.into_iter().flatten().collect()
}

/// A link from something to a function.
pub(super) fn link(kind: Kind, from: Vec<String>, to: &str, place: Place, settings: Vec<Setting>) -> Link {
    Link { from, kind, to: vec![to.to_owned()], place, settings }
}

/// When a schedule fires: `rate(5 minutes)`, `cron(...)`.
pub(super) fn schedule(item: Option<Item<'_>>, table: &Table<'_>, notes: &Notes) -> Vec<Setting> {
    let window = table.node.get("FlexibleTimeWindow").and_then(|window| window.get("Mode")).and_then(Node::text);
    if window.is_some_and(|mode| mode != "OFF") {
        table.refuse("FlexibleTimeWindow", "not simulated: a flexible time window");
    }
    let Some(item) = item else { return Vec::new() };
    let Some(found) = item.text() else { return Vec::new() };
    let written = found.value.trim().to_owned();
    if let Some(rate) = written.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')) {
        let mut words = rate.split_whitespace();
        let every = words.next().and_then(|number| number.parse::<f64>().ok());
        let unit = words.next().and_then(|unit| match unit.trim_end_matches('s') {
            "minute" => Some(60.0),
            "hour" => Some(3_600.0),
            "day" => Some(86_400.0),
            _ => None,
        });
        if let (Some(every), Some(unit)) = (every.filter(|every| *every > 0.0), unit) {
            return vec![Setting::new("every", seconds(every * unit), found.origin)];
        }
    }
    if let Some(cron) = written.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')')) {
        let zones = ["ScheduleExpressionTimezone", "schedule_expression_timezone", "timezone"];
        let zone = zones.into_iter().find_map(|key| table.get(key)).and_then(|item| item.text());
        let zone = zone.filter(|zone| !zone.value.is_empty()).map(|zone| zone.map(text));
        let cron = Setting::new("cron", text(cron), found.origin);
        return [Some(cron), setting("time-zone", zone)].into_iter().flatten().collect();
    }
    let why = format!("`{written}` is neither rate(...) nor cron(...)");
    notes.ignore(item.node.place, item.address, why);
    Vec::new()
}
