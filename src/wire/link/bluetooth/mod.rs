//! Bluetooth between host and controller (Core 5.4, volume 4): ACL packets with L2CAP, in which networks are BNEP.

mod acl;
mod bnep;
pub(super) mod classic;
mod ipsp;
mod l2cap;
pub(super) mod radio;

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::{short, skip};
use crate::limits::Limits;

/// What later packets of Bluetooth links are read with.
#[derive(Debug)]
pub(in crate::wire) struct Bluetooth {
    channels: l2cap::Channels,
    packets: acl::Packets,
}

impl Bluetooth {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            channels: l2cap::Channels::new(limits),
            packets: acl::Packets::new(limits),
        }
    }
}

/// A bulk transfer of an adapter on USB (volume 4 part B): an ACL packet and nothing else. None where it is
/// no such packet.
pub(super) fn usb<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Option<Result<Next<'a>, Undecoded>> {
    const MOST: u16 = 0x0eff;
    let (field, length) = (rest.le16(0)?, usize::from(rest.le16(2)?));
    let whole = length > 0 && 4 + length == rest.wire_len();
    // No broadcasts; the boundary is of four values.
    (whole && field & 0x0fff <= MOST && field >> 14 == 0).then(|| acl::packet(walk, rest))
}

/// The UART transport (volume 4 part A): a packet type.
pub(super) fn h4<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const COMMAND: u8 = 1;
    const ACL: u8 = 2;
    const EVENT: u8 = 4;
    match rest.u8(0).ok_or_else(|| short(rest))? {
        ACL => acl::packet(walk, skip(rest, 1)?),
        COMMAND | EVENT => Err(Undecoded::LinkControl),
        // Voice, and what is isochronous.
        3 | 5 => Err(Undecoded::NotIp),
        _ => Err(Undecoded::BadLink),
    }
}

/// L2CAP over 802.11, to which two Bluetooth devices may move their connection (Core 5.2, volume 5; withdrawn
/// with 5.3).
pub(super) fn over_wlan<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    acl::part(walk, 0, false, rest)
}

/// The same behind a direction.
pub(super) fn h4_with_direction<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    walk.by_this_host = match rest.be32(0).ok_or_else(|| short(rest))? {
        0 => Some(true),
        1 => Some(false),
        _ => return Err(Undecoded::BadLink),
    };
    h4(walk, skip(rest, 4)?)
}

/// Linux's monitor of all adapters: which one, and what the packet is.
pub(super) fn monitor<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const COMMAND: u16 = 2;
    const EVENT: u16 = 3;
    const ACL_SENT: u16 = 4;
    const ACL_RECEIVED: u16 = 5;
    let (Some(adapter), Some(kind)) = (rest.be16(0), rest.be16(2)) else {
        return Err(short(rest));
    };
    walk.session = u32::from(adapter) + 1;
    walk.by_this_host = match kind {
        ACL_SENT => Some(true),
        ACL_RECEIVED => Some(false),
        COMMAND | EVENT => return Err(Undecoded::LinkControl),
        _ => return Err(Undecoded::NotIp),
    };
    acl::packet(walk, skip(rest, 4)?)
}
