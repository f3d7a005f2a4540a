//! Headers that equipment puts before what it saw: Endace cards, Juniper's line cards, ATM adapters.

use super::super::rest::Rest;
use super::super::walk::Next;
use super::super::{Undecoded, plausible};
use super::{infiniband, llc, ppp, short, skip};

/// Endace extensible record format: Ethernet, HDLC and IP, by the record's type.
pub(super) fn erf(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const MORE: u8 = 0x80;
    let kind = rest.u8(8).ok_or_else(|| short(rest))?;
    let mut inside = skip(rest, 16)?;
    // Extension headers of eight bytes, each saying whether another follows.
    let mut more = kind & MORE;
    while more != 0 {
        more = inside.u8(0).ok_or_else(|| short(inside))? & MORE;
        inside = skip(inside, 8)?;
    }
    match kind & !MORE {
        // Offset and padding bytes before the frame.
        2 | 11 | 16 | 20 => Ok(Next::Ethernet(skip(inside, 2)?)),
        1 | 10 | 15 | 19 => ppp::ppp_or_cisco(inside),
        21 => infiniband::with_local(inside),
        22 | 23 => Ok(Next::Ip(inside)),
        _ => Err(Undecoded::NotIp),
    }
}

/// What a line card of a Juniper router captures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Juniper {
    Ethernet,
    Ppp,
    FrameRelay,
    CiscoHdlc,
    /// ATM, after a cookie of so many bytes.
    Atm(usize),
    /// IP after so many bytes of no use.
    IpAfter(usize),
    /// IP after a cookie that is longer on the way in.
    Services,
    /// A protocol number and a VLAN.
    Gateway,
    /// What is read only where the link header was left out.
    Bundle,
}

/// Juniper's captures: a magic number, flags, extensions, and what the line card saw; or instead of its link
/// header a protocol number. Known from tcpdump and Wireshark alone.
pub(super) fn juniper(kind: Juniper, rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const EXTENSIONS: u8 = 0x80;
    const NO_LINK_HEADER: u8 = 0x02;
    const INBOUND: u8 = 0x01;
    let Some([b'M', b'G', b'C', flags]) = rest.array::<4>(0) else {
        return Err(short(rest));
    };
    let rest = skip(rest, 4)?;
    let rest = if flags & EXTENSIONS == 0 {
        rest
    } else {
        let length = rest.be16(0).ok_or_else(|| short(rest))?;
        skip(rest, 2 + usize::from(length))?
    };
    if flags & NO_LINK_HEADER != 0 {
        let protocol = rest.le32(0).ok_or_else(|| short(rest))?;
        return juniper_protocol(protocol, skip(rest, 4)?);
    }
    match kind {
        Juniper::Ethernet => Ok(Next::Ethernet(rest)),
        Juniper::Ppp => Ok(Next::Ppp(rest)),
        Juniper::FrameRelay => llc::frame_relay(rest),
        Juniper::CiscoHdlc => ppp::cisco_or_ppp(rest),
        Juniper::Atm(cookie) => atm(skip(rest, cookie)?),
        Juniper::IpAfter(header) => Ok(Next::Ip(skip(rest, header)?)),
        Juniper::Services if flags & INBOUND != 0 => Ok(Next::Ip(skip(rest, 16)?)),
        Juniper::Services => Ok(Next::Ip(skip(rest, 12)?)),
        Juniper::Gateway => {
            let protocol = rest.le16(0).ok_or_else(|| short(rest))?;
            juniper_protocol(u32::from(protocol), skip(rest, 4)?)
        }
        Juniper::Bundle => Err(Undecoded::NotIp),
    }
}

fn juniper_protocol(number: u32, rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match number {
        2 | 3 | 6 | 7 => Ok(Next::Ip(rest)),
        4 | 5 | 8 | 32 => Ok(Next::Mpls(rest)),
        10 | 33 | 201 => llc::nlpid(rest),
        200 => Ok(Next::Ppp(rest)),
        202 | 203 => Ok(Next::Llc(rest)),
        204 => Ok(Next::Ethernet(rest)),
        207 => llc::frame_relay(rest),
        208 => ppp::cisco_or_ppp(rest),
        _ => Err(Undecoded::NotIp),
    }
}

/// What an AAL5 frame carries (RFC 2684) where nothing says how it is told: LLC with SNAP, PPP, or IP alone.
pub(super) fn atm(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.array::<3>(0) {
        Some([0xaa, 0xaa, 0x03]) => Ok(Next::Llc(rest)),
        Some([0x00, 0x21 | 0x57, _]) => Ok(Next::Ppp(rest)),
        Some(_) if matches!(rest.nibble(), Some(4 | 6)) => Ok(Next::Ip(rest)),
        Some([high, low, 0x03]) if high & 1 == 0 && low & 1 == 1 => frame_relay(rest),
        Some(_) => Err(Undecoded::NotIp),
        None => Err(short(rest)),
    }
}

/// Frame Relay over ATM (FRF.5, FRF.8), which no header announces: with IP alone in it.
fn frame_relay(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match llc::frame_relay(rest) {
        Ok(next @ (Next::Ip(packet) | Next::EtherType(0x0800 | 0x86dd, packet)))
            if plausible::ip_alone(packet) =>
        {
            Ok(next)
        }
        _ => Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
    }
}

/// SunATM: direction and kind of traffic, the circuit, and the frame.
pub(super) fn sun_atm(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const UNKNOWN: u8 = 0;
    const LAN_EMULATION: u8 = 1;
    const LLC: u8 = 2;
    let kind = rest.u8(0).ok_or_else(|| short(rest))? & 0x0f;
    let inside = skip(rest, 4)?;
    match kind {
        // The sender's number, then 802.3.
        LAN_EMULATION => Ok(Next::Ethernet(skip(inside, 2)?)),
        LLC => Ok(Next::Llc(inside)),
        // Not said what it is.
        UNKNOWN => frame_relay(inside),
        _ => Err(Undecoded::NotIp),
    }
}
