//! What metrics are called where, and what they are in a run.

use crate::id::{ComponentId, FnId};
use crate::metric::signal::{Event, Signal, Statistic};
use crate::path::{ComponentSpec, queue, stream};
use crate::scenario::{Scenario, Subject};

/// A column of a table, and a series of Prometheus.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// As in `AWS/Lambda checkout Duration (p99)`.
    pub(super) column: String,
    /// The name of the metric in Prometheus, with base units.
    pub(super) family: String,
    /// What it means.
    pub(super) help: &'static str,
    /// Names and values of labels.
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) signal: Signal,
    /// What values in seconds are multiplied with in CSV: the clouds have milliseconds.
    pub(super) factor: f64,
}

/// Whose names are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vocabulary {
    CloudWatch,
    AzureMonitor,
    GoogleCloud,
    Knative,
}

/// A metric of a namespace: its name there, the statistic, its name in Prometheus, what it means.
type Named = (&'static str, &'static str, &'static str, Signal, &'static str);

const MS: f64 = 1_000.0;

const LAMBDA: &[Named] = &[
    ("Invocations", "Sum", "aws_lambda_invocations", Signal::Count(Event::Started), "Invocations that were served."),
    ("Errors", "Sum", "aws_lambda_errors", FIVE, "Invocations that ended with an error or were cut off."),
    ("Throttles", "Sum", "aws_lambda_throttles", Signal::Count(Event::LimitHit), "Invocations that a limit refused."),
    (
        "ConcurrentExecutions",
        "Maximum",
        "aws_lambda_concurrent_executions",
        Signal::Concurrency,
        "Most invocations in progress at a moment.",
    ),
    ("Duration", "Average", "aws_lambda_duration_seconds", Signal::Execution(Statistic::Mean), DURATION),
    ("Duration", "p50", "aws_lambda_duration_seconds", Signal::Execution(Statistic::Quantile(0.5)), DURATION),
    ("Duration", "p90", "aws_lambda_duration_seconds", Signal::Execution(Statistic::Quantile(0.9)), DURATION),
    ("Duration", "p99", "aws_lambda_duration_seconds", Signal::Execution(Statistic::Quantile(0.99)), DURATION),
    ("Duration", "Maximum", "aws_lambda_duration_seconds", Signal::Execution(Statistic::Quantile(1.0)), DURATION),
];
const DURATION: &str = "Time that the code of completed invocations ran, without cold starts.";

const SQS: &[Named] = &[
    ("NumberOfMessagesSent", "Sum", "aws_sqs_messages_sent", Signal::Count(Event::Succeeded), "Messages sent."),
    (
        "NumberOfMessagesReceived",
        "Sum",
        "aws_sqs_messages_received",
        Signal::Count(Event::Delivered),
        "Messages received.",
    ),
    ("NumberOfMessagesDeleted", "Sum", "aws_sqs_messages_deleted", Signal::Count(Event::Deleted), "Messages deleted."),
    (
        "ApproximateNumberOfMessagesVisible",
        "Average",
        "aws_sqs_approximate_number_of_messages_visible",
        Signal::Depth,
        "Messages that wait, at the end of the minute.",
    ),
    (
        "ApproximateNumberOfMessagesNotVisible",
        "Average",
        "aws_sqs_approximate_number_of_messages_not_visible",
        Signal::InFlight,
        "Messages being processed, at the end of the minute.",
    ),
    (
        "ApproximateAgeOfOldestMessage",
        "Maximum",
        "aws_sqs_approximate_age_of_oldest_message_seconds",
        Signal::OldestAge,
        "Age of the oldest message, at the end of the minute.",
    ),
];

const ASYNC: &[Named] = &[
    (
        "AsyncEventsReceived",
        "Sum",
        "aws_lambda_async_events_received",
        Signal::Count(Event::Succeeded),
        "Events accepted.",
    ),
    (
        "AsyncEventsDropped",
        "Sum",
        "aws_lambda_async_events_dropped",
        Signal::Count(Event::DeadLettered),
        "Discarded events.",
    ),
    ("AsyncEventAge", "Maximum", "aws_lambda_async_event_age_seconds", Signal::OldestAge, "Age of the oldest event."),
];

const KINESIS: &[Named] = &[
    ("IncomingRecords", "Sum", "aws_kinesis_incoming_records", Signal::Count(Event::Succeeded), "Records written."),
    (
        "WriteProvisionedThroughputExceeded",
        "Sum",
        "aws_kinesis_write_provisioned_throughput_exceeded",
        Signal::Count(Event::Throttled),
        "Records that a limit of their shard refused.",
    ),
    (
        "GetRecords.IteratorAgeMilliseconds",
        "Maximum",
        "aws_kinesis_get_records_iterator_age_seconds",
        Signal::OldestAge,
        "Age of the oldest record that is not processed.",
    ),
];

