//! Two directions of one flow that are tagged unlike: some mirror ports tag one direction only, or give ingress and egress
//! a VLAN each.
//!
//! A VLAN is part of the key all the same, since VLANs reuse addresses. Two scopes are taken for one when nothing but tags
//! tells them apart and a flow was seen one way in the one and the other way in the other, where (TCP) the other acknowledges
//! what the one sent: 32 bits that a stranger's connection with the same addresses and ports does not share.

use foldhash::HashMap;

use crate::flow::Scope;
use crate::flow::entry::{Entry, Phase};
use crate::flow::key::{End, Key};
use crate::flow::lru::Slot;
use crate::flow::table::{Arrival, Table};
use crate::flow::tcp;
use crate::recent::Sequence;
use crate::wire::{Body, Packet, Segment};

/// Which tags there are, and which of them are one.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// Tagged scopes in which flows began, newest first, each behind what it is without tags.
    seen: Vec<(Scope, Scope)>,
    /// What a scope is called that is one with another. Only looked into, never walked.
    joined: HashMap<Scope, Scope>,
}

/// An answer comes soon after what it answers, so of the tags of a trunk only the last few are tried.
const TRIED: usize = 16;

/// There are 4,094 VLANs.
const JOINED: usize = 4_096;

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

    /// What a scope is called.
    #[inline]
    pub(super) fn name(&self, scope: Scope) -> Scope {
        if self.joined.is_empty() {
            return scope;
        }
        self.joined.get(&scope).copied().unwrap_or(scope)
    }

    fn join(&mut self, scope: Scope, with: Scope) {
        let name = self.name(with);
        if scope != name && self.joined.len() < JOINED && !self.joined.contains_key(&scope) {
            self.joined.insert(scope, name);
        }
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
    /// What a scope is called: the same for scopes that were found to be one.
    #[inline]
    #[must_use]
    pub fn scope(&self, scope: Scope) -> Scope {
        self.tags.name(scope)
    }

    /// Takes two scopes for one, because somebody saw a question in `with` and its answer in `scope`.
    pub fn join(&mut self, scope: Scope, with: Scope) {
        self.tags.join(scope, with);
    }

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

    /// The flow whose other direction this packet is of, when that one was found under another tag. Asked of packets that
    /// belong to no flow under their own.
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
        self.tags.join(packet.scope, with);
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
