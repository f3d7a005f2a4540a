//! The facts themselves: one ring in the order of their age, with the text of names beside it.
//!
//! A busy resolver's capture brings a fact or two with every answer and soon as many go as come, so nothing here is
//! allocated or freed by itself, and forgetting touches little more than what is written next.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;

use super::Fact;
use crate::correlate::devices::HostKey;
use crate::flow::Scope;
use crate::frame::FrameNo;
use crate::recent::{Recent, Sequence, reserve_last};
use crate::time::Timestamp;

/// Which addresses were given to whom.
#[derive(Debug)]
pub(super) struct Told {
    /// By address, hashed with a random seed (who asks chooses the keys).
    facts: Recent<Entry>,
    /// When each was told first, and the frame of that answer: in the same order, apart from what every
    /// answer is held against.
    firsts: VecDeque<(Timestamp, FrameNo)>,
    hasher: RandomState,
    names: Text,
    limit: usize,
    /// Bytes of text.
    text_limit: usize,
}

/// One line of the cache: what was told of an address lies anywhere in megabytes, and is looked at for each answer.
#[derive(Debug)]
#[repr(align(64))]
struct Entry {
    address: Packed,
    client: Packed,
    at: Timestamp,
    frame: FrameNo,
    name: Place,
    scope: Scope,
    /// Which of the addresses are of IPv6.
    six: [bool; 2],
}

const _: () = assert!(size_of::<Entry>() == 64);

/// An address as a number.
type Packed = u128;

fn packed(ip: IpAddr) -> (Packed, bool) {
    match ip {
        IpAddr::V4(ip) => (Packed::from(ip.to_bits()), false),
        IpAddr::V6(ip) => (ip.to_bits(), true),
    }
}

impl Entry {
    fn is_about(&self, address: IpAddr) -> bool {
        let [six, _] = self.six;
        packed(address) == (self.address, six)
    }

    fn was_told(&self, client: HostKey) -> bool {
        let [_, six] = self.six;
        packed(client.ip) == (self.client, six) && client.scope == self.scope
    }

    fn client(&self) -> HostKey {
        let ip = match self.six {
            [_, true] => IpAddr::V6(Ipv6Addr::from_bits(self.client)),
            // An address of IPv4 fits.
            [_, false] => {
                let bits = u32::try_from(self.client).unwrap_or_default();
                IpAddr::V4(Ipv4Addr::from_bits(bits))
            }
        };
        let scope = self.scope;
        HostKey { scope, ip }
    }
}

/// Facts looked at for one address; CDN addresses serve thousands of names, the latest matter.
const PER_ADDRESS: usize = 32;
/// Room for text, in bytes for each fact. Names on the wire take 20 to 40; longer ones must not take all memory.
const TEXT_PER_FACT: usize = 128;

impl Told {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            facts: Recent::default(),
            firsts: VecDeque::new(),
            hasher: RandomState::default(),
            names: Text::default(),
            limit: limit.max(1),
            text_limit: limit.saturating_mul(TEXT_PER_FACT).max(4 * PIECE),
        }
    }

    /// Adds a fact, or renews it: the same client was given the same address for the same name.
    pub(super) fn insert(&mut self, address: IpAddr, fact: Fact<'_>) {
        let hash = self.hasher.hash_one(address);
        let same =
            |entry: &Entry| entry.was_told(fact.client) && self.names.get(entry.name) == fact.name;
        let known = self.of(hash, address).find(|(_, entry)| same(entry));
        let known = known.map(|(known, _)| known);
        if let Some(entry) = known.and_then(|known| self.facts.get_mut(known)) {
            (entry.at, entry.frame) = (fact.at, fact.frame);
            return;
        }
        let (of, client) = (packed(address), packed(fact.client.ip));
        let entry = Entry {
            address: of.0,
            client: client.0,
            at: fact.at,
            frame: fact.frame,
            name: self.names.push(fact.name),
            scope: fact.client.scope,
            six: [of.1, client.1],
        };
        // One more than the limit, until the oldest goes.
        let most = self.limit + 1;
        self.facts.push_of(most, hash, entry);
        reserve_last(&mut self.firsts, most);
        self.firsts.push_back(fact.first);
        while self.facts.len() > self.limit || self.names.size() > self.text_limit {
            self.forget();
        }
    }

    /// See [`Recent::touch`].
    #[inline]
    pub(super) fn touch(&self, address: IpAddr) {
        self.facts.touch(self.hasher.hash_one(address));
    }

    /// What is known of an address, the latest first.
    pub(super) fn about(&self, address: IpAddr) -> impl Iterator<Item = Fact<'_>> {
        let facts = self.of(self.hasher.hash_one(address), address);
        facts.map(|(sequence, entry)| {
            let first = self.facts.index(sequence);
            let first = first.and_then(|place| self.firsts.get(place)).copied();
            Fact {
                client: entry.client(),
                name: self.names.get(entry.name),
                at: entry.at,
                frame: entry.frame,
                first: first.unwrap_or((entry.at, entry.frame)),
            }
        })
    }

    /// Who was told each fact.
    pub(super) fn clients(&self) -> impl Iterator<Item = HostKey> {
        self.facts.iter().map(Entry::client)
    }

    /// How many facts had to be forgotten.
    pub(super) const fn forgotten(&self) -> u64 {
        self.facts.taken()
    }

    fn of(&self, hash: u64, address: IpAddr) -> impl Iterator<Item = (Sequence, &Entry)> {
        let of_hash = self.facts.of(hash);
        let of_address = of_hash.filter(move |(_, entry)| entry.is_about(address));
        of_address.take(PER_ADDRESS)
    }

    /// Drops the oldest fact.
    fn forget(&mut self) {
        self.facts.pop();
        self.firsts.pop_front();
        if let Some(oldest) = self.facts.oldest() {
            self.names.forget_before(oldest.name);
        }
    }
}

