//! The axes of a sweep and its points.

use std::collections::HashSet;

use super::Checker;
use crate::scenario::axis::{Axis, Candidates, Decimal, Form, Level, Range, Unit};
use crate::scenario::limits::{MAX_AXES, MAX_LEVELS, MAX_SWEEP_POINTS};
use crate::scenario::overlay;
use crate::scenario::raw::sweep::{AxisValues, RangeTable, SamplingTable, Spacing, SweepTable};
use crate::scenario::sweep::{Design, Dimension, Sweep};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan, instead};
use crate::schema::shape::Shape;
use crate::schema::tree::{Node, Value};

/// The special key whose values are variants.
pub(in crate::scenario) const VARIANT: &str = "variant";

/// Sections that a point cannot change, because it is made from them.
const FIXED: [&str; 3] = ["sweep", "plan", VARIANT];

impl Checker<'_, '_> {
    /// The sweep of a scenario with this tree.
    pub(super) fn sweep(&mut self, table: &SweepTable, root: &Node) -> Option<Sweep> {
        let place = table.node.place;
        let design = self.design(table);
        let is_sampled = table.design.sampling.is_some();
        // In the order of the file, which is that of the entries.
        let mut dimensions = Vec::new();
        for entry in table.node.entries() {
            match entry.key.as_str() {
                VARIANT => dimensions.extend(self.variants(table, entry.place, root).map(|axis| Dimension(vec![axis]))),
                "zip" => dimensions.extend(self.zipped(table, root)),
                key => {
                    let values = table.axes.iter().find(|(known, _)| known == key);
                    let axis = values.and_then(|(key, values)| self.axis(key, values, root, is_sampled));
                    dimensions.extend(axis.map(|axis| Dimension(vec![axis])));
                }
            }
        }
        if dimensions.is_empty() {
            if !self.problems.has_errors() {
                let problem = Problem::error(place, "[sweep] names no keys to vary");
                let help = "add a key and its values, as in \"function.NAME.memory\" = [\"512MB\", \"1GB\"]";
                self.problems.push(problem.help(help));
            }
            return None;
        }
        if dimensions.len() > MAX_AXES as usize {
            let message = format!("[sweep] varies {} keys: at most {MAX_AXES} are allowed", dimensions.len());
            self.problems.push(Problem::error(place, message));
            return None;
        }
        let common_random_numbers = *table.design.common_random_numbers;
        let sweep = Sweep { dimensions, design: design?, common_random_numbers };
        let mut keys = HashSet::new();
        for axis in sweep.axes().filter(|axis| !keys.insert(axis.key.clone())) {
            self.problems.push(Problem::error(axis.place, format!("[sweep] has `{}` twice", axis.key)));
        }
        if sweep.points().is_none() {
            let sizes = sweep.dimensions.iter().map(|one| one.0[0].levels().map_or(1, <[Level]>::len).to_string());
            let sizes = sizes.collect::<Vec<_>>().join(" x ");
            let message = format!("[sweep] has {sizes} configurations: at most {MAX_SWEEP_POINTS} are allowed");
            let help = "sample them with sampling.sobol.points = 1024, or shorten the lists";
            self.problems.push(Problem::error(place, message).help(help));
            return None;
        }
        Some(sweep)
    }

    fn design(&mut self, table: &SweepTable) -> Option<Design> {
        let Some(sampling) = table.design.sampling.as_ref() else {
            return (!table.design.sampling.broken).then_some(Design::Grid);
        };
        match sampling {
            SamplingTable::Sobol(sample) => Some(Design::Sobol((*sample.points)?, *sample.seed)),
            SamplingTable::LatinHypercube(sample) => Some(Design::LatinHypercube((*sample.points)?, *sample.seed)),
        }
    }

    /// A key with its candidate values. `may_be_open`: a range needs neither `step` nor `points`.
    pub(super) fn axis(
        &mut self,
        key: &str,
        values: &Spanned<AxisValues>,
        root: &Node,
        may_be_open: bool,
    ) -> Option<Axis> {
        let place = values.place;
        if key == VARIANT {
            self.problems.push(Problem::error(place, "`variant` must be a list of variant names"));
            return None;
        }
        let shape = overlay::shape_of(key, place, self.problems)?;
        if let Some(section) = FIXED.iter().find(|section| key.split('.').next() == Some(section)) {
            self.problems
                .push(Problem::error(place, format!("`{key}` cannot be varied: [{section}] is not simulated")));
            return None;
        }
        let (candidates, unit) = match &values.value {
            AxisValues::List(nodes) => self.list(key, nodes)?,
            AxisValues::Range(range) => self.range(key, range, shape, may_be_open)?,
        };
        let axis = Axis { key: key.to_owned(), unit, place, candidates };
        // Names in the key are resolved once, with the first value.
        let (mut scratch, before) = (root.clone(), self.problems.list().len());
        overlay::apply_value(&mut scratch, key, place, axis.at(0.0, 1).node, self.problems);
        (self.problems.list().len() == before).then_some(axis)
    }

