//! A security association of ESP, as a line of Wireshark's `esp_sa` says it, which is also what strongSwan's
//! plugin `save-keys` writes.

use std::net::IpAddr;

use super::super::super::rest::Rest;
use super::super::super::tables::octets;
use super::{before_trailer, proven};
use crate::crypto::block::{self, Cbc};
use crate::crypto::mac::Digest;
use crate::crypto::{self, Opener};

/// Keys to what goes from some addresses to others with some number.
pub(in crate::wire) struct Association {
    src: Pattern,
    dst: Pattern,
    v6: bool,
    /// The number (SPI), and which of its bits are said.
    pub(super) spi: (u32, u32),
    cipher: Cipher,
    key: Box<[u8]>,
    check: Check,
    check_key: Box<[u8]>,
    pub(super) used: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cipher {
    /// RFC 2410.
    Null,
    /// RFC 2405, RFC 2451, RFC 3602.
    Cbc(Cbc),
    /// RFC 3686.
    Ctr,
    /// RFC 4106, with so many bytes of integrity check value, if that is said.
    Gcm(Option<usize>),
    /// RFC 7634.
    ChaCha20Poly1305,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Check {
    /// With so many bytes of it.
    Hmac(Digest, usize),
    /// So many bytes that are not checked.
    Unknown(usize),
}

/// An address of which some bits may be any.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    bits: u128,
    mask: u128,
}

impl Association {
    /// From the fields of a line: IPv4 or IPv6, addresses and number, cipher and its key, integrity algorithm
    /// and its key.
    pub(in crate::wire) fn of(
        protocol: &[u8],
        [src, dst, spi]: [&[u8]; 3],
        [cipher, key]: [&[u8]; 2],
        [check, check_key]: [&[u8]; 2],
    ) -> Result<Self, &'static str> {
        let v6 = protocol == b"IPv6";
        let address =
            |text| Pattern::of(text, v6).ok_or("an address of ESP is an address or has * in parts");
        let (cipher, lengths) = Cipher::of(cipher).ok_or(
            "ESP is opened with NULL, DES-CBC, TripleDES-CBC, AES-CBC, AES-CTR, AES-GCM and ChaCha20 with Poly1305",
        )?;
        let key = key_of(key).ok_or("a key of ESP is 0x and hexadecimal digits, or text")?;
        if !lengths.contains(&key.len()) {
            return Err("the key of ESP has a length that its cipher does not have");
        }
        Ok(Self {
            src: address(src)?,
            dst: address(dst)?,
            v6,
            spi: number(spi).ok_or("an SPI is 0x and eight hexadecimal digits, or *")?,
            cipher,
            key,
            check: Check::of(check).ok_or("the integrity algorithm of ESP is not known here")?,
            check_key: key_of(check_key)
                .ok_or("a key of ESP is 0x and hexadecimal digits, or text")?,
            used: false,
        })
    }

    /// Whether it is for packets between these addresses.
    pub(super) fn is_between(&self, src: IpAddr, dst: IpAddr) -> bool {
        src.is_ipv6() == self.v6 && self.src.has(src) && self.dst.has(dst)
    }

