//! What stands inside pcapng blocks: options, interfaces and their clocks, name records. Pure.

use std::net::IpAddr;

use crate::capture::window::Order;
use crate::frame::{Crossing, NameHint};

/// Interface and process names are shown to people, so longer ones are cut.
const MAX_NAME: usize = 256;
/// Names taken from one record; a host with more aliases is not worth the memory.
const MAX_NAMES: usize = 16;

/// The options at the end of a block: code, offset of the value in what was given, value.
pub(super) struct Options<'a> {
    order: Order,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Options<'a> {
    pub(super) fn new(order: Order, bytes: &'a [u8], at: usize) -> Self {
        Self { order, bytes, at }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, usize, &'a [u8]);

    /// Ends at opt_endofopt, at the end of the block, or at an option that does not fit into it.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at + 4;
        self.bytes.get(self.at..start)?;
        let code = self.order.u16(self.bytes, self.at);
        let len = usize::from(self.order.u16(self.bytes, self.at + 2));
        if code == 0 {
            return None;
        }
        let value = self.bytes.get(start..start + len)?;
        self.at = start + len.next_multiple_of(4);
        Some((code, start, value))
    }
}

/// How an interface counts time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Clock {
    unit: Unit,
    /// `if_tsoffset`: nanoseconds to add.
    offset: i64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Micros,
    Nanos,
    /// 10^-n seconds.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

impl Clock {
    /// `resolution` is the option byte: the high bit chooses powers of two.
    pub(super) fn new(resolution: u8, offset_secs: i64) -> Self {
        let unit = match (resolution & 0x80 != 0, resolution & 0x7f) {
            (false, 6) => Unit::Micros,
            (false, 9) => Unit::Nanos,
            (false, exponent) => Unit::Decimal(exponent),
            (true, exponent) => Unit::Binary(exponent),
        };
        Self {
            unit,
            offset: offset_secs.saturating_mul(1_000_000_000),
        }
    }

    /// Nanoseconds since the epoch, saturating. Ticks are unsigned by the book, but no clock runs past
    /// 2^63 of them, and some writers put times before 1970 there in two's complement.
    #[inline]
    pub(super) fn nanos(self, ticks: u64) -> i64 {
        let ticks = ticks.cast_signed();
        let scale = |divisor: Option<i128>| {
            // Past what fits, all 2^64 ticks are less than a nanosecond.
            let nanos = divisor.map_or(0, |divisor| i128::from(ticks) * 1_000_000_000 / divisor);
            i64::try_from(nanos).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
        };
        let nanos = match self.unit {
            Unit::Nanos => ticks,
            Unit::Micros => ticks.saturating_mul(1_000),
            Unit::Decimal(exponent) => scale(10_i128.checked_pow(exponent.into())),
            Unit::Binary(exponent) => scale(2_i128.checked_pow(exponent.into())),
        };
        nanos.saturating_add(self.offset)
    }
}

/// What an interface description block says.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) link: u32,
    pub(super) snaplen: u32,
    pub(super) name: Option<String>,
    pub(super) filter: Option<String>,
    pub(super) clock: Clock,
    /// Packets lost so far by its statistics blocks, which count from the start.
    pub(super) dropped: u64,
}

impl Interface {
    /// From the body: link type, two reserved bytes, snap length, options.
    pub(super) fn parse(order: Order, body: &[u8]) -> Option<Self> {
        body.get(..8)?;
        let (mut name, mut description, mut filter) = (None, None, None);
        let (mut resolution, mut offset) = (6, 0);
        for (code, _, value) in Options::new(order, body, 8) {
            match (code, value) {
                (2, value) => name = text(value),
                (3, value) => description = text(value),
                (9, [exponent, ..]) => resolution = *exponent,
                // The first byte says how the filter is written; 0 is the text libpcap reads.
                (11, [0, value @ ..]) => filter = text(value),
                (14, value) if value.len() >= 8 => {
                    offset = i64::from_ne_bytes(order.u64(value, 0).to_ne_bytes());
                }
                _ => {}
            }
        }
        // Windows names are GUIDs; the description is what its user calls the card.
        if description.is_some()
            && name
                .as_deref()
                .is_none_or(|name| name.starts_with("\\Device\\"))
        {
            name = description;
        }
        Some(Self {
            link: order.u16(body, 0).into(),
            snaplen: order.u32(body, 4),
            name,
            filter,
            clock: Clock::new(resolution, offset),
            dropped: 0,
        })
    }
}

/// The next name record from `at`, which moves past it; `None` at the end of the records.
pub(super) fn next_name(order: Order, body: &[u8], at: &mut usize) -> Option<NameHint> {
    loop {
        let start = at.checked_add(4)?;
        body.get(*at..start)?;
        let kind = order.u16(body, *at);
        let len = usize::from(order.u16(body, *at + 2));
        let value = body.get(start..start + len)?;
        if kind == 0 {
            return None;
        }
        *at = start + len.next_multiple_of(4);
        let (address, names): (IpAddr, &[u8]) = match kind {
            1 => match value.split_first_chunk::<4>() {
                Some((address, names)) => ((*address).into(), names),
                None => continue,
            },
            2 => match value.split_first_chunk::<16>() {
                Some((address, names)) => ((*address).into(), names),
                None => continue,
            },
            _ => continue,
        };
        let names: Vec<String> = names
            .split(|byte| *byte == 0)
            .filter_map(text)
            .take(MAX_NAMES)
            .collect();
        if !names.is_empty() {
            return Some(NameHint { address, names });
        }
    }
}

/// Direction bits of `epb_flags`.
pub(super) fn crossing(flags: u32) -> Option<Crossing> {
    match flags & 3 {
        1 => Some(Crossing::Inbound),
        2 => Some(Crossing::Outbound),
        _ => None,
    }
}

/// Text for people: up to the first NUL, valid UTF-8, of bounded length.
pub(super) fn text(value: &[u8]) -> Option<String> {
    let value = value.split(|byte| *byte == 0).next().unwrap_or(&[]);
    let value = value.get(..MAX_NAME).unwrap_or(value);
    (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_every_resolution_give_nanoseconds() {
        for (resolution, offset, ticks, nanos) in [
            (0, 0, 5, 5_000_000_000),
            (3, 0, 1_234, 1_234_000_000),
            (6, 0, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
            (6, 10, 1, 10_000_001_000),
            (9, -1, 1, -999_999_999),
            (12, 0, 5_999, 5),
            (0x80, 0, 7, 7_000_000_000),
            (0x80 | 20, 0, (1 << 20) * 3 + (1 << 19), 3_500_000_000),
            (0x80 | 127, 0, u64::MAX, 0),
            (127, 0, u64::MAX, 0),
            (0, 0, u64::MAX >> 1, i64::MAX),
            (6, i64::MAX, u64::MAX >> 1, i64::MAX),
            (6, 0, u64::MAX - 499_999, -500_000_000),
            (3, 0, u64::MAX - 4, -5_000_000),
            (0, 0, 1 << 63, i64::MIN),
        ] {
            assert_eq!(
                Clock::new(resolution, offset).nanos(ticks),
                nanos,
                "resolution {resolution:#x}"
            );
        }
    }

    #[test]
    fn options_stop_where_they_stop_making_sense() {
        let bytes = [1, 0, 3, 0, b'a', b'b', b'c', 0, 2, 0, 0, 0, 9, 0, 200, 0, 1];
        let codes: Vec<(u16, usize)> = Options::new(Order::Little, &bytes, 0)
            .map(|(code, _, value)| (code, value.len()))
            .collect();
        assert_eq!(codes, [(1, 3), (2, 0)]);
    }
}
