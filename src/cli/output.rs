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
use super::args::{ColorArg, TimeArg};
#[cfg(feature = "live")]
use super::live::whole::Whole;

/// Bytes written at a time: reports have megabytes.
const PIECE: usize = 64 << 10;

/// The report's destination.
pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    match path.filter(|path| path.as_os_str() != "-") {
        None => Ok(Box::new(BufWriter::with_capacity(PIECE, stdout().lock()))),
        Some(path) => {
            let file =
                File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(Box::new(BufWriter::with_capacity(PIECE, file)))
        }
    }
}

/// A destination that is open before it is written to: later there may be no right to open it.
pub(super) struct Prepared {
    #[cfg(feature = "live")]
    path: Option<PathBuf>,
    out: Out,
    /// Of a file that the report replaces once there is one.
    file: Option<File>,
}

enum Out {
    /// By another process, so that a line is there or not.
    #[cfg(feature = "live")]
    Whole(Whole),
    Other(Box<dyn Write>),
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
        out: Out::Other(Box::new(BufWriter::new(file.try_clone()?))),
        file: Some(file),
    })
}

/// Opens the destination of lines that follow those that are there; `whole` starts who writes a file.
#[cfg(feature = "live")]
pub(super) fn append(
    path: Option<&Path>,
    whole: impl FnOnce(&Path) -> Option<Whole>,
) -> anyhow::Result<Prepared> {
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
        return standard();
    };
    let file = lines(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Prepared {
        path: Some(path.to_owned()),
        out: match whole(path) {
            Some(whole) => Out::Whole(whole),
            None => Out::Other(Box::new(file)),
        },
        file: None,
    })
}

/// A file of lines. A line that somebody left half written is ended, so that the next is whole.
#[cfg(feature = "live")]
fn lines(path: &Path) -> io::Result<File> {
    use std::io::{Read as _, Seek as _, SeekFrom};

    let options = || File::options().append(true).create(true).clone();
    let mut last = [b'\n'];
    // What cannot be read, or has no end, has no last line.
    if let Ok(mut file) = options().read(true).open(path)
        && file.metadata()?.is_file()
        && file.seek(SeekFrom::End(-1)).is_ok()
    {
        file.read_exact(&mut last)?;
    }
    let mut file = options().open(path)?;
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn standard() -> anyhow::Result<Prepared> {
    Ok(Prepared {
        #[cfg(feature = "live")]
        path: None,
        out: Out::Other(open(None)?),
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
            let file = lines(path)?;
            match &mut self.out {
                Out::Whole(whole) => whole.open(path)?,
                Out::Other(out) => *out = Box::new(file),
            }
        }
        Ok(())
    }
}

impl Write for Prepared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            #[cfg(feature = "live")]
            Out::Whole(whole) => whole.write(bytes),
            Out::Other(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            #[cfg(feature = "live")]
            Out::Whole(whole) => whole.flush(),
            Out::Other(out) => out.flush(),
        }
    }
}

/// How reports look.
pub(super) fn options(args: &Args) -> Options {
    let terminal = args.output.is_none() && stdout().is_terminal();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    Options {
        time: args.time.into(),
        group: args.group.into(),
        zone: match args.time {
            TimeArg::Local => zone(),
            TimeArg::Utc | TimeArg::Relative | TimeArg::Epoch => TimeZone::UTC,
        },
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

/// The zone of this machine. Asked for only where it may be shown: the folders of all zones are read for it.
pub(super) fn zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
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
