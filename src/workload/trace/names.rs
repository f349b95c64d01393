//! Names for functions that a trace knows by hashes or by anything else.

use std::collections::HashSet;

/// Hands out names of letters, digits, `-` and `_` that are unique.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

/// Characters of a name.
const LENGTH_MAX: usize = 60;

impl Names {
    /// The first of these that is free; if none is, the last with a number.
    pub(super) fn unique<'a>(&mut self, wanted: impl IntoIterator<Item = &'a str>) -> String {
        let mut last = String::new();
        for wanted in wanted {
            last = allowed(wanted);
            if self.0.insert(last.clone()) {
                return last;
            }
        }
        let mut number = 2_u64;
        loop {
            let name = format!("{last}-{number}");
            if self.0.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }

    /// A short name for a hash: as many of its digits as it takes.
    pub(super) fn of_hash(&mut self, hash: &str) -> String {
        let digits = |n: usize| hash.char_indices().nth(n).map_or(hash, |(end, _)| &hash[..end]);
        self.unique([digits(8), digits(16), digits(LENGTH_MAX)])
    }
}

fn allowed(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = text.chars().take(LENGTH_MAX).map(keep).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_allowed_and_unique() {
        let mut names = Names::default();
        assert_eq!(names.of_hash("0123456789abcdef0123"), "01234567");
        assert_eq!(names.of_hash("0123456789abcdef9999"), "0123456789abcdef");
        assert_eq!(names.of_hash("0123456789abcdefffff"), "0123456789abcdefffff");
        assert_eq!(names.of_hash("0123456789abcdefffff"), "0123456789abcdefffff-2");
        assert_eq!(names.unique(["<b>päng</b>"]), "-b-p-ng--b-");
        assert_eq!(names.unique([""]), "unnamed");
        assert_eq!(names.unique([""]), "unnamed-2");
        assert_eq!(names.unique(["x".repeat(1000).as_str()]).len(), LENGTH_MAX);
    }
}
