//! Files, compression, merging, following, and reading back what was written.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::build::{Capture, Seen, seen_of};
use crate::capture::compressed::Codec;
use crate::capture::expand::expand;
use crate::capture::merge::open_all;
use crate::capture::write::{PcapngWriter, Section};
use crate::capture::{Ended, Error, Item, Options, Source, from_reader, open, open_with};
use crate::frame::{Crossing, Frame, FrameNo, InterfaceId, LinkType};
use crate::time::Timestamp;

fn compress(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).unwrap();
            gzip.finish().unwrap()
        }
        Codec::Zstd => {
            ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
        }
        Codec::Lz4 => {
            let info = lz4_flex::frame::FrameInfo::new()
                .block_size(lz4_flex::frame::BlockSize::Max64KB)
                .block_checksums(true);
            let mut lz4 = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            lz4.write_all(bytes).unwrap();
            lz4.finish().unwrap()
        }
        Codec::Xz => {
            let mut xz =
                lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0))
                    .unwrap();
            xz.write_all(bytes).unwrap();
            xz.finish().unwrap()
        }
    }
}

const CODECS: [Codec; 4] = [Codec::Gzip, Codec::Zstd, Codec::Lz4, Codec::Xz];

fn source(bytes: Vec<u8>) -> Result<Source, Error> {
    from_reader(
        Box::new(Cursor::new(bytes)),
        "test",
        None,
        &Options::default(),
    )
}

fn frames(source: &mut Source) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(item) = source.next_item() {
        if let Item::Frame(frame) = item {
            seen.push(seen_of(&frame));
        }
    }
    seen
}

/// Enough frames with enough disorder that compressed blocks end inside of them.
fn long() -> Capture {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    Capture {
        frames: (0..2_000_u64)
            .map(|index| {
                let bytes: Vec<u8> = (0..next() % 300).map(|_| (next() % 200) as u8).collect();
                (index * 1_000, bytes.len() as u32, bytes)
            })
            .collect(),
    }
}

#[test]
fn compressed_captures_read_the_same_also_in_several_members() {
    let capture = long();
    let plain = capture.pcap(false, 0xa1b2_3c4d);
    let (one, two) = plain.split_at(plain.len() / 3);
    for codec in CODECS {
        let bytes = [compress(codec, one), compress(codec, two)].concat();
        let size = bytes.len() as u64;
        let mut source = source(bytes).unwrap();
        assert_eq!(frames(&mut source), capture.seen(), "{codec:?}");
        assert!(source.ended().is_clean(), "{codec:?} {}", source.ended());
        assert!(source.format().ends_with(codec.name()));
        assert_eq!(source.consumed(), size);
    }
}

#[test]
fn compressed_captures_that_are_cut_keep_what_came_before() {
    let capture = long();
    let plain = capture.pcap(false, 0xa1b2_3c4d);
    for codec in CODECS {
        let whole = compress(codec, &plain);
        let cut = &whole[..whole.len() * 3 / 4];
        let mut source = source(cut.to_vec()).unwrap();
        let seen = frames(&mut source);
        assert!(capture.seen().starts_with(&seen));
        assert!(seen.len() > 600, "{codec:?}: {} frames", seen.len());
        assert!(
            matches!(source.ended(), Ended::Cut { .. }),
            "{codec:?} {}",
            source.ended()
        );
    }
}

#[test]
fn compressed_garbage_ends() {
    let whole = long().pcap(false, 0xa1b2_3c4d);
    for codec in CODECS {
        let mut bytes = compress(codec, &whole);
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 40] {
            *byte ^= 0x5a;
        }
        let Ok(mut source) = source(bytes) else {
            continue;
        };
        frames(&mut source);
        assert!(!source.ended().is_clean(), "{codec:?}");
    }
}

#[test]
fn inputs_that_are_no_captures_are_refused() {
    let message = |bytes: &[u8]| source(bytes.to_vec()).err().unwrap().to_string();
    assert!(message(b"").starts_with("test is empty"));
    let twice = compress(Codec::Gzip, &compress(Codec::Xz, b"x"));
    assert!(message(&twice).contains("undo the outer gzip first (inside is xz)"));
    assert!(message(&compress(Codec::Zstd, b"<html>")).contains("an HTML page"));
    assert!(message(&[0x1f, 0x8b, 8, 0xff, 0]).contains("compressed with gzip"));
    assert!(message(&[0xd4, 0xc3, 0xb2, 0xa1]).contains("file header is cut"));

    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("is a folder") && error.contains("--recursive"));
    let error = open(&folder.path().join("none")).err().unwrap().to_string();
    assert!(error.contains("check the name"), "{error}");
}

