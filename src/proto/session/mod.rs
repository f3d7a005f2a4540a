//! One flow: finds out what it carries, and hands its bytes to the reader for that.
#![warn(clippy::indexing_slicing)]

#[cfg(test)]
mod tests;

use crate::event::{BlindSpot, Carrier, EventKind};
use crate::flow::{
    Appetite, Chunk, ClientBy, Close, Endpoints, FlowId, Gap, Side, Stream, Transport,
};

use super::dns::stream::DnsStream;
use super::dtls::Dtls;
use super::held::Held;
use super::http::{self, Http};
use super::ike::Ike;
use super::packets::{self, Packets};
use super::proxy::{self, Socks};
use super::quic::Quic;
use super::starttls::{self, Upgrade};
use super::tls::Tls;
use super::udp;
use super::{Context, Probe, tls_probe};

/// Bytes that may wait for a decision on one side.
const PROBE: usize = 4 << 10;
/// Unidentified bytes after which a flow seen from its start is left alone.
const UNKNOWN: u64 = 4 << 10;
/// The same when its start was missed: a handshake may still come (a tunnel, an upgrade).
const UNKNOWN_MIDSTREAM: u64 = 64 << 10;
/// The same on ports of HTTP and its proxies: the next request of a kept connection begins a chunk, however
/// long the download before it.
const UNKNOWN_HTTP: u64 = 256 << 20;
/// Datagrams of no known shape after which a UDP flow is left alone.
const DATAGRAMS: u64 = 4;
/// STUN messages that may come before anything else; both ends try many ways at once.
const STUN: u16 = 256;
/// How often a flow may turn into something else: PROXY, SOCKS, CONNECT, STARTTLS, with room to spare.
const LAYERS: u8 = 8;

/// Ports where HTTP without TLS, or a proxy that speaks it, is usual.
const HTTP_PORTS: [u16; 10] = [80, 591, 3128, 8000, 8008, 8080, 8081, 8088, 8118, 8888];

/// The reader of one flow.
#[derive(Debug, Default)]
pub struct Session {
    reader: Reader,
    /// What a handshake found from here on travels in, when not in the flow itself.
    carrier: Option<Box<Carrier>>,
    /// Requests reported so far in layers that were left.
    next_index: u32,
    /// Bytes (TCP) or datagrams (UDP) nobody knew.
    unknown: u64,
    layers: u8,
    /// STUN messages seen.
    stun: u16,
    /// Bytes at the start are missing.
    midstream: bool,
}

/// The protocols. The big ones are boxed: most flows of a capture are done with soon.
#[derive(Debug, Default)]
enum Reader {
    /// Nothing is known and nothing held.
    #[default]
    Fresh,
    /// The bytes held are too few to tell.
    Probing(Box<Held>),
    Tls(Box<Tls>),
    Quic(Box<Quic>),
    Dtls(Box<Dtls>),
    Ike(Box<Ike>),
    Http(Box<Http>),
    Dns(Box<DnsStream>),
    Upgrade(Box<Upgrade>),
    Socks(Box<Socks>),
    Packets(Box<Packets>),
    /// Known to be of no use, or not known.
    Opaque,
}

/// What a chunk did to the session.
enum Step {
    Stay(Appetite),
    /// The reader was replaced; the new one gets these bytes first.
    Become(Held),
}

/// What bytes at the start of a flow, or of what a flow carries, are.
enum Find {
    Tls,
    Http,
    Dns,
    Upgrade(starttls::Kind),
    Socks(proxy::Version),
    Packets(packets::Kind),
    ProxyHeader(proxy::ProxyHeader),
    Hidden(BlindSpot),
    NeedMore,
    /// Known and of no use.
    Useless,
    Unknown,
}

impl Stream<Context> for Session {
    fn data(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        if ends.transport == Transport::Udp {
            return self.datagram(flow, ends, chunk, cx);
        }
        let step = self.step(flow, ends, chunk, cx);
        self.run(step, flow, ends, cx)
    }

    fn gap(&mut self, flow: FlowId, ends: &mut Endpoints, gap: Gap, cx: &mut Context) -> Appetite {
        match &mut self.reader {
            Reader::Fresh => {
                self.midstream = true;
                Appetite::More
            }
            Reader::Probing(held) => {
                held.clear(gap.side);
                self.midstream = true;
                Appetite::More
            }
            Reader::Tls(tls) => tls.gap(flow, ends, gap, cx),
            Reader::Quic(quic) => quic.gap(flow, ends, gap, cx),
            Reader::Http(http) => {
                let next = http.gap(flow, gap, cx);
                let step = self.after_http(next);
                self.run(step, flow, ends, cx)
            }
            // Without a byte of the framing there is no telling where the next message begins.
            Reader::Dns(_) | Reader::Packets(_) => self.opaque(),
            Reader::Upgrade(upgrade) => {
                upgrade.gap(gap);
                Appetite::More
            }
            // What was captured of the datagram was read.
            Reader::Dtls(_) | Reader::Ike(_) => Appetite::More,
            Reader::Socks(_) => {
                self.reader = Reader::Fresh;
                self.midstream = true;
                Appetite::More
            }
            Reader::Opaque => Appetite::Done,
        }
    }

