//! What came, put together so that several threads can look at it.

use std::sync::Arc;

use crate::event::Process;
use crate::flow::Shard;
use crate::frame::{Crossing, Frame, FrameNo, InterfaceId, LinkType, NameHint};
use crate::time::Timestamp;
use crate::wire::{Body, Datagram, Packet, Segment};

/// Things that came, in order, with copies of all bytes that matter.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) items: Vec<Item>,
    bytes: Vec<u8>,
    packets: Vec<Kept>,
    pub(super) hints: Vec<NameHint>,
    /// Whose process an item is, by their numbers.
    pub(super) processes: Vec<(usize, Arc<Process>)>,
}

/// Something that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) ordinal: u64,
    pub(super) at: Timestamp,
    pub(super) frame: FrameNo,
    pub(super) interface: InterfaceId,
    pub(super) what: What,
}

/// What it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// A frame without a packet, which tells what time it is.
    Time,
    /// A plain frame, of which the packet is at hand.
    Plain {
        shard: Shard,
        link: LinkType,
        crossing: Option<Crossing>,
        wire_len: u32,
        bytes: Span,
    },
    /// A packet, by its number.
    Packet(Shard, usize),
    /// Lines of a key log.
    Secrets(Span),
    /// A name, by its number.
    Hint(usize),
}

/// Where bytes are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// A packet whose payload is elsewhere.
#[derive(Clone, Copy, Debug)]
struct Kept {
    packet: Packet<'static>,
    options: Span,
    payload: Span,
}

/// A batch is full with so many items, or bytes: enough that handing it over costs little, and that it stays
/// in a cache.
const ITEMS: usize = 1_024;
const BYTES: usize = 512 << 10;

impl Batch {
    /// Whether it is time to hand it over.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= ITEMS || self.bytes.len() >= BYTES
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Makes it empty again.
    pub fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        self.packets.clear();
        self.hints.clear();
        self.processes.clear();
    }

    /// Keeps bytes.
    #[inline]
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = u32::try_from(self.bytes.len());
        let (Ok(start), Ok(len)) = (start, u32::try_from(bytes.len())) else {
            return Span::default();
        };
        self.bytes.extend_from_slice(bytes);
        Span { start, len }
    }

    /// Keeps a packet; gives its number.
    pub(super) fn keep_packet(&mut self, packet: &Packet<'_>) -> usize {
        let mut options = Span::default();
        let mut payload = Span::default();
        let body = match packet.body {
            Body::Tcp(segment) => {
                options = self.keep(segment.options);
                payload = self.keep(segment.payload);
                Body::Tcp(Segment {
                    options: &[],
                    payload: &[],
                    ..segment
                })
            }
            Body::Udp(datagram) => {
                payload = self.keep(datagram.payload);
                Body::Udp(Datagram {
                    payload: &[],
                    ..datagram
                })
            }
            Body::Unreachable(about) => Body::Unreachable(about),
            Body::Other(number) => Body::Other(number),
        };
        self.packets.push(Kept {
            packet: with_body(packet, body),
            options,
            payload,
        });
        self.packets.len() - 1
    }

    /// Bytes that were kept.
    pub(super) fn bytes(&self, Span { start, len }: Span) -> &[u8] {
        let start = start as usize;
        self.bytes
            .get(start..start + len as usize)
            .unwrap_or_default()
    }

    /// A packet that was kept.
    pub(super) fn packet(&self, number: usize) -> Option<Packet<'_>> {
        let kept = self.packets.get(number)?;
        let (options, payload) = (self.bytes(kept.options), self.bytes(kept.payload));
        let body = match kept.packet.body {
            Body::Tcp(segment) => Body::Tcp(Segment {
                options,
                payload,
                ..segment
            }),
            Body::Udp(datagram) => Body::Udp(Datagram {
                payload,
                ..datagram
            }),
            body => body,
        };
        Some(with_body(&kept.packet, body))
    }

    /// A plain frame that was kept.
    #[inline]
    pub(super) fn frame(&self, item: &Item) -> Option<Frame<'_>> {
        let What::Plain {
            link,
            crossing,
            wire_len,
            bytes,
            ..
        } = item.what
        else {
            return None;
        };
        Some(Frame {
            no: item.frame,
            at: item.at,
            link,
            interface: item.interface,
            wire_len,
            crossing,
            comment: None,
            bytes: self.bytes(bytes),
        })
    }
}

fn with_body<'a>(packet: &Packet<'_>, body: Body<'a>) -> Packet<'a> {
    Packet {
        scope: packet.scope,
        base: packet.base,
        src: packet.src,
        dst: packet.dst,
        ttl: packet.ttl,
        mac: packet.mac,
        by_this_host: packet.by_this_host,
        device: packet.device,
        body,
    }
}
