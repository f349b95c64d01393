//! What a queue does: values of the scenario, else of its preset.

use super::super::bucket::BucketSpec;
use super::parameters::{
    BackoffSpec, ConsumerSpec, Growth, Kind, PollIntervalSpec, PollersSpec, Preset, ProvisionedSpec, QueueSpec,
    Throttled,
};
use crate::time::Span;

/// What a queue and its consumer do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) kind: Kind,
    pub(super) groups: u32,
    pub(super) visibility_timeout: Span,
    pub(super) retention: Span,
    pub(super) delay: Span,
    pub(super) max_receives: Option<u32>,
    pub(super) redrive_after: Option<Span>,
    pub(super) has_dead_letter_queue: bool,
    pub(super) poison_ratio: f64,
    pub(super) max_in_flight: u32,
    pub(super) per_million_usd: f64,
    pub(super) batch_size: u32,
    pub(super) batch_window: Span,
    pub(super) partial_failure: bool,
    pub(super) throttled: Throttled,
    pub(super) throttle_retry: Span,
    pub(super) renewal: bool,
    pub(super) backoff: Option<BackoffSpec>,
    pub(super) dispatch: Option<BucketSpec>,
    pub(super) long_poll: Option<Span>,
    pub(super) poll_interval: Option<PollIntervalSpec>,
    /// `None`: no target.
    pub(super) pollers: Option<Pollers>,
}

/// Number of pollers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pollers {
    pub(super) start: u32,
    pub(super) growth: Growth,
    pub(super) step: u32,
    pub(super) per: Span,
    pub(super) every: Span,
    pub(super) max: u32,
    pub(super) least: u32,
    /// How many of them are billed as one unit, and its price per hour.
    pub(super) together: u32,
    pub(super) per_hour_usd: f64,
}

impl Pollers {
    /// A constant number.
    const fn fixed(number: u32) -> Self {
        Self { start: number, step: 0, max: number, least: number, ..SQS.1 }
    }
}

/// Amazon SQS and the event source mapping of AWS Lambda, with the defaults of both.
///
/// Lambda developer guide: "Using Lambda with Amazon SQS" (services-sqs-scaling, services-sqs-configure,
/// services-sqs-errorhandling, copies of 2026). 5 pollers at first, up to 300 more each minute, at most 1,250. The
/// guide says that errors and throttles lower their number, but not by how much: here by half, to at least 2. Nor does
/// it say how the 300 are spread over the minute: here in equal parts each second, so that there are 5, 305, 605 ...
/// after whole minutes. A receive waits up to 20 s; 5 idle pollers make 15 empty receives a minute, as observed
/// (github.com/DataBiosphere/azul, issue 3708). $0.40 per million calls.
const SQS: (Settings, Pollers) = {
    let pollers = Pollers {
        start: 5,
        growth: Growth::Backlog,
        step: 300,
        per: Span::from_secs(60),
        every: Span::from_secs(1),
        max: 1_250,
        least: 2,
        together: 1,
        per_hour_usd: 0.0,
    };
    let settings = Settings {
        kind: Kind::Standard,
        groups: 1,
        visibility_timeout: Span::from_secs(30),
        retention: days(4),
        delay: Span::ZERO,
        max_receives: None,
        redrive_after: None,
        has_dead_letter_queue: false,
        poison_ratio: 0.0,
        max_in_flight: 120_000,
        per_million_usd: 0.4,
        batch_size: 10,
        batch_window: Span::ZERO,
        partial_failure: false,
        throttled: Throttled::Hold,
        throttle_retry: Span::from_secs(1),
        renewal: false,
        backoff: None,
        dispatch: None,
        long_poll: Some(Span::from_secs(20)),
        poll_interval: None,
        pollers: None,
    };
    (settings, pollers)
};

const fn days(days: u64) -> Span {
    Span::from_secs(days * 86_400)
}

/// From `min` to `max` in ms, with this many doublings.
const fn backoff(min: u64, max: u64, doublings: u32) -> Option<BackoffSpec> {
    Some(BackoffSpec { min: Span::from_millis(min), max: Span::from_millis(max), doublings })
}

