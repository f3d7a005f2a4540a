//! Handshakes as presenters see them.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::event::{Carrier, Name, Process, Provenance};
use crate::finding::{Beats, DeviceId, HandshakeId};
use crate::flow::{Ending, FlowId};
use crate::frame::FrameNo;
use crate::pki::cert::Certificate;
use crate::pki::ocsp::OcspResponse;
use crate::time::Timestamp;

/// The server name of a handshake, and how it was learned.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Site {
    /// From server_name.
    Sni(Name),
    /// What the client asked its proxy for.
    Proxy(Name),
    /// The first name of the certificate the server showed.
    Certificate(Name),
    /// The name this device had looked up for the server's address.
    Dns(Name),
    /// The server_name of an outer hello: the provider's public name, never the site.
    EchOuter(Name),
    /// Nothing but the address.
    Address(IpAddr),
}

impl Site {
    /// The name, where it is one of a host. An outer name is not a site, so it gives none.
    #[must_use]
    pub const fn host(&self) -> Option<&Name> {
        match self {
            Self::Sni(n) | Self::Proxy(n) | Self::Certificate(n) | Self::Dns(n) => Some(n),
            Self::EchOuter(_) | Self::Address(_) => None,
        }
    }

    /// The text to show. An outer name is not a site, so it gives none.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Address(ip) => Some(ip.to_string().into()),
            other => other.host().map(|name| name.as_str().into()),
        }
    }
}

/// Which way a handshake went, seen from the device of the fetch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// The device was the client.
    Outbound,
    /// The device was the server.
    Inbound,
}

/// Whether a handshake showed a certificate at all.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Visibility {
    /// Certificate read in clear text.
    Clear,
    /// Certificate read by way of keys.
    Keys,
    /// Hidden (TLS 1.3, QUIC, ECH) or lost from the capture, but known for the same name from elsewhere.
    Learned,
    /// Hidden by encryption.
    Hidden,
    /// Not sent: the session was resumed.
    Resumed,
    /// Should be in clear text but is missing from the capture (loss, snap length, one side only).
    Lost,
}

/// How a handshake went on, as far as seen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HandshakeOutcome {
    /// Application data followed.
    Used,
    /// Completed, but no application data was seen.
    Completed,
    /// The client ended it with a fatal alert (description when readable).
    ClientAlert(Option<u8>),
    /// The server ended it with a fatal alert.
    ServerAlert(Option<u8>),
    /// The connection was closed before it completed.
    Abandoned,
    /// Still open when the capture ended, or not enough was seen.
    Unknown,
}

/// One handshake, summed up for presenters: what is concluded about it, and by way of `Deref` what was [`Seen`] of it.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Device of the client end.
    pub client_device: DeviceId,
    /// Server name, and how it was learned.
    pub site: Site,
    /// Visibility of its certificate.
    pub visibility: Visibility,
    /// How it went on.
    pub outcome: HandshakeOutcome,
    /// What was seen; shared by what is remembered and all reports on it, which speak of thousands.
    pub seen: Arc<Seen>,
}

impl Deref for Handshake {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.seen
    }
}

impl DerefMut for Handshake {
    /// Whoever changes what others share gets an own one.
    fn deref_mut(&mut self) -> &mut Seen {
        Arc::make_mut(&mut self.seen)
    }
}

/// What was seen of a handshake.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its id.
    pub id: HandshakeId,
    /// Its flow.
    pub flow: FlowId,
    /// Client end.
    pub client: SocketAddr,
    /// Server end.
    pub server: SocketAddr,
    /// What carried it.
    pub carrier: Carrier,
    /// Negotiated version (0x0303 is TLS 1.2), when a ServerHello was seen.
    pub version: Option<u16>,
    /// Cipher suite.
    pub suite: Option<u16>,
    /// ALPN offered by the client.
    pub alpn: Arc<[String]>,
    /// JA4.
    pub ja4: Arc<str>,
    /// ClientHello.random, by which key logs name the connection; None when no hello was seen.
    pub random: Option<[u8; 32]>,
    /// ECH extension present.
    pub ech_offered: bool,
    /// Certificates shown by the server, leaf first; empty when none is visible.
    pub chain: Box<[Arc<Certificate>]>,
    /// How the chain came to light.
    pub provenance: Option<Provenance>,
    /// Stapled OCSP answer.
    pub staple: Option<Arc<OcspResponse>>,
    /// Whether the client offered status_request.
    pub wanted_staple: bool,
    /// SYN.
    pub opened_at: Option<Timestamp>,
    /// ClientHello.
    pub hello_at: Timestamp,
    /// ServerHello.
    pub server_hello_at: Option<Timestamp>,
    /// Last frame of the Certificate message.
    pub certificate_at: Option<Timestamp>,
    /// First application data of the client.
    pub first_data_at: Option<Timestamp>,
    /// ClientHello, ServerHello, Certificate frames.
    pub frames: HandshakeFrames,
    /// Client's and server's speaking times in order, for drawing and for measuring waits.
    pub beats: Beats,
    /// Bytes each way (client, server), when the flow has ended.
    pub bytes: Option<[u64; 2]>,
    /// How the flow ended.
    pub ending: Option<Ending>,
    /// Process of the client end.
    pub process: Option<Arc<Process>>,
}

/// Frames of a handshake.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandshakeFrames {
    /// ClientHello (its last frame).
    pub client_hello: Option<FrameNo>,
    /// ServerHello.
    pub server_hello: Option<FrameNo>,
    /// Certificate (its last frame).
    pub certificate: Option<FrameNo>,
    /// Certificate (its first frame).
    pub certificate_first: Option<FrameNo>,
}
