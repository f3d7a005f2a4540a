//! Packets that do nothing but add to their flow: all of one that nobody reads any more, and acknowledgements
//! of one that is read.

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
        if !begun {
            return false;
        }
        match entry.phase {
            Phase::Counting => {}
            Phase::Reading if packet.transport == Transport::Tcp && packet.len == 0 => {
                if !entry.is_settled_for(end) {
                    return false;
                }
                entry.arrived(end, at, frame);
                if let Some(ack) = packet.ack {
                    entry.acknowledge(end, ack);
                }
                self.slots.touch(slot, now);
                return true;
            }
            Phase::Opening | Phase::Reading => return false,
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
