//! The integration tests, one binary.

mod bad_scenarios;
mod floors;
mod scenarios;
mod vectors;
