//! The documentation is true: its commands are run and their output compared; reference pages are made from the program's
//! own tables. `FOREWARM_BLESS=1 cargo test docs` writes the reference pages anew.
//!
//! In a `console` block a line `$ forewarm ...` is run; the lines below it are its output, in which `...` stands for any
//! lines and `[..]` for anything in a line. `? 1` is the exit code, if it is not 0.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use forewarm::metric::{Better, metrics};
use forewarm::path;
use forewarm::scenario::{registry, schema};
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![Path::new(ROOT).join("README.md")];
    let mut folders = vec![Path::new(ROOT).join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("docs") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// A command and the output it is said to have.
struct Example {
    command: String,
    output: Vec<String>,
    code: i32,
}

/// The examples of a page; the command that runs these very tests is left out.
fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_inside) {
            examples.push(Example { command: command.to_owned(), output: Vec::new(), code: 0 });
        } else if let Some(example) = examples.last_mut().filter(|_| is_inside) {
            match line.strip_prefix("? ") {
                Some(code) => example.code = code.parse().expect("an exit code"),
                None => example.output.push(line.to_owned()),
            }
        }
    }
    examples.retain(|example| example.command != "cargo test");
    examples
}

fn run(example: &Example, folder: &Path) -> Result<(), String> {
    let typed = example.command.replace("cargo run --release -- ", "forewarm ");
    let mut words = typed.split(' ');
    assert_eq!(words.next(), Some("forewarm"), "only forewarm is run: {typed}");
    let mut command = Command::cargo_bin("forewarm").expect("the program");
    // Quotes are there for the shell.
    let words = words.map(|word| word.replace('\'', ""));
    let output = command.args(words).current_dir(folder).env_remove("CLICOLOR_FORCE").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let expected: Vec<&str> = example.output.iter().map(String::as_str).collect();
    // Changing a value may miss an objective: what is shown decides, unless a code is written.
    let missed = output.status.code() == Some(1) && expected.iter().any(|line| line.contains("NOT MET"));
    let refused = expected.first().is_some_and(|line| line.starts_with("error"));
    if output.status.code() != Some(example.code) && !missed && !refused {
        return Err(format!("{typed}\nended with {:?}:\n{text}", output.status.code()));
    }
    if matches(&expected, &lines) { Ok(()) } else { Err(format!("{typed}\nprinted:\n{text}")) }
}

/// `...` is any lines, `[..]` anything in a line.
fn matches(expected: &[&str], lines: &[&str]) -> bool {
    match (expected.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..])),
        (Some((wanted, rest)), Some((line, others))) => fits(wanted, line) && matches(rest, others),
        _ => false,
    }
}

fn fits(wanted: &str, line: &str) -> bool {
    match wanted.split_once("[..]") {
        None => wanted == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            line.char_indices().map(|(at, _)| at).chain([line.len()]).any(|at| fits(rest, &line[at..]))
        }),
    }
}

/// Copies the files of a folder of the project to the same place below another.
fn copy(name: &str, to: &Path) {
    fs::create_dir_all(to.join(name)).expect("a folder");
    for entry in fs::read_dir(Path::new(ROOT).join(name)).expect("files") {
        let path = entry.expect("an entry").path();
        let within = format!("{name}/{}", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() {
            copy(&within, to);
        } else {
            fs::copy(&path, to.join(within)).expect("a copy");
        }
    }
}

#[test]
fn examples_do_what_they_say() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let folder = tempfile::tempdir().expect("a folder");
        for copied in ["scenarios", "tests/import", "tests/fit", "docs/policies"] {
            copy(copied, folder.path());
        }
        for example in examples(&fs::read_to_string(&page).expect("a page")) {
            count += 1;
            wrong.extend(run(&example, folder.path()).err().map(|error| format!("{}: {error}", page.display())));
        }
    }
    assert!(count >= 15, "{count} examples");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_preset_has_a_row_of_what_it_was_compared_with() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/background/trust.md")).expect("a page");
    for platform in registry::platforms() {
        let row = format!("\n| `{}` | ", platform.name);
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.starts_with("http") {
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let path = if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
                assert!(path.exists(), "{}: {target}", page.display());
                let anchors = |text: &str| -> Vec<String> {
                    let headings = text.lines().filter(|line| line.starts_with('#'));
                    headings.map(|line| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-")).collect()
                };
                let is_there = anchor.is_empty()
                    || anchors(&fs::read_to_string(&path).expect("a page")).iter().any(|one| one == anchor);
                assert!(is_there, "{}: {target}", page.display());
            }
        }
    }
}

