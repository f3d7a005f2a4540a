use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use crate::event::{DnsAnswer, DnsOutcome, DnsTransport, EventKind};
use crate::flow::{FlowId, Scope};
use crate::frame::FrameNo;
use crate::proto::Context;
use crate::proto::testkit::{C, S, brief, play, same_however_cut, says};
use crate::time::{Span, Timestamp};

use super::Message;

/// A name on the wire.
fn name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut wire = owner.to_vec();
    wire.extend(kind.to_be_bytes());
    wire.extend([0, 1, 0, 0, 0, 60]);
    wire.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    wire.extend(data);
    wire
}

fn query(id: u16, question: &str, qtype: u16) -> Vec<u8> {
    let mut wire = id.to_be_bytes().to_vec();
    wire.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    wire.extend(name(question));
    wire.extend(qtype.to_be_bytes());
    wire.extend([0, 1]);
    wire
}

fn answer(id: u16, question: &str, qtype: u16, rcode: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = query(id, question, qtype);
    wire[2] = 0x81;
    wire[3] = 0x80 | rcode;
    wire[7] = u8::try_from(records.len()).unwrap();
    wire.extend(records.concat());
    wire
}

/// The question's name, compressed.
const ASKED: &[u8] = &[0xc0, 12];
const CLIENT: &str = "10.0.0.5:4000";
const SERVER: &str = "10.0.0.1:53";

fn at(millis: i64) -> Timestamp {
    Timestamp::EPOCH.plus(Span::from_millis(millis))
}

/// Feeds messages as (milliseconds, from the client, bytes).
fn feed(messages: &[(i64, bool, Vec<u8>)]) -> Context {
    let mut cx = Context::default();
    for (number, (millis, from_client, payload)) in messages.iter().enumerate() {
        datagram(&mut cx, number, *millis, *from_client, payload, false);
    }
    cx
}

fn datagram(
    cx: &mut Context,
    number: usize,
    millis: i64,
    from_client: bool,
    bytes: &[u8],
    cut: bool,
) {
    let client: SocketAddr = CLIENT.parse().unwrap();
    let server: SocketAddr = SERVER.parse().unwrap();
    let (src, dst) = if from_client {
        (client, server)
    } else {
        (server, client)
    };
    cx.dns_message(&Message {
        at: at(millis),
        frame: FrameNo::new(number as u64 + 1),
        flow: FlowId(0),
        transport: DnsTransport::Udp,
        src,
        dst,
        scope: Scope::default(),
        base: Scope::default(),
        payload: bytes,
        cut,
    });
}

fn answers(cx: Context) -> Vec<DnsAnswer> {
    cx.events
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::DnsAnswer(answer) => Some(*answer),
            _ => None,
        })
        .collect()
}

#[test]
fn an_answer_meets_its_question_in_any_letter_case() {
    let cname = record(ASKED, 5, &name("Edge.Example"));
    let address = record(&name("eDGE.example"), 1, &[192, 0, 2, 7]);
    let cx = feed(&[
        (0, true, query(7, "R10.o.Lencr.org", 1)),
        (
            30,
            false,
            answer(7, "r10.O.lencr.ORG", 1, 0, &[cname, address]),
        ),
    ]);
    assert_eq!(
        brief(&cx.events),
        [
            "query r10.o.lencr.org 1 try 0",
            "answer r10.o.lencr.org 1 Answered [\"edge.example\"] [(192.0.2.7, 60)]",
        ]
    );
    let answer = answers(cx).remove(0);
    assert_eq!(answer.client.to_string(), CLIENT);
    assert_eq!(answer.query_frame, Some(FrameNo::new(1)));
    assert_eq!(answer.took, Some(Span::from_millis(30)));
    assert_eq!(answer.attempts, 1);
}

