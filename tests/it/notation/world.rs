//! The certificates of a case: a small PKI of our own, shaped like Let's Encrypt's, with real signatures.
//!
//! Everything is DER that goes through the same readers as captured bytes, so hashes, names and signatures
//! agree with each other the way they do on the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use whylencr::crypto::sha256;
use whylencr::pki::cert::{Certificate, NameHashes, Serial};

use super::der::{bits, explicit, implicit, integer, octets, oid, sequence, time, tlv};

/// CAs that every case knows: label, common name, issuer, and what their own certificate names.
const CAS: &[(&str, &str, &str, &[Url])] = &[
    ("X1", "ISRG Root X1", "X1", &[]),
    ("X2", "ISRG Root X2", "X2", &[]),
    ("X2x", "ISRG Root X2", "X1", X1),
    ("R3", "R3", "X1", X1),
    ("R10", "R10", "X1", X1),
    ("R11", "R11", "X1", X1),
    ("R12", "R12", "X1", X1),
    ("E5", "E5", "X2", X2),
    ("E6", "E6", "X2", X2),
    ("E7", "E7", "X2", X2),
    ("E7x", "E7", "X1", X1),
    ("YR", "Root YR", "YR", &[]),
    (
        "YR1",
        "YR1",
        "YR",
        &[
            Url::Crl("http://yr.c.lencr.org/"),
            Url::Issuer("http://yr.i.lencr.org/"),
        ],
    ),
    ("STG-X1", "(STAGING) Pretend Pear X1", "STG-X1", &[]),
    ("STG-R10", "(STAGING) Counterfeit Cashew R10", "STG-X1", &[]),
    (
        "X3",
        "Let's Encrypt Authority X3",
        "X1",
        &[Url::Crl("http://crl.root-x1.letsencrypt.org")],
    ),
    ("Other-Root", "Other Root", "Other-Root", &[]),
    (
        "Other",
        "Other CA 1",
        "Other-Root",
        &[
            Url::Ocsp("http://ocsp.root.other-ca.example"),
            Url::Issuer("http://pki.other-ca.example/root.crt"),
        ],
    ),
];

const X1: &[Url] = &[
    Url::Crl("http://x1.c.lencr.org/"),
    Url::Issuer("http://x1.i.lencr.org/"),
];
const X2: &[Url] = &[
    Url::Crl("http://x2.c.lencr.org/"),
    Url::Issuer("http://x2.i.lencr.org/"),
];

