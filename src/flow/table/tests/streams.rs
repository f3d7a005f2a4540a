//! What a reader gets of a conversation that the network or the capture mangled.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[test]
fn both_sides_in_order() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(B, ".", 304, 104, "wer")
        .tcp(A, ".", 101, 301, "ask")
        .tcp(B, ".", 301, 104, "ans");
    assert_eq!(
        wire.news(),
        ["1 client 0 ask", "1 server 0 ans", "1 server 3 wer"]
    );
}

#[test]
fn a_hole_is_declared_when_the_receiver_has_it_and_packets_went_by() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(B, ".", 304, 101, "wer")
        .tcp(A, ".", 101, 307, "")
        .told();
    for _ in 0..63 {
        wire.tcp(A, ".", 101, 307, "");
    }
    assert_eq!(wire.told(), [""; 0]);
    wire.tcp(A, ".", 101, 307, "");
    assert_eq!(wire.told(), ["1 server 0 gap 3", "1 server 3 wer"]);
    assert_eq!(wire.table.held(), 0);
}

#[test]
fn a_hole_is_declared_without_packets_when_time_passes() {
    let mut wire = Wire::new();
    wire.connect().tcp(B, ".", 304, 101, "wer").told();
    wire.after(1_000).tcp(A, ".", 101, 307, "").tick(150);
    assert_eq!(wire.told(), [""; 0]);
    assert_eq!(
        wire.tick(60).tick(200).told(),
        ["1 server 0 gap 3", "1 server 3 wer"]
    );
}

#[test]
fn a_hole_that_only_one_direction_shows_is_declared_after_its_age() {
    let mut wire = Wire::new();
    wire.tcp(B, ".", 1, 0, "abc")
        .tcp(B, ".", 7, 0, "ghi")
        .tcp(B, ".", 13, 0, "mno");
    assert_eq!(wire.news(), ["1 server 0 abc"]);
    assert_eq!(
        wire.tick(10_100).told(),
        [
            "1 server 3 gap 3",
            "1 server 6 ghi",
            "1 server 9 gap 3",
            "1 server 12 mno"
        ]
    );
}

#[test]
fn cut_segments_leave_gaps() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp_cut(A, ".", 101, 301, "GE", 4)
        .tcp_cut(B, "F.", 301, 107, "HT", 10);
    assert_eq!(
        wire.news(),
        [
            "1 client 0 GE",
            "1 client 2 gap 4 cut",
            "1 server 0 HT",
            "1 server 2 gap 10 cut"
        ]
    );
    assert_eq!(wire.tcp(A, "F.", 107, 314, "").news(), ["1 Finished"]);
    assert_eq!(wire.log.closes[0].bytes, [6, 12]);
}

#[test]
fn a_retransmission_with_other_bytes_is_told_once() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, ".", 104, 301, "evil")
        .tcp(A, ".", 104, 301, "good")
        .tcp(A, ".", 103, 301, "..");
    assert_eq!(
        wire.tcp(A, ".", 101, 301, "GET").news(),
        ["1 conflict client", "1 client 0 GE", "1 client 2 .evil"]
    );
}

#[test]
fn a_mirror_that_shows_every_packet_twice() {
    let mut wire = Wire::new();
    for (from, flags, seq, ack, text) in [
        (A, "S", 100, 0, ""),
        (B, "S.", 300, 101, ""),
        (A, ".", 101, 301, ""),
        (A, ".", 101, 301, "ask"),
        (B, ".", 301, 104, "answer"),
        (B, "F.", 307, 104, ""),
        (A, "F.", 104, 308, ""),
        (B, ".", 308, 105, ""),
    ] {
        wire.tcp(from, flags, seq, ack, text)
            .tcp(from, flags, seq, ack, text);
    }
    assert_eq!(
        wire.news(),
        ["1 client 0 ask", "1 server 0 answer", "1 Finished"]
    );
    assert_eq!(wire.finish().log.closes.len(), 1);
}

#[test]
fn numbers_far_away_are_ignored() {
    let mut wire = Wire::new();
    wire.connect().told();
    wire.tcp(A, ".", 101 + (3 << 29), 301, "x").tcp(
        A,
        "F.",
        101_u32.wrapping_sub(3 << 29),
        301,
        "",
    );
    wire.tcp(A, ".", 101, 301, "GET");
    assert_eq!(wire.told(), ["1 client 0 GET"]);
    assert_eq!(wire.table.ignored().implausible, 2);
    assert_eq!(wire.finish().log.closes[0].bytes, [3, 0]);
}

