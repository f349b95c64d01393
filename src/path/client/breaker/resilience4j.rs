//! resilience4j's `CircuitBreaker` (github.com/resilience4j/resilience4j, `CircuitBreakerStateMachine`,
//! `CircuitBreakerMetrics`, as of May 2026).
//!
//! CLOSED evaluates its window after each call. OPEN lets nothing through until the first call *after* the wait, which
//! makes it HALF_OPEN: without calls it stays open forever, unless the transition is automatic. HALF_OPEN has its own
//! window of as many calls as it permits, evaluated when at least `min(minimum, permitted)` of them have ended. It
//! rejects further calls, and permitted calls that never end keep it half-open unless there is a maximum wait. A call
//! counts in the state in which it ends, even if it began in another.

use std::collections::VecDeque;

use super::{Breaker, Permit, Rules, Tally, Verdict};

use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Flag, PositiveDuration, Ratio};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Maximum number of calls, or seconds, in a window.
const MAX_WINDOW: u32 = 1_000_000;

choice! {
    /// The unit of a window's size.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum WindowKind {
        "count" => Count, "The last N calls.";
        "time" => Time, "The calls of the last N seconds.";
    }
}

parameters! {
    /// As in resilience4j, with its defaults.
    pub struct Resilience4jSpec {
        /// Unit of the window size: calls or seconds.
        default window_kind: WindowKind = WindowKind::Count,
        /// Window size.
        default window: Count<1, MAX_WINDOW> = 100,
        /// Minimum number of calls in the window before it is evaluated; for a window of calls, at most its size.
        default minimum_calls: Count<1, MAX_WINDOW> = 100,
        /// Share of failed calls at which the breaker opens.
        default failure_rate_threshold: Ratio = 0.5,
        /// Share of slow calls at which the breaker opens.
        default slow_call_rate_threshold: Ratio = 1.0,
        /// Duration above which a call is slow.
        default slow_call_duration_threshold: PositiveDuration = Span::from_secs(60),
        /// How long it stays open.
        default wait_in_open: PositiveDuration = Span::from_secs(60),
        /// Calls permitted while half-open.
        default permitted_in_half_open: Count<1, MAX_WINDOW> = 10,
        /// Time in the half-open state after which it opens again; 0s: no limit.
        default max_wait_in_half_open: Duration = Span::ZERO,
        /// Whether it becomes half-open automatically, without a call.
        default automatic_transition: Flag = false,
    }
}

impl Resilience4jSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        for (key, threshold) in [
            ("failure-rate-threshold", self.failure_rate_threshold),
            ("slow-call-rate-threshold", self.slow_call_rate_threshold),
        ] {
            if threshold == 0.0 {
                check.refused(key, "must be above 0", "resilience4j");
            }
        }
    }
}

impl Rules for Resilience4jSpec {
    fn build(&self) -> Box<dyn Breaker> {
        Box::new(Resilience4j { state: State::Closed(self.closed()), spec: self.clone() })
    }
}

impl Resilience4jSpec {
    fn closed(&self) -> Window {
        match self.window_kind {
            WindowKind::Count => Window::of_calls(self.window, self.minimum_calls.min(self.window)),
            WindowKind::Time => Window::of_seconds(self.window, self.minimum_calls),
        }
    }

    fn half_open(&self, since: SimTime) -> State {
        let permitted = self.permitted_in_half_open;
        let window = Window::of_calls(permitted, self.minimum_calls.min(permitted));
        State::HalfOpen { window, permits: permitted, since }
    }
}

/// The state of the breaker.
struct Resilience4j {
    spec: Resilience4jSpec,
    state: State,
}

enum State {
    Closed(Window),
    Open { since: SimTime },
    HalfOpen { window: Window, permits: u32, since: SimTime },
}

/// Calls and how they ended: the last N calls, or those of the last N seconds.
struct Window {
    parts: VecDeque<(u64, Tally)>,
    total: Tally,
    size: u64,
    minimum: u64,
    kind: WindowKind,
}

