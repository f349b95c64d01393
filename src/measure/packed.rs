//! The numbers of a function over many replications, in about a third of their size and without loss.
//!
//! A replication leaves some ninety numbers of a function. Many are zero, or the same as another of the same replication
//! (where nobody queued, what was waited for is the cold start); the others begin or end with the same bytes as in the
//! replication before. A number is a word of 64 bits with a tag of four, which says how it follows from those before it.

use super::replication::{FunctionMeasures, Record};
use super::stability::Tipped;
use super::summary::Shape;
use super::tally::{LIMITS, LatencyOfAll};
use crate::metric::Stability;

/// The word is zero.
const ZERO: u8 = 0;
/// It is the same as in the replication before.
const SAME: u8 = 1;
/// It is the same as an earlier one of this replication, whose place follows in one byte.
const EARLIER: u8 = 2;
/// It differs from the replication before only in its 1 to 8 lowest bytes, which follow: 3 to 10.
const LOW: u8 = 2;
/// It differs only in its 1 to 5 highest bytes, which follow: 11 to 15.
const HIGH: u8 = 10;
const HIGH_MAX: usize = 5;

/// Where a number would take more bytes than this, an equal one is looked for.
const WORTH_A_LOOK: usize = 2;

/// A chunk of replications takes so many bytes: enough to waste little of the last one.
const CHUNK: usize = 4096;

/// The numbers of one function, replication by replication.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    /// Whole replications, in chunks that never move: memory that is copied as it grows is there twice. The first are small,
    /// because there are many functions with few replications.
    chunks: Vec<Vec<u8>>,
    /// The words of the last replication.
    last: Vec<u64>,
}

impl Packed {
    /// Adds those of the next replication.
    pub(super) fn push(&mut self, measures: &FunctionMeasures) {
        let words = words_of(measures);
        self.last.resize(words.len(), 0);
        let mut bytes = vec![0; words.len().div_ceil(2)];
        for (place, (word, last)) in words.iter().zip(&self.last).enumerate() {
            let differs = word ^ last;
            let low = size_of::<u64>() - differs.leading_zeros() as usize / 8;
            let high = size_of::<u64>() - differs.trailing_zeros() as usize / 8;
            let earlier = || words[..place].iter().position(|one| one == word);
            let tag = if *word == 0 {
                ZERO
            } else if differs == 0 {
                SAME
            } else if low.min(high) > WORTH_A_LOOK
                && let Some(earlier) = earlier()
            {
                bytes.push(earlier as u8);
                EARLIER
            } else if high < low && high <= HIGH_MAX {
                bytes.extend_from_slice(&differs.to_be_bytes()[..high]);
                HIGH + high as u8
            } else {
                bytes.extend_from_slice(&differs.to_le_bytes()[..low]);
                LOW + low as u8
            };
            bytes[place / 2] |= tag << (4 * (place % 2));
        }
        self.last = words;
        match self.chunks.last_mut().filter(|chunk| chunk.capacity() - chunk.len() >= bytes.len()) {
            Some(chunk) => chunk.extend_from_slice(&bytes),
            None => {
                let before: usize = self.chunks.iter().map(Vec::len).sum();
                let mut chunk = Vec::with_capacity(before.min(CHUNK).max(bytes.len()));
                chunk.extend_from_slice(&bytes);
                self.chunks.push(chunk);
            }
        }
    }

    /// All of them, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = FunctionMeasures> {
        let mut chunks = self.chunks.iter();
        let mut rest: &[u8] = &[];
        let mut words = vec![0; self.last.len()];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                rest = chunks.next()?;
            }
            let (tags, mut bytes) = rest.split_at(words.len().div_ceil(2));
            let mut take = |count: usize| {
                let (taken, left) = bytes.split_at(count);
                bytes = left;
                taken
            };
            for place in 0..words.len() {
                let tag = tags[place / 2] >> (4 * (place % 2)) & 15;
                words[place] = match tag {
                    ZERO => 0,
                    SAME => words[place],
                    EARLIER => words[usize::from(take(1)[0])],
                    _ => {
                        let is_high = tag > HIGH;
                        let count = usize::from(tag - if is_high { HIGH } else { LOW });
                        let mut differs = [0; size_of::<u64>()];
                        differs[..count].copy_from_slice(take(count));
                        words[place] ^ if is_high { u64::from_be_bytes(differs) } else { u64::from_le_bytes(differs) }
                    }
                };
            }
            rest = bytes;
            Some(measures_of(&words))
        })
    }
}

