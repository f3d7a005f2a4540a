//! What is known of the Let's Encrypt hierarchy.
//!
//! The certificates themselves are built in (`hierarchy/*.pem`), and everything about a CA is read from
//! them when first asked for, in well under a millisecond: there is no table that could disagree with the
//! certificates. Only what certificates do not say is written down here: which CAs are in use.

use std::sync::{Arc, LazyLock};

use crate::pki::cert::{Certificate, KeyKind, NameHashes};
use crate::pki::ocsp::{CertId, HashKind};
use crate::pki::pem;
use crate::time::Timestamp;

static BUILTIN: LazyLock<Hierarchy> = LazyLock::new(Hierarchy::load);

/// Common names of CAs that issue, as of July 2026. <https://letsencrypt.org/certificates/>
const IN_USE: [&str; 8] = [
    "YE1",
    "YE2",
    "YR1",
    "YR2",
    "Root YE",
    "Root YR",
    "ISRG Root X1",
    "ISRG Root X2",
];

/// Common names of CAs that stand by and may begin to issue without notice.
const BACKUP: [&str; 2] = ["YE3", "YR3"];

/// All CAs known.
#[derive(Debug)]
pub struct Hierarchy {
    cas: Vec<Ca>,
}

/// One CA: a name with a key, however many certificates say so (self-signed, cross-signed, renewed).
#[derive(Debug)]
pub struct Ca {
    /// Subject common name: "R10", "ISRG Root X1", "(STAGING) Counterfeit Cashew R10".
    pub name: String,
    /// Label in host names under lencr.org, without the staging prefix: "r10", "x1". None for CAs from before
    /// that scheme.
    pub label: Option<String>,
    /// Which hierarchy it belongs to.
    pub environment: Environment,
    /// Whether it issues.
    pub state: State,
    /// Public key.
    pub key: KeyKind,
    /// Hashes of the DER subject Name: issuerNameHash of a CertID about what it issued.
    pub name_hash: NameHashes,
    /// Hashes of the public key bits: issuerKeyHash. **Not enough to tell CAs apart:** X1 and X3 share a key,
    /// as do X2 and X4.
    pub key_hash: NameHashes,
    /// Earliest notBefore of its certificates.
    pub not_before: Timestamp,
    /// Latest notAfter of its certificates, withdrawn ones aside.
    pub not_after: Timestamp,
    /// Its certificates in the order of the files.
    pub certificates: Vec<CaCertificate>,
}

/// A certificate of a CA.
#[derive(Clone, Debug)]
pub struct CaCertificate {
    /// Decoded.
    pub certificate: Arc<Certificate>,
    /// Replaced and revoked.
    pub withdrawn: bool,
}

/// Which hierarchy a CA belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Environment {
    /// Publicly trusted, with names under lencr.org.
    Production,
    /// For tests, never trusted.
    Staging,
    /// Publicly trusted, from before lencr.org (until 2021).
    Predecessor,
    /// IdenTrust's root, which cross-signed Let's Encrypt and issues for others as well.
    CrossSigner,
}

/// Whether a CA issues.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// Issues certificates, as of July 2026.
    InUse,
    /// Stands by.
    Backup,
    /// No longer issues; may still publish CRLs.
    Retired,
}

impl Hierarchy {
    /// The one that is built in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// All CAs: production, staging, withdrawn, in the order of the files.
    #[must_use]
    pub fn cas(&self) -> &[Ca] {
        &self.cas
    }

    /// The CA that a CertID names as issuer, by both hashes.
    #[must_use]
    pub fn by_cert_id(&self, id: &CertId) -> Option<&Ca> {
        self.cas.iter().find(|ca| ca.is_issuer_in(id))
    }

    /// The CA of the name that a CertID gives for the issuer, whatever its key.
    #[must_use]
    pub fn by_issuer_name(&self, id: &CertId) -> Option<&Ca> {
        self.cas.iter().find(|ca| match id.hash {
            HashKind::Sha1 => id.issuer_name_hash == ca.name_hash.sha1,
            HashKind::Sha256 => id.issuer_name_hash == ca.name_hash.sha256,
            HashKind::Other => false,
        })
    }

    /// The CA that a label in a host name under lencr.org stands for; `stg-` marks staging.
    #[must_use]
    pub fn by_label(&self, label: &str) -> Option<&Ca> {
        let (environment, label) = match label.strip_prefix("stg-") {
            Some(label) => (Environment::Staging, label),
            None => (Environment::Production, label),
        };
        self.cas
            .iter()
            .find(|ca| ca.environment == environment && ca.label.as_deref() == Some(label))
    }

    /// The CA with this common name.
    #[must_use]
    pub fn by_name(&self, common_name: &str) -> Option<&Ca> {
        self.cas.iter().find(|ca| ca.name == common_name)
    }

