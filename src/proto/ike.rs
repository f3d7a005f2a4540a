//! IKE (RFC 7296, RFC 2409): who authenticated to whom, and when. The certificates travel encrypted, but in the
//! aggressive mode of version 1.
//!
//! What counts as the handshake is the authentication, in which the certificates are: IKE_AUTH of version 2, the
//! encrypted messages of main mode of version 1. The key exchange before it often runs on other ports (RFC 7296 2.23).
#![warn(clippy::indexing_slicing)]

use std::sync::Arc;

use crate::event::{
    BeatKind, BlindSpot, Carrier, Chain, ClientHello, Ech, EventKind, Provenance, ServerHello,
};
use crate::flow::{Appetite, Chunk, ClientBy, Endpoints, FlowId, Side};

use super::Context;
use super::tls::beats::Beats;
use super::tls::handshake::Seen;
use super::tls::{anomaly, report};

/// IKEv2 and IKEv1 where events have a version.
const VERSION_2: u16 = 0x0200;
const VERSION_1: u16 = 0x0100;
/// Datagrams of a tunnel after which no authentication is waited for.
const TUNNELLED: u16 = 64;

const IKE_AUTH: u8 = 35;
const IKE_SESSION_RESUME: u8 = 38;
const MAIN_MODE: u8 = 2;
const AGGRESSIVE_MODE: u8 = 4;
/// Initiator and Response of version 2, Encryption of version 1.
const FROM_INITIATOR: u8 = 0x08;
const IS_RESPONSE: u8 = 0x20;
const IS_ENCRYPTED: u8 = 0x01;
const HEADER: usize = 28;

/// The reader of a flow that carries IKE, and on port 4500 the tunnel itself.
#[derive(Debug)]
pub(super) struct Ike {
    beats: Option<Beats>,
    told: bool,
    asked: bool,
    answered: bool,
    resumes: bool,
    tunnelled: u16,
}

/// A message as far as it is in clear.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    two: bool,
    exchange: u8,
    flags: u8,
    next: u8,
    opens: bool,
    payloads: &'a [u8],
}

/// What a message is for the handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Before,
    Authentication,
    After,
}

impl Ike {
    /// Before the first datagram.
    pub(super) const fn new() -> Self {
        Self {
            beats: None,
            told: false,
            asked: false,
            answered: false,
            resumes: false,
            tunnelled: 0,
        }
    }

    /// One datagram. Swaps the sides of `ends` when the first message tells that they were taken for each other.
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
        if !std::mem::replace(&mut self.told, true) {
            report(cx, flow, seen, EventKind::BlindSpot(BlindSpot::Ipsec));
        }
        let Some(message) = message(chunk.bytes, ends) else {
            return self.tunnel(flow, chunk.side, chunk.bytes.len(), seen, cx);
        };
        let mut side = chunk.side;
        if let Some(speaker) = message.speaker()
            && speaker != side
            && !self.asked
        {
            std::mem::swap(&mut ends.client, &mut ends.server);
            ends.decided = ClientBy::Payload;
            side = speaker;
        }
        self.resumes |= message.two && message.exchange == IKE_SESSION_RESUME;
        let len = chunk.bytes.len();
        match (message.part(), side) {
            (Part::Before, _) => {}
            (Part::Authentication, Side::Client) if !self.asked => {
                self.asked = true;
                let hello = self.hello(seen);
                report(cx, flow, seen, EventKind::ClientHello(Box::new(hello)));
                self.beat(flow, side, BeatKind::ClientHello, len, seen, cx);
            }
            (Part::Authentication, Side::Server) if self.asked && !self.answered => {
                self.answered = true;
                let hello = ServerHello {
                    version: if message.two { VERSION_2 } else { VERSION_1 },
                    suite: 0,
                    resumed: Some(self.resumes),
                    retry: false,
                };
                report(cx, flow, seen, EventKind::ServerHello(hello));
                if message.exchange == AGGRESSIVE_MODE && !message.two {
                    chain(&message, flow, seen, cx);
                }
                self.beat(flow, side, BeatKind::ServerFlight, len, seen, cx);
            }
            (_, side) if self.asked => {
                self.beat(flow, side, BeatKind::Encrypted, len, seen, cx);
            }
            _ => {}
        }
        Appetite::More
    }

    /// ESP between the same ports (RFC 3948), or a keep-alive.
    fn tunnel(
        &mut self,
        flow: FlowId,
        side: Side,
        len: usize,
        seen: Seen,
        cx: &mut Context,
    ) -> Appetite {
        if len == 1 {
            return Appetite::More;
        }
        if self.answered {
            self.beat(flow, side, BeatKind::AppData, len, seen, cx);
            return match side {
                Side::Client => Appetite::Done,
                Side::Server => Appetite::More,
            };
        }
        self.tunnelled += 1;
        if self.tunnelled < TUNNELLED {
            Appetite::More
        } else {
            Appetite::Done
        }
    }

    fn hello(&self, seen: Seen) -> ClientHello {
        ClientHello {
            carrier: Carrier::Ike,
            first_frame: seen.frame,
            sni: None,
            ech: Ech::Absent,
            alpn: Arc::default(),
            max_version: 0,
            status_request: false,
            offers_resumption: self.resumes,
            early_data: false,
            ja4: Arc::default(),
            second: false,
            random: [0; 32],
        }
    }

    fn beat(
        &mut self,
        flow: FlowId,
        side: Side,
        kind: BeatKind,
        len: usize,
        seen: Seen,
        cx: &mut Context,
    ) {
        let limit = cx.limits.beats;
        let beats = self.beats.get_or_insert_with(|| Beats::new(limit));
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        if let Some(beat) = beats.speaks(side, kind, len, seen) {
            report(cx, flow, seen, EventKind::Beat(beat));
        }
    }
}

