//! Did a handshake wait for a fetch? Measured on the times at which its two sides spoke.
//!
//! A client that checks a certificate while it verifies it holds back its next words: the key exchange (TLS
//! 1.2, Chromium and Java), the Finished (TLS 1.3, Firefox) or the first application data (TLS 1.2, Firefox,
//! which has finished already). So the silence of the client after the server's flight, the fetch inside that
//! silence and the client's next word right after the answer belong together. ChangeCipherSpec alone is no
//! word: TLS 1.3 clients send it at once for the sake of middleboxes (RFC 9846 D.4). Programs of Windows and
//! .NET look at the certificate when the handshake is done, and hold back their first data in TLS 1.3 as
//! well.

use crate::correlate::handshakes::Record;
use crate::event::{BeatKind, Carrier};
use crate::flow::Side;
use crate::frame::FrameNo;
use crate::time::{Span, Timestamp};

/// How a handshake stood while a fetch ran.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stance {
    /// The server had not answered the hello yet.
    NotYet,
    /// The client was silent during the whole fetch and spoke, or hung up, after it.
    Held(Hold),
    /// The client was silent from the fetch on, and nothing more was seen of it.
    Hanging,
    /// The client was silent during the whole fetch, but no longer than the path to it takes: no sign of waiting.
    Passing,
    /// The client spoke while the fetch was under way, before it sent application data.
    WentOn,
    /// Application data had flowed, or the connection was over, when the fetch began.
    Over,
}

/// A silence with a fetch in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hold {
    /// When the client could have spoken.
    pub from: Timestamp,
    /// When it spoke.
    pub until: Timestamp,
    /// The frame with which it spoke; None when it hung up.
    pub frame: Option<FrameNo>,
    /// Whether it ended the connection instead of going on (alert, FIN, RST without application data).
    pub gave_up: bool,
}

impl Hold {
    /// How long the client was silent.
    #[must_use]
    pub fn silence(&self) -> Span {
        self.until.since(self.from)
    }
}

/// By how much the clocks of two capture points may differ that somebody puts together: NTP holds them to
/// milliseconds, or to some ten.
pub const SKEW: Span = Span::from_millis(100);

/// Two captures points on one host can swap frames by this much; within one file it absorbs batching of receive queues.
const SLACK: Span = Span::from_millis(1);

/// A client goes on within a few milliseconds of the answer; more leaves room for other reasons to wait.
pub const GOES_ON_WITHIN: Span = Span::from_millis(300);

/// Beyond this a client waited for something else.
pub const GOES_ON_LATEST: Span = Span::from_millis(1_500);

/// Who looks at a certificate when the handshake is done does so at once.
pub const LOOKS_WITHIN: Span = Span::from_secs(1);

/// The client's silences between the server's flight and its first application data.
pub fn gaps(record: &Record) -> impl Iterator<Item = Span> {
    let shown = &record.shown;
    let mut last = shown.server_hello_at;
    let until = shown.first_data_at;
    shown.beats.iter().filter_map(move |(at, _, beat)| {
        let from = last?;
        let word = beat.side == Side::Client && is_word(beat.kind);
        if !word || at <= from || until.is_some_and(|until| at > until) {
            return None;
        }
        last = Some(at);
        Some(at.since(from))
    })
}

