//! The keys of IEEE 802.11 (802.11-2020 12.7.1, Annex J.4), and what TKIP does with them (12.5.2).

use std::num::NonZeroU32;

use ring::pbkdf2;

use super::block;
use super::mac::Digest;

/// The pairwise master key of a passphrase (J.4.1): 4,096 rounds, some milliseconds.
#[must_use]
pub fn psk(passphrase: &[u8], ssid: &[u8]) -> [u8; 32] {
    const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4_095);
    let mut psk = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, ROUNDS, ssid, passphrase, &mut psk);
    psk
}

/// Fills `out` with PRF (12.7.1.2), of which the hash is SHA-1.
pub fn prf(key: &[u8], label: &[u8], data: &[u8], out: &mut [u8]) {
    for (number, block) in (0..=u8::MAX).zip(out.chunks_mut(Digest::Sha1.output_len())) {
        fill(
            block,
            &Digest::Sha1.hmac(key, &[label, &[0], data, &[number]]),
        );
    }
}

/// Fills `out` with KDF-Hash-Length (12.7.1.6.2).
pub fn kdf(digest: Digest, key: &[u8], label: &[u8], data: &[u8], out: &mut [u8]) {
    let bits = u16::try_from(out.len() * 8).unwrap_or(u16::MAX);
    for (number, block) in (1..=u16::MAX).zip(out.chunks_mut(digest.output_len())) {
        let parts = [
            &number.to_le_bytes()[..],
            label,
            data,
            &bits.to_le_bytes()[..],
        ];
        fill(block, &digest.hmac(key, &parts));
    }
}

fn fill(block: &mut [u8], with: &[u8]) {
    for (to, from) in block.iter_mut().zip(with) {
        *to = *from;
    }
}

/// Decrypts a frame of TKIP in place, of which the sequence counter is `tsc` (12.5.2.2).
pub fn tkip(key: &[u8; 16], sender: &[u8; 6], tsc: u64, body: &mut [u8]) {
    block::rc4(&mixed(key, sender, tsc), 0, body);
}

/// The key of one frame (12.5.2.6), in which the first three bytes are as they are on the wire.
fn mixed(key: &[u8; 16], sender: &[u8; 6], tsc: u64) -> [u8; 16] {
    let [t0, t1, t2, t3, t4, t5, ..] = tsc.to_le_bytes();
    let low = u16::from_le_bytes([t0, t1]);
    let (words, _) = key.as_chunks::<2>();
    let words: [u16; 8] =
        std::array::from_fn(|at| words.get(at).map_or(0, |word| u16::from_le_bytes(*word)));
    let [k0, k1, k2, k3, k4, k5, k6, k7] = words;
    let [a0, a1, a2, a3, a4, a5] = *sender;
    let mut p = [
        u16::from_le_bytes([t2, t3]),
        u16::from_le_bytes([t4, t5]),
        u16::from_le_bytes([a0, a1]),
        u16::from_le_bytes([a2, a3]),
        u16::from_le_bytes([a4, a5]),
    ];
    for round in 0..8_u16 {
        let [w0, w1, w2, w3] = match round % 2 {
            0 => [k0, k2, k4, k6],
            _ => [k1, k3, k5, k7],
        };
        p[0] = p[0].wrapping_add(substitute(p[4] ^ w0));
        p[1] = p[1].wrapping_add(substitute(p[0] ^ w1));
        p[2] = p[2].wrapping_add(substitute(p[1] ^ w2));
        p[3] = p[3].wrapping_add(substitute(p[2] ^ w3));
        p[4] = p[4].wrapping_add(substitute(p[3] ^ w0)).wrapping_add(round);
    }
    let [p0, p1, p2, p3, p4] = p;
    let mut q = [p0, p1, p2, p3, p4, p4.wrapping_add(low)];
    q[0] = q[0].wrapping_add(substitute(q[5] ^ k0));
    q[1] = q[1].wrapping_add(substitute(q[0] ^ k1));
    q[2] = q[2].wrapping_add(substitute(q[1] ^ k2));
    q[3] = q[3].wrapping_add(substitute(q[2] ^ k3));
    q[4] = q[4].wrapping_add(substitute(q[3] ^ k4));
    q[5] = q[5].wrapping_add(substitute(q[4] ^ k5));
    q[0] = q[0].wrapping_add((q[5] ^ k6).rotate_right(1));
    q[1] = q[1].wrapping_add((q[0] ^ k7).rotate_right(1));
    q[2] = q[2].wrapping_add(q[1].rotate_right(1));
    q[3] = q[3].wrapping_add(q[2].rotate_right(1));
    q[4] = q[4].wrapping_add(q[3].rotate_right(1));
    q[5] = q[5].wrapping_add(q[4].rotate_right(1));
    let [last, _] = ((q[5] ^ k0) >> 1).to_le_bytes();
    let mut mixed = [0; 16];
    let (head, tail) = mixed.split_at_mut(4);
    head.copy_from_slice(&[t1, (t1 | 0x20) & 0x7f, t0, last]);
    for (to, from) in tail
        .iter_mut()
        .zip(q.iter().flat_map(|it| it.to_le_bytes()))
    {
        *to = from;
    }
    mixed
}

