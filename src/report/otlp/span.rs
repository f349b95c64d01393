//! Spans and how they are written: OTLP/JSON, the JSON encoding of `opentelemetry.proto.trace.v1.TracesData` (OpenTelemetry Protocol
//! 1.x): ids are hexadecimal, 64-bit integers are strings, enums are numbers.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::report::epoch::Epoch;
use crate::time::SimTime;

/// Who does the work of a span, as OpenTelemetry numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
}

/// One span that is over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) id: u64,
    /// 0: it is the first of its trace.
    pub(super) parent: u64,
    pub(super) service: String,
    /// The instance of a function.
    pub(super) instance: Option<u64>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) from: SimTime,
    pub(super) until: SimTime,
    /// Why it failed, if it did.
    pub(super) failed: Option<&'static str>,
    /// Booleans and numbers that are to be known.
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// A number of 16 hexadecimal digits that no other span of the file has: the step of splitmix64 is one to one.
pub(super) const fn id(serial: u64) -> u64 {
    let mut z = serial.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// The value of an attribute.
fn attribute(key: &str, value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!({"key": key, "value": {"boolValue": value}}),
        // 64-bit integers are strings in the JSON of protocol buffers.
        Value::Number(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
        Value::String(value) => text(key, value),
        other => text(key, &other.to_string()),
    }
}

/// A service, and an instance of it.
type Resource<'a> = (&'a str, Option<u64>);

/// The elements of `resourceSpans` for spans of one trace: one for each service and instance.
pub(super) fn resources(epoch: Epoch, trace: u128, spans: &[Span]) -> Vec<Value> {
    let mut groups: Vec<(Resource<'_>, Vec<Value>)> = Vec::new();
    for span in spans {
        let key = (span.service.as_str(), span.instance);
        let written = one(epoch, trace, span);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, list)) => list.push(written),
            None => groups.push((key, vec![written])),
        }
    }
    let resource = |((service, instance), spans): (Resource<'_>, Vec<Value>)| {
        let mut attributes = vec![text("service.name", service)];
        if let Some(instance) = instance {
            attributes.push(text("faas.name", service));
            attributes.push(text("faas.instance", &instance.to_string()));
        }
        json!({
            "resource": {"attributes": attributes},
            "scopeSpans": [{"scope": {"name": "forewarm", "version": env!("CARGO_PKG_VERSION")}, "spans": spans}],
        })
    };
    groups.into_iter().map(resource).collect()
}

fn one(epoch: Epoch, trace: u128, span: &Span) -> Value {
    let nanos = |at: SimTime| epoch.nanos(at).to_string();
    let mut json = json!({
        "traceId": format!("{trace:032x}"),
        "spanId": format!("{:016x}", span.id),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.from),
        "endTimeUnixNano": nanos(span.until),
        "status": match span.failed {
            None => json!({"code": 1}),
            Some(why) => json!({"code": 2, "message": why}),
        },
    });
    if span.parent != 0 {
        json["parentSpanId"] = json!(format!("{:016x}", span.parent));
    }
    if !span.attributes.is_empty() {
        json["attributes"] = span.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    }
    json
}

/// Writes elements of `resourceSpans`: all of them into one document, or each trace as a line of its own.
#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    to: W,
    is_lines: bool,
    is_empty: bool,
}

/// Where a document begins.
pub(super) const HEAD: &str = "{\"resourceSpans\":[";

impl<W: Write> Writer<W> {
    pub(super) const fn new(to: W, is_lines: bool) -> Self {
        Self { to, is_lines, is_empty: true }
    }

    pub(super) fn write(&mut self, resources: &[Value]) -> io::Result<()> {
        if self.is_lines {
            return writeln!(self.to, "{}", json!({"resourceSpans": resources}));
        }
        for resource in resources {
            let before = if self.is_empty { HEAD } else { "," };
            self.is_empty = false;
            write!(self.to, "{before}\n{resource}")?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.is_lines {
            let before = if self.is_empty { HEAD } else { "" };
            writeln!(self.to, "{before}\n]}}")?;
        }
        self.to.flush()?;
        Ok(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_differ() {
        let ids: HashSet<u64> = (1..100_000).map(id).collect();
        assert_eq!(ids.len(), 99_999);
        assert!(!ids.contains(&0));
    }
}
