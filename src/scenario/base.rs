//! The text of a scenario, read once, from which many scenarios are made.

use super::axis::{Axis, Level};
use super::check::{POLICY, VARIANT};
use super::sweep::Sweep;
use super::{Files, Loader, ParseOptions, Scenario, overlay, text_of};
use crate::schema::diagnostic::{Problem, Problems, SourceSpan};
use crate::schema::limits::MAX_PROBLEMS;
use crate::schema::tree::{Node, Value};

/// A scenario and its text: the base of a sweep or a plan.
///
/// Each thread works on a clone; the files named by the scenario are shared.
#[derive(Clone)]
pub struct ScenarioFactory<'a> {
    loader: Loader<'a>,
    /// As it was written.
    file: Node,
    /// With the changes of the options, without sections that are not simulated.
    root: Node,
    /// The texts to which problems refer.
    texts: Problems,
    /// Replications of every scenario that does not set them, because the expected sizes of the scenarios differ.
    replications: u32,
}

impl<'a> ScenarioFactory<'a> {
    /// Reads and checks a scenario from bytes that may not be text; also returns warnings.
    ///
    /// # Errors
    /// All problems, as for [`parse_bytes`](super::parse_bytes), and options that set a key of the sweep.
    pub fn read(
        name: &str,
        bytes: &[u8],
        options: &'a ParseOptions,
        files: &'a dyn Files,
    ) -> Result<(Self, Scenario, Problems), Problems> {
        let text = text_of(name, bytes)?;
        let mut problems = Problems::default();
        let mut loader = Loader::new(options, files);
        let mut read = || {
            let file = loader.open(name, text, &mut problems)?;
            let mut root = loader.choose(&file, &mut problems)?;
            let scenario = loader.interpret(root.clone(), &mut problems);
            loader.variants(&file, &mut problems);
            let scenario = scenario?;
            loader.refuse_swept(&scenario, &mut problems);
            loader.refuse_unknown(&file, &scenario, &mut problems);
            keep_simulated(&mut root);
            Some((file, root, scenario))
        };
        let read = read();
        problems.finish();
        match read {
            Some((file, root, scenario)) if !problems.has_errors() => {
                let texts = problems.texts();
                let replications = scenario.simulation.replications;
                Ok((Self { loader, file, root, texts, replications }, scenario, problems))
            }
            _ => Err(problems),
        }
    }

    /// The scenario with these values instead of its own; a variant is applied before all others, a policy after them.
    ///
    /// # Errors
    /// All problems that it then has.
    pub fn with<'l>(&mut self, changes: impl Iterator<Item = (&'l Axis, &'l Level)>) -> Result<Scenario, Problems> {
        let mut problems = self.texts.clone();
        let (variants, changes): (Vec<_>, Vec<_>) = changes.partition(|(axis, _)| axis.key == VARIANT);
        let mut root = if variants.is_empty() { self.root.clone() } else { self.varied(&variants, &mut problems) };
        let (policies, changes): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(axis, _)| axis.key == POLICY);
        for (axis, level) in changes {
            overlay::apply_value(&mut root, &axis.key, axis.place, level.node.clone(), &mut problems);
        }
        for (_, level) in policies {
            overlay::apply_policy(&mut root, &level.text, &mut problems);
        }
        let scenario = if problems.has_errors() { None } else { self.loader.interpret(root, &mut problems) };
        let mut scenario = scenario.filter(|_| !problems.has_errors()).ok_or(problems)?;
        if scenario.simulation.replications_by_default {
            scenario.simulation.replications = self.replications;
        }
        Ok(scenario)
    }

    /// The file with variants: those of the options, then these, then the other options.
    fn varied(&self, variants: &[(&Axis, &Level)], problems: &mut Problems) -> Node {
        let mut root = self.file.clone();
        let names = self.loader.options.variant.as_deref().into_iter();
        for name in names.chain(variants.iter().map(|(_, level)| level.text.as_str())) {
            if let Some(variant) = self.loader.variant(&self.file, name, problems) {
                overlay::apply_variant(&mut root, &variant, problems);
            }
        }
        self.loader.override_by_options(&mut root, problems);
        keep_simulated(&mut root);
        root
    }

    /// Collects the problems of points.
    #[must_use]
    pub fn findings(&self) -> GroupedProblems {
        GroupedProblems { texts: self.texts.clone(), groups: Vec::new(), left_out: 0 }
    }
}

