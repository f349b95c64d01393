//! Whether a log will fit on its disk, told before the long part.

use std::path::Path;

use super::exit::CliError;
use super::terminal;
use crate::report::format::count;

/// Bytes that a request takes in a log: as measured on `scenarios/quickstart.toml`, and the least it could be.
struct Size {
    typical: f64,
    least: f64,
}

impl Size {
    /// By the name of the file, which says how it is written.
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_packed = name.ends_with(".gz") || name.ends_with(".zst");
        let (typical, least) = match () {
            () if name.ends_with(".parquet") => (46.0, 4.0),
            () if is_packed => (30.0, 4.0),
            () if name.ends_with(".json") => (240.0, 100.0),
            () => (140.0, 60.0),
        };
        Self { typical, least }
    }
}

/// Refuses a log for which there is surely no room, and warns where there is hardly any.
///
/// # Errors
/// With what is needed and what there is, bytes. Nothing is said where `requests` or `room` is not known.
pub(super) fn check(
    option: &str,
    path: &Path,
    room: Option<u64>,
    requests: Option<f64>,
    quiet: bool,
) -> Result<(), CliError> {
    let (Some(room), Some(requests)) = (room, requests) else { return Ok(()) };
    let room = room as f64;
    let size = Size::of(path);
    let shown = path.display();
    let about = format!("{option}: about {} requests need {}", count(requests.round()), bytes(requests * size.typical));
    if requests * size.least > room {
        let help = "free some space, write to another disk, shorten simulation.horizon, or use a file name that ends \
                    in .csv.zst or .json.gz";
        let message = format!("{about}, but the disk of {shown} has only {} left\nhelp: {help}", bytes(room));
        return Err(CliError::Environment(anyhow::anyhow!(message)));
    }
    if requests * size.typical > 0.9 * room && !quiet {
        terminal::complain(&format!("warning: {about}, but the disk of {shown} has {} left\n", bytes(room)));
    }
    Ok(())
}

/// A size as people read it.
fn bytes(bytes: f64) -> String {
    let (factor, unit) = match bytes {
        b if b < 1e6 => (1e3, "kB"),
        b if b < 1e9 => (1e6, "MB"),
        b if b < 1e12 => (1e9, "GB"),
        _ => (1e12, "TB"),
    };
    format!("{} {unit}", count((bytes / factor * 10.0).round() / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &str, room: Option<u64>, requests: Option<f64>) -> Result<(), String> {
        check("--requests", Path::new(name), room, requests, true).map_err(|stop| match stop {
            CliError::Environment(error) => error.to_string(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn what_surely_does_not_fit_is_refused() {
        let wrong = answer("x.csv", Some(5_000_000_000), Some(1e8)).unwrap_err();
        assert!(wrong.contains("100,000,000 requests need 14 GB") && wrong.contains("only 5 GB left"), "{wrong}");
        assert!(answer("x.csv.gz", Some(5_000_000_000), Some(1e8)).is_ok(), "packed it may fit");
        assert!(answer("x.csv", Some(7_000_000_000), Some(1e8)).is_ok(), "a warning is enough");
    }

    #[test]
    fn what_is_not_known_is_no_reason_to_refuse() {
        assert!(answer("x.csv", None, Some(1e12)).is_ok());
        assert!(answer("x.csv", Some(1), None).is_ok());
    }
}
