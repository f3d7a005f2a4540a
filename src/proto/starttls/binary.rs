//! The protocols of binary messages.

use crate::flow::Side;
use crate::proto::Probe;
use crate::proto::held::Held;

use super::{HOLD, Progress};

/// The name of the StartTLS operation (RFC 4511 4.14.1).
const LDAP_START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// LDAP: a SEQUENCE that begins with a message number and an operation.
pub(super) fn ldap_begins(bytes: &[u8]) -> Probe {
    let (Some((used, length)), true) = (ber_header(bytes), bytes.len() >= 2) else {
        return match bytes {
            [] | [0x30] | [0x30, 0x81..=0x84, ..] if bytes.len() < 6 => Probe::NeedMore,
            _ => Probe::No,
        };
    };
    // 0x30 is also the digit zero: only a small, well-formed first message counts.
    match bytes.get(used..) {
        _ if bytes.first() != Some(&0x30) || !(5..=HOLD).contains(&length) => Probe::No,
        Some([] | [2] | [2, 1..=4]) => Probe::NeedMore,
        Some([2, digits @ 1..=4, rest @ ..]) => match rest.get(usize::from(*digits)) {
            // bindRequest, searchRequest, extendedReq, abandonRequest.
            Some(0x60 | 0x63 | 0x77 | 0x50) => Probe::Yes,
            Some(_) => Probe::No,
            None => Probe::NeedMore,
        },
        _ => Probe::No,
    }
}

#[derive(Debug, Default)]
pub(super) struct Ldap {
    asked: bool,
}

impl Ldap {
    pub(super) fn advance(&mut self, held: &mut Held) -> Progress {
        loop {
            let (side, taken) = if self.asked {
                (Side::Server, ber_message(held.bytes(Side::Server)))
            } else {
                (Side::Client, ber_message(held.bytes(Side::Client)))
            };
            let Some(message) = taken else {
                // Answers to earlier operations.
                if !self.asked && drop_messages(held, Side::Server).is_none() {
                    return Progress::Never;
                }
                return Progress::Wait;
            };
            let Some((operation, used)) = message else {
                return Progress::Never;
            };
            let (mut agreed, mut refused) = (false, false);
            if side == Side::Client {
                self.asked = matches!(operation, [0x77, ..]) && contains(operation, LDAP_START_TLS);
            } else if let [0x78, body @ ..] = operation {
                // extendedResp: its length, then resultCode.
                agreed = contains(body.get(..8).unwrap_or(body), &[0x0a, 1, 0]);
                refused = !agreed;
            }
            held.skip(side, used);
            if agreed {
                return Progress::Tls;
            }
            if refused {
                self.asked = false;
            }
        }
    }
}

fn drop_messages(held: &mut Held, side: Side) -> Option<()> {
    while let Some(message) = ber_message(held.bytes(side)) {
        let (_, used) = message?;
        held.skip(side, used);
    }
    Some(())
}

/// The first whole LDAP message from its operation on, and its length; Some(None) when it is none.
#[expect(
    clippy::option_option,
    reason = "not yet whole, not a message, a message"
)]
fn ber_message(bytes: &[u8]) -> Option<Option<(&[u8], usize)>> {
    let first = bytes.first()?;
    if *first != 0x30 {
        return Some(None);
    }
    let Some((used, length)) = ber_header(bytes) else {
        return (bytes.len() >= 6).then_some(None);
    };
    if length > HOLD {
        return Some(None);
    }
    let message = bytes.get(used..used + length)?;
    Some(match message {
        [2, digits @ 1..=4, rest @ ..] => rest
            .get(usize::from(*digits)..)
            .map(|operation| (operation, used + length)),
        _ => None,
    })
}

/// Length of tag and length octets, and the length they state.
fn ber_header(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes {
        [_, short @ 0..=0x7f, ..] => Some((2, usize::from(*short))),
        [_, 0x81, a, ..] => Some((3, usize::from(*a))),
        [_, 0x82, a, b, ..] => Some((4, usize::from(u16::from_be_bytes([*a, *b])))),
        [_, 0x84, a, b, c, d, ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]);
            Some((6, usize::try_from(length).ok()?))
        }
        _ => None,
    }
}

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x30];

pub(super) fn postgres_begins(bytes: &[u8]) -> Probe {
    let known = [SSL_REQUEST, GSSENC_REQUEST];
    if known.iter().any(|request| bytes.starts_with(request)) {
        Probe::Yes
    } else if known.iter().any(|request| request.starts_with(bytes)) {
        Probe::NeedMore
    } else {
        Probe::No
    }
}

#[derive(Debug, Default)]
pub(super) struct Postgres {
    /// What was asked for: TLS, or GSSAPI encryption.
    asked: Option<Encryption>,
}

