//! Base64 (RFC 4648) as lenient as the places where it is met.

/// Decodes either alphabet, with or without padding; ASCII white space is passed over. None when there is
/// anything else, or data after padding.
pub(crate) fn decode(text: impl IntoIterator<Item = u8>) -> Option<Vec<u8>> {
    let text = text.into_iter();
    let mut out = Vec::with_capacity(text.size_hint().0 / 4 * 3);
    let mut bits: u32 = 0;
    let mut count = 0;
    let mut padded = false;
    for byte in text {
        let value = match byte {
            b'=' => {
                padded = true;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => value(byte)?,
        };
        if padded {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            let [_, a, b, c] = bits.to_be_bytes();
            out.extend([a, b, c]);
            (bits, count) = (0, 0);
        }
    }
    match count {
        0 => {}
        2 => {
            let [_, _, _, a] = (bits >> 4).to_be_bytes();
            out.push(a);
        }
        3 => {
            let [_, _, a, b] = (bits >> 2).to_be_bytes();
            out.extend([a, b]);
        }
        _ => return None,
    }
    Some(out)
}

const fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zg", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm8", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9v\r\nYmFy", Some(b"foobar")),
            ("+/-_", Some(&[0xfb, 0xff, 0xbf])),
            ("Z", None),
            ("Zg==Zg==", None),
            ("Z*==", None),
        ] {
            assert_eq!(decode(text.bytes()).as_deref(), bytes, "{text}");
        }
    }
}