#[test]
fn scenarios_in_the_pages_are_toml() {
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            block.parse::<toml::Table>().unwrap_or_else(|error| panic!("{}: {error}\n{block}", page.display()));
        }
    }
}

#[test]
fn the_reference_is_what_the_program_knows() {
    keep("docs/reference/scenario.md", &scenario_reference());
    keep("docs/reference/results.md", &results_reference());
}

/// Compares a page with what it should be, or writes it.
fn keep(page: &str, text: &str) {
    let path = Path::new(ROOT).join(page);
    if std::env::var_os("FOREWARM_BLESS").is_some() {
        fs::write(&path, text).expect("a page");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{page} is out of date: FOREWARM_BLESS=1 cargo test docs");
}

fn results_reference() -> String {
    let mut text = "# Results\n\nGenerated from the program's own tables.\n\n\
        | file | content |\n|---|---|\n\
        | `manifest.json` | version, kind of result, command, hash and full text of the scenario, seed, replications, threads, wall time, speed, the names of all other files |\n\
        | `summary.json` | every metric below, of the total and of each function; objectives; events by kind; limits that were reached |\n\
        | `functions.csv` | a row for each function |\n\
        | `timeline.csv` | a row for each interval and function, up to about 48,000 rows; with more, the total only |\n\
        | `charts.json` | additional data for the charts of `forewarm report`: the length of an interval, limits, distributions as bins (lower edge s, upper edge s, share) |\n\
        | `latency.svg`, `distribution.svg`, `wait.svg`, `instances.svg`, `limits.svg`, `cost.svg` | charts |\n\
        | `map.svg` | where requests are on a path: the map of the system |\n\
        | `warm-up.svg` | with warm-up = \"auto\": the pilot run and its truncation |\n\
        | `report.html` | the report, self-contained |\n\n\
        `forewarm compare` writes the manifest, the report, and\n\n\
        | file | content |\n|---|---|\n\
        | `comparison.json` | the method; every variant and metric compared with the baseline (`contrasts`); the summary of each contender |\n\
        | `comparison.csv` | a row for each variant and metric; confidence of its interval, verdict |\n\
        | `timeline.csv` | a row for each interval and contender, all functions together |\n\
        | `tradeoff.svg`, `cold-starts.svg`, `instances.svg` | charts |\n\n\
        `forewarm report DIR...` rebuilds the report from these files, as HTML, as Markdown or for print.\n\n\
        `forewarm sweep` writes the manifest, the report, and\n\n\
        | file | content |\n|---|---|\n\
        | `sweep.parquet`, `sweep.csv` | a row for each configuration: its number, the values of its keys in base units (s, MB, 1/s), \
        replications, whether all objectives are met, and for each metric of the total, and of functions that objectives name, \
        `METRIC` (the mean) and `METRIC_half_width`; units are in the metadata of the Parquet fields |\n\
        | `parameter.svg`, `map.svg`, `tradeoff.svg`, `sensitivity.svg` | charts |\n\n\
        `forewarm plan` writes the manifest, the report, and\n\n\
        | file | content |\n|---|---|\n\
        | `plan.json` | everything in the report: configurations, objectives, headroom, what each objective costs |\n\
        | `plan.csv` | a row for each evaluated configuration: its values, the verdict, the monthly cost and each \
        objective with `_low` and `_high`, the ends of a simultaneous confidence interval; `best`, `front` |\n\
        | `front.svg`, `headroom.svg` | charts |\n\n\
        `forewarm chaos` writes the manifest, the report, and\n\n\
        | file | content |\n|---|---|\n\
        | `chaos.json` | when each fault starts (`at_s`) and how long it lasts (`lasts_s`); `undisturbed`, the run without a fault; \
        `effects`, one for each fault, the most harmful first: `lost` requests, `lost_messages`, `p99_s` during the fault beside \
        `undisturbed_p99_s`, `recovered_after_s` (null: not by the horizon), additional `cost_usd` |\n\
        | `chaos.csv` | a row for each fault, the most harmful first |\n\n\
        Columns have the same names everywhere: a metric has underscores instead of dots, as in `latency_s_p99`; in tables that are \
        not by function, a metric of one function is `function.NAME.latency_s_p99`; scenario keys keep their dots.\n\n\
        Times are in seconds, money in US dollars. Counts are per replication, for the measured period. Each metric is\n\
        `{\"mean\": x, \"half_width\": h}` over replications; h is the half-width of the 95 % interval, null with one replication.\n\
        `monthly_cost_usd` also has the ends of that interval, `low` and `high`.\n\n\
        If applicable, `summary.json` also has (see [Statistics](../background/statistics.md)): `precision`, as requested and\n\
        reached; `rare`, ratios with fewer than ten observed events, with `seen`, `of`, `low` and `high`; `warm_up`, as determined\n\
        by a pilot run; `batch_means`, the batches and whether they are independent. With batch means, peaks, maxima, lifespans,\n\
        costs and numbers of events have a `half_width` of null.\n\n\
        With a request path (see [The request path](../background/request-path.md)): `sources`, with `failed_by` and\n\
        `attempts_per_request`; `clients`, `gateways`, `queues`, `asynchronous`, `topics`, `streams`, `dependencies`,\n\
        `workflows` and `routers`, with the counters of each component; `timeline.csv` has rows `source.NAME` with `attempts`\n\
        as a last column. `batching` has functions that serve requests in batches: `ttft_s`, the time from the arrival of a request\n\
        to its first token, `tpot_s`, the mean time from one token to the next of each request, `output_tokens` and\n\
        `output_tokens_per_s`. `stability` states whether the run, each function and each component that stores messages\n\
        is `stable`, `backlogged` or `overloaded`. `calls` has who called whom (`from`, `to`): calls = succeeded + failed +\n\
        abandoned + open, each made in the measured part; of a source that calls a function itself they are its requests.\n\
        `latency_parts` has where the latency of successful requests went along the critical path (`at`; of functions `part`), as a\n\
        `share` of all of it and of that of the slowest 1 %; of many requests 8,192 or fewer are sampled.\n\n\
        `faults` has of each `[[fault]]` its `kind` and `target`, `at_s` and `lasts_s` (null: at random), how many `times` it began,\n\
        `active_s`, and what was lost: `lost` requests (those that failed and were in progress at some moment of it), `lost_messages`\n\
        (dead-lettered, expired, skipped or dropped while it was active) and `lost_work_s` (time that instances spent on invocations\n\
        that failed while it was active). `recovered` is how many times requests were as before it by the end of the run, and\n\
        `recovered_after_s` how long after its end: at the start of three intervals of the time series in a row whose requests have at\n\
        least 95 % of the success ratio, and at most twice the median latency, that requests had before the fault first began.\n\n\
        `alarms` has of each `[[alarm]]` in how many `replications` it went off, `first_at_s`, how many `times`, `in_alarm_ratio`\n\
        of its periods, and its `changes` in the first replication: `at_s`, the end of the period that decided it, and the `state`\n\
        (`insufficient-data`, `ok`, `alarm`).\n\n\
        `forewarm run` also writes files that are asked for: `--requests`, `--timeline`, `--decisions`, `--metrics`, `--traces`\n\
        (see [Observe a run](../how-to/observe.md)).\n\n\
        With node groups (see [Machines](../background/machines.md)): `nodes`, each group with `count`, `node_seconds`, `cpu_utilization`\n\
        and `memory_utilization` (requests of instances over what nodes have), `pending_pods`, `pending_s` and `image_s` (how long\n\
        instances waited for a node and for their image), `cpu_stranded_share` and `memory_stranded_share` (what is free where no instance\n\
        fits any more), `cpu_contention` (the part of node-seconds in which instances ask for more CPU than there is), `pods` by what became of\n\
        them, `nodes`, `short_of` (what nodes had too little of when an instance had to wait) and `cost_usd`. An instance that waits is in the\n\
        books of the first group on which it fits. `starts` has `node_s` and `image_s` of the instances of each function. `timeline.csv` has\n\
        rows `node-group.NAME`, with `nodes_mean`, `pending_pods_mean`, `cpu_utilization` and `memory_utilization` as its last columns.\n\n\
        | metric | unit | better | meaning |\n|---|---|---|---|\n"
        .to_owned();
    for metric in metrics() {
        let better = match metric.better {
            Some(Better::Lower) => "lower",
            Some(Better::Higher) => "higher",
            None => "",
        };
        let _ = writeln!(text, "| `{}` | {} | {better} | {} |", metric.key, metric.quantity.unit(), metric.about);
    }
    components_reference(&mut text);
    text
}

/// The metrics of components, and what alarms can watch.
fn components_reference(text: &mut String) {
    text.push_str(
        "\n## Components of the path\n\nEach has, below its group and name, as in `queues.orders.age_s.p99`:\n\n\
        | component | metrics |\n|---|---|\n",
    );
    let listed =
        |keys: &mut dyn Iterator<Item = &str>| keys.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    for kind in path::kinds() {
        let keys = listed(&mut kind.metrics().iter().map(|metric| metric.key.as_str()));
        let _ = writeln!(text, "| `{}` | {keys} |", kind.group);
    }
    text.push_str("\n## What alarms watch\n\nPeriod by period:\n\n| of | metrics |\n|---|---|\n");
    for kind in
        ["total", "source", "function", "node-group"].into_iter().chain(path::kinds().iter().map(|kind| kind.kind))
    {
        let signals = path::signals_of(kind);
        let keys = listed(&mut signals.iter().map(|(name, _)| name.as_str()));
        let name = if kind == "total" { "all requests".to_owned() } else { format!("`{kind}`") };
        if kind != "client" {
            let _ = writeln!(text, "| {name} | {keys} |");
        }
    }
}

fn scenario_reference() -> String {
    let mut text = "# The scenario file\n\nGenerated from the program's own tables; `forewarm schema` prints them for editors.\n\n\
        Quantities have units: durations `ns us ms s m h d` (`\"1m30s\"`), sizes `MB GB` (1 GB = 1024 MB), rates `/s /m /h /d`.\n\
        Keys are kebab-case; an unknown key is an error. Where a table *names a kind*, it has one key, the kind, as in\n\
        `[function.duration.log-normal]`.\n"
        .to_owned();
    section(&mut text, "", &schema(), &mut Vec::new());
    text
}

/// The keys of a table, then the tables in it. A kind of table that was shown before is only named.
fn section(text: &mut String, path: &str, table: &Value, shown: &mut Vec<(Value, String)>) {
    let Some(properties) = table["properties"].as_object() else { return };
    if !path.is_empty() {
        let _ = write!(text, "\n## `{path}`\n\n{}\n", about(table));
    }
    text.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    let required: Vec<&str> = table["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut inner = Vec::new();
    for (key, value) in properties {
        let default = match value.get("default") {
            Some(default) if default.is_object() || default.is_array() => String::new(),
            Some(default) => format!("`{default}`"),
            None if required.contains(&key.as_str()) => "required".to_owned(),
            None => String::new(),
        };
        let _ = writeln!(text, "| `{key}` | {} | {default} | {} |", kind(value), about(value));
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        inner.push((below, element(value).clone()));
    }
    for value in table["patternProperties"].as_object().into_iter().flatten().map(|(_, value)| value) {
        let _ = writeln!(text, "| `\"KEY\"` | {} | | {} |", kind(value), about(value));
    }
    for (below, value) in inner {
        // The same table is described once: distributions stand in many places.
        if let Some((_, first)) = shown.iter().find(|(known, _)| same(known, &value)) {
            if value["oneOf"].is_array() || value["properties"].is_object() {
                let _ = write!(text, "\n## `{below}`\n\nAs `{first}`.\n");
            }
            continue;
        }
        if value["properties"].is_object() || value["oneOf"].is_array() || value["anyOf"].is_array() {
            shown.push((value.clone(), below.clone()));
        }
        if value["properties"].is_object() {
            section(text, &below, &value, shown);
        }
        kinds(text, &below, &value, shown);
    }
}

/// The kinds of a table that names one.
fn kinds(text: &mut String, path: &str, value: &Value, shown: &mut Vec<(Value, String)>) {
    let choices: Vec<&Value> = ["oneOf", "anyOf"].iter().filter_map(|key| value[key].as_array()).flatten().collect();
    for choice in &choices {
        if choice["oneOf"].is_array() || choice["anyOf"].is_array() {
            kinds(text, path, choice, shown);
        }
    }
    let named: Vec<(&String, &Value)> = choices
        .iter()
        .filter_map(|choice| choice["properties"].as_object())
        .filter(|properties| properties.len() == 1)
        .filter_map(|properties| properties.iter().next())
        .collect();
    if named.is_empty() {
        return;
    }
    let _ = write!(text, "\n## `{path}`: kinds\n\n{}\n\n| kind | keys | meaning |\n|---|---|---|\n", about(value));
    for (kind_name, table) in &named {
        let keys: Vec<String> = table["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("`{key}` ({})", kind(value)))
            .collect();
        let _ = writeln!(text, "| `{kind_name}` | {} | {} |", keys.join(", "), about(table));
    }
    let _ = shown;
}

/// What a value may be, in a word.
fn kind(value: &Value) -> String {
    let pattern = value["pattern"].as_str().unwrap_or_default();
    let choices: Vec<&Value> = ["oneOf", "anyOf"].iter().filter_map(|key| value[key].as_array()).flatten().collect();
    if !choices.is_empty() {
        let words: Vec<String> = choices
            .iter()
            .map(|choice| match &choice["const"] {
                Value::Null if choice["properties"].is_object() => "table".to_owned(),
                Value::Null => kind(choice),
                word => format!("`{word}`"),
            })
            .collect();
        let mut unique: Vec<String> = Vec::new();
        words.into_iter().filter(|word| !word.is_empty()).for_each(|word| {
            if !unique.contains(&word) {
                unique.push(word);
            }
        });
        return unique.join(", ");
    }
    match value["type"].as_str() {
        Some("string") if pattern.contains("ns|us|ms") => "duration".to_owned(),
        Some("string") if pattern.contains("bit") => "bandwidth".to_owned(),
        Some("string") if pattern.contains("MB|GB") => "size".to_owned(),
        Some("string") if pattern.contains("/") => "rate".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer") => match (value["minimum"].as_u64(), value["maximum"].as_u64()) {
            (Some(least), Some(most)) if most < 1 << 53 => format!("{least} to {most}"),
            _ => "whole number".to_owned(),
        },
        Some("number") => "number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => format!("list of {}", kind(&value["items"])),
        Some("object") => "table".to_owned(),
        _ => String::new(),
    }
}

/// What a list is a list of, and the table that may be "none" or a list instead.
fn element(value: &Value) -> &Value {
    let choices = value["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
    match choices {
        [none, table] if none["const"] == "none" && table["properties"].is_object() => table,
        [none, several] if none["const"] == "none" && several["anyOf"].is_array() => element(several),
        [table, list] if table["properties"].is_object() && list["type"] == "array" => table,
        _ if value["type"] == "array" => &value["items"],
        _ => value,
    }
}

fn about(value: &Value) -> String {
    value["description"].as_str().unwrap_or_default().replace('|', "\\|")
}

/// Whether two tables have the same keys with the same meaning.
fn same(a: &Value, b: &Value) -> bool {
    let of = |value: &Value| (value["properties"].clone(), value["oneOf"].clone(), value["anyOf"].clone());
    of(a) == of(b)
}
