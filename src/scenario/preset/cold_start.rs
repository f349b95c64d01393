//! Cold starts of a preset: the phases of every start, and those of each runtime, as an archive and as an image.

use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead};
use crate::schema::quantity::parse_size_mb;
use crate::schema::tree::{Entry, Node, Value};
use crate::time::Span;

/// The cold starts that a preset knows.
#[derive(Debug)]
pub(in crate::scenario) struct ColdStarts {
    /// The runtime of functions without one.
    standard: Option<String>,
    /// The phases of every start.
    phases: Vec<Entry>,
    /// By runtime: a table of phases for each package.
    runtimes: Vec<Entry>,
    /// For every runtime without its own values.
    any: Option<Node>,
    /// By framework: a table of phases for each package, instead of that of the runtime.
    frameworks: Vec<Entry>,
    /// Additional time per MB of loaded dependencies.
    dependencies_per_mb: Option<Span>,
    /// Additional time in a private network.
    vpc: Option<Node>,
}

/// A cold start, and the keys of its parts in the file of the preset.
#[derive(Debug)]
pub(in crate::scenario) struct ColdStart {
    /// As written in a scenario.
    pub(in crate::scenario) value: Value,
    /// The keys of its values.
    pub(in crate::scenario) keys: Vec<String>,
}

impl ColdStarts {
    /// Reads `[cold-start]`.
    pub(super) fn read(node: &Node) -> Self {
        let entries = |key| node.get(key).map_or(&[][..], Node::entries).to_vec();
        Self {
            standard: node.get("standard").and_then(Node::text).map(str::to_owned),
            phases: entries("phases"),
            runtimes: entries("runtimes"),
            any: node.get("any").cloned(),
            frameworks: entries("frameworks"),
            dependencies_per_mb: node
                .get("dependencies-per-mb")
                .and_then(Node::text)
                .and_then(|text| text.parse().ok()),
            vpc: node.get("vpc").cloned(),
        }
    }

    /// The cold start of a function; `None` if the preset has none.
    pub(in crate::scenario) fn of(&self, function: &Node, problems: &mut Problems) -> Option<ColdStart> {
        let image = function.get("package").and_then(Node::text) == Some("image");
        let package = if image { "image" } else { "zip" };
        let code = function.get("code");
        let mut start = match code.and_then(|code| code.get("framework")) {
            Some(framework) => self.of_framework(framework, package, problems)?,
            None => self.of_runtime(function.get("runtime"), package, problems)?,
        };
        let Value::Table(phases) = &mut start.value else { return Some(start) };
        let Some(Entry { node: Node { value: Value::Table(phases), .. }, .. }) = phases.first_mut() else {
            return Some(start);
        };
        if let Some(size) = code.and_then(|code| code.get("dependencies")) {
            let mb = size.text().and_then(|text| parse_size_mb(text).ok())?;
            let Some(per_mb) = self.dependencies_per_mb else {
                unknown(size, "what dependencies add to a cold start", problems);
                return None;
            };
            let takes = Span::from_nanos(per_mb.as_nanos().saturating_mul(u64::from(mb)));
            let value = Entry::new("value", SourceSpan::default(), Value::from_text(takes.to_string()));
            let constant = Entry::new("constant", SourceSpan::default(), Value::Table(vec![value]));
            phases.push(Entry::new("dependencies", SourceSpan::default(), Value::Table(vec![constant])));
            start.keys.push("cold-start.dependencies-per-mb".to_owned());
        }
        if let Some(vpc) = code.and_then(|code| code.get("vpc")).filter(|vpc| vpc.value == Value::Boolean(true)) {
            let Some(adds) = &self.vpc else {
                unknown(vpc, "what a private network adds to a cold start", problems);
                return None;
            };
            phases.extend(adds.entries().iter().cloned());
            start.keys.push("cold-start.vpc".to_owned());
        }
        Some(start)
    }

