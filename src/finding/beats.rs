//! The speaking times of a handshake, short: every handshake is remembered with its own.

use std::fmt;

use crate::event::{Beat, BeatKind};
use crate::flow::Side;
use crate::frame::FrameNo;
use crate::time::Timestamp;

/// Who spoke when inside a handshake, in order, in sixteen bytes each.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Beats {
    short: Vec<Short>,
    /// Frame of the first one.
    first: FrameNo,
}

/// A beat in two thirds of its size. What does not fit stays at the highest number that does: there are not
/// four thousand million frames inside one handshake, nor is there a record or datagram of 16 MB.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Short {
    at: Timestamp,
    /// How many frames after the first beat.
    later: u32,
    /// Length of the record in the upper three bytes, [`SERVER`] and kind below.
    what: u32,
}

/// Most handshakes have no more.
const USUAL: usize = 8;

/// Says that the server spoke.
const SERVER: u32 = 0x80;
const LENGTHS: u32 = 0x00ff_ffff;

impl Short {
    const fn beat(self) -> Beat {
        Beat {
            side: if self.what & SERVER == 0 {
                Side::Client
            } else {
                Side::Server
            },
            kind: match self.what & 0x7f {
                0 => BeatKind::ClientHello,
                1 => BeatKind::ServerFlight,
                2 => BeatKind::KeyExchange,
                3 => BeatKind::ChangeCipherSpec,
                4 => BeatKind::EncryptedHandshake,
                5 => BeatKind::Encrypted,
                6 => BeatKind::AppData,
                _ => BeatKind::Alert,
            },
            record_len: self.what >> 8,
        }
    }
}

const fn number(kind: BeatKind) -> u32 {
    match kind {
        BeatKind::ClientHello => 0,
        BeatKind::ServerFlight => 1,
        BeatKind::KeyExchange => 2,
        BeatKind::ChangeCipherSpec => 3,
        BeatKind::EncryptedHandshake => 4,
        BeatKind::Encrypted => 5,
        BeatKind::AppData => 6,
        BeatKind::Alert => 7,
    }
}

impl Beats {
    /// Adds one at the end.
    pub fn push(&mut self, at: Timestamp, frame: FrameNo, beat: Beat) {
        if self.short.is_empty() {
            self.first = frame;
            self.short.reserve(USUAL);
        }
        let side = match beat.side {
            Side::Client => 0,
            Side::Server => SERVER,
        };
        let later = frame.get().saturating_sub(self.first.get());
        self.short.push(Short {
            at,
            later: u32::try_from(later).unwrap_or(u32::MAX),
            what: beat.record_len.min(LENGTHS) << 8 | side | number(beat.kind),
        });
    }

    /// Gives back the room kept for more.
    pub fn shrink(&mut self) {
        self.short.shrink_to_fit();
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, FrameNo, Beat)> {
        self.short.iter().map(|short| self.long(*short))
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<(Timestamp, FrameNo, Beat)> {
        self.short.last().map(|short| self.long(*short))
    }

    const fn long(&self, short: Short) -> (Timestamp, FrameNo, Beat) {
        let frame = FrameNo::new(self.first.get().saturating_add(short.later as u64));
        (short.at, frame, short.beat())
    }
}

impl FromIterator<(Timestamp, FrameNo, Beat)> for Beats {
    fn from_iter<I: IntoIterator<Item = (Timestamp, FrameNo, Beat)>>(all: I) -> Self {
        let mut beats = Self::default();
        for (at, frame, beat) in all {
            beats.push(at, frame, beat);
        }
        beats
    }
}

impl fmt::Debug for Beats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [BeatKind; 8] = [
        BeatKind::ClientHello,
        BeatKind::ServerFlight,
        BeatKind::KeyExchange,
        BeatKind::ChangeCipherSpec,
        BeatKind::EncryptedHandshake,
        BeatKind::Encrypted,
        BeatKind::AppData,
        BeatKind::Alert,
    ];

    #[test]
    fn what_was_put_in_comes_out() {
        let mut all = Vec::new();
        for (place, kind) in (0_u32..).zip(KINDS) {
            for side in [Side::Client, Side::Server] {
                let beat = Beat {
                    side,
                    kind,
                    record_len: LENGTHS >> place,
                };
                let at = Timestamp::from_nanos(1_700_000_000_000_000_000 - i64::from(place));
                let frame = FrameNo::new((1 << 40) + u64::from(place) * 1_000);
                all.push((at, frame, beat));
            }
        }
        let mut short: Beats = all.iter().copied().collect();
        short.shrink();
        assert_eq!(format!("{short:?}"), format!("{all:?}"));
        let last = short.last();
        assert_eq!(format!("{last:?}"), format!("{:?}", all.last()));
        assert!(Beats::default().last().is_none());
        assert_eq!(size_of::<Short>(), 16);
    }

    #[test]
    fn what_does_not_fit_is_the_most_that_does() {
        let beat = Beat {
            side: Side::Client,
            kind: BeatKind::Encrypted,
            record_len: u32::MAX,
        };
        let at = Timestamp::EPOCH;
        let frames = [FrameNo::new(5), FrameNo::new(u64::MAX), FrameNo::new(4)];
        let short: Beats = frames.map(|frame| (at, frame, beat)).into_iter().collect();
        let kept: Vec<_> = short
            .iter()
            .map(|(_, frame, b)| (frame.get(), b.record_len))
            .collect();
        assert_eq!(
            kept,
            [(5, LENGTHS), (5 + 0xffff_ffff, LENGTHS), (5, LENGTHS)]
        );
    }
}
