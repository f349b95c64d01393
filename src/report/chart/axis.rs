//! Axes: the range that holds the data, and ticks at round numbers with their unit.

use crate::report::format::{Quantity, count, duration, percent};
use crate::report::phrases::sanitize;

/// How an axis spaces its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, over the time simulated, with ticks at whole minutes, hours, days.
    Time,
    /// Evenly, from zero.
    Linear,
    /// Evenly, over the values and a little beyond: for places of points, which unlike lengths need no zero.
    Near,
    /// By factors; what is not positive cannot be shown.
    Log,
}

/// What an axis measures.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it is, without the unit.
    pub label: String,
    /// What its numbers measure.
    pub quantity: Quantity,
    /// How they are spaced.
    pub scale: Scale,
    /// What the numbers 0, 1, 2 ... stand for, if they are places of words.
    names: Vec<String>,
    /// Where the ticks are, with their labels; empty: at round numbers.
    at: Vec<(f64, String)>,
}

impl Axis {
    /// An axis.
    pub fn new(label: impl Into<String>, quantity: Quantity, scale: Scale) -> Self {
        Self { label: label.into(), quantity, scale, names: Vec::new(), at: Vec::new() }
    }

    /// With words at 0, 1, 2 ... in place of numbers.
    #[must_use]
    pub fn with_names(self, names: &[String]) -> Self {
        Self { names: names.to_vec(), ..self }
    }

    /// With ticks at these values only.
    #[must_use]
    pub fn with_ticks(self, at: Vec<(f64, String)>) -> Self {
        Self { at, ..self }
    }

    /// The axis over `values`; none if there is nothing to show.
    pub(in crate::report) fn fit(&self, values: impl Iterator<Item = f64>, ticks: usize) -> Option<Fitted> {
        let shown = |x: &f64| x.is_finite() && x.abs() < LARGEST && (self.scale != Scale::Log || *x > 0.0);
        let (lo, hi) =
            values.filter(shown).fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
        if lo > hi {
            return None;
        }
        if !self.names.is_empty() {
            return Some(self.words());
        }
        let fitted = match self.scale {
            Scale::Time => self.time(lo, hi, ticks),
            Scale::Linear => self.linear(lo.min(0.0), hi.max(0.0), ticks),
            Scale::Near => {
                let (lo, hi) = near(lo, hi);
                self.linear(lo, hi, ticks)
            }
            Scale::Log => self.log(lo, hi, ticks),
        };
        Some(if self.at.is_empty() { fitted } else { Fitted { ticks: self.at.clone(), ..fitted } })
    }

    fn words(&self) -> Fitted {
        let width = (120 / self.names.len()).max(3);
        let ticks = self.names.iter().enumerate().map(|(at, name)| (at as f64, sanitize(name, width))).collect();
        Fitted {
            lo: -0.5,
            hi: self.names.len() as f64 - 0.5,
            log: false,
            kind: "words",
            ticks,
            title: self.label.clone(),
        }
    }

    fn time(&self, lo: f64, hi: f64, ticks: usize) -> Fitted {
        let hi = if hi > lo { hi } else { lo + 1.0 };
        let (unit, name) = match hi - lo {
            span if span <= 1.0 => return self.linear(lo.min(0.0), hi, ticks),
            span if span <= 120.0 => (1.0, "s"),
            span if span <= 7_200.0 => (60.0, "min"),
            span if span <= 259_200.0 => (3_600.0, "h"),
            _ => (86_400.0, "d"),
        };
        let rough = (hi - lo) / ticks as f64;
        let step = TIME_STEPS
            .into_iter()
            .find(|step| *step >= rough && *step >= unit * 0.1)
            .unwrap_or_else(|| nice_step(rough / 86_400.0) * 86_400.0);
        let first = (lo / step).ceil();
        let places = usize::from(step < unit);
        let ticks = (0..=((hi - first * step) / step).floor().max(0.0) as usize)
            .map(|n| (first + n as f64) * step)
            .map(|at| (at, format!("{:.places$}", at / unit)))
            .collect();
        Fitted { lo, hi, log: false, kind: "time", ticks, title: format!("{} ({name})", self.label) }
    }

    fn linear(&self, lo: f64, hi: f64, ticks: usize) -> Fitted {
        let hi = if hi > lo { hi } else { lo + 1.0 };
        let (factor, unit) = match self.quantity {
            Quantity::Seconds => time_unit(hi.abs().max(lo.abs())),
            Quantity::Ratio => (100.0, "%"),
            Quantity::Usd => (1.0, "$"),
            Quantity::Count => (1.0, ""),
        };
        let step = nice_step((hi - lo) * factor / ticks as f64) / factor;
        let (first, last) = ((lo / step).floor(), (hi / step - 1e-9).ceil());
        let places = (-(step * factor).log10().floor()).max(0.0) as usize;
        let label = |x: f64| {
            if x == 0.0 || (1e-6..1e12).contains(&x.abs()) {
                if places == 0 { count(x.round()) } else { format!("{x:.places$}") }
            } else {
                format!("{x:.0e}")
            }
        };
        let ticks = (0..=(last - first) as usize)
            .map(|n| (first + n as f64) * step)
            .map(|at| (at, label(at * factor)))
            .collect();
        let title = if unit.is_empty() { self.label.clone() } else { format!("{} ({unit})", self.label) };
        Fitted { lo: first * step, hi: last * step, log: false, kind: self.kind(), ticks, title }
    }

