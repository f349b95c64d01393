//! Chrome trace events, which Perfetto opens: functions as processes, instances as tracks, invocations as slices.
//!
//! The format is the JSON array of the "Trace Event Format": `X` is a slice with start and length in microseconds, `i` a
//! moment, `C` a counter, `M` a name. Slices on one track must not overlap, so an instance that serves several requests at once has one
//! track for each. Memory grows with live instances and with calls under way, never with requests.

mod path;

use std::collections::HashMap;
use std::io::{self, Write};

use crate::engine::{CallEnd, CallMade, Finished, Levels, Observer, Outcome, RequestEnd};
use crate::id::{InstanceId, LocalFn};
use crate::path::CallId;
use crate::time::{SimTime, Span};

use path::PathTracks;

/// The track of a function where requests stand that no instance served.
const REFUSED: u64 = 1;

/// Near the beginning of each trace, and of no other file.
pub const MARK: &str = "\"process_labels\",\"args\":{\"labels\":\"forewarm";
const LABELS: &str =
    concat!("\"name\":\"process_labels\",\"args\":{\"labels\":\"forewarm ", env!("CARGO_PKG_VERSION"), "\"}");

/// An observer that writes trace events as they happen.
///
/// The first error of the output is kept, what follows is not written, and [`TraceWriter::finish`] returns it.
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    to: W,
    error: Option<io::Error>,
    /// Names of the sources as JSON.
    sources: Vec<String>,
    counters: Vec<Counters>,
    live: HashMap<(LocalFn, InstanceId), Vec<Track>>,
    next_track: u64,
    empty: bool,
    path: PathTracks,
}

/// One line in the picture: a place for slices that do not overlap.
#[derive(Debug)]
struct Track {
    id: u64,
    /// When its last slice ended.
    free_from: SimTime,
}

/// The counters of a function.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    /// The levels that were written last: starting, busy and idle instances, and the queue.
    instances: Option<[u32; 3]>,
    queued: Option<u32>,
    /// Since when the next ones have held.
    since: SimTime,
}

impl<W: Write> TraceWriter<W> {
    /// Begins a trace with the names of the sources and functions, in the order of their ids.
    pub fn new(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> Self {
        let sources = sources.iter().map(|name| serde_json::Value::from(name.as_ref()).to_string()).collect();
        let counters = vec![Counters::default(); functions.len()];
        let (live, next_track) = (HashMap::new(), REFUSED + 1);
        let mut writer =
            Self { to, error: None, sources, counters, live, next_track, empty: true, path: PathTracks::default() };
        for (index, name) in functions.iter().enumerate() {
            let function = LocalFn(u32::try_from(index).unwrap_or(u32::MAX));
            writer.name("process_name", function, REFUSED, name.as_ref());
            writer.event('M', function, REFUSED, format_args!("{LABELS}"));
            writer.name("thread_name", function, REFUSED, "no instance");
        }
        writer
    }

    /// Closes the array and returns the output.
    ///
    /// # Errors
    /// The first error that the output had.
    pub fn finish(mut self) -> io::Result<W> {
        match self.error {
            Some(error) => Err(error),
            None => {
                self.to.write_all(if self.empty { b"[]\n" } else { b"\n]\n" })?;
                self.to.flush()?;
                Ok(self.to)
            }
        }
    }

    /// Writes one event; `rest` are its further members.
    fn event(&mut self, phase: char, function: LocalFn, track: u64, rest: std::fmt::Arguments<'_>) {
        // Perfetto gives process 0 a meaning of its own.
        self.event_at(phase, (u64::from(function.0) + 1, track), rest);
    }

    fn event_at(&mut self, phase: char, (process, track): (u64, u64), rest: std::fmt::Arguments<'_>) {
        if self.error.is_some() {
            return;
        }
        let before = if self.empty { "[\n" } else { ",\n" };
        self.empty = false;
        let written = write!(self.to, "{before}{{\"ph\":\"{phase}\",\"pid\":{process},\"tid\":{track},{rest}}}");
        self.error = written.err();
    }

    fn name(&mut self, what: &str, function: LocalFn, track: u64, name: &str) {
        let name = serde_json::Value::from(name);
        self.event('M', function, track, format_args!("\"name\":\"{what}\",\"args\":{{\"name\":{name}}}"));
    }

    fn new_track(&mut self, function: LocalFn, instance: InstanceId, slot: usize, free_from: SimTime) -> u64 {
        let id = self.next_track;
        self.next_track += 1;
        self.live.entry((function, instance)).or_default().push(Track { id, free_from });
        let slot = if slot == 0 { String::new() } else { format!(" (slot {})", slot + 1) };
        self.name("thread_name", function, id, &format!("instance {}{slot}", instance.0));
        id
    }

    /// A track of the instance that is free at `from`; it is taken until `until`.
    fn track(&mut self, function: LocalFn, instance: InstanceId, from: SimTime, until: SimTime) -> u64 {
        let tracks = self.live.entry((function, instance)).or_default();
        // The one that became free last fits tightest, which keeps the number of tracks down.
        let fit = tracks.iter_mut().filter(|track| track.free_from <= from).max_by_key(|track| track.free_from);
        if let Some(track) = fit {
            track.free_from = until;
            return track.id;
        }
        let slot = tracks.len();
        self.new_track(function, instance, slot, until)
    }
}

impl<W: Write> Observer for TraceWriter<W> {
    fn needs_order(&self) -> bool {
        true
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        instance: InstanceId,
        ready: SimTime,
        billed: Span,
        _: bool,
    ) {
        // What waits for a machine is drawn when it has one.
        let is_known = ready < SimTime::NEVER;
        let track = self.new_track(function, instance, 0, if is_known { ready } else { now });
        if ready > now && is_known {
            let (ts, dur, billed) = (micros(now.as_nanos()), span(now, ready), millis(billed.as_nanos()));
            let rest = format_args!(
                "\"name\":\"starting\",\"cat\":\"instance\",\"ts\":{ts},\"dur\":{dur},\"args\":{{\"billed_ms\":{billed}}}"
            );
            self.event('X', function, track, rest);
        }
    }

