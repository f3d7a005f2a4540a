//! Findings by what caused them: people ask "which site".

use std::collections::HashMap;

use crate::finding::{Cause, Finding, Handshake, Outcome, Report};

/// What the findings of a group have in common.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// Handshakes with this site.
    Site(String),
    /// One of several sites.
    OneOf,
    /// Any site under this CA.
    AnyUnder(Option<String>),
    /// Nothing in the capture.
    Unexplained,
    /// The device's own doing.
    Own,
    /// Not what it claims to be.
    Disguise,
}

/// Findings with one cause, in the order of the report.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// What they have in common.
    pub key: Key,
    /// The findings, at least one.
    pub findings: Vec<&'a Finding>,
}

/// Findings grouped: trigger sites first in order of appearance, then sets of sites, unexplained, the devices' own
/// doing, disguise.
#[must_use]
pub fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in &report.findings {
        let key = key(finding);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push(Group {
                key,
                findings: Vec::new(),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.findings.push(finding);
        }
    }
    // Stable: groups of one rank stay in order of appearance.
    groups.sort_by_key(|group| rank(&group.key));
    groups
}

/// The group of one finding.
#[must_use]
pub fn key(finding: &Finding) -> Key {
    let verdict = &finding.verdict;
    if verdict.cause == Cause::Disguise {
        return Key::Disguise;
    }
    match verdict.outcome {
        Outcome::Site => match (&verdict.site, finding.candidates.first()) {
            (Some(site), _) => Key::Site(site.clone()),
            // A hidden name: its server tells such sites apart.
            (None, Some(candidate)) => Key::Site(candidate.server.ip().to_string()),
            (None, None) => Key::Site(String::new()),
        },
        Outcome::OneOf => Key::OneOf,
        Outcome::AnyUnder => Key::AnyUnder(verdict.under.clone()),
        Outcome::NoOutbound => Key::Own,
        Outcome::Unexplained => Key::Unexplained,
    }
}

/// The handshake that a verdict names as the one cause; None for sets of sites and for no site.
#[must_use]
pub fn trigger<'a>(finding: &Finding, report: &'a Report) -> Option<&'a Handshake> {
    match finding.verdict.outcome {
        Outcome::Site => report.handshake(finding.candidates.first()?.handshake),
        Outcome::OneOf | Outcome::AnyUnder | Outcome::NoOutbound | Outcome::Unexplained => None,
    }
}

const fn rank(key: &Key) -> u8 {
    match key {
        Key::Site(_) => 0,
        Key::OneOf => 1,
        Key::AnyUnder(_) => 2,
        Key::Unexplained => 3,
        Key::Own => 4,
        Key::Disguise => 5,
    }
}
