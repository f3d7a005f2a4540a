//! Compressed IPv6 and UDP headers (RFC 6282), made whole again. Traffic class and flow label are left zero:
//! nothing here asks for them.

use super::super::super::ip::protocol;
use super::super::super::rest::Rest;
use super::Ends;

/// IPv6 in IPv6 goes no deeper: a tunnel of a router (RPL) has one.
const DEEP: usize = 3;
const IPV6_HEADER: usize = 40;

/// The packet, whose headers say the length that `size` or the wire gave it. None for what breaks the grammar.
pub(super) fn open(ends: Ends, rest: Rest<'_>, size: Option<usize>) -> Option<Vec<u8>> {
    let mut this = Opening {
        rest,
        whole: Vec::new(),
        headers: Vec::new(),
        next_at: 0,
    };
    let mut ends = ends;
    for _ in 0..DEEP {
        let inner = this.ipv6(ends)? && this.extensions()?;
        if !inner {
            return this.finish(size);
        }
        // The addresses of the outer header stand for the two ends of the link (section 4.2).
        ends = this.ends()?;
    }
    None
}

struct Opening<'a> {
    rest: Rest<'a>,
    whole: Vec<u8>,
    /// Where headers stand that hold a length, each with its place from the header's start on and what the
    /// length does not count.
    headers: Vec<(usize, usize, usize)>,
    /// Where the number of the next header goes.
    next_at: usize,
}

