//! Capacity planning: the cheapest configuration that meets the objectives, its confidence, and its headroom.
//!
//! | file | does |
//! |---|---|
//! | [`space`] | the grid of candidates, and lines in it |
//! | [`samples`] | their observations, and the conclusions that these allow |
//! | [`search`] | the cheapest that is shown to meet the objectives, with few replications |
//! | `simulator` | the source of observations: the simulator |
//! | `headroom` | what happens to the answer when the load grows |
//! | [`preview`] | what is about to be simulated |

mod headroom;
pub mod preview;
pub mod samples;
pub mod search;
mod simulator;
pub mod space;

use std::num::NonZeroUsize;

use super::Progress;
use crate::engine::SimError;
use crate::measure::RunResult;
use crate::measure::Window;
use crate::measure::plan::{
    self as found, AxisFound, Beside, Candidate, Estimate, Headroom, Kind, Method, Nearest, Outcome, Plan, Price,
    Requirement, Role, Runs, StaticEstimate, Subjects,
};
use crate::measure::summary::ScenarioRef;
use crate::scenario::plan::{self as asked, Choice};
use crate::scenario::{Function, Scenario, Source, Target};
use crate::stats::front;
use crate::stats::selection::{AFTERWARDS, Finding, Levels, Side};
use headroom::together;
use samples::{Exclusion, Problem, Samples};
use search::{Search, SearchResult};
use simulator::{Sample as Simulated, Simulator};
use space::{Axis, Space};

/// Replications at the first look by default: enough where a bound is far away. With fewer, ranges that hold together
/// are too wide to tell anything.
pub const FIRST: u32 = 3;
/// Replications of what is recommended, and of what is shown beside it (where the plan allows as many), unless fewer are
/// precise enough.
const OF_THE_BEST: u32 = 12;
/// The fewest that may be precise enough. About one time in 40, three values scatter by less than a sixth of what they
/// should; six hardly ever do. An interval that is narrow because of that is too short.
const PRECISE_FROM: u32 = 6;
/// Margins that differ by less than this share of a bound count as equal.
const SAME_MARGIN: f64 = 0.01;
/// Number of functions compared to find the candidate that equals the scenario.
const COMPARED: usize = 100_000;
/// Candidates evaluated for the Pareto front.
const FRONT: usize = 48;

/// What is planned.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The scenario with the plan.
    pub scenario: &'a Scenario,
    /// What may be changed.
    pub plan: &'a asked::Plan,
    /// The scenarios of all candidates, the last axis fastest.
    pub candidates: &'a [Scenario],
    /// Replications at the first look, at least 2.
    pub first: u32,
    /// Whether to omit the headroom, which takes longer than everything else.
    pub skips_headroom: bool,
}

/// The result of planning.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What was found.
    pub plan: Plan,
    /// The recommended configuration at today's load.
    pub best: Option<RunResult>,
    /// Total number of requests simulated.
    pub simulated: u64,
}

/// Finds the cheapest candidate that is shown to meet all objectives, with further details, on `threads` threads, which
/// do not change the result.
///
/// # Errors
/// If a simulation fails, or if `progress` breaks before the first observation. If it breaks later, the result is an
/// unfinished plan.
pub fn plan(input: &Input<'_>, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Planned, SimError> {
    let subjects = Subjects::of(input.scenario);
    let requirements = subjects.requirements();
    let alpha = 1.0 - input.plan.confidence;
    let levels = || {
        // One more range for the latency of the front.
        let many = requirements.len() + 1;
        Levels::new(alpha, input.candidates.len(), many, input.first, input.plan.max_replications)
    };
    let axis = |choice: &Choice| Axis { len: choice.levels.len(), is_monotone: choice.is_monotone };
    let space = Space::new(input.plan.axes.iter().map(axis).collect());
    let today = candidate_of_today(input);
    let mut simulator = Simulator::new(input.candidates, &subjects, threads, progress, today);
    let problem = Problem {
        requirements: requirements.clone(),
        indifference: input.plan.indifference,
        of_a_run: input.scenario.simulation.replications,
    };
    let mut search = Search::new(&mut simulator, space.clone(), problem, levels());
    let mut answers = Answers::new(&requirements, input, today);
    let stopped = answers.find(&mut search, input, &space).err();
    match stopped {
        None => {}
        Some(SimError::Cancelled) if search.samples().runs() > 0 => {}
        Some(error) => return Err(error),
    }
    let mut plan = answers.plan(search.samples(), &search.trusted(), &space, input, &subjects);
    plan.is_finished = stopped.is_none();
    let mut best = None;
    if let (Some(number), true) = (plan.best, plan.is_finished && !input.skips_headroom) {
        let problem = headroom::Problem {
            candidate: number,
            requirements: &requirements,
            today: search.samples().done(number),
            first: input.first,
            most: headroom::most(input),
            alpha: alpha * AFTERWARDS,
            growth: input.plan.growth.as_ref(),
        };
        match headroom::headroom(&problem, &mut simulator) {
            Ok((headroom, recommended, runs)) => {
                plan.static_estimates = static_estimates(&recommended, &plan, input, &space, number);
                plan.method.runs.headroom = runs;
                plan.headroom = Some(headroom);
                match beside(&plan, today, &recommended, input, &mut simulator) {
                    Ok(beside) => plan.beside = beside,
                    Err(SimError::Cancelled) => plan.is_finished = false,
                    Err(error) => return Err(error),
                }
                best = Some(recommended);
            }
            Err(SimError::Cancelled) => plan.is_finished = false,
            Err(error) => return Err(error),
        }
    }
    Ok(Planned { plan, best, simulated: simulator.simulated() })
}

