//! Packets of flows that nobody reads any more.

use super::Part;
use crate::flow::Transport;
use crate::flow::entry::Phase;
use crate::flow::key::Key;
use crate::flow::reader::Moment;
use crate::wire::Glance;

impl<S> Part<S> {
    /// See [`crate::flow::Table::count`].
    #[inline(always)]
    pub(in crate::flow) fn count(&mut self, moment: Moment, packet: &Glance) -> bool {
        let (key, end) = Key::of(&Glance {
            scope: self.scope(packet.scope),
            ..*packet
        });
        let Moment { now, at, frame } = moment;
        let Some((slot, entry)) = self.slots.find_mut(&key) else {
            return false;
        };
        let half = entry.halves.of(end);
        let begun = half.packets > 0 && (half.known || packet.transport == Transport::Udp);
        if entry.phase != Phase::Counting || !begun {
            return false;
        }
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
}
