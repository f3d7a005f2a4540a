//! Remote NDIS: messages one after the other, of which those with packets have a header of 44 bytes. Offsets
//! count from the field that holds them.

use super::super::super::rest::Rest;
use super::{ETHERNET, Packet};

const HEADER: usize = 44;

/// Messages that are not read yet.
pub(super) struct Messages<'a> {
    left: Option<Rest<'a>>,
}

impl<'a> Messages<'a> {
    /// If the transfer begins with a message that holds a packet.
    pub(super) fn of(transfer: Rest<'a>) -> Option<Self> {
        message(transfer)?;
        Some(Self {
            left: Some(transfer),
        })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let this = self.left.take()?;
        let (length, rest) = message(this)?;
        self.left = this.after(length);
        Some(Packet {
            link: ETHERNET,
            rest,
        })
    }
}

/// The length of a message, and the packet in it; None for anything whose fields do not fit each other.
fn message(rest: Rest<'_>) -> Option<(usize, Rest<'_>)> {
    const PACKET: usize = 1;
    /// What data offsets count from.
    const FROM: usize = 8;
    let field = |at| usize::try_from(rest.le32(at)?).ok();
    let (length, offset, size) = (field(4)?, field(8)?, field(12)?);
    let (handle, reserved) = (field(36)?, field(40)?);
    let begins = FROM.checked_add(offset)?;
    let fits = begins >= HEADER
        && begins.checked_add(size)? <= length
        && length <= rest.wire_len()
        && size > 0;
    if field(0)? != PACKET || !fits || handle != 0 || reserved != 0 {
        return None;
    }
    Some((length, rest.after(begins)?.bound(size)))
}
