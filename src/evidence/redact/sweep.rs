//! A last look over what may be seen: addresses of clients in any usual writing, wherever they stand.
//!
//! | writing | example |
//! |---|---|
//! | text, IPv4 and IPv6 | `10.0.0.5`, `fd00::5` |
//! | inside a name | `10-0-0-5`, `ip-10-0-0-5`, `5.0.0.10.in-addr.arpa` |
//! | hexadecimal | `0a000005` |
//! | MAC | `aa:bb:cc:00:11:22`, `aa-bb-...`, `aabbcc001122` |
//! | binary | 4, 16 and 6 bytes |

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use super::Rules;
use super::clean::blank;
use crate::event::Mac;

/// Longest text of an IPv6 address (RFC 4291 2.2, with an IPv4 address at its end).
const LONGEST: usize = 45;

/// Blanks addresses in text and replaces binary ones by their pseudonyms, but for binary ones inside `public`.
pub(super) fn sweep(bytes: &mut [u8], public: &[Range<usize>], rules: &Rules) {
    let known = rules.hider.addresses();
    let macs = rules.hider.macs();
    binary(bytes, public, |four: [u8; 4]| {
        let ip = IpAddr::from(four);
        match known.contains(&ip).then(|| rules.hider.always(ip))? {
            IpAddr::V4(v4) => Some(v4.octets()),
            IpAddr::V6(_) => None,
        }
    });
    binary(bytes, public, |sixteen: [u8; 16]| {
        let ip = IpAddr::from(sixteen);
        match known.contains(&ip).then(|| rules.hider.always(ip))? {
            IpAddr::V6(v6) => Some(v6.octets()),
            IpAddr::V4(_) => None,
        }
    });
    binary(bytes, public, |six: [u8; 6]| {
        let mac = Mac(six);
        macs.contains(&mac).then(|| rules.hider.mac(mac).0)
    });
    text(bytes, rules, known, macs);
}

fn binary<const N: usize>(
    bytes: &mut [u8],
    public: &[Range<usize>],
    replace: impl Fn([u8; N]) -> Option<[u8; N]>,
) {
    let mut at = 0;
    while let Some(window) = bytes.get_mut(at..).and_then(|b| b.first_chunk_mut::<N>()) {
        if let Some(range) = public.iter().find(|range| range.contains(&at)) {
            at = range.end.max(at + 1);
            continue;
        }
        match replace(*window) {
            Some(pseudonym) => {
                *window = pseudonym;
                at += N;
            }
            None => at += 1,
        }
    }
}

fn text(bytes: &mut [u8], rules: &Rules, known: &HashSet<IpAddr>, macs: &HashSet<Mac>) {
    let of_address = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'-');
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|b| of_address(b)).count();
        // Names around it may end in such letters ("ip-10-0-0-5", "de10.0.0.5"), so every start is tried.
        let run_end = at + run;
        let mut start = at;
        while start < run_end {
            let most = run_end.min(start + LONGEST);
            let candidate = bytes.get(start..most).unwrap_or_default();
            let digits_before = start > at && bytes.get(start - 1).is_some_and(u8::is_ascii_digit);
            let length = if digits_before {
                None
            } else {
                address(candidate, rules, known, macs)
            };
            match length {
                Some(length) => {
                    if let Some(found) = bytes.get_mut(start..start + length) {
                        let separators = [b'.', b':', b'-'];
                        found
                            .chunk_by_mut(|a, b| separators.contains(a) == separators.contains(b))
                            .filter(|part| !part.first().is_some_and(|b| separators.contains(b)))
                            .for_each(blank);
                    }
                    start += length;
                }
                None => start += 1,
            }
        }
        at = run_end.max(at + 1);
    }
}

/// Length of the hidden address that this begins with.
fn address(
    text: &[u8],
    rules: &Rules,
    known: &HashSet<IpAddr>,
    macs: &HashSet<Mac>,
) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?;
    let hidden = |ip: IpAddr| rules.hider.hides(ip);
    for separator in ['.', '-'] {
        if let Some((octets, length)) = four(text, separator) {
            let [a, b, c, d] = octets;
            let there = IpAddr::from(Ipv4Addr::new(a, b, c, d));
            let back = IpAddr::from(Ipv4Addr::new(d, c, b, a));
            if hidden(there) || known.contains(&back) {
                return Some(length);
            }
        }
    }
    if text.as_bytes().first().is_some_and(u8::is_ascii_hexdigit) || text.starts_with("::") {
        let end = text.find(|c: char| !(c.is_ascii_hexdigit() || matches!(c, ':' | '.')));
        let word = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        let word = word.trim_end_matches(['.', ':']);
        if word.matches(':').count() >= 2
            && let Ok(ip) = word.parse::<IpAddr>()
            && hidden(ip)
        {
            return Some(word.len());
        }
    }
    let hex = |text: &str| {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digits = std::str::from_utf8(&digits).ok()?;
        u64::from_str_radix(digits, 16).ok()
    };
    for (length, separated) in [(17, true), (12, false)] {
        let Some(word) = text.get(..length) else {
            continue;
        };
        let marks = word.bytes().filter(|b| !b.is_ascii_hexdigit()).count();
        if marks != if separated { 5 } else { 0 } {
            continue;
        }
        if let Some([_, _, mac @ ..]) = hex(word).map(u64::to_be_bytes)
            && macs.contains(&Mac(mac))
        {
            return Some(length);
        }
    }
    let word = text.get(..8)?;
    let value = u32::from_str_radix(word, 16).ok()?;
    known
        .contains(&IpAddr::from(Ipv4Addr::from(value)))
        .then_some(8)
}

/// Four decimal numbers, and how long they are together.
fn four(text: &str, separator: char) -> Option<([u8; 4], usize)> {
    let mut octets = [0; 4];
    let mut length = 0;
    for (index, octet) in octets.iter_mut().enumerate() {
        let rest = text.get(length..)?;
        let rest = if index == 0 {
            rest
        } else {
            length += 1;
            rest.strip_prefix(separator)?
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        *octet = rest.get(..digits)?.parse().ok()?;
        length += digits;
    }
    Some((octets, length))
}
