//! Scaling policies, as they may be written.

pub(in crate::scenario) mod kubernetes;
pub(in crate::scenario) mod predictive;
pub(in crate::scenario) mod timed;

use crate::policy::scaling::knative::settings::{Aggregation, Metric};
use crate::policy::scaling::{Load, OpenFaasLoad, Trigger};
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Number, Positive, Share};
use crate::time::Span;
use kubernetes::{HpaTable, KedaTable};
use predictive::PredictiveTable;
use timed::{ScheduledTable, TargetTrackingTable};

/// The most that a number of instances can be.
const MANY: u32 = 1_000_000;

union! {
    /// How many instances there are.
    enum ScalingTable ("scaling") {
        /// A request that finds no free slot gets an instance of its own, as on AWS Lambda.
        "per-request" => PerRequest(PerRequestTable),
        /// So many instances that each has a target of load, decided on a clock.
        "thresholds" => Thresholds(ThresholdsTable),
        /// The Knative Pod Autoscaler, with activator, queue-proxies and scale to zero.
        "knative" => Knative(Box<KnativeTable>),
        /// The scale controller of Azure Functions on the Consumption plan.
        "azure-consumption" => AzureConsumption(AzureConsumptionTable),
        /// Azure Functions on the Flex Consumption plan: instances by concurrency.
        "azure-flex" => AzureFlex(AzureFlexTable),
        /// Google Cloud Run and its functions: metrics of the last minute, and an instance at once where there is no room.
        "cloud-run" => CloudRun(Box<CloudRunTable>),
        /// OpenFaaS Pro: replicas by load, down to zero.
        "openfaas" => OpenFaas(Box<OpenFaasTable>),
        /// OpenFaaS, Community Edition: an alert adds replicas.
        "openfaas-ce" => OpenFaasCe(OpenFaasCeTable),
        /// The Kubernetes HorizontalPodAutoscaler.
        "hpa" => Hpa(Box<HpaTable>),
        /// KEDA on the function's queue: none, one, and as many as an HPA wants.
        "keda" => Keda(Box<KedaTable>),
        /// Target tracking of provisioned instances, as by AWS Application Auto Scaling.
        "target-tracking" => TargetTracking(Box<TargetTrackingTable>),
        /// As many instances as a timetable says.
        "scheduled" => Scheduled(Box<ScheduledTable>),
        /// Instances for the load that is forecast.
        "predictive" => Predictive(Box<PredictiveTable>),
    }
}

impl ScalingTable {
    /// What holds where nothing is said.
    pub(in crate::scenario) fn standard() -> Self {
        Self::PerRequest(PerRequestTable { place: SourceSpan::default() })
    }
}

table! {
    /// Each request decides.
    struct PerRequestTable {}
}

table! {
    /// So many instances that each has a target of load.
    struct ThresholdsTable {
        /// What is measured.
        default load: Load = Load::Concurrency,
        /// How much of it each instance is to have.
        required target: Positive,
        /// How often it decides.
        default interval: Duration = Span::from_secs(10),
        /// Fewer instances only if no decision of so long wanted more.
        default scale_down_delay: Duration = Span::from_secs(60),
        /// Fewest instances.
        default min_instances: Count<0, MANY> = 1,
    }
}

choice! { Load {
    "concurrency" => Load::Concurrency, "Requests in progress or waiting, on average over the interval.";
    "request-rate" => Load::RequestRate, "Requests that arrive in a second, on average over the interval.";
    "queue-depth" => Load::QueueDepth, "Requests that wait at the moment of the decision.";
} }