#[derive(Clone, Copy, Debug)]
enum Encryption {
    Tls,
    Gss,
}

impl Postgres {
    pub(super) fn advance(&mut self, held: &mut Held) -> Progress {
        loop {
            let Some(asked) = self.asked else {
                let client = held.bytes(Side::Client);
                self.asked = if client.starts_with(&SSL_REQUEST) {
                    Some(Encryption::Tls)
                } else if client.starts_with(&GSSENC_REQUEST) {
                    Some(Encryption::Gss)
                } else if client.len() >= 8 {
                    return Progress::Never;
                } else {
                    return Progress::Wait;
                };
                held.skip(Side::Client, 8);
                continue;
            };
            let answer = held.bytes(Side::Server).first().copied();
            match (asked, answer) {
                (_, None) => return Progress::Wait,
                (Encryption::Tls, Some(b'S')) => {
                    held.skip(Side::Server, 1);
                    return Progress::Tls;
                }
                (_, Some(b'N')) => {
                    held.skip(Side::Server, 1);
                    self.asked = None;
                }
                _ => return Progress::Never,
            }
        }
    }
}

/// MySQL: a short packet, number 0, of protocol 10 and a version that begins with a digit.
pub(super) fn mysql_begins(bytes: &[u8]) -> Probe {
    match bytes {
        [20..=255, 0 | 1, 0, 0, 10, b'0'..=b'9', ..] => Probe::Yes,
        []
        | [20..=255]
        | [20..=255, 0 | 1]
        | [20..=255, 0 | 1, 0]
        | [20..=255, 0 | 1, 0, 0]
        | [20..=255, 0 | 1, 0, 0, 10] => Probe::NeedMore,
        _ => Probe::No,
    }
}

#[derive(Debug, Default)]
pub(super) struct MySql {
    greeted: bool,
}

impl MySql {
    pub(super) fn advance(&mut self, held: &mut Held) -> Progress {
        if !self.greeted {
            let [a, b, c, _number, rest @ ..] = held.bytes(Side::Server) else {
                return Progress::Wait;
            };
            let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
            if length > HOLD {
                return Progress::Never;
            }
            if rest.len() < length {
                return Progress::Wait;
            }
            held.skip(Side::Server, 4 + length);
            self.greeted = true;
        }
        match held.bytes(Side::Client) {
            // 32 bytes, number 1, and CLIENT_SSL (0x0800) among the capabilities.
            [32, 0, 0, 1, _, flags, rest @ ..] if flags & 0x08 != 0 => {
                if rest.len() < 30 {
                    return Progress::Wait;
                }
                held.skip(Side::Client, 36);
                Progress::Tls
            }
            [] | [32] | [32, 0] | [32, 0, 0] | [32, 0, 0, 1] | [32, 0, 0, 1, _] => Progress::Wait,
            _ => Progress::Never,
        }
    }
}

/// RDP: a TPKT of sensible length with an X.224 connection request in it.
pub(super) fn rdp_begins(bytes: &[u8]) -> Probe {
    match bytes {
        [3, 0, 0 | 1, _, _, 0xe0, ..] => Probe::Yes,
        [] | [3] | [3, 0] | [3, 0, 0 | 1] | [3, 0, 0 | 1, _] | [3, 0, 0 | 1, _, _] => {
            Probe::NeedMore
        }
        _ => Probe::No,
    }
}

#[derive(Debug, Default)]
pub(super) struct Rdp {
    asked: bool,
}

impl Rdp {
    pub(super) fn advance(&mut self, held: &mut Held) -> Progress {
        if !self.asked {
            let Some(length) = tpkt(held.bytes(Side::Client)) else {
                return Progress::Wait;
            };
            held.skip(Side::Client, length);
            self.asked = true;
        }
        let server = held.bytes(Side::Server);
        let Some(length) = tpkt(server) else {
            return if matches!(server, [] | [3, ..]) {
                Progress::Wait
            } else {
                Progress::Never
            };
        };
        // TPKT (4), X.224 (7), then RDP_NEG_RSP: type 2, flags, length 8, selectedProtocol with
        // TLS (1), CredSSP over TLS (2 and 8).
        let selected = server
            .get(..length)
            .and_then(|confirm| confirm.get(11..16))
            .is_some_and(|response| matches!(response, [2, _, 8, 0, 1 | 2 | 8]));
        if !selected {
            return Progress::Never;
        }
        held.skip(Side::Server, length);
        Progress::Tls
    }
}

/// Length of the first whole TPKT (RFC 1006 6).
fn tpkt(bytes: &[u8]) -> Option<usize> {
    let [3, _, high, low, ..] = bytes else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low])).max(4);
    (bytes.len() >= length).then_some(length)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
