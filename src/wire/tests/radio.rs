//! Rows for layers of telephones' radio and of other radios, for what few send over UDP and ATM, and what of
//! them is no packet.

use super::build::{Way, cat, checksum};
use super::fixtures::{Fixture, Source, bare, scoped, wlan};
use super::sequences::{Sequence, read};
use super::*;

/// A layer behind its text and fields, and one that says that it follows.
fn told_as(way: Way, text: &[u8], fields: &[u8], layer: &[u8]) -> Vec<u8> {
    way.outer_udp(50_000, 50_001, &cat(&[text, fields, &[1], layer]))
}

fn message(way: Way, text: &[u8], head: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    way.outer_udp(50_000, 50_001, &cat(&[text, head, &length, data]))
}

/// The mode and the rest that is said of a block, on a channel of a user.
fn block(way: Way, mode: u8, wide: u8, layer: &[u8]) -> Vec<u8> {
    let fields = [2, 4, 3, mode, 4, 0, 5, 0, 0, 0, 9, 6, 5, 7, wide];
    told_as(way, b"umts-rlc", &fields, layer)
}

/// Length indicator, and whether another follows.
fn narrow(length: usize, more: bool) -> u8 {
    u8::try_from(length << 1).unwrap() | u8::from(more)
}

/// LLC of a packet, as Enterprise Extender has it.
const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

pub(super) static RADIO: &[Fixture] = &[
    scoped("PDCP of LTE, 7 bits", Source::None, |way| {
        let fields = [0, 2, 0, 2, 7, 3, 0, 4, 1];
        told_as(
            way,
            b"pdcp-lte",
            &fields,
            &cat(&[&[0x81], &way.ip4_summed()]),
        )
    }),
    scoped("PDCP of LTE, 12 bits, IPv6", Source::None, |way| {
        let layer = cat(&[&[0x80, 1], &way.ip6()]);
        told_as(
            way,
            b"pdcp-lte",
            &[0, 2, 0, 2, 12, 13, 0, 4, 14, 0, 9],
            &layer,
        )
    }),
    scoped("PDCP of LTE without header", Source::None, |way| {
        told_as(way, b"pdcp-lte", &[1, 2, 0, 2, 12], &way.ip4())
    }),
    scoped("PDCP of NR, 12 bits", Source::None, |way| {
        let layer = cat(&[&[0x80, 1], &way.ip4()]);
        told_as(way, b"pdcp-nr", &[2, 2, 12, 3, 0, 6, 0, 9], &layer)
    }),
    scoped(
        "PDCP of NR, 18 bits, SDAP, integrity",
        Source::None,
        |way| {
            let layer = cat(&[&[0x80, 0, 1, 0x41], &way.ip4(), &[9, 9, 9, 9]]);
            told_as(way, b"pdcp-nr", &[2, 2, 18, 3, 1, 15, 16, 3], &layer)
        },
    ),
    scoped("NAS of EPS, protected, null cipher", Source::None, |way| {
        let head = [0x27, 1, 2, 3, 4, 5, 0x52, 0, 0xeb];
        message(way, b"nas-eps", &head, &way.ip4())
    }),
    scoped("NAS of EPS, with a request", Source::None, |way| {
        let packet = way.ip4();
        let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
        let data = cat(&[&[0x52, 0, 0xeb], &length, &packet]);
        message(way, b"nas-eps", &[7, 0x4d, 0, 0x78], &data)
    }),
    scoped("NAS of 5GS", Source::None, |way| {
        message(way, b"nas-5gs", &[0x7e, 0, 0x67, 8], &way.ip4())
    }),
    scoped("NAS of 5GS, protected, Ethernet", Source::Sender, |way| {
        let head = [0x7e, 2, 1, 2, 3, 4, 5, 0x7e, 0, 0x68, 8];
        message(way, b"nas-5gs", &head, &way.ethernet())
    }),
    scoped("RLC, transparent", Source::None, |way| {
        block(way, 0, 1, &way.ip4())
    }),
    scoped("RLC, acknowledged", Source::None, |way| {
        let packet = way.ip4();
        let lengths = [narrow(packet.len(), true), 0xfe];
        block(way, 2, 1, &cat(&[&[0x80, 1], &lengths, &packet, &[0; 8]]))
    }),
    scoped("RLC, acknowledged, ends", Source::None, |way| {
        block(way, 2, 1, &cat(&[&[0x80, 2], &way.ip4()]))
    }),
    scoped("RLC, unacknowledged, long lengths", Source::None, |way| {
        let packet = way.ip4();
        let length = (u16::try_from(packet.len()).unwrap() << 1 | 1).to_be_bytes();
        let layer = cat(&[&[1], &length, &[0xff, 0xfe], &packet, &[0; 8]]);
        block(way, 1, 2, &layer)
    }),
    scoped("SYNC in GTP-U", Source::None, |way| {
        let inside = cat(&[&[0x10, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0], &way.ip4()]);
        let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
        let packet = cat(&[&[0x30, 0xff], &length, &[0, 0, 0, 7], &inside]);
        way.outer_udp(2152, 2152, &packet)
    }),
    scoped("Enterprise Extender", Source::None, |way| {
        way.outer_udp(12_001, 12_001, &cat(&[&SNAP, &way.ip4()]))
    }),
    scoped("PCLI, call", Source::None, |way| {
        way.outer_udp(50_000, 9000, &cat(&[&[0, 0, 0, 7], &way.ip4()]))
    }),
    scoped("PCLI, time and case", Source::None, |way| {
        way.outer_udp(50_000, 9000, &cat(&[&[7; 20], &way.ip6()]))
    }),
];

