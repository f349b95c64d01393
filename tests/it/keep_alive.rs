//! Each keep-alive policy in a small world whose numbers can be worked out by hand.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use forewarm::engine::{Cell, EventCounts, Finished, Levels, Limit, Observer, simulate};
use forewarm::experiment;
use forewarm::id::{InstanceId, LocalFn};
use forewarm::rng::Streams;
use forewarm::scenario::{ParseOptions, parse};
use forewarm::time::{SimTime, Span};

use crate::good_scenarios::assert_reads_back;
use crate::harness::Memory;
use crate::harness::{scenario, summary};

/// What a function did: how many instances there were from when on (s), which of its requests were cold, and what held
/// requests back.
#[derive(Clone, Debug, Default, PartialEq)]
struct Story {
    reached: SimTime,
    steps: Vec<(u64, u32)>,
    cold: Vec<bool>,
    limits: Vec<Limit>,
}

#[derive(Default)]
struct Stories(Vec<Story>);

fn seconds(at: SimTime) -> u64 {
    at.since(SimTime::ZERO).as_nanos() / Span::from_secs(1).as_nanos()
}

impl Observer for Stories {
    fn needs_order(&self) -> bool {
        true
    }

    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let story = &mut self.0[function.index()];
        if now > story.reached && story.steps.last().is_none_or(|(_, instances)| *instances != held.instances()) {
            story.steps.push((seconds(story.reached), held.instances()));
        }
        story.reached = now;
    }

    fn finished(&mut self, request: &Finished) {
        self.0[request.function.index()].cold.push(request.cold_affected);
    }

    fn throttled(&mut self, _: SimTime, function: LocalFn, by: Limit) {
        self.0[function.index()].limits.push(by);
    }
}

/// Runs functions with these keys, whose requests come at the moments `at` (s).
fn stories(horizon: &str, platform: &str, functions: &[(&str, &[u64])]) -> (EventCounts, Vec<Story>) {
    let mut text = format!("[scenario]\nname = \"keep\"\n[simulation]\nhorizon = \"{horizon}\"\n{platform}\n");
    for (index, (keys, at)) in functions.iter().enumerate() {
        let at: Vec<String> = at.iter().map(|secs| format!("\"{secs}s\"")).collect();
        text += &format!(
            "[[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.times.at = [{}]\n\
             [[function]]\nname = \"f{index}\"\n{keys}\n",
            at.join(", ")
        );
    }
    let scenario = scenario(&text);
    let mut stories = Stories(vec![Story::default(); functions.len()]);
    let mut pulse = |_, _| ControlFlow::Continue(());
    let cell = Cell::whole(&scenario);
    let events = simulate(&scenario, &cell, &Streams::new(1, 0), &mut stories, &mut pulse).expect("it runs");
    (events, stories.0)
}

/// The sum over time of the instances there were until `end` (s).
fn instance_seconds(steps: &[(u64, u32)], end: u64) -> u64 {
    let ends = steps.iter().skip(1).map(|(at, _)| *at).chain([end]);
    steps.iter().zip(ends).map(|((from, instances), to)| (to - from) * u64::from(*instances)).sum()
}

fn every(period: u64, times: std::ops::Range<u64>) -> Vec<u64> {
    times.map(|time| time * period).collect()
}

const HALF_HOURLY: &str = "duration.constant.value = \"1s\"\ncold-start.constant.value = \"2s\"";

/// The first request is cold and ends at 1803 s. Ten idle times of 29 minutes and some make the histogram: at the end of
/// the eleventh request, 19,801 s, it says 29 min * 0.9 = 1566 s until the application is loaded again and 30 min * 1.1 =
/// 1980 s until it goes. It starts for two seconds and is there when the next request comes at 21,600 s.
#[test]
fn the_histogram_loads_a_periodic_function_just_in_time() {
    let at = every(1800, 1..15);
    let (events, one) = stories("8h", "", &[(&format!("{HALF_HOURLY}\nkeep-alive.hybrid-histogram = {{}}"), &at)]);
    let steps = [
        (0, 0),
        (1800, 1),
        (19_801, 0),
        (21_367, 1),
        (21_601, 0),
        (23_167, 1),
        (23_401, 0),
        (24_967, 1),
        (25_201, 0),
        (26_767, 1),
        (27_181, 0),
    ];
    assert_eq!(one[0].steps, steps);
    assert_eq!(one[0].cold, [vec![true], vec![false; 13]].concat());
    assert_eq!(events.pre_warms, 4);
}

