//! What a scenario says about a workflow.

use std::collections::BTreeMap;

use super::super::bucket::BucketSpec;
use super::machine::{Catch, Cause, Causes, Each, Kind, Machine, Retry, State};
use crate::dist::{Dist, DistSpec};
use crate::schema::declare::*;
use crate::schema::limits::MAX_STATES;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Name, Number, PositiveDuration, Ratio, Text};
use crate::schema::sizes::Bytes;
use crate::time::Span;

parameters! {
    /// A workflow: sequential, parallel and repeated states, with tasks that call functions. Either `asl` or `state`.
    pub struct WorkflowSpec {
        /// Name and description.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// The product that provides prices and limits.
        default preset: Preset = Preset::StepFunctions,
        /// A file in Amazon States Language that defines the states.
        optional asl: Spanned<Text>,
        /// With `asl`: targets of tasks whose `Resource` does not name a function, by name of the state.
        default targets: Map<Text, MAX_STATES> = Vec::new(),
        /// With `asl`: shares of the `Choices` of a state, in order, and of its `Default`. Default: all equally likely.
        default choices: Map<List<Ratio, 1, MAX_STATES>, MAX_STATES> = Vec::new(),
        /// With `asl`: number of items of a Map state. Default: 1.
        default items: Map<Count<0, MAX_ITEMS>, MAX_STATES> = Vec::new(),
        /// With `asl`: duration of a Wait state that is not given in seconds.
        default waits: Map<Duration, MAX_STATES> = Vec::new(),
        /// The states, starting with the first. Each is followed by the next, unless it has a `next`; states of
        /// branches are not part of the sequence.
        default state: List<StateSpec, 0, MAX_STATES> = Vec::new(),
        /// With a durable preset: the function that runs first, and again after each task and wait, when it replays what has been done
        /// and goes on. It is not running in between.
        optional orchestrator: Text,
        /// With a durable preset: time from the moment at which a task or the orchestrator could start until it does. Default: as in the
        /// preset (Azure: up to 100 ms).
        optional dispatch: OrNone<DistSpec>,
        /// With a durable preset: size of what each state writes.
        default checkpoint_size: Bytes = 1024,
        /// With a durable preset: how long what was written is kept. Default: as in the preset (Lambda: 14d).
        optional retention: PositiveDuration,
        /// Price per GB written. Default: as in the preset (Lambda durable functions: 0.25).
        optional per_gb_written_usd: Amount,
        /// Price per GB kept for 30 days. Default: as in the preset (Lambda durable functions: 0.15).
        optional per_gb_month_usd: Amount,
        /// Timeout of an execution. Default: as in the preset (Step Functions: 365d).
        optional timeout: PositiveDuration,
        /// When the caller gets its response.
        default answer: Answer = Answer::End,
        /// Maximum number of events per execution: two per state entered, three per attempt of a task. Default: as in
        /// the preset (Step Functions: 25000).
        optional max_history: Count<10, 1_000_000_000>,
        /// Rate at which executions can start; more are throttled. Default: as in the preset (Step Functions: 300/s,
        /// with a burst of 1300).
        optional start_throttle: OrNone<BucketSpec>,
        /// Rate at which states can be entered, over all executions; more have to wait. Default: as in the preset (Step
        /// Functions: 5000/s).
        optional transition_throttle: OrNone<BucketSpec>,
        /// Price per million state transitions, including retries. Default: as in the preset (Step Functions: 25; Lambda durable
        /// functions: 8).
        optional per_million_usd: Amount,
        /// Price per million executions. Default: as in the preset (Step Functions Express: 1).
        optional executions_per_million_usd: Amount,
        /// Price per second of execution, rounded up to tenths. Default: as in the preset (Step Functions Express, 64
        /// MB: 0.00000104).
        optional per_second_usd: Amount,
    }
}

parameters! {
    /// A state: exactly one of `task`, `wait`, `parallel`, `map`, `choice`, `pass`, `succeed` and `fail`.
    pub struct StateSpec {
        /// Unique name.
        required name: Name,
        /// Call this function or component and wait for the response.
        optional task: Text,
        /// Timeout of a task.
        optional timeout: PositiveDuration,
        /// Wait for this long.
        optional wait: DistSpec,
        /// Run several branches at once, each a list of names of other states. It ends with the last branch, or with
        /// the first that fails.
        optional parallel: List<List<Name, 1, MAX_STATES>, 1, MAX_STATES>,
        /// Run the same states for each of many items.
        optional map: MapSpec,
        /// Continue with one of several states, chosen at random.
        optional choice: List<WaySpec, 1, MAX_STATES>,
        /// Do nothing.
        optional pass: Flag,
        /// End the execution or branch successfully.
        optional succeed: Flag,
        /// It fails.
        optional fail: Flag,
        /// The state to continue with. Default: the one that follows.
        optional next: Name,
        /// Whether the execution or branch ends after this state.
        default end: Flag = false,
        /// Failures that are retried; the first match applies.
        default retry: List<RetrySpec, 0, 100> = Vec::new(),
        /// Failures after which it continues with another state, when it is not retried; the first match applies.
        default catch: List<CatchSpec, 0, 100> = Vec::new(),
    }
}

