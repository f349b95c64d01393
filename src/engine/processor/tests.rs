//! Processors against vectors by hand, against the arithmetic of the quota, and against a slow way to the same.

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;
const PERIOD: Span = Span::from_millis(100);

/// When requests that arrive at these times with this much work, both in ns, are through: first those that arrived first.
fn ends(bandwidth: &Bandwidth, requests: &[(u64, u64)]) -> Vec<u64> {
    let mut processor = Processor::new();
    let mut ends = vec![0; requests.len()];
    let mut arrivals = requests.iter().enumerate().peekable();
    loop {
        let next = processor.next(bandwidth);
        match arrivals.peek() {
            Some(&(place, &(at, work))) if SimTime::from_nanos(at) < next => {
                let now = SimTime::from_nanos(at);
                processor.add(Key::new(place as u32), Span::from_nanos(work), now, bandwidth);
                arrivals.next();
            }
            _ if next == SimTime::NEVER => return ends,
            _ => {
                let request = processor.take_finished(next, bandwidth).expect("somebody is through");
                ends[request.index()] = next.as_nanos();
            }
        }
    }
}

/// The same in ms, of a request that finds the instance idle.
fn alone_ms(limit: f64, threads: u32, work_ms: u64) -> f64 {
    let ends = ends(&Bandwidth::new(limit, threads, PERIOD), &[(7 * MS, work_ms * MS)]);
    (ends[0] - 7 * MS) as f64 / MS as f64
}

#[test]
fn a_request_waits_for_the_next_period_when_its_quota_is_used_up() {
    // w core-ms on t threads under a limit of q: floor((w - e) / 100 q) * 100 + rest / t.
    assert_eq!(alone_ms(0.5, 1, 250), 450.0);
    assert_eq!(alone_ms(0.5, 1, 50), 50.0, "a burst within the quota goes at full speed");
    assert_eq!(alone_ms(0.5, 1, 51), 101.0);
    assert_eq!(
        ends(&Bandwidth::new(0.5, 1, PERIOD), &[(0, 50 * MS + 1), (300 * MS, 100 * MS + 1)]),
        [100 * MS + 1, 500 * MS + 1]
    );
    assert_eq!(alone_ms(0.5, 2, 250), 425.0, "two threads use the quota up in half the time");
    assert_eq!(alone_ms(0.25, 1, 100), 325.0);
    assert_eq!(alone_ms(1.5, 2, 300), 175.0, "150 of 200 ms in each period, on two processors");
    assert_eq!(alone_ms(1.0, 1, 250), 250.0, "a whole limit throttles nobody");
    assert_eq!(alone_ms(3.0, 2, 250), 125.0, "no more than its threads");
    // AWS Lambda with 128 MB: 128/1,769 of 20 ms in each period of 20 ms.
    let lambda = Bandwidth::new(128.0 / 1769.0, 1, Span::from_millis(20));
    let used = 0.072_357 * 20e6;
    let last = (10e6_f64 - 6.0 * used).ceil() as u64;
    assert_eq!(ends(&lambda, &[(0, 10 * MS)]), [6 * 20 * MS + last]);
}

#[test]
fn a_period_goes_on_while_nothing_runs_and_begins_anew_after_its_end() {
    let half = Bandwidth::new(0.5, 1, PERIOD);
    // The first uses 40 of 50 ms; the second, in the same period, gets 10 and the rest from 100 on.
    assert_eq!(ends(&half, &[(0, 40 * MS), (60 * MS, 20 * MS)]), [40 * MS, 110 * MS]);
    // The period has ended at 100: another one begins with the request.
    assert_eq!(ends(&half, &[(0, 40 * MS), (130 * MS, 60 * MS)]), [40 * MS, 240 * MS]);
}

