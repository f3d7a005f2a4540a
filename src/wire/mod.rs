//! Room 2: a frame's bytes to a packet. Link headers, VLAN and tunnels, IP, defragmentation.

use std::net::IpAddr;

use crate::event::Mac;
use crate::flow::{Scope, Transport};

/// A decoded packet; payloads borrow from the frame or from the fragment buffer.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// VLAN and tunnel stack.
    pub scope: Scope,
    /// Source address, innermost.
    pub src: IpAddr,
    /// Destination address, innermost.
    pub dst: IpAddr,
    /// IPv4 TTL or IPv6 hop limit, innermost.
    pub ttl: u8,
    /// Link-layer source address; None inside tunnels.
    pub mac: Option<Mac>,
    /// Whether the capturing host sent it, where the capture says so.
    pub by_this_host: Option<bool>,
    /// What IP carries.
    pub body: Body<'a>,
}

/// What IP carries.
#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Copy, Debug)]
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
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Copy, Debug)]
pub struct Unreachable {
    /// Transport of the quoted packet.
    pub transport: Transport,
    /// Its source.
    pub src: (IpAddr, u16),
    /// Its destination.
    pub dst: (IpAddr, u16),
}
