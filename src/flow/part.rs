//! Flows of one shard: packets in, readers driven, flows opened and given up by trace time.

use std::collections::VecDeque;

use crate::flow::assembler::{Assembler, Patience};
use crate::flow::burden::{Burden, Turn};
use crate::flow::entry::{Entry, Opening, Phase};
use crate::flow::key::{End, Key, Pair};
use crate::flow::lru::Slot;
use crate::flow::over::Ended;
use crate::flow::reader::{self, Moment, Reader};
use crate::flow::slots::Slots;
use crate::flow::table::Arrived;
use crate::flow::tags::Tags;
use crate::flow::{
    Appetite, ClientBy, Ending, Endpoints, FlowId, Scope, Stream, Transport, Witness,
};
use crate::frame::InterfaceId;
use crate::limits::Limits;
use crate::time::{Span, Timestamp};
use crate::wire::{Body, Packet, Unreachable};

mod bulk;
mod connection;
mod datagram;
mod find;

/// The flows of one shard and their readers.
#[derive(Debug)]
pub(super) struct Part<S> {
    slots: Slots<S>,
    ended: Ended,
    capacity: usize,
    patience: Patience,
    /// Flows whose holes are looked at again, in the order of when.
    checks: VecDeque<Check>,
    /// Memory of out-of-order bytes over all flows, and its limit.
    held: usize,
    held_limit: usize,
    burden: Burden,
    moment: Moment,
    ignored: Ignored,
    tags: Tags,
    /// Scopes that the packet at hand showed to be one.
    joined: Option<(Scope, Scope)>,
}

/// Packets that were left out of account.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ignored {
    /// TCP segments that belong to no connection known or to one that is over.
    pub strays: u64,
    /// TCP segments with numbers that their receiver could not have accepted.
    pub implausible: u64,
}

