//! The results folder: all of it or nothing, and never over somebody else's files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::exit::CliError;
use super::folder::{MadeFolders, resolve, temporary_folder};
use super::terminal;
use crate::measure::Manifest;
use crate::report::stored::MANIFEST;

/// A results folder that is being written, under a temporary name beside its own. Dropped, nothing of it is left.
#[derive(Debug)]
pub(super) struct Results {
    /// As it was typed.
    shown: PathBuf,
    target: PathBuf,
    // In this order: the temporary folder must go before the folders around it.
    temporary: TempDir,
    made: MadeFolders,
}

impl Results {
    /// Makes sure, before the long part, that results can be written to `shown` later.
    ///
    /// # Errors
    /// A folder that is not forewarm's, a path that makes no sense, no permission.
    pub(super) fn reserve(shown: &Path) -> Result<Self, CliError> {
        let failed = |error| CliError::of_path(format!("cannot write results to {}", shown.display()), error);
        let target = resolve(shown).map_err(failed)?;
        refuse_foreign(&target, shown)?;
        let parent = target.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let made = MadeFolders::make(parent).map_err(failed)?;
        let temporary = temporary_folder(parent).map_err(failed)?;
        Ok(Self { shown: shown.to_owned(), target, temporary, made })
    }

    /// Where a file is to be written that will lie in the results folder; none if it lies elsewhere.
    pub(super) fn inside(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.target).ok().map(|rest| self.temporary.path().join(rest))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), CliError> {
        fs::write(self.temporary.path().join(name), content).map_err(|error| self.failed(name, error))
    }

    /// Begins a file that is too long to be held whole.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn create(&self, name: &str) -> io::Result<fs::File> {
        fs::File::create(self.temporary.path().join(name))
    }

    /// What the system answered to writing a file.
    pub(super) fn failed(&self, name: &str, error: io::Error) -> CliError {
        CliError::of_writing(self.shown.join(name).display(), error)
    }

    /// Puts the folder in its place. Earlier results there are replaced as a whole, or stay as they are.
    ///
    /// # Errors
    /// What the system answers; and a foreign folder that has come into being meanwhile.
    pub(super) fn commit(self) -> Result<(), CliError> {
        refuse_foreign(&self.target, &self.shown)?;
        let failed = |error| CliError::of_writing(self.shown.display(), error);
        if self.target.exists() {
            let aside = temporary_folder(self.target.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
            let old = aside.path().join("old");
            fs::rename(&self.target, &old).map_err(failed)?;
            if let Err(error) = fs::rename(self.temporary.path(), &self.target) {
                if fs::rename(&old, &self.target).is_err() {
                    let old = aside.keep().join("old");
                    terminal::complain(&format!("the earlier results are now in {}\n", old.display()));
                }
                return Err(failed(error));
            }
            if let Err(error) = aside.close() {
                terminal::complain(&format!("warning: cannot remove the earlier results: {error}\n"));
            }
        } else {
            fs::rename(self.temporary.path(), &self.target).map_err(failed)?;
        }
        // What it was called is gone: there is nothing left to remove.
        let _ = self.temporary.keep();
        self.made.keep();
        Ok(())
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Refuses what exists and is neither a folder that forewarm made nor an empty one.
fn refuse_foreign(target: &Path, shown: &Path) -> Result<(), CliError> {
    let manifest = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(CliError::of_path(format!("cannot look at {}", shown.display()), error)),
        Ok(found) if found.is_dir() && is_empty(target) => return Ok(()),
        Ok(_) => fs::read(target.join(MANIFEST)),
    };
    match manifest {
        Ok(text) if serde_json::from_slice::<Manifest>(&text).is_ok() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(CliError::of_path(format!("cannot look into {}", shown.display()), error))
        }
        _ => Err(CliError::input(
            format!("{} exists and was not made by forewarm, so it is left alone", shown.display()),
            "choose another folder with --out DIR",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> String {
        let manifest = Manifest {
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
        };
        crate::report::json::manifest(&manifest)
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
        results.write("a", "half").unwrap();
        assert!(!target.exists());
        drop(results);
        assert_eq!(names(root.path()), [""; 0]);
        let results = Results::reserve(&target).unwrap();
        results.write(MANIFEST, manifest()).unwrap();
        results.commit().unwrap();
        assert_eq!(names(&target), [MANIFEST]);
        assert_eq!(names(&root.path().join("results")), ["x"]);
    }

    #[test]
    fn earlier_results_are_replaced_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        for name in ["first", "second"] {
            let results = Results::reserve(&target).unwrap();
            results.write(MANIFEST, manifest()).unwrap();
            results.write(name, name).unwrap();
            results.commit().unwrap();
            let others: Vec<_> = names(&target).into_iter().filter(|other| other != MANIFEST).collect();
            assert_eq!(others, [name]);
        }
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
        assert!(matches!(results.commit(), Err(CliError::Input(_))), "came into being meanwhile");
        assert_eq!(names(root.path()), ["x"]);
    }

    #[test]
    fn a_file_inside_the_folder_goes_with_it() {
        let root = tempfile::tempdir().unwrap();
        let target = resolve(&root.path().join("x")).unwrap();
        let results = Results::reserve(&target).unwrap();
        let inside = results.inside(&target.join("requests.csv")).unwrap();
        assert_eq!(inside.parent(), Some(results.temporary.path()));
        assert_eq!(results.inside(&root.path().join("requests.csv")), None);
    }
}
