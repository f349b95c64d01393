//! Charts: a description in values, drawn as SVG text.
//!
//! A [`Plot`] has one horizontal axis and one panel or more above it; [`Bars`] has a row for each name. Both are drawn with
//! plotters on a white ground, in colours that colour-blind people can tell apart (Okabe and Ito, "Color Universal
//! Design", 2008) and that differ in brightness or line style for print. The page recolours them for dark screens.

mod axis;
mod bars;
pub(in crate::report) mod canvas;
pub mod compare;
mod distribution;
mod nodes;
pub mod over_load;
pub mod plan;
mod plot;
pub mod run;
pub mod runs;
pub mod system;
mod warm_up;

pub use axis::{Axis, Scale};
pub use bars::{Bars, Row};
pub use plot::{Mark, Panel, Plot, Shape, Tip};

/// Width of a chart in pixels.
pub const WIDTH: f64 = 900.0;
/// Width of the same chart on a phone, where text of a wide one would be too small to read.
pub const NARROW: f64 = 380.0;

/// A finished chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Name of its file, without the extension.
    pub name: &'static str,
    /// What it shows and how to read it, for below the chart.
    pub caption: String,
    /// The picture: one `<svg>` element.
    pub svg: String,
    /// The same for a phone, without the title, which the page shows above it.
    pub narrow: String,
}

impl Drawn {
    /// A chart; `draw` draws it at a width.
    pub(in crate::report) fn new(name: &'static str, caption: impl Into<String>, draw: impl Fn(f64) -> String) -> Self {
        Self { name, caption: caption.into(), svg: draw(WIDTH), narrow: draw(NARROW) }
    }

    /// What one sees, in one sentence, with what XML gives a meaning as references.
    #[must_use]
    pub fn title(&self) -> &str {
        let title = self.svg.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        title.map_or("", |(title, _)| title)
    }

    /// Whether there is anything in it.
    #[must_use]
    pub fn has_data(&self) -> bool {
        !self.svg.contains(canvas::NO_DATA)
    }
}

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// Text and the most important line.
pub const INK: Colour = Colour(0x1A, 0x1A, 0x1A);
/// Text of the second rank.
pub const MUTED: Colour = Colour(0x59, 0x59, 0x59);
/// Lines that help to read values.
pub const GRID: Colour = Colour(0xDD, 0xDD, 0xDD);
/// What charts are drawn on.
pub const GROUND: Colour = Colour(0xFF, 0xFF, 0xFF);
/// Okabe-Ito blue: dark.
pub const BLUE: Colour = Colour(0x00, 0x72, 0xB2);
/// Okabe-Ito sky blue: light.
pub const SKY: Colour = Colour(0x56, 0xB4, 0xE9);
/// Okabe-Ito vermillion: middle.
pub const VERMILLION: Colour = Colour(0xD5, 0x5E, 0x00);
/// Okabe-Ito orange: light.
pub const ORANGE: Colour = Colour(0xE6, 0x9F, 0x00);
/// Okabe-Ito bluish green: middle.
pub const GREEN: Colour = Colour(0x00, 0x9E, 0x73);
/// Okabe-Ito reddish purple: middle.
pub const PURPLE: Colour = Colour(0xCC, 0x79, 0xA7);
/// Okabe-Ito yellow: light.
pub const YELLOW: Colour = Colour(0xF0, 0xE4, 0x42);

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Not at all.
    Solid,
    /// Into dashes.
    Dashed,
    /// Into dots.
    Dotted,
}

/// How a mark is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Its colour.
    pub colour: Colour,
    /// How its line is broken.
    pub dash: Dash,
    /// Width of its line in pixels.
    pub width: f64,
}

impl Style {
    /// A filled area or a bar.
    #[must_use]
    pub const fn fill(colour: Colour) -> Self {
        Self { colour, dash: Dash::Solid, width: 1.0 }
    }

    /// A line.
    #[must_use]
    pub const fn line(colour: Colour, dash: Dash, width: f64) -> Self {
        Self { colour, dash, width }
    }
}
