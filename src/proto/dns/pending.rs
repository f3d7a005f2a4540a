//! Questions that wait for their answers, and answers that a copy may follow.
//!
//! Every question has a slot of one ring. Slots are found by what a question and its answer have in common,
//! and given up in the order in which that is due.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use foldhash::fast::RandomState;

use crate::event::{DnsTransport, Name};
use crate::flow::{FlowId, Scope};
use crate::frame::FrameNo;
use crate::recent::{Recent, Sequence};
use crate::time::{Span, Timestamp};

use super::message::{Header, read_name};

/// What a question and its answer have in common apart from the question itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    client: [u8; 16],
    server: [u8; 16],
    client_port: u16,
    server_port: u16,
    pub(super) id: u16,
    v6: bool,
    pub(super) transport: DnsTransport,
    pub(super) scope: Scope,
    /// What questions and answers share even where their directions are tagged unlike.
    base: Scope,
    /// Of all that two equal keys share; given by [`Table::key`].
    hash: u64,
}

/// A question, or an answer whose question was not seen.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) key: Key,
    /// Until an answer, or its absence, is told of.
    pub(super) name: Option<Name>,
    pub(super) qtype: u16,
    /// Hash of the bytes in which it was asked, in lower case; 0 if there is none. Whoever repeats them asks
    /// or answers the same.
    pub(super) question: u64,
    /// Transmissions seen; 0 for an answer whose question was not.
    pub(super) attempts: u16,
    pub(super) state: State,
    pub(super) flow: FlowId,
    pub(super) frame: FrameNo,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Waiting,
    /// With the hash of the answer, to know a copy of it from a second, different answer.
    Answered(u64),
    GivenUp,
}

/// All of them, in the order in which they are looked at again.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// By key, hashed with a random seed, since clients choose the keys.
    slots: Recent<Slot>,
    hasher: RandomState,
    last: Number,
}

/// Questions in the order they came.
type Number = u64;

#[derive(Debug)]
struct Slot {
    number: Number,
    /// When to look at it again.
    due: Timestamp,
    /// None once it was taken out, or put at the end to be looked at later.
    pending: Option<Pending>,
}

impl Table {
    /// A key that is ready to be looked for.
    #[inline]
    pub(super) fn key(&self, mut key: Key) -> Key {
        key.hash = self.hasher.hash_one(key);
        key
    }

    /// The oldest question under a key that `is` the one meant, of the same scope if there is one.
    pub(super) fn find(&self, key: &Key, mut is: impl FnMut(&Pending) -> bool) -> Option<Sequence> {
        let found = self
            .under(key)
            .filter(|(.., pending)| is(pending))
            .min_by_key(|(_, number, pending)| (pending.key.scope != key.scope, *number));
        found.map(|(place, ..)| place)
    }

    /// What [`Self::find`] found.
    pub(super) fn at(&mut self, place: Sequence) -> Option<&mut Pending> {
        self.slots.get_mut(place)?.pending.as_mut()
    }

    /// Puts in a question, to be looked at again when it is `due`. Of more than `most` under one key the oldest goes.
    pub(super) fn insert(&mut self, pending: Pending, due: Timestamp, most: usize) {
        let mut count = 0;
        let others = self.under(&pending.key).inspect(|_| count += 1);
        let oldest = others.min_by_key(|(_, number, _)| *number);
        let oldest = oldest.map(|(place, ..)| place);
        if let Some(slot) = oldest.and_then(|oldest| self.slots.get_mut(oldest))
            && count >= most
        {
            slot.pending = None;
        }
        self.last += 1;
        self.put(self.last, due, pending);
    }

    /// How many are queued.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes out the question that is due next.
    pub(super) fn pop(&mut self) -> Option<Pending> {
        loop {
            let slot = self.slots.pop()?;
            if slot.pending.is_some() {
                return slot.pending;
            }
        }
    }

    /// When the first question is due.
    #[inline]
    pub(super) fn next_due(&self) -> Timestamp {
        let end_of_time = Timestamp::from_nanos(i64::MAX);
        self.slots.oldest().map_or(end_of_time, |slot| slot.due)
    }

