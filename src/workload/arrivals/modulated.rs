//! Markov-modulated Poisson.

use rand_distr::{Distribution as _, Gamma};

use super::Clock;
use crate::rng::{Stream, standard_exponential};
use crate::schema::declare::*;
use crate::schema::limits::MAX_STATES;
use crate::schema::scalars::{PositiveDuration, RateOrZero};
use crate::time::{NANOS_PER_SECOND, SimTime};
use crate::workload::{ALL_ZERO, ArrivalSpec, MmppState, Process};

parameters! {
    /// Markov-modulated Poisson: successive states with different rates.
    pub struct MmppSpec {
        /// The states, in cyclic order.
        required states: List<StateSpec, 1, MAX_STATES>,
    }
}

parameters! {
    /// A state of a Markov-modulated Poisson process.
    pub struct StateSpec {
        /// Requests per unit of time in this state; may be "0/s".
        required rate: RateOrZero,
        /// Mean time in this state.
        required stay: PositiveDuration,
    }
}

impl MmppSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.states.iter().all(|state| state.rate == 0.0) {
            check.fault("states", ALL_ZERO);
        }
    }
}

impl Process for MmppSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        let state = |state: &StateSpec| MmppState { rate: state.rate, stay: state.stay };
        Some(ArrivalSpec::Mmpp { states: self.states.iter().map(state).collect() })
    }
}

/// Passes through the states in a circle, starting in the first.
///
/// A stay ends with a request at rate r or with a change of state at rate 1 / stay, after Exp(r + 1 / stay) either way,
/// and without a request with probability 1 / (1 + r stay). So the number of stays before the next request is decided
/// by one exponential draw, spent at ln(1 + r stay) a stay; whole rounds are skipped at once, their time being gamma.
pub(super) struct Mmpp {
    states: Box<[State]>,
    /// What a round without a request costs.
    round: f64,
    current: usize,
    clock: Clock,
    stream: Stream,
}

struct State {
    /// -ln of the probability that a stay brings no request.
    hazard: f64,
    /// Until the next request or change of state.
    mean_ns: f64,
}

impl Mmpp {
    pub(super) fn new(states: &[MmppState], stream: Stream) -> Self {
        let states: Box<[State]> = states
            .iter()
            .map(|state| {
                let stay_ns = state.stay.as_nanos() as f64;
                let requests = state.rate / NANOS_PER_SECOND as f64 * stay_ns;
                State { hazard: requests.ln_1p(), mean_ns: stay_ns / (1.0 + requests) }
            })
            .collect();
        let round = states.iter().map(|state| state.hazard).sum();
        Self { states, round, current: 0, clock: Clock::default(), stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        if self.round <= 0.0 {
            return None;
        }
        let draw = standard_exponential(&mut self.stream);
        let rounds = (draw / self.round).floor();
        let mut left = draw - rounds * self.round;
        let mut gap = 0.0;
        if rounds > 0.0 {
            for state in &self.states {
                gap += state.mean_ns * Gamma::new(rounds, 1.0).ok()?.sample(&mut self.stream);
            }
        }
        loop {
            let state = &self.states[self.current];
            gap += state.mean_ns * standard_exponential(&mut self.stream);
            if left < state.hazard {
                return self.clock.advance(gap);
            }
            left -= state.hazard;
            self.current = (self.current + 1) % self.states.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::time::Span;
    use crate::workload::{ArrivalSpec, MmppState};

    fn spec(states: &[(f64, f64)]) -> ArrivalSpec {
        let state = |(rate, stay): &(f64, f64)| MmppState { rate: *rate, stay: Span::from_secs_f64(*stay).unwrap() };
        ArrivalSpec::Mmpp { states: states.iter().map(state).collect() }
    }

    #[test]
    fn rate_and_dispersion_of_two_states_are_those_of_the_formulas() {
        // Fischer and Meier-Hellstern (1993): with p the shares of time, m the mean rate, d the difference of the
        // rates and r the sum of the rates of change, the variance of the requests in a window t over their mean is
        // 1 + 2 p1 p2 d^2 / (m r) (1 - (1 - e^(-r t)) / (r t)).
        for (rates, stays, window) in [([20.0, 2.0], [3.0, 6.0], 4.0), ([30.0, 0.0], [1.0, 4.0], 2.0)] {
            let share = stays[0] / (stays[0] + stays[1]);
            let mean = rates[0] * share + rates[1] * (1.0 - share);
            let change: f64 = 1.0 / stays[0] + 1.0 / stays[1];
            let difference: f64 = rates[0] - rates[1];
            let x = change * window;
            let expected = 1.0
                + 2.0 * share * (1.0 - share) * difference.powi(2) / (mean * change) * (1.0 - (1.0 - (-x).exp()) / x);
            let (mut means, mut dispersions) = (Vec::new(), Vec::new());
            for seed in 0..200 {
                let all = until(&spec(&[(rates[0], stays[0]), (rates[1], stays[1])]), seed, 2000.0);
                let counts: Vec<f64> = counts(&all, window).split_off(50); // the start in the first state is forgotten
                means.push(average(&counts) / window);
                let about: Vec<f64> = counts.iter().map(|n| (n - mean * window).powi(2)).collect();
                dispersions.push(average(&about) / (mean * window));
            }
            assert_mean(&means, mean);
            assert_mean(&dispersions, expected);
        }
    }

    #[test]
    fn states_that_fly_by_are_one_poisson_process() {
        // Rounds of 5 us at a mean rate of 2 per second: a hundred thousand rounds for one request, skipped at once.
        // The correlation that remains is of the order of 1e-5.
        let times = take(&spec(&[(0.0, 4e-6), (10.0, 1e-6)]), 5, 100_000);
        assert_exponential(&scaled_gaps(&times, 2.0));
    }

    #[test]
    fn a_single_state_is_poisson_and_none_with_a_rate_is_nothing() {
        let times = take(&spec(&[(7.0, 2.0)]), 6, 100_000);
        assert_exponential(&scaled_gaps(&times, 7.0));
        assert!(take(&spec(&[(0.0, 2.0), (0.0, 1.0)]), 6, 1).is_empty());
    }
}
