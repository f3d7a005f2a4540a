//! Ethernet over a mesh (batman-adv, compatibility versions 14 and 15: `batadv_packet.h` of Linux): a type, a
//! version, and the stations that pass it on. What is longer than the mesh allows comes in parts, of which
//! the last has the lowest number.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::{ends, short, skip};
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

const UNICAST: usize = 10;

pub(super) fn packet<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
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
        (15, 0x41) => return part(walk, rest),
        // In parts of the older version, or two packets in one.
        (15, 0x02) | (14, 6 | 10) => return Err(Undecoded::LinkFragment),
        // Routing, and questions about it.
        (14 | 15, _) => return Err(Undecoded::LinkControl),
        _ => return Err(Undecoded::NotIp),
    };
    walk.peel()?;
    Ok(Next::Ethernet(skip(rest, header)?))
}

/// Reads one part: a number, the two ends in the mesh, a number of the packet, and how long all of it is.
fn part<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const HEADER: usize = 20;
    const BATMAN: u16 = 0x4305;
    let (Some(number), Some(stations), Some(sequence), Some(total)) =
        (rest.u8(3), rest.array(4), rest.be16(16), rest.be16(18))
    else {
        return Err(short(rest));
    };
    let inside = skip(rest, HEADER)?;
    let key = Key {
        stations,
        sequence,
        total,
    };
    let meshes = &mut walk.fragments.meshes;
    if inside.cut > 0 {
        return Err(Undecoded::LinkFragment);
    }
    let joined = meshes.insert(walk.at, key, number >> 4, inside.bytes);
    let Some(joined) = joined else {
        walk.fragments.latest = meshes.ends(&key);
        return Err(Undecoded::LinkFragment);
    };
    walk.peel()?;
    let bytes = walk.keep(joined)?;
    Ok(Next::EtherType(BATMAN, Rest { bytes, cut: 0 }))
}

/// What makes parts belong together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Key {
    /// Destination and origin.
    stations: [u8; 12],
    sequence: u16,
    total: u16,
}

/// Packets of which parts are missing, oldest first. Kept as 802.11 frames in parts are: the stations of a
/// mesh that are in reach of one capture are as few, and parts follow each other as closely.
#[derive(Debug)]
pub(in crate::wire) struct Meshes {
    open: VecDeque<Open>,
    most: usize,
    age: Span,
}

#[derive(Debug)]
struct Open {
    key: Key,
    since: Timestamp,
    /// By number.
    parts: Vec<(u8, Vec<u8>)>,
}

impl Open {
    fn held(&self) -> usize {
        self.parts.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

impl Meshes {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            open: VecDeque::new(),
            most: limits.wlan_frames,
            age: limits.wlan_age,
        }
    }

    /// Whose packet it is, once its first part is there: the one that begins with a header.
    fn ends(&self, key: &Key) -> Option<(IpAddr, IpAddr)> {
        let open = self.open.iter().find(|open| open.key == *key)?;
        let (_, first) = open.parts.iter().max_by_key(|(number, _)| *number)?;
        let first = Rest {
            bytes: first,
            cut: 0,
        };
        (first.array(0) == Some([0x40, 15])).then(|| ends(Next::Ethernet(first.after(UNICAST)?)))?
    }

    /// Takes a part; gives the whole when it was the one that was missing.
    fn insert(&mut self, at: Timestamp, key: Key, number: u8, bytes: &[u8]) -> Option<Vec<u8>> {
        /// Of the mesh's own interface, whose frames are those of Ethernet.
        const MOST: usize = 2_304;
        let total = usize::from(key.total);
        if total > MOST || bytes.is_empty() {
            return None;
        }
        let (age, most) = (self.age, self.most);
        self.open
            .retain(|open| open.key != key || at.since(open.since).abs() <= age);
        let place = self.open.iter().position(|open| open.key == key);
        let mut open = match place.and_then(|place| self.open.remove(place)) {
            Some(open) => open,
            None => Open {
                key,
                since: at,
                parts: Vec::new(),
            },
        };
        // Heard twice on its way.
        if open.parts.iter().all(|(known, _)| *known != number) {
            open.parts.push((number, bytes.to_vec()));
        }
        let (held, highest) = (
            open.held(),
            open.parts.iter().map(|(number, _)| *number).max(),
        );
        let all = highest.is_some_and(|highest| usize::from(highest) + 1 == open.parts.len());
        if held == total && all {
            open.parts
                .sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
            return Some(
                open.parts
                    .into_iter()
                    .flat_map(|(_, bytes)| bytes)
                    .collect(),
            );
        }
        // Of another packet that has the same numbers.
        if held < total {
            if self.open.len() >= most {
                self.open.pop_front();
            }
            self.open.push_back(open);
        }
        None
    }
}