/// The substitution of TKIP: that of AES, times two and times three.
const fn substitute(value: u16) -> u16 {
    const fn wide(byte: u8) -> u16 {
        let once = SUBSTITUTION[byte as usize];
        let twice = times(once, 2);
        u16::from_be_bytes([twice, twice ^ once])
    }
    let [high, low] = value.to_be_bytes();
    wide(low) ^ wide(high).swap_bytes()
}

/// FIPS 197 5.1.1.
const SUBSTITUTION: [u8; 256] = {
    let mut all = [0; 256];
    let mut at = 0_u8;
    loop {
        // The inverse is the 254th power.
        let (mut inverse, mut power) = (1, 0);
        while power < 254 {
            inverse = times(inverse, at);
            power += 1;
        }
        all[at as usize] = inverse
            ^ inverse.rotate_left(1)
            ^ inverse.rotate_left(2)
            ^ inverse.rotate_left(3)
            ^ inverse.rotate_left(4)
            ^ 0x63;
        if at == u8::MAX {
            break all;
        }
        at += 1;
    }
};

/// Multiplication in the field of AES (FIPS 197 4.2).
const fn times(one: u8, other: u8) -> u8 {
    let (mut one, mut other, mut product) = (one, other, 0);
    while other != 0 {
        if other & 1 == 1 {
            product ^= one;
        }
        one = one << 1 ^ if one & 0x80 == 0 { 0 } else { 0x1b };
        other >>= 1;
    }
    product
}

/// The integrity check value of WEP and TKIP, and the check sequence of any frame (9.2.4.8, 12.3.2.4.3):
/// CRC-32, as it is sent.
#[must_use]
pub fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut check = flate2::Crc::new();
    check.update(bytes);
    check.sum().to_le_bytes()
}

/// The message integrity code of TKIP, Michael (12.5.2.3).
#[must_use]
pub fn michael(key: &[u8; 8], parts: &[&[u8]]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h] = *key;
    let (mut left, mut right) = (
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    );
    let mut bytes = parts.concat();
    bytes.push(0x5a);
    bytes.extend([0; 4]);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let (words, _) = bytes.as_chunks::<4>();
    for word in words {
        left ^= u32::from_le_bytes(*word);
        right ^= left.rotate_left(17);
        left = left.wrapping_add(right);
        right ^= (left & 0xff00_ff00) >> 8 | (left & 0x00ff_00ff) << 8;
        left = left.wrapping_add(right);
        right ^= left.rotate_left(3);
        left = left.wrapping_add(right);
        right ^= left.rotate_right(2);
        left = left.wrapping_add(right);
    }
    (u64::from(right) << 32 | u64::from(left)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// IEEE 802.11-2020 J.4.2.
    #[test]
    fn passphrases_of_annex_j() {
        let known = [
            (
                "password",
                "IEEE",
                "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e",
            ),
            (
                "ThisIsAPassword",
                "ThisIsASSID",
                "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
            ),
        ];
        for (passphrase, ssid, expected) in known {
            let psk = psk(passphrase.as_bytes(), ssid.as_bytes());
            assert_eq!(psk.to_vec(), hex(expected));
        }
    }

    /// IEEE 802.11-2020 J.3.2.
    #[test]
    fn pseudorandom_function_of_annex_j() {
        let mut out = [0; 64];
        prf(&[0x0b; 20], b"prefix", b"Hi There", &mut out);
        assert_eq!(
            out.to_vec(),
            hex(
                "bcd4c650b30b9684951829e0d75f9d54b862175ed9f00606e17d8da35402ffee75df78c3d31e0f889f012120c0862beb67753e7439ae242edb8373698356cf5a"
            )
        );
    }

    /// IEEE 802.11-2020 J.5.1: key, sequence counter and result.
    #[test]
    fn mixing_of_annex_j() {
        let key = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let sender = hex("102233445566").try_into().unwrap();
        let made = mixed(&key, &sender, 0);
        assert_eq!(made.to_vec(), hex("00200033ea8d2f60ca6d1374234a660b"));
        let made = mixed(&key, &sender, 1);
        assert_eq!(made.to_vec(), hex("00200190ffdc314389a9d9d074fd20aa"));
    }

    #[test]
    fn check_sequence_of_its_usual_example() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926_u32.to_le_bytes());
    }

    /// IEEE 802.11-2020 J.6.1: each code is the key of the next.
    #[test]
    fn michael_of_annex_j() {
        let mut key = [0; 8];
        for (message, code) in [
            ("", "82925c1ca1d130b8"),
            ("M", "434721ca40639b3f"),
            ("Mi", "e8f9becae97e5d29"),
            ("Mic", "90038fc6cf13c1db"),
            ("Mich", "d55e100510128986"),
            ("Michael", "0a942b124ecaa546"),
        ] {
            let (one, other) = message.as_bytes().split_at(message.len() / 2);
            key = michael(&key, &[one, other]);
            assert_eq!(key.to_vec(), hex(code));
        }
    }
}
