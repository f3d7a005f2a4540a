//! Two directions of one flow that are tagged unlike: some mirror ports tag one direction only, or give ingress and egress
//! a VLAN each.
//!
//! A VLAN is part of the key all the same, since VLANs reuse addresses. Directions are joined when nothing but tags tells them
//! apart, each was seen under one tag only, and (TCP) one acknowledges what the other sent: 32 bits that a stranger's
//! connection with the same addresses and ports does not share.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::flow::entry::{Entry, Phase};
use crate::flow::key::{End, Key};
use crate::flow::lru::Slot;
use crate::flow::table::Table;
use crate::flow::tcp;
use crate::flow::{FlowId, Scope};
use crate::wire::{Body, Packet, Segment};

/// Which tags there are, and which flows have two.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// Tagged scopes in which flows began, newest first, each behind what it is without tags.
    seen: Vec<(Scope, Scope)>,
    /// Flows by the keys of the direction that joined them. Only looked into, never walked but to forget.
    joined: HashMap<Key, (Slot, FlowId), RandomState>,
}

/// An answer comes soon after what it answers, so of the tags of a trunk only the last few are tried.
const TRIED: usize = 16;

impl Tags {
    /// Notes where a flow begins.
    pub(super) fn note(&mut self, packet: &Packet<'_>) {
        let tagged = (packet.base, packet.scope);
        if packet.base == packet.scope || self.seen.first() == Some(&tagged) {
            return;
        }
        match self.seen.iter().position(|seen| *seen == tagged) {
            Some(at) => drop(self.seen.remove(at)),
            None => self.seen.truncate(TRIED - 1),
        }
        self.seen.insert(0, tagged);
    }

    /// Scopes that differ from a packet's in tags alone.
    fn beside(&self, packet: &Packet<'_>) -> impl Iterator<Item = Scope> {
        let (base, scope) = (packet.base, packet.scope);
        let same = self.seen.iter().filter(move |(of, _)| *of == base);
        let tagged = same.map(|(_, scope)| *scope);
        std::iter::once(base)
            .chain(tagged)
            .filter(move |other| *other != scope)
    }
}

impl<S> Table<S> {
    /// The flow whose other direction this packet is of, when that one was found under another tag. Asked of packets that
    /// belong to no flow under their own.
    pub(super) fn other_direction(
        &mut self,
        key: &Key,
        end: End,
        packet: &Packet<'_>,
    ) -> Option<Slot> {
        if let Body::Tcp(segment) = &packet.body
            && segment.flags & Segment::ACK == 0
        {
            // The first packet of a connection answers nothing.
            return None;
        }
        let known = self.tags.joined.get(key).copied();
        if let Some((slot, _)) = known.filter(|joined| self.is_there(*joined)) {
            return Some(slot);
        }
        let (slot, flow) = self
            .tags
            .beside(packet)
            .filter_map(|scope| self.slots.find(&key.in_scope(scope)))
            .filter_map(|slot| Some((slot, self.slots.get(slot)?)))
            .find(|(_, entry)| answers(entry, end, packet))
            .map(|(slot, entry)| (slot, entry.id))?;
        // Flows that end leave their keys behind, until these are many.
        if self.tags.joined.len() > 2 * self.slots.len() + 64 {
            let mut joined = std::mem::take(&mut self.tags.joined);
            joined.retain(|_, joined| self.is_there(*joined));
            self.tags.joined = joined;
        }
        self.tags.joined.insert(*key, (slot, flow));
        Some(slot)
    }

    fn is_there(&self, (slot, flow): (Slot, FlowId)) -> bool {
        self.slots.get(slot).is_some_and(|entry| entry.id == flow)
    }
}

/// Whether a packet can be the first of its direction.
fn answers<S>(entry: &Entry<S>, end: End, packet: &Packet<'_>) -> bool {
    if entry.phase == Phase::Closed || entry.halves.of(end).packets > 0 {
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
