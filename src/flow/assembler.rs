//! Bytes in any order to bytes in order, with declared gaps.
//!
//! What arrives in order passes through by reference. What arrives early is copied and waits, in pieces
//! that never overlap: of several copies of a byte the first is believed, as most receivers do, and a copy
//! that differs is told. A hole is given up when the receiver acknowledged beyond it (so it was the capture
//! that lost it), when too much waits behind it, or when it stays for too long.

use std::collections::BTreeMap;

use crate::flow::Appetite;
use crate::frame::FrameNo;
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

/// Where an [`Assembler`] puts what it has in order.
pub(super) trait Outlet {
    /// Bytes in order.
    fn chunk(&mut self, offset: u64, at: Timestamp, frame: FrameNo, bytes: &[u8]) -> Appetite;
    /// Bytes that will never come; `cut` when their frame was captured, but not to its end.
    fn gap(&mut self, offset: u64, missing: u64, cut: bool) -> Appetite;
    /// A copy of waiting bytes differs from them.
    fn conflict(&mut self);
    /// A hole was given up because too much waited behind it.
    fn full(&mut self);
}

/// Part of a stream as one frame brought it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// Stream offset of the first byte.
    pub(super) offset: u64,
    /// What was captured of it.
    pub(super) bytes: &'a [u8],
    /// Bytes that the snap length cut off behind them.
    pub(super) cut: u64,
    /// When the frame was captured.
    pub(super) at: Timestamp,
    /// The frame.
    pub(super) frame: FrameNo,
}

/// When to give up a hole; see [`Limits`] for the reasons.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Bytes that may wait behind holes, overhead included.
    pub(super) bytes: usize,
    /// Longest time without progress.
    pub(super) hole_age: Span,
    /// Time after an acknowledgement beyond the hole.
    pub(super) acked_age: Span,
    /// Or packets of the flow after it.
    pub(super) acked_packets: u64,
}

impl Patience {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            bytes: limits.out_of_order_side,
            hole_age: limits.hole_age,
            acked_age: limits.reorder_age,
            acked_packets: limits.reorder_packets,
        }
    }
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// Offset of the first byte neither delivered nor declared missing.
    next: u64,
    /// What waits, by offset; never empty pieces, never overlapping, never at or before `next`.
    waiting: BTreeMap<u64, Piece>,
    /// Memory that `waiting` takes.
    held: usize,
    /// Where the stream ends, once that was said.
    end: Option<u64>,
    /// Since when there is no progress; of meaning while there is a hole.
    stuck_since: Timestamp,
    /// The receiver has everything before this offset.
    acked: u64,
    /// An acknowledgement beyond a hole, waiting for data that the capture may hold in another order.
    claim: Option<Claim>,
}

impl Assembler {
    /// Takes in a part and delivers what is in order now. `now` is the highest trace time seen.
    #[inline(always)]
    pub(super) fn insert(
        &mut self,
        part: Part<'_>,
        now: Timestamp,
        out: &mut impl Outlet,
    ) -> Appetite {
        let end = part.end();
        if end <= self.next || end == part.offset {
            return Appetite::More;
        }
        // Data beyond the end shows that the end was not one: a forged or damaged FIN.
        if self.end.is_some_and(|said| said < end) {
            self.end = None;
        }
        let (was, had_hole) = (self.next, self.hole().is_some());
        let part = part.from(self.next);
        let appetite = if part.offset > self.next {
            self.wait(part, out);
            Appetite::More
        } else if self.waiting.is_empty() {
            self.pass(part, out)
        } else {
            self.pass_up_to_waiting(part, out)
        };
        if self.next != was || !had_hole {
            self.stuck_since = now;
        }
        appetite
    }

    /// The sender says that its stream ends at `offset` (FIN).
    pub(super) fn end_at(&mut self, offset: u64, now: Timestamp) {
        let beyond = self.waiting.last_key_value();
        if offset < self.next || beyond.is_some_and(|(start, piece)| offset < start + piece.len()) {
            return;
        }
        if self.hole().is_none() {
            self.stuck_since = now;
        }
        self.end.get_or_insert(offset);
    }

    /// The receiver says that it has everything before `offset`.
    pub(super) fn acknowledge(&mut self, offset: u64) {
        self.acked = self.acked.max(offset);
    }

