//! Keys of 802.15.4, as lines of Wireshark's `ieee802154_keys` say them, and what they open (802.15.4-2020 9.3).

use super::super::super::given::Given;
use super::super::super::tables::octets;
use crate::crypto::block;
use crate::crypto::mac::Digest;

/// A key of 16 bytes, and whether it is that of which Thread makes the keys of frames.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(in crate::wire) struct Secret {
    key: [u8; 16],
    of_thread: bool,
}

impl Secret {
    /// From the fields of a line: a key, its number, and what is made of it. The number is passed over, since
    /// a code tells.
    pub(in crate::wire) fn of(key: &[u8], made: &[u8]) -> Result<Self, &'static str> {
        let key = match octets(key) {
            Some(key) => key.first_chunk().copied(),
            None => key.first_chunk().copied(),
        };
        let of_thread = match made {
            b"No hash" => false,
            b"Thread hash" => true,
            _ => return Err("keys of 802.15.4 are taken with \"No hash\" or \"Thread hash\""),
        };
        let key = key.ok_or("a key of 802.15.4 has 32 hexadecimal digits")?;
        Ok(Self { key, of_thread })
    }

    /// The key of frames that have such a number (Thread 1.1, 7.1.4).
    fn of_frames(&self, number: u8) -> Option<[u8; 16]> {
        if !self.of_thread {
            return Some(self.key);
        }
        let counter = u32::from(number).wrapping_sub(1) & 0x7f;
        let made = Digest::Sha256.hmac(&self.key, &[&counter.to_be_bytes(), b"Thread"]);
        made.last_chunk().copied()
    }
}

impl std::fmt::Debug for Secret {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What protects a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protection {
    /// Of 4 to 7, which are encrypted.
    pub(super) level: u8,
    pub(super) counter: u32,
    /// That of the key; 0 where it is not said.
    pub(super) number: u8,
    /// Bytes of the integrity code.
    pub(super) code: usize,
}

impl Given<Secret> {
    /// Opens what stands behind the header of a frame of an extended address.
    pub(super) fn open(
        &mut self,
        source: [u8; 8],
        protection: Protection,
        header: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let (body, code) = sealed.split_at_checked(sealed.len().checked_sub(protection.code)?)?;
        if code.is_empty() {
            return None;
        }
        let mut nonce = [0; 13];
        let bytes = source.into_iter().chain(protection.counter.to_be_bytes());
        let bytes = bytes.chain([protection.level]);
        nonce
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = from);
        self.first_of(|secret| {
            let key = secret.of_frames(protection.number)?;
            let mut body = body.to_vec();
            block::ccm_open(&key, &nonce, header, &mut body, code)?;
            Some(body)
        })
    }
}
