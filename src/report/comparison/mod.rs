//! A comparison for people: who wins on what, and by how much.

mod page;
mod table;

pub use page::render as page;
pub use table::render as table;

use super::chart::Drawn;
use super::kinds::Kind;
use super::number::{Quantity, count, percent};
use super::wording::largest_first;
use super::{Artefact, Report, chart, csv, json, markdown, stored};
use crate::experiment::compare::Compared;
use crate::measure::Manifest;
use crate::measure::comparison::{Comparison, Contrast, Verdict};
use crate::measure::summary::Stat;

/// What `forewarm compare` leaves.
pub const KIND: Kind = Kind {
    name: "compare",
    read: |_, folder| {
        let text = |name| stored::text(folder, name);
        let (comparison, results) = stored::comparison(&text(stored::COMPARISON)?, &text(stored::TIMELINE)?)?;
        Ok(Box::new(Compared { comparison, results, simulated: 0, is_whole: true }))
    },
};

impl Report for Compared {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Artefact> {
        vec![
            Artefact::new(stored::COMPARISON, self.json()),
            Artefact::csv("comparison.csv", |to| csv::comparison(&self.comparison, to)),
            Artefact::csv(stored::TIMELINE, |to| csv::timelines(&self.results, to)),
        ]
    }

    fn charts(&self) -> Vec<Drawn> {
        chart::compare::charts(&self.comparison, &self.results)
    }

    fn html(&self, manifest: &Manifest, charts: &[Drawn]) -> String {
        page(&self.comparison, manifest, charts)
    }

    fn markdown(&self, manifest: &Manifest) -> String {
        markdown::comparison(&self.comparison, manifest)
    }

    fn text(&self, colour: bool) -> String {
        table(&self.comparison, colour)
    }

    fn json(&self) -> String {
        json::comparison(&self.comparison)
    }
}

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
pub(super) fn score(comparison: &Comparison, variant: &str) -> String {
    let Score { better, worse, all } = Score::of(comparison, variant);
    match (better, worse) {
        (0, 0) => format!("neither better nor worse on any of {all} metrics"),
        (_, 0) => format!("better on {better} and worse on none of {all} metrics"),
        (0, _) => format!("better on none and worse on {worse} of {all} metrics"),
        _ => format!("better on {better} and worse on {worse} of {all} metrics"),
    }
}

/// A verdict in a word or two; an open one with the replications it would take.
pub(super) fn verdict(contrast: &Contrast) -> String {
    match (contrast.verdict, contrast.more_replications) {
        (Some(Verdict::Better), _) => "better".to_owned(),
        (Some(Verdict::Worse), _) => "worse".to_owned(),
        (Some(Verdict::NotDifferentEnough), _) => "alike".to_owned(),
        (Some(Verdict::NotYetDistinguishable), Some(more)) => format!("{} more", count(f64::from(more))),
        (Some(Verdict::NotYetDistinguishable), None) => "open".to_owned(),
        (None, _) => String::new(),
    }
}

/// A difference with its sign: `+1.2 ± 0.1 ms`; that of shares in percentage points, `-0.97 pp`.
pub(super) fn difference(contrast: &Contrast) -> String {
    signed(contrast, Quantity::stat)
}

/// The difference with a plus sign if it is above zero, as `text` writes it.
fn signed(contrast: &Contrast, text: impl Fn(Quantity, &Stat) -> String) -> String {
    let (quantity, stat) = (Quantity::of(&contrast.metric), &contrast.difference);
    let number = text(quantity, stat);
    let number = if quantity == Quantity::Ratio { number.replace(" %", " pp") } else { number };
    format!("{}{number}", if stat.mean > 0.0 { "+" } else { "" })
}

/// The difference as a part of the baseline: `-12.3 %`.
fn relative(contrast: &Contrast) -> Option<String> {
    let part = contrast.relative.filter(|part| *part != 0.0)?;
    Some(format!("{}{}", if part > 0.0 { "+" } else { "" }, percent(part)))
}

/// What the words of the verdicts mean.
pub(super) fn words(comparison: &Comparison) -> String {
    format!(
        "alike: not different enough to matter, all of the interval is within {}. N more: not yet distinguishable; about N \
         more replications would tell. open: not in 10,000 replications. pp: percentage points.",
        comparison.method.precision
    )
}

