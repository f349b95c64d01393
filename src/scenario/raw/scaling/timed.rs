//! Policies of provisioned instances, and timetables.

use super::MANY;
use crate::policy::scaling::Governs;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Flag, Number};
use crate::time::Span;

table! {
    /// Target tracking of LambdaProvisionedConcurrencyUtilization by AWS Application Auto Scaling. It begins with
    /// `concurrency.provisioned`; a request that finds no provisioned instance free gets one of its own.
    struct TargetTrackingTable {
        /// The utilization of provisioned instances to hold (TargetValue).
        default target: Number = 0.7,
        /// Fewest provisioned instances (MinCapacity).
        default min_capacity: Count<0, MANY> = 1,
        /// Most provisioned instances (MaxCapacity).
        required max_capacity: Count<0, MANY>,
        /// Minutes in a row above the target before it scales out.
        default out_datapoints: Count<1, 1440> = 3,
        /// Minutes in a row below `in-fraction` of the target before it scales in; without requests there is no datapoint.
        default in_datapoints: Count<1, 1440> = 15,
        /// See `in-datapoints`.
        default in_fraction: Number = 0.9,
        /// How long after scaling out it does not scale out again (ScaleOutCooldown).
        default scale_out_cooldown: Duration = Span::ZERO,
        /// How long after scaling it does not scale in (ScaleInCooldown).
        default scale_in_cooldown: Duration = Span::ZERO,
        /// Whether it only ever scales out (DisableScaleIn).
        default disable_scale_in: Flag = false,
        /// Scheduled actions: other bounds from given times on.
        default schedule: List<BoundsTable, 0, 1000> = Vec::new(),
    }
}

table! {
    /// Bounds that hold from a time on.
    struct BoundsTable {
        /// When, from the start of the run.
        required at: Duration,
        /// And again after so long, as every "24h"; without it: once.
        optional every: Duration,
        /// Fewest provisioned instances; without it: as before.
        optional min_capacity: Count<0, MANY>,
        /// Most provisioned instances; without it: as before.
        optional max_capacity: Count<0, MANY>,
    }
}

table! {
    /// As many instances as a timetable says: of all, or of those kept warm.
    struct ScheduledTable {
        /// Which instances it governs.
        default governs: Governs = Governs::Provisioned,
        /// Instances until the first action; without it: `concurrency.provisioned`.
        optional instances: Count<0, MANY>,
        /// When there are to be how many.
        required actions: List<ActionTable, 1, 1000>,
    }
}

table! {
    /// So many instances from a time on.
    struct ActionTable {
        /// When, from the start of the run.
        required at: Duration,
        /// And again after so long, as every "24h"; without it: once.
        optional every: Duration,
        /// How many.
        required instances: Count<0, MANY>,
    }
}

choice! { Governs {
    "provisioned" => Governs::Provisioned, "Those kept warm: a request that finds none of them free gets one of its own.";
    "all" => Governs::Instances, "All of the function's: a request that finds none with a free slot waits.";
} }
