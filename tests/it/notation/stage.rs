//! Lines to events: what the wire, flow and proto rooms would have made of such traffic.

mod fetch;
mod handshake;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use whylencr::event::{
    Beat, BeatKind, DnsAnswer, DnsOutcome, DnsQuery, DnsTransport, Event, EventKind, FlowOpened,
    HostDevice, Mac, Name, Process, Sighting, Tunnel,
};
use whylencr::flow::{ClientBy, Close, Ending, Endpoints, FlowId, Scope, Side, Transport};
use whylencr::frame::{FrameNo, InterfaceId};
use whylencr::time::{Span, Timestamp};

pub(crate) use fetch::Question;

use super::words::{Words, span, time};
use super::world::World;

/// Collects the events of one case.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) start: Timestamp,
    pub(crate) world: World,
    hosts: BTreeMap<String, Host>,
    events: Vec<Event>,
    flows: BTreeMap<FlowId, Open>,
    named: BTreeMap<String, Connection>,
    /// Flows of which one side alone was captured.
    heard: BTreeMap<FlowId, Side>,
    /// Flows on which nothing was said.
    silent: BTreeSet<FlowId>,
    next_flow: u64,
    next_port: u16,
    next_dns: u16,
}

#[derive(Clone, Copy, Debug)]
struct Host {
    ip: IpAddr,
    mac: Option<Mac>,
    ttl: u8,
    this_host: Option<bool>,
    /// The capturing host receives what it sends for this one.
    passed_on: bool,
    device: Option<HostDevice>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    client: Timestamp,
    bytes: u64,
    closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Connection {
    flow: FlowId,
    requests: u32,
}

/// Milliseconds from the SYN to the SYN-ACK to what the client says next: a server nearby.
const SYN: Span = Span::from_millis(-6);
const SYN_ACK: Span = Span::from_millis(-3);

impl Stage {
    pub(crate) fn new(start: Timestamp, world: World) -> Self {
        Self {
            start,
            world,
            hosts: BTreeMap::new(),
            events: Vec::new(),
            flows: BTreeMap::new(),
            named: BTreeMap::new(),
            heard: BTreeMap::new(),
            silent: BTreeSet::new(),
            next_flow: 1,
            next_port: 40_000,
            next_dns: 1,
        }
    }

    /// `host pc 10.0.0.5 [mac 5] [ttl 63] [this-host | passed-on] [device N]`
    pub(crate) fn host(&mut self, mut words: Words<'_>) {
        let label = words.need("a label");
        let ip = words.need("an address").parse().expect("an address");
        let mut host = Host {
            ip,
            mac: None,
            ttl: 64,
            this_host: None,
            passed_on: false,
            device: None,
        };
        while let Some(word) = words.next() {
            match word {
                "mac" => {
                    let last = words.need("a number").parse().expect("a number");
                    host.mac = Some(Mac([2, 0, 0, 0, 0, last]));
                }
                "ttl" => host.ttl = words.need("a number").parse().expect("a number"),
                "device" => {
                    host.device = Some(HostDevice {
                        capture: InterfaceId(0),
                        index: words.need("a number").parse().expect("a number"),
                    });
                }
                "this-host" => host.this_host = Some(true),
                "passed-on" => (host.this_host, host.passed_on) = (Some(true), true),
                other => words.refuse(other),
            }
        }
        self.hosts.insert(label.to_owned(), host);
    }

    pub(crate) fn address(&self, word: &str) -> IpAddr {
        match self.hosts.get(word) {
            Some(host) => host.ip,
            None => word
                .parse()
                .unwrap_or_else(|_| panic!("`{word}` is neither a host nor an address")),
        }
    }

