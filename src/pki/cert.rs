//! The facts we need from a certificate (RFC 5280).

mod intern;
mod read;

use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::crypto::{sha1, sha256};
use crate::pki::PkiError;
use crate::time::Timestamp;

pub use intern::Interner;
pub(crate) use read::{authority_key_id, distribution_point, extension_parts, usage};

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

    /// From hex digits of either case, as tools print serials: colons, blanks and a leading `0x` are passed over.
    /// None when there is anything else, or nothing.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        let mut digits = Vec::with_capacity(text.len());
        for c in text.chars() {
            match c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
                Some(digit) => digits.push(digit),
                None if matches!(c, ':' | ' ') => {}
                None => return None,
            }
        }
        if digits.is_empty() {
            return None;
        }
        // An odd count of digits lacks the leading zero.
        let bytes: Vec<u8> = digits
            .rchunks(2)
            .rev()
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        Some(Self::new(&bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Lookups by the content octets of an INTEGER (without leading zeros) need no copy.
impl Borrow<[u8]> for Serial {
    fn borrow(&self) -> &[u8] {
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

impl NameHashes {
    /// Of these bytes: a DER Name, or the bits of a public key.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            sha1: sha1(bytes),
            sha256: sha256(bytes),
        }
    }
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

impl Certificate {
    /// Reads a DER certificate.
    ///
    /// Lenient: what cannot be read is left out, so that a certificate with impossible dates, duplicate
    /// extensions or an unknown key still tells its serial, issuer and URLs. Unreadable dates come out as the
    /// ends of time (a certificate that is always valid). All text is safe to print.
    ///
    /// # Errors
    ///
    /// When the outer structure of RFC 5280 4.1 cannot be followed as far as the public key.
    pub fn parse(der: &[u8]) -> Result<Self, PkiError> {
        read::certificate(der)
    }

    /// Whether `at` lies between notBefore and notAfter.
    #[must_use]
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }

    /// Whether the certificate is for a DNS name; a wildcard stands for one label (RFC 9525 6.3).
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|own| {
            own == name
                || own
                    .strip_prefix("*.")
                    .is_some_and(|base| name.split_once('.').is_some_and(|(_, rest)| rest == base))
        })
    }

    /// Bytes that it takes in memory, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        /// What a text takes beside its bytes: where it is, and the allocator's share.
        const TEXT: usize = size_of::<String>() + 16;
        let lists = [
            &self.names,
            &self.ocsp_urls,
            &self.issuer_urls,
            &self.crl_urls,
        ];
        let lists: usize = lists
            .into_iter()
            .flatten()
            .map(|text| TEXT + text.capacity())
            .sum();
        let lines = self.subject.capacity() + self.issuer.capacity();
        let addresses = self.addresses.capacity() * size_of::<IpAddr>();
        size_of::<Self>() + self.der.len() + lists + lines + addresses
    }

    /// Whether `issuer` has the name and the key identifier that this certificate gives for its issuer.
    /// No proof: for that see [`crate::pki::verify`].
    #[must_use]
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.issuer_hash.sha256 == issuer.subject_hash.sha256
            && match (&self.authority_key_id, &issuer.subject_key_id) {
                (Some(authority), Some(subject)) => authority == subject,
                _ => true,
            }
    }
}

#[cfg(test)]
mod tests;
