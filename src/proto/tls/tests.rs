//! Whole connections, told as words.

mod gaps;
mod keys;
mod traces;

use std::net::SocketAddr;

use proptest::prelude::*;

use super::testing::{Hello, hex, message, record, rfc8448, vec16, vec24};
use super::*;
use crate::event::Provenance;
use crate::flow::Side::{Client, Server};
use crate::flow::{ClientBy, Ending, Scope, Side, Transport};
use crate::frame::FrameNo;
use crate::time::Timestamp;

const FLOW: FlowId = FlowId(1);

/// A connection: bytes in, words out.
struct Talk {
    tls: Tls,
    ends: Endpoints,
    cx: Context,
    frame: u64,
    appetite: Appetite,
    poked: bool,
}

impl Talk {
    fn new() -> Self {
        let address = |last: u8, port| SocketAddr::from(([192, 0, 2, last], port));
        Self {
            tls: Tls::new(Carrier::Tls),
            ends: Endpoints {
                transport: Transport::Tcp,
                client: address(1, 50_000),
                server: address(2, 443),
                scope: Scope(0),
                decided: ClientBy::First,
            },
            cx: Context::default(),
            frame: 0,
            appetite: Appetite::More,
            poked: false,
        }
    }

    /// One frame of `side`, at `millis`.
    fn say(&mut self, side: Side, millis: i64, bytes: &[u8]) -> &mut Self {
        self.frame += 1;
        let chunk = Chunk {
            side,
            offset: 0,
            at: Timestamp::from_nanos(millis * 1_000_000),
            frame: FrameNo::new(self.frame),
            bytes,
        };
        if self.appetite == Appetite::More {
            self.appetite = self.tls.data(FLOW, &mut self.ends, chunk, &mut self.cx);
        }
        self
    }

    fn lose(&mut self, side: Side, missing: u64) -> &mut Self {
        let gap = Gap {
            side,
            offset: 0,
            missing,
            at: Timestamp::EPOCH,
            cut: false,
        };
        self.appetite = self.tls.gap(FLOW, &mut self.ends, gap, &mut self.cx);
        self
    }

    fn key(&mut self, label: &str, secret: &str) -> &mut Self {
        let line = format!("{label} {} {secret}", rfc8448::RANDOM);
        assert!(self.cx.keys.add_line(line.as_bytes()));
        for flow in self.cx.keys.take_ready() {
            assert_eq!(flow, FLOW);
            self.appetite = self.tls.poke(flow, &mut self.ends, &mut self.cx);
            self.poked = true;
        }
        self
    }

    fn all_keys(&mut self) -> &mut Self {
        self.key("SERVER_HANDSHAKE_TRAFFIC_SECRET", rfc8448::SERVER_HANDSHAKE)
            .key("CLIENT_HANDSHAKE_TRAFFIC_SECRET", rfc8448::CLIENT_HANDSHAKE)
            .key("SERVER_TRAFFIC_SECRET_0", rfc8448::SERVER_TRAFFIC)
            .key("CLIENT_TRAFFIC_SECRET_0", rfc8448::CLIENT_TRAFFIC)
    }

    fn is_done(&self) -> bool {
        self.appetite == Appetite::Done
    }

    fn close(&mut self) -> &mut Self {
        let close = Close {
            how: Ending::CaptureEnded,
            at: Timestamp::EPOCH,
            frame: FrameNo::new(self.frame),
            bytes: [0; 2],
            packets: [0; 2],
            last_payload: [None; 2],
            connect: None,
            turnaround: None,
        };
        self.tls.close(FLOW, &self.ends, &close, &mut self.cx);
        assert_eq!(self.cx.held().encrypted, 0);
        self
    }

    /// What was reported since the last call, beats included.
    fn all(&mut self) -> Vec<String> {
        self.cx.events.drain(..).map(|event| word(&event)).collect()
    }

    /// The same without beats.
    fn facts(&mut self) -> Vec<String> {
        let mut words = self.all();
        words.retain(|word| !word.starts_with("beat"));
        words
    }
}

fn word(event: &Event) -> String {
    match &event.kind {
        EventKind::ClientHello(hello) => {
            let name = hello.sni.as_ref().map_or("-", |name| name.as_str());
            let again = if hello.second { " again" } else { "" };
            format!("hello {name}{again}")
        }
        EventKind::ServerHello(hello) if hello.retry => "retry".to_owned(),
        EventKind::ServerHello(hello) => {
            format!("server {:04x} {:?}", hello.version, hello.resumed)
        }
        EventKind::Chain(chain) => {
            let certs: Vec<String> = chain.certs.iter().map(|c| c.serial.to_string()).collect();
            let complete = if chain.complete { "" } else { " incomplete" };
            let how = if chain.provenance == Provenance::KeyLog {
                " by keys"
            } else {
                ""
            };
            format!("chain {:?} {}{complete}{how}", chain.side, certs.join(" "))
        }
        EventKind::Staple(staple) => format!("staple {}", staple.der.len()),
        EventKind::Beat(beat) => {
            format!("beat {:?} {:?} {}", beat.side, beat.kind, beat.record_len)
        }
        EventKind::Alert(alert) => format!("alert {:?} {:?}", alert.side, alert.description),
        EventKind::Anomaly(anomaly) => anomaly.detail.to_owned(),
        other => format!("{other:?}"),
    }
}

