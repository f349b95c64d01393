//! Additive Holt-Winters smoothing: a level, a trend, and a season.
//!
//! Source: Hyndman and Athanasopoulos, *Forecasting: Principles and Practice*, 3rd edition, section 8.3 (component form
//! of the additive method). It is initialized with the first season: its mean is the level, the deviations from it are
//! the season, and there is no trend.

use super::forecast::Smoothing;

/// The state after some intervals.
#[derive(Clone, Debug)]
pub struct HoltWinters {
    spec: Smoothing,
    /// Number of intervals in a season; 1 without one.
    period: usize,
    /// How many intervals were observed.
    count: usize,
    level: f64,
    trend: f64,
    /// One value for each position in the season; during the first season, the loads themselves.
    season: Vec<f64>,
}

impl HoltWinters {
    /// `season`: the intervals of a season.
    pub(super) fn new(spec: &Smoothing, season: Option<usize>) -> Self {
        let period = season.unwrap_or(1).max(1);
        // A season of a single interval would act as a second level.
        let seasonal = if period > 1 { spec.seasonal } else { 0.0 };
        let spec = Smoothing { seasonal, ..spec.clone() };
        Self { spec, period, count: 0, level: 0.0, trend: 0.0, season: Vec::new() }
    }

    pub(super) fn observe(&mut self, load: f64) {
        if self.count < self.period {
            self.season.push(load);
            if self.season.len() == self.period {
                self.level = self.season.iter().sum::<f64>() / self.period as f64;
                self.season.iter_mut().for_each(|load| *load -= self.level);
            }
        } else {
            self.update(load);
        }
        self.count += 1;
    }

    fn update(&mut self, load: f64) {
        let Smoothing { level: alpha, trend: beta, seasonal: gamma, .. } = self.spec;
        let season = &mut self.season[self.count % self.period];
        let expected = self.level + self.trend;
        let level = alpha * (load - *season) + (1.0 - alpha) * expected;
        self.trend = beta * (level - self.level) + (1.0 - beta) * self.trend;
        *season = gamma * (load - expected) + (1.0 - gamma) * *season;
        self.level = level;
    }

    pub(super) fn forecast(&self, steps: usize) -> Option<f64> {
        let season = self.season.get((self.count + steps - 1) % self.period);
        let season = season.filter(|_| self.count >= self.period)?;
        Some((self.level + steps as f64 * self.trend + season).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(season: Option<usize>, loads: &[f64]) -> HoltWinters {
        let mut model = HoltWinters::new(&Smoothing { season: None, level: 0.5, trend: 0.5, seasonal: 0.5 }, season);
        loads.iter().for_each(|load| model.observe(*load));
        model
    }

    #[test]
    fn two_seasons_by_hand() {
        assert_eq!(after(Some(2), &[10.0]).forecast(1), None);
        // Level 15, season -5 and 5.
        let model = after(Some(2), &[10.0, 20.0]);
        assert_eq!((model.forecast(1), model.forecast(2), model.forecast(3)), (Some(10.0), Some(20.0), Some(10.0)));
        // Level (12 + 5) / 2 + 15 / 2 = 16, trend 1 / 2, season (12 - 15) / 2 - 5 / 2 = -4.
        let model = after(Some(2), &[10.0, 20.0, 12.0]);
        assert_eq!((model.forecast(1), model.forecast(2)), (Some(21.5), Some(13.0)));
        // Level (24 - 5) / 2 + 16.5 / 2 = 17.75, trend 1.75 / 2 + 0.5 / 2 = 1.125.
        assert_eq!(after(Some(2), &[10.0, 20.0, 12.0, 24.0]).forecast(1), Some(17.75 + 1.125 - 4.0));
    }

    #[test]
    fn without_a_season_it_is_level_and_trend() {
        // Level 4, then (8 + 4) / 2 = 6, trend 1.
        let model = after(None, &[4.0, 8.0]);
        assert_eq!((model.forecast(1), model.forecast(3)), (Some(7.0), Some(9.0)));
        assert_eq!(after(None, &[8.0, 0.0, 0.0]).forecast(20), Some(0.0), "a load is never negative");
    }
}
