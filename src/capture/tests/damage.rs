//! Damaged and hostile files: they end, they say where, and they cost no memory.

use proptest::prelude::*;

use super::build::{Capture, Out, collect, transcript};
use crate::capture::{Item, Reader};

fn end_of(bytes: &[u8]) -> String {
    let lines = transcript(bytes);
    lines
        .into_iter()
        .find(|line| line.starts_with("ended"))
        .unwrap()
}

#[test]
fn a_corrupt_length_says_where_it_is() {
    let capture = Capture::example();
    let mut bytes = capture.pcap(false, 0xa1b2_c3d4);
    // The length of the second packet.
    let second = 24 + 16 + 60;
    bytes[second + 8..second + 12].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    assert_eq!(
        end_of(&bytes),
        "ended damaged at byte 100: packet 2 claims 2147483647 captured bytes, more than the 262144 that are possible"
    );
    let mut bytes = capture.pcap(false, 0xa1b2_c3d4);
    bytes.extend([0; 64]);
    assert!(end_of(&bytes).contains("not closed properly"));
    bytes.truncate(bytes.len() - 70);
    assert_eq!(
        end_of(&bytes),
        format!(
            "ended cut at byte {}: packet 5 is cut: 73 of 79 bytes are there",
            bytes.len() - 73
        )
    );
}

#[test]
fn pcapng_blocks_that_lie_about_their_length_end_the_reading() {
    let good = || {
        let mut out = Out::new(false);
        out.section()
            .interface(1, 0, &[])
            .packet(0, 0, 2, b"ab", &[]);
        out
    };
    let mut out = good();
    out.u32(6).u32(36).bytes(&[0; 24]).u32(40);
    assert_eq!(
        end_of(&out.into_bytes()),
        "ended damaged at byte 84: a block of 36 bytes gives another length at its end"
    );
    let mut out = good();
    out.u32(6).u32(8).u32(0).u32(8);
    assert!(end_of(&out.into_bytes()).contains("type 0x6 claims to be 8 bytes long"));
    let mut out = good();
    out.bytes(&[0; 100]);
    assert!(end_of(&out.into_bytes()).contains("not closed properly"));
    let mut out = good();
    out.u32(0x0a0d_0d0a)
        .u32(28)
        .u32(0x1234_5678)
        .bytes(&[0; 16]);
    assert!(end_of(&out.into_bytes()).contains("byte-order magic"));
    let mut out = good();
    out.u32(0x0bad).u32(0xffff_fff0).bytes(&[0; 50]);
    assert!(end_of(&out.into_bytes()).contains("58 of 4294967280 bytes are there"));
}

#[test]
fn what_is_broken_inside_a_sound_block_is_skipped() {
    let mut out = Out::new(false);
    out.section()
        .packet(0, 0, 1, b"early", &[])
        .block(1, &[1, 0, 0, 0])
        .interface(1, 0, &[])
        .block(6, &[0; 16])
        .block_of(6, |body| {
            body.u32(0).u32(0).u32(0).u32(99).u32(99).u32(0);
        })
        .block_of(5, |body| {
            body.u32(0);
        })
        .block_of(10, |body| {
            body.u32(0x544c_534b).u32(99);
        })
        .block_of(4, |body| {
            body.u16(1).u16(60_000).u32(0);
        })
        .packet(0, 0, 2, b"ok", &[(1, b"fine")]);
    let lines = transcript(&out.into_bytes());
    assert_eq!(lines[1], "frame 1 at 0 link 1 on 0 2/2 \"fine\"");
    assert!(lines[2].starts_with("ended damaged at byte 28: a packet of an interface"));
    assert!(
        lines[2].ends_with("6 such blocks were skipped"),
        "{}",
        lines[2]
    );
    assert_eq!(lines.len(), 9);
}

