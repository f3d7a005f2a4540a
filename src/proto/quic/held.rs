//! Handshake packets kept for keys that may come: a key log that is written while the capture runs, or
//! secrets that stand behind their packets in the file.

use crate::flow::Side;
use crate::frame::FrameNo;
use crate::proto::Context;
use crate::time::Timestamp;

use super::Origin;
use super::header::{Long, LongType};
use super::scheme::Scheme;

/// Packets of one connection in order of arrival.
#[derive(Debug, Default)]
pub(super) struct HeldPackets {
    packets: Vec<HeldPacket>,
    cost: usize,
}

/// A packet and where it came from.
#[derive(Debug)]
pub(super) struct HeldPacket {
    /// Who sent it.
    pub(super) side: Side,
    /// When.
    pub(super) at: Timestamp,
    /// In which frame.
    pub(super) frame: FrameNo,
    bytes: Box<[u8]>,
    version: u32,
    scheme: Scheme,
    number_at: usize,
    length: usize,
}

/// There is no room for the packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full;

impl HeldPackets {
    /// Keeps a packet within the limits of the flow and of all flows.
    pub(super) fn hold(
        &mut self,
        origin: &Origin,
        packet: &Long<'_>,
        cx: &mut Context,
    ) -> Result<(), Full> {
        let cost = packet.bytes.len().saturating_add(size_of::<HeldPacket>());
        if self.cost.saturating_add(cost) > cx.limits.tls_held_flow
            || cx.held().encrypted.saturating_add(cost) > cx.limits.tls_held_total
        {
            return Err(Full);
        }
        self.cost += cost;
        cx.held_mut().encrypted += cost;
        self.packets.push(HeldPacket {
            side: origin.side,
            at: origin.at,
            frame: origin.frame,
            bytes: packet.bytes.into(),
            version: packet.version,
            scheme: packet.scheme,
            number_at: packet.number_at,
            length: packet.length,
        });
        Ok(())
    }

    /// Gives all packets back, and their room.
    pub(super) fn take(&mut self, cx: &mut Context) -> Vec<HeldPacket> {
        let held = &mut cx.held_mut().encrypted;
        *held = held.saturating_sub(std::mem::take(&mut self.cost));
        std::mem::take(&mut self.packets)
    }

    /// Whether none is held.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

impl HeldPacket {
    /// As it was read from its datagram.
    pub(super) fn packet(&self) -> Long<'_> {
        Long {
            kind: LongType::Handshake,
            version: self.version,
            scheme: self.scheme,
            dcid: &[],
            bytes: &self.bytes,
            number_at: self.number_at,
            length: self.length,
        }
    }
}
