use proptest::prelude::*;

use super::*;

const LEAF: &[u8] = include_bytes!("../testdata/leaf-r10.der");

/// `bytes` with the first occurrence of `from` replaced by `to` of the same length.
fn patched(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .expect("fixture holds the bytes to change");
    let mut out = bytes.to_vec();
    out[at..at + to.len()].copy_from_slice(to);
    out
}

#[test]
fn a_leaf_tells_all_its_facts() {
    let cert = Certificate::parse(LEAF).unwrap();
    assert_eq!(
        cert.serial.to_string(),
        "0371a992187496eb735d66ea2999a5cd58cc"
    );
    assert_eq!(cert.subject, "CN=www.alpha-books.example");
    assert_eq!(cert.issuer, "CN=R10, O=Lab, C=US");
    assert_eq!(cert.issuer_cn.as_deref(), Some("R10"));
    assert_eq!(cert.names, ["www.alpha-books.example"]);
    assert_eq!(cert.ocsp_urls, ["http://r10.o.lencr.org"]);
    assert_eq!(cert.issuer_urls, ["http://r10.i.lencr.org/"]);
    assert_eq!(cert.crl_urls, ["http://r10.c.lencr.org/74.crl"]);
    assert!(!cert.is_ca && !cert.self_issued && !cert.must_staple);
    assert!(cert.not_before < cert.not_after);
    assert_eq!(&*cert.der, LEAF);
}

/// An independent parser agrees on every certificate at hand.
#[test]
fn x509_parser_agrees() {
    use x509_parser::prelude::*;
    let files: [&[u8]; 5] = [
        include_bytes!("../hierarchy/production.pem"),
        include_bytes!("../hierarchy/staging.pem"),
        include_bytes!("../testdata/roots.pem"),
        include_bytes!("../testdata/int-r10.pem"),
        LEAF,
    ];
    let ders: Vec<Vec<u8>> = files
        .iter()
        .flat_map(|file| crate::pki::pem::certificates(file))
        .collect();
    assert_eq!(ders.len(), 46 + 32 + 2 + 1 + 1);
    for der in ders {
        let own = Certificate::parse(&der).unwrap();
        let (_, other) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(own.serial, Serial::new(&other.serial.to_bytes_be()));
        assert_eq!(
            own.not_before.as_secs(),
            other.validity().not_before.timestamp()
        );
        assert_eq!(
            own.not_after.as_secs(),
            other.validity().not_after.timestamp()
        );
        assert_eq!(own.is_ca, other.is_ca());
        assert_eq!(own.subject_hash, NameHashes::of(other.subject().as_raw()));
        assert_eq!(own.issuer_hash, NameHashes::of(other.issuer().as_raw()));
        let key = other.public_key();
        assert_eq!(own.key_hash, NameHashes::of(&key.subject_public_key.data));
        let common_name = other.subject().iter_common_name().last();
        let common_name = common_name.map(|name| name.as_str().unwrap().to_owned());
        assert_eq!(own.subject_cn, common_name);
        let mut urls = Vec::new();
        for extension in other.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => {
                    assert_eq!(own.subject_key_id.as_deref(), Some(id.0));
                }
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    let id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                    assert_eq!(own.authority_key_id, id);
                }
                ParsedExtension::AuthorityInfoAccess(access) => {
                    urls.extend(
                        access
                            .accessdescs
                            .iter()
                            .map(|d| d.access_location.to_string()),
                    );
                }
                ParsedExtension::CRLDistributionPoints(points) => {
                    for point in points.iter() {
                        if let Some(DistributionPointName::FullName(names)) =
                            &point.distribution_point
                        {
                            urls.extend(names.iter().map(ToString::to_string));
                        }
                    }
                }
                _ => {}
            }
        }
        let mut own_urls = [own.ocsp_urls, own.issuer_urls, own.crl_urls].concat();
        own_urls.sort();
        for url in &mut urls {
            *url = url
                .trim_start_matches("URI(")
                .trim_end_matches(')')
                .to_owned();
        }
        urls.sort();
        assert_eq!(own_urls, urls, "{}", own.subject);
    }
}

#[test]
fn keys_have_kinds() {
    let kinds = |pem: &[u8]| -> Vec<KeyKind> {
        crate::pki::pem::certificates(pem)
            .iter()
            .map(|der| Certificate::parse(der).unwrap().key)
            .collect()
    };
    assert_eq!(
        kinds(include_bytes!("../testdata/int-r10.pem")),
        [KeyKind::Rsa(2048)]
    );
    // secp384r1 turned into a curve that nobody knows.
    let roots = crate::pki::pem::certificates(include_bytes!("../testdata/roots.pem"));
    let ec = roots.last().unwrap();
    assert_eq!(Certificate::parse(ec).unwrap().key, KeyKind::Ec(384));
    let odd = patched(
        ec,
        &[0x2b, 0x81, 0x04, 0x00, 0x22],
        &[0x2b, 0x81, 0x04, 0x00, 0x7f],
    );
    assert_eq!(Certificate::parse(&odd).unwrap().key, KeyKind::Other);
}

