//! Functions, and their defaults.

use super::dist::{ColdStartTable, DistTable};
use crate::policy::keep_alive::Measured;
use crate::policy::scaling::ScalingSpec;
use crate::policy::selection::Selection;
use crate::scenario::limits::MAX_PROVISIONED;
use crate::scenario::model::Architecture;
use crate::schema::declare::*;
use crate::schema::limits::MAX_LISTED;
use crate::schema::scalars::{Count, Duration, Name, Number, Share, Size, Text, Window};
use crate::time::Span;

/// The most that a number of instances or requests can be.
const MANY: u32 = 1_000_000_000;

/// Declares the two tables that differ in `name` only.
macro_rules! function_table {
    ($(#[doc = $doc:literal])+ struct $name:ident { $($first:tt)* }) => {
        table! {
            $(#[doc = $doc])+
            struct $name {
                $($first)*
                /// Memory of an instance.
                default memory: Size = 128,
                /// A request running longer is cut off and has timed out; "none": never.
                optional timeout: OrNone<Duration>,
                /// Which instance serves the next request; without it: the one used last, or what `scaling` brings with it.
                optional selection: Selection,
                /// An instance this old takes no further request and goes when it is free; "none": as old as it gets.
                optional max_lifetime: OrNone<Duration>,
                /// The application it belongs to: functions of one application are kept warm together where `keep-alive`
                /// decides by application; without it, what a trace says, else the function is one by itself.
                optional app: Name,
                /// Processor architecture, for the price.
                default architecture: Architecture = Architecture::X86,
                /// Language and version, as "nodejs22": with a preset, the cold start of this runtime.
                optional runtime: Text,
                /// How the code is packed: with a preset, it decides about the cold start too.
                default package: Package = Package::Zip,
                /// Running time of one request, T_func (a trace may bring it).
                optional duration: DistTable,
                /// Running time of a request that is cold, in place of `duration`.
                optional cold_duration: DistTable,
                /// Time from the decision to create an instance until it can serve; "none": it can at once.
                optional cold_start: OrNone<ColdStartTable>,
                /// When an idle instance goes.
                default keep_alive: KeepAliveTable = KeepAliveTable::standard(),
                /// How many instances there are.
                default scaling: ScalingSpec = ScalingSpec::default(),
                /// How many at a time.
                default concurrency: ConcurrencyTable = ConcurrencyTable::standard(),
                /// What is there when the run begins, beside provisioned instances; without it: nothing.
                optional initial: InitialTable,
            }
        }
    };
}

function_table! {
    /// A deployed function.
    struct FunctionTable {
        /// Unique name.
        required name: Name,
    }
}

function_table! {
    /// Values for every function that does not set them.
    struct DefaultsTable {}
}

/// How code is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Package {
    Zip,
    Image,
}

choice! { Package {
    "zip" => Package::Zip, "An archive.";
    "image" => Package::Image, "A container image.";
} }

choice! { Architecture {
    "x86" => Architecture::X86, "x86-64.";
    "arm" => Architecture::Arm, "64-bit Arm.";
} }

choice! { Selection {
    "most-recently-used" => Selection::MostRecentlyUsed, "The one that fell idle last, as on AWS Lambda.";
    "least-recently-used" => Selection::LeastRecentlyUsed, "The one that was used longest ago.";
    "newest" => Selection::Newest, "The youngest, even if it is still starting.";
    "oldest" => Selection::Oldest, "The one created first.";
    "random" => Selection::Random, "Any, with equal probability.";
    "round-robin" => Selection::RoundRobin, "Each in turn, in the order of creation.";
} }

union! {
    /// When an idle instance goes.
    enum KeepAliveTable ("keep-alive") {
        /// After the same time each.
        "fixed" => Fixed(FixedTable),
        /// Never.
        "forever" => Forever(ForeverTable),
        /// Of a function's idle instances half go every period.
        "halving" => Halving(HalvingTable),
        /// Each after a time of its own.
        "drawn" => Drawn(DrawnTable),
        /// As somebody has measured it on a platform.
        "measured" => Measured(MeasuredTable),
        /// After as long as most idle times of the function were.
        "adaptive" => Adaptive(AdaptiveTable),
        /// Each application is unloaded and loaded again as the histogram of its idle times says.
        "hybrid-histogram" => HybridHistogram(Box<HybridHistogramTable>),
        /// When memory is needed, the least valuable first, as in a cache.
        "greedy-dual" => GreedyDual(GreedyDualTable),
    }
}

table! {
    /// Every idle instance stays for the same time.
    struct FixedTable {
        /// How long; "forever" for always.
        default window: Window = Span::from_secs(600),
    }
}

table! {
    /// Instances never go.
    struct ForeverTable {}
}

table! {
    /// Of a function's idle instances half go every period.
    struct HalvingTable {
        /// The period, 380 s as measured on AWS Lambda in 2021.
        default period: Duration = Span::from_secs(380),
    }
}

table! {
    /// Every idle instance stays for a time that is drawn for it, each time anew.
    struct DrawnTable {
        /// The law of that time.
        required window: DistTable,
    }
}

table! {
    /// Idle instances go as somebody has measured or documented it.
    struct MeasuredTable {
        /// Where.
        required platform: Measured,
    }
}

choice! { Measured {
    "aws-lambda" => Measured::AwsLambda, "AWS Lambda, one instance, January 2021 (Shilkov): 5 to 7 minutes. Of many instances, see `halving`.";
    "azure-functions" => Measured::AzureFunctions, "Azure Functions, consumption plan, January 2021 (Shilkov): mostly 20 to 30 minutes.";
    "azure-functions-2019" => Measured::AzureFunctions2019, "Azure Functions in 2019 (Shahrad et al., ATC 2020): 20 minutes.";
    "google-cloud" => Measured::GoogleCloud, "Google Cloud Functions and Cloud Run: 15 minutes, measured in January 2021 and documented.";
    "huawei-functiongraph" => Measured::HuaweiFunctionGraph, "Huawei FunctionGraph (Joosen et al., EuroSys 2025): 1 minute.";
    "openwhisk" => Measured::OpenWhisk, "Apache OpenWhisk, the default of its idle container: 10 minutes.";
    "fission" => Measured::Fission, "Fission, the default of its pool manager in 2026: 2 minutes.";
} }

table! {
    /// A window that follows the function: a quantile of its newest idle times, from the end of its last execution to its
    /// next request, with a margin; the tail of Shahrad et al. (ATC 2020) without unloading in between.
    struct AdaptiveTable {
        /// The quantile of the idle times that is to be survived.
        default quantile: Share = 0.99,
        /// How far the window is widened, as a fraction.
        default margin: Share = 0.1,
        /// So many idle times are remembered, the newest.
        default of: Count<1, 10_000> = 100,
        /// With fewer idle times the window is the longest.
        default min_samples: Count<1, 10_000> = 10,
        /// The shortest window.
        default min_window: Duration = Span::from_secs(60),
        /// The longest window.
        default max_window: Duration = Span::from_secs(4 * 3600),
    }
}

table! {
    /// The hybrid histogram of Shahrad et al., "Serverless in the Wild" (USENIX ATC 2020): idle times run from the end of
    /// an application's last execution to its next invocation.
    struct HybridHistogramTable {
        /// The width of a bin of the histogram.
        default bin: Duration = Span::from_secs(60),
        /// Idle times this long or longer are out of range; an application whose histogram says nothing stays so long.
        default range: Duration = Span::from_secs(4 * 3600),
        /// The quantile of the idle times at which the application is loaded again.
        default head: Share = 0.05,
        /// The quantile at which it goes for good.
        default tail: Share = 0.99,
        /// How far the window between them is widened at both ends, as a fraction.
        default margin: Share = 0.1,
        /// The least coefficient of variation of the bin counts that makes the histogram representative.
        default min_cv: Number = 2.0,
        /// The fraction of idle times out of range above which a forecast takes over.
        default max_out_of_range: Share = 0.5,
        /// Fewest idle times in range for the histogram to be used.
        default min_samples: Count<1, MANY> = 10,
        /// Half the width of the window around a forecast, as a fraction of it.
        default forecast_margin: Share = 0.15,
    }
}

table! {
    /// Keep-alive as caching, as in FaasCache (Fuerst and Sharma, ASPLOS 2021): instances stay until the memory of
    /// `platform.memory` is needed for another. It is one cache: all functions that name a rule name the same.
    struct GreedyDualTable {
        /// What makes an instance valuable.
        default rule: RuleWord = RuleWord::GreedyDual,
        /// With rule = "time-to-live": idle instances go after this time in any case; without it, ten minutes.
        optional time_to_live: Duration,
    }
}

/// What makes an instance valuable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum RuleWord {
    GreedyDual,
    LeastRecentlyUsed,
    Frequency,
    Size,
    TimeToLive,
    Landlord,
    Random,
}

