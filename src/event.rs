//! What the protocol room tells the correlation room: the only thing correlation ever sees.
//!
//! Events of one flow come in the order of the bytes; events of different flows in frame order. Correlation
//! cannot know whether a fact came from clear text, a key log or QUIC, except through [`Provenance`].

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;

use crate::flow::{Close, Endpoints, FlowId, Scope, Side, Transport};
use crate::frame::{FrameNo, InterfaceId, NameHint};
use crate::pki::cert::{Certificate, KeyKind};
use crate::pki::ocsp::OcspResponse;
use crate::time::{Span, Timestamp};

mod name;
pub(crate) mod weight;

pub use self::name::Name;

/// One thing that happened on the wire.
#[derive(Clone, Debug)]
pub struct Event {
    /// When the frame that completed it was captured.
    pub at: Timestamp,
    /// That frame.
    pub frame: FrameNo,
    /// The flow it belongs to; datagrams that are no flow of their own (DNS) carry their ends themselves.
    pub flow: FlowId,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of [`Event`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A TCP flow, or a UDP flow that carries more than DNS, was seen for the first time.
    FlowOpened(FlowOpened),
    /// A load balancer says for whom it opened this flow (PROXY protocol).
    RealClient(SocketAddr),
    /// The server's SYN-ACK: the connection stands.
    Connected,
    /// A client asks its SOCKS proxy for a connection (RFC 1928 4). CONNECT of HTTP is a [`Request`].
    TunnelAsked(Tunnel),
    /// What the proxy says to that.
    TunnelAnswered {
        /// Whether the connection stands.
        opened: bool,
        /// Bytes that client and server spent on it.
        spent: [u64; 2],
    },
    /// The flow is over.
    FlowClosed(Close),
    /// An address as the source of packets: the first time in each flow for each side.
    Sighting(Sighting),
    /// Two scopes are one, that is called as the second, from here on: a mirror tags the directions of its
    /// flows unlike. What happens later may still name either, because each shard of flows finds out for
    /// itself.
    Joined {
        /// One scope.
        scope: Scope,
        /// The other.
        with: Scope,
    },
    /// The process that owns the client end (live, or recorded in the capture).
    Process(Arc<Process>),
    /// A name for an address that the capture file carries.
    NameHint(NameHint),
    /// A lookup.
    DnsQuery(DnsQuery),
    /// Its answer, or that none came.
    DnsAnswer(Box<DnsAnswer>),
    /// A TLS or QUIC ClientHello (also the second one after a HelloRetryRequest).
    ClientHello(Box<ClientHello>),
    /// A ServerHello or HelloRetryRequest.
    ServerHello(ServerHello),
    /// A Certificate message.
    Chain(Chain),
    /// A stapled OCSP answer (CertificateStatus, or a TLS 1.3 certificate entry).
    Staple(Staple),
    /// The kind of the key in the server's encrypted certificate, told by the length of its signature.
    ServerKey(KeyKind),
    /// The server asked the client for a certificate.
    CertificateRequest,
    /// A sign of life inside a handshake, for measuring who waited for whom.
    Beat(Beat),
    /// A TLS alert.
    Alert(Alert),
    /// An HTTP/1.x request.
    Request(Box<Request>),
    /// Its response.
    Response(Box<Response>),
    /// This flow carries what the capture cannot show.
    BlindSpot(BlindSpot),
    /// Something malformed, missing or over a limit.
    Anomaly(Anomaly),
}

/// Where a proxy is to connect to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tunnel {
    /// A name, or an address as text.
    pub target: Name,
    /// Port.
    pub port: u16,
}

/// A new flow.
#[derive(Clone, Copy, Debug)]
pub struct FlowOpened {
    /// Its ends.
    pub ends: Endpoints,
    /// Where it was captured.
    pub interface: InterfaceId,
    /// Whether the opening packet was seen (SYN, QUIC Initial); false when the capture began inside it.
    pub from_start: bool,
}

/// Facts of the network and link layer about the source of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// Source address.
    pub ip: IpAddr,
    /// Which end of the flow it is.
    pub side: Side,
    /// VLAN and tunnel stack.
    pub scope: Scope,
    /// Link-layer source address, outermost frame only and only outside tunnels.
    pub mac: Option<Mac>,
    /// IPv4 TTL or IPv6 hop limit.
    pub ttl: u8,
    /// The transport with whose default the TTL began; None where it was chosen for the packet.
    pub ttl_default_of: Option<Transport>,
    /// Whether the capturing host itself sent it (cooked captures, pcapng flags).
    pub by_this_host: Option<bool>,
    /// Which device of the capturing host it crossed, where a capture of all of them says so.
    pub device: Option<HostDevice>,
    /// TCP timestamp value, with the SYN or the first segment.
    pub tsval: Option<u32>,
}

