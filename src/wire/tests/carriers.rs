//! Packets in parts among other things, and inside of equipment: transport streams, X.25, GPRS, netlink, PPP
//! over USB, EtherCAT and what few have met.

use super::bluetooth::Granted;
use super::build::{PORTS, Way, cat, crc};
use super::fixtures::{Fixture, Source, bare, scoped};
use super::sequences::Sequence;
use super::usb::{BULK, usb_pcap, usbmon};
use super::*;

fn be16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_be_bytes()
}

fn le16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_le_bytes()
}

/// An attribute of netlink, in the byte order of most hosts.
fn attribute(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = cat(&[&le16(4 + value.len()), &[kind, 0], value]);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A message of netfilter with a packet.
fn message(way: Way, queue: bool) -> Vec<u8> {
    let hook = if way == Way::There { 3 } else { 1 };
    let (system, header) = match queue {
        true => (3, attribute(1, &[0, 0, 0, 7, 8, 0, hook])),
        false => (4, attribute(1, &[8, 0, hook, 0])),
    };
    let payload = attribute(if queue { 10 } else { 9 }, &way.ip4());
    let body = cat(&[&[2, 0, 0, 5], &header, &payload]);
    let length = u32::try_from(16 + body.len()).unwrap().to_le_bytes();
    cat(&[&length, &[0, system, 0, 0], &[0; 8], &body])
}

fn netlink(family: u8, messages: &[u8]) -> Vec<u8> {
    cat(&[&[0, 4, 3, 0x38], &[0; 10], &[0, family], messages])
}

/// PPP in HDLC-like framing, between flags.
pub(super) fn hdlc(frame: &[u8]) -> Vec<u8> {
    let check = (!crc(0xffff, frame)).to_le_bytes();
    let mut bytes = vec![0x7e];
    for byte in cat(&[frame, &check]) {
        match byte {
            0x7d | 0x7e | 0..0x20 => bytes.extend([0x7d, byte ^ 0x20]),
            _ => bytes.push(byte),
        }
    }
    bytes.push(0x7e);
    bytes
}

fn ppp(way: Way) -> Vec<u8> {
    hdlc(&cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]))
}

/// The check sequence of sections, with the highest bit first.
fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut check = u32::MAX;
    for byte in bytes {
        check ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            let high = check >> 31 == 1;
            check <<= 1;
            if high {
                check ^= 0x04c1_1db7;
            }
        }
    }
    check.to_be_bytes()
}

/// A section of multiprotocol encapsulation.
fn section(llc: bool, packet: &[u8]) -> Vec<u8> {
    let snap: &[u8] = match llc {
        true => &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
        false => &[],
    };
    let length = be16(9 + snap.len() + packet.len() + 4);
    let flags = 0xc1 | u8::from(llc) << 1;
    let head = [
        0x3e,
        0xb0 | length[0],
        length[1],
        1,
        2,
        flags,
        0,
        0,
        3,
        4,
        5,
        6,
    ];
    let bytes = cat(&[&head, snap, packet]);
    cat(&[&bytes, &crc32(&bytes)])
}

/// A unit of ULE, with an address or without.
fn ule(address: bool, kind: u16, packet: &[u8]) -> Vec<u8> {
    let to: &[u8] = if address { &[2, 0, 0, 0, 0, 9] } else { &[] };
    let length = be16(to.len() + packet.len() + 4);
    let first = length[0] | if address { 0 } else { 0x80 };
    let bytes = cat(&[&[first, length[1]], &kind.to_be_bytes(), to, packet]);
    cat(&[&bytes, &crc32(&bytes)])
}

/// Packets of a transport stream, in each of which so much fits of what begins in the first.
fn stream(program: u16, unit: &[u8]) -> Vec<Vec<u8>> {
    let [high, low] = program.to_be_bytes();
    let mut payload = cat(&[&[0], unit]);
    payload.resize(payload.len().next_multiple_of(184), 0xff);
    let packet = |(number, part): (u8, &[u8])| {
        let begins = if number == 0 { 0x40 } else { 0 };
        cat(&[&[0x47, high | begins, low, 0x10 | number], part])
    };
    (0..).zip(payload.chunks(184)).map(packet).collect()
}

/// A packet as a satellite sends it down.
pub(super) fn broadcast(packet: &[u8]) -> Vec<u8> {
    stream(0x100, &section(false, packet)).concat()
}

