//! SOCKS 4, 4a and 5 (RFC 1928, RFC 1929), and the header that load balancers put in front (PROXY protocol).
#![warn(clippy::indexing_slicing)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::event::{EventKind, Name, Tunnel};
use crate::flow::{Appetite, Chunk, FlowId, Side};

use super::held::Held;
use super::session::begins;
use super::{Context, Probe};

/// Bytes that either side may send before the tunnel is open, with a hello sent ahead of the answer.
const HOLD: usize = 32 << 10;
/// The longest header of version 1, by its specification.
const HEADER_V1: usize = 107;
const SIGNATURE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A PROXY protocol header, for the specification see HAProxy's doc/proxy-protocol.txt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ProxyHeader {
    /// Its length in bytes.
    pub(super) length: usize,
    /// The real client; None for a connection that the balancer makes on its own behalf.
    pub(super) source: Option<SocketAddr>,
}

/// Whether bytes begin with a PROXY protocol header.
pub(super) fn header(bytes: &[u8]) -> (Probe, Option<ProxyHeader>) {
    match begins(bytes, b"PROXY ") {
        Probe::Yes => {
            return match bytes.iter().take(HEADER_V1).position(|b| *b == b'\n') {
                Some(end) => {
                    let line = bytes.get(..end).unwrap_or_default();
                    let (length, source) = (end + 1, source_1(line));
                    (Probe::Yes, Some(ProxyHeader { length, source }))
                }
                None if bytes.len() < HEADER_V1 => (Probe::NeedMore, None),
                None => (Probe::No, None),
            };
        }
        Probe::NeedMore => return (Probe::NeedMore, None),
        Probe::No => {}
    }
    match begins(bytes, SIGNATURE_V2) {
        Probe::Yes => {}
        other => return (other, None),
    }
    let Some([command, family, high, low]) = bytes.get(12..16) else {
        return (Probe::NeedMore, None);
    };
    let length = 16 + usize::from(u16::from_be_bytes([*high, *low]));
    let Some(addresses) = bytes.get(16..length) else {
        return (Probe::NeedMore, None);
    };
    let source = source_2(*command, *family, addresses);
    (Probe::Yes, Some(ProxyHeader { length, source }))
}

/// `PROXY TCP4 source destination source-port destination-port`; UNKNOWN has no addresses.
fn source_1(line: &[u8]) -> Option<SocketAddr> {
    let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace().skip(1);
    let family = words.next()?;
    let source: IpAddr = words.next()?.parse().ok()?;
    let _destination = words.next()?;
    let port = words.next()?.parse().ok()?;
    let fits = (family == "TCP4" && source.is_ipv4()) || (family == "TCP6" && source.is_ipv6());
    fits.then(|| SocketAddr::new(source, port))
}

/// The source of the command PROXY; LOCAL is a health check, and addresses of other families are of no use.
fn source_2(command: u8, family: u8, addresses: &[u8]) -> Option<SocketAddr> {
    const PROXY: u8 = 0x21;
    let port = |at: usize| match addresses.get(at..at + 2) {
        Some([high, low]) => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    };
    match (command, family >> 4) {
        (PROXY, 1) => {
            let source = Ipv4Addr::from(*addresses.first_chunk::<4>()?);
            Some(SocketAddr::new(source.into(), port(8)?))
        }
        (PROXY, 2) => {
            let source = Ipv6Addr::from(*addresses.first_chunk::<16>()?);
            Some(SocketAddr::new(source.into(), port(32)?))
        }
        _ => None,
    }
}

/// SOCKS version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    Four,
    Five,
}

/// Whether a client's first bytes are the whole first message of SOCKS.
pub(super) fn looks_like_socks(bytes: &[u8]) -> (Probe, Version) {
    match bytes {
        [5] => (Probe::NeedMore, Version::Five),
        [5, count @ 1..=16, rest @ ..] => {
            let probe = match rest.get(usize::from(*count)..) {
                None => Probe::NeedMore,
                // Nothing before the answer, or a request or credentials sent ahead.
                Some([] | [1 | 5, ..]) => Probe::Yes,
                Some(_) => Probe::No,
            };
            (probe, Version::Five)
        }
        [4, 1 | 2, rest @ ..] => {
            let probe = match rest.get(6..) {
                Some(user) => match user.iter().take(256).position(|b| !b.is_ascii_graphic()) {
                    Some(end) if user.get(end) == Some(&0) => Probe::Yes,
                    None if user.len() < 256 => Probe::NeedMore,
                    _ => Probe::No,
                },
                None => Probe::NeedMore,
            };
            (probe, Version::Four)
        }
        [4] => (Probe::NeedMore, Version::Four),
        _ => (Probe::No, Version::Five),
    }
}

