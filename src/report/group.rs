//! Findings by what caused them: people ask "which site".

use std::collections::HashMap;

use crate::finding::{Cause, Finding, Handshake, Outcome, Report};
use crate::report::prose;

/// By what findings are put together.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum GroupBy {
    /// What caused them.
    #[default]
    Site,
    /// The device that made them.
    Device,
    /// The host they went to.
    Host,
    /// How sure the verdict is.
    Verdict,
    /// Not at all.
    Nothing,
}

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
    /// This device, by its label.
    Device(String),
    /// This host.
    Host(String),
    /// A verdict of this standing.
    Verdict(&'static str),
    /// Nothing.
    All,
}

/// Findings with one cause, in the order of the report.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// What they have in common.
    pub key: Key,
    /// The findings, at least one.
    pub findings: Vec<&'a Finding>,
}

/// Findings grouped, in order of appearance; by site, trigger sites come first, then sets of sites, unexplained, the
/// devices' own doing, disguise.
#[must_use]
pub fn groups(report: &Report, by: GroupBy) -> Vec<Group<'_>> {
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in &report.findings {
        let key = key_by(finding, by);
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
pub fn key_by(finding: &Finding, by: GroupBy) -> Key {
    match by {
        GroupBy::Site => key(finding),
        GroupBy::Device => Key::Device(finding.client.device_label.clone()),
        GroupBy::Host => Key::Host(finding.host.to_string()),
        GroupBy::Verdict => Key::Verdict(prose::standing(finding)),
        GroupBy::Nothing => Key::All,
    }
}

/// The group of one finding by what caused it.
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
        Key::Device(_) | Key::Host(_) | Key::Verdict(_) | Key::All => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn sizes(by: GroupBy) -> Vec<(Key, usize)> {
        let (mut report, _) = sample::report();
        report.findings[1].client.device_label = "other".into();
        let groups = groups(&report, by);
        let all: usize = groups.iter().map(|g| g.findings.len()).sum();
        assert_eq!(all, report.findings.len(), "each finding once");
        groups
            .into_iter()
            .map(|g| (g.key, g.findings.len()))
            .collect()
    }

    #[test]
    fn findings_are_put_together_by_what_was_asked() {
        let site = sizes(GroupBy::Site);
        assert_eq!(site[0], (Key::Site("shop.example".into()), 2));
        assert_eq!(site.last().map(|(key, _)| key), Some(&Key::Disguise));
        assert!(sizes(GroupBy::Device).contains(&(Key::Device("other".into()), 1)));
        let host = sizes(GroupBy::Host);
        assert_eq!(host[0].0, Key::Host("r10.o.lencr.org".into()));
        assert!(sizes(GroupBy::Verdict).contains(&(Key::Verdict("unexplained"), 2)));
        assert_eq!(sizes(GroupBy::Nothing).len(), 1);
    }
}
