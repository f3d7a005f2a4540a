//! Room 2: a frame's bytes to a packet. Link headers, VLAN and tunnels, IP, defragmentation.
//!
//! [`Decoder::decode`] tries the fast path for plain packets first and then walks header by header (`walk`):
//! `link` strips what the capture interface put before IP, `ip` reads IP and the transports, `tunnel` finds
//! packets inside packets, `defrag` joins fragments, which with the headers that links compress are the only
//! state.

#![warn(clippy::indexing_slicing)]

mod defrag;
mod fast;
mod given;
mod glance;
mod icmp;
mod ip;
mod link;
mod plausible;
mod rest;
mod scope;
mod tables;
mod ttl;
mod tunnel;
mod undecoded;
mod walk;

use std::net::IpAddr;

use crate::event::{HostDevice, Mac};
use crate::flow::{Scope, Transport};
use crate::frame::{Frame, LinkType};
use crate::limits::Limits;

pub use self::defrag::FragmentCounts;
pub use self::glance::{Glance, glance};
pub use self::link::{link_name, link_supported};
pub use self::tables::{table_keys, unusable_key};
pub use self::tunnel::tunnel_keys;
pub use self::undecoded::Undecoded;

/// Decodes frames. Its only state is fragments waiting for the rest of their datagram, TCP headers that later
/// ones differ from, and keys.
#[derive(Debug)]
pub struct Decoder {
    depth: usize,
    fragments: defrag::Fragments,
    joined: [Vec<u8>; walk::JOINS],
}

