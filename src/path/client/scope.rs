//! Scope of a budget or a breaker: all requests of the client, or those of one calling instance.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// One state for all, or one per calling instance.
pub(super) struct Scoped<T: ?Sized> {
    make: Box<dyn Fn() -> Box<T> + Send>,
    /// `None` with one state per instance.
    shared: Option<Box<T>>,
    /// By slot of the instance. A slot is reused when its instance is gone, so there are never more of them than
    /// instances.
    apart: HashMap<u32, Own<T>, FixedState>,
}

struct Own<T: ?Sized> {
    /// Which of the successive instances in this slot it is.
    instance: u64,
    /// Requests in progress.
    open: usize,
    state: Box<T>,
}

const fn place(instance: u64) -> u32 {
    (instance >> 32) as u32
}

impl<T: ?Sized> Scoped<T> {
    pub(super) fn new(is_apart: bool, make: impl Fn() -> Box<T> + Send + 'static) -> Self {
        Self { shared: (!is_apart).then(&make), make: Box::new(make), apart: HashMap::default() }
    }

    /// A request of an instance begins.
    pub(super) fn begin(&mut self, instance: u64) {
        if self.shared.is_some() {
            return;
        }
        let make = || Own { instance, open: 0, state: (self.make)() };
        let own = self.apart.entry(place(instance)).or_insert_with(make);
        if own.instance != instance {
            *own = make();
        }
        own.open += 1;
    }

    /// A request of an instance ends.
    pub(super) fn end(&mut self, instance: u64) {
        if let Some(own) = self.apart.get_mut(&place(instance)).filter(|own| own.instance == instance) {
            own.open = own.open.saturating_sub(1);
        }
    }

    /// The state of an instance; `None` if another one has taken its slot.
    pub(super) fn of(&mut self, instance: u64) -> Option<&mut T> {
        match &mut self.shared {
            Some(shared) => Some(shared),
            None => {
                let own = self.apart.get_mut(&place(instance)).filter(|own| own.instance == instance);
                own.map(|own| &mut *own.state)
            }
        }
    }

    /// How many of all requests in progress use that state.
    pub(super) fn open(&self, instance: u64, all: usize) -> usize {
        if self.shared.is_some() {
            return all;
        }
        self.apart.get(&place(instance)).filter(|own| own.instance == instance).map_or(0, |own| own.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_its_own_and_the_next_at_its_place_a_new_one() {
        let make = || -> Box<[u32]> { Box::new([0]) };
        let mut shared = Scoped::new(false, make);
        shared.begin(1 << 32);
        shared.of(1 << 32).expect("one")[0] = 7;
        assert_eq!((shared.of(2 << 32).expect("the same")[0], shared.open(2 << 32, 5)), (7, 5));

        let mut apart = Scoped::new(true, make);
        for instance in [1 << 32, 1 << 32, 2 << 32] {
            apart.begin(instance);
        }
        apart.of(1 << 32).expect("its own")[0] = 7;
        assert_eq!(apart.of(2 << 32).expect("its own")[0], 0);
        assert_eq!((apart.open(1 << 32, 9), apart.open(2 << 32, 9)), (2, 1));
        apart.begin(1 << 32 | 1);
        assert_eq!(apart.of(1 << 32 | 1).expect("a new one")[0], 0);
        assert!(apart.of(1 << 32).is_none(), "it is gone");
        apart.end(1 << 32);
        assert_eq!(apart.open(1 << 32 | 1, 9), 1);
    }
}
