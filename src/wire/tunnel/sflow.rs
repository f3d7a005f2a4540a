//! What switches send of the packets that go through them: the beginning of one in so many (sFlow versions 2,
//! 4 and 5; RFC 3176, sflow.org). Of nothing else is anything known, so what is in them is marked as sampled.

use super::super::rest::Rest;
use super::super::walk::Inner;
use crate::frame::LinkType;

pub(super) const PORT: u16 = 6343;

/// Samples of one datagram; as many fit into the largest that Ethernet takes.
const MOST: usize = 16;

/// The packets that a datagram tells of, of which there may be none; None for what is no such datagram.
pub(super) fn packets(rest: Rest<'_>) -> Option<Vec<Inner>> {
    let version = rest.be32(0)?;
    let agent = past_address(rest.after(4)?)?;
    let (head, samples) = match version {
        2 | 4 => (8, agent.be32(8)?),
        5 => (12, agent.be32(12)?),
        _ => return None,
    };
    let mut left = agent.after(head + 4)?;
    let mut found = Vec::new();
    for _ in 0..usize::try_from(samples).ok()?.min(MOST) {
        let next = match version {
            5 => sample(left, &mut found),
            _ => old_sample(left, &mut found),
        };
        let Some(next) = next else { break };
        left = next;
    }
    Some(found)
}

/// What follows an address: its family, and four bytes or sixteen.
fn past_address(rest: Rest<'_>) -> Option<Rest<'_>> {
    match rest.be32(0)? {
        1 => rest.after(8),
        2 => rest.after(20),
        _ => None,
    }
}

/// One sample of version 5, which says how long it is; gives what follows it.
fn sample<'a>(rest: Rest<'a>, found: &mut Vec<Inner>) -> Option<Rest<'a>> {
    const FLOW: u32 = 1;
    const EXPANDED: u32 = 3;
    const HEADER: u32 = 1;
    let length = usize::try_from(rest.be32(4)?).ok()?;
    let body = rest.after(8)?;
    let head = match rest.be32(0)? {
        FLOW => 28,
        EXPANDED => 40,
        _ => return body.after(length),
    };
    let mut records = body.bound(length);
    let count = records.be32(head)?;
    records = records.after(head + 4)?;
    for _ in 0..usize::try_from(count).ok()?.min(MOST) {
        let length = usize::try_from(records.be32(4)?).ok()?;
        let record = records.after(8)?;
        if records.be32(0)? == HEADER
            && let [Some(kind), Some(whole), Some(stripped), Some(length)] =
                [0, 4, 8, 12].map(|at| record.be32(at))
        {
            found.extend(packet(kind, whole, stripped, length, record.after(16)?));
        }
        records = record.after(length)?;
    }
    body.after(length)
}

/// One sample of an older version; gives what follows it, where what it says beside does not have to be
/// understood for that.
fn old_sample<'a>(rest: Rest<'a>, found: &mut Vec<Inner>) -> Option<Rest<'a>> {
    const FLOW: u32 = 1;
    const HEADER: u32 = 1;
    const NOTHING: u32 = 0;
    if rest.be32(0)? != FLOW || rest.be32(32)? != HEADER {
        return None;
    }
    let (kind, whole, length) = (rest.be32(36)?, rest.be32(40)?, rest.be32(44)?);
    let header = rest.after(48)?;
    found.extend(packet(kind, whole, 0, length, header));
    let behind = header.after(usize::try_from(length).ok()?.next_multiple_of(4))?;
    (behind.be32(0)? == NOTHING).then(|| behind.after(4))?
}

/// The beginning of a packet: what it is, how long all of it was, how much of that was taken off its end, and
/// how much there is of it.
fn packet(kind: u32, whole: u32, stripped: u32, length: u32, rest: Rest<'_>) -> Option<Inner> {
    const MPLS: &[u8] = &[0x0f, 0, 0x88, 0x47];
    /// What stands before X.25 on a line of SITA.
    const X25: &[u8] = &[0, 0, 0, 0, 1, 1, 0];
    let (link, before) = match kind {
        1 => (1, &[][..]),
        3 => (6, &[][..]),
        4 => (10, &[][..]),
        5 => (107, &[][..]),
        6 => (196, X25),
        7 => (9, &[][..]),
        11 => (228, &[][..]),
        12 => (229, &[][..]),
        13 => (104, MPLS),
        15 => (105, &[][..]),
        _ => return None,
    };
    let length = usize::try_from(length).ok()?;
    let bytes = rest.bytes.get(..length)?;
    let whole = usize::try_from(whole.checked_sub(stripped)?).ok()?;
    Some(Inner {
        link: LinkType(link),
        bytes: [before, bytes].concat(),
        cut: whole.saturating_sub(length),
    })
}
