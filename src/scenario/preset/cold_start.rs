//! Cold starts of a preset: phases that every start has, and those of each runtime, as an archive and as an image.

use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead};
use crate::schema::tree::{Entry, Node, Value};

/// The cold starts that a preset knows.
#[derive(Debug)]
pub(in crate::scenario) struct ColdStarts {
    /// The runtime of functions that name none.
    standard: Option<String>,
    /// What every start has.
    phases: Vec<Entry>,
    /// By runtime: a table of phases for each package.
    runtimes: Vec<Entry>,
    /// Of every runtime, where no other is known.
    any: Option<Node>,
}

/// A cold start, and where in the file of the preset its parts are.
#[derive(Debug)]
pub(in crate::scenario) struct ColdStart {
    /// As in a scenario.
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
        }
    }

    /// The cold start of a runtime (text and its place, if one is named); none if the preset has none.
    pub(in crate::scenario) fn of(
        &self,
        runtime: Option<&Node>,
        image: bool,
        problems: &mut Problems,
    ) -> Option<ColdStart> {
        let package = if image { "image" } else { "zip" };
        let name = runtime.map_or(self.standard.as_deref(), Node::text);
        let known = name.and_then(|name| self.known(name));
        let (path, node) = match (known, &self.any) {
            (Some(known), _) => (format!("cold-start.runtimes.{}.{package}", known.key), known.node.get(package)),
            (None, Some(any)) => ("cold-start.any".to_owned(), Some(any)),
            (None, None) if self.runtimes.is_empty() => return None,
            (None, None) => {
                let place = runtime.map_or(SourceSpan::default(), |node| node.place);
                let name = name.unwrap_or_default();
                let message = format!("the preset knows no cold start of the runtime \"{name}\"");
                let names = self.runtimes.iter().map(|runtime| runtime.key.as_str());
                let problem = Problem::error(place, message).help(instead(name, "the runtimes are", names));
                problems.push(problem.help("or write `cold-start` with what you have measured"));
                return None;
            }
        };
        let Some(node) = node else {
            let place = runtime.map_or(SourceSpan::default(), |node| node.place);
            let message =
                format!("the preset knows no cold start of {} as `package = \"{package}\"`", name.unwrap_or("it"));
            problems.push(Problem::error(place, message).help("write `cold-start` with what you have measured"));
            return None;
        };
        let mut phases = self.phases.clone();
        phases.extend(node.entries().iter().cloned());
        let mut keys: Vec<String> =
            self.phases.iter().map(|phase| format!("cold-start.phases.{}", phase.key)).collect();
        keys.push(path);
        let phases = Entry::new("phases", SourceSpan::default(), Value::Table(phases));
        Some(ColdStart { value: Value::Table(vec![phases]), keys })
    }

    /// The runtime of functions that name none.
    pub(in crate::scenario) fn standard(&self) -> Option<&str> {
        self.standard.as_deref()
    }

    /// Whether it has the cold start of a runtime.
    pub(in crate::scenario) fn knows(&self, runtime: Option<&str>, image: bool) -> bool {
        let package = if image { "image" } else { "zip" };
        match runtime.or(self.standard.as_deref()).and_then(|name| self.known(name)) {
            Some(known) => known.node.get(package).is_some(),
            None => self.any.is_some(),
        }
    }

    /// The runtime of a name; with a version that is not among them, the one without.
    fn known(&self, name: &str) -> Option<&Entry> {
        let find = |name: &str| self.runtimes.iter().find(|runtime| runtime.key == name);
        find(name).or_else(|| find(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == 'x')))
    }
}
