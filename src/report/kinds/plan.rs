//! The report of a capacity plan: what to set, what it costs, when it breaks.

use super::Kind;
use crate::measure::Manifest;
use crate::measure::plan::{
    Asked, Beside, Candidate, Estimate, Headroom, Nearest, Outcome, Plan, Price, Role, StaticEstimate, Verdict,
};
use crate::report::document::{Block, Card, Cell, Column, Document, Place, Row, Section, Table, Tone};
use crate::report::format::{NOTHING, Quantity, cents, count, duration, percent, times};
use crate::report::{Draft, Report, chart, csv, json, phrases, read_back};

/// How many rows a table shows before "show all".
const ROWS: usize = 25;
/// How many configurations of the front are worth a row among the first lines.
const FRONT: usize = 8;

/// What `forewarm plan` leaves.
pub const KIND: Kind =
    Kind { name: "plan", read: |_, folder| Ok(Box::new(read_back::plan(&read_back::text(folder, read_back::PLAN)?)?)) };

impl Report for Plan {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Draft<'_>> {
        vec![Draft::new(read_back::PLAN, || self.json()), Draft::csv("plan.csv", |to| csv::plan(self, to))]
    }

    fn json(&self) -> String {
        json::plan(self)
    }

    fn document(&self, manifest: &Manifest) -> Document {
        Document {
            kind: KIND.name,
            name: self.scenario.name.clone(),
            title: title(self),
            tone: Tone::of(self.best.is_some()),
            alerts: alerts(self),
            extent: extent(self),
            answer: answer(self),
            sections: sections(self, manifest),
            foot: format!(
                "All statements hold simultaneously with {} confidence. {}",
                percent(self.method.confidence),
                phrases::MONTH
            ),
        }
    }
}

/// The answer in one line.
fn title(plan: &Plan) -> String {
    let Some(best) = recommended(plan) else {
        return match plan.is_finished {
            true => "No configuration is shown to meet every objective".to_owned(),
            false => "Not finished: no configuration is known to meet every objective yet".to_owned(),
        };
    };
    let cost = cost_of_best(plan, best);
    let set = plan.describe(best);
    match (beside(plan, Role::Today), beside(plan, Role::Recommended)) {
        (Some(today), _) if today.candidate == Some(best.number) => format!("Keep {set}: {cost} a month"),
        (Some(today), Some(recommended)) => match saving(today, recommended) {
            Some(saving) => format!("Set {set}: {cost} a month, {saving}{}", shortfall(today)),
            None => format!("Set {set}: {cost} a month"),
        },
        _ => format!("Set {set}: {cost} a month"),
    }
}

/// What the recommended configuration costs: by the replications that the table shows.
fn cost_of_best(plan: &Plan, best: &Candidate) -> String {
    match beside(plan, Role::Recommended) {
        Some(one) => Quantity::Usd.stat(&one.month_usd),
        None => ranged(Quantity::Usd, &best.month_usd),
    }
}

/// `$285.00 less than today`; none where either costs nothing.
fn saving(today: &Beside, other: &Beside) -> Option<String> {
    let saved = -more_than(today, other);
    let is_known = today.month_usd.mean > 0.0 && saved.is_finite() && saved != 0.0;
    is_known.then(|| match saved > 0.0 {
        true => format!("{} less than today", Quantity::Usd.text(saved)),
        false => format!("{} more than today", Quantity::Usd.text(-saved)),
    })
}

/// `, which meets 2 of 4 objectives`: why more is to be paid than today.
fn shortfall(today: &Beside) -> String {
    if today.met == today.objectives {
        return String::new();
    }
    format!(", which meets {} of {} objectives", today.met, today.objectives)
}

/// The candidate that is recommended.
fn recommended(plan: &Plan) -> Option<&Candidate> {
    plan.candidate(plan.best?)
}

fn beside(plan: &Plan, role: Role) -> Option<&Beside> {
    plan.beside.iter().find(|one| one.role == role)
}

