//! GPRS between a telephone and its network: logical links (3GPP TS 44.064), and on some of them packets
//! (SNDCP, 3GPP TS 44.065). A frame says whether it is ciphered, and its check sequence whether that is true.

use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::super::{Undecoded, plausible};
use super::streams::{Key, Kind, Open};
use super::{check, ends, short, skip};

/// A frame: address, control field, check sequence.
pub(super) fn frame<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const OTHER_PROTOCOL: u8 = 0x80;
    /// Service access points of user data.
    const PACKETS: [u8; 4] = [3, 5, 9, 11];
    const UNCONFIRMED: u16 = 0b110;
    const CIPHERED: u16 = 0x02;
    const ALL_PROTECTED: u16 = 0x01;
    const HEADER: usize = 3;
    /// Bytes behind the header that are always protected (N202, 44.064 8.9.8).
    const PROTECTED: usize = 4;
    const FCS: usize = 3;
    let (Some(address), Some(control)) = (rest.u8(0), rest.be16(1)) else {
        return Err(short(rest));
    };
    if address & OTHER_PROTOCOL != 0 {
        return Err(Undecoded::NotIp);
    }
    if control >> 13 != UNCONFIRMED || !PACKETS.contains(&(address & 0x0f)) {
        return Err(Undecoded::LinkControl);
    }
    if control & CIPHERED != 0 {
        return Err(Undecoded::EncryptedGprs);
    }
    let Some((covered, sequence)) = rest.bytes.split_last_chunk::<FCS>() else {
        return Err(short(rest));
    };
    let covered = match control & ALL_PROTECTED {
        0 => covered.get(..HEADER + PROTECTED).unwrap_or(covered),
        _ => covered,
    };
    let [low, middle, high] = *sequence;
    if rest.cut > 0 {
        return Err(Undecoded::CutBeforeIp);
    }
    if check::crc24(covered) != u32::from_le_bytes([low, middle, high, 0]) {
        return Err(Undecoded::NotIp);
    }
    let end = rest.bytes.len() - FCS;
    packet(walk, address, skip(rest.bound(end), HEADER)?)
}

/// A packet, or a segment of one: first, kind, more, and a number of the line; then what compresses, and a
/// number of the packet.
fn packet<'a>(walk: &mut Walk<'a, '_>, address: u8, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const FIRST: u8 = 0x40;
    const UNCONFIRMED: u8 = 0x20;
    const MORE: u8 = 0x10;
    let flags = rest.u8(0).ok_or_else(|| short(rest))?;
    let first = flags & FIRST != 0;
    let compression = usize::from(first);
    let numbers = rest.be16(1 + compression).ok_or_else(|| short(rest))?;
    if flags & UNCONFIRMED == 0 {
        return Err(Undecoded::NotIp);
    }
    if first && rest.u8(1) != Some(0) {
        return Err(Undecoded::CompressedPpp);
    }
    let inside = skip(rest, 3 + compression)?;
    let more = flags & MORE != 0;
    let (segment, number) = (u32::from(numbers >> 12), numbers & 0x0fff);
    if first && !more {
        return match plausible::ip(inside) {
            true => Ok(Next::Ip(inside)),
            false => Err(Undecoded::NotIp),
        };
    }
    let line = u32::from(address) << 24 | u32::from(flags & 0x0f) << 16;
    let key = Key {
        lane: walk.lane(),
        kind: Kind::Sndcp,
        number: line | u32::from(number),
    };
    let streams = &mut walk.fragments.streams;
    let open = streams.take(walk.at, &key);
    let mut bytes = match open {
        _ if first => Vec::new(),
        Some(open) if open.number + 1 == segment => open.bytes,
        _ => return Err(Undecoded::LinkFragment),
    };
    bytes.extend_from_slice(inside.bytes);
    let joined = Rest {
        bytes: &bytes,
        cut: 0,
    };
    if more {
        walk.fragments.latest = ends(Next::Ip(joined));
        streams.put(Open {
            key,
            at: walk.at,
            number: segment,
            bytes,
        });
        return Err(Undecoded::LinkFragment);
    }
    // Telephones count alike, and which one it is stands in layers that are not captured.
    if !plausible::ip_exactly(joined) || !plausible::transport_checksum(joined) {
        return Err(Undecoded::NotIp);
    }
    let bytes = walk.keep(bytes)?;
    Ok(Next::Ip(Rest { bytes, cut: 0 }))
}
