//! Packets inside frames of one maker's equipment, most of them known from Wireshark alone: what is taken for
//! a packet has to look like one.

use super::super::rest::Rest;
use super::super::walk::Next;
use super::super::{Undecoded, plausible};
use super::{short, skip};

/// Messages of TIPC between nodes of a cluster (TIPC 2.0 specification, 5): user, length of the header,
/// length of all; in data, perhaps IP.
pub(in crate::wire) fn tipc(rest: Rest<'_>) -> Option<Rest<'_>> {
    const VERSION: u32 = 2;
    /// Importances of data; above are protocols of TIPC itself.
    const DATA: u32 = 3;
    const WORD: usize = 4;
    let first = rest.be32(0)?;
    let (version, user) = (first >> 29, first >> 25 & 0x0f);
    let header = usize::try_from(first >> 21 & 0x0f).ok()? * WORD;
    let length = usize::try_from(first & 0x0001_ffff).ok()?;
    let packet = rest.bound(length).after(header)?;
    let fits = version == VERSION && user <= DATA && header >= 24 && length <= rest.wire_len();
    (fits && plausible::ip_alone(packet)).then_some(packet)
}

/// MiNT, between access points and their switches: two ends with a kind each, and behind numbers the Ethernet
/// of a station.
pub(in crate::wire) fn mint(rest: Rest<'_>) -> Option<Rest<'_>> {
    let header = match rest.be16(12)? {
        1 => 18,
        // To several.
        2 => 26,
        _ => return None,
    };
    rest.after(header)
        .filter(|frame| plausible::ethernet(*frame))
}

/// The same without IP and UDP, behind a length.
pub(super) fn mint_frame(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let length = usize::from(rest.be16(2).ok_or_else(|| short(rest))?);
    ethernet(mint(skip(rest, 4)?.bound(length)), rest)
}

/// TIPC in Ethernet.
pub(super) fn tipc_frame(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match tipc(rest) {
        Some(packet) => Ok(Next::Ip(packet)),
        None => Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
    }
}

/// Ethernet over power lines by Telkonet: a kind, and eight bytes in all.
pub(super) fn telkonet(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const TUNNEL: u8 = 0x78;
    let kind = rest.u8(0).ok_or_else(|| short(rest))?;
    let inside = rest.after(8).filter(|_| kind == TUNNEL);
    ethernet(inside.filter(|frame| plausible::ethernet(*frame)), rest)
}

/// Extreme's copy of a frame inside a switch, behind where it came from, and a tag.
pub(super) fn extreme(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const HEADER: usize = 38;
    let inside = rest.after(HEADER);
    ethernet(inside.filter(|frame| plausible::ethernet(*frame)), rest)
}

/// A frame that a tap of EtherCAT (Beckhoff ET2000) took, behind a header that begins like one to an address
/// of its own. Where it puts the same behind the frame, nothing is in the way.
pub(super) fn tapped(rest: Rest<'_>) -> Option<Rest<'_>> {
    const HEADER: usize = 16;
    match rest.array::<6>(0)? {
        [0x01, 0x01, 0x05, 0x10 | 0x11, 0, 0] => rest
            .after(HEADER)
            .filter(|frame| plausible::ethernet(*frame)),
        _ => None,
    }
}

/// What Elektrobit's recorders of cars write: what it is, where it came from, status, length, times; of all
/// that, Ethernet.
pub(super) fn recorder(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const ETHERNET: u8 = 0x50;
    const HEADER: usize = 32;
    let kind = rest.u8(0).ok_or_else(|| short(rest))?;
    let length = rest.be32(4).ok_or_else(|| short(rest))?;
    if kind != ETHERNET {
        return Err(Undecoded::NotIp);
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Next::Ethernet(skip(rest, HEADER)?.bound(length)))
}

fn ethernet<'a>(frame: Option<Rest<'a>>, of: Rest<'_>) -> Result<Next<'a>, Undecoded> {
    match frame {
        Some(frame) => Ok(Next::Ethernet(frame)),
        None => Err(of.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
    }
}
