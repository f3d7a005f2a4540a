//! Exchanges, told as words.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::event::Name;
use crate::flow::Side::{Client, Server};
use crate::flow::{Scope, Transport};
use crate::frame::FrameNo;
use crate::proto::tls::testing::{hex, rfc8448};
use crate::time::Timestamp;

fn ends(port: u16) -> Endpoints {
    Endpoints {
        transport: Transport::Udp,
        client: SocketAddr::from(([10, 0, 0, 5], port)),
        server: SocketAddr::from(([192, 0, 2, 1], port)),
        scope: Scope(0),
        decided: ClientBy::First,
    }
}

/// A message; `answer` is the responder's cookie or SPI, or its absence.
fn ike(version: u8, exchange: u8, flags: u8, answer: bool, next: u8, payloads: &[u8]) -> Vec<u8> {
    let mut bytes = vec![7; 8];
    bytes.extend([if answer { 9 } else { 0 }; 8]);
    bytes.extend([next, version, exchange, flags, 0, 0, 0, 1]);
    let length = u32::try_from(HEADER + payloads.len()).unwrap();
    bytes.extend(length.to_be_bytes());
    bytes.extend(payloads);
    bytes
}

fn floated(message: &[u8]) -> Vec<u8> {
    [&[0; 4], message].concat()
}

fn play(port: u16, datagrams: &[(Side, Vec<u8>)]) -> (Vec<String>, Appetite, Endpoints) {
    let (mut reader, mut ends, mut cx) = (Ike::new(), ends(port), Context::default());
    let mut appetite = Appetite::More;
    for (number, (side, bytes)) in (1..).zip(datagrams) {
        let chunk = Chunk {
            side: *side,
            offset: 0,
            at: Timestamp::from_secs(number),
            frame: FrameNo::new(number.unsigned_abs()),
            bytes,
        };
        if appetite == Appetite::More {
            appetite = reader.data(FlowId(1), &mut ends, chunk, &mut cx);
        }
    }
    let words = cx.events.iter().map(|event| match &event.kind {
        EventKind::ClientHello(hello) => {
            assert_eq!(hello.carrier, Carrier::Ike);
            format!(
                "{} hello {:?}",
                event.frame.get(),
                hello.sni.as_ref().map(Name::as_str)
            )
        }
        EventKind::ServerHello(hello) => {
            format!(
                "{} server {:04x} {:?}",
                event.frame.get(),
                hello.version,
                hello.resumed
            )
        }
        EventKind::Chain(chain) => format!("{} chain of {}", event.frame.get(), chain.certs.len()),
        EventKind::Beat(beat) => format!("{} {:?} {:?}", event.frame.get(), beat.side, beat.kind),
        EventKind::BlindSpot(spot) => format!("{spot:?}"),
        other => format!("{other:?}"),
    });
    (words.collect(), appetite, ends)
}

#[test]
fn the_authentication_is_the_handshake() {
    let datagrams = [
        (Client, ike(0x20, 34, 0x08, false, 33, &[0; 40])),
        (Server, ike(0x20, 34, 0x20, true, 33, &[0; 40])),
        (Client, ike(0x20, 35, 0x08, true, 46, &[0; 200])),
        (Server, ike(0x20, 35, 0x20, true, 46, &[0; 300])),
        // A client that refuses the certificate says so.
        (Client, ike(0x20, 37, 0x08, true, 46, &[0; 40])),
    ];
    let (words, appetite, _) = play(500, &datagrams);
    assert_eq!(
        words,
        [
            "Ipsec",
            "3 hello None",
            "3 Client ClientHello",
            "4 server 0200 Some(false)",
            "4 Server ServerFlight",
            "5 Client Encrypted",
        ]
    );
    assert_eq!(appetite, Appetite::More);
}

#[test]
fn the_key_exchange_alone_is_none() {
    let datagrams = [
        (Client, ike(0x20, 34, 0x08, false, 33, &[0; 40])),
        (Server, ike(0x20, 34, 0x20, true, 33, &[0; 40])),
    ];
    assert_eq!(play(500, &datagrams).0, ["Ipsec"]);
}

