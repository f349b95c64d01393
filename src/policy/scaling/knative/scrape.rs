//! Scraping: a sample of the ready pods stands for all of them.

use rand::seq::SliceRandom;

use super::stats::Stat;
use crate::rng::Stream;
use crate::time::Span;

/// Squared critical value of 95 % confidence, times a population variance of 100, over a squared margin of error of 25.
const SAMPLE_CONSTANT: f64 = 15.3664;

/// How many of `pods` pods are scraped: all if there are up to three, else the sample size for a finite population.
///
/// Source: `pkg/autoscaler/metrics/sample_size.go` of knative/serving.
#[must_use]
pub fn sample_size(pods: usize) -> usize {
    if pods <= 3 {
        return pods;
    }
    let pods = pods as f64;
    (pods * SAMPLE_CONSTANT / (pods + SAMPLE_CONSTANT - 1.0)).ceil() as usize
}

/// Which pods are scraped, by their `ages`: a random sample of those at least as old as the stable window, then younger
/// ones in random order.
#[must_use]
pub fn choose(ages: &[Span], stable_window: Span, stream: &mut Stream) -> Vec<usize> {
    let (mut chosen, mut young): (Vec<_>, Vec<_>) = (0..ages.len()).partition(|pod| ages[*pod] >= stable_window);
    chosen.shuffle(stream);
    young.shuffle(stream);
    chosen.append(&mut young);
    chosen.truncate(sample_size(ages.len()));
    chosen
}

/// The estimate from `sampled` for all `pods` pods: the sum over the sample, divided by its size, times `pods`. `None`
/// for an empty sample: without pods, no zero is recorded.
#[must_use]
pub fn extrapolate(sampled: &[Stat], pods: usize) -> Option<Stat> {
    if sampled.is_empty() {
        return None;
    }
    let whole = |field: fn(&Stat) -> f64| {
        sampled.iter().map(field).fold(0.0, |sum, value| sum + value) / sampled.len() as f64 * pods as f64
    };
    Some(Stat {
        concurrency: whole(|stat| stat.concurrency),
        proxied_concurrency: whole(|stat| stat.proxied_concurrency),
        requests: whole(|stat| stat.requests),
        proxied_requests: whole(|stat| stat.proxied_requests),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    #[test]
    fn sizes_of_the_sample() {
        for (pods, size) in [(0, 0), (1, 1), (3, 3), (4, 4), (5, 4), (10, 7), (100, 14), (1000, 16)] {
            assert_eq!(sample_size(pods), size, "{pods}");
        }
    }

    #[test]
    fn old_pods_come_first() {
        let mut stream = Streams::new(1, 0).stream("web", Purpose::Policy);
        let window = Span::from_secs(60);
        let mut ages = vec![Span::from_secs(5); 10];
        for old in [2, 4, 6] {
            ages[old] = Span::from_secs(60);
        }
        let mut chosen = choose(&ages, window, &mut stream);
        assert_eq!(chosen.len(), 7);
        chosen.truncate(3);
        chosen.sort_unstable();
        assert_eq!(chosen, [2, 4, 6]);
    }

    #[test]
    fn a_sample_stands_for_all() {
        let stats = [1.0, 3.0].map(|concurrency| Stat { concurrency, requests: 5.0, ..Stat::default() });
        let expected = Stat { concurrency: 20.0, requests: 50.0, ..Stat::default() };
        assert_eq!(extrapolate(&stats, 10), Some(expected));
        assert_eq!(extrapolate(&[], 0), None);
    }
}
