//! Every encapsulation by hand-made bytes, and properties over all of them.

mod bluetooth;
mod build;
mod cable;
mod carried;
mod carriers;
mod fixtures;
mod headers;
mod keyed;
mod links;
mod lowpan;
mod odd;
mod overlays;
mod properties;
mod radio;
mod rare;
mod sequences;
mod stacks;
mod tunnels;
mod usb;
mod wireguard;

use std::net::IpAddr;

use super::*;
use crate::frame::{FrameNo, InterfaceId};
use crate::time::Timestamp;

/// A packet without borrows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Told {
    pub(super) scope: Scope,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) mac: Option<Mac>,
    pub(super) by_this_host: Option<bool>,
    pub(super) ports: (u16, u16),
    pub(super) payload: Vec<u8>,
    pub(super) cut: u32,
}

/// Decodes one frame that was captured whole.
pub(super) fn decode(link: u32, bytes: &[u8]) -> Result<Told, Undecoded> {
    let mut decoder = Decoder::new(&Limits::default());
    decoder.decode(&frame(link, bytes)).map(told)
}

pub(super) fn frame(link: u32, bytes: &[u8]) -> Frame<'_> {
    Frame {
        no: FrameNo::new(1),
        at: Timestamp::EPOCH,
        link: LinkType(link),
        interface: InterfaceId(0),
        wire_len: u32::try_from(bytes.len()).unwrap(),
        crossing: None,
        comment: None,
        bytes,
    }
}

pub(super) fn told(packet: Packet<'_>) -> Told {
    let (ports, payload, cut) = match packet.body {
        Body::Tcp(tcp) => ((tcp.src_port, tcp.dst_port), tcp.payload, tcp.cut),
        Body::Udp(udp) => ((udp.src_port, udp.dst_port), udp.payload, udp.cut),
        Body::Unreachable(about) => ((about.src.1, about.dst.1), &[][..], 0),
        Body::Other(number) => ((u16::from(number), 0), &[][..], 0),
    };
    Told {
        scope: packet.scope,
        src: packet.src,
        dst: packet.dst,
        mac: packet.mac,
        by_this_host: packet.by_this_host,
        ports,
        payload: payload.to_vec(),
        cut,
    }
}
