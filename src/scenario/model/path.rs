//! Sources, and the targets of requests.

use super::Function;
use crate::dist::Dist;
use crate::id::{ComponentId, FnId};
use crate::path::ComponentSpec;
use crate::workload::{ArrivalSpec, Payload};

/// A source of requests.
#[derive(Clone, Debug)]
pub struct Source {
    /// Unique name.
    pub name: String,
    /// Target of its requests.
    pub target: Target,
    /// When requests arrive.
    pub arrivals: ArrivalSpec,
    /// T_func of its requests, instead of that of their function.
    pub duration: Option<Dist>,
    /// Sizes of its requests and of their responses; `None`: sizes do not matter.
    pub payload: Option<Payload>,
}

impl Source {
    /// Duration of its requests, where it does not depend on the request.
    #[must_use]
    pub fn service<'a>(&'a self, functions: &'a [Function]) -> Option<&'a Dist> {
        let of_target = || match &self.target {
            Target::Function(id) => functions.get(id.index()).map(|function| &function.duration),
            Target::ByTrace(_) | Target::Component(_) => None,
        };
        self.duration.as_ref().or_else(of_target)
    }

    /// Its mean, s; 0 where it depends on the request.
    #[must_use]
    pub fn service_mean_s(&self, functions: &[Function]) -> f64 {
        let brought = self.arrivals.service_s();
        brought.unwrap_or_else(|| self.service(functions).map_or(0.0, Dist::mean_s))
    }
}

/// A location of functions and components.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Unique name.
    pub name: String,
    /// Number of availability zones.
    pub zones: u32,
    /// Its functions and components.
    pub holds: Vec<Destination>,
}

/// A component of the path of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Unique name.
    pub name: String,
    /// Its parameters.
    pub spec: ComponentSpec,
    /// Its targets.
    pub targets: Vec<Destination>,
}

/// The target of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// To a function.
    Function(FnId),
    /// To another component.
    Component(ComponentId),
    /// Through this entry of a component with several entries, to its target with the same index.
    Entry(ComponentId, u32),
}

/// The target of a source's requests.
#[derive(Clone, Debug)]
pub enum Target {
    /// One function for all.
    Function(FnId),
    /// The function named in the row of the trace: element `i` is the function of the trace's `i`-th name.
    ByTrace(std::sync::Arc<[FnId]>),
    /// One component of the path for all.
    Component(ComponentId),
}
