//! Values that a plan recommends, as a patch of the file they came from: comments and order stay as they are. What comes from a
//! parameter is changed at the parameter.

mod diff;

use std::fmt::Write as _;

use diff::{Edit, diff};

use super::model::{Body, Dialect, Kind, Origin, Setting, Thing};
use super::reader::Notes;
use super::tree::Place;
use super::{File, Problems, model, path, text};
use crate::schema::diagnostic::{Problem, SourceSpan, instead};
use crate::time::Span;

/// What the file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// AWS SAM.
    Sam,
    /// AWS CloudFormation.
    CloudFormation,
    /// The Serverless Framework.
    Serverless,
    /// Objects of Kubernetes, Knative, Cloud Run.
    Kubernetes,
    /// Terraform: the file is a plan, and what comes out an override file.
    Terraform,
}

/// A value to write: the dotted key of the scenario, and the value as the scenario has it.
pub type Change = (String, String);

/// The patch of the first of some files that makes these changes. The others are read with it, as values of its parameters.
///
/// # Errors
/// Files that cannot be read, and changes that cannot be made in it: all of them, each with what to write by hand.
pub fn export(form: Form, files: &[File], changes: &[Change]) -> Result<String, Problems> {
    let Some(file) = files.first() else { return Ok(String::new()) };
    let notes = Notes::default();
    let (mut model, names, mut problems) = model(files, &notes)?;
    path::lay(&mut model, "exported", &notes);
    let things: Vec<&Thing> = model.things.iter().filter(|thing| thing.kind != Kind::Source).collect();
    let mut edits = Vec::new();
    let mut blocks: Vec<(String, Vec<String>)> = Vec::new();
    let written = text(file).unwrap_or_default();
    for (key, value) in changes {
        let made = match find(key, &things) {
            Err(help) => Err((format!("{} has no equivalent of `{key}`", file.name), help)),
            Ok((thing, rest)) if form == Form::Terraform => override_of(thing, rest, value, &mut blocks),
            Ok((thing, rest)) => match elsewhere(thing, rest) {
                Some(place) => {
                    let other = names.get(place.file()).map_or("", String::as_str);
                    Err((
                        format!("`{key}` is in {other}:{}", place.line()),
                        format!("change it there: {key} = {value}"),
                    ))
                }
                None => {
                    let others = sharing(thing, rest, value, &things, changes);
                    edit(thing, rest, value, &written, &others).map(|edit| edits.extend(edit))
                }
            },
        };
        if let Err((message, help)) = made {
            problems.push(Problem::error(SourceSpan::new(0, 0..0), message).help(help));
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(if form == Form::Terraform { hcl(&blocks) } else { diff(&file.name, &written, edits) })
}

/// What is wrong, and what to write by hand.
type Refused = (String, String);

/// The thing of a key, as `function.checkout` or `queue.orders`, and the rest of the key.
fn find<'a, 'k>(key: &'k str, things: &[&'a Thing]) -> Result<(&'a Thing, &'k str), String> {
    let mut parts = key.splitn(3, '.');
    let kind = parts.next().unwrap_or_default();
    let of_kind = move || things.iter().filter(move |thing| thing.kind.name() == kind);
    if of_kind().next().is_none() {
        return Err("values of functions and of what stands before them can be exported".to_owned());
    }
    let name = parts.next().unwrap_or_default();
    let known = || instead(name, &format!("its {kind}s are"), of_kind().map(|thing| thing.name.as_str()));
    let rest = parts.next().ok_or_else(known)?;
    let thing = of_kind().find(|thing| thing.name == name).or_else(|| of_kind().find(|thing| thing.is_meant(name)));
    Ok((*thing.ok_or_else(known)?, rest))
}

/// The place of a value that is not in the first file.
fn elsewhere(thing: &Thing, key: &str) -> Option<Place> {
    match thing.settings.iter().find(|setting| setting.key == key)?.origin {
        Origin::Read { place, .. } => Some(place).filter(|place| place.file() > 0),
        _ => None,
    }
}

/// Other values that are read at the place of this one, and that are not changed to the same: of a parameter, of `Globals`.
fn sharing(thing: &Thing, key: &str, value: &str, things: &[&Thing], changes: &[Change]) -> Vec<String> {
    let place = |setting: &Setting| match setting.origin {
        Origin::Read { place, .. } => Some(place),
        _ => None,
    };
    let Some(own) = thing.settings.iter().find(|setting| setting.key == key).and_then(place) else {
        return Vec::new();
    };
    let is_changed = |other: &Thing, setting: &Setting| {
        changes.iter().any(|(key, new)| {
            new == value
                && find(key, things).is_ok_and(|(thing, rest)| std::ptr::eq(thing, other) && rest == setting.key)
        })
    };
    let mut others = Vec::new();
    for other in things {
        for setting in other.settings.iter().filter(|setting| place(setting) == Some(own)) {
            if !is_changed(other, setting) {
                others.push(format!("{}.{}.{}", other.kind.name(), other.name, setting.key));
            }
        }
    }
    others
}

fn edit(thing: &Thing, key: &str, value: &str, text: &str, others: &[String]) -> Result<Vec<Edit>, Refused> {
    let setting = thing.settings.iter().find(|setting| setting.key == key);
    if let Some(Setting { origin: Origin::Read { place, .. }, value: now, .. }) = setting {
        let range = place.range();
        let is_plain = |old: &&str| !old.is_empty() && !old.contains("${") && !old.starts_with(['{', '[', '!']);
        let old = text.get(range.clone()).filter(is_plain);
        let new = spelt(key, value, old.unwrap_or_default());
        if old == Some(&new) || now.trim_matches('"') == value.trim().trim_matches('"') {
            return Ok(Vec::new());
        }
        if !others.is_empty() {
            // What comes from `Globals` can be said by the function itself.
            let is_own =
                |body: &Body| name(body.dialect, key).is_none_or(|name| body.keys.iter().any(|own| own == name));
            if let Some(body) = thing.body.as_ref().filter(|body| !is_own(body)) {
                return insertion(thing, body, key, value, text);
            }
            let message = format!(
                "line {} of the file sets {} too, which the plan does not change to {value}",
                place.line(),
                others.join(", ")
            );
            return Err((message, format!("give them one value in [plan], or change {key} of {} by hand", thing.name)));
        }
        if old.is_none() {
            let message = format!("`{key}` of {} is computed in line {}", thing.name, place.line());
            return Err((message, format!("change it by hand: {key} = {value}")));
        }
        if key == "concurrency.provisioned" && value.trim() == "0" {
            let line = text[..range.start].matches('\n').count();
            return removal(line, text).ok_or_else(|| by_hand(thing, key, value));
        }
        return Ok(vec![Edit::Replace(range, new)]);
    }
    match &thing.body {
        Some(body) => insertion(thing, body, key, value, text),
        None => Err(by_hand(thing, key, value)),
    }
}

/// A key that the function does not have yet, before its first one.
fn insertion(thing: &Thing, body: &Body, key: &str, value: &str, text: &str) -> Result<Vec<Edit>, Refused> {
    let (dialect, place) = (body.dialect, body.first);
    let written = name(dialect, key).or((key == "concurrency.provisioned").then_some("ProvisionedConcurrencyConfig"));
    let has = |name: &str| body.keys.iter().any(|known| known == name);
    if written.is_some_and(has) {
        let message = format!("`{key}` of {} is written as a value known only at deployment", thing.name);
        return Err((message, format!("change it at its source: {key} = {value}")));
    }
    let start = text[..place.range().start].rfind('\n').map_or(0, |at| at + 1);
    let indent = &text[start..place.range().start];
    // In the middle of a line, as in JSON or `{...}`, nothing can be put before it.
    let is_json = text[place.range().start..].starts_with('"');
    if !indent.trim().is_empty() {
        return Err(by_hand(thing, key, value));
    }
    let plain = spelt(key, value, "0");
    if key == "concurrency.provisioned" && plain == "0" {
        return Ok(Vec::new());
    }
    let lines = match (dialect, key) {
        (Dialect::Sam, "concurrency.provisioned") if is_json => {
            let alias = if has(ALIAS) { Vec::new() } else { vec![format!("\"{ALIAS}\": \"live\",")] };
            let config =
                format!("\"ProvisionedConcurrencyConfig\": {{ \"ProvisionedConcurrentExecutions\": {plain} }},");
            [alias, vec![config]].concat()
        }
        (Dialect::Sam, "concurrency.provisioned") => {
            let alias = if has(ALIAS) { Vec::new() } else { vec![format!("{ALIAS}: live")] };
            [
                alias,
                vec!["ProvisionedConcurrencyConfig:".to_owned(), format!("  ProvisionedConcurrentExecutions: {plain}")],
            ]
            .concat()
        }
        _ => match name(dialect, key) {
            Some(name) if is_json => vec![format!("\"{name}\": {plain},")],
            Some(name) => vec![format!("{name}: {plain}")],
            None => return Err(by_hand(thing, key, value)),
        },
    };
    let line = text[..start].matches('\n').count();
    Ok(vec![Edit::Insert(line, lines.into_iter().map(|line| format!("{indent}{line}")).collect())])
}

/// The key by which SAM publishes versions, which provisioned concurrency needs.
pub(super) const ALIAS: &str = "AutoPublishAlias";

/// No provisioned concurrency is said by saying nothing: its line goes, and the line of the block that holds nothing else.
fn removal(line: usize, text: &str) -> Option<Vec<Edit>> {
    let lines: Vec<&str> = text.lines().collect();
    match lines.get(line)?.trim_start().split(':').next()? {
        "provisionedConcurrency" => Some(vec![Edit::Remove(line)]),
        "ProvisionedConcurrentExecutions"
            if lines.get(line.checked_sub(1)?)?.trim() == "ProvisionedConcurrencyConfig:" =>
        {
            Some(vec![Edit::Remove(line - 1), Edit::Remove(line)])
        }
        _ => None,
    }
}

/// What a key is called.
fn name(dialect: Dialect, key: &str) -> Option<&'static str> {
    Some(match (dialect, key) {
        (Dialect::Sam | Dialect::CloudFormation, "memory") => "MemorySize",
        (Dialect::Sam | Dialect::CloudFormation, "timeout") => "Timeout",
        (Dialect::Sam | Dialect::CloudFormation, "concurrency.reserved") => "ReservedConcurrentExecutions",
        (Dialect::Serverless, "memory") => "memorySize",
        (Dialect::Serverless, "timeout") => "timeout",
        (Dialect::Serverless, "concurrency.reserved") => "reservedConcurrency",
        (Dialect::Serverless, "concurrency.provisioned") => "provisionedConcurrency",
        _ => return None,
    })
}

