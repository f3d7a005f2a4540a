//! Whether a list speaks about a certificate (RFC 5280 6.3.3).

use crate::pki::cert::Certificate;
use crate::pki::crl::CrlFacts;

/// Why a list says nothing about a certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Mismatch {
    /// It is of another issuer.
    OtherIssuer,
    /// It covers end-entity certificates only, and this is a CA's, or the other way round.
    OtherKind,
    /// Its IssuingDistributionPoint names no URL that the certificate gives: another shard.
    OtherShard,
}

/// Why `list` does not cover `certificate`, or None when it does. A list without IssuingDistributionPoint
/// covers all that its issuer issued.
#[must_use]
pub fn mismatch(list: &CrlFacts, certificate: &Certificate) -> Option<Mismatch> {
    if list.issuer_hash.sha256 != certificate.issuer_hash.sha256 {
        return Some(Mismatch::OtherIssuer);
    }
    if list.only_user && certificate.is_ca || list.only_ca && !certificate.is_ca {
        return Some(Mismatch::OtherKind);
    }
    let named = |url: &String| {
        certificate
            .crl_urls
            .iter()
            .any(|own| own.eq_ignore_ascii_case(url))
    };
    let sharded = !list.idp_urls.is_empty() && !certificate.crl_urls.is_empty();
    (sharded && !list.idp_urls.iter().any(named)).then_some(Mismatch::OtherShard)
}