/// A generic header of WiMAX with its check sequence, and what it announces.
fn unit(kind: u8, flags: u8, inside: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(inside.len() + 6).unwrap().to_be_bytes();
    let header = [kind, flags | high, low, 0x20, 0];
    let check = header.iter().fold(0_u8, |check, byte| {
        (0..8).fold(check ^ byte, |check, _| {
            check << 1 ^ if check & 0x80 == 0 { 0 } else { 7 }
        })
    });
    cat(&[&header, &[check], inside])
}

/// Fields of one frame between base stations, of which the last is a burst.
fn burst(way: Way, units: &[u8]) -> Vec<u8> {
    let length = u16::try_from(units.len()).unwrap().to_be_bytes();
    let head = [0, 1, 0, 3, 2, 1, 1, 3, 1, 0, 9, 0x82];
    way.ethernet_of(0x08f0, &cat(&[&head, &length, units]))
}

/// A transfer of a tunnel of meters, in a frame of 802.15.4 between short addresses.
fn meter(way: Way, packet: &[u8]) -> Vec<u8> {
    let there = way == Way::There;
    let (to, from, control, command) = match there {
        true => (1, 2, 0x01, 2),
        false => (2, 1, 0x09, 1),
    };
    let frame = [0x41, 0x88, 3, 0xcd, 0xab, to, 0, from, 0];
    let network = [0x08, 0, to, 0, from, 0, 30, 5];
    let application = [0, 1, 0x04, 0x07, 0x09, 0x01, 1, 9];
    let head = [control, 7, command, 5, 0];
    cat(&[&frame, &network, &application, &head, packet])
}

/// A packet of BNEP in L2CAP.
fn network(packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len() + 3).unwrap().to_le_bytes();
    cat(&[&length, &[0x45, 0, 2, 8, 0], packet])
}

