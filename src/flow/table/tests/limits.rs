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
