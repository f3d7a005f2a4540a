//! What streams carry goes through rooms 2 to 4 again: as a packet of the frame that completed it, and among the flows of the stream's own
//! shard, so that it makes no difference whose thread looks after these.

use crate::flow::table::Arrived;
use crate::flow::{FlowId, Shard, shard as of};
use crate::frame::{Frame, InterfaceId};
use crate::limits::Limits;
use crate::proto::Carried;
use crate::wire::Decoder;

use super::flows::{Flows, shard};

/// Decoders for what streams carry, one for each shard.
#[derive(Debug, Default)]
pub(super) struct Rooms([Option<Box<Room>>; Shard::COUNT]);

#[derive(Debug)]
struct Room {
    decoder: Decoder,
    /// Packets so far.
    packets: u64,
}

impl Rooms {
    /// Takes over a shard.
    pub(super) fn take_over(&mut self, shard: Shard, other: &mut Self) {
        *of::of_mut(&mut self.0, shard) = of::of_mut(&mut other.0, shard).take();
    }

    /// Takes out that of a shard, to be put back.
    fn take(&mut self, shard: Shard, limits: &Limits) -> Box<Room> {
        of::of_mut(&mut self.0, shard).take().unwrap_or_else(|| {
            Box::new(Room {
                decoder: Decoder::new(limits),
                packets: 0,
            })
        })
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
        *of::of_mut(&mut self.carried.0, carried.shard) = Some(room);
    }
}
