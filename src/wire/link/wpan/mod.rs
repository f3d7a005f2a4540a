//! IEEE 802.15.4 data frames (802.15.4-2020 7.2), with what sniffers put before them; in them 6LoWPAN, or ZigBee.

mod keys;

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::lowpan::{self, Ends};
use super::{check, short, skip, zigbee};
use keys::Protection;

pub(in crate::wire) use keys::Secret;

/// Bytes of the frame check sequence.
pub(super) const FCS: usize = 2;

/// A frame with preamble, delimiter and length (the NONASK form).
pub(super) fn with_preamble<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const DELIMITER: u8 = 0xa7;
    const LENGTH: u8 = 0x7f;
    let length = match rest.array::<6>(0) {
        Some([0, 0, 0, 0, DELIMITER, length]) => length & LENGTH,
        Some(_) => return Err(Undecoded::BadLink),
        None => return Err(short(rest)),
    };
    frame(walk, skip(rest, 6)?.bound(usize::from(length)), FCS)
}

/// A frame behind fields that each say what they are, of which one is the kind of frame check sequence
/// (LINKTYPE_IEEE802_15_4_TAP).
pub(super) fn tap<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const FCS_TYPE: u16 = 0;
    let length = usize::from(rest.le16(2).ok_or_else(|| short(rest))?);
    if length < 4 {
        return Err(Undecoded::BadLink);
    }
    let inside = skip(rest, length)?;
    let mut fields = skip(rest, 4)?.bound(length - 4);
    let mut check = 0;
    while let (Some(kind), Some(size)) = (fields.le16(0), fields.le16(2)) {
        if kind == FCS_TYPE {
            check = match fields.u8(4) {
                Some(1) => FCS,
                Some(2) => 4,
                _ => 0,
            };
        }
        // Padded to a multiple of four.
        match fields.after(4 + usize::from(size).next_multiple_of(4)) {
            Some(left) => fields = left,
            None => break,
        }
    }
    frame(walk, inside, check)
}

/// A frame of which nobody says whether a check sequence stands behind it.
pub(super) fn unsaid<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    // How long the packet is depends on it.
    if rest.cut > 0 {
        return Err(Undecoded::CutBeforeIp);
    }
    let check = match rest.bytes.split_last_chunk::<FCS>() {
        Some((frame, check)) if check::crc16(0, frame) == u16::from_le_bytes(*check) => FCS,
        _ => 0,
    };
    frame(walk, rest, check)
}

/// A frame with `check` bytes of check sequence behind it.
pub(super) fn frame<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
    check: usize,
) -> Result<Next<'a>, Undecoded> {
    const DATA: u16 = 1;
    let control = rest.le16(0).ok_or_else(|| short(rest))?;
    if control & 0x07 != DATA {
        return Err(match control & 0x07 {
            // Beacons, acknowledgements, commands.
            0 | 2 | 3 => Undecoded::LinkControl,
            _ => Undecoded::NotIp,
        });
    }
    let whole = rest
        .wire_len()
        .checked_sub(check)
        .ok_or(Undecoded::BadLink)?;
    let frame = rest.bound(whole);
    let (ends, inside) = addresses(control, frame)?;
    let (inside, follows) = match secured(control, inside)? {
        Secured::Clear(inside) => elements_of_header(control, inside)?,
        Secured::Sealed(protection, inside) => {
            // Whether they fit is of no interest where nothing can be read.
            let found = elements_of_header(control, inside);
            let (sealed, follows) = found.map_err(|_| Undecoded::EncryptedWpan)?;
            let bytes = opened(walk, frame, control, protection, sealed)?;
            (Rest { bytes, cut: 0 }, follows)
        }
    };
    let inside = elements_of_payload(follows, inside)?;
    if let Some(packet) = zigbee::tunnelled(inside) {
        return Ok(Next::Ip(packet));
    }
    lowpan::frame(walk, ends, inside)
}

/// Reads what stands between the frame control field and security: a sequence number and those of networks
/// and stations that the field says are there.
fn addresses(control: u16, rest: Rest<'_>) -> Result<(Ends, Rest<'_>), Undecoded> {
    const COMPRESSED: u16 = 0x0040;
    const NO_SEQUENCE: u16 = 0x0100;
    let version = control >> 12 & 0b11;
    let compressed = control & COMPRESSED != 0;
    let to = Mode::of(control >> 10)?;
    let from = Mode::of(control >> 14)?;
    let (to_network, from_network) = match (version, to, from) {
        (0 | 1, ..) => (to != Mode::None, from != Mode::None && !compressed),
        // 802.15.4-2020, table 7-2.
        (2, Mode::None, Mode::None) => (compressed, false),
        (2, _, Mode::None) | (2, Mode::Long, Mode::Long) => (!compressed, false),
        (2, Mode::None, _) => (false, !compressed),
        (2, ..) => (true, !compressed),
        _ => return Err(Undecoded::NotIp),
    };
    let sequence = usize::from(version < 2 || control & NO_SEQUENCE == 0);
    let mut rest = skip(rest, 2 + sequence)?;
    let mut address = |network: bool, mode: Mode| {
        rest = skip(rest, if network { 2 } else { 0 })?;
        let found = match mode {
            Mode::None => None,
            Mode::Short => rest.le16(0).map(lowpan::of_short),
            // Sent with the last byte first.
            Mode::Long => rest.array(0).map(u64::from_le_bytes).map(lowpan::of_long),
        };
        rest = skip(rest, mode.size())?;
        Ok::<_, Undecoded>(found)
    };
    let destination = address(to_network, to)?;
    let source = address(from_network, from)?;
    let ends = Ends {
        source,
        destination,
    };
    Ok((ends, rest))
}

