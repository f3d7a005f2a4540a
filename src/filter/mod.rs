//! The `--where` language: which findings to show.
//!
//! An expression is a list of terms, and a finding must satisfy every one:
//!
//! ```text
//! kind:crl                    a field and a word
//! kind:ocsp,crl               one of several words
//! site:example.com            whole labels of a name: also www.example.com, not myexample.com
//! host:r10                    the same rule: r10.o.lencr.org
//! site:*shop*                 a pattern for the whole text, * stands for anything
//! client:10.0.0.0/8           an address, a network, or a pattern
//! confidence:>=likely         an ordered word; also > < <=
//! delay:>100ms                a length of time
//! alert:* alert:high          any alert; alerts by severity or by rule
//! -verdict:unexplained        not
//! "two words" firefox         text anywhere in the finding
//! ```
//!
//! The words are those of the report record ([`crate::report::words`]). The list of fields is [`FIELDS`].

mod check;
mod complete;
mod sort;

use std::fmt;

use crate::finding::{Finding, Report};

use check::Check;
pub use complete::{Completion, completions};
pub use sort::Sort;

/// A parsed expression. The empty one lets everything through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    /// At least one must hold.
    checks: Vec<Check>,
}

/// Why an expression cannot be understood, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    /// Byte offset of the offending part.
    pub at: usize,
    /// Its length in bytes.
    pub length: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at column {})", self.message, self.at + 1)
    }
}

impl std::error::Error for Error {}

/// One field of the language.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name before the colon.
    pub name: &'static str,
    /// What it looks at.
    pub help: &'static str,
    /// The only words it takes; empty when it takes any text.
    pub words: &'static [&'static str],
    kind: FieldKind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FieldKind {
    Kind,
    Stage,
    Verdict,
    Cause,
    Confidence,
    Signature,
    Answer,
    Site,
    Host,
    Client,
    Device,
    Agent,
    Process,
    Url,
    Issuer,
    Serial,
    Alert,
    Shard,
    Status,
    Id,
    Delay,
    Wait,
}

const fn field(
    name: &'static str,
    kind: FieldKind,
    words: &'static [&'static str],
    help: &'static str,
) -> Field {
    Field {
        name,
        help,
        words,
        kind,
    }
}

/// All fields.
pub static FIELDS: &[Field] = &[
    field(
        "kind",
        FieldKind::Kind,
        &["ocsp", "crl", "issuer", "unknown"],
        "what was asked for",
    ),
    field(
        "verdict",
        FieldKind::Verdict,
        &["site", "one-of", "any-under", "no-outbound", "unexplained"],
        "what the verdict comes to",
    ),
    field(
        "confidence",
        FieldKind::Confidence,
        &["possible", "likely", "strong", "proven"],
        "how sure the verdict is; >=likely works",
    ),
    field(
        "cause",
        FieldKind::Cause,
        &[
            "revocation-check",
            "issuer-chase",
            "stapling",
            "acme",
            "scheduled",
            "refresh",
            "person",
            "scanner",
            "proxy",
            "disguise",
            "unknown",
        ],
        "why the contact was made",
    ),
    field(
        "site",
        FieldKind::Site,
        &[],
        "the site, or one of the candidates",
    ),
    field("host", FieldKind::Host, &[], "the host contacted"),
    field(
        "client",
        FieldKind::Client,
        &[],
        "the client's address; a network works",
    ),
    field(
        "device",
        FieldKind::Device,
        &[],
        "the device's label or one of its addresses",
    ),
    field("agent", FieldKind::Agent, &[], "the client software"),
    field("process", FieldKind::Process, &[], "the process"),
    field(
        "alert",
        FieldKind::Alert,
        &[],
        "* for any, a severity (>=medium works), or a rule",
    ),
    field(
        "stage",
        FieldKind::Stage,
        &["looked-up", "connected", "asked", "answered"],
        "how far the contact got",
    ),
    field(
        "answer",
        FieldKind::Answer,
        &["good", "revoked", "unknown", "none"],
        "the status answered",
    ),
    field(
        "signature",
        FieldKind::Signature,
        &["verified", "bad", "unknown-issuer", "unchecked"],
        "the check of the answer's signature",
    ),
    field(
        "serial",
        FieldKind::Serial,
        &[],
        "first digits of a serial asked about or shown",
    ),
    field("issuer", FieldKind::Issuer, &[], "the CA asked about"),
    field("shard", FieldKind::Shard, &[], "number of the CRL shard"),
    field("url", FieldKind::Url, &[], "text in the URL"),
    field(
        "status",
        FieldKind::Status,
        &[],
        "the HTTP status; >=400 works",
    ),
    field("id", FieldKind::Id, &[], "number of the finding"),
    field(
        "delay",
        FieldKind::Delay,
        &[],
        "how long the handshake was held back; >100ms works",
    ),
    field(
        "wait",
        FieldKind::Wait,
        &[],
        "how long the answer took; >1s works",
    ),
];

