//! `report.html` of a plan: one page for whoever decides, then the evidence.

use maud::{Markup, html};

use super::{
    bound, extent, headline, headroom, mean, method, nearest, objective, open, price, range, ranged, recommended,
    runner_up, static_estimate, times, unasked, word,
};
use crate::measure::Manifest;
use crate::measure::plan::{Estimate, Outcome, Plan, Verdict};
use crate::report::chart::Drawn;
use crate::report::number::{Quantity, count, duration};
use crate::report::page::{self, Cell, Column, Section};

/// How many rows a table shows before "show all".
const ROWS: usize = 25;

/// The page of a plan.
#[must_use]
pub fn render(plan: &Plan, manifest: &Manifest, charts: &[Drawn]) -> String {
    let chart = |name: &str| charts.iter().find(|chart| chart.name == name);
    let mut sections = Vec::new();
    if plan.headroom.is_some() {
        let body = html! { @if let Some(chart) = chart("headroom") { (page::figure(chart)) } (loads(plan)) };
        sections.push(Section { id: "headroom", title: "When the load grows", body });
    }
    if !plan.prices.is_empty() {
        sections.push(Section { id: "prices", title: "What each objective costs", body: prices(plan) });
    }
    let body = html! { @if let Some(chart) = chart("front") { (page::figure(chart)) } (front(plan)) };
    sections.push(Section { id: "front", title: "Cost against latency", body });
    if !plan.static_estimates.is_empty() {
        let body = html! {
            p.note { "N_instance = L_load / C_instance: rate times running time, over the requests that an instance takes at a time." }
            ul.wins { @for one in &plan.static_estimates { li { (static_estimate(plan, one)) } } }
        };
        sections.push(Section { id: "static", title: "Beside the static estimate", body });
    }
    sections.push(Section { id: "candidates", title: "Configurations", body: candidates(plan) });
    sections.push(Section { id: "sure", title: "How sure it is", body: sure(plan) });
    sections.push(Section { id: "made", title: "How it was made", body: made(plan, manifest) });
    let foot = format!("forewarm {}, {}.", manifest.version, extent(plan));
    page::render(&format!("{}: plan · forewarm", plan.scenario.name), &answer(plan), &sections, &foot)
}

/// The first screen.
fn answer(plan: &Plan) -> Markup {
    let class = if plan.best.is_some() { "verdict met" } else { "verdict missed" };
    html! {
        header {
            p.kicker { "forewarm plan · " (plan.scenario.name) }
            h1 class=(class) { (headline(plan)) }
            p.extent { (extent(plan)) }
            @if !plan.is_finished {
                p.extent { strong { "It was interrupted: this is what was known by then." } }
            }
            @if let Some(text) = unasked(plan) { p.extent { strong { (text) } } }
        }
        div.cards {
            @match recommended(plan) {
                Some(best) => {
                    section.card aria-labelledby="set-title" {
                        h2 id="set-title" { "What to set" }
                        @for (axis, value) in plan.axes.iter().zip(&best.values) {
                            p { code.key { (axis.key) } }
                            p.figure { (value) }
                        }
                    }
                    section.card aria-labelledby="cost-title" {
                        h2 id="cost-title" { "What it costs per month" }
                        p.figure { (mean(Quantity::Usd, &best.month_usd)) }
                        @if let Some(range) = range(Quantity::Usd, &best.month_usd) { p { "surely " (range) } }
                        @if let Some(other) = runner_up(plan) { p { "Next best: " (other) "." } }
                    }
                    @if let Some(grown) = &plan.headroom {
                        section.card aria-labelledby="breaks-title" {
                            h2 id="breaks-title" { "When it breaks" }
                            p.figure { (breaks(grown.breaks_at, grown.holds_to)) }
                            @for text in headroom(plan, grown) { p { (text) } }
                        }
                    }
                    section.card.wide aria-labelledby="buys-title" {
                        h2 id="buys-title" { "What it buys" }
                        (objectives(plan, &best.objectives))
                    }
                }
                None => {
                    section.card.wide aria-labelledby="nearest-title" {
                        h2 id="nearest-title" { "What comes nearest" }
                        @if let Some(one) = &plan.nearest {
                            p { (nearest(plan, one)) }
                            @if let Some(candidate) = plan.candidate(one.candidate) {
                                p { "It costs " (ranged(Quantity::Usd, &candidate.month_usd)) " a month." }
                                (objectives(plan, &candidate.objectives))
                            }
                        } @else { p { "Nothing was looked at yet." } }
                    }
                }
            }
        }
    }
}