#[test]
fn outcomes_tell_apart_what_went_wrong() {
    let outcome = |rcode: u8, records: &[Vec<u8>]| {
        let cx = feed(&[(0, false, answer(7, "a.example", 28, rcode, records))]);
        answers(cx).remove(0).outcome
    };
    let cname = record(ASKED, 5, &name("b.example"));
    assert_eq!(outcome(0, std::slice::from_ref(&cname)), DnsOutcome::NoData);
    assert_eq!(outcome(0, &[]), DnsOutcome::NoData);
    assert_eq!(
        outcome(0, &[record(ASKED, 28, &[0; 16])]),
        DnsOutcome::Answered
    );
    assert_eq!(outcome(2, &[]), DnsOutcome::ServerFailure);
    assert_eq!(outcome(3, &[cname]), DnsOutcome::NoSuchName);
    assert_eq!(outcome(5, &[]), DnsOutcome::Refused);
    assert_eq!(outcome(4, &[]), DnsOutcome::Failed(4));
    let mut truncated = answer(7, "a.example", 1, 0, &[]);
    truncated[2] |= 2;
    assert_eq!(
        answers(feed(&[(0, false, truncated)])).remove(0).outcome,
        DnsOutcome::Truncated
    );
}

#[test]
fn a_question_asked_again_counts_and_a_copy_does_not() {
    let question = query(7, "a.example", 1);
    let reply = answer(7, "a.example", 1, 0, &[record(ASKED, 1, &[192, 0, 2, 7])]);
    let other = answer(7, "a.example", 1, 0, &[record(ASKED, 1, &[192, 0, 2, 8])]);
    let cx = feed(&[
        (0, true, question.clone()),
        (1, true, question.clone()),
        (5_000, true, question.clone()),
        (5_100, false, reply.clone()),
        (5_101, false, reply),
        (5_200, false, other),
        (9_000, true, question),
    ]);
    assert_eq!(
        brief(&cx.events),
        [
            "query a.example 1 try 0",
            "query a.example 1 try 1",
            "answer a.example 1 Answered [] [(192.0.2.7, 60)]",
            "answer a.example 1 Answered [] [(192.0.2.8, 60)]",
            "query a.example 1 try 0",
        ]
    );
    let answer = answers(cx).remove(0);
    assert_eq!(
        (answer.attempts, answer.took),
        (2, Some(Span::from_millis(5_100)))
    );
}

#[test]
fn unanswered_questions_are_reported_in_time_and_late_answers_still_matched() {
    let mut cx = feed(&[
        (0, true, query(7, "a.example", 1)),
        (0, true, query(7, "a.example", 28)),
    ]);
    cx.events.clear();
    cx.expire(at(19_999));
    assert!(cx.events.is_empty());
    cx.expire(at(20_000));
    assert_eq!(
        brief(&cx.events),
        [
            "answer a.example 1 Unanswered [] []",
            "answer a.example 28 Unanswered [] []"
        ]
    );
    cx.events.clear();
    datagram(
        &mut cx,
        5,
        25_000,
        false,
        &answer(7, "a.example", 1, 3, &[]),
        false,
    );
    let late = answers(cx).remove(0);
    assert_eq!(
        (late.outcome, late.took),
        (DnsOutcome::NoSuchName, Some(Span::from_secs(25)))
    );

    let mut cx = feed(&[(0, true, query(7, "a.example", 1))]);
    cx.finish();
    assert_eq!(brief(&cx.events)[1], "answer a.example 1 Unanswered [] []");
}

#[test]
fn waiting_lookups_are_bounded() {
    let mut cx = Context::default();
    cx.limits.dns_pending = 4;
    for id in 0..100 {
        datagram(&mut cx, 0, 0, true, &query(id, "a.example", 1), false);
    }
    cx.events.clear();
    cx.finish();
    assert_eq!(cx.events.len(), 4);
    cx.expire(at(100_000));
    assert_eq!(cx.events.len(), 4);
}

#[test]
fn an_answer_just_before_its_question_answers_it() {
    let reply = answer(7, "a.example", 1, 3, &[]);
    let mut cx = feed(&[
        (31, false, reply.clone()),
        (30, true, query(7, "a.example", 1)),
        (32, false, reply),
    ]);
    cx.finish();
    assert_eq!(
        brief(&cx.events),
        [
            "answer a.example 1 NoSuchName [] []",
            "query a.example 1 try 0"
        ]
    );
}

