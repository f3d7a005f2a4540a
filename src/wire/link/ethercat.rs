//! Ethernet over EtherCAT (ETG.1000.4, ETG.1000.6 5.7): frames in pieces, in mailboxes among the memory that
//! a bus of machines passes round. What is no mailbox is memory of any form, so lengths and numbers have to
//! fit, and what is joined has to be Ethernet.

use super::super::rest::Rest;
use super::super::walk::{Inner, Next, Walk};
use super::super::{Undecoded, plausible};
use super::streams::{Key, Kind, Open};
use super::{ends, short};
use crate::frame::LinkType;

const ETHERNET: LinkType = LinkType(1);

/// A frame with an EtherType.
pub(super) fn frame<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    walk.peel()?;
    let found = units(walk, rest).ok_or_else(|| short(rest))?;
    let waits = walk.fragments.latest.is_some();
    match walk.several(found)? {
        Some(next) => Ok(next),
        None if waits => Err(Undecoded::LinkFragment),
        None => Err(Undecoded::NotIp),
    }
}

/// What ends in a frame: a length, and what it is, telegrams or a mailbox on its way to the bus.
pub(in crate::wire) fn units(walk: &mut Walk<'_, '_>, rest: Rest<'_>) -> Option<Vec<Inner>> {
    const TELEGRAMS: u16 = 1;
    const MAILBOX: u16 = 5;
    let field = rest.le16(0)?;
    let inside = rest.after(2)?.bound(usize::from(field & 0x07ff));
    let mut found = Vec::new();
    match field >> 12 {
        TELEGRAMS => {
            let _ = telegrams(walk, inside, &mut found);
        }
        MAILBOX => found.extend(mailbox(walk, inside)),
        _ => {}
    }
    Some(found)
}

/// Telegrams one after the other: command, number, address, length with a bit for more; behind the memory how
/// many stations took part.
fn telegrams(walk: &mut Walk<'_, '_>, rest: Rest<'_>, found: &mut Vec<Inner>) -> Option<()> {
    const HEADER: usize = 10;
    const COUNTER: usize = 2;
    const MORE: u16 = 0x8000;
    let mut rest = rest;
    loop {
        let field = rest.le16(6)?;
        let length = usize::from(field & 0x07ff);
        let memory = rest.after(HEADER)?.bound(length);
        let taken = rest.le16(HEADER + length)?;
        // A frame goes round and comes back: only then it was written or read.
        if taken != 0 {
            found.extend(mailbox(walk, memory));
        }
        if field & MORE == 0 {
            return Some(());
        }
        rest = rest.after(HEADER + length + COUNTER)?;
    }
}

/// A mailbox: length, station, channel, kind; a kind of Ethernet, which piece, where it belongs, and the
/// number of the frame.
fn mailbox(walk: &mut Walk<'_, '_>, rest: Rest<'_>) -> Option<Inner> {
    const HEADER: usize = 6;
    const PIECE: usize = 4;
    const ETHERNET_KIND: u8 = 2;
    const FRAGMENT: u16 = 0;
    const LAST: u16 = 0x0100;
    const TIME: u16 = 0x0200;
    /// Places count in such steps.
    const STEP: usize = 32;
    const MOST: usize = 1_522;
    let (length, station) = (usize::from(rest.le16(0)?), rest.le16(2)?);
    let (kind, flags, place) = (rest.u8(5)?, rest.le16(6)?, rest.le16(8)?);
    if kind & 0x0f != ETHERNET_KIND || flags & 0x0f != FRAGMENT || length <= PIECE {
        return None;
    }
    let piece = rest.after(HEADER + PIECE)?.bound(length - PIECE);
    if HEADER + length > rest.wire_len() || piece.cut > 0 {
        return None;
    }
    let (number, offset) = (place & 0x3f, usize::from(place >> 6 & 0x3f) * STEP);
    let key = Key {
        lane: walk.lane().line(),
        kind: Kind::EtherCat,
        // Port and frame; who reads from a station and who writes to it count alike.
        number: u32::from(station) << 16 | u32::from(flags & 0xf0) << 8 | u32::from(place >> 12),
    };
    let open = walk.fragments.streams.take(walk.at, &key);
    let mut bytes = match (number, open) {
        // In the first piece stands how much room all of it takes.
        (0, _) if offset <= MOST.next_multiple_of(STEP) => Vec::new(),
        (1.., Some(open)) if open.number + 1 == u32::from(number) && open.bytes.len() == offset => {
            open.bytes
        }
        _ => return None,
    };
    bytes.extend_from_slice(piece.bytes);
    let joined = Rest {
        bytes: &bytes,
        cut: 0,
    };
    if flags & LAST == 0 {
        let whose = ends(Next::Ethernet(joined));
        if bytes.len() <= MOST && whose.is_some() {
            walk.fragments.latest = whose;
            walk.fragments.streams.put(Open {
                key,
                at: walk.at,
                number: number.into(),
                bytes,
            });
        }
        return None;
    }
    // A time stamp behind it.
    if flags & TIME != 0 {
        bytes.truncate(bytes.len().saturating_sub(4));
    }
    let frame = Rest {
        bytes: &bytes,
        cut: 0,
    };
    plausible::ethernet(frame).then(|| Inner::whole(ETHERNET, bytes))
}
