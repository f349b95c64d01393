//! Every kind against its own law: moments, distribution function, hostile parameters.

use rand_xoshiro::rand_core::SeedableRng;
use statrs::distribution::{self as oracle, ContinuousCDF};

use super::*;

const DRAWS: usize = 40_000;
/// The Kolmogorov-Smirnov statistic times sqrt(n) exceeds this as rarely (1 in 16,000) as four standard errors.
const KS_LIMIT: f64 = 2.275;

fn secs(value: f64) -> Span {
    Span::from_secs_f64(value).expect("a duration")
}

fn ok(dist: Result<Dist, DistError>) -> Dist {
    dist.expect("good parameters")
}

/// In rising order; they are the same whether drawn one after the other or in blocks.
fn draws(dist: &Dist, seed: u64) -> Vec<f64> {
    let [mut stream, mut other] = [(); 2].map(|()| Stream::seed_from_u64(seed));
    let singles: Vec<Span> = (0..DRAWS).map(|_| dist.sample(&mut stream)).collect();
    let mut blocks = vec![Span::ZERO; DRAWS];
    blocks.chunks_mut(32).for_each(|block| dist.sample_each(&mut other, block, |place, value| *place = value));
    assert!(singles == blocks && stream == other, "{dist:?}");
    let mut values: Vec<f64> = singles.iter().map(|value| value.as_secs_f64()).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Sample mean and variance within four standard errors, the one of the variance from the fourth moment.
fn check_moments(name: &str, dist: &Dist, values: &[f64]) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let (expected, variance) = (dist.mean_s(), dist.variance_s2());
    let limit = 4.0 * (variance / n).sqrt() + 1e-9;
    assert!((mean - expected).abs() < limit, "{name}: mean {mean}, expected {expected} +- {limit}");
    let squares: Vec<f64> = values.iter().map(|x| (x - expected).powi(2)).collect();
    let found = squares.iter().sum::<f64>() / n;
    let error = (squares.iter().map(|s| (s - found).powi(2)).sum::<f64>() / n / n).sqrt();
    assert!((found - variance).abs() < 4.0 * error + 1e-15, "{name}: variance {found}, expected {variance} +- {error}");
}

/// The largest distance between the empirical and the true distribution function.
fn check_cdf(name: &str, values: &[f64], cdf: impl Fn(f64) -> f64) {
    let n = values.len() as f64;
    let at_last_of_equals = |i: usize| i + 1 == values.len() || values[i] < values[i + 1];
    let distance = (0..values.len())
        .filter(|&i| at_last_of_equals(i))
        .map(|i| ((i + 1) as f64 / n - cdf(values[i] + 0.5e-9)).abs())
        .fold(0.0, f64::max);
    assert!(distance * n.sqrt() < KS_LIMIT, "{name}: distance {distance} from the distribution function");
}

/// The quantile function is the inverse of the distribution function, on a grid that reaches into the tails.
fn check_quantiles(name: &str, dist: &Dist, cdf: impl Fn(f64) -> f64) {
    for p in [0.0001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999] {
        let x = dist.quantile(p).as_secs_f64();
        if x > 0.0 {
            let (below, above) = (cdf(x - 1e-9), cdf(x + 1e-9));
            assert!(below <= p + 1e-9 && p - 1e-9 <= above, "{name}: quantile {p} is {x}: {below}..{above}");
        } else {
            assert!(cdf(0.0) >= p - 1e-9, "{name}: quantile {p} is 0");
        }
    }
}

type Cdf = Box<dyn Fn(f64) -> f64>;

/// A distribution function from an independent library.
fn from<D: ContinuousCDF<f64, f64> + 'static, E: std::fmt::Debug>(law: Result<D, E>) -> Cdf {
    let law = law.expect("good parameters");
    Box::new(move |x| law.cdf(x))
}

