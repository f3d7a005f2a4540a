//! The general path: one header after the other until a packet stands there.
//!
//! A loop rather than recursion, so that no input decides the stack depth. Every step consumes bytes,
//! moves to a joined datagram (at most [`JOINS`] times) or ends, so it ends.

use std::net::{IpAddr, Ipv4Addr};

use super::defrag::Fragments;
use super::rest::Rest;
use super::scope::{self, Tag};
use super::{Packet, Undecoded, Within, ip, link, tunnel};
use crate::event::{HostDevice, Mac};
use crate::flow::Scope;
use crate::frame::{Crossing, Frame, InterfaceId, LinkType};
use crate::time::Timestamp;

/// How often bytes may be put together inside bytes that were. Tunnels over tunnels reach two, and multilink
/// PPP has Van Jacobson's headers inside.
pub(super) const JOINS: usize = 4;

/// The header that comes next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// A link header by capture link type.
    Link(LinkType, Rest<'a>),
    /// An Ethernet header.
    Ethernet(Rest<'a>),
    /// What an EtherType announces.
    EtherType(u16, Rest<'a>),
    /// An 802.2 LLC header.
    Llc(Rest<'a>),
    /// A label stack.
    Mpls(Rest<'a>),
    /// PPP, with or without address and control bytes.
    Ppp(Rest<'a>),
    /// A packet of X.25.
    X25(Rest<'a>),
    /// IPv4 or IPv6 by the version field.
    Ip(Rest<'a>),
    /// What an IP protocol number announces.
    Payload(u8, Rest<'a>),
    /// The end.
    Packet(Packet<'a>),
}

/// One direction of a link, as far as a capture tells directions apart: what the sender of its frames numbers
/// or remembers holds there alone.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Lane {
    interface: InterfaceId,
    scope: Scope,
    /// Ends of the tunnel that the link is.
    ends: Option<(IpAddr, IpAddr)>,
    session: u32,
    mac: Option<Mac>,
    by_this_host: Option<bool>,
}

impl Lane {
    /// Whether all of its frames have one sender.
    pub(super) const fn one_way(&self) -> bool {
        self.ends.is_some() || self.mac.is_some() || self.by_this_host.is_some()
    }

    /// The link with both of its directions.
    pub(super) fn line(self) -> Self {
        Self {
            mac: None,
            by_this_host: None,
            ends: self
                .ends
                .map(|(one, other)| (one.min(other), one.max(other))),
            ..self
        }
    }

    /// The other direction of a link between the capturing host and another.
    pub(super) fn opposite(self) -> Self {
        Self {
            by_this_host: self.by_this_host.map(|ours| !ours),
            ..self
        }
    }
}

/// A packet behind the first of a frame, and what was learned on the way to both.
#[derive(Debug)]
pub(super) struct Further {
    packet: Inner,
    scope: Scope,
    base: Scope,
    mac: Option<Mac>,
    by_this_host: Option<bool>,
    src: IpAddr,
    dst: IpAddr,
    session: u32,
    depth: usize,
}

/// One of several packets in a frame.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) link: LinkType,
    pub(super) bytes: Vec<u8>,
    /// See [`Rest::cut`].
    pub(super) cut: usize,
}

impl Inner {
    pub(super) const fn whole(link: LinkType, bytes: Vec<u8>) -> Self {
        let cut = 0;
        Self { link, bytes, cut }
    }
}

/// What was learned on the way to the current header.
#[derive(Debug)]
pub(super) struct Walk<'a, 't> {
    pub(super) at: Timestamp,
    interface: InterfaceId,
    pub(super) scope: Scope,
    /// See [`Packet::base`].
    pub(super) base: Scope,
    pub(super) mac: Option<Mac>,
    pub(super) by_this_host: Option<bool>,
    pub(super) device: Option<HostDevice>,
    /// Whether the central end of a radio link sent it, where a sniffer that is neither end says so.
    pub(super) central: Option<bool>,
    /// Innermost addresses so far; meaningful once an IP header was read.
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) ttl: u8,
    /// The receiver's number of a tunnel or session that is not in the scope; 0 for none.
    pub(super) session: u32,
    pub(super) fragments: &'t mut Fragments,
    /// Room for joined datagrams; each is used once.
    joined: &'a mut [Vec<u8>],
    depth: usize,
    /// The datagram that was guessed to be a tunnel, should the guess turn out wrong.
    guessed_from: Option<Packet<'a>>,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) fn new(
        frame: &Frame<'_>,
        depth: usize,
        fragments: &'t mut Fragments,
        joined: &'a mut [Vec<u8>],
    ) -> Self {
        Self {
            at: frame.at,
            interface: frame.interface,
            scope: Scope::default(),
            base: Scope::default(),
            mac: None,
            by_this_host: frame.crossing.map(|way| way == Crossing::Outbound),
            device: None,
            central: None,
            src: Ipv4Addr::UNSPECIFIED.into(),
            dst: Ipv4Addr::UNSPECIFIED.into(),
            ttl: 0,
            session: 0,
            fragments,
            joined,
            depth,
            guessed_from: None,
        }
    }

    pub(super) fn run(self, frame: &Frame<'a>) -> Result<Packet<'a>, Undecoded> {
        self.from(Next::Link(frame.link, Rest::of(frame)))
    }

    /// Reads a packet that [`Self::several`] left for later.
    pub(super) fn resume(mut self, further: Further) -> Result<Packet<'a>, Undecoded> {
        self.scope = further.scope;
        self.base = further.base;
        self.mac = further.mac;
        self.by_this_host = further.by_this_host;
        self.src = further.src;
        self.dst = further.dst;
        self.session = further.session;
        self.depth = further.depth;
        let next = self.inner(further.packet)?;
        self.from(next)
    }

    /// Goes on with the first of some packets, and leaves the others for later; None if there are none.
    pub(super) fn several(
        &mut self,
        packets: impl IntoIterator<Item = Inner>,
    ) -> Result<Option<Next<'a>>, Undecoded> {
        let mut packets = packets.into_iter();
        let Some(first) = packets.next() else {
            return Ok(None);
        };
        let further = packets.map(|packet| Further {
            packet,
            scope: self.scope,
            base: self.base,
            mac: self.mac,
            by_this_host: self.by_this_host,
            src: self.src,
            dst: self.dst,
            session: self.session,
            depth: self.depth,
        });
        self.fragments.further.extend(further);
        self.inner(first).map(Some)
    }

    fn inner(&mut self, packet: Inner) -> Result<Next<'a>, Undecoded> {
        let bytes = self.keep(packet.bytes)?;
        let cut = packet.cut;
        Ok(Next::Link(packet.link, Rest { bytes, cut }))
    }

    fn from(mut self, start: Next<'a>) -> Result<Packet<'a>, Undecoded> {
        let mut next = start;
        loop {
            next = match self.step(next) {
                Ok(Next::Packet(packet)) => return Ok(packet),
                Ok(next) => next,
                Err(why) if why.is_broken() => return self.guessed_from.ok_or(why),
                Err(why) => return Err(why),
            }
        }
    }

    /// Notes which device of the capturing host the frame crossed.
    pub(super) const fn cross(&mut self, index: u32) {
        self.device = Some(HostDevice {
            capture: self.interface,
            index,
        });
    }

    /// Counts one encapsulation.
    pub(super) const fn peel(&mut self) -> Result<(), Undecoded> {
        match self.depth.checked_sub(1) {
            Some(left) => {
                self.depth = left;
                Ok(())
            }
            None => Err(Undecoded::TooDeep),
        }
    }

    /// Adds a number to the scope.
    pub(super) const fn within(&mut self, tag: Tag, value: u32) {
        self.scope = scope::within(self.scope, tag, value);
        self.base = match tag {
            Tag::Vlan => self.base,
            Tag::Mirror => scope::within(self.base, tag, 0),
            _ => scope::within(self.base, tag, value),
        };
    }

    /// Enters a tunnel of the given kind between the current addresses.
    pub(super) fn enter_tunnel(&mut self, kind: u32) -> Result<(), Undecoded> {
        self.peel()?;
        self.within(Tag::Tunnel, kind);
        self.scope = scope::between(self.scope, self.src, self.dst);
        self.base = scope::between(self.base, self.src, self.dst);
        self.leave_link();
        Ok(())
    }

    /// Enters a tunnel between two ends that are known by other than their addresses, which may change.
    pub(super) fn enter_tunnel_of(&mut self, kind: u32, ends: u32) -> Result<(), Undecoded> {
        self.peel()?;
        self.within(Tag::Tunnel, kind);
        self.within(Tag::Tunnel, ends);
        self.leave_link();
        Ok(())
    }

    /// Enters a packet of which there is one in so many.
    pub(super) fn enter_sample(&mut self, kind: u32) -> Result<(), Undecoded> {
        self.enter_tunnel(kind)?;
        self.scope = self.scope.sampled();
        self.base = self.base.sampled();
        Ok(())
    }

    /// Enters a mirrored frame: a copy of what a switch port saw.
    pub(super) fn enter_mirror(&mut self, session: u32) -> Result<(), Undecoded> {
        self.peel()?;
        self.within(Tag::Mirror, session);
        self.leave_link();
        Ok(())
    }

    /// Enters what a stream carries.
    pub(super) fn enter_stream(&mut self, within: &Within) -> Result<(), Undecoded> {
        self.scope = within.scope;
        self.base = within.scope;
        (self.src, self.dst) = within.ends;
        match within.copies {
            true => self.enter_mirror(0),
            false => self.enter_tunnel(tunnel::STREAM),
        }
    }

    /// The direction of the link that the current header came on.
    pub(super) fn lane(&self) -> Lane {
        Lane {
            interface: self.interface,
            scope: self.scope,
            ends: (!self.src.is_unspecified()).then_some((self.src, self.dst)),
            session: self.session,
            mac: self.mac,
            by_this_host: self.by_this_host.or(self.central),
        }
    }

    /// Remembers a datagram that is about to be taken for a tunnel on the word of its port.
    pub(super) const fn guess(&mut self, plain: Packet<'a>) {
        self.guessed_from = Some(plain);
    }

    /// Keeps a joined datagram for as long as the packet lives.
    pub(super) fn keep(&mut self, bytes: Vec<u8>) -> Result<&'a [u8], Undecoded> {
        let joined = std::mem::take(&mut self.joined);
        let Some((slot, left)) = joined.split_first_mut() else {
            return Err(Undecoded::TooDeep);
        };
        self.joined = left;
        *slot = bytes;
        Ok(slot)
    }

    /// What the outer link says does not hold for a packet inside a tunnel: its sender is elsewhere.
    const fn leave_link(&mut self) {
        self.mac = None;
        self.by_this_host = None;
        self.device = None;
    }

    fn step(&mut self, next: Next<'a>) -> Result<Next<'a>, Undecoded> {
        match next {
            Next::Link(link, rest) => link::open(self, link, rest),
            Next::Ethernet(rest) => link::ethernet::header(self, rest),
            Next::EtherType(ether_type, rest) => link::ethernet::ether_type(self, ether_type, rest),
            Next::Llc(rest) => link::llc::header(rest),
            Next::Mpls(rest) => link::mpls::stack(self, rest),
            Next::Ppp(rest) => link::ppp::header(self, rest),
            Next::X25(rest) => link::x25::packet(self, rest),
            Next::Ip(rest) => ip::header(self, rest),
            Next::Payload(protocol, rest) => ip::payload(self, protocol, rest),
            Next::Packet(_) => Ok(next),
        }
    }
}
