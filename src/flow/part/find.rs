//! Which flow a packet is of, also when its other direction is tagged unlike (see [`Tags`](crate::flow::tags::Tags)).

use super::{Arrival, Part};
use crate::flow::entry::{Entry, Phase};
use crate::flow::key::{End, Key};
use crate::flow::lru::Slot;
use crate::flow::tcp;
use crate::recent::Sequence;
use crate::wire::{Body, Packet, Segment};

impl<S> Part<S> {
    /// The flow of a packet.
    #[inline]
    pub(super) fn find(&mut self, key: &Key, end: End, arrival: Arrival<'_>) -> Found {
        match self.slots.find(key) {
            Some(slot) => Found::Flow(slot),
            None => self.find_elsewhere(key, end, arrival),
        }
    }

    #[inline(never)]
    fn find_elsewhere(&mut self, key: &Key, end: End, arrival: Arrival<'_>) -> Found {
        let now = self.moment.now;
        if let Some((at, _)) = self.ended.find(key, now) {
            return Found::Over(at);
        }
        // A flow that began before its scope was found to be one with another.
        if arrival.own != arrival.packet.scope {
            let key = key.in_scope(arrival.own);
            if let Some(slot) = self.slots.find(&key) {
                return Found::Flow(slot);
            }
            if let Some((at, _)) = self.ended.find(&key, now) {
                return Found::Over(at);
            }
        }
        let other = self.other_direction(key, end, arrival.packet);
        other.map_or(Found::Nothing, Found::Flow)
    }

    /// The flow whose other direction this packet is of, when that one was found under another tag. Asked of
    /// packets that belong to no flow under their own.
    fn other_direction(&mut self, key: &Key, end: End, packet: &Packet<'_>) -> Option<Slot> {
        if let Body::Tcp(segment) = &packet.body
            && segment.flags & Segment::ACK == 0
        {
            // The first packet of a connection answers nothing.
            return None;
        }
        let (slot, with) = self
            .tags
            .beside(packet)
            .filter_map(|scope| Some((self.slots.find(&key.in_scope(scope))?, scope)))
            .find(|(slot, _)| {
                let entry = self.slots.get(*slot);
                entry.is_some_and(|entry| answers(entry, end, packet))
            })?;
        self.joined = Some((packet.scope, with));
        Some(slot)
    }
}

/// What is known of a packet's flow.
pub(super) enum Found {
    /// It is there.
    Flow(Slot),
    /// It is over.
    Over(Sequence),
    Nothing,
}

/// Whether a packet can be the first of its direction.
fn answers<S>(entry: &Entry<S>, end: End, packet: &Packet<'_>) -> bool {
    if entry.halves.of(end).packets > 0 {
        return false;
    }
    let Body::Tcp(segment) = &packet.body else {
        return true;
    };
    if segment.flags & Segment::SYN != 0 {
        return entry.phase == Phase::Opening && tcp::acknowledges_syn(entry, segment);
    }
    let sent = entry.halves.of(end.other());
    !sent.known || tcp::is_near(sent.next, segment.ack)
}
