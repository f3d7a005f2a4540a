//! How flows end, and what comes after.

use super::*;

#[test]
fn finished() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, "F.", 101, 301, "bye")
        .tcp(B, ".", 301, 105, "last")
        .told();
    assert_eq!(
        wire.tcp(B, "F.", 305, 105, "!").told(),
        ["1 server 4 !", "1 Finished"]
    );
    assert_eq!(wire.log.closes[0].bytes, [3, 5]);
    wire.tcp(A, ".", 105, 307, "");
    assert_eq!(
        wire.tcp(B, "F.", 305, 105, "!").finish().told(),
        [""; 0],
        "leftovers open nothing"
    );
}

#[test]
fn finished_without_any_data() {
    let mut wire = Wire::new();
    wire.connect().told();
    wire.tcp(A, "F.", 101, 301, "").tcp(B, "F.", 301, 102, "");
    assert_eq!(wire.told(), ["1 Finished"]);
}

#[test]
fn finished_with_one_side_silent() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(B, "F.", 301, 101, "")
        .tcp(A, "F.", 101, 302, "GET");
    assert_eq!(wire.news(), ["1 client 0 GET", "1 Finished"]);
}

#[test]
fn a_fin_that_comes_early_waits_for_its_data() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, "F.", 101, 301, "")
        .tcp(B, "F.", 305, 102, "");
    assert_eq!(wire.news(), [""; 0]);
    assert_eq!(
        wire.tcp(B, ".", 301, 102, "last").news(),
        ["1 server 0 last", "1 Finished"]
    );
}

#[test]
fn a_fin_whose_data_was_lost_ends_the_flow_all_the_same() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, "F.", 101, 301, "")
        .tcp(B, "F.", 305, 102, "")
        .told();
    wire.tcp(A, ".", 102, 306, "").tick(150);
    assert_eq!(wire.told(), [""; 0]);
    assert_eq!(wire.tick(60).told(), ["1 server 0 gap 4", "1 Finished"]);
}

#[test]
fn reset_by_either_side() {
    for (host, ending) in [(A, "1 Reset(Client)"), (B, "1 Reset(Server)")] {
        let mut wire = Wire::new();
        wire.connect().tcp(A, ".", 101, 301, "GET").told();
        let seq = match host {
            A => 104,
            B => 301,
        };
        assert_eq!(wire.tcp(host, "R.", seq, 0, "").told(), [ending]);
        wire.tcp(host, "R", seq, 0, "")
            .tcp(A, ".", 101, 301, "GET")
            .tcp(A, "F.", 104, 301, "");
        assert_eq!(wire.finish().told(), [""; 0]);
    }
}

#[test]
fn a_reset_outside_the_window_is_none() {
    let mut wire = Wire::new();
    wire.connect().told();
    wire.tcp(B, "R", 0x4000_0000, 0, "")
        .tcp(A, ".", 101, 301, "GET");
    assert_eq!(wire.told(), ["1 client 0 GET"]);
    assert_eq!(wire.table.ignored().implausible, 1);
}

#[test]
fn what_waits_is_read_before_a_reset() {
    let mut wire = Wire::new();
    wire.connect().told();
    wire.tcp(B, ".", 303, 101, "cd").tcp(B, "R", 305, 0, "");
    assert_eq!(
        wire.told(),
        ["1 server 0 gap 2", "1 server 2 cd", "1 Reset(Server)"]
    );
}

#[test]
fn a_reset_that_its_sender_does_not_keep_was_forged() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(B, "R", 301, 0, "")
        .tcp(A, ".", 101, 301, "in flight")
        .news();
    assert_eq!(wire.told(), [""; 0]);
    wire.tcp(B, ".", 301, 110, "goes on");
    assert_eq!(wire.news(), ["2 server 0 goes on"]);
}

