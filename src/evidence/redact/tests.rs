use std::sync::Arc;

use smallvec::smallvec;

use super::*;
use crate::finding::{Device, DeviceId, Finding};
use crate::report::redact::Redaction;
use crate::report::sample;
use crate::wire::{Datagram, Segment};

/// A report of one contact by 10.0.0.5, aa:bb:cc:00:11:22.
fn redactor(sites: bool) -> Redactor {
    let (mut report, _) = sample::report();
    let outside = "203.0.113.77".parse().unwrap();
    report.devices.push(Device {
        id: DeviceId(9),
        label: "outside".into(),
        mac: None,
        addresses: vec![outside, "2001:41d0::1c".parse().unwrap()],
        shared: false,
        clients: vec![],
        blind: std::collections::BTreeMap::new(),
    });
    report.lookups.push(Arc::new(crate::finding::Lookup {
        at: sample::START,
        client: "10.0.0.5:5000".parse().unwrap(),
        server: "10.0.0.1:53".parse().unwrap(),
        name: Name::new("shop.example"),
        qtype: 1,
        outcome: crate::event::DnsOutcome::Answered,
        addresses: vec![],
        chain: vec![],
        took: None,
        frames: smallvec![FrameNo::new(10)],
    }));
    let selected: Vec<&Finding> = report.findings.iter().collect();
    let mut plan = Plan::new(&report, &selected);
    plan.comments.entry(FrameNo::new(10)).or_default();
    Redactor::new(
        Redaction {
            key: [7; 32],
            sites,
        }
        .hider(&report),
        &report,
        &plan,
    )
}

