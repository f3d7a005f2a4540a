//! ACL packets (Core 5.4, volume 4 part E 5.4.2): a connection, whether the packet begins an L2CAP packet or
//! goes on with one, and a length. Parts have no numbers; they come in order.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::super::super::Undecoded;
use super::super::super::rest::Rest;
use super::super::super::walk::{Lane, Next, Walk};
use super::super::{ends, short, skip};
use super::{bnep, ipsp, l2cap};
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

/// Length and channel of L2CAP.
const HEADER: usize = 4;

pub(super) fn packet<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const CONTINUES: u16 = 0b01;
    let (Some(field), Some(length)) = (rest.le16(0), rest.le16(2)) else {
        return Err(short(rest));
    };
    let (handle, boundary) = (field & 0x0fff, field >> 12 & 0b11);
    let rest = skip(rest, 4)?.bound(usize::from(length));
    part(walk, handle, boundary == CONTINUES, rest)
}

/// The payload of a packet off the air, of `length` octets, by the kind of its logical link (LLID: Core 5.4,
/// volume 2 part B 6.6.2, volume 6 part B 2.4).
pub(super) fn of_kind<'a>(
    walk: &mut Walk<'a, '_>,
    kind: u8,
    length: usize,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const CONTINUES: u8 = 1;
    const CONTROL: u8 = 3;
    match kind {
        CONTROL => Err(Undecoded::LinkControl),
        // Acknowledges, and nothing else.
        CONTINUES if length == 0 => Err(Undecoded::LinkControl),
        0 => Err(Undecoded::NotIp),
        kind => part(walk, 0, kind == CONTINUES, rest.bound(length)),
    }
}

/// Reads one part of an L2CAP packet, or all of it.
pub(super) fn part<'a>(
    walk: &mut Walk<'a, '_>,
    handle: u16,
    continues: bool,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let link = (walk.lane(), handle, WHOLE);
    if !continues {
        let promised = HEADER + usize::from(rest.le16(0).ok_or_else(|| short(rest))?);
        if promised <= rest.wire_len() {
            walk.fragments.bluetooth.packets.forget(&link);
            return l2cap::packet(walk, handle, rest.bound(promised));
        }
        if rest.cut == 0 {
            let packets = &mut walk.fragments.bluetooth.packets;
            let ends = network_ends(rest.bytes);
            walk.fragments.latest = ends;
            packets.begin(walk.at, link, promised, rest.bytes, ends);
        }
        return Err(Undecoded::LinkFragment);
    }
    let packets = &mut walk.fragments.bluetooth.packets;
    // What is cut is lost, and so is the packet.
    if rest.cut > 0 {
        packets.forget(&link);
        return Err(Undecoded::LinkFragment);
    }
    match packets.go_on(walk.at, &link, rest.bytes) {
        Added::Lost => Err(Undecoded::LinkFragment),
        Added::Waits(ends) => {
            walk.fragments.latest = ends;
            Err(Undecoded::LinkFragment)
        }
        Added::Whole(joined) => {
            let bytes = walk.keep(joined)?;
            let rest = Rest { bytes, cut: 0 };
            // Where two senders may have been mixed up.
            if !link.0.one_way()
                && !skip(rest, HEADER).is_ok_and(|rest| bnep::summed(rest) || ipsp::summed(rest))
            {
                return Err(Undecoded::LinkFragment);
            }
            l2cap::packet(walk, handle, rest)
        }
    }
}

/// A connection in one direction, and the channel in it that has parts of its own.
pub(super) type Link = (Lane, u16, u16);

/// For parts of what carries all channels.
const WHOLE: u16 = 0;

/// Whose packet begins here, if it is one of BNEP.
fn network_ends(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let frame = bnep::frame(Rest { bytes, cut: 0 }.after(HEADER)?).ok()?;
    ends(Next::EtherType(frame.protocol, frame.inside))
}

/// What a further part did.
pub(super) enum Added {
    /// It was the last.
    Whole(Vec<u8>),
    /// Others are not there yet; whose packet it is, if that is known.
    Waits(Option<(IpAddr, IpAddr)>),
    /// There was nothing that it goes on with.
    Lost,
}

/// Packets of L2CAP and of its channels that wait for their end, oldest first.
#[derive(Debug)]
pub(super) struct Packets {
    open: VecDeque<Open>,
    most: usize,
    age: Span,
}

#[derive(Debug)]
struct Open {
    link: Link,
    since: Timestamp,
    /// Below 65,540, since L2CAP has 16 bits for it.
    promised: usize,
    bytes: Vec<u8>,
    ends: Option<(IpAddr, IpAddr)>,
}

impl Packets {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            open: VecDeque::new(),
            most: limits.acl_packets,
            age: limits.acl_age,
        }
    }

    fn forget(&mut self, link: &Link) -> Option<Open> {
        let place = self.open.iter().position(|open| open.link == *link)?;
        self.open.remove(place)
    }

    /// Takes a first part.
    pub(super) fn begin(
        &mut self,
        since: Timestamp,
        link: Link,
        promised: usize,
        bytes: &[u8],
        ends: Option<(IpAddr, IpAddr)>,
    ) {
        self.forget(&link);
        if self.open.len() >= self.most {
            self.open.pop_front();
        }
        self.open.push_back(Open {
            link,
            since,
            promised,
            bytes: bytes.to_vec(),
            ends,
        });
    }

    /// Takes a further part.
    pub(super) fn go_on(&mut self, at: Timestamp, link: &Link, bytes: &[u8]) -> Added {
        let Some(mut open) = self.forget(link) else {
            return Added::Lost;
        };
        let length = open.bytes.len() + bytes.len();
        if length > open.promised || at.since(open.since).abs() > self.age {
            return Added::Lost;
        }
        open.bytes.extend_from_slice(bytes);
        if length == open.promised {
            return Added::Whole(open.bytes);
        }
        let ends = open.ends;
        self.open.push_back(open);
        Added::Waits(ends)
    }
}