fn alerts(plan: &Plan) -> Vec<String> {
    let mut alerts = Vec::new();
    if !plan.is_finished {
        alerts.push("Interrupted: results up to that point.".to_owned());
    }
    alerts.extend(unasked(plan));
    let failing = beside(plan, Role::Recommended).filter(|one| phrases::is_much(one.failure_ratio.mean));
    alerts.extend(failing.map(|one| format!("{} of requests fail", percent(one.failure_ratio.mean))));
    alerts
}

/// The first screen.
fn answer(plan: &Plan) -> Vec<Block> {
    let Some(best) = recommended(plan) else {
        let Some(one) = &plan.nearest else { return vec![Block::Text("No configuration was simulated yet.".into())] };
        let mut blocks = vec![Block::Text(nearest(plan, one).into())];
        if let Some(candidate) = plan.candidate(one.candidate) {
            blocks
                .push(Block::Text(format!("It costs {} a month.", ranged(Quantity::Usd, &candidate.month_usd)).into()));
            blocks.push(Block::Table(objectives(plan, &candidate.objectives)));
        }
        return blocks;
    };
    let mut blocks = Vec::new();
    if !plan.beside.is_empty() {
        blocks.push(Block::Table(configurations(plan)));
    }
    blocks.push(Block::Table(objectives(plan, &best.objectives)));
    let mut cards = Vec::new();
    if let Some(grown) = &plan.headroom {
        let figure = match grown.breaks_at {
            Some(_) => format!("holds to {} today's load", times(grown.holds_to)),
            None => format!("holds to at least {} today's load", times(grown.holds_to)),
        };
        cards.push(Card::new("Headroom", figure, headroom(plan, grown)));
    }
    blocks.push(Block::Cards(cards));
    if !plan.prices.is_empty() {
        blocks.push(Block::Table(prices(plan)));
    }
    blocks
}

fn sections(plan: &Plan, manifest: &Manifest) -> Vec<Section> {
    let mut charts = chart::plan::charts(plan);
    let mut chart = |name: &str| {
        let place = charts.iter().position(|chart| chart.name == name)?;
        Some(Block::Figure(charts.swap_remove(place)))
    };
    let mut sections = Vec::new();
    if let Some(figure) = chart("memory") {
        sections.push(Section::new("memory", "Cost and latency by memory", Place::Page, vec![figure]));
    }
    if plan.headroom.is_some() {
        let blocks = chart("headroom").into_iter().chain([Block::Table(loads(plan))]).collect();
        sections.push(Section::new("headroom", "Load growth", Place::Detail, blocks));
    }
    let mut blocks: Vec<Block> = chart("front").into_iter().collect();
    blocks.extend(off_the_front(plan).map(|text| Block::Note(text.into())));
    blocks.push(Block::Table(front(plan)));
    sections.push(Section::new("front", format!("Cost and {}", plan.latency), Place::Detail, blocks));
    if !plan.static_estimates.is_empty() {
        let about = "N_instance = L_load / C_instance: request rate times duration, divided by the requests that one \
                     instance handles at once.";
        let list = plan.static_estimates.iter().map(|one| static_estimate(plan, one).into()).collect();
        let blocks = vec![Block::Note(about.into()), Block::List(list)];
        sections.push(Section::new("static", "Comparison with the static estimate", Place::Detail, blocks));
    }
    sections.push(Section::new("candidates", "Configurations", Place::Reference, vec![Block::Table(candidates(plan))]));
    let confidence = open(plan).into_iter().chain([method(plan)]).chain(monotone(plan));
    let confidence = confidence.map(|text| Block::Text(text.into())).collect();
    sections.push(Section::new("confidence", "Confidence", Place::Detail, confidence));
    sections.push(Section::new("details", "Run details", Place::Page, details(plan, manifest)));
    sections
}

