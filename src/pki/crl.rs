//! Certificate revocation lists (RFC 5280 5).
//!
//! Let's Encrypt's worst shard would be some 70 MB. So opening a list reads its head and tail only,
//! questions walk the entries where they lie, and nothing is copied.

mod scope;

use std::collections::HashMap;
use std::fmt::Write;

use crate::pki::PkiError;
use crate::pki::cert::{NameHashes, Serial, authority_key_id, distribution_point, extension_parts};
use crate::pki::der::{Reader, Tlv, tag};
use crate::pki::ocsp::CertStatus;
use crate::pki::text;
use crate::time::Timestamp;

pub use scope::{Mismatch, mismatch};

const CRL: &str = "a CRL (RFC 5280 5.1)";

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

/// A list opened for questions.
#[derive(Clone, Debug)]
pub struct Crl<'a> {
    algorithm: Tlv<'a>,
    issuer: Tlv<'a>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    entries: Reader<'a>,
    complete: bool,
    number: Option<&'a [u8]>,
    authority_key_id: Option<Vec<u8>>,
    idp: Idp,
}

/// IssuingDistributionPoint (RFC 5280 5.2.5).
#[derive(Clone, Debug, Default)]
struct Idp {
    urls: Vec<String>,
    only_user: bool,
    only_ca: bool,
    /// indirectCRL or onlyContainsAttributeCerts: the serials are not those of the issuer's certificates.
    foreign_serials: bool,
}

/// Opens a DER list in time that does not grow with its entries.
///
/// A list that was cut short is opened as far as it goes, see [`Crl::is_complete`]: its entries still
/// count, what stands at its end (number, distribution point, signature) is missing.
///
/// # Errors
///
/// When the head is not that of a CertificateList of version 1 or 2, or a whole list is malformed at its end.
pub fn open(der: &[u8]) -> Result<Crl<'_>, PkiError> {
    let mut outer = Reader::new(der);
    let (list, whole) = outer.read_cut(tag::SEQUENCE, CRL)?;
    outer.end(CRL)?;
    let mut list = list.inner();
    let (body, body_whole) = list.read_cut(tag::SEQUENCE, CRL)?;
    let mut fields = body.inner();
    fields.optional(tag::INTEGER)?;
    let algorithm = fields.read(tag::SEQUENCE, CRL)?;
    let issuer = fields.read(tag::SEQUENCE, CRL)?;
    let this_update = time(fields.element()?)?;
    let next_update = match fields.optional(tag::UTC_TIME)? {
        Some(time) => Some(time),
        None => fields.optional(tag::GENERALIZED_TIME)?,
    };
    let next_update = next_update.map(time).transpose()?;
    let (entries, entries_whole) = match fields.peek() {
        Some(tag::SEQUENCE) => {
            let (entries, whole) = fields.read_cut(tag::SEQUENCE, CRL)?;
            (entries.inner(), whole)
        }
        _ => (Reader::new(&[]), true),
    };
    let mut crl = Crl {
        algorithm,
        issuer,
        this_update,
        next_update,
        entries,
        complete: whole && body_whole && entries_whole,
        number: None,
        authority_key_id: None,
        idp: Idp::default(),
    };
    if crl.complete {
        let extensions = fields.optional(tag::constructed(0))?;
        fields.end(CRL)?;
        list.read(tag::SEQUENCE, CRL)?;
        list.read(tag::BIT_STRING, CRL)?;
        list.end(CRL)?;
        if let Some(extensions) = extensions {
            crl.read_extensions(extensions);
        }
    }
    Ok(crl)
}

impl<'a> Crl<'a> {
    /// The head, with the count of entries: one walk over them by their lengths.
    #[must_use]
    pub fn facts(&self) -> CrlFacts {
        let (issuer, issuer_cn) = text::name(self.issuer);
        CrlFacts {
            issuer,
            issuer_cn,
            issuer_hash: NameHashes::of(self.issuer.whole),
            this_update: self.this_update,
            next_update: self.next_update,
            number: self.number.map(hex),
            idp_urls: self.idp.urls.clone(),
            only_user: self.idp.only_user,
            only_ca: self.idp.only_ca,
            entries: u64::try_from(self.entries.count()).unwrap_or(u64::MAX),
        }
    }

    /// Whether the list is there from its first byte to its last.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether entries are about certificates of other issuers (indirectCRL) or about attribute certificates.
    /// They are passed over then: such a serial names none of the issuer's certificates.
    #[must_use]
    pub fn is_about_others(&self) -> bool {
        self.idp.foreign_serials
    }