/// The same with so much in each packet, behind stuffing.
fn thin(program: u16, unit: &[u8], size: u8) -> Vec<Vec<u8>> {
    let [high, low] = program.to_be_bytes();
    let payload = cat(&[&[0], unit]);
    let packet = |(number, part): (u8, &[u8])| {
        let begins = if number == 0 { 0x40 } else { 0 };
        let room = 183 - u8::try_from(part.len()).unwrap();
        let head = [0x47, high | begins, low, 0x30 | number, room, 0];
        let stuffing = vec![0xff; usize::from(room) - 1];
        cat(&[&head, &stuffing, part])
    };
    let parts = payload.chunks(size.into());
    (0..).zip(parts).map(packet).collect()
}

fn cable(way: Way) -> Vec<u8> {
    let frame = cat(&[&way.ethernet(), &[0; 4]]);
    let head = cat(&[&[0, 0], &be16(frame.len())]);
    let check = (!crc(0xffff, &head)).to_le_bytes();
    cat(&[&head, &check, &frame])
}

/// X.25 in LAPB, on a line of SITA.
fn line(packet: &[u8]) -> Vec<u8> {
    cat(&[&[0, 0, 0, 0, 1, 1, 0], packet])
}

/// A call on circuit 5 for what its user data says.
fn call(data: &[u8]) -> Vec<u8> {
    cat(&[&[0x10, 5, 0x0b, 0x33, 0x12, 0x34, 0x56, 0], data])
}

fn x25(way: Way) -> Vec<u8> {
    cat(&[&[0x10, 5, 0], &way.ip4()])
}

/// In parts whose numbers come round.
fn x25_parts(way: Way) -> [Vec<u8>; 3] {
    let packet = way.ip4_summed();
    let part = |at: u8, more: u8, bytes: &[u8]| cat(&[&[0x10, 5, at << 1 | more], bytes]);
    [
        part(6, 0x10, &packet[..32]),
        part(7, 0x10, &packet[32..50]),
        part(0, 0, &packet[50..]),
    ]
}

fn lapb_ether(way: Way, packet: &[u8]) -> Vec<u8> {
    let frame = cat(&[&[1, 0], packet]);
    way.ethernet_of(0x6000, &cat(&[&le16(frame.len()), &frame]))
}

/// The check sequence of GPRS.
fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut check: u32 = 0x00ff_ffff;
    for byte in bytes {
        check ^= u32::from(*byte);
        for _ in 0..8 {
            let odd = check & 1 == 1;
            check >>= 1;
            if odd {
                check ^= 0x00ad_85dd;
            }
        }
    }
    let [low, middle, high, _] = (!check).to_le_bytes();
    [low, middle, high]
}

/// A frame on a link for data, all of which is protected.
fn gprs(sndcp: &[u8], packet: &[u8]) -> Vec<u8> {
    let frame = cat(&[&[0x43, 0xc0, 0x05], sndcp, packet]);
    cat(&[&frame, &crc24(&frame)])
}

fn gsmtap(frame: &[u8]) -> Vec<u8> {
    cat(&[&[2, 4, 8, 0, 0, 1], &[0; 10], frame])
}

fn tipc(way: Way) -> Vec<u8> {
    let packet = way.ip4();
    let first = (2_u32 << 29) | (6 << 21) | u32::try_from(24 + packet.len()).unwrap();
    cat(&[&first.to_be_bytes(), &[0; 20], &packet])
}

fn mint(kind: u8, way: Way) -> Vec<u8> {
    let numbers: &[u8] = if kind == 1 { &[0; 2] } else { &[0; 10] };
    cat(&[&[0; 12], &[0, kind, 0, kind], numbers, &way.ethernet()])
}

/// IP over InfiniBand behind the base header, with the check sequence of the packet.
fn infiniband(opcode: u8, way: Way) -> Vec<u8> {
    let datagram: &[u8] = if opcode == 0x64 {
        &[0, 0, 0, 1, 0, 0, 0, 2]
    } else {
        &[]
    };
    let head = [opcode, 0x40, 0xff, 0xff, 0, 0, 0, 2, 0, 0, 0, 1];
    cat(&[&head, datagram, &[8, 0, 0, 0], &way.ip4(), &[9; 4]])
}

fn global(inside: &[u8]) -> Vec<u8> {
    let length = be16(inside.len());
    cat(&[&[0x60, 0, 0, 0], &length, &[0x1b, 64], &[0xfe; 32], inside])
}

/// GeoNetworking to those around, with IPv6.
fn geo_common(way: Way) -> Vec<u8> {
    let packet = way.ip6();
    cat(&[
        &[0x30, 0x50, 0, 0],
        &be16(packet.len()),
        &[1, 0],
        &[0; 28],
        &packet,
    ])
}

