//! What the values of a scenario mean together: from `raw` to the checked [`Scenario`], reporting every problem at
//! once.

macro_rules! subjects_of {
    (listed { $($(#[doc = $doc:literal])+ $list:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* } $($other:tt)*) => {
        /// The possible subjects of an objective or an alarm: the keys of their tables, with their values.
        macro_rules! subjects {
            ($about:ident) => {
                [
                    ("function", &$about.function),
                    ("source", &$about.source),
                    $((stringify!($list), &$about.$list),)*
                    ("link", &$about.link),
                    ("tenant", &$about.tenant),
                    ("async", &$about.r#async),
                    (NODE_GROUP, &$about.node_group),
                ]
            };
        }
    };
}

crate::path::component_kinds!(subjects_of);

mod alarm;
mod batching;
mod coverage;
mod cpu;
mod dist;
mod function;
mod initial;
mod load;
mod machines;
mod names;
mod oracle;
mod origin;
pub(super) mod path;
mod plan;
mod platform;
mod prices;
mod scaling;
mod settable;
mod simulation;
mod sites;
mod storms;
mod sweep;
mod trace;

use std::collections::VecDeque;

use super::data::Data;
use super::model::{Component, Destination, Function, Platform, Scenario, Source, Target, Variant};
use super::objective::{self, Bound, Goal, Objective, Subject};
use super::preset::Allowed;
use super::raw::function::FunctionTable;
use super::raw::platform::{PlatformCpuTable, PlatformTable};
use super::raw::{FileTable, Invoke, KeepsUp, ObjectiveTable, SourceTable, VariantTable};
use crate::cluster::NodeGroup;
use crate::dist::Dist;
use crate::id::{ComponentId, FnId, GroupId, PlatformId, SourceId};
use crate::metric::component::{ATTEMPTS_PER_REQUEST, NODE_GROUP, find_of_batching};
use crate::metric::{self, Quantity, Stability};
use crate::schema::check::one_of_ways;
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead};
use crate::schema::scalars::MetricAmount;
use crate::schema::tree::Node;
use crate::time::Span;
use crate::workload::Payload;
use names::Names;
use path::Targets;
pub(super) use plan::POLICY;
pub(super) use sweep::VARIANT;

/// What the checks need besides the tables.
pub(super) struct Checker<'a, 'd> {
    /// Collects the problems.
    pub(super) problems: &'a mut Problems,
    /// The files named by the scenario.
    pub(super) data: &'a mut Data<'d>,
    /// Whether instances wait for a function by its runtime.
    pub(super) has_stem_cells: bool,
    /// Maximum duration of initialization.
    pub(super) init_timeout: Option<Span>,
    /// Start of the run, seconds since 1970 UTC.
    pub(super) start: i64,
    /// The vCPUs that come with each memory size.
    pub(super) cpu: Option<PlatformCpuTable>,
    /// Whether functions have their scaling policies because a comparison of policies asks for it.
    pub(super) compares_policies: bool,
    /// Whether a variant has been applied.
    pub(super) is_variant: bool,
}

/// The possible subjects of an objective or an alarm.
pub(super) struct Known<'a> {
    functions: &'a Names,
    checked: &'a [Function],
    sources: &'a [Source],
    /// `None` if some of them are invalid: then their names are unknown.
    components: Option<&'a [Component]>,
    groups: &'a [NodeGroup],
}

impl Known<'_> {
    /// The subject of this kind with this name; reports a problem if there is none.
    fn subject(&self, kind: &str, name: &Spanned<Option<String>>, problems: &mut Problems) -> Option<Subject> {
        let wanted = name.as_deref()?;
        let refuse = |problems: &mut Problems, names: &mut dyn Iterator<Item = &str>| {
            let help = instead(wanted, &format!("the names of each {kind} are"), names);
            problems.push(Problem::error(name.place, format!("there is no {kind} \"{wanted}\"")).help(help));
            None
        };
        match kind {
            "function" => self.functions.find(name, "function", problems).map(Subject::Function),
            "source" => match self.sources.iter().position(|source| source.name == wanted) {
                Some(place) => Some(Subject::Source(SourceId(place as u32))),
                None => {
                    let help = instead(wanted, "the sources are", self.sources.iter().map(|one| one.name.as_str()));
                    let message = format!("there is no source \"{wanted}\"");
                    problems.push(Problem::error(name.place, message).help(help));
                    None
                }
            },
            NODE_GROUP => match self.groups.iter().position(|group| group.spec.name == wanted) {
                Some(place) => Some(Subject::NodeGroup(GroupId(place as u32))),
                None => refuse(problems, &mut self.groups.iter().map(|group| group.spec.name.as_str())),
            },
            _ => {
                let components = self.components?;
                let whole = format!("{kind}.{wanted}");
                match components.iter().position(|component| component.name == whole) {
                    Some(place) => Some(Subject::Component(ComponentId(place as u32))),
                    None => {
                        let mut names = components.iter().filter_map(|component| {
                            component.name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.'))
                        });
                        refuse(problems, &mut names)
                    }
                }
            }
        }
    }
}
/// The default start of a run: Monday, 5 January 2026, midnight UTC.
pub(super) const START: i64 = 1_767_571_200;

/// The advice for an invalid time.
const NO_TIME: [&str; 2] = ["this is not a possible latency", "write a duration, as in 800ms"];

/// Checks a whole file. `None` if there are problems, which have been reported. Without `resolved` and `hash`.
pub(super) fn scenario(file: &FileTable, root: &Node, checker: &mut Checker<'_, '_>) -> Option<Scenario> {
    let mut functions = Names::of(root, "function", checker.problems);
    let traces = checker.traces(file, &mut functions);
    traces.brought().for_each(|name| functions.add(name));
    for &list in
        ["source", "variant", "node-group", "fault", "alarm", "site", "link", "tenant"].iter().chain(path::LISTS)
    {
        Names::of(root, list, checker.problems);
    }
    let simulation = file.simulation.as_ref().and_then(|table| checker.simulation(table, &functions));
    checker.start = file.simulation.as_ref().and_then(|table| *table.start).unwrap_or(START);
    let platform_tables = Checker::platform_tables(file);
    let mut platforms: Vec<_> =
        platform_tables.iter().map(|(site, table)| checker.platform_at(site.as_deref(), table.as_ref())).collect();
    let platform_at = |table: &FunctionTable| {
        let site = table.site.as_ref().or(file.site.first().and_then(|site| site.name.as_ref()));
        let own = platform_tables.iter().position(|(name, _)| name.is_some() && name.as_ref() == site);
        PlatformId(own.unwrap_or(0) as u32)
    };
    let on = |checker: &mut Checker<'_, '_>, id: PlatformId| {
        let (_, table) = &platform_tables[id.0 as usize];
        checker.enter(table.as_ref(), platforms[id.0 as usize].as_ref())
    };
    let mut checked: Vec<_> = file
        .function
        .iter()
        .filter_map(|table| {
            let name = table.name.as_deref().unwrap_or("?");
            let (traced, platform) = (traces.function(name), platform_at(table));
            let allowed = on(checker, platform);
            let function = checker.function(table, &format!("function.{name}"), traced, allowed)?;
            Some(Function { app: function.app.or_else(|| traces.app(name)), platform, ..function })
        })
        .collect();
    let allowed = on(checker, PlatformId::default());
    checked.extend(checker.brought_functions(root, &traces, allowed).into_iter().flatten());
    let node_groups = checker.node_groups(file, root, &mut checked);
    let mut targets = Targets::of(file, functions.list(), checker);
    for (number, (table, function)) in file.function.iter().zip(&mut checked).enumerate() {
        // If one of them is invalid, they may not match; then the scenario is `None` anyway.
        function.steps = checker.steps(number, table, &mut targets).unwrap_or_default();
        checker.steps_or_duration(table);
    }
    let sources = file.source.iter().enumerate();
    let sources =
        sources.filter_map(|(place, table)| checker.sources(table, place, file, &traces, &functions, &mut targets));
    let sources = sources.flatten().collect::<Vec<_>>();
    for (id, (platform, (_, table))) in (0..).map(PlatformId).zip(platforms.iter_mut().zip(&platform_tables)) {
        let Some(account) = table.as_ref().and_then(|table| table.concurrency.as_ref()) else { continue };
        let tables = file.function.iter().filter(|table| platform_at(table) == id);
        let functions: Vec<&Function> = checked.iter().filter(|function| function.platform == id).collect();
        let by_memory = checker.account_memory(account, &functions);
        let limit = account.account_limit.flatten().into_iter().chain(by_memory).min();
        checker.reservations(account, limit, tables, &functions);
        if let Some(platform) = platform {
            platform.account_limit = limit;
        }
    }
    checker.provisioned(file, &checked);
    if let Some(allowed) = allowed {
        checker.settable(file, allowed);
    }
    checker.apps(file, &checked);
    checker.memory(file, &checked);
    let sweep = file.sweep.as_ref().and_then(|table| checker.sweep(table, root));
    let plan = file.plan.as_ref().and_then(|table| checker.plan(table, root));
    let faults: Vec<_> = file
        .fault
        .iter()
        .filter_map(|table| checker.fault(table, &targets, checked.len(), node_groups.as_deref().unwrap_or_default()))
        .collect();
    let sites = targets.all_sites(checked.len());
    let components = targets.finish(file, checker);
    let known = Known {
        functions: &functions,
        checked: &checked,
        sources: &sources,
        components: components.as_deref(),
        groups: node_groups.as_deref().unwrap_or_default(),
    };
    let objectives = file.objective.iter().filter_map(|table| checker.objective(table, &known)).collect();
    let horizon = simulation.as_ref().map_or(Span::FOREVER, |simulation| simulation.horizon);
    let alarms = file.alarm.iter().filter_map(|table| checker.alarm(table, &known, horizon)).collect();
    let variants = file.variant.iter().filter_map(|table| checker.variant(table)).collect();
    if file.source.is_empty() && !file.source.broken {
        let problem =
            Problem::missing(file.source.place, "the scenario has no [[source]], so no requests would arrive");
        checker.problems.push(problem.help("add a [[source]] with name, function and arrivals"));
    }
    if checker.problems.has_errors() {
        return None;
    }
    let (simulation, header) = (simulation?, file.scenario.as_ref()?);
    let mut platforms = platforms.into_iter().collect::<Option<VecDeque<_>>>()?;
    let platform = platforms.pop_front()?;
    checker.oracles(&mut checked, &sources, simulation.horizon, file);
    let assumed = checker.assumed(file, root);
    let mut scenario = Scenario {
        name: (*header.name).clone()?,
        description: header.description.value.clone(),
        assumptions: Vec::new(),
        hash: String::new(),
        resolved: String::new(),
        simulation,
        platform,
        site_platforms: platforms.into(),
        functions: checked,
        components: components?,
        sources,
        sites,
        node_groups: node_groups?,
        faults,
        variants,
        objectives,
        alarms,
        sweep,
        plan,
        assumed,
    };
    if scenario.simulation.replications_by_default {
        scenario.simulation.replications = load::default_replications(&scenario);
    }
    checker.plan_fits(&scenario);
    load::check(&scenario, file, checker.problems);
    storms::check(&scenario, file, checker.problems);
    coverage::check(&scenario, file, checker.problems);
    alarm::check(&scenario, file, checker.problems);
    initial::check(&scenario, file, checker.problems);
    prices::check(&scenario, file, checker.problems);
    if checker.problems.has_errors() { None } else { Some(scenario) }
}

impl Checker<'_, '_> {
    /// The tables of all platforms: that of the scenario, then of sites that have one of their own, with the names of these.
    fn platform_tables(file: &FileTable) -> Vec<(Option<String>, Option<PlatformTable>)> {
        let of_sites = file
            .site
            .iter()
            .filter_map(|site| Some((Some((*site.name).clone()?), Some(site.platform.as_ref()?.whole()))));
        std::iter::once((None, file.platform.value.clone())).chain(of_sites).collect()
    }

    /// The platform of a site, or of the scenario.
    fn platform_at(&mut self, site: Option<&str>, table: Option<&PlatformTable>) -> Option<Platform> {
        let before = self.problems.list().len();
        let platform = self.platform(table);
        if let Some(site) = site {
            self.problems.say_of_later(before, &format!("`site.{site}`"));
        }
        platform
    }

    /// What is looked at next is on this platform; what it allows.
    fn enter(&mut self, table: Option<&PlatformTable>, platform: Option<&Platform>) -> Option<&'static Allowed> {
        self.cpu = table.and_then(|table| (*table.cpu).clone());
        self.has_stem_cells = platform.is_some_and(|platform| !platform.stem_cells.is_empty());
        self.init_timeout = platform.and_then(|platform| platform.init_timeout);
        table.and_then(|table| Some((*table.preset)?.allowed()))
    }

    fn variant(&mut self, table: &VariantTable) -> Option<Variant> {
        let name = (*table.name).clone()?;
        if table.changes_nothing() && !table.set.broken {
            let problem = Problem::missing(table.place, format!("`variant.{name}` changes nothing"));
            let help = "add [variant.set] with dotted keys, [[variant.source]] or [[variant.function]]";
            self.problems.push(problem.help(help));
        }
        let set = table.set.iter().map(|(key, value)| (key.clone(), value.value.value.to_toml())).collect();
        Some(Variant { name, set })
    }

    fn source(
        &mut self,
        table: &SourceTable,
        file: &FileTable,
        functions: &Names,
        targets: &mut Targets,
    ) -> Option<Source> {
        let name = table.name.as_deref().unwrap_or("?").to_owned();
        let path = format!("source.{name}");
        let names_none = table.function.is_none() && table.target.is_none();
        if names_none && !table.function.broken && !table.target.broken && table.arrivals.is_some() {
            let problem = Problem::missing(table.place, format!("`{path}` needs `function`"));
            self.problems.push(problem.help(functions.help()));
        }
        let target = self.target(table, file, functions, targets);
        let arrivals =
            table.arrivals.as_ref().and_then(|arrivals| self.arrivals(arrivals, &path, table.arrivals.place));
        let duration = self.source_duration(table);
        let payload = Payload::of(table.payload.as_ref(), table.answer_payload.as_ref());
        Some(Source { name, target: target?, arrivals: arrivals?, duration: duration?, payload })
    }

    /// The target of a source's requests.
    fn target(
        &mut self,
        table: &SourceTable,
        file: &FileTable,
        functions: &Names,
        targets: &mut Targets,
    ) -> Option<Target> {
        if let (Some(_), Some(_)) = (table.function.as_ref(), table.target.as_ref()) {
            let message = "a source has either a `function` or a `target`, not both";
            self.problems.push(Problem::error(table.target.place, message).help("keep one of them"));
            return None;
        }
        let name = table.name.as_deref().unwrap_or("?");
        let called = match table.target.as_ref() {
            Some(_) => table.target.clone(),
            None => {
                functions.find(&table.function, "function", self.problems)?;
                let text = table.function.as_ref().map(|name| format!("function.{name}"));
                Spanned { value: text, ..table.function.clone() }
            }
        };
        let called = match *table.invoke {
            Invoke::Sync => called,
            Invoke::Async => self.asynchronous(&called, file, targets)?,
        };
        let place = targets.place_of(&table.site, &table.tenant, self)?;
        let has_payload = table.payload.is_some() || table.answer_payload.is_some();
        if let Some(key) = table.client.as_ref().and_then(|client| client.per_instance()) {
            let message = format!("`source.{name}.client.{key}` = \"instance\": a source has no instances");
            let help = "omit it; it applies to the client of a function's step";
            self.problems.push(Problem::error(table.client.place, message).help(help));
        }
        let to = targets.call(name, &called, &table.client, place, has_payload, self)?;
        Some(match to {
            Destination::Function(id) => Target::Function(id),
            // No source calls through an entry.
            Destination::Component(id) | Destination::Entry(id, _) => Target::Component(id),
        })
    }

    /// What is called instead of a function that is invoked asynchronously.
    fn asynchronous(
        &mut self,
        called: &Spanned<Option<String>>,
        file: &FileTable,
        targets: &mut Targets,
    ) -> Option<Spanned<Option<String>>> {
        let Destination::Function(id) = targets.find(called.as_deref()?, called.place, self)? else {
            let message = "only a function can be invoked asynchronously";
            self.problems.push(Problem::error(called.place, message).help("remove invoke = \"async\""));
            return None;
        };
        let Some(function) = file.function.get(id.index()) else {
            let message = "a function that only a trace names cannot be invoked asynchronously";
            self.problems.push(Problem::error(called.place, message).help("add it as a [[function]]"));
            return None;
        };
        targets.asynchronous(function, called.place)?;
        let name = function.name.as_ref().map(|name| format!("async.{name}"));
        Some(Spanned { value: name, ..called.clone() })
    }

    /// The duration of a source's requests, if it sets one.
    fn source_duration(&mut self, table: &SourceTable) -> Option<Option<Dist>> {
        match table.duration.as_ref() {
            Some(dist) => self.dist(dist).map(Some),
            None if table.duration.broken => None,
            None => Some(None),
        }
    }

    fn objective(&mut self, table: &ObjectiveTable, known: &Known<'_>) -> Option<Objective> {
        let subject = self.subject(table, known)?;
        let ways: [&[(&'static str, &dyn Given)]; 4] = [
            &[("metric", &table.metric), ("below", &table.below)],
            &[("metric", &table.metric), ("above", &table.above)],
            &[("share", &table.share), ("within", &table.within)],
            &[("stability", &table.stability)],
        ];
        let (goal, at, is_bare) = match either(table.place, "objective", &ways, self.problems)? {
            2 if !subject.is_of_requests() => {
                let message = "an objective with `share` applies to a function, a source or all requests";
                let help = "use a metric of the component, such as \"latency_s.p99\", or name a source".to_owned();
                self.report(table.share.place, (message.to_owned(), help));
                return None;
            }
            2 => {
                let (asked, within) = (table.share.as_ref()?, table.within.as_ref()?);
                let share = self.value(Quantity::Ratio, "share", asked, table.share.place)?;
                let share = objective::share(share).map_err(|wrong| self.report(table.share.place, wrong)).ok()?;
                let within = self.value(Quantity::Seconds, "within", within, table.within.place)?;
                let within = Span::from_secs_f64(within);
                let within =
                    within.map_err(|_| self.report(table.within.place, NO_TIME.map(str::to_owned).into())).ok()?;
                (Goal::Share { share, within }, table.within.place, false)
            }
            3 => {
                let place = table.stability.place;
                objective::is_followed(subject).map_err(|wrong| self.report(place, wrong)).ok()?;
                let at_worst = match table.stability.as_ref()? {
                    KeepsUp::Stable => Stability::Stable,
                    KeepsUp::Backlogged => Stability::Backlogged,
                };
                (Goal::Stability { at_worst }, place, false)
            }
            way => {
                let name = table.metric.as_ref()?;
                let is_of_path = !subject.is_of_requests() || *name == ATTEMPTS_PER_REQUEST;
                if !is_of_path && find_of_batching(name).is_none() && !self.metric(name, table.metric.place) {
                    return None;
                }
                let metric = objective::find_of(name, subject, known.components.unwrap_or_default(), known.checked);
                let metric = metric.map_err(|wrong| self.report(table.metric.place, wrong)).ok()?;
                let (field, is_below) = if way == 0 { (&table.below, true) } else { (&table.above, false) };
                let amount = field.as_ref()?;
                let value = self.value(metric.quantity, name, amount, field.place)?;
                let bound = if is_below { Bound::Below(value) } else { Bound::Above(value) };
                (Goal::Metric { metric, bound }, field.place, matches!(amount, MetricAmount::Number(_)))
            }
        };
        let objective = Objective { subject, goal, is_implied: false };
        if let Some((message, help)) = objective.doubt(is_bare, known.sources, known.checked) {
            self.problems.push(Problem::warning(at, message).help(help));
        }
        Some(objective)
    }

    /// The subject of an objective.
    fn subject(&mut self, table: &ObjectiveTable, known: &Known<'_>) -> Option<Subject> {
        self.about("objective", &subjects!(table), known).map(|(_, subject)| subject)
    }

    /// A value with the unit of a quantity. Text must have a unit; a number is in the base unit.
    fn value(&mut self, quantity: Quantity, what: &str, amount: &MetricAmount, place: SourceSpan) -> Option<f64> {
        match amount {
            MetricAmount::Number(number) => Some(*number),
            MetricAmount::Text(text) => {
                let read = quantity.read_with_unit(text);
                read.map_err(|help| {
                    let message = format!("`{text}` is not a value of `{what}`");
                    self.problems.push(Problem::error(place, message).help(help));
                })
                .ok()
            }
        }
    }

    fn report(&mut self, place: SourceSpan, (message, help): objective::Wrong) {
        self.problems.push(Problem::error(place, message).help(help));
    }

    /// Whether the metric exists; reports a problem if not.
    fn metric(&mut self, metric: &str, place: SourceSpan) -> bool {
        let is_known = metric::find(metric).is_some();
        if !is_known {
            let problem = Problem::error(place, format!("there is no metric \"{metric}\""));
            self.problems.push(problem.help(objective::other_metrics(metric)));
        }
        is_known
    }

    /// Reports a duration of zero where it must be positive.
    fn positive(&mut self, at: SourceSpan, value: Span, path: &str) -> Option<Span> {
        if value > Span::ZERO {
            return Some(value);
        }
        self.problems.push(Problem::error(at, format!("`{path}` must be longer than zero")));
        None
    }
}

/// Reports which of several alternatives was chosen, if keys of several or of none are present.
fn either(
    table: SourceSpan,
    path: &str,
    ways: &[&[(&'static str, &dyn Given)]],
    problems: &mut Problems,
) -> Option<usize> {
    if ways.iter().copied().flatten().any(|(_, field)| field.is_broken()) {
        return None;
    }
    let of_way = |way: &&[(&'static str, &dyn Given)]| way.iter().map(|(key, field)| (*key, field.given())).collect();
    let ways: Vec<Vec<_>> = ways.iter().map(of_way).collect();
    one_of_ways(path, table, &ways).map_err(|problem| problems.push(problem)).ok()
}

/// An optional key.
trait Given {
    /// Its location, if present.
    fn given(&self) -> Option<SourceSpan>;
    /// Whether it is present but invalid.
    fn is_broken(&self) -> bool;
}

impl<T> Given for Spanned<Option<T>> {
    fn given(&self) -> Option<SourceSpan> {
        self.value.as_ref().map(|_| self.place)
    }
    fn is_broken(&self) -> bool {
        self.broken
    }
}

/// Indices of functions by name.
impl Names {
    fn find(&self, name: &Spanned<Option<String>>, what: &str, problems: &mut Problems) -> Option<FnId> {
        let wanted = name.as_ref()?;
        if let Some(place) = self.place(wanted) {
            return u32::try_from(place).ok().map(FnId);
        }
        if self.are_unknown() {
            return None;
        }
        let help = if self.is_empty() { "add it with [[function]]".to_owned() } else { self.nearest(wanted) };
        problems.push(Problem::error(name.place, format!("there is no {what} \"{wanted}\"")).help(help));
        None
    }
}
