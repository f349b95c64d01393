//! Folders created for an output, and resolved paths.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders created for an output. Those that are still empty are removed on drop.
#[derive(Debug, Default)]
pub(super) struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Creates a folder with its missing parents.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        let missing = folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
        let made = Self(missing);
        fs::create_dir_all(folder)?;
        Ok(made)
    }

    /// Keeps the folders.
    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        // Innermost first. A folder that is not empty is in use.
        for folder in &self.0 {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The absolute path, with links resolved where it exists.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = std::path::absolute(path)?;
            match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) => Ok(resolve(parent)?.join(name)),
                _ => Err(error),
            }
        }
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_folders_go_again_unless_kept() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b/c");
        drop(MadeFolders::make(&inner).unwrap());
        assert!(!root.path().join("a").exists());
        MadeFolders::make(&inner).unwrap().keep();
        assert!(inner.exists());
        drop(MadeFolders::make(&inner).unwrap());
        assert!(inner.exists(), "it was there before");
    }

    #[test]
    fn paths_that_do_not_exist_yet_are_resolved_too() {
        let root = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(root.path()).unwrap();
        fs::create_dir(real.join("x")).unwrap();
        assert_eq!(resolve(&real.join("x/new/file")).unwrap(), real.join("x/new/file"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(real.join("x"), real.join("link")).unwrap();
            assert_eq!(resolve(&real.join("link/new")).unwrap(), real.join("x/new"));
        }
    }
}
