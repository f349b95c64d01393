//! A set of small numbers in order: one bit for each number up to the largest, and counts over blocks of them, so that the
//! first, the last and the nth are found without a look at all.

use std::ops::Range;

const WORD: usize = u64::BITS as usize;
/// Words in a block.
const BLOCK: usize = 64;

/// A set of numbers from 0. It takes memory in proportion to the largest that it ever held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    /// Members in each block.
    blocks: Vec<u32>,
    len: usize,
}

impl Bits {
    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.len
    }

    /// Whether `number` is among them.
    #[must_use]
    pub fn contains(&self, number: usize) -> bool {
        self.words.get(number / WORD).is_some_and(|word| word >> (number % WORD) & 1 == 1)
    }

    /// Adds or removes `number`; says whether that changed anything.
    pub fn set(&mut self, number: usize, is_member: bool) -> bool {
        if self.contains(number) == is_member {
            return false;
        }
        let word = number / WORD;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
            self.blocks.resize(word / BLOCK + 1, 0);
        }
        self.words[word] ^= 1 << (number % WORD);
        let block = &mut self.blocks[word / BLOCK];
        if is_member {
            *block += 1;
            self.len += 1;
        } else {
            *block -= 1;
            self.len -= 1;
        }
        true
    }

    /// The least member in a range.
    #[must_use]
    pub fn first_in(&self, range: Range<usize>) -> Option<usize> {
        let mut word = range.start / WORD;
        let mut bits = self.words.get(word)? & (u64::MAX << (range.start % WORD));
        while bits == 0 {
            word += 1;
            if word.is_multiple_of(BLOCK) {
                word = BLOCK * (word / BLOCK..self.blocks.len()).find(|block| self.blocks[*block] > 0)?;
            }
            bits = *self.words.get(word)?;
        }
        Some(word * WORD + bits.trailing_zeros() as usize).filter(|first| *first < range.end)
    }

    /// The members, greatest first.
    pub fn descending(&self) -> impl Iterator<Item = usize> {
        let blocks = self.blocks.iter().enumerate().rev().filter(|(_, members)| **members > 0);
        let words = blocks.flat_map(|(block, _)| (block * BLOCK..self.words.len().min((block + 1) * BLOCK)).rev());
        words.flat_map(|word| {
            let mut bits = self.words[word];
            std::iter::from_fn(move || {
                let last = bits.checked_ilog2()?;
                bits ^= 1 << last;
                Some(word * WORD + last as usize)
            })
        })
    }

    /// The member that `n` others are less than.
    #[must_use]
    pub fn nth(&self, n: usize) -> Option<usize> {
        let mut left = n;
        let skip = |left: &mut usize, members: u32| {
            let is_before = members as usize <= *left;
            *left -= if is_before { members as usize } else { 0 };
            is_before
        };
        let block = self.blocks.iter().position(|members| !skip(&mut left, *members))?;
        let words = &self.words[block * BLOCK..];
        let word = words.iter().position(|word| !skip(&mut left, word.count_ones()))?;
        let rest = (0..left).fold(words[word], |bits, _| bits & (bits - 1));
        Some((block * BLOCK + word) * WORD + rest.trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is done to it, it answers as a `BTreeSet` does.
        #[test]
        fn it_is_an_ordered_set(steps in prop::collection::vec((0_usize..20_000, prop::bool::weighted(0.6)), 0..400)) {
            let (mut bits, mut set) = (Bits::default(), BTreeSet::new());
            for (number, is_member) in steps {
                let is_news = if is_member { set.insert(number) } else { set.remove(&number) };
                prop_assert_eq!(bits.set(number, is_member), is_news);
                prop_assert_eq!(bits.count(), set.len());
                prop_assert_eq!(bits.contains(number), is_member);
                prop_assert!(bits.descending().eq(set.iter().rev().copied()));
                for range in [0..20_000, number..20_000, number + 1..20_000, number..number, 0..number] {
                    prop_assert_eq!(bits.first_in(range.clone()), set.range(range).next().copied());
                }
                for n in [0, 1, set.len() / 2, set.len().saturating_sub(1), set.len()] {
                    prop_assert_eq!(bits.nth(n), set.iter().nth(n).copied());
                }
            }
        }
    }

    #[test]
    fn nothing_is_in_an_empty_set() {
        let bits = Bits::default();
        assert_eq!(
            (bits.first_in(0..9), bits.descending().next(), bits.nth(0), bits.contains(3)),
            (None, None, None, false)
        );
    }
}
