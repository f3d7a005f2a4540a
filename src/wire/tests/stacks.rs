//! More rows for the table of encapsulations: stacks of several, as networks that grew build them, and line cards.

use super::build::{Way, cat, udp};
use super::fixtures::{Fixture, Source, bare, scoped, wlan};

/// A label with the bottom bit.
const LABEL: [u8; 4] = [0, 1, 1, 64];

fn vxlan(way: Way) -> Vec<u8> {
    cat(&[&[8, 0, 0, 0, 0, 1, 2, 0], &way.ethernet()])
}

/// A GTP-U G-PDU with extension headers: a PDCP number and a PDU session container (TS 29.281 5.2).
fn gtp(way: Way) -> Vec<u8> {
    let inside = way.ip4();
    let extensions = [0, 0, 0, 0xc0, 1, 0, 5, 0x85, 1, 0x10, 9, 0];
    let length = u16::try_from(extensions.len() + inside.len()).unwrap();
    cat(&[
        &[0x34, 0xff],
        &length.to_be_bytes(),
        &[0, 0, 0, 1],
        &extensions,
        &inside,
    ])
}

fn juniper(flags: u8, before: &[u8], inside: &[u8]) -> Vec<u8> {
    cat(&[b"MGC", &[flags], before, inside])
}

fn erf(kind: u8, inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(16 + inside.len()).unwrap().to_be_bytes();
    let wire = u16::try_from(inside.len()).unwrap().to_be_bytes();
    let header = [0, 0, 0, 0, 0, 0, 0, 0, kind, 4];
    cat(&[&header, &length, &[0, 0], &wire, inside])
}

pub(super) static LINE_CARDS: &[Fixture] = &[
    bare("ATM CLIP, LLC", 106, Source::None, |way| {
        cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &way.ip4()])
    }),
    bare("ATM CLIP, bare", 106, Source::None, Way::ip4),
    bare("SunATM, LLC", 123, Source::None, |way| {
        cat(&[&[0x82, 0, 0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &way.ip4()])
    }),
    bare("SunATM, LAN emulation", 123, Source::Sender, |way| {
        cat(&[&[0x01, 0, 0, 40, 0, 7], &way.ethernet()])
    }),
    bare("Juniper without link header", 178, Source::None, |way| {
        juniper(2, &[2, 0, 0, 0], &way.ip4())
    }),
    bare("Juniper, IPv6", 130, Source::None, |way| {
        juniper(3, &[6, 0, 0, 0], &way.ip6())
    }),
    bare("Juniper, MPLS", 131, Source::None, |way| {
        juniper(3, &[5, 0, 0, 0], &cat(&[&LABEL, &way.ip4()]))
    }),
    bare("Juniper PPPoE", 167, Source::Sender, |way| {
        juniper(0x81, &[0, 3, 1, 1, 7], &way.ethernet())
    }),
    bare("Juniper PPP", 179, Source::None, |way| {
        juniper(1, &[0xff, 3, 0, 0x21], &way.ip4())
    }),
    bare("Juniper Frame Relay", 180, Source::None, |way| {
        juniper(1, &[0x18, 0x41, 3, 0xcc], &way.ip4())
    }),
    bare("Juniper Cisco HDLC", 181, Source::None, |way| {
        juniper(1, &[0x0f, 0, 0x86, 0xdd], &way.ip6())
    }),
    bare("multilink Frame Relay whole", 182, Source::None, |way| {
        cat(&[&[0xc3, 5, 0x18, 0x41, 3, 0xcc], &way.ip4()])
    }),
    bare("Juniper GGSN", 133, Source::None, |way| {
        juniper(1, &[2, 0, 0, 0], &way.ip4())
    }),
    bare("Juniper ATM1, LLC", 137, Source::None, |way| {
        let snap = [0, 0, 0, 1, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        juniper(1, &snap, &way.ip4())
    }),
    bare("Juniper ATM2, bare", 135, Source::None, |way| {
        juniper(1, &[0, 0, 0, 0, 0, 0, 0, 0], &way.ip4())
    }),
    bare("Juniper services", 136, Source::None, |way| {
        juniper(1, &[0; 16], &way.ip4())
    }),
    bare("Juniper services, outbound", 136, Source::None, |way| {
        juniper(0, &[0; 12], &way.ip4())
    }),
    bare("Juniper voice", 183, Source::None, |way| {
        juniper(1, &[0; 18], &way.ip4())
    }),
    bare("ERF, PPP in HDLC", 197, Source::None, |way| {
        erf(1, &cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]))
    }),
    bare("ERF, Cisco HDLC", 197, Source::None, |way| {
        erf(1, &cat(&[&[0x0f, 0, 8, 0], &way.ip4()]))
    }),
    bare("ERF, IPv4", 197, Source::None, |way| erf(22, &way.ip4())),
    bare("ERF, IPv6", 197, Source::None, |way| erf(23, &way.ip6())),
    bare("ERF, coloured Ethernet", 197, Source::Sender, |way| {
        erf(11, &cat(&[&[0, 0], &way.ethernet()]))
    }),
];

