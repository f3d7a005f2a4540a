//! Room 4: bytes to events.
//!
//! A [`Session`] reads one flow. It looks at the first bytes of both sides, on any port, and becomes the
//! reader of what it finds; STARTTLS, proxies and tunnels make it become another one later. Lookups over
//! UDP are no flows and go to [`Context::dns_message`] directly.

use crate::event::{Anomaly, AnomalyKind, Event, EventKind};
use crate::flow::{Cause, FlowId, Scope, Shard, shard};
use crate::frame::FrameNo;
use crate::limits::Limits;
use crate::time::Timestamp;

pub mod dns;
mod dtls;
mod held;
mod http;
mod ike;
mod packets;
mod proxy;
pub mod quic;
mod session;
mod starttls;
mod steps;
#[cfg(test)]
mod testkit;
pub mod tls;
mod udp;

use self::steps::Steps;

pub use self::packets::Carried;
pub use self::session::Session;
pub use self::steps::{Place, Run};

/// What the readers of all flows work with: where events go, the limits, keys and shared tables.
#[derive(Debug)]
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
    /// What streams carried of the flows that were read last: to be looked at before anything else.
    pub carried: Vec<Carried>,
    /// In how many streams the packet at hand was, each in the next.
    pub depth: usize,
    /// The shard whose turn it is.
    shard: Shard,
    held: [Held; Shard::COUNT],
    /// Lookups: those over TCP of the flows of each shard, and in [`Shard::FIRST`] all over UDP.
    dns: [dns::Dns; Shard::COUNT],
    /// No lookup has waited too long before.
    due: Timestamp,
    /// Highest trace time told.
    now: Timestamp,
    /// Where events stand, if that is asked.
    steps: Option<Steps>,
}

/// What the readers of one shard hold together at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// Bytes of unfinished HTTP heads and of kept bodies.
    pub bodies: usize,
    /// Encrypted handshake bytes, for keys that may come.
    pub encrypted: usize,
    /// QUIC CRYPTO bytes and DTLS fragments that wait for others.
    pub crypto: usize,
}

impl Default for Context {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Context {
    /// One for readers with these limits ([`Limits::shard`]).
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            events: Vec::new(),
            keys: tls::secrets::KeyStore::default(),
            fingerprints: tls::Fingerprints::default(),
            certificates: crate::pki::cert::Interner::default(),
            carried: Vec::new(),
            depth: 0,
            shard: Shard::FIRST,
            held: [Held::default(); Shard::COUNT],
            dns: Default::default(),
            due: Timestamp::from_nanos(i64::MAX),
            now: Timestamp::from_nanos(i64::MIN),
            steps: None,
        }
    }

    /// What comes next concerns flows of this shard.
    #[inline]
    pub fn turn(&mut self, shard: Shard, why: Cause) {
        self.shard = shard;
        self.keys.turn_to(shard);
        if let Some(steps) = &mut self.steps {
            steps.flows(shard, why, self.events.len());
        }
    }

    /// What comes next is brought about by keys.
    pub fn poke(&mut self, shard: Shard, flow: FlowId) {
        self.turn(shard, Cause::Packet);
        if let Some(steps) = &mut self.steps {
            steps.poke(flow, self.events.len());
        }
    }

    /// Something comes, the so-manieth of all: from here on the places of events are kept.
    #[inline]
    pub fn begin(&mut self, ordinal: u64) {
        self.steps.get_or_insert_default().begin(ordinal);
    }

    /// The places of the events, which are taken; they are no longer kept.
    pub fn take_runs(&mut self) -> Vec<Run> {
        let steps = self.steps.take();
        steps.map_or_else(Vec::new, |mut steps| steps.take(self.events.len()))
    }

    /// The same limits and secrets for other shards, of which nothing was seen yet.
    #[must_use]
    pub fn beside(&self) -> Self {
        let mut other = Self::new(self.limits.clone());
        other.keys = self.keys.beside();
        for (dns, own) in other.dns.iter_mut().zip(&self.dns) {
            dns.wanted = own.wanted;
        }
        other
    }

    /// Takes over a shard.
    pub fn take_over(&mut self, shard: Shard, other: &mut Self) {
        *shard::of_mut(&mut self.held, shard) = *shard::of(&other.held, shard);
        let dns = shard::of_mut(&mut self.dns, shard);
        std::mem::swap(dns, shard::of_mut(&mut other.dns, shard));
        self.keys.take_over(shard, &mut other.keys);
        self.due = self.due.min(other.due);
    }

    /// Highest trace time told.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// What the readers of the shard hold whose turn it is.
    #[must_use]
    pub fn held(&self) -> &Held {
        shard::of(&self.held, self.shard)
    }

    /// The same, to be changed.
    pub fn held_mut(&mut self) -> &mut Held {
        shard::of_mut(&mut self.held, self.shard)
    }

    /// See [`dns::Dns::wanted`].
    pub fn want(&mut self, wanted: fn(&str) -> bool) {
        for dns in &mut self.dns {
            dns.wanted = Some(wanted);
        }
    }

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
        let dns = shard::of_mut(&mut self.dns, self.shard);
        // Questions that wait already are accounted for.
        self.due = self.due.min(message.at.plus(self.limits.dns_timeout));
        dns.message(message, &self.limits, &mut self.events)
    }

    /// See [`dns::Dns::take_joined`].
    pub fn dns_joined(&mut self) -> Option<(Scope, Scope)> {
        shard::of_mut(&mut self.dns, self.shard).take_joined()
    }

    /// Trace time has come to `now`: reports lookups that waited too long. Cheap when there are none.
    #[inline(always)]
    pub fn expire(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.now >= self.due {
            self.give_up();
        }
    }

    #[inline(never)]
    fn give_up(&mut self) {
        self.due = Timestamp::from_nanos(i64::MAX);
        for (shard, dns) in Shard::ALL.into_iter().zip(&mut self.dns) {
            if let Some(steps) = &mut self.steps {
                steps.lookups(shard, self.events.len());
            }
            dns.expire(self.now, &self.limits, &mut self.events);
            self.due = self.due.min(dns.due());
        }
    }

    /// The capture is over (after every flow was closed): lookups that still wait stay unanswered.
    pub fn finish(&mut self) {
        for dns in &mut self.dns {
            dns.finish(self.now, &mut self.events);
        }
        self.due = Timestamp::from_nanos(i64::MAX);
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
