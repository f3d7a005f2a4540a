//! Frames of satellites as modems pass them on in UDP: a header of mode adaptation, one of the frame (ETSI EN
//! 302 307-1 5.1.6), and packets of generic stream encapsulation (ETSI TS 102 606-1 4.2), whole or in parts.

use super::super::plausible;
use super::super::rest::Rest;
use super::super::walk::{Inner, Walk};
use super::check;
use super::streams::{Key, Kind, Open};
use crate::frame::LinkType;

const SYNC: u8 = 0xb8;
const IP: LinkType = LinkType(101);
const LENGTH: usize = 2;
const TYPE: usize = 2;
const CRC: usize = 4;

/// Whether such a frame may stand here. Forms without a sync byte have nothing to be known by.
pub(in crate::wire) const fn may_begin(payload: &[u8]) -> bool {
    matches!(payload, [SYNC, ..])
}

/// What ends in a frame.
pub(in crate::wire) fn units(walk: &mut Walk<'_, '_>, rest: Rest<'_>) -> Option<Vec<Inner>> {
    const HEADER: usize = 10;
    const GENERIC_CONTINUOUS: u8 = 1;
    /// Of two forms of mode adaptation.
    const BEFORE: [usize; 2] = [4, 2];
    let (kind, field) = BEFORE.into_iter().find_map(|before| {
        let header = rest.after(before)?;
        let checked = check::crc8(header.bytes.get(..HEADER)?) == 0;
        let bits = usize::from(header.be16(4)?);
        let field = header.after(HEADER)?;
        let fits = checked && bits % 8 == 0 && bits / 8 <= field.bytes.len();
        fits.then(|| Some((header.u8(0)? >> 6, field.bound(bits / 8))))?
    })?;
    if kind != GENERIC_CONTINUOUS {
        return None;
    }
    let mut found = Vec::new();
    let mut left = field;
    while let Some(head) = left.be16(0).filter(|head| *head >> 12 != 0) {
        let length = usize::from(head & 0x0fff);
        let Some(inside) = left.after(LENGTH).filter(|it| it.bytes.len() >= length) else {
            break;
        };
        found.extend(packet(walk, head, inside.bound(length)));
        left = inside.after(length)?;
    }
    Some(found)
}

/// A packet: where parts of one begin and end; in parts a number; in a first part the length of all, what it
/// is, and for whom.
fn packet(walk: &mut Walk<'_, '_>, head: u16, rest: Rest<'_>) -> Option<Inner> {
    const BEGINS: u16 = 0x8000;
    const ENDS: u16 = 0x4000;
    let label = match head >> 12 & 0b11 {
        0 => 6,
        1 => 3,
        _ => 0,
    };
    if head & BEGINS != 0 && head & ENDS != 0 {
        let packet = rest.after(TYPE + label)?;
        let is_ip = matches!(rest.be16(0)?, 0x0800 | 0x86dd) && plausible::ip_alone(packet);
        return is_ip.then(|| Inner::whole(IP, packet.bytes.to_vec()));
    }
    let (number, part) = (rest.u8(0)?, rest.after(1)?);
    let key = Key {
        lane: walk.lane(),
        kind: Kind::Gse,
        number: number.into(),
    };
    let open = walk.fragments.streams.take(walk.at, &key);
    let (label, mut bytes) = match open {
        _ if head & BEGINS != 0 => (label, Vec::new()),
        Some(open) => (usize::try_from(open.number).ok()?, open.bytes),
        None => return None,
    };
    bytes.extend_from_slice(part.bytes);
    if head & ENDS == 0 {
        // Nothing else is kept than what may be IP.
        let all = Rest {
            bytes: &bytes,
            cut: 0,
        };
        if matches!(all.be16(LENGTH), Some(0x0800 | 0x86dd)) {
            walk.fragments.streams.put(Open {
                key,
                at: walk.at,
                number: u32::try_from(label).ok()?,
                bytes,
            });
        }
        return None;
    }
    // The sum covers the length as well, which counts neither itself nor the sum.
    let length = bytes.first_chunk::<LENGTH>().copied();
    let end = bytes.len().checked_sub(CRC)?;
    let fits = usize::from(u16::from_be_bytes(length?)) + LENGTH == end;
    let packet = bytes.get(LENGTH + TYPE + label..end)?;
    (fits && check::crc32(&bytes) == 0).then(|| Inner::whole(IP, packet.to_vec()))
}
