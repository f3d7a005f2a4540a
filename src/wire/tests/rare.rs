//! Rows for link types that few have met, and what of them is no packet.

use super::build::{Way, cat};
use super::fixtures::{Fixture, Source, bare};
use super::*;

/// AX.25 addresses: characters one bit up, then flags and the last bit.
pub(super) fn stations(repeaters: usize) -> Vec<u8> {
    let call = |text: &[u8; 6], last: bool| {
        let mut address = text.map(|byte| byte << 1).to_vec();
        address.push(0x60 | u8::from(last));
        address
    };
    let mut bytes = cat(&[&call(b"QST   ", false), &call(b"N0CALL", repeaters == 0)]);
    for left in (0..repeaters).rev() {
        bytes.extend(call(b"RELAY ", left == 0));
    }
    bytes
}

fn vpp(texts: u8, hint: u8, packet: &[u8]) -> Vec<u8> {
    let names = b"node\0metadata\0opaque\0opaque2\0";
    let trace: &[u8] = if texts > 4 { b"trace\0" } else { b"" };
    cat(&[&[1, 0, texts, hint, 0, 0, 0, 9], names, trace, packet])
}

fn smart_edge(protocol: u8, data: u8, inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(24 + inside.len()).unwrap().to_be_bytes();
    cat(&[&[0; 16], &length, &[0, protocol, 0, 24, 0, data], inside])
}

pub(super) static RARE: &[Fixture] = &[
    bare("AX.25", 3, Source::None, |way| {
        cat(&[&stations(0), &[3, 0xcc], &way.ip4()])
    }),
    bare("AX.25 over repeaters, numbered", 3, Source::None, |way| {
        cat(&[&stations(8), &[0x22, 0xcc], &way.ip4()])
    }),
    bare("AX.25 KISS", 202, Source::None, |way| {
        cat(&[&[0x10], &stations(1), &[3, 0xcc], &way.ip4()])
    }),
    bare("AX.25 KISS, to be reported", 202, Source::None, |way| {
        cat(&[&[0x0c, 1, 2], &stations(0), &[3, 0xcc], &way.ip4()])
    }),
    bare("ARCNET, RFC 1201", 7, Source::None, |way| {
        cat(&[&[1, 2, 0xd4, 0, 0, 1], &way.ip4()])
    }),
    bare("ARCNET, exception", 7, Source::None, |way| {
        cat(&[&[1, 2, 0xd4, 0xff, 0, 0, 0xd4, 0, 0, 1], &way.ip4()])
    }),
    bare("ARCNET, RFC 1051", 7, Source::None, |way| {
        cat(&[&[1, 2, 0xf0], &way.ip4()])
    }),
    bare(
        "ARCNET, IPv6, joined by the system",
        7,
        Source::None,
        |way| cat(&[&[1, 2, 0xc4, 3, 0, 1], &way.ip6()]),
    ),
    bare("ARCNET of Linux, RFC 1201", 129, Source::None, |way| {
        cat(&[&[1, 2, 0, 0, 0xd4, 0, 0, 1], &way.ip4()])
    }),
    bare("ARCNET of Linux, RFC 1051", 129, Source::None, |way| {
        cat(&[&[1, 2, 0, 0, 0xf0], &way.ip4()])
    }),
    bare("EPON", 259, Source::Sender, |way| {
        cat(&[&[0xd5, 0x55, 0x55, 0, 1, 0], &way.ethernet()])
    }),
    bare("EPON, a byte earlier", 259, Source::Sender, |way| {
        cat(&[&[0x55, 0xd5, 0x55, 0x55, 0, 1, 0], &way.ethernet()])
    }),
    bare("VPP, IPv4", 280, Source::None, |way| vpp(4, 2, &way.ip4())),
    bare("VPP with a trace, IPv6 unsaid", 280, Source::None, |way| {
        vpp(5, 0, &way.ip6())
    }),
    bare("VPP, Ethernet", 280, Source::Sender, |way| {
        vpp(4, 1, &way.ethernet())
    }),
    bare("VPP, Ethernet unsaid", 280, Source::Sender, |way| {
        vpp(4, 0, &way.ethernet())
    }),
    bare("Symantec, second release", 99, Source::None, |way| {
        cat(&[&[10, 0, 0, 1, 0, 0, 8, 0], &[0; 36], &way.ip4()])
    }),
    bare("Symantec, third release", 99, Source::None, |way| {
        cat(&[
            &[10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x86, 0xdd],
            &[0; 44],
            &way.ip6(),
        ])
    }),
    bare("SmartEdge, IPv4", 32, Source::None, |way| {
        smart_edge(1, 24, &way.ip4())
    }),
    bare("SmartEdge, Ethernet", 32, Source::Sender, |way| {
        smart_edge(4, 24, &way.ethernet())
    }),
    bare(
        "SmartEdge, Ethernet by its length",
        32,
        Source::Sender,
        |way| smart_edge(1, 38, &way.ethernet()),
    ),
];

#[test]
fn what_is_no_packet_has_a_reason() {
    let packet = Way::There.ip4();
    let ax25 = |control: u8, protocol: u8| cat(&[&stations(0), &[control, protocol], &packet]);
    // The bit of polls does not make another frame of it.
    assert_eq!(decode(3, &ax25(0x13, 0xcc)), decode(101, &packet));
    for (link, bytes, why) in [
        (3, ax25(0x3f, 0), Undecoded::LinkControl),
        (3, ax25(0x03, 0xcd), Undecoded::Arp),
        (3, ax25(0x03, 0xcf), Undecoded::NotIp),
        (202, cat(&[&[0x01, 50], &packet]), Undecoded::LinkControl),
        (7, cat(&[&[1, 2, 0xf1], &packet]), Undecoded::Arp),
        (7, cat(&[&[1, 2, 0xfa, 0, 0, 1], &packet]), Undecoded::NotIp),
        // The first and the second of two parts.
        (
            7,
            cat(&[&[1, 2, 0xd4, 1, 0, 1], &packet[..40]]),
            Undecoded::LinkFragment,
        ),
        (
            7,
            cat(&[&[1, 2, 0xd4, 2, 0, 1], &packet[40..]]),
            Undecoded::LinkFragment,
        ),
        (
            259,
            cat(&[&[0xd5, 0x55, 0x57, 0, 1, 0], &packet]),
            Undecoded::EncryptedEpon,
        ),
        (280, vpp(4, 4, &packet[20..]), Undecoded::NotIp),
        (280, vpp(4, 0, &[7; 60]), Undecoded::NotIp),
        (32, smart_edge(2, 24, &packet), Undecoded::NotIp),
    ] {
        let got = decode(link, &bytes).unwrap_err();
        assert_eq!((got, got.is_anomaly()), (why, false), "{link}");
    }
    for (link, bytes) in [
        (3, [0x40; 90].to_vec()),
        (3, cat(&[&[0x41; 7], &[3, 0xcc], &packet])),
        (99, [0; 90].to_vec()),
        (280, [2; 90].to_vec()),
        (32, [0; 90].to_vec()),
    ] {
        assert_eq!(decode(link, &bytes), Err(Undecoded::BadLink), "{link}");
    }
}