impl Window {
    fn of_calls(size: u32, minimum: u32) -> Self {
        let (size, minimum) = (size.into(), minimum.into());
        Self { parts: VecDeque::new(), total: Tally::default(), size, minimum, kind: WindowKind::Count }
    }

    fn of_seconds(size: u32, minimum: u32) -> Self {
        Self { kind: WindowKind::Time, ..Self::of_calls(size, minimum) }
    }

    fn record(&mut self, one: Tally, now: SimTime) {
        self.total.add(one);
        let second = now.as_nanos() / NANOS_PER_SECOND;
        match (self.kind, self.parts.back_mut()) {
            (WindowKind::Time, Some((begun, part))) if *begun == second => part.add(one),
            _ => self.parts.push_back((second, one)),
        }
        while let Some(&(begun, part)) = self.parts.front() {
            let is_out = match self.kind {
                WindowKind::Count => self.parts.len() as u64 > self.size,
                WindowKind::Time => second - begun >= self.size,
            };
            if !is_out {
                break;
            }
            self.total.remove(part);
            self.parts.pop_front();
        }
    }

    /// Whether a threshold is reached; `None` with too few calls.
    fn is_above(&self, spec: &Resilience4jSpec) -> Option<bool> {
        let Tally { calls, failed, slow } = self.total;
        let share = |part: u64| part as f64 / calls as f64;
        (calls >= self.minimum)
            .then(|| share(failed) >= spec.failure_rate_threshold || share(slow) >= spec.slow_call_rate_threshold)
    }
}

impl Resilience4j {
    /// Makes the transitions that are due without a call.
    fn pass_time(&mut self, now: SimTime) {
        loop {
            match self.state {
                State::Open { since } if self.spec.automatic_transition && now >= since + self.spec.wait_in_open => {
                    self.state = self.spec.half_open(since + self.spec.wait_in_open);
                }
                State::HalfOpen { since, .. }
                    if self.spec.max_wait_in_half_open > Span::ZERO
                        && now >= since + self.spec.max_wait_in_half_open =>
                {
                    self.state = State::Open { since: since + self.spec.max_wait_in_half_open };
                }
                _ => return,
            }
        }
    }
}

impl Breaker for Resilience4j {
    fn permit(&mut self, now: SimTime) -> Option<Permit> {
        self.pass_time(now);
        if let State::Open { since } = self.state {
            if now <= since + self.spec.wait_in_open {
                return None;
            }
            self.state = self.spec.half_open(now);
        }
        if let State::HalfOpen { permits, .. } = &mut self.state {
            *permits = permits.checked_sub(1)?;
        }
        Some(Permit::default())
    }

