//! Which bodies matter: those that may be OCSP messages, revocation lists or certificates.

use crate::event::Request;
use crate::limits::Limits;
use crate::pki::endpoint::host_role;

use super::body::Keep;

/// What a request's target lets expect of the bodies on both sides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Interest {
    /// The host is one whose every answer matters.
    watched: bool,
    /// The path ends like a revocation list.
    crl: bool,
    /// The path ends like a certificate or a bundle of them, or the request asks a responder.
    pki: bool,
}

impl Interest {
    pub(super) fn of(request: &Request) -> Self {
        let path = request.path.split(['?', '#']).next().unwrap_or_default();
        let extension = path.rsplit_once('.').map(|(_, extension)| extension);
        let ends_in = |wanted: &[&str]| {
            extension
                .is_some_and(|extension| wanted.iter().any(|w| extension.eq_ignore_ascii_case(w)))
        };
        let asks = request.content_type.as_deref().is_some_and(is_ocsp_request);
        Self {
            watched: request
                .host
                .as_ref()
                .is_some_and(|host| host_role(host.as_str()).is_some()),
            crl: ends_in(&["crl"]),
            pki: asks || ends_in(&["crt", "cer", "der", "p7c", "p7b"]),
        }
    }

    pub(super) fn request_body(self, request: &Request, limits: &Limits) -> Keep {
        if self.watched || request.content_type.as_deref().is_some_and(is_ocsp_request) {
            Keep::UpTo(limits.http_body)
        } else if request.method == "POST" {
            Keep::DerUpTo(limits.http_body)
        } else {
            Keep::No
        }
    }

    pub(super) fn response_body(self, content_type: Option<&str>, limits: &Limits) -> Keep {
        let of_type = content_type.and_then(kind);
        if self.watched || self.crl || of_type == Some(Kind::Crl) {
            Keep::UpTo(limits.crl_body)
        } else if self.pki || of_type.is_some() {
            Keep::UpTo(limits.http_body)
        } else {
            Keep::No
        }
    }
}

/// Whether a response is of interest even though its request was not seen.
pub(super) fn speaks_for_itself(content_type: Option<&str>) -> bool {
    content_type.and_then(kind).is_some()
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Crl,
    Other,
}

/// Media types of RFC 2585, RFC 6960, RFC 8551 and their forerunners.
fn kind(content_type: &str) -> Option<Kind> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let (family, subtype) = essence.split_once('/')?;
    if !family.eq_ignore_ascii_case("application") {
        return None;
    }
    let is = |wanted: &[&str]| wanted.iter().any(|w| subtype.eq_ignore_ascii_case(w));
    if is(&["pkix-crl", "x-pkcs7-crl", "x-pkix-crl"]) {
        Some(Kind::Crl)
    } else if is(&[
        "ocsp-response",
        "pkix-cert",
        "x-x509-ca-cert",
        "x-x509-user-cert",
        "pkcs7-mime",
        "x-pkcs7-mime",
        "pkcs7-certificates",
        "x-pkcs7-certificates",
    ]) {
        Some(Kind::Other)
    } else {
        None
    }
}

fn is_ocsp_request(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/ocsp-request")
}
