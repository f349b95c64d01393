//! `report.html` of a run: the answer on the first screen, then charts, tables, and how it was made.

use maud::{Markup, html};

use super::chart::{self, Drawn};
use super::kinds::Kind;
use super::number::{Quantity, count, duration};
use super::page::{self, Cell, Column, Section};
use super::wording;
use super::{Artefact, Report, csv, evidence, json, markdown, stored, table};
use crate::measure::summary::{Shape, Stat, Summary};
use crate::measure::{Manifest, RunResult};
use crate::scenario::objective::TOLERATED_FAILURES;

/// How many functions are shown before "show all".
const ROWS: usize = 25;
/// How many limits are listed below the first one.
const LIMITS: usize = 3;

/// What `forewarm run` leaves.
pub const KIND: Kind = Kind {
    name: "run",
    read: |_, folder| {
        let text = |name| stored::text(folder, name);
        let result = stored::run(&text(stored::SUMMARY)?, &text(stored::TIMELINE)?, &text(stored::CHARTS)?)?;
        Ok(Box::new(result))
    },
};

impl Report for RunResult {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Artefact> {
        vec![
            Artefact::new(stored::SUMMARY, json::summary(&self.summary)),
            Artefact::csv("functions.csv", |to| csv::functions(&self.summary, to)),
            Artefact::csv(stored::TIMELINE, |to| csv::timeline(&self.timeline, to)),
            Artefact::new(stored::CHARTS, json::charts(self)),
        ]
    }

    fn charts(&self) -> Vec<Drawn> {
        chart::run::charts(self)
    }

    fn html(&self, manifest: &Manifest, charts: &[Drawn]) -> String {
        render(self, manifest, charts)
    }

    fn markdown(&self, manifest: &Manifest) -> String {
        markdown::run(self, manifest)
    }

    fn text(&self, colour: bool) -> String {
        table::render(&self.summary, colour)
    }

    fn json(&self) -> String {
        json::summary(&self.summary)
    }

    fn as_run(&self) -> Option<&RunResult> {
        Some(self)
    }
}

/// The page of a run.
#[must_use]
pub fn run(result: &RunResult, manifest: &Manifest) -> String {
    render(result, manifest, &chart::run::charts(result))
}

/// The page of a run with charts that are already drawn.
#[must_use]
pub fn render(result: &RunResult, manifest: &Manifest, charts: &[Drawn]) -> String {
    let summary = &result.summary;
    let sections = [
        Section {
            id: "charts",
            title: "What happened",
            body: html! { @for chart in charts { (page::figure(chart)) } },
        },
        Section { id: "functions", title: "Functions", body: functions(summary) },
        Section { id: "total", title: "All functions together", body: total(summary) },
        Section { id: "events", title: "Events and limits", body: events(summary) },
        Section { id: "made", title: "How it was made", body: made(summary, manifest) },
    ];
    let foot = format!("forewarm {}, {}.", manifest.version, wording::intervals(summary));
    page::render(&format!("{} · forewarm", summary.scenario.name), &answer(summary), &sections, &foot)
}

/// The first screen: objectives, what binds, cost.
fn answer(summary: &Summary) -> Markup {
    let class = match wording::all_met(summary) {
        Some(true) => "verdict met",
        Some(false) => "verdict missed",
        None => "verdict",
    };
    let total = &summary.total;
    html! {
        header {
            p.kicker { "forewarm run · " (summary.scenario.name) }
            h1 class=(class) { (wording::verdict(summary)) }
            @if let Some(failures) = wording::failures(summary) { p.verdict.missed { (failures) } }
            p.extent { (wording::extent(summary)) }
        }
        div.cards {
            @if !summary.objectives.is_empty() { (objectives(summary)) }
            section.card aria-labelledby="binds-title" {
                h2 id="binds-title" { "What binds" }
                @if let Some(first) = summary.limits.first() {
                    p.figure { (wording::limit(first)) }
                    p { (wording::held(first)) }
                    ul.plain {
                        @for hit in summary.limits.iter().skip(1).take(LIMITS) {
                            li { (wording::limit(hit)) ": " (wording::held(hit)) }
                        }
                        @if summary.limits.len() > LIMITS + 1 { li { "and " (summary.limits.len() - LIMITS - 1) " more" } }
                    }
                } @else {
                    p.figure { "No limit was reached" }
                }
            }
            section.card aria-labelledby="cost-title" {
                h2 id="cost-title" { "Cost per month" }
                p.figure { (Quantity::Usd.stat(&summary.monthly_cost_usd)) }
                p { "30 days at this rate. Measured part: " (Quantity::Usd.stat(&total.cost_usd.total)) "." }
            }
            section.card aria-labelledby="feel-title" {
                h2 id="feel-title" { "What users feel" }
                p.figure { (Quantity::Seconds.stat(&total.latency_s.p99)) " p99" }
                p {
                    "p50 " (Quantity::Seconds.stat(&total.latency_s.p50)) ", cold starts "
                    (Quantity::Ratio.stat(&total.cold_start_ratio)) ", failed " (Quantity::Ratio.stat(&total.failure_ratio)) "."
                    @if total.failure_ratio.mean >= TOLERATED_FAILURES { " Latency is that of completed requests only." }
                }
            }
        }
    }
}

