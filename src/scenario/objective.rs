//! Objectives: a bound on a metric, or a share of all requests within a time.

use super::model::{Component, Function, Scenario, Source, Target};
use crate::id::{ComponentId, FnId, GroupId, SourceId};
use crate::metric::component::{self, NODE_GROUP};
use crate::metric::{self, Metric, Quantity, Stability};
use crate::path::{self, Described};
use crate::schema::diagnostic::{instead, nearest};
use crate::time::Span;

/// An objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Its subject.
    pub subject: Subject,
    /// The requirement.
    pub goal: Goal,
    /// Not written by the user: added because a plan is meaningless without it.
    pub is_implied: bool,
}

/// The subject of an objective or an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All requests.
    Total,
    /// The requests of a function.
    Function(FnId),
    /// The requests of a source.
    Source(SourceId),
    /// The counters of a component of the path.
    Component(ComponentId),
    /// The nodes of a group.
    NodeGroup(GroupId),
}

/// The requirement of an objective.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// A bound on a metric.
    Metric {
        /// The metric.
        metric: &'static Metric,
        /// The side that meets it.
        bound: Bound,
    },
    /// A share of all arriving requests must be answered successfully in time.
    Share {
        /// The share, above 0 and at most 1.
        share: f64,
        /// The time.
        within: Span,
    },
    /// Requests must be served as fast as they arrive, in every replication.
    Stability {
        /// The worst verdict that meets it.
        at_worst: Stability,
    },
}

/// The side of a bound that meets an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The metric must stay below this.
    Below(f64),
    /// The metric must stay above this.
    Above(f64),
}

/// A problem with an objective on the command line, and what to write instead.
pub type Wrong = (String, String);

/// The syntax of an objective on the command line.
const FORM: &str = "write METRIC<VALUE, METRIC>VALUE or SHARE%<TIME, as in latency_s.p99<800ms, \
                    function.NAME:failure_ratio<0.1% or source.NAME:99.9%<800ms";

impl Objective {
    /// Reads an objective as it is written on the command line: `latency_s.p99<800ms`, `p99<800ms` for short,
    /// `99.9%<800ms` for a share of all requests within a time; after `function.NAME:` or `source.NAME:` of those alone.
    ///
    /// # Errors
    /// The problem, and what to write instead.
    pub fn read(text: &str, scenario: &Scenario) -> Result<Self, Wrong> {
        let form = |message: &str| (message.to_owned(), FORM.to_owned());
        if let Some((left, word)) = text.split_once('=')
            && left.trim().ends_with("stability")
        {
            let (subject, _) = Subject::read(left.trim(), scenario)?;
            let goal = Goal::Stability { at_worst: stability(word.trim())? };
            is_followed(subject)?;
            return Ok(Self { subject, goal, is_implied: false });
        }
        let at = text.rfind(['<', '>']).ok_or_else(|| form("it contains neither < nor >"))?;
        let (left, is_below, value) = (text[..at].trim(), text[at..].starts_with('<'), text[at + 1..].trim());
        if let Some(value) = value.strip_prefix('=') {
            let sign = &text[at..=at];
            let help = format!("objectives are strict inequalities: write {left}{sign}{}", value.trim());
            return Err((format!("`{sign}=` is not supported"), help));
        }
        let (subject, asked) = Subject::read(left, scenario)?;
        if asked.ends_with('%') && !is_below {
            return Err((
                format!("`{asked}>` is not supported"),
                format!("write {left}<{value}: that share within that time"),
            ));
        }
        let goal = if asked.ends_with('%') {
            let within = value.parse::<Span>().ok().or_else(|| seconds(value));
            let within =
                within.ok_or_else(|| (format!("`{value}` is not a time"), "write a duration, as in 800ms".into()))?;
            Goal::Share { share: share(Quantity::Ratio.read(asked).map_err(form)?)?, within }
        } else {
            let metric = find_of(asked, subject, &scenario.components, &scenario.functions)?;
            let value = metric.quantity.read(value).map_err(|help| {
                let message = format!("`{value}` is not a value of this metric");
                (message, help.to_owned())
            })?;
            Goal::Metric { metric, bound: if is_below { Bound::Below(value) } else { Bound::Above(value) } }
        };
        Ok(Self { subject, goal, is_implied: false })
    }

