//! THE TABLE: every rule of evidence, with why it is true of the world.
//!
//! A rule is a pure function over one contact beside one handshake. Its name is the one in reports, JSON and
//! docs; its sentence lives in `report::prose`. Adding knowledge means one function, one line here, one sentence
//! there, one case in the notation tests.

mod certificates;
mod company;
mod timing;

use crate::correlate::case::{Case, ShownCert};
use crate::event::Carrier;
use crate::finding::{Bearing, Evidence, Facts, Weight};
use crate::frame::FrameNo;

pub(crate) use self::certificates::{is_root_label, server_key};

/// One rule.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it finds, if it applies.
    pub apply: fn(&Case<'_>) -> Option<Evidence>,
    /// Why it is true of the world.
    pub reason: &'static str,
    /// Where that can be read.
    pub source: &'static str,
}

/// The rules, strongest first.
pub static RULES: &[Rule] = &[
    Rule {
        name: "same-serial",
        apply: certificates::same_serial,
        reason: "A CertID names one certificate by issuer and serial; serials are unique per CA and random",
        source: "RFC 6960 4.1.1, RFC 5280 4.1.2.2, CA/B BR 7.1",
    },
    Rule {
        name: "serial-differs",
        apply: certificates::serial_differs,
        reason: "A client asks about certificates of the chain it verifies, and this chain has none with that serial",
        source: "RFC 5280 6.3",
    },
    Rule {
        name: "named-in-certificate",
        apply: certificates::named_in_certificate,
        reason: "A client takes the URL of a CRL, responder or issuer from the certificate it verifies",
        source: "RFC 5280 4.2.1.13, 4.2.2.1",
    },
    Rule {
        name: "not-named",
        apply: certificates::not_named,
        reason: "A client does not invent URLs: what no certificate of the chain names is not fetched for it, nor what no other one for the same intermediate names",
        source: "RFC 5280 4.2.1.13, 4.2.2.1",
    },
    Rule {
        name: "intermediate-missing",
        apply: certificates::intermediate_missing,
        reason: "A client chases the issuer when the server left it out; the root, which nearly all leave out, tells nothing",
        source: "RFC 5280 4.2.2.1, RFC 4158; measured with Chromium and Java",
    },
    Rule {
        name: "intermediate-present",
        apply: certificates::intermediate_present,
        reason: "With the issuer in the chain there is nothing to chase",
        source: "RFC 9846 4.4.2; measured with Chromium and Java",
    },
    Rule {
        name: "shard",
        apply: certificates::shard,
        reason: "Let's Encrypt puts a certificate on CRL shard (serial mod 128) + 1",
        source: "boulder issuance/cert.go, docs/CRLS.md",
    },
    Rule {
        name: "learned-otherwise",
        apply: certificates::learned_otherwise,
        reason: "The certificate known for this name is of another CA; a name rarely uses two at once",
        source: "RFC 5280 6.1",
    },
    Rule {
        name: "tied-to-other-serial",
        apply: certificates::tied_to_other_serial,
        reason: "A handshake shows one leaf, and a site seldom has two; another contact tells that this one's is another",
        source: "RFC 9846 4.4.2",
    },
    Rule {
        name: "tied-to-other-issuer",
        apply: certificates::tied_to_other_issuer,
        reason: "A leaf has one issuer, and above it the roots that signed that one; another contact tells that this one's are others",
        source: "RFC 5280 4.1.2.4, letsencrypt.org/certificates",
    },
    Rule {
        name: "tied-to-other-list",
        apply: certificates::tied_to_other_list,
        reason: "A leaf is on one list; another contact tells that this one's is on another. Of two that fell into one silence the client went on at once after the one that it was for",
        source: "Let's Encrypt CP/CPS 7.1, boulder issuance/cert.go",
    },
    Rule {
        name: "handshake-waited",
        apply: timing::handshake_waited,
        reason: "Clients that check by themselves hold the handshake until the answer or a timeout",
        source: "measured with Firefox, Chromium, Java, GnuTLS, OpenSSL, stunnel",
    },
    Rule {
        name: "aborted-after-answer",
        apply: timing::aborted_after_answer,
        reason: "A client that hears 'revoked', or insists on an answer it does not get, ends the handshake",
        source: "RFC 8446 6.2 certificate_revoked; measured with Firefox and Java",
    },
    Rule {
        name: "busy-device",
        apply: timing::busy_device,
        reason: "On a device that opens many connections, some handshake is silent at any moment",
        source: "the device's other handshakes in the capture",
    },
    Rule {
        name: "prompt",
        apply: timing::prompt,
        reason: "A client that checks begins when the certificate arrives, whether or not the connection waits for it",
        source: "RFC 5280 6; measured with Firefox, Chromium, Java",
    },
    Rule {
        name: "did-not-wait",
        apply: timing::did_not_wait,
        reason: "The client went on before the answer came",
        source: "measured: every automatic client waited",
    },
    Rule {
        name: "inside-handshake",
        apply: timing::inside_handshake,
        reason: "The fetch began between the server's flight and the client's first data",
        source: "measured with Firefox, Chromium, Java, GnuTLS, OpenSSL, stunnel",
    },
    Rule {
        name: "soon-after",
        apply: timing::soon_after,
        reason: "People and scripts fetch after they have visited",
        source: "measured with curl, OpenSSL, Python",
    },
    Rule {
        name: "too-early",
        apply: timing::too_early,
        reason: "The certificate had not been shown when the fetch began",
        source: "RFC 5246 7.3, RFC 9846 2",
    },
    Rule {
        name: "looked-up-before",
        apply: timing::looked_up_before,
        reason: "A client learns the host's name from the certificate, so it does not look it up before",
        source: "RFC 5280 4.2.1.13, 4.2.2.1",
    },
    Rule {
        name: "resumed",
        apply: timing::resumed,
        reason: "A resumed session shows no certificate, so there is nothing to check",
        source: "RFC 5246 7.3, RFC 9846 2.2",
    },
    Rule {
        name: "stapled",
        apply: timing::stapled,
        reason: "A good staple answers the question already",
        source: "RFC 6066 8, RFC 6961",
    },
    Rule {
        name: "key-kind-unfit",
        apply: certificates::key_kind_unfit,
        reason: "Since 2024 ECDSA keys get ECDSA intermediates and RSA keys RSA ones, and of the roots X2 and YE sign for the former alone, YR for the latter; the TLS 1.2 suite tells the key, in TLS 1.3 the length of the signature",
        source: "letsencrypt.org/certificates, RFC 5246 7.4.3, RFC 8446 4.4.3",
    },
    Rule {
        name: "same-burst",
        apply: company::same_burst,
        reason: "The CRLs and issuers of one chain are fetched back to back; an identical question has the same cause",
        source: "measured with Java, Chromium, Firefox",
    },
    Rule {
        name: "same-process",
        apply: company::same_process,
        reason: "Most clients check in the process that opened the connection",
        source: "measured with Firefox, Chromium, Java, curl",
    },
    Rule {
        name: "same-client-family",
        apply: company::same_client_family,
        reason: "The fingerprint of this hello is proven, in this capture, to belong to the software that fetched",
        source: "JA4; measured",
    },
    Rule {
        name: "first-visit",
        apply: company::first_visit,
        reason: "Answers are cached, so the first visit fetches",
        source: "RFC 9111, RFC 9919 6",
    },
    Rule {
        name: "own-certificate",
        apply: company::own_certificate,
        reason: "The device itself shows this certificate to its visitors, so it asks for a staple; software that checks for itself does not, but for Java and Windows, which do both",
        source: "RFC 6066 8; measured with nginx, Apache, Caddy",
    },
    Rule {
        name: "client-certificate",
        apply: company::client_certificate,
        reason: "A server that asks for client certificates checks them, while the visitor waits",
        source: "RFC 5280 6.3",
    },
    Rule {
        name: "peer-certificate",
        apply: company::peer_certificate,
        reason: "A VPN gateway checks the certificate of its peer before it answers",
        source: "RFC 7296 2.15, 4; strongSwan plugins/revocation",
    },
    Rule {
        name: "ike-client",
        apply: company::ike_client,
        reason: "IKE daemons fetch by themselves, strongSwan without User-Agent; browsers and other TLS clients never fetch for them",
        source: "strongSwan plugins/curl, plugins/revocation",
    },
    Rule {
        name: "visitor-wanted-staple",
        apply: company::visitor_wanted_staple,
        reason: "Servers that staple lazily ask when a visitor's hello carries status_request",
        source: "nginx ngx_event_openssl_stapling.c, Apache ssl_util_stapling.c; measured",
    },
];

