//! A list whose slots are reused: memory grows with the number of live items, not with the total.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

/// The index of an item in its slab. A key does not identify the item: it is only kept while the item is known to live,
/// or checked against the item's own data.
pub(super) struct Key<T> {
    index: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// The key of no item: the end of a list.
    pub(super) const NIL: Self = Self::new(u32::MAX);

    /// As an event carries it.
    #[inline]
    pub(super) const fn new(index: u32) -> Self {
        Self { index, of: PhantomData }
    }

    #[inline]
    pub(super) const fn get(self) -> u32 {
        self.index
    }

    #[inline]
    pub(super) const fn index(self) -> usize {
        self.index as usize
    }

    #[inline]
    pub(super) const fn is_nil(self) -> bool {
        self.index == u32::MAX
    }
}

// Implemented by hand, because a derive would require the same of `T`.
impl<T> Clone for Key<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl<T> Eq for Key<T> {}

impl<T> PartialOrd for Key<T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Key<T> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.index.cmp(&other.index)
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)
    }
}

/// Items by key; the most recently freed slot is reused first, so that memory stays in the cache.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<T>,
    free: Vec<Key<T>>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Items alive.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The keys of all live items, in order. Not for every event: it sorts the free list.
    pub(super) fn keys(&self) -> Vec<Key<T>> {
        let free: BTreeSet<Key<T>> = self.free.iter().copied().collect();
        (0..self.places.len() as u32).map(Key::new).filter(|key| !free.contains(key)).collect()
    }

    /// Inserts an item and returns its key.
    #[inline]
    pub(super) fn insert(&mut self, item: T) -> Key<T> {
        if let Some(key) = self.free.pop() {
            self.places[key.index()] = item;
            key
        } else {
            let key = Key::new(u32::try_from(self.places.len()).expect("fewer than 2^32 items are alive at a time"));
            debug_assert!(!key.is_nil());
            self.places.push(item);
            key
        }
    }

    /// Frees a slot. Its item stays readable until the slot is reused.
    #[inline]
    pub(super) fn remove(&mut self, key: Key<T>) {
        self.free.push(key);
    }

    #[inline]
    pub(super) fn get(&self, key: Key<T>) -> &T {
        &self.places[key.index()]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: Key<T>) -> &mut T {
        &mut self.places[key.index()]
    }
}
