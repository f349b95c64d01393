//! The kinds of results. Another one is a file here that implements [`Report`] and reads its own files back, and a line in
//! [`KINDS`].

mod alarms;
pub mod chaos;
pub mod compare;
mod faults;
pub(in crate::report) mod flow;
mod nodes;
mod path;
pub mod plan;
pub mod run;
pub mod side_by_side;
pub mod sweep;

use std::io::{self, Read};

use super::Report;
use super::read_back::{MANIFEST, StoredError};
use crate::measure::Manifest;
use crate::scenario::{Files, instead};

/// The files of a results folder.
pub trait Folder {
    /// Opens a file of the folder.
    ///
    /// # Errors
    /// An error of the operating system.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>>;

    /// The files that the scenario in the manifest names.
    fn scenario_files(&self) -> &dyn Files;
}

/// A kind of result.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in the manifest.
    pub name: &'static str,
    /// Reads it back from its folder.
    pub read: ReadBack,
}

/// Reads a result back from its folder.
pub type ReadBack = fn(&Manifest, &dyn Folder) -> Result<Box<dyn Report>, StoredError>;

/// All of them.
pub const KINDS: &[Kind] = &[run::KIND, compare::KIND, chaos::KIND, plan::KIND, sweep::KIND];

/// Reads back what is in a folder.
///
/// # Errors
/// A kind that this version does not know, and the first file that it did not write.
pub fn read(manifest: &Manifest, folder: &dyn Folder) -> Result<Box<dyn Report>, StoredError> {
    let kind = manifest.kind();
    match KINDS.iter().find(|known| known.name == kind) {
        Some(known) => (known.read)(manifest, folder),
        None => {
            let help = instead(kind, "the kinds are", KINDS.iter().map(|known| known.name));
            Err(StoredError::content(MANIFEST, format!("there is no report for results of kind \"{kind}\"; {help}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::terminal::Detail;
    use crate::report::document::{Document, html, markdown, terminal};
    use crate::report::{Artefact, files, sample};
    use crate::scenario::NoFiles;

    /// A folder in memory.
    struct Memory(Vec<Artefact>);

    impl Folder for Memory {
        fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
            let file = self.0.iter().find(|file| file.name == name).ok_or(io::ErrorKind::NotFound)?;
            Ok(Box::new(io::Cursor::new(file.content.clone())))
        }

        fn scenario_files(&self) -> &dyn Files {
            &NoFiles
        }
    }

    #[test]
    fn the_manifest_says_what_it_is_and_not_the_command() {
        let result = sample::result(3, 288);
        let manifest = Manifest { command: "forewarm.run(\"x.toml\") in Python".into(), ..sample::manifest() };
        let folder = Memory(files(&result, &manifest));
        let back = read(&manifest, &folder).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!(back.kind(), "run");
        assert_eq!(back.json(), result.json());
        assert!(files(&result, &manifest).iter().all(|file| !file.content.is_empty()));
    }

    #[test]
    fn an_old_folder_is_of_the_kind_of_its_command() {
        let with = |command: &str| Manifest { kind: String::new(), command: command.into(), ..sample::manifest() };
        assert_eq!(with("forewarm run x.toml").kind(), "run");
        let folder = Memory(files(&sample::result(1, 288), &sample::manifest()));
        assert!(read(&with("forewarm run x.toml"), &folder).is_ok());
        for (command, wrong) in [("forewarm dance", "\"dance\""), ("", "\"\"")] {
            let said = read(&with(command), &folder).err().unwrap().to_string();
            assert!(said.starts_with("manifest.json: ") && said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn kinds_have_different_names() {
        let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }

    /// Every kind that there is a sample of.
    fn samples() -> Vec<Document> {
        let manifest = sample::manifest();
        let mut one = sample::result(1, 24);
        one.summary.objectives.clear();
        vec![
            sample::result(3, 24).document(&manifest),
            one.document(&manifest),
            sample::empty().document(&manifest),
            sample::comparison().document(&manifest),
        ]
    }

    #[test]
    fn the_terminal_is_eighty_columns_wide_and_the_answer_is_short() {
        for document in samples() {
            for detail in [Detail::Answer, Detail::Everything] {
                let text = terminal::render(&document, detail, false);
                let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
                assert!(widest <= 80, "{widest} columns\n{text}");
                assert!(detail == Detail::Everything || text.lines().count() <= 28, "{text}");
            }
            let [plain, coloured] = [false, true].map(|colour| terminal::render(&document, Detail::Answer, colour));
            assert!(coloured.contains("\x1b[") && !plain.contains('\x1b'));
        }
    }

    #[test]
    fn the_answer_comes_first() {
        let run = &samples()[0];
        insta::assert_snapshot!("run.txt", terminal::render(run, Detail::Answer, false));
        insta::assert_snapshot!("run.md", markdown::render(run, "forewarm run shop.toml"));
        let compare = &samples()[3];
        insta::assert_snapshot!("compare.txt", terminal::render(compare, Detail::Everything, false));
        insta::assert_snapshot!("compare.md", markdown::render(compare, "forewarm compare shop.toml"));
        let page = html::render(run);
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("`{text}` is missing"));
        assert!(
            at("2 of 3 objectives met") < at("reserved 200 of checkout")
                && at("$1,234.56 ($1,222 to $1,247)") < at("<figure")
        );
    }

    #[test]
    fn a_page_fetches_nothing_and_paper_has_nothing_to_click() {
        for document in samples() {
            let page = html::render(&document);
            let without_namespaces = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!without_namespaces.contains("http:") && !without_namespaces.contains("https:"));
            assert!(!page.contains(" src=") && !page.contains("@import") && !page.contains("url("));
            let paper = html::for_paper(&page);
            assert!(paper.contains("class=\"paper\"") && paper.contains("content=\"light\""));
            assert!(paper.ends_with("</html>") && !paper.contains("<script") && !paper.contains("<details>"));
        }
    }

    #[test]
    fn a_thousand_functions_stay_under_three_megabytes() {
        let page = html::render(&sample::result(1_000, 288).document(&sample::manifest()));
        assert!(page.len() < 3_000_000, "{} bytes", page.len());
        assert!(page.contains("function-0999"), "all of them are in");
    }

    /// Names that would be markup, end a script, leave an attribute, end a table or turn the text.
    const NAMES: [&str; 7] = [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "\" onfocus=alert(1) x=\"",
        "]]></title></desc><a href='javascript:alert(1)'>",
        "a|b _c_ `d`\n# e [f](g)",
        "\u{202e}txet denrut \u{1b}[31m",
        "{{name}} ${name} `name` \u{0} &lt;b&gt; \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    ];

    #[test]
    fn no_name_becomes_markup() {
        let long = "x".repeat(5_000);
        let tags = |page: &str| {
            let all = ["<script", "</script", "<img", "<a ", "<title", "</title", "</desc", "<b>", "<rect"];
            all.map(|tag| page.matches(tag).count())
        };
        let of = |name: &str| {
            let mut run = sample::result(2, 12);
            let summary = &mut run.summary;
            summary.scenario.name = name.into();
            summary.functions[0].0 = name.into();
            summary.objectives[0].asked.function = Some(name.into());
            summary.limits[0].function = name.into();
            run.limit_lines[0].0 = name.into();
            let mut compared = sample::comparison();
            compared.results[1].0 = name.into();
            compared.comparison.contenders[1].name = name.into();
            let contrasts = compared.comparison.contrasts.iter_mut().filter(|one| one.variant == "warm");
            contrasts.for_each(|one| one.variant = name.into());
            compared.comparison.scenario.name = name.into();
            let manifest = Manifest { command: name.into(), scenario: name.into(), ..sample::manifest() };
            [run.document(&manifest), compared.document(&manifest)]
        };
        let plain = of("warm").map(|document| tags(&html::render(&document)));
        for name in NAMES.iter().copied().chain([long.as_str()]) {
            for (document, plain) in of(name).iter().zip(&plain) {
                let page = html::render(document);
                assert_eq!(tags(&page), *plain, "{name}");
                assert!(!page.contains("\" onfocus") && !page.contains('\u{202e}'));
                let text = terminal::render(document, Detail::Everything, false);
                assert!(!text.contains(['\u{1b}', '\u{202e}']) && (name.len() > 100 || !text.contains("\n# e")));
                let markdown = markdown::render(document, name);
                let is_cut = markdown.lines().any(|line| line.starts_with('|') && line.contains("a|b"));
                assert!(!markdown.contains("\n# e") && !is_cut, "{markdown}");
            }
        }
    }

    #[test]
    fn nothing_measured_is_no_reason_to_fail() {
        let mut compared = sample::comparison();
        compared.results.iter_mut().for_each(|(_, result)| *result = sample::empty());
        for one in &mut compared.comparison.contenders {
            one.summary = sample::empty().summary;
        }
        let document = compared.document(&sample::manifest());
        assert_eq!(document.title, "No contender completed any request");
        assert!(markdown::render(&sample::empty().document(&sample::manifest()), "").contains("No objectives"));
    }
}
