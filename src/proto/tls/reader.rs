//! One connection: records of both sides to messages, beats and alerts, until nothing is left to learn.

use crate::event::{Alert, AnomalyKind, BeatKind, Carrier, EventKind, ServerHello};
use crate::flow::{Chunk, ClientBy, Endpoints, FlowId, Gap, Side};
use crate::limits::Limits;
use crate::proto::Context;
use crate::proto::packets::Inside;
use crate::proto::tls::beats::Beats;
use crate::proto::tls::decrypt::{Lock, Opening, Sealed};
use crate::proto::tls::handshake::{self, Joined, Joiner, Seen};
use crate::proto::tls::hello::TLS13;
use crate::proto::tls::older::Older;
use crate::proto::tls::record::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Header, Loss, Next, Piece, Records,
    SSL2_CLIENT_HELLO,
};
use crate::proto::tls::{anomaly, report};

/// Protected bytes and records after which a connection is bulk data, whatever else is missing: far
/// beyond any certificate flight, so a one-sided capture ends here too.
const BULK_BYTES: u64 = 256 << 10;
const BULK_RECORDS: u32 = 1_024;
/// Protected records without any hello: the capture joined in mid-stream.
const MIDSTREAM_RECORDS: u32 = 4;
pub(super) const LOST_FLIGHT: &str = "bytes of the server's handshake are missing";

/// The reader of one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) carrier: Carrier,
    pub(super) client: Half,
    pub(super) server: Half,
    beats: Beats,
    /// The latest frame of either side.
    last: Seen,
    /// A handshake message was seen in clear.
    pub(super) understood: bool,
    /// Nothing more to learn.
    pub(super) over: bool,
    pub(super) hellos: u8,
    /// A HelloRetryRequest was seen.
    pub(super) retry: bool,
    /// The client offered early data.
    pub(super) early_data: bool,
    /// A message that TLS 1.3 encrypts was seen in clear.
    pub(super) legacy: bool,
    /// The negotiated version.
    pub(super) version: Option<u16>,
    /// A ServerHello up to TLS 1.2 until the next message tells whether it resumes a session.
    pub(super) undecided: Option<(ServerHello, Seen)>,
    pub(super) certificate: Certificate,
    pub(super) lock: Lock,
    /// The client sent what must be its first request.
    pub(super) asked: bool,
    /// The server sent something after that.
    pub(super) answered: bool,
    pub(super) bulk_bytes: u64,
    pub(super) bulk_records: u32,
    /// Secrets opened at least one record.
    pub(super) opened: bool,
    /// Packets in what it carries, if that can be opened.
    pub(super) inside: Inside,
    /// The same where TLS 1.2 carries it.
    pub(super) older: Older,
}

/// What is known of the server's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Certificate {
    /// It may still come.
    Expected,
    /// It is encrypted.
    Hidden,
    /// It was reported, is lost, or is not part of this handshake.
    Settled,
}

/// One sender.
#[derive(Debug, Default)]
pub(super) struct Half {
    records: Records,
    pub(super) joiner: Joiner,
    pub(super) opening: Opening,
    /// Where the current record began.
    first: Seen,
    /// How the current record is read.
    reading: Reading,
    /// What it counts as.
    beat: Option<BeatKind>,
    /// A protected record being gathered.
    pub(super) gathering: Option<Sealed>,
    /// First bytes of a clear alert.
    alert: [u8; 2],
    alert_len: usize,
    /// Handshake records are encrypted from here on (ChangeCipherSpec up to TLS 1.2).
    sealed: bool,
    /// No record was found where one must begin.
    broken: bool,
    /// Bytes were lost: only a known message type at the start of a record is believed.
    astray: bool,
    /// Length of the latest protected record.
    pub(super) last_len: Option<u16>,
    /// A record that ends with a TLS 1.3 Finished was seen.
    pub(super) finished: bool,
    /// A protected record that is no alert was seen, and whether the other side spoke after it.
    pub(super) flight: Flight,
}

