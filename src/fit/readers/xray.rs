//! What `aws xray batch-get-traces` prints: segments, each a JSON document in a text.

use serde_json::Value;

use super::{Content, Reader};
use crate::fit::measured::{Measured, Outcome, Request};

pub(super) const READER: Reader = Reader { name: "X-Ray traces", is, read };

fn is(content: &Content<'_>) -> bool {
    content.json.as_ref().is_some_and(|json| {
        json["Traces"].as_array().is_some_and(|traces| traces.iter().any(|trace| trace.get("Segments").is_some()))
    })
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let Some(json) = &content.json else { return };
    for (place, trace) in json["Traces"].as_array().into_iter().flatten().enumerate() {
        for segment in trace["Segments"].as_array().into_iter().flatten() {
            let document = segment["Document"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            match document {
                Some(document) => one(&document, measured),
                None => measured.skip(content.name, place + 1, "a segment whose document is not JSON"),
            }
        }
    }
}

fn one(segment: &Value, measured: &mut Measured) {
    // The function itself: the service's segment is around it and counts the same request.
    if segment["origin"] != "AWS::Lambda::Function" {
        return;
    }
    let (Some(start), Some(end)) = (segment["start_time"].as_f64(), segment["end_time"].as_f64()) else { return };
    let part = |name: &str| {
        segment["subsegments"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|part| part["name"] == name)
            .and_then(|part| Some((part["start_time"].as_f64()?, part["end_time"].as_f64()?)))
    };
    let init = part("Initialization").map(|(start, end)| end - start);
    let (start, end) = part("Invocation").unwrap_or((start, end));
    let function = measured.function(segment["name"].as_str().unwrap_or_default());
    let outcome = if segment["throttle"] == true {
        Outcome::Throttled
    } else if segment["fault"] == true || segment["error"] == true {
        Outcome::Failed
    } else {
        Outcome::Completed
    };
    measured.requests.push(Request {
        at_s: Some(start - init.unwrap_or(0.0)),
        duration_s: Some((end - start).max(0.0)),
        init_s: init,
        cold: Some(init.is_some()),
        function,
        outcome,
        ..Request::default()
    });
}
