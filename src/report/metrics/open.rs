//! The text format of OpenMetrics (OpenMetrics 1.0): families one after the other, in each the series, in each the points in order of
//! time. `promtool tsdb create-blocks-from openmetrics` loads it into Prometheus.

use std::io::{self, Write};

use super::names::Series;
use crate::report::epoch::Epoch;
use crate::time::SimTime;

/// In the first line, which is the help of the first family.
pub(super) const MARK: &str = "# HELP forewarm_run_info ";

/// Writes all families.
pub(super) fn write(
    to: &mut impl Write,
    epoch: Epoch,
    series: &[Series],
    rows: &[(SimTime, Vec<Option<f64>>)],
) -> io::Result<()> {
    writeln!(to, "{MARK}What made these metrics.")?;
    writeln!(to, "# TYPE forewarm_run_info gauge")?;
    if let Some((first, _)) = rows.first() {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(to, "forewarm_run_info{{version=\"{version}\"}} 1 {}", epoch.seconds(*first))?;
    }
    let mut families: Vec<&str> = Vec::new();
    for one in series {
        if !families.contains(&one.family.as_str()) {
            families.push(&one.family);
        }
    }
    for family in families {
        let own = || series.iter().enumerate().filter(|(_, one)| one.family == family);
        let help = own().next().map_or("", |(_, one)| one.help);
        writeln!(to, "# HELP {family} {help}")?;
        writeln!(to, "# TYPE {family} gauge")?;
        for (place, one) in own() {
            let labels: Vec<String> =
                one.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = labels.join(",");
            for (end, values) in rows {
                if let Some(value) = values[place] {
                    writeln!(to, "{family}{{{labels}}} {value} {}", epoch.seconds(*end))?;
                }
            }
        }
    }
    writeln!(to, "# EOF")
}

/// The value of a label.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
