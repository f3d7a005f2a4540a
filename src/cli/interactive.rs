//! Capture files to the terminal UI: a reader thread owns the engine, the UI gets reports.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal as _, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Context as _;
use etcetera::BaseStrategy as _;
use terminal_colorsaurus::{QueryOptions, background_color};

use crate::capture::merge;
use crate::filter::Filter;
use crate::finding::FindingId;
use crate::report::{self, redact::Redaction};
use crate::tui::config::Config;
use crate::tui::{
    self, EvidenceWriter, FrameReader, Input, Opener, Start, ThemeName, TuiOptions, Update,
};

use super::args::{ColorArg, FormatArg, ThemeArg};
use super::reading::Reading;
use super::{Args, Exit, evidence, feed, message, output, redact, say};

/// Whether the UI is asked for and possible.
///
/// # Errors
/// When it is asked for and not possible; the message says what to do.
pub(super) fn wanted(args: &Args) -> anyhow::Result<bool> {
    let obstacle = obstacle(args);
    match (args.format, obstacle) {
        (Some(FormatArg::Tui), Some(obstacle)) => {
            anyhow::bail!("the terminal UI does not work here: {obstacle}; try --format text")
        }
        (Some(FormatArg::Tui), None) => Ok(true),
        (Some(_), _) => Ok(false),
        // Whoever names a file or wants an exit code is not going to look at a screen.
        (None, obstacle) => {
            let aside = args.output.is_some() || !args.fail_on.is_empty();
            Ok(obstacle.is_none() && !aside)
        }
    }
}

/// Why the UI cannot be.
fn obstacle(args: &Args) -> Option<&'static str> {
    let piped = args
        .read
        .iter()
        .chain(&args.captures)
        .any(|p| p.as_os_str() == "-");
    if piped && stdin().is_terminal() {
        Some("standard input is to be the capture, but is a terminal")
    } else if piped && !has_keyboard() {
        Some("standard input is the capture, and there is no terminal to read keys from")
    } else if args.write.is_some() {
        Some("-w writes and ends; w in the terminal UI writes the same")
    } else if !piped && !stdin().is_terminal() {
        Some("standard input is no terminal")
    } else if !stdout().is_terminal() {
        Some("standard output is no terminal")
    } else if output::is_dumb() {
        Some("TERM=dumb says that the cursor cannot be moved")
    } else if cfg!(unix) && std::env::var_os("TERM").is_none_or(|term| term.is_empty()) {
        Some("TERM is not set")
    } else {
        None
    }
}

/// Whether keys can be read although standard input is something else.
fn has_keyboard() -> bool {
    cfg!(unix) && File::open("/dev/tty").is_ok()
}

/// Opens the UI and reads all inputs behind it.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(expression) = &args.filter {
        Filter::parse(expression).context("--where")?;
    }
    let settings = settings(args)?;
    let damaged = Arc::new(AtomicBool::new(false));
    let (options, input) = open(args, &damaged)?;
    present(args, settings, options, input, &damaged)
}

/// Opens the UI over whatever `read` feeds it from a thread of its own; it gives back what went wrong.
#[cfg(feature = "live")]
pub(super) fn show<R>(args: &Args, options: report::Options, read: R) -> anyhow::Result<Exit>
where
    R: FnOnce(&Sender<Update>, &AtomicBool) -> anyhow::Result<Vec<String>> + Send + 'static,
{
    let options = report::Options {
        zone: output::zone(),
        ..options
    };
    let settings = settings(args)?;
    let (stop, damaged) = (Arc::default(), Arc::default());
    let input = Input {
        feed: feed::aside(read, Arc::clone(&stop), Arc::clone(&damaged)),
        stop,
        frames: None,
        evidence: None,
    };
    present(args, settings, options, input, &damaged)
}

