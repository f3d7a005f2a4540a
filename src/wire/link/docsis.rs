//! DOCSIS MAC frames (CableLabs MULPI 6.2): frame control, parameter, length, extended header, header check sequence, and what the
//! frame is for.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::Next;
use super::{short, skip};

/// Frame control, parameter and length, before the extended header; the header check sequence stands behind it.
const FIXED: usize = 4;
const CHECK: usize = 2;

/// Packets carry Ethernet, whether for all modems or, isolated, for those that know of isolation.
pub(super) fn frame(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
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

/// What a frame control byte says of the frame.
enum Kind {
    Packet,
    Reserved,
    /// One part of a frame, or several frames behind one header.
    Fragment,
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
            (_, FRAGMENT | CONCATENATED) => Self::Fragment,
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
