//! A capture filter over the frames of files, whatever their link type.

use std::net::IpAddr;

use crate::capture::bpf::Bpf;
use crate::frame::{Frame, LinkType};
use crate::limits::Limits;
use crate::wire::{Body, Decoder, Packet, Undecoded, subframes};

use super::say;

/// A filter, and what reads the frames that libpcap has no filters for.
pub(super) struct Sieve {
    bpf: Bpf,
    decoder: Decoder,
    /// Whether it was said already that packets inside others are kept out.
    said: bool,
}

impl Sieve {
    pub(super) fn new(bpf: Bpf) -> Self {
        Self {
            bpf,
            decoder: Decoder::new(&Limits::default()),
            said: false,
        }
    }

    /// Whether a frame passes. Where libpcap cannot filter a link type (NFLOG), or looks for IP at one place
    /// of several (PPP without its address byte, loopback of a host with another byte order, Frame Relay),
    /// the IP packet in the frame is asked about, if it holds one; but for filters that speak of that link
    /// type alone.
    pub(super) fn passes(&mut self, frame: &Frame<'_>) -> bool {
        let native = finds_ip(frame.link) || !self.bpf.fits(LinkType::RAW);
        if !native || !self.bpf.fits(frame.link) {
            return self.passes_inside(frame);
        }
        let passes = self.bpf.passes(frame.link, frame.bytes);
        if !passes && !self.said && self.passes_inside(frame) {
            self.said = true;
            say::warning(format_args!(
                "the filter '{0}' keeps out packets inside tags or tunnels (or behind IPv6 extension headers) that it would let through \
                 by themselves, the first in frame {1}: capture filters look at the outermost packet; for tags add \
                 'or (vlan and ({0}))' or 'or (mpls and ({0}))'",
                self.bpf.text(),
                frame.no
            ));
        }
        passes
    }

    /// Whether the IP packet in a frame passes, or one of several.
    fn passes_inside(&mut self, frame: &Frame<'_>) -> bool {
        match subframes(frame) {
            Some(mut parts) => parts.any(|part| self.passes_alone(&part)),
            None => self.passes_alone(frame),
        }
    }

    fn passes_alone(&mut self, frame: &Frame<'_>) -> bool {
        let Self { decoder, bpf, .. } = self;
        let mut passes = |decoded: Result<Packet<'_>, Undecoded>| match decoded {
            Ok(packet) => plain(&packet).is_some_and(|bytes| bpf.passes(LinkType::RAW, &bytes)),
            // Whether its datagram passes is not known yet, and without it the datagram would never be whole;
            // nor would be known what a link agreed on.
            Err(why) => {
                let of_more = matches!(
                    why,
                    Undecoded::FragmentHeld | Undecoded::LinkFragment | Undecoded::LinkControl
                );
                of_more && !finds_ip(frame.link)
            }
        };
        let mut any = passes(decoder.decode(frame));
        while let Some(decoded) = decoder.further(frame) {
            any |= passes(decoded);
        }
        any
    }
}

/// Link types in which libpcap finds IP wherever it may be, and whose own words (addresses, tags, frame
/// types) people filter by.
fn finds_ip(link: LinkType) -> bool {
    const ETHERNET_COOKED_RAW: [u32; 8] = [1, 12, 14, 101, 113, 228, 229, 276];
    const WLAN: [u32; 4] = [105, 119, 127, 163];
    ETHERNET_COOKED_RAW.contains(&link.0) || WLAN.contains(&link.0)
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
    use crate::frame::{FrameNo, InterfaceId};
    use crate::time::Timestamp;
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

    #[test]
    fn what_is_kept_out_by_a_tag_alone_is_told() {
        for (file, text, kept_out) in [
            (
                "zeek+zeek__testing__btest__Traces__http-vlan-0.pcap",
                "tcp port 80",
                true,
            ),
            (
                "zeek+zeek__testing__btest__Traces__q-in-q.pcap",
                "udp",
                true,
            ),
            (
                "zeek+zeek__testing__btest__Traces__q-in-q.pcap",
                "vlan and vlan",
                false,
            ),
            (
                "zeek+zeek__testing__btest__Traces__tls__ocsp-http-get.pcap",
                "tcp port 443",
                false,
            ),
        ] {
            let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/real");
            let mut source = capture::open(&real.join(file)).unwrap();
            let mut sieve = Sieve::new(Bpf::new(text).unwrap());
            while let Some(item) = source.next_item() {
                if let Item::Frame(frame) = item {
                    sieve.passes(&frame);
                }
            }
            assert_eq!(sieve.said, kept_out, "{file} {text}");
        }
    }

    #[test]
    fn ip_is_found_where_libpcap_looks_elsewhere() {
        let ip = {
            let tcp = [
                0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
            ];
            let header = [
                0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 5, 192, 0, 2, 1,
            ];
            [&header[..], &tcp].concat()
        };
        let loopback = [0, 0, 0, 2];
        for (link, before) in [
            // In the byte order of another host; in network order.
            (0, &loopback[..]),
            (108, &loopback),
            (9, &[0, 0x21]),
            (107, &[0x18, 0x41, 3, 0xcc]),
            (178, b"MGC\x02\x02\0\0\0"),
            (
                143,
                &[0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
            ),
            (171, &[0, 44, 1, 2, 0, 16, 3, 4]),
            (230, &[0x41, 0x88, 7, 1, 0, 1, 0, 2, 0, 0x41]),
            (
                258,
                &[&[108, 0, 0, 0, 0, 0, 0, 0, 12][..], &[0; 99]].concat(),
            ),
        ] {
            let bytes = [before, &ip].concat();
            let frame = Frame {
                no: FrameNo::new(1),
                at: Timestamp::EPOCH,
                link: LinkType(link),
                interface: InterfaceId(0),
                wire_len: u32::try_from(bytes.len()).unwrap(),
                crossing: None,
                comment: None,
                bytes: &bytes,
            };
            for (text, passes) in [
                ("port 443", true),
                ("not port 443", false),
                ("src host 10.0.0.5 and tcp[tcpflags] & tcp-syn != 0", true),
                ("udp", false),
            ] {
                let mut sieve = Sieve::new(Bpf::new(text).unwrap());
                assert_eq!(sieve.passes(&frame), passes, "{link} {text}");
            }
        }
    }
}
