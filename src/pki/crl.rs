//! Certificate revocation lists (RFC 5280 5).

use crate::pki::cert::NameHashes;
use crate::time::Timestamp;

/// The head of a CRL, without its entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CrlFacts {
    /// Issuer as one line.
    pub issuer: String,
    /// Issuer common name.
    pub issuer_cn: Option<String>,
    /// Hashes of the DER issuer Name.
    pub issuer_hash: NameHashes,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Option<Timestamp>,
    /// CRLNumber as lower-case hex.
    pub number: Option<String>,
    /// URLs of the IssuingDistributionPoint.
    pub idp_urls: Vec<String>,
    /// onlyContainsUserCerts.
    pub only_user: bool,
    /// onlyContainsCACerts.
    pub only_ca: bool,
    /// Entries.
    pub entries: u64,
}
