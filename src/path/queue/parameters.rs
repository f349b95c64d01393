//! What a scenario says about a queue.

use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Name, PositiveDuration, Ratio, Text};
use crate::time::{SimTime, Span};

use super::super::bucket::BucketSpec;
use super::presets::Settings;

parameters! {
    /// A queue: messages are accepted at once and delivered to the target in batches, repeatedly until they are
    /// processed, have been received too often, or are too old.
    pub struct QueueSpec {
        /// Name and description.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// The product that provides all values not set here.
        default preset: Preset = Preset::Sqs,
        /// The target that processes the messages. Default: none, so messages stay in the queue.
        optional target: Text,
        /// Whether order is kept. Default: as in the preset.
        optional kind: Kind,
        /// With kind = "fifo": number of message groups. Each message belongs to a random group; order is kept within a
        /// group, of which one batch at a time is processed.
        default groups: Count<1, MAX_GROUPS> = 1,
        /// How long a received message is hidden from other receivers. Default: as in the preset (SQS: 30s).
        optional visibility_timeout: PositiveDuration,
        /// How long a message is kept. Default: as in the preset (SQS: 4d).
        optional retention: PositiveDuration,
        /// Delay before a new message can be received. Default: as in the preset (0s).
        optional delay: Duration,
        /// Maximum number of receives, after which a message becomes a dead letter. "none": no limit. Default: as in
        /// the preset (SQS: none).
        optional max_receives: OrNone<Count<1, MAX_RECEIVES>>,
        /// The queue that receives dead letters. Default: they are only counted.
        optional dead_letter: Text,
        /// Without another queue: time after which dead letters are redriven, once, as new messages.
        optional redrive_after: PositiveDuration,
        /// Share of messages that can never be processed (poison messages).
        default poison_ratio: Ratio = 0.0,
        /// Maximum number of messages in flight (received but not deleted). Default: as in the preset (SQS: 120000).
        optional max_in_flight: Count<1, MAX_MANY>,
        /// Price per million queue requests: sending, receiving and deleting up to 10 messages. Default: as in the
        /// preset (SQS: 0.40).
        optional per_million_usd: Amount,
        /// The consumer.
        optional consumer: ConsumerSpec,
    }
}

parameters! {
    /// Receives messages and calls the target. All defaults are those of the queue's preset.
    pub struct ConsumerSpec {
        /// Largest number of messages per invocation (SQS: 10).
        optional batch_size: Count<1, MAX_BATCH>,
        /// How long to wait for more messages after the first of a batch (SQS: 0s). One batch is filled at a time.
        optional batch_window: Duration,
        /// Maximum number of simultaneous invocations of the target.
        optional max_concurrency: Count<1, MAX_MANY>,
        /// Whether the target reports which messages of a batch failed, so that only those are retried (in a fifo
        /// queue, also those behind them).
        optional partial_failure: Flag,
        /// Number of pollers.
        optional pollers: PollersSpec,
        /// Dedicated pollers instead of `pollers`: AWS's provisioned mode.
        optional provisioned: ProvisionedSpec,
        /// What happens to a batch that the target throttles: it is held and retried until its visibility timeout ends,
        /// or returned at once.
        optional throttled: Throttled,
        /// With throttled = "hold": delay before a retry (1s).
        optional throttle_retry: PositiveDuration,
        /// Whether messages stay hidden while they are being processed.
        optional renewal: Flag,
        /// How long a failed message is hidden. Default: the rest of its visibility timeout.
        optional backoff: OrNone<BackoffSpec>,
        /// Delivery rate of batches, including retries. Default: as in the preset (Cloud Tasks: 500/s).
        optional dispatch: OrNone<BucketSpec>,
        /// How long a receive call waits for messages before it returns empty, which is charged (SQS: 20s). "none":
        /// messages are pushed.
        optional long_poll: OrNone<PositiveDuration>,
        /// Delay before polling an empty queue again: `min` at first, doubling up to `max`. "none": pollers are
        /// notified at once. Default: as in the preset (Azure storage queues: 100ms, 1m).
        optional poll_interval: OrNone<PollIntervalSpec>,
    }
}

parameters! {
    /// How often an empty queue is polled.
    pub struct PollIntervalSpec {
        /// Initial interval.
        required min: PositiveDuration,
        /// Maximum interval.
        required max: PositiveDuration,
    }
}

