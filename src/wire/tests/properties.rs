//! Properties over all encapsulations: nothing panics, both paths agree, cutting loses but never lies.

use proptest::prelude::*;

use std::net::{Ipv4Addr, Ipv6Addr};

use super::bluetooth::{BLUETOOTH, GRANTED, LOW_ENERGY};
use super::build::{PORTS, Way, cat, fragment4, ipv6};
use super::cable::CABLE;
use super::carriers::{CALLED, CARRIERS, CARRYING_TUNNELS};
use super::fixtures::{Fixture, LINKS, SCOPED};
use super::lowpan::LOWPAN;
use super::odd::{ODD_LINKS, ODD_TUNNELS};
use super::overlays::{OVERLAYS, PASSED_ON, SAMPLED};
use super::radio::{AIR, RADIO};
use super::rare::RARE;
use super::sequences::sequences;
use super::stacks::{LINE_CARDS, MIRRORS, STACKS};
use super::usb::USB;
use super::*;
use crate::frame::Crossing;

/// All of one frame.
pub(super) fn fixtures() -> impl Iterator<Item = &'static Fixture> {
    let rows = [
        LINKS,
        SCOPED,
        LINE_CARDS,
        RARE,
        CABLE,
        CARRIERS,
        CARRYING_TUNNELS,
        BLUETOOTH,
        USB,
        LOWPAN,
        ODD_LINKS,
        ODD_TUNNELS,
        OVERLAYS,
        PASSED_ON,
        SAMPLED,
        AIR,
        RADIO,
        MIRRORS,
        STACKS,
    ];
    rows.into_iter().flatten()
}

/// A valid frame with a few bytes changed.
fn mutated() -> impl Strategy<Value = (u32, Vec<u8>)> {
    let count = fixtures().count();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    (0..count, prop::collection::vec(change, 0..4)).prop_map(|(which, changes)| {
        let fixture = fixtures().nth(which).unwrap();
        let mut bytes = (fixture.make)(Way::There);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        (fixture.link, bytes)
    })
}

/// Frames that make one packet, with a few bytes changed.
fn mutated_sequence() -> impl Strategy<Value = (u32, Vec<Vec<u8>>)> {
    let change = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<u8>(),
    );
    let changes = prop::collection::vec(change, 0..5);
    let sequences = sequences().map(|row| (row.link, row.make));
    let rows: Vec<_> = sequences
        .chain(
            GRANTED
                .iter()
                .chain(LOW_ENERGY)
                .chain(CALLED)
                .map(|row| (row.link, row.make)),
        )
        .collect();
    (prop::sample::select(rows), changes).prop_map(|((link, make), changes)| {
        let mut frames = make(Way::There);
        for (frame, at, value) in changes {
            let frame = frame.get_mut(&mut frames);
            let at = at.index(frame.len());
            frame[at] = value;
        }
        (link, frames)
    })
}

