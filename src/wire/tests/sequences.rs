//! Packets that took several frames, and what must not be made of them.

use super::bluetooth;
use super::build::{CLIENT, CLIENT_6, HELLO, NEAR, SERVER, SERVER_6, Way, cat};
use super::carriers::PARTS;
use super::fixtures::wlan;
use super::headers::{Compressor, FIRST, Fields};
use super::overlays::OVERLAID;
use super::radio::IN_BLOCKS;
use super::*;

/// Frames of which the last makes the conversation of [`super::build`] whole.
pub(super) struct Sequence {
    pub(super) name: &'static str,
    pub(super) link: u32,
    pub(super) make: fn(Way) -> Vec<Vec<u8>>,
    /// What all frames but the last are; None where they are packets of their own.
    pub(super) held: Option<Undecoded>,
    /// What frames are that lack another.
    pub(super) lacking: Undecoded,
}

/// PPP of a direction that the capture knows, with a multilink header of the longer form.
fn long(way: Way, flags: u8, number: u32, bytes: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = number.to_be_bytes();
    let direction = u8::from(way == Way::There);
    cat(&[
        &[direction, 0xff, 3, 0, 0x3d, flags, high, middle, low],
        bytes,
    ])
}

/// PPP of an unknown direction, with a multilink header of the shorter form.
fn brief(flags: u8, number: u16, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    cat(&[&[0xff, 3, 0, 0x3d, flags | high, low], bytes])
}

fn ppp(way: Way) -> Vec<u8> {
    cat(&[&[0, 0x21], &way.ip4_summed()])
}

/// A fragment of CAPWAP with number 9.
fn capwap(way: Way, binding: u8, flags: u8, start: u16, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = start.to_be_bytes();
    let header = [0, 0x10, binding, flags, 0, 9, high, low];
    way.outer_udp(5247, 5247, &cat(&[&header, bytes]))
}

/// All of several frames.
pub(super) fn sequences() -> impl Iterator<Item = &'static Sequence> {
    let rows = SEQUENCES.iter().chain(PARTS);
    rows.chain(OVERLAID).chain(IN_BLOCKS)
}

