//! Functions: what their values mean, together and under the limits of the platform.

use std::collections::HashMap;

use super::Checker;
use crate::dist::Dist;
use crate::id::PlatformId;
use crate::path::async_queue::AsyncParameters;
use crate::policy::scaling::{Governs, ScalingSpec};
use crate::scenario::model::{Architecture, Concurrency, Function, Overflow};
use crate::scenario::preset::Allowed;
use crate::scenario::raw::FileTable;
use crate::scenario::raw::cold_start::{ColdStartTable, SnapshotTable};
use crate::scenario::raw::function::{ConcurrencyTable, FunctionTable, OverflowWord, Package};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::time::Span;
use crate::workload::trace::TraceFunction;

impl Checker<'_, '_> {
    /// A function; `traced`: what a trace knows about it.
    pub(super) fn function(
        &mut self,
        table: &FunctionTable,
        path: &str,
        traced: Option<&TraceFunction>,
        allowed: Option<&Allowed>,
    ) -> Option<Function> {
        let key = |key: &str| format!("{path}.{key}");
        if let Some(allowed) = allowed {
            self.allowed(table, path, allowed);
        } else if let (Some(runtime), false) = (table.runtime.as_ref(), self.has_stem_cells) {
            let message = format!("`{path}.runtime` = \"{runtime}\" has no effect without a preset");
            let help = "write [platform] preset = \"aws-lambda\", or give the function a `cold-start`";
            self.problems.push(Problem::warning(table.runtime.place, message).help(help));
        }
        if allowed.is_none() && table.code.is_some() {
            let message = format!("`{path}.code` has no effect without a preset");
            let help = "write [platform] preset = \"aws-lambda\", or give the function a `cold-start`";
            self.problems.push(Problem::warning(table.code.place, message).help(help));
        }
        let timeout = table.timeout.flatten();
        let timeout = timeout.map(|timeout| self.positive(table.timeout.place, timeout, &key("timeout")));
        let max_lifetime = table.max_lifetime.flatten();
        let max_lifetime = max_lifetime.map(|age| self.positive(table.max_lifetime.place, age, &key("max-lifetime")));
        let mut keep_alive = (*table.keep_alive).clone();
        self.load(keep_alive.distribution());
        let scaling = (*table.scaling).clone();
        let mut concurrency = self.concurrency(&table.concurrency, scaling.owns_all_instances(), &key("concurrency"));
        let batching = self.batching(table, path);
        if let (Some(batching), Some(concurrency), None) =
            (&batching, &mut concurrency, *table.concurrency.per_instance)
        {
            concurrency.per_instance = batching.max_batch;
        }
        let mut selection = table.selection.unwrap_or_default();
        self.instance_memory(table, path, &scaling);
        // Of a policy with problems, only what is certain is used.
        if let (Some(concurrency), false) = (&mut concurrency, table.scaling.broken) {
            self.ordered(table, path, &scaling, &mut selection, concurrency);
        }
        self.cpu(table, path, concurrency.as_ref().map_or(1, |concurrency| concurrency.per_instance));
        let initial = table.initial.as_ref().map(|initial| self.initial(initial, table, &key("initial")));
        let cold_duration = optional(&table.cold_duration, |dist| self.dist(dist));
        let cold_start = optional(&table.cold_start, |cold| match cold {
            Some(cold) => self.cold_start(cold),
            None => Some(Vec::new()),
        });
        let load = table.batching.as_ref().and_then(|own| self.load_phase(own, path));
        let cold_start = cold_start.map(|phases| match (phases, load) {
            (phases, None) => phases,
            (phases, Some(load)) => Some(phases.into_iter().flatten().chain([load]).collect()),
        });
        if let (Some(phases), Some(concurrency)) = (&cold_start, &mut concurrency) {
            Self::queue_timeout(table, &scaling, phases.as_deref().unwrap_or_default(), concurrency);
        }
        let duration = match table.duration.as_ref() {
            Some(dist) => self.dist(dist),
            // Where requests bring their durations, the distribution is not used.
            None if traced.is_some_and(|traced| traced.has_durations || traced.duration.is_some()) => {
                Some(traced.and_then(|traced| traced.duration.clone()).unwrap_or(Dist::Constant(Span::ZERO)))
            }
            None if table.duration.broken => None,
            // The steps, or the batch, determine it.
            None if !table.step.is_empty() || table.batching.is_some() => Some(Dist::Constant(Span::ZERO)),
            None => {
                let problem =
                    Problem::missing(table.place, format!("`{path}` needs `duration`: how long a request runs"));
                self.problems.push(problem.help("as in duration.log-normal = { median = \"120ms\", p99 = \"900ms\" }"));
                None
            }
        };
        // Restoring a snapshot has its own limit, and instances ordered in advance have no limit.
        let one_each = concurrency.as_ref().is_some_and(|concurrency| concurrency.per_instance == 1);
        let by_request = !scaling.owns_all_instances();
        let init_timeout = self.init_timeout.filter(|_| one_each && by_request && snapshot(table).is_none());
        if let (Some(duration), Some(Some(timeout))) = (&duration, timeout) {
            self.mostly_cut_off(&table.duration.place, duration, timeout, path);
        }
        Some(Function {
            name: table.name.as_deref().unwrap_or("?").to_owned(),
            // Set when the sites are known.
            platform: PlatformId::default(),
            app: table.app.value.clone(),
            runtime: table.runtime.value.clone(),
            memory_mb: *table.memory,
            architecture: *table.architecture,
            cpu: self.cpu_of(table),
            gpu: *table.gpu,
            // These two are resolved when all names are known.
            node_group: None,
            image: None,
            ephemeral_storage_mb: *table.ephemeral_storage,
            readiness_probe: table.readiness_probe.value.clone(),
            has_own_machines: allowed.is_some_and(|allowed| allowed.lack("node-group").is_some()),
            timeout: all_or_nothing(timeout)?,
            selection,
            max_lifetime: all_or_nothing(max_lifetime)?,
            payload_limit: table.payload_limit.flatten(),
            termination_grace_period: self.grace_period(table, path, &scaling),
            duration: duration?,
            cold_duration: cold_duration?,
            // The targets of calls are resolved when all of them are known.
            steps: Vec::new(),
            batching,
            failure_ratio: *table.failure_ratio,
            cold_start: cold_start?.unwrap_or_default(),
            init_timeout,
            snapshot_charged: snapshot(table).is_some_and(|snapshot| *snapshot.charged),
            keep_alive,
            scaling,
            concurrency: concurrency?,
            initial: initial.filter(|initial| initial.busy + initial.idle > 0),
        })
    }