    fn instance_begins(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, ready: SimTime) {
        let track = self.track(function, instance, now, ready);
        let (ts, dur) = (micros(now.as_nanos()), span(now, ready));
        self.event(
            'X',
            function,
            track,
            format_args!("\"name\":\"starting\",\"cat\":\"instance\",\"ts\":{ts},\"dur\":{dur}"),
        );
    }

    fn instance_found(&mut self, function: LocalFn, instance: InstanceId, _: bool) {
        self.new_track(function, instance, 0, SimTime::ZERO);
    }

    fn initial_ended(&mut self, now: SimTime, function: LocalFn, instance: InstanceId) {
        let track = self.track(function, instance, SimTime::ZERO, now);
        let dur = span(SimTime::ZERO, now);
        let rest = format_args!("\"name\":\"in progress at the start\",\"cat\":\"initial\",\"ts\":0,\"dur\":{dur}");
        self.event('X', function, track, rest);
    }

    fn instance_removed(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, created: SimTime) {
        let Some(tracks) = self.live.remove(&(function, instance)) else { return };
        let Some(track) = tracks.first() else { return };
        let (ts, lifespan) = (micros(now.as_nanos()), millis(now.since(created).as_nanos()));
        let rest = format_args!(
            "\"name\":\"removed\",\"cat\":\"instance\",\"s\":\"t\",\"ts\":{ts},\"args\":{{\"lifespan_ms\":{lifespan}}}"
        );
        self.event('i', function, track.id, rest);
    }

    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let counters = &mut self.counters[function.index()];
        let since = std::mem::replace(&mut counters.since, now);
        if since == now {
            return;
        }
        let instances = [held.starting, held.busy, held.idle];
        let has_other_instances = counters.instances.replace(instances) != Some(instances);
        let has_other_queue = counters.queued.replace(held.queued) != Some(held.queued);
        let ts = micros(since.as_nanos());
        if has_other_instances {
            let [starting, busy, idle] = instances;
            let rest = format_args!(
                "\"name\":\"instances\",\"ts\":{ts},\"args\":{{\"starting\":{starting},\"busy\":{busy},\"idle\":{idle}}}"
            );
            self.event('C', function, REFUSED, rest);
        }
        if has_other_queue {
            let rest = format_args!("\"name\":\"queue\",\"ts\":{ts},\"args\":{{\"requests\":{}}}", held.queued);
            self.event('C', function, REFUSED, rest);
        }
    }

