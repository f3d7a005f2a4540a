//! Networks over Bluetooth: every header of BNEP, channels that were asked for, and what must not be taken for one.

use super::build::{CLIENT, CLIENT_6, HELLO, PORTS, SERVER, Way, cat};
use super::fixtures::{Fixture, Source, bare};
use super::sequences::read;
use super::*;

/// First part that must not be flushed, continuation, and first part.
const FIRST: u8 = 0;
const CONTINUES: u8 = 1;
const WHOLE: u8 = 2;

/// An ACL packet of connection 0x02a.
fn acl(boundary: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
    cat(&[&[0x2a, boundary << 4], &length, bytes])
}

fn l2cap(channel: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
    cat(&[&length, &[channel, 0], bytes])
}

/// H4, with a direction.
pub(super) fn h4(way: Way, acl: &[u8]) -> Vec<u8> {
    cat(&[&[0, 0, 0, u8::from(way == Way::Back), 2], acl])
}

fn monitor(way: Way, acl: &[u8]) -> Vec<u8> {
    cat(&[&[0, 1, 0, 4 + u8::from(way == Way::Back)], acl])
}

fn general(way: Way) -> Vec<u8> {
    cat(&[&[0], &way.ethernet()])
}

fn compressed(packet: &[u8]) -> Vec<u8> {
    cat(&[&[2, 8, 0], packet])
}

/// An L2CAP packet of a network, in so many parts.
pub(super) fn parts(way: Way, most: usize) -> Vec<Vec<u8>> {
    let packet = l2cap(0x45, &compressed(&way.ip4_summed()));
    let parts = packet.chunks(most).enumerate();
    let boundary = |at| if at == 0 { FIRST } else { CONTINUES };
    parts.map(|(at, part)| acl(boundary(at), part)).collect()
}

/// Asked for by the end that sends, and granted: 0x41 is its own number, 0x45 the other's.
fn asked(way: Way, service: u8) -> [Vec<u8>; 2] {
    let other = if way == Way::There {
        Way::Back
    } else {
        Way::There
    };
    let request = l2cap(1, &[2, 9, 4, 0, service, 0, 0x41, 0]);
    let response = [3, 9, 8, 0, 0x45, 0, 0x41, 0, 0, 0, 0, 0];
    [
        h4(way, &acl(WHOLE, &request)),
        h4(other, &acl(WHOLE, &l2cap(1, &response))),
    ]
}

fn granted(way: Way, network: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = asked(way, 0x0f).to_vec();
    frames.push(h4(way, &acl(WHOLE, &l2cap(0x45, network))));
    frames
}

/// Frames of which all but the last are about a channel, or parts.
pub(super) struct Granted {
    pub(super) name: &'static str,
    pub(super) link: u32,
    pub(super) make: fn(Way) -> Vec<Vec<u8>>,
}

