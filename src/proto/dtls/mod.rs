//! DTLS (RFC 4347, RFC 6347, RFC 9147) as a passive reader sees it.
//!
//! ```text
//!  datagram -> record -> fragments (join) -> hello, certificate -> events
//! ```
//!
//! The messages are those of TLS in other wrapping, so up to version 1.2 the certificate is in clear. Of
//! version 1.3 the hellos are read; what follows is only heard.

#![warn(clippy::indexing_slicing)]

use crate::event::{Alert, AnomalyKind, BeatKind, Carrier, EventKind, Provenance, ServerHello};
use crate::flow::{Appetite, Chunk, ClientBy, Endpoints, FlowId, Side};
use crate::proto::Context;
use crate::proto::tls::beats::Beats;
use crate::proto::tls::certificate::{self, Source};
use crate::proto::tls::handshake::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_STATUS, CLIENT_HELLO, CLIENT_KEY_EXCHANGE,
    Message, SERVER_HELLO, SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, Seen,
};
use crate::proto::tls::hello::{self, TLS13};
use crate::proto::tls::{anomaly, report};

use self::join::{Full, Joiner};
use self::record::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, Fragment, HANDSHAKE, Part, Record, parts,
};

mod join;
mod record;
#[cfg(test)]
mod tests;

pub(super) use self::record::looks_like_dtls;

/// hello_verify_request (RFC 6347 4.2.1).
const HELLO_VERIFY_REQUEST: u8 = 3;
/// Datagrams after which a handshake is over or will never be: certificate flights take a dozen, and
/// retransmissions back off.
const DATAGRAMS: u16 = 256;
/// A connection has two hellos, or three with a retry; whoever sends more plays games.
const HELLOS: u8 = 4;

/// The reader of one DTLS connection. Each chunk is one datagram.
#[derive(Debug)]
pub(super) struct Dtls {
    client: Half,
    server: Half,
    beats: Option<Beats>,
    datagrams: u16,
    hellos: u8,
    /// The server asked for another hello: with a cookie, or with another key share.
    asked_again: bool,
    random: Option<[u8; 32]>,
    version: Option<u16>,
    /// A ServerHello up to version 1.2 until the next message tells whether it resumes a session.
    undecided: Option<(ServerHello, Seen)>,
    /// The latest datagram.
    last: Seen,
    /// Nothing more to learn.
    over: bool,
}

/// One sender.
#[derive(Debug, Default)]
struct Half {
    joiner: Joiner,
    /// A message of the handshake was seen in clear.
    understood: bool,
    /// Records are protected from here on.
    sealed: bool,
    /// Application data was seen.
    data: bool,
}

/// Where a datagram came from.
struct Scene<'a> {
    flow: FlowId,
    seen: Seen,
    cx: &'a mut Context,
}

impl Dtls {
    /// Memory it holds beside itself, without bytes that wait for others.
    pub(super) fn weight(&self) -> usize {
        self.client.joiner.weight() + self.server.joiner.weight()
    }

    /// Before the first datagram.
    pub(super) fn new() -> Self {
        Self {
            client: Half::default(),
            server: Half::default(),
            beats: None,
            datagrams: 0,
            hellos: 0,
            asked_again: false,
            random: None,
            version: None,
            undecided: None,
            last: Seen::default(),
            over: false,
        }
    }

    /// One datagram. Swaps the sides of `ends` when a hello comes from the side taken for the other.
    pub(super) fn data(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        let seen = Seen {
            frame: chunk.frame,
            at: chunk.at,
        };
        self.last = seen;
        self.datagrams += 1;
        let mut side = chunk.side;
        let limit = cx.limits.beats;
        self.beats.get_or_insert_with(|| Beats::new(limit));
        let mut scene = Scene { flow, seen, cx };
        for part in parts(chunk.bytes) {
            match part {
                Part::Record(record) => {
                    if self.is_reversed(side, &record) {
                        self.reverse(ends);
                        side = side.other();
                    }
                    self.record(side, &record, &mut scene);
                }
                Part::Sealed { epoch, len } => self.sealed(side, epoch, len, &mut scene),
                Part::Malformed => break,
            }
        }
        let quiet = self.client.data && self.server.data;
        if quiet || self.over || self.datagrams >= DATAGRAMS {
            self.end(flow, scene.cx);
            return Appetite::Done;
        }
        Appetite::More
    }

