//! The few fields by which a packet is counted in a flow that nobody reads any more, and a bare
//! acknowledgement in one that is read: most packets of most captures are bulk data, and of the others every
//! other one says no more than what arrived. Whatever may need more than counting is left to
//! [`super::Decoder::decode`], which finds the same fields (a property test holds the two together).

use super::ip::protocol;
use super::link::ethernet;
use super::scope::{self, Tag};
use super::{Segment, tunnel};
use crate::flow::{Scope, Transport};
use crate::frame::{Frame, LinkType};

/// What counting needs to know of a packet. One that looks like TCP may have a frame in it (STT); there is no
/// flow that it could be counted in, since none is opened by such.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Glance {
    /// TCP, without SYN, FIN and RST; or UDP, without a tunnel inside.
    pub transport: Transport,
    /// VLAN stack.
    pub scope: Scope,
    /// IPv6.
    pub v6: bool,
    /// Source address as a number.
    pub src: u128,
    /// Destination address as a number.
    pub dst: u128,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number of TCP, 0 with UDP.
    pub seq: u32,
    /// Acknowledgement number of TCP, where it means something.
    pub ack: Option<u32>,
    /// Payload bytes on the wire.
    pub len: u32,
}

/// Looks at a plain packet on Ethernet; None for whatever is not, or does more to its flow than add to it.
#[inline(always)]
#[must_use]
pub fn glance(frame: &Frame<'_>) -> Option<Glance> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let (header, mut rest) = frame.bytes.split_first_chunk::<14>()?;
    let &[.., hi, lo] = header;
    let mut ether_type = u16::from_be_bytes([hi, lo]);
    let mut scope = Scope::default();
    for _ in 0..2 {
        if !ethernet::is_vlan(ether_type) {
            break;
        }
        let (&[control_hi, control_lo, hi, lo], inner) = rest.split_first_chunk::<4>()?;
        let id = u16::from_be_bytes([control_hi & 0x0f, control_lo]);
        if id != 0 {
            scope = scope::within(scope, Tag::Vlan, u32::from(id));
        }
        ether_type = u16::from_be_bytes([hi, lo]);
        rest = inner;
    }
    let (number, promised, bytes, v6, src, dst) = match ether_type {
        0x0800 => {
            let (fixed, after) = rest.split_first_chunk::<20>()?;
            let &[first, _, len_hi, len_lo, _, _, frag_hi, frag_lo, ..] = fixed;
            let &[.., number, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = fixed;
            // Without options, and no fragment.
            if first != 0x45 || (frag_hi & 0x3f) | frag_lo != 0 {
                return None;
            }
            let total = usize::from(u16::from_be_bytes([len_hi, len_lo]));
            let src = u32::from_be_bytes([s0, s1, s2, s3]);
            let dst = u32::from_be_bytes([d0, d1, d2, d3]);
            let promised = total.checked_sub(20)?;
            (number, promised, after, false, src.into(), dst.into())
        }
        0x86dd => {
            let (fixed, after) = rest.split_first_chunk::<40>()?;
            let (&[first, _, _, _, len_hi, len_lo, number, _], addresses) =
                fixed.split_first_chunk::<8>()?;
            let (src, dst) = addresses.split_first_chunk::<16>()?;
            let promised = usize::from(u16::from_be_bytes([len_hi, len_lo]));
            if first >> 4 != 6 {
                return None;
            }
            let dst = u128::from_be_bytes(*dst.first_chunk::<16>()?);
            (
                number,
                promised,
                after,
                true,
                u128::from_be_bytes(*src),
                dst,
            )
        }
        _ => return None,
    };
    // What follows the packet is padding; what of it is missing was cut off by the capture, or is in no frame at all.
    let there = bytes.len().min(promised);
    let cut = usize::try_from(frame.wire_len)
        .ok()?
        .saturating_sub(frame.bytes.len())
        .min(promised - there);
    let (&[s0, s1, d0, d1, a, b, c, d], after) = bytes.get(..there)?.split_first_chunk::<8>()?;
    let (src_port, dst_port) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    let (transport, seq, ack, header) = match number {
        protocol::TCP => {
            let &[e, f, g, h, offset, flags, ..] = after.first_chunk::<12>()?;
            if flags & (Segment::SYN | Segment::FIN | Segment::RST) != 0 {
                return None;
            }
            let header = usize::from(offset >> 4) * 4;
            let seq = u32::from_be_bytes([a, b, c, d]);
            let ack = u32::from_be_bytes([e, f, g, h]);
            let ack = (flags & Segment::ACK != 0).then_some(ack);
            let header = Some(header).filter(|len| *len >= 20)?;
            (Transport::Tcp, seq, ack, header)
        }
        protocol::UDP => {
            let length = usize::from(u16::from_be_bytes([a, b]));
            if length != promised || tunnel::may_carry(src_port, dst_port, after) {
                return None;
            }
            (Transport::Udp, 0, None, 8)
        }
        _ => return None,
    };
    Some(Glance {
        transport,
        scope,
        v6,
        src,
        dst,
        src_port,
        dst_port,
        seq,
        ack,
        len: u32::try_from(there.checked_sub(header)? + cut).ok()?,
    })
}
