//! Questions that wait for their answers, and answers that a copy may follow.
//!
//! Every question has a slot of one table. Slots are found by what a question and its answer have in common, given up in
//! the order in which that is due, and used again at once, so that a busy resolver's capture keeps touching the same memory.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::event::{DnsTransport, Name};
use crate::flow::{FlowId, Scope};
use crate::frame::FrameNo;
use crate::time::{Span, Timestamp};

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
}

/// A question, or an answer whose question was not seen.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) key: Key,
    pub(super) name: Name,
    pub(super) qtype: u16,
    /// Hash of the bytes in which it was asked, 0 if there is none; whoever repeats them asks or answers the same.
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

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Slots by the hash of their key. The seed is random, since clients choose the keys; nothing walks the table.
    by_key: HashTable<u32>,
    hasher: RandomState,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// When to look at which question again, soonest first.
    queue: VecDeque<(Timestamp, u32, Number)>,
    last: Number,
}

/// Questions in the order they came; tells a slot's tenants apart.
type Number = u64;

#[derive(Debug)]
struct Slot {
    number: Number,
    pending: Pending,
}

impl Table {
    /// The oldest question under a key that `is` the one meant, of the same scope if there is one.
    pub(super) fn find(&self, key: &Key, mut is: impl FnMut(&Pending) -> bool) -> Option<u32> {
        let found = self
            .under(key)
            .filter(|(_, slot)| is(&slot.pending))
            .min_by_key(|(_, slot)| (slot.pending.key.scope != key.scope, slot.number));
        found.map(|(index, _)| index)
    }

    /// What [`Self::find`] found.
    pub(super) fn at(&mut self, index: u32) -> Option<&mut Pending> {
        let slot = self.slots.get_mut(index as usize)?.as_mut();
        slot.map(|slot| &mut slot.pending)
    }

    /// Puts in a question, to be looked at again when it is `due`. Of more than `most` under one key the oldest goes.
    pub(super) fn insert(&mut self, pending: Pending, due: Timestamp, most: usize) {
        let (count, oldest) = self.under(&pending.key).fold(
            (0, None::<(Number, u32)>),
            |(count, oldest), (at, slot)| {
                let this = (slot.number, at);
                (count + 1, Some(oldest.map_or(this, |o| o.min(this))))
            },
        );
        if let Some((_, oldest)) = oldest.filter(|_| count >= most) {
            self.take(oldest);
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.last += 1;
        self.queue.push_back((due, index, self.last));
        let hash = self.hasher.hash_one(pending.key);
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some(Slot {
                number: self.last,
                pending,
            });
        }
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_key.insert_unique(hash, index, |index| {
            let slot = slots.get(*index as usize).and_then(Option::as_ref);
            slot.map_or(0, |slot| hasher.hash_one(slot.pending.key))
        });
    }

    /// How many are queued.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes out the question that is due next.
    pub(super) fn pop(&mut self) -> Option<Pending> {
        loop {
            let (_, index, number) = self.queue.pop_front()?;
            if self.holds(index, number) {
                return self.take(index);
            }
        }
    }

    /// Whether any question is due.
    #[inline]
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.queue.front().is_some_and(|(due, ..)| *due <= now)
    }

    /// Looks at all questions that are due: `look` says when to look again, or None to have it removed.
    pub(super) fn due(
        &mut self,
        now: Timestamp,
        mut look: impl FnMut(&mut Pending) -> Option<Timestamp>,
    ) {
        while let Some((_, index, number)) = self.queue.pop_front_if(|(due, ..)| *due <= now) {
            if !self.holds(index, number) {
                continue;
            }
            let slot = self.slots.get_mut(index as usize).and_then(Option::as_mut);
            match slot.and_then(|slot| look(&mut slot.pending)) {
                Some(again) => self.queue.push_back((again, index, number)),
                None => drop(self.take(index)),
            }
        }
    }

    /// Everything under a key, whatever its tags.
    fn under(&self, key: &Key) -> impl Iterator<Item = (u32, &Slot)> {
        let candidates = self.by_key.iter_hash(self.hasher.hash_one(key));
        candidates.filter_map(|index| {
            let slot = self.slots.get(*index as usize)?.as_ref()?;
            (slot.pending.key == *key).then_some((*index, slot))
        })
    }

    fn holds(&self, index: u32, number: Number) -> bool {
        let slot = self.slots.get(index as usize).and_then(Option::as_ref);
        slot.is_some_and(|slot| slot.number == number)
    }

    fn take(&mut self, index: u32) -> Option<Pending> {
        let slot = self.slots.get_mut(index as usize)?.take()?;
        let hash = self.hasher.hash_one(slot.pending.key);
        if let Ok(found) = self.by_key.find_entry(hash, |other| *other == index) {
            found.remove();
        }
        self.free.push(index);
        Some(slot.pending)
    }
}

impl Pending {
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
        state.write_u128(u128::from_ne_bytes(self.client));
        state.write_u128(server);
        state.write_u64(self.rest());
        state.write_u64(u64::from(port) << 32 | u64::from(self.base.0));
    }
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
