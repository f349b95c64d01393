//! The design of a comparison, fixed before the first replication.

use super::super::RunResult;
use super::super::objective::Measured;
use super::super::path;
use super::super::replications::Replications;
use super::super::summary::{Asked, Stat, subject};
use super::precision::Precision;
use super::{Better, Comparison, Contender, Contrast, Method, Verdict};
use crate::metric;
use crate::path::of_group;
use crate::scenario::objective::TOLERATED_FAILURES;
use crate::scenario::{Goal, Scenario};
use crate::stats::comparison::{FAMILY_ALPHA, Finding, Level, Looks, paired};

/// Metrics of the total with a verdict in every comparison. Few, because each one makes all intervals wider.
pub const HEADLINE: [&str; 11] = [
    "latency_s.mean",
    "latency_s.p50",
    "latency_s.p95",
    "latency_s.p99",
    "wait_s.mean",
    "cold_start_ratio",
    "failure_ratio",
    "requests.completed",
    "queue.mean",
    "cost_usd.total",
    "cost_usd.per_million_succeeded",
];

/// Cold-affected invocations as a share of those started: replaces `cold_start_ratio` in [`HEADLINE`] if a policy
/// creates instances itself. In that case no instance is created for a request, and yet requests wait for instances to
/// start.
pub const COLD_AFFECTED_RATIO: &str = "cold_affected_ratio";

/// Metrics to follow if there are no objectives: user experience and cost.
const FOLLOWED: [&str; 3] = ["latency_s.p99", "cold_start_ratio", "cost_usd.per_million_succeeded"];

/// A metric that is compared.
#[derive(Clone, Debug, PartialEq)]
struct Subject {
    metric: String,
    /// The function; none: not of one alone.
    function: Option<String>,
    /// The source; none: not of one alone.
    source: Option<String>,
    /// The component of the path; none: it is about requests.
    component: Option<String>,
    /// The place of the objective that it is the value of.
    objective: Option<usize>,
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
        let some_wait_for_others = functions.any(|function| function.scaling.owns_all_instances());
        let mut subjects: Vec<Subject> = Vec::new();
        let mut add = |subject: Subject| {
            let is_same = |one: &Subject| {
                let whose = |one: &Subject| (one.function.clone(), one.source.clone(), one.component.clone());
                one.metric == subject.metric && whose(one) == whose(&subject)
            };
            if !subjects.iter().any(is_same) {
                subjects.push(subject);
            }
        };
        let of_total = |metric: &str, judged: Option<Better>, is_followed: bool| Subject {
            metric: metric.to_owned(),
            function: None,
            source: None,
            component: None,
            objective: None,
            judged,
            is_followed,
        };
        for (place, objective) in scenario.objectives.iter().enumerate() {
            let asked = Asked::of(objective, scenario);
            let side = if asked.below.is_some() { Better::Lower } else { Better::Higher };
            let better = match &objective.goal {
                Goal::Metric { metric, .. } => metric.better,
                Goal::Share { .. } | Goal::Stability { .. } => None,
            };
            let metric = asked.key();
            let Asked { function, source, component, .. } = asked;
            let judged = better.or(Some(side));
            add(Subject { metric, function, source, component, objective: Some(place), judged, is_followed: true });
        }
        for (metric, _) in &precision.by_metric {
            add(of_total(metric, Better::of(metric).or(Some(Better::Lower)), true));
        }
        let is_asked = !scenario.objectives.is_empty() || !precision.by_metric.is_empty();
        for metric in HEADLINE {
            let is_followed = !is_asked && FOLLOWED.contains(&metric);
            let honest =
                if some_wait_for_others && metric == "cold_start_ratio" { COLD_AFFECTED_RATIO } else { metric };
            add(of_total(honest, Better::of(honest), is_followed));
        }
        for metric in metric::keys() {
            add(of_total(metric, None, false));
        }
        for component in &scenario.components {
            let kind = of_group(component.spec.group());
            for metric in kind.map_or(&[][..], |kind| kind.headline) {
                add(Subject { component: Some(component.name.clone()), ..of_total(metric, None, false) });
            }
        }
        for function in scenario.functions.iter().filter(|function| function.batching.is_some()) {
            let name = format!("{}.{}", metric::component::BATCHING, function.name);
            for metric in metric::component::BATCHING_HEADLINE {
                add(Subject { component: Some(name.clone()), ..of_total(metric, None, false) });
            }
        }
        let judged = subjects.iter().filter(|subject| subject.judged.is_some()).count();
        Self { baseline, looks: Looks::new(variants * judged, first, most), subjects, precision }
    }

    /// Replications at each planned look.
    #[must_use]
    pub fn looks(&self) -> &[u32] {
        self.looks.sizes()
    }

    /// Whether everything followed is clear and as precise as requested.
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
                // A metric that never has a value will not become clear.
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
                self.contrast(subject, place, (variant, baseline), level)
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
            over_load: None,
        }
    }

    fn contrast(
        &self,
        subject: &Subject,
        place: usize,
        (variant, other): (&Sample, &Sample),
        level: &Level,
    ) -> Contrast {
        let (value, baseline) = (&variant.columns[place][..], &other.columns[place][..]);
        // If so many requests fail that a quantile is never reached, no more replications are needed.
        let is_never = |values: &[f64]| values.contains(&f64::INFINITY);
        let never = match (is_never(value), is_never(baseline)) {
            (true, false) => Some(Verdict::Worse),
            (false, true) => Some(Verdict::Better),
            _ => None,
        };
        // A contender does not count as fast because of the requests that it completes.
        let says_little = (variant.fails || other.fails) && subject.is_of_survivors();
        let judged = subject.judged.filter(|_| !says_little);
        let difference = paired(value, baseline, level);
        let (value, baseline) = (Stat::of(value), Stat::of(baseline));
        let tolerance = self.precision.tolerance(&subject.metric, baseline.mean);
        let finding = judged.and(difference.finding(tolerance));
        let verdict = finding.map(|finding| match (finding, judged) {
            (Finding::Lower, Some(Better::Lower)) | (Finding::Higher, Some(Better::Higher)) => Verdict::Better,
            (Finding::Lower | Finding::Higher, _) => Verdict::Worse,
            (Finding::Alike, _) => Verdict::NotDifferentEnough,
            (Finding::Open, _) => Verdict::NotYetDistinguishable,
        });
        let verdict = never.filter(|_| judged.is_some()).or(verdict);
        let is_open = verdict == Some(Verdict::NotYetDistinguishable);
        let relative = difference.mean / baseline.mean.abs();
        Contrast {
            variant: variant.name.clone(),
            metric: subject.metric.clone(),
            function: subject.function.clone(),
            source: subject.source.clone(),
            component: subject.component.clone(),
            better: judged,
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
        let source = self.source.as_ref().map(|source| format!("source {source}"));
        subject(&self.metric, self.function.as_deref().or(source.as_deref()).or(self.component.as_deref()))
    }

    /// Whether it is a time of those requests alone that succeed.
    fn is_of_survivors(&self) -> bool {
        let metric = metric::find(&self.metric).filter(|_| self.component.is_none());
        metric.is_some_and(|metric| metric.is_of_times() && !metric.is_judged_over_all())
    }
}