parameters! {
    /// The same for each of many items.
    pub struct MapSpec {
        /// Names of the states that each item goes through, in order.
        required states: List<Name, 1, MAX_STATES>,
        /// Number of items.
        required items: Count<0, MAX_ITEMS>,
        /// Maximum number processed at the same time.
        default max_concurrency: Count<1, 10_000> = 40,
        /// Whether each item is a separate execution, which allows a very large number at the same time.
        default distributed: Flag = false,
        /// Share of items that may fail.
        default tolerated_failures: Ratio = 0.0,
    }
}

parameters! {
    /// One of several choices.
    pub struct WaySpec {
        /// Relative frequency of this choice.
        required share: Ratio,
        /// The state to continue with.
        required next: Name,
    }
}

parameters! {
    /// When a failed state is retried.
    pub struct RetrySpec {
        /// Failures that it applies to.
        default on: List<ErrorKind, 1, 3> = vec![ErrorKind::Error, ErrorKind::Timeout, ErrorKind::Throttled],
        /// Delay after the first failure.
        default interval: Duration = Span::from_secs(1),
        /// Maximum number of retries: attempts minus one.
        default max_retries: Count<0, 99_999_999> = 3,
        /// Factor by which the delay grows with each further failure.
        default rate: Number = 2.0,
        /// Longest delay.
        optional max_delay: PositiveDuration,
        /// Whether the delay is drawn uniformly from zero to its value.
        default jitter: Flag = false,
    }
}

parameters! {
    /// Where to continue after a failure.
    pub struct CatchSpec {
        /// Failures that it applies to.
        default on: List<ErrorKind, 1, 3> = vec![ErrorKind::Error, ErrorKind::Timeout, ErrorKind::Throttled],
        /// Where.
        required next: Name,
    }
}

choice! {
    /// The product that a preset describes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Preset {
        "step-functions" => StepFunctions, "AWS Step Functions, Standard: charged for each state entered.";
        "step-functions-express" => StepFunctionsExpress, "AWS Step Functions, Express: at most 5 minutes, charged for time.";
        "google-workflows" => GoogleWorkflows, "Google Workflows: charged per step.";
        "lambda-durable" => LambdaDurable, "AWS Lambda durable functions: an orchestrator replays; charged for states and for the data they write.";
        "azure-durable" => AzureDurable, "Azure Durable Functions: an orchestrator replays; charged as functions.";
    }
}

impl Preset {
    /// Whether a function is the orchestrator.
    const fn is_durable(self) -> bool {
        matches!(self, Self::LambdaDurable | Self::AzureDurable)
    }
}

choice! {
    /// When the caller that starts an execution gets its response.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Answer {
        "end" => End, "When the execution has ended, with its outcome.";
        "start" => Start, "At once, when it has been started.";
    }
}

choice! {
    /// Why a state failed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ErrorKind {
        "error" => Error, "Its target failed.";
        "timeout" => Timeout, "It took too long.";
        "throttled" => Throttled, "Its target throttled it.";
    }
}

/// Maximum number of items of a map.
const MAX_ITEMS: u32 = 100_000_000;

/// The prices of an execution, and its limits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) answer: Answer,
    pub(super) timeout: Span,
    pub(super) max_history: u32,
    pub(super) start_throttle: Option<BucketSpec>,
    pub(super) transition_throttle: Option<BucketSpec>,
    pub(super) per_million_usd: f64,
    pub(super) executions_per_million_usd: f64,
    pub(super) per_second_usd: f64,
    /// Cost of what each state writes and keeps, US dollars.
    pub(super) per_checkpoint_usd: f64,
    /// Delay until a task or an orchestrator starts.
    pub(super) dispatch: Option<Dist>,
}

