//! What streams carry goes through rooms 2 to 4 again: as a packet of the frame that completed it, and among
//! the flows of the stream's own shard, so that it makes no difference whose thread looks after these.

use std::fmt;

use crate::flow::table::Arrived;
use crate::flow::{FlowId, Shard, shard as of};
use crate::frame::{Frame, InterfaceId};
use crate::limits::Limits;
use crate::proto::Carried;
use crate::wire::{Decoder, table_keys, tunnel_keys};

use super::flows::{Flows, shard};

/// Decoders for what streams carry, one for each shard, and the keys for those that are still to come.
#[derive(Default)]
pub(super) struct Rooms {
    each: [Option<Box<Room>>; Shard::COUNT],
    keys: Vec<u8>,
}

#[derive(Debug)]
struct Room {
    decoder: Decoder,
    /// Packets so far.
    packets: u64,
}

impl Rooms {
    /// Takes over a shard.
    pub(super) fn take_over(&mut self, shard: Shard, other: &mut Self) {
        *of::of_mut(&mut self.each, shard) = of::of_mut(&mut other.each, shard).take();
    }

    /// The same keys for other shards.
    pub(super) fn beside(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            ..Self::default()
        }
    }

    /// Takes lines of a key log, as far as they are of layers below TCP and there is room for them.
    pub(super) fn learn(&mut self, lines: &[u8], limits: &Limits) {
        let lines = [tunnel_keys(lines), table_keys(lines)].concat();
        if lines.is_empty() || self.keys.len() + lines.len() > limits.carried_keys {
            return;
        }
        for room in self.each.iter_mut().flatten() {
            room.decoder.secrets(&lines);
        }
        self.keys.extend(lines);
    }

    /// How many keys opened something, once for each shard.
    pub(super) fn keys_used(&self) -> u64 {
        let rooms = self.each.iter().flatten();
        rooms.map(|room| room.decoder.keys().1).sum()
    }

    /// Takes out that of a shard, to be put back.
    fn take(&mut self, shard: Shard, limits: &Limits) -> Box<Room> {
        of::of_mut(&mut self.each, shard).take().unwrap_or_else(|| {
            let mut decoder = Decoder::new(limits);
            decoder.secrets(&self.keys);
            Box::new(Room {
                decoder,
                packets: 0,
            })
        })
    }
}

impl fmt::Debug for Rooms {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Rooms");
        shown.field("each", &self.each).finish_non_exhaustive()
    }
}

impl Flows {
    /// Takes what the packet at hand brought in a stream, and what that brings in turn right behind it.
    #[inline(never)]
    pub(super) fn take_carried(&mut self, interface: InterfaceId) {
        // The last comes first.
        let mut waiting: Vec<_> = self.cx.carried.drain(..).rev().collect();
        while let Some(carried) = waiting.pop() {
            self.cx.depth = carried.within.depth;
            self.take_frame(&carried, interface);
            waiting.extend(self.cx.carried.drain(..).rev());
        }
        self.cx.depth = 0;
    }

    /// Takes a frame, with all packets in it. What is no packet is of no use, and was counted with the stream.
    fn take_frame(&mut self, carried: &Carried, interface: InterfaceId) {
        let frame = Frame {
            no: carried.frame,
            at: carried.at,
            link: carried.link,
            interface,
            wire_len: carried.wire_len,
            crossing: None,
            comment: None,
            bytes: &carried.bytes,
        };
        let mut room = self.carried.take(carried.shard, &self.cx.limits);
        let mut next = Some(room.decoder.decode_within(&frame, &carried.within));
        while let Some(decoded) = next {
            if let Ok(packet) = decoded {
                let flow = FlowId::carried(room.packets, carried.shard);
                room.packets += 1;
                let arrived = Arrived {
                    at: carried.at,
                    frame: carried.frame,
                    interface,
                    shard: carried.shard,
                    flow,
                };
                // It is of the stream's shard, whatever its addresses.
                let (_, transport) = shard(&packet);
                self.place(&arrived, &packet, transport);
            }
            next = room.decoder.further(&frame);
        }
        *of::of_mut(&mut self.carried.each, carried.shard) = Some(room);
    }
}