static SEQUENCES: &[Sequence] = &[
    Sequence {
        name: "PPP multilink, three fragments",
        link: 204,
        make: |way| {
            let packet = ppp(way);
            vec![
                long(way, 0x80, 5, &packet[..30]),
                long(way, 0, 6, &packet[30..50]),
                long(way, 0x40, 7, &packet[50..]),
            ]
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
    Sequence {
        name: "PPP multilink, short numbers",
        link: 9,
        make: |way| {
            let packet = ppp(way);
            vec![brief(0x80, 7, &packet[..30]), brief(0x40, 8, &packet[30..])]
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
    Sequence {
        name: "CAPWAP, 802.3 in fragments, the last first",
        link: 1,
        make: |way| {
            let frame = way.ethernet();
            vec![
                capwap(way, 2, 0xc0, 48, &frame[48..]),
                capwap(way, 2, 0x80, 24, &frame[24..48]),
                capwap(way, 2, 0x80, 0, &frame[..24]),
            ]
        },
        held: Some(Undecoded::FragmentHeld),
        lacking: Undecoded::FragmentHeld,
    },
    Sequence {
        name: "CAPWAP, 802.11 swapped in fragments",
        link: 1,
        make: |way| {
            let mut frame = wlan(way, 0x08, &[]);
            frame.swap(0, 1);
            vec![
                capwap(way, 3, 0x80, 0, &frame[..56]),
                capwap(way, 3, 0xc0, 56, &frame[56..]),
            ]
        },
        held: Some(Undecoded::FragmentHeld),
        lacking: Undecoded::FragmentHeld,
    },
    Sequence {
        name: "BNEP in ACL parts, not asked for",
        link: 201,
        make: |way| {
            let parts = bluetooth::parts(way, 40);
            parts.iter().map(|part| bluetooth::h4(way, part)).collect()
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
    Sequence {
        name: "802.11 in parts",
        link: 105,
        make: |way| {
            let frame = wlan(way, 0x08, &[]);
            let part = |number: u8, more: u8, bytes: &[u8]| {
                let mut header = frame[..24].to_vec();
                header[1] |= more;
                header[22] |= number;
                cat(&[&header, bytes])
            };
            vec![part(0, 4, &frame[24..60]), part(1, 0, &frame[60..])]
        },
        held: Some(Undecoded::WlanFragment),
        lacking: Undecoded::WlanFragment,
    },
    Sequence {
        name: "PPP with Van Jacobson's headers",
        link: 204,
        make: |way| {
            let mut end = Compressor::default();
            let direction = u8::from(way == Way::There);
            let mut send = |seq: u32, data: &[u8]| {
                let fields = Fields {
                    seq: FIRST.seq.wrapping_add(seq),
                    push: seq != 0,
                    ..FIRST
                };
                let bytes = end.send(way, 5, fields, data);
                cat(&[&[direction, 0xff, 3], &bytes])
            };
            // Whole, a difference told, and the difference that is what went before.
            vec![send(0, b"first"), send(6, b"second"), send(12, HELLO)]
        },
        held: None,
        lacking: Undecoded::CompressedHeader,
    },
    Sequence {
        name: "6LoWPAN, two fragments",
        link: 230,
        make: lowpan::parts,
        held: Some(Undecoded::FragmentHeld),
        lacking: Undecoded::FragmentHeld,
    },
    Sequence {
        name: "ESP without encryption, between the ends",
        link: 101,
        make: odd::transport,
        held: None,
        lacking: Undecoded::LinkFragment,
    },
    Sequence {
        name: "batman-adv, three parts, last first",
        link: 1,
        make: odd::mesh_parts,
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
];

pub(super) fn read(decoder: &mut Decoder, link: u32, bytes: &[u8]) -> Result<Told, Undecoded> {
    decoder.decode(&frame(link, bytes)).map(told)
}

#[test]
fn the_last_frame_makes_it_whole() {
    for row in sequences() {
        let mut decoder = Decoder::new(&Limits::default());
        for way in [Way::There, Way::Back] {
            let frames = (row.make)(way);
            let (last, before) = frames.split_last().unwrap();
            for bytes in before {
                let got = read(&mut decoder, row.link, bytes);
                assert_eq!(got.err(), row.held, "{}", row.name);
            }
            let got = read(&mut decoder, row.link, last).expect(row.name);
            let packet = if got.src.is_ipv4() {
                way.ip4()
            } else {
                way.ip6()
            };
            let plain = decode(101, &packet).unwrap();
            assert_eq!(
                (got.src, got.dst, got.ports),
                (plain.src, plain.dst, plain.ports)
            );
            assert_eq!((got.payload, got.cut), (plain.payload, 0), "{}", row.name);
        }
    }
}

#[test]
fn what_is_missing_is_not_made_up() {
    for row in sequences() {
        let frames = (row.make)(Way::There);
        for lost in 0..frames.len() - 1 {
            let mut decoder = Decoder::new(&Limits::default());
            let rest = frames.iter().enumerate().filter(|(at, _)| *at != lost);
            let got = rest
                .map(|(_, bytes)| read(&mut decoder, row.link, bytes))
                .last();
            // What nothing tells from a packet of its own stays one, between the ends of the tunnel.
            match got.unwrap() {
                Ok(outer) => assert_eq!(outer.src, NEAR, "{} without {lost}", row.name),
                got => assert_eq!(got, Err(row.lacking), "{} without {lost}", row.name),
            }
        }
    }
}

/// Whoever keeps a packet wants all of its frames.
#[test]
fn parts_say_whose_they_are() {
    for row in sequences().filter(|row| row.held.is_some()) {
        let ends: Option<(IpAddr, IpAddr)> = match row.link {
            230 => Some((CLIENT_6.into(), SERVER_6.into())),
            _ => Some((CLIENT.into(), SERVER.into())),
        };
        let mut decoder = Decoder::new(&Limits::default());
        let mut frames = (row.make)(Way::There);
        frames.pop();
        // Later parts know it from the first, if that came before them.
        let known = !row.name.contains("last first");
        for bytes in frames {
            assert!(read(&mut decoder, row.link, &bytes).is_err());
            assert_eq!(
                decoder.fragment_ends(),
                ends.filter(|_| known),
                "{}",
                row.name
            );
        }
        let arp = Way::There.ethernet_of(0x0806, &[0; 28]);
        assert!(read(&mut decoder, 1, &arp).is_err());
        assert_eq!(decoder.fragment_ends(), None, "{}", row.name);
    }
}

#[test]
fn what_only_looks_like_a_fragment_stays_a_datagram() {
    let frame = Way::There.ethernet();
    for bytes in [
        // A DNS answer without records, to port 5247.
        Way::There.outer_udp(
            53,
            5247,
            &cat(&[&[0, 0x10, 0x81, 0x80, 0, 1, 0, 0], &[0; 20]]),
        ),
        // Not at a multiple of eight bytes.
        capwap(Way::There, 2, 0x80, 9, &frame[9..]),
        // Not the last, and of odd length.
        capwap(Way::There, 2, 0x80, 8, &frame[9..]),
        // A first part that begins like no frame.
        capwap(Way::There, 2, 0x80, 0, &frame[8..]),
        capwap(Way::There, 3, 0x80, 0, &[0; 40]),
    ] {
        let got = decode(1, &bytes).unwrap();
        assert_eq!((got.src, got.scope), (NEAR.into(), Scope::default()));
    }
    // Fragments that make no frame leave the last of them.
    let mut decoder = Decoder::new(&Limits::default());
    let first = capwap(Way::There, 2, 0x80, 0, &frame[..24]);
    let last = capwap(Way::There, 2, 0xc0, 24, &[0xff; 8]);
    let held = Err(Undecoded::FragmentHeld);
    assert_eq!(read(&mut decoder, 1, &first), held);
    assert_eq!(read(&mut decoder, 1, &last).unwrap().ports, (5247, 5247));
}

#[test]
fn fragments_of_multilink_may_come_in_any_order_and_twice() {
    let mut decoder = Decoder::new(&Limits::default());
    let packet = ppp(Way::There);
    let parts = [
        long(Way::There, 0x80, 5, &packet[..30]),
        long(Way::There, 0, 6, &packet[30..50]),
        long(Way::There, 0x40, 7, &packet[50..]),
    ];
    let held = Err(Undecoded::LinkFragment);
    for at in [2, 2, 0, 0] {
        assert_eq!(read(&mut decoder, 204, &parts[at]), held);
    }
    // Of the other direction.
    let other = long(Way::Back, 0, 6, &packet[30..50]);
    assert_eq!(read(&mut decoder, 204, &other), held);
    assert!(read(&mut decoder, 204, &parts[1]).is_ok());
    assert_eq!(read(&mut decoder, 204, &parts[1]), held);
    // The number after the highest is 0.
    let first = brief(0x80, 0x0fff, &packet[..30]);
    assert_eq!(read(&mut decoder, 9, &first), held);
    assert!(read(&mut decoder, 9, &brief(0x40, 0, &packet[30..])).is_ok());
}

#[test]
fn two_senders_of_one_link_are_not_mixed_up() {
    let mut decoder = Decoder::new(&Limits::default());
    let (there, back) = (ppp(Way::There), ppp(Way::Back));
    let held = Err(Undecoded::LinkFragment);
    // The numbers fit, and so do the lengths.
    assert_eq!(read(&mut decoder, 9, &brief(0x80, 5, &there[..50])), held);
    let mut other = back;
    other[60] ^= 1;
    assert_eq!(read(&mut decoder, 9, &brief(0x40, 6, &other[50..])), held);
    // With both it is not known which belongs to which.
    assert_eq!(read(&mut decoder, 9, &brief(0x40, 6, &there[50..])), held);
}

#[test]
fn fragments_of_multilink_do_not_add_up() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(&limits);
    let packet = ppp(Way::There);
    let first = long(Way::There, 0x80, 1, &packet[..30]);
    let last = long(Way::There, 0x40, 2, &packet[30..]);
    let held = Err(Undecoded::LinkFragment);
    assert_eq!(read(&mut decoder, 204, &first), held);
    for number in 0..u32::try_from(limits.multilink_fragments).unwrap() {
        let orphan = long(Way::There, 0, 100 + 2 * number, &[0; 20]);
        assert_eq!(read(&mut decoder, 204, &orphan), held);
    }
    assert_eq!(read(&mut decoder, 204, &last), held);
    // Too late.
    assert_eq!(
        read(&mut decoder, 204, &long(Way::Back, 0x80, 1, &packet[..30])),
        held
    );
    let late = long(Way::Back, 0x40, 2, &packet[30..]);
    let late = Frame {
        at: Timestamp::EPOCH
            .plus(limits.multilink_age)
            .plus(limits.multilink_age),
        ..frame(204, &late)
    };
    assert_eq!(decoder.decode(&late).map(told), held);
}

#[test]
fn fragments_of_multilink_frame_relay_are_counted() {
    for (bytes, why) in [
        (
            [0x81, 5, 0x18, 0x41, 3, 0xcc, 0x45],
            Undecoded::LinkFragment,
        ),
        ([0xe1, 0, 1, 1, 2, 3, 4], Undecoded::LinkControl),
    ] {
        let got = decode(182, &bytes).unwrap_err();
        assert_eq!((got, got.is_anomaly()), (why, false));
    }
}