/// What was read here decides; what is known from elsewhere is one level weaker.
fn deciding(shown: &ShownCert) -> Bearing {
    if shown.is_fact() {
        Bearing::Decides
    } else {
        Bearing::Supports(Weight::Strong)
    }
}

fn evidence(
    case: &Case<'_>,
    rule: &'static str,
    bearing: Bearing,
    facts: Facts,
    frame: impl Into<Option<FrameNo>>,
) -> Evidence {
    let frames = frame
        .into()
        .into_iter()
        .chain(case.asking_frames())
        .collect();
    Evidence {
        rule,
        bearing,
        facts,
        frames,
    }
}

fn anchor_frame(case: &Case<'_>) -> Option<FrameNo> {
    let frames = &case.record.shown.frames;
    frames
        .certificate
        .or(frames.server_hello)
        .or(frames.client_hello)
}

/// How a carrier is called in reports.
#[must_use]
pub fn protocol_name(carrier: &Carrier, version: Option<u16>) -> &'static str {
    match (carrier, version) {
        (Carrier::Quic { .. }, _) => "QUIC",
        (Carrier::Ike, Some(0x0200)) => "IKEv2",
        (Carrier::Ike, Some(0x0100)) => "IKEv1",
        (Carrier::Ike, _) => "IKE",
        (Carrier::Dtls, version) => match version {
            Some(0x0304) => "DTLS 1.3",
            Some(0x0303) => "DTLS 1.2",
            Some(0x0302) => "DTLS 1.0",
            _ => "DTLS",
        },
        (_, Some(0x0304)) => "TLS 1.3",
        (_, Some(0x0303)) => "TLS 1.2",
        (_, Some(0x0302)) => "TLS 1.1",
        (_, Some(0x0301)) => "TLS 1.0",
        (_, Some(0x0300)) => "SSL 3.0",
        _ => "TLS",
    }
}
