//! What is under way in a component, in the order in which it began: its memory grows with what is in flight.
//!
//! What waits equally long ends in the order in which it began, so that one alarm, for the oldest, does for all of it.

use super::Token;

/// Where an item is. No later item has the same key, so that an alarm that comes too late does not mean another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    place: u32,
    lap: u32,
}

/// Bits of a token that say what it is about.
const TOPIC_BITS: u32 = 2;
/// No place: the end of the line.
const NOWHERE: u32 = u32::MAX;

impl Key {
    /// The number of something that is about this item: one of four topics.
    pub(super) const fn token(self, topic: u32) -> Token {
        debug_assert!(topic < 1 << TOPIC_BITS && self.place < 1 << (32 - TOPIC_BITS));
        Token((self.lap as u64) << 32 | (self.place as u64) << TOPIC_BITS | topic as u64)
    }

    /// Its number among the items that are there.
    pub(super) const fn place(self) -> u32 {
        self.place
    }

    /// What a token is about: the item and the topic.
    pub(super) const fn of(token: Token) -> (Self, u32) {
        let low = token.0 as u32;
        (Self { place: low >> TOPIC_BITS, lap: (token.0 >> 32) as u32 }, low & ((1 << TOPIC_BITS) - 1))
    }
}

/// Items in the order of their insertion, each of which may go at any time.
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
    /// How many items have been here before.
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
    /// Items there.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Puts an item behind the others.
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

    /// Takes an item out, if it is still there.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.place as usize).filter(|place| place.lap == key.lap)?;
        let item = place.item.take()?;
        // One bit less than there is room for, so that tokens have one to spare.
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

    /// An item, if it is still there.
    pub(super) fn get(&self, key: Key) -> Option<&T> {
        self.places.get(key.place as usize).filter(|place| place.lap == key.lap)?.item.as_ref()
    }

    /// The same to be changed.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.places.get_mut(key.place as usize).filter(|place| place.lap == key.lap)?.item.as_mut()
    }

    /// The item that has been there for longest.
    pub(super) fn oldest(&self) -> Option<(Key, &T)> {
        self.at(self.first)
    }

    /// The item that came last.
    pub(super) fn newest(&self) -> Option<(Key, &T)> {
        self.at(self.last)
    }

    /// The item with a number.
    pub(super) fn at(&self, place: u32) -> Option<(Key, &T)> {
        let at = self.places.get(place as usize)?;
        Some((Key { place, lap: at.lap }, at.item.as_ref()?))
    }

    /// All of them, the oldest first.
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
