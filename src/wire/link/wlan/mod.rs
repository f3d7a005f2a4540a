//! 802.11 data frames, and the radio headers that captures put before them.

mod direct;
mod eapol;
mod elements;
mod fast;
mod keys;
mod sealed;
mod secrets;

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Inner, Next, Walk};
use super::parts::{Key, Part};
use super::{Kind, SUBFRAME, short, skip, source};
use crate::crypto::wlan::crc32;
use crate::event::Mac;

pub(in crate::wire) use keys::Keys;
pub(in crate::wire) use secrets::Secret;

/// Whether the 802.11 header was padded to a multiple of four for the sake of the driver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Padding {
    None,
    ToFour,
}

/// Whether a frame check sequence stands behind the frame, as far as the capture says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Check {
    Absent,
    Present,
}

/// Reads an 802.11 frame.
pub(super) fn frame<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
    padding: Padding,
    check: Check,
) -> Result<Next<'a>, Undecoded> {
    if !walk.fragments.wlan_keys.given.is_empty() {
        return frame_with_keys(walk, rest, padding, check);
    }
    let body = clear(body(rest, padding)?)?;
    walk.mac = body.sender;
    if let Some(part) = body.part {
        return joined(walk, part, body.rest, check);
    }
    if !body.aggregated {
        return Ok(Next::Llc(body.rest));
    }
    // The first of several; [`subframes`] gives them all.
    walk.peel()?;
    subframe(walk, body.rest)
}

/// The same where there are keys: frames that say how they are used are looked at, and those that are
/// protected are opened.
#[inline(never)]
fn frame_with_keys<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
    padding: Padding,
    check: Check,
) -> Result<Next<'a>, Undecoded> {
    let keys = &mut walk.fragments.wlan_keys;
    let body = body(rest, padding).inspect_err(|_| keys.hear(rest))?;
    walk.mac = body.sender;
    let (inside, check) = match body.protected {
        false => (body.rest, check),
        true => {
            let bytes = opened(keys, rest, body.rest, check).ok_or(Undecoded::EncryptedWlan)?;
            let bytes = walk.keep(bytes)?;
            (Rest { bytes, cut: 0 }, Check::Absent)
        }
    };
    if let Some(part) = body.part {
        return joined(walk, part, inside, check);
    }
    if body.aggregated {
        walk.peel()?;
        if !body.protected {
            return subframe(walk, inside);
        }
        let frames = each_subframe(inside).map(|frame| Inner {
            link: SUBFRAME,
            bytes: frame.bytes.to_vec(),
            cut: frame.cut,
        });
        return walk.several(frames)?.ok_or(Undecoded::BadLink);
    }
    if let Some(message) = inside.bytes.strip_prefix(&EAPOL)
        && let (Some(receiver), Some(sender)) = (rest.array(4), rest.array(10))
    {
        let message = Rest {
            bytes: message,
            cut: 0,
        };
        let keys = &mut walk.fragments.wlan_keys;
        keys.shake(Mac(sender), Mac(receiver), message);
    }
    if let Some(bytes) = inside.bytes.strip_prefix(&DIRECT)
        && body.protected
    {
        let keys = &mut walk.fragments.wlan_keys;
        keys.introduce(Rest { bytes, cut: 0 });
    }
    Ok(Next::Llc(inside))
}

/// LLC and SNAP of what stations and access points agree on keys with.
const EAPOL: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e];
/// The same of two stations.
const DIRECT: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x89, 0x0d];

/// What a protected frame has in it. Not every capture says whether a check sequence stands behind.
fn opened(keys: &mut Keys, frame: Rest<'_>, sealed: Rest<'_>, check: Check) -> Option<Vec<u8>> {
    let header = sealed::Header::of(frame)?;
    if !keys.may_open(&header) {
        return None;
    }
    let checked = sealed.bytes.split_last_chunk::<4>();
    if check == Check::Absent {
        let opened = keys.open(&header, sealed.bytes);
        if opened.is_some() {
            return opened;
        }
        let (whole, sequence) = frame.bytes.split_last_chunk::<4>()?;
        if crc32(whole) != *sequence {
            return None;
        }
    }
    keys.open(&header, checked?.0)
}