    /// The cold start of a framework.
    fn of_framework(&self, framework: &Node, package: &str, problems: &mut Problems) -> Option<ColdStart> {
        let name = framework.text()?;
        let known = self.frameworks.iter().find(|known| known.key == name);
        let Some(phases) = known.and_then(|known| known.node.get(package)) else {
            let message = format!("the preset has no cold start for the framework \"{name}\" ({package})");
            let mut problem = Problem::error(framework.place, message);
            if !self.frameworks.is_empty() {
                let names = self.frameworks.iter().map(|framework| framework.key.as_str());
                problem = problem.help(instead(name, "the frameworks are", names));
            }
            problems.push(problem.help("or set `cold-start` to your own measurements"));
            return None;
        };
        Some(self.with_phases(phases, format!("cold-start.frameworks.{name}.{package}")))
    }

    /// The cold start of a runtime (text and its location, if one is named).
    fn of_runtime(&self, runtime: Option<&Node>, package: &str, problems: &mut Problems) -> Option<ColdStart> {
        let name = runtime.map_or(self.standard.as_deref(), Node::text);
        let known = name.and_then(|name| self.known(name));
        let (path, node) = match (known, &self.any) {
            (Some(known), _) => (format!("cold-start.runtimes.{}.{package}", known.key), known.node.get(package)),
            (None, Some(any)) => ("cold-start.any".to_owned(), Some(any)),
            (None, None) if self.runtimes.is_empty() => return None,
            (None, None) => {
                let place = runtime.map_or(SourceSpan::default(), |node| node.place);
                let name = name.unwrap_or_default();
                let message = format!("the preset has no cold start for the runtime \"{name}\"");
                let names = self.runtimes.iter().map(|runtime| runtime.key.as_str());
                let problem = Problem::error(place, message).help(instead(name, "the runtimes are", names));
                problems.push(problem.help("or set `cold-start` to your own measurements"));
                return None;
            }
        };
        let Some(node) = node else {
            let place = runtime.map_or(SourceSpan::default(), |node| node.place);
            let message =
                format!("the preset has no cold start for {} with `package = \"{package}\"`", name.unwrap_or("it"));
            problems.push(Problem::error(place, message).help("set `cold-start` to your own measurements"));
            return None;
        };
        Some(self.with_phases(node, path))
    }

    /// The phases of every start, then these; `path` is their key.
    fn with_phases(&self, node: &Node, path: String) -> ColdStart {
        let mut phases = self.phases.clone();
        phases.extend(node.entries().iter().cloned());
        let mut keys: Vec<String> =
            self.phases.iter().map(|phase| format!("cold-start.phases.{}", phase.key)).collect();
        keys.push(path);
        let phases = Entry::new("phases", SourceSpan::default(), Value::Table(phases));
        ColdStart { value: Value::Table(vec![phases]), keys }
    }

    /// The runtime of functions without one.
    pub(in crate::scenario) fn standard(&self) -> Option<&str> {
        self.standard.as_deref()
    }

    /// Whether it knows the effect of a key of `code`, with its value.
    pub(in crate::scenario) fn knows_code(&self, part: &Entry) -> bool {
        match part.key.as_str() {
            "framework" => self.frameworks.iter().any(|known| Some(known.key.as_str()) == part.node.text()),
            "dependencies" => self.dependencies_per_mb.is_some(),
            "vpc" => self.vpc.is_some() || part.node.value == Value::Boolean(false),
            _ => true,
        }
    }

    /// Whether it knows the cold start of a runtime.
    pub(in crate::scenario) fn knows(&self, runtime: Option<&str>, image: bool) -> bool {
        let package = if image { "image" } else { "zip" };
        match runtime.or(self.standard.as_deref()).and_then(|name| self.known(name)) {
            Some(known) => known.node.get(package).is_some(),
            None => self.any.is_some(),
        }
    }

    /// The runtime with this name; an unknown version counts as the runtime without a version.
    fn known(&self, name: &str) -> Option<&Entry> {
        let find = |name: &str| self.runtimes.iter().find(|runtime| runtime.key == name);
        find(name).or_else(|| find(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == 'x')))
    }
}

/// Reports something that the preset has no measurement of.
fn unknown(at: &Node, what: &str, problems: &mut Problems) {
    let problem = Problem::error(at.place, format!("the preset has no measurement of {what}"));
    problems.push(problem.help("set `cold-start` to your own measurements"));
}
