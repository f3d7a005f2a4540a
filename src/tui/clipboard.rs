//! The clipboard of the user's terminal, over whatever connection: OSC 52.

use std::io::{self, Write as _};

/// Terminals drop what is longer.
const MOST: usize = 74_000;

/// Asks the terminal to put text into its clipboard. Whether it does cannot be known.
pub(super) fn copy(text: &str, what: &str) -> Result<String, String> {
    if text.len() > MOST {
        return Err(format!(
            "{what} is too long for the clipboard of a terminal; export it instead."
        ));
    }
    let mut out = io::stdout().lock();
    write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()))
        .and_then(|()| out.flush())
        .map_err(|error| format!("Cannot copy: {error}"))?;
    Ok(format!(
        "Copied {what}, if this terminal allows it (OSC 52)."
    ))
}

/// RFC 4648 4.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sign = |bits: u32| char::from(SIGNS[(bits & 63) as usize]);
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |n: usize| u32::from(group.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        text.push(sign(bits >> 18));
        text.push(sign(bits >> 12));
        text.push(if group.len() > 1 {
            sign(bits >> 6)
        } else {
            '='
        });
        text.push(if group.len() > 2 { sign(bits) } else { '=' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vectors_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
