//! No bytes make a reader of measurements panic or hang; what is made of them can be read.
#![no_main]

use forewarm::fit::{fit, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(measured) = read([("fuzz", &*text)]) {
        let found = fit("fuzz", &measured);
        assert!(found.scenario.parse::<toml::Table>().is_ok(), "{}", found.scenario);
    }
});
