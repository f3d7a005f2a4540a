//! What a caIssuers URL delivers: one DER certificate or a certs-only CMS message (RFC 5280 4.2.2.1).

use crate::pki::PkiError;
use crate::pki::der::{Reader, Tlv, tag};
use crate::pki::pem;

/// More certificates than this are not taken from one message; real ones hold one to five.
const MAX_CERTIFICATES: usize = 64;

/// id-signedData (RFC 5652 5.1).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

const CMS: &str = "a certs-only CMS message (RFC 5652)";

/// The certificates in `body` as DER: from a DER certificate, a certs-only CMS message (`.p7c`), or either
/// of them as PEM, which servers deliver against the letter of the standard. Empty when it is none of these.
#[must_use]
pub fn issuer_certificates(body: &[u8]) -> Vec<Vec<u8>> {
    let pem = pem::blocks(body, |label| {
        matches!(
            label,
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"PKCS7" | b"CMS"
        )
    });
    let mut found: Vec<Vec<u8>> = if pem.is_empty() {
        from_der(body)
    } else {
        pem.iter().flat_map(|der| from_der(der)).collect()
    };
    found.truncate(MAX_CERTIFICATES);
    found
}

fn from_der(der: &[u8]) -> Vec<Vec<u8>> {
    let Ok(outer) = Reader::new(der).read(tag::SEQUENCE, CMS) else {
        return Vec::new();
    };
    match outer.inner().next() {
        Some(first) if first.tag == tag::SEQUENCE => vec![outer.whole.to_vec()],
        Some(first) if first.tag == tag::OID && first.content == SIGNED_DATA => {
            from_cms(outer).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// `ContentInfo { id-signedData, [0] SignedData { version, digestAlgorithms, encapContentInfo, [0] certificates, .. } }`
fn from_cms(content_info: Tlv<'_>) -> Result<Vec<Vec<u8>>, PkiError> {
    let mut fields = content_info.inner();
    fields.read(tag::OID, CMS)?;
    let content = fields.read(tag::constructed(0), CMS)?;
    let mut signed_data = content.inner().read(tag::SEQUENCE, CMS)?.inner();
    signed_data.read(tag::INTEGER, CMS)?;
    signed_data.read(tag::SET, CMS)?;
    signed_data.read(tag::SEQUENCE, CMS)?;
    let certificates = signed_data.read(tag::constructed(0), CMS)?;
    Ok(certificates
        .inner()
        .filter(|choice| choice.tag == tag::SEQUENCE)
        .take(MAX_CERTIFICATES)
        .map(|certificate| certificate.whole.to_vec())
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const P7C: &[u8] = include_bytes!("testdata/roots.p7c");
    const PEM: &[u8] = include_bytes!("testdata/roots.pem");

    #[test]
    fn every_form_holds_the_same_certificates() {
        let expected = pem::certificates(PEM);
        assert_eq!(expected.len(), 2);
        assert_eq!(issuer_certificates(P7C), expected);
        assert_eq!(issuer_certificates(PEM), expected);
        assert_eq!(issuer_certificates(&expected[0]), expected[..1]);
    }

    #[test]
    fn other_bodies_hold_none() {
        for body in [
            &b""[..],
            b"<html>404</html>",
            b"-----BEGIN CERTIFICATE-----\nMA\n",
            b"\x30\x00",
            include_bytes!("testdata/ocsp-good.der"),
            &P7C[..P7C.len() / 2],
        ] {
            assert_eq!(issuer_certificates(body), Vec::<Vec<u8>>::new());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_damage_is_read_without_panic(at in 0..P7C.len(), byte: u8, cut in 0..P7C.len()) {
            let mut der = P7C.to_vec();
            der[at] = byte;
            let _ = issuer_certificates(&der);
            let _ = issuer_certificates(&der[..cut]);
        }
    }
}