parameters! {
    /// How many pollers receive at the same time: each receives a batch, calls the target, and deletes what was processed.
    pub struct PollersSpec {
        /// Initial number, also used again when there is no backlog (SQS: 5).
        optional start: Count<1, MAX_MANY>,
        /// What makes the number grow.
        optional growth: Growth,
        /// Pollers added per `per`, or with growth = "success" per processed batch (SQS: 300).
        optional step: Count<0, MAX_MANY>,
        /// With growth = "backlog": period of `step` (SQS: 1m).
        optional per: PositiveDuration,
        /// With growth = "backlog": how often part of a `step` is added (1s); set it to `per` to add all at once.
        optional every: PositiveDuration,
        /// Maximum number (SQS: 1250).
        optional max: Count<1, MAX_MANY>,
        /// Minimum number when batches fail or are throttled, which halves the number each time (SQS: 2).
        optional least: Count<1, MAX_MANY>,
    }
}

parameters! {
    /// Provisioned mode: event pollers that are always running and billed, each for 10 simultaneous calls of the
    /// target; they grow by 1,000 calls a minute.
    pub struct ProvisionedSpec {
        /// Minimum number.
        required min: Count<2, 200>,
        /// Maximum number.
        required max: Count<2, 2_000>,
        /// Price per poller-hour.
        default per_hour_usd: Amount = 0.00925,
    }
}

parameters! {
    /// How long a failed message is hidden: `min` after its first attempt, doubling each time; after `doublings`
    /// doublings it increases linearly, up to `max`.
    pub struct BackoffSpec {
        /// Delay after the first attempt.
        required min: Duration,
        /// Maximum delay.
        required max: Duration,
        /// Number of doublings.
        default doublings: Count<0, 64> = 64,
    }
}

choice! {
    /// The product that a preset describes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Preset {
        "sqs" => Sqs, "Amazon SQS, standard, and Lambda's event source mapping.";
        "sqs-fifo" => SqsFifo, "Amazon SQS, FIFO, and Lambda's event source mapping.";
        "azure-storage" => AzureStorage, "Azure storage queue and the trigger of Azure Functions.";
        "service-bus" => ServiceBus, "Azure Service Bus and the trigger of Azure Functions.";
        "pubsub-push" => PubsubPush, "Google Pub/Sub, push delivery.";
        "pubsub-pull" => PubsubPull, "Google Pub/Sub, pull delivery.";
        "cloud-tasks" => CloudTasks, "Google Cloud Tasks.";
        "knative-broker" => KnativeBroker, "A broker of Knative Eventing.";
    }
}

choice! {
    /// Whether order is kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Kind {
        "standard" => Standard, "Any number of batches at the same time; failed messages come back after the others.";
        "fifo" => Fifo, "Order is kept within a group, of which one batch at a time is processed.";
    }
}

choice! {
    /// What happens to a batch that the target throttles.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Throttled {
        "hold" => Hold, "The batch is retried until its visibility timeout has passed, and counts as received once (as AWS documents it).";
        "return" => Return, "The batch is returned until its visibility timeout has passed; each throttling uses up a receive (as users report it).";
    }
}

choice! {
    /// What makes the number of pollers grow.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Growth {
        "backlog" => Backlog, "Over time, while messages wait and no poller is free.";
        "success" => Success, "With each processed batch: a slow start.";
    }
}

/// Maximum number of groups of a queue.
const MAX_GROUPS: u32 = 1_000_000;
/// Maximum number of receives of a message.
const MAX_RECEIVES: u32 = 1_000;
/// Maximum number of messages in a batch.
const MAX_BATCH: u32 = 10_000;
/// Maximum of any other count.
const MAX_MANY: u32 = 10_000_000;

/// Minimum time before a failed message can be received again: never at the very moment at which it failed.
pub(super) const ROUND_TRIP: Span = Span::from_millis(1);

impl ProvisionedSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.rule("max", self.max, self.max >= self.min, format!("it must be at least `min` ({})", self.min));
    }
}

impl ConsumerSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        for (key, given) in [("max-concurrency", self.max_concurrency.is_some()), ("pollers", self.pollers.is_some())] {
            if self.provisioned.is_some() && given {
                let what = format!("cannot have `provisioned` and `{key}` together");
                check.conflict(key, what, "AWS would refuse this: keep one of them");
            }
        }
    }
}

