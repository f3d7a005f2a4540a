//! Bluetooth Low Energy as sniffers hear it (Core 5.4, volume 6 part B 2): an access address that stands for
//! the connection, and a header that says whether an L2CAP packet begins. Where a sniffer does not tell which
//! end sends, packets have to prove themselves.

use super::super::super::Undecoded;
use super::super::super::rest::Rest;
use super::super::super::walk::{Next, Walk};
use super::super::{short, skip};
use super::acl;

/// From the access address on.
pub(in crate::wire::link) fn packet<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const ADVERTISING: u32 = 0x8e89_bed6;
    const HEADER: usize = 6;
    let (Some(connection), Some(first), Some(length)) = (rest.le32(0), rest.u8(4), rest.u8(5))
    else {
        return Err(short(rest));
    };
    if connection == ADVERTISING {
        return Err(Undecoded::LinkControl);
    }
    walk.session = connection;
    let inside = skip(rest, HEADER)?;
    acl::of_kind(walk, first & 0b11, usize::from(length), inside)
}

/// Behind channel, signal, noise, errors, an address and flags (LINKTYPE_BLUETOOTH_LE_LL_WITH_PHDR).
pub(in crate::wire::link) fn with_header<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const TYPE: u16 = 0x0380;
    const BY_CENTRAL: u16 = 0x0100;
    const BY_PERIPHERAL: u16 = 0x0180;
    let flags = rest.le16(8).ok_or_else(|| short(rest))?;
    walk.central = match flags & TYPE {
        BY_CENTRAL => Some(true),
        BY_PERIPHERAL => Some(false),
        _ => None,
    };
    packet(walk, skip(rest, 10)?)
}

/// Behind what Nordic's sniffer says (LINKTYPE_NORDIC_BLE): a board, lengths, a kind of message, and of
/// packets flags and when they came.
pub(in crate::wire::link) fn nordic<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const CENTRAL: u8 = 0x02;
    const ENCRYPTED: u8 = 0x04;
    const DECRYPTED: u8 = 0x08;
    /// Version 1 calls both so, later ones advertisements and data.
    const PACKETS: [u8; 2] = [0x02, 0x06];
    let (Some(version), Some(kind)) = (rest.u8(3), rest.u8(6)) else {
        return Err(short(rest));
    };
    if !matches!(version, 1..=3) {
        return Err(Undecoded::NotIp);
    }
    if !PACKETS.contains(&kind) {
        return Err(Undecoded::LinkControl);
    }
    let message = skip(rest, 7)?;
    let (Some(header), Some(flags)) = (message.u8(0), message.u8(1)) else {
        return Err(short(message));
    };
    if flags & (ENCRYPTED | DECRYPTED) == ENCRYPTED {
        return Err(Undecoded::EncryptedBluetooth);
    }
    let heard = skip(message, usize::from(header))?;
    walk.central = Some(flags & CENTRAL != 0);
    packet(walk, heard)
}