/// A network device of the capturing host, in a capture of all of them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct HostDevice {
    /// The capture.
    pub capture: InterfaceId,
    /// The host's number of the device.
    pub index: u32,
}

/// An IEEE 802 address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A process as the operating system or another capture tool named it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Process {
    /// Process identifier, where known.
    pub pid: Option<u32>,
    /// Short name.
    pub name: String,
    /// Command line, where known.
    pub command: Option<String>,
    /// User name or number, where known.
    pub user: Option<String>,
    /// Parent process name, where known.
    pub parent: Option<String>,
    /// Container or systemd unit, where known.
    pub unit: Option<String>,
    /// How it was learned: "socket table", "pktap", "pcapdroid", "packet comment".
    pub source: &'static str,
}

/// How a lookup travelled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DnsTransport {
    /// UDP port 53.
    Udp,
    /// TCP port 53.
    Tcp,
    /// UDP port 5353 (RFC 6762).
    Mdns,
    /// UDP port 5355 (RFC 4795).
    Llmnr,
}

/// A DNS question.
#[derive(Clone, Debug)]
pub struct DnsQuery {
    /// Who asks.
    pub client: SocketAddr,
    /// Whom.
    pub server: SocketAddr,
    /// Transaction id.
    pub id: u16,
    /// Name asked for.
    pub name: Name,
    /// Type asked for (1 A, 28 AAAA, 65 HTTPS, ...).
    pub qtype: u16,
    /// How.
    pub transport: DnsTransport,
    /// Which transmission of the same question this is, from 0.
    pub attempt: u16,
}

/// How a lookup ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DnsOutcome {
    /// NOERROR with at least one record of use.
    Answered,
    /// NOERROR without a record of the type asked for.
    NoData,
    /// NXDOMAIN (3).
    NoSuchName,
    /// SERVFAIL (2).
    ServerFailure,
    /// REFUSED (5).
    Refused,
    /// Another RCODE.
    Failed(u8),
    /// TC bit set and nothing of use: the client has to ask again over TCP.
    Truncated,
    /// No answer within [`crate::limits::Limits::dns_timeout`], or before the capture ended.
    Unanswered,
}

/// A DNS answer, or the absence of one.
#[derive(Clone, Debug)]
pub struct DnsAnswer {
    /// Who asked.
    pub client: SocketAddr,
    /// Whom.
    pub server: SocketAddr,
    /// Transaction id.
    pub id: u16,
    /// Name asked for.
    pub name: Name,
    /// Type asked for.
    pub qtype: u16,
    /// How.
    pub transport: DnsTransport,
    /// VLAN and tunnel stack.
    pub scope: Scope,
    /// The capture cut the answer short: records may be missing.
    pub cut: bool,
    /// How it ended.
    pub outcome: DnsOutcome,
    /// Told in full; else the name is none that was asked to be told of, and only addresses are.
    pub whole: bool,
    /// CNAME targets in order.
    pub chain: Vec<Name>,
    /// Addresses with their TTL in seconds (A, AAAA, and SVCB/HTTPS hints).
    pub addresses: Vec<(IpAddr, u32)>,
    /// Public names of ECH configurations in HTTPS records (RFC 9848, RFC 9849).
    pub ech_public_names: Vec<Name>,
    /// The question's frame, when it was seen.
    pub query_frame: Option<FrameNo>,
    /// When it was first asked.
    pub asked_at: Option<Timestamp>,
    /// First question to answer.
    pub took: Option<Span>,
    /// Transmissions of the question.
    pub attempts: u16,
}

/// What carried a handshake.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Carrier {
    /// TLS from the first byte of a TCP connection.
    Tls,
    /// TLS after an upgrade inside the named application protocol ("SMTP", "IMAP", ...).
    StartTls(&'static str),
    /// TLS inside a tunnel that a proxy opened: "HTTP CONNECT", "SOCKS4", "SOCKS5", with what the client asked for.
    Proxy {
        /// Kind of proxy.
        kind: &'static str,
        /// Host name or address that the client asked the proxy for.
        target: String,
        /// Port.
        port: u16,
    },
    /// QUIC.
    Quic {
        /// Version on the wire.
        version: u32,
    },
    /// DTLS.
    Dtls,
    /// IKE (RFC 7296).
    Ike,
}

