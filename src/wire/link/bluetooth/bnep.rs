//! Ethernet over Bluetooth (BNEP 1.0): a type, those addresses that are not the two ends', a protocol, and
//! extension headers.

use super::super::super::rest::Rest;
use super::super::super::walk::{Next, Walk};
use super::super::super::{Undecoded, plausible};
use super::super::{short, skip, source};
use crate::event::Mac;

/// Says of a packet that extension headers follow, and of these that another does.
const EXTENSION: u8 = 0x80;

/// A packet without its header.
pub(super) struct Frame<'a> {
    source: Option<Mac>,
    /// An EtherType, or a length as 802.3 has it.
    pub(super) protocol: u16,
    pub(super) inside: Rest<'a>,
}

/// Reads the header.
pub(super) fn frame(rest: Rest<'_>) -> Result<Frame<'_>, Undecoded> {
    const GENERAL: u8 = 0;
    const CONTROL: u8 = 1;
    const COMPRESSED: u8 = 2;
    const SOURCE_ONLY: u8 = 3;
    const DESTINATION_ONLY: u8 = 4;
    let first = rest.u8(0).ok_or_else(|| short(rest))?;
    let (sender, addresses) = match first & !EXTENSION {
        GENERAL => (rest.array(7).and_then(source), 12),
        COMPRESSED => (None, 0),
        SOURCE_ONLY => (rest.array(1).and_then(source), 6),
        DESTINATION_ONLY => (None, 6),
        CONTROL => return Err(Undecoded::LinkControl),
        _ => return Err(Undecoded::BadLink),
    };
    let protocol = rest.be16(1 + addresses).ok_or_else(|| short(rest))?;
    let mut inside = skip(rest, 3 + addresses)?;
    let mut more = first & EXTENSION != 0;
    while more {
        let Some([kind, length]) = inside.array::<2>(0) else {
            return Err(short(inside));
        };
        inside = skip(inside, 2 + usize::from(length))?;
        more = kind & EXTENSION != 0;
    }
    Ok(Frame {
        source: sender,
        protocol,
        inside,
    })
}

/// Reads a packet of a channel that is known to carry them.
pub(super) fn header<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let frame = frame(rest)?;
    walk.mac = frame.source;
    match frame.protocol {
        length @ 0..=1500 => Ok(Next::Llc(frame.inside.bound(usize::from(length)))),
        protocol => Ok(Next::EtherType(protocol, frame.inside)),
    }
}

/// Reads a packet of a channel whose request was not seen, if it cannot well be anything else.
pub(super) fn guessed<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    if frame(rest).is_ok_and(|frame| is_ip(&frame)) {
        return header(walk, rest);
    }
    Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp))
}

/// Whether a packet of IP stands there whose transport's checksum is right as well.
pub(super) fn summed(rest: Rest<'_>) -> bool {
    frame(rest).is_ok_and(|frame| is_ip(&frame) && plausible::transport_checksum(frame.inside))
}

/// Whether nothing but IP that is as long as it says follows; Bluetooth needs no padding.
fn is_ip(frame: &Frame<'_>) -> bool {
    let version = match frame.protocol {
        0x0800 => 4,
        0x86dd => 6,
        _ => return false,
    };
    frame.inside.nibble() == Some(version)
        && plausible::ip_exactly(frame.inside)
        && plausible::ip_surely(frame.inside)
}