/// Today's configuration, the recommended one and the runner-up beside each other, all by the same replications.
fn configurations(plan: &Plan) -> Table {
    let today = beside(plan, Role::Today);
    let column = |one: &Beside| match one.role {
        Role::Today => Column::new("Today", "The scenario as written"),
        Role::Recommended => Column::new("Recommended", ""),
        Role::RunnerUp => Column::new("Runner-up", "The next cheapest configuration that meets every objective"),
    };
    let row = |name: &str, cell: &dyn Fn(&Beside) -> Cell| Row::new(name, plan.beside.iter().map(cell).collect());
    let mut rows: Vec<Row> = plan
        .short_keys()
        .into_iter()
        .enumerate()
        .map(|(axis, key)| {
            let value =
                |one: &Beside| one.candidate.and_then(|number| plan.candidate(number)?.values.get(axis).cloned());
            row(&key, &|one| Cell::text(value(one).unwrap_or_else(|| "as it is".to_owned())))
        })
        .collect();
    rows.push(row("Cost per month", &|one| Cell::stat(Quantity::Usd, one.month_usd)));
    if plan.beside.iter().any(|one| one.monthly_free_usd.is_some()) {
        rows.push(row("Free tier deducted", &|one| match one.monthly_free_usd {
            Some(free) => Cell::stat(Quantity::Usd, free),
            None => Cell::text(NOTHING),
        }));
    }
    rows.push(row("Difference from today", &|one| match today.filter(|today| today.role != one.role) {
        Some(today) => {
            let more = more_than(today, one);
            Cell::text(format!("{}{}", if more > 0.0 { "+" } else { "" }, Quantity::Usd.text(more)))
        }
        None => Cell::text(NOTHING),
    }));
    rows.push(row("Objectives met", &|one| {
        Cell::badge(Tone::of(one.met == one.objectives), format!("{} of {}", one.met, one.objectives))
    }));
    rows.push(row("Latency p99", &|one| Cell::stat(Quantity::Seconds, one.latency_s_p99)));
    rows.push(row("Requests failed", &|one| {
        let cell = Cell::stat(Quantity::Ratio, one.failure_ratio);
        if phrases::is_much(one.failure_ratio.mean) { cell.toned(Tone::Bad) } else { cell }
    }));
    rows.push(row("Waited for a cold start", &|one| Cell::stat(Quantity::Ratio, one.cold_affected_ratio)));
    let columns = plan.beside.iter().map(column).collect();
    Table { caption: String::new(), rows_are: "", columns, rows, total: None, shown: ROWS }
}

/// What a configuration costs more than today's in a month, as the difference of the amounts shown.
fn more_than(today: &Beside, other: &Beside) -> f64 {
    cents(other.month_usd.mean) - cents(today.month_usd.mean)
}

fn objectives(plan: &Plan, outcomes: &[Outcome]) -> Table {
    let columns = vec![
        Column::text("Result", ""),
        Column::new("Expected", "Mean and confidence interval"),
        Column::text("Objective", "Required value"),
    ];
    let row = |(asked, outcome): (&Asked, &Outcome)| {
        let by_mean = outcome.by_mean && outcome.verdict == Verdict::Met;
        let note = if by_mean { "too few requests to prove it; judged by the mean" } else { "" };
        let cells = vec![
            judged(outcome.verdict),
            estimate(asked.quantity(), &outcome.value).noted(note),
            Cell::text(bound(asked)),
        ];
        Row::new(asked.subject(), cells)
    };
    let rows = plan.objectives.iter().zip(outcomes).map(row).collect();
    let caption = "The recommended configuration, with simultaneous confidence intervals";
    let caption = if plan.best.is_some() { caption.to_owned() } else { String::new() };
    Table { caption, rows_are: "Metric", columns, rows, total: None, shown: ROWS }
}

/// What an objective asks for: `below 800 ms`, and whether nobody wrote it.
fn bound(asked: &Asked) -> String {
    let by_default = if asked.implied { " (added by default)" } else { "" };
    format!("{}{by_default}", phrases::bound(asked))
}

