//! HMAC (RFC 2104) with the hashes of layers below IP and of older TLS.

use md5::Md5;
use ring::hmac;

/// A hash under a MAC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Digest {
    /// MD5 (RFC 2403).
    Md5,
    /// SHA-1 (RFC 2404).
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// Output length in bytes.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// HMAC of what comes in parts.
    #[must_use]
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return hmac_md5(key, parts).unwrap_or_default(),
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().to_vec()
    }
}

fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    use ::hmac::{Hmac, Mac as _};
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// RFC 2202 2 and 3, RFC 4231 4.3: test case 2 of each.
    #[test]
    fn every_hash_of_its_document() {
        let known = [
            (Digest::Md5, "750c783e6ab0b503eaa86e310a5db738"),
            (Digest::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                Digest::Sha256,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                Digest::Sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Digest::Sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ];
        for (digest, expected) in known {
            let mac = digest.hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
            assert_eq!(mac, hex(expected));
            assert_eq!(mac.len(), digest.output_len());
        }
    }
}
