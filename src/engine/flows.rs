//! Rooms 3 and 4: packets to events.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::event::{
    Anomaly, AnomalyKind, DnsTransport, Event, EventKind, FlowOpened, Process, Sighting,
};
use crate::finding::Coverage;
use crate::flow::table::{Arrived, Table};
use crate::flow::{Cause, Close, Endpoints, FlowId, Scope, Shard, Side, Transport, Witness};
use crate::frame::{Frame, FrameNo, InterfaceId, NameHint};
use crate::limits::Limits;
use crate::proto::{Context, Session, dns};
use crate::time::Timestamp;
use crate::wire::{self, Body, Packet};

/// The flows of some shards, or of all.
#[derive(Debug)]
pub(super) struct Flows {
    pub(super) table: Table<Session>,
    pub(super) cx: Context,
    pub(super) carried: super::carried::Rooms,
    /// Given to the flow that the next packet opens.
    pub(super) process: Option<Arc<Process>>,
    keys_taken: u64,
    /// Senders of lookups that were sighted already, by a packet whose TTL tells something or by another one.
    pub(super) sighted: HashSet<(Scope, IpAddr, bool), foldhash::fast::RandomState>,
    /// Events before this one are accounted for.
    settled: usize,
    pub(super) counts: Counts,
}

/// See [`Coverage`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) flows: [u64; 2],
    pub(super) midstream: u64,
    pub(super) one_sided: u64,
}

impl Flows {
    pub(super) fn new(limits: Limits) -> Self {
        let limits = limits.shard();
        Self {
            table: Table::new(&limits),
            cx: Context::new(limits),
            carried: super::carried::Rooms::default(),
            process: None,
            keys_taken: 0,
            sighted: HashSet::default(),
            settled: 0,
            counts: Counts::default(),
        }
    }

    /// The same limits and secrets for other shards, of which nothing was seen yet.
    pub(super) fn beside(&self) -> Self {
        Self {
            table: Table::new(&self.cx.limits),
            cx: self.cx.beside(),
            carried: self.carried.beside(),
            process: None,
            keys_taken: self.keys_taken,
            sighted: HashSet::default(),
            settled: 0,
            counts: Counts::default(),
        }
    }

    /// Takes over a shard from flows that were shown the same, and what was counted there.
    pub(super) fn take_over(&mut self, shard: Shard, other: &mut Self) {
        self.table.take_over(shard, &mut other.table);
        self.cx.take_over(shard, &mut other.cx);
        self.carried.take_over(shard, &mut other.carried);
        let counts = std::mem::take(&mut other.counts);
        for (sum, count) in self.counts.flows.iter_mut().zip(counts.flows) {
            *sum += count;
        }
        self.counts.midstream += counts.midstream;
        self.counts.one_sided += counts.one_sided;
    }

    /// Counts a packet of a flow that nobody reads any more; false when it is none.
    #[inline(always)]
    pub(super) fn counted(&mut self, frame: &Frame<'_>) -> bool {
        let Some(packet) = wire::glance(frame) else {
            return false;
        };
        let lookup = packet.transport == Transport::Udp
            && dns::transport(packet.src_port, packet.dst_port).is_some();
        let shard = Shard::of_glance(&packet);
        !lookup && self.table.count(frame.at, frame.no, shard, &packet)
    }

