//! One connection: finds the keys of each packet, joins its CRYPTO frames and hands them on.

use crate::event::{Anomaly, AnomalyKind, EventKind};
use crate::flow::{Appetite, Chunk, ClientBy, Endpoints, FlowId, Side};
use crate::proto::Context;

use super::beats::{Beats, Heard};
use super::frames::{Frame, frames};
use super::header::{Long, LongType, Packet, Retry, packets};
use super::held::HeldPackets;
use super::initial::InitialKeys;
use super::messages::{Level, Messages};
use super::protection::{Opened, PacketKeys};
use super::stream::{self, CryptoStream};
use super::{BySide, Origin};

/// What is known of a connection until its handshake is over.
#[derive(Debug, Default)]
pub(super) struct Connection {
    initial: Option<InitialKeys>,
    /// Where a genuine Retry told the client to write to.
    retry_dcid: Option<Vec<u8>>,
    derivations: u8,
    handshake: BySide<HandshakeKeys>,
    spaces: Spaces,
    messages: Messages,
    held: HeldPackets,
    beats: Beats,
    datagrams: u16,
    /// Anomalies are reported once for each kind.
    complained: Vec<AnomalyKind>,
}

/// Keys of one side's Handshake packets, from a key log.
#[derive(Debug, Default)]
struct HandshakeKeys {
    keys: Option<PacketKeys>,
    opened_any: bool,
    failures: u8,
}

/// One side's packet numbers and CRYPTO stream at one encryption level.
#[derive(Debug, Default)]
struct Space {
    largest: Option<u64>,
    stream: CryptoStream,
    overflown: bool,
}

/// By encryption level.
#[derive(Debug, Default)]
struct Spaces {
    initial: BySide<Space>,
    handshake: BySide<Space>,
}

impl Spaces {
    fn held(&self) -> usize {
        let streams = [
            &self.initial.client,
            &self.initial.server,
            &self.handshake.client,
            &self.handshake.server,
        ];
        streams.iter().map(|space| space.stream.held()).sum()
    }

    fn of(&mut self, level: Level, side: Side) -> &mut Space {
        match level {
            Level::Initial => self.initial.of_mut(side),
            Level::Handshake => self.handshake.of_mut(side),
        }
    }
}

impl Connection {
    /// Memory it holds beside itself, without what waits for keys or for other bytes.
    pub(super) fn weight(&self) -> usize {
        let keys = self.initial.as_ref().map_or(0, InitialKeys::weight);
        keys + self.messages.weight()
    }

    /// One datagram.
    pub(super) fn datagram(
        &mut self,
        flow: FlowId,
        ends: &mut Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        let mut origin = Origin {
            flow,
            side: chunk.side,
            at: chunk.at,
            frame: chunk.frame,
        };
        let mut heard = Heard::default();
        let suite_known = self.messages.suite_known();
        for packet in packets(chunk.bytes) {
            match packet {
                Packet::Long(long) => match long.kind {
                    LongType::Initial => {
                        heard.initial = true;
                        self.initial_packet(&mut origin, ends, &long, &mut heard, cx);
                    }
                    LongType::Handshake => self.handshake_packet(origin, &long, &mut heard, cx),
                    LongType::ZeroRtt => {
                        heard.zero_rtt.get_or_insert(len32(long.length));
                    }
                    LongType::Retry => {}
                },
                Packet::Retry(retry) => self.retry(origin, &retry),
                Packet::Short(len) => heard.short = Some(len32(len)),
                // The client's next Initial tells by itself what it made of it.
                Packet::VersionNegotiation | Packet::UnknownVersion => {}
                Packet::Malformed(detail) => {
                    self.complain(origin, AnomalyKind::BadQuic, detail, cx);
                }
            }
        }
        if !suite_known && self.messages.suite_known() && !self.held.is_empty() {
            // Handshake packets overtook the ServerHello that names their cipher.
            self.keys_came(flow, cx);
        }
        // Nothing can be said of a connection whose first Initial was not seen: not even a beat, for no
        // hello gives it a name.
        let open = self.initial.is_some();
        if open {
            if heard.short.is_some() && origin.side == Side::Client {
                // The client has finished its handshake, hello included.
                self.give_up_hello(&origin, cx);
            }
            self.beats.datagram(&origin, &heard, cx);
        }
        self.datagrams += 1;
        let enough = if open { ENOUGH_OPEN } else { ENOUGH_CLOSED };
        if self.beats.over(cx) || self.datagrams >= enough {
            Appetite::Done
        } else {
            Appetite::More
        }
    }

