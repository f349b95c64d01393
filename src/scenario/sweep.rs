//! The points of a sweep: the values that each gives to the keys, in the order of their numbers.

use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use super::axis::{Axis, Level, place_among};
use super::limits::MAX_SWEEP_POINTS;
use crate::rng::{Purpose, Streams};

/// The keys and settings of a sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// In the order of the file; in a grid, the last varies fastest.
    pub dimensions: Vec<Dimension>,
    /// How points are chosen.
    pub design: Design,
    /// Whether all points use the scenario's seed, and so the same requests (common random numbers).
    pub common_random_numbers: bool,
}

/// Axes that vary together, usually one. If there are more, they have the same number of values.
#[derive(Clone, Debug)]
pub struct Dimension(pub Vec<Axis>);

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// All combinations.
    Grid,
    /// This many points of a Sobol sequence with Owen scrambling, from a seed.
    Sobol(u32, u64),
    /// This many points of a Latin hypercube, from a seed.
    LatinHypercube(u32, u64),
}

/// A point: a value for each axis, in the order of [`Sweep::axes`].
#[derive(Clone, Debug)]
pub struct Point {
    /// Its number, from 0.
    pub number: u64,
    /// The values.
    pub levels: Vec<Level>,
}

impl Sweep {
    /// All axes, in the order of the file.
    pub fn axes(&self) -> impl Iterator<Item = &Axis> {
        self.dimensions.iter().flat_map(|dimension| &dimension.0)
    }

    /// All points, ready for lookup; `None` if there are more than [`MAX_SWEEP_POINTS`].
    #[must_use]
    pub fn points(&self) -> Option<Points<'_>> {
        let (count, shares) = match self.design {
            Design::Grid => {
                let sizes = self.dimensions.iter().map(|dimension| dimension.size() as u64);
                let count = sizes.into_iter().try_fold(1_u64, u64::checked_mul)?;
                (count, Vec::new())
            }
            Design::Sobol(count, seed) => (count.into(), sobol(self.dimensions.len(), count, seed)),
            Design::LatinHypercube(count, seed) => (count.into(), latin_hypercube(self.dimensions.len(), count, seed)),
        };
        (count <= MAX_SWEEP_POINTS).then_some(Points { sweep: self, count, shares })
    }
}

impl Dimension {
    /// Number of values; one for a range without steps.
    fn size(&self) -> usize {
        self.0.first().and_then(Axis::levels).map_or(1, <[Level]>::len)
    }

    fn nth(&self, place: usize) -> impl Iterator<Item = Level> {
        self.0.iter().map(move |axis| match axis.levels() {
            Some(levels) => levels[place].clone(),
            None => axis.at(0.0, 1),
        })
    }

    fn at(&self, share: f64, samples: u32) -> Vec<Level> {
        match &self.0[..] {
            [axis] => vec![axis.at(share, samples)],
            _ => self.nth(place_among(share, self.size())).collect(),
        }
    }
}

/// The points of a sweep by number.
#[derive(Clone, Debug)]
pub struct Points<'a> {
    sweep: &'a Sweep,
    count: u64,
    /// For each dimension, the position of each point from the first to the last value; empty for a grid.
    shares: Vec<Vec<f64>>,
}

impl Points<'_> {
    /// Number of points.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The point of a number below [`Points::count`].
    #[must_use]
    pub fn get(&self, number: u64) -> Point {
        let dimensions = &self.sweep.dimensions;
        let levels = if self.shares.is_empty() {
            let mut rest = number;
            let mut places: Vec<usize> = Vec::with_capacity(dimensions.len());
            for dimension in dimensions.iter().rev() {
                let size = dimension.size() as u64;
                places.push((rest % size) as usize);
                rest /= size;
            }
            dimensions.iter().zip(places.into_iter().rev()).flat_map(|(one, place)| one.nth(place)).collect()
        } else {
            let samples = u32::try_from(self.count).unwrap_or(u32::MAX);
            let shares = self.shares.iter().map(|shares| shares[number as usize]);
            dimensions.iter().zip(shares).flat_map(|(one, share)| one.at(share, samples)).collect()
        };
        Point { number, levels }
    }

    /// The values of a point in words: `function.f.memory = 512MB, ...`.
    #[must_use]
    pub fn describe(&self, point: &Point) -> String {
        let pairs = self.sweep.axes().zip(&point.levels).map(|(axis, level)| format!("{} = {}", axis.key, level.text));
        pairs.collect::<Vec<_>>().join(", ")
    }
}

