//! Plays a talk between two ends to a [`Session`] and writes down what it reported.

use std::net::SocketAddr;

use proptest::prelude::*;

use crate::event::{Event, EventKind, Name};
use crate::flow::{
    Chunk, ClientBy, Close, Ending, Endpoints, FlowId, Gap, Scope, Side, Stream, Transport,
};
use crate::frame::FrameNo;
use crate::time::{Span, Timestamp};

use super::{Context, Session};

pub(crate) use crate::flow::Side::{Client as C, Server as S};

/// What one end says, or what of it is missing.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    Says(Side, Vec<u8>),
    Lacks(Side, u64),
}

pub(crate) fn says(side: Side, bytes: impl AsRef<[u8]>) -> Turn {
    Turn::Says(side, bytes.as_ref().to_vec())
}

pub(crate) fn ends(server_port: u16, decided: ClientBy) -> Endpoints {
    Endpoints {
        transport: Transport::Tcp,
        client: SocketAddr::from(([10, 0, 0, 5], 50_000)),
        server: SocketAddr::from(([192, 0, 2, 1], server_port)),
        scope: Scope::default(),
        decided,
    }
}

/// Time and frame of a turn: its number in tenths of a second, counted from 1.
pub(crate) fn when(turn: usize) -> (Timestamp, FrameNo) {
    let number = i64::try_from(turn).unwrap() + 1;
    (
        Timestamp::EPOCH.plus(Span::from_millis(100 * number)),
        FrameNo::new(number.unsigned_abs()),
    )
}

/// Plays the turns, each cut into pieces of the given lengths (in turn; 0 is the rest).
pub(crate) fn play_on(
    mut ends: Endpoints,
    turns: &[Turn],
    cuts: &[usize],
    how: Ending,
    cx: &mut Context,
) -> Vec<Event> {
    let mut session = Session::default();
    let mut cuts = cuts.iter().copied().cycle();
    let mut offsets = [0_u64; 2];
    let mut open = true;
    for (number, turn) in turns.iter().enumerate() {
        let (at, frame) = when(number);
        match turn {
            Turn::Lacks(side, missing) => {
                let offset = &mut offsets[side.index()];
                if open {
                    let gap = Gap {
                        side: *side,
                        offset: *offset,
                        missing: *missing,
                        at,
                        cut: false,
                    };
                    open =
                        session.gap(FlowId(7), &mut ends, gap, cx) == crate::flow::Appetite::More;
                }
                *offset += missing;
            }
            Turn::Says(side, bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let cut = match cuts.next() {
                        None | Some(0) => rest.len(),
                        Some(cut) => cut.min(rest.len()),
                    };
                    let (piece, later) = rest.split_at(cut);
                    rest = later;
                    let offset = &mut offsets[side.index()];
                    if open {
                        let chunk = Chunk {
                            side: *side,
                            offset: *offset,
                            at,
                            frame,
                            bytes: piece,
                        };
                        open = session.data(FlowId(7), &mut ends, chunk, cx)
                            == crate::flow::Appetite::More;
                    }
                    *offset += piece.len() as u64;
                }
            }
        }
    }
    let (at, frame) = when(turns.len());
    let close = Close {
        how,
        at,
        frame,
        bytes: offsets,
        packets: [1, 1],
        last_payload: [None, None],
        connect: None,
        turnaround: None,
    };
    session.close(FlowId(7), &ends, &close, cx);
    assert_eq!(cx.held().bodies, 0, "every body is released");
    std::mem::take(&mut cx.events)
}

/// Plays the turns whole, from the SYN to the FIN.
pub(crate) fn play(server_port: u16, turns: &[Turn]) -> Vec<Event> {
    let mut cx = Context::default();
    let ends = ends(server_port, ClientBy::Syn);
    play_on(ends, turns, &[], Ending::Finished, &mut cx)
}

/// The same events come of the same bytes however they are cut.
pub(crate) fn same_however_cut(server_port: u16, turns: &[Turn]) {
    let whole = format!("{:#?}", play(server_port, turns));
    for cuts in [vec![1], vec![2], vec![3], vec![7, 1], vec![64]] {
        check(server_port, turns, &cuts, &whole);
    }
    let strategy = proptest::collection::vec(0_usize..40, 1..20);
    let config = ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(cuts in strategy)| {
        check(server_port, turns, &cuts, &whole);
    });
}

fn check(server_port: u16, turns: &[Turn], cuts: &[usize], whole: &str) {
    let mut cx = Context::default();
    let ends = ends(server_port, ClientBy::Syn);
    let cut = play_on(ends, turns, cuts, Ending::Finished, &mut cx);
    assert_eq!(format!("{cut:#?}"), whole, "cut as {cuts:?}");
}

/// The events in a few words each, without the beats of TLS.
pub(crate) fn brief(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .filter(|event| !matches!(event.kind, EventKind::Beat(_)))
        .map(|event| match &event.kind {
            EventKind::Request(r) => format!(
                "request {} {} {}{} body {}/{}",
                r.index,
                r.method,
                r.host.as_ref().map_or("-", |host| host.as_str()),
                r.path,
                r.body.as_ref().map_or(0, |body| body.len()),
                r.body_len,
            ),
            EventKind::Response(r) => format!(
                "response {} {} body {}/{}{}",
                r.index,
                r.status,
                r.body.as_ref().map_or(0, |body| body.len()),
                r.body_len,
                if r.complete { "" } else { " incomplete" },
            ),
            EventKind::ClientHello(hello) => format!("hello {:?}", hello.carrier),
            EventKind::TunnelAsked(to) => format!("tunnel to {}:{}", to.target, to.port),
            EventKind::TunnelAnswered {
                opened: true,
                spent,
            } => format!("opened {spent:?}"),
            EventKind::TunnelAnswered { opened: false, .. } => "refused".to_owned(),
            EventKind::BlindSpot(spot) => format!("blind {spot:?}"),
            EventKind::Anomaly(anomaly) => format!("anomaly {:?}", anomaly.kind),
            EventKind::DnsQuery(q) => format!("query {} {} try {}", q.name, q.qtype, q.attempt),
            EventKind::DnsAnswer(a) => format!(
                "answer {} {} {:?} {:?} {:?}",
                a.name,
                a.qtype,
                a.outcome,
                a.chain.iter().map(Name::as_str).collect::<Vec<_>>(),
                a.addresses,
            ),
            other => format!("{other:?}"),
        })
        .collect()
}

/// A record with a ClientHello in it (RFC 5246 7.4.1.2), with server_name.
pub(crate) fn hello(server_name: &str) -> Vec<u8> {
    let name = server_name.as_bytes();
    let be = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let extension = [
        &[0, 0][..],
        &be(name.len() + 5),
        &be(name.len() + 3),
        &[0],
        &be(name.len()),
        name,
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[0x5a; 32],
        &[0, 0, 2, 0xc0, 0x2f, 1, 0],
        &be(extension.len()),
        &extension,
    ]
    .concat();
    let [high, low] = be(body.len());
    let handshake = [&[1, 0, high, low][..], &body].concat();
    [&[0x16, 3, 1][..], &be(handshake.len()), &handshake].concat()
}

/// A record with the client's ChangeCipherSpec: it went on after the server's flight.
pub(crate) const GOES_ON: &[u8] = &[0x14, 3, 3, 0, 1, 1];
