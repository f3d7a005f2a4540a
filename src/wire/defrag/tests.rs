use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn key(id: u32) -> Key {
    Key {
        scope: Scope::default(),
        src: Ipv4Addr::new(10, 0, 0, 1).into(),
        dst: Ipv4Addr::new(10, 0, 0, 2).into(),
        protocol: Some(17),
        id,
    }
}

fn fragment(start: u16, more: bool) -> Fragment {
    Fragment {
        next: 17,
        start,
        more,
        header: 20,
    }
}

struct Table(Fragments);

impl Table {
    fn new() -> Self {
        Self(Fragments::new(&Limits::default()))
    }

    /// A fragment of datagram 1 at second 0.
    fn take(&mut self, start: u16, more: bool, bytes: &[u8]) -> Result<Vec<u8>, Undecoded> {
        self.0
            .insert(Timestamp::EPOCH, key(1), fragment(start, more), bytes)
            .map(|joined| joined.bytes)
    }
}

const HELD: Result<Vec<u8>, Undecoded> = Err(Undecoded::FragmentHeld);
const REPEATED: Result<Vec<u8>, Undecoded> = Err(Undecoded::FragmentRepeated);
const CONFLICT: Result<Vec<u8>, Undecoded> = Err(Undecoded::FragmentConflict);
const BAD: Result<Vec<u8>, Undecoded> = Err(Undecoded::BadFragment);

#[test]
fn in_order_and_last_first() {
    let mut table = Table::new();
    assert_eq!(table.take(0, true, b"01234567"), HELD);
    assert_eq!(table.take(8, false, b"89"), Ok(b"0123456789".to_vec()));
    let mut table = Table::new();
    assert_eq!(table.take(8, false, b"89"), HELD);
    assert_eq!(table.take(0, true, b"01234567"), Ok(b"0123456789".to_vec()));
    assert_eq!(table.0.counts().joined, 1);
    assert_eq!(table.0.counts().waiting, 0);
}

#[test]
fn the_first_fragment_says_what_is_inside() {
    let mut table = Table::new();
    let later = Fragment {
        next: 99,
        ..fragment(8, false)
    };
    let at = Timestamp::EPOCH;
    table.0.insert(at, key(1), later, b"89").unwrap_err();
    let joined = table.0.insert(at, key(1), fragment(0, true), b"01234567");
    assert_eq!(joined.unwrap().next, 17);
}

#[test]
fn a_repeated_fragment_is_no_conflict() {
    let mut table = Table::new();
    assert_eq!(table.take(0, true, b"01234567"), HELD);
    assert_eq!(table.take(0, true, b"01234567"), REPEATED);
    assert_eq!(table.take(8, false, b"89"), Ok(b"0123456789".to_vec()));
    assert_eq!(table.take(8, false, b"89"), REPEATED);
    assert_eq!(table.take(0, true, b"01234567"), REPEATED);
    assert_eq!(table.0.counts().waiting, 0);
    assert_eq!(table.0.counts().conflicts, 0);
}

#[test]
fn a_number_used_again_is_another_datagram() {
    let mut table = Table::new();
    table.take(0, true, b"01234567").unwrap_err();
    table.take(8, false, b"89").unwrap();
    assert_eq!(table.take(0, true, b"abcdefgh"), HELD);
    assert_eq!(table.take(8, false, b"ij"), Ok(b"abcdefghij".to_vec()));
}

#[test]
fn the_first_writer_wins() {
    let mut table = Table::new();
    assert_eq!(table.take(8, true, b"89abcdef"), HELD);
    // Overlaps both the hole before it and the piece above, with another opinion about the latter.
    assert_eq!(table.take(0, true, b"01234567XXXXXXXX"), CONFLICT);
    assert_eq!(
        table.take(16, false, b"!"),
        Ok(b"0123456789abcdef!".to_vec())
    );
    assert_eq!(table.0.counts().conflicts, 1);
}

#[test]
fn teardrop_and_contained_pieces() {
    let mut table = Table::new();
    assert_eq!(table.take(0, true, &[1; 32]), HELD);
    // Within what is there, and claiming to be the end of it.
    assert_eq!(table.take(24, false, &[1; 4]), CONFLICT);
    assert_eq!(table.take(8, true, &[1; 8]), REPEATED);
    assert_eq!(table.take(32, false, &[1; 8]), Ok(vec![1; 40]));
}

