//! Closed forms of queueing theory: oracles for the tests, first answers for planning.
//!
//! Rates are per second, times in seconds, `load` is rate times mean service time (erlangs). All functions take any
//! non-negative numbers; where no steady state exists the mean wait is infinite and everybody waits.

use statrs::function::gamma::ln_gamma;

/// More servers than this are not searched for.
const MOST_SERVERS: u64 = 10_000_000;

/// Erlang B: the probability that all of `servers` are busy with `load` erlangs offered and nobody waiting (M/G/c/c).
///
/// The inverse by 1/B(n) = 1 + n / load * 1/B(n - 1), which only adds positive terms and so loses nothing at any size
/// (Jagerman 1974). Takes time in proportion to `servers`.
#[must_use]
pub(crate) fn erlang_b(servers: u64, load: f64) -> f64 {
    if load == 0.0 {
        return if servers == 0 { 1.0 } else { 0.0 };
    }
    let mut inverse = 1.0;
    for n in 1..=servers {
        inverse = 1.0 + n as f64 / load * inverse;
        if inverse == f64::INFINITY {
            return 0.0;
        }
    }
    1.0 / inverse
}

/// Erlang C: the probability that a request has to wait in M/M/c. 1 from `load` = `servers` on.
#[must_use]
pub(crate) fn erlang_c(servers: u64, load: f64) -> f64 {
    from_b(erlang_b(servers, load), servers, load)
}

/// C = B / (1 - u (1 - B)) with utilisation u.
fn from_b(b: f64, servers: u64, load: f64) -> f64 {
    let utilisation = load / servers as f64;
    if utilisation < 1.0 { b / (1.0 - utilisation * (1.0 - b)) } else { 1.0 }
}

/// The fewest servers with which no more than the share `target` (above 0) is refused; none where that takes more than
/// ten million.
#[must_use]
pub(crate) fn servers_for_blocking(load: f64, target: f64) -> Option<u64> {
    fewest_servers(load, |b, _| b <= target)
}

/// The fewest servers with which no more than the share `target` (above 0) has to wait; none as above.
#[must_use]
pub(crate) fn servers_for_waiting(load: f64, target: f64) -> Option<u64> {
    fewest_servers(load, |b, servers| from_b(b, servers, load) <= target)
}

/// Walks Erlang B up until `enough(b, servers)`.
fn fewest_servers(load: f64, enough: impl Fn(f64, u64) -> bool) -> Option<u64> {
    if load == 0.0 {
        return Some(0);
    }
    let mut inverse = 1.0;
    for servers in 0..=MOST_SERVERS {
        if servers > 0 {
            inverse = 1.0 + servers as f64 / load * inverse;
        }
        if enough(1.0 / inverse, servers) {
            return Some(servers);
        }
        if !inverse.is_finite() {
            return None;
        }
    }
    None
}

/// Mean wait in M/M/c (before service). Infinite without a steady state.
#[must_use]
pub(crate) fn mmc_wait_mean(servers: u64, rate: f64, service_mean: f64) -> f64 {
    let load = rate * service_mean;
    let spare = servers as f64 - load;
    if spare > 0.0 { erlang_c(servers, load) * service_mean / spare } else { f64::INFINITY }
}

/// P(wait > t) in M/M/c, first come first served: C exp(-(servers - load) t / service_mean).
#[must_use]
pub(crate) fn mmc_wait_exceeds(servers: u64, rate: f64, service_mean: f64, t: f64) -> f64 {
    let load = rate * service_mean;
    let spare = servers as f64 - load;
    if spare > 0.0 { erlang_c(servers, load) * (-spare * t / service_mean).exp() } else { 1.0 }
}

/// The probability that M/M/1/K is full (`places` = K, the one in service included): the share that is refused.
#[must_use]
pub(crate) fn mm1k_blocking(places: u32, load: f64) -> f64 {
    mm1k_probabilities(places, load).last().unwrap_or(1.0)
}

/// Mean number in M/M/1/K, the one in service included.
#[must_use]
pub(crate) fn mm1k_number_mean(places: u32, load: f64) -> f64 {
    mm1k_probabilities(places, load).enumerate().map(|(n, p)| n as f64 * p).sum()
}

