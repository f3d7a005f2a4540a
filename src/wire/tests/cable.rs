//! Rows for cable networks (DOCSIS), and what of them is no packet.

use super::build::{self, Way, cat};
use super::fixtures::{Fixture, Source, bare};
use super::*;

/// A MAC frame with the length and the header check sequence it should have (MULPI 6.2: CRC-CCITT, low byte first).
fn frame(control: u8, extended: &[u8], inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extended.len() + inside.len()).unwrap();
    let parameter = u8::try_from(extended.len()).unwrap();
    checked(
        &cat(&[&[control, parameter], &length.to_be_bytes(), extended]),
        inside,
    )
}

/// Several frames.
fn frame_of(control: u8, count: u8, inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inside.len()).unwrap();
    checked(&cat(&[&[control, count], &length.to_be_bytes()]), inside)
}

fn checked(header: &[u8], inside: &[u8]) -> Vec<u8> {
    let check = !build::crc(0xffff, header);
    cat(&[header, &check.to_le_bytes(), inside])
}

/// Privacy is enabled or not.
fn downstream(privacy: u8) -> [u8; 10] {
    // Service flow, then downstream privacy.
    [0x82, 0x20, 7, 0x44, 0x11, privacy, 9, 0, 0x01, 0]
}

pub(super) static CABLE: &[Fixture] = &[
    bare("DOCSIS", 143, Source::Sender, |way| {
        frame(0, &[], &way.ethernet())
    }),
    bare("DOCSIS with checksum behind", 143, Source::Sender, |way| {
        frame(0, &[], &cat(&[&way.ethernet(), &[1, 2, 3, 4]]))
    }),
    bare("DOCSIS, extended header", 143, Source::Sender, |way| {
        frame(1, &downstream(0), &way.ethernet())
    }),
    bare(
        "DOCSIS, several behind one header",
        143,
        Source::Sender,
        |way| {
            let packet = frame(0, &[], &way.ethernet());
            frame_of(0xf8, 2, &cat(&[&packet, &packet]))
        },
    ),
    bare("DOCSIS, isolated", 143, Source::Sender, |way| {
        frame(0x80, &[], &way.ethernet())
    }),
    bare(
        "DOCSIS, length and check zero",
        143,
        Source::Sender,
        |way| cat(&[&[0; 6], &way.ethernet()]),
    ),
];

#[test]
fn docsis_without_a_packet_has_a_reason() {
    let packet = Way::There.ethernet();
    let upstream = [0x34, 0x11, 0x80, 9, 0];
    let upstream_2 = [0x73, 0x11, 0xc0, 9];
    for (bytes, why) in [
        (
            frame(1, &downstream(0x80), &packet),
            Undecoded::EncryptedDocsis,
        ),
        (frame(1, &upstream, &packet), Undecoded::EncryptedDocsis),
        (
            frame(0x81, &upstream_2, &packet),
            Undecoded::EncryptedDocsis,
        ),
        // Timing, management, a request for minislots and one for bytes.
        (frame(0xc0, &[], &packet), Undecoded::LinkControl),
        (frame(0xc2, &[], &packet), Undecoded::LinkControl),
        (frame(0xc4, &[], &[]), Undecoded::LinkControl),
        (frame(0xc8, &[], &[]), Undecoded::LinkControl),
        (
            frame(0xc7, &upstream, &packet[..30]),
            Undecoded::LinkFragment,
        ),
        (frame(0x40, &[], &packet), Undecoded::NotIp),
    ] {
        let got = decode(143, &bytes).unwrap_err();
        assert_eq!((got, got.is_anomaly()), (why, false));
    }
    for bytes in [&[0][..], &[1, 200, 0, 0, 0, 0, 1, 2], &[0, 0, 0, 9, 1]] {
        assert_eq!(decode(143, bytes), Err(Undecoded::BadLink));
    }
    // Elements that reach beyond their header enable nothing.
    assert!(decode(143, &frame(1, &[0x4f], &packet)).is_ok());
}

#[test]
fn frames_behind_one_header_are_read_one_by_one() {
    let packet = frame(0, &[], &Way::There.ethernet());
    let other = frame(1, &downstream(0x80), &Way::Back.ethernet());
    // A request has a number where others have their length.
    let request = [0xc4, 1, 0x12, 0x34, 0, 0];
    let all = frame_of(0xf8, 4, &cat(&[&packet, &request, &other, &packet]));
    let whole = super::frame(143, &all);
    let mut decoder = Decoder::new(&Limits::default());
    let got: Vec<_> = subframes(&whole)
        .unwrap()
        .map(|part| decoder.decode(&part).map(told).map(|told| told.ports.0))
        .collect();
    let there = Ok(40_000);
    assert_eq!(
        got,
        [
            there,
            Err(Undecoded::LinkControl),
            Err(Undecoded::EncryptedDocsis),
            there
        ]
    );
    assert!(subframes(&super::frame(143, &packet)).is_none());
    // A count or a length that is not true.
    let few = frame_of(0xf8, 1, &cat(&[&packet, &packet]));
    assert_eq!(subframes(&super::frame(143, &few)).unwrap().count(), 1);
    let cut = super::frame(143, &all[..all.len() - 30]);
    assert_eq!(subframes(&cut).unwrap().count(), 4);
    assert_eq!(
        subframes(&super::frame(143, &[0xf8, 9, 0, 0, 1, 2]))
            .unwrap()
            .count(),
        0
    );
}
