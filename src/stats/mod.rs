//! Estimators: histograms, exact moments, intervals, many comparisons at once, the cheapest of many
//! systems, what no other beats, the end of the warm-up.

pub mod batch;
pub mod books;
pub mod comparison;
mod front;
mod histogram;
pub mod interval;
mod moments;
pub mod precision;
pub mod quantile;
pub mod selection;
mod warm_up;

pub use front::{front, knee};
pub use histogram::Histogram;
pub use moments::Moments;
pub use warm_up::mser5;
