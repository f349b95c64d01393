//! Single values, by the kind of quantity that the schema declares: near the default where there is one, of a size that
//! is usual for the quantity otherwise, and now and then at the edge of what is allowed.

use serde_json::{Value, json};

use super::chance::rounded;
use super::{Draft, texts};

/// How often a value lies at an edge.
const EDGE: f64 = 0.03;

/// A value that is neither table nor list.
pub(super) fn scalar(draft: &mut Draft, schema: &Value) -> Value {
    match &schema["type"] {
        Value::String(kind) => match kind.as_str() {
            "boolean" => json!(draft.chance.happens(0.5)),
            "integer" => whole(draft, schema),
            "number" => number(draft, schema),
            _ => match schema["pattern"].as_str() {
                Some(pattern) => quantity(draft, pattern, schema["default"].as_str()),
                None => json!(texts::text(draft)),
            },
        },
        // A number in the unit of something, or text with a unit; or anything.
        _ => texts::amount(draft),
    }
}

fn whole(draft: &mut Draft, schema: &Value) -> Value {
    let bound = |key: &str, otherwise: f64| schema[key].as_f64().unwrap_or(otherwise);
    let (least, most) = (bound("minimum", 0.0), bound("maximum", 1e9));
    if draft.chance.happens(EDGE) {
        return json!(least as u64);
    }
    let typical = schema["default"].as_f64().unwrap_or(4.0).max(1.0);
    // What is counted in thousands costs time and shows nothing more.
    let drawn = draft.chance.magnitude(typical / 5.0, typical * 4.0).min(2_000.0).round();
    json!(drawn.clamp(least, most) as u64)
}

fn number(draft: &mut Draft, schema: &Value) -> Value {
    // What the system of a node needs is a small part of the node.
    if draft.is_in("overhead") {
        return json!(rounded(draft.chance.magnitude(0.01, 0.1)));
    }
    let least = schema["minimum"].as_f64().or_else(|| schema["exclusiveMinimum"].as_f64());
    let most = schema["maximum"].as_f64();
    if let (Some(least), Some(most)) = (least, most) {
        let is_edge = draft.chance.happens(2.0 * EDGE);
        let edge = if draft.chance.happens(0.5) { least } else { most };
        return json!(if is_edge { edge } else { rounded(draft.chance.between(least, most)) });
    }
    match schema["default"].as_f64() {
        Some(default) if default > 0.0 && default < 1.0 => {
            json!(rounded((default * draft.chance.magnitude(0.3, 3.0)).min(1.0)))
        }
        Some(default) if default != 0.0 => json!(rounded(default * draft.chance.magnitude(0.3, 3.0))),
        _ if draft.key().contains("usd") => json!(rounded(draft.chance.magnitude(1e-7, 1.0))),
        _ => json!(rounded(draft.chance.magnitude(0.3, 8.0))),
    }
}

/// A value that is text with a unit, by the pattern of the text.
fn quantity(draft: &mut Draft, pattern: &str, default: Option<&str>) -> Value {
    let has = |part: &str| pattern.contains(part);
    if has("(ns|us|ms|s|m|h|d)") {
        if has("forever") && draft.chance.happens(0.1) {
            return json!("forever");
        }
        if has("auto") && draft.chance.happens(0.1) {
            return json!("auto");
        }
        // What is kept is kept for days.
        let default = if draft.key() == "retention" { Some("3d") } else { default };
        return json!(duration(draft, default));
    }
    if has("bit") {
        return json!(draft.chance.one_of(&["10Mbit/s", "500kbit/s", "5MB/s"]));
    }
    if has(r"\d{4}") {
        return json!(draft.chance.one_of(&["2026-03-29", "2026-10-25T00:30:00Z", "2027-01-01T12:00:00+02:00"]));
    }
    if has("KB") {
        return json!(draft.chance.one_of(&["200B", "20KB", "3.5MB"]));
    }
    if has("MiB") && draft.is_in("overhead") {
        return json!("8MB");
    }
    if has("MiB") {
        let sizes = ["128MB", "256MB", "512MB", "1GB", "2GB", "3072MB", "1GiB", "200MiB"];
        return json!(draft.chance.one_of(&sizes));
    }
    if has("(week|month|quarter|year)") {
        return json!(draft.chance.one_of(&["5%/month", "2%/week", "30%/year", "10%/quarter"]));
    }
    if has(r"/\s*(s|m|h|d)") {
        let rate = rounded(draft.chance.magnitude(0.05, 20.0));
        let [slow, fast] = [json!(format!("{}/m", rounded(rate * 60.0))), json!(format!("{rate}/s"))];
        return if draft.chance.happens(0.2) { slow } else { fast };
    }
    if has("%") {
        // Of what is sure, more than half.
        let least = if draft.key() == "confidence" { 60.0 } else { 0.0 };
        return json!(format!("{}%", rounded(draft.chance.between(least, 99.0))));
    }
    json!(texts::name(draft))
}

/// A duration: usually between a millisecond and a minute, or near its default.
fn duration(draft: &mut Draft, default: Option<&str>) -> String {
    let edges = ["0s", "1ns", "1us", "1h", "30d"];
    if draft.chance.happens(EDGE) {
        // A law has a mean above 0.
        let is_of_law = matches!(draft.key(), "mean" | "median" | "p99" | "scale" | "sd");
        return (*draft.chance.one_of(&edges[usize::from(is_of_law)..])).to_owned();
    }
    let typical =
        default.and_then(seconds).filter(|seconds| *seconds > 0.0 && (*seconds > 1e5 || draft.chance.happens(0.5)));
    let seconds = match typical {
        Some(typical) => typical * draft.chance.magnitude(0.1, 2.0),
        None => draft.chance.magnitude(1e-3, 60.0),
    };
    written(seconds)
}

/// Seconds as people write them.
pub(super) fn written(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{}us", (seconds * 1e6).round())
    } else if seconds > 2.0 && ((seconds * 1e3) as u64).is_multiple_of(2) {
        format!("{}s", seconds.round())
    } else {
        format!("{}ms", (seconds * 1e3).round())
    }
}

/// The seconds of a text such as "1m30s"; none where it is something else.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let units = [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
    let mut rest = text.trim();
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit_end = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| end + at);
        let (_, factor) = units.iter().find(|(unit, _)| *unit == rest[end..unit_end].trim())?;
        sum += number * factor;
        rest = &rest[unit_end..];
    }
    Some(sum)
}