    /// Takes a packet. `flow` is the id of the flow that it opens, if it opens one.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        interface: InterfaceId,
        packet: &Packet<'_>,
        flow: FlowId,
    ) {
        let (shard, transport) = shard(packet);
        self.table.tell(at, frame, &mut self.cx);
        if !self.cx.carried.is_empty() {
            // What time alone brings about carries nothing on: it comes behind a hole.
            self.cx.carried.clear();
        }
        let arrived = Arrived {
            at,
            frame,
            interface,
            shard,
            flow,
        };
        self.place(&arrived, packet, transport);
        if !self.cx.carried.is_empty() {
            self.take_carried(interface);
        }
    }

    /// Gives a packet to the lookup or the flow that it is of, in the turn of its shard.
    #[inline(always)]
    pub(super) fn place(
        &mut self,
        arrived: &Arrived,
        packet: &Packet<'_>,
        transport: Option<DnsTransport>,
    ) {
        let Arrived {
            at, frame, shard, ..
        } = *arrived;
        self.cx.turn(shard, Cause::Packet);
        let known = transport.is_some_and(|transport| {
            // One call is less than to have all of this wherever packets are taken.
            self.look_up(at, frame, packet, transport, shard)
        });
        if !known {
            let mut make = |_: FlowId, _: &Endpoints| Session::default();
            self.table
                .packet_told(arrived, packet, &mut make, &mut self.cx);
        }
    }

    /// The same, for callers that are not in so much of a hurry.
    #[inline(never)]
    pub(super) fn take_any(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        interface: InterfaceId,
        packet: &Packet<'_>,
        flow: FlowId,
    ) {
        self.take(at, frame, interface, packet, flow);
    }

    /// Takes a lookup, which is no flow; false when it is none.
    #[inline(never)]
    pub(super) fn look_up(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        packet: &Packet<'_>,
        transport: DnsTransport,
        shard: Shard,
    ) -> bool {
        let scope = self.table.scope(shard, packet.scope);
        let known = lookup(at, frame, packet, transport, scope, &mut self.cx);
        if known {
            if let Some((scope, with)) = self.cx.dns_joined() {
                self.table.join(shard, scope, with, &mut self.cx);
            }
            // Its sender is sighted here, once for each address; that of one which a stream carried, by its flows.
            let room = shard == Shard::FIRST && self.sighted.len() < self.cx.limits.devices;
            let tells = packet.ttl_default_of().is_some();
            if room && self.sighted.insert((scope, packet.src, tells)) {
                let packet = Packet { scope, ..*packet };
                self.cx
                    .sighted(FlowId(0), at, frame, Side::Client, &packet, None);
            }
        }
        known
    }

    /// Takes lines of an NSS key log. Returns how many were secrets.
    pub(super) fn secrets(&mut self, lines: &[u8]) -> usize {
        self.carried.learn(lines, &self.cx.limits);
        let taken = self.cx.keys.add_text(lines);
        self.keys_taken += taken as u64;
        self.cx.carried.clear();
        for flow in self.cx.keys.take_ready() {
            if let Some((shard, session, ends)) = self.table.session_mut(flow) {
                self.cx.poke(shard, flow);
                session.poke(flow, ends, &mut self.cx);
            }
            if !self.cx.carried.is_empty() {
                self.take_carried(InterfaceId::default());
            }
        }
        self.settle();
        taken
    }

    /// Takes a name that the capture file gives to an address.
    pub(super) fn name_hint(&mut self, hint: NameHint) {
        let now = self.cx.now();
        self.cx.turn(Shard::FIRST, Cause::Packet);
        self.cx
            .emit(now, FrameNo::NONE, FlowId(0), EventKind::NameHint(hint));
        self.settle();
    }

    /// Lets trace time pass without packets.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let now = self.cx.now().max(now);
        self.table.expire(now, &mut self.cx);
        self.cx.expire(now);
        self.settle();
    }

    /// Makes room in what is kept of the past.
    pub(super) fn forget(&mut self) {
        // Whose lookups come again are sighted again.
        self.sighted.clear();
        self.cx.keys.turn();
    }

    /// Everything still open is closed.
    pub(super) fn close(&mut self) {
        self.table.finish(&mut self.cx);
        self.cx.finish();
        self.settle();
    }

    /// What happened since this was asked last, in order.
    pub(super) fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.settled = 0;
        self.cx.events.drain(..)
    }

    /// The same as a batch of its own.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.settled = 0;
        std::mem::take(&mut self.cx.events)
    }

    /// Says what was seen of flows and keys.
    pub(super) fn add_to(&self, coverage: &mut Coverage) {
        coverage.flows = self.counts.flows;
        coverage.midstream_flows = self.counts.midstream;
        coverage.one_sided_flows = self.counts.one_sided;
        coverage.keys.0 += self.keys_taken;
        // One that opens packets of streams may open others as well.
        let used = self.cx.keys.used() + self.carried.keys_used();
        coverage.keys.1 = (coverage.keys.1 + used).min(coverage.keys.0);
        let dropped = self.cx.keys.dropped();
        if dropped > 0 {
            let limits = coverage.anomalies.entry(AnomalyKind::LimitReached);
            *limits.or_default() += dropped;
        }
    }

    /// Accounts for the events of one step, if there are any, and adds whose process the flows are that it opened.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.settled < self.cx.events.len() {
            self.settle_events();
        }
    }

    fn settle_events(&mut self) {
        let mut next = self.settled;
        while let Some(event) = self.cx.events.get(next) {
            next += 1;
            let opened = matches!(event.kind, EventKind::FlowOpened(_)).then_some((
                event.at,
                event.frame,
                event.flow,
            ));
            self.counts.count(event);
            // Whoever has a stream has nothing to do with what it carries.
            if let (Some((at, frame, flow)), Some(process)) = (opened, &self.process)
                && !flow.is_carried()
            {
                let kind = EventKind::Process(Arc::clone(process));
                let event = Event {
                    at,
                    frame,
                    flow,
                    kind,
                };
                self.cx.events.insert(next, event);
                next += 1;
            }
        }
        self.settled = next;
    }
}