fn geo_signed(way: Way) -> Vec<u8> {
    let inside = geo_common(way);
    let length = u8::try_from(inside.len()).unwrap();
    let tail = cat(&[
        &[0, 1, 36],
        &[0x80],
        &[7; 8],
        &[0x80, 0x80],
        &[1; 32],
        &[2; 32],
    ]);
    cat(&[
        &[0x12, 0, 0x50, 1, 3, 0x81, 0, 0x40, 3, 0x80, 0x81, length],
        &inside,
        &tail,
    ])
}

/// A piece of Ethernet in a mailbox.
fn mailbox(last: bool, number: usize, offset: usize, piece: &[u8]) -> Vec<u8> {
    let place = le16(number | (offset / 32) << 6 | 3 << 12);
    let length = le16(4 + piece.len());
    cat(&[
        &length,
        &[1, 0x10, 0, 0x12],
        &[0x10, u8::from(last)],
        &place,
        piece,
    ])
}

/// A telegram that was written to a station and has come back, and another behind it.
fn telegrams(memory: &[u8]) -> Vec<u8> {
    let more = le16(memory.len() | 0x8000);
    let bytes = cat(&[
        &[5, 1, 1, 0x10, 0, 0x18],
        &more,
        &[0, 0],
        memory,
        &[1, 0],
        &[4, 2, 1, 0x10, 0x30, 1, 2, 0, 0, 0, 8, 0, 1, 0],
    ]);
    cat(&[&le16(bytes.len() | 0x1000), &bytes])
}

