//! Arrival processes: from their parameters to an [`ArrivalSpec`].

use super::{Checker, Given, either};
use crate::dist::{Dist, DistError};
use crate::scenario::raw::arrivals::{
    ArrivalTable, BurstTable, DiurnalTable, GammaGapTable, MmppTable, PiecewiseTable, TimesTable,
};
use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::time::{SimTime, Span};
use crate::workload::{ArrivalSpec, MmppState};

impl Checker<'_, '_> {
    /// When requests of a source come; `source` is its dotted key.
    pub(super) fn arrivals(&mut self, table: &ArrivalTable, source: &str) -> Option<ArrivalSpec> {
        use ArrivalTable as T;
        let path = |kind: &str| format!("{source}.arrivals.{kind}");
        match table {
            T::Constant(t) => Some(ArrivalSpec::Constant { rate: (*t.rate)? }),
            T::Poisson(t) => Some(ArrivalSpec::Poisson { rate: (*t.rate)? }),
            T::Mmpp(t) => self.mmpp(t, &path("mmpp")),
            T::Piecewise(t) => self.piecewise(t, &path("piecewise")),
            T::Diurnal(t) => self.diurnal(t, &path("diurnal")),
            T::Burst(t) => self.burst(t, &path("burst")),
            T::Gamma(t) => self.gamma_gaps(t, &path("gamma")),
            T::Weibull(t) => {
                let (rate, shape) = ((*t.rate)?, (*t.shape)?);
                let gap = mean_gap(rate).and_then(|mean| Dist::weibull_mean(mean, shape));
                let places = [("mean", t.rate.place), ("shape", t.shape.place)];
                let gap = self.made(gap, &path("weibull"), t.place, &places)?;
                Some(ArrivalSpec::Renewal { gap })
            }
            T::Renewal(t) => {
                let path = path("renewal.gap");
                let gap = self.dist(t.gap.as_ref()?)?;
                if gap.mean_s() <= 0.0 {
                    let message = format!("`{path}` is always zero: endlessly many requests would come at once");
                    self.problems.push(Problem::error(t.gap.place, message));
                    return None;
                }
                Some(ArrivalSpec::Renewal { gap })
            }
            T::Closed(t) => {
                let path = path("closed.think-time");
                let think = self.dist(t.think_time.as_ref()?)?;
                if think.mean_s() <= 0.0 {
                    let message =
                        format!("`{path}` is always zero: a user who is refused would ask again endlessly at once");
                    let problem = Problem::error(t.think_time.place, message);
                    self.problems
                        .push(problem.help("people need some time: write for example constant.value = \"100ms\""));
                    return None;
                }
                Some(ArrivalSpec::Closed { users: (*t.users)?, think })
            }
            T::Times(t) => self.times(t, &path("times.at")),
            T::Trace(_) | T::Population(_) => None, // they bring their functions, and are looked at before
            T::RateTrace(t) => self.rate_trace(t),
        }
    }

    fn mmpp(&mut self, t: &MmppTable, path: &str) -> Option<ArrivalSpec> {
        let mut states = Vec::new();
        for state in t.states.as_ref()? {
            let stay = self.positive(state.stay.place, (*state.stay)?, &format!("{path}.states.stay"))?;
            states.push(MmppState { rate: (*state.rate)?, stay });
        }
        self.some_rate(t.states.place, states.iter().map(|state| state.rate), path)?;
        Some(ArrivalSpec::Mmpp { states: states.into() })
    }

    fn piecewise(&mut self, t: &PiecewiseTable, path: &str) -> Option<ArrivalSpec> {
        let mut points: Vec<(SimTime, f64)> = Vec::new();
        for point in t.points.as_ref()? {
            let (at, rate) = (SimTime::from((*point.at)?), (*point.rate)?);
            if let Some((before, _)) = points.last().filter(|(before, _)| *before >= at) {
                let message = format!("`{path}.points`: {at} does not come after {before}");
                self.problems.push(Problem::error(point.at.place, message).help("the times of the points must rise"));
                return None;
            }
            points.push((at, rate));
        }
        self.some_rate(t.points.place, points.iter().map(|(_, rate)| *rate), path)?;
        if let (Some(period), Some((last, _))) = (*t.period, points.last()) {
            self.positive(t.period.place, period, &format!("{path}.period"))?;
            if SimTime::from(period) < *last {
                let message = format!("`{path}.period` ({period}) is shorter than the time of the last point ({last})");
                self.problems
                    .push(Problem::error(t.period.place, message).help("all points must lie within the period"));
                return None;
            }
        }
        Some(ArrivalSpec::Piecewise { points: points.into(), period: *t.period })
    }

