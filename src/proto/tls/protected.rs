//! The protected records of TLS 1.3 (RFC 8446 5.2): opened where secrets are there, judged by size and place
//! where not.

use crate::event::{AnomalyKind, BeatKind, EventKind};
use crate::flow::{Chunk, Side};
use crate::pki::cert::KeyKind;
use crate::proto::packets::Inside;
use crate::proto::tls::decrypt::{Opened, Sealed};
use crate::proto::tls::handshake::Seen;
use crate::proto::tls::hello::TLS13;
use crate::proto::tls::reader::{
    Certificate, Flight, LOST_FLIGHT, Reader, Scene, read_alert, unread_alert,
};
use crate::proto::tls::record::{ALERT, APPLICATION_DATA, HANDSHAKE, Piece};

/// Level and description under an AEAD of TLS 1.3: two bytes, the content type, the tag. No handshake
/// message is that short.
const SEALED_ALERT: u16 = 2 + 1 + 16;
/// The same where the tag has 8 bytes (TLS_AES_128_CCM_8_SHA256).
const SEALED_ALERT_8: u16 = 2 + 1 + 8;

/// Java adds so many zeros to each record (`OutputRecord.T13PaddingHolder` of OpenJDK; RFC 8446 5.4).
const PADDING: u16 = 16;

impl Reader {
    /// A record of the outer type application_data.
    pub(super) fn protected(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        if piece.begins {
            self.begin_protected(side, piece, scene);
        }
        if let Some(sealed) = &mut self.half(side).gathering {
            sealed.body.extend_from_slice(piece.body);
            if piece.ends {
                sealed.last = scene.seen;
            }
        }
        if piece.ends
            && let Some(sealed) = self.half(side).gathering.take()
        {
            self.half(side).opening.push(sealed);
            self.drain(side, scene);
        }
    }

    fn begin_protected(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        let len = piece.header.len;
        self.bulk_bytes += u64::from(len);
        self.bulk_records = self.bulk_records.saturating_add(1);
        if side == Side::Server && self.asked {
            self.answered = true;
        }
        if !self.understood {
            return;
        }
        if self.legacy || self.version.is_some_and(|version| version < TLS13) {
            // A false start comes before the server's Finished, but never before its certificate.
            self.decide(Some(false), scene);
            self.asked |= side == Side::Client;
            self.new_beat(side, BeatKind::AppData, len, scene);
            return;
        }
        let lock = self.lock;
        let ready = self
            .half(side)
            .opening
            .is_ready(side, &lock, &scene.cx.keys);
        let gather = self.may_gather(side, ready, len, scene);
        let kind = self.guess(side, len);
        if side == Side::Server {
            self.guess_key(len, scene);
        }
        if gather {
            self.half(side).gathering = Some(Sealed {
                header: piece.header,
                body: Vec::with_capacity(piece.body.len()),
                first: scene.seen,
                last: scene.seen,
                beaten: !ready,
                alert_sized: kind == BeatKind::Alert,
            });
        }
        if !(gather && ready) {
            self.note(side, kind);
            self.new_beat(side, kind, len, scene);
            if kind == BeatKind::Alert && !gather {
                scene.report(scene.seen, unread_alert(side));
            }
        }
    }

    /// Whether a protected record is worth its bytes: secrets are there, or may come.
    fn may_gather(&mut self, side: Side, ready: bool, len: u16, scene: &mut Scene<'_>) -> bool {
        let wanted = ready || (scene.cx.keys.expecting && self.lock.random.is_some());
        let opening = &mut self.half(side).opening;
        if !wanted || opening.is_closed() {
            return false;
        }
        if opening.reserve(len.into(), scene.cx) {
            return true;
        }
        self.stop_opening(side, scene);
        let detail = "encrypted handshake not held back for keys that may come";
        scene.anomaly(AnomalyKind::LimitReached, detail);
        false
    }

    /// What a protected record of TLS 1.3 is, judged by its size and place.
    fn guess(&mut self, side: Side, len: u16) -> BeatKind {
        let alert = match self.lock.suite {
            Some(0x1305) => SEALED_ALERT_8,
            _ => SEALED_ALERT,
        };
        if side == Side::Server {
            if self.client.flight == Flight::Begun {
                self.client.flight = Flight::Over;
            }
            return if len == alert || len == alert + PADDING {
                BeatKind::Alert
            } else {
                BeatKind::Encrypted
            };
        }
        let early = self.early_data && self.version.is_none();
        // The server was done before the client began this flight, and what it says next answers the whole of
        // it. Early data is no such flight.
        self.client.finished |= self.client.flight == Flight::Over && !self.early_data;
        if early || self.client.finished {
            return BeatKind::AppData;
        }
        if len == alert || len == alert + PADDING {
            return BeatKind::Alert;
        }
        self.client.flight = Flight::Begun;
        self.client.finished = self.ends_flight(len);
        BeatKind::Encrypted
    }

    /// Whether a record of this length can hold the Finished of a client, alone or behind what some put into
    /// the same record: settings for an application protocol that are empty (draft-vvv-tls-alps), and a
    /// Certificate message without one, for a server that asked.
    fn ends_flight(&self, len: u16) -> bool {
        const SETTINGS: u16 = 4 + 2 + 2 + 2;
        const NO_CERTIFICATE: u16 = 4 + 1 + 3;
        let before = [0, SETTINGS, NO_CERTIFICATE, SETTINGS + NO_CERTIFICATE];
        let finished = self.finished_lens();
        let fits = |own: u16, before: u16| len == own + before || len == own + before + PADDING;
        before
            .iter()
            .any(|before| finished.iter().any(|own| fits(*own, *before)))
    }

