//! What all descriptions of Azure Functions share: function apps under their plans, queues, hubs.

use super::lambda::{count, setting};
use crate::import::model::{Kind, Model, Origin, Platform, Setting, Thing, as_name, megabytes, seconds, text};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::Place;

/// The id of every storage queue, and of every queue of Service Bus: settings of `host.json` hold for all of them.
pub(super) const STORAGE_QUEUES: &str = "azure-storage:*";
pub(super) const SERVICE_BUS: &str = "service-bus:*";

/// The key that says what starts functions.
pub(in crate::import) const TRIGGER: &str = "scaling.azure-consumption.trigger";

/// A function app.
pub(super) fn app(name: &str, place: Place) -> Thing {
    let mut app = Thing::new(Kind::Function, Platform::Azure, as_name(name), place);
    app.ids.push(name.to_owned());
    app
}

/// The Consumption plan. What starts functions is HTTP, unless it is known to be otherwise.
pub(super) fn consumption(app: &mut Thing, most: Option<Setting>) {
    app.set("timeout", seconds(300.0), Origin::Default("not set: 5 minutes on the Consumption plan".to_owned()));
    app.set("memory", text("1536MB"), Origin::Default("an instance of the Consumption plan has 1.5 GB".to_owned()));
    let reason = "HTTP is what starts functions unless the files speak of queues only".to_owned();
    app.set(TRIGGER, text("http"), Origin::Default(reason));
    app.settings.extend(most);
}

/// The plan whose size has this name, with the most and the fewest instances of the app.
pub(super) fn on_plan(app: &mut Thing, size: &str, most: Option<Item<'_>>, least: Option<Item<'_>>, notes: &Notes) {
    // 0 is no limit.
    let is_limit = |item: &Item<'_>| !matches!(item.node.text(), Some("0") | None);
    let most = count("scaling.azure-consumption.max-instances", most.filter(is_limit));
    let size = size.to_uppercase();
    if !size.starts_with("EP") && size != "ELASTICPREMIUM" {
        if !matches!(size.as_str(), "" | "Y1" | "DYNAMIC") {
            let why = format!("the plan {size} does not scale with load: it is simulated as the Consumption plan");
            notes.ignore(app.place, "serverFarmId", why);
        }
        consumption(app, most);
        return;
    }
    let memory = match size.as_str() {
        "EP2" => 7_168.0,
        "EP3" => 14_336.0,
        _ => 3_584.0,
    };
    app.set("memory", megabytes(memory), Origin::Default(format!("an instance of the plan {size}")));
    let reason = "a Premium plan has one at least".to_owned();
    app.set("scaling.azure-consumption.always-ready", "1", Origin::Default(reason));
    let least = least.and_then(|item| item.whole()).filter(|found| found.value > 0);
    app.put("scaling.azure-consumption.always-ready", least, |count| count.to_string());
    app.settings.extend(most);
}

/// The HTTP front end of an app, once: its name.
pub(super) fn http(app: &str, place: Place, model: &mut Model) -> String {
    let name = format!("{app}-http");
    let is_it = |thing: &Thing| thing.kind == Kind::Gateway && thing.is_called(&name);
    if !model.things.iter().any(is_it) {
        let mut gateway = Thing::new(Kind::Gateway, Platform::Azure, as_name(&name), place);
        gateway.ids.push(name.clone());
        let reason = "the HTTP front end of Azure Functions".to_owned();
        gateway.set("preset", text("azure"), Origin::Default(reason));
        model.things.push(gateway);
    }
    name
}

/// A queue, once.
pub(super) fn queue(name: &str, preset: &str, of: &str, place: Place, model: &mut Model) {
    let is_it = |thing: &Thing| thing.kind == Kind::Queue && thing.is_called(name);
    if model.things.iter().any(is_it) {
        return;
    }
    let mut queue = Thing::new(Kind::Queue, Platform::Azure, as_name(name), place);
    queue.ids.extend([name.to_owned(), of.to_owned()]);
    let what = if preset == "service-bus" { "a queue of Service Bus" } else { "a storage queue" };
    queue.set("preset", text(preset), Origin::Default(what.to_owned()));
    model.things.push(queue);
}

