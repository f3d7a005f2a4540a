//! Heads of HTTP/1.x messages (RFC 9112 2 to 5), read as leniently as a bystander must: what the two ends
//! make of an odd head is not ours to refuse.

use httparse::{EMPTY_HEADER, Header, ParserConfig, Status};

use crate::event::{Name, TargetForm};
use crate::proto::Probe;
use crate::time::Timestamp;

use super::date;

/// Headers read of one head; Apache refuses more than 100.
const HEADERS: usize = 128;
/// Bytes kept of one value. Agents have 200, addresses of redirects some more; what is longer says nothing in its end.
const VALUE: usize = 2 << 10;
/// A request line with a method of its own invention has to show its version within this many bytes.
const REQUEST_LINE: usize = 4 << 10;

/// Methods that begin a request without a further look (RFC 9110 9, RFC 5789, RFC 4918 and kin, UPnP).
const METHODS: [&str; 27] = [
    "GET",
    "POST",
    "HEAD",
    "CONNECT",
    "PUT",
    "OPTIONS",
    "DELETE",
    "PATCH",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "ACL",
    "MERGE",
    "MKACTIVITY",
    "CHECKOUT",
    "MKCALENDAR",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "PURGE",
];

/// What a request head says.
#[derive(Debug)]
pub(super) struct RequestHead {
    pub(super) method: String,
    pub(super) host: Option<Name>,
    pub(super) port: Option<u16>,
    pub(super) path: String,
    pub(super) form: TargetForm,
    pub(super) minor_version: u8,
    pub(super) agent: Option<String>,
    pub(super) conditional: bool,
    pub(super) header_order: String,
    pub(super) message: MessageHead,
}

/// What a response head says.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) server: Option<String>,
    pub(super) date: Option<Timestamp>,
    pub(super) message: MessageHead,
}

/// What both kinds of head say about the body.
#[derive(Debug, Default)]
pub(super) struct MessageHead {
    pub(super) content_type: Option<String>,
    pub(super) length: Length,
    /// The last transfer coding is chunked.
    pub(super) chunked: bool,
    pub(super) coding: Coding,
}

/// Content-Length.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Length {
    #[default]
    Absent,
    Bytes(u64),
    /// Not a number, or two different ones (RFC 9112 6.3).
    Bad,
}

/// Content coding (RFC 9110 8.4.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Coding {
    #[default]
    Identity,
    Gzip,
    Deflate,
    /// One that is not undone here.
    Other,
}

/// Offset behind the blank line that ends a head, looking from `from` on; lines may end in a bare LF.
pub(super) fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|b| *b == b'\n')? + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
}

