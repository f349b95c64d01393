//! The scenario: arrivals, functions, the behavior of the platform, and objectives.
//!
//! [`Scenario`] is the checked form: it cannot represent an invalid state. [`parse`] makes it from text, and reports every
//! problem at once, each with its place and advice. On the way the text is
//!
//! 1. a tree of values with their places, to which variants and `--set` are applied (`overlay`) and under which
//!    presets and defaults are laid (`layer`, `preset`);
//! 2. the tables of `raw`, exactly what may be written, read by the tolerant reader;
//! 3. a [`Scenario`], made by `check` from what the tables mean together.
//!
//! The declarations in `raw` describe themselves: the [`schema()`] is also made from them. See `crate::schema`.

mod assumption;
pub mod axis;
mod base;
mod check;
mod data;
mod graph;
mod layer;
pub mod limits;
pub mod load;
mod model;
pub mod objective;
mod overlay;
pub mod plan;
mod port;
mod preset;
pub mod quick;
mod raw;
pub mod registry;
mod request_rate;
pub mod sweep;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;

pub use crate::metric::Quantity;
pub use crate::schema::diagnostic::{Problem, Problems, Severity, SourceSpan, instead, nearest};
pub use crate::workload::Input;
pub use base::{GroupedProblems, ScenarioFactory};
pub use data::{Files, NoFiles};
pub use graph::{CallerId, Calls, Edge};
pub use model::*;
pub use objective::{Bound, Goal, Objective, Subject};

use crate::hash::fnv1a;
use crate::schema::decode::{Field, Reader};
use crate::schema::tree::{self, Node, Value};
use data::Data;
use limits::{MAX_FILE_BYTES, MAX_VARIANT_VALUES};
use preset::Preset;
use raw::FileTable;

/// The JSON Schema (draft 2020-12) of a scenario file.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::schema::json::schema("forewarm scenario", FileTable::SHAPE)
}

/// Options besides the text.
#[derive(Clone, Debug, Default)]
pub struct ParseOptions {
    /// Dotted keys and values, as given to `--set`; later ones override earlier ones, and all override the variant.
    pub set: Vec<(String, String)>,
    /// The variant to apply.
    pub variant: Option<String>,
    /// The keep-alive or scaling policy, by name, that every function gets, with its defaults; a function that has it
    /// already keeps its parameters. It overrides the variant and `set`.
    pub policy: Option<String>,
    /// The platform preset, by name, to which the scenario is moved: the same traffic and functions, with that
    /// platform's values instead of those of another.
    pub platform: Option<String>,
    /// Overrides `simulation.seed`.
    pub seed: Option<u64>,
    /// Overrides `simulation.replications`; with a precision target, the initial number.
    pub replications: Option<u32>,
    /// Maximum widths of the intervals of these metrics of the total, in addition to those of the scenario.
    pub precision: Vec<(String, Tolerance)>,
    /// Overrides `simulation.precision.max-replications`.
    pub max_replications: Option<u32>,
}

/// Reads and checks a scenario; `name` is how messages refer to its text, usually the path.
///
/// # Errors
/// All problems at once.
pub fn parse(name: &str, text: &str, options: &ParseOptions, files: &dyn Files) -> Result<Scenario, Problems> {
    parse_with_warnings(name, text, options, files).map(|(scenario, _)| scenario)
}

/// Reads and checks a scenario; also returns warnings.
///
/// # Errors
/// All problems at once.
pub fn parse_with_warnings(
    name: &str,
    text: &str,
    options: &ParseOptions,
    files: &dyn Files,
) -> Result<(Scenario, Problems), Problems> {
    load(name, text, Loader::new(options, files)).map(|(scenario, _, problems)| (scenario, problems))
}

/// A scenario, its variants as separate scenarios by name, and the warnings about it.
pub type WithVariants = (Scenario, Vec<(String, Scenario)>, Problems);

/// Reads and checks a scenario from bytes that may not be text; also returns every variant as a separate scenario, in
/// the order of the file.
///
/// # Errors
/// As for [`parse_with_warnings`], and bytes that are not UTF-8.
pub fn parse_variants(
    name: &str,
    bytes: &[u8],
    options: &ParseOptions,
    files: &dyn Files,
) -> Result<WithVariants, Problems> {
    load(name, text_of(name, bytes)?, Loader { keeps_variants: true, ..Loader::new(options, files) })
}

fn load(name: &str, text: &str, mut loader: Loader<'_>) -> Result<WithVariants, Problems> {
    let mut problems = Problems::default();
    let loaded = loader.load(name, text, &mut problems);
    problems.finish();
    match loaded {
        Some((scenario, variants)) if !problems.has_errors() => Ok((scenario, variants, problems)),
        _ => Err(problems),
    }
}

