//! Which contender is best: the scenario, its variants, or the same scenario under several policies.

use std::num::NonZeroUsize;

use super::{Answer, Source, Study, StudyError};
use crate::engine::SimError;
use crate::experiment::compare::{self as experiment, Compared, Contender};
use crate::experiment::{Progress, warm_up};
use crate::measure::comparison::{Design, Precision, Tolerance};
use crate::metric;
use crate::scenario::objective::other_metrics;
use crate::scenario::{ParseOptions, Problems, Scenario, Severity, instead, parse_bytes, parse_variants, registry};

/// The contender without a variant.
const UNCHANGED: &str = "unchanged";
/// Every policy, among the names of policies.
const ALL: &str = "all";
/// With fewer replications the intervals of so many differences are several times as wide as with a few more.
const FIRST: u32 = 8;
/// The most steps between the least and the greatest load.
const LOADS: u32 = 12;
/// Replications at which it gives up by default.
const MOST: u32 = 64;

/// The options.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Changes to the scenario; its replications are those of the first look.
    pub parse: ParseOptions,
    /// Policies in place of variants; `all` is each that needs nothing more.
    pub policies: Vec<String>,
    /// Platforms in place of variants; `all` is each of today.
    pub platforms: Vec<String>,
    /// The least and the greatest multiple of the load under which each is simulated too.
    pub loads: Option<(f64, f64)>,
    /// The name of the contender that the others are compared with; none: the scenario without a variant.
    pub baseline: Option<String>,
    /// How narrow intervals must be, in general or for a metric.
    pub precision: Vec<(Option<String>, Tolerance)>,
    /// Never more replications of each than this.
    pub max_replications: Option<u32>,
}

/// Everybody who takes part, and how they are compared.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The unchanged scenario first. Objectives may be added before they are simulated.
    pub contenders: Vec<Contender>,
    /// What was left out of `all`, and why.
    pub notes: Vec<String>,
    baseline: usize,
    precision: Precision,
    /// Replications at the first look and at the last.
    looks: (u32, u32),
    /// Multiples of the load under which each is simulated too.
    loads: Vec<f64>,
}

