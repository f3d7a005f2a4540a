//! Findings as lines while capturing goes on: each once it has settled, and again when it is revised.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::io::{self, Write};

use foldhash::fast::FixedState;

use crate::finding::{Finding, FindingId, Report};
use crate::report::{Options, json};
use crate::time::{Span, Timestamp};

/// A contact with no sign for so long is over in all likelihood: clients time out and retry within it.
const SETTLED: Span = Span::from_secs(5);

/// What never comes to rest is written all the same, before it is forgotten.
const OVERDUE: Span = Span::from_secs(300);

/// What was written so far.
#[derive(Debug, Default)]
pub(super) struct Stream {
    lines: HashMap<FindingId, Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// What the finding said when it was seen last, and since when.
    said: u64,
    since: Timestamp,
    /// What it said when it was written last, and as which revision.
    written: Option<(u64, u32)>,
}

impl Stream {
    /// Writes what has settled by `now`, or everything at the end (`None`).
    pub(super) fn write(
        &mut self,
        report: &mut Report,
        now: Option<Timestamp>,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut before = std::mem::take(&mut self.lines);
        let mut due = Vec::new();
        for (place, finding) in report.findings.iter_mut().enumerate() {
            let said = gist(finding);
            let since = now.unwrap_or(finding.ended_at);
            let mut line = before.remove(&finding.id).unwrap_or(Line {
                said,
                since: since.min(finding.ended_at),
                written: None,
            });
            if line.said != said {
                (line.said, line.since) = (said, since);
            }
            let quiet = |since: Timestamp| now.is_none_or(|now| now.since(since) >= SETTLED);
            let settled = quiet(line.since) && quiet(finding.ended_at);
            let overdue =
                line.written.is_none() && now.is_some_and(|now| now.since(finding.at) >= OVERDUE);
            if (settled || overdue) && line.written.is_none_or(|(written, _)| written != said) {
                let revision = line.written.map_or(finding.revision, |(_, last)| last + 1);
                line.written = Some((said, revision));
                finding.revision = revision;
                due.push(place);
            }
            // What the engine forgot is forgotten here as well, so this does not grow either.
            self.lines.insert(finding.id, line);
        }
        for finding in due.iter().filter_map(|&place| report.findings.get(place)) {
            json::write_line(finding, report, options, out)?;
        }
        out.flush()
    }

    /// Right after [`Self::write`] of what was known before: takes note of what is still said after the
    /// engine forgot what is long over: that is no revision.
    pub(super) fn forgotten(&mut self, report: &Report) {
        let mut before = std::mem::take(&mut self.lines);
        for finding in &report.findings {
            let said = gist(finding);
            // What comes to light by forgetting is a remainder of something that was written.
            let mut line = before.remove(&finding.id).unwrap_or(Line {
                said,
                since: finding.ended_at,
                written: Some((said, finding.revision)),
            });
            line.said = said;
            if let Some((written, _)) = &mut line.written {
                *written = said;
            }
            self.lines.insert(finding.id, line);
        }
    }
}

/// What a reader would act on.
fn gist(finding: &Finding) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    // The text for debugging is complete by construction, so that no new field can be forgotten.
    format!("{:?}", finding.verdict).hash(&mut hasher);
    format!("{:?}", finding.answer).hash(&mut hasher);
    finding.count.hash(&mut hasher);
    for alert in &finding.alerts {
        alert.rule.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Outcome;
    use crate::report::sample;

    fn written(stream: &mut Stream, report: &Report, now: Option<Timestamp>) -> Vec<(u64, u64)> {
        let mut out = Vec::new();
        let mut report = report.clone();
        let options = Options::default();
        stream
            .write(&mut report, now, &options, &mut out)
            .expect("writing to memory");
        let lines = String::from_utf8(out).expect("JSON is UTF-8");
        let records = lines.lines().map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).expect("a record");
            (
                record["id"].as_u64().expect("an id"),
                record["revision"].as_u64().expect("a revision"),
            )
        });
        records.collect()
    }

    #[test]
    fn a_finding_is_written_once_it_is_quiet_and_again_when_its_verdict_changes() {
        let (mut report, _) = sample::report();
        report.findings.truncate(1);
        let [finding] = report.findings.as_slice() else {
            panic!("the sample has findings");
        };
        let (id, end) = (finding.id.0, finding.ended_at);
        let at = |secs| Some(end.plus(Span::from_secs(secs)));
        let mut stream = Stream::default();
        assert_eq!(written(&mut stream, &report, at(1)), []);
        assert_eq!(written(&mut stream, &report, at(4)), []);
        assert_eq!(written(&mut stream, &report, at(5)), [(id, 1)]);
        assert_eq!(written(&mut stream, &report, at(6)), []);
        // A late fact: written when it has settled in turn.
        report.findings[0].verdict.outcome = Outcome::Unexplained;
        assert_eq!(written(&mut stream, &report, at(7)), []);
        assert_eq!(written(&mut stream, &report, at(11)), []);
        assert_eq!(written(&mut stream, &report, at(12)), [(id, 2)]);
        assert_eq!(written(&mut stream, &report, None), []);
    }

    #[test]
    fn forgetting_is_no_revision_and_hides_nothing() {
        let (mut report, _) = sample::report();
        report.findings.truncate(1);
        let (id, end) = (report.findings[0].id.0, report.findings[0].ended_at);
        let at = |secs| Some(end.plus(Span::from_secs(secs)));
        // Not settled yet when others are forgotten: written later all the same.
        let mut stream = Stream::default();
        assert_eq!(written(&mut stream, &report, at(1)), []);
        stream.forgotten(&report);
        assert_eq!(written(&mut stream, &report, at(6)), [(id, 1)]);
        // What it rested on is gone: the verdict that was written stands.
        report.findings[0].verdict.outcome = Outcome::Unexplained;
        stream.forgotten(&report);
        assert_eq!(written(&mut stream, &report, at(60)), []);
        assert_eq!(written(&mut stream, &report, None), []);
    }

    #[test]
    fn what_never_rests_is_written_once_it_is_overdue() {
        let (mut report, _) = sample::report();
        report.findings.truncate(1);
        let (id, began) = (report.findings[0].id.0, report.findings[0].at);
        let mut stream = Stream::default();
        for secs in (0..300).step_by(3) {
            let now = began.plus(Span::from_secs(secs));
            report.findings[0].count += 1;
            report.findings[0].ended_at = now;
            assert_eq!(written(&mut stream, &report, Some(now)), []);
        }
        let late = Some(began.plus(Span::from_secs(300)));
        assert_eq!(written(&mut stream, &report, late), [(id, 1)]);
    }

    #[test]
    fn the_end_settles_everything() {
        let (report, _) = sample::report();
        let mut stream = Stream::default();
        let all = written(&mut stream, &report, None);
        assert_eq!(all.len(), report.findings.len());
        assert_eq!(written(&mut stream, &report, None), []);
    }
}