pub(super) static GRANTED: &[Granted] = &[
    Granted {
        name: "BNEP, general",
        link: 201,
        make: |way| granted(way, &general(way)),
    },
    Granted {
        name: "BNEP, compressed and padded",
        link: 201,
        make: |way| granted(way, &cat(&[&compressed(&way.ip4()), &[0; 6]])),
    },
    Granted {
        name: "BNEP, source only",
        link: 201,
        make: |way| granted(way, &cat(&[&[3], &way.mac().0, &[8, 0], &way.ip4()])),
    },
    Granted {
        name: "BNEP, destination only",
        link: 201,
        make: |way| granted(way, &cat(&[&[4], &[2; 6], &[8, 0], &way.ip4()])),
    },
    Granted {
        name: "BNEP, 802.3 with SNAP",
        link: 201,
        make: |way| {
            let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
            let length = u16::try_from(8 + way.ip4().len()).unwrap().to_be_bytes();
            granted(way, &cat(&[&[2], &length, &snap, &way.ip4()]))
        },
    },
    Granted {
        name: "BNEP, control before the packet",
        link: 201,
        make: |way| granted(way, &cat(&[&[0x82, 8, 0, 0, 3, 2, 0, 0], &way.ip4()])),
    },
    Granted {
        name: "BNEP, two extension headers",
        link: 201,
        make: |way| {
            let headers = [0x80, 3, 2, 0, 0, 5, 2, 1, 1];
            granted(way, &cat(&[&[0x82, 8, 0], &headers, &way.ip4()]))
        },
    },
    Granted {
        name: "BNEP of the end that was asked",
        link: 201,
        make: |way| {
            let mut frames = asked(
                if way == Way::There {
                    Way::Back
                } else {
                    Way::There
                },
                0x0f,
            );
            frames.reverse();
            // The answer does not matter for its own direction.
            let data = h4(way, &acl(WHOLE, &l2cap(0x41, &general(way))));
            vec![frames[1].clone(), frames[0].clone(), data]
        },
    },
    Granted {
        name: "BNEP in ACL parts",
        link: 201,
        make: |way| {
            let mut frames = asked(way, 0x0f).to_vec();
            frames.extend(parts(way, 27).iter().map(|part| h4(way, part)));
            frames
        },
    },
    Granted {
        name: "BNEP in Linux's monitor",
        link: 254,
        make: |way| {
            let frames = granted(way, &general(way));
            let each = frames.iter();
            each.map(|frame| {
                let way = if frame[3] == 0 { Way::There } else { Way::Back };
                monitor(way, &frame[5..])
            })
            .collect()
        },
    },
];

/// A channel for IPv6 with credits, asked for by the end that sends, which calls it 0x41.
fn credits(way: Way) -> [(Way, Vec<u8>); 2] {
    let other = if way == Way::There {
        Way::Back
    } else {
        Way::There
    };
    let request = [0x14, 9, 10, 0, 0x23, 0, 0x41, 0, 0, 5, 64, 0, 9, 0];
    let response = [0x15, 9, 10, 0, 0x45, 0, 0, 5, 64, 0, 9, 0, 0, 0];
    [(way, l2cap(5, &request)), (other, l2cap(5, &response))]
}

/// Parts of a packet of 6LoWPAN in a channel with credits.
fn ipsp(way: Way, most: usize) -> Vec<Vec<u8>> {
    let packet = lowpan::compressed(way);
    let length = u16::try_from(packet.len()).unwrap().to_le_bytes();
    cat(&[&length, &packet])
        .chunks(most)
        .map(|part| l2cap(0x45, part))
        .collect()
}

/// On the radio: an access address, a header, and a check sequence behind.
fn radio(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    cat(&[&[0x12, 0x34, 0x56, 0x78, 2, length], bytes, &[1, 2, 3]])
}

fn nordic(way: Way, bytes: &[u8]) -> Vec<u8> {
    let packet = radio(bytes);
    let length = u8::try_from(10 + packet.len()).unwrap();
    let flags = 1 | u8::from(way == Way::There) << 1;
    let head = [1, 6, length, 1, 0, 0, 6, 10, flags, 7, 60, 1, 0, 9, 9, 0, 0];
    cat(&[&head, &packet])
}

fn with_header(way: Way, bytes: &[u8]) -> Vec<u8> {
    let kind = if way == Way::There { 0x09 } else { 0x89 };
    let flags = [kind, 1 | u8::from(way == Way::Back)];
    cat(&[
        &[7, 0xc4, 0x80, 0, 0x12, 0x34, 0x56, 0x78],
        &flags,
        &radio(bytes),
    ])
}

