//! From files that describe infrastructure to a scenario: what they say, what has to be assumed, what is ignored, each with
//! the line it comes from. Nothing here calls a cloud: it reads texts.
//!
//! | file | does |
//! |---|---|
//! | `yaml`, `json` | a text as a `tree` of values that know their places |
//! | `reader` | reads maps key by key, and remembers what nobody read |
//! | `formats` | a file for each format: from trees to the `model` |
//! | `model` | functions, queues, gateways with settings, and how they refer to each other |
//! | `join` | puts together what several files say |
//! | `path`, `workflow` | what hands requests to what, as components with targets |
//! | `traffic` | what no infrastructure file says: how much comes, how long it runs |
//! | `export` | values of a plan as a patch of the files they came from |
//! | `write` | the scenario, and the list of what was understood, assumed and ignored |

pub mod export;
mod formats;
mod join;
mod json;
mod machine;
mod model;
mod path;
mod reader;
mod traffic;
mod tree;
mod workflow;
mod write;
mod yaml;

use std::sync::Arc;

use crate::schema::diagnostic::{Problem, Problems, SourceSpan};
use formats::{FORMATS, parameters};
use model::Model;
use reader::Notes;
pub use traffic::{Recorded, Traffic};
use tree::Node;
pub use write::Imported;

/// Bytes of a file; no template has more.
pub const MAX_BYTES: usize = 64 << 20;

/// Resources that files describe, with what connects them.
pub const MAX_RESOURCES: usize = 10_000;

/// A file to import.
#[derive(Clone, Debug)]
pub struct File {
    /// What it is called in messages, usually its path.
    pub name: String,
    /// What is in it; more than [`MAX_BYTES`] are refused.
    pub bytes: Vec<u8>,
}

/// Makes a scenario, called `name`, of what files describe.
///
/// # Errors
/// Files that are not what they should be, all at once.
pub fn import(name: &str, files: &[File], traffic: &Traffic) -> Result<Imported, Problems> {
    let notes = Notes::default();
    let (mut model, names, mut problems) = model(files, &notes)?;
    if model.functions().next().is_none() {
        let message = "these files describe no function, service or deployment";
        let mut problem = Problem::error(SourceSpan::new(0, 0..0), message);
        for note in notes.into_ignored().into_iter().take(5) {
            problem = problem.help(format!("ignored: {}: {}", note.what, note.why));
        }
        problems.push(problem);
        return Err(problems);
    }
    path::lay(&mut model, name, &notes);
    traffic::complete(&mut model, traffic, &notes);
    Ok(write::write(name, &model, &notes.into_ignored(), names))
}

/// What files describe, and their names by number.
fn model(files: &[File], notes: &Notes) -> Result<(Model, Vec<String>, Problems), Problems> {
    let mut problems = Problems::default();
    let mut model = Model::default();
    let mut names: Vec<String> = Vec::new();
    let mut parsed: Vec<(String, Vec<Node>)> = Vec::new();
    for file in files {
        let text: Arc<str> = match text(file) {
            Ok(text) => text.into(),
            Err((message, help)) => {
                let source = problems.add_source(&file.name, "", 1);
                problems.push(Problem::error(SourceSpan::new(source, 0..0), message).help(help));
                continue;
            }
        };
        let source = problems.add_source(&file.name, Arc::clone(&text), 1);
        // A file that was named twice is read once.
        if names.contains(&file.name) {
            continue;
        }
        names.resize(source.max(names.len()), String::new());
        names.push(file.name.clone());
        match documents(source, &file.name, &text) {
            Ok(documents) => parsed.push((file.name.clone(), documents)),
            Err(problem) => problems.push(problem),
        }
    }
    let documents = || parsed.iter().flat_map(|(_, documents)| documents);
    model.parameters = documents().flat_map(parameters::values).collect();
    for given in &model.parameters {
        let declares = |key: &str, document: &Node| document.get(key).is_some_and(|all| all.get(&given.key).is_some());
        let is_template = |document: &&Node| document.get("Resources").is_some() || document.get("resources").is_some();
        if !documents().filter(is_template).any(|one| declares("Parameters", one) || declares("parameters", one)) {
            notes.ignore(given.place, format!("parameter {}", given.key), "no template of these files has it");
        }
    }
    for (name, documents) in &parsed {
        model.file.clone_from(name);
        read(documents, name, &mut model, notes, &mut problems);
    }
    let described = model.things.len() + model.links.len() + model.additions.len() + model.aliases.len();
    if described > MAX_RESOURCES {
        let message = format!("these files describe {described} resources, and {MAX_RESOURCES} is the limit");
        let help = "import the functions that you want to simulate, and what stands before them";
        problems.push(Problem::error(SourceSpan::new(0, 0..0), message).help(help));
    }
    if problems.has_errors() {
        return Err(problems);
    }
    join::join(&mut model, notes);
    Ok((model, names, problems))
}

