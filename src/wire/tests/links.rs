//! Link headers, IP and the transports.

use super::bluetooth::{BLUETOOTH, GRANTED, LOW_ENERGY};
use super::build::{
    CLIENT, CLIENT_6, HELLO, PORTS, SERVER, SERVER_6, TSVAL, Way, cat, ipv4, ipv6, udp,
};
use super::cable::CABLE;
use super::carriers::{CALLED, CARRIERS, CARRYING_TUNNELS};
use super::fixtures::{Fixture, LINKS, SCOPED, Source};
use super::lowpan::LOWPAN;
use super::odd::{ODD_LINKS, ODD_TUNNELS};
use super::overlays::{OVERLAYS, PASSED_ON, SAMPLED};
use super::properties::fixtures;
use super::radio::{AIR, RADIO};
use super::rare::RARE;
use super::sequences::sequences;
use super::stacks::{LINE_CARDS, MIRRORS, STACKS};
use super::usb::USB;
use super::*;
use crate::frame::Crossing;

#[test]
fn every_link_type_leads_to_the_conversation() {
    for fixture in LINKS
        .iter()
        .chain(LINE_CARDS)
        .chain(RARE)
        .chain(CABLE)
        .chain(CARRIERS)
        .chain(BLUETOOTH)
        .chain(USB)
        .chain(LOWPAN)
        .chain(ODD_LINKS)
        .chain(AIR)
    {
        leads_to_the_conversation(fixture);
    }
}

#[test]
fn every_tag_and_tunnel_leads_to_the_conversation() {
    for fixture in SCOPED
        .iter()
        .chain(ODD_TUNNELS)
        .chain(CARRYING_TUNNELS)
        .chain(OVERLAYS)
        .chain(PASSED_ON)
        .chain(SAMPLED)
        .chain(RADIO)
        .chain(STACKS)
        .chain(MIRRORS)
    {
        leads_to_the_conversation(fixture);
    }
}

/// What `tests/oracle/layers.py` gives tshark to read.
#[test]
#[ignore = "prints the fixtures for another reader"]
fn fixtures_in_hexadecimal() {
    for fixture in fixtures() {
        let bytes = (fixture.make)(Way::There);
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("fixture\t{}\t{}\t{digits}", fixture.link, fixture.name);
    }
    let sequences = sequences().map(|row| (row.link, row.name, row.make));
    let granted = GRANTED
        .iter()
        .chain(LOW_ENERGY)
        .chain(CALLED)
        .map(|row| (row.link, row.name, row.make));
    for (link, name, make) in sequences.chain(granted) {
        let frames = make(Way::There);
        let digits: Vec<String> = frames
            .iter()
            .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        println!("fixture\t{link}\t{name}\t{}", digits.join(","));
    }
    for row in carried::CARRYING.iter().chain(carried::KEYED) {
        let frames = row.frames(Way::There, 1_400);
        let digits: Vec<String> = frames
            .iter()
            .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        println!("fixture\t1\t{}\t{}", row.name, digits.join(","));
    }
    for (name, _, frames) in carried::older() {
        let digits: Vec<String> = frames
            .iter()
            .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        println!("fixture\t1\t{name}\t{}", digits.join(","));
    }
    let of_wireguard = (1, "WireGuard", wireguard::frames());
    let others = keyed::conversations().map(|it| {
        let frames = it.frames.into_iter().map(|(_, bytes)| bytes);
        (it.link, it.name, frames.collect())
    });
    for (link, name, frames) in std::iter::once(of_wireguard).chain(others) {
        let digits: Vec<String> = frames
            .iter()
            .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        println!("keyed\t{link}\t{name}\t{}", digits.join(","));
    }
}

