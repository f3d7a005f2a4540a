//! ClientHello and ServerHello (RFC 8446 4.1, RFC 5246 7.4.1), for TLS, DTLS and QUIC alike.
//!
//! Extensions are kept in wire order and read without a copy. A hello that the capture cut short gives
//! what stands before the cut.

use std::sync::Arc;

use crate::event::{Carrier, ClientHello, Ech, Name, ServerHello};
use crate::frame::FrameNo;
use crate::proto::tls::cursor::Cursor;
use crate::proto::tls::ja4::Fingerprints;

/// server_name (RFC 6066 3).
pub(crate) const SERVER_NAME: u16 = 0;
/// status_request (RFC 6066 8).
pub(crate) const STATUS_REQUEST: u16 = 5;
/// signature_algorithms (RFC 8446 4.2.3).
pub(crate) const SIGNATURE_ALGORITHMS: u16 = 13;
/// application_layer_protocol_negotiation (RFC 7301).
pub(crate) const ALPN: u16 = 16;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
/// supported_versions (RFC 8446 4.2.1).
pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// TLS 1.3, as events write it.
pub const TLS13: u16 = 0x0304;

/// Protocol names kept of one hello; clients offer two or three.
const ALPN_KEPT: usize = 16;

/// ServerHello.random of a HelloRetryRequest: SHA-256 of that name (RFC 8446 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Facts of a ClientHello body (without the four bytes of handshake header), and what is wrong with it.
///
/// `second` says that it answers a HelloRetryRequest; `whole` is false when the capture lost its end, which
/// leaves the fingerprint empty and every fact after the cut at "not there".
#[must_use]
pub fn client_hello(
    body: &[u8],
    carrier: Carrier,
    first_frame: FrameNo,
    second: bool,
    whole: bool,
) -> (ClientHello, Option<&'static str>) {
    let mut fingerprints = Fingerprints::default();
    client_hello_of_many(body, carrier, first_frame, second, whole, &mut fingerprints)
}

/// The same for one of many, most of which have fingerprints that are known already.
#[must_use]
pub fn client_hello_of_many(
    body: &[u8],
    carrier: Carrier,
    first_frame: FrameNo,
    second: bool,
    whole: bool,
    fingerprints: &mut Fingerprints,
) -> (ClientHello, Option<&'static str>) {
    let fields = ClientFields::read(body, carrier == Carrier::Dtls);
    let mut hello = ClientHello {
        carrier,
        first_frame,
        sni: None,
        ech: Ech::Absent,
        alpn: Arc::default(),
        max_version: common_version(fields.legacy_version),
        status_request: false,
        offers_resumption: false,
        early_data: false,
        ja4: Arc::default(),
        second,
        random: fields.random,
    };
    let mut problem = match (whole, fields.defect) {
        (true, defect) => defect,
        (false, _) => Some("ClientHello is cut short by the capture"),
    };
    for (kind, data) in fields.extensions {
        match kind {
            SERVER_NAME => match server_name(data) {
                Some(name) => hello.sni = name,
                None => problem = problem.or(Some("malformed server_name in a ClientHello")),
            },
            STATUS_REQUEST => hello.status_request = true,
            ALPN => hello.alpn = fingerprints.protocols(data),
            SESSION_TICKET => hello.offers_resumption |= !data.is_empty(),
            PRE_SHARED_KEY => hello.offers_resumption = true,
            EARLY_DATA => hello.early_data = true,
            SUPPORTED_VERSIONS => {
                let versions = fields.versions_in(data).map(common_version);
                hello.max_version = versions.max().unwrap_or(hello.max_version);
            }
            ENCRYPTED_CLIENT_HELLO => hello.ech = Ech::Offered,
            _ => {}
        }
    }
    // A TLS 1.3 client sends a session id that stands for nothing (RFC 8446 D.4).
    hello.offers_resumption |= !fields.session_id.is_empty() && hello.max_version < TLS13;
    if whole && fields.defect.is_none() {
        hello.ja4 = fingerprints.of(&fields, &hello.carrier);
    }
    (hello, problem)
}

/// Facts of a ServerHello body, or what is wrong with it. Up to TLS 1.2, and in a HelloRetryRequest,
/// `resumed` is None: only the messages that follow decide it.
pub fn server_hello(body: &[u8]) -> Result<ServerHello, &'static str> {
    const SHORT: &str = "ServerHello ends early";
    let mut cursor = Cursor::new(body);
    let mut version = common_version(cursor.u16().ok_or(SHORT)?);
    let random: &[u8; 32] = cursor.array().ok_or(SHORT)?;
    // TLS 1.3 drafts up to 21 had neither session id nor compression here; nothing speaks them any more.
    cursor.vec8().ok_or(SHORT)?;
    let suite = cursor.u16().ok_or(SHORT)?;
    cursor.u8().ok_or(SHORT)?;
    let mut with_key = false;
    if !cursor.is_empty() {
        let extensions = Extensions(Cursor::new(cursor.vec16().ok_or(SHORT)?));
        for (kind, data) in extensions {
            match (kind, data) {
                (SUPPORTED_VERSIONS, [high, low]) => {
                    version = common_version(u16::from_be_bytes([*high, *low]));
                }
                (PRE_SHARED_KEY, _) => with_key = true,
                _ => {}
            }
        }
    }
    let retry = *random == RETRY_RANDOM;
    Ok(ServerHello {
        version,
        suite,
        resumed: (version >= TLS13 && !retry).then_some(with_key),
        retry,
    })
}

