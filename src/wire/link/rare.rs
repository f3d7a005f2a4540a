//! Link types that are met in museums, on the radio and inside of equipment.

use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::super::{Undecoded, plausible};
use super::{ethernet, short, skip};

/// Ethernet on a passive optical network, from the last six or seven bytes of the preamble on (IEEE 802.3
/// 65.1.3.2): delimiter, link number, checksum.
pub(super) fn epon(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const UNUSED: u8 = 0x55;
    const ENCRYPTED: u8 = 0x02;
    let rest = match rest.u8(0) {
        Some(0x55) => skip(rest, 1)?,
        _ => rest,
    };
    let Some([0xd5, 0x55, security]) = rest.array::<3>(0) else {
        return Err(short(rest));
    };
    // What cable networks put there (DPoE SEC 1.0).
    if security != UNUSED && security & ENCRYPTED != 0 {
        return Err(Undecoded::EncryptedEpon);
    }
    Ok(Next::Ethernet(skip(rest, 6)?))
}

/// ARCNET after the two stations, or after the offset that Linux leaves behind them: a protocol, and for
/// those of RFC 1201 whether the packet was sent in parts.
pub(super) fn arcnet(rest: Rest<'_>, addresses: usize) -> Result<Next<'_>, Undecoded> {
    const IP_1051: u8 = 0xf0;
    const ARP_1051: u8 = 0xf1;
    const IP: u8 = 0xd4;
    const ARP: u8 = 0xd5;
    const REVERSE_ARP: u8 = 0xd6;
    const IPV6: u8 = 0xc4;
    const BACNET: u8 = 0xcd;
    const EXCEPTION: u8 = 0xff;
    let rest = skip(rest, addresses)?;
    match rest.u8(0).ok_or_else(|| short(rest))? {
        IP_1051 => return Ok(Next::Ip(skip(rest, 1)?)),
        // With LLC before it (ANSI/ASHRAE 135 8).
        BACNET => return Ok(Next::Llc(skip(rest, 1)?)),
        IP | IPV6 => {}
        ARP_1051 | ARP | REVERSE_ARP => return Err(Undecoded::Arp),
        _ => return Err(Undecoded::NotIp),
    }
    let mut rest = skip(rest, 1)?;
    let mut split = rest.u8(0).ok_or_else(|| short(rest))?;
    // A size that the hardware cannot send was made longer: padding, and the same again.
    if split == EXCEPTION {
        rest = skip(rest, 4)?;
        split = rest.u8(0).ok_or_else(|| short(rest))?;
    }
    let inside = skip(rest, 3)?;
    match split {
        0 => Ok(Next::Ip(inside)),
        // The first part, or all of them where the system joined them: then the packet is as long as it says.
        first if first & 1 == 1 && plausible::ip(inside) => Ok(Next::Ip(inside)),
        _ => Err(Undecoded::LinkFragment),
    }
}

/// AX.25: destination, source and repeaters, of which the last has its lowest bit set; then IP in frames with data.
pub(in crate::wire) fn ax25(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const ADDRESS: usize = 7;
    /// Two of stations, eight of repeaters.
    const MOST: usize = 10;
    const UNNUMBERED: u8 = 0x03;
    const POLL: u8 = 0x10;
    const IP: u8 = 0xcc;
    const ARP: u8 = 0xcd;
    const X25: u8 = 0x01;
    let mut addresses = 0;
    loop {
        addresses += 1;
        let last = rest.u8(addresses * ADDRESS - 1);
        if last.ok_or_else(|| short(rest))? & 1 == 1 {
            break;
        }
        if addresses == MOST {
            return Err(Undecoded::BadLink);
        }
    }
    let rest = skip(rest, addresses * ADDRESS)?;
    let control = rest.u8(0).ok_or_else(|| short(rest))?;
    let data = control & 1 == 0 || control & !POLL == UNNUMBERED;
    if addresses < 2 {
        return Err(Undecoded::BadLink);
    }
    if !data {
        return Err(Undecoded::LinkControl);
    }
    match rest.u8(1).ok_or_else(|| short(rest))? {
        IP => Ok(Next::Ip(skip(rest, 2)?)),
        X25 => Ok(Next::X25(skip(rest, 2)?)),
        ARP => Err(Undecoded::Arp),
        _ => Err(Undecoded::NotIp),
    }
}

/// The same as computers talk to modems (KISS): a port and a command, which is data, or data of which the
/// sending is reported.
pub(super) fn kiss(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.u8(0).ok_or_else(|| short(rest))? & 0x0f {
        0 => ax25(skip(rest, 1)?),
        // With a number of its own.
        12 => ax25(skip(rest, 3)?),
        _ => Err(Undecoded::LinkControl),
    }
}

/// What a node of VPP's graph was given: version, how many texts, what follows them; texts that end in zero;
/// the packet.
pub(super) fn vpp(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const VERSION: u8 = 1;
    const ETHERNET: u8 = 1;
    const IPV4: u8 = 2;
    const IPV6: u8 = 3;
    const TCP: u8 = 4;
    const UDP: u8 = 5;
    let Some([VERSION, _, texts, hint]) = rest.array::<4>(0) else {
        return Err(short(rest));
    };
    let mut rest = skip(rest, 8)?;
    // A trace is the fifth.
    for _ in 0..if texts > 4 { 5 } else { 4 } {
        let end = rest.bytes.iter().position(|byte| *byte == 0);
        rest = skip(rest, end.ok_or_else(|| short(rest))? + 1)?;
    }
    match hint {
        ETHERNET => Ok(Next::Ethernet(rest)),
        IPV4 | IPV6 => Ok(Next::Ip(rest)),
        // A transport without the addresses before it.
        TCP | UDP => Err(Undecoded::NotIp),
        // Most nodes say nothing.
        _ if plausible::ip(rest) => Ok(Next::Ip(rest)),
        _ if plausible::ethernet(rest) => Ok(Next::Ethernet(rest)),
        _ => Err(Undecoded::NotIp),
    }
}

/// Symantec's firewall: an EtherType in one of two places, by the release; zero stands in the other.
pub(super) fn symantec<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let (Some(second), Some(third)) = (rest.be16(6), rest.be16(10)) else {
        return Err(short(rest));
    };
    match (second, third) {
        (1.., 0) => ethernet::ether_type(walk, second, skip(rest, 44)?),
        (0, 1..) => ethernet::ether_type(walk, third, skip(rest, 56)?),
        _ => Err(Undecoded::BadLink),
    }
}

/// Redback's SmartEdge: circuit, length, protocol, where layer 3 begins, and where its data does. Known from
/// Wireshark alone.
pub(super) fn smart_edge(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let (Some(protocol), Some(layer_3), Some(data)) = (rest.be16(18), rest.be16(20), rest.be16(22))
    else {
        return Err(short(rest));
    };
    if layer_3 < 24 {
        return Err(Undecoded::BadLink);
    }
    let inside = skip(rest, usize::from(layer_3))?;
    match protocol {
        // Something stands before the data, which is Ethernet.
        _ if data > layer_3 => Ok(Next::Ethernet(inside)),
        1 => Ok(Next::Ip(inside)),
        3 | 4 | 8 => Ok(Next::Ethernet(inside)),
        _ => Err(Undecoded::NotIp),
    }
}