/// A packet of Bluetooth's basic rate in five slots (15) or one (4), which begins something (2) or goes on with it (1).
fn slots(kind: u8, boundary: u16, data: &[u8]) -> Vec<u8> {
    let field = u16::try_from(data.len()).unwrap() << 3 | boundary;
    let size = if kind == 4 { 1 } else { 2 };
    cat(&[
        &[10, 0xc0, 0x80, 0, 0x10, 0, 0, 0],
        &[0x56, 0x34, 0x12, 0, 0x56, 0x34, 0x12, 0x78],
        &[1 | kind << 3, 0, 0, 0, 0xbb, 0],
        &field.to_le_bytes()[..size],
        data,
        &[0, 0],
    ])
}

pub(super) static AIR: &[Fixture] = &[
    bare("WiMAX between base stations", 1, Source::None, |way| {
        burst(way, &unit(0, 0, &way.ip4()))
    }),
    bare("WiMAX, packed, with a check", 1, Source::None, |way| {
        let packet = way.ip4();
        let length = u16::try_from(packet.len() + 2).unwrap().to_be_bytes();
        let inside = cat(&[&length, &packet, &[0; 4]]);
        let request = unit(0, 0, &[]);
        burst(way, &cat(&[&request, &unit(2, 0x40, &inside), &[0xff; 9]]))
    }),
    bare("ZigBee, tunnel of meters", 230, Source::None, |way| {
        meter(way, &way.ip4())
    }),
    bare("Bluetooth BR/EDR", 255, Source::None, |way| {
        slots(15, 2, &network(&way.ip4()))
    }),
    bare("802.11, Bluetooth", 105, Source::None, |way| {
        let frame = wlan(way, 0x08, &[]);
        let llc = [0xaa, 0xaa, 3, 0, 0x19, 0x58, 0, 1];
        cat(&[&frame[..24], &llc, &network(&way.ip4())])
    }),
    bare("ATM, Frame Relay", 106, Source::None, |way| {
        cat(&[&[0x18, 0x41, 3, 0xcc], &way.ip4()])
    }),
    bare("SunATM, Frame Relay", 123, Source::None, |way| {
        cat(&[&[0x80, 1, 0, 5, 0x18, 0x41, 3, 0x8e], &way.ip6()])
    }),
];