const SNS: &[Named] = &[
    (
        "NumberOfMessagesPublished",
        "Sum",
        "aws_sns_messages_published",
        Signal::Count(Event::Arrived),
        "Messages published.",
    ),
    (
        "NumberOfNotificationsDelivered",
        "Sum",
        "aws_sns_notifications_delivered",
        Signal::Count(Event::Deleted),
        "Deliveries.",
    ),
];

const API_GATEWAY: &[Named] = &[
    ("Count", "Sum", "aws_apigateway_requests", Signal::Count(Event::Arrived), "Requests."),
    (
        "4XXError",
        "Sum",
        "aws_apigateway_4xx_errors",
        Signal::Sum(&[Event::Throttled, Event::TooLarge]),
        "Requests refused by a limit (429) or for their size (413).",
    ),
    ("5XXError", "Sum", "aws_apigateway_5xx_errors", FIVE, "Requests that failed or timed out behind it."),
    ("Latency", "Average", "aws_apigateway_latency_seconds", Signal::Latency(Statistic::Mean), LATENCY),
    ("Latency", "p50", "aws_apigateway_latency_seconds", Signal::Latency(Statistic::Quantile(0.5)), LATENCY),
    ("Latency", "p99", "aws_apigateway_latency_seconds", Signal::Latency(Statistic::Quantile(0.99)), LATENCY),
];
/// learn.microsoft.com, "Supported metrics for Microsoft.Web/sites", "... Microsoft.ServiceBus/Namespaces", "... Microsoft.EventHub/Namespaces",
/// "... Microsoft.Storage/storageAccounts/queueServices".
const AZURE_FUNCTIONS: &[Named] = &[
    (
        "FunctionExecutionCount",
        "Total",
        "azure_function_execution_count",
        Signal::Count(Event::Started),
        "Invocations that were served.",
    ),
    ("Requests", "Total", "azure_requests", Signal::Count(Event::Arrived), "Requests of the function."),
    ("Http5xx", "Total", "azure_http_5xx", FIVE, "Invocations that ended with an error or were cut off."),
    ("HttpResponseTime", "Average", "azure_http_response_time_seconds", Signal::Latency(Statistic::Mean), LATENCY),
    (
        "AutomaticScalingInstanceCount",
        "Maximum",
        "azure_automatic_scaling_instance_count",
        Signal::Instances,
        "Most instances at a moment.",
    ),
];

const SERVICE_BUS: &[Named] = &[
    (
        "IncomingMessages",
        "Total",
        "azure_servicebus_incoming_messages",
        Signal::Count(Event::Succeeded),
        "Messages sent.",
    ),
    (
        "OutgoingMessages",
        "Total",
        "azure_servicebus_outgoing_messages",
        Signal::Count(Event::Delivered),
        "Messages received.",
    ),
    (
        "CompleteMessage",
        "Total",
        "azure_servicebus_complete_message",
        Signal::Count(Event::Deleted),
        "Messages processed.",
    ),
    (
        "ActiveMessages",
        "Average",
        "azure_servicebus_active_messages",
        Signal::Depth,
        "Messages that wait, at the end of the minute.",
    ),
];

const STORAGE_QUEUE: &[Named] = &[(
    "QueueMessageCount",
    "Average",
    "azure_storage_queue_message_count",
    Signal::Depth,
    "Messages that wait, at the end of the minute.",
)];

const EVENT_HUBS: &[Named] = &[
    (
        "IncomingMessages",
        "Total",
        "azure_eventhub_incoming_messages",
        Signal::Count(Event::Succeeded),
        "Events written.",
    ),
    ("OutgoingMessages", "Total", "azure_eventhub_outgoing_messages", Signal::Count(Event::Delivered), "Events read."),
    (
        "ThrottledRequests",
        "Total",
        "azure_eventhub_throttled_requests",
        Signal::Count(Event::Throttled),
        "Events that a limit refused.",
    ),
];

