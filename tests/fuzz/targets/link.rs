//! Any frames on any link type: the first two bytes choose it, whether one frame follows or several, each
//! behind its length, and whether there are keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::frame::{Frame, FrameNo, InterfaceId, LinkType};
use whylencr::limits::Limits;
use whylencr::time::Timestamp;
use whylencr::wire::{Decoder, subframes};

const SEVERAL: u8 = 0x80;
const KEYED: u8 = 0x40;

/// Those of `tests/oracle/wireguard.py` and `tests/oracle/keyed.py`.
const KEYS: &[u8] = br#"
LOCAL_STATIC_PRIVATE_KEY = AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=
REMOTE_STATIC_PUBLIC_KEY = zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=
LOCAL_EPHEMERAL_PRIVATE_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M=
PRESHARED_KEY = BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBUU=
"wpa-psk","f98f408d7d3d5958bddfb0e9b039c5efa7d97611f216b59575ac76592d30d92d"
"wpa-psk","808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
"wpa-psk","808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
"wep","0102030405"
"tk","7b2b1455597bb4b17fae64ed4dcfcb8a"
"505152535455565758595a5b5c5d5e5f","1","No hash"
"IPv4","*","*","0x1234abcd","NULL","","HMAC-SHA-1-96 [RFC2404]","0x14131211100f0e0d0c0b0a090807060504030201"
"IPv4","*","*","0x1234abcd","AES-CBC [RFC3602]","0x0102030405060708090a0b0c0d0e0f10","HMAC-SHA-1-96 [RFC2404]","0x14131211100f0e0d0c0b0a090807060504030201"
"IPv4","*","*","0x1234abcd","AES-CBC [RFC3602]","0x0102030405060708090a0b0c0d0e0f10","NULL",""
"IPv4","*","*","0x1234abcd","AES-CTR [RFC3686]","0x0102030405060708090a0b0c0d0e0f1011121314","ANY 96 bit authentication [no checking]",""
"IPv4","*","*","0x1234abcd","AES-GCM with 8 octet ICV [RFC4106]","0x0102030405060708090a0b0c0d0e0f1011121314","NULL",""
"IPv4","*","*","0x1234abcd","ChaCha20 with Poly1305 [RFC7634]","0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324","NULL",""
"#;

fuzz_target!(|data: &[u8]| {
    let [high, low, bytes @ ..] = data else {
        return;
    };
    let mut decoder = Decoder::new(&Limits::default());
    if high & KEYED != 0 {
        decoder.secrets(KEYS);
    }
    let link = LinkType(u32::from(u16::from_be_bytes([*high & 1, *low])));
    let mut left = bytes;
    loop {
        let bytes = match left {
            _ if high & SEVERAL == 0 => std::mem::take(&mut left),
            [high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
                let (bytes, rest) = rest.split_at(length);
                left = rest;
                bytes
            }
            _ => return,
        };
        read(&mut decoder, link, bytes);
        if left.is_empty() {
            return;
        }
    }
});

fn read(decoder: &mut Decoder, link: LinkType, bytes: &[u8]) {
    let frame = Frame {
        no: FrameNo::new(1),
        at: Timestamp::EPOCH,
        link,
        interface: InterfaceId(0),
        wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        crossing: None,
        comment: None,
        bytes,
    };
    // Twice, so that a fragment meets itself.
    for _ in 0..2 {
        let _ = decoder.decode(&frame);
        while decoder.further(&frame).is_some() {}
    }
    for part in subframes(&frame).into_iter().flatten() {
        let _ = decoder.decode(&part);
        while decoder.further(&part).is_some() {}
    }
}
