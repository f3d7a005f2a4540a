//! What the table keeps of a flow: counters in the entry itself, everything else behind one pointer.

use crate::flow::assembler::{Assembler, Part};
use crate::flow::key::{End, Key, Pair};
use crate::flow::tcp::{self, distance};
use crate::flow::{ClientBy, Close, Ending, Endpoints, FlowId, Side};
use crate::frame::FrameNo;
use crate::time::{Span, Timestamp};

/// A flow in the table. Small, because most flows and most packets need nothing more.
#[derive(Debug)]
pub(super) struct Entry<S> {
    pub(super) key: Key,
    pub(super) phase: Phase,
    /// The client end, until a reader says otherwise in its [`Live::ends`].
    pub(super) client: End,
    pub(super) decided: ClientBy,
    pub(super) refused: bool,
    /// Who ended it by RST.
    pub(super) reset_by: Option<End>,
    pub(super) id: FlowId,
    /// Highest trace time at its last packet, behind by less than [`USE_GRAIN`].
    pub(super) used: Timestamp,
    /// Time and frame of its last packet.
    pub(super) last: Timestamp,
    pub(super) last_frame: FrameNo,
    pub(super) halves: Pair<Half>,
    pub(super) opening: Opening,
    pub(super) live: Option<Box<Live<S>>>,
}

/// Where a flow stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// TCP, SYN not answered yet.
    Opening,
    /// Its bytes are wanted.
    Reading,
    /// Its packets are only counted.
    Counting,
}

/// What is known of the handshake of a TCP connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Opening {
    /// Nothing, or not both parts.
    #[default]
    Unseen,
    /// When the first SYN was sent.
    Syn(Timestamp),
    /// From there to the SYN-ACK, and when that was.
    Answered(Micros, Timestamp),
    /// The same, and from the SYN-ACK to the client's next segment.
    Done(Micros, Micros),
}

/// A span in microseconds, up to 71 minutes: entries are many, so their times are short.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Micros(u32);

impl Micros {
    pub(super) fn of(span: Span) -> Self {
        Self(u32::try_from(span.as_nanos() / 1_000).unwrap_or(u32::MAX))
    }

    fn span(self) -> Span {
        Span::from_nanos(i64::from(self.0) * 1_000)
    }
}

/// Counters of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Half {
    pub(super) packets: u64,
    /// Payload bytes by sequence numbers (TCP), or as they came (UDP).
    pub(super) bytes: u64,
    /// Time of the last payload, if there are `bytes`.
    pub(super) last_payload: Timestamp,
    /// Sequence number after the highest payload byte seen.
    pub(super) next: u32,
    /// Whether `next` means anything yet.
    pub(super) known: bool,
    pub(super) fin: bool,
    /// TTL of its SYN; 0 where that was not seen.
    pub(super) ttl: u8,
    /// Whether its SYN was signed.
    pub(super) signed: bool,
}

/// What a flow has while someone reads it.
#[derive(Debug)]
pub(super) struct Live<S> {
    pub(super) session: S,
    pub(super) ends: Endpoints,
    /// None once the reader is done, and for UDP.
    pub(super) streams: Option<Pair<Lane>>,
    /// Whether the table looks at its holes again later.
    pub(super) queued: bool,
    /// A SYN that may have begun another connection.
    pub(super) doubt: Option<Doubt>,
    /// What the session weighed when the table asked last.
    pub(super) weight: usize,
    /// Whether it stands in the line of those that may have to give up.
    pub(super) in_line: bool,
}

/// One direction of a TCP stream.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) assembler: Assembler,
    /// Sequence number of stream offset 0.
    base: Option<u32>,
    /// A conflict was told already.
    pub(super) conflicted: bool,
}

/// See [`tcp::Meaning::Doubtful`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) end: End,
    pub(super) isn: u32,
    pub(super) at: Timestamp,
}

/// The order of use is kept no finer than this, which saves touching the neighbours for each packet.
pub(super) const USE_GRAIN: Span = Span::from_secs(1);

impl<S> Entry<S> {
    /// Counts a packet; whether it is the first of its direction.
    #[inline(always)]
    pub(super) fn arrived(&mut self, end: End, at: Timestamp, frame: FrameNo) -> bool {
        self.last = at;
        self.last_frame = frame;
        let half = self.halves.of_mut(end);
        half.packets += 1;
        half.packets == 1
    }

