//! Room 2: frames are counted and decoded.

use std::collections::BTreeMap;

use crate::event::AnomalyKind;
use crate::finding::Coverage;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::time::{Span, Timestamp};
use crate::wire::{Decoder, Packet, Undecoded};

/// What concerns frames as such.
#[derive(Debug)]
pub(super) struct Front {
    decoder: Decoder,
    pub(super) coverage: Coverage,
    undecoded: BTreeMap<&'static str, u64>,
    /// Trace time of the frame before.
    before: Timestamp,
    /// What came beside frames: frames inside of frames, secrets, names.
    more: u64,
}

/// Trace time may step back this far without being called a step: receive queues and merged files.
const CLOCK_STEP: Span = Span::from_secs(1);

/// How fine the steps of a clock are beyond this does not matter.
const CLOCK_FINE: Span = Span::from_nanos(1_000);

impl Front {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            decoder: Decoder::new(limits),
            coverage: Coverage::default(),
            undecoded: BTreeMap::new(),
            before: Timestamp::from_nanos(i64::MIN),
            more: 0,
        }
    }

    /// Accounts for a frame.
    #[inline(always)]
    pub(super) fn account(&mut self, frame: &Frame<'_>) {
        let coverage = &mut self.coverage;
        coverage.frames += 1;
        coverage.bytes += frame.bytes.len() as u64;
        coverage.cut_frames += u64::from((frame.bytes.len() as u64) < u64::from(frame.wire_len));
        if frame.at < self.before && self.before.since(frame.at) > CLOCK_STEP {
            coverage.clock_steps += 1;
        }
        self.before = frame.at;
        if coverage.clock_unit > CLOCK_FINE || coverage.frames == 1 {
            coverage.learn_clock(frame.at);
        }
        match &mut coverage.span {
            None => coverage.span = Some((frame.at, frame.at)),
            Some((first, last)) => {
                *first = frame.at.min(*first);
                *last = frame.at.max(*last);
            }
        }
    }

    /// The packet of a frame that is not plain; None when there is none to be had, which is counted.
    pub(super) fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Packet<'a>> {
        let decoded = self.decoder.decode_any(frame);
        counted(decoded, &mut self.undecoded, &mut self.coverage)
    }

    /// Whether the frame that was decoded last holds another packet.
    #[inline]
    pub(super) fn has_further(&self) -> bool {
        self.decoder.has_further()
    }

    /// That packet, like the first.
    pub(super) fn further<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Packet<'a>> {
        let decoded = self.decoder.further(frame)?;
        counted(decoded, &mut self.undecoded, &mut self.coverage)
    }

    /// Takes lines of a key log for tunnels. Returns how many were keys.
    pub(super) fn secrets(&mut self, lines: &[u8]) -> usize {
        self.decoder.secrets(lines)
    }

    /// Whether plain packets may have others in them, for which there are keys.
    #[inline]
    pub(super) fn has_keys(&self) -> bool {
        self.decoder.has_keys()
    }

    /// Something came that has a place of its own in the order of all that comes.
    pub(super) const fn count_more(&mut self) {
        self.more += 1;
    }

    /// The place of what came last. The flow that a packet opens has it as its id, so that ids are in the
    /// order of appearance whoever gives them.
    #[inline]
    pub(super) const fn ordinal(&self) -> u64 {
        self.coverage.frames + self.more
    }

    /// What was read so far, and what could not be.
    pub(super) fn coverage(&self) -> Coverage {
        let mut coverage = self.coverage.clone();
        coverage.undecoded.clone_from(&self.undecoded);
        let (taken, used) = self.decoder.keys();
        coverage.keys.0 += taken;
        coverage.keys.1 += used;
        if self.decoder.untried() > 0 {
            let reason = "802.11 handshake, too many networks for a passphrase";
            coverage.undecoded.insert(reason, self.decoder.untried());
        }
        let fragments = self.decoder.fragments();
        if fragments.unfinished > 0 {
            coverage
                .undecoded
                .insert("fragment never completed", fragments.unfinished);
        }
        coverage
    }
}

/// What was decoded; what was not is counted.
fn counted<'a>(
    decoded: Result<Packet<'a>, Undecoded>,
    reasons: &mut BTreeMap<&'static str, u64>,
    coverage: &mut Coverage,
) -> Option<Packet<'a>> {
    let undecoded = match decoded {
        Ok(packet) => {
            coverage.sampled += u64::from(packet.scope.is_sampled());
            return Some(packet);
        }
        Err(undecoded) => undecoded,
    };
    *reasons.entry(undecoded.reason()).or_default() += 1;
    if undecoded.is_anomaly() {
        let anomalies = &mut coverage.anomalies;
        *anomalies.entry(AnomalyKind::BadPacket).or_default() += 1;
    }
    None
}