/// Packets in several frames.
pub(super) static IN_BLOCKS: &[Sequence] = &[
    Sequence {
        name: "RLC, in three blocks",
        link: 1,
        make: |way| {
            let packet = way.ip4();
            let last = [narrow(packet.len() - 50, true), 0xfe];
            vec![
                block(way, 2, 1, &cat(&[&[0x80, 0], &packet[..20]])),
                block(way, 2, 1, &cat(&[&[0x80, 8], &packet[20..50]])),
                block(
                    way,
                    2,
                    1,
                    &cat(&[&[0x80, 0x11], &last, &packet[50..], &[0; 4]]),
                ),
            ]
        },
        held: None,
        lacking: Undecoded::NotIp,
    },
    Sequence {
        name: "Bluetooth BR/EDR, in slots",
        link: 255,
        make: |way| {
            let packet = network(&way.ip4_summed());
            let parts = packet.chunks(27).enumerate();
            parts
                .map(|(at, part)| slots(4, if at == 0 { 2 } else { 1 }, part))
                .collect()
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
];

#[test]
fn what_a_text_announces_has_to_be_ip_alone() {
    let way = Way::There;
    let (packet, lte) = (way.ip4(), [0, 2, 0, 2, 12]);
    let numbered = cat(&[&[0x80, 1], &packet]);
    let changed = |at: usize, value: u8| {
        let mut bytes = numbered.clone();
        bytes[at] = value;
        bytes
    };
    for bytes in [
        // Control, signalling, compressed, a field that there is not, none, a wrong sum, a byte too much.
        told_as(way, b"pdcp-lte", &lte, &changed(0, 0)),
        told_as(way, b"pdcp-lte", &[0, 1, 0, 2, 12], &numbered),
        told_as(way, b"pdcp-lte", &[0, 2, 1, 2, 12], &numbered),
        told_as(way, b"pdcp-lte", &[0, 2, 0, 2, 12, 99, 0], &numbered),
        told_as(way, b"pdcp-lte", &[0, 2, 0], &numbered),
        told_as(way, b"pdcp-lte", &lte, &changed(14, 1)),
        told_as(way, b"pdcp-lte", &lte, &cat(&[&numbered, &[0]])),
        told_as(way, b"pdcp-nr", &[2, 2, 12, 7], &numbered),
        told_as(way, b"pdcp-mr", &[2, 2, 12], &numbered),
        // Ciphered, an answer, and what is for another one.
        message(
            way,
            b"nas-eps",
            &[0x27, 1, 2, 3, 4, 5, 0x99, 0, 0xeb],
            &packet,
        ),
        message(way, b"nas-eps", &[0x52, 0, 0xea], &packet),
        message(way, b"nas-5gs", &[0x7e, 0, 0x67, 1], &packet),
        // Control of a link, a length beyond the block, and a channel of no user.
        block(way, 2, 1, &cat(&[&[0, 2], &packet])),
        block(way, 2, 1, &cat(&[&[0x80, 1, 0xf0], &packet])),
        told_as(way, b"umts-rlc", &[2, 3, 3, 0], &packet),
        // LLC with SNA, and what is not alone.
        way.outer_udp(12_000, 12_000, &cat(&[&[4, 4, 3], &packet])),
        way.outer_udp(12_000, 12_000, &cat(&[&SNAP, &packet, &[0]])),
        way.outer_udp(50_000, 9000, &cat(&[&[0; 5], &packet])),
    ] {
        let got = decode(1, &bytes).unwrap();
        assert_eq!((got.src, got.scope), (build::NEAR.into(), Scope::default()));
    }
    // The last packet of a block that the next one says has ended.
    let mut decoder = Decoder::new(&Limits::default());
    let whole = way.ip4();
    let first = block(way, 1, 1, &cat(&[&[0x04], &whole]));
    let next = block(way, 1, 1, &[0x07, 0, 0x45, 0]);
    assert!(read(&mut decoder, 1, &first).unwrap().src == build::NEAR);
    assert_eq!(read(&mut decoder, 1, &next).unwrap().payload, build::HELLO);
}

#[test]
fn what_is_no_packet_of_a_radio_has_a_reason() {
    let way = Way::There;
    let packet = way.ip4();
    let mut bad = unit(0, 0, &packet);
    bad[5] ^= 1;
    let mut part = burst(way, &unit(0, 0, &packet));
    // Which part of a burst it is.
    part[14 + 9] = 1;
    let mut secured = meter(way, &packet);
    secured[10] |= 2;
    let mut white = slots(15, 2, &network(&packet));
    white[20] &= 0xfe;
    for (link, bytes, why) in [
        (1, burst(way, &bad), Undecoded::NotIp),
        (1, burst(way, &unit(0x40, 0, &packet)), Undecoded::NotIp),
        (1, burst(way, &[0xff; 40]), Undecoded::NotIp),
        (1, part, Undecoded::LinkFragment),
        (230, secured, Undecoded::NotIp),
        (230, meter(way, &packet[1..]), Undecoded::NotIp),
        (255, white, Undecoded::NotIp),
        (255, slots(15, 3, &[1; 9]), Undecoded::LinkControl),
        (255, slots(15, 2, &network(&[0x45; 40])), Undecoded::NotIp),
        (
            1,
            way.ethernet_of(0x890d, &[1, 6, 1, 0, 0, 0]),
            Undecoded::LinkControl,
        ),
        (
            106,
            cat(&[&[0x18, 0x41, 3, 0xcc], &packet[..40]]),
            Undecoded::NotIp,
        ),
    ] {
        let got = decode(link, &bytes);
        assert_eq!(got, Err(why), "{link}");
        assert!(!why.is_anomaly());
    }
    assert_eq!(checksum(&packet[..20]), 0);
}