/// Text that is forgotten in the order it came in, kept in pieces of one size.
#[derive(Debug, Default)]
struct Text {
    pieces: VecDeque<String>,
    /// Numbers of the first piece and of the one behind the last.
    first: u32,
    end: u32,
    /// What was put in last: the addresses of one answer come one after the other.
    last: Option<Place>,
}

/// Where a name stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    piece: u32,
    at: u16,
    len: u16,
}

/// Bytes of a piece; within 16 bits.
const PIECE: usize = 32 << 10;

impl Text {
    /// Keeps a name. The longest that DNS has takes about 1,000 characters in text (255 octets, all escaped).
    fn push(&mut self, text: &str) -> Place {
        if let Some(last) = self.last
            && self.get(last) == text
        {
            return last;
        }
        let fits = |piece: &String| piece.len() + text.len() <= PIECE;
        if !self.pieces.back().is_some_and(fits) {
            self.pieces.push_back(String::with_capacity(PIECE));
            self.end = self.end.wrapping_add(1);
        }
        let at = self.pieces.back().map_or(0, String::len);
        let place = Place {
            piece: self.end.wrapping_sub(1),
            at: u16::try_from(at).unwrap_or(u16::MAX),
            len: u16::try_from(text.len()).unwrap_or(u16::MAX),
        };
        if let Some(piece) = self.pieces.back_mut() {
            piece.push_str(text);
        }
        self.last = Some(place);
        place
    }

    fn get(&self, place: Place) -> &str {
        let piece = self
            .pieces
            .get(place.piece.wrapping_sub(self.first) as usize);
        let (start, len) = (usize::from(place.at), usize::from(place.len));
        piece
            .and_then(|piece| piece.get(start..start + len))
            .unwrap_or_default()
    }

    /// Drops whole pieces that lie before a place.
    fn forget_before(&mut self, place: Place) {
        while self.first != place.piece && self.pieces.pop_front().is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }

    fn size(&self) -> usize {
        self.pieces.len() * PIECE
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(number))
    }

    fn fact(client: u32, name: &str, at: i64) -> Fact<'_> {
        Fact {
            client: HostKey {
                scope: Scope::default(),
                ip: address(client),
            },
            name,
            at: Timestamp::from_nanos(at),
            frame: FrameNo::new(at.unsigned_abs()),
            first: (Timestamp::from_nanos(at), FrameNo::new(at.unsigned_abs())),
        }
    }

    fn about(told: &Told, number: u32) -> Vec<(String, i64)> {
        let facts = told.about(address(number));
        facts
            .map(|fact| (fact.name.to_owned(), fact.at.as_nanos()))
            .collect()
    }

    fn expect(names: &[(&str, i64)]) -> Vec<(String, i64)> {
        names.iter().map(|(n, at)| ((*n).to_owned(), *at)).collect()
    }

    #[test]
    fn facts_of_an_address_come_latest_first_and_are_renewed_in_place() {
        let mut told = Told::new(10);
        told.insert(address(1), fact(7, "a.example", 1));
        told.insert(address(2), fact(7, "a.example", 1));
        told.insert(address(1), fact(7, "b.example", 2));
        told.insert(address(1), fact(8, "a.example", 3));
        told.insert(address(1), fact(7, "a.example", 4));
        let latest = [("a.example", 3), ("b.example", 2), ("a.example", 4)];
        assert_eq!(about(&told, 1), expect(&latest));
        assert_eq!(about(&told, 2), expect(&[("a.example", 1)]));
        assert_eq!(about(&told, 3), []);
        assert_eq!(told.forgotten(), 0);
    }

    #[test]
    fn the_oldest_is_forgotten_and_its_address_with_the_last_of_its_facts() {
        let mut told = Told::new(3);
        told.insert(address(1), fact(7, "a.example", 1));
        told.insert(address(2), fact(7, "b.example", 2));
        told.insert(address(1), fact(7, "c.example", 3));
        told.insert(address(3), fact(7, "d.example", 4));
        assert_eq!(about(&told, 1), expect(&[("c.example", 3)]));
        told.insert(address(3), fact(7, "e.example", 5));
        told.insert(address(3), fact(7, "f.example", 6));
        assert_eq!((about(&told, 1), about(&told, 2)), (vec![], vec![]));
        assert_eq!((told.forgotten(), told.facts.len()), (3, 3));
        told.insert(address(1), fact(7, "g.example", 7));
        assert_eq!(about(&told, 1), expect(&[("g.example", 7)]));
    }

    #[test]
    fn an_address_of_many_names_shows_its_latest() {
        let mut told = Told::new(1_000);
        for number in 0..100 {
            told.insert(address(1), fact(7, &format!("n{number}.example"), number));
        }
        let facts = about(&told, 1);
        assert_eq!(facts.len(), PER_ADDRESS);
        assert_eq!(facts[0], ("n99.example".to_owned(), 99));
    }

    #[test]
    fn long_names_take_no_more_than_their_room() {
        let mut told = Told::new(2_000);
        let long = "x".repeat(1_000);
        for number in 0..20_000 {
            told.insert(address(number), fact(7, &format!("{long}{number}"), 1));
        }
        assert!(told.names.size() <= 2_000 * TEXT_PER_FACT);
        assert!(told.facts.len() > 200);
        let last = about(&told, 19_999);
        assert_eq!(last, [(format!("{long}19999"), 1)]);
    }
}
