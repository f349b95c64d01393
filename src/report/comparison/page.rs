//! `report.html` of a comparison: who wins on what, and by how much; then charts, all numbers, and how it was made.

use maud::{Markup, html};

use super::{Win, difference, method, outcome, relative, score, verdict, wins, words};
use crate::measure::Manifest;
use crate::measure::comparison::{Comparison, Contender, Contrast, Verdict};
use crate::measure::summary::{Shape, Stat};
use crate::report::chart::Drawn;
use crate::report::html::made;
use crate::report::number::Quantity;
use crate::report::page::{self, Cell, Column, Section};
use crate::report::wording;

/// How many rows a table shows before "show all".
const ROWS: usize = 40;
/// How many variants the first screen tells of.
const VARIANTS: usize = 6;

/// The page of a comparison.
#[must_use]
pub fn render(comparison: &Comparison, manifest: &Manifest, charts: &[Drawn]) -> String {
    let name = &comparison.scenario.name;
    let mut sections = vec![
        Section { id: "wins", title: "Who wins on what, and by how much", body: winners(comparison) },
        Section { id: "charts", title: "Side by side", body: html! { @for chart in charts { (page::figure(chart)) } } },
        Section { id: "contenders", title: "Each by itself", body: contenders(comparison) },
        Section { id: "sure", title: "How sure it is", body: sure(comparison) },
    ];
    if let Some(first) = comparison.contenders.first() {
        sections.push(Section { id: "made", title: "How it was made", body: made(&first.summary, manifest) });
    }
    let foot = format!(
        "forewarm {}, {} paired replications of {} contenders.",
        manifest.version,
        comparison.replications,
        comparison.contenders.len()
    );
    page::render(&format!("{name}: comparison · forewarm"), &answer(comparison), &sections, &foot)
}

/// The first screen: the score of each variant, and who meets the objectives.
fn answer(comparison: &Comparison) -> Markup {
    let variants: Vec<&str> = comparison.variants().collect();
    let title = match variants[..] {
        [variant] => format!("{variant} is {}", score(comparison, variant)),
        _ => format!("{} variants beside {}", variants.len(), comparison.baseline),
    };
    let extent = comparison.contenders.first().map(|one| wording::extent(&one.summary)).unwrap_or_default();
    let has_objectives = comparison.contenders.iter().any(|one| !one.summary.objectives.is_empty());
    html! {
        header {
            p.kicker { "forewarm compare · " (comparison.scenario.name) }
            h1.verdict { (title) }
            p.extent { (extent) ", common random numbers" }
        }
        div.cards {
            @if has_objectives { (objectives(comparison)) }
            // Of many a few would be no answer, and the objectives tell of all.
            @if variants.len() > 1 && (variants.len() <= VARIANTS || !has_objectives) {
                @for variant in variants.iter().take(VARIANTS) {
                    section.card {
                        h2 { (variant) }
                        p { (score(comparison, variant)) }
                    }
                }
            }
        }
    }
}