    /// Whether it says the same of the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.spi == other.spi
            && self.key == other.key
            && self.check_key == other.check_key
            && (self.cipher, self.check) == (other.cipher, other.check)
            && (self.src.bits, self.src.mask) == (other.src.bits, other.src.mask)
            && (self.dst.bits, self.dst.mask) == (other.dst.bits, other.dst.mask)
    }

    /// Opens a packet; gives the number of what is inside, and the bytes of that.
    pub(super) fn open(&self, packet: &[u8], src: IpAddr, dst: IpAddr) -> Option<(u8, Vec<u8>)> {
        let (mut plain, is_proven) = self.plain(packet)?;
        let rest = Rest {
            bytes: &plain,
            cut: 0,
        };
        let (number, inside) = match is_proven {
            true => before_trailer(rest)?,
            false => proven(rest, src, dst)?,
        };
        let length = inside.bytes.len();
        plain.truncate(length);
        Some((number, plain))
    }

    /// What is encrypted, with its trailer, and whether it is proven to be right.
    fn plain(&self, packet: &[u8]) -> Option<(Vec<u8>, bool)> {
        const HEADER: usize = 8;
        let (header, _) = packet.split_first_chunk::<HEADER>()?;
        match self.cipher {
            Cipher::Gcm(Some(length)) => self.galois(packet, header, length),
            // strongSwan's word for the length is not always right.
            Cipher::Gcm(None) => {
                let mut lengths = [16, 12, 8].into_iter();
                lengths.find_map(|length| self.galois(packet, header, length))
            }
            Cipher::ChaCha20Poly1305 => {
                let (vector, body) = packet.get(HEADER..)?.split_first_chunk::<8>()?;
                let (key, salt) = self.key.split_last_chunk::<4>()?;
                let mut nonce = [0; 12];
                *nonce.first_chunk_mut()? = *salt;
                let opener = Opener::new(crypto::Cipher::ChaCha20Poly1305, key, nonce)?;
                associated(header).into_iter().find_map(|associated| {
                    let mut body = body.to_vec();
                    let vector = u64::from_be_bytes(*vector);
                    let length = opener.open(vector, &associated, &mut body)?.len();
                    body.truncate(length);
                    Some((body, true))
                })
            }
            _ => {
                let (packet, is_proven) = self.check.passed(&self.check_key, packet)?;
                let body = self.decrypted(packet.get(HEADER..)?)?;
                Some((body, is_proven))
            }
        }
    }

    /// The same with AES-GCM (RFC 4106).
    fn galois(&self, packet: &[u8], header: &[u8; 8], length: usize) -> Option<(Vec<u8>, bool)> {
        let (salted, tag) = packet.split_at_checked(packet.len().checked_sub(length)?)?;
        let (vector, body) = salted.get(header.len()..)?.split_first_chunk::<8>()?;
        let (key, salt) = self.key.split_last_chunk::<4>()?;
        let nonce = [&salt[..], vector].concat().try_into().ok()?;
        associated(header).into_iter().find_map(|associated| {
            let mut body = body.to_vec();
            block::gcm_open(key, &nonce, &associated, &mut body, tag).map(|()| (body, true))
        })
    }

    fn decrypted(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        match self.cipher {
            Cipher::Cbc(cipher) => {
                let (vector, body) = sealed.split_at_checked(cipher.block())?;
                let mut body = body.to_vec();
                block::cbc_open(cipher, &self.key, vector, &mut body).map(|()| body)
            }
            Cipher::Ctr => {
                let (vector, body) = sealed.split_first_chunk::<8>()?;
                let (key, nonce) = self.key.split_last_chunk::<4>()?;
                let first = [&nonce[..], vector, &[0, 0, 0, 1]].concat();
                let mut body = body.to_vec();
                block::ctr(key, &first.try_into().ok()?, &mut body).map(|()| body)
            }
            _ => Some(sealed.to_vec()),
        }
    }
}

impl std::fmt::Debug for Association {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Association");
        shown.field("cipher", &self.cipher).finish_non_exhaustive()
    }
}

impl Cipher {
    /// With the lengths that its key may have, with salt or nonce.
    fn of(name: &[u8]) -> Option<(Self, &'static [usize])> {
        const SALTED: &[usize] = &[20, 28, 36];
        const ALL: &[(&str, Cipher, &[usize])] = &[
            ("NULL", Cipher::Null, &[0]),
            ("DES-CBC [RFC2405]", Cipher::Cbc(Cbc::Des), &[8]),
            // strongSwan has another spelling.
            (
                "TripleDES-CBC [RFC2451]",
                Cipher::Cbc(Cbc::TripleDes),
                &[24],
            ),
            ("AES-CBC [RFC3602]", Cipher::Cbc(Cbc::Aes), &[16, 24, 32]),
            ("AES-CTR [RFC3686]", Cipher::Ctr, SALTED),
            ("AES-GCM [RFC4106]", Cipher::Gcm(None), SALTED),
            (
                "AES-GCM with 8 octet ICV [RFC4106]",
                Cipher::Gcm(Some(8)),
                SALTED,
            ),
            (
                "AES-GCM with 12 octet ICV [RFC4106]",
                Cipher::Gcm(Some(12)),
                SALTED,
            ),
            (
                "AES-GCM with 16 octet ICV [RFC4106]",
                Cipher::Gcm(Some(16)),
                SALTED,
            ),
            (
                "ChaCha20 with Poly1305 [RFC7634]",
                Cipher::ChaCha20Poly1305,
                &[36],
            ),
        ];
        let found = ALL
            .iter()
            .find(|(of, ..)| name.eq_ignore_ascii_case(of.as_bytes()));
        found.map(|(_, cipher, lengths)| (*cipher, *lengths))
    }
}