impl Settings {
    /// Limits of a workflow; the states may or may not give a timeout.
    ///
    /// Step Functions, Standard: a year, 25,000 events, 300 starts and 5,000 transitions per second in the large
    /// regions, $0.025 per 1,000 transitions (quotas and pricing pages). Express: 5 minutes, 6,000 starts per second,
    /// $1.00 per million and $0.00001667 per GB-second, in units of 100 ms and 64 MB, without a limit on events: here
    /// there is one, so that no loop continues forever. Google: a year, 100,000 steps, $0.01 per 1,000 internal steps.
    ///
    /// Lambda durable functions: $8.00 per million operations, $0.25 per GB written, $0.15 per GB-month (pricing page);
    /// a year, 3,000 operations, and 14 days of retention are from memory. Azure: a message waits for the next poll of
    /// its queue, every 100 ms if the queue is busy (Durable Task extension, 2024); its storage is not charged here.
    pub(super) fn of(spec: &WorkflowSpec, of_machine: Option<Span>) -> Self {
        let year = Span::from_secs(365 * 86_400);
        let (timeout, history, transition, execution, second) = match spec.preset {
            Preset::StepFunctions => (year, 25_000, 25.0, 0.0, 0.0),
            Preset::StepFunctionsExpress => (Span::from_secs(300), 10_000_000, 0.0, 1.0, 1.667e-5 / 16.0),
            Preset::GoogleWorkflows => (year, 200_000, 10.0, 0.0, 0.0),
            // Five events per operation: a state entered and an attempt.
            Preset::LambdaDurable => (year, 15_000, 8.0, 0.0, 0.0),
            Preset::AzureDurable => (year, 10_000_000, 0.0, 0.0, 0.0),
        };
        let bucket = |rate, burst| Some(BucketSpec { rate, burst: Some(burst) });
        let (starts, transitions) = match spec.preset {
            Preset::StepFunctions => (bucket(300.0, 1_300.0), bucket(5_000.0, 5_000.0)),
            Preset::StepFunctionsExpress => (bucket(6_000.0, 6_000.0), None),
            Preset::GoogleWorkflows | Preset::LambdaDurable | Preset::AzureDurable => (None, None),
        };
        let (written, kept) = if spec.preset == Preset::LambdaDurable { (0.25, 0.15) } else { (0.0, 0.0) };
        let retention = spec.retention.unwrap_or(Span::from_secs(14 * 86_400)).as_secs_f64() / (30.0 * 86_400.0);
        let per_gb = spec.per_gb_written_usd.unwrap_or(written) + spec.per_gb_month_usd.unwrap_or(kept) * retention;
        let polled = (spec.preset == Preset::AzureDurable)
            .then_some(Dist::Uniform { min: Span::ZERO, max: Span::from_millis(100) });
        let dispatch = |dist: &Option<DistSpec>| dist.as_ref().and_then(|dist| dist.dist().ok());
        Self {
            answer: spec.answer,
            start_throttle: spec.start_throttle.clone().unwrap_or(starts),
            transition_throttle: spec.transition_throttle.clone().unwrap_or(transitions),
            timeout: spec.timeout.or(of_machine).unwrap_or(timeout).min(timeout),
            max_history: spec.max_history.unwrap_or(history),
            per_million_usd: spec.per_million_usd.unwrap_or(transition),
            executions_per_million_usd: spec.executions_per_million_usd.unwrap_or(execution),
            per_second_usd: spec.per_second_usd.unwrap_or(second),
            per_checkpoint_usd: spec.checkpoint_size as f64 / f64::from(1 << 30) * per_gb,
            dispatch: spec.dispatch.as_ref().map_or(polled, dispatch),
        }
    }
}

impl RetrySpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.rule("rate", self.rate, self.rate >= 1.0, "it must be at least 1");
        if let Some(max) = self.max_delay.filter(|max| *max < self.interval) {
            check.wrong("max-delay", format!("({max}) is shorter than `interval` ({})", self.interval));
        }
    }
}