    fn log(&self, lo: f64, hi: f64, most: usize) -> Fitted {
        let mut steps = round_factors(lo, hi);
        let (lo, hi) = (steps[0], steps[steps.len() - 1]);
        if steps.len() > most {
            // About two in a decade; else whole decades, every one or every k-th.
            let (first, last) = (lo.log10().ceil() as i32, hi.log10().floor() as i32);
            let halves = (first - 1..=last).flat_map(|decade| [1.0, 3.0].map(|digit| digit * 10f64.powi(decade)));
            steps = halves.filter(|at| (lo..=hi).contains(at)).collect();
            if steps.len() > most {
                let every = ((last - first) as usize / most.max(1)) + 1;
                steps = (first..=last).step_by(every).map(|decade| 10f64.powi(decade)).collect();
            }
        }
        let ticks = steps.into_iter().map(|at| (at, self.tick(at))).collect();
        Fitted { lo, hi, log: true, kind: self.kind(), ticks, title: format!("{} (log scale)", self.label) }
    }

    fn kind(&self) -> &'static str {
        match self.quantity {
            _ if self.scale == Scale::Time => "time",
            Quantity::Seconds => "seconds",
            Quantity::Count => "count",
            Quantity::Usd => "usd",
            Quantity::Ratio => "ratio",
        }
    }

    /// A value on a logarithmic axis with its own unit.
    fn tick(&self, x: f64) -> String {
        match self.quantity {
            Quantity::Seconds if (1.0..1e6).contains(&x) => format!("{} s", count(x.round())),
            Quantity::Seconds if x < 1.0 => self.quantity.bound(x),
            Quantity::Seconds => duration(x),
            Quantity::Ratio => percent(x),
            Quantity::Count | Quantity::Usd => self.quantity.text(x),
        }
    }
}

/// Beyond this, sums and products of values could leave the numbers.
const LARGEST: f64 = 1e100;

/// Steps at which people count time, s.
const TIME_STEPS: [f64; 26] = [
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    432_000.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
];

/// A range with room around it; from zero if that is near anyway.
fn near(lo: f64, hi: f64) -> (f64, f64) {
    if lo >= 0.0 && lo <= 0.5 * hi {
        return (0.0, hi * 1.08);
    }
    // Noise far below what matters is not blown up to fill the picture.
    let room = (0.2 * (hi - lo)).max(0.03 * lo.abs().max(hi.abs())).max(f64::MIN_POSITIVE);
    (if lo >= 0.0 { (lo - room).max(0.0) } else { lo - room }, hi + room)
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `rough`.
fn nice_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999_999).unwrap_or(10.0);
    factor * power
}

/// The numbers 1, 2, 5 times a power of ten from the last one below `lo` to the first one above `hi`; two at least.
fn round_factors(lo: f64, hi: f64) -> Vec<f64> {
    let from = lo.log10().floor() as i32 - 1;
    let to = hi.log10().ceil() as i32 + 1;
    let all: Vec<f64> =
        (from..=to).flat_map(|decade| [1.0, 2.0, 5.0].map(|factor| factor * 10f64.powi(decade))).collect();
    let first = all.iter().rposition(|x| *x <= lo * 1.000_001).unwrap_or(0);
    let last = all.iter().position(|x| *x >= hi * 0.999_999).unwrap_or(all.len() - 1);
    let (first, last) = if first < last { (first, last) } else { (last.saturating_sub(1), last + 1) };
    all[first..=last.min(all.len() - 1)].to_vec()
}

/// The unit for an axis that ends at `seconds`: factor and name.
fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s < 1e-6 => (1e9, "ns"),
        s if s < 1e-3 => (1e6, "µs"),
        s if s < 1.0 => (1e3, "ms"),
        s if s <= 300.0 => (1.0, "s"),
        s if s <= 18_000.0 => (1.0 / 60.0, "min"),
        _ => (1.0 / 3_600.0, "h"),
    }
}

/// An axis with its range.
#[derive(Clone, Debug)]
pub(in crate::report) struct Fitted {
    lo: f64,
    hi: f64,
    log: bool,
    /// What the page needs to label the axis anew: `time`, or what the numbers measure.
    kind: &'static str,
    /// Values and how they are written.
    pub(in crate::report) ticks: Vec<(f64, String)>,
    /// Label and unit.
    pub(in crate::report) title: String,
}

