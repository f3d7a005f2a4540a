//! Any bytes as the two sides of a TCP connection: HTTP, TLS, DNS, STARTTLS, proxies, and packets in streams.
//! The first byte chooses the port; each further piece begins with a byte that says whose turn it is and how
//! long it is; length 0 is a gap. What was held for the flow must be free when it ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::flow::{
    Appetite, Chunk, ClientBy, Close, Ending, Endpoints, FlowId, Gap, Scope, Side, Stream, Transport,
};
use whylencr::frame::{Frame, FrameNo, InterfaceId};
use whylencr::limits::Limits;
use whylencr::proto::{Context, Session};
use whylencr::time::Timestamp;
use whylencr::wire::Decoder;

const PORTS: [u16; 17] = [80, 443, 53, 25, 143, 110, 21, 389, 5222, 5432, 3306, 119, 4190, 1080, 3128, 9999, 6653];

fuzz_target!(|data: &[u8]| {
    let [port, rest @ ..] = data else { return };
    let mut rest = rest;
    let port = PORTS[usize::from(*port) % PORTS.len()];
    let mut ends = Endpoints {
        transport: Transport::Tcp,
        client: ([10, 0, 0, 1], 40_000).into(),
        server: ([10, 0, 0, 2], port).into(),
        scope: Scope(0),
        decided: ClientBy::Syn,
    };
    let (mut session, mut cx) = (Session::default(), Context::default());
    let mut offsets = [0_u64; 2];
    let mut decoder = Decoder::new(&Limits::default());
    let mut no = 0;
    while let [turn, more @ ..] = rest {
        let length = usize::from(turn & 0x7f).min(more.len());
        let (bytes, left) = more.split_at(length);
        rest = left;
        let side = if turn & 0x80 == 0 { Side::Client } else { Side::Server };
        no += 1;
        let offset = offsets[side.index()];
        if bytes.is_empty() {
            offsets[side.index()] += 100;
            let gap = Gap { side, offset, missing: 100, at: Timestamp::from_secs(no), cut: no % 2 == 0 };
            if session.gap(FlowId(1), &mut ends, gap, &mut cx) == Appetite::Done {
                break;
            }
            continue;
        }
        offsets[side.index()] += bytes.len() as u64;
        let chunk = Chunk { side, offset, at: Timestamp::from_secs(no), frame: FrameNo::new(1), bytes };
        let appetite = session.data(FlowId(1), &mut ends, chunk, &mut cx);
        read(&mut decoder, &mut cx);
        if appetite == Appetite::Done {
            break;
        }
    }
    let close = Close {
        how: Ending::Finished,
        at: Timestamp::from_secs(no),
        frame: FrameNo::new(1),
        bytes: offsets,
        packets: [1, 1],
        last_payload: [None, None],
        connect: None,
        turnaround: None,
    };
    session.close(FlowId(1), &ends, &close, &mut cx);
    let held = cx.held();
    assert_eq!(held.bodies + held.encrypted + held.crypto, 0);
});

/// Reads what the stream carried.
fn read(decoder: &mut Decoder, cx: &mut Context) {
    for carried in cx.carried.drain(..) {
        let frame = Frame {
            no: carried.frame,
            at: carried.at,
            link: carried.link,
            interface: InterfaceId(0),
            wire_len: carried.wire_len,
            crossing: None,
            comment: None,
            bytes: &carried.bytes,
        };
        let _ = decoder.decode_within(&frame, &carried.within);
        while decoder.further(&frame).is_some() {}
    }
}
