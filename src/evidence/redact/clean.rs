//! Payload with what tells of a person or a machine blanked, byte for byte at its place.

use std::ops::Range;

use super::{Rules, dns, http, sweep, talk, tls};
use crate::wire::Datagram;

/// Streams inside streams: a proxy behind a proxy.
const DEPTH: u8 = 3;
/// DNS, multicast DNS, LLMNR.
const DNS_PORTS: [u16; 3] = [53, 5353, 5355];

/// Both sides of a connection.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) client: &'a mut [u8],
    pub(super) server: &'a mut [u8],
    /// Bytes of the server that are public objects: lists and certificates, in which an address is a coincidence.
    pub(super) public: Vec<Range<usize>>,
}

/// Whether these are the first bytes of a client.
pub(super) fn begins(bytes: &[u8]) -> bool {
    tls::is_hello(bytes, tls::CLIENT_HELLO) || http::is_request(bytes)
}

/// Cleans both sides; gives back how much of each may be seen.
pub(super) fn streams(
    client: &mut [u8],
    server: &mut [u8],
    port: u16,
    rules: &Rules,
) -> [usize; 2] {
    let mut sides = Sides {
        client,
        server,
        public: Vec::new(),
    };
    let [asked, answered] = if DNS_PORTS.contains(&port) {
        [
            dns::stream(sides.client, rules),
            dns::stream(sides.server, rules),
        ]
    } else {
        from(&mut sides, [0, 0], DEPTH, rules)
    };
    if let Some(seen) = sides.client.get_mut(..asked) {
        sweep::sweep(seen, &[], rules);
    }
    if let Some(seen) = sides.server.get_mut(..answered) {
        sweep::sweep(seen, &sides.public, rules);
    }
    [asked, answered]
}

/// Cleans what comes after the given places.
pub(super) fn from(
    sides: &mut Sides<'_>,
    [c, s]: [usize; 2],
    depth: u8,
    rules: &Rules,
) -> [usize; 2] {
    let nothing = [c, s];
    let Some(left) = depth.checked_sub(1) else {
        return nothing;
    };
    let client = sides.client.get(c..).unwrap_or_default();
    let server = sides.server.get(s..).unwrap_or_default();
    if http::is_request(client) || (client.is_empty() && server.starts_with(b"HTTP/1.")) {
        return http::clean(sides, [c, s], left, rules);
    }
    if rules.sites() && !talk::is_socks(client) {
        return nothing;
    }
    if tls::is_hello(client, tls::CLIENT_HELLO)
        || (client.is_empty() && tls::is_hello(server, tls::SERVER_HELLO))
    {
        return [
            tls::clean(sides.client, c, true),
            tls::clean(sides.server, s, false),
        ];
    }
    if talk::is_socks(client) {
        return talk::socks(sides, [c, s], left, rules);
    }
    talk::before_tls(sides, [c, s])
}

/// Cleans a datagram; false when nothing of it may be seen.
pub(super) fn datagram(
    datagram: &Datagram<'_>,
    bytes: &mut [u8],
    quic: bool,
    rules: &Rules,
) -> bool {
    let is_dns = [datagram.src_port, datagram.dst_port]
        .iter()
        .any(|port| DNS_PORTS.contains(port));
    // QUIC is encrypted throughout; the first packets with keys everybody has, and they hold no more than a hello.
    let seen = if quic {
        !rules.sites()
    } else {
        is_dns && dns::message(bytes, rules)
    };
    if seen {
        sweep::sweep(bytes, &[], rules);
    }
    seen
}

/// Letters become x and digits 0, so that the shape of a text stays; white space too.
pub(super) fn blank(text: &mut [u8]) {
    for byte in text {
        *byte = match *byte {
            b'0'..=b'9' => b'0',
            b' ' | b'\t' | b'\r' | b'\n' => *byte,
            _ => b'x',
        };
    }
}
