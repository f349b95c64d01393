//! The simulation: events, instances, limits.

mod observer;

pub use observer::{Finished, Levels, Limit, Observer, Outcome};
