//! Inputs to the terminal UI: a thread owns the engine and tells the UI what is known.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use crate::capture::merge::Merged;
use crate::capture::{InterfaceInfo, Item};
use crate::finding::Report;
use crate::frame::{Crossing, Frame, FrameNo, InterfaceId, LinkType, NameHint};
use crate::time::Timestamp;
use crate::tui::{self, Update};

use super::message;
use super::reading::Reading;

/// Reports are made at most this often, and take at most a tenth of the reader's time.
const REPORTS: Duration = Duration::from_millis(100);
/// How far reading has got is told this often.
const PROGRESS: Duration = Duration::from_millis(50);
/// Frames of a stream that may wait for analysis: the writer of a pipe waits for us instead.
const WAITING: usize = 4_096;

/// Reads in a thread of its own; `read` gives back what went wrong, and `damaged` says whether anything did.
/// Whatever happens there is told, never printed over the screen.
pub(super) fn aside<R>(read: R, stop: Arc<AtomicBool>, damaged: Arc<AtomicBool>) -> Receiver<Update>
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
            Ok(Ok(problems)) => (!problems.is_empty()).then(|| problems.join("; ")),
            Ok(Err(error)) => Some(message(&error)),
            Err(mistake) => Some(format!(
                "reading ran into a mistake of this program ({}); the results so far stand",
                said(mistake.as_ref())
            )),
        };
        damaged.store(ended.is_some(), Ordering::Relaxed);
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

