//! Conversations.

use proptest::prelude::*;

use crate::event::{Carrier, EventKind};
use crate::flow::{Appetite, Chunk, ClientBy, Side};
use crate::frame::FrameNo;
use crate::proto::tls::testing::hex;
use crate::time::Timestamp;

use super::header::version;
use super::testing::*;

mod beats;
mod keys;
mod rfc;

#[test]
fn tells_the_version_on_the_wire() {
    for version in [
        version::V1,
        version::V2,
        version::DRAFT_29,
        version::DRAFT_27,
    ] {
        let hello = crypto(0, &client_hello("example.org", 1));
        let bytes = Sealer::initial(version, &DCID, Side::Client).packet(0, &hello);
        let (mut talk, at, frame) = (Talk::new(), Timestamp::EPOCH, FrameNo::new(1));
        let chunk = Chunk {
            side: Side::Client,
            offset: 0,
            at,
            frame,
            bytes: &bytes,
        };
        talk.quic.data(FLOW, &mut talk.ends, chunk, &mut talk.cx);
        assert!(matches!(
            &talk.cx.events[0].kind,
            EventKind::ClientHello(hello) if hello.carrier == (Carrier::Quic { version })
        ));
    }
}

#[test]
fn a_retry_changes_the_keys_and_keeps_the_hello() {
    let retry = hex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
    let scid = hex("f067a5502a4262b5");
    let hello = client_hello("example.org", 1);
    let (front, back) = hello.split_at(30);
    for captured in [true, false] {
        let mut talk = Talk::new();
        let before = Sealer::initial(version::V1, &DCID, Side::Client);
        let after = Sealer::initial(version::V1, &scid, Side::Client);
        talk.client(&before.packet(0, &crypto(0, front)));
        if captured {
            assert!(talk.server(&retry).is_empty());
        } else {
            talk.server(&[]);
        }
        let again = if captured { 0 } else { 30 };
        let beat = format!("4 Client ClientHello {}", back.len());
        let told = talk.client(&after.packet(1, &crypto(0, front)));
        assert_eq!(told.len(), usize::from(again > 0));
        let told = talk.client(&after.packet(2, &crypto(30, back)));
        let since = if captured { 1 } else { 3 };
        assert_eq!(told, [format!("4 hello example.org since {since}"), beat]);
        let server = Sealer::initial(version::V1, &scid, Side::Server);
        let told = talk.server(&server.packet(0, &crypto(0, &server_hello(false))));
        assert_eq!(told[0], "5 server hello 1301");
        // From here on the client writes to an id that the server chose; the keys stay.
        let close = [0x1c, 0x41, 0x2e, 0x06, 0x00];
        let told = talk.client(&after.to(b"other id").packet(3, &close));
        assert_eq!(told, ["6 Client alert Some(46)", "6 Client Alert 0"]);
    }
}

#[test]
fn a_repeated_hello_is_told_once_and_another_one_again() {
    let mut talk = Talk::new();
    let hello = crypto(0, &client_hello("example.org", 1));
    talk.client(&Sealer::initial(version::V1, &DCID, Side::Client).packet(0, &hello));
    let told =
        talk.client(&Sealer::initial(version::V1, b"retried!", Side::Client).packet(0, &hello));
    assert_eq!(told.len(), 1, "a beat only: {told:?}");
    let hello = crypto(0, &client_hello("example.net", 2));
    let told =
        talk.client(&Sealer::initial(version::V1, b"new conn", Side::Client).packet(0, &hello));
    assert_eq!(told[0], "3 hello example.net since 3");
}

#[test]
fn a_server_may_answer_in_another_version() {
    let mut talk = Talk::new();
    let hello = crypto(0, &client_hello("example.org", 1));
    talk.client(&Sealer::initial(version::V1, &DCID, Side::Client).packet(0, &hello));
    let server = Sealer::initial(version::V2, &DCID, Side::Server);
    let told = talk.server(&server.packet(0, &crypto(0, &server_hello(false))));
    assert_eq!(told[0], "2 server hello 1301");
}

