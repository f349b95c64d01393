//! The path of requests in a trace: a process for each component with a slice for each of its calls, and flows from who calls to who is
//! called, so that a request can be followed from track to track.

use std::collections::HashMap;
use std::io::Write;

use super::{TraceWriter, micros, span, word};
use crate::engine::{CallEnd, CallMade, Finished};
use crate::path::CallId;
use crate::scenario::{CallerId, Destination, Scenario};
use crate::time::SimTime;

/// A place of the picture: process and track.
pub(super) type Track = (u64, u64);

/// A flow that begins at a moment.
type Flow = (u64, SimTime);

/// A call under way.
#[derive(Debug)]
struct Open {
    /// The flow that leads to it.
    flow: u64,
    /// Of a component: its track; a function's is known when it ends.
    track: Option<Track>,
    at: SimTime,
    /// Flows to what it calls, which begin on the track of a function.
    calls: Vec<Flow>,
}

/// Components and calls under way.
#[derive(Debug, Default)]
pub(super) struct PathTracks {
    /// The process of each component, by its place.
    first_process: u64,
    /// Tracks of each component: whether each is free.
    lanes: Vec<Vec<bool>>,
    names: Vec<String>,
    /// What each edge leads to, and whether a step calls.
    edges: Vec<(CallerId, Destination)>,
    open: HashMap<u32, Open>,
    /// Flows to what functions call that a source called itself.
    direct: HashMap<(u32, u64), Vec<Flow>>,
    flows: u64,
    /// Where the last invocation was drawn.
    pub(super) last: Option<Track>,
}

impl<W: Write> TraceWriter<W> {
    /// The same with the components of a scenario.
    #[must_use]
    pub fn with_path(mut self, scenario: &Scenario) -> Self {
        let first_process = scenario.functions.len() as u64 + 1;
        for (place, component) in scenario.components.iter().enumerate() {
            let name = serde_json::Value::from(component.name.as_str());
            let rest = format_args!("\"name\":\"process_name\",\"args\":{{\"name\":{name}}}");
            self.event_at('M', (first_process + place as u64, 0), rest);
        }
        self.path = PathTracks {
            first_process,
            lanes: vec![Vec::new(); scenario.components.len()],
            names: scenario.components.iter().map(|component| component.name.clone()).collect(),
            edges: scenario.calls().edges.iter().map(|edge| (edge.from, edge.to)).collect(),
            ..PathTracks::default()
        };
        self
    }

    pub(super) fn call_begins(&mut self, call: &CallMade) {
        let Some((_, to)) = self.path.edges.get(call.edge as usize).copied() else { return };
        self.path.flows += 1;
        let flow = self.path.flows;
        let track = match to {
            Destination::Function(_) => None,
            Destination::Component(id) | Destination::Entry(id, _) => {
                let lanes = &mut self.path.lanes[id.index()];
                let lane = lanes.iter().position(|is_free| *is_free).unwrap_or_else(|| {
                    lanes.push(true);
                    lanes.len() - 1
                });
                lanes[lane] = false;
                Some((self.path.first_process + u64::from(id.0), lane as u64 + 1))
            }
        };
        let caller = call.cause.and_then(|cause| self.path.open.get_mut(&cause.0));
        let is_drawn = match caller {
            Some(Open { track: Some(track), .. }) => {
                let track = *track;
                self.flow('s', track, flow, call.at);
                true
            }
            Some(open) => {
                open.calls.push((flow, call.at));
                true
            }
            None if call.is_of_step => {
                self.path.direct.entry((call.source.0, call.number)).or_default().push((flow, call.at));
                true
            }
            None => false,
        };
        if let (Some(track), true) = (track, is_drawn) {
            self.flow('f', track, flow, call.at);
        }
        let open = Open { flow: if is_drawn { flow } else { 0 }, track, at: call.at, calls: Vec::new() };
        self.path.open.insert(call.call.0, open);
    }

    /// The invocation that a call was has just been drawn.
    pub(super) fn call_was(&mut self, call: CallId, invocation: &Finished) {
        let (Some(track), Some(open)) = (self.path.last, self.path.open.get_mut(&call.0)) else { return };
        let (flow, calls) = (open.flow, std::mem::take(&mut open.calls));
        if flow > 0 {
            self.flow('f', track, flow, invocation.started);
        }
        for (flow, at) in calls {
            self.flow('s', track, flow, at);
        }
    }

    pub(super) fn call_ends(&mut self, end: &CallEnd) {
        // What was given up goes on: its slice ends when it does.
        if end.outcome.is_none() {
            return;
        }
        let Some(open) = self.path.open.remove(&end.call.0) else { return };
        let (Some(track), Some(outcome)) = (open.track, end.outcome) else { return };
        let (_, Destination::Component(id)) = self.path.edges[end.edge as usize] else { return };
        self.path.lanes[id.index()][track.1 as usize - 1] = true;
        let (name, source) =
            (serde_json::Value::from(self.path.names[id.index()].as_str()), self.sources[end.source.index()].clone());
        let (ts, dur, outcome) = (micros(open.at.as_nanos()), span(open.at, end.at), word(outcome));
        let (number, late) = (end.number, end.is_late);
        let rest = format_args!(
            "\"name\":{name},\"cat\":\"{outcome}\",\"ts\":{ts},\"dur\":{dur},\"args\":{{\"source\":{source},\"request\":{number},\
             \"outcome\":\"{outcome}\",\"given_up\":{late}}}"
        );
        self.event_at('X', track, rest);
    }

    /// A request of a source that called a function itself ended with the invocation that has just been drawn.
    pub(super) fn direct_ends(&mut self, key: (u32, u64)) {
        let Some(calls) = self.path.direct.remove(&key) else { return };
        let Some(track) = self.path.last else { return };
        for (flow, at) in calls {
            self.flow('s', track, flow, at);
        }
    }

    /// One end of a flow: `s` where it begins, `f` where it leads to.
    fn flow(&mut self, phase: char, track: Track, flow: u64, at: SimTime) {
        let ts = micros(at.as_nanos());
        let bound = if phase == 'f' { ",\"bp\":\"e\"" } else { "" };
        let rest = format_args!("\"name\":\"call\",\"cat\":\"path\",\"id\":{flow},\"ts\":{ts}{bound}");
        self.event_at(phase, track, rest);
    }
}
