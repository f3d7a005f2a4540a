//! Whole connections, told as words.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::event::EventKind;
use crate::flow::Side::{Client, Server};
use crate::flow::{Scope, Transport};
use crate::frame::FrameNo;
use crate::proto::tls::testing::{Hello, hex, rfc8448, vec8, vec16, vec24};
use crate::time::Timestamp;

/// A connection: datagrams in, words out.
struct Talk {
    dtls: Dtls,
    ends: Endpoints,
    cx: Context,
    frame: u64,
    appetite: Appetite,
}

impl Talk {
    fn new() -> Self {
        let address = |last: u8, port| SocketAddr::from(([192, 0, 2, last], port));
        Self {
            dtls: Dtls::new(),
            ends: Endpoints {
                transport: Transport::Udp,
                client: address(1, 50_000),
                server: address(2, 443),
                scope: Scope(0),
                decided: ClientBy::First,
            },
            cx: Context::default(),
            frame: 0,
            appetite: Appetite::More,
        }
    }

    fn say(&mut self, side: Side, datagram: &[u8]) -> &mut Self {
        self.frame += 1;
        let chunk = Chunk {
            side,
            offset: 0,
            at: Timestamp::from_nanos(i64::try_from(self.frame).unwrap() * 10_000_000),
            frame: FrameNo::new(self.frame),
            bytes: datagram,
        };
        if self.appetite == Appetite::More {
            let (ends, cx) = (&mut self.ends, &mut self.cx);
            self.appetite = self.dtls.data(FlowId(1), ends, chunk, cx);
        }
        self
    }

    /// What was reported from beginning to end, without beats.
    fn facts(mut self) -> Vec<String> {
        self.dtls.end(FlowId(1), &mut self.cx);
        assert_eq!(self.cx.held().crypto, 0);
        let facts = self.cx.events.iter().filter_map(|event| word(&event.kind));
        facts.collect()
    }
}

fn word(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::Beat(_) => return None,
        EventKind::ClientHello(hello) => {
            let name = hello.sni.as_ref().map_or("-", |name| name.as_str());
            let again = if hello.second { " again" } else { "" };
            format!(
                "hello {name} {}{again}",
                hello.ja4.get(..4).unwrap_or("cut")
            )
        }
        EventKind::ServerHello(hello) if hello.retry => "retry".to_owned(),
        EventKind::ServerHello(hello) => {
            format!("server {:04x} {:?}", hello.version, hello.resumed)
        }
        EventKind::Chain(chain) => {
            let whole = if chain.complete { "" } else { " incomplete" };
            format!("chain {:?} of {}{whole}", chain.side, chain.certs.len())
        }
        EventKind::Alert(alert) => format!("alert {:?} {:?}", alert.side, alert.description),
        EventKind::Anomaly(anomaly) => anomaly.detail.to_owned(),
        other => format!("{other:?}"),
    })
}

/// A record of DTLS 1.2.
fn record(kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let [high, low] = epoch.to_be_bytes();
    [
        &[kind, 0xfe, 0xfd, high, low, 0, 0, 0, 0, 0, 1][..],
        &vec16(body),
    ]
    .concat()
}

/// A fragment of a handshake message, in a record of its own.
fn fragment(kind: u8, number: u16, body: &[u8], from: usize, to: usize) -> Vec<u8> {
    let three = |number: usize| u32::try_from(number).unwrap().to_be_bytes()[1..].to_vec();
    let head = [
        vec![kind],
        three(body.len()),
        number.to_be_bytes().to_vec(),
        three(from),
        three(to - from),
    ];
    record(22, 0, &[&head.concat()[..], &body[from..to]].concat())
}

fn message(kind: u8, number: u16, body: &[u8]) -> Vec<u8> {
    fragment(kind, number, body, 0, body.len())
}

/// A ClientHello body, with a cookie or an empty one.
fn client_hello(cookie: &[u8]) -> Vec<u8> {
    let mut hello = Hello::new("vpn.example");
    hello.alpn(&[b"coap"]);
    let mut body = hello.body();
    body[..2].copy_from_slice(&[0xfe, 0xfd]);
    let after_session_id = 2 + 32 + 1;
    body.splice(after_session_id..after_session_id, vec8(cookie));
    body
}

fn server_hello(version: u16) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([9; 32]);
    body.extend([0, 0xc0, 0x2b, 0]);
    if version != 0xfefd {
        let [high, low] = version.to_be_bytes();
        body.extend(vec16(&[0, 43, 0, 2, high, low]));
    }
    body
}

fn certificate() -> Vec<u8> {
    vec24(&vec24(&hex(rfc8448::CERTIFICATE)))
}

#[test]
fn a_full_handshake_with_a_cookie() {
    let mut talk = Talk::new();
    talk.say(Client, &message(1, 0, &client_hello(&[])))
        .say(Server, &message(3, 0, &[0xfe, 0xff, 2, 7, 7]))
        .say(Client, &message(1, 1, &client_hello(&[7, 7])))
        .say(Server, &message(2, 1, &server_hello(0xfefd)))
        .say(Server, &message(11, 2, &certificate()))
        .say(Server, &message(14, 3, &[]))
        .say(
            Client,
            &[
                message(16, 2, &[0; 33]),
                record(20, 0, &[1]),
                record(22, 1, &[0; 40]),
            ]
            .concat(),
        )
        .say(
            Server,
            &[record(20, 0, &[1]), record(22, 1, &[0; 40])].concat(),
        )
        .say(Client, &record(23, 1, &[0; 50]))
        .say(Server, &record(23, 1, &[0; 50]));
    assert_eq!(talk.appetite, Appetite::Done);
    assert_eq!(
        talk.facts(),
        [
            "hello vpn.example dd2d",
            "hello vpn.example dd2d again",
            "server 0303 Some(false)",
            "chain Server of 1",
        ]
    );
}

