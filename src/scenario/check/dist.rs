//! Distributions: from their parameters to a [`Dist`].

use super::{Checker, Given, either};
use crate::dist::{Dist, DistError};
use crate::scenario::model::Phase;
use crate::scenario::raw::dist::{
    ColdStartTable, DistTable, EmpiricalTable, LogNormalTable, SnapshotTable, WeibullTable,
};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan};

/// Phases that the platform goes through before anything of the function runs: never billed.
const UNBILLED: [&str; 2] = ["environment", "image"];

/// Parameters and where they stand, so that an error finds its place.
type Places<'a> = &'a [(&'a str, SourceSpan)];

impl Checker<'_, '_> {
    /// A distribution; `path` is its dotted key.
    pub(super) fn dist(&mut self, table: &DistTable, path: &str) -> Option<Dist> {
        use DistTable as T;
        match table {
            T::Constant(t) => Some(Dist::Constant((*t.value)?)),
            T::Uniform(t) => {
                let places = [("min", t.min.place), ("max", t.max.place)];
                self.made(Dist::uniform((*t.min)?, (*t.max)?), path, t.place, &places)
            }
            T::Exponential(t) => self.made(Dist::exponential((*t.mean)?), path, t.place, &[("mean", t.mean.place)]),
            T::LogNormal(t) => self.log_normal(t, path),
            T::Normal(t) => {
                let places = [("mean", t.mean.place), ("sd", t.sd.place)];
                self.made(Dist::normal((*t.mean)?, (*t.sd)?), path, t.place, &places)
            }
            T::Gamma(t) => {
                let places = [("mean", t.mean.place), ("shape", t.shape.place)];
                self.made(Dist::gamma((*t.mean)?, (*t.shape)?), path, t.place, &places)
            }
            T::Erlang(t) => {
                let places = [("mean", t.mean.place), ("stages", t.stages.place)];
                self.made(Dist::erlang((*t.mean)?, (*t.stages)?), path, t.place, &places)
            }
            T::Weibull(t) => self.weibull(t, path),
            T::Pareto(t) => {
                let places = [("scale", t.scale.place), ("shape", t.shape.place)];
                self.made(Dist::pareto((*t.scale)?, (*t.shape)?), path, t.place, &places)
            }
            T::Burr(t) => {
                let places = [("scale", t.scale.place), ("c", t.c.place), ("k", t.k.place)];
                self.made(Dist::burr((*t.scale)?, (*t.c)?, (*t.k)?), path, t.place, &places)
            }
            T::HyperExponential(t) => {
                let listed = t.branches.as_ref()?;
                let branches = listed.iter().map(|branch| Some(((*branch.probability)?, (*branch.mean)?)));
                let branches: Vec<_> = branches.collect::<Option<_>>()?;
                let result = Dist::hyper_exponential(&branches);
                let place = self.of_element(&result, listed, t.branches.place);
                self.made(result, path, place, &[])
            }
            T::Percentiles(t) => {
                let listed = t.points.as_ref()?;
                let points = listed.iter().map(|point| Some(((*point.p)?, (*point.value.value)?)));
                let points: Vec<_> = points.collect::<Option<_>>()?;
                let result = match *t.mean {
                    Some(mean) => Dist::percentiles_with_mean(&points, mean),
                    None => Dist::percentiles(&points),
                };
                let place = self.of_element(&result, listed, t.points.place);
                self.made(result, path, place, &[("mean", t.mean.place)])
            }
            T::Empirical(t) => self.empirical(t, path),
        }
    }

    /// The phases of a cold start.
    pub(super) fn cold_start(&mut self, table: &ColdStartTable, path: &str) -> Option<Vec<Phase>> {
        match table {
            ColdStartTable::Single(dist) => {
                let duration = self.dist(dist, path)?;
                Some(vec![Phase { name: "init".to_owned(), duration, billed: true }])
            }
            ColdStartTable::Snapshot(table) => self.snapshot(table, &format!("{path}.snapshot")),
            ColdStartTable::Phases(_, phases) => {
                let phase = |(name, dist): &(String, Spanned<DistTable>)| {
                    let duration = self.dist(dist, &format!("{path}.phases.{name}"))?;
                    Some(Phase { name: name.clone(), duration, billed: !UNBILLED.contains(&name.as_str()) })
                };
                // All are looked at before one that is wrong ends it.
                phases.iter().map(phase).collect::<Vec<_>>().into_iter().collect()
            }
        }
    }

    fn snapshot(&mut self, table: &SnapshotTable, path: &str) -> Option<Vec<Phase>> {
        let phases = [
            ("environment", table.environment.as_ref(), false),
            ("restore", table.restore.as_ref(), false),
            ("hooks", table.hooks.as_ref(), true),
        ];
        let phase = |(name, dist, billed): (&str, Option<&DistTable>, bool)| {
            let duration = dist.map(|dist| self.dist(dist, &format!("{path}.{name}")))?;
            Some(duration.map(|duration| Phase { name: name.to_owned(), duration, billed }))
        };
        // All are looked at before one that is wrong ends it.
        let phases = phases.into_iter().filter_map(phase).collect::<Vec<_>>();
        phases.into_iter().collect::<Option<_>>().filter(|_| table.restore.is_some())
    }

    fn log_normal(&mut self, t: &LogNormalTable, path: &str) -> Option<Dist> {
        let (median, p99, sigma) = (("median", &t.median as _), ("p99", &t.p99 as _), ("sigma", &t.sigma as _));
        let (mean, sd) = (("mean", &t.mean as _), ("sd", &t.sd as _));
        let ways: [&[(&'static str, &dyn Given)]; 3] = [&[median, p99], &[median, sigma], &[mean, sd]];
        let result = match either(t.place, &format!("{path}.log-normal"), &ways, self.problems)? {
            0 => Dist::log_normal_p99((*t.median)?, (*t.p99)?),
            1 => Dist::log_normal_sigma((*t.median)?, (*t.sigma)?),
            _ => Dist::log_normal_moments((*t.mean)?, (*t.sd)?),
        };
        // A sigma that was not written comes from the spread that was.
        let spread = if t.sigma.is_some() {
            t.sigma.place
        } else if t.p99.is_some() {
            t.p99.place
        } else {
            t.sd.place
        };
        let places = [
            ("median", t.median.place),
            ("p99", t.p99.place),
            ("mean", t.mean.place),
            ("sd", t.sd.place),
            ("sigma", spread),
        ];
        self.made(result, path, t.place, &places)
    }

    fn weibull(&mut self, t: &WeibullTable, path: &str) -> Option<Dist> {
        let ways: [&[(&'static str, &dyn Given)]; 2] = [&[("scale", &t.scale)], &[("mean", &t.mean)]];
        let way = either(t.place, &format!("{path}.weibull"), &ways, self.problems)?;
        let shape = (*t.shape)?;
        let result = if way == 0 { Dist::weibull((*t.scale)?, shape) } else { Dist::weibull_mean((*t.mean)?, shape) };
        let places = [("scale", t.scale.place), ("mean", t.mean.place), ("shape", t.shape.place)];
        self.made(result, path, t.place, &places)
    }

    fn empirical(&mut self, t: &EmpiricalTable, path: &str) -> Option<Dist> {
        let ways: [&[(&'static str, &dyn Given)]; 2] = [&[("values", &t.values)], &[("file", &t.file)]];
        if either(t.place, &format!("{path}.empirical"), &ways, self.problems)? == 1 {
            return self.data.empirical(t.file.as_deref()?, *t.unit, t.file.place, self.problems);
        }
        if t.unit.is_some() {
            let problem = Problem::error(t.unit.place, format!("`{path}.empirical.unit` is for the numbers of a file"));
            self.problems.push(problem.help("`values` carry their units themselves: remove `unit`"));
        }
        let values = t.values.as_ref()?.iter().map(|value| value.value).collect();
        self.made(Dist::empirical(values), path, t.place, &[("values", t.values.place)])
    }

    /// The distribution, or its error at the place of the parameter that is to blame.
    pub(super) fn made(
        &mut self,
        result: Result<Dist, DistError>,
        path: &str,
        table: SourceSpan,
        places: Places<'_>,
    ) -> Option<Dist> {
        let error = match result {
            Ok(dist) => return Some(dist),
            Err(error) => error,
        };
        let blamed = match &error {
            DistError::NotPositive(name) | DistError::TooLong(name) | DistError::Empty(name) => *name,
            DistError::OutOfRange { name, .. } => *name,
            DistError::MinAboveMax { .. } => "max",
            DistError::MeanBeyondPoints { .. } => "mean",
            DistError::TailBelowMedian { .. } => "p99",
            _ => "",
        };
        let place = places.iter().find(|(name, _)| *name == blamed).map_or(table, |(_, place)| *place);
        self.problems.push(Problem::error(place, format!("`{path}`: {error}")));
        None
    }

    /// The place of the element that an error is about.
    fn of_element<T>(&self, result: &Result<Dist, DistError>, elements: &[Spanned<T>], list: SourceSpan) -> SourceSpan {
        match result {
            Err(DistError::Unsorted { place } | DistError::BranchProbability { place, .. }) => {
                elements.get(place - 1).map_or(list, |element| element.place)
            }
            _ => list,
        }
    }
}
