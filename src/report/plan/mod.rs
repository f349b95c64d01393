//! A capacity plan as people read it: on the terminal ([`table()`]) and as a page ([`page()`]). The sentences that both share are
//! here.

mod page;
mod table;

pub use page::render as page;
pub use table::render as table;

use super::chart::Drawn;
use super::kinds::Kind;
use super::number::{NOTHING, Quantity, count, duration, percent, times};
use super::wording;
use super::{Artefact, Report, chart, csv, json, markdown, stored};
use crate::measure::Manifest;
use crate::measure::plan::{
    Asked, Candidate, Estimate, Headroom, Nearest, Outcome, Plan, Price, StaticEstimate, Verdict,
};

/// What `forewarm plan` leaves.
pub const KIND: Kind =
    Kind { name: "plan", read: |_, folder| Ok(Box::new(stored::plan(&stored::text(folder, stored::PLAN)?)?)) };

impl Report for Plan {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Artefact> {
        vec![Artefact::new(stored::PLAN, self.json()), Artefact::csv("plan.csv", |to| csv::plan(self, to))]
    }

    fn charts(&self) -> Vec<Drawn> {
        chart::plan::charts(self)
    }

    fn html(&self, manifest: &Manifest, charts: &[Drawn]) -> String {
        page(self, manifest, charts)
    }

    fn markdown(&self, manifest: &Manifest) -> String {
        markdown::of_terminal("Plan", &self.text(false), manifest)
    }

    fn text(&self, colour: bool) -> String {
        table(self, colour)
    }

    fn json(&self) -> String {
        json::plan(self)
    }
}

/// The answer in one line.
fn headline(plan: &Plan) -> String {
    match (recommended(plan), &plan.nearest) {
        (Some(best), _) => format!("Set {}", plan.describe(best)),
        (None, _) if !plan.is_finished => {
            "Not finished: no configuration is known to meet the objectives yet".to_owned()
        }
        (None, _) => "No configuration is shown to meet every objective".to_owned(),
    }
}

/// The candidate that is recommended.
fn recommended(plan: &Plan) -> Option<&Candidate> {
    plan.candidate(plan.best?)
}

/// A mean with its range: `$12.40 ($12.10 to $12.70)`.
fn ranged(quantity: Quantity, estimate: &Estimate) -> String {
    let mean = mean(quantity, estimate);
    match range(quantity, estimate) {
        Some(range) => format!("{mean} ({range})"),
        None => mean,
    }
}

fn mean(quantity: Quantity, estimate: &Estimate) -> String {
    estimate.mean.map_or_else(|| NOTHING.to_owned(), |mean| quantity.text(mean))
}

/// `$12.10 to $12.70`; none if it has no width.
fn range(quantity: Quantity, estimate: &Estimate) -> Option<String> {
    let (low, high) = estimate.low.zip(estimate.high)?;
    let (low, high) = (quantity.text(low), quantity.text(high));
    (low != high).then(|| format!("{low} to {high}"))
}

/// What an objective asks for: `below 800 ms`, and whether nobody wrote it.
fn bound(asked: &Asked) -> String {
    let by_default = if asked.implied { " (by default)" } else { "" };
    format!("{}{by_default}", wording::bound(asked))
}

/// What decided that an objective is met, where it is not its range.
fn by_mean(outcome: &Outcome) -> Option<&'static str> {
    (outcome.by_mean && outcome.verdict == Verdict::Met).then_some("too few requests to prove it: the mean counts")
}

/// `latency_s.p99 of checkout below 800 ms`.
fn objective(plan: &Plan, place: usize) -> String {
    plan.objectives.get(place).map_or_else(String::new, |asked| format!("{} {}", asked.subject(), bound(asked)))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::Open => "not shown",
    }
}

/// How far the best of what misses is away.
pub(super) fn nearest(plan: &Plan, nearest: &Nearest) -> String {
    let Some(one) = plan.candidate(nearest.candidate) else { return String::new() };
    let Some((asked, outcome)) = plan.objectives.get(nearest.objective).zip(one.objectives.get(nearest.objective))
    else {
        return String::new();
    };
    let quantity = asked.quantity();
    if outcome.value.mean.is_none() {
        return format!("With {} there is no {} at all: no request came so far.", plan.describe(one), asked.subject());
    }
    let value = ranged(quantity, &outcome.value);
    let what = format!("{}: {} is {value}, asked for is {}", plan.describe(one), asked.subject(), bound(asked));
    if nearest.by > 0.0 {
        format!("The nearest is {what}: it misses by {}.", percent(nearest.by))
    } else {
        let most = plan.method.looks.last().copied().unwrap_or_default();
        format!("The nearest is {what}. It may meet, but that is not shown within {most} replications.")
    }
}

/// How the runner-up compares: `provisioned = 4: $13.00 a month, $0.60 more`.
fn runner_up(plan: &Plan) -> Option<String> {
    let (best, other) = (recommended(plan)?, plan.candidate(plan.runner_up?)?);
    let (cost, second) = (best.month_usd.mean?, other.month_usd.mean?);
    let more = second - cost;
    let by = if more.abs() <= plan.method.indifference * cost.abs() {
        "about the same".to_owned()
    } else {
        format!("{} {}", Quantity::Usd.text(more.abs()), if more > 0.0 { "more" } else { "less" })
    };
    Some(format!("{}: {} a month, {by}", plan.describe(other), Quantity::Usd.text(second)))
}

