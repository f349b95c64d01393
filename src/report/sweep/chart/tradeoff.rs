//! Cost against latency: which points no other beats in both, and where more money begins to buy little.

use super::super::digest::Kept;
use super::{Digest, left_out};
use crate::report::chart::{Axis, BLUE, Dash, Drawn, INK, MUTED, Mark, Panel, Plot, Scale, Shape, Style, VERMILLION};
use crate::report::number::Quantity;
use crate::report::wording::shown;

/// Dots beside the front; more hide each other.
const DOTS: usize = 1_500;

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
    let shape = |place: usize, label: String| {
        let half = |stat: usize| digest.points[place].cost_and_latency[stat].half_width.unwrap_or(0.0);
        Shape::Point { at: points[place], half: (half(0), half(1)), label }
    };
    let name = |place: usize| {
        let kept = &digest.points[place];
        shown(&format!("{}: {}", kept.number + 1, kept.texts.join(", ")), 40)
    };
    let mut marks = Vec::new();
    let every = points.len().div_ceil(DOTS).max(1);
    let dots = points.iter().enumerate().filter(|(place, _)| place % every == 0 && !front.contains(place));
    let dots: Vec<(f64, f64)> = dots.map(|(_, point)| *point).collect();
    if !dots.is_empty() {
        marks.push(Mark::new("other points", Style::fill(MUTED), Shape::Dots(dots)));
    }
    marks.push(Mark::new("front", Style::line(BLUE, Dash::Solid, 2.0), Shape::Line(on_front.clone())));
    if front.len() <= 40 {
        let rest = front.iter().filter(|place| Some(**place) != knee);
        marks.extend(
            rest.map(|place| Mark::new("", Style::line(BLUE, Dash::Solid, 1.25), shape(*place, String::new()))),
        );
    }
    for (place, word) in
        [(knee, "knee"), (digest.best.as_ref().and_then(|best| usize::try_from(best.number).ok()), "best")]
    {
        let Some(place) = place.filter(|place| *place < points.len()) else { continue };
        if word == "knee" {
            let style = Style::line(VERMILLION, Dash::Solid, 1.5);
            marks.push(Mark::new("knee", style, shape(place, format!("knee, {}", name(place)))));
        } else if Some(place) != knee && digest.met.is_some() {
            let style = Style::line(INK, Dash::Solid, 1.5);
            marks.push(Mark::new("", style, shape(place, format!("cheapest that meets, {}", name(place)))));
        }
    }
    let title = match knee {
        Some(place) => format!("Cost against latency: the knee is at point {}", digest.points[place].number + 1),
        None => "Cost against latency".to_owned(),
    };
    let (slow, fast) =
        on_front.iter().fold((0.0, f64::INFINITY), |(slow, fast), (_, y)| (f64::max(slow, *y), f64::min(fast, *y)));
    let all_slow = points.iter().map(|(_, y)| *y).filter(|y| y.is_finite()).fold(slow, f64::max);
    let scale = |low: f64, high: f64| if low > 0.0 && high > 8.0 * low { Scale::Log } else { Scale::Near };
    let (cheap, dear) =
        costs.iter().fold((f64::INFINITY, 0.0), |(low, high), cost| (f64::min(low, *cost), f64::max(high, *cost)));
    let plot = Plot {
        description: format!(
            "{title}. {} of {} points are on the front, from {} and {} to {} and {}.",
            front.len(),
            points.len(),
            Quantity::Usd.text(on_front[0].0),
            Quantity::Seconds.text(on_front[0].1),
            Quantity::Usd.text(on_front[on_front.len() - 1].0),
            Quantity::Seconds.text(on_front[on_front.len() - 1].1),
        ),
        title,
        x: Axis::new("cost of a month", Quantity::Usd, scale(cheap, dear)),
        panels: vec![Panel {
            y: Axis::new("latency p99", Quantity::Seconds, scale(fast, all_slow)),
            height: 360.0,
            marks,
        }],
        tips: Vec::new(),
    };
    let mut caption =
        "To the left is cheaper, down is faster. No point is both cheaper and faster than one on the front. Before \
                       the knee a little more money buys much, beyond it much more buys little."
            .to_owned();
    if every > 1 {
        caption += &format!(" Of the other points, one in {every} is shown.");
    }
    Some(Drawn { name: "tradeoff", caption: caption + &left_out(digest), svg: plot.svg() })
}

/// The places of the points that no other beats in both numbers, from the cheapest on.
pub(super) fn front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..points.len()).filter(|at| points[*at].0.is_finite() && points[*at].1.is_finite()).collect();
    order.sort_by(|a, b| points[*a].0.total_cmp(&points[*b].0).then(points[*a].1.total_cmp(&points[*b].1)));
    let mut best = f64::INFINITY;
    order.retain(|at| {
        points[*at].1 < best && {
            best = points[*at].1;
            true
        }
    });
    order
}

/// The point of a front that is farthest below the line from its first to its last, both axes brought to the same length
/// (Satopaa et al., "Finding a Kneedle in a Haystack", 2011). None where the front does not bend.
pub(super) fn knee(front: &[(f64, f64)]) -> Option<usize> {
    let (first, last) = (front.first()?, front.last()?);
    let depth = |(x, y): &(f64, f64)| 1.0 - (x - first.0) / (last.0 - first.0) - (y - last.1) / (first.1 - last.1);
    let (place, depth) = front.iter().map(depth).enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
    (depth > 0.05).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nobody_beats() {
        let points = [(3.0, 1.0), (1.0, 9.0), (2.0, 2.0), (2.0, 3.0), (4.0, 1.0), (f64::NAN, 0.0), (1.0, 9.0)];
        assert_eq!(front(&points), [1, 2, 0]);
        assert!(front(&[(f64::NAN, 1.0)]).is_empty());
    }

    #[test]
    fn the_knee_is_where_it_bends() {
        assert_eq!(knee(&[(1.0, 9.0), (2.0, 2.0), (3.0, 1.0)]), Some(1));
        assert_eq!(knee(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]), None, "a straight line");
        assert_eq!(knee(&[(1.0, 3.0)]), None);
        assert_eq!(knee(&[]), None);
    }
}
