//! What a scenario says about recorded requests. The files are read by somebody else.

use super::OnError;
use crate::schema::declare::*;
use crate::schema::scalars::{Positive, Text};
use crate::workload::{ArrivalSpec, Process, Spread};

parameters! {
    /// Recorded requests, from a file.
    pub struct TraceSpec {
        /// The file: for azure-2019 the invocations; gzip and zstd are read as they are.
        required file: Spanned<Text>,
        /// How the file is written.
        required format: TraceFormat,
        /// azure-2019: the file of durations.
        optional durations: Spanned<Text>,
        /// azure-2019: the file of memory.
        optional memory: Spanned<Text>,
        /// azure-2019: how the requests of a minute lie within it.
        default spread: Spread = Spread::Uniform,
        /// What a row that cannot be read does.
        default on_error: OnError = OnError::Fail,
    }
}

impl TraceSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        for (key, path) in [("durations", &self.durations), ("memory", &self.memory)] {
            if path.is_some() && self.format != TraceFormat::Azure2019 {
                let what = "is a file of azure-2019 only: other formats have it in their rows";
                check.wrong_with(key, what, format!("remove `{key}`"));
            }
        }
    }
}

impl Process for TraceSpec {
    /// They bring their functions.
    fn arrivals(&self) -> Option<ArrivalSpec> {
        None
    }
}

parameters! {
    /// Recorded counts of requests per interval, from a file.
    pub struct RateTraceSpec {
        /// The file; gzip and zstd are read as they are.
        required file: Spanned<Text>,
        /// What the counts are multiplied with.
        default scale: Positive = 1.0,
        /// How the requests of an interval lie within it.
        default spread: Spread = Spread::Poisson,
        /// What a row that cannot be read does.
        default on_error: OnError = OnError::Fail,
    }
}

impl Process for RateTraceSpec {
    /// They are read.
    fn arrivals(&self) -> Option<ArrivalSpec> {
        None
    }
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// Counts by function and minute.
    Azure2019,
    /// A row for each request, as published.
    Azure2021,
    /// A row for each request, as forewarm writes it.
    Forewarm,
}

choice! { TraceFormat {
    "azure-2019" => TraceFormat::Azure2019, "Azure Functions 2019: counts per minute, functions by hash.";
    "azure-2021" => TraceFormat::Azure2021, "Azure Functions 2021: one row for each invocation.";
    "forewarm" => TraceFormat::Forewarm, "time_s,function[,duration_s][,memory_mb].";
} }

choice! { Spread {
    "uniform" => Spread::Uniform, "As many as counted, at random moments.";
    "poisson" => Spread::Poisson, "A Poisson process with the counted mean.";
    "equidistant" => Spread::Equidistant, "As many as counted, at equal gaps.";
} }

choice! { OnError {
    "fail" => OnError::Fail, "It ends the run, with file and line.";
    "skip" => OnError::Skip, "It is counted and left out.";
} }
