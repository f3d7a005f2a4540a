//! What is said before TLS begins: SOCKS (RFC 1928, RFC 1929), and the talk of protocols that upgrade.

use std::net::IpAddr;

use super::clean::{self, Sides, blank};
use super::{Rules, tls};

/// The name of the StartTLS operation (RFC 4511 4.14.1).
const LDAP_START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// A request for it holds nothing else, and a success without text for people neither.
const LDAP_REQUEST: usize = 40;
const LDAP_SUCCESS: usize = 24;
/// SSLRequest of the MySQL protocol: a header of 4 and 32 fixed bytes, before any user is named.
const MYSQL_REQUEST: usize = 36;
/// SSLRequest of PostgreSQL: a length and a number.
const POSTGRES_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// X.224 connection confirm with a negotiation response (MS-RDPBCGR 2.2.1.2).
const RDP_CONFIRM: usize = 19;

/// Words of commands and replies. Every other word could be a name.
const WORDS: [&str; 62] = [
    "8bitmime",
    "ahead",
    "auth",
    "bad",
    "begin",
    "bye",
    "cap",
    "capa",
    "capability",
    "client",
    "continue",
    "ehlo",
    "err",
    "error",
    "esmtp",
    "etherx",
    "features",
    "ftp",
    "go",
    "helo",
    "http",
    "ietf",
    "imap",
    "imap4rev1",
    "implementation",
    "jabber",
    "lhlo",
    "lmtp",
    "ls",
    "negotiation",
    "nntp",
    "no",
    "now",
    "ok",
    "org",
    "params",
    "pbsz",
    "pipelining",
    "preauth",
    "proceed",
    "prot",
    "quit",
    "ready",
    "server",
    "sieve",
    "size",
    "smtp",
    "ssl",
    "starttls",
    "stls",
    "stream",
    "streams",
    "successful",
    "tls",
    "tls1",
    "to",
    "urn",
    "utf",
    "version",
    "xml",
    "xmlns",
    "xmpp",
];

pub(super) fn is_socks(client: &[u8]) -> bool {
    matches!(client, [5, 1..=8, ..] | [4, 1, ..])
}

/// Cleans the negotiation and what travels through the proxy.
pub(super) fn socks(
    sides: &mut Sides<'_>,
    [c, s]: [usize; 2],
    depth: u8,
    rules: &Rules,
) -> [usize; 2] {
    let ends = match sides.client.get(c) {
        Some(4) => version_4(sides, [c, s], rules),
        _ => version_5(sides, [c, s], rules),
    };
    match ends {
        Some(ends) => clean::from(sides, ends, depth, rules),
        None => [c, s],
    }
}

/// Request and reply of 8 bytes each, then a user and perhaps a name, each ended by zero.
fn version_4(sides: &mut Sides<'_>, [c, s]: [usize; 2], rules: &Rules) -> Option<[usize; 2]> {
    let named = matches!(sides.client.get(c + 4..c + 8)?, [0, 0, 0, 1..=255]);
    let text = |bytes: &mut [u8], at: usize, show: bool| {
        let rest = bytes.get_mut(at..)?;
        let end = rest.iter().position(|b| *b == 0)?;
        if !show {
            blank(rest.get_mut(..end)?);
        }
        Some(at + end + 1)
    };
    let mut next = text(sides.client, c + 8, false)?;
    if named {
        next = text(sides.client, next, !rules.sites())?;
    } else {
        address(sides.client, c + 4, 4, rules)?;
    }
    if sides.server.len() < s + 8 {
        return None;
    }
    address(sides.server, s + 4, 4, rules)?;
    Some([next, s + 8])
}

fn version_5(sides: &mut Sides<'_>, [c, s]: [usize; 2], rules: &Rules) -> Option<[usize; 2]> {
    let methods = usize::from(*sides.client.get(c + 1)?);
    let (mut c, mut s) = (c + 2 + methods, s + 2);
    match sides.server.get(s - 1)? {
        0 => {}
        2 => {
            // Version, user, password, each with its length.
            let user = usize::from(*sides.client.get(c + 1)?);
            blank(sides.client.get_mut(c + 2..c + 2 + user)?);
            let at = c + 2 + user;
            let password = usize::from(*sides.client.get(at)?);
            blank(sides.client.get_mut(at + 1..at + 1 + password)?);
            c = at + 1 + password;
            s += 2;
        }
        _ => return None,
    }
    c = endpoint(sides.client, c, rules)?;
    s = endpoint(sides.server, s, rules)?;
    Some([c, s])
}

/// Request or reply: version, code, zero, address, port.
fn endpoint(bytes: &mut [u8], at: usize, rules: &Rules) -> Option<usize> {
    let start = at + 4;
    let length = match bytes.get(at + 3)? {
        1 => 4,
        4 => 16,
        3 => 1 + usize::from(*bytes.get(start)?),
        _ => return None,
    };
    if matches!(length, 4 | 16) && bytes.get(at + 3) != Some(&3) {
        address(bytes, start, length, rules)?;
    } else if rules.sites() {
        blank(bytes.get_mut(start + 1..start + length)?);
    }
    let next = start + length + 2;
    (next <= bytes.len()).then_some(next)
}

