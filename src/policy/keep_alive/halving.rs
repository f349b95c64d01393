//! Halving: of a function's idle instances half go every period.

use super::{KeepAlive, Policy, View, Window};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::PositiveDuration;
use crate::time::Span;

parameters! {
    /// Of a function's idle instances half go every period.
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

/// What AWS Lambda was measured to do in 2021: of D instances that fall idle together, floor(D / 2^k) are left after k
/// periods of 380 s, whatever their memory or language (Copik et al., SeBS, Middleware 2021, container eviction data).
///
/// The measurement tells how many remain, not which or by what clock. This model gives the instance that is the p-th to
/// be idle a window of (1 + z) periods, z being the number of trailing zero bits of p: of 1..=D exactly floor(D / 2^k)
/// numbers have z >= k. A single idle instance goes after one period, and under steady traffic windows average two
/// periods, which fits the 10 minutes and more that were measured there.
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
        let periods = 1 + u64::from(view.idle.max(1).trailing_zeros());
        Span::from_nanos(self.period.as_nanos().saturating_mul(periods))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SimTime;

    #[test]
    fn after_k_periods_the_kth_part_of_two_is_left() {
        let mut policy = Halving::new(Span::from_secs(380));
        for idle in 1..=100u32 {
            let windows: Vec<Span> =
                (1..=idle).map(|idle| policy.window(&View { now: SimTime::ZERO, idle, busy: 0 })).collect();
            for periods in 1..8u32 {
                let left = windows.iter().filter(|window| **window > Span::from_secs(380 * u64::from(periods))).count();
                assert_eq!(left as u32, idle >> periods, "{idle} idle, {periods} periods");
            }
        }
    }
}