fn client_hello() -> Vec<u8> {
    let mut hello = Hello::new("shop.example");
    hello.alpn(&[b"h2"]);
    record(22, &message(1, &hello.body()))
}

/// A ServerHello of TLS 1.2, or of 1.3, or a HelloRetryRequest.
fn server_hello(version: u16, retry: bool) -> Vec<u8> {
    let mut body = vec![3, 3];
    if retry {
        body.extend(hex(
            "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c",
        ));
    } else {
        body.extend([9; 32]);
    }
    body.extend([0, 0x13, 0x01, 0]);
    if version == 0x0304 {
        body.extend(vec16(&[0, 43, 0, 2, 3, 4]));
    }
    message(2, &body)
}

fn certificate() -> Vec<u8> {
    message(11, &vec24(&vec24(&hex(rfc8448::CERTIFICATE))))
}

fn change_cipher_spec() -> Vec<u8> {
    record(20, &[1])
}

#[test]
fn full_handshake_of_tls_1_2() {
    let flight = [server_hello(0x0303, false), certificate(), message(14, b"")].concat();
    let keys = [
        record(22, &message(16, &[0; 32])),
        change_cipher_spec(),
        record(22, &[0xaa; 40]),
    ];
    let finished = [change_cipher_spec(), record(22, &[0x01; 40])].concat();
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello())
        .say(Server, 10, &record(22, &flight))
        .say(Client, 90, &keys.concat())
        .say(Server, 100, &finished)
        .say(Client, 150, &record(23, &[0; 99]));
    assert!(!talk.is_done());
    talk.say(Server, 160, &record(23, &[0; 999]));
    assert!(talk.is_done());
    let hello_len = client_hello().len() - 5;
    let flight_len = flight.len();
    assert_eq!(
        talk.all(),
        [
            &*format!("beat Client ClientHello {hello_len}"),
            "hello shop.example",
            &*format!("beat Server ServerFlight {flight_len}"),
            "server 0303 Some(false)",
            "chain Server 02",
            "beat Client KeyExchange 36",
            "beat Server ChangeCipherSpec 1",
            "beat Server EncryptedHandshake 40",
            "beat Client AppData 99",
            "beat Server AppData 999",
        ]
    );
}

#[test]
fn a_session_of_tls_1_2_is_resumed_when_no_certificate_follows() {
    let ticket = record(22, &message(4, &[0; 6]));
    for next in [change_cipher_spec(), ticket] {
        let mut talk = Talk::new();
        talk.say(Client, 0, &client_hello()).say(
            Server,
            1,
            &record(22, &server_hello(0x0303, false)),
        );
        assert_eq!(talk.facts(), ["hello shop.example"]);
        talk.say(Server, 2, &next);
        assert_eq!(talk.facts(), ["server 0303 Some(true)"]);
    }
    let mut cut_off = Talk::new();
    cut_off
        .say(Server, 1, &record(22, &server_hello(0x0303, false)))
        .close();
    assert_eq!(cut_off.facts(), ["server 0303 None"]);
}

#[test]
fn a_handshake_without_certificates_is_not_resumed() {
    let flight = [
        server_hello(0x0303, false),
        message(12, &[0; 9]),
        message(14, b""),
    ]
    .concat();
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello())
        .say(Server, 1, &record(22, &flight));
    assert_eq!(talk.facts()[1..], ["server 0303 Some(false)"]);
}

#[test]
fn staple_request_and_client_certificate_of_tls_1_2() {
    let status = message(22, &[&[1][..], &vec24(b"junk")].concat());
    let flight = [
        server_hello(0x0303, false),
        certificate(),
        status,
        message(13, &[0; 4]),
    ]
    .concat();
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello())
        .say(Server, 1, &record(22, &flight))
        .say(Client, 2, &record(22, &certificate()));
    assert_eq!(
        talk.facts()[1..],
        [
            "server 0303 Some(false)",
            "chain Server 02",
            "a stapled OCSP answer that cannot be decoded",
            "staple 4",
            "CertificateRequest",
            "chain Client 02",
        ]
    );
}

