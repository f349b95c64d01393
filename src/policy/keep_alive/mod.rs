//! Keep-alive: when does an idle instance go away?

pub mod greedy_dual;
mod halving;
pub mod hybrid_histogram;

pub use halving::Halving;

use crate::time::{SimTime, Span};

/// What a scenario says about keep-alive.
#[derive(Clone, Debug, PartialEq)]
pub enum KeepAliveSpec {
    /// Each idle instance stays for this long; [`Span::FOREVER`] means for ever.
    Fixed {
        /// The window.
        window: Span,
    },
    /// Of a function's idle instances half go every period.
    Halving {
        /// The period, 380 s as measured on AWS Lambda in 2021.
        period: Span,
    },
}

/// What a policy may look at: read only.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The moment of the question.
    pub now: SimTime,
    /// Idle instances of the function, the one asked about included.
    pub idle: u32,
    /// Busy instances of the function.
    pub busy: u32,
}

/// Answers when an idle instance goes. A policy answers a question with a value: it schedules nothing and changes no
/// state but its own.
pub trait KeepAlive: Send {
    /// How long to keep an instance warm, asked each time one falls idle.
    fn window(&mut self, view: &View) -> Span;

    /// Told of every arrival, so that learning policies can learn.
    fn observe_arrival(&mut self, _now: SimTime) {}
}

/// A policy at work. The fixed window is known to the engine, which then looks at the oldest idle instance only.
pub enum Window {
    /// The same for every instance at every moment.
    Fixed(Span),
    /// Asked each time.
    Asked(Box<dyn KeepAlive>),
}

impl KeepAliveSpec {
    /// The policy, with no memory yet.
    #[must_use]
    pub fn build(&self) -> Window {
        match self {
            Self::Fixed { window } => Window::Fixed(*window),
            Self::Halving { period } => Window::Asked(Box::new(Halving::new(*period))),
        }
    }
}
