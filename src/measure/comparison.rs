//! Variants side by side: what is compared, fixed before the first replication, and what was found, the content of
//! `comparison.json`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::recorder::Replication;
use super::summary::{ScenarioRef, Stat, Summary, metrics};
use super::{RunResult, Window};
pub use crate::scenario::Tolerance;
use crate::scenario::{Bound, Scenario};
use crate::stats::comparison::{FAMILY_ALPHA, Finding, Level, Looks, paired};

/// Metrics of the total on which a verdict is given in every comparison. Few, because each makes all intervals wider.
pub const HEADLINE: [&str; 12] = [
    "latency_s.mean",
    "latency_s.p50",
    "latency_s.p95",
    "latency_s.p99",
    "wait_s.mean",
    "cold_start_ratio",
    "rejection_ratio",
    "requests.completed",
    "requests.timed_out",
    "queue.mean",
    "cost_usd.total",
    "cost_usd.per_million_requests",
];

/// Cold-affected over started invocations: takes the place of `cold_start_ratio` in [`HEADLINE`] where a policy creates
/// instances by itself. There nobody is cold, for nobody's instance is created for them, and yet they wait for it.
pub const COLD_AFFECTED_RATIO: &str = "cold_affected_ratio";

/// What is followed until it is clear if no objective says what matters: what users feel, and what it costs.
const FOLLOWED: [&str; 3] = ["latency_s.p99", "cold_start_ratio", "cost_usd.total"];

/// A difference of less than this part of the baseline does not matter, if nobody says otherwise.
pub const DEFAULT_PRECISION: f64 = 0.01;

/// The side on which a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

impl Better {
    /// The side on which the metric of a dotted key is better; none if it depends on who asks, as for instances.
    #[must_use]
    pub fn of(metric: &str) -> Option<Self> {
        let (group, leaf) = metric.split_once('.').unwrap_or((metric, ""));
        match (group, leaf) {
            ("requests", "completed") => Some(Self::Higher),
            ("requests", "rejected" | "timed_out" | "failed" | "unfinished")
            | ("invocations", "cold" | "cold_affected" | "throttled")
            | (
                "latency_s"
                | "wait_s"
                | "queueing_s"
                | "cold_start_s"
                | "execution_s"
                | "queue"
                | "cost_usd"
                | "cold_start_ratio"
                | "cold_affected_ratio"
                | "rejection_ratio",
                _,
            ) => Some(Self::Lower),
            _ => None,
        }
    }
}

/// How narrow intervals are wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Precision {
    /// For every metric; none: [`DEFAULT_PRECISION`], and it need not be reached where the verdict is clear before.
    pub general: Option<Tolerance>,
    /// For single metrics, by dotted key.
    pub by_metric: Vec<(String, Tolerance)>,
}

impl Precision {
    /// What was asked for.
    fn asked(&self, metric: &str) -> Option<Tolerance> {
        let named = self.by_metric.iter().rev().find(|(key, _)| key == metric).map(|(_, tolerance)| *tolerance);
        named.or(self.general)
    }

    /// In the unit of the metric.
    fn tolerance(&self, metric: &str, baseline: f64) -> f64 {
        match self.asked(metric).unwrap_or(Tolerance::Relative(DEFAULT_PRECISION)) {
            Tolerance::Relative(part) if baseline.is_finite() => part * baseline.abs(),
            Tolerance::Relative(_) => 0.0,
            Tolerance::Absolute(value) => value,
        }
    }
}

impl fmt::Display for Precision {
    /// `1 % of the baseline, latency_s.p99 0.01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |tolerance: Tolerance| match tolerance {
            // Percentages that were typed, without what binary fractions add.
            Tolerance::Relative(part) => format!("{} % of the baseline", (part * 1e10).round() / 1e8),
            Tolerance::Absolute(value) => value.to_string(),
        };
        f.write_str(&text(self.general.unwrap_or(Tolerance::Relative(DEFAULT_PRECISION))))?;
        self.by_metric.iter().try_for_each(|(metric, tolerance)| write!(f, ", {metric}: {}", text(*tolerance)))
    }
}