/// TZSP as a link type is a mirror, so its scope is one.
pub(super) static MIRRORS: &[Fixture] = &[Fixture {
    link: 128,
    ..scoped("TZSP", Source::Sender, |way| {
        cat(&[&[1, 0, 0, 1, 1], &way.ethernet()])
    })
}];

pub(super) static STACKS: &[Fixture] = &[
    scoped(
        "VLAN in Ethernet over GRE in MPLS in VLAN",
        Source::Sender,
        |way| {
            let tagged = way.ethernet_of(0x8100, &cat(&[&[0, 7, 8, 0], &way.ip4()]));
            let gre = cat(&[&[0, 0, 0x65, 0x58], &tagged]);
            let outer = cat(&[&[0, 5, 0x88, 0x47], &LABEL, &way.outer_ip(47, &gre)]);
            way.outer_ethernet(0x8100, &outer)
        },
    ),
    scoped(
        "MPLS in GRE, VLAN within a pseudo-wire",
        Source::Sender,
        |way| {
            let tagged = way.ethernet_of(0x8100, &cat(&[&[0, 7, 8, 0], &way.ip4()]));
            let gre = cat(&[&[0, 0, 0x88, 0x47], &LABEL, &[0, 0, 0, 0], &tagged]);
            way.outer(47, &gre)
        },
    ),
    scoped("VXLAN over IPv6 in VLAN", Source::Sender, |way| {
        let outer = way.outer_ip6(17, &udp(50_000, 4789, &vxlan(way)));
        way.outer_ethernet(0x8100, &cat(&[&[0, 9, 0x86, 0xdd], &outer]))
    }),
    scoped(
        "VXLAN in IPv6 with a destination option",
        Source::Sender,
        |way| {
            let inside = cat(&[&[17, 0, 1, 4, 0, 0, 0, 0], &udp(50_000, 4789, &vxlan(way))]);
            way.outer_ethernet(0x86dd, &way.outer_ip6(60, &inside))
        },
    ),
    scoped("VXLAN in QinQ, tagged inside", Source::Sender, |way| {
        let tagged = way.ethernet_of(0x8100, &cat(&[&[0, 7, 8, 0], &way.ip4()]));
        let inside = cat(&[&[8, 0, 0, 0, 0, 1, 2, 0], &tagged]);
        let outer = way.outer_ip(17, &udp(50_000, 4789, &inside));
        way.outer_ethernet(0x88a8, &cat(&[&[0, 3, 0x81, 0, 0, 4, 8, 0], &outer]))
    }),
    scoped("Geneve with options", Source::Sender, |way| {
        let header = [3, 0, 0x65, 0x58, 0, 1, 2, 0];
        let options = [1, 2, 3, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        way.outer_udp(50_000, 6081, &cat(&[&header, &options, &way.ethernet()]))
    }),
    scoped("GTP-U with extension headers", Source::None, |way| {
        way.outer_udp(2152, 2152, &gtp(way))
    }),
    scoped("GTP-U over IPv6", Source::None, |way| {
        way.outer_ethernet(0x86dd, &way.outer_ip6(17, &udp(2152, 2152, &gtp(way))))
    }),
    scoped("ERSPAN II, tagged", Source::Sender, |way| {
        let tagged = way.ethernet_of(0x8100, &cat(&[&[0, 7, 8, 0], &way.ip4()]));
        let header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 1, 0, 0, 0, 0];
        way.outer(47, &cat(&[&header, &tagged]))
    }),
    scoped("ERSPAN III with a platform header", Source::Sender, |way| {
        let gre = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1];
        let header = [0x20, 7, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        let platform = [0; 8];
        let inside = cat(&[&gre, &header, &platform, &way.ethernet()]);
        way.outer(47, &inside)
    }),
    scoped("6in4 in PPPoE in VLAN", Source::None, |way| {
        let packet = way.outer_ip(41, &way.ip6());
        let length = u16::try_from(2 + packet.len()).unwrap().to_be_bytes();
        let session = cat(&[&[0x11, 0, 0, 9], &length, &[0, 0x21], &packet]);
        way.outer_ethernet(0x8100, &cat(&[&[0, 7, 0x88, 0x64], &session]))
    }),
    scoped(
        "L2TP with length, sequence and compressed PPP",
        Source::None,
        |way| {
            let inside = cat(&[&[0x21], &way.ip4()]);
            let length = u16::try_from(12 + inside.len()).unwrap().to_be_bytes();
            let header = cat(&[&[0x48, 2], &length, &[0, 1, 0, 2, 0, 5, 0, 4]]);
            way.outer_udp(1701, 1701, &cat(&[&header, &inside]))
        },
    ),
    scoped("L2TPv3 over IP with a cookie", Source::Sender, |way| {
        let header = [0, 0, 0, 7, 1, 2, 3, 4];
        way.outer(115, &cat(&[&header, &way.ethernet()]))
    }),
    scoped(
        "GRE with checksum, key and sequence, version 0",
        Source::None,
        |way| {
            let header = [0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1];
            way.outer(47, &cat(&[&header, &way.ip4()]))
        },
    ),
    scoped("GRE version 1 of PPTP", Source::None, |way| {
        let inside = cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]);
        let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
        let header = cat(&[
            &[0x30, 0x81, 0x88, 0x0b],
            &length,
            &[0, 7, 0, 0, 0, 1, 0, 0, 0, 2],
        ]);
        way.outer(47, &cat(&[&header, &inside]))
    }),
    scoped(
        "Teredo with authentication and origin",
        Source::None,
        |way| {
            let before = [
                0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0xa6, 0xe6, 0x3f, 0x57, 0xfe, 0xfd,
            ];
            way.outer_udp(50_000, 3544, &cat(&[&before, &way.ip6()]))
        },
    ),
    scoped("IP in IP in IP", Source::None, |way| {
        let middle = way.outer_ip(4, &way.ip4());
        way.outer(4, &middle)
    }),
    scoped("4in6 with a hop-by-hop option", Source::None, |way| {
        let inside = cat(&[&[4, 0, 1, 4, 0, 0, 0, 0], &way.ip4()]);
        way.outer_ethernet(0x86dd, &way.outer_ip6(0, &inside))
    }),
    scoped("provider backbone, tagged", Source::Sender, |way| {
        let tagged = way.ethernet_of(0x88a8, &cat(&[&[0, 7, 8, 0], &way.ip4()]));
        let outer = cat(&[&[0, 3, 0x88, 0xe7, 0, 0, 1, 0], &tagged]);
        way.outer_ethernet(0x88a8, &outer)
    }),
    scoped("CAPWAP, 802.3", Source::Sender, |way| {
        way.outer_udp(
            5247,
            5247,
            &cat(&[&[0, 0x10, 2, 0, 0, 0, 0, 0], &way.ethernet()]),
        )
    }),
    scoped("CAPWAP, 802.11", Source::Sender, |way| {
        let header = [0, 0x10, 3, 0, 0, 0, 0, 0];
        way.outer_udp(5247, 5247, &cat(&[&header, &wlan(way, 0x08, &[])]))
    }),
    scoped(
        "CAPWAP, 802.11 swapped, with its radio",
        Source::Sender,
        |way| {
            let header = [0, 0x20, 3, 0x10, 0, 0, 0, 0, 6, 2, 2, 2, 2, 2, 2, 0];
            let mut frame = wlan(way, 0x08, &[]);
            frame.swap(0, 1);
            way.outer_udp(50_000, 5247, &cat(&[&header, &frame]))
        },
    ),
];
