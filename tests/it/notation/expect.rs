//! What a case says a finding must say.

use std::borrow::Cow;
use whylencr::finding::{
    Aftermath, Cause, Confidence, ContactKind, Finding, Outcome, Report, Severity, Stage,
};

use super::words::Words;

/// `expect OUTCOME [SITE..] [CONFIDENCE] [CAUSE] [..]`
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    pub(crate) which: Which,
    pub(crate) line: String,
    claims: Vec<Claim>,
}

/// Which findings it is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Which {
    /// The next in order; all must have one.
    Next,
    Each,
    Last,
    None,
}

#[derive(Clone, Debug)]
enum Claim {
    Outcome(Outcome),
    /// No site named above possible.
    NoSite,
    /// No site named at all.
    Unnamed,
    /// Exactly these.
    Sites(Vec<String>),
    Confidence(Confidence, char),
    Cause(Cause),
    Alert(String, bool),
    Quiet,
    /// No alert above low.
    Harmless,
    /// Exactly these rules.
    Alerts(Vec<String>),
    With(String),
    Rejects(String, String),
    Kind(ContactKind),
    Stage(Stage),
    Count(u64),
    Aftermath(Aftermath),
    Missing(String),
    Client(String),
}

impl Expectation {
    pub(crate) fn parse(line: &str) -> Self {
        let mut words = Words::of(line);
        let mut claims = Vec::new();
        let which = match words.peek() {
            Some("none") => Which::None,
            Some("each") => Which::Each,
            Some("last") => Which::Last,
            _ => Which::Next,
        };
        if which != Which::Next {
            words.next();
        }
        while let Some(word) = words.next() {
            let claim = match word {
                "site" => Claim::Outcome(Outcome::Site),
                "one-of" => Claim::Outcome(Outcome::OneOf),
                "any-under" => Claim::Outcome(Outcome::AnyUnder),
                "no-outbound" => Claim::Outcome(Outcome::NoOutbound),
                "unexplained" => Claim::Outcome(Outcome::Unexplained),
                "no-site" => Claim::NoSite,
                "unnamed" => Claim::Unnamed,
                "quiet" => Claim::Quiet,
                "harmless" => Claim::Harmless,
                "only-alerts" => {
                    let mut rules: Vec<String> = words
                        .take_while(|w| {
                            w.contains('-')
                                || matches!(w, "revoked" | "upload" | "sinkhole" | "redirected")
                        })
                        .iter()
                        .map(|w| (*w).to_owned())
                        .collect();
                    rules.sort();
                    Claim::Alerts(rules)
                }
                "alert" => Claim::Alert(words.need("a rule").to_owned(), true),
                "no-alert" => Claim::Alert(words.need("a rule").to_owned(), false),
                "with" => Claim::With(words.need("a rule").to_owned()),
                "rejects" => {
                    let site = words.need("a site").to_owned();
                    Claim::Rejects(site, words.need("a rule").to_owned())
                }
                "ocsp" => Claim::Kind(ContactKind::Ocsp),
                "crl" => Claim::Kind(ContactKind::Crl),
                "issuer" => Claim::Kind(ContactKind::Issuer),
                "looked-up" => Claim::Stage(Stage::LookedUp),
                "connected" => Claim::Stage(Stage::Connected),
                "asked" => Claim::Stage(Stage::Asked),
                "count" => Claim::Count(words.need("a number").parse().expect("a number")),
                "went-on" => Claim::Aftermath(Aftermath::WentOn),
                "gave-up" => Claim::Aftermath(Aftermath::GaveUp),
                "retried" => Claim::Aftermath(Aftermath::Retried),
                "missing" => Claim::Missing(words.need("what").to_owned()),
                "client" => Claim::Client(words.need("an address").to_owned()),
                word => match (confidence(word), cause(word)) {
                    (Some((level, how)), _) => Claim::Confidence(level, how),
                    (_, Some(cause)) => Claim::Cause(cause),
                    _ if word.contains('.') || word.contains(':') => {
                        let mut sites = vec![word.to_owned()];
                        sites.extend(words.take_while(|w| w.contains('.') && !w.ends_with(':')));
                        sites.sort();
                        Claim::Sites(sites)
                    }
                    _ => words.refuse(word),
                },
            };
            claims.push(claim);
        }
        Self {
            which,
            line: line.to_owned(),
            claims,
        }
    }

    /// What of it does not hold.
    pub(crate) fn failures(&self, finding: &Finding, report: &Report) -> Vec<String> {
        let fails = |claim: &&Claim| !claim.holds(finding, report);
        self.claims
            .iter()
            .filter(fails)
            .map(|c| format!("{c:?}"))
            .collect()
    }

    /// The sites that it says are proven.
    pub(crate) fn proven_site(&self) -> Option<&str> {
        let proven = |c: &Claim| matches!(c, Claim::Confidence(Confidence::Proven, _));
        let site = |c: &Claim| matches!(c, Claim::Outcome(Outcome::Site));
        if !(self.claims.iter().any(proven) && self.claims.iter().any(site)) {
            return None;
        }
        self.claims.iter().find_map(|c| match c {
            Claim::Sites(sites) => sites.first().map(String::as_str),
            _ => None,
        })
    }
}