/// Against a window as long as the range: no more cold starts, and a fifth of the idle instances once it has learned.
#[test]
fn the_histogram_keeps_less_than_a_fixed_window() {
    let at = every(1800, 1..96);
    let run = |keep: &str| stories("48h", "", &[(&format!("{HALF_HOURLY}\nkeep-alive.{keep}"), &at)]).1.remove(0);
    let (histogram, fixed) = (run("hybrid-histogram = {}"), run("fixed.window = \"4h\""));
    let cold = |story: &Story| story.cold.iter().filter(|cold| **cold).count();
    assert_eq!((cold(&histogram), cold(&fixed)), (1, 1));
    let [some, all] = [&histogram, &fixed].map(|story| instance_seconds(&story.steps, 48 * 3600));
    assert!(some * 3 < all, "{some} and {all}");
}

/// Who comes before the application is loaded again meets a cold start; who comes while it starts waits for the rest.
#[test]
fn whoever_comes_early_starts_cold() {
    let keys = format!("{HALF_HOURLY}\nkeep-alive.hybrid-histogram = {{}}");
    let learned = every(1800, 1..12);
    // Unloaded at 19,801 s, loaded from 21,367 s to 21,369 s.
    let run = |at: u64| stories("8h", "", &[(&keys, &[learned.clone(), vec![at]].concat())]).1.remove(0);
    let early = run(20_000);
    assert_eq!(early.cold.last(), Some(&true));
    // It has run until 20,003 s: the plan is made anew from there, with an idle time of 199 s as the head: 3 min * 0.9.
    assert_eq!(early.steps[2..5], [(19_801, 0), (20_000, 1), (20_003, 0)]);
    assert_eq!(early.steps[5], (20_003 + 162, 1));
    let starting = run(21_368);
    assert_eq!(starting.cold.last(), Some(&true));
    assert_eq!(starting.steps[2..5], [(19_801, 0), (21_367, 1), (21_370, 0)]);
    let at_once = run(21_367);
    assert_eq!(at_once.steps[2..5], [(19_801, 0), (21_367, 1), (21_370, 0)], "loading comes before an arrival");
}

/// Two functions of an application, each every hour, twenty minutes apart: it is idle for 20 and for 40 minutes in turn,
/// so it is loaded from 0.9 * 19 min on until 1.1 * 40 min after each end, with both functions. As applications by
/// themselves each is loaded for its own.
#[test]
fn functions_of_an_application_are_loaded_together() {
    let first = every(3600, 1..12);
    let second: Vec<u64> = first.iter().map(|at| at + 1200).collect();
    let keys = |app: &str| format!("duration.constant.value = \"1s\"\n{app}\nkeep-alive.hybrid-histogram = {{}}");
    let run = |app| stories("14h", "", &[(&keys(app), &first), (&keys(app), &second)]).1;
    let together = run("app = \"shop\"");
    // Ten idle times are known at the sixth request of the first: unloaded at 21,601 s, loaded again 1026 s later.
    for story in &together {
        assert_eq!(story.steps[2..6], [(21_601, 0), (22_627, 1), (22_801, 0), (23_827, 1)]);
        assert_eq!(story.cold, [vec![true], vec![false; 10]].concat());
    }
    // Ten idle times of 59 minutes are known at the eleventh request.
    let apart = run("");
    assert_eq!(apart[0].steps[2..4], [(39_601, 0), (39_601 + 59 * 54, 1)]);
}

/// The second function ran once, until 1 s. The application comes every five minutes: after each end it is loaded again at 0.9 * 4 min.
/// What ran within the range of ten minutes before that end is loaded too, at 301 s and, just so, at 601 s, but not at 901 s.
#[test]
fn what_ran_within_the_range_is_loaded_with_its_application() {
    let keys = "duration.constant.value = \"1s\"\napp = \"a\"\n\
                keep-alive.hybrid-histogram = { range = \"10m\", min-samples = 1 }";
    let (_, both) = stories("30m", "", &[(keys, &every(300, 0..4)), (keys, &[0])]);
    assert_eq!(both[1].steps, [(0, 1), (301, 0), (517, 1), (601, 0), (817, 1), (901, 0)]);
}

/// Idle for five hours each time: out of range, so a forecast says when. Once there are idle times at all, more than half
/// are out of range: 18,000 s less one or two, loaded at 85 % of that, kept until 115 %.
#[test]
fn out_of_range_the_forecast_loads() {
    let keys = "duration.constant.value = \"1s\"\nkeep-alive.hybrid-histogram = {}";
    let (_, one) = stories("16h", "", &[(keys, &[0, 18_000, 36_000])]);
    let idle = 17_999_u64;
    // The range ends before the first request after it comes.
    assert_eq!(one[0].steps[..3], [(0, 1), (14_401, 0), (18_000, 1)]);
    assert_eq!(one[0].steps[3..5], [(18_001, 0), (18_001 + idle * 85 / 100, 1)]);
    assert_eq!(one[0].cold, [true, true, false]);
}