/// A metric that is compared.
#[derive(Clone, Debug, PartialEq)]
struct Subject {
    metric: String,
    /// The function; none: the total.
    function: Option<String>,
    /// The side on which a verdict finds it better; none: no verdict is given.
    judged: Option<Better>,
    /// Whether replications are added until it is clear.
    is_followed: bool,
}

/// What is compared and how sure it must be, fixed before the first replication.
#[derive(Clone, Debug)]
pub struct Design {
    /// Place of the baseline among the contenders.
    baseline: usize,
    /// Those with a verdict first.
    subjects: Vec<Subject>,
    looks: Looks,
    precision: Precision,
}

impl Design {
    /// The design of a comparison of `contenders`, of which the one at place `baseline` is the baseline: looks after
    /// `first` replications, twice as many and so on up to `most`.
    ///
    /// Verdicts are given on what the baseline's objectives name, on what `precision` names, and on [`HEADLINE`], with
    /// [`COLD_AFFECTED_RATIO`] for `cold_start_ratio` where a contender has a policy that creates instances by itself.
    #[must_use]
    pub fn new(contenders: &[&Scenario], baseline: usize, precision: Precision, first: u32, most: u32) -> Self {
        let (scenario, variants) = (contenders[baseline], contenders.len() - 1);
        let mut functions = contenders.iter().flat_map(|scenario| &scenario.functions);
        let some_wait_for_others = functions.any(|function| function.scaling.orders_all());
        let mut subjects = Vec::new();
        let mut add = |metric: &str, function: Option<String>, better: Option<Better>, is_followed: bool| {
            let known = subjects.iter().any(|one: &Subject| one.metric == metric && one.function == function);
            if !known {
                subjects.push(Subject { metric: metric.to_owned(), function, judged: better, is_followed });
            }
        };
        for objective in &scenario.objectives {
            let side = match objective.bound {
                Bound::Below(_) => Better::Lower,
                Bound::Above(_) => Better::Higher,
            };
            let function = objective.function.map(|id| scenario.functions[id.index()].name.clone());
            add(&objective.metric, function, Better::of(&objective.metric).or(Some(side)), true);
        }
        for (metric, _) in &precision.by_metric {
            add(metric, None, Better::of(metric).or(Some(Better::Lower)), true);
        }
        let is_asked = !scenario.objectives.is_empty() || !precision.by_metric.is_empty();
        for metric in HEADLINE {
            let is_followed = !is_asked && FOLLOWED.contains(&metric);
            let honest =
                if some_wait_for_others && metric == "cold_start_ratio" { COLD_AFFECTED_RATIO } else { metric };
            add(honest, None, Better::of(honest), is_followed);
        }
        for (metric, _) in metrics() {
            add(&metric, None, None, false);
        }
        let judged = subjects.iter().filter(|subject| subject.judged.is_some()).count();
        Self { baseline, looks: Looks::new(variants * judged, first, most), subjects, precision }
    }

    /// Replications at each planned look.
    #[must_use]
    pub fn looks(&self) -> &[u32] {
        self.looks.sizes()
    }

    /// Whether everything that is followed is clear, and as narrow as was asked for.
    #[must_use]
    pub fn is_settled(&self, samples: &[Sample]) -> bool {
        let level = self.level(samples);
        let followed = self.subjects.iter().enumerate().filter(|(_, subject)| subject.is_followed);
        followed.into_iter().all(|(place, subject)| {
            let baseline = &samples[self.baseline].columns[place];
            let tolerance = self.precision.tolerance(&subject.metric, Stat::of(baseline).mean);
            let must_be_narrow = self.precision.asked(&subject.metric).is_some();
            self.variants(samples).all(|variant| {
                let difference = paired(&variant.columns[place], baseline, &level);
                // What is never there will not become clear by looking longer.
                let Some(finding) = difference.finding(tolerance) else { return difference.pairs == 0 };
                let is_narrow = !must_be_narrow || difference.more_for(tolerance) == Some(0);
                finding != Finding::Open && is_narrow
            })
        })
    }