#[test]
fn what_came_before_the_first_segment_of_a_flow_joined_midway_is_left_out() {
    let mut wire = Wire::new();
    wire.tcp(A, ".", 1_000, 1, "def")
        .tcp(A, ".", 997, 1, "abc")
        .tcp(A, ".", 998, 1, "bcdefg");
    assert_eq!(wire.news(), ["1 client 0 def", "1 client 3 g"]);
}

#[test]
fn a_reader_that_is_done_only_counts() {
    let mut wire = Wire::new();
    wire.log.enough = Some(b"stop");
    wire.connect().tcp(A, ".", 101, 301, "stop").told();
    wire.tcp(B, ".", 301, 105, "data")
        .tcp(B, ".", 309, 105, "more")
        .tcp(B, ".", 301, 105, "data");
    assert_eq!((wire.told().len(), wire.table.held()), (0, 0));
    wire.tcp(B, "F.", 313, 105, "x").tcp(A, "F.", 105, 315, "");
    assert_eq!(wire.told(), ["1 Finished"]);
    let close = wire.log.closes[0];
    assert_eq!((close.bytes, close.packets), ([4, 13], [4, 5]));
}

#[test]
fn a_reader_done_with_the_data_of_a_syn_still_sees_the_connection_open() {
    let mut wire = Wire::new();
    wire.log.enough = Some(b"stop");
    wire.tcp(A, "S", 100, 0, "stop")
        .tcp(B, "S.", 300, 105, "")
        .tcp(B, ".", 301, 105, "data");
    assert!(wire.told().contains(&"1 connected".to_owned()));
    assert_eq!(wire.finish().told(), ["1 CaptureEnded"]);
}