/// A request that takes longer than the pause between arrivals keeps the application busy: nothing is unloaded meanwhile.
#[test]
fn a_busy_application_is_not_unloaded() {
    let keys = |duration: u64| {
        format!("duration.constant.value = \"{duration}s\"\napp = \"a\"\nkeep-alive.hybrid-histogram = {{}}")
    };
    let long: Vec<u64> = every(7200, 1..13);
    // The short ones fall into the runs of the long one.
    let short: Vec<u64> = long.iter().flat_map(|at| [at + 60, at + 300]).collect();
    let (_, both) = stories("30h", "", &[(&keys(600), &long), (&keys(1), &short)]);
    assert_eq!(both[1].cold.iter().filter(|cold| **cold).count(), 1, "{both:?}");
    // From the eleventh run on both go with the end of the long one.
    let end = long[10] + 600;
    for story in &both {
        assert!(story.steps.contains(&(end, 0)), "{story:?}");
    }
}

/// After an idle time of five minutes the application is to be loaded again at 301 s + 216 s. But it is asked for at 330 s, and from then
/// on stays for 1.1 min after its last end.
#[test]
fn what_was_planned_before_is_not_done() {
    let keys = "duration.constant.value = \"1s\"\n\
                keep-alive.hybrid-histogram = { range = \"10m\", tail = 0.5, min-cv = 0, min-samples = 1 }";
    let (events, one) = stories("30m", "", &[(keys, &[0, 300, 330])]);
    assert_eq!(one[0].steps, [(0, 1), (301, 0), (330, 1), (397, 0)]);
    assert_eq!(events.pre_warms, 0);
}

/// The second function runs within each run of the first, every five minutes. What counts as idle are the 200 s between the runs of the
/// first: 0.9 * 3 min after its end, which unloads both, they are loaded again, to stay until 1.1 * 4 min.
#[test]
fn an_application_is_idle_when_the_last_of_its_functions_is() {
    let keys = |secs: u64| {
        format!(
            "duration.constant.value = \"{secs}s\"\napp = \"a\"\n\
             keep-alive.hybrid-histogram = {{ range = \"10m\", min-samples = 1 }}"
        )
    };
    let (_, both) = stories("30m", "", &[(&keys(100), &[0, 300, 600]), (&keys(1), &[50, 350, 650])]);
    assert_eq!(both[0].steps, [(0, 1), (400, 0), (562, 1), (700, 0), (862, 1), (964, 0)]);
    assert_eq!(both[1].steps, [(0, 0), (50, 1), (400, 0), (562, 1), (700, 0), (862, 1), (964, 0)]);
}

/// Requests that are refused change nothing about when the application is unloaded.
#[test]
fn who_is_refused_does_not_keep_an_application_busy() {
    let keys = "duration.constant.value = \"600s\"\nconcurrency = { max-instances = 1, overflow = \"reject\" }\n\
                app = \"a\"\nkeep-alive.hybrid-histogram = {}";
    let served: Vec<u64> = every(7200, 1..13);
    let all: Vec<u64> = served.iter().flat_map(|at| [*at, at + 60]).collect();
    let steps = |at: &[u64]| stories("30h", "", &[(keys, at)]).1.remove(0).steps;
    // From the eleventh run on it goes with the end.
    assert!(steps(&served).contains(&(served[10] + 600, 0)));
    assert_eq!(steps(&all), steps(&served));
}

/// Two idle times of 99 s and three of 299 s; the longest of the newest four, widened by a tenth, as soon as two are known.
/// Before that the longest window, 600 s.
#[test]
fn the_window_follows_the_idle_times() {
    let keys = "duration.constant.value = \"1s\"\nkeep-alive.adaptive = { quantile = 1.0, of = 4, min-samples = 2, \
                min-window = \"1m\", max-window = \"10m\" }";
    let (_, one) = stories("2h", "", &[(keys, &[0, 100, 200, 500, 800, 1100])]);
    // 200 s + 1 s + 1.1 * 99 s = 309.9 s: too early. Then 1.1 * 299 s = 328.9 s: the next ones come in time.
    assert_eq!(one[0].cold, [true, false, false, true, false, false]);
    assert_eq!(one[0].steps, [(0, 1), (309, 0), (500, 1), (1101 + 328, 0)]);
}

#[test]
fn what_an_adaptive_window_cannot_be_is_said() {
    for (keys, part) in [
        (
            "min-window = \"2m\", max-window = \"1m\"",
            "`function.f.keep-alive.adaptive.min-window` is more than `max-window`",
        ),
        ("min-samples = 21, of = 20", "`function.f.keep-alive.adaptive.min-samples` is more than `of`"),
    ] {
        let text = world("", &format!("keep-alive.adaptive = {{ {keys} }}"), "poisson.rate = \"1/s\"");
        let said =
            parse("test.toml", &text, &ParseOptions::default(), &Memory::default()).expect_err("wrong").to_string();
        assert!(said.contains(part), "`{part}` is not said:\n{said}");
        // What is equal is right.
        let equal = text.replace("\"2m\"", "\"1m\"").replace("21", "20");
        assert!(parse("test.toml", &equal, &ParseOptions::default(), &Memory::default()).is_ok());
    }
}

