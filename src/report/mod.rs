//! Tables, charts and pages: values in, text out.
//!
//! | file | makes |
//! |---|---|
//! | [`number`] | numbers as people read them |
//! | [`table`], [`trace`] | what is shown on the terminal: a summary, what is in a trace |
//! | [`comparison`], [`plan`] | the same for a comparison and a capacity plan: table and page |
//! | [`json`], [`csv`] | what scripts read |
//! | [`chart`] | SVG charts; `chart::run` has those of a run, `chart::compare` those of a comparison |
//! | [`html`], [`page`] | `report.html`; the shell that all pages share |
//! | [`runs`] | several stored runs on one page |
//! | [`markdown`] | the same in Markdown |
//! | [`kinds`], [`stored`] | the kinds of results; from the files of a results folder back to values |
//! | [`junit`] | objectives for CI systems |
//! | [`perfetto`] | Chrome trace events |
//! | [`sweep`] | the table, charts and page of a sweep |
//! | [`requests`] | one row for each request, as CSV or Parquet |

pub mod chart;
pub mod comparison;
pub mod csv;
mod evidence;
pub mod html;
pub mod json;
pub mod junit;
pub mod kinds;
pub mod markdown;
pub mod number;
pub mod page;
#[cfg(feature = "parquet")]
mod parquet;
pub mod perfetto;
pub mod plan;
pub mod quick;
pub mod requests;
pub mod runs;
pub mod stored;
pub mod sweep;
pub mod table;
mod text;
pub mod trace;
pub(crate) mod wording;

#[cfg(test)]
mod sample;

use crate::measure::{Manifest, RunResult};
use chart::Drawn;

/// A file to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl Artefact {
    /// A file with this content.
    #[must_use]
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), content: content.into() }
    }

    /// A CSV file.
    fn csv(name: &str, write: impl FnOnce(&mut Vec<u8>) -> Result<(), ::csv::Error>) -> Self {
        let mut content = Vec::new();
        write(&mut content).expect("rows of one length, and writing to memory cannot fail");
        Self::new(name, content)
    }
}

/// What a study found, for people and for scripts.
pub trait Report {
    /// What kind of result it is, as the manifest says it: the name of its entry in [`kinds::KINDS`].
    fn kind(&self) -> &'static str;

    /// What scripts read, from which the report can be made again.
    fn data(&self) -> Vec<Artefact>;

    /// The charts of the page.
    fn charts(&self) -> Vec<Drawn>;

    /// The page, with charts that are already drawn.
    fn html(&self, manifest: &Manifest, charts: &[Drawn]) -> String;

    /// The report in Markdown.
    fn markdown(&self, manifest: &Manifest) -> String;

    /// What the terminal says; `colour` adds ANSI colours.
    fn text(&self, colour: bool) -> String;

    /// What `--format json` prints.
    fn json(&self) -> String;

    /// The run, if it is one: runs can be set side by side.
    fn as_run(&self) -> Option<&RunResult> {
        None
    }
}

/// Every file of the results folder.
#[must_use]
pub fn files(report: &impl Report, manifest: &Manifest) -> Vec<Artefact> {
    let mut files = report.data();
    let charts = report.charts();
    files.extend(charts.iter().map(|chart| Artefact::new(format!("{}.svg", chart.name), chart.svg.as_str())));
    files.push(Artefact::new("report.html", report.html(manifest, &charts)));
    files.push(Artefact::new(stored::MANIFEST, json::manifest(manifest)));
    files
}