/// Cleans a conversation in segments of `size` bytes, and gives back what is written of both sides.
fn talk(
    redactor: &mut Redactor,
    client: &[u8],
    server: &[u8],
    port: u16,
    size: usize,
) -> [Vec<u8>; 2] {
    let ends = [("10.0.0.5", 40_000), ("93.184.216.34", port)];
    let mut segments = Vec::new();
    for (from, bytes) in [(0, client), (1, server)] {
        let mut seq = 1_000_u32;
        for part in bytes.chunks(size) {
            segments.push((from, seq, part));
            seq += u32::try_from(part.len()).unwrap();
        }
    }
    let packet = |from: usize, seq, payload| {
        let [(src, src_port), (dst, dst_port)] = [ends[from], ends[1 - from]];
        Packet {
            scope: Scope::default(),
            base: Scope::default(),
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            ttl: 64,
            mac: None,
            by_this_host: None,
            device: None,
            body: Body::Tcp(Segment {
                src_port,
                dst_port,
                seq,
                ack: 0,
                flags: Segment::ACK,
                window: 500,
                options: &[],
                payload,
                cut: 0,
            }),
        }
    };
    for (no, (from, seq, part)) in (1..).zip(&segments) {
        redactor.collect(FrameNo::new(no), &packet(*from, *seq, part));
    }
    redactor.clean();
    let mut shown = [Vec::new(), Vec::new()];
    for (no, (from, seq, part)) in (1..).zip(&segments) {
        let frame = Frame {
            no: FrameNo::new(no),
            at: sample::START,
            link: LinkType::RAW,
            interface: crate::frame::InterfaceId(0),
            wire_len: 0,
            crossing: None,
            comment: None,
            bytes: &[],
        };
        let made = redactor
            .rewrite(&frame, &packet(*from, *seq, part), false)
            .unwrap();
        shown[*from].extend(&made.bytes[14 + 40..]);
    }
    shown
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn heads_keep_what_is_harmless_however_they_are_cut_into_segments() {
    let asks = b"GET /17.crl?user=alice HTTP/1.1\r\nHost: r10.o.lencr.org\r\nCookie: id=alice\r\n\
        X-Forwarded-For: 10.0.0.5\r\nUser-Agent: Probe from 10.0.0.5, 203.0.113.77\r\n\r\n\
        GET http://intranet.example/alice HTTP/1.1\r\nHost: intranet.example\r\nContent-Length: 5\r\n\r\nalice";
    let answers = b"HTTP/1.1 200 Hi alice\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\
        Set-Cookie: a\r\n\r\nHello 10.0.0.5!HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nalice\r\n0\r\n\r\n";
    for size in [1, 2, 7, 64, 4_096] {
        let [asked, answered] = talk(&mut redactor(false), asks, answers, 80, size);
        let (asked, answered) = (text(&asked), text(&answered));
        assert_eq!((asked.len(), answered.len()), (asks.len(), answers.len()));
        for secret in ["alice", "10.0.0.5", "203.0.113.77", "id="] {
            assert!(
                !asked.contains(secret) && !answered.contains(secret),
                "{secret}: {asked}{answered}"
            );
        }
        assert!(
            asked.starts_with(
                "GET /17.crlxxxxxxxxxxx HTTP/1.1\r\nHost: r10.o.lencr.org\r\nCookie: xx"
            )
        );
        assert!(asked.contains("User-Agent: Probe from 00.0.0.0, 000.0.000.00\r\n"));
        assert!(asked.contains("GET http://intranet.examplexxxxxx HTTP/1.1\r\n"));
        assert!(answered.contains("5\r\nxxxxx\r\n0\r\n\r\n"));
        assert!(answered.contains("Content-Length: 15\r\n"));
    }
}

#[test]
fn an_address_in_any_writing_is_found() {
    let rules = redactor(false).rules;
    for secret in [
        "10.0.0.5",
        "ip-10-0-0-5.example",
        "host77.113.0.203.in-addr.arpa",
        "0a000005",
        "CB00714D",
        "192.168.7.9",
        "2001:41d0::1c",
        "2001:41D0:0:0:0:0:0:1C",
        "fd12::9",
        "[fe80::1]",
        "aa:bb:cc:00:11:22",
        "AA-BB-CC-00-11-22",
        "aabbcc001122",
        "x10.0.0.5y",
        "::ffff:10.0.0.5",
    ] {
        let mut bytes = format!("before {secret} after").into_bytes();
        sweep::sweep(&mut bytes, &[], &rules);
        let shown = text(&bytes);
        assert!(
            shown.starts_with("before ") && shown.ends_with(" after"),
            "{shown}"
        );
        assert!(!shown.contains(secret), "{shown}");
    }
    for harmless in [
        "110.0.0.55.1",
        "93.184.216.34",
        "1.2.840.113549",
        "8.8.8.8",
        "Chrome/153.0.0.0",
    ] {
        let mut bytes = harmless.as_bytes().to_vec();
        sweep::sweep(&mut bytes, &[], &rules);
        assert_eq!(text(&bytes), harmless);
    }
    let mut binary = vec![
        1, 10, 0, 0, 5, 2, 203, 0, 113, 77, 3, 0xaa, 0xbb, 0xcc, 0, 0x11, 0x22,
    ];
    let before = binary.clone();
    sweep::sweep(&mut binary, std::slice::from_ref(&(0..17)), &rules);
    assert_eq!(binary, before, "a coincidence inside a public object");
    sweep::sweep(&mut binary, &[], &rules);
    assert_eq!([binary[0], binary[5], binary[10]], [1, 2, 3]);
    assert!(!binary.windows(3).any(|w| {
        before
            .windows(3)
            .any(|b| w == b && !w.contains(&2) && !w.contains(&3))
    }));
}

#[test]
fn lookups_show_their_names_and_no_client() {
    let mut query = vec![0, 7, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 4];
    query.extend(b"shop\x07example\0\0\x01\0\x01");
    query.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x09");
    // OPT with a client subnet.
    query.extend(b"\0\0\x29\x10\0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\x0a\0\0");
    let rules = redactor(false).rules;
    let mut shown = query.clone();
    assert!(dns::message(&mut shown, &rules));
    assert!(shown.windows(4).any(|w| w == b"shop"));
    assert!(
        !shown.windows(4).any(|w| w == [10, 0, 0, 9]),
        "an address inside"
    );
    assert!(
        shown.ends_with(&[0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0]),
        "{shown:?}"
    );
    assert_eq!(shown.len(), query.len());
    for cut in 0..query.len() {
        let mut part = query[..cut].to_vec();
        dns::message(&mut part, &rules);
    }
    // With sites hidden, or about another name, nothing is shown.
    assert!(!dns::message(&mut query.clone(), &redactor(true).rules));
    let mut other = query.clone();
    other[13] = b'c';
    assert!(!dns::message(&mut other, &rules));
    let mut stream = [
        &[0, 3, 9, 9, 9][..],
        &u16::try_from(query.len()).unwrap().to_be_bytes(),
        &query,
    ]
    .concat();
    assert_eq!(dns::stream(&mut stream, &rules), stream.len());
    assert_eq!(stream[..5], [0, 3, 0, 0, 0]);
    assert!(stream.windows(4).any(|w| w == b"shop"));
}

#[test]
fn proxies_lose_users_and_addresses() {
    let hello = [22, 3, 1, 0, 4, 1, 0, 0, 0];
    let answer = [22, 3, 3, 0, 4, 2, 0, 0, 0];
    let socks = [
        &b"\x05\x01\x02\x01\x05alice\x06secret\x05\x01\0\x01\x5d\xb8\xd8\x22\x01\xbb"[..],
        &hello,
    ]
    .concat();
    let replies = [
        &b"\x05\x02\x01\0\x05\0\0\x01\x0a\0\0\x05\x1f\x90"[..],
        &answer,
    ]
    .concat();
    let [asked, answered] = talk(&mut redactor(false), &socks, &replies, 1080, 3);
    assert_eq!((asked.len(), answered.len()), (socks.len(), replies.len()));
    assert!(!text(&asked).contains("alice") && !text(&asked).contains("secret"));
    assert!(
        asked.windows(4).any(|w| w == [0x5d, 0xb8, 0xd8, 0x22]),
        "the site"
    );
    assert!(asked.ends_with(&hello) && answered.ends_with(&answer));
    assert!(!answered.windows(4).any(|w| w == [10, 0, 0, 5]));

    let connect = [&b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\nProxy-Authorization: Basic YWxpY2U=\r\n\r\n"[..], &hello].concat();
    let replies = [
        &b"HTTP/1.1 200 Connection established\r\nVia: gate.corp\r\n\r\n"[..],
        &answer,
    ]
    .concat();
    let [asked, answered] = talk(&mut redactor(false), &connect, &replies, 3128, 11);
    assert!(
        text(&asked).starts_with("CONNECT shop.example:443 HTTP") && !text(&asked).contains("YWxp")
    );
    assert!(
        asked.ends_with(&hello) && answered.ends_with(&answer) && !text(&answered).contains("gate")
    );
    let [asked, _] = talk(&mut redactor(true), &connect, &replies, 3128, 11);
    assert!(!text(&asked).contains("shop"), "{}", text(&asked));
    assert!(!asked.ends_with(&hello));
}

#[test]
fn what_nobody_knows_is_left_out() {
    let [asked, answered] = talk(
        &mut redactor(false),
        b"USER alice\r\n",
        b"hello alice\r\n",
        7_777,
        5,
    );
    assert!(asked.is_empty() && answered.is_empty());
    let rules = redactor(false).rules;
    let unknown = Datagram {
        src_port: 1_900,
        dst_port: 1_900,
        payload: b"alice",
        cut: 0,
    };
    assert!(!clean::datagram(
        &unknown,
        &mut b"alice".to_vec(),
        false,
        &rules
    ));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_taken(
        client in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        server in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        start in 0..8_usize,
        port in proptest::sample::select(vec![53_u16, 80, 443]),
        size in 1..40_usize,
        sites in proptest::prelude::any::<bool>(),
    ) {
        let starts: [(&[u8], &[u8]); 8] = [
            (b"", b""),
            (b"GET / HTTP/1.1\r\nHost: r10.o.lencr.org\r\nContent-Length: 9\r\n", b"HTTP/1.1 200 OK\r\n"),
            (b"POST / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (b"\x05\x01\x02", b"\x05\x02"),
            (b"\x04\x01", b"\0\x5a"),
            (b"\x16\x03\x01", b"\x16\x03\x03"),
            (b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
            (b"EHLO a\r\n\x16\x03\x01\0\x09\x01\0", b"220 "),
        ];
        let (c, s) = starts[start];
        let (client, server) = ([c, client.as_slice()].concat(), [s, server.as_slice()].concat());
        let [asked, answered] = talk(&mut redactor(sites), &client, &server, port, size);
        proptest::prop_assert!(asked.len() <= client.len() && answered.len() <= server.len());
        let [whole, _] = talk(&mut redactor(sites), &client, &server, port, 4_096);
        proptest::prop_assert_eq!(asked, whole, "any split gives the same");
    }
}