fn low_energy(way: Way, most: usize, make: fn(Way, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut frames: Vec<_> = credits(way)
        .iter()
        .map(|(way, it)| make(*way, it))
        .collect();
    frames.extend(ipsp(way, most).iter().map(|part| make(way, part)));
    frames
}

/// Frames of low energy, of which the last makes the packet whole.
pub(super) static LOW_ENERGY: &[Granted] = &[
    Granted {
        name: "6LoWPAN over Bluetooth",
        link: 201,
        make: |way| low_energy(way, 200, |way, it| h4(way, &acl(WHOLE, it))),
    },
    Granted {
        name: "6LoWPAN over Bluetooth, three parts",
        link: 201,
        make: |way| low_energy(way, 40, |way, it| h4(way, &acl(WHOLE, it))),
    },
    Granted {
        name: "Bluetooth LE of Nordic",
        link: 272,
        make: |way| low_energy(way, 200, nordic),
    },
    Granted {
        name: "Bluetooth LE of Nordic, two parts",
        link: 272,
        make: |way| low_energy(way, 60, nordic),
    },
    Granted {
        name: "Bluetooth LE with header",
        link: 256,
        make: |way| low_energy(way, 60, with_header),
    },
];

/// A transfer of an adapter on USB, as Linux writes it.
fn usb(way: Way, acl: &[u8]) -> Vec<u8> {
    let length = u32::try_from(acl.len()).unwrap().to_le_bytes();
    let (kind, endpoint) = match way {
        Way::There => (b'S', 2),
        Way::Back => (b'C', 0x82),
    };
    let head = [kind, 3, endpoint, 5, 1, 0, b'-', 0];
    cat(&[&[1; 8], &head, &[0; 16], &length, &length, &[0; 24], acl])
}

/// Channels that nobody saw asked for.
pub(super) static BLUETOOTH: &[Fixture] = &[
    bare("BNEP, H4", 187, Source::None, |way| {
        cat(&[&[2], &acl(WHOLE, &l2cap(0x45, &compressed(&way.ip4())))])
    }),
    bare("BNEP, H4 with direction", 201, Source::Sender, |way| {
        h4(way, &acl(3, &l2cap(0x45, &general(way))))
    }),
    bare("BNEP over USB", 220, Source::Sender, |way| {
        usb(way, &acl(3, &l2cap(0x45, &general(way))))
    }),
    bare("Bluetooth LE", 251, Source::None, |way| {
        let packet = lowpan::summed(way);
        let length = u16::try_from(packet.len()).unwrap().to_le_bytes();
        radio(&l2cap(0x45, &cat(&[&length, &packet])))
    }),
    bare(
        "BNEP, IPv6 in Linux's monitor",
        254,
        Source::Sender,
        |way| {
            let network = cat(&[&[3], &way.mac().0, &[0x86, 0xdd], &way.ip6()]);
            monitor(way, &acl(FIRST, &l2cap(0x45, &network)))
        },
    ),
];

/// What the last frame of a row leads to; those before it are no packets, and no anomalies.
fn last(decoder: &mut Decoder, row: &Granted, way: Way) -> Told {
    let frames = (row.make)(way);
    let (last, before) = frames.split_last().unwrap();
    for bytes in before {
        let why = read(decoder, row.link, bytes).unwrap_err();
        assert!(!why.is_anomaly(), "{} {why:?}", row.name);
    }
    read(decoder, row.link, last).expect(row.name)
}

#[test]
fn a_channel_that_was_asked_for_leads_to_the_conversation() {
    for row in GRANTED {
        let mut decoder = Decoder::new(&Limits::default());
        for way in [Way::There, Way::Back] {
            let got = last(&mut decoder, row, way);
            let plain = decode(101, &way.ip4()).unwrap();
            assert_eq!(
                (got.src, got.ports),
                (plain.src, plain.ports),
                "{}",
                row.name
            );
            assert_eq!((got.payload, got.cut), (plain.payload, 0), "{}", row.name);
            assert_eq!(got.by_this_host, Some(way == Way::There), "{}", row.name);
            let named = ["general", "source", "monitor", "asked"];
            let named = named.iter().any(|word| row.name.contains(word));
            assert_eq!(got.mac, named.then(|| way.mac()), "{}", row.name);
        }
    }
}

#[test]
fn a_channel_that_nobody_asked_for_is_not_guessed_lightly() {
    let way = Way::There;
    let packet = way.ip4();
    let mut changed = packet.clone();
    changed[8] ^= 1;
    for network in [
        // Padded; a header checksum that is wrong; another version; control; a type that there is not.
        cat(&[&compressed(&packet), &[0]]),
        compressed(&changed),
        cat(&[&[2, 0x86, 0xdd], &packet]),
        vec![1, 1, 2, 0x11, 0x16, 0x11, 0x15],
        cat(&[&[7, 8, 0], &packet]),
        // A service request and text of other channels.
        vec![6, 0, 1, 0, 15, 0x35, 3, 0x19, 1, 0, 0, 0x20, 0x35, 5],
        b"AT+BRSF=255\r".to_vec(),
    ] {
        let got = decode(201, &h4(way, &acl(WHOLE, &l2cap(0x45, &network))));
        assert_eq!(got, Err(Undecoded::NotIp));
    }
    // Asked for, but for another service: not even what looks like it.
    let mut decoder = Decoder::new(&Limits::default());
    let data = h4(way, &acl(WHOLE, &l2cap(0x45, &general(way))));
    for frame in asked(way, 3) {
        assert!(read(&mut decoder, 201, &frame).is_err());
    }
    assert_eq!(read(&mut decoder, 201, &data), Err(Undecoded::NotIp));
    // The other end closes it.
    let closed = l2cap(1, &[6, 10, 4, 0, 0x41, 0, 0x45, 0]);
    let closed = h4(Way::Back, &acl(WHOLE, &closed));
    assert!(read(&mut decoder, 201, &closed).is_err());
    assert!(read(&mut decoder, 201, &data).is_ok());
}

#[test]
fn what_bluetooth_carries_besides_has_a_reason() {
    let network = |bytes: &[u8]| h4(Way::There, &acl(WHOLE, &l2cap(0x45, bytes)));
    let mut decoder = Decoder::new(&Limits::default());
    for frame in asked(Way::There, 0x0f) {
        let got = read(&mut decoder, 201, &frame);
        assert_eq!(got, Err(Undecoded::LinkControl));
    }
    let arp = Way::There.ethernet_of(0x0806, &[0; 28]);
    for (bytes, why) in [
        (network(&cat(&[&[0], &arp])), Undecoded::Arp),
        (
            network(&[1, 1, 2, 0x11, 0x16, 0x11, 0x15]),
            Undecoded::LinkControl,
        ),
        (network(&[0x85, 8, 0]), Undecoded::BadLink),
        (network(&[0x82, 8, 0, 5, 200, 1]), Undecoded::BadLink),
        (network(&[0, 1, 2]), Undecoded::BadLink),
        // A command, voice and an event.
        (vec![0, 0, 0, 0, 1, 3, 12, 0], Undecoded::LinkControl),
        (vec![0, 0, 0, 0, 3, 1, 0, 2, 7, 7], Undecoded::NotIp),
        (
            vec![0, 0, 0, 1, 4, 5, 4, 0, 1, 0, 8],
            Undecoded::LinkControl,
        ),
        (vec![0, 0, 0, 1, 9, 5, 4, 0], Undecoded::BadLink),
        (vec![0, 0, 0, 7, 2, 5, 4, 0], Undecoded::BadLink),
        // Attributes of low energy.
        (
            h4(Way::There, &acl(WHOLE, &l2cap(4, &[2, 0, 1]))),
            Undecoded::NotIp,
        ),
        (
            h4(Way::There, &acl(WHOLE, &l2cap(5, &[0x14, 1, 0, 0]))),
            Undecoded::LinkControl,
        ),
        (h4(Way::There, &acl(WHOLE, &[1])), Undecoded::BadLink),
    ] {
        assert_eq!(read(&mut decoder, 201, &bytes), Err(why), "{bytes:02x?}");
    }
    for (kind, why) in [
        (2, Undecoded::LinkControl),
        (3, Undecoded::LinkControl),
        (8, Undecoded::NotIp),
    ] {
        assert_eq!(decode(254, &[0, 0, 0, kind, 1, 2, 3]), Err(why));
    }
}

#[test]
fn parts_of_acl_packets_come_in_order_or_not_at_all() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(&limits);
    let held = Err(Undecoded::LinkFragment);
    let there: Vec<Vec<u8>> = parts(Way::There, 30)
        .iter()
        .map(|part| h4(Way::There, part))
        .collect();
    // Twice the same, which makes it too long.
    for at in [0, 1, 1, 2] {
        assert_eq!(read(&mut decoder, 201, &there[at]), held);
    }
    // A whole packet in between.
    let whole = h4(Way::There, &acl(WHOLE, &l2cap(0x45, &general(Way::There))));
    assert_eq!(read(&mut decoder, 201, &there[0]), held);
    assert!(read(&mut decoder, 201, &whole).is_ok());
    assert_eq!(read(&mut decoder, 201, &there[1]), held);
    // More open than there can be.
    assert_eq!(read(&mut decoder, 201, &there[0]), held);
    for handle in 0..u8::try_from(limits.acl_packets).unwrap() {
        let mut other = there[0].clone();
        other[5] = 0x40 + handle;
        assert_eq!(read(&mut decoder, 201, &other), held);
    }
    assert_eq!(read(&mut decoder, 201, &there[1]), held);
    assert_eq!(read(&mut decoder, 201, &there[2]), held);
    // Too late.
    let (last, before) = there.split_last().unwrap();
    for bytes in before {
        assert_eq!(read(&mut decoder, 201, bytes), held);
    }
    let late = Frame {
        at: Timestamp::EPOCH.plus(limits.acl_age).plus(limits.acl_age),
        ..frame(201, last)
    };
    assert_eq!(decoder.decode(&late).map(told), held);
}

