//! What lencr.org and its hosts are, in plain words.

use crate::pki::cert::Serial;
use crate::pki::endpoint::{HostRole, Service};
use crate::report::safe;

/// What a watched host is for.
#[must_use]
pub fn role(role: &HostRole) -> String {
    let ca = match (role.ca, &role.label) {
        (Some(ca), _) => ca.to_owned(),
        (None, Some(label)) => format!("the CA “{}”", safe::capped(label, 30)),
        (None, None) => "Let's Encrypt".to_owned(),
    };
    let mut text = match role.service {
        _ if !role.grammatical => {
            "A name that no certificate of Let's Encrypt is known to use.".to_owned()
        }
        Service::Ocsp => format!(
            "OCSP responder of {ca}: said whether one certificate is revoked. Let's Encrypt switched OCSP off on \
             2025-08-06."
        ),
        Service::Crl => format!(
            "Revocation lists of {ca}: clients download one to see whether a certificate that {ca} issued is revoked."
        ),
        Service::Issuer => format!(
            "The certificate of {ca} itself: clients download it when a server leaves it out of its chain."
        ),
        Service::Page => {
            "A page that explains lencr.org to people. No certificate check uses it.".to_owned()
        }
        Service::Unknown => "A host whose purpose is not known here.".to_owned(),
    };
    if role.staging {
        text.push_str(" It belongs to the staging hierarchy, which no browser trusts: someone tests certificate issuance.");
    }
    if role.predecessor {
        text.push_str(" It is one of the names in use before lencr.org.");
    }
    text
}

/// What lencr.org is, for people who met the name in a log.
#[must_use]
pub const fn about() -> &'static str {
    "lencr.org belongs to Let's Encrypt, the certificate authority of a large part of the web. Certificates carry short \
     addresses under it, so that a program that is shown a certificate can ask whether it was revoked (c. for lists; \
     o. for OCSP, switched off on 2025-08-06) or fetch a certificate that the server forgot to send (i.). A contact \
     with lencr.org is therefore nearly always a by-product of a TLS connection to some other site, and says nothing about whether \
     that site is good or bad: any site can have such a certificate. The traffic is plain HTTP on port 80 by design; \
     its content is signed. Blocking it breaks certificate checks: some programs then refuse to connect, others stall \
     for seconds and go on without the check."
}

/// Words of the reports, explained.
pub const GLOSSARY: &[(&str, &str)] = &[
    (
        "contact",
        "Any touch of a watched host: a request, or a lookup or connection that never became one.",
    ),
    ("trigger", "The TLS handshake that caused a contact."),
    ("site", "The trigger's server name."),
    ("finding", "One contact with the verdict on it."),
    (
        "proven",
        "The bytes say so: the same serial and issuer, or an address only this certificate names.",
    ),
    ("strong", "Nothing else in the capture fits."),
    (
        "likely",
        "It fits better than anything else in the capture.",
    ),
    ("possible", "It fits, and so may others."),
    (
        "unexplained",
        "Nothing in the capture explains the contact. A normal result: captures rarely hold everything.",
    ),
    (
        "OCSP",
        "A question to the certificate authority whether one certificate is revoked (RFC 6960).",
    ),
    (
        "CRL",
        "A signed list of the serials of revoked certificates (RFC 5280).",
    ),
    (
        "shard",
        "One part of a CA's revocation list; the serial of a certificate decides which.",
    ),
    (
        "intermediate",
        "The certificate between a site's and the root. Servers should send it; clients may fetch it.",
    ),
    (
        "staple",
        "An OCSP answer that the server delivers inside the handshake, so that nobody has to ask (RFC 6066).",
    ),
    (
        "SNI",
        "The server name a client sends in clear at the start of a TLS connection.",
    ),
    (
        "ECH",
        "Encrypted Client Hello: hides the server name (RFC 9849).",
    ),
];

/// A link to Certificate Transparency for a serial. Only printed: nothing here ever fetches it.
#[must_use]
pub fn crtsh(serial: &Serial) -> String {
    format!("https://crt.sh/?serial={serial}")
}
