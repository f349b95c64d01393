//! A unified diff of a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

/// Lines of context of a diff.
const CONTEXT: usize = 3;

/// What stands below a line that ends with its file.
const NO_NEWLINE: &str = "\\ No newline at end of file\n";

/// A change of a text.
pub(super) enum Edit {
    /// Bytes of one line become others.
    Replace(Range<usize>, String),
    /// Lines come before the line of a number, from 0.
    Insert(usize, Vec<String>),
    /// The line of a number goes, from 0.
    Remove(usize),
}

/// What becomes of a line.
#[derive(Default)]
struct Line {
    before: Vec<String>,
    /// What it becomes; none if it stays as it is.
    new: Option<Vec<String>>,
}

/// The lines that change. Edits of the same bytes are one.
fn changed(text: &str, edits: Vec<Edit>) -> BTreeMap<usize, Line> {
    let mut lines: BTreeMap<usize, Line> = BTreeMap::new();
    let mut replaced: BTreeMap<usize, (Range<usize>, String)> = BTreeMap::new();
    for edit in edits {
        match edit {
            Edit::Replace(range, new) => _ = replaced.insert(range.start, (range, new)),
            Edit::Insert(line, new) => lines.entry(line).or_default().before.extend(new),
            Edit::Remove(line) => lines.entry(line).or_default().new = Some(Vec::new()),
        }
    }
    // From the last to the first, so that those before it stay where they are.
    for (range, new) in replaced.into_values().rev() {
        let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[range.start..].find('\n').map_or(text.len(), |at| range.start + at);
        let line = lines.entry(text[..start].matches('\n').count()).or_default();
        let mut whole = line.new.take().map_or_else(|| text[start..end].to_owned(), |lines| lines.concat());
        whole.replace_range(range.start - start..range.end - start, &new);
        line.new = Some(vec![whole]);
    }
    lines
}

/// A unified diff of a file.
pub(super) fn diff(name: &str, text: &str, edits: Vec<Edit>) -> String {
    let changes = changed(text, edits);
    if changes.is_empty() {
        return String::new();
    }
    let lines: Vec<&str> = text.split('\n').collect();
    // A text that ends with a newline has no line after it.
    let count = if text.ends_with('\n') { lines.len() - 1 } else { lines.len() };
    // Lines that are added end as the others do.
    let ending = if text.contains("\r\n") { "\r" } else { "" };
    let name = name.trim_start_matches("./").replace('\\', "/");
    let mut out = format!("--- a/{name}\n+++ b/{name}\n");
    let numbers: Vec<usize> = changes.keys().copied().collect();
    let mut shift = 0_isize;
    // Changes whose context meets are one hunk.
    for hunk in numbers.chunk_by(|a, b| *b <= a + 2 * CONTEXT) {
        let from = hunk[0].saturating_sub(CONTEXT);
        let to = (hunk[hunk.len() - 1] + 1 + CONTEXT).min(count);
        let (mut body, mut old, mut new) = (String::new(), 0, 0);
        for (number, line) in lines.iter().enumerate().take(to).skip(from) {
            let change = changes.get(&number);
            let becomes = change.and_then(|change| change.new.as_ref());
            let is_open = number + 1 == count && !text.ends_with('\n');
            let mut added = String::new();
            for line in change.into_iter().flat_map(|change| &change.before).chain(becomes.into_iter().flatten()) {
                let _ = writeln!(added, "+{}{ending}", line.trim_end_matches('\r'));
                new += 1;
            }
            old += 1;
            if becomes.is_some() {
                let _ = writeln!(body, "-{line}");
                if is_open {
                    body.push_str(NO_NEWLINE);
                    // The last line ends without one, in its new form too.
                    added.truncate(added.trim_end_matches(['\r', '\n']).len());
                    added.push('\n');
                }
                body.push_str(&added);
            } else {
                let _ = writeln!(body, "{added} {line}");
                new += 1;
            }
            if is_open && !(becomes.is_some() && added.trim().is_empty()) {
                body.push_str(NO_NEWLINE);
            }
        }
        let first = |at: usize, length: usize| if length == 0 { at } else { at + 1 };
        let _ =
            writeln!(out, "@@ -{},{old} +{},{new} @@", first(from, old), first(from.saturating_add_signed(shift), new));
        out.push_str(&body);
        shift += new as isize - old as isize;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_the_file_has_them() {
        let insert = |line| vec![Edit::Insert(line, vec!["new".to_owned()])];
        let replace = |at| vec![Edit::Replace(at..at + 1, "new".to_owned())];
        let at = "--- a/f\n+++ b/f\n@@ -1,2 +1,";
        let none = "\\ No newline at end of file\n";
        assert_eq!(diff("f", "a\r\nb\r\n", insert(1)), format!("{at}3 @@\n a\r\n+new\r\n b\r\n"));
        assert_eq!(diff("f", "a\r\nb\r\n", replace(0)), format!("{at}2 @@\n-a\r\n+new\r\n b\r\n"));
        assert_eq!(diff("f", "a\nb", replace(2)), format!("{at}2 @@\n a\n-b\n{none}+new\n{none}"));
        assert_eq!(diff("f", "a\r\nb", replace(3)), format!("{at}2 @@\n a\r\n-b\n{none}+new\n{none}"));
        assert_eq!(diff("f", "a\nb", insert(1)), format!("{at}3 @@\n a\n+new\n b\n{none}"));
    }

    #[test]
    fn values_of_one_line_change_together() {
        let text = "{a: 1, b: 2}\nc: 3\n";
        let edits = vec![Edit::Replace(10..11, "40".to_owned()), Edit::Replace(4..5, "30".to_owned())];
        assert_eq!(
            diff("f", text, edits),
            "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-{a: 1, b: 2}\n+{a: 30, b: 40}\n c: 3\n"
        );
        let same = || Edit::Replace(16..17, "4".to_owned());
        assert!(diff("f", text, vec![same(), same()]).ends_with("-c: 3\n+c: 4\n"));
    }
}
