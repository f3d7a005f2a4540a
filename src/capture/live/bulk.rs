//! Which frames matter least: data of a connection that has long been under way.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::fast::FixedState;

use crate::frame::LinkType;

/// Below this a segment may be a handshake, a request or an answer that ends.
const LARGE: usize = 1_000;
/// A connection that carried so much in large segments is beyond its handshake.
const KNOWN: u32 = 128 << 10;
/// Connections watched; two that fall on one place make each other unknown, which keeps frames.
const PLACES: usize = 1 << 13;
/// Contacts are made here, and lists may be large.
const HTTP: u16 = 80;
const FLAGS_THAT_MATTER: u8 = 0b0000_0111;

/// Counts what connections carried. Only plain frames are looked at: whatever is tunnelled or tagged counts as
/// worth keeping.
#[derive(Debug)]
pub(super) struct Bulk {
    places: Vec<(u64, u32)>,
}

impl Default for Bulk {
    fn default() -> Self {
        Self {
            places: vec![(0, 0); PLACES],
        }
    }
}

impl Bulk {
    /// Whether a frame is bulk data of a known connection.
    pub(super) fn is_bulk(&mut self, link: LinkType, bytes: &[u8], wire_len: u32) -> bool {
        if (wire_len as usize) < LARGE {
            return false;
        }
        self.of_connection(link, bytes, wire_len).unwrap_or(false)
    }

    fn of_connection(&mut self, link: LinkType, bytes: &[u8], wire_len: u32) -> Option<bool> {
        let packet = match link {
            LinkType::ETHERNET => ip(bytes, 12, 14)?,
            LinkType::LINUX_SLL => ip(bytes, 14, 16)?,
            LinkType::LINUX_SLL2 => ip(bytes, 0, 20)?,
            LinkType::RAW => bytes,
            _ => return None,
        };
        let (addresses, segment) = match packet.first()? >> 4 {
            4 => {
                let header = usize::from(packet.first()? & 15) * 4;
                (*packet.get(9)? == 6).then_some(())?;
                (packet.get(12..20)?, packet.get(header..)?)
            }
            6 => {
                (*packet.get(6)? == 6).then_some(())?;
                (packet.get(8..40)?, packet.get(40..)?)
            }
            _ => return None,
        };
        let ports = segment.get(..4)?;
        let port = |at: usize| Some(u16::from_be_bytes([*ports.get(at)?, *ports.get(at + 1)?]));
        let matters = segment.get(13)? & FLAGS_THAT_MATTER != 0;
        if matters || port(0)? == HTTP || port(2)? == HTTP {
            return None;
        }
        let mut hasher = FixedState::default().build_hasher();
        hasher.write(addresses);
        hasher.write(ports);
        let hash = hasher.finish();
        let place = usize::try_from(hash & (PLACES as u64 - 1)).ok()?;
        let (owner, carried) = self.places.get_mut(place)?;
        if *owner != hash {
            (*owner, *carried) = (hash, 0);
        }
        *carried = carried.saturating_add(wire_len);
        Some(*carried > KNOWN)
    }
}

/// The IP packet behind a link header with an EtherType.
fn ip(bytes: &[u8], kind: usize, header: usize) -> Option<&[u8]> {
    match bytes.get(kind..kind + 2)? {
        [0x08, 0x00] | [0x86, 0xdd] => bytes.get(header..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(port: u16, len: usize, fin: bool) -> Vec<u8> {
        let builder = etherparse::PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([10, 0, 0, 1], [192, 0, 2, 1], 64)
            .tcp(port, 50_000, 1, 1_000)
            .ack(2);
        let builder = if fin { builder.fin() } else { builder };
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &vec![0; len]).unwrap();
        bytes
    }

    fn is_bulk(bulk: &mut Bulk, bytes: &[u8]) -> bool {
        let len = u32::try_from(bytes.len()).unwrap();
        bulk.is_bulk(LinkType::ETHERNET, bytes, len)
    }

    #[test]
    fn a_connection_is_bulk_only_after_its_beginning() {
        let mut bulk = Bulk::default();
        let data = frame(443, 1_400, false);
        let until = (1..=1_000).find(|_| is_bulk(&mut bulk, &data)).unwrap();
        assert_eq!(until, KNOWN as usize / data.len() + 1);
        // Another connection is at its beginning, the end of this one matters, and so does what is small.
        assert!(!is_bulk(&mut bulk, &frame(8_443, 1_400, false)));
        assert!(!is_bulk(&mut bulk, &frame(443, 1_400, true)));
        assert!(!is_bulk(&mut bulk, &frame(443, 300, false)));
        assert!(is_bulk(&mut bulk, &data));
    }

    #[test]
    fn contacts_are_never_bulk() {
        let mut bulk = Bulk::default();
        let data = frame(80, 1_400, false);
        assert!((0..1_000).all(|_| !is_bulk(&mut bulk, &data)));
    }

    #[test]
    fn anything_can_be_asked() {
        let mut bulk = Bulk::default();
        let data = frame(443, 1_400, false);
        for len in 0..data.len().min(80) {
            for link in [0, 1, 101, 113, 276, 147] {
                bulk.is_bulk(LinkType(link), &data[..len], 1_500);
            }
        }
    }
}
