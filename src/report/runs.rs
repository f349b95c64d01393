//! Several stored runs on one page: a column for each, differences to the first, charts laid over each other.

use maud::{Markup, html};

use super::chart::Drawn;
use super::html::made;
use super::number::{Quantity, percent};
use super::page::{self, Section};
use super::wording;
use crate::measure::comparison::HEADLINE;
use crate::measure::summary::{Stat, Summary};
use crate::measure::{Manifest, RunResult};
use crate::metric::{self, MONTHLY_COST};

/// Beside the headline of every comparison.
const MORE: [&str; 5] =
    ["requests.arrived", "instances.mean", "instances.peak", "concurrency.peak", "requests.rejected"];
/// What the numbers are and are not.
pub(super) const APART: &str = "Differences are taken as between independent runs: the interval is the root of the sum of \
                                squares of both. forewarm compare pairs replications, which tells smaller differences apart.";

/// A stored run with the name that it goes by.
pub struct Stored {
    /// Short, and different from the others'.
    pub name: String,
    /// What it found.
    pub result: RunResult,
    /// How it was made.
    pub manifest: Manifest,
}

/// The page of several runs; the first is what the others are set beside.
#[must_use]
pub fn render(runs: &[Stored], charts: &[Drawn]) -> String {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let sections = [
        Section { id: "numbers", title: "Side by side", body: numbers(runs) },
        Section {
            id: "charts",
            title: "What happened",
            body: html! { @for chart in charts { (page::figure(chart)) } },
        },
        Section { id: "all", title: "All metrics", body: everything(runs) },
        Section {
            id: "made",
            title: "How they were made",
            body: html! {
                @for run in runs {
                    h3 { (run.name) }
                    (made(&run.result.summary, &run.manifest))
                }
            },
        },
    ];
    let version = env!("CARGO_PKG_VERSION");
    let foot = format!("forewarm {version}, from the stored results of {} runs.", runs.len());
    page::render(&format!("{} · forewarm", names.join(", ")), &answer(runs), &sections, &foot)
}

fn answer(runs: &[Stored]) -> Markup {
    let first = runs.first().map(|run| run.name.as_str()).unwrap_or_default();
    html! {
        header {
            p.kicker { "forewarm report" }
            h1.verdict { (runs.len()) " runs side by side" }
            p.extent { "Differences are to " strong { (first) } "." }
        }
        div.cards { @for run in runs { (card(run)) } }
    }
}

fn card(run: &Stored) -> Markup {
    let summary = &run.result.summary;
    html! {
        section.card {
            h2 { (run.name) }
            p.figure { (Quantity::Seconds.stat(&summary.total.latency_s.p99)) " p99" }
            p {
                "cold starts " (Quantity::Ratio.stat(&summary.total.cold_start_ratio)) ", "
                (Quantity::Usd.stat(&summary.monthly_cost_usd)) " a month"
            }
            p {
                @match wording::all_met(summary) {
                    Some(true) => span.badge.met { "✓ " (wording::verdict(summary)) },
                    Some(false) => span.badge.missed { "✗ " (wording::verdict(summary)) },
                    None => (wording::verdict(summary)),
                }
            }
            p.extent { (summary.scenario.name) ": " (wording::extent(summary)) }
        }
    }
}

/// A metric of all runs: its key with the function if there is one, and what each run found.
pub(super) struct Row {
    pub(super) key: String,
    pub(super) quantity: Quantity,
    pub(super) found: Vec<Stat>,
}

