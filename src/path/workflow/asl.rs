//! Workflows in Amazon States Language.
//!
//! The specification is at states-language.net. Supported: Task, Parallel, Map, Choice, Wait, Pass, Succeed and Fail,
//! with Next, End, Retry, Catch and TimeoutSeconds. Fields that only transform data are ignored. A state that does
//! anything else is an error with its location, unless the scenario says what it calls (`targets`) or how long it waits
//! (`waits`).

use std::collections::BTreeMap;

use super::json;
use super::machine::{Catch, Cause, Causes, Each, Kind, Machine, Retry, State};
use super::parameters::WorkflowSpec;
use crate::dist::Dist;
use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead};
use crate::schema::tree::{Node, Value};
use crate::time::Span;

/// Reads a workflow from a text called `name`; `given` adds what the text does not say. Problems are reported.
pub(super) fn parse(name: &str, text: &str, given: &WorkflowSpec, problems: &mut Problems) -> Option<Machine> {
    let source = problems.add_source(name, text, 1);
    let root = json::parse(text, source).map_err(|problem| problems.push(problem)).ok()?;
    let mut reading =
        Reading { given, problems, states: Vec::new(), names: BTreeMap::new(), targets: Vec::new(), is_whole: true };
    let start = reading.level(&root, 0);
    let timeout = reading.seconds(&root, "TimeoutSeconds");
    reading.used();
    let Reading { states, targets, is_whole, names, .. } = reading;
    let states = states.into_iter().collect::<Option<Vec<State>>>()?;
    let machine = Machine { states, start: start?, targets, timeout };
    let place = |at: usize| names.values().find(|(number, _)| *number == at).map_or(root.place, |(_, place)| *place);
    if let Some(endless) = machine.endless() {
        let name = &machine.states[endless].name;
        problems.push(Problem::error(place(endless), format!("the state \"{name}\" leads into an endless loop")));
        return None;
    }
    for (at, _) in machine.reached().iter().enumerate().filter(|(_, reached)| !**reached) {
        let name = &machine.states[at].name;
        problems.push(Problem::warning(place(at), format!("the state \"{name}\" can never be reached")));
    }
    is_whole.then_some(machine)
}

/// Maximum nesting of levels.
const MAX_DEPTH: u32 = 50;
/// Default for `MaxConcurrency` 0 of inline maps, and of distributed ones.
const INLINE: u32 = 40;
const DISTRIBUTED: u32 = 10_000;

struct Reading<'g, 'p> {
    given: &'g WorkflowSpec,
    problems: &'p mut Problems,
    /// `None`: could not be read.
    states: Vec<Option<State>>,
    /// The states of all levels by name, with their locations.
    names: BTreeMap<String, (usize, SourceSpan)>,
    targets: Vec<String>,
    is_whole: bool,
}

impl Reading<'_, '_> {
    fn wrong(&mut self, place: SourceSpan, what: String, help: Option<String>) {
        let problem = Problem::error(place, what);
        self.problems.push(help.into_iter().fold(problem, Problem::help));
        self.is_whole = false;
    }

    /// Reads a machine, or a branch of one; returns its first state.
    fn level(&mut self, node: &Node, depth: u32) -> Option<usize> {
        let Some(states) = node.get("States").filter(|states| !states.entries().is_empty()) else {
            self.wrong(node.place, "there are no `States` here".to_owned(), None);
            return None;
        };
        if depth > MAX_DEPTH {
            self.wrong(node.place, format!("more than {MAX_DEPTH} levels are in each other"), None);
            return None;
        }
        let mut level = BTreeMap::new();
        for entry in states.entries() {
            let number = self.states.len();
            self.states.push(None);
            if self.names.insert(entry.key.clone(), (number, entry.place)).is_some() {
                self.wrong(entry.place, format!("the state \"{}\" is there twice", entry.key), None);
            }
            level.insert(entry.key.as_str(), number);
        }
        let start = self.next(node, "StartAt", &level);
        for entry in states.entries() {
            let number = level[entry.key.as_str()];
            self.states[number] = self.state(&entry.key, entry.place, &entry.node, &level, depth);
            self.is_whole &= self.states[number].is_some();
        }
        start
    }

