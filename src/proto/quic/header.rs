//! Packet headers (RFC 8999, RFC 9000 17, RFC 9369 3.2): what a datagram says without keys.

use super::scheme::Scheme;

/// Versions QUIC was deployed under.
pub(super) mod version {
    /// RFC 9000.
    pub(in crate::proto::quic) const V1: u32 = 0x0000_0001;
    /// RFC 9369.
    pub(in crate::proto::quic) const V2: u32 = 0x6b33_43cf;
    /// Last digits count drafts of RFC 9000; 27 to 34 were deployed.
    pub(in crate::proto::quic) const DRAFT_27: u32 = 0xff00_001b;
    /// See [`DRAFT_27`].
    pub(in crate::proto::quic) const DRAFT_29: u32 = 0xff00_001d;
    /// See [`DRAFT_27`].
    pub(in crate::proto::quic) const DRAFT_33: u32 = 0xff00_0021;
    /// See [`DRAFT_27`].
    pub(in crate::proto::quic) const DRAFT_34: u32 = 0xff00_0022;
}

/// Whether the first datagram of a flow opens a QUIC connection: a long header of type Initial (or 0-RTT
/// that overtook it) in a version that was deployed, a reserved version that asks for negotiation, or the
/// negotiation's answer. Four exact bytes and two small lengths make a mistake unlikely on any port.
#[must_use]
pub fn looks_like_quic(first_datagram: &[u8]) -> bool {
    let Some((form, version, dcid, scid)) = Reader(first_datagram).invariant() else {
        return false;
    };
    // RFC 9000 17.2: 20 bytes at most; longer ones are for versions nobody deployed.
    if dcid.len() > MAX_CID || scid.len() > MAX_CID {
        return false;
    }
    if version == 0 {
        let listed = first_datagram
            .len()
            .saturating_sub(7 + dcid.len() + scid.len());
        return listed > 0 && listed.is_multiple_of(4);
    }
    if form & FIXED_BIT == 0 {
        return false;
    }
    if let Some(scheme) = Scheme::of(version) {
        return matches!(
            scheme.long_type(form),
            LongType::Initial | LongType::ZeroRtt
        );
    }
    // Google's own ("Q043" to "Q050", "T050", "T051") and Facebook's versions, known but never opened.
    let google =
        matches!(version.to_be_bytes(), [b'Q' | b'T', b'0', b'4' | b'5', d] if d.is_ascii_digit());
    let facebook = version & 0xffff_fff0 == 0xface_b000;
    // RFC 9000 15: reserved to make the server list its versions; clients pad it like any Initial (14.1).
    let reserved = version & 0x0f0f_0f0f == 0x0a0a_0a0a && first_datagram.len() >= 1_200;
    google || facebook || reserved
}

/// The packets of one datagram (RFC 9000 12.2).
pub(super) fn packets(datagram: &[u8]) -> Packets<'_> {
    Packets {
        rest: datagram,
        dcid: None,
        left: MAX_COALESCED,
    }
}

/// A packet as far as its header can be read without keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Packet<'a> {
    /// Initial, 0-RTT or Handshake.
    Long(Long<'a>),
    /// A server's demand to show a token first.
    Retry(Retry<'a>),
    /// The server speaks none of the client's version.
    VersionNegotiation,
    /// 1-RTT, of so many bytes: everything after the handshake.
    Short(usize),
    /// A long header of a version we know nothing about.
    UnknownVersion,
    /// Breaks the grammar; nothing after it in the datagram is read.
    Malformed(&'static str),
}

/// A packet with a Length field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Long<'a> {
    /// Initial, 0-RTT or Handshake.
    pub(super) kind: LongType,
    /// Version on the wire.
    pub(super) version: u32,
    /// How this version protects its packets.
    pub(super) scheme: Scheme,
    /// Destination connection id.
    pub(super) dcid: &'a [u8],
    /// The whole packet, first byte to end of payload.
    pub(super) bytes: &'a [u8],
    /// Where in `bytes` the protected packet number starts.
    pub(super) number_at: usize,
    /// The Length field: packet number and protected payload.
    pub(super) length: usize,
}

/// A Retry packet (RFC 9000 17.2.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Retry<'a> {
    /// How this version protects its packets.
    pub(super) scheme: Scheme,
    /// Source connection id: what the client's next Initial is addressed to and keyed by.
    pub(super) scid: &'a [u8],
    /// The packet without its integrity tag.
    pub(super) body: &'a [u8],
    /// Retry Integrity Tag (RFC 9001 5.8).
    pub(super) tag: &'a [u8],
}

