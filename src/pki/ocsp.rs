//! OCSP requests and responses (RFC 6960, RFC 9919).

use crate::pki::cert::Serial;
use crate::time::Timestamp;

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
