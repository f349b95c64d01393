//! `forewarm plan`.

use super::args::{Format, PlanArgs};
use super::exit::{Done, Stop};
use super::halt::Halt;
use super::load::{self, Text};
use super::meter::{self, Meter};
use super::results::{Results, default_folder, placed};
use super::run::{manifest, threads};
use super::terminal;
use crate::engine::SimError;
use crate::experiment::plan::space::{Axis, Space};
use crate::experiment::plan::{self as experiment, FIRST, Planned};
use crate::measure::Manifest;
use crate::report::number::count;
use crate::report::{chart, csv, json, plan as report};
use crate::scenario::plan::Plan;
use crate::scenario::{Base, Scenario};

/// Reads, checks all candidates, searches, writes, prints.
pub(super) fn plan(args: &PlanArgs) -> Result<Done, Stop> {
    let text = Text::of(&args.path, &args.scenario.changes)?;
    let options = load::options(&args.scenario.changes, args.scenario.variant.clone());
    let (mut base, scenario, warnings) = text.base(&options).map_err(Stop::Scenario)?;
    if !warnings.is_empty() && !args.job.quiet {
        terminal::problems(&warnings);
    }
    let mut asked = asked(args, &scenario)?;
    if let Some(most) = args.max_replications {
        asked.max_replications = most;
    }
    let first = first(args, &asked)?;
    let halt = Halt::on_interrupt()?;
    let candidates = candidates(&mut base, &scenario, &asked, &halt)?;
    let folder =
        args.job.out.clone().unwrap_or_else(|| default_folder(&scenario.name, args.scenario.variant.as_deref()));
    let results = Results::reserve(&folder)?;
    let threads = threads(args.job.threads);

    let input = experiment::Input { scenario: &scenario, plan: &asked, candidates: &candidates, first };
    let meter = Meter::start(halt.clone(), !args.job.quiet && !args.job.no_progress && terminal::is_watched());
    let planned = experiment::plan(&input, threads, &meter);
    let wall_s = meter.stop().as_secs_f64();
    let planned = planned.map_err(|error| match error {
        SimError::Cancelled => Stop::Interrupted,
        SimError::Trace(error) => Stop::of_trace(error),
        error => Stop::Input(error.into()),
    })?;

    let replications = planned.plan.candidates.iter().map(|one| one.replications).max().unwrap_or_default();
    let manifest = manifest(&scenario, replications, threads, planned.simulated, wall_s);
    write(&results, &planned, &manifest)?;
    let earlier = results.commit(&manifest)?;
    print(args, &placed(&folder, earlier.as_ref(), &manifest), &planned, &manifest)?;
    if halt.is_interrupted() {
        return Err(Stop::Unfinished);
    }
    if planned.plan.best.is_some() {
        return Ok(Done::Well);
    }
    if args.job.quiet {
        terminal::complain("no configuration is shown to meet every objective\n");
    }
    Ok(Done::Missed)
}

/// What may be changed, and that it makes sense to ask.
fn asked(args: &PlanArgs, scenario: &Scenario) -> Result<Plan, Stop> {
    let path = args.path.display();
    let Some(plan) = scenario.plan.clone() else {
        return Err(Stop::input(
            format!("{path} has no [plan]: there is nothing to choose from"),
            "say what may be changed, as in\n\n  [plan]\n  \"function.NAME.concurrency.provisioned\" = { from = 0, to = 20 }\n",
        ));
    };
    if scenario.objectives.is_empty() {
        return Err(Stop::input(
            format!("{path} has no objectives: the cheapest configuration would be the one that serves nobody"),
            "say what must be met, as in\n\n  [[objective]]\n  metric = \"latency_s.p99\"\n  below = 0.8\n",
        ));
    }
    let is_changed = |key: &str| plan.axes.iter().any(|choice| choice.axis.key == key);
    if let Some((key, _)) = args.scenario.changes.set.iter().find(|(key, _)| is_changed(key)) {
        return Err(Stop::input(
            format!("--set {key}: [plan] chooses it"),
            "leave it out here, or take it out of [plan]",
        ));
    }
    if scenario.platform.billing.is_none() {
        return Err(Stop::input(
            format!("{path} has no prices: no configuration is cheaper than another"),
            "name a platform, as in [platform] preset = \"aws-lambda\", or write [platform.billing]",
        ));
    }
    Ok(plan)
}

/// Replications at the first look.
fn first(args: &PlanArgs, plan: &Plan) -> Result<u32, Stop> {
    match args.scenario.changes.replications {
        Some(0 | 1) => {
            Err(Stop::input("--replications 1: from one replication no interval can be made", "ask for 2 or more"))
        }
        Some(asked) if asked > plan.max_replications => {
            let message = format!("--replications {asked} is more than max-replications {}", plan.max_replications);
            Err(Stop::input(message, "leave one of them out"))
        }
        asked => Ok(asked.unwrap_or(FIRST).min(plan.max_replications)),
    }
}

/// The scenarios of all candidates, or what is wrong with any of them.
pub(super) fn candidates(
    base: &mut Base<'_>,
    scenario: &Scenario,
    plan: &Plan,
    halt: &Halt,
) -> Result<Vec<Scenario>, Stop> {
    let space =
        Space::new(plan.axes.iter().map(|choice| Axis { len: choice.levels.len(), is_monotone: false }).collect());
    let (mut all, mut findings) = (Vec::new(), base.findings());
    for number in 0..space.len() {
        if halt.is_raised() {
            return Err(Stop::Interrupted);
        }
        let places = space.places(number);
        match plan.scenario(base, scenario, &places) {
            Ok(scenario) => all.push(scenario),
            Err(wrong) => {
                let levels =
                    plan.levels(&places).map(|(choice, level)| format!("{} = {}", choice.axis.key, level.text));
                findings.add(&format!("with {}", levels.collect::<Vec<_>>().join(", ")), &wrong);
            }
        }
    }
    findings.finish().map_or(Ok(all), |wrong| Err(Stop::Scenario(wrong)))
}

/// All files of the results folder.
fn write(results: &Results, planned: &Planned, manifest: &Manifest) -> Result<(), Stop> {
    let plan = &planned.plan;
    let mut rows = Vec::new();
    csv::plan(plan, &mut rows).map_err(|error| Stop::Environment(error.into()))?;
    let charts = chart::plan::charts(plan);
    results.write("plan.json", json::plan(plan))?;
    results.write("plan.csv", rows)?;
    for chart in &charts {
        results.write(&format!("{}.svg", chart.name), &chart.svg)?;
    }
    results.write("report.html", report::page(plan, manifest, &charts))
}

fn print(args: &PlanArgs, place: &str, planned: &Planned, manifest: &Manifest) -> Result<(), Stop> {
    if args.job.format.format == Format::Json {
        return terminal::print(&json::plan(&planned.plan));
    }
    if args.job.quiet {
        return Ok(());
    }
    let table = report::table(&planned.plan, terminal::colour_out());
    let (invocations, rate) = (count(planned.simulated as f64), meter::rate(manifest.invocations_per_s));
    terminal::print(&format!(
        "{table}\nResults in {place}: open report.html in a browser.\n{invocations} invocations in {:.2} s ({rate}).\n",
        manifest.wall_s,
    ))
}
