//! The primitives everything above uses, with one provider (ring) behind them, and RustCrypto for AES-CCM,
//! X25519 and BLAKE2s for WireGuard, and the older modes of layers below IP, which ring does not have, or not
//! with given keys.
//!
//! Nothing here protects a secret of ours: keys come from key logs, or are published with the QUIC
//! versions. Changing the provider means editing this file and those below it only.

pub mod block;
pub mod mac;
pub mod noise;
pub mod older;
pub mod wlan;

use std::fmt;

use aes::Aes128;
use ccm::aead::{AeadInPlace, KeyInit};
use ccm::consts::{U8, U12, U16};
use ring::{aead, digest, hmac};

/// SHA-1, for OCSP CertIDs and Community ID; never for trust.
#[must_use]
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    array(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    array(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// SHA-256 of what comes in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Of nothing so far.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        array(self.0.finish().as_ref())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256")
    }
}

/// Hash of a key schedule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Hash {
    /// Output length in bytes.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// HMAC (RFC 2104) with this hash.
    #[must_use]
    pub fn hmac(self, key: &[u8], message: &[u8]) -> Secret {
        let tag = hmac::sign(&hmac::Key::new(self.hmac_algorithm(), key), message);
        Secret::new(tag.as_ref()).unwrap_or_default()
    }

    /// HKDF-Extract (RFC 5869 2.2).
    #[must_use]
    pub fn extract(self, salt: &[u8], input: &[u8]) -> Secret {
        self.hmac(salt, input)
    }

    /// What keys are expanded from, with this hash.
    #[must_use]
    pub fn prk(self, secret: &[u8]) -> Prk {
        let key = hmac::Key::new(self.hmac_algorithm(), secret);
        Prk { hash: self, key }
    }

    /// The function that TLS 1.2 makes keys with (RFC 5246 5), filling `out`.
    pub fn expand(self, secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) {
        let key = hmac::Key::new(self.hmac_algorithm(), secret);
        let sign = |parts: &[&[u8]]| {
            let mut context = hmac::Context::with_key(&key);
            parts.iter().for_each(|part| context.update(part));
            context.sign()
        };
        let mut step = sign(&[label, seed]);
        for block in out.chunks_mut(self.output_len()) {
            let tag = sign(&[step.as_ref(), label, seed]);
            for (to, from) in block.iter_mut().zip(tag.as_ref()) {
                *to = *from;
            }
            step = sign(&[step.as_ref()]);
        }
    }

    const fn hmac_algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        }
    }
}

/// A pseudorandom key of HKDF (RFC 5869 2): the hash takes a secret in once, however many keys are expanded from it.
#[derive(Debug)]
pub struct Prk {
    hash: Hash,
    key: hmac::Key,
}

impl Prk {
    /// HKDF-Expand-Label (RFC 8446 7.1) with an empty context, filling `out`. The label is given without
    /// its "tls13 " prefix. False when it asks for more than HKDF gives.
    pub fn expand_label(&self, label: &str, out: &mut [u8]) -> bool {
        let label_len = "tls13 ".len() + label.len();
        let (Ok(out_len), Ok(label_len)) = (u16::try_from(out.len()), u8::try_from(label_len))
        else {
            return false;
        };
        let mut previous: Option<hmac::Tag> = None;
        for (number, block) in out.chunks_mut(self.hash.output_len()).enumerate() {
            let Ok(number) = u8::try_from(number + 1) else {
                return false;
            };
            let mut context = hmac::Context::with_key(&self.key);
            if let Some(previous) = &previous {
                context.update(previous.as_ref());
            }
            context.update(&out_len.to_be_bytes());
            context.update(&[label_len]);
            context.update(b"tls13 ");
            context.update(label.as_bytes());
            context.update(&[0, number]);
            let tag = context.sign();
            for (to, from) in block.iter_mut().zip(tag.as_ref()) {
                *to = *from;
            }
            previous = Some(tag);
        }
        true
    }
}

