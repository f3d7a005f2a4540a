//! DNS messages (RFC 1035): shown when they ask for a name that the report shows, with the addresses of clients
//! replaced and what is no name or address of a server blanked.

use std::net::IpAddr;

use super::Rules;
use crate::event::Name;

/// Records of one message; no answer that matters has more.
const RECORDS: u16 = 256;
/// Steps along one name: labels and compression pointers (RFC 1035 3.1, 4.1.4).
const STEPS: usize = 128;

/// Record types whose data may be seen: NS, CNAME, SOA, DS, RRSIG, NSEC, DNSKEY, NSEC3, SVCB, HTTPS.
const SEEN: [u16; 10] = [2, 5, 6, 43, 46, 47, 48, 50, 64, 65];
const A: u16 = 1;
const AAAA: u16 = 28;
const OPT: u16 = 41;

/// Cleans a message; false when nothing of it may be seen. What is cut short is shown as far as it was understood.
pub(super) fn message(bytes: &mut [u8], rules: &Rules) -> bool {
    let count = |at: usize| {
        let both = bytes.get(at..).and_then(|b| b.first_chunk());
        both.map_or(0, |both| u16::from_be_bytes(*both))
    };
    let questions = count(4);
    let records = [6, 8, 10]
        .into_iter()
        .fold(0_u16, |sum, at| sum.saturating_add(count(at)));
    let mut at = 12;
    for _ in 0..questions.min(RECORDS) {
        let Some((name, next)) = name(bytes, at) else {
            return false;
        };
        if !rules.names.contains(&name) {
            return false;
        }
        at = next + 4;
    }
    if questions == 0 {
        return false;
    }
    for _ in 0..records.min(RECORDS) {
        match record(bytes, at, rules) {
            Some(next) => at = next,
            None => break,
        }
    }
    if let Some(rest) = bytes.get_mut(at..) {
        rest.fill(0);
    }
    true
}

/// Cleans messages over TCP (RFC 1035 4.2.2); gives back how much may be seen.
pub(super) fn stream(bytes: &mut [u8], rules: &Rules) -> usize {
    let mut at = 0;
    while let Some(length) = bytes.get(at..).and_then(|b| b.first_chunk()) {
        let start = at + 2;
        let end = (start + usize::from(u16::from_be_bytes(*length))).min(bytes.len());
        if let Some(inside) = bytes.get_mut(start..end)
            && !message(inside, rules)
        {
            inside.fill(0);
        }
        at = end.max(start);
    }
    at.min(bytes.len())
}

/// Cleans a record; gives back where the next begins. None when it is not whole.
fn record(bytes: &mut [u8], at: usize, rules: &Rules) -> Option<usize> {
    let (_, fixed) = name(bytes, at)?;
    let [a, b, _, _, _, _, _, _, c, d] = *bytes.get(fixed..)?.first_chunk()?;
    let start = fixed + 10;
    let end = start + usize::from(u16::from_be_bytes([c, d]));
    let data = bytes.get_mut(start..end)?;
    match u16::from_be_bytes([a, b]) {
        A => {
            let known: [u8; 4] = (&*data).try_into().ok()?;
            if let IpAddr::V4(v4) = rules.hider.shown(known.into()) {
                data.copy_from_slice(&v4.octets());
            }
        }
        AAAA => {
            let known: [u8; 16] = (&*data).try_into().ok()?;
            if let IpAddr::V6(v6) = rules.hider.shown(known.into()) {
                data.copy_from_slice(&v6.octets());
            }
        }
        OPT => options(data),
        kind if SEEN.contains(&kind) => {}
        _ => data.fill(0),
    }
    Some(end)
}

/// EDNS options (RFC 6891 6.1.2): a client's network (RFC 7871), cookies (RFC 7873), names of devices.
fn options(data: &mut [u8]) {
    let mut at = 0;
    while let Some([_, _, a, b]) = data.get(at..).and_then(|d| d.first_chunk()) {
        let start = at + 4;
        let end = start + usize::from(u16::from_be_bytes([*a, *b]));
        let end = end.min(data.len());
        if let Some(value) = data.get_mut(start..end) {
            value.fill(0);
        }
        at = end;
    }
}

/// A name in text, and where what follows it begins.
fn name(bytes: &[u8], at: usize) -> Option<(Name, usize)> {
    let (mut text, mut at, mut next) = (String::new(), at, None);
    for _ in 0..STEPS {
        let length = *bytes.get(at)?;
        match length {
            0 => return Some((Name::new(&text), next.unwrap_or(at + 1))),
            1..=63 => {
                let label = bytes.get(at + 1..=at + usize::from(length))?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&String::from_utf8_lossy(label));
                at += 1 + usize::from(length);
            }
            0xc0.. => {
                next.get_or_insert(at + 2);
                at = usize::from(length & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}
