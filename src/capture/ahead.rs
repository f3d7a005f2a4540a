//! Reading and decompressing while the analysis is at work: another thread fills buffers, and whole buffers
//! change hands.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Room in front of every buffer for the record that the one before it ends in. Frames of Ethernet are shorter; what
/// is longer is copied.
pub(super) const HEADROOM: usize = 64 << 10;
/// Buffers on their way: one is looked at, one is filled, one waits.
const BUFFERS: usize = 3;

/// A filled buffer: the bytes from [`HEADROOM`] to `end`.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) end: usize,
}

/// The near end of a thread that reads ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    filled: Receiver<Result<Batch, String>>,
    empty: Sender<Vec<u8>>,
    failure: Option<String>,
}

impl Ahead {
    /// Starts to read into buffers of `size` bytes; `prompt` when a read never lets wait (a file, not a pipe).
    pub(super) fn start(read: Box<dyn Read + Send>, size: usize, prompt: bool) -> Self {
        let size = size.max(HEADROOM) + HEADROOM;
        let (full, filled) = sync_channel(BUFFERS);
        let (empty, empties) = channel();
        for _ in 0..BUFFERS {
            // The other end is in hand still.
            let _ = empty.send(vec![0; size]);
        }
        thread::spawn(move || fill(read, prompt, &empties, &full));
        Self {
            filled,
            empty,
            failure: None,
        }
    }

    /// The next buffer; None at the end, or when reading failed.
    pub(super) fn next(&mut self) -> Option<Batch> {
        match self.filled.recv() {
            Ok(Ok(batch)) => Some(batch),
            Ok(Err(failure)) => {
                self.failure = Some(failure);
                None
            }
            // The thread is gone without a word: a decoder panicked.
            Err(_) => {
                self.failure = Some("reading stopped unexpectedly".to_owned());
                None
            }
        }
    }

    /// Why reading ended, when that was not the end of the file.
    pub(super) fn failure(&mut self) -> Option<String> {
        self.failure.take().filter(|failure| !failure.is_empty())
    }

    /// Lets a buffer be filled again.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        // When the thread has reached the end nobody wants it.
        let _ = self.empty.send(bytes);
    }
}

/// Fills buffers until the end, or until nobody takes them any more. What never lets wait for long fills
/// whole buffers; of anything else every piece goes on its way as it comes, since nobody knows when the next
/// one will. So does the first of all, by which formats are told: it is the same then as without a thread.
fn fill(
    mut read: Box<dyn Read + Send>,
    prompt: bool,
    empty: &Receiver<Vec<u8>>,
    full: &SyncSender<Result<Batch, String>>,
) {
    let mut first = true;
    while let Ok(mut bytes) = empty.recv() {
        let mut end = HEADROOM;
        let mut over = None;
        while let Some(room) = bytes.get_mut(end..).filter(|room| !room.is_empty()) {
            match read.read(room) {
                Ok(0) => over = Some(String::new()),
                Ok(count) => end = (end + count).min(bytes.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => over = Some(error.to_string()),
            }
            if over.is_some() || !prompt || std::mem::take(&mut first) {
                break;
            }
        }
        if end > HEADROOM && full.send(Ok(Batch { bytes, end })).is_err() {
            return;
        }
        if let Some(failure) = over {
            let _ = full.send(Err(failure));
            return;
        }
    }
}
