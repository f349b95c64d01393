//! The cost of each contender over the load, and where another one becomes the cheapest.

use super::axis::{Axis, Scale};
use super::compare::style;
use super::plot::{Mark, Panel, Plot, Shape};
use super::{Drawn, Style};
use crate::measure::comparison::OverLoad;
use crate::report::format::Quantity;
use crate::report::phrases::{crossing, crossing_in_short, sanitize};

/// The longest name that is shown whole.
const NAME: usize = 30;

/// The chart.
#[must_use]
pub fn chart(found: &OverLoad) -> Drawn {
    plot(found).drawn(
        "break-even",
        "Cost of 30 days at each load, for contenders with prices. Points are simulated loads; a line has a \
                  gap where its contender misses an objective. A circle marks the load at which another contender \
                  becomes the cheapest.",
    )
}

fn plot(found: &OverLoad) -> Plot {
    let title = match found.crossings.first() {
        Some(first) => crossing_in_short(first),
        None => "The same contender is the cheapest at every load".to_owned(),
    };
    let names = found.points.first().map_or(&[][..], |point| &point.contenders);
    let line = |place: usize| -> Vec<(f64, f64)> {
        let cost = |point: &crate::measure::comparison::LoadPoint| {
            let one = &point.contenders[place];
            one.month_usd.filter(|_| one.is_met != Some(false)).unwrap_or(f64::NAN)
        };
        found.points.iter().map(|point| (point.requests_per_s, cost(point))).collect()
    };
    let priced = names.iter().enumerate().filter(|(_, one)| one.month_usd.is_some());
    let mut marks: Vec<Mark> = Vec::new();
    for (shown, (place, one)) in priced.enumerate() {
        let look = Style { width: 2.0, ..style(shown) };
        marks.push(Mark::new(sanitize(&one.name, NAME), look, Shape::Line(line(place))));
        marks.push(Mark::new("", look, Shape::Dots(line(place))));
    }
    for crossing in &found.crossings {
        if let Some(usd) = crossing.month_usd {
            let label = format!("{} per second", crate::report::format::count(crossing.requests_per_s));
            let point = Shape::Point { at: (crossing.requests_per_s, usd), half: (0.0, 0.0), label };
            marks.push(Mark::new("", Style { width: 2.5, ..style(0) }, point));
        }
    }
    let told: Vec<String> = found.crossings.iter().map(crossing).collect();
    Plot {
        description: format!("{title}. {}.", told.join("; ")),
        title,
        x: Axis::new("requests per second", Quantity::Count, Scale::Log),
        panels: vec![Panel { y: Axis::new("cost per month", Quantity::Usd, Scale::Log), height: 340.0, marks }],
        tips: Vec::new(),
    }
}