    /// The CA whose DER subject Name has this SHA-256 hash: `subject_hash` of its own certificates,
    /// `issuer_hash` of those it issued.
    #[must_use]
    pub fn by_subject_hash(&self, sha256: &[u8; 32]) -> Option<&Ca> {
        self.cas.iter().find(|ca| ca.name_hash.sha256 == *sha256)
    }

    /// The CA that a certificate gives as its issuer, by name and key identifier. What it gives is no proof:
    /// see [`crate::pki::verify::verify_certificate`].
    #[must_use]
    pub fn issuer_of(&self, certificate: &Certificate) -> Option<&Ca> {
        self.by_subject_hash(&certificate.issuer_hash.sha256)
            .filter(|ca| {
                ca.certificates
                    .iter()
                    .any(|own| certificate.names_as_issuer(&own.certificate))
            })
    }

    /// Whether a certificate claims to be of Let's Encrypt: issued by one of its CAs, or the certificate of
    /// one. CAs newer than this program are known by their organization.
    #[must_use]
    pub fn is_lets_encrypt(&self, certificate: &Certificate) -> bool {
        let ours = |ca: &Ca| ca.environment != Environment::CrossSigner;
        self.issuer_of(certificate).is_some_and(ours)
            || self
                .by_subject_hash(&certificate.subject_hash.sha256)
                .is_some_and(|ca| ours(ca) && ca.key_hash == certificate.key_hash)
            || certificate.issuer.ends_with(", O=Let's Encrypt, C=US")
    }

    fn load() -> Self {
        let mut hierarchy = Self { cas: Vec::new() };
        for (file, staging, withdrawn) in [
            (include_str!("hierarchy/production.pem"), false, false),
            (include_str!("hierarchy/staging.pem"), true, false),
            (include_str!("hierarchy/withdrawn.pem"), false, true),
        ] {
            for der in pem::certificates(file.as_bytes()) {
                if let Ok(certificate) = Certificate::parse(&der) {
                    hierarchy.add(Arc::new(certificate), staging, withdrawn);
                }
            }
        }
        hierarchy
    }

    fn add(&mut self, certificate: Arc<Certificate>, staging: bool, withdrawn: bool) {
        let own = CaCertificate {
            certificate,
            withdrawn,
        };
        let certificate = &own.certificate;
        let known = self.cas.iter_mut().find(|ca| {
            ca.name_hash == certificate.subject_hash && ca.key_hash == certificate.key_hash
        });
        match known {
            Some(ca) => {
                ca.not_before = ca.not_before.min(certificate.not_before);
                if !withdrawn {
                    ca.not_after = ca.not_after.max(certificate.not_after);
                }
                ca.certificates.push(own);
            }
            None => self.cas.push(Ca::new(own, staging)),
        }
    }
}

impl Ca {
    /// Whether a CertID names this CA as issuer.
    #[must_use]
    pub fn is_issuer_in(&self, id: &CertId) -> bool {
        match id.hash {
            HashKind::Sha1 => {
                id.issuer_name_hash == self.name_hash.sha1
                    && id.issuer_key_hash == self.key_hash.sha1
            }
            HashKind::Sha256 => {
                id.issuer_name_hash == self.name_hash.sha256
                    && id.issuer_key_hash == self.key_hash.sha256
            }
            HashKind::Other => false,
        }
    }

    fn new(first: CaCertificate, staging: bool) -> Self {
        let certificate = &first.certificate;
        let name = certificate.subject_cn.clone().unwrap_or_default();
        let environment = if staging {
            Environment::Staging
        } else if name == "DST Root CA X3" {
            Environment::CrossSigner
        } else if name.starts_with("Let's Encrypt Authority ") {
            Environment::Predecessor
        } else {
            Environment::Production
        };
        let state = if IN_USE.contains(&name.as_str()) {
            State::InUse
        } else if BACKUP.contains(&name.as_str()) {
            State::Backup
        } else {
            State::Retired
        };
        Self {
            label: label(&name, environment, certificate.is_ca),
            name,
            environment,
            state,
            key: certificate.key,
            name_hash: certificate.subject_hash,
            key_hash: certificate.key_hash,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            certificates: vec![first],
        }
    }
}

/// The short name in host names is the last word of the common name: "R10" is r10, "ISRG Root X1" is x1,
/// "(STAGING) Counterfeit Cashew R10" is r10 with the staging prefix.
fn label(name: &str, environment: Environment, is_ca: bool) -> Option<String> {
    if !is_ca || name.starts_with("Fake LE ") {
        return None;
    }
    match environment {
        Environment::Predecessor | Environment::CrossSigner => None,
        // The staging image of IdenTrust's root: its name ends in X3, its host is stg-dst3.
        Environment::Staging if name.contains("Root CA X3") => Some("dst3".to_owned()),
        Environment::Staging | Environment::Production => {
            name.rsplit(' ').next().map(str::to_ascii_lowercase)
        }
    }
}

#[cfg(test)]
mod tests;
