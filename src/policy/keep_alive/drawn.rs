//! A window drawn for each instance: how a platform without a published rule looks from outside.

use super::{KeepAlive, Policy, View, Window};
use crate::dist::{Dist, DistSpec};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::time::Span;

parameters! {
    /// After a random idle time, drawn for each instance.
    pub struct DrawnSpec {
        /// Distribution of the idle time.
        required window: DistSpec,
    }
}

impl Policy for DrawnSpec {
    fn build(&self, stream: &dyn Fn() -> Stream) -> Window {
        // Distributions are valid once checked; others are never simulated.
        let window = self.window.dist().unwrap_or(Dist::Constant(Span::FOREVER));
        Window::Asked(Box::new(Drawn::new(window, stream())))
    }

    fn distribution(&mut self) -> Option<&mut DistSpec> {
        Some(&mut self.window)
    }
}

/// Independent windows from a distribution.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    window: Dist,
    stream: Stream,
}

impl Drawn {
    /// Windows from this distribution.
    pub(super) const fn new(window: Dist, stream: Stream) -> Self {
        Self { window, stream }
    }
}

impl KeepAlive for Drawn {
    fn window(&mut self, _: &View) -> Span {
        self.window.sample(&mut self.stream)
    }
}
