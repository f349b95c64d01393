//! What a scenario can name, for `forewarm list`: read off the declarations in `raw`.

use super::raw::function::OverflowWord;
use super::raw::platform::Preset;
use crate::dist::DistSpec;
use crate::policy::keep_alive::KeepAliveSpec;
use crate::policy::scaling::ScalingSpec;
use crate::policy::selection::Selection;
use crate::schema::decode::Field;
use crate::schema::shape::{Shape, UnionShape};
use crate::workload::ArrivalParameters;

/// Something that a scenario can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What the scenario writes.
    pub name: &'static str,
    /// What it means, one sentence.
    pub about: String,
    /// The keys of its table; empty for a word.
    pub keys: Vec<&'static str>,
}

/// A question that policies answer, by its key in the scenario, with the policies there are.
pub type Question = (&'static str, Vec<Listed>);

/// Every policy, by the question it answers.
#[must_use]
pub fn policies() -> [Question; 4] {
    [
        ("keep-alive", kinds(KeepAliveSpec::UNION)),
        ("scaling", kinds(ScalingSpec::UNION)),
        ("selection", words(Selection::SHAPE)),
        ("overflow", words(OverflowWord::SHAPE)),
    ]
}

/// The questions whose policies can be exchanged for one another with nothing but their defaults.
const EXCHANGEABLE: [(&str, &UnionShape); 2] = [("keep-alive", KeepAliveSpec::UNION), ("scaling", ScalingSpec::UNION)];

/// The names of the keep-alive and scaling policies.
pub fn exchangeable() -> impl Iterator<Item = &'static str> {
    EXCHANGEABLE.iter().flat_map(|(_, union)| union.all().map(|kind| kind.key))
}

/// The question that a keep-alive or scaling policy answers.
pub(super) fn question_of(policy: &str) -> Option<&'static str> {
    EXCHANGEABLE.iter().find(|(_, union)| union.kind(policy).is_some()).map(|(question, _)| *question)
}

/// Every platform preset.
#[must_use]
pub fn platforms() -> Vec<Listed> {
    words(Preset::SHAPE)
}

/// Every distribution.
#[must_use]
pub fn distributions() -> Vec<Listed> {
    kinds(DistSpec::UNION)
}

/// Every arrival process.
#[must_use]
pub fn arrivals() -> Vec<Listed> {
    kinds(ArrivalParameters::UNION)
}

fn kinds(union: &UnionShape) -> Vec<Listed> {
    let listed = union.all().map(|kind| {
        let keys = if let Shape::Table(table) = kind.shape { table.keys().collect() } else { Vec::new() };
        Listed { name: kind.key, about: sentence(kind.doc), keys }
    });
    listed.collect()
}

fn words(shape: Shape) -> Vec<Listed> {
    let Shape::Choice(choices) = shape else { return Vec::new() };
    choices.iter().map(|(word, doc)| Listed { name: word, about: sentence(doc), keys: Vec::new() }).collect()
}

/// A doc comment on one line.
fn sentence(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_can_be_written() {
        let [(_, keep_alive), _, (_, selection), (_, overflow)] = policies();
        assert_eq!((keep_alive[0].name, keep_alive[0].keys.as_slice()), ("fixed", &["window"][..]));
        assert_eq!((selection[0].name, overflow[1].name), ("most-recently-used", "queue"));
        assert_eq!(platforms()[0].name, "aws-lambda");
        let arrivals = arrivals();
        assert_eq!(arrivals.len(), 14);
        assert!(arrivals.iter().all(|listed| !listed.about.is_empty() && !listed.keys.is_empty()), "{arrivals:?}");
    }
}
