//! Imports go down the floors only. An unknown module fails too, so that a new one forces a decision.

use std::fs;
use std::path::{Path, PathBuf};

const FLOORS: [(&str, u32); 23] = [
    ("time", 0),
    ("id", 0),
    ("hash", 0),
    ("bits", 0),
    ("prefetch", 0),
    ("rng", 1),
    ("schema", 2),
    ("stats", 2),
    ("metric", 2),
    ("dist", 3),
    ("workload", 4),
    ("policy", 4),
    ("path", 4),
    ("cluster", 4),
    ("scenario", 5),
    ("import", 5),
    ("fit", 5),
    ("engine", 6),
    ("measure", 7),
    ("experiment", 8),
    ("report", 9),
    ("study", 10),
    ("cli", 11),
];

fn floor(module: &str) -> u32 {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .unwrap_or_else(|| panic!("module `{module}` stands on no floor: give it one here and in src/lib.rs"))
        .1
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_go_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    for path in &files {
        let inside = path.strip_prefix(&src).expect("a file under src");
        let module = inside.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        // Tests may point anywhere.
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let here = floor(&module);
        let text = fs::read_to_string(path).expect("readable source");
        for (number, line) in text.lines().enumerate() {
            // Code only: comments may point anywhere, and so may the tests at the end of a file.
            if line.starts_with("mod tests {") {
                break;
            }
            let code = line.split("//").next().unwrap_or_default();
            for used in code.match_indices("crate::").map(|(at, word)| &code[at + word.len()..]) {
                let target: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if target != module && !target.is_empty() && floor(&target) >= here {
                    wrong.push(format!("{}:{}: `{module}` uses `{target}`", inside.display(), number + 1));
                }
            }
        }
    }
    assert!(files.len() > 10, "found the sources");
    assert!(wrong.is_empty(), "imports that do not go down:\n{}", wrong.join("\n"));
}