/// Which form an address has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    None,
    Short,
    Long,
}

impl Mode {
    const fn of(bits: u16) -> Result<Self, Undecoded> {
        match bits & 0b11 {
            0 => Ok(Self::None),
            2 => Ok(Self::Short),
            3 => Ok(Self::Long),
            _ => Err(Undecoded::BadLink),
        }
    }

    const fn size(self) -> usize {
        match self {
            Self::None => 0,
            Self::Short => 2,
            Self::Long => 8,
        }
    }
}

/// Opens what stands behind all headers.
fn opened<'a>(
    walk: &mut Walk<'a, '_>,
    frame: Rest<'a>,
    control: u16,
    protection: Protection,
    sealed: Rest<'a>,
) -> Result<&'a [u8], Undecoded> {
    let source = extended_source(control, frame)?;
    let header = frame.bytes.len().checked_sub(sealed.bytes.len());
    let header = header.and_then(|header| frame.bytes.get(..header));
    let keys = &mut walk.fragments.wpan_keys;
    let (Some(source), Some(header), 0) = (source, header, sealed.cut) else {
        return Err(Undecoded::EncryptedWpan);
    };
    let opened = keys.open(source, protection, header, sealed.bytes);
    walk.keep(opened.ok_or(Undecoded::EncryptedWpan)?)
}

/// The sender's extended address, which stands right before the security header.
fn extended_source(control: u16, frame: Rest<'_>) -> Result<Option<[u8; 8]>, Undecoded> {
    let (_, behind) = addresses(control, frame)?;
    let end = frame.bytes.len() - behind.bytes.len();
    Ok(match Mode::of(control >> 14)? {
        Mode::Long => end.checked_sub(8).and_then(|at| frame.array(at)).map(|it| {
            let address = u64::from_le_bytes(it);
            address.to_be_bytes()
        }),
        // Who has a short address is told elsewhere, if anywhere.
        _ => None,
    })
}

/// What stands behind a security header.
enum Secured<'a> {
    Clear(Rest<'a>),
    Sealed(Protection, Rest<'a>),
}

/// Takes the security header away, and the integrity code behind frames that are not encrypted (802.15.4-2020 9.4).
fn secured(control: u16, rest: Rest<'_>) -> Result<Secured<'_>, Undecoded> {
    const SECURED: u16 = 0x0008;
    const ENCRYPTED: u8 = 0x04;
    const NO_COUNTER: u8 = 0x20;
    if control & SECURED == 0 {
        return Ok(Secured::Clear(rest));
    }
    let security = rest.u8(0).ok_or_else(|| short(rest))?;
    let counter = if security & NO_COUNTER == 0 { 4 } else { 0 };
    let key = match security >> 3 & 0b11 {
        0 => 0,
        1 => 1,
        2 => 5,
        _ => 9,
    };
    let code = match security & 0b11 {
        0 => 0,
        1 => 4,
        2 => 8,
        _ => 16,
    };
    if security & ENCRYPTED != 0 {
        let said = rest.le32(1).filter(|_| counter > 0);
        let inside = rest.after(1 + counter + key);
        let (Some(counter), Some(inside)) = (said, inside) else {
            return Err(Undecoded::EncryptedWpan);
        };
        // The last byte of what says which key it is.
        let number = match key {
            0 => Some(0),
            key => rest.u8(4 + key),
        };
        let protection = Protection {
            level: security & 0b111,
            counter,
            number: number.unwrap_or_default(),
            code,
        };
        return Ok(Secured::Sealed(protection, inside));
    }
    let inside = skip(rest, 1 + counter + key)?;
    let length = inside
        .wire_len()
        .checked_sub(code)
        .ok_or(Undecoded::BadLink)?;
    Ok(Secured::Clear(inside.bound(length)))
}

/// Takes information elements of the header away (802.15.4-2020 7.4.2); whether others follow in the payload.
fn elements_of_header(control: u16, rest: Rest<'_>) -> Result<(Rest<'_>, bool), Undecoded> {
    const PRESENT: u16 = 0x0200;
    const PAYLOAD_FOLLOWS: u16 = 0x7e;
    const NOTHING_FOLLOWS: u16 = 0x7f;
    let mut rest = rest;
    if control >> 12 & 0b11 != 2 || control & PRESENT == 0 {
        return Ok((rest, false));
    }
    loop {
        let field = rest.le16(0).ok_or_else(|| short(rest))?;
        rest = skip(rest, 2 + usize::from(field & 0x7f))?;
        match field >> 7 & 0xff {
            NOTHING_FOLLOWS => return Ok((rest, false)),
            PAYLOAD_FOLLOWS => return Ok((rest, true)),
            _ => {}
        }
    }
}

/// Takes information elements of the payload away (802.15.4-2020 7.4.3), if there are any.
fn elements_of_payload(follows: bool, rest: Rest<'_>) -> Result<Rest<'_>, Undecoded> {
    const LAST_GROUP: u16 = 0x0f;
    let (mut rest, mut last) = (rest, !follows);
    while !last {
        let field = rest.le16(0).ok_or_else(|| short(rest))?;
        rest = skip(rest, 2 + usize::from(field & 0x07ff))?;
        last = field >> 11 & 0x0f == LAST_GROUP;
    }
    Ok(rest)
}