fn leads_to_the_conversation(fixture: &Fixture) {
    let name = fixture.name;
    assert!(link_supported(LinkType(fixture.link)), "{name}");
    assert_ne!(link_name(LinkType(fixture.link)), "unknown", "{name}");
    let mut scopes = Vec::new();
    for way in [Way::There, Way::Back] {
        let told = decode(fixture.link, &(fixture.make)(way)).expect(name);
        let (client, server): (IpAddr, IpAddr) = if told.src.is_ipv4() {
            (CLIENT.into(), SERVER.into())
        } else {
            (CLIENT_6.into(), SERVER_6.into())
        };
        let (addresses, ports) = match way {
            Way::There => ((client, server), PORTS),
            Way::Back => ((server, client), (PORTS.1, PORTS.0)),
        };
        assert_eq!((told.src, told.dst), addresses, "{name}");
        assert_eq!(told.ports, ports, "{name}");
        assert_eq!(told.payload, HELLO, "{name}");
        assert_eq!(told.cut, 0, "{name}");
        let mac = match fixture.source {
            Source::None => None,
            Source::Sender => Some(way.mac()),
        };
        assert_eq!(told.mac, mac, "{name}");
        assert_eq!(told.scope == Scope::default(), fixture.bare, "{name}");
        scopes.push(told.scope);
    }
    assert_eq!(
        scopes[0], scopes[1],
        "{name}: one scope for both directions"
    );
}

#[test]
fn the_sender_is_known_where_the_capture_says_so() {
    let told = |link: u32, way| {
        let fixture = LINKS.iter().find(|row| row.link == link).unwrap();
        decode(link, &(fixture.make)(way)).unwrap().by_this_host
    };
    for link in [8, 113, 276, 239, 258, 166] {
        assert_eq!(told(link, Way::There), Some(true), "{link}");
        assert_eq!(told(link, Way::Back), Some(false), "{link}");
    }
    assert_eq!(told(1, Way::There), None);

    let bytes = Way::There.ethernet();
    let mut decoder = Decoder::new(&Limits::default());
    let outbound = Frame {
        crossing: Some(Crossing::Outbound),
        ..frame(1, &bytes)
    };
    assert_eq!(decoder.decode(&outbound).unwrap().by_this_host, Some(true));

    // On a loopback device every packet is seen coming in, and is ours all the same.
    let mut loopback = cat(&[&[0, 0, 3, 4, 0, 6], &[0; 8], &[8, 0], &Way::There.ip4()]);
    assert_eq!(decode(113, &loopback).unwrap().by_this_host, Some(true));
    assert_eq!(decode(113, &loopback).unwrap().mac, None);
    loopback[3] = 1;
    loopback[2] = 0;
    assert_eq!(decode(113, &loopback).unwrap().by_this_host, Some(false));
}

/// 802.11-2020 figure 9-70: subframes are padded to a multiple of four, but for the last. A full one is
/// longer than 802.3 allows.
#[test]
fn an_aggregate_holds_several_packets() {
    let one = |way: Way, more: usize| {
        let mut packet = way.ip4();
        packet.resize(packet.len() + more, 0);
        let length = u16::try_from(8 + packet.len()).unwrap();
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        cat(&[&[2; 6], &way.mac().0, &length.to_be_bytes(), &snap, &packet])
    };
    let ways = [(Way::There, 3), (Way::Back, 1_460), (Way::There, 0)];
    let mut body = Vec::new();
    for (way, more) in ways {
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(one(way, more));
    }
    let header = [&[0x88, 1, 0, 0][..], &[2; 18], &[0x10, 0, 0x80, 0]].concat();
    let radiotap = [0, 0, 8, 0, 0, 0, 0, 0];
    let ppi = [0, 0, 8, 0, 105, 0, 0, 0];
    let check = [1, 2, 3, 4];
    for (link, before) in [(105, &[][..]), (127, &radiotap), (192, &ppi)] {
        let bytes = cat(&[before, &header, &body, &check]);
        let frame = frame(link, &bytes);
        let mut decoder = Decoder::new(&Limits::default());
        let parts: Vec<Frame<'_>> = subframes(&frame).expect("an aggregate").collect();
        assert_eq!(parts.len(), 3);
        for (part, (way, _)) in parts.iter().zip(ways) {
            let packet = told(decoder.decode(part).unwrap());
            assert_eq!(packet, decode(1, &way.ethernet()).unwrap());
        }
        // Cut inside the second: the third is not there.
        let cut = Frame {
            bytes: &bytes[..before.len() + header.len() + 400],
            ..frame
        };
        assert_eq!(subframes(&cut).expect("an aggregate").count(), 2);
    }
    assert!(subframes(&frame(1, &Way::There.ethernet())).is_none());
}

