//! The plan on the terminal. Fits 80 columns.

use super::{
    beside_the_front, bound, extent, headline, headroom, mean, method, nearest, objective, open, price, range,
    recommended,
};
use super::{by_mean, runner_up, static_estimate, times, unasked, word};
use crate::measure::plan::{Plan, Verdict};
use crate::report::number::{Quantity, percent};
use crate::report::text::{GREEN, RED, Text, WIDTH, wrapped};
use crate::report::wording::shown;

/// The widest description of a configuration.
const NAME: usize = 44;
/// How many configurations of the front are shown.
const FRONT: usize = 8;
/// How many functions are told the rule of thumb for.
const FUNCTIONS: usize = 5;

/// A plan as a text of at most 80 columns; `colour` adds ANSI colours.
#[must_use]
pub fn render(plan: &Plan, colour: bool) -> String {
    let mut out = Text::new(colour);
    paragraph(&mut out, &format!("{}: {}", shown(&plan.scenario.name, 24), extent(plan)), "");
    out.line("");
    if !plan.is_finished {
        out.line(&out.bold("It was interrupted: this is what was known by then."));
    }
    answer(&mut out, plan);
    if let Some(grown) = &plan.headroom {
        heading(&mut out, "When the load grows");
        loads(&mut out, plan);
        headroom(plan, grown).iter().for_each(|text| paragraph(&mut out, text, "  "));
    }
    if !plan.prices.is_empty() {
        heading(&mut out, "What each objective costs");
        for one in &plan.prices {
            paragraph(&mut out, &format!("{}: {}", objective(plan, one.objective), price(plan, one)), "  ");
        }
    }
    if plan.front.len() > 1 {
        heading(&mut out, &format!("Cost against {}", plan.latency));
        front(&mut out, plan);
    }
    if !plan.static_estimates.is_empty() {
        heading(&mut out, "The static estimate");
        for one in plan.static_estimates.iter().take(FUNCTIONS) {
            paragraph(&mut out, &static_estimate(plan, one), "  ");
        }
    }
    out.line("");
    for text in open(plan).into_iter().chain([method(plan)]) {
        for line in wrapped(&text, WIDTH) {
            out.line(&out.faint(&line));
        }
    }
    out.finish()
}

fn heading(out: &mut Text, text: &str) {
    out.line("");
    out.line(&out.bold(text));
}

fn paragraph(out: &mut Text, text: &str, indent: &str) {
    for (place, line) in wrapped(text, WIDTH - indent.len() - 2).iter().enumerate() {
        let hang = if place > 0 && !indent.is_empty() { "  " } else { "" };
        out.line(&format!("{indent}{hang}{line}"));
    }
}

/// What to set, what it costs, what it buys; or what comes nearest.
fn answer(out: &mut Text, plan: &Plan) {
    let Some(best) = recommended(plan) else {
        for line in wrapped(&headline(plan), WIDTH) {
            out.line(&out.paint(RED, &line));
        }
        if let Some(one) = &plan.nearest {
            paragraph(out, &nearest(plan, one), "");
        }
        return;
    };
    for line in wrapped(&headline(plan), WIDTH) {
        out.line(&out.paint(GREEN, &line));
    }
    let range = range(Quantity::Usd, &best.month_usd).map_or_else(String::new, |range| format!(" ({range})"));
    out.line(&format!("  {} a month{range}", mean(Quantity::Usd, &best.month_usd)));
    if let Some(other) = runner_up(plan) {
        paragraph(out, &format!("then {other}"), "  ");
    }
    if let Some(text) = unasked(plan) {
        paragraph(out, &text, "  ");
    }
    out.line("");
    for (asked, outcome) in plan.objectives.iter().zip(&best.objectives) {
        let quantity = asked.quantity();
        let text = match outcome.verdict {
            Verdict::Met => out.paint(GREEN, "met    "),
            _ => out.paint(RED, "NOT MET"),
        };
        let most = outcome.value.high.filter(|_| asked.below.is_some()).or(outcome.value.low);
        let side = if asked.below.is_some() { "at most" } else { "at least" };
        let sure = most.map_or_else(String::new, |most| format!(", surely {side} {}", quantity.text(most)));
        let value = mean(quantity, &outcome.value);
        out.line(&format!("  {text}  {:<30} {value:>9}{sure}", shown(&asked.subject(), 30)));
        let note = by_mean(outcome).map_or_else(String::new, |note| format!("; {note}"));
        out.line(&out.faint(&format!("           {}{note}", bound(asked))));
    }
}

fn loads(out: &mut Text, plan: &Plan) {
    let Some(headroom) = &plan.headroom else { return };
    out.line(&out.faint(&format!("  {:>10} {:>12} {:>11}  {}", "load", "a month", "latency", "objectives")));
    for point in &headroom.points {
        let not_met = |verdict: Verdict| {
            let outcomes = point.objectives.iter().enumerate();
            outcomes.filter(|(_, one)| one.verdict == verdict).map(|(place, _)| place).next()
        };
        let verdict = match (not_met(Verdict::Missed), not_met(Verdict::Open)) {
            (Some(place), _) => out.paint(RED, &shown(&format!("missed: {}", plan.objectives[place].subject()), 38)),
            (None, Some(place)) => shown(&format!("{}: {}", word(Verdict::Open), plan.objectives[place].subject()), 38),
            (None, None) => out.paint(GREEN, "met"),
        };
        out.line(&format!(
            "  {:>10} {:>12} {:>11}  {verdict}",
            times(point.multiple),
            mean(Quantity::Usd, &point.month_usd),
            mean(Quantity::of(&plan.latency), &point.latency_s),
        ));
    }
}

fn front(out: &mut Text, plan: &Plan) {
    let every = plan.front.len().div_ceil(FRONT).max(1);
    let mut left_out = 0;
    for (place, number) in plan.front.iter().enumerate() {
        let is_best = Some(*number) == plan.best;
        if place % every != 0 && !is_best {
            left_out += 1;
            continue;
        }
        let Some(one) = plan.candidate(*number) else { continue };
        let mark = if is_best { "*" } else { " " };
        out.line(&format!(
            " {mark}{:>11} {:>11}  {}",
            mean(Quantity::Usd, &one.month_usd),
            mean(Quantity::of(&plan.latency), &one.latency_s),
            shown(&plan.describe(one), NAME)
        ));
    }
    if left_out > 0 {
        out.line(&out.faint(&format!("  {left_out} more between them are in plan.csv.")));
    }
    if let Some(why) = beside_the_front(plan) {
        paragraph(out, &why, "  ");
    }
    let unlisted = plan.method.candidates - plan.method.looked_at;
    if unlisted > 0 {
        let share = percent(plan.method.looked_at as f64 / plan.method.candidates as f64);
        out.line(&out.faint(&format!("  Of the configurations {share} were looked at.")));
    }
}
