//! L2CAP in its basic mode (Core 5.4, volume 3 part A): a length, a channel, and what the channel carries, which only the request
//! for it says.

use std::collections::VecDeque;

use super::super::super::Undecoded;
use super::super::super::rest::Rest;
use super::super::super::walk::{Lane, Next, Walk};
use super::super::{short, skip};
use super::bnep;
use crate::limits::Limits;

/// A packet that is as long as it says.
pub(super) fn packet<'a>(
    walk: &mut Walk<'a, '_>,
    handle: u16,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const SIGNALLING: u16 = 0x0001;
    const LOW_ENERGY_SIGNALLING: u16 = 0x0005;
    const FIRST_DYNAMIC: u16 = 0x0040;
    let number = rest.le16(2).ok_or_else(|| short(rest))?;
    let inside = skip(rest, 4)?;
    let lane = walk.lane();
    let channels = &mut walk.fragments.bluetooth.channels;
    match number {
        SIGNALLING => {
            // Which end gave a number to a channel is only known with the direction.
            if lane.one_way() {
                channels.learn(lane, handle, inside);
            }
            Err(Undecoded::LinkControl)
        }
        LOW_ENERGY_SIGNALLING => Err(Undecoded::LinkControl),
        FIRST_DYNAMIC.. => {
            let channel = Channel {
                lane,
                handle,
                number,
            };
            match channels.carries_bnep(&channel) {
                Some(true) => bnep::header(walk, inside),
                Some(false) => Err(Undecoded::NotIp),
                None => bnep::guessed(walk, inside),
            }
        }
        _ => Err(Undecoded::NotIp),
    }
}

/// A channel as packets of one direction name it: by the number that their receiver gave it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Channel {
    lane: Lane,
    handle: u16,
    number: u16,
}

/// Channels whose requests were seen, oldest first.
#[derive(Debug)]
pub(super) struct Channels {
    /// With whether they carry BNEP.
    known: VecDeque<(Channel, bool)>,
    most: usize,
}

impl Channels {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            known: VecDeque::new(),
            most: limits.bluetooth_channels,
        }
    }

    fn carries_bnep(&self, channel: &Channel) -> Option<bool> {
        let mut known = self.known.iter();
        known.find(|(known, _)| known == channel).map(|(_, it)| *it)
    }

    fn insert(&mut self, channel: Channel, bnep: bool) {
        self.forget(&channel);
        if self.known.len() >= self.most {
            self.known.pop_front();
        }
        self.known.push_back((channel, bnep));
    }

    fn forget(&mut self, channel: &Channel) {
        self.known.retain(|(known, _)| known != channel);
    }

    /// Reads signalling commands that were sent on `lane`.
    fn learn(&mut self, lane: Lane, handle: u16, mut rest: Rest<'_>) {
        const REQUEST: u8 = 0x02;
        const RESPONSE: u8 = 0x03;
        const DISCONNECTION: u8 = 0x06;
        const BNEP: u16 = 0x000f;
        const SUCCESS: u16 = 0;
        let back = lane.opposite();
        let channel = |lane, number| Channel {
            lane,
            handle,
            number,
        };
        while let (Some(code), Some(length)) = (rest.u8(0), rest.le16(2)) {
            let Some(body) = rest.after(4) else { return };
            let body = body.bound(usize::from(length));
            match (code, body.le16(0), body.le16(2), body.le16(4)) {
                (REQUEST, Some(service), Some(own), _) => {
                    self.insert(channel(back, own), service == BNEP);
                }
                (RESPONSE, Some(own), Some(theirs), Some(SUCCESS)) => {
                    if let Some(bnep) = self.carries_bnep(&channel(lane, theirs)) {
                        self.insert(channel(back, own), bnep);
                    }
                }
                (DISCONNECTION, Some(theirs), Some(own), _) => {
                    self.forget(&channel(lane, theirs));
                    self.forget(&channel(back, own));
                }
                _ => {}
            }
            match rest.after(4 + usize::from(length)) {
                Some(left) => rest = left,
                None => return,
            }
        }
    }
}