impl Decoder {
    /// A decoder without any fragments yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            depth: limits.tunnel_depth,
            fragments: defrag::Fragments::new(limits),
            joined: Default::default(),
        }
    }

    /// The innermost packet of a frame. A packet joined from fragments borrows from the decoder.
    ///
    /// # Errors
    ///
    /// [`Undecoded`] says why there is none, which for ARP or a waiting fragment is as it should be;
    /// [`Undecoded::is_anomaly`] tells these from malformed frames.
    #[inline(always)]
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Result<Packet<'a>, Undecoded> {
        match plain(frame) {
            Some(packet) if !self.has_keys() => Ok(packet),
            _ => self.decode_any(frame),
        }
    }

    /// Takes lines of a key log for layers below TCP and UDP: of WireGuard, and of Wireshark's tables for
    /// 802.11, 802.15.4, PDCP and ESP. They open handshakes before them, too, but no data. Returns how many
    /// were keys.
    pub fn secrets(&mut self, lines: &[u8]) -> usize {
        let of_wireguard = self.fragments.wireguard.add_text(lines);
        let each = lines.split(|byte| matches!(byte, b'\n' | b'\r'));
        let (mut of_tables, mut of_wlan) = (0, Vec::new());
        for entry in each.filter_map(tables::line).filter_map(Result::ok) {
            of_tables += 1;
            match entry {
                tables::Entry::Wlan(secret) => of_wlan.push(secret),
                tables::Entry::Wpan(secret) => self.fragments.wpan_keys.add(secret),
                tables::Entry::Pdcp(secret) => self.fragments.pdcp_keys.given.add(secret),
                tables::Entry::Esp(association) => self.fragments.associations.add(*association),
            }
        }
        self.fragments.wlan_keys.add(of_wlan);
        of_wireguard + of_tables
    }

    /// Whether there are keys by which packets that are [`plain`] may have others in them: then
    /// [`Self::decode_any`] is to be asked.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.fragments.wireguard.has_keys() || self.fragments.associations.has_keys()
    }

    /// How many keys there were, and how many of them opened a handshake or a frame.
    #[must_use]
    pub fn keys(&self) -> (u64, u64) {
        let fragments = &self.fragments;
        let all = [
            fragments.wireguard.counts(),
            fragments.wlan_keys.given.counts(),
            fragments.wpan_keys.counts(),
            fragments.pdcp_keys.given.counts(),
            fragments.associations.counts(),
        ];
        all.into_iter()
            .fold((0, 0), |sum, (taken, used)| (sum.0 + taken, sum.1 + used))
    }

    /// Handshakes of 802.11 that passphrases were not tried at, since there are too many networks.
    #[must_use]
    pub const fn untried(&self) -> u64 {
        self.fragments.wlan_keys.untried
    }

    /// Whether the last frame had a message by which the ends of a tunnel or of a network agree on keys, for
    /// callers that want to open what follows.
    #[must_use]
    pub const fn in_handshake(&self) -> bool {
        self.fragments.wireguard.shaken || self.fragments.wlan_keys.shaken
    }

    /// Whether there is one for [`Self::further`] to give.
    #[inline]
    #[must_use]
    pub fn has_further(&self) -> bool {
        !self.fragments.further.is_empty()
    }

    /// The next packet of the frame that was decoded last, of which only decoding tells that it holds
    /// several: to be asked until there is none.
    #[inline(always)]
    pub fn further<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Result<Packet<'a>, Undecoded>> {
        match self.fragments.further.is_empty() {
            true => None,
            false => self.further_any(frame),
        }
    }

    #[inline(never)]
    fn further_any<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Result<Packet<'a>, Undecoded>> {
        self.fragments.latest = None;
        let further = self.fragments.further.pop_front()?;
        let walk = walk::Walk::new(frame, self.depth, &mut self.fragments, &mut self.joined);
        Some(walk.resume(further))
    }

    /// What became of fragmented datagrams so far.
    #[must_use]
    pub fn fragments(&self) -> FragmentCounts {
        self.fragments.counts()
    }

    /// Source and destination of the packet of which the last frame was a part that could not be decoded
    /// alone, for callers that want all of its frames. Later parts say so only after the first.
    #[must_use]
    pub fn fragment_ends(&self) -> Option<(IpAddr, IpAddr)> {
        self.fragments.latest
    }

    /// The innermost packet of a frame that a stream carried, by the general path.
    ///
    /// # Errors
    ///
    /// See [`Self::decode`].
    pub fn decode_within<'a>(
        &'a mut self,
        frame: &Frame<'a>,
        within: &Within,
    ) -> Result<Packet<'a>, Undecoded> {
        self.fragments.further.clear();
        let depth = self.depth.saturating_sub(within.depth);
        let mut walk = walk::Walk::new(frame, depth, &mut self.fragments, &mut self.joined);
        walk.enter_stream(within)?;
        walk.run(frame)
    }

    /// The general path: the same of a frame that is not [`plain`].
    ///
    /// # Errors
    ///
    /// See [`Self::decode`].
    #[inline(never)]
    pub fn decode_any<'a>(&'a mut self, frame: &Frame<'a>) -> Result<Packet<'a>, Undecoded> {
        self.fragments.latest = None;
        self.fragments.wireguard.shaken = false;
        self.fragments.wlan_keys.shaken = false;
        self.fragments.further.clear();
        walk::Walk::new(frame, self.depth, &mut self.fragments, &mut self.joined).run(frame)
    }
}

/// The packet of a plain frame, as [`Decoder::decode`] gives it; None for whatever that has to look at header
/// by header.
#[inline(always)]
#[must_use]
pub fn plain<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    fast::packet(frame)
}

/// The frames inside a frame that holds several (an 802.11 A-MSDU, a USB transfer, a concatenation of
/// DOCSIS), to be decoded one by one; None for all others. Where earlier frames decide what there is in one,
/// [`Decoder::further`] tells.
#[inline]
#[must_use]
pub fn subframes<'a>(frame: &Frame<'a>) -> Option<impl Iterator<Item = Frame<'a>> + use<'a>> {
    link::subframes(frame)
}

/// GTP-U (3GPP TS 29.281) without UDP before it, as only streams carry it: no file can hold it.
pub const GTP_USER: LinkType = link::GTP_USER;

