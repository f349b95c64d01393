//! The grid of candidates, and the lines in it along which bisection is possible.

/// An axis of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// How many values it has.
    pub len: usize,
    /// Whether its values increase, and larger ones are assumed to perform at least as well.
    pub is_monotone: bool,
}

/// All combinations of the values of the axes, the last axis fastest.
#[derive(Clone, Debug)]
pub struct Space {
    axes: Vec<Axis>,
}

/// Candidates that differ in one monotone axis only, the smallest value of it first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line(pub(super) Vec<usize>);

impl Space {
    /// The grid of these axes.
    #[must_use]
    pub fn new(axes: Vec<Axis>) -> Self {
        Self { axes }
    }

    /// How many candidates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.len).product()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of a candidate's value on each axis.
    #[must_use]
    pub fn places(&self, candidate: usize) -> Vec<usize> {
        let mut rest = candidate;
        let mut places: Vec<usize> = (self.axes.iter().rev())
            .map(|axis| {
                let place = rest % axis.len;
                rest /= axis.len;
                place
            })
            .collect();
        places.reverse();
        places
    }

    /// The candidate with these places.
    #[must_use]
    pub fn candidate(&self, places: &[usize]) -> usize {
        self.axes.iter().zip(places).fold(0, |number, (axis, place)| number * axis.len + place)
    }

    /// Marks an axis as not monotone.
    pub(super) fn distrust(&mut self, axis: usize) {
        self.axes[axis].is_monotone = false;
    }

    /// Marks all axes as not monotone.
    pub(super) fn distrust_all(&mut self) {
        self.axes.iter_mut().for_each(|axis| axis.is_monotone = false);
    }

    /// Which axes are assumed to be monotone.
    pub(super) fn trusted(&self) -> Vec<bool> {
        self.axes.iter().map(|axis| axis.is_monotone).collect()
    }

    /// The longest monotone axis, along which lines run.
    pub(super) fn line_axis(&self) -> Option<usize> {
        let monotone = self.axes.iter().enumerate().filter(|(_, axis)| axis.is_monotone && axis.len > 1);
        monotone.max_by_key(|(place, axis)| (axis.len, usize::MAX - place)).map(|(place, _)| place)
    }

    /// All candidates in lines; without a monotone axis, each is its own line.
    pub(super) fn lines(&self) -> Vec<Line> {
        let Some(axis) = self.line_axis() else { return (0..self.len()).map(|one| Line(vec![one])).collect() };
        let starts = (0..self.len()).filter(|candidate| self.places(*candidate)[axis] == 0);
        let line = |start| {
            let mut places = self.places(start);
            let at = |place| {
                places[axis] = place;
                self.candidate(&places)
            };
            Line((0..self.axes[axis].len).map(at).collect())
        };
        starts.map(line).collect()
    }

    /// Whether `more` has at least as much as `less` of every monotone axis, and the same of the others.
    pub(super) fn dominates(&self, more: usize, less: usize) -> bool {
        let (more, less) = (self.places(more), self.places(less));
        (self.axes.iter().zip(more).zip(less))
            .all(|((axis, more), less)| if axis.is_monotone { more >= less } else { more == less })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let axis = |len, is_monotone| Axis { len, is_monotone };
        Space::new(vec![axis(2, false), axis(3, true), axis(2, true)])
    }

    #[test]
    fn candidates_are_numbered_with_the_last_axis_fastest() {
        let space = space();
        assert_eq!((space.len(), space.places(7)), (12, vec![1, 0, 1]));
        assert!((0..12).all(|candidate| space.candidate(&space.places(candidate)) == candidate));
    }

    #[test]
    fn lines_run_along_the_longest_monotone_axis() {
        let mut space = space();
        assert_eq!(space.lines(), [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11]].map(|line| Line(line.to_vec())));
        space.distrust(1);
        assert_eq!(space.lines().len(), 6);
        space.distrust_all();
        assert_eq!(space.lines().len(), 12);
    }

    #[test]
    fn more_of_everything_dominates() {
        let space = space();
        assert!(space.dominates(5, 2) && space.dominates(5, 5));
        assert!(!space.dominates(2, 5) && !space.dominates(4, 3), "neither has more of both");
        assert!(!space.dominates(11, 5), "another value of what is not monotone");
    }
}
