//! Prefetching of data that is needed soon, so that one can wait for much of it at once. It changes no result.

use prefetch_index::prefetch_index;

/// Asks for the cache line in which a value begins, and does not wait for it.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_index(std::slice::from_ref(value), 0);
}
