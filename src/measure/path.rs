//! What is measured of requests on a path: what sources ask, from the first attempt to the last answer, and what components
//! counted. There functions count attempts, and the total of requests is not the sum over functions.

use serde::{Deserialize, Serialize};

use super::replication::Replication;
use super::summary::{Stat, ordered_map};
use super::tally::Tally;
use super::window::Window;
use crate::engine::Cell;
use crate::id::{ComponentId, LocalSource};
use crate::path::books::Books;
use crate::scenario::Scenario;
use crate::time::SimTime;

/// Sources that have a time series each, at most.
const SERIES_MAX: usize = 32;

/// What is counted of a cell whose requests may be on a path.
#[derive(Debug)]
pub(super) struct OnPath {
    /// All requests.
    pub(super) requests: Tally,
    /// Interval by interval what became of the requests of each source of the cell.
    pub(super) sources: Vec<Vec<[u64; 4]>>,
    /// The books of the components, when the run is over.
    pub(super) components: Vec<(ComponentId, Books)>,
}

impl OnPath {
    /// None where no request can be on a path.
    pub(super) fn of(scenario: &Scenario, cell: &Cell, window: &Window) -> Option<Self> {
        let series = if cell.sources.len() <= SERIES_MAX { cell.sources.len() } else { 0 };
        scenario.has_path().then(|| Self {
            requests: Tally::of(scenario),
            sources: vec![vec![[0; 4]; window.intervals()]; series],
            components: Vec::new(),
        })
    }

    /// Adds to one of the counts of a source in an interval: arrived, succeeded, attempts, failed. What comes after the horizon
    /// belongs to no interval.
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
    /// Means and intervals over replications; none where there is none.
    fn of(books: &[&Books]) -> Option<Self> {
        let stat = |(key, _): &(String, f64)| {
            let values: Vec<f64> = books.iter().map(|books| books.get(key).unwrap_or(f64::NAN)).collect();
            (key.clone(), Stat::of(&values))
        };
        Some(Self(books.first()?.0.iter().map(stat).collect()))
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
    ($($(#[doc = $doc:literal])+ $field:ident,)*) => {
        /// What components of the path and node groups counted, by kind and name.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct Components {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Group::is_empty")] pub $field: Group,)*
        }

        impl Components {
            /// Every kind of components of the path that there is one of.
            #[must_use]
            pub fn groups(&self) -> Vec<(&'static str, &Group)> {
                let all = [$((stringify!($field), &self.$field),)*];
                all.into_iter().filter(|(name, group)| *name != "nodes" && !group.is_empty()).collect()
            }

            fn group(&mut self, name: &str) -> Option<&mut Group> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }
    };
}

groups! {
    /// Who calls, where calls have time-outs, retries or a circuit breaker.
    clients,
    /// Gateways.
    gateways,
    /// Queues.
    queues,
    /// The queues of asynchronous invocation.
    asynchronous,
    /// Topics.
    topics,
    /// Streams.
    streams,
    /// Dependencies.
    dependencies,
    /// Workflows.
    workflows,
    /// Routers.
    routers,
    /// Node groups.
    nodes,
}

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
    /// Means and intervals over replications.
    pub(super) fn of(scenario: &Scenario, replications: &[Replication]) -> Self {
        let mut all = Self::default();
        for (place, component) in scenario.components.iter().enumerate() {
            let books: Vec<&Books> = replications.iter().filter_map(|one| one.components.get(place)).collect();
            let Some(figures) = Figures::of(&books) else { continue };
            let name = component.name.split_once('.').map_or(component.name.as_str(), |(_, name)| name);
            if let Some(group) = all.group(component.spec.group()) {
                group.0.push((name.to_owned(), figures));
            }
        }
        for (place, group) in scenario.node_groups.iter().enumerate() {
            let books: Vec<&Books> = replications.iter().filter_map(|one| one.nodes.get(place)).collect();
            all.nodes.0.extend(Figures::of(&books).map(|figures| (group.spec.name.clone(), figures)));
        }
        all
    }
}

/// What components or node groups cost by themselves, US dollars.
pub(super) fn cost_usd(books: &[Books]) -> f64 {
    books.iter().filter_map(|books| books.get("cost_usd")).sum()
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