#[test]
fn two_ends_without_a_direction_are_not_mixed_up() {
    let mut decoder = Decoder::new(&Limits::default());
    let one = |way, at: usize| cat(&[&[2], &parts(way, 60)[at]]);
    let held = Err(Undecoded::LinkFragment);
    assert_eq!(read(&mut decoder, 187, &one(Way::There, 0)), held);
    let mut other = one(Way::Back, 1);
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(read(&mut decoder, 187, &other), held);
    assert_eq!(read(&mut decoder, 187, &one(Way::There, 1)), held);
}

#[test]
fn commands_may_share_a_packet() {
    let mut decoder = Decoder::new(&Limits::default());
    let [request, _] = asked(Way::There, 0x0f);
    // An echo, one that nobody knows, and one that says more than is there.
    let others = [8, 8, 1, 0, 7, 0x7f, 8, 0, 0];
    let response = [3, 9, 8, 0, 0x45, 0, 0x41, 0, 0, 0, 0, 0];
    let both = cat(&[&others, &response, &[3, 9, 200, 0, 0x45]]);
    let padded = cat(&[&general(Way::There), &[0; 6]]);
    let data = h4(Way::There, &acl(WHOLE, &l2cap(0x45, &padded)));
    assert!(read(&mut decoder, 201, &request).is_err());
    assert_eq!(read(&mut decoder, 201, &data), Err(Undecoded::NotIp));
    let both = h4(Way::Back, &acl(WHOLE, &l2cap(1, &both)));
    assert_eq!(read(&mut decoder, 201, &both), Err(Undecoded::LinkControl));
    assert!(read(&mut decoder, 201, &data).is_ok());
    // Refused, or not yet granted.
    let pending = [3, 9, 8, 0, 0x46, 0, 0x41, 0, 1, 0, 0, 0];
    let pending = h4(Way::Back, &acl(WHOLE, &l2cap(1, &pending)));
    assert!(read(&mut decoder, 201, &pending).is_err());
    let data = h4(Way::There, &acl(WHOLE, &l2cap(0x46, &padded)));
    assert_eq!(read(&mut decoder, 201, &data), Err(Undecoded::NotIp));
}