/// All its numbers, always as many and in the same order.
fn words_of(measures: &FunctionMeasures) -> Vec<u64> {
    let FunctionMeasures { record, throttled, queue_full, gave_up, cut_off, tipped } = measures;
    let Record { shape, latency_of_all, by_path } = record;
    let Tipped { verdict, since_s } = tipped;
    let mut words = Vec::new();
    shape.visit(|_, value| words.push(value.to_bits()));
    words.push(u64::from(latency_of_all.is_some()));
    let of_all = |place| latency_of_all.as_ref().map_or(0.0, |all: &LatencyOfAll| all.values()[place]);
    words.extend((0..LatencyOfAll::keys().count()).map(|place| of_all(place).to_bits()));
    words.extend(by_path);
    words.extend(throttled);
    words.extend([*queue_full, *gave_up, *cut_off]);
    words.push(match verdict {
        Stability::Stable => 0,
        Stability::Backlogged => 1,
        Stability::Overloaded => 2,
    });
    words.push(u64::from(since_s.is_some()));
    words.push(since_s.unwrap_or_default().to_bits());
    words
}

/// The numbers that became these words.
fn measures_of(words: &[u64]) -> FunctionMeasures {
    let mut words = words.iter().copied();
    let mut next = || words.next().unwrap_or_default();
    let shape = Shape::build(|_| f64::from_bits(next()));
    let is_there = next() == 1;
    let of_all: Vec<f64> = LatencyOfAll::keys().map(|_| f64::from_bits(next())).collect();
    let latency_of_all = is_there.then(|| LatencyOfAll::of(of_all));
    let by_path = std::array::from_fn(|_| next());
    let throttled: [u64; LIMITS.len()] = std::array::from_fn(|_| next());
    let [queue_full, gave_up, cut_off] = std::array::from_fn(|_| next());
    let verdict = match next() {
        0 => Stability::Stable,
        1 => Stability::Backlogged,
        _ => Stability::Overloaded,
    };
    let has_tipped = next() == 1;
    let since_s = f64::from_bits(next());
    let tipped = Tipped { verdict, since_s: has_tipped.then_some(since_s) };
    let record = Record { shape, latency_of_all, by_path };
    FunctionMeasures { record, throttled, queue_full, gave_up, cut_off, tipped }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words as they are: zero, small numbers, fractions, the same again, anything at all.
    fn any_words() -> impl Strategy<Value = Vec<u64>> {
        let word = prop_oneof![
            Just(0),
            0..1000_u64,
            (0..100_000_u32).prop_map(|count| f64::from(count).to_bits()),
            (0.0..1e3).prop_map(f64::to_bits),
            Just(f64::NAN.to_bits()),
            Just(0.25_f64.to_bits()),
            any::<u64>(),
        ];
        prop::collection::vec(word, words_of(&measures_of(&[])).len())
    }

    /// The same numbers; NaN is not equal to itself, but its bits are.
    fn bits(measures: &FunctionMeasures) -> Vec<u64> {
        words_of(measures)
    }

    proptest! {
        #[test]
        fn what_is_unpacked_is_what_was_packed(all in prop::collection::vec(any_words(), 0..5)) {
            let all: Vec<FunctionMeasures> = all.iter().map(|words| measures_of(words)).collect();
            let mut packed = Packed::default();
            all.iter().for_each(|one| packed.push(one));
            prop_assert!(packed.iter().map(|one| bits(&one)).eq(all.iter().map(bits)));
        }
    }

    #[test]
    fn every_verdict_comes_back() {
        for tipped in [
            Tipped::default(),
            Tipped { verdict: Stability::Backlogged, since_s: Some(5.0) },
            Tipped { verdict: Stability::Overloaded, since_s: Some(0.0) },
        ] {
            let measures = FunctionMeasures { tipped, ..measures_of(&[]) };
            assert_eq!(measures_of(&words_of(&measures)).tipped, tipped);
        }
    }

    #[test]
    fn the_same_again_takes_a_tag() {
        let words: Vec<u64> = (0..words_of(&measures_of(&[])).len() as u64).map(|place| place << 40 | 1).collect();
        let (mut packed, measures) = (Packed::default(), measures_of(&words));
        packed.push(&measures);
        packed.push(&measures);
        assert_eq!(packed.chunks[1].len(), words.len().div_ceil(2));
    }
}
