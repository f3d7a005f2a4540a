//! Records and handshake fragments of one datagram (RFC 6347 4.1, 4.2.2, RFC 9147 4).

use crate::proto::tls::cursor::Cursor;
use crate::proto::tls::handshake::is_known;

/// change_cipher_spec.
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
/// alert.
pub(super) const ALERT: u8 = 21;
/// handshake.
pub(super) const HANDSHAKE: u8 = 22;
/// application_data.
pub(super) const APPLICATION_DATA: u8 = 23;
/// ack (RFC 9147 7), the last type that is known; between them heartbeat and tls12_cid (RFC 9146).
const ACK: u8 = 26;

/// Length of a fragment's header.
const FRAGMENT_HEADER: usize = 12;

/// A part of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part<'a> {
    /// A record with the header of versions up to 1.2, which 1.3 uses for what is in clear.
    Record(Record<'a>),
    /// The rest of a datagram of version 1.3 whose header is protected: the low bits of its epoch, its length.
    Sealed { epoch: u8, len: usize },
    /// No record where one must begin.
    Malformed,
}

/// A record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record<'a> {
    pub(super) kind: u8,
    pub(super) epoch: u16,
    /// Shorter than the header says when the capture cut the datagram.
    pub(super) body: &'a [u8],
}

/// A fragment of a handshake message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fragment<'a> {
    /// HandshakeType.
    pub(super) kind: u8,
    /// Length of the whole message.
    pub(super) len: usize,
    /// message_seq.
    pub(super) number: u16,
    /// Where the bytes belong.
    pub(super) offset: usize,
    /// As many as were captured.
    pub(super) bytes: &'a [u8],
}

/// The records of a datagram.
pub(super) fn parts(datagram: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = Some(Cursor::new(datagram));
    std::iter::from_fn(move || {
        let cursor = rest.as_mut().filter(|cursor| !cursor.is_empty())?;
        // 001CSLEE: how long the connection id is was agreed upon in secret.
        if let [first, ..] = cursor.rest()
            && first & 0xe0 == 0x20
        {
            let len = cursor.rest().len();
            let epoch = first & 0b11;
            rest = None;
            return Some(Part::Sealed { epoch, len });
        }
        let record = record(cursor);
        if record.is_none() {
            rest = None;
        }
        Some(record.map_or(Part::Malformed, Part::Record))
    })
}

fn record<'a>(cursor: &mut Cursor<'a>) -> Option<Record<'a>> {
    let kind = cursor.u8()?;
    let version = cursor.u16()?;
    let epoch = cursor.u16()?;
    cursor.take(6)?;
    let len = usize::from(cursor.u16()?);
    if !(CHANGE_CIPHER_SPEC..=ACK).contains(&kind) || !is_version(version) {
        return None;
    }
    let len = len.min(cursor.rest().len());
    let body = cursor.take(len)?;
    Some(Record { kind, epoch, body })
}

/// DTLS 1.0, 1.2, 1.3, and the one before 1.0 that OpenSSL and Cisco's AnyConnect used.
const fn is_version(version: u16) -> bool {
    matches!(version, 0xfeff | 0xfefd | 0xfefc | 0x0100)
}

impl<'a> Record<'a> {
    /// The handshake fragments in it, as far as they are well formed.
    pub(super) fn fragments(&self) -> impl Iterator<Item = Fragment<'a>> + use<'a> {
        let mut cursor = Cursor::new(self.body);
        std::iter::from_fn(move || {
            let kind = cursor.u8()?;
            let len = cursor.u24()?;
            let number = cursor.u16()?;
            let offset = cursor.u24()?;
            let wanted = cursor.u24()?;
            if offset.checked_add(wanted)? > len {
                return None;
            }
            let wanted = wanted.min(cursor.rest().len());
            let bytes = cursor.take(wanted)?;
            Some(Fragment {
                kind,
                len,
                number,
                offset,
                bytes,
            })
        })
    }
}

/// Whether a datagram begins a DTLS handshake, or joins one in its clear part.
pub(in crate::proto) fn looks_like_dtls(datagram: &[u8]) -> bool {
    let Some(Part::Record(record)) = parts(datagram).next() else {
        return false;
    };
    let fragment = record.fragments().next();
    record.kind == HANDSHAKE
        && record.epoch == 0
        && record.body.len() >= FRAGMENT_HEADER
        && fragment.is_some_and(|f| (is_known(f.kind) || f.kind == 3) && f.number < 16)
}