    /// Gives up the holes whose time has come. `packets` counts those of the flow so far.
    pub(super) fn release(
        &mut self,
        now: Timestamp,
        packets: u64,
        patience: &Patience,
        out: &mut impl Outlet,
    ) -> Appetite {
        while let Some(hole_end) = self.hole() {
            let full = self.held > patience.bytes;
            let stale = now.since(self.stuck_since) >= patience.hole_age;
            if !full && !stale && !self.receiver_has(hole_end, now, packets, patience) {
                return Appetite::More;
            }
            if full {
                out.full();
            }
            if self.skip(hole_end, out) == Appetite::Done {
                return Appetite::Done;
            }
            // What waits behind the next hole has done so since it came, not since this one was given up.
            if let Some((_, piece)) = self.waiting.first_key_value() {
                self.stuck_since = piece.at.min(now);
            }
        }
        self.claim = None;
        Appetite::More
    }

    /// Gives up all holes: nothing more will come.
    pub(super) fn flush(&mut self, out: &mut impl Outlet) -> Appetite {
        while let Some(hole_end) = self.hole() {
            if self.skip(hole_end, out) == Appetite::Done {
                return Appetite::Done;
            }
        }
        Appetite::More
    }

    /// Offset of the first byte neither delivered nor declared missing.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Memory held by waiting pieces, overhead included.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Whether something waits for a hole to be filled or given up.
    pub(super) fn is_waiting(&self) -> bool {
        self.hole().is_some()
    }

    /// Whether everything up to the end of the stream was delivered or declared missing.
    pub(super) fn is_finished(&self) -> bool {
        self.end == Some(self.next)
    }

    /// Where the first hole ends.
    fn hole(&self) -> Option<u64> {
        match self.waiting.first_key_value() {
            Some((start, _)) => Some(*start),
            None => self.end.filter(|end| *end > self.next),
        }
    }

    /// Whether the receiver acknowledged the whole hole, and long enough ago that its bytes would have
    /// shown up if this capture held them: the two directions of a flow can be captured out of order.
    fn receiver_has(
        &mut self,
        hole_end: u64,
        now: Timestamp,
        packets: u64,
        patience: &Patience,
    ) -> bool {
        match self.claim {
            Some(claim) if hole_end <= claim.upto => {
                now.since(claim.at) >= patience.acked_age
                    || packets.saturating_sub(claim.packets) >= patience.acked_packets
            }
            _ => {
                self.claim = (hole_end <= self.acked).then_some(Claim {
                    upto: self.acked,
                    at: now,
                    packets,
                });
                false
            }
        }
    }

    /// Delivers a part that begins at `next` while nothing waits.
    fn pass(&mut self, part: Part<'_>, out: &mut impl Outlet) -> Appetite {
        let Part {
            offset,
            bytes,
            cut,
            at,
            frame,
        } = part;
        self.next = part.end();
        if !bytes.is_empty() && out.chunk(offset, at, frame, bytes) == Appetite::Done {
            return Appetite::Done;
        }
        if cut > 0 {
            return out.gap(self.next - cut, cut, true);
        }
        Appetite::More
    }

    /// Delivers a part that begins at `next` as far as nothing else waits there, then what follows.
    fn pass_up_to_waiting(&mut self, part: Part<'_>, out: &mut impl Outlet) -> Appetite {
        let free = self
            .waiting
            .first_key_value()
            .map_or(u64::MAX, |(start, _)| *start);
        let (before, behind) = part.split(free);
        if let Some(behind) = behind {
            self.wait(behind, out);
        }
        if self.pass(before, out) == Appetite::Done {
            return Appetite::Done;
        }
        self.drain(out)
    }

    /// Declares everything up to `hole_end` missing and delivers what follows.
    fn skip(&mut self, hole_end: u64, out: &mut impl Outlet) -> Appetite {
        let (offset, missing) = (self.next, hole_end - self.next);
        self.next = hole_end;
        if out.gap(offset, missing, false) == Appetite::Done {
            return Appetite::Done;
        }
        self.drain(out)
    }

    /// Delivers what waits at `next`.
    fn drain(&mut self, out: &mut impl Outlet) -> Appetite {
        while let Some(first) = self.waiting.first_entry() {
            if *first.key() != self.next {
                break;
            }
            let piece = first.remove();
            self.held -= piece.cost();
            let part = Part {
                offset: self.next,
                bytes: &piece.bytes,
                cut: piece.cut,
                at: piece.at,
                frame: piece.frame,
            };
            if self.pass(part, out) == Appetite::Done {
                return Appetite::Done;
            }
        }
        Appetite::More
    }

    /// Keeps what no waiting piece covers of a part, and compares the rest.
    fn wait(&mut self, part: Part<'_>, out: &mut impl Outlet) {
        let mut rest = Some(part);
        while let Some(part) = rest {
            let covering = self
                .waiting
                .range(..=part.offset)
                .next_back()
                .filter(|(start, piece)| **start + piece.len() > part.offset);
            if let Some((start, piece)) = covering {
                let (same, behind) = part.split(start + piece.len());
                if piece.contradicts(part.offset - start, same.bytes) {
                    out.conflict();
                }
                rest = behind;
            } else {
                let following = self.waiting.range(part.offset..).next();
                let (own, behind) = part.split(following.map_or(u64::MAX, |(start, _)| *start));
                self.keep(own);
                rest = behind;
            }
        }
    }

