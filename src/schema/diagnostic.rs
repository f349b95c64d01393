//! What is wrong with a scenario, where, and what to write instead.
//!
//! A [`Problem`] points at a piece of one of the texts that were read (the file, a `--set`, a data file); [`Problems`]
//! keeps those texts, so that everything can be rendered later. Rendering makes a string and prints nothing.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::limits::{MAX_PROBLEMS, MAX_SHOWN_LINE};

/// A piece of one of the texts that make a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceSpan {
    source: u32,
    start: u32,
    end: u32,
}

impl SourceSpan {
    /// Bytes `start..end` of text number `source` of [`Problems`].
    pub fn new(source: usize, range: std::ops::Range<usize>) -> Self {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { source: narrow(source), start: narrow(range.start), end: narrow(range.end.max(range.start)) }
    }

    /// What to sort by to get the order of the texts.
    pub fn order(self) -> (u32, u32) {
        (self.source, self.start)
    }

    /// The bytes of the text.
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The scenario cannot be simulated.
    Error,
    /// It can, but probably not with the result that was wanted.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to write instead, and what else helps; a sentence each.
    pub help: Vec<String>,
    place: SourceSpan,
    /// Says that something is not there: not worth saying where the text could not be read whole.
    missing: bool,
    /// Whether the machine is to blame, and not what was written.
    is_of_environment: bool,
}

impl Problem {
    /// An error at a place.
    pub fn error(place: SourceSpan, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            help: Vec::new(),
            place,
            missing: false,
            is_of_environment: false,
        }
    }

    /// A warning at a place.
    pub fn warning(place: SourceSpan, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message) }
    }

    /// An error at a place where something should be.
    pub fn missing(place: SourceSpan, message: impl Into<String>) -> Self {
        Self { missing: true, ..Self::error(place, message) }
    }

    /// The machine is to blame: the same may be right another time.
    pub(crate) fn of_environment(self) -> Self {
        Self { is_of_environment: true, ..self }
    }

    /// Adds advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// One of the texts that were read.
#[derive(Clone, Debug, PartialEq)]
struct Source {
    name: String,
    text: Arc<str>,
    /// The number of its first line.
    first_line: usize,
}

/// Everything that was found, with the texts it was found in.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    /// Errors and warnings beyond the first [`MAX_PROBLEMS`] of each.
    left_out: usize,
    warnings_left_out: usize,
    sources: Vec<Source>,
}

