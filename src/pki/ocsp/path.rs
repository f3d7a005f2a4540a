//! OCSP over GET: the request as a piece of URL (RFC 6960 A.1, RFC 9919 5).

use crate::pki::base64;
use crate::pki::der::Reader;
use crate::pki::ocsp::parse_request;

/// Longer paths are no OCSP requests: GET is for URLs up to 255 bytes, and the largest requests met
/// (signed ones, with certificates) stay below this.
const MAX_PATH: usize = 8 << 10;

/// A responder URL has one or two path segments of its own; more are not tried.
const MAX_PREFIXES: usize = 8;

/// The DER request in the path of a GET, when there is a well-formed one.
///
/// Escapes are undone first, so that every spelling of `+`, `/` and `=` reads alike; a blank is a `+` that a
/// form decoder has eaten. A slash may be a digit of the Base64, also twice in a row or at its start, so the
/// whole path is tried first and then what follows each slash, for responders that live in a folder. Missing
/// padding and the URL-safe alphabet are accepted; a query or fragment is cut off.
#[must_use]
pub fn request_of_path(path: &str) -> Option<Vec<u8>> {
    if path.len() > MAX_PATH {
        return None;
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut text = unescape(path.as_bytes());
    if text.contains(&b'%') {
        // Some clients escape what their library escapes again.
        text = unescape(&text);
    }
    let text = text.strip_prefix(b"/").unwrap_or(&text);
    std::iter::once(text)
        .chain(
            text.iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'/')
                .filter_map(|(index, _)| text.get(index + 1..))
                .take(MAX_PREFIXES),
        )
        .find_map(request)
}

fn request(text: &[u8]) -> Option<Vec<u8>> {
    // 0x30, the tag of every request, makes the first digit an M.
    if text.first() != Some(&b'M') {
        return None;
    }
    let decode = |text: &[u8]| {
        base64::decode(
            text.iter()
                .map(|byte| if *byte == b' ' { b'+' } else { *byte }),
        )
    };
    let der = decode(text).or_else(|| decode(text.strip_suffix(b"/")?))?;
    // A slash that a client appends may decode to part of a byte.
    let whole = Reader::new(&der).element().ok()?.whole;
    parse_request(whole).ok()?;
    Some(whole.to_vec())
}

/// Undoes percent-encoding; what is no escape stays.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = tail;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
