//! The terminal: the answer first, at most 80 columns wide.

use super::{Block, Cell, Document, Place, Prose, Span, Table, Tone};
use crate::report::format::count;
use crate::report::phrases::sanitize;
use crate::report::text::{GREEN, RED, Text, WIDTH, wrapped};

/// The longest name of a row that is shown whole.
const NAME: usize = 30;
/// A name is cut to this before a column is dropped.
const SHORT_NAME: usize = 18;
/// So is the name of a column.
const SHORT_HEAD: usize = 13;
/// A column of text that is wider than this is prose.
const PROSE: usize = 40;
/// Rows of a table where only the answer is shown.
const ROWS: usize = 20;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The answer.
    Answer,
    /// Everything that has room on a terminal.
    Everything,
}

/// The report as a text of at most 80 columns; `colour` adds ANSI colours.
#[must_use]
pub fn render(document: &Document, detail: Detail, colour: bool) -> String {
    let mut out = Text::new(colour);
    for line in wrapped(&clean(&document.title), WIDTH) {
        out.line(&painted(&out, document.tone, &line, true));
    }
    for line in document.alerts.iter().flat_map(|alert| wrapped(&clean(alert), WIDTH)) {
        out.line(&out.paint(RED, &line));
    }
    for part in &document.answer {
        block(&mut out, part, detail);
    }
    for section in &document.sections {
        let is_shown = |part: &&Block| !matches!(part, Block::Figure(_) | Block::Source(..) | Block::Folded(..));
        let shown: Vec<&Block> = section.blocks.iter().filter(is_shown).collect();
        let is_wanted = match section.place {
            Place::Everywhere => true,
            Place::Detail | Place::Reference => detail == Detail::Everything,
            Place::Page => false,
        };
        if is_wanted && !shown.is_empty() {
            out.line("");
            out.line(&out.bold(&section.title));
            shown.into_iter().for_each(|part| block(&mut out, part, detail));
        }
    }
    out.line("");
    let mut last = format!("{}: {}. {}", document.name, document.extent, document.foot);
    if detail == Detail::Answer {
        last += " More with --verbose.";
    }
    for line in wrapped(&clean(&last), WIDTH) {
        out.line(&out.faint(&line));
    }
    out.finish()
}

fn clean(text: &str) -> String {
    sanitize(text, usize::MAX)
}

fn painted(out: &Text, tone: Tone, text: &str, is_title: bool) -> String {
    match tone {
        Tone::Good => out.paint(GREEN, text),
        Tone::Bad => out.paint(RED, text),
        Tone::Plain if is_title => out.bold(text),
        Tone::Plain => text.to_owned(),
    }
}

fn block(out: &mut Text, block: &Block, detail: Detail) {
    match block {
        Block::Text(text) => wrapped(&clean(&prose(text)), WIDTH).iter().for_each(|line| out.line(line)),
        Block::Note(text) => {
            for line in wrapped(&clean(&prose(text)), WIDTH) {
                out.line(&out.faint(&line));
            }
        }
        Block::List(items) => items.iter().for_each(|item| hanging(out, "  ", &prose(item))),
        Block::Cards(cards) => {
            out.line("");
            let width = cards.iter().map(|card| card.title.chars().count()).max().unwrap_or(0) + 2;
            for card in cards {
                let text = card.figure.clone() + &card.rest();
                let lines = wrapped(&clean(&text), WIDTH - width);
                for (place, line) in lines.iter().enumerate() {
                    let title = if place == 0 { card.title.as_str() } else { "" };
                    out.line(&format!("{title:<width$}{line}"));
                }
            }
        }
        Block::Table(one) => table(out, one, detail),
        Block::Facts(facts) => facts.iter().for_each(|(name, value)| hanging(out, "  ", &format!("{name}: {value}"))),
        Block::Figure(_) | Block::Source(..) | Block::Folded(..) => {}
    }
}

fn prose(prose: &Prose) -> String {
    prose
        .0
        .iter()
        .map(|span| match span {
            Span::Plain(text) | Span::Strong(text) | Span::Code(text) => text.as_str(),
        })
        .collect()
}

/// A paragraph whose second line stands further in.
fn hanging(out: &mut Text, indent: &str, text: &str) {
    for (place, line) in wrapped(&clean(text), WIDTH - indent.len() - 2).iter().enumerate() {
        let hang = if place > 0 { "  " } else { "" };
        out.line(&format!("{indent}{hang}{line}"));
    }
}

/// Where the intervals of a table stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intervals {
    /// Beside the mean.
    Beside,
    /// In a line of their own below it.
    Below,
    /// Nowhere.
    Omitted,
}

/// How the cells of a table are written, from the most that can be said.
#[derive(Clone, Copy)]
struct Layout {
    has_notes: bool,
    intervals: Intervals,
    name: usize,
    head: usize,
    columns: usize,
}