#[test]
fn a_retried_hello_of_tls_1_3() {
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello())
        .say(Server, 1, &record(22, &server_hello(0x0304, true)))
        .say(Server, 1, &change_cipher_spec())
        .say(Client, 2, &change_cipher_spec())
        .say(Client, 2, &client_hello())
        .say(Server, 3, &record(22, &server_hello(0x0304, false)));
    assert_eq!(
        talk.facts(),
        [
            "hello shop.example",
            "retry",
            "hello shop.example again",
            "server 0304 Some(false)"
        ]
    );
}

/// Without the server's packets the random tells that the second hello is one.
#[test]
fn a_retried_hello_seen_from_one_side() {
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello())
        .say(Client, 2, &change_cipher_spec())
        .say(Client, 2, &client_hello());
    assert_eq!(
        talk.facts(),
        ["hello shop.example", "hello shop.example again"]
    );
}

#[test]
fn tls_1_3_without_keys_by_sizes() {
    let mut talk = Talk::new();
    let flight = [
        record(23, &[0; 36]),
        record(23, &[0; 900]),
        record(23, &[0; 281]),
    ]
    .concat();
    talk.say(Client, 0, &client_hello())
        .say(Server, 10, &record(22, &server_hello(0x0304, false)))
        .say(Server, 10, &flight)
        .say(
            Client,
            900,
            &[change_cipher_spec(), record(23, &[0; 53])].concat(),
        );
    assert!(!talk.is_done());
    talk.say(Client, 910, &record(23, &[0; 200]))
        .say(Server, 920, &record(23, &[0; 250]));
    assert!(talk.is_done());
    assert_eq!(
        talk.all()[4..],
        [
            "beat Server Encrypted 36",
            "beat Client ChangeCipherSpec 1",
            "beat Client Encrypted 53",
            "beat Client AppData 200",
            "beat Server Encrypted 250",
        ]
    );
}

/// What the client of a TLS 1.3 handshake says after the server's flight, and what that is taken for.
fn client_beats(records: &[(Side, u16)]) -> Vec<String> {
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello())
        .say(Server, 10, &record(22, &server_hello(0x0304, false)))
        .say(Server, 10, &record(23, &[0; 900]));
    for (place, (side, len)) in records.iter().enumerate() {
        let at = 20 + 10 * i64::try_from(place).expect("few");
        talk.say(*side, at, &record(23, &vec![0; usize::from(*len)]));
    }
    let beats = talk.all();
    let of_client = beats
        .iter()
        .filter_map(|beat| beat.strip_prefix("beat Client "));
    of_client.skip(1).map(str::to_owned).collect()
}

#[test]
fn a_finished_shares_its_record_with_what_comes_before_it() {
    // No certificate for a server that asked; empty settings; both.
    for len in [53, 61, 63, 71] {
        let beats = client_beats(&[(Client, len), (Client, 300)]);
        let first = format!("Encrypted {len}");
        assert_eq!(beats, [first.as_str(), "AppData 300"]);
    }
    // A certificate of the client's own, and a server that says something after that.
    let beats = client_beats(&[(Client, 1_400), (Client, 300), (Server, 500), (Client, 35)]);
    assert_eq!(beats, ["Encrypted 1400", "Encrypted 300", "AppData 35"]);
    // Each message in a record of its own.
    let beats = client_beats(&[(Client, 25), (Client, 53), (Client, 300)]);
    assert_eq!(beats, ["Encrypted 25", "Encrypted 53", "AppData 300"]);
}

#[test]
fn a_client_that_aborts_in_tls_1_3_shows_by_size() {
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello())
        .say(Server, 10, &record(22, &server_hello(0x0304, false)))
        .say(Server, 10, &record(23, &[0; 900]))
        .say(Client, 50, &record(23, &[0; 19]));
    assert_eq!(
        talk.all()[5..],
        ["beat Client Alert 19", "alert Client None"]
    );
}

#[test]
fn alerts_in_clear() {
    let mut talk = Talk::new();
    let alert = record(21, &[2, 48]);
    talk.say(Client, 0, &client_hello())
        .say(Client, 5, &alert[..6])
        .say(Client, 5, &alert[6..]);
    assert_eq!(
        talk.facts(),
        ["hello shop.example", "alert Client Some(48)"]
    );
}

fn rfc8448_talk(talk: &mut Talk) -> Vec<String> {
    use rfc8448::{CLIENT_FINISHED, CLIENT_HELLO, SERVER_FLIGHT, SERVER_HELLO};
    talk.say(Client, 0, &hex(CLIENT_HELLO))
        .say(Server, 10, &hex(SERVER_HELLO))
        .say(Server, 10, &hex(SERVER_FLIGHT))
        .say(Client, 90, &hex(CLIENT_FINISHED))
        .all()
}

