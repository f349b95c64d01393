//! What is on the map: boxes and arrows, from a summary.

use crate::measure::summary::Summary;
use crate::report::format::{Quantity, count, duration, percent};
use crate::report::kinds::flow::{self, Flow};

/// More boxes than this are too many to read: those with the least load are folded.
const MOST: usize = 40;
/// From this part on what fails is shown.
const MUCH: f64 = 0.001;

/// Boxes and arrows.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Box>,
    pub(super) arrows: Vec<Arrow>,
    /// Boxes that are drawn with others as one.
    pub(super) folded: usize,
    /// Whether arrows have what clients send again.
    pub(super) has_clients: bool,
}

/// A source, a component or a function.
#[derive(Clone, Debug)]
pub(super) struct Box {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) is_function: bool,
    /// What goes in and what becomes of it; none where nothing is known.
    pub(super) flow: Option<Flow>,
    /// Whether it falls behind.
    is_behind: bool,
    /// Of several that are folded.
    is_folded: bool,
}

/// Calls of one box to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) calls: f64,
    /// Those without a successful answer.
    pub(super) failed: f64,
    /// Mean time to an answer.
    pub(super) latency_s: f64,
}

impl Arrow {
    pub(super) fn failed_ratio(&self) -> f64 {
        if self.calls > 0.0 { self.failed / self.calls } else { 0.0 }
    }
}

impl Box {
    fn of(id: &str, flows: &[Flow], summary: &Summary) -> Self {
        let (kind, name) = id.split_once('.').unwrap_or(("", id));
        let behind = |list: &[(String, crate::measure::summary::Verdict)], key: &str| {
            list.iter().any(|(known, verdict)| known == key && verdict.verdict == crate::metric::Stability::Overloaded)
        };
        Self {
            kind: if kind == "async" { "asynchronous".to_owned() } else { kind.to_owned() },
            name: name.to_owned(),
            is_function: kind == "function",
            flow: flows.iter().find(|flow| flow.at == id).cloned(),
            is_behind: match kind {
                "function" => behind(&summary.stability.functions, name),
                _ => behind(&summary.stability.components, id),
            },
            is_folded: false,
        }
    }

    pub(super) fn label(&self) -> String {
        if self.is_folded { self.name.clone() } else { format!("{} {}", self.kind, self.name) }
    }

    /// The part of what goes in that fails or is given up.
    pub(super) fn lost(&self) -> f64 {
        self.flow.as_ref().map_or(0.0, Flow::lost_ratio)
    }

    pub(super) fn is_failing(&self) -> bool {
        self.lost() > MUCH || self.is_behind
    }

    /// What is wrong with it, in a few words.
    pub(super) fn trouble(&self) -> String {
        match self.flow.as_ref().filter(|_| self.lost() > MUCH) {
            Some(flow) => format!("{} {}", percent((flow.lost_ratio() * 1_000.0).round() / 1_000.0), flow.word),
            None => "falls behind".to_owned(),
        }
    }

    /// One figure that says what it is like.
    pub(super) fn figure(&self, measured_s: f64) -> String {
        let Some(flow) = &self.flow else { return String::new() };
        match &flow.time {
            Some((what, seconds)) if seconds.is_finite() => format!("{what} {}", duration(*seconds)),
            _ => super::rate(flow.incoming, measured_s),
        }
    }

    /// All that is to be known of it.
    pub(super) fn about(&self, measured_s: f64) -> String {
        let mut text = self.label();
        if let Some(flow) = &self.flow {
            let Flow { incoming, succeeded, failed, remaining, word, .. } = flow;
            text += &format!("\n{} in, {}", count(*incoming), super::rate(*incoming, measured_s));
            text += &format!(
                "\n{} succeeded, {} {word}, {} remaining",
                count(*succeeded),
                count(*failed),
                count(*remaining)
            );
            if let Some((what, seconds)) = &flow.time {
                text += &format!("\n{what} {}", Quantity::Seconds.text(*seconds));
            }
        }
        text
    }
}

