//! Idle rules of platforms, documented or measured from outside.

use super::drawn::Drawn;
use super::{Policy, Window};
use crate::dist::Dist;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::time::Span;

parameters! {
    /// As measured on a platform.
    pub struct MeasuredSpec {
        /// The platform.
        required platform: Measured,
    }
}

impl Policy for MeasuredSpec {
    fn build(&self, stream: &dyn Fn() -> Stream) -> Window {
        match self.platform.rule() {
            Rule::Fixed(window) => Window::Fixed(window),
            Rule::Drawn(points) => Window::Asked(Box::new(Drawn::new(drawn(points), stream()))),
        }
    }

    fn fixed_window(&self) -> Option<Span> {
        if let Rule::Fixed(window) = self.platform.rule() { Some(window) } else { None }
    }
}

choice! {
    /// A platform, with the source of its idle rule.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Measured {
        "aws-lambda" => AwsLambda, "AWS Lambda, one instance, January 2021 (Shilkov): 5 to 7 minutes. For many instances, see `halving`.";
        "azure-functions" => AzureFunctions, "Azure Functions, consumption plan, January 2021 (Shilkov): mostly 20 to 30 minutes.";
        "azure-functions-2019" => AzureFunctions2019, "Azure Functions in 2019 (Shahrad et al., ATC 2020): 20 minutes.";
        "google-cloud" => GoogleCloud, "Google Cloud Functions and Cloud Run: 15 minutes, measured in January 2021 and documented.";
        "huawei-functiongraph" => HuaweiFunctionGraph, "Huawei FunctionGraph (Joosen et al., EuroSys 2025): 1 minute.";
        "openwhisk" => OpenWhisk, "Apache OpenWhisk, the default of its idle container: 10 minutes.";
        "fission" => Fission, "Fission, the default of its pool manager in 2026: 2 minutes.";
    }
}

const fn minutes(minutes: u64) -> Span {
    Span::from_secs(60 * minutes)
}

/// Outside the measured points, the ends are assumptions.
const AWS_LAMBDA: [(f64, Span); 4] = [(0.0, minutes(4)), (0.003, minutes(5)), (0.41, minutes(6)), (1.0, minutes(7))];
const AZURE_FUNCTIONS: [(f64, Span); 8] = [
    (0.0, Span::ZERO),
    (0.10, minutes(10)),
    (0.21, minutes(20)),
    (0.50, minutes(22)),
    (0.78, minutes(24)),
    (0.91, minutes(28)),
    (0.94, minutes(30)),
    (1.0, minutes(40)),
];

/// How long an idle instance stays.
enum Rule {
    /// A constant time.
    Fixed(Span),
    /// The share of instances that are gone after each time.
    Drawn(&'static [(f64, Span)]),
}

impl Measured {
    /// The policy that it describes.
    const fn rule(self) -> Rule {
        match self {
            Self::AwsLambda => Rule::Drawn(&AWS_LAMBDA),
            Self::AzureFunctions => Rule::Drawn(&AZURE_FUNCTIONS),
            Self::AzureFunctions2019 => Rule::Fixed(minutes(20)),
            Self::GoogleCloud => Rule::Fixed(minutes(15)),
            Self::HuaweiFunctionGraph => Rule::Fixed(minutes(1)),
            Self::OpenWhisk => Rule::Fixed(minutes(10)),
            Self::Fission => Rule::Fixed(minutes(2)),
        }
    }
}

/// The share of instances that are gone after each time is the distribution of their idle times.
fn drawn(points: &[(f64, Span)]) -> Dist {
    Dist::percentiles(points).expect("points from 0 to 1 that rise: a test reads them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_comes_out() {
        for (measured, p, expected) in [
            (Measured::AwsLambda, 0.41, minutes(6)),
            (Measured::AwsLambda, 0.705, Span::from_secs(390)),
            (Measured::AzureFunctions, 0.5, minutes(22)),
            (Measured::AzureFunctions, 0.94, minutes(30)),
        ] {
            let Rule::Drawn(points) = measured.rule() else { panic!("{measured:?} is drawn") };
            let off = drawn(points).quantile(p).as_secs_f64() - expected.as_secs_f64();
            assert!(off.abs() < 1e-6, "{measured:?} {p}");
        }
        assert_eq!(MeasuredSpec { platform: Measured::GoogleCloud }.fixed_window(), Some(minutes(15)));
    }
}