/// A failed message can be received again at once.
const AT_ONCE: Option<BackoffSpec> = backoff(0, 0, 64);

impl Preset {
    fn settings(self) -> (Settings, Pollers) {
        let (mut queue, mut pollers) = SQS;
        if let Self::Sqs | Self::SqsFifo = self {
            if self == Self::SqsFifo {
                // $0.50 per million calls.
                (queue.kind, queue.per_million_usd) = (Kind::Fifo, 0.5);
            }
            return (queue, pollers);
        }
        // Messages are pushed, or clients keep a connection: empty receives have no price. A message is a call.
        (queue.batch_size, queue.long_poll, queue.renewal, queue.max_in_flight) = (1, None, true, MANY);
        match self {
            Self::Sqs | Self::SqsFifo => {}
            // Messages live 7 days; a failed one can be received again at once (`visibilityTimeout` of host.json is 0),
            // and is poison after 5 receives (QueuesOptions of the storage extension 5.3.3). 16 + 8 at a time in each
            // of at most 200 instances; the function determines how many instances there are. An empty queue is polled
            // after 100 ms, then less and less often, eventually once a minute (`maxPollingInterval`).
            Self::AzureStorage => {
                (queue.visibility_timeout, queue.retention) = (Span::from_secs(600), days(7));
                (queue.max_receives, queue.backoff) = (Some(5), AT_ONCE);
                queue.poll_interval = Some(PollIntervalSpec { min: Span::from_millis(100), max: Span::from_secs(60) });
                pollers = Pollers::fixed(24 * 200);
            }
            // A lock of 60 s that is renewed; 10 deliveries; 16 calls at a time in each of at most 200 instances;
            // messages live 14 days and cost $0.05 per million operations, both from memory.
            Self::ServiceBus => {
                (queue.visibility_timeout, queue.retention) = (Span::from_secs(60), days(14));
                (queue.max_receives, queue.backoff, queue.per_million_usd) = (Some(10), AT_ONCE, 0.05);
                pollers = Pollers::fixed(16 * 200);
            }
            // Acknowledged within 10 s or redelivered after 100 ms to 60 s; one outstanding message at first, one more
            // with each acknowledged one, at most 3,000; 7 days (Pub/Sub guide, push). $40 per TiB, in messages of 1
            // KiB.
            Self::PubsubPush => {
                (queue.visibility_timeout, queue.retention) = (Span::from_secs(10), days(7));
                (queue.renewal, queue.throttled) = (false, Throttled::Return);
                (queue.backoff, queue.per_million_usd) = (backoff(100, 60_000, 64), 0.037);
                pollers = Pollers { growth: Growth::Success, step: 1, max: 3_000, ..Pollers::fixed(1) };
            }
            // Client libraries extend the deadline and hold at most 1,000 messages. Without a retry policy, a message
            // that is not acknowledged is redelivered soon; the delay is not published.
            Self::PubsubPull => {
                (queue.visibility_timeout, queue.retention) = (Span::from_secs(10), days(7));
                (queue.backoff, queue.per_million_usd) = (backoff(100, 100, 0), 0.037);
                pollers = Pollers::fixed(1_000);
            }
            // RateLimits and RetryConfig of the API: 500/s, 1,000 at a time, 100 attempts, 100 ms to 1 h with 16
            // doublings; an attempt may take 10 minutes. Tasks live 31 days and cost $0.40 per million, both from
            // memory.
            Self::CloudTasks => {
                (queue.visibility_timeout, queue.retention) = (Span::from_secs(600), days(31));
                (queue.renewal, queue.throttled, queue.max_receives) = (false, Throttled::Return, Some(100));
                queue.backoff = backoff(100, 3_600_000, 16);
                queue.dispatch = Some(BucketSpec { rate: 500.0, burst: None });
                pollers = Pollers::fixed(1_000);
            }
            // 10 retries, the first after 200 ms, then twice as long each time (DeliverySpec,
            // github.com/knative/eventing; the numbers are the broker's default configuration, from memory). Events are
            // passed on at once.
            Self::KnativeBroker => {
                (queue.retention, queue.max_receives, queue.per_million_usd) = (Span::FOREVER, Some(11), 0.0);
                (queue.throttled, queue.backoff) = (Throttled::Return, backoff(200, 86_400_000, 64));
                pollers = Pollers::fixed(MANY);
            }
        }
        (queue, pollers)
    }
}

