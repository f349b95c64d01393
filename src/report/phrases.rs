//! What several reports say in the same words.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::measure::comparison::Crossing;
use crate::measure::summary::{Asked, LimitHit, ObjectiveResult, Shape, Stat, Summary};
use crate::metric::Stability;
use crate::report::document::Card;
use crate::report::format::{Quantity, count, exactly, percent};
use crate::scenario::objective::TOLERATED_FAILURES;
use crate::scenario::{Assumption, AssumptionKind};

/// Number of unverified values that are listed.
const UNVERIFIED: usize = 3;

/// What latency is made of.
pub(super) const T_EXEC: &str =
    "T_exec = T_func + T_wait: latency is duration plus waiting time; T_wait = queueing + cold start.";
/// What the number of events is.
pub(super) const N_EVENT: &str = "N_event = sum of E_i: the number of events in one replication, by kind.";
/// What the static estimate is and is not.
pub(super) const N_INSTANCE: &str = "N_instance = L_load / C_instance: the static estimate, without simulation. It \
                                     accounts for neither bursts nor idle instances kept warm.";

/// What a monthly cost is.
pub(super) const MONTH: &str = "Costs per month are for 30 days at the simulated rate.";

/// The answer to the objectives in a few words.
pub(super) fn verdict(summary: &Summary) -> String {
    let all = summary.objectives.len();
    let met = summary.objectives.iter().filter(|objective| objective.met).count();
    match all {
        0 => "No objectives in this scenario".to_owned(),
        1 => format!("Objective {}met", if met == 1 { "" } else { "not " }),
        _ => format!("{met} of {all} objectives met"),
    }
}

/// Whether there are objectives and all are met.
pub(super) fn all_met(summary: &Summary) -> Option<bool> {
    (!summary.objectives.is_empty()).then(|| summary.objectives.iter().all(|objective| objective.met))
}

