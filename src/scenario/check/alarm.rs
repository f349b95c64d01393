//! Alarms: what they watch, and whether it can be watched.

use super::{Checker, Known};
use crate::metric::component::NODE_GROUP;
use crate::metric::signal::Signal;
use crate::path::signals_of;
use crate::scenario::model::{Alarm, Scenario};
use crate::scenario::objective::Subject;
use crate::scenario::raw::FileTable;
use crate::scenario::raw::alarm::AlarmTable;
use crate::schema::diagnostic::{Problem, Problems, instead};
use crate::time::Span;

/// Minimum length of a period, s.
const SHORT_S: [u64; 3] = [10, 20, 30];
const MINUTE: u64 = 60;

/// Rejects alarms on costs that are not charged per request.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let watches = scenario.alarms.iter().zip(file.alarm.iter()).filter(|(alarm, _)| alarm.signal == Signal::Cost);
    for (_, table) in watches {
        if let Some(why) = not_by_request(scenario) {
            let message = format!("cost can be watched only if requests are charged individually, but {why}");
            let help = "watch what drives it, such as \"requests.arrived\" or \"instances.peak\"";
            problems.push(Problem::error(table.metric.place, message).help(help));
        }
    }
}

/// Why the cost does not follow from requests alone; `None` if it does.
fn not_by_request(scenario: &Scenario) -> Option<String> {
    if !scenario.site_platforms.is_empty() {
        return Some("sites have platforms of their own".to_owned());
    }
    let Some(billing) = &scenario.platform.billing else {
        return Some("there are no prices".to_owned());
    };
    let resources = &billing.resources;
    let by_instance = [
        billing.extras.instance_gb_second_usd,
        resources.instance_vcpu_second_usd,
        resources.minimum_idle_vcpu_second_usd,
        resources.cpu_second_usd,
        resources.per_month_usd,
    ];
    if by_instance.iter().any(|price| *price > 0.0) || billing.minimum_instances.is_some() || resources.unit.is_some() {
        return Some("the platform charges for instances, processors or the account".to_owned());
    }
    scenario.functions.iter().find_map(|function| {
        let name = &function.name;
        let is_provisioned = function.concurrency.provisioned > 0 || function.scaling.most_provisioned() > 0;
        if function.shares_instances() {
            Some(format!("instances of `function.{name}` serve several at a time"))
        } else if is_provisioned {
            Some(format!("`function.{name}` has provisioned concurrency"))
        } else {
            function.snapshot_charged.then(|| format!("snapshots of `function.{name}` are charged"))
        }
    })
}

impl Checker<'_, '_> {
    /// An alarm.
    pub(super) fn alarm(&mut self, table: &AlarmTable, known: &Known<'_>, horizon: Span) -> Option<Alarm> {
        let AlarmTable { place, name, metric, threshold, comparison, period, datapoints, of, missing, .. } = table;
        let (kind, subject) = self.about("alarm", &subjects!(table), known)?;
        let wanted = metric.as_deref()?;
        let signals = signals_of(kind);
        let Some((_, signal)) = signals.iter().find(|(name, _)| name == wanted) else {
            let whose = if kind == "total" { "all requests together".to_owned() } else { format!("a {kind}") };
            let message = format!("\"{wanted}\" cannot be watched for {whose}");
            let help = instead(wanted, "what is watched is", signals.iter().map(|(name, _)| name.as_str()));
            self.problems.push(Problem::error(metric.place, message).help(help));
            return None;
        };
        let threshold = self.value(signal.quantity(), wanted, threshold.as_ref()?, threshold.place)?;
        let seconds = period.as_nanos() / 1_000_000_000;
        let is_whole = period.as_nanos() % 1_000_000_000 == 0;
        if !is_whole || !(SHORT_S.contains(&seconds) || seconds > 0 && seconds % MINUTE == 0) {
            let message = format!("a period of {} cannot be watched", **period);
            let help = "write \"10s\", \"20s\", \"30s\" or whole minutes";
            self.problems.push(Problem::error(period.place, message).help(help));
            return None;
        }
        if **period > horizon {
            let message = format!("a period of {} is longer than the run", **period);
            self.problems.push(Problem::warning(period.place, message).help("the alarm never has any data"));
        }
        let datapoints_asked = datapoints.unwrap_or(**of);
        if datapoints_asked > **of {
            let message = format!("{datapoints_asked} of {} periods cannot breach the threshold", **of);
            self.problems.push(Problem::error(datapoints.place, message).help(format!("write at most {}", **of)));
            return None;
        }
        let _ = place;
        Some(Alarm {
            name: (**name).clone()?,
            metric: wanted.to_owned(),
            signal: *signal,
            subject,
            threshold,
            comparison: **comparison,
            period: **period,
            datapoints: datapoints_asked,
            of: **of,
            missing: **missing,
        })
    }

    /// What one of several keys names, with its kind; the total if none is given.
    pub(super) fn about<'k>(
        &mut self,
        what: &str,
        keys: &[(&'k str, &crate::schema::decode::Spanned<Option<String>>)],
        known: &Known<'_>,
    ) -> Option<(&'k str, Subject)> {
        if keys.iter().any(|(_, field)| field.broken) {
            return None;
        }
        let mut given = keys.iter().filter(|(_, field)| field.is_some());
        let (first, second) = (given.next(), given.next());
        if let (Some((one, _)), Some((other, field))) = (first, second) {
            let message = format!("an {what} is about a `{one}` or a `{other}`, not both");
            self.problems.push(Problem::error(field.place, message).help(format!("write a second [[{what}]]")));
            return None;
        }
        let Some((kind, field)) = first else { return Some(("total", Subject::Total)) };
        known.subject(kind, field, self.problems).map(|subject| (*kind, subject))
    }
}