/// Who meets which objective: a row for each objective and a column for each contender, or the other way round if there are
/// many contenders.
fn objectives(comparison: &Comparison) -> Markup {
    let contenders = &comparison.contenders[..];
    let asked = contenders.first().map_or(&[][..], |first| &first.summary.objectives[..]);
    let is_long = contenders.len() > VARIANTS && contenders.len() > asked.len();
    html! {
        section.card.wide aria-labelledby="objectives-title" {
            h2 id="objectives-title" { "Objectives" }
            div.scroll tabindex="0" role="group" aria-label="Objectives" {
                table.objectives.sortable {
                    @if is_long {
                        thead {
                            tr {
                                th scope="col" { "Contender" }
                                @for objective in asked {
                                    th scope="col" { (objective.subject()) " " (wording::bound(objective)) }
                                }
                            }
                        }
                        tbody {
                            @for one in contenders {
                                tr {
                                    th scope="row" { (one.name) }
                                    @for place in 0..asked.len() { td { (found(one, place)) } }
                                }
                            }
                        }
                    } @else {
                        thead {
                            tr {
                                th scope="col" { "Metric" }
                                th scope="col" { "Asked for" }
                                @for one in contenders { th scope="col" { (one.name) } }
                            }
                        }
                        tbody {
                            @for (place, objective) in asked.iter().enumerate() {
                                tr {
                                    th scope="row" { (objective.subject()) }
                                    td { (wording::bound(objective)) }
                                    @for one in contenders { td { (found(one, place)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a contender reached of an objective. A variant cannot add or drop objectives without being told of here.
fn found(contender: &Contender, place: usize) -> Markup {
    html! {
        @if let Some(objective) = contender.summary.objectives.get(place) {
            @if objective.met { span.badge.met { "✓ met" } } @else { span.badge.missed { "✗ not met" } }
            " " (wording::found(objective))
        } @else { "not asked" }
    }
}

fn winners(comparison: &Comparison) -> Markup {
    let wins = wins(comparison);
    html! {
        @if wins.is_empty() {
            p { "No difference can be told from chance on any metric." }
        } @else {
            ul.wins { @for win in &wins { li { (sentence(comparison, win)) } } }
        }
        p.note { (outcome(comparison)) }
        (differences(comparison))
        p.note { (words(comparison)) }
    }
}

/// `latency_s.p99: warm is better than unchanged by -12 ± 3 ms (-20 %)`.
fn sentence(comparison: &Comparison, win: &Win<'_>) -> Markup {
    let by = |one: &Contrast| match relative(one) {
        Some(part) => format!("{} ({part})", difference(one)),
        None => difference(one),
    };
    html! {
        code { (win.subject) } ": "
        @if win.winners.is_empty() {
            strong { (comparison.baseline) } " wins over "
            @for (place, one) in win.losers.iter().enumerate() {
                @if place > 0 { ", " }
                (one.variant) " (" (by(one)) ")"
            }
        } @else {
            @for (place, one) in win.winners.iter().enumerate() {
                @if place > 0 { ", " }
                strong { (one.variant) } " by " (by(one))
            }
        }
        "."
    }
}

/// A row for each metric with a verdict, a column for each variant.
fn differences(comparison: &Comparison) -> Markup {
    let variants: Vec<&str> = comparison.variants().collect();
    let rows: Vec<Vec<&Contrast>> = {
        let columns: Vec<Vec<&Contrast>> =
            variants.iter().map(|variant| comparison.judged(variant).collect()).collect();
        let length = columns.first().map_or(0, Vec::len);
        (0..length).map(|row| columns.iter().filter_map(|column| column.get(row).copied()).collect()).collect()
    };
    html! {
        div.scroll tabindex="0" role="group" aria-label="Differences" {
            table.sortable {
                caption { "Differences to " (comparison.baseline) " with intervals that hold together" }
                thead {
                    tr {
                        th scope="col" { "Metric" }
                        th scope="col" { (comparison.baseline) }
                        @for variant in &variants { th scope="col" { (variant) } }
                    }
                }
                tbody {
                    @for row in &rows {
                        @if let Some(first) = row.first() {
                            tr {
                                th scope="row" { (first.subject()) }
                                td data-v=[number(first.baseline.mean)] {
                                    (Quantity::of(&first.metric).text(first.baseline.mean))
                                }
                                @for contrast in row {
                                    td data-v=[number(contrast.difference.mean)] { (cell(contrast)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn number(mean: f64) -> Option<f64> {
    mean.is_finite().then_some(mean)
}

fn cell(contrast: &Contrast) -> Markup {
    let class = match contrast.verdict {
        Some(Verdict::Better) => "badge met",
        Some(Verdict::Worse) => "badge missed",
        _ => "badge even",
    };
    html! {
        (difference(contrast)) " " span class=(class) { (verdict(contrast)) }
        @if let Some(part) = relative(contrast) { small { (part) } }
    }
}

/// A number of a contender and what its column is called.
type Metric = (Column, Quantity, fn(&Shape<Stat>) -> &Stat);

const METRICS: [Metric; 7] = [
    (Column { name: "p50", about: "Median of T_exec" }, Quantity::Seconds, |f| &f.latency_s.p50),
    (Column { name: "p95", about: "95th percentile of T_exec" }, Quantity::Seconds, |f| &f.latency_s.p95),
    (Column { name: "p99", about: "99th percentile of T_exec" }, Quantity::Seconds, |f| &f.latency_s.p99),
    (Column { name: "Cold", about: "Cold starts over started invocations" }, Quantity::Ratio, |f| &f.cold_start_ratio),
    (
        Column { name: "Failed", about: "Requests without a successful answer over arrived ones" },
        Quantity::Ratio,
        |f| &f.failure_ratio,
    ),
    (Column { name: "Instances", about: "Mean number of instances" }, Quantity::Count, |f| &f.instances.mean),
    (Column { name: "Peak", about: "Most instances at one moment" }, Quantity::Count, |f| &f.instances.peak),
];

fn contenders(comparison: &Comparison) -> Markup {
    let number = |quantity: Quantity, stat: &Stat| Cell {
        text: quantity.text(stat.mean),
        half_width: quantity.half_width(stat),
        value: stat.mean,
    };
    let mut columns: Vec<Column> = METRICS.iter().map(|(column, _, _)| column.clone()).collect();
    columns.push(Column { name: "Per month", about: "Cost of 30 days at this rate" });
    let rows: Vec<(String, Vec<Cell>)> = comparison
        .contenders
        .iter()
        .map(|one| {
            let cells = METRICS.iter().map(|(_, quantity, stat)| number(*quantity, stat(&one.summary.total)));
            (one.name.clone(), cells.chain([number(Quantity::Usd, &one.summary.monthly_cost_usd)]).collect())
        })
        .collect();
    html! {
        p.note { "Means over replications with their own 95 % intervals, all functions together." }
        (page::table("Contenders", "Contender", &columns, &rows, None, ROWS))
    }
}

fn sure(comparison: &Comparison) -> Markup {
    html! {
        p { (method(comparison)) }
        p {
            "Replication k of every contender serves the same requests (common random numbers), so only the effect of the \
             variant remains. The intervals are of the mean of these differences, and assume that the differences are roughly \
             normal."
        }
    }
}
