//! Arrival processes.

use crate::dist::DistSpec;
use crate::scenario::limits::{MAX_BURST, MAX_USERS};
use crate::schema::declare::*;
use crate::schema::limits::{MAX_LISTED, MAX_POINTS, MAX_STATES};
use crate::schema::scalars::{Count, Duration, Positive, Rate, RateOrZero, Seed, Share, Text};
use crate::time::Span;
use crate::workload::Spread;
use crate::workload::population::FUNCTIONS_MAX;
use crate::workload::trace::OnError;

/// What a day has.
const DAY: Span = Span::from_secs(86_400);

union! {
    /// When requests come.
    enum ArrivalTable ("arrivals") {
        /// One request every 1/rate.
        "constant" => Constant(RateTable),
        /// Independent users: gaps are exponential.
        "poisson" => Poisson(RateTable),
        /// Markov-modulated Poisson: a rate for each state, states one after the other.
        "mmpp" => Mmpp(MmppTable),
        /// Poisson whose rate is linear between points.
        "piecewise" => Piecewise(PiecewiseTable),
        /// Poisson with a sinusoidal rate: `rate` with `amplitude`, or `low` with `peak`.
        "diurnal" => Diurnal(DiurnalTable),
        /// Bursts at regular times over a Poisson background.
        "burst" => Burst(BurstTable),
        /// Independent gamma gaps: `rate` with `shape` or `cv`.
        "gamma" => Gamma(GammaGapTable),
        /// Independent Weibull gaps.
        "weibull" => Weibull(WeibullGapTable),
        /// Independent gaps of any distribution.
        "renewal" => Renewal(RenewalTable),
        /// Users who wait for their answer, think, and ask again.
        "closed" => Closed(ClosedTable),
        /// At given moments.
        "times" => Times(TimesTable),
        /// Recorded requests, from a file.
        "trace" => Trace(TraceTable),
        /// Recorded counts of requests per interval, from a file.
        "rate-trace" => RateTrace(RateTraceTable),
        /// An Azure-like population of functions, drawn from published distributions; it brings its functions with it.
        "population" => Population(PopulationTable),
    }
}

table! {
    /// A fixed rate.
    struct RateTable {
        /// Requests per time.
        required rate: Rate,
    }
}

table! {
    /// Markov-modulated Poisson.
    struct MmppTable {
        /// The states, one after the other, the first after the last.
        required states: List<StateTable, 1, MAX_STATES>,
    }
}

table! {
    /// A state of a Markov-modulated Poisson process.
    struct StateTable {
        /// Requests per time in this state; may be "0/s".
        required rate: RateOrZero,
        /// Mean time in this state.
        required stay: Duration,
    }
}

table! {
    /// Poisson whose rate is linear between points.
    struct PiecewiseTable {
        /// Times, rising, with rates. Before the first and after the last the rate stays as there.
        required points: List<PointTable, 1, MAX_POINTS>,
        /// Start again after this long.
        optional period: Duration,
    }
}

table! {
    /// A time with its rate.
    struct PointTable {
        /// Time from the start.
        required at: Duration,
        /// Requests per time; may be "0/s".
        required rate: RateOrZero,
    }
}

table! {
    /// Poisson with a sinusoidal rate: `rate` with `amplitude`, or `low` with `peak`.
    struct DiurnalTable {
        /// Mean rate.
        optional rate: Rate,
        /// 0 (flat) to 1 (down to nothing at night).
        optional amplitude: Share,
        /// Lowest rate, half a period from the peak.
        optional low: RateOrZero,
        /// Highest rate.
        optional peak: Rate,
        /// From peak to peak.
        default period: Duration = DAY,
        /// When in the period the peak is.
        default peak_at: Duration = Span::ZERO,
    }
}

table! {
    /// Bursts at regular times.
    struct BurstTable {
        /// Requests of a burst.
        required size: Count<1, MAX_BURST>,
        /// From the start of one burst to the start of the next.
        required every: Duration,
        /// When the first burst starts.
        default first: Duration = Span::ZERO,
        /// How long a burst is: its requests are at random moments within; 0s for all at once.
        default within: Duration = Span::ZERO,
        /// Rate of the Poisson background.
        default background: RateOrZero = 0.0,
    }
}

table! {
    /// Independent gamma gaps.
    struct GammaGapTable {
        /// Mean rate.
        required rate: Rate,
        /// Shape: 1 is Poisson, below is burstier.
        optional shape: Positive,
        /// Coefficient of variation of the gaps, in place of `shape`: 1 is Poisson, above is burstier.
        optional cv: Positive,
    }
}

table! {
    /// Independent Weibull gaps.
    struct WeibullGapTable {
        /// Mean rate.
        required rate: Rate,
        /// Shape: 1 is Poisson, below is burstier.
        required shape: Positive,
    }
}

table! {
    /// Independent gaps of any distribution.
    struct RenewalTable {
        /// The gap.
        required gap: DistSpec,
    }
}

table! {
    /// Users who wait for their answer, think, and ask again.
    struct ClosedTable {
        /// How many users.
        required users: Count<1, MAX_USERS>,
        /// From an answer to the next request of the same user.
        required think_time: DistSpec,
    }
}

table! {
    /// At given moments.
    struct TimesTable {
        /// The moments, never falling.
        required at: List<Spanned<Duration>, 1, MAX_LISTED>,
    }
}

table! {
    /// Recorded requests.
    struct TraceTable {
        /// The file: for azure-2019 the invocations; gzip and zstd are read as they are.
        required file: Text,
        /// How the file is written.
        required format: TraceFormat,
        /// azure-2019: the file of durations.
        optional durations: Text,
        /// azure-2019: the file of memory.
        optional memory: Text,
        /// azure-2019: how the requests of a minute lie within it.
        default spread: Spread = Spread::Uniform,
        /// What a row that cannot be read does.
        default on_error: OnError = OnError::Fail,
    }
}

table! {
    /// An Azure-like population of functions (Shahrad et al., ATC 2020).
    struct PopulationTable {
        /// How many functions.
        required functions: Count<1, FUNCTIONS_MAX>,
        /// Requests a day, all functions together.
        required invocations_per_day: Positive,
        /// Root of the random numbers that draw the population, apart from those of the simulation.
        default seed: Seed = 1,
    }
}

table! {
    /// Recorded counts of requests per interval: columns time and count.
    struct RateTraceTable {
        /// The file; gzip and zstd are read as they are.
        required file: Text,
        /// What the counts are multiplied with.
        default scale: Positive = 1.0,
        /// How the requests of an interval lie within it.
        default spread: Spread = Spread::Poisson,
        /// What a row that cannot be read does.
        default on_error: OnError = OnError::Fail,
    }
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum TraceFormat {
    Azure2019,
    Azure2021,
    Forewarm,
}

choice! { TraceFormat {
    "azure-2019" => TraceFormat::Azure2019, "Azure Functions 2019: counts per minute, functions by hash.";
    "azure-2021" => TraceFormat::Azure2021, "Azure Functions 2021: one row for each invocation.";
    "forewarm" => TraceFormat::Forewarm, "time_s,function[,duration_s][,memory_mb].";
} }

choice! { Spread {
    "uniform" => Spread::Uniform, "As many as counted, at random moments.";
    "poisson" => Spread::Poisson, "A Poisson process with the counted mean.";
    "equidistant" => Spread::Equidistant, "As many as counted, at equal gaps.";
} }

choice! { OnError {
    "fail" => OnError::Fail, "It ends the run, with file and line.";
    "skip" => OnError::Skip, "It is counted and left out.";
} }
