//! Lines to events: what the wire, flow and proto rooms would have made of such traffic.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use whylencr::event::{
    Alert, Beat, BeatKind, Carrier, Chain, ClientHello, DnsAnswer, DnsOutcome, DnsQuery,
    DnsTransport, Ech, Event, EventKind, FlowOpened, Mac, Name, Process, Provenance, Request,
    Response, ServerHello, Sighting, Staple, TargetForm,
};
use whylencr::flow::{ClientBy, Close, Ending, Endpoints, FlowId, Scope, Side, Transport};
use whylencr::frame::{FrameNo, InterfaceId};
use whylencr::pki::ocsp;
use whylencr::time::{Span, Timestamp};

use super::agents;
use super::words::{Words, span, time};
use super::world::{Status, World, is_ca};

/// Collects the events of one case.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) start: Timestamp,
    pub(crate) world: World,
    hosts: BTreeMap<String, Host>,
    events: Vec<Event>,
    flows: BTreeMap<FlowId, Open>,
    named: BTreeMap<String, Connection>,
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
            next_flow: 1,
            next_port: 40_000,
            next_dns: 1,
        }
    }

    /// `host pc 10.0.0.5 [mac 5] [ttl 63] [this-host]`
    pub(crate) fn host(&mut self, mut words: Words<'_>) {
        let label = words.need("a label");
        let ip = words.need("an address").parse().expect("an address");
        let mut host = Host {
            ip,
            mac: None,
            ttl: 64,
            this_host: None,
        };
        while let Some(word) = words.next() {
            match word {
                "mac" => {
                    let last = words.need("a number").parse().expect("a number");
                    host.mac = Some(Mac([2, 0, 0, 0, 0, last]));
                }
                "ttl" => host.ttl = words.need("a number").parse().expect("a number"),
                "this-host" => host.this_host = Some(true),
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

    /// `at dns CLIENT NAME -> ADDRESS.. | fails HOW, [in SPAN] [via CNAME..] [ech NAME] [scope N] [cut]`
    pub(crate) fn dns(&mut self, at: Timestamp, mut words: Words<'_>) {
        let client = self.address(words.need("a client"));
        let name = Name::new(words.need("a name"));
        let (mut addresses, mut outcome) = (Vec::new(), DnsOutcome::Answered);
        let (mut took, mut scope, mut cut) = (Span::from_millis(5), Scope(0), false);
        let (mut chain, mut ech_public_names, mut qtype) = (Vec::new(), Vec::new(), 1);
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
                        .collect()
                }
                "ech" => ech_public_names.push(Name::new(words.need("a name"))),
                "aaaa" => qtype = 28,
                "https" => qtype = 65,
                "cut" => cut = true,
                "scope" => scope = scope_of(&mut words),
                other => words.refuse(other),
            }
        }
        if addresses.iter().any(|(ip, _)| ip.is_ipv6()) {
            qtype = 28;
        }
        let id = self.next_dns;
        self.next_dns += 1;
        let client = SocketAddr::new(client, 50_000 + id);
        let server = SocketAddr::new([10, 0, 0, 1].into(), 53);
        let transport = DnsTransport::Udp;
        self.sighting(at, FlowId(0), client.ip(), Side::Client, scope);
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
            chain,
            addresses,
            ech_public_names,
            query_frame: None,
            asked_at: Some(at),
            took: (outcome != DnsOutcome::Unanswered).then_some(took),
            attempts: 1,
        };
        self.add(at.plus(took), FlowId(0), EventKind::DnsAnswer(answer));
    }

    /// `at connect CLIENT -> SERVER refused | unanswered | open [until T] [sent BYTES]`: a connection without request.
    pub(crate) fn connect(&mut self, at: Timestamp, mut words: Words<'_>) {
        let ends = self.ends(&mut words, 80, Transport::Tcp);
        let flow = self.open(at, ends, true);
        let (mut until, mut bytes, mut how) = (None, 0, Ending::Finished);
        while let Some(word) = words.next() {
            match word {
                "refused" => how = Ending::Refused,
                "unanswered" => how = Ending::Unanswered,
                "reset" => how = Ending::Reset(Side::Server),
                "open" => {}
                "until" => until = Some(time(self.start, words.need("a time"))),
                "sent" => bytes = words.need("bytes").parse().expect("a number"),
                other => words.refuse(other),
            }
        }
        let stands = !matches!(how, Ending::Refused | Ending::Unanswered);
        let after = Span::from_millis(if how == Ending::Unanswered { 30_000 } else { 3 });
        if stands {
            self.add(at.plus(after), flow, EventKind::Connected);
        }
        let end = until.unwrap_or(at.plus(after).plus(after));
        self.close(end, flow, how, bytes);
    }

    /// `at fetch CLIENT -> SERVER WHAT [ANSWER] [in SPAN] [by AGENT] [on CONNECTION] ..`
    pub(crate) fn fetch(&mut self, at: Timestamp, mut words: Words<'_>) {
        let mut ends = self.ends(&mut words, 80, Transport::Tcp);
        let mut question = self.question(&mut words);
        let (mut body, mut took, mut status) = (Reply::Fitting, Span::from_millis(20), 200);
        let (mut connection, mut proxied, mut syn, mut agent) = (None, false, SYN, "firefox");
        let (mut process, mut about, mut conditional) = (None, None, false);
        let (mut this, mut next) = (Span::from_secs(-86_400), Span::from_secs(6 * 86_400));
        let mut method = None;
        while let Some(word) = words.next() {
            match word {
                "good" | "gives-it" => {}
                "revoked" => body = Reply::Ocsp(Status::Revoked),
                "unknown" => body = Reply::Ocsp(Status::Unknown),
                "lists" => body = Reply::Crl(words.take_while(|w| self.world.get(w).is_some())),
                "gives" => body = Reply::Issuer(words.need("a CA").to_owned()),
                "ocsp-error" => {
                    body = Reply::OcspError(words.need("a code").parse().expect("a code"))
                }
                "text" => body = Reply::Text,
                "http" => {
                    status = words.need("a status").parse().expect("a status");
                    body = Reply::Empty;
                }
                "none" => body = Reply::Nothing(Ending::CaptureEnded),
                "reset" => body = Reply::Nothing(Ending::Reset(Side::Server)),
                "left" => body = Reply::Nothing(Ending::Reset(Side::Client)),
                "about" => about = Some(words.need("a certificate").to_owned()),
                "point" => question.point = Some(words.need("a URL").to_owned()),
                "stale" => (this, next) = (Span::from_secs(-9 * 86_400), Span::from_secs(-86_400)),
                "future" => this = Span::from_secs(2 * 86_400),
                "expires" => next = span(words.need("a time")).expect("a time"),
                "issued" => this = span(words.need("a time")).expect("a time"),
                "in" => took = span(words.need("a time")).expect("a time"),
                "by" => agent = words.need("a client"),
                "on" => connection = Some(words.need("a connection").to_owned()),
                "proxied" => proxied = true,
                "conditional" => conditional = true,
                "syn" => {
                    syn = Span::from_nanos(-span(words.need("a time")).expect("a time").as_nanos())
                }
                "method" => method = Some(words.need("a method").to_owned()),
                "process" => process = Some(process_of(words.need("a process"))),
                "scope" => ends.scope = scope_of(&mut words),
                "port" => ends
                    .client
                    .set_port(words.need("a port").parse().expect("a port")),
                other => words.refuse(other),
            }
        }
        let known = connection.as_ref().and_then(|c| self.named.get(c).copied());
        let (flow, index) = match known {
            Some(known) => (known.flow, known.requests),
            None => {
                let flow = self.open(at.plus(syn), ends, true);
                self.add(
                    at.plus(Span::from_millis(-3)).max(at.plus(syn)),
                    flow,
                    EventKind::Connected,
                );
                (flow, 0)
            }
        };
        if let Some(process) = process {
            self.add(at, flow, EventKind::Process(Arc::new(process)));
        }
        let mut request = agents::request(agent, &question, method.as_deref());
        request.index = index;
        request.first_at = at;
        request.conditional |= conditional;
        if proxied {
            request.form = TargetForm::Absolute;
        }
        let sent = 300 + request.body_len;
        self.add(at, flow, EventKind::Request(Box::new(request)));
        let end = at.plus(took);
        if let Reply::Nothing(how) = body {
            let response = response(index, 0, end, None, None);
            self.add(end, flow, EventKind::Response(Box::new(response)));
            if how == Ending::CaptureEnded {
                self.flows.entry(flow).and_modify(|open| open.bytes += sent);
            } else {
                self.close(end, flow, how, sent);
            }
            return;
        }
        let (this, next) = (at.plus(this).as_secs(), at.plus(next).as_secs());
        let (kind, bytes) = self.reply(body, &question, about, (this, next));
        let response = response(index, status, end, kind, bytes);
        self.add(end, flow, EventKind::Response(Box::new(response)));
        let open = self.flows.entry(flow).or_insert(Open {
            client: at,
            bytes: 0,
            closed: false,
        });
        open.bytes += sent;
        open.client = at;
        if let Some(connection) = connection {
            let requests = index + 1;
            self.named.insert(connection, Connection { flow, requests });
        } else {
            self.close(end.plus(Span::from_millis(1)), flow, Ending::Finished, 0);
        }
    }

    /// What is asked: `ocsp A [B]`, `crl A`, `issuer A`, `url URL`, each of which may be followed by `at URL`.
    fn question(&mut self, words: &mut Words<'_>) -> Question {
        let kind = words.need("a question");
        let mut question = Question::default();
        match kind {
            "ocsp" => question.about = words.take_while(|w| self.world.get(w).is_some()),
            "crl" | "issuer" => question.about = vec![words.need("a certificate").to_owned()],
            "url" => question.url = words.need("a URL").to_owned(),
            other => words.refuse(other),
        }
        if let Some(cert) = question
            .about
            .first()
            .and_then(|label| self.world.get(label))
        {
            let (urls, usual) = match kind {
                "ocsp" => (&cert.ocsp_urls, Kind::Ocsp),
                "crl" => (&cert.crl_urls, Kind::Crl),
                _ => (&cert.issuer_urls, Kind::Issuer),
            };
            question.kind = usual;
            question.url = urls.first().cloned().unwrap_or_default();
        }
        if words.take("at") {
            question.url = words.need("a URL").to_owned();
        }
        assert!(
            !question.url.is_empty(),
            "{:?} names no URL for {kind}",
            question.about
        );
        if question.kind == Kind::Ocsp {
            question.der = Some(self.world.question(&question.about));
        }
        question
    }

    fn reply(
        &self,
        body: Reply,
        question: &Question,
        about: Option<String>,
        (this, next): (i64, i64),
    ) -> (Option<&'static str>, Option<Vec<u8>>) {
        let about = about.map_or_else(|| question.about.clone(), |one| vec![one]);
        let issuer = |label: &str| self.world.issuer_of(label).to_owned();
        let first = about.first().map(String::as_str);
        match (body, question.kind, first) {
            (Reply::Fitting, Kind::Ocsp, Some(_)) => (
                Some("application/ocsp-response"),
                Some(self.world.status(&about, Status::Good, this, next)),
            ),
            (Reply::Ocsp(status), _, Some(_)) => (
                Some("application/ocsp-response"),
                Some(self.world.status(&about, status, this, next)),
            ),
            (Reply::Fitting, Kind::Crl, Some(label)) => {
                let point = question.point.as_deref().or(Some(&question.url));
                (
                    Some("application/pkix-crl"),
                    Some(self.world.list(&issuer(label), point, &[], this, next)),
                )
            }
            (Reply::Crl(revoked), _, Some(label)) => {
                let point = question.point.as_deref().or(Some(&question.url));
                (
                    Some("application/pkix-crl"),
                    Some(self.world.list(&issuer(label), point, &revoked, this, next)),
                )
            }
            (Reply::Fitting, Kind::Issuer, Some(label)) => {
                let der = self.world.get(&issuer(label)).map(|c| c.der.to_vec());
                (Some("application/pkix-cert"), der)
            }
            (Reply::Issuer(label), ..) => (
                Some("application/pkix-cert"),
                self.world.get(&label).map(|c| c.der.to_vec()),
            ),
            (Reply::OcspError(code), ..) => (
                Some("application/ocsp-response"),
                Some(World::refusal(code)),
            ),
            (Reply::Text, ..) => (Some("text/html"), Some(b"<html>hello</html>".to_vec())),
            _ => (None, None),
        }
    }

    /// `at tls CLIENT -> SERVER NAME|- [1.2|1.3|quic] [shows A R10] [on T] [data T] [ends T] ..`
    pub(crate) fn tls(&mut self, at: Timestamp, mut words: Words<'_>) {
        let mut ends = self.ends(&mut words, 443, Transport::Tcp);
        let name = words.need("a server name, or -");
        let mut hello = client_hello(at);
        hello.sni = (name != "-").then(|| Name::new(name));
        let (mut version, mut suite, mut resumed) = (0x0303, None, false);
        let mut shown: Vec<String> = Vec::new();
        let (mut complete, mut provenance, mut staple, mut client_shows) =
            (true, Provenance::Clear, None, None);
        let mut server_hello = Some(at.plus(Span::from_millis(10)));
        let (mut on, mut data, mut end, mut idle) = (None, None, None, false);
        let (mut midstream, mut process, mut alert, mut ttl) = (false, None, None, None);
        while let Some(word) = words.next() {
            match word {
                "1.0" => version = 0x0301,
                "1.2" => version = 0x0303,
                "1.3" => version = 0x0304,
                "quic" => {
                    version = 0x0304;
                    hello.carrier = Carrier::Quic { version: 1 };
                    ends.transport = Transport::Udp;
                }
                "starttls" => hello.carrier = Carrier::StartTls("SMTP"),
                "tunnel-to" => {
                    let target = words.need("a host").to_owned();
                    hello.carrier = Carrier::Proxy {
                        kind: "HTTP CONNECT",
                        target,
                        port: 443,
                    };
                }
                "shows" => shown = words.take_while(|w| is_ca(w) || self.world.get(w).is_some()),
                "keys" => provenance = Provenance::KeyLog,
                "incomplete" => complete = false,
                "resumed" => resumed = true,
                "ech" => hello.ech = Ech::Offered,
                "wants-staple" => hello.status_request = true,
                "staple" => {
                    staple = Some((
                        words.need("a certificate").to_owned(),
                        words.take("revoked"),
                    ))
                }
                "client-shows" => client_shows = Some(words.need("a certificate").to_owned()),
                "ecdsa" => suite = Some(0xc02b),
                "rsa" => suite = Some(0xc02f),
                "ja4" => hello.ja4 = words.need("a fingerprint").to_owned(),
                "hello" => server_hello = Some(time(self.start, words.need("a time"))),
                "unanswered" => server_hello = None,
                "on" => on = Some(time(self.start, words.need("a time"))),
                "data" => data = Some(time(self.start, words.need("a time"))),
                "idle" => idle = true,
                "stuck" => (idle, on) = (true, Some(Timestamp::from_nanos(i64::MAX))),
                "ends" => end = Some((time(self.start, words.need("a time")), Ending::Finished)),
                "resets" => {
                    end = Some((
                        time(self.start, words.need("a time")),
                        Ending::Reset(Side::Client),
                    ))
                }
                "alert" => {
                    let code = words.need("a number").parse().expect("a number");
                    alert = Some((time(self.start, words.need("a time")), code));
                }
                "midstream" => midstream = true,
                "process" => process = Some(process_of(words.need("a process"))),
                "scope" => ends.scope = scope_of(&mut words),
                "ttl" => ttl = Some(words.need("a number").parse().expect("a number")),
                other => words.refuse(other),
            }
        }
        let flow = self.open(at.plus(SYN), ends, !midstream);
        if let (Some(ttl), Some(seen)) = (ttl, self.last_sighting_of(ends.client.ip())) {
            seen.ttl = ttl;
        }
        if ends.transport == Transport::Tcp {
            self.add(at.plus(SYN_ACK), flow, EventKind::Connected);
        }
        if let Some(process) = process {
            self.add(
                at.plus(SYN_ACK),
                flow,
                EventKind::Process(Arc::new(process)),
            );
        }
        hello.max_version = version;
        self.beat(at, flow, Side::Client, BeatKind::ClientHello);
        self.add(at, flow, EventKind::ClientHello(Box::new(hello)));
        if let Some(answered) = server_hello {
            let suite = suite.unwrap_or(if version == 0x0304 { 0x1301 } else { 0xc02f });
            let kind = ServerHello {
                version,
                suite,
                resumed: Some(resumed),
                retry: false,
            };
            self.add(answered, flow, EventKind::ServerHello(kind));
            self.beat(answered, flow, Side::Server, BeatKind::ServerFlight);
            let visible = version < 0x0304 || provenance == Provenance::KeyLog;
            if visible && !resumed && !shown.is_empty() {
                self.chain(answered, flow, Side::Server, &shown, complete, provenance);
            }
            if let Some((label, revoked)) = staple {
                self.staple(answered, flow, &label, revoked);
            }
            if let Some(label) = client_shows {
                self.add(answered, flow, EventKind::CertificateRequest);
                let at = answered.plus(Span::from_millis(2));
                self.chain(at, flow, Side::Client, &[label], true, provenance);
            }
            self.go_on(flow, version, answered, (on, data, idle, alert.is_some()));
        }
        if let Some((at, code)) = alert {
            self.beat(at, flow, Side::Client, BeatKind::Alert);
            let readable = version < 0x0304;
            let alert = Alert {
                side: Side::Client,
                description: readable.then_some(code),
                fatal: readable.then_some(true),
            };
            self.add(at, flow, EventKind::Alert(alert));
            end = end.or(Some((at.plus(Span::from_millis(1)), Ending::Finished)));
        }
        if let Some((at, how)) = end {
            self.close(at, flow, how, 900);
        }
    }

    /// The client's words after the server's flight.
    fn go_on(
        &mut self,
        flow: FlowId,
        version: u16,
        answered: Timestamp,
        (on, data, idle, aborts): (Option<Timestamp>, Option<Timestamp>, bool, bool),
    ) {
        if version == 0x0304 {
            // A middlebox-friendly client sends this at once (RFC 9846 D.4); it says nothing.
            self.beat(
                answered.plus(Span::from_nanos(500_000)),
                flow,
                Side::Client,
                BeatKind::ChangeCipherSpec,
            );
        }
        if on.is_none() && aborts {
            return;
        }
        let on = on.unwrap_or(answered.plus(Span::from_millis(2)));
        if on == Timestamp::from_nanos(i64::MAX) {
            return;
        }
        let word = if version == 0x0304 {
            BeatKind::Encrypted
        } else {
            BeatKind::KeyExchange
        };
        self.beat(on, flow, Side::Client, word);
        if idle || (data.is_none() && aborts) {
            return;
        }
        let data = data.unwrap_or(on.plus(Span::from_millis(2)));
        self.beat(data, flow, Side::Client, BeatKind::AppData);
        self.beat(
            data.plus(Span::from_millis(15)),
            flow,
            Side::Server,
            BeatKind::AppData,
        );
    }

    fn chain(
        &mut self,
        at: Timestamp,
        flow: FlowId,
        side: Side,
        labels: &[String],
        complete: bool,
        provenance: Provenance,
    ) {
        let certs = labels
            .iter()
            .map(|l| {
                Arc::clone(
                    self.world
                        .get(l)
                        .unwrap_or_else(|| panic!("no certificate {l}")),
                )
            })
            .collect();
        let chain = Chain {
            side,
            certs,
            complete,
            provenance,
            first_frame: FrameNo(0),
        };
        self.add(at, flow, EventKind::Chain(chain));
    }

    fn staple(&mut self, at: Timestamp, flow: FlowId, label: &str, revoked: bool) {
        let status = if revoked {
            Status::Revoked
        } else {
            Status::Good
        };
        let (this, next) = (at.as_secs() - 86_400, at.as_secs() + 6 * 86_400);
        let der: Arc<[u8]> = self
            .world
            .status(&[label.to_owned()], status, this, next)
            .into();
        let response = ocsp::parse_response(&der).ok().map(Arc::new);
        let staple = Staple {
            response,
            der,
            provenance: Provenance::Clear,
        };
        self.add(at, flow, EventKind::Staple(staple));
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
            let frame = FrameNo(index as u64 + 1);
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
        self.sighting(at, flow, ends.client.ip(), Side::Client, ends.scope);
        let answered = at.plus(Span::from_millis(3));
        self.sighting(answered, flow, ends.server.ip(), Side::Server, ends.scope);
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

    fn sighting(&mut self, at: Timestamp, flow: FlowId, ip: IpAddr, side: Side, scope: Scope) {
        let known = self.hosts.values().find(|h| h.ip == ip).copied();
        // Servers out there are seen through a router.
        let host = known.unwrap_or(Host {
            ip,
            mac: None,
            ttl: if side == Side::Client { 64 } else { 57 },
            this_host: None,
        });
        let sighting = Sighting {
            ip,
            side,
            scope,
            mac: host.mac,
            ttl: host.ttl,
            by_this_host: host.this_host,
            tsval: None,
        };
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
        let close = Close {
            how,
            at,
            frame: FrameNo(0),
            bytes: [open.bytes, 2_000],
            packets: [8, 8],
            last_payload: [Some(open.client), Some(at)],
            connect: Some(Span::from_millis(3)),
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
            frame: FrameNo(0),
            flow,
            kind,
        });
    }
}

