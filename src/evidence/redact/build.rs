//! Frames: Ethernet, VLAN, IP, transport, with right lengths and checksums.

use std::net::IpAddr;

use super::Rewritten;
use crate::flow::Transport;
use crate::wire::{Datagram, Segment};

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// IPv4 identification 0 with "don't fragment", as RFC 6864 4.1 has it for what is no fragment.
const DONT_FRAGMENT: [u8; 4] = [0, 0, 0x40, 0];

/// Everything before the transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) to: [u8; 6],
    pub(super) from: [u8; 6],
    pub(super) vlan: Option<u16>,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) ttl: u8,
}

/// What may be seen of a payload, and how long it was as captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload<'a> {
    seen: &'a [u8],
    captured: usize,
}

impl<'a> Payload<'a> {
    pub(super) fn new(seen: &'a [u8], captured: usize) -> Self {
        Self {
            seen: seen.get(..captured).unwrap_or(seen),
            captured,
        }
    }
}

/// A TCP segment. Of its options those remain that tell nothing of a host but its clock and its window (RFC 9293 3.2,
/// RFC 7323, RFC 2018); others can hold addresses (RFC 8684 3.4.1).
pub(super) fn tcp(ends: &Ends, segment: &Segment<'_>, payload: Payload<'_>) -> Option<Rewritten> {
    let options = options(segment.options);
    let mut header = Vec::with_capacity(60);
    header.extend(segment.src_port.to_be_bytes());
    header.extend(segment.dst_port.to_be_bytes());
    header.extend(segment.seq.to_be_bytes());
    header.extend(segment.ack.to_be_bytes());
    let words = u8::try_from((20 + options.len()) / 4).ok()?;
    header.extend([words << 4, segment.flags]);
    header.extend(segment.window.to_be_bytes());
    header.extend([0; 4]);
    header.extend(options);
    packet(ends, TCP, header, Some(16), payload, segment.cut)
}

/// A UDP datagram.
pub(super) fn udp(ends: &Ends, datagram: &Datagram<'_>, payload: Payload<'_>) -> Option<Rewritten> {
    let length = payload.captured + 8 + usize::try_from(datagram.cut).ok()?;
    let mut header = Vec::with_capacity(8);
    header.extend(datagram.src_port.to_be_bytes());
    header.extend(datagram.dst_port.to_be_bytes());
    // 0 is a jumbogram (RFC 2675 4) or a length that a network card fills in.
    header.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
    header.extend([0; 2]);
    packet(ends, UDP, header, Some(6), payload, datagram.cut)
}

/// "Host unreachable", quoting as much of the packet as names its flow (RFC 792, RFC 4443 3.1).
pub(super) fn unreachable(
    ends: &Ends,
    transport: Transport,
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
) -> Option<Rewritten> {
    let number = match transport {
        Transport::Tcp => TCP,
        Transport::Udp => UDP,
    };
    let mut quote = Vec::new();
    ip(&mut quote, src.0, dst.0, 64, number, 8)?;
    quote.extend(src.1.to_be_bytes());
    quote.extend(dst.1.to_be_bytes());
    quote.extend([0, 8, 0, 0]);
    let (protocol, kind, code) = match ends.src {
        IpAddr::V4(_) => (ICMP, 3, 1),
        IpAddr::V6(_) => (ICMPV6, 1, 3),
    };
    let header = vec![kind, code, 0, 0, 0, 0, 0, 0];
    let payload = Payload {
        captured: quote.len(),
        seen: &quote,
    };
    packet(ends, protocol, header, Some(2), payload, 0)
}

/// Another protocol, of which nothing is seen but that it was there.
pub(super) fn other(ends: &Ends, protocol: u8) -> Option<Rewritten> {
    let payload = Payload {
        seen: &[],
        captured: 8,
    };
    packet(ends, protocol, Vec::new(), None, payload, 0)
}

