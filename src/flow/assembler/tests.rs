//! Named after the shapes in which parts can overlap; then a property test against the original bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Joins what comes out, with the holes where they are.
#[derive(Default)]
struct Tape {
    bytes: Vec<Option<u8>>,
    frames: Vec<u64>,
    cut: u64,
    conflicts: usize,
    full: usize,
}

impl Outlet for Tape {
    fn chunk(&mut self, offset: u64, _: Timestamp, frame: FrameNo, bytes: &[u8]) -> Appetite {
        assert_eq!(offset, self.bytes.len() as u64, "chunks follow each other");
        assert!(!bytes.is_empty());
        self.bytes.extend(bytes.iter().copied().map(Some));
        self.frames.push(frame.get());
        Appetite::More
    }

    fn gap(&mut self, offset: u64, missing: u64, cut: bool) -> Appetite {
        assert_eq!(offset, self.bytes.len() as u64, "gaps follow too");
        assert!(missing > 0);
        self.bytes
            .extend(std::iter::repeat_n(None, usize::try_from(missing).unwrap()));
        self.cut += if cut { missing } else { 0 };
        Appetite::More
    }

    fn conflict(&mut self) {
        self.conflicts += 1;
    }

    fn full(&mut self) {
        self.full += 1;
    }
}

#[derive(Default)]
struct Bench {
    assembler: Assembler,
    tape: Tape,
    frame: u64,
}

impl Bench {
    fn put(&mut self, offset: u64, bytes: &str) -> &mut Self {
        self.put_cut(offset, bytes, 0)
    }

    fn put_cut(&mut self, offset: u64, bytes: &str, cut: u64) -> &mut Self {
        self.frame += 1;
        let part = Part {
            offset,
            bytes: bytes.as_bytes(),
            cut,
            at: seconds(0),
            frame: FrameNo::new(self.frame),
        };
        self.assembler.insert(part, seconds(0), &mut self.tape);
        self.account();
        self
    }

    fn release(&mut self, now: i64, packets: u64) -> &mut Self {
        let patience = Patience::new(&Limits::default());
        self.assembler
            .release(seconds(now), packets, &patience, &mut self.tape);
        self.account();
        self
    }

    fn flush(&mut self) -> &mut Self {
        self.assembler.flush(&mut self.tape);
        self.account();
        self
    }

    /// What came out; missing bytes are dots.
    fn text(&self) -> String {
        self.tape
            .bytes
            .iter()
            .map(|byte| byte.map_or('.', char::from))
            .collect()
    }

    fn account(&self) {
        let held: usize = self.assembler.waiting.values().map(Piece::cost).sum();
        assert_eq!(held, self.assembler.held, "memory is accounted for");
        let mut end = self.assembler.next + 1;
        for (start, piece) in &self.assembler.waiting {
            assert!(
                *start >= end,
                "pieces neither overlap nor touch what is delivered"
            );
            assert!(piece.len() > 0);
            end = start + piece.len();
        }
    }
}

