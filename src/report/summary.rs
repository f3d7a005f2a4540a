//! Counts over a report: what happened how often. No judgement.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::finding::{Alert, Confidence, ContactKind, Outcome, Report, Severity};

/// Counts over a report.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Findings.
    pub findings: u64,
    /// Findings by kind.
    pub kinds: BTreeMap<ContactKind, u64>,
    /// Findings by outcome, those that occur, in the order of [`Outcome`].
    pub outcomes: Vec<(Outcome, u64)>,
    /// Findings by confidence, best first. Unexplained ones are left out: there the word means nothing to a reader.
    pub confidences: BTreeMap<Reverse<Confidence>, u64>,
    /// Alerts by severity, worst first.
    pub alerts: BTreeMap<Reverse<Severity>, u64>,
}

impl Summary {
    /// Counts a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let outcomes = [
            Outcome::Site,
            Outcome::OneOf,
            Outcome::AnyUnder,
            Outcome::NoOutbound,
            Outcome::Unexplained,
        ];
        let mut summary = Self {
            outcomes: outcomes.map(|o| (o, 0)).into(),
            ..Self::default()
        };
        for finding in &report.findings {
            let verdict = &finding.verdict;
            summary.findings += 1;
            *summary.kinds.entry(finding.kind).or_default() += 1;
            if let Some((_, n)) = summary
                .outcomes
                .iter_mut()
                .find(|(o, _)| *o == verdict.outcome)
            {
                *n += 1;
            }
            if verdict.outcome != Outcome::Unexplained {
                *summary
                    .confidences
                    .entry(Reverse(verdict.confidence))
                    .or_default() += 1;
            }
        }
        summary.outcomes.retain(|(_, n)| *n > 0);
        for alert in alerts(report) {
            *summary.alerts.entry(Reverse(alert.severity)).or_default() += 1;
        }
        summary
    }
}

/// Every alert of a report, of findings and of the whole.
pub fn alerts(report: &Report) -> impl Iterator<Item = &Alert> {
    report
        .findings
        .iter()
        .flat_map(|f| &f.alerts)
        .chain(&report.alerts)
}
