//! TCP: what a segment does to the table.

use super::find::Found;
use super::{Arrival, NewFlow, Part};
use crate::flow::entry::{Doubt, Half, Micros, Opening, Phase};
use crate::flow::key::{End, Key};
use crate::flow::lru::Slot;
use crate::flow::tcp::{self, Meaning};
use crate::flow::{Appetite, ClientBy, Ending, Endpoints, FlowId, Stream, Transport, Witness};
use crate::recent::Sequence;
use crate::wire::Segment;

impl<S> Part<S> {
    /// Takes in a TCP segment.
    pub(super) fn segment<C: Witness>(
        &mut self,
        arrival: Arrival<'_>,
        segment: &Segment<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) where
        S: Stream<C>,
    {
        let packet = arrival.packet;
        let source = (packet.src, segment.src_port);
        let destination = (packet.dst, segment.dst_port);
        let (key, end) = Key::new(Transport::Tcp, packet.scope, source, destination);
        let slot = match self.find(&key, end, arrival) {
            Found::Flow(slot) => slot,
            Found::Over(at) if self.is_leftover(at, end, segment) => return,
            Found::Over(_) | Found::Nothing => {
                return self.open_connection(key, end, None, arrival, segment, make, cx);
            }
        };
        let (moment, ignored) = (self.moment, &mut self.ignored);
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        // The fast path: most packets of most captures are bulk data that nobody reads any more.
        if entry.phase == Phase::Counting
            && segment.flags & (Segment::SYN | Segment::FIN | Segment::RST) == 0
            && entry.halves.of(end).known
        {
            entry.arrived(end, moment.at, moment.frame);
            let half = entry.halves.of_mut(end);
            if !half.count(segment.seq, tcp::payload_len(segment), moment.at) {
                ignored.implausible += 1;
            }
            return self.slots.touch(slot, moment.now);
        }
        match tcp::meaning(entry, end, segment, moment.now) {
            Meaning::Own => {
                self.slots.touch(slot, moment.now);
                self.take(slot, end, arrival, segment, make, cx);
            }
            Meaning::Stray => {
                ignored.strays += 1;
                self.slots.touch(slot, moment.now);
            }
            Meaning::Doubtful => {
                let (isn, at) = (segment.seq, moment.at);
                if let Some(live) = &mut entry.live {
                    live.doubt = Some(Doubt { end, isn, at });
                }
            }
            Meaning::NewFlow => {
                let plain_syn = segment.flags & (Segment::SYN | Segment::ACK) == Segment::SYN;
                let doubt = entry.live.as_ref().and_then(|live| live.doubt);
                match entry.phase {
                    Phase::Opening => self.end(slot, Ending::Unanswered, cx),
                    Phase::Reading | Phase::Counting => self.end(slot, Ending::Expired, cx),
                }
                self.slots.remove(slot);
                let doubt = doubt.filter(|_| !plain_syn);
                self.open_connection(key, end, doubt, arrival, segment, make, cx);
            }
        }
    }

    /// Whether a segment is nothing but a leftover of a connection that is over. If not, its ports are in use again.
    #[inline(never)]
    fn is_leftover(&mut self, at: Sequence, end: End, segment: &Segment<'_>) -> bool {
        let over = self.ended.get(at);
        let stray =
            over.is_some_and(|over| tcp::meaning_after_close(over, end, segment) == Meaning::Stray);
        if stray {
            self.ignored.strays += 1;
            self.ended.touch(at, self.moment.now);
        } else {
            self.ended.remove(at);
        }
        stray
    }