/// Whether a hello hides another one (RFC 9849).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Ech {
    /// No encrypted_client_hello extension.
    #[default]
    Absent,
    /// Extension present: real or GREASE, which the wire does not tell.
    Offered,
}

/// Facts of a ClientHello.
#[derive(Clone, Debug)]
pub struct ClientHello {
    /// What carried it.
    pub carrier: Carrier,
    /// First frame that held a part of it.
    pub first_frame: FrameNo,
    /// server_name (RFC 6066 3), when present and well formed.
    pub sni: Option<Name>,
    /// Whether an encrypted_client_hello extension is present.
    pub ech: Ech,
    /// ALPN protocol names as text; bytes outside printable ASCII escaped.
    pub alpn: Arc<[String]>,
    /// Highest version offered (0x0303 is TLS 1.2, 0x0304 is TLS 1.3), GREASE ignored.
    pub max_version: u16,
    /// status_request is present: the client would accept a staple.
    pub status_request: bool,
    /// A TLS 1.2 session id or ticket, or a TLS 1.3 pre-shared key, is offered.
    pub offers_resumption: bool,
    /// early_data is present (0-RTT).
    pub early_data: bool,
    /// JA4 client fingerprint.
    pub ja4: Arc<str>,
    /// This is the answer to a HelloRetryRequest.
    pub second: bool,
    /// The 32 random bytes, by which key logs name the connection.
    pub random: [u8; 32],
}

/// Facts of a ServerHello.
#[derive(Clone, Copy, Debug)]
pub struct ServerHello {
    /// Negotiated version: 0x0301 TLS 1.0 to 0x0304 TLS 1.3.
    pub version: u16,
    /// Cipher suite.
    pub suite: u16,
    /// Whether the session was resumed; None when one-sided capture leaves it open.
    pub resumed: Option<bool>,
    /// This is a HelloRetryRequest.
    pub retry: bool,
}

/// How a fact came to light.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Provenance {
    /// Read in clear text.
    Clear,
    /// Decrypted with a key log or with secrets from the capture file.
    KeyLog,
    /// Given by the user (`--certs`).
    Supplied,
}

/// A chain of certificates as one side presented it, leaf first.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Who presented it.
    pub side: Side,
    /// The certificates that could be read, leaf first. Never empty for a server.
    pub certs: Vec<Arc<Certificate>>,
    /// Whether the message was complete and every entry could be read.
    pub complete: bool,
    /// How it came to light.
    pub provenance: Provenance,
    /// First frame that held a part of the message; the event's frame is the last.
    pub first_frame: FrameNo,
}

/// A stapled OCSP answer.
#[derive(Clone, Debug)]
pub struct Staple {
    /// Decoded, or None when it could not be read.
    pub response: Option<Arc<OcspResponse>>,
    /// The DER bytes, for checking the signature.
    pub der: Arc<[u8]>,
    /// How it came to light.
    pub provenance: Provenance,
}

/// What a [`Beat`] carried, as far as it shows from outside.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum BeatKind {
    /// ClientHello.
    ClientHello,
    /// First bytes of a ServerHello flight, or more of it in clear text.
    ServerFlight,
    /// ClientKeyExchange and what comes with it (TLS 1.2).
    KeyExchange,
    /// ChangeCipherSpec alone.
    ChangeCipherSpec,
    /// Encrypted handshake message (TLS 1.2 Finished, ...), or an encrypted TLS 1.3 record that key logs show
    /// to be handshake.
    EncryptedHandshake,
    /// Encrypted record that may be handshake or application data (TLS 1.3 without keys; QUIC Handshake packet).
    Encrypted,
    /// Application data (TLS 1.2, decrypted TLS 1.3, QUIC short header).
    AppData,
    /// Alert.
    Alert,
}

/// One run of bytes of one side inside or right after a handshake, with its record types summed up. A new
/// beat is reported when the side changes, the kind changes, or the same side speaks again after at least 1
/// ms.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// Who spoke.
    pub side: Side,
    /// What it was.
    pub kind: BeatKind,
    /// Payload bytes of the first record (TLS record length), which tells a TLS 1.3 Finished from a request.
    pub record_len: u32,
}

/// A TLS alert. Level and description are known for clear-text alerts and decrypted ones only.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// Who sent it.
    pub side: Side,
    /// AlertDescription, when readable.
    pub description: Option<u8>,
    /// AlertLevel 2.
    pub fatal: Option<bool>,
}

