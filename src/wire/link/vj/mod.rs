//! TCP/IP headers that were compressed for slow links (Van Jacobson, RFC 1144): a packet says what changed
//! since the one before it of the same connection, and at times not even which connection that is.
//!
//! A receiver that lost a packet makes wrong ones until the next whole header, which is why TCP's checksum is
//! sent as it was: here a packet whose checksum is wrong is none, and its connection is forgotten until then.
//! What a sum of 16 bits does not show is not noticed: a lost packet in which the window shrank by what was
//! acknowledged.

mod header;

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Lane, Next, Walk};
use super::short;
use crate::limits::Limits;
use header::{Change, Ends, Header, Step};

/// Where the connection number is, in place of the protocol (RFC 1144 3.2.3).
const PROTOCOL: usize = 9;
const TCP: u8 = 6;

/// Wrong checksums in a row until a header is forgotten, where every other packet may be of the other direction.
const MISSES: u8 = 8;

/// Reads an uncompressed packet: all of it, but for the connection number.
pub(super) fn uncompressed<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let mut bytes = rest.bytes.to_vec();
    let protocol = bytes.get_mut(PROTOCOL).ok_or_else(|| short(rest))?;
    let connection = std::mem::replace(protocol, TCP);
    let lane = walk.lane();
    match Header::of(&bytes) {
        Some(header) => walk.fragments.headers.learn(lane, connection, header),
        None => walk.fragments.headers.lose(&lane, Some(connection)),
    }
    let bytes = walk.keep(bytes)?;
    Ok(Next::Ip(Rest { bytes, ..rest }))
}

/// Reads a compressed packet.
pub(super) fn compressed<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let lane = walk.lane();
    let headers = &mut walk.fragments.headers;
    let (change, data) = match Change::read(rest) {
        Ok(read) => read,
        Err(why) => {
            headers.lose(&lane, None);
            return Err(why);
        }
    };
    if rest.cut > 0 {
        // No checksum can be looked at.
        headers.lose(&lane, change.connection);
        return Err(Undecoded::CompressedHeader);
    }
    let packet = headers.apply(&lane, &change, data.bytes);
    let bytes = walk.keep(packet.ok_or(Undecoded::CompressedHeader)?)?;
    Ok(Next::Ip(Rest { bytes, cut: 0 }))
}

/// The last header of each connection of each link.
#[derive(Debug)]
pub(in crate::wire) struct Headers {
    links: HashMap<Lane, Link, RandomState>,
    /// Links by when they were used last.
    by_use: BTreeMap<u64, Lane>,
    clock: u64,
    count: usize,
    most: usize,
}

#[derive(Debug, Default)]
struct Link {
    used: u64,
    /// By connection number; one header, or one for each direction where the capture does not tell them apart.
    connections: BTreeMap<u8, Vec<Header>>,
    /// What a packet without a number means, for each direction.
    latest: Vec<(u8, Ends)>,
}

impl Headers {
    pub(in crate::wire) fn new(limits: &Limits) -> Self {
        Self {
            links: HashMap::default(),
            by_use: BTreeMap::new(),
            clock: 0,
            count: 0,
            most: limits.vj_headers,
        }
    }

    /// Remembers the header of an uncompressed packet.
    fn learn(&mut self, lane: Lane, connection: u8, header: Header) {
        self.links.entry(lane).or_default();
        self.with(&lane, |link| {
            let ends = header.ends();
            let known = link.connections.entry(connection).or_default();
            known.retain(|old| !lane.one_way() && ends.answers(old.ends()));
            // It answers two: then one of them is gone, and nothing says which.
            if known.len() > 1 {
                known.clear();
            }
            known.push(header);
            link.speaks(lane.one_way(), connection, ends);
        });
        while self.count > self.most {
            let Some((_, oldest)) = self.by_use.pop_first() else {
                return;
            };
            let gone = self.links.remove(&oldest).map_or(0, |link| link.headers());
            self.count = self.count.saturating_sub(gone);
        }
    }

    /// A packet could not be read: its connection is as good as gone, and the next one that has no number
    /// means the same.
    fn lose(&mut self, lane: &Lane, connection: Option<u8>) {
        self.with(lane, |link| {
            let latest = std::mem::take(&mut link.latest);
            let meant = connection.map_or_else(
                || latest.iter().map(|(number, _)| *number).collect(),
                |number| vec![number],
            );
            for number in meant {
                link.connections.remove(&number);
            }
        });
    }

    /// The packet that a change makes of the header before it.
    fn apply(&mut self, lane: &Lane, change: &Change, data: &[u8]) -> Option<Vec<u8>> {
        self.with(lane, |link| link.apply(lane.one_way(), change, data))
            .flatten()
    }

    /// Links and headers held.
    #[cfg(test)]
    pub(in crate::wire) fn held(&self) -> (usize, usize) {
        assert_eq!(self.links.len(), self.by_use.len());
        (self.links.len(), self.count)
    }

    /// Uses a link, if it is there, and lets it go when nothing is left in it.
    fn with<T>(&mut self, lane: &Lane, with: impl FnOnce(&mut Link) -> T) -> Option<T> {
        let link = self.links.get_mut(lane)?;
        let before = link.headers();
        let done = with(link);
        let after = link.headers();
        self.count = (self.count + after).saturating_sub(before);
        self.clock += 1;
        self.by_use.remove(&link.used);
        link.used = self.clock;
        if after == 0 {
            self.links.remove(lane);
        } else {
            self.by_use.insert(self.clock, *lane);
        }
        Some(done)
    }
}

impl Link {
    fn headers(&self) -> usize {
        self.connections.values().map(Vec::len).sum()
    }

    /// The direction of these ends meant this connection last.
    fn speaks(&mut self, one_way: bool, connection: u8, ends: Ends) {
        self.latest
            .retain(|(_, other)| !one_way && ends.answers(*other));
        self.latest.push((connection, ends));
    }

    fn apply(&mut self, one_way: bool, change: &Change, data: &[u8]) -> Option<Vec<u8>> {
        let meant: Vec<(u8, Ends)> = match change.connection {
            Some(number) => {
                let known = self.connections.get(&number).into_iter().flatten();
                known.map(|header| (number, header.ends())).collect()
            }
            None => self.latest.clone(),
        };
        let mut fitting = Vec::new();
        for &(number, ends) in &meant {
            let known = self.connections.get(&number).into_iter().flatten();
            let next = known
                .filter(|header| header.ends() == ends)
                .find_map(|header| header.next(change, data));
            fitting.extend(next.map(|next| (number, ends, next)));
        }
        // Two fit when two directions have the same to say; which of them it is remains open.
        let told_apart = fitting.len() < 2;
        if let (true, Some((number, ends, next))) = (told_apart, fitting.pop()) {
            let known = self.connections.get_mut(&number)?;
            let header = known.iter_mut().find(|header| header.ends() == ends)?;
            let packet = match next {
                Step::Again(packet) => packet,
                Step::Onward(packet) => {
                    header.follow(&packet);
                    packet
                }
            };
            self.speaks(one_way, number, ends);
            return Some(packet);
        }
        let patience = if one_way || !told_apart { 0 } else { MISSES };
        for (number, ends) in meant {
            if let Some(known) = self.connections.get_mut(&number) {
                known.retain_mut(|header| header.ends() != ends || header.missed(patience));
            }
        }
        if one_way || change.connection.is_some() {
            self.latest.clear();
        }
        None
    }
}