/// Three instances fall idle at 1 s; each goes when its own time has come, and no two are alike.
#[test]
fn every_instance_draws_its_own_window() {
    let keys = "duration.constant.value = \"1s\"\nkeep-alive.drawn.window.uniform = { min = \"100s\", max = \"200s\" }";
    let (_, one) = stories("2h", "", &[(keys, &[0, 0, 0])]);
    let steps = &one[0].steps;
    assert_eq!(steps.iter().map(|(_, instances)| *instances).collect::<Vec<_>>(), [3, 2, 1, 0]);
    assert!(steps[1..].iter().all(|(at, _)| (101..=201).contains(at)), "{steps:?}");
}

/// Of one instance each: idle for half an hour, an instance on Azure is mostly gone, and on Google always.
#[test]
fn idle_rules_of_platforms() {
    for (platform, idle, cold) in [
        ("google-cloud", 899, 0..=0),
        ("google-cloud", 901, 100..=100),
        ("openwhisk", 601, 100..=100),
        ("huawei-functiongraph", 61, 100..=100),
        ("fission", 119, 0..=0),
        ("azure-functions-2019", 1199, 0..=0),
        // 50 % of 100 and 41 % of 100, each give or take three standard deviations.
        ("azure-functions", 22 * 60, 35..=65),
        ("aws-lambda", 6 * 60, 26..=56),
        ("aws-lambda", 7 * 60 + 1, 100..=100),
    ] {
        let keys = format!("duration.constant.value = \"1s\"\nkeep-alive.measured.platform = \"{platform}\"");
        let (_, one) = stories("60h", "", &[(&keys, &every(idle + 1, 0..101))]);
        let found = one[0].cold[1..].iter().filter(|cold| **cold).count();
        assert!(cold.contains(&found), "{platform} {idle}: {found}");
    }
}

/// Functions of 1000MB each whose cold starts take 2, 1 and 3 s, and room for two instances.
fn three(rule: &str, at: [&[u64]; 3]) -> Vec<Story> {
    let platform = format!("[platform]\nmemory.budget = \"2000MB\"\nkeep-alive.greedy-dual.rule = \"{rule}\"");
    let keys = |start: u32| {
        format!("memory = \"1000MB\"\nduration.constant.value = \"1s\"\ncold-start.constant.value = \"{start}s\"")
    };
    let keys = [2, 1, 3].map(keys);
    let functions: Vec<(&str, &[u64])> = keys.iter().map(String::as_str).zip(at).collect();
    stories("5m", &platform, &functions).1
}

/// In thousandths: at 20 s the first is worth 2, the second 1, which goes: clock 1. The third is worth 1 + 3. At 30 s the
/// first goes: clock 2; the second is worth 2 + 1. At 40 s it goes again: clock 3; the first is worth 3 + 2. The third has
/// stayed, and is warm at 50 s: 3 + 2 * 3 = 9. At 60 s the first goes with 5.
#[test]
fn greedy_dual_evicts_the_least_valuable() {
    let stories = three("greedy-dual", [&[0, 40], &[10, 30, 60], &[20, 50]]);
    assert_eq!(stories[0].steps, [(0, 1), (30, 0), (40, 1), (60, 0)]);
    assert_eq!(stories[1].steps, [(0, 0), (10, 1), (20, 0), (30, 1), (40, 0), (60, 1)]);
    assert_eq!(stories[2].steps, [(0, 0), (20, 1)]);
    assert_eq!(stories[0].cold, [true, true]);
    assert_eq!(stories[1].cold, [true, true, true]);
    assert_eq!(stories[2].cold, [true, false]);
}

/// The same requests: at 20 s the first goes, at 40 s the third, at 50 s the second, at 60 s the first.
#[test]
fn least_recently_used_evicts_in_turn() {
    let stories = three("least-recently-used", [&[0, 40], &[10, 30, 60], &[20, 50]]);
    assert_eq!(stories[0].steps, [(0, 1), (20, 0), (40, 1), (60, 0)]);
    assert_eq!(stories[1].steps, [(0, 0), (10, 1), (50, 0), (60, 1)]);
    assert_eq!(stories[2].steps, [(0, 0), (20, 1), (40, 0), (50, 1)]);
    assert_eq!(stories[1].cold, [true, false, true]);
    // A budget without a rule evicts so too, whatever else ends windows.
    let keys = "memory = \"1000MB\"\nduration.constant.value = \"1s\"\nkeep-alive.fixed.window = \"25s\"";
    let (_, fixed) = self::stories(
        "5m",
        "[platform]\nmemory.budget = \"2000MB\"",
        &[(keys, &[0, 40]), (keys, &[10, 30]), (keys, &[20])],
    );
    assert_eq!(fixed[0].steps, [(0, 1), (20, 0), (40, 1), (66, 0)]);
    assert_eq!(fixed[1].steps, [(0, 0), (10, 1), (56, 0)]);
    assert_eq!(fixed[2].steps, [(0, 0), (20, 1), (40, 0)]);
}

