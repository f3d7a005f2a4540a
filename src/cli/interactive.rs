//! Capture files to the terminal UI: a reader thread owns the engine, the UI gets reports.

use std::any::Any;
use std::io::{IsTerminal as _, stdin, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::filter::Filter;
use crate::report::{self, redact::Redaction};
use crate::tui::{self, FrameReader, Start, ThemeName, TuiOptions, Update};

use super::args::{ColorArg, FormatArg, ThemeArg};
use super::reading::Reading;
use super::{Args, Exit, output, redact};

/// Reports are made at most this often, and take at most a tenth of the reader's time.
const REPORTS: Duration = Duration::from_millis(100);
/// How far reading has got is told this often.
const PROGRESS: Duration = Duration::from_millis(50);

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
            let aside = args.output.is_some() || !args.fail_on.is_empty() || args.follow;
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
    if piped {
        Some("standard input is the capture, so no key could be read")
    } else if args.write.is_some() {
        Some("it writes no evidence capture (-w)")
    } else if args.redact.is_some() {
        Some("it shows no pseudonyms (--redact)")
    } else if !stdin().is_terminal() {
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

/// Opens the UI and reads all inputs behind it.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(expression) = &args.filter {
        Filter::parse(expression).context("--where")?;
    }
    let reading = Reading::prepare(args)?;
    let options = reading.options.clone();
    let paths = reading.paths.clone();
    let again: FrameReader = Arc::new(move |wanted| {
        Reading::again(&paths, wanted).map_err(|error| format!("{error:#}"))
    });
    show(args, options, Some(again), move |feed, stop| {
        read(reading, feed, stop)
    })
}

/// Opens the UI over whatever `read` feeds it from a thread of its own; it gives back what went wrong.
pub(super) fn show<R>(
    args: &Args,
    options: report::Options,
    frames: Option<FrameReader>,
    read: R,
) -> anyhow::Result<Exit>
where
    R: FnOnce(&Sender<Update>, &AtomicBool) -> anyhow::Result<Vec<String>> + Send + 'static,
{
    let redaction = match redact::redaction(args)? {
        Some(redaction) => redaction,
        None => Redaction {
            key: redact::fresh()?,
            sites: false,
        },
    };
    let stop = Arc::new(AtomicBool::new(false));
    let damaged = Arc::new(AtomicBool::new(false));
    let start = TuiOptions {
        start: Start {
            options,
            theme: theme(args),
            ascii: args.ascii || !speaks_unicode(),
            filter: args.filter.clone().unwrap_or_default(),
            redaction: Some(redaction),
            redacted: args.redact.is_some(),
        },
        stop: Arc::clone(&stop),
        mouse: true,
        frames,
    };
    let feed = read_aside(read, stop, Arc::clone(&damaged));
    if let tui::Exit::Signal(number) = tui::run(&feed, start)? {
        return Ok(Exit::Signal(u8::try_from(number).unwrap_or(0)));
    }
    Ok(if damaged.load(Ordering::Relaxed) {
        Exit::Incomplete
    } else {
        Exit::Done
    })
}

/// Reads in a thread of its own. Whatever happens there is told, never printed over the screen.
fn read_aside<R>(read: R, stop: Arc<AtomicBool>, damaged: Arc<AtomicBool>) -> Receiver<Update>
where
    R: FnOnce(&Sender<Update>, &AtomicBool) -> anyhow::Result<Vec<String>> + Send + 'static,
{
    let (sender, feed) = channel();
    std::thread::spawn(move || {
        let read = || {
            tui::rehearse_panic("reader");
            read(&sender, &stop)
        };
        let ended = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(problems)) => {
                damaged.store(!problems.is_empty(), Ordering::Relaxed);
                (!problems.is_empty()).then(|| problems.join("; "))
            }
            Ok(Err(error)) => {
                damaged.store(true, Ordering::Relaxed);
                Some(format!("{error:#}"))
            }
            Err(mistake) => {
                damaged.store(true, Ordering::Relaxed);
                Some(format!(
                    "reading ran into a mistake of this program ({}); the results so far stand",
                    said(mistake.as_ref())
                ))
            }
        };
        // The UI may be gone by now.
        let _ = sender.send(Update::Ended(ended));
    });
    feed
}

/// What a panic said.
fn said(mistake: &(dyn Any + Send)) -> &str {
    let owned = mistake.downcast_ref::<String>().map(String::as_str);
    let fixed = || mistake.downcast_ref::<&str>().copied();
    owned.or_else(fixed).unwrap_or("no words")
}

/// What an input was damaged by, if any was.
fn read(
    mut reading: Reading,
    feed: &Sender<Update>,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<String>> {
    let started = Instant::now();
    let (mut told, mut reported) = (started, started);
    let mut pause = REPORTS;
    let mut shown = 0;
    let mut source = reading.open(None)?;
    let size = source.size();
    loop {
        let frames = reading.frames;
        if frames.is_multiple_of(512) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let now = Instant::now();
            if now.duration_since(told) >= PROGRESS {
                told = now;
                let consumed = source.consumed();
                let rate = rate(consumed, now.duration_since(started));
                let _ = feed.send(Update::Progress {
                    consumed,
                    size,
                    frames,
                    rate,
                });
            }
            if now.duration_since(reported) >= pause {
                let report = Arc::new(reading.engine.report());
                let _ = feed.send(Update::Report(report));
                reported = Instant::now();
                pause = REPORTS.max(reported.duration_since(now) * 9);
            }
        }
        let going = reading.step(&mut source);
        for interface in reading.options.interfaces.iter().skip(shown) {
            let _ = feed.send(Update::Interface(interface.clone()));
        }
        shown = reading.options.interfaces.len();
        if !going {
            break;
        }
    }
    reading.engine.close();
    let _ = feed.send(Update::Report(Arc::new(reading.engine.report())));
    let problems = source.damaged();
    Ok(problems
        .map(|(file, ended)| format!("{file}: {ended}"))
        .collect())
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64().max(1e-3)
}

fn theme(args: &Args) -> ThemeName {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    match (args.theme, args.color) {
        (ThemeArg::Dark, _) => ThemeName::Dark,
        (ThemeArg::Light, _) => ThemeName::Light,
        (ThemeArg::HighContrast, _) => ThemeName::HighContrast,
        (ThemeArg::ColorBlind, _) => ThemeName::ColorBlind,
        (ThemeArg::Mono, _) | (ThemeArg::Auto, ColorArg::Never) => ThemeName::Mono,
        (ThemeArg::Auto, ColorArg::Auto) if plain => ThemeName::Mono,
        (ThemeArg::Auto, _) => background(),
    }
}

/// Light or dark, as far as the terminal says (rxvt and others set COLORFGBG).
fn background() -> ThemeName {
    let said = std::env::var("COLORFGBG").unwrap_or_default();
    match said.rsplit(';').next() {
        Some("7" | "15") => ThemeName::Light,
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
