//! Did DNS give the address that was used?

use crate::correlate::State;
use crate::correlate::answers::{Answered, Object};
use crate::correlate::contacts::Contact;
use crate::correlate::devices::{DeviceMap, HostKey};
use crate::frame::Frames;
use crate::pki::ocsp::ResponseStatus;

/// The address and the frames that show that DNS did not give it for the host.
///
/// The Host header says one thing, DNS another. Only this device's own answers for this very name speak
/// against an address: a CDN gives different clients different addresses. Any answer to anyone speaks for it.
#[must_use]
pub fn address_doubt(
    state: &State,
    devices: &DeviceMap,
    contact: &Contact,
) -> Option<(String, Frames)> {
    let server = contact
        .server
        .filter(|_| contact.request.is_some() && !contact.proxied)?;
    let facts = || state.names.facts(server.ip());
    if facts().any(|t| crate::correlate::watch(t.name).is_some()) {
        return None;
    }
    let keys = devices.addresses(contact.client);
    let answers = state
        .log
        .lookups_of(&contact.host, contact.at)
        .filter(|l| keys.contains(&l.client));
    let (mut told, mut frames) = (false, Frames::new());
    for lookup in answers {
        // An answer of which the end is missing may have given any address.
        if lookup.cut || lookup.shown.addresses.contains(&server.ip()) {
            return None;
        }
        // One family asked tells nothing about addresses of the other.
        if lookup
            .shown
            .addresses
            .iter()
            .any(|a| a.is_ipv4() == server.ip().is_ipv4())
        {
            told = true;
            frames.extend(lookup.shown.frames.iter().copied().take(2));
        }
    }
    frames.truncate(16);
    frames.extend_from_slice(&contact.frames.request);
    if told {
        return Some((server.ip().to_string(), frames));
    }
    // The device never asked: an old answer may be cached, so only an answer that is none of Let's Encrypt's
    // is in doubt.
    if !looks_foreign(contact) || !contact.lookups.is_empty() {
        return None;
    }
    let given = facts()
        .filter(|t| keys.contains(&t.client))
        .filter_map(|t| t.as_of(contact.at))
        .last();
    if let Some(fact) = given {
        frames.push(fact.frame);
        return Some((format!("{} ({})", server.ip(), fact.name), frames));
    }
    asks_dns(state, &keys).then(|| (server.ip().to_string(), frames))
}

/// The answer is no answer of Let's Encrypt's: its whole body was there to be read and is something else.
#[must_use]
pub fn looks_foreign(contact: &Contact) -> bool {
    contact
        .answer
        .as_ref()
        .is_some_and(|a| a.status == 200 && a.complete && !is_bare(contact) && is_foreign(a))
}

/// Nothing is known of what the answer says: the capture lacks it or a part of it, or it has no body by definition.
pub(super) fn is_unread(contact: &Contact) -> bool {
    let unread = |a: &Answered| a.status == 200 && (!a.complete || is_bare(contact));
    contact.answer.as_ref().is_none_or(unread)
}

/// Answers to HEAD have no body (RFC 9110 9.3.2).
pub(super) fn is_bare(contact: &Contact) -> bool {
    contact.request.as_ref().is_some_and(|r| r.method == "HEAD")
}

fn is_foreign(answer: &Answered) -> bool {
    match &answer.object {
        // Error answers of responders are not signed (RFC 6960 2.3), so anyone can make them.
        Object::Ocsp(response) => response.status != ResponseStatus::Successful,
        Object::Crl { .. } | Object::Certificates(_) => false,
        Object::Foreign => true,
        // Bodies of such types are kept and read, unless a limit forbids.
        Object::None => {
            let content_type = answer.content_type.as_deref();
            answer.body_len > 0 && !content_type.is_some_and(is_of_pki)
        }
    }
}

/// Media types of RFC 2585 and RFC 6960.
fn is_of_pki(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let types = [
        "application/ocsp-response",
        "application/pkix-crl",
        "application/pkix-cert",
        "application/pkcs7-mime",
    ];
    types.iter().any(|t| essence.eq_ignore_ascii_case(t))
}

/// Whether this device asks a resolver that this capture shows.
fn asks_dns(state: &State, keys: &[HostKey]) -> bool {
    keys.iter().any(|key| state.log.has_asked(*key))
        || keys
            .iter()
            .flat_map(|key| state.handshakes.of_client(*key))
            .take(100)
            .any(|r| {
                state
                    .names
                    .facts(r.shown.server.ip())
                    .any(|t| keys.contains(&t.client))
            })
}