    /// Keys were added to the store.
    pub(super) fn keys_came(&mut self, flow: FlowId, cx: &mut Context) {
        for held in self.held.take(cx) {
            let origin = Origin {
                flow,
                side: held.side,
                at: held.at,
                frame: held.frame,
            };
            // What it weighs was reported when it came.
            self.handshake_packet(origin, &held.packet(), &mut Heard::default(), cx);
        }
        if self.held.is_empty() {
            self.messages.forget_keys(flow, cx);
        }
    }

    /// Whether packets are held that keys may still open.
    pub(super) fn waits_for_keys(&self) -> bool {
        !self.held.is_empty()
    }

    /// Reports what is there of a hello whose rest will not come.
    pub(super) fn give_up_hello(&mut self, origin: &Origin, cx: &mut Context) {
        if self.initial.is_some()
            && let Some((kind, detail)) = self.messages.give_up_hello(origin, cx)
        {
            self.complain(*origin, kind, detail, cx);
        }
    }

    /// Gives back what counts against limits over all flows.
    pub(super) fn release(&mut self, flow: FlowId, cx: &mut Context) {
        if !self.held.take(cx).is_empty() {
            self.messages.forget_keys(flow, cx);
        }
        let held = &mut cx.held_mut().crypto;
        *held = held.saturating_sub(self.spaces.held());
        self.spaces = Spaces::default();
    }

    fn initial_packet(
        &mut self,
        origin: &mut Origin,
        ends: &mut Endpoints,
        packet: &Long<'_>,
        heard: &mut Heard,
        cx: &mut Context,
    ) {
        let largest = self.spaces.initial.of(origin.side).largest;
        let known = self.initial.as_mut();
        let mut opened = known.and_then(|known| known.open(origin.side, packet, largest));
        if opened.is_none() && (origin.side == Side::Client || self.initial.is_none()) {
            opened = self.open_first(origin.flow, packet, cx);
            if opened.is_some() && origin.side == Side::Server {
                // Only clients protect with the keys of the id they write to.
                std::mem::swap(&mut ends.client, &mut ends.server);
                ends.decided = ClientBy::Payload;
                origin.side = Side::Client;
            }
        }
        if opened.is_some()
            && origin.side == Side::Client
            && !self.messages.began_with(packet.version)
            && !self.messages.suite_known()
        {
            // The server knew no common version (RFC 9000 6.2): the client begins again, with the same id or another.
            self.start_over(origin.flow, packet.version, cx);
        }
        let Some(opened) = opened else {
            if origin.side == Side::Client && packet.dcid.len() >= MIN_FIRST_DCID {
                let detail = "QUIC Initial that its connection id does not open";
                self.complain(*origin, AnomalyKind::BadQuic, detail, cx);
            }
            return;
        };
        let fresh = self.payload(*origin, Level::Initial, &opened, heard, cx);
        heard.hello_bytes = heard.hello_bytes.saturating_add(fresh);
    }

    /// As the first Initial of a client, or its first one after a Retry or a version negotiation.
    fn open_first(&mut self, flow: FlowId, packet: &Long<'_>, cx: &mut Context) -> Option<Opened> {
        let after_retry = self.retry_dcid.as_deref() == Some(packet.dcid);
        let known = self
            .initial
            .as_ref()
            .is_some_and(|keys| keys.dcid() == packet.dcid);
        if known || (packet.dcid.len() < MIN_FIRST_DCID && !after_retry) {
            return None;
        }
        self.derivations = self
            .derivations
            .checked_add(1)
            .filter(|n| *n <= MAX_DERIVATIONS)?;
        let largest = self.spaces.initial.client.largest.filter(|_| after_retry);
        let (keys, opened) = InitialKeys::of_first(packet, largest)?;
        if !after_retry {
            self.start_over(flow, packet.version, cx);
        } else if self.messages.said_hello() {
            self.repeat_hello(flow, packet.version, cx);
        }
        self.initial = Some(keys);
        Some(opened)
    }

    /// The very first hello, one after a Retry that was not captured or after a version negotiation, or
    /// another connection on the same ports; the hello tells which.
    fn start_over(&mut self, flow: FlowId, version: u32, cx: &mut Context) {
        self.repeat_hello(flow, version, cx);
        self.beats.start_over();
        self.retry_dcid = None;
    }

    /// After a Retry the client says its hello again (RFC 9000 17.2.5.2); some make a new one.
    fn repeat_hello(&mut self, flow: FlowId, version: u32, cx: &mut Context) {
        self.release(flow, cx);
        self.messages.start_over(version);
        self.handshake = BySide::default();
    }

    fn retry(&mut self, origin: Origin, retry: &Retry<'_>) {
        if let Some(initial) = &self.initial
            && self.retry_dcid.is_none()
            && origin.side == Side::Server
            && retry.scheme.retry_is_genuine(initial.dcid(), retry)
        {
            self.retry_dcid = Some(retry.scid.to_vec());
        }
    }

