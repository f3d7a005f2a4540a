//! Did a handshake wait for a fetch? Measured on the times at which its two sides spoke.
//!
//! A client that checks a certificate while it verifies it holds back its next words: the key exchange
//! (TLS 1.2, Chromium and Java), the Finished (TLS 1.3, Firefox) or the first application data (TLS 1.2, Firefox, which has
//! finished already). So the silence of the client after the server's flight, the fetch inside that silence and the
//! client's next word right after the answer belong together. ChangeCipherSpec alone is no word: TLS 1.3 clients
//! send it at once for the sake of middleboxes (RFC 9846 D.4).

use crate::correlate::handshakes::Record;
use crate::event::BeatKind;
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

/// Two captures points on one host can swap frames by this much; within one file it absorbs batching of receive queues.
const SLACK: Span = Span::from_millis(1);

/// A client goes on within a few milliseconds of the answer; more leaves room for other reasons to wait.
pub const GOES_ON_WITHIN: Span = Span::from_millis(300);

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

/// How `record` stood while a fetch ran from `start` to `end`.
#[must_use]
pub fn stance(record: &Record, start: Timestamp, end: Timestamp) -> Stance {
    let shown = &record.shown;
    let flight = shown
        .server_hello_at
        .or_else(|| first_server_word(record))
        .unwrap_or(shown.hello_at);
    if start.plus(SLACK) < flight {
        return Stance::NotYet;
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
    let (until, frame, gave_up) = match (next, record.closed_at) {
        (Some((at, frame, beat)), _) => (at, Some(frame), beat.kind == BeatKind::Alert),
        (None, Some(closed)) if shown.first_data_at.is_none() => (closed, None, true),
        _ => return Stance::Hanging,
    };
    if until.plus(SLACK) < end {
        return Stance::WentOn;
    }
    // What passes the capture point reaches the client half a round trip later, and its reaction takes the other half to
    // come back: a fetch that this flight caused did not begin, nor the client go on after its answer, sooner than a
    // round trip. Half of one leaves room for jitter.
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

/// What moves a handshake on, as opposed to ChangeCipherSpec alone.
const fn is_word(kind: BeatKind) -> bool {
    !matches!(kind, BeatKind::ClientHello | BeatKind::ChangeCipherSpec)
}

fn first_server_word(record: &Record) -> Option<Timestamp> {
    let server = record
        .shown
        .beats
        .iter()
        .find(|(_, _, beat)| beat.side == Side::Server);
    server.map(|(at, _, _)| at)
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