impl Graph {
    pub(super) fn of(summary: &Summary) -> Self {
        let flows = flow::of(summary);
        let mut graph = Self::default();
        let mut ids: Vec<String> = Vec::new();
        let is_client = |id: &str| id.starts_with("client.");
        let callers = |id: &str| summary.calls.iter().find(|one| one.to == id).map(|one| one.from.as_str());
        for one in summary.calls.iter().filter(|one| !is_client(&one.to)) {
            // What a client sends is sent by its caller.
            let from =
                if is_client(&one.from) { callers(&one.from).unwrap_or(one.from.as_str()) } else { one.from.as_str() };
            graph.has_clients |= is_client(&one.from);
            let mut place = |id: &str| {
                ids.iter().position(|known| known == id).unwrap_or_else(|| {
                    ids.push(id.to_owned());
                    graph.nodes.push(Box::of(id, &flows, summary));
                    ids.len() - 1
                })
            };
            let (from, to) = (place(from), place(&one.to));
            let failed = one.failed.mean + one.abandoned.mean;
            graph.add(Arrow { from, to, calls: one.calls.mean, failed, latency_s: one.latency_s.mean });
        }
        // A function alone behind its source is no system.
        let is_plain = graph.nodes.iter().all(|node| node.is_function || node.kind == "source");
        if is_plain && graph.arrows.iter().all(|arrow| graph.nodes[arrow.from].kind == "source") {
            return Self::default();
        }
        graph.fold();
        graph
    }

    /// Adds to the arrow between the same boxes, if there is one.
    fn add(&mut self, arrow: Arrow) {
        match self.arrows.iter_mut().find(|one| (one.from, one.to) == (arrow.from, arrow.to)) {
            None => self.arrows.push(arrow),
            Some(known) => {
                let weigh = |one: &Arrow| if one.latency_s.is_finite() { one.latency_s * one.calls } else { 0.0 };
                let (sum, calls) = (weigh(known) + weigh(&arrow), known.calls + arrow.calls);
                known.latency_s = if calls > 0.0 { sum / calls } else { f64::NAN };
                known.calls = calls;
                known.failed += arrow.failed;
            }
        }
    }

    /// Draws those with the least load as one, kind by kind, where there are too many to read.
    fn fold(&mut self) {
        if self.nodes.len() <= MOST {
            return;
        }
        let load = |place: usize| -> f64 {
            let arrows = self.arrows.iter().filter(|one| one.from == place || one.to == place);
            arrows.map(|one| one.calls).sum()
        };
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        // What fails is never folded before what does not.
        order.sort_by(|a, b| {
            let key = |place: &usize| self.nodes[*place].is_failing();
            key(a).cmp(&key(b)).then(load(*a).total_cmp(&load(*b))).then(b.cmp(a))
        });
        let mut kinds: Vec<(String, usize)> = Vec::new();
        let (mut into, mut kept) = (vec![usize::MAX; self.nodes.len()], self.nodes.len());
        for place in order {
            if kept <= MOST {
                break;
            }
            let kind = self.nodes[place].kind.clone();
            match kinds.iter().find(|(known, _)| *known == kind) {
                Some((_, first)) => {
                    into[place] = *first;
                    kept -= 1;
                }
                None => kinds.push((kind, place)),
            }
        }
        for (kind, first) in &kinds {
            let number = into.iter().filter(|to| **to == *first).count() + 1;
            if number > 1 {
                self.folded += number;
                let node = &mut self.nodes[*first];
                (node.name, node.is_folded, node.flow) = (format!("{number} more ({kind})"), true, None);
            }
        }
        let mut places = Vec::new();
        let mut nodes = Vec::new();
        for (place, node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            places.push(nodes.len());
            if into[place] == usize::MAX {
                nodes.push(node);
            }
        }
        let target = |place: usize| if into[place] == usize::MAX { places[place] } else { places[into[place]] };
        self.nodes = nodes;
        for arrow in std::mem::take(&mut self.arrows) {
            let (from, to) = (target(arrow.from), target(arrow.to));
            if from != to {
                self.add(Arrow { from, to, ..arrow });
            }
        }
    }
}
