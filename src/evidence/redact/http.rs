//! HTTP/1.x (RFC 9112): heads with the values of harmless fields, bodies that are public objects.

use std::ops::Range;

use super::Rules;
use super::clean::{self, Sides, blank};
use crate::event::Name;

/// Longest head looked for.
const HEAD: usize = 64 << 10;
/// A path of a watched host that is longer holds an OCSP request; those of lists and certificates are short.
const SHORT_PATH: usize = 24;

const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"CONNECT ",
    b"PUT ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"PROPFIND ",
];

/// Fields whose values may be seen. Everything else can name somebody: Cookie, Authorization, Forwarded, Via, Referer.
const FIELDS: [&str; 28] = [
    "accept",
    "accept-encoding",
    "accept-ranges",
    "age",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "host",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "keep-alive",
    "last-modified",
    "pragma",
    "proxy-connection",
    "range",
    "server",
    "te",
    "transfer-encoding",
    "user-agent",
    "vary",
];

/// Reason phrases as RFC 9110 and proxies have them; a phrase of its own could say anything.
const REASONS: [&[u8]; 14] = [
    b"OK",
    b"Connection established",
    b"Connection Established",
    b"Partial Content",
    b"Moved Permanently",
    b"Found",
    b"Not Modified",
    b"Bad Request",
    b"Unauthorized",
    b"Forbidden",
    b"Not Found",
    b"Internal Server Error",
    b"Bad Gateway",
    b"Service Unavailable",
];

/// What is to be known of a request when its answer comes.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// HEAD: the answer has no body.
    head: bool,
    connect: bool,
    /// The host is one of a contact: what it serves is public.
    public: bool,
}

/// How a body ends (RFC 9112 6.3).
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length(usize),
    Chunked,
    None,
}

pub(super) fn is_request(bytes: &[u8]) -> bool {
    METHODS.iter().any(|method| bytes.starts_with(method))
}

/// Cleans the messages from the given places; gives back how much may be seen.
pub(super) fn clean(
    sides: &mut Sides<'_>,
    [mut c, s]: [usize; 2],
    depth: u8,
    rules: &Rules,
) -> [usize; 2] {
    let mut asked = Vec::new();
    while let Some((end, whole)) = head_end(sides.client, c) {
        let Some(head) = sides.client.get_mut(c..end) else {
            break;
        };
        if !is_request(head) {
            break;
        }
        let (request, framing) = request(head, whole, rules);
        asked.push(request);
        let head = c..end;
        c = end;
        if request.connect {
            break;
        }
        if !whole {
            c = resume(sides.client, c, is_request);
            continue;
        }
        let show = request.public && !rules.sites();
        match body(sides.client, c, framing, show, false) {
            Some((next, shown)) => {
                if !shown {
                    untype(sides.client, head);
                }
                c = next;
            }
            None => break,
        }
    }
    answers(sides, [c, s], &asked, depth, rules)
}

fn answers(
    sides: &mut Sides<'_>,
    [c, mut s]: [usize; 2],
    asked: &[Asked],
    depth: u8,
    rules: &Rules,
) -> [usize; 2] {
    let mut asked = asked.iter();
    while let Some((end, whole)) = head_end(sides.server, s) {
        let Some(head) = sides.server.get_mut(s..end) else {
            break;
        };
        if !head.starts_with(b"HTTP/1.") {
            break;
        }
        let (status, framing, pki) = response(head);
        let head = s..end;
        s = end;
        if !whole {
            let _ = asked.next();
            s = resume(sides.server, s, |bytes| bytes.starts_with(b"HTTP/1."));
            continue;
        }
        if (100..200).contains(&status) {
            continue;
        }
        let request = asked.next().copied().unwrap_or_default();
        if request.connect && (200..300).contains(&status) {
            return clean::from(sides, [c, s], depth, rules);
        }
        if request.head || matches!(status, 204 | 304) {
            continue;
        }
        let framing = match framing {
            // Until the connection closes.
            Framing::None => Framing::Length(usize::MAX),
            framing => framing,
        };
        // A list may hold the serial of the site, and few others.
        let show = request.public && !rules.sites();
        match body(sides.server, s, framing, show, pki) {
            Some((next, public)) => {
                if public {
                    sides.public.push(s..next);
                } else {
                    untype(sides.server, head);
                }
                s = next;
            }
            None => break,
        }
    }
    [c, s]
}

