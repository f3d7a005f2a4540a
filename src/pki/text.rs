//! Distinguished names and strings as text that is safe to print.

use std::fmt::Write;

use crate::pki::der::{Tlv, tag};

/// More attributes than this are not shown; real names have three to eight.
const MAX_ATTRIBUTES: usize = 32;

/// id-at-commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// A DER Name as one line and its common name. Like RFC 4514 the line starts with the most specific part;
/// unlike it, a blank follows each comma. The most specific common name counts.
pub(crate) fn name(name: Tlv<'_>) -> (String, Option<String>) {
    let mut common_name = None;
    let mut parts = [None; MAX_ATTRIBUTES];
    let mut count = 0;
    for (slot, set) in parts
        .iter_mut()
        .zip(name.inner().filter(|set| set.tag == tag::SET))
    {
        *slot = Some(set);
        count += 1;
    }
    let mut line = String::with_capacity(64);
    for set in parts.iter().take(count).rev().flatten() {
        if !line.is_empty() {
            line.push_str(", ");
        }
        for (index, attribute) in set.inner().enumerate() {
            let mut fields = attribute.inner();
            let (Ok(kind), Ok(value)) = (fields.element(), fields.element()) else {
                continue;
            };
            if index > 0 {
                line.push('+');
            }
            push_kind(&mut line, kind.content);
            line.push('=');
            push_string(&mut line, value, true);
            if kind.content == COMMON_NAME && common_name.is_none() {
                let mut text = String::new();
                push_string(&mut text, value, false);
                common_name = Some(text);
            }
        }
    }
    (line, common_name)
}

/// Appends text bytes that ought to be ASCII; others are percent-encoded, so that a sound URL comes out as written.
pub(crate) fn push_ascii(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_graphic() {
            out.push(char::from(*byte));
        } else {
            write_to(out, format_args!("%{byte:02X}"));
        }
    }
}

/// A DNS name as [`crate::event::Name`] writes it: lower case, without trailing dot, odd bytes as `\ddd`.
pub(crate) fn host(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte.to_ascii_lowercase()));
        } else {
            write_to(&mut out, format_args!("\\{byte:03}"));
        }
    }
    out
}

fn push_kind(out: &mut String, oid: &[u8]) {
    let short = match oid {
        COMMON_NAME => "CN",
        [0x55, 0x04, 0x04] => "SN",
        [0x55, 0x04, 0x05] => "serialNumber",
        [0x55, 0x04, 0x06] => "C",
        [0x55, 0x04, 0x07] => "L",
        [0x55, 0x04, 0x08] => "ST",
        [0x55, 0x04, 0x09] => "street",
        [0x55, 0x04, 0x0a] => "O",
        [0x55, 0x04, 0x0b] => "OU",
        [0x55, 0x04, 0x0c] => "title",
        [0x55, 0x04, 0x0f] => "businessCategory",
        [0x55, 0x04, 0x11] => "postalCode",
        [0x55, 0x04, 0x2a] => "GN",
        [0x55, 0x04, 0x61] => "organizationIdentifier",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        _ => return push_oid(out, oid),
    };
    out.push_str(short);
}

