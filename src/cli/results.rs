//! The results folder: all of it or nothing, and never over files of others. Its manifest names the files that are
//! forewarm's own.

mod replace;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::claim::Claim;
use super::exit::CliError;
use super::folder::{MadeFolders, resolve};
use crate::measure::Manifest;
use crate::report::json;
use crate::report::read_back::MANIFEST;
use replace::Replaced;

/// What nobody misses: files that a desktop puts into every folder it shows.
const DESKTOP: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];
/// Foreign files that are named.
const NAMED: usize = 5;

/// A results folder that is being written, under a temporary name beside its own. Dropped, nothing of it is left.
#[derive(Debug)]
pub(super) struct Results {
    /// As it was typed.
    shown: PathBuf,
    target: PathBuf,
    // In this order: what is temporary must go before the folders around it.
    claim: Claim,
    made: MadeFolders,
}

/// What stands in the place of results.
enum Standing {
    /// Nothing that anybody would miss.
    Empty,
    /// Results of forewarm, and nothing else.
    Results(Box<Manifest>),
    /// Something else: the names of what forewarm did not write, and whether there are results of forewarm too.
    Foreign { names: Vec<String>, has_results: bool },
}

impl Results {
    /// Makes sure, before the long part, that results can be written to `shown` later.
    ///
    /// # Errors
    /// A folder with files of somebody else, a path that makes no sense, no permission, another run that writes to it.
    pub(super) fn reserve(shown: &Path) -> Result<Self, CliError> {
        let failed = |error| CliError::of_path(format!("cannot write results to {}", shown.display()), error);
        let target = resolve(shown).map_err(failed)?;
        let parent = target.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        refuse_foreign(&target, shown)?;
        let made = MadeFolders::make(parent).map_err(failed)?;
        let claim = Claim::of(&target, shown)?;
        replace::recover(&target).map_err(failed)?;
        fs::create_dir(claim.temporary()).map_err(failed)?;
        Ok(Self { shown: shown.to_owned(), target, claim, made })
    }

    /// Where a file is to be written that will lie in the results folder; none if it lies elsewhere.
    ///
    /// # Errors
    /// A name that a file of the results has.
    pub(super) fn inside(&self, path: &Path) -> Result<Option<PathBuf>, CliError> {
        let Ok(rest) = path.strip_prefix(&self.target) else { return Ok(None) };
        if is_of_results(rest) {
            let message = format!("{} is the name of a results file", self.shown.join(rest).display());
            return Err(CliError::input(message, "use another file name"));
        }
        Ok(Some(self.claim.temporary().join(rest)))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), CliError> {
        let write = |mut file: fs::File| file.write_all(content.as_ref()).and_then(|()| file.sync_all());
        self.create(name).and_then(write).map_err(|error| self.failed(name, error))
    }

    /// Begins a file that is too long to be held whole.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(super) fn create(&self, name: &str) -> io::Result<fs::File> {
        debug_assert!(is_of_results(Path::new(name)), "{name} is not known as a file of the results");
        fs::File::create_new(self.claim.temporary().join(name))
    }

    /// What the system answered to writing a file.
    pub(super) fn failed(&self, name: &str, error: io::Error) -> CliError {
        CliError::of_writing(self.shown.join(name).display(), error)
    }

    /// Puts the folder in its place, with a manifest that names all its files. Earlier results there are replaced as a
    /// whole, or stay as they are; hands back how they were made.
    ///
    /// # Errors
    /// What the system answers; and foreign files that have come into being meanwhile.
    pub(super) fn commit(self, manifest: &Manifest) -> Result<Option<Manifest>, CliError> {
        let failed = |error| CliError::of_writing(self.shown.display(), error);
        let temporary = self.claim.temporary();
        let mut files = Vec::new();
        list(temporary, Path::new(""), &mut files).map_err(failed)?;
        let manifest = Manifest { files, ..manifest.clone() };
        self.write(MANIFEST, json::manifest(&manifest))?;
        replace::sync(temporary).map_err(failed)?;
        let earlier = refuse_foreign(&self.target, &self.shown)?;
        if replace::replace(temporary, &self.target).map_err(failed)? == Replaced::Swapped {
            // What came into being since the look a moment ago is put back.
            if let Err(refused) = refuse_foreign(temporary, &self.shown) {
                replace::replace(temporary, &self.target).map_err(failed)?;
                return Err(refused);
            }
        }
        self.made.keep();
        Ok(earlier)
    }
}

