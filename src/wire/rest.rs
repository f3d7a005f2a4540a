//! The bytes left to decode at some layer.

use super::Undecoded;
use crate::frame::Frame;

/// What is left of a frame at some layer, and how much more of it the wire had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest<'a> {
    /// Captured bytes.
    pub(super) bytes: &'a [u8],
    /// Bytes that followed on the wire, as far as the enclosing layers promise, but were not captured.
    pub(super) cut: usize,
}

impl<'a> Rest<'a> {
    /// A whole frame.
    pub(super) fn of(frame: &Frame<'a>) -> Self {
        let wire_len = usize::try_from(frame.wire_len).unwrap_or(usize::MAX);
        Self {
            bytes: frame.bytes,
            cut: wire_len.saturating_sub(frame.bytes.len()),
        }
    }

    /// Everything after the first `n` bytes; None if fewer were captured.
    pub(super) fn after(self, n: usize) -> Option<Self> {
        let bytes = self.bytes.get(n..)?;
        Some(Self { bytes, ..self })
    }

    /// Only the first `len` bytes, where a header says how long its layer is. Drops padding and trailers;
    /// what the header promises beyond the captured bytes is `cut`, unless the wire had no room for it:
    /// then the header lies and promises nothing.
    pub(super) fn bound(self, len: usize) -> Self {
        match self.bytes.get(..len) {
            Some(bytes) => Self { bytes, cut: 0 },
            None => Self {
                bytes: self.bytes,
                cut: self.cut.min(len - self.bytes.len()),
            },
        }
    }

    /// All of it, where a header leaves its length open.
    pub(super) const fn open_ended(self) -> Self {
        Self {
            cut: if self.cut >= MIRROR_CUT { 0 } else { self.cut },
            ..self
        }
    }

    /// A frame that a switch may have cut before it mirrored it: only the headers inside know its length.
    pub(super) const fn mirrored(self) -> Self {
        Self {
            cut: MIRROR_CUT,
            ..self
        }
    }

    /// Length on the wire as far as known.
    pub(super) const fn wire_len(self) -> usize {
        self.bytes.len().saturating_add(self.cut)
    }

    /// `N` bytes from offset `at`.
    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk::<N>().copied()
    }

    /// The byte at offset `at`.
    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// Big-endian 16 bits at offset `at`.
    pub(super) fn be16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Big-endian 32 bits at offset `at`.
    pub(super) fn be32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// Little-endian 16 bits at offset `at`.
    pub(super) fn le16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// Little-endian 32 bits at offset `at`.
    pub(super) fn le32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// The high four bits of the first byte: the IP version where IP is.
    pub(super) fn nibble(self) -> Option<u8> {
        self.u8(0).map(|byte| byte >> 4)
    }

    /// Why a header did not fit: the capture was cut, which is nobody's fault, or the frame is `bad`.
    pub(super) const fn lacks(self, cut: Undecoded, bad: Undecoded) -> Undecoded {
        if self.cut > 0 { cut } else { bad }
    }
}

/// More than any header can promise, so that the first that promises decides.
const MIRROR_CUT: usize = 1 << 20;
