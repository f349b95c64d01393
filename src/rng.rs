//! Random streams that do not disturb each other.
//!
//! A stream is a function of seed, replication, owner *name* and purpose, so that adding a function to a scenario moves
//! no other function's numbers, and the same request has the same draws under every policy. Draws that are rarely used
//! (a cold start's) come from [`KeyedStreams`], a keyed family with one tiny stream for each request: as if drawn at birth,
//! but free until they are used.

use std::ops::{Deref, DerefMut};

use rand::Rng;
use rand_distr::{Distribution as _, Exp1, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::hash::fnv1a;

/// The generator behind every stream.
pub type Stream = Xoshiro256PlusPlus;

/// A stream while a block of numbers is drawn from it in one place of the program: a copy, so that its state may stay in
/// registers, and of a type for every `PLACE`, so that what draws from it is compiled into that place and nowhere else.
pub struct Block<const PLACE: u8>(Stream);

impl<const PLACE: u8> Block<PLACE> {
    /// Lends a stream to `draw`.
    #[inline(always)]
    pub fn lend<T>(stream: &mut Stream, draw: impl FnOnce(&mut Self) -> T) -> T {
        let mut block = Self(stream.clone());
        let drawn = draw(&mut block);
        *stream = block.0;
        drawn
    }
}

impl<const PLACE: u8> Deref for Block<PLACE> {
    type Target = Stream;

    #[inline(always)]
    fn deref(&self) -> &Stream {
        &self.0
    }
}

impl<const PLACE: u8> DerefMut for Block<PLACE> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Stream {
        &mut self.0
    }
}

/// A value of the exponential distribution with mean 1.
#[inline(always)]
pub fn standard_exponential(rng: &mut impl Rng) -> f64 {
    // Not `rng.sample(Exp1)`, which would remain a call for every request.
    Exp1.sample(rng)
}

/// A value of the normal distribution with mean 0 and variance 1.
#[inline(always)]
pub fn standard_normal(rng: &mut impl Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// The version of the derivation below. Changing it changes every result.
pub const DERIVATION_VERSION: u64 = 1;

/// What a stream is drawn for; different purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The gaps between a source's requests.
    Arrivals = 1,
    /// The service times of a source's requests.
    Service = 2,
    /// What a request draws if it has to wait for an instance of its own.
    ColdStart = 3,
    /// A selection rule or policy that tosses coins.
    Policy = 4,
    /// The making of synthetic workloads.
    Population = 5,
    /// The choices of an experiment (bootstrap, designs).
    Experiment = 6,
    /// A scaling policy that tosses coins.
    Scaling = 7,
    /// A keep-alive policy that tosses coins.
    KeepAlive = 8,
    /// What is in progress at the start of the run.
    Initial = 9,
    /// Where a load balancer sends requests.
    Routing = 10,
    /// The choices of a component of the path.
    Path = 12,
    /// The durations of attempts that a path leads to a function.
    Attempts = 13,
    /// What the steps of a function take.
    Steps = 14,
    /// Whether runs of a function fail.
    Failures = 15,
    /// How large the requests of a source are.
    Payload = 16,
    /// Machines: where pods are placed, how long nodes boot, what becomes of them.
    Nodes = 17,
    /// How many tokens requests have.
    Tokens = 18,
}

/// The root of all streams of one replication.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    root: u64,
}

/// The seed of one of many experiments under a common seed.
#[must_use]
pub fn seed_of(seed: u64, number: u64) -> u64 {
    mix(mix(seed ^ DERIVATION_VERSION.rotate_left(32)).wrapping_add(number).rotate_left(17))
}

impl Streams {
    /// The streams of replication `replication` under `seed`.
    #[must_use]
    pub fn new(seed: u64, replication: u32) -> Self {
        let root = mix(mix(seed ^ DERIVATION_VERSION.rotate_left(32)).wrapping_add(u64::from(replication)));
        Self { root }
    }

    /// The stream of `owner` (a name of the scenario) for `purpose`.
    #[must_use]
    pub fn stream(&self, owner: &str, purpose: Purpose) -> Stream {
        Stream::seed_from_u64(self.key(owner, purpose))
    }

    /// The keyed family of `owner` for `purpose`, one small stream for each request.
    #[must_use]
    pub fn marks(&self, owner: &str, purpose: Purpose) -> KeyedStreams {
        KeyedStreams { key: self.key(owner, purpose) }
    }

    fn key(&self, owner: &str, purpose: Purpose) -> u64 {
        // FNV-1a over the name, then two rounds of mixing: names differ in few bits.
        mix(mix(self.root ^ fnv1a(owner.as_bytes())).wrapping_add(purpose as u64))
    }
}

/// One tiny stream for each request of a source.
#[derive(Clone, Copy, Debug)]
pub struct KeyedStreams {
    key: u64,
}

impl KeyedStreams {
    /// The stream of request number `request`.
    #[inline]
    #[must_use]
    pub fn of(&self, request: u64) -> Stream {
        Stream::seed_from_u64(mix(self.key.wrapping_add(request)))
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014), after one step of its sequence.
#[inline]
/// Whether something with this probability happens.
pub fn chance(stream: &mut Stream, probability: f64) -> bool {
    use rand::RngExt;
    stream.random::<f64>() < probability
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn first(streams: Streams, owner: &str, purpose: Purpose) -> u64 {
        streams.stream(owner, purpose).next_u64()
    }

    #[test]
    fn a_stream_depends_on_all_four_and_on_nothing_else() {
        let base = first(Streams::new(1, 0), "web", Purpose::Arrivals);
        assert_eq!(base, first(Streams::new(1, 0), "web", Purpose::Arrivals));
        assert_ne!(base, first(Streams::new(2, 0), "web", Purpose::Arrivals));
        assert_ne!(base, first(Streams::new(1, 1), "web", Purpose::Arrivals));
        assert_ne!(base, first(Streams::new(1, 0), "wec", Purpose::Arrivals));
        assert_ne!(base, first(Streams::new(1, 0), "web", Purpose::Service));
    }

    #[test]
    fn neighbouring_requests_have_unrelated_marks() {
        let marks = Streams::new(1, 0).marks("web", Purpose::ColdStart);
        let bits: u32 = (0..1000u64).map(|n| (marks.of(n).next_u64() ^ marks.of(n + 1).next_u64()).count_ones()).sum();
        // 64,000 fair coins: mean 32,000, standard deviation 126.5; four of them are allowed.
        assert!((31_494..=32_506).contains(&bits), "{bits}");
    }
}
