//! The Kubernetes HorizontalPodAutoscaler, v2 (1.33 or later, with a tolerance for each direction).
//!
//! | part | file |
//! |---|---|
//! | which pods count, and how | [`pods`] |
//! | pods one metric asks for | [`calculator`] |
//! | stabilisation windows and rate policies | [`behavior`] |
//! | one sync: metrics, history, bounds | [`controller`] |
//! | samples of the pods, and when they are seen | [`samples`] |
//! | the whole as a scaling policy | [`autoscaler`] |
//! | the same on recorded metrics | `replay` |
//!
//! Metric values are integers in thousandths of their unit, and averages are integer divisions, as in the original
//! (`pkg/controller/podautoscaler` of kubernetes/kubernetes).

pub mod autoscaler;
pub mod behavior;
pub mod calculator;
pub mod controller;
pub(super) mod parameters;
pub mod pods;
mod replay;
pub mod samples;
