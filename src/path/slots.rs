//! The items in progress in a component, in order of insertion. Memory grows with the number of items, not with the
//! length of the run.
//!
//! Items with the same timeout expire in the order in which they began, so one alarm, for the oldest, is enough.

use super::Token;

/// Identifies an item. No later item has the same key, so a late alarm cannot refer to a different one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    place: u32,
    lap: u32,
}

/// Bits of a token for the topic.
const TOPIC_BITS: u32 = 2;
/// No slot: the end of the list.
const NOWHERE: u32 = u32::MAX;

impl Key {
    /// A token about this item: one of four topics.
    pub(super) const fn token(self, topic: u32) -> Token {
        debug_assert!(topic < 1 << TOPIC_BITS && self.place < 1 << (32 - TOPIC_BITS));
        Token((self.lap as u64) << 32 | (self.place as u64) << TOPIC_BITS | topic as u64)
    }

    /// Its slot, below the largest number of items present at once.
    pub(super) const fn place(self) -> u32 {
        self.place
    }

    /// The item and the topic of a token.
    pub(super) const fn of(token: Token) -> (Self, u32) {
        let low = token.0 as u32;
        (Self { place: low >> TOPIC_BITS, lap: (token.0 >> 32) as u32 }, low & ((1 << TOPIC_BITS) - 1))
    }
}

/// Items in order of insertion, which can be removed in any order.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
    first: u32,
    last: u32,
}

#[derive(Debug)]
struct Place<T> {
    item: Option<T>,
    /// How many items have been in this slot before.
    lap: u32,
    before: u32,
    after: u32,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), first: NOWHERE, last: NOWHERE }
    }
}

impl<T> Slots<T> {
    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Appends an item.
    pub(super) fn insert(&mut self, item: T) -> Key {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { item: None, lap: 0, before: NOWHERE, after: NOWHERE });
            self.places.len() as u32 - 1
        });
        let before = std::mem::replace(&mut self.last, place);
        match self.places.get_mut(before as usize) {
            Some(last) => last.after = place,
            None => self.first = place,
        }
        let new = &mut self.places[place as usize];
        (new.item, new.before, new.after) = (Some(item), before, NOWHERE);
        Key { place, lap: new.lap }
    }

    /// Removes an item, if it is still there.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.place as usize).filter(|place| place.lap == key.lap)?;
        let item = place.item.take()?;
        // One bit less than would fit, so that tokens have a bit to spare.
        place.lap = (place.lap + 1) & (u32::MAX >> 1);
        let (before, after) = (place.before, place.after);
        match self.places.get_mut(before as usize) {
            Some(place) => place.after = after,
            None => self.first = after,
        }
        match self.places.get_mut(after as usize) {
            Some(place) => place.before = before,
            None => self.last = before,
        }
        self.free.push(key.place);
        Some(item)
    }

    /// The item with this key, if it is still there.
    pub(super) fn get(&self, key: Key) -> Option<&T> {
        self.places.get(key.place as usize).filter(|place| place.lap == key.lap)?.item.as_ref()
    }

    /// The same, mutable.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.places.get_mut(key.place as usize).filter(|place| place.lap == key.lap)?.item.as_mut()
    }

    /// The oldest item.
    pub(super) fn oldest(&self) -> Option<(Key, &T)> {
        self.at(self.first)
    }

    /// The newest item.
    pub(super) fn newest(&self) -> Option<(Key, &T)> {
        self.at(self.last)
    }

    /// The item in this slot.
    pub(super) fn at(&self, place: u32) -> Option<(Key, &T)> {
        let at = self.places.get(place as usize)?;
        Some((Key { place, lap: at.lap }, at.item.as_ref()?))
    }

    /// All items, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        std::iter::successors(self.oldest(), |(key, _)| self.at(self.places[key.place as usize].after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_order_whoever_goes() {
        let mut slots = Slots::default();
        let keys = [1, 2, 3, 4].map(|item| slots.insert(item));
        assert_eq!(slots.remove(keys[1]), Some(2));
        assert_eq!(slots.remove(keys[3]), Some(4));
        let fifth = slots.insert(5);
        assert_eq!(slots.iter().map(|(_, item)| *item).collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(slots.newest(), Some((fifth, &5)));
        assert_eq!(slots.remove(keys[0]), Some(1));
        assert_eq!(slots.oldest(), Some((keys[2], &3)));
        assert_eq!((slots.len(), slots.places.len()), (2, 4), "places are used again");
    }

    #[test]
    fn a_key_never_means_a_later_item() {
        let mut slots = Slots::default();
        let old = slots.insert('a');
        slots.remove(old);
        let new = slots.insert('b');
        assert_eq!((slots.get(old), slots.get(new)), (None, Some(&'b')));
        assert_eq!(slots.remove(old), None);
        assert_eq!(Key::of(new.token(3)), (new, 3));
        assert_ne!(old.token(0), new.token(0));
    }
}