#[derive(Clone, Copy)]
enum Url {
    Ocsp(&'static str),
    Crl(&'static str),
    Issuer(&'static str),
}

/// What goes into a certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) names: Vec<String>,
    pub(crate) issuer: String,
    pub(crate) serial: Option<Vec<u8>>,
    pub(crate) ocsp: Vec<String>,
    pub(crate) crl: Vec<String>,
    pub(crate) aia: Vec<String>,
    pub(crate) must_staple: bool,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// The certificates of one case by label.
#[derive(Debug, Default)]
pub(crate) struct World {
    certs: BTreeMap<String, Arc<Certificate>>,
    issuers: BTreeMap<String, String>,
}

/// What an OCSP answer says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    Good,
    Revoked,
    Unknown,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self::default();
        for (label, cn, issuer, urls) in CAS {
            let mut wish = Wish {
                issuer: (*issuer).to_owned(),
                not_before: super::der::seconds(2015, 1, 1),
                not_after: super::der::seconds(2040, 1, 1),
                ..Wish::default()
            };
            for url in *urls {
                match url {
                    Url::Ocsp(url) => wish.ocsp.push((*url).to_owned()),
                    Url::Crl(url) => wish.crl.push((*url).to_owned()),
                    Url::Issuer(url) => wish.aia.push((*url).to_owned()),
                }
            }
            world.make(label, cn, &wish, true);
        }
        world
    }

    /// Issues a leaf.
    pub(crate) fn leaf(&mut self, label: &str, wish: &Wish) {
        let cn = wish.names.first().cloned().unwrap_or_default();
        self.make(label, &cn, wish, false);
    }

    pub(crate) fn get(&self, label: &str) -> Option<&Arc<Certificate>> {
        self.certs.get(label)
    }

    /// The certificate of the CA that issued `label`.
    pub(crate) fn issuer_of(&self, label: &str) -> &str {
        &self.issuers[label]
    }

    /// All CA certificates, to check signatures against.
    pub(crate) fn trusted(&self) -> impl Iterator<Item = Arc<[u8]>> {
        CAS.iter()
            .map(|(label, ..)| Arc::clone(&self.certs[*label].der))
    }

    /// An OCSPRequest (RFC 6960 4.1.1) about these certificates.
    pub(crate) fn question(&self, about: &[String]) -> Vec<u8> {
        let ids: Vec<Vec<u8>> = about
            .iter()
            .map(|label| sequence(&[self.cert_id(label)]))
            .collect();
        sequence(&[sequence(&[sequence(&ids)])])
    }

    /// A signed OCSPResponse (RFC 6960 4.2.1).
    pub(crate) fn status(&self, about: &[String], status: Status, this: i64, next: i64) -> Vec<u8> {
        let answers: Vec<Vec<u8>> = about
            .iter()
            .map(|label| {
                let said = match status {
                    Status::Good => implicit(0, &[]),
                    Status::Revoked => explicit(1, &time(this - 3_600)),
                    Status::Unknown => implicit(2, &[]),
                };
                sequence(&[
                    self.cert_id(label),
                    said,
                    time(this),
                    explicit(0, &time(next)),
                ])
            })
            .collect();
        let signer = self.issuer_of(about.first().map_or("", String::as_str));
        let data = sequence(&[
            explicit(2, &octets(&self.certs[signer].key_hash.sha1)),
            time(this),
            sequence(&answers),
        ]);
        let basic = sequence(&[data.clone(), algorithm(), bits(&sign(signer, &data))]);
        let bytes = sequence(&[oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]), octets(&basic)]);
        sequence(&[tlv(0x0a, &[0]), explicit(0, &bytes)])
    }

    /// An OCSPResponse that is an error (RFC 6960 2.3): unsigned.
    pub(crate) fn refusal(code: u8) -> Vec<u8> {
        sequence(&[tlv(0x0a, &[code])])
    }

    /// A signed CRL of `issuer` (RFC 5280 5.1).
    pub(crate) fn list(
        &self,
        issuer: &str,
        point: Option<&str>,
        revoked: &[String],
        this: i64,
        next: i64,
    ) -> Vec<u8> {
        let ca = &self.certs[issuer];
        let entries: Vec<Vec<u8>> = revoked
            .iter()
            .map(|label| {
                sequence(&[
                    integer(self.certs[label].serial.as_bytes()),
                    time(this - 3_600),
                ])
            })
            .collect();
        let mut fields = vec![
            integer(&[1]),
            algorithm(),
            name_of(ca),
            time(this),
            time(next),
        ];
        if !entries.is_empty() {
            fields.push(sequence(&entries));
        }
        if let Some(url) = point {
            let full = explicit(0, &explicit(0, &implicit(6, url.as_bytes())));
            let idp = extension(&[0x55, 0x1d, 0x1c], true, &sequence(&[full]));
            fields.push(explicit(0, &sequence(&[idp])));
        }
        let data = sequence(&fields);
        sequence(&[data.clone(), algorithm(), bits(&sign(issuer, &data))])
    }

    fn cert_id(&self, label: &str) -> Vec<u8> {
        let cert = &self.certs[label];
        let issuer = &self.certs[self.issuer_of(label)];
        let sha1 = sequence(&[oid(&[0x2b, 0x0e, 3, 2, 0x1a]), tlv(5, &[])]);
        sequence(&[
            sha1,
            octets(&cert.issuer_hash.sha1),
            octets(&issuer.key_hash.sha1),
            integer(cert.serial.as_bytes()),
        ])
    }

    fn make(&mut self, label: &str, cn: &str, wish: &Wish, ca: bool) {
        let issuer_name = match self.certs.get(&wish.issuer) {
            Some(issuer) => name_of(issuer),
            None => name(cn),
        };
        let key = key(label);
        let mut serial = wish.serial.clone().unwrap_or_else(|| {
            // 18 bytes with the prefix of today's certificates; the rest random, as far as a case can tell.
            let mut bytes = sha256(label.as_bytes())[..18].to_vec();
            bytes[0] = 0x06;
            bytes
        });
        if serial.is_empty() {
            serial.push(1);
        }
        let data = sequence(&[
            explicit(0, &integer(&[2])),
            integer(&serial),
            algorithm(),
            issuer_name,
            sequence(&[time(wish.not_before), time(wish.not_after)]),
            name(cn),
            sequence(&[algorithm(), bits(key.public_key().as_ref())]),
            explicit(3, &sequence(&extensions(wish, ca))),
        ]);
        let der = sequence(&[data.clone(), algorithm(), bits(&sign(&wish.issuer, &data))]);
        let cert = Certificate::parse(&der).expect("a certificate of our own");
        self.certs.insert(label.to_owned(), Arc::new(cert));
        self.issuers.insert(label.to_owned(), wish.issuer.clone());
    }
}

