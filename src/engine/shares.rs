//! The flows of an [`Extractor`], shared out: one [`Dispatcher`] decodes, each [`Share`] looks after some
//! shards, and [`merge`] puts what they tell in order. The events are those of the extractor whole, since
//! flows of different shards have nothing in common but the time, which all shares are told; threads are the
//! caller's.

use std::sync::Arc;

use super::Extractor;
use super::batch::{Batch, Item, What};
use super::flows::{Flows, shard};
use super::front::Front;
use crate::event::{Event, Process};
use crate::flow::{FlowId, Shard, shard as of};
use crate::frame::{Frame, FrameNo, InterfaceId, NameHint};
use crate::proto::Run;
use crate::time::Timestamp;
use crate::wire::{self, Packet};

/// Takes in what comes, and puts it together in batches.
#[derive(Debug)]
pub struct Dispatcher {
    front: Front,
    batch: Batch,
}

/// Flows of some shards.
#[derive(Debug)]
pub struct Share {
    flows: Flows,
    mine: [bool; Shard::COUNT],
}

/// What one share tells of a batch.
#[derive(Debug)]
pub struct Told {
    events: Vec<Event>,
    runs: Vec<Run>,
}

impl Extractor {
    /// Shares out the flows of one that has seen nothing but secrets and names. More shares than shards are not made.
    #[must_use]
    pub fn share_out(self, shares: usize) -> (Dispatcher, Vec<Share>) {
        let (front, first) = (self.front, self.flows);
        let others: Vec<_> = (1..shares.min(Shard::COUNT))
            .map(|_| first.beside())
            .collect();
        let count = others.len() + 1;
        let shares = std::iter::once(first).chain(others).enumerate();
        let shares = shares.map(|(number, flows)| Share {
            flows,
            mine: Shard::ALL.map(|shard| shard.index() % count == number),
        });
        let dispatcher = Dispatcher {
            front,
            batch: Batch::default(),
        };
        (dispatcher, shares.collect())
    }

    /// Undoes [`Self::share_out`], after all batches were looked at but the one that the dispatcher has.
    #[must_use]
    pub fn gather(dispatcher: Dispatcher, shares: Vec<Share>) -> Option<Self> {
        let mut shares = shares.into_iter();
        let mut whole = shares.next()?;
        for mut other in shares {
            whole.take_over(&mut other);
        }
        whole.look_at(&dispatcher.batch);
        whole.flows.cx.take_runs();
        Some(Self::of(dispatcher.front, whole.flows))
    }
}

impl Dispatcher {
    /// Takes one frame.
    pub fn push(&mut self, frame: Frame<'_>) {
        self.front.account(&frame);
        match wire::subframes(&frame) {
            None => self.put(&frame),
            Some(frames) => frames.for_each(|frame| {
                self.put(&frame);
                self.front.count_more();
            }),
        }
    }

    /// Takes one frame of which the capture says whose process sent or received it.
    pub fn push_of(&mut self, frame: Frame<'_>, process: Process) {
        let first = self.batch.items.len();
        self.push(frame);
        let process = Arc::new(process);
        let items = first..self.batch.items.len();
        let of_items = items.map(|item| (item, Arc::clone(&process)));
        self.batch.processes.extend(of_items);
    }

    /// Takes lines of a key log.
    #[inline(never)]
    pub fn secrets(&mut self, lines: &[u8]) {
        self.front.secrets(lines);
        let bytes = self.batch.keep(lines);
        self.beside(What::Secrets(bytes));
    }

    /// Takes a name that the capture file gives to an address.
    pub fn name_hint(&mut self, hint: NameHint) {
        self.batch.hints.push(hint);
        self.beside(What::Hint(self.batch.hints.len() - 1));
    }

    /// Counts frames that the capture tool or the kernel lost.
    pub fn dropped(&mut self, frames: u64) {
        self.front.coverage.dropped += frames;
    }

