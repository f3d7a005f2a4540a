//! A capture filter over the frames of files, whatever their link type.

use std::net::IpAddr;

use crate::capture::bpf::Bpf;
use crate::frame::{Frame, LinkType};
use crate::limits::Limits;
use crate::wire::{Body, Decoder, Packet};

/// A filter, and what reads the frames that libpcap has no filters for.
pub(super) struct Sieve {
    bpf: Bpf,
    decoder: Decoder,
}

impl Sieve {
    pub(super) fn new(bpf: Bpf) -> Self {
        Self {
            bpf,
            decoder: Decoder::new(&Limits::default()),
        }
    }

    /// Whether a frame passes. Where libpcap cannot filter a link type (NFLOG and others), the IP packet in the frame is
    /// asked about, if it holds one.
    pub(super) fn passes(&mut self, frame: &Frame<'_>) -> bool {
        if self.bpf.fits(frame.link) {
            return self.bpf.passes(frame.link, frame.bytes);
        }
        let packet = self.decoder.decode(frame).ok();
        let bytes = packet.and_then(|packet| plain(&packet));
        bytes.is_some_and(|bytes| self.bpf.passes(LinkType::RAW, &bytes))
    }
}

/// A packet as it would be without link layer, options and extension headers.
fn plain(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let (protocol, transport, payload) = match &packet.body {
        Body::Tcp(segment) => {
            let mut header = [segment.src_port, segment.dst_port]
                .map(u16::to_be_bytes)
                .concat();
            header.extend([segment.seq, segment.ack].map(u32::to_be_bytes).concat());
            header.extend([0x50, segment.flags]);
            header.extend(segment.window.to_be_bytes());
            header.extend([0; 4]);
            (6, header, segment.payload)
        }
        Body::Udp(datagram) => {
            let length = u16::try_from(8 + datagram.payload.len()).ok()?;
            let fields = [datagram.src_port, datagram.dst_port, length, 0];
            (17, fields.map(u16::to_be_bytes).concat(), datagram.payload)
        }
        Body::Other(protocol) => (*protocol, Vec::new(), &[][..]),
        Body::Unreachable(_) => return None,
    };
    let length = transport.len() + payload.len();
    let mut bytes = match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let [high, low] = u16::try_from(20 + length).ok()?.to_be_bytes();
            let header = [0x45, 0, high, low, 0, 0, 0, 0, packet.ttl, protocol, 0, 0];
            [&header[..], &src.octets(), &dst.octets()].concat()
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
            let header = [0x60, 0, 0, 0, high, low, protocol, packet.ttl];
            [&header[..], &src.octets(), &dst.octets()].concat()
        }
        _ => return None,
    };
    bytes.extend(transport);
    bytes.extend(payload);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{self, Item};
    use std::path::Path;

    fn passing(file: &str, filter: &str) -> usize {
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/real");
        let mut source = capture::open(&real.join(file)).unwrap();
        let mut sieve = Sieve::new(Bpf::new(filter).unwrap());
        let mut passed = 0;
        while let Some(item) = source.next_item() {
            if let Item::Frame(frame) = item {
                passed += usize::from(sieve.passes(&frame));
            }
        }
        passed
    }

    #[test]
    fn link_types_without_filters_of_their_own_are_filtered_too() {
        let file = "zeek+zeek__testing__btest__Traces__nflog-http.pcap";
        assert_eq!(passing(file, "tcp port 80"), 13);
        assert_eq!(
            passing(file, "tcp dst port 80 and tcp[tcpflags] & tcp-syn != 0"),
            3
        );
        assert_eq!(passing(file, "udp or host 192.0.2.1"), 0);
    }
}