/// Whether a server's first bytes may be its whole first message of SOCKS, for whoever has yet to see what
/// the client began with. The answer proves nothing by itself, so this is never [`Probe::Yes`].
pub(super) fn may_answer_socks(bytes: &[u8]) -> Probe {
    match bytes {
        // A method chosen (RFC 1928 3), perhaps with what follows; 255 refuses all.
        [5] | [5, 0 | 2] | [5, 0, 5, ..] | [5, 2, 1] | [5, 2, 1, 0, ..] => Probe::NeedMore,
        // Granted, in version 4.
        [0] | [0, 0x5a, ..] => Probe::NeedMore,
        _ => Probe::No,
    }
}

/// What the session does after a chunk.
#[derive(Debug)]
pub(super) enum Next {
    Stay(Appetite),
    /// The proxy opened a tunnel; what is held is the first of what travels in it.
    Tunnel {
        kind: &'static str,
        target: String,
        port: u16,
        held: Held,
    },
}

/// The talk between a client and its SOCKS proxy until the tunnel is open.
#[derive(Debug)]
pub(super) struct Socks {
    held: Held,
    /// Where the client's side is.
    client: Stage,
    /// Where the server's side is.
    server: Stage,
    target: Option<(String, u16)>,
    version: Version,
    /// Bytes of both sides that were read.
    spent: [u64; 2],
    /// What the proxy said to the request, as soon as it did.
    answer: Option<bool>,
    /// Of the request and its answer, how many were told.
    told: u8,
}

/// The message that comes next on a side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Methods offered, method chosen.
    Method,
    /// Credentials; the client's side may skip them.
    Credentials,
    /// Request, reply.
    Connect,
    /// The tunnel's own bytes.
    Tunnel,
}

/// How far one message came. None stands for bytes that are no SOCKS.
type Read<T> = Option<Option<T>>;

impl Socks {
    pub(super) fn new(version: Version) -> Self {
        let first = match version {
            Version::Four => Stage::Connect,
            Version::Five => Stage::Method,
        };
        Self {
            held: Held::default(),
            client: first,
            server: first,
            target: None,
            version,
            spent: [0; 2],
            answer: None,
            told: 0,
        }
    }

    /// Memory it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        self.held.weight()
    }

    pub(super) fn data(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) -> Next {
        self.held.push(chunk);
        let known = match chunk.side {
            Side::Client => self.read_client(),
            Side::Server => self.read_server(),
        };
        self.tell(flow, chunk, cx);
        if known.is_none() || self.held.bytes(chunk.side).len() > HOLD {
            return Next::Stay(Appetite::Done);
        }
        if self.client == Stage::Tunnel
            && self.server == Stage::Tunnel
            && let Some((target, port)) = self.target.take()
        {
            return Next::Tunnel {
                kind: match self.version {
                    Version::Four => "SOCKS4",
                    Version::Five => "SOCKS5",
                },
                target,
                port,
                held: std::mem::take(&mut self.held),
            };
        }
        Next::Stay(Appetite::More)
    }

    /// Tells what was asked and answered since the last time.
    fn tell(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) {
        let mut tell = |kind| cx.emit(chunk.at, chunk.frame, flow, kind);
        if let (0, Some((target, port))) = (self.told, &self.target) {
            let (target, port) = (Name::new(target), *port);
            tell(EventKind::TunnelAsked(Tunnel { target, port }));
            self.told = 1;
        }
        if let (1, Some(opened)) = (self.told, self.answer) {
            let spent = self.spent;
            tell(EventKind::TunnelAnswered { opened, spent });
            self.told = 2;
        }
    }

    fn read(&mut self, side: Side, used: usize) {
        self.held.skip(side, used);
        if let Some(spent) = self.spent.get_mut(side.index()) {
            *spent += used as u64;
        }
    }

    /// None when this is no SOCKS, or no connection to follow.
    fn read_client(&mut self) -> Option<()> {
        loop {
            let bytes = self.held.bytes(Side::Client);
            let (used, next) = match (self.client, bytes) {
                (Stage::Tunnel, _) | (_, []) => return Some(()),
                (Stage::Method, [5, count, rest @ ..]) if rest.len() >= usize::from(*count) => {
                    (2 + usize::from(*count), Stage::Credentials)
                }
                (Stage::Method, _) => return Some(()),
                // RFC 1929: version 1, user name, password, each behind its length.
                (Stage::Credentials, [1, rest @ ..]) => {
                    let Some(used) = two_strings(rest) else {
                        return Some(());
                    };
                    (1 + used, Stage::Connect)
                }
                (Stage::Credentials | Stage::Connect, _) => {
                    let request = match self.version {
                        Version::Four => request_4(bytes),
                        Version::Five => request_5(bytes),
                    };
                    let Some((used, target, port)) = request? else {
                        return Some(());
                    };
                    self.target = Some((target, port));
                    (used, Stage::Tunnel)
                }
            };
            self.read(Side::Client, used);
            self.client = next;
        }
    }

    fn read_server(&mut self) -> Option<()> {
        loop {
            let bytes = self.held.bytes(Side::Server);
            let (used, next) = match (self.server, bytes) {
                (Stage::Tunnel, _) | (_, []) => return Some(()),
                (Stage::Method, [5]) | (Stage::Credentials, [1]) => return Some(()),
                (Stage::Method, [5, 0, ..]) => (2, Stage::Connect),
                (Stage::Method, [5, 2, ..]) => (2, Stage::Credentials),
                (Stage::Credentials, [1, 0, ..]) => (2, Stage::Connect),
                (Stage::Method | Stage::Credentials, _) => return None,
                (Stage::Connect, _) if self.version == Version::Four => match bytes {
                    [0, 0x5a, rest @ ..] if rest.len() >= 6 => (8, Stage::Tunnel),
                    [0] | [0, 0x5a, ..] => return Some(()),
                    [0, 0x5b..=0x5d, ..] => {
                        self.answer = Some(false);
                        return None;
                    }
                    _ => return None,
                },
                (Stage::Connect, [5, 0, 0, rest @ ..]) => match address(rest)? {
                    Some((used, ..)) => (3 + used, Stage::Tunnel),
                    None => return Some(()),
                },
                (Stage::Connect, [5] | [5, 0]) => return Some(()),
                (Stage::Connect, _) => {
                    // REP is a reason not to (RFC 1928 6).
                    let refused = matches!(bytes, [5, 1..=8, ..]);
                    self.answer = refused.then_some(false);
                    return None;
                }
            };
            self.read(Side::Server, used);
            self.server = next;
            if next == Stage::Tunnel {
                self.answer = Some(true);
            }
        }
    }
}

