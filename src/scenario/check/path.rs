//! The path of requests: where calls go, what a function does step by step, and which faults happen.

use std::collections::BTreeMap;

use super::sites::{Place, Sites, with_entries};
use super::{Checker, Given, either};
use crate::cluster::NodeGroup;
use crate::dist::Dist;
use crate::id::{ComponentId, FnId, GroupId};
use crate::path::async_queue::{AsyncParameters, AsyncSpec};
use crate::path::client::{Client, ClientParameters};
use crate::path::workflow::WorkflowSpec;
use crate::path::{ComponentSpec, component_kinds};
use crate::scenario::model::{Component, Destination, Fault, FaultKind, Step, Timing, Work};
use crate::scenario::raw::FileTable;
use crate::scenario::raw::function::FunctionTable;
use crate::scenario::raw::path::{FaultTable, StepTable};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead};
use crate::schema::tree::Node;
use crate::time::Span;
use crate::workload::trace::CONFIDENTIAL;

/// The kind of the queues of asynchronous invocations, as in "async.checkout".
const ASYNC: &str = "async";

/// An entry of a list of components in the file.
trait Listed {
    /// The component; `None` if it is invalid, which has been reported.
    fn component(&self, place: SourceSpan, checker: &mut Checker<'_, '_>) -> Option<ComponentSpec>;
}

impl<T: Clone> Listed for T
where
    ComponentSpec: From<Box<T>>,
{
    fn component(&self, _: SourceSpan, _: &mut Checker<'_, '_>) -> Option<ComponentSpec> {
        Some(ComponentSpec::from(Box::new(self.clone())))
    }
}

impl Listed for WorkflowSpec {
    fn component(&self, place: SourceSpan, checker: &mut Checker<'_, '_>) -> Option<ComponentSpec> {
        checker.workflow(self, place)
    }
}

