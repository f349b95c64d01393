//! Scenarios drawn at random, as text. It knows nothing of the crate, so that unit tests may include it too.

use proptest::prelude::*;
use proptest::sample::select;

/// Which functions are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Functions with features of every kind, on or off.
    Any,
    /// Mostly those that ask for nothing special: what the fast engine is for.
    Plain,
}

impl Kind {
    /// One of these; where functions are plain, nearly always one of the first `plain`.
    fn choice(self, plain: usize, all: &[&'static str]) -> BoxedStrategy<&'static str> {
        let any = select(all.to_vec());
        match self {
            Self::Any => any.boxed(),
            Self::Plain => prop_oneof![40 => select(all[..plain].to_vec()), 1 => any].boxed(),
        }
    }
}

/// A function and a source that calls it.
pub(crate) fn function(index: usize, kind: Kind) -> impl Strategy<Value = String> {
    let duration = kind.choice(
        4,
        &[
            "constant.value = \"1s\"",
            "exponential.mean = \"2s\"",
            "constant.value = \"0s\"",
            "log-normal = { median = \"500ms\", p99 = \"10s\" }",
        ],
    );
    let start = kind.choice(
        4,
        &[
            "",
            "cold-start.constant.value = \"3s\"",
            "cold-start.exponential.mean = \"500ms\"",
            "cold-duration.exponential.mean = \"4s\"",
        ],
    );
    let keep_alive = kind.choice(
        4,
        &[
            "fixed.window = \"0s\"",
            "fixed.window = \"5s\"",
            "fixed.window = \"2m\"",
            "fixed.window = \"forever\"",
            "forever = {}",
            "halving.period = \"20s\"",
            "drawn.window.exponential.mean = \"10s\"",
            "measured.platform = \"azure-functions\"",
            "adaptive = { min-window = \"1s\", min-samples = 1, quantile = 0.5 }",
            "adaptive = { min-window = \"5s\", min-samples = 3, of = 5 }",
            "hybrid-histogram = { bin = \"1s\", range = \"20s\", min-samples = 2 }",
            "greedy-dual = {}",
        ],
    );
    let selection =
        kind.choice(1, &["most-recently-used", "least-recently-used", "newest", "oldest", "random", "round-robin"]);
    let per_instance = kind.choice(2, &["1", "1", "2", "7"]);
    let limits = kind
        .choice(3, &["", "concurrency.max-instances = 2", "concurrency.reserved = 3", "concurrency.provisioned = 2"]);
    let overflow = kind.choice(
        1,
        &[
            "concurrency.overflow = \"reject\"",
            "concurrency.overflow = \"queue\"",
            "concurrency.overflow = \"queue\"\nconcurrency.queue-limit = 4",
            "concurrency.overflow = \"queue\"\nconcurrency.queue-timeout = \"2s\"",
        ],
    );
    let more =
        kind.choice(2, &["", "timeout = \"3s\"", "max-lifetime = \"10s\"", "timeout = \"1s\"\nmax-lifetime = \"1m\""]);
    let initial = kind.choice(
        1,
        &[
            "",
            "",
            "initial.busy = 1",
            "initial = { busy = 1, idle-expire-in = [\"20s\"] }",
            "initial = { idle = 2, idle-expire-in = [\"3s\"] }",
        ],
    );
    let arrivals = kind.choice(
        5,
        &[
            "poisson.rate = \"2/s\"",
            "poisson.rate = \"6/m\"",
            "constant.rate = \"1/s\"",
            "constant.rate = \"4/s\"",
            "burst = { size = 6, every = \"11s\" }",
        ],
    );
    (duration, start, keep_alive, selection, per_instance, limits, overflow, more, initial, arrivals).prop_map(
        move |(duration, start, keep_alive, selection, per_instance, limits, overflow, more, initial, arrivals)| {
            // It knows nothing of instances that it has not loaded.
            let initial = if keep_alive.starts_with("hybrid-histogram") { "" } else { initial };
            format!(
                "[[function]]\nname = \"f{index}\"\nduration.{duration}\n{start}\nkeep-alive.{keep_alive}\n\
                 selection = \"{selection}\"\nconcurrency.per-instance = {per_instance}\n{limits}\n{overflow}\n{more}\n{initial}\n\
                 [[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.{arrivals}\n"
            )
        },
    )
}

/// Up to three functions on a platform with limits, for five minutes.
pub(crate) fn any_scenario(kind: Kind) -> impl Strategy<Value = String> {
    let platform = select(vec![
        "",
        "concurrency.account-limit = 12",
        "scaling = { burst = 2, rate = \"6/m\" }",
        "concurrency.account-limit = 11\nscaling = { burst = 3, rate = \"1/s\" }",
        "concurrency = { account-limit = 12, request-rate-per-concurrency = \"1/s\" }\ninit-timeout = \"1s\"",
        "init-timeout = \"500ms\"",
        // Room for twelve instances of 128 MB: as many as three functions may have at the start.
        "memory.budget = \"1536MB\"",
    ]);
    let more = move |index| prop::option::of(function(index, kind));
    (0..1000_u32, platform, function(0, kind), more(1), more(2)).prop_map(|(seed, platform, first, second, third)| {
        let head = format!("[scenario]\nname = \"drawn\"\n[simulation]\nhorizon = \"5m\"\nseed = {seed}\n");
        let platform = if platform.is_empty() { String::new() } else { format!("[platform]\n{platform}\n") };
        format!("{head}{platform}{first}{}{}", second.unwrap_or_default(), third.unwrap_or_default())
    })
}
