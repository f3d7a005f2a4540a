//! Files events away: who did what, ready to be asked for.

use std::collections::VecDeque;

use super::log::RequestNo;
use super::*;
use crate::event::{AnomalyKind, Body, Carrier, Chain};
use crate::pki::ocsp::OcspResponse;

impl State {
    pub(super) fn ingest(&mut self, event: Event) {
        let Event {
            at,
            frame,
            flow,
            kind,
        } = event;
        self.began = self.began.or(Some(at));
        match kind {
            EventKind::FlowOpened(mut opened) => {
                opened.ends.scope = self.scopes.name(opened.ends.scope);
                self.opened(at, frame, flow, &opened);
            }
            EventKind::Joined { scope, with } => drop(self.scopes.join(scope, with)),
            EventKind::RealClient(client) => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    flow.told_client = Some(client);
                }
            }
            EventKind::Connected => {
                if let Some(connect) = self.log.connects.get_mut(&flow) {
                    connect.connected_at = Some(at);
                }
            }
            EventKind::FlowClosed(close) => self.closed(flow, &close),
            EventKind::Sighting(mut seen) => {
                seen.scope = self.scopes.name(seen.scope);
                self.devices.sighted(at, &seen);
            }
            EventKind::Process(process) => self.process(flow, &process),
            EventKind::NameHint(_) => {}
            EventKind::DnsQuery(_) => {}
            EventKind::DnsAnswer(mut answer) => {
                answer.scope = self.scopes.name(answer.scope);
                self.looked_up(at, frame, answer);
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
        let client_key = HostKey::client_of(&ends);
        if ends.transport == Transport::Tcp {
            self.hand_over(client_key, ends.server.ip(), at);
            if let Some((host, watch, asker)) = self.watched_address(client_key, &ends, at) {
                let connect = ConnectRecord {
                    flow,
                    host,
                    watch,
                    asker,
                    client: ends.client,
                    client_key,
                    server: ends.server,
                    interface: opened.interface,
                    at,
                    frame,
                    connected_at: None,
                    close: None,
                    requests: 0,
                    tls: false,
                    process: None,
                };
                if self.log.connects.len() < self.limits.findings {
                    self.log.connects.insert(flow, connect);
                }
            }
        }
        self.flows.insert(
            flow,
            Flow {
                ends,
                interface: opened.interface,
                opened_at: at,
                opened_frame: frame,
                from_start: opened.from_start,
                told_client: None,
                handshake: None,
                waiting: VecDeque::new(),
                process: None,
            },
        );
    }

    fn hand_over(&mut self, connects: HostKey, server: std::net::IpAddr, at: Timestamp) {
        let window = crate::time::Span::from_secs(30);
        if let Some(told) = self.names.sole_asker(connects, server, at, window) {
            self.devices.handed_over(connects, told);
        }
    }

    /// The watched name for which the address of a plain HTTP connection was given: to this client, else (its other address
    /// asked) to anyone; the latest.
    /// Where the capture cut the answers, the lookup just before tells; its asker must prove to be the same device.
    fn watched_address(
        &self,
        client: HostKey,
        ends: &Endpoints,
        at: Timestamp,
    ) -> Option<(Name, Watch, Option<HostKey>)> {
        if ends.server.port() != 80 {
            return None;
        }
        let Some(known) = self.watched_addresses.get(&ends.server.ip()) else {
            let cut = self
                .names
                .last_cut(client.scope, ends.server.is_ipv6(), at)?;
            return Some((
                cut.name.clone(),
                watch(cut.name.as_str())?,
                Some(cut.client),
            ));
        };
        let own = known
            .iter()
            .filter(|(who, _, _)| *who == client)
            .max_by_key(|(_, _, at)| *at);
        let (_, name, _) = own.or_else(|| known.iter().max_by_key(|(_, _, at)| *at))?;
        Some((name.clone(), watch(name.as_str())?, None))
    }

    fn closed(&mut self, id: FlowId, close: &Close) {
        if let Some(connect) = self.log.connects.get_mut(&id) {
            connect.close = Some(*close);
        }
        let Some(flow) = self.flows.remove(&id) else {
            return;
        };
        if let Some(record) = flow.handshake.and_then(|h| self.handshakes.get_mut(h)) {
            record.closed(close);
        }
    }

