//! How flows open, and who is the client.

use super::*;

#[test]
fn a_handshake() {
    let mut wire = Wire::new();
    assert_eq!(
        wire.connect().told(),
        [
            "1 open 50000 by Syn",
            "1 saw client ttl 64 tsval 7",
            "1 saw server ttl 57 tsval 7",
            "1 connected",
        ]
    );
    wire.finish();
    let close = wire.log.closes[0];
    assert_eq!(close.connect, Some(Span::from_millis(20)));
    assert_eq!(
        (close.packets, close.bytes, close.frame),
        ([2, 1], [0, 0], FrameNo::new(3))
    );
    assert!(wire.table.is_empty());
}

#[test]
fn a_connection_counts_from_the_first_syn() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "").after(1_000).connect().finish();
    assert_eq!(wire.log.closes[0].connect, Some(Span::from_millis(1_020)));
    assert_eq!(wire.log.closes.len(), 1);
}

#[test]
fn a_syn_ack_alone_tells_the_client_and_both_beginnings() {
    let mut wire = Wire::new();
    wire.tcp(B, "S.", 300, 101, "")
        .tcp(A, ".", 104, 301, "lo")
        .tcp(A, ".", 101, 301, "hel");
    assert_eq!(
        wire.told(),
        [
            "1 open 50000 by Syn",
            "1 saw server ttl 57 tsval 7",
            "1 connected",
            "1 saw client ttl 64 tsval 7",
            "1 client 0 hel",
            "1 client 3 lo",
        ]
    );
}

#[test]
fn a_syn_ack_captured_before_its_syn_changes_nothing() {
    let mut wire = Wire::new();
    wire.tcp(B, "S.", 300, 101, "")
        .tcp(A, "S", 100, 0, "")
        .tcp(A, ".", 101, 301, "GET");
    assert!(wire.told().contains(&"1 client 0 GET".to_owned()));
    assert_eq!(wire.finish().told(), ["1 CaptureEnded"]);
}

#[test]
fn the_client_alone_shows_that_its_connection_stands() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "")
        .tcp(A, ".", 101, 301, "")
        .tcp(A, ".", 101, 301, "GET");
    assert_eq!(
        wire.told(),
        [
            "1 open 50000 by Syn",
            "1 saw client ttl 64 tsval 7",
            "1 connected",
            "1 client 0 GET",
        ]
    );
    assert_eq!(wire.finish().log.closes[0].connect, None);
}

#[test]
fn midway_the_server_has_the_lower_port() {
    let mut wire = Wire::new();
    wire.tcp(B, ".", 900, 500, "answer")
        .tcp(A, ".", 500, 906, "ask");
    assert_eq!(
        wire.told(),
        [
            "1 open 50000 by Port midway",
            "1 saw server ttl 57 tsval 7",
            "1 server 0 answer",
            "1 saw client ttl 64 tsval 7",
            "1 client 0 ask",
        ]
    );
}

#[test]
fn midway_between_high_ports_the_first_speaker_is_the_client_until_the_payload_says_otherwise() {
    let mut wire = Wire::new();
    wire.server_port = 44_330;
    wire.log.swap = Some(b"hello");
    wire.tcp(B, ".", 900, 500, "tail")
        .tcp(A, ".", 500, 904, "hello")
        .tcp(B, ".", 904, 505, "yes");
    assert_eq!(
        wire.told(),
        [
            "1 open 44330 by First midway",
            "1 saw client ttl 57 tsval 7",
            "1 client 0 tail",
            "1 saw server ttl 64 tsval 7",
            "1 server 0 hello",
            "1 server 4 yes",
        ]
    );
    assert_eq!(wire.finish().log.closes[0].bytes, [5, 7]);
}

#[test]
fn a_session_poked_from_outside_may_swap_its_ends() {
    let mut wire = Wire::new();
    assert!(wire.table.session_mut(FlowId(1)).is_none());
    wire.connect().tcp(A, ".", 101, 301, "one").told();
    let (_, _, ends) = wire.table.session_mut(FlowId(1)).unwrap();
    std::mem::swap(&mut ends.client, &mut ends.server);
    assert_eq!(wire.tcp(A, ".", 104, 301, "two").told(), ["1 server 3 two"]);
    wire.finish();
    assert_eq!(wire.log.closes[0].bytes, [0, 6]);
    assert!(wire.table.session_mut(FlowId(1)).is_none());
}

