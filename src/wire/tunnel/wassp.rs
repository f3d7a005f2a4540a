//! What access points of Extreme Networks (before them Chantry, Siemens and Enterasys) bring their
//! controllers: a header of the message, one of the station, and its frame as Ethernet. Known from Wireshark
//! alone.

use super::super::link::streams::{Key, Kind, Open};
use super::super::plausible;
use super::super::rest::Rest;
use super::super::walk::{Inner, Next, Walk};
use super::kind;
use super::udp::Found;
use crate::frame::LinkType;

pub(super) const PORT: u16 = 13_910;

const VERSION: u8 = 3;
const DATA: u8 = 15;
/// Version, kind, sequence number with flags, session, length.
const HEADER: usize = 8;
/// Kind, priority, network, address, reserved.
const STATION: usize = 14;

const PARTS: u8 = 0x08;
const NOT_FIRST: u8 = 0x04;
const MORE: u8 = 0x01;

/// Whether the frame of a station may stand here, on whatever port.
pub(super) const fn may_be(payload: &[u8]) -> bool {
    matches!(payload, [VERSION, DATA, ..])
}

/// The frame of a station. Away from the port only with IP in it that proves itself.
pub(super) fn open(on_port: bool, rest: Rest<'_>) -> Option<Found<'_>> {
    /// IP about a location tag, in a message of its own.
    const TAG: u8 = 55;
    let [version, message, _, flags] = rest.array::<4>(0)?;
    let inside = rest.after(HEADER)?;
    if version != VERSION || flags & PARTS != 0 {
        return None;
    }
    if message == TAG && on_port {
        return Found::ip(kind::WASSP, None, inside);
    }
    let frame = station(inside).filter(|_| message == DATA)?;
    let proven = matches!(frame.be16(12)?, 0x0800 | 0x86dd)
        && frame.after(14).is_some_and(plausible::ip_surely);
    (on_port || proven).then(|| Found::ethernet(kind::WASSP, None, frame))?
}

/// The frame behind the header of a station, in messages that have one.
fn station(rest: Rest<'_>) -> Option<Rest<'_>> {
    /// Data, copies, and the last of what a station said to log in.
    const FRAMES: [u8; 3] = [3, 11, 16];
    FRAMES.contains(&rest.u8(0)?).then(|| rest.after(STATION))?
}

/// The frame whose last part this is. Parts follow each other, with sequence numbers of which Wireshark does
/// not say what they count.
pub(super) fn joined(walk: &mut Walk<'_, '_>, rest: Rest<'_>) -> Option<Vec<Inner>> {
    const ETHERNET: LinkType = LinkType::ETHERNET;
    let [version, message, high, low] = rest.array::<4>(0)?;
    if (version, message) != (VERSION, DATA) || low & PARTS == 0 || rest.cut > 0 {
        return None;
    }
    let part = rest.after(HEADER)?;
    let key = Key {
        lane: walk.lane(),
        kind: Kind::Wassp,
        number: rest.be16(4)?.into(),
    };
    let number = u32::from(u16::from_be_bytes([high, low]) >> 6);
    let known = walk.fragments.streams.take(walk.at, &key);
    let mut bytes = match known {
        _ if low & NOT_FIRST == 0 => Vec::new(),
        Some(known) if number.wrapping_sub(known.number) & 0x3ff <= 1 => known.bytes,
        _ => return None,
    };
    bytes.extend_from_slice(part.bytes);
    let all = Rest {
        bytes: &bytes,
        cut: 0,
    };
    let frame = station(all).filter(|frame| plausible::ethernet(frame.mirrored()))?;
    if low & MORE == 0 {
        let whole = plausible::ethernet(frame);
        return whole.then(|| vec![Inner::whole(ETHERNET, frame.bytes.to_vec())]);
    }
    walk.fragments.latest = super::super::link::ends(Next::Ethernet(frame));
    walk.fragments.streams.put(Open {
        key,
        at: walk.at,
        number,
        bytes,
    });
    None
}
