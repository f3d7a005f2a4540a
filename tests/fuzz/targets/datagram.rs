//! Any bytes as datagrams: QUIC, DNS, tunnels that hide. Each piece begins with a byte that says whose turn
//! it is and what it is, and one for its length: in units of 16 when asked, since a client's first QUIC
//! datagram has at least 1200 bytes (RFC 9000 14.1).
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::event::DnsTransport;
use whylencr::flow::{Chunk, ClientBy, Endpoints, FlowId, Scope, Side, Stream, Transport};
use whylencr::frame::FrameNo;
use whylencr::proto::{Context, Session, dns};
use whylencr::time::Timestamp;

fuzz_target!(|data: &[u8]| {
    let mut ends = Endpoints {
        transport: Transport::Udp,
        client: ([10, 0, 0, 1], 40_000).into(),
        server: ([10, 0, 0, 2], 443).into(),
        scope: Scope(0),
        decided: ClientBy::First,
    };
    let (mut session, mut cx) = (Session::default(), Context::default());
    let mut rest = data;
    let mut no = 0;
    while let [turn, size, more @ ..] = rest {
        let unit = if turn & 8 == 0 { 1 } else { 16 };
        let length = (usize::from(*size) * unit).max(1).min(more.len());
        let (bytes, left) = more.split_at(length);
        rest = left;
        if bytes.is_empty() {
            break;
        }
        no += 1;
        let at = Timestamp::from_secs(no);
        let (src, dst) = if turn & 1 == 0 { (ends.client, ends.server) } else { (ends.server, ends.client) };
        if turn & 2 == 0 {
            let side = if turn & 1 == 0 { Side::Client } else { Side::Server };
            let chunk = Chunk { side, offset: no.unsigned_abs(), at, frame: FrameNo::new(1), bytes };
            session.data(FlowId(1), &mut ends, chunk, &mut cx);
        } else {
            cx.dns_message(&dns::Message {
                at,
                frame: FrameNo::new(1),
                flow: FlowId(0),
                transport: DnsTransport::Udp,
                src,
                dst,
                scope: Scope(0),
                base: Scope(0),
                payload: bytes,
                cut: turn & 4 != 0,
            });
        }
    }
    cx.finish();
});