/// A queue or a subscription of Service Bus, of which a table says how long a message is locked, how often it is delivered and how
/// long it lives.
pub(super) fn service_bus(table: &Table<'_>, [lock, deliveries, life]: [&'static str; 3]) -> Vec<Setting> {
    let duration = |key: &'static str| {
        let is_finite = |item: &Item<'_>| item.node.text().is_some_and(|text| iso_duration(text).is_some());
        let item = table.get(key).filter(is_finite);
        item.and_then(|item| item.parsed("a duration such as PT30S", iso_duration)).map(|found| found.map(seconds))
    };
    let settings = [
        setting("visibility-timeout", duration(lock)),
        count("max-receives", table.get(deliveries)),
        setting("retention", duration(life)),
    ];
    settings.into_iter().flatten().collect()
}

/// An event hub, once.
pub(super) fn hub(name: &str, place: Place, model: &mut Model) {
    let is_it = |thing: &Thing| thing.kind == Kind::Stream && thing.is_called(name);
    if model.things.iter().any(is_it) {
        return;
    }
    let mut hub = Thing::new(Kind::Stream, Platform::Azure, as_name(name), place);
    hub.ids.push(name.to_owned());
    hub.set("preset", text("event-hubs"), Origin::Default("an event hub".to_owned()));
    model.things.push(hub);
}

/// Seconds of `d.hh:mm:ss`; -1 is without end.
pub(super) fn timespan(text: &str) -> Option<f64> {
    if text == "-1" {
        return Some(86_400.0);
    }
    let (days, rest) = match text.split_once('.') {
        Some((days, rest)) if rest.contains(':') => (days.parse::<f64>().ok()?, rest),
        _ => (0.0, text),
    };
    let parts: Option<Vec<f64>> = rest.split(':').map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = parts?[..] else { return None };
    let all = days * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds;
    (all.is_finite() && all > 0.0).then_some(all)
}

/// Seconds of a duration of ISO 8601, as `PT5M` or `P14D`; none for what is as good as for ever.
pub(super) fn iso_duration(text: &str) -> Option<f64> {
    let (days, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.strip_prefix('P')?, ""));
    let part = |text: &str, units: &[(char, f64)]| {
        let (mut all, mut rest) = (0.0, text);
        while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            let (unit, factor) = units.iter().find(|(unit, _)| rest[at..].starts_with(*unit))?;
            all += rest[..at].parse::<f64>().ok()? * factor;
            rest = &rest[at + unit.len_utf8()..];
        }
        rest.is_empty().then_some(all)
    };
    let all = part(days, &[('D', 86_400.0), ('W', 604_800.0), ('Y', 31_536_000.0)])?
        + part(time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    (all > 0.0 && all < 86_400.0 * 3_650.0).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read() {
        assert_eq!(timespan("00:05:00"), Some(300.0));
        assert_eq!(timespan("1.00:00:30"), Some(86_430.0));
        assert_eq!(timespan("00:00:01.5"), Some(1.5));
        assert_eq!(timespan("5m"), None);
    }

    #[test]
    fn durations_of_iso_8601_are_read() {
        assert_eq!(iso_duration("PT30S"), Some(30.0));
        assert_eq!(iso_duration("PT1H5M"), Some(3_900.0));
        assert_eq!(iso_duration("P14D"), Some(1_209_600.0));
        assert_eq!(iso_duration("P1DT1S"), Some(86_401.0));
        // As Service Bus writes for ever.
        assert_eq!(iso_duration("P10675199DT2H48M5.4775807S"), None);
        assert_eq!(iso_duration("30s"), None);
        assert_eq!(iso_duration("P"), None);
    }
}
