//! The messages of streams that carry packets: how long one is, and the frame in it.

use crate::frame::LinkType;
use crate::wire::GTP_USER;

use super::{Kind, Probe};

const RADIOTAP: LinkType = LinkType(127);
const WLAN: LinkType = LinkType(105);
const PPP: LinkType = LinkType(9);
const TRANSPORT_STREAM: LinkType = LinkType(243);

/// A frame in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) link: LinkType,
    pub(super) bytes: &'a [u8],
    pub(super) wire_len: u32,
}

impl<'a> Found<'a> {
    /// `length` is what the message says of it, which counts where it is more than there is. None where there
    /// is no room for IP.
    fn new(link: LinkType, bytes: &'a [u8], length: usize) -> Option<Self> {
        const IP: usize = 20;
        let wire_len = u32::try_from(length.max(bytes.len())).ok()?;
        (bytes.len() >= IP).then_some(Self {
            link,
            bytes,
            wire_len,
        })
    }
}

impl Kind {
    /// Bytes of a message that say how long it is.
    pub(super) const fn header(self) -> usize {
        match self {
            Self::OpenFlow => 8,
            Self::Kismet => 12,
            Self::Sstp => 4,
            Self::Copies => 16,
        }
    }

    /// Whether bytes begin with a message.
    pub(super) fn probe(self, bytes: &[u8]) -> Probe {
        match (self.length(bytes), bytes.len() < self.header()) {
            (None, _) => Probe::No,
            (Some(None), _) | (_, true) => Probe::NeedMore,
            (Some(Some(_)), false) => Probe::Yes,
        }
    }

    /// How long a message is, if enough of it is there to tell; None where it cannot be one, as far as it goes.
    pub(super) fn length(self, bytes: &[u8]) -> Option<Option<usize>> {
        let header = self.header();
        let fits = |at: usize, fits: &dyn Fn(u8) -> bool| bytes.get(at).is_none_or(|it| fits(*it));
        let zero = |at: usize| fits(at, &|byte| byte == 0);
        let number = |at: usize| be32(bytes, at).and_then(|it| usize::try_from(it).ok());
        let good = match self {
            // Version, kind, length, number.
            Self::OpenFlow => fits(0, &|it| (1..=6).contains(&it)) && fits(1, &|it| it <= 35),
            // A word that there is for it, kind, length.
            Self::Kismet => {
                let sentinel = [0xde, 0xad, 0xbe, 0xef, 0, 0, 0];
                let begins = bytes.iter().zip(sentinel).all(|(one, other)| *one == other);
                begins && fits(7, &|it| (1..=6).contains(&it)) && zero(8)
            }
            // Version 1.0, whether it is control, length with four bits for later.
            Self::Sstp => {
                fits(0, &|it| it == 0x10) && fits(1, &|it| it <= 1) && fits(2, &|it| it < 0x10)
            }
            // Version, kind, lengths of header and payload, format, direction.
            Self::Copies => {
                let version = zero(0) && fits(1, &|it| it == 1) && zero(2);
                let kind = fits(3, &|it| (1..=4).contains(&it));
                let lengths = zero(4) && zero(5) && zero(8);
                let form = zero(12) && fits(13, &|it| it <= 13) && zero(14);
                version && kind && lengths && form && fits(15, &|it| it <= 5)
            }
        };
        if !good {
            return None;
        }
        if bytes.len() < header {
            return Some(None);
        }
        let length = match self {
            Self::OpenFlow => usize::from(be16(bytes, 2)?),
            Self::Kismet => header + number(8)?,
            Self::Sstp => usize::from(be16(bytes, 2)?),
            Self::Copies => {
                let head = number(4)?;
                // Up to the number that tells cases apart.
                (head >= 40).then(|| head + number(8).unwrap_or(usize::MAX / 2))?
            }
        };
        (length >= header).then_some(Some(length))
    }

