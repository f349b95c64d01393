//! `[sweep]`: dotted keys with the values they take.

use serde_json::json;

use crate::scenario::limits::{MAX_AXES, MAX_LEVELS, MAX_SAMPLES, MAX_VARIANTS};
use crate::schema::declare::*;
use crate::schema::diagnostic::Problem;
use crate::schema::scalars::{Count, Flag, Name, Seed};

/// The table `[sweep]`: the keys that it varies, and how.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct SweepTable {
    /// As written: the order of the keys is the order of the points.
    pub(in crate::scenario) node: Node,
    pub(in crate::scenario) design: DesignTable,
    /// The dotted keys, in the order of the file.
    pub(in crate::scenario) axes: Vec<(String, Spanned<AxisValues>)>,
}

table! {
    /// What `forewarm sweep` varies: all combinations of the values of its keys, the last key fastest.
    struct DesignTable {
        /// Variants to combine with the other keys; they are applied first.
        optional variant: List<Spanned<Name>, 1, MAX_VARIANTS>,
        /// Groups of keys that change together: first values first, second values second, and so on.
        default zip: List<Spanned<Map<AxisValues, MAX_AXES>>, 0, MAX_AXES> = Vec::new(),
        /// Sample the space of values instead of using all combinations.
        optional sampling: SamplingTable,
        /// Whether all configurations use common random numbers, which makes their differences clearer. If not, each
        /// has its own seed.
        default common_random_numbers: Flag = true,
    }
}

union! {
    /// How points are sampled. A range then needs neither `step` nor `points`.
    enum SamplingTable ("sampling") {
        /// A Sobol sequence with Owen scrambling (Burley 2020): even in all dimensions, best with a power of two.
        "sobol" => Sobol(SampleTable),
        /// A Latin hypercube (McKay, Beckman and Conover 1979): even in each dimension separately.
        "latin-hypercube" => LatinHypercube(SampleTable),
    }
}

table! {
    /// Sampled configurations.
    struct SampleTable {
        /// Number of configurations.
        required points: Count<1, MAX_SAMPLES>,
        /// Seed of the sample, independent of `simulation.seed`.
        default seed: Seed = 1,
    }
}

/// The values of a key.
#[derive(Clone, Debug)]
pub(in crate::scenario) enum AxisValues {
    /// A list of values.
    List(Vec<Node>),
    /// A range.
    Range(Box<RangeTable>),
}

table! {
    /// The values of a range: `step` apart, or a number of `points`.
    struct RangeTable {
        /// Smallest value.
        required from: Any,
        /// Largest value.
        required to: Any,
        /// Distance between values.
        optional step: Any,
        /// Number of values, including both ends.
        optional points: Count<2, MAX_LEVELS>,
        /// Spacing of the values.
        default scale: Spacing = Spacing::Linear,
    }
}

choice! {
    /// Spacing of the values of a range.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::scenario) enum Spacing {
        "linear" => Linear, "Equal distances.";
        "log" => Log, "Equal factors.";
    }
}

impl Field for AxisValues {
    type Value = Self;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a list of values, or a range such as { from = 0, to = 50, step = 10 }",
        quoted: false,
        schema: || {
            let end = json!({"type": ["string", "number"]});
            let range = json!({
                "type": "object",
                "properties": {
                    "from": end, "to": end, "step": end,
                    "points": {"type": "integer", "minimum": 2, "maximum": MAX_LEVELS},
                    "scale": {"enum": ["linear", "log"]},
                },
                "required": ["from", "to"],
                "additionalProperties": false,
            });
            json!({"anyOf": [{"type": "array", "minItems": 1, "maxItems": MAX_LEVELS}, range]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.path();
        match &node.value {
            Value::List(values) if values.is_empty() => {
                reader.problems.push(Problem::error(node.place, format!("`{path}` has no values")));
                None
            }
            Value::List(values) if values.len() > MAX_LEVELS as usize => {
                let message = format!("`{path}` has {} values: at most {MAX_LEVELS} are allowed", values.len());
                reader.problems.push(Problem::error(node.place, message));
                None
            }
            Value::List(values) => Some(Self::List(values.clone())),
            Value::Table(_) => RangeTable::read(node, reader).map(|range| Self::Range(Box::new(range))),
            value => {
                let message = format!("`{path}` must be {}, not one value", Self::SHAPE.expected());
                let help = format!("write [{}], or set the key itself", value.to_toml());
                reader.problems.push(Problem::error(node.place, message).help(help));
                None
            }
        }
    }
    fn write(values: &Self) -> Value {
        match values {
            Self::List(values) => Value::List(values.clone()),
            Self::Range(range) => RangeTable::write(range),
        }
    }
}

impl SweepTable {
    const TABLE: &'static TableShape = &TableShape {
        dotted: Some(&FieldShape {
            key: "\"KEY\"",
            doc: "A dotted key of the scenario, in quotes, and the values that it takes: a list, or a range \
                  `{ from, to, step }` or `{ from, to, points, scale }`, with `scale = \"log\"` for equal factors.",
            shape: AxisValues::SHAPE,
            required: false,
            default: None,
        }),
        ..*DesignTable::TABLE
    };
}

impl Field for SweepTable {
    type Value = Self;
    const SHAPE: Shape = Shape::Table(Self::TABLE);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.table(node, Self::TABLE)?;
        let (axes, design): (Vec<Entry>, Vec<Entry>) =
            node.entries().iter().cloned().partition(|entry| entry.key.contains('.'));
        // Unknown keys have been reported.
        let known = design.into_iter().filter(|entry| Self::TABLE.field(&entry.key).is_some()).collect();
        let design = DesignTable::read(&Node::at(node.place, Value::Table(known)), reader)?;
        let read = |entry: Entry| {
            let value = reader.within(&entry.key, |reader| AxisValues::read(&entry.node, reader))?;
            Some((entry.key, Spanned { value, place: entry.place, broken: false }))
        };
        Some(Self { node: node.clone(), design, axes: axes.into_iter().filter_map(read).collect() })
    }
    fn write(table: &Self) -> Value {
        table.node.value.clone()
    }
}
