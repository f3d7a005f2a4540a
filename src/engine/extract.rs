//! Rooms 2 to 4: frames to events, without any memory of what the events mean.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::event::{Anomaly, AnomalyKind, Event, EventKind, FlowOpened, Process, Sighting};
use crate::finding::Coverage;
use crate::flow::table::Table;
use crate::flow::{Close, Endpoints, FlowId, Scope, Side, Transport, Witness};
use crate::frame::{Frame, FrameNo, InterfaceId, NameHint};
use crate::limits::Limits;
use crate::proto::{Context, Session, dns};
use crate::time::{Span, Timestamp};
use crate::wire::{self, Body, Decoder, Packet};

/// Reads frames and says what happened in them. The events are the same whoever takes them, and when.
#[derive(Debug)]
pub struct Extractor {
    decoder: Decoder,
    table: Table<Session>,
    cx: Context,
    coverage: Coverage,
    undecoded: BTreeMap<&'static str, u64>,
    /// Whether packets that are only counted are told by a glance.
    glances: bool,
    /// Highest trace time seen.
    now: Timestamp,
    /// Trace time of the frame before.
    before: Timestamp,
    /// Given to the flow that the next packet opens.
    process: Option<Arc<Process>>,
    keys_taken: u64,
    /// Senders of lookups that were sighted already, by a packet whose TTL tells something or by another one.
    sighted: Sighted,
    /// Events before this one are accounted for.
    settled: usize,
}

/// Trace time may step back this far without being called a step: receive queues and merged files.
const CLOCK_STEP: Span = Span::from_secs(1);

/// How fine the steps of a clock are beyond this does not matter.
const CLOCK_FINE: Span = Span::from_nanos(1_000);