    /// Whether any question is due.
    #[inline]
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.slots.oldest().is_some_and(|slot| slot.due <= now)
    }

    /// Looks at all questions that are due: `look` says when to look again, or None to have it removed.
    pub(super) fn due(
        &mut self,
        now: Timestamp,
        mut look: impl FnMut(&mut Pending) -> Option<Timestamp>,
    ) {
        while self.is_due(now)
            && let Some(slot) = self.slots.pop()
        {
            let Some(mut pending) = slot.pending else {
                continue;
            };
            if let Some(again) = look(&mut pending) {
                self.put(slot.number, again, pending);
            }
        }
    }

    /// Everything under a key, whatever its tags.
    fn under(&self, key: &Key) -> impl Iterator<Item = (Sequence, Number, &Pending)> {
        let slots = self.slots.of(key.hash);
        slots.filter_map(|(place, slot)| {
            let pending = slot.pending.as_ref()?;
            (pending.key == *key).then_some((place, slot.number, pending))
        })
    }

    fn put(&mut self, number: Number, due: Timestamp, pending: Pending) {
        let hash = pending.key.hash;
        let pending = Some(pending);
        let slot = Slot {
            number,
            due,
            pending,
        };
        self.slots.push(hash, slot);
    }
}

impl Pending {
    /// The name, in a message that asks for the same.
    pub(super) fn asked(&self, payload: &[u8], scratch: &mut String) -> Name {
        self.name.clone().unwrap_or_else(|| {
            read_name(payload, Header::LEN, scratch);
            Name::folded(scratch)
        })
    }

    /// How long it is remembered: a question for its answer, after that for a late one; an answered one so
    /// that a copy of the answer is known.
    pub(super) fn keep_until(&self, timeout: Span) -> Timestamp {
        let until = self.last_at.plus(timeout);
        match self.state {
            State::Waiting | State::Answered(_) => until,
            State::GivenUp => until.plus(timeout),
        }
    }
}

impl Key {
    /// The key of a message under `id` between two ends.
    pub(super) fn new(
        id: u16,
        transport: DnsTransport,
        (scope, base): (Scope, Scope),
        client: SocketAddr,
        server: SocketAddr,
    ) -> Self {
        Self {
            client: octets(client.ip()),
            server: octets(server.ip()),
            client_port: client.port(),
            server_port: server.port(),
            id,
            v6: client.is_ipv6(),
            transport,
            scope,
            base,
            hash: 0,
        }
    }

    /// Who asks.
    pub(super) fn client(&self) -> SocketAddr {
        SocketAddr::new(self.address(self.client), self.client_port)
    }

    /// Who was asked.
    pub(super) fn server(&self) -> SocketAddr {
        SocketAddr::new(self.address(self.server), self.server_port)
    }

    fn address(&self, octets: [u8; 16]) -> IpAddr {
        let [a, b, c, d, ..] = octets;
        if self.v6 {
            IpAddr::V6(Ipv6Addr::from(octets))
        } else {
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
    }

    /// The server in two words. With LLMNR the question goes to a group and the answer comes from a member.
    const fn answerer(&self) -> (u128, u16) {
        match self.transport {
            DnsTransport::Llmnr => (0, 0),
            _ => (u128::from_ne_bytes(self.server), self.server_port),
        }
    }

    const fn rest(&self) -> u64 {
        (self.client_port as u64) << 48
            | (self.id as u64) << 32
            | (self.transport as u64) << 8
            | self.v6 as u64
    }
}

/// Whatever its tags.
impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.rest() == other.rest()
            && self.client == other.client
            && self.answerer() == other.answerer()
            && self.base == other.base
    }
}

impl Eq for Key {}

impl Hash for Key {
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (server, port) = self.answerer();
        let client = u128::from_ne_bytes(self.client);
        if self.v6 {
            state.write_u128(client);
            state.write_u128(server);
        } else {
            // Both fit.
            state.write_u64(first_word(client) << 32 | first_word(server));
        }
        state.write_u64(self.rest());
        state.write_u64(u64::from(port) << 32 | u64::from(self.base.0));
    }
}

/// The first four octets.
const fn first_word(octets: u128) -> u64 {
    let [a, b, c, d, ..] = octets.to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d]) as u64
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}
