//! `forewarm compare`.

use std::num::NonZeroUsize;
use std::path::Path;

use super::args::{CompareArgs, Format};
use super::exit::{Done, Stop};
use super::gate::{self, Gate};
use super::halt::Halt;
use super::load::Text;
use super::meter::{self, Meter};
use super::results::{MANIFEST, Results};
use super::run::{manifest, threads};
use super::terminal;
use crate::engine::SimError;
use crate::experiment::compare::{self as experiment, Compared, Contender};
use crate::experiment::{Progress as _, warm_up};
use crate::measure::Manifest;
use crate::measure::comparison::{Design, Precision, Tolerance};
use crate::metric;
use crate::report::junit::Suite;
use crate::report::number::count;
use crate::report::{chart, comparison, csv, json};
use crate::scenario::{Problems, Scenario, Severity, instead, registry};

/// The contender without a variant.
const UNCHANGED: &str = "unchanged";
/// Every policy, among the names under `--policies`.
const ALL: &str = "all";
/// With fewer replications the intervals of so many differences are several times as wide as with a few more.
const FIRST: u32 = 8;
/// Replications at which it gives up where nobody says otherwise.
const MOST: u32 = 64;

/// Reads, simulates until it is clear, writes, prints.
pub(super) fn compare(args: &CompareArgs) -> Result<Done, Stop> {
    let mut contenders = contenders(args)?;
    gate::add(&args.gate, contenders.iter_mut().map(|(_, scenario)| scenario))?;
    let baseline = baseline(&contenders, args.baseline.as_deref())?;
    let unchanged = &contenders[0].1;
    let (first, most) = replications(args, unchanged)?;
    let scenarios: Vec<&Scenario> = contenders.iter().map(|(_, scenario)| scenario).collect();
    let design = Design::new(&scenarios, baseline, precision(&args.precision)?, first, most);
    let halt = Halt::on_interrupt()?;
    let folder = args.job.out.clone().unwrap_or_else(|| Path::new("results").join(&unchanged.name));
    let results = Results::reserve(&folder)?;
    let gate = Gate::open(&args.gate, &results, &halt)?;
    let threads = threads(args.job.threads);

    let (compared, wall_s) = simulate(args, &mut contenders, &design, threads, &halt)?;
    let unchanged = &contenders[0].1;

    let done = compared.comparison.replications;
    let manifest = manifest(unchanged, done, threads, compared.simulated, wall_s);
    write(&results, &compared, &manifest)?;
    let suites = compared
        .results
        .iter()
        .map(|(name, result)| Suite { name: format!("{}: {name}", unchanged.name), summary: &result.summary });
    let ends = gate.close(&suites.collect::<Vec<_>>(), wall_s)?;
    results.commit()?;
    print(args, &folder, &compared, &manifest, unchanged.simulation.replications)?;
    if halt.is_interrupted() {
        return Err(Stop::Kept(done));
    }
    Ok(ends)
}

/// Everybody who takes part: the unchanged scenario first, then its variants or what stands under `--policies`.
fn contenders(args: &CompareArgs) -> Result<Vec<Contender>, Stop> {
    let text = Text::of(&args.path)?;
    let (unchanged, variants, warnings) = text.variants(&args.changes).map_err(Stop::Scenario)?;
    if !warnings.is_empty() && !args.job.quiet {
        terminal::problems(&warnings);
    }
    if variants.is_empty() && args.policies.is_empty() {
        return Err(Stop::input(
            format!("{} has no variants to compare", args.path.display()),
            "compare --policies all, or add a variant, as in\n\n  [[variant]]\n  name = \"warm\"\n  set = { \"function.NAME.concurrency.provisioned\" = 2 }\n",
        ));
    }
    if variants.iter().any(|(name, _)| name == UNCHANGED) {
        let message = format!("a variant is called \"{UNCHANGED}\", as the scenario without a variant is");
        return Err(Stop::input(message, "give the variant another name"));
    }
    let others = if args.policies.is_empty() { variants } else { under_policies(args, &text, &unchanged, variants)? };
    Ok([(UNCHANGED.to_owned(), unchanged)].into_iter().chain(others).collect())
}

