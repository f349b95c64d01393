//! `functions.csv`, `timeline.csv` and `comparison.csv`: one name for each column, the unit last, an empty cell where nothing was measured.

use std::collections::HashMap;
use std::io::Write;

use crate::measure::RunResult;
use crate::measure::chaos::Chaos;
use crate::measure::comparison::{Better, Comparison, Verdict};
use crate::measure::plan::{self, Plan};
use crate::measure::summary::{Shape, Stat, Summary};
use crate::measure::timeline::{NodePoint, NodeSeries, Point, Timeline};
use crate::time::Span;

/// Stands in the column `function` for all functions together; no function can have this name.
pub const TOTAL: &str = "(total)";
/// Stands in front of the name of a source in the column `function`; no function can have a dot in its name.
const SOURCE: &str = "source.";
/// Stands in front of the name of a node group there.
const NODE_GROUP: &str = "node-group.";
/// The last column, where sources have rows: attempts made in the interval.
const ATTEMPTS: &str = "attempts";

/// The name of the column of a metric: `latency_s_p99`, and `function.NAME.latency_s_p99` where it is that of one function. Keys
/// of the scenario keep their dots.
#[must_use]
pub fn metric_column(function: Option<&str>, metric: &str) -> String {
    let metric = metric.replace('.', "_");
    function.map_or(metric.clone(), |function| format!("function.{function}.{metric}"))
}

/// Writes `functions.csv`: one row for each function and one for the total.
///
/// Every leaf of the summary is two columns, as in `latency_s_p99` and `latency_s_p99_half_width`.
///
/// # Errors
/// An error of `to`.
pub fn functions(summary: &Summary, to: impl Write) -> csv::Result<()> {
    let mut out = csv::Writer::from_writer(to);
    let mut header = vec!["function".to_owned()];
    summary.total.visit(|metric, _| {
        let name = metric.column();
        header.push(name.clone());
        header.push(name + "_half_width");
    });
    out.write_record(&header)?;
    let rows = summary.functions.iter().map(|(name, shape)| (name.as_str(), shape));
    for (name, shape) in rows.chain([(TOTAL, &summary.total)]) {
        out.write_record(row(name, shape))?;
    }
    out.flush()?;
    Ok(())
}

fn row(name: &str, shape: &Shape<Stat>) -> Vec<String> {
    let mut cells = vec![name.to_owned()];
    shape.visit(|_, stat| {
        cells.push(number(stat.mean));
        cells.push(stat.half_width.map_or_else(String::new, number));
    });
    cells
}

/// Writes `timeline.csv`: one row for each interval and function, the total of an interval first; then rows of the sources on a
/// path, and of the node groups.
///
/// # Errors
/// An error of `to`.
pub fn timeline(timeline: &Timeline, to: impl Write) -> csv::Result<()> {
    let series: Vec<(&str, &[Point])> =
        timeline.series.iter().map(|one| (one.function.as_deref().unwrap_or(TOTAL), &one.points[..])).collect();
    let sources: Vec<(String, &[[f64; 3]])> =
        timeline.sources.iter().map(|one| (format!("{SOURCE}{}", one.source), &one.points[..])).collect();
    rows("function", timeline.interval, &series, &Others { sources: &sources, nodes: &timeline.nodes }, to)
}

/// Writes `timeline.csv` of a comparison: one row for each interval and contender, of all functions together.
///
/// # Errors
/// An error of `to`.
pub fn timelines(results: &[(String, RunResult)], to: impl Write) -> csv::Result<()> {
    let total =
        |result: &RunResult| result.timeline.series.first().map(|total| total.points.clone()).unwrap_or_default();
    let points: Vec<(&str, Vec<Point>)> = results.iter().map(|(name, result)| (name.as_str(), total(result))).collect();
    let series: Vec<(&str, &[Point])> = points.iter().map(|(name, points)| (*name, &points[..])).collect();
    let interval = results.first().map_or(Span::ZERO, |(_, result)| result.timeline.interval);
    rows("variant", interval, &series, &Others { sources: &[], nodes: &[] }, to)
}

/// What has rows beside functions, with columns of its own.
struct Others<'a> {
    sources: &'a [(String, &'a [[f64; 3]])],
    nodes: &'a [NodeSeries],
}