fn judged(verdict: Verdict) -> Cell {
    match verdict {
        Verdict::Met => Cell::badge(Tone::Good, "met"),
        Verdict::Missed => Cell::badge(Tone::Bad, "NOT MET"),
        Verdict::Open => Cell::text("inconclusive"),
    }
}

fn estimate(quantity: Quantity, estimate: &Estimate) -> Cell {
    Cell::range(quantity, estimate.mean, estimate.low, estimate.high)
}

/// A mean with its range: `$12.40 (95 % CI $12.10 to $12.70)`.
fn ranged(quantity: Quantity, one: &Estimate) -> String {
    estimate(quantity, one).long()
}

fn mean(quantity: Quantity, estimate: &Estimate) -> String {
    estimate.mean.map_or_else(|| NOTHING.to_owned(), |mean| quantity.text(mean))
}

/// `latency_s.p99 of checkout below 800 ms`.
fn objective(plan: &Plan, place: usize) -> String {
    plan.objectives.get(place).map_or_else(String::new, |asked| format!("{} {}", asked.subject(), bound(asked)))
}

/// How far the best of what misses is away.
pub(in crate::report) fn nearest(plan: &Plan, nearest: &Nearest) -> String {
    let Some(one) = plan.candidate(nearest.candidate) else { return String::new() };
    let Some((asked, outcome)) = plan.objectives.get(nearest.objective).zip(one.objectives.get(nearest.objective))
    else {
        return String::new();
    };
    let set = plan.describe(one);
    let (subject, bound) = (asked.subject(), bound(asked));
    if outcome.value.mean.is_none() {
        return format!("With {set}, {subject} is never reached: too few requests are completed, or none.");
    }
    let value = ranged(asked.quantity(), &outcome.value);
    let what = format!("Nearest: {set}, where {subject} is {value} (objective: {bound})");
    if let Some(by) = nearest.by.filter(|by| *by > 0.0) {
        format!("{what}. It misses by {}.", percent(by))
    } else {
        let most = plan.method.looks.last().copied().unwrap_or_default();
        format!("{what}. It may meet the objective, but {most} replications are not enough to show it.")
    }
}

fn prices(plan: &Plan) -> Table {
    let columns =
        vec![Column::new("Per month", "Savings without this objective"), Column::text("Cheapest without it", "")];
    let row = |one: &Price| {
        let (set, cost) = price(plan, one);
        let cells = vec![Cell::text(price_in_short(one)), Cell::text(set).noted(cost)];
        let name = plan.objectives.get(one.objective).map(Asked::subject).unwrap_or_default();
        Row::new(name, cells)
    };
    let rows = plan.prices.iter().map(row).collect();
    let caption = "What each objective costs, compared with the cheapest configuration without it".to_owned();
    Table { caption, rows_are: "Objective", columns, rows, total: None, shown: ROWS }
}

fn price_in_short(price: &Price) -> String {
    match (price.best_without, &price.month_usd) {
        (Some(_), Some(cost)) if cost.mean.is_some_and(|mean| mean > 0.0) => mean(Quantity::Usd, cost),
        (Some(_), Some(_)) => "nothing".to_owned(),
        _ => NOTHING.to_owned(),
    }
}

/// What would be set without an objective, and its cost: that of the recommended configuration less the difference shown, which
/// is that of the same requests.
fn price(plan: &Plan, price: &Price) -> (String, String) {
    let only = |text: &str| (text.to_owned(), String::new());
    let without = price.best_without.and_then(|number| plan.candidate(number));
    match (without, &price.month_usd) {
        (None, _) => only("no configuration meets the other objectives"),
        (Some(_), Some(cost)) if cost.mean == Some(0.0) => only("the same configuration"),
        (Some(one), Some(cost)) if cost.mean.is_some_and(|mean| mean <= 0.0) => {
            (plan.describe(one), "at about the same cost".to_owned())
        }
        (Some(one), cost) => {
            let best = beside(plan, Role::Recommended).map(|best| best.month_usd.mean);
            let less = best.zip(cost.as_ref().and_then(|cost| cost.mean)).map(|(best, less)| cents(best) - cents(less));
            let at = less.map_or_else(|| mean(Quantity::Usd, &one.month_usd), |usd| Quantity::Usd.text(usd));
            (plan.describe(one), format!("at {at}"))
        }
    }
}

