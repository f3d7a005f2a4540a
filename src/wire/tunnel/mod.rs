//! Packets inside packets: GRE and its relatives, IP in IP, and tunnels over UDP and what looks like TCP.

mod capwap;
mod esp;
mod gre;
mod gtp;
mod mirrors;
mod pdcp;
mod radio;
mod rare;
mod rlc;
mod sflow;
mod stt;
mod udp;
mod wassp;
mod wireguard;

use super::ip::protocol;
use super::link::skip;
use super::rest::Rest;
use super::walk::{Next, Walk};
use super::{Undecoded, link, plausible};
use crate::frame::LinkType;

pub(super) use esp::{Association, Associations};
pub(super) use gtp::frame as gtp_frame;
pub(super) use pdcp::{Generation as PdcpGeneration, Keys as PdcpKeys, Secret as PdcpSecret};
pub(super) use stt::{PORT as STT, is_later_part, open as in_tcp};
pub(super) use udp::{may_carry, open as in_udp, tzsp_frame};
pub(super) use wireguard::Tunnels;
pub use wireguard::tunnel_keys;

pub(super) const STREAM: u32 = kind::STREAM;

/// Kinds of tunnel, as they enter the scope.
mod kind {
    pub(super) const IP: u32 = 1;
    pub(super) const GRE: u32 = 2;
    pub(super) const ETHERIP: u32 = 3;
    pub(super) const L2TP: u32 = 4;
    pub(super) const MPLS: u32 = 5;
    pub(super) const ETHERNET: u32 = 6;
    pub(super) const VXLAN: u32 = 7;
    pub(super) const GENEVE: u32 = 8;
    pub(super) const TEREDO: u32 = 9;
    pub(super) const GTP: u32 = 10;
    pub(super) const LISP: u32 = 11;
    pub(super) const CAPWAP: u32 = 12;
    pub(super) const ESP: u32 = 13;
    pub(super) const AYIYA: u32 = 14;
    pub(super) const AX25: u32 = 15;
    pub(super) const OSI: u32 = 16;
    pub(super) const TRANSPORT_STREAM: u32 = 17;
    pub(super) const PIM: u32 = 18;
    pub(super) const AMT: u32 = 19;
    pub(super) const TIPC: u32 = 20;
    pub(super) const BATMAN: u32 = 21;
    pub(super) const MINT: u32 = 22;
    pub(super) const CLUSTER: u32 = 23;
    pub(super) const INFINIBAND: u32 = 24;
    pub(super) const ETHERCAT: u32 = 25;
    pub(super) const SATELLITE: u32 = 26;
    pub(super) const STT: u32 = 27;
    pub(super) const WASSP: u32 = 28;
    pub(super) const WIREGUARD: u32 = 29;
    pub(super) const SFLOW: u32 = 30;
    pub(super) const RADIO: u32 = 31;
    pub(super) const ENTERPRISE: u32 = 32;
    pub(super) const STREAM: u32 = 33;
}

/// A tunnel that has an IP protocol number of its own; None if `number` is no tunnel.
pub(super) fn in_ip<'a>(
    walk: &mut Walk<'a, '_>,
    number: u8,
    rest: Rest<'a>,
) -> Result<Option<Next<'a>>, Undecoded> {
    let next = match number {
        protocol::IPV4 | protocol::IPV6 => {
            walk.enter_tunnel(kind::IP)?;
            Next::Ip(rest)
        }
        protocol::GRE => gre::open(walk, rest)?,
        // RFC 3378: version 3, then zeros.
        protocol::ETHERIP => {
            if rest.be16(0) != Some(0x3000) {
                return Err(short(rest));
            }
            walk.enter_tunnel(kind::ETHERIP)?;
            Next::Ethernet(after(rest, 2)?)
        }
        protocol::MPLS => {
            walk.enter_tunnel(kind::MPLS)?;
            Next::Mpls(rest)
        }
        // RFC 8986 section 9.
        protocol::ETHERNET => {
            walk.enter_tunnel(kind::ETHERNET)?;
            Next::Ethernet(rest)
        }
        protocol::L2TP => match rest.after(4).and_then(l2tp_v3_frame) {
            // Session 0 is control (RFC 3931).
            Some(next) if rest.be32(0) != Some(0) => {
                walk.enter_tunnel(kind::L2TP)?;
                next
            }
            _ => return Ok(None),
        },
        protocol::AX25 => {
            walk.enter_tunnel(kind::AX25)?;
            link::ax25(rest)?
        }
        protocol::OSI => {
            walk.enter_tunnel(kind::OSI)?;
            link::llc::nlpid(rest)?
        }
        protocol::ESP => return esp::in_ip(walk, rest),
        protocol::PIM | protocol::IGMP => match register(number, rest) {
            Some(packet) => {
                walk.enter_tunnel(kind::PIM)?;
                Next::Ip(packet)
            }
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(next))
}