impl<S> Part<S> {
    /// One without flows.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            slots: Slots::new(limits),
            ended: Ended::new(limits),
            capacity: limits.flows.max(1),
            patience: Patience::new(limits),
            checks: VecDeque::new(),
            held: 0,
            held_limit: limits.out_of_order_total,
            burden: Burden::new(limits.readers_total),
            moment: Moment::BEFORE_ALL,
            ignored: Ignored::default(),
            tags: Tags::default(),
            joined: None,
        }
    }

    /// Takes in a packet: finds or opens its flow and drives its reader. What is due by its time is done.
    #[inline(always)]
    pub(super) fn packet<C: Witness>(
        &mut self,
        moment: Moment,
        arrived: &Arrived,
        packet: &Packet<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) where
        S: Stream<C>,
    {
        self.moment = moment;
        let own = packet.scope;
        let scope = self.scope(own);
        let renamed;
        let packet = if scope == own {
            packet
        } else {
            renamed = Packet { scope, ..*packet };
            &renamed
        };
        let arrival = Arrival {
            interface: arrived.interface,
            packet,
            own,
            flow: arrived.flow,
        };
        match &packet.body {
            Body::Tcp(segment) => self.segment(arrival, segment, make, cx),
            Body::Udp(datagram) => self.datagram(arrival, datagram, make, cx),
            Body::Unreachable(about) => self.unreachable(packet, about, cx),
            Body::Other(_) => {}
        }
        if let Some((scope, with)) = self.joined.take() {
            self.join(moment, scope, with, cx);
        }
    }

    /// What a scope is called.
    #[inline]
    pub(super) fn scope(&self, scope: Scope) -> Scope {
        self.tags.scopes.name(scope)
    }

    /// Takes two scopes for one.
    pub(super) fn join<C: Witness>(
        &mut self,
        moment: Moment,
        scope: Scope,
        with: Scope,
        cx: &mut C,
    ) {
        if self.tags.scopes.join(scope, with) {
            let Moment { at, frame, .. } = moment;
            cx.joined(at, frame, scope, with);
        }
    }

    /// What came with this packet is not idle since before it.
    pub(super) fn touch(&mut self, key: &Key, before: Timestamp, now: Timestamp) {
        if let Some(slot) = self.slots.find(key) {
            self.slots.touch(slot, now);
        } else if let Some((at, _)) = self.ended.find(key, before) {
            self.ended.touch(at, now);
        }
    }

    /// When time alone changes something next.
    #[inline]
    pub(super) fn due(&self) -> Timestamp {
        let idle = self.slots.next_due();
        self.checks
            .front()
            .map_or(idle, |check| check.due.min(idle))
    }

    /// Time has come to this moment: flows idle for too long are closed, holes given up.
    pub(super) fn expire<C: Witness>(&mut self, moment: Moment, cx: &mut C)
    where
        S: Stream<C>,
    {
        self.moment = moment;
        self.pass_time(cx);
    }

    /// All flows, by id.
    pub(super) fn open_flows(&self) -> Vec<(FlowId, Slot)> {
        self.slots.open_flows()
    }

    /// The capture ends with this flow open.
    pub(super) fn finish<C: Witness>(&mut self, moment: Moment, slot: Slot, cx: &mut C)
    where
        S: Stream<C>,
    {
        self.moment = moment;
        let how = match self.slots.get(slot) {
            Some(entry) if self.was_unanswered(entry) => Ending::Unanswered,
            Some(entry) if entry.refused => Ending::Refused,
            _ => Ending::CaptureEnded,
        };
        self.end(slot, how, cx);
    }

    /// Forgets all flows, and gives back their room.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.ended.clear();
        self.checks = VecDeque::new();
        self.burden.clear();
    }

    /// See [`super::Table::session_mut`].
    pub(super) fn session_mut(&mut self, flow: FlowId) -> Option<(&mut S, &mut Endpoints)> {
        let slot = self.slots.find_id(flow)?;
        let live = self.slots.get_mut(slot)?.live.as_deref_mut()?;
        Some((&mut live.session, &mut live.ends))
    }

    /// Flows in memory, those included that are over and only remembered.
    pub(super) fn len(&self) -> usize {
        self.slots.len() + self.ended.len()
    }

    /// Packets that were left out of account so far.
    pub(super) const fn ignored(&self) -> Ignored {
        self.ignored
    }

    /// Memory of out-of-order bytes at this moment, overhead included.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Looks at holes that are to be taken.
    #[cfg(test)]
    pub(super) fn checks(&self) -> usize {
        self.checks.len()
    }

    fn pass_time<C: Witness>(&mut self, cx: &mut C)
    where
        S: Stream<C>,
    {
        // Counted, because at the end of time what is looked at again later is due at once.
        for _ in 0..self.checks.len() {
            let Some(Check { slot, flow, .. }) = self
                .checks
                .pop_front_if(|check| check.due <= self.moment.now)
            else {
                break;
            };
            self.check_holes(slot, flow, cx);
        }
        while let Some(slot) = self.slots.idle(self.moment.now) {
            if let Some(entry) = self.slots.get(slot) {
                let how = match entry.phase {
                    Phase::Opening => Ending::Unanswered,
                    _ if entry.refused => Ending::Refused,
                    _ => Ending::Expired,
                };
                self.end(slot, how, cx);
            }
            self.slots.remove(slot);
        }
    }

    /// ICMP says that a packet did not arrive. For a connection that stands this means little (RFC 1122
    /// section 4.2.3.9), and for an answered datagram flow too.
    fn unreachable<C: Witness>(&mut self, packet: &Packet<'_>, about: &Unreachable, cx: &mut C)
    where
        S: Stream<C>,
    {
        let (key, sender) = Key::new(about.transport, packet.scope, about.src, about.dst);
        let Some(slot) = self.slots.find(&key) else {
            return;
        };
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        if entry.halves.of(sender.other()).packets > 0 {
            return;
        }
        match entry.phase {
            Phase::Opening if sender == entry.client => self.close(slot, Ending::Refused, cx),
            _ => entry.refused = about.transport == Transport::Udp,
        }
    }

    /// Puts in a flow that was not there.
    fn insert<C: Witness>(&mut self, new: &NewFlow<'_>, cx: &mut C) -> Option<Slot>
    where
        S: Stream<C>,
    {
        self.make_room(cx);
        self.tags.note(new.arrival.packet);
        let Moment { now, at, frame } = self.moment;
        let entry = Entry {
            key: new.key,
            phase: new.phase,
            client: new.client,
            decided: new.decided,
            refused: false,
            reset_by: None,
            id: new.arrival.flow,
            used: now,
            last: at,
            last_frame: frame,
            halves: Pair::default(),
            opening: new.opening,
            live: None,
        };
        let interface = new.arrival.interface;
        cx.opened(
            entry.id,
            at,
            frame,
            &entry.ends(),
            interface,
            new.from_start,
        );
        self.slots.insert(entry, now)
    }

    fn make_room<C: Witness>(&mut self, cx: &mut C)
    where
        S: Stream<C>,
    {
        while self.len() >= self.capacity {
            if self.ended.forget_oldest(self.moment.now) {
                continue;
            }
            let slot = self.slots.least_missed();
            let Some((slot, id)) = slot.and_then(|slot| Some((slot, self.slots.get(slot)?.id)))
            else {
                return;
            };
            let Moment { at, frame, .. } = self.moment;
            cx.limit(id, at, frame, "flows");
            self.end(slot, Ending::Expired, cx);
            self.slots.remove(slot);
        }
    }

    /// Ends a flow, and remembers that it is over.
    fn close<C: Witness>(&mut self, slot: Slot, how: Ending, cx: &mut C)
    where
        S: Stream<C>,
    {
        self.end(slot, how, cx);
        self.retire(slot);
    }

    /// Remembers of a flow only that it is over.
    fn retire(&mut self, slot: Slot) {
        if let Some(entry) = self.slots.get(slot) {
            self.ended.put(entry, self.moment.now);
        }
        self.slots.remove(slot);
    }

    /// Ends a flow: what waits goes to the reader, then the reader and everything but the entry is freed.
    fn end<C: Witness>(&mut self, slot: Slot, how: Ending, cx: &mut C)
    where
        S: Stream<C>,
    {
        for end in End::BOTH {
            self.drive(slot, end, cx, |assembler, out| assembler.flush(out));
        }
        let Moment { at, frame, .. } = self.moment;
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let (id, close) = (entry.id, entry.summary(how));
        if let Some(mut live) = entry.live.take() {
            live.session.close(id, &live.ends, &close, cx);
            self.burden.shift(live.weight, 0);
        }
        cx.closed(id, at, frame, &close);
    }

    /// Closes a TCP flow when both its sides are through.
    fn settle<C: Witness>(&mut self, slot: Slot, cx: &mut C)
    where
        S: Stream<C>,
    {
        let finished = |entry: &Entry<S>| {
            let all = |is: fn(&Entry<S>, End) -> bool| End::BOTH.iter().all(|end| is(entry, *end));
            all(|entry, end| entry.halves.of(end).fin) && all(Entry::is_finished)
        };
        if self.slots.get(slot).is_some_and(finished) {
            self.close(slot, Ending::Finished, cx);
        }
    }

    /// See [`reader::drive`]; keeps account of memory besides.
    fn drive<C: Witness>(
        &mut self,
        slot: Slot,
        end: End,
        cx: &mut C,
        work: impl FnOnce(&mut Assembler, &mut Reader<'_, S, C>) -> Appetite,
    ) where
        S: Stream<C>,
    {
        if let Some(entry) = self.slots.get_mut(slot) {
            let before = entry.held();
            reader::drive(entry, end, self.moment, cx, work);
            self.held = (self.held + entry.held()).saturating_sub(before);
            self.weigh(slot);
        }
    }

    /// Asks a reader what it holds.
    fn weigh<C: Witness>(&mut self, slot: Slot)
    where
        S: Stream<C>,
    {
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let (flow, used) = (entry.id, entry.used);
        let Some(live) = entry.live.as_deref_mut() else {
            return;
        };
        let weight = live.session.weight();
        self.burden.shift(live.weight, weight);
        live.weight = weight;
        if weight > 0 && !std::mem::replace(&mut live.in_line, true) {
            self.burden.join(Turn { slot, flow, used });
            let slots = &self.slots;
            self.burden.tidy(2 * slots.len() + 64, |turn| {
                slots.get(turn.slot).is_some_and(|e| e.id == turn.flow)
            });
        }
    }

    /// Ends the flows whose readers were used longest ago, until all readers together keep their limit. That
    /// many are not read at one time outside of floods.
    fn unburden<C: Witness>(&mut self, cx: &mut C)
    where
        S: Stream<C>,
    {
        while self.burden.is_over()
            && let Some(turn) = self.burden.next()
        {
            let Some(entry) = self.slots.get_mut(turn.slot) else {
                continue;
            };
            let (flow, used) = (entry.id, entry.used);
            let Some(live) = entry.live.as_deref_mut() else {
                continue;
            };
            if flow != turn.flow {
                continue;
            }
            if live.weight == 0 {
                live.in_line = false;
            } else if used > turn.used {
                self.burden.join(Turn { used, ..turn });
            } else {
                let Moment { at, frame, .. } = self.moment;
                cx.limit(flow, at, frame, "memory of the readers of all flows");
                self.close(turn.slot, Ending::Expired, cx);
            }
        }
    }

    /// Gives up the holes of a flow whose time has come.
    fn release<C: Witness>(&mut self, slot: Slot, cx: &mut C)
    where
        S: Stream<C>,
    {
        let (now, patience) = (self.moment.now, self.patience);
        for end in End::BOTH {
            let Some(entry) = self.slots.get(slot) else {
                return;
            };
            if entry.is_waiting(end) {
                let packets = entry.packets();
                self.drive(slot, end, cx, |assembler, out| {
                    assembler.release(now, packets, &patience, out)
                });
            }
        }
    }

    /// Has the holes of a flow looked at again later, when it has any.
    fn watch(&mut self, slot: Slot) {
        let due = self.moment.now.plus(self.patience.acked_age);
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let waits = End::BOTH.iter().any(|end| entry.is_waiting(*end));
        let flow = entry.id;
        if let Some(live) = entry.live.as_deref_mut()
            && waits
            && !std::mem::replace(&mut live.queued, true)
        {
            self.checks.push_back(Check { due, slot, flow });
            // Flows that end leave their checks behind, for no longer than the time until they are due; but
            // trace time may stand still.
            if self.checks.len() > 2 * self.slots.len() + 64 {
                let slots = &self.slots;
                let stays = |check: &Check| {
                    let entry = slots.get(check.slot);
                    entry.is_some_and(|entry| entry.id == check.flow)
                };
                self.checks.retain(stays);
            }
        }
    }

    fn check_holes<C: Witness>(&mut self, slot: Slot, flow: FlowId, cx: &mut C)
    where
        S: Stream<C>,
    {
        if !self.unqueue(slot, flow) {
            return;
        }
        self.release(slot, cx);
        self.watch(slot);
        self.settle(slot, cx);
    }

    /// Gives up holes, those first that are next to be looked at, until the memory limit is kept.
    #[inline(never)]
    fn relieve<C: Witness>(&mut self, cx: &mut C)
    where
        S: Stream<C>,
    {
        while self.held > self.held_limit
            && let Some(Check { slot, flow, .. }) = self.checks.pop_front()
        {
            if !self.unqueue(slot, flow) {
                continue;
            }
            let Moment { at, frame, .. } = self.moment;
            cx.limit(flow, at, frame, "out-of-order bytes of all flows");
            for end in End::BOTH {
                self.drive(slot, end, cx, |assembler, out| assembler.flush(out));
            }
            self.settle(slot, cx);
        }
    }

    /// Whether the flow is still there and was queued.
    fn unqueue(&mut self, slot: Slot, flow: FlowId) -> bool {
        self.slots
            .get_mut(slot)
            .filter(|entry| entry.id == flow)
            .and_then(|entry| entry.live.as_deref_mut())
            .is_some_and(|live| std::mem::take(&mut live.queued))
    }

    /// A SYN is unanswered when the answer had time to come: RFC 6298 waits one second for it at first.
    fn was_unanswered(&self, entry: &Entry<S>) -> bool {
        let first = match entry.opening {
            Opening::Syn(at) => at,
            Opening::Unseen | Opening::Answered(..) | Opening::Done(..) => entry.last,
        };
        let retried = entry.halves.of(entry.client).packets > 1;
        let waited = self.moment.now.since(first) >= Span::from_secs(1);
        entry.phase == Phase::Opening && (retried || waited)
    }
}

/// A packet as it came.
#[derive(Clone, Copy, Debug)]
struct Arrival<'a> {
    interface: InterfaceId,
    packet: &'a Packet<'a>,
    /// Its scope before that was found to be one with another.
    own: Scope,
    /// Id of the flow that it opens, if it does.
    flow: FlowId,
}

/// What [`Part::insert`] needs to know.
struct NewFlow<'a> {
    arrival: Arrival<'a>,
    key: Key,
    phase: Phase,
    client: End,
    decided: ClientBy,
    from_start: bool,
    opening: Opening,
}

/// A look at the holes of a flow, at some time.
#[derive(Clone, Copy, Debug)]
struct Check {
    due: Timestamp,
    slot: Slot,
    flow: FlowId,
}
