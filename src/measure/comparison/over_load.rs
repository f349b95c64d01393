//! The cost of contenders under other loads, and where a different one becomes the cheapest.

use serde::{Deserialize, Serialize};

/// Costs under several loads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverLoad {
    /// The loads, from the least on.
    pub points: Vec<LoadPoint>,
    /// Loads at which a different contender becomes the cheapest that meets every objective.
    pub crossings: Vec<Crossing>,
}

/// One load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPoint {
    /// As a multiple of the scenario's.
    pub load: f64,
    /// Requests that arrive in a second.
    pub requests_per_s: f64,
    /// Each contender, in their order.
    pub contenders: Vec<ContenderCost>,
}

/// A contender under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContenderCost {
    /// Who.
    pub name: String,
    /// Cost of 30 days at this load, US dollars; none without prices.
    pub month_usd: Option<f64>,
    /// Whether every objective is met; none without objectives.
    pub is_met: Option<bool>,
}

/// Where one contender becomes cheaper than another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// The cheapest below.
    pub below: String,
    /// The cheapest above.
    pub above: String,
    /// The load, as a multiple of the scenario's.
    pub load: f64,
    /// The same in requests per second.
    pub requests_per_s: f64,
    /// What both cost there for 30 days, US dollars; none if the objectives decide rather than the price.
    pub month_usd: Option<f64>,
}

impl OverLoad {
    /// With the crossings of these points.
    #[must_use]
    pub fn of(points: Vec<LoadPoint>) -> Self {
        let crossings = points.windows(2).filter_map(|pair| crossing(&pair[0], &pair[1])).collect();
        Self { points, crossings }
    }
}

impl LoadPoint {
    /// The place of the cheapest contender with prices that meets every objective.
    #[must_use]
    pub fn cheapest(&self) -> Option<usize> {
        let costs = self.contenders.iter().enumerate();
        let costs = costs.filter(|(_, one)| one.is_met != Some(false));
        let costs = costs.filter_map(|(place, one)| Some((place, one.month_usd?)));
        costs.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place)
    }
}

/// Between two loads with different cheapest contenders: where their costs are equal, interpolated on logarithmic axes;
/// the middle if the price does not decide.
fn crossing(low: &LoadPoint, high: &LoadPoint) -> Option<Crossing> {
    let (below, above) = (low.cheapest()?, high.cheapest()?);
    if below == above {
        return None;
    }
    let cost =
        |point: &LoadPoint, place: usize| point.contenders[place].month_usd.filter(|usd| *usd > 0.0).map(f64::ln);
    let part = || {
        let at_low = cost(low, above)? - cost(low, below)?;
        let at_high = cost(high, above)? - cost(high, below)?;
        (at_low >= 0.0 && at_high <= 0.0 && at_low > at_high).then(|| at_low / (at_low - at_high))
    };
    let between = |low: f64, high: f64, part: f64| (low.ln() + part * (high.ln() - low.ln())).exp();
    let found = part();
    let part = found.unwrap_or(0.5);
    let month_usd =
        found.and_then(|part| Some(between(low.contenders[below].month_usd?, high.contenders[below].month_usd?, part)));
    Some(Crossing {
        below: low.contenders[below].name.clone(),
        above: high.contenders[above].name.clone(),
        load: between(low.load, high.load, part),
        requests_per_s: between(low.requests_per_s, high.requests_per_s, part),
        month_usd,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cloud at a dollar for each unit of load, and machines at 8 dollars for each 10 or part of them, at least one.
    fn point(load: f64, machines_meet: bool) -> LoadPoint {
        let one =
            |name: &str, month_usd, is_met| ContenderCost { name: name.into(), month_usd: Some(month_usd), is_met };
        let machines = 8.0 * (load / 10.0_f64).ceil();
        let contenders = vec![one("cloud", load, Some(true)), one("machines", machines, Some(machines_meet))];
        LoadPoint { load, requests_per_s: 2.0 * load, contenders }
    }

    #[test]
    fn the_crossing_is_where_both_cost_the_same() {
        let found = OverLoad::of([1.0, 4.0, 16.0, 64.0].map(|load| point(load, true)).to_vec());
        // At 4 it is 4 and 8 dollars, at 16 it is 16 and 16: from there on machines cost as much, and less at 64.
        assert_eq!(found.crossings.len(), 1, "{found:?}");
        let crossing = &found.crossings[0];
        assert_eq!((crossing.below.as_str(), crossing.above.as_str()), ("cloud", "machines"));
        assert!((crossing.load - 16.0).abs() < 1e-9 && (crossing.requests_per_s - 32.0).abs() < 1e-9, "{crossing:?}");
        assert!((crossing.month_usd.unwrap() - 16.0).abs() < 1e-9);
        // Between 5 at 5 and 8, and 10 at 10 and 8: ln(8/5) of ln(8/5) + ln(10/8) of the way from 5 to 10.
        let found = OverLoad::of([5.0, 10.0].map(|load| point(load, true)).to_vec());
        assert!((found.crossings[0].load - 8.0).abs() < 1e-9, "{found:?}");
        assert!((found.crossings[0].month_usd.unwrap() - 8.0).abs() < 1e-9);
    }

    #[test]
    fn where_prices_do_not_say_where_it_is_in_the_middle() {
        let middle = |points: Vec<LoadPoint>| {
            let crossing = OverLoad::of(points).crossings.remove(0);
            assert_eq!((crossing.below.as_str(), crossing.above.as_str()), ("cloud", "machines"));
            assert!((crossing.load - 10.0).abs() < 1e-9 && crossing.month_usd.is_none(), "{crossing:?}");
        };
        // What costs nothing has no logarithm.
        let mut points = vec![point(5.0, true), point(20.0, true)];
        points[0].contenders[0].month_usd = Some(0.0);
        middle(points);
        // Both always cost the same.
        let mut points = vec![point(5.0, true), point(20.0, true)];
        for contender in points.iter_mut().flat_map(|point| &mut point.contenders) {
            contender.month_usd = Some(7.0);
        }
        points[1].contenders[0].is_met = Some(false);
        middle(points);
    }

    #[test]
    fn who_does_not_meet_the_objectives_is_not_the_cheapest() {
        let found = OverLoad::of(vec![point(5.0, true), point(10.0, false)]);
        assert!(found.crossings.is_empty(), "{found:?}");
        let mut points = vec![point(10.0, true), point(20.0, true)];
        points[1].contenders[1].is_met = Some(false);
        let found = OverLoad::of(points);
        assert_eq!((found.crossings[0].above.as_str(), found.crossings[0].month_usd), ("cloud", None));
    }
}