/// Today's configuration, the recommended one (already simulated) and the runner-up, over the same replications.
fn beside(
    plan: &Plan,
    today: Option<usize>,
    recommended: &RunResult,
    input: &Input<'_>,
    simulator: &mut Simulator<'_>,
) -> Result<Vec<Beside>, SimError> {
    let replications = recommended.summary.replications;
    let mut run = |role: Role, number: Option<usize>, scenario: &Scenario| {
        let sample = match number {
            Some(number) => simulator.candidate(number, replications)?,
            None => {
                let mut sample = Simulated::default();
                simulator.extend(scenario, &mut sample, replications)?;
                sample
            }
        };
        Ok::<_, SimError>(Beside::of(role, number, &sample.result(scenario).summary))
    };
    let mut all = match (today, plan.best) {
        (Some(today), Some(best)) if today == best => Vec::new(),
        _ => vec![run(Role::Today, today, input.scenario)?],
    };
    all.push(Beside::of(Role::Recommended, plan.best, &recommended.summary));
    if let Some(second) = plan.runner_up.filter(|second| Some(*second) != today) {
        all.push(run(Role::RunnerUp, Some(second), &input.candidates[second])?);
    }
    if all[0].role == Role::Recommended && today == plan.best {
        all.insert(0, Beside { role: Role::Today, ..all[0].clone() });
    }
    Ok(all)
}

/// The candidate that equals the scenario. Candidates are not written out and hashed, so their simulated parts are compared.
fn candidate_of_today(input: &Input<'_>) -> Option<usize> {
    if input.candidates.len() * input.scenario.functions.len() > COMPARED {
        return None;
    }
    let simulated = |one: &Scenario| {
        format!(
            "{:?}",
            (&one.functions, &one.sources, &one.platform, &one.site_platforms, &one.components, &one.faults)
        )
    };
    let now = simulated(input.scenario);
    input.candidates.iter().position(|one| simulated(one) == now)
}

/// What the searches found so far.
struct Answers<'a> {
    requirements: &'a [Requirement],
    /// The candidate that is today's configuration, if it is to be shown beside the recommendation.
    today: Option<usize>,
    /// Whether everything that is to be shown is a candidate. Of another configuration nothing is known before it is shown.
    are_all_candidates: bool,
    best: SearchResult,
    runner_up: Option<usize>,
    /// The best without each objective, once it was searched for.
    without: Vec<Option<Option<usize>>>,
    runs: Runs,
}

impl<'a> Answers<'a> {
    fn new(requirements: &'a [Requirement], input: &Input<'_>, today: Option<usize>) -> Self {
        Self {
            requirements,
            today: today.filter(|_| !input.skips_headroom),
            are_all_candidates: input.skips_headroom || today.is_some(),
            best: SearchResult::default(),
            runner_up: None,
            without: vec![None; requirements.len()],
            runs: Runs::default(),
        }
    }

    /// Runs all searches, repeatedly if observations of the later ones change the result of the first.
    fn find(&mut self, search: &mut Search<'_>, input: &Input<'_>, space: &Space) -> Result<(), SimError> {
        loop {
            let winner = self.find_once(search, input, space)?;
            if search.cheapest(Exclusion::default())?.best == winner {
                return Ok(());
            }
        }
    }