    /// Lengths that a protected Finished can have.
    fn finished_lens(&self) -> &'static [u16] {
        // verify_data has the length of the hash; header, content type and tag come to it.
        match self.lock.suite {
            Some(0x1302) => &[4 + 48 + 17],
            Some(0x1305) => &[4 + 32 + 9],
            Some(_) => &[4 + 32 + 17],
            None => &[4 + 32 + 17, 4 + 48 + 17],
        }
    }

    /// Most servers give each message a record of its own and pad none. The signature in CertificateVerify
    /// then shows by its length with which kind of key it was made (RFC 8446 4.4.3), and the Finished right
    /// after it shows which record that is.
    fn guess_key(&mut self, len: u16, scene: &mut Scene<'_>) {
        let before = self.server.last_len.replace(len);
        let tag = if self.lock.suite == Some(0x1305) {
            8
        } else {
            16
        };
        if self.server.finished || !self.finished_lens().contains(&len) {
            return;
        }
        self.server.finished = true;
        // Handshake header, algorithm, length of the signature, content type, tag.
        let signature = before.and_then(|before| before.checked_sub(4 + 2 + 2 + 1 + tag));
        if let Some(key) = signature.and_then(key_of_signature) {
            scene.report(scene.seen, EventKind::ServerKey(key));
        }
    }

    /// Opens what can be opened of a sender's records.
    pub(super) fn drain(&mut self, side: Side, scene: &mut Scene<'_>) {
        let lock = self.lock;
        while let Some((sealed, opened)) = self.half(side).opening.next(side, &lock, scene.cx) {
            match opened {
                Opened::Plain { kind, len } => self.plain(side, &sealed, kind, len, scene),
                Opened::WrongKey if side == Side::Client && self.early_data => {
                    // Early data, which the handshake secret does not open.
                    self.late_beat(side, BeatKind::AppData, &sealed, scene);
                }
                Opened::WrongKey => {
                    let detail = "a secret of the key log does not open this connection";
                    scene.seen = sealed.last;
                    scene.anomaly(AnomalyKind::WrongKey, detail);
                    self.client.opening.close(scene.cx);
                    self.server.opening.close(scene.cx);
                }
                Opened::Opaque | Opened::NoSecret => {
                    self.inside = Inside::Nothing;
                    let kind = self.guess(side, sealed.header.len);
                    self.late_beat(side, kind, &sealed, scene);
                }
            }
        }
    }

    /// An opened record.
    fn plain(&mut self, side: Side, sealed: &Sealed, kind: u8, len: usize, scene: &mut Scene<'_>) {
        if !std::mem::replace(&mut self.opened, true) {
            scene.cx.keys.count_use();
        }
        let content = sealed.body.get(..len).unwrap_or_default();
        let beat = match kind {
            HANDSHAKE => BeatKind::EncryptedHandshake,
            ALERT => BeatKind::Alert,
            _ => BeatKind::AppData,
        };
        self.late_beat(side, beat, sealed, scene);
        scene.seen = sealed.last;
        match (kind, content) {
            (HANDSHAKE, content) => self.join(side, content, sealed.last, true, scene),
            (ALERT, [level, description]) => {
                scene.report(sealed.last, read_alert(side, *level, *description));
            }
            (APPLICATION_DATA, [_, ..]) => self.carried(side, sealed.last, content, scene),
            _ => {}
        }
    }

    /// What the connection carries, which may be packets.
    pub(super) fn carried(&mut self, side: Side, seen: Seen, bytes: &[u8], scene: &mut Scene<'_>) {
        let Some(ends) = scene.ends else { return };
        let chunk = Chunk {
            side,
            offset: 0,
            at: seen.at,
            frame: seen.frame,
            bytes,
        };
        self.inside.data(&ends, chunk, scene.cx);
    }

    /// The beat of a record whose kind was known only once it was complete.
    fn late_beat(&mut self, side: Side, kind: BeatKind, sealed: &Sealed, scene: &mut Scene<'_>) {
        self.note(side, kind);
        if !sealed.beaten {
            self.beat(side, kind, sealed.header.len, sealed.first, scene);
        }
    }

    /// Application data of the client counts as its request once the server has said hello: early data
    /// comes before the certificate.
    fn note(&mut self, side: Side, kind: BeatKind) {
        let request = side == Side::Client && kind == BeatKind::AppData;
        self.asked |= request && (self.half(side).finished || !self.early_data);
    }

    /// Opens nothing more of a sender, because bytes are lost or may not be kept.
    pub(super) fn stop_opening(&mut self, side: Side, scene: &mut Scene<'_>) {
        let lock = self.lock;
        self.inside = Inside::Nothing;
        let half = self.half(side);
        half.gathering = None;
        let readable = half.opening.is_ready(side, &lock, &scene.cx.keys);
        half.opening.close(scene.cx);
        if side == Side::Server && self.certificate == Certificate::Hidden {
            self.certificate = Certificate::Settled;
            if readable || self.opened {
                scene.anomaly(AnomalyKind::StreamGap, LOST_FLIGHT);
            }
        }
    }
}

/// The kind of key that makes signatures of this length: ECDSA ones are a DER SEQUENCE of two INTEGERs (RFC
/// 3279 2.2.3), RSA ones as long as the modulus.
const fn key_of_signature(len: u16) -> Option<KeyKind> {
    match len {
        68..=72 => Some(KeyKind::Ec(256)),
        101..=104 => Some(KeyKind::Ec(384)),
        136..=139 => Some(KeyKind::Ec(521)),
        256 => Some(KeyKind::Rsa(2048)),
        384 => Some(KeyKind::Rsa(3072)),
        512 => Some(KeyKind::Rsa(4096)),
        _ => None,
    }
}