    fn handshake_packet(
        &mut self,
        origin: Origin,
        packet: &Long<'_>,
        heard: &mut Heard,
        cx: &mut Context,
    ) {
        if self.messages.finished(origin.side) {
            return;
        }
        let HandshakeKeys {
            keys,
            opened_any,
            failures,
        } = self.handshake.of_mut(origin.side);
        if keys.is_none() && *failures == 0 {
            *keys = self.messages.handshake_keys(origin.side, packet.scheme, cx);
        }
        let Some(open) = keys else {
            heard.note_closed_handshake(len32(packet.length));
            if *failures == 0
                && let Some(random) = self.messages.keys_may_come(cx)
            {
                if self.held.hold(&origin, packet, cx).is_ok() {
                    cx.keys.wait(random, origin.flow);
                } else {
                    let detail = "QUIC Handshake packets held for keys";
                    self.complain(origin, AnomalyKind::LimitReached, detail, cx);
                }
            }
            return;
        };
        if let Some(opened) = open.open(packet, self.spaces.handshake.of(origin.side).largest) {
            if !std::mem::replace(opened_any, true) && origin.side == Side::Server {
                cx.keys.count_use();
            }
            if self.payload(origin, Level::Handshake, &opened, heard, cx) > 0 {
                heard.opened_handshake.get_or_insert(len32(packet.length));
            }
        } else if !*opened_any {
            *failures += 1;
            if *failures >= MAX_FAILURES {
                *keys = None;
            }
            heard.note_closed_handshake(len32(packet.length));
            let detail = "QUIC Handshake packet that the key log does not open";
            self.complain(origin, AnomalyKind::WrongKey, detail, cx);
        }
    }

    /// Reads the frames of an opened packet. Returns how many bytes of handshake messages were new.
    fn payload(
        &mut self,
        origin: Origin,
        level: Level,
        opened: &Opened,
        heard: &mut Heard,
        cx: &mut Context,
    ) -> u32 {
        let space = self.spaces.of(level, origin.side);
        space.largest = space.largest.max(Some(opened.number));
        let held_before = space.stream.held();
        let held_elsewhere = cx.held().crypto.saturating_sub(held_before);
        let limit = cx.limits.quic_crypto_total.saturating_sub(held_elsewhere);
        let limit = limit.min(cx.limits.quic_crypto);
        let mut fresh = 0;
        let mut complaint = None;
        for frame in frames(&opened.payload) {
            match frame {
                Frame::Crypto { offset, data } if !space.overflown => {
                    match space.stream.insert(offset, data, origin.seen(), limit) {
                        Ok(len) => fresh += len,
                        Err(stream::Full) => {
                            space.overflown = true;
                            let detail = "bytes of one QUIC CRYPTO stream";
                            complaint = Some((AnomalyKind::LimitReached, detail));
                        }
                    }
                }
                Frame::Close(code) => heard.alert |= self.messages.closed(&origin, code, cx),
                Frame::Malformed => {
                    let detail = "frame that has no place in a QUIC handshake";
                    complaint = Some((AnomalyKind::BadQuic, detail));
                }
                Frame::Crypto { .. } | Frame::Other => {}
            }
        }
        while let Some(piece) = space.stream.pop() {
            let trouble = self.messages.bytes(&origin, level, &piece, cx);
            complaint = complaint.or(trouble);
        }
        if space.overflown {
            space.stream = CryptoStream::default();
        }
        cx.held_mut().crypto = held_elsewhere.saturating_add(space.stream.held());
        if let Some((kind, detail)) = complaint {
            self.complain(origin, kind, detail, cx);
        }
        len32(fresh)
    }

    fn complain(
        &mut self,
        origin: Origin,
        kind: AnomalyKind,
        detail: &'static str,
        cx: &mut Context,
    ) {
        if !self.complained.contains(&kind) {
            self.complained.push(kind);
            cx.events
                .push(origin.event(EventKind::Anomaly(Anomaly { kind, detail })));
        }
    }
}

/// RFC 9000 7.2: what a client makes up to write to first has at least 8 bytes.
const MIN_FIRST_DCID: usize = 8;
/// Ids tried as a client's first; a connection needs one, with Retry two, with version negotiation three.
/// The rest is for packets that were damaged on their way.
const MAX_DERIVATIONS: u8 = 16;
/// Packets that keys of a key log may fail to open before they are given up.
const MAX_FAILURES: u8 = 3;
/// Datagrams looked at without an Initial that opens.
const ENOUGH_CLOSED: u16 = 16;
/// Datagrams looked at in all: far more than a handshake takes, even one that stalls and repeats itself. Ends
/// the watch over connections of which only the server's side is seen later on.
const ENOUGH_OPEN: u16 = 1_000;

fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
