//! The terminal summary: the answer first, then tables. Fits 80 columns.

use crate::measure::summary::{Shape, Stat, Summary};
use crate::report::evidence;
use crate::report::number::{Quantity, count, duration, money, percent};
use crate::report::text::{GREEN, RED, Text, WIDTH, wrapped};
use crate::report::wording::{self, shown};

/// How many functions and limits are shown before the rest is only counted.
const FUNCTIONS: usize = 15;
const LIMITS: usize = 5;
/// How many remarks about how sure it is.
const NOTES: usize = 12;
/// The longest function name that is shown whole.
const NAME: usize = 18;

/// The summary of a run as a text of at most 80 columns; `colour` adds ANSI colours.
#[must_use]
pub fn render(summary: &Summary, colour: bool) -> String {
    let mut out = Text::new(colour);
    out.line(&format!("{}: {}", out.bold(&shown(&summary.scenario.name, 24)), wording::extent(summary)));
    out.line("");
    answer(&mut out, summary);
    latency(&mut out, summary);
    instances(&mut out, summary);
    totals(&mut out, summary);
    events(&mut out, summary);
    sureness(&mut out, summary);
    out.line("");
    out.line(&out.faint(&format!("{}.", wording::intervals(summary))));
    out.finish()
}

/// Objectives, what binds, cost of a month.
fn answer(out: &mut Text, summary: &Summary) {
    let verdict = wording::verdict(summary);
    out.line(&match wording::all_met(summary) {
        Some(true) => out.paint(GREEN, &verdict),
        Some(false) => out.paint(RED, &verdict),
        None => out.bold(&verdict),
    });
    if let Some(failures) = wording::failures(summary) {
        out.line(&out.paint(RED, &shown(&failures, 80)));
    }
    for objective in &summary.objectives {
        let word = if objective.met { out.paint(GREEN, "met    ") } else { out.paint(RED, "NOT MET") };
        let found = wording::found(objective);
        let (subject, bound) = (shown(&objective.subject(), 32), wording::bound(objective));
        out.line(&format!("  {word}  {subject:<32}  {found:>18}  {bound}"));
    }
    if summary.limits.is_empty() {
        out.line("What binds: no limit was reached");
    } else {
        out.line("What binds:");
    }
    for hit in summary.limits.iter().take(LIMITS) {
        out.line(&format!("  {:<40}  {}", shown(&wording::limit(hit), 40), wording::held(hit)));
    }
    if summary.limits.len() > LIMITS {
        out.line(&format!("  and {} more", summary.limits.len() - LIMITS));
    }
    let cost = Quantity::Usd.stat(&summary.monthly_cost_usd);
    out.line(&format!("Cost: {} per month (30 days at this rate)", out.bold(&cost)));
}

/// How a column's cell is made from a function.
type Cell<'a> = Box<dyn Fn(&Shape<Stat>) -> String + 'a>;

fn latency(out: &mut Text, summary: &Summary) {
    let columns: Vec<(&str, usize, Cell)> = vec![
        ("p50", 8, Box::new(|f| duration(f.latency_s.p50.mean))),
        ("p95", 8, Box::new(|f| duration(f.latency_s.p95.mean))),
        ("p99", 8, Box::new(|f| duration(f.latency_s.p99.mean))),
        ("queueing", 8, Box::new(|f| duration(f.queueing_s.mean.mean))),
        ("cold st.", 8, Box::new(|f| duration(f.cold_start_s.mean.mean))),
        ("cold", 7, Box::new(|f| percent(f.cold_start_ratio.mean))),
        ("failed", 8, Box::new(|f| percent(f.failure_ratio.mean))),
    ];
    table(out, summary, "Latency", "mean wait", &columns);
    out.line(&out.faint("T_exec = T_func + T_wait; T_wait = queueing + cold start. cold: of invocations."));
}

fn instances(out: &mut Text, summary: &Summary) {
    let columns: Vec<(&str, usize, Cell)> = vec![
        ("mean", 8, Box::new(|f| count(f.instances.mean.mean))),
        ("peak", 8, Box::new(|f| count(f.instances.peak.mean))),
        ("N_instance", 10, Box::new(|f| count(f.instances.static_estimate.mean))),
        ("created", 9, Box::new(|f| count(f.instances.created.mean))),
        ("arrived", 11, Box::new(|f| count(f.requests.arrived.mean))),
        ("cost/month", 10, Box::new(|f| money(wording::monthly(summary, f).mean))),
    ];
    table(out, summary, "Instances", "", &columns);
    out.line(&out.faint("N_instance = L_load / C_instance, the static estimate beside what was simulated."));
}

/// A table with a row for each of the busiest functions and one for the total.
fn table(out: &mut Text, summary: &Summary, title: &str, over: &str, columns: &[(&str, usize, Cell)]) {
    let functions = wording::busiest(summary);
    let rows = functions.iter().take(FUNCTIONS);
    let name_width = rows.clone().map(|(name, _)| name.chars().count()).max().unwrap_or(0).clamp(9, NAME);
    out.line("");
    if !over.is_empty() {
        // Stands over the fourth and fifth column.
        let before: usize = name_width + columns.iter().take(3).map(|(_, width, _)| width + 1).sum::<usize>();
        out.line(&out.faint(&format!("{:before$} {over:-^17}", "")));
    }
    let mut header = format!("{title:<name_width$}");
    for (name, width, _) in columns {
        header += &format!(" {name:>width$}");
    }
    out.line(&out.bold(&header));
    let mut row = |name: &str, shape: &Shape<Stat>| {
        let mut line = format!("{:<name_width$}", shown(name, name_width));
        for (_, width, cell) in columns {
            line += &format!(" {:>width$}", cell(shape));
        }
        out.line(&line);
    };
    for (name, shape) in rows {
        row(name, shape);
    }
    if functions.len() != 1 {
        row("total", &summary.total);
    }
    if functions.len() > FUNCTIONS {
        let more = count((functions.len() - FUNCTIONS) as f64);
        out.line(&out.faint(&format!("The {FUNCTIONS} with the most arrivals; {more} more in functions.csv.")));
    }
}

