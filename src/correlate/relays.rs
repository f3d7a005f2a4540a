//! Who passes on what others asked of it: proxies and gateways that fetch for their clients, resolvers that
//! look up for theirs.
//!
//! A proxy sends the request that it was sent (RFC 9110 7.6), a forwarding resolver the question (RFC 5625
//! 4), a recursive one that question or, on the way down, the zones above it (RFC 9156), all while whoever
//! asked is still waiting. So the contact of the one is explained by the contact of the other, and by nothing
//! that the one itself was shown.

use std::net::IpAddr;

use foldhash::HashMap;

use crate::correlate::contacts::{Contact, EXCHANGE, Log, LookupRecord};
use crate::correlate::devices::{DeviceMap, HostKey};
use crate::event::{DnsOutcome, Name};
use crate::finding::Stage;
use crate::time::{Span, Timestamp};

/// Stub resolvers wait this long for an answer before they ask elsewhere (resolv.conf(5): 5 s).
const PATIENCE: Span = Span::from_secs(5);
/// Same questions looked back at for one contact.
const LOOK_BACK: usize = 64;

/// A contact that another one passes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Relay {
    /// The contact that is passed on, by index.
    pub contact: usize,
    /// Whether it was addressed to the device that passes it on; else only the times tell.
    pub addressed: bool,
}

/// All contacts by what they asked.
#[derive(Debug)]
pub struct Relays<'c> {
    contacts: &'c [Contact],
    log: &'c Log,
    devices: &'c DeviceMap,
    /// Contacts with a request, by what it asked for, in order of time.
    requests: HashMap<String, Vec<usize>>,
    /// Lookups by name, and by the names above it, in order of time, each with its contact.
    lookups: HashMap<&'c str, Vec<Told<'c>>>,
}

#[derive(Clone, Copy, Debug)]
struct Told<'c> {
    lookup: &'c LookupRecord,
    contact: usize,
}

/// From the last packet of an answer to its last packet on the other side of a gateway.
const AT_ONCE: Span = Span::from_millis(10);

impl<'c> Relays<'c> {
    /// Goes through contacts in order of time.
    #[must_use]
    pub fn new(contacts: &'c [Contact], log: &'c Log, devices: &'c DeviceMap) -> Self {
        let mut requests: HashMap<String, Vec<usize>> = HashMap::default();
        let mut lookups: HashMap<&str, Vec<Told<'_>>> = HashMap::default();
        for (index, contact) in contacts.iter().enumerate() {
            if let Some(url) = contact.url() {
                requests.entry(url).or_default().push(index);
            }
            for lookup in contact.lookups.iter().filter_map(|i| log.lookups.get(*i)) {
                for name in with_parents(&lookup.shown.name) {
                    lookups.entry(name).or_default().push(Told {
                        lookup,
                        contact: index,
                    });
                }
            }
        }
        for list in lookups.values_mut() {
            list.sort_by_key(|told| told.lookup.shown.at);
        }
        Self {
            contacts,
            log,
            devices,
            requests,
            lookups,
        }
    }

    /// Whether every part of a contact was asked for by another device that was waiting for it then.
    #[must_use]
    pub fn of(&self, contact: &Contact) -> Option<Relay> {
        if contact.request.is_some() {
            return self.requested(contact);
        }
        if contact.stage != Stage::LookedUp {
            return None;
        }
        let mut found: Option<Relay> = None;
        let lookups = || contact.lookups.iter().map(|i| self.log.lookups.get(*i));
        for lookup in lookups() {
            let lookup = lookup?;
            let relay = self.looked_up(lookup).or_else(|| {
                let asked = lookups().flatten().filter(|l| asks_with(l, lookup));
                asked.filter_map(|l| self.looked_up(l)).next()
            })?;
            let addressed = relay.addressed && found.is_none_or(|f| f.addressed);
            found = Some(Relay {
                addressed,
                ..found.unwrap_or(relay)
            });
        }
        found
    }

