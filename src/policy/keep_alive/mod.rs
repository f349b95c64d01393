//! Keep-alive: when does an idle instance go away?

pub mod adaptive;
mod drawn;
pub mod greedy_dual;
mod halving;
pub mod hybrid_histogram;
mod measured;

pub use drawn::Drawn;
pub use halving::Halving;
pub use measured::Measured;

use crate::dist::Dist;
use crate::rng::Stream;
use crate::time::{SimTime, Span};
use adaptive::{Adaptive, AdaptiveSpec};
use greedy_dual::Rule;
use hybrid_histogram::{HybridHistogram, HybridHistogramSpec};

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
    /// Each idle instance stays for a time of its own.
    Drawn {
        /// The law of that time.
        window: Dist,
    },
    /// Each idle instance stays as long as most idle times of its function were.
    Adaptive(AdaptiveSpec),
    /// Each application is unloaded and loaded again as the histogram of its idle times says.
    HybridHistogram(Box<HybridHistogramSpec>),
    /// Instances stay until their memory is needed.
    GreedyDual {
        /// Who goes first then.
        rule: Rule,
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

/// What happens to an application when its last execution ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// It is unloaded at once, and after this time loaded again; zero: it stays loaded.
    pub pre_warm: Span,
    /// How long it stays loaded, counted from then.
    pub keep_alive: Span,
}

impl Windows {
    /// It stays loaded for so long.
    #[must_use]
    pub const fn stay(keep_alive: Span) -> Self {
        Self { pre_warm: Span::ZERO, keep_alive }
    }
}

/// Answers when an idle instance goes. A policy answers a question with a value: it schedules nothing and changes no
/// state but its own.
pub trait KeepAlive: Send {
    /// How long to keep an instance warm, asked each time one falls idle.
    fn window(&mut self, view: &View) -> Span;

    /// Told of every arrival, so that learning policies can learn.
    fn observe_arrival(&mut self, _now: SimTime) {}
}

/// Learns from the idle times of an application (or a function alone), from the end of its last execution to its next invocation, and decides
/// for all its functions together.
pub trait AppKeepAlive: Send {
    /// Learns an idle time.
    fn observe_idle(&mut self, idle: Span);

    /// What happens when an execution ends; the same until the next idle time is observed.
    fn windows(&self) -> Windows;

    /// A function that has not run for so long is not loaded again.
    fn range(&self) -> Span;
}

/// A policy at work. The fixed window is known to the engine, which then looks at the oldest idle instance only.
pub enum Window {
    /// The same for every instance at every moment.
    Fixed(Span),
    /// Asked each time.
    Asked(Box<dyn KeepAlive>),
    /// Asked once for all functions of an application, or for one function as if it were one:
    /// [`KeepAliveSpec::build_for_app`].
    ByApp,
}

impl KeepAliveSpec {
    /// The policy, with no memory yet; only those that toss coins take the stream.
    #[must_use]
    pub fn build(&self, stream: impl FnOnce() -> Stream) -> Window {
        match self {
            Self::Fixed { window } => Window::Fixed(*window),
            Self::Halving { period } => Window::Asked(Box::new(Halving::new(*period))),
            Self::Drawn { window } => Window::Asked(Box::new(Drawn::new(window.clone(), stream()))),
            Self::Adaptive(_) | Self::HybridHistogram(_) => Window::ByApp,
            Self::GreedyDual { rule: Rule::TimeToLive(window) } => Window::Fixed(*window),
            Self::GreedyDual { .. } => Window::Fixed(Span::FOREVER),
        }
    }

    /// The policy of an application, with no memory yet; none if each function has its own.
    #[must_use]
    pub fn build_for_app(&self) -> Option<Box<dyn AppKeepAlive>> {
        match self {
            Self::Fixed { .. } | Self::Halving { .. } | Self::Drawn { .. } | Self::GreedyDual { .. } => None,
            Self::Adaptive(spec) => Some(Box::new(Adaptive::new(spec.clone()))),
            Self::HybridHistogram(spec) => Some(Box::new(HybridHistogram::new((**spec).clone()))),
        }
    }

    /// Whether functions of one application decide together.
    #[must_use]
    pub const fn is_by_app(&self) -> bool {
        matches!(self, Self::HybridHistogram(_))
    }
}