    /// Keeps a part that overlaps nothing, joined to small neighbours: a sender of single bytes must not
    /// cost a piece each.
    fn keep(&mut self, part: Part<'_>) {
        if part.cut == 0 {
            self.keep_bytes(part);
            return;
        }
        let from = part.offset + part.bytes.len() as u64;
        if !part.bytes.is_empty() {
            self.keep_bytes(Part { cut: 0, ..part });
        }
        self.put(
            from,
            Piece {
                bytes: Vec::new(),
                cut: part.cut,
                at: part.at,
                frame: part.frame,
            },
        );
    }

    fn keep_bytes(&mut self, part: Part<'_>) {
        let before = self.waiting.range_mut(..part.offset).next_back();
        let start = match before {
            Some((start, piece))
                if start + piece.len() == part.offset && piece.can_grow(part.bytes.len()) =>
            {
                piece.bytes.extend_from_slice(part.bytes);
                self.held += part.bytes.len();
                *start
            }
            _ => {
                let piece = Piece {
                    bytes: part.bytes.to_vec(),
                    cut: 0,
                    at: part.at,
                    frame: part.frame,
                };
                self.put(part.offset, piece);
                part.offset
            }
        };
        let end = part.offset + part.bytes.len() as u64;
        let Some(after) = self.waiting.remove(&end) else {
            return;
        };
        match self.waiting.get_mut(&start) {
            Some(piece) if after.cut == 0 && piece.can_grow(after.bytes.len()) => {
                piece.bytes.extend_from_slice(&after.bytes);
                self.held -= OVERHEAD;
            }
            _ => {
                self.waiting.insert(end, after);
            }
        }
    }

    fn put(&mut self, offset: u64, piece: Piece) {
        self.held += piece.cost();
        self.waiting.insert(offset, piece);
    }
}

impl Part<'_> {
    /// Offset behind the last byte.
    const fn end(&self) -> u64 {
        self.offset
            .saturating_add(self.bytes.len() as u64)
            .saturating_add(self.cut)
    }

    /// Without what lies before `offset`, which is before the end.
    fn from(self, offset: u64) -> Self {
        match self.split(offset) {
            (_, Some(behind)) if offset > self.offset => behind,
            _ => self,
        }
    }

    /// In two at `offset`; the second is None when there is nothing from there on.
    fn split(self, offset: u64) -> (Self, Option<Self>) {
        if offset >= self.end() {
            return (self, None);
        }
        let lead = offset.saturating_sub(self.offset);
        let len = self.bytes.len() as u64;
        let at = usize::try_from(lead.min(len)).unwrap_or(usize::MAX);
        let (before, behind) = self.bytes.split_at_checked(at).unwrap_or((self.bytes, &[]));
        let cut_before = lead.saturating_sub(len);
        let first = Self {
            bytes: before,
            cut: cut_before,
            ..self
        };
        let second = Self {
            offset: self.offset.saturating_add(lead),
            bytes: behind,
            cut: self.cut - cut_before,
            ..self
        };
        (first, Some(second))
    }
}

/// Bytes that wait, or (when there are none) a mark that a frame held them but was cut.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    cut: u64,
    at: Timestamp,
    frame: FrameNo,
}

impl Piece {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.cut
    }

    fn cost(&self) -> usize {
        OVERHEAD + self.bytes.len()
    }

    /// Larger pieces stay apart, because a piece remembers only the frame of its first byte.
    fn can_grow(&self, by: usize) -> bool {
        self.cut == 0 && self.bytes.len() + by <= SMALL
    }

    /// Whether `copy`, which begins `skip` bytes into this piece, differs where both are known.
    fn contradicts(&self, skip: u64, copy: &[u8]) -> bool {
        let own = usize::try_from(skip)
            .ok()
            .and_then(|skip| self.bytes.get(skip..))
            .unwrap_or_default();
        own.iter().zip(copy).any(|(own, copy)| own != copy)
    }
}

/// An acknowledgement beyond a hole.
#[derive(Clone, Copy, Debug)]
struct Claim {
    upto: u64,
    at: Timestamp,
    packets: u64,
}

/// Charged for every piece besides its bytes: tree entry and allocation.
const OVERHEAD: usize = 128;

/// Pieces are joined up to this length.
const SMALL: usize = 64;

#[cfg(test)]
mod tests;
