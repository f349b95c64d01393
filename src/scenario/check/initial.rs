//! Instances at the start of the run: whether the limits allow them.

use super::Checker;
use crate::scenario::limits::MAX_PROVISIONED;
use crate::scenario::model::{Function, Initial, Scenario};
use crate::scenario::raw::FileTable;
use crate::scenario::raw::function::{FunctionTable, InitialTable};
use crate::schema::diagnostic::{Problem, Problems};
use crate::time::Span;

impl Checker<'_, '_> {
    /// The initial state as it is written.
    pub(super) fn initial(&mut self, initial: &InitialTable, function: &FunctionTable, path: &str) -> Initial {
        let named = initial.idle_expire_in.len() as u32;
        let idle = initial.idle.unwrap_or(named);
        if idle < named {
            let message = format!("`{path}.idle-expire-in` names {named} instances, but `idle` is {idle}");
            let help = "remove `idle`, or raise it: instances without a time expire after their keep-alive";
            self.problems.push(Problem::error(initial.idle_expire_in.place, message).help(help));
        }
        if function.duration.is_none() && !function.duration.broken && *initial.busy > 0 {
            let message = format!(
                "`{path}.busy` requires the `duration` of the function, to draw the remaining time of its \
                         requests"
            );
            self.problems.push(Problem::error(initial.busy.place, message));
        }
        match function.max_lifetime.flatten() {
            Some(most) if *initial.age >= most => {
                let message = format!("`{path}.age` ({}) must be below `max-lifetime` ({most})", *initial.age);
                self.problems.push(Problem::error(initial.age.place, message));
            }
            None if *initial.age > Span::ZERO => {
                let message = format!("`{path}.age` has no effect: the function has no `max-lifetime`");
                self.problems.push(Problem::warning(initial.age.place, message));
            }
            _ => {}
        }
        Initial {
            busy: *initial.busy,
            idle,
            idle_expire_in: initial.idle_expire_in.iter().map(|at| at.value).collect(),
            age: *initial.age,
        }
    }
}

/// The problems of the initial state under the limits of a scenario.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let (mut unreserved, mut all) = (vec![0; 1 + scenario.site_platforms.len()], 0);
    // Functions from traces come after those of the file, and start as `function-defaults` says.
    let of_all = file.function_defaults.as_ref().and_then(|defaults| defaults.initial.as_ref());
    let written = file.function.iter().map(|table| table.initial.as_ref()).chain(std::iter::repeat(of_all));
    for (function, written) in scenario.functions.iter().zip(written) {
        let (Some(initial), Some(written)) = (&function.initial, written) else { continue };
        all += u64::from(initial.busy) + u64::from(initial.idle);
        let path = format!("function.{}.initial", function.name);
        if let Some((message, help)) = refused(function, initial, &path) {
            problems.push(Problem::error(written.place, message).help(help));
        }
        if function.concurrency.reserved.is_none() && initial.busy > 0 {
            let unreserved = &mut unreserved[function.platform.0 as usize];
            *unreserved += u64::from(initial.busy);
            let limit = scenario.unreserved_concurrency(function.platform);
            if *unreserved > u64::from(limit) {
                let message = format!("`{path}`: {unreserved} requests are in progress at the start, but the account");
                let problem = Problem::error(written.busy.place, format!("{message} allows {limit}"));
                problems.push(problem.help("functions with reserved concurrency are not counted"));
            }
        }
        if all > u64::from(MAX_PROVISIONED) {
            let message = format!("{all} instances exist at the start: at most {MAX_PROVISIONED} can be simulated");
            problems.push(Problem::error(written.place, message));
            break;
        }
    }
}

/// Why a function cannot start like this, and what to do.
fn refused(function: &Function, initial: &Initial, path: &str) -> Option<(String, &'static str)> {
    let concurrency = &function.concurrency;
    let instances = u64::from(initial.busy) + u64::from(initial.idle) + u64::from(concurrency.provisioned);
    if function.scaling.owns_all_instances() {
        let message = format!("`{path}`: `scaling.{}` creates all instances of the function", function.scaling.name());
        return Some((message, "remove it, and use a warm-up to let the policy reach its own state"));
    }
    if function.keep_alive.is_by_app() {
        let message = format!("`{path}`: the keep-alive policy decides per application which functions are loaded");
        return Some((message, "remove it, or choose another keep-alive"));
    }
    if let Some(most) = concurrency.max_instances.filter(|most| instances > u64::from(*most)) {
        let message = format!("`{path}`: {instances} instances (including provisioned ones) exceed `max-instances`");
        return Some((format!("{message} ({most})"), "raise max-instances, or start with fewer"));
    }
    if let Some(reserved) = concurrency.reserved.filter(|reserved| initial.busy > *reserved) {
        let message = format!("`{path}.busy` ({}) is more than `reserved` ({reserved})", initial.busy);
        return Some((message, "reserved concurrency is an upper limit"));
    }
    None
}
