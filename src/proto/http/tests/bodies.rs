use std::io::Write;

use crate::flow::{ClientBy, Ending};
use crate::proto::Context;
use crate::proto::testkit::{C, S, Turn, brief, ends, play, play_on, same_however_cut, says};

use super::{OCSP, ok, post, requests, responses};

#[test]
fn chunked_bodies_end_where_they_say() {
    let turns = [
        says(C, "GET / HTTP/1.1\r\nHost: x1.i.lencr.org\r\n\r\n"),
        says(
            S,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n\
             3;name=\"v\"\r\n0ab\r\n00A\nfghijklmno\n0 \r\nTrailer: x\r\nOther: y\r\n\r\n",
        ),
        says(C, "GET /next HTTP/1.1\r\nHost: x1.i.lencr.org\r\n\r\n"),
    ];
    let read = responses(&turns);
    assert_eq!(read[0].body.as_deref(), Some(b"0abfghijklmno".as_slice()));
    assert_eq!(read[0].body_len, 13);
    assert_eq!((read.len(), read[1].status), (2, 0));
    same_however_cut(80, &turns);
}

#[test]
fn broken_chunks_are_an_anomaly_and_the_next_answer_is_found() {
    let turns = [
        says(C, "GET / HTTP/1.1\r\nHost: x1.i.lencr.org\r\n\r\n"),
        says(
            S,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        ),
        says(C, "GET / HTTP/1.1\r\nHost: x1.i.lencr.org\r\n\r\n"),
        says(S, ok("application/pkix-cert", b"0abc")),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        [
            "request 0 GET x1.i.lencr.org/ body 0/0",
            "response 0 200 body 0/0 incomplete",
            "anomaly BadHttp",
            "request 1 GET x1.i.lencr.org/ body 0/0",
            "response 1 200 body 4/4",
        ]
    );
}

#[test]
fn gzip_is_undone_and_a_bomb_is_capped() {
    let pack = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let answer = |body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-cert\r\n\
             Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let get = "GET /a.cer HTTP/1.1\r\nHost: certs.example\r\n\r\n";
    let turns = [
        says(C, get),
        says(S, answer(&pack(b"0 certificate"))),
        says(C, get),
        says(S, answer(&pack(&vec![0; 8 << 20]))),
        says(C, get),
        says(S, answer(b"0 never packed")),
        says(C, get),
        says(S, answer(b"\x1f\x8b broken")),
    ];
    let bodies: Vec<_> = responses(&turns)
        .into_iter()
        .map(|r| r.body.map(|body| body.to_vec()))
        .collect();
    assert_eq!(
        bodies,
        [
            Some(b"0 certificate".to_vec()),
            None,
            Some(b"0 never packed".to_vec()),
            None
        ]
    );
    let anomalies: Vec<_> = brief(&play(80, &turns))
        .into_iter()
        .filter(|line| line.starts_with("anomaly"))
        .collect();
    assert_eq!(anomalies, ["anomaly LimitReached", "anomaly BadHttp"]);
    same_however_cut(80, &turns[..2]);
}

/// A list of a private CA whose serials count up and whose dates are equal is as regular as lists get, and is read.
#[test]
fn a_bomb_is_given_up_long_before_the_cap_and_a_regular_list_is_not() {
    let pack = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut regular = b"0".to_vec();
    for serial in 0_u32..60_000 {
        regular.extend(b"0%\x02\x10an issuer says");
        regular.extend(serial.to_be_bytes());
        regular.extend(b"\x17\x0d260101000000Z0\x0c0\x0a\x06\x03U\x1d\x15\x04\x03\x0a\x01\x04");
    }
    let packed = pack(&regular);
    assert!(regular.len() > 2 << 20);
    let ratio = regular.len() / packed.len();
    assert!((8..32).contains(&ratio), "{ratio}");
    let answer = |body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\n\
             Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let get = "GET /1.crl HTTP/1.1\r\nHost: crl.example\r\n\r\n";
    let short = vec![b'0'; 1 << 20];
    let turns = [
        says(C, get),
        says(S, answer(&packed)),
        says(C, get),
        says(S, answer(&pack(&short))),
        says(C, get),
        says(S, answer(&pack(&vec![b'0'; 8 << 20]))),
    ];
    let lengths: Vec<_> = responses(&turns)
        .into_iter()
        .map(|r| r.body.map(|body| body.len()))
        .collect();
    assert_eq!(lengths, [Some(regular.len()), Some(short.len()), None]);
    let anomalies: Vec<_> = brief(&play(80, &turns))
        .into_iter()
        .filter(|line| line.starts_with("anomaly"))
        .collect();
    assert_eq!(anomalies, ["anomaly LimitReached"]);
}

