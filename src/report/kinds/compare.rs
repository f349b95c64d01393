//! The report of a comparison: which contender to take.

use super::Kind;
use super::run::details;
use crate::experiment::compare::Compared;
use crate::measure::Manifest;
use crate::measure::comparison::choice::{Choice, Standing, cost, margin};
use crate::measure::comparison::{Comparison, Contender, ContenderCost, Contrast, LoadPoint, OverLoad, Verdict};
use crate::measure::summary::{ObjectiveResult, Stat};
use crate::path::quantity_of;
use crate::report::document::{Block, Cell, Column, Document, Place, Prose, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count, percent};
use crate::report::{Draft, Report, chart, csv, json, phrases, read_back};
use crate::scenario::registry;

/// How many contenders are shown before "show all".
const ROWS: usize = 60;
/// How many subjects are named one by one.
const NAMED: usize = 3;

/// The result of `forewarm compare`.
pub const KIND: Kind = Kind {
    name: "compare",
    read: |_, folder| {
        let text = |name| read_back::text(folder, name);
        let (comparison, results) = read_back::comparison(&text(read_back::COMPARISON)?, &text(read_back::TIMELINE)?)?;
        Ok(Box::new(Compared { comparison, results, simulated: 0, is_whole: true }))
    },
};

impl Report for Compared {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Draft<'_>> {
        vec![
            Draft::new(read_back::COMPARISON, || self.json()),
            Draft::csv("comparison.csv", |to| csv::comparison(&self.comparison, to)),
            Draft::csv(read_back::TIMELINE, |to| csv::timelines(&self.results, to)),
        ]
    }

    fn json(&self) -> String {
        json::comparison(&self.comparison)
    }

    fn document(&self, manifest: &Manifest) -> Document {
        let comparison = &self.comparison;
        let choice = Choice::of(comparison);
        let extent = comparison.contenders.first().map(|one| phrases::extent(&one.summary)).unwrap_or_default();
        let chosen = choice.take.map(|place| &comparison.contenders[place]);
        let charts = chart::compare::charts(comparison, &self.results);
        let mut sections = Vec::new();
        if comparison.contenders.iter().any(|one| !one.summary.objectives.is_empty()) {
            let table = objectives(comparison, &choice);
            sections.push(Section::new("objectives", "Objectives", Place::Detail, vec![Block::Table(table)]));
        }
        sections.push(Section::new("charts", "Charts", Place::Page, charts.into_iter().map(Block::Figure).collect()));
        if let Some(table) = components(comparison) {
            sections.push(Section::new("path", "Path of requests", Place::Detail, vec![Block::Table(table)]));
        }
        let folded = differences(comparison).into_iter().map(|(name, table)| Block::Folded(name, table));
        sections.push(Section::new("differences", "All differences", Place::Page, folded.collect()));
        if let Some(found) = &comparison.over_load {
            sections.push(Section::new("break-even", "Cost over load", Place::Everywhere, over_load(found)));
        }
        if let Some(assumptions) = assumptions(comparison) {
            sections.push(Section::new("assumptions", "Assumptions", Place::Detail, assumptions));
        }
        let notes = [method(comparison), outcome(comparison)];
        let notes = notes.into_iter().map(|text| Block::Note(text.into())).collect();
        sections.push(Section::new("confidence", "Confidence", Place::Detail, notes));
        let name = &comparison.scenario.name;
        sections.push(Section::new("details", "Run details", Place::Page, details(name, manifest)));
        Document {
            kind: KIND.name,
            name: name.clone(),
            title: title(comparison, &choice),
            tone: match (choice.has_objectives, choice.met) {
                (false, _) => Tone::Plain,
                (true, met) => Tone::of(met > 0),
            },
            alerts: chosen.and_then(|one| phrases::failures(&one.summary)).into_iter().collect(),
            extent: format!("{extent}, baseline {}", comparison.baseline),
            answer: vec![Block::Table(contenders(comparison, &choice)), Block::Note(rule(&choice, comparison).into())],
            sections,
            foot: format!(
                "± is the half-width of the 95 % confidence interval. Differences from {} are shown where significant; \
                 all are in comparison.csv.{}",
                comparison.baseline,
                if choice.has_prices { format!(" {}", phrases::MONTH) } else { String::new() }
            ),
        }
    }
}

