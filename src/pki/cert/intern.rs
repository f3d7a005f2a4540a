//! Certificates seen before are not read again.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::pki::PkiError;
use crate::pki::cert::Certificate;

/// What [`Interner::default`] remembers; see [`crate::limits::Limits::certificates`].
const DEFAULT_LIMIT: usize = 20_000;

/// Bytes remembered for each certificate of the limit, on average: real ones take 2 to 3 kB, hostile
/// ones as much as a TLS message holds.
const BYTES_PER_CERTIFICATE: usize = 2 << 10;

/// Certificates decoded so far, shared by content; bounded by [`crate::limits::Limits::certificates`].
///
/// The DER itself is the key: a lookup hashes it with a fast keyed hash and compares it whole, which is as
/// sure as comparing SHA-256 fingerprints and much cheaper. When half of the limit is reached the younger
/// half becomes the older one and the former older half is forgotten; whoever is met again moves back to
/// the young. Forgetting costs a second parse, never a wrong answer.
#[derive(Debug)]
pub struct Interner {
    young: Generation,
    old: Generation,
    limit: usize,
}

#[derive(Debug, Default)]
struct Generation {
    certificates: HashMap<Arc<[u8]>, Arc<Certificate>, RandomState>,
    bytes: usize,
}

impl Interner {
    /// Remembers at most `certificates`.
    #[must_use]
    pub fn with_limit(certificates: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            limit: certificates,
        }
    }

    /// Changes the limit; takes effect as certificates come.
    pub fn set_limit(&mut self, certificates: usize) {
        self.limit = certificates;
    }

    /// The certificate in `der`, decoded now or before.
    ///
    /// # Errors
    ///
    /// Those of [`Certificate::parse`].
    pub fn intern(&mut self, der: &[u8]) -> Result<Arc<Certificate>, PkiError> {
        if let Some(known) = self.young.certificates.get(der) {
            return Ok(Arc::clone(known));
        }
        let certificate = match self.old.certificates.get(der) {
            Some(known) => Arc::clone(known),
            None => Arc::new(Certificate::parse(der)?),
        };
        let half = self.limit / 2;
        if self.young.certificates.len() >= half
            || self.young.bytes >= half.saturating_mul(BYTES_PER_CERTIFICATE)
        {
            self.old = mem::take(&mut self.young);
        }
        if half > 0 {
            self.young.bytes += certificate.weight();
            self.young
                .certificates
                .insert(Arc::clone(&certificate.der), Arc::clone(&certificate));
        }
        Ok(certificate)
    }

    /// How many certificates are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.certificates.len() + self.old.certificates.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Interner {
    fn default() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }
}