/// Whether bytes begin a request line of HTTP/1.x.
pub(crate) fn looks_like_request(bytes: &[u8]) -> Probe {
    // A server passes over an empty line before the request line (RFC 9112 2.2).
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    if bytes == b"\r" {
        return Probe::NeedMore;
    }
    let token = bytes
        .iter()
        .take_while(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'))
        .count();
    if token > 24 {
        return Probe::No;
    }
    let (method, rest) = bytes.split_at(token);
    let target = match rest {
        [] => return Probe::NeedMore,
        [b' '] if token >= 3 => return Probe::NeedMore,
        [b' ', target @ ..] if token >= 3 => target,
        _ => return Probe::No,
    };
    let Some(first) = target
        .first()
        .filter(|first| first.is_ascii_graphic() || **first == b' ')
    else {
        return Probe::No;
    };
    let usual = method == b"CONNECT" || matches!(first, b'/' | b'*' | b'h' | b'H');
    if usual && METHODS.iter().any(|known| known.as_bytes() == method) {
        return Probe::Yes;
    }
    let line_end = target.iter().position(|b| *b == b'\n');
    let line = target
        .get(..line_end.unwrap_or(target.len()))
        .unwrap_or_default();
    if line.windows(8).any(|window| window == b" HTTP/1.") {
        Probe::Yes
    } else if line_end.is_some() || line.len() > REQUEST_LINE {
        Probe::No
    } else {
        Probe::NeedMore
    }
}

/// Whether bytes begin a status line of HTTP/1.x.
pub(crate) fn looks_like_response(bytes: &[u8]) -> Probe {
    const BEGIN: &[u8] = b"HTTP/1.";
    if bytes.starts_with(BEGIN) {
        Probe::Yes
    } else if BEGIN.starts_with(bytes) {
        Probe::NeedMore
    } else {
        Probe::No
    }
}

/// Reads a request head that ends in a blank line.
pub(super) fn request(head: &[u8]) -> Option<RequestHead> {
    // Spaces in a target are against the rules (RFC 9112 3.2), but are sent, and answered.
    read_request(head).or_else(|| read_request(&escape_spaces(head)?))
}

fn read_request(head: &[u8]) -> Option<RequestHead> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let status = lenient().parse_request(&mut request, head);
    // A head with too many headers is still a request; what follows decides how it is framed, so the
    // ones that were read are better than none.
    if !matches!(
        status,
        Ok(Status::Complete(_)) | Err(httparse::Error::TooManyHeaders)
    ) {
        return None;
    }
    let method = request.method?.to_owned();
    let target = request.path?;
    let mut read = RequestHead {
        form: form(&method, target),
        method,
        host: None,
        port: None,
        path: target.to_owned(),
        minor_version: request.version?,
        agent: None,
        conditional: false,
        header_order: String::new(),
        message: MessageHead::default(),
    };
    let mut host = None;
    for header in request.headers.iter().take_while(|h| !h.name.is_empty()) {
        if !read.header_order.is_empty() {
            read.header_order.push(',');
        }
        let start = read.header_order.len();
        read.header_order.push_str(header.name);
        if let Some(name) = read.header_order.get_mut(start..) {
            name.make_ascii_lowercase();
        }
        match read.header_order.get(start..).unwrap_or_default() {
            "host" => host = host.or(Some(text(header.value))),
            "user-agent" => read.agent = read.agent.take().or_else(|| Some(text(header.value))),
            "if-none-match" | "if-modified-since" => read.conditional = true,
            name => read.message.take(name, header.value),
        }
    }
    let authority = match read.form {
        TargetForm::Absolute => {
            let (authority, path) = split_absolute(target);
            read.path = path;
            Some(authority.to_owned())
        }
        TargetForm::Authority => Some(target.to_owned()),
        TargetForm::Origin | TargetForm::Asterisk => host,
    };
    if let Some(authority) = authority {
        (read.host, read.port) = host_and_port(&authority);
    }
    Some(read)
}

/// Reads a response head that ends in a blank line.
pub(super) fn response(head: &[u8]) -> Option<ResponseHead> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let status = lenient().parse_response(&mut response, head);
    if !matches!(
        status,
        Ok(Status::Complete(_)) | Err(httparse::Error::TooManyHeaders)
    ) {
        return None;
    }
    let mut read = ResponseHead {
        status: response.code?,
        location: None,
        server: None,
        date: None,
        message: MessageHead::default(),
    };
    for header in response.headers.iter().take_while(|h| !h.name.is_empty()) {
        let Header { name, value } = *header;
        if name.eq_ignore_ascii_case("location") {
            read.location = read.location.or_else(|| Some(text(value)));
        } else if name.eq_ignore_ascii_case("server") {
            read.server = read.server.or_else(|| Some(text(value)));
        } else if name.eq_ignore_ascii_case("date") {
            read.date = read.date.or_else(|| date::read(value));
        } else {
            read.message.take(name, value);
        }
    }
    Some(read)
}

/// The head with the spaces inside its target as `%20`; None when there are none.
fn escape_spaces(head: &[u8]) -> Option<Vec<u8>> {
    let line_end = head.iter().position(|b| *b == b'\n')?;
    let (line, rest) = head.split_at(line_end);
    let start = line.iter().position(|b| *b == b' ')? + 1;
    let end = line.windows(6).rposition(|window| window == b" HTTP/")?;
    let target = line.get(start..end)?;
    let escaped = target
        .split(|b| *b == b' ')
        .collect::<Vec<_>>()
        .join(&b"%20"[..]);
    if escaped.len() == target.len() {
        return None;
    }
    Some([line.get(..start)?, &escaped, line.get(end..)?, rest].concat())
}