/// What a request asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) kind: Kind,
    pub(crate) about: Vec<String>,
    pub(crate) url: String,
    /// The OCSP request.
    pub(crate) der: Option<Vec<u8>>,
    /// What the CRL says about where it is from, when not the URL.
    point: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Kind {
    Ocsp,
    Crl,
    Issuer,
    #[default]
    Other,
}

enum Reply {
    /// What the question deserves.
    Fitting,
    Ocsp(Status),
    OcspError(u8),
    Crl(Vec<String>),
    Issuer(String),
    Text,
    Empty,
    Nothing(Ending),
}

fn client_hello(_at: Timestamp) -> ClientHello {
    ClientHello {
        carrier: Carrier::Tls,
        first_frame: FrameNo(0),
        sni: None,
        ech: Ech::Absent,
        alpn: vec!["h2".to_owned()],
        max_version: 0x0303,
        status_request: false,
        offers_resumption: false,
        early_data: false,
        ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1".to_owned(),
        second: false,
        random: [7; 32],
    }
}

fn response(
    index: u32,
    status: u16,
    at: Timestamp,
    kind: Option<&'static str>,
    body: Option<Vec<u8>>,
) -> Response {
    let body_len = body.as_ref().map_or(0, |b| b.len() as u64);
    Response {
        index,
        status,
        content_type: kind.map(str::to_owned),
        location: None,
        server: None,
        body: body.map(Into::into),
        complete: status != 0,
        body_len,
        first_frame: FrameNo(0),
        first_at: at,
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
