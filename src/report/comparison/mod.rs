//! A comparison for people: who wins on what, and by how much.

mod page;
mod table;

pub use page::render as page;
pub use table::render as table;

use super::number::{Quantity, count, percent};
use crate::measure::comparison::{Comparison, Contrast, Verdict};
use crate::measure::summary::Stat;

/// How often each verdict is given.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    better: usize,
    worse: usize,
    all: usize,
}

impl Score {
    fn of(comparison: &Comparison, variant: &str) -> Self {
        comparison.judged(variant).fold(Self::default(), |score, contrast| Self {
            better: score.better + usize::from(contrast.verdict == Some(Verdict::Better)),
            worse: score.worse + usize::from(contrast.verdict == Some(Verdict::Worse)),
            all: score.all + 1,
        })
    }
}

/// The score of a variant in words: `better on 5 and worse on 2 of 14 metrics`.
fn score(comparison: &Comparison, variant: &str) -> String {
    let Score { better, worse, all } = Score::of(comparison, variant);
    match (better, worse) {
        (0, 0) => format!("neither better nor worse on any of {all} metrics"),
        (_, 0) => format!("better on {better} and worse on none of {all} metrics"),
        (0, _) => format!("better on none and worse on {worse} of {all} metrics"),
        _ => format!("better on {better} and worse on {worse} of {all} metrics"),
    }
}

/// A verdict in a word or two; an open one with the replications it would take.
fn verdict(contrast: &Contrast) -> String {
    match (contrast.verdict, contrast.more_replications) {
        (Some(Verdict::Better), _) => "better".to_owned(),
        (Some(Verdict::Worse), _) => "worse".to_owned(),
        (Some(Verdict::NotDifferentEnough), _) => "alike".to_owned(),
        (Some(Verdict::NotYetDistinguishable), Some(more)) => format!("~{} more", count(f64::from(more))),
        (Some(Verdict::NotYetDistinguishable), None) => "open".to_owned(),
        (None, _) => String::new(),
    }
}

/// A difference with its sign: `+1.2 ± 0.1 ms`.
fn difference(contrast: &Contrast) -> String {
    signed(&contrast.difference, |stat| Quantity::of(&contrast.metric).stat(stat))
}

/// A number with a plus sign if it is above zero.
fn signed(stat: &Stat, text: impl Fn(&Stat) -> String) -> String {
    format!("{}{}", if stat.mean > 0.0 { "+" } else { "" }, text(stat))
}

/// The difference as a part of the baseline: `-12.3 %`.
fn relative(contrast: &Contrast) -> Option<String> {
    let part = contrast.relative.filter(|part| *part != 0.0)?;
    Some(format!("{}{}", if part > 0.0 { "+" } else { "" }, percent(part)))
}

/// What the words of the verdicts mean.
const WORDS: &str = "alike: not different enough to matter, and the interval is narrow enough to say so. ~N more: not yet \
                     distinguishable; about N more replications would tell. open: no number of replications in reach would.";

/// How sure the differences are.
fn method(comparison: &Comparison) -> String {
    let method = &comparison.method;
    let looks = match method.looks.len() {
        1 => "one look".to_owned(),
        n => format!("{n} planned looks ({} replications)", list(&method.looks)),
    };
    format!(
        "Differences are to {}, replication by replication, with the same luck for all. Their {} intervals hold together at \
         {}, over {looks}: Bonferroni, {} each.",
        comparison.baseline,
        count(method.comparisons as f64),
        percent(method.confidence),
        percent(method.interval_confidence),
    )
}

fn list(sizes: &[u32]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether everything that was followed became clear, and what to do if not.
fn outcome(comparison: &Comparison) -> String {
    let method = &comparison.method;
    let done = comparison.replications;
    let followed = method.followed.len();
    let subjects = match followed {
        0..=3 => method.followed.join(", "),
        _ => format!("{} and {} more", method.followed[..2].join(", "), followed - 2),
    };
    if method.is_settled {
        return format!("Clear after {done} replications: {subjects}.");
    }
    let open = comparison.contrasts.iter().filter(|one| method.followed.contains(&one.subject()));
    let more = open.filter_map(|one| one.more_replications).max();
    let advice = more.map_or_else(String::new, |more| {
        format!(" About {} more would tell: raise --max-replications.", count(f64::from(more)))
    });
    format!("Not all clear after {done} replications: {subjects}.{advice}")
}

/// Who is better than the baseline on a metric, the best first; the baseline itself if all that differ are worse.
struct Win<'a> {
    subject: String,
    winners: Vec<&'a Contrast>,
    /// If nobody is better: those that are worse.
    losers: Vec<&'a Contrast>,
}

/// What each metric is won by; metrics without any verdict for a side are left out.
fn wins(comparison: &Comparison) -> Vec<Win<'_>> {
    let mut wins: Vec<Win<'_>> = Vec::new();
    for contrast in comparison.contrasts.iter().filter(|one| one.better.is_some()) {
        let subject = contrast.subject();
        let place = wins.iter().position(|win| win.subject == subject).unwrap_or_else(|| {
            wins.push(Win { subject, winners: Vec::new(), losers: Vec::new() });
            wins.len() - 1
        });
        match contrast.verdict {
            Some(Verdict::Better) => wins[place].winners.push(contrast),
            Some(Verdict::Worse) => wins[place].losers.push(contrast),
            _ => {}
        }
    }
    wins.retain(|win| !win.winners.is_empty() || !win.losers.is_empty());
    for win in &mut wins {
        win.winners.sort_by(|a, b| b.difference.mean.abs().total_cmp(&a.difference.mean.abs()));
    }
    wins
}
