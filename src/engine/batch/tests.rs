//! Batches against vectors by hand, against closed forms, and against a walk token by token.

use proptest::prelude::*;

use super::*;
use crate::dist::tokens::{ConstantTokens, TokenLaw};

const MS: u64 = 1_000_000;

fn ms(count: u64) -> Span {
    Span::from_millis(count)
}

fn batching(per_step: Span, per_prompt_token: Span, per_request: Span, max_batch: u32) -> Batching {
    let one = ConstantTokens { value: 1 }.law().expect("a law");
    let (prompt_tokens, output_tokens) = (one.clone(), one);
    let kv_cache_tokens = u64::MAX;
    Batching { per_step, per_prompt_token, per_request, max_batch, kv_cache_tokens, prompt_tokens, output_tokens }
}

/// A request: when it arrives, ns; tokens of its prompt and of its answer.
type Request = (u64, u64, u64);

/// When the first token of each is there and when it is through, ns.
fn served(spec: &Batching, requests: &[Request]) -> Vec<(u64, u64)> {
    let mut batch = Batch::default();
    let mut found = vec![(0, 0); requests.len()];
    let mut arrivals = requests.iter().enumerate().peekable();
    let mut now = SimTime::ZERO;
    let max = spec.max_batch as usize;
    loop {
        let next = batch.next(now, max);
        match arrivals.peek() {
            // Who arrives when a step ends is taken in.
            Some(&(place, &(at, ..))) if at <= next.as_nanos() => {
                now = SimTime::from_nanos(at);
                batch.arrive(Key::new(place as u32));
                arrivals.next();
            }
            _ if next == SimTime::NEVER => return found,
            _ => {
                now = next;
                assert!(batch.is_between_steps(now));
                batch.end_step(now);
                while let Some(request) = batch.take_finished() {
                    found[request.index()].1 = now.as_nanos();
                }
                let tokens = |request: Key<Invocation>| (requests[request.index()].1, requests[request.index()].2);
                for admitted in batch.admit(spec, now, |span| span, tokens) {
                    found[admitted.request.index()].0 = admitted.first_token.as_nanos();
                }
            }
        }
    }
}

#[test]
fn a_lone_request_takes_its_prompt_and_its_steps() {
    // 1,000 prompt tokens at 32 us, 50 tokens at 6 + 1 ms.
    let spec = batching(ms(6), Span::from_nanos(32_000), ms(1), 8);
    assert_eq!(served(&spec, &[(5 * MS, 1000, 50)]), [(44 * MS, (5 + 32 + 50 * 7) * MS)]);
    assert_eq!(served(&spec, &[(0, 1000, 1)]), [(39 * MS, 39 * MS)]);
}

#[test]
fn requests_are_taken_in_between_steps() {
    let spec = batching(ms(10), ms(1), ms(5), 2);
    // The first: steps of 15 ms end at 16 (its prompt), 31 ... The second comes at 20 and is taken in at 31: a step of
    // 10 + 2 + 2 x 5 = 22 ms, and then steps of 20 ms. The third waits until the first is through.
    let found = served(&spec, &[(0, 1, 4), (20 * MS, 2, 3), (21 * MS, 1, 1)]);
    assert_eq!(found[0], (16 * MS, (31 + 22 + 20) * MS));
    assert_eq!(found[1], (53 * MS, (73 + 21) * MS));
    assert_eq!(found[2], (94 * MS, 94 * MS));
}

#[test]
fn a_full_batch_yields_as_the_closed_form_says() {
    // B / (a + c B) tokens a second: 16 / (8 + 16 x 0.5 ms) = 1,000.
    let spec = batching(ms(8), Span::ZERO, Span::from_nanos(500_000), 16);
    let requests: Vec<Request> = (0..1600).map(|_| (0, 700, 10)).collect();
    let last = served(&spec, &requests).iter().map(|found| found.1).max();
    assert_eq!(last, Some(16_000 * MS), "16,000 tokens take 16 s");
}

/// K tokens hold K / (p + o) requests of p + o tokens: the throughput is that of a batch of so many.
#[test]
fn the_cache_bounds_the_batch_as_the_closed_form_says() {
    // 7,999 tokens hold 9 requests of 800 + 80 tokens: 9 / (8 + 9 x 0.5 ms) = 720 tokens a second.
    let spec = Batching { kv_cache_tokens: 7999, ..batching(ms(8), Span::ZERO, Span::from_nanos(500_000), 16) };
    let requests: Vec<Request> = (0..900).map(|_| (0, 800, 80)).collect();
    let last = served(&spec, &requests).iter().map(|found| found.1).max();
    assert_eq!(last, Some(100_000 * MS), "72,000 tokens take 100 s");
}