#[test]
fn what_is_not_ip_has_a_reason() {
    let way = Way::There;
    let wlan = |first: u8, flags: u8, sequence: u8| {
        cat(&[
            &[first, flags],
            &[0; 20],
            &[sequence, 0],
            &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
        ])
    };
    for (link, bytes, why) in [
        (147, vec![0; 60], Undecoded::UnknownLink),
        (1, way.ethernet_of(0x0806, &[0; 28]), Undecoded::Arp),
        (1, way.ethernet_of(0x88cc, &[0; 28]), Undecoded::Lldp),
        (
            1,
            way.ethernet_of(38, &[0x42, 0x42, 3, 0, 0, 0]),
            Undecoded::Stp,
        ),
        (1, way.ethernet_of(0x888e, &[0; 28]), Undecoded::Eapol),
        (1, way.ethernet_of(0x8863, &[0; 28]), Undecoded::LinkControl),
        (
            1,
            way.ethernet_of(0x88e5, &[0x2c; 40]),
            Undecoded::EncryptedMacsec,
        ),
        (
            1,
            way.ethernet_of(0x8100, &[0, 1, 8, 6, 0, 1]),
            Undecoded::Arp,
        ),
        (9, vec![0xff, 3, 0xc0, 0x21, 1, 1], Undecoded::LinkControl),
        (9, vec![0xff, 3, 0, 0xfd, 1, 1], Undecoded::CompressedPpp),
        (105, wlan(0x80, 0, 0), Undecoded::WlanControl),
        (105, wlan(0x48, 0, 0), Undecoded::WlanControl),
        (105, wlan(0x08, 0x41, 0), Undecoded::EncryptedWlan),
        (105, wlan(0x08, 0x01, 1), Undecoded::WlanFragment),
    ] {
        let got = decode(link, &bytes).unwrap_err();
        assert_eq!(got, why);
        assert!(!got.is_anomaly(), "{}", got.reason());
    }
    for (bytes, why) in [
        (way.ethernet_of(0x0800, &[0x60; 40]), Undecoded::BadIpv4),
        (way.ethernet_of(0x0800, &[0x44; 40]), Undecoded::BadIpv4),
        (way.ethernet_of(0x86dd, &[0x45; 40]), Undecoded::BadIpv6),
        (
            way.ethernet_of(0x0800, &ipv4(CLIENT, SERVER, 6, &[0; 19])),
            Undecoded::BadTcp,
        ),
        (
            way.ethernet_of(0x0800, &ipv4(CLIENT, SERVER, 6, &[0; 30])),
            Undecoded::BadTcp,
        ),
        (
            way.ethernet_of(0x0800, &ipv4(CLIENT, SERVER, 17, &[0; 7])),
            Undecoded::BadUdp,
        ),
        (
            way.ethernet_of(0x0800, &ipv4(CLIENT, SERVER, 17, &[1, 1, 1, 1, 0, 7, 0, 0])),
            Undecoded::BadUdp,
        ),
        (vec![0; 13], Undecoded::BadLink),
    ] {
        let got = decode(1, &bytes).unwrap_err();
        assert_eq!(got, why);
        assert!(got.is_anomaly(), "{}", got.reason());
    }
}

#[test]
fn a_length_beyond_the_wire_promises_nothing() {
    let mut bytes = Way::There.ethernet();
    bytes[16..18].copy_from_slice(&[0x40, 0]);
    let told = decode(1, &bytes).unwrap();
    assert_eq!((told.payload.as_slice(), told.cut), (HELLO, 0));
}

