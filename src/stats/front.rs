//! Pareto front of two minimized quantities, and its knee.

/// The places of the points that no other beats in both numbers, from the one with the smallest first number on. What is not
/// finite is left out; of equal points the first counts.
#[must_use]
pub fn front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..points.len()).filter(|at| points[*at].0.is_finite() && points[*at].1.is_finite()).collect();
    order.sort_by(|a, b| points[*a].0.total_cmp(&points[*b].0).then(points[*a].1.total_cmp(&points[*b].1)));
    let mut least = f64::INFINITY;
    order.retain(|at| {
        let is_less = points[*at].1 < least;
        least = least.min(points[*at].1);
        is_less
    });
    order
}

/// The point of a front that is farthest below the line from its first to its last, both axes brought to the same length
/// (Satopaa et al., "Finding a Kneedle in a Haystack", 2011). None where the front does not bend.
#[must_use]
pub fn knee(front: &[(f64, f64)]) -> Option<usize> {
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
