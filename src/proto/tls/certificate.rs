//! The messages that carry certificates: Certificate of TLS 1.2 (RFC 5246 7.4.2) and 1.3 (RFC 8446 4.4.2),
//! CompressedCertificate (RFC 8879), CertificateStatus (RFC 6066 8). For TLS and QUIC alike.

use std::io::Read;

use crate::event::{AnomalyKind, Chain, EventKind, Provenance, Staple};
use crate::flow::{FlowId, Side};
use crate::pki::ocsp;
use crate::proto::Context;
use crate::proto::tls::cursor::Cursor;
use crate::proto::tls::handshake::{
    CERTIFICATE, CERTIFICATE_STATUS, COMPRESSED_CERTIFICATE, Message,
};
use crate::proto::tls::hello::{Extensions, STATUS_REQUEST};
use crate::proto::tls::{anomaly, report};

/// Certificates read of one message; public chains have two to five.
const CERTIFICATES: usize = 32;

/// Where a message comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The flow.
    pub flow: FlowId,
    /// Who sent it.
    pub side: Side,
    /// How it came to light.
    pub provenance: Provenance,
    /// Whether it is laid out as in TLS 1.3 (also QUIC).
    pub tls13: bool,
}

/// Reports the chain and the staples of a Certificate, CompressedCertificate or CertificateStatus message;
/// other messages are left alone. Of a message that was cut short the whole certificates in it count.
pub fn message(message: &Message<'_>, source: &Source, cx: &mut Context) {
    match message.kind {
        CERTIFICATE => certificate(message, message.body, source, cx),
        COMPRESSED_CERTIFICATE if message.whole => {
            match decompress(message.body, cx.limits.tls_message) {
                Ok(body) => certificate(message, &body, source, cx),
                Err(detail) => {
                    anomaly(cx, source.flow, message.last, AnomalyKind::BadTls, detail);
                }
            }
        }
        CERTIFICATE_STATUS if message.whole => match stapled(message.body) {
            Some(staples) => {
                for der in staples {
                    staple(der, message, source, cx);
                }
            }
            None => {
                let detail = "malformed CertificateStatus message";
                anomaly(cx, source.flow, message.last, AnomalyKind::BadTls, detail);
            }
        },
        _ => {}
    }
}

/// `body` is the content of `message`, decompressed.
fn certificate(message: &Message<'_>, body: &[u8], source: &Source, cx: &mut Context) {
    let mut entries = Entries::new(body, source.tls13);
    let mut certs = Vec::new();
    let mut staples = Vec::new();
    let mut bad = None;
    for entry in entries.by_ref().take(CERTIFICATES) {
        match cx.certificates.intern(entry.der) {
            Ok(cert) => certs.push(cert),
            Err(_) => bad = Some("a certificate that cannot be decoded"),
        }
        staples.extend(entry.staple);
    }
    let kind = if message.whole && !entries.is_whole() {
        bad = Some("malformed Certificate message");
        AnomalyKind::BadTls
    } else {
        AnomalyKind::BadPki
    };
    // A client without a certificate sends an empty list, and that is worth knowing; a server never does.
    if !certs.is_empty() || (source.side == Side::Client && bad.is_none() && message.whole) {
        let chain = Chain {
            side: source.side,
            certs,
            complete: message.whole && bad.is_none(),
            provenance: source.provenance,
            first_frame: message.first.frame,
        };
        report(cx, source.flow, message.last, EventKind::Chain(chain));
    }
    if let Some(detail) = bad {
        anomaly(cx, source.flow, message.last, kind, detail);
    }
    for der in staples {
        staple(der, message, source, cx);
    }
}

fn staple(der: &[u8], message: &Message<'_>, source: &Source, cx: &mut Context) {
    if source.side == Side::Client {
        return;
    }
    let response = match ocsp::parse_response(der) {
        Ok(response) => Some(response.into()),
        Err(_) => {
            let detail = "a stapled OCSP answer that cannot be decoded";
            anomaly(cx, source.flow, message.last, AnomalyKind::BadPki, detail);
            None
        }
    };
    let staple = Staple {
        response,
        der: der.into(),
        provenance: source.provenance,
    };
    report(cx, source.flow, message.last, EventKind::Staple(staple));
}

struct Entry<'a> {
    der: &'a [u8],
    staple: Option<&'a [u8]>,
}

