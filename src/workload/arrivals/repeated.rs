//! Given requests, repeated or left out in turn.

use super::{Arrival, Arrivals};
use crate::time::Span;

/// Request k of `of` comes floor((k + 1) f) - floor(k f) times: the number is right at any moment, without chance. Repeated
/// ones lie evenly between it and the next, so that what came one by one does not come in batches.
pub(super) struct Repeated {
    pub(super) of: Arrivals,
    factor: f64,
    taken: u64,
    current: Option<Arrival>,
    following: Option<Arrival>,
    copies: u64,
    copy: u64,
}

impl Repeated {
    pub(super) fn new(mut of: Arrivals, factor: f64) -> Self {
        let following = of.next();
        Self { of, factor, taken: 0, current: None, following, copies: 0, copy: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Arrival> {
        while self.copy >= self.copies {
            self.current = std::mem::replace(&mut self.following, self.of.next());
            self.current?;
            let before = (self.taken as f64 * self.factor).floor();
            self.taken += 1;
            self.copies = ((self.taken as f64 * self.factor).floor() - before) as u64;
            self.copy = 0;
        }
        let arrival = self.current?;
        let gap = self.following.map_or(Span::ZERO, |next| next.at.since(arrival.at));
        let part = u128::from(gap.as_nanos()) * u128::from(self.copy) / u128::from(self.copies);
        self.copy += 1;
        Some(Arrival { at: arrival.at + Span::from_nanos(part as u64), ..arrival })
    }
}
