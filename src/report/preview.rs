//! What a plan is about to simulate, as text for the terminal.

use std::time::Duration;

use super::format::{count, numbered, roughly, times};
use super::phrases;
use crate::experiment::plan::preview::Preview;
use crate::scenario::plan::Plan as Asked;

/// How fast a sample of the plan was simulated.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Replications per second.
    pub replications_per_s: f64,
    /// Worker threads.
    pub threads: usize,
}

impl Speed {
    fn time(&self, replications: f64) -> Option<Duration> {
        Duration::try_from_secs_f64(replications / self.replications_per_s).ok()
    }

    /// How long a plan usually takes; none if that cannot be told.
    #[must_use]
    pub fn usual(&self, preview: &Preview) -> Option<Duration> {
        self.time(preview.usual)
    }
}

/// Configurations, objectives, replications, loads, and estimates of requests and time.
#[must_use]
pub fn text(preview: &Preview, asked: &Asked, speed: Option<&Speed>) -> String {
    let mut text = String::new();
    let mut list = |title: String, rows: Vec<String>| {
        text += &format!("{title}\n");
        rows.iter().for_each(|row| text += &format!("  {row}\n"));
    };
    let width = asked.axes.iter().map(|choice| choice.axis.key.chars().count()).max().unwrap_or_default();
    let axis = |choice: &crate::scenario::plan::Choice| {
        let levels: Vec<&str> = choice.levels.iter().map(|level| level.text.as_str()).collect();
        let values = match levels.as_slice() {
            [first, .., last] if levels.len() > 4 => format!("{} values, {first} to {last}", levels.len()),
            few => few.join(", "),
        };
        format!("{:<width$}  {values}", choice.axis.key)
    };
    list(numbered(preview.candidates as u64, "configuration"), asked.axes.iter().map(axis).collect());
    let objective = |one: &crate::measure::plan::Asked| {
        let by_default = if one.implied { " (added by default)" } else { "" };
        format!("{} {}{by_default}", one.subject(), phrases::bound(one))
    };
    list(numbered(preview.objectives.len() as u64, "objective"), preview.objectives.iter().map(objective).collect());
    text.push('\n');
    let mut fact = |name: &str, value: &str| text += &format!("{name:<14}{value}\n");
    let (first, last) = (preview.looks.first().copied().unwrap_or(1), preview.looks.last().copied().unwrap_or(1));
    fact("Replications", &format!("{first} of each configuration, up to {last} where the result is unclear"));
    match preview.loads.as_slice() {
        [] => fact("Load", "today's only"),
        [_] => fact("Load", "today's only: more would exceed the limit on requests in a run"),
        [first, .., last] => fact(
            "Load",
            &format!(
                "{} to {} today's load in {} steps, and up to {} loads between two of them",
                times(*first),
                times(*last),
                preview.loads.len(),
                preview.loads_between
            ),
        ),
    }
    let requests = |replications: f64| count(rounded(preview.requests * replications));
    fact(
        "Requests",
        &format!(
            "{} in a replication; about {} in total, at most {}",
            requests(1.0),
            requests(preview.usual),
            requests(preview.most)
        ),
    );
    let time = speed.and_then(|speed| Some((speed, speed.time(preview.usual)?, speed.time(preview.most)?)));
    if let Some((speed, usual, most)) = time {
        let threads = numbered(speed.threads as u64, "thread");
        fact("Time", &format!("about {} on {threads}, at most {}", roughly(usual), roughly(most)));
    }
    text
}

/// With two digits.
fn rounded(x: f64) -> f64 {
    format!("{x:.1e}").parse().unwrap_or(x)
}