    fn list(&mut self, key: &str, nodes: &[Node]) -> Option<(Candidates, Option<Unit>)> {
        let (mut known, before) = (HashSet::new(), self.problems.list().len());
        for node in nodes {
            let text = node.value.to_toml();
            if known.contains(&text) {
                self.problems.push(Problem::error(node.place, format!("`{key}` lists the value {text} twice")));
            }
            known.insert(text);
        }
        if self.problems.list().len() > before {
            return None;
        }
        let (mut levels, units): (Vec<Level>, Vec<Option<Unit>>) = nodes.iter().map(Level::of).unzip();
        let is_number = |unit: &Option<Unit>| matches!(unit, Some(Unit::Count | Unit::Number));
        let unit = match units[0] {
            Some(_) if units.iter().all(|unit| *unit == units[0]) => units[0],
            _ if units.iter().all(is_number) => Some(Unit::Number),
            _ => None,
        };
        if unit.is_none() {
            levels.iter_mut().for_each(|level| level.number = None);
        }
        Some((Candidates::Levels(levels), unit))
    }

    /// The values of a range. Without `step` and `points` they stay open, if allowed.
    fn range(
        &mut self,
        key: &str,
        table: &RangeTable,
        shape: Shape,
        may_be_open: bool,
    ) -> Option<(Candidates, Option<Unit>)> {
        let (range, step) = self.ends(key, table, shape)?;
        let unit = Some(range.form.unit());
        let mut refuse = |place: SourceSpan, message: String, help: &str| {
            self.problems.push(Problem::error(place, message).help(help));
            None
        };
        let levels = match (step, *table.points) {
            (Some(_), Some(_)) => {
                return refuse(table.points.place, format!("`{key}` has both `step` and `points`"), "keep one of them");
            }
            (Some(_), None) if range.is_log => {
                let message = format!("`{key}` has `step` and the scale \"log\"");
                return refuse(table.step.place, message, "give the number of values instead: points = 7");
            }
            (Some(step), None) if step <= 0 => {
                let message = format!("`step` of `{key}` must be above 0");
                self.problems.push(Problem::error(table.step.place, message));
                return None;
            }
            (Some(step), None) if range.count_steps(step) > i128::from(MAX_LEVELS) => {
                let count = range.count_steps(step);
                let message = format!("`{key}` has {count} values: at most {MAX_LEVELS} are allowed");
                return refuse(table.step.place, message, "use a larger step");
            }
            (Some(step), None) => range.steps(step),
            (None, Some(points)) => range.points(points),
            (None, None) if table.step.broken || table.points.broken || table.step.is_some() => return None,
            (None, None) if may_be_open => return Some((Candidates::Range(range), unit)),
            (None, None) => {
                let problem = Problem::missing(table.place, format!("`{key}` needs `step` or `points`"));
                let help = "as in { from = 0, to = 50, step = 10 } or { from = \"10/s\", to = \"1000/s\", points = 7, scale = \"log\" }";
                self.problems.push(problem.help(help));
                return None;
            }
        };
        Some((Candidates::Levels(levels), unit))
    }

    /// The range between the ends, and the step at its precision.
    fn ends(&mut self, key: &str, table: &RangeTable, shape: Shape) -> Option<(Range, Option<i128>)> {
        let (form, low, high, step) = self.in_one_form(key, table, shape)?;
        let mut refuse = |message: String, help: &str| {
            self.problems.push(Problem::error(table.from.place, message).help(help));
            None
        };
        let is_log = *table.scale == Spacing::Log;
        let places = low.places.max(high.places).max(step.map_or(0, |step| step.places));
        let digits = |decimal: Decimal| decimal.with_places(places);
        let (Some(low), Some(high)) = (digits(low), digits(high)) else {
            return refuse(format!("the numbers of `{key}` have too many digits"), "write shorter ones");
        };
        if low > high {
            return refuse(format!("`from` of `{key}` must not be above `to`"), "swap them");
        }
        if is_log && low <= 0 {
            let message = format!("`from` of `{key}` must be above 0 where the scale is \"log\"");
            return refuse(message, "a logarithmic scale cannot start at 0");
        }
        let range = Range { form, places, from: low, to: high, is_log, place: table.from.place };
        Some((range, step.and_then(digits)))
    }

