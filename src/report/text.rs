//! Lines of text for a terminal, with colours or without.

/// How wide a line may be.
pub(super) const WIDTH: usize = 80;
/// Good.
pub(super) const GREEN: &str = "1;32";
/// Bad.
pub(super) const RED: &str = "1;31";

/// The text so far, and whether it has colours.
pub(super) struct Text {
    text: String,
    colour: bool,
}

impl Text {
    /// Nothing yet; `colour` adds ANSI colours.
    pub(super) fn new(colour: bool) -> Self {
        Self { text: String::new(), colour }
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Text in a colour.
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Text that stands out.
    pub(super) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Text that steps back.
    pub(super) fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// What stays on the line of the number before it.
const UNITS: [&str; 10] = ["%", "%,", "%;", "%.", "ms", "µs", "s", "min", "h", "pp"];

/// A text in lines of so many characters at most, unless a word is longer. A number keeps its unit and its interval.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut() {
            Some(last) if UNITS.contains(&word) || word == "±" || last.ends_with('±') => *last += &format!(" {word}"),
            _ => words.push(word.to_owned()),
        }
    }
    let mut lines = vec![String::new()];
    for word in words {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > width {
            lines.push(word);
        } else {
            let gap = if lines[last].is_empty() { "" } else { " " };
            lines[last] += gap;
            lines[last] += &word;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_unit_and_its_interval() {
        assert_eq!(wrapped("failed 0.52 %. Of all", 12), ["failed", "0.52 %. Of", "all"]);
        assert_eq!(wrapped("cost $4.029 ± 0.049 ms a month", 14), ["cost", "$4.029 ± 0.049 ms", "a month"]);
    }
}
