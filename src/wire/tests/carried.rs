//! Streams that carry packets, and what goes through the wire room again from them.

use std::net::SocketAddr;

use ring::aead;

mod shares;

use super::build::{self, CLIENT, PORTS, SERVER, Way, cat};
use super::fixtures::wlan;
use super::*;
use crate::crypto::Hash;
use crate::engine::Extractor;
use crate::event::{Event, EventKind};
use crate::proto::tls::testing::{hex, rfc8448};

/// A connection between two ends, of which one speaks after the other.
struct Connection {
    port: u16,
    next: [u32; 2],
    frames: Vec<Vec<u8>>,
}

impl Connection {
    fn to(port: u16) -> Self {
        let mut new = Self {
            port,
            next: [100, 900],
            frames: Vec::new(),
        };
        new.segment(Way::There, 0x02, &[]);
        new.segment(Way::Back, 0x12, &[]);
        new.segment(Way::There, 0x10, &[]);
        new
    }

    fn segment(&mut self, way: Way, flags: u8, payload: &[u8]) {
        let (own, other, ports) = match way {
            Way::There => (0, 1, (50_000, self.port)),
            Way::Back => (1, 0, (self.port, 50_000)),
        };
        let ack = if flags & 0x10 == 0 {
            0
        } else {
            self.next[other]
        };
        let header = cat(&[
            &ports.0.to_be_bytes(),
            &ports.1.to_be_bytes(),
            &self.next[own].to_be_bytes(),
            &ack.to_be_bytes(),
            &[0x50, flags, 0x10, 0, 0, 0, 0, 0],
        ]);
        self.next[own] += u32::try_from(payload.len()).unwrap() + u32::from(flags >> 1 & 1);
        self.frames.push(way.outer(6, &cat(&[&header, payload])));
    }

    /// In so many bytes at a time.
    fn say(&mut self, way: Way, most: usize, bytes: &[u8]) {
        for part in bytes.chunks(most) {
            self.segment(way, 0x18, part);
        }
    }
}

/// A stream: its port, what either end says first, and the message in which a frame is.
pub(super) struct Carrying {
    pub(super) name: &'static str,
    port: u16,
    /// One exchange after the other.
    first: fn() -> Vec<[Vec<u8>; 2]>,
    /// Who sends it.
    by: Way,
    message: fn(Way) -> Vec<u8>,
}

impl Carrying {
    /// The frames of the stream with one message, of which the last makes it whole.
    pub(super) fn frames(&self, way: Way, most: usize) -> Vec<Vec<u8>> {
        let mut connection = Connection::to(self.port);
        for [client, server] in (self.first)() {
            connection.say(Way::There, most, &client);
            connection.say(Way::Back, most, &server);
        }
        connection.say(self.by, most, &(self.message)(way));
        connection.frames
    }
}

const HELLO_1: [u8; 8] = [1, 0, 0, 8, 0, 0, 0, 1];
const HELLO_4: [u8; 16] = [4, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 16];

fn asked(version: u8, head: &[u8], frame: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + head.len() + frame.len()).unwrap();
    let start = cat(&[&[version, 10], &length.to_be_bytes(), &[0, 0, 0, 2]]);
    cat(&[&start, head, frame])
}

fn asked_1(way: Way) -> Vec<u8> {
    let frame = way.ethernet();
    let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
    asked(1, &cat(&[&[0xff; 4], &length, &[0, 1, 0, 0]]), &frame)
}

fn asked_4(way: Way) -> Vec<u8> {
    let frame = way.ethernet();
    let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
    let matched = [0, 1, 0, 12, 0x80, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0];
    let head = cat(&[&[0xff; 4], &length, &[0; 10], &matched, &[0, 0]]);
    asked(4, &head, &frame)
}

fn drone(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    cat(&[&[0xde, 0xad, 0xbe, 0xef, 0, 0, 0, kind], &length, body])
}

fn heard(parts: u8, before: &[u8], link: u8, frame: &[u8]) -> Vec<u8> {
    let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
    let head = cat(&[
        &[0x80, 0, 0, parts, 0, 0, 0, 0],
        before,
        &[0, 44, 0, 0, 0, 31],
    ]);
    let fields = cat(&[&[7; 16], &length, &[0; 16], &[0, 0, 0, link]]);
    drone(3, &cat(&[&head, &fields, frame]))
}

