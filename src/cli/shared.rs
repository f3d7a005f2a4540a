//! Flows shared out to threads: whoever reads frames decodes what is not plain, and some threads look after shards.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::correlate::Correlator;
use crate::engine::shares::{Dispatcher, Share, Told, merge};
use crate::engine::{Batch, Extractor};
use crate::event::Process;
use crate::frame::{Frame, NameHint};

/// Batches on their way to a thread that looks after shards, and what it told of so many.
const AHEAD: usize = 4;

/// The near end of threads that look after shards.
pub(super) struct Shared {
    dispatcher: Dispatcher,
    workers: Vec<Worker>,
    /// Batches that are looked at; they are used again.
    sent: VecDeque<Arc<Batch>>,
}

struct Worker {
    batches: SyncSender<Arc<Batch>>,
    thread: JoinHandle<Share>,
}

impl Shared {
    /// Starts so many threads. What each tells is to be heard by [`correlate`].
    pub(super) fn start(extractor: Extractor, workers: usize) -> (Self, Vec<Receiver<Told>>) {
        let (dispatcher, shares) = extractor.share_out(workers);
        let (workers, told) = shares.into_iter().map(Worker::start).unzip();
        let shared = Self {
            dispatcher,
            workers,
            sent: VecDeque::new(),
        };
        (shared, told)
    }

    /// Takes one frame.
    #[inline]
    pub(super) fn push(&mut self, frame: Frame<'_>) {
        self.dispatcher.push(frame);
        self.pass_on();
    }

    /// Takes one frame of which the capture says whose process sent or received it.
    pub(super) fn push_of(&mut self, frame: Frame<'_>, process: Process) {
        self.dispatcher.push_of(frame, process);
        self.pass_on();
    }

    /// Takes lines of an NSS key log.
    pub(super) fn secrets(&mut self, lines: &[u8]) {
        self.dispatcher.secrets(lines);
        self.pass_on();
    }

    /// Takes a name that the capture file gives to an address.
    pub(super) fn name_hint(&mut self, hint: NameHint) {
        self.dispatcher.name_hint(hint);
        self.pass_on();
    }

    /// Counts frames that the capture tool lost.
    pub(super) fn dropped(&mut self, frames: u64) {
        self.dispatcher.dropped(frames);
    }

    /// Ends the threads, and takes back what they looked after.
    pub(super) fn gather(self) -> Option<Extractor> {
        let shares = self.workers.into_iter().map(Worker::join).collect();
        Extractor::gather(self.dispatcher, shares)
    }

    #[inline]
    fn pass_on(&mut self) {
        if self.dispatcher.is_full() {
            self.send();
        }
    }

    fn send(&mut self) {
        let empty = self.used_up().unwrap_or_default();
        let batch = Arc::new(self.dispatcher.take_batch(empty));
        for worker in &self.workers {
            // When nobody takes it, the thread has panicked, which its end will tell.
            let _ = worker.batches.send(Arc::clone(&batch));
        }
        self.sent.push_back(batch);
    }

    /// The oldest batch, when all have looked at it.
    fn used_up(&mut self) -> Option<Batch> {
        self.sent.front_mut().and_then(Arc::get_mut)?;
        let mut batch = self.sent.pop_front().and_then(Arc::into_inner)?;
        batch.clear();
        Some(batch)
    }
}

impl Worker {
    fn start(mut share: Share) -> (Self, Receiver<Told>) {
        let (batches, queue) = sync_channel::<Arc<Batch>>(AHEAD);
        let (tell, told) = sync_channel(AHEAD);
        let thread = thread::spawn(move || {
            for batch in queue {
                // When nobody listens, correlation has panicked, which its end will tell.
                let _ = tell.send(share.work(&batch));
            }
            share
        });
        (Self { batches, thread }, told)
    }

    fn join(self) -> Share {
        drop(self.batches);
        match self.thread.join() {
            Ok(share) => share,
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Files what all tell, batch by batch, until one has no more to tell: then none has.
pub(super) fn correlate(mut correlator: Correlator, workers: Vec<Receiver<Told>>) -> Correlator {
    while let Some(told) = workers.iter().map(|told| told.recv().ok()).collect() {
        correlator.ingest_all(merge(told).drain(..));
    }
    // Whoever has more to tell, because another panicked, must not wait.
    drop(workers);
    correlator
}
