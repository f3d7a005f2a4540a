//! QUIC handshakes (RFC 9000, RFC 9001, RFC 9369) as a passive reader sees them.
//!
//! ```text
//!   datagram -> header -> packets
//!                initial + protection (keys anybody can derive, or keys of a key log) -> frames
//!                  CRYPTO -> stream -> messages (TLS) -> events
//!                sizes and types alone -> beats
//! ```
//!
//! Hellos are open to everybody; the certificate flight only with a key log; HTTP/3 is not decoded.

#![warn(clippy::indexing_slicing)]

use crate::event::{Event, EventKind};
use crate::flow::{Appetite, Chunk, Close, Endpoints, FlowId, Gap, Side};
use crate::frame::FrameNo;
use crate::proto::Context;
use crate::proto::tls::handshake::Seen;
use crate::time::Timestamp;

mod beats;
mod connection;
mod frames;
mod header;
mod held;
mod initial;
mod messages;
mod protection;
mod scheme;
mod stream;
#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;

pub use header::looks_like_quic;

/// A UDP flow that carries QUIC. Each chunk is one datagram.
#[derive(Debug)]
pub struct Quic {
    /// None once there is nothing left to learn.
    connection: Option<Box<connection::Connection>>,
    appetite: Appetite,
}

impl Quic {
    /// Before the first datagram.
    #[must_use]
    pub fn new() -> Self {
        Self {
            connection: Some(Box::default()),
            appetite: Appetite::More,
        }
    }

    /// Memory it holds.
    pub(crate) fn weight(&self) -> usize {
        self.connection.as_deref().map_or(0, |connection| {
            size_of::<Self>()
                + size_of_val::<connection::Connection>(connection)
                + connection.weight()
        })
    }

    /// One datagram. Swaps the sides of `ends` when a client's first Initial comes from what was taken
    /// for the server.
    pub fn data(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        if let Some(connection) = &mut self.connection
            && self.appetite == Appetite::More
        {
            self.appetite = connection.datagram(flow, ends, chunk, cx);
            self.rest(flow, cx);
        }
        self.appetite
    }

    /// A datagram that was not captured whole. Every packet is complete in itself and the CRYPTO streams
    /// know their own holes, so it changes nothing.
    pub fn gap(
        &mut self,
        _flow: FlowId,
        _ends: &mut Endpoints,
        _gap: Gap,
        _cx: &mut Context,
    ) -> Appetite {
        self.appetite
    }

    /// The flow is over.
    pub fn close(&mut self, flow: FlowId, _ends: &Endpoints, close: &Close, cx: &mut Context) {
        let origin = Origin {
            flow,
            side: Side::Client,
            at: close.at,
            frame: close.frame,
        };
        if let Some(mut connection) = self.connection.take() {
            connection.give_up_hello(&origin, cx);
            connection.release(flow, cx);
        }
        self.appetite = Appetite::Done;
    }

    /// New key log secrets came: opens what was held for them. Its events bear the time and frame of the
    /// packets, not of the keys.
    pub fn poke(&mut self, flow: FlowId, _ends: &mut Endpoints, cx: &mut Context) -> Appetite {
        if let Some(connection) = &mut self.connection {
            connection.keys_came(flow, cx);
            self.rest(flow, cx);
        }
        self.appetite
    }

    /// Forgets a connection that has nothing more to tell and waits for no keys.
    fn rest(&mut self, flow: FlowId, cx: &mut Context) {
        if self.appetite == Appetite::Done
            && let Some(mut connection) = self.connection.take_if(|c| !c.waits_for_keys())
        {
            connection.release(flow, cx);
        }
    }
}

impl Default for Quic {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a packet came from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    /// Flow.
    flow: FlowId,
    /// Who sent it.
    side: Side,
    /// When.
    at: Timestamp,
    /// In which frame.
    frame: FrameNo,
}

impl Origin {
    /// When and where.
    const fn seen(&self) -> Seen {
        Seen {
            frame: self.frame,
            at: self.at,
        }
    }

    /// An event of this packet.
    fn event(&self, kind: EventKind) -> Event {
        Event {
            at: self.at,
            frame: self.frame,
            flow: self.flow,
            kind,
        }
    }
}

/// One of each for client and server.
#[derive(Debug, Default)]
struct BySide<T> {
    client: T,
    server: T,
}

impl<T> BySide<T> {
    const fn of(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}