impl StateSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let ways: [&[(&'static str, bool)]; 8] = [
            &[("task", self.task.is_some())],
            &[("wait", self.wait.is_some())],
            &[("parallel", self.parallel.is_some())],
            &[("map", self.map.is_some())],
            &[("choice", self.choice.is_some())],
            &[("pass", self.pass.is_some())],
            &[("succeed", self.succeed.is_some())],
            &[("fail", self.fail.is_some())],
        ];
        let Some(way) = check.either(&ways) else { return };
        let (is_last, does_nothing) = (way >= 6, way >= 5 || way == 1 || way == 4);
        if self.next.is_some() && (self.end || is_last || way == 4) {
            let why = if way == 4 { "a choice says for each way where it leads" } else { "it is the end" };
            check.wrong_with("next", "leads nowhere", why);
        }
        for key in [("retry", self.retry.len()), ("catch", self.catch.len())] {
            if does_nothing && key.1 > 0 {
                check.wrong(key.0, "means nothing here: only tasks, parallel and map fail and can go on");
            }
        }
        if self.timeout.is_some() && way != 0 {
            check.wrong("timeout", "means nothing here: only a task has one");
        }
        if self.choice.as_ref().is_some_and(|ways| ways.iter().all(|way| way.share == 0.0)) {
            check.wrong("choice", "has no way that is ever taken");
        }
    }
}

impl WorkflowSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let way = check.either(&[&[("asl", self.asl.is_some())], &[("state", !self.state.is_empty())]]);
        match (&self.orchestrator, self.preset.is_durable()) {
            (None, true) => check.wrong("preset", "is one of durable functions: name the `orchestrator`"),
            (Some(_), false) => {
                check.wrong_with(
                    "orchestrator",
                    "means nothing here",
                    "write preset = \"lambda-durable\" or \"azure-durable\"",
                );
            }
            _ => {}
        }
        let Some(1) = way else { return };
        let given = [("targets", self.targets.len()), ("choices", self.choices.len()), ("items", self.items.len())];
        for (key, number) in given.into_iter().chain([("waits", self.waits.len())]) {
            if number > 0 {
                check.wrong(key, "is about the states of an `asl` file");
            }
        }
        for (place, state) in self.state.iter().enumerate() {
            let is_limited = matches!(self.preset, Preset::StepFunctions | Preset::StepFunctionsExpress);
            let inline = state.map.as_ref().filter(|map| !map.distributed && is_limited);
            if let Some(map) = inline.filter(|map| map.max_concurrency > 40) {
                let what =
                    format!("= {}: at most 40 items at the same time, unless `distributed`", map.max_concurrency);
                check.refused(&format!("state.{}.map.max-concurrency", place + 1), what, "AWS Step Functions");
            }
        }
        let mut wrong = Vec::new();
        self.listed(&mut wrong);
        for (key, what) in wrong {
            check.wrong(&key, what);
        }
    }

    /// The listed states as a machine, with problems by key.
    pub(super) fn listed(&self, wrong: &mut Vec<(String, String)>) -> Option<Machine> {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, state) in self.state.iter().enumerate() {
            if names.insert(&state.name, place).is_some() {
                wrong.push((format!("state.{}.name", place + 1), format!("\"{}\" is there twice", state.name)));
            }
        }
        let mut listed =
            Listed { states: &self.state, names, level: vec![0; self.state.len()], levels: Vec::new(), wrong };
        listed.find_levels();
        let machine = listed.machine();
        wrong.is_empty().then_some(machine).flatten()
    }
}

/// The states of a list while the machine is built.
struct Listed<'s, 'w> {
    states: &'s [StateSpec],
    names: BTreeMap<&'s str, usize>,
    /// The level of each state; that of the sequence is 0.
    level: Vec<usize>,
    /// The states of each level, in order.
    levels: Vec<Vec<usize>>,
    wrong: &'w mut Vec<(String, String)>,
}

impl Listed<'_, '_> {
    fn wrong(&mut self, state: usize, key: &str, what: String) {
        self.wrong.push((format!("state.{}.{key}", state + 1), what));
    }

    fn find(&mut self, state: usize, key: &str, name: &str) -> Option<usize> {
        let found = self.names.get(name).copied();
        if found.is_none() {
            self.wrong(state, key, format!("names \"{name}\", which is no state"));
        }
        found
    }

    /// Assigns states to branches.
    fn find_levels(&mut self) {
        self.levels.push(Vec::new());
        for place in 0..self.states.len() {
            let state = &self.states[place];
            let branches = state.parallel.iter().flatten().map(|branch| ("parallel", branch));
            for (key, branch) in branches.chain(state.map.iter().map(|map| ("map.states", &map.states))) {
                let level = self.levels.len();
                self.levels.push(Vec::new());
                for name in branch {
                    let Some(inner) = self.find(place, key, name) else { continue };
                    if self.level[inner] > 0 {
                        self.wrong(place, key, format!("names \"{name}\", which is in another branch"));
                    } else {
                        self.level[inner] = level;
                        self.levels[level].push(inner);
                    }
                }
            }
        }
        self.levels[0] = (0..self.states.len()).filter(|state| self.level[*state] == 0).collect();
    }

