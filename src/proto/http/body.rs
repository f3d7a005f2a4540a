//! Bodies of HTTP/1.x messages (RFC 9112 6 and 7): where they end, and the bytes of those that are kept.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::event;
use crate::proto::Context;

use super::head::Coding;

/// What to do with the bytes of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Keep {
    /// Count them.
    No,
    /// Keep up to so many.
    UpTo(usize),
    /// Keep up to so many if the first one is the tag of a DER SEQUENCE.
    DerUpTo(usize),
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// The end of the connection.
    UntilClose,
}

/// Where in the chunked coding (RFC 9112 7.1) the next byte is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Chunked {
    /// In the digits of a chunk size.
    Size { value: u64, digits: u8 },
    /// In the rest of that line.
    Extension { size: u64 },
    /// In the data, with so many bytes still to come.
    Data(u64),
    /// In the line end behind the data.
    DataEnd,
    /// In the trailer section; `blank` while the line has no character yet.
    Trailer { blank: bool },
}

impl Chunked {
    pub(super) const START: Self = Self::Size {
        value: 0,
        digits: 0,
    };
}

/// A body being read.
#[derive(Debug)]
pub(super) struct Body {
    framing: Framing,
    keep: Keep,
    kept: Vec<u8>,
    /// Why nothing can be kept although it should be.
    lost: Option<Lost>,
    gapless: bool,
    len: u64,
}

/// Why the bytes of a kept body are not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lost {
    /// Some were not captured.
    Gap,
    /// There were too many.
    Limit,
    /// They unpack to more than what is sought can come from.
    Bomb,
    /// Their coding could not be undone.
    Coding,
}

/// How far one call of [`Body::feed`] came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fed {
    /// All bytes belonged to the body.
    All,
    /// The body ended after so many.
    End(usize),
    /// The chunked coding is broken.
    Broken,
}

impl Body {
    pub(super) fn new(framing: Framing, keep: Keep) -> Self {
        Self {
            framing,
            keep,
            kept: Vec::new(),
            lost: None,
            gapless: true,
            len: 0,
        }
    }

    /// Body bytes so far, as sent: transfer coding undone, content coding not.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether only the end of the connection ends it.
    pub(super) fn is_until_close(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    /// Whether its bytes were asked for.
    pub(super) fn is_kept(&self) -> bool {
        self.keep != Keep::No
    }

    /// Whether no byte so far is missing.
    pub(super) fn is_gapless(&self) -> bool {
        self.gapless
    }

    /// Takes bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], cx: &mut Context) -> Fed {
        match self.framing {
            Framing::Length(left) => {
                let (mine, ended) = match usize::try_from(left) {
                    Ok(left) if left <= bytes.len() => (left, true),
                    _ => (bytes.len(), false),
                };
                self.framing = Framing::Length(left - mine as u64);
                self.store(bytes.get(..mine).unwrap_or_default(), cx);
                if ended { Fed::End(mine) } else { Fed::All }
            }
            Framing::UntilClose => {
                self.store(bytes, cx);
                Fed::All
            }
            Framing::Chunked(state) => self.feed_chunked(state, bytes, cx),
        }
    }

