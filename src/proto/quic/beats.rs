//! Who spoke when (see [`Beat`]): what makes a client's silence after the server's certificates visible.
//!
//! A QUIC client that verifies certificates keeps acknowledging and probing; only Finished or 1-RTT
//! packets end its silence. Which packets can be either, without keys:
//!
//! * Finished holds a hash of 32 bytes or more (RFC 8446 4.4.4), so its Handshake packet has a Length of at
//!   least [`FINISHED_LENGTH`]. Anything shorter is an acknowledgement or a probe and no speech. Seen of
//!   Chromium: Lengths below 30 while it fetches an issuer, then 56 for its Finished.
//! * A client cannot send 1-RTT packets before its Finished (RFC 9001 4.1.2, 5.7): even the smallest proves
//!   that it went on.
//! * A datagram with an Initial has to be filled to 1200 bytes (RFC 9000 14.1). Some clients put the filling
//!   into the last packet (msquic, `src/core/packet_builder.c`), so a large Handshake packet beside an Initial may be a mere
//!   acknowledgement. It is doubtful until the client speaks again: a 1-RTT packet next means that it was
//!   the Finished, another large Handshake packet means that it was not.
//! * 1-RTT packets of the server before the client went on are part of its first flight ("0.5-RTT") and tell
//!   nothing about the client.

use crate::event::{Beat, BeatKind, EventKind};
use crate::flow::Side;
use crate::proto::Context;
use crate::time::{Span, Timestamp};

use super::Origin;

/// What one datagram was found to carry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// It holds an Initial packet.
    pub(super) initial: bool,
    /// New bytes of a hello in Initial packets.
    pub(super) hello_bytes: u32,
    /// Length of the first 0-RTT packet.
    pub(super) zero_rtt: Option<u32>,
    /// Length of the first Handshake packet that was opened and brought new handshake bytes.
    pub(super) opened_handshake: Option<u32>,
    /// Length of the first Handshake packet that stayed closed and may hold handshake messages.
    pub(super) closed_handshake: Option<u32>,
    /// Size of a 1-RTT packet.
    pub(super) short: Option<u32>,
    /// CONNECTION_CLOSE that carries a TLS alert.
    pub(super) alert: bool,
}

impl Heard {
    /// Notes a Handshake packet that could not be opened.
    pub(super) fn note_closed_handshake(&mut self, length: u32) {
        if length >= FINISHED_LENGTH {
            self.closed_handshake.get_or_insert(length);
        }
    }
}

/// Reports the beats of one connection.
#[derive(Debug, Default)]
pub(super) struct Beats {
    reported: usize,
    last: Option<(Side, BeatKind, Timestamp)>,
    doubtful: Option<(Origin, u32)>,
    client_shorts: u8,
}

impl Beats {
    /// Reports what the datagram means.
    pub(super) fn datagram(&mut self, origin: &Origin, heard: &Heard, cx: &mut Context) {
        if origin.side == Side::Server {
            if self.client_shorts == 0 {
                let hello = (heard.hello_bytes > 0).then_some(heard.hello_bytes);
                let flight = hello.or(heard.opened_handshake).or(heard.closed_handshake);
                if let Some(len) = flight {
                    self.report(origin, BeatKind::ServerFlight, len, cx);
                }
            } else if let Some(len) = heard.short {
                self.report(origin, BeatKind::AppData, len, cx);
            }
        } else {
            if heard.hello_bytes > 0 {
                self.report(origin, BeatKind::ClientHello, heard.hello_bytes, cx);
            }
            if let Some(len) = heard.zero_rtt {
                self.report(origin, BeatKind::Encrypted, len, cx);
            }
            if let Some(len) = heard.opened_handshake {
                self.report(origin, BeatKind::EncryptedHandshake, len, cx);
            }
            if let Some(len) = heard.closed_handshake {
                if heard.initial && heard.short.is_none() {
                    self.doubtful = Some((*origin, len));
                } else {
                    self.doubtful = None;
                    self.report(origin, BeatKind::Encrypted, len, cx);
                }
            }
            if let Some(len) = heard.short {
                if let Some((then, len)) = self.doubtful.take() {
                    self.report(&then, BeatKind::Encrypted, len, cx);
                }
                self.client_shorts = self.client_shorts.saturating_add(1);
                self.report(origin, BeatKind::AppData, len, cx);
            }
        }
        if heard.alert {
            self.report(origin, BeatKind::Alert, 0, cx);
        }
    }

    /// Another connection on the same ports. What was reported still counts.
    pub(super) const fn start_over(&mut self) {
        self.doubtful = None;
        self.client_shorts = 0;
    }

    /// Whether the client has gone on after its handshake and no more is worth telling.
    pub(super) fn over(&self, cx: &Context) -> bool {
        self.client_shorts >= ENOUGH_SHORTS || self.reported >= cx.limits.beats
    }

    fn report(&mut self, origin: &Origin, kind: BeatKind, record_len: u32, cx: &mut Context) {
        let Origin { side, at, .. } = *origin;
        if let Some((last_side, last_kind, last_at)) = &mut self.last
            && (*last_side, *last_kind) == (side, kind)
            && at.since(*last_at) < PAUSE
        {
            *last_at = at;
            return;
        }
        // A server that repeats itself must not use up the room for the client's answer.
        let room = match side {
            Side::Client => cx.limits.beats,
            Side::Server => cx.limits.beats / 4 * 3,
        };
        if self.reported >= room {
            return;
        }
        self.reported += 1;
        self.last = Some((side, kind, at));
        cx.events.push(origin.event(EventKind::Beat(Beat {
            side,
            kind,
            record_len,
        })));
    }
}

/// Packet number (1), CRYPTO frame type, offset and length (3), Finished with its header (4 + 32), tag (16).
const FINISHED_LENGTH: u32 = 56;

/// The same side goes on after this long: a new beat. Packets of one flight leave within microseconds.
const PAUSE: Span = Span::from_millis(1);

/// After so many 1-RTT datagrams of the client its handshake is over whatever was lost or reordered.
const ENOUGH_SHORTS: u8 = 4;
