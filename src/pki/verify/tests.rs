use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::*;
use crate::pki::hierarchy::Hierarchy;
use crate::pki::ocsp::parse_response;
use crate::pki::pem;

const ROOTS: &[u8] = include_bytes!("../testdata/roots.pem");
const R10: &[u8] = include_bytes!("../testdata/int-r10.pem");
const LEAF: &[u8] = include_bytes!("../testdata/leaf-r10.der");
const GOOD: &[u8] = include_bytes!("../testdata/ocsp-good.der");
const REVOKED: &[u8] = include_bytes!("../testdata/ocsp-revoked.der");
const DELEGATED: &[u8] = include_bytes!("../testdata/ocsp-delegated.der");
const LEAF_CRL: &[u8] = include_bytes!("../testdata/leaf.crl");
const ROOT_CRL: &[u8] = include_bytes!("../testdata/root.crl");
/// When the lab's answers were captured.
const THEN: Timestamp = Timestamp::from_secs(1_795_290_924);

fn trusting(files: &[&[u8]]) -> Trust {
    let mut trust = Trust::builtin();
    for file in files {
        assert!(trust.add_certificates(pem::certificates(file)) > 0);
    }
    trust
}

fn parse(file: &[u8]) -> Arc<Certificate> {
    Arc::new(Certificate::parse(&pem::certificates(file)[0]).unwrap())
}

fn ocsp(der: &[u8], trust: &Trust) -> Signature {
    parse_response(der).map_or(Signature::Unchecked, |response| {
        verify_ocsp(der, &response, trust, THEN)
    })
}

#[test]
fn the_hierarchy_verifies_itself_from_its_roots() {
    // Anchors are the self-signed roots only; everything else has to lead there.
    let all: Vec<&Arc<Certificate>> = Hierarchy::builtin()
        .cas()
        .iter()
        .flat_map(|ca| ca.certificates.iter().map(|own| &own.certificate))
        .collect();
    let mut trust = Trust::default();
    trust.add_certificates(
        all.iter()
            .filter(|cert| cert.self_issued)
            .map(|cert| &cert.der),
    );
    // Children before parents as well.
    for cert in all.iter().rev().chain(&all) {
        trust.learn(cert);
    }
    for cert in &all {
        assert_eq!(
            verify_certificate(cert, &trust),
            Signature::Verified,
            "{} by {}",
            cert.subject,
            cert.issuer
        );
    }
    let builtin = Trust::builtin();
    for cert in all {
        assert_eq!(verify_certificate(cert, &builtin), Signature::Verified);
    }
}

#[test]
fn genuine_leaves_verify_against_the_builtin_hierarchy() {
    for (leaf, issuer) in [
        (&include_bytes!("../testdata/leaf-le-r3.der")[..], "R3"),
        (
            include_bytes!("../testdata/leaf-le-x3.der"),
            "Let's Encrypt Authority X3",
        ),
    ] {
        let leaf = Certificate::parse(leaf).unwrap();
        assert_eq!(
            verify_certificate(&leaf, &Trust::builtin()),
            Signature::Verified
        );
        let hierarchy = Hierarchy::builtin();
        assert_eq!(
            hierarchy.issuer_of(&leaf).map(|ca| ca.name.as_str()),
            Some(issuer)
        );
        assert!(hierarchy.is_lets_encrypt(&leaf));
    }
}

#[test]
fn a_private_ca_counts_when_it_is_given() {
    let leaf = Certificate::parse(LEAF).unwrap();
    assert_eq!(
        verify_certificate(&leaf, &Trust::builtin()),
        Signature::UnknownIssuer
    );
    assert_eq!(
        verify_certificate(&leaf, &trusting(&[R10])),
        Signature::Verified
    );
    // With the root alone the intermediate must have been seen.
    let mut trust = trusting(&[ROOTS]);
    assert_eq!(verify_certificate(&leaf, &trust), Signature::UnknownIssuer);
    trust.learn(&parse(R10));
    assert_eq!(verify_certificate(&leaf, &trust), Signature::Verified);
    // What was merely seen leads nowhere.
    let mut trust = Trust::builtin();
    trust.learn(&parse(R10));
    assert_eq!(verify_certificate(&leaf, &trust), Signature::UnknownIssuer);
    // Until its root comes.
    trust.add_certificates(pem::certificates(ROOTS));
    assert_eq!(verify_certificate(&leaf, &trust), Signature::Verified);
}

#[test]
fn a_certificate_with_any_byte_changed_is_not_verified() {
    let trust = trusting(&[R10]);
    for at in 0..LEAF.len() {
        let mut der = LEAF.to_vec();
        der[at] ^= 1 << (at % 8);
        if let Ok(cert) = Certificate::parse(&der) {
            assert_ne!(
                verify_certificate(&cert, &trust),
                Signature::Verified,
                "byte {at}"
            );
        }
    }
}

