//! Servers' certificates in words: what is wrong, what it cost, what mends it.

use crate::finding::health::{Fault, Problem};
use crate::finding::{ServerHealth, Signature};
use crate::pki::ocsp::CertStatus;
use crate::report::clock;
use crate::report::prose::plural;
use crate::report::safe;

/// How a server staples, as a clause.
#[must_use]
pub fn stapling(server: &ServerHealth) -> String {
    let asked = plural(server.asked_staple, "client asked", "clients asked");
    let Some(staple) = &server.staple else {
        return match server.asked_staple {
            0 => "no client asked for a staple".to_owned(),
            _ => format!("not stapled ({asked} for a staple)"),
        };
    };
    let status = match staple.status {
        Some(CertStatus::Good) => "good",
        Some(CertStatus::Revoked { .. }) => "revoked",
        Some(CertStatus::Unknown) => "unknown",
        None => "not readable, or about another certificate",
    };
    let age = staple
        .age
        .map_or_else(String::new, |age| format!(", {age} old when delivered"));
    let until = staple.next_update.map_or_else(String::new, |next| {
        format!(", good until {}", clock::seconds(next))
    });
    let signature = match staple.signature {
        Signature::Verified => ", correctly signed",
        Signature::Bad => ", its signature does not hold",
        Signature::UnknownIssuer => ", signed by an issuer that is not known here",
        Signature::Unfit | Signature::Unchecked => "",
    };
    format!(
        "stapled for {} of {asked}: {status}{age}{until}{signature} (#{})",
        server.stapled, staple.frame
    )
}

/// What is wrong, in one sentence.
#[must_use]
pub fn problem(problem: &Problem) -> String {
    match &problem.what {
        Fault::MustStapleUnmet(times) => format!(
            "The certificate demands a staple, and {} got none.",
            plural(*times, "client that asked", "clients that asked")
        ),
        Fault::StapleStale => "The staple had run out when it was delivered.".to_owned(),
        Fault::StapleRevoked => {
            "The server's own staple says that its certificate is revoked.".to_owned()
        }
        Fault::StapleBad => "The signature of the staple does not hold.".to_owned(),
        Fault::StapleOther => "The staple is about another certificate.".to_owned(),
        Fault::DeadOcsp(url) => format!(
            "The certificate names the OCSP responder {}, which was switched off on 2025-08-06.",
            safe::capped(url, 120)
        ),
        Fault::MissingIntermediate { issuer, .. } => format!(
            "The server did not send the intermediate certificate {}.",
            safe::capped(issuer, 60)
        ),
        Fault::WrongOrder => "The certificates of the chain are not in order.".to_owned(),
        Fault::UnneededRoot(name, bytes) => format!(
            "The server sends the root {}, {bytes} bytes that no client uses.",
            safe::capped(name, 60)
        ),
        Fault::ExpiredCa(name, at) => format!(
            "The server sends the CA certificate {}, which ran out on {}.",
            safe::capped(name, 60),
            clock::date(*at)
        ),
        Fault::ExpiredLeaf(at) => {
            format!("The server's certificate ran out on {}.", clock::date(*at))
        }
    }
}

/// What mends it, in one sentence.
#[must_use]
pub fn remedy(problem: &Problem) -> &'static str {
    match problem.what {
        Fault::MustStapleUnmet(_) => {
            "Renew the certificate without must-staple: Let's Encrypt has no responder any more that a staple could come from. \
             Elsewhere, turn stapling on and let the server reach its responder."
        }
        Fault::StapleStale => {
            "Let the server reach its OCSP responder, or turn stapling off: clients refuse what has run out."
        }
        Fault::StapleRevoked => "Replace the certificate now.",
        Fault::StapleBad | Fault::StapleOther => {
            "Delete the server's stored staple and restart it; a renewal may have left the old one behind."
        }
        Fault::DeadOcsp(_) => {
            "Renew the certificate: those made since 2025-05-07 name no responder. Turn stapling off for it."
        }
        Fault::MissingIntermediate { .. } => {
            "Configure the full chain (fullchain.pem, not cert.pem): clients that do not fetch the missing part refuse the \
             connection, the others wait for it."
        }
        Fault::WrongOrder => {
            "Put the leaf first and after each certificate its issuer; TLS 1.2 demands it (RFC 5246 7.4.2)."
        }
        Fault::UnneededRoot(..) => {
            "Leave the root out of the chain: clients have it, or do not trust it."
        }
        Fault::ExpiredCa(..) => {
            "Let the ACME client fetch the chain anew; old clients may stop at the expired certificate."
        }
        Fault::ExpiredLeaf(_) => "Renew it, and see why the renewal did not happen by itself.",
    }
}

/// What it cost visitors, as a sentence; None when no fetch was tied to the server.
#[must_use]
pub fn cost(server: &ServerHealth) -> Option<String> {
    let cost = &server.cost;
    if cost.fetches == 0 {
        return None;
    }
    let fetches = plural(cost.fetches, "fetch", "fetches");
    Some(if cost.held == 0 {
        format!("It caused {fetches}; no handshake was seen to wait for one.")
    } else {
        format!(
            "It caused {fetches}, which held {} back for {} in all, {} at most.",
            plural(cost.held, "handshake", "handshakes"),
            cost.total,
            cost.longest
        )
    })
}