/// More than any scenario needs.
const MANY: u32 = 10_000_000;

impl Settings {
    /// The behavior of a queue with this preset.
    pub(super) fn of(spec: &QueueSpec) -> Self {
        let (preset, pollers) = spec.preset.settings();
        let mut settings = Self {
            kind: spec.kind.unwrap_or(preset.kind),
            groups: spec.groups,
            visibility_timeout: spec.visibility_timeout.unwrap_or(preset.visibility_timeout),
            retention: spec.retention.unwrap_or(preset.retention),
            delay: spec.delay.unwrap_or(preset.delay),
            max_receives: spec.max_receives.unwrap_or(preset.max_receives),
            redrive_after: spec.redrive_after,
            has_dead_letter_queue: spec.dead_letter.is_some(),
            poison_ratio: spec.poison_ratio,
            max_in_flight: spec.max_in_flight.unwrap_or(preset.max_in_flight),
            per_million_usd: spec.per_million_usd.unwrap_or(preset.per_million_usd),
            pollers: Some(pollers),
            ..preset
        };
        if let Some(consumer) = &spec.consumer {
            settings.consume(consumer, pollers);
        }
        settings.pollers = settings.pollers.filter(|_| spec.target.is_some());
        settings
    }

    fn consume(&mut self, consumer: &ConsumerSpec, preset: Pollers) {
        self.batch_size = consumer.batch_size.unwrap_or(self.batch_size);
        self.batch_window = consumer.batch_window.unwrap_or(self.batch_window);
        self.partial_failure = consumer.partial_failure.unwrap_or(self.partial_failure);
        self.throttled = consumer.throttled.unwrap_or(self.throttled);
        self.throttle_retry = consumer.throttle_retry.unwrap_or(self.throttle_retry);
        self.renewal = consumer.renewal.unwrap_or(self.renewal);
        self.long_poll = consumer.long_poll.unwrap_or(self.long_poll);
        if let Some(backoff) = &consumer.backoff {
            self.backoff = backoff.clone();
        }
        if let Some(interval) = &consumer.poll_interval {
            self.poll_interval = interval.clone();
        }
        if let Some(dispatch) = &consumer.dispatch {
            self.dispatch = dispatch.clone();
        }
        let pollers = match (&consumer.provisioned, &consumer.pollers) {
            (Some(provisioned), _) => Pollers::provisioned(provisioned),
            (None, Some(pollers)) => preset.with(pollers),
            (None, None) => preset,
        };
        let max = consumer.max_concurrency.map_or(pollers.max, |most| pollers.max.min(most));
        let start = pollers.start.min(max);
        self.pollers = Some(Pollers { start, max, least: pollers.least.min(start), ..pollers });
    }
}

impl Pollers {
    /// Lambda developer guide, services-sqs-scaling: an event poller makes 10 simultaneous calls; up to 1,000 more a
    /// minute.
    const fn provisioned(spec: &ProvisionedSpec) -> Self {
        let (start, max) = (spec.min * 10, spec.max * 10);
        Self { start, step: 1_000, max, least: start, together: 10, per_hour_usd: spec.per_hour_usd, ..SQS.1 }
    }

    /// The preset, with the values of a scenario.
    fn with(self, spec: &PollersSpec) -> Self {
        let per = spec.per.unwrap_or(self.per);
        let start = spec.start.unwrap_or(self.start);
        Self {
            start,
            growth: spec.growth.unwrap_or(self.growth),
            step: spec.step.unwrap_or(self.step),
            per,
            every: spec.every.unwrap_or(self.every).min(per),
            max: spec.max.unwrap_or(self.max.max(start)),
            least: spec.least.unwrap_or(self.least),
            ..self
        }
    }
}