#[test]
fn genuine_answers_are_verified() {
    let trust = trusting(&[R10]);
    assert_eq!(ocsp(GOOD, &trust), Signature::Verified);
    assert_eq!(ocsp(REVOKED, &trust), Signature::Verified);
    assert_eq!(ocsp(GOOD, &Trust::builtin()), Signature::UnknownIssuer);
    assert_eq!(ocsp(GOOD, &Trust::default()), Signature::UnknownIssuer);
    assert_eq!(ocsp(&[0x30, 3, 0x0a, 1, 6], &trust), Signature::Unchecked);
    // The responder certificate alone does not make its issuer known.
    assert_eq!(ocsp(DELEGATED, &trust), Signature::UnknownIssuer);
}

#[test]
fn an_answer_with_any_bit_changed_is_never_verified() {
    let trust = trusting(&[R10]);
    for at in 0..GOOD.len() {
        let mut der = GOOD.to_vec();
        der[at] ^= 1 << (at % 8);
        assert_ne!(ocsp(&der, &trust), Signature::Verified, "byte {at}");
    }
    for (name, range) in [("head", 0..60), ("status and times", 120..230)] {
        for at in range {
            for bit in 0..8 {
                let mut der = GOOD.to_vec();
                der[at] ^= 1 << bit;
                assert_ne!(
                    ocsp(&der, &trust),
                    Signature::Verified,
                    "{name}: byte {at} bit {bit}"
                );
            }
        }
    }
    let mut padded = GOOD.to_vec();
    padded.push(0);
    assert_ne!(ocsp(&padded, &trust), Signature::Verified);
}

#[test]
fn a_genuine_answer_cannot_speak_for_another_certificate() {
    // Another response's answers over these bytes: the caller mixed them up, the issuer still has to fit.
    let trust = trusting(&[R10]);
    let mut response = parse_response(GOOD).unwrap();
    response.answers[0].id.issuer_key_hash[0] ^= 1;
    assert_eq!(
        verify_ocsp(GOOD, &response, &trust, THEN),
        Signature::UnknownIssuer
    );
    // One answer within the signer's right, one of an issuer who did not sign this.
    let r3 = Hierarchy::builtin().by_name("R3").unwrap();
    let mut response = parse_response(GOOD).unwrap();
    let mut foreign = response.answers[0].clone();
    foreign.id.issuer_name_hash = r3.name_hash.sha1.to_vec();
    foreign.id.issuer_key_hash = r3.key_hash.sha1.to_vec();
    response.answers.push(foreign);
    assert_eq!(verify_ocsp(GOOD, &response, &trust, THEN), Signature::Bad);
}

#[test]
fn lists_are_verified_and_tampering_shows() {
    let trust = trusting(&[R10, ROOTS]);
    assert_eq!(verify_crl(LEAF_CRL, &trust, THEN), Signature::Verified);
    assert_eq!(verify_crl(ROOT_CRL, &trust, THEN), Signature::Verified);
    assert_eq!(
        verify_crl(LEAF_CRL, &Trust::builtin(), THEN),
        Signature::UnknownIssuer
    );
    assert_eq!(
        verify_crl(&LEAF_CRL[..900], &trust, THEN),
        Signature::Unchecked
    );
    assert_eq!(verify_crl(b"", &trust, THEN), Signature::Unchecked);
    for at in 0..ROOT_CRL.len() {
        let mut der = ROOT_CRL.to_vec();
        der[at] ^= 1 << (at % 8);
        assert_ne!(
            verify_crl(&der, &trust, THEN),
            Signature::Verified,
            "byte {at}"
        );
    }
    let mut entry = LEAF_CRL.to_vec();
    entry[400] ^= 1;
    assert_eq!(verify_crl(&entry, &trust, THEN), Signature::Bad);
}

/// A CA for keys that can be had in a test, and what it issues.
struct Made {
    params: CertificateParams,
    key: KeyPair,
    der: Vec<u8>,
}

impl Made {
    fn ca(name: &str, algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let mut params = Self::params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(algorithm).unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { params, key, der }
    }

    fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let der = params.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { params, key, der }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params
    }

    fn cert(&self) -> Arc<Certificate> {
        Arc::new(Certificate::parse(&self.der).unwrap())
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        use rcgen::SigningKey;
        self.key.sign(message).unwrap()
    }
}

#[test]
fn every_supported_key_kind_verifies() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let ca = Made::ca("Test CA", algorithm);
        let leaf = ca.issue(Made::params("leaf"));
        let mut trust = Trust::default();
        assert_eq!(trust.add_certificates([&ca.der]), 1);
        assert_eq!(
            verify_certificate(&leaf.cert(), &trust),
            Signature::Verified
        );
        // The same name with another key.
        let mut other = Trust::default();
        other.add_certificates([&Made::ca("Test CA", algorithm).der]);
        assert_ne!(
            verify_certificate(&leaf.cert(), &other),
            Signature::Verified
        );
    }
}