    /// The state to which a name leads from another state.
    fn way(&mut self, state: usize, key: &str, name: &str) -> Option<usize> {
        let next = self.find(state, key, name)?;
        if self.level[next] != self.level[state] {
            self.wrong(state, key, format!("names \"{name}\", which is in another branch"));
            return None;
        }
        Some(next)
    }

    fn machine(&mut self) -> Option<Machine> {
        let Some(&start) = self.levels[0].first() else {
            self.wrong(0, "name", "is in a branch of itself".to_owned());
            return None;
        };
        let (mut targets, mut level) = (Vec::new(), 0);
        let states = (0..self.states.len()).map(|state| self.state(state, &mut level, &mut targets)).collect();
        let machine = Machine { states: self.wrong.is_empty().then_some(states)?, start, targets, timeout: None };
        let reached = machine.reached();
        if let Some(lost) = reached.iter().position(|reached| !reached) {
            self.wrong(lost, "name", "can never be reached".to_owned());
        }
        if let Some(endless) = machine.endless() {
            let what = format!("= \"{}\": this state leads into an endless loop", machine.states[endless].name);
            self.wrong(endless, "name", what);
        }
        Some(machine)
    }

    /// Adds a state; `level` counts the levels of branches.
    fn state(&mut self, place: usize, level: &mut usize, targets: &mut Vec<String>) -> State {
        let spec = &self.states[place];
        let kind = self.kind(place, level, targets);
        let order = &self.levels[self.level[place]];
        let follows = order.iter().position(|state| *state == place).and_then(|at| order.get(at + 1)).copied();
        let is_end = spec.end || matches!(kind, Kind::Choice(_) | Kind::Succeed | Kind::Fail);
        let next = match &spec.next {
            Some(next) => self.way(place, "next", next),
            None => follows.filter(|_| !is_end),
        };
        let mut catches = Vec::new();
        for (number, catch) in spec.catch.iter().enumerate() {
            let next = self.way(place, &format!("catch.{}.next", number + 1), &catch.next);
            catches.extend(next.map(|next| Catch { on: causes(&catch.on), next }));
        }
        let retry = |retry: &RetrySpec| Retry {
            on: causes(&retry.on),
            interval: retry.interval,
            most: retry.max_retries,
            rate: retry.rate,
            max_delay: retry.max_delay,
            jitter: retry.jitter,
        };
        let retries = spec.retry.iter().map(retry).collect();
        State { name: spec.name.clone(), kind, next, retries, catches, is_replay: false }
    }

    fn kind(&mut self, place: usize, level: &mut usize, targets: &mut Vec<String>) -> Kind {
        let spec = &self.states[place];
        if let Some(task) = &spec.task {
            return Kind::Task(Machine::target(targets, task), spec.timeout);
        }
        if let Some(wait) = &spec.wait {
            match wait.dist() {
                Ok(dist) => return Kind::Wait(dist),
                Err(error) => self.wrong(place, "wait", format!("is no distribution: {error}")),
            }
        }
        // The first state of the next branch.
        let mut first = || {
            *level += 1;
            self.levels[*level].first().copied().unwrap_or_default()
        };
        if let Some(branches) = &spec.parallel {
            return Kind::Parallel(branches.iter().map(|_| first()).collect());
        }
        if let Some(map) = &spec.map {
            let tolerated = (f64::from(map.items) * map.tolerated_failures).floor() as u32;
            let MapSpec { items, max_concurrency: at_once, distributed, .. } = *map;
            return Kind::Map(Each { start: first(), items, at_once, tolerated, distributed });
        }
        if let Some(ways) = &spec.choice {
            let mut all = Vec::new();
            for (number, way) in ways.iter().enumerate() {
                let next = self.way(place, &format!("choice.{}.next", number + 1), &way.next);
                all.extend(next.map(|next| (way.share, next)));
            }
            return Kind::Choice(all);
        }
        match (spec.succeed, spec.fail) {
            (Some(true), _) => Kind::Succeed,
            (_, Some(true)) => Kind::Fail,
            _ => Kind::Pass,
        }
    }
}

fn causes(on: &[ErrorKind]) -> Causes {
    let cause = |kind: &ErrorKind| match kind {
        ErrorKind::Error => Cause::Error,
        ErrorKind::Timeout => Cause::Timeout,
        ErrorKind::Throttled => Cause::Throttled,
    };
    on.iter().fold(Causes::default(), |causes, kind| causes.with(cause(kind)))
}
