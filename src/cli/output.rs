//! One file that is written while the simulation runs: compressed if its name says so, under a temporary name until it is
//! whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use tempfile::TempPath;

use super::cancel::CancelToken;
use super::exit::CliError;
use super::folder::{MadeFolders, resolve, temporary_file};
use super::results::Results;

/// Bytes collected before they go to the compressor or the file.
const BUFFER: usize = 1 << 18;

/// A file to be. Dropped without [`Output::keep`], nothing of it is left.
#[derive(Debug)]
pub(super) struct Output {
    shown: PathBuf,
    /// The temporary name and the real one; none for devices and pipes, which are written as they are.
    names: Option<(TempPath, PathBuf)>,
    made: MadeFolders,
}

impl Output {
    /// Opens a file, in the folder of the results that are being written if that is where it will lie.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn open(
        shown: &Path,
        results: Option<&Results>,
        cancel: &CancelToken,
    ) -> Result<(Self, Sink), CliError> {
        let failed = |error| CliError::of_path(format!("cannot write {}", shown.display()), error);
        let target = resolve(shown).map_err(failed)?;
        let (file, names, made) = match fs::metadata(&target) {
            Ok(known) if known.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(known) if !known.is_file() => {
                let device = OpenOptions::new().write(true).open(shown).map_err(failed)?;
                (device, None, MadeFolders::default())
            }
            _ => {
                let target = results.and_then(|results| results.inside(&target)).unwrap_or(target);
                let parent = target.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
                let made = MadeFolders::make(parent).map_err(failed)?;
                let (file, temporary) = temporary_file(parent).map_err(failed)?.into_parts();
                (file, Some((temporary, target)), made)
            }
        };
        let sink = Sink::new(Guarded { file, cancel: cancel.clone() }, shown).map_err(failed)?;
        Ok((Self { shown: shown.to_owned(), names, made }, sink))
    }

    /// How many bytes there is room for; none where that has no meaning or cannot be told.
    pub(super) fn room(&self) -> Option<u64> {
        let (temporary, _) = self.names.as_ref()?;
        fs4::available_space(temporary.parent()?).ok()
    }

    /// Writes out what the sink holds back and gives the file its name, if writing went well.
    ///
    /// # Errors
    /// The first error there was.
    pub(super) fn keep(self, written: io::Result<Sink>) -> Result<(), CliError> {
        let finished = written.and_then(Sink::finish);
        let named = finished.and_then(|()| match self.names {
            Some((temporary, target)) => temporary.persist(target).map_err(io::Error::from),
            None => Ok(()),
        });
        named.map_err(|error| CliError::of_writing(self.shown.display(), error))?;
        self.made.keep();
        Ok(())
    }
}

/// Refuses a file that is there, has something in it, and carries none of the `marks` of what forewarm writes there.
///
/// # Errors
/// With the `option` that named it.
pub(super) fn refuse_foreign(path: &Path, marks: &[&str], option: &str) -> Result<(), CliError> {
    // The marks stand near the beginning.
    const ENOUGH: u64 = 4096;
    if !fs::metadata(path).is_ok_and(|known| known.is_file() && known.len() > 0) {
        return Ok(());
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(ENOUGH).read_to_end(&mut start))
        .map_err(|error| CliError::of_path(format!("cannot look into {}", path.display()), error))?;
    let start = String::from_utf8_lossy(&start);
    if marks.iter().any(|mark| start.contains(mark)) {
        return Ok(());
    }
    Err(CliError::input(
        format!("{} exists and was not made by forewarm, so it is left alone", path.display()),
        &format!("name another file with {option}, or remove this one first"),
    ))
}

/// Where the bytes go.
pub(super) struct Sink(BufWriter<Coder>);

enum Coder {
    Plain(Guarded),
    Gzip(GzEncoder<Guarded>),
    Zstd(Box<zstd::Encoder<'static, Guarded>>),
}

impl Sink {
    fn new(file: Guarded, name: &Path) -> io::Result<Self> {
        let coder = match name.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Coder::Gzip(GzEncoder::new(file, flate2::Compression::fast())),
            Some("zst") => Coder::Zstd(Box::new(zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?)),
            _ => Coder::Plain(file),
        };
        Ok(Self(BufWriter::with_capacity(BUFFER, coder)))
    }

    fn finish(self) -> io::Result<()> {
        let mut file = match self.0.into_inner().map_err(io::IntoInnerError::into_error)? {
            Coder::Plain(file) => file,
            Coder::Gzip(encoder) => encoder.finish()?,
            Coder::Zstd(encoder) => encoder.finish()?,
        };
        file.flush()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Coder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

/// A file whose first failure ends the run, because the rest of it would be in vain.
struct Guarded {
    file: File,
    cancel: CancelToken,
}

impl Write for Guarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        if written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.cancel.output_failed();
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(name: &str, text: &[u8]) -> Vec<u8> {
        let root = tempfile::tempdir().unwrap();
        let results = Results::reserve(&root.path().join("results")).unwrap();
        let path = root.path().join("new").join(name);
        let (output, mut sink) = Output::open(&path, Some(&results), &CancelToken::default()).unwrap();
        sink.write_all(text).unwrap();
        assert!(!path.exists());
        output.keep(Ok(sink)).unwrap();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::read(path).unwrap()
    }

    #[test]
    fn compressed_as_the_name_says() {
        let text = b"a,b\n1,2\n".repeat(1_000);
        assert_eq!(write("x.csv", &text), text);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&write("x.csv.gz", &text)[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        assert_eq!(zstd::decode_all(&write("x.csv.zst", &text)[..]).unwrap(), text);
    }

    #[test]
    fn a_failure_leaves_nothing_and_stops_the_run() {
        let root = tempfile::tempdir().unwrap();
        let results = Results::reserve(&root.path().join("results")).unwrap();
        let path = root.path().join("new/x.csv");
        let (output, sink) = Output::open(&path, Some(&results), &CancelToken::default()).unwrap();
        drop(sink);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(output.keep(Err(full)), Err(CliError::Environment(_))));
        assert!(!root.path().join("new").exists());
        let device = Path::new("/dev/full");
        if device.exists() {
            let cancel = CancelToken::default();
            let (output, mut sink) = Output::open(device, Some(&results), &cancel).unwrap();
            let written = sink.write_all(&vec![0; 2 * BUFFER]).map(|()| sink);
            assert!(cancel.is_cancelled());
            assert!(matches!(output.keep(written), Err(CliError::Environment(_))));
            assert!(device.exists());
        }
    }
}
