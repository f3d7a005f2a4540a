//! What a client checks one after the other: the lists of one chain.

use super::*;
use crate::correlate::waits::LOOKS_WITHIN;

/// A contact before another one.
pub(super) struct Earlier {
    index: usize,
    began: Timestamp,
    ended: Timestamp,
}

impl Judge<'_> {
    /// The contacts before one that it may go on with, latest first: a chain has several lists, of which one
    /// may take seconds to come or to be given up, and the next is asked for when it has.
    pub(super) fn chain(&self, index: usize, contact: &Contact) -> Vec<Earlier> {
        const LOOK_BACK: usize = 16;
        let mut began = contact.began_at.min(Extent::of(contact, None).start);
        let device = canonical(self.devices, contact.client);
        let mut chain = Vec::new();
        let Some((before, _)) = self.siblings(device, index, contact) else {
            return chain;
        };
        for index in before.take(LOOK_BACK) {
            let Some(other) = self.contact(*index) else {
                continue;
            };
            let alike = match (contact.family, other.family) {
                (Some(one), Some(another)) => one == another,
                _ => true,
            };
            let pause = began.since(other.ended_at);
            let next = pause <= LOOKS_WITHIN && began > other.began_at;
            if alike && next && contact.may_share_leaf(other) {
                began = other.began_at;
                chain.push(Earlier {
                    index: *index,
                    began,
                    ended: other.ended_at,
                });
            }
        }
        chain
    }

    /// When the checks began that a contact goes on with, as far as those before it are tied to the same
    /// handshake, or followed each other without a pause.
    pub(super) fn checks_began(
        contact: &Contact,
        chain: &[Earlier],
        record: &Record,
        before: &Pass,
    ) -> Timestamp {
        /// Of one chain that nothing else tells so.
        const BACK_TO_BACK: Span = Span::from_millis(150);
        let mut began = contact.began_at.min(Extent::of(contact, None).start);
        for earlier in chain {
            let patience = if before.ties_to(earlier.index, record.shown.id) {
                LOOKS_WITHIN
            } else {
                BACK_TO_BACK
            };
            if began.since(earlier.ended) <= patience {
                began = began.min(earlier.began);
            }
        }
        began
    }
}
