//! Exclusive access to one output file or folder, released by the system when the process ends.
//!
//! Beside the target lie a lock, `.forewarm-MACHINE-NAME.lock`, and what is being written, `.forewarm-MACHINE-NAME.tmp`, both
//! parts of the name as hashes. Whoever holds the lock is alive. What lies beside a lock that nobody holds was left by a run
//! that was killed, and the next one removes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::exit::CliError;
use crate::hash::fnv1a;

/// What locks and temporary files and folders begin with.
const PREFIX: &str = ".forewarm-";
const LOCK: &str = ".lock";
const TEMPORARY: &str = ".tmp";
/// Digits of the hash of a name.
const DIGITS: usize = 16;
/// Another run that checks for leftovers holds a lock only briefly.
const PATIENCE: [Duration; 10] = [Duration::from_millis(50); 10];

/// Exclusive access to a target. On drop, temporary files beside the target are removed.
#[derive(Debug)]
pub(super) struct Claim {
    /// None if the file system does not support locks; then other processes do not remove leftovers.
    lock: Option<(File, PathBuf)>,
    temporary: PathBuf,
}

impl Claim {
    /// Claims `target`, a resolved path in a folder that exists, and removes what killed runs have left in that folder.
    ///
    /// # Errors
    /// Another run that is writing to it, and what the system answers; `shown` is what the target is called.
    pub(super) fn of(target: &Path, shown: &Path) -> Result<Self, CliError> {
        let failed =
            |error: io::Error| CliError::of_path(format!("cannot write {}", shown.display()), without_name(&error));
        let parent = target.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let name = target.file_name().unwrap_or_default().as_encoded_bytes();
        let path = |ending: &str| parent.join(format!("{}{:0DIGITS$x}{ending}", prefix(), fnv1a(name)));
        let claim = match lock(&path(LOCK)) {
            Ok(file) => {
                let claim = Self { lock: Some((file, path(LOCK))), temporary: path(TEMPORARY) };
                remove_leftovers(parent);
                remove(&claim.temporary).map_err(failed)?;
                claim
            }
            Err(Unlocked::InUse) => {
                return Err(CliError::input(
                    format!(
                        "{} is in use by another forewarm process, or by another option of this command",
                        shown.display()
                    ),
                    "wait until it is finished, or choose another name",
                ));
            }
            Err(Unlocked::NoLocks) => {
                let name =
                    tempfile::Builder::new().prefix(PREFIX).suffix(TEMPORARY).tempfile_in(parent).map_err(failed)?;
                Self { lock: None, temporary: name.path().to_owned() }
            }
            Err(Unlocked::Failed(error)) => return Err(failed(error)),
        };
        Ok(claim)
    }

    /// The temporary path of the target.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = remove(&self.temporary);
        if let Some((file, path)) = self.lock.take() {
            // Not the other way round: without its name nobody else can lock it.
            let _ = fs::remove_file(path);
            drop(file);
        }
    }
}

/// What the names of this machine begin with. Locks may not reach other machines that share the folder, so that nobody but
/// this machine can tell whether whoever wrote there is alive.
fn prefix() -> String {
    #[cfg(unix)]
    let machine = rustix::system::uname().nodename().to_bytes().to_vec();
    #[cfg(not(unix))]
    let machine = std::env::var_os("COMPUTERNAME").unwrap_or_default().into_encoded_bytes();
    format!("{PREFIX}{:08x}-", fnv1a(&machine) as u32)
}

/// The error, without the temporary name, which users do not know.
fn without_name(error: &io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(io::ErrorKind::NotFound, "no folder can be created there"),
        kind => kind.into(),
    }
}

/// Why there is no lock.
enum Unlocked {
    InUse,
    NoLocks,
    Failed(io::Error),
}

/// Takes a lock, creating its file if needed.
fn lock(path: &Path) -> Result<File, Unlocked> {
    let mut patience = PATIENCE.iter();
    loop {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(Unlocked::Failed)?;
        match file.try_lock() {
            // Its last holder may have removed it between these two steps.
            Ok(()) if is_at(&file, path) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => sleep(*patience.next().ok_or(Unlocked::InUse)?),
            Err(TryLockError::Error(_)) => {
                let _ = fs::remove_file(path);
                return Err(Unlocked::NoLocks);
            }
        }
    }
}

/// Whether the name still refers to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let place = |known: &fs::Metadata| (known.dev(), known.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if place(&a) == place(&b))
}

/// On other systems an open file keeps its name.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Removes leftovers beside locks that nobody holds. Errors are ignored.
fn remove_leftovers(folder: &Path) {
    let prefix = prefix();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_lock = |name: &str| {
            let digits = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(LOCK));
            digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        };
        if !path.file_name().and_then(|name| name.to_str()).is_some_and(is_lock) {
            continue;
        }
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        if file.try_lock().is_ok() && is_at(&file, &path) {
            let _ = remove(&path.with_extension(&TEMPORARY[1..]));
            let _ = fs::remove_file(&path);
        }
    }
}

/// Removes a file or a folder with its content, if it exists.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(known) if known.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn claim(target: &Path) -> Result<Claim, CliError> {
        Claim::of(target, target)
    }

    #[test]
    fn one_at_a_time_and_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        let first = claim(&target).unwrap();
        fs::create_dir(first.temporary()).unwrap();
        fs::write(first.temporary().join("half"), "").unwrap();
        assert!(matches!(claim(&target), Err(CliError::Input(_))), "it is in use");
        drop(claim(&root.path().join("y")).unwrap());
        assert!(first.temporary().join("half").exists(), "another run leaves it alone");
        drop(first);
        assert_eq!(names(root.path()), [""; 0]);
        drop(claim(&target).unwrap());
    }

    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next() {
        let root = tempfile::tempdir().unwrap();
        let alive = claim(&root.path().join("alive")).unwrap();
        fs::write(alive.temporary(), "").unwrap();
        for name in ["x", "y"] {
            // As it is when a process ends without a chance to tidy up.
            let mut killed = claim(&root.path().join(name)).unwrap();
            fs::create_dir(killed.temporary()).unwrap();
            fs::write(killed.temporary().join("half"), "").unwrap();
            drop(killed.lock.take().unwrap().0);
            std::mem::forget(killed);
        }
        let mine = [".forewarm-notes.lock", ".forewarm-x.tmp", ".forewarm-0123456789abcdef.tmp"];
        mine.iter().for_each(|name| fs::write(root.path().join(name), "mine").unwrap());
        assert_eq!(names(root.path()).len(), 2 + 2 + 3, "`y` has removed what `x` left");
        drop(claim(&root.path().join("x")).unwrap());
        assert!(alive.temporary().exists());
        drop(alive);
        let mut left = mine.to_vec();
        left.sort_unstable();
        assert_eq!(names(root.path()), left);
    }

    #[test]
    fn a_long_name_is_no_obstacle() {
        let root = tempfile::tempdir().unwrap();
        claim(&root.path().join("x".repeat(255))).unwrap();
    }
}
