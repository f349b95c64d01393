//! The integration tests, one binary.

#![expect(clippy::disallowed_methods, reason = "tests read and write files; the border of `cli` is for the program")]

mod backtest;
mod bad_scenarios;
mod billing;
mod browser;
mod chaos;
mod clouds;
mod compare;
mod conformance;
mod coverage;
mod docs;
mod failures;
mod files;
mod fit;
mod floors;
mod gate;
mod good_scenarios;
mod habits;
mod harness;
mod import;
mod invariants;
mod keep_alive;
mod knative;
mod lambda;
mod monitoring;
mod oracles;
mod path;
mod path_metrics;
mod plan;
mod policies;
mod processors;
mod program;
mod queueing;
mod quick;
mod reference;
mod reports;
mod security;
mod shipped_scenarios;
mod signatures;
mod sites;
mod statistics;
mod sweep;
mod trace_readers;
mod traces;
mod vectors;
