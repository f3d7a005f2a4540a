//! Reading the presentation language of RFC 8446 3: integers and length-prefixed vectors.

/// What is left to read. Every read that does not fit gives None and consumes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rest, without consuming it.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| *byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub(crate) fn u24(&mut self) -> Option<usize> {
        self.array()
            .map(|[a, b, c]| usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c))
    }

    /// `opaque x<0..2^8-1>`.
    pub(crate) fn vec8(&mut self) -> Option<&'a [u8]> {
        self.whole(|cursor| cursor.u8().map(usize::from))
    }

    /// `opaque x<0..2^16-1>`.
    pub(crate) fn vec16(&mut self) -> Option<&'a [u8]> {
        self.whole(|cursor| cursor.u16().map(usize::from))
    }

    /// `opaque x<0..2^24-1>`.
    pub(crate) fn vec24(&mut self) -> Option<&'a [u8]> {
        self.whole(Self::u24)
    }

    fn whole(&mut self, len: impl FnOnce(&mut Self) -> Option<usize>) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let len = len(&mut ahead)?;
        let taken = ahead.take(len)?;
        *self = ahead;
        Some(taken)
    }
}