/// Dotted decimal; arcs beyond 64 bits end it.
fn push_oid(out: &mut String, oid: &[u8]) {
    let mut arc: u64 = 0;
    let mut first = true;
    for byte in oid {
        if arc >> 57 != 0 {
            out.push_str("..");
            return;
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if first {
            let root = (arc / 40).min(2);
            write_to(out, format_args!("{root}.{}", arc - root * 40));
            first = false;
        } else {
            write_to(out, format_args!(".{arc}"));
        }
        arc = 0;
    }
}

fn push_string(out: &mut String, value: Tlv<'_>, quoted: bool) {
    let bytes = value.content;
    match value.tag {
        // UniversalString: UTF-32BE. BMPString: UTF-16BE.
        0x1c => bytes.chunks(4).for_each(|unit| {
            let code = unit.iter().fold(0_u32, |code, b| code << 8 | u32::from(*b));
            push_char(out, char::from_u32(code).unwrap_or('\u{fffd}'), quoted);
        }),
        0x1e => {
            let units = bytes
                .chunks(2)
                .map(|unit| unit.iter().fold(0_u16, |code, b| code << 8 | u16::from(*b)));
            for unit in char::decode_utf16(units) {
                push_char(out, unit.unwrap_or('\u{fffd}'), quoted);
            }
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().for_each(|c| push_char(out, c, quoted)),
            // TeletexString in practice holds ISO 8859-1.
            Err(_) => bytes
                .iter()
                .for_each(|b| push_char(out, char::from(*b), quoted)),
        },
    }
}

fn push_char(out: &mut String, c: char, quoted: bool) {
    if quoted && matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
        out.push('\\');
        out.push(c);
    } else if c.is_ascii() && !c.is_ascii_control() || !c.is_ascii() && !deceives(c) {
        out.push(c);
    } else {
        write_to(out, format_args!("\\u{{{:x}}}", u32::from(c)));
    }
}

/// Characters that move the cursor, reorder or hide text: a certificate must not rewrite a report.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Writing to a String cannot fail.
fn write_to(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rdn(oid: &[u8], string_tag: u8, value: &[u8]) -> Vec<u8> {
        let mut pair = vec![tag::OID, u8::try_from(oid.len()).unwrap()];
        pair.extend(oid);
        pair.extend([string_tag, u8::try_from(value.len()).unwrap()]);
        pair.extend(value);
        let mut sequence = vec![tag::SEQUENCE, u8::try_from(pair.len()).unwrap()];
        sequence.extend(pair);
        let mut set = vec![tag::SET, u8::try_from(sequence.len()).unwrap()];
        set.extend(sequence);
        set
    }

    fn read(content: &[u8]) -> (String, Option<String>) {
        name(Tlv {
            tag: tag::SEQUENCE,
            content,
            whole: content,
        })
    }

    #[test]
    fn names_start_with_the_most_specific_part() {
        let der = [
            rdn(&[0x55, 0x04, 0x06], 0x13, b"US"),
            rdn(&[0x55, 0x04, 0x0a], 0x13, b"Let's Encrypt"),
            rdn(COMMON_NAME, 0x13, b"R3"),
        ]
        .concat();
        let expected = "CN=R3, O=Let's Encrypt, C=US".to_owned();
        assert_eq!(read(&der), (expected, Some("R3".to_owned())));
    }

    #[test]
    fn values_cannot_forge_structure_or_move_the_cursor() {
        let der = rdn(
            COMMON_NAME,
            0x0c,
            "a, O=Bank\u{1b}[2J\u{202e}x\0".as_bytes(),
        );
        let (line, common_name) = read(&der);
        assert_eq!(line, "CN=a\\, O=Bank\\u{1b}[2J\\u{202e}x\\u{0}");
        assert_eq!(
            common_name.as_deref(),
            Some("a, O=Bank\\u{1b}[2J\\u{202e}x\\u{0}")
        );
    }

    #[test]
    fn old_string_types_and_unknown_attributes_are_read() {
        let der = [
            rdn(&[0x55, 0x04, 0x07], 0x14, b"M\xfcnchen"),
            rdn(&[0x2a, 0x03, 0x81, 0x00], 0x1e, b"\0H\0i"),
        ]
        .concat();
        assert_eq!(read(&der).0, "1.2.3.128=Hi, L=München");
    }

    #[test]
    fn hosts_and_urls_come_out_printable() {
        assert_eq!(host(b"WWW.Example.ORG."), "www.example.org");
        assert_eq!(host(b"a\0b\xff"), "a\\000b\\255");
        let mut url = String::new();
        push_ascii(&mut url, b"http://x/\r\n%20\xc3");
        assert_eq!(url, "http://x/%0D%0A%20%C3");
    }
}