fn by_hand(thing: &Thing, key: &str, value: &str) -> Refused {
    let message = format!("`{key}` of {} is not in the file, so there is no line to change", thing.name);
    (message, format!("add it by hand: {key} = {value}"))
}

/// A value of the scenario as the file writes it: in the unit and the quotes of what stands there.
fn spelt(key: &str, value: &str, old: &str) -> String {
    let value = value.trim().trim_matches('"');
    let bare = old.trim_matches(['"', '\'']);
    let quote = old.chars().next().filter(|first| matches!(first, '"' | '\'')).map(String::from).unwrap_or_default();
    let last = key.rsplit('.').next().unwrap_or(key);
    let megabytes = || {
        let (number, factor) = match (value.strip_suffix("MB"), value.strip_suffix("GB")) {
            (Some(number), _) => (number, 1.0),
            (_, Some(number)) => (number, 1_024.0),
            _ => return None,
        };
        number.trim().parse::<f64>().ok().map(|number| number * factor)
    };
    let new = match (last, megabytes(), value.parse::<Span>()) {
        ("rate", ..) => value.strip_suffix("/s").unwrap_or(value).to_owned(),
        ("memory", Some(mb), _) if bare.bytes().any(|byte| byte.is_ascii_alphabetic()) => format!("{mb}Mi"),
        ("memory", Some(mb), _) => format!("{mb}"),
        ("architecture", ..) => {
            if value == "arm" {
                "arm64".to_owned()
            } else {
                "x86_64".to_owned()
            }
        }
        (_, _, Ok(span)) if bare.ends_with(['s', 'm', 'h']) => format!("{}s", span.as_secs_f64()),
        (_, _, Ok(span)) if value.parse::<f64>().is_err() => format!("{}", span.as_secs_f64()),
        _ => value.to_owned(),
    };
    format!("{quote}{new}{quote}")
}

