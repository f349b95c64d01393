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
//! | [`stored`] | from the files of a results folder back to values |
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