fn seconds(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[test]
fn in_order() {
    let mut bench = Bench::default();
    bench.put(0, "abc").put(3, "def");
    assert_eq!(
        (bench.text().as_str(), bench.assembler.held()),
        ("abcdef", 0)
    );
}

#[test]
fn out_of_order() {
    let mut bench = Bench::default();
    bench.put(3, "def").put(6, "ghi");
    assert_eq!(bench.text(), "");
    bench.put(0, "abc");
    assert_eq!(bench.text(), "abcdefghi");
}

#[test]
fn duplicate() {
    let mut bench = Bench::default();
    bench
        .put(3, "def")
        .put(3, "def")
        .put(0, "abc")
        .put(0, "abc")
        .put(3, "def");
    assert_eq!((bench.text().as_str(), bench.tape.conflicts), ("abcdef", 0));
}

#[test]
fn contained() {
    let mut bench = Bench::default();
    bench.put(1, "bcdef").put(2, "cd").put(0, "a").put(2, "cd");
    assert_eq!((bench.text().as_str(), bench.tape.conflicts), ("abcdef", 0));
}

#[test]
fn contains() {
    let mut bench = Bench::default();
    bench.put(2, "cd").put(6, "g").put(1, "bcdefgh");
    assert_eq!(bench.text(), "");
    bench.put(0, "abcdefghi");
    assert_eq!(
        (bench.text().as_str(), bench.tape.conflicts),
        ("abcdefghi", 0)
    );
}

#[test]
fn overlapping() {
    let mut bench = Bench::default();
    bench
        .put(0, "abc")
        .put(2, "cde")
        .put(8, "ij")
        .put(7, "hi")
        .put(9, "jk")
        .put(4, "efgh");
    assert_eq!(
        (bench.text().as_str(), bench.tape.conflicts),
        ("abcdefghijk", 0)
    );
}

#[test]
fn complex() {
    let mut bench = Bench::default();
    bench
        .put(1, "b")
        .put(3, "d")
        .put(5, "f")
        .put(2, "cde")
        .put(8, "i")
        .put(4, "efgh")
        .put(0, "ab");
    assert_eq!(
        (bench.text().as_str(), bench.tape.conflicts),
        ("abcdefghi", 0)
    );
}

#[test]
fn old() {
    let mut bench = Bench::default();
    bench.put(0, "abc").put(0, "abc").put(1, "bc").put(2, "c");
    assert_eq!(
        (bench.text().as_str(), bench.assembler.is_waiting()),
        ("abc", false)
    );
}

#[test]
fn missing_prefix() {
    let mut bench = Bench::default();
    bench.put(4, "efg").put(8, "i").flush();
    assert_eq!(bench.text(), "....efg.i");
}

#[test]
fn the_first_copy_is_believed_and_another_is_told() {
    let mut bench = Bench::default();
    bench.put(2, "cd").put(1, "bXXe");
    assert_eq!(bench.tape.conflicts, 1);
    bench.put(0, "aYcd");
    assert_eq!((bench.text().as_str(), bench.tape.conflicts), ("abcde", 2));
}

#[test]
fn waiting_bytes_keep_their_frame() {
    let mut bench = Bench::default();
    let long = "x".repeat(SMALL);
    bench.put(1, &long).put(1 + SMALL as u64, &long).put(0, "a");
    assert_eq!(bench.tape.frames, [3, 1, 2]);
}

#[test]
fn cut_parts_leave_a_gap_behind_their_bytes() {
    let mut bench = Bench::default();
    bench.put_cut(0, "ab", 2).put_cut(6, "gh", 1).put(9, "j");
    assert_eq!((bench.text().as_str(), bench.tape.cut), ("ab..", 2));
    bench.put(4, "ef");
    assert_eq!((bench.text().as_str(), bench.tape.cut), ("ab..efgh.j", 3));
    // Cut ones that arrive early and overlap: nothing is known of what was cut, so nothing differs.
    bench
        .put_cut(12, "", 3)
        .put(13, "no")
        .put_cut(11, "l", 5)
        .put(10, "k");
    assert_eq!(bench.text(), "ab..efgh.jkl.....");
    assert_eq!(bench.tape.conflicts, 0);
}

#[test]
fn a_hole_is_given_up_when_the_receiver_has_it() {
    let mut bench = Bench::default();
    bench.put(0, "a").put(4, "e");
    bench.assembler.acknowledge(3);
    bench.release(1, 100).release(2, 1_000);
    assert_eq!(bench.text(), "a", "the hole was not acknowledged whole");
    bench.assembler.acknowledge(5);
    bench.release(3, 1_001).release(3, 1_064);
    assert_eq!(bench.text(), "a", "it may still come");
    bench.release(3, 1_065);
    assert_eq!(bench.text(), "a...e", "many packets later");

    bench.put(7, "h").put(9, "j");
    bench.assembler.acknowledge(8);
    bench.release(3, 1_066).release(4, 1_067);
    assert_eq!(
        bench.text(),
        "a...e..h",
        "a second later; the next hole is not acknowledged"
    );
    bench.put(8, "i");
    assert_eq!(bench.text(), "a...e..hij");
}

#[test]
fn a_hole_that_is_filled_late_is_no_hole() {
    let mut bench = Bench::default();
    bench.put(1, "b");
    bench.assembler.acknowledge(2);
    bench.release(0, 1).put(0, "a").release(100, 1_000);
    assert_eq!(bench.text(), "ab");
}

#[test]
fn a_hole_is_given_up_when_it_gets_old() {
    let mut bench = Bench::default();
    bench.put(1, "b").put(3, "d").release(9, 1_000);
    assert_eq!(bench.text(), "");
    bench.release(10, 1_000);
    assert_eq!(bench.text(), ".b.d", "the second has waited as long");
}

#[test]
fn a_hole_is_given_up_when_too_much_waits() {
    let mut bench = Bench::default();
    let limit = Limits::default().out_of_order_side;
    let piece = "x".repeat(1_000);
    let mut offset = 1;
    while bench.assembler.held() <= limit {
        bench.release(0, 1).put(offset, &piece);
        assert_eq!(bench.tape.full, 0);
        offset += 1_000;
    }
    bench.release(0, 1);
    assert_eq!((bench.tape.full, bench.assembler.held()), (1, 0));
}

#[test]
fn single_bytes_cost_little() {
    let mut bench = Bench::default();
    for offset in (0..500).rev() {
        bench.put(2 * offset + 1, "x");
    }
    let sparse = bench.assembler.held();
    assert_eq!(
        sparse,
        500 * (OVERHEAD + 1),
        "each is charged what it costs"
    );
    for offset in 1..500 {
        bench.put(2 * offset, "x");
    }
    assert!(bench.assembler.held() < sparse / 8, "neighbours are joined");
    bench.put(0, "x");
    assert_eq!((bench.tape.bytes.len(), bench.assembler.held()), (1_000, 0));
}

#[test]
fn the_end_counts_after_its_data() {
    let mut bench = Bench::default();
    bench.assembler.end_at(4, seconds(0));
    bench.put(0, "ab");
    assert!(bench.assembler.is_waiting() && !bench.assembler.is_finished());
    bench.put(2, "cd");
    assert!(bench.assembler.is_finished());
}

#[test]
fn bytes_lost_before_the_end_are_declared() {
    let mut bench = Bench::default();
    bench.put(0, "ab").assembler.end_at(4, seconds(0));
    bench.release(10, 1);
    assert_eq!(
        (bench.text().as_str(), bench.assembler.is_finished()),
        ("ab..", true)
    );
}

#[test]
fn data_beyond_the_end_shows_that_it_was_none() {
    let mut bench = Bench::default();
    bench.put(0, "ab").assembler.end_at(2, seconds(0));
    assert!(bench.assembler.is_finished());
    bench.put(2, "cd").assembler.end_at(3, seconds(0));
    assert!(!bench.assembler.is_finished());
    assert_eq!(bench.text(), "abcd");
}

#[test]
fn a_reader_that_is_done_gets_no_more() {
    struct Sated(usize);
    impl Outlet for Sated {
        fn chunk(&mut self, _: u64, _: Timestamp, _: FrameNo, _: &[u8]) -> Appetite {
            self.0 += 1;
            Appetite::Done
        }
        fn gap(&mut self, _: u64, _: u64, _: bool) -> Appetite {
            self.0 += 1;
            Appetite::Done
        }
        fn conflict(&mut self) {}
        fn full(&mut self) {}
    }
    let mut assembler = Assembler::default();
    let mut out = Sated(0);
    for (offset, bytes) in [(4, "e"), (2, "c"), (0, "ab")] {
        let part = Part {
            offset,
            bytes: bytes.as_bytes(),
            cut: 0,
            at: seconds(0),
            frame: FrameNo::new(1),
        };
        assembler.insert(part, seconds(0), &mut out);
    }
    assert_eq!(out.0, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any parts of one stream in any order: what comes out is the stream where some part had the byte,
    /// and a gap exactly where none had.
    #[test]
    fn any_parts_give_the_stream_with_gaps_where_bytes_are_missing(
        stream in vec(any::<u8>(), 1..400),
        parts in vec((0_usize..400, 1_usize..80), 0..60),
    ) {
        let mut bench = Bench::default();
        let mut expected = vec![None; stream.len()];
        for (start, len) in parts {
            let start = start.min(stream.len() - 1);
            let stop = (start + len).min(stream.len());
            bench.frame += 1;
            let part = Part {
                offset: start as u64,
                bytes: &stream[start..stop],
                cut: 0,
                at: seconds(0),
                frame: FrameNo::new(bench.frame),
            };
            bench.assembler.insert(part, seconds(0), &mut bench.tape);
            bench.account();
            for offset in start..stop {
                expected[offset] = Some(stream[offset]);
            }
        }
        bench.flush();
        while expected.last() == Some(&None) {
            expected.pop();
        }
        prop_assert_eq!(bench.tape.conflicts, 0);
        prop_assert_eq!(&bench.tape.bytes, &expected);
    }

    /// Any parts at all, cut and contradicting each other, with holes given up in between: chunks and gaps
    /// follow each other (the tape asserts it), and nothing stays behind.
    #[test]
    fn any_input_keeps_the_order(
        parts in vec((0_u64..300, vec(any::<u8>(), 0..40), 0_u64..9, 0_i64..12, 0_u64..400), 0..60),
    ) {
        let mut bench = Bench::default();
        for (offset, bytes, cut, now, acked) in parts {
            let part = Part { offset, bytes: &bytes, cut, at: seconds(now), frame: FrameNo::new(1) };
            bench.assembler.insert(part, seconds(now), &mut bench.tape);
            bench.account();
            if now == 3 {
                bench.assembler.end_at(acked, seconds(now));
            }
            bench.assembler.acknowledge(acked);
            bench.release(now, offset);
        }
        bench.flush();
        prop_assert!(bench.assembler.held() == 0 && !bench.assembler.is_waiting());
    }
}