table! {
    /// The Knative Pod Autoscaler: the annotations of a revision and the settings of its cluster, under their own names.
    struct KnativeTable {
        /// Requests that a pod handles at once; 0: no limit.
        default container_concurrency: Count<0, 1000> = 0,
        /// What is measured.
        default metric: Metric = Metric::Concurrency,
        /// How windows are averaged.
        default metric_aggregation_algorithm: Aggregation = Aggregation::Linear,
        /// Value of the metric that a pod can bear; without it: the container concurrency, or 100 (200 requests a second).
        optional target: Number,
        /// Percentage of it to aim for.
        default target_utilization_percentage: Number = 70.0,
        /// Burst that is absorbed without the activator; 0: it serves at zero pods only; -1: always.
        default target_burst_capacity: Number = 211.0,
        /// The stable window.
        default window: Duration = Span::from_secs(60),
        /// The panic window in percent of the stable one.
        default panic_window_percentage: Number = 10.0,
        /// Pods wanted in percent of ready pods from which on it panics.
        default panic_threshold_percentage: Number = 200.0,
        /// Most pods wanted at once, as a multiple of the ready ones.
        default max_scale_up_rate: Number = 1000.0,
        /// Fewest pods wanted at once: the ready ones divided by this.
        default max_scale_down_rate: Number = 2.0,
        /// How long fewer pods must have been wanted before they go.
        default scale_down_delay: Duration = Span::ZERO,
        /// Whether the last pod may go.
        default enable_scale_to_zero: Flag = true,
        /// How long the activator must have been in the path before the last pod goes.
        default scale_to_zero_grace_period: Duration = Span::from_secs(30),
        /// How long the last pod is kept after the revision became inactive.
        default scale_to_zero_pod_retention_period: Duration = Span::ZERO,
        /// Pods to begin with.
        default initial_scale: Count<0, MANY> = 1,
        /// Whether they may be none.
        default allow_zero_initial_scale: Flag = false,
        /// Fewest pods.
        default min_scale: Count<0, MANY> = 0,
        /// Most pods; 0: no limit.
        default max_scale: Count<0, MANY> = 0,
        /// Fewest pods whenever there is any load; 0: one.
        default activation_scale: Count<0, MANY> = 0,
        /// Concurrency that one activator handles.
        default activator_capacity: Number = 100.0,
        /// How long the first pods may take.
        default progress_deadline: Duration = Span::from_secs(600),
    }
}

choice! { Metric {
    "concurrency" => Metric::Concurrency, "Requests in progress, waiting ones included.";
    "rps" => Metric::Rps, "Requests per second.";
} }

choice! { Aggregation {
    "linear" => Aggregation::Linear, "Every second alike.";
    "weighted-exponential" => Aggregation::WeightedExponential, "The newest second most.";
} }

table! {
    /// The scale controller of Azure Functions on the Consumption plan; a function stands for a function app.
    struct AzureConsumptionTable {
        /// What starts the function.
        default trigger: Trigger = Trigger::Http,
        /// Executions that each instance is to have; without it: what it can run at once (HTTP), or 16.
        optional target_executions_per_instance: Positive,
        /// With trigger = "http": requests that an instance runs at once (host.json).
        default max_concurrent_requests: Count<1, MANY> = 100,
        /// With trigger = "http": requests that an instance holds, waiting ones too; beyond, it answers 429 (host.json).
        default max_outstanding_requests: Count<1, MANY> = 200,
        /// Most instances: 200 on Windows, 100 on Linux.
        default max_instances: Count<1, MANY> = 200,
        /// For how long an instance must have been too many before it goes: measured, not published.
        default idle_timeout: Duration = Span::from_secs(1200),
    }
}

choice! { Trigger {
    "http" => Trigger::Http, "Requests over HTTP: one new instance a second at most.";
    "target-based" => Trigger::TargetBased, "Events of a source of known length: four new instances every 30 s at most.";
    "incremental" => Trigger::Incremental, "Events of any other source: one new instance every 30 s at most.";
} }

table! {
    /// Azure Functions on the Flex Consumption plan; a function stands for a group that is scaled together.
    struct AzureFlexTable {
        /// Requests that an instance runs at once; without it: 4, 16 or 32 by the memory of an instance.
        optional per_instance_concurrency: Count<1, 1000>,
        /// Instances that are always there.
        default always_ready: Count<0, MANY> = 0,
        /// Most instances.
        default max_instances: Count<1, MANY> = 100,
        /// For how long an instance must have been too many before it goes: not published.
        default scale_in_delay: Duration = Span::from_secs(300),
    }
}