    /// The state of the same level that a key names.
    fn next(&mut self, node: &Node, key: &str, level: &BTreeMap<&str, usize>) -> Option<usize> {
        let Some(named) = node.get(key) else {
            self.wrong(node.place, format!("`{key}` is missing"), None);
            return None;
        };
        let found = named.text().and_then(|name| level.get(name)).copied();
        if found.is_none() {
            let name = named.text().unwrap_or_default();
            let help = instead(name, "the states here are", level.keys().copied());
            self.wrong(named.place, format!("`{key}` names no state beside this one"), Some(help));
        }
        found
    }

    fn seconds(&mut self, node: &Node, key: &str) -> Option<Span> {
        let at = node.get(key)?;
        let number = match at.value {
            Value::Integer(Some(number)) => number as f64,
            Value::Float(number) => number,
            _ => f64::NAN,
        };
        let span = Span::from_secs_f64(number).ok();
        if span.is_none() {
            self.wrong(at.place, format!("`{key}` must be a number of seconds"), None);
        }
        span
    }

    fn number(&mut self, node: &Node, key: &str, default: u32) -> Option<u32> {
        let Some(at) = node.get(key) else { return Some(default) };
        let number = if let Value::Integer(Some(number)) = at.value { u32::try_from(number).ok() } else { None };
        if number.is_none() {
            self.wrong(at.place, format!("`{key}` must be a whole number, 0 or more"), None);
        }
        number
    }

    fn state(
        &mut self,
        name: &str,
        place: SourceSpan,
        node: &Node,
        level: &BTreeMap<&str, usize>,
        depth: u32,
    ) -> Option<State> {
        let kind = match node.get("Type").and_then(Node::text) {
            Some("Task") => self.task(name, place, node)?,
            Some("Wait") => Kind::Wait(Dist::Constant(self.wait(name, place, node)?)),
            Some("Parallel") => {
                let branches = node.get("Branches").map_or(&[][..], Node::elements);
                if branches.is_empty() {
                    self.wrong(place, format!("the state \"{name}\" has no `Branches`"), None);
                }
                let starts: Vec<Option<usize>> = branches.iter().map(|branch| self.level(branch, depth + 1)).collect();
                Kind::Parallel(starts.into_iter().collect::<Option<_>>()?)
            }
            Some("Map") => Kind::Map(self.map(name, place, node, depth)?),
            Some("Choice") => Kind::Choice(self.choice(name, place, node, level)?),
            Some("Pass") => Kind::Pass,
            Some("Succeed") => Kind::Succeed,
            Some("Fail") => Kind::Fail,
            other => {
                let what = other.map_or("no `Type`".to_owned(), |other| format!("the unknown type \"{other}\""));
                let known = "the types are Task, Parallel, Map, Choice, Wait, Pass, Succeed and Fail".to_owned();
                self.wrong(place, format!("the state \"{name}\" has {what}"), Some(known));
                return None;
            }
        };
        let is_end = node.get("End").is_some_and(|end| end.value == Value::Boolean(true));
        let goes_on = !is_end && !matches!(kind, Kind::Choice(_) | Kind::Succeed | Kind::Fail);
        let next = if goes_on { Some(self.next(node, "Next", level)?) } else { None };
        let (mut retries, mut catches) = (Vec::new(), Vec::new());
        if matches!(kind, Kind::Task(..) | Kind::Parallel(_) | Kind::Map(_)) {
            for retry in node.get("Retry").map_or(&[][..], Node::elements) {
                retries.push(self.retry(retry)?);
            }
            for catch in node.get("Catch").map_or(&[][..], Node::elements) {
                catches.push(Catch { on: self.causes(catch)?, next: self.next(catch, "Next", level)? });
            }
        }
        Some(State { name: name.to_owned(), kind, next, retries, catches, is_replay: false })
    }

    fn task(&mut self, name: &str, place: SourceSpan, node: &Node) -> Option<Kind> {
        let timeout = self.seconds(node, "TimeoutSeconds");
        let said = self.given.targets.iter().find(|(state, _)| state == name).map(|(_, target)| target.value.clone());
        let found = said.or_else(|| called(node));
        let Some(target) = found else {
            let resource = node.get("Resource").and_then(Node::text).unwrap_or("nothing that is known");
            let what = format!("the task \"{name}\" calls {resource}, which cannot be simulated as it is");
            let help = format!("say what stands for it: targets.\"{name}\" = \"...\"");
            self.wrong(place, what, Some(help));
            return None;
        };
        Some(Kind::Task(Machine::target(&mut self.targets, &target), timeout))
    }

