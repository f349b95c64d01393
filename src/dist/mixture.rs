//! Hyper-exponential: a mixture of exponentials.

use std::sync::Arc;

use rand::RngExt;

use super::{Dist, DistError, Distribution, error};
use crate::dist::error::report_in_list;
use crate::rng::{Stream, standard_exponential};
use crate::schema::declare::*;
use crate::schema::limits::MAX_STATES;
use crate::schema::scalars::{Duration, Share};
use crate::time::Span;

/// How far written probabilities may miss 1, for rounding.
const SUM_TOLERANCE: f64 = 1e-6;

/// A mixture of exponentials.
#[derive(Clone, Debug, PartialEq)]
pub struct HyperExponential(Arc<[Branch]>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Branch {
    probability: f64,
    /// Of this branch or one before it.
    cumulative: f64,
    mean_ns: f64,
}

parameters! {
    /// A mixture of exponentials, more variable than one.
    pub struct HyperExponentialSpec {
        /// The exponentials; their probabilities must add up to 1.
        required branches: List<BranchSpec, 1, MAX_STATES>,
    }
}

parameters! {
    /// One exponential of a mixture.
    pub struct BranchSpec {
        /// Probability of this branch.
        required probability: Share,
        /// Its mean.
        required mean: Duration,
    }
}

impl HyperExponentialSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report_in_list(check, self.dist(), "branches");
    }
}

impl Distribution for HyperExponentialSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        let branches: Vec<_> = self.branches.iter().map(|branch| (branch.probability, branch.mean)).collect();
        Dist::hyper_exponential(&branches)
    }
}

impl Dist {
    /// A mixture: with each probability, an exponential of that mean.
    ///
    /// # Errors
    /// Refuses no branches, probabilities out of 0..=1 or that do not add up to 1 (within a millionth), means of zero,
    /// and what does not fit the clock.
    pub fn hyper_exponential(branches: &[(f64, Span)]) -> Result<Self, DistError> {
        if branches.is_empty() {
            return Err(DistError::Empty("branches"));
        }
        for (index, &(probability, mean)) in branches.iter().enumerate() {
            if !(probability > 0.0 && probability <= 1.0) {
                return Err(DistError::BranchProbability { place: index + 1, probability });
            }
            error::positive("mean", mean)?;
        }
        let sum: f64 = branches.iter().map(|(probability, _)| probability).sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(DistError::ProbabilitySum(sum));
        }
        let mut cumulative = 0.0;
        let branch = |&(probability, mean): &(f64, Span)| {
            let probability = probability / sum;
            cumulative += probability;
            Branch { probability, cumulative, mean_ns: mean.as_nanos() as f64 }
        };
        Ok(Self::HyperExponential(HyperExponential(branches.iter().map(branch).collect())))
    }
}

impl HyperExponential {
    /// All values times `factor`.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|branch| Branch { mean_ns: branch.mean_ns * factor, ..*branch }).collect())
    }

    pub(super) fn sample_ns(&self, stream: &mut Stream) -> f64 {
        let (last, before) = self.0.split_last().expect("a mixture has at least one branch");
        let u: f64 = stream.random();
        let branch = before.iter().find(|branch| u < branch.cumulative).unwrap_or(last);
        branch.mean_ns * standard_exponential(stream)
    }

    /// Bisects the survival function between the quantiles of the fastest and the slowest branch.
    pub(super) fn quantile_ns(&self, p: f64) -> f64 {
        let hazard = -(-p).ln_1p();
        let mut low = hazard * self.0.iter().map(|b| b.mean_ns).fold(f64::INFINITY, f64::min);
        let mut high = hazard * self.0.iter().map(|b| b.mean_ns).fold(0.0, f64::max);
        while high.is_finite() && high - low > 1e-12 * high {
            let middle = low + (high - low) / 2.0;
            let above: f64 = self.0.iter().map(|b| b.probability * (-middle / b.mean_ns).exp()).sum();
            if above > 1.0 - p {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    pub(super) fn moments_ns(&self) -> (f64, f64) {
        let mean: f64 = self.0.iter().map(|b| b.probability * b.mean_ns).sum();
        // The spread inside each branch plus the spread between the branches.
        let variance = self.0.iter().map(|b| b.probability * (b.mean_ns.powi(2) + (b.mean_ns - mean).powi(2))).sum();
        (mean, variance)
    }
}