    /// What the list says of one serial: [`CertStatus::Revoked`], or None when it is not listed.
    #[must_use]
    pub fn find(&self, serial: &Serial) -> Option<CertStatus> {
        self.listed()
            .find(|(listed, _)| *listed == serial.as_bytes())
            .map(|(_, entry)| status(entry))
    }

    /// Those of `wanted` that are listed, in the order of the list; one walk for all of them.
    pub fn find_all<'s>(
        &self,
        wanted: impl IntoIterator<Item = &'s Serial>,
    ) -> Vec<(Serial, CertStatus)> {
        let mut remaining: HashMap<&[u8], &Serial, foldhash::fast::RandomState> = wanted
            .into_iter()
            .map(|serial| (serial.as_bytes(), serial))
            .collect();
        let mut filter = Filter::default();
        for serial in remaining.keys() {
            filter.insert(serial);
        }
        let mut found = Vec::new();
        for (listed, entry) in self.listed() {
            if filter.may_contain(listed)
                && let Some(serial) = remaining.remove(listed)
            {
                found.push((serial.clone(), status(entry)));
                if remaining.is_empty() {
                    break;
                }
            }
        }
        found
    }

    /// Serial (without leading zeros) and the fields after it, of each entry of the list's own issuer.
    fn listed(&self) -> impl Iterator<Item = (&'a [u8], Reader<'a>)> + use<'a> {
        let entries = if self.idp.foreign_serials {
            Reader::new(&[])
        } else {
            self.entries
        };
        entries.filter_map(|entry| {
            let mut fields = entry.inner();
            let serial = fields.read(tag::INTEGER, CRL).ok()?.content;
            let zeros = serial.iter().take_while(|b| **b == 0).count();
            Some((serial.get(zeros..)?, fields))
        })
    }

    /// thisUpdate.
    pub(crate) fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// DER of the issuer Name.
    pub(crate) fn issuer(&self) -> &'a [u8] {
        self.issuer.whole
    }

    /// AlgorithmIdentifier inside the signed part.
    pub(crate) fn algorithm(&self) -> &'a [u8] {
        self.algorithm.whole
    }

    /// AuthorityKeyIdentifier.
    pub(crate) fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    fn read_extensions(&mut self, extensions: Tlv<'a>) {
        for (oid, value) in extensions
            .inner()
            .flat_map(Tlv::inner)
            .filter_map(extension_parts)
        {
            match oid {
                // cRLNumber
                [0x55, 0x1d, 0x14] => {
                    self.number = Reader::new(value).next().map(|number| number.content);
                }
                [0x55, 0x1d, 0x23] => self.authority_key_id = authority_key_id(value),
                // issuingDistributionPoint
                [0x55, 0x1d, 0x1c] => {
                    for field in Reader::new(value).flat_map(Tlv::inner) {
                        match field.tag {
                            0x81 => self.idp.only_user = field.is_true(),
                            0x82 => self.idp.only_ca = field.is_true(),
                            0x84 | 0x85 => self.idp.foreign_serials |= field.is_true(),
                            _ => distribution_point(Reader::new(field.whole), &mut self.idp.urls),
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Revoked, when, and why: `revocationDate` and the reasonCode among crlEntryExtensions.
fn status(mut entry: Reader<'_>) -> CertStatus {
    let at = entry.next().and_then(Tlv::time).unwrap_or(Timestamp::EPOCH);
    let reason = entry
        .next()
        .into_iter()
        .flat_map(Tlv::inner)
        .filter_map(extension_parts)
        .find(|(oid, _)| *oid == [0x55, 0x1d, 0x15])
        .and_then(|(_, value)| Reader::new(value).next())
        .and_then(Tlv::small);
    CertStatus::Revoked { at, reason }
}

fn time(tlv: Tlv<'_>) -> Result<Timestamp, PkiError> {
    tlv.time().ok_or(PkiError::NotA(CRL))
}

fn hex(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes.get(zeros..).unwrap_or_default() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// One bit for each value of a serial's last two bytes: spares nearly all entries the lookup.
struct Filter(Box<[u64; 1024]>);

impl Filter {
    fn insert(&mut self, serial: &[u8]) {
        let (word, bit) = Self::place(serial);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_contain(&self, serial: &[u8]) -> bool {
        let (word, bit) = Self::place(serial);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(serial: &[u8]) -> (usize, u64) {
        let last = match serial {
            [.., a, b] => u16::from_be_bytes([*a, *b]),
            [b] => u16::from(*b),
            [] => 0,
        };
        (usize::from(last >> 6), 1 << (last & 63))
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self(Box::new([0; 1024]))
    }
}

#[cfg(test)]
mod tests;
