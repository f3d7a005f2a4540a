//! Rows for what is rarely met: numbers that several systems use, old and small tunnels, ESP without encryption.

use super::build::{self, CLIENT, SERVER, Way, cat, ipv4};
use super::fixtures::{Fixture, Source, bare, scoped};
use super::*;

/// 802.11 data to the distribution system, with its frame control bytes the other way round or not.
fn wlan(way: Way, swapped: bool) -> Vec<u8> {
    let mut frame = fixtures::wlan(way, 0x08, &[]);
    if swapped {
        frame.swap(0, 1);
    }
    frame
}

fn lwapp(way: Way, swapped: bool) -> Vec<u8> {
    let frame = wlan(way, swapped);
    let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
    cat(&[&[0, 0], &length, &[40, 20], &frame])
}

/// ESP without encryption: SPI, sequence number, packet, padding, and a check value of 96 bits.
pub(super) fn esp(next: u8, packet: &[u8]) -> Vec<u8> {
    let padding: Vec<u8> = (1..).take((6 - packet.len() % 4) % 4).collect();
    let length = u8::try_from(padding.len()).unwrap();
    let head = [0, 0, 0x10, 0x01, 0, 0, 0, 9];
    cat(&[&head, packet, &padding, &[length, next], &[0xa5; 12]])
}

/// ESP between the two ends themselves.
pub(super) fn transport(way: Way) -> Vec<Vec<u8>> {
    let (from, to) = match way {
        Way::There => (CLIENT, SERVER),
        Way::Back => (SERVER, CLIENT),
    };
    vec![ipv4(from, to, 50, &esp(6, &way.ip4_summed()[20..]))]
}

/// A packet of a mesh in so many parts, of which the last has number 0.
pub(super) fn mesh_parts(way: Way) -> Vec<Vec<u8>> {
    let packet = cat(&[&[0x40, 15, 50, 1, 2, 0, 0, 0, 9, 9], &way.ethernet()]);
    let total = u16::try_from(packet.len()).unwrap().to_be_bytes();
    let stations = cat(&[&way.outer_mac().0, &way.mac().0]);
    // The head may be the shortest, and is sent last.
    let pieces = [&packet[70..], &packet[50..70], &packet[..50]];
    let part = |(number, bytes): (u8, &&[u8])| {
        let head = [0x41, 15, 50, number << 4];
        let bytes = cat(&[&head, &stations, &[0, 7], &total, bytes]);
        way.outer_ethernet(0x4305, &bytes)
    };
    (0..).zip(&pieces).map(part).collect()
}

fn gfp(user: u8, linear: bool, inside: &[u8]) -> Vec<u8> {
    let extension: &[u8] = if linear { &[7, 0, 1, 2] } else { &[] };
    let length = u16::try_from(4 + extension.len() + inside.len() + 4).unwrap();
    cat(&[
        &length.to_be_bytes(),
        &[1, 2, 0x10 | u8::from(linear), user, 3, 4],
        extension,
        inside,
        &[9; 4],
    ])
}

fn zep(version: u8, way: Way) -> Vec<u8> {
    let frame = lowpan::checked(&lowpan::data(way, &lowpan::compressed(way)));
    let length = u8::try_from(frame.len()).unwrap();
    let head: Vec<u8> = match version {
        1 => cat(&[b"EX", &[1, 11, 0, 1, 1, 0], &[0; 7], &[length]]),
        _ => cat(&[b"EX", &[2, 1, 11, 0, 1, 1, 0], &[0; 22], &[length]]),
    };
    way.outer_udp(17_754, 17_754, &cat(&[&head, &frame]))
}

