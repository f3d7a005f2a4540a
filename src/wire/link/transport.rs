//! MPEG transport streams (ISO/IEC 13818-1 2.4.3), in packets of 188 bytes that each belong to a program. IP
//! in them is what satellites send down: sections of multiprotocol encapsulation (ETSI EN 301 192 7), and
//! unidirectional lightweight encapsulation (RFC 4326); Ethernet is what cable modems receive (DOCSIS, ITU-T
//! J.83). Nothing told here says which program is which, so check sequences have to be right.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Inner, Next, Walk};
use super::streams::{Key, Kind, Open};
use super::{check, docsis, ends, short};
use crate::frame::LinkType;

const PACKET: usize = 188;
const SYNC: u8 = 0x47;
const IP: LinkType = LinkType(101);
const LLC: LinkType = LinkType(100);
const ETHERNET: LinkType = LinkType(1);

/// Whether these are packets of a stream and nothing else.
pub(in crate::wire) fn is_stream(bytes: &[u8]) -> bool {
    let (packets, rest) = bytes.as_chunks::<PACKET>();
    !packets.is_empty() && rest.is_empty() && packets.iter().all(|packet| packet[0] == SYNC)
}

/// Packets of a stream as a link type.
pub(super) fn frame<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    if !is_stream(rest.bytes) {
        return Err(short(rest));
    }
    let (found, waits) = units(walk, rest.bytes);
    match walk.several(found)? {
        Some(next) => Ok(next),
        None if waits => Err(Undecoded::LinkFragment),
        None => Err(Undecoded::NotIp),
    }
}

/// What ends in some packets of a stream, and whether the rest of something is to come.
pub(in crate::wire) fn units(walk: &mut Walk<'_, '_>, bytes: &[u8]) -> (Vec<Inner>, bool) {
    let (mut found, mut waits) = (Vec::new(), false);
    for packet in bytes.as_chunks::<PACKET>().0 {
        waits |= take(walk, packet, &mut found).unwrap_or(false);
    }
    (found, waits)
}

/// One packet: sync, program, what follows, a number; where something begins in it, a pointer to that.
fn take(walk: &mut Walk<'_, '_>, packet: &[u8; PACKET], found: &mut Vec<Inner>) -> Option<bool> {
    const DAMAGED: u8 = 0x80;
    const BEGINS: u8 = 0x40;
    const SCRAMBLED: u8 = 0xc0;
    const ADAPTATION: u8 = 0x20;
    const PAYLOAD: u8 = 0x10;
    let rest = Rest {
        bytes: packet,
        cut: 0,
    };
    let [_, high, low, control] = rest.array::<4>(0)?;
    if high & DAMAGED != 0 || control & (SCRAMBLED | PAYLOAD) != PAYLOAD {
        return None;
    }
    let payload = match control & ADAPTATION {
        0 => rest.after(4)?,
        _ => rest.after(5 + usize::from(rest.u8(4)?))?,
    };
    let program = Program(u16::from_be_bytes([high & 0x1f, low]));
    let key = Key {
        lane: walk.lane(),
        kind: Kind::Transport,
        number: program.0.into(),
    };
    let number = u32::from(control & 0x0f);
    let mut left = Vec::new();
    if let Some(mut open) = walk.fragments.streams.take(walk.at, &key) {
        // A packet may be sent twice.
        if open.number == number {
            walk.fragments.streams.put(open);
            return Some(true);
        }
        let before = match high & BEGINS {
            0 => payload,
            _ => payload.after(1)?.bound(payload.u8(0)?.into()),
        };
        if (open.number + 1) & 0x0f == number {
            open.bytes.extend_from_slice(before.bytes);
            let rest = program.units(&open.bytes, found).len();
            open.bytes.drain(..open.bytes.len() - rest);
            left = open.bytes;
        }
    }
    // Behind the end of one thing nothing begins without a pointer to it.
    if high & BEGINS != 0 {
        let begins = payload.after(1 + usize::from(payload.u8(0)?))?;
        left = program.units(begins.bytes, found).to_vec();
    }
    if left.is_empty() {
        return None;
    }
    let header = match left.first() {
        Some(&MPE) => SECTION,
        Some(first) if first & OWN_ADDRESS == 0 => 10,
        _ => 4,
    };
    walk.fragments.latest = left.get(header..).and_then(|bytes| {
        let cut = 0;
        ends(Next::Ip(Rest { bytes, cut }))
    });
    walk.fragments.streams.put(Open {
        key,
        at: walk.at,
        number,
        bytes: left,
    });
    Some(true)
}

