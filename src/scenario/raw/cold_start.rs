//! Cold starts: one distribution, phases, or a snapshot.

use crate::dist::DistSpec;
use crate::schema::declare::*;
use crate::schema::limits::MAX_STATES;
use crate::schema::scalars::Flag;

table! {
    /// An instance is restored from a snapshot of an initialized one, as by AWS Lambda SnapStart: nothing is
    /// initialized when it starts. If the first request on a restored instance takes longer, set `cold-duration`.
    struct SnapshotTable {
        /// Earlier phases such as placement and virtual machine start; not billed.
        optional environment: DistSpec,
        /// Restoring the snapshot; not billed as execution.
        required restore: DistSpec,
        /// Runtime load and hooks after the restore; billed.
        optional hooks: DistSpec,
        /// Whether keeping and restoring it is charged (`platform.billing.snapshot-...`; on AWS Lambda it is, except
        /// for Java).
        default charged: Flag = true,
    }
}

/// A cold start: one distribution, several phases, or a snapshot.
#[derive(Clone, Debug)]
pub(in crate::scenario) enum ColdStartTable {
    /// One phase, called init.
    Single(DistSpec),
    /// Named phases, one after the other.
    Phases(SourceSpan, Vec<(String, Spanned<DistSpec>)>),
    /// Restored from a snapshot.
    Snapshot(Box<SnapshotTable>),
}

type Phases = Map<DistSpec, MAX_STATES>;

const COLD_START: &UnionShape = &UnionShape {
    what: "cold start",
    doc: "Time from the decision to create an instance until it can serve: a distribution, or phases.",
    kinds: &[
        KindShape {
            key: "phases",
            doc: "Consecutive phases, in the order written: environment and image are not billed, all others are.",
            shape: Phases::SHAPE,
        },
        KindShape {
            key: "snapshot",
            doc: "Restored from a snapshot instead of initialized, as with AWS Lambda SnapStart.",
            shape: SnapshotTable::SHAPE,
        },
    ],
    also: Some(DistSpec::UNION),
    words: false,
};

impl Field for ColdStartTable {
    type Value = Self;
    const SHAPE: Shape = Shape::Union(COLD_START);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let kind = reader.kind(node, COLD_START)?;
        if kind.key == "phases" {
            return reader.of_kind::<Phases>(kind).map(|phases| Self::Phases(kind.node.place, phases));
        }
        if kind.key == "snapshot" {
            return reader.of_kind::<Box<SnapshotTable>>(kind).map(Self::Snapshot);
        }
        DistSpec::read_kind(kind, reader).map(Self::Single)
    }
    fn write(value: &Self) -> Value {
        match value {
            Self::Single(dist) => DistSpec::write(dist),
            Self::Snapshot(table) => {
                Value::Table(vec![Entry::new("snapshot", table.place, SnapshotTable::write(table))])
            }
            Self::Phases(place, phases) => Value::Table(vec![Entry::new("phases", *place, Phases::write(phases))]),
        }
    }
}
