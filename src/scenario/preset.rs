//! Platform presets: the values of a real platform, as a piece of a scenario file that is merged under what the
//! scenario says, and the cold starts of its runtimes.

use super::raw::platform::Preset;
use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead};
use crate::schema::tree::{Entry, Node, Value};
use crate::time::Span;

/// What a platform allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    pub(super) platform: &'static str,
    pub(super) memory_mb: (u32, u32),
    pub(super) timeout: Span,
    pub(super) per_instance: u32,
    /// What the platform decides by itself: parts of keys, and what they mean.
    pub(super) fixed: &'static [(&'static str, &'static str)],
}

/// What AWS Lambda decides by itself.
const LAMBDA_FIXED: [(&str, &str); 7] = [
    ("keep-alive", "how long idle instances stay"),
    ("selection", "which instance serves a request"),
    ("max-lifetime", "how old instances become"),
    ("platform.scaling", "how fast a function may grow"),
    ("platform.init-timeout", "how long initialisation may take"),
    ("request-rate-per-concurrency", "how many requests may start each second"),
    ("min-unreserved", "what must stay unreserved"),
];

/// Measured initialisation of a runtime: median and sigma of a log-normal, as zip and as image.
struct Runtime {
    name: &'static str,
    zip: (Span, f64),
    image: (Span, f64),
}

/// Log-normal parameters as published, mu of ln(ms): the median is exp(mu), to the microsecond.
const fn runtime(name: &'static str, zip: (u64, f64), image: (u64, f64)) -> Runtime {
    let zip = (Span::from_nanos(zip.0 * 1_000), zip.1);
    let image = (Span::from_nanos(image.0 * 1_000), image.1);
    Runtime { name, zip, image }
}

/// Initialisation of a minimal function, 1024 MB, x86 (github.com/maxday/lambda-perf, July and August 2026, about 290 cold
/// starts each). Larger packages take longer: write `cold-start` where you have measured your own.
const LAMBDA_RUNTIMES: [Runtime; 14] = [
    runtime("dotnet10", (279_220, 0.281), (427_092, 0.276)),
    runtime("dotnet10-aot", (73_406, 0.101), (65_105, 0.352)),
    runtime("dotnet8", (272_326, 0.245), (427_520, 0.259)),
    runtime("go", (49_799, 0.08), (53_732, 0.356)),
    runtime("graalvm-java21", (152_627, 0.07), (99_983, 0.398)),
    runtime("java21", (246_904, 0.175), (383_370, 0.303)),
    runtime("java25", (208_721, 0.266), (265_868, 0.302)),
    runtime("llrt", (66_487, 0.093), (66_155, 0.38)),
    runtime("nodejs22", (140_611, 0.11), (335_627, 0.347)),
    runtime("nodejs24", (133_486, 0.14), (302_475, 0.327)),
    runtime("python3.13", (85_030, 0.115), (173_123, 0.357)),
    runtime("python3.14", (110_830, 0.174), (195_782, 0.313)),
    runtime("ruby3.4", (244_447, 0.244), (270_968, 0.194)),
    runtime("rust", (16_727, 0.219), (38_978, 0.342)),
];

/// The runtime of functions that name none.
const LAMBDA_DEFAULT_RUNTIME: &str = "nodejs22";

/// Creating the environment: derived from cold penalties seen by clients in 2021 less the initialisation.
const LAMBDA_ENVIRONMENT: (Span, f64) = (Span::from_nanos(119_941_000), 0.3);

impl Preset {
    /// The preset of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        (name == "aws-lambda").then_some(Self::AwsLambda)
    }

    /// What the platform allows.
    pub(super) fn allowed(self) -> Allowed {
        let Self::AwsLambda = self;
        Allowed {
            platform: "AWS Lambda",
            memory_mb: (128, 10_240),
            timeout: Span::from_secs(900),
            per_instance: 1,
            fixed: &LAMBDA_FIXED,
        }
    }

    /// What keeping a snapshot costs for each GB-second, and restoring one for each GB: Lambda SnapStart, except Java.
    pub(super) const fn snapshot_prices(self) -> (f64, f64) {
        let Self::AwsLambda = self;
        (1.5046e-6, 1.397_998e-4)
    }

    /// The values, as a piece of a scenario, with or without what is free each month; all come from `place`, where the preset
    /// is named.
    pub(super) fn values(self, place: SourceSpan, has_free_tier: bool) -> Node {
        let Self::AwsLambda = self;
        // A mistake in this text would be one of ours: a test reads it strictly.
        let mut values = Node::parse(include_str!("presets/aws-lambda.toml"), 0, &mut Problems::default());
        let free = take(&mut values, "free-tier");
        if let (true, Some(free), Some(billing)) = (has_free_tier, free, billing(&mut values)) {
            billing.extend(free);
        }
        values.move_to(place);
        values
    }

    /// The cold start of a runtime (text and its place, if one is named) as its two phases.
    pub(super) fn cold_start(self, runtime: Option<&Node>, image: bool, problems: &mut Problems) -> Option<Value> {
        let Self::AwsLambda = self;
        let name = runtime.map_or(Some(LAMBDA_DEFAULT_RUNTIME), Node::text)?;
        let Some(known) = LAMBDA_RUNTIMES.iter().find(|runtime| runtime.name == name) else {
            let place = runtime.map_or(SourceSpan::default(), |node| node.place);
            let message = format!("the preset knows no cold start of the runtime \"{name}\"");
            let names = LAMBDA_RUNTIMES.iter().map(|runtime| runtime.name);
            let problem = Problem::error(place, message).help(instead(name, "the runtimes are", names));
            problems.push(problem.help("or write `cold-start` with what you have measured"));
            return None;
        };
        let phase = |(median, sigma): (Span, f64)| {
            let parameters = [("median", Value::from_text(median.to_string())), ("sigma", Value::Float(sigma))];
            table([("log-normal", table(parameters))])
        };
        let init = if image { known.image } else { known.zip };
        Some(table([("phases", table([("environment", phase(LAMBDA_ENVIRONMENT)), ("init", phase(init))]))]))
    }
}

/// Takes a table out of another.
fn take(values: &mut Node, key: &str) -> Option<Vec<Entry>> {
    let Value::Table(entries) = &mut values.value else { return None };
    let at = entries.iter().position(|entry| entry.key == key)?;
    match entries.remove(at).node.value {
        Value::Table(taken) => Some(taken),
        _ => None,
    }
}

/// What is charged, among the values of a preset.
fn billing(values: &mut Node) -> Option<&mut Vec<Entry>> {
    let mut node = values;
    for key in ["platform", "billing"] {
        let Value::Table(entries) = &mut node.value else { return None };
        node = &mut entries.iter_mut().find(|entry| entry.key == key)?.node;
    }
    match &mut node.value {
        Value::Table(entries) => Some(entries),
        _ => None,
    }
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| Entry::new(key, SourceSpan::default(), value)).collect())
}