/// `above 2.1 times today's load`.
fn breaks(breaks_at: Option<f64>, holds_to: f64) -> String {
    match breaks_at {
        Some(_) => format!("above {} today's load", times(holds_to)),
        None => format!("not up to {} today's load", times(holds_to)),
    }
}

fn objectives(plan: &Plan, outcomes: &[Outcome]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Objectives" {
            table.objectives {
                thead {
                    tr {
                        th scope="col" { "" }
                        th scope="col" { "Metric" }
                        th scope="col" { "Expected" }
                        th scope="col" { "Surely within" }
                        th scope="col" { "Asked for" }
                    }
                }
                tbody {
                    @for (asked, outcome) in plan.objectives.iter().zip(outcomes) {
                        tr {
                            td { (badge(outcome.verdict)) }
                            th scope="row" { (asked.subject()) }
                            td { (mean(asked.quantity(), &outcome.value)) }
                            td { (range(asked.quantity(), &outcome.value).unwrap_or_default()) }
                            td { (bound(asked)) }
                        }
                    }
                }
            }
        }
    }
}

fn badge(verdict: Verdict) -> Markup {
    html! {
        @match verdict {
            Verdict::Met => span.badge.met { "✓ met" },
            Verdict::Missed => span.badge.missed { "✗ missed" },
            Verdict::Open => span.badge.even { "not shown" },
        }
    }
}

