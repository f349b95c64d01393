//! A report as values: headings, paragraphs, cards, tables with typed cells and figures. Each kind of result builds one, and
//! three back ends write it: [`html`], [`markdown`] and [`terminal`].

pub mod html;
pub mod markdown;
pub mod terminal;

use super::chart::Drawn;
use super::format::Quantity;
use crate::measure::summary::Stat;

/// A whole report.
#[derive(Clone, Debug)]
pub struct Document {
    /// What kind of result it is about, as in `run`.
    pub kind: &'static str,
    /// What it is about: the name of the scenario.
    pub name: String,
    /// The answer in one line.
    pub title: String,
    /// Whether that is good.
    pub tone: Tone,
    /// What must not be overlooked, in red.
    pub alerts: Vec<String>,
    /// How much was simulated.
    pub extent: String,
    /// What belongs on the first screen.
    pub answer: Vec<Block>,
    /// Everything else.
    pub sections: Vec<Section>,
    /// The last line: how sure the numbers are.
    pub foot: String,
}

impl Document {
    /// All figures, in their order.
    pub fn figures(&self) -> impl Iterator<Item = &Drawn> {
        let blocks = self.answer.iter().chain(self.sections.iter().flat_map(|section| &section.blocks));
        blocks.filter_map(|block| match block {
            Block::Figure(chart) => Some(chart),
            _ => None,
        })
    }
}

/// Whether something is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// Good.
    Good,
    /// Bad.
    Bad,
}

impl Tone {
    /// Good if it is met.
    #[must_use]
    pub const fn of(is_met: bool) -> Self {
        if is_met { Self::Good } else { Self::Bad }
    }
}

/// A part with a heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its anchor.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// Where it is shown.
    pub place: Place,
    /// What stands below the heading.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section.
    pub fn new(id: &'static str, title: impl Into<String>, place: Place, blocks: Vec<Block>) -> Self {
        Self { id, title: title.into(), place, blocks }
    }
}

/// Where a section is shown: everywhere includes a pull request and the few lines of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Everywhere.
    Everywhere,
    /// Not on the terminal unless everything is asked for.
    Detail,
    /// On the page, and on the terminal if everything is asked for, but not in Markdown.
    Reference,
    /// On the page only.
    Page,
}

/// A part of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A paragraph.
    Text(Prose),
    /// A paragraph of the second rank.
    Note(Prose),
    /// A list.
    List(Vec<Prose>),
    /// Cards beside each other.
    Cards(Vec<Card>),
    /// A table.
    Table(Table),
    /// A chart.
    Figure(Drawn),
    /// Names and what they stand for.
    Facts(Vec<(String, String)>),
    /// A text as it stands, folded away below its name.
    Source(String, String),
    /// A table that is folded away below its name.
    Folded(String, Table),
}

/// A text of a few kinds of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose(pub Vec<Span>);

/// Words of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// As they are.
    Plain(String),
    /// Important.
    Strong(String),
    /// As typed.
    Code(String),
}

impl Prose {
    /// With more words.
    #[must_use]
    pub fn plain(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Plain(text.into()));
        self
    }

    /// With important words.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong(text.into()));
        self
    }

    /// With words as typed.
    #[must_use]
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Code(text.into()));
        self
    }
}

impl<T: Into<String>> From<T> for Prose {
    fn from(text: T) -> Self {
        Self::default().plain(text)
    }
}

/// A number that people look for first.
#[derive(Clone, Debug)]
pub struct Card {
    /// What it is.
    pub title: String,
    /// The number, or a few words.
    pub figure: String,
    /// More about it.
    pub lines: Vec<String>,
}

impl Card {
    /// A card.
    pub fn new(title: impl Into<String>, figure: impl Into<String>, lines: impl IntoIterator<Item = String>) -> Self {
        Self { title: title.into(), figure: figure.into(), lines: lines.into_iter().collect() }
    }