    /// How long a busy instance that is withdrawn may continue.
    fn grace_period(&mut self, table: &FunctionTable, path: &str, scaling: &ScalingSpec) -> Option<Span> {
        let written = &table.termination_grace_period;
        if written.is_some() && matches!(scaling, ScalingSpec::PerRequest(_)) {
            let message = format!("`{path}.termination-grace-period` has no effect without a scaling policy");
            let help = "with scaling.per-request only idle instances are removed";
            self.problems.push(Problem::warning(written.place, message).help(help));
        }
        match written.value {
            Some(period) => period,
            None => scaling.termination_grace_period(table.timeout.flatten()),
        }
    }

    /// Rejects what a real platform would reject.
    fn allowed(&mut self, table: &FunctionTable, path: &str, allowed: &Allowed) {
        let platform = &allowed.platform;
        if let Some(what) = allowed.refused_memory(*table.memory) {
            let message = format!("`{path}.memory` is {}MB: {platform} allows {what}", *table.memory);
            let help = format!("the nearest size is {}MB", allowed.memory_near_mb(*table.memory));
            self.problems.push(Problem::error(table.memory.place, message).help(help));
        }
        let longest = allowed.timeout.filter(|_| !table.timeout.broken);
        if let Some(longest) =
            longest.filter(|longest| table.timeout.flatten().is_none_or(|timeout| timeout > *longest))
        {
            let told = table.timeout.flatten().map_or("\"none\"".to_owned(), |timeout| timeout.to_string());
            let message = format!("`{path}.timeout` is {told}: {platform} allows at most {longest}");
            self.problems.push(Problem::error(table.timeout.place, message));
        }
        self.allowed_code(table, path, allowed);
        if let (Some(storage), Some((least, most))) = (*table.ephemeral_storage, allowed.ephemeral_mb)
            && !(least..=most).contains(&storage)
        {
            let message = format!("`{path}.ephemeral-storage` is {storage}MB: {platform} allows {least}MB to {most}MB");
            self.problems.push(Problem::error(table.ephemeral_storage.place, message));
        }
        let slots = *table.concurrency.per_instance;
        if let (Some(most), Some(slots)) = (allowed.per_instance, slots)
            && slots > most
        {
            let message = match most {
                1 => format!(
                    "`{path}.concurrency.per-instance` is {slots}: {platform} sends an instance one request at a time"
                ),
                _ => format!("`{path}.concurrency.per-instance` is {slots}: {platform} allows at most {most}"),
            };
            self.problems.push(Problem::error(table.concurrency.per_instance.place, message));
        }
        let instances = table.concurrency.max_instances.flatten();
        if let (Some(most), Some(instances)) = (allowed.max_instances, instances)
            && instances > most
        {
            let message =
                format!("`{path}.concurrency.max-instances` is {instances}: {platform} allows at most {most}");
            self.problems.push(Problem::error(table.concurrency.max_instances.place, message));
        }
        if let Some(parameters) = table.r#async.as_ref() {
            let AsyncParameters { max_attempts, max_age, .. } = parameters;
            if let Some(most) = allowed.async_attempts.filter(|most| max_attempts > most) {
                let message =
                    format!("`{path}.async.max-attempts` is {max_attempts}: {platform} allows at most {most}");
                self.problems.push(Problem::error(table.r#async.place, message));
            }
            if let Some((least, most)) = allowed.async_age.filter(|(least, most)| !(least..=most).contains(&max_age)) {
                let message = format!("`{path}.async.max-age` is {max_age}: {platform} allows {least} to {most}");
                self.problems.push(Problem::error(table.r#async.place, message));
            }
        }
        let scaling = &*table.scaling;
        let slots = scaling.slots(*table.memory).map_or(slots.unwrap_or(1), |slots| slots.number);
        let vcpus = self.cpu_of(table).vcpus;
        if let Some((why, instead)) = allowed.vcpus.refused(*table.memory, vcpus, slots) {
            let message = format!("`{path}` has {}MB and {vcpus} vCPU: {platform} {why}", *table.memory);
            self.problems.push(Problem::error(table.memory.place, message).help(format!("write {path}.{instead}")));
        }
        self.allowed_scaling(table, path, allowed);
        self.lacking(table, path, allowed);
    }

    /// Rejects snapshots and frameworks that the platform does not have for this kind of function.
    fn allowed_code(&mut self, table: &FunctionTable, path: &str, allowed: &Allowed) {
        let platform = &allowed.platform;
        let framework = table.code.as_ref().and_then(|code| (*code.framework).as_deref());
        let restored = match (snapshot(table), framework) {
            (Some(_), _) => Some(table.cold_start.place),
            (None, Some(name)) if name.ends_with("-snapstart") => Some(table.code.place),
            (None, _) => None,
        };
        let runtime = (*table.runtime).as_deref();
        if let Some(place) = restored {
            if *table.concurrency.provisioned > 0 || *table.package == Package::Image {
                let message = format!(
                    "`{path}`: {platform} does not restore snapshots for container images or provisioned instances"
                );
                self.problems.push(Problem::error(place, message));
            }
            let known = &allowed.snapshot_runtimes;
            if let Some(runtime) =
                runtime.filter(|runtime| !known.is_empty() && !known.iter().any(|one| one == runtime))
            {
                let message = format!("`{path}`: {platform} does not restore snapshots for the runtime \"{runtime}\"");
                self.problems.push(Problem::error(place, message).help(format!("it does for {}", known.join(", "))));
            }
        }
        if let (Some(name), Some(runtime), Some(part)) = (framework, runtime, &allowed.framework_runtimes)
            && !runtime.contains(part.as_str())
        {
            let message = format!("`{path}.code.framework`: \"{name}\" does not run on the runtime \"{runtime}\"");
            let help = format!("write a runtime for {part}, or leave it out");
            self.problems.push(Problem::error(table.code.place, message).help(help));
        }
    }

    /// Rejects a scaling policy that the platform does not have. A variant may ask what it would do, and so does a comparison of
    /// policies.
    fn allowed_scaling(&mut self, table: &FunctionTable, path: &str, allowed: &Allowed) {
        let (scaling, platform, place) = (&*table.scaling, &allowed.platform, table.scaling.place);
        if self.compares_policies || table.scaling.broken {
            return;
        }
        let sets_provisioned = scaling.governs() == Governs::Provisioned && allowed.lack("provisioned").is_none();
        if !sets_provisioned && !allowed.scaling.iter().any(|name| name == scaling.name()) {
            let message = format!("`{path}.scaling.{}`: {platform} has no such scaling policy", scaling.name());
            let problem =
                if self.is_variant { Problem::warning(place, message) } else { Problem::error(place, message) };
            let own: Vec<String> = allowed.scaling.iter().map(|name| format!("scaling.{name}")).collect();
            let help = format!("write {}; `forewarm compare --policies` compares any policies", own.join(" or "));
            self.problems.push(problem.help(help));
            return;
        }
        let kept = scaling.minimum_instances();
        if let Some((least, most)) = allowed.always_ready.filter(|(least, most)| !(*least..=*most).contains(&kept)) {
            let message = format!("`{path}.scaling.{}` keeps {kept} instances at all times", scaling.name());
            let problem = Problem::error(place, message);
            self.problems.push(problem.help(match most {
                0 => format!("{platform} removes every idle instance"),
                _ => format!("{platform} keeps {least} to {most}"),
            }));
        }
    }

    /// Rejects what a platform does not have.
    fn lacking(&mut self, table: &FunctionTable, path: &str, allowed: &Allowed) {
        let concurrency = &table.concurrency;
        let limit = table.cpu.as_ref().map(|cpu| &cpu.limit).filter(|limit| limit.is_some());
        let asked = [
            ("provisioned", *concurrency.provisioned > 0, "concurrency.provisioned", concurrency.provisioned.place),
            ("reserved", concurrency.reserved.flatten().is_some(), "concurrency.reserved", concurrency.reserved.place),
            ("arm", *table.architecture == Architecture::Arm, "architecture", table.architecture.place),
            ("image", *table.package == Package::Image, "package", table.package.place),
            ("snapshot", snapshot(table).is_some(), "cold-start.snapshot", table.cold_start.place),
            ("gpu", *table.gpu > 0.0, "gpu", table.gpu.place),
            ("cpu-limit", limit.is_some(), "cpu.limit", limit.map_or(table.place, |limit| limit.place)),
            ("node-group", table.node_group.is_some(), "node-group", table.node_group.place),
        ];
        for (what, is_asked, key, place) in asked {
            if let Some(reason) = allowed.lack(what).filter(|_| is_asked) {
                let message = format!("`{path}.{key}`: {} has no such setting", allowed.platform);
                self.problems.push(Problem::error(place, message).help(reason));
            }
        }
    }

    /// Functions of one application that decide together must have the same policy.
    pub(super) fn apps(&mut self, file: &FileTable, functions: &[Function]) {
        let mut known: HashMap<&str, &Function> = HashMap::new();
        let together = functions.iter().filter(|function| function.keep_alive.is_by_app());
        for function in together {
            let Some(app) = &function.app else { continue };
            let first = *known.entry(app).or_insert(function);
            let table = file.function.iter().find(|table| table.name.as_ref() == Some(&function.name));
            if let Some(table) = table.filter(|_| first.keep_alive != function.keep_alive) {
                let message = format!(
                    "`function.{}.keep-alive` differs from that of `function.{}`, which belongs to the same app \
                     \"{app}\"",
                    function.name, first.name
                );
                let help = "the functions of an app share one keep-alive policy: use the same parameters, or different \
                            apps";
                self.problems.push(Problem::error(table.keep_alive.place, message).help(help));
            }
        }
    }

    /// `waits`: where nothing is said, requests wait for instances.
    fn concurrency(&mut self, table: &ConcurrencyTable, waits: bool, path: &str) -> Option<Concurrency> {
        let provisioned = *table.provisioned;
        let (max, reserved) = (table.max_instances.flatten(), table.reserved.flatten());
        if let Some(max) = max.filter(|&max| provisioned > max) {
            let message = format!("`{path}.provisioned` ({provisioned}) is more than `max-instances` ({max})");
            self.problems
                .push(Problem::error(table.provisioned.place, message).help("raise max-instances, or provision less"));
        }
        if let Some(reserved) = reserved.filter(|&reserved| provisioned > reserved) {
            let message = format!("`{path}.provisioned` ({provisioned}) is more than `reserved` ({reserved})");
            let help = "reserved concurrency is an upper limit: reserve at least what is provisioned";
            self.problems.push(Problem::error(table.provisioned.place, message).help(help));
        }
        if reserved == Some(0) {
            let message = format!("`{path}.reserved` = 0 switches the function off: every request is throttled");
            self.problems.push(Problem::warning(table.reserved.place, message));
        }
        let (limit, timeout) = (table.queue_limit.flatten(), table.queue_timeout.flatten());
        let silent = if waits { OverflowWord::Queue } else { OverflowWord::Reject };
        let overflow = match table.overflow.unwrap_or(silent) {
            OverflowWord::Queue => Overflow::Queue { limit, timeout },
            OverflowWord::Reject => {
                let limit = limit.map(|_| ("queue-limit", table.queue_limit.place));
                let timeout = timeout.map(|_| ("queue-timeout", table.queue_timeout.place));
                if !table.overflow.broken {
                    self.no_queue(path, [limit, timeout]);
                }
                Overflow::Reject
            }
        };
        let per_instance = table.per_instance.unwrap_or(1);
        let queue_order = *table.queue_order;
        Some(Concurrency { per_instance, max_instances: max, reserved, provisioned, overflow, queue_order })
    }

    fn no_queue(&mut self, path: &str, given: [Option<(&str, SourceSpan)>; 2]) {
        for (key, place) in given.into_iter().flatten() {
            let message =
                format!("`{path}.{key}` requires overflow = \"queue\": with overflow = \"reject\", no request waits");
            let help = format!("write overflow = \"queue\", or remove {key}");
            self.problems.push(Problem::error(place, message).help(help));
        }
    }

    fn mostly_cut_off(&mut self, place: &SourceSpan, duration: &Dist, timeout: Span, path: &str) {
        let median = duration.quantile(0.5);
        if median > timeout {
            let message =
                format!("more than half of the requests of `{path}` take longer than its timeout ({timeout})");
            let help = format!("the median of `duration` is {median}: raise `timeout`");
            self.problems.push(Problem::warning(*place, message).help(help));
        }
    }
}

/// The snapshot that a function's instances are restored from.
fn snapshot(table: &FunctionTable) -> Option<&SnapshotTable> {
    match table.cold_start.as_ref()? {
        Some(ColdStartTable::Snapshot(snapshot)) => Some(snapshot),
        _ => None,
    }
}

/// Checks an optional value: `None` if it is invalid, `Some(None)` if it is absent.
fn optional<T, U>(at: &Spanned<Option<T>>, check: impl FnOnce(&T) -> Option<U>) -> Option<Option<U>> {
    match at.value.as_ref() {
        Some(value) => check(value).map(Some),
        None if at.broken => None,
        None => Some(None),
    }
}

/// The same for a value that has been checked: `None` if it is invalid.
fn all_or_nothing<T>(checked: Option<Option<T>>) -> Option<Option<T>> {
    match checked {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}
