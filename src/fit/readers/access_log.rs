//! Access logs of nginx and Apache: common and combined, with the time a request took where it is logged.

use super::alb::words;
use super::{Content, Reader};
use crate::fit::measured::{Measured, Outcome, Request};
use crate::fit::when;

pub(super) const READER: Reader = Reader { name: "web server access log", is, read };

fn is(content: &Content<'_>) -> bool {
    content.text.lines().take(20).any(|line| one(line).is_some())
}

/// Start in whole seconds, status, duration.
fn one(line: &str) -> Option<(f64, u32, Option<f64>)> {
    let words = words(line);
    let place = words.iter().position(|word| word.starts_with('['))?;
    let at = when::parse(words[place])?;
    let status = words.get(place + 2)?.parse::<u32>().ok().filter(|status| (100..600).contains(status))?;
    // What follows the user agent: nginx logs seconds with three decimals, Apache's %D microseconds, %T seconds.
    let mut extra = words.iter().skip(place + 4).rev().filter_map(|word| {
        let word = word.rsplit('=').next().unwrap_or(word);
        let number: f64 = word.parse().ok()?;
        let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
        (number.is_finite() && number >= 0.0).then(|| if is_plain && number >= 1_000.0 { number / 1e6 } else { number })
    });
    Some((at, status, extra.next()))
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    measured.seen_by_clients = true;
    measured.whole_seconds = true;
    for (number, line) in content.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Some((at, status, duration)) = one(line) else {
            measured.skip(content.name, number + 1, "not a line of an access log");
            continue;
        };
        let outcome = match status {
            429 => Outcome::Throttled,
            504 => Outcome::TimedOut,
            500.. => Outcome::Failed,
            _ => Outcome::Completed,
        };
        let function = measured.function("");
        // Written when the answer is sent.
        measured.requests.push(Request {
            at_s: Some(at - duration.unwrap_or(0.0)),
            duration_s: duration,
            function,
            outcome,
            ..Request::default()
        });
    }
}