    fn wait(&mut self, name: &str, place: SourceSpan, node: &Node) -> Option<Span> {
        if let Some((_, said)) = self.given.waits.iter().find(|(state, _)| state == name) {
            return Some(said.value);
        }
        if let Some(Value::Integer(_) | Value::Float(_)) = node.get("Seconds").map(|seconds| &seconds.value) {
            return self.seconds(node, "Seconds");
        }
        let help = format!("say how long that is: waits.\"{name}\" = \"...\"");
        self.wrong(place, format!("the state \"{name}\" waits for a time that is only known when it runs"), Some(help));
        None
    }

    fn map(&mut self, name: &str, place: SourceSpan, node: &Node, depth: u32) -> Option<Each> {
        let Some(processor) = node.get("ItemProcessor").or_else(|| node.get("Iterator")) else {
            self.wrong(place, format!("the state \"{name}\" has no `ItemProcessor`"), None);
            return None;
        };
        let start = self.level(processor, depth + 1)?;
        let mode = processor.get("ProcessorConfig").and_then(|config| config.get("Mode")).and_then(Node::text);
        let distributed = mode == Some("DISTRIBUTED");
        let most = if distributed { DISTRIBUTED } else { INLINE };
        let at_once = self.number(node, "MaxConcurrency", 0)?;
        let items = self.given.items.iter().find(|(state, _)| state == name).map_or(1, |(_, items)| items.value);
        let batch = match node.get("ItemBatcher") {
            Some(batcher) => self.number(batcher, "MaxItemsPerBatch", 1)?.max(1),
            None => 1,
        };
        let items = items.div_ceil(batch);
        let percent = self.number(node, "ToleratedFailurePercentage", 0)?.min(100);
        let tolerated = u64::from(items) * u64::from(percent) / 100;
        let count = self.number(node, "ToleratedFailureCount", 0)?;
        let tolerated = (tolerated as u32).max(count);
        let at_once = if at_once == 0 { most } else { at_once.min(most) };
        Some(Each { start, items, at_once, tolerated, distributed })
    }

    fn choice(
        &mut self,
        name: &str,
        place: SourceSpan,
        node: &Node,
        level: &BTreeMap<&str, usize>,
    ) -> Option<Vec<(f64, usize)>> {
        let mut ways = Vec::new();
        for choice in node.get("Choices").map_or(&[][..], Node::elements) {
            ways.push(self.next(choice, "Next", level)?);
        }
        if node.get("Default").is_some() {
            ways.push(self.next(node, "Default", level)?);
        }
        let said = self.given.choices.iter().find(|(state, _)| state == name).map(|(_, shares)| shares.value.clone());
        let mut shares = said.unwrap_or_else(|| vec![1.0; ways.len()]);
        if shares.len() + 1 == ways.len() {
            // The last choice gets the rest.
            shares.push((1.0 - shares.iter().sum::<f64>()).max(0.0));
        }
        if ways.is_empty() || shares.len() != ways.len() || shares.iter().sum::<f64>() <= 0.0 {
            let what =
                format!("the state \"{name}\" has {} ways, and `choices` gives {} shares", ways.len(), shares.len());
            self.wrong(place, what, Some("write one for each of `Choices`, and one for `Default`".to_owned()));
            return None;
        }
        Some(shares.into_iter().zip(ways).collect())
    }

    fn retry(&mut self, node: &Node) -> Option<Retry> {
        let interval = match node.get("IntervalSeconds") {
            Some(_) => self.seconds(node, "IntervalSeconds")?,
            None => Span::from_secs(1),
        };
        let rate = match node.get("BackoffRate").map(|rate| (&rate.value, rate.place)) {
            None => 2.0,
            Some((Value::Integer(Some(rate)), _)) if *rate >= 1 => *rate as f64,
            Some((Value::Float(rate), _)) if *rate >= 1.0 => *rate,
            Some((_, place)) => {
                self.wrong(place, "`BackoffRate` must be a number from 1 on".to_owned(), None);
                return None;
            }
        };
        let max_delay = self.seconds(node, "MaxDelaySeconds");
        let jitter = node.get("JitterStrategy").and_then(Node::text) == Some("FULL");
        Some(Retry {
            on: self.causes(node)?,
            interval,
            most: self.number(node, "MaxAttempts", 3)?,
            rate,
            max_delay,
            jitter,
        })
    }

