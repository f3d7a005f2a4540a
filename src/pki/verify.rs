//! Whether signatures are good, and whether the signer may speak for what is signed.
//!
//! Strict where reading is lenient: nothing may follow a structure, algorithms must agree, and "verified"
//! always means a key of [`Trust`]. This is no path validation for TLS: names, policies and the validity of
//! the chain at connection time are the client's business, who made the bytes is ours.

mod algorithm;
mod trust;

use crate::crypto::sha256;
use crate::pki::cert::{Certificate, usage};
use crate::pki::crl;
use crate::pki::ocsp::{self, CertId, OcspResponse};
use crate::pki::signed::Signed;
use crate::time::Timestamp;

use algorithm::{Check, check};

pub use trust::Trust;

/// Certificates embedded in one OCSP response that are tried; real ones embed one, sometimes its chain.
const MAX_EMBEDDED: usize = 8;

/// What a signature check came to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Signature {
    /// Good, by an issuer of the built-in hierarchy or of `--ca`, who may speak for this.
    Verified,
    /// Does not verify, or the signer may not speak for this.
    Bad,
    /// No certificate of the signer is at hand.
    UnknownIssuer,
    /// The signature is good, but the bytes must not be relied on where they were given: past their
    /// nextUpdate, dated ahead, of another list, CA or certificate than was asked about (RFC 6960 3.2, RFC
    /// 5280 6.3.3). What is replayed looks like this. This module knows no question and never says it;
    /// whoever knows the question does.
    Unfit,
    /// Nothing to check, or incomplete, or an algorithm that is not supported.
    #[default]
    Unchecked,
}

/// Checks that a certificate was signed by an issuer in `trust`, or leads there over learned intermediates.
/// A self-signed certificate is verified only when it is in `trust` itself.
#[must_use]
pub fn verify_certificate(certificate: &Certificate, trust: &Trust) -> Signature {
    if trust.has_anchor(certificate) {
        return Signature::Verified;
    }
    let issuers = trust.issuers(&certificate.issuer_hash.sha256);
    let mut verdict = Signature::UnknownIssuer;
    for issuer in issuers.filter(|issuer| certificate.names_as_issuer(issuer)) {
        match signed_by(certificate, issuer) {
            Check::Good => return Signature::Verified,
            Check::Bad => verdict = Signature::Bad,
            Check::Unsupported if verdict == Signature::UnknownIssuer => {
                verdict = Signature::Unchecked;
            }
            Check::Unsupported => {}
        }
    }
    verdict
}

/// Checks an OCSP response by RFC 6960 4.2.2.2: signed by the issuer that its CertIDs name, or by a
/// certificate with id-kp-OCSPSigning which that issuer signed and which is valid at `at`.
///
/// `response` is what [`ocsp::parse_response`] made of `der`. All its answers must be within the signer's
/// right. `at` is when the answer was seen; a trace without clock ([`Timestamp::EPOCH`]) takes producedAt.
#[must_use]
pub fn verify_ocsp(der: &[u8], response: &OcspResponse, trust: &Trust, at: Timestamp) -> Signature {
    if response.answers.is_empty() {
        return Signature::Unchecked;
    }
    let Ok((signed, embedded)) = ocsp::basic(der) else {
        return Signature::Unchecked;
    };
    let at = match response.produced_at {
        Some(produced) if at == Timestamp::EPOCH => produced,
        _ => at,
    };
    let delegates: Vec<Certificate> = embedded
        .into_iter()
        .flat_map(|list| list.inner().take(MAX_EMBEDDED))
        .filter_map(|certificate| Certificate::parse(certificate.whole).ok())
        .collect();
    let mut verdict = Signature::Verified;
    let mut settled: Vec<&CertId> = Vec::new();
    for answer in &response.answers {
        let same_issuer = |other: &&CertId| {
            other.hash == answer.id.hash
                && other.issuer_name_hash == answer.id.issuer_name_hash
                && other.issuer_key_hash == answer.id.issuer_key_hash
        };
        if settled.iter().any(same_issuer) {
            continue;
        }
        settled.push(&answer.id);
        verdict = worse(
            verdict,
            ocsp_for(&answer.id, &signed, &delegates, trust, at),
        );
        if verdict == Signature::Bad {
            break;
        }
    }
    verdict
}

