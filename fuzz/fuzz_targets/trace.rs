//! No bytes make a reader of traces panic or hang; and what a trace is said to have, it has.
#![no_main]

use forewarm::workload::trace::{Azure2019, Azure2019Files, OnError, RateOptions, RateTrace, RowFormat, RowOptions, RowTrace, TraceKind};
use forewarm::workload::{Input, Spread};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let input = Input::of_bytes("fuzz.csv", bytes);
    let _ = TraceKind::of(&input);
    let on_error = if choice & 1 == 0 { OnError::Fail } else { OnError::Skip };
    match choice >> 1 & 3 {
        0 | 1 => {
            let format = if choice & 2 == 0 { RowFormat::Forewarm } else { RowFormat::Azure2021 };
            let Ok(trace) = RowTrace::scan(&input, format, RowOptions { on_error, ..RowOptions::default() }) else { return };
            let mut reader = trace.read().expect("it was read a moment ago");
            let starts: Vec<_> = reader.by_ref().map(|arrival| arrival.at).collect();
            assert_eq!(reader.error(), None);
            assert!(starts.is_sorted());
            assert_eq!(starts.len() as u64, trace.invocations());
        }
        2 => {
            let files = Azure2019Files {
                invocations: vec![input.clone(), input.clone()],
                durations: (choice & 8 != 0).then(|| input.clone()).into_iter().collect(),
                memory: (choice & 16 != 0).then(|| input.clone()).into_iter().collect(),
            };
            if let Ok(trace) = Azure2019::read(&files, Spread::Auto, on_error) {
                assert!(!trace.functions.is_empty());
            }
        }
        _ => drop(RateTrace::read(&input, &RateOptions { on_error, ..RateOptions::default() })),
    }
});
