//! Distributions of durations.

use crate::scenario::limits::{MAX_POINTS, MAX_STATES};
use crate::schema::declare::*;
use crate::schema::limits::MAX_LISTED;
use crate::schema::scalars::{Count, Duration, Flag, Positive, Share, Text};
use crate::time::Span;

union! {
    /// A distribution of durations.
    enum DistTable ("distribution") {
        /// Always the same value.
        "constant" => Constant(ConstantTable),
        /// Equally likely from min to max.
        "uniform" => Uniform(UniformTable),
        /// Memoryless.
        "exponential" => Exponential(ExponentialTable),
        /// Skewed, as most service times are: `median` with `p99` or `sigma`; or `mean` with `sd`.
        "log-normal" => LogNormal(LogNormalTable),
        /// Bell-shaped, negative draws counting as 0.
        "normal" => Normal(NormalTable),
        /// Coefficient of variation 1 / sqrt(shape).
        "gamma" => Gamma(GammaTable),
        /// The sum of exponential stages: coefficient of variation 1 / sqrt(stages).
        "erlang" => Erlang(ErlangTable),
        /// Heavy-tailed below shape 1, exponential at 1: `scale` or `mean`, and `shape`.
        "weibull" => Weibull(WeibullTable),
        /// Power-law tail: P(X > x) = (scale / x)^shape.
        "pareto" => Pareto(ParetoTable),
        /// A mixture of exponentials, more variable than one.
        "hyper-exponential" => HyperExponential(HyperExponentialTable),
        /// Burr XII: P(X > x) = (1 + (x / scale)^c)^-k.
        "burr" => Burr(BurrTable),
        /// Linear between known percentiles, from p = 0 to p = 1.
        "percentiles" => Percentiles(PercentilesTable),
        /// Drawn from observed values: `values`, or a `file` of them.
        "empirical" => Empirical(EmpiricalTable),
    }
}

table! {
    /// Always the same value.
    struct ConstantTable {
        /// The value; 0s is allowed.
        required value: Duration,
    }
}

table! {
    /// Equally likely from min to max.
    struct UniformTable {
        /// Smallest value.
        required min: Duration,
        /// Largest value.
        required max: Duration,
    }
}

table! {
    /// Memoryless.
    struct ExponentialTable {
        /// Mean.
        required mean: Duration,
    }
}

table! {
    /// The logarithm is normal: `median` with `p99` or `sigma`; or `mean` with `sd`.
    struct LogNormalTable {
        /// Median.
        optional median: Duration,
        /// 99th percentile.
        optional p99: Duration,
        /// Standard deviation of the logarithm.
        optional sigma: Positive,
        /// Mean of the durations.
        optional mean: Duration,
        /// Standard deviation of the durations.
        optional sd: Duration,
    }
}

table! {
    /// Bell-shaped, negative draws counting as 0.
    struct NormalTable {
        /// Mean before clipping.
        required mean: Duration,
        /// Standard deviation before clipping.
        required sd: Duration,
    }
}

table! {
    /// Gamma.
    struct GammaTable {
        /// Mean.
        required mean: Duration,
        /// Shape: the coefficient of variation is 1 / sqrt(shape).
        required shape: Positive,
    }
}

table! {
    /// The sum of exponential stages.
    struct ErlangTable {
        /// Mean over all stages.
        required mean: Duration,
        /// Number of stages.
        required stages: Count<1, 1_000_000>,
    }
}

table! {
    /// Weibull: `shape` with `scale` or `mean`.
    struct WeibullTable {
        /// The 63.2nd percentile.
        optional scale: Duration,
        /// Mean.
        optional mean: Duration,
        /// Shape: below 1 heavy-tailed, 1 exponential.
        required shape: Positive,
    }
}

table! {
    /// Power-law tail.
    struct ParetoTable {
        /// Smallest value.
        required scale: Duration,
        /// Tail index: the mean is infinite up to 1, the variance up to 2.
        required shape: Positive,
    }
}

table! {
    /// A mixture of exponentials.
    struct HyperExponentialTable {
        /// The exponentials; their probabilities add up to 1.
        required branches: List<Spanned<BranchTable>, 1, MAX_STATES>,
    }
}

table! {
    /// One exponential of a mixture.
    struct BranchTable {
        /// How often it is drawn from.
        required probability: Share,
        /// Its mean.
        required mean: Duration,
    }
}