/// `checksum` is where in the header the transport's checksum stands.
fn packet(
    ends: &Ends,
    protocol: u8,
    mut header: Vec<u8>,
    checksum: Option<usize>,
    payload: Payload<'_>,
    cut: u32,
) -> Option<Rewritten> {
    let left_out = payload.captured.saturating_sub(payload.seen.len());
    let missing = left_out.checked_add(usize::try_from(cut).ok()?)?;
    let length = header.len() + payload.seen.len() + missing;
    if let Some(at) = checksum {
        let mut sum = Sum::default();
        if protocol != ICMP {
            sum.pseudo_header(ends.src, ends.dst, protocol, length);
        }
        sum.add(&header);
        sum.add(payload.seen);
        // What is missing cannot be summed up; readers do not check frames that are cut.
        let sum = match (sum.finish(), protocol) {
            (0, UDP) => 0xffff,
            (sum, _) => sum,
        };
        header
            .get_mut(at..at + 2)?
            .copy_from_slice(&sum.to_be_bytes());
    }
    let mut bytes = Vec::with_capacity(60 + header.len() + payload.seen.len());
    bytes.extend(ends.to);
    bytes.extend(ends.from);
    if let Some(vlan) = ends.vlan {
        bytes.extend([0x81, 0]);
        bytes.extend(vlan.to_be_bytes());
    }
    bytes.extend(if ends.src.is_ipv4() {
        [8, 0]
    } else {
        [0x86, 0xdd]
    });
    ip(&mut bytes, ends.src, ends.dst, ends.ttl, protocol, length)?;
    bytes.extend(header);
    bytes.extend(payload.seen);
    Some(Rewritten {
        wire_len: u32::try_from(bytes.len() + missing).ok()?,
        bytes,
        crossing: None,
        left_out,
    })
}

/// An IP header. None when the two addresses are of different families.
fn ip(
    out: &mut Vec<u8>,
    src: IpAddr,
    dst: IpAddr,
    ttl: u8,
    protocol: u8,
    length: usize,
) -> Option<()> {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let total = u16::try_from(length + 20).unwrap_or(0).to_be_bytes();
            let mut header = Vec::with_capacity(20);
            header.extend([0x45, 0]);
            header.extend(total);
            header.extend(DONT_FRAGMENT);
            header.extend([ttl, protocol, 0, 0]);
            header.extend(src.octets());
            header.extend(dst.octets());
            let mut sum = Sum::default();
            sum.add(&header);
            header
                .get_mut(10..12)?
                .copy_from_slice(&sum.finish().to_be_bytes());
            out.extend(header);
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
            out.extend([protocol, ttl]);
            out.extend(src.octets());
            out.extend(dst.octets());
        }
        _ => return None,
    }
    Some(())
}

fn options(original: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(40);
    let mut rest = original;
    loop {
        rest = match *rest {
            [1, ref tail @ ..] => {
                kept.push(1);
                tail
            }
            [kind @ 2..=255, length @ 2..=255, ..] => {
                let Some((option, tail)) = rest.split_at_checked(length.into()) else {
                    break;
                };
                match kind {
                    2..=5 | 8 => kept.extend(option),
                    _ => kept.extend(option.iter().map(|_| 1)),
                }
                tail
            }
            _ => break,
        };
    }
    kept.truncate(40);
    kept.resize(kept.len().next_multiple_of(4), 0);
    kept
}

/// The Internet checksum (RFC 1071).
#[derive(Debug, Default)]
struct Sum(u64);

impl Sum {
    /// Only the last piece may be of odd length.
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks(2) {
            let word = match *pair {
                [a, b] => u16::from_be_bytes([a, b]),
                [a] => u16::from_be_bytes([a, 0]),
                _ => 0,
            };
            self.0 += u64::from(word);
        }
    }

    fn pseudo_header(&mut self, src: IpAddr, dst: IpAddr, protocol: u8, length: usize) {
        for ip in [src, dst] {
            match ip {
                IpAddr::V4(v4) => self.add(&v4.octets()),
                IpAddr::V6(v6) => self.add(&v6.octets()),
            }
        }
        self.0 += u64::from(protocol) + (length as u64 & 0xffff) + (length as u64 >> 16);
    }

    fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap_or_default()
    }
}