#[test]
fn refused() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "").told();
    wire.tcp(B, "R.", 0, 999, "").tcp(B, "R", 0, 0, "");
    assert_eq!(wire.news(), [""; 0], "neither answers the SYN");
    assert_eq!(wire.tcp(B, "R.", 0, 101, "").told(), ["1 Refused"]);
    // Windows tries three times with the same number: one attempt.
    assert_eq!(
        wire.after(500)
            .tcp(A, "S", 100, 0, "")
            .tcp(B, "R.", 0, 101, "")
            .told(),
        [""; 0]
    );
    // Unless it is answered in the end.
    assert_eq!(
        wire.tcp(B, "S.", 300, 101, "").told().last().unwrap(),
        "2 connected"
    );
}

#[test]
fn refused_by_a_router() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "").told();
    assert_eq!(wire.unreachable(A, Transport::Tcp).told(), ["1 Refused"]);
    wire.port += 1;
    wire.connect().told();
    assert_eq!(
        wire.unreachable(A, Transport::Tcp).told(),
        [""; 0],
        "it stands"
    );
}

#[test]
fn refused_datagrams() {
    let mut wire = Wire::new();
    wire.udp(A, "anyone?", 0)
        .unreachable(A, Transport::Udp)
        .told();
    assert_eq!(wire.tick(62_000).told(), ["1 Refused"]);
    wire.udp(A, "anyone?", 0)
        .udp(B, "yes", 0)
        .unreachable(A, Transport::Udp)
        .told();
    assert_eq!(wire.finish().told(), ["2 CaptureEnded"]);
}

#[test]
fn given_up_by_the_client_before_an_answer() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "").told();
    assert_eq!(wire.tcp(A, "R", 101, 0, "").told(), ["1 Reset(Client)"]);
}

#[test]
fn unanswered() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "")
        .after(1_000)
        .tcp(A, "S", 100, 0, "")
        .told();
    assert_eq!(wire.tick(74_000).told(), [""; 0]);
    assert_eq!(wire.tick(2_500).told(), ["1 Unanswered"]);
    assert!(wire.table.is_empty());
}

#[test]
fn at_the_end_of_the_capture() {
    let mut wire = Wire::new();
    wire.tcp(A, "S", 100, 0, "");
    wire.port += 1;
    wire.tcp(A, "S", 100, 0, "").after(500);
    wire.port += 1;
    wire.connect().after(700);
    wire.port += 1;
    wire.tcp(A, "S", 100, 0, "").told();
    assert_eq!(
        wire.finish().told(),
        [
            "1 Unanswered",
            "2 Unanswered",
            "3 CaptureEnded",
            "4 CaptureEnded"
        ],
        "the last could still have been answered"
    );
}

#[test]
fn expired() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, ".", 101, 301, "GET")
        .tcp(B, ".", 305, 104, "late")
        .told();
    assert_eq!(
        wire.tick(590_000).told(),
        ["1 server 0 gap 4", "1 server 4 late"]
    );
    assert_eq!(wire.tick(12_000).told(), ["1 Expired"]);
    assert!(wire.table.session_mut(FlowId(1)).is_none() && wire.table.is_empty());
}

#[test]
fn an_end_without_a_flow_is_not_worth_one() {
    let mut wire = Wire::new();
    wire.tcp(A, "R", 1, 0, "")
        .tcp(B, "R.", 1, 0, "")
        .tcp(A, "F.", 1, 0, "");
    assert_eq!((wire.told().len(), wire.table.ignored().strays), (0, 3));
}

#[test]
fn a_new_connection_without_its_syn_is_told_by_its_numbers() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, "F.", 101, 301, "")
        .tcp(B, "F.", 301, 102, "")
        .told();
    wire.after(5_000).tcp(A, ".", 2_000_000_000, 1, "GET");
    assert_eq!(wire.news(), ["2 client 0 GET"]);
}

#[test]
fn time_that_runs_backwards_ends_nothing_early() {
    let mut wire = Wire::new();
    wire.connect()
        .tcp(A, ".", 101, 301, "one")
        .after(-900_000)
        .tcp(A, ".", 104, 301, "two");
    wire.after(899_000).tcp(A, ".", 107, 301, "three");
    assert_eq!(
        wire.news(),
        ["1 client 0 one", "1 client 3 two", "1 client 6 three"]
    );
}