macro_rules! lists {
    (listed { $($(#[doc = $doc:literal])+ $list:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* } $($other:tt)*) => {
        impl Targets {
            /// The components that have lists in the file.
            fn add_listed(&mut self, file: &FileTable, checker: &mut Checker<'_, '_>) {
                $(for table in file.$list.iter() {
                    let Some(spec) = table.value.component(table.place, checker) else { continue };
                    let place = self.place_of_component(table.site.as_ref(), table.place, checker);
                    let id = self.add_component(stringify!($list), &table.name, spec, table.place, place);
                    self.add(stringify!($list), &table.name, Destination::Component(id));
                })*
            }
        }

        /// Where the table of a function or a component stands that is called so, as in "queue.orders".
        pub(super) fn place_of(file: &FileTable, name: &str) -> Option<SourceSpan> {
            let (kind, name) = name.split_once('.')?;
            match kind {
                "function" => file.function.iter().find(|table| table.name.as_deref() == Some(name)).map(|table| table.place),
                $(stringify!($list) => file.$list.iter().find(|table| table.name == name).map(|table| table.place),)*
                _ => None,
            }
        }

        /// The keys of the lists of components.
        pub(in crate::scenario) const LISTS: &[&str] = &[$(stringify!($list)),*];
    };
}

component_kinds!(lists);

/// The possible targets of calls by kind and name, and the components found so far.
#[derive(Default)]
pub(super) struct Targets {
    by_name: BTreeMap<String, Vec<(&'static str, Destination)>>,
    components: Vec<Found>,
    /// The index of each target.
    pub(super) sites: Sites,
    /// The targets behind the entries of links and tenants.
    pub(super) entries: BTreeMap<ComponentId, Vec<Destination>>,
}

/// A component, the location of its table, and its site and tenant.
struct Found {
    component: Component,
    at: SourceSpan,
    place: Place,
}

/// Kinds between a caller and its target, which are never called by name.
const BETWEEN: [&str; 2] = ["link", "tenant"];

impl Targets {
    fn add(&mut self, kind: &'static str, name: &str, to: Destination) {
        self.by_name.entry(name.to_owned()).or_default().push((kind, to));
    }

    /// Adds a component; its targets are resolved later.
    pub(super) fn add_component(
        &mut self,
        kind: &'static str,
        name: &str,
        spec: ComponentSpec,
        at: SourceSpan,
        place: Place,
    ) -> ComponentId {
        let id = ComponentId(self.components.len() as u32);
        let component = Component { name: format!("{kind}.{name}"), spec, targets: Vec::new() };
        self.components.push(Found { component, at, place });
        if BETWEEN.contains(&kind) {
            self.add(kind, name, Destination::Component(id));
        }
        id
    }

    /// Site and tenant of a component.
    pub(super) fn place(&self, id: ComponentId) -> Place {
        self.components[id.index()].place
    }

    /// Name of a component.
    pub(super) fn component_name(&self, id: ComponentId) -> String {
        self.components[id.index()].component.name.clone()
    }

    /// Location of the table of a component.
    pub(super) fn component_at(&self, id: ComponentId) -> SourceSpan {
        self.components[id.index()].at
    }

    /// Parameters of a component.
    pub(super) fn spec_mut(&mut self, id: ComponentId) -> &mut ComponentSpec {
        &mut self.components[id.index()].component.spec
    }

    /// All components so far.
    pub(super) fn components(&self) -> impl Iterator<Item = (ComponentId, &Component)> {
        (0..).map(ComponentId).zip(self.components.iter().map(|found| &found.component))
    }

    /// Everything that a file lists.
    pub(super) fn of(file: &FileTable, functions: &[String], checker: &mut Checker<'_, '_>) -> Self {
        let mut targets = Self::default();
        for (place, name) in functions.iter().enumerate() {
            targets.add("function", name, Destination::Function(FnId(place as u32)));
        }
        targets.add_sites(file, checker);
        targets.add_listed(file, checker);
        targets
    }

    /// The queue of the asynchronous invocations of a function, shared by all callers with the same settings.
    pub(super) fn asynchronous(&mut self, table: &FunctionTable, place: SourceSpan) -> Option<ComponentId> {
        let name = table.name.as_deref()?;
        let known = self.by_name.get(name).and_then(|all| all.iter().find(|(kind, _)| *kind == ASYNC));
        if let Some((_, Destination::Component(id))) = known {
            return Some(*id);
        }
        let parameters = match table.r#async.as_ref() {
            Some(parameters) => parameters.clone(),
            None => AsyncParameters::standard(),
        };
        let spec = ComponentSpec::Async(Box::new(AsyncSpec { function: format!("function.{name}"), parameters }));
        let where_it_is = match self.by_name.get(name).and_then(|all| all.iter().find(|(kind, _)| *kind == "function"))
        {
            Some((_, Destination::Function(id))) => self.sites.of_function(id.index()).without_tenant(),
            _ => Place::default(),
        };
        let id = self.add_component(ASYNC, name, spec, place, where_it_is);
        self.add(ASYNC, name, Destination::Component(id));
        Some(id)
    }

    /// The target of a caller: its client, if it has one or if something may be between them.
    pub(super) fn call(
        &mut self,
        caller: &str,
        text: &Spanned<Option<String>>,
        client: &Spanned<Option<Box<ClientParameters>>>,
        place: Place,
        has_payload: bool,
        checker: &mut Checker<'_, '_>,
    ) -> Option<Destination> {
        let to = self.find(text.as_ref()?, text.place, checker)?;
        let parameters = match client.as_ref() {
            None if client.broken => return None,
            None if !has_payload && !self.sites.is_any() => return Some(to),
            None => Box::new(ClientParameters::once()),
            Some(parameters) => parameters.clone(),
        };
        let client = Client { name: caller.to_owned(), target: text.clone().value?, parameters };
        let spec = ComponentSpec::Client(client);
        Some(Destination::Component(self.add_component("client", caller, spec, text.place, place)))
    }

    /// The target named by the text at `place`; reports a problem if there is none, or several.
    pub(super) fn find(&self, text: &str, place: SourceSpan, checker: &mut Checker<'_, '_>) -> Option<Destination> {
        let (kind, name) = match text.split_once('.') {
            Some((kind, name)) => (Some(kind), name),
            None => (None, text),
        };
        let known = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        // The queue of a function's asynchronous invocations is called only through `invoke`.
        let is_meant = |of: &str| !BETWEEN.contains(&of) && kind.map_or(of != ASYNC, |kind| kind == of);
        let fits: Vec<_> = known.iter().filter(|(of, _)| is_meant(of)).collect();
        match fits[..] {
            [(_, to)] => Some(*to),
            [] => {
                let names = self.by_name.iter().filter(|(_, all)| all.iter().any(|(of, _)| !BETWEEN.contains(of)));
                let names = names.map(|(name, _)| name.as_str());
                let problem = Problem::error(place, format!("there is no call target named \"{text}\""));
                checker.problems.push(problem.help(instead(name, "possible targets are", names)));
                None
            }
            _ => {
                let kinds: Vec<String> = fits.iter().map(|(kind, _)| format!("\"{kind}.{name}\"")).collect();
                let problem = Problem::error(place, format!("the name \"{name}\" is used more than once"));
                checker.problems.push(problem.help(format!("write {}", kinds.join(" or "))));
                None
            }
        }
    }

    /// The group of a component in results, or "functions".
    fn group_of(&self, of: Destination) -> &'static str {
        match of {
            Destination::Function(_) => "functions",
            Destination::Component(id) | Destination::Entry(id, _) => {
                self.components[id.index()].component.spec.group()
            }
        }
    }

    /// The target of a fault.
    fn struck(
        &self,
        text: &str,
        place: SourceSpan,
        functions: usize,
        checker: &mut Checker<'_, '_>,
    ) -> Option<Vec<Destination>> {
        if text == "platform" && !self.by_name.contains_key(text) {
            return Some((0..functions as u32).map(|id| Destination::Function(FnId(id))).collect());
        }
        match text.split_once('.') {
            Some(("site", name)) => {
                let Some(site) = self.sites.number(name) else {
                    let problem = Problem::error(place, format!("there is no site \"{name}\""));
                    checker.problems.push(problem.help(instead(name, "the sites are", self.sites.names())));
                    return None;
                };
                Some(self.all_at(site, functions))
            }
            Some(("link", name)) => {
                let links = |(of, _): &&(&str, Destination)| *of == "link";
                let known = self.by_name.get(name).and_then(|all| all.iter().find(links));
                if known.is_none() {
                    let all = self.by_name.iter().filter(|(_, all)| all.iter().any(|one| links(&one)));
                    let problem = Problem::error(place, format!("there is no link \"{name}\""));
                    let names = all.map(|(name, _)| name.as_str());
                    checker.problems.push(problem.help(instead(name, "the links are", names)));
                }
                known.map(|(_, to)| vec![*to])
            }
            _ => self.find(text, place, checker).map(|to| vec![to]),
        }
    }

    /// The components, with all targets resolved. Topics invoke functions asynchronously.
    pub(super) fn finish(mut self, file: &FileTable, checker: &mut Checker<'_, '_>) -> Option<Vec<Component>> {
        let mut resolved = Vec::new();
        let mut is_whole = true;
        let mut place = 0;
        // Components found on the way may be added.
        while let Some(Found { component, at, .. }) = self.components.get(place) {
            let (spec, at) = (component.spec.clone(), *at);
            if matches!(spec, ComponentSpec::Link(_) | ComponentSpec::Tenant(_)) {
                // Their targets are in `entries`.
                resolved.push(Vec::new());
                place += 1;
                continue;
            }
            let mut targets = Vec::new();
            for name in spec.targets() {
                let to = self.find(name, at, checker);
                let to = match (to, &spec) {
                    (Some(Destination::Function(id)), ComponentSpec::Topic(_)) => {
                        let table = file.function.get(id.index());
                        table.and_then(|table| self.asynchronous(table, at)).map(Destination::Component).or(to)
                    }
                    _ => to,
                };
                let to = to.and_then(|to| self.passing(ComponentId(place as u32), to, checker));
                targets.extend(to);
                is_whole &= to.is_some();
            }
            resolved.push(targets);
            place += 1;
        }
        let found = std::mem::take(&mut self.components);
        let components =
            found.into_iter().zip(resolved).map(|(found, targets)| Component { targets, ..found.component }).collect();
        is_whole.then(|| with_entries(components, &self))
    }
}

impl Checker<'_, '_> {
    /// The steps of requests of function `number` of the file.
    pub(super) fn steps(&mut self, number: usize, table: &FunctionTable, targets: &mut Targets) -> Option<Vec<Step>> {
        let function = table.name.as_deref().unwrap_or("?");
        let place = targets.sites.of_function(number).without_tenant();
        let steps: Vec<_> = table.step.iter().map(|step| self.step(function, place, step, targets)).collect();
        steps.into_iter().collect()
    }

    /// A workflow, with its states read from its file if it has one.
    fn workflow(&mut self, table: &WorkflowSpec, place: SourceSpan) -> Option<ComponentSpec> {
        let file = match &table.asl {
            Some(asl) => Some((asl.value.as_str(), self.data.text(&asl.value, asl.place, self.problems)?)),
            None => None,
        };
        let Some((path, (text, true))) = &file else {
            let asl = file.as_ref().map(|(path, (text, _))| (*path, text.as_str()));
            let workflow = table.workflow(asl, self.problems)?;
            return Some(ComponentSpec::Workflow(Box::new(workflow)));
        };
        // Its contents must not be shown.
        let mut hidden = Problems::default();
        let workflow = table.workflow(Some((*path, text.as_str())), &mut hidden);
        if workflow.is_none() {
            let message = format!("\"{path}\" does not describe a workflow that can be simulated");
            self.problems.push(Problem::error(place, message).help(CONFIDENTIAL));
        }
        workflow.map(|workflow| ComponentSpec::Workflow(Box::new(workflow)))
    }

    /// A function has either steps or a duration.
    pub(super) fn steps_or_duration(&mut self, table: &FunctionTable) {
        if let (Some(_), Some(step)) = (table.duration.as_ref(), table.step.first()) {
            let name = table.name.as_deref().unwrap_or("?");
            let problem = Problem::error(step.place, format!("`function.{name}` has both steps and a `duration`"));
            self.problems.push(problem.help("keep one of them: a step with `run` has a duration too"));
        }
    }

    fn step(&mut self, function: &str, place: Place, table: &StepTable, targets: &mut Targets) -> Option<Step> {
        let ways: [&[(&'static str, &dyn Given)]; 4] = [
            &[("run", &table.run)],
            &[("wait", &table.wait)],
            &[("call", &table.call)],
            &[("parallel", &table.parallel)],
        ];
        let name = (*table.name).clone()?;
        let work = match either(table.place, "step", &ways, self.problems)? {
            0 => Work::Run(self.dist(table.run.as_ref()?)?),
            1 => Work::Wait(self.dist(table.wait.as_ref()?)?),
            2 => {
                let caller = format!("{function}.{name}");
                Work::Calls(vec![targets.call(&caller, &table.call, &table.client, place, false, self)?])
            }
            _ => {
                let calls = table.parallel.as_ref()?.iter().enumerate().map(|(number, call)| {
                    let caller = format!("{function}.{name}.{}", number + 1);
                    targets.call(&caller, &call.call, &call.client, place, false, self)
                });
                Work::Calls(calls.collect::<Option<_>>()?)
            }
        };
        Some(Step { name, work })
    }

    pub(super) fn fault(
        &mut self,
        table: &FaultTable,
        targets: &Targets,
        functions: usize,
        groups: &[NodeGroup],
    ) -> Option<Fault> {
        let name = (*table.name).clone()?;
        let zone = targets.sites.zone(table.target.as_ref()?);
        let node_groups = if zone.is_some() { Vec::new() } else { self.struck_nodes(table, groups)? };
        let at = match zone {
            Some((site, ..)) => targets.all_at(site, functions),
            None if node_groups.is_empty() => {
                targets.struck(table.target.as_ref()?, table.target.place, functions, self)?
            }
            None => Vec::new(),
        };
        let kinds: [&[(&'static str, &dyn Given)]; 10] = [
            &[("slow-down", &table.slow_down)],
            &[("errors", &table.errors)],
            &[("delay", &table.delay)],
            &[("outage", &table.outage)],
            &[("cold-start", &table.cold_start)],
            &[("deploy", &table.deploy)],
            &[("crash", &table.crash)],
            &[("throttle", &table.throttle)],
            &[("poison", &table.poison)],
            &[("flush", &table.flush)],
        ];
        let which = either(table.place, "fault", &kinds, self.problems)?;
        let kind = match which {
            0 => {
                let speed = &table.slow_down.as_ref()?.speed;
                if speed.as_ref().is_some_and(|speed| *speed == 0.0) {
                    let problem = Problem::error(
                        speed.place,
                        "with a speed of 0, requests would never end: use an \
                                                               `outage`",
                    );
                    self.problems.push(problem.help("write outage = true, or a speed above 0"));
                    return None;
                }
                FaultKind::SlowDown((**speed)?)
            }
            1 => FaultKind::Errors((*table.errors.as_ref()?.failure_ratio)?),
            2 => FaultKind::Delay(self.dist(table.delay.as_ref()?)?),
            3 => match zone {
                Some((_, zone, zones)) => FaultKind::ZoneOutage(zone, zones),
                None => FaultKind::Outage,
            },
            4 => FaultKind::ColdStart((*table.cold_start.as_ref()?.factor)?),
            5 => FaultKind::Deploy,
            6 => FaultKind::Crash((*table.crash.as_ref()?.rate)?),
            7 => FaultKind::Throttle(table.throttle.as_ref()?.clone()),
            8 => FaultKind::Poison((*table.poison.as_ref()?.ratio)?),
            _ => FaultKind::Flush,
        };
        if let Some((_, zone, zones)) = zone
            && (zone >= zones || !matches!(kind, FaultKind::ZoneOutage(..)))
        {
            let what = table.target.as_ref()?;
            let message = match zone < zones {
                true => format!("`fault.{name}`: `{}` does nothing to \"{what}\"", kind.name()),
                false => format!("`fault.{name}`: there is no \"{what}\""),
            };
            let help = format!("zones of that site are numbered from 1 to {zones}; they have outages");
            self.problems.push(Problem::error(table.target.place, message).help(help));
            return None;
        }
        let timings: [&[(&'static str, &dyn Given)]; 2] = if kind.is_over_at_once() {
            [&[("at", &table.at)], &[("every", &table.every)]]
        } else {
            [&[("at", &table.at), ("for", &table.r#for)], &[("every", &table.every), ("lasts", &table.lasts)]]
        };
        let timing = match either(table.place, &format!("fault.{name}"), &timings, self.problems)? {
            0 => Timing::Once { at: (*table.at)?, lasts: table.r#for.unwrap_or_default() },
            _ => Timing::AtRandom {
                every: self.dist(table.every.as_ref()?)?,
                lasts: match table.lasts.as_ref() {
                    Some(lasts) => self.dist(lasts)?,
                    None => Dist::Constant(Span::ZERO),
                },
            },
        };
        let at: Vec<Destination> = at.into_iter().filter(|to| kind.befalls(targets.group_of(*to))).collect();
        let befalls_nodes = matches!(kind, FaultKind::Crash(_) | FaultKind::Outage);
        if at.is_empty() && (node_groups.is_empty() || !befalls_nodes) {
            let what = table.target.as_ref()?;
            let message = format!("`fault.{name}`: `{}` has no effect on \"{what}\"", kind.name());
            let help = "slow-down is for functions, dependencies and links, poison for queues and streams, crash, cold-start and \
                        deploy for functions; nodes have crash and outage";
            self.problems.push(Problem::error(table.target.place, message).help(help));
            return None;
        }
        let target = (*table.target).clone()?;
        Some(Fault { name, target, targets: at, node_groups, timing, kind })
    }
}

impl Checker<'_, '_> {
    /// The groups whose nodes a fault affects, for "node-group.NAME" or "zone.NAME"; empty for any other target.
    fn struck_nodes(&mut self, table: &FaultTable, groups: &[NodeGroup]) -> Option<Vec<GroupId>> {
        let (text, place) = (table.target.as_ref()?, table.target.place);
        let Some((kind @ ("node-group" | "zone"), name)) = text.split_once('.') else {
            return Some(Vec::new());
        };
        let name_of =
            |group: &NodeGroup| if kind == "zone" { group.spec.zone.clone() } else { Some(group.spec.name.clone()) };
        let hit = (0..).zip(groups).filter(|(_, group)| name_of(group).as_deref() == Some(name));
        let hit: Vec<GroupId> = hit.map(|(place, _)| GroupId(place)).collect();
        if hit.is_empty() {
            let known: Vec<String> = groups.iter().filter_map(name_of).collect();
            let what = if kind == "zone" { "the zones are" } else { "the node groups are" };
            let help = match known.is_empty() {
                true => format!("no [[node-group]] has this {}", if kind == "zone" { "zone" } else { "name" }),
                false => instead(name, what, known.iter().map(String::as_str)),
            };
            self.problems.push(Problem::error(place, format!("there are no nodes called \"{text}\"")).help(help));
            return None;
        }
        Some(hit)
    }
}

/// Names unnamed steps by their number, so that each can be set; includes those of functions added by variants.
pub(in crate::scenario) fn name_steps(root: &mut Node) {
    use crate::schema::tree::{Entry, Value};
    for function in tables_of(root, "variant").into_iter().flat_map(|variant| tables_of(variant, "function")) {
        name_steps_of(function);
    }
    for key in ["function", "function-defaults"] {
        tables_of(root, key).into_iter().for_each(name_steps_of);
    }

    fn tables_of<'n>(node: &'n mut Node, key: &str) -> Vec<&'n mut Node> {
        let Value::Table(entries) = &mut node.value else { return Vec::new() };
        let found = entries.iter_mut().filter(|entry| entry.key == key).map(|entry| &mut entry.node);
        // One table, or a list of them.
        let tables = |node: &'n mut Node| -> &'n mut [Node] {
            if matches!(node.value, Value::Table(_)) {
                return std::slice::from_mut(node);
            }
            if let Value::List(list) = &mut node.value { list } else { &mut [] }
        };
        found.flat_map(tables).collect()
    }

    fn name_steps_of(function: &mut Node) {
        for (place, step) in tables_of(function, "step").into_iter().enumerate() {
            let at = step.place;
            if let Value::Table(entries) = &mut step.value
                && !entries.iter().any(|entry| entry.key == "name")
            {
                entries.insert(0, Entry::new("name", at, Value::from_text(format!("step-{}", place + 1))));
            }
        }
    }
}