/// A contender for each name under `--policies`: the variant of this name, or the scenario with all functions under the
/// policy. A variant that is the baseline takes part as well.
fn under_policies(
    args: &CompareArgs,
    text: &Text,
    unchanged: &Scenario,
    mut variants: Vec<Contender>,
) -> Result<Vec<Contender>, Stop> {
    let wants_all = args.policies.iter().any(|name| name == ALL);
    let all: Vec<&str> = registry::exchangeable().filter(|_| wants_all).collect();
    let baseline = args.baseline.iter().filter(|name| variants.iter().any(|(variant, _)| variant == *name));
    let asked = args.policies.iter().filter(|name| *name != ALL).chain(baseline);
    let mut names: Vec<&str> = Vec::new();
    for name in asked.map(String::as_str).chain(all) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let (mut contenders, mut left_out) = (Vec::new(), String::new());
    for name in names {
        if let Some(at) = variants.iter().position(|(variant, _)| variant == name) {
            contenders.push(variants.swap_remove(at));
            continue;
        }
        known(name, &variants)?;
        let is_asked = args.policies.iter().any(|asked| asked == name);
        match text.under_policy(&args.changes, name) {
            Ok(scenario) if is_asked || scenario.hash != unchanged.hash => contenders.push((name.to_owned(), scenario)),
            Ok(_) => left_out.push_str(&format!("  {name}: it is what the scenario has\n")),
            Err(problems) if is_asked => return Err(Stop::Scenario(problems)),
            Err(problems) => left_out.push_str(&format!("  {name}: {}\n", first_error(&problems, name))),
        }
    }
    if !left_out.is_empty() && !args.job.quiet {
        let help = "A variant with the name of a policy stands for it: give what is needed there.";
        terminal::complain(&format!("Left out of --policies all:\n{left_out}{help}\n\n"));
    }
    Ok(contenders)
}

/// Sees to it that a name under `--policies` is one that can stand there.
fn known(name: &str, variants: &[Contender]) -> Result<(), Stop> {
    if registry::exchangeable().any(|policy| policy == name) {
        return Ok(());
    }
    let other = registry::policies().into_iter().find(|(_, list)| list.iter().any(|listed| listed.name == name));
    let help = match other {
        Some((question, _)) => format!("`{name}` is a kind of {question}: set it by a [[variant]]"),
        None => {
            let policies: Vec<&str> = registry::exchangeable().chain([ALL]).collect();
            instead(
                name,
                "the policies are",
                policies.into_iter().chain(variants.iter().map(|(name, _)| name.as_str())),
            )
        }
    };
    Err(Stop::input(format!("--policies: there is no policy \"{name}\" that all functions could be under"), &help))
}

/// What keeps a policy from being had, without saying again which.
fn first_error(problems: &Problems, policy: &str) -> String {
    let errors = problems.list().iter().filter(|problem| problem.severity == Severity::Error);
    let said = errors.map(|problem| problem.message.as_str()).next().unwrap_or("it is not possible here");
    said.strip_prefix(&format!("with the policy `{policy}`: ")).unwrap_or(said).to_owned()
}

/// The place of the baseline.
fn baseline(contenders: &[Contender], asked: Option<&str>) -> Result<usize, Stop> {
    let Some(asked) = asked else { return Ok(0) };
    let names = || contenders.iter().map(|(name, _)| name.as_str());
    names().position(|name| name == asked).ok_or_else(|| {
        let help = instead(asked, "the contenders are", names());
        Stop::input(format!("--baseline: there is no contender \"{asked}\""), &help)
    })
}

/// Replications at the first look and at the last.
fn replications(args: &CompareArgs, scenario: &Scenario) -> Result<(u32, u32), Stop> {
    if args.changes.replications == Some(1) {
        return Err(Stop::input("--replications 1: from one replication no interval can be made", "ask for 2 or more"));
    }
    let first = args.changes.replications.unwrap_or_else(|| scenario.simulation.replications.max(FIRST));
    match args.max_replications {
        Some(most) if args.changes.replications.is_some_and(|asked| asked > most) => {
            let message = format!("--replications {first} is more than --max-replications {most}");
            Err(Stop::input(message, "leave one of them out"))
        }
        Some(most) => Ok((first.min(most), most)),
        None => Ok((first, first.max(MOST))),
    }
}

