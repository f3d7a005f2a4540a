//! Evidence that can be shown to others: frames made anew, of what may be seen alone.
//!
//! Nothing of a frame is copied unless it is known to be harmless; what no rule here understands is left out. A frame
//! is built from what was decoded of it: Ethernet with pseudonyms (a VLAN number stands for its VLAN and tunnel
//! stack), IP with pseudonyms for clients, a transport header without options that could name somebody, and the payload
//! as `clean` leaves it: same length, with what tells of a person or a machine blanked. Payload that no rule knows is
//! cut, as a snap length would cut it. All checksums are right again.
//!
//! Two readings: the first collects the streams of the frames that are kept, since an address may be split between two
//! segments; the second writes.

mod build;
mod clean;
mod dns;
mod http;
mod streams;
mod sweep;
mod talk;
mod tls;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use self::build::{Ends, Payload};
use self::streams::Streams;
use super::Plan;
use crate::event::Name;
use crate::finding::Report;
use crate::flow::Scope;
use crate::frame::{Crossing, Frame, FrameNo, LinkType};
use crate::report::redact::Hider;
use crate::wire::{Body, Packet};

/// VLAN numbers (IEEE 802.1Q 9.6): 0 and 4095 mean none.
const LAST_VLAN: u16 = 4_094;

/// What decides whether something may be seen.
#[derive(Debug)]
struct Rules {
    hider: Hider,
    /// Names that lookups may show: those the report shows.
    names: HashSet<Name>,
    /// Hosts of the contacts.
    hosts: HashSet<Name>,
    /// Addresses that packets may show: the servers of the report.
    servers: HashSet<IpAddr>,
}

impl Rules {
    /// An address in an IP header.
    fn address(&self, ip: IpAddr) -> IpAddr {
        if self.servers.contains(&ip) || means_no_host(ip) {
            self.hider.shown(ip)
        } else {
            self.hider.always(ip)
        }
    }

    /// Whether not even the sites may be seen.
    fn sites(&self) -> bool {
        self.hider.sites()
    }
}

/// Makes the frames of an evidence capture anew.
#[derive(Debug)]
pub struct Redactor {
    rules: Rules,
    streams: Streams,
    scopes: HashMap<Scope, u16>,
}

/// A frame made anew.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// An Ethernet frame.
    pub bytes: Vec<u8>,
    /// Its length with what was left out.
    pub wire_len: u32,
    /// Direction, where the capture told it.
    pub crossing: Option<Crossing>,
    /// Payload bytes that were left out for nobody to see.
    pub left_out: usize,
}

impl Redactor {
    /// For the evidence that `plan` keeps of `report`, which has no pseudonyms yet.
    #[must_use]
    pub fn new(hider: Hider, report: &Report, plan: &Plan) -> Self {
        let hosts: HashSet<Name> = report.findings.iter().map(|f| f.host.clone()).collect();
        let mut names = hosts.clone();
        let mut servers: HashSet<IpAddr> = report
            .findings
            .iter()
            .filter_map(|f| f.server)
            .map(|s| s.ip())
            .collect();
        for lookup in report.lookups.iter().filter(|l| plan.shows(&l.frames)) {
            servers.insert(lookup.server.ip());
            if !hider.sites() {
                names.insert(lookup.name.clone());
            }
        }
        if !hider.sites() {
            servers.extend(report.all_handshakes().map(|h| h.server.ip()));
        }
        Self {
            rules: Rules {
                hider,
                names,
                hosts,
                servers,
            },
            streams: Streams::default(),
            scopes: HashMap::new(),
        }
    }

    /// First reading: takes in a frame that is kept.
    pub fn collect(&mut self, no: FrameNo, packet: &Packet<'_>) {
        if let Body::Tcp(segment) = &packet.body {
            self.streams.take(no, packet, segment);
        }
    }

    /// Between the readings.
    pub fn clean(&mut self) {
        self.streams.clean(&self.rules);
    }

    /// Second reading: a frame that is kept, in the order of the first. `quic` says that its flow is one. None when
    /// nothing of it may be seen.
    pub fn rewrite(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        quic: bool,
    ) -> Option<Rewritten> {
        let vlan = self.vlan(packet.scope)?;
        let station = match frame.link {
            LinkType::ETHERNET => frame.bytes.first_chunk::<6>(),
            _ => None,
        };
        let mac = |octets: [u8; 6]| self.rules.hider.mac(crate::event::Mac(octets)).0;
        let ends = Ends {
            to: station.map_or([0; 6], |octets| mac(*octets)),
            from: packet.mac.map_or([0; 6], |known| mac(known.0)),
            vlan,
            src: self.rules.address(packet.src),
            dst: self.rules.address(packet.dst),
            ttl: packet.ttl,
        };
        let mut made = match &packet.body {
            Body::Tcp(segment) => {
                let seen = self.streams.payload(frame.no, packet, segment);
                build::tcp(&ends, segment, Payload::new(seen, segment.payload.len()))
            }
            Body::Udp(datagram) => {
                let mut bytes = datagram.payload.to_vec();
                let seen = clean::datagram(datagram, &mut bytes, quic, &self.rules);
                let seen = if seen { bytes.as_slice() } else { &[] };
                build::udp(&ends, datagram, Payload::new(seen, datagram.payload.len()))
            }
            Body::Unreachable(about) => {
                let [src, dst] =
                    [about.src, about.dst].map(|(ip, port)| (self.rules.address(ip), port));
                build::unreachable(&ends, about.transport, src, dst)
            }
            Body::Other(protocol) => build::other(&ends, *protocol),
        }?;
        made.crossing = packet.by_this_host.map(|sent| {
            if sent {
                Crossing::Outbound
            } else {
                Crossing::Inbound
            }
        });
        Some(made)
    }

    /// The VLAN that stands for a VLAN and tunnel stack. None when there are no numbers left.
    #[expect(clippy::option_option, reason = "no VLAN is needed, or none is left")]
    fn vlan(&mut self, scope: Scope) -> Option<Option<u16>> {
        if scope == Scope::default() {
            return Some(None);
        }
        let next = u16::try_from(self.scopes.len()).ok()?.checked_add(1)?;
        match self.scopes.get(&scope) {
            Some(known) => Some(Some(*known)),
            None if next <= LAST_VLAN => {
                self.scopes.insert(scope, next);
                Some(Some(next))
            }
            None => None,
        }
    }
}

/// Addresses that mean the same everywhere. A solicited-node address holds the end of a host's own.
const fn means_no_host(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => {
            let [_, middle @ .., _] = v6.segments();
            v6.is_unspecified() || (v6.is_multicast() && matches!(middle, [0, 0, 0, 0, 0, 0]))
        }
    }
}

#[cfg(test)]
mod tests;