/// cloud.google.com/monitoring/api/metrics_gcp: Cloud Run, Cloud Functions (1st generation), Pub/Sub, Cloud Tasks.
const CLOUD_RUN: &[Named] = &[
    (
        "request_count",
        "",
        "run_googleapis_com_request_count",
        Signal::Count(Event::Arrived),
        "Requests of the revision.",
    ),
    (
        "request_latencies",
        "p50",
        "run_googleapis_com_request_latencies_seconds",
        Signal::Latency(Statistic::Quantile(0.5)),
        LATENCY,
    ),
    (
        "request_latencies",
        "p95",
        "run_googleapis_com_request_latencies_seconds",
        Signal::Latency(Statistic::Quantile(0.95)),
        LATENCY,
    ),
    (
        "request_latencies",
        "p99",
        "run_googleapis_com_request_latencies_seconds",
        Signal::Latency(Statistic::Quantile(0.99)),
        LATENCY,
    ),
    (
        "container/instance_count",
        "",
        "run_googleapis_com_container_instance_count",
        Signal::Instances,
        "Most instances at a moment.",
    ),
];

const GOOGLE_FUNCTIONS: &[Named] = &[
    (
        "function/execution_count",
        "",
        "cloudfunctions_googleapis_com_function_execution_count",
        Signal::Count(Event::Started),
        "Invocations that were served.",
    ),
    (
        "function/execution_times",
        "p50",
        "cloudfunctions_googleapis_com_function_execution_times_seconds",
        Signal::Execution(Statistic::Quantile(0.5)),
        DURATION,
    ),
    (
        "function/execution_times",
        "p99",
        "cloudfunctions_googleapis_com_function_execution_times_seconds",
        Signal::Execution(Statistic::Quantile(0.99)),
        DURATION,
    ),
    (
        "function/active_instances",
        "",
        "cloudfunctions_googleapis_com_function_active_instances",
        Signal::Instances,
        "Most instances at a moment.",
    ),
];

const PUBSUB: &[Named] = &[
    (
        "subscription/sent_message_count",
        "",
        "pubsub_googleapis_com_subscription_sent_message_count",
        Signal::Count(Event::Delivered),
        "Messages sent to the subscriber.",
    ),
    (
        "subscription/ack_message_count",
        "",
        "pubsub_googleapis_com_subscription_ack_message_count",
        Signal::Count(Event::Deleted),
        "Messages processed.",
    ),
    (
        "subscription/dead_letter_message_count",
        "",
        "pubsub_googleapis_com_subscription_dead_letter_message_count",
        Signal::Count(Event::DeadLettered),
        "Messages given up.",
    ),
    (
        "subscription/num_undelivered_messages",
        "",
        "pubsub_googleapis_com_subscription_num_undelivered_messages",
        Signal::Depth,
        "Messages that wait, at the end of the minute.",
    ),
    (
        "subscription/oldest_unacked_message_age",
        "",
        "pubsub_googleapis_com_subscription_oldest_unacked_message_age_seconds",
        Signal::OldestAge,
        "Age of the oldest message, at the end of the minute.",
    ),
];

const CLOUD_TASKS: &[Named] = &[
    (
        "queue/task_attempt_count",
        "",
        "cloudtasks_googleapis_com_queue_task_attempt_count",
        Signal::Count(Event::Delivered),
        "Attempts at tasks.",
    ),
    (
        "queue/depth",
        "",
        "cloudtasks_googleapis_com_queue_depth",
        Signal::Depth,
        "Tasks that wait, at the end of the minute.",
    ),
];
const LATENCY: &str = "Time from the arrival of a request to its successful answer.";
const FIVE: Signal = Signal::Sum(&[Event::TimedOut, Event::Failed]);

const KNATIVE: &[Named] = &[
    ("revision_request_count", "", "revision_requests", Signal::Count(Event::Arrived), "Requests of the revision."),
    (
        "revision_request_latencies",
        "p50",
        "revision_request_latencies_seconds",
        Signal::Latency(Statistic::Quantile(0.5)),
        LATENCY,
    ),
    (
        "revision_request_latencies",
        "p99",
        "revision_request_latencies_seconds",
        Signal::Latency(Statistic::Quantile(0.99)),
        LATENCY,
    ),
    (
        "revision_app_request_latencies",
        "p50",
        "revision_app_request_latencies_seconds",
        Signal::Execution(Statistic::Quantile(0.5)),
        DURATION,
    ),
    (
        "revision_app_request_latencies",
        "p99",
        "revision_app_request_latencies_seconds",
        Signal::Execution(Statistic::Quantile(0.99)),
        DURATION,
    ),
    (
        "activator_request_concurrency",
        "",
        "activator_request_concurrency",
        Signal::Queue,
        "Most requests that waited for a pod.",
    ),
    ("revision_queue_depth", "", "revision_queue_depth", Signal::Concurrency, "Most requests in progress at a moment."),
    ("autoscaler_actual_pods", "", "autoscaler_actual_pods", Signal::Instances, "Most pods at a moment."),
];