/// Reads and checks a scenario from bytes that may not be text.
///
/// # Errors
/// As for [`parse_with_warnings`], and bytes that are not UTF-8.
pub fn parse_bytes(
    name: &str,
    bytes: &[u8],
    options: &ParseOptions,
    files: &dyn Files,
) -> Result<(Scenario, Problems), Problems> {
    parse_with_warnings(name, text_of(name, bytes)?, options, files)
}

/// Bytes as text, or the problem with them.
fn text_of<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, Problems> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let mut problems = Problems::default();
    let good = &bytes[..error.valid_up_to()];
    let wrong = bytes.get(good.len()).copied().unwrap_or_default();
    // Up to the invalid byte it is text, so the line can be quoted.
    let text = String::from_utf8_lossy(good).into_owned();
    let at = text.len();
    let source = problems.add_source(name, text, 1);
    let utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let what = if utf16 { "it looks like UTF-16".to_owned() } else { format!("there is a byte 0x{wrong:02X}") };
    let problem = Problem::error(SourceSpan::new(source, at..at), format!("the file is not text in UTF-8: {what}"));
    problems.push(problem.help("save the file as UTF-8"));
    Err(problems)
}

/// The steps from text to a scenario.
#[derive(Clone)]
struct Loader<'a> {
    options: &'a ParseOptions,
    data: Data<'a>,
    /// Whether to keep the scenarios of the variants: many of a long file take much memory.
    keeps_variants: bool,
    /// Whether what is interpreted is a variant.
    is_variant: bool,
}

impl<'a> Loader<'a> {
    fn new(options: &'a ParseOptions, files: &'a dyn Files) -> Self {
        Self { options, data: Data::new(files), keeps_variants: false, is_variant: false }
    }

    fn load(&mut self, name: &str, text: &str, problems: &mut Problems) -> Option<(Scenario, Vec<(String, Scenario)>)> {
        let file = self.open(name, text, problems)?;
        let mut chosen = self.choose(&file, problems)?;
        if let Some(platform) = &self.options.platform {
            return self.on_platform(platform, chosen, problems).map(|scenario| (scenario, Vec::new()));
        }
        let Some(policy) = &self.options.policy else {
            let scenario = self.interpret(chosen, problems);
            let variants = self.variants(&file, problems);
            if let Some(scenario) = &scenario {
                self.refuse_unknown(&file, scenario, problems);
            }
            return scenario.map(|scenario| (scenario, variants));
        };
        let before = problems.list().len();
        overlay::apply_policy(&mut chosen, policy, problems)?;
        let scenario = self.interpret(chosen, problems);
        problems.say_of_later(before, &format!("with the policy `{policy}`"));
        problems.advise_later(
            before,
            &format!(
                "add a [[variant]] called `{policy}` that sets it; it then represents the \
                                            policy"
            ),
        );
        scenario.map(|scenario| (scenario, Vec::new()))
    }

    /// The scenario on another platform.
    fn on_platform(&mut self, name: &str, chosen: Node, problems: &mut Problems) -> Option<Scenario> {
        let source = problems.add_source("--platforms", name, 1);
        let place = SourceSpan::new(source, 0..name.len());
        let Some(preset) = Preset::named(name) else {
            let help = instead(name, "the platforms are", registry::platforms().iter().map(|listed| listed.name));
            problems.push(Problem::error(place, format!("there is no platform \"{name}\"")).help(help));
            return None;
        };
        let own = self.interpret(chosen.clone(), problems)?;
        let before = problems.list().len();
        let mut root = chosen;
        let adapted = port::put_on(&mut root, preset, &own.functions, place);
        let scenario = self.interpret(root, problems);
        problems.say_of_later(before, &format!("on {name}"));
        scenario.map(|mut scenario| {
            scenario.assumptions.extend(adapted);
            scenario
        })
    }

    /// The tree of a text, if it has no syntax errors.
    fn open(&self, name: &str, text: &str, problems: &mut Problems) -> Option<Node> {
        if text.len() > MAX_FILE_BYTES {
            let source = problems.add_source(name, "", 1);
            let message = format!("the file has {} bytes: at most {MAX_FILE_BYTES} are read", text.len());
            problems.push(Problem::error(SourceSpan::new(source, 0..0), message));
            return None;
        }
        // A byte-order mark is not part of the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = problems.add_source(name, text, 1);
        if let Some(kind) = kubernetes(text) {
            let message = format!("this is YAML of a Kubernetes {kind}, not a scenario");
            let help = "`forewarm import` converts such files to a scenario; `forewarm init` writes an example \
                        scenario";
            problems.push(Problem::error(SourceSpan::new(source, 0..0), message).help(help));
            return None;
        }
        let file = Node::parse(text, source, problems);
        if problems.has_errors() {
            let syntax_errors = problems.list().len();
            FileTable::read(&file, &mut Reader::of_fragments(problems));
            problems.drop_echoes_of(syntax_errors);
            return None;
        }
        let mut file = file;
        check::path::name_steps(&mut file);
        Some(file)
    }

