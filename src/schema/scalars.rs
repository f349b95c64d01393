//! The single values of a file: names, texts, numbers, quantities.

use serde_json::json;

use super::decode::{Field, Reader};
use super::diagnostic::Problem;
use super::limits::{MAX_NAME, MAX_NUMBER, MAX_RATE, MAX_SIZE_MB, MAX_TEXT, MIN_POSITIVE};
use super::quantity::{parse_rate_per_s, parse_size_mb, with_known_units};
use super::shape::{LeafShape, Shape};
use super::tree::{Node, Value};
use crate::time::Span;

/// A name: letters, digits, `-`, `_`.
#[derive(Debug)]
pub struct Name;

/// Whether a text can be a name.
pub fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(is_name_character)
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl Field for Name {
    type Value = String;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a name (letters, digits, '-', '_')",
        quoted: true,
        schema: || json!({"type": "string", "pattern": format!("^[A-Za-z0-9_-]{{1,{MAX_NAME}}}$")}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
        let Some(text) = node.text() else {
            reader.refuse(node, Self::SHAPE);
            return None;
        };
        if text.is_empty() {
            let problem = Problem::error(node.place, format!("`{}` must not be empty", reader.path()));
            reader.problems.push(problem.help("use letters, digits, '-' and '_'"));
            return None;
        }
        if let Some(wrong) = text.chars().find(|&c| !is_name_character(c)) {
            let message = format!("`{}` contains {wrong:?}, which is not allowed in a name", reader.path());
            let fixed: String =
                text.chars().map(|c| if is_name_character(c) { c } else { '-' }).take(MAX_NAME).collect();
            let problem = Problem::error(node.place, message);
            reader.problems.push(problem.help(format!("use letters, digits, '-' and '_', as in \"{fixed}\"")));
            return None;
        }
        if text.len() > MAX_NAME {
            let message = format!("`{}` has {} characters: at most {MAX_NAME} are allowed", reader.path(), text.len());
            reader.problems.push(Problem::error(node.place, message));
            return None;
        }
        Some(text.to_owned())
    }
    fn write(value: &String) -> Value {
        Value::from_text(value)
    }
}

/// Free text, a path, a metric.
#[derive(Debug)]
pub struct Text;

impl Field for Text {
    type Value = String;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "text",
        quoted: true,
        schema: || json!({"type": "string", "maxLength": MAX_TEXT}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
        match node.text() {
            Some(text) if text.chars().count() > MAX_TEXT => {
                let message = format!("`{}` is longer than {MAX_TEXT} characters, which is the limit", reader.path());
                reader.problems.push(Problem::error(node.place, message));
                None
            }
            Some(text) => Some(text.to_owned()),
            None => {
                reader.refuse(node, Self::SHAPE);
                None
            }
        }
    }
    fn write(value: &String) -> Value {
        Value::from_text(value)
    }
}

/// What the pattern of a duration is: a number and a unit, as often as needed.
const DURATION: &str = r"\s*[0-9][0-9.]*\s*(ns|us|ms|s|m|h|d)\s*";

/// A duration.
#[derive(Debug)]
pub struct Duration;

