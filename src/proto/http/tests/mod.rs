mod bodies;
mod heads;

use crate::event::{EventKind, Request, Response};
use crate::flow::{ClientBy, Ending};
use crate::proto::Context;
use crate::proto::testkit::{C, S, Turn, brief, ends, play, play_on, same_however_cut, says};

use proptest::prelude::*;

const OCSP: &[u8] = b"\x30\x0b0123456789a";

fn post() -> Vec<u8> {
    [
        b"POST / HTTP/1.1\r\nHost: r10.o.lencr.org\r\nUser-Agent: Firefox\r\n\
          Content-Type: application/ocsp-request\r\nContent-Length: 13\r\n\r\n",
        OCSP,
    ]
    .concat()
}

fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn requests(turns: &[Turn]) -> Vec<Request> {
    let events = play(80, turns);
    events
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Request(request) => Some(*request),
            _ => None,
        })
        .collect()
}

fn responses(turns: &[Turn]) -> Vec<Response> {
    let events = play(80, turns);
    events
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Response(response) => Some(*response),
            _ => None,
        })
        .collect()
}

#[test]
fn an_ocsp_post_and_its_answer_are_kept_whole() {
    let turns = [
        says(C, post()),
        says(S, ok("application/ocsp-response", OCSP)),
    ];
    let events = play(80, &turns);
    assert_eq!(
        brief(&events),
        [
            "request 0 POST r10.o.lencr.org/ body 13/13",
            "response 0 200 body 13/13"
        ]
    );
    let request = requests(&turns).remove(0);
    assert_eq!(
        request.header_order,
        "host,user-agent,content-type,content-length"
    );
    assert_eq!(request.agent.as_deref(), Some("Firefox"));
    assert_eq!(request.body.as_deref(), Some(OCSP));
    same_however_cut(80, &turns);
}

#[test]
fn pipelined_requests_meet_their_answers_in_order() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: e7.c.lencr.org\r\n\r\n");
    let turns = [
        says(C, [get("/1.crl"), get("/2.crl"), get("/3.crl")].concat()),
        says(
            S,
            [
                ok("application/pkix-crl", b"0\x01a"),
                b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n".to_vec(),
                ok("application/pkix-crl", b"0\x02ab"),
            ]
            .concat(),
        ),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        [
            "request 0 GET e7.c.lencr.org/1.crl body 0/0",
            "request 1 GET e7.c.lencr.org/2.crl body 0/0",
            "request 2 GET e7.c.lencr.org/3.crl body 0/0",
            "response 0 200 body 3/3",
            "response 1 304 body 0/0",
            "response 2 200 body 4/4",
        ]
    );
    same_however_cut(80, &turns);
}

#[test]
fn a_request_without_answer_gets_status_zero() {
    let turns = [says(C, post()), says(C, post())];
    assert_eq!(
        brief(&play(80, &turns))[2..],
        [
            "response 0 0 body 0/0 incomplete",
            "response 1 0 body 0/0 incomplete"
        ]
    );
}

