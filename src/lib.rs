//! forewarm: a discrete-event simulator of serverless scaling.
//!
//! A scenario says what arrives, what the functions need, how the platform starts, keeps, limits and removes instances,
//! and what is to be met; forewarm says what users will feel, what it costs and which limit binds first.
//!
//! # As a library
//!
//! A command is a [`study`]: text and options in, named files out, with no file system, clock or terminal. The command line is
//! one more user of it; without it (`default-features = false`) the crate needs nothing of what only a program does.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use forewarm::scenario::{NoFiles, ParseOptions};
//! use forewarm::study::{Source, Study as _, run};
//!
//! let text = br#"
//!     [scenario]
//!     name = "shop"
//!     [simulation]
//!     horizon = "1h"
//!     [platform]
//!     preset = "aws-lambda"
//!     [[function]]
//!     name = "checkout"
//!     memory = "1GB"
//!     duration.constant.value = "200ms"
//!     [[source]]
//!     name = "web"
//!     function = "checkout"
//!     arrivals.poisson.rate = "5/s"
//! "#;
//! let source = Source { name: "shop.toml", bytes: text, files: &NoFiles };
//! let (mut study, _warnings) = run::Run::read(source, &ParseOptions::default())?;
//! let answer = study.run(NonZeroUsize::MIN, &())?;
//! assert!(answer.found.summary.total.requests.arrived.mean > 17_000.0);
//! # Ok::<(), forewarm::study::StudyError>(())
//! ```
//!
//! # Modules
//!
//! They stand on floors and import only from floors below (`tests/it/floors.rs` holds them to it):
//!
//! | floor | modules | what |
//! |---|---|---|
//! | 0 | `time`, `id`, `hash`, `bits`, `prefetch` | the clock, ids, a hash, ordered sets of small numbers, prefetching |
//! | 1 | `rng` | random streams |
//! | 2 | `schema`, `stats`, `metric` | files of tables; estimators; the registry of metrics |
//! | 3 | `dist` | distributions |
//! | 4 | `workload`, `policy`, `path`, `cluster` | what arrives; the questions a platform answers; components of the path; machines |
//! | 5 | [`scenario`], [`import`], [`fit`] | the scenario file, read and checked; infrastructure files, logs and metrics as a scenario |
//! | 6 | [`engine`] | the simulation itself |
//! | 7 | [`measure`] | what is recorded: summary, time series, cost |
//! | 8 | [`experiment`] | replications, cells: the only place where threads share work |
//! | 9 | [`report`] | tables, charts, pages: values in, text out |
//! | 10 | [`study`] | commands without a command line: text and options in, named files out |
//! | 11 | `cli` | the command line: the only place with files, clock and terminal |
//!
//! The modules with a link are public. The others belong to the crate; the feature `internals` shows them to its tests, benches and fuzz targets.

#![cfg_attr(not(feature = "internals"), allow(unreachable_pub, reason = "with the feature these items can be reached"))]
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports, reason = "only the command line makes up traces"))]

pub mod engine;
pub mod experiment;
pub mod fit;
pub mod import;
pub mod measure;
pub mod report;
pub mod scenario;
pub mod study;

pub use time::{SimTime, Span};

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

mod hash;
mod prefetch;

#[cfg(not(feature = "internals"))]
mod bits;
#[cfg(not(feature = "internals"))]
mod cluster;
#[cfg(not(feature = "internals"))]
mod dist;
#[cfg(not(feature = "internals"))]
mod id;
#[cfg(not(feature = "internals"))]
mod metric;
#[cfg(not(feature = "internals"))]
mod path;
#[cfg(not(feature = "internals"))]
mod policy;
#[cfg(not(feature = "internals"))]
mod rng;
#[cfg(not(feature = "internals"))]
mod schema;
#[cfg(not(feature = "internals"))]
mod stats;
#[cfg(not(feature = "internals"))]
mod time;
#[cfg(not(feature = "internals"))]
mod workload;

#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod bits;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod cluster;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod dist;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod id;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod metric;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod path;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod policy;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod rng;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod schema;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod stats;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod time;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod workload;