/// Addresses in a proxy's messages: of sites, or of the machines on either side.
fn address(bytes: &mut [u8], at: usize, length: usize, rules: &Rules) -> Option<()> {
    let place = bytes.get_mut(at..at + length)?;
    if let Ok(v4) = <[u8; 4]>::try_from(&*place) {
        if let IpAddr::V4(shown) = rules.address(v4.into()) {
            place.copy_from_slice(&shown.octets());
        }
    } else if let Ok(v6) = <[u8; 16]>::try_from(&*place)
        && let IpAddr::V6(shown) = rules.address(v6.into())
    {
        place.copy_from_slice(&shown.octets());
    }
    Some(())
}

/// Blanks the talk up to the hellos, and cleans what follows; nothing is shown when there is none.
pub(super) fn before_tls(sides: &mut Sides<'_>, [c, s]: [usize; 2]) -> [usize; 2] {
    let begins = |bytes: &[u8], from: usize, kind: u8| {
        let rest = bytes.get(from..)?;
        let at = (0..rest.len()).find(|at| rest.get(*at..).is_some_and(|r| tls::is_hello(r, kind)));
        at.map(|at| from + at)
    };
    let Some(hello) = begins(sides.client, c, tls::CLIENT_HELLO) else {
        return [c, s];
    };
    let answer = begins(sides.server, s, tls::SERVER_HELLO).unwrap_or(sides.server.len());
    if let (Some(asks), Some(replies)) = (
        sides.client.get_mut(c..hello),
        sides.server.get_mut(s..answer),
    ) {
        talk(asks, replies);
    }
    [
        tls::clean(sides.client, hello, true),
        tls::clean(sides.server, answer, false),
    ]
}

fn talk(asks: &mut [u8], replies: &mut [u8]) {
    let contains = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|w| w == text);
    match (&*asks, &*replies) {
        // LDAP, MySQL, RDP: binary, so all or nothing, but for the user whom RDP names.
        ([0x30, ..], _) => {
            if asks.len() > LDAP_REQUEST || !contains(asks, LDAP_START_TLS) {
                asks.fill(0);
            }
            if replies.len() > LDAP_SUCCESS {
                replies.fill(0);
            }
        }
        (_, [_, _, _, 0, 10, ..]) => {
            if asks.len() != MYSQL_REQUEST {
                asks.fill(0);
            }
        }
        ([3, 0, ..], _) => {
            let cookie = asks.iter().position(|b| *b == b'=').map(|at| at + 1);
            let end = asks.iter().position(|b| *b == b'\r');
            if let (Some(start), Some(end)) = (cookie, end)
                && let Some(user) = asks.get_mut(start..end)
            {
                blank(user);
            }
            if replies.len() > RDP_CONFIRM {
                replies.fill(0);
            }
        }
        (request, [b'S']) if request == POSTGRES_REQUEST => {}
        _ => {
            words(asks);
            words(replies);
        }
    }
}

/// Blanks words that are neither known nor a reply code.
fn words(text: &mut [u8]) {
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let mut line = true;
    for word in text.chunk_by_mut(|a, b| of_word(a) == of_word(b)) {
        if !word.first().is_some_and(of_word) {
            line = word.ends_with(b"\n");
            continue;
        }
        let code = line && word.len() == 3 && word.iter().all(u8::is_ascii_digit);
        let known = WORDS
            .iter()
            .any(|w| w.as_bytes().eq_ignore_ascii_case(word));
        if !code && !known {
            blank(word);
        }
        line = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talk_keeps_its_commands_and_loses_its_names() {
        let mut asks = b"EHLO alice-laptop.corp.example\r\na001 STARTTLS\r\n".to_vec();
        let mut replies =
            "220 mx7.corp.example ESMTP Höfer\r\n250-Hello [10.0.0.5]\r\n250 STARTTLS\r\n220 Ready\r\n"
                .as_bytes()
                .to_vec();
        talk(&mut asks, &mut replies);
        let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(
            said(asks),
            "EHLO xxxxx-xxxxxx.xxxx.xxxxxxx\r\nx000 STARTTLS\r\n"
        );
        assert_eq!(
            said(replies),
            "220 xx0.xxxx.xxxxxxx ESMTP xxxxxx\r\n250-xxxxx [00.0.0.0]\r\n250 STARTTLS\r\n220 Ready\r\n"
        );
    }

    #[test]
    fn binary_talk_is_shown_only_when_it_names_nobody() {
        let mut bind = [&[0x30, 60, 2, 1, 1, 0x60][..], &[b'u'; 56]].concat();
        talk(&mut bind, &mut []);
        assert!(bind.iter().all(|b| *b == 0));
        let mut start = [&[0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22][..], LDAP_START_TLS].concat();
        let before = start.clone();
        talk(&mut start, &mut []);
        assert_eq!(start, before);
        let mut rdp =
            b"\x03\x00\x00\x2a\x25\xe0\0\0\0\0\0Cookie: mstshash=alice\r\n\x01\0\x08\0\x03\0\0\0"
                .to_vec();
        talk(&mut rdp, &mut []);
        assert!(rdp.windows(16).any(|w| w == b"mstshash=xxxxx\r\n"));
        let mut postgres = vec![0, 0, 0, 8, 4, 210, 22, 47];
        let before = postgres.clone();
        talk(&mut postgres, &mut b"S".to_vec());
        assert_eq!(postgres, before);
    }
}
