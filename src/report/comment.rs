//! What a plan recommends, as a comment for a pull request.

use std::fmt::Write as _;

use super::format::{Quantity, money};
use crate::measure::plan::{Beside, Estimate, Plan, Role};

/// By this a file is known as such a comment.
pub const MARK: &str = "<!-- forewarm plan -->";

/// Before, after, cost and verdict, in Markdown; `before` knows the value that a key has today.
#[must_use]
pub fn comment(plan: &Plan, before: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = format!("{MARK}\n### forewarm: {}\n\n", plain(&plan.scenario.name));
    let Some(best) = plan.best.and_then(|best| plan.candidate(best)) else {
        out.push_str("No configuration is shown to meet every objective.\n");
        return out;
    };
    let of = |role: Role| plan.beside.iter().find(|one| one.role == role);
    let today = of(Role::Today);
    let is_same = today.and_then(|today| today.candidate).is_some_and(|today| Some(today) == plan.best);
    if is_same {
        out.push_str("**Nothing to change:** today's configuration is the cheapest that meets every objective.\n\n");
    }
    out.push_str("| | before | after |\n|---|---|---|\n");
    for (place, axis) in plan.axes.iter().enumerate() {
        let value = |value: Option<&String>| value.map_or_else(|| "-".to_owned(), |value| plain(value));
        let _ = writeln!(
            out,
            "| `{}` | {} | {} |",
            plain(&axis.key),
            value(before(&axis.key).as_ref()),
            value(best.values.get(place))
        );
    }
    let after = of(Role::Recommended).or(today.filter(|_| is_same));
    let mut row = |name: &str, get: &dyn Fn(&Beside) -> String| {
        let shown = |one: Option<&Beside>| one.map_or_else(|| "-".to_owned(), get);
        let _ = writeln!(out, "| {name} | {} | {} |", shown(today), shown(after));
    };
    row("cost per month", &|one| Quantity::Usd.stat(&one.month_usd));
    row("p99 latency", &|one| Quantity::Seconds.stat(&one.latency_s_p99));
    row("failed requests", &|one| Quantity::Ratio.stat(&one.failure_ratio));
    row("waited for a cold start", &|one| Quantity::Ratio.stat(&one.cold_affected_ratio));
    row("objectives met", &|one| format!("{} of {}", one.met, one.objectives));
    let Estimate { mean, low, high } = best.month_usd;
    if let (Some(mean), Some(low), Some(high)) = (mean, low, high) {
        let _ = writeln!(
            out,
            "\nThe recommended configuration costs {} a month ({} to {}, 95 % confidence) and meets every objective.",
            money(mean),
            money(low),
            money(high)
        );
    }
    out.push_str("\nSimulated, not measured.\n");
    out
}

/// A text that no table of Markdown takes apart.
fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '|' | '`' | '<' | '>' | '\n' | '\r') { ' ' } else { c }).collect()
}