/// What an objective asks for: `below 800 ms`.
pub(super) fn bound(asked: &Asked) -> String {
    let quantity = asked.quantity();
    let part = |word: &str, bound: Option<f64>| bound.map(|x| format!("{word} {}", quantity.bound(x)));
    let parts = [part("above", asked.above), part("below", asked.below), part("at least", asked.share)];
    if let Some(at_worst) = asked.stability {
        let word = at_worst.word();
        return if at_worst == Stability::Stable { word.to_owned() } else { format!("{word} at worst") };
    }
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was found of an objective: `612 ± 14 ms`, `never (28 % failed)`.
pub(super) fn found(objective: &ObjectiveResult) -> String {
    let failed = objective.failure_ratio.map(|ratio| format!("{} failed", percent(ratio)));
    if objective.stability.is_some() {
        return format!("{} of replications", percent(objective.value.mean));
    }
    let value = || objective.quantity().stat(&objective.value);
    match failed {
        Some(failed) if objective.value.mean == f64::INFINITY => format!("never ({failed})"),
        Some(failed) => format!("{}, but {failed}", value()),
        None => value(),
    }
}

/// Whether enough requests failed to require attention.
pub(super) fn is_much(failure_ratio: f64) -> bool {
    failure_ratio >= TOLERATED_FAILURES
}

/// How many requests failed and why, if there are enough to require attention.
pub(super) fn failures(summary: &Summary) -> Option<String> {
    let (total, requests) = (&summary.total, &summary.total.requests);
    let causes = [
        ("timed out", &requests.timed_out),
        ("rejected", &requests.rejected),
        ("ended with an error", &requests.failed),
        ("unfinished", &requests.unfinished),
    ];
    let mut causes: Vec<(&str, f64)> =
        causes.into_iter().map(|(cause, stat)| (cause, stat.mean)).filter(|(_, count)| *count > 0.0).collect();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let causes: Vec<String> =
        causes.into_iter().map(|(cause, number)| format!("{} {cause}", count(number.round()))).collect();
    (total.failure_ratio.mean >= TOLERATED_FAILURES).then(|| {
        let arrived = count(requests.arrived.mean.round());
        format!("{} of requests failed ({arrived} arrived: {})", percent(total.failure_ratio.mean), causes.join(", "))
    })
}

/// What the measured period cost, then what a month would; what is free each month is a line of its own.
pub(super) fn cost_card(summary: &Summary) -> Card {
    if !summary.has_prices {
        return Card::new("Cost", "no prices given", []);
    }
    let measured = Quantity::Usd.stat(&summary.total.cost_usd.total);
    let month = Quantity::Usd.stat(&summary.monthly_cost_usd);
    let mut lines = vec![format!("{month} a month at this rate")];
    let free = summary.monthly_free_usd.mean;
    if free > 0.0 {
        let list = Quantity::Usd.text(summary.monthly_cost_usd.mean + free);
        lines.push(format!("list price {list} a month, less a free tier of {}", Quantity::Usd.text(free)));
    }
    Card::new("Cost", format!("{measured} for {}", exactly(summary.measured_s)), lines)
}

/// A limit with its value and the function it applies to: `reserved 200 of checkout`.
pub(super) fn limit(hit: &LimitHit) -> String {
    let text = |value: f64| if is_timeout(hit) { Quantity::Seconds.bound(value) } else { count(value) };
    let value = hit.value.map_or_else(String::new, |value| format!(" {}", text(value)));
    format!("{}{value} of {}", hit.limit, hit.function)
}

/// The effect of a limit: `throttled 1,234`.
pub(super) fn held(hit: &LimitHit) -> String {
    let what = if is_timeout(hit) { "timed out" } else { "throttled" };
    format!("{what} {}", Quantity::Count.stat(&hit.throttled))
}

fn is_timeout(hit: &LimitHit) -> bool {
    hit.limit.ends_with("timeout")
}

/// How much was simulated, in one line.
pub(super) fn extent(summary: &Summary) -> String {
    let replications = match summary.replications {
        1 => "1 replication".to_owned(),
        n => format!("{} replications", count(f64::from(n))),
    };
    let measured = if summary.measured_s < summary.horizon_s {
        format!("{} simulated, {} measured", exactly(summary.horizon_s), exactly(summary.measured_s))
    } else {
        format!("{} simulated", exactly(summary.horizon_s))
    };
    format!("{measured}, {replications}, seed {}", summary.seed)
}

/// What stands behind the sign ±, or why it is missing.
pub(super) fn intervals(summary: &Summary) -> String {
    if let Some(batches) = &summary.evidence.batch_means {
        return format!(
            "± is the half-width of the 95 % confidence interval from {} batches of one run",
            batches.count
        );
    }
    match summary.replications {
        0 | 1 => "One replication: no confidence intervals".to_owned(),
        n => format!("± is the half-width of the 95 % confidence interval over {n} replications"),
    }
}

/// A function's part of the cost of a month, by its part of the measured cost.
pub(super) fn monthly(summary: &Summary, shape: &Shape<Stat>) -> Stat {
    let factor = summary.monthly_cost_usd.mean / summary.total.cost_usd.total.mean;
    let factor = if factor.is_finite() { factor } else { 1.0 };
    let cost = shape.cost_usd.total;
    Stat { mean: cost.mean * factor, half_width: cost.half_width.map(|half| half * factor) }
}

/// Orders numbers from the largest down, with missing ones last: they have no order of their own, and their
/// signs differ between what was computed and what was read.
pub(super) fn largest_first(a: f64, b: f64) -> Ordering {
    b.is_finite().cmp(&a.is_finite()).then(if a.is_finite() { b.total_cmp(&a) } else { Ordering::Equal })
}

/// The functions, those with the most arrivals first; the order of the scenario among equals.
pub(super) fn busiest(summary: &Summary) -> Vec<(&str, &Shape<Stat>)> {
    let mut functions: Vec<_> = summary.functions.iter().map(|(name, shape)| (name.as_str(), shape)).collect();
    functions.sort_by(|(_, a), (_, b)| largest_first(a.requests.arrived.mean, b.requests.arrived.mean));
    functions
}

/// The text without characters that a terminal or XML cannot show, cut to `width` characters.
pub(super) fn sanitize(name: &str, width: usize) -> String {
    let clean: String =
        name.chars().map(|c| if c.is_control() || is_bidi_control(c) { '\u{fffd}' } else { c }).collect();
    if clean.chars().count() <= width {
        return clean;
    }
    clean.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// The text without what a terminal would obey, but for line breaks, tabs and, where `has_colours`, colours.
pub(crate) fn harmless(text: &str, has_colours: bool) -> Cow<'_, str> {
    let is_harmless = |c: char| c == '\n' || c == '\t' || !(c.is_control() || is_bidi_control(c));
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = if has_colours { colour(rest) } else { 0 };
        let len = if colour > 0 { colour } else { c.len_utf8() };
        if colour > 0 || is_harmless(c) {
            harmless.push_str(&rest[..len]);
        } else {
            harmless.push('\u{fffd}');
        }
        rest = &rest[len..];
    }
    Cow::Owned(harmless)
}

