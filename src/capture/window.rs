//! The one buffer between a reader and its format: read once, looked at in place.
//!
//! Packets are handed out as slices of this buffer, so a gigabyte is copied only by read(2). The part that
//! is left when a record crosses the end of the buffer is moved to its front, a few kB per refill.

use std::io::{ErrorKind, Read};

use super::ahead::{Ahead, Batch, HEADROOM};

/// Byte order of a capture file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    /// The 16-bit value at `at`; 0 past the end, which callers exclude by length checks.
    #[inline]
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let Some(&raw) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return 0;
        };
        match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        }
    }

    /// The 32-bit value at `at`; 0 past the end.
    #[inline]
    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let Some(&raw) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return 0;
        };
        match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        }
    }

    /// The four 32-bit values at the front; 0 past the end.
    #[inline(always)]
    pub(crate) fn four(self, bytes: &[u8]) -> [u32; 4] {
        let Some(&[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]) = bytes.first_chunk() else {
            return [0; 4];
        };
        let words = [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]];
        match self {
            Self::Little => words.map(u32::from_le_bytes),
            Self::Big => words.map(u32::from_be_bytes),
        }
    }

    /// The 64-bit value at `at`; 0 past the end.
    pub(crate) fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let Some(&raw) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return 0;
        };
        match self {
            Self::Little => u64::from_le_bytes(raw),
            Self::Big => u64::from_be_bytes(raw),
        }
    }
}

/// A place in the buffer; valid until the window moves on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Place {
    start: usize,
    len: usize,
}

impl Place {
    /// A part of it; callers keep within its length.
    #[inline]
    pub(crate) fn part(self, at: usize, len: usize) -> Self {
        Self {
            start: self.start + at,
            len,
        }
    }
}

/// Size of the buffer: large enough that the cost of read(2) vanishes, small enough to stay in the cache
/// together with what the later rooms keep.
pub(crate) const WINDOW: usize = 256 << 10;

/// What of a stream is in memory.
pub(crate) struct Window<R> {
    source: Feed<R>,
    /// Length of `storage` unless a record needs more.
    size: usize,
    storage: Vec<u8>,
    /// With a thread that reads ahead: `storage` is none of its buffers.
    own: bool,
    /// `storage[start..end]` is unread.
    start: usize,
    end: usize,
    /// Offset of `storage[start]` in the stream.
    offset: u64,
    /// Nothing more will come.
    dry: bool,
    /// Why, when it was not the end of the stream.
    failure: Option<String>,
}

/// Where the bytes come from.
enum Feed<R> {
    /// Read when they are wanted.
    Now(R),
    /// Read by another thread meanwhile.
    Ahead(Ahead),
}

impl<R: Read> Window<R> {
    pub(crate) fn new(source: R, size: usize) -> Self {
        let size = size.max(64);
        Self::of(Feed::Now(source), size, vec![0; size])
    }

    /// A window over what another thread reads.
    pub(crate) fn ahead(source: Ahead) -> Self {
        Self::of(Feed::Ahead(source), 0, Vec::new())
    }

    fn of(source: Feed<R>, size: usize, storage: Vec<u8>) -> Self {
        Self {
            source,
            size,
            storage,
            own: true,
            start: 0,
            end: 0,
            offset: 0,
            dry: false,
            failure: None,
        }
    }

    /// Whether `len` bytes are there; reads until they are or the stream ends.
    #[inline]
    pub(crate) fn want(&mut self, len: usize) -> bool {
        self.end - self.start >= len || self.refill(len)
    }

    #[cold]
    fn refill(&mut self, len: usize) -> bool {
        match self.source {
            _ if self.dry => false,
            Feed::Now(_) => self.read(len),
            Feed::Ahead(_) => self.adopt(len),
        }
    }

    fn read(&mut self, len: usize) -> bool {
        // What is left is less than one record, so moving it is cheap and the read gets all the room.
        self.storage.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if len > self.storage.len() {
            self.storage.resize(len, 0);
        } else if self.storage.len() > self.size && len.max(self.end) <= self.size {
            self.storage.truncate(self.size);
            self.storage.shrink_to_fit();
        }
        while self.end - self.start < len {
            let (Feed::Now(source), Some(room)) =
                (&mut self.source, self.storage.get_mut(self.end..))
            else {
                return false;
            };
            match source.read(room) {
                Ok(0) => {
                    self.dry = true;
                    return false;
                }
                // A reader that claims more than it was given room for must not move `end` past the storage.
                Ok(count) => self.end = (self.end + count).min(self.storage.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.dry = true;
                    self.failure = Some(error.to_string());
                    return false;
                }
            }
        }
        true
    }