#[test]
fn the_hello_after_a_hello_retry_request_is_the_second() {
    let mut talk = Talk::new();
    let client = Sealer::initial(version::V1, &DCID, Side::Client);
    let server = Sealer::initial(version::V1, &DCID, Side::Server);
    let hello = client_hello("example.org", 1);
    let retry = server_hello(true);
    talk.client(&client.packet(0, &crypto(0, &hello)));
    assert_eq!(
        talk.server(&server.packet(0, &crypto(0, &retry)))[0],
        "2 retry"
    );
    let told = talk.client(&client.packet(1, &crypto(hello.len(), &hello)));
    assert_eq!(told[0], "3 hello again example.org since 3");
    let told = talk.server(&server.packet(1, &crypto(retry.len(), &server_hello(false))));
    assert_eq!(told[0], "4 server hello 1301");
}

#[test]
fn sides_follow_the_first_initial() {
    let mut talk = Talk::new();
    let was_server = talk.ends.server;
    let hello = crypto(0, &client_hello("example.org", 1));
    let told = talk.server(&Sealer::initial(version::V1, &DCID, Side::Client).packet(0, &hello));
    assert_eq!(told[1], format!("1 Client ClientHello {}", hello.len() - 7));
    assert_eq!(
        (talk.ends.client, talk.ends.decided),
        (was_server, ClientBy::Payload)
    );
}

#[test]
fn an_unfinished_hello_is_told_when_the_server_answers() {
    let mut talk = Talk::new();
    let hello = client_hello("example.org", 1);
    let client = Sealer::initial(version::V1, &DCID, Side::Client);
    let (front, back) = hello.split_at(hello.len() - 5);
    assert_eq!(talk.client(&client.packet(0, &crypto(0, front))).len(), 1);
    let server = Sealer::initial(version::V1, &DCID, Side::Server);
    let told = talk.server(&server.packet(0, &crypto(0, &server_hello(false))));
    assert_eq!(
        told[..3],
        [
            "2 hello example.org since 1",
            "2 server hello 1301",
            "2 StreamGap"
        ]
    );
    // The rest, overtaken, is no second hello.
    let told = talk.client(&client.packet(1, &crypto(front.len(), back)));
    assert_eq!(told, ["3 Client ClientHello 5"]);
}

#[test]
fn an_unfinished_hello_is_told_when_the_client_goes_on() {
    let hello = client_hello("example.org", 1);
    let client = Sealer::initial(version::V1, &DCID, Side::Client);
    let front = client.packet(0, &crypto(0, &hello[..hello.len() - 5]));
    let mut talk = Talk::new();
    talk.client(&front);
    assert_eq!(
        talk.client(&[0x41; 30]),
        [
            "2 hello example.org since 1",
            "2 StreamGap",
            "2 Client AppData 30"
        ]
    );
    assert!(talk.close().is_empty());
    // Or when nothing follows any more.
    let mut talk = Talk::new();
    talk.client(&front);
    assert_eq!(talk.close(), ["1 hello example.org since 1", "1 StreamGap"]);
}

#[test]
fn version_negotiation_leads_to_the_version_agreed_on() {
    let mut talk = Talk::new();
    let reserved = [&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8][..], &DCID, &[0; 1_200]].concat();
    assert!(talk.client(&reserved).is_empty());
    let list = [&[0x80, 0, 0, 0, 0, 0, 8][..], &DCID, &[0, 0, 0, 1]].concat();
    assert!(talk.server(&list).is_empty());
    let hello = crypto(0, &client_hello("example.org", 1));
    let told = talk.client(&Sealer::initial(version::V1, &DCID, Side::Client).packet(0, &hello));
    assert_eq!(told[0], "3 hello example.org since 3");
}

