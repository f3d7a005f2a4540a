//! Rooms 2 to 4: frames to events, without any memory of what the events mean.

use crate::event::{Event, Process};
use crate::finding::Coverage;
use crate::flow::FlowId;
use crate::frame::{Frame, NameHint};
use crate::limits::Limits;
use crate::time::Timestamp;
use crate::wire;

use super::flows::Flows;
use super::front::Front;

/// Reads frames and says what happened in them. The events are the same whoever takes them, and when.
#[derive(Debug)]
pub struct Extractor {
    pub(super) front: Front,
    pub(super) flows: Flows,
    /// Whether packets that are only counted are told by a glance, and those that are plain without the general path.
    glances: bool,
}

impl Extractor {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::of(Front::new(&limits), Flows::new(limits))
    }

    /// One of its two halves.
    pub(super) fn of(front: Front, flows: Flows) -> Self {
        Self {
            glances: !front.has_keys(),
            front,
            flows,
        }
    }

    /// Leaves out events that correlation does not ask for: of lookups of names that are not `wanted` all but
    /// the addresses that were given, and questions, which it learns from their answers or from the absence
    /// of one.
    #[must_use]
    pub fn for_correlation(mut self, wanted: fn(&str) -> bool) -> Self {
        self.flows.cx.want(wanted);
        self
    }

    /// Looks at every packet in full, also at those that are only counted. The events are the same (a test
    /// holds them together).
    #[must_use]
    pub fn without_glances(mut self) -> Self {
        self.glances = false;
        self
    }

    /// Takes one frame.
    pub fn push(&mut self, frame: Frame<'_>) {
        self.front.account(&frame);
        self.flows.cx.expire(frame.at);
        if !(self.glances && self.flows.counted(&frame)) {
            match wire::subframes(&frame) {
                None => self.take(&frame),
                Some(frames) => frames.for_each(|frame| {
                    self.take(&frame);
                    self.front.count_more();
                }),
            }
        }
        self.flows.settle();
    }

    /// Takes any frame, with all packets in it.
    #[inline(never)]
    fn take(&mut self, frame: &Frame<'_>) {
        let id = FlowId(self.front.ordinal());
        let (at, no, interface) = (frame.at, frame.no, frame.interface);
        // Apart, so that the packet of a plain frame is never moved.
        if self.glances
            && let Some(packet) = wire::plain(frame)
        {
            self.flows.take(at, no, interface, &packet, id);
            return;
        }
        self.take_unlike(frame);
    }

    /// Takes any frame by the general path, which says the same of plain ones, or opens what is in them.
    fn take_unlike(&mut self, frame: &Frame<'_>) {
        let id = FlowId(self.front.ordinal());
        let (at, no, interface) = (frame.at, frame.no, frame.interface);
        if let Some(packet) = self.front.decode(frame) {
            self.flows.take_any(at, no, interface, &packet, id);
        }
        while self.front.has_further() {
            self.front.count_more();
            let id = FlowId(self.front.ordinal());
            if let Some(packet) = self.front.further(frame) {
                self.flows.take_any(at, no, interface, &packet, id);
            }
        }
    }

    /// Takes one frame of which the capture says whose process sent or received it.
    pub fn push_of(&mut self, frame: Frame<'_>, process: Process) {
        self.flows.process = Some(process.into());
        self.push(frame);
        self.flows.process = None;
    }

    /// Takes lines of an NSS key log, which may come before or after the packets they open, or of one of
    /// WireGuard, whose lines open data after them. Returns how many were secrets.
    #[inline(never)]
    pub fn secrets(&mut self, lines: &[u8]) -> usize {
        self.front.count_more();
        let of_tunnels = self.front.secrets(lines);
        self.glances &= !self.front.has_keys();
        of_tunnels + self.flows.secrets(lines)
    }

    /// Says that keys may still come, so that what they would open is held (within limits).
    pub fn expect_secrets(&mut self) {
        self.flows.cx.keys.expecting = true;
    }

    /// How often a connection lacked a secret so far: for who has to look for new ones.
    #[must_use]
    pub const fn secrets_lacked(&self) -> u64 {
        self.flows.cx.keys.asked()
    }

    /// Takes a name that the capture file gives to an address.
    pub fn name_hint(&mut self, hint: NameHint) {
        self.front.count_more();
        self.flows.name_hint(hint);
    }

    /// Counts frames that the capture tool or the kernel lost.
    pub fn dropped(&mut self, frames: u64) {
        self.front.coverage.dropped += frames;
    }

    /// Counts times at which an interface was not there to be captured from.
    pub fn interrupted(&mut self, times: u64) {
        self.front.coverage.interruptions += times;
    }

    /// Lets trace time pass without packets (live capture on a quiet interface).
    pub fn advance(&mut self, now: Timestamp) {
        self.flows.advance(now);
    }

    /// Makes room in what is kept of the past, for captures that go on for weeks.
    pub fn forget(&mut self) {
        self.flows.forget();
    }

    /// Ends the capture: everything still open is closed.
    pub fn close(&mut self) {
        self.flows.close();
    }

    /// What happened since this was asked last, in order.
    pub fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.flows.events()
    }

    /// The same as a batch of its own.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<Event> {
        self.flows.take_events()
    }

    /// How many events wait to be asked for.
    #[must_use]
    #[inline]
    pub fn waiting(&self) -> usize {
        self.flows.cx.events.len()
    }

    /// What was read so far, and what could not be.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let mut coverage = self.front.coverage();
        self.flows.add_to(&mut coverage);
        coverage
    }
}