fn precision(asked: &[(Option<String>, Tolerance)]) -> Result<Precision, Stop> {
    let mut precision = Precision::default();
    for (metric, tolerance) in asked {
        match metric {
            None => precision.general = Some(*tolerance),
            Some(metric) if metric::find(metric).is_some() => {
                precision.by_metric.push((metric.clone(), *tolerance));
            }
            Some(metric) => {
                let help =
                    format!("{}; forewarm list metrics shows all", instead(metric, "the metrics are", metric::keys()));
                return Err(Stop::input(format!("--precision: there is no metric \"{metric}\""), &help));
            }
        }
    }
    Ok(precision)
}

/// The comparison, and how long it took in seconds.
fn simulate(
    args: &CompareArgs,
    contenders: &mut [Contender],
    design: &Design,
    threads: NonZeroUsize,
    halt: &Halt,
) -> Result<(Compared, f64), Stop> {
    let meter = Meter::start(halt.clone(), !args.job.quiet && !args.job.no_progress && terminal::is_watched());
    let compared =
        settle(contenders, threads, &meter).and_then(|()| experiment::compare(contenders, design, threads, &meter));
    let wall_s = meter.stop().as_secs_f64();
    match compared {
        Ok(compared) => Ok((compared, wall_s)),
        Err(SimError::Cancelled) => Err(Stop::Interrupted),
        Err(SimError::Trace(error)) => Err(Stop::of_trace(error)),
        Err(error) => Err(Stop::Input(error.into())),
    }
}

/// Where the warm-up is left to a pilot, that of the first contender that leaves it open decides for all of them: pairs are
/// pairs of the same time.
fn settle(contenders: &mut [Contender], threads: NonZeroUsize, meter: &Meter) -> Result<(), SimError> {
    let mut open = contenders.iter_mut().map(|(_, scenario)| scenario).filter(|one| one.simulation.warm_up_is_auto);
    let Some(first) = open.next() else { return Ok(()) };
    warm_up::settle(first, threads, meter)?;
    let warm_up = first.simulation.warm_up;
    open.for_each(|other| other.simulation.warm_up = warm_up);
    meter.begin();
    Ok(())
}

/// All files of the results folder.
fn write(results: &Results, compared: &Compared, manifest: &Manifest) -> Result<(), Stop> {
    let found = &compared.comparison;
    let in_memory = |text: Result<(), ::csv::Error>| text.map_err(|error| Stop::Environment(error.into()));
    let (mut rows, mut timeline) = (Vec::new(), Vec::new());
    in_memory(csv::comparison(found, &mut rows))?;
    in_memory(csv::timelines(&compared.results, &mut timeline))?;
    let charts = chart::compare::charts(found, &compared.results);
    results.write("comparison.json", json::comparison(found))?;
    results.write("comparison.csv", rows)?;
    results.write("timeline.csv", timeline)?;
    for chart in &charts {
        results.write(&format!("{}.svg", chart.name), &chart.svg)?;
    }
    results.write("report.html", comparison::page(found, manifest, &charts))?;
    results.write(MANIFEST, json::manifest(manifest))
}

fn print(args: &CompareArgs, folder: &Path, compared: &Compared, manifest: &Manifest, asked: u32) -> Result<(), Stop> {
    if args.job.format.format == Format::Json {
        return terminal::print(&json::comparison(&compared.comparison));
    }
    if args.job.quiet {
        return Ok(());
    }
    let table = comparison::table(&compared.comparison, terminal::colour_out());
    let is_raised =
        asked < FIRST && args.changes.replications.is_none() && args.max_replications.is_none_or(|most| most > asked);
    let raised = if is_raised {
        format!("The scenario asks for {asked} replications, but fewer than {FIRST} make wide intervals.\n")
    } else {
        String::new()
    };
    let (invocations, rate) = (count(compared.simulated as f64), meter::rate(manifest.invocations_per_s));
    terminal::print(&format!(
        "{table}{raised}\nResults in {}: open report.html in a browser.\n{invocations} invocations in {:.2} s ({rate}).\n",
        folder.display(),
        manifest.wall_s,
    ))
}
