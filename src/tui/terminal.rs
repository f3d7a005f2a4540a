//! The terminal: set up, drawn to, and restored whatever happens.

use std::io::{self, Stdout, stdout};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::{self, ThreadId};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;

use super::app::App;
use super::view::view;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Signal {
    /// SIGTERM, SIGINT: its number.
    End(i32),
    /// SIGTSTP from outside; the key is no signal in raw mode.
    Stop,
    /// SIGCONT after a stop that nobody announced.
    Continue,
}

/// The terminal in the state the UI needs; dropping it restores the state before.
pub(super) struct Terminal {
    inner: ratatui::Terminal<CrosstermBackend<Stdout>>,
    signals: Signals,
    mouse: bool,
}

#[derive(Default)]
struct Signals {
    /// The number of the signal that asks for the end.
    end: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    resumed: Arc<AtomicBool>,
}

/// Whether the terminal has to be restored: the guard and the panic hook share it.
static ACTIVE: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();
/// The thread whose panic ends the UI.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);

impl Terminal {
    pub(super) fn open(mouse: bool) -> io::Result<Self> {
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if is_owner() {
                    restore();
                }
                // What happens in other threads they tell the UI themselves; printing would spoil its screen.
                if !ACTIVE.load(Ordering::SeqCst) {
                    before(info);
                }
            }));
        });
        let signals = Signals::default();
        signals.listen()?;
        enter(mouse)?;
        let inner =
            ratatui::Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| restore())?;
        Ok(Self {
            inner,
            signals,
            mouse,
        })
    }

    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.inner.size()?;
        Ok((size.width, size.height))
    }

    /// Draws; terminals that know how show the picture only when it is whole.
    pub(super) fn draw(&mut self, app: &App) -> io::Result<()> {
        queue!(stdout(), BeginSynchronizedUpdate)?;
        let drawn = self.inner.draw(|frame| view(app, frame)).map(|_| ());
        execute!(stdout(), EndSynchronizedUpdate)?;
        drawn
    }

    /// Makes the next drawing a whole one. Ratatui's own way asks the terminal where its cursor is, and waits for
    /// seconds where the terminal does not answer.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        execute!(stdout(), Clear(ClearType::All))?;
        self.inner = ratatui::Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }

    /// A signal that came since the last question.
    pub(super) fn signal(&self) -> Option<Signal> {
        let take = |flag: &AtomicBool| flag.swap(false, Ordering::Relaxed);
        let end = self.signals.end.swap(0, Ordering::Relaxed);
        if end != 0 {
            Some(Signal::End(i32::try_from(end).unwrap_or(i32::MAX)))
        } else if take(&self.signals.stop) {
            Some(Signal::Stop)
        } else if take(&self.signals.resumed) {
            Some(Signal::Continue)
        } else {
            None
        }
    }

    /// Goes to the background with the whole pipeline, as the terminal's own Ctrl-Z does; returns when brought back.
    pub(super) fn suspend_all(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        self.suspend()
    }

    /// Goes to the background; returns when brought back.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        // What asked for this is over, also where it was asked for twice.
        self.signals.stop.store(false, Ordering::Relaxed);
        self.signals.resumed.store(false, Ordering::Relaxed);
        self.resume()
    }

    /// Takes the terminal again after somebody else had it.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        enter(self.mouse)?;
        self.clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

impl Signals {
    #[cfg(unix)]
    fn listen(&self) -> io::Result<()> {
        use signal_hook::consts::{SIGCONT, SIGINT, SIGTERM, SIGTSTP};
        // SIGHUP keeps its default: the terminal is gone, and reading from it would never end.
        for signal in [SIGTERM, SIGINT] {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&self.end), number)?;
        }
        for (signal, flag) in [(SIGTSTP, &self.stop), (SIGCONT, &self.resumed)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the same form on every system"
    )]
    fn listen(&self) -> io::Result<()> {
        Ok(())
    }
}

fn is_owner() -> bool {
    *OWNER.lock().unwrap_or_else(PoisonError::into_inner) == Some(thread::current().id())
}

fn enter(mouse: bool) -> io::Result<()> {
    ACTIVE.store(true, Ordering::SeqCst);
    let entered = enable_raw_mode()
        .and_then(|()| execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste))
        .and_then(|()| {
            if mouse {
                execute!(stdout(), EnableMouseCapture)
            } else {
                Ok(())
            }
        });
    entered.inspect_err(|_| restore())
}

/// Restores the terminal once; failures are of no use to anybody at this point.
fn restore() {
    if ACTIVE.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            stdout(),
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}