    fn process(&mut self, id: FlowId, process: &Arc<Process>) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        flow.process = Some(Arc::clone(process));
        if let Some(connect) = self.log.connects.get_mut(&id) {
            connect.process = Some(Arc::clone(process));
        }
        for number in &flow.waiting {
            if let Some(request) = self.log.request_mut(*number) {
                request.process = Some(Arc::clone(process));
            }
        }
        if let Some(record) = flow.handshake.and_then(|h| self.handshakes.get_mut(h)) {
            record.shown.process = Some(Arc::clone(process));
        }
    }

    fn looked_up(&mut self, at: Timestamp, frame: FrameNo, answer: Box<DnsAnswer>) {
        if matches!(answer.transport, DnsTransport::Mdns | DnsTransport::Llmnr) {
            return;
        }
        let client = HostKey {
            scope: answer.scope,
            ip: answer.client.ip(),
        };
        if answer.cut && answer.addresses.is_empty() {
            let v6 = answer.qtype == AAAA;
            self.names.cut(CutTold {
                client,
                name: answer.name.clone(),
                v6,
                at,
                frame,
            });
        }
        for (address, _) in &answer.addresses {
            self.names.told(
                *address,
                Fact {
                    client,
                    name: answer.name.as_str(),
                    at,
                    frame,
                },
            );
        }
        for name in &answer.ech_public_names {
            self.names.ech_public_name(name, frame);
        }
        if !answer.whole {
            return;
        }
        let Some(watch) = watch(answer.name.as_str()) else {
            return;
        };
        let weight = answer.weight();
        for (address, _) in &answer.addresses {
            if self.watched_addresses.len() >= self.limits.watched_addresses
                && !self.watched_addresses.contains_key(address)
            {
                self.limit_reached();
                continue;
            }
            let known = self.watched_addresses.entry(*address).or_default();
            known.retain(|(who, name, _)| (*who, name) != (client, &answer.name));
            if known.len() < 64 {
                known.push((client, answer.name.clone(), at));
            }
        }
        if self.log.lookups.len() >= self.limits.findings || !self.log.has_room(weight) {
            self.limit_reached();
            return;
        }
        let asked_at = answer.asked_at.unwrap_or(at);
        let mut frames: Vec<FrameNo> = answer.query_frame.into_iter().collect();
        let unanswered = answer.outcome == DnsOutcome::Unanswered;
        if !unanswered {
            frames.push(frame);
        }
        self.log.add_lookup(LookupRecord {
            shown: Lookup {
                at: asked_at,
                client: answer.client,
                server: answer.server,
                name: answer.name,
                qtype: answer.qtype,
                outcome: answer.outcome,
                addresses: answer.addresses.iter().map(|(a, _)| *a).collect(),
                chain: answer.chain,
                took: answer.took,
                frames,
            },
            client,
            watch,
            // A question that was given up ended, for the client, when it last asked; later is our own patience.
            ended_at: if unanswered { asked_at } else { at },
            interface: InterfaceId(0),
        });
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
        let host = request
            .host
            .clone()
            .or_else(|| self.log.connects.get(&id).map(|c| c.host.clone()));
        let known = host
            .as_ref()
            .and_then(|name| Some((name.clone(), watch(name.as_str())?)));
        let (host, watch) = match (known, host) {
            (Some(known), _) => known,
            (None, Some(host))
                if self.all_cas && (ocsp.is_some() || self.is_other_ca(&host, &request)) =>
            {
                (host, Watch::OtherCa)
            }
            _ => return,
        };
        if let Some(connect) = self.log.connects.get_mut(&id) {
            connect.requests += 1;
        } else {
            self.log.connects.insert(
                id,
                ConnectRecord {
                    flow: id,
                    host: host.clone(),
                    watch: watch.clone(),
                    client: ends.client,
                    client_key,
                    server: ends.server,
                    interface: flow.interface,
                    at: flow.opened_at,
                    frame: flow.opened_frame,
                    connected_at: None,
                    close: None,
                    requests: 1,
                    asker: None,
                    tls: false,
                    process: flow.process.clone(),
                },
            );
        }
        let weight = log::weight_of(&request, ocsp.as_ref());
        if self.log.requests.len() >= self.limits.findings || !self.log.has_room(weight) {
            self.limit_reached();
            return;
        }
        let record = RequestRecord {
            flow: id,
            request: request.into(),
            host,
            watch,
            client: ends.client,
            client_key,
            server: ends.server,
            interface: flow.interface,
            at,
            frame,
            ocsp,
            answer: None,
            process: flow.process.clone(),
        };
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

    fn responded(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        id: FlowId,
        response: &crate::event::Response,
    ) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        let log = &self.log;
        let answered = |number: &RequestNo| {
            let request = log.request(*number);
            request.is_some_and(|r| r.request.index == response.index && r.answer.is_none())
        };
        let Some(place) = flow.waiting.iter().position(answered) else {
            return;
        };
        let Some(number) = flow.waiting.remove(place) else {
            return;
        };
        let mut answer = self
            .reader
            .read(at, frame, response, self.certificates.serials());
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
        if let Some(record) = self.log.request_mut(number) {
            let url = log::url_of(&record.host, &record.request);
            answer.hold_against(&answers::Asked {
                request: &record.request,
                url: url.as_deref(),
                ocsp: record.ocsp.as_ref(),
                role: match &record.watch {
                    Watch::Known(role) => Some(role),
                    Watch::LookAlike | Watch::OtherCa => None,
                },
            });
            record.answer = Some(answer);
        }
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
            if let Some(record) = self.handshakes.get_mut(handshake) {
                record.shown.process.clone_from(&flow.process);
            }
            if let Some(client) = flow.told_client {
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
                if let Some(response) = staple.response.as_deref()
                    && build::is_lets_encrypt(record)
                {
                    let trust = &self.reader.trust;
                    record.staple_signature = verify::verify_ocsp(&staple.der, response, trust, at);
                }
                record.shown.staple.clone_from(&staple.response);
                record.staple_frame = Some(frame);
                record.staple_at = Some(at);
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
            let name = match self.handshakes.get(id).map(|record| &record.shown.site) {
                Some(crate::finding::Site::Sni(name)) => Some(name.clone()),
                _ => None,
            };
            self.certificates.shown(name.as_ref(), &chain.certs, frame);
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
        self.log.connects.insert(
            id,
            ConnectRecord {
                flow: id,
                host: name,
                watch,
                client: flow.ends.client,
                client_key: HostKey::client_of(&flow.ends),
                server: flow.ends.server,
                interface: flow.interface,
                at: flow.opened_at,
                frame: if flow.from_start {
                    flow.opened_frame
                } else {
                    frame
                },
                connected_at: None,
                close: None,
                requests: 0,
                asker: None,
                tls: true,
                process: flow.process.clone(),
            },
        );
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

#[cfg(test)]
mod tests;
