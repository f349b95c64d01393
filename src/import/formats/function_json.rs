//! `function.json` of a function of Azure Functions: what triggers it. The functions of an app share its instances, so that they
//! are one function of the scenario, which is named like the folder of the app.

use super::Format;
use super::azure::{self, STORAGE_QUEUES};
use crate::import::model::{Kind, Link, Model, Setting, text};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::Node;

pub(in crate::import) const FORMAT: Format = Format { name: "function.json of Azure Functions", is, read };

fn is(document: &Node) -> bool {
    document.get("bindings").is_some_and(|bindings| bindings.elements().iter().any(|one| one.get("type").is_some()))
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let root = Item::new(document, "", notes).table();
    if root.get("disabled").is_some_and(|item| item.node.text() == Some("true")) {
        root.skip_rest();
        notes.ignore(document.place, "disabled", "the function is disabled");
        return;
    }
    // app/function/function.json
    let mut folders = model.file.rsplit(['/', '\\']).skip(1).map(str::to_owned);
    let function = folders.next().filter(|name| !name.is_empty()).unwrap_or_else(|| "function".to_owned());
    let app =
        folders.next().filter(|name| !matches!(name.as_str(), "" | "." | "..")).unwrap_or_else(|| "app".to_owned());
    for item in root.list("bindings") {
        let binding = item.table();
        let kind = binding.text("type").map(|found| found.value).unwrap_or_default();
        trigger(&kind, &binding, &item, &function, &app, model, notes);
        binding.skip_rest();
    }
    root.skip_rest();
    let mut app = azure::app(&app, document.place);
    azure::consumption(&mut app, None);
    let is_queue = |item: &Item<'_>| {
        matches!(
            item.node.get("type").and_then(Node::text),
            Some("queueTrigger" | "serviceBusTrigger" | "eventHubTrigger")
        )
    };
    if let Some(binding) = root.list("bindings").into_iter().find(is_queue) {
        app.set(azure::TRIGGER, text("target-based"), binding.origin());
    }
    model.things.push(app);
}

fn trigger(
    kind: &str,
    binding: &Table<'_>,
    item: &Item<'_>,
    function: &str,
    app: &str,
    model: &mut Model,
    notes: &Notes,
) {
    let place = item.node.place;
    let to = vec![app.to_owned()];
    let link = |kind, from, settings| Link { from, kind, to: to.clone(), place, settings };
    let name = |key: &'static str| binding.get(key).and_then(|item| item.node.text().map(str::to_owned));
    let unresolved = |name: &str| name.starts_with('%');
    match kind {
        "httpTrigger" => {
            let from = azure::http(app, place, model);
            model.links.push(link(Kind::Gateway, vec![from], Vec::new()));
        }
        "queueTrigger" => {
            let queue = name("queueName").filter(|name| !unresolved(name)).unwrap_or_else(|| function.to_owned());
            azure::queue(&queue, "azure-storage", STORAGE_QUEUES, place, model);
            model.links.push(link(Kind::Queue, vec![queue], Vec::new()));
        }
        "serviceBusTrigger" => {
            let subscription = name("topicName").zip(name("subscriptionName"));
            let queue = subscription.map(|(topic, name)| format!("{topic}-{name}")).or_else(|| name("queueName"));
            let queue = queue.filter(|name| !name.contains('%')).unwrap_or_else(|| function.to_owned());
            azure::queue(&queue, "service-bus", azure::SERVICE_BUS, place, model);
            model.links.push(link(Kind::Queue, vec![queue], Vec::new()));
        }
        "eventHubTrigger" => {
            let hub = name("eventHubName").filter(|name| !unresolved(name)).unwrap_or_else(|| function.to_owned());
            azure::hub(&hub, place, model);
            model.links.push(link(Kind::Stream, vec![hub], Vec::new()));
        }
        "timerTrigger" => {
            let schedule = binding.get("schedule");
            let settings = schedule.map(|item| timer(&item, notes)).unwrap_or_default();
            model.links.push(link(Kind::Schedule, vec![function.to_owned()], settings));
        }
        // Everything else that ends so hands over events: blobs, Event Grid, changes of Cosmos DB.
        other if other.ends_with("Trigger") => {
            model.links.push(link(Kind::Source, vec![function.to_owned()], Vec::new()));
        }
        _ => {}
    }
}

/// A timer in NCRONTAB, whose first of six fields is the second; or a time span from one to the next.
pub(super) fn timer(item: &Item<'_>, notes: &Notes) -> Vec<Setting> {
    let Some(found) = item.text() else { return Vec::new() };
    let written = found.value.trim().to_owned();
    let fields: Vec<&str> = written.split_whitespace().collect();
    let said = match fields[..] {
        [span] => azure::timespan(span).map(|seconds| ("every", crate::import::model::seconds(seconds))),
        [second, "*", "*", "*", "*", "*"] if second.starts_with("*/") => {
            second[2..].parse::<f64>().ok().map(|seconds| ("every", crate::import::model::seconds(seconds)))
        }
        [second, ref rest @ ..] if rest.len() == 5 && second.parse::<u8>().is_ok() => {
            Some(("cron", text(rest.join(" "))))
        }
        [_, _, _, _, _] => Some(("cron", text(&written))),
        _ => None,
    };
    match said {
        Some((key, value)) => vec![Setting::new(key, value, found.origin)],
        None => {
            // `%Schedule%` is a setting of the app.
            let why = format!("`{written}` is no schedule that is understood; give its rate");
            notes.ignore(item.node.place, item.address.clone(), why);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::model::Origin;
    use crate::import::tree::{Place, Value};

    #[test]
    fn timers_are_those_of_ncrontab() {
        let cases = [
            ("0 */5 * * * *", "cron", "\"*/5 * * * *\""),
            ("30 9 * * 1-5", "cron", "\"30 9 * * 1-5\""),
            ("*/10 * * * * *", "every", "\"10s\""),
            ("00:30:00", "every", "\"30m\""),
        ];
        for (written, key, value) in cases {
            let node = Node::new(Value::Scalar(written.to_owned()), Place::NOWHERE);
            let notes = Notes::default();
            let settings = timer(&Item::new(&node, "schedule", &notes), &notes);
            assert_eq!((settings[0].key.as_str(), settings[0].value.as_str()), (key, value), "{written}");
            assert!(matches!(settings[0].origin, Origin::Read { .. }));
        }
        let node = Node::new(Value::Scalar("%Timer%".to_owned()), Place::NOWHERE);
        let notes = Notes::default();
        assert!(timer(&Item::new(&node, "schedule", &notes), &notes).is_empty());
        assert_eq!(notes.into_ignored().len(), 1);
    }
}
