//! What scripts read: `summary.json`, `comparison.json`, `plan.json`, `charts.json`, `manifest.json`.

use std::io::{self, Write};

use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::read_back::Charts;
use crate::measure::chaos::Chaos;
use crate::measure::comparison::Comparison;
use crate::measure::plan::Plan;
use crate::measure::summary::Summary;
use crate::measure::{Manifest, RunResult};

/// The text of `summary.json`: two spaces, keys in the order of the interface, a statistic in a line, a newline at the end;
/// NaN is null.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    pretty(summary)
}

/// The text of `comparison.json`, written like the summary.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    pretty(comparison)
}

/// The text of `plan.json`, written like the summary.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    pretty(plan)
}

/// `chaos.json`.
#[must_use]
pub fn chaos(chaos: &Chaos) -> String {
    pretty(chaos)
}

/// The text of `charts.json`: what the charts of a run are drawn from, beyond the other files.
#[must_use]
pub fn charts(result: &RunResult) -> String {
    // For charts, not for people: bins in lines of their own would be four times as long.
    serde_json::to_string(&Charts::of(result)).expect("keys are strings and writing to memory cannot fail") + "\n"
}

/// The text of `manifest.json`.
#[must_use]
pub fn manifest(manifest: &Manifest) -> String {
    pretty(manifest)
}

fn pretty(value: &impl serde::Serialize) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, Lines::default());
    value.serialize(&mut serializer).expect("keys are strings and writing to memory cannot fail");
    text.push(b'\n');
    String::from_utf8(text).expect("strings are UTF-8")
}

/// Objects and arrays inside so many others stand in one line.
const DEPTH: usize = 3;

/// Two spaces for each level, down to [`DEPTH`]: a file for people, and yet small where there are many functions.
#[derive(Default)]
struct Lines {
    depth: usize,
    /// Whether the innermost object or array has anything.
    is_filled: bool,
}

impl Lines {
    fn begin<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.is_filled = false;
        out.write_all(bracket)
    }

    fn end<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        let was_in_lines = self.depth <= DEPTH;
        self.depth -= 1;
        if self.is_filled && was_in_lines {
            self.indent(out)?;
        }
        self.is_filled = true;
        out.write_all(bracket)
    }

    fn next<W: Write + ?Sized>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.is_filled = true;
        if self.depth <= DEPTH {
            out.write_all(if is_first { b"" } else { b"," })?;
            self.indent(out)
        } else {
            out.write_all(if is_first { b"" } else { b", " })
        }
    }

    fn indent<W: Write + ?Sized>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_text_reads_back_and_has_no_nan() {
        let mut result = sample::result(3, 24);
        result.summary.total.instances.lifespan_mean_s.mean = f64::NAN;
        let text = summary(&result.summary);
        assert!(text.ends_with("}\n") && !text.contains("NaN"));
        let back: Summary = serde_json::from_str(&text).unwrap();
        assert!(back.total.instances.lifespan_mean_s.mean.is_nan());
        assert!(text.contains("\n      \"arrived\": {\"mean\": "), "a statistic stands in a line");
        assert_eq!(back.functions, result.summary.functions);
    }

    #[test]
    fn what_is_deep_stands_in_one_line() {
        let value = serde_json::json!({"a": {"b": [{"c": [1, {}]}, []]}, "d": {}, "e": "x"});
        let expected = "{\n  \"a\": {\n    \"b\": [\n      {\"c\": [1, {}]},\n      []\n    ]\n  },\n  \"d\": {},\n  \"e\": \"x\"\n}\n";
        assert_eq!(pretty(&value), expected);
        let strings = serde_json::json!({"a": ["\n\"{", "</script>"]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty(&strings)).unwrap(), strings);
    }
}
