//! The table of encapsulations. Every row ends in the conversation of [`super::build`].

use super::build::{self, Way, cat, ipv4, ipv6, udp};

/// What the link-layer source of a fixture should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    None,
    Sender,
}

pub(super) struct Fixture {
    pub(super) name: &'static str,
    pub(super) link: u32,
    pub(super) make: fn(Way) -> Vec<u8>,
    pub(super) source: Source,
    /// Whether the scope is that of the bare link.
    pub(super) bare: bool,
}

pub(super) const fn bare(
    name: &'static str,
    link: u32,
    source: Source,
    make: fn(Way) -> Vec<u8>,
) -> Fixture {
    Fixture {
        name,
        link,
        make,
        source,
        bare: true,
    }
}

pub(super) const fn scoped(
    name: &'static str,
    source: Source,
    make: fn(Way) -> Vec<u8>,
) -> Fixture {
    Fixture {
        name,
        link: 1,
        make,
        source,
        bare: false,
    }
}

const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

/// 802.11 data to the distribution system, with the given first byte and what follows the addresses.
pub(super) fn wlan(way: Way, kind: u8, after: &[u8]) -> Vec<u8> {
    let bssid = [2, 0, 0, 0, 9, 9];
    cat(&[
        &[kind, 0x01, 0, 0],
        &bssid,
        &way.mac().0,
        &[2, 0, 0, 0, 0, 7],
        &[0x10, 0],
        after,
        &SNAP,
        &way.ip4(),
    ])
}

fn sll(way: Way, hardware: u16) -> Vec<u8> {
    let kind = if way == Way::There { 4 } else { 0 };
    cat(&[
        &[0, kind],
        &hardware.to_be_bytes(),
        &[0, 6],
        &way.mac().0,
        &[0, 0, 8, 0],
        &way.ip4(),
    ])
}

