//! What a version prescribes: salts, labels, packet types, Retry keys (RFC 9001 5, RFC 9369 3).

use crate::crypto::{Cipher, Opener};

use super::header::{LongType, Retry, version};

/// A group of versions that protect their packets alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scheme {
    /// RFC 9001; drafts 33 and 34 had its salt already.
    V1,
    /// RFC 9369.
    V2,
    /// Drafts 29 to 32.
    Draft29,
    /// Drafts 27 and 28.
    Draft27,
}

impl Scheme {
    /// The scheme of a version; None for versions that are not opened here.
    pub(super) const fn of(version: u32) -> Option<Self> {
        match version {
            version::V1 | version::DRAFT_33..=version::DRAFT_34 => Some(Self::V1),
            version::V2 => Some(Self::V2),
            version::DRAFT_29..version::DRAFT_33 => Some(Self::Draft29),
            version::DRAFT_27..version::DRAFT_29 => Some(Self::Draft27),
            _ => None,
        }
    }

    /// The packet type in the first byte of a long header; version 2 counts them differently so that
    /// nobody relies on the numbers.
    pub(super) const fn long_type(self, form: u8) -> LongType {
        let number = (form >> 4) & 0b11;
        match (self, number) {
            (Self::V2, 0) => LongType::Retry,
            (Self::V2, 1) => LongType::Initial,
            (Self::V2, 2) => LongType::ZeroRtt,
            (Self::V2, _) => LongType::Handshake,
            (_, 0) => LongType::Initial,
            (_, 1) => LongType::ZeroRtt,
            (_, 2) => LongType::Handshake,
            _ => LongType::Retry,
        }
    }

    /// Labels for key, IV and header protection.
    pub(super) const fn labels(self) -> [&'static str; 3] {
        match self {
            Self::V2 => ["quicv2 key", "quicv2 iv", "quicv2 hp"],
            _ => ["quic key", "quic iv", "quic hp"],
        }
    }

    /// Whether a Retry answers the client that first wrote to `original_dcid` (RFC 9001 5.8); a client
    /// ignores one that does not, and so must whoever follows its keys.
    pub(super) fn retry_is_genuine(self, original_dcid: &[u8], retry: &Retry<'_>) -> bool {
        let (key, nonce) = self.retry_key();
        let Some(opener) = Opener::new(Cipher::Aes128Gcm, &key, nonce) else {
            return false;
        };
        let dcid_len = u8::try_from(original_dcid.len()).unwrap_or(u8::MAX);
        let pseudo_packet = [&[dcid_len], original_dcid, retry.body].concat();
        opener
            .open(0, &pseudo_packet, &mut retry.tag.to_vec())
            .is_some()
    }

    /// HKDF salt of the Initial secrets.
    #[rustfmt::skip]
    pub(super) const fn salt(self) -> [u8; 20] {
        match self {
            Self::V1 => [0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a],
            Self::V2 => [0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9],
            Self::Draft29 => [0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99],
            Self::Draft27 => [0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02],
        }
    }

    #[rustfmt::skip]
    const fn retry_key(self) -> ([u8; 16], [u8; 12]) {
        match self {
            Self::V1 => (
                [0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e],
                [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb],
            ),
            Self::V2 => (
                [0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92],
                [0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a],
            ),
            Self::Draft29 => (
                [0xcc, 0xce, 0x18, 0x7e, 0xd0, 0x9a, 0x09, 0xd0, 0x57, 0x28, 0x15, 0x5a, 0x6c, 0xb9, 0x6b, 0xe1],
                [0xe5, 0x49, 0x30, 0xf9, 0x7f, 0x21, 0x36, 0xf0, 0x53, 0x0a, 0x8c, 0x1c],
            ),
            Self::Draft27 => (
                [0x4d, 0x32, 0xec, 0xdb, 0x2a, 0x21, 0x33, 0xc8, 0x41, 0xe4, 0x04, 0x3d, 0xf2, 0x7d, 0x44, 0x30],
                [0x4d, 0x16, 0x11, 0xd0, 0x55, 0x13, 0xa5, 0x52, 0xc5, 0x87, 0xd5, 0x75],
            ),
        }
    }
}