/// The stream in which a frame was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Within {
    /// That of the stream.
    pub scope: Scope,
    /// Who sent it to whom.
    pub ends: (IpAddr, IpAddr),
    /// Whether its frames are copies of what was seen elsewhere, rather than on their way through it.
    pub copies: bool,
    /// In how many streams it is, each in the next, itself counted.
    pub depth: usize,
}

/// A decoded packet; payloads borrow from the frame or from the fragment buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet<'a> {
    /// VLAN and tunnel stack.
    pub scope: Scope,
    /// The same without what a mirror may put on one direction only: VLAN tags and mirror sessions.
    pub base: Scope,
    /// Source address, innermost.
    pub src: IpAddr,
    /// Destination address, innermost.
    pub dst: IpAddr,
    /// IPv4 TTL or IPv6 hop limit, innermost.
    pub ttl: u8,
    /// Source address of the innermost link header; None where that is a tunnel's IP header.
    pub mac: Option<Mac>,
    /// Whether the capturing host sent it, where the capture says so; None inside tunnels.
    pub by_this_host: Option<bool>,
    /// Which device of the capturing host it crossed, where a capture of all of them says so; None inside tunnels.
    pub device: Option<HostDevice>,
    /// What IP carries.
    pub body: Body<'a>,
}

/// What IP carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body<'a> {
    /// RFC 9293.
    Tcp(Segment<'a>),
    /// RFC 768.
    Udp(Datagram<'a>),
    /// ICMP or ICMPv6 destination unreachable about a packet of ours.
    Unreachable(Unreachable),
    /// Something else, by protocol number.
    Other(u8),
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Segment<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; meaningful with ACK.
    pub ack: u32,
    /// CWR ECE URG ACK PSH RST SYN FIN, as on the wire.
    pub flags: u8,
    /// Receive window, unscaled.
    pub window: u16,
    /// Options, undecoded (see [`Segment::tsval`]).
    pub options: &'a [u8],
    /// Payload as captured.
    pub payload: &'a [u8],
    /// Payload bytes the IP length promises beyond what was captured.
    pub cut: u32,
}

impl Segment<'_> {
    /// FIN flag.
    pub const FIN: u8 = 0x01;
    /// SYN flag.
    pub const SYN: u8 = 0x02;
    /// RST flag.
    pub const RST: u8 = 0x04;
    /// ACK flag.
    pub const ACK: u8 = 0x10;

    /// Whether it may be a part of a frame of a tunnel that looks like TCP (STT) and of which no beginning
    /// was seen. A connection may have such segments, too, if they go to that port; none has to be opened by
    /// one.
    #[must_use]
    pub fn may_be_part(&self) -> bool {
        tunnel::is_later_part(self)
    }

    /// The value of the timestamp option (RFC 7323 section 3.2): the sender's clock.
    #[must_use]
    pub fn tsval(&self) -> Option<u32> {
        self.option(|option| match *option {
            [8, 10, a, b, c, d, ..] => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        })
    }

    /// Whether it carries a signature (RFC 2385, RFC 5925).
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let signature = |option: &[u8]| matches!(option, [19 | 29, ..]).then_some(());
        self.option(signature).is_some()
    }

    /// What the first option tells that tells something; each is followed by all after it.
    fn option<T>(&self, tells: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let mut options = self.options;
        loop {
            if let Some(told) = tells(options) {
                return Some(told);
            }
            options = match *options {
                // End of options; no-operation, which alone has no length either.
                [] | [0, ..] => return None,
                [1, ref rest @ ..] => rest,
                [_, length @ 2..=255, ..] => options.get(usize::from(length)..)?,
                _ => return None,
            }
        }
    }
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Datagram<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Payload as captured.
    pub payload: &'a [u8],
    /// Payload bytes the UDP or IP length promises beyond what was captured.
    pub cut: u32,
}

/// ICMP's word that a packet did not arrive: the flow it quotes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreachable {
    /// Transport of the quoted packet.
    pub transport: Transport,
    /// Its source.
    pub src: (IpAddr, u16),
    /// Its destination.
    pub dst: (IpAddr, u16),
}

#[cfg(test)]
mod tests;