fn mailboxes(way: Way, wrap: fn(Way, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let frame = way.ethernet();
    let (first, last) = frame.split_at(64);
    vec![
        wrap(
            way,
            &mailbox(false, 0, frame.len().next_multiple_of(32), first),
        ),
        wrap(way, &mailbox(true, 1, 64, last)),
    ]
}

/// A frame of a satellite with packets of generic stream encapsulation.
fn satellite(packets: &[u8]) -> Vec<u8> {
    let bits = be16(packets.len() * 8);
    let head = cat(&[&[0x70, 0, 0, 0], &bits, &[0, 0, 0]]);
    let check = head.iter().fold(0_u8, |check, byte| {
        (0..8).fold(check ^ byte, |check, _| {
            let high = check >> 7 == 1;
            check << 1 ^ if high { 0xd5 } else { 0 }
        })
    });
    cat(&[&[0xb8, 0, 0, 0], &head, &[check], packets])
}

/// One such packet: first, last, and no label, three bytes of it or six.
fn gse(flags: u8, inside: &[u8]) -> Vec<u8> {
    let length = be16(inside.len());
    cat(&[&[flags | length[0], length[1]], inside])
}

pub(super) static CARRIERS: &[Fixture] = &[
    bare("netlink, a queue", 253, Source::None, |way| {
        netlink(12, &message(way, true))
    }),
    bare("netlink, a log", 253, Source::None, |way| {
        netlink(12, &message(way, false))
    }),
    bare("netlink in SLL2", 276, Source::None, |way| {
        let head = [
            0, 12, 0, 0, 0, 0, 0, 1, 3, 0x38, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        cat(&[&head, &message(way, true)])
    }),
    bare("netlink in SLL", 113, Source::None, |way| {
        netlink(12, &message(way, false))
    }),
    bare("USB, PPP of a modem", 220, Source::None, |way| {
        usbmon(way, BULK, 64, &ppp(way))
    }),
    bare(
        "USBPcap, PPP, fields compressed",
        249,
        Source::None,
        |way| usb_pcap(way, &hdlc(&cat(&[&[0x21], &way.ip4()]))),
    ),
    bare("transport stream, MPE", 243, Source::None, |way| {
        stream(0x100, &section(false, &way.ip4())).concat()
    }),
    bare("transport stream, MPE with LLC", 243, Source::None, |way| {
        stream(0x100, &section(true, &way.ip4())).concat()
    }),
    bare("transport stream, ULE", 243, Source::None, |way| {
        stream(0x101, &ule(true, 0x0800, &way.ip4())).concat()
    }),
    bare("transport stream, ULE, IPv6", 243, Source::None, |way| {
        stream(0x101, &ule(false, 0x86dd, &way.ip6())).concat()
    }),
    bare(
        "transport stream, ULE, bridged",
        243,
        Source::Sender,
        |way| stream(0x101, &ule(false, 1, &way.ethernet())).concat(),
    ),
    bare("transport stream, DOCSIS", 243, Source::Sender, |way| {
        stream(0x1ffe, &cable(way)).concat()
    }),
    bare("transport stream over USB", 220, Source::None, |way| {
        let packets = stream(0x100, &section(false, &way.ip4())).concat();
        usbmon(way, BULK, 64, &packets)
    }),
    bare("GFP, transport stream", 171, Source::None, |way| {
        let packets = stream(0x100, &section(false, &way.ip4())).concat();
        cat(&[&be16(4 + packets.len()), &[1, 2, 0, 9, 3, 4], &packets])
    }),
    bare("SITA, X.25", 196, Source::None, |way| line(&x25(way))),
    bare("SITA, X.25 in the longer form", 196, Source::None, |way| {
        line(&cat(&[&[0x20, 5, 0, 0], &way.ip4()]))
    }),
    bare("SITA, Frame Relay", 196, Source::None, |way| {
        cat(&[&[0, 0, 0, 0, 18, 0x18, 0x41, 3, 0xcc], &way.ip4()])
    }),
    bare("LAPD, X.25", 203, Source::None, |way| {
        cat(&[&[0x40, 1, 0, 0], &x25(way)])
    }),
    bare("LAPB in Ethernet", 1, Source::Sender, |way| {
        lapb_ether(way, &x25(way))
    }),
    bare("802.3 LLC X.25", 1, Source::Sender, |way| {
        let inside = cat(&[&[0x7e, 0x7e, 0, 0], &x25(way)]);
        way.ethernet_of(u16::try_from(inside.len()).unwrap(), &inside)
    }),
    bare(
        "802.3 LLC OSI by another number",
        1,
        Source::Sender,
        |way| {
            let inside = cat(&[&[0x14, 0x14, 3, 0xcc], &way.ip4()]);
            way.ethernet_of(u16::try_from(inside.len()).unwrap(), &inside)
        },
    ),
    bare("AX.25, X.25", 3, Source::None, |way| {
        cat(&[&rare::stations(0), &[3, 1], &x25(way)])
    }),
    bare("ARCNET, BACnet's LLC", 7, Source::None, |way| {
        cat(&[&[1, 2, 0xcd, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &way.ip4()])
    }),
    bare("GPRS", 169, Source::None, |way| {
        gprs(&[0x65, 0, 0, 1], &way.ip4())
    }),
    bare("Recorder of cars", 279, Source::Sender, |way| {
        let frame = cat(&[&way.ethernet(), &[9; 4]]);
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        cat(&[&[0x50, 1, 0x10, 0], &length, &[0; 24], &frame])
    }),
    bare("Recorder of cable plants", 273, Source::Sender, |way| {
        cat(&[&[1, 1, 0, 3, 1, 1, 7], &cable(way)])
    }),
    bare("InfiniBand in ERF", 197, Source::None, |way| {
        let inside = infiniband(0x64, way);
        let words = be16((8 + inside.len()) / 4);
        let length = 8 + inside.len() + 2;
        let (size, length) = (be16(16 + length), be16(length));
        let head = cat(&[&[0; 8], &[21, 0], &size, &[0; 2], &length]);
        cat(&[&head, &[0, 2, 0, 1], &words, &[0, 2], &inside, &[8; 2]])
    }),
    bare("RoCE", 1, Source::Sender, |way| {
        way.ethernet_of(0x8915, &global(&infiniband(0x64, way)))
    }),
    bare("RoCE, connected", 1, Source::Sender, |way| {
        way.ethernet_of(0x8915, &global(&infiniband(0x04, way)))
    }),
    bare("TIPC in Ethernet", 1, Source::Sender, |way| {
        way.ethernet_of(0x88ca, &tipc(way))
    }),
    bare("GeoNetworking", 1, Source::Sender, |way| {
        let bytes = cat(&[&[0x11, 0, 0x50, 1], &geo_common(way)]);
        way.ethernet_of(0x8947, &bytes)
    }),
    bare("GeoNetworking, signed", 1, Source::Sender, |way| {
        way.ethernet_of(0x8947, &geo_signed(way))
    }),
    bare("MiNT in Ethernet", 1, Source::Sender, |way| {
        let inside = mint(1, way);
        way.outer_ethernet(0x8783, &cat(&[&[0, 0], &be16(inside.len()), &inside]))
    }),
    bare("Telkonet", 1, Source::Sender, |way| {
        way.outer_ethernet(0x88a1, &cat(&[&[0x78], &[0; 7], &way.ethernet()]))
    }),
    bare("Extreme's copies", 1, Source::Sender, |way| {
        way.outer_ethernet(
            0xe555,
            &cat(&[&[0; 30], &[0, 7, 0, 0, 0x81, 0, 0, 82], &way.ethernet()]),
        )
    }),
    bare("Tap of EtherCAT", 1, Source::Sender, |way| {
        cat(&[&[1, 1, 5, 0x10, 0, 0], &[9; 10], &way.ethernet()])
    }),
    bare("Tap of EtherCAT, behind", 1, Source::Sender, |way| {
        cat(&[&way.ethernet(), &[1, 1, 5, 0x10, 0, 0], &[9; 10]])
    }),
    bare("EtherCAT, Ethernet whole", 1, Source::Sender, |way| {
        let frame = way.ethernet();
        let room = frame.len().next_multiple_of(32);
        way.outer_ethernet(0x88a4, &telegrams(&mailbox(true, 0, room, &frame)))
    }),
];

pub(super) static CARRYING_TUNNELS: &[Fixture] = &[
    scoped("PIM register", Source::None, |way| {
        way.outer(103, &cat(&[&[0x21, 0, 0, 0, 0, 0, 0, 0], &way.ip4()]))
    }),
    scoped("PIM register, version 1", Source::None, |way| {
        way.outer(2, &cat(&[&[0x14, 1, 0, 0, 0x10, 0, 0, 0], &way.ip4()]))
    }),
    scoped("AMT", Source::None, |way| {
        way.outer_udp(2268, 40_001, &cat(&[&[6, 0], &way.ip4()]))
    }),
    scoped("transport stream in UDP, MPE", Source::None, |way| {
        let packets = stream(0x100, &section(false, &way.ip4())).concat();
        way.outer_udp(40_001, 40_002, &packets)
    }),
    scoped("transport stream in RTP, MPE", Source::None, |way| {
        let packets = stream(0x100, &section(false, &way.ip4())).concat();
        let head = [0x80, 33, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9];
        way.outer_udp(5004, 5004, &cat(&[&head, &packets]))
    }),
    scoped("L2TPv3, transport stream", Source::None, |way| {
        let packets = stream(0x100, &section(false, &way.ip4())).concat();
        way.outer(115, &cat(&[&[0, 0, 0, 7], &packets]))
    }),
    scoped("L2TPv3, Cisco HDLC", Source::None, |way| {
        way.outer(115, &cat(&[&[0, 0, 0, 7, 0x0f, 0, 8, 0], &way.ip4()]))
    }),
    scoped("L2TPv3, Frame Relay", Source::None, |way| {
        way.outer(115, &cat(&[&[0, 0, 0, 7, 0x18, 0x41, 3, 0xcc], &way.ip4()]))
    }),
    scoped("GSMTAP", Source::None, |way| {
        let frame = gprs(&[0x65, 0, 0, 1], &way.ip4());
        way.outer_udp(40_001, 4729, &gsmtap(&frame))
    }),
    scoped("RoCE in UDP", Source::None, |way| {
        way.outer_udp(50_001, 4791, &infiniband(0x64, way))
    }),
    scoped("TIPC in UDP", Source::None, |way| {
        way.outer_udp(6118, 6118, &tipc(way))
    }),
    scoped("MiNT", Source::Sender, |way| {
        way.outer_udp(24_577, 24_577, &mint(1, way))
    }),
    scoped("MiNT, to several", Source::Sender, |way| {
        way.outer_udp(24_576, 24_576, &mint(2, way))
    }),
    scoped("Cluster of Windows", Source::Sender, |way| {
        way.outer_udp(3343, 3343, &way.ethernet())
    }),
    scoped("Gateway of a mesh", Source::None, |way| {
        way.outer_udp(40_001, 4306, &cat(&[&[1], &way.ip4()]))
    }),
    scoped("Satellite, a packet and padding", Source::None, |way| {
        let packet = gse(0xc0, &cat(&[&[8, 0], &[7; 6], &way.ip4()]));
        let frame = satellite(&cat(&[&packet, &[0; 9]]));
        way.outer_udp(40_001, 40_002, &frame)
    }),
    scoped("Copies for authorities", Source::None, |way| {
        let head = [
            1, 4, 0, 0, 0, 9, 2, 4, 0, 0, 0, 1, 3, 4, 0, 0, 0, 2, 4, 1, 1, 0, 0,
        ];
        way.outer_udp(40_001, 40_002, &cat(&[&head, &way.ip4()]))
    }),
    scoped("EtherCAT in UDP", Source::Sender, |way| {
        let frame = way.ethernet();
        let room = frame.len().next_multiple_of(32);
        way.outer_udp(34_980, 34_980, &telegrams(&mailbox(true, 0, room, &frame)))
    }),
];

mod read;
mod several;

pub(super) use several::{CALLED, PARTS};