impl Loader<'_> {
    /// Rejects a `--set` of a key that the sweep varies: it would have no effect.
    fn refuse_swept(&self, scenario: &Scenario, problems: &mut Problems) {
        let Some(sweep) = &scenario.sweep else { return };
        for (key, value) in &self.options.set {
            if sweep.axes().any(|axis| axis.key == *key) {
                let source = problems.add_source("--set", format!("{key}={value}"), 1);
                let message = format!("`{key}` is varied by [sweep]");
                let problem = Problem::error(SourceSpan::new(source, 0..key.len()), message);
                problems.push(problem.help("omit it here, or remove it from [sweep]"));
            }
        }
    }

    /// Rejects unknown variants. If a variant is selected, the others are not in the tree that is checked.
    pub(super) fn refuse_unknown(&self, file: &Node, scenario: &Scenario, problems: &mut Problems) {
        let axes = scenario.sweep.iter().flat_map(Sweep::axes).filter(|axis| axis.key == VARIANT);
        for level in axes.flat_map(|axis| axis.levels().unwrap_or_default()) {
            if !names(file).any(|name| name == level.text) {
                let message = format!("the scenario has no variant \"{}\"", level.text);
                problems.push(Problem::error(level.node.place, message));
            }
        }
    }
}

/// The names of the variants.
fn names(file: &Node) -> impl Iterator<Item = &str> {
    let list = file.get(VARIANT).map_or(&[][..], Node::elements);
    list.iter().filter_map(|variant| variant.get("name")?.text())
}

/// Removes the sections that say what to do with a scenario.
fn keep_simulated(root: &mut Node) {
    if let Value::Table(sections) = &mut root.value {
        sections.retain(|section| !matches!(section.key.as_str(), "variant" | "sweep" | "plan"));
    }
}

/// The problems of points, each reported once for all points that have it.
pub struct GroupedProblems {
    texts: Problems,
    groups: Vec<Group>,
    left_out: usize,
}

struct Group {
    problem: Problem,
    /// The first point that has it, and how many more do.
    first: String,
    others: u64,
}

impl GroupedProblems {
    /// Adds the problems of a point.
    pub fn add(&mut self, who: &str, found: &Problems) {
        for problem in found.errors() {
            let problem = self.texts.adopt(problem, found);
            let is_full = self.groups.len() >= MAX_PROBLEMS;
            match self.groups.iter_mut().find(|group| group.problem == problem) {
                Some(group) => group.others += 1,
                None if is_full => self.left_out += 1,
                None => self.groups.push(Group { problem, first: who.to_owned(), others: 0 }),
            }
        }
    }

