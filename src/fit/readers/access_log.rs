//! Access logs of nginx and Apache: common and combined, with the time a request took where it is logged.

use super::alb::words;
use super::{Content, Reader};
use crate::fit::measured::{Measured, Outcome, Request};
use crate::fit::{units, when};

pub(super) const READER: Reader = Reader { name: "web server access log", is, read };

/// Durations in whole numbers may be seconds if all are below this.
const MAX_SECONDS: f64 = 300.0;
/// Of whole seconds, at least this share is 0. Of microseconds none is: every request takes some.
const ZEROS: f64 = 0.1;

fn is(content: &Content<'_>) -> bool {
    content.text.lines().take(20).any(|line| one(line).is_some())
}

/// What a line says.
struct Line {
    /// Its time, in whole seconds.
    at_s: f64,
    status: u32,
    /// The last whole number after the user agent, and the seconds of the unit that its name gives.
    whole: Option<(f64, Option<f64>)>,
    /// The last number with decimals.
    decimal: Option<(f64, Option<f64>)>,
}

fn one(line: &str) -> Option<Line> {
    let words = words(line);
    let place = words.iter().position(|word| word.starts_with('['))?;
    let at_s = when::parse(words[place])?;
    let status = words.get(place + 2)?.parse::<u32>().ok().filter(|status| (100..600).contains(status))?;
    let (mut whole, mut decimal) = (None, None);
    for word in words.iter().skip(place + 4) {
        let (name, value) = word.rsplit_once('=').unwrap_or(("", word));
        let number = value.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        let Some(number) = number else { continue };
        let found = Some((number, units::split(name).1));
        if value.bytes().all(|byte| byte.is_ascii_digit()) {
            whole = found;
        } else {
            decimal = found;
        }
    }
    Some(Line { at_s, status, whole, decimal })
}

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    /// Its `$request_time` is in seconds with decimals, and its `$time_local` the end of the request.
    Nginx,
    /// Its durations are whole numbers, in units of so many seconds, and its `%t` is the start of the request.
    Apache(f64),
}

/// All lines decide: a single number does not show its unit.
fn server(lines: &[(usize, Line)]) -> Server {
    let decimals = lines.iter().filter(|(_, line)| line.decimal.is_some()).count();
    let numbers = lines.iter().filter(|(_, line)| line.decimal.is_some() || line.whole.is_some()).count();
    if decimals * 2 > numbers {
        return Server::Nginx;
    }
    let wholes: Vec<f64> = lines.iter().filter_map(|(_, line)| line.whole).map(|(number, _)| number).collect();
    let zeros = wholes.iter().filter(|number| **number == 0.0).count();
    let is_seconds =
        zeros > 0 && zeros as f64 >= ZEROS * wholes.len() as f64 && wholes.iter().all(|number| *number < MAX_SECONDS);
    Server::Apache(if is_seconds { 1.0 } else { 1e-6 })
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    measured.seen_by_clients = true;
    measured.whole_seconds = true;
    let mut lines = Vec::new();
    for (number, line) in content.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match one(line) {
            Some(line) => lines.push((number + 1, line)),
            None => measured.skip(content.name, number + 1, "not a line of an access log"),
        }
    }
    let server = server(&lines);
    let mut is_assumed = false;
    for (number, line) in lines {
        let outcome = match line.status {
            429 => Outcome::Throttled,
            504 => Outcome::TimedOut,
            500.. => Outcome::Failed,
            _ => Outcome::Completed,
        };
        let (found, unit_s) = match server {
            Server::Nginx => (line.decimal, 1.0),
            Server::Apache(unit_s) => (line.whole, unit_s),
        };
        if found.is_none() && (line.whole.is_some() || line.decimal.is_some()) {
            measured.skip(content.name, number, "a duration that is not written like those of the other lines");
            continue;
        }
        let duration = found.map(|(value, named_s)| value * named_s.unwrap_or(unit_s));
        is_assumed |= server != Server::Nginx && found.is_some_and(|(_, named_s)| named_s.is_none());
        let before = if server == Server::Nginx { duration.unwrap_or(0.0) } else { 0.0 };
        let function = measured.function("");
        measured.requests.push(Request {
            at_s: Some(line.at_s - before),
            duration_s: duration,
            function,
            outcome,
            ..Request::default()
        });
    }
    if let (Server::Apache(unit_s), true) = (server, is_assumed) {
        let why = if unit_s < 1.0 { "as Apache's %D" } else { "as Apache's %T, because many are 0" };
        measured.assumed.push(format!(
            "{}: durations are whole numbers and read as {}, {why}; for another unit, log it by name, such as \
             `duration_ms=%{{ms}}T`",
            content.name,
            units::name(unit_s)
        ));
    }
}
