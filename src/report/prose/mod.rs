//! The only place where sentences live.
//!
//! No sentence claims more than its evidence: facts of the wire are stated, causes carry the confidence of the
//! verdict in their verb ("caused", "very probably caused", "probably caused", "may have caused"), and what a
//! client says of itself is reported as what it says. Everything from the network passes [`safe::line`] on its
//! way into a sentence, so the results never hold controls or direction marks; escaping for a medium (HTML,
//! Markdown, CSV) is the presenter's.

mod advice;
mod alert;
mod answer;
mod coverage;
mod dossier;
mod evidence;
mod health;
mod host;
mod outage;
mod trigger;
mod why;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::finding::{
    Bearing, Candidate, Cause, Confidence, ContactKind, Finding, Missing, Outcome, Report,
    Severity, Site, Stage, Verdict,
};
use crate::report::group::Key;
use crate::report::safe;
use crate::report::words::Word;

pub use advice::advice;
pub use alert::{alert, alert_words, benign};
pub use answer::{answer, failure, ocsp_error, revocation_reason, status, timing};
pub use coverage::{blind_spot, coverage, nothing_found, summary};
pub use dossier::{dossier, oddity};
pub use evidence::{evidence, rejection};
pub use health::{cost, problem, remedy, stapling};
pub use host::{GLOSSARY, about, crtsh, role};
pub use outage::{outage, privacy};
pub use trigger::{certificate, connection};
pub use why::why;

/// One line that says what happened and why.
#[must_use]
pub fn headline(finding: &Finding) -> String {
    let verdict = &finding.verdict;
    let contact = a_contact(finding);
    if verdict.cause == Cause::Disguise {
        return disguised(finding);
    }
    let caused = caused(verdict.confidence);
    match verdict.outcome {
        Outcome::Site if verdict.cause == Cause::Person => format!(
            "A person or a script on {} {}made {contact}, on account of {}",
            finding.client.ip,
            adverb(verdict.confidence),
            the_site(finding)
        ),
        Outcome::Site => format!("{} {caused} {contact}", the_site(finding)),
        Outcome::OneOf => {
            let names = candidate_names(finding);
            let more = left_out(finding);
            format!("One of {} {caused} {contact}", choice(&names, more))
        }
        Outcome::AnyUnder => {
            let names = candidate_names(finding);
            let under = under(verdict);
            match names.as_slice() {
                [] => format!(
                    "{} concerns {under}: any site under it can be the cause",
                    capital(&contact)
                ),
                [only] => {
                    format!(
                        "{only}, the only site here that fits, {caused} {contact}, which concerns {under}"
                    )
                }
                _ => format!(
                    "{} concerns {under}: any of {} sites can be the cause ({})",
                    capital(&contact),
                    names.len() + left_out(finding),
                    list_of(&names, left_out(finding), "or")
                ),
            }
        }
        Outcome::NoOutbound => {
            let adverb = adverb(verdict.confidence);
            format!("{} {adverb}made {contact}", capital(&actor(finding)))
        }
        Outcome::Unexplained => format!("Nothing in this capture explains {contact}"),
    }
}

/// How a finding stands, in one word for people.
#[must_use]
pub fn standing(finding: &Finding) -> &'static str {
    match (finding.verdict.cause, finding.verdict.outcome) {
        // A name that merely looks odd must not read like an accusation.
        (Cause::Disguise, _) => match finding.alerts.iter().map(|a| a.severity).max() {
            Some(Severity::High) => "suspicious",
            _ => "odd",
        },
        (_, Outcome::Unexplained) => "unexplained",
        _ => finding.verdict.confidence.word(),
    }
}

/// The side that a piece of evidence takes, in one word for people.
#[must_use]
pub const fn side(bearing: Bearing) -> &'static str {
    match bearing {
        Bearing::Decides => "proof",
        Bearing::Supports(_) => "for",
        Bearing::Opposes(_) | Bearing::Excludes => "against",
    }
}