/// Interval by interval a row for each series.
fn rows(of: &str, interval: Span, series: &[(&str, &[Point])], others: &Others<'_>, to: impl Write) -> csv::Result<()> {
    let mut out = csv::Writer::from_writer(to);
    let Others { sources, nodes } = *others;
    // Only sources on a path have attempts.
    let attempts = if sources.is_empty() { None } else { Some(ATTEMPTS) };
    let of_nodes = if nodes.is_empty() { &[][..] } else { &NodePoint::COLUMNS };
    let header = ["start_s", of].into_iter().chain(Point::COLUMNS).chain(attempts);
    out.write_record(header.chain(of_nodes.iter().copied()))?;
    let empty = |cells: usize| std::iter::repeat_n(String::new(), cells);
    let intervals = series.iter().map(|(_, points)| points.len()).max().unwrap_or(0);
    for index in 0..intervals {
        let start = number(interval.as_secs_f64() * index as f64);
        for (name, points) in series {
            let Some(point) = points.get(index) else { continue };
            let cells = point.values().map(number);
            let rest = empty(usize::from(attempts.is_some()) + of_nodes.len());
            out.write_record([start.clone(), (*name).to_owned()].into_iter().chain(cells).chain(rest))?;
        }
        for (name, points) in sources {
            let Some([arrived, succeeded, attempts]) = points.get(index).copied() else { continue };
            let point = Point { arrived, completed: succeeded, ..Point::of([f64::NAN; Point::COLUMNS.len()]) };
            let cells = point.values().map(number).into_iter().chain([number(attempts)]);
            out.write_record([start.clone(), name.clone()].into_iter().chain(cells).chain(empty(of_nodes.len())))?;
        }
        for one in nodes {
            let Some(point) = one.points.get(index) else { continue };
            let first = [start.clone(), format!("{NODE_GROUP}{}", one.group)];
            let others = empty(Point::COLUMNS.len() + usize::from(attempts.is_some()));
            out.write_record(first.into_iter().chain(others).chain(point.values().map(number)))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Reads `timeline.csv` back: the points of each series, in the order in which they first appear.
///
/// # Errors
/// What is not a row of a timeline of `of` (`function` or `variant`), in words.
pub fn read_timeline(of: &str, text: &str) -> Result<Vec<(String, Vec<Point>)>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let expected = || ["start_s", of].into_iter().chain(Point::COLUMNS);
    let optional =
        [&[][..], &[ATTEMPTS]].into_iter().flat_map(|first| [&[][..], &NodePoint::COLUMNS].map(|last| (first, last)));
    let is_known = |(first, last): (&[&'static str], &[&'static str])| {
        header.iter().eq(expected().chain(first.iter().copied()).chain(last.iter().copied()))
    };
    if !optional.into_iter().any(is_known) {
        return Err("its columns are not those of this version of forewarm".to_owned());
    }
    let mut series: Vec<(String, Vec<Point>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        if row[1].starts_with(SOURCE) || row[1].starts_with(NODE_GROUP) {
            continue;
        }
        let place = *places.entry(row[1].to_owned()).or_insert_with(|| {
            series.push((row[1].to_owned(), Vec::new()));
            series.len() - 1
        });
        let line = row.position().map_or(0, csv::Position::line);
        series[place]
            .1
            .push(point(&row).ok_or_else(|| format!("line {line} contains something that is not a number"))?);
    }
    Ok(series)
}

/// Reads the node groups of `timeline.csv` back, after [`read_timeline`] has found it right.
///
/// # Errors
/// What is not a row of a node group, in words.
pub fn read_nodes(text: &str) -> Result<Vec<NodeSeries>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut all: Vec<NodeSeries> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let Some(group) = row.get(1).and_then(|name| name.strip_prefix(NODE_GROUP)) else { continue };
        let line = row.position().map_or(0, csv::Position::line);
        let values = numbers(&row, row.len().saturating_sub(NodePoint::COLUMNS.len()));
        let values = values.ok_or_else(|| format!("line {line} contains something that is not a number"))?;
        let place = all.iter().position(|one| one.group == group).unwrap_or_else(|| {
            all.push(NodeSeries { group: group.to_owned(), points: Vec::new() });
            all.len() - 1
        });
        all[place].points.push(NodePoint::of(values));
    }
    Ok(all)
}

/// The point in a row.
fn point(row: &csv::StringRecord) -> Option<Point> {
    numbers(row, 2).map(Point::of)
}

/// Numbers in a row, from a column on.
fn numbers<const COUNT: usize>(row: &csv::StringRecord, from: usize) -> Option<[f64; COUNT]> {
    let number = |cell: &str| if cell.is_empty() { Some(f64::NAN) } else { cell.parse().ok() };
    let cells = row.iter().skip(from).take(COUNT).map(number);
    cells.collect::<Option<Vec<f64>>>()?.try_into().ok()
}

