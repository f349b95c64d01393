//! Capacity planning: the cheapest configuration that meets the objectives, how sure that is, and when it breaks.

pub mod search;
pub mod space;
