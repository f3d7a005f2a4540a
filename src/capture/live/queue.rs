//! Between capture threads and analysis: whoever captures never waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::frame::{Frame, FrameNo, InterfaceId, LinkType};
use crate::time::Timestamp;

/// Frames that were captured together. Kept and filled again, so that nothing is allocated per frame.
#[derive(Debug)]
pub struct Batch {
    interface: InterfaceId,
    link: LinkType,
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Timestamp,
    wire_len: u32,
    end: usize,
}

impl Batch {
    fn new(interface: InterfaceId, link: LinkType) -> Self {
        Self {
            interface,
            link,
            bytes: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Adds a frame.
    pub(super) fn push(&mut self, at: Timestamp, wire_len: u32, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.marks.push(Mark {
            at,
            wire_len,
            end: self.bytes.len(),
        });
    }

    /// How many frames it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Its frames, the first of which gets the number `first`.
    pub fn frames(&self, first: FrameNo) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        let numbered = (first.get()..).zip(&self.marks);
        numbered.map(move |(no, mark)| {
            let bytes = self.bytes.get(start..mark.end).unwrap_or_default();
            start = mark.end;
            Frame {
                no: FrameNo::new(no),
                at: mark.at,
                link: self.link,
                interface: self.interface,
                wire_len: mark.wire_len,
                crossing: None,
                comment: None,
                bytes,
            }
        })
    }

    /// Memory it stands for.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.marks.len() * size_of::<Mark>() + size_of::<Self>()
    }
}

/// What capture threads have to say.
#[derive(Debug)]
pub enum Message {
    /// Frames.
    Batch(Batch),
    /// A device fell silent or came back; a sentence for people.
    Notice(String),
    /// The same about a device that is not there now.
    Interrupted(String),
    /// A device is read no more.
    Ended,
}

/// Bounded by what it holds in bytes, since batches of a quiet interface are many and small.
#[derive(Debug)]
pub(super) struct Queue {
    limit: usize,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Message>,
    weight: usize,
    spare: Vec<Batch>,
}

/// Batches that are kept to be filled again.
const SPARE: usize = 16;

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            filled: Condvar::new(),
        }
    }

    /// Puts a batch in and leaves an empty one in its place; false, and nothing happens, when it is full.
    pub(super) fn offer(&self, batch: &mut Batch) -> bool {
        let mut state = self.lock();
        let weight = batch.weight();
        if state.weight + weight > self.limit {
            return false;
        }
        state.weight += weight;
        let mut empty = state
            .spare
            .pop()
            .unwrap_or_else(|| Batch::new(batch.interface, batch.link));
        empty.interface = batch.interface;
        empty.link = batch.link;
        let full = std::mem::replace(batch, empty);
        state.waiting.push_back(Message::Batch(full));
        self.filled.notify_one();
        true
    }

    /// Whether it is more than half full, so that what matters least should be let go.
    pub(super) fn is_pressed(&self) -> bool {
        self.lock().weight > self.limit / 2
    }

    /// Puts anything else in, which is rare and small.
    pub(super) fn say(&self, message: Message) {
        self.lock().waiting.push_back(message);
        self.filled.notify_one();
    }

    /// The next message, waiting for it at most so long.
    pub(super) fn take(&self, timeout: Duration) -> Option<Message> {
        let state = self.lock();
        let (mut state, _) = self
            .filled
            .wait_timeout_while(state, timeout, |s| s.waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let message = state.waiting.pop_front()?;
        if let Message::Batch(batch) = &message {
            state.weight = state.weight.saturating_sub(batch.weight());
        }
        Some(message)
    }

    /// Takes a batch back that was read.
    pub(super) fn recycle(&self, mut batch: Batch) {
        batch.bytes.clear();
        batch.marks.clear();
        let mut state = self.lock();
        if state.spare.len() < SPARE {
            state.spare.push(batch);
        }
    }

    /// An empty batch for a device.
    pub(super) fn batch(interface: InterfaceId, link: LinkType) -> Batch {
        Batch::new(interface, link)
    }

    /// No code that holds the lock can leave the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(frames: &[&[u8]]) -> Batch {
        let mut batch = Queue::batch(InterfaceId(1), LinkType::ETHERNET);
        for (n, bytes) in (1..).zip(frames) {
            batch.push(Timestamp::from_secs(n), 1_500, bytes);
        }
        batch
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let queue = Queue::new(1 << 20);
        let mut filling = batch(&[b"one", b"", b"three"]);
        assert!(queue.offer(&mut filling));
        assert!(filling.is_empty());
        let Some(Message::Batch(got)) = queue.take(Duration::ZERO) else {
            panic!("nothing came");
        };
        let frames: Vec<_> = got
            .frames(FrameNo::new(7))
            .map(|f| {
                (
                    f.no.get(),
                    f.at.as_secs(),
                    f.interface.0,
                    f.wire_len,
                    f.bytes,
                )
            })
            .collect();
        assert_eq!(
            frames,
            [
                (7, 1, 1, 1_500, &b"one"[..]),
                (8, 2, 1, 1_500, b""),
                (9, 3, 1, 1_500, b"three")
            ]
        );
    }

    #[test]
    fn a_full_queue_refuses_and_keeps_the_frames_with_whoever_offers() {
        let queue = Queue::new(300);
        let mut filling = batch(&[&[0; 100]]);
        assert!(queue.offer(&mut filling));
        let mut more = batch(&[&[0; 150]]);
        assert!(!queue.offer(&mut more));
        assert_eq!(more.len(), 1);
        let Some(Message::Batch(read)) = queue.take(Duration::ZERO) else {
            panic!("nothing came");
        };
        queue.recycle(read);
        assert!(queue.offer(&mut more));
        assert!(more.is_empty());
    }

    #[test]
    fn waiting_ends() {
        assert!(Queue::new(1).take(Duration::from_millis(1)).is_none());
    }
}
