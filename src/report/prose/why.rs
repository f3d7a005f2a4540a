//! The why: one to three sentences a manager understands and an analyst can check.

use crate::finding::{
    Bearing, Candidate, Cause, Confidence, Evidence, Facts, Finding, Outcome, PassedOn, Report,
    Severity, Signature, Stage,
};
use crate::report::prose::{
    a_contact, alert, answer, benign, candidate_names, capital, client, evidence, left_out,
    list_of, missing, plural, short, short_site, site, this_contact, under, whose,
};
use crate::report::safe;
use crate::time::Span;

/// Why this contact was made, and what came of it.
#[must_use]
pub fn why(finding: &Finding, report: &Report) -> String {
    let mut sentences = if finding.verdict.cause == Cause::Disguise {
        disguise(finding)
    } else {
        match finding.verdict.outcome {
            Outcome::Site => one_site(finding, report),
            Outcome::OneOf => one_of(finding),
            Outcome::AnyUnder => any_under(finding),
            Outcome::NoOutbound => no_outbound(finding),
            Outcome::Unexplained => unexplained(finding),
        }
    };
    if let (Some(passed), Outcome::Site) = (&finding.passes_on, finding.verdict.outcome) {
        sentences.push(format!(
            "It was asked to by {} (contact {}).",
            passed.client, passed.finding.0
        ));
    }
    sentences.extend(answer(finding));
    sentences.join(" ")
}

fn one_site(finding: &Finding, report: &Report) -> Vec<String> {
    let Some(candidate) = finding.candidates.first() else {
        return vec![format!(
            "{} was made by {}.",
            capital(this_contact(finding)),
            client(finding, report)
        )];
    };
    let mut sentences = vec![approach(candidate, finding, report)];
    let verdict = standing(finding.verdict.confidence);
    match strongest(candidate) {
        Some(best) => {
            let fact = evidence(best, candidate, finding);
            match verdict {
                Some(verdict) => {
                    sentences.push(format!("{}; {verdict}.", fact.trim_end_matches('.')));
                }
                None => sentences.push(fact),
            }
        }
        None => sentences.extend(verdict.map(|v| format!("{}.", capital(v)))),
    }
    if finding.verdict.cause == Cause::Person {
        sentences.push("Its client is a tool that checks no certificate by itself, so somebody or a script asked for it.".into());
    }
    sentences
}

/// Who was setting up what when the contact happened.
fn approach(candidate: &Candidate, finding: &Finding, report: &Report) -> String {
    let who = client(finding, report);
    let connection = connection(candidate.protocol);
    let place = site(&candidate.site);
    if candidate.lead.is_negative() {
        format!(
            "{} of {who} came {} before its {connection} to {place}.",
            capital(this_contact(finding)),
            candidate.lead.abs()
        )
    } else {
        format!(
            "{} before {}, {who} was setting up a {connection} to {place}.",
            candidate.lead,
            this_contact(finding)
        )
    }
}

fn connection(protocol: &str) -> String {
    format!("{} connection", safe::capped(protocol, 20))
}

/// What the confidence means, for all but proven.
const fn standing(confidence: Confidence) -> Option<&'static str> {
    match confidence {
        Confidence::Proven => None,
        Confidence::Strong => Some("nothing else in this capture fits"),
        Confidence::Likely => {
            Some("it fits better than anything else in this capture, but that is not proof")
        }
        Confidence::Possible => Some("it fits, and so may others"),
    }
}

/// The evidence to tell: what decides, else what says most.
fn strongest(candidate: &Candidate) -> Option<&Evidence> {
    let speaking = |e: &&Evidence| matches!(e.bearing, Bearing::Decides | Bearing::Supports(_));
    candidate
        .evidence
        .iter()
        .find(|e| e.bearing == Bearing::Decides)
        .or_else(|| {
            let telling = |e: &&Evidence| {
                speaking(e)
                    && !matches!(
                        e.facts,
                        Facts::InsideHandshake { .. } | Facts::SoonAfter { .. }
                    )
            };
            candidate.evidence.iter().find(telling)
        })
        .or_else(|| candidate.evidence.iter().find(speaking))
}