fn every_kind() -> Vec<(&'static str, Dist, Cdf)> {
    let branches = [(0.7, secs(0.1)), (0.3, secs(2.0))];
    let points = [(0.0, secs(0.1)), (0.5, secs(0.2)), (0.9, secs(1.0)), (1.0, secs(3.0))];
    vec![
        ("uniform", ok(Dist::uniform(secs(1.0), secs(3.0))), from(oracle::Uniform::new(1.0, 3.0))),
        ("exponential", ok(Dist::exponential(secs(2.5))), from(oracle::Exp::new(0.4))),
        ("log-normal", ok(Dist::log_normal_sigma(secs(0.5), 0.7)), from(oracle::LogNormal::new(0.5_f64.ln(), 0.7))),
        (
            "normal",
            ok(Dist::normal(secs(1.0), secs(1.0))),
            Box::new(|x| if x < 0.0 { 0.0 } else { oracle::Normal::new(1.0, 1.0).expect("good").cdf(x) }),
        ),
        ("gamma", ok(Dist::gamma(secs(1.5), 0.5)), from(oracle::Gamma::new(0.5, 1.0 / 3.0))),
        ("gamma of shape 1", ok(Dist::gamma(secs(1.5), 1.0)), from(oracle::Exp::new(1.0 / 1.5))),
        ("erlang", ok(Dist::erlang(secs(2.0), 4)), from(oracle::Erlang::new(4, 2.0))),
        ("weibull", ok(Dist::weibull(secs(2.0), 1.7)), from(oracle::Weibull::new(1.7, 2.0))),
        ("pareto", ok(Dist::pareto(secs(0.5), 6.0)), from(oracle::Pareto::new(0.5, 6.0))),
        (
            "hyper-exponential",
            ok(Dist::hyper_exponential(&branches)),
            Box::new(|x| 1.0 - 0.7 * (-x / 0.1).exp() - 0.3 * (-x / 2.0).exp()),
        ),
        ("burr", ok(Dist::burr(secs(1.0), 3.0, 4.0)), Box::new(|x| 1.0 - (1.0 + x.powf(3.0)).powf(-4.0))),
        (
            "percentiles",
            ok(Dist::percentiles(&points)),
            Box::new(|x| match x {
                _ if x < 0.1 => 0.0,
                _ if x < 0.2 => 0.5 * (x - 0.1) / 0.1,
                _ if x < 1.0 => 0.5 + 0.4 * (x - 0.2) / 0.8,
                _ if x < 3.0 => 0.9 + 0.1 * (x - 1.0) / 2.0,
                _ => 1.0,
            }),
        ),
        (
            "percentiles with open ends",
            ok(Dist::percentiles(&DASHBOARD.map(|(p, value)| (p, secs(value))))),
            Box::new(|x| match x {
                _ if x < 0.02 => 0.5 * x / 0.02,
                _ if x < 0.04 => 0.5 + 0.4 * (x - 0.02) / 0.02,
                _ if x < 0.2 => 0.9 + 0.09 * (x - 0.04) / 0.16,
                _ => 1.0 - 0.01 * (-(x - 0.2) / (0.16 / 10f64.ln())).exp(),
            }),
        ),
        (
            // Above the median 0.5 + 0.5 * 2 / (k + 1) = 0.75.
            "percentiles with a mean",
            ok(Dist::percentiles_with_mean(&[(0.0, Span::ZERO), (0.5, secs(1.0)), (1.0, secs(3.0))], secs(1.0))),
            Box::new(|x| match x {
                _ if x < 1.0 => 0.5 * x.max(0.0),
                _ => 0.5 + 0.5 * ((x - 1.0).min(2.0) / 2.0).powf(1.0 / 3.0),
            }),
        ),
        (
            "empirical",
            ok(Dist::empirical([4.0, 1.0, 2.0, 2.0].map(secs).to_vec())),
            Box::new(|x| [1.0, 2.0, 2.0, 4.0].iter().filter(|v| **v <= x).count() as f64 / 4.0),
        ),
        ("constant", Dist::Constant(secs(0.25)), Box::new(|x| f64::from(x >= 0.25))),
    ]
}

