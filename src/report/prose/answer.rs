//! What came of a contact: answers, failures, waits.

use crate::event::DnsOutcome;
use crate::finding::{Aftermath, ContactKind, Failure, Finding, Signature, Stage};
use crate::pki::ocsp::{CertStatus, ResponseStatus};
use crate::report::clock;
use crate::report::prose::why::{before_request, held_back, vouched};
use crate::report::prose::{capital, plural};
use crate::report::safe;

/// One sentence on the answer and what the client did next; None when there is nothing to say.
#[must_use]
pub fn answer(finding: &Finding) -> Option<String> {
    let mut sentence = match finding.answer.failure {
        Some(Failure::Http(status)) if asks_for_tunnel(finding) => {
            format!("The proxy would not connect (HTTP status {status})")
        }
        Some(Failure::Refused) if finding.proxied => "The proxy would not connect".to_owned(),
        Some(Failure::Unanswered) if finding.proxied => "The proxy gave no answer".to_owned(),
        Some(what) => capital(&failure(what)),
        None => delivered(finding)?,
    };
    if finding.method.is_none() && finding.answer.http_status.is_some() {
        sentence.push_str("; the request itself is not in this capture");
    }
    sentence.push_str(&held_back(finding.timing.delayed_handshake));
    let troubled = finding.answer.failure.is_some() || is_revoked(finding);
    match finding.aftermath {
        Aftermath::WentOn if troubled => {
            sentence.push_str("; the client went on with the connection all the same");
        }
        Aftermath::GaveUp => sentence.push_str("; the client then gave the connection up"),
        Aftermath::Retried => sentence.push_str("; the client asked again soon after"),
        Aftermath::WentOn | Aftermath::Unknown => {}
    }
    sentence.push('.');
    Some(sentence)
}

/// Why there was no answer, or none of use, as a clause.
#[must_use]
pub fn failure(failure: Failure) -> String {
    match failure {
        Failure::Lookup(outcome) => match outcome {
            DnsOutcome::NoSuchName => "the lookup was answered “no such name” (NXDOMAIN)".into(),
            DnsOutcome::NoData => "the lookup was answered without an address".into(),
            DnsOutcome::ServerFailure => {
                "the resolver failed to answer the lookup (SERVFAIL)".into()
            }
            DnsOutcome::Refused => "the resolver refused the lookup (REFUSED)".into(),
            DnsOutcome::Failed(code) => format!("the lookup failed with response code {code}"),
            DnsOutcome::Truncated => {
                "the answer to the lookup was cut short and was not asked for again".into()
            }
            DnsOutcome::Unanswered => "the lookup got no answer".into(),
            DnsOutcome::Answered => "the lookup was answered, but no connection followed".into(),
        },
        Failure::Sinkhole(ip) => {
            format!("the lookup was answered with {ip}, which is no public server")
        }
        Failure::Refused => "the connection was refused".into(),
        Failure::Unanswered => "the connection attempt got no answer".into(),
        Failure::Reset => "the connection was reset before the answer was whole".into(),
        Failure::NoResponse => "the request was sent, but no response came".into(),
        Failure::Abandoned => "the client hung up before the response came".into(),
        Failure::Http(status) => format!("the server answered with HTTP error {status}"),
        Failure::OcspError(code) => ocsp_error(code),
        Failure::Incomplete => "the response broke off before its end".into(),
    }
}

/// An OCSPResponseStatus other than successful (RFC 6960 4.2.1), as a clause.
#[must_use]
pub fn ocsp_error(code: u8) -> String {
    match code {
        1 => "the responder called the request malformed (OCSP status 1)".into(),
        2 => "the responder had an internal error (OCSP status 2)".into(),
        3 => "the responder asked to try later (OCSP status 3)".into(),
        5 => "the responder wants signed requests (OCSP status 5)".into(),
        6 => "the responder does not answer for this certificate (OCSP status 6, unauthorized)"
            .into(),
        other => format!("the responder answered with OCSP status {other}"),
    }
}

