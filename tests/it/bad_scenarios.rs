//! Files that are wrong: what is said about each of `tests/bad/*.toml` stands beside it. Lines `#! --set KEY=VALUE` and
//! `#! --variant NAME` at the top of a file are the options it is read with.

use std::fs;
use std::path::Path;

use forewarm::scenario::{ParseOptions, Severity, parse_bytes, parse_with_warnings};
use proptest::prelude::*;

use crate::good_scenarios::BASE;
use crate::harness::Memory;

fn files() -> Memory {
    Memory::default()
        .with("words.txt", b"100ms\n# fine so far\n200\n300ms\n")
        .with("empty.txt", b"# nothing\n")
        .with("binary", b"\xff\xfe\x00")
}

fn options(text: &str) -> ParseOptions {
    let mut options = ParseOptions::default();
    for line in text.lines().map_while(|line| line.strip_prefix("#! ")) {
        match line.split_once(' ') {
            Some(("--variant", name)) => options.variant = Some(name.to_owned()),
            Some(("--set", change)) => {
                let (key, value) = change.split_once('=').expect("KEY=VALUE");
                options.set.push((key.to_owned(), value.to_owned()));
            }
            _ => panic!("an option that is not known here: {line}"),
        }
    }
    options
}

#[test]
fn every_bad_file_gets_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut paths: Vec<_> =
        fs::read_dir(&folder).expect("tests/bad").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(paths.len() >= 40, "{} bad files", paths.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for path in paths {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let bytes = fs::read(&path).expect("a readable file");
        let name = format!("{stem}.toml");
        let problems = match parse_bytes(&name, &bytes, &options(&String::from_utf8_lossy(&bytes)), &files()) {
            Ok((_, warnings)) => {
                assert!(!warnings.is_empty(), "{name} is all right");
                warnings
            }
            Err(problems) => {
                assert!(problems.has_errors(), "{name} is refused without an error");
                problems
            }
        };
        assert_eq!(problems.to_string(), problems.render(false));
        settings.bind(|| insta::assert_snapshot!(stem.clone(), problems.render(false)));
    }
}

#[test]
fn a_problem_has_severity_place_message_and_advice() {
    let text = BASE.replace("name = \"f\"", "name = \"f\"\n  mémory = \"1GB\"").replace("mémory", "memroy");
    let problems = parse_with_warnings("dir/x.toml", &text, &ParseOptions::default(), &files()).expect_err("a typo");
    let [problem] = problems.list() else { panic!("one problem: {problems}") };
    assert_eq!(problem.severity, Severity::Error);
    assert_eq!(problems.location(problem), ("dir/x.toml", 8, 3));
    assert_eq!(problem.message, "unknown key `memroy` in `function.f`");
    assert_eq!(problem.help, ["did you mean `memory`?"]);
    assert!(problems.render(true).contains("\u{1b}["), "in colour");
    assert!(!problems.render(false).contains('\u{1b}'), "plain");
}

#[test]
fn a_warning_neither_precedes_nor_hides_an_error() {
    let functions: String = (0..60)
        .map(|n| format!("[[function]]\nname = \"f{n}\"\nruntime = \"go\"\nduration.constant.value = \"1s\"\n"))
        .collect();
    let rest = "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"10m\"\n\
                [[source]]\nname = \"s\"\nfunction = \"f0\"\narrivals.constant.rate = \"1/s\"\n\
                [[objective]]\nmetric = \"p98x\"\nbelow = 1\n";
    let wrong_objective = format!("{rest}{functions}");
    let wrong_preset = format!("{functions}{rest}[platform]\npreset = \"lambda\"\n").replace("p98x", "latency_s.p99");
    for (text, message) in
        [(wrong_objective, "there is no metric \"p98x\""), (wrong_preset, "`platform.preset` cannot be \"lambda\"")]
    {
        let problems = parse_with_warnings("x.toml", &text, &ParseOptions::default(), &files()).expect_err(message);
        let [problem] = problems.list() else { panic!("one problem: {problems}") };
        assert_eq!((problem.severity, problem.message.as_str()), (Severity::Error, message));
        assert!(problems.to_string().ends_with("\n1 error\n"), "{problems}");
    }
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let text = "#".repeat((16 << 20) + 1);
    let problems = parse_with_warnings("x.toml", &text, &ParseOptions::default(), &files()).expect_err("too long");
    assert!(problems.to_string().contains("at most 16777216 are read"), "{problems}");
    let many = format!("a = [{}]", "1,".repeat(1_000_001));
    let problems = parse_with_warnings("x.toml", &many, &ParseOptions::default(), &files()).expect_err("too many");
    assert!(problems.to_string().contains("more than 1000000 values"), "{problems}");
}

/// What a scenario is made of, to be cut, joined and mixed.
const PIECES: [&str; 24] = [
    "\n",
    " ",
    "=",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    "#",
    "-1",
    "1e999",
    "nan",
    "\"1h\"",
    "\"5/s\"",
    "\"none\"",
    "é",
    "[[function]]\n",
    "[platform]\npreset = \"aws-lambda\"\n",
    "[function.duration.log-normal]\n",
    "name = \"f\"\n",
    "\u{0}",
    "\"\"\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Text that is cut, doubled and mixed with pieces of itself is read or refused, never a panic.
    #[test]
    fn no_text_makes_the_reader_panic(
        which in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8, 0..24_usize), 1..8),
    ) {
        let texts: [&str; 6] = [
            BASE,
            include_str!("contract.toml"),
            include_str!("../../src/scenario/templates/aws-lambda.toml"),
            include_str!("../../src/scenario/templates/queue.toml"),
            include_str!("../bad/arrival-parameters.toml"),
            include_str!("../bad/impossible-distributions.toml"),
        ];
        let mut text: Vec<char> = texts[which].chars().collect();
        for (at, length, change, piece) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + length.index(40)).min(text.len());
            match change {
                0 => drop(text.drain(at..end)),
                1 => text.truncate(at),
                2 => drop(text.splice(at..at, PIECES[piece].chars())),
                _ => {
                    let copied = text[at..end].to_vec();
                    drop(text.splice(at..at, copied));
                }
            }
        }
        let text: String = text.into_iter().collect();
        match parse_with_warnings("x.toml", &text, &ParseOptions::default(), &files()) {
            Ok((_, problems)) => prop_assert!(!problems.has_errors()),
            Err(problems) => prop_assert!(problems.has_errors() && !problems.render(true).is_empty()),
        }
    }

    /// Nor do changes by --set.
    #[test]
    fn no_change_makes_the_reader_panic(
        key in "(function|source|platform|simulation|variant|sweep)(\\.(f|s|memory|duration|constant|value|concurrency|arrivals|billing|0|x)){0,5}",
        value in "(\"|\\[|\\{|[0-9]{1,3}|MB|ms|/s|none|=|,|\\}|\\]){0,6}",
    ) {
        let options = ParseOptions { set: vec![(key, value)], ..ParseOptions::default() };
        if let Err(problems) = parse_with_warnings("x.toml", BASE, &options, &files()) {
            prop_assert!(problems.has_errors() && !problems.render(false).is_empty());
        }
    }
}