table! {
    /// The autoscaler of Google Cloud Run, for one revision.
    struct CloudRunTable {
        /// Requests that an instance takes at once.
        default concurrency: Count<1, MANY> = 80,
        /// Share of it to aim for.
        default concurrency_target: Share = 0.6,
        /// vCPUs of an instance.
        default cpu: Positive = 1.0,
        /// Share of them to aim for.
        default cpu_target: Share = 0.6,
        /// vCPUs that a request in progress uses; 0: the CPU decides nothing.
        default cpu_per_request: Amount = 0.0,
        /// What the metrics are averaged over.
        default window: Duration = Span::from_secs(60),
        /// How often it decides.
        default interval: Duration = Span::from_secs(5),
        /// For how long an idle instance is kept: at most so long by the documentation, just so long as measured.
        default idle_timeout: Duration = Span::from_secs(900),
        /// Fewest instances.
        default min_instances: Count<0, MANY> = 0,
        /// Most instances.
        default max_instances: Count<1, MANY> = 100,
    }
}

table! {
    /// The autoscaler of OpenFaaS Pro: the labels com.openfaas.scale.* of a function.
    struct OpenFaasTable {
        /// What is measured: the label `type`.
        default load: OpenFaasLoad = OpenFaasLoad::Rps,
        /// How much of it a replica can bear.
        default target: Positive = 50.0,
        /// Share of it to aim for.
        default target_proportion: Positive = 0.9,
        /// Fewest replicas under load.
        default min: Count<1, MANY> = 1,
        /// Most replicas.
        default max: Count<1, MANY> = 20,
        /// Whether the last replica may go.
        default zero: Flag = false,
        /// For how long nobody must have come before it does.
        default zero_duration: Duration = Span::from_secs(900),
        /// Fewer replicas only if no decision of so long recommended more: the label `down.window`.
        default down_window: Duration = Span::ZERO,
        /// Requests that a replica takes before it answers 429 (its watchdog's variable); 0: any number.
        default max_inflight: Count<0, MANY> = 0,
        /// Milli-CPU that a request in progress uses.
        default cpu_per_request: Amount = 1000.0,
        /// How often it decides: as often as Prometheus evaluates its rules.
        default interval: Duration = Span::from_secs(15),
    }
}

choice! { OpenFaasLoad {
    "rps" => OpenFaasLoad::Rps, "Requests completed in a second, over the last 30 s.";
    "capacity" => OpenFaasLoad::Capacity, "Requests in flight, the most of the last 45 s.";
    "cpu" => OpenFaasLoad::Cpu, "Milli-CPU in use, over the last minute.";
} }

table! {
    /// The Community Edition of OpenFaaS: an alert of Prometheus adds replicas, its end takes them away.
    struct OpenFaasCeTable {
        /// Requests completed in a second, over the last 10 s, beyond which it is an alert.
        default threshold: Positive = 5.0,
        /// Fewest replicas.
        default min: Count<1, MANY> = 1,
        /// Most replicas.
        default max: Count<1, MANY> = 5,
        /// Percentage of the most replicas that an alert adds each time.
        default factor: Count<0, 100> = 20,
        /// Requests that a replica takes before it answers 429; 0: any number.
        default max_inflight: Count<0, MANY> = 0,
    }
}

impl KnativeTable {
    /// Where the value of a key stands.
    pub(in crate::scenario) fn place_of(&self, key: &str) -> SourceSpan {
        match key {
            "target" => self.target.place,
            "target-utilization-percentage" => self.target_utilization_percentage.place,
            "target-burst-capacity" => self.target_burst_capacity.place,
            "window" | "stable-window" => self.window.place,
            "panic-window-percentage" => self.panic_window_percentage.place,
            "panic-threshold-percentage" => self.panic_threshold_percentage.place,
            "max-scale-up-rate" => self.max_scale_up_rate.place,
            "max-scale-down-rate" => self.max_scale_down_rate.place,
            "scale-down-delay" => self.scale_down_delay.place,
            "scale-to-zero-grace-period" => self.scale_to_zero_grace_period.place,
            "scale-to-zero-pod-retention-period" => self.scale_to_zero_pod_retention_period.place,
            "initial-scale" => self.initial_scale.place,
            "min-scale" => self.min_scale.place,
            "max-scale" => self.max_scale.place,
            "activation-scale" => self.activation_scale.place,
            "activator-capacity" => self.activator_capacity.place,
            _ => self.place,
        }
    }
}