/// Long header packet types (RFC 9000 table 5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LongType {
    /// First flights, keyed by what everybody can see.
    Initial,
    /// Early data of a resumed session.
    ZeroRtt,
    /// Certificates and Finished.
    Handshake,
    /// No payload of its own.
    Retry,
}

/// See [`packets`].
#[derive(Clone, Debug)]
pub(super) struct Packets<'a> {
    rest: &'a [u8],
    dcid: Option<&'a [u8]>,
    left: usize,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = *self.rest.first()?;
        let coalesced = self.left < MAX_COALESCED;
        self.left = self.left.checked_sub(1)?;
        if first & LONG_FORM == 0 {
            // Some clients fill an Initial's datagram with zeros behind the last packet; a 1-RTT packet
            // there has the fixed bit.
            let padding = coalesced && first & FIXED_BIT == 0;
            let len = std::mem::take(&mut self.rest).len();
            return (!padding).then_some(Packet::Short(len));
        }
        let packet = self.long();
        if !matches!(packet, Packet::Long(_)) {
            self.rest = &[];
        }
        match packet {
            // RFC 9000 12.2: packets for somebody else are to be ignored.
            Packet::Long(long) if *self.dcid.get_or_insert(long.dcid) != long.dcid => {
                self.rest = &[];
                None
            }
            packet => Some(packet),
        }
    }
}

impl<'a> Packets<'a> {
    fn long(&mut self) -> Packet<'a> {
        let packet = self.rest;
        let mut reader = Reader(packet);
        let Some((form, version, dcid, scid)) = reader.invariant() else {
            return Packet::Malformed("QUIC long header cut short");
        };
        if version == 0 {
            return Packet::VersionNegotiation;
        }
        let Some(scheme) = Scheme::of(version) else {
            return Packet::UnknownVersion;
        };
        if dcid.len() > MAX_CID || scid.len() > MAX_CID {
            return Packet::Malformed("QUIC connection id longer than 20 bytes");
        }
        let kind = scheme.long_type(form);
        if kind == LongType::Retry {
            return match packet.split_last_chunk::<16>() {
                Some((body, tag)) if reader.0.len() > 16 => Packet::Retry(Retry {
                    scheme,
                    scid,
                    body,
                    tag,
                }),
                _ => Packet::Malformed("QUIC Retry without token or integrity tag"),
            };
        }
        if kind == LongType::Initial {
            let token = reader.varint().and_then(|len| reader.take(len));
            if token.is_none() {
                return Packet::Malformed("QUIC Initial token longer than its datagram");
            }
        }
        let Some(length) = reader.varint().and_then(|len| usize::try_from(len).ok()) else {
            return Packet::Malformed("QUIC long header cut short");
        };
        let number_at = packet.len() - reader.0.len();
        match packet.split_at_checked(number_at.saturating_add(length)) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Packet::Long(Long {
                    kind,
                    version,
                    scheme,
                    dcid,
                    bytes,
                    number_at,
                    length,
                })
            }
            None => {
                Packet::Malformed("QUIC packet longer than its datagram, or cut by the capture")
            }
        }
    }
}

/// Reads the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// What every version's long header has in common (RFC 8999 5.1): first byte, version, destination
    /// and source connection id.
    fn invariant(&mut self) -> Option<(u8, u32, &'a [u8], &'a [u8])> {
        let (&form, rest) = self.0.split_first()?;
        if form & LONG_FORM == 0 {
            return None;
        }
        let (version, rest) = rest.split_first_chunk::<4>()?;
        self.0 = rest;
        let dcid_len = self.byte()?;
        let dcid = self.take(u64::from(dcid_len))?;
        let scid_len = self.byte()?;
        let scid = self.take(u64::from(scid_len))?;
        Some((form, u32::from_be_bytes(*version), dcid, scid))
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// A variable-length integer (RFC 9000 16).
    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = (1_usize << (first >> 6)) - 1;
        let (tail, rest) = self.0.split_at_checked(more)?;
        self.0 = rest;
        Some(tail.iter().fold(u64::from(first & 0x3f), |value, byte| {
            value << 8 | u64::from(*byte)
        }))
    }

    /// So many bytes.
    pub(super) fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

const LONG_FORM: u8 = 0x80;
const FIXED_BIT: u8 = 0x40;
const MAX_CID: usize = 20;
/// Each level needs one packet and may take a few; what goes on beyond is not a handshake.
const MAX_COALESCED: usize = 16;

#[cfg(test)]
mod tests;
