//! How long a caller waits before a retry.

use rand::RngExt;

use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Positive, PositiveDuration};
use crate::time::Span;

union! {
    /// Delay before the next attempt.
    pub enum BackoffSpec ("backoff"): Backoff {
        "constant" => Constant(ConstantSpec),
        "exponential" => Exponential(ExponentialSpec),
    }
}

/// A backoff, built from its parameters.
pub trait Backoff {
    /// The delay before this retry (the first is 1); `previous` is the delay before the one before, or zero.
    fn delay(&self, retry: u32, previous: Span, stream: &mut Stream) -> Span;
}

/// Randomization of a delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// No jitter.
    None,
    /// Uniform from zero to the delay.
    Full,
    /// Half of the delay plus a uniform part of the other half.
    Equal,
    /// Uniform from the initial delay to three times the previous one, up to the maximum.
    Decorrelated,
    /// A random relative deviation, which may exceed the maximum.
    Within(f64),
}

/// The share given by a percentage such as `"20%"`.
fn percent(text: &str) -> Option<f64> {
    let percent: f64 = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

impl Field for Jitter {
    type Value = Self;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "\"none\", \"full\", \"equal\", \"decorrelated\", or a percentage such as \"20%\"",
        quoted: true,
        schema: || {
            serde_json::json!({"anyOf": [
                {"enum": ["none", "full", "equal", "decorrelated"]},
                {"type": "string", "pattern": r"^\s*[0-9.]+\s*%\s*$"},
            ]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.text() {
            Some("none") => Some(Self::None),
            Some("full") => Some(Self::Full),
            Some("equal") => Some(Self::Equal),
            Some("decorrelated") => Some(Self::Decorrelated),
            text => {
                let within = text.and_then(percent).map(Self::Within);
                if within.is_none() {
                    reader.refuse(node, Self::SHAPE);
                }
                within
            }
        }
    }
    fn write(value: &Self) -> Value {
        Value::from_text(match value {
            Self::None => "none".to_owned(),
            Self::Full => "full".to_owned(),
            Self::Equal => "equal".to_owned(),
            Self::Decorrelated => "decorrelated".to_owned(),
            Self::Within(part) => format!("{}%", (part * 1e14).round() / 1e12),
        })
    }
}

impl Jitter {
    /// The resulting delay. With `decorrelated`: its bounds.
    fn of(self, delay: f64, decorrelated: [f64; 3], stream: &mut Stream) -> Span {
        let nanos = match self {
            Self::None => delay,
            Self::Full => delay * stream.random::<f64>(),
            Self::Equal => delay * (0.5 + 0.5 * stream.random::<f64>()),
            Self::Within(part) => delay * (1.0 + part * (2.0 * stream.random::<f64>() - 1.0)),
            Self::Decorrelated => {
                let [initial, previous, longest] = decorrelated;
                let width = (3.0 * previous.max(initial) - initial).max(0.0);
                (initial + width * stream.random::<f64>()).min(longest)
            }
        };
        Span::from_nanos_f64_saturating(nanos).min(Span::MAX_WRITTEN)
    }
}

parameters! {
    /// Always the same delay.
    pub struct ConstantSpec {
        /// The delay.
        required delay: PositiveDuration,
        /// Randomization of the delay.
        default jitter: Jitter = Jitter::None,
    }
}

impl ConstantSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.jitter == Jitter::Decorrelated {
            check.wrong_with("jitter", "cannot be \"decorrelated\" here", "it is for exponential backoff");
        }
    }
}

impl Backoff for ConstantSpec {
    fn delay(&self, _: u32, _: Span, stream: &mut Stream) -> Span {
        let delay = self.delay.as_nanos() as f64;
        self.jitter.of(delay, [delay; 3], stream)
    }
}

parameters! {
    /// Each delay is a multiple of the previous one.
    pub struct ExponentialSpec {
        /// First delay.
        default initial: PositiveDuration = Span::from_millis(100),
        /// Ratio of each delay to the previous one.
        default factor: Positive = 2.0,
        /// Maximum delay, before jitter.
        default max: PositiveDuration = Span::from_secs(20),
        /// Randomization of the delay.
        default jitter: Jitter = Jitter::Full,
    }
}

impl ExponentialSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.factor < 1.0 {
            check.wrong("factor", format!("must be at least 1, not {}", self.factor));
        }
        if self.max < self.initial {
            check.wrong("max", format!("({}) must not be shorter than `initial` ({})", self.max, self.initial));
        }
    }
}

