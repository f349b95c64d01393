//! Drawing with plotters into SVG text. Positions are in pixels from the upper left corner.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Colour, Dash, GROUND, INK, MUTED, Style, WIDTH};
use crate::report::phrases::{escape, sanitize};

/// plotters draws on whole numbers: this many of them make one pixel.
const SUB: f64 = 4.0;
/// plotters divides the size of text by this.
const FONT: f64 = 1.24;

/// Where text stands relative to its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Side {
    /// The text begins there.
    Start,
    /// The text has its middle there.
    Middle,
    /// The text ends there.
    End,
}

/// Something to draw on.
pub(in crate::report) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Below the title of a picture.
pub(in crate::report) const TITLE: f64 = 40.0;
/// Text of axes, legends and labels.
pub(in crate::report) const SMALL: f64 = 13.0;
/// The height of a picture without data.
const EMPTY: f64 = 160.0;

/// Whether a picture is one for a phone.
pub(in crate::report) fn is_narrow(width: f64) -> bool {
    width < WIDTH
}

/// Where a picture of a width begins below its title, which a narrow one does not have.
pub(in crate::report) fn top(width: f64) -> f64 {
    if is_narrow(width) { 4.0 } else { TITLE }
}

/// A picture with a title, a description for those who do not see it, and `overlay` (SVG) on top.
pub(in crate::report) fn picture(
    (width, height): (f64, f64),
    title: &str,
    description: &str,
    overlay: &str,
    draw: impl FnOnce(&Canvas<'_>),
) -> String {
    let body = layer((width, height), |canvas| {
        canvas.rect((0.0, 0.0), (width, height), GROUND);
        if !is_narrow(width) {
            canvas.title(title);
        }
        draw(canvas);
    });
    let (right, bottom) = size((width, height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {right} \
         {bottom}\">\n<title>{}</title>\n<desc>{}</desc>{body}{overlay}</svg>\n",
        escape(title),
        escape(description),
    )
}

/// How a picture without data describes itself.
pub(super) const NO_DATA: &str = "<desc>Nothing to show.</desc>";

/// What stands where there is no data.
pub(super) fn empty(title: &str, width: f64) -> String {
    picture((width, EMPTY), title, "Nothing to show.", "", |canvas| {
        let middle = (width / 2.0, EMPTY / 2.0 + 12.0);
        canvas.text("Nothing to show", middle, Side::Middle, 15.0, MUTED);
    })
}

/// What is drawn on a picture, as SVG elements without the `<svg>` around them.
pub(super) fn layer(extent: (f64, f64), draw: impl FnOnce(&Canvas<'_>)) -> String {
    let mut text = String::new();
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut text, size(extent)).into_drawing_area() };
        draw(&canvas);
        canvas.area.present().expect("writing to memory cannot fail");
    }
    // The head of plotters has neither a role nor a name.
    text.split_once('>').map_or("", |(_, body)| body.trim_end().trim_end_matches("</svg>")).to_owned()
}

fn size((width, height): (f64, f64)) -> (u32, u32) {
    ((width * SUB) as u32, (height * SUB) as u32)
}

/// A part of the picture with its own edges, beyond which the page cuts off what it has moved there.
pub(super) fn window((left, top): (f64, f64), (right, bottom): (f64, f64), inside: &str) -> String {
    let [x, y, width, height] = [left, top, right - left, bottom - top].map(sub);
    format!(
        "<svg class=\"marks\" overflow=\"visible\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" viewBox=\"{x} {y} \
         {width} {height}\">{inside}</svg>\n"
    )
}

/// Lines that are broken as `style` says. Lines drawn in pieces would be several times as long a text.
pub(super) fn dashed(style: Style, inside: &str) -> String {
    let (line, gap) = match style.dash {
        Dash::Solid => return inside.to_owned(),
        Dash::Dashed => (7.0, 4.0),
        Dash::Dotted => (2.0, 3.0),
    };
    format!("<g stroke-dasharray=\"{} {}\">{inside}</g>\n", sub(line), sub(gap))
}

