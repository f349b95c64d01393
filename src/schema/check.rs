//! What the parameters of one table mean together, looked at when they have been read.

use std::fmt::Display;

use super::decode::Reader;
use super::diagnostic::{Problem, SourceSpan};
use super::tree::Node;

/// A table whose parameters have been read: messages name its keys in full and point at them.
pub struct Check<'n, 'r, 'p> {
    node: &'n Node,
    reader: &'r mut Reader<'p>,
}

/// What [`parameters!`](super::declare) call where a table has no `check` of its own: an own one comes first.
pub trait Unchecked {
    /// Nothing is wrong.
    fn check(&self, _: &mut Check<'_, '_, '_>) {}
}

impl<T> Unchecked for T {}

impl<'n, 'r, 'p> Check<'n, 'r, 'p> {
    /// Of the table at `node`, where the reader is.
    pub fn new(node: &'n Node, reader: &'r mut Reader<'p>) -> Self {
        Self { node, reader }
    }

    /// Where the value of a key stands, or the element of a list by its number (`points.3.at`); if it is absent, where its table
    /// or list stands.
    pub fn span(&self, key: &str) -> SourceSpan {
        let mut node = self.node;
        for segment in key.split('.') {
            let element = || node.elements().get(segment.parse::<usize>().ok()?.checked_sub(1)?);
            let Some(inner) = node.get(segment).or_else(element) else { break };
            node = inner;
        }
        node.place
    }

    /// Reports what is wrong with the thing whose kind this table is: "`its.key`: ...".
    pub fn of_kind(&mut self, place: SourceSpan, what: impl Display) {
        let path = self.reader.path();
        let thing = path.rsplit_once('.').map_or(path.as_str(), |(thing, _)| thing);
        self.add(Problem::error(place, format!("`{thing}`: {what}")));
    }

    fn add(&mut self, problem: Problem) {
        self.reader.refused += 1;
        self.reader.problems.push(problem);
    }

    /// The dotted key.
    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.reader.path())
    }

    /// Reports the value of a key: "`its.dotted.key` ...".
    pub fn wrong(&mut self, key: &str, what: impl Display) {
        self.push(key, what, None);
    }

    /// The same, and what to do about it.
    pub fn wrong_with(&mut self, key: &str, what: impl Display, help: impl Into<String>) {
        self.push(key, what, Some(help.into()));
    }

    /// Reports a value that the real system would not accept.
    pub fn refused(&mut self, key: &str, what: impl Display, system: &str) {
        self.push(key, what, Some(format!("{system} rejects this")));
    }

    fn push(&mut self, key: &str, what: impl Display, help: Option<String>) {
        let problem = Problem::error(self.span(key), format!("`{}` {what}", self.path(key)));
        self.add(help.into_iter().fold(problem, Problem::help));
    }

    /// Reports what is wrong with a list, at one of its elements: "`its.key`: ...".
    pub fn fault_in(&mut self, place: SourceSpan, key: &str, what: impl Display, help: Option<&str>) {
        let problem = Problem::error(place, format!("`{}`: {what}", self.path(key)));
        self.add(help.into_iter().fold(problem, Problem::help));
    }

    /// Reports what is wrong with the whole table, because of a key: "`its.table`: ...".
    pub fn fault(&mut self, key: &str, what: impl Display) {
        let problem = Problem::error(self.span(key), format!("`{}`: {what}", self.reader.path()));
        self.add(problem);
    }

    /// Reports keys that exclude each other, at one of them: "`its.table` ...".
    pub fn conflict(&mut self, key: &str, what: impl Display, help: &str) {
        let problem = Problem::error(self.span(key), format!("`{}` {what}", self.reader.path()));
        self.add(problem.help(help));
    }

    /// Reports a key that should be there: "`its.table` ...".
    pub fn missing(&mut self, what: impl Display, help: &str) {
        let message = format!("`{}` {what}", self.reader.path());
        self.add(Problem::missing(self.node.place, message).help(help));
    }

    /// Reports a value that breaks a rule of the real system.
    pub fn rule(&mut self, key: &str, value: impl Display, holds: bool, rule: impl Display) {
        if !holds {
            let problem = Problem::error(self.span(key), format!("`{}` = {value}: {rule}", self.path(key)));
            self.add(problem);
        }
    }

    /// Which of several ways to give something was taken, each with its keys and whether they have a value. Reports it if
    /// parts of several, of one, or of none are there.
    pub fn either(&mut self, ways: &[&[(&'static str, bool)]]) -> Option<usize> {
        if ways.iter().copied().flatten().any(|&(key, given)| !given && self.reader.is_broken(self.node, key)) {
            return None;
        }
        let of_way = |way: &&[(&'static str, bool)]| {
            way.iter().map(|&(key, given)| (key, given.then(|| self.span(key)))).collect()
        };
        let ways: Vec<Vec<_>> = ways.iter().map(of_way).collect();
        one_of_ways(&self.reader.path(), self.node.place, &ways).map_err(|problem| self.add(problem)).ok()
    }
}

/// Which of several ways to give something was taken, each with its keys and where they stand, if they do; what is wrong if
/// parts of several, of one, or of none are there.
///
/// # Errors
/// As said.
pub fn one_of_ways(
    path: &str,
    table: SourceSpan,
    ways: &[Vec<(&'static str, Option<SourceSpan>)>],
) -> Result<usize, Problem> {
    let mut given: Vec<(&'static str, SourceSpan)> = Vec::new();
    for (key, place) in ways.iter().flatten() {
        if let (Some(place), false) = (place, given.iter().any(|(known, _)| known == key)) {
            given.push((key, *place));
        }
    }
    let fits = |way: &Vec<(&str, Option<SourceSpan>)>| {
        way.len() == given.len() && way.iter().all(|(_, place)| place.is_some())
    };
    if let Some(way) = ways.iter().position(fits) {
        return Ok(way);
    }
    let quoted = |keys: &[&str]| keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
    let keys: Vec<&str> = given.iter().map(|(key, _)| *key).collect();
    // The ways that were begun; if what is there fits into none, all of them.
    let all: Vec<Vec<&str>> = ways.iter().map(|way| way.iter().map(|(key, _)| *key).collect()).collect();
    let begun: Vec<_> = all.iter().filter(|way| keys.iter().all(|key| way.contains(key))).cloned().collect();
    let open = if begun.is_empty() { &all } else { &begun };
    let choices = open.iter().map(|way| quoted(way)).collect::<Vec<_>>().join(", or ");
    Err(match given.last() {
        None => Problem::missing(table, format!("`{path}` needs {choices}")),
        Some(_) if !begun.is_empty() => {
            Problem::missing(table, format!("`{path}` has only {}", quoted(&keys))).help(format!("write {choices}"))
        }
        Some((_, place)) => Problem::error(*place, format!("`{path}` cannot combine {}", quoted(&keys)))
            .help(format!("write {choices}")),
    })
}