/// 802.11-2020 10.4: all parts but the last say that more follow, and none has an LLC header but the first.
#[test]
fn a_frame_in_parts_is_joined() {
    let inside = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &Way::There.ip4()]);
    let (first, second) = inside.split_at(40);
    let part = |number: u8, more: bool, sequence: u8, bytes: &[u8]| {
        let flags = if more { 0x05 } else { 0x01 };
        let header = [
            &[0x08, flags, 0, 0][..],
            &[2; 6],
            &Way::There.mac().0,
            &[3; 6],
        ]
        .concat();
        cat(&[&header, &[sequence << 4 | number, 0], bytes])
    };
    let mut decoder = Decoder::new(&Limits::default());
    let mut read = |link: u32, bytes: &[u8]| decoder.decode(&frame(link, bytes)).map(told);
    let held = Err(Undecoded::WlanFragment);
    let whole = decode(1, &Way::There.ethernet());
    assert_eq!(read(105, &part(0, true, 1, first)), held);
    // Sent again.
    assert_eq!(read(105, &part(0, true, 1, first)), held);
    assert_eq!(read(105, &part(1, false, 1, second)), whole);
    assert_eq!(read(105, &part(1, false, 1, second)), held);
    // Of another frame, and the one before it is not there.
    assert_eq!(read(105, &part(0, true, 2, first)), held);
    assert_eq!(read(105, &part(1, false, 3, second)), held);
    assert_eq!(read(105, &part(2, false, 2, second)), held);
    // With the frame check sequence that radiotap announces.
    let radio = |bytes: Vec<u8>| cat(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x10], &bytes, &[1, 2, 3, 4]]);
    assert_eq!(read(127, &radio(part(0, true, 4, first))), held);
    assert_eq!(read(127, &radio(part(1, false, 4, second))), whole);
}

#[test]
fn icmp_names_the_flow_that_did_not_arrive() {
    let datagram = udp(5_000, 53, b"question");
    let quote = ipv4(CLIENT, SERVER, 17, &datagram);
    let icmp = |kind, code| cat(&[&[kind, code, 0, 0, 0, 0, 0, 0], &quote[..28]]);
    let body = |bytes: &[u8]| {
        let mut decoder = Decoder::new(&Limits::default());
        match decoder.decode(&frame(101, bytes)).unwrap().body {
            Body::Unreachable(about) => Some(about),
            _ => None,
        }
    };
    let refused = ipv4(SERVER, CLIENT, 1, &icmp(3, 3));
    let expected = Unreachable {
        transport: Transport::Udp,
        src: (CLIENT.into(), 5_000),
        dst: (SERVER.into(), 53),
    };
    assert_eq!(body(&refused), Some(expected));
    // Too big, time exceeded, echo: the packet may still arrive, or nothing was asked.
    for (kind, code) in [(3, 4), (11, 0), (8, 0)] {
        assert_eq!(body(&ipv4(SERVER, CLIENT, 1, &icmp(kind, code))), None);
    }

    let options = cat(&[&[17, 0, 1, 4, 0, 0, 0, 0], &datagram]);
    let quote = ipv6(CLIENT_6, SERVER_6, 60, &options);
    let refused = cat(&[&[1, 4, 0, 0, 0, 0, 0, 0], &quote]);
    let about = body(&ipv6(SERVER_6, CLIENT_6, 58, &refused)).unwrap();
    assert_eq!(about.dst, (SERVER_6.into(), 53));
    let too_big = cat(&[&[2, 0, 0, 0, 0, 0, 5, 0], &quote]);
    assert_eq!(body(&ipv6(SERVER_6, CLIENT_6, 58, &too_big)), None);
}

#[test]
fn the_sender_clock_is_read_from_the_options() {
    let bytes = Way::There.ip4();
    let mut decoder = Decoder::new(&Limits::default());
    let Body::Tcp(segment) = decoder.decode(&frame(101, &bytes)).unwrap().body else {
        unreachable!("the fixture is TCP");
    };
    assert_eq!(segment.tsval(), Some(TSVAL));
    assert_eq!(segment.flags, 0x18);
    for (options, expected) in [
        (
            &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0][..],
            Some(7),
        ),
        (&[0, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0], None),
        (&[3, 0, 8, 10, 0, 0, 0, 7], None),
        (&[3, 200, 1], None),
        (&[8, 10, 0], None),
        (&[], None),
    ] {
        assert_eq!(Segment { options, ..segment }.tsval(), expected);
    }
}
