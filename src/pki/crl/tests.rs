use proptest::prelude::*;

use super::*;
use crate::pki::cert::Certificate;

const LEAF_CRL: &[u8] = include_bytes!("../testdata/leaf.crl");
const ROOT_CRL: &[u8] = include_bytes!("../testdata/root.crl");
const REVOKED_LEAF: &[u8] = include_bytes!("../testdata/leaf-revoked.der");
const OTHER_LEAF: &[u8] = include_bytes!("../testdata/leaf-r10.der");

fn serial(hex: &str) -> Serial {
    Serial::from_hex(hex).unwrap()
}

#[test]
fn the_head_of_a_shard_is_read() {
    let facts = open(LEAF_CRL).unwrap().facts();
    assert_eq!(facts.issuer, "CN=R10, O=Lab, C=US");
    assert_eq!(facts.idp_urls, ["http://r10.c.lencr.org/77.crl"]);
    assert!(facts.only_user && !facts.only_ca);
    // 1795290916000000 in hex, as openssl prints the number.
    assert_eq!(facts.number.as_deref(), Some("0660cebd511100"));
    assert_eq!(facts.this_update, Timestamp::from_secs(1_795_287_316));
    assert_eq!(facts.next_update, Some(Timestamp::from_secs(1_796_068_516)));
    assert_eq!(facts.entries, 108);
}

#[test]
fn listed_serials_are_found() {
    let list = open(LEAF_CRL).unwrap();
    let expected = Some(CertStatus::Revoked {
        at: Timestamp::from_secs(1_793_390_116),
        reason: None,
    });
    let revoked = serial("0525668378e6d5e8acdcea94723f7f513154");
    assert_eq!(list.find(&revoked), expected);
    assert_eq!(
        list.find(&serial("0371a992187496eb735d66ea2999a5cd58cc")),
        None
    );

    let wanted = [
        serial("0371a992187496eb735d66ea2999a5cd58cc"),
        serial("05f33c28bc671e073d023000b6be9271436a"),
        revoked.clone(),
        revoked.clone(),
        serial("00"),
    ];
    let found: Vec<Serial> = list
        .find_all(&wanted)
        .into_iter()
        .map(|(serial, _)| serial)
        .collect();
    assert_eq!(found, [revoked, wanted[1].clone()]);
}

#[test]
fn an_empty_root_list_is_a_list() {
    let list = open(ROOT_CRL).unwrap();
    assert!(list.is_complete());
    assert_eq!(list.facts().entries, 0);
    assert_eq!(list.find(&serial("01")), None);
}

/// Version 1, without extensions and nextUpdate:
/// `SEQUENCE { SEQUENCE { alg, issuer, thisUpdate, entries }, alg, sig }`.
#[test]
fn old_lists_are_read() {
    let entry = b"\x30\x12\x02\x01\x07\x17\x0d250806000000Z";
    let mut body = b"\x30\x03\x06\x01\x2a\x30\x00\x17\x0d250806000000Z\x30\x14".to_vec();
    body.extend(entry);
    let mut list = vec![0x30, u8::try_from(body.len()).unwrap()];
    list.extend(body);
    list.extend(b"\x30\x03\x06\x01\x2a\x03\x02\x00\x55");
    let mut der = vec![0x30, u8::try_from(list.len()).unwrap()];
    der.extend(list);
    let crl = open(&der).unwrap();
    assert_eq!(crl.facts().next_update, None);
    assert_eq!(crl.facts().entries, 1);
    let expected = CertStatus::Revoked {
        at: Timestamp::from_secs(1_754_438_400),
        reason: None,
    };
    assert_eq!(crl.find(&serial("07")), Some(expected));
}

#[test]
fn a_list_that_was_cut_still_tells_what_it_holds() {
    let cut = open(&LEAF_CRL[..1_000]).unwrap();
    assert!(!cut.is_complete());
    assert!(
        cut.find(&serial("0525668378e6d5e8acdcea94723f7f513154"))
            .is_some()
    );
    let facts = cut.facts();
    assert!(facts.entries > 5 && facts.idp_urls.is_empty() && facts.number.is_none());
    assert!(open(&LEAF_CRL[..20]).is_err());
}

#[test]
fn what_is_no_list_is_refused() {
    for bytes in [
        &b""[..],
        b"\x30\x00",
        b"<html>no</html>",
        OTHER_LEAF,
        include_bytes!("../testdata/ocsp-good.der"),
    ] {
        assert!(open(bytes).is_err());
    }
    let mut trailing = LEAF_CRL.to_vec();
    trailing.push(0);
    assert!(open(&trailing).is_err());
}

#[test]
fn a_shard_covers_its_own_certificates_only() {
    let shard = open(LEAF_CRL).unwrap().facts();
    let root = open(ROOT_CRL).unwrap().facts();
    let own = Certificate::parse(REVOKED_LEAF).unwrap();
    let other = Certificate::parse(OTHER_LEAF).unwrap();
    assert_eq!(mismatch(&shard, &own), None);
    assert_eq!(mismatch(&shard, &other), Some(Mismatch::OtherShard));
    assert_eq!(mismatch(&root, &own), Some(Mismatch::OtherIssuer));
    let ca = Certificate { is_ca: true, ..own };
    assert_eq!(mismatch(&shard, &ca), Some(Mismatch::OtherKind));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = open(&bytes);
    }

    #[test]
    fn any_damage_is_read_without_panic(at in 0..LEAF_CRL.len(), byte: u8, cut in 0..LEAF_CRL.len()) {
        let mut der = LEAF_CRL.to_vec();
        der[at] = byte;
        for bytes in [&der[..], &der[..cut]] {
            if let Ok(list) = open(bytes) {
                let _ = list.facts();
                let _ = list.find_all(&[serial("0525668378e6d5e8acdcea94723f7f513154")]);
            }
        }
    }
}