impl Message<'_> {
    /// Who sent it, where the message tells.
    const fn speaker(&self) -> Option<Side> {
        match (self.two, self.flags & IS_RESPONSE != 0) {
            // In the exchanges of a handshake the original initiator asks.
            (true, _) if !matches!(self.exchange, 34 | IKE_AUTH | IKE_SESSION_RESUME) => None,
            (true, false) if self.flags & FROM_INITIATOR != 0 => Some(Side::Client),
            (true, true) if self.flags & FROM_INITIATOR == 0 => Some(Side::Server),
            (true, _) => None,
            (false, _) if self.opens => Some(Side::Client),
            (false, _) => None,
        }
    }

    const fn part(&self) -> Part {
        match (self.two, self.exchange) {
            (true, 34 | IKE_SESSION_RESUME | 43) => Part::Before,
            (true, IKE_AUTH) => Part::Authentication,
            (false, MAIN_MODE) if self.flags & IS_ENCRYPTED == 0 => Part::Before,
            (false, MAIN_MODE | AGGRESSIVE_MODE) => Part::Authentication,
            _ => Part::After,
        }
    }
}

/// Whether a datagram between these ends is IKE.
pub(super) fn looks_like_ike(datagram: &[u8], ends: &Endpoints) -> bool {
    message(datagram, ends).is_some()
}

/// An IKE message (RFC 7296 3.1, RFC 2408 3.1) whose length is that of the datagram; on port 4500 behind four zero
/// octets, where ESP has its SPI (RFC 3948 2.2).
fn message<'a>(datagram: &'a [u8], ends: &Endpoints) -> Option<Message<'a>> {
    let on = |port: u16| ends.client.port() == port || ends.server.port() == port;
    let bytes = match (on(4500), on(500)) {
        (true, _) => datagram.strip_prefix(&[0; 4])?,
        (false, true) => datagram,
        _ => return None,
    };
    let (header, payloads) = bytes.split_first_chunk::<HEADER>()?;
    let [
        _initiator @ ..,
        next,
        version,
        exchange,
        flags,
        _m3,
        _m2,
        _m1,
        _m0,
        l3,
        l2,
        l1,
        l0,
    ] = *header;
    let two = version == 0x20;
    let known = match version {
        // IKE_SA_INIT to IKE_FOLLOWUP_KE (RFC 9370).
        0x20 => (34..=44).contains(&exchange),
        // Main, aggressive, informational, quick mode of version 1.
        0x10 => matches!(exchange, MAIN_MODE | AGGRESSIVE_MODE | 5 | 32),
        _ => false,
    };
    let length = usize::try_from(u32::from_be_bytes([l3, l2, l1, l0])).ok()?;
    let opens = bytes.get(8..16)? == [0; 8];
    (known && length == bytes.len()).then_some(Message {
        two,
        exchange,
        flags,
        next,
        opens,
        payloads,
    })
}

/// The certificates that aggressive mode of version 1 shows in clear (RFC 2408 3.9).
fn chain(message: &Message<'_>, flow: FlowId, seen: Seen, cx: &mut Context) {
    const CERT: u8 = 6;
    /// X.509 certificate for signatures.
    const X509_SIGNATURE: u8 = 4;
    const CERTIFICATES: usize = 8;
    let mut certs = Vec::new();
    let (mut next, mut rest) = (message.next, message.payloads);
    while next != 0
        && certs.len() < CERTIFICATES
        && let Some(([following, _, high, low], _)) = rest.split_first_chunk::<4>()
    {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((payload, left)) = rest.split_at_checked(length.max(4)) else {
            break;
        };
        if let (CERT, Some((&X509_SIGNATURE, der))) =
            (next, payload.get(4..).and_then(|body| body.split_first()))
        {
            match cx.certificates.intern(der) {
                Ok(cert) => certs.push(cert),
                Err(_) => {
                    let detail = "a certificate that cannot be decoded";
                    anomaly(cx, flow, seen, crate::event::AnomalyKind::BadPki, detail);
                }
            }
        }
        (next, rest) = (*following, left);
    }
    if !certs.is_empty() {
        let chain = Chain {
            side: Side::Server,
            certs,
            complete: true,
            provenance: Provenance::Clear,
            first_frame: seen.frame,
        };
        report(cx, flow, seen, EventKind::Chain(chain));
    }
}

#[cfg(test)]
mod tests;