fn fibre(network: bool, way: Way) -> Vec<u8> {
    let optional = if network { 0x20 } else { 0 };
    let mut head = vec![0x04, 1, 2, 3, 0, 4, 5, 6, 0x05, 0x38, 0, 0, 1, optional];
    head.extend([0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let addresses: &[u8] = if network { &[0x10; 16] } else { &[] };
    cat(&[&head, addresses, &SNAP, &way.ip4()])
}

/// A transfer block with one frame.
fn ncm(way: Way) -> Vec<u8> {
    let frame = way.ethernet();
    let size = u16::try_from(frame.len()).unwrap().to_le_bytes();
    let whole = u16::try_from(28 + frame.len()).unwrap().to_le_bytes();
    let block = cat(&[b"NCMH", &[12, 0, 1, 0], &whole, &[12, 0]]);
    let table = cat(&[b"NCM0", &[16, 0, 0, 0, 28, 0], &size, &[0; 4]]);
    cat(&[&block, &table, &frame])
}

/// Linux cooked, from a device without address.
fn cooked(protocol: u8, inside: &[u8]) -> Vec<u8> {
    cat(&[&[0, 0, 0xff, 0xfe, 0, 0], &[0; 8], &[0, protocol], inside])
}

const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

pub(super) static ODD_LINKS: &[Fixture] = &[
    bare("GFP, IPv4", 171, Source::None, |way| {
        gfp(16, false, &way.ip4())
    }),
    bare("GFP, Ethernet, linear", 170, Source::Sender, |way| {
        gfp(1, true, &cat(&[&way.ethernet(), &[8; 4]]))
    }),
    bare("GFP, PPP", 171, Source::None, |way| {
        gfp(2, false, &cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]))
    }),
    bare("Fibre Channel", 224, Source::None, |way| fibre(false, way)),
    bare("Fibre Channel, network header", 224, Source::None, |way| {
        fibre(true, way)
    }),
    bare("Fibre Channel, start of frame", 225, Source::None, |way| {
        cat(&[&[0xbc, 0xb5, 0x55, 0x55], &fibre(false, way), &[9; 8]])
    }),
    bare("BSD/OS SLIP", 15, Source::None, |way| {
        cat(&[&[0; 24], &way.ip4()])
    }),
    bare("BSD/OS SLIP, 16 bytes", 102, Source::None, |way| {
        cat(&[&[1; 16], &way.ip4()])
    }),
    bare("BSD/OS PPP", 103, Source::None, |way| {
        cat(&[&[7; 4], &[0xff, 3, 0, 0x21], &way.ip4()])
    }),
    bare("BSD/OS PPP, IPv6", 16, Source::None, |way| {
        cat(&[&[7; 24], &[0, 0x57], &way.ip6()])
    }),
    bare("ATM by an old number", 18, Source::None, |way| {
        cat(&[&SNAP, &way.ip4()])
    }),
    bare("IPsec by an old number", 13, Source::None, |way| {
        cat(&[&[2, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0], &way.ip4()])
    }),
    bare("Cisco HDLC of BSD", 112, Source::None, |way| {
        cat(&[&[0x0f, 0, 8, 0], &way.ip4()])
    }),
    bare("PPP with an EtherType", 9, Source::None, |way| {
        cat(&[&[0xff, 3, 8, 0], &way.ip4()])
    }),
    bare("PPP, OSI", 9, Source::None, |way| {
        cat(&[&[0xff, 3, 0, 0x23, 0xcc], &way.ip4()])
    }),
    bare("802.3 LLC OSI", 1, Source::Sender, |way| {
        let inside = cat(&[&[0xfe, 0xfe, 3, 0xcc], &way.ip4()]);
        way.ethernet_of(u16::try_from(inside.len()).unwrap(), &inside)
    }),
    bare("Frame Relay, PPP", 107, Source::None, |way| {
        cat(&[&[0x18, 0x41, 3, 0xcf, 0, 0x21], &way.ip4()])
    }),
    bare("USB of FreeBSD, NCM", 186, Source::Sender, |way| {
        let block = ncm(way);
        let length = u32::try_from(block.len()).unwrap().to_le_bytes();
        let whole = u32::try_from(128 + 8 + block.len()).unwrap().to_le_bytes();
        let mut head = cat(&[&whole, &[1, 0, 0, 0], &[5, 0, 1, 2], &[0; 12]]);
        // Interval, frames, sizes, endpoint, speed.
        head.extend([0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        head[40] = 0x82;
        head.resize(128, 0);
        cat(&[&head, &length, &[2, 0, 0, 0], &block])
    }),
    bare("SLL, Ethernet", 113, Source::Sender, |way| {
        cooked(3, &way.ethernet())
    }),
    bare("SLL, PPP", 113, Source::None, |way| {
        cooked(7, &cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]))
    }),
    bare("SLL, 802.15.4", 113, Source::None, |way| {
        let frame = lowpan::data(way, &lowpan::compressed(way));
        cooked(0xf6, &lowpan::checked(&frame))
    }),
    bare("SLL, 802.15.4 without check", 113, Source::None, |way| {
        cooked(0xf6, &lowpan::data(way, &lowpan::compressed(way)))
    }),
    bare("USB of macOS, NCM", 266, Source::Sender, |way| {
        let head = cat(&[&[0, 1, 32, 1], &[0; 24], &[3, 5, 0x82, 2]]);
        cat(&[&head, &ncm(way)])
    }),
    bare("batman-adv, unicast", 1, Source::Sender, |way| {
        let head = [0x40, 15, 50, 1, 2, 0, 0, 0, 9, 9];
        way.outer_ethernet(0x4305, &cat(&[&head, &way.ethernet()]))
    }),
    bare("batman-adv, four addresses", 1, Source::Sender, |way| {
        let head = [0x42, 15, 50, 1, 2, 0, 0, 0, 9, 9, 2, 0, 0, 0, 8, 8, 0, 0];
        way.outer_ethernet(0x4305, &cat(&[&head, &way.ethernet()]))
    }),
    bare(
        "batman-adv, broadcast, version 14",
        1,
        Source::Sender,
        |way| {
            let head = [4, 14, 50, 0, 0, 0, 0, 9, 2, 0, 0, 0, 9, 9];
            way.outer_ethernet(0x4305, &cat(&[&head, &way.ethernet()]))
        },
    ),
    bare("Realtek tag", 1, Source::Sender, |way| {
        way.ethernet_of(0x8899, &cat(&[&[0xa0, 1, 8, 0], &way.ip4()]))
    }),
    bare("Realtek tag of eight bytes", 1, Source::Sender, |way| {
        way.ethernet_of(0x8899, &cat(&[&[4, 0, 0, 0, 0, 1, 8, 0], &way.ip4()]))
    }),
    bare("6LoWPAN in Ethernet", 1, Source::Sender, |way| {
        way.ethernet_of(0xa0ed, &lowpan::compressed(way))
    }),
    bare("802.15.4 in Ethernet", 1, Source::Sender, |way| {
        let frame = lowpan::checked(&lowpan::data(way, &lowpan::compressed(way)));
        way.ethernet_of(0x809a, &frame)
    }),
    bare("MPLS, channel with IP", 1, Source::Sender, |way| {
        way.ethernet_of(
            0x8847,
            &cat(&[&[0, 1, 1, 64, 0x10, 0, 0, 0x21], &way.ip4()]),
        )
    }),
    bare("MPLS, management channel", 1, Source::Sender, |way| {
        let channel = [0, 0, 0xd1, 1, 0x10, 0, 0, 1, 0, 0x21];
        way.ethernet_of(0x8847, &cat(&[&channel, &way.ip4()]))
    }),
];