impl Counts {
    fn count(&mut self, event: &Event) {
        match &event.kind {
            EventKind::FlowOpened(opened) => {
                let slot = usize::from(opened.ends.transport == Transport::Udp);
                if let Some(count) = self.flows.get_mut(slot) {
                    *count += 1;
                }
                let midstream = opened.ends.transport == Transport::Tcp && !opened.from_start;
                self.midstream += u64::from(midstream);
            }
            EventKind::FlowClosed(close) => {
                let [client, server] = close.packets;
                let one_sided = client.min(server) == 0 && client.max(server) > 2;
                self.one_sided += u64::from(one_sided && close.connect.is_none());
            }
            _ => {}
        }
    }
}

/// Whose flows a packet may be of, and which kind of lookup it may be. Lookups are matched over all
/// addresses, so all of them are of one shard, with whatever else uses their ports.
#[inline(always)]
pub(super) fn shard(packet: &Packet<'_>) -> (Shard, Option<DnsTransport>) {
    let (ports, here) = match &packet.body {
        Body::Udp(datagram) => ((datagram.src_port, datagram.dst_port), true),
        Body::Unreachable(about) if about.transport == Transport::Udp => {
            ((about.src.1, about.dst.1), false)
        }
        _ => return (Shard::of(packet), None),
    };
    match dns::transport(ports.0, ports.1) {
        Some(transport) => (Shard::FIRST, here.then_some(transport)),
        None => (Shard::of(packet), None),
    }
}

/// DNS messages over UDP are no flows of their own. False when it is none.
fn lookup(
    at: Timestamp,
    frame: FrameNo,
    packet: &Packet<'_>,
    transport: DnsTransport,
    scope: Scope,
    cx: &mut Context,
) -> bool {
    let Body::Udp(datagram) = &packet.body else {
        return false;
    };
    cx.dns_message(&dns::Message {
        at,
        frame,
        flow: FlowId(0),
        transport,
        src: SocketAddr::new(packet.src, datagram.src_port),
        dst: SocketAddr::new(packet.dst, datagram.dst_port),
        scope,
        base: packet.base,
        payload: datagram.payload,
        cut: datagram.cut > 0,
    })
}

/// The flow room tells, correlation hears.
impl Witness for Context {
    #[inline]
    fn turn(&mut self, shard: Shard, why: Cause) {
        Self::turn(self, shard, why);
    }

    fn opened(
        &mut self,
        flow: FlowId,
        at: Timestamp,
        frame: FrameNo,
        ends: &Endpoints,
        interface: InterfaceId,
        from_start: bool,
    ) {
        let opened = FlowOpened {
            ends: *ends,
            interface,
            from_start,
        };
        self.emit(at, frame, flow, EventKind::FlowOpened(opened));
    }

    fn connected(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo) {
        self.emit(at, frame, flow, EventKind::Connected);
    }

    fn sighted(
        &mut self,
        flow: FlowId,
        at: Timestamp,
        frame: FrameNo,
        side: Side,
        packet: &Packet<'_>,
        tsval: Option<u32>,
    ) {
        let sighting = Sighting {
            ip: packet.src,
            side,
            scope: packet.scope,
            mac: packet.mac,
            ttl: packet.ttl,
            ttl_default_of: packet.ttl_default_of(),
            by_this_host: packet.by_this_host,
            device: packet.device,
            tsval,
        };
        self.emit(at, frame, flow, EventKind::Sighting(sighting));
    }

    fn joined(&mut self, at: Timestamp, frame: FrameNo, scope: Scope, with: Scope) {
        self.emit(at, frame, FlowId(0), EventKind::Joined { scope, with });
    }

    fn closed(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo, close: &Close) {
        self.emit(at, frame, flow, EventKind::FlowClosed(*close));
    }

    fn conflict(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo, _side: Side) {
        let detail = "a retransmission has other content; the first was believed";
        self.anomaly(
            at,
            frame,
            flow,
            AnomalyKind::ConflictingRetransmission,
            detail,
        );
    }

    fn limit(&mut self, flow: FlowId, at: Timestamp, frame: FrameNo, what: &'static str) {
        let anomaly = Anomaly {
            kind: AnomalyKind::LimitReached,
            detail: what,
        };
        self.emit(at, frame, flow, EventKind::Anomaly(anomaly));
    }
}