    /// Everything that was found, from all contenders with what they were made of.
    #[must_use]
    pub fn conclude(&self, samples: &[Sample], results: &[(String, RunResult)]) -> Comparison {
        let adjusted = self.level(samples);
        let plain = Level::new(FAMILY_ALPHA, samples[self.baseline].len());
        let contrasts = self.variants(samples).flat_map(|variant| {
            let subjects = self.subjects.iter().enumerate();
            let baseline = &samples[self.baseline];
            subjects.map(move |(place, subject)| {
                let level = if subject.judged.is_some() { &adjusted } else { &plain };
                self.contrast(subject, &variant.name, (&variant.columns[place], &baseline.columns[place]), level)
            })
        });
        let summary = &results[self.baseline].1.summary;
        let looks = self.looks.sizes();
        Comparison {
            scenario: summary.scenario.clone(),
            seed: summary.seed,
            replications: summary.replications,
            horizon_s: summary.horizon_s,
            measured_s: summary.measured_s,
            baseline: samples[self.baseline].name.clone(),
            method: Method {
                confidence: 1.0 - FAMILY_ALPHA,
                adjustment: "bonferroni".to_owned(),
                comparisons: self.looks.comparisons(),
                looks: looks.to_vec(),
                interval_confidence: 1.0 - adjusted.alpha(),
                precision: self.precision.to_string(),
                followed: self.subjects.iter().filter(|one| one.is_followed).map(Subject::name).collect(),
                is_settled: self.is_settled(samples),
            },
            contrasts: contrasts.collect(),
            contenders: results
                .iter()
                .map(|(name, result)| Contender { name: name.clone(), summary: result.summary.clone() })
                .collect(),
        }
    }

    fn contrast(
        &self,
        subject: &Subject,
        variant: &str,
        (value, baseline): (&[f64], &[f64]),
        level: &Level,
    ) -> Contrast {
        let difference = paired(value, baseline, level);
        let (value, baseline) = (Stat::of(value), Stat::of(baseline));
        let tolerance = self.precision.tolerance(&subject.metric, baseline.mean);
        let finding = subject.judged.and(difference.finding(tolerance));
        let verdict = finding.map(|finding| match (finding, subject.judged) {
            (Finding::Lower, Some(Better::Lower)) | (Finding::Higher, Some(Better::Higher)) => Verdict::Better,
            (Finding::Lower | Finding::Higher, _) => Verdict::Worse,
            (Finding::Alike, _) => Verdict::NotDifferentEnough,
            (Finding::Open, _) => Verdict::NotYetDistinguishable,
        });
        let is_open = verdict == Some(Verdict::NotYetDistinguishable);
        let relative = difference.mean / baseline.mean.abs();
        Contrast {
            variant: variant.to_owned(),
            metric: subject.metric.clone(),
            function: subject.function.clone(),
            better: subject.judged,
            baseline,
            value,
            difference: Stat { mean: difference.mean, half_width: difference.half_width },
            relative: relative.is_finite().then_some(relative),
            confidence: 1.0 - level.alpha(),
            pairs: difference.pairs as u32,
            verdict,
            more_replications: if is_open { difference.more(tolerance) } else { None },
        }
    }

    /// The level at which verdicts are given.
    fn level(&self, samples: &[Sample]) -> Level {
        Level::new(self.looks.alpha(), samples[self.baseline].len())
    }