impl Check {
    fn of(name: &[u8]) -> Option<Self> {
        use Digest::{Md5, Sha1, Sha256, Sha384, Sha512};
        const ALL: &[(&str, Check)] = &[
            ("NULL", Check::Unknown(0)),
            ("HMAC-MD5-96 [RFC2403]", Check::Hmac(Md5, 12)),
            ("HMAC-SHA-1-96 [RFC2404]", Check::Hmac(Sha1, 12)),
            (
                "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]",
                Check::Hmac(Sha256, 12),
            ),
            ("HMAC-SHA-256-128 [RFC4868]", Check::Hmac(Sha256, 16)),
            ("HMAC-SHA-384-192 [RFC4868]", Check::Hmac(Sha384, 24)),
            ("HMAC-SHA-512-256 [RFC4868]", Check::Hmac(Sha512, 32)),
            // RIPEMD has few users and no key here checks it.
            ("MAC-RIPEMD-160-96 [RFC2857]", Check::Unknown(12)),
            ("ANY 64 bit authentication [no checking]", Check::Unknown(8)),
            (
                "ANY 96 bit authentication [no checking]",
                Check::Unknown(12),
            ),
            (
                "ANY 128 bit authentication [no checking]",
                Check::Unknown(16),
            ),
            (
                "ANY 192 bit authentication [no checking]",
                Check::Unknown(24),
            ),
            (
                "ANY 256 bit authentication [no checking]",
                Check::Unknown(32),
            ),
        ];
        let found = ALL
            .iter()
            .find(|(of, _)| name.eq_ignore_ascii_case(of.as_bytes()));
        found.map(|(_, check)| *check)
    }

    /// The packet before its integrity check value, and whether that was checked; None when it is wrong.
    fn passed<'a>(self, key: &[u8], packet: &'a [u8]) -> Option<(&'a [u8], bool)> {
        let (Self::Hmac(_, length) | Self::Unknown(length)) = self;
        let (packet, value) = packet.split_at_checked(packet.len().checked_sub(length)?)?;
        let Self::Hmac(digest, length) = self else {
            return Some((packet, false));
        };
        // Behind numbers of 64 bits stands the upper half (RFC 4303 2.2.1), which is 0 for long.
        let right = [&[][..], &[0; 4]]
            .into_iter()
            .any(|upper| digest.hmac(key, &[packet, upper]).get(..length) == Some(value));
        right.then_some((packet, true))
    }
}

/// What is authenticated beside the data: the header, in which a number of 64 bits may be meant whose upper
/// half is 0 for long.
fn associated([a, b, c, d, e, f, g, h]: &[u8; 8]) -> [Vec<u8>; 2] {
    [
        vec![*a, *b, *c, *d, *e, *f, *g, *h],
        vec![*a, *b, *c, *d, 0, 0, 0, 0, *e, *f, *g, *h],
    ]
}

impl Pattern {
    /// An address, in which any part may be `*`, or all of it. What is said of the length of a network counts as well.
    fn of(text: &[u8], v6: bool) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if text == "*" {
            return Some(Self { bits: 0, mask: 0 });
        }
        let (text, length) = match text.split_once('/') {
            Some((text, length)) => (text, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (separator, highest) = if v6 { (':', "ffff") } else { ('.', "255") };
        let with = |any: &str| {
            let parts = text.split(separator);
            let parts: Vec<_> = parts
                .map(|part| if part == "*" { any } else { part })
                .collect();
            let address: IpAddr = parts.join(&separator.to_string()).parse().ok()?;
            (address.is_ipv6() == v6).then(|| bits(address))
        };
        let (low, high) = (with("0")?, with(highest)?);
        let width: u32 = if v6 { 128 } else { 32 };
        let network = match length {
            Some(length) => u128::MAX
                .checked_shl(width.checked_sub(length)?)
                .unwrap_or(0),
            None => u128::MAX,
        };
        let mask = !(low ^ high) & network;
        Some(Self {
            bits: low & mask,
            mask,
        })
    }

    fn has(&self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.bits
    }
}

const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits() as u128,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// A number in hexadecimal, in which any digit may be `*`, or all of it.
fn number(text: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    if text == "*" {
        return Some((0, 0));
    }
    let Some(digits) = text.strip_prefix("0x") else {
        return Some((text.parse().ok()?, u32::MAX));
    };
    let with = |any| u32::from_str_radix(&digits.replace('*', any), 16).ok();
    let (low, high) = (with("0")?, with("f")?);
    Some((low, !(low ^ high)))
}

fn key_of(text: &[u8]) -> Option<Box<[u8]>> {
    match text.strip_prefix(b"0x") {
        Some(_) => octets(text).map(Vec::into_boxed_slice),
        None => Some(text.into()),
    }
}