    /// The frame in a message.
    pub(super) fn frame(self, message: &[u8]) -> Option<Found<'_>> {
        match self {
            Self::OpenFlow => asked_about(message),
            Self::Kismet => heard(message),
            Self::Sstp => match message {
                [_, 0, _, _, frame @ ..] => Found::new(PPP, frame, frame.len()),
                _ => None,
            },
            Self::Copies => copied(message),
        }
    }
}

/// Ethernet about which a switch asks (OFPT_PACKET_IN; 1.0 5.4.1, 1.1 A.4.1, 1.2 and 1.3 A.4.1, 1.4 and 1.5
/// 7.4.1). It may send the beginning alone. What the controller answers (OFPT_PACKET_OUT) is the same again.
fn asked_about(message: &[u8]) -> Option<Found<'_>> {
    const PACKET_IN: u8 = 10;
    /// Kind and length of what a packet matched, in whole words of eight bytes.
    const MATCH: usize = 4;
    let &[version, PACKET_IN, ..] = message else {
        return None;
    };
    let matched = |at: usize| {
        let length = usize::from(be16(message, at + 2)?);
        (length >= MATCH).then(|| at + length.next_multiple_of(8) + 2)
    };
    let (length_at, frame_at) = match version {
        1 => (12, 18),
        2 => (20, 24),
        3 => (12, matched(16)?),
        _ => (12, matched(24)?),
    };
    let length = be16(message, length_at)?;
    Found::new(
        LinkType::ETHERNET,
        message.get(frame_at..)?,
        usize::from(length),
    )
}

/// A frame that a drone heard: which parts follow, and these: a check sequence, what is known of the radio
/// and of the place, each with its length, then which fields of the frame follow, these, and the frame.
fn heard(message: &[u8]) -> Option<Found<'_>> {
    const FRAME: u32 = 3;
    const HAS_FRAME: u32 = 0x8000_0000;
    const HAS_CHECK: u32 = 4;
    const HAS_PLACE: u32 = 2;
    const HAS_RADIO: u32 = 1;
    /// Identity, length, seconds, microseconds, kind: bits from the highest.
    const FIELDS: [(u32, usize); 5] = [(16, 16), (8, 2), (4, 8), (2, 8), (1, 4)];
    const ALL: u32 = 31;
    let (kind, parts) = (be32(message, 4)?, be32(message, 12)?);
    if kind != FRAME || parts & HAS_FRAME == 0 {
        return None;
    }
    let mut at = 20;
    if parts & HAS_CHECK != 0 {
        at += 4;
    }
    for part in [HAS_RADIO, HAS_PLACE] {
        if parts & part != 0 {
            at += usize::from(be16(message, at)?);
        }
    }
    let fields = be32(message, at + 2)?;
    if fields & ALL != ALL {
        return None;
    }
    at += 6 + FIELDS.iter().map(|(_, size)| size).sum::<usize>();
    // Length and kind are the second and the last.
    let length = usize::from(be16(message, at - 22)?);
    let link = LinkType(be32(message, at - 4)?);
    matches!(link, WLAN | RADIOTAP).then(|| Found::new(link, message.get(at..)?, length))?
}

/// What was copied (ETSI TS 103 221-2 5.4), by its format.
fn copied(message: &[u8]) -> Option<Found<'_>> {
    const IPV4: u16 = 5;
    const IPV6: u16 = 6;
    const ETHERNET: u16 = 7;
    const RTP: u16 = 8;
    const GTP: u16 = 12;
    let header = usize::try_from(be32(message, 4)?).ok()?;
    let payload = message.get(header..)?;
    let (link, bytes) = match be16(message, 12)? {
        IPV4 | IPV6 => (LinkType::RAW, payload),
        ETHERNET => (LinkType::ETHERNET, payload),
        RTP => (TRANSPORT_STREAM, stream(payload)?),
        GTP => (GTP_USER, payload),
        _ => return None,
    };
    Found::new(link, bytes, bytes.len())
}

/// Packets of a transport stream in RTP (RFC 2250), with nothing between.
fn stream(packet: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 12;
    match packet {
        [0x80, 0x21 | 0xa1, ..] => packet.get(HEADER..),
        _ => None,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*field))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field))
}
