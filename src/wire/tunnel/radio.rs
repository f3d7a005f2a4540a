//! Layers of telephones' radio that programs put into UDP for Wireshark to read, behind a text that says
//! which layer it is and fields that each have a number: PDCP (3GPP TS 36.323, 38.323), RLC (25.322) and
//! messages of the core network (24.301, 24.501). The texts and fields are Wireshark's (`packet-pdcp-lte.h`
//! and its like); on a real network all of it is ciphered, so what has no cipher has to be IP alone.

use super::super::plausible;
use super::super::rest::Rest;
use super::super::walk::Next;
use super::pdcp::Unit;
use super::rare::ethernet_with_ip;
use super::udp::Found;

const PDCP_LTE: &[u8] = b"pdcp-lte";
const PDCP_NR: &[u8] = b"pdcp-nr";
const NAS_EPS: &[u8] = b"nas-eps";
const NAS_5GS: &[u8] = b"nas-5gs";

/// Before the bytes of the layer itself.
pub(super) const PAYLOAD: u8 = 1;

/// Whether one of these layers may stand here, on whatever port.
pub(super) fn may_be(payload: &[u8]) -> bool {
    let texts = [PDCP_LTE, PDCP_NR, NAS_EPS, NAS_5GS, super::rlc::TEXT];
    matches!(payload, [b'n' | b'p' | b'u', ..]) && texts.iter().any(|it| payload.starts_with(it))
}

/// Whether it is PDCP.
pub(super) fn is_pdcp(payload: &[u8]) -> bool {
    payload.starts_with(PDCP_LTE) || payload.starts_with(PDCP_NR)
}

/// A unit of PDCP.
pub(super) fn pdcp(rest: Rest<'_>) -> Option<Unit<'_>> {
    match rest.bytes.starts_with(PDCP_LTE) {
        true => Unit::lte(rest.after(PDCP_LTE.len())?),
        false => Unit::nr(rest.after(PDCP_NR.len())?),
    }
}

/// The packet of a user that a layer has.
pub(super) fn open(rest: Rest<'_>) -> Option<Found<'_>> {
    let after = |text: &[u8]| {
        let stands = rest.bytes.starts_with(text);
        stands.then(|| rest.after(text.len())).flatten()
    };
    if is_pdcp(rest.bytes) {
        return user_data(pdcp(rest)?.clear()?);
    }
    if let Some(inside) = after(NAS_EPS) {
        return user_data(eps(inside)?);
    }
    user_data(five_gs(after(NAS_5GS)?)?)
}

/// IP or Ethernet, whichever the session has.
fn user_data(rest: Rest<'_>) -> Option<Found<'_>> {
    if !plausible::ip_alone(rest) {
        let found = ethernet_with_ip(0, rest)?;
        return Some(Found {
            kind: None,
            ..found
        });
    }
    Some(Found {
        kind: None,
        tag: None,
        session: 0,
        next: Next::Ip(rest),
    })
}

/// Fields up to the layer itself, each a number and as many bytes as it has; `told` hears their numbers,
/// first bytes, and first two bytes as one number.
pub(super) fn fields<'a>(
    rest: Rest<'a>,
    size: impl Fn(u8) -> Option<usize>,
    mut told: impl FnMut(u8, u8, u16),
) -> Option<Rest<'a>> {
    let mut rest = rest;
    loop {
        let number = rest.u8(0)?;
        rest = rest.after(1)?;
        if number == PAYLOAD {
            return Some(rest);
        }
        let size = size(number)?;
        told(number, rest.u8(0)?, rest.be16(0)?);
        rest = rest.after(size)?;
    }
}

/// The user's data in a message of 4G (24.301): in a message of its own, or in one that asks for service as
/// well. A header of security stands before it where the message is protected; the data in it is in clear
/// where the cipher is none (EEA0).
fn eps(rest: Rest<'_>) -> Option<Rest<'_>> {
    const SESSION: u8 = 2;
    const MOBILITY: u8 = 7;
    const DATA_TRANSPORT: u8 = 0xeb;
    const SERVICE_REQUEST: u8 = 0x4d;
    const CONTAINER: u8 = 0x78;
    /// Kind, code of integrity, number.
    const SECURITY: usize = 6;
    let mut message = rest;
    let first = message.u8(0)?;
    if first & 0x0f == MOBILITY && matches!(first >> 4, 1..=4) {
        message = message.after(SECURITY)?;
    }
    let (first, second) = (message.u8(0)?, message.u8(1)?);
    if (first, second) == (MOBILITY, SERVICE_REQUEST) {
        // Of what may follow, the message within comes first.
        message = (message.u8(3)? == CONTAINER).then(|| long(message.after(4)?))??;
    }
    // Bearer, transaction.
    let is_data = message.u8(0)? & 0x0f == SESSION && message.u8(2)? == DATA_TRANSPORT;
    is_data.then(|| long(message.after(3)?))?
}

/// The same of 5G (24.501), in messages that carry something for somebody else.
fn five_gs(rest: Rest<'_>) -> Option<Rest<'_>> {
    const MOBILITY: u8 = 0x7e;
    const CARRY: [u8; 2] = [0x67, 0x68];
    const USER_DATA: u8 = 8;
    const SECURITY: usize = 7;
    let mut message = rest;
    if message.u8(0)? == MOBILITY && matches!(message.u8(1)?, 1..=4) {
        message = message.after(SECURITY)?;
    }
    let [first, plain, kind, carried] = message.array::<4>(0)?;
    let is_data = first == MOBILITY && plain == 0 && CARRY.contains(&kind);
    (is_data && carried & 0x0f == USER_DATA).then(|| long(message.after(4)?))?
}

/// As many bytes as two before them say.
fn long(rest: Rest<'_>) -> Option<Rest<'_>> {
    let length = usize::from(rest.be16(0)?);
    Some(rest.after(2)?.bound(length))
}
