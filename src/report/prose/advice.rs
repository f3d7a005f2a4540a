//! What a finding means in practice and what to do, each general statement with its source.

use crate::event::DnsOutcome;
use crate::finding::{Cause, ContactKind, Facts, Failure, Finding, Outcome};
use crate::report::safe;

/// What to do, if there is something to do.
#[must_use]
pub fn advice(finding: &Finding) -> Option<String> {
    let has = |rule: &str| finding.alerts.iter().any(|a| a.rule == rule);
    let site = finding.verdict.site.as_deref().map(safe::line);
    if has("look-alike-lookup") {
        return Some(
            "See whether the name was mistyped, or made by a search list: nothing was reached under it."
                .into(),
        );
    }
    if finding.verdict.cause == Cause::Disguise || has("look-alike-name") || has("dns-tunnel-shape")
    {
        return Some(
            "Look at the device and process behind this contact before anything else: the name alone says nothing about \
             who was reached."
                .into(),
        );
    }
    let revoked = finding
        .alerts
        .iter()
        .find(|a| matches!(a.rule, "revoked" | "revoked-continued"));
    if let Some(revoked) = revoked {
        // A list fetched for one site may hold the certificate of another.
        let own = finding
            .candidates
            .first()
            .and_then(|c| c.serial.as_ref())
            .is_some_and(|serial| serial.to_string() == revoked.subject);
        return Some(match site.as_ref().filter(|_| own) {
            Some(site) => format!(
                "If {site} is yours, replace its certificate now; otherwise treat the connection to it as unverified."
            ),
            None => "Find the server that shows the revoked certificate: if it is yours, replace the certificate; \
                     otherwise treat connections to it as unverified."
                .into(),
        });
    }
    if has("must-staple-without-staple") {
        return Some(
            "Renew the certificate without the must-staple extension: Let's Encrypt no longer issues it, and without a \
             responder no staple can be made (letsencrypt.org, Ending OCSP Support, 2024-12-05)."
                .into(),
        );
    }
    if has("ocsp-after-shutdown") {
        return Some(match finding.verdict.cause {
            Cause::Stapling => "Turn OCSP stapling off for this certificate, or renew it: current Let's Encrypt \
                                certificates name no OCSP address (letsencrypt.org, OCSP service shut down, 2025-08-06)."
                .into(),
            _ => "Find the certificate that still names this OCSP address: all that did have expired, so it is an old \
                  certificate still served or an old setting (letsencrypt.org, OCSP service shut down, 2025-08-06)."
                .into(),
        });
    }
    if let Some(text) = finding.answer.failure.and_then(|f| blocked(f, finding)) {
        return Some(text);
    }
    if finding.verdict.cause == Cause::IssuerChase && finding.verdict.outcome == Outcome::Site {
        let missing = finding.candidates.first().is_some_and(|c| {
            c.evidence
                .iter()
                .any(|e| matches!(e.facts, Facts::IntermediateMissing))
        });
        let who = site.as_deref().unwrap_or("the site");
        return Some(if missing {
            format!(
                "Have {who} serve its full chain: clients that do not fetch missing certificates fail there (RFC 8446 \
                 section 4.4.2; with ACME clients, install fullchain.pem)."
            )
        } else {
            format!("Check whether {who} serves its full chain (RFC 8446 section 4.4.2).")
        });
    }
    None
}

/// What a failed contact breaks and what would let it through.
fn blocked(failure: Failure, finding: &Finding) -> Option<String> {
    let host = safe::line(finding.host.as_str());
    let effect = match finding.kind {
        ContactKind::Issuer => {
            "clients whose server leaves out the intermediate cannot complete the chain"
        }
        _ => "clients that insist on the check refuse the connection, others wait and go on",
    };
    match failure {
        Failure::Sinkhole(_)
        | Failure::Lookup(DnsOutcome::NoSuchName | DnsOutcome::Refused | DnsOutcome::NoData) => {
            Some(format!(
                "If a DNS filter blocks {host}, allow it: it serves signed certificate data only; while it is blocked, {effect}."
            ))
        }
        Failure::Refused | Failure::Unanswered | Failure::Reset | Failure::NoResponse => {
            Some(format!(
                "Allow port 80 to {host}: certificates name it by plain http on purpose, as the content is signed and https could go in circles (RFC 5280 \
             section 8); while it is blocked, {effect}."
            ))
        }
        Failure::Lookup(_) => Some(format!(
            "Check the resolver: while {host} cannot be looked up, {effect}."
        )),
        Failure::Abandoned | Failure::Http(_) | Failure::OcspError(_) | Failure::Incomplete => None,
    }
}