/// The status of one certificate in words.
#[must_use]
pub fn status(status: CertStatus) -> String {
    match status {
        CertStatus::Good => "good".into(),
        CertStatus::Unknown => "unknown to the responder".into(),
        CertStatus::Revoked { at, reason } => match reason.and_then(revocation_reason) {
            Some(reason) => format!("revoked on {} ({reason})", clock::date(at)),
            None => format!("revoked on {}", clock::date(at)),
        },
    }
}

/// CRLReason (RFC 5280 5.3.1).
#[must_use]
pub const fn revocation_reason(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "unspecified",
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        8 => "removeFromCRL",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => return None,
    })
}

/// Where the time went, as a short list; empty when nothing was measured.
#[must_use]
pub fn timing(finding: &Finding) -> String {
    let timing = &finding.timing;
    let parts = [
        ("lookup", timing.lookup),
        ("connect", timing.connect),
        ("answer", timing.wait),
        ("handshake held back", timing.delayed_handshake),
    ];
    let shown: Vec<String> = parts
        .into_iter()
        .filter_map(|(what, span)| span.map(|span| format!("{what} {span}")))
        .collect();
    shown.join(", ")
}

fn delivered(finding: &Finding) -> Option<String> {
    let answer = &finding.answer;
    let signed = vouched(answer.signature);
    if answer.http_status == Some(304) {
        return Some(
            "The answer was that the copy the client already has is still current (HTTP 304)"
                .into(),
        );
    }
    if let Some(target) = &answer.redirect {
        return Some(format!(
            "The server sent the client on to {}",
            safe::line(target)
        ));
    }
    if let Some(ocsp) = &answer.ocsp {
        if ocsp.status != ResponseStatus::Successful {
            return Some(capital(&ocsp_error(ocsp.status.code())));
        }
        let mut words: Vec<String> = ocsp
            .answers
            .iter()
            .take(3)
            .map(|a| status(a.status))
            .collect();
        words.dedup();
        return Some(format!("The answer was: {}{signed}", words.join(", ")));
    }
    if let Some(crl) = &answer.crl {
        let entries = plural(crl.entries, "entry", "entries");
        let listed = match answer.revoked_seen.as_slice() {
            [] => String::new(),
            [(serial, _)] => {
                format!("; it lists a certificate seen in this capture (serial {serial})")
            }
            several => format!(
                "; it lists {} certificates seen in this capture",
                several.len()
            ),
        };
        return Some(format!(
            "The list was delivered with {entries}{signed}{listed}"
        ));
    }
    if let Some(certificate) = answer.certificates.first() {
        let name = certificate
            .subject_cn
            .as_deref()
            .unwrap_or(&certificate.subject);
        return Some(format!(
            "The answer was the certificate of {}{signed}",
            safe::line(name)
        ));
    }
    match (finding.stage, answer.http_status) {
        (Stage::Answered, Some(200..300)) if asks_for_tunnel(finding) => Some(
            "The proxy connected; what travelled through it cannot be read in this capture".into(),
        ),
        (Stage::Answered, Some(status)) => {
            let what = match finding.kind {
                ContactKind::Unknown => String::new(),
                _ => ", with a body that was not read".into(),
            };
            Some(format!(
                "The server answered with HTTP status {status}{what}"
            ))
        }
        (Stage::Asked, _) => Some("No answer is in this capture".into()),
        (Stage::Answered, None) => {
            Some("Neither the request nor the answer can be read in this capture".into())
        }
        (stage, _) if before_request(stage) => Some("No request followed in this capture".into()),
        _ => None,
    }
}

/// The request is to the proxy itself, for a tunnel (RFC 9110 9.3.6).
fn asks_for_tunnel(finding: &Finding) -> bool {
    finding.method.as_deref() == Some("CONNECT")
}

fn is_revoked(finding: &Finding) -> bool {
    let answer = &finding.answer;
    let by_ocsp = answer
        .ocsp
        .iter()
        .flat_map(|o| &o.answers)
        .any(|a| matches!(a.status, CertStatus::Revoked { .. }));
    answer.signature != Signature::Bad && (by_ocsp || !answer.revoked_seen.is_empty())
}
