//! The `behavior` of an HPA: how long a change must be wanted, and how fast it may go.

use crate::time::{SimTime, Span};

/// The rules for both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// On the way up.
    pub up: ScalingRules,
    /// On the way down.
    pub down: ScalingRules,
}

/// The rules for one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// How far back recommendations hold a change.
    pub window: Span,
    /// Which policy counts.
    pub select: Select,
    /// How much may change in which time.
    pub policies: Vec<Policy>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest.
    Min,
    /// None: nothing may change in this direction.
    Disabled,
}

/// How much may change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The change.
    pub amount: Amount,
    /// The period.
    pub period: Span,
}

/// The size of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many pods.
    Pods(i32),
    /// A percentage of the pods at the start of the period.
    Percent(i32),
}

impl Behavior {
    /// What Kubernetes fills in, with the controller's window for the way down (usually 300 s).
    #[must_use]
    pub fn with_downscale_window(window: Span) -> Self {
        let period = Span::from_secs(15);
        let doubling = Policy { amount: Amount::Percent(100), period };
        let four = Policy { amount: Amount::Pods(4), period };
        Self {
            up: ScalingRules { window: Span::ZERO, select: Select::Max, policies: vec![four, doubling] },
            down: ScalingRules { window, select: Select::Max, policies: vec![doubling] },
        }
    }

    /// The longest time for which anything has to be remembered.
    pub(super) fn memory(&self) -> Span {
        let rules = [&self.up, &self.down];
        let periods = rules.iter().flat_map(|rules| rules.policies.iter().map(|policy| policy.period));
        periods.chain(rules.iter().map(|rules| rules.window)).max().unwrap_or(Span::ZERO)
    }
}

/// What happened so far, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// Recommendations as they came, not yet stabilised.
    pub(super) recommendations: Vec<(SimTime, i32)>,
    /// Pods added.
    pub(super) ups: Vec<(SimTime, i32)>,
    /// Pods removed.
    pub(super) downs: Vec<(SimTime, i32)>,
}

impl History {
    /// Drops what is older than `memory`.
    pub(super) fn forget(&mut self, now: SimTime, memory: Span) {
        for list in [&mut self.recommendations, &mut self.ups, &mut self.downs] {
            list.retain(|(at, _)| now.since(*at) <= memory);
        }
    }
}

/// Moves from `current` only as far as all recent recommendations agree: not above the least of the up window, not below
/// the largest of the down window. What is exactly as old as the window no longer counts.
///
/// Source: `stabilizeRecommendationWithBehaviors` in `horizontal.go`.
pub(super) fn stabilize(behavior: &Behavior, history: &History, now: SimTime, current: i32, wanted: i32) -> i32 {
    let recent = |window: Span| {
        let recommendations = history.recommendations.iter();
        recommendations.filter(move |(at, _)| *at + window > now).map(|(_, pods)| *pods)
    };
    let least = recent(behavior.up.window).fold(wanted, i32::min);
    let largest = recent(behavior.down.window).fold(wanted, i32::max);
    current.max(least).min(largest)
}

/// Goes from `current` towards `wanted` as far as the policies of that direction allow, within [`min`, `max`].
///
/// Source: `convertDesiredReplicasWithBehaviorRate` in `horizontal.go`.
pub(super) fn limit_rate(
    behavior: &Behavior,
    history: &History,
    now: SimTime,
    current: i32,
    wanted: i32,
    (min, max): (i32, i32),
) -> i32 {
    let start = |period: Span| {
        let in_period = |list: &[(SimTime, i32)]| -> i32 {
            list.iter().filter(|(at, _)| *at + period > now).map(|(_, pods)| *pods).fold(0, i32::saturating_add)
        };
        f64::from(current) - f64::from(in_period(&history.ups)) + f64::from(in_period(&history.downs))
    };
    match wanted.cmp(&current) {
        std::cmp::Ordering::Greater => {
            let allowed = behavior.up.policies.iter().map(|policy| {
                let start = start(policy.period);
                match policy.amount {
                    Amount::Pods(pods) => (start + f64::from(pods)) as i32,
                    Amount::Percent(percent) => (start * (1.0 + f64::from(percent) / 100.0)).ceil() as i32,
                }
            });
            let limit = match behavior.up.select {
                Select::Max => allowed.max(),
                Select::Min => allowed.min(),
                Select::Disabled => None,
            };
            wanted.min(limit.map_or(current, |limit| limit.max(current)).min(max))
        }
        std::cmp::Ordering::Less => {
            let allowed = behavior.down.policies.iter().map(|policy| {
                let start = start(policy.period);
                match policy.amount {
                    Amount::Pods(pods) => (start - f64::from(pods)) as i32,
                    Amount::Percent(percent) => (start * (1.0 - f64::from(percent) / 100.0)) as i32,
                }
            });
            let limit = match behavior.down.select {
                Select::Max => allowed.min(),
                Select::Min => allowed.max(),
                Select::Disabled => None,
            };
            wanted.max(limit.map_or(current, |limit| limit.min(current)).max(min))
        }
        std::cmp::Ordering::Equal => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(1_000 + secs)
    }

    fn defaults() -> Behavior {
        Behavior::with_downscale_window(Span::from_secs(300))
    }

    #[test]
    fn exactly_as_old_as_the_window_no_longer_counts() {
        let history = History { recommendations: vec![(at(0), 10)], ..History::default() };
        assert_eq!(stabilize(&defaults(), &history, at(299), 10, 4), 10);
        assert_eq!(stabilize(&defaults(), &history, at(300), 10, 4), 4);
    }

    #[test]
    fn an_up_window_holds_the_least() {
        let mut behavior = defaults();
        behavior.up.window = Span::from_secs(60);
        let history = History { recommendations: vec![(at(0), 5), (at(30), 9)], ..History::default() };
        assert_eq!(stabilize(&behavior, &history, at(59), 4, 20), 5);
        assert_eq!(stabilize(&behavior, &history, at(60), 4, 20), 9);
    }

    #[test]
    fn four_pods_or_double_from_the_start_of_the_period() {
        let behavior = defaults();
        let bounds = (1, 100);
        assert_eq!(limit_rate(&behavior, &History::default(), at(0), 1, 20, bounds), 5);
        let grown = History { ups: vec![(at(0), 4)], ..History::default() };
        assert_eq!(limit_rate(&behavior, &grown, at(10), 5, 20, bounds), 5);
        assert_eq!(limit_rate(&behavior, &grown, at(15), 5, 20, bounds), 10);
        assert_eq!(limit_rate(&behavior, &grown, at(15), 5, 20, (1, 7)), 7);
    }

    #[test]
    fn the_slower_policy_on_the_way_down() {
        let period = Span::from_secs(60);
        let mut behavior = defaults();
        behavior.down.policies =
            vec![Policy { amount: Amount::Pods(2), period }, Policy { amount: Amount::Percent(10), period }];
        let history = History::default();
        behavior.down.select = Select::Min;
        assert_eq!(limit_rate(&behavior, &history, at(0), 30, 3, (1, 100)), 28);
        behavior.down.select = Select::Max;
        assert_eq!(limit_rate(&behavior, &history, at(0), 30, 3, (1, 100)), 27);
        behavior.down.select = Select::Disabled;
        assert_eq!(limit_rate(&behavior, &history, at(0), 30, 3, (1, 100)), 30);
    }
}
