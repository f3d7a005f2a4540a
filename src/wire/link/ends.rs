//! Whose packet it is of which only the first part is there: other parts belong to the same two addresses.

use std::net::IpAddr;

use super::super::rest::Rest;
use super::super::walk::Next;
use super::{SWAPPED_WLAN, ethernet, llc, ppp, wlan};
use crate::frame::LinkType;

/// Headers looked into at most.
const DEEP: usize = 6;

/// Source and destination of the outermost IP header from `next` on, where nothing has to be joined to come to it.
pub(in crate::wire) fn ends(next: Next<'_>) -> Option<(IpAddr, IpAddr)> {
    let mut next = next;
    for _ in 0..DEEP {
        next = match next {
            Next::Ip(rest) => return addresses(rest),
            Next::EtherType(0x0800 | 0x86dd, rest) => Next::Ip(rest),
            Next::EtherType(tag, rest) if ethernet::is_vlan(tag) => {
                Next::EtherType(rest.be16(2)?, rest.after(4)?)
            }
            Next::Ethernet(rest) => match rest.be16(12)? {
                0..=1500 => Next::Llc(rest.after(14)?),
                ether_type => Next::EtherType(ether_type, rest.after(14)?),
            },
            Next::Llc(rest) => llc::header(rest).ok()?,
            Next::Ppp(rest) => match ppp::protocol(rest).ok()? {
                (0x0021 | 0x0057, inside) => Next::Ip(inside),
                _ => return None,
            },
            Next::Link(LinkType(105), rest) => Next::Llc(wlan::inside(rest, false)?),
            Next::Link(SWAPPED_WLAN, rest) => Next::Llc(wlan::inside(rest, true)?),
            _ => return None,
        };
    }
    None
}

fn addresses(rest: Rest<'_>) -> Option<(IpAddr, IpAddr)> {
    if rest.nibble()? == 4 {
        let [src, dst] = [rest.array::<4>(12)?, rest.array::<4>(16)?];
        return Some((src.into(), dst.into()));
    }
    let [src, dst] = [rest.array::<16>(8)?, rest.array::<16>(24)?];
    Some((src.into(), dst.into()))
}
