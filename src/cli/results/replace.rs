//! One folder in the place of another, with no moment in which there is none.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What became of what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    /// It stands under the other name.
    Swapped,
    /// There was nothing, or it is gone.
    Moved,
}

/// Puts the folder `new` in the place of `target`, and forces that onto the disk.
///
/// # Errors
/// What the system answers; then `target` is as it was.
pub(super) fn replace(new: &Path, target: &Path) -> io::Result<Replaced> {
    let replaced = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(new, target).map(|()| Replaced::Moved)?,
        _ => match swap(new, target) {
            Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => {
                in_two_steps(new, target)?
            }
            swapped => swapped.map(|()| Replaced::Swapped)?,
        },
    };
    // The folder is in its place, whatever becomes of this.
    let _ = target.parent().map(sync);
    Ok(replaced)
}

/// Swaps two folders in one step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn swap(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

/// Swaps two folders in one step, which this system cannot.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn swap(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Where the system cannot swap. Killed between the steps, the earlier folder stands under another name, from which
/// [`recover`] brings it back.
fn in_two_steps(new: &Path, target: &Path) -> io::Result<Replaced> {
    let aside = aside(target);
    fs::rename(target, &aside)?;
    if let Err(error) = fs::rename(new, target) {
        fs::rename(&aside, target)?;
        return Err(error);
    }
    fs::remove_dir_all(&aside)?;
    Ok(Replaced::Moved)
}

/// Brings back what a run had put aside that was killed before the new folder was in its place.
///
/// # Errors
/// An error of the operating system.
pub(super) fn recover(target: &Path) -> io::Result<()> {
    let aside = aside(target);
    if fs::symlink_metadata(&aside).is_err() {
        return Ok(());
    }
    match fs::symlink_metadata(target) {
        Ok(_) => fs::remove_dir_all(&aside),
        Err(_) => fs::rename(&aside, target),
    }
}

fn aside(target: &Path) -> PathBuf {
    let mut name = OsString::from(".forewarm-earlier-");
    name.push(target.file_name().unwrap_or_default());
    target.with_file_name(name)
}

/// Forces the names in a folder onto the disk, where a folder can be opened.
///
/// # Errors
/// An error of the operating system.
#[cfg(unix)]
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    match fs::File::open(folder)?.sync_all() {
        // Some file systems have nothing to do here and say so.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Elsewhere a folder cannot be opened.
#[cfg(not(unix))]
pub(super) fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &Path, content: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("file"), content).unwrap();
    }

    fn content(path: &Path) -> String {
        fs::read_to_string(path.join("file")).unwrap()
    }

    #[test]
    fn the_new_one_stands_where_the_old_one_stood() {
        let root = tempfile::tempdir().unwrap();
        let (new, target) = (root.path().join("new"), root.path().join("x"));
        folder(&new, "1");
        assert_eq!(replace(&new, &target).unwrap(), Replaced::Moved);
        for (step, how) in [replace, in_two_steps].into_iter().enumerate() {
            folder(&new, &format!("new {step}"));
            how(&new, &target).unwrap();
            assert_eq!(content(&target), format!("new {step}"));
            let _ = fs::remove_dir_all(&new);
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_was_put_aside_comes_back() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        folder(&aside(&target), "old");
        recover(&target).unwrap();
        assert_eq!(content(&target), "old");
        folder(&aside(&target), "older");
        recover(&target).unwrap();
        assert_eq!(content(&target), "old");
        assert!(!aside(&target).exists());
    }
}
