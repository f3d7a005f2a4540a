//! Generic framing procedure (ITU-T G.7041 6.1): a length, what the payload is, an extension header, and
//! perhaps a check sequence behind it.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::Next;
use super::{short, skip};
use crate::frame::LinkType;

pub(super) fn frame(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const CORE: usize = 4;
    const TYPE: usize = 4;
    const CHECKED: u8 = 0x10;
    const LINEAR: u8 = 1;
    const CLIENT_MANAGEMENT: u8 = 4;
    let length = usize::from(rest.be16(0).ok_or_else(|| short(rest))?);
    // Idle, and control.
    if length < 4 {
        return Err(Undecoded::LinkControl);
    }
    let area = skip(rest, CORE)?.bound(length);
    let Some([first, user]) = area.array::<2>(0) else {
        return Err(short(area));
    };
    let extension = match first & 0x0f {
        LINEAR => 4,
        _ => 0,
    };
    let check = if first & CHECKED == 0 { 0 } else { 4 };
    if first >> 5 == CLIENT_MANAGEMENT {
        return Err(Undecoded::LinkControl);
    }
    let inside = length
        .checked_sub(TYPE + extension + check)
        .ok_or(Undecoded::BadLink)?;
    let inside = skip(area, TYPE + extension)?.bound(inside);
    match user {
        1 => Ok(Next::Ethernet(inside)),
        2 => Ok(Next::Ppp(inside)),
        9 => Ok(Next::Link(LinkType(243), inside)),
        12..=14 => Ok(Next::Mpls(inside)),
        16 | 17 => Ok(Next::Ip(inside)),
        _ => Err(Undecoded::NotIp),
    }
}