impl Claim {
    fn holds(&self, finding: &Finding, report: &Report) -> bool {
        let verdict = &finding.verdict;
        match self {
            Self::Outcome(outcome) => verdict.outcome == *outcome,
            Self::NoSite => {
                verdict.outcome != Outcome::Site || verdict.confidence == Confidence::Possible
            }
            Self::Unnamed => verdict.site.is_none(),
            Self::Sites(expected) => sites(finding) == *expected,
            Self::Confidence(level, '+') => verdict.confidence >= *level,
            Self::Confidence(level, '-') => verdict.confidence <= *level,
            Self::Confidence(level, _) => verdict.confidence == *level,
            Self::Cause(cause) => verdict.cause == *cause,
            Self::Alert(rule, there) => finding.alerts.iter().any(|a| a.rule == rule) == *there,
            Self::Alerts(rules) => {
                let mut own: Vec<&str> = finding.alerts.iter().map(|a| a.rule).collect();
                own.sort_unstable();
                own == *rules
            }
            Self::Quiet => finding.alerts.iter().all(|a| a.severity == Severity::Info),
            Self::Harmless => finding.alerts.iter().all(|a| a.severity <= Severity::Low),
            Self::With(rule) => finding
                .candidates
                .iter()
                .any(|c| c.evidence.iter().any(|e| e.rule == rule)),
            Self::Rejects(site, rule) => finding.rejected.iter().any(|c| {
                c.site.name().as_deref() == Some(site) && c.evidence.iter().any(|e| e.rule == rule)
            }),
            Self::Kind(kind) => finding.kind == *kind,
            Self::Stage(stage) => finding.stage == *stage,
            Self::Count(count) => finding.count == *count,
            Self::Aftermath(aftermath) => finding.aftermath == *aftermath,
            Self::Missing(what) => verdict.missing.iter().any(|m| format!("{m:?}") == *what),
            Self::Client(ip) => report
                .device(finding.client.device)
                .is_some_and(|d| d.addresses.iter().any(|a| a.to_string() == *ip)),
        }
    }
}

/// The sites a finding names, sorted.
pub(crate) fn sites(finding: &Finding) -> Vec<String> {
    let mut sites: Vec<String> = match finding.verdict.outcome {
        Outcome::Site | Outcome::NoOutbound => finding.verdict.site.iter().cloned().collect(),
        _ => finding
            .candidates
            .iter()
            .filter_map(|c| c.site.name().map(Cow::into_owned))
            .collect(),
    };
    sites.sort();
    sites.dedup();
    sites
}

/// One line about a finding.
pub(crate) fn describe(finding: &Finding) -> String {
    let evidence = |c: &whylencr::finding::Candidate| {
        let rules: Vec<String> = c
            .evidence
            .iter()
            .map(|e| format!("{}:{:?}", e.rule, e.bearing))
            .collect();
        format!("    {:?} {:?}: {}", c.site, c.confidence, rules.join(", "))
    };
    let alerts: Vec<&str> = finding.alerts.iter().map(|a| a.rule).collect();
    let mut lines = vec![format!(
        "{:?} {:?} {}: {:?} [{}] {:?} {:?} {:?} alerts [{}] count {} missing {:?}",
        finding.kind,
        finding.stage,
        finding.host,
        finding.verdict.outcome,
        sites(finding).join(" "),
        finding.verdict.confidence,
        finding.verdict.cause,
        finding.aftermath,
        alerts.join(" "),
        finding.count,
        finding.verdict.missing,
    )];
    lines.extend(finding.candidates.iter().map(evidence));
    if !finding.rejected.is_empty() {
        lines.push("    rejected:".to_owned());
        lines.extend(finding.rejected.iter().map(evidence));
    }
    lines.join("\n    ")
}

fn confidence(word: &str) -> Option<(Confidence, char)> {
    let (word, how) = match word.char_indices().next_back()? {
        (at, how @ ('+' | '-')) => (&word[..at], how),
        _ => (word, '='),
    };
    let level = match word {
        "proven" => Confidence::Proven,
        "strong" => Confidence::Strong,
        "likely" => Confidence::Likely,
        "possible" => Confidence::Possible,
        _ => return None,
    };
    Some((level, how))
}

fn cause(word: &str) -> Option<Cause> {
    Some(match word {
        "revocation-check" => Cause::RevocationCheck,
        "issuer-chase" => Cause::IssuerChase,
        "stapling" => Cause::Stapling,
        "acme" => Cause::Acme,
        "scheduled" => Cause::Scheduled,
        "refresh" => Cause::Refresh,
        "person" => Cause::Person,
        "scanner" => Cause::Scanner,
        "proxy" => Cause::Proxy,
        "disguise" => Cause::Disguise,
        "unknown-cause" => Cause::Unknown,
        _ => return None,
    })
}
