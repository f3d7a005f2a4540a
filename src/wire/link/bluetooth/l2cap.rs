//! L2CAP in its basic mode (Core 5.4, volume 3 part A): a length, a channel, and what the channel carries,
//! which only the request for it says.

use std::collections::VecDeque;

use super::super::super::Undecoded;
use super::super::super::rest::Rest;
use super::super::super::walk::{Lane, Next, Walk};
use super::super::{short, skip};
use super::{bnep, ipsp};
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
        LOW_ENERGY_SIGNALLING => {
            if lane.one_way() {
                channels.learn(lane, handle, inside);
            }
            Err(Undecoded::LinkControl)
        }
        FIRST_DYNAMIC.. => {
            let channel = Channel {
                lane,
                handle,
                number: number.into(),
            };
            match channels.service(&channel) {
                Some(Service::Bnep) => bnep::header(walk, inside),
                Some(Service::Ipsp) => ipsp::part(walk, (lane, handle, number), inside),
                Some(Service::Other) => Err(Undecoded::NotIp),
                None if ipsp::summed(inside) => ipsp::whole(walk, skip(inside, 2)?),
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
    /// Of a channel, or behind those the identifier of a request that is not answered yet.
    number: u32,
}

/// What a channel carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Service {
    Bnep,
    /// Internet Protocol Support Profile.
    Ipsp,
    Other,
}

/// Channels whose requests were seen, oldest first.
#[derive(Debug)]
pub(super) struct Channels {
    known: VecDeque<(Channel, Service)>,
    most: usize,
}

impl Channels {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            known: VecDeque::new(),
            most: limits.bluetooth_channels,
        }
    }

    fn service(&self, channel: &Channel) -> Option<Service> {
        let mut known = self.known.iter();
        known.find(|(known, _)| known == channel).map(|(_, it)| *it)
    }

    fn insert(&mut self, channel: Channel, service: Service) {
        self.forget(&channel);
        if self.known.len() >= self.most {
            self.known.pop_front();
        }
        self.known.push_back((channel, service));
    }

    fn forget(&mut self, channel: &Channel) {
        self.known.retain(|(known, _)| known != channel);
    }

    /// Reads signalling commands that were sent on `lane`.
    fn learn(&mut self, lane: Lane, handle: u16, mut rest: Rest<'_>) {
        const REQUEST: u8 = 0x02;
        const RESPONSE: u8 = 0x03;
        const DISCONNECTION: u8 = 0x06;
        const CREDIT_REQUEST: u8 = 0x14;
        const CREDIT_RESPONSE: u8 = 0x15;
        const BNEP: u16 = 0x000f;
        const IPSP: u16 = 0x0023;
        const SUCCESS: u16 = 0;
        let back = lane.opposite();
        let channel = |lane, number: u16| Channel {
            lane,
            handle,
            number: number.into(),
        };
        let asked = |lane, identifier: u8| Channel {
            lane,
            handle,
            number: 0x1_0000 | u32::from(identifier),
        };
        let service = |number, of_interest, service| match number == of_interest {
            true => service,
            false => Service::Other,
        };
        while let (Some([code, identifier]), Some(length)) = (rest.array::<2>(0), rest.le16(2)) {
            let Some(body) = rest.after(4) else { return };
            let body = body.bound(usize::from(length));
            match (code, body.le16(0), body.le16(2), body.le16(4)) {
                (REQUEST, Some(number), Some(own), _) => {
                    self.insert(channel(back, own), service(number, BNEP, Service::Bnep));
                }
                // Answers to these do not say which channel they are about.
                (CREDIT_REQUEST, Some(number), Some(own), _) => {
                    let service = service(number, IPSP, Service::Ipsp);
                    self.insert(channel(back, own), service);
                    self.insert(asked(back, identifier), service);
                }
                (CREDIT_RESPONSE, Some(own), ..) if body.le16(8) == Some(SUCCESS) => {
                    let asked = asked(lane, identifier);
                    if let Some(service) = self.service(&asked) {
                        self.forget(&asked);
                        self.insert(channel(back, own), service);
                    }
                }
                (RESPONSE, Some(own), Some(theirs), Some(SUCCESS)) => {
                    if let Some(service) = self.service(&channel(lane, theirs)) {
                        self.insert(channel(back, own), service);
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