fn table(out: &mut Text, table: &Table, detail: Detail) {
    let most = if detail == Detail::Everything { table.shown.max(ROWS) } else { table.shown.min(ROWS) };
    let rows: Vec<(&str, bool, &[Cell])> = (table.rows.iter().take(most))
        .map(|row| (row.name.as_str(), row.is_chosen, &row.cells[..]))
        .chain(table.total.iter().map(|cells| ("total", false, &cells[..])))
        .collect();
    let longest = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let name = longest.max(table.rows_are.chars().count());
    let all = table.columns.len();
    let widest =
        Layout { has_notes: true, intervals: Intervals::Beside, name: name.min(NAME), head: usize::MAX, columns: all };
    let plain = Layout { has_notes: false, ..widest };
    let short = Layout { intervals: Intervals::Omitted, ..plain };
    let shorter = Layout { head: SHORT_HEAD, ..short };
    let shortest = Layout { name: name.min(SHORT_NAME), ..shorter };
    // A last column of prose is dropped before names are cut.
    let is_prose = |column: usize| {
        let cells = rows.iter().filter_map(|(.., cells)| cells.get(column));
        table.columns[column].is_text && cells.map(|cell| cell.long().chars().count()).max() > Some(PROSE)
    };
    let columns = (0..all).rev().find(|column| !is_prose(*column)).map_or(all, |last| last + 1);
    let without_prose = Layout { columns, ..plain };
    // Where one row, or one column of rows without a heading, is recommended, how sure that is says more than the last column.
    let is_choice = table.rows_are.is_empty() || rows.iter().any(|(_, is_chosen, _)| *is_chosen);
    let below = [short, shorter, shortest].into_iter();
    let fewer = (1.max(all.saturating_sub(1))..all).rev().map(|columns| Layout { columns, ..shortest });
    let below = below.chain(fewer).map(|layout| Layout { intervals: Intervals::Below, ..layout });
    let below = below.filter(|_| is_choice);
    let layouts = [widest, plain, without_prose].into_iter().chain(below).chain([short, shorter, shortest]);
    let narrower = (1..all).rev().map(|columns| Layout { columns, ..shortest });
    let widths = |layout: Layout| -> Vec<usize> {
        let widest = |column: usize| {
            let cells = rows.iter().filter_map(|(.., cells)| cells.get(column));
            let lines = cells.map(|cell| (text_of(cell, layout), interval_below(cell, layout)));
            let widest = lines.map(|(mean, half)| mean.chars().count().max(half.chars().count())).max().unwrap_or(0);
            widest.max(table.columns[column].name.chars().count().min(layout.head))
        };
        (0..layout.columns).map(widest).collect()
    };
    // Two columns are for the mark of what is chosen.
    let fits =
        |layout: &Layout| 2 + layout.name + widths(*layout).iter().map(|width| width + 2).sum::<usize>() <= WIDTH;
    let least = Layout { columns: 1.min(all), ..shortest };
    let layout = layouts.chain(narrower).find(fits).unwrap_or(least);
    let widths = widths(layout);

    out.line("");
    if !table.caption.is_empty() {
        for line in wrapped(&clean(&table.caption), WIDTH) {
            out.line(&out.faint(&line));
        }
    }
    let name_width = layout.name;
    let mut head = format!("  {:<name_width$}", table.rows_are);
    for (column, width) in table.columns.iter().zip(&widths) {
        head += &aligned(&sanitize(&column.name, *width), column.is_text, *width);
    }
    out.line(&out.bold(&head));
    for (name, is_chosen, cells) in &rows {
        let name = sanitize(name, name_width);
        let mark = if *is_chosen { "> " } else { "  " };
        let mut line = format!("{mark}{name:<name_width$}");
        for ((column, width), cell) in table.columns.iter().zip(&widths).zip(*cells) {
            let text = aligned(&sanitize(&text_of(cell, layout), usize::MAX), column.is_text, *width);
            line += &painted(out, cell.tone, &text, false);
        }
        out.line(&line);
        let halves: Vec<String> = cells.iter().take(layout.columns).map(|cell| interval_below(cell, layout)).collect();
        if halves.iter().any(|half| !half.is_empty()) {
            let columns = table.columns.iter().zip(&widths).zip(&halves);
            let below: String = columns.map(|((column, width), half)| aligned(half, column.is_text, *width)).collect();
            out.line(&out.faint(format!("  {:<name_width$}{below}", "").trim_end()));
        }
    }
    let mut left_out = Vec::new();
    if table.rows.len() > most {
        left_out.push(format!("{} more rows", count((table.rows.len() - most) as f64)));
    }
    if layout.columns < all {
        let names: Vec<&str> = table.columns[layout.columns..].iter().map(|column| column.name.as_str()).collect();
        left_out.push(names.join(", "));
    }
    if !left_out.is_empty() {
        for line in wrapped(&format!("  Also in the report: {}.", clean(&left_out.join("; "))), WIDTH) {
            out.line(&out.faint(&line));
        }
    }
}

fn text_of(cell: &Cell, layout: Layout) -> String {
    let text = if layout.intervals == Intervals::Beside { cell.long() } else { cell.short() };
    if layout.has_notes && !cell.note.is_empty() { format!("{text} {}", cell.note) } else { text }
}

/// What stands below the mean of a cell; may be empty.
fn interval_below(cell: &Cell, layout: Layout) -> String {
    if layout.intervals == Intervals::Below { cell.interval() } else { String::new() }
}

fn aligned(text: &str, is_text: bool, width: usize) -> String {
    if is_text { format!("  {text:<width$}") } else { format!("  {text:>width$}") }
}
