//! A window drawn for each instance: what a platform that gives no rule looks like from outside.

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
        // What is checked can be made; what cannot is never simulated.
        let window = self.window.dist().unwrap_or(Dist::Constant(Span::FOREVER));
        Window::Asked(Box::new(Drawn::new(window, stream())))
    }

    fn distribution(&mut self) -> Option<&mut DistSpec> {
        Some(&mut self.window)
    }
}

/// Windows with a given law, independent of each other.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    window: Dist,
    stream: Stream,
}

impl Drawn {
    /// Windows of this law.
    pub(super) const fn new(window: Dist, stream: Stream) -> Self {
        Self { window, stream }
    }
}

impl KeepAlive for Drawn {
    fn window(&mut self, _: &View) -> Span {
        self.window.sample(&mut self.stream)
    }
}
