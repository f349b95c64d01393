//! The page: one file, no network, light and dark, for screen, paper and screen readers.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::{Block, Card, Cell, Column, Document, Prose, Section, Span, Table, Tone, Value};
use crate::report::chart::Drawn;
use crate::report::phrases::is_bidi_control;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing may be loaded from anywhere, and nothing may run or give style but what is written here.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    format!("default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:")
});

/// Identifies a page of forewarm, which may be overwritten.
pub const GENERATOR: &str = concat!("forewarm ", env!("CARGO_PKG_VERSION"));

/// The page of a report: the answer is the first screen, the sections follow.
#[must_use]
pub fn render(document: &Document) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(*POLICY);
                meta name="generator" content=(GENERATOR);
                title { (document.name) ": " (document.kind) " · forewarm" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the answer" }
                main id="main" {
                    (head(document))
                    @for part in &document.answer { (block(part)) }
                    nav aria-label="Sections" {
                        ul { @for section in &document.sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                    @for part in &document.sections { (section(part)) }
                }
                footer { p { (document.foot) } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    // A name may be written from right to left, but must not turn what stands behind it.
    page.into_string().replace(is_bidi_control, "\u{fffd}")
}

/// The same page for paper: light, everything unfolded, nothing to click.
#[must_use]
pub fn for_paper(page: &str) -> String {
    // Names are escaped, so that these words can be our own only.
    let (head, script) = page.rsplit_once("<script>").unwrap_or((page, ""));
    let end = script.split_once("</script>").map_or("", |(_, end)| end);
    let head = head.replacen("<html lang=\"en\">", "<html lang=\"en\" class=\"paper\">", 1);
    head.replacen("content=\"light dark\"", "content=\"light\"", 1).replace("<details>", "<details open>") + end
}

fn head(document: &Document) -> Markup {
    let class = match document.tone {
        Tone::Good => "verdict met",
        Tone::Bad => "verdict missed",
        Tone::Plain => "verdict",
    };
    html! {
        header {
            p.kicker { "forewarm " (document.kind) " · " (document.name) }
            h1 class=(if document.title.chars().count() > LONG { format!("{class} long") } else { class.to_owned() }) { (document.title) }
            @for alert in &document.alerts { p.alert { (alert) } }
            p.extent { (document.extent) }
        }
    }
}

fn section(section: &Section) -> Markup {
    html! {
        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
            h2 id={ (section.id) "-title" } { (section.title) }
            @for part in &section.blocks { (block(part)) }
        }
    }
}

fn block(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Text(text) => p { (prose(text)) },
            Block::Note(text) => p.note { (prose(text)) },
            Block::List(items) => ul.list { @for item in items { li { (prose(item)) } } },
            Block::Cards(cards) => div.cards { @for one in cards { (card(one)) } },
            Block::Table(one) => (table(one)),
            Block::Figure(chart) => (figure(chart)),
            Block::Facts(facts) => dl { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } },
            Block::Source(name, text) => details { summary { (name) } pre tabindex="0" { (text) } },
            Block::Folded(name, one) => details { summary { (name) } (table(one)) },
        }
    }
}

fn prose(prose: &Prose) -> Markup {
    html! {
        @for span in &prose.0 {
            @match span {
                Span::Plain(text) => (unbroken(text)),
                Span::Strong(text) => strong { (text) },
                Span::Code(text) => code { (text) },
            }
        }
    }
}

fn card(card: &Card) -> Markup {
    html! {
        section.card {
            h2 { (card.title) }
            p.figure { (unbroken(&card.figure)) }
            @for line in &card.lines { p { (unbroken(line)) } }
        }
    }
}

/// Keeps a number together with its interval and its percent sign.
fn unbroken(text: &str) -> String {
    text.replace(" ± ", "\u{a0}±\u{a0}").replace(" %", "\u{a0}%")
}

/// A chart with its caption.
fn figure(chart: &Drawn) -> Markup {
    html! {
        figure id={ "chart-" (chart.name) } {
            div.desk { div.scroll tabindex="0" role="group" aria-label={ "Chart: " (chart.name) } { (PreEscaped(&chart.svg)) } }
            div.phone {
                p.heading { (PreEscaped(chart.title())) }
                div.scroll tabindex="0" role="group" aria-label={ "Chart: " (chart.name) } { (PreEscaped(&chart.narrow)) }
            }
            figcaption { (chart.caption) }
        }
    }
}

