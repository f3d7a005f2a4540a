//! The walk through a certificate (RFC 5280 4.1, 4.2).

use std::net::IpAddr;
use std::sync::Arc;

use crate::crypto::sha256;
use crate::pki::PkiError;
use crate::pki::cert::{Certificate, KeyKind, NameHashes, Serial};
use crate::pki::der::{Reader, Tlv, only, tag};
use crate::pki::text;
use crate::time::Timestamp;

/// id-kp-OCSPSigning.
const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];

/// More URLs of one kind than this are not kept; real certificates have one to four.
const MAX_URLS: usize = 64;

/// More names than this are not kept; the largest certificates met on purpose hold 10,000.
const MAX_NAMES: usize = 10_000;

const CERTIFICATE: &str = "a certificate (RFC 5280 4.1)";

/// What an issuer may do, for [`crate::pki::verify`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage<'a> {
    /// Version 1 certificates know no extensions: old roots.
    pub(crate) version_1: bool,
    /// subjectPublicKeyInfo.
    pub(crate) key: Option<Tlv<'a>>,
    /// AlgorithmIdentifier inside the signed part.
    pub(crate) algorithm: Option<Tlv<'a>>,
    /// keyUsage: keyCertSign, cRLSign. None without the extension: everything is allowed.
    pub(crate) key_usage: Option<(bool, bool)>,
    /// basicConstraints: pathLenConstraint.
    pub(crate) path_len: Option<u8>,
    /// id-kp-OCSPSigning in extendedKeyUsage.
    pub(crate) signs_ocsp: bool,
}

/// Reads all facts.
pub(super) fn certificate(der: &[u8]) -> Result<Certificate, PkiError> {
    let mut outer = Reader::new(der);
    let whole = outer.read(tag::SEQUENCE, CERTIFICATE)?;
    let der = whole.whole;
    let mut parts = Parts::new(whole.inner().read(tag::SEQUENCE, CERTIFICATE)?)?;

    let (subject, subject_cn) = text::name(parts.subject);
    let (issuer, issuer_cn) = text::name(parts.issuer);
    let subject_hash = NameHashes::of(parts.subject.whole);
    let self_issued = parts.subject.whole == parts.issuer.whole;
    let issuer_hash = if self_issued {
        subject_hash
    } else {
        NameHashes::of(parts.issuer.whole)
    };
    let (key, key_bits) = public_key(parts.key);
    let [not_before, not_after] = validity(parts.validity);

    let mut cert = Certificate {
        fingerprint: sha256(der),
        serial: Serial::new(parts.serial.content),
        subject,
        subject_cn,
        issuer,
        issuer_cn,
        subject_hash,
        issuer_hash,
        key_hash: NameHashes::of(key_bits),
        authority_key_id: None,
        subject_key_id: None,
        not_before,
        not_after,
        names: Vec::new(),
        addresses: Vec::new(),
        ocsp_urls: Vec::new(),
        issuer_urls: Vec::new(),
        crl_urls: Vec::new(),
        must_staple: false,
        is_ca: false,
        self_issued,
        key,
        der: Arc::from(der),
    };
    for (oid, value) in parts.extensions() {
        extension(&mut cert, oid, value);
    }
    if cert.names.is_empty() && cert.addresses.is_empty() && !cert.is_ca {
        name_from_subject(&mut cert);
    }
    Ok(cert)
}

/// Reads what decides about an issuer's right to sign.
pub(crate) fn usage(der: &[u8]) -> Result<Usage<'_>, PkiError> {
    let tbs = only(der, tag::SEQUENCE, CERTIFICATE)?
        .inner()
        .read(tag::SEQUENCE, CERTIFICATE)?;
    let mut parts = Parts::new(tbs)?;
    let mut usage = Usage {
        version_1: parts.version_1,
        key: Some(parts.key),
        algorithm: Some(parts.algorithm),
        ..Usage::default()
    };
    for (oid, value) in parts.extensions() {
        match oid {
            // keyUsage: bit 5 is keyCertSign, bit 6 cRLSign (RFC 5280 4.2.1.3).
            [0x55, 0x1d, 0x0f] => {
                let bits = Reader::new(value).next();
                let bits = bits.and_then(|bits| bits.content.get(1).copied());
                let bits = bits.unwrap_or_default();
                usage.key_usage = Some((bits & 0x04 != 0, bits & 0x02 != 0));
            }
            [0x55, 0x1d, 0x13] => usage.path_len = basic_constraints(value).1,
            [0x55, 0x1d, 0x25] => {
                usage.signs_ocsp = sequence(value)
                    .any(|purpose| purpose.tag == tag::OID && purpose.content == OCSP_SIGNING);
            }
            _ => {}
        }
    }
    Ok(usage)
}