/// Refuses what exists and is neither results of forewarm alone nor empty; hands back how the results were made.
fn refuse_foreign(target: &Path, shown: &Path) -> Result<Option<Manifest>, CliError> {
    let shown = shown.display();
    let standing = standing(target).map_err(|error| CliError::of_path(format!("cannot look into {shown}"), error))?;
    match standing {
        Standing::Empty => Ok(None),
        Standing::Results(manifest) => Ok(Some(*manifest)),
        Standing::Foreign { names, has_results } => {
            let mut listed = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            if names.len() > NAMED {
                listed.push_str(&format!(" and {} more", names.len() - NAMED));
            }
            let message = match (has_results, names.is_empty()) {
                (true, _) => format!("{shown} holds files that forewarm did not write: {listed}"),
                (false, true) => format!("{shown} exists and was not created by forewarm, so it is not replaced"),
                (false, false) => {
                    format!(
                        "{shown} exists and was not created by forewarm, so it is not replaced; it contains \
                             {listed}"
                    )
                }
            };
            let help = if has_results {
                "replacing the results would delete them: move them, or choose another folder with --out DIR"
            } else {
                "choose another folder with --out DIR"
            };
            Err(CliError::input(message, help))
        }
    }
}

/// What stands at a path.
fn standing(target: &Path) -> io::Result<Standing> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Empty),
        Err(error) => return Err(error),
        Ok(found) if !found.is_dir() => return Ok(Standing::Foreign { names: Vec::new(), has_results: false }),
        Ok(_) => {}
    }
    let mut found = Vec::new();
    let manifest = match fs::read(target.join(MANIFEST)) {
        Ok(text) => serde_json::from_slice::<Manifest>(&text).ok(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(_) => None,
    };
    let Some(manifest) = manifest else {
        for entry in fs::read_dir(target)? {
            found.push(entry?.file_name().to_string_lossy().into_owned());
        }
        found.sort();
        let is_empty = found.iter().all(|name| DESKTOP.contains(&name.as_str()));
        return Ok(if is_empty { Standing::Empty } else { Standing::Foreign { names: found, has_results: false } });
    };
    list(target, Path::new(""), &mut found)?;
    let is_foreign = |name: &String| {
        name != MANIFEST
            && !manifest.files.contains(name)
            && !DESKTOP.iter().any(|known| Path::new(name).ends_with(known))
    };
    // A folder in which nothing is forewarm's is one thing.
    let shortest = |name: String| match name.split_once('/') {
        Some((top, _)) if !manifest.files.iter().any(|own| own.split_once('/').is_some_and(|(own, _)| own == top)) => {
            format!("{top}/")
        }
        _ => name,
    };
    let mut names: Vec<String> = found.into_iter().filter(is_foreign).map(shortest).collect();
    names.dedup();
    Ok(if names.is_empty() {
        Standing::Results(Box::new(manifest))
    } else {
        Standing::Foreign { names, has_results: true }
    })
}

/// Adds the files below a folder, in order, named from there with `/`; what is neither file nor folder too, and folders
/// without files with a `/` at their end.
fn list(root: &Path, below: &Path, files: &mut Vec<String>) -> io::Result<()> {
    let mut entries = fs::read_dir(root.join(below))?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        let name = || path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        if !entry.file_type()?.is_dir() {
            files.push(name());
            continue;
        }
        let before = files.len();
        list(root, &path, files)?;
        if files.len() == before {
            files.push(name() + "/");
        }
    }
    Ok(())
}

