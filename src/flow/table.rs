//! All flows at one time: packets to their shards, which are told when time changes something.

use crate::flow::key::Key;
use crate::flow::part::Part;
use crate::flow::reader::Moment;
use crate::flow::shard::{self, Shard};
use crate::flow::{Cause, Endpoints, FlowId, Scope, Stream, Transport, Witness};
use crate::frame::{FrameNo, InterfaceId};
use crate::limits::Limits;
use crate::time::{Span, Timestamp};
use crate::wire::{Body, Glance, Packet};

pub use crate::flow::part::Ignored;

/// The flows of a run and their readers.
///
/// A reader is made with the first payload of its flow (so a scan costs little), with the flow's ends. All
/// effects follow from the packets and their times alone.
#[derive(Debug)]
pub struct Table<S> {
    parts: [Part<S>; Shard::COUNT],
    /// When time alone changes something in each of them next.
    dues: [Timestamp; Shard::COUNT],
    /// Before this time no packet does anything but to its own flow.
    calm: Timestamp,
    moment: Moment,
    /// The flow of a packet whose leap in time is not believed yet.
    doubted: Option<(Shard, Key)>,
    /// Whether that is so of the packet at hand.
    doubts: bool,
}

/// Where and when a packet came.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Its time.
    pub at: Timestamp,
    /// Its frame.
    pub frame: FrameNo,
    /// Where it was captured.
    pub interface: InterfaceId,
    /// Whose flows it may be of.
    pub shard: Shard,
    /// The id of the flow that it opens, if it opens one: higher than those of all packets before that came
    /// the same way, by themselves or in a stream.
    pub flow: FlowId,
}

