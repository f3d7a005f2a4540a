//! TLS (RFC 5246, RFC 8446) as a passive reader sees it.
//!
//! ```text
//!  bytes -> record -> handshake (joiner) -> hello, certificate -> events
//!              |          ^
//!              +-> decrypt (secrets)
//! ```
//!
//! [`Tls`] reads one connection. [`hello`], [`handshake`] and [`certificate`] serve QUIC as well, which
//! carries the same messages in other wrapping.

#![warn(clippy::indexing_slicing)]

use crate::event::{Anomaly, AnomalyKind, Carrier, Event, EventKind};
use crate::flow::{Appetite, Chunk, Close, Endpoints, FlowId, Gap};
use crate::proto::tls::handshake::Seen;
use crate::proto::tls::reader::Reader;
use crate::proto::tls::record::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_LEN, Header, SSL2_CLIENT_HELLO,
};
use crate::proto::{Context, Probe};

pub(crate) mod beats;
pub mod certificate;
pub(crate) mod cursor;
mod decrypt;
pub mod handshake;
pub mod hello;
mod ja4;
mod messages;
mod older;
mod protected;
mod reader;
mod record;
pub mod secrets;
mod ssl2;
#[cfg(test)]
pub(crate) mod testing;

pub use self::ja4::Fingerprints;

/// The reader of one TLS connection, from its first byte, or from wherever the capture joined it.
#[derive(Debug)]
pub struct Tls(State);

#[derive(Debug)]
enum State {
    /// Nothing was read yet.
    New(Carrier),
    Live(Box<Reader>),
    /// Nothing more to learn.
    Over,
}

impl Tls {
    /// A connection about to begin; `carrier` says what the handshake travels in.
    #[must_use]
    pub const fn new(carrier: Carrier) -> Self {
        Self(State::New(carrier))
    }

    /// Memory it holds.
    #[must_use]
    pub(crate) fn weight(&self) -> usize {
        match &self.0 {
            State::New(_) | State::Over => 0,
            State::Live(reader) => {
                size_of::<Self>() + size_of_val::<Reader>(reader) + reader.weight()
            }
        }
    }

    /// Reads the next bytes of one side.
    pub fn data(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        self.read(flow, cx, |reader, cx| reader.data(flow, ends, chunk, cx))
    }

    /// Bytes that will never come.
    pub fn gap(
        &mut self,
        flow: FlowId,
        _ends: &mut Endpoints,
        gap: Gap,
        cx: &mut Context,
    ) -> Appetite {
        self.read(flow, cx, |reader, cx| reader.gap(flow, gap, cx))
    }

    /// Secrets came that this connection waited for (see [`secrets::KeyStore::take_ready`]). May also be
    /// called after [`Appetite::Done`]: what was held back is read then.
    pub fn poke(&mut self, flow: FlowId, ends: &mut Endpoints, cx: &mut Context) -> Appetite {
        self.read(flow, cx, |reader, cx| reader.poke(flow, ends, cx))
    }

    /// The connection is over.
    pub fn close(&mut self, flow: FlowId, _ends: &Endpoints, _close: &Close, cx: &mut Context) {
        if let State::Live(reader) = &mut self.0 {
            reader.close(flow, cx);
        }
        self.0 = State::Over;
    }

    fn read(
        &mut self,
        flow: FlowId,
        cx: &mut Context,
        read: impl FnOnce(&mut Reader, &mut Context),
    ) -> Appetite {
        if let State::New(carrier) = &mut self.0 {
            let carrier = std::mem::replace(carrier, Carrier::Tls);
            self.0 = State::Live(Box::new(Reader::new(carrier, &cx.limits)));
        }
        let State::Live(reader) = &mut self.0 else {
            return Appetite::Done;
        };
        read(reader, cx);
        if !reader.is_done(cx) {
            return Appetite::More;
        }
        if !reader.is_waiting(cx) {
            reader.close(flow, cx);
            self.0 = State::Over;
        }
        Appetite::Done
    }
}

/// Whether a stream whose first bytes are these is TLS: at its start, or joined at a record boundary.
#[must_use]
pub fn looks_like_tls(bytes: &[u8]) -> Probe {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        let prefix = |at: usize, fits: fn(u8) -> bool| bytes.get(at).is_none_or(|byte| fits(*byte));
        let tls = prefix(0, |kind| {
            (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind)
        }) && prefix(1, |major| major == 3)
            && prefix(2, |minor| minor <= 4);
        let ssl2 = prefix(0, |high| high & 0xf0 == 0x80)
            && prefix(2, |kind| kind == handshake::CLIENT_HELLO)
            && prefix(3, |major| major == 3);
        return if tls || ssl2 {
            Probe::NeedMore
        } else {
            Probe::No
        };
    };
    let Some(header) = Header::read_first(*header) else {
        return Probe::No;
    };
    let fits = match (header.kind, body.first().copied()) {
        (CHANGE_CIPHER_SPEC, Some(value)) => header.len == 1 && value == 1,
        (CHANGE_CIPHER_SPEC, None) => return Probe::NeedMore,
        // Level 1 or 2 in clear; encrypted it is longer by a tag.
        (ALERT, _) => header.len == 2 || header.len >= 18,
        // Even the header of a message may be split over records (RFC 8446 5.1).
        (HANDSHAKE, None) if header.len < 4 => return Probe::NeedMore,
        (HANDSHAKE, Some(handshake::CLIENT_HELLO | handshake::SERVER_HELLO)) => true,
        (HANDSHAKE, _) => header.len >= 4,
        (APPLICATION_DATA, _) => header.len >= 17,
        (SSL2_CLIENT_HELLO, _) => true,
        _ => false,
    };
    if fits { Probe::Yes } else { Probe::No }
}

/// Reports what was seen there.
pub(in crate::proto) fn report(cx: &mut Context, flow: FlowId, seen: Seen, kind: EventKind) {
    cx.events.push(Event {
        at: seen.at,
        frame: seen.frame,
        flow,
        kind,
    });
}

/// Reports an anomaly seen there.
pub(in crate::proto) fn anomaly(
    cx: &mut Context,
    flow: FlowId,
    seen: Seen,
    kind: AnomalyKind,
    detail: &'static str,
) {
    report(cx, flow, seen, EventKind::Anomaly(Anomaly { kind, detail }));
}

#[cfg(test)]
mod tests;
