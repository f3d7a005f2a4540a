use proptest::prelude::*;

use crate::event::{Carrier, EventKind};
use crate::flow::{Appetite, Chunk, ClientBy, Side};
use crate::frame::FrameNo;
use crate::proto::tls::testing::{hex, message, vec16, vec24};
use crate::time::Timestamp;

use super::header::{Packet, packets, version};
use super::testing::{ACK, DCID, FLOW, Sealer, Talk, begin, client_hello, crypto, server_hello};

const KEYS: [u8; 32] = [0x42; 32];

/// The hello of RFC 9001 A.2 and RFC 9369 A.2, for example.com.
const RFC_HELLO: &str = "
    060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113
    02010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce1
    5d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100
    3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806
    048000ffff";

/// Appendix A.2 and A.3: header before protection; start and end of the client's packet as published (its
/// end is the tag over all of it); the server's packet.
const RFC_VECTORS: [(u32, &str, &str, &str, &str); 2] = [
    (
        version::V1,
        "c300000001088394c8f03e5157080000449e00000002",
        "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
        "e221af44860018ab0856972e194cd934",
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780b
         b38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19
         fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee",
    ),
    (
        version::V2,
        "d36b3343cf088394c8f03e5157080000449e00000002",
        "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071",
        "a18b2faa745b6fe189cf772a9f84cbfc",
        "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf8726
         3017915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e427575076980
         75b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
    ),
];