#[test]
fn channels_do_not_add_up() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(&limits);
    let padded = cat(&[&general(Way::There), &[0; 6]]);
    let data = h4(Way::There, &acl(WHOLE, &l2cap(0x45, &padded)));
    for frame in asked(Way::There, 0x0f) {
        assert!(read(&mut decoder, 201, &frame).is_err());
    }
    assert!(read(&mut decoder, 201, &data).is_ok());
    for number in 0..u16::try_from(limits.bluetooth_channels).unwrap() {
        let [low, high] = number.to_le_bytes();
        let request = l2cap(1, &[2, 9, 4, 0, 1, 0, low, 0x80 | high]);
        assert!(read(&mut decoder, 201, &h4(Way::There, &acl(WHOLE, &request))).is_err());
    }
    assert_eq!(read(&mut decoder, 201, &data), Err(Undecoded::NotIp));
}

#[test]
fn parts_without_a_request_say_whose_they_are() {
    let mut decoder = Decoder::new(&Limits::default());
    let frames = parts(Way::There, 60);
    let first = cat(&[&[2], &frames[0]]);
    assert!(read(&mut decoder, 187, &first).is_err());
    assert_eq!(
        decoder.fragment_ends(),
        Some((CLIENT.into(), SERVER.into()))
    );
    let got = read(&mut decoder, 187, &cat(&[&[2], &frames[1]])).unwrap();
    assert_eq!((got.ports, got.payload), (PORTS, HELLO.to_vec()));
    assert_ne!(got.src, IpAddr::from(CLIENT_6));
}