/// What breaks first, what binds, and how long it lasts.
fn headroom(plan: &Plan, headroom: &Headroom) -> Vec<String> {
    let mut said = Vec::new();
    if let (Some(breaks_at), Some(place)) = (headroom.breaks_at, headroom.breaks_first) {
        let point = headroom.points.iter().find(|point| point.multiple == breaks_at);
        let is_missed =
            point.is_some_and(|point| point.objectives.get(place).is_some_and(|one| one.verdict == Verdict::Missed));
        let how = if is_missed { "is missed" } else { "can no longer be guaranteed" };
        said.push(format!("At {} today's load, {} {how}.", times(breaks_at), objective(plan, place)));
    }
    said.push(match &headroom.first_limit {
        Some(binding) => {
            let value = binding.value.map_or_else(String::new, |value| format!(" {}", count(value)));
            let load = if binding.multiple == 1.0 { String::new() } else { times(binding.multiple) + " " };
            format!(
                "First limit reached: {}{value} of {}, which throttles {} of requests at {load}today's load.",
                binding.limit,
                binding.function,
                percent(binding.share)
            )
        }
        None => "No platform limit is reached at any load tested.".to_owned(),
    });
    if let Some(growth) = &headroom.growth {
        let at_least = if growth.at_least { "at least " } else { "" };
        said.push(format!("At {} growth, that is {at_least}{:.1} months away.", growth.growth, growth.months));
    }
    said
}

fn loads(plan: &Plan) -> Table {
    let mut columns = vec![
        Column::text("Objectives", ""),
        Column::new("Cost per month", "Cost of 30 days at this load"),
        Column::new(plan.latency.as_str(), "The latency metric that the trade-off uses"),
    ];
    columns.push(Column::new("Instances", "Mean number of instances"));
    columns.push(Column::text("Main limit", ""));
    let points = plan.headroom.iter().flat_map(|headroom| &headroom.points);
    let row = |point: &crate::measure::plan::LoadPoint| {
        let first = |verdict: Verdict| point.objectives.iter().position(|one| one.verdict == verdict);
        let what = |place: usize| plan.objectives.get(place).map(Asked::subject).unwrap_or_default();
        let verdict = match (first(Verdict::Missed), first(Verdict::Open)) {
            (Some(place), _) => Cell::badge(Tone::Bad, "NOT MET").noted(what(place)),
            (None, Some(place)) => Cell::text("inconclusive").noted(what(place)),
            (None, None) => judged(Verdict::Met),
        };
        let binding = point.binding.as_ref().map(|binding| {
            format!("{} of {}: {} of requests", binding.limit, binding.function, percent(binding.share))
        });
        let cells = vec![
            verdict,
            estimate(Quantity::Usd, &point.month_usd),
            estimate(Quantity::Seconds, &point.latency_s),
            Cell::text(count(point.instances_mean)),
            Cell::text(binding.unwrap_or_default()),
        ];
        Row::new(times(point.multiple), cells)
    };
    let caption = "The recommended configuration under more load, with nothing else changed".to_owned();
    Table { caption, rows_are: "Load", columns, rows: points.map(row).collect(), total: None, shown: ROWS }
}