/// P(n in the system) for n = 0..=places: proportional to load^n.
fn mm1k_probabilities(places: u32, load: f64) -> impl Iterator<Item = f64> {
    // Relative to the heavier end, so that no power overflows.
    let weight = move |n: u32| {
        if load <= 1.0 { load.powf(f64::from(n)) } else { load.powf(-f64::from(places - n)) }
    };
    let total: f64 = (0..=places).map(weight).sum();
    (0..=places).map(move |n| weight(n) / total)
}

/// Mean wait in M/G/1 (Pollaczek and Khinchine): rate * E S^2 / (2 (1 - load)). Infinite without a steady state.
#[must_use]
pub(crate) fn mg1_wait_mean(rate: f64, service_mean: f64, service_variance: f64) -> f64 {
    let spare = 1.0 - rate * service_mean;
    if spare > 0.0 { rate * (service_mean * service_mean + service_variance) / (2.0 * spare) } else { f64::INFINITY }
}

/// Mean number busy in M/G/infinity, whatever the law of the service time: the load.
#[must_use]
pub(crate) fn mg_infinity_mean(rate: f64, service_mean: f64) -> f64 {
    rate * service_mean
}

/// P(n busy) in M/G/infinity: the Poisson probability of `n` for this mean.
#[must_use]
pub(crate) fn poisson_pmf(n: u64, mean: f64) -> f64 {
    if mean == 0.0 {
        return if n == 0 { 1.0 } else { 0.0 };
    }
    (n as f64 * mean.ln() - mean - ln_gamma(n as f64 + 1.0)).exp()
}

