//! Packet protection (RFC 9001 5): header protection removal, packet numbers, payload.

use crate::crypto::{Cipher, HeaderProtection, Opener, Prk};

use super::header::Long;
use super::scheme::Scheme;

/// What one sender protects the packets of one encryption level with.
#[derive(Debug)]
pub(super) struct PacketKeys {
    opener: Opener,
    header: HeaderProtection,
}

/// A packet without its protection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Opened {
    /// Full packet number.
    pub(super) number: u64,
    /// Frames.
    pub(super) payload: Vec<u8>,
}

impl PacketKeys {
    /// From a traffic secret, by the labels of the version.
    pub(super) fn derive(scheme: Scheme, cipher: Cipher, secret: &Prk) -> Option<Self> {
        let [key, iv, header] = scheme.labels();
        Some(Self {
            opener: Opener::derive(cipher, secret, key, iv)?,
            header: HeaderProtection::derive(cipher, secret, header)?,
        })
    }

    /// Opens a packet; `largest` is the largest packet number opened so far from this sender at this
    /// level. None when the keys do not fit, or the packet was damaged.
    pub(super) fn open(&self, packet: &Long<'_>, largest: Option<u64>) -> Option<Opened> {
        let (header, protected) = packet.bytes.split_at_checked(packet.number_at)?;
        // RFC 9001 5.4.2: the sample starts as if the packet number were 4 bytes long.
        let sample = protected.get(4..4 + HeaderProtection::SAMPLE_LEN)?;
        let [first_mask, number_mask @ ..] = self.header.mask(sample)?;
        // Reserved bits and number length of a long header are the low 4 bits.
        let first = header.first()? ^ (first_mask & 0x0f);
        let number_len = usize::from(first & 0b11) + 1;
        let (masked, sealed) = protected.split_at_checked(number_len)?;

        let mut associated = Vec::with_capacity(header.len() + number_len);
        associated.push(first);
        associated.extend_from_slice(header.get(1..)?);
        let mut truncated = 0;
        for (byte, mask) in masked.iter().zip(number_mask) {
            let byte = byte ^ mask;
            associated.push(byte);
            truncated = truncated << 8 | u64::from(byte);
        }
        let number = full_number(truncated, number_len, largest);
        let mut payload = sealed.to_vec();
        let len = self.opener.open(number, &associated, &mut payload)?.len();
        payload.truncate(len);
        Some(Opened { number, payload })
    }
}

/// The packet number nearest to the expected one that ends in what was sent (RFC 9000 A.3).
fn full_number(truncated: u64, sent_bytes: usize, largest: Option<u64>) -> u64 {
    let expected = largest.map_or(0, |largest| largest + 1);
    let window = 1_u64 << (8 * sent_bytes);
    let half = window / 2;
    let candidate = (expected & !(window - 1)) | truncated;
    if candidate + half <= expected && candidate + window < 1 << 62 {
        candidate + window
    } else if candidate > expected + half && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_numbers_of_the_rfc() {
        // RFC 9000 A.3.
        assert_eq!(full_number(0x9b32, 2, Some(0xa82f_30ea)), 0xa82f_9b32);
        assert_eq!(full_number(2, 4, None), 2);
        assert_eq!(full_number(0x00, 1, Some(0xff)), 0x100);
        assert_eq!(full_number(0xff, 1, Some(0x100)), 0xff);
    }
}