/// How `record` stood while a fetch ran from `start` to `end`. `holds_data` is the first sign of the fetch
/// where the client may be one that has finished the handshake before it checks, and holds its data back
/// instead.
#[must_use]
pub fn stance(
    record: &Record,
    start: Timestamp,
    end: Timestamp,
    holds_data: Option<Timestamp>,
) -> Stance {
    let shown = &record.shown;
    // Whoever says more than hello was answered before, whatever the capture has of it.
    let mut beats = shown.beats.iter();
    let first_word = beats.find(|(_, _, beat)| {
        beat.side == Side::Client && is_word(beat.kind) && beat.kind != BeatKind::Alert
    });
    let first_word = first_word.map(|(at, _, _)| at);
    let answered = answered_at(record).filter(|at| first_word.is_none_or(|word| *at <= word));
    // Nothing was shown by a server that never said a word, though its side of the connection was captured.
    if answered.is_none() && record.heard && first_word.is_none() {
        return Stance::NotYet;
    }
    let flight = answered.unwrap_or(shown.hello_at);
    if start.plus(SLACK) < flight {
        return Stance::NotYet;
    }
    let (patience, began) = holds_data.map_or((SLACK, start), |began| (LOOKS_WITHIN, began));
    let finished = finished(record);
    if finished.is_some_and(|at| at.plus(patience) < began) {
        return Stance::Over;
    }
    if shown
        .first_data_at
        .is_some_and(|data| data.plus(SLACK) < start)
        || record
            .closed_at
            .is_some_and(|closed| closed.plus(SLACK) < start)
    {
        return Stance::Over;
    }
    let mut from = flight;
    for (at, _, beat) in shown.beats.iter() {
        let counts = match beat.side {
            Side::Server => at <= start,
            Side::Client => is_word(beat.kind) && at <= start,
        };
        if counts {
            from = from.max(at);
        }
    }
    let next = shown
        .beats
        .iter()
        .find(|(at, _, beat)| beat.side == Side::Client && is_word(beat.kind) && *at > start);
    // Who has finished and then neither speaks nor hangs up did not wait.
    let done = finished.is_some_and(|at| at.plus(SLACK) < start);
    if done
        && next.is_none()
        && record
            .closed_at
            .is_none_or(|at| at.since(end) > GOES_ON_WITHIN)
    {
        return Stance::Over;
    }
    let (until, frame, gave_up) = match (next, record.closed_at) {
        (Some((at, frame, beat)), _) => (at, Some(frame), beat.kind == BeatKind::Alert),
        (None, Some(closed)) if shown.first_data_at.is_none() => (closed, None, true),
        _ => return Stance::Hanging,
    };
    if until.plus(SLACK) < end {
        return Stance::WentOn;
    }
    // What passes the capture point reaches the client half a round trip later, and its reaction takes the
    // other half to come back: a fetch that this flight caused did not begin, nor the client go on after its
    // answer, sooner than a round trip. Half of one leaves room for jitter.
    let least = Span::from_nanos(record.turnaround.as_nanos() / 2 - SLACK.as_nanos());
    if start.since(flight) < least || until.since(end) < least {
        return Stance::Passing;
    }
    // Nothing but a goodbye after the word: the handshake completed, but was not used.
    let gave_up = gave_up || (shown.first_data_at.is_none() && ends_at_once(record, until));
    Stance::Held(Hold {
        from,
        until,
        frame,
        gave_up,
    })
}

/// When the client of a TLS 1.3 handshake over TCP sent the first part of the flight that ends it: the first
/// records of its own that are encrypted (RFC 8446 2). In QUIC acknowledgements look the same.
pub(super) fn finished(record: &Record) -> Option<Timestamp> {
    const TLS_1_3: u16 = 0x0304;
    let shown = &record.shown;
    let over_tcp = !matches!(
        shown.carrier,
        Carrier::Quic { .. } | Carrier::Dtls | Carrier::Ike
    );
    let ends = |kind| matches!(kind, BeatKind::Encrypted | BeatKind::EncryptedHandshake);
    let mut beats = shown.beats.iter();
    let first = beats.find(|(_, _, beat)| beat.side == Side::Client && ends(beat.kind));
    first
        .filter(|_| over_tcp && shown.version == Some(TLS_1_3))
        .map(|(at, _, _)| at)
}

/// What moves a handshake on, as opposed to ChangeCipherSpec alone.
const fn is_word(kind: BeatKind) -> bool {
    !matches!(kind, BeatKind::ClientHello | BeatKind::ChangeCipherSpec)
}

/// When the server first answered, as far as that was captured.
fn answered_at(record: &Record) -> Option<Timestamp> {
    let first_word = || {
        let mut beats = record.shown.beats.iter();
        beats.find(|(_, _, beat)| beat.side == Side::Server)
    };
    let hello = record.shown.server_hello_at;
    hello.or_else(|| first_word().map(|(at, _, _)| at))
}

fn ends_at_once(record: &Record, word: Timestamp) -> bool {
    let alert = record.shown.beats.iter().any(|(at, _, beat)| {
        beat.side == Side::Client && beat.kind == BeatKind::Alert && at >= word
    });
    alert
        || record
            .closed_at
            .is_some_and(|closed| closed.since(word) < Span::from_millis(50))
}

/// Whether the server said nothing that was captured: what the client waited for, if it did, nobody knows.
#[must_use]
pub fn is_mute(record: &Record) -> bool {
    answered_at(record).is_none()
}
