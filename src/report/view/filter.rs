//! Display filters to paste into Wireshark.

use crate::finding::Finding;
use crate::frame::FrameNo;

/// A Wireshark display filter for the frames of a finding and of the evidence of its best candidates; None when
/// it has no frames.
#[must_use]
pub fn filter(finding: &Finding) -> Option<String> {
    // A filter line longer than this is of no use to paste.
    const MOST: usize = 60;
    let mut frames: Vec<u64> = Vec::new();
    let mut add = |more: &[FrameNo]| frames.extend(more.iter().map(|f| f.get()));
    let own = &finding.frames;
    for part in [&own.dns, &own.connect, &own.request, &own.response] {
        add(part);
    }
    for candidate in finding.candidates.iter().take(8) {
        add(candidate.frames.client_hello.as_slice());
        add(candidate.frames.server_hello.as_slice());
        add(candidate.frames.certificate.as_slice());
        for evidence in &candidate.evidence {
            add(&evidence.frames);
        }
    }
    for alert in &finding.alerts {
        add(&alert.frames);
    }
    frames.sort_unstable();
    frames.dedup();
    frames.truncate(MOST);
    if frames.is_empty() {
        return None;
    }
    let list: Vec<String> = frames.iter().map(ToString::to_string).collect();
    Some(format!("frame.number in {{{}}}", list.join(", ")))
}