/// Memory that is busy cannot be had: a request is refused, or waits until something is idle and makes room.
#[test]
fn busy_memory_is_a_limit() {
    let platform = "[platform]\nmemory.budget = \"2000MB\"\nkeep-alive.greedy-dual = {}";
    let keys = |memory: u32, secs: u32, rest: &str| {
        format!("memory = \"{memory}MB\"\nduration.constant.value = \"{secs}s\"\n{rest}")
    };
    let run = |rest: &str| {
        let (first, second) = (keys(1000, 100, ""), keys(1000, 120, ""));
        let (big, small) = (keys(2000, 5, rest), keys(1000, 1, rest));
        stories("5m", platform, &[(&first, &[0]), (&second, &[0]), (&big, &[10]), (&small, &[20, 21])]).1
    };
    let refused = run("");
    assert_eq!((&refused[2].limits[..], &refused[3].limits[..]), (&[Limit::Memory][..], &[Limit::Memory; 2][..]));
    assert_eq!(refused[2].steps, [(0, 0)]);
    // The small one would fit from 100 s on, but the big one has waited longer: from 120 s until 125 s it has it all.
    let queued = run("concurrency.overflow = \"queue\"");
    assert_eq!(queued[0].steps, [(0, 1), (120, 0)]);
    assert_eq!(queued[1].steps, [(0, 1), (120, 0)]);
    assert_eq!(queued[2].steps, [(0, 0), (120, 1), (125, 0)]);
    assert_eq!(queued[3].steps, [(0, 0), (125, 2)]);
    // Who waits behind another waits for the same.
    assert_eq!(queued[3].limits, [Limit::Memory; 2]);
}

/// What is provisioned takes its memory from the beginning and stays, however long it is idle; one of the others goes for the next.
#[test]
fn nobody_takes_the_memory_of_what_is_provisioned() {
    let keys = |rest: &str| {
        format!("memory = \"1000MB\"\nduration.constant.value = \"1s\"\nkeep-alive.forever = {{}}\n{rest}")
    };
    let (provisioned, other) = (keys("concurrency.provisioned = 1"), keys(""));
    let platform = "[platform]\nmemory.budget = \"2000MB\"";
    let (_, all) = stories("5m", platform, &[(&provisioned, &[0, 40]), (&other, &[10]), (&other, &[20, 30])]);
    assert_eq!(all[0].steps, [(0, 1)]);
    assert_eq!(all[1].steps, [(0, 0), (10, 1), (20, 0)]);
    assert_eq!(all[2].steps, [(0, 0), (20, 1)]);
    assert_eq!((&all[0].cold[..], &all[2].cold[..]), (&[false; 2][..], &[true, false][..]));
    // What is idle when the run begins takes memory too, but goes for others.
    let idle = keys("initial.idle = 1");
    let (_, all) = stories("5m", platform, &[(&idle, &[40]), (&other, &[10]), (&other, &[20])]);
    assert_eq!(all[0].steps, [(0, 1), (20, 0), (40, 1)]);
    assert_eq!(all[1].steps, [(0, 0), (10, 1), (40, 0)]);
    assert_eq!(all[2].steps, [(0, 0), (20, 1)]);
}

/// The keys of a function of 1,000 MB whose requests take a second, and starts so many.
fn cold(start: u32, rest: &str) -> String {
    format!("memory = \"1000MB\"\nduration.constant.value = \"1s\"\ncold-start.constant.value = \"{start}s\"\n{rest}")
}

/// The function has one provisioned instance, which has served twice when another is created at 10 s, and that is used once. In
/// thousandths it is worth 2 then, and the other function 3, although that has been used once too: at 30 s the first goes.
#[test]
fn uses_of_what_is_provisioned_are_worth_nothing() {
    let (provisioned, other, last) = (cold(2, "concurrency.provisioned = 1"), cold(3, ""), cold(1, ""));
    let platform = "[platform]\nmemory.budget = \"3000MB\"\nkeep-alive.greedy-dual = {}";
    let (_, all) = stories("5m", platform, &[(&provisioned, &[0, 10, 10]), (&other, &[20]), (&last, &[30])]);
    assert_eq!(all[0].steps, [(0, 1), (10, 2), (30, 1)]);
    assert_eq!(all[1].steps, [(0, 0), (20, 1)]);
    assert_eq!(all[2].steps, [(0, 0), (30, 1)]);
}

/// What a policy keeps does not go either, although it is worth least.
#[test]
fn nobody_takes_the_memory_of_what_a_policy_keeps() {
    let (kept, other) = (cold(1, "scaling.hpa = { min-replicas = 1, max-replicas = 1 }"), cold(3, ""));
    let platform = "[platform]\nmemory.budget = \"2000MB\"\nkeep-alive.greedy-dual = {}";
    let (_, all) = stories("5m", platform, &[(&kept, &[0, 40]), (&other, &[10]), (&other, &[20])]);
    assert_eq!(all[0].steps, [(0, 1)]);
    assert_eq!(all[1].steps, [(0, 0), (10, 1), (20, 0)]);
    assert_eq!(all[2].steps, [(0, 0), (20, 1)]);
}

