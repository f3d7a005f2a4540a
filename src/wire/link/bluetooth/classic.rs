//! Bluetooth's basic and enhanced rate as sniffers hear it (LINKTYPE_BLUETOOTH_BREDR_BB; Core 5.4, volume 2
//! part B 6). Which end sends is not told, and what has a cipher stays one unless the sniffer had the key, so
//! packets have to prove themselves.

use super::super::super::Undecoded;
use super::super::super::rest::Rest;
use super::super::super::walk::{Next, Walk};
use super::super::{short, skip};
use super::acl;

/// Channel, signal, noise, errors, rate, corrections, address, reference address, packet header, flags; then
/// the payload.
pub(in crate::wire::link) fn packet<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const HEADER: usize = 22;
    const DEWHITENED: u16 = 0x0001;
    const HAS_DATA: u16 = 0x0020;
    /// Kinds of packet with data (table 6.2); of one slot, and of more.
    const SHORT: [u32; 4] = [3, 4, 8, 9];
    const LONG: [u32; 4] = [10, 11, 14, 15];
    let (Some(rate), Some(address), Some(header), Some(flags)) =
        (rest.u8(4), rest.le32(8), rest.le32(16), rest.le16(20))
    else {
        return Err(short(rest));
    };
    let inside = skip(rest, HEADER)?;
    // Any transport, or asynchronous data.
    let fits = flags & DEWHITENED != 0 && flags & HAS_DATA != 0 && rate >> 4 <= 1;
    let kind = header >> 3 & 0x0f;
    if !fits || !(SHORT.contains(&kind) || LONG.contains(&kind)) {
        return Err(Undecoded::NotIp);
    }
    // Payloads of one slot at the basic rate have a shorter header.
    let first = inside.u8(0).ok_or_else(|| short(rest))?;
    let (length, size) = if rate & 0x0f == 0 && SHORT.contains(&kind) {
        (u16::from(first >> 3), 1)
    } else {
        (inside.le16(0).ok_or_else(|| short(rest))? >> 3 & 0x03ff, 2)
    };
    walk.session = address & 0x00ff_ffff | (header & 0b111) << 24;
    let data = skip(inside, size)?;
    acl::of_kind(walk, first & 0b11, usize::from(length), data)
}