/// Begins to read the inputs.
fn open(args: &Args, damaged: &Arc<AtomicBool>) -> anyhow::Result<(report::Options, Input)> {
    let reading = Reading::prepare(args)?;
    let mut options = reading.options.clone();
    options.zone = output::zone();
    if args.redact.is_some() {
        redact::sources(&mut options);
    }
    let paths = reading.paths.clone();
    // What is no pipe is refused here if it cannot be read, and not on a screen that hides the question.
    let pipe = |path: &PathBuf| {
        path.as_os_str() == "-" || std::fs::metadata(path).is_ok_and(|meta| !meta.is_file())
    };
    let regular = !paths.iter().any(pipe);
    if regular {
        merge::open_all(&paths, None)?;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let read = {
        let follow = args.follow.then(|| Arc::clone(&stop));
        #[cfg(feature = "live")]
        let args = args.clone();
        move |feed: &Sender<Update>, stop: &AtomicBool| {
            // The thread that draws writes reports where people tell it to; the one that reads may not.
            #[cfg(feature = "live")]
            super::fenced::whole(&args)?;
            if regular && follow.is_none() {
                feed::files(reading, feed, stop)
            } else {
                feed::streams(reading, follow.as_ref(), feed, stop)
            }
        }
    };
    let input = Input {
        feed: feed::aside(read, Arc::clone(&stop), Arc::clone(damaged)),
        stop,
        frames: regular.then(|| frames(paths.clone())),
        evidence: regular.then(|| evidence(paths, args.keylog.clone(), args.count)),
    };
    Ok((options, input))
}

fn frames(paths: Vec<PathBuf>) -> FrameReader {
    Arc::new(move |wanted| Reading::again(&paths, wanted).map_err(|error| message(&error)))
}

fn evidence(paths: Vec<PathBuf>, keylogs: Vec<PathBuf>, count: Option<u64>) -> EvidenceWriter {
    Arc::new(move |wanted| {
        write_evidence(&paths, &keylogs, count, wanted).map_err(|error| message(&error))
    })
}

fn write_evidence(
    inputs: &[PathBuf],
    keylogs: &[PathBuf],
    count: Option<u64>,
    wanted: &tui::Evidence,
) -> anyhow::Result<String> {
    let path = Path::new(&wanted.path);
    evidence::check(inputs, path)?;
    let request = evidence::Request {
        inputs,
        count,
        filter: (!wanted.filter.is_empty()).then_some(wanted.filter.as_str()),
        secrets: None,
        keylogs,
        redaction: wanted.redaction.as_ref(),
        origin: None,
    };
    let chosen: HashSet<FindingId> = wanted.selected.iter().copied().collect();
    let findings = wanted.report.findings.iter();
    let selected: Vec<_> = findings.filter(|f| chosen.contains(&f.id)).collect();
    let problem = || format!("cannot write {}", path.display());
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut out = BufWriter::new(file.with_context(problem)?);
    let written = evidence::write(&request, &wanted.report, &selected, &mut out)?;
    out.flush().with_context(problem)?;
    let left_out = match written.left_out {
        0 => String::new(),
        n => format!(" The payload of {n} of them was left out: nobody can vouch for it."),
    };
    Ok(format!(
        "Wrote {} of {} frames to {}.{left_out}",
        written.kept, written.of, wanted.path
    ))
}

/// Runs the UI over an input.
fn present(
    args: &Args,
    settings: Config,
    options: report::Options,
    input: Input,
    damaged: &Arc<AtomicBool>,
) -> anyhow::Result<Exit> {
    let redaction = match redact::redaction(args)? {
        Some(redaction) => redaction,
        None => Redaction {
            key: redact::fresh()?,
            sites: false,
        },
    };
    let another: Opener = {
        let (args, damaged) = (args.clone(), Arc::clone(damaged));
        Arc::new(move |path| {
            let args = Args {
                captures: vec![path.into()],
                read: Vec::new(),
                follow: false,
                ..args.clone()
            };
            open(&args, &damaged).map_err(|error| message(&error))
        })
    };
    let start = TuiOptions {
        start: Start {
            options,
            theme: theme(args, &settings),
            ascii: args.ascii || settings.ascii.unwrap_or_else(|| !speaks_unicode()),
            keys: settings.keys,
            columns: settings.columns,
            filter: args.filter.clone().unwrap_or_default(),
            redaction: Some(redaction),
            redacted: args.redact.is_some(),
        },
        mouse: settings.mouse.unwrap_or(true),
        open: Some(another),
    };
    if let tui::Exit::Signal(number) = say::afterwards(|| tui::run(input, start))? {
        return Ok(Exit::Signal(u8::try_from(number).unwrap_or(0)));
    }
    Ok(if damaged.load(Ordering::Relaxed) {
        Exit::Incomplete
    } else {
        Exit::Done
    })
}

/// The configuration: the file named, else the user's own where there is one.
fn settings(args: &Args) -> anyhow::Result<Config> {
    let path = match &args.config {
        Some(path) => path.clone(),
        None => match own_config() {
            Some(path) if path.exists() => path,
            _ => return Ok(Config::default()),
        },
    };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?;
    Config::parse(&text).map_err(|error| anyhow::anyhow!("{}, {error}", path.display()))
}

/// `$XDG_CONFIG_HOME/whylencr/config.toml`, or what stands in for it on other systems.
fn own_config() -> Option<PathBuf> {
    let folder = etcetera::choose_base_strategy().ok()?.config_dir();
    Some(folder.join("whylencr").join("config.toml"))
}

/// What the command line says counts for more than the configuration, and that for more than a guess.
fn theme(args: &Args, settings: &Config) -> ThemeName {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    match (args.theme, args.color) {
        (ThemeArg::Dark, _) => ThemeName::Dark,
        (ThemeArg::Light, _) => ThemeName::Light,
        (ThemeArg::HighContrast, _) => ThemeName::HighContrast,
        (ThemeArg::ColorBlind, _) => ThemeName::ColorBlind,
        (ThemeArg::Mono, _) | (ThemeArg::Auto, ColorArg::Never) => ThemeName::Mono,
        (ThemeArg::Auto, ColorArg::Auto) if plain => ThemeName::Mono,
        (ThemeArg::Auto, _) => settings.theme.unwrap_or_else(background),
    }
}

/// Terminals at hand answer within a few milliseconds, and nobody wants to wait for those that do not.
const ANSWER: Duration = Duration::from_millis(60);

/// Light or dark, as far as the terminal says: some set COLORFGBG, most answer when asked (OSC 11). Far ones are
/// not asked: an answer that comes late would look like something typed.
fn background() -> ThemeName {
    let said = std::env::var("COLORFGBG").unwrap_or_default();
    match said.rsplit(';').next() {
        Some("7" | "15") => return ThemeName::Light,
        Some("") | None => {}
        Some(_) => return ThemeName::Dark,
    }
    if ["SSH_CONNECTION", "SSH_TTY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        return ThemeName::Dark;
    }
    let mut options = QueryOptions::default();
    options.timeout = ANSWER;
    match background_color(options).map(|color| color.perceived_lightness()) {
        Ok(lightness) if lightness > 0.5 => ThemeName::Light,
        _ => ThemeName::Dark,
    }
}

/// Whether the locale is UTF-8. One that says nothing most likely is.
fn speaks_unicode() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    said.is_none_or(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}
