//! A window drawn for each instance: what a platform that gives no rule looks like from outside.

use super::{KeepAlive, View};
use crate::dist::Dist;
use crate::rng::Stream;
use crate::time::Span;

/// Windows with a given law, independent of each other.
#[derive(Clone, Debug)]
pub struct Drawn {
    window: Dist,
    stream: Stream,
}

impl Drawn {
    /// Windows of this law.
    #[must_use]
    pub const fn new(window: Dist, stream: Stream) -> Self {
        Self { window, stream }
    }
}

impl KeepAlive for Drawn {
    fn window(&mut self, _: &View) -> Span {
        self.window.sample(&mut self.stream)
    }
}