/// What to take, in one line.
fn title(comparison: &Comparison, choice: &Choice) -> String {
    let all = comparison.contenders.len();
    let Some(place) = choice.take else { return "No contender completed any request".to_owned() };
    let one = &comparison.contenders[place];
    let is_baseline = one.name == comparison.baseline;
    let verb = if is_baseline { "Keep" } else { "Take" };
    let more = if is_baseline { None } else { month_difference(comparison, one).map(|text| format!(", {text}")) };
    let more = more.unwrap_or_default();
    let best = if choice.has_prices { "cheapest" } else { "fastest" };
    match (choice.has_objectives, choice.met) {
        (false, _) => {
            let price = price(one).map_or_else(String::new, |price| format!(" at {price}"));
            format!("{} is the {best} of {all}{price}; the scenario has no objectives", one.name)
        }
        (true, 0) => match &choice.standings[place] {
            Standing::Open { .. } => {
                format!("{verb} {}: it meets every objective on average, but not with 95 % confidence{more}", one.name)
            }
            Standing::Missed { objective, by } => {
                let what = one.summary.objectives.get(*objective).map(|asked| asked.subject()).unwrap_or_default();
                // A latency may be on the right side and not count, because too many requests fail.
                let by = if by.is_finite() && *by > 0.0 { format!(" by {}", percent(*by)) } else { String::new() };
                let nobody = if all == 2 { "Neither meets".to_owned() } else { format!("None of {all} meets") };
                format!("{nobody} every objective; nearest is {}, which misses {what}{by}", one.name)
            }
            Standing::Met { .. } => String::new(),
        },
        (true, 1) => format!("{verb} {}: the only contender that meets every objective{more}", one.name),
        (true, met) if met == all => {
            format!("{verb} {}: the {best} of {all} contenders, all of which meet every objective{more}", one.name)
        }
        (true, met) => format!(
            "{verb} {}: the {best} of the {met} contenders (out of {all}) that meet every \
                                objective{more}",
            one.name
        ),
    }
}

/// `$4.40 per million`.
fn price(one: &Contender) -> Option<String> {
    cost(&one.summary).map(|cost| format!("{} per million", Quantity::Usd.text(cost)))
}

/// `+$4.72 a month (+7 %)`.
fn month_difference(comparison: &Comparison, one: &Contender) -> Option<String> {
    let baseline = comparison.contenders.iter().find(|other| other.name == comparison.baseline)?;
    let (before, after) = (baseline.summary.monthly_cost_usd.mean, one.summary.monthly_cost_usd.mean);
    if !(before > 0.0 && after.is_finite()) {
        return None;
    }
    let more = after - before;
    let sign = if more > 0.0 { "+" } else { "" };
    let part = (100.0 * more / before).round();
    Some(match part {
        0.0 => "for the same cost".to_owned(),
        _ => format!("{sign}{} a month ({sign}{part} %)", Quantity::Usd.text(more)),
    })
}

