//! Reports in Markdown, for pull requests, tickets and terminals.

use std::fmt::Write as _;

use super::number::{Quantity, count};
use super::runs::{self, Stored};
use super::{comparison as words, wording};
use crate::measure::comparison::Comparison;
use crate::measure::summary::{Shape, Stat, Summary};
use crate::measure::{Manifest, RunResult};

/// By this a text is known as one of ours, which may be written over. It does not show.
pub const MARK: &str = "<!-- forewarm report -->";
/// How many functions are listed.
const ROWS: usize = 25;
/// How many limits are listed.
const LIMITS: usize = 4;

/// The report of a run.
#[must_use]
pub fn run(result: &RunResult, manifest: &Manifest) -> String {
    let summary = &result.summary;
    let total = &summary.total;
    let mut text = start(&wording::verdict(summary));
    let _ = writeln!(text, "forewarm run, **{}**: {}.\n", plain(&summary.scenario.name), wording::extent(summary));
    if let Some(failures) = wording::failures(summary) {
        let _ = writeln!(text, "**{failures}.**\n");
    }
    if !summary.objectives.is_empty() {
        let rows = summary.objectives.iter().map(|objective| {
            let what = match (&objective.metric, &objective.source) {
                (Some(metric), None) => subject(metric, objective.function.as_deref()),
                _ => plain(&objective.subject()),
            };
            vec![met(objective.met).to_owned(), what, wording::found(objective), wording::bound(objective)]
        });
        text += &table(&["", "Metric", "Found", "Asked for"], rows);
    }
    let limits = summary
        .limits
        .iter()
        .take(LIMITS)
        .map(|hit| format!("{}, which {}", plain(&wording::limit(hit)), wording::held(hit)));
    let limits = limits.collect::<Vec<_>>().join("; ");
    let _ = writeln!(text, "- What binds: {}.", if limits.is_empty() { "no limit was reached" } else { &limits });
    let _ = writeln!(text, "- Cost per month: {}.", Quantity::Usd.stat(&summary.monthly_cost_usd));
    let _ = writeln!(
        text,
        "- What users feel: p50 {}, p99 {}, cold starts {}, failed {}.\n",
        Quantity::Seconds.stat(&total.latency_s.p50),
        Quantity::Seconds.stat(&total.latency_s.p99),
        Quantity::Ratio.stat(&total.cold_start_ratio),
        Quantity::Ratio.stat(&total.failure_ratio)
    );
    text.push_str("## Functions\n\n");
    let functions = wording::busiest(summary);
    let all = (functions.len() != 1).then(|| function(summary, "**all together**".to_owned(), total));
    let rows = functions.iter().take(ROWS).map(|(name, shape)| function(summary, plain(name), shape));
    text += &table(&["Function", "Arrived", "p50", "p99", "Cold", "Failed", "Instances", "Per month"], rows.chain(all));
    if functions.len() > ROWS {
        let _ = writeln!(text, "The {ROWS} with the most arrivals of {} functions.\n", count(functions.len() as f64));
    }
    text + &made(manifest, &wording::intervals(summary))
}

fn function(summary: &Summary, name: String, shape: &Shape<Stat>) -> Vec<String> {
    vec![
        name,
        Quantity::Count.stat(&shape.requests.arrived),
        Quantity::Seconds.stat(&shape.latency_s.p50),
        Quantity::Seconds.stat(&shape.latency_s.p99),
        Quantity::Ratio.stat(&shape.cold_start_ratio),
        Quantity::Ratio.stat(&shape.failure_ratio),
        Quantity::Count.stat(&shape.instances.mean),
        Quantity::Usd.stat(&wording::monthly(summary, shape)),
    ]
}

/// The report of a comparison.
#[must_use]
pub fn comparison(comparison: &Comparison, manifest: &Manifest) -> String {
    let variants: Vec<&str> = comparison.variants().collect();
    let mut text = start(&format!("{} beside {}", plain(&variants.join(", ")), plain(&comparison.baseline)));
    let extent = comparison.contenders.first().map(|one| wording::extent(&one.summary)).unwrap_or_default();
    let _ = writeln!(
        text,
        "forewarm compare, **{}**: {extent}, common random numbers.\n",
        plain(&comparison.scenario.name)
    );
    for variant in &variants {
        let _ = writeln!(text, "- **{}**: {}.", plain(variant), words::score(comparison, variant));
    }
    text.push('\n');
    let judged: Vec<_> =
        comparison.contenders.iter().filter_map(|one| Some((one, wording::all_met(&one.summary)?))).collect();
    if !judged.is_empty() {
        text.push_str("## Objectives\n\n");
        let rows = judged
            .iter()
            .map(|(one, all)| vec![met(*all).to_owned(), plain(&one.name), wording::verdict(&one.summary)]);
        text += &table(&["", "Contender", "Verdict"], rows);
    }
    let _ = write!(text, "## Differences to {}\n\n", plain(&comparison.baseline));
    let head: Vec<String> = ["Metric".to_owned(), plain(&comparison.baseline)]
        .into_iter()
        .chain(variants.iter().map(|name| plain(name)))
        .collect();
    let columns: Vec<Vec<_>> = variants.iter().map(|variant| comparison.judged(variant).collect()).collect();
    let rows = columns.first().into_iter().flatten().enumerate().map(|(place, first)| {
        let quantity = Quantity::of(&first.metric);
        let beside = columns
            .iter()
            .filter_map(|column| column.get(place))
            .map(|contrast| format!("{} {}", words::difference(contrast), words::verdict(contrast)));
        [subject(&first.metric, first.function.as_deref()), quantity.text(first.baseline.mean)]
            .into_iter()
            .chain(beside)
            .collect()
    });
    text += &table(&head, rows);
    let _ = writeln!(
        text,
        "{}\n\n{}\n\n{}\n",
        words::words(comparison),
        plain(&words::method(comparison)),
        plain(&words::outcome(comparison))
    );
    text + &made(manifest, "differences with intervals that hold together")
}

