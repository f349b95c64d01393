//! One file that is written while the simulation runs: compressed if its name says so, under a temporary name until it is
//! whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::cancel::CancelToken;
use super::claim::Claim;
use super::exit::CliError;
use super::folder::{MadeFolders, resolve};

use super::results::Results;

/// Size of the buffer in front of the compressor or the file.
const BUFFER: usize = 1 << 18;

/// Which files an option may overwrite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    /// The option that names the file.
    pub(super) option: &'static str,
    /// A file that forewarm wrote there earlier has one of these near its beginning or its end; without any, no file is known
    /// as forewarm's.
    pub(super) marks: &'static [&'static str],
}

/// A file that is being written. It is deleted on drop unless [`Output::keep`] was called.
#[derive(Debug)]
pub(super) struct Output {
    shown: PathBuf,
    own: Own,
    /// The temporary and the final path; none for devices and pipes, which are written directly.
    names: Option<(Claim, PathBuf)>,
    made: MadeFolders,
}

impl Output {
    /// Opens a file, inside the results folder that is being written if its path is in there.
    ///
    /// # Errors
    /// A file that forewarm did not write, or an error of the operating system.
    pub(super) fn open(
        shown: &Path,
        own: Own,
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
                refuse_foreign(&target, shown, own)?;
                let inside = results.map_or(Ok(None), |results| results.inside(&target))?;
                let target = inside.unwrap_or(target);
                let parent = target.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
                let made = MadeFolders::make(parent).map_err(failed)?;
                let claim = Claim::of(&target, shown)?;
                let file = File::create_new(claim.temporary()).map_err(failed)?;
                (file, Some((claim, target)), made)
            }
        };
        let sink = Sink::new(Guarded { file, cancel: cancel.clone() }, shown).map_err(failed)?;
        Ok((Self { shown: shown.to_owned(), own, names, made }, sink))
    }

    /// Free space in bytes; none where that has no meaning or is unknown.
    pub(super) fn room(&self) -> Option<u64> {
        let (claim, _) = self.names.as_ref()?;
        fs4::available_space(claim.temporary().parent()?).ok()
    }

    /// Flushes the sink and renames the file to its final path, if writing succeeded.
    ///
    /// # Errors
    /// The first error; or a file that forewarm did not write and that was created in the meantime.
    pub(super) fn keep(self, written: io::Result<Sink>) -> Result<(), CliError> {
        let failed = |error| CliError::of_writing(self.shown.display(), error);
        let file = written.and_then(Sink::finish).map_err(failed)?;
        if let Some((claim, target)) = &self.names {
            file.sync_all().map_err(failed)?;
            refuse_foreign(target, &self.shown, self.own)?;
            fs::rename(claim.temporary(), target).map_err(failed)?;
        }
        self.made.keep();
        Ok(())
    }
}

/// Rejects an existing, non-empty file that forewarm did not write.
fn refuse_foreign(path: &Path, shown: &Path, own: Own) -> Result<(), CliError> {
    if !fs::metadata(path).is_ok_and(|known| known.is_file() && known.len() > 0) {
        return Ok(());
    }
    let shown = shown.display();
    let ends = ends(path).map_err(|error| CliError::of_path(format!("cannot look into {shown}"), error))?;
    if own.marks.iter().any(|mark| ends.contains(mark)) {
        return Ok(());
    }
    let message = match own.marks {
        [] => format!("{shown} already exists"),
        _ => format!("{shown} exists and was not created by forewarm, so it is not replaced"),
    };
    Err(CliError::input(message, &format!("use another file with {}, or remove this one first", own.option)))
}

/// The beginning of a file, decompressed if needed, and its end.
fn ends(path: &Path) -> io::Result<String> {
    const ENOUGH: u64 = 4096;
    let mut file = File::open(path)?;
    let (mut start, mut end) = (Vec::new(), Vec::new());
    (&file).take(ENOUGH).read_to_end(&mut start)?;
    // Compressed data decompresses to less if truncated, but to enough.
    let mut unpacked = Vec::new();
    let read = match start[..] {
        [0x1f, 0x8b, ..] => GzDecoder::new(&start[..]).take(ENOUGH).read_to_end(&mut unpacked),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            zstd::Decoder::with_buffer(&start[..]).and_then(|packed| packed.take(ENOUGH).read_to_end(&mut unpacked))
        }
        _ => Ok(0),
    };
    // A truncated stream is fine here.
    drop(read);
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(ENOUGH)))?;
    file.read_to_end(&mut end)?;
    Ok([start, unpacked, end].iter().map(|part| String::from_utf8_lossy(part)).collect())
}

