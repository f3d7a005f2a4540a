//! What tunnels must not do: take plain traffic for themselves, or never end.

use super::build::{CLIENT, FAR, HELLO, NEAR, Way, cat, ipv4};
use super::fixtures::SCOPED;
use super::*;

fn vxlan(payload: &[u8]) -> Vec<u8> {
    Way::There.outer_udp(50_000, 4789, payload)
}

#[test]
fn a_look_alike_stays_the_datagram_it_is() {
    let frame = Way::There.ethernet();
    for payload in [
        HELLO.to_vec(),
        // A reserved bit, an unknown EtherType, a frame that is none.
        cat(&[&[9, 0, 0, 0, 0, 1, 2, 0], &frame]),
        cat(&[&[8, 0, 0, 0, 0, 1, 2, 1], &frame]),
        cat(&[
            &[8, 0, 0, 0, 0, 1, 2, 0],
            &frame[..12],
            &[0x77, 0x77],
            &frame[14..],
        ]),
        cat(&[&[8, 0, 0, 0, 0, 1, 2, 0], &frame[..20]]),
        // The header is in order but the packet inside is not.
        cat(&[&[8, 0, 0, 0, 0, 1, 2, 0], &frame[..34], &[0; 8]]),
    ] {
        let told = decode(1, &vxlan(&payload)).unwrap();
        assert_eq!(told.ports, (50_000, 4789));
        assert_eq!(told.payload, payload);
        assert_eq!(told.scope, Scope::default());
        assert_eq!(told.src, IpAddr::from(NEAR));
    }
    for port in [1701, 2152, 3544, 4341, 4790, 5247, 6081, 6635, 8472, 37_008] {
        let told = decode(1, &Way::There.outer_udp(port, port, &[0x45; 64])).unwrap();
        assert_eq!(told.ports, (port, port));
    }
}

#[test]
fn a_broken_tunnel_without_a_datagram_is_an_anomaly() {
    for (protocol, payload, why) in [
        (47, vec![0; 3], Undecoded::BadTunnel),
        (47, vec![0, 7, 8, 0], Undecoded::BadTunnel),
        (47, cat(&[&[0, 0, 8, 0], &[0x45; 8]]), Undecoded::BadIpv4),
        (97, vec![0x20, 0, 1], Undecoded::BadTunnel),
        (4, vec![], Undecoded::BadIpv4),
    ] {
        assert_eq!(decode(1, &Way::There.outer(protocol, &payload)), Err(why));
    }
}

#[test]
fn a_mirror_may_have_cut_what_it_mirrors() {
    let frame = Way::There.ethernet();
    let short = &frame[..frame.len() - 7];
    for bytes in [
        vxlan(&cat(&[&[8, 0, 0, 0, 0, 1, 2, 0], short])),
        Way::There.outer(47, &cat(&[&[0, 0, 0x88, 0xbe], short])),
    ] {
        let told = decode(1, &bytes).unwrap();
        assert_eq!(told.payload, HELLO[..HELLO.len() - 7]);
        assert_eq!(told.cut, 7);
    }
}

#[test]
fn depth_is_bounded() {
    let mut packet = Way::There.ip4();
    for _ in 0..20 {
        packet = ipv4(NEAR, FAR, 4, &packet);
    }
    assert_eq!(decode(101, &packet), Err(Undecoded::TooDeep));
    let tags = [0, 1, 0x81, 0].repeat(20);
    assert_eq!(
        decode(1, &Way::There.ethernet_of(0x8100, &tags)),
        Err(Undecoded::TooDeep)
    );
    // MPLS labels are one encapsulation, however many.
    let labels = cat(&[
        &[0, 1, 0, 64].repeat(100),
        &[0, 1, 1, 64],
        &Way::There.ip4(),
    ]);
    assert!(decode(1, &Way::There.ethernet_of(0x8847, &labels)).is_ok());
}

#[test]
fn scopes_tell_networks_apart() {
    let scope = |bytes: &[u8]| decode(1, bytes).unwrap().scope;
    let vlan = |id: u8| Way::There.ethernet_of(0x8100, &cat(&[&[0, id, 8, 0], &Way::There.ip4()]));
    let network = |id: u8| vxlan(&cat(&[&[8, 0, 0, 0, 0, 0, id, 0], &Way::There.ethernet()]));
    let row = |name| {
        scope(&(SCOPED.iter().find(|row| row.name == name).unwrap().make)(
            Way::There,
        ))
    };
    let elsewhere = ipv4(CLIENT, FAR, 4, &Way::There.ip4());
    let all = [
        Scope::default(),
        scope(&vlan(1)),
        scope(&vlan(2)),
        scope(&network(1)),
        scope(&network(2)),
        row("four VLAN tags"),
        row("PPPoE"),
        row("provider backbone"),
        row("IP in IP"),
        row("GRE"),
        row("NVGRE"),
        row("ERSPAN I"),
        row("ERSPAN II"),
        row("LISP"),
        row("tunnel in tunnel"),
        scope(&Way::There.ethernet_of(0x0800, &elsewhere)),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}