/// Where a head that begins at `at` ends, and whether it is whole: a snap length cuts it, and zero stands for what is
/// missing.
fn head_end(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let rest = bytes.get(at..)?;
    let rest = rest.get(..HEAD).unwrap_or(rest);
    let rest = rest.split(|b| *b == 0).next()?;
    let blank = |end: &[u8]| rest.windows(end.len()).position(|w| w == end);
    Some(match (blank(b"\r\n\r\n"), blank(b"\n\n")) {
        (Some(long), Some(short)) => (at + (long + 4).min(short + 2), true),
        (Some(long), None) => (at + long + 4, true),
        (None, Some(short)) => (at + short + 2, true),
        (None, None) => (at + rest.len(), false),
    })
}

/// Blanks what comes before the next message that begins after something missing, and gives back where that is.
fn resume(bytes: &mut [u8], at: usize, begins: impl Fn(&[u8]) -> bool) -> usize {
    let next = (at..bytes.len()).find(|next| {
        let after_gap = next.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&0);
        after_gap && bytes.get(*next..).is_some_and(&begins)
    });
    let next = next.unwrap_or(bytes.len());
    if let Some(between) = bytes.get_mut(at..next) {
        blank(between);
    }
    next
}

fn request(head: &mut [u8], whole: bool, rules: &Rules) -> (Asked, Framing) {
    let (lines, line) = lines(head);
    let text = String::from_utf8_lossy(head.get(line.clone()).unwrap_or_default()).into_owned();
    let mut words = text.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    // Authority and path, when the target has them in one (RFC 9112 3.2.2).
    let absolute = target
        .split_once("://")
        .map(|(_, rest)| rest.split_at(rest.find('/').unwrap_or(rest.len())));
    let connect = method == "CONNECT";
    let host = absolute
        .map(|(authority, _)| authority.to_owned())
        .or_else(|| field(head, &lines, "host"));
    let public = match host {
        Some(host) => {
            let bare = host
                .rsplit_once(':')
                .map_or(host.as_str(), |(bare, _)| bare);
            let bare = Name::new(bare.trim());
            let begun = |known: &Name| known.as_str().starts_with(bare.as_str());
            rules.hosts.contains(&bare) || (!whole && rules.hosts.iter().any(begun))
        }
        // Connections in clear text are in the evidence for their contacts.
        None => !whole && !rules.sites() && !connect,
    };
    let path = absolute.map_or(target, |(_, path)| path);
    let serial = method == "POST" || path.len() > SHORT_PATH;
    // Where in the line the hidden part of the target begins.
    let query = path.find('?').unwrap_or(path.len());
    let shown = match (public, connect) {
        (true, _) if rules.sites() && serial => path.len().min(1),
        (true, _) => query,
        (false, true) if !rules.sites() => path.len(),
        (false, _) => 0,
    };
    let start = line.start + method.len() + 1 + (target.len() - path.len()) + shown;
    let end = line.start + method.len() + 1 + target.len();
    if let Some(hidden) = head.get_mut(start..end) {
        blank(hidden);
    }
    if !public
        && rules.sites()
        && let Some(target) = head.get_mut(line.start + method.len() + 1..end)
    {
        blank(target);
    }
    let framing = framing(head, &lines);
    fields(head, &lines, !public && rules.sites());
    let asked = Asked {
        head: method == "HEAD",
        connect,
        public,
    };
    (asked, framing)
}

/// Status, framing, and whether it says that it brings something of a PKI.
fn response(head: &mut [u8]) -> (u16, Framing, bool) {
    let (lines, line) = lines(head);
    let first = head.get_mut(line).unwrap_or_default();
    let status = first
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    if let Some(reason) = first.get_mut(13..)
        && !REASONS.contains(&reason.trim_ascii())
    {
        blank(reason);
    }
    let pki = field(head, &lines, "content-type").is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        ["pkix", "pkcs7", "x509", "ocsp"]
            .iter()
            .any(|word| kind.contains(word))
    });
    let framing = framing(head, &lines);
    fields(head, &lines, false);
    (status, framing, pki)
}

/// Blanks the type of a body that is blank, which is of that type no more.
fn untype(bytes: &mut [u8], head: Range<usize>) {
    let Some(head) = bytes.get_mut(head) else {
        return;
    };
    for range in lines(head).0 {
        let line = head.get_mut(range).unwrap_or_default();
        if let Some((name, value)) = line.split_at_mut_checked(13)
            && name.eq_ignore_ascii_case(b"content-type:")
        {
            blank(value);
        }
    }
}

