//! Moments by the calendar.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::decode::{Field, Reader};
use super::diagnostic::Problem;
use super::shape::{LeafShape, Shape};
use super::tree::{Node, Value};

/// A date, which begins at midnight UTC, or a moment with its offset from UTC; its value is in seconds since 1970 UTC.
#[derive(Debug)]
pub struct Moment;

/// From 1970 until 2199, in seconds since 1970: what cron expressions can name.
const ALLOWED: std::ops::Range<i64> = 0..7_258_118_400;

impl Field for Moment {
    type Value = i64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a time such as \"2026-03-29\" or \"2026-03-29T06:30:00Z\"",
        quoted: true,
        schema: || json!({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$"}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<i64> {
        let Some(text) = node.text() else {
            reader.refuse(node, Self::SHAPE);
            return None;
        };
        let seconds = parse(text);
        let wrong = match seconds {
            Some(seconds) if ALLOWED.contains(&seconds) => return Some(seconds),
            Some(_) => "must lie between 1970 and 2199",
            None => "is not a point in time",
        };
        let problem = Problem::error(node.place, format!("`{}` {wrong}", reader.path()));
        let help = "write a date, as in \"2026-03-29\", or a time with its offset, as in \"2026-03-29T06:30:00Z\"";
        reader.problems.push(problem.help(help));
        None
    }
    fn write(value: &i64) -> Value {
        Value::from_text(Timestamp::from_second(*value).unwrap_or_default().to_string())
    }
}

fn parse(text: &str) -> Option<i64> {
    let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
    let moment =
        if text.len() > 10 { text.parse::<Timestamp>().ok() } else { text.parse::<Date>().ok().and_then(midnight) };
    moment.map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_begin_at_midnight_utc() {
        assert_eq!(parse("1970-01-02"), Some(86_400));
        assert_eq!(parse("2026-03-29T06:30:00+02:00"), parse("2026-03-29T04:30:00Z"));
        assert_eq!(parse("2026-03-29T04:30:00Z"), Some(1_774_758_600));
        for text in ["", "2026-02-30", "2026-03-29T04:30", "29.3.2026", "2026-03-29T04:30:00", "tomorrow"] {
            assert_eq!(parse(text), None, "{text}");
        }
        let written = Moment::write(&1_774_758_600);
        assert_eq!(written.to_toml(), "\"2026-03-29T04:30:00Z\"");
    }
}
