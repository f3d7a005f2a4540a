//! Records of TLS 1.0 to 1.2 in CBC mode (RFC 2246 6.2.3.2, RFC 4346, RFC 5246 6.2.3.2), with their MAC
//! inside or outside (RFC 7366).

use super::block::{Cbc, cbc_open};
use super::mac::Digest;

/// What a cipher suite with CBC is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Suite {
    /// The cipher.
    pub cipher: Cbc,
    /// Bytes of its key.
    pub key_len: usize,
    /// The hash of the MAC, whose key is as long as its output.
    pub mac: Digest,
    /// The hash that TLS 1.2 makes keys with.
    pub hash: Digest,
}

impl Suite {
    /// By the number of a cipher suite; None for those with another mode, and those that hardly anybody has.
    #[must_use]
    pub const fn of(suite: u16) -> Option<Self> {
        use Digest::{Sha1, Sha256, Sha384};
        let (cipher, key_len, mac, hash) = match suite {
            0x000a | 0x000d | 0x0010 | 0x0013 | 0x0016 | 0x001b | 0xc003 | 0xc008 | 0xc00d
            | 0xc012 | 0xc017 => (Cbc::TripleDes, 24, Sha1, Sha256),
            0x002f..=0x0034 | 0xc004 | 0xc009 | 0xc00e | 0xc013 | 0xc018 => {
                (Cbc::Aes, 16, Sha1, Sha256)
            }
            0x0035..=0x003a | 0xc005 | 0xc00a | 0xc00f | 0xc014 | 0xc019 => {
                (Cbc::Aes, 32, Sha1, Sha256)
            }
            0x003c | 0x003e..=0x0040 | 0x0067 | 0x006c | 0xc023 | 0xc025 | 0xc027 | 0xc029 => {
                (Cbc::Aes, 16, Sha256, Sha256)
            }
            0x003d | 0x0068..=0x006b | 0x006d => (Cbc::Aes, 32, Sha256, Sha256),
            0xc024 | 0xc026 | 0xc028 | 0xc02a => (Cbc::Aes, 32, Sha384, Sha384),
            _ => return None,
        };
        Some(Self {
            cipher,
            key_len,
            mac,
            hash,
        })
    }
}

/// The function that TLS 1.0 and 1.1 make keys with (RFC 2246 5), filling `out`.
pub fn expand_1_0(secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) {
    // Of an odd length both halves have the byte in the middle.
    let half = secret.len().div_ceil(2);
    let (first, _) = secret.split_at(half);
    let (_, second) = secret.split_at(secret.len() - half);
    out.fill(0);
    for (digest, half) in [(Digest::Md5, first), (Digest::Sha1, second)] {
        let mut step = digest.hmac(half, &[label, seed]);
        for block in out.chunks_mut(digest.output_len()) {
            let made = digest.hmac(half, &[&step, label, seed]);
            for (to, from) in block.iter_mut().zip(made) {
                *to ^= from;
            }
            step = digest.hmac(half, &[&step]);
        }
    }
}

/// Opens what one sender sealed.
pub struct Opener {
    suite: Suite,
    key: Box<[u8]>,
    mac_key: Box<[u8]>,
    /// Whether the MAC is of what was encrypted.
    outside: bool,
}

impl Opener {
    /// From keys of the lengths that the suite has.
    #[must_use]
    pub fn new(suite: Suite, key: &[u8], mac_key: &[u8], outside: bool) -> Self {
        Self {
            suite,
            key: key.into(),
            mac_key: mac_key.into(),
            outside,
        }
    }

    /// Opens a record in place; None when its MAC does not fit. `vector` stands before the record in TLS 1.0,
    /// and in it otherwise. `head` is what the MAC takes in before the length: number, type, version.
    pub fn open<'a>(
        &self,
        vector: Option<&[u8]>,
        head: &[u8; 11],
        body: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let length = self.suite.mac.output_len();
        let body = match self.outside {
            false => body,
            true => {
                let (sealed, mac) = body.split_at_mut_checked(body.len().checked_sub(length)?)?;
                (self.mac(head, sealed)? == *mac).then_some(sealed)?
            }
        };
        let (vector, body) = match vector {
            Some(vector) => (vector.to_vec(), body),
            None => {
                let (vector, body) = body.split_at_mut_checked(self.suite.cipher.block())?;
                (vector.to_vec(), body)
            }
        };
        cbc_open(self.suite.cipher, &self.key, &vector, body)?;
        // Its length is the last byte, and each of its bytes.
        let padding = *body.last()?;
        let end = body.len().checked_sub(usize::from(padding) + 1)?;
        if body.get(end..)?.iter().any(|byte| *byte != padding) {
            return None;
        }
        let plain = body.get(..end)?;
        if self.outside {
            return Some(plain);
        }
        let (plain, mac) = plain.split_at_checked(end.checked_sub(length)?)?;
        (self.mac(head, plain)? == mac).then_some(plain)
    }

    fn mac(&self, head: &[u8; 11], text: &[u8]) -> Option<Vec<u8>> {
        let length = u16::try_from(text.len()).ok()?.to_be_bytes();
        Some(self.suite.mac.hmac(&self.mac_key, &[head, &length, text]))
    }
}

impl std::fmt::Debug for Opener {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Opener");
        shown.field("suite", &self.suite).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// What OpenSSL's `TLS1-PRF` with MD5-SHA1 gives.
    #[test]
    fn keys_of_tls_1_0() {
        let mut out = [0; 40];
        expand_1_0(&[0xab; 48], b"PRF Testvector", &[0xcd; 64], &mut out);
        assert!(out.starts_with(&hex("d3d4d1e349b5d515044666d51de32bab258cb521")));
    }

    #[test]
    fn damaged_records_are_not_opened() {
        let suite = Suite::of(0x002f).unwrap();
        for outside in [false, true] {
            let opener = Opener::new(suite, &[1; 16], &[2; 20], outside);
            for length in 0..100 {
                let mut body = vec![7; length];
                assert_eq!(opener.open(None, &[0; 11], &mut body), None);
                let mut body = vec![7; length];
                assert_eq!(opener.open(Some(&[0; 16]), &[0; 11], &mut body), None);
                assert_eq!(opener.open(Some(&[]), &[0; 11], &mut body), None);
            }
        }
    }
}
