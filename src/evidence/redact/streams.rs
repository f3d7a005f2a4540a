//! The TCP streams of the evidence, put together so that they can be cleaned as a whole.
//!
//! A byte that is written comes out of the cleaned stream and from nowhere else: a segment that repeats others with
//! other bytes shows what the first one did.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::{Rules, clean};
use crate::flow::Scope;
use crate::frame::FrameNo;
use crate::wire::{Packet, Segment};

/// Bytes held over all streams; what comes when they are used up is left out of the evidence.
const HELD: usize = 256 << 20;
/// What may be missing between two segments of a stream; what comes after a longer gap is left out.
const GAP: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Streams {
    connections: HashMap<Key, Vec<Connection>>,
    held: usize,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    scope: Scope,
    low: SocketAddr,
    high: SocketAddr,
}

/// A connection from its SYN, or from its first segment; ports are used again.
#[derive(Debug)]
struct Connection {
    since: FrameNo,
    low: Half,
    high: Half,
    /// Whether the low end sent the SYN.
    low_is_client: Option<bool>,
}

#[derive(Debug, Default)]
struct Half {
    /// Sequence number of offset 0.
    base: Option<u32>,
    /// Segments by their offset, as they come.
    parts: BTreeMap<i64, Vec<u8>>,
    /// Offset of the first byte of `bytes`.
    start: i64,
    /// The stream once it is cleaned, zero where bytes are missing.
    bytes: Vec<u8>,
    /// How much of it may be seen.
    shown: usize,
}

impl Streams {
    pub(super) fn take(&mut self, no: FrameNo, packet: &Packet<'_>, segment: &Segment<'_>) {
        let (key, from_low) = key(packet, segment);
        let connections = self.connections.entry(key).or_default();
        let syn = segment.flags & Segment::SYN != 0;
        let opens = syn && segment.flags & Segment::ACK == 0;
        let first = segment.seq.wrapping_add(u32::from(syn));
        let fits = connections
            .last()
            .is_some_and(|c| !opens || c.half(from_low).base.is_none_or(|base| base == first));
        if !fits {
            connections.push(Connection {
                since: no,
                low: Half::default(),
                high: Half::default(),
                low_is_client: None,
            });
        }
        let Some(connection) = connections.last_mut() else {
            return;
        };
        if syn {
            connection.low_is_client = Some(from_low == opens);
        }
        let half = connection.half_mut(from_low);
        let base = *half.base.get_or_insert(first);
        if segment.payload.is_empty() || self.held + segment.payload.len() > HELD {
            return;
        }
        let part = half.parts.entry(offset(first, base)).or_default();
        if let Some(more) = segment.payload.get(part.len()..) {
            part.extend_from_slice(more);
            self.held += more.len();
        }
    }

    pub(super) fn clean(&mut self, rules: &Rules) {
        for (key, connections) in &mut self.connections {
            for connection in connections {
                self.held += connection.low.join(HELD.saturating_sub(self.held));
                self.held += connection.high.join(HELD.saturating_sub(self.held));
                let Connection {
                    low,
                    high,
                    low_is_client,
                    ..
                } = connection;
                let low_is_client = if clean::begins(&low.bytes) {
                    true
                } else if clean::begins(&high.bytes) {
                    false
                } else {
                    low_is_client.unwrap_or(key.low.port() > key.high.port())
                };
                let (client, server, port) = if low_is_client {
                    (low, high, key.high.port())
                } else {
                    (high, low, key.low.port())
                };
                let [asked, answered] =
                    clean::streams(&mut client.bytes, &mut server.bytes, port, rules);
                client.shown = asked;
                server.shown = answered;
            }
        }
    }

    /// What may be seen of a segment's payload.
    pub(super) fn payload(&self, no: FrameNo, packet: &Packet<'_>, segment: &Segment<'_>) -> &[u8] {
        let (key, from_low) = key(packet, segment);
        let connections = self.connections.get(&key).map_or(&[][..], Vec::as_slice);
        let index = connections.partition_point(|c| c.since <= no);
        let Some(connection) = index.checked_sub(1).and_then(|i| connections.get(i)) else {
            return &[];
        };
        let half = connection.half(from_low);
        let syn = segment.flags & Segment::SYN != 0;
        let first = segment.seq.wrapping_add(u32::from(syn));
        let at = half
            .base
            .and_then(|base| usize::try_from(offset(first, base) - half.start).ok());
        let seen = at.and_then(|at| half.bytes.get(at..half.shown));
        let seen = seen.unwrap_or_default();
        seen.get(..segment.payload.len()).unwrap_or(seen)
    }
}

impl Connection {
    const fn half(&self, low: bool) -> &Half {
        if low { &self.low } else { &self.high }
    }

    const fn half_mut(&mut self, low: bool) -> &mut Half {
        if low { &mut self.low } else { &mut self.high }
    }
}

impl Half {
    /// Joins the parts; gives back how many bytes it had to make up for those missing.
    fn join(&mut self, room: usize) -> usize {
        let mut made_up = 0;
        self.start = self.parts.keys().next().copied().unwrap_or(0);
        for (offset, part) in std::mem::take(&mut self.parts) {
            let Ok(at) = usize::try_from(offset - self.start) else {
                continue;
            };
            if let Some(missing) = at.checked_sub(self.bytes.len()) {
                if missing > GAP || made_up + missing > room {
                    break;
                }
                made_up += missing;
                self.bytes.resize(at, 0);
            }
            let known = self.bytes.len() - at;
            self.bytes
                .extend_from_slice(part.get(known..).unwrap_or_default());
        }
        made_up
    }
}

fn key(packet: &Packet<'_>, segment: &Segment<'_>) -> (Key, bool) {
    let from = SocketAddr::new(packet.src, segment.src_port);
    let to = SocketAddr::new(packet.dst, segment.dst_port);
    let key = Key {
        scope: packet.scope,
        low: from.min(to),
        high: from.max(to),
    };
    (key, from <= to)
}

/// Where a sequence number stands in its stream; either way within half of the number space.
fn offset(seq: u32, base: u32) -> i64 {
    i64::from(seq.wrapping_sub(base).cast_signed())
}
