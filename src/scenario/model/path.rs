//! Sources, and where requests go.

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
    /// Where its requests go.
    pub target: Target,
    /// When requests arrive.
    pub arrivals: ArrivalSpec,
    /// T_func of its requests, in place of that of their function.
    pub duration: Option<Dist>,
    /// How large its requests are, and their answers; none: that does not matter.
    pub payload: Option<Payload>,
}

impl Source {
    /// How long its requests run, where that does not depend on the request.
    #[must_use]
    pub fn service<'a>(&'a self, functions: &'a [Function]) -> Option<&'a Dist> {
        let of_target = || match &self.target {
            Target::Function(id) => functions.get(id.index()).map(|function| &function.duration),
            Target::ByTrace(_) | Target::Component(_) => None,
        };
        self.duration.as_ref().or_else(of_target)
    }

    /// The mean of it, s; 0 where it depends on the request.
    #[must_use]
    pub fn service_mean_s(&self, functions: &[Function]) -> f64 {
        let brought = self.arrivals.service_s();
        brought.unwrap_or_else(|| self.service(functions).map_or(0.0, Dist::mean_s))
    }
}

/// A place where functions and components are.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Unique name.
    pub name: String,
    /// Availability zones that instances of functions are spread over.
    pub zones: u32,
    /// The functions and components that are there.
    pub holds: Vec<Destination>,
}

/// A component of the path of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Unique name.
    pub name: String,
    /// What it does.
    pub spec: ComponentSpec,
    /// Where it passes requests on to.
    pub targets: Vec<Destination>,
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// To a function.
    Function(FnId),
    /// To another component.
    Component(ComponentId),
    /// By this entry of a component that has several, which leads to its target of the same number.
    Entry(ComponentId, u32),
}

/// Where the requests of a source go.
#[derive(Clone, Debug)]
pub enum Target {
    /// All to one function.
    Function(FnId),
    /// Each to the function that its row of the trace names: place `i` is the function of the trace's `i`-th name.
    ByTrace(std::sync::Arc<[FnId]>),
    /// All to one component of the path.
    Component(ComponentId),
}
