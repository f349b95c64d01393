//! How long idle instances stay, from which ones were used again.

use super::measured::Request;

/// What is known of one idle time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Idle {
    /// How long it was, in seconds.
    gap_s: f64,
    /// Whether the instance was used again; if not, it was gone by then.
    survived: bool,
}

/// The window that says best which instances were used again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeepAlive {
    /// The window, in seconds.
    pub window_s: f64,
    /// Between the longest idle time that is known to have been survived below it, and the shortest that was not, above.
    pub between_s: (f64, f64),
    /// Idle times after which the instance was used again, and after which it was gone.
    pub seen: (usize, usize),
    /// How many of them a fixed window cannot explain.
    pub misfits: usize,
    /// Scale (s) and shape of a Weibull law of windows, each instance having its own, where a fixed one does not explain all.
    pub drawn: Option<(f64, f64)>,
    /// Whether instances are known by name; if not, only times with one request at a time are looked at.
    pub by_instance: bool,
}

/// Fewer idle times of a kind tell no window.
const FEW: usize = 3;
/// From so many on, how much windows differ can be told.
const ENOUGH: usize = 10;
/// Idle times that are looked at for that; of more, evenly spaced ones.
const MOST: usize = 4_000;

impl KeepAlive {
    /// Looks at requests of one function, in the order of their arrivals.
    #[must_use]
    pub fn of(requests: &[&Request]) -> Option<Self> {
        let by_instance = requests.iter().filter(|request| request.instance.is_some()).count() * 2 > requests.len();
        let idles = if by_instance { of_instances(requests) } else { of_order(requests) };
        let survived = idles.iter().filter(|idle| idle.survived).count();
        let gone = idles.len() - survived;
        if survived < FEW || gone < FEW {
            return None;
        }
        let mut gaps = idles.clone();
        gaps.sort_by(|a, b| a.gap_s.total_cmp(&b.gap_s));
        // A window behind the first `place` idle times: those survived beyond it and those gone before it do not fit.
        let mut misfits = survived;
        let mut best = (misfits, 0);
        for (place, idle) in gaps.iter().enumerate() {
            misfits = if idle.survived { misfits - 1 } else { misfits + 1 };
            if misfits < best.0 {
                best = (misfits, place + 1);
            }
        }
        let (misfits, place) = best;
        let below = if place > 0 { gaps[place - 1].gap_s } else { 0.0 };
        let above = gaps.get(place).map_or(below, |idle| idle.gap_s);
        // In the middle of the logarithms: windows are told to a factor.
        let window_s = (below.max(1e-3) * above.max(1e-3)).sqrt();
        let drawn = if misfits > 0 && gone >= ENOUGH { drawn(&gaps) } else { None };
        Some(Self { window_s, between_s: (below, above), seen: (survived, gone), misfits, drawn, by_instance })
    }

    /// Whether a fixed window describes what was seen.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.misfits * 20 <= self.seen.0 + self.seen.1
    }
}

/// The Weibull law of windows of most likelihood: an idle time that was survived says that the window was longer, one that was
/// not that it was shorter. Found on a grid that becomes finer around the best.
fn drawn(gaps: &[Idle]) -> Option<(f64, f64)> {
    const GRID: i32 = 8;
    let thinned: Vec<&Idle> = gaps.iter().step_by(gaps.len().div_ceil(MOST)).filter(|idle| idle.gap_s > 0.0).collect();
    let likelihood = |scale: f64, shape: f64| -> f64 {
        let one = |idle: &&Idle| {
            let hazard = (idle.gap_s / scale.exp()).powf(shape.exp());
            if idle.survived { -hazard } else { (-(-hazard).exp_m1()).max(1e-300).ln() }
        };
        thinned.iter().map(one).sum()
    };
    // Logarithms: windows from a second to three days, shapes from very random to nearly fixed.
    let (mut scale, mut shape) = (6.5_f64, 1.0_f64);
    let (mut wide, mut broad) = (6.0_f64, 2.5_f64);
    for _ in 0..7 {
        let mut best = (f64::NEG_INFINITY, scale, shape);
        for row in -GRID..=GRID {
            for column in -GRID..=GRID {
                let point = (
                    scale + wide * f64::from(row) / f64::from(GRID),
                    shape + broad * f64::from(column) / f64::from(GRID),
                );
                let found = likelihood(point.0, point.1);
                if found > best.0 {
                    best = (found, point.0, point.1);
                }
            }
        }
        (scale, shape) = (best.1, best.2);
        (wide, broad) = (wide / 3.0, broad / 3.0);
    }
    let (scale, shape) = (scale.exp(), shape.exp());
    (scale.is_finite() && (0.05..100.0).contains(&shape)).then_some((scale, shape))
}

