//! Markdown, for pull requests and tickets.

use std::fmt::Write as _;

use super::{Block, Cell, Document, Place, Prose, Span, Table, Tone};
use crate::report::format::count;
use crate::report::phrases::is_bidi_control;

/// Identifies a text of forewarm, which may be overwritten. It does not show.
pub const MARK: &str = "<!-- forewarm report -->";

/// The report; `command` made it.
#[must_use]
pub fn render(document: &Document, command: &str) -> String {
    let mut text = format!("{MARK}\n# {}\n\n", plain(&document.title));
    for alert in &document.alerts {
        let _ = writeln!(text, "**{}**\n", plain(alert));
    }
    let _ = writeln!(text, "forewarm {}, **{}**: {}.\n", document.kind, plain(&document.name), plain(&document.extent));
    for part in &document.answer {
        block(&mut text, part);
    }
    for section in &document.sections {
        let is_shown = |part: &&Block| !matches!(part, Block::Figure(_) | Block::Source(..) | Block::Folded(..));
        let shown: Vec<&Block> = section.blocks.iter().filter(is_shown).collect();
        if shown.is_empty() || matches!(section.place, Place::Page | Place::Reference) {
            continue;
        }
        let _ = writeln!(text, "## {}\n", plain(&section.title));
        shown.into_iter().for_each(|part| block(&mut text, part));
    }
    let _ = writeln!(
        text,
        "{} `{}`",
        plain(&document.foot),
        command.replace('`', "'").replace(|c: char| c.is_control() || is_bidi_control(c), " ")
    );
    text
}

fn block(out: &mut String, block: &Block) {
    let _ = match block {
        Block::Text(text) | Block::Note(text) => writeln!(out, "{}\n", prose(text)),
        Block::List(items) => {
            items.iter().for_each(|item| *out += &format!("- {}\n", prose(item)));
            writeln!(out)
        }
        Block::Cards(cards) => {
            for card in cards {
                let (title, figure, rest) = (plain(&card.title), plain(&card.figure), plain(&card.rest()));
                *out += &format!("- {title}: **{figure}**{rest}\n");
            }
            writeln!(out)
        }
        Block::Table(one) => {
            table(out, one);
            Ok(())
        }
        Block::Facts(facts) => {
            facts.iter().for_each(|(name, value)| *out += &format!("- {}: {}\n", plain(name), plain(value)));
            writeln!(out)
        }
        Block::Figure(_) | Block::Source(..) | Block::Folded(..) => Ok(()),
    };
}

fn prose(prose: &Prose) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => plain(text),
        Span::Strong(text) => format!("**{}**", plain(text)),
        Span::Code(text) => plain(text),
    };
    prose.0.iter().map(span).collect()
}

/// A table, its columns as wide as they need to be, so that it can be read as it stands.
fn table(out: &mut String, table: &Table) {
    let head: Vec<String> = [table.rows_are]
        .into_iter()
        .chain(table.columns.iter().map(|column| column.name.as_str()))
        .map(plain)
        .collect();
    let line = |name: String, cells: &[Cell]| [name].into_iter().chain(cells.iter().map(cell)).collect::<Vec<_>>();
    let mut rows: Vec<Vec<String>> = (table.rows.iter().take(table.shown))
        .map(|row| {
            let name = plain(&row.name);
            line(if row.is_chosen { format!("**{name}**") } else { name }, &row.cells)
        })
        .collect();
    rows.extend(table.total.as_ref().map(|cells| line("**total**".to_owned(), cells)));
    let widest = |column: usize| {
        let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(widest).collect();
    let written = |cells: &[String]| {
        let cells = widths.iter().zip(cells).map(|(width, cell)| format!(" {cell:<width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let is_text = |column: usize| column == 0 || table.columns[column - 1].is_text;
    let rule = widths.iter().enumerate().map(|(column, width)| match is_text(column) {
        true => format!(" {} |", "-".repeat(*width)),
        false => format!(" {}: |", "-".repeat(width - 1)),
    });
    *out += &format!(
        "{}|{}\n{}\n",
        written(&head),
        rule.collect::<String>(),
        rows.iter().map(|row| written(row)).collect::<String>()
    );
    if table.rows.len() > table.shown {
        let (some, all) = (count(table.shown as f64), count(table.rows.len() as f64));
        *out += &format!("The first {some} of {all}.\n\n");
    }
}

fn cell(cell: &Cell) -> String {
    let text = plain(&cell.long());
    let text = if cell.tone == Tone::Bad { format!("**{text}**") } else { text };
    if cell.note.is_empty() { text } else { format!("{text} ({})", plain(&cell.note)) }
}

/// A name as text: what Markdown or HTML would take for markup is escaped.
pub(in crate::report) fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '_' if inside => escaped.push('_'),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '>' | '|' | '~' | '#' | '$' | '!' => escaped.extend(['\\', c]),
            c if c.is_whitespace() => escaped.push(' '),
            c if c.is_control() || is_bidi_control(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}