pub(super) static ODD_TUNNELS: &[Fixture] = &[
    scoped("ESP without encryption", Source::None, |way| {
        way.outer(50, &esp(4, &way.ip4()))
    }),
    scoped("ESP without encryption, IPv6", Source::None, |way| {
        way.outer(50, &esp(41, &way.ip6()))
    }),
    scoped("ESP in UDP without encryption", Source::None, |way| {
        way.outer_udp(4500, 4500, &esp(4, &way.ip4()))
    }),
    scoped("AYIYA", Source::None, |way| {
        let head = [0x42, 0x52, 0x11, 41, 1, 2, 3, 4];
        way.outer_udp(5072, 5072, &cat(&[&head, &[7; 16], &[8; 20], &way.ip6()]))
    }),
    scoped("LWAPP", Source::Sender, |way| {
        way.outer_udp(12_222, 12_222, &lwapp(way, false))
    }),
    scoped("LWAPP, swapped", Source::Sender, |way| {
        way.outer_udp(40_001, 12_222, &lwapp(way, true))
    }),
    scoped("LWAPP in Ethernet, swapped", Source::Sender, |way| {
        way.outer_ethernet(0x88bb, &lwapp(way, true))
    }),
    scoped("L2TPv3, IP", Source::None, |way| {
        way.outer(115, &cat(&[&[0, 0, 0, 7], &[9; 4], &way.ip4()]))
    }),
    scoped("L2TPv3 in UDP, PPP", Source::None, |way| {
        let head = [0, 3, 0, 0, 0, 0, 0, 7, 0xff, 3, 0, 0x21];
        way.outer_udp(1701, 1701, &cat(&[&head, &way.ip4()]))
    }),
    scoped("GRE in UDP", Source::None, |way| {
        way.outer_udp(40_001, 4754, &cat(&[&[0, 0, 8, 0], &way.ip4()]))
    }),
    scoped("GRE in UDP, key, Ethernet", Source::Sender, |way| {
        way.outer_udp(
            40_001,
            4754,
            &cat(&[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7], &way.ethernet()]),
        )
    }),
    scoped("GRE, Ethernet of MikroTik", Source::Sender, |way| {
        let frame = way.ethernet();
        let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
        way.outer(47, &cat(&[&[0x20, 1, 0x64, 0], &length, &[7, 0], &frame]))
    }),
    scoped("GRE, 802.11 of Aruba", Source::Sender, |way| {
        way.outer(47, &cat(&[&[0, 0, 0x82, 0x10], &wlan(way, false)]))
    }),
    scoped("GRE, Frame Relay", Source::None, |way| {
        way.outer(
            47,
            &cat(&[&[0, 0, 0x65, 0x59, 0x18, 0x41, 3, 0xcc], &way.ip4()]),
        )
    }),
    scoped("GRE, OSI", Source::None, |way| {
        way.outer(47, &cat(&[&[0, 0, 0, 0xfe, 0xcc], &way.ip4()]))
    }),
    scoped("IP protocol 80, OSI", Source::None, |way| {
        way.outer(80, &cat(&[&[0xcc], &way.ip4()]))
    }),
    scoped("IP protocol 93, AX.25", Source::None, |way| {
        way.outer(93, &cat(&[&rare::stations(0), &[3, 0xcc], &way.ip4()]))
    }),
    scoped("Mirror of Juniper", Source::None, |way| {
        way.outer_udp(
            40_001,
            30_030,
            &cat(&[&[0, 0, 0, 1, 0, 0, 0, 2], &way.ip4()]),
        )
    }),
    scoped("Mirror of HP", Source::Sender, |way| {
        way.outer_udp(40_001, 7932, &cat(&[&[0; 12], &way.ethernet()]))
    }),
    scoped("802.11 passed on", Source::Sender, |way| {
        let head = [0, 0xff, 0xab, 0xcd, 2, 0, 0, 0, 55, 0, 0, 0, 6];
        let frame = cat(&[&head, &[0; 42], &wlan(way, false), &[1, 2, 3, 4]]);
        way.outer_udp(5000, 5000, &frame)
    }),
    scoped("802.15.4 passed on", Source::None, |way| zep(2, way)),
    scoped("802.15.4 passed on, version 1", Source::None, |way| {
        zep(1, way)
    }),
];

