//! The integration tests, one binary.

mod bad_scenarios;
mod floors;
mod harness;
mod invariants;
mod oracles;
mod reference;
mod scenarios;
mod vectors;
