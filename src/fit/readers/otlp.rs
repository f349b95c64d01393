//! Traces of OpenTelemetry as JSON: one document, or one a line as the collector's file exporter writes them.

use serde_json::Value;

use super::{Content, Reader, number};
use crate::fit::measured::{Measured, Outcome, Request};

pub(super) const READER: Reader = Reader { name: "OTLP traces", is, read };

fn is(content: &Content<'_>) -> bool {
    let has = |value: &Value| value.get("resourceSpans").is_some();
    content.json.as_ref().or(content.first.as_ref()).is_some_and(has)
}

/// The value of an attribute.
fn attribute<'a>(attributes: &'a Value, key: &str) -> Option<&'a Value> {
    let found = attributes.as_array()?.iter().find(|attribute| attribute["key"] == key)?;
    found["value"].as_object()?.values().next()
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    content.each(measured, |value, measured| {
        for resource in value["resourceSpans"].as_array()? {
            let of_resource = &resource["resource"]["attributes"];
            let service = attribute(of_resource, "faas.name").or_else(|| attribute(of_resource, "service.name"));
            let service = service.and_then(Value::as_str).unwrap_or_default().to_owned();
            let instance =
                attribute(of_resource, "faas.instance").or_else(|| attribute(of_resource, "service.instance.id"));
            let instance = instance.and_then(Value::as_str).map(str::to_owned);
            let scopes = resource.get("scopeSpans").or_else(|| resource.get("instrumentationLibrarySpans"));
            for scope in scopes.and_then(Value::as_array).into_iter().flatten() {
                for span in scope["spans"].as_array().into_iter().flatten() {
                    one(span, &service, instance.as_deref(), measured);
                }
            }
        }
        Some(())
    });
}

fn one(span: &Value, service: &str, instance: Option<&str>, measured: &mut Measured) {
    // Only what a service does for a caller: kind SERVER or CONSUMER.
    let is_served = matches!(span["kind"].as_u64(), Some(2 | 5))
        || matches!(span["kind"].as_str(), Some("SPAN_KIND_SERVER" | "SPAN_KIND_CONSUMER"));
    let is_root = span["parentSpanId"].as_str().unwrap_or_default().is_empty();
    if !(is_served || is_root && span["kind"].is_null()) {
        return;
    }
    let (Some(start), Some(end)) = (number(&span["startTimeUnixNano"]), number(&span["endTimeUnixNano"])) else {
        return;
    };
    let cold = attribute(&span["attributes"], "faas.coldstart").and_then(Value::as_bool);
    let failed = span["status"]["code"] == 2 || span["status"]["code"] == "STATUS_CODE_ERROR";
    let instance = instance.map(|instance| measured.instance(instance));
    let function = measured.function(service);
    measured.requests.push(Request {
        at_s: Some(start / 1e9),
        duration_s: Some(((end - start) / 1e9).max(0.0)),
        cold,
        instance,
        function,
        outcome: if failed { Outcome::Failed } else { Outcome::Completed },
        ..Request::default()
    });
}
