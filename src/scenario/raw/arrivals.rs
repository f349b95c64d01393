//! Arrival processes.

use super::dist::{DistTable, Unit};
use crate::scenario::limits::{MAX_BURST, MAX_POINTS, MAX_STATES, MAX_USERS};
use crate::schema::declare::*;
use crate::schema::limits::{MAX_LISTED, MAX_TEXT};
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
        required gap: DistTable,
    }
}

table! {
    /// Users who wait for their answer, think, and ask again.
    struct ClosedTable {
        /// How many users.
        required users: Count<1, MAX_USERS>,
        /// From an answer to the next request of the same user.
        required think_time: DistTable,
    }
}

table! {
    /// At given moments.
    struct TimesTable {
        /// The moments, never falling.
        required at: List<Duration, 1, MAX_LISTED>,
    }
}

table! {
    /// Recorded requests.
    struct TraceTable {
        /// The file: for azure-2019 the invocations, of several days a list; gzip and zstd are read as they are.
        required file: Paths,
        /// How the file is written.
        required format: TraceFormat,
        /// azure-2019: the file of durations, or a list.
        optional durations: Paths,
        /// azure-2019: the file of memory, or a list.
        optional memory: Paths,
        /// azure-2019: how the requests of a minute lie within it.
        default spread: Spread = Spread::Auto,
        /// What is time zero: a time in the trace, as in "2d", or a date. Without it the zero of the trace's times; where these
        /// count from 1970 on, the first request.
        optional start: Text,
        /// forewarm, azure-2021: the unit of times that are numbers; without it seconds. Running times are always in seconds.
        optional time_unit: Unit,
        /// What separates the fields, as in ";" or "tab"; without it the header tells.
        optional separator: Text,
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
    /// Recorded counts of requests per interval, or rates: two columns of a file.
    struct RateTraceTable {
        /// The file; gzip and zstd are read as they are.
        required file: Text,
        /// The column of times; without it one called time, timestamp, date, minute, hour or the like.
        optional time_column: Text,
        /// The column of counts; without it one called count, requests, invocations, sum or the like.
        optional count_column: Text,
        /// A column of rates per second, in place of counts; without it one called rate, rps or the like.
        optional rate_column: Text,
        /// The unit of times that are numbers; without it the name of the column or their size tells.
        optional time_unit: Unit,
        /// The length of the intervals; without it the least distance of two times, or what divides all of them.
        optional interval: Duration,
        /// What is time zero: a time in the trace, as in "2d", or a date; without it the first interval.
        optional start: Text,
        /// What separates the fields, as in ";" or "tab"; without it the header tells.
        optional separator: Text,
        /// What the counts are multiplied with.
        default scale: Positive = 1.0,
        /// How the requests of an interval lie within it.
        default spread: Spread = Spread::Poisson,
        /// What a row that cannot be read does.
        default on_error: OnError = OnError::Fail,
    }
}

/// One path, or a list of them.
#[derive(Debug)]
pub(crate) struct Paths;

type PathList = List<Text, 1, 1000>;

impl Paths {
    /// The paths, none where the key is absent.
    pub(crate) fn of(at: &Spanned<Option<Vec<Spanned<String>>>>) -> impl Iterator<Item = &str> {
        at.iter().flatten().map(|path| path.as_str())
    }
}

impl Field for Paths {
    type Value = Vec<Spanned<String>>;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a path, or a list of paths",
        quoted: true,
        schema: || {
            let path = serde_json::json!({"type": "string", "maxLength": MAX_TEXT});
            serde_json::json!({"anyOf": [path, {"type": "array", "items": path, "minItems": 1, "maxItems": 1000}]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match &node.value {
            Value::List(_) => PathList::read(node, reader),
            Value::Text(_) => {
                Text::read(node, reader).map(|value| vec![Spanned { value, place: node.place, broken: false }])
            }
            _ => {
                reader.refuse(node, Self::SHAPE);
                None
            }
        }
    }
    fn write(paths: &Self::Value) -> Value {
        match &paths[..] {
            [path] => Text::write(path),
            _ => PathList::write(paths),
        }
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
    "timer" => Spread::Timer, "As many as counted, at equal gaps from an offset that is drawn once for each function, as timers fire.";
    "auto" => Spread::Auto, "As \"timer\" where a timer is the trigger or at most one request a second was counted, else as \"uniform\".";
} }

choice! { OnError {
    "fail" => OnError::Fail, "It ends the run, with file and line.";
    "skip" => OnError::Skip, "It is counted and left out.";
} }
