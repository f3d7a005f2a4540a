//! What is captured on its way into the engine.

use std::net::SocketAddr;
#[cfg(feature = "tui")]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "tui")]
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::child::Child;
use super::keep::Keep;
#[cfg(feature = "tui")]
use super::numbers::Numbers;
use super::tree::Tree;
use crate::capture::live::{self, Message, Running};
use crate::capture::sockets::{Kind, Sockets};
use crate::cli::Args;
use crate::cli::growing::KeyLogs;
use crate::engine::Engine;
use crate::event::Process;
#[cfg(feature = "tui")]
use crate::finding::Report;
use crate::frame::{Frame, FrameNo};
use crate::limits::Limits;
use crate::time::{Span, Timestamp};
#[cfg(feature = "tui")]
use crate::tui::Update;
use crate::wire::{Body, Decoder, Packet, Segment};

/// Signals and deadlines are looked at this often.
const TICK: Duration = Duration::from_millis(100);
/// Frames may reach analysis this late, so trace time follows the clock at this distance.
pub(super) const LATE: Span = Span::from_secs(1);
/// What is long over is forgotten this often.
const TIDY: Duration = Duration::from_secs(60);
/// What a program did last is waited for so long after its end.
const AFTERMATH: Duration = Duration::from_secs(1);
/// Reports are made at most this often for the UI, which is to look alive.
#[cfg(feature = "tui")]
const FEED: Duration = Duration::from_millis(250);

/// Frames, and what is known beside them, on their way into the engine.
pub(super) struct Core {
    pub(super) engine: Engine,
    /// Frames taken.
    pub(super) frames: u64,
    sockets: Sockets,
    running: Running,
    peek: Decoder,
    keys: KeyLogs,
    pub(super) keep: Option<Keep>,
    child: Option<(Child, Tree)>,
    most: Option<u64>,
    deadline: Option<Instant>,
    tidied: Instant,
    stopping: bool,
}

/// A SYN with all its options is not longer; cookies of fast open and the data with it come on top.
const SYN: u32 = 256;
/// The first datagram of a QUIC client is padded to this size at least (RFC 9000 14.1).
const INITIAL: u32 = 1_200;

impl Core {
    /// Takes over what captures.
    pub(super) fn new(
        args: &Args,
        running: Running,
        engine: Engine,
        sockets: Sockets,
        keys: KeyLogs,
        keep: Option<Keep>,
        child: Option<Child>,
    ) -> Self {
        Self {
            engine,
            frames: 0,
            sockets,
            running,
            peek: Decoder::new(&Limits::default()),
            keys,
            keep,
            child: child.map(|child| (child, Tree::default())),
            most: args.count,
            deadline: args.live.time_limit.map(|limit| Instant::now() + limit),
            tidied: Instant::now(),
            stopping: false,
        }
    }

