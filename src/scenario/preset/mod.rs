//! Platform presets: the values of a real platform, each with its source and date, as a fragment of a scenario that is
//! merged below the scenario's own values; what the platform would reject; and the cold starts of its runtimes.
//!
//! A preset is one file in `platforms/` and one line in the list below.

mod allowed;
mod cold_start;
mod file;

use std::sync::OnceLock;

pub(super) use allowed::Allowed;
pub(super) use file::PresetFile;
pub use file::{Fact, KeptWarm, Origin};

use crate::schema::decode::{Field, Reader};
use crate::schema::shape::Shape;
use crate::schema::tree::{Node, Value};

/// A preset, by its index in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preset(usize);

macro_rules! presets {
    ($($name:literal => $about:literal;)+) => {
        const NAMES: &[(&str, &str)] = &[$(($name, $about)),+];
        const TEXTS: &[&str] = &[$(include_str!(concat!("platforms/", $name, ".toml"))),+];
        static FILES: [OnceLock<PresetFile>; NAMES.len()] = [const { OnceLock::new() }; NAMES.len()];
    };
}

presets! {
    "aws-lambda" => "AWS Lambda: limits, scaling rate, keep-alive, cold starts by runtime, prices of us-east-1.";
    "aws-lambda-keep-alive-2017" => "AWS Lambda with the keep-alive measured in 2017: 27 minutes.";
    "aws-lambda-keep-alive-2019" => "AWS Lambda with the keep-alive measured in 2019: 10 minutes.";
    "aws-lambda-keep-alive-2021" => "AWS Lambda with the keep-alive of single instances measured in 2021: 5 to 7 \
                                     minutes.";
    "aws-lambda-managed-instances" => "AWS Lambda on managed EC2 instances: several requests at a time, no scaling to \
                                       zero, charged by instance.";
    "azure-consumption" => "Azure Functions, Consumption plan: the scale controller, memory in steps of 128 MB.";
    "azure-flex" => "Azure Functions, Flex Consumption plan: instances by concurrency, always-ready instances.";
    "azure-premium" => "Azure Functions, Elastic Premium plan: charged by instance, at least one at all times.";
    "gcp-cloud-run" => "Google Cloud Run, request-based billing: vCPU-seconds and GiB-seconds while a request is in \
                        progress.";
    "gcp-cloud-run-instance-based" => "Google Cloud Run, instance-based billing: the whole lifetime of each instance.";
    "gcp-functions" => "Google Cloud Run functions (2nd generation): Cloud Run with one request at a time.";
    "gcp-functions-1st-gen" => "Google Cloud Run functions (1st generation): GHz-seconds and GB-seconds.";
    "alibaba-fc" => "Alibaba Cloud Function Compute 3.0: compute units (CU) for vCPUs, memory and invocations.";
    "tencent-scf" => "Tencent Cloud Serverless Cloud Function: concurrency limited in memory.";
    "huawei-functiongraph" => "Huawei Cloud FunctionGraph: a keep-alive of one minute, cold starts from its public \
                               trace.";
    "cloudflare-workers" => "Cloudflare Workers, Standard usage model: isolates, charged by CPU time.";
    "knative" => "Knative Serving with its default configuration: no charges.";
    "openwhisk" => "Apache OpenWhisk with its default configuration: no charges.";
    "openfaas" => "OpenFaaS Standard and Enterprise with their default autoscaler: no charges.";
    "openfaas-ce" => "OpenFaaS Community Edition: up to five replicas, scaled by alerts; no charges.";
    "servers" => "An autoscaled fleet of virtual machines (EC2 m7g), for comparison with serverless.";
    "fission" => "Fission with its pool manager: no charges.";
}

impl Preset {
    /// The preset with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().position(|(known, _)| *known == name).map(Self)
    }

    /// Every preset.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).map(Self)
    }

    /// Its name in a scenario.
    pub(super) fn name(self) -> &'static str {
        NAMES[self.0].0
    }

    /// A one-sentence description.
    pub(super) fn about(self) -> &'static str {
        NAMES[self.0].1
    }

    /// The contents of its file.
    pub(super) fn file(self) -> &'static PresetFile {
        FILES[self.0].get_or_init(|| PresetFile::read(TEXTS[self.0]))
    }

    /// What the platform allows.
    pub(super) fn allowed(self) -> &'static Allowed {
        &self.file().allowed
    }
}

impl Field for Preset {
    type Value = Self;
    const SHAPE: Shape = Shape::Choice(NAMES);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let found = node.text().and_then(Self::named);
        found.or_else(|| reader.refuse_choice(node, &NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>()))
    }
    fn write(value: &Self) -> Value {
        Value::from_text(value.name())
    }
}

#[cfg(test)]
mod tests;
