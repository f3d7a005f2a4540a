//! Lookups that led to no connection.

use super::*;

/// Lookups that led to nothing.
pub(super) fn add_lookups(
    contacts: &mut Vec<Contact>,
    known: &Known,
    log: &Log,
    devices: &DeviceMap,
    used: &[bool],
) {
    let first_new = contacts.len();
    // The latest of each owner by host, and (None) the latest of names without meaning. An older one ended longer
    // before: it was too old when the next was begun.
    let mut latest: HashMap<(Owner, Option<&Name>), usize> = HashMap::default();
    for (index, lookup) in log.lookups.iter().enumerate() {
        if used.get(index).copied().unwrap_or_default() {
            continue;
        }
        let owner = devices.owner(lookup.client);
        // Asked again while the contact was under way or right after: a retry of it, or another address family.
        let near = known.near(lookup.shown.name.clone(), owner, lookup.shown.at);
        let kin = near.filter(|index| {
            contacts.get(*index).is_some_and(|c| {
                lookup.shown.at >= c.began_at
                    && lookup.shown.at.since(c.ended_at) <= Span::from_secs(5)
            })
        });
        let kin = kin.min();
        if let Some(kin) = kin.and_then(|index| contacts.get_mut(index)) {
            kin.frames.dns.extend_from_slice(&lookup.shown.frames);
            kin.lookups.push(index);
            continue;
        }
        let keys = [Some(&lookup.shown.name), None].map(|name| (owner, name));
        let keys = keys
            .iter()
            .take(if is_invented(&lookup.watch) { 2 } else { 1 });
        let open = keys.clone().filter_map(|key| latest.get(key).copied());
        let open = open.filter(|at| {
            let before = contacts.get(*at);
            before.is_some_and(|c| {
                let denied = c.host == lookup.shown.name && is_denied(c, log);
                let patience = if denied { TRIED_AGAIN } else { RETRY_WINDOW };
                lookup.shown.at.since(c.ended_at) <= patience
            })
        });
        let open = open.max();
        match open.and_then(|at| contacts.get_mut(at)) {
            Some(contact) => {
                contact.count += u64::from(contact.host != lookup.shown.name);
                // Nobody waits for what else is told of a service that has no address (RFC 9460 3; measured
                // with Chromium).
                if lookup.shown.qtype != HTTPS {
                    contact.ended_at = contact.ended_at.max(lookup.ended_at);
                }
                if contact.frames.dns.len() < 64 {
                    contact.frames.dns.extend_from_slice(&lookup.shown.frames);
                }
                contact.lookups.push(index);
            }
            None => {
                latest.extend(keys.map(|key| (*key, contacts.len())));
                contacts.push(from_lookup(index, lookup));
            }
        }
    }
    for contact in contacts.iter_mut().skip(first_new) {
        contact.failure =
            lookup_failure(contact.lookups.iter().filter_map(|i| log.lookups.get(*i)));
        contact.frames.dns.sort_unstable();
        contact.frames.dns.dedup();
        contact.lookup_time = Some(contact.ended_at.since(contact.began_at));
    }
}

/// The type of HTTPS records (RFC 9460 14.1).
const HTTPS: u16 = 65;

/// A program that was told that a name does not exist, or was given an address that is no server, tries again
/// within this time if at all; stub resolvers do not (RFC 1035 7.2 has them ask again for want of an answer).
/// What it asks later, it asks for another reason.
const TRIED_AGAIN: Span = Span::from_secs(5);

/// Whether what was asked last, for an address of either family, was answered, and nothing of use given.
fn is_denied(contact: &Contact, log: &Log) -> bool {
    let last = contact.lookups.iter().rev().take(2);
    let lookups = last.filter_map(|i| log.lookups.get(*i));
    matches!(
        lookup_failure(lookups),
        Some(Failure::Sinkhole(_) | Failure::Lookup(DnsOutcome::NoSuchName | DnsOutcome::NoData))
    )
}

/// A name without meaning: many of them by one device are one contact.
fn is_invented(watch: &Watch) -> bool {
    matches!(watch, Watch::Known(role) if !role.grammatical)
}

fn from_lookup(index: usize, lookup: &LookupRecord) -> Contact {
    Contact {
        host: lookup.shown.name.clone(),
        watch: lookup.watch.clone(),
        client: lookup.client,
        port: None,
        server: None,
        interface: lookup.interface,
        flow: None,
        kind: match &lookup.watch {
            Watch::Known(role) => service_kind(role.service).unwrap_or(ContactKind::Unknown),
            _ => ContactKind::Unknown,
        },
        stage: Stage::LookedUp,
        began_at: lookup.shown.at,
        at: lookup.shown.at,
        ended_at: lookup.ended_at,
        request: None,
        family: None,
        ocsp: None,
        answer: None,
        failure: None,
        lookups: vec![index],
        own_lookup: false,
        lookup_time: None,
        connect_time: None,
        frames: ContactFrames {
            dns: lookup.shown.frames.clone(),
            ..ContactFrames::default()
        },
        process: None,
        proxied: false,
        count: 1,
    }
}

/// Why a lookup led to nothing: only when no question of it was answered with an address of use.
fn lookup_failure<'a>(lookups: impl Iterator<Item = &'a LookupRecord>) -> Option<Failure> {
    let (mut sink, mut outcome) = (None, None);
    for lookup in lookups {
        for address in &lookup.shown.addresses {
            if !is_sinkhole(*address) {
                return None;
            }
            sink = Some(*address);
        }
        // NODATA for one address type says nothing while another type fails.
        if lookup.shown.outcome != DnsOutcome::NoData
            && lookup.shown.outcome != DnsOutcome::Answered
        {
            outcome = Some(lookup.shown.outcome);
        } else if lookup.shown.outcome == DnsOutcome::NoData {
            outcome = outcome.or(Some(DnsOutcome::NoData));
        }
    }
    sink.map(Failure::Sinkhole).or(outcome.map(Failure::Lookup))
}
