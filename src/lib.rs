//! forewarm: a discrete-event simulator of serverless scaling.
//!
//! A scenario says what arrives, what the functions need, how the platform starts, keeps, limits and removes instances,
//! and what is to be met; forewarm says what users will feel, what it costs and which limit binds first.
//!
//! The modules stand on floors and import only from floors below (`tests/it/floors.rs` holds them to it):
//!
//! | floor | modules | what |
//! |---|---|---|
//! | 0 | [`time`], [`id`], `hash`, [`bits`] | the clock, ids, a hash, ordered sets of small numbers |
//! | 1 | [`rng`] | random streams |
//! | 2 | `schema`, [`stats`], [`queueing`], [`metric`] | files of tables; estimators; closed forms; the registry of metrics |
//! | 3 | [`dist`] | distributions |
//! | 4 | [`workload`], [`policy`], [`path`], [`cluster`] | what arrives; the questions a platform answers; components of the path; machines |
//! | 5 | [`scenario`], [`import`], [`fit`] | the scenario file, read and checked; infrastructure files, logs and metrics as a scenario |
//! | 6 | [`engine`] | the simulation itself |
//! | 7 | [`measure`] | what is recorded: summary, time series, cost |
//! | 8 | [`experiment`] | replications, cells: the only place where threads share work |
//! | 9 | [`report`] | tables, charts, pages: values in, text out |
//! | 10 | [`study`] | commands without a command line: text and options in, named files out |
//! | 11 | [`cli`] | the command line: the only place with files, clock and terminal |

pub mod bits;
pub mod cli;
pub mod cluster;
pub mod dist;
pub mod engine;
pub mod experiment;
pub mod fit;
mod hash;
pub mod id;
pub mod import;
pub mod measure;
pub mod metric;
pub mod path;
pub mod policy;
pub mod queueing;
pub mod report;
pub mod rng;
pub mod scenario;
#[doc(hidden)]
pub mod schema;
pub mod stats;
pub mod study;
pub mod time;
pub mod workload;