    /// Its reader, made now if there is none yet.
    pub(super) fn live(&mut self, make: &mut impl FnMut(FlowId, &Endpoints) -> S) -> &mut Live<S> {
        let ends = self.ends_at_first();
        self.live.get_or_insert_with(|| {
            Box::new(Live {
                session: make(self.id, &ends),
                ends,
                streams: None,
                queued: false,
                doubt: None,
                weight: 0,
                in_line: false,
            })
        })
    }

    /// The streams of a TCP flow whose bytes are wanted, each beginning where that is known.
    pub(super) fn streams(
        &mut self,
        make: &mut impl FnMut(FlowId, &Endpoints) -> S,
    ) -> Option<&mut Pair<Lane>> {
        if self.live.is_none() {
            self.live(make).streams = Some(Pair::default());
        }
        let streams = self.live.as_deref_mut()?.streams.as_mut()?;
        for end in End::BOTH {
            let (half, lane) = (self.halves.of(end), streams.of_mut(end));
            if half.known && lane.base.is_none() {
                lane.base = Some(half.base());
                if half.fin {
                    lane.assembler.end_at(half.bytes, self.used);
                }
            }
        }
        Some(streams)
    }

    /// The ends, as the reader sees them.
    pub(super) fn ends(&self) -> Endpoints {
        match &self.live {
            Some(live) => live.ends,
            None => self.ends_at_first(),
        }
    }

    /// Which side an end is at present.
    pub(super) fn side(&self, end: End) -> Side {
        match &self.live {
            Some(live) => live.side(&self.key, end),
            None if end == self.client => Side::Client,
            None => Side::Server,
        }
    }

    /// Whether its reader wants no more bytes.
    pub(super) fn is_unwanted(&self) -> bool {
        match &self.live {
            Some(live) => live.streams.is_none(),
            None => self.phase == Phase::Counting,
        }
    }

    /// Whether bytes of an end wait for others before them.
    pub(super) fn is_waiting(&self, end: End) -> bool {
        self.lane(end)
            .is_some_and(|lane| lane.assembler.is_waiting())
    }

    /// Whether bytes wait for others, in a packet from `end`: those of the other end have it queued since.
    pub(super) fn is_disordered(&self, end: End) -> bool {
        self.live.as_deref().is_some_and(|live| live.queued) || self.is_waiting(end)
    }

    /// What an end acknowledges is settled in the other direction.
    pub(super) fn acknowledge(&mut self, end: End, ack: u32) {
        if let Some(live) = self.live.as_deref_mut()
            && let Some(streams) = &mut live.streams
        {
            let lane = streams.of_mut(end.other());
            let offset = lane.offset(ack).and_then(|at| u64::try_from(at).ok());
            if let Some(offset) = offset {
                lane.assembler.acknowledge(offset);
            }
        }
    }

    /// Whether an acknowledgement from `end` tells nothing else: not that the connection stands or is another
    /// one, nor that holes are to be looked at.
    pub(super) fn is_settled_for(&self, end: End) -> bool {
        let opened = !matches!(self.opening, Opening::Answered(..)) || end != self.client;
        let doubted = self
            .live
            .as_deref()
            .is_some_and(|live| live.doubt.is_some());
        opened && !doubted && !self.is_disordered(end)
    }

    /// Whether an end sent FIN, and all before it was read or given up.
    pub(super) fn is_finished(&self, end: End) -> bool {
        match self.lane(end) {
            Some(lane) if lane.base.is_some() => lane.assembler.is_finished(),
            _ => self.halves.of(end).fin,
        }
    }

    /// Memory of bytes that wait.
    pub(super) fn held(&self) -> usize {
        End::BOTH
            .iter()
            .filter_map(|end| self.lane(*end))
            .map(|lane| lane.assembler.held())
            .sum()
    }

    /// Packets of both directions.
    pub(super) fn packets(&self) -> u64 {
        self.halves.of(End::Low).packets + self.halves.of(End::High).packets
    }

