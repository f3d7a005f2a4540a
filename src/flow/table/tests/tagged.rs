//! Mirrors that tag one direction, and networks that reuse addresses.

use super::*;

#[test]
fn a_direction_with_a_tag_of_its_own_is_of_the_same_flow() {
    for tags in [[0, 7], [7, 0], [7, 8]] {
        let mut wire = Wire::new();
        wire.tags = tags;
        wire.connect()
            .tcp(A, ".", 101, 301, "ask")
            .tcp(B, ".", 301, 104, "say")
            .tcp(B, "F.", 304, 104, "")
            .tcp(A, "F.", 104, 305, "")
            .tcp(B, ".", 305, 105, "");
        assert_eq!(
            wire.told(),
            [
                "1 open 50000 by Syn",
                "1 saw client ttl 64 tsval 7",
                "1 saw server ttl 57 tsval 7",
                "1 connected",
                "1 client 0 ask",
                "1 server 0 say",
                "1 Finished",
            ],
            "{tags:?}"
        );
        assert_eq!(wire.table.ignored().strays, 1);
    }
}

#[test]
fn midstream_the_acknowledgement_tells() {
    let mut wire = Wire::new();
    wire.tags = [7, 0];
    wire.tcp(A, ".", 5_000, 900, "ask")
        .tcp(B, ".", 900, 5_003, "say");
    assert_eq!(wire.news(), ["1 client 0 ask", "1 server 0 say"]);

    let mut wire = Wire::new();
    wire.tags = [7, 0];
    wire.tcp(A, ".", 5_000, 900, "ask")
        .tcp(B, ".", 900, 3_000_000_000, "else");
    assert_eq!(wire.news(), ["1 client 0 ask", "2 server 0 else"]);
}

#[test]
fn datagrams_too() {
    let mut wire = Wire::new();
    wire.tags = [0, 7];
    wire.udp(A, "ask", 0).udp(B, "say", 0);
    assert_eq!(wire.news(), ["1 client 0 ask", "1 server 0 say"]);
}

/// Two customers with the same addresses and ports, each in a VLAN of its own.
#[test]
fn networks_that_reuse_addresses_stay_apart() {
    let mut wire = Wire::new();
    let customers = [([7, 7], 100, 300), ([8, 8], 9_000, 7_000)];
    for (tags, isn, answer) in customers {
        wire.tags = tags;
        wire.tcp(A, "S", isn, 0, "")
            .tcp(B, "S.", answer, isn + 1, "");
    }
    // Only the answers of a third are seen: they acknowledge neither.
    wire.tags = [9, 9];
    wire.tcp(B, "S.", 50, 60_000, "");
    for (tags, isn, answer) in customers {
        wire.tags = tags;
        wire.tcp(A, ".", isn + 1, answer + 1, "ask")
            .tcp(B, ".", answer + 1, isn + 4, "say");
    }
    assert_eq!(
        wire.news(),
        [
            "1 client 0 ask",
            "1 server 0 say",
            "2 client 0 ask",
            "2 server 0 say"
        ]
    );
    assert_eq!(wire.table.len(), 3);
}

/// A mirror of a trunk shows what is routed once in each VLAN.
#[test]
fn what_is_routed_is_seen_once_in_each_vlan() {
    let mut wire = Wire::new();
    for (from, flags, seq, ack, payload) in [
        (A, "S", 100, 0, ""),
        (B, "S.", 300, 101, ""),
        (A, ".", 101, 301, "ask"),
        (B, ".", 301, 104, "say"),
    ] {
        for tag in [7, 8] {
            wire.tags = [tag, tag];
            wire.tcp(from, flags, seq, ack, payload);
        }
    }
    assert_eq!(
        wire.news(),
        [
            "1 client 0 ask",
            "2 client 0 ask",
            "1 server 0 say",
            "2 server 0 say"
        ]
    );
}