/// What people look at first, then what the objectives of any run name, then the cost of a month.
pub(super) fn headline(runs: &[Stored]) -> Vec<Row> {
    let mut keys: Vec<(&str, Option<&str>)> = HEADLINE.iter().chain(&MORE).map(|key| (*key, None)).collect();
    for objective in runs.iter().flat_map(|run| &run.result.summary.objectives) {
        // Sources and shares have no row of their own in other runs.
        let Some(metric) = objective.metric.as_deref().filter(|_| objective.source.is_none()) else { continue };
        let key = (metric, objective.function.as_deref());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut rows: Vec<Row> = keys.into_iter().map(|(key, function)| row(runs, key, function)).collect();
    let found = runs.iter().map(|run| run.result.summary.monthly_cost_usd).collect();
    rows.push(Row { key: MONTHLY_COST.to_owned(), quantity: Quantity::Usd, found });
    rows
}

fn row(runs: &[Stored], key: &str, function: Option<&str>) -> Row {
    let found = |summary: &Summary| {
        let shape = match function {
            Some(function) => summary.functions.iter().find(|(name, _)| name == function).map(|(_, shape)| shape),
            None => Some(&summary.total),
        };
        shape.and_then(|shape| shape.get(key)).copied().unwrap_or(Stat { mean: f64::NAN, half_width: None })
    };
    Row {
        key: function.map_or_else(|| key.to_owned(), |function| format!("{key} of {function}")),
        quantity: Quantity::of(key),
        found: runs.iter().map(|run| found(&run.result.summary)).collect(),
    }
}

/// What a run has more than the first, with its interval; none if either has nothing, or both the same.
pub(super) fn difference(row: &Row, place: usize) -> Option<String> {
    let (first, other) = (row.found[0], row.found[place]);
    let mean = other.mean - first.mean;
    if !mean.is_finite() || mean == 0.0 {
        return None;
    }
    let half_width = first.half_width.zip(other.half_width).map(|(a, b)| a.hypot(b));
    let sign = if mean > 0.0 { "+" } else { "" };
    let part = mean / first.mean.abs();
    let part = if part.is_finite() { format!(" ({sign}{})", percent(part)) } else { String::new() };
    Some(format!("{sign}{}{part}", row.quantity.stat(&Stat { mean, half_width })))
}

fn numbers(runs: &[Stored]) -> Markup {
    html! {
        (table(runs, "Metrics of all functions together, and of what objectives name", &headline(runs)))
        p.note { (APART) }
    }
}

fn everything(runs: &[Stored]) -> Markup {
    let rows: Vec<Row> = metric::keys().map(|key| row(runs, key, None)).collect();
    html! {
        details {
            summary { "All " (rows.len()) " metrics" }
            (table(runs, "All metrics, all functions together", &rows))
        }
    }
}

fn table(runs: &[Stored], caption: &str, rows: &[Row]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(caption) {
            table.sortable {
                caption { (caption) }
                thead { tr { th scope="col" { "Metric" } @for run in runs { th scope="col" { (run.name) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { code { (row.key) } }
                            @for (place, stat) in row.found.iter().enumerate() {
                                td data-v=[stat.mean.is_finite().then_some(stat.mean)] {
                                    (row.quantity.stat(stat))
                                    @if place > 0 { @if let Some(more) = difference(row, place) { small { (more) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{chart, sample};

    fn runs(names: &[&str]) -> Vec<Stored> {
        let run = |name: &&str| Stored {
            name: (*name).to_owned(),
            result: sample::result(3, 24),
            manifest: sample::manifest(),
        };
        names.iter().map(run).collect()
    }

    fn page(runs: &[Stored]) -> String {
        let results: Vec<_> = runs.iter().map(|run| (run.name.clone(), run.result.clone())).collect();
        render(runs, &chart::runs::charts(&results))
    }

    #[test]
    fn differences_are_those_of_independent_runs() {
        let mut runs = runs(&["before", "after"]);
        runs[0].result.summary.total.latency_s.p99 = Stat { mean: 0.5, half_width: Some(0.03) };
        runs[1].result.summary.total.latency_s.p99 = Stat { mean: 0.4, half_width: Some(0.04) };
        let row = row(&runs, "latency_s.p99", None);
        assert_eq!(difference(&row, 1).unwrap(), "-100 ± 50 ms (-20 %)");
        assert!(page(&runs).contains("-100 ± 50 ms (-20 %)"));
    }

    #[test]
    fn what_one_has_not_is_left_empty() {
        let mut runs = runs(&["before", "after"]);
        runs[1].result.summary.functions[0].0 = "renamed".into();
        let row = row(&runs, "latency_s.p99", Some("checkout"));
        assert!(row.found[1].mean.is_nan() && difference(&row, 1).is_none());
        assert!(headline(&runs).iter().any(|row| row.key == "latency_s.p99 of checkout"));
        runs[1].result = sample::empty();
        assert!(page(&runs).contains("2 runs side by side"));
    }

    #[test]
    fn names_are_data() {
        let page = page(&runs(&["<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>"]));
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
        assert_eq!(page.matches("<script").count(), 1, "the page's own");
    }
}
