//! Hostile input: whatever the bytes are, there is a report and no panic.

use std::io::Write as _;

use proptest::prelude::*;
use whylencr::capture::{self, Item};
use whylencr::engine::{Config, Engine};
use whylencr::frame::{Frame, FrameNo, InterfaceId, LinkType};
use whylencr::report::{self, Format, Options};
use whylencr::time::Timestamp;

use crate::packaged;

/// Small captures that between them hold every protocol.
const CAPTURES: &[&str] = &[
    "captures/lab/01a-firefox-ocsp-tls12.pcap",
    "captures/lab/01b-firefox-ocsp-tls13.pcapng",
    "captures/lab/04b-java-crl.pcap",
    "captures/lab/08a-smtp-starttls-ocsp.pcap",
    "captures/lab/09b-keepalive-several-ocsp-one-connection.pcap",
    "captures/lab/10a-chromium-http3-aia.pcap",
    "captures/lab/11b-curl-via-socks5.pcap",
    "captures/lab/17-mpls.pcapng",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_are_no_capture_or_a_bad_one(bytes in proptest::collection::vec(any::<u8>(), 0..600), magic in 0..4_usize) {
        let head: &[u8] = match magic {
            0 => &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0],
            1 => &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 28, 0, 0, 0],
            2 => &[0x1f, 0x8b, 8, 0],
            _ => &[],
        };
        explain(&[head, &bytes].concat());
    }

    #[test]
    fn any_bytes_are_a_frame(
        frames in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..200), 0..280_u32), 1..20)
    ) {
        let mut engine = Engine::new(Config::default());
        for (no, (bytes, link)) in frames.iter().enumerate() {
            engine.push(Frame {
                no: FrameNo::new(no as u64 + 1),
                at: Timestamp::EPOCH,
                link: LinkType(*link),
                interface: InterfaceId(0),
                wire_len: bytes.len() as u32,
                crossing: None,
                comment: None,
                bytes,
            });
        }
        write_all(&engine.finish());
    }

    #[test]
    fn damaged_captures_are_explained(which in 0..CAPTURES.len(), seed: u64, flips in 1..200_usize, cut: bool) {
        let mut bytes = std::fs::read(packaged(CAPTURES[which])).expect("the capture");
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        // The file header stays, so that the damage gets as far as the protocols.
        for _ in 0..flips {
            let at = 40 + (next() % (bytes.len() as u64 - 40)) as usize;
            bytes[at] ^= 1 << (next() % 8);
        }
        if cut {
            bytes.truncate((next() % bytes.len() as u64) as usize);
        }
        explain(&bytes);
    }

    /// Damage inside the frames alone: records stay whole, protocols do not.
    #[test]
    fn damaged_frames_are_explained(which in 0..CAPTURES.len(), seed: u64) {
        let mut engine = Engine::new(Config::default());
        let mut state = seed | 1;
        let mut source = capture::open(&packaged(CAPTURES[which])).expect("a readable capture");
        while let Some(item) = source.next_item() {
            let Item::Frame(frame) = item else { continue };
            let mut bytes = frame.bytes.to_vec();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if state >> 62 == 0 && !bytes.is_empty() {
                let at = (state >> 20) as usize % bytes.len();
                bytes[at] = (state >> 8) as u8;
            }
            engine.push(Frame { bytes: &bytes, ..frame });
        }
        write_all(&engine.finish());
    }
}

/// A capture is what its frames are, in whatever order of files and blocks: cut anywhere, the part before the
/// cut holds.
#[test]
fn a_capture_cut_anywhere_gives_a_prefix_of_its_contacts() {
    let bytes = std::fs::read(packaged(CAPTURES[0])).expect("the capture");
    let whole = explain(&bytes);
    let mut last = 0;
    for part in 1..=12 {
        let found = explain(&bytes[..bytes.len() * part / 12]);
        assert!(found >= last, "{found} contacts after {last}");
        last = found;
    }
    assert_eq!(last, whole);
}

/// Explains bytes as a file; gives the number of contacts.
fn explain(bytes: &[u8]) -> usize {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    let Ok(mut source) = capture::open(file.path()) else {
        return 0;
    };
    let mut engine = Engine::new(Config {
        all_cas: true,
        ..Config::default()
    });
    while let Some(item) = source.next_item() {
        match item {
            Item::Frame(frame) => engine.push(frame),
            Item::Secrets(lines) => {
                engine.secrets(lines);
            }
            Item::NameHint(hint) => engine.name_hint(hint),
            _ => {}
        }
    }
    let report = engine.finish();
    write_all(&report);
    report.findings.len()
}

fn write_all(report: &whylencr::finding::Report) {
    for format in [
        Format::Text,
        Format::Ndjson,
        Format::Csv,
        Format::Markdown,
        Format::Html,
    ] {
        report::write(format, report, &Options::default(), &mut std::io::sink()).expect("written");
    }
}
