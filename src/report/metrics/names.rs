//! What metrics are called where, and what they are in a run.

use crate::id::{ComponentId, FnId};
use crate::metric::signal::{Event, Signal, Statistic};
use crate::path::ComponentSpec;
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
        Signal::Count(Event::Throttled),
        "Requests refused by a limit (429).",
    ),
    ("5XXError", "Sum", "aws_apigateway_5xx_errors", FIVE, "Requests that failed or timed out behind it."),
    ("Latency", "Average", "aws_apigateway_latency_seconds", Signal::Latency(Statistic::Mean), LATENCY),
    ("Latency", "p50", "aws_apigateway_latency_seconds", Signal::Latency(Statistic::Quantile(0.5)), LATENCY),
    ("Latency", "p99", "aws_apigateway_latency_seconds", Signal::Latency(Statistic::Quantile(0.99)), LATENCY),
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
        if scenario.platform.preset.as_deref() == Some("knative") { Self::Knative } else { Self::CloudWatch }
    }

    /// What is watched of a scenario, with the series that are made of it.
    pub(super) fn series(self, scenario: &Scenario) -> Vec<(Subject, Vec<Series>)> {
        let mut all = Vec::new();
        for (place, function) in scenario.functions.iter().enumerate() {
            let subject = Subject::Function(FnId(place as u32));
            let series = match self {
                Self::CloudWatch => lists("AWS/Lambda", "function_name", &function.name, LAMBDA),
                Self::Knative => lists("knative", "revision_name", &function.name, KNATIVE),
            };
            all.push((subject, series));
        }
        for (place, component) in scenario.components.iter().enumerate() {
            let name = component.name.split_once('.').map_or(component.name.as_str(), |(_, name)| name);
            let series = match &component.spec {
                ComponentSpec::Queue(_) => lists("AWS/SQS", "queue_name", name, SQS),
                ComponentSpec::Async(_) => lists("AWS/Lambda", "function_name", name, ASYNC),
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
        let is_time = matches!(signal, Signal::Latency(_) | Signal::Execution(_))
            || metric.ends_with("Milliseconds")
            || *metric == "AsyncEventAge";
        Series {
            column: format!("{namespace} {name} {metric}{statistic_of}"),
            family: (*family).to_owned(),
            help,
            labels,
            signal: *signal,
            factor: if is_time { MS } else { 1.0 },
        }
    };
    named.iter().map(one).collect()
}
