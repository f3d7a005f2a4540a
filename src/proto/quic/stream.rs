//! CRYPTO frames to an ordered stream (RFC 9000 19.6, 7.5).
//!
//! Browsers shuffle the pieces of a hello within and over packets on purpose, so that nobody relies on
//! their order. What came first is believed; later bytes for the same place are dropped.

use std::collections::BTreeMap;

use crate::proto::tls::handshake::Seen;

/// One direction of one encryption level.
#[derive(Debug, Default)]
pub(super) struct CryptoStream {
    /// Pieces not yet handed on, by offset; they never overlap and none starts before `next`.
    pieces: BTreeMap<u64, Piece>,
    /// Bytes before this offset were handed on.
    next: u64,
    /// What the pieces cost, with [`PIECE_COST`] for each.
    held: usize,
}

/// A run of bytes that came in one packet.
#[derive(Debug)]
pub(super) struct Piece {
    /// What carried it.
    pub(super) seen: Seen,
    /// The bytes.
    pub(super) bytes: Box<[u8]>,
}

/// The stream would hold more than it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full;

impl CryptoStream {
    /// Takes what is new of `data`. Returns how many bytes were; 0 for a retransmission.
    pub(super) fn insert(
        &mut self,
        mut offset: u64,
        mut data: &[u8],
        seen: Seen,
        limit: usize,
    ) -> Result<usize, Full> {
        // Offsets end at 2^62 (RFC 9000 19.6); this keeps the arithmetic below honest.
        if offset.checked_add(len(data)).is_none() {
            return Err(Full);
        }
        let mut taken = 0;
        while !data.is_empty() {
            // How much of the front is known already, either handed on or inside an earlier piece.
            let known_to = self
                .pieces
                .range(..=offset)
                .next_back()
                .map_or(0, |(at, piece)| at.saturating_add(len(&piece.bytes)))
                .max(self.next);
            let known = known_to.saturating_sub(offset).min(len(data));
            offset = offset.saturating_add(known);
            data = data
                .get(usize::try_from(known).unwrap_or(usize::MAX)..)
                .unwrap_or_default();
            let fresh_to = self
                .pieces
                .range(offset..)
                .next()
                .map_or(u64::MAX, |(at, _)| *at);
            let fresh = usize::try_from(fresh_to.saturating_sub(offset)).unwrap_or(usize::MAX);
            let (piece, rest) = data.split_at(fresh.min(data.len()));
            if !piece.is_empty() {
                let cost = piece.len().saturating_add(PIECE_COST);
                if self.held.saturating_add(cost) > limit {
                    return Err(Full);
                }
                self.held += cost;
                taken += piece.len();
                self.pieces.insert(
                    offset,
                    Piece {
                        seen,
                        bytes: piece.into(),
                    },
                );
            }
            offset = offset.saturating_add(len(piece));
            data = rest;
        }
        Ok(taken)
    }

    /// What the pieces cost that wait for others.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// The next piece in order, when it is there.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        let entry = self
            .pieces
            .first_entry()
            .filter(|entry| *entry.key() == self.next)?;
        let piece = entry.remove();
        self.next = self.next.saturating_add(len(&piece.bytes));
        self.held = self.held.saturating_sub(piece.bytes.len() + PIECE_COST);
        Some(piece)
    }
}

/// What a piece costs beyond its bytes: its place in the tree and its allocation. Makes a flood of
/// one-byte pieces run into the limit as fast as its memory deserves.
const PIECE_COST: usize = 64;

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
