use super::*;
use crate::frame::FrameNo;
use crate::time::Timestamp;
use proptest::prelude::*;

const SEEN: Seen = Seen {
    frame: FrameNo::new(1),
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