/// The body of a frame that is not protected.
fn clear(body: Body<'_>) -> Result<Body<'_>, Undecoded> {
    match body.protected {
        false => Ok(body),
        true => Err(Undecoded::EncryptedWlan),
    }
}

/// The same with the bytes of the frame control field the other way round.
pub(super) fn swapped<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let mut bytes = rest.bytes.to_vec();
    if let [first, second, ..] = bytes.as_mut_slice() {
        std::mem::swap(first, second);
    }
    let bytes = walk.keep(bytes)?;
    frame(walk, Rest { bytes, ..rest }, Padding::None, Check::Absent)
}

/// What a frame sent in parts carries, once all of it is there. A frame check sequence would stand between
/// the parts, so it has to go.
fn joined<'a>(
    walk: &mut Walk<'a, '_>,
    part: Part,
    rest: Rest<'a>,
    check: Check,
) -> Result<Next<'a>, Undecoded> {
    let bytes = match check {
        Check::Absent => Some(rest.bytes),
        Check::Present => rest
            .bytes
            .len()
            .checked_sub(4)
            .and_then(|n| rest.bytes.get(..n)),
    };
    let bytes = bytes.filter(|_| rest.cut == 0);
    let parts = &mut walk.fragments.wlan;
    let whole = bytes.and_then(|bytes| parts.insert(walk.at, part, bytes));
    let Some(whole) = whole else {
        walk.fragments.latest = parts.ends(part.key);
        return Err(Undecoded::WlanFragment);
    };
    let bytes = walk.keep(whole)?;
    Ok(Next::Llc(Rest { bytes, cut: 0 }))
}

/// The LLC header of a frame with one packet. The bytes of the frame control field may be swapped.
pub(super) fn inside(rest: Rest<'_>, swapped: bool) -> Option<Rest<'_>> {
    let mut copy = rest.bytes.to_vec();
    if let (true, [first, second, ..]) = (swapped, copy.as_mut_slice()) {
        std::mem::swap(first, second);
    }
    let body = body(
        Rest {
            bytes: &copy,
            cut: 0,
        },
        Padding::None,
    )
    .ok()?;
    let header = copy.len() - body.rest.bytes.len();
    let one = !body.aggregated && body.part.is_none() && !body.protected;
    rest.after(header).filter(|_| one)
}

/// Reads one frame of an A-MSDU (802.11-2020 9.3.2.2.2): destination, source and length of its own, then LLC.
pub(super) fn subframe<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    walk.mac = rest.array(6).and_then(source);
    let length = rest.be16(12).ok_or_else(|| short(rest))?;
    let inside = skip(rest, SUBFRAME_HEADER)?;
    Ok(Next::Llc(inside.bound(usize::from(length))))
}

