//! The same window for every idle instance.

use super::{Policy, Window};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars;
use crate::time::Span;

parameters! {
    /// After the same idle time for every instance.
    pub struct FixedSpec {
        /// Idle time; "forever": instances are never removed.
        default window: scalars::Window = Span::from_secs(600),
    }
}

parameters! {
    /// Never.
    pub struct ForeverSpec {}
}

impl Default for FixedSpec {
    fn default() -> Self {
        Self { window: Span::from_secs(600) }
    }
}

impl Policy for FixedSpec {
    fn build(&self, _: &dyn Fn() -> Stream) -> Window {
        Window::Fixed(self.window)
    }

    fn fixed_window(&self) -> Option<Span> {
        Some(self.window)
    }
}

impl Policy for ForeverSpec {
    fn build(&self, _: &dyn Fn() -> Stream) -> Window {
        Window::Fixed(Span::FOREVER)
    }

    fn fixed_window(&self) -> Option<Span> {
        Some(Span::FOREVER)
    }
}