/// Whether a ServerHello has the MAC of CBC taken of what was encrypted (RFC 7366).
pub(crate) fn encrypts_then_macs(body: &[u8]) -> bool {
    const ENCRYPT_THEN_MAC: u16 = 22;
    let mut cursor = Cursor::new(body);
    // Version, random, session, suite, compression.
    let mut extensions = || {
        cursor.take(2 + 32)?;
        cursor.vec8()?;
        cursor.take(3)?;
        cursor.vec16()
    };
    extensions().is_some_and(|bytes| {
        let mut extensions = Extensions(Cursor::new(bytes));
        extensions.any(|(kind, _)| kind == ENCRYPT_THEN_MAC)
    })
}

/// The fields of a ClientHello in wire order, as far as they could be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientFields<'a> {
    /// `legacy_version`.
    pub(crate) legacy_version: u16,
    /// `random`; zeros after a cut.
    pub(crate) random: [u8; 32],
    /// `legacy_session_id`.
    pub(crate) session_id: &'a [u8],
    /// `cipher_suites`, two bytes each.
    pub(crate) suites: &'a [u8],
    /// `extensions`.
    pub(crate) extensions: Extensions<'a>,
    dtls: bool,
    defect: Option<&'static str>,
}

impl<'a> ClientFields<'a> {
    /// Reads `body` up to its end or its first defect.
    pub(crate) fn read(body: &'a [u8], dtls: bool) -> Self {
        let mut fields = Self {
            legacy_version: 0,
            random: [0; 32],
            session_id: &[],
            suites: &[],
            extensions: Extensions(Cursor::new(&[])),
            dtls,
            defect: None,
        };
        let mut cursor = Cursor::new(body);
        if fields.read_from(&mut cursor).is_none() {
            fields.defect = Some("ClientHello ends early");
        } else if !cursor.is_empty() {
            fields.defect = Some("ClientHello has bytes after its extensions");
        } else if !fields.extensions.well_formed() {
            fields.defect = Some("malformed extensions in a ClientHello");
        }
        fields
    }

    /// The versions of a supported_versions extension without GREASE, as on the wire.
    pub(crate) fn versions_in(&self, data: &'a [u8]) -> impl Iterator<Item = u16> + 'a {
        let list = Cursor::new(data).vec8().unwrap_or_default();
        numbers(list).filter(|version| !is_grease(*version))
    }

    fn read_from(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        self.legacy_version = cursor.u16()?;
        self.random = *cursor.array()?;
        self.session_id = cursor.vec8()?;
        if self.dtls {
            cursor.vec8()?;
        }
        self.suites = cursor.vec16()?;
        cursor.vec8()?;
        if cursor.is_empty() {
            // SSL 3.0 and some old TLS 1.0 clients send no extensions at all.
            return Some(());
        }
        let len = usize::from(cursor.u16()?);
        let whole = cursor.take(len);
        self.extensions = Extensions(Cursor::new(whole.unwrap_or(cursor.rest())));
        whole.map(|_| ())
    }
}

/// Extensions as (type, data) in wire order; ends at the first that does not fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extensions<'a>(Cursor<'a>);

impl<'a> Extensions<'a> {
    /// Over the content of an extensions vector.
    pub(crate) const fn new(list: &'a [u8]) -> Self {
        Self(Cursor::new(list))
    }

    fn well_formed(mut self) -> bool {
        self.by_ref().for_each(drop);
        self.0.is_empty()
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut ahead = self.0;
        let extension = (ahead.u16()?, ahead.vec16()?);
        self.0 = ahead;
        Some(extension)
    }
}

/// Whether this is a value reserved to keep peers tolerant (RFC 8701): 0x0a0a, 0x1a1a, ... 0xfafa.
pub(crate) const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The 16-bit numbers of a list.
pub(crate) fn numbers(list: &[u8]) -> impl Iterator<Item = u16> + '_ {
    list.as_chunks().0.iter().copied().map(u16::from_be_bytes)
}

/// The protocol names of an ALPN extension.
pub(crate) fn protocols(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut list = Cursor::new(Cursor::new(data).vec16().unwrap_or_default());
    std::iter::from_fn(move || list.vec8())
}

/// A version number as TLS over TCP writes it: DTLS counts downwards (RFC 9147 5.5), and drafts of
/// TLS 1.3 (0x7fxx, 0xfbxx) are TLS 1.3 for every purpose here.
const fn common_version(version: u16) -> u16 {
    match version {
        // The DTLS before 1.0 that OpenSSL and AnyConnect spoke numbers itself 1.0 (0x0100).
        0xfeff | 0x0100 => 0x0302,
        0xfefd => 0x0303,
        0xfefc => TLS13,
        _ if matches!(version >> 8, 0x7f | 0xfb) => TLS13,
        _ => version,
    }
}

/// The host name of a server_name extension: Some(None) when there is none in it, None when it is malformed.
fn server_name(data: &[u8]) -> Option<Option<Name>> {
    const HOST_NAME: u8 = 0;
    let mut list = Cursor::new(Cursor::new(data).vec16()?);
    while !list.is_empty() {
        let kind = list.u8()?;
        let name = list.vec16()?;
        if kind == HOST_NAME {
            // 253 characters is the longest name that DNS can carry (RFC 1035 2.3.4), and one dot.
            let fits = (1..=254).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
            let text = fits.then(|| str::from_utf8(name).ok()).flatten()?;
            return Some(Some(Name::new(text)));
        }
    }
    Some(None)
}

/// The protocol names of an ALPN extension as text.
pub(crate) fn protocol_names(data: &[u8]) -> Arc<[String]> {
    let names = protocols(data).take(ALPN_KEPT);
    names.map(|name| name.escape_ascii().to_string()).collect()
}

#[cfg(test)]
mod tests;