/// The flight in which a client of TLS 1.3 sends what its side of the handshake lacks (RFC 8446 2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Flight {
    #[default]
    Awaited,
    Begun,
    /// The other side has spoken since.
    Over,
}

/// How the body of a handshake record is read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Reading {
    /// Its first byte decides.
    #[default]
    Undecided,
    Clear,
    /// Not at all.
    Skip,
}

/// The flow being read, the frame at hand, and where events go.
pub(super) struct Scene<'a> {
    pub(super) flow: FlowId,
    /// None where nothing is read that comes behind the handshake.
    pub(super) ends: Option<Endpoints>,
    pub(super) seen: Seen,
    pub(super) cx: &'a mut Context,
}

impl<'a> Scene<'a> {
    const fn new(flow: FlowId, ends: Option<Endpoints>, seen: Seen, cx: &'a mut Context) -> Self {
        Self {
            flow,
            ends,
            seen,
            cx,
        }
    }

    pub(super) fn report(&mut self, seen: Seen, kind: EventKind) {
        report(self.cx, self.flow, seen, kind);
    }

    pub(super) fn anomaly(&mut self, kind: AnomalyKind, detail: &'static str) {
        anomaly(self.cx, self.flow, self.seen, kind, detail);
    }
}

impl Reader {
    pub(crate) fn new(carrier: Carrier, limits: &Limits) -> Self {
        Self {
            carrier,
            client: Half::default(),
            server: Half::default(),
            beats: Beats::new(limits.beats),
            last: Seen::default(),
            understood: false,
            over: false,
            hellos: 0,
            retry: false,
            early_data: false,
            legacy: false,
            version: None,
            undecided: None,
            certificate: Certificate::Expected,
            lock: Lock::default(),
            asked: false,
            answered: false,
            bulk_bytes: 0,
            bulk_records: 0,
            opened: false,
            inside: Inside::default(),
            older: Older::default(),
        }
    }

    /// Memory it holds beside itself, without what waits for keys.
    pub(crate) fn weight(&self) -> usize {
        let halves = [&self.client, &self.server];
        halves
            .iter()
            .map(|half| half.joiner.weight() + half.opening.weight())
            .sum::<usize>()
            + self.inside.weight()
            + self.older.weight()
    }

    pub(crate) fn data(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) {
        let seen = Seen {
            frame: chunk.frame,
            at: chunk.at,
        };
        self.last = seen;
        let mut scene = Scene::new(flow, Some(*ends), seen, cx);
        let mut side = chunk.side;
        let mut bytes = chunk.bytes;
        while !self.over
            && let Some(next) = self.half(side).records.next(&mut bytes)
        {
            match next {
                Next::Piece(piece) => {
                    if self.is_reversed(side, &piece) {
                        self.reverse(ends);
                        scene.ends = Some(*ends);
                        side = side.other();
                    }
                    self.piece(side, &piece, &mut scene);
                }
                Next::Broken => self.broken(side, &mut scene),
            }
        }
    }

    pub(crate) fn gap(&mut self, flow: FlowId, gap: Gap, cx: &mut Context) {
        let seen = Seen {
            at: gap.at,
            ..self.last
        };
        let mut scene = Scene::new(flow, None, seen, cx);
        let side = gap.side;
        self.older.close();
        let half = self.half(side);
        match half.records.lose(gap.missing) {
            Loss::InBody if half.gathering.is_some() => self.stop_opening(side, &mut scene),
            Loss::InBody => {
                let kind = half.records.header().kind;
                let read = matches!(kind, HANDSHAKE | SSL2_CLIENT_HELLO)
                    && half.reading != Reading::Skip
                    && !half.sealed;
                if read {
                    let missing = usize::try_from(gap.missing).unwrap_or(usize::MAX);
                    self.lose_message(side, missing, &mut scene);
                }
            }
            Loss::Boundary => {
                self.stop_opening(side, &mut scene);
                self.lose_message(side, usize::MAX, &mut scene);
            }
        }
    }

