//! No bytes make the reader of scenarios panic or hang; and what is read reads back from its resolved text as the same.
#![no_main]

use forewarm::scenario::{Files, ParseOptions, parse, parse_bytes};
use forewarm::workload::Input;
use libfuzzer_sys::fuzz_target;

/// Every file that a scenario may name is this one.
struct SameFile;

impl Files for SameFile {
    fn input(&self, path: &str) -> Input {
        Input::of_bytes(path, &b"time_s,function\n0.5,f\n1,g\n"[..])
    }
}

fuzz_target!(|bytes: &[u8]| {
    let options = ParseOptions::default();
    match parse_bytes("fuzz.toml", bytes, &options, &SameFile) {
        Ok((scenario, _)) => {
            let again = parse("resolved.toml", &scenario.resolved, &options, &SameFile).expect("resolved text reads");
            assert_eq!(scenario.resolved, again.resolved);
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
