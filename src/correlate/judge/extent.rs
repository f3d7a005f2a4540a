//! The times of a contact that handshakes are held against.

use crate::correlate::contacts::Contact;
use crate::finding::{Failure, Stage};
use crate::time::{Span, Timestamp};

/// When a fetch ran.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// The end is only when the client lost patience.
    pub(super) open_ended: bool,
}

impl Extent {
    pub(super) fn of(contact: &Contact) -> Self {
        let start = match contact.stage {
            Stage::LookedUp => contact.began_at,
            _ => contact.at,
        };
        let open_ended = matches!(
            contact.failure,
            Some(
                Failure::Unanswered
                    | Failure::NoResponse
                    | Failure::Abandoned
                    | Failure::Lookup(crate::event::DnsOutcome::Unanswered)
            )
        );
        let end = if open_ended {
            start
        } else {
            contact.ended_at.max(start)
        };
        Self {
            start,
            end,
            open_ended,
        }
    }
}

/// The lookup or connection made for the contact, as far as it led to it without a pause.
pub(super) fn first_sign(contact: &Contact) -> Timestamp {
    if contact.at.since(contact.began_at) <= Span::from_secs(1) {
        contact.began_at
    } else {
        contact.at
    }
}