#[test]
fn the_end_is_told_once() {
    let mut table = Table::new();
    assert_eq!(table.take(16, false, &[1; 4]), HELD);
    assert_eq!(table.take(16, true, &[1; 8]), CONFLICT);
    assert_eq!(table.take(24, false, &[1; 4]), CONFLICT);
    assert_eq!(table.take(0, true, &[1; 16]), Ok(vec![1; 20]));
}

#[test]
fn an_end_that_adds_no_bytes_can_complete() {
    let mut table = Table::new();
    assert_eq!(table.take(0, true, &[1; 16]), HELD);
    assert_eq!(table.take(8, false, &[1; 8]), Ok(vec![1; 16]));
}

#[test]
fn impossible_fragments_are_refused() {
    let mut table = Table::new();
    assert_eq!(table.take(0, true, b""), BAD);
    assert_eq!(table.take(0, true, b"123"), BAD);
    // Ping of death.
    assert_eq!(table.take(65_528, false, &[0; 100]), BAD);
    assert_eq!(table.0.counts(), FragmentCounts::default());
}

#[test]
fn what_never_completes_is_counted() {
    let mut table = Table::new();
    assert_eq!(table.take(0, true, &[1; 8]), HELD);
    let later = Timestamp::from_secs(61);
    let again = table.0.insert(later, key(2), fragment(0, true), &[1; 8]);
    assert_eq!(again.unwrap_err(), Undecoded::FragmentHeld);
    let counts = table.0.counts();
    assert_eq!((counts.unfinished, counts.waiting), (1, 1));
    // Trace time that runs back does not make anything younger.
    assert_eq!(table.take(8, false, b"8"), HELD);
    assert_eq!(table.0.counts().unfinished, 1);
}

#[test]
fn limits_hold() {
    let limits = Limits {
        fragments_datagrams: 10,
        fragments_bytes: 64 << 10,
        ..Limits::default()
    };
    let mut table = Fragments::new(&limits);
    for id in 0..1000 {
        for start in [0, 64] {
            let bytes = [0; 64];
            let _ = table.insert(Timestamp::EPOCH, key(id), fragment(start, true), &bytes);
        }
        assert!(table.table.len() <= 10 && table.order.len() <= 20);
    }
    assert_eq!(table.counts().evicted, 990);
    for start in (0..60_000).step_by(1024) {
        let bytes = [0; 1000];
        let _ = table.insert(Timestamp::EPOCH, key(1), fragment(start, true), &bytes);
        assert!(table.bytes <= 64 << 10);
    }
    let weight: usize = table.table.values().map(|entry| entry.weight).sum();
    assert_eq!(table.bytes, weight);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_with_repeats_gives_the_datagram(
        bytes in prop::collection::vec(any::<u8>(), 9..600),
        cuts in prop::collection::btree_set(1_usize..75, 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut * 8).filter(|&cut| cut < bytes.len()).collect();
        ends.push(bytes.len());
        let mut parts = Vec::new();
        let mut start = 0;
        for end in ends {
            parts.push((start, end));
            start = end;
        }
        // Random picks with repeats first, then whatever is still missing.
        let picks: Vec<usize> = order.iter().map(|index| index.index(parts.len())).collect();
        let mut table = Table::new();
        let mut got = Vec::new();
        for (start, end) in picks.into_iter().chain(0..parts.len()).map(|at| parts[at]) {
            let part = &bytes[start..end];
            let more = end < bytes.len();
            match table.take(u16::try_from(start).unwrap(), more, part) {
                Ok(whole) => got.push(whole),
                Err(why) => prop_assert!(!why.is_anomaly()),
            }
        }
        if parts.len() == 1 {
            return Ok(());
        }
        prop_assert_eq!(got, vec![bytes]);
    }

    #[test]
    fn any_fragments_stay_within_bounds(
        parts in prop::collection::vec((0_u16..40, 0_usize..40, any::<bool>(), any::<u8>(), 0_u32..3), 0..60),
    ) {
        let mut table = Table::new();
        for (start, length, more, value, id) in parts {
            let fragment = fragment(start * 8, more);
            let _ = table.0.insert(Timestamp::EPOCH, key(id), fragment, &vec![value; length]);
            let weight: usize = table.0.table.values().map(|entry| entry.weight).sum();
            prop_assert_eq!(table.0.bytes, weight);
        }
    }
}