    /// Both ends and the step in the same unit.
    fn in_one_form(
        &mut self,
        key: &str,
        table: &RangeTable,
        shape: Shape,
    ) -> Option<(Form, Decimal, Decimal, Option<Decimal>)> {
        let (from, to) = (self.end(key, "from", &table.from, shape), self.end(key, "to", &table.to, shape));
        let step = table.step.as_ref().map(|step| {
            let step = Spanned { value: Some(step.clone()), ..table.step.clone() };
            self.end(key, "step", &step, shape)
        });
        let (from, to) = (from?, to?);
        let mut refuse = |place: SourceSpan, message: String, help: &str| {
            self.problems.push(Problem::error(place, message).help(help));
            None
        };
        let Some((form, low, high)) = Form::common(from, to) else {
            let message = format!("`from` and `to` of `{key}` have different kinds of unit");
            return refuse(table.to.place, message, "use units of the same kind for both");
        };
        let whole = |form| if is_whole(shape) && form == Form::Number { Form::Whole } else { form };
        let Some(step) = step else { return Some((whole(form), low, high, None)) };
        let Some((common, _, step)) = Form::common((form, low), step?) else {
            let message = format!("`step` of `{key}` has a different kind of unit from `from` and `to`");
            return refuse(table.step.place, message, "use a unit of the same kind");
        };
        let again = |end| Form::common(end, (common, step)).map(|(_, end, _)| end);
        Some((whole(common), again(from)?, again(to)?, Some(step)))
    }

    /// An end of a range, or its step, as a number.
    fn end(&mut self, key: &str, end: &str, node: &Spanned<Option<Node>>, shape: Shape) -> Option<(Form, Decimal)> {
        let value = &node.as_ref()?.value;
        let found = Form::of(value);
        let is_leaf = matches!(shape.inner(), Shape::Leaf(_));
        let (expects_text, expects_number) = (is_leaf && shape.is_quoted(), is_leaf && !shape.is_quoted());
        let is_text = matches!(value, Value::Text(_));
        match found {
            Some((Form::Number, _)) if is_whole(shape) => {
                let message = format!("`{end}` of `{key}` must be a whole number, not {}", value.to_toml());
                self.problems.push(Problem::error(node.place, message));
                None
            }
            Some(found) if !(expects_text && !is_text || expects_number && is_text) => Some(found),
            _ => {
                let what =
                    if expects_text || expects_number { shape.expected() } else { "a number or a quantity".into() };
                let message = format!("`{end}` of `{key}` must be {what}, not {}", value.to_toml());
                let problem = Problem::error(node.place, message);
                let problem = match value {
                    Value::Text(_) if expects_number => problem.help("write it without quotes"),
                    Value::Integer(_) | Value::Float(_) => problem.help("write it with its unit, in quotes"),
                    _ => problem.help("only numbers have ranges: list the values"),
                };
                self.problems.push(problem);
                None
            }
        }
    }

    fn variants(&mut self, table: &SweepTable, place: SourceSpan, root: &Node) -> Option<Axis> {
        let names = table.design.variant.as_ref()?;
        let known: Option<Vec<&str>> = root
            .get(VARIANT)
            .map(|list| list.elements().iter().filter_map(|variant| variant.get("name")?.text()).collect());
        let mut seen = HashSet::new();
        for name in names {
            if let Some(known) = known.as_ref().filter(|known| !known.contains(&name.as_str())) {
                let help = instead(name, "the variants are", known.iter().copied());
                let message = format!("the scenario has no variant \"{}\"", **name);
                self.problems.push(Problem::error(name.place, message).help(help));
            } else if !seen.insert(name.as_str()) {
                self.problems.push(Problem::error(name.place, format!("`variant` has the value \"{}\" twice", **name)));
            }
        }
        let levels = names.iter().map(|name| Level::word(name, name.place)).collect();
        Some(Axis { key: VARIANT.to_owned(), unit: None, place, candidates: Candidates::Levels(levels) })
    }

    fn zipped(&mut self, table: &SweepTable, root: &Node) -> Vec<Dimension> {
        let mut dimensions = Vec::new();
        for group in table.design.zip.iter() {
            let axes: Vec<Axis> =
                group.iter().filter_map(|(key, values)| self.axis(key, values, root, false)).collect();
            if axes.len() < group.len() {
                continue;
            }
            let size = |axis: &Axis| axis.levels().map_or(0, <[Level]>::len);
            let Some(first) = axes.first() else {
                self.problems.push(Problem::error(group.place, "this group of `zip` has no keys"));
                continue;
            };
            match axes.iter().find(|axis| size(axis) != size(first)) {
                None => dimensions.push(Dimension(axes)),
                Some(other) => {
                    let (a, b) = (size(first), size(other));
                    let message =
                        format!("`{}` has {b} values, but `{}`, zipped with it, has {a}", other.key, first.key);
                    let help = "keys that change together need the same number of values";
                    self.problems.push(Problem::error(other.place, message).help(help));
                }
            }
        }
        dimensions
    }
}

/// Whether only whole numbers are valid.
fn is_whole(shape: Shape) -> bool {
    matches!(shape.inner(), Shape::Leaf(leaf) if (leaf.schema)()["type"] == "integer")
}
