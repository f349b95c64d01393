//! What all descriptions of AWS Lambda functions share, however they spell it.

use crate::import::model::{Kind, Link, Origin, Platform, Setting, Thing, as_name, megabytes, number, seconds, text};
use crate::import::reader::{Found, Item, Notes};
use crate::import::tree::Place;

/// A function with the defaults of AWS Lambda.
pub(super) fn function(name: &str, place: Place) -> Thing {
    let mut function = Thing::new(Kind::Function, Platform::Lambda, as_name(name), place);
    function.ids.push(name.to_owned());
    function.set("memory", megabytes(128.0), Origin::Default("not set: AWS Lambda's default is 128 MB".to_owned()));
    function.set("timeout", seconds(3.0), Origin::Default("not set: AWS Lambda's default is 3 s".to_owned()));
    function
}

/// The memory, in MB.
pub(super) fn memory(function: &mut Thing, found: Option<Found<f64>>) {
    function.put("memory", found, megabytes);
}

/// The timeout, in seconds.
pub(super) fn timeout(function: &mut Thing, found: Option<Found<f64>>) {
    function.put("timeout", found, seconds);
}

/// `arm64` or `x86_64`, as a text or as a list of one.
pub(super) fn architecture(function: &mut Thing, item: Option<Item<'_>>) {
    let Some(item) = item else { return };
    let item = item.elements().into_iter().next().unwrap_or(item);
    let found = item.parsed("arm64 or x86_64", |text| match text {
        "arm64" => Some("arm"),
        "x86_64" => Some("x86"),
        _ => None,
    });
    function.put("architecture", found, text);
}

/// Runtimes whose cold start the preset has measured.
const MEASURED: [&str; 14] = [
    "dotnet10",
    "dotnet10-aot",
    "dotnet8",
    "go",
    "graalvm-java21",
    "java21",
    "java25",
    "llrt",
    "nodejs22",
    "nodejs24",
    "python3.13",
    "python3.14",
    "ruby3.4",
    "rust",
];

/// The runtime: the nearest whose cold start is known.
pub(super) fn runtime(function: &mut Thing, item: Option<Item<'_>>) {
    let Some(found) = item.and_then(|item| item.text()) else { return };
    let name = found.value.trim().trim_end_matches(".x").to_owned();
    if MEASURED.contains(&name.as_str()) {
        function.set("runtime", text(name), found.origin);
        return;
    }
    let nearest = match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "nodejs" => "nodejs22",
        "python" => "python3.13",
        "java" | "java8.al" => "java21",
        "dotnet" | "dotnetcore" => "dotnet8",
        "ruby" => "ruby3.4",
        "go" => "go",
        "provided.al" | "provided" => "rust",
        _ => return,
    };
    let reason = format!("no measured cold start for {name}: {nearest} is used instead");
    function.set("runtime", text(nearest), Origin::Default(reason));
}

/// `Zip` or `Image`.
pub(super) fn package(function: &mut Thing, item: Option<Item<'_>>) {
    let found = item.and_then(|item| {
        item.parsed("Zip or Image", |text| match text {
            "Zip" => Some("zip"),
            "Image" => Some("image"),
            _ => None,
        })
    });
    function.put("package", found, text);
}

/// Reserved concurrency; -1 is none, in Terraform.
pub(super) fn reserved(function: &mut Thing, item: Option<Item<'_>>) {
    let found = item.and_then(|item| item.number()).filter(|found| found.value >= 0.0);
    function.put("concurrency.reserved", found, number);
}

/// Provisioned concurrency.
pub(super) fn provisioned(item: Option<Item<'_>>) -> Vec<Setting> {
    let found = item.and_then(|item| item.whole()).filter(|found| found.value > 0);
    setting("concurrency.provisioned", found.map(|found| found.map(|count| count.to_string()))).into_iter().collect()
}

/// SnapStart, which needs what no file says.
pub(super) fn snap_start(item: Option<Item<'_>>, notes: &Notes) {
    if let Some(item) = item
        && item.node.text().is_some_and(|text| text != "None")
    {
        let why = "not simulated: needs the restore time; set `cold-start.snapshot` to your measurement";
        notes.ignore(item.node.place, item.address, why);
    }
}

/// A setting, if it was found.
pub(super) fn setting(key: &str, found: Option<Found<String>>) -> Option<Setting> {
    found.map(|Found { value, origin }| Setting { key: key.to_owned(), value, origin })
}

/// A duration in seconds.
pub(super) fn duration(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    setting(key, item.and_then(|item| item.number()).map(|found| found.map(seconds)))
}

/// A whole number.
pub(super) fn count(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    setting(key, item.and_then(|item| item.whole()).map(|found| found.map(|count| count.to_string())))
}

/// A truth value.
pub(super) fn flag(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    setting(key, item.and_then(|item| item.flag()).map(|found| found.map(|is| is.to_string())))
}

/// Whether single failed messages of a batch are handed back.
pub(super) fn partial_failure(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    let item = item?;
    let names: Vec<_> = item.elements();
    let is = names.iter().chain([&item]).any(|name| name.node.text() == Some("ReportBatchItemFailures"));
    Some(Setting { key: key.to_owned(), value: is.to_string(), origin: item.origin() })
}

/// A link from something to a function.
pub(super) fn link(
    kind: Kind,
    from: Vec<String>,
    function: &str,
    place: Place,
    settings: Vec<Option<Setting>>,
) -> Link {
    let settings = settings.into_iter().flatten().collect();
    Link { from, kind, to: vec![function.to_owned()], place, settings }
}

/// How often a schedule fires: `rate(5 minutes)`, `cron(...)`.
pub(super) fn schedule(item: Option<Item<'_>>, notes: &Notes) -> Option<Setting> {
    let item = item?;
    let found = item.text()?;
    let written = found.value.trim().to_owned();
    if let Some(rate) = written.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')) {
        let mut words = rate.split_whitespace();
        let every = words.next().and_then(|number| number.parse::<f64>().ok());
        let unit = words.next().and_then(|unit| match unit.trim_end_matches('s') {
            "minute" => Some(60.0),
            "hour" => Some(3_600.0),
            "day" => Some(86_400.0),
            _ => None,
        });
        if let (Some(every), Some(unit)) = (every.filter(|every| *every > 0.0), unit) {
            return Some(Setting { key: "every".to_owned(), value: seconds(every * unit), origin: found.origin });
        }
    }
    if let Some(cron) = written.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')')) {
        return Some(Setting { key: "cron".to_owned(), value: text(cron), origin: found.origin });
    }
    let why = format!("`{written}` is neither rate(...) nor cron(...)");
    notes.ignore(item.node.place, item.address, why);
    None
}
