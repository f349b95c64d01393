//! The scenario: what arrives, what the functions need, how the platform behaves, what must be met.
//!
//! [`Scenario`] is the checked form: a wrong state cannot be written. It is made from text in two passes, `raw` (exactly
//! what the file says, with positions) and `check` (every problem at once, each with its place and advice).

mod model;

pub use model::*;