#[test]
fn low_energy_leads_to_the_conversation() {
    for row in LOW_ENERGY {
        let mut decoder = Decoder::new(&Limits::default());
        for way in [Way::There, Way::Back] {
            let got = last(&mut decoder, row, way);
            let plain = decode(101, &way.ip6()).unwrap();
            let told = (got.src, got.dst, got.ports);
            assert_eq!(told, (plain.src, plain.dst, plain.ports), "{}", row.name);
            assert_eq!((got.payload, got.cut), (plain.payload, 0), "{}", row.name);
            // A sniffer is neither end.
            let ours = (row.link == 201).then_some(way == Way::There);
            assert_eq!(got.by_this_host, ours, "{}", row.name);
        }
    }
}

#[test]
fn radio_without_packets_has_a_reason() {
    let mut encrypted = nordic(Way::There, &[7; 30]);
    encrypted[8] |= 4;
    let mut advertisement = radio(&[7; 30]);
    advertisement[..4].copy_from_slice(&[0xd6, 0xbe, 0x89, 0x8e]);
    let kind = |kind: u8| {
        let mut packet = radio(&[7; 30]);
        packet[4] = kind;
        packet
    };
    for (link, bytes, why) in [
        (272, encrypted, Undecoded::EncryptedBluetooth),
        (
            272,
            cat(&[&[1, 6, 0, 1, 0, 0, 5], &[0; 9]]),
            Undecoded::LinkControl,
        ),
        (272, vec![0xbe, 0xef, 6, 9, 0, 0, 0, 8], Undecoded::NotIp),
        (251, advertisement, Undecoded::LinkControl),
        (251, kind(3), Undecoded::LinkControl),
        (251, kind(0), Undecoded::NotIp),
        (251, kind(1), Undecoded::LinkFragment),
        (251, radio(&l2cap(4, &[2, 0, 1])), Undecoded::NotIp),
        // Of a disk.
        (220, usb(Way::Back, &[0x55; 512]), Undecoded::UnreadUsb),
    ] {
        let got = decode(link, &bytes).unwrap_err();
        assert_eq!((got, got.is_anomaly()), (why, false), "{link} {bytes:?}");
    }
}
