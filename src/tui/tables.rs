//! Rows of the other screens, made once a report and only when one of them is looked at.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::event::DnsOutcome;
use crate::finding::{Cause, DeviceId, Outcome, Report, Severity, Visibility};
use crate::report::group;
use crate::time::{Span, Timestamp};

/// Rows of sites, devices and alerts; lookups are shown as the report has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) sites: Vec<SiteRow>,
    pub(super) devices: Vec<DeviceRow>,
    pub(super) alerts: Vec<AlertRow>,
}

/// A trigger site.
#[derive(Clone, Debug)]
pub(super) struct SiteRow {
    pub(super) name: String,
    pub(super) contacts: usize,
    pub(super) alerts: usize,
    /// Sum of what its handshakes were held back.
    pub(super) delay: Span,
    pub(super) first: Timestamp,
    /// Place of its first finding.
    pub(super) finding: usize,
    /// Place of a handshake with it that shows the most.
    pub(super) handshake: Option<usize>,
    pub(super) stapled: bool,
    pub(super) wanted_staple: bool,
    /// Clients had to fetch its intermediate.
    pub(super) chased: bool,
    /// It asked for its own certificate's status.
    pub(super) own: bool,
}

/// A device.
#[derive(Clone, Debug)]
pub(super) struct DeviceRow {
    /// Place in the devices of the report.
    pub(super) device: usize,
    pub(super) contacts: usize,
    pub(super) unexplained: usize,
    pub(super) alerts: usize,
}

/// An alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlertRow {
    /// Place of its finding; None when it concerns the whole capture.
    pub(super) finding: Option<usize>,
    /// Place among the alerts of the finding or of the report.
    pub(super) alert: usize,
    pub(super) severity: Severity,
}

impl Tables {
    pub(super) fn build(report: &Report) -> Self {
        Self {
            sites: sites(report),
            devices: devices(report),
            alerts: alerts(report),
        }
    }
}

fn sites(report: &Report) -> Vec<SiteRow> {
    let mut rows: Vec<SiteRow> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, finding) in report.findings.iter().enumerate() {
        let verdict = &finding.verdict;
        let Some(name) = verdict.site.as_deref() else {
            continue;
        };
        let row = *places.entry(name).or_insert_with(|| {
            rows.push(SiteRow {
                name: name.to_owned(),
                contacts: 0,
                alerts: 0,
                delay: Span::ZERO,
                first: finding.at,
                finding: place,
                handshake: None,
                stapled: false,
                wanted_staple: false,
                chased: false,
                own: false,
            });
            rows.len() - 1
        });
        let Some(row) = rows.get_mut(row) else {
            continue;
        };
        row.contacts += 1;
        row.alerts += usize::from(super::index::is_alarming(finding));
        let held = finding.timing.delayed_handshake.unwrap_or_default();
        row.delay = Span::from_nanos(row.delay.as_nanos().saturating_add(held.as_nanos()));
        row.first = row.first.min(finding.at);
        row.chased |= verdict.cause == Cause::IssuerChase && verdict.outcome == Outcome::Site;
        row.own |= verdict.outcome == Outcome::NoOutbound;
        if let Some(handshake) = group::trigger(finding, report) {
            row.stapled |= handshake.staple.is_some();
            row.wanted_staple |= handshake.wanted_staple;
            let shows = |place: usize| {
                report.handshakes.get(place).is_some_and(|h| {
                    matches!(h.visibility, Visibility::Clear | Visibility::Keys)
                        && !h.chain.is_empty()
                })
            };
            if row.handshake.is_none_or(|place| !shows(place)) {
                row.handshake = report
                    .handshakes
                    .binary_search_by_key(&handshake.id, |h| h.id)
                    .ok()
                    .or(row.handshake);
            }
        }
    }
    rows.sort_by_key(|row| Reverse((row.contacts, row.delay)));
    rows
}

fn devices(report: &Report) -> Vec<DeviceRow> {
    let mut counts: HashMap<DeviceId, (usize, usize, usize)> = HashMap::new();
    for finding in &report.findings {
        let (contacts, unexplained, alerts) = counts.entry(finding.client.device).or_default();
        *contacts += 1;
        *unexplained += usize::from(finding.verdict.outcome == Outcome::Unexplained);
        *alerts += usize::from(super::index::is_alarming(finding));
    }
    let mut rows: Vec<DeviceRow> = report
        .devices
        .iter()
        .enumerate()
        .map(|(device, d)| {
            let (contacts, unexplained, alerts) = counts.get(&d.id).copied().unwrap_or_default();
            DeviceRow {
                device,
                contacts,
                unexplained,
                alerts,
            }
        })
        .collect();
    rows.sort_by_key(|row| Reverse(row.contacts));
    rows
}

fn alerts(report: &Report) -> Vec<AlertRow> {
    let whole = report.alerts.iter().enumerate().map(|(alert, a)| AlertRow {
        finding: None,
        alert,
        severity: a.severity,
    });
    let single = report
        .findings
        .iter()
        .enumerate()
        .flat_map(|(place, finding)| {
            finding
                .alerts
                .iter()
                .enumerate()
                .map(move |(alert, a)| AlertRow {
                    finding: Some(place),
                    alert,
                    severity: a.severity,
                })
        });
    let mut rows: Vec<AlertRow> = whole.chain(single).collect();
    rows.sort_by_key(|row| Reverse(row.severity));
    rows
}

/// A DNS type as people write it.
pub(super) fn record_type(qtype: u16) -> String {
    match qtype {
        1 => "A".into(),
        5 => "CNAME".into(),
        28 => "AAAA".into(),
        64 => "SVCB".into(),
        65 => "HTTPS".into(),
        other => format!("TYPE{other}"),
    }
}

/// How a lookup ended, in a word or two.
pub(super) fn lookup_outcome(outcome: DnsOutcome) -> String {
    match outcome {
        DnsOutcome::Answered => "answered".into(),
        DnsOutcome::NoData => "no data".into(),
        DnsOutcome::NoSuchName => "NXDOMAIN".into(),
        DnsOutcome::ServerFailure => "SERVFAIL".into(),
        DnsOutcome::Refused => "REFUSED".into(),
        DnsOutcome::Failed(code) => format!("RCODE {code}"),
        DnsOutcome::Truncated => "truncated".into(),
        DnsOutcome::Unanswered => "no answer".into(),
    }
}
