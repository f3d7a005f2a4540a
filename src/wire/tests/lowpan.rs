//! Rows for 802.15.4 and 6LoWPAN, and what of them is no packet.

use super::build::{self, CLIENT_6, SERVER_6, Way, cat};
use super::fixtures::{Fixture, Source, bare};
use super::*;

const NEAR: [u8; 8] = [2, 0, 0, 0xff, 0xfe, 0, 0, 0x0c];
const FAR: [u8; 8] = [2, 0, 0, 0xff, 0xfe, 0, 0, 0x05];

/// With its check sequence.
pub(super) fn checked(bytes: &[u8]) -> Vec<u8> {
    cat(&[bytes, &build::crc(0, bytes).to_le_bytes()])
}

/// A data frame between two extended addresses of one network.
pub(super) fn data(way: Way, inside: &[u8]) -> Vec<u8> {
    let (mut from, mut to) = match way {
        Way::There => (NEAR, FAR),
        Way::Back => (FAR, NEAR),
    };
    from.reverse();
    to.reverse();
    cat(&[&[0x41, 0xcc, 7, 0xcd, 0xab], &to, &from, inside])
}

fn addresses(way: Way) -> Vec<u8> {
    let (from, to) = match way {
        Way::There => (CLIENT_6, SERVER_6),
        Way::Back => (SERVER_6, CLIENT_6),
    };
    cat(&[&from.octets(), &to.octets()])
}

/// Compressed IPv6 with whole addresses, before TCP.
pub(super) fn compressed(way: Way) -> Vec<u8> {
    cat(&[&[0x7a, 0x00, 6], &addresses(way), &way.tcp()])
}

/// The same with the checksum of TCP.
pub(super) fn summed(way: Way) -> Vec<u8> {
    let mut packet = compressed(way);
    let length = u16::try_from(packet.len() - 35).unwrap();
    let pseudo = cat(&[&packet[3..35], &[0, 6], &length.to_be_bytes()]);
    let sum = build::checksum(&cat(&[&pseudo, &packet[35..]]));
    packet[51..53].copy_from_slice(&sum.to_be_bytes());
    packet
}

fn tap(check: u8, frame: &[u8]) -> Vec<u8> {
    // The kind of check sequence, then a channel.
    let fields = [0, 0, 1, 0, check, 0, 0, 0, 3, 0, 3, 0, 11, 0, 0, 0];
    cat(&[&[0, 0, 20, 0], &fields, frame])
}

pub(super) static LOWPAN: &[Fixture] = &[
    bare("802.15.4, IPv6 whole", 230, Source::None, |way| {
        data(way, &cat(&[&[0x41], &way.ip6()]))
    }),
    bare("802.15.4, IPHC", 230, Source::None, |way| {
        data(way, &compressed(way))
    }),
    bare("802.15.4 with check sequence", 195, Source::None, |way| {
        checked(&data(way, &compressed(way)))
    }),
    bare("802.15.4 with preamble", 215, Source::None, |way| {
        let frame = checked(&data(way, &compressed(way)));
        let length = u8::try_from(frame.len()).unwrap();
        cat(&[&[0, 0, 0, 0, 0xa7, length], &frame])
    }),
    bare("802.15.4 TAP", 283, Source::None, |way| {
        tap(1, &checked(&data(way, &compressed(way))))
    }),
    bare("802.15.4 TAP without check", 283, Source::None, |way| {
        tap(0, &data(way, &compressed(way)))
    }),
    bare("802.15.4-2015 with elements", 230, Source::None, |way| {
        let inside = cat(&[&[0x00, 0x3f, 1, 0x88, 9, 0x00, 0xf8], &compressed(way)]);
        let mut frame = data(way, &inside);
        frame[1] = 0xee;
        frame
    }),
    bare("802.15.4, short addresses", 230, Source::None, |way| {
        cat(&[&[0x41, 0x88, 7, 0xcd, 0xab, 1, 0, 2, 0], &compressed(way)])
    }),
    bare("6LoWPAN, flow and hop limit", 230, Source::None, |way| {
        let header = [0x60, 0x00, 1, 2, 3, 4, 6, 61];
        data(way, &cat(&[&header, &addresses(way), &way.tcp()]))
    }),
    bare("6LoWPAN, destination options", 230, Source::None, |way| {
        let options = [0xe6, 6, 4, 1, 2, 0, 0];
        data(
            way,
            &cat(&[&[0x7e, 0x00], &addresses(way), &options, &way.tcp()]),
        )
    }),
    bare("6LoWPAN, mesh and broadcast", 230, Source::None, |way| {
        let mesh = [0xb5, 0, 1, 0, 2, 0x50, 9];
        data(way, &cat(&[&mesh, &compressed(way)]))
    }),
];

