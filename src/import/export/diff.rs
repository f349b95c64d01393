//! A unified diff of a file.

use std::fmt::Write as _;

/// Lines of context of a diff.
const CONTEXT: usize = 3;

/// What stands below a line that ends with its file.
const NO_NEWLINE: &str = "\\ No newline at end of file\n";

/// One line in place of another, or before it.
pub(super) struct Edit {
    /// The number of the line, from 0.
    pub(super) line: usize,
    /// Whether it is replaced.
    pub(super) replaces: bool,
    pub(super) new: Vec<String>,
}

/// A unified diff of a file.
pub(super) fn diff(name: &str, text: &str, mut edits: Vec<Edit>) -> String {
    if edits.is_empty() {
        return String::new();
    }
    edits.sort_by_key(|edit| edit.line);
    let lines: Vec<&str> = text.split('\n').collect();
    // A text that ends with a newline has no line after it.
    let count = if text.ends_with('\n') { lines.len() - 1 } else { lines.len() };
    // Lines that are added end as the others do.
    let ending = if text.contains("\r\n") { "\r" } else { "" };
    let name = name.trim_start_matches("./").replace('\\', "/");
    let mut out = format!("--- a/{name}\n+++ b/{name}\n");
    let (mut place, mut shift) = (0, 0_isize);
    while place < edits.len() {
        // Edits whose context meets are one hunk.
        let mut end = place + 1;
        while end < edits.len() && edits[end].line <= edits[end - 1].line + 2 * CONTEXT {
            end += 1;
        }
        let from = edits[place].line.saturating_sub(CONTEXT);
        let to = (edits[end - 1].line + 1 + CONTEXT).min(count);
        let (mut body, mut old, mut new) = (String::new(), 0, 0);
        let mut next = place;
        for (number, line) in lines.iter().enumerate().take(to).skip(from) {
            let mut is_gone = false;
            let is_open = number + 1 == count && !text.ends_with('\n');
            let (mut gone, mut added) = (String::new(), String::new());
            while next < end && edits[next].line == number {
                is_gone |= edits[next].replaces;
                for line in &edits[next].new {
                    let _ = writeln!(added, "+{}{ending}", line.trim_end_matches('\r'));
                    new += 1;
                }
                next += 1;
            }
            if is_gone {
                let _ = writeln!(gone, "-{line}");
                old += 1;
                if is_open {
                    gone.push_str(NO_NEWLINE);
                    // The last line ends without one, in its new form too.
                    added.truncate(added.trim_end_matches(['\r', '\n']).len());
                    added.push('\n');
                }
                let _ = write!(body, "{gone}{added}");
            } else {
                let _ = write!(body, "{added}");
                let _ = writeln!(body, " {line}");
                old += 1;
                new += 1;
            }
            if is_open && !(is_gone && added.trim().is_empty()) {
                body.push_str(NO_NEWLINE);
            }
        }
        let first = |at: usize, length: usize| if length == 0 { at } else { at + 1 };
        let _ =
            writeln!(out, "@@ -{},{old} +{},{new} @@", first(from, old), first(from.saturating_add_signed(shift), new));
        out.push_str(&body);
        shift += new as isize - old as isize;
        place = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_the_file_has_them() {
        let change = |line, replaces| vec![Edit { line, replaces, new: vec!["new".to_owned()] }];
        let at = "--- a/f\n+++ b/f\n@@ -1,2 +1,";
        let none = "\\ No newline at end of file\n";
        assert_eq!(diff("f", "a\r\nb\r\n", change(1, false)), format!("{at}3 @@\n a\r\n+new\r\n b\r\n"));
        assert_eq!(diff("f", "a\r\nb\r\n", change(0, true)), format!("{at}2 @@\n-a\r\n+new\r\n b\r\n"));
        assert_eq!(diff("f", "a\nb", change(1, true)), format!("{at}2 @@\n a\n-b\n{none}+new\n{none}"));
        assert_eq!(diff("f", "a\r\nb", change(1, true)), format!("{at}2 @@\n a\r\n-b\n{none}+new\n{none}"));
        assert_eq!(diff("f", "a\nb", change(1, false)), format!("{at}3 @@\n a\n+new\n b\n{none}"));
    }
}
