//! Capture filters in the language of tcpdump, for live interfaces and files alike.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use pcap::{BpfProgram, Capture, Linktype};

use crate::frame::LinkType;

/// Link types that the text of a filter is tried on: some words exist for one of them only.
const TRIED: [LinkType; 5] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    // IEEE 802.11 with radiotap.
    LinkType(127),
];

/// A filter that libpcap does not understand.
#[derive(Debug, thiserror::Error)]
#[error("the filter '{text}' is not understood: {why}")]
pub struct BpfError {
    text: String,
    why: String,
}

/// What a filter keeps out that an explanation needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hidden {
    /// TLS on port 443 does not pass: the cause of contacts is out of sight.
    Handshakes,
    /// TLS passes, but not QUIC, which is a handshake as well.
    Quic,
    /// DNS does not pass: names are known from handshakes and requests alone.
    Lookups,
    /// HTTP on port 80 does not pass: the contacts themselves are out of sight.
    Contacts,
}

/// A filter, compiled for each link type that turns up.
pub struct Bpf {
    text: String,
    programs: HashMap<LinkType, Option<BpfProgram>>,
}

impl Bpf {
    /// Reads the text of a filter.
    ///
    /// # Errors
    ///
    /// When it makes sense for no link type.
    pub fn new(text: &str) -> Result<Self, BpfError> {
        let mut why = None;
        for link in TRIED {
            match compile(text, link) {
                Ok(_) => {
                    return Ok(Self {
                        text: text.to_owned(),
                        programs: HashMap::new(),
                    });
                }
                Err(error) => why = why.or(Some(error)),
            }
        }
        Err(BpfError {
            text: text.to_owned(),
            why: why.unwrap_or_default(),
        })
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a frame passes. On a link type that the filter makes no sense for (see [`Self::fits`])
    /// nothing does. Lengths that the filter asks for are those captured, not those on the wire.
    pub fn passes(&mut self, link: LinkType, bytes: &[u8]) -> bool {
        // libpcap reads from the pointer of the slice, which an empty one does not have.
        !bytes.is_empty() && self.program(link).is_some_and(|p| p.filter(bytes))
    }

    /// Whether the filter makes sense for a link type.
    pub fn fits(&mut self, link: LinkType) -> bool {
        self.program(link).is_some()
    }

    fn program(&mut self, link: LinkType) -> Option<&BpfProgram> {
        let text = &self.text;
        self.programs
            .entry(link)
            .or_insert_with(|| compile(text, link).ok())
            .as_ref()
    }

    /// What this filter keeps out, told by trying it on made-up packets. Empty when that says nothing,
    /// as for networks that the packets are not from.
    #[must_use]
    pub fn hides(&mut self) -> Vec<Hidden> {
        let hosts: Vec<Ipv4Addr> = self.addresses();
        let other = Ipv4Addr::new(192, 0, 2, 1);
        let mut hidden = Vec::new();
        for host in hosts {
            let mut seen = |protocol, port| {
                let out = packet(protocol, (host, 50_000), (other, port));
                let back = packet(protocol, (other, port), (host, 50_000));
                self.passes(LinkType::ETHERNET, &out) && self.passes(LinkType::ETHERNET, &back)
            };
            let (tls, http, dns) = (seen(TCP, 443), seen(TCP, 80), seen(UDP, 53));
            if (http || dns) && !tls {
                hidden.push(Hidden::Handshakes);
            }
            if tls && !seen(UDP, 443) {
                hidden.push(Hidden::Quic);
            }
            if (tls || dns) && !http {
                hidden.push(Hidden::Contacts);
            }
            if (tls || http) && !dns {
                hidden.push(Hidden::Lookups);
            }
            if !hidden.is_empty() {
                break;
            }
        }
        hidden
    }

    /// Addresses that stand in the text, and one that does not.
    fn addresses(&self) -> Vec<Ipv4Addr> {
        self.text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == ':'))
            .filter_map(|word| match word.parse() {
                Ok(IpAddr::V4(ip)) => Some(ip),
                _ => None,
            })
            .take(8)
            .chain([Ipv4Addr::new(198, 51, 100, 7)])
            .collect()
    }
}