/// The destination of the bytes.
pub(super) struct Sink(BufWriter<Coder>);

/// The lowest level: rows of numbers become no smaller at the default one, which takes twice as long.
const ZSTD_LEVEL: i32 = 1;

enum Coder {
    Plain(Guarded),
    Gzip(GzEncoder<Guarded>),
    Zstd(Box<zstd::Encoder<'static, Guarded>>),
}

impl Sink {
    fn new(file: Guarded, name: &Path) -> io::Result<Self> {
        let coder = match name.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Coder::Gzip(GzEncoder::new(file, flate2::Compression::fast())),
            Some("zst") => {
                let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
                // In a thread of its own, always one, because the bytes depend on whether there is any.
                encoder.multithread(1)?;
                Coder::Zstd(Box::new(encoder))
            }
            _ => Coder::Plain(file),
        };
        Ok(Self(BufWriter::with_capacity(BUFFER, coder)))
    }

    fn finish(self) -> io::Result<File> {
        let mut file = match self.0.into_inner().map_err(io::IntoInnerError::into_error)? {
            Coder::Plain(file) => file,
            Coder::Gzip(encoder) => encoder.finish()?,
            Coder::Zstd(encoder) => encoder.finish()?,
        };
        file.flush()?;
        Ok(file.file)
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

/// A file whose first write error ends the run, because the rest would be lost.
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

    const OWN: Own = Own { option: "--x", marks: &["a,b"] };

    fn write(name: &str, text: &[u8]) -> Vec<u8> {
        let root = tempfile::tempdir().unwrap();
        let results = Results::reserve(&root.path().join("results")).unwrap();
        let path = root.path().join("new").join(name);
        let (output, mut sink) = Output::open(&path, OWN, Some(&results), &CancelToken::default()).unwrap();
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
        let (output, sink) = Output::open(&path, OWN, Some(&results), &CancelToken::default()).unwrap();
        drop(sink);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(output.keep(Err(full)), Err(CliError::Environment(_))));
        assert!(!root.path().join("new").exists());
        let device = Path::new("/dev/full");
        if device.exists() {
            let cancel = CancelToken::default();
            let (output, mut sink) = Output::open(device, OWN, Some(&results), &cancel).unwrap();
            let written = sink.write_all(&vec![0; 2 * BUFFER]).map(|()| sink);
            assert!(cancel.is_cancelled());
            assert!(matches!(output.keep(written), Err(CliError::Environment(_))));
            assert!(device.exists());
        }
    }

    #[test]
    fn only_what_forewarm_wrote_is_written_over() {
        let root = tempfile::tempdir().unwrap();
        let open = |name: &str, own| Output::open(&root.path().join(name), own, None, &CancelToken::default());
        let text = b"a,b\n1,2\n".repeat(100_000);
        for name in ["x.csv", "x.csv.gz", "x.csv.zst"] {
            for _ in 0..2 {
                let (output, mut sink) = open(name, OWN).unwrap();
                sink.write_all(&text).unwrap();
                output.keep(Ok(sink)).unwrap();
            }
            assert!(matches!(open(name, Own { marks: &[], ..OWN }), Err(CliError::Input(_))), "{name}");
            fs::write(root.path().join(name), "mine").unwrap();
            assert!(matches!(open(name, OWN), Err(CliError::Input(_))), "{name}");
        }
        fs::write(root.path().join("empty"), "").unwrap();
        let (output, sink) = open("empty", OWN).unwrap();
        assert!(matches!(open("empty", OWN), Err(CliError::Input(_))), "it is being written");
        fs::write(root.path().join("empty"), "mine").unwrap();
        assert!(matches!(output.keep(Ok(sink)), Err(CliError::Input(_))), "came into being meanwhile");
        assert_eq!(fs::read(root.path().join("empty")).unwrap(), b"mine");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 4);
    }
}
