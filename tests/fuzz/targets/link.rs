//! Any frames on any link type: the first two bytes choose it, whether one frame follows or several, each behind its length, and whether
//! there are keys to a tunnel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::frame::{Frame, FrameNo, InterfaceId, LinkType};
use whylencr::limits::Limits;
use whylencr::time::Timestamp;
use whylencr::wire::{Decoder, subframes};

const SEVERAL: u8 = 0x80;
const KEYED: u8 = 0x40;

/// Those of `tests/oracle/wireguard.py`.
const KEYS: &[u8] = b"LOCAL_STATIC_PRIVATE_KEY = AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=\nREMOTE_STATIC_PUBLIC_KEY = zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=\n\
    LOCAL_EPHEMERAL_PRIVATE_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M=\nPRESHARED_KEY = BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBUU=";

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
        no: FrameNo(1),
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
