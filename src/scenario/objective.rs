//! What must be met: of a metric a bound, or a share of all requests within a time.

use super::diagnostic::instead;
use super::model::{Function, Scenario};
use crate::id::{FnId, SourceId};
use crate::metric::{self, Metric, Quantity};
use crate::time::Span;

/// Something that must be met.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Whose requests it is about.
    pub subject: Subject,
    /// What must be met.
    pub goal: Goal,
}

/// Whose requests something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All of them.
    Total,
    /// Those of a function.
    Function(FnId),
    /// Those of a source.
    Source(SourceId),
}

/// What must be met.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// A metric must stay on one side of a bound.
    Metric {
        /// The metric.
        metric: &'static Metric,
        /// The side that is good.
        bound: Bound,
    },
    /// So many of all requests that arrive must be answered successfully in time.
    Share {
        /// This part of them, above 0 and at most 1.
        share: f64,
        /// Within this time.
        within: Span,
    },
}

/// The side of a value that is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The metric must stay below this.
    Below(f64),
    /// The metric must stay above this.
    Above(f64),
}

/// What is wrong with an objective that somebody typed, and what to write instead.
pub type Wrong = (String, String);

/// How an objective is written on the command line.
const FORM: &str = "write METRIC<VALUE, METRIC>VALUE or SHARE%<TIME, as in latency_s.p99<800ms, \
                    function.NAME:failure_ratio<0.1% or source.NAME:99.9%<800ms";

impl Objective {
    /// Reads an objective as it is written on the command line: `latency_s.p99<800ms`, `p99<800ms` for short,
    /// `99.9%<800ms` for a share of all requests within a time; after `function.NAME:` or `source.NAME:` of those alone.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn read(text: &str, scenario: &Scenario) -> Result<Self, Wrong> {
        let form = |message: &str| (message.to_owned(), FORM.to_owned());
        let at = text.rfind(['<', '>']).ok_or_else(|| form("there is neither < nor > in it"))?;
        let (left, is_below, value) = (text[..at].trim(), text[at..].starts_with('<'), text[at + 1..].trim());
        if let Some(value) = value.strip_prefix('=') {
            let sign = &text[at..=at];
            let help = format!("an objective is a strict bound: write {left}{sign}{}", value.trim());
            return Err((format!("`{sign}=` cannot be asked for"), help));
        }
        let (subject, asked) = Subject::read(left, scenario)?;
        if asked.ends_with('%') && !is_below {
            return Err((format!("`{asked}>` cannot be asked for"), format!("write {left}<{value}: so many within a time")));
        }
        let goal = if asked.ends_with('%') {
            let within = value.parse::<Span>().ok().or_else(|| seconds(value));
            let within = within.ok_or_else(|| (format!("`{value}` is not a time"), "write a duration, as in 800ms".into()))?;
            Goal::Share { share: share(Quantity::Ratio.read(asked).map_err(|help| form(help))?)?, within }
        } else {
            let metric = find(asked)?;
            is_measured(metric, subject)?;
            let value = metric.quantity.read(value).map_err(|help| {
                let message = format!("`{value}` is not a value of this metric");
                (message, help.to_owned())
            })?;
            Goal::Metric { metric, bound: if is_below { Bound::Below(value) } else { Bound::Above(value) } }
        };
        Ok(Self { subject, goal })
    }

    /// Whether it says how many requests may fail.
    #[must_use]
    pub fn limits_failures(&self) -> bool {
        match &self.goal {
            Goal::Metric { metric, bound: Bound::Below(_) } => metric.key == FAILURE_RATIO,
            Goal::Metric { bound: Bound::Above(_), .. } => false,
            Goal::Share { .. } => true,
        }
    }

    /// What makes it an objective that is always met or never, or hardly meant; none if nothing does. `is_bare`: its number
    /// was written without a unit.
    #[must_use]
    pub fn doubt(&self, is_bare: bool, scenario_functions: &[Function], of: impl Fn(usize) -> bool) -> Option<Wrong> {
        let Goal::Metric { metric, bound } = &self.goal else { return None };
        let name = &metric.key;
        let (word, value) = match bound {
            Bound::Below(value) => ("below", *value),
            Bound::Above(value) => ("above", *value),
        };
        let always = |what: &str| format!("`{name}` is always {word} {value}: {what}");
        match (metric.quantity, bound) {
            (Quantity::Ratio, Bound::Below(value)) if *value >= 1.0 => {
                let percent = format!("write {word} = \"{value}%\" if that is meant");
                Some((always("no ratio is above 1, that is 100 %"), percent))
            }
            (Quantity::Ratio, Bound::Above(value)) if *value >= 1.0 => {
                let message = format!("`{name}` is never above {value}: no ratio is above 1, that is 100 %");
                Some((message, format!("write {word} = \"{value}%\" if that is meant")))
            }
            (_, Bound::Below(value)) if *value <= 0.0 => {
                Some((format!("`{name}` is never below {value}"), "write the largest value that is good enough".into()))
            }
            (_, Bound::Above(value)) if *value < 0.0 => Some((always("it is never negative"), "leave it out".into())),
            (Quantity::Seconds, Bound::Below(value)) if is_bare => {
                // What runs for long may well be asked to be done within minutes.
                let concerned = scenario_functions.iter().enumerate().filter(|(place, _)| of(*place));
                let longest = concerned.map(|(_, one)| one.duration.quantile(0.99).as_secs_f64()).fold(0.0, f64::max);
                let is_doubtful = *value >= HARDLY_MEANT_S && *value > LONGEST_TIMES * longest;
                let span = Span::from_secs_f64(*value);
                is_doubtful.then(|| {
                    let message = format!("{value} is a number of seconds, {span}, and is hardly ever reached");
                    (message, format!("write {word} = \"{value}ms\" if milliseconds are meant, or {word} = \"{value}s\""))
                })
            }
            _ => None,
        }
    }
}

