//! ICMP (RFC 792) and ICMPv6 (RFC 4443): only the messages that say a packet did not arrive.

use super::ip::protocol;
use super::rest::Rest;
use super::{Body, Unreachable};
use crate::flow::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Destination unreachable, but for "fragmentation needed" (code 4): that asks for smaller packets.
pub(super) fn v4<'a>(rest: Rest<'_>) -> Body<'a> {
    match (rest.u8(0), rest.u8(1), rest.after(8)) {
        (Some(3), Some(code), Some(quote)) if code != 4 => {
            quoted_v4(quote).map_or(Body::Other(protocol::ICMP), Body::Unreachable)
        }
        _ => Body::Other(protocol::ICMP),
    }
}

/// Destination unreachable.
pub(super) fn v6<'a>(rest: Rest<'_>) -> Body<'a> {
    match (rest.u8(0), rest.after(8)) {
        (Some(1), Some(quote)) => {
            quoted_v6(quote).map_or(Body::Other(protocol::ICMPV6), Body::Unreachable)
        }
        _ => Body::Other(protocol::ICMPV6),
    }
}

/// The flow of a quoted IPv4 packet. A quote is cut on purpose (RFC 792: 8 bytes of payload), so no
/// length in it is checked.
fn quoted_v4(quote: Rest<'_>) -> Option<Unreachable> {
    let first = quote.u8(0)?;
    let header = usize::from(first & 0x0f) * 4;
    let later_fragment = quote.be16(6)? & 0x1fff != 0;
    if first >> 4 != 4 || header < 20 || later_fragment {
        return None;
    }
    let src = Ipv4Addr::from(quote.array::<4>(12)?).into();
    let dst = Ipv4Addr::from(quote.array::<4>(16)?).into();
    ports(quote.u8(9)?, quote.after(header)?, src, dst)
}

/// The flow of a quoted IPv6 packet, past extension headers.
fn quoted_v6(quote: Rest<'_>) -> Option<Unreachable> {
    if quote.nibble()? != 6 {
        return None;
    }
    let src = Ipv6Addr::from(quote.array::<16>(8)?).into();
    let dst = Ipv6Addr::from(quote.array::<16>(24)?).into();
    let mut next = quote.u8(6)?;
    let mut rest = quote.after(40)?;
    loop {
        let length = match next {
            protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION => {
                usize::from(rest.u8(1)?) * 8 + 8
            }
            protocol::FRAGMENT if rest.be16(2)? & 0xfff8 == 0 => 8,
            protocol::AUTH => usize::from(rest.u8(1)?) * 4 + 8,
            _ => return ports(next, rest, src, dst),
        };
        next = rest.u8(0)?;
        rest = rest.after(length)?;
    }
}

fn ports(number: u8, rest: Rest<'_>, src: IpAddr, dst: IpAddr) -> Option<Unreachable> {
    let transport = match number {
        protocol::TCP => Transport::Tcp,
        protocol::UDP => Transport::Udp,
        _ => return None,
    };
    Some(Unreachable {
        transport,
        src: (src, rest.be16(0)?),
        dst: (dst, rest.be16(2)?),
    })
}
