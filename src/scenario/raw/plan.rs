//! `[plan]`: what may be changed to meet the objectives, and how sure the answer must be.

use serde_json::json;

use super::sweep::AxisValues;
use crate::scenario::limits::{MAX_REPLICATIONS, MAX_VARIANTS};
use crate::schema::declare::*;
use crate::schema::diagnostic::Problem;
use crate::schema::scalars::{Count, Name, Share};

/// The table `[plan]`: the keys that may be changed, and its settings.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct PlanTable {
    /// As written: the order of the keys is that of the axes.
    pub(in crate::scenario) node: Node,
    pub(in crate::scenario) question: QuestionTable,
    /// The dotted keys, in the order of the file.
    pub(in crate::scenario) axes: Vec<(String, Spanned<PlanValues>)>,
}

table! {
    /// What `forewarm plan` may change, and the confidence of its results.
    struct QuestionTable {
        /// Probability that all statements of the plan hold simultaneously.
        default confidence: Certainty = 0.95,
        /// Maximum replications per configuration, after which an unclear verdict stays inconclusive.
        default max_replications: Count<2, MAX_REPLICATIONS> = 80,
        /// Relative difference in cost that does not matter.
        default indifference: Share = 0.01,
        /// Expected growth of the load, such as "5%/month".
        optional growth: Growth,
        /// Variants to combine with the other keys; they are applied first.
        optional variant: List<Spanned<Name>, 1, MAX_VARIANTS>,
        /// Scaling or keep-alive policies, each with its defaults, for all functions; a function that already has the
        /// policy keeps its parameters.
        optional policy: List<Spanned<Name>, 1, 100>,
    }
}

/// A probability near 1, as a number or in percent.
#[derive(Debug)]
pub(in crate::scenario) struct Certainty;