/// Text that can be read across lines.
pub(super) fn haloed(inside: &str) -> String {
    let width = sub(3.0);
    format!(
        "<g stroke=\"#FFFFFF\" stroke-width=\"{width}\" stroke-linejoin=\"round\" paint-order=\"stroke\">{inside}</g>\n"
    )
}

/// What belongs to the place `x` and keeps its size when the page zooms.
pub(super) fn anchored(x: f64, inside: &str) -> String {
    format!("<g data-x=\"{}\">{inside}</g>\n", sub(x))
}

/// Pixels in the units of the picture.
pub(super) fn sub(pixels: f64) -> f64 {
    (pixels * SUB).round()
}

/// A transparent rectangle that shows `text` when the pointer rests on it.
pub(in crate::report) fn tip((left, top): (f64, f64), (right, bottom): (f64, f64), text: &str) -> String {
    let [x, y, width, height] = [left, top, right - left, bottom - top].map(sub);
    let text = escape(text);
    format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"><title>{text}</title></rect>\n")
}

/// The group in which tips stand.
pub(in crate::report) fn tips(rects: &str) -> String {
    if rects.is_empty() { String::new() } else { format!("<g class=\"tips\" fill-opacity=\"0\">\n{rects}</g>\n") }
}

/// How wide a text will be, roughly: fonts differ.
pub(in crate::report) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.58
}

impl Canvas<'_> {
    /// A line through points.
    pub(in crate::report) fn line(&self, points: &[(f64, f64)], style: Style) {
        let points: Vec<(i32, i32)> = points.iter().map(|point| grid(*point)).collect();
        let stroke = rgb(style.colour).stroke_width((style.width * SUB) as u32);
        let drawn = match style.dash {
            Dash::Solid => self.area.draw(&PathElement::new(points, stroke)),
            Dash::Dashed => self.area.draw(&DashedPathElement::new(points, 7 * SUB as i32, 4 * SUB as i32, stroke)),
            Dash::Dotted => self.area.draw(&DashedPathElement::new(points, 2 * SUB as i32, 3 * SUB as i32, stroke)),
        };
        drawn.expect("writing to memory cannot fail");
    }

    /// A filled polygon.
    pub(in crate::report) fn area(&self, points: &[(f64, f64)], colour: Colour) {
        let points: Vec<(i32, i32)> = points.iter().map(|point| grid(*point)).collect();
        self.area.draw(&Polygon::new(points, rgb(colour))).expect("writing to memory cannot fail");
    }

    /// A filled rectangle.
    pub(in crate::report) fn rect(&self, from: (f64, f64), to: (f64, f64), colour: Colour) {
        let rect = Rectangle::new([grid(from), grid(to)], rgb(colour).filled());
        self.area.draw(&rect).expect("writing to memory cannot fail");
    }

    /// A dot with a radius of a few pixels.
    pub(in crate::report) fn dot(&self, at: (f64, f64), radius: f64, colour: Colour) {
        let circle = Circle::new(grid(at), (radius * SUB) as i32, rgb(colour).filled());
        self.area.draw(&circle).expect("writing to memory cannot fail");
    }

    /// Text of `size` pixels, vertically in the middle of its position.
    pub(in crate::report) fn text(&self, text: &str, at: (f64, f64), side: Side, size: f64, colour: Colour) {
        self.write(text, at, side, &("sans-serif", size * SUB * FONT).into_font(), colour);
    }

    fn title(&self, text: &str) {
        let font = ("sans-serif", 17.0 * SUB * FONT).into_font().style(FontStyle::Bold);
        self.write(&sanitize(text, 92), (12.0, 20.0), Side::Start, &font, INK);
    }

    fn write(&self, text: &str, at: (f64, f64), side: Side, font: &FontDesc<'_>, colour: Colour) {
        let hpos = match side {
            Side::Start => HPos::Left,
            Side::Middle => HPos::Center,
            Side::End => HPos::Right,
        };
        let style = font.color(&rgb(colour)).pos(Pos::new(hpos, VPos::Center));
        self.area.draw(&Text::new(sanitize(text, 400), grid(at), style)).expect("writing to memory cannot fail");
    }
}

fn rgb(Colour(red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

fn grid((x, y): (f64, f64)) -> (i32, i32) {
    (sub(x) as i32, sub(y) as i32)
}
