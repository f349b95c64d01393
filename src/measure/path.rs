//! Measurements of requests on a path: requests of sources, from the first attempt to the final response, and the
//! counters of components. Functions count attempts, so the total is not the sum over functions.

use serde::{Deserialize, Serialize};

use super::critical::CriticalPath;
use super::flow::Arrows;
use super::quantile;
use super::recorder::interval::Interval;
use super::replication::RunMeasures;
use super::summary::{Stat, ordered_map};
use super::tally::Tally;
use super::timeline::Point;
use super::window::Window;
use crate::engine::{Cell, RequestEnd};
use crate::id::{ComponentId, FnId, GroupId, LocalSource, SourceId};
use crate::metric::component::{AMPLIFICATION, ATTEMPTS_PER_REQUEST, BATCHING, NODE_GROUP};
use crate::metric::{Metric, Statistic};
use crate::path::books::Books;
use crate::path::{self, ComponentSpec, component_kinds};
use crate::scenario::{Scenario, Target};
use crate::time::SimTime;

/// Maximum number of sources with their own time series.
const SERIES_MAX: usize = 32;

/// What is counted of a cell whose requests may be on a path.
#[derive(Debug)]
pub(super) struct OnPath {
    /// All requests.
    pub(super) requests: Tally,
    /// Interval by interval, all requests.
    pub(super) intervals: Vec<Interval>,
    /// Outcomes of the requests of each source, by interval.
    pub(super) sources: Vec<Vec<[u64; 4]>>,
    /// Who called whom.
    pub(super) arrows: Arrows,
    /// Where the time went.
    pub(super) critical: CriticalPath,
    /// The counters of the components at the end of the run.
    pub(super) components: Vec<(ComponentId, Books)>,
}

impl OnPath {
    /// None if no request can be on a path.
    pub(super) fn of(scenario: &Scenario, cell: &Cell, window: &Window) -> Option<Self> {
        let series = if cell.sources.len() <= SERIES_MAX { cell.sources.len() } else { 0 };
        scenario.has_path_to(&cell.functions).then(|| Self {
            requests: Tally::of(scenario),
            intervals: (0..window.intervals()).map(|_| Interval::new()).collect(),
            sources: vec![vec![[0; 4]; window.intervals()]; series],
            arrows: Arrows::of(scenario),
            critical: CriticalPath::of(scenario),
            components: Vec::new(),
        })
    }

    /// A request was answered for good.
    pub(super) fn end(&mut self, end: &RequestEnd, window: &Window) {
        let place = |at: SimTime| (at.as_nanos() / window.interval.as_nanos()) as usize;
        if let Some(interval) = self.intervals.get_mut(place(end.born)) {
            interval.counts.arrived += 1;
        }
        if let Some(interval) = self.intervals.get_mut(place(end.ended)) {
            interval.count_end(end);
        }
        self.count(end.source, 0, end.born, window);
        self.count(end.source, if end.outcome.is_success() { 1 } else { 3 }, end.ended, window);
    }

    /// Puts what happened to requests into the points of the total, in place of what happened to invocations.
    pub(super) fn points(&self, points: &mut [Point], window: &Window) {
        for (index, (point, interval)) in points.iter_mut().zip(&self.intervals).enumerate() {
            let of_requests = interval.point(window.length_of(index));
            *point = Point {
                arrived: of_requests.arrived,
                completed: of_requests.completed,
                rejected: of_requests.rejected,
                timed_out: of_requests.timed_out,
                latency_s_p50: of_requests.latency_s_p50,
                latency_s_p95: of_requests.latency_s_p95,
                latency_s_p99: of_requests.latency_s_p99,
                ..std::mem::take(point)
            };
        }
    }