#[test]
fn opens_the_initials_of_rfc_9001_and_rfc_9369() {
    for (version, header, start, end, server) in RFC_VECTORS {
        let mut payload = hex(RFC_HELLO);
        payload.resize(1_162, 0);
        let sealer = Sealer::initial(version, &DCID, Side::Client);
        let client = sealer.seal(&hex(header), 2, &payload);
        assert!(client.starts_with(&hex(start)) && client.ends_with(&hex(end)));

        let mut talk = Talk::new();
        assert_eq!(
            talk.client(&client),
            ["1 hello example.com since 1", "1 Client ClientHello 241"]
        );
        assert_eq!(
            talk.server(&hex(server)),
            ["2 server hello 1301", "2 Server ServerFlight 90"]
        );
    }
}

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
        let (mut talk, at, frame) = (Talk::new(), Timestamp::EPOCH, FrameNo(1));
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
fn a_genuine_retry_is_told_from_a_forged_one() {
    // RFC 9001 A.4, RFC 9369 A.4, and draft 29.
    for text in [
        "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba",
        "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6",
        "ffff00001d0008f067a5502a4262b5746f6b656ed16926d81f6f9ca2953a8aa4575e1e49",
    ] {
        let mut bytes = hex(text);
        let genuine = |bytes: &[u8]| match packets(bytes).next() {
            Some(Packet::Retry(retry)) => retry.scheme.retry_is_genuine(&DCID, &retry),
            other => panic!("{other:?}"),
        };
        assert!(genuine(&bytes));
        bytes[16] ^= 1;
        assert!(!genuine(&bytes));
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
fn acknowledgements_are_no_speech_and_silence_shows() {
    let mut talk = Talk::new();
    begin(&mut talk);
    let client = Sealer::handshake(version::V1, Side::Client, KEYS);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    assert_eq!(
        talk.server(&server.packet(0, &[1; 900])),
        ["3 Server ServerFlight 920"]
    );
    // Acknowledgement of both levels, a probe and its answer, data of the server ahead of time.
    let initial = Sealer::initial(version::V1, &DCID, Side::Client);
    let mut both = [initial.packet(1, &ACK), client.packet(0, &ACK)].concat();
    both.resize(1_200, 0);
    assert!(talk.client(&both).is_empty());
    assert!(talk.client(&client.packet(1, &[1])).is_empty());
    assert!(talk.server(&server.packet(1, &ACK)).is_empty());
    assert!(talk.server(&[0x41; 30]).is_empty());
    // Finished, then a request.
    assert_eq!(
        talk.client(&client.packet(2, &[1; 40])),
        ["8 Client Encrypted 60"]
    );
    assert_eq!(talk.client(&[0x41; 300]), ["9 Client AppData 300"]);
    assert_eq!(talk.server(&[0x41; 900]), ["10 Server AppData 900"]);
    assert_eq!(talk.appetite, Appetite::More);
    for _ in 0..3 {
        talk.client(&[0x41; 30]);
    }
    assert_eq!(talk.appetite, Appetite::Done);
    assert!(talk.client(&[0x41; 30]).is_empty());
}

#[test]
fn a_filled_acknowledgement_is_told_from_a_finished_by_what_follows() {
    let client = Sealer::handshake(version::V1, Side::Client, KEYS);
    let initial = Sealer::initial(version::V1, &DCID, Side::Client);
    let doubtful = [initial.packet(1, &ACK), client.packet(0, &[0; 1_000])].concat();
    let mut talk = Talk::new();
    begin(&mut talk);
    assert!(talk.client(&doubtful).is_empty());
    assert_eq!(
        talk.client(&client.packet(2, &[1; 40])),
        ["4 Client Encrypted 60"]
    );
    assert_eq!(talk.client(&[0x41; 30]), ["5 Client AppData 30"]);

    let mut talk = Talk::new();
    begin(&mut talk);
    assert!(talk.client(&doubtful).is_empty());
    assert_eq!(
        talk.client(&[0x41; 30]),
        ["3 Client Encrypted 1020", "4 Client AppData 30"]
    );
}

#[test]
fn a_talkative_server_leaves_room_for_the_client() {
    let mut talk = Talk::new();
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    let told = (0..100)
        .flat_map(|n| talk.server(&server.packet(n, &[1; 90])))
        .count();
    assert!(told < talk.cx.limits.beats);
    assert_eq!(talk.client(&[0x41; 30]), ["103 Client AppData 30"]);
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
}

fn key_log(random: u8) -> String {
    let line = |side: &str| {
        let (random, secret) = (format!("{random:02x}").repeat(32), "42".repeat(32));
        format!("{side}_HANDSHAKE_TRAFFIC_SECRET {random} {secret}\n")
    };
    line("CLIENT") + &line("SERVER")
}

/// EncryptedExtensions, CertificateRequest, Certificate with a staple, CertificateVerify, Finished.
fn server_flight() -> Vec<u8> {
    let leaf = include_bytes!("../../pki/testdata/leaf-r10.der");
    let staple = include_bytes!("../../pki/testdata/ocsp-good.der");
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
    assert_eq!(talk.cx.encrypted_held, 0);
}

#[test]
fn packets_wait_for_keys_that_come_late() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    let told = talk.server(&server.packet(0, &crypto(0, &server_flight())));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(talk.cx.encrypted_held > 0);
    for _ in 0..4 {
        talk.client(&[0x41; 30]);
    }
    assert_eq!(talk.appetite, Appetite::Done);
    assert!(talk.poke().is_empty());
    assert!(talk.cx.encrypted_held > 0);
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
    assert_eq!(talk.cx.encrypted_held, 0);
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
    assert_eq!(talk.cx.encrypted_held, 0);
}

#[test]
fn another_connection_on_the_same_ports_starts_from_nothing() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    talk.server(&server.packet(0, &[1; 500]));
    assert!(talk.cx.encrypted_held > 0);
    let hello = crypto(0, &client_hello("example.net", 2));
    let told =
        talk.client(&Sealer::initial(version::V1, b"new conn", Side::Client).packet(0, &hello));
    assert_eq!(told[0], "4 hello example.net since 4");
    assert_eq!(talk.cx.encrypted_held, 0);
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
    assert!(talk.cx.encrypted_held <= talk.cx.limits.tls_held_flow);
    talk.close();
    assert_eq!(talk.cx.encrypted_held, 0);
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
    assert_eq!(talk.cx.encrypted_held, 0);
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
        prop_assert_eq!(talk.cx.encrypted_held, 0);
    }
}