    /// The totals, by side.
    pub(super) fn summary(&self, how: Ending) -> Close {
        let client = match self.side(End::Low) {
            Side::Client => End::Low,
            Side::Server => End::High,
        };
        let (client, server) = (self.halves.of(client), self.halves.of(client.other()));
        Close {
            how,
            at: self.last,
            frame: self.last_frame,
            bytes: [client.bytes, server.bytes],
            packets: [client.packets, server.packets],
            last_payload: [client, server]
                .map(|half| (half.bytes > 0).then_some(half.last_payload)),
            connect: match self.opening {
                Opening::Answered(connect, _) | Opening::Done(connect, _) => Some(connect.span()),
                Opening::Unseen | Opening::Syn(_) => None,
            },
            turnaround: match self.opening {
                Opening::Done(_, turnaround) => Some(turnaround.span()),
                _ => None,
            },
        }
    }

    fn lane(&self, end: End) -> Option<&Lane> {
        Some(self.live.as_deref()?.streams.as_ref()?.of(end))
    }

    /// The ends as the first packet told them.
    fn ends_at_first(&self) -> Endpoints {
        Endpoints {
            transport: self.key.transport(),
            client: self.key.socket(self.client),
            server: self.key.socket(self.client.other()),
            scope: self.key.scope(),
            decided: self.decided,
        }
    }
}

impl<S> Live<S> {
    /// Which side an end is at present.
    pub(super) fn side(&self, key: &Key, end: End) -> Side {
        side_of(&self.ends, key, end)
    }
}

/// Which side of `ends` an end of the key is. Ends with one and the same address and port (a connection
/// to itself) are both the client.
pub(super) fn side_of(ends: &Endpoints, key: &Key, end: End) -> Side {
    if ends.client == key.socket(end) {
        Side::Client
    } else {
        Side::Server
    }
}

impl Half {
    /// Sets where the stream begins, unless that is known.
    pub(super) const fn begin(&mut self, seq: u32) {
        if !self.known {
            self.known = true;
            self.next = seq;
        }
    }

    /// Counts the payload of a datagram.
    #[inline]
    pub(super) fn add(&mut self, len: u32, at: Timestamp) {
        self.bytes += u64::from(len);
        if len > 0 {
            self.last_payload = at;
        }
    }

    /// Counts payload by its sequence numbers; whether they were near enough to be believed.
    #[inline]
    pub(super) fn count(&mut self, seq: u32, len: u32, at: Timestamp) -> bool {
        let ahead = distance(self.next, seq.wrapping_add(len));
        if len == 0 || ahead <= 0 {
            return true;
        }
        if ahead.unsigned_abs() > tcp::FAR {
            return false;
        }
        self.next = seq.wrapping_add(len);
        self.bytes += u64::from(ahead.unsigned_abs());
        self.last_payload = at;
        true
    }

    /// Sequence number of the first payload byte.
    pub(super) const fn base(&self) -> u32 {
        let low_half = self.bytes & 0xffff_ffff;
        self.next.wrapping_sub(low_half as u32)
    }

    /// Whether this is the number of the SYN that began this direction.
    pub(super) const fn is_syn(&self, seq: u32) -> bool {
        self.known && seq == self.base().wrapping_sub(1)
    }
}

impl Lane {
    /// Payload beginning at `seq` by stream offsets; None when it lies outside every possible window or
    /// before the stream.
    pub(super) fn part<'a>(
        &self,
        seq: u32,
        payload: &'a [u8],
        cut: u32,
        at: Timestamp,
        frame: FrameNo,
    ) -> Option<Part<'a>> {
        let offset = self.offset(seq)?;
        // What a stream without its beginning held before the first byte seen is not part of it.
        let early = usize::try_from(offset.min(0).unsigned_abs()).ok()?;
        let bytes = payload.get(early..).unwrap_or_default();
        let early_cut = u64::try_from(early.saturating_sub(payload.len())).ok()?;
        Some(Part {
            offset: offset.max(0).unsigned_abs(),
            bytes,
            cut: u64::from(cut).checked_sub(early_cut)?,
            at,
            frame,
        })
    }

    /// The stream offset of a sequence number near what comes next; negative before the stream.
    pub(super) fn offset(&self, seq: u32) -> Option<i64> {
        let next = self.assembler.next();
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
        let next_seq = self.base?.wrapping_add(next as u32);
        let ahead = distance(next_seq, seq);
        if ahead.unsigned_abs() > tcp::FAR {
            return None;
        }
        i64::try_from(next).ok()?.checked_add(i64::from(ahead))
    }
}
