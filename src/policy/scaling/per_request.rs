//! Each request without a free slot starts an instance; nothing is decided on a clock.

use super::{Policy, Scaling};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;

parameters! {
    /// A request without a free slot gets a new instance, as on AWS Lambda.
    pub struct PerRequest {}
}

impl Policy for PerRequest {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        None
    }

    fn owns_all_instances(&self) -> bool {
        false
    }
}
