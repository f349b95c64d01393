//! Keep-alive: when does an idle instance go away?

mod adaptive;
mod drawn;
mod fixed;
pub mod greedy_dual;
mod halving;
mod hybrid_histogram;
mod measured;

use crate::dist::DistSpec;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::time::{SimTime, Span};
use adaptive::AdaptiveSpec;
use drawn::DrawnSpec;
pub use fixed::{FixedSpec, ForeverSpec};
use greedy_dual::{GreedyDualSpec, Rule};
pub use halving::HalvingSpec;
use hybrid_histogram::HybridHistogramSpec;
use measured::MeasuredSpec;

union! {
    /// When idle instances are removed.
    pub enum KeepAliveSpec ("keep-alive"): Policy {
        "fixed" => Fixed(FixedSpec),
        "forever" => Forever(ForeverSpec),
        "halving" => Halving(HalvingSpec),
        "drawn" => Drawn(DrawnSpec),
        "measured" => Measured(MeasuredSpec),
        "adaptive" => Adaptive(AdaptiveSpec),
        "hybrid-histogram" => HybridHistogram(HybridHistogramSpec),
        "greedy-dual" => GreedyDual(GreedyDualSpec),
    }
}

impl Default for KeepAliveSpec {
    fn default() -> Self {
        Self::Fixed(Box::default())
    }
}

/// What the parameters of a keep-alive policy say about it.
pub trait Policy {
    /// The policy, with no memory yet; only those that toss coins take the stream.
    fn build(&self, stream: &dyn Fn() -> Stream) -> Window;

    /// The policy of an application, with no memory yet; none if each function has its own.
    fn build_for_app(&self) -> Option<Box<dyn AppKeepAlive>> {
        None
    }

    /// Whether functions of one application decide together.
    fn is_by_app(&self) -> bool {
        false
    }

    /// The window, where it is the same for every instance at every moment whatever else happens.
    fn fixed_window(&self) -> Option<Span> {
        None
    }

    /// The distribution that it draws from, whose values may have to be read from a file.
    fn distribution(&mut self) -> Option<&mut DistSpec> {
        None
    }

    /// Which instance goes first when memory is short, where the policy says so.
    fn eviction_rule(&self) -> Option<Rule> {
        None
    }
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
    /// [`Policy::build_for_app`].
    ByApp,
}