pub(super) static LINKS: &[Fixture] = &[
    bare("NULL little-endian", 0, Source::None, |way| {
        cat(&[&[2, 0, 0, 0], &way.ip4()])
    }),
    bare("NULL big-endian, macOS IPv6", 0, Source::None, |way| {
        cat(&[&[0, 0, 0, 30], &way.ip6()])
    }),
    bare("NULL with EtherType", 0, Source::None, |way| {
        cat(&[&[0x0f, 0, 8, 0], &way.ip4()])
    }),
    bare("Ethernet", 1, Source::Sender, Way::ethernet),
    bare("Ethernet IPv6", 1, Source::Sender, |way| {
        way.ethernet_of(0x86dd, &way.ip6())
    }),
    bare("Ethernet padded", 1, Source::Sender, |way| {
        cat(&[&way.ethernet(), &[0; 9]])
    }),
    bare("Ethernet with offload length", 1, Source::Sender, |way| {
        let mut bytes = way.ethernet();
        bytes[16..18].copy_from_slice(&[0, 0]);
        bytes
    }),
    bare("802.3 LLC SNAP", 1, Source::Sender, |way| {
        let inside = cat(&[&SNAP, &way.ip4()]);
        way.ethernet_of(
            u16::try_from(inside.len()).unwrap(),
            &cat(&[&inside, &[0; 5]]),
        )
    }),
    bare("802.3 LLC IP", 1, Source::Sender, |way| {
        let inside = cat(&[&[6, 6, 3], &way.ip4()]);
        way.ethernet_of(u16::try_from(inside.len()).unwrap(), &inside)
    }),
    bare("priority tag", 1, Source::Sender, |way| {
        way.ethernet_of(0x8100, &cat(&[&[0xe0, 0, 8, 0], &way.ip4()]))
    }),
    bare("MPLS", 1, Source::Sender, |way| {
        way.ethernet_of(0x8847, &cat(&[&[0, 1, 0, 64, 0, 2, 1, 64], &way.ip4()]))
    }),
    bare("MPLS IPv6", 1, Source::Sender, |way| {
        way.ethernet_of(0x8848, &cat(&[&[0, 1, 1, 64], &way.ip6()]))
    }),
    bare(
        "MPLS pseudo-wire with control word",
        1,
        Source::Sender,
        |way| {
            cat(&[
                &[0xff; 12],
                &[0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 0],
                &way.ethernet(),
            ])
        },
    ),
    bare("MPLS pseudo-wire bare", 1, Source::Sender, |way| {
        cat(&[&[0xff; 12], &[0x88, 0x47, 0, 1, 1, 64], &way.ethernet()])
    }),
    bare("MACsec in the clear", 1, Source::Sender, |way| {
        let tag = [0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8];
        way.ethernet_of(0x88e5, &cat(&[&tag, &[8, 0], &way.ip4(), &[9; 16]]))
    }),
    bare("HSR", 1, Source::Sender, |way| {
        way.ethernet_of(0x892f, &cat(&[&[0, 70, 0, 1, 8, 0], &way.ip4()]))
    }),
    bare("Cisco metadata", 1, Source::Sender, |way| {
        way.ethernet_of(0x8909, &cat(&[&[1, 1, 0, 1, 0, 5, 8, 0], &way.ip4()]))
    }),
    bare("VN-tag", 1, Source::Sender, |way| {
        way.ethernet_of(0x8926, &cat(&[&[0, 1, 0, 2, 8, 0], &way.ip4()]))
    }),
    bare("E-tag", 1, Source::Sender, |way| {
        way.ethernet_of(0x893f, &cat(&[&[0, 1, 0, 2, 0, 0, 8, 0], &way.ip4()]))
    }),
    bare("NSH", 1, Source::Sender, |way| {
        way.ethernet_of(0x894f, &cat(&[&[0, 2, 1, 1, 0, 0, 1, 255], &way.ip4()]))
    }),
    bare("TRILL", 1, Source::Sender, |way| {
        cat(&[
            &[0xff; 12],
            &[0x22, 0xf3, 0, 0x41, 0, 1, 0, 2, 9, 9, 9, 9],
            &way.ethernet(),
        ])
    }),
    bare("FabricPath", 1, Source::Sender, |way| {
        cat(&[&[0xff; 12], &[0x89, 0x03, 0, 0x40], &way.ethernet()])
    }),
    bare("Token Ring", 6, Source::Sender, |way| {
        cat(&[&[0x10, 0x40], &[2; 6], &way.mac().0, &SNAP, &way.ip4()])
    }),
    bare("SLIP", 8, Source::None, |way| {
        let direction = u8::from(way == Way::There);
        cat(&[&[direction, 0x45], &[0; 14], &way.ip4()])
    }),
    bare("PPP framed", 9, Source::None, |way| {
        cat(&[&[0xff, 3, 0, 0x21], &way.ip4()])
    }),
    bare("PPP bare", 9, Source::None, |way| {
        cat(&[&[0, 0x57], &way.ip6()])
    }),
    bare("PPP compressed fields", 9, Source::None, |way| {
        cat(&[&[0x21], &way.ip4()])
    }),
    bare("PPP MPLS", 9, Source::None, |way| {
        cat(&[&[0xff, 3, 2, 0x81, 0, 1, 1, 64], &way.ip4()])
    }),
    bare("PPP multilink whole", 9, Source::None, |way| {
        cat(&[&[0xff, 3, 0, 0x3d, 0xc0, 0, 0, 1, 0, 0x21], &way.ip4()])
    }),
    bare(
        "PPP multilink whole, short numbers",
        9,
        Source::None,
        |way| cat(&[&[0xff, 3, 0, 0x3d, 0xc0, 1, 0x21], &way.ip4()]),
    ),
    bare("FDDI", 10, Source::Sender, |way| {
        cat(&[&[0x50], &[2; 6], &way.mac().0, &SNAP, &way.ip4()])
    }),
    bare("ATM bridged", 11, Source::Sender, |way| {
        cat(&[&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], &way.ethernet()])
    }),
    bare("raw, DLT 12", 12, Source::None, Way::ip4),
    bare("raw, DLT 14", 14, Source::None, Way::ip6),
    bare("PPP in HDLC", 50, Source::None, |way| {
        cat(&[&[0xff, 3, 0, 0x21], &way.ip4()])
    }),
    bare("Cisco in PPP in HDLC", 50, Source::None, |way| {
        cat(&[&[0x0f, 0, 8, 0], &way.ip4()])
    }),
    bare("raw", 101, Source::None, Way::ip4),
    bare("Cisco HDLC", 104, Source::None, |way| {
        cat(&[&[0x0f, 0, 8, 0], &way.ip4()])
    }),
    bare("802.11", 105, Source::Sender, |way| wlan(way, 0x08, &[])),
    bare("802.11 QoS", 105, Source::Sender, |way| {
        wlan(way, 0x88, &[0, 0])
    }),
    bare("802.11 A-MSDU", 105, Source::Sender, |way| {
        let length = u16::try_from(8 + way.ip4().len()).unwrap();
        wlan(
            way,
            0x88,
            &cat(&[&[0x80, 0], &[2; 6], &way.mac().0, &length.to_be_bytes()]),
        )
    }),
    bare("Frame Relay", 107, Source::None, |way| {
        cat(&[&[0x18, 0x41, 3, 0xcc], &way.ip4()])
    }),
    bare("Frame Relay, Cisco", 107, Source::None, |way| {
        cat(&[&[0x18, 0x41, 8, 0], &way.ip4()])
    }),
    bare("LOOP", 108, Source::None, |way| {
        cat(&[&[0, 0, 0, 24], &way.ip6()])
    }),
    bare("ENC", 109, Source::None, |way| {
        cat(&[&[2, 0, 0, 0], &[0; 8], &way.ip4()])
    }),
    bare("SLL", 113, Source::Sender, |way| sll(way, 1)),
    bare("SLL of tun", 113, Source::Sender, |way| sll(way, 65534)),
    bare("SLL of Wi-Fi", 113, Source::Sender, |way| sll(way, 801)),
    bare("PFLOG", 117, Source::None, |way| {
        cat(&[&[61, 2, 0, 0], &[0; 60], &way.ip4()])
    }),
    bare("Prism", 119, Source::Sender, |way| {
        cat(&[
            &[0x44, 0, 0, 0, 144, 0, 0, 0],
            &[0; 136],
            &wlan(way, 0x08, &[]),
        ])
    }),
    bare("AVS", 163, Source::Sender, |way| {
        cat(&[
            &[0x80, 0x21, 0x10, 1, 0, 0, 0, 64],
            &[0; 56],
            &wlan(way, 0x08, &[]),
        ])
    }),
    bare("radiotap", 127, Source::Sender, |way| {
        cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], &wlan(way, 0x08, &[])])
    }),
    bare("radiotap, padded header", 127, Source::Sender, |way| {
        let flags = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
        cat(&[&flags, &wlan(way, 0x88, &[0, 0, 0, 0])])
    }),
    bare("IP over IEEE 1394", 138, Source::None, |way| {
        cat(&[&[1; 16], &[8, 0], &way.ip4()])
    }),
    bare("PPP of pppd", 166, Source::None, |way| {
        let direction = u8::from(way == Way::There);
        cat(&[&[direction, 3, 0, 0x21], &way.ip4()])
    }),
    bare("Juniper Ethernet", 178, Source::Sender, |way| {
        cat(&[b"MGC", &[0x80, 0, 2, 7, 7], &way.ethernet()])
    }),
    bare("PPI", 192, Source::Sender, |way| {
        cat(&[&[0, 0, 8, 0, 105, 0, 0, 0], &wlan(way, 0x08, &[])])
    }),
    bare("ERF", 197, Source::Sender, |way| {
        let header = [0, 0, 0, 0, 0, 0, 0, 0, 0x82, 0, 0, 0, 0, 0, 0, 0];
        cat(&[&header, &[0x05; 8], &[0, 0], &way.ethernet()])
    }),
    bare("Cisco HDLC with direction", 205, Source::None, |way| {
        cat(&[&[1, 0x8f, 0, 0x86, 0xdd], &way.ip6()])
    }),
    bare("raw IPv4", 228, Source::None, Way::ip4),
    bare("raw IPv6", 229, Source::None, Way::ip6),
    bare("NFLOG", 239, Source::Sender, |way| {
        let hook = if way == Way::There { 3 } else { 1 };
        let address = cat(&[&[16, 0, 8, 0, 0, 6, 0, 0], &way.mac().0, &[0, 0]]);
        let length = u16::try_from(way.ip4().len() + 4).unwrap().to_le_bytes();
        let head = [8, 0, 1, 0, 8, 0, hook, 0];
        cat(&[
            &[2, 0, 0, 0],
            &head,
            &[5, 0, 10, 0, 0, 0, 0, 0],
            &address,
            &length,
            &[9, 0],
            &way.ip4(),
        ])
    }),
    bare("NFLOG big-endian", 239, Source::None, |way| {
        let length = u16::try_from(way.ip6().len() + 4).unwrap().to_be_bytes();
        cat(&[
            &[10, 0, 0, 0],
            &[0, 8, 0, 1, 0x86, 0xdd, 2, 0],
            &length,
            &[0, 9],
            &way.ip6(),
        ])
    }),
    bare("IPoIB", 242, Source::None, |way| {
        cat(&[&[7; 40], &[8, 0, 0, 0], &way.ip4()])
    }),
    bare("PKTAP", 258, Source::Sender, |way| {
        let mut header = vec![0; 108];
        (header[0], header[8]) = (108, 1);
        header[36] = if way == Way::There { 2 } else { 1 };
        cat(&[&header, &way.ethernet()])
    }),
    bare("Ethernet with preamble", 274, Source::Sender, |way| {
        cat(&[&[0x55; 8], &way.ethernet()])
    }),
    bare("SLL2", 276, Source::Sender, |way| {
        let kind = if way == Way::There { 4 } else { 0 };
        let fixed = [8, 0, 0, 0, 0, 0, 0, 3, 0, 1, kind, 6];
        cat(&[&fixed, &way.mac().0, &[0, 0], &way.ip4()])
    }),
    bare("DSA tag", 284, Source::Sender, |way| {
        let frame = way.ethernet();
        cat(&[&frame[..12], &[0x40, 0, 0, 0], &frame[12..]])
    }),
    bare("IPv6 extension headers", 101, Source::None, |way| {
        let (from, to) = match way {
            Way::There => (build::CLIENT_6, build::SERVER_6),
            Way::Back => (build::SERVER_6, build::CLIENT_6),
        };
        let extensions = cat(&[
            &[43, 0, 1, 4, 0, 0, 0, 0],
            &[60, 0, 0, 0, 0, 0, 0, 0],
            &[44, 0, 1, 4, 0, 0, 0, 0],
            // An atomic fragment, then authentication.
            &[51, 0, 0, 0, 0, 0, 0, 9],
            &[6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2],
        ]);
        ipv6(from, to, 0, &cat(&[&extensions, &way.tcp()]))
    }),
    bare("IPv4 with options and AH", 101, Source::None, |way| {
        let (from, to) = match way {
            Way::There => (build::CLIENT, build::SERVER),
            Way::Back => (build::SERVER, build::CLIENT),
        };
        let auth = [6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        let mut packet = ipv4(from, to, 51, &cat(&[&[1, 1, 1, 0], &auth, &way.tcp()]));
        packet[0] = 0x46;
        packet
    }),
];