    /// Whether it is about all requests that arrived, where one without a successful response is infinitely late.
    #[must_use]
    pub fn is_of_all_requests(&self) -> bool {
        let is_of_requests = self.subject.is_of_requests();
        matches!(&self.goal, Goal::Metric { metric, .. } if is_of_requests && metric.is_judged_over_all())
    }

    /// Whether it is about the times of successful requests, which mean little where others failed.
    #[must_use]
    pub fn needs_few_failures(&self) -> bool {
        match &self.goal {
            Goal::Metric { .. } if !self.subject.is_of_requests() => false,
            Goal::Metric { metric, bound: Bound::Below(_) } => metric.is_of_times() && !self.is_of_all_requests(),
            Goal::Metric { bound: Bound::Above(_), .. } | Goal::Share { .. } | Goal::Stability { .. } => false,
        }
    }

    /// Whether it limits how many requests may fail.
    #[must_use]
    pub fn limits_failures(&self) -> bool {
        match &self.goal {
            Goal::Metric { .. } if !self.subject.is_of_requests() => false,
            Goal::Metric { metric, bound: Bound::Below(_) } => metric.key == FAILURE_RATIO,
            Goal::Metric { bound: Bound::Above(_), .. } | Goal::Stability { .. } => false,
            Goal::Share { .. } => true,
        }
    }

    /// [`Objective::doubt`] of an objective read from this text.
    #[must_use]
    pub fn doubt_of_text(&self, text: &str, scenario: &Scenario) -> Option<Wrong> {
        let is_bare = text.rsplit(['<', '>']).next().is_some_and(|value| value.trim().parse::<f64>().is_ok());
        self.doubt(is_bare, &scenario.sources, &scenario.functions)
    }

    /// Why the objective is always met, never met, or unlikely to be intended; `None` if there is no reason. `is_bare`:
    /// its number was written without a unit.
    #[must_use]
    pub fn doubt(&self, is_bare: bool, sources: &[Source], functions: &[Function]) -> Option<Wrong> {
        let Goal::Metric { metric, bound } = &self.goal else { return None };
        let name = &metric.key;
        let (word, value) = match bound {
            Bound::Below(value) => ("below", *value),
            Bound::Above(value) => ("above", *value),
        };
        let always = |what: &str| format!("`{name}` is always {word} {value}: {what}");
        match (metric.quantity, bound) {
            (Quantity::Ratio, Bound::Below(value)) if *value >= 1.0 => {
                let percent = format!("write {word} = \"{value}%\" if that is what you mean");
                Some((always("no ratio exceeds 1 (100 %)"), percent))
            }
            (Quantity::Ratio, Bound::Above(value)) if *value >= 1.0 => {
                let message = format!("`{name}` is never above {value}: no ratio exceeds 1 (100 %)");
                Some((message, format!("write {word} = \"{value}%\" if that is what you mean")))
            }
            (_, Bound::Below(value)) if *value <= 0.0 => {
                Some((format!("`{name}` is never below {value}"), "write the largest acceptable value".into()))
            }
            (_, Bound::Above(value)) if *value < 0.0 => Some((always("it is never negative"), "leave it out".into())),
            (Quantity::Seconds, Bound::Below(value)) if is_bare => {
                // Long runs may well have objectives of minutes, and messages may wait that long.
                let target = match self.subject {
                    Subject::Component(_) | Subject::NodeGroup(_) => return None,
                    Subject::Total => None,
                    Subject::Function(id) => Some(id),
                    Subject::Source(id) => match sources[id.index()].target {
                        Target::Function(id) => Some(id),
                        Target::ByTrace(_) | Target::Component(_) => None,
                    },
                };
                // Functions may be missing from a file with errors.
                let concerned =
                    target.map_or(functions, |id| functions.get(id.index()..=id.index()).unwrap_or_default());
                let longest = concerned.iter().map(|one| one.duration.quantile(0.99).as_secs_f64()).fold(0.0, f64::max);
                let is_doubtful = *value >= HARDLY_MEANT_S && *value > LONGEST_TIMES * longest;
                is_doubtful.then(|| {
                    let minutes = value / 60.0;
                    let message = format!("`{name}` below {value} means {value} seconds, or {minutes:.1} minutes");
                    (message, format!("write {word} = \"{value}ms\" for milliseconds, or {word} = \"{value}s\""))
                })
            }
            _ => None,
        }
    }
}