#[test]
fn requests_share_equally() {
    let one = Bandwidth::new(1.0, 1, PERIOD);
    // Alone until 1 ms; then half each: the second is through at 3 ms, the first had 1 ms left.
    assert_eq!(ends(&one, &[(0, 3 * MS), (MS, MS)]), [4 * MS, 3 * MS]);
    let two = Bandwidth::new(2.0, 1, PERIOD);
    assert_eq!(ends(&two, &[(0, 3 * MS), (MS, MS)]), [3 * MS, 2 * MS], "a processor for each");
    // Three on two processors: 2/3 each until the shortest is through at 3 ms, then one each.
    assert_eq!(ends(&two, &[(0, 2 * MS), (0, 3 * MS), (0, 4 * MS)]), [3 * MS, 4 * MS, 5 * MS]);
    // One in two threads has both; with another one each has one.
    let threads = Bandwidth::new(2.0, 2, PERIOD);
    assert_eq!(ends(&threads, &[(0, 4 * MS), (MS, MS)]), [5 * MS / 2, 2 * MS]);
    // Under a limit of 1.5 on two processors two requests are throttled from 75 ms to 100 ms.
    let quota = Bandwidth::new(1.5, 1, PERIOD);
    assert_eq!(ends(&quota, &[(0, 80 * MS), (0, 100 * MS)]), [105 * MS, 125 * MS]);
}

#[test]
fn who_goes_early_leaves_its_share_to_the_others() {
    let one = Bandwidth::new(1.0, 1, PERIOD);
    let at = |ms: u64| SimTime::from_nanos(ms * MS);
    let mut processor = Processor::new();
    processor.add(Key::new(0), Span::from_millis(10), at(0), &one);
    let through = processor.add(Key::new(1), Span::from_millis(10), at(0), &one);
    assert_eq!(processor.next(&one), at(20));
    processor.remove(Key::new(1), through, at(4), &one);
    assert_eq!(processor.attained().work_since(Attained::START), Span::from_millis(2), "half of 4 ms each");
    assert_eq!(processor.next(&one), at(12));
}

#[test]
fn what_lies_beyond_the_clock_never_ends() {
    let least = Bandwidth::new(0.001, 1, Span::from_millis(1));
    assert_eq!(ends(&least, &[(0, u64::MAX / 2)]), [0], "it has no end");
    let mut processor = Processor::new();
    for request in 0..1000 {
        processor.add(Key::new(request), Span::MAX_WRITTEN, SimTime::ZERO, &least);
    }
    assert_eq!(processor.next(&least), SimTime::NEVER);
    processor.advance(SimTime::from_nanos(u64::MAX - 1), &least);
    assert_eq!(processor.next(&least), SimTime::NEVER);
}

/// The same by going through all requests and all periods at every change, with fractions of nanoseconds.
fn ends_slowly(limit: f64, threads: f64, period: f64, requests: &[(u64, u64)]) -> Vec<f64> {
    const TINY: f64 = 1e-6;
    let mut left: Vec<f64> = requests.iter().map(|&(_, work)| work as f64).collect();
    let mut ends = vec![f64::NAN; requests.len()];
    let cores = limit.ceil().max(threads);
    let (mut now, mut period_ends, mut used) = (0.0, 0.0, 0.0);
    loop {
        let runs = |place: usize, now: f64, ends: &[f64]| requests[place].0 as f64 <= now && ends[place].is_nan();
        let running: Vec<usize> = (0..requests.len()).filter(|&place| runs(place, now, &ends)).collect();
        let coming = requests.iter().map(|&(at, _)| at as f64).filter(|&at| at > now).fold(f64::INFINITY, f64::min);
        if running.is_empty() {
            if coming.is_infinite() {
                return ends;
            }
            now = coming;
            if now >= period_ends {
                (period_ends, used) = (now + period, 0.0);
            }
            continue;
        }
        let all = (threads * running.len() as f64).min(cores);
        let speed = if used < limit * period - TINY { all / running.len() as f64 } else { 0.0 };
        let through = running.iter().map(|&place| now + left[place] / speed).fold(f64::INFINITY, f64::min);
        let empty = if speed > 0.0 { now + (limit * period - used) / all } else { f64::INFINITY };
        let next = through.min(coming).min(period_ends).min(empty);
        for place in running {
            left[place] -= speed * (next - now);
            if left[place] < TINY {
                ends[place] = next;
            }
        }
        used += if speed > 0.0 { all * (next - now) } else { 0.0 };
        now = next;
        if now >= period_ends {
            (period_ends, used) = (period_ends + period, 0.0);
        }
    }
}