/// The numbers of all functions together, with their intervals.
fn totals(out: &mut Text, summary: &Summary) {
    out.line("");
    out.line(&out.bold("Total"));
    for keys in [
        ["requests.arrived", "latency_s.mean"],
        ["requests.completed", "latency_s.p50"],
        ["requests.rejected", "latency_s.p95"],
        ["requests.timed_out", "latency_s.p99"],
        ["invocations.throttled", "execution_s.mean"],
        ["invocations.cold", "wait_s.mean"],
        ["cold_start_ratio", "instances.mean"],
        ["failure_ratio", "instances.busy_mean"],
        ["concurrency.peak", "cost_usd.total"],
    ] {
        let [left, right] = [(keys[0], 42), (keys[1], 36)].map(|(key, width)| total_cell(summary, key, width));
        out.line(&format!("{left}  {right}"));
    }
}

/// A key and its value in `width` columns; the interval goes where there is no room for it.
fn total_cell(summary: &Summary, key: &str, width: usize) -> String {
    let Some(stat) = summary.total.get(key) else { return " ".repeat(width) };
    let room = width - key.chars().count() - 1;
    let mut text = Quantity::of(key).stat(stat);
    if text.chars().count() > room {
        text = Quantity::of(key).text(stat.mean);
    }
    format!("{key} {text:>room$}")
}

/// N_event by kind, as many on a line as fit.
fn events(out: &mut Text, summary: &Summary) {
    if summary.events.is_empty() {
        return;
    }
    let sum: f64 = summary.events.iter().map(|(_, stat)| stat.mean).sum();
    out.line("");
    out.line(&format!("{} (N_event): {}", out.bold("Events"), count(sum)));
    let mut line = String::new();
    for (kind, stat) in &summary.events {
        let part = format!("{kind} {}", count(stat.mean));
        if !line.is_empty() && line.chars().count() + 3 + part.chars().count() > WIDTH {
            out.line(&line);
            line.clear();
        }
        line += if line.is_empty() { "  " } else { " · " };
        line += &part;
    }
    out.line(&line);
}

/// What there is to say about how sure the numbers are.
fn sureness(out: &mut Text, summary: &Summary) {
    let notes = evidence::notes(summary);
    if notes.is_empty() {
        return;
    }
    out.line("");
    out.line(&out.bold("How sure"));
    for note in notes.iter().take(NOTES) {
        for line in wrapped(&note.text, WIDTH) {
            out.line(&if note.is_warning { out.paint(RED, &line) } else { line });
        }
    }
    if notes.len() > NOTES {
        out.line(&out.faint(&format!("and {} more in report.html", notes.len() - NOTES)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    #[test]
    fn three_functions() {
        let text = render(&sample::result(3, 24).summary, false);
        assert!(widest(&text) <= WIDTH, "{} columns", widest(&text));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn one_function_one_replication() {
        let mut summary = sample::result(1, 24).summary;
        summary.replications = 1;
        summary.objectives.clear();
        summary.limits.clear();
        summary.total = Shape::build(|metric| Stat { half_width: None, ..*summary.total.get(&metric.key).unwrap() });
        summary.monthly_cost_usd.half_width = None;
        let text = render(&summary, false);
        assert!(text.contains("one replication: no intervals") && !text.contains('±'));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_thousand_functions_show_the_busiest() {
        let mut summary = sample::result(1_000, 1).summary;
        summary.functions[7].0 = "a-name-that-is-much-longer-than-any-column".into();
        let text = render(&summary, false);
        assert!(text.contains("985 more") && text.contains("a-name-that-is-mu…"));
        assert!(widest(&text) <= WIDTH && text.lines().count() < 80);
    }

    #[test]
    fn extreme_values_stay_in_80_columns() {
        for mean in [0.0, f64::NAN, 1e-9, 1e-3, 999_999.4] {
            let mut summary = sample::result(1, 1).summary;
            let extreme = Stat { mean, half_width: Some(mean) };
            summary.total = Shape::build(|_| extreme);
            summary.functions[0].1 = Shape::build(|_| extreme);
            summary.monthly_cost_usd = extreme;
            summary.objectives[0].value = extreme;
            summary.limits[0].throttled = extreme;
            let text = render(&summary, false);
            assert!(widest(&text) <= WIDTH, "{mean}: {} columns\n{text}", widest(&text));
        }
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let summary = sample::result(3, 24).summary;
        let painted = render(&summary, true);
        assert!(painted.contains("\x1b[1;31m"));
        let mut plain = painted;
        for code in ["1", "2", GREEN, RED, "0"] {
            plain = plain.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain, render(&summary, false));
    }
}
