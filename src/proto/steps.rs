//! In which order events stand that several threads tell.

use crate::flow::{Cause, FlowId, Shard};

/// A place in the order of all that happens: no two shards have something to tell at one.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// What came, counted.
    ordinal: u64,
    /// What it brought about: first what is due at its time, shard by shard, then what it does itself.
    step: u64,
}

/// Events that stand at one place.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Where.
    pub place: Place,
    /// How many.
    pub events: usize,
}

/// Keeps the places of events.
#[derive(Debug, Default)]
pub(super) struct Steps {
    ordinal: u64,
    place: Place,
    /// Where packets stand: at the step of their own, or, of those that a stream carried which keys opened,
    /// at that of the stream.
    packet: u64,
    /// Events that have their place.
    placed: usize,
    runs: Vec<Run>,
}

/// Lookups that waited too long, holes and flows whose time is over, each by shard; the packet, or flows that
/// keys open.
const LOOKUPS: u64 = 0;
const FLOWS: u64 = Shard::COUNT as u64;
const PACKET: u64 = 2 * Shard::COUNT as u64;

impl Steps {
    /// Something comes.
    #[inline]
    pub(super) const fn begin(&mut self, ordinal: u64) {
        self.ordinal = ordinal;
        self.packet = PACKET;
    }

    /// Lookups of a shard are given up. There are so many events before.
    pub(super) fn lookups(&mut self, shard: Shard, events: usize) {
        self.step(LOOKUPS + shard.index() as u64, events);
    }

    /// Flows of a shard are looked at.
    pub(super) fn flows(&mut self, shard: Shard, why: Cause, events: usize) {
        let step = match why {
            Cause::Time => FLOWS + shard.index() as u64,
            Cause::Packet => self.packet,
        };
        self.step(step, events);
    }

    /// Keys open a flow.
    pub(super) fn poke(&mut self, flow: FlowId, events: usize) {
        self.packet = PACKET + 1 + flow.0;
        self.step(self.packet, events);
    }

    /// The places of all events, which are taken.
    pub(super) fn take(&mut self, events: usize) -> Vec<Run> {
        self.place(events);
        self.placed = 0;
        std::mem::take(&mut self.runs)
    }

    fn step(&mut self, step: u64, events: usize) {
        self.place(events);
        self.place = Place {
            ordinal: self.ordinal,
            step,
        };
    }

    fn place(&mut self, events: usize) {
        if events > self.placed {
            self.runs.push(Run {
                place: self.place,
                events: events - self.placed,
            });
            self.placed = events;
        }
    }
}
