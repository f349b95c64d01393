//! The shell that all pages share: one file, no network, light and dark, for screen, paper and screen readers.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use sha2::{Digest as _, Sha256};

use super::chart::Drawn;
use super::wording::turns;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing may be loaded from anywhere, and nothing may run or give style but what is written here.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    format!("default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:")
});

/// By this a page is known as one of ours, which may be written over.
pub const GENERATOR: &str = concat!("forewarm ", env!("CARGO_PKG_VERSION"));

/// A part of a page with a heading, reachable from the navigation.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its anchor.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What stands below the heading.
    pub body: Markup,
}

/// A whole page: `top` is the first screen, the sections follow.
#[must_use]
pub fn render(title: &str, top: &Markup, sections: &[Section], foot: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(*POLICY);
                meta name="generator" content=(GENERATOR);
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the answer" }
                main id="main" {
                    (top)
                    nav aria-label="Parts of this report" {
                        ul { @for section in sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                    @for section in sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer { p { (foot) } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    // A name may be written from right to left, but must not turn what stands behind it.
    page.into_string().replace(turns, "\u{fffd}")
}

/// The same page for paper: light, everything unfolded, each part on a new sheet, nothing to click.
#[must_use]
pub fn for_paper(page: &str) -> String {
    // Names are escaped, so that these words can be our own only.
    let (head, script) = page.rsplit_once("<script>").unwrap_or((page, ""));
    let end = script.split_once("</script>").map_or("", |(_, end)| end);
    let head = head.replacen("<html lang=\"en\">", "<html lang=\"en\" class=\"paper\">", 1);
    head.replacen("content=\"light dark\"", "content=\"light\"", 1).replace("<details>", "<details open>") + end
}

/// A chart with its caption. The picture scrolls sideways where the screen is too narrow to read it.
#[must_use]
pub fn figure(chart: &Drawn) -> Markup {
    html! {
        figure id={ "chart-" (chart.name) } {
            div.scroll tabindex="0" role="group" aria-label={ "Chart: " (chart.name) } { (PreEscaped(&chart.svg)) }
            figcaption { (chart.caption) }
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// What the heading means, shown when the pointer rests on it.
    pub about: &'static str,
}

/// A cell with a number.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The number as people read it.
    pub text: String,
    /// Half of its interval as people read it; may be empty.
    pub half_width: String,
    /// What the column is sorted by.
    pub value: f64,
}

/// A table whose rows have a name and numbers, sortable in the browser. The first `shown` rows are shown at first.
#[must_use]
pub fn table(
    caption: &str,
    first: &str,
    columns: &[Column],
    rows: &[(String, Vec<Cell>)],
    total: Option<&[Cell]>,
    shown: usize,
) -> Markup {
    let cells = |cells: &[Cell]| {
        html! {
            @for cell in cells {
                td data-v=[cell.value.is_finite().then_some(cell.value)] {
                    (cell.text)
                    @if !cell.half_width.is_empty() { " " small { (cell.half_width) } }
                }
            }
        }
    };
    html! {
        div.scroll tabindex="0" role="group" aria-label=(caption) {
            table.sortable data-shown=(shown) {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { (first) }
                        @for column in columns { th scope="col" title=(column.about) { (column.name) } }
                    }
                }
                tbody {
                    @for (index, (name, row)) in rows.iter().enumerate() {
                        tr.more[index >= shown] { th scope="row" { (name) } (cells(row)) }
                    }
                }
                @if let Some(total) = total {
                    tfoot { tr { th scope="row" { "total" } (cells(total)) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{chart, html as pages, sample};

    /// Names that would be markup, end a script, leave an attribute or turn the text.
    const NAMES: [&str; 6] = [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "\" onfocus=alert(1) x=\"",
        "]]></title></desc><a href='javascript:alert(1)'>",
        "\u{202e}txet denrut",
        "{{name}} ${name} `name` \u{0} &lt;b&gt; \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    ];

    #[test]
    fn no_name_becomes_markup() {
        let long = "x".repeat(5_000);
        for name in NAMES.iter().copied().chain([long.as_str()]) {
            let mut result = sample::result(2, 12);
            result.summary.scenario.name = name.into();
            result.summary.functions[0].0 = name.into();
            result.summary.objectives[0].asked.function = Some(name.into());
            result.summary.objectives[0].asked.metric = Some(name.into());
            result.summary.limits[0].function = name.into();
            result.limit_lines[0].0 = name.into();
            let mut manifest = sample::manifest();
            (manifest.command, manifest.scenario) = (name.into(), name.into());
            let page = pages::render(&result, &manifest, &chart::run::charts(&result));
            let plain =
                pages::render(&sample::result(2, 12), &sample::manifest(), &chart::run::charts(&sample::result(2, 12)));
            let tags = |page: &str, tag: &str| page.matches(tag).count();
            for tag in ["<script", "</script", "<img", "<a ", "<title", "</title", "</desc", "<b>", "<rect", "<text"] {
                assert_eq!(tags(&page, tag), tags(&plain, tag), "{tag} with {name}");
            }
            assert!(
                !page.contains("\" onfocus") && !page.contains('\u{202e}') && !for_paper(&page).contains("<script")
            );
        }
    }

    #[test]
    fn paper_is_light_and_unfolded() {
        let page = pages::run(&sample::result(3, 12), &sample::manifest());
        let paper = for_paper(&page);
        assert!(paper.contains("class=\"paper\"") && paper.contains("content=\"light\"") && paper.ends_with("</html>"));
        assert!(!paper.contains("<script") && !paper.contains("<details>") && paper.contains("<details open>"));
    }
}