/// Table of sections with datagrams.
const MPE: u8 = 0x3e;
const SECTION: usize = 12;
/// In ULE: that no address stands before the packet.
const OWN_ADDRESS: u8 = 0x80;
const CRC: usize = 4;

#[derive(Clone, Copy)]
struct Program(u16);

impl Program {
    /// The one of cable modems (DOCSIS DRFI 6.3).
    const DOCSIS: u16 = 0x1ffe;

    /// Takes off what is whole; what is left has begun, and its rest is to come.
    fn units<'b>(self, bytes: &'b [u8], found: &mut Vec<Inner>) -> &'b [u8] {
        let mut left = bytes;
        while !left.is_empty() {
            let rest = Rest {
                bytes: left,
                cut: 0,
            };
            if self.0 == Self::DOCSIS && rest.u8(0) == Some(0xff) {
                left = rest.after(1).map_or(&[], |rest| rest.bytes);
                continue;
            }
            let size = match rest.be32(0) {
                Some(_) => self.size(rest),
                // Its length is to come.
                None => Some(usize::MAX),
            };
            let Some(size) = size else {
                // Stuffing, or what is of no use here.
                return &[];
            };
            let Some((unit, behind)) = left.split_at_checked(size) else {
                return left;
            };
            found.extend(self.packet(unit));
            left = behind;
        }
        left
    }

    /// How long a section, a unit of ULE or a frame is; None for others.
    fn size(self, rest: Rest<'_>) -> Option<usize> {
        const BRIDGED: u16 = 0x0001;
        if self.0 == Self::DOCSIS {
            return docsis::size(rest);
        }
        match (rest.u8(0)?, rest.be16(2)?) {
            (MPE, _) => Some(3 + usize::from(rest.be16(1)? & 0x0fff)),
            (0xff, _) => None,
            (_, BRIDGED | 0x0800 | 0x86dd) => Some(4 + usize::from(rest.be16(0)? & 0x7fff)),
            _ => None,
        }
    }

    /// What is in a unit that is whole.
    fn packet(self, unit: &[u8]) -> Option<Inner> {
        const SYNTAX: u8 = 0x80;
        const SCRAMBLED: u8 = 0x30;
        const WITH_LLC: u8 = 0x02;
        let rest = Rest {
            bytes: unit,
            cut: 0,
        };
        if self.0 == Self::DOCSIS {
            return docsis::checked(rest).then(|| Inner::whole(docsis::LINK, unit.to_vec()));
        }
        if check::crc32(unit) != 0 {
            return None;
        }
        let first = rest.u8(0)?;
        let (link, header) = match rest.be16(2)? {
            _ if first == MPE => {
                let (syntax, flags) = (rest.u8(1)?, rest.u8(5)?);
                // Datagrams of several sections are for other networks.
                if syntax & SYNTAX == 0 || flags & SCRAMBLED != 0 || rest.be16(6)? != 0 {
                    return None;
                }
                (if flags & WITH_LLC == 0 { IP } else { LLC }, SECTION)
            }
            kind => {
                let link = if kind == 1 { ETHERNET } else { IP };
                (link, if first & OWN_ADDRESS == 0 { 10 } else { 4 })
            }
        };
        let end = unit.len().checked_sub(CRC)?;
        Some(Inner::whole(link, unit.get(header..end)?.to_vec()))
    }
}
