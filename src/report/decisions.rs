//! What scaling policies decide and why: one row for each decision, as CSV, written as it happens.

use std::io::{self, Write};

use crate::engine::{Observer, ScalingDecision};
use crate::id::LocalFn;
use crate::time::{SimTime, Span};

/// At the beginning of each file, and of no other.
pub const MARKS: [&str; 1] = ["time_s,function,policy,before,ordered,existing,ready,in_progress,queued,inputs,reason"];

/// An observer that writes a row for each decision of a scaling policy.
///
/// After the first error of the output nothing more is written, and [`DecisionLog::finish`] returns it.
pub struct DecisionLog<W: Write> {
    to: csv::Writer<W>,
    /// The name and the policy of each function, in the order of their ids.
    functions: Vec<(String, &'static str)>,
    error: Option<csv::Error>,
}

impl<W: Write> DecisionLog<W> {
    /// A log, with the name and the policy of each function in the order of their ids.
    pub fn new(to: W, functions: Vec<(String, &'static str)>) -> Self {
        let mut to = csv::Writer::from_writer(to);
        let error = to.write_record(MARKS[0].split(',')).err();
        Self { to, functions, error }
    }

    /// Writes what is still to be written and returns the output.
    ///
    /// # Errors
    /// The first error that the output had.
    pub fn finish(self) -> io::Result<W> {
        match self.error {
            Some(error) => Err(error.into()),
            None => self.to.into_inner().map_err(|error| io::Error::from(error.error().kind())),
        }
    }
}

impl<W: Write> Observer for DecisionLog<W> {
    fn needs_order(&self) -> bool {
        true
    }

    fn needs_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, now: SimTime, function: LocalFn, decision: &ScalingDecision) {
        if self.error.is_some() {
            return;
        }
        let (name, policy) = &self.functions[function.index()];
        let ScalingDecision { before, ordered, existing, ready, in_progress, queued, inputs, why } = decision;
        let numbers = [before, ordered, existing, ready, in_progress, queued].map(u32::to_string);
        let time = Span::from_nanos(now.as_nanos()).as_secs_f64().to_string();
        let inputs: Vec<String> = inputs.iter().map(|(gauge, value)| format!("{}={value}", gauge.name())).collect();
        let inputs = inputs.join(";");
        let row = [time.as_str(), name, policy]
            .into_iter()
            .chain(numbers.iter().map(String::as_str))
            .chain([inputs.as_str(), why.as_str()]);
        self.error = self.to.write_record(row).err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scaling::replay::Gauge;

    #[test]
    fn a_row_for_each_decision() {
        let mut log = DecisionLog::new(Vec::new(), vec![("a,b".to_owned(), "knative")]);
        let why = "7 pods, \"panic\"".to_owned();
        let inputs = vec![(Gauge::StableConcurrency, 0.1), (Gauge::PanicConcurrency, 20.0)];
        let decision =
            ScalingDecision { before: 3, ordered: 7, existing: 3, ready: 2, in_progress: 5, queued: 9, inputs, why };
        log.decided(SimTime::ZERO + Span::from_millis(2_500), LocalFn(0), &decision);
        let text = String::from_utf8(log.finish().expect("memory")).expect("text");
        assert_eq!(
            text,
            format!(
                "{}\n2.5,\"a,b\",knative,3,7,3,2,5,9,stable_concurrency=0.1;panic_concurrency=20,\"7 pods, \"\"panic\"\"\"\n",
                MARKS[0]
            )
        );
    }
}