fn loads(plan: &Plan) -> Markup {
    let points = plan.headroom.iter().flat_map(|headroom| &headroom.points);
    html! {
        div.scroll tabindex="0" role="group" aria-label="Load" {
            table {
                caption { "The recommended configuration under more load, with nothing else changed" }
                thead {
                    tr {
                        th scope="col" { "Load" }
                        th scope="col" { "Per month" }
                        @for asked in &plan.objectives { th scope="col" { (asked.subject()) } }
                        th scope="col" { "Instances" }
                        th.text scope="col" { "Limit that holds back most" }
                    }
                }
                tbody {
                    @for point in points {
                        tr {
                            th scope="row" { (times(point.multiple)) }
                            td { (mean(Quantity::Usd, &point.month_usd)) }
                            @for (asked, outcome) in plan.objectives.iter().zip(&point.objectives) {
                                td { (mean(asked.quantity(), &outcome.value)) " " (badge(outcome.verdict)) }
                            }
                            td { (count(point.instances_mean)) }
                            td.text {
                                @if let Some(binding) = &point.binding {
                                    (binding.limit) " of " (binding.function) ": " (Quantity::Ratio.text(binding.share)) " of the requests"
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn prices(plan: &Plan) -> Markup {
    html! {
        p.note { "The cheapest configuration that is shown to meet all the others, if one objective is dropped." }
        ul.wins {
            @for one in &plan.prices { li { code { (objective(plan, one.objective)) } ": " (price(plan, one)) "." } }
        }
    }
}

const fn column(name: &'static str, about: &'static str) -> Column {
    Column { name, about }
}

fn cell(quantity: Quantity, estimate: &Estimate) -> Cell {
    Cell {
        text: mean(quantity, estimate),
        half_width: range(quantity, estimate).unwrap_or_default(),
        value: estimate.mean.unwrap_or(f64::NAN),
    }
}

fn front(plan: &Plan) -> Markup {
    let columns = [column("Per month", "Cost of 30 days at this rate"), column("Latency", "The metric of the front")];
    let rows: Vec<(String, Vec<Cell>)> = (plan.front.iter())
        .filter_map(|number| {
            let one = plan.candidate(*number)?;
            let latency = cell(Quantity::of(&plan.latency), &one.latency_s);
            Some((plan.describe(one), vec![cell(Quantity::Usd, &one.month_usd), latency]))
        })
        .collect();
    html! {
        p.note { "Latency is " code { (plan.latency) } "." }
        (page::table("None that was looked at is both cheaper and faster", "Configuration", &columns, &rows, None, ROWS))
    }
}

fn candidates(plan: &Plan) -> Markup {
    let mut all: Vec<_> = plan.candidates.iter().collect();
    all.sort_by(|a, b| {
        let cost = |one: &crate::measure::plan::Candidate| one.month_usd.mean.unwrap_or(f64::INFINITY);
        cost(a).total_cmp(&cost(b)).then(a.number.cmp(&b.number))
    });
    html! {
        div.scroll tabindex="0" role="group" aria-label="Configurations" {
            table.sortable data-shown=(ROWS) {
                caption { "Every configuration that was looked at, the cheapest first" }
                thead {
                    tr {
                        th scope="col" { "Configuration" }
                        th scope="col" { "Objectives" }
                        th scope="col" { "Per month" }
                        @for asked in &plan.objectives { th scope="col" { (asked.subject()) } }
                        th scope="col" { "Replications" }
                    }
                }
                tbody {
                    @for (place, one) in all.iter().enumerate() {
                        tr.more[place >= ROWS] {
                            th scope="row" {
                                (plan.describe(one))
                                @if Some(one.number) == plan.best { " " span.badge.met { "recommended" } }
                            }
                            td { (word(one.verdict)) }
                            td data-v=[one.month_usd.mean] { (mean(Quantity::Usd, &one.month_usd)) }
                            @for (asked, outcome) in plan.objectives.iter().zip(&one.objectives) {
                                td data-v=[outcome.value.mean] {
                                    (mean(asked.quantity(), &outcome.value))
                                    @if let Some(range) = range(asked.quantity(), &outcome.value) { " " small { (range) } }
                                }
                            }
                            td data-v=(one.replications) { (one.replications) }
                        }
                    }
                }
            }
        }
    }
}

fn sure(plan: &Plan) -> Markup {
    let monotone: Vec<&str> = plan
        .axes
        .iter()
        .filter(|axis| axis.is_monotone && axis.values.len() > 1)
        .map(|axis| axis.key.as_str())
        .collect();
    html! {
        p { (method(plan)) }
        @for text in open(plan) { p { (text) } }
        @if !monotone.is_empty() {
            p {
                "More of "
                @for (place, key) in monotone.iter().enumerate() { @if place > 0 { ", " } code { (key) } }
                " was taken to serve at least as well, and nothing that was seen contradicts that; so not every value had to be \
                 looked at."
            }
        }
        p {
            "All configurations use common random numbers. Intervals of means assume that replications are roughly \
             normal; where rare events decide, the event counts must agree."
        }
    }
}

/// How it was made.
fn made(plan: &Plan, manifest: &Manifest) -> Markup {
    let runs = plan.method.runs;
    let facts = [
        ("Command", manifest.command.clone()),
        ("Scenario", format!("{}, hash {}", plan.scenario.name, manifest.scenario_hash)),
        ("Seed", manifest.seed.to_string()),
        ("Replications to find the best", count(runs.best as f64)),
        ("For the runner-up and what objectives cost", count(runs.others as f64)),
        ("For the front", count(runs.front as f64)),
        ("Under more load", count(runs.headroom as f64)),
        ("Threads", manifest.threads.to_string()),
        ("Time it took", duration(manifest.wall_s)),
        ("Invocations simulated", count(manifest.invocations as f64)),
    ];
    html! {
        dl { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } }
        details {
            summary { "The scenario, with every default written out" }
            pre tabindex="0" { (manifest.scenario) }
        }
    }
}