/// The site or sites that a verdict names, for a cell of a table; empty when it names none.
#[must_use]
pub fn sites(finding: &Finding) -> String {
    match &finding.verdict.site {
        Some(site) => safe::line(site).into_owned(),
        None => list_of(&candidate_names(finding), left_out(finding), "or"),
    }
}

/// What would help to settle a verdict, as a sentence.
#[must_use]
pub const fn missing(missing: Missing) -> &'static str {
    match missing {
        Missing::KeyLog => {
            "A key log (--keylog) would open the certificates that TLS 1.3 or QUIC hid in this capture."
        }
        Missing::EarlierStart => {
            "A capture that starts earlier may hold the handshake: this one began after it could have happened."
        }
        Missing::OtherInterface => {
            "The handshake may have run over another interface, a VPN or a proxy that this capture does not show."
        }
        Missing::SiteCertificates => {
            "The certificates of the sites in question (--certs) would tell which of them this contact concerns."
        }
        Missing::LargerSnaplen => {
            "A capture with whole packets (tcpdump -s 0) would show the certificates cut here."
        }
        Missing::CompleteCapture => {
            "A capture without loss and with both directions would show what is missing from these connections."
        }
        Missing::ClientSide => {
            "A capture on the client itself would tell apart the machines that share this address."
        }
        Missing::ProcessNames => {
            "A live capture on the client (-i) would name the process that made this contact."
        }
        Missing::ShorterCapture => {
            "A shorter capture, or one of this device alone, would leave room for all that this contact may rest on: some of it was passed over or forgotten."
        }
    }
}

/// The site of a handshake with how its name was learned, as a noun.
#[must_use]
pub fn site(site: &Site) -> String {
    match site {
        Site::Sni(name) => safe::line(name.as_str()).into_owned(),
        Site::Proxy(name) => format!("{} (as asked of the proxy)", safe::line(name.as_str())),
        Site::Certificate(name) => format!(
            "{} (first name in the certificate)",
            safe::line(name.as_str())
        ),
        Site::Dns(name) => format!("{} (looked up for this address)", safe::line(name.as_str())),
        Site::EchOuter(name) => {
            format!(
                "a site hidden by ECH (public name {})",
                safe::line(name.as_str())
            )
        }
        Site::Address(ip) => format!("{ip} (by its address)"),
    }
}

/// How the name of a site was learned, in a few words.
#[must_use]
pub const fn site_source(site: &Site) -> &'static str {
    match site {
        Site::Sni(_) => "server name sent by the client",
        Site::Proxy(_) => "name the client gave its proxy",
        Site::Certificate(_) => "first name in the certificate",
        Site::Dns(_) => "name looked up for this address",
        Site::EchOuter(_) => "hidden by ECH; only the provider's public name shows",
        Site::Address(_) => "address only",
    }
}

/// Who made a contact: process, else what the client software says of itself, with its address.
#[must_use]
pub fn client(finding: &Finding, report: &Report) -> String {
    let party = &finding.client;
    let shared = report.device(party.device).is_some_and(|d| d.shared);
    let place = if shared {
        format!(
            "behind {} (an address several machines seem to share)",
            party.ip
        )
    } else {
        format!("on {}", party.ip)
    };
    if let Some(process) = &party.process {
        let name = safe::capped(&process.name, 60);
        return match process.pid {
            Some(pid) => format!("{name} (process {pid}) {place}"),
            None => format!("{name} {place}"),
        };
    }
    match &party.agent {
        Some(agent) => format!(
            "a client {place} that looks like {}",
            safe::capped(agent, 60)
        ),
        None => format!("a client {place}"),
    }
}

/// The kind of object a contact was after, as a label.
#[must_use]
pub const fn kind(kind: ContactKind) -> &'static str {
    match kind {
        ContactKind::Ocsp => "OCSP",
        ContactKind::Crl => "CRL",
        ContactKind::Issuer => "issuer certificate",
        ContactKind::Unknown => "other",
    }
}

