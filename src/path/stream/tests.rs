use super::super::Action;
use super::super::testing::Bench;
use super::parameters::*;
use super::*;
use crate::rng::{Purpose, Streams};
use crate::schema::decode::{Field, Reader as Decoder};
use crate::schema::diagnostic::Problems;
use crate::schema::tree::Node;

fn read(toml: &str) -> (Option<StreamSpec>, Problems) {
    let toml = format!("name = \"clicks\"\ntarget = \"work\"\n{toml}");
    let mut problems = Problems::default();
    let source = problems.add_source("test", toml.clone(), 1);
    let node = Node::parse(&toml, source, &mut problems);
    (StreamSpec::read(&node, &mut Decoder::new(&mut problems, &["stream", "clicks"])), problems)
}

fn bench(toml: &str) -> Bench {
    let (spec, problems) = read(toml);
    assert!(problems.is_empty(), "{problems}");
    Bench::new(&spec.expect("a stream"))
}

/// The calls of the target since the last call of this function: time, reader, first record and number of records.
fn calls(bench: &mut Bench) -> Vec<(f64, Token, u64, u32)> {
    let call = |(at, action)| match action {
        Action::Call { token, target: 0, parcel } => Some((at, token, parcel.number, parcel.items)),
        _ => None,
    };
    bench.take().into_iter().filter_map(call).collect()
}

/// The records of a range of numbers arrive at once.
fn send(bench: &mut Bench, numbers: std::ops::RangeInclusive<u32>, poison: &[u32]) {
    for number in numbers {
        let is_poison = poison.contains(&number);
        bench.arrive_with(number, Parcel { is_poison, ..Parcel::one(0, number.into()) });
    }
}

/// Runs a function with a fixed duration per batch that fails on poison; returns its calls, as time, first record and
/// number of records.
fn work(bench: &mut Bench, from: f64, until: f64, takes: f64) -> Vec<(f64, u64, u32)> {
    let (mut out, mut made): (Vec<(f64, Token, bool)>, Vec<_>) = (Vec::new(), Vec::new());
    for step in 0..=((until - from) * 100.0) as u32 {
        let now = from + f64::from(step) / 100.0;
        bench.until(now);
        while let Some(at) = out.iter().position(|(at, ..)| at + takes <= now + 1e-9) {
            let (_, token, is_poison) = out.remove(at);
            bench.answer(token, if is_poison { Outcome::Failed } else { Outcome::Completed });
        }
        for (at, action) in bench.take() {
            if let Action::Call { token, target: 0, parcel } = action {
                made.push(((at * 100.0).round() / 100.0, parcel.number, parcel.items));
                out.push((at, token, parcel.is_poison));
            }
        }
    }
    made
}

fn figures<const N: usize>(bench: &mut Bench, keys: [&str; N]) -> [f64; N] {
    let books = bench.books();
    let of = |key: &str| books.get(&format!("records.{key}")).expect(key);
    let ended = ["completed", "skipped", "expired", "remaining"].map(of).iter().sum::<f64>();
    assert_eq!(of("sent"), ended, "{books:?}");
    keys.map(|key| books.get(&format!("records.{key}")).or_else(|| books.get(key)).expect(key))
}

const KAFKA: &str = "preset = \"kafka\"\n";

#[test]
fn a_shard_is_read_each_second_one_batch_at_a_time() {
    let mut bench = bench("consumer.batch-size = 10");
    send(&mut bench, 1..=25, &[]);
    let made = work(&mut bench, 0.0, 6.0, 1.5);
    let Some(&(first, 1, 10)) = made.first() else { panic!("{made:?}") };
    assert!((0.0..1.0).contains(&first), "{first}");
    // Records that have been read are processed without waiting for the next poll.
    let at = |secs: f64| ((first + secs) * 100.0).round() / 100.0;
    assert_eq!(made, [(first, 1, 10), (at(1.5), 11, 10), (at(3.0), 21, 5)]);
    assert_eq!(figures(&mut bench, ["completed", "remaining", "batches"]), [25.0, 0.0, 3.0]);
    // Records that arrive then are read at the next poll.
    send(&mut bench, 26..=26, &[]);
    assert_eq!(work(&mut bench, 6.0, 8.0, 0.5), [(at(6.0), 26, 1)]);
}

#[test]
fn a_batch_waits_for_more_until_it_is_full_or_its_window_is_over() {
    let mut bench = bench(&format!("{KAFKA}consumer.batch-size = 3\nconsumer.batch-window = \"10s\""));
    send(&mut bench, 1..=2, &[]);
    assert_eq!(work(&mut bench, 0.0, 5.0, 1.0), []);
    send(&mut bench, 3..=4, &[]);
    assert_eq!(work(&mut bench, 5.0, 30.0, 1.0), [(5.0, 1, 3), (16.0, 4, 1)]);
}

