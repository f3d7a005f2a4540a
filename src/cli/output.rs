//! Where reports go.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::path::Path;
#[cfg(feature = "live")]
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::tz::TimeZone;

use crate::report::Options;

use super::Args;
use super::args::ColorArg;

/// The report's destination.
pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    match path {
        None => Ok(Box::new(BufWriter::new(stdout().lock()))),
        Some(path) if path.as_os_str() == "-" => Ok(Box::new(BufWriter::new(stdout().lock()))),
        Some(path) => {
            let file =
                File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(Box::new(BufWriter::new(file)))
        }
    }
}

/// A destination that is open before it is written to: later there may be no right to open it.
pub(super) struct Prepared {
    #[cfg(feature = "live")]
    path: Option<PathBuf>,
    out: Box<dyn Write>,
    /// Of a file that the report replaces once there is one.
    file: Option<File>,
}

/// Opens the destination of a report. What is there stays until the report is.
pub(super) fn prepare(path: Option<&Path>) -> anyhow::Result<Prepared> {
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
        return standard();
    };
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Prepared {
        #[cfg(feature = "live")]
        path: Some(path.to_owned()),
        out: Box::new(BufWriter::new(file.try_clone()?)),
        file: Some(file),
    })
}

/// Opens the destination of lines that follow those that are there.
#[cfg(feature = "live")]
pub(super) fn append(path: Option<&Path>) -> anyhow::Result<Prepared> {
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
        return standard();
    };
    let file = lines(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Prepared {
        path: Some(path.to_owned()),
        out: Box::new(file),
        file: None,
    })
}

#[cfg(feature = "live")]
fn lines(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}

fn standard() -> anyhow::Result<Prepared> {
    Ok(Prepared {
        #[cfg(feature = "live")]
        path: None,
        out: open(None)?,
        file: None,
    })
}

impl Prepared {
    /// Empties what is there, for the report that comes now.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match &self.file {
            // Devices and pipes have no length.
            Some(file) if file.metadata()?.is_file() => file.set_len(0),
            _ => Ok(()),
        }
    }

    /// Opens the file of that name anew, for lines.
    #[cfg(feature = "live")]
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        if let (Some(path), None) = (&self.path, &self.file) {
            self.out = Box::new(lines(path)?);
        }
        Ok(())
    }
}

impl Write for Prepared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How reports look.
pub(super) fn options(args: &Args) -> Options {
    let terminal = args.output.is_none() && stdout().is_terminal();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    Options {
        time: args.time.into(),
        group: args.group.into(),
        zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
        color: match args.color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => terminal && !no_color && !is_dumb(),
        },
        ascii: args.ascii,
        width: if terminal { width() } else { 80 },
        verbose: args.verbose,
        ..Options::default()
    }
}

/// Whether the terminal says that it obeys nothing but line feeds.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Columns of the terminal; people do not read lines beyond 120.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    #[cfg(feature = "tui")]
    let columns = columns.or_else(|| {
        crossterm::terminal::size()
            .ok()
            .map(|(w, _)| usize::from(w))
    });
    columns.unwrap_or(80).clamp(40, 120)
}
