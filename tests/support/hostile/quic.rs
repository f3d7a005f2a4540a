//! QUIC Initials as RFC 9001 5 protects them: with keys that anybody can derive from the connection id.

use std::io;

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::packets::{Capture, SERVER, client};

/// initial_salt of version 1 (RFC 9001 5.2).
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label (RFC 8446 7.1).
fn expand(secret: &Prk, label: &str, length: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let info = [
        &(length as u16).to_be_bytes()[..],
        &[label.len() as u8],
        label.as_bytes(),
        &[0],
    ]
    .concat();
    let mut out = vec![0; length];
    if let Ok(okm) = secret.expand(&[&info], Length(length)) {
        // The length is the one that was asked for.
        let _ = okm.fill(&mut out);
    }
    out
}

/// A client's first Initial with these frames.
fn initial(id: [u8; 8], frames: &[u8]) -> Option<Vec<u8>> {
    let secret = Salt::new(HKDF_SHA256, &SALT).extract(&id);
    let secret = Prk::new_less_safe(HKDF_SHA256, &expand(&secret, "client in", 32));
    let key =
        LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &expand(&secret, "quic key", 16)).ok()?);
    let nonce: [u8; 12] = expand(&secret, "quic iv", 12).try_into().ok()?;
    let header_key = HeaderProtectionKey::new(&AES_128, &expand(&secret, "quic hp", 16)).ok()?;
    let mut packet = vec![0xc0, 0, 0, 0, 1, 8];
    packet.extend(id);
    packet.extend([0, 0]);
    packet.extend((0x4000 | (1 + frames.len() + 16) as u16).to_be_bytes());
    let number_at = packet.len();
    packet.push(0);
    let mut body = frames.to_vec();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(&packet),
        &mut body,
    )
    .ok()?;
    packet.extend(body);
    let mask = header_key
        .new_mask(&packet[number_at + 4..number_at + 20])
        .ok()?;
    packet[0] ^= mask[0] & 0x0f;
    packet[number_at] ^= mask[1];
    Some(packet)
}

impl Capture<'_> {
    pub(super) fn quic_initials(&mut self) -> io::Result<()> {
        let mut flow = 0;
        while self.has_room() {
            let id = self.random().to_be_bytes();
            // CRYPTO at offset 1: the byte before it never comes.
            let mut frames = vec![6, 1, 0x44, 0x4c];
            frames.resize(4 + 1_100, 0x5a);
            let datagram = initial(id, &frames).unwrap_or_default();
            self.udp(client(flow), (SERVER, 443), &datagram)?;
            flow += 1;
        }
        Ok(())
    }
}
