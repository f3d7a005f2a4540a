//! Lines of Wireshark's own tables of keys, as it keeps them in files of these names: `80211_keys`, `esp_sa`,
//! `ieee802154_keys`, `pdcp_lte_ue_keys`, `pdcp_nr_ue_keys`. Fields stand in quotes, with commas between
//! them.

use super::link::{WlanSecret, WpanSecret};
use super::tunnel::{Association, PdcpGeneration, PdcpSecret};

/// A key, or what is wrong with a line that should hold one.
pub(super) type Line = Result<Entry, &'static str>;

/// A key of a layer below IP.
#[derive(Debug)]
pub(super) enum Entry {
    Wlan(WlanSecret),
    Wpan(WpanSecret),
    Pdcp(PdcpSecret),
    Esp(Box<Association>),
}

/// Reads a line; None if it is of none of the tables.
pub(super) fn line(line: &[u8]) -> Option<Line> {
    let line = line.trim_ascii();
    if !line.starts_with(b"\"") {
        return None;
    }
    let Some(fields) = fields(line) else {
        return Some(Err(
            "fields of Wireshark's tables stand in quotes, with commas between them",
        ));
    };
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let entry = match *fields.as_slice() {
        [kind, key] => WlanSecret::of(kind, key).map(Entry::Wlan),
        [key, _, made] => WpanSecret::of(key, made).map(Entry::Wpan),
        // Keys of signalling, and of integrity, open nothing that is of use here.
        [user, _, key, _] => PdcpSecret::of(PdcpGeneration::Lte, user, key).map(Entry::Pdcp),
        [user, _, key, _, _] => PdcpSecret::of(PdcpGeneration::Nr, user, key).map(Entry::Pdcp),
        [
            protocol @ (b"IPv4" | b"IPv6"),
            src,
            dst,
            spi,
            cipher,
            key,
            check,
            check_key,
            ..,
        ] => Association::of(protocol, [src, dst, spi], [cipher, key], [check, check_key])
            .map(|association| Entry::Esp(Box::new(association))),
        _ => Err(
            "no table of keys that is read here (80211_keys, esp_sa, ieee802154_keys, pdcp_lte_ue_keys, pdcp_nr_ue_keys) has such a line",
        ),
    };
    Some(entry)
}

/// What is wrong with a line that looks like one of Wireshark's tables of keys and cannot be used.
#[must_use]
pub fn unusable_key(text: &[u8]) -> Option<&'static str> {
    line(text)?.err()
}

/// The lines of a key log that are of these tables, for who keeps them alone.
#[must_use]
pub fn table_keys(text: &[u8]) -> Vec<u8> {
    let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
    let mut kept = Vec::new();
    for text in lines.filter(|text| matches!(line(text), Some(Ok(_)))) {
        kept.extend_from_slice(text);
        kept.push(b'\n');
    }
    kept
}

/// The fields of a line. Longer lines have none, since no field may have more than a few hundred bytes.
fn fields(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    const MOST: usize = 10;
    let (mut fields, mut rest) = (Vec::new(), line);
    loop {
        let mut field = Vec::new();
        rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
        loop {
            rest = match *rest {
                [b'"', ref after @ ..] => {
                    rest = after;
                    break;
                }
                [b'\\', b'x', high, low, ref after @ ..] => {
                    field.push(digit(high)? << 4 | digit(low)?);
                    after
                }
                [b'\\', escaped, ref after @ ..] | [escaped, ref after @ ..] => {
                    field.push(escaped);
                    after
                }
                [] => return None,
            }
        }
        fields.push(field);
        rest = rest.trim_ascii_start();
        rest = match *rest {
            [] => return Some(fields),
            [b',', ref after @ ..] if fields.len() < MOST => after,
            _ => return None,
        }
    }
}

/// Octets in hexadecimal, with or without something between them.
pub(super) fn octets(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    let between = |byte: &u8| matches!(byte, b':' | b'-' | b'.' | b' ');
    let digits: Option<Vec<u8>> = text
        .iter()
        .filter(|byte| !between(byte))
        .map(|byte| digit(*byte))
        .collect();
    let digits = digits?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

pub(super) fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
