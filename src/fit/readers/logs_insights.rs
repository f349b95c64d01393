//! What CloudWatch Logs Insights exports: `@timestamp, @duration, @initDuration ...` as CSV or JSON.

use serde_json::Value;

use super::{Content, Reader, number};
use crate::fit::measured::{Measured, Request};
use crate::fit::when;

pub(super) const READER: Reader = Reader { name: "CloudWatch Logs Insights", is, read };

fn rows(content: &Content<'_>) -> Option<Vec<Value>> {
    let json = content.json.as_ref()?;
    json.get("results").or(Some(json)).and_then(Value::as_array).cloned()
}

fn is(content: &Content<'_>) -> bool {
    content.has(&["@duration"])
        || rows(content).is_some_and(|rows| {
            rows.first().is_some_and(|row| {
                row.get("@duration").is_some()
                    || row.as_array().is_some_and(|cells| cells.iter().any(|cell| cell["field"] == "@duration"))
            })
        })
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    if let Some(rows) = rows(content) {
        for (at, row) in rows.iter().enumerate() {
            let get = |name: &str| match row.as_array() {
                Some(cells) => cells.iter().find(|cell| cell["field"] == name).map(|cell| cell["value"].clone()),
                None => row.get(name).cloned(),
            };
            let time = get("@timestamp").as_ref().and_then(super::time);
            let value = |name: &str| get(name).as_ref().and_then(number);
            let stream = get("@logStream").and_then(|value| value.as_str().map(str::to_owned));
            if take(time, &value, stream.as_deref(), measured).is_none() {
                measured.skip(content.name, at + 1, "a row without @duration");
            }
        }
        return;
    }
    content.rows(measured, |row, measured| {
        let time = row.get(&["@timestamp"]).and_then(when::parse);
        let stream = row.get(&["@logStream"]).map(str::to_owned);
        take(time, &|name| row.number(&[name]), stream.as_deref(), measured)
    });
}

fn take(
    time: Option<f64>,
    value: &dyn Fn(&str) -> Option<f64>,
    stream: Option<&str>,
    measured: &mut Measured,
) -> Option<()> {
    let duration = value("@duration")? / 1_000.0;
    let init = value("@initDuration").map(|ms| ms / 1_000.0);
    let instance = stream.map(|stream| measured.instance(stream));
    let function = measured.function("");
    measured.requests.push(Request {
        at_s: time.map(|at| at - duration - init.unwrap_or(0.0)),
        duration_s: Some(duration),
        init_s: init,
        cold: Some(init.is_some()),
        instance,
        function,
        // In bytes, of which a MB has a million.
        memory_mb: value("@memorySize").map(|size| if size > 1e5 { size / 1e6 } else { size }.round() as u32),
        billed_s: value("@billedDuration").map(|ms| ms / 1_000.0),
        ..Request::default()
    });
    Some(())
}