    /// Adds to a counter of a source in an interval: arrived, succeeded, attempts, failed. Events after the horizon
    /// belong to no interval.
    pub(super) fn count(&mut self, source: LocalSource, what: usize, at: SimTime, window: &Window) {
        let interval = (at.as_nanos() / window.interval.as_nanos()) as usize;
        if let Some(counts) = self.sources.get_mut(source.index()).and_then(|all| all.get_mut(interval)) {
            counts[what] += 1;
        }
    }
}

/// Figures of one component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(#[serde(with = "nested")] pub Vec<(String, Stat)>);

impl Figures {
    /// Means and intervals over replications; none without books.
    fn of(books: &[&Books]) -> Option<Self> {
        let stat = |(key, _): &(String, f64)| {
            let values = |key: &str| books.iter().map(|books| books.get(key).unwrap_or(f64::NAN)).collect();
            (key.clone(), quantile::stat(key, values))
        };
        books.first().map(|first| Self(first.0.iter().map(stat).collect()))
    }

    /// The figure with a dotted key, as in `messages.sent`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Stat> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, stat)| *stat)
    }
}

/// The components of one kind, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(#[serde(with = "ordered_map")] pub Vec<(String, Figures)>);

macro_rules! groups {
    (
        listed { $($(#[doc = $doc:literal])+ $key:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* }
        other {
            $(
                $(#[doc = $other_doc:literal])+ $(#[cfg($test:meta)])?
                $name:literal in $other_group:ident: $module:ident => $other:ident($other_spec:ty),
            )*
        }
    ) => {
        /// Counters of path components and node groups, by kind and name.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct Components {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Group::is_empty")] pub $group: Group,)*
            $(
                $(#[doc = $other_doc])+ $(#[cfg($test)])?
                #[serde(default, skip_serializing_if = "Group::is_empty")] pub $other_group: Group,
            )*
            /// Functions that serve requests in batches: what they generate.
            #[serde(default, skip_serializing_if = "Group::is_empty")]
            pub batching: Group,
            /// Node groups.
            #[serde(default, skip_serializing_if = "Group::is_empty")]
            pub nodes: Group,
            /// Functions on nodes: how long their instances waited for a node and for their image.
            #[serde(default, skip_serializing_if = "Group::is_empty")]
            pub starts: Group,
        }

        impl Components {
            /// All kinds that occur, without node groups and starts.
            #[must_use]
            pub fn groups(&self) -> Vec<(&'static str, &Group)> {
                let all = [
                    $((stringify!($group), &self.$group),)*
                    $($(#[cfg($test)])? (stringify!($other_group), &self.$other_group),)*
                    ("batching", &self.batching),
                ];
                all.into_iter().filter(|(_, group)| !group.is_empty()).collect()
            }

            fn group(&mut self, spec: &ComponentSpec) -> &mut Group {
                match spec {
                    $(ComponentSpec::$kind(_) => &mut self.$group,)*
                    $($(#[cfg($test)])? ComponentSpec::$other(_) => &mut self.$other_group,)*
                }
            }
        }
    };
}

component_kinds!(groups);

impl Group {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The component with a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Figures> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, figures)| figures)
    }
}

impl Components {
    /// A figure of the component of a name such as "queue.orders".
    #[must_use]
    pub fn figure(&self, component: &str, key: &str) -> Option<Stat> {
        let (kind, name) = component.split_once('.')?;
        if kind == BATCHING {
            return self.batching.get(name)?.get(key);
        }
        if kind == NODE_GROUP {
            return self.nodes.get(name)?.get(key);
        }
        let group = path::kinds().iter().find(|one| one.kind == kind)?.group;
        let groups = self.groups();
        let (_, group) = groups.iter().find(|(known, _)| *known == group)?;
        group.get(name)?.get(key)
    }

    /// Means and intervals over replications.
    pub(super) fn of(scenario: &Scenario, replications: &[RunMeasures]) -> Self {
        let mut all = Self::default();
        for (place, component) in scenario.components.iter().enumerate() {
            let books: Vec<&Books> = replications.iter().filter_map(|one| one.components.get(place)).collect();
            let Some(mut figures) = Figures::of(&books) else { continue };
            let kind = path::of_group(component.spec.group());
            for metric in kind.iter().flat_map(|kind| kind.metrics()) {
                let id = ComponentId(place as u32);
                figures.0.extend(derived(scenario, replications, id, metric).map(|stat| (metric.key.clone(), stat)));
            }
            let name = component.name.split_once('.').map_or(component.name.as_str(), |(_, name)| name);
            all.group(&component.spec).0.push((name.to_owned(), figures));
        }
        for (place, function) in scenario.functions.iter().enumerate() {
            let of_it = |one: &'_ RunMeasures| one.generated.iter().position(|(id, _)| id.index() == place);
            let books = replications.iter().filter_map(|one| Some(&one.generated[of_it(one)?].1));
            if let Some(figures) = Figures::of(&books.collect::<Vec<_>>()) {
                all.batching.0.push((function.name.clone(), figures));
            }
        }
        for (place, function) in scenario.functions.iter().enumerate() {
            let of_it = |one: &'_ RunMeasures| one.starts.iter().position(|(id, _)| id.index() == place);
            let books = replications.iter().filter_map(|one| Some(&one.starts[of_it(one)?].1));
            if let Some(figures) = Figures::of(&books.collect::<Vec<_>>()) {
                all.starts.0.push((function.name.clone(), figures));
            }
        }
        for (place, group) in scenario.node_groups.iter().enumerate() {
            let books: Vec<&Books> = replications.iter().filter_map(|one| one.nodes.get(place)).collect();
            all.nodes.0.extend(Figures::of(&books).map(|figures| (group.spec.name.clone(), figures)));
        }
        all
    }
}

/// A metric that follows from what a component counted; none where that is a count itself.
fn derived(scenario: &Scenario, replications: &[RunMeasures], id: ComponentId, metric: &Metric) -> Option<Stat> {
    if let Statistic::Ratio { .. } = metric.statistic {
        let counts: Option<Vec<(f64, f64)>> = replications.iter().map(|one| counts(one, id, metric)).collect();
        return counts.map(|counts| Stat::of_ratio(&counts));
    }
    let value = |one| figure(scenario, one, id, metric);
    (metric.key == AMPLIFICATION).then(|| Stat::of(&replications.iter().map(value).collect::<Vec<_>>()))
}

/// What a replication shows of a component; NaN where there was nothing to measure.
pub(super) fn figure(scenario: &Scenario, replication: &RunMeasures, id: ComponentId, metric: &Metric) -> f64 {
    let Some(books) = replication.components.get(id.index()) else { return f64::NAN };
    if metric.key == AMPLIFICATION {
        let kind = path::of_group(scenario.components[id.index()].spec.group());
        let arrived = kind.and_then(|kind| books.get(kind.arrivals));
        return arrived.unwrap_or(f64::NAN) / replication.total.shape.requests.arrived;
    }
    match counts(replication, id, metric) {
        Some((seen, of)) => seen / of,
        None => books.get(&metric.key).unwrap_or(f64::NAN),
    }
}

/// What a function generated in a replication; NaN where there was nothing to measure.
pub(super) fn generated(replication: &RunMeasures, function: FnId, key: &str) -> f64 {
    let of_it = replication.generated.iter().find(|(id, _)| *id == function);
    of_it.and_then(|(_, books)| books.get(key)).unwrap_or(f64::NAN)
}

/// What a replication shows of a node group; NaN where there was nothing to measure.
pub(super) fn of_nodes(replication: &RunMeasures, group: GroupId, key: &str) -> f64 {
    replication.nodes.get(group.index()).and_then(|books| books.get(key)).unwrap_or(f64::NAN)
}

/// What a replication shows of the component of a name; NaN where there is none of it.
pub(super) fn figure_of(scenario: &Scenario, replication: &RunMeasures, name: &str, key: &str) -> f64 {
    if let Some(name) = name.strip_prefix(BATCHING).and_then(|rest| rest.strip_prefix('.')) {
        let place = scenario.functions.iter().position(|function| function.name == name);
        return place.map_or(f64::NAN, |place| generated(replication, FnId(place as u32), key));
    }
    let place = scenario.components.iter().position(|component| component.name == name);
    let found = place.and_then(|place| {
        let metric = path::of_group(scenario.components[place].spec.group())?.find(key)?;
        Some(figure(scenario, replication, ComponentId(place as u32), metric))
    });
    found.unwrap_or(f64::NAN)
}

/// The counts that a ratio is made of; none where the metric is no ratio.
pub(super) fn counts(replication: &RunMeasures, id: ComponentId, metric: &Metric) -> Option<(f64, f64)> {
    let Statistic::Ratio { events, of } = metric.statistic else { return None };
    let books = replication.components.get(id.index())?;
    let count = |key: &str| books.get(key).unwrap_or(f64::NAN);
    Some((events.iter().map(|key| count(key)).sum(), count(of)))
}

/// Attempts for each request of a source; 1 where nobody tries again.
pub(super) fn attempts_per_request(scenario: &Scenario, replication: &RunMeasures, source: SourceId) -> f64 {
    let Target::Component(id) = scenario.sources[source.index()].target else { return 1.0 };
    attempts_of(scenario, replication, id).unwrap_or(1.0)
}

/// The same of a component; none where it is not the client of a source.
pub(super) fn attempts_of(scenario: &Scenario, replication: &RunMeasures, id: ComponentId) -> Option<f64> {
    let is_client = scenario.components[id.index()].spec.group() == "clients";
    let books = replication.components.get(id.index()).filter(|_| is_client)?;
    books.get(ATTEMPTS_PER_REQUEST)
}

/// Writes dotted keys as objects in objects, keeping their order.
mod nested {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};
    use serde_json::{Map, Value};

    use super::super::summary::Stat;

    pub(super) fn serialize<S: Serializer>(list: &[(String, Stat)], to: S) -> Result<S::Ok, S::Error> {
        let mut root = Map::new();
        for (key, stat) in list {
            let value = serde_json::to_value(stat).map_err(serde::ser::Error::custom)?;
            let (path, last) = key.rsplit_once('.').map_or((None, key.as_str()), |(path, last)| (Some(path), last));
            let mut at = &mut root;
            for segment in path.iter().flat_map(|path| path.split('.')) {
                let inner = at.entry(segment).or_insert_with(|| Value::Object(Map::new()));
                match inner {
                    Value::Object(inner) => at = inner,
                    _ => return Err(serde::ser::Error::custom("a figure and a group of figures have one name")),
                }
            }
            at.insert(last.to_owned(), value);
        }
        root.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, Stat)>, D::Error> {
        fn collect(prefix: &str, value: Value, list: &mut Vec<(String, Stat)>) -> Result<(), serde_json::Error> {
            match value {
                Value::Object(map) if !map.contains_key("half_width") => {
                    for (key, value) in map {
                        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                        collect(&key, value, list)?;
                    }
                }
                leaf => list.push((prefix.to_owned(), serde_json::from_value(leaf)?)),
            }
            Ok(())
        }
        let mut list = Vec::new();
        collect("", Value::deserialize(from)?, &mut list).map_err(Error::custom)?;
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_nested_in_json_and_come_back() {
        let stat = |mean| Stat { mean, half_width: None };
        let figures = Figures(vec![
            ("messages.sent".to_owned(), stat(3.0)),
            ("messages.completed".to_owned(), stat(2.0)),
            ("receives".to_owned(), stat(5.0)),
        ]);
        let json = serde_json::to_value(&figures).expect("json");
        assert_eq!(json["messages"]["completed"]["mean"], 2.0);
        assert_eq!(serde_json::from_value::<Figures>(json).expect("figures"), figures);
    }
}