    fn feed_chunked(&mut self, mut state: Chunked, bytes: &[u8], cx: &mut Context) -> Fed {
        let mut rest = bytes;
        loop {
            if let Chunked::Data(size) = state {
                let mine = usize::try_from(size).map_or(rest.len(), |size| size.min(rest.len()));
                let (data, tail) = rest.split_at(mine);
                self.store(data, cx);
                rest = tail;
                state = match size - mine as u64 {
                    0 => Chunked::DataEnd,
                    left => Chunked::Data(left),
                };
            }
            self.framing = Framing::Chunked(state);
            let [byte, tail @ ..] = rest else {
                return Fed::All;
            };
            rest = tail;
            state = match (state, byte) {
                (Chunked::Size { value, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                    let digit = char::from(*byte).to_digit(16).unwrap_or_default();
                    if digits == 15 {
                        return Fed::Broken;
                    }
                    Chunked::Size {
                        value: value << 4 | u64::from(digit),
                        digits: digits + 1,
                    }
                }
                (Chunked::Size { digits: 0, .. }, _) => return Fed::Broken,
                (Chunked::Size { value: 0, .. } | Chunked::Extension { size: 0 }, b'\n') => {
                    Chunked::Trailer { blank: true }
                }
                (Chunked::Size { value: size, .. } | Chunked::Extension { size }, b'\n') => {
                    Chunked::Data(size)
                }
                (Chunked::Size { value: size, .. }, b'\r' | b';' | b' ' | b'\t') => {
                    Chunked::Extension { size }
                }
                (Chunked::Size { .. }, _) => return Fed::Broken,
                (Chunked::Extension { .. } | Chunked::DataEnd, b'\r') => state,
                (Chunked::Extension { .. }, _) => state,
                (Chunked::DataEnd, b'\n') => Chunked::START,
                (Chunked::DataEnd, _) => return Fed::Broken,
                (Chunked::Trailer { blank: true }, b'\n') => {
                    return Fed::End(bytes.len() - rest.len());
                }
                (Chunked::Trailer { .. }, b'\n') => Chunked::Trailer { blank: true },
                (Chunked::Trailer { .. }, b'\r') => state,
                (Chunked::Trailer { .. }, _) => Chunked::Trailer { blank: false },
                (Chunked::Data(_), _) => state,
            };
        }
    }

    /// `missing` bytes will never come. Returns whether the end of the body can still be told, and if so
    /// whether it is reached.
    pub(super) fn gap(&mut self, missing: u64, cx: &mut Context) -> Option<bool> {
        self.gapless = false;
        if self.is_kept() {
            self.lose(Lost::Gap, cx);
        }
        match &mut self.framing {
            Framing::Length(left) | Framing::Chunked(Chunked::Data(left)) => {
                let mine = missing.min(*left);
                self.len += mine;
                *left -= mine;
                let (over, left) = (missing > mine, *left);
                match &mut self.framing {
                    _ if over => None,
                    Framing::Chunked(state) if left == 0 => {
                        *state = Chunked::DataEnd;
                        Some(false)
                    }
                    _ => Some(left == 0),
                }
            }
            Framing::UntilClose => {
                self.len += missing;
                Some(false)
            }
            Framing::Chunked(_) => None,
        }
    }

    fn store(&mut self, bytes: &[u8], cx: &mut Context) {
        if self.len == 0
            && let Keep::DerUpTo(limit) = self.keep
            && let Some(first) = bytes.first()
        {
            self.keep = if *first == 0x30 {
                Keep::UpTo(limit)
            } else {
                Keep::No
            };
        }
        self.len += bytes.len() as u64;
        let Keep::UpTo(limit) = self.keep else {
            return;
        };
        if self.lost.is_some() {
            return;
        }
        if self.kept.len() + bytes.len() > limit
            || cx.held().bodies.saturating_add(bytes.len()) > cx.limits.bodies_total
        {
            self.lose(Lost::Limit, cx);
            return;
        }
        self.kept.extend_from_slice(bytes);
        cx.held_mut().bodies += bytes.len();
    }

    fn lose(&mut self, why: Lost, cx: &mut Context) {
        self.release(cx);
        self.lost.get_or_insert(why);
    }

    /// Gives up what is held, before the body is dropped.
    pub(super) fn release(&mut self, cx: &mut Context) {
        let held = &mut cx.held_mut().bodies;
        *held = held.saturating_sub(self.kept.len());
        self.kept = Vec::new();
    }

    /// Whether what is kept is one whole DER value by its own length: such a body is whole even if the
    /// connection did not end properly.
    pub(super) fn is_whole_der(&self) -> bool {
        let (header, length) = match self.kept.as_slice() {
            [0x30, short @ 0..=0x7f, ..] => (2, usize::from(*short)),
            [0x30, 0x81, a, ..] => (3, usize::from(*a)),
            [0x30, 0x82, a, b, ..] => (4, usize::from(*a) << 8 | usize::from(*b)),
            [0x30, 0x83, a, b, c, ..] => {
                let high = usize::from(*a) << 16;
                (5, high | usize::from(*b) << 8 | usize::from(*c))
            }
            [0x30, 0x84, a, b, c, d, ..] => (
                6,
                u32::from_be_bytes([*a, *b, *c, *d])
                    .try_into()
                    .unwrap_or(usize::MAX),
            ),
            _ => return false,
        };
        self.kept.len() == length.saturating_add(header)
    }

    /// The bytes of a body that is complete, with the content coding undone.
    pub(super) fn finish(
        mut self,
        coding: Coding,
        cx: &mut Context,
    ) -> Result<Option<event::Body>, Lost> {
        if let Some(lost) = self.lost {
            return Err(lost);
        }
        let Keep::UpTo(limit) = self.keep else {
            return Ok(None);
        };
        let kept = std::mem::take(&mut self.kept);
        // What it is unpacked from is there until it is unpacked.
        let room = limit.min(cx.limits.bodies_total.saturating_sub(cx.held().bodies));
        let held = &mut cx.held_mut().bodies;
        *held = held.saturating_sub(kept.len());
        // Servers mislabel bodies that were never compressed: DER says so by its first byte.
        let coding = match kept.first() {
            None | Some(0x30) => Coding::Identity,
            _ => coding,
        };
        let room = Room {
            bytes: room,
            unproven: cx.limits.inflate_unproven,
            ratio: cx.limits.inflate_ratio,
        };
        let packed = kept.as_slice();
        let body = match coding {
            Coding::Identity => return Ok(Some(kept.into())),
            Coding::Gzip => room.inflate(
                MultiGzDecoder::new(packed),
                |left| left.get_ref().len(),
                packed.len(),
            ),
            // "deflate" is zlib by RFC 9110 8.4.1.2 and bare deflate by the habit of some servers.
            Coding::Deflate => match room.inflate(
                ZlibDecoder::new(packed),
                |left| left.get_ref().len(),
                packed.len(),
            ) {
                Err(Lost::Coding) => room.inflate(
                    DeflateDecoder::new(packed),
                    |left| left.get_ref().len(),
                    packed.len(),
                ),
                other => other,
            },
            Coding::Other => Err(Lost::Coding),
        };
        body.map(|body| Some(body.into()))
    }
}

/// How much may come out of a packed body.
#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: usize,
    /// See [`crate::limits::Limits::inflate_unproven`].
    unproven: usize,
    /// See [`crate::limits::Limits::inflate_ratio`].
    ratio: usize,
}

impl Room {
    /// Unpacks `packed` bytes, of which `left` tells how many a decoder has yet to read. The ratio is looked
    /// at on the way: a bomb shows what it is long before its end.
    fn inflate<D: Read>(
        self,
        mut decoder: D,
        left: impl Fn(&D) -> usize,
        packed: usize,
    ) -> Result<Vec<u8>, Lost> {
        const STEP: u64 = 128 << 10;
        let mut body = Vec::new();
        loop {
            let before = body.len();
            decoder
                .by_ref()
                .take(STEP)
                .read_to_end(&mut body)
                .map_err(|_| Lost::Coding)?;
            if body.len() == before {
                return Ok(body);
            }
            if body.len() > self.bytes {
                return Err(Lost::Limit);
            }
            let read = packed.saturating_sub(left(&decoder));
            if body.len() > self.unproven && body.len() / self.ratio.max(1) > read {
                return Err(Lost::Bomb);
            }
        }
    }
}
