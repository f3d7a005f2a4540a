//! What each frame proves, and for which finding.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Bearing, Candidate, Finding, Report};
use crate::frame::FrameNo;
use crate::report::{prose, safe};

/// A frame that speaks for more than this says how many more there are.
const COMMENTS: usize = 12;
/// Longest comment in characters; prose has cut the names in it already.
const LENGTH: usize = 600;

/// Comments by frame, the most telling first.
pub(super) fn of(report: &Report, findings: &[&Finding]) -> BTreeMap<FrameNo, Vec<String>> {
    let mut notes = Notes::default();
    for finding in findings {
        notes.contact(report, finding);
        for candidate in &finding.candidates {
            notes.candidate(finding, candidate);
        }
        for candidate in &finding.rejected {
            notes.rejected(finding, candidate);
        }
        for alert in &finding.alerts {
            for frame in &alert.frames {
                notes.add(*frame, finding, &prose::alert(alert));
            }
        }
    }
    notes.lookups(report, findings);
    notes.finish()
}

#[derive(Default)]
struct Notes {
    frames: BTreeMap<FrameNo, Vec<String>>,
    dropped: BTreeMap<FrameNo, usize>,
}

impl Notes {
    fn contact(&mut self, report: &Report, finding: &Finding) {
        let frames = &finding.frames;
        let headline = format!(
            "{} ({})",
            prose::headline(finding),
            prose::standing(finding)
        );
        let place = frames
            .request
            .last()
            .or(frames.connect.first())
            .or(frames.dns.first());
        if let Some(frame) = place {
            self.add(*frame, finding, &headline);
            self.add(*frame, finding, &prose::why(finding, report));
        }
        let host = safe::line(finding.host.as_str());
        for frame in &frames.dns {
            self.add(*frame, finding, &format!("lookup of {host}"));
        }
        for frame in &frames.connect {
            self.add(*frame, finding, &format!("connection to {host}"));
        }
        for frame in &frames.request {
            let what = prose::kind(finding.kind);
            self.add(*frame, finding, &format!("request ({what}) to {host}"));
        }
        if let Some(frame) = frames.response.last() {
            let answer = prose::answer(finding);
            self.add(*frame, finding, answer.as_deref().unwrap_or("the answer"));
        }
        if let Some(frame) = frames.response.first() {
            self.add(*frame, finding, "the answer begins");
        }
    }

    fn candidate(&mut self, finding: &Finding, candidate: &Candidate) {
        for evidence in &candidate.evidence {
            let sentence = prose::evidence(evidence, candidate, finding);
            let sentence = match evidence.bearing {
                Bearing::Opposes(_) | Bearing::Excludes => format!("speaks against it: {sentence}"),
                Bearing::Decides | Bearing::Supports(_) => sentence,
            };
            for frame in &evidence.frames {
                self.add(*frame, finding, &sentence);
            }
        }
        self.handshake(finding, candidate);
    }

    /// Where it can be seen that a handshake is not the cause; its other frames say nothing about the finding.
    fn rejected(&mut self, finding: &Finding, candidate: &Candidate) {
        let against = candidate
            .evidence
            .iter()
            .filter(|e| matches!(e.bearing, Bearing::Excludes | Bearing::Opposes(_)));
        for evidence in against {
            let why = prose::evidence(evidence, candidate, finding);
            for frame in &evidence.frames {
                self.add(*frame, finding, &format!("not the cause: {why}"));
            }
        }
        if let Some(frame) = candidate.frames.client_hello {
            let why = prose::rejection(candidate, finding);
            self.add(frame, finding, &format!("not the cause: {why}"));
        }
    }

    fn handshake(&mut self, finding: &Finding, candidate: &Candidate) {
        let site = prose::site(&candidate.site);
        let frames = candidate.frames;
        for (frame, what) in [
            (frames.client_hello, "ClientHello"),
            (frames.server_hello, "ServerHello"),
            (frames.certificate, "Certificate"),
        ] {
            if let Some(frame) = frame {
                self.add(
                    frame,
                    finding,
                    &format!("{what} of {site}, a possible cause"),
                );
            }
        }
    }

    /// Lookups that gave the names of the handshakes the findings speak of.
    fn lookups(&mut self, report: &Report, findings: &[&Finding]) {
        let mut named = BTreeSet::new();
        for finding in findings {
            for candidate in finding.candidates.iter().chain(&finding.rejected) {
                named.extend(candidate.site.name().map(|n| (n, candidate.server.ip())));
            }
        }
        for lookup in &report.lookups {
            let gave = |ip| named.contains(&(lookup.name.as_str().into(), ip));
            if lookup.addresses.iter().copied().any(gave) {
                for frame in &lookup.frames {
                    let text = format!(
                        "whylencr: lookup of the site {}",
                        safe::line(lookup.name.as_str())
                    );
                    let notes = self.frames.entry(*frame).or_default();
                    if !notes.contains(&text) {
                        notes.push(text);
                    }
                }
            }
        }
    }

    fn add(&mut self, frame: FrameNo, finding: &Finding, text: &str) {
        let notes = self.frames.entry(frame).or_default();
        let text = format!("finding {}: {}", finding.id.0, safe::capped(text, LENGTH));
        if notes.contains(&text) {
            return;
        }
        if notes.len() < COMMENTS {
            notes.push(text);
        } else {
            *self.dropped.entry(frame).or_default() += 1;
        }
    }

    fn finish(mut self) -> BTreeMap<FrameNo, Vec<String>> {
        for (frame, dropped) in self.dropped {
            let notes = self.frames.entry(frame).or_default();
            notes.push(format!("whylencr: and {dropped} more of the kind"));
        }
        self.frames
    }
}
