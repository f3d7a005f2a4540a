//! Did DNS give the address that was used?

use crate::correlate::State;
use crate::correlate::answers::{Answered, Object};
use crate::correlate::contacts::Contact;
use crate::correlate::devices::{DeviceMap, HostKey};
use crate::finding::Signature;
use crate::frame::FrameNo;
use crate::pki::ocsp::ResponseStatus;

/// The address and the frames that show that DNS did not give it for the host.
///
/// The Host header says one thing, DNS another. Only this device's own answers for this very name speak against an address:
/// a CDN gives different clients different addresses. Any answer to anyone speaks for it.
#[must_use]
pub fn address_doubt(
    state: &State,
    devices: &DeviceMap,
    contact: &Contact,
) -> Option<(String, Vec<FrameNo>)> {
    let server = contact
        .server
        .filter(|_| contact.request.is_some() && !is_proxied(contact))?;
    let facts = || state.names.facts(server.ip());
    if facts().any(|t| crate::correlate::watch(t.name).is_some()) {
        return None;
    }
    let keys = devices.addresses(contact.client);
    let answers = state
        .log
        .lookups_of(&contact.host, contact.at)
        .filter(|l| keys.contains(&l.client) && !l.shown.addresses.is_empty());
    let (mut told, mut frames) = (false, Vec::new());
    for lookup in answers {
        if lookup.shown.addresses.contains(&server.ip()) {
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
    frames.extend(&contact.frames.request);
    if told {
        return Some((server.ip().to_string(), frames));
    }
    // The device never asked: an old answer may be cached, so only an answer that is none of Let's Encrypt's is in doubt.
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

/// The answer is no answer of Let's Encrypt's.
#[must_use]
pub fn looks_foreign(contact: &Contact) -> bool {
    contact.answer.as_ref().is_some_and(|a| {
        a.status == 200 && a.signature != Signature::Verified && !genuine_object(a)
    })
}

/// Error answers of responders are not signed (RFC 6960 2.3), so anyone can make them.
fn genuine_object(answer: &Answered) -> bool {
    match &answer.object {
        Object::Ocsp(response) => response.status == ResponseStatus::Successful,
        Object::Crl { .. } | Object::Certificates(_) => true,
        Object::None | Object::Foreign => false,
    }
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

fn is_proxied(contact: &Contact) -> bool {
    contact
        .request
        .as_ref()
        .is_some_and(|r| r.tunnelled || r.form == crate::event::TargetForm::Absolute)
}
