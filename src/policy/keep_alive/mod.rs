//! Keep-alive: when an idle instance is removed.

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

/// What the parameters of a keep-alive policy define.
pub trait Policy {
    /// The policy, without history; only random policies use the stream.
    fn build(&self, stream: &dyn Fn() -> Stream) -> Window;

    /// The policy of an application, without history; `None` if each function has its own.
    fn build_for_app(&self) -> Option<Box<dyn AppKeepAlive>> {
        None
    }

    /// Whether the functions of one application decide together.
    fn is_by_app(&self) -> bool {
        false
    }

    /// The window, if it is the same for every instance at all times.
    fn fixed_window(&self) -> Option<Span> {
        None
    }

    /// The distribution from which it draws, whose values may have to be read from a file.
    fn distribution(&mut self) -> Option<&mut DistSpec> {
        None
    }

    /// Which instance is removed first when memory is short, if the policy says so.
    fn eviction_rule(&self) -> Option<Rule> {
        None
    }
}

/// What a policy can read.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The moment of the question.
    pub now: SimTime,
    /// Idle instances of the function, including this one.
    pub idle: u32,
    /// Busy instances of the function.
    pub busy: u32,
}

/// What happens to an application when its last execution ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// It is unloaded at once and reloaded after this time; zero: it stays loaded.
    pub pre_warm: Span,
    /// How long it stays loaded, from then on.
    pub keep_alive: Span,
}

impl Windows {
    /// It stays loaded for this long.
    #[must_use]
    pub const fn stay(keep_alive: Span) -> Self {
        Self { pre_warm: Span::ZERO, keep_alive }
    }
}

/// Decides when an idle instance is removed. A policy returns a value: it schedules nothing and changes only its own
/// state.
pub trait KeepAlive: Send {
    /// How long to keep an instance warm, asked each time one becomes idle.
    fn window(&mut self, view: &View) -> Span;

    /// Called on every arrival, for policies that learn.
    fn observe_arrival(&mut self, _now: SimTime) {}
}

/// Learns from the idle times of an application (or of a single function), from the end of its last execution to its
/// next invocation, and decides for all its functions together.
pub trait AppKeepAlive: Send {
    /// Adds an idle time.
    fn observe_idle(&mut self, idle: Span);

    /// What happens when an execution ends; constant until the next idle time is added.
    fn windows(&self) -> Windows;

    /// A function that has not run for this long is not reloaded.
    fn range(&self) -> Span;
}

/// The state of a policy. The engine treats the fixed window separately: it checks only the oldest idle instance.
pub enum Window {
    /// The same for every instance at all times.
    Fixed(Span),
    /// Asked each time.
    Asked(Box<dyn KeepAlive>),
    /// Asked once for all functions of an application, or for one function as an application of its own:
    /// [`Policy::build_for_app`].
    ByApp,
}