    /// Whether enough problems are known to stop looking for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.left_out > 0
    }

    /// All problems; `None` if there are none.
    #[must_use]
    pub fn finish(mut self) -> Option<Problems> {
        if self.groups.is_empty() {
            return None;
        }
        for Group { mut problem, first, others } in self.groups {
            let more = match others {
                0 => String::new(),
                1 => " and 1 more configuration".to_owned(),
                n => format!(" and {n} more configurations"),
            };
            problem.message = format!("{first}{more}: {}", problem.message);
            self.texts.push(problem);
        }
        self.texts.leave_out(self.left_out);
        self.texts.finish();
        Some(self.texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::NoFiles;

    /// A function with two variants, and the lines of a sweep.
    fn text(sweep: &str) -> String {
        format!(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"1h\"\n[[function]]\nname = \"f\"\nmemory = \"256MB\"\n\
             duration.exponential.mean = \"200ms\"\nkeep-alive.fixed.window = \"5s\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"20/m\"\n\
             [[variant]]\nname = \"big\"\nset = {{ \"function.f.memory\" = \"2GB\" }}\n\
             [[variant]]\nname = \"long\"\nset = {{ \"function.f.keep-alive.fixed.window\" = \"1h\" }}\n[sweep]\n{sweep}\n"
        )
    }

    /// The points of a sweep and their scenarios.
    fn points(sweep: &str, options: &ParseOptions) -> Result<Vec<(String, Scenario)>, String> {
        let read = ScenarioFactory::read("x.toml", text(sweep).as_bytes(), options, &NoFiles);
        let (mut base, scenario, _) = read.map_err(|wrong| wrong.to_string())?;
        let sweep: Sweep = scenario.sweep.expect("a sweep");
        let (points, mut findings) = (sweep.points().expect("few"), base.findings());
        let mut all = Vec::new();
        for number in 0..points.count() {
            let point = points.get(number);
            match base.with(sweep.axes().zip(&point.levels)) {
                Ok(scenario) => all.push((points.describe(&point), scenario)),
                Err(wrong) => findings.add(&format!("configuration {number}"), &wrong),
            }
        }
        findings.finish().map_or(Ok(all), |wrong| Err(wrong.to_string()))
    }

    #[test]
    fn points_are_scenarios() {
        let sweep = "\"function.f.memory\" = [\"512MB\", \"1GB\"]\n\
                     \"source.s.arrivals.poisson.rate\" = { from = \"1/s\", to = \"100/s\", points = 3, scale = \"log\" }";
        let all = points(sweep, &ParseOptions::default()).expect("right");
        assert_eq!(all.len(), 6);
        assert_eq!(all[5].0, "function.f.memory = 1GB, source.s.arrivals.poisson.rate = 100/s");
        assert_eq!(
            all.iter().map(|(_, one)| one.functions[0].memory_mb).collect::<Vec<_>>(),
            [512, 512, 512, 1024, 1024, 1024]
        );
        assert!(all.iter().all(|(_, one)| one.sweep.is_none() && one.variants.is_empty()));
    }

    #[test]
    fn variants_come_first_then_set_then_the_point() {
        let sweep = "\"function.f.concurrency.per-instance\" = [1, 2]\nvariant = [\"big\", \"long\"]";
        let set = ParseOptions { set: vec![("function.f.memory".into(), "1GB".into())], ..ParseOptions::default() };
        let all = points(sweep, &set).expect("right");
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[1], "function.f.concurrency.per-instance = 1, variant = long");
        assert!(all.iter().all(|(_, one)| one.functions[0].memory_mb == 1024), "--set wins over a variant");
        assert_ne!(all[0].1.resolved, all[1].1.resolved);
        let wrong = points("\"function.f.memory\" = [\"512MB\"]", &set).expect_err("it has no effect");
        assert!(wrong.contains("is varied by [sweep]"), "{wrong}");
    }

    #[test]
    fn one_mistake_of_many_points_is_said_once() {
        let sweep = "\"function.f.memory\" = [\"512MB\", \"3 apples\"]\n\"simulation.seed\" = { from = 1, to = 5, step = 1 }\n\
                     \"simulation.warm-up\" = [\"0s\", \"2h\"]";
        let wrong = points(sweep, &ParseOptions::default()).expect_err("two values are wrong");
        assert!(
            wrong.contains("configuration 1 and 9 more configurations: `simulation.warm-up` (2h) must be shorter"),
            "{wrong}"
        );
        assert!(wrong.contains("configuration 10 and 9 more configurations: `function.f.memory`"), "{wrong}");
        assert!(wrong.contains("x.toml:21:33") && wrong.ends_with("2 errors\n"), "{wrong}");
    }
}