/// One segment of a script.
#[derive(Clone, Debug)]
struct Piece {
    client: bool,
    start: usize,
    len: usize,
    /// Where it goes instead of where it belongs, at most this many places later.
    delay: usize,
    copies: usize,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (
        any::<bool>(),
        0_usize..300,
        1_usize..60,
        0_usize..8,
        0_usize..3,
    );
    vec(
        piece.prop_map(|(client, start, len, delay, copies)| Piece {
            client,
            start,
            len,
            delay,
            copies,
        }),
        1..50,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Segments of two streams: overlapping, copied, lost (no copies), delayed. Each side's output is its
    /// stream, with gaps exactly where no segment had the byte; sequence numbers wrap on the way.
    #[test]
    fn any_segments_give_both_streams(
        isn in prop_oneof![Just(u32::MAX - 150), Just(0x7fff_ff80), any::<u32>()],
        pieces in pieces(),
        finish in any::<bool>(),
    ) {
        let mut order: Vec<_> = pieces
            .iter()
            .enumerate()
            .flat_map(|(place, piece)| (0..piece.copies).map(move |copy| (place + piece.delay * (copy + 1), piece)))
            .collect();
        order.sort_by_key(|(place, _)| *place);

        let text = |first: u8| -> String {
            (0..300_u32).map(|at| char::from(first + u8::try_from(at * at / 7 % 26).unwrap())).collect()
        };
        let (client, server) = (text(b'a'), text(b'A'));
        let mut wire = Wire::new();
        let peer = !isn;
        wire.tcp(A, "S", isn, 0, "").tcp(B, "S.", peer, isn.wrapping_add(1), "");
        let mut expected = [vec![None; 300], vec![None; 300]];
        for (_, piece) in order {
            let end = (piece.start + piece.len).min(300);
            let (host, text, base, side) = if piece.client {
                (A, &client, isn, 0)
            } else {
                (B, &server, peer, 1)
            };
            let seq = base.wrapping_add(1).wrapping_add(u32::try_from(piece.start).unwrap());
            // Acknowledgements come from nowhere here: holes are given up at the end only.
            wire.tcp(host, "", seq, 0, &text[piece.start..end]);
            for (offset, byte) in text.bytes().enumerate().take(end).skip(piece.start) {
                expected[side][offset] = Some(byte);
            }
        }
        if finish {
            wire.tcp(A, "F.", isn.wrapping_add(301), 0, "").tcp(B, "F.", peer.wrapping_add(301), 0, "");
            wire.tick(11_000);
        } else {
            wire.finish();
        }
        let told = wire.news();
        let mut got = [Vec::new(), Vec::new()];
        for line in &told[..told.len() - 1] {
            let fields: Vec<_> = line.split(' ').collect();
            let side = usize::from(fields[1] == "server");
            prop_assert_eq!(fields[2].parse(), Ok(got[side].len()));
            match fields[3..] {
                ["gap", missing] => {
                    let missing: usize = missing.parse().unwrap();
                    got[side].extend(std::iter::repeat_n(None, missing));
                }
                [text] => got[side].extend(text.bytes().map(Some)),
                _ => prop_assert!(false, "{}", line),
            }
        }
        prop_assert_eq!(told.last().unwrap(), if finish { "1 Finished" } else { "1 CaptureEnded" });
        for (got, mut expected) in got.into_iter().zip(expected) {
            while !finish && expected.last() == Some(&None) {
                expected.pop();
            }
            prop_assert_eq!(got, expected);
        }
        prop_assert_eq!(wire.table.held(), 0);
    }

    /// Acknowledgements that only a glance was given, and packets that were only counted, leave what is told as it is.
    #[test]
    fn a_glance_tells_what_a_look_does(
        segments in vec(
            (any::<bool>(), 0_u8..12, 0_u32..40, 0_u32..60, -5_i64..400),
            0..120,
        ),
        done in any::<bool>(),
    ) {
        let mut all = [false, true].map(|glances| {
            let mut wire = Wire::new();
            wire.glances = glances;
            wire.log.enough = done.then_some(b"later");
            wire.connect();
            let mut next = [101, 301];
            for (client, kind, ahead, behind, millis) in &segments {
                let (host, side) = if *client { (A, 0) } else { (B, 1) };
                let (seq, ack) = (next[side], next[1 - side] - u32::min(*behind, 50));
                wire.after(*millis);
                match kind {
                    0 => wire.tcp(host, "F.", seq, ack, ""),
                    1 => wire.tcp(host, ".", seq + ahead, ack, "later"),
                    2 => wire.tcp(host, "S", seq + 9_000, 0, ""),
                    3 => wire.tcp_cut(host, ".", seq, ack, "", *ahead),
                    4 => wire.tcp(host, "", seq, ack, ""),
                    5..=7 => {
                        next[side] += 4;
                        wire.tcp(host, ".", seq, ack, "text")
                    }
                    // Of bytes that the capture lacks.
                    8 | 9 => wire.tcp(host, ".", seq, next[1 - side] + 45, ""),
                    _ => wire.tcp(host, ".", seq, ack, ""),
                };
            }
            wire.finish();
            wire
        });
        let told = all.each_mut().map(Wire::told);
        prop_assert_eq!(&told[0], &told[1]);
        let closes = all.each_ref().map(|wire| format!("{:?}", wire.log.closes));
        prop_assert_eq!(&closes[0], &closes[1]);
        prop_assert_eq!(all[0].table.ignored(), all[1].table.ignored());
    }

    /// Segments of any kind: no panic, readers are closed once (they assert it), memory comes back.
    #[test]
    fn any_segments_at_all(
        segments in vec(
            (any::<bool>(), 0_u8..64, 0_u32..400, 0_u32..400, 0_usize..30, 0_u32..3, -200_i64..40_000),
            0..80,
        ),
    ) {
        let mut wire = Wire::new();
        for (client, flags, seq, ack, len, cut, millis) in segments {
            let host = if client { A } else { B };
            let (src_port, dst_port) = wire.ports(host);
            wire.after(millis).put(host, Body::Tcp(Segment {
                src_port,
                dst_port,
                seq,
                ack,
                flags,
                window: 0,
                options: &[],
                payload: &[b'x'; 30][..len],
                cut,
            }));
        }
        wire.finish();
        prop_assert_eq!(wire.table.held(), 0);
        prop_assert!(wire.table.parts.iter().all(|part| part.open_flows().is_empty()));
        let opened = wire.told().iter().filter(|line| line.contains(" open ")).count();
        prop_assert_eq!(opened, wire.log.closes.len());
    }
}

#[test]
fn what_ends_before_the_server_or_is_dropped_there_was_not_said() {
    let mut wire = Wire::new();
    wire.connect().told();
    wire.ttl = 4;
    wire.tcp(A, ".", 101, 301, "decoy");
    wire.tcp(A, "R", 101, 0, "");
    wire.ttl = 64;
    wire.options = &[1, 1, 19, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    wire.tcp(A, ".", 101, 301, "decoy");
    wire.options = TIMESTAMP;
    // A few routers more or less are another path.
    wire.ttl = 61;
    wire.tcp(A, ".", 101, 301, "hello");
    assert_eq!(wire.told(), ["1 client 0 hello"]);
    assert_eq!(wire.table.ignored().implausible, 3);
}

#[test]
fn whoever_signs_from_the_start_is_heard() {
    let mut wire = Wire::new();
    wire.options = &[19, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    wire.connect().told();
    wire.tcp(A, ".", 101, 301, "BGP");
    assert_eq!(wire.told(), ["1 client 0 BGP"]);
}
