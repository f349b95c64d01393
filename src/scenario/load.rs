//! A scenario with another load, or with another size of its functions.

use super::model::{Function, Scenario, Target};
use crate::policy::scaling::ScalingSpec;
use crate::policy::scaling::predictive::forecast::{ForecastSpec, Oracle};

/// From this much memory on, an AWS Lambda function has a whole vCPU (AWS Lambda Developer Guide, "Configure Lambda
/// function memory": "at 1,769 MB, a function has the equivalent of one vCPU"). Single-threaded work gains nothing
/// beyond that.
pub const WHOLE_PROCESSOR_MB: f64 = 1_769.0;

impl Scenario {
    /// The scenario with `factor` times the load of all its sources; 1 changes nothing.
    /// [`ArrivalSpec::under_load`](crate::workload::ArrivalSpec::under_load) says how each kind of arrivals is changed.
    #[must_use]
    pub fn under_load(&self, factor: f64) -> Self {
        let mut scenario = self.clone();
        for source in &mut scenario.sources {
            source.arrivals = source.arrivals.under_load(factor);
        }
        // The load is what an oracle knows.
        scenario.functions.iter_mut().for_each(|function| scale_oracle(&mut function.scaling, factor));
        scenario
    }

    /// Makes the durations set by sources of a function `factor` times as long.
    pub(super) fn scale_sources_of(&mut self, function: &str, factor: f64) {
        let Some(place) = self.functions.iter().position(|known| known.name == function) else { return };
        for source in &mut self.sources {
            if matches!(source.target, Target::Function(id) if id.index() == place) {
                source.duration = source.duration.as_ref().map(|duration| duration.scaled(factor));
            }
        }
    }
}

impl Function {
    /// Makes durations those of the function's memory, where they were measured with `measured_mb` and the share
    /// `cpu_bound` (0 to 1) of them is work of one thread: see [`speed_factor`], which it returns.
    pub fn run_at_own_memory(&mut self, measured_mb: u32, cpu_bound: f64) -> f64 {
        let factor = speed_factor(measured_mb, self.memory_mb, cpu_bound);
        self.duration = self.duration.scaled(factor);
        self.cold_duration = self.cold_duration.as_ref().map(|duration| duration.scaled(factor));
        scale_oracle(&mut self.scaling, factor);
        factor
    }
}

/// Gives an oracle `factor` times the load that it knows.
fn scale_oracle(scaling: &mut ScalingSpec, factor: f64) {
    if let ScalingSpec::Predictive(spec) = scaling
        && let ForecastSpec::Oracle(oracle) = &spec.forecast
    {
        let loads = oracle.loads.iter().map(|load| load * factor).collect();
        spec.forecast = ForecastSpec::Oracle(Box::new(Oracle { loads }));
    }
}

/// How much longer a request runs with `memory_mb` than with `measured_mb`: 1 - s + s * m0 / m for the CPU-bound share
/// s, where the CPU of a function is proportional to its memory up to [`WHOLE_PROCESSOR_MB`].
#[must_use]
pub fn speed_factor(measured_mb: u32, memory_mb: u32, cpu_bound: f64) -> f64 {
    let processor = |mb: u32| f64::from(mb).min(WHOLE_PROCESSOR_MB);
    1.0 - cpu_bound + cpu_bound * processor(measured_mb) / processor(memory_mb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_memory_is_faster_up_to_a_whole_processor() {
        assert_eq!(speed_factor(1024, 1024, 0.7), 1.0);
        assert_eq!(speed_factor(1024, 512, 0.7), 0.3 + 1.4);
        assert_eq!(speed_factor(512, 1024, 0.0), 1.0);
        assert_eq!(speed_factor(1769, 3538, 1.0), 1.0, "no further gain");
        assert_eq!(speed_factor(3008, 2048, 1.0), 1.0, "both are above");
        assert_eq!(speed_factor(1000, 10_240, 1.0), 1000.0 / 1769.0);
    }
}