/// What is loaded in advance takes free memory only.
#[test]
fn nobody_goes_for_what_is_loaded_in_advance() {
    let keys = format!("memory = \"1000MB\"\n{HALF_HOURLY}\nkeep-alive.hybrid-histogram = {{}}");
    let other = "memory = \"1000MB\"\nduration.constant.value = \"1s\"\nkeep-alive.forever = {}";
    let run = |budget: u32, at: u64| {
        let platform = format!("[platform]\nmemory.budget = \"{budget}MB\"");
        stories("8h", &platform, &[(&keys, &every(1800, 1..13)), (other, &[at])]).1
    };
    let enough = run(2000, 20_000);
    assert_eq!(enough[0].cold.last(), Some(&false));
    assert_eq!(enough[1].steps, [(0, 0), (20_000, 1)]);
    let short = run(1000, 20_000);
    assert_eq!(short[0].cold.last(), Some(&true));
    assert_eq!(short[1].steps, [(0, 0), (20_000, 1), (21_600, 0)]);
    // Once loaded, it goes for others as what has been used does.
    let loaded = run(1000, 21_400);
    assert_eq!(loaded[0].steps[3..6], [(21_367, 1), (21_400, 0), (21_600, 1)]);
    assert_eq!(loaded[1].steps, [(0, 0), (21_400, 1), (21_600, 0)]);
}

/// What every instance has together is never more than the budget.
struct Budget {
    sizes: Vec<u64>,
    now: SimTime,
    used: u64,
    most: u64,
}

impl Observer for Budget {
    fn needs_order(&self) -> bool {
        true
    }
    fn levels(&mut self, now: SimTime, _: LocalFn, _: &Levels) {
        self.until(now);
    }
    fn instance_created(&mut self, now: SimTime, function: LocalFn, _: InstanceId, _: SimTime, _: Span, _: bool) {
        self.until(now);
        self.used += self.sizes[function.index()];
    }
    fn instance_removed(&mut self, now: SimTime, function: LocalFn, _: InstanceId, _: SimTime) {
        self.until(now);
        self.used -= self.sizes[function.index()];
    }
}

impl Budget {
    fn until(&mut self, now: SimTime) {
        if now > self.now {
            self.most = self.most.max(self.used);
            self.now = now;
        }
    }
}

#[test]
fn a_budget_is_kept() {
    for (platform, function) in POLICIES.iter().filter(|(platform, _)| platform.contains("platform.memory")) {
        for rest in ["", "\nconcurrency = { per-instance = 3, provisioned = 1, overflow = \"queue\" }"] {
            for arrivals in
                ["poisson.rate = \"1/s\"", "poisson.rate = \"6/m\"", "burst = { size = 30, every = \"40s\" }"]
            {
                let scenario = scenario(&world(platform, &format!("{function}{rest}"), arrivals));
                let sizes: Vec<u64> = scenario.functions.iter().map(|function| u64::from(function.memory_mb)).collect();
                let mut budget = Budget { sizes, now: SimTime::ZERO, used: 0, most: 0 };
                let mut pulse = |_, _| ControlFlow::Continue(());
                let cell = Cell::whole(&scenario);
                simulate(&scenario, &cell, &Streams::new(1, 0), &mut budget, &mut pulse).expect("it runs");
                assert!(budget.most <= 1000, "{platform} {function}: {}", budget.most);
                assert!(budget.most >= 500, "{platform} {function}: something happens, {}", budget.most);
            }
        }
    }
}

