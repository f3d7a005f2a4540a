//! Orders of findings.

use std::cmp::{Ordering, Reverse};

use crate::finding::{Finding, Outcome};
use crate::report::prose;

/// An order of findings. Findings that are equal in it keep the order of the report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sort {
    /// As they happened.
    #[default]
    Time,
    /// By site, unexplained ones last.
    Site,
    /// By host contacted.
    Host,
    /// By the client's address.
    Client,
    /// Surest first, unexplained ones last.
    Confidence,
    /// Longest delay first.
    Delay,
    /// Gravest alert first.
    Alerts,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Time,
        Self::Site,
        Self::Host,
        Self::Client,
        Self::Confidence,
        Self::Delay,
        Self::Alerts,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Site => "site",
            Self::Host => "host",
            Self::Client => "client",
            Self::Confidence => "confidence",
            Self::Delay => "delay",
            Self::Alerts => "alerts",
        }
    }

    /// Sorts places in a list of findings.
    pub fn sort(self, places: &mut [usize], findings: &[Finding]) {
        let at = |place: &usize| findings.get(*place);
        match self {
            Self::Time => places.sort_by_key(|p| at(p).map(|f| f.at)),
            Self::Site => places.sort_by_cached_key(|p| {
                let site = at(p).map(prose::sites).unwrap_or_default();
                (site.is_empty(), site)
            }),
            Self::Host => places.sort_by(|a, b| match (at(a), at(b)) {
                (Some(a), Some(b)) => a.host.cmp(&b.host),
                _ => Ordering::Equal,
            }),
            Self::Client => places.sort_by_key(|p| at(p).map(|f| f.client.ip)),
            Self::Confidence => places.sort_by_key(|p| {
                at(p).map(|f| {
                    let unexplained = f.verdict.outcome == Outcome::Unexplained;
                    (unexplained, Reverse(f.verdict.confidence))
                })
            }),
            Self::Delay => {
                places.sort_by_key(|p| at(p).map(|f| Reverse(f.timing.delayed_handshake)));
            }
            Self::Alerts => places
                .sort_by_key(|p| at(p).map(|f| Reverse(f.alerts.iter().map(|a| a.severity).max()))),
        }
    }

    /// Puts the findings of a report in this order.
    pub fn apply(self, findings: &mut Vec<Finding>) {
        let mut places: Vec<usize> = (0..findings.len()).collect();
        self.sort(&mut places, findings);
        let mut left: Vec<Option<Finding>> =
            std::mem::take(findings).into_iter().map(Some).collect();
        findings.extend(
            places
                .into_iter()
                .filter_map(|place| left.get_mut(place).and_then(Option::take)),
        );
    }
}
