//! Room 7: the terminal UI.
//!
//! ```text
//!   keys, mouse, reports ──> Message ──> App::update ──> Effect ──> the world
//!                                           │
//!                                         view ──> cells
//! ```
//!
//! `update` and `view` do no I/O; everything else is here and in `terminal`. The screen shows text of the network only
//! through [`crate::report::safe`], and `view` looks over every cell once more at the end.

#![expect(
    clippy::disallowed_methods,
    reason = "the loop opens the terminal, keeps its pace by the clock and writes the reports asked for"
)]

mod app;
mod clipboard;
mod index;
pub mod keys;
mod packets;
mod tables;
mod terminal;
mod text;
mod theme;
mod timeline;
mod view;

#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};

use crate::frame::FrameNo;
use crate::report;

pub use app::{App, Effect, Message, Screen, Start, Update};
pub use packets::FrameBytes;
pub use theme::ThemeName;
pub use view::view;

use terminal::{Signal, Terminal};

/// Reads frames again from where they came from.
pub type FrameReader = Arc<dyn Fn(&[FrameNo]) -> Result<Vec<FrameBytes>, String> + Send + Sync>;

/// How the UI starts and whom it tells to stop.
#[derive(Clone, Default)]
pub struct TuiOptions {
    /// How it starts.
    pub start: Start,
    /// Set when reading shall stop.
    pub stop: Arc<AtomicBool>,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// How frames are read again; None when they cannot be.
    pub frames: Option<FrameReader>,
}

/// How the UI ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Exit {
    /// The user quit.
    Quit,
    /// A signal asked for it: its number.
    Signal(i32),
}

/// Time between two looks at the reader while nothing is typed: also the most that a report waits.
const PACE: Duration = Duration::from_millis(33);
/// The same when nothing more will come.
const REST: Duration = Duration::from_millis(250);

/// Runs the UI until the user quits. The terminal is restored whatever happens.
///
/// # Errors
/// When the terminal cannot be set up, read or written.
pub fn run(feed: &Receiver<Update>, options: TuiOptions) -> io::Result<Exit> {
    let mut terminal = Terminal::open(options.mouse)?;
    let mut app = App::new(options.start, terminal.size()?);
    let mut open = true;
    let (answer, answers) = channel();
    terminal.draw(&app)?;
    loop {
        let mut changed = match terminal.signal() {
            Some(Signal::End(number)) => {
                options.stop.store(true, Ordering::Relaxed);
                return Ok(Exit::Signal(number));
            }
            Some(Signal::Stop) => {
                terminal.suspend()?;
                true
            }
            Some(Signal::Continue) => {
                terminal.resume()?;
                true
            }
            None => false,
        };
        while open {
            match feed.try_recv() {
                Ok(update) => {
                    app.update(Message::Update(update));
                    changed = true;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    open = false;
                    if app.is_reading() {
                        let why = "the reader stopped without a word".to_owned();
                        app.update(Message::Update(Update::Ended(Some(why))));
                        changed = true;
                    }
                }
            }
        }
        while let Ok(frames) = answers.try_recv() {
            app.update(Message::Frames(frames));
            changed = true;
        }
        if changed {
            terminal.draw(&app)?;
        }
        if !event::poll(if app.is_reading() { PACE } else { REST })? {
            continue;
        }
        // What was typed while drawing is taken in one go, so that held keys do not lag behind.
        let until = Instant::now() + PACE;
        loop {
            if let Some(effect) = message(event::read()?).and_then(|m| app.update(m)) {
                let stop = matches!(effect, Effect::Quit | Effect::StopReading);
                if stop {
                    options.stop.store(true, Ordering::Relaxed);
                }
                if matches!(effect, Effect::Quit) {
                    return Ok(Exit::Quit);
                }
                if let Effect::ReadFrames(wanted) = effect {
                    read_frames(wanted, options.frames.as_ref(), &answer);
                } else if let Some(done) = carry_out(effect, &mut terminal)? {
                    app.update(Message::Done(done));
                }
            }
            if Instant::now() >= until || !event::poll(Duration::ZERO)? {
                break;
            }
        }
        terminal.draw(&app)?;
    }
}

/// Does what the UI asked for; says how it went where that is not plain to see.
fn carry_out(
    effect: Effect,
    terminal: &mut Terminal,
) -> io::Result<Option<Result<String, String>>> {
    Ok(match effect {
        Effect::Quit | Effect::StopReading | Effect::ReadFrames(_) => None,
        Effect::Suspend => {
            terminal.suspend()?;
            None
        }
        Effect::Redraw => {
            rehearse_panic("screen");
            terminal.clear()?;
            None
        }
        Effect::Copy(text, what) => Some(clipboard::copy(&text, what)),
        Effect::Save {
            format,
            path,
            report,
            options,
        } => Some(save(format, &path, &report, &options)),
    })
}

/// Reads in a thread of its own: a large capture takes a while.
fn read_frames(
    wanted: Vec<FrameNo>,
    reader: Option<&FrameReader>,
    answer: &Sender<Result<Vec<FrameBytes>, String>>,
) {
    let answer = answer.clone();
    match reader.map(Arc::clone) {
        Some(reader) => {
            std::thread::spawn(move || {
                // The UI may be gone by then.
                let _ = answer.send(reader(&wanted));
            });
        }
        None => {
            let _ = answer.send(Err("There is no file to read them from.".into()));
        }
    }
}

/// Debug builds run into a mistake where `WHYLENCR_REHEARSE_PANIC` says so: how else should a test see that the
/// terminal survives one?
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn rehearse_panic(place: &str) {
    if std::env::var("WHYLENCR_REHEARSE_PANIC").is_ok_and(|wanted| wanted == place) {
        panic!("rehearsed mistake in the {place}");
    }
}

/// No release can be told to panic.
#[cfg(not(debug_assertions))]
pub(crate) const fn rehearse_panic(_place: &str) {}

fn message(event: Event) -> Option<Message> {
    Some(match event {
        Event::Key(key) => Message::Key(key),
        Event::Mouse(mouse) => Message::Mouse(mouse),
        Event::Resize(columns, rows) => Message::Resize(columns, rows),
        Event::Paste(text) => Message::Paste(text),
        Event::FocusGained | Event::FocusLost => return None,
    })
}

/// Writes a report to a new file; never over another.
fn save(
    format: report::Format,
    path: &str,
    report: &crate::finding::Report,
    options: &report::Options,
) -> Result<String, String> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{path} exists already; choose another name."),
            _ => format!("Cannot write {path}: {error}"),
        })?;
    let mut out = BufWriter::new(file);
    report::write(format, report, options, &mut out)
        .and_then(|()| out.flush())
        .map_err(|error| format!("Cannot write {path}: {error}"))?;
    Ok(format!("Wrote {path}."))
}
