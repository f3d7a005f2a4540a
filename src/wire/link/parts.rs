//! 802.11 frames that were sent in parts (802.11-2020 10.4), which come in order but for those that were lost
//! or sent again.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::super::rest::Rest;
use super::super::walk::Next;
use super::ends;
use crate::event::Mac;
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

/// An MSDU has 2,304 bytes at most (802.11-2020 9.2.4.7), and aggregates are not sent in parts.
const MOST: usize = 2_304;

/// What makes parts belong together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::wire) struct Key {
    pub(super) receiver: Mac,
    pub(super) sender: Mac,
    pub(super) sequence: u16,
    /// So that what anybody may add is not joined with what was protected.
    pub(super) protected: bool,
}

/// Which part it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) key: Key,
    pub(super) number: u16,
    pub(super) more: bool,
}

/// Frames being joined.
#[derive(Debug)]
pub(in crate::wire) struct Parts {
    open: VecDeque<Open>,
    most: usize,
    age: Span,
}

#[derive(Debug)]
struct Open {
    key: Key,
    since: Timestamp,
    next: u16,
    bytes: Vec<u8>,
    /// From the first part.
    ends: Option<(IpAddr, IpAddr)>,
}

impl Parts {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            open: VecDeque::new(),
            most: limits.wlan_frames,
            age: limits.wlan_age,
        }
    }

    /// Whose packet it is that is being joined.
    pub(super) fn ends(&self, key: Key) -> Option<(IpAddr, IpAddr)> {
        self.open.iter().find(|open| open.key == key)?.ends
    }

    /// Takes a part; gives the whole when it was the last of all.
    pub(super) fn insert(&mut self, at: Timestamp, part: Part, bytes: &[u8]) -> Option<Vec<u8>> {
        let age = self.age;
        let place = self.open.iter().position(|open| open.key == part.key);
        let open = match (part.number, place) {
            // Sequence numbers come round again, so a first part begins anew.
            (0, place) => {
                if let Some(place) = place {
                    self.open.remove(place);
                }
                if self.open.len() >= self.most {
                    self.open.pop_front();
                }
                self.open.push_back(Open {
                    key: part.key,
                    since: at,
                    next: 0,
                    bytes: Vec::new(),
                    ends: ends(Next::Llc(Rest { bytes, cut: 0 })),
                });
                self.open.back_mut()
            }
            (_, Some(place)) => self.open.get_mut(place),
            (_, None) => None,
        }?;
        // Sent again because the acknowledgement was lost, or the one before it was not captured.
        if part.number != open.next
            || at.since(open.since).abs() > age
            || open.bytes.len() + bytes.len() > MOST
        {
            return None;
        }
        open.next += 1;
        open.bytes.extend_from_slice(bytes);
        if part.more {
            return None;
        }
        let place = self.open.iter().position(|open| open.key == part.key)?;
        self.open.remove(place).map(|open| open.bytes)
    }
}