    /// Secrets came.
    pub(crate) fn poke(&mut self, flow: FlowId, ends: &Endpoints, cx: &mut Context) {
        let seen = self.last;
        let mut scene = Scene::new(flow, Some(*ends), seen, cx);
        self.drain(Side::Server, &mut scene);
        self.drain(Side::Client, &mut scene);
    }

    /// Reports what is left over, gives back what is held.
    pub(crate) fn close(&mut self, flow: FlowId, cx: &mut Context) {
        let seen = self.last;
        let mut scene = Scene::new(flow, None, seen, cx);
        for side in [Side::Client, Side::Server] {
            if self.half(side).joiner.pending().is_some() {
                self.lose_message(side, usize::MAX, &mut scene);
            }
            self.half(side).gathering = None;
            for sealed in self.half(side).opening.close(scene.cx) {
                if sealed.alert_sized {
                    scene.report(sealed.first, unread_alert(side));
                }
            }
        }
        self.decide(None, &mut scene);
        if let Some(random) = &self.lock.random {
            scene.cx.keys.forget(random, flow);
        }
    }

    /// Whether nothing more is to be learnt from further bytes.
    pub(crate) fn is_done(&self, cx: &Context) -> bool {
        if self.inside.is_read() && !self.over {
            return false;
        }
        if self.over || self.bulk_bytes > BULK_BYTES || self.bulk_records > BULK_RECORDS {
            return true;
        }
        if !self.understood {
            return self.bulk_records >= MIDSTREAM_RECORDS;
        }
        (self.answered || self.beats.exhausted()) && self.is_settled(cx)
    }

    /// Whether records are held back that secrets may still open.
    pub(crate) fn is_waiting(&self, cx: &Context) -> bool {
        cx.keys.expecting && self.server.opening.is_holding()
    }

    pub(super) const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// The certificate was seen, or will not be.
    fn is_settled(&self, cx: &Context) -> bool {
        match self.certificate {
            Certificate::Settled => true,
            Certificate::Expected => self.asked || (self.legacy && self.client.sealed),
            Certificate::Hidden => {
                let opening = &self.server.opening;
                opening.is_closed()
                    || !(opening.is_ready(Side::Server, &self.lock, &cx.keys) || self.opened)
            }
        }
    }

    /// A ClientHello from the side taken for the server: the capture began late, or the protocol lets the
    /// server open the connection (active FTP).
    fn is_reversed(&mut self, side: Side, piece: &Piece<'_>) -> bool {
        if self.understood {
            return false;
        }
        if piece.header.kind == SSL2_CLIENT_HELLO {
            return side == Side::Server;
        }
        if piece.header.kind != HANDSHAKE {
            return false;
        }
        let speaker = match piece.body {
            [handshake::CLIENT_HELLO] | [handshake::CLIENT_HELLO, 0, ..] => Side::Client,
            [handshake::SERVER_HELLO] | [handshake::SERVER_HELLO, 0, ..] => Side::Server,
            _ => return false,
        };
        let is_first = piece.begins || self.half(side).reading == Reading::Undecided;
        is_first && side != speaker
    }

    fn reverse(&mut self, ends: &mut Endpoints) {
        std::mem::swap(&mut self.client, &mut self.server);
        self.beats.swap();
        std::mem::swap(&mut ends.client, &mut ends.server);
        ends.decided = ClientBy::Payload;
    }

    /// No record where one must begin. Once a handshake is under way a later one is looked for: the
    /// capture may lack the start of this side, or something was injected.
    fn broken(&mut self, side: Side, scene: &mut Scene<'_>) {
        let half = self.half(side);
        let unread = half.records.header() == Header::default();
        let astray = std::mem::replace(&mut half.astray, true);
        let again = std::mem::replace(&mut half.broken, true);
        self.over = !self.understood || again;
        if self.understood && side == Side::Server {
            self.lose_message(side, usize::MAX, scene);
        }
        if !(astray || unread && self.understood) {
            let detail = "no TLS record where one must begin";
            scene.anomaly(AnomalyKind::BadTls, detail);
        }
    }

