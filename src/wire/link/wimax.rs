//! WiMAX (IEEE 802.16-2009 6.3.2) as base stations pass it on to each other (Intel's MAC to MAC, which
//! Wireshark has as `m2m`): fields with bursts, in these units of the MAC layer, whose header has a check
//! sequence, and in those packets, which have to be IP alone.

use super::super::rest::Rest;
use super::super::walk::{Inner, Next, Walk};
use super::super::{Undecoded, plausible};
use super::{check, short};
use crate::frame::LinkType;

/// A number, how many fields there are, and these: kind, length, value.
pub(super) fn frame<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const BURST: u8 = 9;
    const FRAGMENT: u8 = 3;
    walk.peel()?;
    // That of a base station.
    walk.mac = None;
    let count = rest.be16(2).ok_or_else(|| short(rest))?;
    let (mut found, mut whole) = (Vec::new(), true);
    let mut fields = rest.after(4);
    for _ in 0..count {
        let Some((kind, value, left)) = fields.and_then(field) else {
            break;
        };
        fields = left;
        match kind {
            // A burst may be cut over several frames; such parts are not joined.
            FRAGMENT => whole = value.u8(0) == Some(0),
            BURST if whole => units(value, &mut found),
            _ => {}
        }
    }
    match walk.several(found)? {
        Some(next) => Ok(next),
        None if !whole => Err(Undecoded::LinkFragment),
        None => Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
    }
}

/// A field and what comes behind it. Lengths from 128 on have a count of their bytes before them (802.16-2009 11.1).
fn field(rest: Rest<'_>) -> Option<(u8, Rest<'_>, Option<Rest<'_>>)> {
    const COUNTED: u8 = 0x80;
    let (kind, first) = (rest.u8(0)?, rest.u8(1)?);
    let (length, header) = match first {
        0x82 => (usize::from(rest.be16(2)?), 4),
        0x81 => (usize::from(rest.u8(2)?), 3),
        COUNTED.. => return None,
        _ => (usize::from(first), 2),
    };
    let value = rest.after(header)?;
    Some((kind, value.bound(length), value.after(length)))
}

/// Units of a burst one after the other.
fn units(burst: Rest<'_>, found: &mut Vec<Inner>) {
    const HEADER: usize = 6;
    const SIGNALLING: u8 = 0x80;
    let mut rest = burst;
    while let (Some(header), Some(lengths)) = (rest.array::<HEADER>(0), rest.be16(1)) {
        let signalling = header[0] & SIGNALLING != 0;
        let length = match signalling {
            true => HEADER,
            false => usize::from(lengths & 0x07ff),
        };
        // Padding has no right one.
        if check::crc8_atm(&header) != 0 || length < HEADER {
            return;
        }
        if !signalling && let Some(inside) = rest.bound(length).after(HEADER) {
            let _ = unit(header, inside, found);
        }
        match rest.after(length) {
            Some(left) => rest = left,
            None => return,
        }
    }
}

/// The packets of a unit, behind subheaders that the kind in its header announces (table 6).
fn unit(header: [u8; 6], rest: Rest<'_>, found: &mut Vec<Inner>) -> Option<()> {
    const ENCRYPTED: u8 = 0x40;
    const MESH: u8 = 0x20;
    const FEEDBACK: u8 = 0x10;
    const EXTENDED: u8 = 0x08;
    const FRAGMENT: u8 = 0x04;
    const PACKED: u8 = 0x02;
    const GRANT: u8 = 0x01;
    /// Of a group of subheaders behind the header, and of a check sequence behind the unit.
    const GROUP: u8 = 0x80;
    const CHECKED: u8 = 0x40;
    let [kind, flags, ..] = header;
    if kind & (ENCRYPTED | MESH | FEEDBACK) != 0 || rest.cut > 0 {
        return None;
    }
    let mut rest = rest;
    if flags & CHECKED != 0 {
        rest = rest.bound(rest.bytes.len().checked_sub(4)?);
    }
    if flags & GROUP != 0 {
        rest = rest.after(usize::from(rest.u8(0)?))?;
    }
    let numbers = usize::from(kind & EXTENDED != 0);
    // A fragment, of which only one that is all of it is read.
    if kind & FRAGMENT != 0 {
        if rest.u8(0)? >> 6 != 0 {
            return None;
        }
        rest = rest.after(1 + numbers)?;
    }
    if kind & PACKED == 0 {
        // One byte from a base station, two to it.
        let grants: &[usize] = if kind & GRANT == 0 { &[0] } else { &[1, 2] };
        let mut packets = grants.iter().filter_map(|grant| rest.after(*grant));
        found.extend(packets.find_map(packet));
        return Some(());
    }
    loop {
        let length = match numbers {
            0 => usize::from(rest.be16(0)? & 0x07ff),
            _ => usize::from(rest.be16(1)? & 0x07ff),
        };
        let (subheader, fragment) = (2 + numbers, rest.u8(0)? >> 6);
        let inside = rest.bound(length).after(subheader)?;
        if fragment == 0 {
            found.extend(packet(inside));
        }
        rest = rest.after(length.max(subheader))?;
    }
}

/// IP and nothing else.
fn packet(rest: Rest<'_>) -> Option<Inner> {
    plausible::ip_alone(rest).then(|| Inner::whole(LinkType::RAW, rest.bytes.to_vec()))
}
