//! The loom for everything: arguments to rooms, results to exit codes.

#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "the command line speaks to people, opens what they name and times its progress"
)]

mod analysis;
mod args;
mod commands;
mod evidence;
#[cfg(feature = "tui")]
mod feed;
#[cfg(feature = "live")]
mod fenced;
mod growing;
mod inputs;
#[cfg(feature = "tui")]
mod interactive;
mod keylogs;
#[cfg(feature = "live")]
mod live;
mod offline;
mod output;
mod progress;
mod reading;
mod redact;
mod say;
mod shared;
#[cfg(feature = "live")]
mod sieve;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

pub use args::Args;
pub use commands::Command;

/// How a run ended, as the exit code says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed; a message was printed.
    Failed,
    /// Finished, but an input was cut or partly unreadable: the results hold up to there.
    Incomplete,
    /// No permission to capture.
    NoPermission,
    /// `--fail-on` matched.
    Matched,
    /// A signal ended the terminal UI: its number. Shells report such ends in the same way.
    Signal(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Incomplete => 3,
            Exit::NoPermission => 4,
            Exit::Matched => 10,
            Exit::Signal(number) => number.saturating_add(128),
        })
    }
}

/// Runs the tool with the arguments of the process. Usage errors end with 2 (clap's own).
#[must_use]
pub fn main() -> ExitCode {
    #[cfg(feature = "live")]
    if let Some(ended) = live::second::wanted() {
        return ended;
    }
    let args = Args::parse();
    #[cfg(feature = "live")]
    if args.live.log_levels {
        say::with_levels();
    }
    match run(&args) {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            say::error(message(&error));
            Exit::Failed.into()
        }
    }
}

/// The rules as the docs have them; a test holds them against the rule table.
const RULES: &str = include_str!("../../docs/rules.md");

fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.explain_rules {
        output::open(args.output.as_deref())?.write_all(RULES.as_bytes())?;
        return Ok(Exit::Done);
    }
    if let Some(command) = &args.command {
        let mut out = output::open(None)?;
        let exit = commands::run(command, &mut out)?;
        out.flush()?;
        return Ok(exit);
    }
    #[cfg(feature = "live")]
    if let Some(exit) = live::wanted(args)? {
        return Ok(exit);
    }
    #[cfg(feature = "tui")]
    if interactive::wanted(args)? {
        return interactive::run(args);
    }
    offline::run(args)
}

/// The causes in one line, each said once: some name their own cause already.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let colon = if text.is_empty() { "" } else { ": " };
            text.push_str(colon);
            text.push_str(&cause);
        }
    }
    text
}

/// Whoever read our output has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use crate::correlate::rules::RULES as TABLE;

    #[test]
    fn the_docs_hold_every_rule() {
        for rule in TABLE {
            let row = format!("| {} | {} | {} | ", rule.name, rule.reason, rule.source);
            assert!(super::RULES.contains(&row), "docs/rules.md lacks: {row}");
        }
    }
}