#[test]
fn bulk_data_of_one_side_ends_it() {
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello());
    let bulk = record(23, &[0; 16_000]);
    for n in 0..20 {
        talk.say(Client, n, &bulk);
    }
    assert!(talk.is_done());
}

#[test]
fn a_hello_in_ssl_2_form_begins_tls() {
    let hello = [
        &[0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 0x2f][..],
        &[7; 16],
    ]
    .concat();
    assert_eq!(looks_like_tls(&hello), Probe::Yes);
    assert_eq!(looks_like_tls(&hello[..4]), Probe::NeedMore);
    for cut in [1, 5, 9, 30] {
        let mut talk = Talk::new();
        talk.say(Client, 0, &hello[..cut]);
        if cut < hello.len() {
            talk.say(Client, 0, &hello[cut..]);
        }
        let flight = [server_hello(0x0301, false), certificate()].concat();
        talk.say(Server, 10, &record(22, &flight)).say(
            Client,
            20,
            &record(22, &message(16, &[0; 32])),
        );
        assert_eq!(
            talk.all(),
            [
                "beat Client ClientHello 25",
                "hello -",
                &*format!("beat Server ServerFlight {}", flight.len()),
                "server 0303 Some(false)",
                "chain Server 02",
                "beat Client KeyExchange 36",
            ]
        );
    }
}

#[test]
fn beats_are_bounded() {
    let mut talk = Talk::new();
    talk.cx.limits.beats = 5;
    talk.say(Client, 0, &client_hello());
    for n in 1..50 {
        talk.say(Server, n * 10, &record(22, &message(14, b"")));
    }
    let beats = talk
        .all()
        .into_iter()
        .filter(|word| word.starts_with("beat"));
    assert_eq!(beats.count(), 5);
    assert!(talk.is_done());
}

#[test]
fn probing() {
    use Probe::{NeedMore, No, Yes};
    let cases: [(&[u8], Probe); 15] = [
        (b"", NeedMore),
        (&[22, 3], NeedMore),
        (&[22, 2], No),
        (&client_hello(), Yes),
        (&client_hello()[..5], Yes),
        (&record(23, &[0; 30]), Yes),
        (&record(23, &[0; 3]), No),
        (&[21, 3, 3, 0, 2], Yes),
        (&[20, 3, 3, 0, 1], NeedMore),
        (&[20, 3, 3, 0, 1, 7], No),
        (b"GET / HTTP/1.1", No),
        (&[22, 3, 1, 0xff, 0xff], No),
        // A hello whose header is split over records.
        (&[22, 3, 1, 0, 3, 1, 0, 0], Yes),
        (&[22, 3, 1, 0, 3], NeedMore),
        (&[22, 3, 1, 0, 3, 9, 0, 0], No),
    ];
    for (bytes, probe) in cases {
        assert_eq!(looks_like_tls(bytes), probe, "{bytes:?}");
    }
}

/// Every byte of both sides of the RFC 8448 handshake, in pieces.
fn split(cuts: &[prop::sample::Index], keys: bool) -> Vec<String> {
    use rfc8448::{CLIENT_FINISHED, CLIENT_HELLO, SERVER_FLIGHT, SERVER_HELLO};
    let mut talk = Talk::new();
    if keys {
        talk.all_keys();
    }
    let turns = [
        (Client, hex(CLIENT_HELLO)),
        (Server, [hex(SERVER_HELLO), hex(SERVER_FLIGHT)].concat()),
        (Client, hex(CLIENT_FINISHED)),
    ];
    for (side, bytes) in turns {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        for window in cuts.windows(2) {
            talk.say(side, 0, &bytes[window[0]..window[1]]);
        }
    }
    talk.close().all()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_gives_the_same_events(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12), keys: bool) {
        prop_assert_eq!(split(&cuts, keys), split(&[], keys));
    }

    #[test]
    fn any_bytes(
        turns in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..80), 0_u64..300), 0..12),
        hello: bool,
    ) {
        let mut talk = Talk::new();
        talk.cx.keys.expecting = true;
        if hello {
            talk.say(Client, 0, &hex(rfc8448::CLIENT_HELLO)).say(Server, 1, &hex(rfc8448::SERVER_HELLO));
        }
        for (client, bytes, lost) in turns {
            let side = if client { Client } else { Server };
            talk.say(side, 2, &bytes).say(side, 3, &record(22, &bytes)).say(side, 4, &record(23, &bytes));
            if lost > 0 && !talk.is_done() {
                talk.lose(side, lost);
            }
        }
        prop_assert!(looks_like_tls(&[]) == Probe::NeedMore);
        talk.all_keys().close();
    }
}
