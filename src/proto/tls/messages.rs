//! What each handshake message means for the connection.

use crate::event::{AnomalyKind, EventKind, Provenance};
use crate::flow::Side;
use crate::proto::tls::certificate::{self, Source};
use crate::proto::tls::handshake::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_STATUS, CLIENT_HELLO, CLIENT_KEY_EXCHANGE,
    COMPRESSED_CERTIFICATE, FINISHED, Message, NEW_SESSION_TICKET, SERVER_HELLO, SERVER_HELLO_DONE,
    SERVER_KEY_EXCHANGE,
};
use crate::proto::tls::hello::{self, TLS13};
use crate::proto::tls::reader::{Certificate, Reader, Scene};
use crate::proto::tls::record::SSL2_CLIENT_HELLO;
use crate::proto::tls::ssl2;

/// A connection has one hello, or two with a retry; whoever sends more plays games.
const HELLOS: u8 = 3;

impl Reader {
    /// A whole message, in clear or opened with secrets.
    pub(super) fn message(
        &mut self,
        side: Side,
        message: &Message<'_>,
        opened: bool,
        scene: &mut Scene<'_>,
    ) {
        match (message.kind, side) {
            (CLIENT_HELLO | SSL2_CLIENT_HELLO, Side::Client) if !opened => {
                self.client_hello(message, scene);
            }
            (SERVER_HELLO, Side::Server) if !opened => self.server_hello(message, scene),
            (CERTIFICATE | COMPRESSED_CERTIFICATE | CERTIFICATE_STATUS, _) => {
                if side == Side::Server {
                    self.decide(Some(false), scene);
                    self.certificate = Certificate::Settled;
                }
                certificate::message(message, &source(side, opened, scene), scene.cx);
            }
            (CERTIFICATE_REQUEST, Side::Server) => {
                self.decide(Some(false), scene);
                scene.report(message.last, EventKind::CertificateRequest);
            }
            (SERVER_KEY_EXCHANGE | SERVER_HELLO_DONE, Side::Server)
            | (CLIENT_KEY_EXCHANGE, Side::Client) => {
                // Anonymous and pre-shared key suites have no certificate (RFC 5246 7.4.2).
                self.decide(Some(false), scene);
                self.certificate = Certificate::Settled;
            }
            (NEW_SESSION_TICKET, Side::Server) if !opened => {
                // Up to TLS 1.2 it follows the client's Finished, or, in an abbreviated handshake, the
                // ServerHello (RFC 5077 3.1).
                self.decide(Some(true), scene);
            }
            (FINISHED, _) if opened => {
                let lock = self.lock;
                let half = self.half(side);
                half.finished = true;
                half.opening.finished(side, &lock, &scene.cx.keys);
                if side == Side::Server {
                    self.certificate = Certificate::Settled;
                }
            }
            _ => {}
        }
    }

    /// The beginning of a message whose end is lost.
    pub(super) fn partial(&mut self, side: Side, message: &Message<'_>, scene: &mut Scene<'_>) {
        match (message.kind, side) {
            (CLIENT_HELLO | SSL2_CLIENT_HELLO, Side::Client) => {
                self.client_hello(message, scene);
            }
            (SERVER_HELLO, Side::Server) => {
                scene.anomaly(
                    AnomalyKind::StreamGap,
                    "ServerHello is cut short by the capture",
                );
            }
            (CERTIFICATE | COMPRESSED_CERTIFICATE, _) => {
                if side == Side::Server {
                    self.decide(Some(false), scene);
                    self.certificate = Certificate::Settled;
                }
                let opened = self.version.is_some_and(|version| version >= TLS13);
                certificate::message(message, &source(side, opened, scene), scene.cx);
                let detail = "Certificate message is cut short by the capture";
                scene.anomaly(AnomalyKind::StreamGap, detail);
            }
            _ => {}
        }
    }

    /// Reports a ServerHello that waited for what follows it.
    pub(super) fn decide(&mut self, resumed: Option<bool>, scene: &mut Scene<'_>) {
        if let Some((mut hello, seen)) = self.undecided.take() {
            hello.resumed = resumed;
            if resumed == Some(true) {
                self.certificate = Certificate::Settled;
            }
            scene.report(seen, EventKind::ServerHello(hello));
        }
    }

    fn client_hello(&mut self, message: &Message<'_>, scene: &mut Scene<'_>) {
        if self.hellos >= HELLOS {
            return;
        }
        self.hellos += 1;
        let Message { body, whole, .. } = *message;
        let (carrier, first_frame) = (self.carrier.clone(), message.first.frame);
        let (mut hello, problem) = if message.kind == SSL2_CLIENT_HELLO {
            ssl2::client_hello(body, carrier, first_frame, whole)
        } else {
            let known = &mut scene.cx.fingerprints;
            hello::client_hello_of_many(body, carrier, first_frame, self.retry, whole, known)
        };
        // Both hellos of a retried handshake share their random (RFC 8446 4.1.2).
        hello.second |= self.lock.random == Some(hello.random);
        self.lock.random = (hello.random != [0; 32]).then_some(hello.random);
        self.early_data = hello.early_data;
        scene.report(message.last, EventKind::ClientHello(Box::new(hello)));
        if let Some(detail) = problem {
            let kind = if message.whole {
                AnomalyKind::BadTls
            } else {
                AnomalyKind::StreamGap
            };
            scene.anomaly(kind, detail);
        }
    }

    fn server_hello(&mut self, message: &Message<'_>, scene: &mut Scene<'_>) {
        self.decide(None, scene);
        let hello = match hello::server_hello(message.body) {
            Ok(hello) => hello,
            Err(detail) => return scene.anomaly(AnomalyKind::BadTls, detail),
        };
        if hello.retry {
            self.retry = true;
            return scene.report(message.last, EventKind::ServerHello(hello));
        }
        self.version = Some(hello.version);
        self.lock.suite = Some(hello.suite);
        // Behind the version.
        self.older.server_random = message
            .body
            .get(2..)
            .and_then(|it| it.first_chunk().copied());
        if hello.version < TLS13 {
            self.older.encrypt_then_mac = hello::encrypts_then_macs(message.body);
            self.undecided = Some((hello, message.last));
            return;
        }
        scene.report(message.last, EventKind::ServerHello(hello));
        self.certificate = match hello.resumed {
            Some(true) => Certificate::Settled,
            _ => Certificate::Hidden,
        };
        self.lock.wait(scene.flow, &mut scene.cx.keys);
        // What the client sent before this frame was read (early data, or segments out of order).
        self.drain(Side::Client, scene);
    }
}

const fn source(side: Side, opened: bool, scene: &Scene<'_>) -> Source {
    Source {
        flow: scene.flow,
        side,
        provenance: if opened {
            Provenance::KeyLog
        } else {
            Provenance::Clear
        },
        tls13: opened,
    }
}