choice! { RuleWord {
    "greedy-dual" => RuleWord::GreedyDual, "Clock + uses of its function * time that a cold start adds / memory.";
    "least-recently-used" => RuleWord::LeastRecentlyUsed, "The time of its last use.";
    "frequency" => RuleWord::Frequency, "Clock + uses of its function * time that a cold start adds.";
    "size" => RuleWord::Size, "Clock + uses of its function / memory.";
    "time-to-live" => RuleWord::TimeToLive, "The time of its last use; idle ones go after ten minutes in any case.";
    "landlord" => RuleWord::Landlord, "Credit for each use, from which all pay rent by memory whenever memory is short.";
    "random" => RuleWord::Random, "A whole number from 0 to 9, drawn at each use.";
} }

table! {
    /// How many at a time.
    struct ConcurrencyTable {
        /// Requests that one instance serves at a time; without it: 1, or what `scaling` says.
        optional per_instance: Count<1, 1_000_000>,
        /// Instances that may exist; "none": no limit.
        optional max_instances: OrNone<Count<1, MANY>>,
        /// Requests in progress that are guaranteed and at the same time the most; "none": shares what is unreserved.
        optional reserved: OrNone<Count<0, MANY>>,
        /// Instances that are always there.
        default provisioned: Count<0, MAX_PROVISIONED> = 0,
        /// What a request meets when no instance may be created; without it: "reject", or "queue" where `scaling` orders
        /// the instances.
        optional overflow: OverflowWord,
        /// With overflow = "queue": requests that may wait; "none": no limit.
        optional queue_limit: OrNone<Count<0, MANY>>,
        /// With overflow = "queue": the longest wait, after which the request has timed out; "none": no limit.
        optional queue_timeout: OrNone<Duration>,
    }
}

