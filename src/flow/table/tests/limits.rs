//! Memory stays within its limits, whatever comes.

use super::*;

#[test]
fn a_full_table_gives_up_the_flow_idle_longest() {
    let limits = Limits {
        flows: 3,
        ..Limits::default()
    };
    let mut wire = Wire::with(&limits);
    for _ in 0..3 {
        wire.port += 1;
        wire.after(2_000).connect();
    }
    wire.port = 50_001;
    wire.after(2_000).tcp(A, ".", 101, 301, "still here").told();
    wire.port = 50_004;
    assert_eq!(
        wire.tcp(A, "S", 1, 0, "").told()[..3],
        ["2 limit: flows", "2 Expired", "4 open 50004 by Syn"]
    );
    assert_eq!(wire.table.len(), 3);
}

#[test]
fn flows_that_are_over_give_way_first() {
    let limits = Limits {
        flows: 2,
        ..Limits::default()
    };
    let mut wire = Wire::with(&limits);
    wire.connect().after(5_000);
    wire.port += 1;
    wire.connect().tcp(A, "R", 101, 0, "").told();
    wire.port += 1;
    assert_eq!(
        wire.tcp(A, "S", 1, 0, "").told().first().unwrap(),
        "3 open 50002 by Syn"
    );
}

#[test]
fn a_flood_of_syns_does_not_push_out_connections() {
    let limits = Limits {
        flows: 100,
        ..Limits::default()
    };
    let mut wire = Wire::with(&limits);
    wire.connect().after(2_000);
    for port in 1..=1_000 {
        wire.port = 20_000 + port;
        wire.after(10).tcp(A, "S", 1, 0, "");
    }
    wire.port = 50_000;
    wire.told();
    assert_eq!(wire.tcp(A, ".", 101, 301, "GET").told(), ["1 client 0 GET"]);
    assert_eq!(wire.table.len(), 100);
}

#[test]
fn all_out_of_order_bytes_have_one_limit() {
    let limits = Limits {
        out_of_order_total: 100_000,
        ..Limits::default()
    };
    let mut wire = Wire::with(&limits);
    let text = "x".repeat(1_000);
    for _ in 0..100 {
        wire.port += 1;
        wire.tcp(A, "S", 100, 0, "").tcp(A, ".", 102, 301, &text);
        assert!(wire.table.held() <= 100_000);
    }
    let told = wire.news();
    assert_eq!(
        told[..3],
        [
            "1 limit: out-of-order bytes of all flows",
            "1 client 0 gap 1",
            &format!("1 client 1 {text}")
        ]
    );
    wire.finish();
    assert_eq!(wire.table.held(), 0);
}

#[test]
fn one_side_has_a_limit_too() {
    let limits = Limits {
        out_of_order_side: 10_000,
        ..Limits::default()
    };
    let mut wire = Wire::with(&limits);
    wire.connect().told();
    let text = "x".repeat(1_000);
    for piece in 0..9 {
        wire.tcp(A, ".", 102 + 1_000 * piece, 301, &text);
    }
    let told = wire.told();
    assert_eq!(
        told[..2],
        [
            "1 limit: out-of-order bytes of one side",
            "1 client 0 gap 1"
        ]
    );
    assert_eq!(told.len(), 2 + 9);
}

#[test]
fn entries_stay_small() {
    assert!(
        size_of::<Entry<Tape>>() <= 176,
        "{}",
        size_of::<Entry<Tape>>()
    );
}

#[test]
fn one_damaged_time_stamp_does_not_stop_the_clock() {
    let mut wire = Wire::new();
    wire.connect().tcp(A, ".", 101, 301, "GET").told();
    let right = std::mem::replace(&mut wire.at, Timestamp::from_nanos(i64::MAX));
    wire.tcp(A, ".", 104, 301, " /");
    wire.at = right;
    wire.tcp(B, ".", 305, 106, "late");
    assert_eq!(wire.told(), ["1 client 3  /"]);
    assert_eq!(
        wire.tick(10_500).told(),
        ["1 server 0 gap 4", "1 server 4 late"]
    );
    assert_eq!(wire.tick(602_000).told(), ["1 Expired"]);
}

#[test]
fn the_end_of_time_is_no_end_of_flows() {
    let mut wire = Wire::new();
    wire.at = Timestamp::from_nanos(i64::MAX);
    wire.connect()
        .tcp(A, ".", 102, 301, "ET")
        .tcp(A, ".", 101, 301, "G");
    assert_eq!(wire.news(), ["1 client 0 G", "1 client 1 ET"]);
}

#[test]
fn checks_of_flows_that_ended_are_forgotten() {
    let mut wire = Wire::new();
    for attempt in 0..500 {
        let isn = 1_000 * attempt;
        wire.tcp(A, "S", isn, 0, "")
            .tcp(A, ".", isn + 5, 0, "x")
            .tcp(A, "R", isn + 6, 0, "");
    }
    assert_eq!(wire.log.closes.len(), 500);
    assert!(wire.table.checks() <= 70);
}

#[test]
fn the_seed_of_the_hashes_shows_nowhere() {
    let limits = Limits {
        flows: 50,
        ..Limits::default()
    };
    let run = || {
        let mut wire = Wire::with(&limits);
        for step in 0..2_000_u32 {
            let draw = step.wrapping_mul(2_654_435_761) >> 7;
            wire.port = 40_000 + u16::try_from(draw % 97).unwrap();
            let flags = ["S", ".", ".", "F.", "R"][draw as usize / 97 % 5];
            wire.after(i64::from(draw % 9_000));
            wire.tcp(A, flags, draw % 50, 0, "data");
        }
        wire.finish().told()
    };
    let told = run();
    assert!(told.len() > 1_000);
    assert_eq!(told, run());
}

#[test]
fn readers_that_hold_too_much_together_give_up_the_one_used_longest_ago() {
    let limits = Limits {
        readers_total: 12,
        ..Limits::default()
    };
    let mut wire = Wire::with(&limits);
    for (number, text) in [(1, "one.."), (2, "two..")] {
        wire.port = 50_000 + number;
        wire.after(2_000).connect();
        wire.tcp(A, ".", 101, 301, text).told();
    }
    wire.port = 50_001;
    wire.after(2_000).tcp(A, ".", 106, 301, "!").told();
    wire.port = 50_003;
    wire.after(2_000).connect();
    wire.told();
    let limit = "2 limit: memory of the readers of all flows";
    assert_eq!(
        wire.tcp(A, ".", 101, 301, "three").told(),
        ["3 client 0 three", limit, "2 Expired"]
    );
    // What comes for it later opens nothing; the others go on.
    wire.port = 50_002;
    assert_eq!(wire.tcp(A, ".", 106, 301, "late").told(), [""; 0]);
    wire.port = 50_001;
    assert_eq!(wire.tcp(A, ".", 107, 301, "?").told(), ["1 client 6 ?"]);
}

#[test]
fn readers_that_want_no_more_weigh_nothing() {
    let limits = Limits {
        readers_total: 12,
        ..Limits::default()
    };
    let mut wire = Wire::with(&limits);
    wire.log.enough = Some(b"three");
    for number in 1..100 {
        wire.port = 50_000 + number;
        wire.after(2_000).connect();
        let told = wire.tcp(A, ".", 101, 301, "three").told();
        assert!(!told.iter().any(|line| line.contains("limit")), "{told:?}");
    }
}
