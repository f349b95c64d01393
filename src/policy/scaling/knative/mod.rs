//! The Knative Pod Autoscaler (KPA), as in `knative/serving` at commit 98e5ef90aa7033797aa0a61ef97f3ff7e49a3944.
//!
//! | part | file | when it acts |
//! |---|---|---|
//! | settings | [`config`], [`annotations`], [`settings`] | once, and when they change |
//! | queue-proxy and activator statistics | [`stats`] | each request; a report every second |
//! | scraping | [`scrape`] | every second |
//! | metric collector | [`collector`], on [`window`]s | each report that arrives |
//! | decider | [`decider`], with its [`delay`] window | every two seconds |
//! | autoscaler: collector, decider, publishing, pokes | [`autoscaler`] | both of the above |
//! | bounds, scale to zero and back, the service | [`reconciler`], `gate`, [`service`] | each change, and on request |
//! | collector, decider and reconciler on recorded metrics | `replay` | every two seconds |
//! | request path | [`throttler`], with [`breaker`] and load balancer ([`activator`]); without activator the [`ingress`] | each request |
//!
//! All times count from the Unix epoch, because buckets and delay slots are aligned to the Unix clock and not to the
//! creation of an object; the engine chooses the time at which a run starts. Arithmetic is plain `f64` in the order of
//! the original, without fused multiply-add.

pub use parameters::KnativeParameters;

use crate::time::Span;

pub mod activator;
pub mod annotations;
pub mod autoscaler;
pub mod breaker;
pub mod collector;
pub mod config;
pub mod decider;
pub mod delay;
mod gate;
pub mod ingress;
mod parameters;
pub mod pod_autoscaler;
pub mod reconciler;
mod replay;
pub mod scrape;
pub mod service;
pub mod settings;
pub mod stats;
pub mod throttler;
pub mod window;

/// Interval between ticks of the decider, from its creation on; also the length of a slot of the delay window.
pub const TICK_INTERVAL: Span = Span::from_secs(2);
/// Interval of scrapes and of reports from queue-proxies and activators; also the length of a bucket of a window.
pub const REPORT_INTERVAL: Span = Span::from_secs(1);
/// The number of pods, desired or published, that means "not known yet".
pub const UNKNOWN_SCALE: i32 = -1;