    fn ended(&mut self, _: Permit, verdict: Verdict, took: Span, now: SimTime) {
        self.pass_time(now);
        let failed = match verdict {
            Verdict::Success => false,
            Verdict::Throttled | Verdict::Failure => true,
            Verdict::Cancelled => {
                // `releasePermission`.
                if let State::HalfOpen { permits, .. } = &mut self.state {
                    *permits = (*permits + 1).min(self.spec.permitted_in_half_open);
                }
                return;
            }
        };
        let one = Tally::one(failed, took > self.spec.slow_call_duration_threshold);
        match &mut self.state {
            State::Open { .. } => {}
            State::Closed(window) => {
                window.record(one, now);
                if window.is_above(&self.spec) == Some(true) {
                    self.state = State::Open { since: now };
                }
            }
            State::HalfOpen { window, .. } => {
                window.record(one, now);
                match window.is_above(&self.spec) {
                    Some(true) => self.state = State::Open { since: now },
                    Some(false) => self.state = State::Closed(self.spec.closed()),
                    None => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Script;
    use super::Verdict::{Cancelled, Failure, Success};
    use super::*;

    fn spec() -> Resilience4jSpec {
        Resilience4jSpec {
            window_kind: WindowKind::Count,
            window: 100,
            minimum_calls: 100,
            failure_rate_threshold: 0.5,
            slow_call_rate_threshold: 1.0,
            slow_call_duration_threshold: Span::from_secs(60),
            wait_in_open: Span::from_secs(60),
            permitted_in_half_open: 10,
            max_wait_in_half_open: Span::ZERO,
            automatic_transition: false,
        }
    }

    #[test]
    fn it_opens_with_the_hundredth_call_if_half_of_them_failed() {
        let mut script = Script::of(&spec());
        assert_eq!(script.calls(0.0, 50, Success), 50);
        assert_eq!(script.calls(1.0, 60, Failure), 50, "the 50th failure is the 100th call: it opens");
        let mut healthy = Script::of(&spec());
        assert_eq!(healthy.calls(0.0, 51, Success), 51);
        assert_eq!(healthy.calls(1.0, 50, Failure), 50, "51 of 101: the first success left the window with the last");
        assert!(healthy.is_open(1.0));
    }

    #[test]
    fn the_minimum_of_a_small_window_of_calls_is_its_size() {
        let mut script = Script::of(&Resilience4jSpec { window: 10, ..spec() });
        assert_eq!(script.calls(0.0, 20, Failure), 10);
        let seconds = Resilience4jSpec { window: 10, window_kind: WindowKind::Time, ..spec() };
        assert_eq!(Script::of(&seconds).calls(0.0, 200, Failure), 100);
    }

    #[test]
    fn a_window_of_seconds_forgets_by_whole_seconds() {
        let spec = Resilience4jSpec { window: 10, window_kind: WindowKind::Time, minimum_calls: 5, ..spec() };
        let mut script = Script::of(&spec);
        script.calls(0.9, 4, Failure);
        assert_eq!(script.calls(10.0, 4, Failure), 4, "second 0 is out at second 10");
        assert_eq!(script.calls(19.9, 2, Failure), 1, "second 10 is still in");
    }

    #[test]
    fn the_first_call_after_the_wait_makes_it_half_open_and_ten_calls_decide() {
        let mut script = Script::of(&spec());
        script.calls(0.0, 100, Failure);
        assert!(script.is_open(60.0), "strictly after the wait");
        let permits: Vec<_> = (0..10).map(|_| script.begin(60.1)).collect();
        assert!(script.is_open(60.1), "the eleventh is refused");
        for (number, permit) in permits.into_iter().enumerate() {
            assert!(script.is_open(61.0), "ended: {number}");
            script.end(61.0, permit, if number < 5 { Failure } else { Success });
        }
        assert!(script.is_open(61.0), "5 of 10 is the threshold: open again");
        assert!(script.is_open(121.0));
        for _ in 0..10 {
            let permit = script.begin(121.1);
            script.end(121.1, permit, Success);
        }
        assert_eq!(script.calls(121.1, 99, Failure), 99, "closed with an empty window");
    }

    #[test]
    fn permitted_calls_that_never_end_keep_it_half_open_unless_that_is_bounded() {
        for (longest, is_open_at_last) in [(0, true), (5, false)] {
            let mut script =
                Script::of(&Resilience4jSpec { max_wait_in_half_open: Span::from_secs(longest), ..spec() });
            script.calls(0.0, 100, Failure);
            for _ in 0..10 {
                script.begin(61.0);
            }
            assert!(script.is_open(100.0));
            assert_eq!(script.is_open(1_000.0), is_open_at_last, "longest wait {longest} s");
        }
    }

    #[test]
    fn what_is_cancelled_gives_its_permit_back() {
        let mut script = Script::of(&spec());
        script.calls(0.0, 100, Failure);
        assert_eq!(script.calls(61.0, 1_000, Cancelled), 1_000);
    }

    #[test]
    fn slow_calls_open_it_too() {
        let mut script = Script::of(&spec());
        assert_eq!(script.calls_of(0.0, 150, Success, 60.0), 150, "60 s is not slow");
        assert_eq!(script.calls_of(0.0, 150, Success, 60.1), 100);
    }

    #[test]
    fn it_can_become_half_open_by_itself() {
        let automatic = Resilience4jSpec { automatic_transition: true, ..spec() };
        let mut script = Script::of(&automatic);
        script.calls(0.0, 100, Failure);
        assert!(!script.is_open(60.0), "at the end of the wait, not after it");
    }
}