fn drone_hello() -> [Vec<u8>; 2] {
    [Vec::new(), drone(1, &[0; 68])]
}

fn heads() -> [Vec<u8>; 2] {
    let request = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n\
        Host: vpn.example\r\nContent-Length: 18446744073709551615\r\n\r\n";
    let answer = "HTTP/1.1 200\r\nContent-Length: 18446744073709551615\r\n\r\n";
    [request.into(), answer.into()]
}

fn sstp(control: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + body.len()).unwrap().to_be_bytes();
    cat(&[&[0x10, control], &length, body])
}

fn copied(format: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let sequence = [0, 8, 0, 4, 0, 0, 0, 1];
    let head = [&[0, 1, 0, 2, 0, 0, 0, 48][..], &length, &[0, format, 0, 2]].concat();
    cat(&[&head, &[5; 24], &sequence, payload])
}

pub(super) static CARRYING: &[Carrying] = &[
    Carrying {
        name: "OpenFlow 1.0",
        port: 6653,
        first: || vec![[HELLO_1.to_vec(), HELLO_1.to_vec()]],
        by: Way::There,
        message: asked_1,
    },
    Carrying {
        name: "OpenFlow 1.3",
        port: 6653,
        first: || vec![[HELLO_4.to_vec(), HELLO_4.to_vec()]],
        by: Way::There,
        message: asked_4,
    },
    Carrying {
        name: "drone of Kismet, 802.11",
        port: 2502,
        first: || vec![drone_hello()],
        by: Way::Back,
        message: |way| heard(0, &[], 105, &wlan(way, 0x08, &[])),
    },
    Carrying {
        name: "drone of Kismet, radiotap, with all that is known",
        port: 2502,
        first: || vec![drone_hello()],
        by: Way::Back,
        message: |way| {
            let before = cat(&[&[0; 4], &[0, 30], &[0; 28], &[0, 68], &[0; 66]]);
            let frame = cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], &wlan(way, 0x08, &[])]);
            heard(7, &before, 127, &frame)
        },
    },
    Carrying {
        name: "SSTP",
        port: 8080,
        first: || vec![heads()],
        by: Way::There,
        message: |way| {
            let request = sstp(1, &[0, 1, 0, 1, 0, 1, 0, 6, 0, 1]);
            cat(&[&request, &sstp(0, &cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]))])
        },
    },
    Carrying {
        name: "copies for authorities, IPv4",
        port: 7777,
        first: Vec::new,
        by: Way::There,
        message: |way| copied(5, &way.ip4()),
    },
    Carrying {
        name: "copies for authorities, IPv6",
        port: 7777,
        first: Vec::new,
        by: Way::There,
        message: |way| copied(6, &way.ip6()),
    },
    Carrying {
        name: "copies for authorities, Ethernet",
        port: 7777,
        first: Vec::new,
        by: Way::There,
        message: |way| copied(7, &way.ethernet()),
    },
    Carrying {
        name: "copies for authorities, RTP",
        port: 7777,
        first: Vec::new,
        by: Way::There,
        message: |way| {
            let head = [0x80, 33, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9];
            copied(8, &cat(&[&head, &carriers::broadcast(&way.ip4())]))
        },
    },
    Carrying {
        name: "copies for authorities, GTP-U",
        port: 7777,
        first: Vec::new,
        by: Way::There,
        message: |way| {
            let packet = way.ip4();
            let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
            copied(12, &cat(&[&[0x30, 0xff], &length, &[0, 0, 0, 7], &packet]))
        },
    },
];

