//! With key logs.

use crate::flow::{Appetite, Side};
use crate::proto::quic::header::version;
use crate::proto::quic::testing::*;
use crate::proto::tls::testing::{message, vec16, vec24};

/// EncryptedExtensions, CertificateRequest, Certificate with a staple, CertificateVerify, Finished.
fn server_flight() -> Vec<u8> {
    let leaf = include_bytes!("../../../pki/testdata/leaf-r10.der");
    let staple = include_bytes!("../../../pki/testdata/ocsp-good.der");
    let status = [&[0, 5][..], &vec16(&[&[1][..], &vec24(staple)].concat())].concat();
    let entry = [vec24(leaf), vec16(&status)].concat();
    let certificate = [&[0][..], &vec24(&entry)].concat();
    [
        message(8, &[0, 0]),
        message(13, &[0, 0, 0]),
        message(11, &certificate),
        message(15, &[8, 4, 0, 0]),
        message(20, &[7; 32]),
    ]
    .concat()
}

#[test]
fn key_logs_open_the_certificate_flight_until_finished() {
    let mut talk = Talk::new();
    talk.cx.keys.add_text(key_log(1).as_bytes());
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    let client = Sealer::handshake(version::V1, Side::Client, KEYS);
    let flight = server_flight();
    let (front, back) = flight.split_at(1_000);
    // The end of the flight overtakes its beginning, which comes twice in one datagram.
    let told = talk.server(&server.packet(1, &crypto(1_000, back)));
    assert_eq!(told.len(), 1, "a beat only: {told:?}");
    let front = server.packet(0, &crypto(0, front));
    assert_eq!(
        talk.server(&[&front[..], &front].concat()),
        [
            "4 certificate request",
            "4 Server chain of 1 by KeyLog since 3",
            "4 staple",
            "4 Server ServerFlight 1027",
        ]
    );
    assert!(
        talk.client(&client.packet(0, &[&ACK[..], &[0; 100]].concat()))
            .is_empty()
    );
    let finished = crypto(0, &message(20, &[7; 32]));
    assert_eq!(
        talk.client(&client.packet(1, &finished)),
        ["6 Client Finished 63"]
    );
    assert_eq!(talk.cx.keys.used(), 1);
    assert_eq!(talk.cx.held().encrypted, 0);
}

/// RFC 9001 5.3: every suite of TLS 1.3 but that with the short tag.
#[test]
fn packets_sealed_with_ccm_are_opened() {
    for (suite, opened) in [(0x1304, true), (0x1305, false)] {
        let mut talk = Talk::new();
        talk.cx.keys.add_text(key_log(1).as_bytes());
        let client = Sealer::initial(version::V1, &DCID, Side::Client);
        let server = Sealer::initial(version::V1, &DCID, Side::Server);
        talk.client(&client.packet(0, &crypto(0, &client_hello("example.org", 1))));
        let mut hello = server_hello(false);
        let at = hello.windows(2).position(|pair| pair == [0x13, 0x01]);
        let [high, low] = u16::to_be_bytes(suite);
        hello.splice(at.unwrap()..at.unwrap() + 2, [high, low]);
        talk.server(&server.packet(0, &crypto(0, &hello)));
        let server = Sealer::handshake(version::V1, Side::Server, KEYS).with_ccm();
        let flight = server_flight();
        let (front, back) = flight.split_at(1_000);
        let mut told = talk.server(&server.packet(0, &crypto(0, front)));
        told.extend(talk.server(&server.packet(1, &crypto(1_000, back))));
        let chain = told
            .iter()
            .any(|word| word.contains("chain of 1 by KeyLog"));
        assert_eq!(chain, opened, "{told:?}");
    }
}

#[test]
fn packets_wait_for_keys_that_come_late() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    let told = talk.server(&server.packet(0, &crypto(0, &server_flight())));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(talk.cx.held().encrypted > 0);
    for _ in 0..4 {
        talk.client(&[0x41; 30]);
    }
    assert_eq!(talk.appetite, Appetite::Done);
    assert!(talk.poke().is_empty());
    assert!(talk.cx.held().encrypted > 0);
    talk.cx.keys.add_text(key_log(1).as_bytes());
    assert_eq!(talk.cx.keys.take_ready(), [FLOW]);
    assert_eq!(
        talk.poke(),
        [
            "3 certificate request",
            "3 Server chain of 1 by KeyLog since 3",
            "3 staple"
        ]
    );
    assert_eq!(talk.cx.held().encrypted, 0);
}

#[test]
fn packets_that_overtake_the_server_hello_are_opened_after_it() {
    let mut talk = Talk::new();
    talk.cx.keys.add_text(key_log(1).as_bytes());
    let hello = crypto(0, &client_hello("example.org", 1));
    talk.client(&Sealer::initial(version::V1, &DCID, Side::Client).packet(0, &hello));
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    assert_eq!(
        talk.server(&server.packet(0, &crypto(0, &server_flight())))
            .len(),
        1
    );
    let hello = crypto(0, &server_hello(false));
    let told = talk.server(&Sealer::initial(version::V1, &DCID, Side::Server).packet(0, &hello));
    assert_eq!(
        told[..3],
        [
            "3 server hello 1301",
            "2 certificate request",
            "2 Server chain of 1 by KeyLog since 2"
        ]
    );
    assert_eq!(talk.cx.held().encrypted, 0);
}

#[test]
fn another_connection_on_the_same_ports_starts_from_nothing() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    talk.server(&server.packet(0, &[1; 500]));
    assert!(talk.cx.held().encrypted > 0);
    let hello = crypto(0, &client_hello("example.net", 2));
    let told =
        talk.client(&Sealer::initial(version::V1, b"new conn", Side::Client).packet(0, &hello));
    assert_eq!(told[0], "4 hello example.net since 4");
    assert_eq!(talk.cx.held().encrypted, 0);
    talk.cx.keys.add_text(key_log(1).as_bytes());
    assert_eq!(talk.cx.keys.take_ready(), []);
}

#[test]
fn keys_that_never_come_cost_nothing_in_the_end() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    let told: Vec<String> = (0..100)
        .flat_map(|n| talk.server(&server.packet(n, &[1; 1_000])))
        .collect();
    assert_eq!(
        told.iter()
            .filter(|told| told.contains("LimitReached"))
            .count(),
        1
    );
    assert!(talk.cx.held().encrypted <= talk.cx.limits.tls_held_flow);
    talk.close();
    assert_eq!(talk.cx.held().encrypted, 0);
    talk.cx.keys.add_text(key_log(1).as_bytes());
    assert_eq!(talk.cx.keys.take_ready(), []);
}

#[test]
fn a_wrong_key_is_told_once() {
    let mut talk = Talk::new();
    talk.cx.keys.add_text(key_log(1).as_bytes());
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, [0x43; 32]);
    let told: Vec<String> = (0..10)
        .flat_map(|n| talk.server(&server.packet(n, &[1; 1_000])))
        .collect();
    assert_eq!(
        told.iter().filter(|told| told.contains("WrongKey")).count(),
        1
    );
    assert_eq!(talk.cx.held().encrypted, 0);
}
