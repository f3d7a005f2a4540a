//! OCSP requests and responses (RFC 6960, RFC 9919).

mod path;
mod request;
mod response;

use crate::pki::PkiError;
use crate::pki::cert::Serial;
use crate::pki::der::{Tlv, tag};
use crate::time::Timestamp;

pub use path::request_of_path;
pub use request::parse_request;
pub(crate) use response::basic;
pub use response::parse_response;

/// More questions or answers than this in one message are refused; clients ask one, two or three.
const MAX_IDS: usize = 256;

/// Hash algorithm of a CertID.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HashKind {
    /// SHA-1, what nearly every client sends.
    Sha1,
    /// SHA-256, preferred by RFC 9919.
    Sha256,
    /// Anything else.
    Other,
}

/// The name of one certificate in an OCSP question.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CertId {
    /// Algorithm of both hashes.
    pub hash: HashKind,
    /// Hash of the issuer's DER Name.
    pub issuer_name_hash: Vec<u8>,
    /// Hash of the issuer's public key bits.
    pub issuer_key_hash: Vec<u8>,
    /// Serial number.
    pub serial: Serial,
}

/// An OCSP request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspRequest {
    /// Certificates asked about; usually one.
    pub ids: Vec<CertId>,
    /// Whether a nonce (RFC 9654) is present.
    pub nonce: bool,
    /// Which of the known client encodings of the same question this is (a hint, never proof).
    pub dialect: Dialect,
}

/// Encodings of a request that point to families of clients.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Dialect {
    /// Hash parameters NULL: Windows, OpenSSL, Go, NSS and most.
    Common,
    /// Version 0 written out although it is the default: older Apple trustd.
    ExplicitVersion,
    /// Hash parameters absent: newer Apple trustd.
    NoParameters,
    /// None of these.
    Other,
}

/// OCSPResponseStatus.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ResponseStatus {
    /// 0.
    Successful,
    /// 1.
    MalformedRequest,
    /// 2.
    InternalError,
    /// 3.
    TryLater,
    /// 5.
    SigRequired,
    /// 6: the responder does not answer for this certificate.
    Unauthorized,
    /// Not in RFC 6960.
    Other(u8),
}

impl ResponseStatus {
    /// Its number (RFC 6960 4.2.1).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Successful => 0,
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::SigRequired => 5,
            Self::Unauthorized => 6,
            Self::Other(code) => code,
        }
    }
}

/// What a responder says of one certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CertStatus {
    /// Good.
    Good,
    /// Revoked, since when, and why (CRLReason number).
    Revoked {
        /// revocationTime.
        at: Timestamp,
        /// CRLReason, when given.
        reason: Option<u8>,
    },
    /// The responder does not know it.
    Unknown,
}

/// One SingleResponse.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SingleResponse {
    /// Which certificate.
    pub id: CertId,
    /// Its status.
    pub status: CertStatus,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Option<Timestamp>,
}

/// An OCSP response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspResponse {
    /// Outer status.
    pub status: ResponseStatus,
    /// producedAt.
    pub produced_at: Option<Timestamp>,
    /// Answers; empty unless successful.
    pub answers: Vec<SingleResponse>,
    /// SHA-1 of the responder's key, when it is named by key.
    pub responder_key_hash: Option<Vec<u8>>,
    /// The responder's DER Name, when it is named by name.
    pub responder_name: Option<Vec<u8>>,
    /// Whether certificates are embedded (delegated responder).
    pub has_certificates: bool,
}

impl OcspRequest {
    /// Bytes that it takes beside itself, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.ids.iter().map(CertId::weight).sum()
    }
}

impl OcspResponse {
    /// Bytes that it takes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let rest = size_of::<SingleResponse>() - size_of::<CertId>();
        let answers = self.answers.iter().map(|answer| rest + answer.id.weight());
        let responder = [&self.responder_key_hash, &self.responder_name];
        let responder: usize = responder.into_iter().flatten().map(Vec::capacity).sum();
        size_of::<Self>() + answers.sum::<usize>() + responder
    }
}

impl CertId {
    /// Bytes that it takes, roughly.
    fn weight(&self) -> usize {
        let hashes = self.issuer_name_hash.capacity() + self.issuer_key_hash.capacity();
        size_of::<Self>() + hashes + self.serial.as_bytes().len()
    }

    /// `CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }`, and whether the
    /// hash algorithm has parameters.
    fn read(id: Tlv<'_>, what: &'static str) -> Result<(Self, bool), PkiError> {
        let mut fields = id.inner();
        let mut algorithm = fields.read(tag::SEQUENCE, what)?.inner();
        let hash = match algorithm.read(tag::OID, what)?.content {
            [0x2b, 0x0e, 0x03, 0x02, 0x1a] => HashKind::Sha1,
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] => HashKind::Sha256,
            _ => HashKind::Other,
        };
        let id = Self {
            hash,
            issuer_name_hash: fields.read(tag::OCTET_STRING, what)?.content.to_vec(),
            issuer_key_hash: fields.read(tag::OCTET_STRING, what)?.content.to_vec(),
            serial: Serial::new(fields.read(tag::INTEGER, what)?.content),
        };
        fields.end(what)?;
        Ok((id, !algorithm.is_empty()))
    }
}

/// Whether Extensions hold a nonce (RFC 9654).
fn has_nonce(extensions: Tlv<'_>) -> bool {
    const NONCE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    extensions.inner().flat_map(Tlv::inner).any(|extension| {
        extension
            .inner()
            .next()
            .is_some_and(|oid| oid.content == NONCE)
    })
}

#[cfg(test)]
mod tests;