#[test]
fn bodies_of_no_interest_are_counted_only() {
    let turns = [
        says(
            C,
            "POST /form HTTP/1.1\r\nHost: www.example\r\nContent-Length: 5\r\n\r\nhello",
        ),
        says(S, ok("text/html", &vec![b'x'; 100_000])),
        says(C, "GET /again HTTP/1.1\r\nHost: www.example\r\n\r\n"),
        says(S, ok("text/html", b"y")),
    ];
    assert_eq!(
        brief(&play(80, &turns)),
        [
            "request 0 POST www.example/form body 0/5",
            "response 0 200 body 0/100000",
            "request 1 GET www.example/again body 0/0",
            "response 1 200 body 0/1",
        ]
    );
    same_however_cut(80, &turns);
}

#[test]
fn a_post_that_may_be_der_is_kept_whatever_it_is_called() {
    let turns = [says(
        C,
        [
            b"POST / HTTP/1.0\r\nHost: ocsp.example:8080\r\nContent-Length: 13\r\n\r\n",
            OCSP,
        ]
        .concat(),
    )];
    let request = requests(&turns).remove(0);
    assert_eq!(request.body.as_deref(), Some(OCSP));
    assert_eq!(request.port, Some(8080));
    assert_eq!(request.minor_version, 0);
}

#[test]
fn limits_drop_bodies_but_not_their_messages() {
    let mut cx = Context::default();
    cx.limits.http_body = 8;
    cx.limits.crl_body = 8;
    let turns = [
        says(C, post()),
        says(S, ok("application/ocsp-response", OCSP)),
    ];
    let events = play_on(
        ends(80, ClientBy::Syn),
        &turns,
        &[],
        Ending::Finished,
        &mut cx,
    );
    assert_eq!(
        brief(&events),
        [
            "anomaly LimitReached",
            "request 0 POST r10.o.lencr.org/ body 0/13",
            "anomaly LimitReached",
            "response 0 200 body 0/13"
        ]
    );
}

#[test]
fn heads_decide_bodies_by_method_and_status() {
    let get = |method: &str| format!("{method} / HTTP/1.1\r\nHost: e7.i.lencr.org\r\n\r\n");
    let turns = [
        says(C, get("HEAD")),
        says(S, "HTTP/1.1 200 OK\r\nContent-Length: 1306\r\n\r\n"),
        says(C, get("GET")),
        says(
            S,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        ),
        says(C, get("GET")),
        says(
            S,
            "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\n0a",
        ),
        says(C, get("GET")),
        says(S, "HTTP/1.0 200 OK\r\n\r\nuntil the end"),
    ];
    assert_eq!(
        brief(&play(80, &turns))
            .into_iter()
            .filter(|line| line.starts_with("response"))
            .collect::<Vec<_>>(),
        [
            "response 0 200 body 0/0",
            "response 1 204 body 0/0",
            "response 2 206 body 2/2",
            "response 3 200 body 13/13",
        ]
    );
    same_however_cut(80, &turns);
}

#[test]
fn a_body_without_end_is_whole_when_its_der_is() {
    let turns = [
        says(C, "GET / HTTP/1.0\r\nHost: e7.i.lencr.org\r\n\r\n"),
        says(S, [b"HTTP/1.0 200 OK\r\n\r\n", OCSP].concat()),
    ];
    let complete = |turns: &[Turn]| {
        let mut cx = Context::default();
        let events = play_on(
            ends(80, ClientBy::Syn),
            turns,
            &[],
            Ending::Expired,
            &mut cx,
        );
        brief(&events).remove(1)
    };
    assert_eq!(complete(&turns), "response 0 200 body 13/13");
    let cut = [
        turns[0].clone(),
        says(S, "HTTP/1.0 200 OK\r\n\r\n\x30\x0b0"),
    ];
    assert_eq!(complete(&cut), "response 0 200 body 0/3 incomplete");
}
