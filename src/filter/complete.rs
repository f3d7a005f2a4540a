//! What may come next in an expression.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::finding::Report;

use super::{FIELDS, FieldKind};

/// One way to go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Completion {
    /// Bytes of the expression that it replaces.
    pub range: Range<usize>,
    /// What to put there.
    pub text: String,
    /// What it means.
    pub help: &'static str,
}

/// More than this nobody reads.
const MOST: usize = 12;

/// Ways to complete the term in which byte `cursor` stands, with values that occur in the report.
#[must_use]
pub fn completions(expression: &str, cursor: usize, report: &Report) -> Vec<Completion> {
    let before = expression.get(..cursor).unwrap_or(expression);
    let start = before.rfind(char::is_whitespace).map_or(0, |at| {
        at + before
            .get(at..)
            .and_then(|s| s.chars().next())
            .map_or(1, char::len_utf8)
    });
    let term = before.get(start..).unwrap_or_default();
    let body = term.strip_prefix(['-', '!']).unwrap_or(term);
    let start = start + (term.len() - body.len());
    match body.split_once(':') {
        None => names(body, start..before.len()),
        Some((name, values)) => {
            let value = values.rsplit(',').next().unwrap_or_default();
            let bare = value.trim_start_matches(['<', '>', '=']);
            self::values(name, bare, before.len() - bare.len()..before.len(), report)
        }
    }
}

fn names(begun: &str, range: Range<usize>) -> Vec<Completion> {
    FIELDS
        .iter()
        .filter(|field| field.name.starts_with(&begun.to_ascii_lowercase()))
        .map(|field| Completion {
            range: range.clone(),
            text: format!("{}:", field.name),
            help: field.help,
        })
        .collect()
}

fn values(name: &str, begun: &str, range: Range<usize>, report: &Report) -> Vec<Completion> {
    let Some(field) = FIELDS.iter().find(|f| f.name.eq_ignore_ascii_case(name)) else {
        return Vec::new();
    };
    let mut found: BTreeSet<String> = BTreeSet::new();
    for finding in &report.findings {
        // The set holds only what fits, and enough is enough.
        if found.len() >= MOST {
            break;
        }
        let mut add = |text: &str| {
            let fits = text
                .get(..begun.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(begun));
            if fits && !text.contains([' ', '"', ',']) && !found.contains(text) {
                found.insert(text.to_owned());
            }
        };
        match field.kind {
            FieldKind::Site => {
                if let Some(site) = &finding.verdict.site {
                    add(site);
                }
            }
            FieldKind::Host => add(finding.host.as_str()),
            FieldKind::Client => add(&finding.client.ip.to_string()),
            FieldKind::Device => add(&finding.client.device_label),
            FieldKind::Issuer => {
                if let Some(issuer) = &finding.asked.issuer {
                    add(issuer);
                }
            }
            FieldKind::Serial => {
                for serial in &finding.asked.serials {
                    add(&serial.to_string());
                }
            }
            FieldKind::Alert => {
                for alert in &finding.alerts {
                    add(alert.rule);
                }
            }
            _ => break,
        }
    }
    let severities: &[&str] = match field.kind {
        FieldKind::Alert => &["*", "high", "medium", "low", "info"],
        _ => &[],
    };
    field
        .words
        .iter()
        .chain(severities)
        .filter(|word| word.starts_with(&begun.to_ascii_lowercase()))
        .map(|word| (*word).to_owned())
        .chain(found)
        .take(MOST)
        .map(|text| Completion {
            range: range.clone(),
            text,
            help: field.help,
        })
        .collect()
}
