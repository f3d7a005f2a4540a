use proptest::prelude::*;

use super::*;
use crate::pki::base64;

const REQUEST: &[u8] = include_bytes!("../testdata/ocsp-request.der");
const GOOD: &[u8] = include_bytes!("../testdata/ocsp-good.der");
const REVOKED: &[u8] = include_bytes!("../testdata/ocsp-revoked.der");
const DELEGATED: &[u8] = include_bytes!("../testdata/ocsp-delegated.der");

const SHA1_NULL: &[u8] = &[0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];
const SHA1: &[u8] = &[0x30, 7, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a];
const SHA256_NULL: &[u8] = &[0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(long) => out.extend([0x81, long]),
        Err(_) => {
            out.push(0x82);
            out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        }
    }
    out.extend(content);
    out
}

fn question(algorithm: &[u8], hash_len: usize, serial: &[u8]) -> Vec<u8> {
    let hash = tlv(tag::OCTET_STRING, &[&vec![0x48; hash_len]]);
    let id = tlv(
        tag::SEQUENCE,
        &[algorithm, &hash, &hash, &tlv(tag::INTEGER, &[serial])],
    );
    tlv(tag::SEQUENCE, &[&id])
}

fn request(version: &[u8], questions: &[&[u8]], extensions: &[u8]) -> Vec<u8> {
    let list = tlv(tag::SEQUENCE, questions);
    let body = tlv(tag::SEQUENCE, &[version, &list, extensions]);
    tlv(tag::SEQUENCE, &[&body])
}

fn to_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, b| bits << 8 | u32::from(*b))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let value = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap();
            out.push(if digit <= chunk.len() {
                char::from(DIGITS[value])
            } else {
                '='
            });
        }
    }
    out
}

#[test]
fn a_browsers_question_is_read() {
    let read = parse_request(REQUEST).unwrap();
    assert_eq!(read.ids.len(), 1);
    assert_eq!(read.ids[0].hash, HashKind::Sha1);
    assert_eq!(
        read.ids[0].serial.to_string(),
        "0371a992187496eb735d66ea2999a5cd58cc"
    );
    assert!(!read.nonce);
    assert_eq!(read.dialect, Dialect::Common);
}

/// The three encodings of the same question for an 18-byte serial begin, as Base64, as client code and
/// captures show them.
#[test]
fn dialects_have_their_known_beginnings() {
    let serial = [&[4][..], &[0x11; 17]].concat();
    let explicit: &[u8] = &[0xa0, 3, 2, 1, 0];
    for (bytes, length, beginning, dialect) in [
        (
            request(&[], &[&question(SHA1_NULL, 20, &serial)], &[]),
            85,
            "MFMwUTBPME0wSzAJBgUrDgMCGgUABBR",
            Dialect::Common,
        ),
        (
            request(explicit, &[&question(SHA1_NULL, 20, &serial)], &[]),
            90,
            "MFgwVqADAgEAME8wTTBLMAkGBSsOAwIaBQAEF",
            Dialect::ExplicitVersion,
        ),
        (
            request(&[], &[&question(SHA1, 20, &serial)], &[]),
            83,
            "MFEwTzBNMEswSTAHBgUrDgMCGgQU",
            Dialect::NoParameters,
        ),
        (
            request(explicit, &[&question(SHA1, 20, &serial)], &[]),
            88,
            "MFYwVKADAgEA",
            Dialect::Other,
        ),
    ] {
        assert_eq!(bytes.len(), length);
        let text = to_base64(&bytes);
        assert!(text.starts_with(beginning), "{text}");
        let read = parse_request(&bytes).unwrap();
        assert_eq!(read.dialect, dialect, "{beginning}");
        assert_eq!(read.ids[0].serial, Serial::new(&serial));
    }
}