#[test]
fn a_broken_part_does_not_hide_the_others() {
    let sound = Certificate::parse(LEAF).unwrap();
    // A UTCTime in month 77.
    let year = LEAF.windows(2).position(|w| w == [0x17, 0x0d]).unwrap();
    let mut bad_date = LEAF.to_vec();
    bad_date[year + 4..year + 6].copy_from_slice(b"77");
    let cert = Certificate::parse(&bad_date).unwrap();
    assert_eq!(cert.not_before, Timestamp::from_nanos(i64::MIN));
    assert_eq!(
        (&cert.serial, &cert.crl_urls, cert.not_after),
        (&sound.serial, &sound.crl_urls, sound.not_after)
    );

    // Two subjectAltNames: the basicConstraints OID becomes a second 2.5.29.17 with an empty sequence inside.
    let twice = patched(LEAF, &[0x55, 0x1d, 0x13], &[0x55, 0x1d, 0x11]);
    assert_eq!(Certificate::parse(&twice).unwrap().names, sound.names);

    // A subjectAltName whose content is no SEQUENCE: the common name stands in.
    let san = LEAF
        .windows(3)
        .position(|w| w == [0x55, 0x1d, 0x11])
        .unwrap();
    let mut no_names = LEAF.to_vec();
    no_names[san + 5] = 0x31;
    let cert = Certificate::parse(&no_names).unwrap();
    assert_eq!(cert.names, ["www.alpha-books.example"]);
    assert_eq!(cert.ocsp_urls, sound.ocsp_urls);
}

#[test]
fn what_is_no_certificate_is_refused() {
    for (bytes, error) in [
        (&b""[..], PkiError::Truncated),
        (b"\x30\x80", PkiError::NotDer),
        (b"<html>", PkiError::NotA("a certificate (RFC 5280 4.1)")),
        (&LEAF[..LEAF.len() - 1], PkiError::Truncated),
        (
            include_bytes!("../testdata/ocsp-good.der"),
            PkiError::NotA("a certificate (RFC 5280 4.1)"),
        ),
    ] {
        match (Certificate::parse(bytes), error) {
            (Err(PkiError::NotA(_)), PkiError::NotA(_)) => {}
            (Err(seen), expected) => assert_eq!(seen, expected),
            (Ok(cert), _) => panic!("read {cert:?}"),
        }
    }
}

#[test]
fn serials_are_numbers_not_encodings() {
    assert_eq!(Serial::new(&[0, 0x8f, 1]), Serial::new(&[0x8f, 1]));
    assert_eq!(Serial::new(&[0, 0, 7]).to_string(), "07");
    assert_eq!(Serial::new(&[0]), Serial::new(&[]));
    assert_eq!(Serial::from_hex("00:8F:01"), Some(Serial::new(&[0x8f, 1])));
    assert_eq!(Serial::from_hex(" 0x8f01 "), Some(Serial::new(&[0x8f, 1])));
    assert_eq!(Serial::from_hex("7"), Some(Serial::new(&[7])));
    assert_eq!(Serial::from_hex("123"), Some(Serial::new(&[1, 0x23])));
    for bad in ["", ":", "0x", "8g", "-1", "8f.01"] {
        assert_eq!(Serial::from_hex(bad), None, "{bad}");
    }
}

#[test]
fn certificates_met_again_are_shared() {
    let mut interner = Interner::default();
    let first = interner.intern(LEAF).unwrap();
    assert!(Arc::ptr_eq(&first, &interner.intern(LEAF).unwrap()));
    assert_eq!(interner.len(), 1);
    assert!(interner.intern(b"nonsense").is_err());
    assert_eq!(interner.len(), 1);
}

#[test]
fn the_interner_forgets_what_was_not_met_for_long() {
    let variant = |n: u8| {
        let mut der = LEAF.to_vec();
        *der.last_mut().unwrap() ^= n;
        der
    };
    let mut interner = Interner::with_limit(8);
    let first = interner.intern(&variant(0)).unwrap();
    for n in 1..100 {
        interner.intern(&variant(n)).unwrap();
        assert!(interner.len() <= 8);
        // Met again and again, it stays.
        assert!(Arc::ptr_eq(&first, &interner.intern(&variant(0)).unwrap()));
    }
    let mut none = Interner::with_limit(0);
    assert!(none.intern(LEAF).is_ok());
    assert!(none.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::parse(&bytes);
        let _ = usage(&bytes);
    }

    #[test]
    fn any_damage_is_read_without_panic(at in 0..LEAF.len(), byte: u8, cut in 0..LEAF.len()) {
        let mut der = LEAF.to_vec();
        der[at] = byte;
        let _ = Certificate::parse(&der);
        let _ = usage(&der);
        let _ = Certificate::parse(&der[..cut]);
    }

    #[test]
    fn serials_survive_hex_and_leading_zeros(bytes in proptest::collection::vec(any::<u8>(), 1..24), zeros in 0usize..4) {
        let serial = Serial::new(&bytes);
        let padded = [vec![0; zeros], bytes].concat();
        prop_assert_eq!(&Serial::new(&padded), &serial);
        prop_assert_ne!(serial.as_bytes().first(), Some(&0));
        if !serial.as_bytes().is_empty() {
            prop_assert_eq!(Serial::from_hex(&serial.to_string()), Some(serial.clone()));
            prop_assert_eq!(Serial::from_hex(&serial.to_string().to_uppercase()), Some(serial));
        }
    }
}
