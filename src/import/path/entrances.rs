//! Where requests come in from outside, and the sources whose times the files say.

use super::{Edge, Laying, Made, target};
use crate::import::model::{Entrance, Kind, Origin, Platform, Setting, Thing, text};
use crate::import::traffic;
use crate::import::tree::Place;

impl Made {
    /// Where requests come in from outside, and the sources whose times the files say.
    pub(super) fn entrances(&mut self, laying: &Laying<'_>, edges: &[Edge]) -> (Vec<Entrance>, Vec<Thing>) {
        let unique = |base: &str| laying.free(Kind::Source, base);
        let of = |thing: &Thing| std::iter::once(thing.name.clone()).chain(thing.ids.iter().cloned()).collect();
        let leads = |from: usize| {
            let mut at = from;
            for _ in 0..laying.things.len() {
                if laying.things[at].kind == Kind::Function {
                    return of(&laying.things[at]);
                }
                let Some(edge) = edges.iter().find(|edge| edge.from == at) else { break };
                at = edge.to;
            }
            Vec::new()
        };
        let (mut entries, mut sources) = (Vec::new(), Vec::new());
        for edge in edges.iter().filter(|edge| edge.kind == Kind::Schedule) {
            let to = &laying.things[edge.to];
            let timing: Vec<&Setting> = edge.settings.iter().chain(&laying.things[edge.from].settings).collect();
            let name = unique(&format!("{}-schedule", to.name));
            let mut source = source(&name, to, edge.place, true);
            if traffic::scheduled(&mut source, &timing, laying.notes) {
                sources.push(source);
            } else {
                entries.push(Entrance { source, through: of(to), function: leads(edge.to) });
            }
        }
        for (at, number, to) in self.open.iter().copied().filter(|(at, ..)| !self.called.contains(at)) {
            let through = &self.things[at][number];
            let name = unique(&through.name);
            let function = leads(to);
            entries.push(Entrance {
                source: source(&name, through, through.place, false),
                through: of(through),
                function,
            });
        }
        for edge in edges.iter().filter(|edge| edge.kind == Kind::Source) {
            let (to, from) = (&laying.things[edge.to], &laying.things[edge.from]);
            let source = source(&from.name, to, edge.place, true);
            entries.push(Entrance { source, through: of(from), function: leads(edge.to) });
        }
        // What nothing in the files calls is called from outside.
        for (at, thing) in laying.things.iter().enumerate() {
            let is_callable = thing.kind == Kind::Function || thing.kind == Kind::Workflow && thing.has("asl");
            let is_open = is_callable && !self.called.contains(&at);
            if is_open {
                let source = source(&unique(&thing.name), thing, thing.place, false);
                entries.push(Entrance { source, through: of(thing), function: leads(at) });
            }
        }
        (entries, sources)
    }
}

/// A source that calls a thing.
fn source(name: &str, to: &Thing, place: Place, by_event: bool) -> Thing {
    let mut source = Thing::new(Kind::Source, to.platform, name, place);
    let nameless = || Origin::Default(String::new());
    match to.kind {
        Kind::Function => source.set("function", text(&to.name), nameless()),
        _ => source.set("target", target(to), nameless()),
    }
    if by_event && to.kind == Kind::Function && to.platform == Platform::Lambda {
        let reason = "events and schedules invoke Lambda functions asynchronously".to_owned();
        source.set("invoke", "\"async\"", Origin::Default(reason));
    }
    source
}