#[test]
fn a_keep_alive_does_not_begin_a_stream() {
    for probe in ["", "\0"] {
        let mut wire = Wire::new();
        wire.tcp(A, ".", 499, 900, probe)
            .tcp(B, ".", 900, 500, "")
            .tcp(A, ".", 500, 900, "GET");
        assert_eq!(wire.news(), ["1 client 0 GET"]);
    }
}

#[test]
fn a_stream_may_begin_with_a_single_byte() {
    let mut wire = Wire::new();
    wire.tcp(A, ".", 499, 900, "G").tcp(A, ".", 500, 900, "E");
    assert_eq!(wire.news(), ["1 client 0 G", "1 client 1 E"]);
}

#[test]
fn keep_alives_are_no_data() {
    let mut wire = Wire::new();
    wire.connect().tcp(A, ".", 101, 301, "GET").told();
    let sent = wire.at;
    wire.after(1_000)
        .tcp(A, ".", 103, 301, "")
        .tcp(A, ".", 103, 301, "\0");
    assert_eq!(wire.finish().told(), ["1 CaptureEnded"]);
    assert_eq!(wire.log.closes[0].bytes, [3, 0]);
    assert_eq!(wire.log.closes[0].last_payload, [Some(sent), None]);
}

#[test]
fn data_with_the_syn_is_kept() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "GET")
        .tcp(A, "S", 100, 0, "GET")
        .tcp(B, "S.", 300, 104, "");
    assert_eq!(
        wire.tcp(A, ".", 104, 301, " /").news(),
        ["1 client 0 GET", "1 client 3 /"]
            .map(str::to_owned)
            .map(|line| line.replace("3 /", "3  /"))
    );
    // A server that does not take it acknowledges the SYN only, and gets it again.
    wire.port += 1;
    wire.tcp(A, "S", 100, 0, "GET")
        .tcp(B, "S.", 300, 101, "")
        .tcp(A, ".", 101, 301, "GET /");
    assert_eq!(wire.news(), ["2 client 0 GET", "2 client 3  /"]);
}

#[test]
fn simultaneous_open() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "").tcp(B, "S", 300, 0, "");
    wire.tcp(A, "S.", 100, 301, "")
        .tcp(B, "S.", 300, 101, "")
        .tcp(B, ".", 301, 101, "x");
    assert_eq!(
        wire.told(),
        [
            "1 open 50000 by Syn",
            "1 saw client ttl 64 tsval 7",
            "1 saw server ttl 57 tsval 7",
            "1 connected",
            "1 server 0 x",
        ]
    );
}

#[test]
fn a_syn_ack_for_another_syn_is_no_answer() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "")
        .tcp(B, "S.", 300, 777, "")
        .tcp(B, ".", 300, 777, "");
    assert_eq!(wire.told().len(), 3, "opened and both seen");
    assert_eq!(wire.tick(80_000).told(), ["1 Unanswered"]);
}

#[test]
fn a_syn_with_another_number_is_another_attempt() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "").after(1_000).told();
    assert_eq!(
        wire.tcp(A, "S", 5_000, 0, "").told(),
        [
            "1 Unanswered",
            "2 open 50000 by Syn",
            "2 saw client ttl 64 tsval 7"
        ]
    );
    assert_eq!(
        wire.tcp(B, "S.", 300, 5_001, "").told().last().unwrap(),
        "2 connected"
    );
}

#[test]
fn ports_are_used_again_after_the_end() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, "F.", 101, 301, "")
        .tcp(B, "F.", 301, 102, "")
        .told();
    assert_eq!(
        wire.tcp(A, "S", 9_000, 0, "").told(),
        ["2 open 50000 by Syn", "2 saw client ttl 64 tsval 7"]
    );
    // Half closed: the other end's FIN was lost.
    wire.tcp(B, "S.", 300, 9_001, "")
        .tcp(A, "F.", 9_001, 301, "")
        .told();
    assert_eq!(
        wire.tcp(A, "S", 700, 0, "").told().first().unwrap(),
        "2 Expired"
    );
}