/// A bare number of seconds from which on milliseconds may have been meant.
const HARDLY_MEANT_S: f64 = 20.0;
/// So many times what nearly all requests take is hardly meant.
const LONGEST_TIMES: f64 = 20.0;

/// The metric that says how many requests fail.
pub const FAILURE_RATIO: &str = "failure_ratio";

impl Subject {
    /// What stands before the colon, if anything does, and what stands behind it.
    fn read<'a>(text: &'a str, scenario: &Scenario) -> Result<(Self, &'a str), Wrong> {
        for kind in ["function", "source"] {
            let Some(rest) = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let (name, asked) = rest
                .rsplit_once(':')
                .ok_or_else(|| (format!("there is no : after the {kind}"), FORM.to_owned()))?;
            let name = name.trim();
            let functions = scenario.functions.iter().map(|function| function.name.as_str());
            let sources = scenario.sources.iter().map(|source| source.name.as_str());
            let names: Vec<&str> = if kind == "function" { functions.collect() } else { sources.collect() };
            let place = names.iter().position(|known| *known == name).ok_or_else(|| {
                let help = instead(name, &format!("the {kind}s are"), names.iter().copied());
                (format!("there is no {kind} \"{name}\""), help)
            })?;
            let subject =
                if kind == "function" { Self::Function(FnId(place as u32)) } else { Self::Source(SourceId(place as u32)) };
            return Ok((subject, asked.trim()));
        }
        Ok((Self::Total, text))
    }
}

/// The metric of this name; a percentile alone is one of latency.
///
/// # Errors
/// There is none, and what to write instead.
pub fn find(name: &str) -> Result<&'static Metric, Wrong> {
    let is_percentile = name.strip_prefix('p').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let latency = is_percentile.then(|| metric::find(&format!("latency_s.{name}"))).flatten();
    metric::find(name).or(latency).ok_or_else(|| {
        let help = instead(name, "the metrics are", metric::keys());
        (format!("there is no metric \"{name}\""), format!("{help}; forewarm list metrics shows all"))
    })
}

/// Whether a metric is measured of a subject.
///
/// # Errors
/// It is not, and what to write instead.
pub(super) fn is_measured(metric: &Metric, subject: Subject) -> Result<(), Wrong> {
    if matches!(subject, Subject::Source(_)) && !metric.is_of_requests() {
        let message = format!("`{}` is not measured by source", metric.key);
        return Err((message, "name a function, or ask for requests, ratios or times".to_owned()));
    }
    Ok(())
}

/// A share of requests that may be asked for.
///
/// # Errors
/// It cannot be, and what to write instead.
pub(super) fn share(share: f64) -> Result<f64, Wrong> {
    if share > 0.0 && share <= 1.0 {
        return Ok(share);
    }
    let message = format!("a share is above 0 and at most 1, and {share} is not");
    let help = if share > 1.0 && share <= 100.0 { format!("write {share}%") } else { "as in 99.9%".to_owned() };
    Err((message, help))
}

/// A bare number of seconds.
pub(super) fn seconds(text: &str) -> Option<Span> {
    let number: f64 = text.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then(|| Span::from_secs_f64(number))
}
