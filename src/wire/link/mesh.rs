//! Ethernet over a mesh (batman-adv, compatibility versions 14 and 15: `batadv_packet.h` of Linux): a type, a version, and the stations
//! that pass it on.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::{short, skip};

pub(super) fn packet<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const UNICAST: usize = 10;
    const UNICAST_FROM: usize = 18;
    const BROADCAST: usize = 14;
    let Some([kind, version]) = rest.array::<2>(0) else {
        return Err(short(rest));
    };
    let header = match (version, kind) {
        (15, 0x40) | (14, 3) => UNICAST,
        // With the source, for what only one station is asked.
        (15, 0x42) | (14, 9) => UNICAST_FROM,
        (15, 0x01) | (14, 4) => BROADCAST,
        // In parts, or two packets in one.
        (15, 0x41 | 0x02) | (14, 6 | 10) => return Err(Undecoded::LinkFragment),
        // Routing, and questions about it.
        (14 | 15, _) => return Err(Undecoded::LinkControl),
        _ => return Err(Undecoded::NotIp),
    };
    walk.peel()?;
    Ok(Next::Ethernet(skip(rest, header)?))
}