impl PollIntervalSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.rule("max", self.max, self.max >= self.min, format!("it must be at least `min` ({})", self.min));
        check.rule("min", self.min, self.min >= ROUND_TRIP, format!("it must be at least {ROUND_TRIP}"));
    }

    /// When a queue found empty at `since` is next polled, `now` or later, and how often it has been polled in vain
    /// before.
    pub(super) fn next(&self, since: SimTime, now: SimTime) -> (SimTime, u64) {
        let (mut at, mut pause, mut polls) = (since + self.min, self.min, 0);
        while at < now && pause < self.max {
            pause = (pause + pause).min(self.max);
            (at, polls) = (at + pause, polls + 1);
        }
        if at < now {
            let more = now.since(at).as_nanos().div_ceil(pause.as_nanos());
            (at, polls) = (at + Span::from_nanos(more * pause.as_nanos()), polls + more);
        }
        (at, polls)
    }
}

impl BackoffSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.rule("max", self.max, self.max >= self.min, format!("it must be at least `min` ({})", self.min));
    }

    /// How long a message that has been received this often, counted from 1, is hidden: at least [`ROUND_TRIP`].
    pub(super) fn after(&self, receives: u32) -> Span {
        let times = receives.saturating_sub(1);
        let doubled = 1u64.checked_shl(times.min(self.doublings)).unwrap_or(u64::MAX);
        let factor = doubled.saturating_mul(u64::from(times.saturating_sub(self.doublings)) + 1);
        Span::from_nanos(self.min.as_nanos().saturating_mul(factor)).min(self.max).max(ROUND_TRIP)
    }
}

impl QueueSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.redrive_after.is_some() && self.dead_letter.is_some() {
            let what = "cannot have `dead-letter` and `redrive-after` together";
            check.conflict("redrive-after", what, "dead letters that are in another queue come back from nowhere");
        }
        if self.dead_letter.as_ref() == Some(&self.name) {
            check.wrong("dead-letter", "is the queue itself");
        }
        let settings = Settings::of(self);
        let visible = settings.visibility_timeout;
        check.rule("visibility-timeout", visible, visible >= ROUND_TRIP, format!("it must be at least {ROUND_TRIP}"));
        if settings.kind == Kind::Standard && self.groups > 1 {
            check.wrong_with("groups", "means nothing in a standard queue", "write `kind = \"fifo\"`");
        }
        if let Preset::Sqs | Preset::SqsFifo = self.preset {
            self.check_sqs(&settings, check);
        }
    }

    /// What AWS rejects when a queue and its mapping are created.
    fn check_sqs(&self, settings: &Settings, check: &mut Check<'_, '_, '_>) {
        let is_fifo = settings.kind == Kind::Fifo;
        let between =
            |span: Span, least: u64, most: u64| (Span::from_secs(least)..=Span::from_secs(most)).contains(&span);
        let spans = [
            ("visibility-timeout", settings.visibility_timeout, 0, 43_200, "it is at most 12h"),
            ("retention", settings.retention, 60, 1_209_600, "it is from 1m to 14d"),
            ("delay", settings.delay, 0, 900, "it is at most 15m"),
            ("consumer.batch-window", settings.batch_window, 0, if is_fifo { 0 } else { 300 }, "it is at most 5m"),
        ];
        for (key, span, least, most, allowed) in spans {
            if !between(span, least, most) {
                let allowed = if most == 0 { "a fifo queue has none" } else { allowed };
                check.refused(key, format!("= {span}: {allowed}"), "AWS");
            }
        }
        let (size, window) = (settings.batch_size, settings.batch_window);
        if is_fifo && size > 10 {
            check.refused("consumer.batch-size", format!("= {size}: a fifo queue has at most 10"), "AWS");
        } else if size > 10 && window < Span::from_secs(1) {
            let what = format!("= {size}: above 10 `batch-window` must be 1s or longer, not {window}");
            check.refused("consumer.batch-size", what, "AWS");
        }
        let concurrency = self.consumer.as_ref().and_then(|consumer| consumer.max_concurrency);
        if let Some(most) = concurrency.filter(|most| !(2..=1_000).contains(most)) {
            check.refused("consumer.max-concurrency", format!("= {most}: it is from 2 to 1000"), "AWS");
        }
    }
}