    /// Takes one message in, waiting for it a little; gives back what people should hear.
    pub(super) fn step(&mut self, stop: &AtomicBool) -> Vec<String> {
        let message = self.running.next(TICK);
        self.engine.dropped(self.running.newly_lost());
        let mut notices = Vec::new();
        self.read_keys();
        match message {
            Some(Message::Batch(batch)) => {
                for frame in batch.frames(FrameNo::new(self.frames + 1)) {
                    if self.is_full() {
                        break;
                    }
                    self.frame(frame);
                }
                self.running.recycle(batch);
                if let Some(keep) = &mut self.keep {
                    notices.extend(keep.commit());
                }
            }
            Some(Message::Notice(text)) => notices.push(text),
            Some(Message::Interrupted(text)) => {
                self.engine.interrupted(1);
                notices.push(text);
            }
            Some(Message::Ended) => {}
            None => self.engine.advance(now().minus(LATE)),
        }
        if let Some((child, _)) = &mut self.child
            && let Some(ended) = child.has_ended()
        {
            self.deadline = Some(Instant::now() + AFTERMATH);
            notices.extend(ended);
        }
        let over = self.deadline.is_some_and(|at| Instant::now() >= at);
        if !self.stopping && (over || self.is_full() || stop.load(Ordering::Relaxed)) {
            self.stopping = true;
            self.running.stop();
        }
        notices
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let commanded = self.child.is_some();
        if let Some((child, _)) = &self.child
            && frame.at < child.began()
        {
            return;
        }
        // Decoding everything twice is the price of telling whose a packet is.
        let opening = frame.wire_len <= SYN || frame.wire_len >= INITIAL;
        let packet = (commanded || opening)
            .then(|| self.peek.decode(&frame).ok())
            .flatten();
        let process = packet
            .as_ref()
            .and_then(|packet| owner(&mut self.sockets, packet));
        if let (Some((_, tree)), Some(packet)) = (&mut self.child, &packet)
            && !tree.admits(packet, process.as_ref(), &mut self.sockets)
        {
            return;
        }
        self.frames += 1;
        let frame = Frame {
            no: FrameNo::new(self.frames),
            ..frame
        };
        if let Some(keep) = &mut self.keep {
            keep.frame(&frame, process.as_ref());
        }
        match process {
            Some(process) => self.engine.push_of(frame, process),
            None => self.engine.push(frame),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.running.is_over()
    }

    /// Whether a device went away before the capture was to end.
    pub(super) fn is_incomplete(&self) -> bool {
        self.running.gone() > 0
    }

    fn is_full(&self) -> bool {
        self.most.is_some_and(|most| self.frames >= most)
    }

    /// Frames lost so far.
    pub(super) fn lost(&self) -> live::Lost {
        self.running.lost()
    }

    /// Once in a while: the time before which contacts may be forgotten, which is longer ago than `kept`, or
    /// where none is given that of the oldest third when there is little room left.
    pub(super) fn overdue(&mut self, kept: Option<Span>) -> Option<Timestamp> {
        if self.tidied.elapsed() < TIDY {
            return None;
        }
        self.tidied = Instant::now();
        match kept {
            Some(kept) => Some(now().minus(LATE).minus(kept)),
            None => self.engine.crowded_until(),
        }
    }

    fn read_keys(&mut self) {
        let (engine, keep) = (&mut self.engine, &mut self.keep);
        self.keys.read(|lines| {
            if engine.secrets(lines) > 0
                && let Some(keep) = keep
            {
                keep.secrets(lines);
            }
        });
    }

    /// Ends the threads and closes what is open.
    pub(super) fn close(&mut self) -> live::Lost {
        self.engine.dropped(self.running.newly_lost());
        self.running.join();
        self.read_keys();
        self.engine.close();
        self.running.lost()
    }

    /// Captures for the UI.
    #[cfg(feature = "tui")]
    pub(super) fn feed(
        mut self,
        feed: &Sender<Update>,
        stop: &AtomicBool,
    ) -> anyhow::Result<Vec<String>> {
        let mut due = Due::new(FEED);
        let mut numbers = Numbers::default();
        let mut numbered = move |mut report: Report| {
            numbers.renumber(&mut report);
            report
        };
        let (mut counted, mut before) = (Instant::now(), 0);
        let mut problems = Vec::new();
        while !self.is_over() {
            problems.extend(self.step(stop));
            let passed = counted.elapsed();
            if passed >= FEED {
                let new = u32::try_from(self.frames - before).unwrap_or(u32::MAX);
                (counted, before) = (Instant::now(), self.frames);
                let _ = feed.send(Update::Live {
                    frames: self.frames,
                    dropped: self.running.lost().sum(),
                    rate: f64::from(new) / passed.as_secs_f64(),
                });
            }
            if due.is_due() {
                if let Some(before) = self.overdue(None) {
                    self.engine.forget(before);
                }
                let report = due.time(|| self.engine.report());
                let _ = feed.send(Update::Report(Arc::new(numbered(report))));
            }
        }
        self.close();
        let _ = feed.send(Update::Report(Arc::new(numbered(self.engine.report()))));
        Ok(problems)
    }
}

/// The process that opens a connection with this packet, or begins to speak QUIC with it.
fn owner(sockets: &mut Sockets, packet: &Packet<'_>) -> Option<Process> {
    if packet.by_this_host == Some(false) {
        return None;
    }
    let (kind, port) = match &packet.body {
        Body::Tcp(segment) if segment.flags & (Segment::SYN | Segment::ACK) == Segment::SYN => {
            (Kind::Stream, segment.src_port)
        }
        // A long header, of the form that every version has (RFC 8999 5.1).
        Body::Udp(datagram)
            if datagram
                .payload
                .first()
                .is_some_and(|first| first & 0xc0 == 0xc0) =>
        {
            (Kind::Datagrams, datagram.src_port)
        }
        _ => return None,
    };
    sockets.owner(kind, SocketAddr::new(packet.src, port))
}

/// When the next report may be made.
pub(super) struct Due {
    least: Duration,
    last: Instant,
    pause: Duration,
}

impl Due {
    /// At most once in `least`, and so that it takes at most a tenth of the time.
    pub(super) fn new(least: Duration) -> Self {
        Self {
            least,
            last: Instant::now(),
            pause: least,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.last.elapsed() >= self.pause
    }

    pub(super) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.last = Instant::now();
        self.pause = self.least.max((self.last - began) * 9);
        result
    }
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    });
    Timestamp::from_nanos(nanos)
}