#[test]
fn every_kind_follows_its_law() {
    for (seed, (name, dist, cdf)) in every_kind().into_iter().enumerate() {
        let values = draws(&dist, 1000 + seed as u64);
        check_moments(name, &dist, &values);
        check_cdf(name, &values, &cdf);
        check_quantiles(name, &dist, &cdf);
    }
}

#[test]
fn every_kind_is_tested() {
    let tested = every_kind();
    for kind in DistSpec::UNION.all() {
        assert!(tested.iter().any(|(name, ..)| *name == kind.key), "{}", kind.key);
    }
}

#[test]
fn moments_agree_with_published_fits() {
    // EuroSys 2025, cold starts at Huawei: log-normal of mean 3.24 s and sd 7.10 s has median 1.345 s and sigma 1.326.
    let cold = ok(Dist::log_normal_moments(secs(3.24), secs(7.1)));
    let Dist::LogNormal { sigma, .. } = cold else { panic!("{cold:?}") };
    assert!((cold.quantile(0.5).as_secs_f64() - 1.345).abs() < 5e-4 && (sigma - 1.326).abs() < 5e-4, "{cold:?}");
    assert!((cold.mean_s() - 3.24).abs() < 1e-9 && (cold.variance_s2().sqrt() - 7.1).abs() < 1e-9);
    // Weibull of shape 0.418 and scale 0.422 s has mean 1.25 s and sd 3.66 s there (rounded to three digits).
    let weibull = ok(Dist::weibull(secs(0.422), 0.418));
    assert!((weibull.mean_s() - 1.25).abs() < 0.01 && (weibull.variance_s2().sqrt() - 3.66).abs() < 0.03);
    assert!((ok(Dist::weibull_mean(secs(1.25), 0.418)).mean_s() - 1.25).abs() < 1e-9);
    // ATC 2020, memory of Azure apps: Burr of c 11.652, k 0.221, scale 107.083 has median 139.6 and 90th percentile 262.
    let burr = ok(Dist::burr(secs(107.083), 11.652, 0.221));
    assert!((burr.quantile(0.5).as_secs_f64() - 139.6).abs() < 0.1, "{}", burr.quantile(0.5));
    assert!((burr.quantile(0.9).as_secs_f64() - 262.0).abs() < 0.5, "{}", burr.quantile(0.9));
    // Erlang with four stages: cv = 1/2.
    assert!((ok(Dist::erlang(secs(3.0), 4)).cv() - 0.5).abs() < 1e-12);
}

#[test]
fn log_normal_meets_the_percentiles_it_was_given() {
    let dist = ok(Dist::log_normal_p99(Span::from_millis(120), Span::from_millis(900)));
    assert!((dist.quantile(0.5).as_secs_f64() - 0.12).abs() < 1e-8);
    assert!((dist.quantile(0.99).as_secs_f64() - 0.9).abs() < 1e-8);
    let flat = ok(Dist::log_normal_p99(secs(1.0), secs(1.0)));
    assert!((flat.quantile(0.999).as_secs_f64() - 1.0).abs() < 1e-8 && flat.variance_s2() == 0.0);
}

#[test]
fn a_normal_that_is_hardly_clipped_keeps_its_moments() {
    let dist = ok(Dist::normal(secs(10.0), secs(0.001)));
    assert!((dist.mean_s() - 10.0).abs() < 1e-12 && (dist.variance_s2() / 1e-6 - 1.0).abs() < 1e-12);
    // Half-normal: mean sd / sqrt(2 pi), variance sd^2 (1/2 - 1/(2 pi)).
    let half = ok(Dist::normal(Span::ZERO, secs(2.0)));
    let pi = std::f64::consts::PI;
    assert!((half.mean_s() - 2.0 / (2.0 * pi).sqrt()).abs() < 1e-12);
    assert!((half.variance_s2() - 4.0 * (0.5 - 0.5 / pi)).abs() < 1e-12);
}