/// What a router sends to where receivers meet, before they are told to listen: a packet for many in one (RFC
/// 7761 4.9.3), or a header of one that says that there is none. Of version 1, which is a kind of IGMP, it is
/// the same.
fn register(number: u8, rest: Rest<'_>) -> Option<Rest<'_>> {
    const REGISTER: [u8; 2] = [0x21, 0];
    const REGISTER_1: [u8; 2] = [0x14, 1];
    const NULL: u8 = 0x40;
    let fits = match number {
        protocol::PIM => rest.array(0)? == REGISTER && rest.u8(4)? & NULL == 0,
        _ => rest.array(0)? == REGISTER_1,
    };
    rest.after(8)
        .filter(|packet| fits && plausible::ip(*packet))
}

/// LWAPP without IP and UDP before it, by an EtherType.
pub(super) fn lwapp<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let next =
        rare::lwapp(rest).ok_or_else(|| rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp))?;
    walk.enter_tunnel(kind::CAPWAP)?;
    Ok(next)
}

/// Network service header (RFC 8300).
pub(super) fn nsh<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    walk.peel()?;
    let Some([first, second, _, next]) = rest.array::<4>(0) else {
        return Err(short(rest));
    };
    let words = usize::from(second & 0x3f);
    if first >> 6 != 0 || words < 2 {
        return Err(Undecoded::BadTunnel);
    }
    let inside = skip(rest, words * 4)?;
    match next {
        1 | 2 => Ok(Next::Ip(inside)),
        3 => Ok(Next::Ethernet(inside)),
        4 => Ok(Next::EtherType(0x894f, inside)),
        5 => Ok(Next::Mpls(inside)),
        _ => Err(Undecoded::NotIp),
    }
}

/// The frame of an L2TPv3 data message: Ethernet, packets of a transport stream, or IP, PPP, Cisco HDLC and
/// Frame Relay that prove themselves. Cookie (0, 4 or 8 bytes) and sublayer (0 or 4) were negotiated
/// elsewhere, so every place is tried where a frame could begin.
fn l2tp_v3_frame<'a>(after_session: Rest<'a>) -> Option<Next<'a>> {
    let places = || {
        let places = [0, 4, 8, 12].into_iter();
        places.filter_map(|at| after_session.after(at))
    };
    let of_ppp = |frame| match link::ppp::protocol(frame) {
        Ok((0x0021 | 0x0057, packet)) => Some(packet),
        _ => None,
    };
    let stream = places().find(|frame| link::transport::is_stream(frame.bytes));
    if let Some(stream) = stream {
        return Some(Next::Link(LinkType(243), stream));
    }
    let of_lines = |frame: Rest<'a>| match frame.be32(0)? {
        // Cisco HDLC, and Frame Relay with the identifier of IP.
        0x0f00_0800 | 0x0f00_86dd | 0x8f00_0800 | 0x8f00_86dd => frame.after(4),
        head if head & 0x0001_ffff == 0x0001_03cc || head & 0x0001_ffff == 0x0001_038e => {
            frame.after(4)
        }
        _ => None,
    };
    let ethernet = places().find(|frame| plausible::ethernet(*frame));
    ethernet.map(Next::Ethernet).or_else(|| {
        let mut packets = places()
            .chain(places().filter_map(of_ppp))
            .chain(places().filter_map(of_lines));
        packets
            .find(|packet| plausible::ip_alone(*packet))
            .map(Next::Ip)
    })
}

/// The bytes after a tunnel header of `n` bytes.
fn after(rest: Rest<'_>, n: usize) -> Result<Rest<'_>, Undecoded> {
    rest.after(n).ok_or_else(|| short(rest))
}

/// A tunnel header that does not fit the packet.
const fn short(rest: Rest<'_>) -> Undecoded {
    rest.lacks(Undecoded::CutBeforeIp, Undecoded::BadTunnel)
}
