//! Fibre Channel frames (FC-FS-6 clause 9) with IP in them (RFC 4338): routing, addresses, type, control,
//! sequence, parameter.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::Next;
use super::{short, skip};

pub(super) fn frame(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const HEADER: usize = 24;
    const NETWORK: u8 = 0x20;
    const NETWORK_HEADER: usize = 16;
    /// IEEE 802.2 LLC, in the first frame of a sequence and in others.
    const LLC: [u8; 2] = [0x04, 0x05];
    let (Some(routing), Some(kind), Some(optional), Some(count)) =
        (rest.u8(0), rest.u8(8), rest.u8(13), rest.be16(14))
    else {
        return Err(short(rest));
    };
    if routing >> 4 != 0 || !LLC.contains(&kind) {
        return Err(Undecoded::NotIp);
    }
    if count != 0 {
        return Err(Undecoded::LinkFragment);
    }
    let network = match optional & NETWORK {
        0 => 0,
        _ => NETWORK_HEADER,
    };
    Ok(Next::Llc(skip(rest, HEADER + network)?))
}