/// The worked example of the AWS Lambda pricing page: 1 GB kept for 31 days and restored 100 times an hour are $4.03 and
/// $10.40. The start takes 100 + 250 + 50 ms.
#[test]
fn a_snapshot_is_restored_and_charged() {
    let run = |rest: &str| {
        summary(&format!(
            "[scenario]\nname = \"snap\"\n[simulation]\nhorizon = \"31d\"\n[platform]\npreset = \"aws-lambda\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"100/h\"\n[[function]]\nname = \"f\"\n\
             memory = \"1GB\"\ntimeout = \"1m\"\nkeep-alive.fixed.window = \"0s\"\nduration.constant.value = \"10ms\"\n\
             [function.cold-start.snapshot]\nenvironment.constant.value = \"100ms\"\n\
             restore.constant.value = \"250ms\"\nhooks.constant.value = \"50ms\"\n{rest}"
        ))
    };
    let charged = run("").total;
    let with_free_tier = run("[platform.billing]\nfree-tier = true").total;
    assert!((charged.cold_start_s.mean.mean - 0.4).abs() < 1e-9);
    assert!((charged.cost_usd.other.mean - 14.43).abs() < 0.006, "{}", charged.cost_usd.other.mean);
    // 74,400 * 60 ms are 4464 GB-s, of which the free tier has 400,000.
    assert!((charged.cost_usd.compute.mean - 4464.0 * 1.66667e-5).abs() < 1e-4, "{}", charged.cost_usd.compute.mean);
    assert_eq!(with_free_tier.cost_usd.compute.mean, 0.0);
    assert_eq!(run("charged = false").total.cost_usd.other.mean, 0.0);
    // Execution at a dollar for each GB-s, so that the billed part shows.
    let platform = "[platform]\nbilling.gb-second-usd-x86 = [{ usd = 1.0 }]\nbilling.snapshot-restore-gb-usd = 2.0";
    let text = format!(
        "[scenario]\nname = \"snap\"\n[simulation]\nhorizon = \"1h\"\n{platform}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1s\", \"2s\"]\n[[function]]\nname = \"f\"\n\
         memory = \"512MB\"\nduration.constant.value = \"10ms\"\ncold-start.snapshot = {{ restore.constant.value = \"1s\", \
         hooks.constant.value = \"50ms\" }}"
    );
    // The second request comes while the first starts: two starts. (10 + 50) ms * 0.5 GB each; 0.5 GB restored twice.
    let cost = summary(&text).total.cost_usd;
    assert!((cost.compute.mean - 2.0 * 0.03).abs() < 1e-9, "{}", cost.compute.mean);
    assert!((cost.other.mean - 2.0).abs() < 1e-9, "{}", cost.other.mean);
}

/// Two cells of 256MB: the first two requests of four at once find one each and take only the second of `init`; the others
/// take four. A new cell takes the three seconds of `environment`, so that one is there at 3 s, but not at 2 s. Who has
/// another runtime or another memory finds none.
#[test]
fn stem_cells_shorten_cold_starts() {
    let platform = "[[platform.stem-cells]]\nruntime = \"nodejs:20\"\nmemory = \"256MB\"\ncount = 2";
    let keys = |runtime: &str, memory: u32| {
        format!(
            "runtime = \"{runtime}\"\nmemory = \"{memory}MB\"\nduration.constant.value = \"10s\"\n\
             keep-alive.fixed.window = \"0s\"\ncold-start.phases = {{ environment.constant.value = \"3s\", \
             init.constant.value = \"1s\" }}"
        )
    };
    let (same, other) = (keys("nodejs:20", 256), keys("python:3", 256));
    let functions = [(&same[..], &[0, 2, 3][..]), (&same, &[0, 0, 0]), (&other, &[0]), (&keys("nodejs:20", 128), &[0])];
    let (_, four) = stories("1h", platform, &functions);
    // Each instance goes with the end of its request: 10 s after it has started.
    assert_eq!(four[0].steps, [(0, 1), (2, 2), (3, 3), (11, 2), (14, 1), (16, 0)]);
    assert_eq!(four[1].steps, [(0, 3), (11, 2), (14, 0)]);
    assert_eq!(four[2].steps, [(0, 1), (14, 0)]);
    assert_eq!(four[3].steps, [(0, 1), (14, 0)]);
}

/// Every policy, with keys that are not a matter of course.
const POLICIES: &[(&str, &str)] = &[
    ("", "keep-alive.hybrid-histogram = {}"),
    ("", "app = \"a\"\nkeep-alive.hybrid-histogram = { bin = \"1s\", range = \"1m\", min-samples = 2, min-cv = 0.5 }"),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.fixed.window = \"20s\""),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.hybrid-histogram = { bin = \"1s\", min-samples = 2 }"),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.greedy-dual = {}"),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.greedy-dual.rule = \"least-recently-used\""),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.greedy-dual.rule = \"frequency\""),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.greedy-dual.rule = \"size\""),
    (
        "[platform.memory]\nbudget = \"1000MB\"",
        "keep-alive.greedy-dual = { rule = \"time-to-live\", time-to-live = \"30s\" }",
    ),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.greedy-dual.rule = \"landlord\""),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.greedy-dual.rule = \"random\""),
    ("", "keep-alive.greedy-dual = {}"),
    (
        "",
        "keep-alive.fixed.window = \"10s\"\ncold-start.snapshot = { restore.constant.value = \"1s\", charged = false }",
    ),
    (
        "[[platform.stem-cells]]\nmemory = \"250MB\"\ncount = 1",
        "cold-start.phases = { environment.exponential.mean = \"5s\", init.constant.value = \"1s\" }",
    ),
    ("", "keep-alive.drawn.window.exponential.mean = \"20s\""),
    ("", "keep-alive.measured.platform = \"azure-functions\""),
    (
        "",
        "keep-alive.adaptive = { quantile = 0.9, of = 20, min-samples = 3, min-window = \"5s\", max-window = \"2m\" }",
    ),
    ("[platform.memory]\nbudget = \"1000MB\"", "keep-alive.drawn.window.exponential.mean = \"20s\""),
];

