//! The rows of the contact list: filtered, sorted, grouped. Made once a report and setting, never while drawing.

use std::collections::{HashMap, HashSet};

use crate::filter::{Filter, Sort};
use crate::finding::{Finding, FindingId, Outcome, Report, Severity};
use crate::report::{group, prose};
use crate::time::Timestamp;

/// How the list is grouped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Grouping {
    #[default]
    Flat,
    Site,
    Device,
    Host,
    Verdict,
}

impl Grouping {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Flat => Self::Site,
            Self::Site => Self::Device,
            Self::Device => Self::Host,
            Self::Host => Self::Verdict,
            Self::Verdict => Self::Flat,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Site => "by site",
            Self::Device => "by device",
            Self::Host => "by host",
            Self::Verdict => "by verdict",
        }
    }

    fn title(self, finding: &Finding) -> String {
        match self {
            Self::Flat => String::new(),
            Self::Site => prose::group_title(&group::key(finding)),
            Self::Device => finding.client.device_label.clone(),
            Self::Host => finding.host.to_string(),
            Self::Verdict => prose::standing(finding).to_owned(),
        }
    }
}

/// One line of the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Row {
    /// Place in [`Index::heads`].
    Group(usize),
    /// Place in the findings of the report.
    Finding(usize),
}

/// The heading of a group.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) title: String,
    /// Place of its first finding.
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) alerts: usize,
    pub(super) folded: bool,
}

/// What the list shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) rows: Vec<Row>,
    pub(super) heads: Vec<Head>,
    /// Findings that pass the filter, also inside folded groups.
    pub(super) shown: usize,
    /// Contacts by time, over the span of the capture.
    pub(super) activity: Vec<u32>,
    pub(super) proven: usize,
    pub(super) unexplained: usize,
    pub(super) alerts: usize,
}

/// Settings of the list.
#[derive(Clone, Debug, Default)]
pub(super) struct Setting {
    pub(super) filter: Filter,
    pub(super) sort: Sort,
    pub(super) reverse: bool,
    pub(super) grouping: Grouping,
    /// Titles of folded groups.
    pub(super) folded: HashSet<String>,
}

/// Parts of the time span for the histogram.
const PARTS: usize = 512;

impl Index {
    pub(super) fn build(report: &Report, setting: &Setting) -> Self {
        let mut places: Vec<usize> = (0..report.findings.len()).collect();
        if !setting.filter.is_empty() {
            places.retain(|place| {
                report
                    .findings
                    .get(*place)
                    .is_some_and(|f| setting.filter.matches(f, report))
            });
        }
        setting.sort.sort(&mut places, &report.findings);
        if setting.reverse {
            places.reverse();
        }
        let mut index = Self {
            shown: places.len(),
            ..Self::default()
        };
        index.count(report, &places);
        if setting.grouping == Grouping::Flat {
            index.rows = places.into_iter().map(Row::Finding).collect();
        } else {
            index.group(report, &places, setting);
        }
        index
    }

    fn count(&mut self, report: &Report, places: &[usize]) {
        let span = span(report);
        self.activity = vec![0; PARTS];
        for finding in places.iter().filter_map(|p| report.findings.get(*p)) {
            match finding.verdict.outcome {
                Outcome::Unexplained => self.unexplained += 1,
                _ if prose::standing(finding) == "proven" => self.proven += 1,
                _ => {}
            }
            self.alerts += usize::from(is_alarming(finding));
            if let Some(count) = self.activity.get_mut(part(finding.at, span, PARTS)) {
                *count = count.saturating_add(1);
            }
        }
    }

    fn group(&mut self, report: &Report, places: &[usize], setting: &Setting) {
        let mut slots: HashMap<String, usize> = HashMap::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for place in places {
            let Some(finding) = report.findings.get(*place) else {
                continue;
            };
            let title = setting.grouping.title(finding);
            let slot = *slots.entry(title.clone()).or_insert_with(|| {
                self.heads.push(Head {
                    folded: setting.folded.contains(&title),
                    title,
                    first: *place,
                    count: 0,
                    alerts: 0,
                });
                members.push(Vec::new());
                members.len() - 1
            });
            if let (Some(head), Some(list)) = (self.heads.get_mut(slot), members.get_mut(slot)) {
                head.count += 1;
                head.alerts += usize::from(is_alarming(finding));
                list.push(*place);
            }
        }
        for (slot, list) in members.into_iter().enumerate() {
            self.rows.push(Row::Group(slot));
            if self.heads.get(slot).is_some_and(|head| !head.folded) {
                self.rows.extend(list.into_iter().map(Row::Finding));
            }
        }
    }

    /// The row of a finding.
    pub(super) fn row_of(&self, id: FindingId, report: &Report) -> Option<usize> {
        self.rows.iter().position(
            |row| matches!(row, Row::Finding(place) if report.findings.get(*place).is_some_and(|f| f.id == id)),
        )
    }
}

/// Whether a finding has an alert above info.
pub(super) fn is_alarming(finding: &Finding) -> bool {
    finding.alerts.iter().any(|a| a.severity > Severity::Info)
}

/// First and last moment of the report.
pub(super) fn span(report: &Report) -> (Timestamp, Timestamp) {
    report.coverage.span.unwrap_or_default()
}

/// The part of the span, cut into `parts`, in which a time lies.
pub(super) fn part(at: Timestamp, (first, last): (Timestamp, Timestamp), parts: usize) -> usize {
    let whole = i128::from(last.since(first).as_nanos()).max(1);
    let into = i128::from(at.since(first).as_nanos()).clamp(0, whole);
    let parts = i128::try_from(parts).unwrap_or(1).max(1);
    usize::try_from((into * parts / whole).min(parts - 1)).unwrap_or(0)
}
