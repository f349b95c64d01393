//! Access logs of AWS Application Load Balancers.

use super::{Content, Reader};
use crate::fit::measured::{Measured, Outcome, Request};
use crate::fit::when;

pub(super) const READER: Reader = Reader { name: "ALB access log", is, read };

/// Words of a line, those in quotes being one.
pub(super) fn words(line: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        let end = if let Some(inside) = rest.strip_prefix('"') {
            let mut escaped = false;
            let close = inside.char_indices().find(|(_, c)| {
                let is_end = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                is_end
            });
            close.map_or(rest.len(), |(at, _)| at + 2)
        } else if rest.starts_with('[') {
            rest.find(']').map_or(rest.len(), |at| at + 1)
        } else {
            rest.find(' ').unwrap_or(rest.len())
        };
        words.push(rest[..end].trim_matches('"'));
        rest = rest[end..].trim_start();
    }
    words
}

fn is(content: &Content<'_>) -> bool {
    let words = words(content.text.lines().next().unwrap_or_default());
    words.len() >= 12
        && matches!(words[0], "http" | "https" | "h2" | "grpcs" | "ws" | "wss")
        && when::parse(words[1]).is_some()
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    measured.seen_by_clients = true;
    for (number, line) in content.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let words = words(line);
        let number_at = |place: usize| words.get(place).and_then(|word| word.parse::<f64>().ok());
        let (Some(end), Some(request), Some(target), Some(response)) =
            (words.get(1).and_then(|word| when::parse(word)), number_at(5), number_at(6), number_at(7))
        else {
            measured.skip(content.name, number + 1, "not a line of an ALB's log");
            continue;
        };
        // -1: it never came so far.
        let known = |time: f64| time.max(0.0);
        let status = number_at(8).unwrap_or(0.0);
        let outcome = match status as u32 {
            429 => Outcome::Throttled,
            504 => Outcome::TimedOut,
            500.. => Outcome::Failed,
            _ => Outcome::Completed,
        };
        let function = measured.function("");
        measured.requests.push(Request {
            at_s: Some(end - known(request) - known(target) - known(response)),
            duration_s: (target >= 0.0).then_some(target),
            function,
            outcome,
            ..Request::default()
        });
    }
}
