//! A list whose places are used again: memory grows with what is alive, not with what ever was.

/// Items in numbered places; the place freed last is used first, so that memory stays warm.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<T>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Items alive.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Puts an item somewhere and says where.
    #[inline]
    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = item;
            place
        } else {
            let place = u32::try_from(self.places.len()).expect("fewer than 2^32 items are alive at a time");
            self.places.push(item);
            place
        }
    }

    /// Frees a place. What lies there stays readable until the place is used again.
    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        self.free.push(place);
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> &T {
        &self.places[place as usize]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> &mut T {
        &mut self.places[place as usize]
    }
}
