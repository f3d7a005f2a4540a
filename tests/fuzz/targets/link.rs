//! Any frame on any link type: the first two bytes choose it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::frame::{Frame, FrameNo, InterfaceId, LinkType};
use whylencr::limits::Limits;
use whylencr::time::Timestamp;
use whylencr::wire::{Decoder, subframes};

fuzz_target!(|data: &[u8]| {
    let [high, low, bytes @ ..] = data else { return };
    let mut decoder = Decoder::new(&Limits::default());
    let frame = Frame {
        no: FrameNo(1),
        at: Timestamp::EPOCH,
        link: LinkType(u32::from(u16::from_be_bytes([*high & 1, *low]))),
        interface: InterfaceId(0),
        wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        crossing: None,
        comment: None,
        bytes,
    };
    // Twice, so that a fragment meets itself.
    let _ = decoder.decode(&frame);
    let _ = decoder.decode(&frame);
    for part in subframes(&frame).into_iter().flatten() {
        let _ = decoder.decode(&part);
    }
});
