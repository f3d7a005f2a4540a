//! Where reports go.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write, stdout};
use std::path::Path;

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
