//! Tables, charts and pages: values in, text out.
//!
//! | file | makes |
//! |---|---|
//! | [`document`] | reports as values, and the back ends that write them: page, Markdown, terminal |
//! | [`kinds`] | the report of each kind of result |
//! | [`read_back`] | from the files of a results folder back to values |
//! | [`chart`] | SVG charts; `chart::run` has those of a run, `chart::compare` those of a comparison |
//! | [`mod@format`], `phrases`, `evidence` | numbers, and what several reports say in the same words |
//! | [`json`], [`csv`] | what scripts read |
//! | [`junit`] | objectives for CI systems |
//! | [`perfetto`] | Chrome trace events |
//! | [`decisions`] | one row for each decision of a scaling policy, as CSV |
//! | [`requests`] | one row for each request, as CSV or Parquet |
//! | [`sweep`] | the tables and charts of a sweep |
//! | [`trace`] | what is in a trace |

pub mod backtest;
pub mod chart;
pub mod comment;
pub mod csv;
pub mod decisions;
pub mod document;
mod epoch;
mod evidence;
pub mod fit;
pub mod format;
pub mod json;
pub mod junit;
pub mod kinds;
pub mod metrics;
pub mod otlp;
#[cfg(feature = "parquet")]
mod parquet;
pub mod perfetto;
pub(crate) mod phrases;
pub mod preview;
pub mod quick;
pub mod read_back;
pub mod requests;
pub mod sweep;
mod text;
pub mod trace;

#[cfg(test)]
mod sample;

use rayon::prelude::*;

use crate::measure::{Manifest, RunResult};
use chart::Drawn;
use document::Document;

/// A file of the results that is not rendered yet, so that several can be rendered side by side.
pub struct Draft<'a> {
    name: String,
    render: Box<dyn FnOnce() -> Vec<u8> + Send + 'a>,
}

impl<'a> Draft<'a> {
    /// A file with the content that `render` returns.
    pub fn new<T: Into<Vec<u8>>>(name: impl Into<String>, render: impl FnOnce() -> T + Send + 'a) -> Self {
        Self { name: name.into(), render: Box::new(|| render().into()) }
    }

    /// A CSV file.
    fn csv(name: &str, write: impl FnOnce(&mut Vec<u8>) -> Result<(), ::csv::Error> + Send + 'a) -> Self {
        Self::new(name, || {
            let mut content = Vec::new();
            write(&mut content).expect("rows of one length, and writing to memory cannot fail");
            content
        })
    }

    /// The file.
    #[must_use]
    pub fn render(self) -> Artefact {
        Artefact::new(self.name, (self.render)())
    }
}

/// A file of the results.
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
}

/// What a study found, for people and for scripts.
pub trait Report: Sync {
    /// What kind of result it is, as the manifest says it: the name of its entry in [`kinds::KINDS`].
    fn kind(&self) -> &'static str;

    /// What scripts read, from which the report can be made again.
    fn data(&self) -> Vec<Draft<'_>>;

    /// The report.
    fn document(&self, manifest: &Manifest) -> Document;

    /// What `--format json` prints.
    fn json(&self) -> String;

    /// The run, if it is one: runs can be set side by side.
    fn as_run(&self) -> Option<&RunResult> {
        None
    }
}

/// Every file of the results folder, rendered on the threads of the current rayon pool.
#[must_use]
pub fn files(report: &impl Report, manifest: &Manifest) -> Vec<Artefact> {
    let data = || report.data().into_par_iter().map(Draft::render).collect::<Vec<_>>();
    let page = || {
        let document = report.document(manifest);
        let page = document::html::render(&document);
        (document, page)
    };
    let (mut files, (document, page)) = rayon::join(data, page);
    let chart = |chart: &Drawn| Artefact::new(format!("{}.svg", chart.name), chart.svg.as_str());
    files.extend(document.figures().map(chart));
    files.push(Artefact::new("report.html", page));
    files.push(Artefact::new(read_back::MANIFEST, json::manifest(manifest)));
    files
}
