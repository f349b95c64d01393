//! Which function a row is of.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// The places of functions by their keys. A short key is kept where it is looked up, so that nothing else must be read to compare it.
#[derive(Default)]
pub(super) struct Places {
    short: HashMap<u128, u32, FixedState>,
    long: HashMap<Box<[u8]>, u32, FixedState>,
}

impl Places {
    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Option<u32> {
        match short(key) {
            Some(key) => self.short.get(&key),
            None => self.long.get(key),
        }
        .copied()
    }

    pub(super) fn insert(&mut self, key: &[u8], place: u32) {
        match short(key) {
            Some(key) => self.short.insert(key, place),
            None => self.long.insert(Box::from(key), place),
        };
    }

    pub(super) fn clear(&mut self) {
        self.short.clear();
        self.long.clear();
    }
}

/// A key of at most 15 bytes as a number, with its length in the highest byte.
#[inline]
fn short(key: &[u8]) -> Option<u128> {
    // Two words that overlap cover it.
    let bytes = match (key.first_chunk(), key.last_chunk(), key.first_chunk(), key.last_chunk()) {
        (Some(first), Some(last), ..) if key.len() < 16 => {
            let last = u128::from(u64::from_le_bytes(*last));
            u128::from(u64::from_le_bytes(*first)) | last << (8 * (key.len() - 8))
        }
        (None, None, Some(first), Some(last)) => {
            let last = u128::from(u32::from_le_bytes(*last));
            u128::from(u32::from_le_bytes(*first)) | last << (8 * (key.len() - 4))
        }
        (None, ..) => key.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte)),
        _ => return None,
    };
    Some(bytes | (key.len() as u128) << 120)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_short_key_is_its_bytes_and_its_length(key in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut bytes = [0; 16];
            let wanted = (key.len() < 16).then(|| {
                bytes[..key.len()].copy_from_slice(&key);
                bytes[15] = key.len() as u8;
                u128::from_le_bytes(bytes)
            });
            prop_assert_eq!(short(&key), wanted);
        }

        #[test]
        fn a_key_is_found_where_it_was_put(keys in prop::collection::hash_set("[ab]{0,20}", 0..30)) {
            let mut places = Places::default();
            for (place, key) in keys.iter().enumerate() {
                prop_assert_eq!(places.get(key.as_bytes()), None);
                places.insert(key.as_bytes(), place as u32);
            }
            for (place, key) in keys.iter().enumerate() {
                prop_assert_eq!(places.get(key.as_bytes()), Some(place as u32));
            }
        }
    }
}
