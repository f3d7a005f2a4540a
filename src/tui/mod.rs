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
pub mod columns;
pub mod config;
mod files;
mod index;
pub mod keymap;
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

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};

use crate::frame::FrameNo;
use crate::report;

pub use app::{App, Effect, Evidence, Message, Screen, Start, Update};
pub use packets::FrameBytes;
pub use theme::ThemeName;
pub use view::view;

use terminal::{Signal, Terminal};

/// Reads frames again from where they came from.
pub type FrameReader = Arc<dyn Fn(&[FrameNo]) -> Result<Vec<FrameBytes>, String> + Send + Sync>;
/// Writes an evidence capture; says what it wrote.
pub type EvidenceWriter = Arc<dyn Fn(&Evidence) -> Result<String, String> + Send + Sync>;
/// Begins to read another capture; how reports on it look comes with it.
pub type Opener = Arc<dyn Fn(&str) -> Result<(report::Options, Input), String>>;

/// What is read, as the UI gets it.
pub struct Input {
    /// News of the reader.
    pub feed: Receiver<Update>,
    /// Set when reading shall stop.
    pub stop: Arc<AtomicBool>,
    /// How frames are read again; None when they cannot be.
    pub frames: Option<FrameReader>,
    /// How evidence is written; None when it cannot be.
    pub evidence: Option<EvidenceWriter>,
}

/// How the UI runs.
#[derive(Clone, Default)]
pub struct TuiOptions {
    /// How it starts.
    pub start: Start,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// How another capture is opened; None when it cannot be.
    pub open: Option<Opener>,
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
pub fn run(input: Input, options: TuiOptions) -> io::Result<Exit> {
    let terminal = Terminal::open(options.mouse)?;
    let app = App::new(options.start, terminal.size()?);
    let (answer, answers) = channel();
    let mut ui = Running {
        terminal,
        app,
        input,
        open: options.open,
        answer,
    };
    let ended = ui.run(&answers);
    ui.input.stop.store(true, Ordering::Relaxed);
    ended
}

/// The UI and what it is connected to.
struct Running {
    terminal: Terminal,
    app: App,
    input: Input,
    open: Option<Opener>,
    /// For what takes long and is done aside.
    answer: Sender<Message>,
}

impl Running {
    fn run(&mut self, answers: &Receiver<Message>) -> io::Result<Exit> {
        self.terminal.draw(&self.app)?;
        loop {
            let mut changed = match self.terminal.signal() {
                Some(Signal::End(number)) => return Ok(Exit::Signal(number)),
                Some(Signal::Stop) => {
                    self.terminal.suspend()?;
                    true
                }
                Some(Signal::Continue) => {
                    self.terminal.resume()?;
                    true
                }
                None => false,
            };
            changed |= self.take_news();
            while let Ok(message) = answers.try_recv() {
                self.app.update(message);
                changed = true;
            }
            if changed {
                self.terminal.draw(&self.app)?;
            }
            let pace = if self.app.is_reading() { PACE } else { REST };
            if !event::poll(pace)? {
                continue;
            }
            // What was typed while drawing is taken in one go, so that held keys do not lag behind.
            let until = Instant::now() + PACE;
            loop {
                let effect = message(event::read()?).and_then(|m| self.app.update(m));
                if let Some(effect) = effect {
                    if matches!(effect, Effect::Quit) {
                        return Ok(Exit::Quit);
                    }
                    if let Some(message) = self.carry_out(effect)? {
                        self.app.update(message);
                    }
                }
                if Instant::now() >= until || !event::poll(Duration::ZERO)? {
                    break;
                }
            }
            self.terminal.draw(&self.app)?;
        }
    }

    /// Takes in what the reader has told; whether it was anything.
    fn take_news(&mut self) -> bool {
        let mut any = false;
        loop {
            match self.input.feed.try_recv() {
                Ok(update) => {
                    self.app.update(Message::Update(update));
                    any = true;
                }
                Err(TryRecvError::Disconnected) if self.app.is_reading() => {
                    let why = "the reader stopped without a word".to_owned();
                    self.app.update(Message::Update(Update::Ended(Some(why))));
                    any = true;
                }
                Err(_) => return any,
            }
        }
    }

    /// Does what the UI asked for; says how it went where that is not plain to see.
    fn carry_out(&mut self, effect: Effect) -> io::Result<Option<Message>> {
        Ok(match effect {
            Effect::Quit => None,
            Effect::StopReading => {
                self.input.stop.store(true, Ordering::Relaxed);
                None
            }
            Effect::Suspend => {
                self.terminal.suspend_all()?;
                None
            }
            Effect::Redraw => {
                rehearse_panic("screen");
                self.terminal.clear()?;
                None
            }
            Effect::ReadFrames(wanted) => {
                let reader = self.input.frames.clone();
                self.aside(move || {
                    Message::Frames(match reader {
                        Some(reader) => reader(&wanted),
                        None => Err("There is no file to read them from.".into()),
                    })
                });
                None
            }
            Effect::WriteEvidence(evidence) => {
                let writer = self.input.evidence.clone();
                self.aside(move || {
                    Message::Done(match writer {
                        Some(writer) => writer(&evidence),
                        None => Err("There is no file to cut the frames out of.".into()),
                    })
                });
                None
            }
            Effect::Copy(text, what) => Some(Message::Done(clipboard::copy(&text, what))),
            Effect::Save {
                format,
                path,
                report,
                options,
            } => Some(Message::Done(files::save(format, &path, &report, &options))),
            Effect::ListPaths(text) => {
                let paths = files::beginning_with(&text);
                Some(Message::Paths(text, paths))
            }
            Effect::Open(path) => Some(match &self.open {
                Some(open) => match open(&files::expanded(&path)) {
                    Ok((options, input)) => {
                        self.input.stop.store(true, Ordering::Relaxed);
                        self.input = input;
                        Message::Opened(Box::new(options))
                    }
                    Err(error) => Message::Done(Err(error)),
                },
                None => Message::Done(Err("Nothing else can be opened here.".into())),
            }),
        })
    }

    /// Does in a thread of its own what takes a while: a large capture is read anew.
    fn aside(&self, work: impl FnOnce() -> Message + Send + 'static) {
        let answer = self.answer.clone();
        std::thread::spawn(move || {
            // The UI may be gone by then.
            let _ = answer.send(work());
        });
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