impl Problems {
    /// The problems, in the order of the text.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.found
    }

    /// Whether anything was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether any of it is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether the machine is to blame for all errors, so that nothing needs to be written in another way.
    #[must_use]
    pub fn are_of_environment(&self) -> bool {
        self.has_errors() && self.errors().all(|problem| problem.is_of_environment)
    }

    /// Name, line and column (both from 1, the column in characters) of a problem.
    #[must_use]
    pub fn location(&self, problem: &Problem) -> (&str, usize, usize) {
        match self.line_of(problem.place) {
            Some((source, number, line, at)) => (&source.name, number, line[..at].chars().count() + 1),
            None => ("", 1, 1),
        }
    }

    /// All problems as text for people: each with its place, the line with a caret, and advice.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled().hyperlink(false) } else { Renderer::plain() }.term_width(120);
        let mut text = String::new();
        for problem in &self.found {
            text.push_str(&self.render_one(problem, &renderer));
            text.push_str("\n\n");
        }
        let left_out = self.left_out + self.warnings_left_out;
        if left_out > 0 {
            text.push_str(&format!("... and {left_out} more problems like these\n\n"));
        }
        text.push_str(&self.count());
        text.push('\n');
        text
    }

    /// Takes in one more text, unless it is known, and says its number.
    pub fn add_source(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>, first_line: usize) -> usize {
        let new = Source { name: name.into(), text: text.into(), first_line };
        self.sources.iter().position(|known| *known == new).unwrap_or_else(|| {
            self.sources.push(new);
            self.sources.len() - 1
        })
    }

    /// The texts without any problem.
    pub fn texts(&self) -> Self {
        Self { sources: self.sources.clone(), ..Self::default() }
    }

    /// The errors.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// A problem of `others` as one of these: a text that is not known here is taken in.
    pub fn adopt(&mut self, problem: &Problem, others: &Self) -> Problem {
        let mut problem = problem.clone();
        if let Some(source) = others.sources.get(problem.place.source as usize) {
            let same = |known: &Source| known.name == source.name && known.text == source.text;
            let place = self.sources.iter().position(same).unwrap_or_else(|| {
                self.sources.push(source.clone());
                self.sources.len() - 1
            });
            problem.place.source = u32::try_from(place).unwrap_or(u32::MAX);
        }
        problem
    }

    /// Says that there are more problems than these.
    pub fn leave_out(&mut self, more: usize) {
        self.left_out += more;
    }

    /// Takes in one more problem, unless the same is known already (one mistake in shared defaults is one problem).
    pub fn push(&mut self, problem: Problem) {
        let same = |known: &Problem| {
            known.place == problem.place
                && known.severity == problem.severity
                && known.help == problem.help
                && without_path(&known.message) == without_path(&problem.message)
        };
        if self.found.iter().any(same) {
            return;
        }
        let left_out = match problem.severity {
            Severity::Error => &mut self.left_out,
            Severity::Warning => &mut self.warnings_left_out,
        };
        if self.found.iter().filter(|known| known.severity == problem.severity).count() < MAX_PROBLEMS {
            self.found.push(problem);
        } else {
            *left_out += 1;
        }
    }

    /// Whether so many errors are known that looking for more helps nobody.
    pub fn is_full(&self) -> bool {
        self.left_out > 0
    }

    /// Drops what would only repeat errors of syntax: what seems missing, and what stands on the same lines.
    pub fn drop_echoes_of(&mut self, syntax_errors: usize) {
        let syntax = &self.found[..syntax_errors];
        let line = |problem: &Problem| self.line_of(problem.place).map(|(_, number, ..)| number);
        let lines: Vec<_> = syntax.iter().map(line).collect();
        let keep: Vec<bool> = (self.found.iter().enumerate())
            .map(|(at, problem)| at < syntax_errors || !problem.missing && !lines.contains(&line(problem)))
            .collect();
        let mut keep = keep.into_iter();
        self.found.retain(|_| keep.next().unwrap_or(true));
    }

    /// Says of all errors after the first `before` problems what they hold for; warnings among them are dropped.
    pub fn say_of_later(&mut self, before: usize, what: &str) {
        let mut later = self.found.split_off(before.min(self.found.len()));
        later.retain(|problem| problem.severity == Severity::Error);
        later.iter_mut().for_each(|problem| problem.message = format!("{what}: {}", problem.message));
        self.found.append(&mut later);
    }

    /// Adds advice to every problem after the first `before`.
    pub fn advise_later(&mut self, before: usize, help: &str) {
        self.found.iter_mut().skip(before).for_each(|problem| problem.help.push(help.to_owned()));
    }

    /// The line (from 1) of a place.
    pub fn line_number(&self, place: SourceSpan) -> usize {
        self.line_of(place).map_or(1, |(_, number, ..)| number)
    }

    /// Puts the problems in the order of the text; what is not in the file comes after it. Warnings are kept only if there
    /// are no errors, because they may follow from one.
    pub fn finish(&mut self) {
        if self.has_errors() {
            self.found.retain(|problem| problem.severity == Severity::Error);
            self.warnings_left_out = 0;
        }
        self.found.sort_by_key(|problem| problem.place.order());
    }

    /// The source of a place, the number of its line, the line, and where in the line the place starts.
    fn line_of(&self, place: SourceSpan) -> Option<(&Source, usize, &str, usize)> {
        let source = self.sources.get(place.source as usize)?;
        let text = &*source.text;
        let mut at = place.range().start.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
        let number = source.first_line + text[..start].matches('\n').count();
        Some((source, number, text[start..end].trim_end_matches('\r'), at - start))
    }

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let level = if problem.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
        let title = level.primary_title(problem.message.as_str());
        let help = problem.help.iter().map(|help| Level::HELP.message(normalize_untrusted_str(help)));
        let Some((source, number, line, at)) = self.line_of(problem.place) else {
            return renderer.render(&[title.elements(help)]);
        };
        // A piece over several lines is shown by its first; of an endless line only the part around the caret.
        let at = at.min(line.len());
        let end = boundary(line, (at + problem.place.range().len()).min(line.len()));
        if line.len() <= MAX_SHOWN_LINE {
            let caret = AnnotationKind::Primary.span(at..end);
            let snippet = Snippet::source(line).path(source.name.as_str()).line_start(number).annotation(caret);
            return renderer.render(&[title.element(snippet).elements(help)]);
        }
        let column = line[..at].chars().count() + 1;
        let (from, to) = (boundary(line, at.saturating_sub(30)), boundary(line, (at + 80).min(line.len())));
        let origin = Origin::path(source.name.as_str()).line(number).char_column(column);
        let caret = AnnotationKind::Primary.span(at - from..end.min(to) - from);
        let snippet = Snippet::source(&line[from..to]).line_start(number).annotation(caret);
        renderer.render(&[title.element(origin).element(snippet).elements(help)])
    }

    fn count(&self) -> String {
        let number = |severity| self.found.iter().filter(|problem| problem.severity == severity).count();
        let word = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        match number(Severity::Error) + self.left_out {
            0 => word(number(Severity::Warning) + self.warnings_left_out, "warning"),
            errors => word(errors, "error"),
        }
    }
}

impl fmt::Display for Problems {
    /// Without colours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// A message without the dotted key at its start: defaults are read once for each function that takes them.
fn without_path(message: &str) -> &str {
    message.strip_prefix('`').and_then(|rest| rest.split_once('`')).map_or(message, |(_, rest)| rest)
}

/// The known word nearest to a mistyped one, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let word = plain(word);
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    let known: Vec<&str> = known.into_iter().collect();
    // One of the words of which a name is made: `p99` of `latency_s.p99`, `lambda` of `aws-lambda`.
    let is_part = |candidate: &str| plain(candidate).split(['-', '.']).any(|part| part == word);
    let part = known.iter().copied().find(|candidate| word.len() >= 3 && is_part(candidate));
    known
        .iter()
        .copied()
        .map(|candidate| {
            let other = plain(candidate);
            let distance = strsim::damerau_levenshtein(&word, &other);
            // An abbreviation, or a word cut short, is meant too.
            let begins = word.len() >= 3 && (other.starts_with(&word) || word.starts_with(&other) && other.len() >= 3);
            (if begins { distance.min(1) } else { distance }, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        .or(part)
}

/// What to say about a word that is none of the known ones: the nearest, else all of them if they are few.
#[must_use]
pub fn instead<'a>(word: &str, what: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let shown: Vec<String> = known.iter().take(24).map(|name| format!("`{name}`")).collect();
    let more = if known.len() > shown.len() { ", ..." } else { "" };
    if shown.is_empty() { "there are none".to_owned() } else { format!("{what}: {}{more}", shown.join(", ")) }
}

/// The end of a character at or before `at`.
fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
