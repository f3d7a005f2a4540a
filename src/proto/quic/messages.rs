//! TLS handshake messages out of CRYPTO streams (RFC 9001 4.1.3) to events.

use crate::crypto::{Cipher, Hash};
use crate::event::{Alert, AnomalyKind, Carrier, EventKind, Provenance};
use crate::flow::{FlowId, Side};
use crate::proto::Context;
use crate::proto::tls::certificate::{self, Source};
use crate::proto::tls::handshake::{
    CERTIFICATE, CERTIFICATE_REQUEST, CLIENT_HELLO, COMPRESSED_CERTIFICATE, FINISHED, Joined,
    Joiner, Message, SERVER_HELLO, Seen,
};
use crate::proto::tls::hello;
use crate::proto::tls::secrets::Label;

use super::BySide;
use super::Origin;
use super::protection::PacketKeys;
use super::scheme::Scheme;
use super::stream::Piece;

/// Encryption levels that carry a handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Level {
    /// Hellos.
    Initial,
    /// Everything from EncryptedExtensions to Finished.
    Handshake,
}

/// What went wrong, for the connection to report.
pub(super) type Complaint = (AnomalyKind, &'static str);

/// The TLS side of a connection.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// ClientHello.random of the latest hello.
    random: Option<[u8; 32]>,
    /// Version of the client's first Initial.
    version: u32,
    /// Hellos in the present CRYPTO stream: the second answers a HelloRetryRequest.
    client_hellos: u8,
    /// The cipher suite, once the server chose it.
    suite: Option<u16>,
    initial: BySide<Joining>,
    handshake: BySide<Joining>,
    finished: BySide<bool>,
    alerted: BySide<bool>,
}

/// One CRYPTO stream's messages.
#[derive(Debug, Default)]
struct Joining {
    joiner: Joiner,
    /// Where the earliest part of the message being joined was seen. Pieces come in stream order here,
    /// which need not be the order they were captured in.
    first: Seen,
    /// The beginning of a message was given up: what follows cannot be told apart.
    lost: bool,
}