/// Form of an HTTP request target (RFC 9112 3.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TargetForm {
    /// `/path`.
    Origin,
    /// `http://host/path`, to a proxy.
    Absolute,
    /// `host:port`, CONNECT.
    Authority,
    /// `*`.
    Asterisk,
}

/// A kept body. The vector that it was read into is shared as it is: a list of 100 MB is not copied into another shape.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Body(Arc<Vec<u8>>);

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

/// An HTTP/1.x request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Position on its connection, from 0; the response carries the same.
    pub index: u32,
    /// Method as sent.
    pub method: String,
    /// Host asked: from an absolute target, else from Host; lower case, without port. None when neither is there.
    pub host: Option<Name>,
    /// Port asked, when stated.
    pub port: Option<u16>,
    /// Path and query as sent, percent-encoding untouched.
    pub path: String,
    /// Form of the target.
    pub form: TargetForm,
    /// It travels in a tunnel that a proxy opened (CONNECT, SOCKS): the flow's server is the proxy.
    pub tunnelled: bool,
    /// 0 or 1 of HTTP/1.x.
    pub minor_version: u8,
    /// User-Agent.
    pub agent: Option<String>,
    /// Content-Type.
    pub content_type: Option<String>,
    /// If-None-Match or If-Modified-Since is present.
    pub conditional: bool,
    /// Header names in the order sent, lower case, joined by commas: the client's handwriting.
    pub header_order: String,
    /// Body, when it is kept and complete.
    pub body: Option<Body>,
    /// Body bytes on the wire.
    pub body_len: u64,
    /// First frame that held a part of it; the event's frame is the last.
    pub first_frame: FrameNo,
    /// When that frame was captured.
    pub first_at: Timestamp,
}

/// An HTTP/1.x response, or the fact that a request got none.
#[derive(Clone, Debug)]
pub struct Response {
    /// The request it answers.
    pub index: u32,
    /// That request is not in the capture.
    pub unasked: bool,
    /// Whose bytes before it the capture lacks, messages perhaps among them, by [`Side::index`]: then the
    /// order on the connection alone does not tell which request it answers.
    pub torn: [bool; 2],
    /// Status code; 0 when the connection ended before a head came.
    pub status: u16,
    /// Content-Type.
    pub content_type: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// Server.
    pub server: Option<String>,
    /// Date (RFC 9110 6.6.1).
    pub date: Option<Timestamp>,
    /// Decoded body (chunked and gzip undone), when it is of a kind that is kept.
    pub body: Option<Body>,
    /// Whether the body came whole.
    pub complete: bool,
    /// Body bytes on the wire.
    pub body_len: u64,
    /// First frame that held a part of it; the event's frame is the last.
    pub first_frame: FrameNo,
    /// When that frame was captured.
    pub first_at: Timestamp,
}

/// Traffic that hides lookups, names or handshakes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum BlindSpot {
    /// DNS over TLS (RFC 7858).
    Dot,
    /// DNS over HTTPS (RFC 8484) to a resolver known for it.
    Doh,
    /// DNS over QUIC (RFC 9250).
    Doq,
    /// WireGuard.
    WireGuard,
    /// OpenVPN.
    OpenVpn,
    /// IPsec ESP, or IKE.
    Ipsec,
    /// An encrypted connection to a proxy.
    TlsProxy,
    /// SSH, which can carry tunnels.
    Ssh,
}

/// Something that did not go by the book; counted and shown, and it marks the findings of its flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Anomaly {
    /// What kind.
    pub kind: AnomalyKind,
    /// Detail for a person, without bytes from the wire in it.
    pub detail: &'static str,
}

/// Kinds of [`Anomaly`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum AnomalyKind {
    /// A packet that could not be decoded.
    BadPacket,
    /// IP fragments that overlap with other content, or never completed.
    BadFragment,
    /// A retransmission with other content; the first was believed.
    ConflictingRetransmission,
    /// Bytes missing from a stream that mattered.
    StreamGap,
    /// A message that breaks its protocol's grammar.
    BadDns,
    /// The same, HTTP.
    BadHttp,
    /// The same, TLS.
    BadTls,
    /// The same, QUIC.
    BadQuic,
    /// The same, certificates, OCSP or CRL.
    BadPki,
    /// A key that did not open what it should.
    WrongKey,
    /// A limit of [`crate::limits::Limits`] bit.
    LimitReached,
}
