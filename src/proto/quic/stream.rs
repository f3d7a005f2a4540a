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
mod tests {
    use super::*;
    use crate::frame::FrameNo;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    const SEEN: Seen = Seen {
        frame: FrameNo(1),
        at: Timestamp::EPOCH,
    };

    fn drain(stream: &mut CryptoStream) -> Vec<u8> {
        std::iter::from_fn(|| stream.pop())
            .flat_map(|piece| piece.bytes)
            .collect()
    }

    #[test]
    fn the_first_writer_of_a_byte_is_believed() {
        let mut stream = CryptoStream::default();
        assert_eq!(stream.insert(2, b"CD", SEEN, 4_096), Ok(2));
        assert_eq!(stream.insert(6, b"G", SEEN, 4_096), Ok(1));
        assert!(stream.pop().is_none());
        assert_eq!(stream.insert(0, b"abcdefgh", SEEN, 4_096), Ok(5));
        assert_eq!(drain(&mut stream), b"abCDefGh");
        assert_eq!(stream.insert(0, b"XXXXXXXXX", SEEN, 4_096), Ok(1));
        assert_eq!(drain(&mut stream), b"X");
        assert_eq!(stream.insert(3, b"zz", SEEN, 4_096), Ok(0));
        assert!(stream.pieces.is_empty());
        assert_eq!(stream.held, 0);
    }

    #[test]
    fn a_flood_of_small_pieces_runs_into_the_limit() {
        let mut stream = CryptoStream::default();
        let accepted = (1..10_000_u64)
            .take_while(|n| stream.insert(n * 2, b"x", SEEN, 64 << 10).is_ok())
            .count();
        assert_eq!(accepted, (64 << 10) / (PIECE_COST + 1));
    }

    #[test]
    fn the_end_of_the_number_space_is_no_trap() {
        let mut stream = CryptoStream::default();
        assert_eq!(stream.insert(u64::MAX - 1, b"abcd", SEEN, 4_096), Err(Full));
        assert_eq!(stream.insert(u64::MAX - 4, b"abcd", SEEN, 4_096), Ok(4));
        assert!(stream.pop().is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_order_of_any_overlapping_pieces_gives_the_stream(
            text in proptest::collection::vec(any::<u8>(), 1..400),
            cuts in proptest::collection::vec((0_usize..400, 1_usize..80), 0..40),
            backwards in any::<bool>(),
        ) {
            let mut pieces: Vec<(usize, usize)> = cuts
                .into_iter()
                .map(|(at, len)| (at.min(text.len()), (at + len).min(text.len())))
                .collect();
            pieces.extend((0..text.len()).step_by(50).map(|at| (at, (at + 50).min(text.len()))));
            if backwards {
                pieces.reverse();
            }
            let mut stream = CryptoStream::default();
            let mut out = Vec::new();
            for (from, to) in pieces {
                prop_assert!(stream.insert(from as u64, &text[from..to], SEEN, 1 << 20).is_ok());
                out.extend(drain(&mut stream));
            }
            prop_assert_eq!(out, text);
            prop_assert_eq!(stream.held, 0);
        }
    }
}
