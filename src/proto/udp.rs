//! What a UDP flow carries, told by the shape of its datagrams.
#![warn(clippy::indexing_slicing)]

use crate::event::BlindSpot;
use crate::flow::Endpoints;

use super::Probe;
use super::{dtls, ike, quic};

/// What a datagram is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Find {
    Quic,
    Dtls,
    /// IKE, or the tunnel it made.
    Ike,
    /// Messages by which two ends find a way to each other before they talk (RFC 8489).
    Stun,
    Hidden(BlindSpot),
    Unknown,
}

/// Lengths of OpenVPN's P_CONTROL_HARD_RESET_CLIENT_V2: bare, and with the authentication of SHA-1,
/// SHA-256 (also tls-crypt) and SHA-512.
const OPENVPN_RESET: [usize; 4] = [14, 42, 54, 86];

/// Tells what a flow is by one of its datagrams.
pub(super) fn identify(datagram: &[u8], ends: &Endpoints) -> Find {
    let ports = [ends.client.port(), ends.server.port()];
    let on = |port: u16| ports.contains(&port);
    if ike::looks_like_ike(datagram, ends) {
        return Find::Ike;
    }
    // Port 4500 is shared by ESP, IKE behind four zero octets (RFC 3948 2), and nothing else.
    if on(4500) {
        return match datagram {
            // SPI 1 to 255 is reserved (RFC 4303 2.1).
            [0, 0, 0, ..] => Find::Unknown,
            // SPI, sequence number, at least one block and an authenticator.
            esp if esp.len() >= 32 && !quic::looks_like_quic(esp) => Find::Ike,
            _ => Find::Unknown,
        };
    }
    // Before QUIC, whose invariants a DTLS record without its version would fit as well.
    if dtls::looks_like_dtls(datagram) {
        return Find::Dtls;
    }
    if quic::looks_like_quic(datagram) {
        return Find::Quic;
    }
    if is_stun(datagram) {
        return Find::Stun;
    }
    // Type, three reserved zero octets; the lengths are fixed (WireGuard paper, 5.4).
    let wireguard = match (datagram, datagram.len()) {
        ([1, 0, 0, 0, ..], 148) | ([2, 0, 0, 0, ..], 92) => true,
        ([4, 0, 0, 0, ..], length) => on(51_820) && length >= 32 && length % 16 == 0,
        _ => false,
    };
    if wireguard {
        return Find::Hidden(BlindSpot::WireGuard);
    }
    let openvpn = match datagram {
        // Opcode 7 or 8 (hard reset by client, by server), key 0.
        [0x38, ..] => OPENVPN_RESET.contains(&datagram.len()) || on(1194),
        [0x40, ..] => on(1194),
        _ => false,
    };
    if openvpn {
        return Find::Hidden(BlindSpot::OpenVpn);
    }
    Find::Unknown
}

/// OpenVPN over TCP: the same message behind its length.
pub(super) fn openvpn_over_tcp(bytes: &[u8]) -> Probe {
    match bytes {
        [0] => Probe::NeedMore,
        [0, length] if OPENVPN_RESET.contains(&usize::from(*length)) => Probe::NeedMore,
        [0, length, 0x38, rest @ ..]
            if OPENVPN_RESET.contains(&usize::from(*length))
                && rest.len() + 1 == usize::from(*length) =>
        {
            Probe::Yes
        }
        [0, length, 0x38, rest @ ..]
            if OPENVPN_RESET.contains(&usize::from(*length))
                && rest.len() + 1 < usize::from(*length) =>
        {
            Probe::NeedMore
        }
        _ => Probe::No,
    }
}

/// A STUN header: two zero bits, a length in words that is that of the datagram, the magic cookie (RFC 8489 5).
fn is_stun(datagram: &[u8]) -> bool {
    let Some([kind, _, high, low, 0x21, 0x12, 0xa4, 0x42, ..]) = datagram.first_chunk::<20>()
    else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    kind & 0xc0 == 0 && length % 4 == 0 && datagram.len() == 20 + length
}
