//! Opening the protected records of TLS 1.3 (RFC 8446 5.2) with secrets of a key log, and holding records
//! back while those secrets may still come.

use std::collections::VecDeque;

use crate::crypto::{Cipher, Hash, Opener};
use crate::flow::{FlowId, Side};
use crate::proto::Context;
use crate::proto::tls::handshake::Seen;
use crate::proto::tls::record::{HANDSHAKE, Header};
use crate::proto::tls::secrets::{KeyStore, Label};

/// A protected record.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) header: Header,
    /// What came of the body; its plaintext once opened.
    pub(crate) body: Vec<u8>,
    /// Where the header was seen.
    pub(crate) first: Seen,
    /// Where the last byte was seen.
    pub(crate) last: Seen,
    /// A beat was reported for it before it was opened.
    pub(crate) beaten: bool,
    /// It has the length of an alert in a place where nothing else has.
    pub(crate) alert_sized: bool,
}

/// What became of a protected record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Opened {
    /// Its true content type, and how many bytes at the front of the body are content.
    Plain { kind: u8, len: usize },
    /// The secret is not there yet.
    NoSecret,
    /// The key does not fit.
    WrongKey,
    /// It cannot be opened, and nobody expects it to.
    Opaque,
}

/// Which secret protects a sender's records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Epoch {
    /// The handshake traffic secret.
    #[default]
    Handshake,
    /// The application traffic secret, after the sender's Finished.
    Traffic,
}

/// The protected records of one sender.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    epoch: Epoch,
    /// Large, and most connections never have one.
    opener: Option<Box<Opener>>,
    /// Sequence number of the next record under the secret of `epoch`.
    number: u64,
    /// Nothing more will be opened.
    closed: bool,
    held: VecDeque<Sealed>,
    /// Bytes counted in [`Held::encrypted`] for this sender.
    reserved: usize,
}

impl Opening {
    /// Whether nothing more will be opened.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Memory it holds beside itself, without the records that wait.
    pub(crate) fn weight(&self) -> usize {
        self.opener.as_deref().map_or(0, size_of_val::<Opener>)
    }

    /// Whether records wait for their secret.
    pub(crate) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether the next record can be opened as soon as it is complete.
    pub(crate) fn is_ready(&self, side: Side, lock: &Lock, keys: &KeyStore) -> bool {
        let has_secret = || {
            let random = lock.complete().map(|(random, _)| random);
            random.is_some_and(|random| keys.get(random, self.label(side)).is_some())
        };
        !self.closed && self.held.is_empty() && (self.opener.is_some() || has_secret())
    }

    /// Makes room for a record of `len` bytes; false when a limit forbids it.
    pub(crate) fn reserve(&mut self, len: usize, cx: &mut Context) -> bool {
        let fits = self.reserved + len <= cx.limits.tls_held_flow
            && cx.held().encrypted + len <= cx.limits.tls_held_total;
        if fits {
            self.reserved += len;
            cx.held_mut().encrypted += len;
        }
        fits
    }

    /// Gives the room of a record back.
    pub(crate) fn release(&mut self, len: usize, cx: &mut Context) {
        let len = len.min(self.reserved);
        self.reserved -= len;
        let held = &mut cx.held_mut().encrypted;
        *held = held.saturating_sub(len);
    }

    /// A complete record joins the queue.
    pub(crate) fn push(&mut self, sealed: Sealed) {
        self.held.push_back(sealed);
    }

    /// The first record of the queue and what became of it; None when there is none or it has to wait.
    pub(crate) fn next(
        &mut self,
        side: Side,
        lock: &Lock,
        cx: &mut Context,
    ) -> Option<(Sealed, Opened)> {
        let mut sealed = self.held.pop_front()?;
        match self.open(side, &mut sealed, lock, &cx.keys) {
            Opened::NoSecret => {
                self.held.push_front(sealed);
                None
            }
            opened => {
                self.release(sealed.header.len.into(), cx);
                Some((sealed, opened))
            }
        }
    }

    /// The sender's Finished was read: from here on the application traffic secret protects.
    pub(crate) fn finished(&mut self, side: Side, lock: &Lock, keys: &KeyStore) {
        self.epoch = Epoch::Traffic;
        self.opener = None;
        self.number = 0;
        let secret = lock
            .complete()
            .and_then(|(random, _)| keys.get(random, Label::ClientTraffic.of(side)));
        // What follows is not worth waiting for.
        self.closed = secret.is_none();
    }

    /// Opens nothing more and forgets what is held; gives it for a last look.
    pub(crate) fn close(&mut self, cx: &mut Context) -> VecDeque<Sealed> {
        self.closed = true;
        self.opener = None;
        self.release(self.reserved, cx);
        std::mem::take(&mut self.held)
    }

    fn open(&mut self, side: Side, sealed: &mut Sealed, lock: &Lock, keys: &KeyStore) -> Opened {
        if self.closed {
            return Opened::Opaque;
        }
        if self.opener.is_none() {
            let Some((random, (cipher, hash))) = lock.complete() else {
                return if lock.is_hopeless() {
                    Opened::Opaque
                } else {
                    Opened::NoSecret
                };
            };
            let Some(secret) = keys.get(random, self.label(side)) else {
                return Opened::NoSecret;
            };
            let opener = Opener::derive(cipher, &hash.prk(secret.as_bytes()), "key", "iv");
            self.opener = opener.map(Box::new);
        }
        let Some(opener) = &self.opener else {
            return Opened::Opaque;
        };
        let Header { kind, minor, len } = sealed.header;
        let [high, low] = len.to_be_bytes();
        // A failed attempt leaves the bytes worthless; early data is not looked at again either.
        let Some(plain) = opener.open(self.number, &[kind, 3, minor, high, low], &mut sealed.body)
        else {
            return match (self.epoch, self.number) {
                (Epoch::Handshake, 0) => Opened::WrongKey,
                // A KeyUpdate passed, or records were lost.
                _ => Opened::Opaque,
            };
        };
        self.number += 1;
        // TLSInnerPlaintext: content, its type, zeros.
        let padding = plain.iter().rev().take_while(|byte| **byte == 0).count();
        let len = (plain.len() - padding).saturating_sub(1);
        let kind = plain.get(len).copied().unwrap_or(HANDSHAKE);
        Opened::Plain { kind, len }
    }

    const fn label(&self, side: Side) -> Label {
        match self.epoch {
            Epoch::Handshake => Label::ClientHandshake.of(side),
            Epoch::Traffic => Label::ClientTraffic.of(side),
        }
    }
}

/// What a connection's secrets are looked up and used with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lock {
    /// ClientHello.random.
    pub(crate) random: Option<[u8; 32]>,
    /// The negotiated cipher suite.
    pub(crate) suite: Option<u16>,
}

impl Lock {
    /// Asks to be told of secrets that come later.
    pub(crate) fn wait(&self, flow: FlowId, keys: &mut KeyStore) {
        if let (Some(random), true) = (self.random, keys.expecting) {
            keys.wait(random, flow);
        }
    }

    /// Random, cipher and hash, when all are known.
    fn complete(&self) -> Option<(&[u8; 32], (Cipher, Hash))> {
        self.random.as_ref().zip(Cipher::of_suite(self.suite?))
    }

    /// Known to be a suite that cannot be opened.
    fn is_hopeless(&self) -> bool {
        self.suite
            .is_some_and(|suite| Cipher::of_suite(suite).is_none())
    }
}
