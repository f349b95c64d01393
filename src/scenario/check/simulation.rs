//! Horizon, replications and precision.

use super::Checker;
use super::names::Names;
use crate::scenario::limits::MAX_HORIZON;
use crate::scenario::model::{Precision, PrecisionTarget, Simulation};
use crate::scenario::raw::SimulationTable;
use crate::scenario::raw::precision::{Intervals, PrecisionTable};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::Problem;
use crate::time::Span;

/// Default number of initial replications.
const FIRST_LOOK: u32 = 10;
/// Default number of batches.
const BATCHES: u32 = 25;

impl Checker<'_, '_> {
    pub(super) fn simulation(&mut self, table: &SimulationTable, functions: &Names) -> Option<Simulation> {
        let warm_up_is_auto = table.warm_up.is_none();
        let (horizon, warm_up) = ((*table.horizon)?, table.warm_up.unwrap_or_default());
        if horizon == Span::ZERO {
            let problem = Problem::error(table.horizon.place, "`simulation.horizon` must be longer than zero");
            self.problems.push(problem.help("a day covers the daily pattern: horizon = \"24h\""));
            return None;
        }
        if horizon > MAX_HORIZON {
            let message = format!("`simulation.horizon` must be at most {MAX_HORIZON}");
            self.problems.push(Problem::error(table.horizon.place, message));
            return None;
        }
        if warm_up >= horizon {
            let message = format!("`simulation.warm-up` ({warm_up}) must be shorter than the horizon ({horizon})");
            let help = "everything before the end of the warm-up is discarded, so nothing would be measured";
            self.problems.push(Problem::error(table.warm_up.place, message).help(help));
            return None;
        }
        let precision = table.precision.as_ref().map(|precision| self.precision(precision, functions));
        if let (Some(_), Some(_)) = (&precision, *table.replications) {
            let message = "`simulation.replications` and [simulation.precision] are mutually exclusive";
            let help = "keep `precision`: its `min-replications` is the number it starts with";
            self.problems.push(Problem::error(table.replications.place, message).help(help));
        }
        let batches = self.batches(table);
        let first = precision.as_ref().map(|(first, _)| *first);
        Some(Simulation {
            start_s: table.start.unwrap_or(super::START),
            horizon,
            warm_up,
            seed: *table.seed,
            warm_up_is_auto,
            replications: first.or(*table.replications).unwrap_or(1),
            replications_by_default: first.or(*table.replications).is_none() && batches.is_none(),
            precision: precision.map(|(_, precision)| precision),
            batches,
            drain: table.drain.value,
        })
    }

    /// Number of initial replications, and the target precision up to which more are added.
    fn precision(&mut self, table: &PrecisionTable, functions: &Names) -> (u32, Precision) {
        let most = *table.max_replications;
        let first = table.min_replications.unwrap_or(FIRST_LOOK.min(most));
        if first > most {
            let message =
                format!("`simulation.precision.min-replications` ({first}) is more than `max-replications` ({most})");
            self.problems.push(Problem::error(table.min_replications.place, message));
        }
        let mut targets = Vec::new();
        for (metric, half_width) in table.metrics.iter() {
            self.metric(metric, half_width.place);
            targets.push(PrecisionTarget { metric: metric.clone(), function: None, half_width: half_width.value });
        }
        for (name, metrics) in table.functions.iter() {
            let name = Spanned { value: Some(name.clone()), place: metrics.place, broken: false };
            let function = functions.find(&name, "function", self.problems);
            for (metric, half_width) in &metrics.value {
                self.metric(metric, half_width.place);
                targets.push(PrecisionTarget { metric: metric.clone(), function, half_width: half_width.value });
            }
        }
        if targets.is_empty() && !table.metrics.broken && !table.functions.broken {
            let problem = Problem::missing(table.place, "`simulation.precision` names no metric");
            let help = "as in metrics = { \"latency_s.p99\" = \"5%\" }, or --precision latency_s.p99=5%";
            self.problems.push(problem.help(help));
        }
        (first, Precision { targets, max_replications: most })
    }

    /// Number of batches into which a run is split, if it is.
    fn batches(&mut self, table: &SimulationTable) -> Option<u32> {
        if *table.intervals == Intervals::Replications {
            if table.batches.is_some() && !table.intervals.broken {
                let problem =
                    Problem::error(table.batches.place, "`simulation.batches` requires intervals = \"batch-means\"");
                self.problems.push(problem.help("add it, or remove batches"));
            }
            return None;
        }
        let (place, word) = match (table.replications.filter(|runs| *runs > 1), table.precision.as_ref()) {
            (Some(_), _) => (table.replications.place, "replications"),
            (None, Some(precision)) => (precision.place, "precision"),
            (None, None) => return Some(table.batches.unwrap_or(BATCHES)),
        };
        let message = format!("intervals = \"batch-means\" uses one long run and cannot be combined with `{word}`");
        self.problems.push(Problem::error(place, message).help(format!("remove {word}, or intervals")));
        None
    }
}