    /// The flow is over: reports what is left, gives back what is held.
    pub(super) fn end(&mut self, flow: FlowId, cx: &mut Context) {
        if std::mem::replace(&mut self.over, true) && self.undecided.is_none() {
            return;
        }
        let seen = self.last;
        let mut scene = Scene { flow, seen, cx };
        for side in [Side::Client, Side::Server] {
            self.flush(side, &mut scene);
            self.lost(side, &mut scene);
        }
        self.decide(None, &mut scene);
    }

    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// A hello from the side taken for the other: the capture began late.
    fn is_reversed(&self, side: Side, record: &Record<'_>) -> bool {
        if self.client.understood || self.server.understood || record.kind != HANDSHAKE {
            return false;
        }
        let speaker = match record.fragments().next().map(|fragment| fragment.kind) {
            Some(CLIENT_HELLO) => Side::Client,
            Some(SERVER_HELLO | HELLO_VERIFY_REQUEST) => Side::Server,
            _ => return false,
        };
        speaker != side
    }

    fn reverse(&mut self, ends: &mut Endpoints) {
        std::mem::swap(&mut self.client, &mut self.server);
        if let Some(beats) = &mut self.beats {
            beats.swap();
        }
        std::mem::swap(&mut ends.client, &mut ends.server);
        ends.decided = ClientBy::Payload;
    }

    fn record(&mut self, side: Side, record: &Record<'_>, scene: &mut Scene<'_>) {
        let len = u16::try_from(record.body.len()).unwrap_or(u16::MAX);
        match record.kind {
            HANDSHAKE if record.epoch == 0 => {
                for fragment in record.fragments() {
                    self.fragment(side, &fragment, len, scene);
                }
            }
            HANDSHAKE => self.protected(side, BeatKind::EncryptedHandshake, len, scene),
            CHANGE_CIPHER_SPEC => {
                self.flush(side, scene);
                self.half(side).sealed = true;
                if side == Side::Server {
                    // No Certificate came between ServerHello and here: an abbreviated handshake.
                    self.decide(Some(true), scene);
                }
                self.beat(side, BeatKind::ChangeCipherSpec, len, scene);
            }
            ALERT => {
                self.beat(side, BeatKind::Alert, len, scene);
                let (level, description) = match (record.epoch, record.body) {
                    (0, [level, description]) => (Some(*level), Some(*description)),
                    _ => (None, None),
                };
                let alert = Alert {
                    side,
                    description,
                    fatal: level.map(|level| level == 2),
                };
                report(scene.cx, scene.flow, scene.seen, EventKind::Alert(alert));
            }
            APPLICATION_DATA => self.protected(side, BeatKind::AppData, len, scene),
            // Acknowledgements, heartbeats, and records with a connection id, whose type is hidden.
            _ => {}
        }
    }

    /// A record of version 1.3, whose epoch tells what it protects (RFC 9147 6.1).
    fn sealed(&mut self, side: Side, epoch: u8, len: usize, scene: &mut Scene<'_>) {
        let kind = match epoch {
            2 => BeatKind::Encrypted,
            _ => BeatKind::AppData,
        };
        self.protected(side, kind, u16::try_from(len).unwrap_or(u16::MAX), scene);
    }

    fn protected(&mut self, side: Side, kind: BeatKind, len: u16, scene: &mut Scene<'_>) {
        self.flush(side, scene);
        let early = self.version.is_none();
        let half = self.half(side);
        half.sealed = true;
        half.data |= kind == BeatKind::AppData && !early;
        self.beat(side, kind, len, scene);
    }

    fn fragment(&mut self, side: Side, fragment: &Fragment<'_>, len: u16, scene: &mut Scene<'_>) {
        let kind = match (side, fragment.kind) {
            (Side::Server, _) => BeatKind::ServerFlight,
            (Side::Client, CLIENT_HELLO) => BeatKind::ClientHello,
            (Side::Client, _) => BeatKind::KeyExchange,
        };
        self.half(side).understood = true;
        let mut joiner = std::mem::take(&mut self.half(side).joiner);
        let inserted = joiner.insert(fragment, scene.seen, scene.cx);
        while let Some(whole) = joiner.pop(scene.cx) {
            self.message(side, &whole.message(), scene);
        }
        self.half(side).joiner = joiner;
        self.beat(side, kind, len, scene);
        if inserted == Err(Full) {
            let detail = "fragments of a DTLS handshake";
            anomaly(
                scene.cx,
                scene.flow,
                scene.seen,
                AnomalyKind::LimitReached,
                detail,
            );
        }
    }