    /// Opens a flow by its first segment; `doubt` is its SYN when that was seen before.
    #[expect(clippy::too_many_arguments, reason = "one caller's locals, passed on")]
    fn open_connection<C: Witness>(
        &mut self,
        key: Key,
        end: End,
        doubt: Option<Doubt>,
        arrival: Arrival<'_>,
        segment: &Segment<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) where
        S: Stream<C>,
    {
        let syn = segment.flags & Segment::SYN != 0;
        let ack = segment.flags & Segment::ACK != 0;
        let farewell = segment.flags & Segment::FIN != 0 && tcp::payload_len(segment) == 0;
        let part = doubt.is_none() && segment.may_be_part();
        if segment.flags & Segment::RST != 0 || (farewell && !syn) || part {
            // There is nothing to read in a flow whose end is all that is seen of it, and what may be part of
            // a frame would be counted from then on with the frames that follow.
            self.ignored.strays += 1;
            return;
        }
        let (client, decided) = match doubt {
            Some(doubt) => (doubt.end, ClientBy::Syn),
            None if syn && ack => (end.other(), ClientBy::Syn),
            None if syn => (end, ClientBy::Syn),
            None => tcp::client_by_port(end, segment.src_port, segment.dst_port),
        };
        let opening = match doubt {
            Some(doubt) => Opening::Syn(doubt.at),
            None if syn && !ack => Opening::Syn(self.moment.at),
            None => Opening::Unseen,
        };
        let from_start = syn || doubt.is_some();
        let new = NewFlow {
            arrival,
            key,
            phase: if from_start {
                Phase::Opening
            } else {
                Phase::Reading
            },
            client,
            decided,
            from_start,
            opening,
        };
        let Some(slot) = self.insert(&new, cx) else {
            return;
        };
        if let Some(entry) = self.slots.get_mut(slot) {
            if let Some(doubt) = doubt {
                let first = doubt.isn.wrapping_add(1);
                entry.halves.of_mut(client).begin(first);
            } else if syn && ack {
                entry.halves.of_mut(client).begin(segment.ack);
            }
        }
        self.take(slot, end, arrival, segment, make, cx);
    }

    /// Takes in a segment of a flow that is in the table.
    fn take<C: Witness>(
        &mut self,
        slot: Slot,
        end: End,
        arrival: Arrival<'_>,
        segment: &Segment<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) where
        S: Stream<C>,
    {
        let moment = self.moment;
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        if entry.arrived(end, moment.at, moment.frame) {
            let (id, side, tsval) = (entry.id, entry.side(end), segment.tsval());
            cx.sighted(id, moment.at, moment.frame, side, arrival.packet, tsval);
            if segment.flags & Segment::SYN != 0 {
                let half = entry.halves.of_mut(end);
                (half.ttl, half.signed) = (arrival.packet.ttl, segment.is_signed());
            }
        }
        if end == entry.client && is_decoy(entry.halves.of(end), arrival.packet.ttl, segment) {
            self.ignored.implausible += 1;
            return;
        }
        if segment.flags & Segment::RST != 0 {
            return self.reset(slot, end, segment, cx);
        }
        if entry.phase == Phase::Opening && tcp::connects(entry, end, segment) {
            if segment.flags & Segment::SYN != 0
                && let Opening::Syn(syn) = entry.opening
                && !moment.at.since(syn).is_negative()
            {
                entry.opening = Opening::Answered(Micros::of(moment.at.since(syn)), moment.at);
            } else {
                entry.opening = Opening::Unseen;
            }
            let phase = if entry.is_unwanted() {
                Phase::Counting
            } else {
                Phase::Reading
            };
            cx.connected(entry.id, moment.at, moment.frame);
            self.slots.set_phase(slot, phase, moment.now);
        }
        if let Some(entry) = self.slots.get_mut(slot)
            && let Opening::Answered(connect, answered) = entry.opening
            && end == entry.client
        {
            entry.opening = Opening::Done(connect, Micros::of(moment.at.since(answered)));
        }
        let read = self.take_payload(slot, end, segment, make, cx);
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        if segment.flags & Segment::ACK != 0 {
            entry.acknowledge(end, segment.ack);
        }
        let disordered = entry.is_disordered(end);
        if disordered {
            self.release(slot, cx);
            self.watch(slot);
        }
        if read || disordered {
            self.settle(slot, cx);
            if self.held > self.held_limit {
                self.relieve(cx);
            }
            self.unburden(cx);
        }
    }