/// The fields of TBSCertificate in order.
struct Parts<'a> {
    version_1: bool,
    serial: Tlv<'a>,
    algorithm: Tlv<'a>,
    issuer: Tlv<'a>,
    validity: Tlv<'a>,
    subject: Tlv<'a>,
    key: Tlv<'a>,
    rest: Reader<'a>,
}

impl<'a> Parts<'a> {
    fn new(tbs: Tlv<'a>) -> Result<Self, PkiError> {
        let mut fields = tbs.inner();
        let version = fields.optional(tag::constructed(0))?;
        Ok(Self {
            version_1: version.is_none(),
            serial: fields.read(tag::INTEGER, CERTIFICATE)?,
            algorithm: fields.read(tag::SEQUENCE, CERTIFICATE)?,
            issuer: fields.read(tag::SEQUENCE, CERTIFICATE)?,
            validity: fields.read(tag::SEQUENCE, CERTIFICATE)?,
            subject: fields.read(tag::SEQUENCE, CERTIFICATE)?,
            key: fields.read(tag::SEQUENCE, CERTIFICATE)?,
            rest: fields,
        })
    }

    /// OID and value of each extension that can be read.
    fn extensions(&mut self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        // issuerUniqueID and subjectUniqueID may come before.
        let list = self.rest.find(|field| field.tag == tag::constructed(3));
        list.map_or(Reader::new(&[]), |list| sequence(list.content))
            .filter_map(extension_parts)
    }
}

/// OID and value of an Extension; `critical` is nobody's business here.
pub(crate) fn extension_parts(extension: Tlv<'_>) -> Option<(&[u8], &[u8])> {
    let mut fields = extension.inner();
    let oid = fields.read(tag::OID, CERTIFICATE).ok()?;
    let value = fields.find(|field| field.tag == tag::OCTET_STRING)?;
    Some((oid.content, value.content))
}

fn extension(cert: &mut Certificate, oid: &[u8], value: &[u8]) {
    match oid {
        // subjectAltName
        [0x55, 0x1d, 0x11] => alternative_names(cert, value),
        // subjectKeyIdentifier
        [0x55, 0x1d, 0x0e] => {
            let id = Reader::new(value).read(tag::OCTET_STRING, CERTIFICATE).ok();
            cert.subject_key_id = id.map(|id| id.content.to_vec());
        }
        [0x55, 0x1d, 0x23] => cert.authority_key_id = authority_key_id(value),
        // basicConstraints
        [0x55, 0x1d, 0x13] => cert.is_ca = basic_constraints(value).0,
        // cRLDistributionPoints
        [0x55, 0x1d, 0x1f] => {
            for point in sequence(value) {
                distribution_point(point.inner(), &mut cert.crl_urls);
            }
        }
        // authorityInfoAccess
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01] => access(cert, value),
        // TLS feature (RFC 7633): 5 is status_request.
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18] => {
            cert.must_staple = sequence(value).any(|feature| feature.small() == Some(5));
        }
        _ => {}
    }
}

fn alternative_names(cert: &mut Certificate, value: &[u8]) {
    for name in sequence(value).take(MAX_NAMES) {
        match (name.tag, name.content) {
            (0x82, host) if !host.is_empty() => cert.names.push(text::host(host)),
            (0x87, address) => {
                if let Ok(v4) = <[u8; 4]>::try_from(address) {
                    cert.addresses.push(IpAddr::from(v4));
                } else if let Ok(v6) = <[u8; 16]>::try_from(address) {
                    cert.addresses.push(IpAddr::from(v6));
                }
            }
            _ => {}
        }
    }
}

/// RFC 9525 forbids it, yet certificates without subjectAltName are still met inside companies: there the
/// common name is the host.
fn name_from_subject(cert: &mut Certificate) {
    let Some(name) = &cert.subject_cn else {
        return;
    };
    if let Ok(address) = name.parse() {
        cert.addresses.push(address);
    } else if name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'*'))
    {
        cert.names.push(text::host(name.as_bytes()));
    }
}