/// What a group of findings has in common, as a title.
#[must_use]
pub fn group_title(key: &Key) -> String {
    match key {
        Key::Site(site) if site.is_empty() => "A site without a name".into(),
        Key::Site(site) => safe::line(site).into_owned(),
        Key::OneOf => "One of several sites".into(),
        Key::AnyUnder(Some(under)) => format!("Any site under {}", safe::line(under)),
        Key::AnyUnder(None) => "Any site under an intermediate".into(),
        Key::Unexplained => "Unexplained".into(),
        Key::Own => "The device's own doing".into(),
        Key::Disguise => "Resembles lencr.org, or behaves unlike it".into(),
        Key::Device(label) => format!("Device {}", safe::line(label)),
        Key::Host(host) => safe::line(host).into_owned(),
        Key::Verdict(standing) => format!("Verdict: {standing}"),
        Key::All => "All contacts".into(),
    }
}

/// Whose handshakes are meant, after "of": the process, else the address.
pub(super) fn whose(finding: &Finding) -> String {
    match &finding.client.process {
        Some(process) => format!(
            "{} on {}",
            safe::capped(&process.name, 60),
            finding.client.ip
        ),
        None => finding.client.ip.to_string(),
    }
}

/// The contact with its article: "an OCSP request to r10.o.lencr.org".
#[must_use]
pub fn a_contact(finding: &Finding) -> String {
    let host = safe::line(finding.host.as_str());
    match (finding.stage, finding.kind) {
        (Stage::LookedUp, _) if finding.count > 1 => {
            format!("{} lookups under {host}", finding.count)
        }
        (Stage::LookedUp, _) => format!("a lookup of {host}"),
        (Stage::Connected, _) => format!("a connection to {host}"),
        (_, ContactKind::Ocsp) => format!("an OCSP request to {host}"),
        (_, ContactKind::Crl) => format!("a CRL request to {host}"),
        (_, ContactKind::Issuer) => format!("an issuer certificate request to {host}"),
        (_, ContactKind::Unknown) => format!("an HTTP request to {host}"),
    }
}

/// The contact when it was just spoken of: "this OCSP request".
pub(super) const fn this_contact(finding: &Finding) -> &'static str {
    match (finding.stage, finding.kind) {
        (Stage::LookedUp, _) if finding.count > 1 => "these lookups",
        (Stage::LookedUp, _) => "this lookup",
        (Stage::Connected, _) => "this connection",
        (_, ContactKind::Ocsp) => "this OCSP request",
        (_, ContactKind::Crl) => "this CRL request",
        (_, ContactKind::Issuer) => "this issuer certificate request",
        (_, ContactKind::Unknown) => "this request",
    }
}

/// Name of the trigger site for a verdict that has one.
fn the_site(finding: &Finding) -> String {
    match (&finding.verdict.site, finding.candidates.first()) {
        (Some(name), _) => safe::line(name).into_owned(),
        (None, Some(candidate)) => capital(&site(&candidate.site)),
        (None, None) => "A site without a name".into(),
    }
}

/// What the answer of an any-under verdict is under.
pub(super) fn under(verdict: &Verdict) -> Cow<'_, str> {
    verdict
        .under
        .as_deref()
        .map_or(Cow::Borrowed("an intermediate certificate"), safe::line)
}

/// Distinct names of the candidates, best first.
pub(super) fn candidate_names(finding: &Finding) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut names: Vec<String> = finding.candidates.iter().map(short_site).collect();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The site of a candidate in as few words as do not mislead.
pub(super) fn short_site(candidate: &Candidate) -> String {
    short(&candidate.site)
}

/// The same of a site alone.
pub(super) fn short(named: &Site) -> String {
    match named {
        Site::EchOuter(_) => site(named),
        other => other
            .name()
            .map_or_else(String::new, |name| safe::line(&name).into_owned()),
    }
}

/// "a", "a or b", "a, b or c", "a, b, c or 4 more".
pub(super) fn list(names: &[String], conjunction: &str) -> String {
    list_of(names, 0, conjunction)
}

