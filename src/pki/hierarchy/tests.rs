use super::*;
use crate::pki::cert::Serial;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// First eight hex digits of the SHA-1 name and key hashes, as published values and openssl give them.
#[test]
fn hashes_are_the_known_ones() {
    for (name, name_hash, key_hash) in [
        ("YE1", "35b94158", "83e381e3"),
        ("YE2", "27d91e50", "821de96b"),
        ("YE3", "5b9af41a", "cc65b5c2"),
        ("YR1", "617a0da3", "09fc8220"),
        ("YR2", "674cd335", "7489427e"),
        ("YR3", "1ece853b", "5fa632c5"),
        ("E5", "1e11c0c9", "99cd29c3"),
        ("E6", "d47a3880", "0dc5ccfd"),
        ("E7", "d896913f", "39bec8e2"),
        ("E8", "8c028ba0", "58e99dfd"),
        ("E9", "6e8664c3", "872f9adc"),
        ("R10", "690fe415", "74a47629"),
        ("R11", "1a52b9b4", "08b9113b"),
        ("R12", "ce2f9e5f", "1a16234f"),
        ("R13", "729bed1a", "fe195844"),
        ("R14", "5dfffbb3", "589e94c1"),
        ("R3", "48dac9a0", "142eb317"),
        ("R4", "58414f43", "369d3ee0"),
        ("E1", "ef900170", "5af3ed2b"),
        ("E2", "aee9b0bd", "6d992af5"),
        ("Let's Encrypt Authority X1", "bc5772e2", "a84a6a63"),
        ("Let's Encrypt Authority X2", "18081222", "c5b1ab4e"),
        ("Let's Encrypt Authority X3", "7ee66ae7", "a84a6a63"),
        ("Let's Encrypt Authority X4", "1d971c54", "c5b1ab4e"),
        ("ISRG Root X1", "281aea4e", "79b459e6"),
        ("ISRG Root X2", "8a938d24", "7c4296ae"),
        ("Root YE", "a1f78b82", "5f8f5881"),
        ("Root YR", "b5dd4baf", "3f28d0db"),
        ("ISRG Root OCSP X1", "4b617e57", "1fbb27f2"),
        ("DST Root CA X3", "6ff4684d", "c4a7b1a4"),
    ] {
        let ca = Hierarchy::builtin().by_name(name).expect(name);
        assert!(hex(&ca.name_hash.sha1).starts_with(name_hash), "{name}");
        assert!(hex(&ca.key_hash.sha1).starts_with(key_hash), "{name}");
    }
}

#[test]
fn all_certificates_are_there_and_verify_within_the_hierarchy() {
    let hierarchy = Hierarchy::builtin();
    let all: Vec<&CaCertificate> = hierarchy
        .cas()
        .iter()
        .flat_map(|ca| &ca.certificates)
        .collect();
    assert_eq!(all.len(), 81);
    assert_eq!(all.iter().filter(|own| own.withdrawn).count(), 3);
    for own in all {
        let issuer = hierarchy.issuer_of(&own.certificate);
        assert!(issuer.is_some(), "{}", own.certificate.subject);
    }
}

#[test]
fn a_cert_id_needs_both_hashes() {
    let hierarchy = Hierarchy::builtin();
    let x1 = hierarchy.by_name("Let's Encrypt Authority X1").unwrap();
    let x3 = hierarchy.by_name("Let's Encrypt Authority X3").unwrap();
    assert_eq!(x1.key_hash, x3.key_hash);
    let mut id = CertId {
        hash: HashKind::Sha1,
        issuer_name_hash: x3.name_hash.sha1.to_vec(),
        issuer_key_hash: x3.key_hash.sha1.to_vec(),
        serial: Serial::new(&[3]),
    };
    assert_eq!(
        hierarchy.by_cert_id(&id).unwrap().name,
        "Let's Encrypt Authority X3"
    );
    id.hash = HashKind::Sha256;
    assert!(hierarchy.by_cert_id(&id).is_none());
    id.issuer_name_hash = x1.name_hash.sha256.to_vec();
    id.issuer_key_hash = x1.key_hash.sha256.to_vec();
    assert_eq!(
        hierarchy.by_cert_id(&id).unwrap().name,
        "Let's Encrypt Authority X1"
    );
    // The AuthorityKeyIdentifier of a leaf of 2024 or later is no issuerKeyHash (RFC 7093).
    let e7 = hierarchy.by_name("E7").unwrap();
    let key_id = e7.certificates[0]
        .certificate
        .subject_key_id
        .clone()
        .unwrap();
    assert_ne!(key_id, e7.key_hash.sha1);
    assert_eq!(key_id, e7.key_hash.sha256[..20]);
    id.hash = HashKind::Sha1;
    id.issuer_name_hash = e7.name_hash.sha1.to_vec();
    id.issuer_key_hash = key_id;
    assert!(hierarchy.by_cert_id(&id).is_none());
}