/// What each replication of a contender measured.
#[derive(Clone, Debug)]
pub struct Sample {
    name: String,
    /// Whether so many requests fail that the times of the others say little.
    fails: bool,
    /// One column for each subject of the design, one value for each replication.
    columns: Vec<Vec<f64>>,
}

impl Sample {
    /// The values of a contender's replications.
    #[must_use]
    pub fn of(design: &Design, name: &str, scenario: &Scenario, replications: &Replications) -> Self {
        let totals: Vec<Measured<'_>> = replications.iter().map(|one| (&one.total).into()).collect();
        let failures = totals.iter().map(Measured::failures);
        let (failed, arrived) = failures.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let fails = failed / arrived >= TOLERATED_FAILURES;
        let column = |subject: &Subject| -> Vec<f64> {
            match (subject.objective, &subject.component) {
                (Some(place), _) if place < scenario.objectives.len() => replications.values(scenario, place),
                (Some(_), _) => vec![f64::NAN; replications.len()],
                (None, Some(name)) => {
                    replications.iter().map(|one| path::figure_of(scenario, one, name, &subject.metric)).collect()
                }
                (None, None) => totals.iter().map(|one| one.judged(&subject.metric)).collect(),
            }
        };
        Self { name: name.to_owned(), fails, columns: design.subjects.iter().map(column).collect() }
    }

    /// Replications.
    fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_headline_is_a_metric_with_a_better_side() {
        for metric in HEADLINE {
            assert!(Better::of(metric).is_some(), "{metric}");
        }
        assert!(FOLLOWED.iter().all(|metric| HEADLINE.contains(metric)));
    }
}
