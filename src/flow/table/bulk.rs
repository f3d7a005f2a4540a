//! Packets of flows that nobody reads any more.

use super::{LEAP, Table};
use crate::flow::Transport;
use crate::flow::entry::Phase;
use crate::flow::key::Key;
use crate::flow::reader::Moment;
use crate::frame::FrameNo;
use crate::time::Timestamp;
use crate::wire::Glance;

impl<S> Table<S> {
    /// Counts a packet, where that is all it needs: its flow is only counted, and nothing is due at its time. False sends
    /// it to [`Self::packet`], which does the same and whatever else there is to do.
    #[inline]
    pub fn count(&mut self, at: Timestamp, frame: FrameNo, packet: &Glance) -> bool {
        let now = self.moment.now.max(at);
        if self.doubted.is_some() || at.since(self.moment.now) > LEAP || self.is_due(now) {
            return false;
        }
        let (key, end) = Key::of(&Glance {
            scope: self.scope(packet.scope),
            ..*packet
        });
        let Some((slot, entry)) = self.slots.find_mut(&key) else {
            return false;
        };
        let half = entry.halves.of(end);
        let begun = half.packets > 0 && (half.known || packet.transport == Transport::Udp);
        if entry.phase != Phase::Counting || !begun {
            return false;
        }
        self.moment = Moment { now, at, frame };
        entry.arrived(end, at, frame);
        let half = entry.halves.of_mut(end);
        match packet.transport {
            Transport::Tcp => {
                if !half.count(packet.seq, packet.len, at) {
                    self.ignored.implausible += 1;
                }
            }
            Transport::Udp => half.add(packet.len, at),
        }
        self.slots.touch(slot, now);
        true
    }

    /// Whether the time alone changes something.
    #[inline]
    fn is_due(&self, now: Timestamp) -> bool {
        self.slots.is_due(now) || self.checks.front().is_some_and(|check| check.due <= now)
    }
}
