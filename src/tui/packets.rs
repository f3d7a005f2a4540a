//! Frames of a finding as bytes: which ones, and where in them the proof stands.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::finding::Finding;
use crate::frame::FrameNo;
use crate::report::prose;
use crate::time::Timestamp;

/// A frame read again from the capture.
#[derive(Clone, Debug)]
pub struct FrameBytes {
    /// Its number.
    pub no: FrameNo,
    /// When it was captured.
    pub at: Timestamp,
    /// What was captured.
    pub bytes: Vec<u8>,
}

/// The frames being looked at.
#[derive(Clone, Debug)]
pub(super) struct Packets {
    /// None while they are being read.
    pub(super) frames: Option<Result<Vec<FrameBytes>, String>>,
    /// For each: what it proves, in sentences.
    pub(super) proves: Vec<(FrameNo, Vec<String>)>,
    pub(super) needles: Vec<Vec<u8>>,
    pub(super) scroll: usize,
}

/// More frames than this nobody looks through.
const MOST: usize = 16;

impl Packets {
    /// The frames that matter to a finding, before they are read.
    pub(super) fn of(finding: &Finding) -> Self {
        let mut proves: Vec<(FrameNo, Vec<String>)> = Vec::new();
        let mut add =
            |no: FrameNo, sentence: String| match proves.iter_mut().find(|(n, _)| *n == no) {
                Some((_, sentences)) if sentences.contains(&sentence) => {}
                Some((_, sentences)) => sentences.push(sentence),
                None => proves.push((no, vec![sentence])),
            };
        for alert in &finding.alerts {
            for no in &alert.frames {
                add(*no, prose::alert(alert));
            }
        }
        for candidate in finding.candidates.iter().take(2) {
            for evidence in &candidate.evidence {
                for no in &evidence.frames {
                    add(*no, prose::evidence(evidence, candidate, finding));
                }
            }
        }
        let own = &finding.frames;
        for (list, what) in [
            (&own.request, "The request."),
            (&own.response, "The response."),
        ] {
            for no in list {
                add(*no, what.to_owned());
            }
        }
        proves.truncate(MOST);
        proves.sort_by_key(|(no, _)| *no);
        Self {
            frames: None,
            proves,
            needles: needles(finding),
            scroll: 0,
        }
    }

    pub(super) fn wanted(&self) -> Vec<FrameNo> {
        self.proves.iter().map(|(no, _)| *no).collect()
    }

    /// The bytes of a frame that hold what was asked for or shown: serials, names, the URL's path.
    pub(super) fn marks(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let found = self.needles.iter().flat_map(|needle| {
            bytes
                .windows(needle.len().max(1))
                .enumerate()
                .filter(move |(_, window)| *window == needle.as_slice())
                .map(|(at, window)| at..at + window.len())
        });
        found.take(64).collect()
    }
}

fn needles(finding: &Finding) -> Vec<Vec<u8>> {
    let mut needles: BTreeSet<Vec<u8>> = BTreeSet::new();
    for serial in &finding.asked.serials {
        needles.insert(serial.as_bytes().to_vec());
    }
    for candidate in finding.candidates.iter().take(2) {
        needles.extend(candidate.serial.as_ref().map(|s| s.as_bytes().to_vec()));
        needles.extend(
            candidate
                .site
                .name()
                .map(|name| name.into_owned().into_bytes()),
        );
    }
    needles.insert(finding.host.as_str().as_bytes().to_vec());
    if let Some(url) = &finding.url {
        needles.insert(url.as_bytes().to_vec());
    }
    // What is short stands anywhere by accident.
    needles.into_iter().filter(|n| n.len() >= 4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_serial_and_the_names_are_marked_where_they_stand() {
        let packets = Packets::of(&sample::ocsp_proven(1));
        assert_eq!(packets.wanted(), [15, 16, 27, 30, 31].map(FrameNo::new));
        let bytes = b"..r10.o.lencr.org..shop.example";
        assert_eq!(packets.marks(bytes), [2..17, 19..31]);
        assert!(packets.marks(b"").is_empty());
    }
}