    fn close(&mut self, flow: FlowId, ends: &Endpoints, close: &Close, cx: &mut Context) {
        if let Reader::Http(http) = &mut self.reader
            && let Some(next) = http.tunnel_without_answer(flow, cx)
        {
            let step = self.after_http(next);
            self.run(step, flow, &mut ends.clone(), cx);
        }
        match &mut self.reader {
            Reader::Tls(tls) => tls.close(flow, ends, close, cx),
            Reader::Quic(quic) => quic.close(flow, ends, close, cx),
            Reader::Dtls(dtls) => dtls.end(flow, cx),
            Reader::Http(http) => http.close(flow, close, cx),
            _ => {}
        }
        self.reader = Reader::Opaque;
    }

    fn weight(&self) -> usize {
        self.reader.weight()
    }
}

impl Reader {
    fn weight(&self) -> usize {
        match self {
            Self::Fresh | Self::Opaque => 0,
            Self::Probing(held) => size_of_val::<Held>(held) + held.weight(),
            Self::Tls(tls) => tls.weight(),
            Self::Quic(quic) => quic.weight(),
            Self::Dtls(dtls) => size_of_val::<Dtls>(dtls) + dtls.weight(),
            Self::Ike(ike) => size_of_val::<Ike>(ike),
            Self::Http(http) => size_of_val::<Http>(http) + http.weight(),
            Self::Dns(dns) => size_of_val::<DnsStream>(dns) + dns.weight(),
            Self::Upgrade(upgrade) => size_of_val::<Upgrade>(upgrade) + upgrade.weight(),
            Self::Socks(socks) => size_of_val::<Socks>(socks) + socks.weight(),
            Self::Packets(packets) => size_of_val::<Packets>(packets) + packets.weight(),
        }
    }
}

impl Session {
    /// Keys came in that may open what the flow holds.
    pub fn poke(&mut self, flow: FlowId, ends: &mut Endpoints, cx: &mut Context) -> Appetite {
        match &mut self.reader {
            Reader::Tls(tls) => tls.poke(flow, ends, cx),
            Reader::Quic(quic) => quic.poke(flow, ends, cx),
            Reader::Opaque => Appetite::Done,
            _ => Appetite::More,
        }
    }

    /// Follows a step through all readers that it leads to.
    fn run(
        &mut self,
        mut step: Step,
        flow: FlowId,
        ends: &mut Endpoints,
        cx: &mut Context,
    ) -> Appetite {
        let mut queue = Held::default();
        loop {
            match step {
                Step::Stay(Appetite::Done) => return self.done(),
                Step::Stay(Appetite::More) => {}
                Step::Become(mut held) => {
                    self.layers = self.layers.saturating_add(1);
                    if self.layers > LAYERS {
                        return self.opaque();
                    }
                    held.append(queue);
                    queue = held;
                }
            }
            let Some(chunk) = queue.front() else {
                return Appetite::More;
            };
            let client = ends.client;
            step = self.step(flow, ends, chunk, cx);
            queue.pop();
            if ends.client != client {
                queue.swap_sides();
            }
        }
    }

