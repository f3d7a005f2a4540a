//! Stateless transport tunneling (draft-davie-stt-08): Ethernet in segments that look like those of TCP, so
//! that network cards cut them to size. There is no connection. The sequence number says how long a frame is
//! and where in it the segment belongs, the acknowledgment number which frame it is.

use std::net::IpAddr;

use super::super::link::ends;
use super::super::link::streams::{Key, Kind, Open};
use super::super::rest::Rest;
use super::super::scope::Tag;
use super::super::walk::{Next, Walk};
use super::super::{Packet, Segment, Undecoded};
use super::kind;
use super::udp::{Found, enter};

/// Where it is sent to. A port of TCP like others, too.
pub(in crate::wire) const PORT: u16 = 7471;

/// The frame that a segment carries or completes; None for TCP.
pub(in crate::wire) fn open<'a>(
    walk: &mut Walk<'a, '_>,
    segment: &Segment<'a>,
    plain: Packet<'a>,
) -> Result<Option<Next<'a>>, Undecoded> {
    let Some((rest, total, start)) = place(segment) else {
        return Ok(None);
    };
    let whole = if start == 0 && rest.wire_len() == total {
        rest
    } else {
        match part(walk, segment, rest, total, start)? {
            Some(whole) => whole,
            None => return Ok(None),
        }
    };
    match frame(whole) {
        Some(found) => enter(walk, plain, found).map(Some),
        None => Ok(None),
    }
}

/// Whether a segment may be a part of a frame, and not the first.
pub(in crate::wire) fn is_later_part(segment: &Segment<'_>) -> bool {
    segment.dst_port == PORT && place(segment).is_some_and(|(_, _, start)| start > 0)
}

/// What a segment holds, if it may be one of these: of a frame of what length, and where in it.
fn place<'a>(segment: &Segment<'a>) -> Option<(Rest<'a>, usize, usize)> {
    const URGENT: u8 = 0x20;
    const CONNECTION: u8 = Segment::SYN | Segment::FIN | Segment::RST | URGENT;
    let [t, otal, st, art] = segment.seq.to_be_bytes();
    let total = usize::from(u16::from_be_bytes([t, otal]));
    let start = usize::from(u16::from_be_bytes([st, art]));
    let rest = Rest {
        bytes: segment.payload,
        cut: usize::try_from(segment.cut).unwrap_or(usize::MAX),
    };
    let fits = segment.options.is_empty()
        && segment.flags & (CONNECTION | Segment::ACK) == Segment::ACK
        && rest.wire_len() > 0
        && start.saturating_add(rest.wire_len()) <= total;
    fits.then_some((rest, total, start))
}

/// All of a frame whose last part this is, or a first part that the capture cut, from which nothing can be
/// joined. TCP may have such numbers as well, so only a first part that has a frame in it begins something,
/// and others only go on with what was begun.
fn part<'a>(
    walk: &mut Walk<'a, '_>,
    segment: &Segment<'a>,
    rest: Rest<'a>,
    total: usize,
    start: usize,
) -> Result<Option<Rest<'a>>, Undecoded> {
    walk.session = segment.src_port.into();
    let key = Key {
        lane: walk.lane(),
        kind: Kind::Stt,
        number: segment.ack,
    };
    walk.session = 0;
    let number = u32::try_from(total).unwrap_or_default();
    let known = walk.fragments.streams.take(walk.at, &key);
    let mut bytes = match known {
        _ if start == 0 && frame(rest.mirrored()).is_some() => Vec::new(),
        Some(known) if known.bytes.len() == start && known.number == number && rest.cut == 0 => {
            known.bytes
        }
        // Told twice, or behind one that is missing.
        Some(known) => {
            walk.fragments.latest = whose(&known.bytes);
            walk.fragments.streams.put(known);
            return Err(Undecoded::LinkFragment);
        }
        None => return Ok(None),
    };
    // Of what was cut only the key is kept, so that the other parts are known for what they are.
    if rest.cut == 0 {
        bytes.extend_from_slice(rest.bytes);
    }
    if bytes.len() == total {
        let bytes = walk.keep(bytes)?;
        return Ok(Some(Rest { bytes, cut: 0 }));
    }
    walk.fragments.latest = whose(&bytes);
    walk.fragments.streams.put(Open {
        key,
        at: walk.at,
        number,
        bytes,
    });
    match rest.cut {
        0 => Err(Undecoded::LinkFragment),
        _ => Ok(Some(Rest {
            cut: total.saturating_sub(rest.bytes.len()),
            ..rest
        })),
    }
}

/// Source and destination of the packet in a frame that begins so.
fn whose(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let begun = Rest { bytes, cut: 0 };
    ends(frame(begun.mirrored())?.next)
}

/// Version, flags of which four are known, offset, reserved, segment size, VLAN, context, padding; and Ethernet.
fn frame(rest: Rest<'_>) -> Option<Found<'_>> {
    const HEADER: usize = 18;
    const RESERVED: u8 = 0xf0;
    const VLAN: u16 = 0x1000;
    let [version, flags] = rest.array::<2>(0)?;
    if version != 0 || flags & RESERVED != 0 {
        return None;
    }
    // The tag that was taken out of the frame, so that a card finds the headers in it. The context may be one
    // of the receiver's.
    let tag = rest.be16(6)?;
    let id = Some(u32::from(tag & 0x0fff)).filter(|id| tag & VLAN != 0 && *id != 0);
    let tag = id.map(|id| (Tag::Vlan, id));
    Found::ethernet(kind::STT, tag, rest.after(HEADER)?)
}