/// The share of cold requests of one function under Poisson arrivals and a fixed keep-alive window, where service takes
/// no time: the probability of a gap longer than the window.
#[must_use]
pub(crate) fn cold_start_ratio(rate: f64, window: f64) -> f64 {
    (-rate * window).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }

    #[test]
    fn erlang_b_by_hand_and_by_its_sum() {
        // B(2, 1) = (1/2) / (1 + 1 + 1/2) = 1/5; B(5, 3) = (243/120) / sum of 3^n/n! to 5 = 2.025 / 18.4.
        near(erlang_b(2, 1.0), 0.2, 1e-15);
        near(erlang_b(5, 3.0), 2.025 / 18.4, 1e-15);
        assert_eq!((erlang_b(0, 3.0), erlang_b(0, 0.0), erlang_b(4, 0.0)), (1.0, 1.0, 0.0));
    }

    #[test]
    fn erlang_b_agrees_with_the_printed_traffic_tables() {
        // The usual Erlang B table (load for 1 % and 2 % blocking), as in ITU-D Teletraffic Engineering Handbook (2005).
        for (servers, at_1_percent, at_2_percent) in [
            (1, 0.0101, 0.0204),
            (5, 1.361, 1.657),
            (10, 4.461, 5.084),
            (20, 12.03, 13.18),
            (50, 37.90, 40.26),
            (100, 84.06, 87.97),
        ] {
            // 0.6 %: what the rounding of the printed load leaves open.
            near(erlang_b(servers, at_1_percent), 0.01, 0.01 * 0.006);
            near(erlang_b(servers, at_2_percent), 0.02, 0.02 * 0.006);
            assert_eq!(servers_for_blocking(at_1_percent * 0.998, 0.01), Some(servers));
            assert_eq!(servers_for_blocking(at_1_percent * 1.002, 0.01), Some(servers + 1));
        }
    }

    #[test]
    fn erlang_b_holds_at_any_size() {
        // Critically loaded, B is sqrt(2 / (pi n)) to first order (Jagerman 1974).
        let n = 4_000_000;
        near(erlang_b(n, n as f64) * (std::f64::consts::PI * n as f64 / 2.0).sqrt(), 1.0, 1e-3);
        assert_eq!(erlang_b(10_000, 1.0), 0.0);
        near(erlang_b(10, 1e300), 1.0, 1e-15);
    }

    #[test]
    fn erlang_c_and_waits_by_hand() {
        // Three servers at load 2 are empty with probability 1/9 and make 4/9 wait.
        near(erlang_c(3, 2.0), 4.0 / 9.0, 1e-15);
        // M/M/1: C is the load, and the wait load * service / (1 - load).
        near(erlang_c(1, 0.7), 0.7, 1e-15);
        near(mmc_wait_mean(1, 0.7, 1.0), 0.7 / 0.3, 1e-12);
        // Gross and Harris, the eye clinic: six an hour to three doctors of 20 minutes each wait 4/27 h = 8.89 min.
        near(mmc_wait_mean(3, 6.0, 1.0 / 3.0), 4.0 / 27.0, 1e-12);
        near(mmc_wait_exceeds(3, 2.0, 1.0, 0.0), 4.0 / 9.0, 1e-15);
        near(mmc_wait_exceeds(3, 2.0, 1.0, 2.0), 4.0 / 9.0 * (-2.0_f64).exp(), 1e-15);
        assert_eq!((erlang_c(2, 2.0), mmc_wait_mean(2, 2.0, 1.0)), (1.0, f64::INFINITY));
        assert_eq!(mmc_wait_exceeds(2, 3.0, 1.0, 5.0), 1.0);
    }

    #[test]
    fn the_wait_distribution_integrates_to_the_mean_wait() {
        let step = 1e-3;
        let area: f64 = (0..200_000).map(|i| step * mmc_wait_exceeds(5, 4.0, 1.0, (f64::from(i) + 0.5) * step)).sum();
        near(area, mmc_wait_mean(5, 4.0, 1.0), 1e-6);
    }

    #[test]
    fn the_fewest_servers_meet_the_target_and_one_less_does_not() {
        for (load, target) in [(0.3, 0.5), (2.0, 0.1), (10.0, 0.01), (500.0, 0.2)] {
            let blocking = servers_for_blocking(load, target).expect("some");
            assert!(erlang_b(blocking, load) <= target && erlang_b(blocking - 1, load) > target, "{load}");
            let waiting = servers_for_waiting(load, target).expect("some");
            assert!(erlang_c(waiting, load) <= target && erlang_c(waiting - 1, load) > target, "{load}");
        }
        assert_eq!((servers_for_blocking(0.0, 0.01), servers_for_waiting(0.0, 0.01)), (Some(0), Some(0)));
        assert_eq!(servers_for_blocking(5.0, f64::NAN), None);
        assert_eq!(servers_for_blocking(f64::NAN, 0.1), None);
    }

    #[test]
    fn a_single_server_with_few_places() {
        // load 1/2, K = 2: probabilities 4/7, 2/7, 1/7; load 1: all equal; load 2: 1/7, 2/7, 4/7.
        near(mm1k_blocking(2, 0.5), 1.0 / 7.0, 1e-15);
        near(mm1k_number_mean(2, 0.5), 4.0 / 7.0, 1e-15);
        near(mm1k_blocking(4, 1.0), 0.2, 1e-15);
        near(mm1k_number_mean(4, 1.0), 2.0, 1e-15);
        near(mm1k_blocking(2, 2.0), 4.0 / 7.0, 1e-15);
        near(mm1k_blocking(1, 3.0), erlang_b(1, 3.0), 1e-15);
        near(mm1k_blocking(100_000, 1e6), 1.0 - 1e-6, 1e-12);
        assert_eq!((mm1k_blocking(0, 0.5), mm1k_blocking(3, 0.0), mm1k_number_mean(3, 0.0)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn pollaczek_khinchine_by_hand() {
        // M/M/1 as the special case; M/D/1 waits half as long.
        near(mg1_wait_mean(0.5, 1.0, 1.0), mmc_wait_mean(1, 0.5, 1.0), 1e-15);
        near(mg1_wait_mean(0.5, 1.0, 0.0), 0.5, 1e-15);
        assert_eq!(mg1_wait_mean(1.0, 1.0, 0.0), f64::INFINITY);
    }

    #[test]
    fn without_a_limit_the_number_busy_is_poisson() {
        assert_eq!(mg_infinity_mean(3.0, 0.5), 1.5);
        // Poisson tables: mean 2: 0.1353, 0.2707, 0.2707, 0.1804.
        for (n, p) in [(0, 0.1353), (1, 0.2707), (2, 0.2707), (3, 0.1804)] {
            near(poisson_pmf(n, 2.0), p, 5e-5);
        }
        near((0..2000).map(|n| poisson_pmf(n, 1000.0)).sum(), 1.0, 1e-9);
        assert_eq!((poisson_pmf(0, 0.0), poisson_pmf(3, 0.0)), (1.0, 0.0));
    }

    #[test]
    fn a_gap_longer_than_the_window_is_cold() {
        near(cold_start_ratio(0.01, 600.0), 0.002_478_752_2, 1e-10);
        assert_eq!(cold_start_ratio(0.0, 600.0), 1.0);
    }
}