/// A table, sortable in the browser. On a narrow screen each row becomes a block, its cells named by `data-label`.
fn table(table: &Table) -> Markup {
    let cells = |cells: &[Cell]| {
        html! {
            @for (column, one) in table.columns.iter().zip(cells) {
                td.text[column.is_text] data-label=(column.name) data-v=[one.number()] { @if !is_empty(one) { span.cell { (cell(one)) } } }
            }
        }
    };
    let label = if table.caption.is_empty() { table.rows_are } else { table.caption.as_str() };
    let label = if label.is_empty() { "Configurations" } else { label };
    let class = if is_wide(table) { "table wide" } else { "table" };
    html! {
        div class=(class) tabindex="0" role="group" aria-label=(label) {
            table.sortable data-shown=(table.shown) {
                @if !table.caption.is_empty() { caption { (table.caption) } }
                thead {
                    tr {
                        th scope="col" { (table.rows_are) }
                        @for column in &table.columns {
                            th.text[column.is_text] scope="col" title=[(!column.about.is_empty()).then_some(&column.about)] { (broken(&column.name)) }
                        }
                    }
                }
                tbody {
                    @for (index, row) in table.rows.iter().enumerate() {
                        tr.more[index >= table.shown].chosen[row.is_chosen] { th scope="row" { (row.name) } (cells(&row.cells)) }
                    }
                }
                @if let Some(total) = &table.total {
                    tfoot { tr { th scope="row" { "total" } (cells(total)) } }
                }
            }
        }
    }
}

/// A name that may go on in the next line after each of its words.
fn broken(name: &str) -> Markup {
    html! { @for (place, part) in name.split_inclusive(['.', '_']).enumerate() { @if place > 0 { wbr; } (part) } }
}

fn is_empty(cell: &Cell) -> bool {
    cell.note.is_empty() && matches!(&cell.value, Value::Text(text) if text.is_empty())
}

/// Titles of more characters are set smaller.
const LONG: usize = 60;
/// The width of a page of text, rem.
const PAGE: f64 = 57.5;

/// Whether a table needs more room than text has, by the usual width of characters.
fn is_wide(table: &Table) -> bool {
    // Names have at least seven, as in page.css.
    let (character, small, padding, badge, name, prose) = (0.56, 0.48, 1.0, 2.2, 7.0, 14.0);
    let long = |text: &str, width: f64| text.chars().count() as f64 * width;
    let of_cell = |cell: &Cell| {
        let mark = if cell.tone == Tone::Plain { 0.0 } else { badge };
        (long(&cell.short(), character) + mark).max(long(&cell.interval(), small)).max(long(&cell.note, small))
    };
    let of_column = |(place, column): (usize, &Column)| {
        let head = column.name.split(['.', '_', ' ', '-']).map(|part| long(part, character)).fold(0.0, f64::max);
        let cells = table.rows.iter().filter_map(|row| row.cells.get(place)).map(of_cell).fold(head, f64::max);
        padding + if column.is_text { cells.min(prose) } else { cells }
    };
    let names = table.rows.iter().map(|row| long(&row.name, character)).fold(name, f64::max).min(prose);
    names + padding + table.columns.iter().enumerate().map(of_column).sum::<f64>() > PAGE
}

fn cell(cell: &Cell) -> Markup {
    let badge = match cell.tone {
        Tone::Plain => "",
        Tone::Good => "badge met",
        Tone::Bad => "badge missed",
    };
    let interval = cell.interval();
    html! {
        @if badge.is_empty() { (cell.short()) } @else { span class=(badge) { (mark(cell)) (cell.short()) } }
        @if !interval.is_empty() { " " small { (unbroken(&interval)) } }
        @if !cell.note.is_empty() { " " small { (unbroken(&cell.note)) } }
    }
}

/// What tells good from bad without colours, beside words.
fn mark(cell: &Cell) -> &'static str {
    match (&cell.value, cell.tone) {
        (Value::Text(_), Tone::Good) => "✓ ",
        (Value::Text(_), Tone::Bad) => "✗ ",
        _ => "",
    }
}