#[test]
fn a_connection_that_began_before_the_capture_is_left_alone() {
    let mut talk = Talk::new();
    let client = Sealer::initial(version::V1, &DCID, Side::Client).to(b"server's id");
    assert_eq!(talk.client(&client.packet(3, &ACK)), ["1 BadQuic"]);
    let server = Sealer::initial(version::V1, &DCID, Side::Server);
    assert!(talk.server(&server.packet(3, &ACK)).is_empty());
    for _ in 0..14 {
        assert_eq!(talk.appetite, Appetite::More);
        assert!(talk.client(&client.packet(4, &ACK)).is_empty());
    }
    assert_eq!(talk.appetite, Appetite::Done);
    assert!(talk.close().is_empty());
}

#[test]
fn a_crypto_stream_is_bounded() {
    let mut talk = Talk::new();
    talk.cx.limits.beats = 1_000;
    let client = Sealer::initial(version::V1, &DCID, Side::Client);
    let told: Vec<String> = (0..100_u32)
        .flat_map(|n| {
            let at = usize::try_from(n).unwrap() * 1_001 + 1;
            talk.client(&client.packet(n, &crypto(at, &[0; 1_000])))
        })
        .filter(|told| !told.contains("ClientHello"))
        .collect();
    assert_eq!(told, ["62 LimitReached"]);
    assert_eq!(talk.cx.held().crypto, 0);
}

#[test]
fn waiting_bytes_of_all_streams_are_bounded_together() {
    let mut talk = Talk::new();
    talk.cx.limits.quic_crypto_total = 1_000;
    talk.cx.held_mut().crypto = 500;
    let client = Sealer::initial(version::V1, &DCID, Side::Client);
    talk.client(&client.packet(0, &crypto(700, &[0; 100])));
    assert!((600..=1_000).contains(&talk.cx.held().crypto));
    let told = talk.client(&client.packet(1, &crypto(900, &[0; 500])));
    assert_eq!(told, ["2 LimitReached"]);
    talk.close();
    assert_eq!(talk.cx.held().crypto, 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hellos_come_whole_from_any_pieces(
        order in Just((0_usize..12).collect::<Vec<_>>()).prop_shuffle(),
        packets_of in 1_usize..6,
        repeat in 0_usize..12,
    ) {
        let hello = client_hello("example.org", 1);
        let piece = |n: usize| {
            // Overlaps the next piece by up to three bytes.
            let (from, to) = (n * hello.len() / 12, (n + 1) * hello.len() / 12 + 3);
            crypto(from, &hello[from..to.min(hello.len())])
        };
        let client = Sealer::initial(version::V1, &DCID, Side::Client);
        let mut talk = Talk::new();
        let mut told = Vec::new();
        for (number, pieces) in (0..).zip(order.chunks(packets_of)) {
            let mut payload: Vec<u8> = pieces.iter().flat_map(|n| piece(*n)).collect();
            payload.extend(piece(repeat));
            payload.extend([0; 40]);
            told.extend(talk.client(&client.packet(number, &payload)));
        }
        told.retain(|told| !told.contains("Client"));
        prop_assert_eq!(told.len(), 1);
        prop_assert!(told[0].ends_with("hello example.org since 1"));
    }

    #[test]
    fn any_bytes_are_survived(
        datagrams in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..200)), 0..20),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut talk = Talk::new();
        talk.cx.keys.add_text(key_log(1).as_bytes());
        begin(&mut talk);
        let mut datagram = [
            Sealer::initial(version::V1, &DCID, Side::Client).packet(1, &payload),
            Sealer::handshake(version::V1, Side::Client, KEYS).packet(1, &crypto(0, &payload)),
        ].concat();
        for (at, value) in flips {
            let at = at.index(datagram.len());
            datagram[at] = value;
        }
        talk.client(&datagram);
        for (server, mut bytes) in datagrams {
            if let Some(version) = bytes.get_mut(1..5) {
                version.copy_from_slice(&[0, 0, 0, 1]);
            }
            talk.send(if server { Side::Server } else { Side::Client }, &bytes);
        }
        talk.poke();
        talk.close();
        prop_assert_eq!((talk.cx.held().encrypted, talk.cx.held().crypto), (0, 0));
    }
}
