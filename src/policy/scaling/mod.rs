//! Scaling: how many instances there should be, decided on a clock of its own rather than by each request.
//!
//! Every policy here is a deterministic state machine: it is told the time and what was measured, and answers with a
//! number. It schedules nothing and knows no engine, so that the conformance tests run the very code the engine runs.

pub mod hpa;
pub mod keda;
pub mod knative;
pub mod target_tracking;