    /// `at dns CLIENT NAME -> ADDRESS.. | fails HOW, [in SPAN] [via CNAME..] [ech NAME] [scope N] [cut] [asks RESOLVER] [id N] [port N]`
    pub(crate) fn dns(&mut self, at: Timestamp, mut words: Words<'_>) {
        let client = self.address(words.need("a client"));
        let name = Name::new(words.need("a name"));
        let (mut addresses, mut outcome) = (Vec::new(), DnsOutcome::Answered);
        let (mut took, mut scope, mut cut) = (Span::from_millis(5), Scope(0), false);
        let (mut chain, mut ech_public_names, mut qtype) = (Vec::new(), Vec::new(), 1);
        let mut resolver = [10, 0, 0, 1].into();
        let (mut id, mut port) = (self.next_dns, 50_000 + self.next_dns);
        while let Some(word) = words.next() {
            match word {
                "->" => {
                    let given = words.take_while(|w| w.parse::<IpAddr>().is_ok());
                    addresses = given.iter().map(|w| (self.address(w), 300)).collect();
                }
                "fails" => {
                    outcome = match words.need("how") {
                        "nxdomain" => DnsOutcome::NoSuchName,
                        "servfail" => DnsOutcome::ServerFailure,
                        "refused" => DnsOutcome::Refused,
                        "nodata" => DnsOutcome::NoData,
                        "timeout" => {
                            took = Span::from_secs(5);
                            DnsOutcome::Unanswered
                        }
                        other => words.refuse(other),
                    }
                }
                "in" => took = span(words.need("a time")).expect("a time"),
                "via" => {
                    chain = words
                        .take_while(|w| w.contains('.'))
                        .iter()
                        .map(|n| Name::new(n))
                        .collect();
                }
                "ech" => ech_public_names.push(Name::new(words.need("a name"))),
                "aaaa" => qtype = 28,
                "https" => qtype = 65,
                "cut" => cut = true,
                "id" => id = words.need("a number").parse().expect("a number"),
                "port" => port = words.need("a port").parse().expect("a port"),
                "asks" => resolver = self.address(words.need("a resolver")),
                "scope" => scope = scope_of(&mut words),
                other => words.refuse(other),
            }
        }
        if addresses.iter().any(|(ip, _)| ip.is_ipv6()) {
            qtype = 28;
        }
        let client = SocketAddr::new(client, port);
        self.next_dns += 1;
        let server = SocketAddr::new(resolver, 53);
        let transport = DnsTransport::Udp;
        self.sighting(
            at,
            FlowId(0),
            client.ip(),
            Side::Client,
            scope,
            Some(Transport::Udp),
        );
        let query = DnsQuery {
            client,
            server,
            id,
            name: name.clone(),
            qtype,
            transport,
            attempt: 0,
        };
        self.add(at, FlowId(0), EventKind::DnsQuery(query));
        let answer = DnsAnswer {
            client,
            server,
            id,
            name,
            qtype,
            transport,
            scope,
            cut,
            outcome,
            whole: true,
            chain,
            addresses,
            ech_public_names,
            query_frame: None,
            asked_at: Some(at),
            took: (outcome != DnsOutcome::Unanswered).then_some(took),
            attempts: 1,
        };
        self.add(
            at.plus(took),
            FlowId(0),
            EventKind::DnsAnswer(Box::new(answer)),
        );
    }

    /// `at multicast CLIENT TTL`: a datagram to many, with a TTL that its protocol prescribes.
    pub(crate) fn multicast(&mut self, at: Timestamp, mut words: Words<'_>) {
        let client = self.address(words.need("a client"));
        self.sighting(at, FlowId(0), client, Side::Client, Scope(0), None);
        let ttl = words.need("a TTL").parse().expect("a number");
        self.last_sighting_of(client).expect("it was just told").ttl = ttl;
    }