impl Filter {
    /// Understands an expression.
    ///
    /// # Errors
    /// When a field or a word does not exist, or a value has the wrong form.
    pub fn parse(expression: &str) -> Result<Self, Error> {
        let terms = tokens(expression)
            .map(|token| token.and_then(term))
            .collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// Whether everything passes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a finding of this report passes.
    #[must_use]
    pub fn matches(&self, finding: &Finding, report: &Report) -> bool {
        self.terms.iter().all(|term| {
            term.negated != term.checks.iter().any(|check| check.holds(finding, report))
        })
    }

    /// Drops from a report the findings that do not pass.
    pub fn apply(&self, report: &mut Report) {
        if self.is_empty() {
            return;
        }
        let mut findings = std::mem::take(&mut report.findings);
        findings.retain(|finding| self.matches(finding, report));
        report.findings = findings;
    }
}

/// One term as written.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    at: usize,
    text: &'a str,
}

/// Splits at spaces outside quotes.
fn tokens(expression: &str) -> impl Iterator<Item = Result<Token<'_>, Error>> {
    let mut rest = expression;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let at = expression.len() - rest.len();
        let mut quoted = false;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                quoted ^= *c == '"';
                !quoted && c.is_whitespace()
            })
            .map_or(rest.len(), |(end, _)| end);
        let (text, after) = rest.split_at(end);
        rest = after;
        if quoted {
            rest = "";
            return Some(Err(Error {
                at,
                length: text.len(),
                message: "a quotation mark is missing".into(),
            }));
        }
        Some(Ok(Token { at, text }))
    })
}

fn term(token: Token<'_>) -> Result<Term, Error> {
    let (negated, body) = match token.text.strip_prefix(['-', '!']) {
        Some(body) if !body.is_empty() => (true, body),
        _ => (false, token.text),
    };
    let at = token.at + (token.text.len() - body.len());
    // A colon inside quotes, or of an IPv6 address or a time, makes no field.
    let split = body
        .split_once(':')
        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()));
    let Some((name, values)) = split else {
        let word = body.replace('"', "");
        return Ok(Term {
            negated,
            checks: vec![Check::anywhere(&word)],
        });
    };
    let Some(field) = FIELDS.iter().find(|f| f.name.eq_ignore_ascii_case(name)) else {
        let known: Vec<&str> = FIELDS.iter().map(|f| f.name).collect();
        return Err(Error {
            at,
            length: name.len(),
            message: format!("no field “{name}”; the fields are {}", known.join(", ")),
        });
    };
    let mut checks = Vec::new();
    let mut place = at + name.len() + 1;
    for value in values.split(',') {
        let check = Check::parse(field, &value.replace('"', "")).map_err(|message| Error {
            at: place,
            length: value.len(),
            message,
        })?;
        checks.push(check);
        place += value.len() + 1;
    }
    Ok(Term { negated, checks })
}

#[cfg(test)]
mod tests;