#[test]
fn a_reader_keeps_up_with_its_batch_size_over_the_time_that_a_batch_takes() {
    for (every, keeps_up) in [(0.11, true), (0.09, false)] {
        let mut bench = bench(&format!("{KAFKA}consumer.batch-size = 10"));
        let (mut next, mut number, mut out) = (0.0, 0, None);
        for step in 0..=20_000u32 {
            let now = f64::from(step) / 100.0;
            bench.until(now);
            if now >= next {
                (next, number) = (next + every, number + 1);
                send(&mut bench, number..=number, &[]);
            }
            if let Some((token, _)) = out.take_if(|(_, ends)| *ends <= now) {
                bench.answer(token, Outcome::Completed);
            }
            out = calls(&mut bench).pop().map_or(out, |(_, token, ..)| Some((token, now + 1.0)));
        }
        let [oldest, remaining] = figures(&mut bench, ["iterator_age_s.max", "remaining"]);
        assert!(
            if keeps_up { oldest < 3.0 && remaining < 25.0 } else { oldest > 15.0 && remaining > 150.0 },
            "{oldest} {remaining}"
        );
    }
}

#[test]
fn a_poison_record_blocks_its_reader_for_all_attempts() {
    let mut bench = bench(&format!("{KAFKA}consumer = {{ batch-size = 1, max-attempts = 4, backoff = \"1s\" }}"));
    send(&mut bench, 1..=2, &[1]);
    // Four attempts of 2 s, and 1 + 2 + 4 s between them.
    let made = work(&mut bench, 0.0, 30.0, 2.0);
    assert_eq!(made, [(0.0, 1, 1), (3.0, 1, 1), (7.0, 1, 1), (13.0, 1, 1), (15.0, 2, 1)]);
    assert_eq!(figures(&mut bench, ["completed", "skipped", "retries"]), [1.0, 1.0, 3.0]);
    assert!((figures(&mut bench, ["iterator_age_s.max"])[0] - 17.0).abs() < 0.1);
}

#[test]
fn the_age_of_a_reader_that_is_blocked_for_ever_is_known() {
    let mut bench = bench(&format!("{KAFKA}consumer = {{ batch-size = 1, backoff = \"1s\", max-backoff = \"4s\" }}"));
    send(&mut bench, 1..=1, &[1]);
    work(&mut bench, 0.0, 100.0, 1.0);
    let [oldest, remaining] = figures(&mut bench, ["iterator_age_s.max", "remaining"]);
    assert!((98.0..102.0).contains(&oldest) && remaining == 1.0, "{oldest} {remaining}");
}

#[test]
fn without_a_limit_it_is_tried_until_it_is_too_old() {
    let toml = "consumer = { batch-size = 5, max-age = \"1m\", backoff = \"1s\", max-backoff = \"4s\" }";
    let mut bench = bench(&format!("{KAFKA}{toml}"));
    send(&mut bench, 1..=1, &[1]);
    work(&mut bench, 0.0, 9.0, 1.0);
    send(&mut bench, 2..=2, &[]);
    let made = work(&mut bench, 9.01, 70.0, 1.0);
    let [(last, 1, 1), (then, 2, 1)] = made[made.len() - 2..] else { panic!("{made:?}") };
    assert!(last < 60.0 && (60.0..65.1).contains(&then), "{made:?}");
    assert_eq!(figures(&mut bench, ["completed", "expired", "skipped"]), [1.0, 1.0, 0.0]);
}

#[test]
fn refusals_use_up_no_attempts() {
    let mut bench = bench(&format!("{KAFKA}consumer = {{ max-attempts = 2, backoff = \"1s\" }}"));
    send(&mut bench, 1..=1, &[]);
    let mut times = Vec::new();
    for second in 0..20u32 {
        bench.until(second.into());
        for (at, token, ..) in calls(&mut bench) {
            times.push(at);
            bench.answer(token, Outcome::Rejected);
        }
    }
    assert_eq!(times, [0.0, 1.0, 3.0, 7.0, 15.0]);
    assert_eq!(figures(&mut bench, ["remaining"]), [1.0]);
}

#[test]
fn halves_find_the_poison() {
    let mut bench = bench(&format!("{KAFKA}consumer = {{ batch-window = \"1s\", bisect = true, max-attempts = 3 }}"));
    send(&mut bench, 1..=100, &[100]);
    let made = work(&mut bench, 0.0, 300.0, 1.0);
    let with: Vec<u32> = made
        .iter()
        .filter(|(_, first, number)| (*first..first + u64::from(*number)).contains(&100))
        .map(|made| made.2)
        .collect();
    // At most ceil(log2 100) = 7 splits, and three attempts at the single record.
    assert_eq!(with, [100, 50, 25, 13, 7, 4, 2, 1, 1, 1]);
    assert_eq!(figures(&mut bench, ["completed", "skipped", "remaining"]), [99.0, 1.0, 0.0]);
}