table! {
    /// Instances that are there when the run begins.
    struct InitialTable {
        /// Instances that serve a request each: how much longer is drawn from `duration`. These requests are not counted.
        default busy: Count<0, MAX_PROVISIONED> = 0,
        /// Instances that are idle; without it: as many as `idle-expire-in` names.
        optional idle: Count<0, MAX_PROVISIONED>,
        /// When idle instances go if nobody asks for them, the one used longest ago first; the others have what
        /// `keep-alive` gives them at the start.
        default idle_expire_in: List<Spanned<Duration>, 0, MAX_LISTED> = Vec::new(),
        /// How old all of them are, for `max-lifetime`.
        default age: Duration = Span::ZERO,
    }
}

/// What a request meets when no instance may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum OverflowWord {
    Reject,
    Queue,
}

choice! { OverflowWord {
    "reject" => OverflowWord::Reject, "It is refused for good.";
    "queue" => OverflowWord::Queue, "It waits, first come first served.";
} }

impl KeepAliveTable {
    /// What holds where nothing is said: ten minutes.
    fn standard() -> Self {
        let (place, window) = (SourceSpan::default(), Span::from_secs(600));
        Self::Fixed(FixedTable { place, window: Spanned { value: window, place, broken: false } })
    }
}

impl ConcurrencyTable {
    /// What holds where nothing is said.
    fn standard() -> Self {
        fn at<T>(value: T) -> Spanned<T> {
            Spanned { value, place: SourceSpan::default(), broken: false }
        }
        Self {
            place: SourceSpan::default(),
            per_instance: at(None),
            max_instances: at(None),
            reserved: at(None),
            provisioned: at(0),
            overflow: at(None),
            queue_limit: at(None),
            queue_timeout: at(None),
        }
    }
}