#[test]
fn ports_are_used_again_after_a_long_silence() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, ".", 101, 301, "GET")
        .after(70_000)
        .told();
    assert_eq!(
        wire.tcp(A, "S", 9_000, 0, "").told(),
        [
            "1 Expired",
            "2 open 50000 by Syn",
            "2 saw client ttl 64 tsval 7"
        ]
    );
}

#[test]
fn a_syn_on_a_connection_in_use_needs_an_answer_to_be_believed() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, ".", 101, 301, "GET")
        .tcp(A, "S", 9_000, 0, "")
        .after(30);
    assert_eq!(
        wire.tcp(A, ".", 104, 301, " /").news(),
        ["1 client 0 GET", "1 client 3  /"]
    );
    assert_eq!(
        wire.tcp(B, "S.", 7_000, 9_001, "").told(),
        [
            "1 Expired",
            "2 open 50000 by Syn",
            "2 saw server ttl 57 tsval 7",
            "2 connected"
        ]
    );
    assert_eq!(
        wire.tcp(A, ".", 9_001, 7_001, "new").told().last().unwrap(),
        "2 client 0 new"
    );
    assert_eq!(
        wire.finish().log.closes[1].connect,
        Some(Span::from_millis(30))
    );

    // Where only the client is captured, its going on is the answer.
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, ".", 101, 301, "GET")
        .tcp(A, "S", 9_000, 0, "")
        .told();
    assert_eq!(
        wire.tcp(A, ".", 9_001, 7_001, "new").told(),
        [
            "1 Expired",
            "2 open 50000 by Syn",
            "2 saw client ttl 64 tsval 7",
            "2 connected",
            "2 client 0 new"
        ]
    );
}

#[test]
fn scopes_are_flows_of_their_own() {
    let mut wire = Wire::new();
    wire.connect().told();
    let (src, dst) = addresses(A);
    let packet = Packet {
        scope: Scope(9),
        base: Scope(9),
        src,
        dst,
        ttl: 1,
        mac: None,
        by_this_host: None,
        device: None,
        body: Body::Udp(Datagram {
            src_port: 50_000,
            dst_port: 80,
            payload: b"x",
            cut: 0,
        }),
    };
    let mut make = |_: FlowId, ends: &Endpoints| {
        assert_eq!((ends.scope, ends.transport), (Scope(9), Transport::Udp));
        Tape::default()
    };
    let arrived = Arrived {
        at: wire.at,
        frame: FrameNo::new(4),
        interface: InterfaceId(0),
        shard: Shard::of(&packet),
        flow: FlowId(2),
    };
    wire.table
        .packet(&arrived, &packet, &mut make, &mut wire.log);
    assert_eq!(wire.told().first().unwrap(), "2 open 50000 by First");
}

#[test]
fn datagrams_come_whole_with_their_number() {
    let mut wire = Wire::new();
    wire.server_port = 443;
    wire.udp(A, "one", 0)
        .udp(A, "", 0)
        .udp(B, "yes", 0)
        .udp(A, "tw", 1)
        .udp(A, "", 5);
    assert_eq!(
        wire.told(),
        [
            "1 open 50000 by First",
            "1 saw client ttl 64",
            "1 client 0 one",
            "1 saw server ttl 57",
            "1 server 0 yes",
            "1 client 2 tw",
            "1 client 2 gap 1 cut",
            "1 client 3 gap 5 cut",
        ]
    );
    assert_eq!(wire.tick(62_000).told(), ["1 Expired"]);
    assert_eq!(
        (wire.log.closes[0].bytes, wire.log.closes[0].packets),
        ([11, 3], [4, 1])
    );
    // An answer seen first does not make its sender the client.
    assert_eq!(
        wire.udp(B, "late", 0).told().first().unwrap(),
        "2 open 50000 by Port midway"
    );
}