impl Field for Duration {
    type Value = Span;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a duration such as \"250ms\" or \"1m30s\"",
        quoted: true,
        schema: || json!({"type": "string", "pattern": format!("^({DURATION})+$")}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Span> {
        read_duration(node, reader, Self::SHAPE)
    }
    fn write(value: &Span) -> Value {
        Value::from_text(value.to_string())
    }
}

/// A duration above zero.
#[derive(Debug)]
pub struct PositiveDuration;

impl Field for PositiveDuration {
    type Value = Span;
    const SHAPE: Shape = Duration::SHAPE;
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Span> {
        let span = Duration::read(node, reader)?;
        if span == Span::ZERO {
            let message = format!("`{}` must be longer than zero", reader.path());
            reader.problems.push(Problem::error(node.place, message));
            return None;
        }
        Some(span)
    }
    fn write(value: &Span) -> Value {
        Duration::write(value)
    }
}

/// A duration, or "forever".
#[derive(Debug)]
pub struct Window;

impl Field for Window {
    type Value = Span;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a duration such as \"10m\", or \"forever\"",
        quoted: true,
        schema: || json!({"type": "string", "pattern": format!("^(forever|({DURATION})+)$")}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Span> {
        if node.text() == Some("forever") { Some(Span::FOREVER) } else { read_duration(node, reader, Self::SHAPE) }
    }
    fn write(value: &Span) -> Value {
        Value::from_text(value.to_string())
    }
}

/// A duration, or "auto".
#[derive(Debug)]
pub struct WarmUp;

impl Field for WarmUp {
    /// None: auto.
    type Value = Option<Span>;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a duration such as \"30m\"",
        quoted: true,
        schema: || json!({"type": "string", "pattern": format!("^(auto|({DURATION})+)$")}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Option<Span>> {
        if node.text() == Some("auto") { Some(None) } else { read_duration(node, reader, Self::SHAPE).map(Some) }
    }
    fn write(value: &Option<Span>) -> Value {
        Value::from_text(value.map_or_else(|| "auto".to_owned(), |span| span.to_string()))
    }
}

fn read_duration(node: &Node, reader: &mut Reader<'_>, shape: Shape) -> Option<Span> {
    let bare = bare_number(node);
    let Some(text) = node.text().or(bare.as_deref()) else {
        reader.refuse(node, shape);
        return None;
    };
    match text.parse() {
        Ok(span) => Some(span),
        Err(error) => refuse_quantity(node, reader, &error, |text| text.parse::<Span>().is_ok()),
    }
}

/// A size, in MB.
#[derive(Debug)]
pub struct Size;

impl Field for Size {
    type Value = u32;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a size such as \"512MB\" or \"2GB\"",
        quoted: true,
        schema: || json!({"type": "string", "pattern": r"^\s*[0-9][0-9.]*\s*(MB|GB|MiB|GiB)\s*$"}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<u32> {
        let bare = bare_number(node);
        let Some(text) = node.text().or(bare.as_deref()) else {
            reader.refuse(node, Self::SHAPE);
            return None;
        };
        match parse_size_mb(text) {
            Ok(0) => {
                let message = format!("`{}` must be at least 1MB", reader.path());
                reader.problems.push(Problem::error(node.place, message));
                None
            }
            Ok(mb) if mb > MAX_SIZE_MB => {
                let message = format!("`{}` must be at most {MAX_SIZE_MB}MB", reader.path());
                reader.problems.push(Problem::error(node.place, message));
                None
            }
            Ok(mb) => Some(mb),
            Err(error) => refuse_quantity(node, reader, &error, |text| parse_size_mb(text).is_ok()),
        }
    }
    fn write(value: &u32) -> Value {
        Value::from_text(format!("{value}MB"))
    }
}

/// A rate above 0, per second.
#[derive(Debug)]
pub struct Rate;

/// A rate, per second, that may be 0.
#[derive(Debug)]
pub struct RateOrZero;

/// What the pattern of a rate is.
const RATE: &str = r"^\s*[0-9][0-9.]*([eE][+-]?[0-9]+)?\s*/\s*(s|m|h|d)\s*$";

impl Field for Rate {
    type Value = f64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a rate such as \"50/s\" or \"3/m\"",
        quoted: true,
        schema: || json!({"type": "string", "pattern": RATE}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
        let rate = RateOrZero::read(node, reader)?;
        if rate == 0.0 {
            let problem = Problem::error(node.place, format!("`{}` must be above 0", reader.path()));
            reader.problems.push(problem.help("remove a source that sends nothing"));
            return None;
        }
        Some(rate)
    }
    fn write(value: &f64) -> Value {
        RateOrZero::write(value)
    }
}

impl Field for RateOrZero {
    type Value = f64;
    const SHAPE: Shape = Rate::SHAPE;
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
        let bare = bare_number(node);
        let Some(text) = node.text().or(bare.as_deref()) else {
            reader.refuse(node, Self::SHAPE);
            return None;
        };
        match parse_rate_per_s(text) {
            Ok(rate) if rate > MAX_RATE => {
                let message = format!("`{}` must be at most {MAX_RATE}/s", reader.path());
                reader.problems.push(Problem::error(node.place, message));
                None
            }
            Ok(rate) => Some(rate),
            Err(error) => refuse_quantity(node, reader, &error, |text| parse_rate_per_s(text).is_ok()),
        }
    }
    fn write(value: &f64) -> Value {
        Value::from_text(format!("{value}/s"))
    }
}

/// A number where a quantity should stand, as text: for the advice to give it a unit.
fn bare_number(node: &Node) -> Option<String> {
    match &node.value {
        Value::Integer(Some(number)) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn refuse_quantity<T>(
    node: &Node,
    reader: &mut Reader<'_>,
    error: &dyn std::error::Error,
    is_known: impl Fn(&str) -> bool,
) -> Option<T> {
    let text = error.to_string();
    // The part after the colon is the advice.
    let (wrong, advice) = text.split_once(": ").unwrap_or((&text, ""));
    let mut problem = Problem::error(node.place, format!("`{}`: {wrong}", reader.path()));
    if let Some(meant) = node.text().and_then(|text| with_known_units(text, is_known)) {
        problem = problem.help(format!("write \"{meant}\""));
    } else if !advice.is_empty() {
        problem = problem.help(advice);
    }
    reader.problems.push(problem);
    None
}

/// A whole number in `MIN..=MAX`.
#[derive(Debug)]
pub struct Count<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Field for Count<MIN, MAX> {
    type Value = u32;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a whole number",
        quoted: false,
        schema: || json!({"type": "integer", "minimum": MIN, "maximum": MAX}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<u32> {
        let number = read_whole(node, reader, Self::SHAPE)?;
        match u32::try_from(number) {
            Ok(number) if (MIN..=MAX).contains(&number) => Some(number),
            _ => refuse_range(node, reader, &number, &MIN, &MAX),
        }
    }
    fn write(value: &u32) -> Value {
        Value::Integer(Some((*value).into()))
    }
}

/// A root of random numbers.
#[derive(Debug)]
pub struct Seed;

impl Field for Seed {
    type Value = u64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a whole number",
        quoted: false,
        schema: || json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<u64> {
        let number = read_whole(node, reader, Self::SHAPE)?;
        u64::try_from(number).ok().or_else(|| refuse_range(node, reader, &number, &0, &u64::MAX))
    }
    fn write(value: &u64) -> Value {
        Value::Integer(Some((*value).into()))
    }
}

fn read_whole(node: &Node, reader: &mut Reader<'_>, shape: Shape) -> Option<i128> {
    match &node.value {
        Value::Integer(Some(number)) => return Some(*number),
        Value::Integer(None) => {
            let message = format!("`{}` is too large a number", reader.path());
            reader.problems.push(Problem::error(node.place, message));
        }
        // 5.0 and 1e3 are whole too, but written so that a reader wonders.
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            let message = format!("`{}` must be a whole number", reader.path());
            reader.problems.push(Problem::error(node.place, message).help(format!("write {}", *number as i64)));
        }
        Value::Text(text) if text.trim().parse::<i64>().is_ok() => {
            let message = format!("`{}` must be {}, not text", reader.path(), shape.expected());
            reader
                .problems
                .push(Problem::error(node.place, message).help(format!("write {} without quotes", text.trim())));
        }
        _ => reader.refuse(node, shape),
    }
    None
}

fn refuse_range<T, N: std::fmt::Display>(
    node: &Node,
    reader: &mut Reader<'_>,
    number: &dyn std::fmt::Display,
    min: &N,
    max: &N,
) -> Option<T> {
    let message = format!("`{}` must be from {min} to {max}, not {number}", reader.path());
    reader.problems.push(Problem::error(node.place, message));
    None
}

/// Any finite number.
#[derive(Debug)]
pub struct Number;

/// A number above 0.
#[derive(Debug)]
pub struct Positive;

/// A number from 0 to 1.
#[derive(Debug)]
pub struct Share;

/// A price or an amount, 0 or more.
#[derive(Debug)]
pub struct Amount;

macro_rules! number {
    ($name:ident, $expected:literal, $least:expr, $schema:expr, $accept:expr) => {
        impl Field for $name {
            type Value = f64;
            const SHAPE: Shape = Shape::Leaf(&LeafShape { expected: $expected, quoted: false, schema: || $schema });
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
                let accept: fn(f64) -> bool = $accept;
                match node.value {
                    Value::Integer(Some(number)) if accept(number as f64) => {
                        return of_a_size(number as f64, $least, node, reader);
                    }
                    Value::Float(number) if number.is_finite() && accept(number) => {
                        return of_a_size(number, $least, node, reader);
                    }
                    Value::Text(ref text) if text.trim().parse().is_ok_and(accept) => {
                        let message = format!("`{}` must be {}, not text", reader.path(), $expected);
                        let help = format!("write {} without quotes", text.trim());
                        reader.problems.push(Problem::error(node.place, message).help(help));
                    }
                    // A share written in percent.
                    Value::Integer(Some(number @ 2..=100)) if accept(0.5) && !accept(2.0) => {
                        let message = format!("`{}` must be {}, not {number}", reader.path(), $expected);
                        let help = format!("for {number} % write {}", number as f64 / 100.0);
                        reader.problems.push(Problem::error(node.place, message).help(help));
                    }
                    _ => reader.refuse(node, Self::SHAPE),
                }
                None
            }
            fn write(value: &f64) -> Value {
                Value::Float(*value)
            }
        }
    };
}

/// Refuses numbers that no one means, whose products and quotients would not be numbers any more.
fn of_a_size(number: f64, least: f64, node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
    let size = number.abs();
    if size <= MAX_NUMBER && size >= least {
        return Some(number);
    }
    let (word, bound) = if size > MAX_NUMBER { ("at most", MAX_NUMBER) } else { ("at least", least) };
    let message = format!("`{}` = {number:e}: it must be {word} {bound:e}", reader.path());
    reader.problems.push(Problem::error(node.place, message));
    None
}

number!(Number, "a number", 0.0, json!({"type": "number"}), |_| true);
number!(Positive, "a number above 0", MIN_POSITIVE, json!({"type": "number", "exclusiveMinimum": 0}), |number| number
    > 0.0);
number!(Share, "a number from 0 to 1", 0.0, json!({"type": "number", "minimum": 0, "maximum": 1}), |number| {
    (0.0..=1.0).contains(&number)
});
number!(Amount, "a number, 0 or more", 0.0, json!({"type": "number", "minimum": 0}), |number| number >= 0.0);

/// A number from 0 to 1, or a percentage.
#[derive(Debug)]
pub struct Ratio;

impl Field for Ratio {
    type Value = f64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a percentage such as \"1%\", or a number from 0 to 1",
        quoted: false,
        schema: || {
            json!({"oneOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*%\\s*$"}
            ]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
        let percent = |text: &str| text.trim().strip_suffix('%')?.trim_end().parse::<f64>().ok();
        let ratio = match &node.value {
            Value::Text(text) => percent(text).map(|percent| percent / 100.0),
            _ => return Share::read(node, reader),
        };
        match ratio {
            Some(ratio) if (0.0..=1.0).contains(&ratio) => Some(ratio),
            _ => {
                reader.refuse(node, Self::SHAPE);
                None
            }
        }
    }
    fn write(value: &f64) -> Value {
        Value::Float(*value)
    }
}

/// What a metric is held against: a number in the unit of the metric, or text with a unit.
#[derive(Debug)]
pub struct MetricValue;

/// As it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricAmount {
    /// A number in the base unit.
    Number(f64),
    /// Text, which has its unit.
    Text(String),
}

impl Field for MetricValue {
    type Value = MetricAmount;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a number, or one with a unit such as \"800ms\" or \"1%\"",
        quoted: false,
        schema: || json!({"type": ["number", "string"], "maxLength": MAX_TEXT}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<MetricAmount> {
        match node.value {
            Value::Integer(Some(number)) => return Some(MetricAmount::Number(number as f64)),
            Value::Float(number) if number.is_finite() => {
                return of_a_size(number, 0.0, node, reader).map(MetricAmount::Number);
            }
            Value::Text(_) => return Text::read(node, reader).map(MetricAmount::Text),
            _ => reader.refuse(node, Self::SHAPE),
        }
        None
    }
    fn write(value: &MetricAmount) -> Value {
        match value {
            MetricAmount::Number(number) => Value::Float(*number),
            MetricAmount::Text(text) => Value::from_text(text),
        }
    }
}

/// True or false.
#[derive(Debug)]
pub struct Flag;

impl Field for Flag {
    type Value = bool;
    const SHAPE: Shape =
        Shape::Leaf(&LeafShape { expected: "true or false", quoted: false, schema: || json!({"type": "boolean"}) });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<bool> {
        if let Value::Boolean(value) = node.value {
            return Some(value);
        }
        reader.refuse(node, Self::SHAPE);
        None
    }
    fn write(value: &bool) -> Value {
        Value::Boolean(*value)
    }
}