    fn step(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Step {
        match &mut self.reader {
            Reader::Fresh | Reader::Probing(_) => self.probe(flow, ends, chunk, cx),
            Reader::Tls(tls) => Step::Stay(tls.data(flow, ends, chunk, cx)),
            Reader::Quic(quic) => Step::Stay(quic.data(flow, ends, chunk, cx)),
            Reader::Dtls(dtls) => Step::Stay(dtls.data(flow, ends, chunk, cx)),
            Reader::Ike(ike) => Step::Stay(ike.data(flow, ends, chunk, cx)),
            Reader::Http(http) => {
                let next = http.data(flow, chunk, cx);
                self.after_http(next)
            }
            Reader::Dns(dns) => Step::Stay(dns.data(flow, ends, chunk, cx)),
            Reader::Upgrade(upgrade) => match upgrade.data(chunk) {
                starttls::Next::Stay(appetite) => Step::Stay(appetite),
                starttls::Next::Tls(protocol, held) => {
                    // What a proxy was asked for says more than the protocol inside its tunnel.
                    let carrier = self.carrier.take();
                    let carrier = carrier.map_or(Carrier::StartTls(protocol), |carrier| *carrier);
                    self.reader = Reader::Tls(Box::new(Tls::new(carrier)));
                    Step::Become(held)
                }
            },
            Reader::Socks(socks) => match socks.data(flow, chunk, cx) {
                proxy::Next::Stay(appetite) => Step::Stay(appetite),
                proxy::Next::Tunnel {
                    kind,
                    target,
                    port,
                    held,
                } => self.enter_tunnel(kind, target, port, held),
            },
            Reader::Packets(packets) => Step::Stay(packets.data(ends, chunk, cx)),
            Reader::Opaque => Step::Stay(Appetite::Done),
        }
    }

    /// Looks at the first bytes of a side.
    fn probe(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        mut chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Step {
        let mut held = match std::mem::take(&mut self.reader) {
            Reader::Probing(mut held) => {
                held.push(chunk);
                Some(held)
            }
            _ => None,
        };
        let bytes = held
            .as_ref()
            .map_or(chunk.bytes, |held| held.bytes(chunk.side));
        let length = bytes.len();
        let mut find = identify(chunk.side, bytes, ends);
        // The middle of a connection does not tell the ends apart; the right bytes from the wrong end do.
        if matches!(find, Find::Unknown)
            && !matches!(ends.decided, ClientBy::Syn | ClientBy::Payload)
        {
            find = identify(chunk.side.other(), bytes, ends);
            if matches!(find, Find::NeedMore) {
                find = Find::Unknown;
            } else if !matches!(find, Find::Unknown) {
                std::mem::swap(&mut ends.client, &mut ends.server);
                ends.decided = ClientBy::Payload;
                chunk.side = chunk.side.other();
                if let Some(held) = &mut held {
                    held.swap_sides();
                }
            }
        }
        self.reader = match find {
            Find::Tls => {
                let carrier = self.carrier.take().map_or(Carrier::Tls, |carrier| *carrier);
                Reader::Tls(Box::new(Tls::new(carrier)))
            }
            Find::Http => {
                let tunnelled = self.carrier.is_some();
                let mut http = Box::new(Http::new(self.next_index, tunnelled));
                if self.joined(ends) {
                    http.join_at(chunk.side);
                }
                Reader::Http(http)
            }
            Find::Dns => Reader::Dns(Box::default()),
            Find::Upgrade(kind) => Reader::Upgrade(Box::new(Upgrade::new(kind))),
            Find::Socks(version) => Reader::Socks(Box::new(Socks::new(version))),
            Find::Packets(kind) => Reader::Packets(Box::new(Packets::new(kind))),
            Find::ProxyHeader(proxy::ProxyHeader { length, source }) => {
                if let Some(source) = source {
                    cx.emit(chunk.at, chunk.frame, flow, EventKind::RealClient(source));
                }
                let mut held = held.map_or_else(Held::default, |held| *held);
                if held.front().is_none() {
                    held.push(chunk);
                }
                held.skip(chunk.side, length);
                return Step::Become(held);
            }
            Find::Hidden(spot) => {
                cx.emit(chunk.at, chunk.frame, flow, EventKind::BlindSpot(spot));
                return Step::Stay(self.opaque());
            }
            Find::Useless => return Step::Stay(self.opaque()),
            Find::NeedMore if length <= PROBE => {
                let held = held.unwrap_or_else(|| {
                    let mut held = Box::<Held>::default();
                    held.push(chunk);
                    held
                });
                self.reader = Reader::Probing(held);
                return Step::Stay(Appetite::More);
            }
            Find::NeedMore | Find::Unknown => {
                self.unknown = self.unknown.saturating_add(length as u64);
                if self.unknown > self.patience(ends) {
                    return Step::Stay(self.opaque());
                }
                if let Some(mut held) = held {
                    held.clear(chunk.side);
                    if held.front().is_some() {
                        self.reader = Reader::Probing(held);
                    }
                }
                return Step::Stay(Appetite::More);
            }
        };
        match held {
            Some(held) => Step::Become(*held),
            None => self.step(flow, ends, chunk, cx),
        }
    }

    /// Whether what the flow began with is not in the capture. What a tunnel carries is seen from its start.
    fn joined(&self, ends: &Endpoints) -> bool {
        self.midstream || (ends.decided != ClientBy::Syn && self.carrier.is_none())
    }

    /// How many unidentified bytes to look through.
    fn patience(&self, ends: &Endpoints) -> u64 {
        if !self.joined(ends) {
            UNKNOWN
        } else if HTTP_PORTS.contains(&ends.server.port())
            || HTTP_PORTS.contains(&ends.client.port())
        {
            UNKNOWN_HTTP
        } else {
            UNKNOWN_MIDSTREAM
        }
    }

    fn after_http(&mut self, next: http::Next) -> Step {
        match next {
            http::Next::Stay(appetite) => Step::Stay(appetite),
            http::Next::Tunnel {
                target,
                port,
                held,
                next_index,
            } => {
                self.next_index = next_index;
                self.enter_tunnel("HTTP CONNECT", target, port, held)
            }
        }
    }

    /// From here on the flow carries whatever the proxy passes on.
    fn enter_tunnel(&mut self, kind: &'static str, target: String, port: u16, held: Held) -> Step {
        self.carrier = Some(Box::new(Carrier::Proxy { kind, target, port }));
        self.reader = Reader::Fresh;
        self.unknown = 0;
        self.midstream = false;
        Step::Become(held)
    }

    /// The reader wants nothing more. Those that have nothing to say at the end of the flow go at once.
    fn done(&mut self) -> Appetite {
        match &mut self.reader {
            Reader::Tls(_) | Reader::Quic(_) => Appetite::Done,
            Reader::Http(http) => {
                http.let_go();
                Appetite::Done
            }
            _ => self.opaque(),
        }
    }

    fn opaque(&mut self) -> Appetite {
        self.reader = Reader::Opaque;
        Appetite::Done
    }

    fn datagram(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        if matches!(self.reader, Reader::Fresh) {
            self.reader = match udp::identify(chunk.bytes, ends) {
                udp::Find::Quic => Reader::Quic(Box::default()),
                udp::Find::Dtls => Reader::Dtls(Box::new(Dtls::new())),
                udp::Find::Ike => Reader::Ike(Box::new(Ike::new())),
                udp::Find::Hidden(spot) => {
                    cx.emit(chunk.at, chunk.frame, flow, EventKind::BlindSpot(spot));
                    Reader::Opaque
                }
                udp::Find::Stun => {
                    self.stun = self.stun.saturating_add(1);
                    return self.patient(self.stun < STUN);
                }
                udp::Find::Unknown => {
                    self.unknown += 1;
                    return self.patient(self.unknown < DATAGRAMS);
                }
            };
        }
        match &mut self.reader {
            Reader::Quic(quic) => quic.data(flow, ends, chunk, cx),
            Reader::Dtls(dtls) => match dtls.data(flow, ends, chunk, cx) {
                Appetite::More => Appetite::More,
                Appetite::Done => {
                    dtls.end(flow, cx);
                    self.opaque()
                }
            },
            Reader::Ike(ike) => match ike.data(flow, ends, chunk, cx) {
                Appetite::More => Appetite::More,
                Appetite::Done => self.opaque(),
            },
            _ => self.opaque(),
        }
    }

    fn patient(&mut self, patient: bool) -> Appetite {
        if patient {
            Appetite::More
        } else {
            self.opaque()
        }
    }
}

/// What the first bytes of a side of a TCP flow, or of what it carries, are.
fn identify(side: Side, bytes: &[u8], ends: &Endpoints) -> Find {
    let mut more = false;
    let mut is = |probe: Probe| {
        more |= probe == Probe::NeedMore;
        probe == Probe::Yes
    };
    if is(tls_probe(bytes)) {
        return Find::Tls;
    }
    let (probe, kind) = packets::begins(side, bytes, ends);
    if is(probe) {
        return Find::Packets(kind);
    }
    if is(match side {
        Side::Client => http::looks_like_request(bytes),
        Side::Server => http::looks_like_response(bytes),
    }) {
        return Find::Http;
    }
    if is(begins(bytes, b"SSH-")) {
        return Find::Hidden(BlindSpot::Ssh);
    }
    if ends.server.port() == 53 && is(DnsStream::begins(bytes)) {
        return Find::Dns;
    }
    if side == Side::Client {
        // HTTP/2 without TLS (RFC 9113 3.4).
        if is(begins(bytes, b"PRI * HTTP/2.0\r\n")) {
            return Find::Useless;
        }
        if is(udp::openvpn_over_tcp(bytes)) {
            return Find::Hidden(BlindSpot::OpenVpn);
        }
        let (probe, header) = proxy::header(bytes);
        if let (true, Some(header)) = (is(probe), header) {
            return Find::ProxyHeader(header);
        }
        let (probe, version) = proxy::looks_like_socks(bytes);
        if is(probe) {
            return Find::Socks(version);
        }
    }
    // Where frames come out of order the answer may be first; it is of use once the client's first bytes say
    // what it answers.
    if side == Side::Server {
        is(proxy::may_answer_socks(bytes));
    }
    let (probe, kind) = starttls::begins(side, bytes, ends);
    if is(probe) {
        return Find::Upgrade(kind);
    }
    if more { Find::NeedMore } else { Find::Unknown }
}

/// Whether bytes begin with `text`.
pub(super) fn begins(bytes: &[u8], text: &[u8]) -> Probe {
    if bytes.starts_with(text) {
        Probe::Yes
    } else if text.starts_with(bytes) {
        Probe::NeedMore
    } else {
        Probe::No
    }
}