/// The report of several runs.
#[must_use]
pub fn runs(runs: &[Stored]) -> String {
    let first = runs.first().map(|run| plain(&run.name)).unwrap_or_default();
    let mut text = start(&format!("{} runs side by side", runs.len()));
    let _ = writeln!(text, "Differences are to **{first}**.\n");
    for run in runs {
        let summary = &run.result.summary;
        let _ = writeln!(
            text,
            "- **{}**: {} ({}, {}).",
            plain(&run.name),
            wording::verdict(summary),
            plain(&summary.scenario.name),
            wording::extent(summary)
        );
    }
    text.push('\n');
    let head: Vec<String> =
        std::iter::once("Metric".to_owned()).chain(runs.iter().map(|run| plain(&run.name))).collect();
    let rows = runs::headline(runs).into_iter().map(|row| {
        let found = row.found.iter().enumerate().map(|(place, stat)| {
            let more = (place > 0).then(|| runs::difference(&row, place)).flatten();
            row.quantity.stat(stat) + &more.map_or_else(String::new, |more| format!("<br>{more}"))
        });
        std::iter::once(plain(&row.key)).chain(found).collect()
    });
    text += &table(&head, rows);
    let _ = writeln!(text, "{}", runs::APART);
    text
}

/// What the terminal says, as it stands there: of a plan or a sweep.
#[must_use]
pub fn of_terminal(title: &str, said: &str, manifest: &Manifest) -> String {
    // Indented text is code whatever is in it, while the end of a fence could be in a name.
    let lines = said.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
    format!("{}{}\n{}", start(&plain(title)), lines.collect::<String>(), made(manifest, "95 % intervals"))
}

fn start(title: &str) -> String {
    format!("{MARK}\n# {title}\n\n")
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "**NOT MET**" }
}

fn subject(metric: &str, function: Option<&str>) -> String {
    let of = function.map_or_else(String::new, |function| format!(" of {}", plain(function)));
    format!("`{metric}`{of}")
}

fn made(manifest: &Manifest, intervals: &str) -> String {
    format!("forewarm {}, {intervals}. Made by: {}\n", manifest.version, plain(&manifest.command))
}

/// A table, its columns as wide as they need to be, so that it can be read as it stands.
fn table(head: &[impl AsRef<str>], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: Vec<String> = head.iter().map(|cell| cell.as_ref().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.collect();
    let widest = |column: usize| {
        let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(widest).collect();
    let line = |cells: &[String]| {
        let cells = widths
            .iter()
            .enumerate()
            .map(|(column, width)| format!(" {:<width$} |", cells.get(column).map_or("", String::as_str)));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule = widths.iter().map(|width| format!(" {} |", "-".repeat(*width))).collect::<String>();
    format!("{}|{rule}\n{}\n", line(&head), rows.iter().map(|row| line(row)).collect::<String>())
}

/// A name as text: what Markdown or HTML would take for markup is escaped.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '_' if inside => escaped.push('_'),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '>' | '|' | '~' | '#' | '$' | '!' => escaped.extend(['\\', c]),
            c if c.is_whitespace() => escaped.push(' '),
            c if c.is_control() || wording::turns(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run() {
        insta::assert_snapshot!(run(&sample::result(3, 12), &sample::manifest()));
    }

    #[test]
    fn names_are_data() {
        let mut result = sample::result(2, 12);
        result.summary.functions[0].0 = "a|b <img src=x onerror=alert(1)> _c_ `d`\n# e [f](g)".into();
        let text = run(&result, &sample::manifest());
        assert!(!text.contains("<img") && !text.contains("\n# e"));
        assert!(text.contains(r"a\|b &lt;img src=x onerror=alert(1)\> \_c\_ \`d\` \# e \[f\](g)"), "{text}");
        assert_eq!(plain("latency_s.p99"), "latency_s.p99");
    }

    #[test]
    fn nothing_measured_is_no_reason_to_fail() {
        let text = run(&sample::empty(), &sample::manifest());
        assert!(text.contains("No objectives") && text.contains("no limit was reached"));
    }
}
