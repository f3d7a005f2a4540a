//! PDCP (3GPP TS 36.323, 38.323) behind a text and fields, see [`super::radio`], and the keys of its users:
//! AES in counter mode (128-EEA2 and 128-NEA2, TS 33.401 B.1.3, TS 33.501 D.2.1.3), the one cipher that
//! Wireshark has as well. No code says that a key fits, so packets have to prove themselves.

use std::collections::VecDeque;

use super::super::given::Given;
use super::super::plausible;
use super::super::rest::Rest;
use super::super::tables::octets;
use super::super::walk::{Inner, Lane, Walk};
use super::radio::fields;
use crate::crypto::block;
use crate::frame::LinkType;
use crate::limits::Limits;

const USER: u8 = 2;
const SEQUENCE: u8 = 2;
const DIRECTION: u8 = 3;

/// A unit of a user, and what the fields say of it.
#[derive(Clone, Copy)]
pub(super) struct Unit<'a> {
    generation: Generation,
    user: u16,
    channel: u16,
    down: u8,
    /// Of its sequence number; none where it has no header.
    bits: Option<u8>,
    /// Bytes of SDAP (37.324) before the packet, which nothing ciphers.
    sdap: usize,
    /// Bytes of an integrity code behind it.
    code: usize,
    whole: Rest<'a>,
}

/// Whose numbers of users these are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::wire) enum Generation {
    Lte,
    Nr,
}

impl<'a> Unit<'a> {
    /// First whether there is a header, whose data it is, and whether it is compressed (ROHC, which is not undone).
    pub(super) fn lte(rest: Rest<'a>) -> Option<Self> {
        const CHANNEL: u8 = 13;
        const WHOSE: u8 = 14;
        let (no_header, plane, compressed) = (rest.u8(0)?, rest.u8(1)?, rest.u8(2)?);
        let (mut bits, mut down, mut channel, mut user) = (0, 0, 0, 0);
        let size = |number| match number {
            2..=5 | 7..=11 => Some(1),
            6 | 12..=14 => Some(2),
            _ => None,
        };
        let whole = fields(rest.after(3)?, size, |number, value, wide| match number {
            SEQUENCE => bits = value,
            DIRECTION => down = value & 1,
            CHANNEL => channel = wide,
            WHOSE => user = wide,
            _ => {}
        })?;
        let fits = plane == USER && compressed == 0 && no_header <= 1;
        fits.then_some(Self {
            generation: Generation::Lte,
            user,
            channel,
            down,
            bits: (no_header == 0).then_some(bits),
            sdap: 0,
            code: 0,
            whole,
        })
    }

    /// The same of 5G, where the plane alone comes first.
    pub(super) fn nr(rest: Rest<'a>) -> Option<Self> {
        const CHANNEL: u8 = 5;
        const WHOSE: u8 = 6;
        const COMPRESSED: u8 = 7;
        const INTEGRITY: u8 = 15;
        const SDAP: u8 = 16;
        const CODE: usize = 4;
        let plane = rest.u8(0)?;
        let (mut bits, mut down, mut sdap, mut code, mut compressed) = (0, 0, 0, 0, false);
        let (mut channel, mut user) = (0, 0);
        let size = |number| match number {
            2..=5 | 8 | 11 | 16 => Some(1),
            6 | 14 => Some(2),
            7 | 9 | 10 | 12 | 13 | 15 | 17 => Some(0),
            _ => None,
        };
        let whole = fields(rest.after(1)?, size, |number, value, wide| match number {
            SEQUENCE => bits = value,
            DIRECTION => down = value & 1,
            CHANNEL => channel = u16::from(value),
            WHOSE => user = wide,
            COMPRESSED => compressed = true,
            INTEGRITY => code = CODE,
            SDAP => sdap = value,
            _ => {}
        })?;
        (plane == USER && !compressed).then_some(Self {
            generation: Generation::Nr,
            user,
            channel,
            down,
            bits: Some(bits),
            sdap: usize::from(sdap >> down & 1),
            code,
            whole,
        })
    }

    /// What stands behind the header, and the sequence number: user data alone, which a bit tells.
    fn numbered(&self, bits: u8) -> Option<(u32, Rest<'a>)> {
        const DATA: u8 = 0x80;
        let first = self.whole.u8(0)?;
        if first & DATA == 0 {
            return None;
        }
        let (number, header) = match bits {
            7 => (u32::from(first), 1),
            12 | 15 => (u32::from(self.whole.be16(0)?), 2),
            18 => {
                let low = u32::from(self.whole.be16(1)?);
                (u32::from(first) << 16 | low, 3)
            }
            _ => return None,
        };
        let behind = self.whole.after(header + self.sdap)?;
        Some((number & ((1 << bits) - 1), behind))
    }