#[test]
fn many_questions_under_one_id_stay_bounded() {
    let mut cx = Context::default();
    for number in 0..100 {
        let question = query(7, &format!("n{number}.example"), 1);
        datagram(&mut cx, 0, number, true, &question, false);
    }
    cx.events.clear();
    cx.finish();
    let lines = brief(&cx.events);
    assert_eq!(lines.len(), super::SAME_ID);
    assert_eq!(lines[0], "answer n84.example 1 Unanswered [] []");
}

#[test]
fn a_connection_of_other_messages_is_left_alone() {
    let turns = [says(
        C,
        [&[0, 12, 0, 0, 0, 0, 0, 1][..], &[0; 400]].concat(),
    )];
    assert_eq!(brief(&play(53, &turns)), ["anomaly BadDns"]);
    same_however_cut(53, &turns);
}

#[test]
fn records_before_a_bad_or_cut_one_are_kept() {
    let good = record(ASKED, 1, &[192, 0, 2, 7]);
    let records = [good.clone(), record(ASKED, 1, &[1, 2, 3]), good.clone()];
    let cx = feed(&[(0, false, answer(7, "a.example", 1, 0, &records))]);
    assert_eq!(
        brief(&cx.events),
        [
            "anomaly BadDns",
            "answer a.example 1 Answered [] [(192.0.2.7, 60), (192.0.2.7, 60)]"
        ]
    );
    let whole = answer(7, "a.example", 1, 0, &[good.clone(), good]);
    let mut cx = Context::default();
    datagram(&mut cx, 0, 0, false, &whole[..whole.len() - 5], true);
    assert_eq!(
        brief(&cx.events),
        ["answer a.example 1 Answered [] [(192.0.2.7, 60)]"]
    );
}

#[test]
fn only_records_that_the_name_leads_to_count() {
    let alias = record(ASKED, 5, &name("b.example"));
    let target = record(&name("b.example"), 1, &[192, 0, 2, 7]);
    let foreign = record(&name("bank.example"), 1, &[192, 0, 2, 66]);
    // Whatever the order.
    let cx = feed(&[(
        0,
        false,
        answer(7, "a.example", 1, 0, &[foreign, target, alias]),
    )]);
    let answer = answers(cx).remove(0);
    assert_eq!(answer.addresses, [(IpAddr::from([192, 0, 2, 7]), 60)]);
}

#[test]
fn names_with_loops_or_odd_octets_do_no_harm() {
    let mut text = String::new();
    for looped in [
        &[0xc0, 0][..],
        &[1, b'a', 0xc0, 0],
        &[0xc0, 2, 0xc0, 0],
        &[0xc0],
        &[0x80, 0],
        &[5, b'a'],
    ] {
        assert_eq!(super::read_name(looped, 0, &mut text), None, "{looped:?}");
    }
    assert_eq!(
        super::read_name(b"\x05a.\\\x00B\x01c\x00", 0, &mut text),
        Some(9)
    );
    assert_eq!(text, "a\\046\\092\\000b.c");
    assert_eq!(super::read_name(b"\x00", 0, &mut text), Some(1));
    assert_eq!(text, "");
    let long = [[63; 64].repeat(4), vec![0]].concat();
    assert_eq!(super::read_name(&long, 0, &mut text), None);
}

#[test]
fn https_records_give_hints_and_public_names() {
    let config = [
        &[0xfe, 0x0d, 0, 24][..],                                 // version, length
        &[1, 0, 0x20, 0, 2, 0xaa, 0xbb, 0, 4, 0, 1, 0, 1, 64, 8], // id, KEM, key, suites, length
        b"ech.test",
        &[0],
    ]
    .concat();
    let list = [&[0, 28][..], &config].concat();
    let data = [
        &[0, 1, 0][..], // priority, target "."
        &[0, 4, 0, 4, 192, 0, 2, 9],
        &[0, 5, 0, 30],
        &list,
        &[0, 6, 0, 16],
        &[0x20; 16],
    ]
    .concat();
    let cx = feed(&[(
        0,
        false,
        answer(7, "a.example", 65, 0, &[record(ASKED, 65, &data)]),
    )]);
    let answer = answers(cx).remove(0);
    assert_eq!(answer.outcome, DnsOutcome::Answered);
    assert_eq!(answer.addresses.len(), 2);
    assert_eq!(answer.ech_public_names[0].as_str(), "ech.test");
}