/// What is whole of a head that was cut: its complete lines, ended with a blank one. None when not even
/// the first line is whole up to the space behind its second word.
pub(super) fn mend(head: &[u8]) -> Option<Vec<u8>> {
    if let Some(end) = head.iter().rposition(|b| *b == b'\n') {
        return Some([head.get(..=end)?, b"\r\n"].concat());
    }
    // Method and target are readable when a space follows; only the version has to be supplied.
    let mut words = head.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next()?);
    let version = words.next();
    if version.is_none() && !head.ends_with(b" ") {
        return None;
    }
    if first.starts_with(b"HTTP/1.") {
        return Some([first, b" ", second, b"\r\n\r\n"].concat());
    }
    let minor = match version {
        Some(b"HTTP/1.0" | b"HTTP/1.0\r") => b'0',
        _ => b'1',
    };
    Some([first, b" ", second, b" HTTP/1.", &[minor], b"\r\n\r\n"].concat())
}

/// Splits `host:port`, `host`, `[v6]:port`; the host without brackets.
pub(super) fn host_and_port(authority: &str) -> (Option<Name>, Option<u16>) {
    let authority = authority.trim();
    // Credentials in front of the host are no part of it (RFC 3986 3.2.1).
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']').unwrap_or((v6, ""));
            (host, rest.strip_prefix(':'))
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let host = (!host.is_empty()).then(|| Name::new(host));
    (host, port.and_then(|port| port.parse().ok()))
}

impl MessageHead {
    fn take(&mut self, name: &str, value: &[u8]) {
        if name.eq_ignore_ascii_case("content-type") {
            if self.content_type.is_none() {
                self.content_type = Some(text(value));
            }
        } else if name.eq_ignore_ascii_case("content-length") {
            self.length = length(value, self.length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            for coding in value.split(|b| *b == b',') {
                let coding = coding.trim_ascii();
                self.chunked = coding.eq_ignore_ascii_case(b"chunked");
                if !self.chunked {
                    self.coding(coding);
                }
            }
        } else if name.eq_ignore_ascii_case("content-encoding") {
            value
                .split(|b| *b == b',')
                .for_each(|coding| self.coding(coding.trim_ascii()));
        }
    }

    fn coding(&mut self, name: &[u8]) {
        let coding = match name.to_ascii_lowercase().as_slice() {
            b"" | b"identity" => return,
            b"gzip" | b"x-gzip" => Coding::Gzip,
            b"deflate" => Coding::Deflate,
            _ => Coding::Other,
        };
        self.coding = match self.coding {
            Coding::Identity => coding,
            // Codings on top of codings.
            _ => Coding::Other,
        };
    }
}

fn lenient() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_space_before_first_header_name(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_requests(true)
        .ignore_invalid_headers_in_responses(true);
    config
}

fn form(method: &str, target: &str) -> TargetForm {
    if method == "CONNECT" {
        TargetForm::Authority
    } else if target == "*" {
        TargetForm::Asterisk
    } else if split_scheme(target).is_some() {
        TargetForm::Absolute
    } else {
        TargetForm::Origin
    }
}

/// What follows `http://`, in any case.
fn split_scheme(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    known.then_some(rest)
}

/// Authority and path with query of an absolute target.
fn split_absolute(target: &str) -> (&str, String) {
    let rest = split_scheme(target).unwrap_or(target);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.starts_with('/') {
        (authority, path.to_owned())
    } else {
        (authority, format!("/{path}"))
    }
}

/// One Content-Length field. A list of equal values counts as one (RFC 9112 6.3).
fn length(value: &[u8], before: Length) -> Length {
    value.split(|b| *b == b',').fold(before, |before, part| {
        let digits = part.trim_ascii();
        let number = std::str::from_utf8(digits)
            .ok()
            .filter(|_| digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| digits.parse().ok());
        match (before, number) {
            (Length::Absent, Some(number)) => Length::Bytes(number),
            (Length::Bytes(seen), Some(number)) if seen == number => before,
            _ => Length::Bad,
        }
    })
}

fn text(value: &[u8]) -> String {
    let value = value.trim_ascii();
    match value.get(..VALUE) {
        None => String::from_utf8_lossy(value).into_owned(),
        Some(start) => String::from_utf8_lossy(start).into_owned() + "...",
    }
}
