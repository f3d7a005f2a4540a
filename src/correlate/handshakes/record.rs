//! One handshake, and what events add to it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::correlate::devices::HostKey;
use crate::correlate::names::Given;
use crate::correlate::waits;
use crate::event::{Beat, BeatKind, Chain, Provenance, ServerHello};
use crate::finding::{Handshake, HandshakeOutcome, Seen, Signature, Visibility};
use crate::flow::{Close, Ending, Side};
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, KeyKind};
use crate::time::{Span, Timestamp};

/// How a stapled answer came. What it says is with what was [`Seen`].
#[derive(Clone, Copy, Debug)]
pub struct Stapled {
    /// Its frame.
    pub frame: FrameNo,
    /// When it was delivered, by the clock of the capture.
    pub at: Timestamp,
    /// Signature over it; checked for certificates of Let's Encrypt.
    pub signature: Signature,
}

/// A handshake as correlation keeps it: of tens of thousands, so that what most lack takes little room.
#[derive(Clone, Debug)]
pub struct Record {
    /// What presenters see.
    pub shown: Handshake,
    /// When its hello came, here as well, because lists are searched by it.
    pub(in crate::correlate) hello_at: Timestamp,
    /// Client address in its scope.
    pub client: HostKey,
    /// Server address in its scope; the proxy's, which is no device, when it goes through one.
    pub server: HostKey,
    /// The client end of the flow itself, where that is a load balancer's.
    pub balancer: Option<Box<SocketAddr>>,
    /// What its client and others had been told about the server's address, where the hello does not name the site.
    pub given: Box<[Given]>,
    /// Client certificates, when the server asked for them and they could be read.
    pub client_chain: Box<[Arc<Certificate>]>,
    /// How its staple came.
    pub stapled: Option<Box<Stapled>>,
    /// Kind of the server's key, told by the length of an encrypted signature.
    pub server_key: Option<KeyKind>,
    /// Packets of the server's side were captured.
    pub heard: bool,
    /// Round trip between the capture point and the client.
    pub turnaround: Span,
    /// When the flow ended, if it has.
    pub closed_at: Option<Timestamp>,
    /// When the client last sent payload, at the end of the flow.
    pub last_client_payload: Option<Timestamp>,
    /// A Certificate message should have been readable, but was not seen whole.
    pub certificate_lost: bool,
    /// Interface.
    pub interface: crate::frame::InterfaceId,
}

impl Record {
    /// A ServerHello.
    pub fn server_hello(&mut self, at: Timestamp, frame: FrameNo, hello: &ServerHello) {
        if hello.retry {
            return;
        }
        let seen: &mut Seen = &mut self.shown;
        seen.version = Some(hello.version);
        seen.suite = Some(hello.suite);
        seen.server_hello_at = seen.server_hello_at.or(Some(at));
        seen.frames.server_hello = seen.frames.server_hello.or(Some(frame));
        if hello.resumed == Some(true) {
            self.shown.visibility = Visibility::Resumed;
        }
    }

    /// A Certificate message of either side; gives the certificates of the one before it, if there was one.
    pub(super) fn chain(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        chain: &Chain,
    ) -> Box<[Arc<Certificate>]> {
        let certs = chain.certs.as_slice().into();
        if chain.side == Side::Client {
            return std::mem::replace(&mut self.client_chain, certs);
        }
        self.certificate_lost = !chain.complete;
        self.shown.visibility = match chain.provenance {
            Provenance::KeyLog => Visibility::Keys,
            _ => Visibility::Clear,
        };
        let seen: &mut Seen = &mut self.shown;
        seen.provenance = Some(chain.provenance);
        seen.certificate_at = Some(at);
        seen.frames.certificate = Some(frame);
        seen.frames.certificate_first = Some(chain.first_frame);
        std::mem::replace(&mut seen.chain, certs)
    }

    /// A sign of life.
    pub fn beat(&mut self, at: Timestamp, frame: FrameNo, beat: Beat) {
        let seen: &mut Seen = &mut self.shown;
        seen.beats.push(at, frame, beat);
        if beat.side == Side::Client
            && beat.kind == BeatKind::AppData
            && seen.first_data_at.is_none()
        {
            seen.first_data_at = Some(at);
            self.shown.outcome = HandshakeOutcome::Used;
        }
    }

    /// The end of its flow.
    pub fn closed(&mut self, close: &Close) {
        self.closed_at = match close.how {
            Ending::CaptureEnded | Ending::Expired => None,
            _ => Some(close.at),
        };
        self.turnaround = close.turnaround.unwrap_or_default();
        let [_, of_server] = close.packets;
        self.heard = of_server > 0;
        let [client, _] = close.last_payload;
        self.last_client_payload = client;
        let seen: &mut Seen = &mut self.shown;
        seen.bytes = Some(close.bytes);
        seen.ending = Some(close.how);
        seen.beats.shrink();
        if self.shown.outcome == HandshakeOutcome::Unknown && self.closed_at.is_some() {
            self.shown.outcome = match waits::finished(self) {
                Some(_) => HandshakeOutcome::Completed,
                None => HandshakeOutcome::Abandoned,
            };
        }
    }

    /// Certificates the server showed.
    #[must_use]
    pub fn leaf(&self) -> Option<&Arc<Certificate>> {
        self.shown.chain.first()
    }

    /// Whether its certificate cannot be read although one was sent.
    #[must_use]
    pub fn hides_certificate(&self) -> bool {
        self.shown.chain.is_empty() && self.shown.visibility != Visibility::Resumed
    }

    /// The moment from which a check can have begun: the server's flight, else its hello, else the client's.
    #[must_use]
    pub fn anchor(&self) -> Timestamp {
        self.shown
            .certificate_at
            .or(self.shown.server_hello_at)
            .unwrap_or(self.shown.hello_at)
    }
}