#[test]
fn leaves_do_not_issue() {
    let ca = Made::ca("Test CA", &rcgen::PKCS_ECDSA_P256_SHA256);
    let leaf = ca.issue(Made::params("leaf"));
    let forged = leaf.issue(Made::params("forged"));
    let mut trust = Trust::default();
    trust.add_certificates([&ca.der]);
    assert_eq!(trust.add_certificates([&leaf.der]), 0);
    trust.learn(&leaf.cert());
    assert_eq!(
        verify_certificate(&forged.cert(), &trust),
        Signature::UnknownIssuer
    );
    // Nor does a CA whose keyUsage says otherwise.
    let mut params = Made::params("no signing");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let mute = ca.issue(params);
    trust.learn(&mute.cert());
    let forged = mute.issue(Made::params("forged"));
    assert_eq!(verify_certificate(&forged.cert(), &trust), Signature::Bad);
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82][..], &length, &content].concat()
}

/// A response about a certificate of `issuer`, signed by `signer` (ECDSA P-256), who is embedded.
fn response(issuer: &Certificate, signer: &Made) -> Vec<u8> {
    let algorithm = [0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];
    let id = tlv(
        0x30,
        &[
            &algorithm,
            &tlv(4, &[&issuer.subject_hash.sha1]),
            &tlv(4, &[&issuer.key_hash.sha1]),
            &tlv(2, &[&[7]]),
        ],
    );
    let time = tlv(0x18, &[b"20261121195500Z"]);
    let single = tlv(0x30, &[&id, &tlv(0x80, &[]), &time]);
    let by_key = tlv(0xa2, &[&tlv(4, &[&signer.cert().key_hash.sha1])]);
    let body = tlv(0x30, &[&by_key, &time, &tlv(0x30, &[&single])]);
    let ecdsa_sha256 = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let signature = tlv(3, &[&[0], &signer.sign(&body)]);
    let certs = tlv(0xa0, &[&tlv(0x30, &[&signer.der])]);
    let basic = tlv(0x30, &[&body, &ecdsa_sha256, &signature, &certs]);
    let basic_oid = [6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
    let bytes = tlv(0xa0, &[&tlv(0x30, &[&basic_oid, &tlv(4, &[&basic])])]);
    tlv(0x30, &[&[0x0a, 1, 0], &bytes])
}

#[test]
fn delegated_responders_need_a_mandate_of_that_issuer() {
    let p256 = &rcgen::PKCS_ECDSA_P256_SHA256;
    let (ca, rival) = (Made::ca("Test CA", p256), Made::ca("Rival CA", p256));
    let mut trust = Trust::default();
    trust.add_certificates([&ca.der, &rival.der]);
    let mut mandate = Made::params("responder");
    mandate.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    let own = ca.issue(mandate.clone());

    assert_eq!(
        ocsp(&response(&ca.cert(), &ca), &trust),
        Signature::Verified
    );
    assert_eq!(
        ocsp(&response(&ca.cert(), &own), &trust),
        Signature::Verified
    );
    // Of another CA, without the purpose, in the rival's own name.
    let foreign = rival.issue(mandate.clone());
    assert_eq!(
        ocsp(&response(&ca.cert(), &foreign), &trust),
        Signature::Bad
    );
    let no_purpose = ca.issue(Made::params("leaf"));
    assert_eq!(
        ocsp(&response(&ca.cert(), &no_purpose), &trust),
        Signature::Bad
    );
    assert_eq!(ocsp(&response(&ca.cert(), &rival), &trust), Signature::Bad);
    // Past its time.
    let mut expired = mandate;
    expired.not_after = rcgen::date_time_ymd(2025, 1, 1);
    let expired = ca.issue(expired);
    let der = response(&ca.cert(), &expired);
    assert_eq!(ocsp(&der, &trust), Signature::Bad);
    let read = parse_response(&der).unwrap();
    let before = Timestamp::from_secs(1_600_000_000);
    assert_eq!(
        verify_ocsp(&der, &read, &trust, before),
        Signature::Verified
    );
    // A trace without clock takes producedAt.
    assert_eq!(
        verify_ocsp(&der, &read, &trust, Timestamp::EPOCH),
        Signature::Bad
    );
}

#[test]
fn a_flood_of_namesakes_is_bounded() {
    let p256 = &rcgen::PKCS_ECDSA_P256_SHA256;
    let mut trust = Trust::default();
    for _ in 0..20 {
        trust.learn(&Made::ca("Namesake", p256).cert());
    }
    assert_eq!(trust.known(), 8);
}