    /// Goes on with the next buffers of the thread that reads ahead: what is left of the one before is put in front.
    fn adopt(&mut self, len: usize) -> bool {
        while self.end - self.start < len {
            let Feed::Ahead(ahead) = &mut self.source else {
                return false;
            };
            let Some(Batch { mut bytes, end }) = ahead.next() else {
                self.dry = true;
                self.failure = ahead.failure();
                return false;
            };
            let left = self.storage.get(self.start..self.end).unwrap_or(&[]);
            let start = HEADROOM.saturating_sub(left.len());
            let (done, own) = if left.len() <= HEADROOM {
                if let Some(room) = bytes.get_mut(start..HEADROOM) {
                    room.copy_from_slice(left);
                }
                (self.start, self.end) = (start, end);
                let done = std::mem::replace(&mut self.storage, bytes);
                (done, std::mem::take(&mut self.own))
            } else {
                // A long record, for which a buffer of our own grows.
                let mut joined = left.to_vec();
                joined.extend_from_slice(bytes.get(HEADROOM..end).unwrap_or(&[]));
                (self.start, self.end) = (0, joined.len());
                let done = std::mem::replace(&mut self.storage, joined);
                if !std::mem::replace(&mut self.own, true) {
                    ahead.give_back(done);
                }
                (bytes, false)
            };
            if !own {
                ahead.give_back(done);
            }
        }
        true
    }

    /// What is in memory; at least what [`Self::want`] confirmed.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.storage.get(self.start..self.end).unwrap_or(&[])
    }

    /// What is in memory `skip` bytes from here.
    #[inline(always)]
    pub(crate) fn behind(&self, skip: usize) -> &[u8] {
        self.storage.get(self.start + skip..self.end).unwrap_or(&[])
    }

    /// A place `at` bytes from here.
    #[inline]
    pub(crate) fn place(&self, at: usize, len: usize) -> Place {
        Place {
            start: self.start + at,
            len,
        }
    }

    /// The bytes of a place.
    #[inline]
    pub(crate) fn at(&self, place: Place) -> &[u8] {
        self.storage
            .get(place.start..place.start + place.len)
            .unwrap_or(&[])
    }

    /// Moves on by `len` bytes that are in memory.
    #[inline]
    pub(crate) fn consume(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.offset += len as u64;
    }

    /// Moves on by `len` bytes without keeping them; false when the stream ends first.
    pub(crate) fn skip(&mut self, mut len: u64) -> bool {
        while len > 0 {
            if !self.want(1) {
                return false;
            }
            let here = self.end - self.start;
            let step = usize::try_from(len).map_or(here, |len| len.min(here));
            self.consume(step);
            len -= step as u64;
        }
        true
    }

    /// Offset of the next byte in the stream.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why the stream could not be read to its end, if so.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_once_whatever_the_sizes() {
        let data: Vec<u8> = (0..2_000_u32).map(|n| (n % 251) as u8).collect();
        let mut window = Window::new(data.as_slice(), 64);
        let mut seen = Vec::new();
        let mut step = 1;
        while window.want(step) {
            let place = window.place(0, step);
            seen.extend_from_slice(window.at(place));
            assert_eq!(window.offset(), (seen.len() - step) as u64);
            window.consume(step);
            step = step * 3 % 203 + 1;
        }
        seen.extend_from_slice(window.bytes());
        assert_eq!(seen, data);
        assert!(window.failure().is_none());
    }

    #[test]
    fn what_is_read_ahead_is_the_same_whatever_the_sizes() {
        let data: Vec<u8> = (0..900_000_u32).map(|n| (n % 251) as u8).collect();
        for (step, prompt) in [(1_000, true), (70_000, false), (300_000, true)] {
            let source = Box::new(std::io::Cursor::new(data.clone()));
            let ahead = Ahead::start(source, 80_000, prompt);
            let mut window: Window<&[u8]> = Window::ahead(ahead);
            let mut seen = Vec::new();
            while window.want(step) {
                seen.extend_from_slice(window.at(window.place(0, step)));
                window.consume(step);
            }
            seen.extend_from_slice(window.bytes());
            assert!(seen == data, "{step}");
            assert!(window.failure().is_none());
        }
    }

    #[test]
    fn a_failure_of_the_thread_comes_after_the_bytes_before_it() {
        struct Failing(bool);
        impl Read for Failing {
            fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(std::io::Error::other("torn"));
                }
                room[..5].copy_from_slice(b"bytes");
                Ok(5)
            }
        }
        let mut window: Window<&[u8]> =
            Window::ahead(Ahead::start(Box::new(Failing(false)), 1, true));
        assert!(!window.want(6));
        assert_eq!(window.bytes(), b"bytes");
        assert_eq!(window.failure(), Some("torn"));
    }

    #[test]
    fn room_made_for_one_long_record_is_given_back() {
        let data: Vec<u8> = (0..30_000_u32).map(|n| (n % 251) as u8).collect();
        let mut window = Window::new(data.as_slice(), 64);
        assert!(window.want(20_000));
        window.consume(19_990);
        assert!(window.want(20));
        assert_eq!(window.bytes()[..20], data[19_990..20_010]);
        window.consume(window.bytes().len());
        assert!(window.want(30));
        assert_eq!(window.storage.len(), 64);
    }

    #[test]
    fn skipping_needs_no_room() {
        let data = vec![7_u8; 10_000];
        let mut window = Window::new(data.as_slice(), 64);
        assert!(window.skip(9_999));
        assert_eq!((window.want(1), window.offset()), (true, 9_999));
        assert!(!window.skip(2));
    }
}