/// How long the sequence is at the beginning of a text that sets a colour (ECMA-48, SGR); 0 if there is none.
fn colour(text: &str) -> usize {
    let Some(after) = text.strip_prefix("\u{1b}[") else { return 0 };
    match after.find(|c: char| !(c.is_ascii_digit() || c == ';')) {
        Some(end) if after[end..].starts_with('m') => "\u{1b}[".len() + end + 1,
        _ => 0,
    }
}

/// Whether a character turns the direction of all text behind it (Unicode Standard Annex 9, explicit formatting).
pub(super) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with what XML gives a meaning written as references, and without what XML forbids.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() || is_bidi_control(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Where another contender becomes the cheapest, for a heading.
pub(super) fn crossing_in_short(found: &Crossing) -> String {
    format!("{} up to {} requests per second, {} above", found.below, count(found.requests_per_s), found.above)
}

/// Where another contender becomes the cheapest, in a few words.
pub(super) fn crossing(found: &Crossing) -> String {
    let Crossing { below, above, load, requests_per_s, month_usd } = found;
    let at = match month_usd {
        Some(usd) => format!("both cost {} a month there", Quantity::Usd.text(*usd)),
        None => "decided by the objectives, not by the price".to_owned(),
    };
    format!(
        "{below} is the cheapest up to about {} requests per second ({}x the load), {above} above that: {at}",
        count(*requests_per_s),
        count(*load)
    )
}

/// What a result rests on that has to be known, in a sentence; none if there is nothing.
pub(super) fn based_on(assumptions: &[Assumption]) -> Option<String> {
    let of = |kind| {
        let subjects: Vec<&str> =
            assumptions.iter().filter(|one| one.kind == kind).map(|one| one.subject.as_str()).collect();
        (!subjects.is_empty()).then_some(subjects)
    };
    let minimal = of(AssumptionKind::MinimalFunction);
    let minimal = minimal.map(|names| format!("cold starts of minimal functions ({})", names.join("; ")));
    let unverified = of(AssumptionKind::Unverified);
    let unverified = unverified.map(|keys| {
        let more = keys.len().saturating_sub(UNVERIFIED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("unverified values ({}{more})", keys[..keys.len().min(UNVERIFIED)].join(", "))
    });
    let adapted =
        of(AssumptionKind::Adapted).map(|keys| format!("settings adapted to the platform ({})", keys.join(", ")));
    let parts: Vec<String> = [minimal, unverified, adapted].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("Based on {}.", parts.join(", and on ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_but_colours() {
        let text = "a\tb\nä \u{1b}[1;31mred\u{1b}[0m";
        assert_eq!(harmless(text, true), text);
        assert_eq!(harmless(text, false), "a\tb\nä \u{fffd}[1;31mred\u{fffd}[0m");
        for hostile in
            ["\u{1b}[2J", "\u{1b}]0;title\u{7}", "\u{1b}[31", "\u{9b}31m", "\r", "\u{202e}", "\u{1b}[1;31m\u{1b}[A"]
        {
            let found = harmless(hostile, true);
            assert!(found.contains('\u{fffd}') && !found.contains("\u{1b}[A") && !found.contains('\r'), "{found:?}");
        }
    }
}
