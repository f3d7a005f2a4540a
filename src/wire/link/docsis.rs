//! DOCSIS MAC frames (CableLabs MULPI 6.2): frame control, parameter, length, extended header, header check
//! sequence, and what the frame is for.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::{check, short, skip};
use crate::frame::LinkType;

/// Frame control, parameter and length, before the extended header; the header check sequence stands behind it.
const FIXED: usize = 4;
const CHECK: usize = 2;

/// Requests for time to send.
const REQUEST: u8 = 0x02;

pub(super) const LINK: LinkType = LinkType(143);

/// Packets carry Ethernet, whether for all modems or, isolated, for those that know of isolation.
pub(super) fn frame<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const EXTENDED: u8 = 0x01;
    let (Some(control), Some(parameter)) = (rest.u8(0), rest.u8(1)) else {
        return Err(short(rest));
    };
    let extended = match control & EXTENDED {
        0 => 0,
        _ => usize::from(parameter),
    };
    match Kind::of(control) {
        Kind::Packet => {}
        Kind::Reserved => return Err(Undecoded::NotIp),
        // The first of them; [`subframes`] gives them all.
        Kind::Concatenated => {
            walk.peel()?;
            return Ok(Next::Link(LINK, skip(rest, FIXED + CHECK)?));
        }
        Kind::Fragment => return Err(Undecoded::LinkFragment),
        Kind::Control => return Err(Undecoded::LinkControl),
    }
    let inside = skip(rest, FIXED + extended + CHECK)?;
    let elements = skip(rest, FIXED)?.bound(extended);
    if encrypted(elements) {
        return Err(Undecoded::EncryptedDocsis);
    }
    Ok(Next::Ethernet(inside))
}

/// The frames behind one header (6.2.5.5), each with its own; None for all other frames.
pub(super) fn subframes(rest: Rest<'_>) -> Option<impl Iterator<Item = Rest<'_>>> {
    let (control, count, length) = (rest.u8(0)?, rest.u8(1)?, rest.be16(2)?);
    if !matches!(Kind::of(control), Kind::Concatenated) {
        return None;
    }
    let mut left = Some(rest.after(FIXED + CHECK)?.bound(usize::from(length)));
    let frames = std::iter::from_fn(move || {
        let this = left.take()?;
        let size = size(this)?;
        left = this.after(size);
        Some(this.bound(size))
    });
    Some(frames.take(usize::from(count)))
}

/// The same as Excentis' recorder of cable plants writes it: version, what it is, and fields with their
/// length. Known from Wireshark alone.
pub(super) fn recorded(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    /// Frames of channels with one carrier and many, down and up, and what modems ask for.
    const FRAMES: [u8; 6] = [1, 8, 11, 74, 75, 80];
    let (Some(kind), Some(fields)) = (rest.u8(1), rest.be16(2)) else {
        return Err(short(rest));
    };
    let inside = skip(rest, 4 + usize::from(fields))?;
    match FRAMES.contains(&kind) {
        true => Ok(Next::Link(LINK, inside)),
        false => Err(Undecoded::LinkControl),
    }
}

/// How long a frame is with its header.
pub(super) fn size(rest: Rest<'_>) -> Option<usize> {
    let (control, length) = (rest.u8(0)?, rest.be16(2)?);
    // What asks for time to send has a number there.
    let length = match Kind::of(control) {
        Kind::Control if control >> 1 & 0x1f == REQUEST => 0,
        _ => usize::from(length),
    };
    Some(FIXED + CHECK + length)
}

/// Whether the header check sequence is right (MULPI 6.2.1.3).
pub(super) fn checked(rest: Rest<'_>) -> bool {
    let extended = rest.u8(0).map_or(0, |control| control & 1) * rest.u8(1).unwrap_or(0);
    let end = FIXED + usize::from(extended);
    let header = rest.bytes.get(..end);
    header.is_some_and(|header| Some(!check::crc16(u16::MAX, header)) == rest.le16(end))
}

/// What a frame control byte says of the frame.
enum Kind {
    Packet,
    Reserved,
    /// One part of a frame.
    Fragment,
    /// Several frames behind one header.
    Concatenated,
    /// Timing, management, requests for time to send.
    Control,
}

impl Kind {
    const fn of(control: u8) -> Self {
        const FRAGMENT: u8 = 0x03;
        const CONCATENATED: u8 = 0x1c;
        match (control >> 6, control >> 1 & 0x1f) {
            (0b00 | 0b10, _) => Self::Packet,
            (0b01, _) => Self::Reserved,
            (_, FRAGMENT) => Self::Fragment,
            (_, CONCATENATED) => Self::Concatenated,
            _ => Self::Control,
        }
    }
}

/// Whether an element about privacy says that the packet behind its two addresses is encrypted.
fn encrypted(mut elements: Rest<'_>) -> bool {
    const UPSTREAM: u8 = 3;
    const DOWNSTREAM: u8 = 4;
    const UPSTREAM_2: u8 = 7;
    const ENABLED: u8 = 0x80;
    while let Some(first) = elements.u8(0) {
        let (kind, length) = (first >> 4, first & 0x0f);
        if matches!(kind, UPSTREAM | DOWNSTREAM | UPSTREAM_2)
            && length >= 2
            && elements.u8(2).is_some_and(|flags| flags & ENABLED != 0)
        {
            return true;
        }
        match elements.after(1 + usize::from(length)) {
            Some(left) => elements = left,
            None => break,
        }
    }
    false
}
