//! Whose signatures count.

use std::collections::HashMap;
use std::sync::Arc;

use crate::pki::cert::{Certificate, usage};
use crate::pki::hierarchy::Hierarchy;
use crate::pki::ocsp::{CertId, HashKind};
use crate::pki::verify::algorithm::Check;
use crate::pki::verify::signed_by;
use crate::time::Timestamp;

/// Learned certificates that are kept; browsers know fewer than 3,000 intermediates in all.
const MAX_LEARNED: usize = 4_096;

/// Bytes of learned certificates that are kept; those of real CAs have 1 to 2 kB.
const MAX_LEARNED_BYTES: usize = 16 << 20;

/// Learned certificates kept under one subject name; a capture can hold any number of forged ones.
const MAX_SAME_NAME: usize = 8;

/// Certificates of issuers.
///
/// *Anchors* (the built-in Let's Encrypt hierarchy and what `--ca` gives) are trusted by name and key, without
/// regard to their dates. *Learned* certificates come from the capture and count only when signatures lead from
/// them to an anchor.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    entries: Vec<Entry>,
    /// Entries by SHA-256 and SHA-1 of their subject Name.
    by_sha256: HashMap<[u8; 32], Vec<usize>>,
    by_sha1: HashMap<[u8; 20], Vec<usize>>,
    /// Delegated OCSP responders among the anchors, by SHA-256 of their issuer Name.
    responders: HashMap<[u8; 32], Vec<usize>>,
    learned: usize,
    learned_bytes: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    certificate: Arc<Certificate>,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    Anchor,
    /// Signatures lead to an anchor.
    Chained,
    /// They do not, yet.
    Pending,
}

impl Trust {
    /// The built-in hierarchy: production, staging and their predecessors.
    #[must_use]
    pub fn builtin() -> Self {
        let mut trust = Self::default();
        for ca in Hierarchy::builtin().cas() {
            for own in &ca.certificates {
                trust.add_anchor(Arc::clone(&own.certificate));
            }
        }
        trust
    }

    /// Adds issuers to trust (DER), as `--ca` gives them. Returns how many were of use: CA certificates,
    /// self-issued ones of version 1, and OCSP responders.
    pub fn add_certificates<D: AsRef<[u8]>>(&mut self, ders: impl IntoIterator<Item = D>) -> usize {
        ders.into_iter()
            .filter_map(|der| Certificate::parse(der.as_ref()).ok())
            .filter(|certificate| self.add_anchor(Arc::new(certificate.clone())))
            .count()
    }

    /// Trusted certificates with this subject (SHA-256 of its DER Name).
    #[must_use]
    pub fn by_subject(&self, subject: &[u8; 32]) -> Vec<Arc<Certificate>> {
        self.named(subject)
            .filter(|entry| entry.standing == Standing::Anchor)
            .map(|entry| Arc::clone(&entry.certificate))
            .collect()
    }

    /// Remembers a CA certificate seen in the capture, for reaching issuers that stand below an anchor.
    /// Anything else is passed over.
    pub fn learn(&mut self, certificate: &Arc<Certificate>) {
        let same_name = self
            .by_sha256
            .get(&certificate.subject_hash.sha256)
            .map_or(&[][..], Vec::as_slice);
        let same = |entry: &Entry| {
            let known = &entry.certificate;
            known.fingerprint == certificate.fingerprint
                || entry.standing == Standing::Anchor && known.key_hash == certificate.key_hash
        };
        let entries = || {
            same_name
                .iter()
                .filter_map(|index| self.entries.get(*index))
        };
        if !certificate.is_ca
            || self.learned >= MAX_LEARNED
            || self.learned_bytes + certificate.weight() > MAX_LEARNED_BYTES
            || entries().any(same)
            || entries()
                .filter(|entry| entry.standing != Standing::Anchor)
                .count()
                >= MAX_SAME_NAME
        {
            return;
        }
        self.learned += 1;
        self.learned_bytes += certificate.weight();
        let standing = if self.leads_to_anchor(certificate) {
            Standing::Chained
        } else {
            Standing::Pending
        };
        self.push(Arc::clone(certificate), standing);
        if standing == Standing::Chained {
            self.promote_children(certificate.subject_hash.sha256);
        }
    }

    /// How many certificates are held, trusted or not.
    #[must_use]
    pub fn known(&self) -> usize {
        self.entries.len()
    }

    /// Whether this very certificate is an anchor.
    pub(crate) fn has_anchor(&self, certificate: &Certificate) -> bool {
        self.named(&certificate.subject_hash.sha256).any(|entry| {
            entry.standing == Standing::Anchor
                && entry.certificate.fingerprint == certificate.fingerprint
        })
    }