    /// Runs all searches, the most important first. Returns the winner of the first.
    fn find_once(
        &mut self,
        search: &mut Search<'_>,
        input: &Input<'_>,
        space: &Space,
    ) -> Result<Option<usize>, SimError> {
        self.runs.exhaustive = input.candidates.len() as u64 * u64::from(input.plan.max_replications);
        let found = search.cheapest(Exclusion::default());
        self.runs.best = search.samples().runs();
        self.best = found?;
        let winner = self.best.best;
        self.look_at_best(search)?;
        self.runs.best = search.samples().runs();
        self.find_others(search)?;
        self.runs.others = search.samples().runs() - self.runs.best;
        search.sample(&search.thinned(FRONT))?;
        if let Some(best) = self.best.best {
            let roomiest = self.roomiest(search, best)?;
            if roomiest != best {
                self.best.best = Some(roomiest);
                self.look_at_best(search)?;
                self.find_others(search)?;
            }
        }
        if let Some(best) = self.best.best {
            for candidate in static_settings(input, space, best).into_iter().filter_map(|(_, set)| set) {
                look_while(search, candidate, |samples| {
                    samples.judge(candidate, Exclusion::default()) == Finding::Open
                })?;
            }
        }
        self.runs.front = search.samples().runs() - self.runs.best - self.runs.others;
        Ok(winner)
    }

    /// Among those that meet the objectives and cost no more than the best plus the indifference, the one with the
    /// largest margin.
    fn roomiest(&self, search: &mut Search<'_>, best: usize) -> Result<usize, SimError> {
        let close: Vec<usize> =
            search.samples().candidates().filter(|one| search.samples().costs_as_little(*one, best)).collect();
        let mut roomiest = (self.margin(search.samples(), best), best);
        for one in close.into_iter().filter(|one| *one != best) {
            look_while(search, one, |samples| samples.judge(one, Exclusion::default()) == Finding::Open)?;
            let samples = search.samples();
            let is_equal =
                samples.costs_as_little(one, best) && samples.judge(one, Exclusion::default()) == Finding::Met;
            let margin = self.margin(samples, one);
            // Margins that differ by less than a percent of a bound count as equal.
            if is_equal && margin > roomiest.0 + SAME_MARGIN {
                roomiest = (margin, one);
            }
        }
        Ok(roomiest.1)
    }

    /// The smallest margin to an objective, as a share of its bound.
    fn margin(&self, samples: &Samples, candidate: usize) -> f64 {
        let of = |(place, requirement): (usize, &Requirement)| {
            let mean = samples.range(candidate, place).map_or(f64::NAN, |range| range.mean);
            match requirement.side {
                Side::Below(bound) => (bound - mean) / bound.abs(),
                Side::Above(bound) => (mean - bound) / bound.abs(),
            }
        };
        let guards = self.requirements.iter().enumerate().filter(|(_, one)| one.kind != Kind::Budget);
        guards.map(of).filter(|margin| margin.is_finite()).fold(f64::INFINITY, f64::min)
    }

    /// Evaluates the recommendation as often as its own run does, and until what is shown of it is precise; if it misses a
    /// budget, every other candidate does too.
    fn look_at_best(&mut self, search: &mut Search<'_>) -> Result<(), SimError> {
        let Some(best) = self.best.best else { return Ok(()) };
        look_while(search, best, |samples| {
            let done = samples.done(best);
            let is_enough = done >= samples.of_a_run().max(PRECISE_FROM) && self.is_precise(samples, &[best], done);
            done < OF_THE_BEST && !is_enough
        })?;
        for place in (0..self.requirements.len()).filter(|place| self.requirements[*place].kind == Kind::Budget) {
            look_while(search, best, |samples| samples.judge_one(best, place) == Finding::Open)?;
            if search.samples().judge_one(best, place) != Finding::Met {
                self.best.best = None;
            }
        }
        Ok(())
    }

    /// Whether what is shown of some candidates is known to be precise after so many replications.
    fn is_precise(&self, samples: &Samples, shown: &[usize], count: u32) -> bool {
        self.are_all_candidates && shown.iter().all(|one| samples.is_precise(*one, count))
    }

    /// Gives today's configuration, the recommendation and the runner-up the same replications, until what is shown of all
    /// of them is precise.
    fn look_beside(&self, search: &mut Search<'_>, best: usize) -> Result<(), SimError> {
        let shown: Vec<usize> = [Some(best), self.runner_up, self.today].into_iter().flatten().collect();
        loop {
            // Means of different replications would not compare.
            let most = search.samples().done(best);
            for one in &shown {
                look_while(search, *one, |samples| samples.done(*one) < most)?;
            }
            let is_enough = most >= OF_THE_BEST || self.is_precise(search.samples(), &shown, most);
            if is_enough || search.samples().next_look(best).is_none() {
                return Ok(());
            }
            search.sample(&[best])?;
        }
    }