    /// `at connect CLIENT -> SERVER refused | unanswered | open | ending [until T] [sent BYTES] [ttl N] [socks HOST opens | refuses | is-silent]`:
    /// a connection without request, which may be with a proxy that is to connect on.
    pub(crate) fn connect(&mut self, at: Timestamp, mut words: Words<'_>) {
        let ends = self.ends(&mut words, 80, Transport::Tcp);
        let ending = words.take("ending");
        let flow = self.open(at, ends, !ending);
        if ending {
            self.silent.insert(flow);
        }
        let (mut until, mut bytes, mut how) = (None, 0, Ending::Finished);
        while let Some(word) = words.next() {
            match word {
                "refused" => how = Ending::Refused,
                "unanswered" => how = Ending::Unanswered,
                "reset" => how = Ending::Reset(Side::Server),
                "open" => {}
                "until" => until = Some(time(self.start, words.need("a time"))),
                "sent" => bytes = words.need("bytes").parse().expect("a number"),
                "socks" => {
                    let target = Name::new(words.need("a host"));
                    let asked = at.plus(Span::from_millis(4));
                    let tunnel = Tunnel { target, port: 80 };
                    self.add(asked, flow, EventKind::TunnelAsked(tunnel));
                    let opened = match words.need("what the proxy does") {
                        "opens" => Some(true),
                        "refuses" => Some(false),
                        _ => None,
                    };
                    let spent = [30, 12];
                    bytes = 30;
                    if let Some(opened) = opened {
                        let kind = EventKind::TunnelAnswered { opened, spent };
                        self.add(asked.plus(Span::from_millis(20)), flow, kind);
                    }
                }
                "ttl" => {
                    let ttl = words.need("a number").parse().expect("a number");
                    if let Some(seen) = self.last_sighting_of(ends.client.ip()) {
                        seen.ttl = ttl;
                    }
                }
                other => words.refuse(other),
            }
        }
        let stands = !matches!(how, Ending::Refused | Ending::Unanswered);
        let after = Span::from_millis(if how == Ending::Unanswered { 30_000 } else { 3 });
        if stands && !ending {
            self.add(at.plus(after), flow, EventKind::Connected);
        }
        let end = until.unwrap_or(at.plus(after).plus(after));
        self.close(end, flow, how, bytes);
    }

    /// All events in order of time, frames counted, every open flow closed by the end of the capture.
    pub(crate) fn finish(mut self) -> Vec<Event> {
        let end = self.events.iter().map(|e| e.at).max().unwrap_or(self.start);
        let end = end.plus(Span::from_millis(1));
        let open: Vec<FlowId> = self
            .flows
            .iter()
            .filter(|(_, f)| !f.closed)
            .map(|(id, _)| *id)
            .collect();
        for flow in open {
            self.close(end, flow, Ending::CaptureEnded, 0);
        }
        let mut events = self.events;
        events.sort_by_key(|e| e.at);
        let mut asked = BTreeMap::new();
        for (index, event) in events.iter_mut().enumerate() {
            let frame = FrameNo::new(index as u64 + 1);
            event.frame = frame;
            match &mut event.kind {
                EventKind::Request(request) => request.first_frame = frame,
                EventKind::Response(response) => response.first_frame = frame,
                EventKind::ClientHello(hello) => hello.first_frame = frame,
                EventKind::Chain(chain) => chain.first_frame = frame,
                EventKind::FlowClosed(close) => close.frame = frame,
                EventKind::DnsQuery(query) => {
                    asked.insert(query.id, frame);
                }
                EventKind::DnsAnswer(answer) => answer.query_frame = asked.get(&answer.id).copied(),
                _ => {}
            }
        }
        events
    }

    fn ends(&mut self, words: &mut Words<'_>, port: u16, transport: Transport) -> Endpoints {
        let client = self.address(words.need("a client"));
        assert!(words.take("->"), "an arrow is missing");
        let server = words.need("a server");
        let server = server
            .parse()
            .unwrap_or_else(|_| SocketAddr::new(self.address(server), port));
        self.next_port += 1;
        Endpoints {
            transport,
            client: SocketAddr::new(client, self.next_port),
            server,
            scope: Scope(0),
            decided: ClientBy::Syn,
        }
    }