/// A traffic secret: as long as the output of its hash, without a heap allocation.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Secret {
    bytes: [u8; 48],
    len: u8,
}

impl Secret {
    /// From its bytes; None when there are more than 48.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self::default();
        secret.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        secret.len = u8::try_from(bytes.len()).ok()?;
        Some(secret)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self {
            bytes: [0; 48],
            len: 0,
        }
    }
}

impl fmt::Debug for Secret {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.len)
    }
}

/// An authenticated cipher with a 12-byte nonce.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cipher {
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
    /// AES-128-CCM with a tag of 16 bytes (RFC 5116 5.3).
    Aes128Ccm,
    /// AES-128-CCM with a tag of 8 bytes (RFC 6655 6.1), for devices with little room.
    Aes128Ccm8,
}

impl Cipher {
    /// Cipher and hash of a TLS 1.3 cipher suite (RFC 8446 B.4); None for those that cannot be opened here.
    #[must_use]
    pub const fn of_suite(suite: u16) -> Option<(Self, Hash)> {
        match suite {
            0x1301 => Some((Self::Aes128Gcm, Hash::Sha256)),
            0x1302 => Some((Self::Aes256Gcm, Hash::Sha384)),
            0x1303 => Some((Self::ChaCha20Poly1305, Hash::Sha256)),
            0x1304 => Some((Self::Aes128Ccm, Hash::Sha256)),
            0x1305 => Some((Self::Aes128Ccm8, Hash::Sha256)),
            _ => None,
        }
    }

    /// The same of TLS 1.2 with GCM (RFC 5288, RFC 5289) or `ChaCha20` (RFC 7905).
    #[must_use]
    pub const fn of_older_suite(suite: u16) -> Option<(Self, Hash)> {
        match suite {
            0x009c | 0x009e | 0xc02b | 0xc02d | 0xc02f | 0xc031 => {
                Some((Self::Aes128Gcm, Hash::Sha256))
            }
            0x009d | 0x009f | 0xc02c | 0xc02e | 0xc030 | 0xc032 => {
                Some((Self::Aes256Gcm, Hash::Sha384))
            }
            0xcca8..=0xccaa => Some((Self::ChaCha20Poly1305, Hash::Sha256)),
            _ => None,
        }
    }

    /// Key length in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm | Self::Aes128Ccm8 => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    const fn mask_algorithm(self) -> &'static aead::quic::Algorithm {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm | Self::Aes128Ccm8 => &aead::quic::AES_128,
            Self::Aes256Gcm => &aead::quic::AES_256,
            Self::ChaCha20Poly1305 => &aead::quic::CHACHA20,
        }
    }
}

/// Opens what one sender sealed: a key and the IV that sequence or packet numbers are mixed into
/// (RFC 8446 5.3, RFC 9001 5.3).
pub struct Opener {
    key: Key,
    iv: [u8; 12],
}

enum Key {
    Ring(aead::LessSafeKey),
    Ccm(ccm::Ccm<Aes128, U16, U12>),
    Ccm8(ccm::Ccm<Aes128, U8, U12>),
}

impl Opener {
    /// From a key of [`Cipher::key_len`] bytes; None for another length.
    #[must_use]
    pub fn new(cipher: Cipher, key: &[u8], iv: [u8; 12]) -> Option<Self> {
        let ring = |algorithm| {
            let key = aead::UnboundKey::new(algorithm, key).ok()?;
            Some(Key::Ring(aead::LessSafeKey::new(key)))
        };
        let key = match cipher {
            Cipher::Aes128Gcm => ring(&aead::AES_128_GCM)?,
            Cipher::Aes256Gcm => ring(&aead::AES_256_GCM)?,
            Cipher::ChaCha20Poly1305 => ring(&aead::CHACHA20_POLY1305)?,
            Cipher::Aes128Ccm => Key::Ccm(KeyInit::new_from_slice(key).ok()?),
            Cipher::Aes128Ccm8 => Key::Ccm8(KeyInit::new_from_slice(key).ok()?),
        };
        Some(Self { key, iv })
    }

