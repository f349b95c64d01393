//! Automatic warm-up, determined by a pilot run.

use std::num::NonZeroUsize;

use super::{Prepared, Progress, ReplicationJob, simulate_all};
use crate::engine::SimError;
use crate::measure::evidence::{PilotSeries, WarmUp};
use crate::measure::{Replications, RunResult};
use crate::scenario::Scenario;
use crate::stats::mser5;
use crate::time::Span;

/// Replications of a pilot, enough for the mean to show the start above the noise.
const PILOT: u32 = 5;

/// Finds and sets the warm-up of a scenario with "auto"; none if the scenario sets it.
///
/// A pilot without warm-up, with its own random numbers, gives the number of instances and the latency (95th
/// percentile, which is the first to show cold starts and a growing queue) by interval. The warm-up ends at the later
/// of the two MSER-5 truncation points, or at half of the horizon if one does not settle. The number of threads does
/// not matter.
///
/// # Errors
/// When `progress` breaks, or when a trace turns out to be malformed.
pub fn resolve(
    scenario: &mut Scenario,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Option<WarmUp>, SimError> {
    if !scenario.simulation.warm_up_is_auto {
        return Ok(None);
    }
    scenario.simulation.warm_up = Span::ZERO;
    let found = pilot(scenario, threads, progress)?;
    let (found, chosen) = found;
    scenario.simulation.warm_up = chosen;
    Ok(Some(found))
}

/// What a pilot shows, and the warm-up that follows from it.
fn pilot(scenario: &Scenario, threads: NonZeroUsize, progress: &dyn Progress) -> Result<(WarmUp, Span), SimError> {
    let mut scenario = scenario.clone();
    scenario.simulation.batches = None;
    let prepared = Prepared::of(&scenario);
    // The last replication numbers, which no experiment reaches, so that the pilot does not bias results.
    let units: Vec<ReplicationJob<'_>> = (0..PILOT).map(|number| prepared.unit(u32::MAX - number, progress)).collect();
    let mut replications = Replications::default();
    let stopped = simulate_all(&units, threads, None, |_, replication| replications.push(&scenario, replication));
    if let Some(error) = stopped {
        return Err(error);
    }
    let timeline = RunResult::of(&scenario, &replications).timeline;
    let points = timeline.series.first().map_or(&[][..], |total| &total.points);
    let interval = timeline.interval;
    // The last interval may be truncated by the horizon, and then is not comparable.
    let whole = (scenario.simulation.horizon.as_nanos() / interval.as_nanos()) as usize;
    let points = &points[..whole.min(points.len())];
    let instances = points.iter().map(|point| point.instances_busy + point.instances_idle + point.instances_starting);
    let series = [
        ("instances", instances.collect()),
        ("latency_s.p95", without_gaps(points.iter().map(|point| point.latency_s_p95))),
    ];
    let after = |intervals: usize| Span::from_nanos(interval.as_nanos() * intervals as u64);
    let mut latest = Some(Span::ZERO);
    let series = series
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values): (&str, Vec<f64>)| {
            let truncation = mser5(&values).map(after);
            latest = latest.zip(truncation).map(|(latest, truncation)| latest.max(truncation));
            PilotSeries { name: name.to_owned(), truncation_s: truncation.map(Span::as_secs_f64), values }
        })
        .collect();
    let chosen = latest.unwrap_or(Span::from_nanos(scenario.simulation.horizon.as_nanos() / 2));
    let found = WarmUp {
        chosen_s: chosen.as_secs_f64(),
        is_settled: latest.is_some(),
        interval_s: interval.as_secs_f64(),
        replications: PILOT,
        series,
    };
    Ok((found, chosen))
}

/// An interval in which nothing was completed has the value of the one before, at the start that of the first. Empty if
/// there is none.
fn without_gaps(values: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let Some(mut last) = values.clone().find(|value| value.is_finite()) else { return Vec::new() };
    let fill = |value: f64| {
        if value.is_finite() {
            last = value;
        }
        last
    };
    values.map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::testing;

    fn resolved(arrivals: &str, rest: &str) -> (WarmUp, Scenario) {
        let text = format!(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"2h\"\nwarm-up = \"auto\"\n[[function]]\nname = \"f\"\n{rest}\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.{arrivals}\n"
        );
        let mut scenario = testing::scenario(&text);
        let found = resolve(&mut scenario, NonZeroUsize::MIN, &()).expect("it runs").expect("it is auto");
        (found, scenario)
    }

    #[test]
    fn gaps_are_filled_from_before() {
        let nan = f64::NAN;
        assert_eq!(without_gaps([nan, 1.0, nan, nan, 2.0].into_iter()), [1.0, 1.0, 1.0, 1.0, 2.0]);
        assert_eq!(without_gaps([nan].into_iter()), [0.0; 0]);
    }

    #[test]
    fn the_time_until_instances_are_there_is_cut_off() {
        // Busy instances approach 600 as 1 - exp(-t / 2 min): an eighth of them is missing after four minutes, when the
        // noise of a mean over five replications is a fiftieth.
        let (found, scenario) =
            resolved("poisson.rate = \"5/s\"", "duration.exponential.mean = \"2m\"\nkeep-alive.fixed.window = \"1s\"");
        assert!(found.is_settled && found.chosen_s >= 240.0, "{}", found.chosen_s);
        assert_eq!(scenario.simulation.warm_up.as_secs_f64(), found.chosen_s);
        // More threads change nothing, and asking again neither.
        let mut again = scenario.clone();
        let threads = NonZeroUsize::new(3).expect("three");
        assert_eq!(resolve(&mut again, threads, &()).expect("it runs"), Some(found));
    }

    #[test]
    fn what_grows_for_ever_does_not_settle() {
        let function =
            "duration.exponential.mean = \"1s\"\nconcurrency.max-instances = 1\nconcurrency.overflow = \"queue\"";
        let (found, scenario) = resolved("poisson.rate = \"2/s\"", function);
        assert!(!found.is_settled);
        assert_eq!(scenario.simulation.warm_up, Span::from_secs(3_600));
    }
}