    /// The failures that `ErrorEquals` names. States.ALL matches every failure, States.TaskFailed every one except a
    /// timeout. Errors named by functions match their errors; those of Lambda itself match nothing that is simulated.
    fn causes(&mut self, node: &Node) -> Option<Causes> {
        let Some(errors) = node.get("ErrorEquals").filter(|errors| !errors.elements().is_empty()) else {
            self.wrong(node.place, "`ErrorEquals` is missing".to_owned(), None);
            return None;
        };
        let failed = Causes::default().with(Cause::Error).with(Cause::Throttled);
        let of = |error: &Node| match error.text() {
            Some("States.ALL") => Causes::ALL,
            Some("States.TaskFailed") => failed,
            Some("States.Timeout") => Causes::default().with(Cause::Timeout),
            Some("Lambda.TooManyRequestsException") => Causes::default().with(Cause::Throttled),
            Some("Lambda.Unknown") => Causes::default().with(Cause::Error),
            Some(name) if name.starts_with("States.") || name.starts_with("Lambda.") => Causes::default(),
            _ => Causes::default().with(Cause::Error),
        };
        Some(errors.elements().iter().map(of).fold(Causes::default(), Causes::or))
    }

    /// Reports states that the scenario names but the machine does not have.
    fn used(&mut self) {
        let given = self.given;
        let targets = given.targets.iter().map(|(state, at)| ("targets", state, at.place));
        let choices = given.choices.iter().map(|(state, at)| ("choices", state, at.place));
        let items = given.items.iter().map(|(state, at)| ("items", state, at.place));
        let waits = given.waits.iter().map(|(state, at)| ("waits", state, at.place));
        for (key, state, place) in targets.chain(choices).chain(items).chain(waits) {
            if !self.names.contains_key(state) {
                let help = instead(state, "the states are", self.names.keys().map(String::as_str));
                self.problems
                    .push(Problem::error(place, format!("`{key}` names \"{state}\", which is no state")).help(help));
                self.is_whole = false;
            }
        }
    }
}

/// The target of a task as named in a scenario: a function by the name in its ARN, a queue or other component with its
/// kind.
fn called(node: &Node) -> Option<String> {
    let resource = node.get("Resource").and_then(Node::text)?;
    let argument = |key: &str| {
        let of = |table: &str| {
            let arguments = node.get(table)?;
            // "FunctionName.$" is a path into the input, which is unknown.
            arguments.get(key).and_then(Node::text)
        };
        of("Parameters").or_else(|| of("Arguments"))
    };
    if let Some((_, function)) = resource.split_once(":function:") {
        return named(function);
    }
    let integration = resource.rsplit_once(":states:").map(|(_, rest)| rest.trim_start_matches(':'));
    let integration = integration.map(|rest| rest.split('.').next().unwrap_or(rest));
    let integration = integration.map(|rest| rest.strip_prefix("aws-sdk:").unwrap_or(rest));
    let kinds = [
        ("lambda:invoke", "FunctionName", ""),
        ("sqs:sendMessage", "QueueUrl", "queue."),
        ("sns:publish", "TopicArn", "topic."),
        ("kinesis:putRecord", "StreamName", "stream."),
        ("states:startExecution", "StateMachineArn", "workflow."),
        ("dynamodb:getItem", "TableName", "dependency."),
        ("dynamodb:putItem", "TableName", "dependency."),
        ("dynamodb:updateItem", "TableName", "dependency."),
        ("dynamodb:deleteItem", "TableName", "dependency."),
    ];
    match integration {
        Some(integration) => {
            let (_, key, kind) = kinds.iter().find(|(known, ..)| *known == integration)?;
            Some(format!("{kind}{}", named(argument(key)?)?))
        }
        // A template placeholder for the function.
        None => named(resource),
    }
}

/// The name in an ARN, a URL, or a placeholder such as `${CheckoutArn}`.
fn named(text: &str) -> Option<String> {
    let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if let Some(inner) = inner {
        let inner = inner.split('.').next().unwrap_or(inner);
        let inner = ["FunctionArn", "Arn", "ARN"].iter().find_map(|end| inner.strip_suffix(end)).unwrap_or(inner);
        return Some(inner.to_owned()).filter(|name| !name.is_empty());
    }
    let after = text.split_once(":function:").map_or(text, |(_, name)| name);
    // A function's name may be followed by an alias or version.
    let is_arn = after.starts_with("arn:");
    let name = if is_arn { after.rsplit([':', '/']).next() } else { after.rsplit('/').next()?.split(':').next() };
    name.map(str::to_owned).filter(|name| crate::schema::scalars::is_name(name))
}