    /// From a traffic secret, by the labels for key and IV: "key" and "iv" in TLS 1.3 (RFC 8446 7.3),
    /// "quic key" and "quic iv" in QUIC version 1 (RFC 9001 5.1), "quicv2 key" and "quicv2 iv" in version 2.
    #[must_use]
    pub fn derive(cipher: Cipher, secret: &Prk, key_label: &str, iv_label: &str) -> Option<Self> {
        let mut key = [0; 32];
        let key = key.get_mut(..cipher.key_len())?;
        let mut iv = [0; 12];
        let derived = secret.expand_label(key_label, key) && secret.expand_label(iv_label, &mut iv);
        derived.then(|| Self::new(cipher, key, iv)).flatten()
    }

    /// Opens `sealed` in place; None when the tag does not fit, and then the bytes are worthless.
    pub fn open<'a>(
        &self,
        number: u64,
        associated: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        match &self.key {
            Key::Ring(key) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                key.open_in_place(nonce, aead::Aad::from(associated), sealed)
                    .ok()
            }
            Key::Ccm(key) => {
                let (body, tag) = sealed.split_last_chunk_mut::<16>()?;
                let opened =
                    key.decrypt_in_place_detached(&nonce.into(), associated, body, &(*tag).into());
                opened.ok().map(|()| body)
            }
            Key::Ccm8(key) => {
                let (body, tag) = sealed.split_last_chunk_mut::<8>()?;
                let opened =
                    key.decrypt_in_place_detached(&nonce.into(), associated, body, &(*tag).into());
                opened.ok().map(|()| body)
            }
        }
    }
}

impl fmt::Debug for Opener {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

/// QUIC header protection (RFC 9001 5.4).
pub struct HeaderProtection(aead::quic::HeaderProtectionKey);

impl HeaderProtection {
    /// Bytes of the sample.
    pub const SAMPLE_LEN: usize = 16;

    /// From a key of [`Cipher::key_len`] bytes; None for another length.
    #[must_use]
    pub fn new(cipher: Cipher, key: &[u8]) -> Option<Self> {
        let key = aead::quic::HeaderProtectionKey::new(cipher.mask_algorithm(), key).ok()?;
        Some(Self(key))
    }

    /// From a traffic secret, by the label: "quic hp" in version 1, "quicv2 hp" in version 2.
    #[must_use]
    pub fn derive(cipher: Cipher, secret: &Prk, label: &str) -> Option<Self> {
        let mut key = [0; 32];
        let key = key.get_mut(..cipher.key_len())?;
        secret
            .expand_label(label, key)
            .then(|| Self::new(cipher, key))
            .flatten()
    }

    /// The mask for a sample of 16 bytes; None for another length.
    #[must_use]
    pub fn mask(&self, sample: &[u8]) -> Option<[u8; 5]> {
        self.0.new_mask(sample).ok()
    }
}

impl fmt::Debug for HeaderProtection {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderProtection")
    }
}

