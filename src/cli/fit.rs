//! `forewarm fit`.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::args::FitArgs;
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::output::{Output, Own};
use super::print::{create_new, name_of, wrote};
use super::terminal;
use crate::fit::{self, MAX_BYTES, Measured};
use crate::report::fit as report;

/// Reads the files, fits, writes.
pub(super) fn fit(args: &FitArgs) -> Result<ExitStatus, CliError> {
    let measured = measured(&args.files)?;
    let name = match (&args.out, args.files.first()) {
        (Some(out), _) => name_of(out),
        (None, Some(first)) if first.as_os_str() != "-" => name_of(first),
        _ => "fitted".to_owned(),
    };
    let page = args.report.as_deref().map(|path| {
        let own = Own { option: "--report", marks: &["name=\"generator\" content=\"forewarm "] };
        Output::open(path, own, None, &CancelToken::default())
    });
    let page = page.transpose()?;
    let found = fit::fit(&name, &measured);
    if let Some((output, mut sink)) = page {
        let written = sink.write_all(report::page(&name, &found, &measured).as_bytes()).map(|()| sink);
        output.keep(written)?;
    }
    match &args.out {
        Some(path) => {
            let mut file = create_new(path)?;
            let written = file.write_all(found.scenario.as_bytes()).and_then(|()| file.sync_all());
            written.map_err(|error| {
                let _ = std::fs::remove_file(path);
                CliError::of_writing(path.display(), error)
            })?;
            if !args.quiet {
                terminal::print(&format!("{}\n{}\n", found.report, wrote(path)))?;
            }
        }
        None => {
            terminal::print(&found.scenario)?;
            if !args.quiet {
                terminal::complain(&found.report);
            }
        }
    }
    Ok(ExitStatus::Success)
}

/// What files say together.
pub(super) fn measured(paths: &[impl AsRef<Path>]) -> Result<Measured, CliError> {
    let files: Vec<(String, String)> = paths.iter().map(|path| text(path.as_ref())).collect::<Result<_, _>>()?;
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    fit::read(files).map_err(|error| CliError::Input(anyhow::anyhow!(error)))
}

/// The name and the text of a file, unpacked if it is packed.
fn text(path: &Path) -> Result<(String, String), CliError> {
    let from_stdin = path == Path::new("-");
    let name = if from_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let failed = |error| CliError::of_path(format!("cannot read {name}"), error);
    let too_large = || {
        let message = format!("{name} is larger than the limit of {} MB", MAX_BYTES >> 20);
        CliError::input(message, "part of it is enough, such as a few hours of a day")
    };
    let input: Box<dyn Read> = if from_stdin {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(failed)?;
        if file.metadata().is_ok_and(|metadata| metadata.len() > MAX_BYTES as u64) {
            return Err(too_large());
        }
        Box::new(file)
    };
    let ending = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let input: Box<dyn Read> = match ending {
        "gz" => Box::new(MultiGzDecoder::new(input)),
        "zst" => Box::new(zstd::Decoder::new(input).map_err(failed)?),
        _ => input,
    };
    let mut bytes = Vec::new();
    input.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        return Err(too_large());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text)),
        // Web servers log whatever clients send.
        Err(error) => Ok((name, String::from_utf8_lossy(error.as_bytes()).into_owned())),
    }
}
