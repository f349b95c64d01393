//! The pilot that decided how long the warm-up is.

use super::axis::{Axis, Scale};
use super::plot::{LIMIT, Mark, Panel, Plot, Shape, Tip};
use super::run::{clock, time_axis};
use super::{BLUE, Dash, INK, Style};
use crate::measure::evidence::{PilotSeries, WarmUp};
use crate::path::quantity_of;
use crate::report::format::exactly;

/// The series of the pilot, each in a panel of its own, and where they are cut.
pub(super) fn plot(found: &WarmUp) -> Plot {
    let chosen = exactly(found.chosen_s);
    let title = if found.is_settled {
        format!("Warm-up: the first {chosen} are discarded")
    } else {
        format!("Warm-up: not steady; the first {chosen} are discarded")
    };
    Plot {
        description: format!("{title}. {} pilot replications.", found.replications),
        title,
        x: time_axis(),
        panels: found.series.iter().map(|series| panel(series, found)).collect(),
        tips: tips(found),
    }
}

fn panel(series: &PilotSeries, found: &WarmUp) -> Panel {
    let middle = |place: usize| (place as f64 + 0.5) * found.interval_s;
    let line = series.values.iter().enumerate().map(|(place, value)| (middle(place), *value)).collect();
    let top = series.values.iter().copied().fold(0.0, f64::max);
    let upright = |at: f64| Shape::Line(vec![(at, 0.0), (at, top)]);
    let mut marks = vec![Mark::new(series.name.clone(), Style::line(BLUE, Dash::Solid, 1.75), Shape::Line(line))];
    if let Some(cut) = series.truncation_s.filter(|cut| *cut < found.chosen_s) {
        marks.push(Mark::new("MSER-5", Style::line(INK, Dash::Dotted, 1.5), upright(cut)));
    }
    if !series.values.is_empty() {
        marks.push(Mark::new("measured from here", LIMIT, upright(found.chosen_s)));
    }
    let quantity = quantity_of(&series.name);
    Panel { y: Axis::new(series.name.replace('_', " "), quantity, Scale::Linear), height: 150.0, marks }
}

fn tips(found: &WarmUp) -> Vec<Tip> {
    let intervals = found.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let value = |series: &PilotSeries, place: usize| {
        let value = series.values.get(place).copied().unwrap_or(f64::NAN);
        format!("{}: {}", series.name, quantity_of(&series.name).text(value))
    };
    let tip = |place: usize| {
        let (from, to) = (place as f64 * found.interval_s, (place + 1) as f64 * found.interval_s);
        let values: Vec<String> = found.series.iter().map(|series| value(series, place)).collect();
        Tip { from, to, text: format!("{} to {}\n{}", clock(from), clock(to), values.join("\n")) }
    };
    (0..intervals).map(tip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f64], truncation_s: Option<f64>) -> WarmUp {
        let series = |name: &str| PilotSeries { name: name.into(), truncation_s, values: values.to_vec() };
        let series = vec![series("instances"), series("latency_s.p95")];
        WarmUp { chosen_s: 60.0, is_settled: truncation_s.is_some(), interval_s: 10.0, replications: 5, series }
    }

    #[test]
    fn the_series_and_the_cut_are_there() {
        let rising: Vec<f64> = (0..50).map(|i| 1.0 - (-f64::from(i) / 5.0).exp()).collect();
        let svg = plot(&found(&rising, Some(30.0))).svg(super::super::WIDTH);
        for text in ["the first 1 min are discarded", "measured from here", "MSER-5", "latency"] {
            assert!(svg.contains(text), "{text}");
        }
        let svg = plot(&found(&[1.0; 60], None)).svg(super::super::WIDTH);
        assert!(svg.contains("not steady") && !svg.contains("MSER-5<"));
        assert!(plot(&found(&[], None)).svg(super::super::WIDTH).contains("Nothing to show"));
    }
}
