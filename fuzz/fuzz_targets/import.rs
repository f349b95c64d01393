//! No bytes make a reader of infrastructure files panic or hang; what is made of them can be read.
#![no_main]

use forewarm::import::export::{Form, export};
use forewarm::import::{File, Traffic, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = File { name: "fuzz".to_owned(), bytes: bytes.to_vec() };
    if let Ok(imported) = import("fuzz", std::slice::from_ref(&file), &Traffic::default()) {
        assert!(imported.scenario.parse::<toml::Table>().is_ok(), "{}", imported.scenario);
        let asked = [("function.F.memory".to_owned(), "512MB".to_owned()), ("function.F.timeout".to_owned(), "5s".to_owned())];
        let _ = export(Form::Sam, std::slice::from_ref(&file), &asked);
    }
});
