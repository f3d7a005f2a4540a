//! Packets in parts among other things, and inside of equipment: transport streams, X.25, GPRS, netlink, PPP over USB, EtherCAT and
//! what few have met.

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

/// See [`sequences`].
pub(super) static PARTS: &[Sequence] = &[
    Sequence {
        name: "USB, PPP over three transfers",
        link: 220,
        make: |way| {
            let bytes = ppp(way);
            let parts = [&bytes[..50], &bytes[50..70], &bytes[70..]];
            parts.map(|part| usbmon(way, BULK, 64, part)).to_vec()
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::UnreadUsb,
    },
    Sequence {
        name: "transport stream, MPE over two packets",
        link: 243,
        make: |way| thin(0x100, &section(false, &way.ip4()), 41),
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
    Sequence {
        name: "X.25, three packets",
        link: 196,
        make: |way| x25_parts(way).map(|part| line(&part)).to_vec(),
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
    Sequence {
        name: "GPRS, two segments",
        link: 169,
        make: |way| {
            let packet = way.ip4_summed();
            vec![
                gprs(&[0x75, 0, 0, 9], &packet[..40]),
                gprs(&[0x25, 0x10, 9], &packet[40..]),
            ]
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
    Sequence {
        name: "EtherCAT, two mailboxes",
        link: 1,
        make: |way| {
            mailboxes(way, |way, mailbox| {
                way.outer_ethernet(0x88a4, &telegrams(mailbox))
            })
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
    Sequence {
        name: "EtherCAT, two mailboxes on their way",
        link: 1,
        make: |way| {
            mailboxes(way, |way, mailbox| {
                let bytes = cat(&[&le16(mailbox.len() | 0x5000), mailbox]);
                way.outer_ethernet(0x88a4, &bytes)
            })
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
];

/// Circuits of X.25 that were called before.
pub(super) static CALLED: &[Granted] = &[
    Granted {
        name: "X.25, called for IP",
        link: 196,
        make: |way| vec![line(&call(&[0xcc])), line(&x25(way))],
    },
    Granted {
        name: "X.25, called for IP, three packets",
        link: 196,
        make: |way| {
            let parts = x25_parts(way).map(|part| line(&part));
            [line(&call(&[0xcc]))].into_iter().chain(parts).collect()
        },
    },
    Granted {
        name: "X.25, called for any",
        link: 203,
        make: |way| {
            let link = |packet: &[u8]| cat(&[&[0x40, 1, 0, 0], packet]);
            let packet = cat(&[&[0x10, 5, 0, 0xcc], &way.ip4()]);
            vec![link(&call(&[0])), link(&packet)]
        },
    },
    Granted {
        name: "X.25, called for SNAP, in LLC",
        link: 1,
        make: |way| {
            let link = |packet: &[u8]| {
                let inside = cat(&[&[0x7e, 0x7e, 0, 0], packet]);
                way.ethernet_of(u16::try_from(inside.len()).unwrap(), &inside)
            };
            vec![link(&call(&[0x80, 0, 0, 0, 8, 0])), link(&x25(way))]
        },
    },
    Granted {
        name: "X.25, called for IP, in LAPB on Ethernet",
        link: 1,
        make: |way| {
            [call(&[0xcc]), x25(way)]
                .map(|it| lapb_ether(way, &it))
                .to_vec()
        },
    },
    Granted {
        name: "X.25, called for IP, in AX.25",
        link: 3,
        make: |way| {
            let link = |packet: &[u8]| cat(&[&rare::stations(0), &[3, 1], packet]);
            vec![link(&call(&[0xcc])), link(&x25(way))]
        },
    },
];

fn read(decoder: &mut Decoder, link: u32, bytes: &[u8]) -> Result<Told, Undecoded> {
    decoder.decode(&frame(link, bytes)).map(told)
}

#[test]
fn a_circuit_that_was_called_leads_to_the_conversation() {
    for row in CALLED {
        let mut decoder = Decoder::new(&Limits::default());
        for way in [Way::There, Way::Back] {
            let frames = (row.make)(way);
            let (last, before) = frames.split_last().unwrap();
            for bytes in before {
                let why = read(&mut decoder, row.link, bytes).unwrap_err();
                let held = matches!(why, Undecoded::LinkControl | Undecoded::LinkFragment);
                assert!(held, "{} {why:?}", row.name);
            }
            let got = read(&mut decoder, row.link, last).expect(row.name);
            let plain = decode(101, &way.ip4()).unwrap();
            assert_eq!((got.src, got.payload), (plain.src, plain.payload));
        }
    }
}

#[test]
fn a_circuit_carries_what_it_was_called_for() {
    let way = Way::There;
    let packet = way.ip4();
    let data = |bytes: &[u8]| line(&cat(&[&[0x10, 5, 0], bytes]));
    let any = cat(&[&[0xcc], &packet]);
    for (called, bytes, reads) in [
        // Nobody saw the call: only IP and nothing else.
        (None, data(&packet), true),
        (None, data(&cat(&[&packet, &[0]])), false),
        (None, data(&any), false),
        (None, data(b"login: "), false),
        (Some(&[0xcc][..]), data(&packet), true),
        (Some(&[0xcc]), data(b"login: "), false),
        (Some(&[0]), data(&any), true),
        (Some(&[0]), data(&packet), false),
        // A terminal, as most circuits were.
        (Some(&[1, 0, 0, 0]), data(&packet), false),
        (Some(&[0x80, 0, 0, 0, 8, 6]), data(&packet), false),
        // Qualified data, and a form that there is not.
        (Some(&[0xcc]), line(&cat(&[&[0x90, 5, 0], &packet])), false),
        (Some(&[0xcc]), line(&cat(&[&[0x30, 5, 0], &packet])), false),
    ] {
        let mut decoder = Decoder::new(&Limits::default());
        if let Some(called) = called {
            let _ = read(&mut decoder, 196, &line(&call(called)));
        }
        let got = read(&mut decoder, 196, &bytes);
        match reads {
            true => assert_eq!(got.unwrap().ports, PORTS),
            false => assert_eq!(got, Err(Undecoded::NotIp)),
        }
    }
    // A number that was cleared is nobody's.
    let mut decoder = Decoder::new(&Limits::default());
    for packet in [call(&[1, 0, 0, 0]), vec![0x10, 5, 0x13, 0]] {
        let got = read(&mut decoder, 196, &line(&packet));
        assert_eq!(got, Err(Undecoded::LinkControl));
    }
    assert!(read(&mut decoder, 196, &data(&packet)).is_ok());
    for number in 0..5_000_u16 {
        let [high, low] = (number & 0x0fff).to_be_bytes();
        let _ = read(
            &mut decoder,
            196,
            &line(&[0x10 | high, low, 0x0b, 0, 0, 0xcc]),
        );
    }
}

#[test]
fn what_a_check_sequence_denies_is_not_read() {
    let way = Way::There;
    let (packet, ip6) = (way.ip4(), way.ip6());
    let changed = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 1;
        bytes
    };
    let sndcp = gprs(&[0x65, 0, 0, 1], &packet);
    let ciphered = {
        let frame = cat(&[&[0x43, 0xc0, 0x07, 0x65, 0, 0, 1], &packet]);
        cat(&[&frame, &crc24(&frame)])
    };
    let mpe = stream(0x100, &section(false, &packet)).concat();
    let unit = stream(0x101, &ule(false, 0x86dd, &ip6)).concat();
    let scrambled = {
        let mut section = section(false, &packet);
        section[5] |= 0x10;
        let end = section.len() - 4;
        let check = crc32(&section[..end]);
        section[end..].copy_from_slice(&check);
        stream(0x100, &section).concat()
    };
    for (link, bytes, why) in [
        (169, changed(sndcp.clone(), 30), Undecoded::NotIp),
        (169, ciphered, Undecoded::EncryptedGprs),
        (
            169,
            gprs(&[0x65, 0x10, 0, 1], &packet),
            Undecoded::CompressedPpp,
        ),
        (169, gprs(&[0x45, 0, 1], &packet), Undecoded::NotIp),
        (169, gprs(&[0x65, 0, 0, 1], b"none"), Undecoded::NotIp),
        (169, cat(&[&[0x41], &sndcp[1..]]), Undecoded::LinkControl),
        (243, changed(mpe.clone(), 60), Undecoded::NotIp),
        (243, changed(unit, 60), Undecoded::NotIp),
        (243, scrambled, Undecoded::NotIp),
        // A packet that is damaged, scrambled, without payload; a table of programs.
        (
            243,
            cat(&[&[0x47, 0xc1, 0, 0x10], &mpe[4..]]),
            Undecoded::NotIp,
        ),
        (
            243,
            cat(&[&[0x47, 0x41, 0, 0x90], &mpe[4..]]),
            Undecoded::NotIp,
        ),
        (
            243,
            cat(&[&[0x47, 0x41, 0, 0x20], &mpe[4..]]),
            Undecoded::NotIp,
        ),
        (
            243,
            stream(0, &[0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0]).concat(),
            Undecoded::NotIp,
        ),
        (
            220,
            usbmon(way, BULK, 64, &changed(ppp(way), 40)),
            Undecoded::UnreadUsb,
        ),
        (
            220,
            usbmon(way, BULK, 64, &[0x7e; 90]),
            Undecoded::UnreadUsb,
        ),
        (
            220,
            usbmon(way, BULK, 64, &hdlc(&packet)),
            Undecoded::UnreadUsb,
        ),
        (
            1,
            way.ethernet_of(0x8915, &global(&changed(infiniband(0x64, way), 34))),
            Undecoded::NotIp,
        ),
        (
            1,
            way.ethernet_of(0x8915, &global(&infiniband(0x0a, way))),
            Undecoded::NotIp,
        ),
        (
            1,
            way.ethernet_of(0x88ca, &changed(tipc(way), 34)),
            Undecoded::NotIp,
        ),
        (
            1,
            way.ethernet_of(0x88a4, &telegrams(b"inputs and outputs")),
            Undecoded::NotIp,
        ),
        (1, way.ethernet_of(0x8947, &[0x11; 90]), Undecoded::NotIp),
        (253, netlink(0, &message(way, true)), Undecoded::NotIp),
        (279, vec![0x51; 90], Undecoded::NotIp),
        (273, vec![1, 9, 0, 1, 0, 0, 0, 0, 0], Undecoded::LinkControl),
    ] {
        let got = decode(link, &bytes);
        assert_eq!(got.as_ref().err(), Some(&why), "{link} {bytes:x?} {got:?}");
        assert!(!why.is_anomaly());
    }
    assert_eq!(decode(243, &mpe[1..]), Err(Undecoded::BadLink));
}

#[test]
fn a_datagram_of_somebody_else_stays_what_it_is() {
    let told = |port, payload: &[u8]| {
        let got = decode(1, &Way::There.outer_udp(40_001, port, payload)).unwrap();
        assert_eq!((got.ports, got.scope), ((40_001, port), Scope::default()));
        assert_eq!(got.payload, payload);
    };
    let mut television = stream(0x100, &section(false, &Way::There.ip4())).concat();
    television[80] ^= 1;
    let partial = thin(0x100, &section(false, &Way::There.ip4()), 41);
    for port in [
        2268, 3343, 4306, 4729, 4791, 6118, 24_576, 24_577, 34_980, 5004,
    ] {
        told(port, &television);
        told(port, &partial[0]);
        told(port, &[0x47; 188]);
        told(port, &[0x45; 64]);
        told(port, &[1; 64]);
        told(
            port,
            &[
                1, 4, 0, 0, 0, 9, 2, 4, 0, 0, 0, 1, 3, 4, 0, 0, 0, 2, 0, 0, 0x45,
            ],
        );
        told(port, &[6; 64]);
        told(port, &[0; 64]);
        told(port, b"");
        // A question, whose port happens to be one of these.
        told(
            port,
            &[
                0x10, 0x62, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1,
            ],
        );
    }
    // Of little worth without IP, and too easily met by chance.
    let arp = Way::There.ethernet_of(0x0806, &[0; 28]);
    told(3343, &arp);
    told(24_576, &cat(&[&[0; 12], &[0, 1, 0, 1, 0, 0], &arp]));
    // What a router says there is none of.
    let null = cat(&[&[0x21, 0, 0, 0, 0x40, 0, 0, 0], &Way::There.ip4()]);
    assert_eq!(
        decode(1, &Way::There.outer(103, &null)).unwrap().ports.0,
        103
    );
    assert_eq!(
        decode(1, &Way::There.outer(2, &[0x16; 60]))
            .unwrap()
            .ports
            .0,
        2
    );
}

#[test]
fn one_frame_may_hold_several_packets() {
    let (there, back) = (Way::There, Way::Back);
    let units = cat(&[&section(false, &there.ip4()), &section(false, &back.ip4())]);
    let packets = stream(0x100, &units).concat();
    let ppp = cat(&[&ppp(there), &ppp(back)[1..]]);
    for (link, bytes) in [
        (243, packets.clone()),
        (1, there.outer_udp(40_001, 40_002, &packets)),
        (220, usbmon(there, BULK, 64, &ppp)),
    ] {
        let frame = frame(link, &bytes);
        let mut decoder = Decoder::new(&Limits::default());
        let first = told(decoder.decode(&frame).unwrap());
        let second = told(decoder.further(&frame).unwrap().unwrap());
        assert_eq!(first.scope, second.scope);
        assert_eq!((first.src, first.dst), (second.dst, second.src));
        assert_eq!(first.payload, second.payload);
        assert_eq!(decoder.further(&frame), None);
        // Who does not ask has none of it in the next frame.
        decoder.decode(&frame).unwrap();
        let _ = decoder.decode(&super::frame(3, &bytes));
        assert_eq!(decoder.further(&frame), None);
    }
    // Messages of netlink are frames of their own, as the kernel gave them to a program together.
    let messages = cat(&[&message(there, false), &message(back, true), &[3; 9]]);
    let bytes = netlink(12, &messages);
    let frame = frame(253, &bytes);
    let parts: Vec<_> = subframes(&frame).unwrap().collect();
    assert_eq!(parts.len(), 2);
    let mut decoder = Decoder::new(&Limits::default());
    let [one, other] = [0, 1].map(|at| told(decoder.decode(&parts[at]).unwrap()));
    assert_eq!((one.src, one.by_this_host), (other.dst, Some(true)));
    assert_eq!(other.by_this_host, Some(false));
}

#[test]
fn parts_of_a_stream_may_come_twice_but_not_with_a_gap() {
    let parts = thin(0x100, &section(false, &Way::There.ip4()), 30);
    let held = Err(Undecoded::LinkFragment);
    let mut decoder = Decoder::new(&Limits::default());
    assert_eq!(read(&mut decoder, 243, &parts[0]), held);
    assert_eq!(read(&mut decoder, 243, &parts[1]), held);
    assert!(read(&mut decoder, 243, &parts[1]).is_err());
    assert!(read(&mut decoder, 243, &parts[2]).is_ok());
    // Too late.
    assert_eq!(read(&mut decoder, 243, &parts[0]), held);
    assert_eq!(read(&mut decoder, 243, &parts[1]), held);
    let limits = Limits::default();
    let late = Frame {
        at: Timestamp::EPOCH
            .plus(limits.streams_age)
            .plus(limits.streams_age),
        ..frame(243, &parts[2])
    };
    assert_eq!(decoder.decode(&late).map(told), Err(Undecoded::NotIp));
    // More programs than there is room for.
    assert_eq!(read(&mut decoder, 243, &parts[0]), held);
    for program in 0..u16::try_from(limits.streams).unwrap() {
        let unit = section(false, &Way::There.ip4());
        let other = thin(0x200 + program, &unit, 30);
        assert_eq!(read(&mut decoder, 243, &other[0]), held);
    }
    assert!(read(&mut decoder, 243, &parts[1]).is_err());
    assert!(read(&mut decoder, 243, &parts[2]).is_err());
}

/// Who passes a signal to many places may cut its packets anywhere; nothing is made of what has no beginning.
#[test]
fn packets_of_modems_begin_with_a_flag() {
    let bytes = ppp(Way::There);
    let mut decoder = Decoder::new(&Limits::default());
    let late = usbmon(Way::There, BULK, 64, &bytes[10..]);
    let got = read(&mut decoder, 220, &late);
    assert_eq!(got, Err(Undecoded::UnreadUsb));
    // One flag may end a frame and begin the next.
    let first = usbmon(Way::There, BULK, 64, &bytes);
    let next = usbmon(Way::There, BULK, 64, &bytes[1..]);
    assert!(read(&mut decoder, 220, &first).is_ok());
    assert!(read(&mut decoder, 220, &next).is_ok());
    // Of another pipe.
    let other = usbmon(Way::Back, BULK, 64, &bytes[1..]);
    assert_eq!(read(&mut decoder, 220, &other), Err(Undecoded::UnreadUsb));
}

#[test]
fn packets_of_satellites_may_come_in_parts() {
    let way = Way::There;
    let packet = way.ip6();
    let whole = cat(&[&be16(2 + 3 + packet.len()), &[0x86, 0xdd], &[7; 3], &packet]);
    let whole = cat(&[&whole, &crc32(&whole)]);
    let part = |flags, bytes: &[u8]| gse(flags, &cat(&[&[9], bytes]));
    let frames = [
        satellite(&part(0x90, &whole[..50])),
        satellite(&part(0x30, &whole[50..70])),
        satellite(&part(0x70, &whole[70..])),
    ];
    let frames = frames.map(|frame| way.outer_udp(40_001, 40_002, &frame));
    let mut decoder = Decoder::new(&Limits::default());
    for lost in [3, 0, 1] {
        let mut got = None;
        for (at, frame) in frames.iter().enumerate() {
            if at != lost {
                got = Some(read(&mut decoder, 1, frame).unwrap());
            }
        }
        let ports = if lost == 3 { PORTS } else { (40_001, 40_002) };
        assert_eq!(got.unwrap().ports, ports, "{lost}");
    }
    // Two in one frame, and one whose checksum is wrong.
    let one = gse(0xe0, &cat(&[&[8, 0], &way.ip4()]));
    let frame = |packets: &[u8]| way.outer_udp(40_001, 40_002, &satellite(packets));
    let mut other = one.clone();
    other[12] ^= 1;
    let both = frame(&cat(&[&one, &one]));
    let both = super::frame(1, &both);
    assert_eq!(told(decoder.decode(&both).unwrap()).ports, PORTS);
    assert!(decoder.further(&both).is_some());
    assert_eq!(decode(1, &frame(&other)).unwrap().ports, (40_001, 40_002));
    // What begins like one of these, and is another tunnel.
    let lisp = cat(&[&[0xb8, 0, 0, 0, 0, 0, 0, 1], &way.ip4()]);
    let lisp = way.outer_udp(40_001, 4341, &lisp);
    assert_eq!(decode(1, &lisp).unwrap().ports, PORTS);
}