impl Scenario {
    /// Adds the objectives without which a recommendation is meaningless: that few requests fail, for the total if no
    /// objective limits failures, and for each subject of a latency objective, because the times of few successful
    /// requests mean little.
    pub fn imply_few_failures(&mut self) {
        let metric = metric::find(FAILURE_RATIO).expect("a metric");
        let goal = Goal::Metric { metric, bound: Bound::Below(TOLERATED_FAILURES) };
        let mut subjects = Vec::new();
        if !self.objectives.iter().any(Objective::limits_failures) {
            subjects.push(Subject::Total);
        }
        subjects.extend(self.objectives.iter().filter(|one| one.needs_few_failures()).map(|one| one.subject));
        for subject in subjects {
            let is_known = |one: &Objective| {
                let is_strict = matches!(&one.goal, Goal::Metric { bound: Bound::Below(most), metric }
                    if metric.key == FAILURE_RATIO && *most <= TOLERATED_FAILURES);
                one.subject == subject && is_strict
            };
            if !self.objectives.iter().any(is_known) {
                self.objectives.push(Objective { subject, goal: goal.clone(), is_implied: true });
            }
        }
    }
}

/// From this number of seconds on, a bare number was probably meant in milliseconds.
const HARDLY_MEANT_S: f64 = 20.0;
/// A bound of more than this multiple of what nearly all requests take is unlikely to be intended.
const LONGEST_TIMES: f64 = 20.0;

/// If more than this share of the requests fails, every headline says so, and measurements of the others do not meet an
/// objective.
pub const TOLERATED_FAILURES: f64 = 0.001;

/// The metric for the share of requests that fail.
pub const FAILURE_RATIO: &str = "failure_ratio";

impl Subject {
    /// Whether it is about requests, rather than about what they pass or run on.
    #[must_use]
    pub const fn is_of_requests(self) -> bool {
        match self {
            Self::Total | Self::Function(_) | Self::Source(_) => true,
            Self::Component(_) | Self::NodeGroup(_) => false,
        }
    }

    /// The text before the colon, if any, and the text after it.
    fn read<'a>(text: &'a str, scenario: &Scenario) -> Result<(Self, &'a str), Wrong> {
        let named = |one: &Component| text.strip_prefix(one.name.as_str()).and_then(|rest| rest.strip_prefix(':'));
        for (place, component) in scenario.components.iter().enumerate() {
            if let Some(asked) = named(component) {
                return Ok((Self::Component(ComponentId(place as u32)), asked.trim()));
            }
        }
        let is_of_component = |kind: &Described| text.strip_prefix(kind.kind).is_some_and(|rest| rest.starts_with('.'));
        if path::kinds().iter().any(is_of_component) && text.contains(':') {
            let name = text.split(':').next().unwrap_or_default();
            let names = scenario.components.iter().map(|one| one.name.as_str());
            return Err((format!("there is no component \"{name}\""), instead(name, "the components are", names)));
        }
        for kind in ["function", "source", NODE_GROUP] {
            let Some(rest) = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let (name, asked) =
                rest.rsplit_once(':').ok_or_else(|| (format!("there is no : after the {kind}"), FORM.to_owned()))?;
            let name = name.trim();
            let functions = scenario.functions.iter().map(|function| function.name.as_str());
            let sources = scenario.sources.iter().map(|source| source.name.as_str());
            let groups = scenario.node_groups.iter().map(|group| group.spec.name.as_str());
            let names: Vec<&str> = match kind {
                "function" => functions.collect(),
                "source" => sources.collect(),
                _ => groups.collect(),
            };
            let place = names.iter().position(|known| *known == name).ok_or_else(|| {
                let help = instead(name, &format!("the {kind}s are"), names.iter().copied());
                (format!("there is no {kind} \"{name}\""), help)
            })?;
            let subject = match kind {
                "function" => Self::Function(FnId(place as u32)),
                "source" => Self::Source(SourceId(place as u32)),
                _ => Self::NodeGroup(GroupId(place as u32)),
            };
            return Ok((subject, asked.trim()));
        }
        Ok((Self::Total, text))
    }
}