#[test]
fn an_answer_under_another_tag_meets_its_question() {
    let mut cx = Context::default();
    let mut send = |scope, from_client, bytes: &[u8]| {
        let (client, server) = (CLIENT.parse().unwrap(), SERVER.parse().unwrap());
        let (src, dst) = if from_client {
            (client, server)
        } else {
            (server, client)
        };
        cx.dns_message(&Message {
            at: at(0),
            frame: FrameNo::new(1),
            flow: FlowId(0),
            transport: DnsTransport::Udp,
            src,
            dst,
            scope: Scope(scope),
            base: Scope(0),
            payload: bytes,
            cut: false,
        });
    };
    let records = |last| [record(ASKED, 1, &[192, 0, 2, last])];
    send(7, true, &query(1, "a.example", 1));
    send(0, false, &answer(1, "a.example", 1, 0, &records(1)));
    send(0, false, &answer(1, "a.example", 1, 0, &records(1)));
    // Two networks with the same addresses: each has its own answer.
    send(7, true, &query(2, "b.example", 1));
    send(8, true, &query(2, "b.example", 1));
    send(8, false, &answer(2, "b.example", 1, 0, &records(8)));
    send(7, false, &answer(2, "b.example", 1, 0, &records(7)));
    let told: Vec<_> = answers(cx)
        .into_iter()
        .map(|a| (a.scope.0, a.addresses[0].0.to_string(), a.attempts))
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(s, ip, n)| (*s, ip.as_str(), *n))
        .collect();
    assert_eq!(
        told,
        [
            (7, "192.0.2.1", 1),
            (8, "192.0.2.8", 1),
            (7, "192.0.2.7", 1)
        ]
    );
}

#[test]
fn llmnr_and_mdns_answers_come_from_members_of_the_group() {
    let mut cx = Context::default();
    let mut send = |transport, src: &str, dst: &str, payload: &[u8]| {
        cx.dns_message(&Message {
            at: at(0),
            frame: FrameNo::new(1),
            flow: FlowId(0),
            transport,
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            scope: Scope::default(),
            base: Scope::default(),
            payload,
            cut: false,
        });
    };
    let group = "224.0.0.252:5355";
    send(DnsTransport::Llmnr, CLIENT, group, &query(7, "nas", 1));
    let records = [record(ASKED, 1, &[10, 0, 0, 9])];
    send(
        DnsTransport::Llmnr,
        "10.0.0.9:5355",
        CLIENT,
        &answer(7, "nas", 1, 0, &records),
    );
    // RFC 6762 6: no question in the answer.
    let mut mdns = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    mdns.extend(record(&name("tv.local"), 1, &[10, 0, 0, 8]));
    send(
        DnsTransport::Mdns,
        "10.0.0.8:5353",
        "224.0.0.251:5353",
        &mdns,
    );
    let lines = brief(&cx.events);
    assert_eq!(lines[1], "answer nas 1 Answered [] [(10.0.0.9, 60)]");
    assert_eq!(lines[2], "answer tv.local 1 Answered [] [(10.0.0.8, 60)]");
    assert_eq!(answers(cx)[0].query_frame, Some(FrameNo::new(1)));
}

#[test]
fn a_bare_header_answers_the_question_that_waits() {
    let mut refusal = answer(7, "a.example", 1, 1, &[]);
    refusal.truncate(12);
    refusal[5] = 0;
    let cx = feed(&[(0, true, query(7, "a.example", 1)), (9, false, refusal)]);
    assert_eq!(brief(&cx.events)[1], "answer a.example 1 Failed(1) [] []");
}