/// Checks a CRL: signed by a CA in `trust` (or one that leads there) with the name and the key identifier
/// that the list gives for its issuer. Whether it covers a certificate is [`crl::mismatch`]'s question.
///
/// `at` is when it was seen: learned intermediates must be valid then. A trace without clock
/// ([`Timestamp::EPOCH`]) takes thisUpdate.
#[must_use]
pub fn verify_crl(der: &[u8], trust: &Trust, at: Timestamp) -> Signature {
    let Ok(list) = crl::open(der) else {
        return Signature::Unchecked;
    };
    let at = if at == Timestamp::EPOCH {
        list.this_update()
    } else {
        at
    };
    let Ok(signed) = Signed::alone(der, "a CRL (RFC 5280 5.1)") else {
        return Signature::Unchecked;
    };
    if !list.is_complete() {
        return Signature::Unchecked;
    }
    if list.algorithm() != signed.algorithm.whole {
        return Signature::Bad;
    }
    let name = sha256(list.issuer());
    let mut verdict = Signature::UnknownIssuer;
    for issuer in trust.issuers_at(&name, at) {
        if let (Some(wanted), Some(own)) = (list.authority_key_id(), &issuer.subject_key_id)
            && wanted != own
        {
            continue;
        }
        let Ok(usage) = usage(&issuer.der) else {
            continue;
        };
        if usage.key_usage.is_some_and(|(_, signs_crls)| !signs_crls) {
            continue;
        }
        match usage.key.map_or(Check::Unsupported, |key| {
            check(key, signed.algorithm, signed.body.whole, signed.signature)
        }) {
            Check::Good => return Signature::Verified,
            Check::Bad => verdict = Signature::Bad,
            Check::Unsupported if verdict == Signature::UnknownIssuer => {
                verdict = Signature::Unchecked;
            }
            Check::Unsupported => {}
        }
    }
    verdict
}

/// Whether `issuer` may sign certificates and its key made the signature of `certificate`.
fn signed_by(certificate: &Certificate, issuer: &Certificate) -> Check {
    let (Ok(own), Ok(usage), Ok(signed)) = (
        usage(&certificate.der),
        usage(&issuer.der),
        Signed::alone(&certificate.der, "a certificate (RFC 5280 4.1)"),
    ) else {
        return Check::Bad;
    };
    // RFC 5280 4.1.1.2: both statements of the algorithm are the same.
    if own.algorithm.map(|algorithm| algorithm.whole) != Some(signed.algorithm.whole) {
        return Check::Bad;
    }
    if usage
        .key_usage
        .is_some_and(|(signs_certificates, _)| !signs_certificates)
        || certificate.is_ca && usage.path_len == Some(0)
    {
        return Check::Bad;
    }
    usage.key.map_or(Check::Unsupported, |key| {
        check(key, signed.algorithm, signed.body.whole, signed.signature)
    })
}

fn ocsp_for(
    id: &CertId,
    signed: &Signed<'_>,
    delegates: &[Certificate],
    trust: &Trust,
    at: Timestamp,
) -> Signature {
    let mut verdict = Signature::UnknownIssuer;
    let mut keys: Vec<[u8; 32]> = Vec::new();
    for issuer in trust.issuers_in(id, at) {
        // Several certificates of one CA have one key; ask it once.
        if keys.contains(&issuer.key_hash.sha256) {
            continue;
        }
        keys.push(issuer.key_hash.sha256);
        let direct = made_by(issuer, signed);
        if direct == Check::Good {
            return Signature::Verified;
        }
        let known = trust.responders(&issuer.subject_hash.sha256);
        let may_speak = |delegate: &&Certificate| {
            delegate.issuer_hash.sha256 == issuer.subject_hash.sha256
                && delegate.is_valid_at(at)
                && usage(&delegate.der).is_ok_and(|usage| usage.signs_ocsp)
        };
        for delegate in delegates.iter().chain(known).filter(may_speak) {
            if made_by(delegate, signed) == Check::Good
                && signed_by(delegate, issuer) == Check::Good
            {
                return Signature::Verified;
            }
        }
        verdict = if direct == Check::Unsupported && verdict != Signature::Bad {
            Signature::Unchecked
        } else {
            Signature::Bad
        };
    }
    verdict
}

/// A message is as good as the worst of its answers.
fn worse(a: Signature, b: Signature) -> Signature {
    let rank = |signature| match signature {
        Signature::Verified => 0,
        Signature::Unfit | Signature::Unchecked => 1,
        Signature::UnknownIssuer => 2,
        Signature::Bad => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn made_by(signer: &Certificate, signed: &Signed<'_>) -> Check {
    let key = usage(&signer.der).ok().and_then(|usage| usage.key);
    key.map_or(Check::Unsupported, |key| {
        check(key, signed.algorithm, signed.body.whole, signed.signature)
    })
}

#[cfg(test)]
mod tests;