/// A row for each contender, the best first.
fn contenders(comparison: &Comparison, choice: &Choice) -> Table {
    let mut columns = Vec::new();
    if choice.has_objectives {
        columns.push(Column::text("Objectives", "Objectives met by the whole 95 % interval"));
    }
    columns.push(Column::new("Failed", "Requests without a successful response, as a share of requests that arrived"));
    columns.push(Column::new("p99", "99th percentile latency of completed requests"));
    columns.push(Column::new(
        "Cold",
        "Invocations that waited for an instance to start, as a share of invocations \
                                      started",
    ));
    if choice.has_prices {
        columns.push(Column::new("$ per million", "Cost of a million successful requests"));
        columns.push(Column::new("Per month", "Cost of 30 days at this rate"));
    }
    let has_free = comparison.contenders.iter().any(|one| one.summary.monthly_free_usd.mean > 0.0);
    if has_free {
        columns.push(Column::new("Free tier", "Deducted from the list price, per month"));
    }
    let has_platforms = comparison.contenders.iter().any(|one| registry::platform(&one.name).is_some());
    if has_platforms {
        columns.push(Column::text("Main limit", "The limit that throttles the most requests"));
    }
    let row = |place: &usize| {
        let one = &comparison.contenders[*place];
        let total = &one.summary.total;
        let mut cells = Vec::new();
        if choice.has_objectives {
            cells.push(standing(&choice.standings[*place], one));
        }
        let stat = |quantity, value: Stat, key: &str| compared(comparison, one, Cell::stat(quantity, value), key);
        cells.push(stat(Quantity::Ratio, total.failure_ratio, "failure_ratio"));
        cells.push(stat(Quantity::Seconds, total.latency_s.p99, "latency_s.p99"));
        cells.push(stat(Quantity::Ratio, total.cold_affected_ratio, "cold_affected_ratio"));
        if choice.has_prices && one.summary.has_prices {
            let key = "cost_usd.per_million_succeeded";
            cells.push(stat(Quantity::Usd, total.cost_usd.per_million_succeeded, key));
            cells.push(Cell::stat(Quantity::Usd, one.summary.monthly_cost_usd));
        } else if choice.has_prices {
            cells.extend([Cell::text("no prices"), Cell::text("")]);
        }
        if has_free {
            let is_free = one.summary.monthly_free_usd.mean > 0.0;
            let deducted = is_free.then(|| Cell::stat(Quantity::Usd, one.summary.monthly_free_usd));
            cells.push(deducted.unwrap_or_else(|| Cell::text("none")));
        }
        if has_platforms {
            let first = one.summary.limits.first();
            cells.push(Cell::text(first.map_or_else(|| "none".to_owned(), phrases::limit)));
        }
        Row { name: one.name.clone(), is_chosen: choice.take == Some(*place), cells }
    };
    let rows = choice.ranking.iter().map(row).collect();
    Table { caption: String::new(), rows_are: "Contender", columns, rows, total: None, shown: ROWS }
}

fn standing(standing: &Standing, one: &Contender) -> Cell {
    let all = one.summary.objectives.len();
    let met = one.summary.objectives.iter().filter(|objective| objective.met).count();
    match standing {
        Standing::Met { .. } => Cell::badge(Tone::Good, format!("{met} of {all} met")),
        Standing::Open { .. } => Cell::text("inconclusive"),
        Standing::Missed { .. } => Cell::badge(Tone::Bad, format!("{met} of {all} met")),
    }
}

/// A cell with the difference from the baseline where it is significant.
fn compared(comparison: &Comparison, one: &Contender, cell: Cell, metric: &str) -> Cell {
    let contrast = comparison.contrasts.iter().find(|contrast| {
        contrast.variant == one.name
            && contrast.metric == metric
            && contrast.function.is_none()
            && contrast.source.is_none()
            && contrast.component.is_none()
    });
    match contrast.map(|contrast| (contrast, contrast.verdict)) {
        Some((contrast, Some(Verdict::Better | Verdict::Worse))) if contrast.difference.mean.is_finite() => {
            cell.noted(difference(contrast))
        }
        _ => cell,
    }
}

/// The cheapest at each load, and where that changes.
fn over_load(found: &OverLoad) -> Vec<Block> {
    let crossings: Vec<Prose> =
        found.crossings.iter().map(|one| format!("{}.", phrases::crossing(one)).into()).collect();
    let told = if crossings.is_empty() {
        Block::Note("The same contender is the cheapest at every simulated load.".into())
    } else {
        Block::List(crossings)
    };
    let names = found.points.first().map_or(&[][..], |point| &point.contenders);
    let columns = names.iter().map(|one| Column::new(one.name.as_str(), "Cost of 30 days")).collect();
    let row = |point: &LoadPoint| {
        let cheapest = point.cheapest();
        let cell = |(place, one): (usize, &ContenderCost)| match (one.month_usd, one.is_met) {
            (None, _) => Cell::text("no prices"),
            (Some(usd), Some(false)) => Cell::badge(Tone::Bad, Quantity::Usd.text(usd)),
            (Some(usd), _) if cheapest == Some(place) => Cell::badge(Tone::Good, Quantity::Usd.text(usd)),
            (Some(usd), _) => Cell::text(Quantity::Usd.text(usd)),
        };
        let cells = point.contenders.iter().enumerate().map(cell).collect();
        Row::new(format!("{} per second", count(point.requests_per_s)), cells)
    };
    let table = Table {
        caption:
            "Cost of 30 days at each load; green: the cheapest that meets every objective, red: an objective is missed"
                .to_owned(),
        rows_are: "Load",
        columns,
        rows: found.points.iter().map(row).collect(),
        total: None,
        shown: ROWS,
    };
    vec![told, Block::Figure(chart::over_load::chart(found)), Block::Table(table)]
}