impl std::fmt::Debug for Bpf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bpf").field("text", &self.text).finish()
    }
}

fn compile(text: &str, link: LinkType) -> Result<BpfProgram, String> {
    let number = i32::try_from(link.0).map_err(|_| "no such link type".to_owned())?;
    // Files say 101 for raw IP (LINKTYPE_RAW), while libpcap calls the same 12 in memory (DLT_RAW).
    let number = if link == LinkType::RAW { 12 } else { number };
    let compiled = Capture::dead(Linktype(number)).and_then(|dead| dead.compile(text, true));
    compiled.map_err(|error| plain(&error))
}

/// What libpcap says, without the crate's own prefix.
pub(super) fn plain(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// An Ethernet frame with nothing in it: filters look at headers.
fn packet(protocol: u8, from: (Ipv4Addr, u16), to: (Ipv4Addr, u16)) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    // Version and header length, length, TTL 64.
    frame.extend([0x45, 0, 0, 60, 0, 1, 0, 0, 64, protocol, 0, 0]);
    frame.extend(from.0.octets());
    frame.extend(to.0.octets());
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    if protocol == TCP {
        // Numbers, header length, PSH and ACK, window, no checksum.
        frame.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 255, 255, 0, 0, 0, 0]);
    } else {
        frame.extend([0, 40, 0, 0]);
    }
    frame.resize(74, 0);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hides(text: &str) -> Vec<Hidden> {
        Bpf::new(text).unwrap().hides()
    }

    #[test]
    fn filters_that_hide_the_cause_are_recognised() {
        use Hidden::{Contacts, Handshakes, Lookups, Quic};
        assert_eq!(hides("tcp port 80"), [Handshakes, Lookups]);
        assert_eq!(hides("udp port 53"), [Handshakes, Contacts]);
        assert_eq!(hides("port 443 or port 53"), [Contacts]);
        assert_eq!(hides("tcp or port 53"), [Quic]);
        assert_eq!(hides("tcp"), [Quic, Lookups]);
        assert_eq!(hides("host 10.0.0.5 and port 80"), [Handshakes, Lookups]);
        assert_eq!(hides("host 10.0.0.5"), []);
        assert_eq!(hides("not port 22"), []);
        assert_eq!(hides(""), []);
        // Nothing is known of a network that the text gives no address of.
        assert_eq!(hides("ip6 and net 2001:db8::/32"), []);
    }

    #[test]
    fn each_link_type_has_its_own_program() {
        let mut bpf = Bpf::new("udp port 53").unwrap();
        let frame = packet(UDP, (Ipv4Addr::LOCALHOST, 4_000), (Ipv4Addr::LOCALHOST, 53));
        let (ethernet, ip) = (&frame[..], &frame[14..]);
        assert!(bpf.passes(LinkType::ETHERNET, ethernet));
        assert!(!bpf.passes(LinkType::ETHERNET, ip));
        assert!(bpf.passes(LinkType::RAW, ip));
        assert!(bpf.passes(LinkType::LINUX_SLL, &cooked(ip)));
        assert!(!bpf.passes(LinkType::ETHERNET, &[]));
    }

    fn cooked(ip: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 14];
        frame.extend([8, 0]);
        frame.extend(ip);
        frame
    }

    #[test]
    fn nonsense_is_refused_with_the_reason_of_libpcap() {
        let error = Bpf::new("prot 80").unwrap_err().to_string();
        assert!(error.starts_with("the filter 'prot 80' is not understood: "));
        assert!(Bpf::new("port 80\0").is_err());
    }

    #[test]
    fn a_filter_for_another_link_type_fits_that_alone() {
        let mut bpf = Bpf::new("type mgt subtype beacon").unwrap();
        assert!(!bpf.fits(LinkType::ETHERNET));
        assert!(bpf.fits(LinkType(127)));
    }
}
