//! The times of a contact that handshakes are held against.

use crate::correlate::contacts::Contact;
use crate::correlate::waits::GOES_ON_LATEST;
use crate::event::DnsOutcome;
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
    /// `last` is when the capture ended.
    pub(super) fn of(contact: &Contact, last: Option<Timestamp>) -> Self {
        let start = match contact.stage {
            Stage::LookedUp => contact.began_at,
            _ => contact.at,
        };
        if let Some(last) = last.filter(|last| is_cut_off(contact, *last)) {
            return Self {
                start,
                end: last.max(start),
                open_ended: false,
            };
        }
        let open_ended = matches!(
            contact.failure,
            Some(
                Failure::Unanswered
                    | Failure::NoResponse
                    | Failure::Abandoned
                    | Failure::Lookup(DnsOutcome::Unanswered)
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

/// Whether a capture ended so soon that a contact may have gone on for longer: a lookup or a connection that
/// leads to a request, a request that waits for its answer, an answer that comes in. Whoever went on before
/// that end did not wait for it.
fn is_cut_off(contact: &Contact, last: Timestamp) -> bool {
    let latest = match contact.failure {
        None if contact.stage < Stage::Answered => contact.ended_at,
        Some(Failure::Incomplete) => contact.ended_at,
        // The end is only when the capture's end was noticed.
        Some(
            Failure::NoResponse | Failure::Unanswered | Failure::Lookup(DnsOutcome::Unanswered),
        ) => contact.at,
        _ => return false,
    };
    last.since(latest) <= GOES_ON_LATEST
}

/// The lookup or connection made for the contact, as far as it led to it without a pause.
pub(super) fn first_sign(contact: &Contact) -> Timestamp {
    if contact.at.since(contact.began_at) <= Span::from_secs(1) {
        contact.began_at
    } else {
        contact.at
    }
}