table! {
    /// Burr XII.
    struct BurrTable {
        /// Scale.
        required scale: Duration,
        /// Inner shape.
        required c: Positive,
        /// Outer shape.
        required k: Positive,
    }
}

table! {
    /// Linear between known percentiles.
    struct PercentilesTable {
        /// From p = 0 (the smallest value) to p = 1 (the largest).
        required points: List<Spanned<PercentileTable>, 2, MAX_POINTS>,
    }
}

table! {
    /// A known percentile.
    struct PercentileTable {
        /// The share of values at or below this one, 0 to 1.
        required p: Share,
        /// The value.
        required value: Duration,
    }
}

table! {
    /// Drawn from observed values.
    struct EmpiricalTable {
        /// The values.
        optional values: List<Spanned<Duration>, 1, MAX_LISTED>,
        /// A file with one value on each line, beside the scenario file; empty lines and lines from # on do not count.
        optional file: Text,
        /// The unit of the numbers in the file, if they carry none.
        optional unit: Unit,
    }
}

/// The unit of numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::scenario) enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
}

choice! { Unit {
    "ns" => Unit::Nanoseconds, "Nanoseconds.";
    "us" => Unit::Microseconds, "Microseconds.";
    "ms" => Unit::Milliseconds, "Milliseconds.";
    "s" => Unit::Seconds, "Seconds.";
    "m" => Unit::Minutes, "Minutes.";
    "h" => Unit::Hours, "Hours.";
} }

table! {
    /// An instance is restored from a snapshot of one that has been initialised, as by AWS Lambda SnapStart: nothing is
    /// initialised when it starts. What a restored instance takes longer for its first request is `cold-duration`.
    struct SnapshotTable {
        /// What comes before: placement, the machine; not billed.
        optional environment: DistTable,
        /// Restoring the snapshot; not billed as execution.
        required restore: DistTable,
        /// What runs after it: loading the runtime, hooks; billed.
        optional hooks: DistTable,
        /// Whether keeping and restoring it costs `platform.billing.snapshot-...` (on AWS Lambda it does, except for Java).
        default charged: Flag = true,
    }
}

/// A cold start: one distribution, several phases, or a snapshot.
#[derive(Clone, Debug)]
pub(in crate::scenario) enum ColdStartTable {
    /// One phase, called init.
    Single(DistTable),
    /// Named phases, one after the other.
    Phases(SourceSpan, Vec<(String, Spanned<DistTable>)>),
    /// Restored from a snapshot.
    Snapshot(Box<SnapshotTable>),
}

type Phases = Map<DistTable, MAX_STATES>;

const COLD_START: &UnionShape = &UnionShape {
    what: "cold start",
    doc: "Time from the decision to create an instance until it can serve: a distribution, or phases.",
    kinds: &[
        KindShape {
            key: "phases",
            doc: "Phases one after the other, in the order written: environment and image are not billed, all others are.",
            shape: Phases::SHAPE,
        },
        KindShape {
            key: "snapshot",
            doc: "Restored from a snapshot instead of initialised, as by AWS Lambda SnapStart.",
            shape: SnapshotTable::SHAPE,
        },
    ],
    also: Some(DistTable::UNION),
};

impl Field for ColdStartTable {
    type Value = Self;
    const SHAPE: Shape = Shape::Union(COLD_START);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let kind = reader.kind(node, COLD_START)?;
        if kind.key == "phases" {
            return reader.of_kind::<Phases>(kind).map(|phases| Self::Phases(kind.node.place, phases));
        }
        if kind.key == "snapshot" {
            return reader.of_kind::<Box<SnapshotTable>>(kind).map(Self::Snapshot);
        }
        DistTable::read_kind(kind, reader).map(Self::Single)
    }
    fn write(value: &Self) -> Value {
        match value {
            Self::Single(dist) => DistTable::write(dist),
            Self::Snapshot(table) => {
                Value::Table(vec![Entry::new("snapshot", table.place, SnapshotTable::write(table))])
            }
            Self::Phases(place, phases) => Value::Table(vec![Entry::new("phases", *place, Phases::write(phases))]),
        }
    }
}

impl Unit {
    /// Its length.
    pub(in crate::scenario) fn span(self) -> Span {
        match self {
            Self::Nanoseconds => Span::from_nanos(1),
            Self::Microseconds => Span::from_nanos(1_000),
            Self::Milliseconds => Span::from_millis(1),
            Self::Seconds => Span::from_secs(1),
            Self::Minutes => Span::from_secs(60),
            Self::Hours => Span::from_secs(3_600),
        }
    }
}