fn one_of(finding: &Finding) -> Vec<String> {
    let names = candidate_names(finding);
    let mut sentences = vec![match names.as_slice() {
        [] => format!(
            "Several handshakes of {} fit {} equally well.",
            whose(finding),
            this_contact(finding)
        ),
        names => format!(
            "Before {}, connections of {} to {} were set up; the capture does not tell which of them asked for it.",
            this_contact(finding),
            finding.client.ip,
            list_of(names, left_out(finding), "and")
        ),
    }];
    sentences.extend(
        finding
            .verdict
            .missing
            .first()
            .map(|m| missing(*m).to_owned()),
    );
    sentences
}

fn any_under(finding: &Finding) -> Vec<String> {
    let names = candidate_names(finding);
    let under = under(&finding.verdict);
    let who = whose(finding);
    let first = format!(
        "{} concerns {under}, not the certificate of one site.",
        capital(this_contact(finding))
    );
    // Certificates that nobody could read are not said to lead anywhere.
    let seen = finding
        .candidates
        .iter()
        .all(|c| c.evidence.iter().any(|e| shows_chain(&e.facts)));
    let second = match (names.as_slice(), seen) {
        ([], _) => format!("No connection of {who} to a site under it is in this capture."),
        ([only], true) => format!(
            "{who} was connecting to one site whose certificates lead there, {only}: the likeliest cause, not a certain one."
        ),
        ([only], false) => format!(
            "{who} was connecting to one site whose certificates may lead there, {only}: a possible cause."
        ),
        (names, seen) => format!(
            "{who} was connecting to {} whose certificates {} there: {}; each of them can have caused it.",
            plural(
                names.len() as u64 + finding.left_out.candidates,
                "site",
                "sites"
            ),
            if seen { "lead" } else { "may lead" },
            list_of(names, left_out(finding), "and")
        ),
    };
    vec![first, second]
}

/// Whether a fact rests on a certificate that was read.
const fn shows_chain(facts: &Facts) -> bool {
    matches!(
        facts,
        Facts::SameSerial { .. }
            | Facts::NamedInCertificate { .. }
            | Facts::IssuerMatches { .. }
            | Facts::ShardMatches { .. }
            | Facts::IntermediateMissing
    )
}

fn no_outbound(finding: &Finding) -> Vec<String> {
    let who = whose(finding);
    let this = this_contact(finding);
    let mut sentences = Vec::new();
    let own = match finding.verdict.cause {
        Cause::Stapling => Some("the certificate it shows to its own visitors"),
        Cause::RevocationCheck => Some("a certificate that a visitor showed it"),
        Cause::IssuerChase => Some("an issuer of its own certificate"),
        _ => None,
    };
    if let Some(subject) = own {
        let mut evidence = finding.candidates.iter().flat_map(|c| &c.evidence);
        // Other sides of IKE are told as visitors, too.
        let kind = if evidence.any(|e| e.rule == "peer-certificate") {
            "VPN gateway"
        } else {
            "TLS server"
        };
        let server = match &finding.verdict.site {
            Some(site) => format!(
                "the {kind} for {} on {}",
                safe::line(site),
                finding.client.ip
            ),
            None => format!("a {kind} on {}", finding.client.ip),
        };
        let asked = match finding.verdict.confidence {
            Confidence::Proven => "asked",
            Confidence::Strong => "very probably asked",
            Confidence::Likely => "probably asked",
            Confidence::Possible => "may have asked",
        };
        sentences.push(format!("With {this}, {server} {asked} about {subject}."));
        sentences.extend(told(finding));
        return sentences;
    }
    let signs = match finding.verdict.cause {
        Cause::Acme => "an ACME client (certbot or the like) that looks after its own certificates",
        Cause::Scheduled => "a job that runs on a timer",
        Cause::Refresh => "a cache that renews an answer before it runs out",
        Cause::Person => "a person, or a script of theirs, who asked for this address directly",
        Cause::Scanner => "a scanner or monitor that visits such hosts one after the other",
        Cause::Proxy => return passed_on(finding),
        Cause::IssuerChase
        | Cause::RevocationCheck
        | Cause::Stapling
        | Cause::Disguise
        | Cause::Unknown => {
            return vec![format!(
                "No outbound TLS handshake of {who} called for {this}."
            )];
        }
    };
    let are = match finding.verdict.confidence {
        Confidence::Proven => "and it was made by",
        Confidence::Strong => "and its signs are those of",
        Confidence::Likely => "and its signs are probably those of",
        Confidence::Possible => "and it may have been",
    };
    sentences.push(format!(
        "No outbound TLS handshake of {who} in this capture called for {this}, {are} {signs}."
    ));
    sentences.extend(told(finding));
    sentences
}