#[test]
fn who_does_not_fit_into_the_cache_waits_and_those_behind_it_do_too() {
    let spec = Batching { kv_cache_tokens: 10, ..batching(ms(10), Span::ZERO, Span::ZERO, 8) };
    // 6 + 2 tokens leave 2: 2 + 1 do not fit until the first is through at 20 ms, and 1 + 1, which would, wait behind them.
    let found = served(&spec, &[(0, 6, 2), (0, 2, 1), (0, 1, 1)]);
    assert_eq!(found.iter().map(|found| found.1 / MS).collect::<Vec<_>>(), [20, 30, 30]);
    // What needs more than there is has the batch to itself.
    let found = served(&spec, &[(0, 2, 2), (0, 50, 3), (0, 1, 1)]);
    assert_eq!(found.iter().map(|found| found.1 / MS).collect::<Vec<_>>(), [20, 50, 60]);
}

#[test]
fn who_leaves_makes_later_steps_shorter() {
    let spec = batching(ms(10), Span::ZERO, ms(5), 4);
    let mut batch = Batch::default();
    batch.arrive(Key::new(0));
    batch.arrive(Key::new(1));
    batch.end_step(SimTime::ZERO);
    let admitted = batch.admit(&spec, SimTime::ZERO, |span| span, |_| (1, 10));
    assert_eq!(batch.next(SimTime::ZERO, 4).as_nanos(), 200 * MS);
    batch.remove(Key::new(1), Some(admitted[1].through));
    let now = SimTime::from_nanos(45 * MS);
    let ends = batch.next(now, 4);
    assert_eq!(ends.as_nanos(), 60 * MS, "the step that is in progress goes on");
    batch.end_step(ends);
    assert!(batch.admit(&spec, ends, |span| span, |_| (1, 10)).is_empty());
    assert_eq!(batch.next(ends, 4).as_nanos(), (60 + 7 * 15) * MS);
}

/// The same token by token.
fn served_slowly(spec: &Batching, requests: &[Request]) -> Vec<(u64, u64)> {
    let mut found = vec![(0, 0); requests.len()];
    let (mut now, mut come) = (0, 0);
    let mut waiting = VecDeque::new();
    let mut batch: Vec<(usize, u64)> = Vec::new();
    loop {
        while come < requests.len() && requests[come].0 <= now {
            waiting.push_back(come);
            come += 1;
        }
        if batch.is_empty() && waiting.is_empty() {
            let Some(next) = requests.get(come) else { return found };
            now = next.0;
            continue;
        }
        let mut prompts = 0;
        while batch.len() < spec.max_batch as usize
            && let Some(&place) = waiting.front()
        {
            let needs = |place: usize| requests[place].1 + requests[place].2;
            let reserved: u64 = batch.iter().map(|(place, _)| needs(*place)).sum();
            if !batch.is_empty() && reserved + needs(place) > spec.kv_cache_tokens {
                break;
            }
            waiting.pop_front();
            prompts += requests[place].1;
            batch.push((place, requests[place].2));
        }
        now += spec.per_step.as_nanos()
            + prompts * spec.per_prompt_token.as_nanos()
            + batch.len() as u64 * spec.per_request.as_nanos();
        for (place, left) in &mut batch {
            if *left == requests[*place].2 {
                found[*place].0 = now;
            }
            *left -= 1;
            if *left == 0 {
                found[*place].1 = now;
            }
        }
        batch.retain(|(_, left)| *left > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_a_walk_token_by_token(
        a in 1u64..20,
        b in 0u64..5,
        c in 0u64..5,
        max_batch in 1u32..6,
        kv_cache_tokens in prop::sample::select(vec![u64::MAX, 30, 60, 100]),
        gaps in prop::collection::vec((0u64..120, 1u64..30, 1u64..25), 1..40),
    ) {
        let spec = batching(Span::from_nanos(a), Span::from_nanos(b), Span::from_nanos(c), max_batch);
        let spec = Batching { kv_cache_tokens, ..spec };
        let mut at = 0;
        let requests: Vec<Request> = gaps.iter().map(|&(gap, prompt, output)| { at += gap; (at, prompt, output) }).collect();
        prop_assert_eq!(served(&spec, &requests), served_slowly(&spec, &requests));
    }
}