impl Messages {
    /// Memory it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        let sides = [&self.initial, &self.handshake];
        sides
            .iter()
            .map(|by| by.client.joiner.weight() + by.server.joiner.weight())
            .sum()
    }

    /// The next bytes of a CRYPTO stream, completed by the packet of `origin`.
    pub(super) fn bytes(
        &mut self,
        origin: &Origin,
        level: Level,
        piece: &Piece,
        cx: &mut Context,
    ) -> Option<Complaint> {
        let joining = match level {
            Level::Initial => self.initial.of_mut(origin.side),
            Level::Handshake => self.handshake.of_mut(origin.side),
        };
        if joining.lost {
            return None;
        }
        let mut joining = std::mem::take(joining);
        if joining.joiner.at_boundary() || piece.seen.frame < joining.first.frame {
            joining.first = piece.seen;
        }
        let mut bytes = &*piece.bytes;
        let mut complaint = None;
        let limit = cx.limits.tls_message.min(cx.limits.quic_crypto);
        while let Some(joined) = joining.joiner.next(&mut bytes, piece.seen, limit) {
            let trouble = match joined {
                Joined::Message(message) => {
                    let message = Message {
                        first: joining.first,
                        last: origin.seen(),
                        ..message
                    };
                    match level {
                        Level::Initial => self.hello(origin, &message, cx),
                        Level::Handshake => {
                            self.hidden(origin, &message, cx);
                            None
                        }
                    }
                }
                Joined::TooLong(_) => {
                    Some((AnomalyKind::LimitReached, "TLS message in a QUIC handshake"))
                }
            };
            complaint = complaint.or(trouble);
            joining.first = piece.seen;
        }
        match level {
            Level::Initial => *self.initial.of_mut(origin.side) = joining,
            Level::Handshake => *self.handshake.of_mut(origin.side) = joining,
        }
        complaint
    }

    /// A CONNECTION_CLOSE of the transport. Whether it is a TLS alert in QUIC's clothes (RFC 9001 4.8).
    pub(super) fn closed(&mut self, origin: &Origin, code: u64, cx: &mut Context) -> bool {
        const CRYPTO_ERROR: u64 = 0x0100;
        let Some(description) = code
            .checked_sub(CRYPTO_ERROR)
            .and_then(|d| u8::try_from(d).ok())
        else {
            return false;
        };
        // Repeated for as long as the peer keeps sending (RFC 9000 10.2.1).
        if std::mem::replace(self.alerted.of_mut(origin.side), true) {
            return false;
        }
        let alert = Alert {
            side: origin.side,
            description: Some(description),
            fatal: Some(true),
        };
        cx.events.push(origin.event(EventKind::Alert(alert)));
        true
    }

    /// The client began, or began again: with another hello, or with the same one.
    pub(super) fn start_over(&mut self, version: u32) {
        *self = Self {
            random: self.random,
            version,
            ..Self::default()
        };
    }

    /// Whether a hello of the client was whole.
    pub(super) const fn said_hello(&self) -> bool {
        self.client_hellos > 0
    }

    /// Whether this is the version of the client's latest hello.
    pub(super) const fn began_with(&self, version: u32) -> bool {
        self.version == version
    }

    /// Whether the server chose a cipher suite.
    pub(super) const fn suite_known(&self) -> bool {
        self.suite.is_some()
    }

    /// Keys for the Handshake packets of one side, once the server chose a cipher and the key log holds
    /// the secret.
    pub(super) fn handshake_keys(
        &self,
        side: Side,
        scheme: Scheme,
        cx: &Context,
    ) -> Option<PacketKeys> {
        let (cipher, hash) = cipher_of(self.suite?)?;
        let label = match side {
            Side::Client => Label::ClientHandshake,
            Side::Server => Label::ServerHandshake,
        };
        let secret = cx.keys.get(self.random.as_ref()?, label)?;
        PacketKeys::derive(scheme, cipher, &hash.prk(secret.as_bytes()))
    }

    /// The random by which keys may yet come, and a cipher that they could open.
    pub(super) fn keys_may_come(&self, cx: &Context) -> Option<[u8; 32]> {
        let openable = self.suite.is_none_or(|suite| cipher_of(suite).is_some());
        self.random.filter(|_| cx.keys.expecting && openable)
    }

    /// The rest of the ClientHello will not come: reports what there is of it from its beginning.
    pub(super) fn give_up_hello(&mut self, origin: &Origin, cx: &mut Context) -> Option<Complaint> {
        if self.client_hellos > 0 {
            return None;
        }
        self.client_hellos = 2;
        let given_up = Joining {
            lost: true,
            ..Joining::default()
        };
        let Joining { joiner, first, .. } = std::mem::replace(&mut self.initial.client, given_up);
        if let Some(message) = joiner.partial()
            && message.kind == CLIENT_HELLO
        {
            let carrier = Carrier::Quic {
                version: self.version,
            };
            let (hello, _) = hello::client_hello(message.body, carrier, first.frame, false, false);
            // The random follows the version; without it no key log names the connection.
            self.random = (message.body.len() >= 2 + 32).then_some(hello.random);
            cx.events
                .push(origin.event(EventKind::ClientHello(Box::new(hello))));
        }
        Some((
            AnomalyKind::StreamGap,
            "part of a QUIC ClientHello was not captured",
        ))
    }

    /// Ends the wait for keys.
    pub(super) fn forget_keys(&self, flow: FlowId, cx: &mut Context) {
        if let Some(random) = &self.random {
            cx.keys.forget(random, flow);
        }
    }

    /// Whether this side sent its Finished: nothing of interest follows.
    pub(super) fn finished(&self, side: Side) -> bool {
        *self.finished.of(side)
    }

    fn hello(
        &mut self,
        origin: &Origin,
        message: &Message<'_>,
        cx: &mut Context,
    ) -> Option<Complaint> {
        match (origin.side, message.kind) {
            (Side::Client, CLIENT_HELLO) if self.client_hellos < 2 => {
                let second = self.client_hellos == 1;
                self.client_hellos += 1;
                let carrier = Carrier::Quic {
                    version: self.version,
                };
                let (hello, defect) = hello::client_hello(
                    message.body,
                    carrier,
                    message.first.frame,
                    second,
                    message.whole,
                );
                // After a Retry that was not captured, or a version negotiation: the same hello once more.
                let repeated = !second && self.random == Some(hello.random);
                self.random = Some(hello.random);
                if !repeated {
                    cx.events
                        .push(origin.event(EventKind::ClientHello(Box::new(hello))));
                }
                defect.map(|detail| (AnomalyKind::BadTls, detail))
            }
            (Side::Server, SERVER_HELLO) if self.suite.is_none() => {
                // The server answers whole hellos only.
                let lost = self.give_up_hello(origin, cx);
                match hello::server_hello(message.body) {
                    Ok(hello) => {
                        self.suite = (!hello.retry).then_some(hello.suite);
                        cx.events.push(origin.event(EventKind::ServerHello(hello)));
                        lost
                    }
                    Err(detail) => Some((AnomalyKind::BadTls, detail)),
                }
            }
            _ => Some((
                AnomalyKind::BadTls,
                "TLS message out of place in a QUIC Initial",
            )),
        }
    }

    /// A message that only keys show. Decryption ends with Finished.
    fn hidden(&mut self, origin: &Origin, message: &Message<'_>, cx: &mut Context) {
        match (origin.side, message.kind) {
            (side, CERTIFICATE | COMPRESSED_CERTIFICATE) => {
                let source = Source {
                    flow: origin.flow,
                    side,
                    provenance: Provenance::KeyLog,
                    tls13: true,
                };
                certificate::message(message, &source, cx);
            }
            (Side::Server, CERTIFICATE_REQUEST) => {
                cx.events.push(origin.event(EventKind::CertificateRequest));
            }
            (side, FINISHED) => *self.finished.of_mut(side) = true,
            _ => {}
        }
    }
}

/// QUIC has all suites of TLS 1.3 but TLS_AES_128_CCM_8_SHA256 (RFC 9001 5.3).
fn cipher_of(suite: u16) -> Option<(Cipher, Hash)> {
    Cipher::of_suite(suite).filter(|(cipher, _)| *cipher != Cipher::Aes128Ccm8)
}