#[test]
fn what_comes_before_the_first_failure_is_done_with() {
    let mut bench = bench(&format!(
        "{KAFKA}consumer = {{ batch-window = \"1s\", partial-failure = true, max-attempts = 2, backoff = \"1s\" }}"
    ));
    send(&mut bench, 1..=10, &[4]);
    assert_eq!(work(&mut bench, 0.0, 2.5, 1.0), [(1.0, 1, 10)]);
    assert_eq!(figures(&mut bench, ["completed"]), [3.0]);
    // The rest is one batch, delivered with its first record.
    assert_eq!(work(&mut bench, 2.51, 20.0, 1.0), [(3.0, 4, 7)]);
    assert_eq!(figures(&mut bench, ["completed", "skipped"]), [3.0, 7.0]);
    let mut bench = self::bench(&format!(
        "{KAFKA}consumer = {{ batch-window = \"1s\", partial-failure = true, bisect = true, max-attempts = 2, backoff = \"1s\" }}"
    ));
    send(&mut bench, 1..=10, &[4]);
    work(&mut bench, 0.0, 60.0, 1.0);
    assert_eq!(figures(&mut bench, ["completed", "skipped"]), [9.0, 1.0]);
}

#[test]
fn all_readers_of_all_shards_work_at_the_same_time_each_in_order() {
    let mut bench = bench(&format!("{KAFKA}shards = 4\nconsumer = {{ batch-size = 7, parallelization = 3 }}"));
    send(&mut bench, 1..=2_000, &[]);
    let mut last = std::collections::BTreeMap::new();
    let mut out = calls(&mut bench);
    assert_eq!(out.len(), 12);
    while let Some((_, token, first, _)) = out.pop() {
        assert!(last.insert(token, first).is_none_or(|before| before < first));
        bench.answer(token, Outcome::Completed);
        out.extend(calls(&mut bench));
    }
    assert_eq!(figures(&mut bench, ["completed"]), [2_000.0]);
}

#[test]
fn a_shard_takes_so_many_records_a_second() {
    let mut bench = bench("write-limit.rate = \"100/s\"");
    send(&mut bench, 1..=150, &[]);
    let refused = |bench: &mut Bench| {
        let is_refused =
            |(_, action): &(f64, Action)| matches!(action, Action::Answer { outcome: Outcome::Rejected, .. });
        bench.take().iter().filter(|done| is_refused(done)).count()
    };
    assert_eq!(refused(&mut bench), 50);
    bench.until(0.5);
    send(&mut bench, 151..=300, &[]);
    assert_eq!(refused(&mut bench), 100);
    assert_eq!(figures(&mut bench, ["sent", "throttled"]), [150.0, 150.0]);
}

#[test]
fn every_record_is_somewhere_whatever_happens() {
    for seed in 0..60 {
        let mut stream = Streams::new(seed, 0).stream("generated", Purpose::Path);
        let mut of = |most: u32| stream.random_range(0..=most);
        let preset = ["kinesis", "dynamodb", "event-hubs", "kafka"][of(3) as usize];
        let toml = format!(
            "preset = \"{preset}\"\nshards = {}\npoison-ratio = {}\nconsumer = {{ batch-size = {}, batch-window = \"{}s\", \
             parallelization = {}, max-attempts = {}, max-age = \"{}s\", bisect = {}, partial-failure = {} }}",
            1 + of(2),
            f64::from(of(3)) / 10.0,
            1 + of(6),
            of(3),
            1 + of(2),
            if of(1) == 0 { "\"none\"".to_owned() } else { (1 + of(3)).to_string() },
            60 + of(9),
            of(1) == 0,
            of(1) == 0,
        );
        let mut bench = bench(&toml);
        let (mut out, mut sent) = (Vec::new(), 0);
        for step in 0..600u32 {
            bench.until(f64::from(step) * 0.4);
            if step < 200 && of(2) > 0 {
                sent += 1;
                bench.arrive(sent);
            }
            out.extend(calls(&mut bench));
            while !out.is_empty() && (of(2) > 0 || step > 500) {
                let (_, token, ..) = out.swap_remove(of(out.len() as u32 - 1) as usize);
                let ends = [Outcome::Completed, Outcome::Failed, Outcome::Rejected, Outcome::TimedOut];
                bench.answer(token, ends[of(3) as usize]);
                out.extend(calls(&mut bench));
            }
            if step % 10 == 0 {
                figures(&mut bench, []);
            }
        }
        assert_eq!(figures(&mut bench, ["sent", "remaining"]), [f64::from(sent), 0.0], "{toml}");
    }
}

#[test]
fn what_the_real_service_refuses_is_said() {
    for (wrong, expected) in [
        ("consumer.max-age = \"10s\"", "it is from 1m to 7d"),
        ("consumer.batch-window = \"6m\"", "it is at most 5m"),
        ("retention = \"1h\"", "it is from 1d to 365d"),
        ("consumer.parallelization = 11", "must be from 1 to 10"),
        ("consumer = { backoff = \"2s\", max-backoff = \"1s\" }", "is shorter than `backoff` (2s)"),
    ] {
        let (_, problems) = read(wrong);
        assert!(problems.to_string().contains(expected), "{wrong}: {problems}");
    }
}