/// Writes `comparison.csv`: one row for each variant and metric, those with a verdict first.
///
/// # Errors
/// An error of `to`.
pub fn comparison(comparison: &Comparison, to: impl Write) -> csv::Result<()> {
    let mut out = csv::Writer::from_writer(to);
    out.write_record([
        "variant",
        "metric",
        "function",
        "better",
        "baseline",
        "baseline_half_width",
        "value",
        "value_half_width",
        "difference",
        "difference_half_width",
        "difference_relative",
        "confidence",
        "pairs",
        "verdict",
        "more_replications",
    ])?;
    for one in &comparison.contrasts {
        let better = match one.better {
            Some(Better::Lower) => "lower",
            Some(Better::Higher) => "higher",
            None => "",
        };
        let verdict = match one.verdict {
            Some(Verdict::Better) => "better",
            Some(Verdict::Worse) => "worse",
            Some(Verdict::NotDifferentEnough) => "not-different-enough",
            Some(Verdict::NotYetDistinguishable) => "not-yet-distinguishable",
            None => "",
        };
        let mut row = vec![one.variant.clone(), one.metric.clone()];
        row.push(one.function.as_deref().unwrap_or(TOTAL).to_owned());
        row.push(better.to_owned());
        for stat in [&one.baseline, &one.value, &one.difference] {
            row.push(number(stat.mean));
            row.push(stat.half_width.map_or_else(String::new, number));
        }
        row.push(one.relative.map_or_else(String::new, number));
        row.push(number(one.confidence));
        row.push(one.pairs.to_string());
        row.push(verdict.to_owned());
        row.push(one.more_replications.map_or_else(String::new, |more| more.to_string()));
        out.write_record(row)?;
    }
    out.flush()?;
    Ok(())
}

/// The rows of `chaos.csv`: one for each fault, the most harmful first.
///
/// # Errors
/// A write error.
pub fn chaos(chaos: &Chaos, to: impl Write) -> csv::Result<()> {
    let mut out = csv::Writer::from_writer(to);
    out.write_record([
        "fault",
        "kind",
        "target",
        "requests_lost",
        "requests_lost_half_width",
        "messages_lost",
        "messages_lost_half_width",
        "latency_s_p99",
        "latency_s_p99_undisturbed",
        "recovered_after_s",
        "cost_usd",
        "cost_usd_half_width",
    ])?;
    for one in &chaos.effects {
        let mut row = vec![one.fault.clone(), one.kind.clone(), one.target.clone()];
        let optional = |value: Option<f64>| value.map_or_else(String::new, number);
        for stat in [&one.lost, &one.lost_messages] {
            row.extend([number(stat.mean), optional(stat.half_width)]);
        }
        row.extend([one.p99_s, one.undisturbed_p99_s, one.recovered_after_s].map(optional));
        row.extend([number(one.cost_usd.mean), optional(one.cost_usd.half_width)]);
        out.write_record(row)?;
    }
    out.flush()?;
    Ok(())
}

/// The rows of `plan.csv`: one for each configuration that was looked at, by number.
///
/// # Errors
/// A write error.
pub fn plan(plan: &Plan, to: impl Write) -> csv::Result<()> {
    let mut out = csv::Writer::from_writer(to);
    let mut head: Vec<String> = vec!["number".to_owned()];
    head.extend(plan.axes.iter().map(|axis| axis.key.clone()));
    head.extend(
        ["verdict", "replications", "monthly_cost_usd", "monthly_cost_usd_low", "monthly_cost_usd_high"]
            .map(str::to_owned),
    );
    for asked in &plan.objectives {
        let source = asked.source.as_ref().map(|name| format!("source.{name}."));
        let owner = source.or_else(|| asked.component.as_ref().map(|name| format!("{name}.")));
        let name = format!("{}{}", owner.unwrap_or_default(), metric_column(asked.function.as_deref(), &asked.key()));
        head.extend(["", "_low", "_high", "_verdict"].map(|end| format!("{name}{end}")));
    }
    head.extend(["best", "front"].map(str::to_owned));
    out.write_record(head)?;
    let word = |verdict: plan::Verdict| match verdict {
        plan::Verdict::Met => "met".to_owned(),
        plan::Verdict::Missed => "missed".to_owned(),
        plan::Verdict::Open => "open".to_owned(),
    };
    let numbers = |one: &plan::Estimate| [one.mean, one.low, one.high].map(|end| end.map_or_else(String::new, number));
    for one in &plan.candidates {
        let mut row = vec![one.number.to_string()];
        row.extend(plan.axes.iter().zip(&one.values).map(|(axis, value)| in_base_unit(axis, value)));
        row.extend([word(one.verdict), one.replications.to_string()]);
        row.extend(numbers(&one.month_usd));
        for outcome in &one.objectives {
            row.extend(numbers(&outcome.value));
            row.push(word(outcome.verdict));
        }
        row.push((Some(one.number) == plan.best).to_string());
        row.push(plan.front.contains(&one.number).to_string());
        out.write_record(row)?;
    }
    out.flush()?;
    Ok(())
}

