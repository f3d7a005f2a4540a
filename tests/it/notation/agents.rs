//! Requests in the handwriting of client software (domain knowledge: captures of these programs).

use whylencr::event::{Name, Request, TargetForm};
use whylencr::frame::FrameNo;
use whylencr::time::Timestamp;

use super::stage::Question;

/// Name, User-Agent, HTTP/1.x minor version, whether it asks OCSP by POST.
const AGENTS: &[(&str, Option<&str>, u8, bool)] = &[
    (
        "firefox",
        Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
        1,
        true,
    ),
    (
        "chromium",
        Some(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        ),
        1,
        false,
    ),
    ("java", Some("Java/17.0.15"), 1, false),
    ("windows", Some("Microsoft-CryptoAPI/10.0"), 1, false),
    ("trustd", Some("com.apple.trustd/3.0"), 1, false),
    ("stunnel", Some("stunnel"), 0, true),
    ("curl", Some("curl/8.5.0"), 1, false),
    (
        "powershell",
        Some("Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.22631; en-US) PowerShell/7.4.1"),
        1,
        false,
    ),
    ("node", Some("node"), 1, true),
    ("go", Some("Go-http-client/1.1"), 1, true),
    ("python", Some("python-requests/2.32.3"), 1, true),
    ("haproxy", Some("HAProxy"), 1, false),
    ("mod_md", Some("Apache/2.4.62 mod_md/2.4.28"), 1, true),
    ("nginx", None, 0, false),
    ("apache", None, 0, true),
    ("openssl", None, 0, true),
    ("dotnet", None, 1, false),
    ("strongswan", None, 1, true),
    (
        "httpclient",
        Some("Apache-HttpClient/5.3.1 (Java/17.0.15)"),
        1,
        false,
    ),
];

pub(crate) fn request(agent: &str, question: &Question, method: Option<&str>) -> Request {
    let Some((_, user_agent, minor_version, posts)) =
        AGENTS.iter().find(|(name, ..)| *name == agent)
    else {
        panic!("no client software called `{agent}`")
    };
    let rest = question.url.strip_prefix("http://").expect("an http URL");
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = match host.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (host, None),
    };
    let body = question.der.clone().filter(|_| *posts);
    let path = match (&question.der, &body) {
        (Some(der), None) => format!("{}/{}", path.trim_end_matches('/'), escaped(&base64(der))),
        _ => path.to_owned(),
    };
    let usual = if body.is_some() { "POST" } else { "GET" };
    Request {
        index: 0,
        method: method.unwrap_or(usual).to_owned(),
        host: Some(Name::new(host)),
        port,
        path,
        form: TargetForm::Origin,
        tunnelled: false,
        minor_version: *minor_version,
        agent: user_agent.map(str::to_owned),
        content_type: body.as_ref().map(|_| "application/ocsp-request".to_owned()),
        conditional: false,
        header_order: if user_agent.is_none() {
            "host"
        } else {
            "host,user-agent,accept"
        }
        .to_owned(),
        body_len: body.as_ref().map_or(0, |b| b.len() as u64),
        body: body.map(Into::into),
        first_frame: FrameNo::NONE,
        first_at: Timestamp::EPOCH,
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(char::from(
                    ALPHABET[(group >> (18 - 6 * place) & 0x3f) as usize],
                ));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}