/// Records behind the handshake of RFC 8448 section 3, from a sender's number on.
fn sealed(secret: &str, first: u8, texts: &[Vec<u8>]) -> Vec<u8> {
    let (mut key, mut iv) = ([0; 16], [0; 12]);
    let prk = Hash::Sha256.prk(&hex(secret));
    assert!(prk.expand_label("key", &mut key));
    assert!(prk.expand_label("iv", &mut iv));
    let record = |(number, text): (u8, &Vec<u8>)| {
        let mut body = cat(&[text, &[23]]);
        let length = u16::try_from(body.len() + 16).unwrap().to_be_bytes();
        let header = [23, 3, 3, length[0], length[1]];
        let mut nonce = iv;
        nonce[11] ^= number;
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, &key).unwrap();
        aead::LessSafeKey::new(key)
            .seal_in_place_append_tag(nonce, aead::Aad::from(&header), &mut body)
            .unwrap();
        cat(&[&header, &body])
    };
    (first..).zip(texts).flat_map(record).collect()
}

fn hellos() -> [Vec<u8>; 2] {
    let server = cat(&[&hex(rfc8448::SERVER_HELLO), &hex(rfc8448::SERVER_FLIGHT)]);
    [hex(rfc8448::CLIENT_HELLO), server]
}

/// The key log of that connection.
fn keys() -> Vec<u8> {
    let line = |label: &str, secret: &str| format!("{label} {} {secret}\n", rfc8448::RANDOM);
    let lines = [
        line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", rfc8448::CLIENT_HANDSHAKE),
        line("SERVER_HANDSHAKE_TRAFFIC_SECRET", rfc8448::SERVER_HANDSHAKE),
        line("CLIENT_TRAFFIC_SECRET_0", rfc8448::CLIENT_TRAFFIC),
        line("SERVER_TRAFFIC_SECRET_0", rfc8448::SERVER_TRAFFIC),
    ];
    lines.concat().into_bytes()
}

/// With the keys of TLS.
pub(super) static KEYED: &[Carrying] = &[
    Carrying {
        name: "SSTP in TLS",
        port: 443,
        first: || {
            let [request, answer] = heads();
            let client = [
                hex(rfc8448::CLIENT_FINISHED),
                sealed(rfc8448::CLIENT_TRAFFIC, 0, &[request]),
            ];
            let server = sealed(rfc8448::SERVER_TRAFFIC, 0, &[answer]);
            vec![hellos(), [client.concat(), server]]
        },
        by: Way::There,
        message: |way| {
            let frame = sstp(0, &cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]));
            sealed(rfc8448::CLIENT_TRAFFIC, 1, &[frame])
        },
    },
    Carrying {
        name: "copies for authorities in TLS",
        port: 7777,
        first: || vec![hellos(), [hex(rfc8448::CLIENT_FINISHED), Vec::new()]],
        by: Way::There,
        message: |way| {
            let copy = copied(7, &way.ethernet());
            sealed(rfc8448::CLIENT_TRAFFIC, 0, &[copy])
        },
    },
    Carrying {
        name: "copies for authorities in TLS, two in three records",
        port: 7777,
        first: || vec![hellos(), [hex(rfc8448::CLIENT_FINISHED), Vec::new()]],
        by: Way::There,
        message: |way| {
            let copy = copied(7, &way.ethernet());
            let other = copied(2, &[0; 9]);
            let records = [
                cat(&[&other, &copy[..60]]),
                copy[60..90].to_vec(),
                copy[90..].to_vec(),
            ];
            sealed(rfc8448::CLIENT_TRAFFIC, 0, &records)
        },
    },
];

/// With the master secret of TLS 1.2; the name, the key log, and the frames.
pub(super) fn older() -> Vec<(&'static str, String, Vec<Vec<u8>>)> {
    let texts = [
        (
            "SSTP in TLS 1.2, AES-128",
            include_str!("carried/aes128.txt"),
        ),
        (
            "SSTP in TLS 1.2, AES-256",
            include_str!("carried/aes256.txt"),
        ),
        (
            "SSTP in TLS 1.2, ChaCha20",
            include_str!("carried/chacha20.txt"),
        ),
        (
            "SSTP in TLS 1.2, CBC with SHA-256 outside",
            include_str!("carried/cbc-sha256.txt"),
        ),
        (
            "SSTP in TLS 1.2, CBC with SHA-384 inside",
            include_str!("carried/cbc-sha384-inside.txt"),
        ),
        (
            "SSTP in TLS 1.1, CBC",
            include_str!("carried/cbc-tls11.txt"),
        ),
        (
            "SSTP in TLS 1.0, CBC",
            include_str!("carried/cbc-tls10.txt"),
        ),
    ];
    let read = |(name, text): (&'static str, &str)| {
        let mut connection = Connection::to(443);
        let mut log = String::new();
        for line in text.lines() {
            match line.split_once(' ').unwrap() {
                ("0", said) => connection.say(Way::There, 1_400, &hex(said)),
                ("1", said) => connection.say(Way::Back, 1_400, &hex(said)),
                _ => log = line.to_owned(),
            }
        }
        (name, log, connection.frames)
    };
    texts.into_iter().map(read).collect()
}

