//! Room 3: packets to flows. TCP bytes in order with declared gaps, datagrams grouped by five-tuple.
//!
//! The room knows no protocol: whoever reads the bytes implements [`Stream`].
//!
//! [`Table`] is the way in. Below it: `part` has the flows of one [`Shard`], `key` says which flow a packet
//! is of, `slots` and `lru` keep entries and give them up, `tcp` holds the rules about whose segment it is,
//! `assembler` brings bytes into order, `reader` drives the [`Stream`] of a flow, and `burden` knows what all
//! of them hold together.

#![warn(clippy::indexing_slicing)]

use std::net::SocketAddr;

use crate::frame::{FrameNo, InterfaceId};
use crate::time::{Span, Timestamp};
use crate::wire::Packet;

mod assembler;
mod burden;
mod entry;
mod key;
mod lru;
mod over;
mod part;
mod reader;
mod scopes;
pub(crate) mod shard;
mod slots;
pub mod table;
mod tags;
mod tcp;

pub use scopes::Scopes;
pub use shard::Shard;
pub use table::{Arrived, Table};

/// A flow of the whole run; given in order of appearance, with gaps, and never reused.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowId(pub u64);

impl FlowId {
    const CARRIED: u64 = 1 << 63;

    /// Of the flow that a packet opens which a stream carried; such ones come behind all others. `place` is
    /// that of the packet among those of its shard.
    pub(crate) const fn carried(place: u64, shard: Shard) -> Self {
        Self(Self::CARRIED | place << 8 | shard.index() as u64)
    }

    /// Whether a stream carried it.
    pub(crate) const fn is_carried(self) -> bool {
        self.0 & Self::CARRIED != 0
    }
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

/// The VLAN and tunnel stack a packet was found in, hashed; 0 is the bare link. Part of the flow key, so
/// that the same packet seen inside and outside a tunnel does not make one garbled stream.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(pub u32);

impl Scope {
    /// The bit of scopes in which only some packets were seen, chosen by chance.
    pub(crate) const SAMPLED: u32 = 1 << 31;

    /// Whether only some packets were seen there: nothing is known from what is missing.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// The same where only some packets were seen.
    pub(crate) const fn sampled(self) -> Self {
        Self(self.0 | Self::SAMPLED)
    }
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Side {
    /// The end that opened the flow (see [`ClientBy`]).
    Client,
    /// The other end.
    Server,
}

impl Side {
    /// 0 for the client, 1 for the server: for arrays of two.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }

    /// The opposite end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How the client end of a flow was told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ClientBy {
    /// It sent the SYN, or answered with a SYN-ACK.
    Syn,
    /// The other end has the well-known (lower) port.
    Port,
    /// It spoke first.
    First,
    /// The payload said so (a ClientHello, an HTTP request); the sides may have been swapped for it.
    Payload,
}

/// The ends of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Endpoints {
    /// TCP or UDP.
    pub transport: Transport,
    /// Client address and port.
    pub client: SocketAddr,
    /// Server address and port.
    pub server: SocketAddr,
    /// VLAN and tunnel stack.
    pub scope: Scope,
    /// How the client was told.
    pub decided: ClientBy,
}

/// Bytes of one side, in order. `offset` counts that side's payload bytes from 0 (TCP), or is the number
/// of the datagram on that side (UDP). A [`Gap`] between two chunks advances the offset by what is missing.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Who sent it.
    pub side: Side,
    /// Stream offset of the first byte.
    pub offset: u64,
    /// When the frame that carried it was captured.
    pub at: Timestamp,
    /// That frame.
    pub frame: FrameNo,
    /// The bytes, never empty.
    pub bytes: &'a [u8],
}

/// Bytes of one side that the capture does not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap {
    /// Whose bytes are missing.
    pub side: Side,
    /// Stream offset of the first missing byte.
    pub offset: u64,
    /// How many; at least 1.
    pub missing: u64,
    /// When the gap was declared.
    pub at: Timestamp,
    /// Whether the frame was there but cut by the snap length (rather than not captured at all).
    pub cut: bool,
}