    fn diurnal(&mut self, t: &DiurnalTable, path: &str) -> Option<ArrivalSpec> {
        let period = self.positive(t.period.place, *t.period, &format!("{path}.period"));
        let ways: [&[(&'static str, &dyn Given)]; 2] =
            [&[("rate", &t.rate), ("amplitude", &t.amplitude)], &[("low", &t.low), ("peak", &t.peak)]];
        let (rate, amplitude) = if either(t.place, path, &ways, self.problems)? == 0 {
            ((*t.rate)?, (*t.amplitude)?)
        } else {
            let (low, peak) = ((*t.low)?, (*t.peak)?);
            if low > peak {
                let message = format!("`{path}.low` ({low}/s) is above `peak` ({peak}/s)");
                self.problems.push(Problem::error(t.low.place, message).help("exchange them"));
                return None;
            }
            ((low + peak) / 2.0, (peak - low) / (peak + low))
        };
        let (period, peak_at) = (period?, *t.peak_at);
        if peak_at >= period {
            let message = format!("`{path}.peak-at` ({peak_at}) must lie within the period ({period})");
            self.problems.push(Problem::error(t.peak_at.place, message));
            return None;
        }
        Some(ArrivalSpec::Diurnal { rate, amplitude, period, peak_at })
    }

    fn burst(&mut self, t: &BurstTable, path: &str) -> Option<ArrivalSpec> {
        let every = self.positive(t.every.place, (*t.every)?, &format!("{path}.every"))?;
        let within = *t.within;
        if within > every {
            let message = format!("`{path}.within` ({within}) is longer than `every` ({every})");
            self.problems.push(Problem::error(t.within.place, message).help("a burst must end before the next begins"));
            return None;
        }
        Some(ArrivalSpec::Burst { size: (*t.size)?, every, first: *t.first, within, background: *t.background })
    }

    fn gamma_gaps(&mut self, t: &GammaGapTable, path: &str) -> Option<ArrivalSpec> {
        let ways: [&[(&'static str, &dyn Given)]; 2] = [&[("shape", &t.shape)], &[("cv", &t.cv)]];
        let shape = if either(t.place, path, &ways, self.problems)? == 0 { (*t.shape)? } else { (*t.cv)?.powi(-2) };
        let gap = mean_gap((*t.rate)?).and_then(|mean| Dist::gamma(mean, shape));
        let spread = if t.cv.is_some() { t.cv.place } else { t.shape.place };
        let gap = self.made(gap, path, t.place, &[("mean", t.rate.place), ("shape", spread)])?;
        Some(ArrivalSpec::Renewal { gap })
    }

    fn times(&mut self, t: &TimesTable, path: &str) -> Option<ArrivalSpec> {
        let mut moments: Vec<SimTime> = Vec::new();
        for at in t.at.as_ref()? {
            let moment = SimTime::from(at.value);
            if let Some(before) = moments.last().filter(|before| **before > moment) {
                let message = format!("`{path}`: {moment} comes after {before}");
                self.problems.push(Problem::error(at.place, message).help("write the moments in their order"));
                return None;
            }
            moments.push(moment);
        }
        Some(ArrivalSpec::Times { at: moments.into() })
    }

    /// A gap, or its error at the place of the parameter that is to blame.
    fn made(
        &mut self,
        gap: Result<Dist, DistError>,
        path: &str,
        table: SourceSpan,
        places: &[(&str, SourceSpan)],
    ) -> Option<Dist> {
        let error = match gap {
            Ok(gap) => return Some(gap),
            Err(error) => error,
        };
        let place = places.iter().find(|(name, _)| *name == error.parameter()).map_or(table, |(_, place)| *place);
        self.problems.push(Problem::error(place, format!("`{path}`: {error}")));
        None
    }

    /// Reports rates that are all zero.
    fn some_rate(&mut self, place: SourceSpan, mut rates: impl Iterator<Item = f64>, path: &str) -> Option<()> {
        if rates.any(|rate| rate > 0.0) {
            return Some(());
        }
        self.problems
            .push(Problem::error(place, format!("`{path}`: all rates are zero, so that nothing ever arrives")));
        None
    }
}

/// The mean gap at a rate per second.
fn mean_gap(rate: f64) -> Result<Span, DistError> {
    Span::from_secs_f64(1.0 / rate).map_err(|_| DistError::TooLong("mean"))
}