    /// The runner-up, and the best without each objective.
    fn find_others(&mut self, search: &mut Search<'_>) -> Result<(), SimError> {
        if let Some(best) = self.best.best {
            self.runner_up = search.cheapest(Exclusion { requirement: None, candidate: Some(best) })?.best;
            self.look_beside(search, best)?;
        }
        for place in 0..self.requirements.len() {
            let without = Exclusion { requirement: Some(place), candidate: None };
            let cheapest = search.cheapest(without)?.best;
            self.without[place] = Some(cheapest);
            if let Some((best, other)) = self.best.best.zip(cheapest) {
                // The cost of an objective is a difference that readers can verify from the displayed numbers.
                let most = search.samples().done(best);
                look_while(search, other, |samples| samples.done(other) < most)?;
            }
        }
        Ok(())
    }

    /// The plan, from everything that is known.
    fn plan(&self, samples: &Samples, trusted: &[bool], space: &Space, input: &Input<'_>, subjects: &Subjects) -> Plan {
        let asked = subjects.asked();
        let candidates: Vec<Candidate> =
            samples.candidates().map(|number| self.candidate(samples, space, input, number)).collect();
        let window = Window::of(input.scenario).measured();
        let axes = input.plan.axes.iter().zip(trusted).map(|(choice, is_monotone)| AxisFound {
            key: choice.axis.key.clone(),
            values: choice.levels.iter().map(|level| level.text.clone()).collect(),
            numbers: choice.levels.iter().map(|level| level.number).collect(),
            is_monotone: *is_monotone,
        });
        let nearest = if self.best.best.is_none() { self.nearest(&candidates, &asked) } else { None };
        Plan {
            scenario: ScenarioRef { name: input.scenario.name.clone(), hash: input.scenario.hash.clone() },
            seed: input.scenario.simulation.seed,
            horizon_s: input.scenario.simulation.horizon.as_secs_f64(),
            measured_s: window.as_secs_f64(),
            is_finished: false,
            axes: axes.collect(),
            best: self.best.best,
            runner_up: self.runner_up,
            beside: Vec::new(),
            nearest,
            prices: self.prices(samples),
            latency: subjects.latency(),
            front: cheap_and_fast(&candidates),
            headroom: None::<Headroom>,
            static_estimates: Vec::new(),
            method: Method {
                confidence: input.plan.confidence,
                indifference: input.plan.indifference,
                looks: samples.levels().looks().to_vec(),
                candidates: space.len(),
                looked_at: candidates.len(),
                range_confidence: 1.0 - samples.levels().requirement(),
                cost_confidence: 1.0 - samples.levels().cost(),
                runs: self.runs,
                open: self.best.open.clone(),
                ties: self.best.ties.clone(),
            },
            objectives: asked,
            candidates,
        }
    }

    fn candidate(&self, samples: &Samples, space: &Space, input: &Input<'_>, number: usize) -> Candidate {
        let objectives: Vec<Outcome> = (0..self.requirements.len())
            .map(|place| Outcome {
                value: Estimate::positive(samples.range(number, place), f64::NAN),
                verdict: samples.judge_one(number, place).into(),
                by_mean: samples.is_by_mean(number, place),
            })
            .collect();
        Candidate {
            number,
            values: input.plan.levels(&space.places(number)).map(|(_, level)| level.text.clone()).collect(),
            replications: samples.done(number),
            month_usd: Estimate::positive(samples.month_usd(number), samples.cost(number)),
            latency_s: Estimate::positive(samples.latency_s(number), f64::NAN),
            verdict: together(&objectives),
            objectives,
        }
    }

    /// What each objective costs: the difference of the best with it and the best without it.
    fn prices(&self, samples: &Samples) -> Vec<Price> {
        let known = self.without.iter().enumerate().filter_map(|(place, without)| Some((place, (*without)?)));
        let price = |(objective, best_without): (usize, Option<usize>)| Price {
            objective,
            best_without,
            month_usd: self.best.best.zip(best_without).map(|(with, without)| {
                if with == without {
                    return Estimate { mean: Some(0.0), low: Some(0.0), high: Some(0.0) };
                }
                Estimate::of(samples.difference(with, without), samples.cost(with) - samples.cost(without))
            }),
        };
        known.map(price).collect()
    }

