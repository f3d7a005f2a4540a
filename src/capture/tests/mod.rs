//! Tests of the room as a whole: one list of frames written in every format reads the same; every cut and
//! every garbage ends.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "small numbers of test captures"
)]

mod blocks;
mod build;
mod damage;
mod inputs;

use self::build::{Capture, Seen, collect};
use super::{Ended, Reader};

/// Every way to write the same frames.
fn matrix(capture: &Capture) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for big in [false, true] {
        for (magic, name) in [
            (0xa1b2_c3d4, "micro"),
            (0xa1b2_3c4d, "nano"),
            (0xa1b2_cd34, "kuznetzov"),
            (0x1c00_01ab, "ixia, micro"),
        ] {
            files.push((format!("pcap {name} big={big}"), capture.pcap(big, magic)));
        }
        for resolution in [6, 9, 0x80 | 30] {
            files.push((
                format!("pcapng {resolution:#x} big={big}"),
                capture.pcapng(big, resolution),
            ));
        }
    }
    files
}

#[test]
fn every_format_gives_the_same_frames() {
    let capture = Capture::example();
    let whole: Vec<Seen> = capture.seen();
    for (name, bytes) in matrix(&capture) {
        let mut reader = Reader::with_buffer(bytes.as_slice(), 64).unwrap();
        let seen = collect(&mut reader);
        if name.contains("micro") || name.contains("kuznetzov") || name.contains("0x6 ") {
            let micros: Vec<Seen> = whole.iter().map(Seen::to_micros).collect();
            assert_eq!(seen, micros, "{name}");
        } else if name.contains("0x9e") {
            // 2^-30 seconds is just above a nanosecond.
            let near = |(one, other): (&Seen, &Seen)| {
                (one.at - other.at).abs() <= 1 && one.bytes == other.bytes && one.no == other.no
            };
            assert!(
                seen.len() == whole.len() && seen.iter().zip(&whole).all(near),
                "{name}"
            );
        } else {
            assert_eq!(seen, whole, "{name}");
        }
        assert_eq!(reader.ended(), Some(&Ended::Clean), "{name}");
    }
}

/// The magic number does not say it: Ixia's hardware counts nanoseconds in some files.
#[test]
fn finer_times_of_ixia_are_told_by_their_size() {
    let capture = Capture::example();
    for big in [false, true] {
        let bytes = capture.pcap(big, 0x1c00_01ac);
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        assert_eq!(collect(&mut reader), capture.seen());
        assert_eq!(reader.format(), "pcap, Ixia's variant");
    }
}

#[test]
fn a_cut_at_any_byte_keeps_what_came_before() {
    let capture = Capture::example();
    for (name, bytes) in matrix(&capture) {
        let mut reader = Reader::with_buffer(bytes.as_slice(), 64).unwrap();
        let whole = collect(&mut reader);
        let mut longest = 0;
        for cut in 0..bytes.len() {
            let Ok(mut reader) = Reader::with_buffer(&bytes[..cut], 64) else {
                assert!(longest == 0, "{name} at {cut}");
                continue;
            };
            let seen = collect(&mut reader);
            assert!(whole.starts_with(&seen), "{name} at {cut}");
            assert!(seen.len() >= longest, "{name} at {cut}");
            longest = seen.len();
            let clean = reader.ended().unwrap().is_clean();
            let between_records = collect(
                &mut Reader::new(&bytes[..cut - 1])
                    .unwrap_or_else(|_| Reader::new(&bytes[..]).unwrap()),
            )
            .len()
                != seen.len();
            assert!(
                !clean || between_records || seen.is_empty(),
                "{name} at {cut}"
            );
        }
        assert_eq!(longest + 1, whole.len(), "{name}");
    }
}
