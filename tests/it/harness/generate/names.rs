//! The things of a drawn scenario, named before anything is drawn, so that what is drawn can refer to them.

use super::chance::Chance;

/// The kinds of nodes of a path, in the order in which they may call each other: a call goes to one that stands behind.
pub(super) const ORDER: [&str; 8] =
    ["gateway", "router", "topic", "workflow", "queue", "stream", "function", "dependency"];

/// Functions, sources and components.
pub(super) struct Names {
    /// Kind and name, those that call before those that are called.
    nodes: Vec<(&'static str, String)>,
    pub(super) sources: Vec<String>,
    pub(super) variants: Vec<String>,
}

impl Names {
    /// Some of each; of `wanted` at least one.
    pub(super) fn draw(chance: &mut Chance, wanted: Option<&str>) -> Self {
        // Many scenarios have no path: what is simulated function by function is a kind of its own.
        let has_path = chance.happens(0.6) || wanted.is_some_and(|kind| ORDER.contains(&kind) && kind != "function");
        let mut nodes = Vec::new();
        for kind in ORDER {
            let drawn = match kind {
                "function" => 1 + chance.below(3),
                _ if has_path && chance.happens(0.3) => 1 + chance.below(2),
                _ => 0,
            };
            let count = drawn.max(usize::from(wanted == Some(kind)));
            nodes.extend((1..=count).map(|number| (kind, format!("{}{number}", &kind[..1 + kind.len().min(3)]))));
        }
        let some = |what: &str, count: usize| (1..=count).map(|number| format!("{what}{number}")).collect();
        let sources = some("source", 1 + chance.below(3));
        let variants = some(
            "variant",
            if matches!(wanted, Some("variant" | "sweep" | "plan")) || chance.happens(0.1) { 2 } else { 0 },
        );
        Self { nodes, sources, variants }
    }

    /// The names of a kind.
    pub(super) fn of(&self, kind: &str) -> Vec<String> {
        match kind {
            "source" => self.sources.clone(),
            "variant" => self.variants.clone(),
            _ => self.nodes.iter().filter(|(known, _)| *known == kind).map(|(_, name)| name.clone()).collect(),
        }
    }

    /// Where a fault may happen: functions and dependencies.
    pub(super) fn breakable(&self) -> Vec<String> {
        [self.of("function"), self.of("dependency")].concat()
    }

    /// What the thing of a name may call, so that no call comes back to it; a source may call everything.
    pub(super) fn callable_by(&self, caller: &str) -> Vec<String> {
        if caller == "function-defaults" {
            return self.of("dependency");
        }
        let place = self.nodes.iter().position(|(_, name)| name == caller).map_or(0, |place| place + 1);
        self.nodes[place..].iter().map(|(_, name)| name.clone()).collect()
    }
}
