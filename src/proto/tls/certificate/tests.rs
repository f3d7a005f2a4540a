use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::event::{Anomaly, Event};
use crate::proto::tls::handshake::Seen;
use crate::proto::tls::testing::{hex, rfc8448, vec8, vec16, vec24};

const CLEAR: Source = Source {
    flow: FlowId(1),
    side: Side::Server,
    provenance: Provenance::Clear,
    tls13: false,
};
const TLS13: Source = Source {
    provenance: Provenance::KeyLog,
    tls13: true,
    ..CLEAR
};

fn der() -> Vec<u8> {
    hex(rfc8448::CERTIFICATE)
}

fn events(kind: u8, body: &[u8], whole: bool, source: &Source) -> Vec<Event> {
    let mut cx = Context::default();
    let seen = Seen::default();
    let read = Message {
        kind,
        body,
        whole,
        first: seen,
        last: seen,
    };
    message(&read, source, &mut cx);
    cx.events
}

/// One word an event: what a chain or staple holds, or the anomaly.
fn words(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| match &event.kind {
        EventKind::Chain(chain) => {
            let serials: Vec<String> = chain.certs.iter().map(|c| c.serial.to_string()).collect();
            let complete = if chain.complete { "" } else { ", incomplete" };
            format!("chain {}{complete}", serials.join(" "))
        }
        EventKind::Staple(staple) => format!("staple of {}", staple.der.len()),
        EventKind::Anomaly(Anomaly { detail, .. }) => (*detail).to_owned(),
        other => format!("{other:?}"),
    };
    events.iter().map(word).collect()
}

fn entry13(der: &[u8], extensions: &[u8]) -> Vec<u8> {
    [vec24(der), vec16(extensions)].concat()
}

fn status(der: &[u8]) -> Vec<u8> {
    [&[1][..], &vec24(der)].concat()
}

fn list12(ders: &[&[u8]]) -> Vec<u8> {
    vec24(&ders.iter().flat_map(|der| vec24(der)).collect::<Vec<u8>>())
}

fn list13(entries: &[u8]) -> Vec<u8> {
    [vec8(b""), vec24(entries)].concat()
}

#[test]
fn a_list_of_tls_1_2() {
    let found = events(CERTIFICATE, &list12(&[&der(), &der()]), true, &CLEAR);
    assert_eq!(words(&found), ["chain 02 02"]);
}

#[test]
fn entries_of_tls_1_3_carry_staples() {
    let extension = [&[0, 5][..], &vec16(&status(b"not OCSP"))].concat();
    let entries = [entry13(&der(), &extension), entry13(&der(), &[])].concat();
    let found = events(CERTIFICATE, &list13(&entries), true, &TLS13);
    assert_eq!(
        words(&found),
        [
            "chain 02 02",
            "a stapled OCSP answer that cannot be decoded",
            "staple of 8"
        ]
    );
}

#[test]
fn a_cut_list_gives_its_leaf() {
    for (body, source) in [
        (list12(&[&der(), &der()]), CLEAR),
        (
            list13(&[entry13(&der(), &[]), entry13(&der(), &[])].concat()),
            TLS13,
        ),
    ] {
        let found = events(CERTIFICATE, &body[..body.len() - 20], false, &source);
        assert_eq!(words(&found), ["chain 02, incomplete"]);
        assert!(events(CERTIFICATE, &body[..200], false, &source).is_empty());
    }
}

#[test]
fn malformed_lists_give_what_can_be_read() {
    let body = list12(&[&der()]);
    let malformed = ["chain 02, incomplete", "malformed Certificate message"];
    let trailing = [&body[..], &[0]].concat();
    assert_eq!(
        words(&events(CERTIFICATE, &trailing, true, &CLEAR)),
        malformed
    );
    let mut overlong = body;
    overlong[2] += 1;
    assert_eq!(
        words(&events(CERTIFICATE, &overlong, true, &CLEAR)),
        malformed
    );
    let junk = list12(&[b"junk", &der()]);
    assert_eq!(
        words(&events(CERTIFICATE, &junk, true, &CLEAR)),
        [
            "chain 02, incomplete",
            "a certificate that cannot be decoded"
        ]
    );
}

