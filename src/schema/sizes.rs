//! Sizes in bytes, and how many of them a line carries.

use serde_json::json;

use super::decode::{Field, Reader};
use super::diagnostic::Problem;
use super::quantity::parse_with_units;
use super::shape::{LeafShape, Shape};
use super::tree::{Node, Value};

/// Units of a number of bytes: 1024-based, as the clouds count them.
const BYTES: [(&str, f64); 7] = [
    ("B", 1.0),
    ("KB", 1024.0),
    ("MB", 1_048_576.0),
    ("GB", 1_073_741_824.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

/// Units of a bandwidth in bytes per second: those of bits are decimal, as carriers count them.
const PER_SECOND: [(&str, f64); 10] = [
    ("bit/s", 0.125),
    ("kbit/s", 125.0),
    ("Mbit/s", 125_000.0),
    ("Gbit/s", 125_000_000.0),
    ("kbps", 125.0),
    ("Mbps", 125_000.0),
    ("Gbps", 125_000_000.0),
    ("KB/s", 1024.0),
    ("MB/s", 1_048_576.0),
    ("GB/s", 1_073_741_824.0),
];

/// A size in bytes: at most 1 TB.
const MAX_BYTES: f64 = 1_099_511_627_776.0;

/// A number of bytes.
#[derive(Debug)]
pub struct Bytes;

impl Field for Bytes {
    type Value = u64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a size such as \"20KB\" or \"3.5MB\"",
        quoted: true,
        schema: || json!({"type": "string", "pattern": r"^\s*[0-9][0-9.]*\s*(B|KB|MB|GB|KiB|MiB|GiB)\s*$"}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<u64> {
        let bytes = read(node, reader, Self::SHAPE, &BYTES)?;
        if bytes > MAX_BYTES {
            let problem = Problem::error(node.place, format!("`{}` must be at most 1024GB", reader.path()));
            reader.problems.push(problem);
            return None;
        }
        Some(bytes.round() as u64)
    }
    fn write(value: &u64) -> Value {
        // In the largest unit of which it is a whole number.
        let whole = |(_, bytes): &&(&str, f64)| *value > 0 && value.is_multiple_of(*bytes as u64);
        let (unit, bytes) = BYTES.iter().take(4).rev().find(whole).unwrap_or(&BYTES[0]);
        Value::from_text(format!("{}{unit}", value / *bytes as u64))
    }
}

/// Bytes per second, above 0.
#[derive(Debug)]
pub struct Bandwidth;

impl Field for Bandwidth {
    type Value = f64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a bandwidth such as \"10Mbit/s\" or \"5MB/s\"",
        quoted: true,
        schema: || {
            json!({"type": "string",
                "pattern": r"^\s*[0-9][0-9.]*\s*((bit|kbit|Mbit|Gbit|KB|MB|GB)/s|kbps|Mbps|Gbps)\s*$"})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
        let rate = read(node, reader, Self::SHAPE, &PER_SECOND)?;
        if !(0.125..=1e15).contains(&rate) {
            let problem = Problem::error(node.place, format!("`{}` must be at least 1bit/s", reader.path()));
            reader.problems.push(problem.help("use a [[fault]] for an outage"));
            return None;
        }
        Some(rate)
    }
    fn write(value: &f64) -> Value {
        Value::from_text(format!("{}bit/s", value * 8.0))
    }
}

fn read(node: &Node, reader: &mut Reader<'_>, shape: Shape, units: &[(&str, f64)]) -> Option<f64> {
    let Some(text) = node.text() else {
        reader.refuse(node, shape);
        return None;
    };
    let read = parse_with_units(text, units);
    if read.is_none() {
        let names: Vec<&str> = units.iter().map(|(unit, _)| *unit).collect();
        let problem =
            Problem::error(node.place, format!("`{}`: \"{text}\" is not a number with a unit", reader.path()));
        reader.problems.push(problem.help(format!("the units are {}", names.join(", "))));
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_binary_and_bits_are_decimal() {
        let bytes = |text| parse_with_units(text, &BYTES);
        assert_eq!(
            ["1B", "20 KB", "3.5MB", "1GiB"].map(bytes),
            [1.0, 20_480.0, 3_670_016.0, 1_073_741_824.0].map(Some)
        );
        for (written, value) in [("0B", 0), ("1023B", 1023), ("1KB", 1024), ("1536KB", 1_572_864), ("1GB", 1 << 30)] {
            assert_eq!(Bytes::write(&value), Value::from_text(written.to_owned()), "{value}");
            assert_eq!(bytes(written), Some(value as f64));
        }
        let rate = |text| parse_with_units(text, &PER_SECOND);
        assert_eq!(
            ["8bit/s", "10Mbit/s", "10Mbps", "1KB/s"].map(rate),
            [1.0, 1_250_000.0, 1_250_000.0, 1024.0].map(Some)
        );
        assert_eq!([bytes("5"), bytes("-1B"), bytes("MB"), bytes("5mb"), rate("5MB")], [None; 5]);
    }
}
