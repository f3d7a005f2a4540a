//! The loom for rooms 2 to 5, and the only type most users of the library meet: frames in, reports out.
//!
//! ```no_run
//! use whylencr::engine::{Config, Engine};
//!
//! let mut engine = Engine::new(Config::default());
//! // for each frame of a capture: engine.push(frame);
//! let report = engine.finish();
//! println!("{} contacts", report.findings.len());
//! ```

use crate::correlate::{self, Correlator};
use crate::event::Process;
use crate::finding::{Handshake, Report};
use crate::frame::{Frame, NameHint};
use crate::time::Timestamp;

mod batch;
mod carried;
mod extract;
mod flows;
mod front;
pub mod shares;

pub use self::batch::Batch;
pub use self::extract::Extractor;

/// What the user asked for and gave.
pub type Config = correlate::Config;

/// Events that are handed to correlation together.
const BATCH: usize = 128;

/// Reads frames, keeps what matters, explains.
#[derive(Debug)]
pub struct Engine {
    extractor: Extractor,
    correlator: Correlator,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            extractor: Extractor::new(config.limits.clone()).for_correlation(correlate::is_watched),
            correlator: Correlator::new(config),
        }
    }

    /// The two halves, for who runs them apart: the second takes, in order, the events of the first.
    #[must_use]
    pub fn into_parts(self) -> (Extractor, Correlator) {
        (self.extractor, self.correlator)
    }

    /// An engine of the two halves of one.
    #[must_use]
    pub fn from_parts(extractor: Extractor, correlator: Correlator) -> Self {
        let mut engine = Self {
            extractor,
            correlator,
        };
        engine.file();
        engine
    }

    /// Takes one frame.
    #[inline]
    pub fn push(&mut self, frame: Frame<'_>) {
        self.extractor.push(frame);
        self.file_batch();
    }

    /// Takes one frame of which the capture says whose process sent or received it.
    pub fn push_of(&mut self, frame: Frame<'_>, process: Process) {
        self.extractor.push_of(frame, process);
        self.file_batch();
    }

    /// Takes lines of a key log, see [`Extractor::secrets`]. Returns how many were secrets.
    pub fn secrets(&mut self, lines: &[u8]) -> usize {
        let taken = self.extractor.secrets(lines);
        self.file_batch();
        taken
    }

    /// Says that keys may still come, so that what they would open is held (within limits).
    pub fn expect_secrets(&mut self) {
        self.extractor.expect_secrets();
    }

    /// How often a connection lacked a secret so far: for who has to look for new ones.
    #[must_use]
    pub const fn secrets_lacked(&self) -> u64 {
        self.extractor.secrets_lacked()
    }

    /// Takes a name that the capture file gives to an address.
    pub fn name_hint(&mut self, hint: NameHint) {
        self.extractor.name_hint(hint);
        self.file_batch();
    }

    /// Counts frames that the capture tool or the kernel lost.
    pub fn dropped(&mut self, frames: u64) {
        self.extractor.dropped(frames);
    }

    /// Counts times at which an interface was not there to be captured from.
    pub fn interrupted(&mut self, times: u64) {
        self.extractor.interrupted(times);
    }

    /// Lets trace time pass without packets (live capture on a quiet interface).
    pub fn advance(&mut self, now: Timestamp) {
        self.extractor.advance(now);
        self.file_batch();
    }

    /// When there is little room left for contacts: the time to [`Self::forget`] by, so that there is again.
    #[must_use]
    pub fn crowded_until(&self) -> Option<Timestamp> {
        self.correlator.crowded_until()
    }

    /// Forgets contacts before a time, and what no later one can rest on, for captures that go on for weeks.
    pub fn forget(&mut self, before: Timestamp) {
        self.file();
        self.extractor.forget();
        self.correlator.forget(before);
    }

    /// What is known so far.
    #[must_use]
    pub fn report(&mut self) -> Report {
        self.file();
        self.correlator.report(self.extractor.coverage())
    }

    /// Every handshake that is remembered, in order; a report holds only those that findings speak of.
    #[must_use]
    pub fn handshakes(&mut self) -> Vec<Handshake> {
        self.file();
        self.correlator.handshakes()
    }

    /// Ends the capture and says what it came to.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.close();
        self.report()
    }

    /// Ends the capture: everything still open is closed.
    pub fn close(&mut self) {
        self.extractor.close();
        self.file();
    }

    #[inline]
    fn file_batch(&mut self) {
        if self.extractor.waiting() >= BATCH {
            self.file();
        }
    }

    /// Hands the events that wait to correlation.
    fn file(&mut self) {
        self.correlator.ingest_all(self.extractor.events());
    }
}
