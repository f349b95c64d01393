//! Halving: half of a function's idle instances are removed every period.

use super::{KeepAlive, Policy, View, Window};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::PositiveDuration;
use crate::time::Span;

parameters! {
    /// Half of a function's idle instances are removed every period.
    pub struct HalvingSpec {
        /// The period, 380 s as measured on AWS Lambda in 2021.
        default period: PositiveDuration = Span::from_secs(380),
    }
}

impl Policy for HalvingSpec {
    fn build(&self, _: &dyn Fn() -> Stream) -> Window {
        Window::Asked(Box::new(Halving::new(self.period)))
    }
}

/// As measured on AWS Lambda in 2021: of n idle instances, ceil(n / 2) are left after a period of 380 s, and of one
/// none, regardless of memory or language (Copik et al., SeBS, Middleware 2021, container eviction data; true of 88 %
/// of 22,202 probes): 3, 2, 1, 0; 5, 3, 2, 1, 0; 9, 5, 3, 2, 1, 0.
///
/// The measurement shows how many remain, not which ones or when the periods begin. In this model the p-th instance to
/// become idle stays for a number of periods that gives the right count however many follow it: one more period for as
/// long as p instances leave one more than p - 1 do. Under steady traffic the windows average about two periods, which
/// agrees with the 10 minutes and more measured there.
#[derive(Clone, Copy, Debug)]
struct Halving {
    period: Span,
}

impl Halving {
    /// Half of the idle instances go every `period`.
    const fn new(period: Span) -> Self {
        Self { period }
    }
}

impl KeepAlive for Halving {
    fn window(&mut self, view: &View) -> Span {
        let (mut with, mut without) = (view.idle.max(1), view.idle.max(1) - 1);
        let mut periods = 1;
        loop {
            (with, without) = (left(with), left(without));
            if with == without {
                return Span::from_nanos(self.period.as_nanos().saturating_mul(periods));
            }
            periods += 1;
        }
    }
}

/// How many idle instances are left after a period, of this many.
const fn left(idle: u32) -> u32 {
    if idle == 1 { 0 } else { idle.div_ceil(2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SimTime;

    /// How many instances are left after each period, of this many that become idle at the same time.
    fn left_of(idle: u32) -> Vec<usize> {
        let mut policy = Halving::new(Span::from_secs(380));
        let windows: Vec<Span> =
            (1..=idle).map(|idle| policy.window(&View { now: SimTime::ZERO, idle, busy: 0 })).collect();
        let after = |periods: u64| windows.iter().filter(|window| **window > Span::from_secs(380 * periods)).count();
        (0..).map(after).take_while(|left| *left > 0).collect()
    }

    #[test]
    fn as_many_are_left_as_were_measured() {
        assert_eq!(left_of(1), [1]);
        assert_eq!(left_of(3), [3, 2, 1]);
        assert_eq!(left_of(5), [5, 3, 2, 1]);
        assert_eq!(left_of(9), [9, 5, 3, 2, 1]);
        assert_eq!(left_of(20), [20, 10, 5, 3, 2, 1]);
    }

    #[test]
    fn half_of_any_number_rounded_up_are_left_and_of_one_none() {
        for idle in 1..=300 {
            for pair in left_of(idle).windows(2) {
                assert_eq!(pair[1], pair[0].div_ceil(2), "of {idle}");
            }
            assert_eq!(left_of(idle).last(), Some(&1), "of {idle}");
        }
    }
}