/// Puts a value into the block of its resource in an override file.
fn override_of(thing: &Thing, key: &str, value: &str, blocks: &mut Vec<(String, Vec<String>)>) -> Result<(), Refused> {
    let address = |setting: &Setting| match &setting.origin {
        Origin::Read { address, .. } => Some(address.clone()),
        _ => None,
    };
    let own = thing.settings.iter().find(|setting| setting.key == key).and_then(address);
    let resource = |address: &str| address.split('.').take(2).collect::<Vec<_>>().join(".");
    let of_function =
        thing.ids.iter().find(|id| id.starts_with("aws_lambda_function.") || id.starts_with("module.")).cloned();
    let attribute = match key {
        "memory" => "memory_size",
        "timeout" => "timeout",
        "concurrency.reserved" => "reserved_concurrent_executions",
        "concurrency.provisioned" => "provisioned_concurrent_executions",
        "consumer.batch-size" => "batch_size",
        "consumer.batch-window" => "maximum_batching_window_in_seconds",
        "consumer.parallelization" => "parallelization_factor",
        "visibility-timeout" => "visibility_timeout_seconds",
        "delay" => "delay_seconds",
        // Of a block in a resource an override file replaces all.
        "consumer.max-concurrency" => "maximum_concurrency",
        _ => return Err(by_hand(thing, key, value)),
    };
    if thing.kind != Kind::Function && own.is_none() {
        return Err(by_hand(thing, key, value));
    }
    let at = match (key, own) {
        ("concurrency.provisioned", None) => {
            return Err((
                format!("{} has no aws_lambda_provisioned_concurrency_config", thing.name),
                format!("add one: {key} = {value}"),
            ));
        }
        ("concurrency.provisioned", Some(own)) => own,
        (_, own) => own.or(of_function).unwrap_or_default(),
    };
    if at.starts_with("module.") {
        let message = format!("{} is in a module, which an override file cannot reach", thing.name);
        return Err((message, format!("set the module\'s variable instead: {attribute} = {}", spelt(key, value, "0"))));
    }
    // Blocks within a resource have a number too.
    if resource(&at).contains('[') {
        let message =
            format!("{at} is one of several instances of a resource, which an override file cannot tell apart");
        return Err((
            message,
            format!("change what its `count` or `for_each` takes: {attribute} = {}", spelt(key, value, "0")),
        ));
    }
    if attribute == "provisioned_concurrent_executions" && value.trim() == "0" {
        let message = format!("an override file cannot remove {}", resource(&at));
        return Err((message, "remove the resource: no provisioned concurrency is recommended".to_owned()));
    }
    let at = resource(&at);
    let line = match attribute {
        "maximum_concurrency" => format!("  scaling_config {{\n    {attribute} = {}\n  }}", spelt(key, value, "0")),
        _ => format!("  {attribute} = {}", spelt(key, value, "0")),
    };
    match blocks.iter_mut().find(|(known, _)| *known == at) {
        Some((_, lines)) => lines.push(line),
        None => blocks.push((at, vec![line])),
    }
    Ok(())
}