impl Extractor {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            decoder: Decoder::new(&limits),
            table: Table::new(&limits),
            cx: Context {
                limits,
                ..Context::default()
            },
            glances: true,
            coverage: Coverage::default(),
            undecoded: BTreeMap::new(),
            now: Timestamp::from_nanos(i64::MIN),
            before: Timestamp::from_nanos(i64::MIN),
            process: None,
            keys_taken: 0,
            sighted: Sighted::default(),
            settled: 0,
        }
    }

    /// Leaves out events that correlation does not ask for: of lookups of names that are not `wanted` all but the addresses
    /// that were given, and questions, which it learns from their answers or from the absence of one.
    #[must_use]
    pub fn for_correlation(mut self, wanted: fn(&str) -> bool) -> Self {
        self.cx.dns.wanted = Some(wanted);
        self
    }

    /// Looks at every packet in full, also at those that are only counted. The events are the same (a test holds them together).
    #[must_use]
    pub fn without_glances(mut self) -> Self {
        self.glances = false;
        self
    }

    /// Takes one frame.
    pub fn push(&mut self, frame: Frame<'_>) {
        self.account(&frame);
        if !(self.glances && self.counted(&frame)) {
            match wire::subframes(&frame) {
                None => self.take(&frame),
                Some(frames) => frames.for_each(|frame| self.take(&frame)),
            }
        }
        if self.settled < self.cx.events.len() {
            self.settle();
        }
    }

    /// Counts a packet of a flow that nobody reads any more; false when it is none.
    #[inline(always)]
    fn counted(&mut self, frame: &Frame<'_>) -> bool {
        wire::glance(frame).is_some_and(|packet| {
            let lookup = packet.transport == Transport::Udp
                && dns::transport(packet.src_port, packet.dst_port).is_some();
            !lookup && self.table.count(frame.at, frame.no, &packet)
        })
    }

    /// Takes any frame, with all packets in it.
    #[inline(never)]
    fn take(&mut self, frame: &Frame<'_>) {
        let mut decoded = self.decoder.decode(frame);
        loop {
            match decoded {
                Ok(packet) => {
                    let (table, cx) = (&mut self.table, &mut self.cx);
                    hand_on(frame, &packet, table, cx, &mut self.sighted);
                }
                Err(undecoded) => {
                    *self.undecoded.entry(undecoded.reason()).or_default() += 1;
                    if undecoded.is_anomaly() {
                        let anomalies = &mut self.coverage.anomalies;
                        *anomalies.entry(AnomalyKind::BadPacket).or_default() += 1;
                    }
                }
            }
            match self.decoder.further(frame) {
                Some(further) => decoded = further,
                None => return,
            }
        }
    }
    /// Takes one frame of which the capture says whose process sent or received it.
    pub fn push_of(&mut self, frame: Frame<'_>, process: Process) {
        self.process = Some(Arc::new(process));
        self.push(frame);
        self.process = None;
    }

    /// Takes lines of an NSS key log. They may come before or after the packets they open. Returns how many were secrets.
    pub fn secrets(&mut self, lines: &[u8]) -> usize {
        let taken = self.cx.keys.add_text(lines);
        self.keys_taken += taken as u64;
        for flow in self.cx.keys.take_ready() {
            if let Some((session, ends)) = self.table.session_mut(flow) {
                session.poke(flow, ends, &mut self.cx);
            }
        }
        self.settle();
        taken
    }

    /// Says that keys may still come, so that what they would open is held (within limits).
    pub fn expect_secrets(&mut self) {
        self.cx.keys.expecting = true;
    }

    /// How often a connection lacked a secret so far: for who has to look for new ones.
    #[must_use]
    pub const fn secrets_lacked(&self) -> u64 {
        self.cx.keys.asked()
    }

    /// Takes a name that the capture file gives to an address.
    pub fn name_hint(&mut self, hint: NameHint) {
        self.cx
            .emit(self.now, FrameNo(0), FlowId(0), EventKind::NameHint(hint));
        self.settle();
    }

    /// Counts frames that the capture tool or the kernel lost.
    pub fn dropped(&mut self, frames: u64) {
        self.coverage.dropped += frames;
    }

    /// Counts times at which an interface was not there to be captured from.
    pub fn interrupted(&mut self, times: u64) {
        self.coverage.interruptions += times;
    }

    /// Lets trace time pass without packets (live capture on a quiet interface).
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.table.expire(self.now, &mut self.cx);
        self.cx.expire(self.now);
        self.settle();
    }

    /// Makes room in what is kept of the past, for captures that go on for weeks.
    pub fn forget(&mut self) {
        // Whose lookups come again are sighted again.
        self.sighted.clear();
        self.cx.keys.turn();
    }

    /// Ends the capture: everything still open is closed.
    pub fn close(&mut self) {
        self.table.finish(&mut self.cx);
        self.cx.finish();
        self.settle();
    }

    /// What happened since this was asked last, in order.
    pub fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.settled = 0;
        self.cx.events.drain(..)
    }

    /// The same as a batch of its own.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<Event> {
        self.settled = 0;
        std::mem::take(&mut self.cx.events)
    }

    /// How many events wait to be asked for.
    #[must_use]
    #[inline]
    pub fn waiting(&self) -> usize {
        self.cx.events.len()
    }

    /// What was read so far, and what could not be.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let mut coverage = self.coverage.clone();
        coverage.undecoded.clone_from(&self.undecoded);
        coverage.keys = (self.keys_taken, self.cx.keys.used());
        let dropped = self.cx.keys.dropped();
        if dropped > 0 {
            let limits = coverage.anomalies.entry(AnomalyKind::LimitReached);
            *limits.or_default() += dropped;
        }
        let fragments = self.decoder.fragments();
        if fragments.unfinished > 0 {
            coverage
                .undecoded
                .insert("fragment never completed", fragments.unfinished);
        }
        coverage
    }

    fn account(&mut self, frame: &Frame<'_>) {
        let coverage = &mut self.coverage;
        coverage.frames += 1;
        coverage.bytes += frame.bytes.len() as u64;
        coverage.cut_frames += u64::from((frame.bytes.len() as u64) < u64::from(frame.wire_len));
        if frame.at < self.before && self.before.since(frame.at) > CLOCK_STEP {
            coverage.clock_steps += 1;
        }
        self.before = frame.at;
        self.now = self.now.max(frame.at);
        if coverage.clock_unit > CLOCK_FINE || coverage.frames == 1 {
            coverage.learn_clock(frame.at);
        }
        match &mut coverage.span {
            None => coverage.span = Some((frame.at, frame.at)),
            Some((first, last)) => {
                *first = frame.at.min(*first);
                *last = frame.at.max(*last);
            }
        }
        self.cx.expire(self.now);
    }

    /// Accounts for the events of one step, and adds whose process the flows are that it opened.
    fn settle(&mut self) {
        let mut next = self.settled;
        while let Some(event) = self.cx.events.get(next) {
            next += 1;
            let opened = matches!(event.kind, EventKind::FlowOpened(_)).then_some((
                event.at,
                event.frame,
                event.flow,
            ));
            Self::count(&mut self.coverage, event);
            if let (Some((at, frame, flow)), Some(process)) = (opened, &self.process) {
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

    fn count(coverage: &mut Coverage, event: &Event) {
        match &event.kind {
            EventKind::FlowOpened(opened) => {
                let slot = usize::from(opened.ends.transport == Transport::Udp);
                if let Some(count) = coverage.flows.get_mut(slot) {
                    *count += 1;
                }
                let midstream = opened.ends.transport == Transport::Tcp && !opened.from_start;
                coverage.midstream_flows += u64::from(midstream);
            }
            EventKind::FlowClosed(close) => {
                let [client, server] = close.packets;
                let one_sided = client.min(server) == 0 && client.max(server) > 2;
                coverage.one_sided_flows += u64::from(one_sided && close.connect.is_none());
            }
            _ => {}
        }
    }
}

/// Senders of lookups that were sighted already, by packets whose TTL tells something or by others.
type Sighted = HashSet<(Scope, IpAddr, bool), foldhash::fast::RandomState>;

/// Gives a packet to its flow; lookups are no flows.
#[inline(always)]
fn hand_on(
    frame: &Frame<'_>,
    packet: &Packet<'_>,
    table: &mut Table<Session>,
    cx: &mut Context,
    sighted: &mut Sighted,
) {
    let scope = table.scope(packet.scope);
    if !lookup(frame, packet, scope, cx) {
        let mut make = |_: FlowId, _: &Endpoints| Session::default();
        return table.packet(frame.at, frame.no, frame.interface, packet, &mut make, cx);
    }
    if let Some((scope, with)) = cx.dns_joined() {
        table.join(scope, with);
    }
    // Their senders are sighted here, once for each address.
    let room = sighted.len() < cx.limits.devices;
    let tells = packet.ttl_default_of().is_some();
    if room && sighted.insert((scope, packet.src, tells)) {
        let packet = Packet { scope, ..*packet };
        cx.sighted(FlowId(0), frame.at, frame.no, Side::Client, &packet, None);
    }
}

/// DNS messages over UDP are no flows of their own.
fn lookup(frame: &Frame<'_>, packet: &Packet<'_>, scope: Scope, cx: &mut Context) -> bool {
    let Body::Udp(datagram) = &packet.body else {
        return false;
    };
    let Some(transport) = dns::transport(datagram.src_port, datagram.dst_port) else {
        return false;
    };
    cx.dns_message(&dns::Message {
        at: frame.at,
        frame: frame.no,
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
