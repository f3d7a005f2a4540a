//! Whole conversations: how flows open and end, who is the client, what a reader gets.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::flow::entry::Entry;
use crate::flow::{Appetite, Chunk, ClientBy, Close, Gap, Side};
use crate::wire::{Datagram, Segment, Unreachable};

mod endings;
mod limits;
mod opening;
mod streams;
mod tagged;

/// What a flow's reader and witness were told, a line each.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    /// Readers say that they are done when they are told this.
    enough: Option<&'static [u8]>,
    /// Readers swap client and server when they are told this.
    swap: Option<&'static [u8]>,
    closes: Vec<Close>,
    opened: u64,
}

impl Log {
    /// What was told since the last call.
    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}

/// The reader.
#[derive(Debug, Default)]
struct Tape {
    closed: bool,
    /// Bytes that it was given, as if it kept them.
    held: usize,
}

impl Stream<Log> for Tape {
    fn data(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Log,
    ) -> Appetite {
        assert!(!chunk.bytes.is_empty() && !self.closed);
        self.held += chunk.bytes.len();
        let text = String::from_utf8_lossy(chunk.bytes);
        cx.lines.push(format!(
            "{} {} {} {text}",
            flow.0,
            name(chunk.side),
            chunk.offset
        ));
        if cx.swap == Some(chunk.bytes) {
            std::mem::swap(&mut ends.client, &mut ends.server);
            ends.decided = ClientBy::Payload;
        }
        if cx.enough == Some(chunk.bytes) {
            self.held = 0;
            return Appetite::Done;
        }
        Appetite::More
    }

    fn weight(&self) -> usize {
        self.held
    }

    fn gap(&mut self, flow: FlowId, _: &mut Endpoints, gap: Gap, cx: &mut Log) -> Appetite {
        assert!(!self.closed);
        let mut line = format!(
            "{} {} {} gap {}",
            flow.0,
            name(gap.side),
            gap.offset,
            gap.missing
        );
        if gap.cut {
            line.push_str(" cut");
        }
        cx.lines.push(line);
        Appetite::More
    }

    fn close(&mut self, _: FlowId, _: &Endpoints, _: &Close, _: &mut Log) {
        assert!(!std::mem::replace(&mut self.closed, true), "closed once");
    }
}

impl Witness for Log {
    fn opened(
        &mut self,
        flow: FlowId,
        _: Timestamp,
        _: FrameNo,
        ends: &Endpoints,
        _: InterfaceId,
        from_start: bool,
    ) {
        self.opened += 1;
        let mut line = format!(
            "{} open {} by {:?}",
            flow.0,
            ends.client.port(),
            ends.decided
        );
        if !from_start {
            line.push_str(" midway");
        }
        self.lines.push(line);
    }

    fn connected(&mut self, flow: FlowId, _: Timestamp, _: FrameNo) {
        self.lines.push(format!("{} connected", flow.0));
    }

    fn sighted(
        &mut self,
        flow: FlowId,
        _: Timestamp,
        _: FrameNo,
        side: Side,
        packet: &Packet<'_>,
        tsval: Option<u32>,
    ) {
        let mut line = format!("{} saw {} ttl {}", flow.0, name(side), packet.ttl);
        if let Some(tsval) = tsval {
            write!(line, " tsval {tsval}").unwrap();
        }
        self.lines.push(line);
    }

    fn closed(&mut self, flow: FlowId, _: Timestamp, _: FrameNo, close: &Close) {
        self.lines.push(format!("{} {:?}", flow.0, close.how));
        self.closes.push(*close);
    }

    fn conflict(&mut self, flow: FlowId, _: Timestamp, _: FrameNo, side: Side) {
        self.lines
            .push(format!("{} conflict {}", flow.0, name(side)));
    }

    fn limit(&mut self, flow: FlowId, _: Timestamp, _: FrameNo, what: &'static str) {
        self.lines.push(format!("{} limit: {what}", flow.0));
    }
}