impl Backoff for ExponentialSpec {
    fn delay(&self, retry: u32, previous: Span, stream: &mut Stream) -> Span {
        let [initial, max] = [self.initial, self.max].map(|span| span.as_nanos() as f64);
        let times = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let delay = (initial * self.factor.powi(times)).min(max);
        self.jitter.of(delay, [initial, previous.as_nanos() as f64, max], stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    fn delays(backoff: &dyn Backoff, retries: u32) -> Vec<f64> {
        let mut stream = Streams::new(7, 0).stream("client", Purpose::Path);
        let mut previous = Span::ZERO;
        (1..=retries)
            .map(|retry| {
                previous = backoff.delay(retry, previous, &mut stream);
                previous.as_secs_f64()
            })
            .collect()
    }

    fn exponential(jitter: Jitter) -> ExponentialSpec {
        ExponentialSpec { initial: Span::from_secs(1), factor: 2.0, max: Span::from_secs(20), jitter }
    }

    /// Smallest, mean and largest of the third delay, which is 4 s without jitter.
    fn third(jitter: Jitter) -> [f64; 3] {
        let mut stream = Streams::new(7, 0).stream("client", Purpose::Path);
        let spec = exponential(jitter);
        let mut delay = || spec.delay(3, Span::from_secs(2), &mut stream).as_secs_f64();
        let all: Vec<f64> = (0..10_000).map(|_| delay()).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        [all.iter().copied().fold(f64::MAX, f64::min), mean, all.iter().copied().fold(0.0, f64::max)]
    }

    #[test]
    fn it_doubles_up_to_the_longest_and_never_overflows() {
        assert_eq!(delays(&exponential(Jitter::None), 7), [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]);
        let steep = ExponentialSpec { factor: 1e9, max: Span::MAX_WRITTEN, ..exponential(Jitter::Within(1.0)) };
        assert!(delays(&steep, 1_000).iter().all(|delay| *delay <= Span::MAX_WRITTEN.as_secs_f64()));
    }

    #[test]
    fn jitter_has_its_bounds_and_its_mean() {
        // The mean of 10,000 draws from a width w has a standard error of w / 346; four of them are allowed.
        for (jitter, low, high) in [
            (Jitter::Full, 0.0, 4.0),
            (Jitter::Equal, 2.0, 4.0),
            (Jitter::Within(0.2), 3.2, 4.8),
            (Jitter::Decorrelated, 1.0, 6.0),
        ] {
            let [least, mean, most] = third(jitter);
            let width = high - low;
            assert!(least >= low && least < low + 0.01 * width, "{jitter:?}: {least}");
            assert!(most <= high && most > high - 0.01 * width, "{jitter:?}: {most}");
            assert!((mean - (low + high) / 2.0).abs() < width * 4.0 / 346.0, "{jitter:?}: {mean}");
        }
    }

    #[test]
    fn jitter_in_percent_comes_after_the_longest() {
        let all = delays(&exponential(Jitter::Within(0.2)), 1_000);
        assert!(all.iter().any(|delay| *delay > 20.0) && all.iter().all(|delay| *delay <= 24.0));
        let all = delays(&exponential(Jitter::Decorrelated), 1_000);
        assert!(all.iter().all(|delay| (1.0..=20.0).contains(delay)));
    }
}
