//! Functions, and their defaults.

use super::batching::BatchingTable;
use super::cold_start::ColdStartTable;
use super::path::StepTable;
use crate::cluster::parameters::ReadinessProbe;
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
use crate::schema::sizes::Bytes;
use crate::time::Span;

/// Maximum number of layers of an image: that of containerd.
const MAX_LAYERS: u32 = 128;

/// Maximum number of instances or requests.
const MANY: u32 = 1_000_000_000;

/// Declares the two tables, which differ only in `name`.
macro_rules! function_table {
    ($(#[doc = $doc:literal])+ struct $name:ident { $($first:tt)* }) => {
        table! {
            $(#[doc = $doc])+
            struct $name {
                $($first)*
                /// Memory of an instance.
                default memory: Size = 128,
                /// Longest duration of a request, after which it is stopped and has timed out; "none": no limit.
                optional timeout: OrNone<Duration>,
                /// Which instance serves the next request. Default: the most recently used one, or as defined by
                /// `scaling`.
                optional selection: Selection,
                /// Age at which an instance accepts no further requests and is removed once free; "none": no limit.
                optional max_lifetime: OrNone<Duration>,
                /// How long a busy instance may continue after its scaling policy withdraws it; requests unfinished by
                /// then fail. "none": until they finish. Default: 30s for hpa, keda and openfaas, `timeout` (or 300s)
                /// for knative, none for the others.
                optional termination_grace_period: OrNone<Duration>,
                /// The application it belongs to: functions of an application are kept warm together if `keep-alive`
                /// works per application. Default: as in the trace, or an application of its own.
                optional app: Name,
                /// CPU architecture, which determines the price.
                default architecture: Architecture = Architecture::X86,
                /// The CPU of an instance, and how its requests use it.
                optional cpu: CpuTable,
                /// GPUs that an instance takes from its node.
                default gpu: Amount = 0.0,
                /// The node group on whose nodes its instances run. Default: with node groups, any group with nodes on
                /// which one fits.
                optional node_group: Name,
                /// The container image that a node must have before an instance starts. Default: nothing is pulled.
                optional image: ImageTable,
                /// Ephemeral storage of an instance, such as `/tmp`, where a platform charges for it. Default: what is included.
                optional ephemeral_storage: Size,
                /// When an instance that has started counts as ready. Default: at once.
                optional readiness_probe: ReadinessProbe,
                /// Language and version, such as "nodejs22": with a preset, selects the cold start of this runtime.
                optional runtime: Text,
                /// How the code is packaged: with a preset, this affects the cold start too.
                default package: Package = Package::Zip,
                /// What the code loads when it starts: affects the cold start, with a preset that has measurements of
                /// it.
                optional code: CodeTable,
                /// Duration of a request, T_func (a trace may provide it).
                optional duration: DistSpec,
                /// What a request does, in order, instead of `duration`; its instance stays busy during all steps.
                default step: List<StepTable, 0, MAX_STATES> = Vec::new(),
                /// A language model that serves requests in batches, instead of `duration`.
                optional batching: BatchingTable,
                /// How its asynchronous invocations are handled. Default: as on AWS Lambda.
                optional r#async: AsyncParameters,
                /// Largest payload of a synchronous invocation; a larger one is rejected, as by HTTP 413, and not
                /// retried. A poller closes a batch before it is too large. "none": no limit.
                optional payload_limit: OrNone<Bytes>,
                /// Share of its invocations that fail, such as "1%".
                default failure_ratio: Ratio = 0.0,
                /// Its site. Default: the first `[[site]]`.
                optional site: Name,
                /// The `[[tenant]]` whose quota covers its invocations by any caller.
                optional tenant: Name,
                /// Duration of a cold request, instead of `duration`.
                optional cold_duration: DistSpec,
                /// Time from the decision to create an instance until it is ready; "none": no delay.
                optional cold_start: OrNone<ColdStartTable>,
                /// When idle instances are removed.
                default keep_alive: KeepAliveSpec = KeepAliveSpec::default(),
                /// How the number of instances is determined.
                default scaling: ScalingSpec = ScalingSpec::default(),
                /// Concurrency and its limits.
                default concurrency: ConcurrencyTable = ConcurrencyTable::standard(),
                /// Instances that exist at the start of the run, in addition to provisioned ones. Default: none.
                optional initial: InitialTable,
            }
        }
    };
}

function_table! {
    /// A function.
    struct FunctionTable {
        /// Unique name.
        required name: Name,
    }
}

function_table! {
    /// Values for every function that does not set them.
    struct DefaultsTable {}
}

choice! {
    /// How the code is packaged.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::scenario) enum Package {
        "zip" => Zip, "An archive.";
        "image" => Image, "A container image.";
    }
}

choice! { QueueOrder {
    "fifo" => QueueOrder::Fifo, "First in, first out.";
    "lifo" => QueueOrder::Lifo, "Last in, first out: under overload, some requests are served in time instead of none.";
} }

choice! { Architecture {
    "x86" => Architecture::X86, "x86-64.";
    "arm" => Architecture::Arm, "64-bit Arm.";
} }

choice! { Selection {
    "most-recently-used" => Selection::MostRecentlyUsed, "The instance that became idle last, as on AWS Lambda.";
    "least-recently-used" => Selection::LeastRecentlyUsed, "The least recently used instance.";
    "newest" => Selection::Newest, "The newest instance, even if it is still starting.";
    "oldest" => Selection::Oldest, "The oldest instance.";
    "random" => Selection::Random, "A random instance, with equal probability.";
    "round-robin" => Selection::RoundRobin, "Round robin, in order of creation.";
} }

table! {
    /// Concurrency and its limits.
    struct ConcurrencyTable {
        /// Requests that an instance serves at a time. Default: 1, or as defined by `scaling`.
        optional per_instance: Count<1, 1_000_000>,
        /// Maximum number of instances; "none": no limit.
        optional max_instances: OrNone<Count<1, MANY>>,
        /// Requests in progress that are both guaranteed and the maximum; "none": shares the unreserved concurrency.
        optional reserved: OrNone<Count<0, MANY>>,
        /// Always-ready instances.
        default provisioned: Count<0, MAX_PROVISIONED> = 0,
        /// What happens to a request when no instance can be created. Default: "reject", or "queue" if `scaling`
        /// creates the instances.
        optional overflow: OverflowWord,
        /// With overflow = "queue": order in which requests are served.
        default queue_order: QueueOrder = QueueOrder::Fifo,
        /// With overflow = "queue": maximum number of waiting requests; "none": no limit.
        optional queue_limit: OrNone<Count<0, MANY>>,
        /// With overflow = "queue": longest wait before a request times out; "none": no limit.
        optional queue_timeout: OrNone<Duration>,
    }
}

table! {
    /// What the code of a function loads when an instance starts.
    struct CodeTable {
        /// The framework, such as "spring-boot": uses the cold start of a service written with it instead of that of a
        /// minimal function.
        optional framework: Text,
        /// Unpacked size of the dependencies that are loaded; files in the package that are not loaded cost almost
        /// nothing.
        optional dependencies: Size,
        /// Whether the function is attached to a private network (VPC).
        default vpc: Flag = false,
    }
}

table! {
    /// The processors of an instance. With any key but `request`, the requests on an instance share them equally, and
    /// `duration` (and `run` of a step) is what a request takes with a processor to itself: it computes for `cpu-bound-share`
    /// of that and then waits for the rest. Otherwise requests do not slow each other down.
    struct CpuTable {
        /// vCPUs reserved for an instance on its node (Kubernetes: `resources.requests.cpu`): a node has as many
        /// instances as their requests fit in its CPU. Default: as `limit`.
        optional request: Amount,
        /// vCPUs of an instance. Default: what the platform provides with its memory, or 1. Enforced like the CPU quota
        /// of Linux: in each `period`, an instance can compute for `limit` times the period, then waits for the next
        /// one. It has as many processors as this number rounded up, or as a request has `threads` if that is more.
        optional limit: Positive,
        /// Share of the duration of a request in which it computes. Default: all of it. Platforms that charge for CPU
        /// time charge for this share.
        optional cpu_bound_share: Share,
        /// Maximum number of processors that a single request uses. Default: 1.
        optional threads: Count<1, 1000>,
        /// Period of the quota, from 1ms to 1s. Default: that of the platform, or 100ms as in Linux and Kubernetes.
        optional period: Duration,
    }
}

table! {
    /// A container image. A node pulls it for the first instance that needs it, and keeps it.
    struct ImageTable {
        /// Its compressed size, with all its layers.
        required size: Size,
        /// Functions with the same image give it the same name. Default: an image of its own.
        optional name: Name,
        /// The layers that other images have too, by name, with their compressed sizes: a node pulls and keeps a layer of the same
        /// name once.
        default layers: Map<Size, MAX_LAYERS> = Vec::new(),
    }
}

table! {
    /// Instances at the start of the run.
    struct InitialTable {
        /// Instances that each serve a request, whose remaining time is drawn from `duration`. These requests are not
        /// counted.
        default busy: Count<0, MAX_PROVISIONED> = 0,
        /// Idle instances. Default: as many as listed in `idle-expire-in`.
        optional idle: Count<0, MAX_PROVISIONED>,
        /// Times after which unused idle instances are removed, least recently used first; `keep-alive` determines the
        /// time of the others.
        default idle_expire_in: List<Spanned<Duration>, 0, MAX_LISTED> = Vec::new(),
        /// Age of all of them, for `max-lifetime`.
        default age: Duration = Span::ZERO,
    }
}

choice! {
    /// What happens to a request when no instance may be created.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::scenario) enum OverflowWord {
        "reject" => Reject, "The request is rejected.";
        "queue" => Queue, "The request waits in a first-in, first-out queue.";
    }
}

impl ConcurrencyTable {
    /// The default.
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