/// Whether a word is the label of a CA.
pub(crate) fn is_ca(label: &str) -> bool {
    CAS.iter().any(|(known, ..)| *known == label)
}

/// A serial whose shard is `n` (Boulder, docs/CRLS.md), otherwise told by `label`.
pub(crate) fn serial_in_shard(label: &str, n: u32) -> Vec<u8> {
    let mut bytes = sha256(label.as_bytes())[..18].to_vec();
    bytes[0] = 0x06;
    bytes[17] = (bytes[17] & 0x80) | ((n - 1) as u8 & 0x7f);
    debug_assert_eq!(
        whylencr::pki::endpoint::shard_of(&Serial::new(&bytes)),
        Some(n)
    );
    bytes
}

/// CA certificates of one name share one key: cross-signed forms.
fn key(label: &str) -> Ed25519KeyPair {
    let label = label
        .strip_suffix('x')
        .filter(|l| is_ca(l))
        .unwrap_or(label);
    Ed25519KeyPair::from_seed_unchecked(&sha256(label.as_bytes())).expect("32 bytes are a seed")
}

fn sign(label: &str, data: &[u8]) -> Vec<u8> {
    key(label).sign(data).as_ref().to_vec()
}

fn algorithm() -> Vec<u8> {
    sequence(&[oid(&[0x2b, 0x65, 0x70])])
}

fn name(cn: &str) -> Vec<u8> {
    let part = |attribute: u8, text: &str| {
        tlv(
            0x31,
            &sequence(&[oid(&[0x55, 4, attribute]), tlv(0x0c, text.as_bytes())]),
        )
    };
    sequence(&[part(10, "Notation"), part(3, cn)])
}

/// The subject of one of our own certificates: the name is made of its CN alone.
fn name_of(cert: &Certificate) -> Vec<u8> {
    let name = name(cert.subject_cn.as_deref().unwrap_or_default());
    assert_eq!(NameHashes::of(&name), cert.subject_hash, "{}", cert.subject);
    name
}

fn extensions(wish: &Wish, ca: bool) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    if ca {
        all.push(extension(
            &[0x55, 0x1d, 0x13],
            true,
            &sequence(&[tlv(1, &[0xff])]),
        ));
    } else if !wish.names.is_empty() {
        let names = wish.names.iter().map(|n| match n.parse() {
            Ok(std::net::IpAddr::V4(ip)) => implicit(7, &ip.octets()),
            Ok(std::net::IpAddr::V6(ip)) => implicit(7, &ip.octets()),
            Err(_) => implicit(2, n.as_bytes()),
        });
        all.push(extension(
            &[0x55, 0x1d, 0x11],
            false,
            &sequence(&names.collect::<Vec<_>>()),
        ));
    }
    let access = |method: u8, urls: &[String]| -> Vec<Vec<u8>> {
        let method = oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, method]);
        let one = |url: &String| sequence(&[method.clone(), implicit(6, url.as_bytes())]);
        urls.iter().map(one).collect()
    };
    let access = [access(1, &wish.ocsp), access(2, &wish.aia)].concat();
    if !access.is_empty() {
        all.push(extension(
            &[0x2b, 6, 1, 5, 5, 7, 1, 1],
            false,
            &sequence(&access),
        ));
    }
    if !wish.crl.is_empty() {
        let point =
            |url: &String| sequence(&[explicit(0, &explicit(0, &implicit(6, url.as_bytes())))]);
        let points: Vec<Vec<u8>> = wish.crl.iter().map(point).collect();
        all.push(extension(&[0x55, 0x1d, 0x1f], false, &sequence(&points)));
    }
    if wish.must_staple {
        let feature = sequence(&[integer(&[5])]);
        all.push(extension(&[0x2b, 6, 1, 5, 5, 7, 1, 0x18], false, &feature));
    }
    all
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![oid(id)];
    if critical {
        parts.push(tlv(1, &[0xff]));
    }
    parts.push(octets(value));
    sequence(&parts)
}