/// Cleans a body; gives back where it ends and whether it is shown as it is. None when its end cannot be told.
fn body(
    bytes: &mut [u8],
    at: usize,
    framing: Framing,
    show: bool,
    packed: bool,
) -> Option<(usize, bool)> {
    let (start, end) = match framing {
        Framing::None => return Some((at, false)),
        Framing::Length(length) => (at, at.saturating_add(length).min(bytes.len())),
        Framing::Chunked => {
            let (first, end) = chunks(bytes, at)?;
            (first, end)
        }
    };
    let content = bytes.get_mut(start..end)?;
    // A DER SEQUENCE, a certificate in text, or what the server says to be one, compressed. A page for people is not:
    // those of portals and proxies name who reads them.
    let object = content.first() == Some(&0x30)
        || content.starts_with(b"-----BEGIN ")
        || (packed && content.starts_with(&[0x1f, 0x8b]));
    if show && object {
        return Some((end, true));
    }
    match framing {
        // Sizes and line ends stay where they are.
        Framing::Chunked => {
            for range in data(bytes, at) {
                blank(bytes.get_mut(range)?);
            }
        }
        Framing::Length(_) | Framing::None => blank(content),
    }
    Some((end, false))
}

/// Where the data of a chunked body begins, and where the body ends.
fn chunks(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let ranges = data(bytes, at);
    let first = ranges.first()?.start;
    let last = ranges.last()?.end;
    // The last chunk and an empty trailer section.
    let rest = bytes.get(last..)?;
    let closing = b"\r\n0\r\n\r\n";
    let end = if rest.starts_with(closing) {
        last + closing.len()
    } else {
        last
    };
    Some((first, end))
}

/// The data of the chunks from `at`, without sizes (RFC 9112 7.1). Extensions are not expected and end it.
fn data(bytes: &[u8], mut at: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    while let Some(rest) = bytes.get(at..) {
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let text = rest.get(..digits).and_then(|d| std::str::from_utf8(d).ok());
        let size = text.and_then(|d| usize::from_str_radix(d, 16).ok());
        let ends = rest.get(digits..).is_some_and(|r| r.starts_with(b"\r\n"));
        let (Some(size @ 1..), true) = (size, ends) else {
            break;
        };
        let start = at + digits + 2;
        let end = start.saturating_add(size).min(bytes.len());
        ranges.push(start..end);
        at = end + 2;
    }
    ranges
}

/// The lines after the first, and the first, without their ends.
fn lines(head: &[u8]) -> (Vec<Range<usize>>, Range<usize>) {
    let mut at = 0;
    let mut ranges = head.split_inclusive(|b| *b == b'\n').map(|line| {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let range = at..at + text.len();
        at += line.len();
        range
    });
    let first = ranges.next().unwrap_or(0..0);
    (ranges.collect(), first)
}

fn field(head: &[u8], lines: &[Range<usize>], name: &str) -> Option<String> {
    lines.iter().find_map(|range| {
        let line = std::str::from_utf8(head.get(range.clone())?).ok()?;
        let (found, value) = line.split_once(':')?;
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

fn framing(head: &[u8], lines: &[Range<usize>]) -> Framing {
    if field(head, lines, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        return Framing::Chunked;
    }
    match field(head, lines, "content-length").map(|v| v.parse()) {
        Some(Ok(length)) => Framing::Length(length),
        Some(Err(_)) => Framing::Length(usize::MAX),
        None => Framing::None,
    }
}

/// Blanks the values of fields that are not known to be harmless; `host` says that not even that is.
fn fields(head: &mut [u8], lines: &[Range<usize>], host: bool) {
    for range in lines {
        let Some(line) = head.get_mut(range.clone()) else {
            continue;
        };
        let colon = line.iter().position(|b| *b == b':');
        let name = colon.and_then(|end| std::str::from_utf8(line.get(..end)?).ok());
        let known = name.is_some_and(|name| {
            let name = name.trim().to_ascii_lowercase();
            FIELDS.contains(&name.as_str()) && !(host && name == "host")
        });
        if known {
            continue;
        }
        // Without a colon it is no field.
        let value = colon.map_or(0, |colon| colon + 1);
        if let Some(value) = line.get_mut(value..) {
            blank(value);
        }
    }
}
