//! Where the warm-up of a series ends: MSER-5.

/// The fewest values for which a truncation point is worth naming: ten batches.
const FEWEST: usize = 50;

/// The number of leading values to discard so that what remains has the smallest standard error (MSER-5).
///
/// The series is cut into batches of five; the truncation point d minimises the sum of squares about the mean of the
/// batches from d on, over the square of their number. Only the first half is searched: a minimum at its very end means
/// that the series has not settled, and then there is none. Nor is there one for fewer than 50 values, or with values
/// that are not finite. (White, Cobb, Spratt: A comparison of five steady-state truncation heuristics, WSC 2000.)
#[must_use]
pub fn mser5(series: &[f64]) -> Option<usize> {
    if series.len() < FEWEST || series.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let batches: Vec<f64> = series.chunks_exact(5).map(|batch| batch.iter().sum::<f64>() / 5.0).collect();
    let half = batches.len() / 2;
    // From the end, with Welford's update; ties go to the earlier point.
    let (mut mean, mut squares) = (0.0, 0.0);
    let (mut best, mut at) = (f64::INFINITY, 0);
    for (start, value) in batches.iter().enumerate().rev() {
        let count = (batches.len() - start) as f64;
        let before = value - mean;
        mean += before / count;
        squares += before * (value - mean);
        let statistic = squares / (count * count);
        if start <= half && statistic <= best {
            (best, at) = (statistic, start);
        }
    }
    (at < half).then_some(at * 5)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_distr::StandardNormal;

    use super::*;
    use crate::rng::{Purpose, Streams};

    fn noise(count: usize) -> Vec<f64> {
        let mut stream = Streams::new(11, 0).stream("mser", Purpose::Experiment);
        (0..count).map(|_| stream.sample(StandardNormal)).collect()
    }

    #[test]
    fn the_definition_by_hand() {
        // Batches 10, 1, -1, 1, -1, ...: without the first, 19 batches with sum of squares 19 - 1/19 give 0.0525; with it
        // 0.2706; without the first two it is 18/18^2 = 0.0556. So one batch goes.
        let batches = (0..20).map(|i| {
            if i == 0 {
                10.0
            } else if i % 2 == 1 {
                1.0
            } else {
                -1.0
            }
        });
        let series: Vec<f64> = batches.flat_map(|value| [value; 5]).collect();
        assert_eq!(mser5(&series), Some(5));
    }

    #[test]
    fn a_settled_series_loses_little_and_a_transient_is_cut_off() {
        let settled = noise(2000);
        assert!(mser5(&settled).is_some_and(|cut| cut < 300), "{:?}", mser5(&settled));
        let fading: Vec<f64> = settled.iter().enumerate().map(|(i, x)| x + 50.0 * (-(i as f64) / 60.0).exp()).collect();
        // The transient reaches the noise after 60 ln 50 = 235 values.
        assert!(mser5(&fading).is_some_and(|cut| (150..=500).contains(&cut)), "{:?}", mser5(&fading));
    }

    #[test]
    fn what_never_settles_has_no_truncation_point() {
        let growing: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(mser5(&growing), None);
        assert_eq!(mser5(&noise(49)), None);
        assert_eq!(mser5(&[vec![f64::NAN], noise(100)].concat()), None);
        assert_eq!(mser5(&[3.0; 100]), Some(0));
    }
}
