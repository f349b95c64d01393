//! The integration tests, one binary.

mod floors;
mod vectors;
