//! The call graph: functions call through their steps, components call their targets.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Destination, Scenario, Step, Target, Work};
use crate::id::{ComponentId, FnId, SourceId};
use crate::path::ComponentSpec;

/// A caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerId {
    /// A source.
    Source(SourceId),
    /// A step of a function.
    Function(FnId),
    /// A component.
    Component(ComponentId),
}

/// An edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The caller.
    pub from: CallerId,
    /// The callee.
    pub to: Destination,
}

/// All possible calls: first those of sources (if the trace of one names functions, only the first is shown), then
/// those of each component, then those of the steps of each function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// In this order.
    pub edges: Vec<Edge>,
    /// The index of the first edge of each component.
    pub of_components: Vec<u32>,
    /// The index of the first edge of each step of each function.
    pub of_steps: Vec<Vec<u32>>,
}

impl Scenario {
    /// Builds the graph.
    #[must_use]
    pub fn calls(&self) -> Calls {
        // The entry through which a call arrives makes no difference here.
        let plain = |to: &Destination| match *to {
            Destination::Entry(id, _) => Destination::Component(id),
            to => to,
        };
        let mut calls = Calls::default();
        for (place, source) in self.sources.iter().enumerate() {
            let to = match &source.target {
                Target::Function(id) => Destination::Function(*id),
                Target::ByTrace(ids) => Destination::Function(ids.first().copied().unwrap_or(FnId(0))),
                Target::Component(id) => Destination::Component(*id),
            };
            calls.edges.push(Edge { from: CallerId::Source(SourceId(place as u32)), to });
        }
        for (place, component) in self.components.iter().enumerate() {
            calls.of_components.push(calls.edges.len() as u32);
            let from = CallerId::Component(ComponentId(place as u32));
            calls.edges.extend(component.targets.iter().map(|to| Edge { from, to: plain(to) }));
        }
        for (place, function) in self.functions.iter().enumerate() {
            let from = CallerId::Function(FnId(place as u32));
            let steps = function.steps.iter().map(|step| {
                let first = calls.edges.len() as u32;
                if let Work::Calls(targets) = &step.work {
                    calls.edges.extend(targets.iter().map(|to| Edge { from, to: plain(to) }));
                }
                first
            });
            let steps = steps.collect();
            calls.of_steps.push(steps);
        }
        calls
    }

    /// The name of a caller.
    #[must_use]
    pub fn caller_name(&self, one: CallerId) -> String {
        match one {
            CallerId::Source(id) => format!("source.{}", self.sources[id.index()].name),
            CallerId::Function(id) => self.name_of(Destination::Function(id)),
            CallerId::Component(id) => self.name_of(Destination::Component(id)),
        }
    }

    /// The name of a function or a component as a caller.
    fn called_by(&self, caller: Destination) -> Vec<Destination> {
        match caller {
            Destination::Function(id) => {
                let steps = self.functions.get(id.index()).map_or(&[][..], |function| &function.steps);
                let calls = |step: &Step| match &step.work {
                    Work::Calls(calls) => calls.clone(),
                    Work::Run(_) | Work::Wait(_) => Vec::new(),
                };
                steps.iter().flat_map(calls).collect()
            }
            Destination::Component(id) => self.components[id.index()].targets.clone(),
            Destination::Entry(id, entry) => {
                let target = self.components[id.index()].targets.get(entry as usize);
                target.copied().into_iter().collect()
            }
        }
    }

    /// Everything that requests of the sources can reach.
    #[must_use]
    pub fn reached(&self) -> (BTreeSet<FnId>, BTreeSet<ComponentId>) {
        let first = self.sources.iter().flat_map(|source| match &source.target {
            Target::Function(id) => vec![Destination::Function(*id)],
            Target::ByTrace(ids) => ids.iter().map(|id| Destination::Function(*id)).collect(),
            Target::Component(id) => vec![Destination::Component(*id)],
        });
        let mut open: Vec<Destination> = first.collect();
        let (mut functions, mut components, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(self.called_by(next));
            }
            match next {
                Destination::Function(id) => _ = functions.insert(id),
                Destination::Component(id) | Destination::Entry(id, _) => _ = components.insert(id),
            }
        }
        (functions, components)
    }

    /// Whether a component is a source's way of calling: first on its path, and making attempts.
    #[must_use]
    pub fn is_client_of_source(&self, id: ComponentId) -> bool {
        self.components[id.index()].spec.group() == "clients"
            && self.sources.iter().any(|source| matches!(source.target, Target::Component(first) if first == id))
    }

    /// A cycle of calls without an exit, by names: a request that enters it never ends.
    #[must_use]
    pub fn endless_circle(&self) -> Option<Vec<Destination>> {
        // Whose calls all end ends too, and a random choice of which one ends.
        let mut missing = BTreeMap::new();
        let mut callers: BTreeMap<Destination, Vec<Destination>> = BTreeMap::new();
        for one in self.destinations() {
            let (calls, needed) = self.awaited(one);
            missing.insert(one, needed);
            calls.into_iter().for_each(|to| callers.entry(to).or_default().push(one));
        }
        let mut ending: Vec<Destination> =
            missing.iter().filter(|(_, needed)| **needed == 0).map(|(one, _)| *one).collect();
        while let Some(one) = ending.pop() {
            missing.remove(&one);
            for caller in callers.get(&one).into_iter().flatten() {
                let Some(needed) = missing.get_mut(caller).filter(|needed| **needed > 0) else { continue };
                *needed -= 1;
                if *needed == 0 {
                    ending.push(*caller);
                }
            }
        }
        let mut way = vec![*missing.first_key_value()?.0];
        loop {
            let next = self.awaited(*way.last()?).0.into_iter().find(|next| missing.contains_key(next))?;
            let first = way.iter().position(|known| *known == next);
            way.push(next);
            if let Some(first) = first {
                return Some(way.split_off(first));
            }
        }
    }

    /// Whose work has to end before the work of somebody ends, and of how many of them.
    fn awaited(&self, by: Destination) -> (Vec<Destination>, usize) {
        let calls = self.called_by(by);
        match by {
            Destination::Component(id) => {
                let component = &self.components[id.index()];
                let (awaited, needed) = component.spec.awaited();
                (awaited.into_iter().filter_map(|place| calls.get(place).copied()).collect(), needed)
            }
            Destination::Function(_) | Destination::Entry(..) => {
                let all = calls.len();
                (calls, all)
            }
        }
    }

    /// All that can be called: what a link or a tenant leads to is called by its entries.
    fn destinations(&self) -> impl Iterator<Item = Destination> {
        let functions = (0..self.functions.len() as u32).map(|id| Destination::Function(FnId(id)));
        let components = (0..).zip(&self.components).flat_map(|(place, component)| {
            let id = ComponentId(place);
            let entries = matches!(component.spec, ComponentSpec::Link(_) | ComponentSpec::Tenant(_));
            let entered = (0..component.targets.len() as u32).filter(move |_| entries);
            let itself = (!entries).then_some(Destination::Component(id));
            itself.into_iter().chain(entered.map(move |entry| Destination::Entry(id, entry)))
        });
        functions.chain(components)
    }

    /// The name of a callee.
    #[must_use]
    pub fn name_of(&self, one: Destination) -> String {
        match one {
            Destination::Function(id) => format!("function.{}", self.functions[id.index()].name),
            Destination::Component(id) | Destination::Entry(id, _) => self.components[id.index()].name.clone(),
        }
    }
}