/// A value of an axis as a number where all its values are one, as in `sweep.csv`; else as it is written.
fn in_base_unit(axis: &plan::AxisFound, value: &str) -> String {
    let numbers: Option<Vec<f64>> = axis.numbers.iter().copied().collect();
    let place = axis.values.iter().position(|one| one == value);
    place.and_then(|place| numbers?.get(place).copied()).map_or_else(|| value.to_owned(), number)
}

/// The shortest text that reads back exactly, without an exponent; nothing for NaN.
pub(super) fn number(x: f64) -> String {
    if !x.is_finite() {
        return String::new();
    }
    // Faster than the standard library, and as in JSON. Of two texts that are equally short and near, each may choose another.
    let mut buffer = zmij::Buffer::new();
    match buffer.format_finite(x) {
        text if text.contains('e') => x.to_string(),
        text => text.strip_suffix(".0").unwrap_or(text).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    /// Reads back exactly, has no exponent, and is as short as the text of the standard library.
    fn assert_is_shortest(x: f64) {
        let text = number(x);
        if !x.is_finite() {
            assert_eq!(text, "");
            return;
        }
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), x.to_bits(), "{text}");
        assert!(text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte)), "{text}");
        assert_eq!(text.len(), x.to_string().len(), "{text} and {x}");
    }

    #[test]
    fn a_number_is_the_shortest_text() {
        for (x, text) in [(0.0, "0"), (-0.0, "-0"), (1e15, "1000000000000000"), (1e-5, "0.00001"), (0.1, "0.1")] {
            assert_eq!(number(x), text);
        }
        // Of two texts that are as short and as near, one is chosen.
        let ties = [65_537.0 / 131_072.0, 2_251_799_813_685_249.0 / 4.0, 262_771_236_437_201.0 / 16.0];
        let ends = [1e16, 1e17, 9.5e-7, 5e-324, f64::MIN_POSITIVE, f64::MAX, f64::NAN, f64::INFINITY];
        ties.into_iter().chain(ends).for_each(assert_is_shortest);
    }

    proptest! {
        #[test]
        fn any_number_is_the_shortest_text(
            x in prop_oneof![any::<f64>(), -1e6..1e6, (-100_000..100_000).prop_map(|x| f64::from(x) / 65_536.0)],
        ) {
            assert_is_shortest(x);
        }
    }

    fn rows(text: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn one_row_for_each_function_and_the_total() {
        let mut result = sample::result(3, 4);
        result.summary.functions[1].1.latency_s.p99 = Stat { mean: f64::NAN, half_width: None };
        let mut text = Vec::new();
        functions(&result.summary, &mut text).unwrap();
        let rows = rows(&text);
        assert_eq!(rows.len(), 5);
        let at = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
        let (p99, half) = (at("latency_s_p99"), at("latency_s_p99_half_width"));
        assert_eq!(
            (rows[4][0].as_str(), rows[4][p99].parse::<f64>()),
            (TOTAL, Ok(result.summary.total.latency_s.p99.mean))
        );
        assert_eq!((rows[2][p99].as_str(), rows[2][half].as_str()), ("", ""));
        assert_eq!(rows[1][half].parse(), Ok(result.summary.functions[0].1.latency_s.p99.half_width.unwrap()));
    }

    #[test]
    fn one_row_for_each_interval_and_series() {
        let result = sample::result(2, 5);
        let mut text = Vec::new();
        timeline(&result.timeline, &mut text).unwrap();
        let rows = rows(&text);
        assert_eq!(rows.len(), 1 + 5 * result.timeline.series.len());
        assert_eq!(rows[1][1], TOTAL);
        assert_eq!(rows[1 + result.timeline.series.len()][0], "300");
        let busy = rows[0].iter().position(|column| column == "instances_busy_mean").unwrap();
        assert_eq!(rows[1][busy].parse(), Ok(result.timeline.series[0].points[0].instances_busy));
    }
}
