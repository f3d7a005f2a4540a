//! ESP without encryption (RFC 4303, RFC 2410, RFC 4543). Nothing in a packet says so, nor how long the integrity check value is: lengths,
//! padding and checksums have to fit.

use std::net::IpAddr;

use super::super::ip::protocol;
use super::super::plausible;
use super::super::rest::Rest;

/// SPI and sequence number, and the vector of GMAC behind them.
const STARTS: [usize; 2] = [8, 16];
/// Integrity check values: none, 96, 128, 192 and 256 bits.
const CHECKS: [usize; 5] = [12, 16, 0, 24, 32];

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
            let end = inside.bytes.len().checked_sub(check + 2)?;
            let [padding, next] = inside.array::<2>(end)?;
            let end = end.checked_sub(usize::from(padding))?;
            let mut padded = inside.bytes.get(end..)?.iter().zip(1..=padding);
            let packet = inside.bound(end);
            let fits = padded.all(|(byte, number)| *byte == number)
                && match next {
                    protocol::IPV4 | protocol::IPV6 => plausible::ip_alone(packet),
                    protocol::TCP | protocol::UDP => transport(next, packet, src, dst),
                    _ => false,
                };
            fits.then_some((next, packet))
        })
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