/// keyIdentifier of AuthorityKeyIdentifier (RFC 5280 4.2.1.1).
pub(crate) fn authority_key_id(value: &[u8]) -> Option<Vec<u8>> {
    sequence(value)
        .find(|field| field.tag == tag::primitive(0))
        .map(|id| id.content.to_vec())
}

/// CA bit and pathLenConstraint.
fn basic_constraints(value: &[u8]) -> (bool, Option<u8>) {
    let mut is_ca = false;
    let mut path_len = None;
    for field in sequence(value) {
        match field.tag {
            tag::BOOLEAN => is_ca = field.is_true(),
            tag::INTEGER => path_len = field.small(),
            _ => {}
        }
    }
    (is_ca, path_len)
}

/// URLs of a DistributionPoint or IssuingDistributionPoint: `[0] { [0] { GeneralName .. } }`.
pub(crate) fn distribution_point(mut fields: Reader<'_>, urls: &mut Vec<String>) {
    let room = MAX_URLS.saturating_sub(urls.len());
    let Some(point) = fields.find(|field| field.tag == tag::constructed(0)) else {
        return;
    };
    for full_name in point.inner().filter(|name| name.tag == tag::constructed(0)) {
        urls.extend(full_name.inner().filter_map(url).take(room));
    }
}

fn access(cert: &mut Certificate, value: &[u8]) {
    for description in sequence(value) {
        let mut fields = description.inner();
        let (Ok(method), Ok(location)) = (fields.element(), fields.element()) else {
            continue;
        };
        let urls = match method.content {
            [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01] => &mut cert.ocsp_urls,
            [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02] => &mut cert.issuer_urls,
            _ => continue,
        };
        if urls.len() < MAX_URLS {
            urls.extend(url(location));
        }
    }
}

/// uniformResourceIdentifier.
fn url(name: Tlv<'_>) -> Option<String> {
    (name.tag == tag::primitive(6)).then(|| {
        let mut text = String::with_capacity(name.content.len());
        text::push_ascii(&mut text, name.content);
        text
    })
}

fn validity(validity: Tlv<'_>) -> [Timestamp; 2] {
    let mut times = validity.inner();
    let mut time = |unreadable| {
        times
            .element()
            .ok()
            .and_then(Tlv::time)
            .unwrap_or(Timestamp::from_nanos(unreadable))
    };
    [time(i64::MIN), time(i64::MAX)]
}

/// Kind of the key and its bits as RFC 6960 4.1.1 hashes them: without tag, length and unused-bits octet.
fn public_key(info: Tlv<'_>) -> (KeyKind, &[u8]) {
    let mut fields = info.inner();
    let (Ok(algorithm), Ok(key)) = (fields.element(), fields.element()) else {
        return (KeyKind::Other, &[]);
    };
    let bits = key.content.get(1..).unwrap_or_default();
    let mut algorithm = algorithm.inner();
    let kind = match algorithm.element().map(|oid| oid.content) {
        // rsaEncryption, id-RSASSA-PSS
        Ok([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 | 0x0a]) => {
            rsa_bits(bits).map_or(KeyKind::Other, KeyKind::Rsa)
        }
        // id-ecPublicKey
        Ok([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]) => algorithm
            .element()
            .ok()
            .and_then(|curve| curve_bits(curve.content))
            .map_or(KeyKind::Other, KeyKind::Ec),
        _ => KeyKind::Other,
    };
    (kind, bits)
}

fn rsa_bits(key: &[u8]) -> Option<u32> {
    let modulus = sequence(key).next()?;
    let zeros = modulus.content.iter().take_while(|b| **b == 0).count();
    let significant = modulus.content.get(zeros..)?;
    let top = significant.first()?;
    u32::try_from(significant.len() * 8)
        .ok()
        .map(|bits| bits - top.leading_zeros())
}

fn curve_bits(oid: &[u8]) -> Option<u32> {
    Some(match oid {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => 256,
        [0x2b, 0x81, 0x04, 0x00, 0x0a] => 256,
        [0x2b, 0x81, 0x04, 0x00, 0x21] => 224,
        [0x2b, 0x81, 0x04, 0x00, 0x22] => 384,
        [0x2b, 0x81, 0x04, 0x00, 0x23] => 521,
        _ => return None,
    })
}

/// The elements of the SEQUENCE that `der` holds; none when it holds something else.
fn sequence(der: &[u8]) -> Reader<'_> {
    Reader::new(der)
        .read(tag::SEQUENCE, CERTIFICATE)
        .map_or(Reader::new(&[]), Tlv::inner)
}
