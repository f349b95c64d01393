//! Requests counted in intervals of equal length, held in few bytes.

use crate::time::{SimTime, Span};

/// How the requests of an interval are placed in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Spread {
    /// As many as counted, at independent uniform moments.
    #[default]
    Uniform,
    /// A Poisson process with the counted number as its mean.
    Poisson,
    /// As many as counted, at equal distances: the k-th of n at (k - 1/2) / n of the interval.
    Equidistant,
    /// As many as counted, at equal distances from an offset that is drawn once, as a timer fires: the k-th of n at
    /// (k - 1 + u) / n of the interval, with u from 0 to 1.
    Timer,
    /// [`Timer`](Self::Timer) in intervals with at most one request a second, [`Uniform`](Self::Uniform) in busier ones.
    Auto,
}

/// Requests counted in intervals of equal length: a rate trace, or one function of a trace by the minute.
///
/// Equal neighbours are stored once, small numbers in one byte: a function that is seldom called takes few bytes a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// Length of an interval.
    pub interval: Span,
    /// Start of the first interval.
    pub start: SimTime,
    /// Where the requests lie in their interval.
    pub spread: Spread,
    /// Counts are multiplied by this. What is then not whole is rounded by a coin, so that its mean is right.
    pub scale: f64,
    bytes: Box<[u8]>,
    intervals: u64,
}

/// Neighbouring intervals with the same count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) count: f64,
    pub(super) intervals: u64,
}

/// The lowest bits of a run's first number: it stands for more than one interval, so that their number follows;
/// and it is not whole, so that its bits follow. The bits above are the number itself.
const REPEATED: u64 = 1;
const FRACTION: u64 = 2;
const FLAG_BITS: u32 = 2;

impl Counts {
    /// Counts of neighbouring intervals, the first beginning at `start`. Rates times the interval are counts too, so
    /// they need not be whole. What is negative, infinite or not a number counts as none.
    #[must_use]
    pub fn new(
        interval: Span,
        start: SimTime,
        spread: Spread,
        scale: f64,
        counts: impl IntoIterator<Item = f64>,
    ) -> Self {
        let usable = |x: f64| if x.is_finite() && x > 0.0 { x } else { 0.0 };
        let mut bytes = Vec::new();
        let mut intervals = 0;
        let mut run = Run { count: 0.0, intervals: 0 };
        for count in counts.into_iter().map(usable) {
            intervals += 1;
            if count == run.count {
                run.intervals += 1;
            } else {
                write(&mut bytes, run);
                run = Run { count, intervals: 1 };
            }
        }
        write(&mut bytes, run);
        Self { interval, start, spread, scale: usable(scale), bytes: bytes.into(), intervals }
    }

    /// The same counts, scaled by `factor` once more.
    #[must_use]
    pub fn under_load(&self, factor: f64) -> Self {
        Self { scale: self.scale * factor, ..self.clone() }
    }

    /// The counts, one for each interval, before they are scaled.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.runs().flat_map(|run| (0..run.intervals).map(move |_| run.count))
    }

    /// How many intervals there are.
    #[must_use]
    pub fn intervals(&self) -> u64 {
        self.intervals
    }

    /// Bytes the counts take in memory.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Requests expected before `horizon`, scaled.
    #[must_use]
    pub fn expected_before(&self, horizon: SimTime) -> f64 {
        // In intervals, the last of which may be cut.
        let mut left = horizon.since(self.start).as_nanos() as f64 / self.interval.as_nanos().max(1) as f64;
        let mut sum = 0.0;
        for run in self.runs() {
            let part = (run.intervals as f64).min(left);
            sum += part * run.count;
            left -= part;
        }
        sum * self.scale
    }

    /// The same for each of these moments, which never fall, in one pass.
    pub(super) fn expected_before_each(&self, moments: impl Iterator<Item = SimTime>) -> Vec<f64> {
        let mut runs = self.runs();
        let mut run = runs.next();
        // In intervals and in requests: what lies before the run.
        let (mut passed, mut sum) = (0.0, 0.0);
        let before = |moment: SimTime| {
            let until = moment.since(self.start).as_nanos() as f64 / self.interval.as_nanos().max(1) as f64;
            while let Some(over) = run.filter(|run| passed + run.intervals as f64 <= until) {
                passed += over.intervals as f64;
                sum += over.count * over.intervals as f64;
                run = runs.next();
            }
            (sum + run.map_or(0.0, |run| (until - passed) * run.count)) * self.scale
        };
        moments.map(before).collect()
    }

    fn runs(&self) -> impl Iterator<Item = Run> {
        let mut at = 0;
        std::iter::from_fn(move || self.run(&mut at))
    }

    /// The run at a place of the storage, which moves behind it; none at the end.
    pub(super) fn run(&self, at: &mut usize) -> Option<Run> {
        let first = self.number(at)?;
        let count = if first & FRACTION == 0 {
            (first >> FLAG_BITS) as f64
        } else {
            let bits = self.bytes.get(*at..*at + 8)?;
            *at += 8;
            f64::from_le_bytes(bits.try_into().ok()?)
        };
        let intervals = if first & REPEATED == 0 { 1 } else { self.number(at)? };
        Some(Run { count, intervals })
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    fn number(&self, at: &mut usize) -> Option<u64> {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let byte = *self.bytes.get(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
            shift += 7;
        }
    }
}