    fn piece(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        if piece.begins {
            let half = self.half(side);
            half.first = scene.seen;
            half.reading = Reading::Undecided;
            half.beat = None;
            half.alert_len = 0;
        } else if let Some(kind) = self.half(side).beat {
            self.beat(side, kind, piece.header.len, scene.seen, scene);
        }
        match piece.header.kind {
            HANDSHAKE => self.handshake(side, piece, scene),
            SSL2_CLIENT_HELLO => self.ssl2_hello(side, piece, scene),
            CHANGE_CIPHER_SPEC if piece.begins => self.change_cipher_spec(side, piece, scene),
            ALERT => self.alert(side, piece, scene),
            APPLICATION_DATA => self.protected(side, piece, scene),
            _ => {}
        }
        if self.half(side).sealed && piece.header.kind != CHANGE_CIPHER_SPEC {
            self.older(side, piece, scene);
        }
    }

    fn handshake(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        let Some(first) = piece.body.first() else {
            return;
        };
        if self.half(side).reading == Reading::Undecided {
            self.begin_handshake(side, *first, piece.header.len, scene);
        }
        if self.half(side).reading == Reading::Clear {
            self.join(side, piece.body, scene.seen, false, scene);
        }
    }

    /// Decides by its first byte how a handshake record is read.
    fn begin_handshake(&mut self, side: Side, first: u8, len: u16, scene: &mut Scene<'_>) {
        let (understood, unversioned) = (self.understood, self.version.is_none());
        let half = self.half(side);
        let message = if half.joiner.at_boundary() {
            if !handshake::is_known(first) && !understood {
                // Joined in mid-stream, behind the hellos.
                self.over = true;
                return;
            }
            Some(first)
        } else {
            half.joiner.pending()
        };
        // After a retry the client says hello again in clear, behind a ChangeCipherSpec for the middle boxes
        // (RFC 8446 D.4); without the server's side the message alone tells.
        let again = first == handshake::CLIENT_HELLO && unversioned;
        let sealed = half.sealed && !again;
        let lost = half.astray && !message.is_some_and(handshake::is_known);
        half.reading = if sealed || lost {
            Reading::Skip
        } else {
            half.astray = false;
            Reading::Clear
        };
        let is_hello = matches!(
            message,
            Some(handshake::CLIENT_HELLO | handshake::SERVER_HELLO)
        );
        self.legacy |= sealed || (!lost && message.is_some() && !is_hello);
        self.understood |= !sealed && !lost;
        let kind = match side {
            _ if sealed => BeatKind::EncryptedHandshake,
            Side::Server => BeatKind::ServerFlight,
            Side::Client if is_hello => BeatKind::ClientHello,
            Side::Client => BeatKind::KeyExchange,
        };
        self.new_beat(side, kind, len, scene);
    }

    /// Joined like a message, under a type that TLS does not know.
    fn ssl2_hello(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        if piece.begins {
            self.understood = true;
            self.half(side).reading = Reading::Clear;
            self.new_beat(side, BeatKind::ClientHello, piece.header.len, scene);
            let [high, low] = piece.header.len.saturating_add(1).to_be_bytes();
            let head = [SSL2_CLIENT_HELLO, 0, high, low, piece.header.minor];
            self.join(side, &head, scene.seen, false, scene);
        }
        self.join(side, piece.body, scene.seen, false, scene);
    }

