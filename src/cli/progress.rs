//! The progress bar on standard error.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar as Bar, ProgressDrawTarget, ProgressStyle};

use super::cancel::CancelToken;
use super::limits::MemoryWatch;
use crate::experiment::Progress;
use crate::report::format::{count, roughly};

/// Shorter runs show no bar.
const DELAY: Duration = Duration::from_millis(500);
/// The whole work in steps, small enough that the share of one cell among very many does not round to zero.
const WHOLE: f64 = 1e12;

/// Tracks progress, shows it if visible, and reports cancellation.
pub(super) struct ProgressBar {
    cancel: CancelToken,
    memory: MemoryWatch,
    started: Instant,
    /// Start of the current phase, relative to the start.
    began: Mutex<Duration>,
    visible: bool,
    bar: OnceLock<Bar>,
    /// Steps of [`WHOLE`].
    done: AtomicU64,
    requests: AtomicU64,
    /// Text beside the bar.
    note: Mutex<String>,
}

impl ProgressBar {
    /// Starts the clock. The bar appears after half a second if it is `visible`.
    pub(super) fn start(cancel: CancelToken, visible: bool) -> Self {
        let (done, requests) = (AtomicU64::new(0), AtomicU64::new(0));
        let began = Mutex::default();
        Self {
            cancel,
            memory: MemoryWatch::start(),
            started: Instant::now(),
            began,
            visible,
            bar: OnceLock::new(),
            done,
            requests,
            note: Mutex::default(),
        }
    }

    /// Sets the text beside the bar.
    pub(super) fn say(&self, note: String) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    /// Removes the bar and returns the elapsed time.
    pub(super) fn stop(self) -> Duration {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
        self.started.elapsed()
    }

    fn show(&self, elapsed: Duration, done: u64, requests: u64) {
        let bar = self.bar.get_or_init(|| {
            let style = ProgressStyle::with_template("{percent:>3} % {bar:30} {msg}");
            Bar::with_draw_target(Some(WHOLE as u64), ProgressDrawTarget::stderr())
                .with_style(style.expect("the template is right"))
                .with_elapsed(elapsed)
        });
        let rate = rate(requests as f64 / elapsed.as_secs_f64());
        let note = self.note.lock().unwrap_or_else(PoisonError::into_inner);
        let note = if note.is_empty() { rate } else { format!("{note}, {rate}") };
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        let left = left(elapsed.saturating_sub(began), done as f64 / WHOLE);
        bar.set_message(left.map_or(note.clone(), |left| format!("{note}, {left} left")));
        bar.set_position(done);
    }
}

impl Progress for ProgressBar {
    fn begin(&self) {
        self.done.store(0, Relaxed);
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = self.started.elapsed();
    }

    fn advance(&self, share: f64, requests: u64) -> ControlFlow<()> {
        let step = (share * WHOLE) as u64;
        let done = self.done.fetch_add(step, Relaxed) + step;
        let requests = self.requests.fetch_add(requests, Relaxed) + requests;
        if self.visible {
            let elapsed = self.started.elapsed();
            if elapsed > DELAY {
                self.show(elapsed, done, requests);
            }
        }
        if self.cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn is_out_of_memory(&self) -> bool {
        self.memory.is_exceeded()
    }
}

/// The estimated remaining time; none if it is too early to tell.
fn left(elapsed: Duration, share: f64) -> Option<String> {
    if !(0.02..=1.0).contains(&share) || elapsed < Duration::from_secs(1) {
        return None;
    }
    let left = elapsed.as_secs_f64() * (1.0 - share) / share;
    Some(roughly(Duration::try_from_secs_f64(left).ok()?))
}

/// Invocations per second: `1.5 million/s`, `12,345/s`.
pub(super) fn rate(per_second: f64) -> String {
    if per_second >= 1e6 {
        format!("{:.1} million/s", per_second / 1e6)
    } else {
        format!("{}/s", count(per_second.round()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_once_it_can_be() {
        let second = Duration::from_secs(1);
        assert_eq!(left(second, 0.01), None, "too little is done");
        assert_eq!(left(second / 2, 0.5), None, "it has only begun");
        assert_eq!(left(10 * second, 0.25).as_deref(), Some("30 s"));
        assert_eq!(left(60 * second, 0.1).as_deref(), Some("9 min"));
        assert_eq!(left(3_600 * second, 0.1).as_deref(), Some("9.0 h"));
        assert_eq!(left(10 * second, 1.0).as_deref(), Some("0 s"));
    }

    #[test]
    fn rates_are_short() {
        assert_eq!(rate(1_543_210.9), "1.5 million/s");
        assert_eq!(rate(12_345.6), "12,346/s");
    }

    #[test]
    fn an_output_that_failed_stops_the_run() {
        let cancel = CancelToken::default();
        let meter = ProgressBar::start(cancel.clone(), false);
        assert!(meter.advance(0.25, 10).is_continue());
        cancel.output_failed();
        assert!(meter.advance(0.25, 10).is_break());
        assert!(!cancel.is_interrupted());
    }
}