impl Field for Certainty {
    type Value = f64;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a number from 0.5 to 0.9999, or a percentage such as \"95%\"",
        quoted: false,
        schema: || {
            json!({"anyOf": [
                {"type": "number", "minimum": 0.5, "maximum": 0.9999}, {"type": "string", "pattern": "^[0-9.]+ *%$"},
            ]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
        let value = match &node.value {
            Value::Float(value) => Some(*value),
            Value::Integer(Some(value)) => Some(*value as f64),
            Value::Text(text) => percentage(text),
            _ => None,
        };
        let value = value.filter(|value| (0.5..=0.9999).contains(value));
        if value.is_none() {
            reader.refuse(node, Self::SHAPE);
        }
        value
    }
    fn write(value: &f64) -> Value {
        Value::Float(*value)
    }
}

/// `5%` as 0.05.
fn percentage(text: &str) -> Option<f64> {
    let number: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    // The value as typed, without the error of binary fractions.
    Some((number * 1e10).round() / 1e12)
}

/// The months in each unit of time.
const MONTHS: [(&str, f64); 4] = [("week", 7.0 * 12.0 / 365.25), ("month", 1.0), ("quarter", 3.0), ("year", 12.0)];

/// Growth per unit of time.
#[derive(Debug)]
pub(in crate::scenario) struct Growth;

impl Field for Growth {
    /// Monthly growth, and as written.
    type Value = (f64, String);
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a growth such as \"5%/month\" (or /week, /quarter, /year)",
        quoted: true,
        schema: || json!({"type": "string", "pattern": "^ *[0-9.]+ *% */ *(week|month|quarter|year) *$"}),
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<(f64, String)> {
        let read = |text: &str| {
            let (share, unit) = text.split_once('/')?;
            let (_, months) = MONTHS.iter().find(|(name, _)| *name == unit.trim())?;
            let share = percentage(share).filter(|share| *share > 0.0 && *share <= 100.0)?;
            Some(((1.0 + share).powf(1.0 / months) - 1.0, text.trim().to_owned()))
        };
        let growth = node.text().and_then(read);
        if growth.is_none() {
            reader.refuse(node, Self::SHAPE);
        }
        growth
    }
    fn write(value: &(f64, String)) -> Value {
        Value::from_text(&value.1)
    }
}

/// The values of a key, and the effect of more memory.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct PlanValues {
    pub(in crate::scenario) values: AxisValues,
    /// The share of duration that is bound by the processor, for a key of memory.
    pub(in crate::scenario) cpu_bound_share: Option<Spanned<f64>>,
    node: Node,
}

/// The second key, beside the values of a memory key.
const CPU_BOUND_SHARE: &str = "cpu-bound-share";

impl Field for PlanValues {
    type Value = Self;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a list of values, a range such as { from = 0, to = 50, step = 10 }, or \
                   { values = [...], cpu-bound-share = 0.7 }",
        quoted: false,
        schema: || {
            let plain = match AxisValues::SHAPE {
                Shape::Leaf(leaf) => (leaf.schema)(),
                _ => json!({}),
            };
            let mut range = plain["anyOf"][1].clone();
            range["properties"][CPU_BOUND_SHARE] = json!({"type": "number", "minimum": 0, "maximum": 1});
            range["required"] = json!(["from", "to"]);
            let listed = json!({
                "type": "object",
                "properties": {
                    "values": plain["anyOf"][0],
                    CPU_BOUND_SHARE: {"type": "number", "minimum": 0, "maximum": 1},
                },
                "required": ["values"],
                "additionalProperties": false,
            });
            json!({"anyOf": [plain["anyOf"][0], range, listed]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            let values = AxisValues::read(node, reader)?;
            return Some(Self { values, cpu_bound_share: None, node: node.clone() });
        };
        let (share, rest): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| entry.key == CPU_BOUND_SHARE);
        let cpu_bound_share = share.first().map(|entry| {
            let value = reader.within(CPU_BOUND_SHARE, |reader| Share::read(&entry.node, reader));
            (value, entry.node.place)
        });
        let listed = rest.iter().find(|entry| entry.key == "values");
        let values = match (listed, &rest[..]) {
            (Some(values), [_]) => {
                if !matches!(values.node.value, Value::List(_)) {
                    let message = format!("`{}.values` must be a list", reader.path());
                    reader.problems.push(Problem::error(values.node.place, message));
                    return None;
                }
                reader.within("values", |reader| AxisValues::read(&values.node, reader))?
            }
            (Some(values), _) => {
                let message = format!("`{}` has `values` as well as the keys of a range", reader.path());
                let problem = Problem::error(values.place, message);
                reader.problems.push(problem.help("write { values = [...] } or { from = ..., to = ... }"));
                return None;
            }
            (None, _) => {
                let rest = rest.into_iter().cloned().collect();
                AxisValues::read(&Node::at(node.place, Value::Table(rest)), reader)?
            }
        };
        let cpu_bound_share = match cpu_bound_share {
            Some((value, place)) => Some(Spanned { value: value?, place, broken: false }),
            None => None,
        };
        Some(Self { values, cpu_bound_share, node: node.clone() })
    }
    fn write(values: &Self) -> Value {
        values.node.value.clone()
    }
}

impl PlanTable {
    const TABLE: &'static TableShape = &TableShape {
        dotted: Some(&FieldShape {
            key: "\"KEY\"",
            doc: "A dotted key of the scenario, in quotes, and the values that it may take: a list, a range `{ from, \
                  to, step }` or `{ from, to, points, scale }` (of whole numbers also `{ from, to }`). For memory, \
                  also the share of the duration that is CPU-bound: `{ values, cpu-bound-share }`.",
            shape: PlanValues::SHAPE,
            required: false,
            default: None,
        }),
        ..*QuestionTable::TABLE
    };
}

impl Field for PlanTable {
    type Value = Self;
    const SHAPE: Shape = Shape::Table(Self::TABLE);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.table(node, Self::TABLE)?;
        let (axes, question): (Vec<Entry>, Vec<Entry>) =
            node.entries().iter().cloned().partition(|entry| entry.key.contains('.'));
        // Unknown keys have been reported.
        let known = question.into_iter().filter(|entry| Self::TABLE.field(&entry.key).is_some()).collect();
        let question = QuestionTable::read(&Node::at(node.place, Value::Table(known)), reader)?;
        let read = |entry: Entry| {
            let value = reader.within(&entry.key, |reader| PlanValues::read(&entry.node, reader))?;
            Some((entry.key, Spanned { value, place: entry.place, broken: false }))
        };
        Some(Self { node: node.clone(), question, axes: axes.into_iter().filter_map(read).collect() })
    }
    fn write(table: &Self) -> Value {
        table.node.value.clone()
    }
}
