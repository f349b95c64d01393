//! Cost and latency: which points no other beats in both, and where more money begins to buy little.

use super::super::digest::Kept;
use super::{Digest, left_out};
use crate::report::chart::{Axis, BLUE, Dash, Drawn, INK, MUTED, Mark, Panel, Plot, Scale, Shape, Style, VERMILLION};
use crate::report::format::Quantity;
use crate::report::phrases::sanitize;
use crate::stats::{front, knee};

/// Dots beside the front; more hide each other.
const DOTS: usize = 1_500;
/// Up to so many points of the front are drawn with their intervals.
const DRAWN_SINGLY: usize = 40;

/// All points, those of the front joined, the knee named.
pub(super) fn chart(digest: &Digest) -> Option<Drawn> {
    let at = |kept: &Kept| (kept.cost_and_latency[0].mean, kept.cost_and_latency[1].mean);
    let points: Vec<(f64, f64)> = digest.points.iter().map(at).collect();
    let front = front(&points);
    let costs: Vec<f64> = points.iter().map(|(cost, _)| *cost).filter(|cost| cost.is_finite()).collect();
    if front.is_empty() || costs.iter().all(|cost| *cost == costs[0]) {
        return None;
    }
    let on_front: Vec<(f64, f64)> = front.iter().map(|place| points[*place]).collect();
    let knee = knee(&on_front).map(|place| front[place]);
    let every = points.len().div_ceil(DOTS).max(1);
    let title = match knee {
        Some(place) => format!("Cost and latency: the knee is at configuration {}", digest.points[place].number + 1),
        None => "Cost and latency".to_owned(),
    };
    let (slow, fast) =
        on_front.iter().fold((0.0, f64::INFINITY), |(slow, fast), (_, y)| (f64::max(slow, *y), f64::min(fast, *y)));
    let all_slow = points.iter().map(|(_, y)| *y).filter(|y| y.is_finite()).fold(slow, f64::max);
    let scale = |low: f64, high: f64| if low > 0.0 && high > 8.0 * low { Scale::Log } else { Scale::Near };
    let (cheap, dear) =
        costs.iter().fold((f64::INFINITY, 0.0), |(low, high), cost| (f64::min(low, *cost), f64::max(high, *cost)));
    let plot = Plot {
        description: format!(
            "{title}. {} of {} configurations are on the Pareto front, from {} and {} to {} and {}.",
            front.len(),
            points.len(),
            Quantity::Usd.text(on_front[0].0),
            Quantity::Seconds.text(on_front[0].1),
            Quantity::Usd.text(on_front[on_front.len() - 1].0),
            Quantity::Seconds.text(on_front[on_front.len() - 1].1),
        ),
        title,
        x: Axis::new("cost per month", Quantity::Usd, scale(cheap, dear)),
        panels: vec![Panel {
            y: Axis::new("latency p99", Quantity::Seconds, scale(fast, all_slow)),
            height: 360.0,
            marks: marks(digest, &points, &front, knee, every),
        }],
        tips: Vec::new(),
    };
    let mut caption =
        "Left is cheaper, down is faster. The line is the Pareto front: no configuration is both cheaper and faster \
         than one on it. Up to the knee, a little more money buys a lot of speed; beyond it, much more buys little."
            .to_owned();
    if every > 1 {
        caption += &format!(" One in {every} of the other configurations is shown.");
    }
    Some(plot.drawn("tradeoff", caption + &left_out(digest)))
}

/// One in `every` of the points that are not on the front, the front, and what has a name.
fn marks(digest: &Digest, points: &[(f64, f64)], front: &[usize], knee: Option<usize>, every: usize) -> Vec<Mark> {
    let shape = |place: usize, label: String| {
        let half = |stat: usize| digest.points[place].cost_and_latency[stat].half_width.unwrap_or(0.0);
        Shape::Point { at: points[place], half: (half(0), half(1)), label }
    };
    let name = |place: usize| {
        let kept = &digest.points[place];
        sanitize(&format!("{}: {}", kept.number + 1, kept.texts.join(", ")), 40)
    };
    let mut marks = Vec::new();
    let dots = points.iter().enumerate().filter(|(place, _)| place % every == 0 && !front.contains(place));
    let dots: Vec<(f64, f64)> = dots.map(|(_, point)| *point).collect();
    if !dots.is_empty() {
        marks.push(Mark::new("other configurations", Style::fill(MUTED), Shape::Dots(dots)));
    }
    let line = front.iter().map(|place| points[*place]).collect();
    marks.push(Mark::new("front", Style::line(BLUE, Dash::Solid, 2.0), Shape::Line(line)));
    if front.len() <= DRAWN_SINGLY {
        let style = Style::line(BLUE, Dash::Solid, 1.25);
        let rest = front.iter().filter(|place| Some(**place) != knee);
        marks.extend(rest.map(|place| Mark::new("", style, shape(*place, String::new()))));
    }
    if let Some(knee) = knee {
        let style = Style::line(VERMILLION, Dash::Solid, 1.5);
        marks.push(Mark::new("knee", style, shape(knee, format!("knee, {}", name(knee)))));
    }
    let best = digest.best.as_ref().and_then(|best| usize::try_from(best.number).ok());
    if let Some(best) = best.filter(|best| *best < points.len() && Some(*best) != knee && digest.met.is_some()) {
        let style = Style::line(INK, Dash::Solid, 1.5);
        marks.push(Mark::new("", style, shape(best, format!("cheapest that meets all objectives, {}", name(best)))));
    }
    marks
}