impl Compare {
    /// Several scenarios side by side, each under its name; the first one takes the place of the unchanged scenario.
    ///
    /// # Errors
    /// Everything that is wrong with the first scenario that cannot be compared, and scenarios over different times.
    pub fn read_each(sources: &[(String, Source<'_>)], options: &Options) -> Result<(Self, Vec<Problems>), StudyError> {
        if !options.policies.is_empty() {
            return Err(StudyError::question(
                "--policies compares one scenario under several policies",
                "name a single \
                                                                                                        file",
            ));
        }
        let (mut contenders, mut warnings): (Vec<Contender>, _) = (Vec::new(), Vec::new());
        for (name, source) in sources {
            let (scenario, found) = parse_bytes(source.name, source.bytes, &options.parse, source.files)?;
            contenders.push((name.clone(), scenario));
            warnings.push(found);
        }
        let times = |scenario: &Scenario| (scenario.simulation.horizon, scenario.simulation.warm_up);
        let (first, others) = contenders.split_first().ok_or_else(|| StudyError::question("no files", "name two"))?;
        if let Some((other, _)) = others.iter().find(|(_, scenario)| times(scenario) != times(&first.1)) {
            let message = format!("{} and {other} simulate different periods", first.0);
            let help = "give both the same simulation.horizon and simulation.warm-up, for example with --set";
            return Err(StudyError::question(message, help));
        }
        Ok((Self::of(contenders, Vec::new(), options)?, warnings))
    }

    fn of(contenders: Vec<Contender>, notes: Vec<String>, options: &Options) -> Result<Self, StudyError> {
        let baseline = baseline(&contenders, options.baseline.as_deref())?;
        let looks = replications(options, &contenders[0].1)?;
        let precision = precision(&options.precision)?;
        let loads = options.loads.map_or_else(Vec::new, |(from, to)| multiples(from, to));
        Ok(Self { contenders, notes, baseline, precision, looks, loads })
    }
}

impl<'a> Study<'a> for Compare {
    type Options = Options;
    type Found = Compared;

    fn read(source: Source<'a>, options: &Options) -> Result<(Self, Problems), StudyError> {
        let (unchanged, variants, warnings) = parse_variants(source.name, source.bytes, &options.parse, source.files)?;
        if !options.platforms.is_empty() {
            return on_platforms(source, options, unchanged).map(|study| (study, warnings));
        }
        let (mut contenders, mut notes) = (vec![(UNCHANGED.to_owned(), unchanged)], Vec::new());
        if variants.is_empty() && options.policies.is_empty() {
            return Err(StudyError::question(
                format!("{} has no variants to compare", source.name),
                "name a second file, compare --policies all, or add a variant, as in\n\n  [[variant]]\n  name = \"warm\"\n  set = { \"function.NAME.concurrency.provisioned\" = 2 }\n",
            ));
        }
        if variants.iter().any(|(name, _)| name == UNCHANGED) {
            let message = format!(
                "a variant is called \"{UNCHANGED}\", which is the name of the scenario without a \
                                   variant"
            );
            return Err(StudyError::question(message, "give the variant another name"));
        }
        let others = match options.policies.is_empty() {
            true => variants,
            false => under_policies(source, options, &contenders[0].1, variants, &mut notes)?,
        };
        contenders.extend(others);
        Ok((Self::of(contenders, notes, options)?, warnings))
    }

    fn scenario(&self) -> &Scenario {
        &self.contenders[0].1
    }

    fn run(&mut self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Answer<Compared>, StudyError> {
        let scenarios: Vec<&Scenario> = self.contenders.iter().map(|(_, scenario)| scenario).collect();
        let (first, most) = self.looks;
        let design = Design::new(&scenarios, self.baseline, self.precision.clone(), first, most);
        resolve_warm_up(&mut self.contenders, threads, progress)?;
        let mut found = experiment::compare(&self.contenders, &design, threads, progress)?;
        if found.is_whole && !self.loads.is_empty() {
            progress.begin();
            found.comparison.over_load = experiment::over_load(&self.contenders, &self.loads, threads, progress)?;
        }
        let (replications, simulated) = (found.comparison.replications, found.simulated);
        Ok(Answer { replications, simulated, is_whole: found.is_whole, found })
    }
}

/// Multiples of a load from the least to the greatest, evenly on a logarithmic scale: a step for each factor of two or so, the
/// load itself among them if it lies between.
fn multiples(from: f64, to: f64) -> Vec<f64> {
    let steps = ((to / from).log2().ceil() as u32).clamp(2, LOADS);
    let step = (to / from).ln() / f64::from(steps);
    let mut loads: Vec<f64> = (0..=steps).map(|place| from * (step * f64::from(place)).exp()).collect();
    if from < 1.0 && to > 1.0 && loads.iter().all(|load| (load - 1.0).abs() > 1e-6) {
        loads.push(1.0);
        loads.sort_by(f64::total_cmp);
    }
    loads
}

/// A contender for each platform that is named: the scenario on it, beside the scenario as it is.
fn on_platforms(source: Source<'_>, options: &Options, unchanged: Scenario) -> Result<Compare, StudyError> {
    let wants_all = options.platforms.iter().any(|name| name == ALL);
    let asked = options.platforms.iter().map(String::as_str).filter(|name| *name != ALL);
    let mut names: Vec<&str> = asked.collect();
    for name in registry::current_platforms() {
        if wants_all && !names.contains(&name) {
            names.push(name);
        }
    }
    let own = unchanged.platform.preset.clone();
    // As it is, it stands for its own platform.
    let as_it_is = own.clone().filter(|own| !options.platforms.contains(own)).unwrap_or_else(|| UNCHANGED.to_owned());
    let (mut contenders, mut notes) = (vec![(as_it_is, unchanged)], Vec::new());
    for name in names {
        let is_asked = options.platforms.iter().any(|asked| asked == name);
        if !is_asked && own.as_deref() == Some(name) {
            continue;
        }
        let parse = ParseOptions { platform: Some(name.to_owned()), ..options.parse.clone() };
        match parse_bytes(source.name, source.bytes, &parse, source.files) {
            Ok((scenario, _)) => contenders.push((name.to_owned(), scenario)),
            Err(problems) if is_asked => return Err(problems.into()),
            Err(problems) => notes.push(format!("{name}: {}", first_error(&problems, name))),
        }
    }
    let few = Options { max_replications: options.max_replications.or(Some(FIRST)), ..options.clone() };
    Compare::of(contenders, notes, &few)
}

/// A contender for each policy that is named: the variant of this name, or the scenario with all functions under the policy.
/// A variant that is the baseline takes part as well.
fn under_policies(
    source: Source<'_>,
    options: &Options,
    unchanged: &Scenario,
    mut variants: Vec<Contender>,
    notes: &mut Vec<String>,
) -> Result<Vec<Contender>, StudyError> {
    let wants_all = options.policies.iter().any(|name| name == ALL);
    let all: Vec<&str> = registry::exchangeable().filter(|_| wants_all).collect();
    let baseline = options.baseline.iter().filter(|name| variants.iter().any(|(variant, _)| variant == *name));
    let asked = options.policies.iter().filter(|name| *name != ALL).chain(baseline);
    let mut names: Vec<&str> = Vec::new();
    for name in asked.map(String::as_str).chain(all) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut contenders = Vec::new();
    for name in names {
        if let Some(at) = variants.iter().position(|(variant, _)| variant == name) {
            contenders.push(variants.swap_remove(at));
            continue;
        }
        known(name, &variants)?;
        let is_asked = options.policies.iter().any(|asked| asked == name);
        let parse = ParseOptions { policy: Some(name.to_owned()), ..options.parse.clone() };
        match parse_bytes(source.name, source.bytes, &parse, source.files) {
            Ok((scenario, _)) if is_asked || scenario.hash != unchanged.hash => {
                contenders.push((name.to_owned(), scenario));
            }
            Ok(_) => notes.push(format!("{name}: the scenario already uses it")),
            Err(problems) if is_asked => return Err(problems.into()),
            Err(problems) => notes.push(format!("{name}: {}", first_error(&problems, name))),
        }
    }
    Ok(contenders)
}

/// Makes sure that a name of a policy is one that can stand there.
fn known(name: &str, variants: &[Contender]) -> Result<(), StudyError> {
    if registry::exchangeable().any(|policy| policy == name) {
        return Ok(());
    }
    let other = registry::policies().into_iter().find(|(_, list)| list.iter().any(|listed| listed.name == name));
    let help = match other {
        Some((question, _)) => format!("`{name}` is a kind of {question}: set it in a [[variant]]"),
        None => {
            let policies: Vec<&str> = registry::exchangeable().chain([ALL]).collect();
            let variants = variants.iter().map(|(name, _)| name.as_str());
            instead(name, "the policies are", policies.into_iter().chain(variants))
        }
    };
    let message = format!("--policies: there is no scaling or keep-alive policy \"{name}\"");
    Err(StudyError::question(message, help))
}

/// What keeps a policy from being used, without saying again which.
fn first_error(problems: &Problems, policy: &str) -> String {
    let errors = problems.list().iter().filter(|problem| problem.severity == Severity::Error);
    let said = errors.map(|problem| problem.message.as_str()).next().unwrap_or("not possible in this scenario");
    let said = said.strip_prefix(&format!("on {policy}: ")).unwrap_or(said);
    said.strip_prefix(&format!("with the policy `{policy}`: ")).unwrap_or(said).to_owned()
}

/// The place of the baseline.
fn baseline(contenders: &[Contender], asked: Option<&str>) -> Result<usize, StudyError> {
    let Some(asked) = asked else { return Ok(0) };
    let names = || contenders.iter().map(|(name, _)| name.as_str());
    names().position(|name| name == asked).ok_or_else(|| {
        let help = instead(asked, "the contenders are", names());
        StudyError::question(format!("--baseline: there is no contender \"{asked}\""), help)
    })
}

/// Replications at the first look and at the last.
fn replications(options: &Options, scenario: &Scenario) -> Result<(u32, u32), StudyError> {
    let asked = options.parse.replications;
    if asked == Some(1) {
        let message = "--replications 1: one replication gives no confidence interval";
        return Err(StudyError::question(message, "use 2 or more"));
    }
    let first = asked.unwrap_or_else(|| scenario.simulation.replications.max(FIRST));
    match options.max_replications {
        Some(most) if asked.is_some_and(|asked| asked > most) => {
            let message = format!("--replications {first} is more than --max-replications {most}");
            Err(StudyError::question(message, "omit one of them"))
        }
        Some(most) => Ok((first.min(most), most)),
        None => Ok((first, first.max(MOST))),
    }
}

fn precision(asked: &[(Option<String>, Tolerance)]) -> Result<Precision, StudyError> {
    let mut precision = Precision::default();
    for (metric, tolerance) in asked {
        match metric {
            None => precision.general = Some(*tolerance),
            Some(metric) if metric::find(metric).is_some() => {
                precision.by_metric.push((metric.clone(), *tolerance));
            }
            Some(metric) => {
                let help = other_metrics(metric);
                return Err(StudyError::question(format!("--precision: there is no metric \"{metric}\""), help));
            }
        }
    }
    Ok(precision)
}

/// Where the warm-up is left to a pilot, that of the first contender that leaves it open decides for all of them: pairs are
/// pairs of the same time.
fn resolve_warm_up(
    contenders: &mut [Contender],
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<(), SimError> {
    let mut open = contenders.iter_mut().map(|(_, scenario)| scenario).filter(|one| one.simulation.warm_up_is_auto);
    let Some(first) = open.next() else { return Ok(()) };
    warm_up::resolve(first, threads, progress)?;
    let warm_up = first.simulation.warm_up;
    open.for_each(|other| other.simulation.warm_up = warm_up);
    progress.begin();
    Ok(())
}