    /// Whether there is a batch for the shares to look at.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.is_full()
    }

    /// The batch; an empty one takes its place.
    #[must_use]
    pub fn take_batch(&mut self, empty: Batch) -> Batch {
        std::mem::replace(&mut self.batch, empty)
    }

    #[inline]
    fn put(&mut self, frame: &Frame<'_>) {
        if !self.front.has_keys()
            && let Some(packet) = wire::plain(frame)
        {
            let what = What::Plain {
                shard: shard(&packet).0,
                link: frame.link,
                crossing: frame.crossing,
                wire_len: frame.wire_len,
                bytes: self.batch.keep(frame.bytes),
            };
            return self.put_item(frame, what);
        }
        let packet = self.front.decode(frame);
        let what = kept(&mut self.batch, packet.as_ref());
        self.put_item(frame, what);
        while self.front.has_further() {
            self.front.count_more();
            let packet = self.front.further(frame);
            let what = kept(&mut self.batch, packet.as_ref());
            self.put_item(frame, what);
        }
    }

    #[inline]
    fn put_item(&mut self, frame: &Frame<'_>, what: What) {
        self.batch.items.push(Item {
            ordinal: self.front.ordinal(),
            at: frame.at,
            frame: frame.no,
            interface: frame.interface,
            what,
        });
    }

    fn beside(&mut self, what: What) {
        self.front.count_more();
        self.batch.items.push(Item {
            ordinal: self.front.ordinal(),
            at: Timestamp::from_nanos(i64::MIN),
            frame: FrameNo::NONE,
            interface: InterfaceId(0),
            what,
        });
    }
}

/// Keeps a packet in a batch, if there is one.
fn kept(batch: &mut Batch, packet: Option<&Packet<'_>>) -> What {
    packet.map_or(What::Time, |packet| {
        What::Packet(shard(packet).0, batch.keep_packet(packet))
    })
}

impl Share {
    /// Looks at a batch; all shares look at all of them, in the same order.
    #[must_use]
    pub fn work(&mut self, batch: &Batch) -> Told {
        self.look_at(batch);
        Told {
            runs: self.flows.cx.take_runs(),
            events: self.flows.take_events(),
        }
    }

    fn look_at(&mut self, batch: &Batch) {
        let mut processes = batch.processes.iter().peekable();
        for (number, item) in batch.items.iter().enumerate() {
            let flows = &mut self.flows;
            flows.cx.begin(item.ordinal);
            flows.cx.expire(item.at);
            let process = processes.next_if(|(of, _)| *of == number);
            match item.what {
                What::Time => {}
                What::Plain { shard, .. } | What::Packet(shard, _)
                    if !*of::of(&self.mine, shard) =>
                {
                    flows.table.tell(item.at, item.frame, &mut flows.cx);
                }
                What::Plain { .. } => {
                    if let Some(frame) = batch.frame(item)
                        && !flows.counted(&frame)
                        && let Some(packet) = wire::plain(&frame)
                    {
                        flows.process = process.map(|(_, process)| Arc::clone(process));
                        let id = FlowId(item.ordinal);
                        flows.take_any(item.at, item.frame, item.interface, &packet, id);
                    }
                }
                What::Packet(_, number) => {
                    if let Some(packet) = batch.packet(number) {
                        flows.process = process.map(|(_, process)| Arc::clone(process));
                        let id = FlowId(item.ordinal);
                        flows.take_any(item.at, item.frame, item.interface, &packet, id);
                    }
                }
                What::Secrets(lines) => {
                    flows.secrets(batch.bytes(lines));
                }
                What::Hint(number) => {
                    if let [true, ..] = self.mine
                        && let Some(hint) = batch.hints.get(number)
                    {
                        flows.name_hint(hint.clone());
                    }
                }
            }
            flows.settle();
        }
    }

    /// Takes over the shards of another share.
    fn take_over(&mut self, other: &mut Self) {
        let shards = Shard::ALL.into_iter().zip(&mut self.mine).zip(other.mine);
        for ((shard, mine), theirs) in shards {
            if theirs {
                self.flows.take_over(shard, &mut other.flows);
                *mine = true;
            }
        }
    }
}

/// What all shares told of one batch, in order.
#[must_use]
pub fn merge(mut told: Vec<Told>) -> Vec<Event> {
    if let [one] = told.as_mut_slice() {
        return std::mem::take(&mut one.events);
    }
    let mut merged = Vec::with_capacity(told.iter().map(|told| told.events.len()).sum());
    let mut heads: Vec<_> = told
        .into_iter()
        .map(|told| (told.runs.into_iter().peekable(), told.events.into_iter()))
        .collect();
    loop {
        let next = heads
            .iter_mut()
            .filter_map(|(runs, events)| Some((runs.peek()?.place, runs, events)));
        let Some((_, runs, events)) = next.min_by_key(|(place, ..)| *place) else {
            return merged;
        };
        let count = runs.next().map_or(0, |run| run.events);
        merged.extend(events.by_ref().take(count));
    }
}
