//! What equipment passes on of what it saw, over UDP: access points of Aruba, telephone gateways of
//! AudioCodes, cable operators. Known from Wireshark alone.

use super::super::link;
use super::super::plausible;
use super::super::rest::Rest;
use super::super::walk::Next;
use super::udp::Found;
use crate::frame::LinkType;

/// What the documents of Aruba take for an example, and thus most people; there is none by default.
pub(super) const ARUBA: u16 = 5555;
pub(super) const AUDIOCODES: u16 = 925;
/// What Wireshark took by default as long as it had one; each operator sets it for himself.
pub(super) const CABLE_OPERATORS: u16 = 9000;

const WLAN: LinkType = LinkType(105);
const RADIOTAP: LinkType = LinkType(127);
const PPI: LinkType = LinkType(192);

/// 802.11 behind a record header of pcap, with some words about the radio or without, behind PPI or behind
/// radiotap. Nothing says which of these, so there has to be IP in it.
pub(super) fn aruba(rest: Rest<'_>) -> Option<Found<'_>> {
    const RECORD: usize = 16;
    const RADIO: usize = 4;
    let has_ip = |frame| link::ends(Next::Link(WLAN, frame)).is_some();
    let captured = usize::try_from(rest.be32(8)?).ok()?;
    let mut records = [RECORD, RECORD + RADIO]
        .into_iter()
        .filter(|_| (RECORD..=RECORD + RADIO).any(|head| captured + head == rest.wire_len()))
        .filter_map(|head| rest.after(head));
    if let Some(frame) = records.find(|frame| has_ip(*frame)) {
        return Some(mirrored(Next::Link(WLAN, frame)));
    }
    let header = usize::from(rest.le16(2)?);
    let fits = rest.u8(0)? == 0 && header >= 8 && rest.after(header).is_some_and(has_ip);
    let link = if rest.le32(4)? == WLAN.0 {
        PPI
    } else {
        RADIOTAP
    };
    fits.then(|| mirrored(Next::Link(link, rest)))
}

/// Debug recording: version, time, ends, flags, where and what it is, how long the extension of the header
/// is, numbers of the session.
pub(super) fn audiocodes(rest: Rest<'_>) -> Option<Found<'_>> {
    /// In parts, or encrypted.
    const UNREAD: u8 = 0x14;
    const HEADER_ADDED: u8 = 0x08;
    /// Of older versions, where the flags were filling.
    const FILLING: u8 = 0xaa;
    const CONTROL: u8 = 14;
    const SNIFFER: u8 = 50;
    /// What TLS and DTLS had in them, behind headers that no packet had.
    const OPENED: [u8; 3] = [33, 34, 61];
    let version = rest.u8(0)?;
    let (header, at) = match version {
        0..5 => (15, 11),
        5 | 6 => (19, 11),
        7 => (23, 11),
        8 => (24, 11),
        9 => (28, 15),
        _ => return None,
    };
    let [flags, _, kind, extension] = rest.array::<4>(at)?;
    let flags = if version <= 3 && flags == FILLING {
        0
    } else {
        flags
    };
    let extension = if version < 5 { 0 } else { extension };
    let inside = rest.after(header + usize::from(extension))?;
    let added = flags & HEADER_ADDED != 0 && kind != CONTROL;
    if flags & UNREAD != 0 || OPENED.contains(&kind) {
        return None;
    }
    if added {
        return plausible::ip_surely(inside).then(|| mirrored(Next::Ip(inside)));
    }
    (matches!(kind, CONTROL | SNIFFER) && plausible::ethernet(inside))
        .then(|| mirrored(Next::Ethernet(inside)))
}

/// Copies for authorities (PacketCable electronic surveillance, PKT-SP-ESP 4): the number of the case in four
/// or eight bytes, a time of eight or none, in one form a further number; then IP alone.
pub(super) fn call_content(rest: Rest<'_>) -> Option<Found<'_>> {
    let mut packets = [4, 8, 12, 20].into_iter().filter_map(|at| rest.after(at));
    let packet = packets.find(|packet| plausible::ip_alone(*packet))?;
    Some(mirrored(Next::Ip(packet)))
}

const fn mirrored(next: Next<'_>) -> Found<'_> {
    Found {
        kind: None,
        tag: None,
        session: 0,
        next,
    }
}
