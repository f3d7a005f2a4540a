//! Room 4: bytes to events.
//!
//! A [`Session`] reads one flow. It looks at the first bytes of both sides, on any port, and becomes the
//! reader of what it finds; STARTTLS, proxies and tunnels make it become another one later. Lookups over
//! UDP are no flows and go to [`Context::dns_message`] directly.

use crate::event::{Anomaly, AnomalyKind, Event, EventKind};
use crate::flow::{FlowId, Scope};
use crate::frame::FrameNo;
use crate::limits::Limits;
use crate::time::Timestamp;

pub mod dns;
mod dtls;
mod held;
mod http;
mod ike;
mod proxy;
pub mod quic;
mod session;
mod starttls;
#[cfg(test)]
mod testkit;
pub mod tls;
mod udp;

pub use self::session::Session;

/// What the readers of all flows work with: where events go, the limits, keys and shared tables.
#[derive(Debug, Default)]
pub struct Context {
    /// Caps and timeouts.
    pub limits: Limits,
    /// Where events go; the engine drains it after every frame.
    pub events: Vec<Event>,
    /// Key log secrets.
    pub keys: tls::secrets::KeyStore,
    /// Fingerprints of hellos seen so far.
    pub fingerprints: tls::Fingerprints,
    /// Certificates decoded so far, shared by fingerprint.
    pub certificates: crate::pki::cert::Interner,
    /// Lookups of all flows.
    pub dns: dns::Dns,
    /// Bytes of unfinished HTTP heads and of kept bodies held at this moment, over all flows.
    pub bodies_held: usize,
    /// Encrypted handshake bytes held at this moment for keys that may come, over all flows.
    pub encrypted_held: usize,
    /// QUIC CRYPTO bytes and DTLS fragments held at this moment that wait for others, over all flows.
    pub crypto_held: usize,
}

impl Context {
    /// Reports one event.
    pub fn emit(&mut self, at: Timestamp, frame: FrameNo, flow: FlowId, kind: EventKind) {
        self.events.push(Event {
            at,
            frame,
            flow,
            kind,
        });
    }

    /// Reports an anomaly.
    pub fn anomaly(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        flow: FlowId,
        kind: AnomalyKind,
        detail: &'static str,
    ) {
        let anomaly = Anomaly { kind, detail };
        self.emit(at, frame, flow, EventKind::Anomaly(anomaly));
    }

    /// Takes one DNS message. Returns whether it was one: other protocols use these ports too.
    pub fn dns_message(&mut self, message: &dns::Message<'_>) -> bool {
        self.dns.message(message, &self.limits, &mut self.events)
    }

    /// See [`dns::Dns::take_joined`].
    pub fn dns_joined(&mut self) -> Option<(Scope, Scope)> {
        self.dns.take_joined()
    }

    /// Trace time has come to `now`: reports lookups that waited too long. Cheap when there are none.
    pub fn expire(&mut self, now: Timestamp) {
        self.dns.expire(now, &self.limits, &mut self.events);
    }

    /// The capture is over (after every flow was closed): lookups that still wait stay unanswered.
    pub fn finish(&mut self) {
        self.dns.finish(&mut self.events);
    }
}

/// Whether bytes begin TLS.
fn tls_probe(bytes: &[u8]) -> Probe {
    tls::looks_like_tls(bytes)
}

/// Whether more than one TLS record was sent: the client has had an answer to its hello.
fn went_on_after_hello(bytes: &[u8]) -> bool {
    match bytes {
        [0x16, 3, _, high, low, rest @ ..] => {
            rest.len() > usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => false,
    }
}

/// Whether bytes begin a protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Probe {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// They may; more are needed to tell.
    NeedMore,
}