#[test]
fn encrypted_esp_stays_what_it_is() {
    let packet = Way::There.ip4_summed();
    let (inside, segment) = (esp(4, &packet), esp(6, &packet[20..]));
    let told = |bytes: &[u8]| decode(101, &ipv4(CLIENT, SERVER, 50, bytes)).unwrap().ports;
    assert_eq!(
        (told(&inside), told(&segment)),
        (build::PORTS, build::PORTS)
    );
    // A wrong checksum, padding that does not count, bytes behind the packet, a byte lost.
    for (bytes, at) in [(&inside, 18), (&segment, 40), (&inside, 11)] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert_eq!(told(&bytes), (50, 0), "{at}");
    }
    assert_eq!(told(&cat(&[&inside, &[0]])), (50, 0));
    assert_eq!(told(&inside[..inside.len() - 1]), (50, 0));
    assert_eq!(told(&[0; 60]), (50, 0));
    assert_eq!(told(&[]), (50, 0));
}

#[test]
fn what_is_no_packet_has_a_reason() {
    let packet = Way::There.ip4();
    let ethernet = |ether_type, bytes: &[u8]| Way::There.outer_ethernet(ether_type, bytes);
    for (link, bytes, why) in [
        (171, vec![0, 0, 1, 2], Undecoded::LinkControl),
        (171, gfp(3, false, &packet), Undecoded::NotIp),
        (
            171,
            vec![0, 8, 1, 2, 0x80, 1, 0, 0, 0, 0, 0, 0],
            Undecoded::LinkControl,
        ),
        (103, vec![0x45; 80], Undecoded::NotIp),
        (16, vec![1; 80], Undecoded::NotIp),
        (13, vec![1; 80], Undecoded::NotIp),
        (224, vec![6; 80], Undecoded::NotIp),
        (1, ethernet(0x4305, &[0, 15, 1, 2]), Undecoded::LinkControl),
        (1, ethernet(0x4305, &[6, 14, 1, 2]), Undecoded::LinkFragment),
        (1, ethernet(0x4305, &[0x40, 99, 1, 2]), Undecoded::NotIp),
        (1, ethernet(0x88bb, &[4; 40]), Undecoded::NotIp),
        (1, ethernet(0x8899, &[0x23; 40]), Undecoded::LinkControl),
        (1, ethernet(0xa0ed, &[0x48; 40]), Undecoded::NotIp),
    ] {
        let got = decode(link, &bytes).unwrap_err();
        assert_eq!((got, got.is_anomaly()), (why, false), "{link} {bytes:?}");
    }
}

#[test]
fn parts_of_a_mesh_may_come_twice_and_in_any_order() {
    let mut decoder = Decoder::new(&Limits::default());
    let parts = mesh_parts(Way::There);
    let mut read = |bytes: &[u8]| decoder.decode(&frame(1, bytes)).map(told);
    for at in [2, 0, 0, 2] {
        assert_eq!(read(&parts[at]), Err(Undecoded::LinkFragment));
    }
    assert_eq!(read(&parts[1]).unwrap().ports, build::PORTS);
    // Of two packets with the same numbers nothing is made.
    let mut other = parts[1].clone();
    other.truncate(other.len() - 1);
    assert_eq!(read(&other), Err(Undecoded::LinkFragment));
    assert_eq!(read(&parts[0]), Err(Undecoded::LinkFragment));
    assert_eq!(read(&parts[2]), Err(Undecoded::LinkFragment));
    for number in 0..200 {
        let mut open = parts[0].clone();
        open[31] = number;
        assert_eq!(read(&open), Err(Undecoded::LinkFragment));
    }
}
