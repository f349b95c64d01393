//! Which contender to take.
//!
//! The rule: among contenders that meet every objective with confidence, the lowest cost per successful request; if
//! costs differ by less than 1 %, the largest margin. If there is none, one that meets them on average; otherwise, the
//! one that misses by the least. Without prices, the lowest p99 decides; without objectives, cost alone.

use std::cmp::Ordering;

use super::Comparison;
use crate::measure::summary::{ObjectiveResult, Summary};

/// Costs with a smaller relative difference count as equal.
pub const INDIFFERENCE: f64 = 0.01;

/// How a contender meets the objectives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// Every objective is met by its whole interval, with this smallest margin.
    Met {
        /// That part.
        margin: f64,
    },
    /// Every objective is met on average, but not with every whole interval.
    Open {
        /// The tightest margin.
        margin: f64,
    },
    /// An objective is not met.
    Missed {
        /// The place of the one that is missed by most.
        objective: usize,
        /// By which part of its bound; infinite where it is never met.
        by: f64,
    },
}

/// The recommendation and the ranking. Contenders are indices in the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The one to take; none where no contender completed a request.
    pub take: Option<usize>,
    /// All contenders, the best first.
    pub ranking: Vec<usize>,
    /// How each stands with the objectives.
    pub standings: Vec<Standing>,
    /// Number of contenders that meet all of them with confidence.
    pub met: usize,
    /// Whether there are objectives.
    pub has_objectives: bool,
    /// Whether the baseline has prices. Contenders without prices are ranked last.
    pub has_prices: bool,
}

impl Choice {
    /// What follows from a comparison.
    #[must_use]
    pub fn of(comparison: &Comparison) -> Self {
        let summaries: Vec<&Summary> = comparison.contenders.iter().map(|one| &one.summary).collect();
        let standings: Vec<Standing> = summaries.iter().map(|summary| standing(summary)).collect();
        let baseline = comparison.contenders.iter().find(|one| one.name == comparison.baseline);
        let has_prices = baseline.is_some_and(|one| one.summary.has_prices);
        let price = |place: usize| match has_prices {
            true => cost(summaries[place]).filter(|_| summaries[place].has_prices),
            false => Some(summaries[place].total.latency_s.p99.mean).filter(|p99| p99.is_finite()),
        };
        let rank = |place: usize| match standings[place] {
            _ if price(place).is_none() => (3, 0.0),
            Standing::Met { .. } => (0, 0.0),
            Standing::Open { .. } => (1, 0.0),
            Standing::Missed { by, .. } => (2, by),
        };
        let by_rank = |a: usize, b: usize| {
            let ((a_class, a_by), (b_class, b_by)) = (rank(a), rank(b));
            a_class.cmp(&b_class).then(a_by.total_cmp(&b_by))
        };
        let by_price =
            |a: usize, b: usize| price(a).unwrap_or(f64::INFINITY).total_cmp(&price(b).unwrap_or(f64::INFINITY));
        let mut ranking: Vec<usize> = (0..summaries.len()).collect();
        // Sorting is stable: the order of the scenario decides between equals.
        ranking.sort_by(|a, b| by_rank(*a, *b).then(by_price(*a, *b)));
        if has_prices {
            prefer_margin(&mut ranking, |place| rank(place).0, price, |place| margin(summaries[place]));
        }
        let take = ranking.first().copied().filter(|place| price(*place).is_some());
        Self {
            take,
            ranking,
            met: standings.iter().filter(|standing| matches!(standing, Standing::Met { .. })).count(),
            has_objectives: summaries.iter().any(|summary| !summary.objectives.is_empty()),
            standings,
            has_prices,
        }
    }
}

/// Among those that cost the same as the cheapest, moves the one with the largest margin to the front.
fn prefer_margin(
    ranking: &mut [usize],
    class: impl Fn(usize) -> u32,
    price: impl Fn(usize) -> Option<f64>,
    margin: impl Fn(usize) -> f64,
) {
    let Some((first, least)) = ranking.first().and_then(|first| Some((*first, price(*first)?))) else { return };
    let is_equal = |place: &usize| {
        class(*place) == class(first) && price(*place).is_some_and(|price| price <= least * (1.0 + INDIFFERENCE))
    };
    let equals = ranking.iter().take_while(|place| is_equal(place)).count();
    if class(first) < 2 {
        ranking[..equals].sort_by(|a, b| margin(*b).partial_cmp(&margin(*a)).unwrap_or(Ordering::Equal));
    }
}

/// Cost of a million requests that were answered successfully, US dollars; none where none was.
#[must_use]
pub fn cost(summary: &Summary) -> Option<f64> {
    Some(summary.total.cost_usd.per_million_succeeded.mean).filter(|cost| cost.is_finite())
}

/// By which part of its bound the tightest objective is met; below zero if it is missed, infinite without objectives.
#[must_use]
pub fn margin(summary: &Summary) -> f64 {
    summary.objectives.iter().map(|objective| -excess(objective)).fold(f64::INFINITY, f64::min)
}

/// By which part of its bound an objective is missed; infinite where it is never met.
fn excess(objective: &ObjectiveResult) -> f64 {
    let by = objective.asked.excess(objective.value.mean);
    if by.is_nan() { f64::INFINITY } else { by }
}

fn standing(summary: &Summary) -> Standing {
    let worst = summary.objectives.iter().enumerate().filter(|(_, objective)| !objective.met);
    let worst = worst.map(|(place, objective)| (place, excess(objective))).max_by(|a, b| a.1.total_cmp(&b.1));
    match worst {
        Some((objective, by)) => Standing::Missed { objective, by },
        None if summary.objectives.iter().all(ObjectiveResult::is_met_with_confidence) => {
            Standing::Met { margin: margin(summary) }
        }
        None => Standing::Open { margin: margin(summary) },
    }
}
