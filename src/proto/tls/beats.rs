//! Who spoke when during a handshake: the raw material for telling who waited for whom.

use crate::event::{Beat, BeatKind};
use crate::flow::Side;
use crate::proto::tls::handshake::Seen;
use crate::time::{Span, Timestamp};

/// The same side speaks again after this long: a new beat. Packets of one flight follow each other within
/// microseconds on the sender's side, and a wait that matters takes longer than a millisecond.
const PAUSE: Span = Span::from_millis(1);

/// The beats of one handshake.
#[derive(Debug)]
pub(crate) struct Beats {
    left: usize,
    last: Option<(Side, BeatKind, Timestamp)>,
}

impl Beats {
    /// At most `limit` beats.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            left: limit,
            last: None,
        }
    }

    /// Whether no more will be reported.
    pub(crate) const fn exhausted(&self) -> bool {
        self.left == 0
    }

    /// The ends of the flow turned out to be the other way round.
    pub(crate) fn swap(&mut self) {
        if let Some((side, _, _)) = &mut self.last {
            *side = side.other();
        }
    }

    /// `side` speaks; gives the beat to report when this begins a new run.
    pub(crate) fn speaks(
        &mut self,
        side: Side,
        kind: BeatKind,
        record_len: u16,
        seen: Seen,
    ) -> Option<Beat> {
        if let Some((last_side, last_kind, last_at)) = &mut self.last
            && *last_side == side
            && seen.at.since(*last_at) < PAUSE
            && (*last_kind == kind || belongs_to(kind, *last_kind))
        {
            *last_at = seen.at;
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        self.last = Some((side, kind, seen.at));
        Some(Beat {
            side,
            kind,
            record_len: record_len.into(),
        })
    }
}

/// ChangeCipherSpec and Finished come with the key exchange of TLS 1.2; alone they mean something else.
const fn belongs_to(kind: BeatKind, run: BeatKind) -> bool {
    matches!(run, BeatKind::KeyExchange)
        && matches!(
            kind,
            BeatKind::ChangeCipherSpec | BeatKind::EncryptedHandshake
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Seen {
        Seen {
            at: Timestamp::from_nanos(micros * 1_000),
            ..Seen::default()
        }
    }

    #[test]
    fn a_run_is_one_beat_until_side_kind_or_a_pause() {
        use BeatKind::{AppData, ChangeCipherSpec, ClientHello, KeyExchange, ServerFlight};
        use Side::{Client, Server};
        let mut beats = Beats::new(6);
        let steps = [
            (Client, ClientHello, 0, true),
            (Server, ServerFlight, 100, true),
            (Server, ServerFlight, 1_000, false),
            (Server, ServerFlight, 1_999, false),
            (Server, ServerFlight, 2_999, true),
            (Client, KeyExchange, 3_000, true),
            (Client, ChangeCipherSpec, 3_010, false),
            (Client, ChangeCipherSpec, 4_010, true),
            (Client, AppData, 4_011, true),
            // The limit is used up.
            (Server, AppData, 4_012, false),
        ];
        for (side, kind, micros, reported) in steps {
            let beat = beats.speaks(side, kind, 7, at(micros));
            assert_eq!(beat.is_some(), reported, "{kind:?} at {micros}");
        }
        assert!(beats.exhausted());
    }
}