pub(super) static SCOPED: &[Fixture] = &[
    scoped("VLAN", Source::Sender, |way| {
        way.ethernet_of(0x8100, &cat(&[&[0x20, 7, 8, 0], &way.ip4()]))
    }),
    scoped("four VLAN tags", Source::Sender, |way| {
        let tags = [0, 1, 0x91, 0, 0, 2, 0x81, 0, 0, 3, 0x81, 0, 0, 4, 8, 0];
        way.ethernet_of(0x88a8, &cat(&[&tags, &way.ip4()]))
    }),
    scoped("VLAN with 802.3 inside", Source::Sender, |way| {
        let length = u16::try_from(SNAP.len() + way.ip4().len()).unwrap();
        way.ethernet_of(
            0x8100,
            &cat(&[&[0, 7], &length.to_be_bytes(), &SNAP, &way.ip4(), &[0; 4]]),
        )
    }),
    scoped("PPPoE", Source::Sender, |way| {
        let length = u16::try_from(way.ip4().len() + 2).unwrap().to_be_bytes();
        way.ethernet_of(
            0x8864,
            &cat(&[&[0x11, 0, 0, 5], &length, &[0, 0x21], &way.ip4(), &[0; 6]]),
        )
    }),
    scoped("provider backbone", Source::Sender, |way| {
        cat(&[&[0xff; 12], &[0x88, 0xe7, 0, 0, 1, 2], &way.ethernet()])
    }),
    scoped("IP in IP", Source::None, |way| way.outer(4, &way.ip4())),
    scoped("6in4", Source::None, |way| way.outer(41, &way.ip6())),
    scoped("AH tunnel", Source::None, |way| {
        way.outer(
            51,
            &cat(&[&[4, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], &way.ip4()]),
        )
    }),
    scoped("GRE", Source::None, |way| {
        way.outer(47, &cat(&[&[0, 0, 8, 0], &way.ip4()]))
    }),
    scoped("GRE with checksum, key, sequence", Source::None, |way| {
        // Each receiver chooses the key it wants to see.
        let key = if way == Way::There { 1 } else { 2 };
        let fields = [0, 0, 0, 0, 0, 0, 0, key, 0, 0, 0, 1];
        way.outer(47, &cat(&[&[0xb0, 0, 0x86, 0xdd], &fields, &way.ip6()]))
    }),
    scoped("GRE with source route", Source::None, |way| {
        let routes = [0, 0, 0, 0, 8, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0];
        way.outer(47, &cat(&[&[0x40, 0, 8, 0], &routes, &way.ip4()]))
    }),
    scoped("PPTP", Source::None, |way| {
        let length = u16::try_from(way.ip4().len() + 4).unwrap().to_be_bytes();
        let header = cat(&[&[0x30, 0x81, 0x88, 0x0b], &length, &[0, 9], &[0; 8]]);
        way.outer(47, &cat(&[&header, &[0xff, 3, 0, 0x21], &way.ip4()]))
    }),
    scoped("NVGRE", Source::Sender, |way| {
        way.outer(
            47,
            &cat(&[&[0x20, 0, 0x65, 0x58, 0, 0, 7, 1], &way.ethernet()]),
        )
    }),
    scoped("GRE with WCCP", Source::None, |way| {
        way.outer(47, &cat(&[&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &way.ip4()]))
    }),
    scoped("ERSPAN I", Source::Sender, |way| {
        way.outer(47, &cat(&[&[0, 0, 0x88, 0xbe], &way.ethernet()]))
    }),
    scoped("ERSPAN II", Source::Sender, |way| {
        let header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 9, 0, 0, 0, 1];
        way.outer(47, &cat(&[&header, &way.ethernet()]))
    }),
    scoped("ERSPAN III with sub-header", Source::Sender, |way| {
        let gre = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1];
        let header = [0x20, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1];
        way.outer(47, &cat(&[&gre, &header, &[0; 8], &way.ethernet()]))
    }),
    scoped("EtherIP", Source::Sender, |way| {
        way.outer(97, &cat(&[&[0x30, 0], &way.ethernet()]))
    }),
    scoped("L2TPv3 in IP", Source::Sender, |way| {
        way.outer(115, &cat(&[&[0, 0, 0, 9, 1, 2, 3, 4], &way.ethernet()]))
    }),
    scoped("MPLS in IP", Source::None, |way| {
        way.outer(137, &cat(&[&[0, 1, 1, 64], &way.ip4()]))
    }),
    scoped("Ethernet in IP", Source::Sender, |way| {
        way.outer(143, &way.ethernet())
    }),
    scoped("VXLAN", Source::Sender, |way| {
        way.outer_udp(
            50_000,
            4789,
            &cat(&[&[8, 0, 0, 0, 0, 1, 2, 0], &way.ethernet()]),
        )
    }),
    scoped("VXLAN of Linux, group policy", Source::Sender, |way| {
        way.outer_udp(
            50_000,
            8472,
            &cat(&[&[0x88, 8, 0, 3, 0, 1, 2, 0], &way.ethernet()]),
        )
    }),
    scoped("VXLAN-GPE", Source::None, |way| {
        way.outer_udp(
            50_000,
            4790,
            &cat(&[&[0x0c, 0, 0, 2, 0, 1, 2, 0], &way.ip6()]),
        )
    }),
    scoped("VXLAN-GPE with NSH", Source::None, |way| {
        let nsh = [0, 2, 1, 1, 0, 0, 1, 255];
        way.outer_udp(
            50_000,
            4790,
            &cat(&[&[0x0c, 0, 0, 4, 0, 1, 2, 0], &nsh, &way.ip4()]),
        )
    }),
    scoped("Geneve with option", Source::Sender, |way| {
        let header = [1, 0, 0x65, 0x58, 0, 1, 2, 0, 0, 1, 2, 0];
        way.outer_udp(50_000, 6081, &cat(&[&header, &way.ethernet()]))
    }),
    scoped("MPLS in UDP", Source::None, |way| {
        way.outer_udp(
            50_000,
            6635,
            &cat(&[&[0, 1, 0, 64, 0, 1, 1, 64], &way.ip4()]),
        )
    }),
    scoped("LISP", Source::None, |way| {
        way.outer_udp(50_000, 4341, &cat(&[&[8, 0, 0, 0, 0, 0, 5, 0], &way.ip4()]))
    }),
    scoped("TZSP", Source::Sender, |way| {
        way.outer_udp(
            50_000,
            37_008,
            &cat(&[&[1, 0, 0, 1, 0, 10, 1, 200, 1], &way.ethernet()]),
        )
    }),
    scoped("GTP-U", Source::None, |way| {
        let tunnel = if way == Way::There { 1 } else { 2 };
        let length = u16::try_from(way.ip4().len()).unwrap().to_be_bytes();
        let header = cat(&[&[0x30, 255], &length, &[0, 0, 0, tunnel]]);
        way.outer_udp(2152, 2152, &cat(&[&header, &way.ip4()]))
    }),
    scoped("GTP-U with extension", Source::None, |way| {
        let length = u16::try_from(way.ip6().len() + 8).unwrap().to_be_bytes();
        let header = cat(&[
            &[0x34, 255],
            &length,
            &[0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0],
        ]);
        way.outer_udp(2152, 2152, &cat(&[&header, &way.ip6()]))
    }),
    scoped("L2TPv2", Source::None, |way| {
        let length = u16::try_from(way.ip4().len() + 12).unwrap().to_be_bytes();
        let header = cat(&[&[0x40, 2], &length, &[0, 1, 0, 2, 0xff, 3, 0, 0x21]]);
        way.outer_udp(1701, 1701, &cat(&[&header, &way.ip4()]))
    }),
    scoped("L2TPv3 in UDP", Source::Sender, |way| {
        way.outer_udp(
            1701,
            1701,
            &cat(&[&[0, 3, 0, 0, 0, 0, 0, 9], &[1; 8], &way.ethernet()]),
        )
    }),
    scoped("Teredo", Source::None, |way| {
        let ports = if way == Way::There {
            (50_000, 3544)
        } else {
            (3544, 50_000)
        };
        way.outer_udp(ports.0, ports.1, &cat(&[&[0; 8], &way.ip6()]))
    }),
    scoped("tunnel in tunnel", Source::None, |way| {
        let inner = cat(&[&[0, 0, 8, 0], &way.ip4()]);
        let gre = ipv4(build::CLIENT, build::CLIENT, 47, &inner);
        let (from, to) = (build::CLIENT_6, build::CLIENT_6);
        let vxlan = cat(&[&[8, 0, 0, 0, 0, 1, 2, 0], &way.ethernet_of(0x0800, &gre)]);
        way.outer(41, &ipv6(from, to, 17, &udp(50_000, 4789, &vxlan)))
    }),
];