impl Opening<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let found = self.rest.array(0)?;
        self.rest = self.rest.after(N)?;
        Some(found)
    }

    /// Reads the base header; tells whether the next header is compressed as well.
    fn ipv6(&mut self, ends: Ends) -> Option<bool> {
        const COMPRESSED_NEXT: u8 = 0x04;
        const CONTEXTS: u8 = 0x80;
        let [first, second] = self.take::<2>()?;
        if first >> 5 != 0b011 {
            return None;
        }
        if second & CONTEXTS != 0 {
            self.take::<1>()?;
        }
        self.rest = self.rest.after(match first >> 3 & 0b11 {
            0 => 4,
            1 => 3,
            2 => 1,
            _ => 0,
        })?;
        let compressed_next = first & COMPRESSED_NEXT != 0;
        let next = if compressed_next {
            0
        } else {
            u8::from_be_bytes(self.take()?)
        };
        let hops = match first & 0b11 {
            0 => u8::from_be_bytes(self.take()?),
            1 => 1,
            2 => 64,
            _ => 255,
        };
        let source = self.source(second, ends.source)?;
        let destination = self.destination(second, ends.destination)?;
        let at = self.whole.len();
        self.headers.push((at, 4, IPV6_HEADER));
        self.next_at = at + 6;
        self.whole.extend([0x60, 0, 0, 0, 0, 0, next, hops]);
        self.whole.extend(source.to_be_bytes());
        self.whole.extend(destination.to_be_bytes());
        Some(compressed_next)
    }

    fn source(&mut self, second: u8, end: Option<u64>) -> Option<u128> {
        match (second & 0x40 != 0, second >> 4 & 0b11) {
            (true, 0) => Some(0),
            (by_context, mode) => self.unicast(by_context, mode, end),
        }
    }

    fn destination(&mut self, second: u8, end: Option<u64>) -> Option<u128> {
        let by_context = second & 0x04 != 0;
        let mode = second & 0b11;
        if second & 0x08 == 0 {
            return match (by_context, mode) {
                (true, 0) => None,
                _ => self.unicast(by_context, mode, end),
            };
        }
        let multicast = |scope: u8, group: u128| 0xff << 120 | u128::from(scope) << 112 | group;
        let whole = |bytes: &[u8]| bytes.iter().fold(0, |sum, &it| sum << 8 | u128::from(it));
        match (by_context, mode) {
            (false, 0) => self.take().map(u128::from_be_bytes),
            (false, 1) => self
                .take::<6>()
                .map(|[scope, group @ ..]| multicast(scope, whole(&group))),
            (false, 2) => self
                .take::<4>()
                .map(|[scope, group @ ..]| multicast(scope, whole(&group))),
            (false, _) => self
                .take::<1>()
                .map(|[group]| multicast(2, u128::from(group))),
            // With a prefix of the context in it (RFC 3306).
            (true, 0) => {
                let [scope, router, group @ ..] = self.take::<6>()?;
                Some(multicast(scope, u128::from(router) << 104 | whole(&group)))
            }
            (true, _) => None,
        }
    }

    /// An address of which the prefix is that of the link, or one that routers told in other frames: zero
    /// stands for that.
    fn unicast(&mut self, by_context: bool, mode: u8, end: Option<u64>) -> Option<u128> {
        const LINK_LOCAL: u128 = 0xfe80 << 112;
        let identifier = match mode {
            0 => return self.take().map(u128::from_be_bytes),
            1 => self.take().map(u64::from_be_bytes)?,
            2 => super::of_short(self.take().map(u16::from_be_bytes)?),
            _ => end.unwrap_or(0),
        };
        let prefix = if by_context { 0 } else { LINK_LOCAL };
        Some(prefix | u128::from(identifier))
    }

    /// Reads compressed headers behind the base header; tells whether the last is of IPv6 again.
    fn extensions(&mut self) -> Option<bool> {
        loop {
            let first = u8::from_be_bytes(self.take()?);
            if first >> 3 == 0b11110 {
                self.udp(first)?;
                return Some(false);
            }
            if first >> 4 != 0b1110 {
                return None;
            }
            let number = match first >> 1 & 0b111 {
                0 => protocol::HOP_BY_HOP,
                1 => protocol::ROUTING,
                2 => protocol::FRAGMENT,
                3 => protocol::DESTINATION,
                7 => {
                    self.say_next(protocol::IPV6)?;
                    return Some(true);
                }
                _ => return None,
            };
            self.say_next(number)?;
            let compressed_next = first & 1 != 0;
            let next = if compressed_next {
                0
            } else {
                u8::from_be_bytes(self.take()?)
            };
            self.extension(number, next)?;
            if !compressed_next {
                return Some(false);
            }
        }
    }

    /// Reads an extension header, whose length counts bytes and which needs no padding at its end.
    fn extension(&mut self, number: u8, next: u8) -> Option<()> {
        let length = usize::from(u8::from_be_bytes(self.take()?));
        let body = self.rest.bytes.get(..length)?;
        self.next_at = self.whole.len();
        let size = (2 + length).next_multiple_of(8);
        // A fragment header has zero where others have their length.
        let words = match number {
            protocol::FRAGMENT => 0,
            _ => u8::try_from(size / 8 - 1).ok()?,
        };
        self.whole.extend([next, words]);
        self.whole.extend_from_slice(body);
        self.rest = self.rest.after(length)?;
        match size - 2 - length {
            0 => {}
            1 => self.whole.push(0),
            // PadN.
            padding => {
                self.whole.extend([1, u8::try_from(padding - 2).ok()?]);
                self.whole.extend(std::iter::repeat_n(0, padding - 2));
            }
        }
        Some(())
    }

    /// Reads a UDP header (section 4.3), perhaps without its checksum.
    fn udp(&mut self, first: u8) -> Option<()> {
        const NO_CHECKSUM: u8 = 0x04;
        const WIDE: u16 = 0xf000;
        const NARROW: u16 = 0xf0b0;
        self.say_next(protocol::UDP)?;
        let (source, destination) = match first & 0b11 {
            0 => {
                let source = u16::from_be_bytes(self.take()?);
                (source, u16::from_be_bytes(self.take()?))
            }
            1 => {
                let source = u16::from_be_bytes(self.take()?);
                (source, WIDE | u16::from(u8::from_be_bytes(self.take()?)))
            }
            2 => {
                let source = WIDE | u16::from(u8::from_be_bytes(self.take()?));
                (source, u16::from_be_bytes(self.take()?))
            }
            _ => {
                let both = u16::from(u8::from_be_bytes(self.take()?));
                (NARROW | both >> 4, NARROW | both & 0x0f)
            }
        };
        let sum = match first & NO_CHECKSUM {
            0 => u16::from_be_bytes(self.take()?),
            _ => 0,
        };
        self.headers.push((self.whole.len(), 4, 0));
        for field in [source, destination, 0, sum] {
            self.whole.extend(field.to_be_bytes());
        }
        Some(())
    }

    fn say_next(&mut self, number: u8) -> Option<()> {
        *self.whole.get_mut(self.next_at)? = number;
        Some(())
    }

    /// The identifiers of the base header that was read last.
    fn ends(&self) -> Option<Ends> {
        let (at, ..) = *self.headers.last()?;
        let rest = Rest {
            bytes: self.whole.get(at..)?,
            cut: 0,
        };
        let identifier = |at| rest.array(at).map(u64::from_be_bytes);
        Some(Ends {
            source: identifier(16),
            destination: identifier(32),
        })
    }

    /// Writes the lengths and what was not compressed.
    fn finish(mut self, size: Option<usize>) -> Option<Vec<u8>> {
        let size = size.unwrap_or(self.whole.len() + self.rest.wire_len());
        for &(at, field, apart) in &self.headers {
            let length = u16::try_from(size.checked_sub(at + apart)?).ok()?;
            let field = self.whole.get_mut(at + field..at + field + 2)?;
            field.copy_from_slice(&length.to_be_bytes());
        }
        if size < self.whole.len() {
            return None;
        }
        self.whole.extend_from_slice(self.rest.bytes);
        Some(self.whole)
    }
}
