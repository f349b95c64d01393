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
//! | [`perfetto`] | Chrome trace events |
//! | [`sweep`] | the table, charts and page of a sweep |
//! | [`requests`] | one row for each request, as CSV or Parquet |

pub mod chart;
pub mod comparison;
pub mod csv;
pub mod html;
pub mod json;
pub mod number;
pub mod page;
pub mod perfetto;
pub mod plan;
pub mod requests;
pub mod sweep;
pub mod table;
mod text;
pub mod trace;
mod wording;

#[cfg(test)]
mod sample;