    /// Feeds handshake bytes, in clear or opened, to the joiner.
    pub(super) fn join(
        &mut self,
        side: Side,
        mut bytes: &[u8],
        seen: Seen,
        opened: bool,
        scene: &mut Scene<'_>,
    ) {
        let limit = scene.cx.limits.tls_message;
        while self.half(side).joiner.at_boundary()
            && let Some((message, rest)) = handshake::whole(bytes, seen, limit)
        {
            self.message(side, &message, opened, scene);
            bytes = rest;
        }
        if bytes.is_empty() {
            return;
        }
        let mut joiner = std::mem::take(&mut self.half(side).joiner);
        while let Some(joined) = joiner.next(&mut bytes, seen, limit) {
            match joined {
                Joined::Message(message) => self.message(side, &message, opened, scene),
                Joined::TooLong(kind) => {
                    if kind == handshake::CERTIFICATE && side == Side::Server {
                        self.certificate = Certificate::Settled;
                    }
                    let detail = "TLS handshake message over the limit";
                    scene.anomaly(AnomalyKind::LimitReached, detail);
                }
            }
        }
        self.half(side).joiner = joiner;
    }

    /// Bytes of a message are lost: reports what there is of it.
    fn lose_message(&mut self, side: Side, missing: usize, scene: &mut Scene<'_>) {
        let mut joiner = std::mem::take(&mut self.half(side).joiner);
        match joiner.partial() {
            Some(message) => self.partial(side, &message, scene),
            None if side == Side::Server
                && self.understood
                && self.certificate == Certificate::Expected =>
            {
                self.certificate = Certificate::Settled;
                scene.anomaly(AnomalyKind::StreamGap, LOST_FLIGHT);
            }
            None => {}
        }
        let in_step = joiner.lose(missing);
        let half = self.half(side);
        half.joiner = joiner;
        if !in_step {
            half.astray = true;
            half.reading = Reading::Skip;
        }
    }

    fn change_cipher_spec(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        // In TLS 1.3 it means nothing (RFC 8446 5).
        let meaningless = self.retry || self.version.is_some_and(|version| version >= TLS13);
        if !meaningless {
            self.half(side).sealed = true;
            if side == Side::Server {
                // No Certificate came between ServerHello and here: an abbreviated handshake.
                self.decide(Some(true), scene);
            }
        }
        if self.understood {
            self.new_beat(side, BeatKind::ChangeCipherSpec, piece.header.len, scene);
        }
    }

    fn alert(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        if piece.begins && self.understood {
            self.new_beat(side, BeatKind::Alert, piece.header.len, scene);
        }
        if piece.header.len != 2 {
            if piece.begins && self.understood {
                scene.report(scene.seen, unread_alert(side));
            }
            return;
        }
        let half = self.half(side);
        for byte in piece.body {
            if let Some(slot) = half.alert.get_mut(half.alert_len) {
                *slot = *byte;
                half.alert_len += 1;
            }
        }
        if piece.ends {
            let [level, description] = half.alert;
            scene.report(scene.seen, read_alert(side, level, description));
        }
    }

    pub(super) fn new_beat(&mut self, side: Side, kind: BeatKind, len: u16, scene: &mut Scene<'_>) {
        // Of bulk data only the beginnings of records count.
        self.half(side).beat = (kind != BeatKind::AppData).then_some(kind);
        let first = self.half(side).first;
        self.beat(side, kind, len, first, scene);
    }

    pub(super) fn beat(
        &mut self,
        side: Side,
        kind: BeatKind,
        len: u16,
        seen: Seen,
        scene: &mut Scene<'_>,
    ) {
        if let Some(beat) = self.beats.speaks(side, kind, len, seen) {
            scene.report(seen, EventKind::Beat(beat));
        }
    }
}

pub(super) const fn read_alert(side: Side, level: u8, description: u8) -> EventKind {
    EventKind::Alert(Alert {
        side,
        description: Some(description),
        fatal: Some(level == 2),
    })
}

pub(super) const fn unread_alert(side: Side) -> EventKind {
    EventKind::Alert(Alert {
        side,
        description: None,
        fatal: None,
    })
}
