//! 802.2 LLC with SNAP (RFC 1042), and its relative on Frame Relay (RFC 2427).

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::Next;
use super::{BLUETOOTH_OVER_WLAN, short, skip, x25};

/// Reads an LLC header.
pub(in crate::wire) fn header(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let Some([dsap, ssap, control]) = rest.array::<3>(0) else {
        return Err(short(rest));
    };
    match (dsap, ssap, control) {
        (0xaa, 0xaa | 0xab, 0x03) => snap(skip(rest, 3)?),
        (0x06, 0x06, 0x03) => Ok(Next::Ip(skip(rest, 3)?)),
        // A network layer protocol identifier (ISO/IEC TR 9577, RFC 2684 5.2).
        (0xfe, 0xfe, 0x03) => nlpid(skip(rest, 3)?),
        // The same by other numbers of OSI (ISO/IEC TR 11802-1).
        (0x14 | 0x20 | 0x34 | 0x54, _, 0x03) => nlpid(skip(rest, 3)?),
        (0x7e, 0x7e | 0x7f, _) => x25::llc(rest),
        (0x42, 0x42, _) => Err(Undecoded::Stp),
        _ => Err(Undecoded::NotIp),
    }
}

/// Frame Relay: an address of two to four bytes, then RFC 2427 or Cisco's plain EtherType.
pub(in crate::wire) fn frame_relay(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    // The last address byte has its lowest bit set (Q.922).
    let address = rest
        .bytes
        .iter()
        .take(4)
        .position(|byte| byte & 1 == 1)
        .ok_or_else(|| short(rest))?;
    let rest = skip(rest, address + 1)?;
    if rest.u8(0) != Some(0x03) {
        let ether_type = rest.be16(0).ok_or_else(|| short(rest))?;
        return Ok(Next::EtherType(ether_type, skip(rest, 2)?));
    }
    let rest = skip(rest, 1)?;
    let rest = match rest.u8(0) {
        Some(0) => skip(rest, 1)?,
        _ => rest,
    };
    nlpid(rest)
}

/// One byte that says which network layer follows.
pub(in crate::wire) fn nlpid(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.u8(0) {
        Some(0xcc | 0x8e) => Ok(Next::Ip(skip(rest, 1)?)),
        Some(0x80) => snap(skip(rest, 1)?),
        // RFC 1973.
        Some(0xcf) => Ok(Next::Ppp(skip(rest, 1)?)),
        Some(_) => Err(Undecoded::NotIp),
        None => Err(short(rest)),
    }
}

/// The five bytes of SNAP: who defines the type, and the type.
fn snap(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let (Some(organization), Some(kind)) = (rest.array::<3>(0), rest.be16(3)) else {
        return Err(short(rest));
    };
    let inside = skip(rest, 5)?;
    match (organization, kind) {
        // RFC 1042, and 802.1H for what came from Ethernet.
        ([0, 0, 0] | [0, 0, 0xf8], _) => Ok(Next::EtherType(kind, inside)),
        // Bridged Ethernet over ATM or Frame Relay (RFC 2684): two bytes of padding on ATM.
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => Ok(Next::Ethernet(skip(inside, 2)?)),
        // Bluetooth over 802.11 (Core 5.2, volume 5 part A 4.1).
        ([0, 0x19, 0x58], 0x0001) => Ok(Next::Link(BLUETOOTH_OVER_WLAN, inside)),
        ([0, 0x19, 0x58], _) => Err(Undecoded::LinkControl),
        ([0, 0, 0x0c], 0x2000) => Err(Undecoded::Lldp),
        ([0, 0, 0x0c], 0x010b) => Err(Undecoded::Stp),
        _ => Err(Undecoded::NotIp),
    }
}
