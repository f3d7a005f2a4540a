//! What else the tool does besides explaining captures.

use std::fs;
use std::io::{self, BufRead, IsTerminal as _, Read as _, Write};
use std::path::Path;

use anyhow::Context as _;
use clap::{CommandFactory as _, Subcommand};
use clap_complete::Shell;

use crate::limits::Limits;
use crate::pki::hierarchy::{Environment, Hierarchy, State};
use crate::report::{decode, prose, safe};
use crate::wire;

use super::{Args, Exit};

/// A capture that has the name of one of these is given as ./host, ./info and so on.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Say what a lencr.org host, URL, OCSP path, serial, Base64 object or certificate, OCSP or CRL file means
    ///
    /// Without words, lines are read from standard input (the log of a resolver, proxy or firewall), and those that
    /// name a watched host or hold an OCSP request are printed with what they mean.
    Host {
        /// What to explain
        #[arg(value_name = "NAME|URL|PATH|SERIAL|BASE64|FILE")]
        words: Vec<String>,
    },
    /// List interfaces with addresses and state
    #[cfg(feature = "live")]
    Interfaces,
    /// Print completions for a shell
    Completions {
        /// Shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the man page (roff)
    Man,
    /// Print version, features, limits and what is known of the hierarchy: one paste for a bug report
    Info,
}

/// Longest line that is looked at whole; what follows counts as another.
const LINE: u64 = 64 << 10;
/// Longest file: a CRL of every certificate that a large CA ever revoked.
const LARGEST: u64 = 128 << 20;

/// Does what was asked.
///
/// # Errors
/// When a file cannot be read or the output not be written; when nothing given could be explained.
pub(super) fn run(command: &Command, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match command {
        Command::Host { words } if words.is_empty() => {
            return annotate(&mut io::stdin().lock(), out);
        }
        Command::Host { words } => return host(words, out),
        #[cfg(feature = "live")]
        Command::Interfaces => return super::live::list(out),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "whylencr", &mut text);
            out.write_all(&text)?;
        }
        Command::Man => clap_mangen::Man::new(Args::command()).render(&mut &mut *out)?,
        Command::Info => out.write_all(info().as_bytes())?,
    }
    Ok(Exit::Done)
}

fn host(words: &[String], out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut unknown = 0;
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        match explained(word)? {
            Some(text) => writeln!(out, "{text}")?,
            None => {
                unknown += 1;
                writeln!(
                    out,
                    "{}: nothing of lencr.org, and no serial, OCSP request, certificate or CRL",
                    safe::line(word)
                )?;
            }
        }
    }
    Ok(if unknown == words.len() {
        Exit::Failed
    } else {
        Exit::Done
    })
}

fn explained(word: &str) -> anyhow::Result<Option<String>> {
    let path = Path::new(word);
    if path.is_file() {
        let problem = || format!("cannot read {word}");
        let mut bytes = Vec::new();
        let file = fs::File::open(path).with_context(problem)?;
        file.take(LARGEST)
            .read_to_end(&mut bytes)
            .with_context(problem)?;
        return Ok(decode::object(&bytes).map(|text| format!("{}: {text}", safe::line(word))));
    }
    Ok(decode::word(word))
}

/// Lines that mean something, with what they mean.
fn annotate(input: &mut dyn BufRead, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (mut lines, mut told) = (0_u64, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        let taken = input
            .take(LINE)
            .read_until(b'\n', &mut line)
            .context("cannot read standard input")?;
        if taken == 0 {
            break;
        }
        lines += 1;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if let Some(meaning) = decode::line(text) {
            told += 1;
            // Columns stay apart on any terminal.
            writeln!(out, "{}", safe::visible(&text.replace('\t', "  ")))?;
            for part in meaning.lines() {
                writeln!(out, "    {part}")?;
            }
        }
    }
    if told == 0 && io::stderr().is_terminal() {
        eprintln!("whylencr: none of {lines} lines names a watched host");
    }
    if told > 0 {
        writeln!(out, "\n{}", prose::about())?;
    }
    Ok(Exit::Done)
}

fn info() -> String {
    let limits = Limits::default();
    let features: Vec<&str> = [
        ("live", cfg!(feature = "live")),
        ("mimalloc", cfg!(feature = "mimalloc")),
        ("tui", cfg!(feature = "tui")),
    ]
    .into_iter()
    .filter_map(|(name, on)| on.then_some(name))
    .collect();
    let hierarchy = Hierarchy::builtin();
    let named = |state: State| {
        let cas = hierarchy.cas().iter();
        let ours = cas.filter(|ca| ca.environment == Environment::Production && ca.state == state);
        ours.map(|ca| ca.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let links: Vec<String> = (0..=300)
        .map(crate::frame::LinkType)
        .filter(|link| wire::link_supported(*link))
        .map(|link| format!("{} ({})", wire::link_name(link), link.0))
        .collect();
    format!(
        "whylencr {}\n\
         System       {} {}\n\
         Features     {}\n\
         Fences       {}\n\
         Link types   {}\n\
         CAs in use   {}\n\
         Backup       {}\n\
         Retired      {}\n\
         Known        {} CAs, as of July 2026\n\
         Memory       at most about {} MiB when every limit below is reached; the report comes on top\n\
         Limits\n{}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        if features.is_empty() {
            "none (offline only)".to_owned()
        } else {
            features.join(", ")
        },
        fences(),
        links.join(", "),
        named(State::InUse),
        named(State::Backup),
        named(State::Retired),
        hierarchy.cas().len(),
        limits.memory() >> 20,
        indented(&format!("{limits:?}"))
    )
}

/// What holds on this system, found by putting it up in a thread that ends at once.
#[cfg(feature = "live")]
fn fences() -> String {
    let held = |fence: crate::capture::fence::Fence| {
        let tried = std::thread::spawn(move || fence.up()).join();
        match tried {
            Ok(Ok(held)) => held.to_string(),
            Ok(Err(error)) => format!("none: {error}"),
            Err(_) => "unknown".to_owned(),
        }
    };
    format!(
        "{}\n  where processes are looked into: {}",
        held(crate::capture::fence::Fence::default()),
        held(super::live::looking::fence(None))
    )
}

#[cfg(not(feature = "live"))]
fn fences() -> String {
    "none (built without live)".to_owned()
}

/// The fields of a debug form, which cannot be forgotten when a limit is added. Spans show nanoseconds.
fn indented(debug: &str) -> String {
    let fields = debug.trim_start_matches("Limits { ").trim_end_matches(" }");
    let fields = fields.split(", ");
    fields.map(|field| format!("  {field}\n")).collect()
}

#[cfg(test)]
mod tests;
