//! What a report tells of alarms: which went off, and when.

use crate::measure::summary::Summary;
use crate::measure::{AlarmResult, AlarmState, Change};
use crate::path::signals_of;
use crate::report::chart::run::clock;
use crate::report::document::{Block, Cell, Column, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, percent};

/// How many alarms are shown before "show all".
const ROWS: usize = 25;
/// How many times in alarm are told.
const TOLD: usize = 2;

/// The section of the alarms; none where there are none.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let columns = vec![
        Column::text("State", "Whether it went off, and in how many replications"),
        Column::text("In alarm", "Times in the first replication"),
        Column::new("Of the time", "Share of periods in alarm"),
        Column::text("Watches", "The metric and the condition"),
    ];
    let row = |alarm: &AlarmResult| {
        let (tone, word) = match alarm.replications {
            0 => (Tone::Good, "quiet".to_owned()),
            all if all == summary.replications => (Tone::Bad, "ALARM".to_owned()),
            some => (Tone::Bad, format!("ALARM in {some} of {}", summary.replications)),
        };
        let cells = vec![
            Cell::badge(tone, word),
            Cell::text(when(&alarm.changes)),
            Cell::text(percent(alarm.in_alarm_ratio.mean)),
            Cell::text(watches(alarm)),
        ];
        Row::new(alarm.name.as_str(), cells)
    };
    let rows: Vec<Row> = summary.alarms.iter().map(row).collect();
    let table = Table { caption: String::new(), rows_are: "Alarm", columns, rows, total: None, shown: ROWS };
    (!summary.alarms.is_empty()).then(|| Section::new("alarms", "Alarms", Place::Everywhere, vec![Block::Table(table)]))
}

/// From when until when it was in alarm: `1h1m to 1h4m`.
fn when(changes: &[Change]) -> String {
    let mut spans = Vec::new();
    let mut since = None;
    for change in changes {
        match (change.state, since) {
            (AlarmState::Alarm, None) => since = Some(change.at_s),
            (AlarmState::Ok | AlarmState::InsufficientData, Some(from)) => {
                spans.push(format!("{} to {}", clock(from), clock(change.at_s)));
                since = None;
            }
            _ => {}
        }
    }
    spans.extend(since.map(|from| format!("from {}", clock(from))));
    let more = spans.len().saturating_sub(TOLD);
    spans.truncate(TOLD);
    if more > 0 {
        spans.push(format!("{more} more"));
    }
    spans.join(", ")
}

/// `failure_ratio of source users above 5 % in 2 of 3 periods of 1m`.
fn watches(alarm: &AlarmResult) -> String {
    let (kind, whose) = match (&alarm.function, &alarm.source, &alarm.component) {
        (Some(function), ..) => ("function", format!(" of {function}")),
        (_, Some(source), _) => ("source", format!(" of source {source}")),
        (.., Some(component)) => (component.split('.').next().unwrap_or_default(), format!(" of {component}")),
        (None, None, None) => ("total", String::new()),
    };
    let signal = signals_of(kind).into_iter().find(|(name, _)| *name == alarm.metric);
    let quantity = signal.map_or(Quantity::Count, |(_, signal)| signal.quantity());
    let periods = if alarm.of == 1 {
        format!("in a period of {}", clock(alarm.period_s))
    } else {
        format!("in {} of {} periods of {}", alarm.datapoints, alarm.of, clock(alarm.period_s))
    };
    format!("{}{whose} {} {} {periods}", alarm.metric, alarm.comparison, quantity.bound(alarm.threshold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::summary::Stat;

    #[test]
    fn what_it_watches_has_its_unit() {
        let nothing = Stat { mean: 0.0, half_width: None };
        let watched = |metric: &str, component: Option<&str>, threshold: f64| {
            watches(&AlarmResult {
                name: "a".to_owned(),
                metric: metric.to_owned(),
                function: None,
                source: None,
                component: component.map(str::to_owned),
                comparison: "above".to_owned(),
                threshold,
                period_s: 60.0,
                datapoints: 2,
                of: 3,
                replications: 1,
                first_at_s: nothing,
                times: nothing,
                in_alarm_ratio: nothing,
                changes: Vec::new(),
            })
        };
        let of = "in 2 of 3 periods of 1 min";
        let nodes = Some("node-group.a.b");
        assert_eq!(
            watched("cpu_utilization", nodes, 0.75),
            format!("cpu_utilization of node-group.a.b above 75 % {of}")
        );
        assert_eq!(watched("count.peak", nodes, 3.0), format!("count.peak of node-group.a.b above 3 {of}"));
        assert_eq!(watched("oldest_age_s", Some("queue.q"), 90.0), format!("oldest_age_s of queue.q above 90 s {of}"));
        assert_eq!(watched("cost_usd.total", None, 5.0), format!("cost_usd.total above $5.00 {of}"));
    }

    #[test]
    fn times_in_alarm_are_told_from_when_until_when() {
        let change = |at_s, state| Change { at_s, state };
        let changes = [
            change(60.0, AlarmState::Ok),
            change(120.0, AlarmState::Alarm),
            change(300.0, AlarmState::Ok),
            change(3_660.0, AlarmState::Alarm),
        ];
        assert_eq!(when(&changes), "2 min to 5 min, from 1 h 1 min");
        assert_eq!(when(&changes[..1]), "");
    }
}