/// The metric with this name; a percentile alone is one of latency.
///
/// # Errors
/// The metric is unknown; says what to write instead.
pub fn find(name: &str) -> Result<&'static Metric, Wrong> {
    let is_percentile = name.strip_prefix('p').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let latency = is_percentile.then(|| metric::find(&format!("latency_s.{name}"))).flatten();
    metric::find(name).or(latency).ok_or_else(|| (format!("there is no metric \"{name}\""), other_metrics(name)))
}

/// The metric with this name, if it is measured for a subject.
///
/// # Errors
/// The metric is unknown; says what to write instead.
pub(super) fn find_of(
    name: &str,
    subject: Subject,
    components: &[Component],
    functions: &[Function],
) -> Result<&'static Metric, Wrong> {
    if let Some(metric) = component::find_of_batching(name)
        && subject.is_of_requests()
    {
        return is_in_batches(metric, subject, functions).map(|()| metric);
    }
    match subject {
        Subject::Component(id) => {
            let component = &components[id.index()];
            let kind = path::of_group(component.spec.group());
            let metrics = kind.map_or(&[][..], |kind| kind.metrics());
            metrics.iter().find(|metric| metric.key == name).ok_or_else(|| {
                let keys = metrics.iter().map(|metric| metric.key.as_str());
                (format!("`{}` has no metric \"{name}\"", component.name), instead(name, "its metrics are", keys))
            })
        }
        Subject::NodeGroup(_) => component::of_nodes().iter().find(|metric| metric.key == name).ok_or_else(|| {
            let keys = component::of_nodes().iter().map(|metric| metric.key.as_str());
            (format!("node groups have no metric \"{name}\""), instead(name, "their metrics are", keys))
        }),
        Subject::Source(_) if name == component::ATTEMPTS_PER_REQUEST => Ok(component::of_sources()),
        Subject::Source(_) | Subject::Function(_) | Subject::Total => {
            let metric = find(name)?;
            is_measured(metric, subject)?;
            Ok(metric)
        }
    }
}

/// Words for which metrics have other names.
const SAID_FOR: [(&str, &str); 8] = [
    ("error", "failure_ratio"),
    ("availab", "failure_ratio"),
    ("success", "failure_ratio"),
    ("throttl", "invocations.throttled"),
    ("price", "cost_usd.total"),
    ("response", "latency_s.p99"),
    ("duration", "execution_s.mean"),
    ("speed", "latency_s.p99"),
];

/// Suggestions for an unknown metric: the nearest names, those with words in common, or a few that are often used.
#[must_use]
pub fn other_metrics(name: &str) -> String {
    const SHOWN: usize = 3;
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1).collect();
    let common = |key: &str| {
        let parts: Vec<&str> = key.split(['.', '_']).collect();
        words.iter().filter(|word| parts.contains(word)).count()
    };
    let near = nearest(name, metric::keys());
    let said_for = SAID_FOR.iter().find(|(said, _)| lower.contains(said)).map(|(_, key)| *key);
    let most = metric::keys().map(common).max().unwrap_or(0);
    let alike = metric::keys().filter(|key| most > 0 && common(key) == most).take(SHOWN);
    let keys: Vec<&str> = match near.or(said_for) {
        Some(key) => vec![key],
        None => alike.collect(),
    };
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    let advice = match keys.split_last() {
        None => "such as `latency_s.p99`, `failure_ratio`, `cold_start_ratio` or `cost_usd.total`;".to_owned(),
        Some((only, [])) => format!("did you mean {only}?"),
        Some((last, others)) => format!("did you mean {} or {last}?", others.join(", ")),
    };
    format!("{advice} `forewarm list metrics` shows all")
}

/// Whether a metric is measured for a subject.
///
/// # Errors
/// It is not; says what to write instead.
fn is_measured(metric: &Metric, subject: Subject) -> Result<(), Wrong> {
    if matches!(subject, Subject::Source(_)) && !metric.is_of_requests() {
        let message = format!("`{}` is not measured by source", metric.key);
        return Err((message, "name a function, or use a metric of requests, ratios or times".to_owned()));
    }
    Ok(())
}