/// Points of the Sobol sequence by dimension, scrambled after Burley ("Practical Hash-based Owen Scrambling", 2020),
/// with the direction numbers of Joe and Kuo.
fn sobol(dimensions: usize, count: u32, seed: u64) -> Vec<Vec<f64>> {
    // 32 bits determine the scrambling.
    let seed = (seed ^ (seed >> 32)) as u32;
    (0..dimensions)
        .map(|dimension| {
            (0..count).map(|number| f64::from(sobol_burley::sample(number, dimension as u32, seed))).collect()
        })
        .collect()
}

/// Points of a Latin hypercube by dimension: one at random in each of `count` equal parts (McKay, Beckman and Conover
/// 1979).
fn latin_hypercube(dimensions: usize, count: u32, seed: u64) -> Vec<Vec<f64>> {
    (0..dimensions)
        .map(|dimension| {
            let mut stream = Streams::new(seed, 0).stream(&format!("dimension {dimension}"), Purpose::Experiment);
            let mut parts: Vec<u32> = (0..count).collect();
            parts.shuffle(&mut stream);
            parts.into_iter().map(|part| (f64::from(part) + stream.random::<f64>()) / f64::from(count)).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::axis::Candidates;
    use super::*;
    use crate::scenario::SourceSpan;

    fn axis(words: &[&str]) -> Axis {
        let levels = words.iter().map(|word| Level::word(word, SourceSpan::default())).collect();
        Axis { key: "k".into(), unit: None, place: SourceSpan::default(), candidates: Candidates::Levels(levels) }
    }

    fn sweep(design: Design) -> Sweep {
        let dimensions =
            vec![Dimension(vec![axis(&["a", "b"])]), Dimension(vec![axis(&["1", "2", "3"]), axis(&["x", "y", "z"])])];
        Sweep { dimensions, design, common_random_numbers: true }
    }

    fn all(sweep: &Sweep) -> Vec<String> {
        let points = sweep.points().expect("few");
        let text = |number| points.get(number).levels.iter().map(|level| level.text.as_str()).collect::<String>();
        (0..points.count()).map(text).collect()
    }

    #[test]
    fn all_combinations_the_last_fastest() {
        assert_eq!(all(&sweep(Design::Grid)).join(" "), "a1x a2y a3z b1x b2y b3z");
    }

    #[test]
    fn too_many_are_too_many() {
        let words: Vec<String> = (0..1_000).map(|word| word.to_string()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let dimensions = |count| vec![Dimension(vec![axis(&words)]); count];
        let sweep = |count| Sweep { dimensions: dimensions(count), design: Design::Grid, common_random_numbers: true };
        assert!(sweep(2).points().is_some());
        assert!(sweep(3).points().is_none());
        assert!(sweep(30).points().is_none(), "more than 2^64");
    }

    #[test]
    fn samples_are_even_in_each_dimension() {
        for shares in [latin_hypercube(3, 64, 7), sobol(3, 64, 7)] {
            for dimension in &shares {
                let mut parts: Vec<usize> = dimension.iter().map(|share| (share * 64.0) as usize).collect();
                parts.sort_unstable();
                assert!(parts.into_iter().eq(0..64));
            }
            assert_ne!(shares[0], shares[1]);
        }
        // Sobol points are even in pairs of dimensions too: one point in each of 8 x 8 squares.
        let shares = sobol(2, 64, 7);
        let square = |number: usize| ((shares[0][number] * 8.0) as usize, (shares[1][number] * 8.0) as usize);
        let squares: std::collections::HashSet<_> = (0..64).map(square).collect();
        assert_eq!(squares.len(), 64);
    }

    #[test]
    fn the_seed_chooses_the_samples() {
        let of = |seed| all(&sweep(Design::LatinHypercube(12, seed)));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let sobol = all(&sweep(Design::Sobol(12, 1)));
        assert_eq!(sobol.iter().filter(|point| point.starts_with('a')).count(), 6);
    }
}