impl<S> Table<S> {
    /// An empty table. The limits are those of each shard ([`Limits::shard`]).
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            parts: Shard::ALL.map(|_| Part::new(limits)),
            dues: [NEVER; Shard::COUNT],
            calm: NEVER,
            moment: Moment::BEFORE_ALL,
            doubted: None,
            doubts: false,
        }
    }

    /// Takes in a packet: finds or opens its flow and drives its reader. `make` makes the reader of a flow.
    pub fn packet<C: Witness>(
        &mut self,
        arrived: &Arrived,
        packet: &Packet<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) where
        S: Stream<C>,
    {
        self.tell(arrived.at, arrived.frame, cx);
        self.packet_told(arrived, packet, make, cx);
    }

    /// The same of a packet that was told already.
    #[inline(always)]
    pub fn packet_told<C: Witness>(
        &mut self,
        arrived: &Arrived,
        packet: &Packet<'_>,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
        cx: &mut C,
    ) where
        S: Stream<C>,
    {
        let shard = arrived.shard;
        if self.doubts {
            self.doubted = key_of(packet).map(|key| (shard, key));
        }
        cx.turn(shard, Cause::Packet);
        let part = shard::of_mut(&mut self.parts, shard);
        part.packet(self.moment, arrived, packet, make, cx);
        let due = part.due();
        self.set_due(shard, due);
        if self.doubted.is_some() {
            // The next packet tells whether it is believed.
            self.calm = ALWAYS;
        }
    }

    /// A packet tells the time; that may be all, when it is of no flow, or of a shard that is looked after elsewhere.
    #[inline(always)]
    pub fn tell<C: Witness>(&mut self, at: Timestamp, frame: FrameNo, cx: &mut C)
    where
        S: Stream<C>,
    {
        // One packet with a damaged time stamp must not stop the clock for all that follow: a leap is
        // believed when two packets in a row make it.
        let leaps = |to: Timestamp| to.since(self.moment.now) > LEAP;
        let doubted = leaps(at) && !leaps(self.moment.at);
        let before = self.moment.now;
        let now = if doubted { before } else { before.max(at) };
        self.moment = Moment { now, at, frame };
        self.doubts = doubted;
        if now >= self.calm {
            self.pass_time(before, cx);
        }
    }

    /// Counts a packet, where that is all it needs: its flow is only counted, and nothing is due at its time.
    /// False sends it to [`Self::packet`], which does the same and whatever else there is to do.
    #[inline(always)]
    pub fn count(&mut self, at: Timestamp, frame: FrameNo, shard: Shard, packet: &Glance) -> bool {
        let now = self.moment.now.max(at);
        if now >= self.calm || at.since(self.moment.now) > LEAP {
            return false;
        }
        let moment = Moment { now, at, frame };
        let counted = shard::of_mut(&mut self.parts, shard).count(moment, packet);
        if counted {
            self.moment = moment;
        }
        counted
    }

    /// Tells the time when there are no packets to tell it: flows idle for too long are closed, holes
    /// given up.
    pub fn expire<C: Witness>(&mut self, now: Timestamp, cx: &mut C)
    where
        S: Stream<C>,
    {
        self.moment.now = self.moment.now.max(now);
        self.expire_parts(cx);
    }

    /// Closes all flows, in the order of their ids.
    pub fn finish<C: Witness>(&mut self, cx: &mut C)
    where
        S: Stream<C>,
    {
        let of_shard = |shard: Shard, part: &Part<S>| {
            let open = part.open_flows().into_iter();
            open.map(move |(id, slot)| (id, shard, slot))
        };
        let parts = Shard::ALL.into_iter().zip(&self.parts);
        let mut open: Vec<_> = parts
            .flat_map(|(shard, part)| of_shard(shard, part))
            .collect();
        open.sort_unstable_by_key(|(id, ..)| *id);
        for (_, shard, slot) in open {
            cx.turn(shard, Cause::Packet);
            shard::of_mut(&mut self.parts, shard).finish(self.moment, slot, cx);
        }
        // What comes next is the report, which needs the room.
        self.parts.iter_mut().for_each(Part::clear);
    }

    /// The reader of a flow and its ends, for facts that come from elsewhere (keys), and its shard; None
    /// before its first payload and after its end. The ends may be swapped as [`Stream`] allows.
    pub fn session_mut(&mut self, flow: FlowId) -> Option<(Shard, &mut S, &mut Endpoints)> {
        let mut parts = Shard::ALL.into_iter().zip(&mut self.parts);
        parts.find_map(|(shard, part)| {
            let (session, ends) = part.session_mut(flow)?;
            Some((shard, session, ends))
        })
    }

    /// Takes over a shard from another table that was told the same packets.
    pub fn take_over(&mut self, shard: Shard, other: &mut Self) {
        std::mem::swap(
            shard::of_mut(&mut self.parts, shard),
            shard::of_mut(&mut other.parts, shard),
        );
        std::mem::swap(
            shard::of_mut(&mut self.dues, shard),
            shard::of_mut(&mut other.dues, shard),
        );
        if let Some(doubted) = other.doubted.take_if(|(doubted, _)| *doubted == shard) {
            self.doubted = Some(doubted);
        }
        // The next packet sees to it.
        self.calm = ALWAYS;
    }

    /// What a scope is called in a shard: the same for scopes that were found to be one there.
    #[inline]
    #[must_use]
    pub fn scope(&self, shard: Shard, scope: Scope) -> Scope {
        shard::of(&self.parts, shard).scope(scope)
    }

    /// Takes two scopes for one, because somebody saw a question in `with` and its answer in `scope`.
    pub fn join<C: Witness>(&mut self, shard: Shard, scope: Scope, with: Scope, cx: &mut C)
    where
        S: Stream<C>,
    {
        let part = shard::of_mut(&mut self.parts, shard);
        part.join(self.moment, scope, with, cx);
    }

    /// Flows in memory, those included that are over and only remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Packets that were left out of account so far.
    #[must_use]
    pub fn ignored(&self) -> Ignored {
        let parts = self.parts.iter().map(Part::ignored);
        parts.fold(Ignored::default(), |sum, part| Ignored {
            strays: sum.strays + part.strays,
            implausible: sum.implausible + part.implausible,
        })
    }

    /// Memory of out-of-order bytes at this moment, overhead included.
    #[must_use]
    pub fn held(&self) -> usize {
        self.parts.iter().map(Part::held).sum()
    }

    /// Looks at holes that are to be taken.
    #[cfg(test)]
    fn checks(&self) -> usize {
        self.parts.iter().map(Part::checks).sum()
    }

    #[inline(never)]
    fn pass_time<C: Witness>(&mut self, before: Timestamp, cx: &mut C)
    where
        S: Stream<C>,
    {
        if let Some((shard, key)) = self.doubted.take() {
            // What came with the first packet of a leap that is believed now is not idle since before it.
            let part = shard::of_mut(&mut self.parts, shard);
            part.touch(&key, before, self.moment.now);
        }
        self.expire_parts(cx);
    }

    fn expire_parts<C: Witness>(&mut self, cx: &mut C)
    where
        S: Stream<C>,
    {
        let parts = Shard::ALL.into_iter().zip(&mut self.parts);
        for ((shard, part), due) in parts.zip(&mut self.dues) {
            *due = part.due();
            if *due <= self.moment.now {
                cx.turn(shard, Cause::Time);
                part.expire(self.moment, cx);
                *due = part.due();
            }
        }
        self.calm = soonest(&self.dues);
    }

    #[inline]
    fn set_due(&mut self, shard: Shard, due: Timestamp) {
        let known = shard::of_mut(&mut self.dues, shard);
        if *known != due {
            *known = due;
            self.calm = soonest(&self.dues);
        }
    }
}

fn soonest(dues: &[Timestamp; Shard::COUNT]) -> Timestamp {
    dues.iter().fold(NEVER, |soonest, due| soonest.min(*due))
}

/// The five-tuple of a packet that has one.
fn key_of(packet: &Packet<'_>) -> Option<Key> {
    let (transport, from, to) = match &packet.body {
        Body::Tcp(segment) => (Transport::Tcp, segment.src_port, segment.dst_port),
        Body::Udp(datagram) => (Transport::Udp, datagram.src_port, datagram.dst_port),
        Body::Unreachable(_) | Body::Other(_) => return None,
    };
    let (source, destination) = ((packet.src, from), (packet.dst, to));
    Some(Key::new(transport, packet.scope, source, destination).0)
}

/// A step of the clock that one packet alone does not prove.
const LEAP: Span = Span::from_secs(24 * 3_600);

const NEVER: Timestamp = Timestamp::from_nanos(i64::MAX);
const ALWAYS: Timestamp = Timestamp::from_nanos(i64::MIN);

#[cfg(test)]
mod tests;