fn write(bytes: &mut Vec<u8>, run: Run) {
    if run.intervals == 0 {
        return;
    }
    let repeated = if run.intervals > 1 { REPEATED } else { 0 };
    let whole = run.count.fract() == 0.0 && run.count < (1u64 << 53) as f64;
    if whole {
        write_number(bytes, (run.count as u64) << FLAG_BITS | repeated);
    } else {
        write_number(bytes, FRACTION | repeated);
        bytes.extend_from_slice(&run.count.to_le_bytes());
    }
    if run.intervals > 1 {
        write_number(bytes, run.intervals);
    }
}

fn write_number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(counts: &[f64]) -> Counts {
        Counts::new(Span::from_secs(60), SimTime::ZERO, Spread::Uniform, 1.0, counts.iter().copied())
    }

    proptest! {
        #[test]
        fn what_is_stored_comes_back(runs in prop::collection::vec((prop_oneof![
            Just(0.0), (0..1_000u64).prop_map(|n| n as f64), (0..u64::MAX).prop_map(|n| n as f64), 0.0..1e9f64], 0..5usize), 0..50)) {
            let counts: Vec<f64> = runs.iter().flat_map(|(count, times)| std::iter::repeat_n(*count, *times)).collect();
            let stored = stored(&counts);
            prop_assert_eq!(stored.intervals(), counts.len() as u64);
            prop_assert_eq!(stored.iter().collect::<Vec<_>>(), counts);
        }
    }

    #[test]
    fn days_are_small() {
        // Nothing all day: a number and a length of two bytes. One request each hour: three bytes for the hour.
        assert_eq!(stored(&[0.0; 1440]).stored_bytes(), 3);
        assert_eq!(stored(&[1.0; 1440]).stored_bytes(), 3);
        let hourly: Vec<f64> = (0..1440).map(|minute| if minute % 60 == 0 { 1.0 } else { 0.0 }).collect();
        assert_eq!(stored(&hourly).stored_bytes(), 24 * 3);
        assert_eq!(stored(&[]).stored_bytes(), 0);
    }

    #[test]
    fn what_is_no_count_is_none() {
        let stored = stored(&[f64::NAN, -1.0, f64::INFINITY, 2.5]);
        assert_eq!(stored.iter().collect::<Vec<_>>(), [0.0, 0.0, 0.0, 2.5]);
    }

    #[test]
    fn expected_requests_are_cut_at_the_horizon() {
        let mut counts = stored(&[6.0, 6.0, 0.0, 12.0]);
        counts.start = SimTime::from(Span::from_secs(60));
        counts.scale = 2.0;
        let at = |secs| counts.expected_before(SimTime::from(Span::from_secs(secs)));
        assert_eq!([0, 60, 90, 180, 240, 270, 300, 1000].map(at), [0.0, 0.0, 6.0, 24.0, 24.0, 36.0, 48.0, 48.0]);
    }
}
