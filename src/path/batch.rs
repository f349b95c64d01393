//! Several parcels as one.

use super::Parcel;
use crate::time::Span;

/// The batch as its processor sees it: the first of its parcels, with the durations and sizes of all, and poisonous if
/// any of them is.
pub(super) fn together(parcels: impl Iterator<Item = Parcel>) -> Option<Parcel> {
    parcels.reduce(|all, one| Parcel {
        items: all.items.saturating_add(one.items),
        is_poison: all.is_poison || one.is_poison,
        bytes: all.bytes.saturating_add(one.bytes),
        answer_bytes: all.answer_bytes.saturating_add(one.answer_bytes),
        service: all.service.map_or(one.service, |span| Some(span + one.service.unwrap_or(Span::ZERO))),
        ..all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_known_by_its_first_and_takes_as_long_as_all() {
        let one = |number, service, is_poison| Parcel { service, is_poison, ..Parcel::one(3, number) };
        let span = |secs| Some(Span::from_secs(secs));
        let all = together([one(7, span(2), false), one(8, None, true), one(9, span(1), false)].into_iter());
        assert_eq!(all, Some(Parcel { items: 3, is_poison: true, service: span(3), ..Parcel::one(3, 7) }));
        let unsaid = together([one(7, None, false), one(8, None, false)].into_iter());
        assert_eq!(unsaid, Some(Parcel { items: 2, ..Parcel::one(3, 7) }));
        assert_eq!(together(std::iter::empty()), None);
    }
}