/// Whether a metric of batches is measured for a subject.
///
/// # Errors
/// It is not; says what to write instead.
fn is_in_batches(metric: &Metric, subject: Subject, functions: &[Function]) -> Result<(), Wrong> {
    let key = &metric.key;
    // Functions may be missing from a file with errors.
    match subject {
        Subject::Function(id) => match functions.get(id.index()) {
            Some(function) if function.batching.is_none() => Err((
                format!("`{key}` is not measured for function \"{}\": it has no `batching`", function.name),
                "name a function with [function.batching], or use latency_s".to_owned(),
            )),
            _ => Ok(()),
        },
        Subject::Total | Subject::Source(_) | Subject::Component(_) | Subject::NodeGroup(_) => {
            let with_batching = functions.iter().find(|function| function.batching.is_some());
            let help = with_batching.map_or_else(
                || "it is a metric of functions with [function.batching]: use latency_s".to_owned(),
                |function| {
                    format!(
                        "add function = \"{}\", on the command line function.{}:{key}",
                        function.name, function.name
                    )
                },
            );
            Err((format!("`{key}` is measured by function"), help))
        }
    }
}

/// Whether there is a verdict of stability for a subject.
///
/// # Errors
/// There is not; says what to write instead.
pub(super) fn is_followed(subject: Subject) -> Result<(), Wrong> {
    match subject {
        Subject::Source(_) => {
            Err(("stability is not measured by source".to_owned(), "name the function that it calls".to_owned()))
        }
        Subject::NodeGroup(_) => {
            let help = "use what is left at the end: pods.pending".to_owned();
            Err(("node groups have no stability".to_owned(), help))
        }
        Subject::Component(_) => {
            let help = "use what is left at the end, such as messages.remaining".to_owned();
            Err(("components have no stability".to_owned(), help))
        }
        Subject::Total | Subject::Function(_) => Ok(()),
    }
}

/// A verdict of stability that can be required.
fn stability(word: &str) -> Result<Stability, Wrong> {
    let known = [Stability::Stable, Stability::Backlogged];
    known.into_iter().find(|one| one.word() == word).ok_or_else(|| {
        let help = "write stability=stable, or stability=backlogged if temporary backlogs are acceptable".to_owned();
        (format!("`{word}` is not a valid stability"), help)
    })
}

/// A share of requests that can be required.
///
/// # Errors
/// It cannot be; says what to write instead.
pub(super) fn share(share: f64) -> Result<f64, Wrong> {
    if share > 0.0 && share <= 1.0 {
        return Ok(share);
    }
    let message = format!("a share must be above 0 and at most 1, not {share}");
    let help = if share > 1.0 && share <= 100.0 { format!("write {share}%") } else { "as in 99.9%".to_owned() };
    Err((message, help))
}