    /// The lines as text that follows the figure: a line that starts with a capital is a sentence.
    fn rest(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text += if line.starts_with(char::is_uppercase) { ". " } else { "; " };
            text += line.trim_end_matches('.');
        }
        text
    }
}

/// A table: each row has a name and a cell for each column. Columns are in the order of their importance: what is too narrow
/// drops the last.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it shows; may be empty.
    pub caption: String,
    /// What the rows are.
    pub rows_are: &'static str,
    /// The columns after the names.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// All rows together.
    pub total: Option<Vec<Cell>>,
    /// How many rows are shown before all are asked for.
    pub shown: usize,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// What the heading means; may be empty.
    pub about: String,
    /// Whether it has words and no numbers.
    pub is_text: bool,
}

impl Column {
    /// A column of numbers.
    pub fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { name: name.into(), about: about.into(), is_text: false }
    }

    /// A column of words.
    pub fn text(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { is_text: true, ..Self::new(name, about) }
    }
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Whether it is the one to take.
    pub is_chosen: bool,
    /// A cell for each column.
    pub cells: Vec<Cell>,
}

impl Row {
    /// A row.
    pub fn new(name: impl Into<String>, cells: Vec<Cell>) -> Self {
        Self { name: name.into(), is_chosen: false, cells }
    }
}

/// A cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What is in it.
    pub value: Value,
    /// Whether that is good.
    pub tone: Tone,
    /// What is said beside it where there is room; may be empty.
    pub note: String,
}

/// What is in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A mean with its interval.
    Stat(Quantity, Stat),
    /// A mean with the range that holds the true one.
    Range(Quantity, Option<f64>, Option<(f64, f64)>),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { value: Value::Text(text.into()), tone: Tone::Plain, note: String::new() }
    }

    /// Words that are good or bad.
    pub fn badge(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, ..Self::text(text) }
    }

    /// A mean with its interval.
    #[must_use]
    pub fn stat(quantity: Quantity, stat: Stat) -> Self {
        Self { value: Value::Stat(quantity, stat), ..Self::text("") }
    }

    /// A mean with the range that holds the true one.
    #[must_use]
    pub fn range(quantity: Quantity, mean: Option<f64>, low: Option<f64>, high: Option<f64>) -> Self {
        Self { value: Value::Range(quantity, mean, low.zip(high)), ..Self::text("") }
    }

    /// The same with a tone.
    #[must_use]
    pub const fn toned(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// The same with something beside it.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// What it is sorted by; none for words.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        let mean = match &self.value {
            Value::Text(_) => None,
            Value::Stat(_, stat) => Some(stat.mean),
            Value::Range(_, mean, _) => *mean,
        };
        mean.filter(|mean| mean.is_finite())
    }

    /// Without its interval: `612 ms`.
    #[must_use]
    pub fn short(&self) -> String {
        match &self.value {
            Value::Text(text) => text.clone(),
            Value::Stat(quantity, stat) => quantity.text(stat.mean),
            Value::Range(quantity, mean, _) => quantity.text(mean.unwrap_or(f64::NAN)),
        }
    }

    /// Its interval alone: `± 14 ms`, `$12.10 to $12.70`; empty if there is none.
    #[must_use]
    pub fn interval(&self) -> String {
        match &self.value {
            Value::Text(_) | Value::Range(_, _, None) => String::new(),
            Value::Stat(quantity, stat) => quantity.interval(stat),
            Value::Range(quantity, _, Some((low, high))) => quantity.range(*low, *high),
        }
    }

    /// With its interval: `612 ± 14 ms`, `612 ms (598 ms to 626 ms)`.
    #[must_use]
    pub fn long(&self) -> String {
        match &self.value {
            Value::Text(text) => text.clone(),
            Value::Stat(quantity, stat) => quantity.stat(stat),
            Value::Range(..) => match self.interval() {
                interval if interval.is_empty() => self.short(),
                interval => format!("{} ({interval})", self.short()),
            },
        }
    }
}