/// How a flow ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ending {
    /// Both sides sent FIN.
    Finished,
    /// A side sent RST.
    Reset(Side),
    /// The server answered the SYN with RST, or ICMP said unreachable.
    Refused,
    /// The SYN was never answered.
    Unanswered,
    /// No packet for the idle time, or the table was full.
    Expired,
    /// The capture ended first.
    CaptureEnded,
}

/// The end of a flow and its totals. Arrays are indexed by [`Side::index`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Close {
    /// How it ended.
    pub how: Ending,
    /// When the last packet came.
    pub at: Timestamp,
    /// Its frame.
    pub frame: FrameNo,
    /// Payload bytes by the sequence numbers seen, retransmissions not counted twice (approximate after loss).
    pub bytes: [u64; 2],
    /// Packets.
    pub packets: [u64; 2],
    /// When each side last sent payload.
    pub last_payload: [Option<Timestamp>; 2],
    /// SYN to SYN-ACK, when both were seen.
    pub connect: Option<Span>,
    /// SYN-ACK to the client's next segment, when both were seen: a client's stack answers at once, so this
    /// is the round trip between the capture point and the client.
    pub turnaround: Option<Span>,
}

/// What a reader wants from now on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appetite {
    /// Bytes of both sides.
    More,
    /// Nothing: count only. The fast path; a reader that said so is asked nothing but [`Stream::close`].
    Done,
}

/// A reader of one flow. `C` is what the reader works with (event sink, limits, secrets).
///
/// A reader that finds client and server confused (a ClientHello from the server) swaps `ends.client` and
/// `ends.server` and sets `ends.decided` to [`ClientBy::Payload`]. From the next call on every [`Side`] is
/// meant by the new ends, also in [`Close`]; stream offsets stay with their senders, and nothing is
/// delivered again. Readers change `ends` in no other way.
pub trait Stream<C> {
    /// In-order bytes of a TCP side, or one whole datagram.
    fn data(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut C,
    ) -> Appetite;
    /// Bytes that will never come.
    fn gap(&mut self, flow: FlowId, ends: &mut Endpoints, gap: Gap, cx: &mut C) -> Appetite;
    /// The flow is over. Called exactly once.
    fn close(&mut self, flow: FlowId, ends: &Endpoints, close: &Close, cx: &mut C);
    /// Memory that it holds at this moment, in bytes and roughly, apart from itself and from what it counts
    /// against limits of its own; 0 when it holds nothing. The table keeps the sum over all flows below a
    /// limit.
    fn weight(&self) -> usize;
}

/// Why something happens to flows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Time passed.
    Time,
    /// A packet came, or the end.
    Packet,
}

/// Who is told about flows as such, besides their readers: the `C` of [`Stream`].
///
/// `at` and `frame` are those of the packet that brought it about; when only the passing of time did, those
/// of the last packet before.
pub trait Witness {
    /// What comes next concerns flows of this shard: because time passed, or because of a packet of it.
    fn turn(&mut self, _shard: Shard, _why: Cause) {}
    /// A flow was seen for the first time. `from_start`: by its SYN or SYN-ACK, or (UDP) by a packet from
    /// its client.
    fn opened(
        &mut self,
        flow: FlowId,
        at: Timestamp,
        frame: FrameNo,
        ends: &Endpoints,
        interface: InterfaceId,
        from_start: bool,
    );
    /// A TCP connection stands: SYN-ACK, or what cannot come without one.
    fn connected(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo);
    /// The first packet of a side. `tsval` is the value of its TCP timestamps option.
    fn sighted(
        &mut self,
        flow: FlowId,
        at: Timestamp,
        frame: FrameNo,
        side: Side,
        packet: &Packet<'_>,
        tsval: Option<u32>,
    );
    /// Two scopes were found to be one, that is called as the second: a mirror tags the directions of its flows unlike.
    fn joined(&mut self, _at: Timestamp, _frame: FrameNo, _scope: Scope, _with: Scope) {}
    /// The flow is over; its reader was told just before.
    fn closed(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo, close: &Close);
    /// A side sent bytes twice that differ; the first were believed. At most once for each side.
    fn conflict(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo, side: Side);
    /// A limit bit this flow; `what` says which.
    fn limit(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo, what: &'static str);
}
