//! The tree of metrics, in the shape that `summary.json` fixes: one declaration from which its types, its keys and the
//! registry are made.
//!
//! A [`Shape`] is generic over what stands at its leaves: one replication's numbers (`Shape<f64>`) or means with
//! intervals over replications. The leaves have dotted keys (`latency_s.p99`).

use serde::{Deserialize, Serialize};

use super::{Better, Metric, Quantity, Statistic, Traits, Whole, metrics};

/// A number of things.
pub(crate) const COUNT: Traits =
    Traits { quantity: Quantity::Count, better: None, whole: Whole::Mean, statistic: Statistic::Plain };
/// How often something happened.
pub(crate) const EVENTS: Traits = Traits { whole: Whole::Sum, ..COUNT };
/// A time.
pub(crate) const SECONDS: Traits = Traits { quantity: Quantity::Seconds, ..COUNT };
/// Money: it depends on the volume of a month, hence not on parts of it alone.
pub(crate) const USD: Traits = Traits { quantity: Quantity::Usd, whole: Whole::Other, ..COUNT }.lower();

impl Traits {
    pub(crate) const fn lower(self) -> Self {
        Self { better: Some(Better::Lower), ..self }
    }

    pub(crate) const fn higher(self) -> Self {
        Self { better: Some(Better::Higher), ..self }
    }

    pub(crate) const fn of_the_whole(self) -> Self {
        Self { whole: Whole::Other, ..self }
    }

    pub(crate) const fn quantile(self, thousandths: u16) -> Self {
        Self { statistic: Statistic::Quantile(thousandths), ..self }
    }

    /// The ratio of some events to what they are counted of.
    pub(crate) const fn ratio(events: &'static [&'static str], of: &'static str) -> Self {
        Self { quantity: Quantity::Ratio, statistic: Statistic::Ratio { events, of }, ..COUNT }
    }
}