    /// The packet, if nothing ciphers it.
    pub(super) fn clear(&self) -> Option<Rest<'a>> {
        let Some(bits) = self.bits else {
            return Some(self.whole);
        };
        let (_, inside) = self.numbered(bits)?;
        Some(inside.bound(inside.wire_len().checked_sub(self.code)?))
    }
}

/// The key of a user's data.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(in crate::wire) struct Secret {
    generation: Generation,
    user: u16,
    key: [u8; 16],
}

impl Secret {
    /// From the number of a user and the key, as a line has them.
    pub(in crate::wire) fn of(
        generation: Generation,
        user: &[u8],
        key: &[u8],
    ) -> Result<Self, &'static str> {
        let user = str::from_utf8(user).ok().and_then(|user| user.parse().ok());
        let key = octets(key).and_then(|key| <[u8; 16]>::try_from(key).ok());
        Ok(Self {
            generation,
            user: user.ok_or("the user of a key of PDCP has a number up to 65535")?,
            key: key.ok_or("the key of user data of PDCP has 32 hexadecimal digits")?,
        })
    }
}

impl std::fmt::Debug for Secret {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The latest of one direction of a bearer that was opened.
#[derive(Debug)]
struct Latest {
    of: (Lane, Generation, u16, u16, u8),
    count: u32,
}

/// Keys that were given, and how far bearers are.
#[derive(Debug)]
pub(in crate::wire) struct Keys {
    pub(in crate::wire) given: Given<Secret>,
    /// The one opened longest ago first.
    bearers: VecDeque<Latest>,
    most_bearers: usize,
}

impl Keys {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            given: Given::new(limits.pdcp_keys),
            bearers: VecDeque::new(),
            most_bearers: limits.pdcp_bearers,
        }
    }

    fn open(&mut self, lane: Lane, unit: &Unit<'_>) -> Option<Inner> {
        let bits = unit.bits?;
        let (number, sealed) = unit.numbered(bits)?;
        // The identity of a bearer is counted from 0 (TS 33.401 B.1.1), its number here from 1.
        let bearer = u8::try_from(unit.channel.checked_sub(1)? & 0x1f).ok()?;
        let of = (lane, unit.generation, unit.user, unit.channel, unit.down);
        let place = self.bearers.iter().position(|latest| latest.of == of);
        let latest = place.and_then(|place| self.bearers.get(place));
        let count = latest.map_or(number, |latest| nearest(latest.count, number, bits));
        let mut first = [0; 16];
        let (counter, rest) = first.split_first_chunk_mut()?;
        *counter = count.to_be_bytes();
        *rest.first_mut()? = bearer << 3 | unit.down << 2;
        let packet = self.given.first_of(|secret| {
            let is_of = (secret.generation, secret.user) == (unit.generation, unit.user);
            let mut body = is_of.then(|| sealed.bytes.to_vec())?;
            block::ctr(&secret.key, &first, &mut body)?;
            body.truncate(body.len().checked_sub(unit.code)?);
            let proven = plausible::ip_alone(Rest {
                bytes: &body,
                cut: 0,
            });
            proven.then_some(body)
        })?;
        if let Some(place) = place {
            self.bearers.remove(place);
        } else if self.bearers.len() >= self.most_bearers {
            self.bearers.pop_front();
        }
        self.bearers.push_back(Latest { of, count });
        Some(Inner::whole(LinkType::RAW, packet))
    }
}

/// The count of which the low bits are a sequence number that comes nearest to the latest (36.323 5.1.2.1,
/// 38.323 5.2.2.1).
const fn nearest(latest: u32, number: u32, bits: u8) -> u32 {
    let round = 1_u32 << bits;
    let ahead = number.wrapping_sub(latest) & (round - 1);
    let next = latest.wrapping_add(ahead);
    match next.checked_sub(round) {
        Some(before) if ahead > round / 2 => before,
        _ => next,
    }
}

/// The packet that a key opens.
pub(super) fn packets(walk: &mut Walk<'_, '_>, rest: Rest<'_>) -> Option<Vec<Inner>> {
    let unit = super::radio::pdcp(rest).filter(|_| rest.cut == 0)?;
    // What no cipher has is read without keys.
    if unit.clear().is_some_and(plausible::ip_alone) {
        return None;
    }
    let lane = walk.lane();
    Some(vec![walk.fragments.pdcp_keys.open(lane, &unit)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round() {
        assert_eq!(nearest(127, 0, 7), 128);
        assert_eq!(nearest(129, 127, 7), 127);
        assert_eq!(nearest(0, 127, 7), 127);
        assert_eq!(nearest(u32::MAX, 1, 18), 1);
        assert_eq!(nearest(4_095 + 4_096, 4_090, 12), 4_090 + 4_096);
    }
}