    /// All but the baseline.
    fn variants<'a>(&self, samples: &'a [Sample]) -> impl Iterator<Item = &'a Sample> {
        let baseline = self.baseline;
        samples.iter().enumerate().filter(move |(place, _)| *place != baseline).map(|(_, sample)| sample)
    }
}

impl Subject {
    fn name(&self) -> String {
        match &self.function {
            Some(function) => format!("{} of {function}", self.metric),
            None => self.metric.clone(),
        }
    }
}

/// What each replication of a contender measured.
#[derive(Clone, Debug)]
pub struct Sample {
    name: String,
    /// One column for each subject of the design, one value for each replication.
    columns: Vec<Vec<f64>>,
}

impl Sample {
    /// The values of a contender's replications.
    #[must_use]
    pub fn of(design: &Design, name: &str, scenario: &Scenario, replications: &mut [Replication]) -> Self {
        let measured = Window::of(scenario).measured();
        replications.iter_mut().for_each(|replication| {
            replication.charge(scenario, measured);
        });
        let totals: Vec<Vec<(String, f64)>> = replications
            .iter()
            .map(|replication| {
                let mut leaves = Vec::new();
                replication.total.visit(|key, value| leaves.push((key, *value)));
                leaves
            })
            .collect();
        let of_total = |metric: &str| -> Vec<f64> {
            let place = totals.first().and_then(|leaves| leaves.iter().position(|(key, _)| key == metric));
            totals.iter().map(|leaves| place.map_or(f64::NAN, |place| leaves[place].1)).collect()
        };
        let cold_affected = || -> Vec<f64> {
            let invocations = replications.iter().map(|one| &one.total.invocations);
            invocations.map(|of| of.cold_affected / of.started).collect()
        };
        let of_function = |metric: &str, function: &str| -> Vec<f64> {
            // A variant may have other functions.
            let place = scenario.functions.iter().position(|known| known.name == function);
            let value = |one: &Replication| place.and_then(|place| one.functions[place].shape.get(metric)).copied();
            replications.iter().map(|one| value(one).unwrap_or(f64::NAN)).collect()
        };
        let column = |subject: &Subject| match &subject.function {
            Some(function) => of_function(&subject.metric, function),
            None if subject.metric == COLD_AFFECTED_RATIO => cold_affected(),
            None => of_total(&subject.metric),
        };
        Self { name: name.to_owned(), columns: design.subjects.iter().map(column).collect() }
    }

    /// Replications.
    fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }
}

/// What a comparison found: the content of `comparison.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The baseline's scenario.
    pub scenario: ScenarioRef,
    /// Root of the random numbers.
    pub seed: u64,
    /// Paired replications: independent runs of every contender, each with the same luck for all of them.
    pub replications: u32,
    /// Simulated time, s.
    pub horizon_s: f64,
    /// The part of it that was measured, s.
    pub measured_s: f64,
    /// The contender that the others are compared with.
    pub baseline: String,
    /// How sure it is, and why.
    pub method: Method,
    /// Every variant and metric beside the baseline; those with a verdict first.
    pub contrasts: Vec<Contrast>,
    /// What each contender did by itself, the unchanged scenario first.
    pub contenders: Vec<Contender>,
}

/// How sure a comparison is, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// With this probability at least, all intervals with a verdict hold together, at all looks.
    pub confidence: f64,
    /// How the rest is split over comparisons and looks: `bonferroni`, evenly.
    pub adjustment: String,
    /// Intervals that hold together: variants times metrics with a verdict.
    pub comparisons: usize,
    /// Replications at each look that was planned; it ends at the first one at which everything followed is clear.
    pub looks: Vec<u32>,
    /// Hence the confidence of each of those intervals.
    pub interval_confidence: f64,
    /// A difference of no more than this does not matter: `1% of the baseline`.
    pub precision: String,
    /// What was followed until it was clear.
    pub followed: Vec<String>,
    /// Whether it became clear.
    pub is_settled: bool,
}

