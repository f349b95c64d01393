//! Scaling by forecasts.

use super::MANY;
use crate::policy::scaling::Governs;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Positive, Share};
use crate::time::Span;

table! {
    /// At the start of every interval as many instances as forecast * margin / target, rounded up. The load is the number of
    /// requests in progress or waiting, on average over an interval.
    struct PredictiveTable {
        /// Which instances it governs.
        default governs: Governs = Governs::Instances,
        /// How the load is forecast; while too little is known, the interval that has just ended stands for it.
        required forecast: ForecastTable,
        /// The length of an interval.
        default interval: Duration = Span::from_secs(60),
        /// How many of the coming intervals are looked at; the largest forecast counts. With 2, instances are there an
        /// interval early.
        default ahead: Count<1, 1000> = 1,
        /// The load that an instance is to have.
        default target: Positive = 1.0,
        /// The forecast is multiplied by this.
        default margin: Positive = 1.1,
        /// Fewest instances.
        default min_instances: Count<0, MANY> = 1,
        /// Most instances; needed with governs = "provisioned".
        optional max_instances: Count<0, MANY>,
    }
}

union! {
    /// How a load is forecast.
    enum ForecastTable ("forecast") {
        /// Level, trend and season, each smoothed (additive Holt-Winters).
        "holt-winters" => HoltWinters(HoltWintersTable),
        /// A quantile of earlier intervals.
        "quantile" => Quantile(QuantileTable),
        /// The mean rates of the function's sources, as the scenario says them: what no forecast can beat.
        "oracle" => Oracle(OracleTable),
    }
}

table! {
    /// Additive Holt-Winters: a share of 0 never learns, a share of 1 believes the last interval only.
    struct HoltWintersTable {
        /// How long a season is, as "24h"; without it: no season.
        optional season: Duration,
        /// Smoothing of the level (alpha).
        default level: Share = 0.2,
        /// Smoothing of the trend (beta).
        default trend: Share = 0.0,
        /// Smoothing of the season (gamma).
        default seasonal: Share = 0.3,
    }
}

table! {
    /// A quantile of earlier intervals.
    struct QuantileTable {
        /// Which, from 0 (the least load) to 1 (the most).
        default quantile: Share = 0.95,
        /// How many intervals count: the last ones, or of so many seasons the one at the same place.
        default of: Count<1, 10_000> = 7,
        /// How long a season is, as "24h"; without it: no season.
        optional season: Duration,
    }
}

table! {
    /// Knows the mean rate of every source and the mean duration, but not the luck.
    struct OracleTable {}
}
