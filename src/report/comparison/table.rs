//! The comparison on the terminal: who meets the objectives, then a table for each variant. Fits 80 columns.

use super::{difference, method, outcome, score, verdict, words};
use crate::measure::comparison::{Comparison, Contrast, Verdict};
use crate::report::number::{Quantity, count};
use crate::report::text::{GREEN, RED, Text, WIDTH, wrapped};
use crate::report::wording::{self, shown};

/// How many variants and metrics get a line before the rest is only counted.
const VARIANTS: usize = 8;
const METRICS: usize = 40;
/// Columns of a metric, of a value and of a difference; what is longer takes from the verdict.
const SUBJECT: usize = 29;
const VALUE: usize = 9;
const DIFFERENCE: usize = 19;

/// A comparison as a text of at most 80 columns; `colour` adds ANSI colours.
#[must_use]
pub fn render(comparison: &Comparison, colour: bool) -> String {
    let mut out = Text::new(colour);
    let variants: Vec<&str> = comparison.variants().collect();
    let extent = comparison.contenders.first().map(|one| wording::extent(&one.summary)).unwrap_or_default();
    out.line(&format!("{}: {extent}", out.bold(&shown(&comparison.scenario.name, 24))));
    objectives(&mut out, comparison);
    for variant in variants.iter().take(VARIANTS) {
        one(&mut out, comparison, variant);
    }
    if variants.len() > VARIANTS {
        out.line("");
        for variant in variants.iter().skip(VARIANTS) {
            out.line(&format!("{}: {}", shown(variant, 30), score(comparison, variant)));
        }
    }
    out.line("");
    for text in [words(comparison), method(comparison), outcome(comparison)] {
        for line in wrapped(&text, WIDTH) {
            out.line(&out.faint(&line));
        }
    }
    out.finish()
}

fn objectives(out: &mut Text, comparison: &Comparison) {
    let contenders = comparison.contenders.iter();
    let judged: Vec<_> = contenders
        .filter_map(|one| Some((one.name.as_str(), wording::all_met(&one.summary)?, wording::verdict(&one.summary))))
        .collect();
    if judged.is_empty() {
        return;
    }
    out.line("");
    for (name, is_met, verdict) in judged {
        let word = if is_met { out.paint(GREEN, "met    ") } else { out.paint(RED, "NOT MET") };
        out.line(&format!("  {word}  {:<30}  {verdict}", shown(name, 30)));
    }
}

/// One variant beside the baseline.
fn one(out: &mut Text, comparison: &Comparison, variant: &str) {
    let rows: Vec<&Contrast> = comparison.judged(variant).collect();
    out.line("");
    out.line(&format!("{}: {}", out.bold(&shown(variant, 30)), score(comparison, variant)));
    let (baseline, name) = (shown(&comparison.baseline, VALUE), shown(variant, VALUE));
    let header = format!("{:SUBJECT$} {baseline:>VALUE$} {name:>VALUE$} {:>DIFFERENCE$}", "", "difference");
    out.line(&out.faint(&header));
    for row in rows.iter().take(METRICS) {
        let word = verdict(row);
        let painted = match row.verdict {
            Some(Verdict::Better) => out.paint(GREEN, &word),
            Some(Verdict::Worse) => out.paint(RED, &word),
            _ => word.clone(),
        };
        out.line(&format!("{} {painted}", numbers(row, word.chars().count())));
    }
    if rows.len() > METRICS {
        out.line(&out.faint(&format!("{} more in comparison.csv.", count((rows.len() - METRICS) as f64))));
    }
}

/// A metric of both and the difference, with its interval if that leaves room for a word of `word` characters.
fn numbers(row: &Contrast, word: usize) -> String {
    let quantity = Quantity::of(&row.metric);
    let line = |by: &str| {
        let subject = shown(&row.subject(), SUBJECT);
        let [baseline, value] = [&row.baseline, &row.value].map(|stat| quantity.text(stat.mean));
        // What a long value takes more, the difference gets less.
        let over = |text: &str| text.chars().count().saturating_sub(VALUE);
        let room = DIFFERENCE.saturating_sub(over(&baseline) + over(&value));
        format!("{subject:SUBJECT$} {baseline:>VALUE$} {value:>VALUE$} {by:>room$}")
    };
    let whole = line(&difference(row));
    if whole.chars().count() + 1 + word <= WIDTH {
        return whole;
    }
    line(&super::signed(row, |quantity, stat| quantity.text(stat.mean)))
}