/// Candidates that the finding does not describe.
pub(super) fn left_out(finding: &Finding) -> usize {
    usize::try_from(finding.left_out.candidates).unwrap_or(usize::MAX)
}

/// The same of names of which `more` are not at hand.
pub(super) fn list_of(names: &[String], more: usize, conjunction: &str) -> String {
    const SHOWN: usize = 3;
    match names {
        [] => String::new(),
        [only] if more == 0 => only.clone(),
        names if names.len() + more <= SHOWN => {
            let (last, rest) = names
                .split_last()
                .map_or(("", names), |(l, r)| (l.as_str(), r));
            format!("{} {conjunction} {last}", rest.join(", "))
        }
        names => {
            let shown = names.get(..SHOWN).unwrap_or(names);
            format!(
                "{} {conjunction} {} more",
                shown.join(", "),
                names.len() - shown.len() + more
            )
        }
    }
}

fn choice(names: &[String], more: usize) -> String {
    match names {
        [] => "several connections".into(),
        [only] => format!("several connections to {only}"),
        names => {
            let listed = list_of(names, more, "or");
            format!("{} sites ({listed})", names.len() + more)
        }
    }
}

const fn caused(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Proven => "caused",
        Confidence::Strong => "very probably caused",
        Confidence::Likely => "probably caused",
        Confidence::Possible => "may have caused",
    }
}

/// "" for proven; otherwise with a space after it.
const fn adverb(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Proven => "",
        Confidence::Strong => "very probably ",
        Confidence::Likely => "probably ",
        Confidence::Possible => "possibly ",
    }
}

/// Who acts when no outbound handshake was the cause.
fn actor(finding: &Finding) -> String {
    let ip = finding.client.ip;
    match finding.verdict.cause {
        Cause::Stapling => match &finding.verdict.site {
            Some(site) => format!(
                "the TLS server for {} on {ip}, about its own certificate,",
                safe::line(site)
            ),
            None => format!("a TLS server on {ip}, about its own certificate,"),
        },
        Cause::Acme => format!("an ACME client on {ip}, about its own certificates,"),
        Cause::Scheduled => format!("a job on a timer on {ip}"),
        Cause::Refresh => format!("{ip}, to renew a cached answer,"),
        Cause::Person => format!("a person or a script on {ip}"),
        Cause::Scanner => format!("a scanner or monitor on {ip}"),
        Cause::Proxy => match &finding.passes_on {
            Some(passed) => format!("{ip}, passing on what {} asked,", passed.client),
            None => format!("a gateway or proxy at {ip}, for others,"),
        },
        Cause::RevocationCheck => {
            format!("a server on {ip}, about a certificate that a visitor showed it,")
        }
        Cause::IssuerChase => format!("a TLS server on {ip}, to complete its own chain,"),
        Cause::Unknown | Cause::Disguise => {
            format!("{ip}, without an outbound TLS handshake that calls for it,")
        }
    }
}

fn disguised(finding: &Finding) -> String {
    let host = safe::line(finding.host.as_str());
    if finding.role.is_none() {
        return format!(
            "{} uses a name that resembles lencr.org but does not belong to it",
            capital(&a_contact(finding))
        );
    }
    let manner = match finding.verdict.confidence {
        Confidence::Proven => "does not behave",
        Confidence::Strong => "very probably does not behave",
        Confidence::Likely => "probably does not behave",
        Confidence::Possible => "may not behave",
    };
    let contact = match finding.stage {
        Stage::LookedUp => "lookup",
        Stage::Connected => "connection",
        Stage::Asked | Stage::Answered => "request",
    };
    format!("A {contact} that names {host} {manner} like one to that host")
}

/// The sentence with its first letter in upper case. Sentences do not begin with names from the network, which
/// it would change.
pub(in crate::report) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence = String::with_capacity(text.len() + 2);
    sentence.extend(chars.next().into_iter().flat_map(char::to_uppercase));
    sentence.push_str(chars.as_str());
    sentence
}

pub(super) fn plural(n: u64, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}

#[cfg(test)]
mod tests;