/// Reads files from end to end; gives back what an input was damaged by, if any was.
pub(super) fn files(
    mut reading: Reading,
    feed: &Sender<Update>,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<String>> {
    let mut source = reading.open(None)?;
    let size = source.size();
    let mut teller = Teller::new(feed);
    while !stop.load(Ordering::Relaxed) {
        // The clock is asked once in a while only.
        if reading.frames.is_multiple_of(512) {
            teller.tell(&mut reading, source.consumed(), size);
        }
        if !reading.step(&mut source) {
            break;
        }
        teller.interfaces(&reading);
    }
    teller.end(&mut reading);
    Ok(problems(&source))
}

/// Reads what somebody is still writing: a pipe, or with `follow` a file. What came last is shown although
/// nothing follows it, so waiting for more is left to a thread of its own.
pub(super) fn streams(
    mut reading: Reading,
    follow: Option<&Arc<AtomicBool>>,
    feed: &Sender<Update>,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<String>> {
    let mut source = reading.open(follow)?;
    let (items, waiting) = sync_channel(WAITING);
    let consumed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&consumed);
    std::thread::spawn(move || pump(&mut source, &items, &count));
    let mut teller = Teller::new(feed);
    let mut problems = Vec::new();
    let mut quiet = false;
    while !stop.load(Ordering::Relaxed) {
        if quiet || reading.frames.is_multiple_of(64) {
            teller.tell(&mut reading, consumed.load(Ordering::Relaxed), None);
        }
        quiet = false;
        match waiting.recv_timeout(PROGRESS) {
            Ok(Piece::Item(item)) => {
                if !item.give(&mut reading) {
                    break;
                }
            }
            Ok(Piece::End(why)) => problems = why,
            Err(RecvTimeoutError::Timeout) => {
                reading.look_for_keys();
                quiet = true;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        teller.interfaces(&reading);
    }
    teller.end(&mut reading);
    Ok(problems)
}

fn problems(source: &Merged) -> Vec<String> {
    let problems = source.damaged();
    problems
        .map(|(file, ended)| format!("{file}: {ended}"))
        .collect()
}

/// Tells the UI at a pace that leaves time for reading.
struct Teller<'a> {
    feed: &'a Sender<Update>,
    started: Instant,
    told: Instant,
    reported: Instant,
    pause: Duration,
    /// Frames when the last report was made.
    frames: u64,
    interfaces: usize,
    /// Reports that were sent. The last owner takes them apart, and the UI has better things to do.
    sent: Vec<Arc<Report>>,
}

impl<'a> Teller<'a> {
    fn new(feed: &'a Sender<Update>) -> Self {
        let now = Instant::now();
        Self {
            feed,
            started: now,
            told: now,
            reported: now,
            pause: REPORTS,
            frames: 0,
            interfaces: 0,
            sent: Vec::new(),
        }
    }

    fn tell(&mut self, reading: &mut Reading, consumed: u64, size: Option<u64>) {
        let now = Instant::now();
        if now.duration_since(self.told) >= PROGRESS {
            self.told = now;
            let _ = self.feed.send(Update::Progress {
                consumed,
                size,
                frames: reading.frames,
                rate: rate(consumed, now.duration_since(self.started)),
            });
        }
        if now.duration_since(self.reported) >= self.pause && reading.frames != self.frames {
            self.report(reading);
            self.reported = Instant::now();
            self.pause = REPORTS.max(self.reported.duration_since(now) * 9);
        }
    }

    fn report(&mut self, reading: &mut Reading) {
        self.frames = reading.frames;
        self.sent.retain(|report| Arc::strong_count(report) > 1);
        let Some(report) = reading.engine.report().map(Arc::new) else {
            return;
        };
        self.sent.push(Arc::clone(&report));
        let _ = self.feed.send(Update::Report(report));
    }

    /// Interfaces that came to light.
    fn interfaces(&mut self, reading: &Reading) {
        let all = &reading.options.interfaces;
        for interface in all.iter().skip(self.interfaces) {
            let _ = self.feed.send(Update::Interface(interface.clone()));
        }
        self.interfaces = all.len();
    }

    fn end(&mut self, reading: &mut Reading) {
        self.interfaces(reading);
        reading.close();
        self.report(reading);
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64().max(1e-3)
}

/// What comes out of a stream.
enum Piece {
    Item(Owned),
    End(Vec<String>),
}

/// An item that outlives the buffer it was read into.
enum Owned {
    Frame(Box<OwnedFrame>),
    Secrets(Vec<u8>),
    NameHint(NameHint),
    Interface(InterfaceInfo),
    Dropped(u64),
}

struct OwnedFrame {
    no: FrameNo,
    at: Timestamp,
    link: LinkType,
    interface: InterfaceId,
    wire_len: u32,
    crossing: Option<Crossing>,
    comment: Option<String>,
    bytes: Vec<u8>,
}

/// Waits for items and hands them on until there are no more, or nobody wants them.
fn pump(source: &mut Merged, items: &SyncSender<Piece>, consumed: &AtomicU64) {
    while let Some(item) = source.next_item() {
        if items.send(Piece::Item(Owned::of(item))).is_err() {
            return;
        }
        consumed.store(source.consumed(), Ordering::Relaxed);
    }
    let _ = items.send(Piece::End(problems(source)));
}

impl Owned {
    fn of(item: Item<'_>) -> Self {
        match item {
            Item::Frame(frame) => Self::Frame(Box::new(OwnedFrame {
                no: frame.no,
                at: frame.at,
                link: frame.link,
                interface: frame.interface,
                wire_len: frame.wire_len,
                crossing: frame.crossing,
                comment: frame.comment.map(ToOwned::to_owned),
                bytes: frame.bytes.to_vec(),
            })),
            Item::Secrets(lines) => Self::Secrets(lines.to_vec()),
            Item::NameHint(hint) => Self::NameHint(hint),
            Item::Interface(info) => Self::Interface(info),
            Item::Dropped(count) => Self::Dropped(count),
        }
    }

    /// Gives it to the engine; false when that is enough.
    fn give(self, reading: &mut Reading) -> bool {
        reading.take(match &self {
            Self::Frame(frame) => Item::Frame(Frame {
                no: frame.no,
                at: frame.at,
                link: frame.link,
                interface: frame.interface,
                wire_len: frame.wire_len,
                crossing: frame.crossing,
                comment: frame.comment.as_deref(),
                bytes: &frame.bytes,
            }),
            Self::Secrets(lines) => Item::Secrets(lines),
            Self::NameHint(hint) => Item::NameHint(hint.clone()),
            Self::Interface(info) => Item::Interface(info.clone()),
            Self::Dropped(count) => Item::Dropped(*count),
        })
    }
}
