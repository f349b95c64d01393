//! Functions, and their defaults.

use super::cold_start::ColdStartTable;
use super::path::StepTable;
use crate::dist::DistSpec;
use crate::path::async_queue::AsyncParameters;
use crate::policy::keep_alive::KeepAliveSpec;
use crate::policy::scaling::ScalingSpec;
use crate::policy::selection::Selection;
use crate::scenario::limits::MAX_PROVISIONED;
use crate::scenario::model::{Architecture, QueueOrder};
use crate::schema::declare::*;
use crate::schema::limits::{MAX_LISTED, MAX_STATES};
use crate::schema::scalars::{Amount, Count, Duration, Flag, Name, Positive, Ratio, Share, Size, Text};
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
                /// How long a busy instance that its scaling policy withdraws may go on: what it has not finished by then
                /// has failed; "none": until it has finished. Without it: 30s for hpa, keda and openfaas, `timeout` (or 300s)
                /// for knative, none for the others.
                optional termination_grace_period: OrNone<Duration>,
                /// The application it belongs to: functions of one application are kept warm together where `keep-alive`
                /// decides by application; without it, what a trace says, else the function is one by itself.
                optional app: Name,
                /// Processor architecture, for the price.
                default architecture: Architecture = Architecture::X86,
                /// The processors of an instance, and how much of them its requests need.
                optional cpu: CpuTable,
                /// Language and version, as "nodejs22": with a preset, the cold start of this runtime.
                optional runtime: Text,
                /// How the code is packed: with a preset, it decides about the cold start too.
                default package: Package = Package::Zip,
                /// What the code loads when it starts: with a preset that has measured it, part of the cold start.
                optional code: CodeTable,
                /// Running time of one request, T_func (a trace may bring it).
                optional duration: DistSpec,
                /// What a request does, in order, in place of `duration`; its instance is held meanwhile.
                default step: List<StepTable, 0, MAX_STATES> = Vec::new(),
                /// What becomes of its asynchronous invocations; without it, what AWS Lambda does with them.
                optional r#async: AsyncParameters,
                /// The part of its runs that fail, as "1%".
                default failure_ratio: Ratio = 0.0,
                /// The site where it is; without it, the first `[[site]]`.
                optional site: Name,
                /// The `[[tenant]]` whose quota its invocations count for, whoever makes them.
                optional tenant: Name,
                /// Running time of a request that is cold, in place of `duration`.
                optional cold_duration: DistSpec,
                /// Time from the decision to create an instance until it can serve; "none": it can at once.
                optional cold_start: OrNone<ColdStartTable>,
                /// When an idle instance goes.
                default keep_alive: KeepAliveSpec = KeepAliveSpec::default(),
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

choice! { QueueOrder {
    "fifo" => QueueOrder::Fifo, "Who came first.";
    "lifo" => QueueOrder::Lifo, "Who came last: under overload some are served in time, in place of nobody.";
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
        /// With overflow = "queue": who is served first.
        default queue_order: QueueOrder = QueueOrder::Fifo,
        /// With overflow = "queue": requests that may wait; "none": no limit.
        optional queue_limit: OrNone<Count<0, MANY>>,
        /// With overflow = "queue": the longest wait, after which the request has timed out; "none": no limit.
        optional queue_timeout: OrNone<Duration>,
    }
}

table! {
    /// What the code of a function loads when an instance starts.
    struct CodeTable {
        /// The framework, as "spring-boot": the cold start is that of a service written with it, in place of that of a function
        /// that does nothing.
        optional framework: Text,
        /// Size of the dependencies that are loaded, unpacked; what is in the package and not loaded costs nearly nothing.
        optional dependencies: Size,
        /// Whether it is attached to a private network (VPC).
        default vpc: Flag = false,
    }
}

table! {
    /// The processors of an instance. With any key but `request`, the requests on an instance share them equally, and
    /// `duration` (and `run` of a step) is what a request takes with a processor to itself: it computes for `cpu-bound-share`
    /// of that and then waits for the rest. Otherwise requests do not slow down each other.
    struct CpuTable {
        /// vCPUs that an instance is sure of (Kubernetes: `resources.requests.cpu`): a node has as many instances as their
        /// requests fit in its CPU. Without it: as `limit`.
        optional request: Amount,
        /// vCPUs of an instance; without it: what the platform gives with its memory, else 1. It is enforced as the CPU quota
        /// of Linux is: in each `period` an instance may compute for `limit` times the period, and waits for the next one when
        /// it has. It has as many processors as this number rounded up, or as a request has `threads` where that is more.
        optional limit: Positive,
        /// The part of the running time of a request in which it computes; without it: all of it. Platforms that charge for
        /// processor time charge for that.
        optional cpu_bound_share: Share,
        /// Processors that a single request uses at most; without it: 1.
        optional threads: Count<1, 1000>,
        /// The period of the quota, from 1ms to 1s; without it: that of the platform, else 100ms as in Linux and Kubernetes.
        optional period: Duration,
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
            queue_order: at(QueueOrder::Fifo),
            queue_limit: at(None),
            queue_timeout: at(None),
        }
    }
}
