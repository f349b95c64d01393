//! A window that follows the idle times of the function: it covers most of them.
//!
//! Source: what Shahrad et al. do at the end of the window ("Serverless in the Wild", USENIX ATC 2020, section 4.2: the
//! tail of the idle times with a margin), without unloading in between and without bins. The quantile is that of the
//! most recent idle times, so older ones are forgotten. The bounds are typical of platforms, not the paper's.

use std::collections::VecDeque;

use super::{AppKeepAlive, Policy, Window, Windows};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Share};
use crate::time::Span;

parameters! {
    /// After a quantile of the function's own idle times.
    pub struct AdaptiveSpec {
        /// Quantile of the idle times that an instance should survive.
        default quantile: Share = 0.99,
        /// Margin added to the window, as a fraction.
        default margin: Share = 0.1,
        /// Number of most recent idle times that are remembered.
        default of: Count<1, 10_000> = 100,
        /// With fewer idle times, the longest window is used.
        default min_samples: Count<1, 10_000> = 10,
        /// Shortest window.
        default min_window: Duration = Span::from_secs(60),
        /// Longest window.
        default max_window: Duration = Span::from_secs(4 * 3600),
    }
}

impl AdaptiveSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.min_window > self.max_window {
            check.wrong("min-window", "is more than `max-window`");
        } else if self.min_samples > self.of {
            check.wrong("min-samples", "is more than `of`");
        }
    }
}

impl Policy for AdaptiveSpec {
    fn build(&self, _: &dyn Fn() -> Stream) -> Window {
        Window::ByApp
    }

    fn build_for_app(&self) -> Option<Box<dyn AppKeepAlive>> {
        Some(Box::new(Adaptive::new(self.clone())))
    }
}

/// What the policy remembers of a function.
#[derive(Clone, Debug)]
struct Adaptive {
    spec: AdaptiveSpec,
    /// The most recent idle times, oldest first.
    recent: VecDeque<Span>,
    /// The same, sorted.
    sorted: Vec<Span>,
}

impl Adaptive {
    /// A function without a history.
    const fn new(spec: AdaptiveSpec) -> Self {
        Self { spec, recent: VecDeque::new(), sorted: Vec::new() }
    }
}

impl AppKeepAlive for Adaptive {
    fn observe_idle(&mut self, idle: Span) {
        if self.recent.len() >= self.spec.of.max(1) as usize
            && let Some(oldest) = self.recent.pop_front()
            && let Ok(place) = self.sorted.binary_search(&oldest)
        {
            self.sorted.remove(place);
        }
        self.recent.push_back(idle);
        let place = self.sorted.partition_point(|other| *other < idle);
        self.sorted.insert(place, idle);
    }

    fn windows(&self) -> Windows {
        let count = self.sorted.len();
        // The smallest idle time that is at least as long as a fraction `quantile` of them.
        let place = (self.spec.quantile * count as f64).ceil().max(1.0) as usize - 1;
        let known =
            self.sorted.get(place.min(count.wrapping_sub(1))).filter(|_| count >= self.spec.min_samples as usize);
        let window = known.map_or(self.spec.max_window, |idle| {
            Span::from_secs_f64(idle.as_secs_f64() * (1.0 + self.spec.margin)).unwrap_or(self.spec.max_window)
        });
        Windows::stay(window.max(self.spec.min_window).min(self.spec.max_window))
    }

    fn range(&self) -> Span {
        self.spec.max_window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adaptive(quantile: f64) -> Adaptive {
        Adaptive::new(AdaptiveSpec {
            quantile,
            margin: 0.5,
            of: 4,
            min_samples: 2,
            min_window: Span::from_secs(60),
            max_window: Span::from_secs(600),
        })
    }

    /// The window (s) after each of these idle times (s).
    fn windows(quantile: f64, idle: &[u64]) -> Vec<u64> {
        let mut policy = adaptive(quantile);
        let after = idle.iter().map(|secs| {
            policy.observe_idle(Span::from_secs(*secs));
            policy.windows().keep_alive.as_nanos() / Span::from_secs(1).as_nanos()
        });
        after.collect()
    }

    #[test]
    fn a_quantile_of_the_newest_with_a_margin_within_bounds() {
        assert_eq!(adaptive(1.0).windows(), Windows::stay(Span::from_secs(600)), "nothing is known");
        // One is too few; then the longest of the last four, times 1.5; 900 s is reduced to 600 s, 15 s raised to 60 s.
        assert_eq!(windows(1.0, &[100, 200, 600, 10, 10, 10, 10]), [600, 300, 600, 600, 600, 600, 60]);
        // Half of (10, 20, 30, 40) are at most 20; so are half of (10, 20, 30), because 1.5 is rounded up.
        assert_eq!(windows(0.5, &[100, 200]), [600, 150]);
        assert_eq!(windows(0.5, &[100, 300, 200]), [600, 150, 300]);
        assert_eq!(windows(0.5, &[100, 300, 200, 400]), [600, 150, 300, 300]);
    }
}