/// What each contender rests on; none where nothing has to be said.
fn assumptions(comparison: &Comparison) -> Option<Vec<Block>> {
    let of = |one: &Contender| {
        let told = phrases::based_on(&one.summary.assumptions)?;
        Some(Prose::default().strong(format!("{}: ", one.name)).plain(told))
    };
    let first = comparison.contenders.first()?;
    let is_same = comparison.contenders.iter().all(|one| one.summary.assumptions == first.summary.assumptions);
    if is_same {
        return phrases::based_on(&first.summary.assumptions).map(|told| vec![Block::Note(told.into())]);
    }
    Some(vec![Block::List(comparison.contenders.iter().filter_map(of).collect())])
}

/// Every objective of every contender.
fn objectives(comparison: &Comparison, choice: &Choice) -> Table {
    let columns = vec![Column::text("Metric", ""), Column::text("Found", ""), Column::text("Objective", "")];
    let row = |name: &str, objective: &ObjectiveResult| {
        let is_sure = !objective.met || objective.is_met_with_confidence();
        let tone = if is_sure { Tone::of(objective.met) } else { Tone::Plain };
        let found = Cell::badge(tone, phrases::found(objective));
        Row::new(name, vec![Cell::text(objective.subject()), found, Cell::text(phrases::bound(objective))])
    };
    let ranked = choice.ranking.iter().map(|place| &comparison.contenders[*place]);
    let rows = ranked.flat_map(|one| one.summary.objectives.iter().map(|objective| row(&one.name, objective)));
    Table { caption: String::new(), rows_are: "Contender", columns, rows: rows.collect(), total: None, shown: ROWS }
}

/// For each metric with a verdict, every variant beside the baseline.
fn differences(comparison: &Comparison) -> Vec<(String, Table)> {
    let mut tables: Vec<(String, Table)> = Vec::new();
    for contrast in comparison.contrasts.iter().filter(|one| one.better.is_some()) {
        let subject = contrast.subject();
        let place = tables.iter().position(|(name, _)| *name == subject).unwrap_or_else(|| {
            let columns = vec![
                Column::new("Value", "With its own 95 % interval"),
                Column::new("Difference", "From the baseline, paired by replication"),
                Column::text("Verdict", ""),
            ];
            let quantity = quantity_of(&contrast.metric);
            let baseline = Row::new(
                format!("{} (baseline)", comparison.baseline),
                vec![Cell::stat(quantity, contrast.baseline), Cell::text(""), Cell::text("")],
            );
            let rows = vec![baseline];
            let table =
                Table { caption: String::new(), rows_are: "Contender", columns, rows, total: None, shown: ROWS };
            tables.push((subject, table));
            tables.len() - 1
        });
        let part = contrast.relative.filter(|part| *part != 0.0);
        let part = part.map(|part| format!("{}{}", if part > 0.0 { "+" } else { "" }, percent(part)));
        let tone = match contrast.verdict {
            Some(Verdict::Better) => Tone::Good,
            Some(Verdict::Worse) => Tone::Bad,
            _ => Tone::Plain,
        };
        let cells = vec![
            Cell::stat(quantity_of(&contrast.metric), contrast.value),
            Cell::text(difference(contrast)).noted(part.unwrap_or_default()),
            Cell::badge(tone, verdict(contrast)),
        ];
        tables[place].1.rows.push(Row::new(contrast.variant.as_str(), cells));
    }
    tables
}

