//! A quantile of the past as a forecast: what was enough then, is enough.
//!
//! By nearest rank: the least load that at least `quantile` of those counted did not exceed.

use std::collections::VecDeque;

use super::forecast::Quantile;

/// The loads that may still count.
#[derive(Clone, Debug)]
pub struct Quantiles {
    spec: Quantile,
    /// Intervals of a season, of which the one at the same place counts; none: the last ones count.
    season: Option<usize>,
    /// Oldest first.
    loads: VecDeque<f64>,
}

impl Quantiles {
    pub(super) fn new(spec: Quantile, season: Option<usize>) -> Self {
        Self { spec, season, loads: VecDeque::new() }
    }

    pub(super) fn observe(&mut self, load: f64) {
        self.loads.push_back(load);
        if self.loads.len() > (self.spec.of as usize).saturating_mul(self.season.unwrap_or(1)) {
            self.loads.pop_front();
        }
    }

    pub(super) fn forecast(&self, steps: usize) -> Option<f64> {
        let (quantile, of) = (self.spec.quantile, self.spec.of as usize);
        let mut counted: Vec<f64> = match self.season {
            None => self.loads.iter().rev().take(of).copied().collect(),
            Some(season) => {
                // So many intervals before the last one lies the one at the same place of the season.
                let back = season.max(1) - 1 - (steps - 1) % season.max(1);
                self.loads.iter().rev().skip(back).step_by(season.max(1)).take(of).copied().collect()
            }
        };
        counted.sort_by(f64::total_cmp);
        let rank = (quantile * counted.len() as f64).ceil() as usize;
        counted.get(rank.saturating_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(quantile: f64, of: u32, season: Option<usize>, loads: &[f64]) -> Quantiles {
        let mut model = Quantiles::new(Quantile { quantile, of, season: None }, season);
        loads.iter().for_each(|load| model.observe(*load));
        model
    }

    #[test]
    fn of_the_last_ones() {
        let loads = [9.0, 1.0, 4.0, 3.0, 2.0];
        let forecast = |quantile| after(quantile, 4, None, &loads).forecast(1);
        assert_eq!(
            (forecast(0.0), forecast(0.5), forecast(0.51), forecast(1.0)),
            (Some(1.0), Some(2.0), Some(3.0), Some(4.0))
        );
        assert_eq!(after(0.5, 4, None, &[]).forecast(1), None);
    }

    #[test]
    fn of_the_same_place_in_earlier_seasons() {
        let loads = [1.0, 10.0, 100.0, 2.0, 20.0, 200.0, 3.0];
        let model = after(1.0, 2, Some(3), &loads);
        assert_eq!(
            (model.forecast(1), model.forecast(2), model.forecast(3), model.forecast(4)),
            (Some(20.0), Some(200.0), Some(3.0), Some(20.0))
        );
        assert_eq!(after(0.0, 2, Some(3), &loads).forecast(1), Some(10.0));
        assert_eq!(after(1.0, 2, Some(3), &loads[..2]).forecast(1), None);
    }
}
