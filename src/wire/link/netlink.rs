//! Packets that Linux hands to programs: the netfilter log as a link type, and its messages and those of
//! queues on the monitor of netlink (`linux/netlink.h`, `nfnetlink_log.h`, `nfnetlink_queue.h`). Numbers are
//! in the byte order of the capturing host.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::{short, skip, source};

/// The header of cooked captures, with a netlink family for the protocol.
const COOKED: usize = 16;
const NETFILTER: u16 = 12;
const MESSAGE: usize = 16;

/// Numbers of attributes, and where the EtherType is in the first of them; which hook it was stands behind.
#[derive(Clone, Copy)]
struct Numbers {
    header: u16,
    protocol: usize,
    hardware: u16,
    payload: u16,
}

const LOG: Numbers = Numbers {
    header: 1,
    protocol: 0,
    hardware: 8,
    payload: 9,
};
const QUEUE: Numbers = Numbers {
    header: 1,
    protocol: 4,
    hardware: 9,
    payload: 10,
};

/// A link of netlink: the first of its messages. [`messages`] gives them all.
pub(super) fn frame<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let family = rest.be16(14).ok_or_else(|| short(rest))?;
    first(walk, family, skip(rest, COOKED)?)
}

/// The same behind other cooked headers.
pub(super) fn first<'a>(
    walk: &mut Walk<'a, '_>,
    family: u16,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    match family {
        NETFILTER => message(walk, rest),
        _ => Err(Undecoded::NotIp),
    }
}

/// The messages of netfilter in a frame; None for all other frames.
pub(super) fn messages(rest: Rest<'_>) -> Option<impl Iterator<Item = Rest<'_>>> {
    let mut left = Some(rest.after(COOKED)?);
    let all = std::iter::from_fn(move || {
        let this = left.take()?;
        let (length, _) = header(this)?;
        left = this.after(length.next_multiple_of(4));
        Some(this.bound(length))
    });
    (rest.be16(14)? == NETFILTER).then_some(all)
}

/// One message: a packet that is logged, or that a program is asked about; its answer is no packet.
pub(super) fn message<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const QUEUED: u16 = 0x0300;
    const LOGGED: u16 = 0x0400;
    let (length, kind) = header(rest).ok_or_else(|| short(rest))?;
    let numbers = match kind {
        QUEUED => QUEUE,
        LOGGED => LOG,
        _ => return Err(Undecoded::NotIp),
    };
    let inside = skip(rest.bound(length), MESSAGE)?;
    packet(walk, numbers, inside)
}

/// Length and kind of a message, in whichever byte order fits.
fn header(rest: Rest<'_>) -> Option<(usize, u16)> {
    let fits = |length: u32| {
        let length = usize::try_from(length).ok()?;
        (MESSAGE..=rest.wire_len())
            .contains(&length)
            .then_some(length)
    };
    match fits(rest.le32(0)?) {
        Some(length) => Some((length, rest.le16(4)?)),
        None => Some((fits(rest.be32(0)?)?, rest.be16(4)?)),
    }
}

/// The netfilter log as a link type of its own.
pub(super) fn log<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    packet(walk, LOG, rest)
}

/// The family of addresses, and attributes with length and type.
fn packet<'a>(
    walk: &mut Walk<'a, '_>,
    numbers: Numbers,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const BRIDGE: u8 = 7;
    let bridged = rest.u8(0).ok_or_else(|| short(rest))? == BRIDGE;
    let mut rest = skip(rest, 4)?;
    let mut protocol = 0;
    loop {
        let (length, kind) = attribute(rest)?;
        let value = skip(rest, 4)?.bound(length - 4);
        if kind == numbers.header {
            protocol = value.be16(numbers.protocol).unwrap_or_default();
            walk.by_this_host = match value.u8(numbers.protocol + 2) {
                // Before routing, or delivered here.
                Some(0 | 1) => Some(false),
                // Made here.
                Some(3) => Some(true),
                // Forwarded, or leaving: of either origin.
                _ => walk.by_this_host,
            };
        } else if kind == numbers.hardware && value.be16(0) == Some(6) {
            walk.mac = value.array(4).and_then(source);
        } else if kind == numbers.payload {
            // Whoever asked for packets said how much of each.
            let value = value.mirrored();
            // A bridge says what its EtherType says; the other families have IP.
            return Ok(match bridged {
                true => Next::EtherType(protocol, value),
                false => Next::Ip(value),
            });
        }
        // Attributes are padded to a multiple of four.
        rest = skip(rest, length.next_multiple_of(4))?;
    }
}

/// Length and type of the first attribute, in whichever byte order fits: length counts its own header.
fn attribute(rest: Rest<'_>) -> Result<(usize, u16), Undecoded> {
    let (Some(little), Some(big)) = (rest.le16(0), rest.be16(0)) else {
        return Err(short(rest));
    };
    let fits = |length: u16| length >= 4 && usize::from(length) <= rest.wire_len();
    match (fits(little), fits(big)) {
        (true, true) if big < little => Ok((usize::from(big), rest.be16(2).unwrap_or_default())),
        (true, _) => Ok((usize::from(little), rest.le16(2).unwrap_or_default())),
        (_, true) => Ok((usize::from(big), rest.be16(2).unwrap_or_default())),
        _ => Err(Undecoded::BadLink),
    }
}
