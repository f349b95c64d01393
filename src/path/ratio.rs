//! A part of a whole, as people write it.

use serde_json::json;

use crate::schema::declare::*;
use crate::schema::diagnostic::Problem;

/// A part from 0 to 1: `"1%"` or `0.01`.
#[derive(Debug)]
pub struct Ratio;

/// The ratio that a percentage such as `"20%"` stands for.
pub(super) fn percent(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    // The nearest number to the hundredth, not a hundredth of the nearest number.
    let ratio: f64 = format!("{number}e-2").parse().ok()?;
    (0.0..=1.0).contains(&ratio).then_some(ratio)
}

impl Field for Ratio {
    type Value = f64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a percentage such as \"1%\", or a number from 0 to 1",
        quoted: false,
        schema: || {
            json!({"anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^\s*[0-9.]+\s*%\s*$"},
            ]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
        let ratio = match &node.value {
            Value::Integer(Some(number)) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Text(text) => percent(text),
            _ => None,
        };
        if let Some(ratio) = ratio.filter(|ratio| (0.0..=1.0).contains(ratio)) {
            return Some(ratio);
        }
        match node.value {
            Value::Integer(Some(number @ 2..=100)) => {
                let message = format!("`{}` must be from 0 to 1, not {number}", reader.path());
                reader.problems.push(Problem::error(node.place, message).help(format!("write \"{number}%\"")));
            }
            _ => reader.refuse(node, Self::SHAPE),
        }
        None
    }
    fn write(value: &f64) -> Value {
        Value::Float(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::diagnostic::Problems;

    fn read(value: Value) -> Option<f64> {
        let mut problems = Problems::default();
        Ratio::read(&Node::at(SourceSpan::default(), value), &mut Reader::new(&mut problems, &["ratio"]))
    }

    #[test]
    fn percentages_and_numbers_are_read_and_nothing_beyond_the_whole() {
        assert_eq!(read(Value::from_text("1%")), Some(0.01));
        assert_eq!(read(Value::from_text(" 99.9 %")), Some(0.999));
        assert_eq!(read(Value::Float(0.25)), Some(0.25));
        assert_eq!(read(Value::Integer(Some(1))), Some(1.0));
        for wrong in
            [Value::from_text("101%"), Value::from_text("-1%"), Value::from_text("0.5"), Value::Float(f64::NAN)]
        {
            assert_eq!(read(wrong.clone()), None, "{wrong:?}");
        }
    }
}