/// What an objective costs.
fn price(plan: &Plan, price: &Price) -> String {
    let without = price.best_without.and_then(|number| plan.candidate(number));
    match (without, &price.month_usd) {
        (None, _) => "nothing meets the others either".to_owned(),
        (Some(_), Some(cost)) if cost.mean == Some(0.0) => {
            "nothing: without it the answer would be the same".to_owned()
        }
        (Some(one), Some(cost)) if cost.mean.is_some_and(|mean| mean <= 0.0) => {
            format!("nothing that matters; without it: {}", plan.describe(one))
        }
        (Some(one), Some(cost)) => {
            format!("{} a month; without it: {}", mean(Quantity::Usd, cost), plan.describe(one))
        }
        (Some(one), None) => {
            format!("without it: {} for {} a month", plan.describe(one), mean(Quantity::Usd, &one.month_usd))
        }
    }
}

/// Up to which load it holds, what breaks then, what binds, and how long that lasts.
fn headroom(plan: &Plan, headroom: &Headroom) -> Vec<String> {
    let mut said = Vec::new();
    said.push(match (headroom.breaks_at, headroom.breaks_first) {
        (Some(breaks_at), Some(place)) => {
            let point = headroom.points.iter().find(|point| point.multiple == breaks_at);
            let is_missed = point
                .is_some_and(|point| point.objectives.get(place).is_some_and(|one| one.verdict == Verdict::Missed));
            let how = if is_missed { "is missed" } else { "is no longer sure to be met" };
            format!("At {} today's load {} {how}.", times(breaks_at), objective(plan, place))
        }
        _ => format!(
            "Every objective is met up to {} today's load, the most that was looked at.",
            times(headroom.holds_to)
        ),
    });
    said.push(match &headroom.first_limit {
        Some(binding) => {
            let value = binding.value.map_or_else(String::new, |value| format!(" {}", count(value)));
            let load = if binding.multiple == 1.0 { String::new() } else { times(binding.multiple) + " " };
            format!(
                "The first limit that binds is {}{value} of {}: it holds back {} of the requests at {load}today's load.",
                binding.limit,
                binding.function,
                percent(binding.share)
            )
        }
        None => "No limit of the platform binds at any load looked at.".to_owned(),
    });
    if let Some(growth) = &headroom.growth {
        let months = format!("{:.1}", growth.months);
        let at_least = if growth.at_least { "at least " } else { "" };
        said.push(format!("With a growth of {} it lasts {at_least}{months} months.", growth.growth));
    }
    said
}

/// The rule of thumb beside the simulation.
fn static_estimate(plan: &Plan, one: &StaticEstimate) -> String {
    let mut said = format!(
        "{}: mean load over requests at a time asks for {} instances; simulated are {} on average and {} at the peak",
        one.function,
        count(one.instances),
        count(one.simulated_mean),
        count(one.simulated_peak)
    );
    if one.short_by > 0.0 {
        said += &format!(", so that it is {} short of the peak", percent(one.short_by));
    }
    said.push('.');
    if let Some(candidate) = one.as_set.and_then(|number| plan.candidate(number)) {
        let outcome = match candidate.verdict {
            Verdict::Met => "meets every objective too".to_owned(),
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
        said += &format!(" Set so ({}), it {outcome}.", plan.describe(candidate));
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
            "Mind: {} of {} holds back {} of the requests today, and no objective speaks of that, as one on rejection_ratio would.",
            binding.limit,
            binding.function,
            percent(binding.share)
        )
    })
}

/// Why the recommended configuration is not on the front.
fn beside_the_front(plan: &Plan) -> Option<String> {
    let best = recommended(plan).filter(|best| !plan.front.contains(&best.number))?;
    let front = plan.front.iter().filter_map(|number| plan.candidate(*number));
    let mut better =
        front.filter(|one| one.month_usd.mean <= best.month_usd.mean && one.latency_s.mean <= best.latency_s.mean);
    Some(match better.all(|one| one.verdict != Verdict::Met) {
        true => "The recommended one is not on it: what is cheaper and faster is not shown to meet every objective."
            .to_owned(),
        false => format!(
            "The recommended one is not on it: what is cheaper and meets every objective too is so by less than {}.",
            percent(plan.method.indifference)
        ),
    })
}

/// How it was found, and how sure it is.
fn method(plan: &Plan) -> String {
    let method = &plan.method;
    let looks: Vec<String> = method.looks.iter().map(u32::to_string).collect();
    let runs = method.runs;
    format!(
        "All that is said holds together with {}: what may go wrong is split over {} configurations, their objectives and looks \
         after {} replications. Of the configurations {} were looked at, with {} replications to find the best; all \
         replications of all configurations would be {}. A difference in cost of less than {} does not matter.",
        percent(method.confidence),
        count(method.candidates as f64),
        looks.join(", "),
        count(method.looked_at as f64),
        count(runs.best as f64),
        count(runs.exhaustive as f64),
        percent(method.indifference),
    )
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
        said.push(format!("Cheaper, and it stays open whether it meets: {}.", names(&plan.method.open)));
    }
    if !plan.method.ties.is_empty() {
        said.push(format!("It stays open whether this is cheaper: {}.", names(&plan.method.ties)));
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
        "{looked} of {all} configurations looked at, {} each time{measured}, seed {}",
        duration(plan.horizon_s),
        plan.seed
    )
}
