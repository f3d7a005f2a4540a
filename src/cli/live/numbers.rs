//! Ids that stay with a contact: reports number what they hold, which changes when something is forgotten, or
//! when it is known late that something happened early.

use std::collections::{HashMap, HashSet};

use crate::finding::{Finding, FindingId, Report};
use crate::frame::FrameNo;

/// The ids of the contacts of the last report, by their frames.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    known: HashMap<FrameNo, FindingId>,
    /// Ids given so far.
    given: u64,
}

impl Numbers {
    /// Gives every finding the id it had in the report before, or a new one.
    pub(super) fn renumber(&mut self, report: &mut Report) {
        let mut ids: HashMap<FindingId, FindingId> = HashMap::new();
        let mut taken = HashSet::new();
        // A request and a connection belong to one contact; lookups may be shared.
        for frames in [own, shared] {
            for finding in &report.findings {
                if ids.contains_key(&finding.id) {
                    continue;
                }
                let known = frames(finding).filter_map(|frame| self.known.get(&frame));
                if let Some(id) = known.copied().find(|id| !taken.contains(id)) {
                    taken.insert(id);
                    ids.insert(finding.id, id);
                }
            }
        }
        for finding in &report.findings {
            ids.entry(finding.id).or_insert_with(|| {
                self.given += 1;
                FindingId(self.given)
            });
        }
        let new = |id: FindingId| ids.get(&id).copied().unwrap_or(id);
        report.renumber(new);
        self.known.clear();
        for frames in [own, shared] {
            for finding in &report.findings {
                for frame in frames(finding) {
                    self.known.entry(frame).or_insert(finding.id);
                }
            }
        }
    }

    /// How many contacts there were.
    pub(super) const fn given(&self) -> u64 {
        self.given
    }
}

fn own(finding: &Finding) -> Frames<'_> {
    let frames = &finding.frames;
    Box::new(frames.request.iter().chain(&frames.connect).copied())
}

fn shared(finding: &Finding) -> Frames<'_> {
    Box::new(finding.frames.dns.iter().copied())
}

type Frames<'f> = Box<dyn Iterator<Item = FrameNo> + 'f>;

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::finding::PassedOn;
    use crate::report::sample;

    fn ids(report: &Report) -> Vec<u64> {
        report.findings.iter().map(|f| f.id.0).collect()
    }

    #[test]
    fn a_contact_keeps_its_id_when_others_go_and_come() {
        let (mut report, _) = sample::report();
        report.findings.truncate(3);
        for (place, finding) in report.findings.iter_mut().enumerate() {
            let frame = FrameNo::new(100 * (place as u64 + 1));
            finding.id = FindingId::at(place);
            finding.frames = crate::finding::ContactFrames {
                dns: smallvec![FrameNo::new(5)],
                request: smallvec![frame],
                ..Default::default()
            };
        }
        let mut numbers = Numbers::default();
        let mut first = report.clone();
        numbers.renumber(&mut first);
        assert_eq!(ids(&first), [1, 2, 3]);

        // The first is forgotten, and one comes to light that lies between the others and shares their lookup.
        let mut second = report.clone();
        let mut late = second.findings.remove(0);
        late.frames.request = smallvec![FrameNo::new(250)];
        second.findings.insert(1, late);
        for (place, finding) in second.findings.iter_mut().enumerate() {
            finding.id = FindingId::at(place);
        }
        second.findings[2].passes_on = Some(PassedOn {
            finding: FindingId(1),
            client: second.findings[0].client.ip,
            frame: None,
            site: None,
        });
        numbers.renumber(&mut second);
        let passed = second.findings[2].passes_on.as_ref();
        assert_eq!(passed.map(|p| p.finding), Some(FindingId(2)));
        let [_, between, _] = ids(&second)[..] else {
            panic!("three findings");
        };
        assert_eq!((ids(&second)[0], ids(&second)[2]), (2, 3));
        assert!(![2, 3].contains(&between));
    }
}
