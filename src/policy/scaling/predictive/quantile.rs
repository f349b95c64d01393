//! A quantile of the past as a forecast: what was enough then is enough now.
//!
//! By nearest rank: the smallest load that is not exceeded by at least `quantile` of the loads.

use std::collections::VecDeque;

use super::forecast::Quantile;

/// The loads that may still count, separately for each position in the season; without one there is a single position.
#[derive(Clone, Debug)]
pub struct Quantiles {
    spec: Quantile,
    /// Number of intervals in a season, of which only the one at the same position counts; 1: all count.
    season: usize,
    /// How many loads were observed.
    count: usize,
    /// The number of loads added so far.
    places: Vec<Latest>,
}

/// The most recent loads at a position.
#[derive(Clone, Debug, Default)]
struct Latest {
    /// Oldest first.
    loads: VecDeque<f64>,
    /// The same, sorted, to look up quantiles.
    sorted: Vec<f64>,
}

impl Quantiles {
    /// `season`: the intervals of a season.
    pub(super) fn new(spec: Quantile, season: Option<usize>) -> Self {
        Self { spec, season: season.unwrap_or(1).max(1), count: 0, places: Vec::new() }
    }

    pub(super) fn observe(&mut self, load: f64) {
        let place = self.count % self.season;
        self.count += 1;
        if place == self.places.len() {
            self.places.push(Latest::default());
        }
        self.places[place].add(load, self.spec.of as usize);
    }

    pub(super) fn forecast(&self, steps: usize) -> Option<f64> {
        let Latest { sorted, .. } = self.places.get((self.count + steps - 1) % self.season)?;
        let rank = (self.spec.quantile * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }
}

impl Latest {
    /// Adds a load to those that count, of which there are at most `of`.
    fn add(&mut self, load: f64, of: usize) {
        let place = |sorted: &[f64], load: f64| sorted.partition_point(|other| other.total_cmp(&load).is_lt());
        self.loads.push_back(load);
        self.sorted.insert(place(&self.sorted, load), load);
        if self.loads.len() > of
            && let Some(oldest) = self.loads.pop_front()
        {
            self.sorted.remove(place(&self.sorted, oldest));
        }
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