/// Parts of a packet with number 9.
pub(super) fn parts(way: Way) -> Vec<Vec<u8>> {
    let packet = way.ip6();
    let size = u16::try_from(packet.len()).unwrap();
    let [high, low] = size.to_be_bytes();
    let first = &compressed(way)[..35 + 24];
    vec![
        data(way, &cat(&[&[0xc0 | high, low, 0, 9], first])),
        data(way, &cat(&[&[0xe0 | high, low, 0, 9, 8], &packet[64..]])),
    ]
}

#[test]
fn udp_headers_become_whole() {
    let inside = |head: &[u8]| {
        data(
            Way::There,
            &cat(&[&[0x7e, 0], &addresses(Way::There), head, b"text"]),
        )
    };
    for (head, ports) in [
        (&[0xf0, 0x9c, 0x40, 0, 53, 1, 2][..], (40_000, 53)),
        (&[0xf4, 0x9c, 0x40, 0, 53], (40_000, 53)),
        (&[0xf1, 0, 53, 7, 1, 2], (53, 0xf007)),
        (&[0xf2, 7, 0, 53, 1, 2], (0xf007, 53)),
        (&[0xf3, 0x12, 1, 2], (0xf0b1, 0xf0b2)),
    ] {
        let told = decode(230, &inside(head)).unwrap();
        assert_eq!((told.ports, &told.payload[..]), (ports, &b"text"[..]));
        assert_eq!(told.src, IpAddr::from(CLIENT_6));
    }
}

#[test]
fn addresses_are_made_of_those_of_the_link() {
    let segment = Way::There.tcp();
    let told = |modes: &[u8], inline: &[u8]| {
        let inside = cat(&[&[0x7a], modes, &[6], inline, &segment]);
        let told = decode(230, &data(Way::There, &inside)).unwrap();
        (told.src.to_string(), told.dst.to_string())
    };
    let pair = |src: &str, dst: &str| (src.to_owned(), dst.to_owned());
    assert_eq!(
        told(&[0x33], &[]),
        pair("fe80::ff:fe00:c", "fe80::ff:fe00:5")
    );
    assert_eq!(
        told(&[0x22], &[0, 1, 0, 2]),
        pair("fe80::ff:fe00:1", "fe80::ff:fe00:2")
    );
    // A prefix that other frames told stands as zero; contexts have a byte.
    assert_eq!(
        told(&[0xd5, 0x10], &[1; 16]),
        pair("::101:101:101:101", "::101:101:101:101")
    );
    assert_eq!(told(&[0x3b], &[1]).1, "ff02::1");
    assert_eq!(told(&[0x3a], &[5, 1, 2, 3]).1, "ff05::1:203");
    // IPv6 in IPv6: addresses left out are those of the outer header.
    let inner = [
        &[0x7e, 0x00][..],
        &addresses(Way::There),
        &[0xee, 0x7a, 0x33, 6],
        &segment,
    ];
    let told = decode(230, &data(Way::There, &cat(&inner))).unwrap();
    assert_eq!(told.src.to_string(), "fe80::1");
    assert_eq!(told.payload, build::HELLO);
}

#[test]
fn frames_without_packets_have_a_reason() {
    let encrypted = |level: u8| {
        let mut frame = data(
            Way::There,
            &cat(&[&[level, 1, 0, 0, 0], &compressed(Way::There), &[9; 4]]),
        );
        frame[0] |= 8;
        frame
    };
    assert!(decode(230, &encrypted(1)).is_ok());
    for (bytes, why) in [
        (encrypted(5), Undecoded::EncryptedWpan),
        // A beacon, an acknowledgement, ZigBee.
        (vec![0, 0x80, 1, 2, 3, 4, 5], Undecoded::LinkControl),
        (vec![2, 0, 1], Undecoded::LinkControl),
        (
            data(Way::There, &[0x48, 2, 1, 2, 3, 4, 5, 6]),
            Undecoded::NotIp,
        ),
        (data(Way::There, &[0x7a, 0x04, 6, 1]), Undecoded::NotIp),
        (
            data(Way::There, &[0xc7, 0xff, 1, 2, 0x41, 0x60, 1]),
            Undecoded::NotIp,
        ),
        (data(Way::There, &[]), Undecoded::NotIp),
    ] {
        let got = decode(230, &bytes).unwrap_err();
        assert_eq!((got, got.is_anomaly()), (why, false));
    }
    for (link, bytes) in [
        (230, vec![1, 0x44, 7, 8]),
        (215, vec![9; 30]),
        (283, vec![0; 30]),
    ] {
        assert_eq!(decode(link, &bytes), Err(Undecoded::BadLink), "{link}");
    }
}