/// A SOCKS4 CONNECT, with the name of 4a.
fn request_4(bytes: &[u8]) -> Read<(usize, String, u16)> {
    let [4, 1, high, low, a, b, c, d, rest @ ..] = bytes else {
        return match bytes {
            [] | [4] => Some(None),
            [4, 1, ..] if bytes.len() < 8 => Some(None),
            _ => None,
        };
    };
    let port = u16::from_be_bytes([*high, *low]);
    let Some(user) = rest.iter().position(|b| *b == 0) else {
        return Some(None);
    };
    let used = 8 + user + 1;
    if let ([0, 0, 0], 1..) = ([a, b, c].map(|octet| *octet), *d) {
        let name = bytes.get(used..).unwrap_or_default();
        let Some(end) = name.iter().position(|b| *b == 0) else {
            return Some(None);
        };
        let target = String::from_utf8_lossy(name.get(..end)?).into_owned();
        return Some(Some((used + end + 1, target, port)));
    }
    let target = Ipv4Addr::new(*a, *b, *c, *d).to_string();
    Some(Some((used, target, port)))
}

/// A SOCKS5 CONNECT.
fn request_5(bytes: &[u8]) -> Read<(usize, String, u16)> {
    match bytes {
        [] | [5] | [5, 1] => Some(None),
        [5, 1, _reserved, rest @ ..] => {
            let read = address(rest)?;
            Some(read.map(|(used, target, port)| (3 + used, target, port)))
        }
        _ => None,
    }
}

/// ATYP, address, port (RFC 1928 4).
fn address(bytes: &[u8]) -> Read<(usize, String, u16)> {
    let (used, target) = match bytes {
        [1, a, b, c, d, ..] => (5, Ipv4Addr::new(*a, *b, *c, *d).to_string()),
        [4, rest @ ..] => match rest.first_chunk::<16>() {
            Some(octets) => (17, Ipv6Addr::from(*octets).to_string()),
            None => return Some(None),
        },
        [3, length, rest @ ..] => match rest.get(..usize::from(*length)) {
            Some(name) => (2 + name.len(), String::from_utf8_lossy(name).into_owned()),
            None => return Some(None),
        },
        [] | [3] | [1, ..] => return Some(None),
        _ => return None,
    };
    match bytes.get(used..) {
        Some([high, low, ..]) => Some(Some((used + 2, target, u16::from_be_bytes([*high, *low])))),
        _ => Some(None),
    }
}

/// Length of two strings, each behind one octet of length.
fn two_strings(bytes: &[u8]) -> Option<usize> {
    let first = 1 + usize::from(*bytes.first()?);
    let second = 1 + usize::from(*bytes.get(first)?);
    (bytes.len() >= first + second).then_some(first + second)
}
