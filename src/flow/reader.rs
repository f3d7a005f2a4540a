//! The seam between a flow and whoever reads it.

use crate::flow::assembler::{Assembler, Outlet};
use crate::flow::entry::{Entry, Lane, Live, Phase, side_of};
use crate::flow::key::{End, Key};
use crate::flow::{Appetite, Chunk, Endpoints, FlowId, Gap, Side, Stream, Witness};
use crate::frame::FrameNo;
use crate::time::Timestamp;

/// What causes something: the packet in hand, or the last one before time moved on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Highest trace time seen.
    pub(super) now: Timestamp,
    /// Trace time of the packet.
    pub(super) at: Timestamp,
    /// The packet's frame.
    pub(super) frame: FrameNo,
}

impl Moment {
    /// Before the first packet.
    pub(super) const BEFORE_ALL: Self = Self {
        now: Timestamp::from_nanos(i64::MIN),
        at: Timestamp::from_nanos(i64::MAX),
        frame: FrameNo::NONE,
    };
}

/// Runs `work` on one direction of a TCP stream, if its bytes are still wanted, with the flow's reader as
/// the outlet. When the reader is done, the streams are freed and the flow only counts from then on.
pub(super) fn drive<S: Stream<C>, C: Witness>(
    entry: &mut Entry<S>,
    end: End,
    moment: Moment,
    cx: &mut C,
    work: impl FnOnce(&mut Assembler, &mut Reader<'_, S, C>) -> Appetite,
) {
    let Some(live) = entry.live.as_deref_mut() else {
        return;
    };
    let Live {
        session,
        ends,
        streams: Some(streams),
        ..
    } = live
    else {
        return;
    };
    let Lane {
        assembler,
        conflicted,
        ..
    } = streams.of_mut(end);
    let mut reader = Reader {
        session,
        ends,
        conflicted,
        flow: entry.id,
        key: entry.key,
        end,
        moment,
        cx,
    };
    if work(assembler, &mut reader) == Appetite::Done {
        live.streams = None;
        if entry.phase == Phase::Reading {
            entry.phase = Phase::Counting;
        }
    }
}

/// A session as the outlet of one direction. Which side that is may change with every call, because the
/// session may swap client and server.
pub(super) struct Reader<'a, S, C> {
    session: &'a mut S,
    ends: &'a mut Endpoints,
    conflicted: &'a mut bool,
    flow: FlowId,
    key: Key,
    end: End,
    moment: Moment,
    cx: &'a mut C,
}

impl<S, C> Reader<'_, S, C> {
    fn side(&self) -> Side {
        side_of(self.ends, &self.key, self.end)
    }
}

impl<S: Stream<C>, C: Witness> Outlet for Reader<'_, S, C> {
    fn chunk(&mut self, offset: u64, at: Timestamp, frame: FrameNo, bytes: &[u8]) -> Appetite {
        let chunk = Chunk {
            side: self.side(),
            offset,
            at,
            frame,
            bytes,
        };
        self.session.data(self.flow, self.ends, chunk, self.cx)
    }

    fn gap(&mut self, offset: u64, missing: u64, cut: bool) -> Appetite {
        let gap = Gap {
            side: self.side(),
            offset,
            missing,
            at: self.moment.at,
            cut,
        };
        self.session.gap(self.flow, self.ends, gap, self.cx)
    }

    /// Once for each direction: who sends two versions sends many.
    fn conflict(&mut self) {
        if !std::mem::replace(self.conflicted, true) {
            let (side, Moment { at, frame, .. }) = (self.side(), self.moment);
            self.cx.conflict(self.flow, at, frame, side);
        }
    }

    fn full(&mut self) {
        let Moment { at, frame, .. } = self.moment;
        self.cx
            .limit(self.flow, at, frame, "out-of-order bytes of one side");
    }
}