/// How sure the differences are.
pub(super) fn method(comparison: &Comparison) -> String {
    let method = &comparison.method;
    let looks = match method.looks.len() {
        1 => "one look".to_owned(),
        n => format!("{n} planned looks ({} replications)", list(&method.looks)),
    };
    format!(
        "Differences are to {}, replication by replication, with common random numbers. Their {} intervals hold \
         simultaneously at {}, over {looks}: Bonferroni, {} each.",
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
pub(super) fn outcome(comparison: &Comparison) -> String {
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
        win.winners.sort_by(|a, b| largest_first(a.difference.mean.abs(), b.difference.mean.abs()));
    }
    wins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::RunResult;
    use crate::measure::comparison::{Better, Contender, Method};
    use crate::report::chart;
    use crate::report::sample;

    /// A shop with a variant that is faster and dearer, and one of which little is known.
    fn comparison() -> (Comparison, Vec<(String, RunResult)>) {
        let names = ["unchanged", "warm", "a-variant-with-a-name-that-is-longer-than-any-column"];
        let results: Vec<(String, RunResult)> =
            names.iter().map(|name| ((*name).to_owned(), sample::result(3, 24))).collect();
        let summary = results[0].1.summary.clone();
        let stat = |mean, half| Stat { mean, half_width: Some(half) };
        let contrast =
            |variant: &str, metric: &str, function: Option<&str>, base: f64, by: f64, half: f64, verdict| Contrast {
                variant: variant.to_owned(),
                metric: metric.to_owned(),
                function: function.map(str::to_owned),
                source: None,
                better: Some(Better::Lower),
                baseline: stat(base, base * 0.1),
                value: stat(base + by, base * 0.1),
                difference: stat(by, half),
                relative: Some(by / base),
                confidence: 0.999,
                pairs: 16,
                verdict: Some(verdict),
                more_replications: (verdict == Verdict::NotYetDistinguishable).then_some(9_999),
            };
        let contrasts = vec![
            contrast(names[1], "latency_s.p99", Some("checkout"), 0.6, -0.2, 0.01, Verdict::Better),
            contrast(names[1], "cost_usd.per_million_requests", None, 9.3, 12_345.6, 0.04, Verdict::Worse),
            contrast(names[1], "latency_s.p50", None, 0.12, 0.0001, 0.0002, Verdict::NotDifferentEnough),
            contrast(names[2], "latency_s.p99", Some("checkout"), 0.6, -0.02, 0.1, Verdict::NotYetDistinguishable),
            contrast(
                names[2],
                "cost_usd.per_million_requests",
                None,
                9.3,
                12_345.6,
                99_999.9,
                Verdict::NotYetDistinguishable,
            ),
            contrast(names[2], "latency_s.p50", None, 0.12, 0.05, 0.01, Verdict::Worse),
        ];
        let comparison = Comparison {
            scenario: summary.scenario.clone(),
            seed: 42,
            replications: 16,
            horizon_s: 86_400.0,
            measured_s: 84_600.0,
            baseline: names[0].to_owned(),
            method: Method {
                confidence: 0.95,
                adjustment: "bonferroni".to_owned(),
                comparisons: 6,
                looks: vec![8, 16],
                interval_confidence: 0.995_833,
                precision: "1 % of the baseline".to_owned(),
                followed: vec!["latency_s.p99 of checkout".to_owned()],
                is_settled: false,
            },
            contrasts,
            contenders: results
                .iter()
                .map(|(name, result)| Contender { name: name.clone(), summary: result.summary.clone() })
                .collect(),
        };
        (comparison, results)
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let text = table(&comparison().0, false);
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}\n{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn who_wins_on_what() {
        let (comparison, _) = comparison();
        let wins = wins(&comparison);
        let names = |list: &[&Contrast]| list.iter().map(|one| one.variant.clone()).collect::<Vec<_>>();
        assert_eq!(wins.len(), 3);
        assert_eq!(names(&wins[0].winners), ["warm"]);
        assert!(wins[1].winners.is_empty() && names(&wins[1].losers) == ["warm"], "the baseline is cheaper");
        assert_eq!(score(&comparison, "warm"), "better on 1 and worse on 1 of 3 metrics");
    }

    #[test]
    fn names_are_data_and_nothing_is_fetched() {
        let (mut comparison, mut results) = comparison();
        let evil = "<script>alert(1)</script>";
        results[1].0 = evil.to_owned();
        comparison.contenders[1].name = evil.to_owned();
        comparison
            .contrasts
            .iter_mut()
            .filter(|one| one.variant == "warm")
            .for_each(|one| one.variant = evil.to_owned());
        comparison.contrasts[0].function = Some("<img alt=x onerror=alert(2)>".to_owned());
        comparison.scenario.name = "<b>&\"".to_owned();
        let charts = chart::compare::charts(&comparison, &results);
        let page = page(&comparison, &sample::manifest(), &charts);
        assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains("<b>"));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the name shows as text");
        assert_eq!(page.matches("<script").count(), 1, "the page's own");
        let without_namespaces = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!without_namespaces.contains("http:") && !without_namespaces.contains("https:"));
        assert!(!page.contains(" src=") && !page.contains("@import") && !page.contains("url("));
    }

    #[test]
    fn nothing_measured_is_no_reason_to_fail() {
        let (mut comparison, mut results) = comparison();
        results.iter_mut().for_each(|(_, result)| *result = sample::empty());
        comparison.contrasts.iter_mut().for_each(|one| {
            one.difference = Stat { mean: f64::NAN, half_width: None };
            (one.relative, one.verdict, one.more_replications) = (None, None, None);
        });
        let charts = chart::compare::charts(&comparison, &results);
        assert!(charts[0].svg.contains("Nothing to show"));
        assert!(page(&comparison, &sample::manifest(), &charts).contains("No difference can be told from chance"));
        assert!(table(&comparison, false).contains("neither better nor worse"));
        let text = crate::report::json::comparison(&comparison);
        let back: Comparison = serde_json::from_str(&text).unwrap();
        assert!(!text.contains("NaN") && back.contrasts[0].difference.mean.is_nan());
    }

    #[test]
    fn a_row_for_each_variant_and_metric() {
        let mut text = Vec::new();
        crate::report::csv::comparison(&comparison().0, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 7);
        assert!(text.contains("warm,latency_s.p99,checkout,lower,0.6,"), "{text}");
        assert!(text.contains(",not-yet-distinguishable,9999\n"), "{text}");
    }
}
