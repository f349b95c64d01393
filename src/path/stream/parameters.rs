//! What a scenario says about a stream.

use super::super::bucket::BucketSpec;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Name, PositiveDuration, Ratio, Text};
use crate::time::Span;

parameters! {
    /// A stream: records are ordered within shards, and each shard is read batch by batch; a failed batch is retried
    /// before any record behind it.
    pub struct StreamSpec {
        /// Name and description.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// The product that provides all values not set here.
        default preset: Preset = Preset::Kinesis,
        /// The target that processes the records.
        required target: Text,
        /// Number of shards (partitions). Each record is in any of them with equal probability.
        default shards: Count<1, MAX_SHARDS> = 1,
        /// How long a record is kept. Default: as in the preset (Kinesis: 1d).
        optional retention: PositiveDuration,
        /// Share of records that can never be processed (poison records).
        default poison_ratio: Ratio = 0.0,
        /// Records per second that a shard accepts; more are throttled. Default: as in the preset (Kinesis: 1000/s).
        optional write_limit: OrNone<BucketSpec>,
        /// Destination of discarded batches: a queue or any other target. Default: they are only counted.
        optional on_failure: Text,
        /// Price per million records. Default: as in the preset (Kinesis: 0.014).
        optional per_million_usd: Amount,
        /// Price per shard-hour. Default: as in the preset (Kinesis: 0.015).
        optional shard_per_hour_usd: Amount,
        /// The consumer.
        optional consumer: ConsumerSpec,
    }
}

parameters! {
    /// Reads records and calls the target. All defaults are those of the stream's preset.
    pub struct ConsumerSpec {
        /// Largest number of records in a batch (Kinesis: 100).
        optional batch_size: Count<1, MAX_BATCH>,
        /// How long to wait for more records after the first of a batch (0s).
        optional batch_window: Duration,
        /// Batches of a shard processed at the same time; order is kept per key (1).
        optional parallelization: Count<1, 10>,
        /// Maximum attempts per batch, including the first. "none": until its records expire (Kinesis: "none").
        optional max_attempts: OrNone<Count<1, MAX_ATTEMPTS>>,
        /// Age at which a record is skipped. "none": the retention of the stream ("none").
        optional max_age: OrNone<PositiveDuration>,
        /// Whether a failed batch is split in two, which does not count as an attempt (false).
        optional bisect: Flag,
        /// Whether the target reports the first failed record, so that those before it count as processed (false).
        optional partial_failure: Flag,
        /// How often a shard is read (Kinesis: 1s). "none": records are pushed at once.
        optional poll_interval: OrNone<PositiveDuration>,
        /// Delay before a failed or throttled batch is retried; doubles each time (100ms).
        optional backoff: PositiveDuration,
        /// Longest such delay (1m).
        optional max_backoff: PositiveDuration,
    }
}

choice! {
    /// The product that a preset describes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Preset {
        "kinesis" => Kinesis, "Amazon Kinesis and Lambda's event source mapping.";
        "dynamodb" => Dynamodb, "Amazon DynamoDB Streams and Lambda's event source mapping.";
        "event-hubs" => EventHubs, "Azure Event Hubs and the trigger of Azure Functions.";
        "kafka" => Kafka, "Kafka with one consumer per partition.";
    }
}

/// Maximum number of shards of a stream.
const MAX_SHARDS: u32 = 10_000;
/// Maximum number of records in a batch.
const MAX_BATCH: u32 = 10_000;
/// Maximum number of attempts at a batch: AWS allows 10,000 retries.
const MAX_ATTEMPTS: u32 = 10_001;

/// What a stream and its consumer do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) shards: u32,
    pub(super) retention: Span,
    pub(super) poison_ratio: f64,
    pub(super) write_limit: Option<BucketSpec>,
    pub(super) has_on_failure: bool,
    pub(super) per_million_usd: f64,
    pub(super) shard_per_hour_usd: f64,
    pub(super) batch_size: u32,
    pub(super) batch_window: Span,
    pub(super) parallelization: u32,
    pub(super) max_attempts: Option<u32>,
    pub(super) max_age: Option<Span>,
    pub(super) bisect: bool,
    pub(super) partial_failure: bool,
    pub(super) poll_interval: Option<Span>,
    pub(super) backoff: Span,
    pub(super) max_backoff: Span,
}