/// Declares a group of metrics: each has a line of doc, a name, and what is known of it.
macro_rules! group {
    ($(#[$doc:meta])* $group:ident { $(#[doc = $about:literal] $leaf:ident: $traits:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $group<T> {
            $(#[doc = $about] pub $leaf: T,)*
        }
        impl<T> $group<T> {
            fn walk<'a>(&'a self, each: &mut dyn FnMut(&'a T)) {
                $(each(&self.$leaf);)*
            }
            fn build(make: &mut dyn FnMut() -> T) -> Self {
                Self { $($leaf: make(),)* }
            }
        }
        impl $group<()> {
            fn declare(name: &str, about: &str, adapt: fn(Traits) -> Traits, to: &mut Vec<Metric>) {
                $(to.push(Metric {
                    key: format!("{name}.{}", stringify!($leaf)),
                    about: format!("{about}{}", $about.trim()),
                    traits: adapt($traits),
                });)*
            }
        }
    };
}

group! {
    /// Requests by how they ended. They add up to those that arrived.
    Requests {
        /// Requests that arrived in the measured period.
        arrived: EVENTS,
        /// Requests that completed successfully.
        completed: EVENTS.higher(),
        /// Requests that were rejected.
        rejected: EVENTS.lower(),
        /// Requests that exceeded a timeout, waiting or running.
        timed_out: EVENTS.lower(),
        /// Requests that ended with an error of the function.
        failed: EVENTS.lower(),
        /// Requests still queued at the end of the run.
        unfinished: EVENTS.lower(),
    }
}

group! {
    /// Invocations: attempts of requests on the platform.
    Invocations {
        /// Invocations that were assigned an instance.
        started: EVENTS,
        /// Invocations for which an instance was created.
        cold: EVENTS.lower(),
        /// Invocations whose instance was not ready when they arrived.
        cold_affected: EVENTS.lower(),
        /// Invocations that a limit rejected or delayed.
        throttled: EVENTS.lower(),
    }
}

group! {
    /// A distribution of times, in seconds.
    Times {
        /// Mean.
        mean: SECONDS.lower(),
        /// Standard deviation.
        sd: SECONDS.lower(),
        /// Median.
        p50: SECONDS.lower().quantile(500),
        /// 90th percentile.
        p90: SECONDS.lower().quantile(900),
        /// 95th percentile.
        p95: SECONDS.lower().quantile(950),
        /// 99th percentile.
        p99: SECONDS.lower().quantile(990),
        /// 99.9th percentile.
        p999: SECONDS.lower().quantile(999),
        /// Largest.
        max: SECONDS.lower().of_the_whole(),
    }
}

group! {
    /// Instances; averages are weighted by time over the measured period.
    Instances {
        /// Mean number of instances.
        mean: COUNT,
        /// Mean number of instances serving at least one request.
        busy_mean: COUNT,
        /// Mean number of warm instances without a request.
        idle_mean: COUNT,
        /// Mean number of instances that are starting.
        starting_mean: COUNT,
        /// Largest number of instances at any moment.
        peak: COUNT.of_the_whole(),
        /// Instances created in the measured period.
        created: EVENTS,
        /// Mean time from creation to removal, of instances removed in the measured period.
        lifespan_mean_s: SECONDS.of_the_whole(),
        /// The static estimate N_instance = load / capacity of one instance, without simulation.
        static_estimate: COUNT.of_the_whole(),
    }
}

group! {
    /// A quantity over time.
    Level {
        /// Time-weighted mean.
        mean: COUNT,
        /// Highest.
        peak: COUNT.of_the_whole(),
    }
}

group! {
    /// Cost of the measured period, in US dollars.
    Cost {
        /// Total cost.
        total: USD,
        /// Request charges.
        requests: USD,
        /// Charges for on-demand compute, such as GB-seconds.
        compute: USD,
        /// Charges for provisioned concurrency and minimum instances: for having them and for running on them.
        provisioned: USD,
        /// Gateways.
        gateways: USD,
        /// Queues, streams and topics.
        messaging: USD,
        /// Workflows.
        workflows: USD,
        /// Dependencies.
        dependencies: USD,
        /// Links between sites.
        links: USD,
        /// The nodes of node groups.
        nodes: USD,
        /// Other charges of functions, such as ephemeral storage, snapshots and provisioned pollers.
        other: USD,
        /// Cost per million requests that arrive.
        per_million_requests: USD,
        /// Cost per million successful requests.
        per_million_succeeded: USD,
    }
}

/// What stands where a metric is in no group.
type Single<T> = T;

/// Declares the tree. After the name of a field stands its group with what its metrics are about (and, if need be, how what
/// is known of them is adapted), or, of one that is a metric itself, what is known of it.
macro_rules! tree {
    ($(#[$doc:meta])* $tree:ident { $(#[doc = $about:literal] $field:ident: $kind:ident($($rest:tt)*),)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $tree<T> {
            $(#[doc = $about] pub $field: $kind<T>,)*
        }
        impl<T> $tree<T> {
            fn walk<'a>(&'a self, each: &mut dyn FnMut(&'a T)) {
                $(tree!(@walk $kind self.$field, each);)*
            }
            fn build_in_order(make: &mut dyn FnMut() -> T) -> Self {
                Self { $($field: tree!(@build $kind make),)* }
            }
        }
        /// Every metric of the tree, in its order.
        pub(super) fn declared() -> Vec<Metric> {
            let mut list = Vec::new();
            $(tree!(@declare $kind stringify!($field), $about, ($($rest)*), &mut list);)*
            list
        }
    };
    (@walk Single $field:expr, $each:ident) => { $each(&$field) };
    (@walk $group:ident $field:expr, $each:ident) => { $field.walk($each) };
    (@build Single $make:ident) => { $make() };
    (@build $group:ident $make:ident) => { $group::build($make) };
    (@declare Single $name:expr, $about:literal, ($traits:expr), $list:expr) => {
        $list.push(Metric { key: $name.to_owned(), about: $about.trim().to_owned(), traits: $traits })
    };
    (@declare $group:ident $name:expr, $about:literal, ($prefix:literal), $list:expr) => {
        $group::declare($name, $prefix, std::convert::identity, $list)
    };
    (@declare $group:ident $name:expr, $about:literal, ($prefix:literal, $adapt:path), $list:expr) => {
        $group::declare($name, $prefix, $adapt, $list)
    };
}

tree! {
    /// Everything measured about one function, or about all together.
    Shape {
        /// Requests by how they ended.
        requests: Requests(""),
        /// Attempts on the platform.
        invocations: Invocations(""),
        /// Cold starts as a share of invocations started.
        cold_start_ratio: Single(Traits::ratio(&["invocations.cold"], "invocations.started").lower()),
        /// Invocations whose instance was not ready when they arrived, as a share of invocations started.
        cold_affected_ratio: Single(Traits::ratio(&["invocations.cold_affected"], "invocations.started").lower()),
        /// Rejected requests as a share of requests that arrived.
        rejection_ratio: Single(Traits::ratio(&["requests.rejected"], "requests.arrived").lower()),
        /// Requests rejected, timed out, failed or unfinished as a share of requests that arrived.
        failure_ratio: Single(
            Traits::ratio(
                &["requests.rejected", "requests.timed_out", "requests.failed", "requests.unfinished"],
                "requests.arrived",
            )
            .lower()
        ),
        /// T_exec of completed requests: T_wait + T_func.
        latency_s: Times("T_exec of completed requests: "),
        /// T_wait of completed requests: queueing + cold start.
        wait_s: Times("T_wait of completed requests: "),
        /// The part of T_wait that is not a cold start.
        queueing_s: Times("T_wait without the cold start: "),
        /// The part of T_wait until the instance was ready, if it was not ready when the request arrived.
        cold_start_s: Times("T_wait for an instance that was not ready when the request arrived: "),
        /// T_func of completed requests.
        execution_s: Times("T_func of completed requests: "),
        /// Instances.
        instances: Instances(""),
        /// Requests in progress, including those waiting for their instance to start.
        concurrency: Level("Requests in progress: "),
        /// Requests waiting for capacity.
        queue: Level("Requests waiting for capacity: ", Traits::lower),
        /// Money.
        cost_usd: Cost(""),
    }
}

impl<T> Shape<T> {
    /// Calls `each` with every metric and its value, in the order of the file.
    pub fn visit<'a>(&'a self, mut each: impl FnMut(&'static Metric, &'a T)) {
        let mut list = metrics().iter();
        self.walk(&mut |value| each(list.next().expect("a metric for each leaf"), value));
    }

    /// Makes a shape by asking for the value of every metric, in the order of [`Shape::visit`].
    pub fn build(mut make: impl FnMut(&'static Metric) -> T) -> Self {
        let mut list = metrics().iter();
        Self::build_in_order(&mut || make(list.next().expect("a metric for each leaf")))
    }

    /// The value of the metric with this dotted key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        let wanted = metrics().iter().position(|metric| metric.key == key)?;
        let (mut place, mut found) = (0, None);
        self.walk(&mut |value| {
            if place == wanted {
                found = Some(value);
            }
            place += 1;
        });
        found
    }
}
