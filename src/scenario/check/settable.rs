//! Keys that are varied although no customer of the platform can set them.

use super::Checker;
use crate::scenario::preset::Allowed;
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::{Problem, SourceSpan};

impl Checker<'_, '_> {
    /// Warns about keys that a sweep, a plan or a variant changes but the platform sets by itself.
    pub(super) fn settable(&mut self, file: &FileTable, allowed: &Allowed) {
        let mut varied: Vec<(&str, SourceSpan, &str)> = Vec::new();
        if let Some(sweep) = file.sweep.as_ref() {
            let zipped = sweep.design.zip.iter().flat_map(|group| group.iter());
            let zipped = zipped.map(|(key, values)| (key.as_str(), values.place, "[sweep]"));
            varied.extend(sweep.axes.iter().map(|(key, values)| (key.as_str(), values.place, "[sweep]")).chain(zipped));
        }
        if let Some(plan) = file.plan.as_ref() {
            varied.extend(plan.axes.iter().map(|(key, values)| (key.as_str(), values.place, "[plan]")));
        }
        for variant in file.variant.iter() {
            varied.extend(variant.set.iter().map(|(key, value)| (key.as_str(), value.place, "a variant")));
        }
        for (key, place, by) in varied {
            let Some((_, what)) = allowed.fixed.iter().find(|(part, _)| names(key, part)) else { continue };
            let message =
                format!("{by} changes `{key}`, but {} decides {what}: customers cannot set it", allowed.platform);
            let help = "customers can set memory, provisioned and reserved concurrency, the runtime and the \
                        architecture";
            self.problems.push(Problem::warning(place, message).help(help));
        }
    }
}

/// Whether a dotted key contains this sequence of parts.
fn names(key: &str, part: &str) -> bool {
    let (words, wanted): (Vec<&str>, Vec<&str>) = (key.split('.').collect(), part.split('.').collect());
    words.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_whole_words() {
        assert!(names("function.f.keep-alive.fixed.window", "keep-alive"));
        assert!(names("platform.scaling.burst", "platform.scaling"));
        assert!(!names("function.f.scaling.scheduled.instances", "platform.scaling"));
        assert!(!names("function.keep-alive-service.memory", "keep-alive"));
    }
}
