//! Handshakes: who said what when.

use std::net::SocketAddr;
use std::sync::Arc;

use whylencr::event::{
    Alert, BeatKind, Carrier, Chain, ClientHello, Ech, EventKind, Name, Provenance, ServerHello,
    Staple,
};
use whylencr::flow::{Ending, FlowId, Side, Transport};
use whylencr::frame::FrameNo;
use whylencr::pki::ocsp;
use whylencr::time::{Span, Timestamp};

use super::{SYN, SYN_ACK, Stage, process_of, scope_of};
use crate::notation::words::{Words, time};
use crate::notation::world::{Status, is_ca};

/// IKEv2, where events have a version.
const IKE: u16 = 0x0200;

impl Stage {
    /// `at tls CLIENT -> SERVER NAME|- [1.2|1.3|quic|ike] [shows A R10] [on T] [data T] [ends T] ..`
    pub(in crate::notation) fn tls(&mut self, at: Timestamp, mut words: Words<'_>) {
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
        let mut on_behalf_of = None;
        let mut lost = false;
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
                "ike" => {
                    version = IKE;
                    (hello.carrier, hello.ja4) = (Carrier::Ike, "".into());
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
                "on-behalf-of" => {
                    let client = words.need("an address").parse().expect("an address");
                    on_behalf_of = Some(SocketAddr::new(client, 50_000));
                }
                "wants-staple" => hello.status_request = true,
                "staple" => {
                    staple = Some((
                        words.need("a certificate").to_owned(),
                        words.take("revoked"),
                        words.take("stale"),
                    ));
                }
                "client-shows" => client_shows = Some(words.need("a certificate").to_owned()),
                "ecdsa" => suite = Some(0xc02b),
                "rsa" => suite = Some(0xc02f),
                "ja4" => hello.ja4 = words.need("a fingerprint").into(),
                "hello" => server_hello = Some(time(self.start, words.need("a time"))),
                "unanswered" => server_hello = None,
                "answer-lost" => lost = true,
                "on" => on = Some(time(self.start, words.need("a time"))),
                "data" => data = Some(time(self.start, words.need("a time"))),
                "idle" => idle = true,
                "stuck" => (idle, on) = (true, Some(Timestamp::from_nanos(i64::MAX))),
                "ends" => end = Some((time(self.start, words.need("a time")), Ending::Finished)),
                "resets" => {
                    end = Some((
                        time(self.start, words.need("a time")),
                        Ending::Reset(Side::Client),
                    ));
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
        if let Some(client) = on_behalf_of {
            self.add(at, flow, EventKind::RealClient(client));
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
        if lost {
            let answered = server_hello.expect("an answer");
            self.go_on(flow, version, answered, (on, data, idle, alert.is_some()));
        } else if let Some(answered) = server_hello {
            let suite = suite.unwrap_or(match version {
                0x0304 => 0x1301,
                IKE => 0,
                _ => 0xc02f,
            });
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
            if let Some((label, revoked, stale)) = staple {
                self.staple(answered, flow, &label, (revoked, stale));
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
        let word = if matches!(version, 0x0304 | IKE) {
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
            first_frame: FrameNo::NONE,
        };
        self.add(at, flow, EventKind::Chain(chain));
    }

    fn staple(&mut self, at: Timestamp, flow: FlowId, label: &str, (revoked, stale): (bool, bool)) {
        let status = if revoked {
            Status::Revoked
        } else {
            Status::Good
        };
        let day = 86_400;
        let next = if stale { -day } else { 6 * day };
        let (this, next) = (at.as_secs() - 2 * day, at.as_secs() + next);
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
}

fn client_hello(_at: Timestamp) -> ClientHello {
    ClientHello {
        carrier: Carrier::Tls,
        first_frame: FrameNo::NONE,
        sni: None,
        ech: Ech::Absent,
        alpn: ["h2".to_owned()].into(),
        max_version: 0x0303,
        status_request: false,
        offers_resumption: false,
        early_data: false,
        ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1".into(),
        second: false,
        random: [7; 32],
    }
}