#[test]
fn heavy_tails_say_that_their_moments_are_infinite() {
    for (dist, mean_finite) in [
        (ok(Dist::pareto(secs(1.0), 1.0)), false),
        (ok(Dist::pareto(secs(1.0), 2.0)), true),
        (ok(Dist::burr(secs(1.0), 2.0, 0.5)), false),
        (ok(Dist::burr(secs(1.0), 2.0, 0.9)), true),
    ] {
        assert_eq!(dist.mean_s().is_finite(), mean_finite, "{dist:?}");
        assert_eq!(dist.variance_s2(), f64::INFINITY, "{dist:?}");
        assert_eq!(dist.cv(), f64::INFINITY, "{dist:?}");
        assert_eq!(dist.quantile(1.0), Span::MAX_WRITTEN, "{dist:?}");
    }
}

#[test]
fn extreme_parameters_can_be_sampled() {
    let (tiny, huge) = (Span::from_nanos(1), Span::MAX_WRITTEN);
    let mut stream = Stream::seed_from_u64(7);
    for mean in [tiny, huge] {
        for dist in [
            Dist::uniform(Span::ZERO, mean),
            Dist::exponential(mean),
            Dist::log_normal_sigma(mean, 10.0),
            Dist::normal(mean, mean),
            Dist::gamma(mean, 0.001),
            Dist::gamma(mean, 1e6),
            Dist::erlang(mean, 1_000_000),
            Dist::weibull(mean, 0.05),
            Dist::weibull_mean(mean, 1000.0),
            Dist::pareto(mean, 0.05),
            Dist::burr(mean, 0.05, 0.05),
            Dist::burr(mean, 1000.0, 1000.0),
            Dist::hyper_exponential(&[(0.5, tiny), (0.5, mean)]),
            Dist::percentiles(&[(0.0, Span::ZERO), (1.0, mean)]),
            Dist::empirical(vec![tiny, mean]),
        ] {
            let dist = ok(dist);
            for _ in 0..100 {
                assert!(dist.sample(&mut stream) <= huge, "{dist:?}");
            }
            let mut before = Span::ZERO;
            for p in [f64::NAN, -1.0, 0.0, 1e-9, 0.5, 1.0 - 1e-9, 1.0, 2.0] {
                let value = dist.quantile(p);
                assert!(before <= value && value <= huge, "{dist:?} at {p}: {value}");
                before = value;
            }
            assert!(dist.mean_s() >= 0.0 && dist.variance_s2() >= 0.0 && dist.cv() >= 0.0, "{dist:?}");
        }
    }
}

#[test]
fn hostile_parameters_are_refused() {
    let (one, zero, forever) = (secs(1.0), Span::ZERO, Span::FOREVER);
    for span in [zero, forever] {
        for (place, dist) in [
            Dist::exponential(span),
            Dist::log_normal_p99(span, one),
            Dist::log_normal_p99(one, span),
            Dist::log_normal_sigma(span, 1.0),
            Dist::log_normal_moments(span, one),
            Dist::normal(one, span),
            Dist::gamma(span, 1.0),
            Dist::erlang(span, 1),
            Dist::weibull(span, 1.0),
            Dist::weibull_mean(span, 1.0),
            Dist::pareto(span, 1.0),
            Dist::burr(span, 1.0, 1.0),
            Dist::hyper_exponential(&[(1.0, span)]),
        ]
        .into_iter()
        .enumerate()
        {
            assert!(dist.is_err(), "{place}: {dist:?}");
        }
    }
    for number in [f64::NAN, f64::INFINITY, -1.0, 1e30] {
        for (place, dist) in [
            Dist::log_normal_sigma(one, number),
            Dist::gamma(one, number),
            Dist::weibull(one, number),
            Dist::weibull_mean(one, number),
            Dist::pareto(one, number),
            Dist::burr(one, number, 1.0),
            Dist::burr(one, 1.0, number),
            Dist::hyper_exponential(&[(number, one)]),
            Dist::percentiles(&[(number, one), (1.0, one)]),
            Dist::percentiles(&[(0.0, one), (number, one)]),
            Dist::percentiles(&[(0.0, one), (number, one), (1.0, one)]),
        ]
        .into_iter()
        .enumerate()
        {
            assert!(dist.is_err(), "{place} with {number}: {dist:?}");
        }
    }
    for dist in [Dist::gamma(one, 0.0), Dist::weibull(one, 0.0), Dist::pareto(one, 0.0), Dist::erlang(one, 0)] {
        assert!(dist.is_err(), "{dist:?}");
    }
    assert!(Dist::uniform(one, forever).is_err() && Dist::normal(forever, one).is_err());
    assert!(Dist::percentiles(&[(0.0, one), (1.0, forever)]).is_err() && Dist::empirical(vec![forever]).is_err());
}