/// A bare number of seconds.
pub(super) fn seconds(text: &str) -> Option<Span> {
    let number: f64 = text.trim().parse().ok()?;
    Span::from_secs_f64(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::testing;

    fn scenario() -> Scenario {
        testing::scenario(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"1h\"\n[[function]]\nname = \"api\"\n\
             duration.constant.value = \"100ms\"\n[[source]]\nname = \"web\"\nfunction = \"api\"\n\
             arrivals.poisson.rate = \"1/s\"\n",
        )
    }

    fn read(text: &str) -> Result<Objective, String> {
        Objective::read(text, &scenario()).map_err(|(message, help)| format!("{message}: {help}"))
    }

    fn bound(metric: &str, bound: Bound) -> Goal {
        Goal::Metric { metric: find(metric).expect("a metric"), bound }
    }

    #[test]
    fn the_grammar_of_the_command_line() {
        let (api, web) = (Subject::Function(FnId(0)), Subject::Source(SourceId(0)));
        let within = |ms| Span::from_millis(ms);
        for (text, subject, goal) in [
            ("latency_s.p99<800ms", Subject::Total, bound("latency_s.p99", Bound::Below(0.8))),
            ("p99<800ms", Subject::Total, bound("latency_s.p99", Bound::Below(0.8))),
            ("source.web:p999 < 2s", web, bound("latency_s.p999", Bound::Below(2.0))),
            ("latency_s.p99 < 0.8", Subject::Total, bound("latency_s.p99", Bound::Below(0.8))),
            ("cold_start_ratio<1%", Subject::Total, bound("cold_start_ratio", Bound::Below(0.01))),
            ("function.api:failure_ratio<0.01", api, bound("failure_ratio", Bound::Below(0.01))),
            ("cost_usd.total<$12.5", Subject::Total, bound("cost_usd.total", Bound::Below(12.5))),
            ("requests.completed>1e6", Subject::Total, bound("requests.completed", Bound::Above(1e6))),
            ("99.9%<800ms", Subject::Total, Goal::Share { share: 0.999, within: within(800) }),
            ("source.web:99.9%<800ms", web, Goal::Share { share: 0.999, within: within(800) }),
            ("function.api:stability=stable", api, Goal::Stability { at_worst: Stability::Stable }),
            ("stability = backlogged", Subject::Total, Goal::Stability { at_worst: Stability::Backlogged }),
            ("function.api: 95 % < 0.25", api, Goal::Share { share: 0.95, within: within(250) }),
        ] {
            let objective = read(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(objective.subject, subject, "{text}");
            match (&objective.goal, &goal) {
                (Goal::Share { share, within }, Goal::Share { share: expected, within: in_time }) => {
                    assert!((share - expected).abs() < 1e-12 && within == in_time, "{text}: {share} {within}");
                }
                _ => assert_eq!(objective.goal, goal, "{text}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_nearest_word() {
        for (text, expected) in [
            ("latency_s.p99", "neither < nor >"),
            ("latency_s.p98<1s", "did you mean `latency_s.p9"),
            ("p98<1s", "there is no metric \"p98\""),
            ("latency_s.p99<=1s", "write latency_s.p99<1s"),
            ("latency_s.p99<1%", "write a duration"),
            ("latency_s.p99<", "write a duration"),
            ("latency_s.p99<NaN", "write a duration"),
            ("cold_start_ratio<1s", "write a percentage"),
            ("function.nobody:latency_s.p99<1s", "no function \"nobody\""),
            ("source.wep:latency_s.p99<1s", "did you mean `web`"),
            ("source.web:cost_usd.total<1", "not measured by source"),
            ("function.x<1s", "no : after the function"),
            ("99.9%<fast", "is not a time"),
            ("101%<1s", "at most 1"),
            ("99.9%>1s", "is not supported"),
            ("stability=good", "stability=stable"),
            ("source.web:stability=stable", "not measured by source"),
            ("<1s", "no metric \"\""),
        ] {
            let wrong = read(text).expect_err(text);
            assert!(wrong.contains(expected), "{text}: {wrong}");
        }
    }

    #[test]
    fn what_is_hardly_meant_is_doubted() {
        for (text, expected) in [
            ("latency_s.p99<800", Some("800ms")),
            ("latency_s.p99<800s", None),
            ("latency_s.p99<2", None),
            ("cold_start_ratio<1", Some("below = \"1%\"")),
            ("cold_start_ratio<0.01", None),
            ("failure_ratio<100%", Some("no ratio exceeds 1")),
            ("failure_ratio>5", Some("never above 5")),
            ("wait_s.mean<0", Some("never below 0")),
            ("requests.completed>-1", Some("never negative")),
            ("99.9%<800", None),
        ] {
            let doubt = read(text).expect(text).doubt_of_text(text, &scenario());
            let doubt = doubt.map(|(message, help)| format!("{message}: {help}"));
            assert_eq!(doubt.is_some(), expected.is_some(), "{text}: {doubt:?}");
            assert!(doubt.unwrap_or_default().contains(expected.unwrap_or_default()), "{text}");
        }
    }

    #[test]
    fn few_failures_are_implied_where_nobody_speaks_of_them() {
        let implied = |texts: &[&str]| -> Vec<Subject> {
            let mut scenario = scenario();
            scenario.objectives = texts.iter().map(|text| read(text).expect(text)).collect();
            scenario.imply_few_failures();
            scenario.objectives.iter().filter(|one| one.is_implied).map(|one| one.subject).collect()
        };
        let api = Subject::Function(FnId(0));
        assert_eq!(implied(&["p99<1s"]), [Subject::Total]);
        assert_eq!(implied(&["p99<1s", "failure_ratio<5%"]), []);
        assert_eq!(implied(&["function.api:99%<1s"]), []);
        assert_eq!(implied(&["function.api:latency_s.mean<1s"]), [Subject::Total, api]);
        assert_eq!(implied(&["function.api:latency_s.mean<1s", "failure_ratio<5%"]), [api]);
        assert_eq!(implied(&["function.api:latency_s.mean<1s", "function.api:failure_ratio<0.1%"]), []);
    }
}