#[test]
fn merging_sorts_by_time_and_ties_go_to_the_later_input() {
    let folder = tempfile::tempdir().unwrap();
    let inputs: [&[u64]; 3] = [&[10, 20, 20, 50], &[10, 20, 30], &[10, 5, 60]];
    let mut paths = Vec::new();
    for (file, times) in inputs.iter().enumerate() {
        let frames = times
            .iter()
            .map(|at| (*at, 2, vec![file as u8, *at as u8]))
            .collect();
        let path = folder.path().join(format!("{file}.pcap"));
        fs::write(&path, Capture { frames }.pcap(false, 0xa1b2_3c4d)).unwrap();
        paths.push(path);
    }
    // The order mergecap makes: heads compared, the last input first among equals.
    let expected: [(u8, u8); 10] = [
        (2, 10),
        (2, 5),
        (1, 10),
        (0, 10),
        (1, 20),
        (0, 20),
        (0, 20),
        (1, 30),
        (0, 50),
        (2, 60),
    ];
    let mut merged = open_all(&paths, None).unwrap();
    let (mut seen, mut interfaces) = (Vec::new(), Vec::new());
    while let Some(item) = merged.next_item() {
        match item {
            Item::Frame(frame) => {
                assert_eq!(frame.no.get(), seen.len() as u64 + 1);
                assert_eq!(frame.interface.0, u32::from(frame.bytes[0]));
                seen.push((frame.bytes[0], frame.bytes[1]));
            }
            Item::Interface(interface) => interfaces.push((interface.id.0, interface.file)),
            _ => {}
        }
    }
    assert_eq!(seen, expected);
    assert_eq!(interfaces, [(0, 0), (1, 1), (2, 2)]);
    assert_eq!(merged.damaged().count(), 0);
    assert_eq!(Some(merged.consumed()), merged.size());
}

#[test]
fn plain_frames_are_the_same_asked_for_apart_or_with_all_else() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("a.pcap", long().pcap(false, 0xa1b2_c3d4)),
        ("a.pcapng", long().pcapng(true, 9)),
        (
            "a.pcap.gz",
            compress(Codec::Gzip, &long().pcap(true, 0xa1b2_3c4d)),
        ),
    ] {
        let path = [folder.path().join(name)];
        fs::write(&path[0], bytes).unwrap();
        let numbered = |frame: &Frame<'_>| (frame.no, frame.interface, seen_of(frame));
        let (mut whole, mut expected) = (open_all(&path, None).unwrap(), Vec::new());
        while let Some(item) = whole.next_item() {
            if let Item::Frame(frame) = item {
                expected.push(numbered(&frame));
            }
        }
        let (mut mixed, mut seen, mut plain) = (open_all(&path, None).unwrap(), Vec::new(), 0);
        loop {
            // Now and then what could have been asked for apart is not.
            if seen.len() % 5 != 4
                && let Some(frame) = mixed.next_plain()
            {
                seen.push(numbered(&frame));
                plain += 1;
                continue;
            }
            match mixed.next_item() {
                Some(Item::Frame(frame)) => seen.push(numbered(&frame)),
                Some(_) => {}
                None => break,
            }
        }
        assert!(seen == expected && expected.len() == 2_000, "{name}");
        assert_eq!(mixed.frames(), whole.frames());
        assert_eq!(mixed.consumed(), whole.consumed());
        assert_eq!(plain > 0, !name.contains("ng"), "{name}");
    }
}

#[test]
fn a_large_rotated_set_comes_out_in_order_without_all_files_open() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for file in 0..1_500_u64 {
        // Overlapping by one with the next file.
        let frames = (0..5).map(|at| (file * 4 + at, 1, vec![1])).collect();
        let path = folder.path().join(format!("{file:04}.pcap"));
        fs::write(&path, Capture { frames }.pcap(true, 0xa1b2_3c4d)).unwrap();
        paths.push(path);
    }
    paths.reverse();
    let mut merged = open_all(&paths, None).unwrap();
    let (mut last, mut count, mut interfaces) = (Timestamp::EPOCH, 0, 0);
    while let Some(item) = merged.next_item() {
        match item {
            Item::Frame(frame) => {
                assert!(frame.at >= last);
                (last, count) = (frame.at, count + 1);
            }
            Item::Interface(_) => interfaces += 1,
            _ => {}
        }
    }
    assert_eq!((count, interfaces), (7_500, 1_500));
    assert_eq!(merged.damaged().count(), 0);
    assert_eq!(Some(merged.consumed()), merged.size());
}

#[test]
fn captures_can_be_read_in_a_thread_of_their_own() {
    fn moves<T: Send>() {}
    moves::<Source>();
    moves::<crate::capture::merge::Merged>();
}

