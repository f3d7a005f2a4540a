//! UDP: datagrams grouped by five-tuple.

use super::find::Found;
use super::{Arrival, NewFlow, Part};
use crate::flow::entry::{Opening, Phase};
use crate::flow::key::Key;
use crate::flow::{Appetite, Chunk, ClientBy, Endpoints, FlowId, Gap, Stream, Transport, Witness};
use crate::wire::Datagram;

impl<S> Part<S> {
    /// Takes in a UDP datagram. The reader gets it whole, with its number on its side as the offset; when
    /// the snap length cut it, a gap with the same number follows.
    pub(super) fn datagram<C: Witness>(
        &mut self,
        arrival: Arrival<'_>,
        datagram: &Datagram<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) where
        S: Stream<C>,
    {
        let (moment, packet) = (self.moment, arrival.packet);
        let source = (packet.src, datagram.src_port);
        let destination = (packet.dst, datagram.dst_port);
        let (key, end) = Key::new(Transport::Udp, packet.scope, source, destination);
        let found = match self.find(&key, end, arrival) {
            Found::Flow(slot) => Some(slot),
            Found::Over(at) => return self.ended.touch(at, moment.now),
            Found::Nothing => None,
        };
        let slot = found.or_else(|| {
            let from_server = datagram.src_port < 1_024 && datagram.dst_port >= 1_024;
            let (client, decided) = if from_server {
                (end.other(), ClientBy::Port)
            } else {
                (end, ClientBy::First)
            };
            let new = NewFlow {
                arrival,
                key,
                phase: Phase::Reading,
                client,
                decided,
                from_start: !from_server,
                opening: Opening::Unseen,
            };
            self.insert(&new, cx)
        });
        let Some(entry) = slot.and_then(|slot| self.slots.get_mut(slot)) else {
            return;
        };
        let number = entry.halves.of(end).packets;
        if entry.arrived(end, moment.at, moment.frame) {
            let (id, side) = (entry.id, entry.side(end));
            cx.sighted(id, moment.at, moment.frame, side, packet, None);
        }
        let len = payload_len(datagram);
        entry.halves.of_mut(end).add(len, moment.at);
        let mut read = false;
        if entry.phase == Phase::Reading && len > 0 {
            let flow = entry.id;
            let live = entry.live(make);
            let mut appetite = Appetite::More;
            let mut side = live.side(&key, end);
            if !datagram.payload.is_empty() {
                let chunk = Chunk {
                    side,
                    offset: number,
                    at: moment.at,
                    frame: moment.frame,
                    bytes: datagram.payload,
                };
                appetite = live.session.data(flow, &mut live.ends, chunk, cx);
                side = live.side(&key, end);
            }
            if datagram.cut > 0 && appetite == Appetite::More {
                let gap = Gap {
                    side,
                    offset: number,
                    missing: u64::from(datagram.cut),
                    at: moment.at,
                    cut: true,
                };
                appetite = live.session.gap(flow, &mut live.ends, gap, cx);
            }
            if appetite == Appetite::Done {
                entry.phase = Phase::Counting;
            }
            read = true;
        }
        if let Some(slot) = slot {
            self.slots.touch(slot, moment.now);
            if read {
                self.weigh(slot);
                self.unburden(cx);
            }
        }
    }
}

/// Payload bytes of a datagram on the wire, cut ones included.
fn payload_len(datagram: &Datagram<'_>) -> u32 {
    u32::try_from(datagram.payload.len())
        .unwrap_or(u32::MAX)
        .saturating_add(datagram.cut)
}