fn passed_on(finding: &Finding) -> Vec<String> {
    let who = whose(finding);
    let Some(passed) = &finding.passes_on else {
        let this = this_contact(finding);
        return vec![format!(
            "No outbound TLS handshake of {who} called for {this}: it says itself that it is forwarded for somebody else (RFC 9110 \
             7.6.3, RFC 7239)."
        )];
    };
    let what = match finding.stage {
        Stage::LookedUp => "looking up",
        _ => "asking",
    };
    let how = match finding.verdict.confidence {
        Confidence::Proven | Confidence::Strong => "had asked it to and was waiting for the answer",
        Confidence::Likely | Confidence::Possible => {
            "was waiting for the answer to the same question all the while"
        }
    };
    let client = passed.client;
    let frame = passed.frame.map(|f| format!(" (frame {f})"));
    let frame = frame.unwrap_or_default();
    let first = format!(
        "{} was {what} for {client}, which {how}{frame}.",
        capital(&who)
    );
    vec![first, asker(passed)]
}

/// What is known of the contact that is passed on.
fn asker(passed: &PassedOn) -> String {
    let (number, client) = (passed.finding.0, passed.client);
    match &passed.site {
        Some(site) => format!(
            "What moved {client} is told by contact {number}, which names {}.",
            short(site)
        ),
        None => format!("What moved {client} is told by contact {number}."),
    }
}

/// The strongest evidence for the first candidate, as a sentence.
fn told(finding: &Finding) -> Option<String> {
    let candidate = finding.candidates.first()?;
    Some(evidence(strongest(candidate)?, candidate, finding))
}

fn unexplained(finding: &Finding) -> Vec<String> {
    let who = whose(finding);
    let this = this_contact(finding);
    let near = finding.rejected.len() as u64 + finding.left_out.rejected;
    let nearest = finding.rejected.first().map(short_site);
    let mut sentences = vec![match nearest {
        Some(name) if near == 1 => {
            format!(
                "No handshake of {who} in this capture explains {this}; the one that came near, with {name}, does not fit."
            )
        }
        Some(name) => format!(
            "No handshake of {who} in this capture explains {this}; {near} came near (first {name}), and none fits."
        ),
        None => format!("No handshake of {who} in this capture comes near {this}."),
    }];
    if finding.verdict.cause == Cause::Person {
        sentences
            .push("Software of this kind asks because a person or a script has it ask.".to_owned());
    }
    sentences.extend(
        finding
            .verdict
            .missing
            .first()
            .map(|m| missing(*m).to_owned()),
    );
    sentences
}

fn disguise(finding: &Finding) -> Vec<String> {
    let worst = finding.alerts.iter().max_by_key(|a| a.severity);
    match worst {
        Some(worst) => {
            let mut sentences = vec![alert(worst)];
            // The innocent explanation belongs beside every suspicion that is not certain.
            if worst.severity < Severity::High || finding.verdict.confidence < Confidence::Proven {
                sentences.push(benign(worst).to_owned());
            }
            sentences
        }
        None => vec![format!(
            "{} does not go by the rules that hold for lencr.org hosts; the frames show what it is.",
            capital(&a_contact(finding))
        )],
    }
}

/// Whether an answer of this signature may be quoted as the CA's word.
pub(super) const fn vouched(signature: Signature) -> &'static str {
    match signature {
        Signature::Verified => ", correctly signed",
        Signature::Unfit => ", correctly signed, but not to be relied on here",
        Signature::Bad => ", but its signature does not hold",
        Signature::UnknownIssuer => ", signed by an issuer that is not known here",
        Signature::Unchecked => "",
    }
}

/// Whether no request was seen.
pub(super) const fn before_request(stage: Stage) -> bool {
    matches!(stage, Stage::LookedUp | Stage::Connected)
}

/// The wait as a clause, when the handshake was held back for it.
pub(super) fn held_back(span: Option<Span>) -> String {
    span.filter(|s| *s > Span::ZERO)
        .map_or_else(String::new, |s| {
            format!("; the handshake waited {s} for it")
        })
}
