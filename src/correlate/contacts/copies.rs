//! Packets that were captured twice.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use foldhash::{HashMap, HashSet};

use super::{ConnectRecord, Log, RequestRecord};
use crate::finding::Lookup;
use crate::flow::{FlowId, Scope};
use crate::time::{Span, Timestamp};

/// The same packet can be captured twice: inside and outside a tunnel, before and after a VLAN tag, by two interfaces.
/// Then the same ports do the same at nearly the same time in another scope.
pub(super) struct Copies<K>(HashMap<K, (Scope, Timestamp)>);

impl<K: Eq + Hash> Copies<K> {
    /// Whether that was seen in another scope just before.
    pub(super) fn holds(&mut self, what: K, scope: Scope, at: Timestamp) -> bool {
        match self.0.entry(what) {
            Entry::Occupied(mut seen) => {
                let (first, then) = *seen.get();
                let copy = first != scope && at.since(then).abs() < COPIED;
                if !copy {
                    seen.insert((scope, at));
                }
                copy
            }
            Entry::Vacant(new) => {
                new.insert((scope, at));
                false
            }
        }
    }
}

impl<K> Default for Copies<K> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

/// Copies of a packet are captured within this time: a switch's and a router's queues lie between them.
const COPIED: Span = Span::from_millis(50);

/// Which lookups are copies of others.
pub(super) fn copied_lookups(log: &Log) -> Vec<bool> {
    let translated = translated_lookups(log);
    let mut copies = Copies::default();
    let copied = log.lookups.iter().enumerate().map(|(index, lookup)| {
        let Lookup {
            client,
            server,
            name,
            qtype,
            at,
            ..
        } = &lookup.shown;
        copies.holds((client, server, name, qtype), lookup.client.scope, *at)
            || translated.contains(&index)
    });
    copied.collect()
}

/// Requests without copies of them, of which two interfaces may give one scope.
pub(super) fn deduplicated(requests: &[RequestRecord]) -> impl Iterator<Item = &RequestRecord> {
    type Same<'r> = (SocketAddr, SocketAddr, u32, &'r str, u64);
    let mut seen: HashMap<Same<'_>, (FlowId, Timestamp)> = HashMap::default();
    requests.iter().filter(move |r| {
        let key = (
            r.client,
            r.server,
            r.request.index,
            r.request.path.as_str(),
            r.request.body_len,
        );
        match seen.get(&key) {
            Some((flow, at)) if *flow != r.flow && r.at.since(*at).abs() < COPIED => false,
            _ => {
                seen.insert(key, (r.flow, r.at));
                true
            }
        }
    })
}

/// Connections behind an address translator that are captured before it as well. It writes other addresses and ports into packets and leaves what
/// these carry (RFC 3022 2.2): the sender's clock (RFC 7323 3.2), which common stacks start at a random offset (5.4), so that no
/// two machines show the same to one server at the same time, and a TTL that it decrements as every router does.
pub(super) struct Translated(HashSet<FlowId>);

impl Translated {
    pub(super) fn of(log: &Log) -> Self {
        let mut stamped: Vec<_> = log
            .connects
            .values()
            .filter_map(|connect| Some((connect, connect.stamp?)))
            .collect();
        // The nearest to the sender first; by the clock alone the order is not known, since answers come in the other one.
        stamped.sort_by_key(|(connect, (clock, ttl))| {
            (connect.server, *clock, Reverse(*ttl), connect.at)
        });
        let mut copies = HashSet::default();
        let mut original: Option<(&ConnectRecord, (u32, u8))> = None;
        for (connect, stamp) in stamped {
            let is_copy = original.is_some_and(|(before, first)| {
                (before.server, first.0) == (connect.server, stamp.0)
                    && before.client.ip() != connect.client.ip()
                    && stamp.1 < first.1
                    && connect.at.since(before.at).abs() < COPIED
            });
            if is_copy {
                copies.insert(connect.flow);
            } else {
                original = Some((connect, stamp));
            }
        }
        Self(copies)
    }

    pub(super) fn holds(&self, flow: FlowId) -> bool {
        self.0.contains(&flow)
    }
}

/// Lookups behind an address translator that are captured before it as well: it leaves the message as it is (RFC 3022 2.2), and its
/// number is not that of another client who asks the same at the same time, since it can not be foretold (RFC 5452 9.2).
fn translated_lookups(log: &Log) -> HashSet<usize> {
    // Answers come in the other order.
    let mut asked: Vec<usize> = (0..log.lookups.len()).collect();
    asked.sort_by_key(|index| log.lookups.get(*index).map(|l| l.shown.at));
    let mut first: HashMap<_, (IpAddr, Timestamp)> = HashMap::default();
    let mut copies = HashSet::default();
    for index in asked {
        let Some(lookup) = log.lookups.get(index) else {
            continue;
        };
        let shown = &lookup.shown;
        let what = (shown.server, lookup.id, &shown.name, shown.qtype);
        let seen = (shown.client.ip(), shown.at);
        let original = first.entry(what).or_insert(seen);
        if original.0 != seen.0 && seen.1.since(original.1) < COPIED {
            copies.insert(index);
        } else {
            *original = seen;
        }
    }
    copies
}