#[test]
fn what_tls_1_2_carries_is_read_with_its_keys() {
    for (name, log, mut frames) in older() {
        let with = |log: &str, frames: &[Vec<u8>]| {
            let mut extractor = Extractor::new(Limits::default());
            extractor.secrets(log.as_bytes());
            opened(&events_of(extractor, frames)).len()
        };
        assert_eq!(with(&log, &frames), 2, "{name}");
        assert_eq!(with("", &frames), 1, "{name}");
        let other = log.replace(&log[80..90], "0123456789");
        assert_eq!(with(&other, &frames), 1, "{name}");
        // Without one of its segments.
        frames.remove(frames.len() - 2);
        assert_eq!(with(&log, &frames), 2, "{name}");
        frames.remove(frames.len() - 2);
        assert_eq!(with(&log, &frames), 1, "{name}");
    }
}

/// Keys before or behind the frames.
#[test]
fn what_tls_carries_is_read_with_its_keys() {
    for row in KEYED {
        for (keys_after, most) in [(false, 1_400), (false, 200), (true, 1_400)] {
            // What comes behind an answer is not held for keys that may come.
            if keys_after && row.name.starts_with("SSTP") {
                continue;
            }
            let frames = row.frames(Way::There, most);
            let mut extractor = Extractor::new(Limits::default());
            extractor.expect_secrets();
            let secrets = |extractor: &mut Extractor, now: bool| {
                assert!(!now || extractor.secrets(&keys()) == 4);
            };
            secrets(&mut extractor, !keys_after);
            for (number, bytes) in frames.iter().enumerate() {
                extractor.push(timed(number, bytes));
            }
            secrets(&mut extractor, keys_after);
            let told = opened(&extractor.take_events());
            let last = FrameNo::new(frames.len().try_into().unwrap());
            let [_, (client, _, scope, frame)] = told.as_slice() else {
                panic!("{} {most}: {told:?}", row.name);
            };
            assert_eq!((client.port(), *frame), (PORTS.0, last), "{}", row.name);
            assert_ne!(*scope, Scope::default());
        }
        // Without them it is TLS, and nothing is waited for.
        let frames = row.frames(Way::There, 1_400);
        assert_eq!(opened(&events(&frames)).len(), 1);
    }
}

fn timed(number: usize, bytes: &[u8]) -> Frame<'_> {
    let at = i64::try_from(number).unwrap();
    Frame {
        no: FrameNo::new(at.unsigned_abs() + 1),
        at: Timestamp::from_nanos(at * 1_000_000),
        ..frame(1, bytes)
    }
}

/// All that is told of some frames.
fn events(frames: &[Vec<u8>]) -> Vec<Event> {
    events_of(Extractor::new(Limits::default()), frames)
}

fn events_of(mut extractor: Extractor, frames: &[Vec<u8>]) -> Vec<Event> {
    for (number, bytes) in frames.iter().enumerate() {
        extractor.push(timed(number, bytes));
    }
    extractor.close();
    extractor.take_events()
}

/// Connections that were opened, each with the frame.
fn opened(events: &[Event]) -> Vec<(SocketAddr, SocketAddr, Scope, FrameNo)> {
    let flows = events.iter().filter_map(|event| match &event.kind {
        EventKind::FlowOpened(flow) => {
            let ends = flow.ends;
            Some((ends.client, ends.server, ends.scope, event.frame))
        }
        _ => None,
    });
    flows.collect()
}