/// The frames of an A-MSDU, each from its own header on; None when a frame of this link type holds none.
pub(super) fn subframes(kind: Kind, rest: Rest<'_>) -> Option<impl Iterator<Item = Rest<'_>>> {
    let (padding, rest) = match kind {
        Kind::Wlan => (Padding::None, rest),
        Kind::Radiotap => {
            let (padding, _, rest) = radiotap_header(rest).ok()?;
            (padding, rest)
        }
        Kind::PrismOrAvs => (Padding::None, driver_header(rest).ok()?),
        _ => return None,
    };
    let body = body(rest, padding).ok()?;
    let several = body.aggregated && body.part.is_none() && !body.protected;
    several.then(|| each_subframe(body.rest))
}

fn each_subframe(rest: Rest<'_>) -> impl Iterator<Item = Rest<'_>> {
    let mut left = Some(rest);
    std::iter::from_fn(move || {
        let this = left.take()?;
        let size = SUBFRAME_HEADER + usize::from(this.be16(12)?);
        // All but the last are padded to a multiple of four.
        left = this.after(size.next_multiple_of(4));
        Some(this.bound(size))
    })
}

const SUBFRAME_HEADER: usize = 14;

/// What a data frame carries.
struct Body<'a> {
    sender: Option<Mac>,
    /// Several frames.
    aggregated: bool,
    /// Only a part of a frame.
    part: Option<Part>,
    /// What follows is encrypted.
    protected: bool,
    rest: Rest<'a>,
}

fn body(rest: Rest<'_>, padding: Padding) -> Result<Body<'_>, Undecoded> {
    let Some([kind, flags]) = rest.array::<2>(0) else {
        return Err(short(rest));
    };
    let (to_ds, from_ds) = (flags & 0x01 != 0, flags & 0x02 != 0);
    let (more_fragments, protected, order) =
        (flags & 0x04 != 0, flags & 0x40 != 0, flags & 0x80 != 0);
    let (data, no_data, qos) = (kind & 0x0c == 0x08, kind & 0x40 != 0, kind & 0x80 != 0);
    if !data || no_data {
        return Err(Undecoded::WlanControl);
    }
    // Whether it fits is of no interest where nothing can be read.
    let short = || match protected {
        true => Undecoded::EncryptedWlan,
        false => short(rest),
    };
    let control = rest.le16(22).ok_or_else(short)?;
    let (sequence, number) = (control >> 4, control & 0x000f);
    let part = match (rest.array(4), rest.array(10)) {
        (Some(receiver), Some(sender)) if more_fragments || number != 0 => Some(Part {
            key: Key {
                receiver: Mac(receiver),
                sender: Mac(sender),
                sequence,
                protected,
            },
            number,
            more: more_fragments,
        }),
        _ => None,
    };

    // Three addresses, or four between access points; which is the source depends on the direction.
    let at = match (to_ds, from_ds) {
        (_, false) => 10,
        (false, true) => 16,
        (true, true) => 24,
    };
    let mut header = if to_ds && from_ds { 30 } else { 24 };
    let mut aggregated = false;
    if qos {
        aggregated = rest.u8(header).ok_or_else(short)? & 0x80 != 0;
        header += 2;
        if order {
            // High throughput control.
            header += 4;
        }
    }
    if padding == Padding::ToFour {
        header = header.next_multiple_of(4);
    }
    Ok(Body {
        sender: rest.array(at).and_then(source),
        aggregated,
        part,
        protected,
        rest: rest.after(header).ok_or_else(short)?,
    })
}

/// An 802.11 frame behind radiotap.
pub(super) fn radiotap<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let (padding, check, rest) = radiotap_header(rest)?;
    frame(walk, rest, padding, check)
}

/// Radiotap: its fields are skipped but for the one that says whether the 802.11 header is padded and a frame
/// check sequence follows.
fn radiotap_header(rest: Rest<'_>) -> Result<(Padding, Check, Rest<'_>), Undecoded> {
    const TIME: u32 = 0x01;
    const FLAGS: u32 = 0x02;
    const MORE_WORDS: u32 = 0x8000_0000;
    const CHECKED: u8 = 0x10;
    const PADDED: u8 = 0x20;
    let (Some(version), Some(length), Some(present)) = (rest.u8(0), rest.le16(2), rest.le32(4))
    else {
        return Err(short(rest));
    };
    if version != 0 || length < 8 {
        return Err(Undecoded::BadLink);
    }
    let mut fields = 8;
    let mut word = present;
    while word & MORE_WORDS != 0 {
        word = rest.le32(fields).ok_or_else(|| short(rest))?;
        fields += 4;
    }
    let flags = if present & FLAGS == 0 {
        0
    } else {
        let at = match present & TIME {
            0 => fields,
            // Fields keep their natural alignment.
            _ => fields.next_multiple_of(8) + 8,
        };
        rest.u8(at).unwrap_or_default()
    };
    let padding = match flags & PADDED {
        0 => Padding::None,
        _ => Padding::ToFour,
    };
    let check = match flags & CHECKED {
        0 => Check::Absent,
        _ => Check::Present,
    };
    Ok((padding, check, skip(rest, usize::from(length))?))
}

/// An 802.11 frame behind a header of the Prism or AVS driver.
pub(super) fn prism_or_avs<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    frame(walk, driver_header(rest)?, Padding::None, Check::Absent)
}

/// The headers of the Prism and AVS drivers, which share a link type at times: AVS begins with a magic
/// number and says its length big-endian, Prism in the order of the capturing host.
fn driver_header(rest: Rest<'_>) -> Result<Rest<'_>, Undecoded> {
    const AVS: u32 = 0x8021_1000;
    let (Some(magic), Some(big), Some(little)) = (rest.be32(0), rest.be32(4), rest.le32(4)) else {
        return Err(short(rest));
    };
    let length = if magic & 0xffff_f000 == AVS {
        big
    } else {
        big.min(little)
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length < 8 {
        return Err(Undecoded::BadLink);
    }
    skip(rest, length)
}