#[test]
fn an_answer_captured_before_its_request_is_its_answer() {
    let turns = [
        says(S, ok("application/ocsp-response", OCSP)),
        says(C, post()),
        says(C, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n"),
        says(S, "HTTP/1.1 204 No\r\n\r\n"),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        [
            "request 0 POST r10.o.lencr.org/ body 13/13",
            "response 0 200 body 13/13",
            "request 1 GET h.example/ body 0/0",
            "response 1 204 body 0/0",
        ]
    );
    same_however_cut(80, &turns);
    // A server that gives up on an idle client (408) answers nothing.
    let mut turns = vec![says(S, "HTTP/1.1 408 Idle\r\nContent-Length: 0\r\n\r\n")];
    turns.extend((0..10).map(|_| says(S, "\r\n")));
    turns.push(says(C, post()));
    turns.push(says(S, "HTTP/1.1 204 No\r\n\r\n"));
    assert_eq!(brief(&play(80, &turns))[1], "response 0 204 body 0/0");
}

#[test]
fn an_early_answer_brings_the_request_forward() {
    let turns = [
        says(
            C,
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\n0123",
        ),
        says(S, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"),
        says(C, "456789GET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        says(S, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        [
            "request 0 POST a.example/ body 0/4",
            "response 0 413 body 0/0",
            "request 1 GET a.example/2 body 0/0",
            "response 1 404 body 0/0",
        ]
    );
    same_however_cut(80, &turns);
}

#[test]
fn what_is_no_message_is_told_at_once() {
    let turns = [
        says(C, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\nnot a request"),
        says(C, "GET /2 HTTP/1.1\r\nHost: h.example\r\n\r\n"),
    ];
    assert_eq!(
        brief(&play(80, &turns))[..3],
        [
            "request 0 GET h.example/ body 0/0",
            "anomaly BadHttp",
            "request 1 GET h.example/2 body 0/0"
        ]
    );
}

#[test]
fn an_answer_too_short_to_read_is_still_an_answer() {
    let turns = [
        says(C, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n"),
        says(S, "HTTP/1.1 2"),
        Turn::Lacks(S, 300),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        ["request 0 GET h.example/ body 0/0", "anomaly StreamGap"]
    );
}

#[test]
fn a_cut_request_is_told_as_far_as_it_can_be_read() {
    let cut = |text: &str| {
        let turns = [says(C, text), Turn::Lacks(C, 300)];
        brief(&play(80, &turns))
    };
    assert_eq!(
        cut("GET /9.crl HTTP/1.1\r\nHost: e7.c.lencr.org\r\nUs"),
        [
            "request 0 GET e7.c.lencr.org/9.crl body 0/0",
            "anomaly StreamGap",
            "response 0 0 body 0/0 incomplete"
        ]
    );
    assert_eq!(
        cut("POST / HTTP/1.1\r\nHos"),
        [
            "request 0 POST -/ body 0/0",
            "anomaly StreamGap",
            "response 0 0 body 0/0 incomplete"
        ]
    );
    assert_eq!(cut("GET /MFMwUTBPME0wSzAJBg"), ["anomaly StreamGap"]);
}

#[test]
fn after_a_gap_the_next_heads_are_found() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: e7.c.lencr.org\r\n\r\n");
    let turns = [
        says(C, get("/1.crl")),
        says(
            S,
            "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: 10\r\n\r\n0123",
        ),
        Turn::Lacks(S, 2),
        says(S, "6789"),
        says(C, get("/2.crl")),
        says(S, "HTTP/1.1 200 OK\r\nContent-Le"),
        Turn::Lacks(S, 400),
        says(S, "body body body"),
        says(C, get("/3.crl")),
        says(S, ok("application/pkix-crl", b"0abc")),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        [
            "request 0 GET e7.c.lencr.org/1.crl body 0/0",
            "anomaly StreamGap",
            "response 0 200 body 0/10 incomplete",
            "request 1 GET e7.c.lencr.org/2.crl body 0/0",
            "anomaly StreamGap",
            "response 1 200 body 0/0 incomplete",
            "request 2 GET e7.c.lencr.org/3.crl body 0/0",
            "response 2 200 body 4/4",
        ]
    );
}

#[test]
fn one_sided_answers_count_when_they_speak_for_themselves() {
    let turns = [
        says(S, "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n"),
        says(S, ok("text/html", b"not asked for")),
        says(S, ok("application/ocsp-response", OCSP)),
        says(S, ok("application/pkix-crl", OCSP)),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        ["response 0 200 body 13/13", "response 1 200 body 13/13"]
    );
}

#[test]
fn many_requests_without_answers_stay_bounded() {
    let get = "GET / HTTP/1.1\r\nHost: e7.c.lencr.org\r\n\r\n";
    let events = play(80, &[says(C, get.repeat(200))]);
    let count = |text: &str| {
        let lines = brief(&events);
        lines.iter().filter(|line| line.starts_with(text)).count()
    };
    assert_eq!(count("request"), 200);
    assert_eq!(count("response"), 64);
    assert_eq!(count("anomaly"), 1);
}

#[test]
fn a_capture_that_begins_in_the_middle_finds_the_next_request() {
    let mut cx = Context::default();
    let mut ends = ends(80, ClientBy::First);
    // The end that spoke first in the capture was the server.
    std::mem::swap(&mut ends.client, &mut ends.server);
    let turns = [
        says(C, vec![b'x'; 5_000]),
        says(C, vec![b'y'; 5_000]),
        says(S, "GET /1.crl HTTP/1.1\r\nHost: e7.c.lencr.org\r\n\r\n"),
    ];
    let events = play_on(ends, &turns, &[], Ending::Finished, &mut cx);
    assert_eq!(
        brief(&events)[0],
        "request 0 GET e7.c.lencr.org/1.crl body 0/0"
    );
}

#[test]
fn upgraded_connections_are_left_alone() {
    let turns = [
        says(
            C,
            "GET /chat HTTP/1.1\r\nHost: h.example\r\nUpgrade: websocket\r\n\r\n",
        ),
        says(S, "HTTP/1.1 101 Switching Protocols\r\n\r\n\x01\x05hello"),
        says(C, "GET /not-http HTTP/1.1\r\n\r\n"),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        [
            "request 0 GET h.example/chat body 0/0",
            "response 0 101 body 0/0"
        ]
    );
    assert!(play(80, &[says(C, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]).is_empty());
}

#[test]
fn a_capture_that_begins_inside_a_response_is_not_at_fault() {
    let mut cx = Context::default();
    let turns = [
        says(C, "GET /1.crl HTTP/1.1\r\nHost: e7.c.lencr.org\r\n\r\n"),
        says(S, "the end of what came before"),
        says(S, ok("application/pkix-crl", b"0abc")),
    ];
    let events = play_on(
        ends(80, ClientBy::First),
        &turns,
        &[],
        Ending::Finished,
        &mut cx,
    );
    assert_eq!(
        brief(&events),
        [
            "request 0 GET e7.c.lencr.org/1.crl body 0/0",
            "response 0 200 body 4/4"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_panic(
        turns in proptest::collection::vec(
            (any::<bool>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 1..80), 0_usize..6),
            1..20,
        ),
    ) {
        let heads: [&[u8]; 6] = [
            b"", b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
            b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        ];
        let turns: Vec<_> = turns
            .into_iter()
            .map(|(client, gap, bytes, head)| {
                let side = if client { C } else { S };
                if gap && head == 0 {
                    Turn::Lacks(side, bytes.len() as u64)
                } else {
                    says(side, [heads[head], &bytes].concat())
                }
            })
            .collect();
        play(80, &turns);
    }
}
