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
        let value = VALUES.get(usize::from(byte)).copied().unwrap_or(NONE);
        if value == NONE {
            match byte {
                b'=' => padded = true,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => return None,
            }
            continue;
        }
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

/// A byte of no alphabet.
const NONE: u8 = u8::MAX;

/// What each byte stands for.
#[expect(clippy::indexing_slicing, reason = "reckoned while this is compiled")]
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut byte = u8::MIN;
    loop {
        values[byte as usize] = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NONE,
        };
        if byte == u8::MAX {
            break values;
        }
        byte += 1;
    }
};

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
