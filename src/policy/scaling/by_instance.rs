//! What a policy remembers about each of its instances.

use crate::id::InstanceId;

/// A map from instances, in the order of their creation. In a list without gaps an instance is found by its number.
#[derive(Clone, Debug)]
pub(super) struct ByInstance<T>(Vec<(InstanceId, T)>);

impl<T> Default for ByInstance<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByInstance<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one, usually the newest.
    pub(super) fn insert(&mut self, instance: InstanceId, value: T) {
        match self.position(instance) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (instance, value)),
        }
    }

    pub(super) fn remove(&mut self, instance: InstanceId) -> Option<T> {
        let place = self.position(instance).ok()?;
        Some(self.0.remove(place).1)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, instance: InstanceId) -> Option<&mut T> {
        let place = self.position(instance).ok()?;
        Some(&mut self.0[place].1)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (InstanceId, &mut T)> {
        self.0.iter_mut().map(|(instance, value)| (*instance, value))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Where an instance is, or where it belongs.
    #[inline]
    fn position(&self, instance: InstanceId) -> Result<usize, usize> {
        position(&self.0, instance, |(id, _)| *id)
    }
}

/// The position of an instance in a list sorted by `id`, or the one where it belongs.
#[inline]
pub fn position<T>(sorted: &[T], instance: InstanceId, id: impl Fn(&T) -> InstanceId) -> Result<usize, usize> {
    let guess = sorted.first().and_then(|first| usize::try_from(instance.0.checked_sub(id(first).0)?).ok());
    match guess {
        Some(guess) if sorted.get(guess).is_some_and(|found| id(found) == instance) => Ok(guess),
        _ => sorted.binary_search_by_key(&instance, id),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0_u8..3, 0_u64..12), 0..100)) {
            let (mut map, mut plain) = (ByInstance::default(), BTreeMap::new());
            for (number, (step, id)) in steps.into_iter().enumerate() {
                match step {
                    0 => prop_assert_eq!(map.remove(InstanceId(id)), plain.remove(&id)),
                    _ => {
                        map.insert(InstanceId(id), number);
                        plain.insert(id, number);
                    }
                }
                prop_assert_eq!((map.len(), map.is_empty()), (plain.len(), plain.is_empty()));
                prop_assert!(map.values().eq(plain.values()));
                for id in 0..12 {
                    prop_assert_eq!(map.get_mut(InstanceId(id)), plain.get_mut(&id));
                }
                prop_assert!(map.iter_mut().map(|(id, value)| (id.0, *value)).eq(plain.clone()));
            }
        }
    }
}
