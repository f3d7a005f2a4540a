//! Files events away: who did what, ready to be asked for.

use std::collections::VecDeque;

use super::handshakes::Stapled;
use super::log::RequestNo;
use super::synthesized::plain;
use super::*;
use crate::event::{AnomalyKind, Body, Carrier, Chain, Ech};
use crate::finding::Signature;
use crate::pki::endpoint::{PathRole, path_role};
use crate::pki::ocsp::OcspResponse;

/// The table of open flows gives its room back when it is empty, unless it has little.
const MANY_FLOWS: usize = 4_096;

impl State {
    pub(super) fn ingest(&mut self, event: Event) {
        let Event {
            at: clock,
            frame,
            flow,
            mut kind,
        } = event;
        self.steps.seen(frame, clock);
        let at = self.steps.time(frame, clock);
        self.steps.align(frame, &mut kind);
        self.began = self.began.or(Some(at));
        match kind {
            EventKind::FlowOpened(mut opened) => {
                opened.ends.scope = self.scopes.name(opened.ends.scope);
                self.opened(at, frame, flow, &opened);
            }
            EventKind::Joined { scope, with } => drop(self.scopes.join(scope, with)),
            EventKind::RealClient(client) => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    flow.told_client = Some(Box::new(client));
                }
            }
            EventKind::Connected => {
                if let Some(connect) = self.log.connects.get_mut(&flow) {
                    connect.connected_at = Some(at);
                }
            }
            EventKind::TunnelAsked(tunnel) => self.tunnel_asked(at, frame, flow, &tunnel),
            EventKind::TunnelAnswered { opened, spent } => {
                self.tunnel_answered(at, flow, opened, spent);
            }
            EventKind::FlowClosed(close) => self.closed(flow, &close),
            EventKind::Sighting(mut seen) => {
                seen.scope = self.scopes.name(seen.scope);
                self.sighted(at, flow, &seen);
            }
            EventKind::Process(process) => self.process(flow, &process),
            EventKind::NameHint(_) => {}
            EventKind::DnsQuery(_) => {}
            EventKind::DnsAnswer(mut answer) => {
                answer.scope = self.scopes.name(answer.scope);
                self.looked_up(at, frame, &answer);
            }
            EventKind::Request(request) => self.requested(at, frame, flow, request),
            EventKind::Response(response) => self.responded(at, frame, flow, &response),
            EventKind::BlindSpot(spot) => self.blind(flow, spot),
            EventKind::Anomaly(anomaly) => {
                *self.coverage.anomalies.entry(anomaly.kind).or_default() += 1;
                if anomaly.kind == AnomalyKind::LimitReached {
                    self.strained(flow, at);
                }
            }
            EventKind::ClientHello(_)
            | EventKind::ServerHello(_)
            | EventKind::Chain(_)
            | EventKind::Staple(_)
            | EventKind::CertificateRequest
            | EventKind::Beat(_)
            | EventKind::ServerKey(_)
            | EventKind::Alert(_) => self.handshake(at, frame, flow, kind),
        }
    }

    fn opened(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        flow: FlowId,
        opened: &crate::event::FlowOpened,
    ) {
        let ends = opened.ends;
        let new = Flow {
            ends,
            interface: opened.interface,
            opened_at: at,
            opened_frame: frame,
            from_start: opened.from_start,
            told_client: None,
            stamp: None,
            handshake: None,
            waiting: VecDeque::new(),
            process: None,
        };
        // Of a connection of which one packet was seen it is not known what it was for: that takes a request.
        if ends.transport == Transport::Tcp && !ends.scope.is_sampled() {
            let client_key = HostKey::client_of(&ends);
            let joined = !opened.from_start && ends.server.port() != 80 && self.is_young(at);
            if joined && self.joined.len() < self.limits.devices {
                self.joined.insert(client_key);
            }
            self.hand_over(client_key, ends.server.ip(), at);
            if let Some((host, watch, asker)) = self.watched_address(client_key, &ends, at)
                && self.log.connects.len() < self.limits.findings
            {
                let connect = ConnectRecord {
                    asker,
                    ..new.connect(flow, host, watch)
                };
                self.log.connects.insert(flow, Box::new(connect));
            }
        }
        self.flows.insert(flow, new);
    }

    fn closed(&mut self, id: FlowId, close: &Close) {
        if let Some(connect) = self.log.connects.get_mut(&id) {
            connect.close = Some(*close);
        }
        if let Some(connect) = self.elsewhere.connects.get_mut(&id) {
            connect.close = Some(*close);
        }
        let Some(flow) = self.flows.remove(&id) else {
            return;
        };
        // As at the end of a capture: what follows needs the room.
        if self.flows.is_empty() && self.flows.capacity() > MANY_FLOWS {
            self.flows.shrink_to_fit();
        }
        self.spoke(&flow.ends, flow.opened_at, close);
        if let Some(record) = flow.handshake.and_then(|h| self.handshakes.get_mut(h)) {
            record.closed(close);
        }
    }

    fn process(&mut self, id: FlowId, process: &Arc<Process>) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        flow.process = Some(Arc::clone(process));
        self.devices.ran(HostKey::client_of(&flow.ends), process);
        if let Some(connect) = self.log.connects.get_mut(&id) {
            connect.process = Some(Arc::clone(process));
        }
        for number in &flow.waiting {
            let log = if number.elsewhere {
                &mut self.elsewhere
            } else {
                &mut self.log
            };
            if let Some(request) = log.request_mut(*number) {
                request.process = Some(Arc::clone(process));
            }
        }
        if let Some(record) = flow.handshake.and_then(|h| self.handshakes.get_mut(h)) {
            record.shown.process = Some(Arc::clone(process));
        }
    }

    fn requested(&mut self, at: Timestamp, frame: FrameNo, id: FlowId, mut request: Box<Request>) {
        let Some(flow) = self.flows.get(&id) else {
            return;
        };
        let ends = flow.ends;
        let client_key = HostKey::client_of(&ends);
        if let Some(agent) = &request.agent {
            self.devices.agent(client_key, agent);
        }
        let ocsp = ocsp_question(&request);
        // What it asked is known now; of the body no more is needed than that there was one.
        if let Some(body) = &mut request.body {
            *body = Body::default();
        }
        let connect = self.log.connects.get(&id).map(Box::as_ref);
        let host = request.host.clone().or_else(|| {
            let responder = ocsp
                .as_ref()
                .and_then(|asked| self.responder_of(asked, &ends));
            responder.or_else(|| Some(connect?.host.clone()))
        });
        // Which host it is was only guessed, and that one serves no such thing.
        if request.host.is_none()
            && let Some(ConnectRecord {
                asker: Some(_),
                watch: Watch::Known(role),
                ..
            }) = connect
            && path_role(role, &request.method, &request.path) == PathRole::Odd
        {
            self.log.connects.remove(&id);
            return;
        }
        let known = host
            .as_ref()
            .and_then(|name| Some((name.clone(), watch(name.as_str())?)));
        let other_ca = |host: &Name| ocsp.is_some() || self.is_other_ca(host, &request);
        let (host, watch) = match (known, host) {
            (Some(known), _) => known,
            (None, Some(host)) if self.all_cas && other_ca(&host) => (host, Watch::OtherCa),
            (None, host) => {
                let asked = host.filter(other_ca);
                // Delivery networks serve many hosts at one address, and this connection is for another one.
                if self.log.connects.get(&id).is_some_and(|c| c.requests == 0) {
                    self.log.connects.remove(&id);
                }
                if let Some(host) = asked {
                    self.asked_elsewhere((at, frame), id, request, host, ocsp);
                }
                return;
            }
        };
        if let Some(connect) = self.log.connects.get_mut(&id) {
            connect.requests += 1;
        } else {
            let connect = ConnectRecord {
                requests: 1,
                ..flow.connect(id, host.clone(), watch.clone())
            };
            self.log.connects.insert(id, Box::new(connect));
        }
        let weight = log::weight_of(&request, ocsp.as_ref());
        if self.log.requests.len() >= self.limits.findings || !self.log.has_room(weight) {
            self.limit_reached();
            return;
        }
        let record = flow.request((at, frame), id, (request, ocsp), (host, watch));
        let number = self.log.add_request(record);
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.waiting.push_back(number);
        }
    }

    /// Whether a request to a host of no role is a CRL or issuer fetch: by its suffix or its host's
    /// first label, as CAs use to name them, or because a certificate seen names it.
    fn is_other_ca(&self, host: &Name, request: &Request) -> bool {
        let first = host.as_str().split('.').next().unwrap_or_default();
        matches!(first, "ocsp" | "crl")
            || kind_of_path(&request.path) != crate::finding::ContactKind::Unknown
            || self.certificates.names_url(host.as_str(), &request.path)
    }

    /// Decodes an answer, and learns from it.
    fn read(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        response: &crate::event::Response,
    ) -> answers::Answered {
        let mut answer = self.reader.read(
            (at, self.steps.clock(at)),
            frame,
            response,
            self.certificates.serials(),
        );
        if !self.log.has_room(answer.weight()) {
            answer.object = answers::Object::None;
            self.limit_reached();
        }
        if let answers::Object::Certificates(certs) = &answer.object {
            for cert in certs {
                self.reader.trust.learn(cert);
                self.certificates.fetched(cert, frame);
            }
        }
        answer
    }

    fn blind(&mut self, id: FlowId, spot: BlindSpot) {
        *self.coverage.blind.entry(spot).or_default() += 1;
        if let Some(flow) = self.flows.get(&id) {
            let client = HostKey::client_of(&flow.ends);
            self.devices.blind(client, spot);
        }
    }

    fn handshake(&mut self, at: Timestamp, frame: FrameNo, id: FlowId, kind: EventKind) {
        if self.handshakes.is_full() {
            self.make_room(at);
        }
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        // What one packet of it says explains nothing: there were thousands of others.
        if flow.ends.scope.is_sampled() {
            return;
        }
        let hello = match &kind {
            EventKind::ClientHello(hello) => Some(hello.as_ref()),
            // Beats and alerts alone make no handshake.
            EventKind::Beat(_) | EventKind::ServerKey(_) | EventKind::Alert(_)
                if flow.handshake.is_none() =>
            {
                return;
            }
            _ => None,
        };
        // A second hello on one flow answers a retry, or renegotiates: the same site.
        let known = flow.handshake;
        if known.is_none() {
            let opened_at = flow.from_start.then_some(flow.opened_at);
            let handshake =
                self.handshakes
                    .open(id, &flow.ends, flow.interface, opened_at, at, frame, hello);
            flow.handshake = Some(handshake);
            // What the client had been told when it connected names the site where the hello does not; the
            // same names are asked for again and again.
            let unnamed = hello.is_none_or(|h| h.sni.is_none() || h.ech == Ech::Offered);
            if let Some(record) = self.handshakes.get_mut(handshake) {
                record.shown.process.clone_from(&flow.process);
                if unnamed {
                    record.given = self.names.given(record.client, record.server.ip, at).into();
                }
            }
            if let Some(client) = flow.told_client.as_deref().copied() {
                self.handshakes.on_behalf_of(handshake, client);
            } else if let Some(hello) = hello {
                let client = HostKey::client_of(&flow.ends);
                self.devices.fingerprint(client, &hello.ja4);
            }
            if let Some(name) = hello.and_then(|h| h.sni.as_ref()) {
                self.named(frame, id, name.clone());
            }
            self.spot(id, hello);
        }
        let Some(handshake) = known.or_else(|| self.flows.get(&id)?.handshake) else {
            return;
        };
        if let EventKind::Chain(chain) = &kind {
            return self.chain(at, frame, handshake, chain);
        }
        let Some(record) = self.handshakes.get_mut(handshake) else {
            return;
        };
        match kind {
            // After a QUIC Retry or a version negotiation some clients make a new one, by which key logs go.
            EventKind::ClientHello(hello) => record.shown.random = Some(hello.random),
            EventKind::ServerHello(hello) => record.server_hello(at, frame, &hello),
            EventKind::Staple(staple) => {
                let large = |response: &Arc<OcspResponse>| response.weight() > STAPLE;
                if staple.response.as_ref().is_some_and(large) {
                    return self.limit_reached();
                }
                let at = self.steps.clock(at);
                let signature = match staple.response.as_deref() {
                    Some(response)
                        if record
                            .leaf()
                            .is_some_and(|leaf| build::is_lets_encrypt(leaf)) =>
                    {
                        verify::verify_ocsp(&staple.der, response, &self.reader.trust, at)
                    }
                    _ => record
                        .stapled
                        .as_ref()
                        .map_or(Signature::Unchecked, |s| s.signature),
                };
                record.shown.staple.clone_from(&staple.response);
                record.stapled = Some(Box::new(Stapled {
                    frame,
                    at,
                    signature,
                }));
            }
            EventKind::ServerKey(key) => record.server_key = Some(key),
            EventKind::Beat(beat) => record.beat(at, frame, beat),
            EventKind::Alert(alert) => {
                let fatal = alert.fatal != Some(false) && alert.description != Some(0);
                if fatal && record.shown.outcome != HandshakeOutcome::Used {
                    record.shown.outcome = match alert.side {
                        // One that nobody can read behind a whole handshake is a goodbye as a rule (RFC 8446 6.1).
                        _ if alert.description.is_none() && waits::finished(record).is_some() => {
                            HandshakeOutcome::Completed
                        }
                        crate::flow::Side::Client => {
                            HandshakeOutcome::ClientAlert(alert.description)
                        }
                        crate::flow::Side::Server => {
                            HandshakeOutcome::ServerAlert(alert.description)
                        }
                    };
                }
            }
            _ => {}
        }
    }

    fn chain(&mut self, at: Timestamp, frame: FrameNo, id: HandshakeId, chain: &Chain) {
        self.handshakes.chain(id, at, frame, chain);
        for cert in chain.certs.iter().filter(|cert| cert.is_ca) {
            self.reader.trust.learn(cert);
        }
        if chain.side == crate::flow::Side::Server {
            let ends = self.handshakes.get(id).and_then(|record| {
                let name = match &record.shown.site {
                    crate::finding::Site::Sni(name) => Some(name),
                    _ => None,
                };
                Some((name?, [record.client, record.server]))
            });
            self.certificates.shown(ends, &chain.certs, at, frame);
        }
    }

    /// A handshake that names a watched host is a contact by itself: certificates only ever name http there.
    fn named(&mut self, frame: FrameNo, id: FlowId, name: Name) {
        let Some(flow) = self.flows.get(&id) else {
            return;
        };
        let Some(watch) = watch(name.as_str()) else {
            // Another site at an address that a watched name shares: no contact.
            self.log.connects.remove(&id);
            return;
        };
        if matches!(&watch, Watch::Known(role) if role.predecessor)
            || self.log.connects.len() >= self.limits.findings
        {
            return;
        }
        let frame = if flow.from_start {
            flow.opened_frame
        } else {
            frame
        };
        let connect = ConnectRecord {
            frame,
            tls: true,
            ..flow.connect(id, name, watch)
        };
        self.log.connects.insert(id, Box::new(connect));
    }

    /// Handshakes that show by port or name that they hide lookups.
    fn spot(&mut self, id: FlowId, hello: Option<&crate::event::ClientHello>) {
        let Some(flow) = self.flows.get(&id) else {
            return;
        };
        let offers =
            |name: &str| hello.is_some_and(|h| h.alpn.iter().any(|offered| offered == name));
        let port = flow.ends.server.port();
        let spot = match (port, flow.ends.transport) {
            (853, Transport::Tcp) => Some(BlindSpot::Dot),
            (853, Transport::Udp) => Some(BlindSpot::Doq),
            // The protocols' own names (RFC 7858 errata, RFC 9250 4.1.1), on any port.
            _ if offers("dot") => Some(BlindSpot::Dot),
            _ if offers("doq") => Some(BlindSpot::Doq),
            // TLS where a proxy listens: what the client asks of it, and the TLS inside, does not show.
            (port, Transport::Tcp)
                if PROXY_PORTS.contains(&port)
                    && hello.is_some_and(|h| h.carrier == Carrier::Tls) =>
            {
                Some(BlindSpot::TlsProxy)
            }
            _ => match hello.and_then(|h| h.sni.as_ref()) {
                Some(name) if is_doh_resolver(name) => Some(BlindSpot::Doh),
                Some(name) if is_relay(name) => Some(BlindSpot::TlsProxy),
                _ => None,
            },
        };
        if let Some(spot) = spot {
            self.blind(id, spot);
        }
    }
}

/// Bytes kept of one staple; real ones take half a kilobyte.
const STAPLE: usize = 8 << 10;

/// Where SOCKS (IANA) and Squid listen, and nothing else by custom.
const PROXY_PORTS: [u16; 3] = [1080, 3128, 3129];

mod answered;
mod elsewhere;
mod lookups;
mod presence;
mod tunnels;
mod unasked;

#[cfg(test)]
mod tests;
