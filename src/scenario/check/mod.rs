//! What the values of a scenario mean together: from `raw` to the checked [`Scenario`], every problem at once.

mod dist;
mod function;
mod initial;
mod load;
mod names;
mod oracle;
mod plan;
mod platform;
mod scaling;
mod simulation;
mod sweep;
mod trace;

use super::data::Data;
use super::model::{Bound, Function, Objective, Scenario, Source, Target, Variant};
use super::raw::{FileTable, ObjectiveTable, SourceTable, VariantTable};
use crate::id::FnId;
use crate::metric::{self, Quantity};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead};
use crate::schema::tree::Node;
use crate::time::Span;
use names::Names;
pub(super) use plan::POLICY;
pub(super) use sweep::VARIANT;

/// What the checks need besides the tables.
pub(super) struct Checker<'a, 'd> {
    /// Where problems go.
    pub(super) problems: &'a mut Problems,
    /// The files that the scenario names.
    pub(super) data: &'a mut Data<'d>,
    /// Whether runtimes decide which instances wait for a function.
    pub(super) has_stem_cells: bool,
    /// How long initialisation may take.
    pub(super) init_timeout: Option<Span>,
}

/// Checks a whole file. `None` if anything is wrong (then it has been reported). Without `resolved` and `hash`.
pub(super) fn scenario(file: &FileTable, root: &Node, checker: &mut Checker<'_, '_>) -> Option<Scenario> {
    let mut functions = Names::of(root, "function", checker.problems);
    let traces = checker.traces(file, &mut functions);
    traces.brought().for_each(|name| functions.add(name));
    for list in ["source", "variant"] {
        Names::of(root, list, checker.problems);
    }
    let simulation = file.simulation.as_ref().and_then(|table| checker.simulation(table, &functions));
    let allowed = file.platform.as_ref().and_then(|table| Some((*table.preset)?.allowed()));
    let platform = checker.platform(file.platform.as_ref());
    checker.has_stem_cells = platform.as_ref().is_some_and(|platform| !platform.stem_cells.is_empty());
    checker.init_timeout = platform.as_ref().and_then(|platform| platform.init_timeout);
    let mut checked: Vec<_> = file
        .function
        .iter()
        .filter_map(|table| {
            let name = table.name.as_deref().unwrap_or("?");
            let traced = traces.function(name);
            let function = checker.function(table, &format!("function.{name}"), traced, allowed.as_ref())?;
            Some(Function { app: function.app.or_else(|| traces.app(name)), ..function })
        })
        .collect();
    checked.extend(checker.brought_functions(root, &traces, allowed.as_ref()).into_iter().flatten());
    let sources = file.source.iter().enumerate();
    let sources = sources.filter_map(|(place, table)| checker.sources(table, place, &traces, &functions));
    let sources = sources.flatten().collect::<Vec<_>>();
    let objectives = file.objective.iter().filter_map(|table| checker.objective(table, &functions)).collect();
    checker.reservations(file, &checked);
    checker.apps(file, &checked);
    checker.memory(file, &checked);
    let sweep = file.sweep.as_ref().and_then(|table| checker.sweep(table, root));
    let plan = file.plan.as_ref().and_then(|table| checker.plan(table, root));
    if file.source.is_empty() && !file.source.broken {
        let problem = Problem::missing(file.source.place, "the scenario has no [[source]]: nothing would ever arrive");
        checker.problems.push(problem.help("add [[source]] with name, function and arrivals"));
    }
    if checker.problems.has_errors() {
        return None;
    }
    let (simulation, platform, header) = (simulation?, platform?, file.scenario.as_ref()?);
    checker.oracles(&mut checked, &sources, simulation.horizon, file);
    let scenario = Scenario {
        name: (*header.name).clone()?,
        description: header.description.value.clone(),
        hash: String::new(),
        resolved: String::new(),
        simulation,
        platform,
        functions: checked,
        components: Vec::new(),
        sources,
        variants: file.variant.iter().filter_map(variant).collect(),
        objectives,
        sweep,
        plan,
    };
    checker.plan_fits(&scenario);
    load::check(&scenario, file, checker.problems);
    initial::check(&scenario, file, checker.problems);
    if checker.problems.has_errors() { None } else { Some(scenario) }
}

fn variant(table: &VariantTable) -> Option<Variant> {
    let set = table.set.as_ref()?.iter().map(|(key, value)| (key.clone(), value.value.value.to_toml())).collect();
    Some(Variant { name: (*table.name).clone()?, set })
}

impl Checker<'_, '_> {
    fn source(&mut self, table: &SourceTable, functions: &Names) -> Option<Source> {
        let name = table.name.as_deref().unwrap_or("?").to_owned();
        let path = format!("source.{name}");
        if table.function.is_none() && !table.function.broken && table.arrivals.is_some() {
            let problem = Problem::missing(table.place, format!("`{path}` needs `function`"));
            self.problems.push(problem.help(functions.help()));
        }
        let function = functions.find(&table.function, "function", self.problems);
        let arrivals =
            table.arrivals.as_ref().and_then(|arrivals| self.arrivals(arrivals, &path, table.arrivals.place));
        Some(Source { name, target: Target::Function(function?), entry: None, arrivals: arrivals? })
    }

    fn objective(&mut self, table: &ObjectiveTable, functions: &Names) -> Option<Objective> {
        let metric = table.metric.as_ref().filter(|metric| self.metric(metric, table.metric.place)).cloned();
        let function = functions.find(&table.function, "function", self.problems);
        let bound = match (table.below.as_deref(), table.above.as_deref()) {
            (Some(below), None) => Bound::Below(self.metric_value(metric.as_deref()?, below, table.below.place)?),
            (None, Some(above)) => Bound::Above(self.metric_value(metric.as_deref()?, above, table.above.place)?),
            (Some(_), Some(_)) => {
                let problem = Problem::error(table.above.place, "an objective has `below` or `above`, not both");
                self.problems.push(problem.help("write a second [[objective]] for the other bound"));
                return None;
            }
            (None, None) if table.below.broken || table.above.broken => return None,
            (None, None) => {
                let problem = Problem::missing(table.place, "the objective has neither `below` nor `above`");
                self.problems.push(problem.help("write what the metric must stay below, as in below = \"800ms\""));
                return None;
            }
        };
        Some(Objective { metric: metric?, function, bound })
    }

    /// What a metric is held against, in the metric's unit.
    fn metric_value(&mut self, metric: &str, text: &str, place: SourceSpan) -> Option<f64> {
        let value = Quantity::of(metric).read(text);
        value
            .map_err(|help| {
                let message = format!("`{text}` is not a value of `{metric}`");
                self.problems.push(Problem::error(place, message).help(help));
            })
            .ok()
    }

    /// Whether there is such a metric; reports it if not.
    fn metric(&mut self, metric: &str, place: SourceSpan) -> bool {
        let is_known = metric::find(metric).is_some();
        if !is_known {
            let help = instead(metric, "some metrics are", metric::keys());
            let problem = Problem::error(place, format!("there is no metric \"{metric}\"")).help(help);
            self.problems.push(problem.help("`forewarm list metrics` shows them all"));
        }
        is_known
    }

    /// Reports a duration of zero where there must be some.
    fn positive(&mut self, at: SourceSpan, value: Span, path: &str) -> Option<Span> {
        if value > Span::ZERO {
            return Some(value);
        }
        self.problems.push(Problem::error(at, format!("`{path}` must be longer than zero")));
        None
    }
}

/// Function ids by name.
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