    fn called(&mut self, call: &CallMade) {
        self.call_begins(call);
    }

    fn call_served(&mut self, call: CallId, invocation: &Finished) {
        self.call_was(call, invocation);
    }

    fn call_ended(&mut self, end: &CallEnd) {
        self.call_ends(end);
    }

    fn request_ended(&mut self, end: &RequestEnd) {
        self.direct_ends((end.source.0, end.number));
    }

    fn finished(&mut self, request: &Finished) {
        let outcome = word(request.outcome);
        let cold_start = request.started.since(request.assigned).as_nanos();
        let waited = request.assigned.since(request.born).as_nanos();
        let args = format!(
            "\"source\":{},\"request\":{},\"outcome\":\"{outcome}\",\"queueing_ms\":{},\"cold_start_ms\":{},\"cold\":{},\
             \"cold_affected\":{}",
            self.sources[request.source.index()],
            request.number,
            millis(waited),
            millis(cold_start),
            request.cold,
            request.cold_affected,
        );
        match request.instance {
            Some(instance) if request.ended > request.started || request.outcome == Outcome::Completed => {
                let track = self.track(request.function, instance, request.started, request.ended);
                let (ts, dur) = (micros(request.started.as_nanos()), span(request.started, request.ended));
                let name = if request.cold { "cold invocation" } else { "invocation" };
                let rest = format_args!(
                    "\"name\":\"{name}\",\"cat\":\"{outcome}\",\"ts\":{ts},\"dur\":{dur},\"args\":{{{args}}}"
                );
                self.event('X', request.function, track, rest);
                self.path.last = Some((u64::from(request.function.0) + 1, track));
            }
            _ => {
                self.path.last = None;
                let ts = micros(request.ended.as_nanos());
                let rest = format_args!(
                    "\"name\":\"{outcome}\",\"cat\":\"{outcome}\",\"s\":\"t\",\"ts\":{ts},\"args\":{{{args}}}"
                );
                self.event('i', request.function, REFUSED, rest);
            }
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Rejected => "rejected",
        Outcome::QueueTimedOut => "timed out in the queue",
        Outcome::TimedOut => "timed out",
        Outcome::Failed => "failed",
        Outcome::Unfinished => "unfinished",
        Outcome::BreakerOpen => "refused by a circuit breaker",
        Outcome::NoBudget => "out of retry budget",
        Outcome::Expired => "expired",
        Outcome::TooLarge => "payload too large",
    }
}

fn span(from: SimTime, to: SimTime) -> String {
    micros(to.since(from).as_nanos())
}

/// Nanoseconds in microseconds, exactly.
fn micros(nanos: u64) -> String {
    format!("{}.{:03}", nanos / 1_000, nanos % 1_000)
}

/// Nanoseconds in milliseconds, exactly.
fn millis(nanos: u64) -> String {
    format!("{}.{:06}", nanos / 1_000_000, nanos % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::LocalSource;
    use serde_json::{Value, json};

    fn at(millis: u64) -> SimTime {
        SimTime::from_nanos(millis * 1_000_000)
    }

    fn request(instance: Option<u64>, [born, assigned, started, ended]: [u64; 4], outcome: Outcome) -> Finished {
        Finished {
            source: LocalSource(0),
            number: 7,
            function: LocalFn(0),
            instance: instance.map(InstanceId),
            born: at(born),
            assigned: at(assigned),
            instance_ready: at(if assigned < started { started } else { born }),
            started: at(started),
            ended: at(ended),
            cold: assigned < started,
            cold_affected: assigned < started,
            provisioned: false,
            outcome,
        }
    }

    fn events(writer: TraceWriter<Vec<u8>>) -> Vec<Value> {
        serde_json::from_slice(&writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn an_instance_is_a_track_and_an_invocation_a_slice() {
        let mut writer = TraceWriter::new(Vec::new(), &["web\""], &["<b>&\""]);
        writer.instance_created(at(10), LocalFn(0), InstanceId(3), at(260), Span::from_millis(5), false);
        writer.finished(&request(Some(3), [5, 10, 260, 380], Outcome::Completed));
        writer.finished(&request(None, [400, 400, 400, 400], Outcome::Rejected));
        writer.instance_removed(at(900), LocalFn(0), InstanceId(3), at(10));
        assert!(writer.live.is_empty(), "what is gone is forgotten");
        let events = events(writer);
        assert_eq!(events.len(), 8);
        assert_eq!(events[0]["args"]["name"], "<b>&\"");
        let events = &events[1..];
        assert_eq!(events[2]["args"]["name"], "instance 3");
        assert_eq!((&events[3]["ts"], &events[3]["dur"]), (&json!(10_000.0), &json!(250_000.0)));
        let slice = &events[4];
        assert_eq!((&slice["ts"], &slice["dur"]), (&json!(260_000.0), &json!(120_000.0)));
        assert_eq!(slice["args"]["source"], "web\"");
        assert_eq!((&slice["args"]["queueing_ms"], &slice["args"]["cold_start_ms"]), (&json!(5.0), &json!(250.0)));
        assert_eq!(slice["tid"], events[3]["tid"], "start-up and invocation share a track");
        assert_eq!((&events[5]["ph"], &events[5]["tid"]), (&json!("i"), &json!(REFUSED)));
        assert_eq!(events[6]["args"]["lifespan_ms"], 890.0);
    }

    #[test]
    fn slices_on_one_track_never_overlap() {
        let mut writer = TraceWriter::new(Vec::new(), &["s"], &["f"]);
        writer.instance_created(at(0), LocalFn(0), InstanceId(0), at(0), Span::ZERO, true);
        for (started, ended) in [(0, 10), (5, 20), (10, 30), (12, 31), (30, 40), (31, 45), (20, 50)] {
            writer.finished(&request(Some(0), [started, started, started, ended], Outcome::Completed));
        }
        let mut ends: HashMap<u64, f64> = HashMap::new();
        for slice in events(writer).iter().filter(|event| event["ph"] == "X") {
            let (ts, dur) = (slice["ts"].as_f64().unwrap(), slice["dur"].as_f64().unwrap());
            let end = ends.entry(slice["tid"].as_u64().unwrap()).or_default();
            assert!(ts >= *end, "{slice}");
            *end = ts + dur;
        }
        assert_eq!(ends.len(), 3, "three at once, three tracks");
    }

    #[test]
    fn counters_change_when_levels_do() {
        let mut writer = TraceWriter::new(Vec::new(), &["s"], &["f"]);
        let levels = |busy, idle, queued| Levels { busy, idle, queued, ..Levels::default() };
        for (until, held) in [
            (0, levels(0, 0, 0)),
            (5, levels(1, 0, 0)),
            (7, levels(1, 0, 0)),
            (7, levels(9, 9, 9)),
            (9, levels(0, 1, 2)),
        ] {
            writer.levels(at(until), LocalFn(0), &held);
        }
        let events = events(writer);
        let counters: Vec<_> = events
            .iter()
            .filter(|event| event["ph"] == "C")
            .map(|event| (event["ts"].as_f64().unwrap(), event["args"].to_string()))
            .collect();
        let expected = [
            (0.0, r#"{"starting":0,"busy":1,"idle":0}"#),
            (0.0, r#"{"requests":0}"#),
            (7_000.0, r#"{"starting":0,"busy":0,"idle":1}"#),
            (7_000.0, r#"{"requests":2}"#),
        ];
        assert_eq!(counters, expected.map(|(ts, args)| (ts, args.to_owned())));
    }

    #[test]
    fn nothing_is_an_empty_array_and_the_first_error_is_returned() {
        assert!(events(TraceWriter::new(Vec::new(), &[] as &[&str], &[] as &[&str])).is_empty());

        #[derive(Debug)]
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let writer = TraceWriter::new(Full, &["s"], &["f"]);
        assert_eq!(writer.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
