//! `kpa_pipeline_vectors.json`: stats to decisions, and the whole loop with its ticks, scrapes and pokes.

use forewarm::policy::scaling::knative::autoscaler::Autoscaler;
use forewarm::policy::scaling::knative::collector::Collector;
use forewarm::policy::scaling::knative::decider::Decider;
use forewarm::policy::scaling::knative::settings::Aggregation;
use forewarm::policy::scaling::knative::stats::Stat;
use forewarm::policy::scaling::knative::{REPORT_INTERVAL, TICK_INTERVAL};
use serde::Deserialize;

use super::decisions::{Create, Expect, Panic};
use super::{Comparison, Config, at, load};

const FILE: &str = "kpa_pipeline_vectors.json";

#[derive(Deserialize)]
struct File {
    pipelines: Vec<Pipeline>,
    multiscaler: Vec<Loop>,
}

#[derive(Deserialize)]
struct Pipeline {
    id: u64,
    name: String,
    config: Config,
    create: Create,
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Event {
    Record { t_ms: u64, at_ms: Option<u64>, stat: Reported },
    Update { t_ms: u64, update: Config },
    Tick { t_ms: u64, ready: i32, stable: Option<f64>, panic: Option<f64>, no_data: bool, expect: Expect },
}

#[derive(Clone, Copy, Deserialize)]
struct Reported {
    conc: f64,
    proxied_conc: f64,
    req: f64,
    proxied_req: f64,
}

impl From<Reported> for Stat {
    fn from(reported: Reported) -> Self {
        Self {
            concurrency: reported.conc,
            proxied_concurrency: reported.proxied_conc,
            requests: reported.req,
            proxied_requests: reported.proxied_req,
        }
    }
}

#[test]
fn vectors_of_pipelines() {
    let mut comparison = Comparison::new(FILE, "pipelines");
    for pipeline in load::<File>(FILE).pipelines {
        comparison.sequences += 1;
        let name = format!("{} {}", pipeline.id, pipeline.name);
        let exact = pipeline.config.metric().aggregation == Aggregation::Linear;
        let mut collector = Collector::new(&pipeline.config.metric());
        let mut decider = Decider::new(pipeline.config.decider(), at(pipeline.create.t_ms), pipeline.create.pods());
        for (number, event) in pipeline.events.iter().enumerate() {
            match event {
                Event::Record { t_ms, at_ms, stat } => collector.record(at(at_ms.unwrap_or(*t_ms)), (*stat).into()),
                Event::Update { t_ms, update } => {
                    collector.update(at(*t_ms), &update.metric());
                    decider.update(update.decider());
                }
                Event::Tick { t_ms, ready, stable, panic, no_data, expect } => {
                    let observed = collector.observe(decider.spec().metric, at(*t_ms));
                    comparison.equal(&name, number, &observed.is_none(), no_data);
                    if let (Some(observed), Some(stable), Some(panic)) = (observed, stable, panic) {
                        for (got, expected) in [(observed.stable, *stable), (observed.panic, *panic)] {
                            if exact {
                                comparison.equal(&name, number, &got, &expected);
                            } else {
                                comparison.close(&name, number, got, expected);
                            }
                        }
                    }
                    let decision = decider.scale(at(*t_ms), Some(*ready), observed);
                    let got = decision.map(|d| (d.desired, d.excess_burst_capacity));
                    comparison.equal(&name, number, &got, &expect.valid.then_some((expect.desired, expect.ebc)));
                    comparison.equal(&name, number, &Panic::of(&decider), &expect.panic);
                }
            }
        }
    }
    comparison.finish();
}

#[derive(Deserialize)]
struct Loop {
    id: u64,
    name: String,
    config: Config,
    metric_t_ms: u64,
    decider_t_ms: u64,
    end_ms: u64,
    scrapes: Vec<Option<Reported>>,
    ready: Vec<Ready>,
    push: Vec<Push>,
    initial: Inform,
    informs: Vec<Inform>,
    #[serde(rename = "final")]
    last: Inform,
}

#[derive(Deserialize)]
struct Ready {
    t_ms: u64,
    ready: i32,
}

#[derive(Deserialize)]
struct Push {
    t_ms: u64,
    stat: Reported,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inform {
    t_ms: u64,
    desired: i32,
    ebc: i32,
}

/// What happens in a loop, in this order at equal times.
enum Happens {
    Ready(i32),
    CreateCollector,
    CreateDecider,
    Scrape(Stat),
    Push(Stat),
    Tick,
}

impl Loop {
    fn timetable(&self) -> Vec<(u64, Happens)> {
        let (report, tick) = (REPORT_INTERVAL.as_nanos() / 1_000_000, TICK_INTERVAL.as_nanos() / 1_000_000);
        let mut table: Vec<_> = self.ready.iter().map(|ready| (ready.t_ms, Happens::Ready(ready.ready))).collect();
        table.push((self.metric_t_ms, Happens::CreateCollector));
        table.push((self.decider_t_ms, Happens::CreateDecider));
        let scrapes = (1..).map(|i| self.metric_t_ms + report * i).zip(&self.scrapes);
        table.extend(scrapes.filter_map(|(t, stat)| stat.map(|stat| (t, Happens::Scrape(stat.into())))));
        table.extend(self.push.iter().map(|push| (push.t_ms, Happens::Push(push.stat.into()))));
        let ticks = (1..).map(|k| self.decider_t_ms + tick * k).take_while(|t| *t <= self.end_ms);
        table.extend(ticks.map(|t| (t, Happens::Tick)));
        table.sort_by_key(|(t, _)| *t);
        table
    }
}

#[test]
fn vectors_of_whole_loops() {
    let mut comparison = Comparison::new(FILE, "whole loops");
    for run in load::<File>(FILE).multiscaler {
        comparison.sequences += 1;
        let name = format!("loop {} {}", run.id, run.name);
        let mut autoscaler = Autoscaler::default();
        let mut ready = 0;
        let mut informs = Vec::new();
        let published = |autoscaler: &Autoscaler, t_ms| {
            let (desired, ebc) = autoscaler.published().map_or((0, 0), |d| (d.desired, d.excess_burst_capacity));
            Inform { t_ms, desired, ebc }
        };
        for (t_ms, happens) in run.timetable() {
            let informed = match happens {
                Happens::Ready(pods) => {
                    ready = pods;
                    false
                }
                Happens::CreateCollector => {
                    autoscaler.create_collector(Collector::new(&run.config.metric()));
                    false
                }
                Happens::CreateDecider => {
                    autoscaler.create_decider(run.config.decider(), at(t_ms), ready);
                    comparison.equal(&name, 0, &published(&autoscaler, run.initial.t_ms), &run.initial);
                    false
                }
                Happens::Scrape(stat) => {
                    autoscaler.scraped(at(t_ms), stat);
                    false
                }
                Happens::Push(stat) => autoscaler.push(at(t_ms), stat, Some(ready)),
                Happens::Tick => autoscaler.tick(at(t_ms), Some(ready)),
            };
            if informed {
                informs.push(published(&autoscaler, t_ms));
            }
        }
        comparison.equal(&name, 0, &informs.len(), &run.informs.len());
        for (number, (got, expected)) in informs.iter().zip(&run.informs).enumerate() {
            comparison.equal(&name, number, got, expected);
        }
        comparison.equal(&name, run.informs.len(), &published(&autoscaler, run.last.t_ms), &run.last);
    }
    comparison.finish();
}
