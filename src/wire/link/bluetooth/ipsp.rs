//! IPv6 over Bluetooth Low Energy (RFC 7668): packets of 6LoWPAN in a channel with credits (Core 5.4, volume
//! 3 part A 3.4.3), whose first part says how long all of them are.

use super::super::super::rest::Rest;
use super::super::super::walk::{Next, Walk};
use super::super::super::{Undecoded, plausible};
use super::super::lowpan::{self, Ends};
use super::super::{short, skip};
use super::acl::{Added, Link};

/// Bytes of the length before the first part.
const LENGTH: usize = 2;

/// Reads one part of a packet, or all of it. Which addresses the two ends have other frames told.
pub(super) fn part<'a>(
    walk: &mut Walk<'a, '_>,
    link: Link,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let packets = &mut walk.fragments.bluetooth.packets;
    if rest.cut == 0 {
        match packets.go_on(walk.at, &link, rest.bytes) {
            Added::Whole(joined) => {
                let bytes = walk.keep(joined)?;
                return whole(walk, Rest { bytes, cut: 0 });
            }
            Added::Waits(_) => return Err(Undecoded::LinkFragment),
            Added::Lost => {}
        }
    }
    let promised = usize::from(rest.le16(0).ok_or_else(|| short(rest))?);
    let inside = skip(rest, LENGTH)?;
    if promised <= inside.wire_len() {
        return whole(walk, inside.bound(promised));
    }
    if rest.cut == 0 {
        packets.begin(walk.at, link, promised, inside.bytes, None);
    }
    Err(Undecoded::LinkFragment)
}

/// Reads a packet without its length.
pub(super) fn whole<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    lowpan::frame(walk, Ends::default(), rest)
}

/// Whether a packet stands there that is as long as it says, with a transport whose checksum is right.
pub(super) fn summed(rest: Rest<'_>) -> bool {
    let promised = rest.le16(0).map(usize::from);
    rest.cut == 0
        && promised == rest.bytes.len().checked_sub(LENGTH)
        && rest
            .after(LENGTH)
            .and_then(|inside| lowpan::whole(Ends::default(), inside))
            .is_some_and(|bytes| {
                plausible::transport_checksum(Rest {
                    bytes: &bytes,
                    cut: 0,
                })
            })
}
