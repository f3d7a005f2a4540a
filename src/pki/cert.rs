//! The facts we need from a certificate (RFC 5280).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::time::Timestamp;

/// A serial number as unsigned big-endian bytes without leading zeros, so that the sign octet of DER
/// never makes two equal numbers differ.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Serial(Box<[u8]>);

impl Serial {
    /// From the content octets of an INTEGER.
    #[must_use]
    pub fn new(content: &[u8]) -> Self {
        let zeros = content.iter().take_while(|b| **b == 0).count();
        Self(content.get(zeros..).unwrap_or_default().into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    /// Lower-case hex, two digits a byte.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// What an OCSP CertID says about an issuer, in both hash algorithms in use (RFC 6960 4.1.1, RFC 9919).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct NameHashes {
    /// SHA-1 of the DER Name.
    pub sha1: [u8; 20],
    /// SHA-256 of the DER Name.
    pub sha256: [u8; 32],
}

/// Kind of a public key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyKind {
    /// RSA with so many bits.
    Rsa(u32),
    /// Elliptic curve with so many bits.
    Ec(u32),
    /// Ed25519, Ed448, post-quantum and the rest.
    Other,
}

/// One certificate, decoded once and shared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// SHA-256 of the whole DER.
    pub fingerprint: [u8; 32],
    /// Serial number.
    pub serial: Serial,
    /// Subject as one line, most significant last ("CN=R3, O=Let's Encrypt, C=US").
    pub subject: String,
    /// Subject common name.
    pub subject_cn: Option<String>,
    /// Issuer as one line.
    pub issuer: String,
    /// Issuer common name.
    pub issuer_cn: Option<String>,
    /// Hashes of the DER subject Name.
    pub subject_hash: NameHashes,
    /// Hashes of the DER issuer Name: what a CertID about this certificate holds as issuerNameHash.
    pub issuer_hash: NameHashes,
    /// SHA-1 and SHA-256 of the subjectPublicKey bits: issuerKeyHash of what this certificate issues.
    pub key_hash: NameHashes,
    /// AuthorityKeyIdentifier. Not comparable with an OCSP key hash: CAs since 2024 use RFC 7093.
    pub authority_key_id: Option<Vec<u8>>,
    /// SubjectKeyIdentifier.
    pub subject_key_id: Option<Vec<u8>>,
    /// Not valid before.
    pub not_before: Timestamp,
    /// Not valid after.
    pub not_after: Timestamp,
    /// DNS names: subjectAltName, or the common name when there is none. Lower case.
    pub names: Vec<String>,
    /// IP addresses in subjectAltName.
    pub addresses: Vec<IpAddr>,
    /// OCSP URLs of AuthorityInfoAccess, as written.
    pub ocsp_urls: Vec<String>,
    /// caIssuers URLs of AuthorityInfoAccess, as written.
    pub issuer_urls: Vec<String>,
    /// CRL URLs of CRLDistributionPoints, as written.
    pub crl_urls: Vec<String>,
    /// status_request in the TLS feature extension (RFC 7633).
    pub must_staple: bool,
    /// basicConstraints says CA.
    pub is_ca: bool,
    /// Issuer equals subject.
    pub self_issued: bool,
    /// Public key.
    pub key: KeyKind,
    /// The whole DER, for signature checks and reports.
    pub der: Arc<[u8]>,
}

/// Certificates decoded so far, shared by fingerprint; bounded by [`crate::limits::Limits::certificates`].
#[derive(Debug, Default)]
pub struct Interner {}