/// Base64 in its standard alphabet with padding (RFC 4648 4), as digests are written.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            let six = (word >> (18 - 6 * place)) & 63;
            let digit = ALPHABET.get(six as usize).copied().unwrap_or(b'=');
            text.push(if place > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

/// A digest as an array; the provider's slices have the length by construction.
fn array<const N: usize>(slice: &[u8]) -> [u8; N] {
    slice.try_into().unwrap_or([0; N])
}

#[cfg(test)]
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .map(|b| u8::try_from(char::from(b).to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9001 A.1: every label of the Initial key schedule.
    #[test]
    fn initial_keys_of_rfc_9001() {
        let salt = hex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a");
        let initial = Hash::Sha256.extract(&salt, &hex("8394c8f03e515708"));
        let mut client = [0; 32];
        assert!(
            Hash::Sha256
                .prk(initial.as_bytes())
                .expand_label("client in", &mut client)
        );
        assert_eq!(
            client.to_vec(),
            hex("c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea")
        );
        let mut key = [0; 16];
        let client = Hash::Sha256.prk(&client);
        assert!(client.expand_label("quic key", &mut key));
        assert_eq!(key.to_vec(), hex("1f369613dd76d5467730efcbe3b1a22d"));
        let protection = HeaderProtection::derive(Cipher::Aes128Gcm, &client, "quic hp").unwrap();
        let mask = protection.mask(&hex("d1b1c98dd7689fb8ec11d242b123dc9b"));
        assert_eq!(mask.map(Vec::from), Some(hex("437b9aec36")));
    }

    /// RFC 9001 A.5: ChaCha20-Poly1305 with packet number 654360564.
    #[test]
    fn chacha_packet_of_rfc_9001() {
        let secret = hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
        let opener = Opener::derive(
            Cipher::ChaCha20Poly1305,
            &Hash::Sha256.prk(&secret),
            "quic key",
            "quic iv",
        )
        .unwrap();
        let mut sealed = hex("655e5cd55c41f69080575d7999c25a5bfb");
        let plain = opener.open(654_360_564, &hex("4200bff4"), &mut sealed);
        assert_eq!(plain.as_deref(), Some(&[0x01][..]));
        let mut sealed = hex("655e5cd55c41f69080575d7999c25a5bfc");
        assert!(
            opener
                .open(654_360_564, &hex("4200bff4"), &mut sealed)
                .is_none()
        );
    }

    /// NIST SP 800-38C, example 3: 12 bytes of nonce, 8 bytes of tag.
    #[test]
    fn ccm_with_a_short_tag_of_sp_800_38c() {
        let key = hex("404142434445464748494a4b4c4d4e4f");
        let nonce = hex("101112131415161718191a1b").try_into().unwrap();
        let associated = hex("000102030405060708090a0b0c0d0e0f10111213");
        let sealed = hex("e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951");
        let plain = hex("202122232425262728292a2b2c2d2e2f3031323334353637");
        let opener = Opener::new(Cipher::Aes128Ccm8, &key, nonce).unwrap();
        let mut bytes = sealed.clone();
        assert_eq!(
            opener.open(0, &associated, &mut bytes).as_deref(),
            Some(&plain[..])
        );
        let mut bytes = sealed.clone();
        assert!(opener.open(0, &associated[1..], &mut bytes).is_none());
        let mut bytes = sealed;
        assert!(opener.open(1, &associated, &mut bytes).is_none());
        assert!(opener.open(0, &[], &mut [0; 7]).is_none());
    }

    #[test]
    fn every_cipher_of_tls_1_3_has_its_keys() {
        for suite in 0x1301..=0x1305 {
            let (cipher, hash) = Cipher::of_suite(suite).unwrap();
            let secret = [7; 48];
            let secret = hash.prk(&secret[..hash.output_len()]);
            assert!(Opener::derive(cipher, &secret, "key", "iv").is_some());
            assert!(HeaderProtection::derive(cipher, &secret, "quic hp").is_some());
            assert!(Opener::new(cipher, &[0; 5], [0; 12]).is_none());
        }
        assert!(Cipher::of_suite(0xc02b).is_none());
    }

    #[test]
    fn expansion_beyond_one_block_follows_rfc_5869() {
        // The second block chains the first, so a prefix of a longer output differs only by its length field.
        let mut long = [0; 80];
        assert!(Hash::Sha384.prk(&[7; 48]).expand_label("x", &mut long));
        assert_ne!(long[..32], long[48..]);
        assert!(
            !Hash::Sha256
                .prk(&[7; 32])
                .expand_label("x", &mut vec![0; 32 * 256])
        );
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let secret = Secret::new(&[0xab; 32]).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(32 bytes)");
        assert!(Secret::new(&[0; 49]).is_none());
    }
}
