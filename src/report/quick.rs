//! The answer of `forewarm quick`: what users feel, what it costs, which limits are reached, what to set.

use super::format::{Quantity, cents};
use super::kinds::plan as planned;
use super::phrases;
use crate::measure::plan::{Candidate, Plan};
use crate::measure::summary::Summary;

/// A few lines for the terminal: what holds as it is, and what `plan` recommends, if something must be met.
#[must_use]
pub fn answer(summary: &Summary, plan: Option<&Plan>, has_prices: bool) -> String {
    let lines = [
        ("Users feel", users(summary)),
        ("Cost", if has_prices { cost(summary) } else { "no prices given".to_owned() }),
        ("Limits", limits(summary)),
        ("Set", setting(summary, plan)),
    ];
    let based_on = phrases::based_on(&summary.assumptions);
    let based_on = based_on.map(|text| ("Based on", text.trim_start_matches("Based on ").to_owned()));
    lines.into_iter().chain(based_on).map(|(name, text)| format!("{:<12}{text}\n", format!("{name}:"))).collect()
}

fn users(summary: &Summary) -> String {
    let total = &summary.total;
    format!(
        "p50 {}, p99 {}; {} waited for a cold start, {} failed",
        Quantity::Seconds.stat(&total.latency_s.p50),
        Quantity::Seconds.stat(&total.latency_s.p99),
        Quantity::Ratio.stat(&total.cold_affected_ratio),
        Quantity::Ratio.stat(&total.failure_ratio),
    )
}

fn cost(summary: &Summary) -> String {
    let month = Quantity::Usd.stat(&summary.monthly_cost_usd);
    let million = Quantity::Usd.stat(&summary.total.cost_usd.per_million_requests);
    format!("{month} a month at this rate, {million} per million requests")
}

fn limits(summary: &Summary) -> String {
    match summary.limits.first() {
        None => "none reached".to_owned(),
        Some(hit) => format!("{}: {}", phrases::limit(hit), phrases::held(hit)),
    }
}

/// What to set so that everything is met.
fn setting(summary: &Summary, plan: Option<&Plan>) -> String {
    let Some(first) = summary.objectives.first() else {
        return "add an objective to get a recommendation, as in --slo \"p99<800ms\"".to_owned();
    };
    let bound = format!("{} {}", first.subject(), phrases::bound(first));
    let asked = if summary.objectives.len() > 1 { "every objective".to_owned() } else { bound };
    let Some(plan) = plan else {
        let is_met = summary.objectives.iter().all(|objective| objective.met);
        return if is_met { format!("nothing: {asked} is met") } else { format!("{asked} is not met") };
    };
    let today = plan.candidates.iter().find(|one| one.number == 0);
    match plan.best.and_then(|best| plan.candidate(best)) {
        Some(best) if best.number == 0 => format!("nothing: {asked} is already met"),
        Some(best) => {
            format!("{} meets {asked} for {}", plan.describe(best), price(best, today, summary.monthly_cost_usd.mean))
        }
        None => match &plan.nearest {
            Some(nearest) => planned::nearest(plan, nearest),
            None => format!("no tested value meets {asked}"),
        },
    }
}

/// What a configuration costs, and the difference from the amount shown as `now`. The difference is that of the same requests,
/// and the sums can be checked.
fn price(one: &Candidate, today: Option<&Candidate>, now: f64) -> String {
    let Some(month) = one.month_usd.mean else { return "an unknown price".to_owned() };
    let usd = |x: f64| Quantity::Usd.text(x);
    match today.and_then(|today| today.month_usd.mean).map(|before| month - before) {
        Some(more) => match cents(now + more) - cents(now) {
            shown if shown < 0.0 => format!("{} a month, which saves {}", usd(now + more), usd(-shown)),
            shown => format!("{} a month, {} more than now", usd(now + more), usd(shown)),
        },
        None => format!("{} a month", usd(month)),
    }
}