    /// Trusted CAs with this subject Name (SHA-256): anchors, and chained ones.
    pub(crate) fn issuers(&self, subject: &[u8; 32]) -> impl Iterator<Item = &Certificate> {
        self.named(subject).filter_map(|entry| entry.issuer(None))
    }

    /// The same; chained ones only when they are valid at `at`.
    pub(crate) fn issuers_at(
        &self,
        subject: &[u8; 32],
        at: Timestamp,
    ) -> impl Iterator<Item = &Certificate> {
        self.named(subject)
            .filter_map(move |entry| entry.issuer(Some(at)))
    }

    /// Trusted CAs that a CertID names by both hashes; chained ones only when they are valid at `at`.
    pub(crate) fn issuers_in(
        &self,
        id: &CertId,
        at: Timestamp,
    ) -> impl Iterator<Item = &Certificate> {
        let name = id.issuer_name_hash.as_slice();
        let found = match id.hash {
            HashKind::Sha1 => <[u8; 20]>::try_from(name)
                .ok()
                .and_then(|name| self.by_sha1.get(&name)),
            HashKind::Sha256 => <[u8; 32]>::try_from(name)
                .ok()
                .and_then(|name| self.by_sha256.get(&name)),
            HashKind::Other => None,
        };
        let key = id.issuer_key_hash.as_slice();
        found
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|index| self.entries.get(*index))
            .filter_map(move |entry| entry.issuer(Some(at)))
            .filter(move |issuer| key == issuer.key_hash.sha1 || key == issuer.key_hash.sha256)
    }

    /// Delegated responders among the anchors that name this issuer.
    pub(crate) fn responders(&self, issuer: &[u8; 32]) -> impl Iterator<Item = &Certificate> {
        self.responders
            .get(issuer)
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|index| self.entries.get(*index))
            .map(|entry| &*entry.certificate)
    }

    fn add_anchor(&mut self, certificate: Arc<Certificate>) -> bool {
        let Ok(usage) = usage(&certificate.der) else {
            return false;
        };
        let issues = certificate.is_ca || usage.version_1 && certificate.self_issued;
        if !issues && !usage.signs_ocsp {
            return false;
        }
        let subject = certificate.subject_hash.sha256;
        let responds_for = (!issues).then_some(certificate.issuer_hash.sha256);
        let index = self.push(certificate, Standing::Anchor);
        if let Some(issuer) = responds_for {
            self.responders.entry(issuer).or_default().push(index);
        }
        self.promote_children(subject);
        true
    }

    fn push(&mut self, certificate: Arc<Certificate>, standing: Standing) -> usize {
        let index = self.entries.len();
        let name = certificate.subject_hash;
        self.by_sha256.entry(name.sha256).or_default().push(index);
        self.by_sha1.entry(name.sha1).or_default().push(index);
        self.entries.push(Entry {
            certificate,
            standing,
        });
        index
    }

    fn named(&self, subject: &[u8; 32]) -> impl Iterator<Item = &Entry> {
        self.by_sha256
            .get(subject)
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|index| self.entries.get(*index))
    }

    fn leads_to_anchor(&self, certificate: &Certificate) -> bool {
        self.issuers(&certificate.issuer_hash.sha256)
            .filter(|issuer| certificate.names_as_issuer(issuer))
            .any(|issuer| signed_by(certificate, issuer) == Check::Good)
    }

    /// A new trusted issuer may complete the chains of those that wait. Each pending certificate is promoted
    /// at most once, so this ends.
    fn promote_children(&mut self, parent: [u8; 32]) {
        if self.learned == 0 {
            return;
        }
        let mut parents = vec![parent];
        while let Some(parent) = parents.pop() {
            let promoted: Vec<usize> = self
                .entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| {
                    entry.standing == Standing::Pending
                        && entry.certificate.issuer_hash.sha256 == parent
                        && self.leads_to_anchor(&entry.certificate)
                })
                .map(|(index, _)| index)
                .collect();
            for index in promoted {
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.standing = Standing::Chained;
                    parents.push(entry.certificate.subject_hash.sha256);
                }
            }
        }
    }
}

impl Entry {
    /// The certificate, when it is a trusted CA's.
    fn issuer(&self, at: Option<Timestamp>) -> Option<&Certificate> {
        let certificate = &*self.certificate;
        let stands = match self.standing {
            Standing::Anchor => true,
            Standing::Chained => at.is_none_or(|at| certificate.is_valid_at(at)),
            Standing::Pending => false,
        };
        // The anchors that are no CA are responders; a version 1 root has no CA bit but is self-issued.
        (stands && (certificate.is_ca || certificate.self_issued)).then_some(certificate)
    }
}
