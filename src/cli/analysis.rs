//! The engine whole, or with correlation in a thread of its own, to which events travel in batches; flows may
//! be shared out besides.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::correlate::Correlator;
use crate::engine::{Config, Engine, Extractor};
use crate::event::{Event, Process};
use crate::frame::{Frame, NameHint};

use super::shared::{self, Shared};

/// Events that travel together: a hand-over for each would cost more than it gains.
const BATCH: usize = 1_024;
/// Batches on their way.
const QUEUE: usize = 8;

/// What reads frames and explains. The report is the same either way: correlation gets the same events in the
/// same order.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, and a box would cost a step for every frame"
)]
pub(super) enum Analysis {
    /// All in one thread.
    Whole(Engine),
    /// Correlation has a thread of its own.
    Parted(Parted),
}

/// See [`Analysis::Parted`].
pub(super) struct Parted {
    /// Nothing comes to it while flows are shared out.
    extractor: Extractor,
    shared: Option<Shared>,
    batches: SyncSender<Vec<Event>>,
    correlation: JoinHandle<Correlator>,
}

impl Analysis {
    /// Gives correlation a thread of its own.
    pub(super) fn part(self) -> Self {
        let engine = match self {
            Self::Whole(engine) => engine,
            Self::Parted(_) => return self,
        };
        let (extractor, correlator) = engine.into_parts();
        let (batches, queue) = sync_channel(QUEUE);
        Self::Parted(Parted {
            extractor,
            shared: None,
            batches,
            correlation: thread::spawn(move || correlate(correlator, &queue)),
        })
    }

    /// Shares the flows of an engine that has seen no frame out to so many threads besides.
    pub(super) fn share_out(self, workers: usize) -> Self {
        let Self::Whole(engine) = self else {
            return self;
        };
        let (extractor, correlator) = engine.into_parts();
        let (shared, told) = Shared::start(extractor, workers);
        let (batches, queue) = sync_channel(QUEUE);
        let correlation = thread::spawn(move || {
            let correlator = shared::correlate(correlator, told);
            correlate(correlator, &queue)
        });
        Self::Parted(Parted {
            extractor: Extractor::new(Config::default().limits),
            shared: Some(shared),
            batches,
            correlation,
        })
    }

    /// The whole engine, after everything that travels has arrived.
    pub(super) fn whole(self) -> Engine {
        match self {
            Self::Whole(engine) => engine,
            Self::Parted(parted) => parted.join(),
        }
    }

    /// What is known so far; nothing while correlation is away.
    #[cfg(feature = "tui")]
    pub(super) fn report(&mut self) -> Option<crate::finding::Report> {
        match self {
            Self::Whole(engine) => Some(engine.report()),
            Self::Parted(_) => None,
        }
    }

    /// Ends the capture.
    pub(super) fn close(&mut self) {
        match self {
            Self::Whole(engine) => engine.close(),
            Self::Parted(parted) => {
                parted.gather();
                parted.extractor.close();
            }
        }
    }

    /// Takes one frame.
    #[inline(always)]
    pub(super) fn push(&mut self, frame: Frame<'_>) {
        match self {
            Self::Whole(engine) => engine.push(frame),
            Self::Parted(parted) => parted.push(frame),
        }
    }

    /// Takes one frame of which the capture says whose process sent or received it.
    pub(super) fn push_of(&mut self, frame: Frame<'_>, process: Process) {
        match self {
            Self::Whole(engine) => engine.push_of(frame, process),
            Self::Parted(parted) => parted.push_of(frame, process),
        }
    }

    /// Takes lines of an NSS key log.
    pub(super) fn secrets(&mut self, lines: &[u8]) {
        match self {
            Self::Whole(engine) => drop(engine.secrets(lines)),
            Self::Parted(parted) => match &mut parted.shared {
                Some(shared) => shared.secrets(lines),
                None => drop(parted.extractor.secrets(lines)),
            },
        }
    }

    /// How often a connection lacked a secret so far, as far as that is known.
    pub(super) const fn secrets_lacked(&self) -> u64 {
        match self {
            Self::Whole(engine) => engine.secrets_lacked(),
            Self::Parted(parted) => parted.extractor.secrets_lacked(),
        }
    }

    /// Takes a name that the capture file gives to an address.
    pub(super) fn name_hint(&mut self, hint: NameHint) {
        match self {
            Self::Whole(engine) => engine.name_hint(hint),
            Self::Parted(parted) => match &mut parted.shared {
                Some(shared) => shared.name_hint(hint),
                None => parted.extractor.name_hint(hint),
            },
        }
    }

    /// Counts frames that the capture tool lost.
    pub(super) fn dropped(&mut self, frames: u64) {
        match self {
            Self::Whole(engine) => engine.dropped(frames),
            Self::Parted(parted) => match &mut parted.shared {
                Some(shared) => shared.dropped(frames),
                None => parted.extractor.dropped(frames),
            },
        }
    }
}

impl Parted {
    #[inline]
    fn push(&mut self, frame: Frame<'_>) {
        if let Some(shared) = &mut self.shared {
            return shared.push(frame);
        }
        self.extractor.push(frame);
        self.pass_on();
    }

    fn push_of(&mut self, frame: Frame<'_>, process: Process) {
        if let Some(shared) = &mut self.shared {
            return shared.push_of(frame, process);
        }
        self.extractor.push_of(frame, process);
        self.pass_on();
    }

    /// Takes back what was shared out.
    fn gather(&mut self) {
        if let Some(whole) = self.shared.take().and_then(Shared::gather) {
            self.extractor = whole;
        }
    }

    #[inline]
    fn pass_on(&mut self) {
        if self.extractor.waiting() >= BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        // When nobody takes it, correlation has panicked, which its end will tell.
        let _ = self.batches.send(self.extractor.take_events());
    }

    fn join(mut self) -> Engine {
        self.gather();
        self.send();
        drop(self.batches);
        match self.correlation.join() {
            Ok(correlator) => Engine::from_parts(self.extractor, correlator),
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn correlate(mut correlator: Correlator, batches: &Receiver<Vec<Event>>) -> Correlator {
    for mut batch in batches {
        correlator.ingest_all(batch.drain(..));
    }
    correlator
}
