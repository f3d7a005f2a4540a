//! Radio link control of 3G (3GPP TS 25.322) behind a text and fields, see [`super::radio`]: packets of a
//! user in blocks of the radio's size, several in one and one in several. Without a cipher alone, so each has
//! to be IP alone.

use super::super::link::streams::{Key, Kind, Open};
use super::super::plausible;
use super::super::rest::Rest;
use super::super::walk::{Inner, Walk};
use super::radio;
use crate::frame::LinkType;

pub(super) const TEXT: &[u8] = b"umts-rlc";

const TRANSPARENT: u8 = 0;
const UNACKNOWLEDGED: u8 = 1;
const ACKNOWLEDGED: u8 = 2;

/// What the fields say of a block.
#[derive(Default)]
struct Said {
    mode: u8,
    bearer: u8,
    down: u8,
    /// Whether lengths have 15 bits.
    wide: Option<bool>,
    of_user: bool,
}

/// A block: its number, where packets in it end, and what there is of them.
struct Block<'a> {
    number: u32,
    /// How many numbers there are.
    round: u32,
    /// Whether the packet before it ended with the block before it, or a packet begins with it.
    fresh: bool,
    lengths: Vec<usize>,
    /// Whether the last packet ends with the block.
    ends: bool,
    data: Rest<'a>,
}

/// Packets that end in a block.
pub(super) fn packets(walk: &mut Walk<'_, '_>, rest: Rest<'_>) -> Option<Vec<Inner>> {
    const CHANNEL: u8 = 2;
    const MODE: u8 = 3;
    const DIRECTION: u8 = 4;
    const BEARER: u8 = 6;
    const LENGTHS: u8 = 7;
    const OF_USER: u8 = 4;
    let size = |number| match number {
        2..=4 | 6 | 7 => Some(1),
        5 => Some(4),
        _ => None,
    };
    let mut said = Said::default();
    let inside = radio::fields(
        rest.after(TEXT.len())?,
        size,
        |number, value, _| match number {
            CHANNEL => said.of_user = value == OF_USER,
            MODE => said.mode = value,
            DIRECTION => said.down = value & 1,
            BEARER => said.bearer = value,
            LENGTHS => said.wide = (value != 0).then_some(value == 2),
            _ => {}
        },
    )?;
    if !said.of_user || rest.cut > 0 {
        return None;
    }
    let block = match said.mode {
        TRANSPARENT => return Some(packet(inside.bytes).into_iter().collect()),
        UNACKNOWLEDGED => unacknowledged(&said, inside)?,
        ACKNOWLEDGED => acknowledged(&said, inside)?,
        _ => return None,
    };
    let key = Key {
        lane: walk.lane(),
        kind: Kind::Rlc,
        number: u32::from(said.bearer) << 8 | u32::from(said.mode) << 1 | u32::from(said.down),
    };
    let open = walk.fragments.streams.take(walk.at, &key);
    let goes_on = |open: &Open| (open.number + 1) % block.round == block.number;
    let mut bytes = open
        .filter(goes_on)
        .map_or_else(Vec::new, |open| open.bytes);
    let mut found = Vec::new();
    if block.fresh {
        // It ended with the block before, which could not say so.
        found.extend(packet(&bytes));
        bytes.clear();
    }
    let mut data = block.data.bytes;
    for length in block.lengths {
        let (part, left) = data.split_at_checked(length)?;
        bytes.extend_from_slice(part);
        found.extend(packet(&bytes));
        bytes.clear();
        data = left;
    }
    bytes.extend_from_slice(data);
    if block.ends {
        found.extend(packet(&bytes));
        bytes.clear();
    }
    walk.fragments.streams.put(Open {
        key,
        at: walk.at,
        number: block.number,
        bytes,
    });
    Some(found)
}

/// IP and nothing else.
fn packet(bytes: &[u8]) -> Option<Inner> {
    plausible::ip_alone(Rest { bytes, cut: 0 }).then(|| Inner::whole(LinkType::RAW, bytes.to_vec()))
}

/// A block that its receiver acknowledges: a bit for data, 12 bits of number, and two that say what comes next.
fn acknowledged<'a>(said: &Said, rest: Rest<'a>) -> Option<Block<'a>> {
    const DATA: u16 = 0x8000;
    const LENGTH_FOLLOWS: u16 = 1;
    const ENDS: u16 = 2;
    /// Above it lengths need 15 bits (25.322 9.2.2.8).
    const NARROW: usize = 126;
    let head = rest.be16(0)?;
    if head & DATA == 0 {
        return None;
    }
    let wide = said.wide.unwrap_or(rest.bytes.len() > NARROW);
    let number = u32::from(head >> 3 & 0x0fff);
    let follows = head & 0b11 == LENGTH_FOLLOWS;
    let block = lengths(rest.after(2)?, wide, follows)?;
    Some(Block {
        number,
        round: 4_096,
        ends: head & 0b11 == ENDS,
        ..block
    })
}

/// A block that nobody acknowledges: 7 bits of number, and one that says that a length follows.
fn unacknowledged<'a>(said: &Said, rest: Rest<'a>) -> Option<Block<'a>> {
    const NARROW: usize = 125;
    let head = rest.u8(0)?;
    let wide = said.wide.unwrap_or(rest.bytes.len() > NARROW);
    let block = lengths(rest.after(1)?, wide, head & 1 == 1)?;
    Some(Block {
        number: u32::from(head >> 1),
        round: 128,
        ..block
    })
}

/// Lengths (25.322 9.2.2.8), each with a bit for another one, and behind them the data. Some values mean
/// something else.
fn lengths(rest: Rest<'_>, wide: bool, follows: bool) -> Option<Block<'_>> {
    const PADDING: u16 = 0x7f;
    const STATUS: u16 = 0x7e;
    const BEGINS: u16 = 0x7c;
    const SPECIAL: u16 = 0x7b;
    let (mut rest, mut follows) = (rest, follows);
    let (mut lengths, mut fresh, mut padded) = (Vec::new(), false, false);
    while follows {
        let (field, size) = match wide {
            true => (rest.be16(0)?, 2),
            false => (u16::from(rest.u8(0)?), 1),
        };
        rest = rest.after(size)?;
        follows = field & 1 == 1;
        // The wide form of a special value has ones before it.
        let value = field >> 1;
        let special = if wide {
            value.wrapping_sub(0x7f80)
        } else {
            value
        };
        match special {
            PADDING | STATUS => padded = true,
            BEGINS => fresh = true,
            _ if value == 0 => fresh = true,
            SPECIAL..=0x7f => return None,
            _ => lengths.push(usize::from(value)),
        }
    }
    if padded {
        rest = rest.bound(lengths.iter().sum());
    }
    Some(Block {
        number: 0,
        round: 1,
        fresh,
        lengths,
        ends: false,
        data: rest,
    })
}
