//! What stands between who asks and the function that answers: gateways, queues, clients that try again.
//!
//! A component is a state machine. It is told that a call has arrived, that a time it asked for has come, that an attempt
//! which it made further down has been answered; and it says what is to be done. It knows no events and no engine, so that
//! a test can go through it step by step.
//!
//! A new component is a file beside this one and a line in [`ComponentSpec`].

#[cfg(test)]
pub(crate) mod testing;

use crate::rng::Stream;
use crate::time::SimTime;

/// How a request, or one attempt to serve it, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Served to the end.
    Completed,
    /// Refused for good.
    Rejected,
    /// Waited in the queue for longer than allowed; it never started.
    QueueTimedOut,
    /// Ran for longer than the function's time-out and was cut off.
    TimedOut,
    /// Ended by an error of the function.
    Failed,
    /// Still waiting when nothing more could happen.
    Unfinished,
}

/// A call that a component has accepted and not answered. Its number is used again when it has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// What a component wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pass the request of `call` on to target number `target` of the component. The answer comes with the same
    /// `attempt`, a number of the component's own choice; if `call` has been answered by then, nobody is told.
    Forward {
        /// For whom.
        call: CallId,
        /// The component's number of this attempt.
        attempt: u32,
        /// Which of the component's targets.
        target: u32,
    },
    /// `call` has ended.
    Answer {
        /// Which one.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Say when it is this late. A call has one alarm: another one takes its place.
    Wake {
        /// For whom.
        call: CallId,
        /// When, not before the present.
        at: SimTime,
    },
}

/// A component of the path at work.
pub trait Component: Send {
    /// A call arrives; it is to be answered some time.
    fn arrived(&mut self, call: CallId, now: SimTime, actions: &mut Vec<Action>);

    /// The time has come that was asked for with [`Action::Wake`].
    fn woken(&mut self, call: CallId, now: SimTime, actions: &mut Vec<Action>) {
        let _ = (call, now, actions);
    }

    /// An attempt made with [`Action::Forward`] has been answered. Who does not care hands the answer on.
    fn answered(&mut self, call: CallId, attempt: u32, outcome: Outcome, now: SimTime, actions: &mut Vec<Action>) {
        let _ = (attempt, now);
        actions.push(Action::Answer { call, outcome });
    }
}

/// Declares the kinds of components: one line each.
macro_rules! components {
    ($($(#[doc = $doc:literal])* $(#[cfg($test:meta)])? $kind:ident($spec:ty),)*) => {
        /// What a scenario says about a component.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ComponentSpec {
            $($(#[doc = $doc])* $(#[cfg($test)])? $kind($spec),)*
        }

        impl ComponentSpec {
            /// A component as it is when the run begins; what it draws comes from `stream`.
            #[must_use]
            pub fn build(&self, stream: Stream) -> Box<dyn Component> {
                let _ = &stream;
                match *self {
                    $($(#[cfg($test)])? Self::$kind(ref spec) => Box::new(spec.build(stream)),)*
                }
            }
        }
    };
}

components! {
    /// For tests of the engine.
    #[cfg(test)]
    Scripted(testing::Scripted),
}