#[test]
fn every_stream_leads_to_the_conversation() {
    for row in CARRYING {
        for (way, most) in [(Way::There, 1_400), (Way::Back, 1_400), (Way::There, 1)] {
            let frames = row.frames(way, most);
            let found = opened(&events(&frames));
            let [outer, inner] = found.as_slice() else {
                panic!("{} {most}: {found:?}", row.name);
            };
            assert_eq!(outer.2, Scope::default());
            assert_ne!(inner.2, Scope::default());
            assert_eq!((inner.0.port(), inner.1.port()), PORTS, "{}", row.name);
            if inner.0.is_ipv4() {
                let ends: (IpAddr, IpAddr) = (CLIENT.into(), SERVER.into());
                assert_eq!((inner.0.ip(), inner.1.ip()), ends, "{}", row.name);
            }
            let last = u64::try_from(frames.len()).unwrap();
            assert_eq!(inner.3, FrameNo::new(last), "{}", row.name);
        }
    }
}

#[test]
fn segments_may_come_twice_and_in_another_order() {
    for row in CARRYING {
        let mut frames = row.frames(Way::There, 40);
        let last = frames.len() - 1;
        frames.swap(last, last - 1);
        frames.insert(last - 2, frames[last - 2].clone());
        let found = opened(&events(&frames));
        assert_eq!(found.len(), 2, "{}", row.name);
        assert_eq!(found[1].3, FrameNo::new(frames.len().try_into().unwrap()));
    }
}

#[test]
fn what_only_begins_like_such_a_stream_carries_nothing() {
    let packet = Way::There.ip4();
    let changed = |message: &[u8], at: usize, value: u8| {
        let mut bytes = message.to_vec();
        bytes[at] = value;
        bytes
    };
    let copy = copied(5, &packet);
    for (port, bytes) in [
        // On another port; another version, kind or length.
        (6_000, asked_1(Way::There)),
        (6653, changed(&asked_1(Way::There), 0, 9)),
        (6653, changed(&asked_1(Way::There), 1, 11)),
        (6653, changed(&asked_1(Way::There), 3, 4)),
        (2502, heard(0, &[], 1, &Way::There.ethernet())),
        (2502, changed(&heard(0, &[], 105, &packet), 3, 0xee)),
        (2502, changed(&heard(0, &[], 105, &packet), 9, 9)),
        (7777, changed(&copy, 1, 2)),
        (7777, changed(&copy, 7, 39)),
        (7777, changed(&copy, 9, 9)),
        (7777, changed(&copy, 13, 4)),
        (7777, copied(8, &packet)),
        (7777, copied(12, &packet)),
        (8080, sstp(0, &cat(&[&[0xff, 3, 0, 0x21], &packet]))),
    ] {
        let mut connection = Connection::to(port);
        connection.say(Way::There, 1_400, &bytes);
        connection.say(Way::There, 1_400, &bytes);
        assert_eq!(opened(&events(&connection.frames)).len(), 1, "{port}");
    }
    // Behind a hole nothing tells where a message begins.
    let mut connection = Connection::to(7777);
    connection.say(Way::There, 1_400, &copied(10, &[0; 300]));
    connection.next[0] += 5;
    connection.say(Way::There, 1_400, &copy);
    assert_eq!(opened(&events(&connection.frames)).len(), 1);
    // Such a request of HTTP is no other, and TLS stays TLS wherever it goes.
    let mut connection = Connection::to(6653);
    connection.say(Way::There, 1_400, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    connection.say(Way::There, 1_400, &asked_1(Way::There));
    assert_eq!(opened(&events(&connection.frames)).len(), 1);
}

/// Each stream costs one of the layers that a packet may have.
#[test]
fn streams_in_streams_come_to_an_end() {
    let depth = Limits::default().tunnel_depth;
    let mut packet = Way::There.ip4();
    for level in 0..depth + 3 {
        let mut connection = Connection::to(7777);
        connection.say(Way::There, 60_000, &copied(5, &packet));
        // The last segment alone, which begins a message.
        packet = connection.frames.pop().unwrap()[14..].to_vec();
        let told = opened(&events(&[Way::There.outer_ethernet(0x0800, &packet)]));
        assert_eq!(told.len(), (level + 2).min(depth), "{level}");
    }
}