/// A frame as the fast path likes it, more or less.
fn plain() -> impl Strategy<Value = (u32, Vec<u8>)> {
    let link = prop::sample::select(vec![0_u32, 1, 101, 108, 113, 276]);
    let transport = prop_oneof![
        Just((6_u8, Way::There.tcp())),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|payload| (17, build::udp(1234, 443, &payload))),
    ];
    let vlans = prop::collection::vec(0_u8..3, 0..4);
    let change = (any::<prop::sample::Index>(), any::<u8>());
    (
        link,
        transport,
        any::<bool>(),
        vlans,
        prop::option::of(change),
    )
        .prop_map(|(link, (protocol, payload), v6, vlans, change)| {
            let (ether_type, packet) = if v6 {
                let (from, to) = (build::CLIENT_6, build::SERVER_6);
                (0x86dd_u16, ipv6(from, to, protocol, &payload))
            } else {
                let (from, to) = (build::CLIENT, build::SERVER);
                (0x0800, fragment4(from, to, protocol, 0, &payload))
            };
            let ether_type = ether_type.to_be_bytes();
            let mut bytes = match link {
                0 => cat(&[&[if v6 { 10 } else { 2 }, 0, 0, 0], &packet]),
                108 => cat(&[&[0, 0, 0, if v6 { 24 } else { 2 }], &packet]),
                113 => cat(&[&[0, 4, 0, 1, 0, 6], &[2; 6], &[0, 0], &ether_type, &packet]),
                276 => cat(&[&ether_type, &[0; 6], &[0, 1, 0, 6], &[2; 8], &packet]),
                1 => {
                    let mut frame = cat(&[&[1; 6], &[2; 6]]);
                    for id in vlans {
                        frame.extend([0x81, 0, 0x20, id]);
                    }
                    cat(&[&frame, &ether_type, &packet, &[0; 4]])
                }
                _ => packet,
            };
            if let Some((at, value)) = change {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            (link, bytes)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_on_any_link(
        link in 0_u32..300,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        beyond in 0_u32..2000,
    ) {
        let mut decoder = Decoder::new(&Limits::default());
        let whole = frame(link, &bytes);
        let cut = Frame { wire_len: whole.wire_len + beyond, ..whole };
        for frame in [whole, cut] {
            let result = decoder.decode(&frame);
            prop_assert_eq!(
                !link_supported(LinkType(link)),
                result == Err(Undecoded::UnknownLink) && !nests(link)
            );
            for part in subframes(&frame).into_iter().flatten() {
                let _ = decoder.decode(&part);
            }
        }
    }

    #[test]
    fn changed_frames_do_no_harm((link, bytes) in mutated(), keep in any::<prop::sample::Index>()) {
        let mut decoder = Decoder::new(&Limits::default());
        let whole = frame(link, &bytes);
        let cut = Frame { bytes: &bytes[..keep.index(bytes.len())], ..whole };
        for frame in [whole, cut] {
            if let Ok(packet) = decoder.decode(&frame) {
                prop_assert_eq!(packet.src.is_ipv4(), packet.dst.is_ipv4());
                let told = told(packet);
                prop_assert!(told.payload.len() <= frame.bytes.len());
                prop_assert!(told.cut < 1 << 16);
            }
        }
    }

    #[test]
    fn changed_sequences_do_no_harm(
        (link, frames) in mutated_sequence(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut decoder = Decoder::new(&Limits::default());
        for at in order {
            let bytes = at.get(&frames);
            if let Ok(packet) = decoder.decode(&frame(link, bytes)) {
                prop_assert_eq!(packet.src.is_ipv4(), packet.dst.is_ipv4());
                prop_assert!(told(packet).cut < 1 << 16);
            }
        }
    }

    #[test]
    fn both_paths_agree(
        (link, bytes) in prop_oneof![plain(), mutated()],
        keep in prop::option::of(any::<prop::sample::Index>()),
        beyond in 0_u32..20,
        outbound in any::<bool>(),
    ) {
        let kept = keep.map_or(bytes.len(), |keep| keep.index(bytes.len() + 1));
        let frame = Frame {
            bytes: &bytes[..kept],
            wire_len: u32::try_from(kept).unwrap() + beyond,
            crossing: outbound.then_some(Crossing::Outbound),
            ..frame(link, &bytes)
        };
        let mut decoder = Decoder::new(&Limits::default());
        if let Some(fast) = fast::packet(&frame) {
            prop_assert_eq!(decoder.decode_any(&frame), Ok(fast));
        }
        let glance = glance(&frame);
        let like_tcp = |glance: &Glance| {
            glance.transport == Transport::Tcp && glance.dst_port == tunnel::STT
        };
        if let Some(glance) = glance.filter(|glance| !like_tcp(glance)) {
            prop_assert_eq!(decoder.decode_any(&frame).ok().and_then(glanced_at), Some(glance));
        }
    }

    #[test]
    fn plain_frames_take_the_fast_path(way in prop_oneof![Just(Way::There), Just(Way::Back)]) {
        for name in ["Ethernet", "Ethernet IPv6", "VLAN", "raw", "SLL", "SLL2", "LOOP"] {
            let fixture = fixtures().find(|row| row.name == name).unwrap();
            let bytes = (fixture.make)(way);
            prop_assert!(fast::packet(&frame(fixture.link, &bytes)).is_some(), "{}", name);
        }
        for name in ["Ethernet", "Ethernet IPv6", "VLAN"] {
            let fixture = fixtures().find(|row| row.name == name).unwrap();
            let bytes = (fixture.make)(way);
            prop_assert!(glance(&frame(fixture.link, &bytes)).is_some(), "{}", name);
        }
    }
}

/// What counting needs to know of a packet that was decoded.
fn glanced_at(packet: Packet<'_>) -> Option<Glance> {
    let number = |ip| match ip {
        IpAddr::V4(ip) => u128::from(Ipv4Addr::to_bits(ip)),
        IpAddr::V6(ip) => Ipv6Addr::to_bits(ip),
    };
    let (transport, (src_port, dst_port), seq, ack, payload, cut) = match packet.body {
        Body::Tcp(tcp) => {
            let (ports, seq) = ((tcp.src_port, tcp.dst_port), tcp.seq);
            let ack = (tcp.flags & Segment::ACK != 0).then_some(tcp.ack);
            (Transport::Tcp, ports, seq, ack, tcp.payload, tcp.cut)
        }
        Body::Udp(udp) => {
            let ports = (udp.src_port, udp.dst_port);
            (Transport::Udp, ports, 0, None, udp.payload, udp.cut)
        }
        _ => return None,
    };
    Some(Glance {
        transport,
        scope: packet.scope,
        v6: packet.src.is_ipv6(),
        src: number(packet.src),
        dst: number(packet.dst),
        src_port,
        dst_port,
        seq,
        ack,
        len: u32::try_from(payload.len()).ok()? + cut,
    })
}

/// Whether a capture header on this link type names another link type.
fn nests(link: u32) -> bool {
    matches!(link, 149 | 192 | 258)
}

#[test]
fn cutting_loses_but_never_lies() {
    for fixture in fixtures() {
        let bytes = (fixture.make)(Way::There);
        let whole = decode(fixture.link, &bytes).unwrap();
        for kept in 0..bytes.len() {
            let mut decoder = Decoder::new(&Limits::default());
            let cut = Frame {
                bytes: &bytes[..kept],
                ..frame(fixture.link, &bytes)
            };
            let name = fixture.name;
            match decoder.decode(&cut).map(told) {
                Ok(part) if part.ports == PORTS => {
                    assert!(whole.payload.starts_with(&part.payload), "{name} {kept}");
                    assert_eq!(part.scope, whole.scope, "{name} {kept}");
                    // Offload lengths leave open what is padding.
                    if !name.contains("offload") {
                        let lost = whole.payload.len() - part.payload.len();
                        assert_eq!(part.cut, u32::try_from(lost).unwrap(), "{name} {kept}");
                    }
                }
                // A tunnel cut too early stays what carries it.
                Ok(part) => assert_ne!(part.src, whole.src, "{name} {kept}: {part:?}"),
                Err(why) => assert!(!why.is_anomaly(), "{name} {kept}: {why:?}"),
            }
        }
    }
}