/// What the components of the path count, contender by contender; none where there are none.
fn components(comparison: &Comparison) -> Option<Table> {
    let of_components = || comparison.contrasts.iter().filter(|one| one.component.is_some());
    let mut subjects: Vec<String> = Vec::new();
    for contrast in of_components() {
        let subject = contrast.subject();
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let variants = comparison.contenders.iter().filter(|one| one.name != comparison.baseline);
    let names: Vec<&str> = variants.map(|one| one.name.as_str()).collect();
    let mut columns = vec![Column::new(comparison.baseline.as_str(), "The baseline")];
    columns.extend(
        names.iter().map(|name| Column::new(*name, "A difference is shown where its 95 % interval excludes zero")),
    );
    let row = |subject: &String| {
        let own: Vec<&Contrast> = of_components().filter(|one| one.subject() == *subject).collect();
        let quantity = own.first().map_or(Quantity::Count, |one| quantity_of(&one.metric));
        let mut cells = vec![own.first().map_or_else(|| Cell::text(""), |one| Cell::stat(quantity, one.baseline))];
        cells.extend(names.iter().map(|name| match own.iter().find(|one| one.variant == *name) {
            None => Cell::text(""),
            Some(one) => {
                let Stat { mean, half_width } = one.difference;
                let is_real = half_width.is_some_and(|half| mean.abs() > half) && mean != 0.0;
                let note = if is_real { difference(one) } else { String::new() };
                Cell::stat(quantity, one.value).noted(note)
            }
        }));
        Row::new(subject.as_str(), cells)
    };
    let rows: Vec<Row> = subjects.iter().map(row).collect();
    let caption = "Counters of the components on the path".to_owned();
    (!rows.is_empty()).then_some(Table { caption, rows_are: "Figure", columns, rows, total: None, shown: ROWS })
}

/// A difference with its sign and interval.
fn difference(contrast: &Contrast) -> String {
    quantity_of(&contrast.metric).difference(&contrast.difference)
}

/// A verdict in a few words; an open one with the replications it would take.
fn verdict(contrast: &Contrast) -> String {
    match (contrast.verdict, contrast.more_replications) {
        (Some(Verdict::Better), _) => "better".to_owned(),
        (Some(Verdict::Worse), _) => "worse".to_owned(),
        (Some(Verdict::NotDifferentEnough), _) => "no relevant difference".to_owned(),
        (Some(Verdict::NotYetDistinguishable), Some(more)) => {
            format!("inconclusive; about {} more replications needed", count(f64::from(more)))
        }
        (Some(Verdict::NotYetDistinguishable), None) => "inconclusive".to_owned(),
        (None, _) => String::new(),
    }
}

/// The rule behind what is recommended.
fn rule(choice: &Choice, comparison: &Comparison) -> String {
    let margin = choice.take.map(|place| margin(&comparison.contenders[place].summary)).filter(|by| by.is_finite());
    let margin = margin.filter(|by| *by > 0.0);
    let margin =
        margin.map_or_else(String::new, |by| format!(" The smallest margin to an objective is {}.", percent(by)));
    match (choice.has_objectives, choice.has_prices) {
        (true, true) => format!(
            "Rule: the lowest cost per successful request among contenders whose 95 % intervals meet every objective; \
             if costs differ by less than 1 %, the largest margin.{margin}"
        ),
        (true, false) => format!(
            "Rule: the lowest p99 among contenders whose 95 % intervals meet every objective (no prices given).{margin}"
        ),
        (false, true) => {
            "Rule: the lowest cost per successful request. Add an [[objective]] to state your requirements.".to_owned()
        }
        (false, false) => "Rule: the lowest p99 (no prices and no objectives given).".to_owned(),
    }
}

/// How sure the differences are.
fn method(comparison: &Comparison) -> String {
    let method = &comparison.method;
    let looks = match method.looks.len() {
        1 => "one look".to_owned(),
        n => {
            let sizes: Vec<String> = method.looks.iter().map(ToString::to_string).collect();
            format!("{n} planned looks (after {} replications)", sizes.join(", "))
        }
    };
    format!(
        "Replication k of every contender receives the same requests (common random numbers), and differences from {} \
         are paired by replication. The {} intervals hold simultaneously with {} confidence over {looks} (Bonferroni, \
         {} each). A difference is relevant if it exceeds {}.",
        comparison.baseline,
        count(method.comparisons as f64),
        percent(method.confidence),
        percent(method.interval_confidence),
        method.precision
    )
}

/// Whether everything that was followed became clear, and what to do if not.
fn outcome(comparison: &Comparison) -> String {
    let method = &comparison.method;
    let done = comparison.replications;
    let followed = method.followed.len();
    let subjects = match followed {
        0..=NAMED => method.followed.join(", "),
        _ => format!("{} and {} more", method.followed[..2].join(", "), followed - 2),
    };
    if method.is_settled {
        return format!("Conclusive after {done} replications: {subjects}.");
    }
    let open = comparison.contrasts.iter().filter(|one| method.followed.contains(&one.subject()));
    let more = open.filter_map(|one| one.more_replications).max();
    let advice = more.map_or_else(String::new, |more| {
        format!(" About {} more would be needed: raise --max-replications.", count(f64::from(more)))
    });
    format!("Not all conclusive after {done} replications: {subjects}.{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// Three contenders with one objective, p99 below 0.8 s: each with its cost, completed requests, p99 and half interval.
    fn three(each: [(f64, f64, f64, f64); 3]) -> Comparison {
        let mut comparison = sample::comparison().comparison;
        for (contender, (cost, completed, p99, half)) in comparison.contenders.iter_mut().zip(each) {
            let summary = &mut contender.summary;
            let exactly = |mean| Stat { mean, half_width: Some(0.0) };
            summary.total.cost_usd.per_million_succeeded = exactly(cost / completed * 1e6);
            summary.monthly_cost_usd = exactly(cost);
            summary.objectives.truncate(1);
            let found = Stat { mean: p99, half_width: Some(half) };
            let objective = &mut summary.objectives[0];
            (objective.value, objective.met) = (found, p99 < 0.8);
        }
        comparison
    }

    fn taken(each: [(f64, f64, f64, f64); 3]) -> (Option<usize>, String) {
        let comparison = three(each);
        let choice = Choice::of(&comparison);
        (choice.take, title(&comparison, &choice))
    }

    #[test]
    fn the_cheapest_per_success_of_those_that_surely_meet() {
        // The second costs less in all because it answers less, and the third is cheap but inconclusive to meet.
        let (take, title) = taken([(10.0, 1e6, 0.7, 0.01), (9.0, 0.5e6, 0.5, 0.01), (8.0, 1e6, 0.79, 0.02)]);
        assert_eq!(take, Some(0));
        assert_eq!(title, "Keep unchanged: the cheapest of the 2 contenders (out of 3) that meet every objective");
    }

    #[test]
    fn who_surely_meets_one_objective_and_perhaps_the_other_is_not_among_them() {
        let mut comparison = three([(5.0, 1e6, 0.7, 0.01), (10.0, 1e6, 0.7, 0.01), (20.0, 1e6, 0.7, 0.01)]);
        let objectives = &mut comparison.contenders[0].summary.objectives;
        objectives.push(objectives[0].clone());
        objectives[1].value = Stat { mean: 0.79, half_width: Some(0.02) };
        let choice = Choice::of(&comparison);
        assert_eq!((choice.take, choice.met), (Some(1), 2));
    }

    #[test]
    fn within_one_percent_the_most_margin_decides() {
        let (take, title) = taken([(10.0, 1e6, 0.79, 0.001), (10.09, 1e6, 0.4, 0.001), (10.2, 1e6, 0.1, 0.001)]);
        assert_eq!(take, Some(1));
        assert_eq!(
            title,
            "Take warm: the cheapest of 3 contenders, all of which meet every objective, +$0.0900 a month (+1 %)"
        );
    }

    #[test]
    fn if_none_meets_the_nearest_is_named_with_what_it_misses() {
        let (take, title) = taken([(10.0, 1e6, 1.6, 0.01), (20.0, 1e6, 0.88, 0.01), (5.0, 1e6, f64::INFINITY, 0.01)]);
        assert_eq!(take, Some(1));
        let said = "None of 3 meets every objective; nearest is warm, which misses latency_s.p99 of checkout by 10 %";
        assert_eq!(title, said);
    }

    #[test]
    fn the_only_one_that_meets_is_taken_whatever_it_costs() {
        let (take, title) = taken([(10.0, 1e6, 1.6, 0.01), (10.7, 1e6, 0.7, 0.01), (5.0, 1e6, 0.9, 0.01)]);
        assert_eq!(take, Some(1));
        assert_eq!(title, "Take warm: the only contender that meets every objective, +$0.700 a month (+7 %)");
    }
}