impl Vocabulary {
    pub(super) fn of(scenario: &Scenario) -> Self {
        match scenario.platform.preset.as_deref() {
            Some("knative") => Self::Knative,
            Some(preset) if preset.starts_with("azure-") => Self::AzureMonitor,
            Some(preset) if preset.starts_with("gcp-") => Self::GoogleCloud,
            _ => Self::CloudWatch,
        }
    }

    /// What is watched of a scenario, with the series that are made of it.
    pub(super) fn series(self, scenario: &Scenario) -> Vec<(Subject, Vec<Series>)> {
        let mut all = Vec::new();
        for (place, function) in scenario.functions.iter().enumerate() {
            let subject = Subject::Function(FnId(place as u32));
            let series = match self {
                Self::CloudWatch => lists("AWS/Lambda", "function_name", &function.name, LAMBDA),
                Self::AzureMonitor => lists("Microsoft.Web/sites", "site", &function.name, AZURE_FUNCTIONS),
                Self::GoogleCloud if scenario.platform.preset.as_deref() == Some("gcp-functions-1st-gen") => {
                    lists("cloudfunctions.googleapis.com", "function_name", &function.name, GOOGLE_FUNCTIONS)
                }
                Self::GoogleCloud => lists("run.googleapis.com", "service_name", &function.name, CLOUD_RUN),
                Self::Knative => lists("knative", "revision_name", &function.name, KNATIVE),
            };
            all.push((subject, series));
        }
        for (place, component) in scenario.components.iter().enumerate() {
            let name = component.name.split_once('.').map_or(component.name.as_str(), |(_, name)| name);
            let series = match &component.spec {
                ComponentSpec::Queue(queue) => match queue.preset {
                    queue::Preset::ServiceBus => {
                        lists("Microsoft.ServiceBus/namespaces", "entity_name", name, SERVICE_BUS)
                    }
                    queue::Preset::AzureStorage => {
                        lists("Microsoft.Storage/storageAccounts/queueServices", "queue", name, STORAGE_QUEUE)
                    }
                    queue::Preset::PubsubPush | queue::Preset::PubsubPull => {
                        lists("pubsub.googleapis.com", "subscription_id", name, PUBSUB)
                    }
                    queue::Preset::CloudTasks => lists("cloudtasks.googleapis.com", "queue_id", name, CLOUD_TASKS),
                    _ => lists("AWS/SQS", "queue_name", name, SQS),
                },
                ComponentSpec::Async(_) => lists("AWS/Lambda", "function_name", name, ASYNC),
                ComponentSpec::Stream(stream) if stream.preset == stream::Preset::EventHubs => {
                    lists("Microsoft.EventHub/namespaces", "entity_name", name, EVENT_HUBS)
                }
                ComponentSpec::Stream(_) => lists("AWS/Kinesis", "stream_name", name, KINESIS),
                ComponentSpec::Topic(_) => lists("AWS/SNS", "topic_name", name, SNS),
                ComponentSpec::Gateway(_) => lists("AWS/ApiGateway", "api_name", name, API_GATEWAY),
                _ => Vec::new(),
            };
            if !series.is_empty() {
                all.push((Subject::Component(ComponentId(place as u32)), series));
            }
        }
        all
    }
}

/// The series of one subject.
fn lists(namespace: &str, label: &'static str, name: &str, named: &[Named]) -> Vec<Series> {
    let one = |(metric, statistic, family, signal, help): &Named| {
        let statistic_of = if statistic.is_empty() { String::new() } else { format!(" ({statistic})") };
        let mut labels = vec![(label, name.to_owned())];
        // Where one metric has several statistics they are told apart.
        if named.iter().filter(|(_, _, other, ..)| other == family).count() > 1 {
            labels.push(("statistic", statistic.to_lowercase()));
        }
        let is_time = *metric != "HttpResponseTime" // in seconds, the only one
            && matches!(signal, Signal::Latency(_) | Signal::Execution(_))
            || metric.ends_with("Milliseconds")
            || *metric == "AsyncEventAge";
        Series {
            column: format!("{namespace} {name} {metric}{statistic_of}"),
            family: (*family).to_owned(),
            help,
            labels,
            signal: *signal,
            factor: match () {
                () if metric.ends_with("execution_times") => 1e9, // Google: in nanoseconds
                () if is_time => MS,
                () => 1.0,
            },
        }
    };
    named.iter().map(one).collect()
}