    /// The candidate that misses its worst objective by the least; ties by cost.
    fn nearest(&self, candidates: &[Candidate], asked: &[found::Asked]) -> Option<Nearest> {
        let worst = |one: &Candidate| {
            let of = |place: usize| {
                (place, one.objectives[place].value.mean.map_or(f64::INFINITY, |mean| asked[place].excess(mean)))
            };
            let (objective, by) = (0..asked.len()).map(of).max_by(|a, b| a.1.total_cmp(&b.1))?;
            Some((Nearest { candidate: one.number, objective, by: by.is_finite().then_some(by) }, by))
        };
        let cost = |number: usize| {
            let one = candidates.iter().find(|one| one.number == number);
            one.and_then(|one| one.month_usd.mean).unwrap_or(f64::INFINITY)
        };
        let all = candidates.iter().filter_map(worst);
        let nearest = all.min_by(|(a, a_by), (b, b_by)| {
            a_by.max(0.0).total_cmp(&b_by.max(0.0)).then(cost(a.candidate).total_cmp(&cost(b.candidate)))
        });
        nearest.map(|(nearest, _)| nearest)
    }
}

/// Adds replications to a candidate while something is undecided and replications are left.
fn look_while(
    search: &mut Search<'_>,
    candidate: usize,
    is_unknown: impl Fn(&Samples) -> bool,
) -> Result<(), SimError> {
    while is_unknown(search.samples()) && search.samples().next_look(candidate).is_some() {
        search.sample(&[candidate])?;
    }
    Ok(())
}

/// The Pareto front: candidates for which no other is both cheaper and faster, the cheapest first.
fn cheap_and_fast(candidates: &[Candidate]) -> Vec<usize> {
    let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let points: Vec<(f64, f64)> =
        candidates.iter().map(|one| (known(one.month_usd.mean), known(one.latency_s.mean))).collect();
    front(&points).into_iter().map(|place| candidates[place].number).collect()
}

/// The static estimate of each function that receives requests, compared with the simulation.
fn static_estimates(
    today: &RunResult,
    plan: &Plan,
    input: &Input<'_>,
    space: &Space,
    best: usize,
) -> Vec<StaticEstimate> {
    let settings = static_settings(input, space, best);
    let known = today.summary.functions.iter().zip(settings);
    known
        .filter(|((_, shape), _)| shape.instances.static_estimate.mean > 0.0)
        .map(|((name, shape), (_, as_set))| {
            let (instances, peak) = (shape.instances.static_estimate.mean, shape.instances.peak.mean);
            StaticEstimate {
                function: name.clone(),
                instances,
                simulated_mean: shape.instances.mean.mean,
                simulated_peak: peak,
                short_by: (peak - instances) / peak,
                as_set: as_set.filter(|number| plan.candidate(*number).is_some()),
            }
        })
        .collect()
}

/// N_instance of each function of the recommended candidate, and the candidate with that number of instances, if a key
/// sets it.
fn static_settings(input: &Input<'_>, space: &Space, best: usize) -> Vec<(f64, Option<usize>)> {
    const SETS: [&str; 3] = ["max-instances", "provisioned", "reserved"];
    let scenario = &input.candidates[best];
    let horizon = scenario.simulation.horizon.as_secs_f64();
    let setting = |(place, function): (usize, &Function)| {
        let is_its = |source: &&Source| matches!(source.target, Target::Function(id) if id.index() == place);
        let loads = scenario.sources.iter().filter(is_its).map(|source| {
            let mean = source.service_mean_s(&scenario.functions);
            source.arrivals.mean_rate(mean, horizon) * mean
        });
        let instances = loads.sum::<f64>() / f64::from(function.concurrency.per_instance);
        let key_of = |end: &str| format!("function.{}.concurrency.{end}", function.name);
        let axis_of = |end: &&str| input.plan.axes.iter().position(|choice| choice.axis.key == key_of(end));
        let as_set = SETS.iter().find_map(axis_of).filter(|_| instances > 0.0).and_then(|axis| {
            // The first value that is not below it: the values rise.
            let levels = &input.plan.axes[axis].levels;
            let value = levels.iter().position(|level| level.number.is_some_and(|number| number >= instances))?;
            let mut places = space.places(best);
            places[axis] = value;
            Some(space.candidate(&places))
        });
        (instances, as_set)
    };
    scenario.functions.iter().enumerate().map(setting).collect()
}
