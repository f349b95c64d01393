//! The kinds of results. Another one is a file that implements [`Report`] and reads its own files back, and a line in [`KINDS`].

use std::io::{self, Read};

use super::stored::{MANIFEST, StoredError};
use super::{Report, comparison, html, plan, sweep};
use crate::measure::Manifest;
use crate::scenario::{Files, instead};

/// The files of a results folder.
pub trait Folder {
    /// Opens a file of the folder.
    ///
    /// # Errors
    /// What the system answers.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>>;

    /// The files that the scenario in the manifest names.
    fn scenario_files(&self) -> &dyn Files;
}

/// A kind of result.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in the manifest.
    pub name: &'static str,
    /// Reads it back from its folder.
    pub read: ReadBack,
}

/// Reads a result back from its folder.
pub type ReadBack = fn(&Manifest, &dyn Folder) -> Result<Box<dyn Report>, StoredError>;

/// All of them.
pub const KINDS: &[Kind] = &[html::KIND, comparison::KIND, plan::KIND, sweep::KIND];

/// Reads back what is in a folder.
///
/// # Errors
/// A kind that this version does not know, and the first file that it did not write.
pub fn read(manifest: &Manifest, folder: &dyn Folder) -> Result<Box<dyn Report>, StoredError> {
    let kind = manifest.kind();
    match KINDS.iter().find(|known| known.name == kind) {
        Some(known) => (known.read)(manifest, folder),
        None => {
            let help = instead(kind, "the kinds are", KINDS.iter().map(|known| known.name));
            Err(StoredError::content(
                MANIFEST,
                format!("there is no report for results of the kind \"{kind}\"; {help}"),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Artefact, files, sample};
    use crate::scenario::testing::NoFiles;

    /// A folder in memory.
    struct Memory(Vec<Artefact>);

    impl Folder for Memory {
        fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
            let file = self.0.iter().find(|file| file.name == name).ok_or(io::ErrorKind::NotFound)?;
            Ok(Box::new(io::Cursor::new(file.content.clone())))
        }

        fn scenario_files(&self) -> &dyn Files {
            &NoFiles
        }
    }

    #[test]
    fn the_manifest_says_what_it_is_and_not_the_command() {
        let result = sample::result(3, 288);
        let manifest = Manifest { command: "forewarm.run(\"x.toml\") in Python".into(), ..sample::manifest() };
        let folder = Memory(files(&result, &manifest));
        let back = read(&manifest, &folder).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!(back.kind(), "run");
        assert_eq!(back.json(), result.json());
        assert!(files(&result, &manifest).iter().all(|file| !file.content.is_empty()));
    }

    #[test]
    fn an_old_folder_is_of_the_kind_of_its_command() {
        let with = |command: &str| Manifest { kind: String::new(), command: command.into(), ..sample::manifest() };
        assert_eq!(with("forewarm run x.toml").kind(), "run");
        let folder = Memory(files(&sample::result(1, 288), &sample::manifest()));
        assert!(read(&with("forewarm run x.toml"), &folder).is_ok());
        for (command, wrong) in [("forewarm dance", "\"dance\""), ("", "\"\"")] {
            let said = read(&with(command), &folder).err().unwrap().to_string();
            assert!(said.starts_with("manifest.json: ") && said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn kinds_have_different_names() {
        let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }
}
