//! What a scenario can name, for `forewarm list`: derived from the declarations in `raw`.

use super::preset::{Allowed, Preset};
pub use super::preset::{Fact, KeptWarm, Origin};
use super::raw::function::OverflowWord;
use crate::dist::DistSpec;
use crate::policy::keep_alive::KeepAliveSpec;
use crate::policy::scaling::ScalingSpec;
use crate::policy::selection::Selection;
use crate::schema::decode::Field;
use crate::schema::shape::{Shape, UnionShape};
use crate::time::Span;
use crate::workload::ArrivalParameters;

/// Something that a scenario can name, such as a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name in a scenario.
    pub name: &'static str,
    /// A one-sentence description.
    pub about: String,
    /// The keys of its table; empty for a word.
    pub keys: Vec<&'static str>,
}

/// A kind of policy, by its key in the scenario, with its policies.
pub type Question = (&'static str, Vec<Listed>);

/// Every policy, by kind.
#[must_use]
pub fn policies() -> [Question; 4] {
    [
        ("keep-alive", kinds(KeepAliveSpec::UNION)),
        ("scaling", kinds(ScalingSpec::UNION)),
        ("selection", words(Selection::SHAPE)),
        ("overflow", words(OverflowWord::SHAPE)),
    ]
}

/// The kinds whose policies can be swapped with their defaults alone.
const EXCHANGEABLE: [(&str, &UnionShape); 2] = [("keep-alive", KeepAliveSpec::UNION), ("scaling", ScalingSpec::UNION)];

/// The names of the keep-alive and scaling policies.
pub fn exchangeable() -> impl Iterator<Item = &'static str> {
    EXCHANGEABLE.iter().flat_map(|(_, union)| union.all().map(|kind| kind.key))
}

/// The kind of a keep-alive or scaling policy.
pub(super) fn question_of(policy: &str) -> Option<&'static str> {
    EXCHANGEABLE.iter().find(|(_, union)| union.kind(policy).is_some()).map(|(question, _)| *question)
}

/// Every platform preset.
#[must_use]
pub fn platforms() -> Vec<Listed> {
    words(Preset::SHAPE)
}

/// The platforms that are compared by `--platforms all`: without those of an earlier date.
pub fn current_platforms() -> impl Iterator<Item = &'static str> {
    platforms().into_iter().map(|listed| listed.name).filter(|name| !name.contains("-keep-alive-"))
}

/// A platform preset: every value with its source, and further notes.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Its name in a scenario.
    pub name: &'static str,
    /// A one-sentence description.
    pub about: &'static str,
    /// Every value.
    pub facts: &'static [Fact],
    /// What is not modeled, and further notes.
    pub notes: &'static [String],
    /// The presets of `[[gateway]]` commonly used in front of its functions.
    pub gateways: &'static [String],
    /// What the platform sets by itself: parts of keys, and their meaning.
    pub decides: &'static [(String, String)],
    /// What the platform does not have.
    pub lacks: &'static [(String, String)],
    allowed: &'static Allowed,
    kept_warm: Option<&'static KeptWarm>,
}

impl Platform {
    /// The valid memory size of an instance nearest to this one, MB; not smaller, if possible.
    #[must_use]
    pub fn memory_near_mb(&self, memory_mb: u32) -> u32 {
        self.allowed.memory_near_mb(memory_mb)
    }

    /// Maximum timeout; `None`: no limit.
    #[must_use]
    pub fn longest_timeout(&self) -> Option<Span> {
        self.allowed.timeout
    }

    /// How instances are kept warm.
    #[must_use]
    pub fn kept_warm(&self) -> Option<&'static KeptWarm> {
        self.kept_warm
    }
}

/// The preset with this name.
#[must_use]
pub fn platform(name: &str) -> Option<Platform> {
    let preset = Preset::named(name)?;
    let file = preset.file();
    Some(Platform {
        name: preset.name(),
        about: preset.about(),
        facts: &file.facts,
        notes: &file.notes,
        gateways: &file.gateways,
        decides: &preset.allowed().fixed,
        lacks: &preset.allowed().lacks,
        allowed: preset.allowed(),
        kept_warm: file.kept_warm.as_ref(),
    })
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
        assert_eq!(arrivals.len(), 16);
        assert!(arrivals.iter().all(|listed| !listed.about.is_empty() && !listed.keys.is_empty()), "{arrivals:?}");
    }
}