/// Whether a file of the results of some command may be called so.
fn is_of_results(name: &Path) -> bool {
    const NAMES: [&str; 14] = [
        MANIFEST,
        "summary.json",
        "functions.csv",
        "timeline.csv",
        "charts.json",
        "comparison.json",
        "comparison.csv",
        "plan.json",
        "plan.csv",
        "chaos.json",
        "chaos.csv",
        "sweep.csv",
        "sweep.parquet",
        "report.html",
    ];
    let is_chart = name.extension().is_some_and(|ending| ending == "svg");
    name.components().count() == 1 && (is_chart || NAMES.iter().any(|known| name == Path::new(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            version: "0.1.0".into(),
            kind: "run".into(),
            command: "forewarm run x.toml".into(),
            scenario_hash: "0".into(),
            scenario: String::new(),
            seed: 1,
            replications: 1,
            threads: 1,
            wall_s: 0.1,
            invocations: 1,
            invocations_per_s: 10.0,
            files: Vec::new(),
        }
    }

    fn write(target: &Path, names: &[&str]) -> Result<Option<Manifest>, CliError> {
        let results = Results::reserve(target)?;
        names.iter().try_for_each(|name| results.write(name, *name))?;
        results.commit(&manifest())
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_of_it_or_nothing() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("results/x");
        let results = Results::reserve(&target).unwrap();
        results.write("summary.json", "half").unwrap();
        assert!(!target.exists());
        drop(results);
        assert_eq!(names(root.path()), [""; 0]);
        assert_eq!(write(&target, &[]).unwrap(), None);
        assert_eq!(names(&target), [MANIFEST]);
        assert_eq!(names(&root.path().join("results")), ["x"]);
    }

    #[test]
    fn earlier_results_are_replaced_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        for name in ["first.svg", "second.svg"] {
            write(&target, &[name]).unwrap();
            assert_eq!(
                names(&target),
                [name, MANIFEST]
                    .map(str::to_owned)
                    .into_iter()
                    .collect::<std::collections::BTreeSet<_>>()
                    .into_iter()
                    .collect::<Vec<_>>()
            );
        }
        assert_eq!(write(&target, &[]).unwrap().unwrap().files, ["second.svg"], "it is known what they were");
        fs::write(target.join(".DS_Store"), "").unwrap();
        drop(Results::reserve(&target).unwrap());
        assert_eq!(names(root.path()), ["x"]);
    }

    #[test]
    fn what_is_foreign_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        let refused = || matches!(Results::reserve(&target), Err(CliError::Input(_)));
        fs::create_dir(&target).unwrap();
        assert!(!refused(), "an empty folder has nothing to lose");
        for text in ["", "{}", "[1]", r#"{"version": "3", "name": "a web app"}"#] {
            fs::write(target.join(MANIFEST), text).unwrap();
            assert!(refused(), "with {text}");
        }
        fs::remove_dir_all(&target).unwrap();
        fs::write(&target, "a file").unwrap();
        assert!(refused(), "a file");
        assert!(matches!(Results::reserve(&target.join("inside")), Err(CliError::Input(_))), "in a file");
        assert!(matches!(Results::reserve(Path::new("/")), Err(CliError::Input(_))), "the root");
        fs::remove_file(&target).unwrap();
        let results = Results::reserve(&target).unwrap();
        fs::create_dir_all(target.join("foreign")).unwrap();
        assert!(matches!(results.commit(&manifest()), Err(CliError::Input(_))), "came into being meanwhile");
        assert_eq!(names(root.path()), ["x"]);
    }

    #[test]
    fn foreign_files_among_results_are_named() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        write(&target, &["a.svg"]).unwrap();
        for folder in ["sub/deep", "void"] {
            fs::create_dir_all(target.join(folder)).unwrap();
        }
        for name in ["b.svg", "notes.md", "sub/deep/c", ".gitignore", "z1", "z2"] {
            fs::write(target.join(name), "mine").unwrap();
        }
        let Err(CliError::Input(refused)) = Results::reserve(&target) else { panic!("not refused") };
        let refused = refused.to_string();
        assert!(refused.contains(": .gitignore, b.svg, notes.md, sub/, void/ and 2 more\n"), "{refused}");
        assert_eq!(names(&target).len(), 9);
    }

    #[test]
    fn two_at_once_do_not_write_to_one_folder() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("new/x");
        let first = Results::reserve(&target).unwrap();
        assert!(matches!(Results::reserve(&target), Err(CliError::Input(_))));
        first.write("a.svg", "first").unwrap();
        first.commit(&manifest()).unwrap();
        assert_eq!(names(&target), ["a.svg", MANIFEST]);
        assert_eq!(names(&root.path().join("new")), ["x"]);
    }

    #[test]
    fn a_file_inside_the_folder_goes_with_it() {
        let root = tempfile::tempdir().unwrap();
        let target = resolve(&root.path().join("x")).unwrap();
        let results = Results::reserve(&target).unwrap();
        let inside = results.inside(&target.join("requests.csv")).unwrap().unwrap();
        assert_eq!(inside.parent(), Some(results.claim.temporary()));
        assert_eq!(results.inside(&root.path().join("requests.csv")).unwrap(), None);
        for taken in ["summary.json", "any.svg", MANIFEST] {
            assert!(matches!(results.inside(&target.join(taken)), Err(CliError::Input(_))), "{taken}");
        }
        fs::create_dir(inside.with_file_name("logs")).unwrap();
        fs::write(inside.with_file_name("logs").join("r.csv"), "").unwrap();
        results.commit(&manifest()).unwrap();
        assert_eq!(write(&target, &[]).unwrap().unwrap().files, ["logs/r.csv"], "all of it is forewarm's");
    }
}