#[test]
fn several_questions_other_hashes_and_a_nonce_are_read() {
    let nonce_oid = [6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
    let nonce = tlv(
        tag::constructed(2),
        &[&tlv(
            tag::SEQUENCE,
            &[&tlv(
                tag::SEQUENCE,
                &[&nonce_oid, &tlv(tag::OCTET_STRING, &[&[4, 2, 1, 1]])],
            )],
        )],
    );
    let bytes = request(
        &[],
        &[
            &question(SHA1_NULL, 20, &[0, 0x8f, 1]),
            &question(SHA256_NULL, 32, &[2]),
        ],
        &nonce,
    );
    let read = parse_request(&bytes).unwrap();
    assert!(read.nonce);
    let hashes: Vec<HashKind> = read.ids.iter().map(|id| id.hash).collect();
    assert_eq!(hashes, [HashKind::Sha1, HashKind::Sha256]);
    assert_eq!(read.ids[0].serial.to_string(), "8f01");
    assert_eq!(read.ids[1].issuer_name_hash.len(), 32);
}

#[test]
fn broken_or_endless_questions_are_refused() {
    let mut trailing = REQUEST.to_vec();
    trailing.push(0);
    assert!(matches!(
        parse_request(&trailing),
        Err(PkiError::Trailing(_))
    ));
    assert_eq!(parse_request(&REQUEST[..84]), Err(PkiError::Truncated));
    assert!(parse_request(&request(&[], &[], &[])).is_err());
    let one = question(SHA1, 20, &[1]);
    let many = vec![one.as_slice(); 257];
    assert_eq!(
        parse_request(&request(&[], &many, &[])),
        Err(PkiError::TooMany(256))
    );
}

#[test]
fn every_spelling_of_a_get_reads_alike() {
    // Serials that make plus signs, single and double slashes, also at the end.
    let serials: [&[u8]; 4] = [
        &[
            4, 0xff, 0xff, 0xff, 0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb, 0xef,
            0xbe, 0xfb, 0xef,
        ],
        &[5, 0xfb, 0xef, 0xbe, 0xff, 0xff],
        &[6, 0xff, 0xff, 0xff, 0xff],
        &[7],
    ];
    for serial in serials {
        let der = request(&[], &[&question(SHA1_NULL, 20, serial)], &[]);
        let plain = to_base64(&der);
        let escaped = plain
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3d");
        let every_byte: String = plain.bytes().map(|b| format!("%{b:02x}")).collect();
        for path in [
            format!("/{plain}"),
            format!("//{plain}"),
            format!("/{escaped}"),
            format!("//{escaped}"),
            format!("/{every_byte}"),
            format!("/{}", escaped.replace('%', "%25")),
            format!("/{}", plain.replace('+', " ")),
            format!("/{}", plain.replace('+', "%20")),
            format!("/{}", plain.trim_end_matches('=')),
            format!("/{}", plain.replace('+', "-").replace('/', "_")),
            format!("/{plain}/"),
            format!("/{plain}?x=1"),
            format!("/gsr1/{plain}"),
            format!("/a/b/{escaped}"),
            format!("/MA/{plain}"),
            format!("/{}%0A{}", &plain[..64], &plain[64..]),
        ] {
            assert_eq!(request_of_path(&path).as_ref(), Some(&der), "{path}");
        }
    }
}

#[test]
fn paths_that_are_no_question_are_not_taken_for_one() {
    for path in [
        "",
        "/",
        "//",
        "/index.html",
        "/MFMwUTBPME0wSzAJBgUrDgMCGgUA",
        "/58.crl",
        "/MFMw%",
        "/M",
        "/ocsp/status/MAAA",
    ] {
        assert_eq!(request_of_path(path), None, "{path}");
    }
    assert_eq!(request_of_path(&"/M".repeat(8 << 10)), None);
}

#[test]
fn answers_are_read() {
    let good = parse_response(GOOD).unwrap();
    assert_eq!(good.status, ResponseStatus::Successful);
    assert_eq!(good.answers.len(), 1);
    let answer = &good.answers[0];
    assert_eq!(answer.status, CertStatus::Good);
    assert_eq!(answer.id, parse_request(REQUEST).unwrap().ids[0]);
    let week = answer.next_update.unwrap().since(answer.this_update);
    assert_eq!(week.as_nanos() / 1_000_000_000, 604_800 - 3_600);
    assert!(good.responder_name.is_some() && good.responder_key_hash.is_none());
    assert!(!good.has_certificates);

    let revoked = parse_response(REVOKED).unwrap();
    let expected = CertStatus::Revoked {
        at: Timestamp::from_secs(1_795_031_820),
        reason: Some(1),
    };
    assert_eq!(revoked.answers[0].status, expected);

    let delegated = parse_response(DELEGATED).unwrap();
    assert!(delegated.has_certificates);
    assert_eq!(delegated.answers[0].id.serial.to_string(), "081c862dc8aac9");
    assert_eq!(
        delegated.produced_at,
        Some(Timestamp::from_secs(1_434_665_014))
    );
}

#[test]
fn errors_without_a_body_are_answers_too() {
    for (code, status) in [
        (1, ResponseStatus::MalformedRequest),
        (3, ResponseStatus::TryLater),
        (6, ResponseStatus::Unauthorized),
        (4, ResponseStatus::Other(4)),
    ] {
        let read = parse_response(&[0x30, 3, 0x0a, 1, code]).unwrap();
        assert_eq!((read.status, read.answers.len()), (status, 0));
    }
    assert!(parse_response(&[0x30, 3, 0x0a, 1, 0]).is_err());
    assert!(parse_response(b"").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), path: String) {
        let _ = parse_request(&bytes);
        let _ = parse_response(&bytes);
        let _ = request_of_path(&path);
        let _ = request_of_path(&format!("/M{path}"));
    }

    #[test]
    fn any_damage_is_read_without_panic(at in 0..REVOKED.len(), byte: u8, cut in 0..REVOKED.len()) {
        let mut der = REVOKED.to_vec();
        der[at] = byte;
        let _ = parse_response(&der);
        let _ = basic(&der);
        prop_assert!(parse_response(&REVOKED[..cut]).is_err());
    }

    #[test]
    fn base64_of_any_bytes_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let text = to_base64(&bytes);
        prop_assert_eq!(base64::decode(text.bytes()), Some(bytes.clone()));
        prop_assert_eq!(base64::decode(text.trim_end_matches('=').bytes()), Some(bytes));
    }

    #[test]
    fn a_question_about_any_serial_survives_the_url(serial in proptest::collection::vec(any::<u8>(), 1..21)) {
        let der = request(&[], &[&question(SHA1_NULL, 20, &serial)], &[]);
        let path = format!("/{}", to_base64(&der));
        prop_assert_eq!(request_of_path(&path), Some(der.clone()));
        prop_assert_eq!(&parse_request(&der).unwrap().ids[0].serial, &Serial::new(&serial));
    }
}