    fn open(&mut self, at: Timestamp, ends: Endpoints, from_start: bool) -> FlowId {
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        let opened = FlowOpened {
            ends,
            interface: InterfaceId(0),
            from_start,
        };
        self.add(at, flow, EventKind::FlowOpened(opened));
        let (scope, of) = (ends.scope, Some(ends.transport));
        self.sighting(at, flow, ends.client.ip(), Side::Client, scope, of);
        let answered = at.plus(Span::from_millis(3));
        self.sighting(answered, flow, ends.server.ip(), Side::Server, scope, of);
        self.flows.insert(
            flow,
            Open {
                client: at,
                bytes: 0,
                closed: false,
            },
        );
        flow
    }

    fn sighting(
        &mut self,
        at: Timestamp,
        flow: FlowId,
        ip: IpAddr,
        side: Side,
        scope: Scope,
        ttl_default_of: Option<Transport>,
    ) {
        let known = self.hosts.values().find(|h| h.ip == ip).copied();
        // Servers out there are seen through a router.
        let host = known.unwrap_or(Host {
            ip,
            mac: None,
            ttl: if side == Side::Client { 64 } else { 57 },
            this_host: None,
            passed_on: false,
            device: None,
        });
        let sighting = Sighting {
            ip,
            side,
            scope,
            mac: host.mac,
            ttl: host.ttl,
            ttl_default_of,
            by_this_host: host.this_host,
            device: host.device,
            tsval: None,
        };
        if host.passed_on {
            let received = Sighting {
                by_this_host: Some(false),
                ..sighting
            };
            self.add(at, flow, EventKind::Sighting(received));
        }
        self.add(at, flow, EventKind::Sighting(sighting));
    }

    fn last_sighting_of(&mut self, ip: IpAddr) -> Option<&mut Sighting> {
        self.events
            .iter_mut()
            .rev()
            .find_map(|event| match &mut event.kind {
                EventKind::Sighting(seen) if seen.ip == ip => Some(seen),
                _ => None,
            })
    }

    fn close(&mut self, at: Timestamp, flow: FlowId, how: Ending, more: u64) {
        let open = self.flows.entry(flow).or_insert(Open {
            client: at,
            bytes: 0,
            closed: false,
        });
        open.closed = true;
        open.bytes += more;
        let heard = self.heard.get(&flow);
        let packets = [Side::Client, Side::Server].map(|side| {
            let missed = heard.is_some_and(|heard| *heard != side);
            if missed { 0 } else { 8 }
        });
        let close = Close {
            how,
            at,
            frame: FrameNo::NONE,
            bytes: if self.silent.contains(&flow) {
                [0; 2]
            } else {
                [open.bytes, 2_000]
            },
            packets,
            last_payload: [Some(open.client), Some(at)],
            connect: Some(Span::from_millis(3)),
            turnaround: None,
        };
        self.add(at, flow, EventKind::FlowClosed(close));
    }

    fn beat(&mut self, at: Timestamp, flow: FlowId, side: Side, kind: BeatKind) {
        self.add(
            at,
            flow,
            EventKind::Beat(Beat {
                side,
                kind,
                record_len: 100,
            }),
        );
    }

    fn add(&mut self, at: Timestamp, flow: FlowId, kind: EventKind) {
        self.events.push(Event {
            at,
            frame: FrameNo::NONE,
            flow,
            kind,
        });
    }
}

fn process_of(word: &str) -> Process {
    let (name, pid) = word.split_once(':').unwrap_or((word, ""));
    Process {
        name: name.to_owned(),
        pid: pid.parse().ok(),
        source: "socket table",
        ..Process::default()
    }
}

fn scope_of(words: &mut Words<'_>) -> Scope {
    Scope(words.need("a number").parse().expect("a number"))
}
