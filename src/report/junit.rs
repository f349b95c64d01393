//! Objectives as JUnit XML, which CI systems show as tests: a suite for each result, a test for each objective.
//!
//! The form is what CI systems agree on: `testsuites`, `testsuite` with counts, `testcase`, `failure` with message and text.

use std::fmt::Write as _;

use super::phrases::{self, escape};
use crate::measure::summary::{ObjectiveResult, Summary};

/// Identifies a file of forewarm, which may be overwritten.
pub const MARK: &str = "<testsuites name=\"forewarm\"";

/// The objectives of one result.
pub struct Suite<'a> {
    /// What the result is called: the scenario, with the variant if there is one.
    pub name: String,
    /// The result.
    pub summary: &'a Summary,
}

/// The text of the file. `seconds` is how long it all took; with `confident`, an objective is met only if its whole
/// interval is on the right side.
#[must_use]
pub fn render(suites: &[Suite<'_>], seconds: f64, confident: bool) -> String {
    let failed = |objectives: &[ObjectiveResult]| objectives.iter().filter(|one| !is_met(one, confident)).count();
    let tests: usize = suites.iter().map(|suite| suite.summary.objectives.len()).sum();
    let failures: usize = suites.iter().map(|suite| failed(&suite.summary.objectives)).sum();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "{MARK} tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"{seconds:.3}\">");
    for suite in suites {
        let (name, objectives) = (escape(&suite.name), &suite.summary.objectives);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"{:.3}\">",
            objectives.len(),
            failed(objectives),
            seconds / suites.len().max(1) as f64
        );
        for objective in objectives {
            let title = escape(&format!("{} {}", objective.subject(), phrases::bound(objective)));
            let _ = write!(text, "    <testcase classname=\"{name}\" name=\"{title}\" time=\"0.000\"");
            if is_met(objective, confident) {
                text.push_str("/>\n");
                continue;
            }
            let found = escape(&found(objective, confident));
            let _ = writeln!(
                text,
                ">\n      <failure type=\"objective\" message=\"{found}\">{}</failure>\n    </testcase>",
                escape(&details(objective, suite.summary))
            );
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn is_met(objective: &ObjectiveResult, confident: bool) -> bool {
    if confident { objective.is_met_with_confidence() } else { objective.met }
}

/// `latency_s.p99 of checkout is 812 ± 14 ms, not below 800 ms`.
#[must_use]
pub fn found(objective: &ObjectiveResult, confident: bool) -> String {
    let sure = if confident && objective.met { " with 95 % confidence: the interval extends beyond it" } else { "" };
    format!("{} is {}, not {}{sure}", objective.subject(), phrases::found(objective), phrases::bound(objective))
}

fn details(objective: &ObjectiveResult, summary: &Summary) -> String {
    let (value, quantity) = (objective.value, objective.quantity());
    let interval = match value.half_width {
        Some(half) => {
            format!("95 % interval: {} to {}", quantity.bound(value.mean - half), quantity.bound(value.mean + half))
        }
        None => "one replication: no interval".to_owned(),
    };
    format!(
        "metric: {}\nfound: {}\n{interval}\nobjective: {}\n{}",
        objective.subject(),
        if value.mean.is_finite() { quantity.bound(value.mean) } else { phrases::found(objective) },
        phrases::bound(objective),
        phrases::extent(summary)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_test_for_each_objective() {
        let result = sample::result(3, 12);
        let suites = [Suite { name: "shop".into(), summary: &result.summary }];
        insta::assert_snapshot!(render(&suites, 1.87, false));
    }

    #[test]
    fn confidence_is_a_whole_interval() {
        let mut result = sample::result(3, 12);
        result.summary.objectives[0].value.half_width = Some(0.3);
        let suites = [Suite { name: "shop".into(), summary: &result.summary }];
        assert!(render(&suites, 1.0, false).contains("failures=\"1\""));
        let text = render(&suites, 1.0, true);
        assert!(text.contains("failures=\"2\""), "{text}");
        assert!(text.contains("is 612 ± 300 ms, not below 800 ms with 95 % confidence"), "{text}");
    }

    #[test]
    fn names_are_data() {
        let mut result = sample::result(3, 12);
        let evil = "]]>\"'<failure/>&\u{0}\u{ffff}\u{202e}";
        result.summary.objectives[1].asked.function = Some(evil.into());
        let text = render(&[Suite { name: evil.into(), summary: &result.summary }], 1.0, false);
        assert_eq!(text.matches("<failure").count(), 1);
        assert!(!text.contains("]]>") && !text.contains('\u{0}') && !text.contains('\u{ffff}'));
        assert!(text.contains("&quot;"));
    }
}