/// One metric of one variant beside the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// Who is compared with the baseline.
    pub variant: String,
    /// Dotted key of the metric.
    pub metric: String,
    /// The function; none: the total.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// The side on which it is better; none: no verdict is given.
    pub better: Option<Better>,
    /// The baseline by itself, with its own 95 % interval.
    pub baseline: Stat,
    /// The variant by itself, with its own 95 % interval.
    pub value: Stat,
    /// The variant less the baseline, replication by replication, with an interval of `confidence`.
    pub difference: Stat,
    /// The difference as a part of the baseline; none if that is zero.
    pub relative: Option<f64>,
    /// Confidence of the interval of the difference: adjusted where there is a verdict, 0.95 elsewhere.
    pub confidence: f64,
    /// Replications in which both had a value.
    pub pairs: u32,
    /// What the interval allows to say; none without an interval, and where neither side is better.
    pub verdict: Option<Verdict>,
    /// For what is not yet distinguishable: about how many more replications would tell. None if that is out of reach.
    pub more_replications: Option<u32>,
}

/// What an interval of a difference allows to say of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The whole interval is on the better side, and not all of it within the precision.
    Better,
    /// The whole interval is on the worse side, and not all of it within the precision.
    Worse,
    /// The whole interval is within the precision: whatever the difference is, it does not matter.
    NotDifferentEnough,
    /// The interval holds zero and is too wide to say more.
    NotYetDistinguishable,
}

/// One of those that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// Its name.
    pub name: String,
    /// What it did by itself.
    pub summary: Summary,
}

impl Comparison {
    /// Names of the variants, in order: all contenders but the baseline.
    pub fn variants(&self) -> impl Iterator<Item = &str> {
        self.contenders.iter().map(|contender| contender.name.as_str()).filter(|name| *name != self.baseline)
    }

    /// The contrasts of a variant on which a verdict is given.
    pub fn judged<'a>(&'a self, variant: &'a str) -> impl Iterator<Item = &'a Contrast> {
        self.contrasts.iter().filter(move |contrast| contrast.variant == variant && contrast.better.is_some())
    }
}

impl Contrast {
    /// The metric with its function: `latency_s.p99 of checkout`.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.function {
            Some(function) => format!("{} of {function}", self.metric),
            None => self.metric.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_headline_is_a_metric_with_a_better_side() {
        let known = metrics();
        for metric in HEADLINE {
            assert!(known.iter().any(|(key, _)| key == metric), "{metric}");
            assert!(Better::of(metric).is_some(), "{metric}");
        }
        assert!(FOLLOWED.iter().all(|metric| HEADLINE.contains(metric)));
    }

    #[test]
    fn the_better_side() {
        for (metric, better) in [
            ("latency_s.p99", Some(Better::Lower)),
            ("cold_start_ratio", Some(Better::Lower)),
            ("cost_usd.total", Some(Better::Lower)),
            ("queue.mean", Some(Better::Lower)),
            ("requests.completed", Some(Better::Higher)),
            ("requests.arrived", None),
            ("instances.mean", None),
        ] {
            assert_eq!(Better::of(metric), better, "{metric}");
        }
    }

    #[test]
    fn precision_of_a_metric_goes_before_the_general_one() {
        let precision = Precision {
            general: Some(Tolerance::Relative(0.05)),
            by_metric: vec![("wait_s.mean".to_owned(), Tolerance::Absolute(0.01))],
        };
        assert_eq!(precision.tolerance("wait_s.mean", 100.0), 0.01);
        assert_eq!(precision.tolerance("latency_s.p99", -2.0), 0.1);
        assert_eq!(precision.tolerance("latency_s.p99", f64::NAN), 0.0);
        assert_eq!(Precision::default().tolerance("latency_s.p99", 2.0), 0.02);
        assert_eq!(precision.to_string(), "5 % of the baseline, wait_s.mean: 0.01");
    }
}
