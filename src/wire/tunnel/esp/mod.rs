//! ESP (RFC 4303) without encryption (RFC 2410, RFC 4543), and with keys. Nothing in a packet says that it is
//! not encrypted, nor how long the integrity check value is: lengths, padding and checksums have to fit.

mod association;
mod associations;

use std::net::IpAddr;

use super::super::ip::{self, protocol};
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::super::{Body, Packet, Undecoded, plausible};
use super::kind;

pub(in crate::wire) use association::Association;
pub(in crate::wire) use associations::Associations;

/// SPI and sequence number, and the vector of GMAC behind them.
const STARTS: [usize; 2] = [8, 16];
/// Integrity check values: none, 96, 128, 192 and 256 bits.
const CHECKS: [usize; 5] = [12, 16, 0, 24, 32];

/// Enters what an IP packet carries, with keys or without.
pub(super) fn in_ip<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Option<Next<'a>>, Undecoded> {
    let plain = ip::packet(walk, Body::Other(protocol::ESP));
    if let Some(next) = with_keys(walk, rest, plain)? {
        return Ok(Some(next));
    }
    match null(rest, walk.src, walk.dst) {
        Some((number, inside)) => enter(walk, plain, number, inside).map(Some),
        None => Ok(None),
    }
}

/// Enters what there are keys to; `plain` is the packet or the datagram (RFC 3948) that carries it.
pub(super) fn with_keys<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
    plain: Packet<'a>,
) -> Result<Option<Next<'a>>, Undecoded> {
    let associations = &mut walk.fragments.associations;
    if !associations.has_keys() || rest.cut > 0 {
        return Ok(None);
    }
    let Some((number, bytes)) = associations.open(rest.bytes, walk.src, walk.dst) else {
        return Ok(None);
    };
    // A dummy, so that nobody sees how much is said (RFC 4303 2.6).
    if number == protocol::NONE {
        return Err(Undecoded::LinkControl);
    }
    let bytes = walk.keep(bytes)?;
    enter(walk, plain, number, Rest { bytes, cut: 0 }).map(Some)
}

/// Enters a tunnel, or goes on with the packet itself in transport mode.
fn enter<'a>(
    walk: &mut Walk<'a, '_>,
    plain: Packet<'a>,
    number: u8,
    inside: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    walk.guess(plain);
    match number {
        protocol::IPV4 | protocol::IPV6 => {
            walk.enter_tunnel(kind::ESP)?;
            Ok(Next::Ip(inside))
        }
        _ => Ok(Next::Payload(number, inside)),
    }
}

/// Protocol number and bytes of what is inside, if it cannot well be anything else.
pub(super) fn null(rest: Rest<'_>, src: IpAddr, dst: IpAddr) -> Option<(u8, Rest<'_>)> {
    let begins = STARTS.into_iter().filter_map(|start| rest.after(start));
    if rest.cut > 0 {
        // Without the trailer only an IP header is enough.
        let mut begins = begins.filter(|inside| plausible::ip_surely(*inside));
        let inside = begins.next()?;
        return (inside.nibble() == Some(4)).then_some((protocol::IPV4, inside));
    }
    begins
        .flat_map(|inside| CHECKS.map(|check| (inside, check)))
        .find_map(|(inside, check)| {
            let end = inside.bytes.len().checked_sub(check)?;
            proven(inside.bound(end), src, dst)
        })
}

/// What stands before a trailer, if padding, next header and packet prove each other.
fn proven(inside: Rest<'_>, src: IpAddr, dst: IpAddr) -> Option<(u8, Rest<'_>)> {
    let (next, packet) = before_trailer(inside)?;
    let mut padded = inside
        .bytes
        .get(packet.bytes.len()..inside.bytes.len() - 2)?
        .iter()
        .zip(1..=u8::MAX);
    let fits = padded.all(|(byte, number)| *byte == number)
        && match next {
            protocol::IPV4 | protocol::IPV6 => plausible::ip_alone(packet),
            protocol::TCP | protocol::UDP => transport(next, packet, src, dst),
            _ => false,
        };
    fits.then_some((next, packet))
}

/// Next header, and what stands before padding, its length and the next header.
fn before_trailer(inside: Rest<'_>) -> Option<(u8, Rest<'_>)> {
    let end = inside.bytes.len().checked_sub(2)?;
    let [padding, next] = inside.array::<2>(end)?;
    Some((next, inside.bound(end.checked_sub(usize::from(padding))?)))
}

/// TCP or UDP with the right checksum. That alone would be met by chance once in 65,536 packets.
fn transport(number: u8, packet: Rest<'_>, src: IpAddr, dst: IpAddr) -> bool {
    const URGENT: u8 = 0x20;
    let fits = match number {
        protocol::TCP => {
            let header = packet.u8(12).map(|field| usize::from(field >> 4) * 4);
            header.is_some_and(|header| header >= 20 && header <= packet.bytes.len())
                && packet.u8(12).is_some_and(|field| field & 0x0f == 0)
                && packet.u8(13).is_some_and(|flags| flags & URGENT == 0)
                && packet.be16(18) == Some(0)
        }
        _ => packet.be16(4).map(usize::from) == Some(packet.bytes.len()),
    };
    fits && plausible::checksum_between(number, packet, src, dst)
}