    fn reset<C: Witness>(&mut self, slot: Slot, end: End, segment: &Segment<'_>, cx: &mut C)
    where
        S: Stream<C>,
    {
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        if !tcp::resets(entry, end, segment) {
            self.ignored.implausible += 1;
            return;
        }
        let how = if entry.phase == Phase::Opening && end != entry.client {
            Ending::Refused
        } else {
            Ending::Reset(entry.side(end))
        };
        entry.reset_by = Some(end);
        self.end(slot, how, cx);
        // Only now, so that the totals tell what was seen: whatever it sends below this number is late.
        if let Some(entry) = self.slots.get_mut(slot)
            && entry.halves.of(end).known
        {
            let half = entry.halves.of_mut(end);
            let ahead = u32::try_from(tcp::distance(half.next, segment.seq)).unwrap_or(0);
            half.count(half.next, ahead, self.moment.at);
        }
        self.retire(slot);
    }

    /// Payload and FIN: to the reader, or only counted. Returns whether it may have changed more than counters.
    fn take_payload<C: Witness>(
        &mut self,
        slot: Slot,
        end: End,
        segment: &Segment<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) -> bool
    where
        S: Stream<C>,
    {
        let moment = self.moment;
        let Some(entry) = self.slots.get_mut(slot) else {
            return false;
        };
        let syn = segment.flags & Segment::SYN != 0;
        let fin = segment.flags & Segment::FIN != 0;
        let (seq, len) = (tcp::payload_seq(segment), tcp::payload_len(segment));
        let fin_seq = seq.wrapping_add(len);
        let half = entry.halves.of_mut(end);
        if len > 0 && !half.known && is_keep_alive(segment) {
            half.begin(fin_seq);
        } else if syn || fin || len > 0 {
            half.begin(seq);
        }
        if len == 0 && !fin {
            return false;
        }
        if !half.count(seq, len, moment.at) {
            self.ignored.implausible += 1;
            return false;
        }
        let fin_ahead = tcp::distance(half.next, fin_seq);
        if fin && fin_ahead.unsigned_abs() > tcp::FAR {
            self.ignored.implausible += 1;
            return false;
        }
        let unread = entry.is_unwanted() || (entry.live.is_none() && len == 0 && fin_ahead == 0);
        let streams = if unread { None } else { entry.streams(make) };
        let placed = streams.map(|streams| {
            let lane = streams.of_mut(end);
            let stop = lane.offset(fin_seq).and_then(|at| u64::try_from(at).ok());
            let part = lane.part(seq, segment.payload, segment.cut, moment.at, moment.frame);
            (part, stop.filter(|_| fin))
        });
        entry.halves.of_mut(end).fin |= fin && (fin_ahead >= 0 || placed.is_some());
        let Some((part, stop)) = placed else {
            return fin;
        };
        self.drive(slot, end, cx, |assembler, out| {
            if let Some(part) = part
                && assembler.insert(part, moment.now, out) == Appetite::Done
            {
                return Appetite::Done;
            }
            if let Some(stop) = stop {
                assembler.end_at(stop, moment.now);
            }
            Appetite::More
        });
        true
    }
}

/// Whether a segment of the client is not meant to be taken in by the server. Programs that get connections
/// past filters (GoodbyeDPI, zapret, ByeDPI) send a hello or request with another name first, with a TTL that
/// ends before the server is reached, or signed, which whoever has no key for it drops (RFC 2385 2.0). A host
/// gives all segments of a connection one TTL, and paths differ by a few hops.
#[inline]
fn is_decoy(syn: &Half, ttl: u8, segment: &Segment<'_>) -> bool {
    const FAR: u8 = 40;
    const DOOMED: u8 = 20;
    // What a time stamp takes; signatures take more.
    const STAMP: usize = 12;
    let tells = tcp::payload_len(segment) > 0 || segment.flags & Segment::RST != 0;
    let begun = segment.flags & Segment::SYN == 0 && tells && syn.ttl > 0;
    let doomed = || syn.ttl >= FAR && ttl <= DOOMED;
    let signed = || segment.options.len() > STAMP && segment.is_signed();
    begun && (doomed() || !syn.signed && signed())
}

/// Whether this looks like a keep-alive probe with its garbage octet (RFC 9293 section 3.8.4), which is a
/// zero where one is sent at all. A flow joined midway often begins with one for us, and what it repeats was
/// sent before.
fn is_keep_alive(segment: &Segment<'_>) -> bool {
    segment.payload == [0] && segment.cut == 0 && segment.flags & (Segment::SYN | Segment::FIN) == 0
}
