//! Two directions of one flow that are tagged unlike: some mirror ports tag one direction only, or give
//! ingress and egress a VLAN each.
//!
//! A VLAN is part of the key all the same, since VLANs reuse addresses. Two scopes are taken for one when
//! nothing but tags tells them apart and a flow was seen one way in the one and the other way in the other,
//! where (TCP) the other acknowledges what the one sent: 32 bits that a stranger's connection with the same
//! addresses and ports does not share.

use crate::flow::Scope;
use crate::flow::scopes::Scopes;
use crate::wire::Packet;

/// Which tags there are, and which of them are one, as far as the flows of one shard tell.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// Tagged scopes in which flows began, newest first, each behind what it is without tags.
    seen: Vec<(Scope, Scope)>,
    pub(super) scopes: Scopes,
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
    pub(super) fn beside(&self, packet: &Packet<'_>) -> impl Iterator<Item = Scope> {
        let (base, scope) = (packet.base, packet.scope);
        let same = self.seen.iter().filter(move |(of, _)| *of == base);
        let tagged = same.map(|(_, scope)| *scope);
        std::iter::once(base)
            .chain(tagged)
            .filter(move |other| *other != scope)
    }
}