fn objectives(summary: &Summary) -> Markup {
    html! {
        section.card.wide aria-labelledby="objectives-title" {
            h2 id="objectives-title" { "Objectives" }
            div.scroll tabindex="0" role="group" aria-label="Objectives" {
                table.objectives.sortable {
                    thead { tr { th scope="col" { "" } th scope="col" { "Metric" } th scope="col" { "Found" } th scope="col" { "Asked for" } } }
                    tbody {
                        @for objective in &summary.objectives {
                            tr {
                                td { @if objective.met { span.badge.met { "✓ met" } } @else { span.badge.missed { "✗ not met" } } }
                                th scope="row" { (objective.subject()) }
                                td data-v=[objective.value.mean.is_finite().then_some(objective.value.mean)] {
                                    (wording::found(objective))
                                }
                                td { (wording::bound(objective)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A number of a function and what its column is called.
type Metric = (Column, Quantity, fn(&Shape<Stat>) -> &Stat);

const fn column(name: &'static str, about: &'static str) -> Column {
    Column { name, about }
}

const METRICS: [Metric; 12] = [
    (column("Arrived", "Requests that arrived"), Quantity::Count, |f| &f.requests.arrived),
    (column("p50", "Median of T_exec"), Quantity::Seconds, |f| &f.latency_s.p50),
    (column("p95", "95th percentile of T_exec"), Quantity::Seconds, |f| &f.latency_s.p95),
    (column("p99", "99th percentile of T_exec"), Quantity::Seconds, |f| &f.latency_s.p99),
    (column("T_func", "Mean time running"), Quantity::Seconds, |f| &f.execution_s.mean),
    (column("Queueing", "Mean wait before an instance was found"), Quantity::Seconds, |f| &f.queueing_s.mean),
    (column("Cold start", "Mean wait for an instance to start"), Quantity::Seconds, |f| &f.cold_start_s.mean),
    (column("Cold", "Cold starts over started invocations"), Quantity::Ratio, |f| &f.cold_start_ratio),
    (column("Failed", "Requests without a successful answer over arrived ones"), Quantity::Ratio, |f| &f.failure_ratio),
    (column("Instances", "Mean number of instances"), Quantity::Count, |f| &f.instances.mean),
    (column("Peak", "Most instances at one moment"), Quantity::Count, |f| &f.instances.peak),
    (column("N_instance", "The static estimate: load over capacity"), Quantity::Count, |f| {
        &f.instances.static_estimate
    }),
];

fn functions(summary: &Summary) -> Markup {
    let cells = |shape: &Shape<Stat>| -> Vec<Cell> {
        let stats = METRICS.iter().map(|(_, quantity, stat)| cell(*quantity, stat(shape)));
        let month = cell(Quantity::Usd, &wording::monthly(summary, shape));
        stats.chain([month]).collect()
    };
    let mut columns: Vec<Column> = METRICS.iter().map(|(column, _, _)| column.clone()).collect();
    columns.push(column("Per month", "Its part of the cost of 30 days at this rate"));
    let rows: Vec<_> =
        wording::busiest(summary).into_iter().map(|(name, shape)| (name.to_owned(), cells(shape))).collect();
    let total = (rows.len() != 1).then(|| cells(&summary.total));
    html! {
        p.note { (wording::T_EXEC) }
        p.note { (wording::N_INSTANCE) }
        (page::table("Functions, those with the most arrivals first", "Function", &columns, &rows, total.as_deref(), ROWS))
    }
}

fn cell(quantity: Quantity, stat: &Stat) -> Cell {
    Cell { text: quantity.text(stat.mean), half_width: quantity.half_width(stat), value: stat.mean }
}

/// Every leaf of the total with its interval and its meaning.
fn total(summary: &Summary) -> Markup {
    let mut rows = Vec::new();
    summary.total.visit(|metric, stat| rows.push((metric, *stat)));
    html! {
        p.note { "Counts are of the measured part, for each replication; " (wording::intervals(summary)) "." }
        (sureness(summary))
        details {
            summary { "All " (rows.len()) " metrics" }
            div.scroll tabindex="0" role="group" aria-label="All metrics" {
                table.sortable {
                    thead { tr { th scope="col" { "Metric" } th scope="col" { "Value" } th.text scope="col" { "Meaning" } } }
                    tbody {
                        @for (metric, stat) in &rows {
                            tr {
                                th scope="row" { code { (metric.key) } }
                                td data-v=[stat.mean.is_finite().then_some(stat.mean)] { (metric.quantity.stat(stat)) }
                                td.text { (metric.about) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What there is to say about how sure the numbers are.
fn sureness(summary: &Summary) -> Markup {
    html! {
        @for note in evidence::notes(summary) {
            p.note { @if note.is_warning { strong { (note.text) } } @else { (note.text) } }
        }
    }
}

fn events(summary: &Summary) -> Markup {
    html! {
        p.note { (wording::N_EVENT) }
        (pairs("Events of one replication", "Event", summary.events.iter().map(|(kind, stat)| (kind.clone(), *stat))))
        @if !summary.limits.is_empty() {
            p.note { "Limits and how many invocations each refused or held back." }
            (pairs("Limits", "Limit", summary.limits.iter().map(|hit| (wording::limit(hit), hit.throttled))))
        }
    }
}

fn pairs(caption: &str, first: &str, list: impl Iterator<Item = (String, Stat)>) -> Markup {
    let rows: Vec<_> = list.map(|(name, stat)| (name, vec![cell(Quantity::Count, &stat)])).collect();
    page::table(caption, first, &[column("Number", "Mean over replications")], &rows, None, ROWS)
}

/// How a result was made.
pub(super) fn made(summary: &Summary, manifest: &Manifest) -> Markup {
    let facts = [
        ("Command", manifest.command.clone()),
        ("Version", manifest.version.clone()),
        ("Scenario", format!("{}, hash {}", summary.scenario.name, manifest.scenario_hash)),
        ("Seed", manifest.seed.to_string()),
        ("Replications", manifest.replications.to_string()),
        ("Threads", manifest.threads.to_string()),
        ("Time it took", duration(manifest.wall_s)),
        ("Invocations simulated", count(manifest.invocations as f64)),
        ("Rate of simulation", format!("{} invocations per second", count(manifest.invocations_per_s))),
    ];
    html! {
        dl { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } }
        details {
            summary { "The scenario, with every default written out" }
            pre tabindex="0" { (manifest.scenario) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn names_are_data() {
        let mut result = sample::result(3, 12);
        result.summary.functions[0].0 = "<script>alert(1)</script>".into();
        result.summary.scenario.name = "<b>&\"".into();
        result.summary.objectives[0].asked.function = Some("<script>alert(2)</script>".into());
        result.summary.limits[0].function = "<img src=x onerror=alert(3)>".into();
        result.limit_lines[0].0 = "<script>alert(4)</script>".into();
        let mut manifest = sample::manifest();
        manifest.scenario = "</pre><script>alert(5)</script>".into();
        let page = run(&result, &manifest);
        assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains("<b>"));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the name shows as text");
        assert_eq!(page.matches("<script").count(), 1, "the page's own");
    }

    #[test]
    fn a_thousand_functions_stay_under_three_megabytes() {
        let page = run(&sample::result(1_000, 288), &sample::manifest());
        assert!(page.len() < 3_000_000, "{} bytes", page.len());
        assert!(page.contains("function-0999"), "all of them are in");
    }

    #[test]
    fn the_page_fetches_nothing() {
        let page = run(&sample::result(3, 12), &sample::manifest());
        let without_namespaces = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!without_namespaces.contains("http:") && !without_namespaces.contains("https:"));
        assert!(!page.contains(" src=") && !page.contains("@import") && !page.contains("url("));
    }

    #[test]
    fn the_answer_comes_first() {
        let page = run(&sample::result(3, 12), &sample::manifest());
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("`{text}` is missing"));
        assert!(at("1 of 3 objectives is not met") < at("reserved 200 of checkout"));
        assert!(at("reserved 200 of checkout") < at("$1,235 ± 12") && at("$1,235 ± 12") < at("<figure"));
    }

    /// `FOREWARM_LOOK=1 cargo test --lib look` leaves pages and charts in `target/look` to be looked at.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "writes the pages for somebody to look at")]
    fn look() {
        if std::env::var_os("FOREWARM_LOOK").is_none() {
            return;
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/look");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, result) in [
            ("three", sample::result(3, 288)),
            ("one", sample::result(1, 24)),
            ("thousand", sample::result(1_000, 288)),
            ("empty", sample::empty()),
        ] {
            std::fs::write(folder.join(format!("{name}.html")), run(&result, &sample::manifest())).unwrap();
            std::fs::write(folder.join(format!("{name}.txt")), crate::report::table::render(&result.summary, false))
                .unwrap();
            for chart in chart::run::charts(&result) {
                std::fs::write(folder.join(format!("{name}-{}.svg", chart.name)), chart.svg).unwrap();
            }
        }
    }
}
