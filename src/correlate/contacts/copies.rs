//! Packets that were captured twice.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use foldhash::{HashMap, HashSet};

use super::{AnswerRecord, ConnectRecord, Log, RequestRecord};
use crate::correlate::pages::Pages;
use crate::event::Name;
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
    let mut copied = vec![false; log.lookups.len()];
    for index in in_order_asked(log) {
        let Some((lookup, copied)) = log.lookups.get(index).zip(copied.get_mut(index)) else {
            continue;
        };
        let Lookup {
            client,
            server,
            name,
            qtype,
            at,
            ..
        } = &*lookup.shown;
        *copied = copies.holds((client, server, name, qtype), lookup.client.scope, *at)
            || translated.contains(&index);
    }
    copied
}

/// Lookups are logged in the order of their answers, which pass two capture points in the other order than
/// the questions.
fn in_order_asked(log: &Log) -> Vec<usize> {
    let mut asked: Vec<usize> = (0..log.lookups.len()).collect();
    asked.sort_by_key(|index| log.lookups.get(*index).map(|l| l.shown.at));
    asked
}

/// Requests without copies of them, of which two interfaces may give one scope, and a translator of the
/// destination (REDIRECT and DNAT of nft(8), for proxies that clients know nothing of) two servers: a port of
/// a client is one connection's at a time.
pub(super) fn deduplicated(
    requests: &Pages<RequestRecord>,
) -> impl Iterator<Item = &RequestRecord> {
    type Same<'r> = (SocketAddr, &'r Name, u32, &'r str, u64);
    let mut seen: HashMap<Same<'_>, (FlowId, Timestamp)> = HashMap::default();
    requests.iter().filter(move |r| {
        let key = (
            r.client,
            &r.host,
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

/// Connections behind an address translator that are captured before it as well. It writes other addresses
/// and ports into packets and leaves what these carry (RFC 3022 2.2): the sender's clock (RFC 7323 3.2),
/// which common stacks start at a random offset (5.4), so that no two machines show the same to one server at
/// the same time, and a TTL that it decrements as every router does.
pub(super) struct Translated(HashSet<FlowId>);

impl Translated {
    pub(super) fn of(log: &Log, pairs: &OnePort<'_>) -> Self {
        let mut stamped: Vec<_> = log
            .connects
            .values()
            .filter_map(|connect| Some((connect, connect.stamp?)))
            .collect();
        // The nearest to the sender first; by the clock alone the order is not known, since answers come in
        // the other one.
        stamped.sort_by_key(|(connect, (clock, ttl))| {
            (
                seen_from_v4(connect.server),
                *clock,
                Reverse(*ttl),
                connect.at,
            )
        });
        let mut copies = redirected(pairs);
        let mut original: Option<(&ConnectRecord, (u32, u8))> = None;
        for (connect, stamp) in stamped {
            let is_copy = original.is_some_and(|(before, first)| {
                let same_server = seen_from_v4(before.server) == seen_from_v4(connect.server);
                same_server
                    && first.0 == stamp.0
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

/// A server as a translator between the families calls it in IPv4: the last 32 bits of the address that it
/// has in IPv6 (RFC 6052 2.2, for prefixes of 96 bits, as the well-known one has).
fn seen_from_v4(server: SocketAddr) -> (u32, u16) {
    let address = match server.ip() {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            u32::from_be_bytes([a, b, c, d])
        }
    };
    (address, server.port())
}

/// Connections that are captured before a translator of the destination and behind it: from one port of a
/// client, at once, to two servers. The first that was seen is the one that the client opened.
fn redirected(pairs: &OnePort<'_>) -> HashSet<FlowId> {
    let both = pairs
        .iter()
        .filter(|(first, second)| heard(first)[0] && heard(second)[0]);
    both.map(|(_, second)| second.flow).collect()
}

/// Connections of which what the client sent was captured behind a translator of the destination, and what
/// the server sent before it (a bridge that hands its frames to nft(8)): each direction is one of its own,
/// with another server.
pub(super) struct Halves<'l> {
    /// By the flow of what was sent, that of what came.
    joined: HashMap<FlowId, &'l ConnectRecord>,
    /// What came, by flow and position.
    answers: HashMap<(FlowId, u32), &'l AnswerRecord>,
    /// Flows of what came.
    second: HashSet<FlowId>,
}

impl<'l> Halves<'l> {
    pub(super) fn of(log: &'l Log, pairs: &OnePort<'l>) -> Self {
        let joined: HashMap<FlowId, &ConnectRecord> = pairs
            .iter()
            .filter_map(|&(first, second)| {
                let [a, b] = [first, second].map(heard);
                match (a, b) {
                    ([true, false], [false, true]) => Some((first.flow, second)),
                    ([false, true], [true, false]) => Some((second.flow, first)),
                    _ => None,
                }
            })
            .collect();
        let second: HashSet<FlowId> = joined.values().map(|connect| connect.flow).collect();
        let answers = log.answers.iter().filter(|a| second.contains(&a.flow));
        Self {
            answers: answers.map(|a| ((a.flow, a.index), a)).collect(),
            joined,
            second,
        }
    }

    /// What came, on the other half, for a request of a connection of which the client alone was heard.
    pub(super) fn answer_to(
        &self,
        asked: &RequestRecord,
    ) -> Option<(&'l AnswerRecord, &'l ConnectRecord)> {
        let connect = *self.joined.get(&asked.flow)?;
        let answer = self.answers.get(&(connect.flow, asked.request.index))?;
        Some((answer, connect))
    }

    /// Whether a flow is what came on a connection whose other half was captured.
    pub(super) fn holds(&self, flow: FlowId) -> bool {
        self.second.contains(&flow)
    }
}

/// Which sides of a connection were captured.
fn heard(connect: &ConnectRecord) -> [bool; 2] {
    let close = connect.close.as_ref();
    close.map_or([true; 2], |close| close.packets.map(|packets| packets > 0))
}

/// Pairs of connections, the one that was seen first before the other.
pub(super) type OnePort<'l> = Vec<(&'l ConnectRecord, &'l ConnectRecord)>;

/// Connections that one port of a client opened at once to two servers. Clients behind a translator may be
/// given one port for two servers (RFC 4787 4.2.1), but do not show one clock.
pub(super) fn of_one_port(log: &Log) -> OnePort<'_> {
    let mut opened: Vec<&ConnectRecord> = log.connects.values().map(Box::as_ref).collect();
    opened.sort_by_key(|connect| (connect.client, connect.at, connect.flow));
    let later = opened.clone().into_iter().skip(1);
    let pairs = opened.into_iter().zip(later);
    let pairs = pairs.filter(|(first, second)| {
        first.client == second.client
            && first.server != second.server
            && second.at.since(first.at) < COPIED
            && (first.stamp.zip(second.stamp)).is_none_or(|((a, _), (b, _))| a == b)
    });
    pairs.collect()
}

/// Lookups behind an address translator that are captured before it as well: it leaves the message as it is
/// (RFC 3022 2.2), and its number is not that of another client who asks the same at the same time, since it
/// can not be foretold (RFC 5452 9.2).
fn translated_lookups(log: &Log) -> HashSet<usize> {
    let mut first: HashMap<_, (IpAddr, Timestamp)> = HashMap::default();
    let mut sent: HashMap<_, (SocketAddr, Timestamp)> = HashMap::default();
    let mut copies = HashSet::default();
    for index in in_order_asked(log) {
        let Some(lookup) = log.lookups.get(index) else {
            continue;
        };
        let shown = &lookup.shown;
        // The same where it writes another destination (networks that bring all questions to a resolver of their own).
        let question = (shown.client, lookup.id, &shown.name, shown.qtype);
        let original = sent.entry(question).or_insert((shown.server, shown.at));
        if original.0 != shown.server && shown.at.since(original.1) < COPIED {
            copies.insert(index);
            continue;
        }
        *original = (shown.server, shown.at);
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
