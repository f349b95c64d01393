//! The things of a drawn scenario, named before anything is drawn, so that what is drawn can refer to them.

use super::chance::Chance;

/// The kinds of nodes of a path, in the order in which they may call each other: a call goes to one that stands behind.
const ORDER: [&str; 8] = ["gateway", "router", "topic", "workflow", "queue", "stream", "function", "dependency"];

/// Functions, sources, components, and whatever else has a list.
pub(super) struct Names {
    /// Kind and name, those that call before those that are called.
    nodes: Vec<(&'static str, String)>,
    /// Kind and name of all others.
    others: Vec<(String, String)>,
}

impl Names {
    /// Some things of each of these lists of the file; of `wanted` at least one.
    pub(super) fn draw<'s>(chance: &mut Chance, lists: impl Iterator<Item = &'s str>, wanted: Option<&str>) -> Self {
        let lists: Vec<&str> = lists.collect();
        // Many scenarios have no path: what is simulated function by function is a kind of its own.
        let is_wanted = |kind: &str| wanted == Some(kind);
        let has_path = chance.happens(0.6) || ORDER.iter().any(|kind| is_wanted(kind) && *kind != "function");
        let called = |kind: &str, number: usize| format!("{}{number}", &kind[..1 + kind.len().min(3)]);
        let mut nodes = Vec::new();
        for kind in ORDER {
            let drawn = match kind {
                "function" => 1 + chance.below(3),
                _ if has_path && chance.happens(0.3) => 1 + chance.below(2),
                _ => 0,
            };
            let count = drawn.max(usize::from(is_wanted(kind)));
            nodes.extend((1..=count).map(|number| (kind, called(kind, number))));
        }
        let mut others = Vec::new();
        for kind in lists.into_iter().filter(|kind| !ORDER.contains(kind)) {
            let (likely, least) = match kind {
                "source" => (1.0, 1),
                // What is varied may be a variant.
                "variant" => (0.1, if ["variant", "sweep", "plan"].into_iter().any(is_wanted) { 2 } else { 0 }),
                // A way leads from one to another.
                "site" => (0.05, if ["link", "variant"].into_iter().any(is_wanted) { 2 } else { 0 }),
                "objective" | "fault" => (0.2, 0),
                _ => (0.05, 0),
            };
            let drawn = if chance.happens(likely) { 1 + chance.below(3) } else { 0 };
            let count = drawn.max(least).max(usize::from(is_wanted(kind)));
            others.extend((1..=count).map(|number| (kind.to_owned(), format!("{kind}{number}"))));
        }
        Self { nodes, others }
    }

    /// The names of a kind.
    pub(super) fn of(&self, kind: &str) -> Vec<String> {
        let nodes = self.nodes.iter().map(|(known, name)| (*known, name));
        let all = nodes.chain(self.others.iter().map(|(known, name)| (known.as_str(), name)));
        all.filter(|(known, _)| *known == kind).map(|(_, name)| name.clone()).collect()
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
