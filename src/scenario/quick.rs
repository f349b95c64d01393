//! A scenario from a few numbers, for `forewarm quick`: one function, one source, and the options to choose from.

use std::fmt::Write as _;

use super::registry;
use crate::time::Span;

/// Requests per replication: enough for a 99th percentile, and fast.
const REQUESTS: f64 = 50_000.0;
/// Minimum and maximum simulated time.
const HORIZON: (f64, f64) = (5.0 * 60.0, 7.0 * 86_400.0);
/// Share of the time that is not measured, because the platform starts empty.
const WARM_UP: f64 = 0.2;
/// Maximum timeout that is written.
const TIMEOUT: Span = Span::from_secs(900);
/// Provisioned concurrency to evaluate, relative to the mean number of requests in progress.
const PROVISIONED: [f64; 7] = [0.0, 0.5, 0.8, 0.9, 1.0, 1.2, 1.5];

/// Numbers of warm instances to evaluate, given `busy` on average and the valid range from `least` to `most`.
#[must_use]
pub fn provisioned(busy: f64, least: u64, most: u64) -> Vec<u64> {
    // One more than the mean covers simultaneous requests, so that a service with little traffic has a choice too.
    let mut levels: Vec<u64> = PROVISIONED.iter().map(|part| (part * (busy + 1.0)).ceil() as u64).collect();
    levels.iter_mut().for_each(|level| *level = (*level).max(least));
    levels.retain(|level| *level <= most);
    levels.dedup();
    levels
}

/// What is known about a service.
#[derive(Clone, Debug)]
pub struct Quick {
    /// Name of the scenario.
    pub name: String,
    /// The platform preset.
    pub preset: String,
    /// Mean requests per second.
    pub rps: f64,
    /// Median duration.
    pub p50: Span,
    /// The 99th percentile of durations.
    pub p99: Span,
    /// Duration of a cold start; `None`: as in the preset.
    pub cold: Option<Span>,
    /// Memory of an instance, as in `1GB`; `None`: 1 GB, or the nearest size of the platform.
    pub memory: Option<String>,
    /// The objectives: the keys and values of each `[[objective]]`.
    pub objectives: Vec<Vec<(&'static str, String)>>,
    /// Numbers of warm instances to choose from.
    pub provisioned: Vec<u64>,
}

impl Quick {
    /// The scenario as text.
    #[must_use]
    pub fn text(&self) -> String {
        let horizon = (REQUESTS / self.rps).clamp(HORIZON.0, HORIZON.1).round();
        let [horizon, warm_up] =
            [horizon, (WARM_UP * horizon).round()].map(|s| Span::from_secs_f64(s).unwrap_or(Span::ZERO).to_string());
        let Self { name, preset, rps, p50, p99, .. } = self;
        let platform = registry::platform(preset);
        let memory =
            self.memory.clone().unwrap_or_else(|| match platform.as_ref().map(|one| one.memory_near_mb(1024)) {
                Some(1024) | None => "1GB".to_owned(),
                Some(memory) => format!("{memory}MB"),
            });
        let longest = platform.as_ref().and_then(registry::Platform::longest_timeout);
        let timeout = longest.map_or(TIMEOUT, |longest| longest.min(TIMEOUT));
        let mut text = format!(
            "# Written by `forewarm quick`: a starting point to adapt to your service.\n\n[scenario]\nname = \
             \"{name}\"\n\n[simulation]\nhorizon = \"{horizon}\"\nwarm-up = \"{warm_up}\"\nseed = 1\nreplications = \
             5\n\n[platform]\npreset = \"{preset}\"\n\n[[function]]\nname = \"main\"\nmemory = \"{memory}\"\ntimeout = \
             \"{timeout}\"                      # longer than any request takes\n"
        );
        let _ = match p50 == p99 {
            true => write!(text, "[function.duration.constant]\nvalue = \"{p50}\"\n"),
            false => write!(text, "[function.duration.log-normal]\nmedian = \"{p50}\"\np99 = \"{p99}\"\n"),
        };
        if let Some(cold) = self.cold {
            let _ = write!(text, "[function.cold-start.constant]\nvalue = \"{cold}\"\n");
        }
        let _ = write!(
            text,
            "\n[[source]]\nname = \"users\"\nfunction = \"main\"\n[source.arrivals.poisson]             # the same \
             rate all day: use `diurnal` for a daily pattern, `trace` for recorded requests\nrate = \"{rps}/s\"\n"
        );
        for objective in &self.objectives {
            text.push_str("\n[[objective]]\n");
            objective.iter().for_each(|(key, value)| text.push_str(&format!("{key} = \"{value}\"\n")));
        }
        let kept_warm = platform.as_ref().and_then(registry::Platform::kept_warm);
        if let (Some(warm), false, true) = (kept_warm, self.objectives.is_empty(), self.provisioned.len() > 1) {
            let levels: Vec<_> = self.provisioned.iter().map(u64::to_string).collect();
            let _ = write!(
                text,
                "\n[plan]                                # what may be changed to meet the \
                 objectives\n\"function.main.{key}\" = [{}]\n",
                levels.join(", "),
                key = warm.key,
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provisioned_instances_are_few_numbers_around_the_mean() {
        assert_eq!(provisioned(53.7, 0, 900), [0, 28, 44, 50, 55, 66, 83]);
        assert_eq!(provisioned(0.01, 0, 900), [0, 1, 2]);
        assert_eq!(provisioned(1_000.0, 0, 900), [0, 501, 801]);
        assert_eq!(provisioned(3.0, 1, 5), [1, 2, 4, 5], "one is always there");
    }
}