#[test]
fn behind_a_nat_it_shares_its_ports_with_the_tunnel() {
    let auth = floated(&ike(0x20, 35, 0x08, true, 46, &[0; 200]));
    let answer = floated(&ike(0x20, 35, 0x20, true, 46, &[0; 200]));
    // The gateway's side was taken for the client's.
    let datagrams = [
        (Server, auth),
        (Server, answer),
        (Client, vec![0xff]),
        (Client, vec![5; 90]),
    ];
    let (words, appetite, seen) = play(4500, &datagrams);
    assert_eq!(seen.decided, ClientBy::Payload);
    assert_eq!(
        words,
        [
            "Ipsec",
            "1 hello None",
            "1 Client ClientHello",
            "2 server 0200 Some(false)",
            "2 Server ServerFlight",
            "4 Client AppData",
        ]
    );
    assert_eq!(appetite, Appetite::Done);
}

#[test]
fn a_tunnel_alone_is_left_after_a_while() {
    let datagrams: Vec<_> = (0..100).map(|_| (Client, vec![5; 90])).collect();
    let (words, appetite, _) = play(4500, &datagrams);
    assert_eq!(
        (words, appetite),
        (vec!["Ipsec".to_owned()], Appetite::Done)
    );
}

#[test]
fn version_1_in_main_mode() {
    let datagrams = [
        (Client, ike(0x10, 2, 0, false, 1, &[0; 80])),
        (Server, ike(0x10, 2, 0, true, 1, &[0; 80])),
        (Client, ike(0x10, 2, 0, true, 4, &[0; 80])),
        (Server, ike(0x10, 2, 0, true, 4, &[0; 80])),
        (Client, ike(0x10, 2, 1, true, 5, &[0; 80])),
        (Server, ike(0x10, 2, 1, true, 5, &[0; 80])),
        (Client, ike(0x10, 32, 1, true, 8, &[0; 80])),
    ];
    assert_eq!(
        play(500, &datagrams).0,
        [
            "Ipsec",
            "5 hello None",
            "5 Client ClientHello",
            "6 server 0100 Some(false)",
            "6 Server ServerFlight",
            "7 Client Encrypted",
        ]
    );
}

#[test]
fn version_1_in_aggressive_mode_shows_the_certificate() {
    let der = hex(rfc8448::CERTIFICATE);
    let payload = |next: u8, body: &[u8]| {
        let [high, low] = u16::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[next, 0, high, low], body].concat()
    };
    let payloads = [payload(6, &[0; 20]), payload(0, &[&[4], &der[..]].concat())].concat();
    let datagrams = [
        (Client, ike(0x10, 4, 0, false, 1, &[0; 80])),
        (Server, ike(0x10, 4, 0, true, 1, &payloads)),
    ];
    let (words, _, _) = play(500, &datagrams);
    assert_eq!(
        words[2..],
        [
            "1 Client ClientHello",
            "2 server 0100 Some(false)",
            "2 chain of 1",
            "2 Server ServerFlight",
        ]
    );
}

#[test]
fn a_resumed_session_sends_no_certificate() {
    let datagrams = [
        (Client, ike(0x20, 38, 0x08, false, 40, &[0; 80])),
        (Server, ike(0x20, 38, 0x20, true, 40, &[0; 80])),
        (Client, ike(0x20, 35, 0x08, true, 46, &[0; 80])),
        (Server, ike(0x20, 35, 0x20, true, 46, &[0; 80])),
    ];
    let words = play(500, &datagrams).0;
    assert!(
        words.contains(&"4 server 0200 Some(true)".to_owned()),
        "{words:?}"
    );
}

#[test]
fn only_on_its_ports_and_of_its_own_length() {
    let message = ike(0x20, 34, 0x08, false, 33, &[0; 40]);
    assert!(looks_like_ike(&message, &ends(500)));
    assert!(looks_like_ike(&floated(&message), &ends(4500)));
    assert!(!looks_like_ike(&message, &ends(4500)));
    assert!(!looks_like_ike(&message, &ends(443)));
    assert!(!looks_like_ike(&message[..60], &ends(500)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes(
        datagrams in prop::collection::vec((any::<bool>(), 0_u8..8, prop::collection::vec(any::<u8>(), 0..120)), 0..12),
    ) {
        let datagrams: Vec<_> = datagrams.into_iter().map(|(client, kind, bytes)| {
            let side = if client { Client } else { Server };
            let datagram = match kind {
                0 => bytes,
                1 => ike(0x10, 4, 0, !client, 6, &bytes),
                2 => ike(0x10, 2, 1, true, 5, &bytes),
                _ => ike(0x20, 32 + kind, bytes.first().copied().unwrap_or_default(), !client, 46, &bytes),
            };
            (side, datagram)
        }).collect();
        play(500, &datagrams);
        play(4500, &datagrams);
    }
}