impl Preset {
    /// Kinesis and DynamoDB: Lambda developer guide, services-kinesis-parameters and services-dynamodb-parameters: 100
    /// records in a batch, retried until they expire; Kinesis shards are read once a second, DynamoDB's four times. How
    /// long a mapping waits before a retry is not published. Prices: $0.015 per shard-hour, $0.014 per million records
    /// of up to 25 KB; the $0.02 per 100,000 reads of DynamoDB Streams is not charged for Lambda.
    fn settings(self) -> Settings {
        let mut stream = Settings {
            shards: 1,
            retention: Span::from_secs(86_400),
            poison_ratio: 0.0,
            write_limit: Some(BucketSpec { rate: 1_000.0, burst: None }),
            has_on_failure: false,
            per_million_usd: 0.014,
            shard_per_hour_usd: 0.015,
            batch_size: 100,
            batch_window: Span::ZERO,
            parallelization: 1,
            max_attempts: None,
            max_age: None,
            bisect: false,
            partial_failure: false,
            poll_interval: Some(Span::from_secs(1)),
            backoff: Span::from_millis(100),
            max_backoff: Span::from_secs(60),
        };
        if self == Self::Kinesis {
            return stream;
        }
        (stream.write_limit, stream.per_million_usd, stream.shard_per_hour_usd) = (None, 0.0, 0.0);
        match self {
            Self::Kinesis => {}
            Self::Dynamodb => stream.poll_interval = Some(Span::from_millis(250)),
            // The trigger continues after a failed batch, unless the function has a retry policy; 100 events, over a
            // persistent connection. $0.028 per million events.
            Self::EventHubs => {
                (stream.poll_interval, stream.max_attempts, stream.per_million_usd) = (None, Some(1), 0.028);
            }
            Self::Kafka => (stream.poll_interval, stream.retention) = (None, Span::from_secs(7 * 86_400)),
        }
        stream
    }
}

impl Settings {
    /// The behavior of a stream with this preset.
    pub(super) fn of(spec: &StreamSpec) -> Self {
        let preset = spec.preset.settings();
        let mut settings = Self {
            shards: spec.shards,
            retention: spec.retention.unwrap_or(preset.retention),
            poison_ratio: spec.poison_ratio,
            write_limit: spec.write_limit.clone().unwrap_or(preset.write_limit),
            has_on_failure: spec.on_failure.is_some(),
            per_million_usd: spec.per_million_usd.unwrap_or(preset.per_million_usd),
            shard_per_hour_usd: spec.shard_per_hour_usd.unwrap_or(preset.shard_per_hour_usd),
            ..preset
        };
        let Some(consumer) = &spec.consumer else { return settings };
        settings.batch_size = consumer.batch_size.unwrap_or(settings.batch_size);
        settings.batch_window = consumer.batch_window.unwrap_or(settings.batch_window);
        settings.parallelization = consumer.parallelization.unwrap_or(settings.parallelization);
        settings.max_attempts = consumer.max_attempts.unwrap_or(settings.max_attempts);
        settings.max_age = consumer.max_age.unwrap_or(settings.max_age);
        settings.bisect = consumer.bisect.unwrap_or(settings.bisect);
        settings.partial_failure = consumer.partial_failure.unwrap_or(settings.partial_failure);
        settings.poll_interval = consumer.poll_interval.unwrap_or(settings.poll_interval);
        settings.backoff = consumer.backoff.unwrap_or(settings.backoff);
        settings.max_backoff = consumer.max_backoff.unwrap_or(settings.max_backoff.max(settings.backoff));
        settings
    }

    /// The age at which a record is no longer processed.
    pub(super) fn life(&self) -> Span {
        self.max_age.unwrap_or(Span::FOREVER).min(self.retention)
    }
}

impl StreamSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let settings = Settings::of(self);
        let Settings { backoff, max_backoff, batch_window, retention, max_age, .. } = settings;
        if max_backoff < backoff {
            check.wrong("consumer.max-backoff", format!("({max_backoff}) is shorter than `backoff` ({backoff})"));
        }
        if !matches!(self.preset, Preset::Kinesis | Preset::Dynamodb) {
            return;
        }
        let secs = |least: u64, most: u64| Span::from_secs(least)..=Span::from_secs(most);
        if batch_window > Span::from_secs(300) {
            check.refused("consumer.batch-window", format!("= {batch_window}: it is at most 5m"), "AWS");
        }
        if let Some(age) = max_age.filter(|age| !secs(60, 604_800).contains(age)) {
            check.refused("consumer.max-age", format!("= {age}: it is from 1m to 7d"), "AWS");
        }
        if self.preset == Preset::Kinesis && !secs(86_400, 365 * 86_400).contains(&retention) {
            check.refused("retention", format!("= {retention}: it is from 1d to 365d"), "Amazon Kinesis");
        }
    }
}
