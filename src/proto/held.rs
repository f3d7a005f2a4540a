//! Bytes of both sides kept until it is known who should read them.
#![warn(clippy::indexing_slicing)]

use std::collections::VecDeque;

use crate::flow::{Chunk, Side};
use crate::frame::FrameNo;
use crate::time::Timestamp;

/// Held bytes, with the chunks they came in, so that the next reader sees the same frames and order.
#[derive(Debug, Default)]
pub(crate) struct Held {
    sides: [Bytes; 2],
    pieces: VecDeque<Piece>,
}

#[derive(Debug, Default)]
struct Bytes {
    /// Everything held so far, with what was taken already in front.
    bytes: Vec<u8>,
    taken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    side: Side,
    offset: u64,
    at: Timestamp,
    frame: FrameNo,
    len: usize,
}

impl Held {
    /// Keeps a chunk.
    pub(crate) fn push(&mut self, chunk: Chunk<'_>) {
        self.side_mut(chunk.side)
            .bytes
            .extend_from_slice(chunk.bytes);
        self.pieces.push_back(Piece {
            side: chunk.side,
            offset: chunk.offset,
            at: chunk.at,
            frame: chunk.frame,
            len: chunk.bytes.len(),
        });
    }

    /// Memory it holds beside itself.
    pub(crate) fn weight(&self) -> usize {
        let bytes: usize = self.sides.iter().map(|side| side.bytes.capacity()).sum();
        bytes + self.pieces.capacity() * size_of::<Piece>()
    }

    /// The bytes held of one side.
    pub(crate) fn bytes(&self, side: Side) -> &[u8] {
        let held = match side {
            Side::Client => &self.sides[0],
            Side::Server => &self.sides[1],
        };
        held.bytes.get(held.taken..).unwrap_or_default()
    }

    /// Drops the first `count` bytes of one side.
    pub(crate) fn skip(&mut self, side: Side, mut count: usize) {
        count = count.min(self.bytes(side).len());
        self.side_mut(side).taken += count;
        for piece in self.pieces.iter_mut().filter(|piece| piece.side == side) {
            let of_piece = piece.len.min(count);
            piece.offset += of_piece as u64;
            piece.len -= of_piece;
            count -= of_piece;
            if count == 0 {
                break;
            }
        }
        self.pieces.retain(|piece| piece.len > 0);
        let held = self.side_mut(side);
        if held.taken == held.bytes.len() {
            held.bytes.clear();
            held.taken = 0;
        }
    }

    /// Drops all bytes of one side.
    pub(crate) fn clear(&mut self, side: Side) {
        self.skip(side, usize::MAX);
    }

    /// Exchanges the sides: the capture began in the middle and the ends were taken for each other.
    pub(crate) fn swap_sides(&mut self) {
        self.sides.swap(0, 1);
        for piece in &mut self.pieces {
            piece.side = piece.side.other();
        }
    }

    /// Puts what `later` holds behind what is held.
    pub(crate) fn append(&mut self, mut later: Self) {
        while let Some(piece) = later.pieces.front().copied() {
            self.push(later.chunk(piece));
            later.pop();
        }
    }

    /// The first chunk held.
    pub(crate) fn front(&self) -> Option<Chunk<'_>> {
        self.pieces.front().map(|piece| self.chunk(*piece))
    }

    /// Drops the first chunk.
    pub(crate) fn pop(&mut self) {
        if let Some(piece) = self.pieces.front().copied() {
            self.side_mut(piece.side).taken += piece.len;
            self.pieces.pop_front();
        }
    }

    fn chunk(&self, piece: Piece) -> Chunk<'_> {
        Chunk {
            side: piece.side,
            offset: piece.offset,
            at: piece.at,
            frame: piece.frame,
            bytes: self.bytes(piece.side).get(..piece.len).unwrap_or_default(),
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Bytes {
        match side {
            Side::Client => &mut self.sides[0],
            Side::Server => &mut self.sides[1],
        }
    }
}