/// The text of a file, or what is wrong with it and what to do.
fn text(file: &File) -> Result<String, (String, &'static str)> {
    if file.bytes.len() > MAX_BYTES {
        let message = format!("the file is larger than the limit of {} MB", MAX_BYTES >> 20);
        return Err((message, "infrastructure files are much smaller: if it is a log, use `forewarm fit`"));
    }
    match String::from_utf8(file.bytes.clone()) {
        Ok(text) => Ok(text.trim_start_matches('\u{feff}').to_owned()),
        Err(error) => Err(match error.as_bytes() {
            [0x1f, 0x8b, ..] => ("the file is compressed with gzip".to_owned(), "unpack it first with gunzip"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                ("the file is UTF-16 text".to_owned(), "save it as UTF-8, such as with iconv -f UTF-16 -t UTF-8")
            }
            _ => (
                "the file is not UTF-8 text".to_owned(),
                "for a Terraform plan, use `terraform show -json PLAN > plan.json`",
            ),
        }),
    }
}

/// The documents of a text, JSON or YAML.
fn documents(source: usize, name: &str, text: &str) -> Result<Vec<Node>, Problem> {
    if let Some((message, help)) = other_language(name, text) {
        return Err(Problem::error(SourceSpan::new(source, 0..0), message).help(help));
    }
    let first = text.trim_start().bytes().next();
    let is_json = matches!(first, Some(b'{' | b'['));
    let parsed = match is_json {
        true => json::parse(source, text).map(|node| vec![node]).or_else(|error| {
            // YAML may begin with a brace, too.
            if name.ends_with(".json") { Err(error) } else { yaml::parse(source, text).map_err(|_| error) }
        }),
        false => yaml::parse(source, text),
    };
    parsed.map_err(|error| {
        let help = help_with(&error.message, error.place.line(), text);
        Problem::error(error.place.span(), error.message).help(help)
    })
}

/// What to write where a text cannot be read.
fn help_with(message: &str, line: u32, text: &str) -> &'static str {
    let written = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    if written.contains("{{") || written.trim_start().starts_with("{%") {
        return "this is a placeholder of a template: render it first, such as with `helm template CHART > all.yaml`";
    }
    if written.starts_with("[command]") {
        return "the wrapper of setup-terraform wrote this line: set `terraform_wrapper: false`, or remove the line";
    }
    match message.strip_prefix("this is not YAML: ") {
        Some(rest) if rest.starts_with("unexpected character") || rest.contains("cannot start any token") => {
            "put values that begin with a special character in quotes"
        }
        Some(rest) if rest.contains("simple key") => {
            "write KEY: VALUE, and indent the lines of a text that follows `|` or `>`"
        }
        Some(rest) if rest.contains("expected '-'") || rest.contains("block") => {
            "check the indentation of this line, and that a value has one tag such as !Ref only"
        }
        _ => "infrastructure files are YAML or JSON; for logs and metrics, use `forewarm fit`",
    }
}

/// What is said about files that are neither JSON nor YAML.
fn other_language(name: &str, text: &str) -> Option<(String, &'static str)> {
    let has = |line: &str| text.lines().any(|written| written.trim_start().starts_with(line));
    if name.ends_with(".tf") || has("resource \"") && has("}") {
        let help = "import its plan: terraform plan -out plan.tfplan && terraform show -json plan.tfplan > plan.json";
        return Some(("this is Terraform configuration (HCL), which is not supported".to_owned(), help));
    }
    if name.ends_with(".bicep") {
        return Some((
            "this is Bicep, which is not supported".to_owned(),
            "convert it to JSON with az bicep build --file FILE",
        ));
    }
    if text.lines().any(|line| line.trim_start().starts_with("{{") && !line.trim_start().starts_with("{{\"")) {
        return Some((
            "this is a Helm template, not YAML".to_owned(),
            "render it first: helm template CHART > all.yaml",
        ));
    }
    if name.ends_with(".toml") {
        return Some((
            "this is TOML, perhaps already a scenario".to_owned(),
            "to check a scenario, use `forewarm check FILE`; to use its traffic, --traffic FILE",
        ));
    }
    None
}

/// Reads every document by the format that knows it.
fn read(documents: &[Node], name: &str, model: &mut Model, notes: &Notes, problems: &mut Problems) {
    let mut known = 0;
    for document in documents {
        match FORMATS.iter().find(|format| (format.is)(document)) {
            Some(format) => {
                known += 1;
                (format.read)(document, model, notes);
            }
            None if matches!(document.value, tree::Value::Null) => {}
            None => notes.ignore(document.place, "a document", "not in a known format"),
        }
    }
    if known == 0 {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let place = documents.first().map(|document| document.place.span()).unwrap_or_default();
        let is_empty = documents.iter().all(|document| matches!(document.value, tree::Value::Null));
        let message =
            if is_empty { format!("{name} is empty") } else { format!("{name} is not in a supported format") };
        problems.push(Problem::error(place, message).help(format!("supported formats are: {}", names.join(", "))));
    }
}