fn end(request: &Request) -> Option<f64> {
    Some(request.at_s? + request.init_s.unwrap_or(0.0) + request.duration_s.unwrap_or(0.0))
}

/// With known instances: gaps between requests of one were survived; one that is not used again although a request met a cold
/// start was gone by then.
fn of_instances(requests: &[&Request]) -> Vec<Idle> {
    let most = requests.iter().filter_map(|request| request.instance).max().map_or(0, |most| most as usize + 1);
    let mut last: Vec<Option<f64>> = vec![None; most];
    let mut idles = Vec::new();
    for request in requests {
        let (Some(at), Some(instance)) = (request.at_s, request.instance) else { continue };
        if let Some(before) = last[instance as usize].filter(|before| at >= *before && request.cold != Some(true)) {
            idles.push(Idle { gap_s: at - before, survived: true });
        }
        last[instance as usize] = end(request);
    }
    // Each instance's end: the first cold start after its last request, when it was idle and yet not taken.
    let colds: Vec<f64> =
        requests.iter().filter(|request| request.cold == Some(true)).filter_map(|request| request.at_s).collect();
    for ended in last.into_iter().flatten() {
        let next = colds.partition_point(|cold| *cold <= ended);
        if let Some(cold) = colds.get(next) {
            idles.push(Idle { gap_s: cold - ended, survived: false });
        }
    }
    idles
}

/// Without: where no two requests overlap, the one before tells how long the only instance was idle.
fn of_order(requests: &[&Request]) -> Vec<Idle> {
    let mut idles = Vec::new();
    let mut latest = f64::NEG_INFINITY;
    let mut alone = true;
    for pair in requests.windows(2) {
        let (Some(ended), Some(at)) = (end(pair[0]), pair[1].at_s) else { continue };
        // The one before ran alone, if all that came earlier had ended.
        alone = pair[0].at_s.is_some_and(|start| start >= latest) || alone && ended >= latest && at > latest;
        latest = latest.max(ended);
        if let (true, Some(cold)) = (alone && at >= latest, pair[1].cold) {
            idles.push(Idle { gap_s: at - ended, survived: !cold });
        }
    }
    idles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: f64, cold: bool, instance: Option<u32>) -> Request {
        Request { at_s: Some(at), duration_s: Some(1.0), cold: Some(cold), instance, ..Request::default() }
    }

    #[test]
    fn a_window_is_told_from_the_order_of_requests() {
        let mut at = 0.0;
        let mut requests = vec![request(0.0, true, None)];
        for gap in [100.0, 400.0, 700.0, 200.0, 590.0, 650.0, 610.0, 900.0, 50.0, 580.0] {
            at += 1.0 + gap;
            requests.push(request(at, gap > 600.0, None));
        }
        let found = KeepAlive::of(&requests.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((found.between_s, found.seen, found.misfits), ((590.0, 610.0), (6, 4), 0));
        assert!((590.0..610.0).contains(&found.window_s) && found.is_good());
    }

    #[test]
    fn windows_that_differ_have_a_law() {
        // Windows of a Weibull law of scale 600 s and shape 3 by its quantiles, each met by an idle time of some length.
        let mut at = 0.0;
        let mut requests = vec![request(0.0, true, None)];
        for number in 0..4_000_u32 {
            let share = (f64::from(number * 7_919 % 4_000) + 0.5) / 4_000.0;
            let window = 600.0 * (-(1.0 - share).ln()).powf(1.0 / 3.0);
            let gap = 1_200.0 * (f64::from(number * 104_729 % 4_001) + 0.5) / 4_001.0;
            at += 1.0 + gap;
            requests.push(request(at, gap > window, None));
        }
        let found = KeepAlive::of(&requests.iter().collect::<Vec<_>>()).unwrap();
        let (scale, shape) = found.drawn.unwrap();
        assert!((scale - 600.0).abs() < 20.0 && (shape - 3.0).abs() < 0.3, "{scale} {shape}");
    }

    #[test]
    fn an_instance_that_is_not_used_again_was_gone() {
        let mut requests = Vec::new();
        for round in 0..4_u32 {
            let start = f64::from(round) * 2_000.0;
            for (offset, cold) in [(0.0, true), (301.0, false), (602.0, false)] {
                requests.push(request(start + offset, cold, Some(round)));
            }
        }
        let found = KeepAlive::of(&requests.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((found.seen, found.misfits), ((8, 3), 0));
        assert!(found.between_s.0 == 300.0 && found.between_s.1 > 1_390.0, "{found:?}");
        assert!(KeepAlive::of(&requests[..3].iter().collect::<Vec<_>>()).is_none());
    }
}