    fn requested(&self, contact: &Contact) -> Option<Relay> {
        let same = self.requests.get(&contact.url()?)?;
        let until = same.partition_point(|i| self.at(*i) <= Some(contact.at));
        let earlier = same.get(..until)?.iter().rev().take(LOOK_BACK);
        let asked = earlier.filter_map(|index| {
            let asker = self.contacts.get(*index)?;
            let other = !self.devices.same(asker.client, contact.client);
            // Whoever gave up, or got no answer that was captured, ends at no telling time.
            let open = |c: &Contact| c.failure.is_some() || c.stage != Stage::Answered;
            let either = open(asker) || open(contact);
            let waits = asker.at < contact.at
                && contact.at <= asker.ended_at
                && (either || contact.ended_at <= asker.ended_at)
                && contact.at.since(asker.at) <= EXCHANGE
                && (either || asker.stage == contact.stage);
            let same = asker.ocsp.as_ref().map(|q| &q.ids) == contact.ocsp.as_ref().map(|q| &q.ids);
            let addressed = asker
                .server
                .is_some_and(|s| self.is_of(s.ip(), contact.client));
            // Two neighbours may ask the same at the same time. What a gateway passes on unasked it leaves as
            // it was, and passes the answer on at once.
            let untouched = !either
                && asker.server == contact.server
                && agent(asker) == agent(contact)
                && asker.ended_at.since(contact.ended_at) <= AT_ONCE;
            (other && waits && same && (addressed || untouched)).then_some(Relay {
                contact: *index,
                addressed,
            })
        });
        best(asked)
    }

    fn looked_up(&self, lookup: &LookupRecord) -> Option<Relay> {
        let same = self.lookups.get(lookup.shown.name.as_str())?;
        let until = same.partition_point(|told| told.lookup.shown.at <= lookup.shown.at);
        let earlier = same.get(..until)?.iter().rev().take(LOOK_BACK);
        let asked = earlier.filter_map(|told| {
            let other = !self.devices.same(told.lookup.client, lookup.client);
            let addressed = self.is_of(told.lookup.shown.server.ip(), lookup.client);
            // Neighbours ask the same resolver; who asks another one may be a resolver itself, by another of
            // its addresses.
            let further = told.lookup.shown.server.ip() != lookup.shown.server.ip();
            (other && is_open(told.lookup, lookup) && (addressed || further)).then_some(Relay {
                contact: told.contact,
                addressed,
            })
        });
        best(asked)
    }

    fn at(&self, index: usize) -> Option<Timestamp> {
        self.contacts.get(index).map(|c| c.at)
    }

    fn is_of(&self, ip: IpAddr, client: HostKey) -> bool {
        let own = self.devices.addresses(client);
        own.iter().any(|key| key.ip == ip)
    }
}

/// What was addressed to the device says more than what was merely under way.
fn best(found: impl Iterator<Item = Relay>) -> Option<Relay> {
    let mut first = None;
    for relay in found {
        if relay.addressed {
            return Some(relay);
        }
        first = first.or(Some(relay));
    }
    first
}

fn agent(contact: &Contact) -> Option<&str> {
    contact.request.as_ref()?.agent.as_deref()
}

/// Whether a question was waiting for its answer while another one was asked and answered.
fn is_open(waiting: &LookupRecord, asked: &LookupRecord) -> bool {
    let begun = waiting.shown.at < asked.shown.at;
    // Some answer from what they hold and ask anew then (RFC 8767 5; dnsmasq(8), `use-stale-cache`;
    // unbound.conf(5), `prefetch`).
    let renewed = begun
        && waiting.shown.outcome == DnsOutcome::Answered
        && !asked.shown.at.since(waiting.ended_at).is_negative()
        && asked.shown.at.since(waiting.ended_at) <= AT_ONCE;
    if renewed {
        return true;
    }
    let unanswered = waiting.shown.outcome == DnsOutcome::Unanswered;
    let ended = if unanswered {
        waiting.shown.at.plus(PATIENCE)
    } else {
        waiting.ended_at
    };
    begun && asked.shown.at <= ended && (unanswered || asked.ended_at <= ended)
}

/// Whether two questions are one that a forwarder puts to several resolvers at once, the first of which to
/// answer is heard (dnsmasq(8), `all-servers`, and now and then without it to find the fastest).
fn asks_with(one: &LookupRecord, other: &LookupRecord) -> bool {
    one.shown.name == other.shown.name
        && one.shown.qtype == other.shown.qtype
        && one.shown.server != other.shown.server
        && one.shown.at.since(other.shown.at).abs() <= AT_ONCE
}

/// `r10.c.lencr.org`, `c.lencr.org`, `lencr.org`, `org`.
fn with_parents(name: &Name) -> impl Iterator<Item = &str> {
    let text = name.as_str();
    let parents = text
        .match_indices('.')
        .filter_map(|(at, _)| text.get(at + 1..));
    std::iter::once(text).chain(parents)
}