    /// What is whole but waits for a message before it that will not come.
    fn flush(&mut self, side: Side, scene: &mut Scene<'_>) {
        let mut joiner = std::mem::take(&mut self.half(side).joiner);
        while let Some(whole) = joiner.skip_to_whole(scene.cx) {
            self.message(side, &whole.message(), scene);
        }
        self.half(side).joiner = joiner;
    }

    /// What there is of messages whose rest will not come.
    fn lost(&mut self, side: Side, scene: &mut Scene<'_>) {
        let mut joiner = std::mem::take(&mut self.half(side).joiner);
        for partial in joiner.drain(scene.cx) {
            let message = partial.message();
            match (side, message.kind) {
                (Side::Client, CLIENT_HELLO) if self.hellos == 0 => {
                    self.client_hello(&message, scene);
                }
                (_, CERTIFICATE) => self.message(side, &message, scene),
                _ => {}
            }
            let detail = "DTLS message of which parts are missing";
            anomaly(
                scene.cx,
                scene.flow,
                scene.seen,
                AnomalyKind::StreamGap,
                detail,
            );
        }
    }

    fn message(&mut self, side: Side, message: &Message<'_>, scene: &mut Scene<'_>) {
        match (side, message.kind) {
            (Side::Client, CLIENT_HELLO) => self.client_hello(message, scene),
            (Side::Server, HELLO_VERIFY_REQUEST) => self.asked_again = true,
            (Side::Server, SERVER_HELLO) => self.server_hello(message, scene),
            (_, CERTIFICATE | CERTIFICATE_STATUS) => {
                if side == Side::Server {
                    self.decide(Some(false), scene);
                }
                let source = Source {
                    flow: scene.flow,
                    side,
                    provenance: Provenance::Clear,
                    tls13: false,
                };
                certificate::message(message, &source, scene.cx);
            }
            (Side::Server, CERTIFICATE_REQUEST) => {
                self.decide(Some(false), scene);
                report(
                    scene.cx,
                    scene.flow,
                    message.last,
                    EventKind::CertificateRequest,
                );
            }
            (Side::Server, SERVER_KEY_EXCHANGE | SERVER_HELLO_DONE)
            | (Side::Client, CLIENT_KEY_EXCHANGE) => self.decide(Some(false), scene),
            _ => {}
        }
    }

    fn client_hello(&mut self, message: &Message<'_>, scene: &mut Scene<'_>) {
        self.hellos = self.hellos.saturating_add(1);
        if self.hellos > HELLOS {
            return;
        }
        let (mut hello, problem) = hello::client_hello_of_many(
            message.body,
            Carrier::Dtls,
            message.first.frame,
            self.asked_again,
            message.whole,
            &mut scene.cx.fingerprints,
        );
        // The hello with the cookie repeats the random of the one before (RFC 6347 4.2.1).
        hello.second |= self.random == Some(hello.random);
        self.random = (hello.random != [0; 32]).then_some(hello.random);
        let hello = EventKind::ClientHello(Box::new(hello));
        report(scene.cx, scene.flow, message.last, hello);
        if let Some(detail) = problem {
            let kind = if message.whole {
                AnomalyKind::BadTls
            } else {
                AnomalyKind::StreamGap
            };
            anomaly(scene.cx, scene.flow, message.last, kind, detail);
        }
    }

    fn server_hello(&mut self, message: &Message<'_>, scene: &mut Scene<'_>) {
        self.decide(None, scene);
        let hello = match hello::server_hello(message.body) {
            Ok(hello) => hello,
            Err(detail) => {
                return anomaly(
                    scene.cx,
                    scene.flow,
                    message.last,
                    AnomalyKind::BadTls,
                    detail,
                );
            }
        };
        if hello.retry {
            self.asked_again = true;
        } else {
            self.version = Some(hello.version);
        }
        if hello.version < TLS13 && !hello.retry {
            self.undecided = Some((hello, message.last));
        } else {
            let hello = EventKind::ServerHello(hello);
            report(scene.cx, scene.flow, message.last, hello);
        }
    }

    /// Reports a ServerHello that waited for what follows it.
    fn decide(&mut self, resumed: Option<bool>, scene: &mut Scene<'_>) {
        if let Some((mut hello, seen)) = self.undecided.take() {
            hello.resumed = resumed;
            report(scene.cx, scene.flow, seen, EventKind::ServerHello(hello));
        }
    }

    fn beat(&mut self, side: Side, kind: BeatKind, len: u16, scene: &mut Scene<'_>) {
        if let Some(beats) = &mut self.beats
            && let Some(beat) = beats.speaks(side, kind, len, scene.seen)
        {
            report(scene.cx, scene.flow, scene.seen, EventKind::Beat(beat));
        }
    }
}