    /// The tree with the variant and the other changes that the options request.
    fn choose(&self, file: &Node, problems: &mut Problems) -> Option<Node> {
        let mut chosen = file.clone();
        if let Some(wanted) = &self.options.variant {
            let variant = self.variant(file, wanted, problems)?;
            overlay::apply_variant(&mut chosen, &variant, problems);
            if let Value::Table(sections) = &mut chosen.value {
                sections.retain(|section| section.key != "variant");
            }
        }
        self.override_by_options(&mut chosen, problems);
        Some(chosen)
    }

    /// From the final tree to a checked scenario.
    fn interpret(&mut self, mut root: Node, problems: &mut Problems) -> Option<Scenario> {
        layer::complete(&mut root, problems);
        let file = FileTable::read(&root, &mut Reader::new(problems, &[]))?;
        let mut checker = check::Checker {
            problems,
            data: &mut self.data,
            has_stem_cells: false,
            init_timeout: None,
            start: check::START,
            cpu: None,
            compares_policies: self.options.policy.is_some(),
            is_variant: self.is_variant || self.options.variant.is_some(),
        };
        let mut scenario = check::scenario(&file, &root, &mut checker)?;
        let mut written = FileTable::write(&file);
        layer::leave_open(&mut written, &root);
        let preset = file.platform.as_ref().and_then(|platform| *platform.preset);
        scenario.assumptions = preset.map_or_else(Vec::new, |preset| assumption::of(&written, preset));
        scenario.resolved = tree::to_document(&written);
        scenario.hash = format!("{:016x}", fnv1a(scenario.resolved.as_bytes()));
        Some(scenario)
    }

    fn override_by_options(&self, root: &mut Node, problems: &mut Problems) {
        for (key, value) in &self.options.set {
            overlay::apply_set(root, "--set", key, value, problems);
        }
        if let Some(seed) = self.options.seed {
            overlay::apply_set(root, "--seed", "simulation.seed", &seed.to_string(), problems);
        }
        overlay::apply_replications(root, self.options, problems);
    }

    /// The variant with this name.
    fn variant(&self, file: &Node, wanted: &str, problems: &mut Problems) -> Option<Node> {
        let variants = file.get("variant").map_or(&[][..], Node::elements);
        let name = |variant: &'_ Node| variant.get("name").and_then(Node::text).map(str::to_owned);
        let found = variants.iter().find(|variant| name(variant).as_deref() == Some(wanted));
        if found.is_none() {
            let names: Vec<String> = variants.iter().filter_map(name).collect();
            let source = problems.add_source("--variant", wanted, 1);
            let (message, help) = match names[..] {
                [] => (
                    "the scenario has no variants".to_owned(),
                    format!("add a [[variant]] named \"{wanted}\", or omit --variant"),
                ),
                _ => (
                    format!("the scenario has no variant \"{wanted}\""),
                    instead(wanted, "the variants are", names.iter().map(String::as_str)),
                ),
            };
            problems.push(Problem::error(SourceSpan::new(source, 0..wanted.len()), message).help(help));
        }
        found.cloned()
    }

    /// Checks that every variant is a valid scenario, and returns them if requested.
    fn variants(&mut self, file: &Node, problems: &mut Problems) -> Vec<(String, Scenario)> {
        let mut scenarios = Vec::new();
        let Some(list) = file.get("variant") else { return scenarios };
        let variants = list.elements();
        if file.count().saturating_mul(variants.len()) > MAX_VARIANT_VALUES {
            let message = format!("checking {} variants of a file this long would take too long", variants.len());
            let help = format!(
                "the number of variants times the number of values in the file is limited to \
                                {MAX_VARIANT_VALUES}"
            );
            problems.push(Problem::error(list.place, message).help(help));
            return scenarios;
        }
        for variant in variants {
            let Some(name) = variant.get("name").and_then(Node::text) else { continue };
            let mut root = file.clone();
            let before = problems.list().len();
            overlay::apply_variant(&mut root, variant, problems);
            self.override_by_options(&mut root, problems);
            if let Value::Table(sections) = &mut root.value {
                sections.retain(|section| !matches!(section.key.as_str(), "variant" | "sweep" | "plan"));
            }
            // Problems of the scenario itself have been reported, and are not repeated.
            self.is_variant = true;
            let scenario = self.interpret(root, problems).filter(|_| self.keeps_variants);
            self.is_variant = false;
            scenarios.extend(scenario.map(|scenario| (name.to_owned(), scenario)));
            problems.say_of_later(before, &format!("with the variant \"{name}\""));
            if problems.is_full() {
                break;
            }
        }
        scenarios
    }
}

/// The kind of the first object, if a text is Kubernetes YAML.
fn kubernetes(text: &str) -> Option<&str> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
    let is_name = |kind: &&str| !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric());
    value("apiVersion").and_then(|_| value("kind")).filter(is_name)
}