fn world(platform: &str, function: &str, arrivals: &str) -> String {
    let mut text =
        format!("[scenario]\nname = \"keep\"\n[simulation]\nhorizon = \"20m\"\nreplications = 2\n{platform}\n");
    let start = if function.contains("cold-start") { "" } else { "cold-start.exponential.mean = \"5s\"\n" };
    for (name, memory) in [("f", 128), ("g", 250), ("h", 300)] {
        text += &format!(
            "[[source]]\nname = \"{name}\"\nfunction = \"{name}\"\narrivals.{arrivals}\n[[function]]\nname = \"{name}\"\n\
             memory = \"{memory}MB\"\nduration.exponential.mean = \"2s\"\n{start}{function}\n"
        );
    }
    text
}

#[test]
fn every_policy_reads_back_from_its_resolved_text() {
    for (platform, function) in POLICIES {
        assert_reads_back(&scenario(&world(platform, function, "poisson.rate = \"1/s\"")));
    }
}

/// A steady stream, a sparse one, nobody until the last second, and all at once: each request ends once, and a run is its
/// seed.
#[test]
fn every_policy_survives_every_load() {
    for (platform, function) in POLICIES {
        for arrivals in [
            "poisson.rate = \"2/s\"",
            "poisson.rate = \"6/m\"",
            "times.at = [\"1199s\"]",
            "burst = { size = 100, every = \"40s\", first = \"1m\" }",
        ] {
            for rest in ["", "\nconcurrency = { per-instance = 3, max-instances = 7, overflow = \"queue\" }"] {
                let text = world(platform, &format!("{function}{rest}"), arrivals);
                let (one, again) = (summary(&text), summary(&text));
                let requests = &one.total.requests;
                let ended = requests.completed.mean + requests.rejected.mean + requests.timed_out.mean;
                assert!((requests.arrived.mean - ended).abs() < 1e-9, "{text}: {requests:?}");
                assert!(requests.completed.mean > 0.0, "{text}: nobody is served");
                let json = |summary| serde_json::to_string(summary).expect("JSON");
                assert_eq!(json(&one), json(&again), "{text}");
            }
        }
    }
}

/// Many functions are simulated in cells: those of an application in one, so that it is as if all were simulated together.
#[test]
fn applications_stay_whole_in_cells() {
    let mut text = "[scenario]\nname = \"cells\"\n[simulation]\nhorizon = \"2h\"\n".to_owned();
    for index in 0..40 {
        text += &format!(
            "[[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.poisson.rate = \"{}/h\"\n[[function]]\n\
             name = \"f{index}\"\napp = \"a{}\"\nduration.exponential.mean = \"2s\"\nkeep-alive.hybrid-histogram = {{ \
             bin = \"10s\", range = \"20m\", min-samples = 2, min-cv = 0.5 }}\n",
            10 + index,
            index % 17
        );
    }
    let scenario = scenario(&text);
    let run = |log: Option<experiment::Log<'_>>| {
        let result = experiment::run(&scenario, NonZeroUsize::MIN, &(), log).expect("it runs").result;
        serde_json::to_string(&result.summary).expect("JSON")
    };
    let apart = run(None);
    assert!(apart.contains("pre-warm"), "something is loaded in advance");
    // What is logged is simulated together.
    assert_eq!(apart, run(Some(&mut ())));
}

/// The functions of a trace decide by the applications that it names.
#[test]
fn a_trace_brings_its_applications() {
    let rows = "app,func,end_timestamp,duration\na,f,1.0,0.5\na,g,2.0,0.5\nb,f,3.0,0.5\n";
    let text = "[scenario]\nname = \"trace\"\n[simulation]\nhorizon = \"1h\"\n\
                [function-defaults]\nkeep-alive.hybrid-histogram = {}\n\
                [[source]]\nname = \"s\"\narrivals.trace = { file = \"t.csv\", format = \"azure-2021\" }\n";
    let files = Memory::default().with("t.csv", rows.as_bytes());
    let scenario = parse("test.toml", text, &ParseOptions::default(), &files).expect("it is right");
    let apps: Vec<_> = scenario.functions.iter().map(|function| function.app.as_deref()).collect();
    assert_eq!((apps[0], apps[1]), (Some("s/0"), Some("s/0")));
    assert_ne!(apps[2], apps[0]);
}

/// Without a time of its own the rule removes what has been idle for ten minutes.
#[test]
fn the_time_to_live_is_ten_minutes_unless_said_otherwise() {
    let keys = "duration.constant.value = \"1s\"\nkeep-alive.greedy-dual.rule = \"time-to-live\"";
    let (_, one) = stories("1h", "", &[(keys, &[0])]);
    assert_eq!(one[0].steps, [(0, 1), (601, 0)]);
}