/// An override file of Terraform.
fn hcl(blocks: &[(String, Vec<String>)]) -> String {
    let mut out =
        "# Save as forewarm_override.tf: Terraform merges it over the resources of the same name.\n".to_owned();
    for (address, lines) in blocks {
        let (kind, name) = address.split_once('.').unwrap_or((address, ""));
        let _ = writeln!(out, "resource \"{kind}\" \"{name}\" {{\n{}\n}}", lines.join("\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(form: Form, name: &str, text: &str, changes: &[(&str, &str)]) -> String {
        let file = File { name: name.to_owned(), bytes: text.as_bytes().to_vec() };
        let changes: Vec<Change> =
            changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        export(form, &[file], &changes).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn values_are_spelt_as_the_file_does() {
        let cases = [
            ("memory", "1GB", "512", "1024"),
            ("memory", "768MB", "\"512Mi\"", "\"768Mi\""),
            ("timeout", "1m30s", "10", "90"),
            ("scaling.knative.window", "1m", "40s", "60s"),
            ("concurrency.provisioned", "7", "\'3\'", "\'7\'"),
            ("scaling.knative.target", "150", "\"10\"", "\"150\""),
        ];
        for (key, value, old, expected) in cases {
            assert_eq!(spelt(key, value, old), expected, "{key} {value}");
        }
    }

    #[test]
    fn a_parameter_is_changed_where_it_has_its_default() {
        let text = "Parameters:\n  Mem:\n    Type: Number\n    Default: 512 # MB\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      MemorySize: !Ref Mem\n";
        let diff = patched(
            Form::Sam,
            "t.yaml",
            text,
            &[("function.F.memory", "1024MB"), ("function.F.concurrency.provisioned", "3")],
        );
        assert!(diff.contains("-    Default: 512 # MB\n+    Default: 1024 # MB\n"), "{diff}");
        assert!(diff.contains("+      AutoPublishAlias: live\n+      ProvisionedConcurrencyConfig:\n+        ProvisionedConcurrentExecutions: 3\n"), "{diff}");
    }

    #[test]
    fn no_provisioned_concurrency_is_said_by_nothing() {
        let text = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      ProvisionedConcurrencyConfig:\n        ProvisionedConcurrentExecutions: 5\n      Timeout: 3\n";
        let diff = patched(Form::Sam, "t.yaml", text, &[("function.F.concurrency.provisioned", "0")]);
        assert!(
            diff.contains(
                "-      ProvisionedConcurrencyConfig:\n-        ProvisionedConcurrentExecutions: 5\n       Timeout: 3\n"
            ),
            "{diff}"
        );
        let none = patched(
            Form::Sam,
            "t.yaml",
            &text.replace("      ProvisionedConcurrencyConfig:\n        ProvisionedConcurrentExecutions: 5\n", ""),
            &[("function.F.concurrency.provisioned", "0")],
        );
        assert_eq!(none, "");
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let text = "Resources:\n  F: {Type: AWS::Lambda::Function, Properties: {Timeout: 3}}\n";
        let file = File { name: "t.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        let change = |key: &str| {
            export(Form::CloudFormation, std::slice::from_ref(&file), &[(key.to_owned(), "1GB".to_owned())])
                .unwrap_err()
                .to_string()
        };
        assert!(change("function.F.memory").contains("add it by hand"), "{}", change("function.F.memory"));
        assert!(
            change("function.G.memory").contains("its functions are")
                || change("function.G.memory").contains("did you mean")
        );
        assert!(change("queue.Jobs.delay").contains("what stands before them"), "{}", change("queue.Jobs.delay"));
    }

    #[test]
    fn values_of_the_path_are_changed_where_they_stand() {
        let template = include_str!("../../tests/import/shop.yaml");
        let diff = patched(
            Form::Sam,
            "shop.yaml",
            template,
            &[
                ("queue.Jobs.consumer.batch-size", "20"),
                ("queue.Jobs.consumer.max-concurrency", "16"),
                ("queue.Jobs.visibility-timeout", "3m"),
                ("gateway.Api-Orders.throttle.rate", "500/s"),
                ("gateway.Api-Orders.throttle.burst", "800"),
                // The API has one throttle for all of its methods.
                ("gateway.Api-Catalog.throttle.rate", "500/s"),
                ("gateway.Api-Catalog.throttle.burst", "800"),
                ("stream.Clicks.consumer.parallelization", "4"),
            ],
        );
        for line in [
            "+            BatchSize: 20",
            "+            ScalingConfig: {MaximumConcurrency: 16}",
            "+      VisibilityTimeout: 180",
            "+          ThrottlingRateLimit: 500",
            "+          ThrottlingBurstLimit: 800",
            "+            ParallelizationFactor: 4",
        ] {
            assert!(diff.lines().any(|other| other == line), "{line}\n{diff}");
        }
        let plan = include_str!("../../tests/import/plan.json");
        let file = patched(
            Form::Terraform,
            "plan.json",
            plan,
            &[
                ("queue.jobs.consumer.batch-size", "25"),
                ("queue.jobs.consumer.max-concurrency", "12"),
                ("queue.jobs.visibility-timeout", "2m"),
            ],
        );
        assert!(
            file.contains("resource \"aws_lambda_event_source_mapping\" \"jobs\" {\n  batch_size = 25\n  scaling_config {\n    maximum_concurrency = 12\n  }\n}")
                && file.contains("resource \"aws_sqs_queue\" \"jobs\" {\n  visibility_timeout_seconds = 120\n}"),
            "{file}"
        );
    }

    #[test]
    fn terraform_gets_an_override_file() {
        let plan = include_str!("../../tests/import/plan.json");
        let file = patched(
            Form::Terraform,
            "plan.json",
            plan,
            &[("function.shop-api.memory", "1024MB"), ("function.shop-api.timeout", "20s")],
        );
        assert!(
            file.contains("resource \"aws_lambda_function\" \"api\" {\n  memory_size = 1024\n  timeout = 20\n}"),
            "{file}"
        );
    }
}