#[test]
fn refusals_say_what_is_wrong() {
    let (one, two) = (secs(1.0), secs(2.0));
    for (dist, message) in [
        (Dist::exponential(Span::ZERO), "`mean` must be longer than zero, as in \"250ms\""),
        (Dist::uniform(two, one), "`min` (2s) must not be above `max` (1s)"),
        (Dist::log_normal_p99(two, one), "`p99` (1s) must not be below `median` (2s)"),
        (Dist::gamma(one, f64::NAN), "`shape` must be a number from 0.001 to 1000000, not NaN"),
        (Dist::erlang(one, 0), "`stages` must be a number from 1 to 1000000, not 0"),
        (Dist::hyper_exponential(&[]), "`branches` must not be empty: give at least one"),
        (
            Dist::hyper_exponential(&[(0.5, one), (0.25, two)]),
            "the probabilities of the branches must add up to 1, not 0.75",
        ),
        (
            Dist::hyper_exponential(&[(1.0, one), (0.0, two)]),
            "branch 2: `probability` must be above 0 and at most 1, not 0",
        ),
        (Dist::percentiles(&[(0.5, one)]), "at least two points are needed"),
        (
            Dist::percentiles_with_mean(&[(0.0, one), (0.5, one), (1.0, two)], two),
            "`mean` (2s) contradicts the points, which only allow from 1s to 1s500ms",
        ),
        (
            Dist::percentiles_with_mean(&[(0.5, two), (0.75, two)], one - secs(0.5)),
            "`mean` (500ms) contradicts the points, which only allow 1s or more",
        ),
        (
            Dist::percentiles(&[(0.0, two), (1.0, one)]),
            "point 2: `p` must increase from point to point, and the value must not decrease",
        ),
        (Dist::empirical(Vec::new()), "`values` must not be empty: give at least one"),
    ] {
        assert_eq!(dist.expect_err("refused").to_string(), message);
    }
}

/// What a dashboard shows: median, 90th and 99th percentile, seconds.
const DASHBOARD: [(f64, f64); 3] = [(0.5, 0.02), (0.9, 0.04), (0.99, 0.2)];

/// The mean of the quantile function, by the midpoints of a million strips.
fn integrated_mean_s(dist: &Dist) -> f64 {
    let strips = 1_000_000;
    let at = |strip: u32| dist.quantile((f64::from(strip) + 0.5) / f64::from(strips)).as_nanos() as f64 / 1e9;
    (0..strips).map(at).sum::<f64>() / f64::from(strips)
}