/// The static estimate compared with the simulation.
fn static_estimate(plan: &Plan, one: &StaticEstimate) -> String {
    let mut said = format!(
        "{}: the static estimate is {} instances; the simulation needs {} on average and {} at peak",
        one.function,
        count(one.instances),
        count(one.simulated_mean),
        count(one.simulated_peak)
    );
    if one.short_by > 0.0 {
        said += &format!(", so the estimate is {} short of the peak", percent(one.short_by));
    }
    said.push('.');
    if let Some(candidate) = one.as_set.and_then(|number| plan.candidate(number)) {
        let outcome = match candidate.verdict {
            Verdict::Met => "also meets every objective".to_owned(),
            verdict => {
                let place =
                    candidate.objectives.iter().position(|outcome| outcome.verdict == verdict).unwrap_or_default();
                let value = candidate.objectives.get(place).map(|one| one.value);
                let quantity = plan.objectives.get(place).map_or(Quantity::Count, Asked::quantity);
                let value = value.map_or_else(String::new, |value| mean(quantity, &value));
                let how = if verdict == Verdict::Missed { "misses" } else { "is not shown to meet" };
                format!("{how} {}: {value}", objective(plan, place))
            }
        };
        said += &format!(" Sized by the estimate ({}), it {outcome}.", plan.describe(candidate));
    }
    said
}

/// What the recommended configuration refuses or holds back at today's load, where no objective speaks of it: latencies are those
/// of completed requests.
fn unasked(plan: &Plan) -> Option<String> {
    const GUARDS: [&str; 5] = ["failure_ratio", "rejection_ratio", "requests.", "wait_s.", "queue."];
    let binding = plan.headroom.as_ref()?.first_limit.as_ref().filter(|binding| binding.multiple == 1.0)?;
    let is_guard = |asked: &Asked| {
        asked.share.is_some() || GUARDS.iter().any(|guard| asked.key().starts_with(guard)) && !asked.implied
    };
    (!plan.objectives.iter().any(is_guard)).then(|| {
        format!(
            "Note: {} of {} throttles {} of requests today, and no objective covers that.",
            binding.limit,
            binding.function,
            percent(binding.share)
        )
    })
}

/// Why the recommended configuration is not on the front.
fn off_the_front(plan: &Plan) -> Option<String> {
    let best = recommended(plan).filter(|best| !plan.front.contains(&best.number))?;
    let front = plan.front.iter().filter_map(|number| plan.candidate(*number));
    let mut better =
        front.filter(|one| one.month_usd.mean <= best.month_usd.mean && one.latency_s.mean <= best.latency_s.mean);
    Some(match better.all(|one| one.verdict != Verdict::Met) {
        true => {
            "The recommendation is not on the Pareto front: no cheaper and faster configuration could be shown to meet \
             every objective."
                .to_owned()
        }
        false => format!(
            "The recommendation is not on the Pareto front: cheaper configurations cost less than {} less, and have \
             less margin.",
            percent(plan.method.indifference)
        ),
    })
}

fn front(plan: &Plan) -> Table {
    let columns =
        vec![Column::new("Cost per month", "Cost of 30 days at this rate"), Column::new(plan.latency.as_str(), "")];
    let rows = plan.front.iter().filter_map(|number| plan.candidate(*number)).map(|one| {
        let cells = vec![estimate(Quantity::Usd, &one.month_usd), estimate(Quantity::Seconds, &one.latency_s)];
        Row { name: plan.describe(one), is_chosen: plan.best == Some(one.number), cells }
    });
    let caption = "The best trade-offs: no tested configuration is both cheaper and faster".to_owned();
    Table { caption, rows_are: "Configuration", columns, rows: rows.collect(), total: None, shown: FRONT }
}