#[test]
fn labels_stand_for_cas() {
    let hierarchy = Hierarchy::builtin();
    for (label, name) in [
        ("r3", "R3"),
        ("r10", "R10"),
        ("e9", "E9"),
        ("ye1", "YE1"),
        ("yr", "Root YR"),
        ("x1", "ISRG Root X1"),
        ("x2", "ISRG Root X2"),
        ("stg-r10", "(STAGING) Counterfeit Cashew R10"),
        ("stg-x1", "(STAGING) Pretend Pear X1"),
        ("stg-ye", "(STAGING) Yearning Yucca Root YE"),
        ("stg-dst3", "(STAGING) Doctored Durian Root CA X3"),
    ] {
        assert_eq!(
            hierarchy.by_label(label).map(|ca| ca.name.as_str()),
            Some(name),
            "{label}"
        );
    }
    for unknown in ["r15", "x3", "dst3", "stg-ye1", "", "stg-", "authority"] {
        assert!(hierarchy.by_label(unknown).is_none(), "{unknown}");
    }
    // Labels agree with what the certificates of CAs themselves name their issuers by.
    for ca in hierarchy.cas() {
        for own in &ca.certificates {
            for url in &own.certificate.issuer_urls {
                let Some(label) = url
                    .strip_prefix("http://")
                    .and_then(|url| url.strip_suffix(".i.lencr.org/"))
                else {
                    continue;
                };
                // Two staging cross-signs by dst3 name stg-x1 all the same.
                if own.certificate.issuer.contains("Doctored Durian") {
                    continue;
                }
                let named = hierarchy.by_label(label).unwrap();
                assert_eq!(
                    named.name_hash, own.certificate.issuer_hash,
                    "{url} in {}",
                    ca.name
                );
            }
        }
    }
}

#[test]
fn cas_have_a_state_and_a_life() {
    let hierarchy = Hierarchy::builtin();
    let state = |name| hierarchy.by_name(name).unwrap().state;
    assert_eq!(state("YE1"), State::InUse);
    assert_eq!(state("YR3"), State::Backup);
    assert_eq!(state("R10"), State::Retired);
    let x2 = hierarchy.by_name("ISRG Root X2").unwrap();
    assert_eq!(x2.certificates.len(), 4);
    assert_eq!(x2.environment, Environment::Production);
    assert_eq!(x2.key, KeyKind::Ec(384));
    // Self-signed, 2020-09-04 to 2040-09-17.
    assert_eq!(x2.not_before, Timestamp::from_secs(1_599_177_600));
    assert_eq!(x2.not_after, Timestamp::from_secs(2_231_510_400));
    let environment = |name| hierarchy.by_name(name).unwrap().environment;
    assert_eq!(environment("DST Root CA X3"), Environment::CrossSigner);
    assert_eq!(
        environment("Let's Encrypt Authority X3"),
        Environment::Predecessor
    );
    assert_eq!(environment("Fake LE Root X1"), Environment::Staging);
    for named in IN_USE.iter().chain(&BACKUP) {
        assert!(hierarchy.by_name(named).is_some(), "{named}");
    }
}

#[test]
fn lets_encrypt_is_told_from_others() {
    let hierarchy = Hierarchy::builtin();
    let lab_leaf = Certificate::parse(include_bytes!("../testdata/leaf-r10.der")).unwrap();
    assert!(!hierarchy.is_lets_encrypt(&lab_leaf));
    let newer = Certificate {
        issuer: "CN=ZE1, O=Let's Encrypt, C=US".to_owned(),
        ..lab_leaf.clone()
    };
    assert!(hierarchy.is_lets_encrypt(&newer));
    let forged = Certificate {
        issuer: "CN=Let's Encrypt, C=US\\, O=Let's Encrypt\\, C=US".to_owned(),
        ..lab_leaf
    };
    assert!(!hierarchy.is_lets_encrypt(&forged));
    for ca in hierarchy.cas() {
        let ours = ca.environment != Environment::CrossSigner;
        for own in &ca.certificates {
            assert_eq!(
                hierarchy.is_lets_encrypt(&own.certificate),
                ours,
                "{}",
                ca.name
            );
        }
    }
}