/// What a glance tells of a segment on a plain link; None where it leaves it to a closer look.
fn glance_of(packet: &Packet<'_>) -> Option<Glance> {
    let Body::Tcp(segment) = &packet.body else {
        return None;
    };
    let ends = Segment::SYN | Segment::FIN | Segment::RST;
    (segment.flags & ends == 0).then_some(Glance {
        transport: Transport::Tcp,
        scope: packet.scope,
        v6: packet.src.is_ipv6(),
        src: shard::number(packet.src),
        dst: shard::number(packet.dst),
        src_port: segment.src_port,
        dst_port: segment.dst_port,
        seq: segment.seq,
        ack: (segment.flags & Segment::ACK != 0).then_some(segment.ack),
        len: u32::try_from(segment.payload.len()).unwrap() + segment.cut,
    })
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// A table with a clock and two hosts, A (ports of its choice) and B (port 80).
struct Wire {
    table: Table<Tape>,
    log: Log,
    at: Timestamp,
    frame: u64,
    port: u16,
    server_port: u16,
    /// Tags on what A and B send.
    tags: [u32; 2],
    /// TTL of what A sends.
    ttl: u8,
    /// Packets that need no more than a glance get none.
    glances: bool,
    options: &'static [u8],
}

/// Who sends.
#[derive(Clone, Copy)]
enum Host {
    A,
    B,
}
use Host::{A, B};

const TIMESTAMP: &[u8] = &[1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0];

impl Wire {
    fn new() -> Self {
        Self::with(&Limits::default())
    }

    fn with(limits: &Limits) -> Self {
        Self {
            table: Table::new(limits),
            log: Log::default(),
            at: Timestamp::from_secs(1_000),
            frame: 0,
            port: 50_000,
            server_port: 80,
            tags: [0; 2],
            ttl: 64,
            glances: false,
            options: TIMESTAMP,
        }
    }

    /// A segment: flags as letters (S, F, R, and . for ACK), numbers and payload.
    fn tcp(&mut self, from: Host, flags: &str, seq: u32, ack: u32, payload: &str) -> &mut Self {
        self.tcp_cut(from, flags, seq, ack, payload, 0)
    }

    fn tcp_cut(
        &mut self,
        from: Host,
        flags: &str,
        seq: u32,
        ack: u32,
        payload: &str,
        cut: u32,
    ) -> &mut Self {
        let bits = flags.chars().map(|flag| match flag {
            'S' => Segment::SYN,
            'F' => Segment::FIN,
            'R' => Segment::RST,
            '.' => Segment::ACK,
            _ => panic!("{flag}"),
        });
        let (src_port, dst_port) = self.ports(from);
        self.put(
            from,
            Body::Tcp(Segment {
                src_port,
                dst_port,
                seq,
                ack,
                flags: bits.sum(),
                window: 1_000,
                options: self.options,
                payload: payload.as_bytes(),
                cut,
            }),
        )
    }

    fn udp(&mut self, from: Host, payload: &str, cut: u32) -> &mut Self {
        let (src_port, dst_port) = self.ports(from);
        self.put(
            from,
            Body::Udp(Datagram {
                src_port,
                dst_port,
                payload: payload.as_bytes(),
                cut,
            }),
        )
    }

    /// ICMP about a packet that `sender` sent.
    fn unreachable(&mut self, sender: Host, transport: Transport) -> &mut Self {
        let (src_port, dst_port) = self.ports(sender);
        let (src, dst) = addresses(sender);
        self.put(
            B,
            Body::Unreachable(Unreachable {
                transport,
                src: (src, src_port),
                dst: (dst, dst_port),
            }),
        )
    }

    fn put(&mut self, from: Host, body: Body<'_>) -> &mut Self {
        let (src, dst) = addresses(from);
        self.frame += 1;
        let packet = Packet {
            scope: Scope(match from {
                A => self.tags[0],
                B => self.tags[1],
            }),
            base: Scope(0),
            src,
            dst,
            ttl: match from {
                A => self.ttl,
                B => 57,
            },
            mac: None,
            by_this_host: None,
            device: None,
            body,
        };
        let arrived = Arrived {
            at: self.at,
            frame: FrameNo::new(self.frame),
            interface: InterfaceId(0),
            shard: Shard::of(&packet),
            flow: FlowId(self.log.opened + 1),
        };
        if let Some(glance) = glance_of(&packet)
            && self.glances
            && self
                .table
                .count(arrived.at, arrived.frame, arrived.shard, &glance)
        {
            return self;
        }
        let mut make = |_, _: &Endpoints| Tape::default();
        self.table
            .packet(&arrived, &packet, &mut make, &mut self.log);
        self
    }

    fn ports(&self, from: Host) -> (u16, u16) {
        match from {
            A => (self.port, self.server_port),
            B => (self.server_port, self.port),
        }
    }

    /// SYN (100), SYN-ACK (300), ACK; streams begin at 101 and 301.
    fn connect(&mut self) -> &mut Self {
        self.tcp(A, "S", 100, 0, "")
            .after(20)
            .tcp(B, "S.", 300, 101, "")
            .tcp(A, ".", 101, 301, "")
    }

    /// Lets milliseconds pass.
    fn after(&mut self, millis: i64) -> &mut Self {
        self.at = self.at.plus(Span::from_millis(millis));
        self
    }

    /// Lets milliseconds pass, and tells the table.
    fn tick(&mut self, millis: i64) -> &mut Self {
        self.after(millis);
        self.table.expire(self.at, &mut self.log);
        self
    }

    fn finish(&mut self) -> &mut Self {
        self.table.finish(&mut self.log);
        self
    }

    /// What readers and witness were told since the last call.
    fn told(&mut self) -> Vec<String> {
        self.log.take()
    }

    /// The same without openings and sightings.
    fn news(&mut self) -> Vec<String> {
        let mut lines = self.told();
        lines.retain(|line| {
            !line.contains(" open ") && !line.contains(" saw ") && !line.ends_with("connected")
        });
        lines
    }
}

fn addresses(from: Host) -> (IpAddr, IpAddr) {
    let (a, b) = (Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(192, 0, 2, 1));
    match from {
        A => (a.into(), b.into()),
        B => (b.into(), a.into()),
    }
}