fn candidates(plan: &Plan) -> Table {
    let mut all: Vec<&Candidate> = plan.candidates.iter().collect();
    let cost = |one: &Candidate| one.month_usd.mean.unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| cost(a).total_cmp(&cost(b)).then(a.number.cmp(&b.number)));
    let mut columns =
        vec![Column::text("Objectives", ""), Column::new("Cost per month", "Cost of 30 days at this rate")];
    columns.extend(plan.objectives.iter().map(|asked| Column::new(asked.subject(), bound(asked))));
    columns.push(Column::new("Replications", ""));
    let row = |one: &&Candidate| {
        let mut cells = vec![judged(one.verdict), estimate(Quantity::Usd, &one.month_usd)];
        let outcomes = plan.objectives.iter().zip(&one.objectives);
        cells.extend(outcomes.map(|(asked, outcome)| estimate(asked.quantity(), &outcome.value)));
        cells.push(Cell::text(one.replications.to_string()));
        Row { name: plan.describe(one), is_chosen: plan.best == Some(one.number), cells }
    };
    let caption = "Every tested configuration, the cheapest first".to_owned();
    Table { caption, rows_are: "Configuration", columns, rows: all.iter().map(row).collect(), total: None, shown: ROWS }
}

/// How it was found, and how sure it is.
fn method(plan: &Plan) -> String {
    let method = &plan.method;
    let looks: Vec<String> = method.looks.iter().map(u32::to_string).collect();
    let runs = method.runs;
    format!(
        "All statements hold simultaneously with {} confidence, over {} configurations, their objectives, and looks \
         after {} replications. {} configurations were simulated, with {} replications to find the best; an exhaustive \
         search would take {}. Among configurations whose costs differ by less than {}, the one with the largest \
         margin is chosen. Replication k of every configuration receives the same requests (common random numbers).",
        percent(method.confidence),
        count(method.candidates as f64),
        looks.join(", "),
        count(method.looked_at as f64),
        count(runs.best as f64),
        count(runs.exhaustive as f64),
        percent(method.indifference),
    )
}

fn monotone(plan: &Plan) -> Option<String> {
    let axes = plan.axes.iter().filter(|axis| axis.is_monotone && axis.values.len() > 1);
    let keys: Vec<&str> = axes.map(|axis| axis.key.as_str()).collect();
    (!keys.is_empty()).then(|| {
        format!(
            "Higher values of {} were assumed to perform at least as well, so not every value was simulated. No result \
             contradicts this assumption.",
            keys.join(", ")
        )
    })
}

/// What stays open, if anything does.
fn open(plan: &Plan) -> Vec<String> {
    let names = |numbers: &[usize]| {
        let all: Vec<String> =
            numbers.iter().take(3).filter_map(|number| Some(plan.describe(plan.candidate(*number)?))).collect();
        let more = numbers.len().saturating_sub(3);
        if more > 0 { format!("{}; and {more} more", all.join("; ")) } else { all.join("; ") }
    };
    let mut said = Vec::new();
    if plan.best.is_some() && !plan.method.open.is_empty() {
        said.push(format!("Cheaper but inconclusive: {}.", names(&plan.method.open)));
    }
    if !plan.method.ties.is_empty() {
        said.push(format!("Possibly cheaper: {}.", names(&plan.method.ties)));
    }
    said
}

/// How much was simulated.
fn extent(plan: &Plan) -> String {
    let measured = if plan.measured_s < plan.horizon_s {
        format!(", {} measured", duration(plan.measured_s))
    } else {
        String::new()
    };
    let (looked, all) = (count(plan.method.looked_at as f64), count(plan.method.candidates as f64));
    format!(
        "{looked} of {all} configurations simulated, {} each{measured}, seed {}",
        duration(plan.horizon_s),
        plan.seed
    )
}

fn details(plan: &Plan, manifest: &Manifest) -> Vec<Block> {
    let mut blocks = super::run::details(&plan.scenario.name, manifest);
    let runs = plan.method.runs;
    let efforts = [
        ("Replications to find the best", runs.best),
        ("For the runner-up and the cost of objectives", runs.others),
        ("For the Pareto front", runs.front),
        ("For headroom under more load", runs.headroom),
    ];
    let efforts = efforts.map(|(name, number)| (name.to_owned(), count(number as f64))).to_vec();
    blocks.insert(1, Block::Facts(efforts));
    blocks
}
