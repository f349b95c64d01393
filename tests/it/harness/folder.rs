//! The program in a temporary folder.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

/// A scenario that is over at once, with room for more keys at its end.
pub(crate) const QUICK: &str = r#"
[scenario]
name = "quick"
[simulation]
horizon = "10m"
[[function]]
name = "f"
duration.constant.value = "100ms"
[[source]]
name = "s"
function = "f"
arrivals.constant.rate = "1/s"
"#;

/// An objective that is not met.
pub(crate) const MISSED: &str = "[[objective]]\nmetric = \"latency_s.mean\"\nbelow = 0.05\n";

/// Two variants of a scenario with luck in it: one makes it slower for certain, one makes cold starts a little rarer.
pub(crate) fn variants() -> String {
    let text = QUICK
        .replace(
            "duration.constant.value = \"100ms\"",
            "duration.exponential.mean = \"100ms\"\nkeep-alive.fixed.window = \"4s\"",
        )
        .replace("arrivals.constant.rate", "arrivals.poisson.rate");
    format!(
        "{text}[[variant]]\nname = \"slow\"\nset = {{ \"function.f.duration.exponential.mean\" = \"200ms\" }}\n\
         [[variant]]\nname = \"longer\"\nset = {{ \"function.f.keep-alive.fixed.window\" = \"4100ms\" }}\n"
    )
}

/// A folder with the scenario `quick.toml` in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self::with("quick.toml", QUICK)
    }

    /// A folder with a file in it.
    pub(crate) fn with(name: &str, text: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        folder.write(name, text);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &(impl AsRef<[u8]> + ?Sized)) {
        fs::write(self.path().join(name), content).expect("a writable folder");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("forewarm"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Starts the program and does not wait for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Answer {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it is read");
        Answer::of(child.wait_with_output().expect("it ends"))
    }
}

/// What the program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Fails unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// What it printed, on both streams.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}
