//! The formats that are read: a file each, and a line in [`FORMATS`].

mod arm;
pub(super) mod aws_cli;
pub(in crate::import) mod azure;
pub(super) mod cloudformation;
mod function_json;
mod google;
pub(super) mod host_json;
mod intrinsics;
pub(in crate::import) mod kubernetes;
mod lambda;
pub(in crate::import) mod parameters;
pub(super) mod serverless;
pub(super) mod step_functions;
pub(super) mod terraform;

use super::model::Model;
use super::reader::Notes;
use super::tree::Node;

/// A format of documents.
pub(super) struct Format {
    /// What it is called, as in "AWS SAM or CloudFormation template".
    pub(super) name: &'static str,
    /// Whether a document is of it, by the keys it has.
    pub(super) is: fn(&Node) -> bool,
    /// Takes in what a document describes.
    pub(super) read: fn(&Node, &mut Model, &Notes),
}

/// All of them; the first that knows a document reads it.
pub(super) const FORMATS: [&Format; 12] = [
    &parameters::FORMAT,
    &cloudformation::FORMAT,
    &serverless::FORMAT,
    &terraform::PLAN,
    &terraform::STATE,
    &kubernetes::FORMAT,
    &arm::FORMAT,
    &host_json::FORMAT,
    &function_json::FORMAT,
    &google::FORMAT,
    &aws_cli::FORMAT,
    &step_functions::FORMAT,
];