#[test]
fn recursion_finds_captures_by_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let capture = Capture::example().pcapng(false, 9);
    fs::create_dir_all(at("b/c")).unwrap();
    fs::write(at("b/c/no-suffix"), &capture).unwrap();
    fs::write(at("b/z.gz"), compress(Codec::Gzip, &capture)).unwrap();
    fs::write(at("b/readme.pcap"), "text").unwrap();
    fs::write(at("a.pcapng"), &capture).unwrap();
    let found = expand(&[folder.path().to_owned()], true).unwrap();
    assert_eq!(found, [at("a.pcapng"), at("b/c/no-suffix"), at("b/z.gz")]);
    assert!(expand(&[folder.path().to_owned()], false).is_err());
    let given = [PathBuf::from("-"), at("b/readme.pcap")];
    assert_eq!(expand(&given, false).unwrap(), given);
}

#[test]
fn a_growing_file_is_followed_and_half_a_packet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let capture = Capture::example();
    let bytes = capture.pcap(false, 0xa1b2_3c4d);
    // The first packet is half written.
    fs::write(&path, &bytes[..70]).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let options = Options {
        follow: Some(Arc::clone(&stop)),
        ..Options::default()
    };
    let mut source = open_with(&path, &options).unwrap();
    assert!(matches!(source.next_item(), Some(Item::Interface(_))));
    let writer = std::thread::spawn(move || {
        let mut file = File::options().append(true).open(path).unwrap();
        // Again only half of the last one.
        file.write_all(&bytes[70..bytes.len() - 10]).unwrap();
    });
    let mut seen = Vec::new();
    while seen.len() < 4 {
        if let Some(Item::Frame(frame)) = source.next_item() {
            seen.push(seen_of(&frame));
        }
    }
    writer.join().unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(source.next_item().is_none());
    assert_eq!(seen, capture.seen()[..4]);
    assert!(source.ended().is_clean(), "stopped on purpose");
}

#[test]
fn a_disk_that_fails_keeps_what_came_before() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("the disk is on fire")),
                count => Ok(count),
            }
        }
    }
    let bytes = Capture::example().pcapng(false, 9);
    let read = Box::new(Failing(Cursor::new(bytes)));
    let mut source = from_reader(read, "test", None, &Options::default()).unwrap();
    assert_eq!(frames(&mut source).len(), 5);
    assert!(source.ended().to_string().contains("the disk is on fire"));
}

#[test]
fn what_is_written_reads_back() {
    let section = Section {
        application: Some("a program"),
        comment: Some("for the test"),
        ..Section::default()
    };
    let mut writer = PcapngWriter::new(Vec::new(), &section).unwrap();
    assert_eq!(
        writer
            .interface(LinkType::ETHERNET, 96, Some("eth0"), Some("port 80"))
            .unwrap(),
        0
    );
    assert_eq!(writer.interface(LinkType::RAW, 0, None, None).unwrap(), 1);
    assert!(writer.interface(LinkType(70_000), 0, None, None).is_err());
    writer.secrets(b"CLIENT_RANDOM 00 11\n").unwrap();
    let frame = |at, bytes, comment, crossing| Frame {
        no: FrameNo::new(1),
        at: Timestamp::from_nanos(at),
        link: LinkType::RAW,
        interface: InterfaceId(0),
        wire_len: 100,
        crossing,
        comment,
        bytes,
    };
    let one = frame(
        1_700_000_000_123_456_789,
        b"abc",
        Some("as it came"),
        Some(Crossing::Outbound),
    );
    writer
        .packet(1, &one, &["proves the serial", "proves the time"])
        .unwrap();
    let long = "\u{e9}".repeat(40_000);
    writer
        .packet(0, &frame(-5, b"", None, Some(Crossing::Inbound)), &[&long])
        .unwrap();
    writer
        .packet(0, &frame(0, b"abcd", None, None), &[])
        .unwrap();
    writer.flush().unwrap();
    let bytes = writer.into_inner();
    let lines = super::build::transcript(&bytes);
    assert_eq!(
        lines[..4],
        [
            "interface 0 link 1 snaplen 96 Some(\"eth0\") Some(\"port 80\")",
            "interface 1 link 101 snaplen 0 None None",
            "secrets \"CLIENT_RANDOM 00 11\\n\"",
            "frame 1 at 1700000000123456789 link 101 on 1 3/100 Outbound \"as it came\\nproves the serial\\nproves the time\"",
        ]
    );
    assert!(lines[4].starts_with("frame 2 at 0 link 1 on 0 0/100 Inbound \"\u{e9}"));
    assert_eq!(lines[5], "frame 3 at 0 link 1 on 0 4/100");
    assert_eq!(lines[6..], ["ended complete"]);
}