impl Fitted {
    /// Where `x` lies between the ends, 0 to 1; none if it cannot be shown.
    pub(in crate::report) fn place(&self, x: f64) -> Option<f64> {
        let share =
            if self.log { (x / self.lo).ln() / (self.hi / self.lo).ln() } else { (x - self.lo) / (self.hi - self.lo) };
        share.is_finite().then(|| share.clamp(0.0, 1.0))
    }

    /// The ends and the kind as attributes of an SVG element, for the page that labels a part of the axis anew.
    pub(super) fn attributes(&self) -> String {
        format!("data-lo=\"{}\" data-hi=\"{}\" data-log=\"{}\" data-kind=\"{}\"", self.lo, self.hi, self.log, self.kind)
    }

    /// The lower end, from which bars rise.
    pub(in crate::report) fn low(&self) -> f64 {
        self.lo
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(quantity: Quantity, scale: Scale, values: &[f64]) -> (String, Vec<String>) {
        let fitted = Axis::new("x", quantity, scale).fit(values.iter().copied(), 8).unwrap();
        (fitted.title, fitted.ticks.into_iter().map(|(_, label)| label).collect())
    }

    #[test]
    fn time_ticks_are_whole_units() {
        let (title, ticks) = labels(Quantity::Seconds, Scale::Time, &[0.0, 86_400.0]);
        assert_eq!((title.as_str(), ticks.join(" ").as_str()), ("x (h)", "0 3 6 9 12 15 18 21 24"));
        assert_eq!(labels(Quantity::Seconds, Scale::Time, &[0.0, 3_600.0]).1.join(" "), "0 10 20 30 40 50 60");
        assert_eq!(labels(Quantity::Seconds, Scale::Time, &[0.0, 604_800.0]).1.join(" "), "0 1 2 3 4 5 6 7");
        assert_eq!(labels(Quantity::Seconds, Scale::Time, &[0.0, 60.0]).0, "x (s)");
    }

    #[test]
    fn linear_ticks_carry_the_unit_in_the_title() {
        let (title, ticks) = labels(Quantity::Seconds, Scale::Linear, &[0.12, 0.61]);
        assert_eq!((title.as_str(), ticks.join(" ").as_str()), ("x (ms)", "0 100 200 300 400 500 600 700"));
        assert_eq!(labels(Quantity::Count, Scale::Linear, &[0.0]).1.len(), 6, "all zero still has an axis");
        assert_eq!(labels(Quantity::Count, Scale::Linear, &[12_000.0]).1.last().unwrap(), "12,000");
    }

    #[test]
    fn log_ticks_carry_their_own_unit() {
        let (_, ticks) = labels(Quantity::Seconds, Scale::Log, &[0.001, 10.0]);
        assert_eq!(ticks.join(" "), "1 ms 10 ms 100 ms 1 s 10 s");
        assert_eq!(labels(Quantity::Ratio, Scale::Log, &[0.1, 1.0]).1.join(" "), "10 % 20 % 50 % 100 %");
    }

    #[test]
    fn places_need_no_zero() {
        assert_eq!(labels(Quantity::Usd, Scale::Near, &[100.0, 104.0]).1.join(" "), "96 98 100 102 104 106 108");
        assert_eq!(labels(Quantity::Usd, Scale::Near, &[10.0, 104.0]).1[0], "0");
        assert!(labels(Quantity::Usd, Scale::Near, &[5.0]).1.len() > 1);
        assert!(labels(Quantity::Usd, Scale::Near, &[0.0]).1.len() > 1);
    }

    #[test]
    fn nothing_to_show() {
        let log = Axis::new("x", Quantity::Count, Scale::Log);
        assert!(log.fit([0.0, -1.0, f64::NAN].into_iter(), 8).is_none());
        let linear = Axis::new("x", Quantity::Count, Scale::Linear);
        assert!(linear.fit([f64::NAN, f64::INFINITY].into_iter(), 8).is_none());
    }

    proptest! {
        #[test]
        fn every_range_has_a_few_ticks_and_holds_its_data(a in -9.0..9.0f64, b in -9.0..9.0f64, scale in 0..4, q in 0..4) {
            let scale = [Scale::Time, Scale::Linear, Scale::Log, Scale::Near][scale as usize];
            let quantity = [Quantity::Seconds, Quantity::Count, Quantity::Usd, Quantity::Ratio][q as usize];
            let values = [10f64.powf(a), 10f64.powf(b)];
            let fitted = Axis::new("x", quantity, scale).fit(values.into_iter(), 8).unwrap();
            prop_assert!((1..=20).contains(&fitted.ticks.len()), "{:?}", fitted.ticks);
            for x in values {
                let place = fitted.place(x).unwrap();
                let exact = if fitted.log { x >= fitted.lo * 0.999 && x <= fitted.hi * 1.001 }
                    else { x >= fitted.lo - 1e-6 * x && x <= fitted.hi * 1.000_001 };
                prop_assert!((0.0..=1.0).contains(&place) && exact, "{x} outside {} {}", fitted.lo, fitted.hi);
            }
        }
    }
}