/// The ends agree with those found by going through all requests, each given by the time since the one before and its work (ns).
fn assert_agrees(limit: f64, threads: u32, gaps: &[(u64, u64)]) {
    // Times in ns that make a period of 50 us: many periods, many requests in each.
    let period = Span::from_nanos(50_000);
    let mut at = 0;
    let requests: Vec<(u64, u64)> = gaps
        .iter()
        .map(|&(gap, work)| {
            at += gap;
            (at, work)
        })
        .collect();
    let exact = ends(&Bandwidth::new(limit, threads, period), &requests);
    // Each end is at a whole nanosecond, and takes less than one from those that come after it. A request that would have
    // been alone then makes up for it at its share among all others: each nanosecond takes it as many as there are requests.
    // It may be the last nanosecond of a quota, and then the end is a period later. More work does not always end later,
    // because who has to wait for a new period begins with a full quota. So the end is within those of requests that have
    // up to this much less or more to do.
    let most = (requests.len() * requests.len() + 1) as u64;
    let amounts = std::iter::successors(Some(1), |amount| Some(amount * 2)).take_while(|&amount| amount < most);
    let slow = |work_of: &dyn Fn(u64) -> u64| {
        let requests: Vec<(u64, u64)> = requests.iter().map(|&(at, work)| (at, work_of(work))).collect();
        ends_slowly(limit, f64::from(threads), 50_000.0, &requests)
    };
    let mut ranges = vec![(f64::INFINITY, 0.0_f64); requests.len()];
    for amount in amounts.chain([0, most]) {
        for ends in [slow(&|work| work.saturating_sub(amount).max(1)), slow(&|work| work + amount)] {
            for ((least, longest), end) in ranges.iter_mut().zip(ends) {
                (*least, *longest) = (least.min(end), longest.max(end));
            }
        }
    }
    for (exact, (least, longest)) in exact.iter().zip(&ranges) {
        let (exact, most) = (*exact as f64, most as f64);
        assert!(least - most <= exact && exact <= longest + most, "{exact} is not in {least} to {longest}");
    }
}

/// One nanosecond more ends the last of these in another period; 197 more end it earlier than one more does.
#[test]
fn more_work_may_end_earlier() {
    let gaps = [
        (0, 46914),
        (0, 59664),
        (9645, 187135),
        (37625, 96209),
        (59682, 22584),
        (47148, 144617),
        (39983, 8796),
        (37521, 24906),
        (53187, 66063),
        (5661, 12993),
        (1112, 98454),
        (52287, 29302),
        (56478, 1),
        (0, 99999),
    ];
    assert_agrees(2.0, 3, &gaps);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_going_through_all_of_them(
        limit in prop::sample::select(vec![0.1, 0.35, 0.5, 1.0, 1.5, 2.0, 2.7, 4.0]),
        threads in 1u32..4,
        gaps in prop::collection::vec((0u64..60_000, 1u64..200_000), 1..20),
    ) {
        assert_agrees(limit, threads, &gaps);
    }

    #[test]
    fn work_done_is_work_asked_for(
        limit in 0.05f64..6.0,
        threads in 1u32..4,
        gaps in prop::collection::vec((0u64..60_000, 1u64..200_000), 1..40),
        stop_at in 0usize..40,
    ) {
        let bandwidth = Bandwidth::new(limit, threads, Span::from_nanos(50_000));
        let mut processor = Processor::new();
        let (mut now, mut done) = (0, 0u128);
        let mut points = Vec::new();
        for (place, &(gap, work)) in gaps.iter().enumerate() {
            now += gap;
            while processor.next(&bandwidth) <= SimTime::from_nanos(now) {
                let at = processor.next(&bandwidth);
                let request = processor.take_finished(at, &bandwidth).expect("it is through");
                let (began, through): (Attained, Attained) = points[request.index()];
                prop_assert_eq!(through.work_since(began), Span::from_nanos(gaps[request.index()].1));
                done += u128::from(gaps[request.index()].1);
            }
            let key = Key::new(place as u32);
            let through = processor.add(key, Span::from_nanos(work), SimTime::from_nanos(now), &bandwidth);
            points.push((processor.attained(), through));
            if place == stop_at {
                processor.remove(key, through, SimTime::from_nanos(now), &bandwidth);
            }
        }
        // Nobody gets more than the processors there are.
        let cores = (limit.ceil() as u128).max(u128::from(threads));
        prop_assert!(done <= cores * u128::from(now) + gaps.len() as u128);
    }
}