#[test]
fn a_session_is_resumed_when_no_certificate_follows() {
    let mut talk = Talk::new();
    talk.say(Client, &message(1, 0, &client_hello(&[]))).say(
        Server,
        &[message(2, 0, &server_hello(0xfefd)), record(20, 0, &[1])].concat(),
    );
    assert_eq!(
        talk.facts(),
        ["hello vpn.example dd2d", "server 0303 Some(true)"]
    );
}

#[test]
fn of_version_1_3_the_hellos_are_read() {
    let mut talk = Talk::new();
    talk.say(Client, &message(1, 0, &client_hello(&[])))
        .say(
            Server,
            &[&message(2, 0, &server_hello(0xfefc))[..], &[0x2e; 60]].concat(),
        )
        .say(Client, &[0x2e; 50])
        .say(Client, &[0x2f; 50])
        .say(Server, &[0x2f; 50]);
    assert_eq!(talk.appetite, Appetite::Done);
    let beats: Vec<BeatKind> = talk
        .cx
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Beat(beat) => Some(beat.kind),
            _ => None,
        })
        .collect();
    assert_eq!(
        beats,
        [
            BeatKind::ClientHello,
            BeatKind::ServerFlight,
            BeatKind::Encrypted,
            BeatKind::Encrypted,
            BeatKind::AppData,
            BeatKind::AppData
        ]
    );
    assert_eq!(
        talk.facts(),
        ["hello vpn.example dd2d", "server 0304 Some(false)"]
    );
}

#[test]
fn a_capture_that_lacks_the_beginning_shows_the_rest() {
    let mut talk = Talk::new();
    // The server's flight comes from the side taken for the client.
    talk.say(Client, &message(2, 1, &server_hello(0xfefd)))
        .say(Server, &message(11, 2, &certificate()));
    assert_eq!(talk.ends.decided, ClientBy::Payload);
    assert_eq!(
        talk.facts(),
        ["server 0303 Some(false)", "chain Server of 1"]
    );
}

#[test]
fn what_is_missing_is_told() {
    let hello = client_hello(&[]);
    let mut talk = Talk::new();
    talk.say(Client, &fragment(1, 0, &hello, 0, hello.len() - 3));
    assert_eq!(
        talk.facts(),
        [
            "hello vpn.example cut",
            "ClientHello is cut short by the capture",
            "DTLS message of which parts are missing"
        ]
    );
}

#[test]
fn joining_is_bounded() {
    let mut talk = Talk::new();
    talk.cx.limits.quic_crypto_total = 1_000;
    talk.say(Client, &message(1, 0, &client_hello(&[])));
    for at in (0..200_000).step_by(20_000) {
        talk.say(Server, &fragment(11, 1, &vec![0; 200_000], at, at + 1));
    }
    for number in 1..60 {
        talk.say(Server, &fragment(12, number, &[0; 900], 0, 1));
    }
    assert!(talk.cx.held().crypto <= 1_000);
    let told = talk.facts();
    assert!(told.contains(&"fragments of a DTLS handshake".to_owned()));
}

#[test]
fn only_what_begins_a_handshake_is_taken_for_it() {
    assert!(looks_like_dtls(&message(1, 0, &client_hello(&[]))));
    assert!(looks_like_dtls(&message(3, 0, &[0xfe, 0xff, 0])));
    assert!(!looks_like_dtls(&record(23, 1, &[0; 40])));
    assert!(!looks_like_dtls(&record(22, 1, &[0; 40])));
    assert!(!looks_like_dtls(&[22, 3, 3, 0, 4, 1, 0, 0, 0]));
    assert!(!looks_like_dtls(b""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fragments_in_any_order_and_split_give_the_same_facts(
        cuts in prop::collection::vec((0_usize..3, any::<prop::sample::Index>()), 0..12),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..12),
        twice in any::<prop::sample::Index>(),
    ) {
        let flight = [(2, 0, server_hello(0xfefd)), (11, 1, certificate()), (14, 2, Vec::new())];
        let mut pieces = Vec::new();
        for (place, (kind, number, body)) in flight.iter().enumerate() {
            let mut at: Vec<usize> = cuts.iter().filter(|(of, _)| *of == place).map(|(_, cut)| cut.index(body.len().max(1))).collect();
            at.extend([0, body.len()]);
            at.sort_unstable();
            // Every piece overlaps the one before it by up to three bytes.
            pieces.extend(at.windows(2).map(|w| fragment(*kind, *number, body, w[0].saturating_sub(3), w[1])));
        }
        for (a, b) in swaps {
            let (a, b) = (a.index(pieces.len()), b.index(pieces.len()));
            pieces.swap(a, b);
        }
        pieces.push(pieces[twice.index(pieces.len())].clone());
        let mut talk = Talk::new();
        talk.say(Client, &message(1, 0, &client_hello(&[])));
        for piece in &pieces {
            talk.say(Server, piece);
        }
        prop_assert_eq!(talk.facts(), ["hello vpn.example dd2d", "server 0303 Some(false)", "chain Server of 1"]);
    }

    #[test]
    fn any_bytes(
        datagrams in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..8),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut talk = Talk::new();
        let mut hello = message(1, 0, &client_hello(&[]));
        for (at, value) in flips {
            let at = at.index(hello.len());
            hello[at] = value;
        }
        talk.say(Client, &hello);
        for (client, bytes) in &datagrams {
            let side = if *client { Client } else { Server };
            talk.say(side, bytes);
            talk.say(side, &record(22, 0, bytes));
        }
        talk.facts();
    }
}