#[test]
fn percentiles_without_ends_have_the_mean_of_their_formula() {
    let dist = ok(Dist::percentiles(&DASHBOARD.map(|(p, value)| (p, secs(value)))));
    // Halves of straight lines, and an exponential tail: 0.16 s in a factor of ten.
    let expected = 0.5 * 0.01 + 0.4 * 0.03 + 0.09 * 0.12 + 0.01 * (0.2 + 0.16 / 10f64.ln());
    assert!((dist.mean_s() - expected).abs() < 1e-9, "{}", dist.mean_s());
    assert!((integrated_mean_s(&dist) - expected).abs() < 1e-5);
    // A narrow law does not go down to 0: 0.1 (p / 0.5)^0.125, whose mean is 0.1 / 1.125.
    let narrow = ok(Dist::percentiles(&[(0.5, secs(0.1)), (0.9, secs(0.11)), (1.0, secs(0.11))]));
    assert!((narrow.mean_s() - (0.05 / 1.125 + 0.042 + 0.011)).abs() < 1e-9, "{}", narrow.mean_s());
}

#[test]
fn a_mean_is_met_and_so_are_the_percentiles() {
    let azure = [0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0];
    let of = |values: [f64; 7]| azure.iter().zip(values).map(|(p, value)| (*p, secs(value))).collect::<Vec<_>>();
    let dashboard = DASHBOARD.map(|(p, value)| (p, secs(value))).to_vec();
    let cases = [
        (of([0.06, 0.09, 0.7, 0.8, 1.0, 2.6, 100.0]), 0.93),
        (of([0.0, 0.0, 0.0, 0.01, 0.015, 12.0, 30.0]), 0.2),
        // Only if what lies below the median is bent too.
        (of([0.0, 0.1, 0.2, 1.0, 1.0, 1.0, 1.1]), 0.62),
        (of([0.0, 0.1, 0.2, 1.0, 1.0, 1.0, 1.1]), 0.76),
        (of([1.0; 7]), 1.0),
        (of([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 60.0]), 0.6),
        (of([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 60.0]), 0.0),
        // An open end: longer, shorter, none.
        (dashboard.clone(), 0.035),
        (dashboard.clone(), 0.03),
        (dashboard.clone(), 0.028),
        (dashboard, 0.0137),
    ];
    for (points, mean) in cases {
        let dist = ok(Dist::percentiles_with_mean(&points, secs(mean)));
        assert!((dist.mean_s() - mean).abs() < 1e-8, "{points:?}: {} for {mean}", dist.mean_s());
        let integrated = integrated_mean_s(&dist);
        assert!((integrated - mean).abs() < 2e-3 * mean + 1e-8, "{points:?}: {integrated} for {mean}");
        for (p, value) in points {
            let found = dist.quantile(p).as_nanos().abs_diff(value.as_nanos());
            assert!(found <= 1, "{mean}: {p} is {} and not {value}", dist.quantile(p));
        }
    }
}

#[test]
fn merged_laws_have_the_mean_and_the_percentiles_of_the_mixture() {
    let law = |low: f64, high: f64| ok(Dist::percentiles(&[(0.0, secs(low)), (1.0, secs(high))]));
    let merged = ok(Dist::merged([(&law(0.09, 0.11), 540.0), (&law(0.89, 0.91), 60.0)]));
    assert!((merged.mean_s() - 0.18).abs() < 1e-6, "{}", merged.mean_s());
    // The lower nine tenths: p / 0.9 of 20 ms from 90 ms on; of the upper tenth its middle.
    for (p, value) in [(0.0, 0.09), (0.25, 0.09 + 0.02 * 0.25 / 0.9), (0.95, 0.9), (1.0, 0.91)] {
        let found = merged.quantile(p).as_secs_f64();
        assert!((found - value).abs() < 2e-6, "{p}: {found} and not {value}");
    }
    let one = ok(Dist::merged([(&law(0.1, 0.3), 1.0), (&Dist::Constant(secs(0.2)), 0.0)]));
    assert!((one.mean_s() - 0.2).abs() < 1e-6 && (one.quantile(0.75).as_secs_f64() - 0.25).abs() < 1e-6);
    assert!(Dist::merged([(&law(0.1, 0.3), 0.0), (&law(0.1, 0.3), 0.0)]).is_err());
}
