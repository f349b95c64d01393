//! Paths that are unstable by design: retries that sustain an overload, and messages that are delivered again while
//! they are being processed.

use super::path::place_of;
use crate::path::ComponentSpec;
use crate::scenario::model::{Destination, Function, Overflow, Scenario, Target};
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::{Problem, Problems};

/// Checks every client of a source, and every queue.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    for (source, table) in scenario.sources.iter().zip(file.source.iter()) {
        let Target::Component(id) = source.target else { continue };
        let component = &scenario.components[id.index()];
        let (ComponentSpec::Client(client), [Destination::Function(function)]) =
            (&component.spec, &component.targets[..])
        else {
            continue;
        };
        let retries = client.parameters.unbounded_retries();
        let function = &scenario.functions[function.index()];
        let (Some(capacity), Some(retries)) = (capacity(function), retries) else { continue };
        let mean = function.duration.mean_s();
        let rate = source.arrivals.mean_rate(mean, scenario.simulation.horizon.as_secs_f64());
        let most = rate * f64::from(retries + 1);
        if rate < capacity && capacity <= most {
            let message = format!(
                "`source.{}` sends {rate:.0}/s, and up to {most:.0}/s with retries, but `function.{}` can serve only \
                 {capacity:.0}/s",
                source.name, function.name
            );
            let help = "once overloaded, it may never recover: give the client a retry budget or a circuit breaker, or \
                        limit the queue to less than the timeout; backoff and jitter do not help under a steady load";
            problems.push(Problem::warning(table.client.place, message).help(help));
        }
    }
    for component in &scenario.components {
        let (ComponentSpec::Queue(queue), Some(place)) = (&component.spec, place_of(file, &component.name)) else {
            continue;
        };
        let Some(Destination::Function(id)) = component.targets.first().filter(|_| queue.target.is_some()) else {
            continue;
        };
        let function = &scenario.functions[id.index()];
        let (Some(limit), Some(timeout)) = (queue.processing_limit(), function.timeout) else { continue };
        if timeout > limit {
            let message = format!(
                "`queue.{}.visibility-timeout` is {limit}: shorter than `function.{}.timeout` ({timeout})",
                queue.name, function.name
            );
            let problem = if queue.requires_visibility_for_timeout() {
                let help = "AWS rejects this: a message would be delivered again while it is still being processed; AWS \
                            recommends six times the timeout of the function";
                Problem::error(place, message).help(help)
            } else {
                let help = "a message is delivered again while it is still being processed, unless its receiver extends the time";
                Problem::warning(place, message).help(help)
            };
            problems.push(problem);
        }
    }
}

/// Maximum number of requests per second that a function serves, if that is fixed and nothing limits its queue.
fn capacity(function: &Function) -> Option<f64> {
    let concurrency = &function.concurrency;
    let slots = concurrency.max_instances.map(|most| u64::from(most) * u64::from(concurrency.per_instance));
    let bound = slots.into_iter().chain(concurrency.reserved.map(u64::from)).min()?;
    let is_bounded = matches!(concurrency.overflow, Overflow::Queue { limit: None, .. });
    let mean = function.duration.mean_s();
    (is_bounded && mean > 0.0 && mean.is_finite()).then(|| bound as f64 / mean)
}