/// The entries of a certificate list, as far as they are whole.
struct Entries<'a> {
    list: Cursor<'a>,
    tls13: bool,
    /// The lengths around the list do not fit the message.
    misfit: bool,
}

impl<'a> Entries<'a> {
    fn new(body: &'a [u8], tls13: bool) -> Self {
        let mut cursor = Cursor::new(body);
        if tls13 {
            // certificate_request_context, empty in a server's first handshake.
            cursor.vec8();
        }
        let len = cursor.u24().unwrap_or_default();
        let list = cursor.take(len);
        Self {
            list: list.map_or(cursor, Cursor::new),
            tls13,
            misfit: list.is_none() || !cursor.is_empty(),
        }
    }

    /// Whether the list was read to its end and nothing stands beside it.
    fn is_whole(&self) -> bool {
        self.list.is_empty() && !self.misfit
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut ahead = self.list;
        let der = ahead.vec24()?;
        let mut staple = None;
        if self.tls13 {
            let status = Extensions::new(ahead.vec16().unwrap_or_default())
                .find(|(kind, _)| *kind == STATUS_REQUEST);
            staple = status
                .and_then(|(_, data)| stapled(data))
                .and_then(|staples| staples.first().copied());
        }
        self.list = ahead;
        Some(Entry { der, staple })
    }
}

/// The OCSP answers of a CertificateStatus structure; None when it is malformed.
fn stapled(body: &[u8]) -> Option<Vec<&[u8]>> {
    const OCSP: u8 = 1;
    // RFC 6961, one answer for each certificate of the chain, empty where there is none. Obsolete, but spoken.
    const OCSP_MULTI: u8 = 2;
    let mut cursor = Cursor::new(body);
    let kind = cursor.u8()?;
    let content = cursor.vec24()?;
    match kind {
        OCSP => Some(vec![content]),
        OCSP_MULTI => {
            let mut list = Cursor::new(content);
            let all = std::iter::from_fn(|| list.vec24());
            Some(
                all.filter(|der| !der.is_empty())
                    .take(CERTIFICATES)
                    .collect(),
            )
        }
        _ => Some(Vec::new()),
    }
}

/// The Certificate body inside a CompressedCertificate, which states its own length; neither that length
/// nor what comes out may exceed `limit`.
fn decompress(body: &[u8], limit: usize) -> Result<Vec<u8>, &'static str> {
    const MALFORMED: &str = "malformed CompressedCertificate message";
    let mut cursor = Cursor::new(body);
    let algorithm = cursor.u16().ok_or(MALFORMED)?;
    let length = cursor.u24().ok_or(MALFORMED)?;
    let packed = cursor.vec24().ok_or(MALFORMED)?;
    if length > limit {
        return Err("compressed certificate over the limit");
    }
    let mut plain = Vec::with_capacity(length);
    let result = match algorithm {
        1 => bounded(flate2::read::ZlibDecoder::new(packed), length, &mut plain),
        // The bits that ask for a window beyond RFC 7932: up to a gigabyte in one allocation.
        2 if packed.first().is_some_and(|first| first & 0x7f == 0x11) => None,
        2 => {
            let reader = brotli_decompressor::Decompressor::new(packed, 4_096);
            bounded(reader, length, &mut plain)
        }
        3 => {
            match ruzstd::decoding::StreamingDecoder::new_with_max_window_size(packed, ZSTD_WINDOW)
            {
                Ok(reader) => bounded(reader, length, &mut plain),
                Err(_) => None,
            }
        }
        _ => return Err("certificate compression of an unknown kind"),
    };
    match result {
        Some(()) if plain.len() == length => Ok(plain),
        _ => Err("compressed certificate does not decompress to the length it states"),
    }
}

/// Decoders of `application/zstd` support windows up to 8 MB (RFC 9659); no chain needs as much.
const ZSTD_WINDOW: u64 = 8 << 20;

/// Reads at most one byte more than `length`, which is enough to see that it is wrong.
fn bounded(reader: impl Read, length: usize, to: &mut Vec<u8>) -> Option<()> {
    let most = u64::try_from(length).ok()?.checked_add(1)?;
    reader.take(most).read_to_end(to).ok().map(drop)
}

#[cfg(test)]
mod tests;