#[test]
fn messages_over_tcp_are_cut_anywhere() {
    let framed = |message: Vec<u8>| {
        let length = u16::try_from(message.len()).unwrap();
        [length.to_be_bytes().to_vec(), message].concat()
    };
    let address = record(ASKED, 1, &[192, 0, 2, 7]);
    let turns = [
        says(
            C,
            [
                framed(query(7, "a.example", 1)),
                framed(query(8, "b.example", 28)),
            ]
            .concat(),
        ),
        says(S, framed(answer(8, "b.example", 28, 3, &[]))),
        says(S, framed(answer(7, "a.example", 1, 0, &[address]))),
    ];
    assert_eq!(
        brief(&play(53, &turns)),
        [
            "query a.example 1 try 0",
            "query b.example 28 try 0",
            "answer b.example 28 NoSuchName [] []",
            "answer a.example 1 Answered [] [(192.0.2.7, 60)]",
        ]
    );
    same_however_cut(53, &turns);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        kind in prop::sample::select(vec![1_u16, 5, 28, 64, 65]),
        data in proptest::collection::vec(any::<u8>(), 0..60),
        keep in 0_usize..200,
    ) {
        let mut cx = Context::default();
        datagram(&mut cx, 0, 0, false, &bytes, false);
        if let Some(flags) = bytes.get_mut(2) {
            *flags &= 0x87;
        }
        datagram(&mut cx, 0, 0, true, &bytes, true);
        let mut whole = answer(7, "a.example", kind, 0, &[record(ASKED, kind, &data), record(ASKED, 1, &[1; 4])]);
        whole.truncate(keep);
        datagram(&mut cx, 0, 0, false, &whole, false);
    }

    /// The reader agrees with hickory wherever hickory can read the message.
    #[test]
    fn names_read_as_hickory_reads_them(
        labels in proptest::collection::vec("[A-Za-z0-9_-]{1,20}", 1..5),
        target in proptest::collection::vec("[A-Za-z0-9_-]{1,20}", 1..5),
    ) {
        use hickory_proto::op::Message;
        use hickory_proto::rr::RData;
        let (asked, target) = (labels.join("."), target.join("."));
        let mut alias = name(&target);
        alias.pop();
        alias.extend(ASKED);
        let wire = answer(7, &asked, 5, 0, &[record(ASKED, 5, &alias)]);
        let message = Message::from_vec(&wire).unwrap();
        let RData::CNAME(theirs) = &message.answers[0].data else { panic!() };
        // hickory escapes a leading hyphen for zone files.
        let theirs = theirs.0.to_string().to_ascii_lowercase().replace('\\', "");
        let answer = answers(feed(&[(0, false, wire)])).remove(0);
        prop_assert_eq!(answer.chain[0].as_str(), theirs.trim_end_matches('.'));
        prop_assert_eq!(answer.name.as_str(), asked.to_ascii_lowercase());
    }
}

#[test]
fn of_names_nobody_wants_only_addresses_are_told() {
    let alias = |owner: &str| record(&name(owner), 5, &name("edge.example"));
    let address = |last| record(&name("edge.example"), 1, &[192, 0, 2, last]);
    let mut cx = Context::default();
    cx.want(|name| name.ends_with("wanted.example"));
    let messages = [
        (true, query(1, "a.example", 1)),
        (
            false,
            answer(1, "a.example", 1, 0, &[alias("a.example"), address(7)]),
        ),
        // A second, different answer still knows what it is about, in the letters of the question or in others.
        (
            false,
            answer(1, "a.example", 1, 0, &[alias("a.example"), address(8)]),
        ),
        (
            false,
            answer(1, "A.example", 1, 0, &[alias("a.example"), address(9)]),
        ),
        (true, query(2, "b.example", 28)),
        (false, answer(2, "b.example", 28, 3, &[])),
        (true, query(3, "c.example", 1)),
        (true, query(4, "wanted.example", 28)),
        (
            false,
            answer(4, "wanted.example", 28, 0, &[alias("wanted.example")]),
        ),
        (true, query(5, "un.wanted.example", 1)),
    ];
    for (number, (from_client, bytes)) in messages.iter().enumerate() {
        let millis = i64::try_from(number).unwrap() * 10;
        datagram(&mut cx, number, millis, *from_client, bytes, false);
    }
    cx.finish();
    assert_eq!(
        brief(&cx.events),
        [
            "answer a.example 1 Answered [] [(192.0.2.7, 60)]",
            "answer a.example 1 Answered [] [(192.0.2.8, 60)]",
            "answer a.example 1 Answered [] [(192.0.2.9, 60)]",
            "answer wanted.example 28 NoData [\"edge.example\"] []",
            "answer un.wanted.example 1 Unanswered [] []",
        ]
    );
    assert!(
        answers(cx)
            .iter()
            .all(|answer| answer.query_frame.is_some())
    );
}
