//! Counts over a report: what happened how often. No judgement.

use std::collections::BTreeMap;

use crate::finding::{Alert, Outcome, Report, Severity};
use crate::report::words::Word;

/// Counts over a report.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Contacts by kind, in the order of [`crate::finding::ContactKind`].
    pub kinds: BTreeMap<&'static str, u64>,
    /// Findings by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Findings by confidence, unexplained ones left out: there the word means nothing to a reader.
    pub confidences: BTreeMap<&'static str, u64>,
    /// Alerts by severity, worst first.
    pub alerts: Vec<(Severity, u64)>,
}

impl Summary {
    /// Counts a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut summary = Self::default();
        let mut severities: BTreeMap<Severity, u64> = BTreeMap::new();
        for finding in &report.findings {
            *summary.kinds.entry(finding.kind.word()).or_default() += 1;
            *summary
                .outcomes
                .entry(finding.verdict.outcome.word())
                .or_default() += 1;
            if finding.verdict.outcome != Outcome::Unexplained {
                *summary
                    .confidences
                    .entry(finding.verdict.confidence.word())
                    .or_default() += 1;
            }
        }
        for alert in alerts(report) {
            *severities.entry(alert.severity).or_default() += 1;
        }
        summary.alerts = severities.into_iter().rev().collect();
        summary
    }

    /// Alerts in all.
    #[must_use]
    pub fn alert_count(&self) -> u64 {
        self.alerts.iter().map(|(_, n)| n).sum()
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