#[test]
fn only_a_client_may_send_no_certificate() {
    let client = Source {
        side: Side::Client,
        ..CLEAR
    };
    assert_eq!(
        words(&events(CERTIFICATE, &list12(&[]), true, &client)),
        ["chain "]
    );
    assert!(events(CERTIFICATE, &list12(&[]), true, &CLEAR).is_empty());
}

#[test]
fn certificate_status() {
    let one = events(CERTIFICATE_STATUS, &status(b"x"), true, &CLEAR);
    assert_eq!(words(&one)[1], "staple of 1");
    let list: Vec<u8> = [vec24(b"xy"), vec24(b""), vec24(b"xyz")].concat();
    let multi = [&[2][..], &vec24(&list)].concat();
    let found = words(&events(CERTIFICATE_STATUS, &multi, true, &CLEAR));
    assert_eq!((&*found[1], &*found[3]), ("staple of 2", "staple of 3"));
    let found = events(CERTIFICATE_STATUS, &[1, 0, 0, 9], true, &CLEAR);
    assert_eq!(words(&found), ["malformed CertificateStatus message"]);
}

fn compressed(algorithm: u16, length: usize, packed: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&algorithm.to_be_bytes()[..], &length[1..], &vec24(packed)].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Each format has a way to store bytes as they are (RFC 7932 9.2, RFC 8878 3.1.1).
fn stored(bytes: &[u8]) -> [(u16, Vec<u8>); 2] {
    let len = u32::try_from(bytes.len()).unwrap();
    // WBITS 16; MNIBBLES 4, MLEN - 1, ISUNCOMPRESSED; then the last empty block.
    let head = (len - 1) << 4 | 1 << 20;
    let brotli = [&head.to_le_bytes()[..3], bytes, &[3]].concat();
    // Single segment with a four-byte content size; one raw last block.
    let zstd = [
        &0xfd2f_b528_u32.to_le_bytes()[..],
        &[0xa0],
        &len.to_le_bytes(),
        &(len << 3 | 1).to_le_bytes()[..3],
        bytes,
    ]
    .concat();
    [(2, brotli), (3, zstd)]
}

#[test]
fn compressed_certificates() {
    let body = list13(&entry13(&der(), &[]));
    let mut forms = stored(&body).to_vec();
    forms.push((1, zlib(&body)));
    for (algorithm, packed) in forms {
        let message = compressed(algorithm, body.len(), &packed);
        let found = events(COMPRESSED_CERTIFICATE, &message, true, &TLS13);
        assert_eq!(words(&found), ["chain 02"], "algorithm {algorithm}");
        let wrong = compressed(algorithm, body.len() - 1, &packed);
        let found = events(COMPRESSED_CERTIFICATE, &wrong, true, &TLS13);
        assert!(
            words(&found)[0].contains("does not decompress"),
            "algorithm {algorithm}"
        );
    }
}

#[test]
fn decompression_is_bounded() {
    let bomb = zlib(&vec![0; 1 << 20]);
    let cases = [
        (compressed(1, 100, &bomb), "does not decompress"),
        (compressed(1, 1 << 20, &bomb), "over the limit"),
        // A brotli window of 2^30 bytes, which RFC 7932 does not know.
        (
            compressed(2, 100, &[0x11, 0x1e, 0, 0]),
            "does not decompress",
        ),
        (compressed(9, 1, b"x"), "unknown kind"),
        (vec![0, 1, 0], "malformed"),
    ];
    for (body, detail) in cases {
        let found = words(&events(COMPRESSED_CERTIFICATE, &body, true, &TLS13));
        assert!(found[0].contains(detail), "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes(kind in prop::sample::select(vec![CERTIFICATE, COMPRESSED_CERTIFICATE, CERTIFICATE_STATUS]),
                 body in prop::collection::vec(any::<u8>(), 0..300), whole: bool, tls13: bool) {
        let found = events(kind, &body, whole, &Source { tls13, ..CLEAR });
        prop_assert!(found.iter().all(|e| !matches!(&e.kind, EventKind::Chain(c) if c.complete)));
    }

    #[test]
    fn any_compressed_bytes(algorithm in 1_u16..4, packed in prop::collection::vec(any::<u8>(), 0..300)) {
        let found = events(COMPRESSED_CERTIFICATE, &compressed(algorithm, 50, &packed), true, &TLS13);
        prop_assert!(found.len() <= 2);
    }
}
