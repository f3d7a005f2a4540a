//! A capture of the lab as if it were of a monitor, behind CCMP: with the passphrase the same is found, and
//! evidence holds what opens it.

use ccm::aead::{AeadInPlace, KeyInit};
use ccm::consts::{U8, U13};

use super::*;
use crate::time::Timestamp;

type Ccmp = ccm::Ccm<aes::Aes128, U8, U13>;

const CONVERSATIONS: &str = include_str!("../../../wire/tests/keyed/wlan.txt");
const ACCESS_POINT: [u8; 6] = [2, 0, 0, 0, 9, 9];
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 0x0c];

/// Lines of a conversation.
fn of(name: &str) -> impl Iterator<Item = &'static str> {
    let begins = format!("= {name}\n");
    let (_, after) = CONVERSATIONS.split_once(&begins).unwrap();
    after.lines().take_while(|line| !line.starts_with('='))
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

/// The temporal key that the handshake below comes to.
fn temporal() -> Vec<u8> {
    let line = of("temporal key, CCMP").find(|line| line.starts_with("key "));
    bytes(line.unwrap().split('"').nth(3).unwrap())
}

/// A frame of Ethernet between the station and others, over the air.
fn sealed(ethernet: &[u8], up: bool, number: u32) -> Vec<u8> {
    let [ways, one, other, third] = match up {
        true => [&[0x41][..], &ACCESS_POINT, &STATION, &ethernet[..6]],
        false => [&[0x42][..], &STATION, &ACCESS_POINT, &ethernet[6..12]],
    };
    let [a, b, c, d] = number.to_be_bytes();
    let nonce = [&[0][..], other, &[0, 0, a, b, c, d]].concat();
    let associated = [&[0x08][..], ways, one, other, third, &[0, 0]].concat();
    let mut body = [&[0xaa, 0xaa, 3, 0, 0, 0][..], &ethernet[12..]].concat();
    let cipher = Ccmp::new_from_slice(&temporal()).unwrap();
    let tag = cipher.encrypt_in_place_detached(nonce.as_slice().into(), &associated, &mut body);
    let tag = tag.unwrap();
    let head = [&[0x08][..], ways, &[0, 0], one, other, third, &[0, 0]].concat();
    [
        &head,
        &[d, c, 0, 0x20, b, a, 0, 0][..],
        &body,
        tag.as_slice(),
    ]
    .concat()
}

/// The capture, with a beacon and a handshake before it.
fn monitored(path: &Path) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), &Section::default()).unwrap();
    let number = writer.interface(LinkType(105), 65_535, None, None).unwrap();
    let mut source = capture::open(path).unwrap();
    let (mut client, mut count) = (None, 0);
    while let Some(item) = source.next_item() {
        let Item::Frame(frame) = item else {
            continue;
        };
        let mut write = |at: Timestamp, bytes: &[u8]| {
            let wire_len = u32::try_from(bytes.len()).unwrap();
            let frame = Frame {
                at,
                bytes,
                wire_len,
                link: LinkType(105),
                ..frame
            };
            writer.packet(number, &frame, &[]).unwrap();
        };
        if client.is_none() {
            let first = of("WPA2, CCMP, passphrase alone");
            for line in first.filter_map(|line| line.strip_prefix("- ")) {
                write(frame.at, &bytes(line));
            }
        }
        let client = client.get_or_insert_with(|| frame.bytes[6..12].to_vec());
        count += 1;
        write(
            frame.at,
            &sealed(frame.bytes, frame.bytes[6..12] == *client, count),
        );
    }
    writer.into_inner()
}

#[test]
fn evidence_of_a_protected_network_holds_what_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, keys) = (folder.path().join("air.pcapng"), folder.path().join("keys"));
    fs::write(&keys, "\"wpa-pwd\",\"a long secret\"\n").unwrap();
    let original = lab().join("05a-openssl-s_client-then-ocsp.pcap");
    fs::write(&path, monitored(&original)).unwrap();
    let verdicts = |report: &Report| report.findings.iter().map(verdict).collect::<Vec<_>>();

    let expected = verdicts(&explain(capture::open(&original).unwrap(), None));
    assert!(!expected.is_empty());
    let report = explain(capture::open(&path).unwrap(), Some(&keys));
    assert_eq!(verdicts(&report), expected);
    assert_eq!(report.coverage.keys, (1, 1));
    let closed = explain(capture::open(&path).unwrap(), None);
    assert!(closed.findings.is_empty());

    let all: Vec<&Finding> = report.findings.iter().collect();
    let (bytes, _) = cut_out(&path, Some(&keys), &report, &all);
    let again = explain(read_back(bytes.clone()), Some(&keys));
    assert_eq!(verdicts(&again), expected);
    // The passphrase itself goes nowhere, and the file says so.
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|part| part == what);
    assert!(!holds(b"a long secret"));
    assert!(holds(b"need the same --keylog again"));
    assert!(explain(read_back(bytes), None).findings.is_empty());
}