#[test]
fn headers_that_make_no_sense_are_refused_in_words() {
    let error = |bytes: &[u8]| match Reader::new(bytes) {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        error(&[0xd4, 0xc3, 0xb2, 0xa1, 2]),
        "the pcap file header is cut: 5 of 24 bytes are there"
    );
    let mut out = Out::new(true);
    out.u32(0xa1b2_c3d4).u16(7).u16(4).bytes(&[0; 16]);
    assert_eq!(
        error(&out.into_bytes()),
        "it says pcap version 7.4, and only version 2 is known"
    );
    let mut out = Out::new(true);
    out.u32(0x0a0d_0d0a)
        .u32(28)
        .u32(0x1a2b_3c4d)
        .u16(2)
        .u16(0)
        .u64(0)
        .u32(28);
    assert_eq!(
        error(&out.into_bytes()),
        "a section of pcapng version 2, and only version 1 is known"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The number of items is bounded by the number of bytes, so every step makes progress.
    #[test]
    fn any_bytes_end(
        start in 0..5_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let mut all = match start {
            0 => vec![0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
            1 => { let mut out = Out::new(false); out.section().interface(1, 0, &[]); out.into_bytes() }
            2 => { let mut out = Out::new(true); out.section(); out.into_bytes() }
            3 => Capture::example().pcap(true, 0xa1b2_cd34),
            _ => Vec::new(),
        };
        all.extend(&bytes);
        if let Ok(mut reader) = Reader::with_buffer(all.as_slice(), 64) {
            let mut items = 0;
            while reader.next_item().is_some() {
                items += 1;
                prop_assert!(items <= all.len());
            }
            prop_assert!(reader.ended().is_some());
            prop_assert!(reader.next_item().is_none());
        }
    }

    /// Flipping bytes of good files reaches deeper than random bytes do.
    #[test]
    fn flipped_bytes_end(big in any::<bool>(), flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut out = Out::new(big);
        out.section()
            .interface(1, 0, &[(2, b"eth0"), (9, &[9]), (14, &[0; 8])])
            .packet(0, 5, 9, b"abcdefghi", &[(1, b"u-5"), (2, &[1; 4]), (0x8001, &[0; 4]), (1, b"more")])
            .block_of(4, |body| { body.u16(1).u16(6).bytes(&[1, 2, 3, 4, b'n', 0]).pad().u32(0); })
            .block_of(5, |body| { body.u32(0).u64(0).u16(5).u16(8).u64(7).u32(0); })
            .block_of(10, |body| { body.u32(0x544c_534b).u32(4).bytes(b"keys"); })
            .block_of(0x8000_0001, |body| { body.u32(1).options(&[(2, b"name")]); })
            .block_of(0x0bad, |body| { body.u32(62_652).u16(1).bytes(&[1, 0]).u32(5).bytes(&[1, 1, b'p', b'a']); })
            .packet(0, 6, 3, b"xyz", &[(1, b"u-5")]);
        let mut bytes = out.into_bytes();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(mut reader) = Reader::with_buffer(bytes.as_slice(), 64) {
            let mut held = 0;
            while let Some(item) = reader.next_item() {
                if let Item::Frame(frame) = item {
                    prop_assert!(frame.wire_len as usize >= frame.bytes.len());
                    held += frame.bytes.len();
                }
            }
            prop_assert!(held <= bytes.len());
        }
    }

    /// However a pipe cuts its bytes into reads, the frames are the same.
    #[test]
    fn reads_of_any_size_give_the_same_frames(sizes in proptest::collection::vec(1..40_usize, 1..50)) {
        for bytes in [Capture::example().pcap(false, 0xa1b2_3c4d), Capture::example().pcapng(true, 9)] {
            let dribble = Dribble { bytes: &bytes, sizes: sizes.iter().cycle() };
            let mut reader = Reader::with_buffer(dribble, 64).unwrap();
            prop_assert_eq!(collect(&mut reader), Capture::example().seen());
        }
    }
}

struct Dribble<'a, I> {
    bytes: &'a [u8],
    sizes: I,
}

impl<'a, I: Iterator<Item = &'a usize>> std::io::Read for Dribble<'_, I> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes.next().copied().unwrap_or(1).min(buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}
